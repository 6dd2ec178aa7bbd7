"""Her memory: what you told her, still true next month.

::

    memories.py     the whole: recall, remember, list, edit, forget; keeps the index up to date in a thread
    store.py        memories, pending work and summaries in SQL, which is the truth; schema.py: the tables
    visibility.py   which memories hold on the branch where the talk stands
    patterns/       plain statements about oneself, by Korean morphemes, a module per subject; clauses.py: who says what
                    of whom; names.py: given names
    extraction.py   the same by the language model; summary.py: its rolling summaries
    gate.py         lets in only what stands in the user's own words, once; supersession.py: what it takes the place of
    dates.py        내일, 다음 주 화요일, 3월 2일: which day that is
    recall.py       scores and chooses; asking.py: 내 이름이 뭐야; keywords.py: BM25; index.py, chroma.py: vectors
    forgetting.py   내 주소 잊어줘: what is meant
    __main__.py     python -m rag; transfer.py: export and import; places.py: where the database is;
                    running.py: through the server that runs
"""
