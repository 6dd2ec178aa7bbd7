"""The trained part of the judge: one logistic regression per category over hashed n-grams."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from character.conduct.categories import CATEGORY_IDS
from character.conduct.errors import ConductError
from character.conduct.features import SIZE, Meaning, vectorize, vectorize_earlier
from character.conduct.normalize import Reading

BUNDLED = Path(__file__).parent.parent / "bundled" / "conduct"
WEIGHTS, CONFIG = "model.safetensors", "config.json"
PLAUSIBILITY_BITS = 16


class ConductModel:
    """Scores of readings.

    Args:
        weights: ``[SIZE, heads]``, eight-bit.
        scales: ``[heads]``, what one step of a weight is worth.
        intercepts: ``[heads]``.
        meaning_weights: ``[dimension, heads]``, for the vector of a text.
        meaning: gives that vector.
        plausibility: ``[2 ** PLAUSIBILITY_BITS]``, log-frequency of pairs of syllables in ordinary talk, eight-bit.
        config: ``heads`` (their names in order; the categories first), ``calibration`` (slope and offset of each
            category) and ``thresholds``.
    """

    def __init__(
        self,
        weights: npt.NDArray[np.int8],
        scales: npt.NDArray[np.float32],
        intercepts: npt.NDArray[np.float32],
        meaning_weights: npt.NDArray[np.float32],
        meaning: Meaning,
        plausibility: npt.NDArray[np.uint8],
        config: dict[str, Any],
    ) -> None:
        self._weights, self._scales, self._intercepts = weights, scales, intercepts
        self._meaning_weights, self._meaning = meaning_weights.astype(np.float32), meaning
        self._plausibility = plausibility
        self.config = config
        self.thresholds: dict[str, float] = config["thresholds"]
        self._calibration = [config["calibration"][category] for category in CATEGORY_IDS]

    @classmethod
    def load(cls, folder: Path) -> ConductModel:
        """Reads ``model.safetensors`` and ``config.json``.

        Raises:
            ConductError: a file is missing or not of this model.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            tensors = load_file(folder / WEIGHTS)
            weights, scales = tensors["weights"], tensors["scales"]
            heads = config["heads"]
            fits = weights.shape == (SIZE, len(heads)) and tuple(heads[: len(CATEGORY_IDS)]) == CATEGORY_IDS
            if not fits:
                raise ConductError(f"conduct model {folder} is for other categories; make it with training.conduct")
            meaning = Meaning.load()
            if meaning.fingerprint != config["embedder"]:
                raise ConductError(
                    f"conduct model {folder} was made with another sentence embedder than the bundled one; "
                    "make it anew with training.conduct"
                )
            rest = tensors["intercepts"], tensors["meaning"], meaning, tensors["plausibility"], config
            return cls(weights, scales, *rest)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ConductError(
                f"conduct model {folder} cannot be read: {error}; make it with training.conduct"
            ) from None

    @property
    def heads(self) -> list[str]:
        """Names of all heads: the categories, then ``severity`` and those of the public sets."""
        names: list[str] = self.config["heads"]
        return names

    def logits(self, reading: Reading) -> npt.NDArray[np.float32]:
        """``[heads]``, uncalibrated."""
        indices, values = vectorize(reading)
        summed: npt.NDArray[np.float32] = values @ self._weights[indices].astype(np.float32)
        return summed * self._scales + self._intercepts + self._meaning.vector(reading) @ self._meaning_weights

    def shift(self, earlier: str) -> npt.NDArray[np.float32]:
        """``[heads]``, what the earlier lines (`earlier_text`) add to the logits of a text."""
        indices, values = vectorize_earlier(earlier)
        summed: npt.NDArray[np.float32] = values @ self._weights[indices].astype(np.float32)
        return summed * self._scales

    def severity(self, logits: npt.NDArray[np.float32]) -> int:
        """1 mild, 2 grave or 3 extreme, given that there is something to object to."""
        graver, gravest = logits[len(CATEGORY_IDS) : len(CATEGORY_IDS) + 2]
        return 1 + int(graver > 0) + int(graver > 0 and gravest > 0)

    def calibrated(self, logits: npt.NDArray[np.float32]) -> dict[str, float]:
        return {
            category: 1 / (1 + math.exp(-max(-30.0, min(30.0, slope * float(logit) + offset))))
            for category, logit, (slope, offset) in zip(CATEGORY_IDS, logits, self._calibration, strict=False)
        }

    def plausible(self, text: str) -> float:
        """How usual the pairs of neighbouring characters are in ordinary talk, on average; higher is more usual."""
        buckets = pairs(text)
        return float(self._plausibility[buckets].mean()) if len(buckets) else 0.0

    def usual(self, first: str, second: str) -> int:
        """How usual two neighbouring characters are, 0–255."""
        mixed = (ord(first) * 1_000_003 + ord(second)) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        return int(self._plausibility[mixed >> (64 - PLAUSIBILITY_BITS)])


def pairs(text: str) -> npt.NDArray[np.int32]:
    """Buckets of the pairs of neighbouring characters of ``text``."""
    codes = np.frombuffer(f" {text} ".encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    mixed = (codes[:-1] * np.uint64(1_000_003) + codes[1:]) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(64 - PLAUSIBILITY_BITS)).astype(np.int32)
