"""What is read off a face's regions and landmarks: statistics of hair and background by formula, shapes as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
FEWEST = 32  # a row counts as hair where at least 1/32 of its pixels do: stray ones do not


def luminance(pictures: NDArray[np.uint8]) -> Floats:
    """Rec. 601 luminance of sRGB values, 0…1: [B, H, W, 3] → [B, H, W]."""
    weights = np.array([0.299, 0.587, 0.114], np.float32) / 255
    return np.asarray(pictures.astype(np.float32) @ weights, np.float32)


def statistics(light: Floats, region: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of ``light`` [B, H, W] over ``region`` in each picture; nan where it is empty."""
    count = region.sum((1, 2)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (light * region).sum((1, 2), dtype=np.float64) / count
        square = (light * light * region).sum((1, 2), dtype=np.float64) / count
    return mean.astype(np.float32), np.sqrt(np.clip(square - mean**2, 0, None)).astype(np.float32)


def hair_length(hair: NDArray[np.bool_], eye_row: Floats) -> Floats:
    """(lowest hair row − eye row) / (last row − eye row), 0…1.

    Args:
        hair: [B, H, W].
        eye_row: [B], in pixels.
    """
    height, width = hair.shape[1:]
    rows = hair.sum(2) >= max(1, width // FEWEST)
    lowest = np.where(rows.any(1), height - 1 - rows[:, ::-1].argmax(1), eye_row)
    share = (lowest - eye_row) / np.maximum(height - 1 - eye_row, 1)
    return np.asarray(share.clip(0, 1), np.float32)


def face_frame(points: Floats, left: Sequence[int], right: Sequence[int]) -> tuple[Floats, Floats]:
    """Landmarks in a frame that moves with the face.

    The origin is midway between the eyes, the x axis runs through both, and the unit is the root mean square distance of
    all landmarks from their centre.

    Args:
        points: [B, K, 2] in pixels.
        left, right: which landmarks belong to the eye on the left and on the right of the picture.

    Returns:
        [B, K, 2] in that frame, and the unit in pixels [B].
    """
    a, b = points[:, left].mean(1), points[:, right].mean(1)
    axis = b - a
    axis = axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-6)
    spread = points - points.mean(1, keepdims=True)
    unit = np.sqrt((spread**2).sum(2).mean(1)).clip(1e-6)
    moved = (points - ((a + b) / 2)[:, None]) / unit[:, None, None]
    x = moved[..., 0] * axis[:, None, 0] + moved[..., 1] * axis[:, None, 1]
    y = moved[..., 1] * axis[:, None, 0] - moved[..., 0] * axis[:, None, 1]
    return np.stack([x, y], -1).astype(np.float32), unit.astype(np.float32)


def extents(regions: Sequence[Floats], unit: Floats, split: Floats) -> Floats:
    """Area, mean height and width of each region on the left and on the right of the column ``split``, in face units.

    Args:
        regions: how likely each pixel belongs to the region, [B, H, W] each.
        unit: [B] pixels.
        split: [B] column.

    Returns:
        [B, 6 · regions].
    """
    left = (np.arange(regions[0].shape[2]) < split[:, None]).astype(np.float32)
    numbers = []
    for region in regions:
        areas, widths = region.sum(1), region.max(1)  # of each column
        for half in (left, 1 - left):
            area, width = (areas * half).sum(1), (widths * half).sum(1)
            numbers += [area / unit**2, area / np.maximum(width, 1) / unit, width / unit]
    return np.stack(numbers, 1).astype(np.float32)
