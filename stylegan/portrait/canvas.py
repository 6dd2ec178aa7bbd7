"""A drawing surface that paints a picture and its segmentation at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylegan.errors import RendererMissing
from stylegan.portrait.colour import Colour

Points = NDArray[np.floating[Any]]
"""Float array [N, 2] of (x, y) in pixels."""

LABEL_STEP = 16
"""Labels are painted as multiples of this red value, so that none can be mistaken for its neighbour."""


def renderer() -> Any:
    """The module ``skia``, imported only when something is drawn.

    Raises:
        RendererMissing: skia-python is not installed.
    """
    try:
        import skia
    except ImportError:
        raise RendererMissing("skia-python is not installed; install it with: pip install 'ohlora[train]'") from None
    return skia


def polygon(points: Points, closed: bool = True) -> Any:
    """A path of straight lines through ``points``."""
    skia = renderer()
    path = skia.Path()
    path.addPoly([skia.Point(x, y) for x, y in points.tolist()], closed)
    return path


def curve(points: Points, closed: bool = False, tension: float = 1.0) -> Any:
    """A smooth path through ``points``: cubic pieces with Catmull–Rom tangents, scaled by ``tension``."""
    knots = np.asarray(points, float)
    first, last = (knots[-1:], knots[:1]) if closed else (knots[:1], knots[-1:])
    around = np.concatenate([first, knots, last])
    handle = (around[2:] - around[:-2]) * (tension / 6.0)
    ends = np.concatenate([knots[1:], knots[:1]])
    handles = np.concatenate([handle[1:], handle[:1]])
    rows = np.concatenate([knots + handle, ends - handles, ends], 1).tolist()
    path = renderer().Path()
    path.moveTo(*knots[0].tolist())
    for row in rows if closed else rows[:-1]:
        path.cubicTo(*row)
    if closed:
        path.close()
    return path


def ellipse(centre: Points, rx: float, ry: float) -> Any:
    """An upright ellipse about ``centre`` [2]."""
    x, y = centre.tolist()
    skia = renderer()
    path = skia.Path()
    path.addOval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry))
    return path


def polygons(outlines: Points) -> Any:
    """One path of several closed polygons [K, N, 2]."""
    skia = renderer()
    path = skia.Path()
    for points in outlines.tolist():
        path.addPoly([skia.Point(x, y) for x, y in points], True)
    return path


def ribbon(centre: Points, half_width: NDArray[np.floating[Any]]) -> Points:
    """The outline of a band, down one side and back up the other.

    Args:
        centre: [..., N, 2] points along its middle; leading axes stand for several bands.
        half_width: [..., N] in pixels.

    Returns:
        [..., 2N, 2].
    """
    before = np.concatenate([2 * centre[..., :1, :] - centre[..., 1:2, :], centre[..., :-1, :]], -2)
    after = np.concatenate([centre[..., 1:, :], 2 * centre[..., -1:, :] - centre[..., -2:-1, :]], -2)
    along = after - before
    scale = half_width / (np.hypot(along[..., 0], along[..., 1]) + 1e-6)
    offset = np.empty_like(along)
    offset[..., 0], offset[..., 1] = -along[..., 1] * scale, along[..., 0] * scale
    return np.concatenate([centre - offset, (centre + offset)[..., ::-1, :]], -2)


def solid(colour: Colour, alpha: float = 1.0, blur: float = 0.0) -> Any:
    """A paint of one colour; ``blur`` softens its edges by so many pixels (standard deviation)."""
    skia = renderer()
    paint = skia.Paint(AntiAlias=True, Color4f=skia.Color4f(*colour, alpha))
    if blur > 0:
        paint.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, blur))
    return paint


def _stops(colours: Sequence[tuple[Colour, float]]) -> list[int]:
    skia = renderer()
    return [skia.Color4f(*colour, alpha).toColor() for colour, alpha in colours]


def linear(start: Points, end: Points, colours: Sequence[tuple[Colour, float]], stops: Sequence[float]) -> Any:
    """A paint that runs from ``start`` to ``end`` through (colour, alpha) pairs at ``stops`` (0…1)."""
    skia = renderer()
    points = [skia.Point(*map(float, start)), skia.Point(*map(float, end))]
    shader = skia.GradientShader.MakeLinear(points, _stops(colours), list(stops))
    return skia.Paint(AntiAlias=True, Shader=shader)


def radial(centre: Points, radius: float, colours: Sequence[tuple[Colour, float]], stops: Sequence[float]) -> Any:
    """A paint that runs outwards from ``centre`` to ``radius`` through (colour, alpha) pairs at ``stops``."""
    skia = renderer()
    shader = skia.GradientShader.MakeRadial(
        skia.Point(*map(float, centre)), float(radius), _stops(colours), list(stops)
    )
    return skia.Paint(AntiAlias=True, Shader=shader)


class Canvas:
    """``size`` × ``size`` pixels of colour (transparent at first) and of labels (0 at first).

    A shape with a label claims its pixels in the segmentation; a shape without one only tints what is there.
    """

    def __init__(self, size: int) -> None:
        skia = renderer()
        self.size = size
        self._colour, self._labels = skia.Surface(size, size), skia.Surface(size, size)
        self._paints, self._marks = self._colour.getCanvas(), self._labels.getCanvas()
        self._paints.clear(skia.Color4f(0, 0, 0, 0))
        self._marks.clear(skia.Color4f(0, 0, 0, 1))

    def fill(self, path: Any, paint: Any, label: int | None = None) -> None:
        """Paint the inside of ``path``."""
        self._paints.drawPath(path, paint)
        if label is not None:
            skia = renderer()
            self._marks.drawPath(path, skia.Paint(AntiAlias=False, Color=skia.Color(label * LABEL_STEP, 0, 0)))

    def stroke(self, path: Any, colour: Colour, width: float, alpha: float = 1.0, label: int | None = None) -> None:
        """Draw along ``path`` with a round pen of ``width`` pixels."""
        skia = renderer()
        pen: dict[str, Any] = {
            "Style": skia.Paint.kStroke_Style,
            "StrokeWidth": width,
            "StrokeCap": skia.Paint.kRound_Cap,
            "StrokeJoin": skia.Paint.kRound_Join,
        }
        self._paints.drawPath(path, skia.Paint(AntiAlias=True, Color4f=skia.Color4f(*colour, alpha), **pen))
        if label is not None:
            mark = skia.Paint(AntiAlias=False, Color=skia.Color(label * LABEL_STEP, 0, 0), **pen)
            self._marks.drawPath(path, mark)

    @contextmanager
    def clip(self, *paths: Any) -> Iterator[None]:
        """Within it, only pixels inside all ``paths`` are touched."""
        skia = renderer()
        for surface, smooth in ((self._paints, True), (self._marks, False)):
            surface.save()
            for path in paths:
                surface.clipPath(path, skia.ClipOp.kIntersect, smooth)
        yield
        self._paints.restore()
        self._marks.restore()

    @contextmanager
    def shifted(self, dx: float, dy: float) -> Iterator[None]:
        """Within it, everything is drawn (dx, dy) pixels away."""
        for surface in (self._paints, self._marks):
            surface.save()
            surface.translate(dx, dy)
        yield
        self._paints.restore()
        self._marks.restore()

    @contextmanager
    def layer(self, alpha: float) -> Iterator[None]:
        """Within it, shapes are gathered, then laid down together at ``alpha``."""
        self._paints.saveLayer(None, renderer().Paint(Alphaf=alpha))
        yield
        self._paints.restore()

    def pixels(self) -> NDArray[np.uint8]:
        """The colours so far: uint8 [size, size, 4], premultiplied by alpha."""
        skia = renderer()
        rgba: NDArray[np.uint8] = self._colour.toarray(
            colorType=skia.kRGBA_8888_ColorType, alphaType=skia.kPremul_AlphaType
        )
        return rgba

    def labels(self) -> NDArray[np.uint8]:
        """The segmentation so far: uint8 [size, size]."""
        red = self._labels.toarray(colorType=renderer().kRGBA_8888_ColorType)[..., 0]
        labels: NDArray[np.uint8] = (red + np.uint8(LABEL_STEP // 2)) // np.uint8(LABEL_STEP)
        return labels
