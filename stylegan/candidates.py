"""Faces that a user may choose from: numbered, so that a number is all that has to be remembered of one."""

from __future__ import annotations

import numpy as np

from stylegan.identity import Face

SEED = 20
"""Another one would number other people."""

_RANGES = {
    "hair_color": (0.08, 0.85),
    "hair_length": (0.25, 1.0),
    "background_mean": (0.25, 0.9),
    "background_std": (0.02, 0.12),
}


def candidate(number: int, latent_dim: int) -> Face:
    """The face of this number: a random identity with hair and a quiet scene of its own, always the same."""
    rng = np.random.default_rng([SEED, number])
    latent = rng.standard_normal(latent_dim).astype(np.float32)
    scene = {name: round(float(rng.uniform(low, high)), 3) for name, (low, high) in _RANGES.items()}
    return Face(latent, scene)
