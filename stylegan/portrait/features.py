"""Face, ears, nose, mouth and brows."""

from __future__ import annotations

from typing import Any

import numpy as np

from stylegan.portrait.canvas import Canvas, Points, curve, ellipse, linear, polygon, radial, solid
from stylegan.portrait.colour import Colour, mix, scaled
from stylegan.portrait.eyes import EyeShape
from stylegan.portrait.head import Floats, Head, smoothstep
from stylegan.portrait.identity import Identity
from stylegan.portrait.labels import BROW, MOUTH, SKIN

BETWEEN = np.linspace(-1.0, 1.0, 15)
"""Places along the mouth from its left to its right corner, and along a brow from its inner to its outer end."""


def skin_shade(skin: Colour) -> Colour:
    """Skin in soft shadow: darker and rosier."""
    return scaled(skin, (0.92, 0.785, 0.765))


def skin_line(skin: Colour) -> Colour:
    """The ink of contours on skin."""
    return scaled(skin, (0.52, 0.33, 0.31))


def draw_ears(canvas: Canvas, identity: Identity, head: Head) -> None:
    """Both ears; the far one vanishes behind the face."""
    skin = identity.skin
    for side in (-1.0, 1.0):
        centre = head.project(side * 0.985, 0.30, -0.10)
        form = np.array([(-0.10, -0.17), (0.0, -0.215), (0.09, -0.17), (0.115, -0.03), (0.03, 0.20), (-0.08, 0.22)])
        rim = centre + form * (side * head.unit, head.unit)
        ear = curve(rim, closed=True, tension=0.95)
        canvas.fill(ear, solid(mix(skin, skin_shade(skin), 0.25)), SKIN)
        canvas.stroke(ear, skin_line(skin), head.unit * 0.014, 0.8)
        fold = rim[[1, 2, 3, 4]] * 0.62 + centre * 0.38
        canvas.stroke(curve(fold), skin_shade(skin), head.unit * 0.03, 0.9)


def draw_face(canvas: Canvas, identity: Identity, head: Head) -> Any:
    """The face without its features; returns its path, to clip what lies on it."""
    skin, unit = identity.skin, head.unit
    shade = skin_shade(skin)
    outline = head.outline()
    face = curve(outline, closed=True)
    tones = [(mix(skin, shade, 0.25), 1.0), (skin, 1.0), (skin, 1.0), (mix(skin, shade, 0.22), 1.0)]
    canvas.fill(face, linear(head.face(0, -0.4), head.face(0, head.chin), tones, [0.0, 0.35, 0.75, 1.0]), SKIN)
    with canvas.clip(face):
        middle = head.view(0.45 * head.sin - 0.12, 0.25)
        rings = [(shade, 0.0), (shade, 0.0), (shade, 0.62)]
        canvas.fill(face, radial(middle, unit * 1.28, rings, [0.0, 0.62, 1.0]))
        rosy = scaled(skin, (1.0, 0.70, 0.68))
        strength = identity.between("blush", 0.08, 0.5) * (0.6 if identity.male else 1.0)
        for side in (-1.0, 1.0):
            cheek = head.face(side * 0.60, 0.60)
            radius = unit * 0.25
            glow = radial(cheek, radius, [(rosy, strength), (rosy, strength * 0.6), (rosy, 0.0)], [0.0, 0.45, 1.0])
            canvas.fill(ellipse(cheek, radius, radius), glow)
    low = slice(4, len(outline) - 3)
    canvas.stroke(curve(outline[low]), skin_line(skin), unit * 0.017, 0.85)
    return face


def nose_tip(identity: Identity, head: Head) -> Points:
    """Where the nose ends, in pixels."""
    return head.face(0.0, identity.between("nose_level", 0.575, 0.645), 0.10)


def draw_nose(canvas: Canvas, identity: Identity, head: Head) -> None:
    """A small shadow under the tip; the bridge shows when the head turns."""
    skin, unit = identity.skin, head.unit
    tip, ink = nose_tip(identity, head), mix(skin_shade(skin), skin_line(skin), 0.35)
    level = identity.between("nose_level", 0.575, 0.645)
    bridge = head.face(0.0, level - 0.28, 0.03)
    turn = head.sin
    side = np.array([unit * (0.035 + 0.02 * abs(turn)), 0.0]) * (1.0 if turn >= 0 else -1.0)
    under = np.array([0.0, unit * 0.028])
    shadow = np.stack([bridge, tip + side * 0.2, tip + under * 0.6, tip - side * 0.9 + under * 0.1])
    canvas.fill(
        curve(shadow, closed=True, tension=0.6), solid(skin_shade(skin), 0.25 + 0.5 * min(1.0, abs(turn) * 1.3))
    )
    nostril = np.stack([tip - side * 0.7 + under * 0.35, tip + under * 0.75, tip + side * 0.55 + under * 0.3])
    canvas.stroke(curve(nostril), ink, unit * (0.022 if identity.male else 0.018), 0.9)
    light = tip + np.array([-unit * 0.012, -unit * 0.035])
    canvas.fill(ellipse(light, unit * 0.018, unit * 0.026), solid(mix(skin, (1.0, 1.0, 1.0), 0.75), 0.8))


