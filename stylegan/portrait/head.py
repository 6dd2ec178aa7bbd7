"""The head as a solid: where a point of face, skull or hair lies in the picture.

Head units: the skull is about 2 wide; x to the viewer's right, y down (0 a little above the eyes, the chin near
1.2), z towards the viewer. "View" coordinates are head units after yaw and pitch, before the small roll about
the neck.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stylegan.portrait.canvas import Points
from stylegan.portrait.identity import Identity

NECK = 1.3
"""Height of the point about which the head leans."""

HAIR_RX, HAIR_UP, HAIR_RZ = 1.12, 1.40, 1.14
"""Half axes of the ellipsoid on which hair lies."""

Floats = NDArray[np.floating[Any]]


def smoothstep(low: float, high: float, x: ArrayLike) -> Floats:
    """0 below ``low``, 1 above ``high``, a cubic between."""
    t = np.minimum(np.maximum((np.asarray(x, float) - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def soft_min(a: ArrayLike, b: ArrayLike, width: float = 0.06) -> Floats:
    """The smaller of two, rounded where they meet, and never above it."""
    first, second = np.asarray(a, float), np.asarray(b, float)
    smaller: Floats = 0.5 * (first + second - np.sqrt((first - second) ** 2 + width * width))
    return smaller


def crown_ring(y: ArrayLike) -> Floats:
    """Half the hair's width at height ``y``, as a share of its width at y ≥ 0: a slightly squared ellipse."""
    up = np.minimum(np.maximum(np.asarray(y, float) / -HAIR_UP, 0.0), 1.0)
    return (1.0 - up**2.25) ** (1.0 / 2.25)


def crown_arc(count: int) -> tuple[Floats, Floats]:
    """x and y of the hair's silhouette from the right over the crown to the left, in head units."""
    angle = np.linspace(0.0, np.pi, count)
    cos, sin = np.cos(angle), np.sin(angle)
    return HAIR_RX * np.sign(cos) * np.abs(cos) ** (2 / 2.25), -HAIR_UP * sin ** (2 / 2.25)


_DEPTH_Y = np.array([-1.28, -0.9, -0.2, 0.5, 0.9, 1.25])
_DEPTH_Z = np.array([0.1, 0.72, 0.95, 0.93, 0.87, 0.80])


