"""A user's taste in faces, learnt from ratings: how a face will be liked is told by the rated faces that look like it.

Faces are vectors here (`stylegan.face_space`), ratings are numbers from 1 to 5. Nothing but NumPy is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

LOWEST, HIGHEST = 1, 5
MIDDLE = 3.0
"""What a face is rated where nothing is known of the user."""

NEIGHBOURS = 12
WIDTH = 0.45
"""Reach of a rating, as a share of the usual distance between two faces."""
SHRINKAGE = 0.35
"""Weight of the user's mean rating beside the neighbours', each of which weighs up to 1."""
MEAN_SHRINKAGE = 2.0
"""Ratings that `MIDDLE` counts as in the user's mean."""
DOUBT = 0.3
EVEN = 0.02
"""What any number of a vector matters at least: `DOUBT` divided by the ratings, and this."""

LEAST_EXPLORING = 1 / 12
KNOWN_AT = 18
"""Ratings after which no more than `LEAST_EXPLORING` of a gallery explores."""
SIMILAR = 0.15
"""Faces of one gallery are to lie farther apart than this share of the usual distance."""


@dataclass(frozen=True)
class Ratings:
    """What a user has rated.

    Attributes:
        vectors: [N, D] of the faces.
        values: [N], `LOWEST` … `HIGHEST`.
    """

    vectors: Floats
    values: Floats

    def __len__(self) -> int:
        return len(self.values)


class TasteModel:
    """Predicts ratings: a mean over the nearest rated faces, weighted by nearness and shrunk to the user's mean.

    With weights wᵢ = exp(−dᵢ²/2h²) of the k nearest ratings rᵢ and the user's mean m, a face is expected to be rated
    m + Σ wᵢ(rᵢ − m) / (Σ wᵢ + λ): the kernel regression of Nadaraya and Watson (1964) with a prior of weight λ. Far from
    everything that was rated, and for a user who rated nothing, that is the mean.

    What counts as near is learnt too: a difference in a number of the vector weighs by how much of the ratings that number
    explains beyond chance (squared correlation less 1/N), so that a user who only looks at hair finds faces with such hair
    near each other.

    Args:
        spread: [D], the usual deviation of each number over all faces (`spread_of`).
    """

    def __init__(
        self,
        ratings: Ratings,
        spread: Floats,
        neighbours: int = NEIGHBOURS,
        width: float = WIDTH,
        shrinkage: float = SHRINKAGE,
    ) -> None:
        self._values = np.asarray(ratings.values, np.float64)
        self._neighbours, self._shrinkage = neighbours, shrinkage
        self.mean = float((self._values.sum() + MEAN_SHRINKAGE * MIDDLE) / (len(ratings) + MEAN_SHRINKAGE))
        self.weights = relevance(ratings, spread)
        self._reach = width * float(np.sqrt(2.0 * (spread**2).sum()))
        self._rated = np.asarray(ratings.vectors, np.float64) * self.weights

    def predict(self, vectors: Floats) -> NDArray[np.float64]:
        """The rating that is expected of each face: [M, D] → [M]."""
        if not len(self._values):
            return np.full(len(vectors), self.mean)
        away = distances(vectors * self.weights, self._rated)
        nearest = np.argsort(away, axis=1)[:, : self._neighbours]
        weights = np.exp(-0.5 * (np.take_along_axis(away, nearest, 1) / self._reach) ** 2)
        above = self._values[nearest] - self.mean
        return np.asarray(self.mean + (weights * above).sum(1) / (weights.sum(1) + self._shrinkage), np.float64)


