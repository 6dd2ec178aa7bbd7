"""Eyes: lids, iris, lashes and lights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from stylegan.portrait.canvas import Canvas, Points, curve, linear, solid
from stylegan.portrait.colour import BLACK, WHITE, Colour, hsv, mix, scaled
from stylegan.portrait.head import Floats, Head, smoothstep
from stylegan.portrait.identity import Identity
from stylegan.portrait.labels import EYE, IRIS

ACROSS = np.linspace(-1.0, 1.0, 15)
"""Places along a lid: −1 the inner corner, 1 the outer one."""

ROUND = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)


@dataclass(frozen=True)
class EyeShape:
    """One eye of a face; u runs from the inner (−1) to the outer corner (1), v from top (−1) to bottom (1)."""

    head: Head
    side: float
    x: float
    y: float
    width: float
    height: float
    tilt: float

    def at(self, u: ArrayLike, v: ArrayLike) -> Points:
        """Eye coordinates to pixels."""
        u, v = np.asarray(u, float), np.asarray(v, float)
        return self.head.face(self.side * (self.x + u * self.width), self.y + (v - u * self.tilt) * self.height)


def eye_shape(identity: Identity, head: Head, side: float) -> EyeShape:
    """The left (side −1, as seen) or right (1) eye."""
    low, high = (0.20, 0.245) if identity.male else (0.265, 0.325)
    return EyeShape(
        head=head,
        side=side,
        x=identity.between("eye_spacing", 0.425, 0.475),
        y=identity.between("eye_level", 0.20, 0.27),
        width=identity.between("eye_width", *((0.255, 0.288) if identity.male else (0.275, 0.312))),
        height=identity.between("eye_height", low, high),
        tilt=identity.between("eye_tilt", -0.05, 0.14) + (0.04 if identity.male else 0.0),
    )


def lids(openness: float, smile: float) -> tuple[Floats, Floats]:
    """Heights v [15] of the upper and the lower lid along ``ACROSS``."""
    u = ACROSS
    bow = 1.0 - u**2
    upper = -(1.0 - np.abs(u) ** np.where(u < 0, 2.1, 2.8)) * 0.88 + 0.06 * np.clip(-u, 0, 1) ** 2
    lower = (1.0 - np.abs(u) ** 2.4) * 0.80 - 0.05 * u + 0.04
    content = float(smoothstep(0.2, 0.8, smile))
    shut = (0.12 + 0.30 * bow) * (1.0 - content) + (0.46 - 0.34 * bow) * content
    opened = min(1.0, openness / 0.7) ** 0.9
    wide = max(0.0, openness - 0.7) / 0.3
    upper = shut + (upper * (1.0 + 0.20 * wide) - shut) * opened
    lower = shut + (lower * (1.0 + 0.05 * wide) - shut) * opened - 0.16 * max(0.0, smile) * opened * bow
    return upper, np.maximum(lower, upper + 0.02)


def iris_colours(identity: Identity) -> tuple[Colour, Colour, Colour]:
    """Dark top, middle and bright foot of the iris."""
    hue, vivid = identity.iris_hue, identity.between("iris_saturation", 0.5, 0.88)
    value = identity.between("iris_value", 0.62, 0.92)
    dark = hsv(hue, min(1.0, vivid + 0.1), value * 0.40)
    return dark, mix(hsv(hue, vivid, value), WHITE, 0.10), hsv(hue + 0.02, vivid * 0.55, min(1.0, value * 1.35))


def _gaze(identity: Identity, eye: EyeShape) -> tuple[float, float]:
    """Where the middle of the iris lies, in eye coordinates."""
    return identity.between("gaze_x", -0.10, 0.10) * eye.side + 0.02, identity.between("gaze_y", -0.10, 0.02)


def _iris(canvas: Canvas, identity: Identity, eye: EyeShape) -> None:
    dark, middle, bright = iris_colours(identity)
    ru, rv = (0.60, 1.02) if identity.male else (0.67, 0.98)
    cu, cv = _gaze(identity, eye)

    def oval(u: float, v: float, wide: float, tall: float) -> Any:
        return curve(eye.at(cu + ru * (u + wide * np.cos(ROUND)), cv + rv * (v + tall * np.sin(ROUND))), closed=True)

    unit = eye.head.unit
    ball = oval(0, 0, 1, 1)
    shades = [(dark, 1.0), (mix(dark, middle, 0.55), 1.0), (middle, 1.0), (bright, 1.0)]
    canvas.fill(ball, linear(eye.at(cu, cv - rv), eye.at(cu, cv + rv), shades, [0.08, 0.38, 0.62, 1.0]), IRIS)
    with canvas.clip(ball):
        canvas.fill(oval(0, 0.62, 0.66, 0.36), solid(mix(bright, WHITE, 0.35), 0.55, unit * 0.02))
        size = identity.between("pupil", 0.34, 0.46)
        canvas.fill(oval(0, 0.02, size, size * 1.12), solid(scaled(dark, 0.5)))
        canvas.fill(oval(0, -0.98, 1.2, 0.62), solid(scaled(dark, 0.55), 0.6, unit * 0.025))
    canvas.stroke(ball, scaled(dark, 0.75), unit * 0.024, 0.95)
    towards_light = -eye.side  # u points outwards, the light comes from the upper left
    canvas.fill(oval(0.36 * towards_light, -0.42, 0.30, 0.25), solid(WHITE, 0.97))
    canvas.fill(oval(-0.38 * towards_light, 0.44, 0.14, 0.12), solid(WHITE, 0.85))


def _lashes(canvas: Canvas, identity: Identity, eye: EyeShape, upper: Floats, opened: float, colour: Colour) -> None:
    thick = identity.between("lash", 0.8, 1.15) * (0.72 if identity.male else 1.0) * (0.6 + 0.4 * opened)
    profile = np.array([5, 10, 14, 18, 21, 23, 25, 26.5, 28, 29, 30, 31, 31, 27, 14]) / 100.0 * thick
    scale = 0.31 / eye.height
    tip = np.zeros(15)
    tip[-2:] = (0.02, 0.10 if identity.male else 0.17)
    lifted = upper - profile * scale
    lifted[-1] -= 0.12 * opened * thick
    edge = np.concatenate([eye.at(ACROSS + tip, lifted), eye.at(ACROSS, upper + 0.03)[::-1]])
    canvas.fill(curve(edge, closed=True, tension=0.85), solid(colour), EYE)
    if not identity.male:
        hem = float(upper[-2])
        wing = [(0.80, hem - 0.10), (1.22 + 0.06 * thick, hem - 0.34 * opened * thick + 0.02), (0.99, hem + 0.10)]
        canvas.fill(curve(eye.at(*np.array(wing).T), closed=True, tension=0.4), solid(colour), EYE)


def draw_eye(canvas: Canvas, identity: Identity, eye: EyeShape, openness: float, smile: float, hair: Colour) -> None:
    """Draw one eye; at openness 0 only the lash line is left, an arc that turns up when she smiles."""
    upper, lower = lids(openness, smile)
    opened = min(1.0, openness / 0.7)
    unit = eye.head.unit
    lash = mix(mix(hair, (0.12, 0.07, 0.09), 0.72), BLACK, 0.25)
    top, foot = eye.at(ACROSS, upper), eye.at(ACROSS, lower)
    white = curve(np.concatenate([top, foot[::-1][1:-1]]), closed=True)
    canvas.fill(white, solid((0.985, 0.985, 1.0)), EYE)
    with canvas.clip(white):
        _iris(canvas, identity, eye)
        shade = np.concatenate([top, eye.at(ACROSS, upper + 0.30 * opened)[::-1]])
        canvas.fill(curve(shade, closed=True), solid((0.42, 0.40, 0.58), 0.34))
    rim = slice(6, 15)
    alpha = 0.75 * float(smoothstep(0.1, 0.5, openness))
    canvas.stroke(curve(foot[rim]), mix(lash, identity.skin, 0.25), unit * 0.018, alpha)
    canvas.stroke(curve(foot[:7]), mix(lash, identity.skin, 0.6), unit * 0.010, alpha * 0.6)
    _lashes(canvas, identity, eye, upper, opened, lash)
    fold = eye.at(ACROSS[3:13] * 0.9, upper[3:13] - (0.44 if not identity.male else 0.40) + 0.1 * (1 - opened))
    canvas.stroke(curve(fold), scaled(identity.skin, (0.66, 0.46, 0.42)), unit * 0.012, 0.65 * opened)


def eye_landmarks(identity: Identity, eye: EyeShape, openness: float, smile: float) -> dict[str, Points]:
    """Corners, lid centres and pupil in pixels, named by the viewer's side."""
    upper, lower = lids(openness, smile)
    pupil_u, pupil_v = _gaze(identity, eye)
    name = "left_eye" if eye.side < 0 else "right_eye"
    parts = ("inner", "outer", "upper", "lower", "pupil")
    points = eye.at([-1.0, 1.0, 0.0, 0.0, pupil_u], [upper[0], upper[-1], upper[7], lower[7], pupil_v])
    return {f"{name}_{part}": point for part, point in zip(parts, points, strict=True)}
