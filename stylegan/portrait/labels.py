"""What every pixel of a portrait shows."""

from __future__ import annotations

SEGMENTS = (
    "background",
    "skin",
    "eye",
    "iris",
    "mouth",
    "hair",
    "clothes",
    "brow",
    "accessory",
)
"""Names of the classes; a pixel's value in a segmentation is an index here."""

BACKGROUND, SKIN, EYE, IRIS, MOUTH, HAIR, CLOTHES, BROW, ACCESSORY = range(len(SEGMENTS))
