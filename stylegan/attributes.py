"""The face attributes: their names, units and ranges, stated once for every package."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    """One continuous attribute of a face picture.

    Attributes:
        unit: what a value counts.
        low, high: the range in which values are meant.
        neutral: the value of a face at rest.
    """

    unit: str
    low: float
    high: float
    neutral: float


ATTRIBUTES: dict[str, Attribute] = {
    "eyes": Attribute("openness, 0 closed, 1 wide", 0.0, 1.0, 0.7),
    "mouth": Attribute("openness, 0 closed, 1 wide", 0.0, 1.0, 0.05),
    "smile": Attribute("mouth corners, −1 down, 1 up", -1.0, 1.0, 0.1),
    "brow": Attribute("inner ends, −1 drawn down, 1 raised", -1.0, 1.0, 0.0),
    "pose": Attribute("head yaw in degrees, positive to the viewer's right", -45.0, 45.0, 0.0),
    "pitch": Attribute("head pitch in degrees, positive up", -20.0, 20.0, 0.0),
    "hair_color": Attribute("mean luminance of the hair", 0.0, 1.0, 0.25),
    "hair_length": Attribute("share of the way from the eyes to the lower edge of the picture", 0.0, 1.0, 0.6),
    "background_mean": Attribute("mean luminance", 0.0, 1.0, 0.7),
    "background_std": Attribute("standard deviation of luminance", 0.0, 0.5, 0.05),
    "gender": Attribute("0 male, 1 female", 0.0, 1.0, 1.0),
    "quality": Attribute("0 spoilt, 1 clean", 0.0, 1.0, 1.0),
}

CONDITIONS = (
    "eyes", "mouth", "smile", "brow", "pose", "pitch", "hair_color", "hair_length", "background_mean", "background_std",
)  # fmt: skip
"""What a generator is asked for, in this order. Gender and quality are not asked for: they filter who is served."""

EXPRESSION = ("eyes", "mouth", "smile", "brow", "pose", "pitch")
"""The attributes that an emotion moves; the others belong to the identity and the scene."""


def clamp(name: str, value: float) -> float:
    """``value`` within the range of attribute ``name``.

    Raises:
        KeyError: no attribute has this name.
    """
    attribute = ATTRIBUTES[name]
    return min(attribute.high, max(attribute.low, value))
