"""Hair behind: the mass at the back, what falls over the shoulders, and tails."""

from __future__ import annotations

import math

import numpy as np

from stylegan.portrait.canvas import Canvas, Points, curve, ellipse, linear, polygon, polygons, ribbon, solid
from stylegan.portrait.colour import Colour, mix
from stylegan.portrait.hair import HairColours, draw_lock, eased
from stylegan.portrait.head import HAIR_RX, HAIR_UP, Floats, Head, crown_arc, crown_ring, smoothstep
from stylegan.portrait.identity import BACK_STYLES, Identity
from stylegan.portrait.labels import ACCESSORY, HAIR

# Tufts on the silhouette of the "spiky" style: (angle from the right over the crown in radians, length, half width).
_TUFTS = (
    (-0.08, 0.16, 0.20), (3.22, 0.16, 0.20), (0.24, 0.26, 0.25), (2.90, 0.26, 0.25), (0.62, 0.20, 0.25),
    (2.50, 0.22, 0.25), (1.00, 0.25, 0.27), (2.10, 0.18, 0.25), (1.70, 0.22, 0.26), (1.34, 0.15, 0.24),
)  # fmt: skip


class BackHair:
    """The geometry of the hair behind the face; its lowest tip lies on pixel row ``lowest_row``."""

    def __init__(self, identity: Identity, head: Head, lowest_row: float) -> None:
        self.identity, self.head, self.row = identity, head, lowest_row
        self.style = BACK_STYLES[identity.back]
        self.tied = self.style in ("twin tails", "ponytail")
        self.low = head.y_at_row(lowest_row, 0.0)
        self.flare = identity.between("hair_flare", -0.10, 0.14) + (0.10 if self.style == "layered" else 0.0)

    def sway(self, y: Floats) -> Floats:
        """How far hair swings sideways at height ``y``."""
        if self.style != "wavy":
            return np.zeros_like(y)
        swing: Floats = 0.075 * np.sin(4.2 * y + 0.6) * smoothstep(0.25, 0.9, y)
        return swing

    def half_width(self, y: Floats) -> Floats:
        """Half the width of the mass at height ``y`` ≥ 0."""
        low = max(self.low, 0.25)
        share = np.clip(y / low, 0.0, 1.0)
        short = 1.0 - float(smoothstep(0.7, 1.7, low))
        tuck = (0.30 if self.identity.male else 0.16) * short * smoothstep(0.3, 1.2, y)
        width: Floats = HAIR_RX * self.head.volume * (1.0 - tuck) + self.flare * share**2 * min(1.0, low) + self.sway(y)
        return width


def _mass_outline(back: BackHair) -> Points:
    """The outline of the mass in pixels: over the crown and along a lower edge of tips."""
    head = back.head
    low = min(back.low, 0.95) if back.tied else back.low
    low = max(low, 0.12)
    dome_x, dome_y = (values * head.volume for values in crown_arc(30))
    y = np.linspace(0.02, max(low - 0.12, 0.03), 14)
    half = back.half_width(y)
    shift = -0.12 * head.sin
    depth = 0.05 if back.style == "straight" else 0.16
    width = float(half[-1])
    steps = np.linspace(-1.0, 1.0, 13)
    raised = np.where(np.arange(13) % 2 == 1, 0.0, depth) + 0.10 * steps**2 * (back.style != "straight")
    level = low - steps * width * head.roll_sin / head.roll_cos
    tips = np.stack([steps * width, np.maximum(level - raised, 0.03)], 1)
    edge = eased(tips, 4)
    left = np.stack([-half, y], 1)
    right = np.stack([half, y], 1)[::-1]
    whole = np.concatenate([np.stack([dome_x, dome_y], 1), left, edge, right])
    whole[:, 0] += shift
    return head.view(whole[:, 0], whole[:, 1])


