"""Errors of her memory.

::

    RagError
    ├── BadMemory         a memory that cannot be: empty, too long, an unknown kind or slot, a date that is none
    ├── NoSuchMemory      an id that is not there, was forgotten, or is another account's
    ├── NoSuchAccount     an account that the database does not know
    ├── StoreFailed       the database cannot be used
    ├── IndexFailed       Chroma cannot be used; recall goes on by keywords
    │   └── IndexBusy     another process holds the embedded folder
    ├── EmbedderError     the embedder that was named cannot be loaded
    ├── NoServer          no server runs on the data folder (`rag.running`)
    └── ImportRejected    a file that is not taken in; nothing was changed
"""


class RagError(Exception):
    """Base of the errors. The message is one English sentence: the thing, what was wrong, what to do."""


class BadMemory(RagError):
    pass


class NoSuchMemory(RagError):
    pass


class NoSuchAccount(RagError):
    pass


class StoreFailed(RagError):
    pass


class IndexFailed(RagError):
    pass


class IndexBusy(IndexFailed):
    pass


class EmbedderError(RagError):
    pass


class ImportRejected(RagError):
    pass
