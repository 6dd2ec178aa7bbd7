"""How well tastes are learnt: simulated users who like faces by a rule that the model is not told.

A simulated user looks at some properties of a face (of hair, of the face itself, of clothes and scene) and likes more or
less of each (``linear``), or likes a certain measure of each best (``peaks``); of categories he likes some better than
others. He rates what he sees from 1 to 5, with noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stylegan.candidates import candidate
from stylegan.face_space import FaceSpace
from stylegan.identity import Face
from stylegan.pictures import Pictures, at_rest
from stylegan.taste import HIGHEST, LOWEST, MIDDLE, Ratings, TasteModel, next_gallery, spread_of

Floats = NDArray[np.float64]
Kind = Literal["linear", "peaks"]

HAIR = (
    "hair_color", "hair_length", "hair_hue", "hair_saturation", "hair_volume", "back_style", "bang_style", "bang_length",
    "side_lock", "hair_flare",
)  # fmt: skip
FACE = (
    "jaw", "cheek", "eye_width", "eye_height", "eye_tilt", "iris_hue", "iris_value", "brow_thickness", "mouth_width",
    "skin_tone", "skin_warmth", "blush", "accessory",
)  # fmt: skip
SCENE = ("clothes_style", "clothes_hue", "clothes_value", "clothes_saturation", "background_mean", "background_hue")
PROPERTIES = HAIR + FACE + SCENE
CATEGORIES = {"back_style": "back", "bang_style": "bang", "clothes_style": "clothes", "accessory": "accessory"}

CARES_FOR = 4
"""Properties that one user looks at."""
SPREAD = 1.1
"""Standard deviation of a user's true liking over all faces, in steps of the rating."""
NOISE = 0.5
PEAK = 0.8
"""Width of a peak, in standard deviations of the property."""


@dataclass(frozen=True)
class Settings:
    """How much is simulated.

    Attributes:
        users: half of each kind.
        faces: candidates that are made and looked at.
        after: numbers of ratings after which predictions are compared.
        rounds: galleries that a user rates.
        gallery: faces of one.
        seed: of users and galleries.
    """

    users: int = 200
    faces: int = 600
    after: tuple[int, ...] = (5, 10, 20, 40)
    rounds: int = 6
    gallery: int = 12
    seed: int = 0


@dataclass
class TasteEvaluation:
    """What was measured, as means over users.

    Attributes:
        error: by number of ratings: mean absolute error of predicted ratings of other faces.
        baseline: the same where the user's mean rating is predicted.
        middle: the same where 3 is.
        rank: by number of ratings: Spearman correlation of what is predicted and what is truly liked; the mean has none.
        ranks: the last of ``rank`` by kind of user and by what he looks at most.
        followed, random: mean true liking of each round's gallery, of the model's choice and of random ones.
        best: mean true liking of the best face seen up to each round; best_random: with random galleries.
        possible: mean true liking of the best face there is.
    """

    faces: int = 0
    users: int = 0
    error: dict[int, float] = field(default_factory=dict)
    baseline: dict[int, float] = field(default_factory=dict)
    middle: dict[int, float] = field(default_factory=dict)
    rank: dict[int, float] = field(default_factory=dict)
    ranks: dict[str, float] = field(default_factory=dict)
    followed: list[float] = field(default_factory=list)
    random: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    best_random: list[float] = field(default_factory=list)
    possible: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def women(count: int, latent_dim: int) -> list[Face]:
    """The first candidates that are women by the renderer's table."""
    from stylegan.portrait.identity import identity_of

    found: list[Face] = []
    number = 0
    while len(found) < count:
        face = candidate(number, latent_dim)
        if identity_of(face.latent).gender:
            found.append(face)
        number += 1
    return found


def vectors_of(faces: Sequence[Face], pictures: Pictures, space: FaceSpace, progress: Callable[[int], None]) -> Floats:
    """Looks at each face at rest: [N, size]."""
    rows = []
    for start in range(0, len(faces), 32):
        part = faces[start : start + 32]
        shown = pictures(np.stack([face.latent for face in part]), [face.showing(at_rest()) for face in part])
        rows.append(space.encode(shown))
        progress(len(part))
    return np.concatenate(rows).astype(np.float64)


def properties_of(faces: Sequence[Face]) -> dict[str, Floats]:
    """Each property of each face, standardised: [N], or the number of its category."""
    from stylegan.portrait.identity import identity_of

    people = [identity_of(face.latent) for face in faces]
    found = {}
    for name in PROPERTIES:
        if name in CATEGORIES:
            found[name] = np.array([getattr(person, CATEGORIES[name]) for person in people], np.float64)
            continue
        values = np.array(
            [
                face.attributes.get(name, person.values.get(name, 0.0))
                for face, person in zip(faces, people, strict=True)
            ]
        )
        found[name] = (values - values.mean()) / max(float(values.std()), 1e-9)
    return found


