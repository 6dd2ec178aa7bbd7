"""Vectors of memories in Chroma: an index that can be made anew from SQL at any time.

Only vectors, ids, accounts, states and digests go into it, never words, so that what is forgotten has nowhere to stay.
A collection's name carries the embedder and its dimension; while a changed embedder fills a new one, the old one serves.

An embedded Chroma folder may be open in one process only: two clients on one folder corrupt it. Whoever holds
``chroma.lock`` beside the folder may open it; anyone else works on SQL alone.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rag.errors import EmbedderError, IndexBusy, IndexFailed
from rag.memory import Memory

if TYPE_CHECKING:
    from rag.embedding import Embedder

logger = logging.getLogger(__name__)

PREFIX = "ohlora-memories-"
FOLDER = "chroma"
LOCK = "chroma.lock"
BATCH = 64
"""Memories embedded and written at once: a query waits for one batch at most."""
PAGE = 2000
_HNSW_HEADER = struct.Struct("<iQQQQ64x")
"""Of hnswlib: version, offset of level 0, capacity and number of elements, bytes of one; the rest is not needed."""
Progress = Callable[[int, int], None]
"""Called with the number done and the number in all."""


def no_progress(done: int, total: int) -> None:
    pass


def digest(memory: Memory) -> str:
    """Changes with everything of a memory that stands in the index."""
    return hashlib.blake2b(f"{memory.account}\n{memory.state}\n{memory.text}".encode(), digest_size=8).hexdigest()


def collection_name(embedder: Embedder) -> str:
    """The collection of an embedder, as Chroma allows names."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", embedder.name).strip("-._") or "embedder"
    return f"{PREFIX}{plain[:200]}-{embedder.dimension}"


@dataclass(frozen=True)
class Difference:
    """Where Chroma differs from SQL: ids that are missing there, out of date, or not in SQL (any more)."""

    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale or self.foreign)


def difference(wanted: Mapping[str, str], known: Mapping[str, str]) -> Difference:
    """Compares digests by id, of SQL and of Chroma."""
    return Difference(
        tuple(memory for memory in wanted if memory not in known),
        tuple(memory for memory, value in wanted.items() if memory in known and known[memory] != value),
        tuple(memory for memory in known if memory not in wanted),
    )


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
        return {c.name: c for c in self._client.list_collections() if c.name.startswith(PREFIX)}

    def collections(self) -> dict[str, dict[str, Any]]:
        """Metadata by name, of our collections."""
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
        with self._lock, self._reported(f"drop collection {name}"):
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

    def remove(self, name: str, ids: Iterable[str]) -> None:
        every = list(ids)
        with self._lock, self._reported("delete"):
            for start in range(0, len(every), PAGE):
                self._get(name).delete(ids=every[start : start + PAGE])

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
        """Cosine similarity (−1 to 1) by id, of the nearest memories of the account."""
        where = {"$and": [{"account": account}, {"state": {"$in": list(states)}}]}
        with self._lock, self._reported("search"):
            found = self._get(name).query(
                query_embeddings=[vector.tolist()], n_results=limit, where=where, include=["distances"]
            )
        return {i: 1.0 - d for i, d in zip(found["ids"][0], found["distances"][0], strict=True)}

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


# Sentences that have nothing to do with each other: what an embedder gives for them is its similarity of nothing.
_UNRELATED = (
    "고양이를 키운다.", "간호사로 일한다.", "전주에서 산다.", "땅콩 알레르기가 있다.", "생일은 3월 2일이다.",
    "주말마다 등산을 간다.", "매운 음식을 좋아한다.", "여동생이 한 명 있다.", "다음 주에 면접이 있다.", "기타를 칠 줄 안다.",
), (
    "와 비 엄청 온다", "너 노래 진짜 잘한다ㅋㅋ", "지금 몇 시야?", "게임에서 또 졌어", "그 영화 결말이 별로였어",
    "버스를 놓쳐 버렸네", "핸드폰 배터리가 없어", "우주는 왜 까만색일까", "머리를 자를까 고민돼", "심심한데 재밌는 얘기 해줘",
)  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """How an embedder's cosine similarity is to be read: each model has its own notion of unrelated."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, embedder: Embedder) -> Scale:
        memories, talk = (embedder.encode(list(texts)) for texts in _UNRELATED)
        similarities = memories @ talk.T
        return cls(float(similarities.mean()), float(similarities.std()))

    def meaning(self, similarity: float, deviations: float) -> float:
        """0 for what is less similar than unrelated sentences are (``deviations`` above their mean), 1 for the same."""
        floor = min(self.mean + deviations * self.deviation, 0.95)
        return min(1.0, max(0.0, (similarity - floor) / (1 - floor)))


@dataclass
class Serving:
    """The collection that answers, the embedder its vectors come from, and how that one's similarities are read."""

    collection: str
    embedder: Embedder
    scale: Scale