def draw_spikes(canvas: Canvas, back: BackHair, colours: HairColours) -> None:
    """Tufts that break the silhouette of the "spiky" style; they grow out of the cap without a seam."""
    if back.style != "spiky":
        return
    head, lean = back.head, -0.17 * back.identity.side
    size = 0.85 + 0.3 * back.identity.values["hair_volume"]
    for angle, length, half in _TUFTS:
        bend = lean + 0.08 * math.cos(angle)
        at = angle + np.array([-half, 0.5 * (bend - half), bend, 0.55 * (bend + half), half])
        out = np.array([0.95, 1.0 + 0.45 * length * size, 1.0 + length * size, 1.0 + 0.35 * length * size, 0.95])
        x, y = HAIR_RX * np.cos(at) * out * head.volume - 0.03 * head.sin, -HAIR_UP * np.sin(at) * out * head.volume
        points = head.view(x, np.minimum(y, max(back.low - 0.02, 0.0)))
        root = head.view(HAIR_RX * math.cos(angle) * 0.86, -HAIR_UP * math.sin(angle) * 0.86)
        body = mix(colours.base, colours.shade, 0.25 + 0.3 * math.cos(angle) ** 2)
        tuft = np.concatenate([[root], points])
        path = curve(tuft, closed=True, tension=0.6)
        canvas.fill(
            path, linear(root, points[2], [(body, 0.0), (body, 1.0), (colours.base, 1.0)], [0.05, 0.42, 0.9]), HAIR
        )
        outer = curve(points, tension=0.6)
        canvas.stroke(outer, colours.line, head.unit * 0.013, 0.6)


def draw_back(canvas: Canvas, back: BackHair, colours: HairColours) -> None:
    """The mass behind head and shoulders."""
    head = back.head
    outline = _mass_outline(back)
    path = polygon(outline)
    tones = [(colours.base, 1.0), (mix(colours.shade, colours.deep, 0.5), 1.0), (colours.shade, 1.0)]
    foot = head.view(0.0, max(back.low, 0.8))
    canvas.fill(path, linear(head.view(0, -1.2), foot, tones, [0.0, 0.55, 1.0]), HAIR)
    with canvas.clip(path):
        y = np.linspace(0.3, max(back.low, 0.5), 8)
        places = np.array([[-0.86], [-0.55], [-0.24], [0.24], [0.55], [0.86]])
        width = head.unit * 0.05 * np.sin(np.linspace(0.2, np.pi, 8))
        folds = ribbon(head.view(places * back.half_width(y) - 0.12 * head.sin, y), width)
        canvas.fill(polygons(folds), solid(colours.deep, 0.5))
    canvas.stroke(path, colours.line, head.unit * 0.016, 0.8)


def _strand(back: BackHair, side: float, azimuth: float, width: float, reach: float, spread: float) -> Points:
    """A strand from behind the ear over the shoulder; ``reach`` is the share of the full length."""
    head = back.head
    seen = float(np.clip(side * azimuth + head.yaw, -1.6, 1.6))
    root = (HAIR_RX * head.volume - width * 0.85) * math.sin(seen)
    low = head.y_at_row(back.row, root)
    t = np.linspace(0.0, 1.0, 22)
    y = -0.75 + (low * reach + 0.75) * t
    hang = np.clip(y - 0.25, 0.0, None)
    x = (
        root * crown_ring(y) * (0.84 + 0.16 * smoothstep(-0.75, 0.3, y))
        + side * (spread + back.flare * 0.9) * hang**1.5 * 0.16
        + back.sway(y) * side
    )
    profile = np.interp(t, [0.0, 0.45, 0.75, 0.94, 1.0], [0.3, 1.0, 0.9, 0.38, 0.0])
    return ribbon(head.view(x, y), width * profile * head.unit)


