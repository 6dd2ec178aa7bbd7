"""Glasses, a ribbon, a hairpin."""

from __future__ import annotations

import numpy as np

from stylegan.portrait.canvas import Canvas, curve, ellipse, solid
from stylegan.portrait.colour import WHITE, Colour, hsv, scaled
from stylegan.portrait.eyes import ROUND, EyeShape
from stylegan.portrait.head import Head
from stylegan.portrait.identity import ACCESSORIES, Identity
from stylegan.portrait.labels import ACCESSORY


def accessory_colour(identity: Identity) -> Colour:
    """The colour of ribbon, hairpin and hair ties."""
    return hsv(identity.values["accessory_hue"], 0.62, 0.82)


def draw_glasses(canvas: Canvas, identity: Identity, head: Head, eyes: tuple[EyeShape, EyeShape]) -> None:
    """Round frames about both eyes."""
    if ACCESSORIES[identity.accessory] != "glasses":
        return
    frame = hsv(identity.values["accessory_hue"], 0.35, 0.25)
    for eye in eyes:
        x = eye.side * eye.x + eye.width * 1.28 * np.cos(ROUND)
        y = eye.y + 0.03 + eye.height * 1.12 * np.sin(ROUND)
        rim = curve(head.face(np.clip(x, -1.0, 1.0), y, 0.07), closed=True)
        canvas.fill(rim, solid(WHITE, 0.10))
        canvas.stroke(rim, frame, head.unit * 0.032, label=ACCESSORY)
    gap = eyes[0].x - eyes[0].width * 1.28
    bridge = head.face(np.array([-gap, 0.0, gap]), eyes[0].y + np.array([0.0, -0.04, 0.0]), 0.08)
    canvas.stroke(curve(bridge), frame, head.unit * 0.030, label=ACCESSORY)


def draw_hair_accessory(canvas: Canvas, identity: Identity, head: Head) -> None:
    """A ribbon or a hairpin on the hair."""
    kind = ACCESSORIES[identity.accessory]
    if kind not in ("ribbon", "hairpin"):
        return
    colour, unit, side = accessory_colour(identity), head.unit, identity.side
    ink = scaled(colour, 0.4)
    if kind == "hairpin":
        for shift in (0.0, 0.10):
            pin = head.hair(side * np.array([0.72, 0.98]), np.array([-0.46, -0.36]) + shift, 1.04)
            canvas.stroke(curve(pin), ink, unit * 0.07)
            canvas.stroke(curve(pin), colour, unit * 0.045, label=ACCESSORY)
        return
    centre = head.hair(side * 0.86, -0.78, 1.06)
    for wing in (-1.0, 1.0):
        form = np.array([(0.0, -0.03), (wing * 0.30, -0.20), (wing * 0.36, 0.02), (wing * 0.28, 0.17), (0.0, 0.04)])
        path = curve(centre + form * unit, closed=True, tension=0.6)
        canvas.fill(path, solid(colour), ACCESSORY)
        fold = centre + np.array([(wing * 0.05, 0.0), (wing * 0.20, -0.02)]) * unit
        canvas.stroke(curve(fold), scaled(colour, 0.65), unit * 0.03)
        canvas.stroke(path, ink, unit * 0.014, 0.85)
    knot = ellipse(centre, unit * 0.07, unit * 0.085)
    canvas.fill(knot, solid(scaled(colour, 0.9)), ACCESSORY)
    canvas.stroke(knot, ink, unit * 0.014, 0.85)
