"""The background: a luminance field whose mean and spread over the visible part are solved for, plus hue."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stylegan.portrait.colour import LUMINANCE, hsv
from stylegan.portrait.identity import BACKGROUND_STYLES, Identity

Field = NDArray[np.float32]

# Discs of the "bokeh" style: x, y, radius (shares of the picture), weight.
_DISCS = (
    (0.08, 0.14, 0.10, 0.9), (0.24, 0.04, 0.07, 0.6), (0.90, 0.12, 0.12, 0.8), (0.74, 0.03, 0.06, 0.7),
    (0.04, 0.46, 0.08, 0.7), (0.95, 0.42, 0.07, 0.9), (0.12, 0.70, 0.11, 0.6), (0.90, 0.68, 0.10, 0.7),
    (0.50, 0.00, 0.06, 0.5), (0.02, 0.92, 0.07, 0.8), (0.97, 0.92, 0.08, 0.6),
)  # fmt: skip


@lru_cache(maxsize=4)
def _grid(size: int) -> tuple[Field, Field]:
    """x and y of every pixel from the picture's middle, in shares of its size: float32 [size·size] each."""
    place = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    x, y = np.meshgrid(place, place)
    return x.ravel(), y.ravel()


@lru_cache(maxsize=4)
def _bokeh(size: int) -> Field:
    x, y = _grid(size)
    field: Field = np.float32(0.6) * (np.float32(0.5) - y)
    for cx, cy, radius, weight in _DISCS:
        distance = np.hypot(x - np.float32(cx - 0.5), y - np.float32(cy - 0.5))
        field += np.float32(weight) * np.clip((np.float32(radius) - distance) / np.float32(0.022) + 0.5, 0.0, 1.0)
    return np.minimum(field, np.float32(1.5))


def pattern(identity: Identity, size: int, where: NDArray[np.intp]) -> Field:
    """The background's bare pattern at the flat places ``where`` [K]: float32 [K], of any level and spread."""
    style = BACKGROUND_STYLES[identity.background]
    if style == "bokeh":
        return _bokeh(size)[where]
    all_x, all_y = _grid(size)
    x, y = all_x[where], all_y[where]
    angle = identity.between("background_angle", 0.12 * math.pi, 0.88 * math.pi)
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    if style == "plain":
        return -y
    if style == "gradient":
        return -(x * cos + y * sin)
    if style == "vignette":
        distance: Field = np.hypot(x, y + np.float32(0.05))
        return -distance
    stripes: Field = np.tanh(np.sin((x * cos + y * sin) * np.float32(7.0 * math.pi)) * np.float32(2.0))
    stripes += (x * sin - y * cos) * np.float32(0.7)
    return stripes


def solve_luminance(field: Field, visible: NDArray[np.bool_], mean: float, std: float) -> Field:
    """Luminance 1/(1+exp(−(a+b·pattern))) such that visible pixels have the wanted mean and deviation.

    Args:
        field: the pattern, any shape.
        visible: the pixels that count, of the same shape.
        mean, std: wanted; a std above √(mean·(1−mean)) cannot be reached and is cut to 0.95 of that.
    """
    mean = min(max(mean, 0.004), 0.996)
    std = min(max(std, 0.0), 0.95 * math.sqrt(mean * (1.0 - mean)))
    sample = field[visible] if visible.any() else field.ravel()
    sample = sample[:: max(1, len(sample) // 2000)]
    centre, spread = float(sample.mean()), float(sample.std()) + 1e-6
    unit = (sample - np.float32(centre)) / np.float32(spread)
    level, gain = math.log(mean / (1.0 - mean)), min(6.0, std / (mean * (1.0 - mean)))
    for _ in range(16):
        for _ in range(2):
            now = _logistic(np.float32(level) + np.float32(gain) * unit)
            slope = max(1e-2, float((now * (1.0 - now)).mean()))
            level += min(1.5, max(-1.5, (mean - float(now.mean())) / slope))
        ratio = (std + 1e-5) / (float(now.std()) + 1e-5)
        gain = min(60.0, gain * min(1.5, max(0.65, ratio)))
        if abs(ratio - 1.0) < 0.002 and abs(mean - float(now.mean())) < 0.001:
            break
    return _logistic(np.float32(level) + (field - np.float32(centre)) * np.float32(gain / spread))


def _logistic(x: Field) -> Field:
    return np.asarray(1.0 / (1.0 + np.exp(np.minimum(np.maximum(-x, -30.0), 30.0))), np.float32)


def tinted(identity: Identity, luminance: Field, field: Field) -> NDArray[np.float32]:
    """Luminance in the identity's hues: float32 of its shape and 3 channels; luminance is kept exactly."""
    hue = identity.values["background_hue"]
    turn = identity.between("background_turn", -0.12, 0.12)
    saturation = identity.between("background_saturation", 0.0, 0.75)
    low, high = (np.array(hsv(hue + k * turn, 1.0, 1.0), np.float32) for k in (-0.5, 0.5))
    low, high = low - low @ LUMINANCE, high - high @ LUMINANCE
    bottom, top = float(field.min()), float(field.max())
    share = (field - np.float32(bottom)) * np.float32(1.0 / max(top - bottom, 1e-6))
    room = np.minimum(luminance, 1.0 - luminance) * np.float32(saturation)
    picture = np.empty((*luminance.shape, 3), np.float32)
    for channel in range(3):
        picture[..., channel] = luminance + room * (low[channel] + (high[channel] - low[channel]) * share)
    return picture
