"""A latent laid out as what it stands for: colours, lengths and styles, for a network to read.

A hairstyle cut from one coordinate by thresholds, or a colour at the end of a palette, is a steep function that fully connected
layers learn slowly. The generator's mapping network therefore gets this fixed description beside the latent's
quantiles. It is made once for an identity, without the renderer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stylegan.portrait.colour import hsv
from stylegan.portrait.identity import (
    ACCESSORIES,
    BACK_STYLES,
    BACKGROUND_STYLES,
    BANG_STYLES,
    CLOTHES_STYLES,
    COORDINATES,
    Identity,
    clothes_colours,
    identity_of,
)

_CATEGORIES = (BACK_STYLES, BANG_STYLES, CLOTHES_STYLES, BACKGROUND_STYLES, ACCESSORIES)
LAYOUT_DIM = len(COORDINATES) + sum(len(names) for names in _CATEGORIES) + 3 + 7 * 3 + 1


def _colour(colour: Sequence[float]) -> list[float]:
    return [3.0 * (channel - 0.6) for channel in colour[:3]]


def describe(person: Identity) -> NDArray[np.float32]:
    """A drawn person as about standard numbers, float32 [LAYOUT_DIM]: quantiles, categories (one of each), colours."""
    values = person.values
    numbers = [3.4 * (u - 0.5) for u in values.values()]
    chosen = (person.back, person.bang, person.clothes, person.background, person.accessory)
    for index, names in zip(chosen, _CATEGORIES, strict=True):
        numbers += [2.0 * (index == other) for other in range(len(names))]
    numbers += [2.0 * person.gender - 1.0, 2.0 * person.ahoge - 1.0, person.side]
    cloth, trim = clothes_colours(person)
    colours = (
        person.skin,
        hsv(person.hair_hue, min(1.0, person.hair_saturation), 0.8),
        hsv(person.iris_hue, 0.6, 0.8),
        hsv(values["background_hue"], person.between("background_saturation", 0.0, 0.75), 0.8),
        hsv(values["accessory_hue"], 0.6, 0.8),
        cloth,
        trim,
    )
    for colour in colours:
        numbers += _colour(colour)
    numbers.append(math.cos(2.0 * math.pi * (person.hair_hue + values["hair_tip"] - 0.5)))
    return np.array(numbers, np.float32)


def lay_out(latents: NDArray[np.floating]) -> NDArray[np.float32]:
    """z [B, 64] → float32 [B, LAYOUT_DIM]."""
    return np.stack([describe(identity_of(latent)) for latent in latents])
