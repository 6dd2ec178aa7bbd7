"""What a reply feels like, for models that write no emotion tag: jamo n-grams and a linear model."""

from __future__ import annotations

import functools
import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from character.emotion import EMOTIONS, Emotion
from character.errors import CharacterError

BUNDLED = Path(__file__).parent / "bundled" / "emotion"
WEIGHTS, CONFIG = "model.safetensors", "config.json"


def to_jamo(text: str) -> str:
    """Hangul syllables taken apart, so that 좋았어 and 좋아 share their beginning."""
    return unicodedata.normalize("NFD", text.lower())


@functools.cache
def _vectorizer(features: int) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        preprocessor=to_jamo,
        analyzer="char_wb",
        ngram_range=(2, 6),
        n_features=features,
        alternate_sign=False,
        norm="l2",
    )


def vectorize(texts: list[str], features: int) -> Any:
    """Sparse ``[len(texts), features]`` of L2-normalised counts of jamo n-grams (2 to 6)."""
    return _vectorizer(features).transform(texts)


class EmotionClassifier:
    """A multinomial logistic regression over jamo n-grams.

    Args:
        coefficients: ``[8, features]``, rows in the order of `EMOTIONS`.
        intercept: ``[8]``.
    """

    def __init__(self, coefficients: npt.NDArray[np.float32], intercept: npt.NDArray[np.float32]) -> None:
        self._coefficients, self._intercept = coefficients, intercept

    @classmethod
    def load(cls, folder: Path) -> EmotionClassifier:
        """Reads ``model.safetensors`` and ``config.json``.

        Raises:
            CharacterError: a file is missing or not of this classifier.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            tensors = load_file(folder / WEIGHTS)
            coefficients, intercept = tensors["coefficients"], tensors["intercept"]
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise CharacterError(f"emotion classifier {folder} cannot be read: {error}") from None
        if tuple(config.get("emotions", ())) != EMOTIONS or coefficients.shape[0] != len(EMOTIONS):
            raise CharacterError(f"emotion classifier {folder} is for other emotions; make it with training.emotion")
        return cls(coefficients.astype(np.float32), intercept.astype(np.float32))

    @classmethod
    def bundled(cls) -> EmotionClassifier:
        return cls.load(BUNDLED)

    def probabilities(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """``[len(texts), 8]``, each row summing to one."""
        scores = vectorize(texts, self._coefficients.shape[1]) @ self._coefficients.T + self._intercept
        exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
        result: npt.NDArray[np.float32] = (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)
        return result

    def judge(self, text: str) -> Emotion:
        """The likeliest emotion of ``text``; the surer, the stronger (0.3–0.9)."""
        row = self.probabilities([text])[0]
        best = int(row.argmax())
        return Emotion(EMOTIONS[best], round(0.3 + 0.6 * float(row[best]), 2))
