"""Chroma as her index uses it: a client, our collections in it, and whose the vectors are.

Only vectors, ids, accounts, states and digests go into it, never words, so that what is forgotten has nowhere to stay.
A collection's name carries the embedder and its dimension. Chroma pays for a filter with time for each record that
passes it; an account of many memories therefore also has a collection of its own, which needs no filter.

An embedded Chroma folder may be open in one process only: two clients on one folder corrupt it. Whoever holds
``chroma.lock`` beside the folder may open it; anyone else works on SQL alone.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from rag.errors import IndexBusy, IndexFailed
from rag.memory import Memory

PREFIX = "ohlora-memories-"
FOLDER = "chroma"
LOCK = "chroma.lock"
PAGE = 2000
_HNSW_HEADER = struct.Struct("<iQQQQ64x")
"""Of hnswlib: version, offset of level 0, capacity and number of elements, bytes of one; the rest is not needed."""
OWN = ".own-"


def digest(memory: Memory) -> str:
    """Changes with everything of a memory that stands in the index."""
    return hashlib.blake2b(f"{memory.account}\n{memory.state}\n{memory.text}".encode(), digest_size=8).hexdigest()


def own_name(name: str, account: str) -> str:
    """The collection of one account beside the collection ``name``."""
    return f"{name}{OWN}{hashlib.blake2b(account.encode(), digest_size=10).hexdigest()}"


def refuse_truncated(folder: Path) -> None:
    """Compares the sizes of the vector files with what their header promises: hnswlib reads beyond a file that was cut
    off and takes the whole process with it.

    Raises:
        IndexFailed: a file is shorter than its header says, or the header itself is cut off.
    """
    for header in folder.glob("*/header.bin"):
        try:
            fields = _HNSW_HEADER.unpack_from(header.read_bytes())
        except (struct.error, OSError) as error:
            raise IndexFailed(f"index file {header} cannot be read: {error}") from None
        _, _, capacity, elements, element_bytes = fields
        if elements > capacity:
            raise IndexFailed(f"index file {header} is damaged")
        for name, size in (("data_level0.bin", capacity * element_bytes), ("length.bin", capacity * 4)):
            file = header.with_name(name)
            if not file.is_file() or file.stat().st_size < size:
                raise IndexFailed(f"index file {file} is cut off: {size} bytes are expected")
        links = header.with_name("link_lists.bin")
        if not links.is_file() or not _holds_links(links.read_bytes(), elements):
            raise IndexFailed(f"index file {links} is cut off")


def _holds_links(content: bytes, elements: int) -> bool:
    """Whether there is a list of links, its length before it, for every element."""
    at = 0
    for _ in range(elements):
        if at + 4 > len(content):
            return False
        at += 4 + int.from_bytes(content[at : at + 4], "little")
    return at <= len(content)


class Chroma:
    """A Chroma client on the data folder or at a URL. Thread-safe; every failure comes out as `IndexFailed`.

    Args:
        data: the data folder; Chroma's own folder stands in it.
        url: ``http://…`` or ``https://…`` of a Chroma server of one's own; empty for the embedded one.
    """

    def __init__(self, data: Path, url: str = "") -> None:
        self.folder = data / FOLDER
        self.url = url
        self._lock_file = data / LOCK
        self._held: IO[str] | None = None
        self._client: Any = None
        self._inode: int | None = None
        self._lock = threading.RLock()
        self._own: dict[str, str] = {}
        """Account by name, of the collections of one account that are whole."""

    @property
    def place(self) -> str:
        return self.url or str(self.folder)

    @property
    def embedded(self) -> bool:
        return not self.url

    def open(self) -> None:
        """Opens the client; harmless where it is open.

        Raises:
            IndexFailed: another process holds the folder, it is damaged, or the server does not answer.
        """
        with self._lock:
            if self._client is not None:
                return
            if self.embedded:
                self._hold()
            with self._reported("open"):
                self._client = self._connect()
                self._client.heartbeat()
                self._client.list_collections()
                self._inode = self._database_inode()
                self._own = {}
                for collection in self._client.list_collections():
                    metadata = collection.metadata or {}
                    if OWN in collection.name and collection.name.startswith(PREFIX) and metadata.get("complete"):
                        self._own[collection.name] = str(metadata["account"])

    def _connect(self) -> Any:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        if self.embedded:
            self.folder.mkdir(parents=True, exist_ok=True)
            refuse_truncated(self.folder)
            return chromadb.PersistentClient(path=str(self.folder), settings=settings)
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise IndexFailed(f"--chroma {self.url!r} is no URL; write http://host:port")
        secure = parts.scheme == "https"
        return chromadb.HttpClient(
            host=parts.hostname, port=parts.port or (443 if secure else 8000), ssl=secure, settings=settings
        )

    def _hold(self) -> None:
        if self._held is not None:
            return
        import fcntl

        try:
            self._lock_file.parent.mkdir(parents=True, exist_ok=True)
            file = self._lock_file.open("a")
        except OSError as error:
            raise IndexFailed(f"index {self.folder} cannot be used: {error.strerror or error}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise IndexBusy(
                f"index {self.folder} is open in another process (the server?); working on the database alone"
            ) from None
        self._held = file

    @contextmanager
    def _reported(self, doing: str) -> Iterator[None]:
        try:
            yield
        except IndexFailed:
            raise
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # Chroma's Rust core panics with an exception that is no Exception
            line = " ".join(str(error).split())[:200] or type(error).__name__
            raise IndexFailed(f"Chroma at {self.place} failed to {doing}: {line}") from error

    def _database_inode(self) -> int | None:
        if not self.embedded:
            return None
        with suppress(OSError):
            return (self.folder / "chroma.sqlite3").stat().st_ino
        return None

    def gone(self) -> bool:
        """Whether the embedded folder was deleted or replaced under the open client, which would not notice."""
        return self._client is not None and self.embedded and self._database_inode() != self._inode

    def _collections(self) -> dict[str, Any]:
        there = self._client.list_collections()
        return {c.name: c for c in there if c.name.startswith(PREFIX) and OWN not in c.name}

    def collections(self) -> dict[str, dict[str, Any]]:
        """Metadata by name, of our collections, without those of single accounts."""
        with self._lock, self._reported("list collections"):
            return {name: dict(c.metadata or {}) for name, c in self._collections().items()}

    def create(self, name: str, metadata: Mapping[str, Any]) -> None:
        """Makes the collection where it is missing."""
        with self._lock, self._reported(f"make collection {name}"):
            self._client.get_or_create_collection(
                name, metadata=dict(metadata), configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
            )

    def describe(self, name: str, metadata: Mapping[str, Any]) -> None:
        with self._lock, self._reported(f"describe collection {name}"):
            self._get(name).modify(metadata=dict(metadata))

    def drop(self, name: str) -> None:
        """Removes a collection, and those of single accounts beside it."""
        with self._lock, self._reported(f"drop collection {name}"):
            for other in [c.name for c in self._client.list_collections() if c.name.startswith(name + OWN)]:
                self._own.pop(other, None)
                self._client.delete_collection(other)
            self._client.delete_collection(name)

    def _get(self, name: str) -> Any:
        return self._client.get_collection(name, embedding_function=None)

    def put(self, name: str, found: Sequence[Memory], vectors: Any) -> None:
        """Adds or replaces memories."""
        if not found:
            return
        metadatas = [{"account": m.account, "state": m.state, "digest": digest(m)} for m in found]
        with self._lock, self._reported("write"):
            self._get(name).upsert(ids=[m.id for m in found], embeddings=vectors, metadatas=metadatas)
            for account in {m.account for m in found}:
                if (own := own_name(name, account)) in self._own:
                    at = [index for index, m in enumerate(found) if m.account == account]
                    self._get(own).upsert(
                        ids=[found[i].id for i in at], embeddings=[vectors[i] for i in at],
                        metadatas=[metadatas[i] for i in at],
                    )  # fmt: skip

    def remove(self, name: str, ids: Iterable[str]) -> None:
        every = list(ids)
        with self._lock, self._reported("delete"):
            for start in range(0, len(every), PAGE):
                for each in [name, *(own for own in self._own if own.startswith(name + OWN))]:
                    self._get(each).delete(ids=every[start : start + PAGE])

    def known(self, name: str) -> dict[str, str]:
        """Digests by id, of the whole collection."""
        found: dict[str, str] = {}
        while True:
            with self._lock, self._reported("read"):
                page = self._get(name).get(include=["metadatas"], limit=PAGE, offset=len(found))
            if not page["ids"]:
                return found
            before = len(found)
            found |= {i: str((m or {}).get("digest")) for i, m in zip(page["ids"], page["metadatas"], strict=True)}
            if len(found) == before:
                return found

    def query(self, name: str, vector: Any, account: str, states: Sequence[str], limit: int) -> dict[str, float]:
        """Cosine similarity (−1 to 1) by id, of those of the ``limit`` nearest memories of the account that are in one of
        these states."""
        own = own_name(name, account)
        where = None if own in self._own else {"account": account}
        with self._lock, self._reported("search"):
            found = self._get(name if where else own).query(
                query_embeddings=[vector.tolist()], n_results=limit, where=where, include=["distances", "metadatas"]
            )
        near = zip(found["ids"][0], found["distances"][0], found["metadatas"][0], strict=True)
        return {i: 1.0 - distance for i, distance, m in near if m["account"] == account and m["state"] in states}

    def own(self, name: str) -> dict[str, str]:
        """Names by account, of the collections of single accounts beside ``name`` that are whole."""
        return {account: own for own, account in self._own.items() if own.startswith(name + OWN)}

    def give_own(self, name: str, account: str) -> None:
        """Makes a collection of the account's own from what stands in ``name``."""
        own, metadata = own_name(name, account), {"account": account}
        with self._lock, self._reported(f"make collection {own}"):
            self._drop_own(own)
            made = self._client.get_or_create_collection(
                own, metadata=metadata | {"complete": False}, configuration={"hnsw": {"space": "cosine"}},
                embedding_function=None,
            )  # fmt: skip
            done = 0
            while True:
                page = self._get(name).get(
                    where={"account": account}, include=["metadatas", "embeddings"], limit=PAGE, offset=done
                )
                if not page["ids"]:
                    break
                made.upsert(ids=page["ids"], embeddings=page["embeddings"], metadatas=page["metadatas"])
                done += len(page["ids"])
            made.modify(metadata=metadata | {"complete": True})
            self._own[own] = account

    def _drop_own(self, own: str) -> None:
        self._own.pop(own, None)
        if own in {c.name for c in self._client.list_collections()}:
            self._client.delete_collection(own)

    def check_own(self, name: str) -> None:
        """Drops collections of single accounts that do not hold what ``name`` holds of them, for instance after a kill."""
        with self._lock, self._reported("compare collections"):
            for account, own in self.own(name).items():
                held = set(self._get(own).get(include=[])["ids"])
                if not held or held != set(self._get(name).get(where={"account": account}, include=[])["ids"]):
                    self._drop_own(own)

    def wipe(self) -> None:
        """Throws everything of ours away: the whole folder of an embedded Chroma, our collections of a server."""
        with self._lock:
            if not self.embedded:
                self.open()
                for name in self.collections():
                    self.drop(name)
                return
            self._hold()
            self._let_go()
            try:
                if self.folder.is_symlink() or self.folder.is_file():
                    self.folder.unlink()
                elif self.folder.exists():
                    shutil.rmtree(self.folder)
            except OSError as error:
                raise IndexFailed(f"index {self.folder} cannot be removed: {error.strerror or error}") from None

    def _let_go(self) -> None:
        self._own = {}
        client, self._client = self._client, None
        if client is None:
            return
        with suppress(IndexFailed), self._reported("close"):  # what is being thrown away may fail to close
            client.close()
            if not self.embedded:  # Chroma leaves its connections open
                client._server._session.close()

    def close(self) -> None:
        """Closes the client and gives the folder free."""
        with self._lock:
            self._let_go()
            if self._held is not None:
                self._held.close()
                self._held = None