def draw_drapes(canvas: Canvas, back: BackHair, colours: HairColours) -> None:
    """Strands that fall in front of the shoulders, behind the ears; the longest carries the hair's length."""
    if back.tied:
        return
    growth = float(smoothstep(0.5, 1.5, back.low))
    for side in (-1.0, 1.0):
        draw_lock(
            canvas, _strand(back, side, 2.0, 0.20 * (0.6 + 0.4 * growth), 0.90, 0.75), colours, back.head.unit, 0.35
        )
        draw_lock(
            canvas, _strand(back, side, 1.48, 0.13 * (0.6 + 0.4 * growth), 0.86, -0.45), colours, back.head.unit, 0.25
        )
        draw_lock(
            canvas, _strand(back, side, 1.72, 0.19 * (0.6 + 0.4 * growth), 1.0, 0.2), colours, back.head.unit, 0.12
        )


def _tail(back: BackHair, way: Points, width: float, slip: float, reach: float) -> Points:
    """One strand of a tail along the view points ``way``, from its root to the tip on the lowest row."""
    head = back.head
    t = np.linspace(0.0, 1.0, 20)
    low = head.y_at_row(back.row, float(way[-1, 0]))
    top = float(way[0, 1])
    points = way.copy()
    points[:, 1] = np.minimum(points[:, 1], max(low - 0.05, top - 0.3))
    points[-1, 1] = points[-2, 1] + (low - points[-2, 1]) * reach
    knots = np.linspace(0.0, 1.0, len(points))
    path = np.stack([np.interp(t**0.85, knots, points[:, axis]) for axis in (0, 1)], 1)
    kernel = np.array([1, 2, 3, 2, 1]) / 9.0
    for axis in (0, 1):
        padded = np.concatenate([[path[0, axis]] * 2, path[:, axis], [path[-1, axis]] * 2])
        smooth = np.convolve(padded, kernel, "valid")
        path[1:-1, axis] = smooth[1:-1]
    path[:, 0] += slip * np.sin(np.pi * t * 0.8) + back.flare * 0.6 * t * np.sign(way[-1, 0])
    profile = np.interp(t, [0.0, 0.12, 0.4, 0.75, 0.94, 1.0], [0.55, 0.85, 1.0, 0.8, 0.34, 0.0])
    return ribbon(head.view(path[:, 0], path[:, 1]), width * profile * head.unit)


def _draw_tail(canvas: Canvas, back: BackHair, colours: HairColours, way: Points) -> None:
    unit = back.head.unit
    side = float(np.sign(way[-1, 0] - way[0, 0]) or 1.0)
    draw_lock(canvas, _tail(back, way, 0.17, side * 0.14, 0.88), colours, unit, 0.3)
    draw_lock(canvas, _tail(back, way, 0.16, -side * 0.12, 0.84), colours, unit, 0.35)
    draw_lock(canvas, _tail(back, way, 0.19, 0.0, 1.0), colours, unit, 0.1)


def _draw_ponytail(canvas: Canvas, back: BackHair, colours: HairColours) -> None:
    head, side = back.head, back.identity.side
    x, y = (float(value) for value in head.turned(0.35 * side, -1.25, -0.75))
    way = np.array([[x, y], [x + side * 0.55, y - 0.20], [side * 1.32, -0.75], [side * 1.44, 0.1], [side * 1.34, 1.2]])
    _draw_tail(canvas, back, colours, way)


def draw_tails(canvas: Canvas, back: BackHair, colours: HairColours, tie: Colour) -> None:
    """A ponytail, or two tails beside the head with their hair ties; they fall in front of the shoulders."""
    if back.style == "ponytail":
        _draw_ponytail(canvas, back, colours)
    if back.style != "twin tails":
        return
    head = back.head
    for side in (-1.0, 1.0):
        x, y = (float(value) for value in head.turned(1.06 * side, -0.62, -0.15))
        out = side * 1.42 * (0.65 + 0.35 * head.cos) - 0.1 * head.sin
        way = np.array([[x, y], [x + side * 0.28, y - 0.10], [out, -0.25], [out + side * 0.06, 0.5], [out, 1.2]])
        _draw_tail(canvas, back, colours, way)
        knot = head.view(x + side * 0.06, y)
        canvas.fill(ellipse(knot, head.unit * 0.10, head.unit * 0.13), solid(tie), ACCESSORY)
