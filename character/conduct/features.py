"""What the model sees of a reading: hashed n-grams of its letters and of its sound, its meaning, and what was said before.

Its meaning is the mean of the vectors of its word pieces, from the bundled sentence embedder of her memory: so a word
that no example has is known by its neighbours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from character.conduct.curses import mark
from character.conduct.errors import ConductError
from character.conduct.hangul import letters
from character.conduct.judgement import Line
from character.conduct.normalize import Reading, fold
from rag.embedding import BUNDLED_FOLDER

BITS = 18
SIZE = 1 << BITS
WRITTEN, SOUND, EARLIER = (2, 5), (3, 6), (3, 5)
"""Lengths of the n-grams of each view."""
EARLIER_SHARE = 0.35
"""Length of the part of what was said before, against 1 for the text."""
MEANING_SHARE = 2.0
"""Length of the meaning, against 1 for the n-grams."""
_PRIME = np.uint64(0x9E3779B97F4A7C15)

Vector = tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]
"""Indices below `SIZE` and their values."""


def _buckets(text: str, lengths: tuple[int, int], seed: int) -> npt.NDArray[np.int32]:
    """Buckets of all n-grams of ``text``, each once."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    parts = []
    rolling = np.full(len(codes), seed, np.uint64)
    for length in range(1, lengths[1] + 1):
        if length > len(codes):
            break
        rolling = rolling[: len(codes) - length + 1] * np.uint64(1_000_003) + codes[length - 1 :]
        if length >= lengths[0]:
            mixed = (rolling ^ (rolling >> np.uint64(31))) * _PRIME
            parts.append((mixed >> np.uint64(64 - BITS)).astype(np.int32))
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int32)


def earlier_text(recent: Sequence[Line]) -> str:
    """The last line of hers and the last two of the user, folded, each with a sign of who said it."""
    hers = [f"\x01{line.text[-120:]}" for line in recent if line.role == "assistant"][-1:]
    his = [f"\x02{line.text[-120:]}" for line in recent if line.role == "user"][-2:]
    return "".join(line[0] + letters(mark(fold(line[1:]))) for line in hers + his)


def vectorize(reading: Reading) -> Vector:
    """The features of one reading, of length 1."""
    buckets = np.concatenate(
        [
            _buckets(f" {letters(reading.written)} ", WRITTEN, 1),
            _buckets(f"\x03{reading.sound}\x04", SOUND, 2),
        ]
    )
    return buckets, np.full(len(buckets), 1 / max(1, len(buckets)) ** 0.5, np.float32)


def vectorize_earlier(earlier: str) -> Vector:
    """The features of what was said before (`earlier_text`), of length `EARLIER_SHARE`."""
    buckets = _buckets(earlier, EARLIER, 3)
    return buckets, np.full(len(buckets), EARLIER_SHARE / max(1, len(buckets)) ** 0.5, np.float32)


class Meaning:
    """Vectors of texts.

    Args:
        tokenizer: of the ``tokenizers`` library.
        table: ``[word pieces, dimension]``.
        fingerprint: identifies the table.
    """

    def __init__(self, tokenizer: Any, table: npt.NDArray[np.float32], fingerprint: str) -> None:
        self._tokenizer, self._table, self.fingerprint = tokenizer, table, fingerprint

    @classmethod
    def load(cls, folder: Path = BUNDLED_FOLDER) -> Meaning:
        """Reads a static embedder: ``tokenizer.json`` and a table of word pieces.

        Raises:
            ConductError: the folder holds none.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
            table = load_file(folder / "model.safetensors")["embedding.weight"]
            fingerprint = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:16]
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ConductError(f"the word pieces of {folder} cannot be read: {error}") from None
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(tokenizer, table, fingerprint)

    @property
    def dimension(self) -> int:
        return int(self._table.shape[1])

    def vector(self, reading: Reading) -> npt.NDArray[np.float32]:
        """``[dimension]``, of length `MEANING_SHARE`, or of 0 for a reading without words."""
        pieces = self._tokenizer.encode(reading.readable, add_special_tokens=False).ids
        if not pieces:
            return np.zeros(self.dimension, np.float32)
        mean: npt.NDArray[np.float32] = self._table[pieces].astype(np.float32).mean(axis=0)
        return mean * np.float32(MEANING_SHARE / max(1e-6, float(np.linalg.norm(mean))))
