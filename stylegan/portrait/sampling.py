"""Random identities and attributes to draw and to train on."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stylegan.portrait.identity import LATENT_DIM


def sample_latent(rng: np.random.Generator) -> NDArray[np.float64]:
    """z ∈ R^64 from the standard normal."""
    return rng.standard_normal(LATENT_DIM)


def sample_attributes(rng: np.random.Generator) -> dict[str, float]:
    """The ten conditions, spread widely over their ranges, in raw units.

    Extremes (shut eyes, a shut mouth) are as frequent as they matter in talk and blinking; the background's
    deviation stays below what its mean allows, √(m·(1−m)).
    """
    mean = float(rng.uniform(0.05, 0.95))
    most = min(0.42, 0.85 * math.sqrt(mean * (1.0 - mean)))
    eyes = float(rng.choice([0.0, rng.uniform(0.0, 1.0), rng.uniform(0.55, 0.9)], p=[0.08, 0.5, 0.42]))
    mouth = float(rng.choice([0.0, rng.uniform(0.0, 1.0), rng.uniform(0.0, 0.25)], p=[0.1, 0.55, 0.35]))
    return {
        "eyes": eyes,
        "mouth": mouth,
        "smile": float(rng.uniform(-1.0, 1.0)),
        "brow": float(rng.uniform(-1.0, 1.0)),
        "pose": float(np.clip(rng.choice([rng.normal(0.0, 14.0), rng.uniform(-45.0, 45.0)]), -45.0, 45.0)),
        "pitch": float(np.clip(rng.choice([rng.normal(0.0, 6.0), rng.uniform(-20.0, 20.0)]), -20.0, 20.0)),
        "hair_color": float(rng.uniform(0.06, 0.93)),
        "hair_length": float(rng.uniform(0.03, 1.0)),
        "background_mean": mean,
        "background_std": float(most * rng.uniform(0.0, 1.0) ** 1.5),
    }
