"""Overviews of many portraits in one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylegan.attributes import ATTRIBUTES
from stylegan.errors import CannotWrite
from stylegan.portrait.drawing import Image, draw
from stylegan.portrait.sampling import sample_attributes, sample_latent

SWEPT = (
    "eyes",
    "mouth",
    "smile",
    "brow",
    "pose",
    "pitch",
    "hair_color",
    "hair_length",
    "background_mean",
    "background_std",
)


def _tiled(rows: list[list[NDArray[np.uint8]]]) -> Image:
    return np.concatenate([np.concatenate(row, 1) for row in rows])


def contact_sheet(columns: int, rows: int, size: int, seed: int) -> Image:
    """Random portraits: uint8 [rows·size, columns·size, 3]."""
    pictures = []
    for index in range(columns * rows):
        rng = np.random.default_rng([seed, index])
        pictures.append(draw(sample_latent(rng), sample_attributes(rng), size).image)
    return _tiled([pictures[row * columns : (row + 1) * columns] for row in range(rows)])


def attribute_sweep(steps: int, size: int, seed: int) -> Image:
    """One row per attribute of ``SWEPT``, each of another person: uint8 [10·size, steps·size, 3]."""
    rows = []
    for place, name in enumerate(SWEPT):
        rng = np.random.default_rng([seed, place])
        latent, still = sample_latent(rng), {key: a.neutral for key, a in ATTRIBUTES.items()}
        still |= {
            "background_mean": 0.6,
            "hair_color": float(rng.uniform(0.15, 0.8)),
            "hair_length": float(rng.uniform(0.1, 0.95)),
        }
        attribute = ATTRIBUTES[name]
        values = np.linspace(attribute.low, attribute.high, steps)
        rows.append([draw(latent, still | {name: float(value)}, size).image for value in values])
    return _tiled(rows)


def save_picture(image: Image, path: Path) -> None:
    """Write ``image`` to ``path``.

    Raises:
        CannotWrite: the file cannot be made there.
    """
    import PIL.Image

    try:
        PIL.Image.fromarray(image).save(path)
    except (OSError, ValueError) as error:
        raise CannotWrite(f"{path} cannot be written ({error}); name a .png file in a folder that exists") from None
