"""Hair in front: the cap over the skull with its bangs, and the locks beside the face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stylegan.portrait.canvas import Canvas, Points, curve, linear, polygon, polygons, radial, ribbon, solid
from stylegan.portrait.colour import WHITE, Colour, mix, toned
from stylegan.portrait.head import HAIR_RX, HAIR_RZ, HAIR_UP, Floats, Head, crown_arc, smoothstep, soft_min
from stylegan.portrait.identity import BANG_STYLES, Identity
from stylegan.portrait.labels import HAIR

Knot = tuple[float, float]
"""(azimuth, height) on the hair's surface."""

# Lower edge of the bangs from the right temple to the left one, notch and tip in turn (both ends are notches).
# Azimuths in radians, heights in head units; asymmetric styles are mirrored for identities that part the other way.
_BANGS: dict[str, tuple[Knot, ...]] = {
    "blunt": (
        (1.22, -0.02), (1.02, 0.10), (0.84, -0.04), (0.66, 0.05), (0.48, -0.07), (0.27, 0.04), (0.10, -0.06),
        (-0.10, 0.04), (-0.27, -0.07), (-0.46, 0.04), (-0.64, -0.06), (-0.82, 0.06), (-1.00, -0.03),
        (-1.10, 0.12), (-1.22, -0.02),
    ),
    "full": (
        (1.25, -0.08), (1.06, 0.30), (0.88, -0.14), (0.68, 0.13), (0.50, -0.24), (0.30, 0.08), (0.17, -0.22),
        (0.0, 0.15), (-0.19, -0.26), (-0.38, 0.06), (-0.55, -0.20), (-0.74, 0.14), (-0.90, -0.12),
        (-1.06, 0.28), (-1.25, -0.08),
    ),
    "parted in an M": (
        (1.25, -0.10), (1.08, 0.36), (0.90, -0.18), (0.72, 0.14), (0.56, -0.48), (0.42, -0.10), (0.28, -0.50),
        (0.02, 0.22), (-0.14, -0.50), (-0.34, -0.08), (-0.50, -0.46), (-0.70, 0.12), (-0.90, -0.18),
        (-1.08, 0.36), (-1.25, -0.10),
    ),
    "swept": (
        (1.25, -0.10), (1.10, 0.40), (0.98, -0.02), (0.92, 0.14), (0.52, -0.86), (-0.05, -0.06), (-0.16, -0.30),
        (-0.42, 0.10), (-0.48, -0.16), (-0.74, 0.20), (-0.80, -0.06), (-1.04, 0.36), (-1.25, -0.08),
    ),
    "curtain": (
        (1.25, -0.06), (1.12, 0.48), (0.96, 0.0), (0.92, 0.24), (0.74, -0.22), (0.66, -0.02), (0.06, -0.98),
        (-0.58, -0.02), (-0.68, -0.22), (-0.88, 0.24), (-0.94, 0.0), (-1.12, 0.48), (-1.25, -0.06),
    ),
    "choppy": (
        (1.25, -0.08), (1.04, 0.22), (0.80, -0.16), (0.50, 0.10), (0.22, -0.20), (-0.06, 0.12), (-0.30, -0.18),
        (-0.58, 0.08), (-0.82, -0.14), (-1.04, 0.24), (-1.25, -0.08),
    ),
    "tousled": (
        (1.22, -0.16), (1.02, 0.16), (0.86, -0.24), (0.62, 0.02), (0.54, -0.40), (0.20, 0.10), (0.18, -0.36),
        (-0.14, -0.04), (-0.14, -0.42), (-0.46, 0.08), (-0.50, -0.36), (-0.80, 0.02), (-0.88, -0.26),
        (-1.06, 0.16), (-1.22, -0.16),
    ),
    "cropped": (
        (1.20, -0.26), (1.04, -0.02), (0.90, -0.40), (0.60, -0.28), (0.52, -0.60), (0.20, -0.32), (0.16, -0.64),
        (-0.16, -0.34), (-0.20, -0.62), (-0.50, -0.28), (-0.58, -0.54), (-0.84, -0.14), (-0.94, -0.36),
        (-1.06, -0.02), (-1.20, -0.26),
    ),
}  # fmt: skip
_OVER_EARS: tuple[Knot, ...] = ((1.46, 0.62), (1.66, 0.30), (1.90, 0.80), (2.15, 0.55), (2.5, 0.95), (3.14, 0.9))
# An odd number of knots: it turns notches and tips about in ``eased``, which gives men's bangs straighter, sharper locks.
_BEHIND_EARS: tuple[Knot, ...] = (
    (1.33, 0.36),
    (1.42, -0.05),
    (1.74, 0.02),
    (1.86, 0.50),
    (2.2, 0.62),
    (2.5, 0.88),
    (3.14, 0.85),
)