def relevance(ratings: Ratings, spread: Floats) -> NDArray[np.float64]:
    """By what each number of a vector is multiplied before distances are taken: [D]; the usual distance stays as it is."""
    count = len(ratings)
    if count < 2 or np.ptp(ratings.values) == 0:
        return np.ones(len(spread))
    values = np.asarray(ratings.values, np.float64)
    values = (values - values.mean()) / values.std()
    vectors = np.asarray(ratings.vectors, np.float64)
    deviation = vectors.std(0)
    shares = ((vectors - vectors.mean(0)) * values[:, None]).mean(0) / np.where(deviation > 1e-9, deviation, np.inf)
    matters = np.maximum(shares**2 - 1.0 / count, 0.0) + DOUBT / count + EVEN
    return np.asarray(np.sqrt(matters * (spread**2).sum() / (matters * spread**2).sum()), np.float64)


def spread_of(vectors: Floats) -> NDArray[np.float64]:
    """The deviation of each number over many faces: [N, D] → [D]."""
    return np.asarray(np.maximum(np.asarray(vectors, np.float64).std(0), 1e-6), np.float64)


def distances(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Of each row of ``a`` to each of ``b``: [N, D], [M, D] → [N, M]."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2.0 * (a @ b.T)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)), np.float64)


def exploring_share(ratings: int) -> float:
    """How much of a gallery explores: all of it while nothing is rated, a little for ever."""
    return max(LEAST_EXPLORING, 1.0 - ratings / KNOWN_AT)


def next_gallery(ratings: Ratings, candidates: Floats, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Chooses the faces of the next gallery.

    Without ratings they are spread out: each as far as can be from those before it. With ratings, a part of the gallery
    goes on exploring like this, away from what was rated as well, and the rest follows the taste: the faces expected to be
    liked best, none too similar to another.

    Args:
        candidates: [M, D], none of them rated.
        count: how many are wanted; all candidates if there are not so many.

    Returns:
        Indices of candidates, those that follow first.
    """
    count = min(count, len(candidates))
    if not count:
        return np.zeros(0, np.int64)
    spread = spread_of(candidates)
    exploring = round(count * exploring_share(len(ratings)))
    expected = TasteModel(ratings, spread).predict(candidates) + 1e-6 * rng.random(len(candidates))
    apart = SIMILAR * float(np.sqrt(2.0 * (spread**2).sum()))
    chosen = _best_apart(expected, candidates, count - exploring, apart)
    taken = np.concatenate([ratings.vectors, candidates[chosen]]) if len(ratings) else candidates[chosen]
    left = np.setdiff1d(np.arange(len(candidates)), chosen)
    return np.concatenate([chosen, left[spread_out(candidates[left], exploring, rng, taken)]]).astype(np.int64)


def spread_out(vectors: Floats, count: int, rng: np.random.Generator, taken: Floats | None = None) -> NDArray[np.int64]:
    """Farthest-point choice (Gonzalez 1985): indices of ``count`` rows, each the farthest from all chosen before it.

    Args:
        taken: rows [K, D] to keep away from as well; without any, the first choice is random.
    """
    count = min(count, len(vectors))
    if not count:
        return np.zeros(0, np.int64)
    if taken is not None and len(taken):
        away = distances(vectors, taken).min(1)
        chosen = []
    else:
        chosen = [int(rng.integers(len(vectors)))]
        away = distances(vectors, vectors[chosen])[:, 0]
    while len(chosen) < count:
        away[chosen] = -1.0
        chosen.append(int(away.argmax()))
        away = np.minimum(away, distances(vectors, vectors[chosen[-1:]])[:, 0])
    return np.array(chosen, np.int64)


def _best_apart(expected: NDArray[np.float64], vectors: Floats, count: int, apart: float) -> NDArray[np.int64]:
    """The best by what is expected, each at least ``apart`` from those before it as long as there are such."""
    chosen: list[int] = []
    order = np.argsort(-expected)
    near = np.zeros(len(vectors), bool)
    for distant in (True, False):
        for index in order:
            if len(chosen) == count:
                break
            if index not in chosen and not (distant and near[index]):
                chosen.append(int(index))
                near |= distances(vectors, vectors[index : index + 1])[:, 0] < apart
    return np.array(chosen, np.int64)