def _lips(identity: Identity, mouth: float, smile: float) -> tuple[Floats, Floats, Floats]:
    """x, upper and lower edge of the mouth along ``BETWEEN`` in head units."""
    t = BETWEEN
    level = identity.between("mouth_level", 0.84, 0.90) + (0.03 if identity.male else 0.0)
    grin = max(0.0, smile)
    width = identity.between("mouth_width", 0.205, 0.265) * (1.0 + 0.28 * grin - 0.12 * max(0.0, -smile))
    width *= 1.0 - 0.22 * mouth * (1.0 - grin)
    rest = level + smile * (0.055 - 0.125 * t**2) + 0.006 * (1.0 - np.abs(t)) * np.cos(3.0 * np.pi * t)
    bow = 1.0 - t**2
    upper = rest - mouth * (0.075 - 0.03 * grin) * bow
    lower = rest + mouth * (0.29 + 0.03 * grin) * (1.0 - np.abs(t) ** (2.2 + 0.6 * grin))
    return t * width, upper, lower


def draw_mouth(canvas: Canvas, identity: Identity, head: Head, mouth: float, smile: float) -> None:
    """The mouth: a line when closed, with teeth and tongue as it opens."""
    skin, unit = identity.skin, head.unit
    x, upper, lower = _lips(identity, mouth, smile)
    ink = mix(skin_line(skin), (0.45, 0.10, 0.12), 0.35)
    top, foot = head.face(x, upper), head.face(x, lower)
    ajar = float(smoothstep(0.0, 0.10, mouth))
    hole = curve(np.concatenate([top, foot[::-1][1:-1]]), closed=True)
    canvas.fill(
        hole, linear(top[7], foot[7] + 0.5, [((0.47, 0.13, 0.16), 1.0), ((0.72, 0.27, 0.28), 1.0)], [0.0, 1.0]), MOUTH
    )
    with canvas.clip(hole):
        centre = head.face(0.0, float(lower[7]) + 0.03)
        reach = float(x[-1]) * unit
        tongue = ellipse(centre, reach * 0.68, unit * (0.02 + 0.15 * mouth))
        canvas.fill(tongue, solid((0.94, 0.52, 0.51), ajar))
        edge = head.face(x, upper + 0.012 + 0.05 * mouth)
        canvas.fill(
            curve(np.concatenate([top, edge[::-1]]), closed=True),
            solid((1.0, 0.985, 0.975), float(smoothstep(0.12, 0.3, mouth))),
        )
    canvas.stroke(curve(foot), ink, unit * 0.014, 0.75 * ajar)
    weight = 0.35 + 0.65 * (1.0 - BETWEEN**2) ** 0.5
    thick = unit * 0.0085 * weight * np.array([0.0, 1.0])[:, None]
    line = np.concatenate([top - thick.T, (top + thick.T)[::-1]])
    canvas.fill(polygon(line), solid(ink), MOUTH)
    shadow = head.face(x[4:11] * 0.85, np.full(7, float(lower[7]) + 0.075))
    canvas.stroke(curve(shadow), skin_shade(skin), unit * 0.022, 0.7)


def mouth_landmarks(identity: Identity, head: Head, mouth: float, smile: float) -> dict[str, Points]:
    """Corners and lip centres in pixels."""
    x, upper, lower = _lips(identity, mouth, smile)
    return {
        "mouth_left": head.face(x[0], upper[0]),
        "mouth_right": head.face(x[-1], upper[-1]),
        "upper_lip": head.face(x[7], upper[7]),
        "lower_lip": head.face(x[7], lower[7]),
    }


def _brow_line(identity: Identity, eye: EyeShape, brow: float) -> tuple[Floats, Floats]:
    """x and y of a brow's middle line from its inner to its outer end, in head units."""
    u = BETWEEN
    level = eye.y - eye.height - identity.between("brow_level", 0.125, 0.195) + (0.05 if identity.male else 0.0)
    inner = (1.0 - u) / 2.0
    arch = identity.between("brow_arch", 0.02, 0.075) * (1.0 - u**2)
    y = level - arch - 0.02 * u
    if brow < 0:
        y = y - brow * (0.055 + 0.15 * inner**1.5)
    else:
        y = y - brow * (0.055 + 0.13 * inner**1.5)
    x = eye.x + 0.02 + u * (0.255 if identity.male else 0.245) + 0.035 * min(0.0, brow) * inner
    return eye.side * x, y


def draw_brow(
    canvas: Canvas, identity: Identity, eye: EyeShape, brow: float, colour: Colour, alpha: float = 1.0
) -> None:
    """One brow; with alpha below 1 it only shows through what lies over it and claims no pixels."""
    x, y = _brow_line(identity, eye, brow)
    thick = identity.between("brow_thickness", *((0.055, 0.085) if identity.male else (0.035, 0.055)))
    profile = thick * np.interp(BETWEEN, [-1.0, -0.8, 0.0, 0.6, 1.0], [0.55, 0.95, 0.9, 0.6, 0.06]) / 2.0
    edge = np.concatenate([eye.head.face(x, y - profile), eye.head.face(x, y + profile)[::-1]])
    canvas.fill(curve(edge, closed=True, tension=0.9), solid(colour, alpha), BROW if alpha >= 1.0 else None)


def brow_landmarks(identity: Identity, eye: EyeShape, brow: float) -> dict[str, Points]:
    """Both ends of a brow in pixels."""
    x, y = _brow_line(identity, eye, brow)
    name = "left_brow" if eye.side < 0 else "right_brow"
    return {f"{name}_inner": eye.head.face(x[0], y[0]), f"{name}_outer": eye.head.face(x[-1], y[-1])}
