"""Her memory: what you told her, still true next month.

::

    memories.py     the whole: recall, remember, list, edit, forget; keeps the index up to date in a thread
    store.py        memories, pending work and summaries in SQL, which is the truth; schema.py: the tables
    visibility.py   which memories hold on the branch where the talk stands
    patterns.py     plain statements about oneself, by Korean morphemes; clauses.py: who says what of whom
    extraction.py   the same by the language model; summary.py: its rolling summaries
    gate.py         lets in only what stands in the user's own words, once, the new in the place of the old
    dates.py        내일, 다음 주 화요일, 3월 2일: which day that is
    recall.py       scores and chooses; asking.py: 내 이름이 뭐야; keywords.py: BM25; index.py: Chroma
    forgetting.py   내 주소 잊어줘: what is meant
    __main__.py     python -m rag; transfer.py: export and import; places.py: where the database is
"""
