"""Spoilt pictures with a label of how spoilt they are, for the quality filter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Pixels = NDArray[np.float32]

MILDEST = 0.25
"""The least strength of a degradation; quality is 1 − strength, so nothing spoilt is better than 0.75."""


def degrade(image: Image, rng: np.random.Generator) -> tuple[Image, float]:
    """Spoil a picture in one or two random ways.

    Args:
        image: uint8 [H, W, 3].

    Returns:
        The spoilt picture, uint8 [H, W, 3], and its quality: 0 unusable … 0.75 slightly spoilt.
    """
    names = rng.choice(list(DEGRADATIONS), size=1 + int(rng.random() < 0.3), replace=False)
    pixels, quality = image.astype(np.float32) / 255.0, 1.0
    for name in names:
        strength = float(rng.uniform(MILDEST, 1.0))
        pixels = DEGRADATIONS[str(name)](pixels, strength, rng)
        quality *= 1.0 - strength
    spoilt: Image = np.clip(pixels * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
    return spoilt, quality


def _moved(pixels: Pixels, dx: Pixels, dy: Pixels) -> Pixels:
    """Each pixel read from (dx, dy) pixels away; what lies outside repeats the border."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    columns = np.clip(x + dx, 0, width - 1).astype(np.intp)
    rows = np.clip(y + dy, 0, height - 1).astype(np.intp)
    moved: Pixels = pixels[rows, columns]
    return moved


def _smoothed(pixels: Pixels, radius: int) -> Pixels:
    """Three passes of a box filter of 2·radius+1 pixels along both axes."""
    width = 2 * radius + 1
    for _ in range(3):
        for axis in (0, 1):
            pad = [(0, 0)] * pixels.ndim
            pad[axis] = (radius + 1, radius)
            total = np.cumsum(np.pad(pixels, pad, mode="edge"), axis=axis, dtype=np.float32)
            high, low = np.split(total, [width], axis)[1], np.split(total, [-width], axis)[0]
            pixels = (high - low) / np.float32(width)
    return pixels


def _field(shape: tuple[int, int], cells: int, rng: np.random.Generator) -> Pixels:
    """Smooth noise of about unit spread: ``cells`` random values along each axis, interpolated."""
    coarse = rng.standard_normal((cells + 1, cells + 1)).astype(np.float32)
    rows = np.linspace(0, cells, shape[0], endpoint=False)
    columns = np.linspace(0, cells, shape[1], endpoint=False)
    y, x = rows.astype(np.intp), columns.astype(np.intp)
    fy, fx = ((v - k).astype(np.float32) for v, k in ((rows, y), (columns, x)))
    fy, fx = (3 - 2 * fy) * fy * fy, (3 - 2 * fx) * fx * fx
    top = coarse[y][:, x] * (1 - fx) + coarse[y][:, x + 1] * fx
    foot = coarse[y + 1][:, x] * (1 - fx) + coarse[y + 1][:, x + 1] * fx
    field: Pixels = (top * (1 - fy)[:, None] + foot * fy[:, None]).astype(np.float32)
    return field


def _blur(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return _smoothed(pixels, max(1, round(strength * pixels.shape[0] * 0.028)))


def _noise(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return pixels + rng.normal(0.0, 0.30 * strength, pixels.shape).astype(np.float32)


def _blocks(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    side = max(2, round(strength * pixels.shape[0] / 14))
    rows = np.arange(pixels.shape[0]) // side * side
    columns = np.arange(pixels.shape[1]) // side * side
    blocks: Pixels = pixels[rows][:, columns]
    return blocks


def _wrong_colours(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    mixing = np.eye(3) * (1.0 - strength) + strength * rng.dirichlet([0.6] * 3, 3)
    shift = rng.uniform(-0.25, 0.25, 3) * strength
    patchy = _field(pixels.shape[:2], 4, rng)[..., None] * (0.12 * strength)
    coloured: Pixels = (pixels @ mixing.T + shift + patchy).astype(np.float32)
    return coloured


def _warp(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    reach = np.float32(strength * pixels.shape[0] * 0.07)
    dx, dy = (_field(pixels.shape[:2], int(rng.integers(3, 7)), rng) * reach for _ in range(2))
    return _moved(pixels, dx, dy)


def _missing(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    hole = _field(pixels.shape[:2], 5, rng) > 1.5 * (1.0 - strength) + 0.1
    result = pixels.copy()
    result[hole] = rng.uniform(0.0, 1.0, 3)
    return result


def _doubled(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    angle, reach = rng.uniform(0.0, 2.0 * np.pi), (0.04 + 0.16 * strength) * pixels.shape[0]
    flat = np.ones(pixels.shape[:2], np.float32)
    ghost = _moved(pixels, flat * np.float32(np.cos(angle) * reach), flat * np.float32(np.sin(angle) * reach))
    share = np.float32(0.2 + 0.3 * strength)
    return pixels * (1 - share) + ghost * share


DEGRADATIONS: dict[str, Callable[[Pixels, float, np.random.Generator], Pixels]] = {
    "blur": _blur,
    "noise": _noise,
    "blocks": _blocks,
    "wrong colours": _wrong_colours,
    "warp": _warp,
    "missing parts": _missing,
    "doubled": _doubled,
}
"""Ways to spoil float pictures [H, W, 3] by a strength of 0…1."""