# By how much the mean of drawn hair lies above the wanted luminance (measured over random portraits).
_DARKENING = ((0.05, 0.15, 0.25, 0.35, 0.65, 0.75, 0.90), (0.028, 0.021, 0.012, 0.004, -0.002, -0.007, -0.032))


@dataclass(frozen=True)
class HairColours:
    """The tones of one head of hair."""

    base: Colour
    shade: Colour
    deep: Colour
    light: Colour
    line: Colour
    tip: Colour


def hair_colours(identity: Identity, tone: float) -> HairColours:
    """Tones around luminance ``tone``; hue and saturation are the identity's."""
    hue, saturation = identity.hair_hue, min(0.85, identity.hair_saturation)
    cooler = hue - 0.035 if -0.2 < hue < 0.2 else hue + 0.03
    base = tone * 1.10 + 0.012 - float(np.interp(tone, *_DARKENING))
    base = min(0.985, max(0.012, base))
    dim = 0.66 + 0.16 * tone
    vivid = min(1.0, saturation * 1.15 + 0.06)
    return HairColours(
        base=toned(hue, saturation, base),
        shade=toned(cooler, vivid, base * dim),
        deep=toned(cooler, vivid, base * dim * (dim - 0.04)),
        light=toned(hue + 0.01, saturation * 0.7, base + (1.0 - base) * 0.32 + 0.03),
        line=toned(cooler, vivid, base * 0.22),
        tip=toned(hue + identity.between("hair_tip", -0.05, 0.05), saturation, base * 1.04),
    )


