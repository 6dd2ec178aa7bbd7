"""Vectors of memories in Chroma: an index that can be made anew from SQL at any time.

While a changed embedder fills a new collection, the old one serves. How Chroma is used: `rag.chroma`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.chroma import PREFIX, Chroma, digest
from rag.errors import EmbedderError, IndexFailed
from rag.memory import Memory

if TYPE_CHECKING:
    from rag.embedding import Embedder

__all__ = ["Chroma", "Difference", "Scale", "VectorIndex", "collection_name", "difference", "digest", "no_progress"]

logger = logging.getLogger(__name__)

BATCH = 64
"""Memories embedded and written at once: a query waits for one batch at most."""
Progress = Callable[[int, int], None]
"""Called with the number done and the number in all."""


def no_progress(done: int, total: int) -> None:
    pass


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

    def give_own(self, account: str) -> None:
        """Gives an account of many memories a collection of its own, where it has none."""
        if self.serving == self.target and account not in self.chroma.own(self.target):
            self.chroma.give_own(self.target, account)

    def wipe(self) -> None:
        self._serving = None
        self.chroma.wipe()

    def close(self) -> None:
        self._serving = None
        self.chroma.close()
