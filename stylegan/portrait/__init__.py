"""Drawn portraits: the training pictures of the face generator, with exact labels.

An identity is a latent z ∈ R^64; ``draw`` maps it and the attributes deterministically to a picture.
"""

from __future__ import annotations

from stylegan.portrait.degrade import degrade
from stylegan.portrait.drawing import Portrait, draw
from stylegan.portrait.identity import LATENT_DIM
from stylegan.portrait.labels import SEGMENTS
from stylegan.portrait.sampling import sample_attributes, sample_latent

__all__ = ["LATENT_DIM", "SEGMENTS", "Portrait", "degrade", "draw", "sample_attributes", "sample_latent"]
