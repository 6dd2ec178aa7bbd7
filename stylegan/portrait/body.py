"""Neck, shoulders and clothes. The body faces the viewer; only its neck follows the head a little."""

from __future__ import annotations

from typing import Any

import numpy as np

from stylegan.portrait.canvas import Canvas, Points, curve, linear, polygon, solid
from stylegan.portrait.colour import WHITE, Colour, mix, scaled
from stylegan.portrait.features import skin_line, skin_shade
from stylegan.portrait.head import Head
from stylegan.portrait.identity import CLOTHES_STYLES, Identity, clothes_colours
from stylegan.portrait.labels import CLOTHES, SKIN

BOTTOM = 3.2
"""A height below the picture's last row."""


class Body:
    """Widths and places of one body; coordinates are head units about the middle of the shoulders."""

    def __init__(self, identity: Identity, head: Head) -> None:
        self.identity, self.unit = identity, head.unit
        self.cx = head.cx - head.roll_sin * 0.2 * head.unit + 0.10 * head.sin * head.unit
        self.cy = head.cy
        self.lean = -0.10 * head.sin
        self.neck = 0.43 if identity.male else 0.315
        low, high = (1.70, 1.86) if identity.male else (1.42, 1.58)
        self.shoulder = identity.between("shoulders", low, high)

    def at(self, points: Any) -> Points:
        """Body coordinates [N, 2] to pixels."""
        places = np.asarray(points, float)
        return places * self.unit + (self.cx, self.cy)

    def mirrored(self, right: Any) -> Points:
        """A symmetric outline from its right half, listed from top to bottom: right side down, left side up."""
        half = np.asarray(right, float)
        return self.at(np.concatenate([half, (half * (-1.0, 1.0))[::-1]]))


def draw_neck(canvas: Canvas, body: Body, skin: Colour) -> None:
    """Neck and the skin down to the collar bones, with the shadow of the chin."""
    n = body.neck
    lean = body.lean
    right = np.array([(n, 0.6), (n * 0.97, 1.2), (n * 1.08, 1.46), (n * 1.6, 1.68), (n * 2.2, 1.90), (n * 2.4, BOTTOM)])
    outline = np.concatenate([right, (right * (-1.0, 1.0))[::-1]])
    outline[:, 0] += lean * np.clip((1.45 - outline[:, 1]) / 0.8, 0.0, 1.0)
    path = curve(body.at(outline), closed=True, tension=0.9)
    shade = skin_shade(skin)
    canvas.fill(path, solid(mix(skin, shade, 0.12)), SKIN)
    with canvas.clip(path):
        dark = mix(shade, skin, 0.12)
        shadow = [
            (n * 1.5, 0.5),
            (n * 1.3, 1.36),
            (0.12 - lean, 1.60),
            (-0.12 - lean, 1.58),
            (-n * 1.3, 1.30),
            (-n * 1.5, 0.5),
        ]
        canvas.fill(curve(body.at(shadow), closed=True, tension=0.8), solid(dark, 0.9))
        for side in (-1.0, 1.0):
            bone = body.at([(side * 0.10, 1.86), (side * 0.36, 1.79), (side * 0.72, 1.76)])
            canvas.stroke(curve(bone), shade, body.unit * 0.025, 0.8)
    canvas.stroke(path, skin_line(skin), body.unit * 0.014, 0.7)


def _garment(canvas: Canvas, body: Body, neckline: Any, cloth: Colour) -> None:
    """The piece that covers shoulders and chest below ``neckline`` (right half, from the shoulder to the middle)."""
    s = body.shoulder
    middle = np.asarray(neckline, float)
    down = np.array([(s * 1.1, BOTTOM), (s * 1.06, 2.35), (s * 0.98, 2.04), (s * 0.80, 1.86)])
    half = np.concatenate([down, middle])
    outline = np.concatenate([half, (half * (-1.0, 1.0))[::-1][1 if middle[-1, 0] == 0 else 0 :]])
    path = curve(body.at(outline), closed=True, tension=0.75)
    dark = scaled(cloth, (0.74, 0.72, 0.80))
    canvas.fill(
        path,
        linear(body.at((0, 1.55)), body.at((0, 2.35)), [(cloth, 1.0), (mix(cloth, dark, 0.55), 1.0)], [0.0, 1.0]),
        CLOTHES,
    )
    with canvas.clip(path):
        for side in (-1.0, 1.0):
            fold = [
                (side * s * 0.66, 1.98),
                (side * s * 0.60, 2.4),
                (side * s * 0.66, 2.8),
                (side * s * 0.80, 2.8),
                (side * s * 0.70, 2.3),
            ]
            canvas.fill(curve(body.at(fold), closed=True), solid(dark, 0.55))
        under = body.at([(-0.62, 1.45), (0.0, 1.82), (0.62, 1.45)])
        canvas.fill(curve(under, closed=True), solid(dark, 0.4, body.unit * 0.07))
    canvas.stroke(path, scaled(cloth, 0.42), body.unit * 0.016, 0.85)


def _panel(canvas: Canvas, body: Body, points: Any, colour: Colour, smooth: bool = False) -> None:
    path = curve(body.at(points), closed=True, tension=0.85) if smooth else polygon(body.at(points))
    tones = [(colour, 1.0), (scaled(colour, (0.82, 0.80, 0.86)), 1.0)]
    canvas.fill(path, linear(body.at((0, 1.35)), body.at((0, 2.2)), tones, [0.0, 1.0]), CLOTHES)
    canvas.stroke(path, scaled(colour, 0.42), body.unit * 0.014, 0.85)


