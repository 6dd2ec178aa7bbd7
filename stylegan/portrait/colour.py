"""Colours as (red, green, blue), each 0…1 in sRGB values."""

from __future__ import annotations

import colorsys

import numpy as np

Colour = tuple[float, float, float]

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""Rec. 601 weights of luma, applied to sRGB values."""

WHITE: Colour = (1.0, 1.0, 1.0)
BLACK: Colour = (0.0, 0.0, 0.0)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour from hue (turns, wraps), saturation and value (both clipped to 0…1)."""
    return colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """``first`` at share 0, ``second`` at share 1."""
    r, g, b = (a + (z - a) * share for a, z in zip(first, second, strict=True))
    return r, g, b


def scaled(colour: Colour, by: Colour | float) -> Colour:
    """Each channel multiplied."""
    factors = by if isinstance(by, tuple) else (by, by, by)
    r, g, b = (min(1.0, a * k) for a, k in zip(colour, factors, strict=True))
    return r, g, b


def luminance(colour: Colour) -> float:
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def toned(hue: float, saturation: float, target: float) -> Colour:
    """The colour of this hue whose luminance is exactly ``target``.

    Below the luminance of the pure colour it is darkened, above it is mixed with white; so it changes
    continuously and monotonically with ``target`` (clipped to 0…1).
    """
    pure = hsv(hue, saturation, 1.0)
    own, target = luminance(pure), min(max(target, 0.0), 1.0)
    if target <= own:
        return scaled(pure, target / own)
    return mix(pure, WHITE, (target - own) / max(1e-6, 1.0 - own))