def eased(knots: Points, steps: int = 7) -> Points:
    """Lock edges between knots in turn notch, tip, notch …: each leaves the notch steeply and bends into the tip."""
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[:, None]
    parts = []
    for index in range(len(knots) - 1):
        start, end = knots[index], knots[index + 1]
        notch, tip = (start, end) if index % 2 == 0 else (end, start)
        bend = np.array([notch[0] + 0.30 * (tip[0] - notch[0]), notch[1] + 0.60 * (tip[1] - notch[1])])
        parts.append((1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end)
    return np.concatenate([*parts, knots[-1:]])


class FrontHair:
    """The geometry of cap, bangs and side locks of one head.

    Args:
        lowest_row: no tip reaches below this pixel row.
    """

    def __init__(self, identity: Identity, head: Head, lowest_row: float) -> None:
        self.identity, self.head = identity, head
        self.limit = head.y_at_row(lowest_row, 0.0)
        self.bangs = self._bang_knots()
        ears = np.array(_BEHIND_EARS if self._ears_show() else _OVER_EARS)
        right, left = ears[::-1], ears * (-1.0, 1.0)
        around = np.concatenate([right, self.bangs, left])
        around[:, 1] = self.limited(around[:, 0], around[:, 1])
        self.knots = around
        self.first_bang = len(right)
        self.cap, self.low_edge = self._cap()
        self.locks = {(side, inner): self._side_lock(side, inner) for side in (-1.0, 1.0) for inner in (False, True)}

    def _ears_show(self) -> bool:
        return self.identity.male

    def _bang_knots(self) -> Points:
        identity = self.identity
        knots = np.array(_BANGS[BANG_STYLES[identity.bang]])
        if identity.side < 0:
            knots = knots[::-1] * (-1.0, 1.0)
        longer = identity.between("bang_length", -0.16, 0.0)
        tips = np.arange(len(knots)) % 2 == 1
        knots[tips, 1] += longer
        knots[tips, 0] -= identity.side * (0.05 + 0.03 * np.cos(3.0 * knots[tips, 0]))
        knots[~tips, 1] -= 0.05 + 0.05 * np.cos(5.0 * knots[~tips, 0] + 1.0)
        return knots

    def in_sight(self, side: float) -> float:
        """1, falling to 0 where the side locks turn behind the silhouette."""
        return 1.0 - fade(side * self.head.yaw, 0.25, 0.68)

    def limited(self, azimuth: Any, y: Any) -> Floats:
        """Heights, raised where they would come to lie below the lowest row."""
        head = self.head
        seen = np.clip(np.asarray(azimuth, float) + head.yaw, -1.6, 1.6)
        level = self.limit - HAIR_RX * np.sin(seen) * head.roll_sin / head.roll_cos
        bound = (level + HAIR_RZ * np.cos(seen) * head.pitch_sin) / head.pitch_cos
        return soft_min(y, bound, 0.05)

    def silhouette(self, start: float, end: float) -> Points:
        """The silhouette from height ``start`` at the right over the crown to ``end`` at the left, in pixels."""
        head = self.head
        x, y = (values * head.volume for values in crown_arc(40))
        x = np.concatenate([[x[0]], x, [x[-1]]])
        y = np.concatenate([[max(0.01, start)], y, [max(0.01, end)]])
        return head.view(x, y)

    def cap_edge(self) -> Points:
        """The visible part of the lower edge, from the viewer's right to the left: (azimuth, height)."""
        edge = eased(self.knots)
        visible: Points = edge[np.abs(edge[:, 0] + self.head.yaw) < 1.58]
        return visible

    def _cap(self) -> tuple[Any, Points]:
        """The path of the whole cap and its lower edge in pixels."""
        head = self.head
        edge = self.cap_edge()
        low = head.hair(edge[:, 0], edge[:, 1], 1.02)
        dome = self.silhouette(float(edge[0, 1]), float(edge[-1, 1]))
        return polygon(np.concatenate([dome, low[::-1]])), low

    def _side_lock(self, side: float, inner: bool) -> Points:
        """The outline of a lock that falls beside the cheek."""
        identity, head = self.identity, self.head
        t = np.linspace(0.0, 1.0, 16)
        length = identity.between("side_lock", *((0.30, 0.62) if identity.male else (0.55, 1.55)))
        if not inner:
            length *= 0.72
        azimuth = side * (0.80 + (0.26 if inner else 0.46) * np.sin(t * np.pi * 0.5))
        end = float(self.limited(azimuth[-1], length))
        y = -0.75 + (end + 0.75) * t
        broad = identity.between("lock_width", 0.085, 0.14) * (0.8 if identity.male else 1.0)
        half = broad * np.interp(t, [0, 0.25, 0.6, 0.85, 1.0], [0.7, 1.0, 0.95, 0.55, 0.0])
        half *= self.in_sight(side)
        return np.concatenate([head.hair(azimuth - half, y, 1.025), head.hair(azimuth + half, y, 1.025)[::-1]])


def draw_lock(canvas: Canvas, outline: Points, colours: HairColours, unit: float, shade: float = 0.0) -> None:
    """One lock from its outline (down one side and back up)."""
    path = polygon(outline)
    half = len(outline) // 2
    root, tip = outline[0], outline[half]
    tones = [(mix(colours.base, colours.shade, 0.35 + shade), 1.0), (mix(colours.base, colours.shade, shade), 1.0)]
    tones.append((mix(colours.tip, colours.shade, shade * 0.8), 1.0))
    canvas.fill(path, linear(root, tip, tones, [0.0, 0.45, 1.0]), HAIR)
    left, right = outline[:half], outline[half:][::-1]
    dark = np.concatenate([left * 0.35 + right * 0.65, right[::-1]])
    canvas.fill(polygon(dark), solid(colours.shade, 0.45))
    skip = half // 4
    canvas.stroke(polygon(outline[skip : len(outline) - skip], closed=False), colours.line, unit * 0.013, 0.75)


def draw_side_locks(canvas: Canvas, hair: FrontHair, colours: HairColours) -> None:
    """The locks beside the face, the farther side first."""
    for side in (-1.0, 1.0) if hair.head.sin < 0 else (1.0, -1.0):
        if hair.in_sight(side) < 0.05:
            continue
        if not hair.identity.male:
            draw_lock(canvas, hair.locks[side, False], colours, hair.head.unit, 0.2)
        draw_lock(canvas, hair.locks[side, True], colours, hair.head.unit, 0.04)


# Gloss along the crown: place (radians as seen), rise above the band, reach below it, half width.
_GLOSS = (
    (-1.02, 0.03, 0.07, 0.030), (-0.88, 0.06, 0.14, 0.045), (-0.70, 0.08, 0.10, 0.050), (-0.53, 0.07, 0.20, 0.050),
    (-0.36, 0.10, 0.13, 0.055), (-0.20, 0.08, 0.22, 0.048), (-0.05, 0.09, 0.12, 0.048), (0.11, 0.07, 0.17, 0.048),
    (0.27, 0.08, 0.10, 0.050), (0.44, 0.06, 0.16, 0.046), (0.60, 0.06, 0.09, 0.040), (0.76, 0.04, 0.12, 0.032),
)  # fmt: skip


def _shine(canvas: Canvas, hair: FrontHair, colours: HairColours) -> None:
    """Gloss around the crown: a soft band with streaks along the strands; it stays with the light."""
    head, identity = hair.head, hair.identity
    yaw = head.yaw
    height = identity.between("shine_level", -0.86, -0.68)
    strength = identity.between("hair_shine", 0.45, 0.9)
    seen = np.linspace(-1.1, 0.95, 30)
    level = height + 0.34 * seen**2
    thick = 0.12 * np.clip(1.0 - ((seen + 0.075) / 1.03) ** 2, 0.0, 1.0)
    band = np.concatenate(
        [head.hair(seen - yaw, level - thick, 1.02), head.hair(seen - yaw, level + thick, 1.02)[::-1]]
    )
    canvas.fill(polygon(band), solid(colours.light, 0.5 * strength, head.unit * 0.06))
    down = np.linspace(0.0, 1.0, 9)
    spindle = np.sin(np.pi * down) ** 0.8
    place, rise, reach, width = (column[:, None] for column in np.array(_GLOSS).T)
    heights = height + 0.34 * place**2 - 1.3 * rise + 1.5 * (0.87 * rise + reach) * down
    streaks = ribbon(head.hair(place * (0.93 + 0.14 * down) - yaw, heights, 1.02), head.unit * 0.66 * width * spindle)
    canvas.fill(polygons(streaks), solid(mix(colours.light, WHITE, 0.25), 0.6 * strength))


# Strands on the cap: azimuth at the foot, height there, half width.
_STRANDS = (
    (-1.75, 0.08, 0.065), (-1.35, -0.34, 0.042), (-0.98, -0.37, 0.026), (-0.62, -0.04, 0.052), (-0.28, -0.46, 0.062),
    (0.06, -0.46, 0.033), (0.42, -0.05, 0.030), (0.78, -0.42, 0.060), (1.14, -0.38, 0.055), (1.50, 0.05, 0.028),
)  # fmt: skip


def _strands(canvas: Canvas, hair: FrontHair, colours: HairColours) -> None:
    """Soft strands from the crown down the cap."""
    head = hair.head
    parting = 0.35 * (hair.identity.values["parting"] - 0.5)
    down = np.linspace(0.0, 1.0, 12)
    azimuth, foot, width = (column[:, None] for column in np.array(_STRANDS).T)
    way = parting + (azimuth - parting) * (0.35 + 0.65 * down**0.8)
    half = head.unit * width * np.sin(np.pi * down**0.8)
    strands = ribbon(head.hair(way, -1.26 + (foot + 1.26) * down, 1.02), half)
    canvas.fill(polygons(strands[np.abs(azimuth[:, 0] + head.yaw) < 1.45]), solid(colours.shade, 0.42))


def _lock_shades(canvas: Canvas, hair: FrontHair, colours: HairColours) -> None:
    """The shadowed right side of each lock, and the lines that run up from the notches."""
    head, knots = hair.head, hair.knots
    parting = 0.25 * (hair.identity.values["parting"] - 0.5)
    places = np.arange(len(knots))
    notches = places[((places - hair.first_bang) % 2 == 0) & (np.abs(knots[:, 0] + head.yaw) < 1.45) & (places > 0)]
    azimuth, y = knots[notches, :1], knots[notches, 1:]
    rise = np.linspace(0.0, 1.0, 9)
    climb = azimuth + (parting - 0.38 * azimuth) * rise**1.4
    lines = head.hair(climb, y + (np.minimum(y - 0.30, -0.62) - y) * rise, 1.02)
    canvas.fill(polygons(ribbon(lines, head.unit * 0.014 * (1.0 - rise) + 0.1)), solid(colours.line, 0.6))
    wedges = []
    for index in notches:
        notch, tip = knots[index], knots[index - 1]
        inner = np.array([tip, [notch[0] * 0.75 + tip[0] * 0.25, notch[1] - 0.32]])
        wedges.append(np.concatenate([eased(np.array([notch, tip])), inner]))
    surface = np.array(wedges)
    canvas.fill(polygons(head.hair(surface[..., 0], surface[..., 1], 1.02)), solid(colours.shade, 0.55))


def draw_cap(canvas: Canvas, hair: FrontHair, colours: HairColours) -> None:
    """The cap with its bangs, shaded as a ball lit from the upper left."""
    head = hair.head
    unit = head.unit
    path, low = hair.cap, hair.low_edge
    tones = [
        (mix(colours.base, colours.shade, 0.25), 1.0),
        (colours.base, 1.0),
        (colours.base, 1.0),
        (colours.tip, 1.0),
    ]
    canvas.fill(path, linear(head.view(0, -1.46), head.view(0, 0.35), tones, [0.0, 0.3, 0.7, 1.0]), HAIR)
    with canvas.clip(path):
        _strands(canvas, hair, colours)
        _lock_shades(canvas, hair, colours)
        rings = [(colours.shade, 0.0), (colours.shade, 0.15), (colours.deep, 0.75)]
        canvas.fill(path, radial(head.view(-0.22, -0.35), unit * 1.62, rings, [0.45, 0.72, 1.0]))
        _shine(canvas, hair, colours)
    canvas.stroke(polygon(low, closed=False), colours.line, unit * 0.016, 0.8)
    dome = hair.silhouette(0.0, 0.0)
    canvas.stroke(polygon(dome, closed=False), colours.line, unit * 0.016, 0.8)


def draw_ahoge(canvas: Canvas, hair: FrontHair, colours: HairColours) -> None:
    """One lock that stands up from the crown."""
    head, side = hair.head, hair.identity.side
    x = np.array([0.02, 0.06, 0.20, 0.38, 0.46]) * side
    y = -HAIR_UP * head.volume + np.array([0.10, -0.10, -0.22, -0.20, -0.06])
    width = head.unit * np.array([0.05, 0.06, 0.055, 0.04, 0.0])
    base = ribbon(head.view(x, y), width)
    path = curve(base, closed=True, tension=0.9)
    canvas.fill(path, solid(colours.base), HAIR)
    canvas.stroke(curve(base), colours.line, head.unit * 0.013, 0.8)


def hair_shadow(canvas: Canvas, hair: FrontHair, face: Any, colour: Colour) -> None:
    """What cap and side locks throw on the face."""
    unit = hair.head.unit
    with canvas.clip(face), canvas.shifted(unit * 0.035, unit * 0.085), canvas.layer(0.62):
        paint = solid(colour)
        canvas.fill(hair.cap, paint)
        for side in (-1.0, 1.0):
            canvas.fill(polygon(hair.locks[side, True]), paint)


def fade(y: float, low: float, high: float) -> float:
    """0 below ``low``, 1 above ``high``."""
    return float(smoothstep(low, high, y))