def _crew_neck(canvas: Canvas, body: Body, cloth: Colour, trim: Colour) -> None:
    n = body.neck
    line = [(n * 1.75, 1.64), (n * 1.25, 1.80), (n * 0.6, 1.90), (0.0, 1.93)]
    _garment(canvas, body, line, cloth)
    rim = np.array(line)
    edge = body.at(np.concatenate([rim, (rim * (-1, 1))[::-1][1:]]))
    canvas.stroke(curve(edge), scaled(trim, 0.55), body.unit * 0.085)
    canvas.stroke(curve(edge), trim, body.unit * 0.06, label=CLOTHES)


def _tie(canvas: Canvas, body: Body, trim: Colour, top: float) -> None:
    if body.identity.male:
        _panel(canvas, body, [(-0.075, top + 0.15), (0.075, top + 0.15), (0.15, 2.9), (-0.15, 2.9)], trim)
        _panel(canvas, body, [(-0.10, top), (0.10, top), (0.07, top + 0.17), (-0.07, top + 0.17)], trim)
        return
    for side in (-1.0, 1.0):
        bow = [(0.0, top + 0.06), (side * 0.30, top - 0.06), (side * 0.36, top + 0.12), (side * 0.27, top + 0.24)]
        _panel(canvas, body, bow, trim, smooth=True)
    _panel(canvas, body, [(-0.07, top), (0.07, top), (0.07, top + 0.15), (-0.07, top + 0.15)], trim, smooth=True)


def _shirt(canvas: Canvas, body: Body, cloth: Colour, trim: Colour) -> None:
    n = body.neck
    _garment(canvas, body, [(n * 1.55, 1.60), (0.0, 1.95)], cloth)
    _tie(canvas, body, trim, 1.82)
    collar = mix(cloth, WHITE, 0.55)
    for side in (-1.0, 1.0):
        flap = [
            (side * n * 1.08, 1.42),
            (0.0, 1.86),
            (side * 0.26, 2.10),
            (side * n * 1.95, 1.86),
            (side * n * 1.62, 1.56),
        ]
        _panel(canvas, body, flap, collar)


def _hoodie(canvas: Canvas, body: Body, cloth: Colour, trim: Colour) -> None:
    n = body.neck
    _garment(canvas, body, [(n * 1.6, 1.62), (n * 0.9, 1.86), (0.0, 1.98)], cloth)
    for side in (-1.0, 1.0):
        hood = [
            (side * n * 1.15, 1.36),
            (side * n * 1.95, 1.50),
            (side * n * 2.45, 1.74),
            (side * n * 1.5, 2.02),
            (side * 0.03, 2.14),
            (side * 0.16, 1.96),
            (side * n * 0.95, 1.74),
        ]
        _panel(canvas, body, hood, mix(cloth, WHITE, 0.08), smooth=True)
        string = body.at([(side * 0.19, 2.06), (side * 0.21, 2.3), (side * 0.20, 2.7)])
        canvas.stroke(curve(string), trim, body.unit * 0.045, label=CLOTHES)


def _turtleneck(canvas: Canvas, body: Body, cloth: Colour, trim: Colour) -> None:
    n = body.neck
    _garment(canvas, body, [(n * 1.6, 1.64), (n * 1.0, 1.74), (0.0, 1.80)], cloth)
    roll = [
        (n * 1.10, 1.26),
        (n * 1.16, 1.50),
        (n * 1.26, 1.68),
        (0.0, 1.80),
        (-n * 1.26, 1.68),
        (-n * 1.16, 1.50),
        (-n * 1.10, 1.26),
        (0.0, 1.38),
    ]
    _panel(canvas, body, roll, mix(cloth, trim, 0.12), smooth=True)


def _jacket(canvas: Canvas, body: Body, cloth: Colour, trim: Colour) -> None:
    n = body.neck
    shirt = mix(trim, WHITE, 0.82)
    s = body.shoulder
    chest = np.array([(0.0, 1.98), (n * 1.6, 1.56), (s * 0.75, 1.95), (s * 0.7, BOTTOM)])
    _panel(canvas, body, np.concatenate([chest, (chest * (-1.0, 1.0))[:0:-1]]), shirt)
    _tie(canvas, body, trim, 1.84)
    for side in (-1.0, 1.0):
        flap = [(side * n * 1.06, 1.44), (0.0, 1.88), (side * 0.20, 2.06), (side * n * 1.6, 1.70)]
        _panel(canvas, body, flap, shirt)
        front = [
            (side * n * 1.5, 1.54),
            (side * s * 0.80, 1.85),
            (side * s * 0.93, 1.95),
            (side * s * 0.99, 2.10),
            (side * s * 1.1, BOTTOM),
            (side * 0.10, BOTTOM),
            (side * 0.34, 2.3),
            (side * n * 1.45, 1.72),
        ]
        _panel(canvas, body, front, cloth)
        lapel = [
            (side * n * 1.45, 1.55),
            (side * n * 2.25, 1.84),
            (side * n * 1.8, 2.02),
            (side * n * 1.75, 2.14),
            (side * 0.34, 2.55),
            (side * n * 1.40, 1.76),
        ]
        _panel(canvas, body, lapel, scaled(cloth, (0.86, 0.85, 0.90)))


_DRAW = {
    "crew neck": _crew_neck,
    "shirt": _shirt,
    "hoodie": _hoodie,
    "turtleneck": _turtleneck,
    "jacket": _jacket,
}


def draw_body(canvas: Canvas, identity: Identity, head: Head) -> None:
    """Neck and clothes."""
    body = Body(identity, head)
    draw_neck(canvas, body, identity.skin)
    cloth, trim = clothes_colours(identity)
    _DRAW[CLOTHES_STYLES[identity.clothes]](canvas, body, cloth, trim)