class VectorIndex:
    """Memories by meaning: an embedder and a Chroma together.

    Args:
        chroma: where the vectors are.
        setting: the name the embedder is loaded by, kept with the collection so that an old one can serve on.
        load: loads an embedder; may raise anything.
    """

    def __init__(self, chroma: Chroma, setting: str, load: Callable[[str], Embedder]) -> None:
        self.chroma = chroma
        self._setting = setting
        self._load = load
        self._embedder: Embedder | None = None
        self._serving: Serving | None = None

    @property
    def embedder(self) -> Embedder:
        """The embedder that was set.

        Raises:
            EmbedderError: it cannot be loaded.
        """
        if self._embedder is None:
            try:
                self._embedder = self._load(self._setting)
            except Exception as error:  # whatever a foreign model fails with; memories are then found by keywords
                raise EmbedderError(f"embedder {self._setting!r} cannot be loaded: {error}") from error
        return self._embedder

    @property
    def target(self) -> str:
        return collection_name(self.embedder)

    @property
    def serving(self) -> str | None:
        """The collection that answers now; None where recall goes by keywords alone."""
        return self._serving.collection if self._serving else None

    def _metadata(self, complete: bool) -> dict[str, Any]:
        return {"embedder": self.embedder.name, "setting": self._setting, "complete": complete}

    def open(self) -> None:
        """Opens Chroma and finds the collection to answer from: the embedder's own, or an older one meanwhile.

        Raises:
            IndexFailed, IndexBusy
        """
        self.chroma.open()
        there = self.chroma.collections()
        if there.get(self.target, {}).get("complete"):
            self._serving = Serving(self.target, self.embedder, Scale.of(self.embedder))
            return
        self.chroma.create(self.target, self._metadata(complete=False))
        for name, metadata in there.items():
            if name != self.target and metadata.get("complete") and self._serve_old(name, metadata):
                break

    def _serve_old(self, name: str, metadata: Mapping[str, Any]) -> bool:
        setting = str(metadata.get("setting"))
        try:
            embedder = self._load(setting)
        except Exception as error:  # an old model that is gone is no loss: keywords serve until the new index stands
            logger.info("memory index %s cannot serve meanwhile: embedder %r: %s", name, setting, error)
            return False
        if collection_name(embedder) != name:
            return False
        self._serving = Serving(name, embedder, Scale.of(embedder))
        return True

    def put(self, found: Sequence[Memory], progress: Progress = no_progress) -> None:
        """Embeds and writes memories into the embedder's own collection."""
        for start in range(0, len(found), BATCH):
            part = found[start : start + BATCH]
            self.chroma.put(self.target, part, self.embedder.encode([memory.text for memory in part]))
            progress(min(start + BATCH, len(found)), len(found))

    def remove(self, ids: Sequence[str]) -> None:
        """Takes ids out of every collection, so that an old one does not keep what was forgotten."""
        for name in self.chroma.collections():
            self.chroma.remove(name, ids)

    def difference(self, wanted: Mapping[str, str]) -> Difference:
        return difference(wanted, self.chroma.known(self.target))

    def probe(self, memory: Memory) -> None:
        """Looks for one memory by its own words: whether the vectors can be read at all.

        Raises:
            IndexFailed: they cannot.
        """
        vector = self.embedder.encode([memory.text])[0]
        if not self.chroma.query(self.target, vector, memory.account, [memory.state], 1):
            raise IndexFailed(f"Chroma at {self.chroma.place} does not find what it holds")

    def complete(self) -> None:
        """The embedder's own collection is whole: it serves from now on, and older ones go."""
        if not self.chroma.collections().get(self.target, {}).get("complete"):
            self.chroma.describe(self.target, self._metadata(complete=True))
        self._serving = Serving(self.target, self.embedder, Scale.of(self.embedder))
        for name in self.chroma.collections():
            if name != self.target:
                self.chroma.drop(name)

    def query(
        self, account: str, text: str, states: Sequence[str], limit: int, deviations: float
    ) -> dict[str, tuple[float, float]]:
        """Cosine similarity and meaning (0–1, see `Scale`) by id, the nearest first; empty while nothing serves.

        Raises:
            IndexFailed
        """
        serving = self._serving
        if serving is None:
            return {}
        vector = serving.embedder.encode([text])[0]
        near = self.chroma.query(serving.collection, vector, account, states, limit)
        return {memory: (value, serving.scale.meaning(value, deviations)) for memory, value in near.items()}

    def wipe(self) -> None:
        self._serving = None
        self.chroma.wipe()

    def close(self) -> None:
        self._serving = None
        self.chroma.close()