class Head:
    """The pose and shape of one head in a picture of ``size`` pixels."""

    def __init__(self, identity: Identity, attributes: Mapping[str, float], size: int) -> None:
        yaw, pitch = math.radians(attributes["pose"]), math.radians(attributes["pitch"])
        roll = math.radians(identity.between("roll", -4.0, 4.0))
        self.yaw = yaw
        self.cos, self.sin = math.cos(yaw), math.sin(yaw)
        self.pitch_cos, self.pitch_sin = math.cos(pitch), math.sin(pitch)
        self.roll_cos, self.roll_sin = math.cos(roll), math.sin(roll)
        self.size = size
        self.unit = size * identity.between("scale", 0.242, 0.262)
        self.cx = size * (0.5 + identity.between("offset", -0.02, 0.02)) - 0.14 * self.sin * self.unit
        self.cy = size * 0.442
        self.volume = identity.between("hair_volume", 0.98, 1.06)
        self._shape(identity)

    def _shape(self, identity: Identity) -> None:
        """The right half of the face's contour, from the crown to the chin."""
        jaw, cheek = identity.between("jaw", -0.04, 0.04), identity.between("cheek", -0.025, 0.025)
        self.chin = identity.between("chin", 1.20, 1.32) + (0.05 if identity.male else 0.0)
        low = self.chin - 1.2
        square = 0.06 if identity.male else 0.0
        xs = [0.0, 0.55, 0.88, 0.965, 0.955, 0.93 + cheek / 2, 0.872 + cheek + square / 3, 0.745 + cheek + jaw + square]
        xs += [0.575 + jaw + square, 0.405 + jaw + square, 0.255 + jaw / 2 + square / 2, 0.14 + square / 3, 0.0]
        ys = [-1.28, -1.1, -0.7, -0.2, 0.1, 0.32, 0.52, 0.74 + low * 0.5]
        ys += [0.925 + low * 0.8, 1.06 + low * 0.9, 1.148 + low, 1.185 + low, 1.2 + low]
        self.contour_x, self.contour_y = np.array(xs), np.array(ys)

    def width(self, y: ArrayLike) -> Floats:
        """Half the face's width at height ``y``."""
        half: Floats = np.interp(np.asarray(y, float), self.contour_y, self.contour_x)
        return half

    def view(self, x: ArrayLike, y: ArrayLike) -> Points:
        """View coordinates to pixels, [N, 2] (or [2] for scalars)."""
        across, down = np.asarray(x, float), np.asarray(y, float) - NECK
        px = self.cx + self.unit * (across * self.roll_cos - down * self.roll_sin)
        pixels = np.empty((*px.shape, 2))
        pixels[..., 0] = px
        pixels[..., 1] = self.cy + self.unit * (across * self.roll_sin + down * self.roll_cos + NECK)
        return pixels

    def turned(self, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> tuple[Floats, Floats]:
        """A point of the head to view coordinates."""
        x, y, z = np.asarray(x, float), np.asarray(y, float), np.asarray(z, float)
        near = z * self.cos - x * self.sin
        return x * self.cos + z * self.sin, y * self.pitch_cos - near * self.pitch_sin

    def project(self, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Points:
        """A point of the head to pixels."""
        return self.view(*self.turned(x, y, z))

    def face(self, x: ArrayLike, y: ArrayLike, lift: float = 0.0) -> Points:
        """A point on the face's surface, ``lift`` above it, to pixels."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        depth = np.interp(y, _DEPTH_Y, _DEPTH_Z)
        aside = np.minimum(np.abs(x) / np.maximum(self.width(y) + 0.02, 0.3), 1.0)
        return self.project(x, y, depth * (1.0 - aside**2.6) ** (1 / 2.2) + lift)

    def outline(self) -> Points:
        """The closed contour of the face in pixels, from the crown down the right side to the chin and back."""
        y, half = self.contour_y, self.contour_x
        forward = 0.56 * smoothstep(0.1, 1.15, y)
        depth = np.where(y < 0.3, half, half * (1.0 - 0.35 * smoothstep(0.3, 1.15, y)))
        skull = np.hypot(half * self.cos, depth * self.sin)
        near = skull + (half * self.cos - skull) * smoothstep(-0.1, 0.45, y)
        turn = abs(self.sin)
        bumps = 0.075 * np.exp(-(((y - 0.62) / 0.2) ** 2)) - 0.03 * np.exp(-(((y - 0.10) / 0.16) ** 2))
        far = skull + turn * turn * bumps * 1.5
        right, left = (far, near) if self.sin > 0 else (near, far)
        middle, height = forward * self.sin, y * self.pitch_cos - forward * self.cos * self.pitch_sin
        both_x = np.concatenate([middle + right, (middle - left)[::-1][1:-1]])
        return self.view(both_x, np.concatenate([height, height[::-1][1:-1]]))

    def hair(self, azimuth: ArrayLike, y: ArrayLike, out: float = 1.0) -> Points:
        """A point on the hair's surface to pixels.

        Args:
            azimuth: angle about the vertical axis in radians, 0 in front, positive to the right; what turns
                behind the silhouette stays on it.
            y: height; below 0 the surface hangs straight down.
            out: distance from the axis, 1 on the surface.
        """
        y = np.asarray(y, float)
        seen = np.minimum(np.maximum(np.asarray(azimuth, float) + self.yaw, -1.62), 1.62)
        ring = crown_ring(y) * out * self.volume
        z = HAIR_RZ * ring * np.cos(seen)
        return self.view(HAIR_RX * ring * np.sin(seen), y * out * self.pitch_cos - z * self.pitch_sin)

    def y_at_row(self, row: float, x: float) -> float:
        """The view height y that lands on pixel row ``row`` at view position ``x``."""
        return NECK + ((row - self.cy) / self.unit - NECK - x * self.roll_sin) / self.roll_cos