def true_liking(
    properties: dict[str, Floats], kind: Kind, cares_for: Sequence[str], rng: np.random.Generator
) -> Floats:
    """How a random user truly likes each face: [N], mean `MIDDLE` and deviation `SPREAD`, within the ratings' range."""
    liking = np.zeros(len(next(iter(properties.values()))))
    for name in cares_for:
        values = properties[name]
        if name in CATEGORIES:
            part = rng.standard_normal(int(values.max()) + 1)[values.astype(int)]
        elif kind == "linear":
            part = rng.choice([-1.0, 1.0]) * values
        else:
            part = np.exp(-0.5 * ((values - rng.uniform(-1.5, 1.5)) / PEAK) ** 2)
        liking += rng.uniform(0.4, 1.0) * (part - part.mean()) / max(float(part.std()), 1e-9)
    liking = MIDDLE + SPREAD * (liking - liking.mean()) / max(float(liking.std()), 1e-9)
    return np.asarray(np.clip(liking, LOWEST, HIGHEST), np.float64)


def rated(liking: Floats, rng: np.random.Generator) -> Floats:
    """Ratings as a user gives them: with noise, in whole steps."""
    return np.asarray(np.clip(np.round(liking + NOISE * rng.standard_normal(len(liking))), LOWEST, HIGHEST))


def evaluate(
    vectors: Floats,
    properties: dict[str, Floats],
    settings: Settings,
    progress: Callable[[int], None] = lambda done: None,
) -> TasteEvaluation:
    """Simulates all users.

    Args:
        vectors: [N, D] of the faces, properties: of the same.
        progress: told of every user that is done.
    """
    result = TasteEvaluation(faces=len(vectors), users=settings.users)
    spread = spread_of(vectors)
    learnt: dict[int, list[tuple[float, ...]]] = {count: [] for count in settings.after}
    by_kind: dict[str, list[float]] = {}
    rounds = []
    for number in range(settings.users):
        rng = np.random.default_rng([settings.seed, number])
        kind: Kind = "linear" if number % 2 else "peaks"
        cares_for = rng.choice(PROPERTIES, CARES_FOR, replace=False)
        liking = true_liking(properties, kind, list(cares_for), rng)
        ratings = rated(liking, rng)
        for count in settings.after:
            learnt[count].append(compared(vectors, liking, ratings, count, spread, rng))
        rank = learnt[settings.after[-1]][-1][3]
        by_kind.setdefault(kind, []).append(rank)
        for name, group in (("hair", HAIR), ("face", FACE), ("clothes and scene", SCENE)):
            if sum(each in group for each in cares_for) >= 3:
                by_kind.setdefault(f"mostly {name}", []).append(rank)
        rounds.append(followed(vectors, liking, ratings, settings, rng))
        result.possible += float(liking.max()) / settings.users
        progress(1)
    for count, rows in learnt.items():
        means = [float(np.nanmean([row[at] for row in rows])) for at in range(4)]
        result.error[count], result.baseline[count], result.middle[count], result.rank[count] = means
    result.ranks = {name: float(np.nanmean(values)) for name, values in sorted(by_kind.items())}
    curves = np.mean(rounds, axis=0)
    result.followed, result.best, result.random, result.best_random = (curve.tolist() for curve in curves)
    return result


def compared(
    vectors: Floats, liking: Floats, ratings: Floats, count: int, spread: Floats, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """Learns from ``count`` random ratings; errors of model, mean and middle on all other faces, and rank correlation."""
    order = rng.permutation(len(vectors))
    known, unknown = order[:count], order[count:]
    expected = TasteModel(Ratings(vectors[known], ratings[known]), spread).predict(vectors[unknown])
    asked = ratings[unknown]
    return (
        float(np.abs(expected - asked).mean()),
        float(np.abs(ratings[known].mean() - asked).mean()),
        float(np.abs(MIDDLE - asked).mean()),
        rank_correlation(expected, liking[unknown]),
    )


def followed(
    vectors: Floats, liking: Floats, ratings: Floats, settings: Settings, rng: np.random.Generator
) -> list[list[float]]:
    """One user goes through galleries and rates every face.

    Returns:
        By round: mean liking of the gallery and the best so far, with the model's choice; then the same at random.
    """
    curves = []
    for follows in (True, False):
        seen: list[int] = []
        means, best = [], []
        for _ in range(settings.rounds):
            left = np.setdiff1d(np.arange(len(vectors)), seen)
            if follows:
                known = Ratings(vectors[seen], ratings[seen])
                shown = left[next_gallery(known, vectors[left], settings.gallery, rng)]
            else:
                shown = rng.choice(left, settings.gallery, replace=False)
            seen += shown.tolist()
            means.append(float(liking[shown].mean()))
            best.append(float(liking[seen].max()))
        curves += [means, best]
    return curves


def rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's; ties share their mean rank. nan where one does not vary."""
    from stylegan.metrics import correlation

    def ranks(values: Floats) -> Floats:
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        return np.asarray((np.cumsum(count) - (count - 1) / 2)[place], np.float64)

    return correlation(ranks(a), ranks(b))
