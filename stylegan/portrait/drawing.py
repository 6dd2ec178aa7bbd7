"""``draw``: latent and attributes to a picture with its exact labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stylegan.attributes import ATTRIBUTES, clamp
from stylegan.portrait import background as backgrounds
from stylegan.portrait.accessories import accessory_colour, draw_glasses, draw_hair_accessory
from stylegan.portrait.body import draw_body
from stylegan.portrait.canvas import Canvas, Points
from stylegan.portrait.colour import LUMINANCE, mix, toned
from stylegan.portrait.eyes import EyeShape, draw_eye, eye_landmarks, eye_shape
from stylegan.portrait.features import (
    brow_landmarks,
    draw_brow,
    draw_ears,
    draw_face,
    draw_mouth,
    draw_nose,
    mouth_landmarks,
    nose_tip,
    skin_shade,
)
from stylegan.portrait.hair import FrontHair, draw_ahoge, draw_cap, draw_side_locks, hair_colours, hair_shadow
from stylegan.portrait.head import Head
from stylegan.portrait.identity import Identity, identity_of
from stylegan.portrait.labels import BACKGROUND, HAIR
from stylegan.portrait.tresses import BackHair, draw_back, draw_drapes, draw_spikes, draw_tails

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Portrait:
    """A drawn picture and everything that is known about it.

    Attributes:
        image: uint8 [H, W, 3], sRGB.
        segments: uint8 [H, W], indices into ``labels.SEGMENTS``.
        attributes: the twelve attributes; those of face and pose as drawn, those of hair and background
            measured on this very picture.
        landmarks: (x, y) in pixels.
    """

    image: Image
    segments: Image
    attributes: dict[str, float]
    landmarks: dict[str, tuple[float, float]]


def draw(latent: NDArray[np.floating], attributes: Mapping[str, float], size: int = 256) -> Portrait:
    """Draw the person that ``latent`` stands for with the given attributes.

    Args:
        latent: float [64], scaled to length √64 first.
        attributes: raw units; a missing one is neutral, one out of range is clamped.
        size: the picture's width and height in pixels, at least 32.

    Raises:
        RendererMissing: skia-python is not installed.
    """
    wanted = {name: clamp(name, float(attributes.get(name, a.neutral))) for name, a in ATTRIBUTES.items()}
    identity = identity_of(latent)
    head = Head(identity, wanted, size)
    eyes = (eye_shape(identity, head, -1.0), eye_shape(identity, head, 1.0))
    eye_row = float(np.mean([eye.at(0.0, 0.0)[1] for eye in eyes]))
    lowest_row = eye_row + wanted["hair_length"] * (size - 1 - eye_row)
    wanted["hair_color"] = min(0.965, max(0.04, wanted["hair_color"]))  # beyond, locks could no longer be told apart
    canvas = Canvas(size)
    _draw_person(canvas, identity, head, eyes, wanted, lowest_row)
    image, segments = _composed(canvas, identity, wanted)
    measured = wanted | measure(image, segments, eye_row) | {"gender": float(identity.gender), "quality": 1.0}
    return Portrait(image, segments, measured, _landmarks(identity, head, eyes, wanted))


def _draw_person(
    canvas: Canvas,
    identity: Identity,
    head: Head,
    eyes: tuple[EyeShape, EyeShape],
    wanted: Mapping[str, float],
    lowest_row: float,
) -> None:
    """All layers but the background, from back to front."""
    colours = hair_colours(identity, wanted["hair_color"])
    front, back = FrontHair(identity, head, lowest_row), BackHair(identity, head, lowest_row)
    tie = accessory_colour(identity)
    mouth, smile, brow = wanted["mouth"], wanted["smile"], wanted["brow"]
    brow_colour = mix(
        toned(identity.hair_hue, identity.hair_saturation, 0.05 + 0.38 * wanted["hair_color"]), identity.skin, 0.08
    )
    draw_back(canvas, back, colours)
    draw_body(canvas, identity, head)
    draw_drapes(canvas, back, colours)
    draw_tails(canvas, back, colours, tie)
    draw_ears(canvas, identity, head)
    face = draw_face(canvas, identity, head)
    with canvas.clip(face):
        draw_mouth(canvas, identity, head, mouth, smile)
        draw_nose(canvas, identity, head)
    hair_shadow(canvas, front, face, skin_shade(identity.skin))
    for eye in eyes:
        draw_eye(canvas, identity, eye, wanted["eyes"], smile, colours.line)
        draw_brow(canvas, identity, eye, brow, brow_colour)
    draw_glasses(canvas, identity, head, eyes)
    draw_side_locks(canvas, front, colours)
    draw_cap(canvas, front, colours)
    for eye in eyes:
        draw_brow(canvas, identity, eye, brow, brow_colour, alpha=0.75)
    draw_spikes(canvas, back, colours)
    if identity.ahoge:
        draw_ahoge(canvas, front, colours)
    draw_hair_accessory(canvas, identity, head)


def _composed(canvas: Canvas, identity: Identity, wanted: Mapping[str, float]) -> tuple[Image, Image]:
    """Lay the person over the background and give hair and background the wanted luminance."""
    person = canvas.pixels()
    segments = _claimed(canvas.labels(), person[..., 3])
    _tone(person, segments == HAIR, wanted["hair_color"])
    bare = np.flatnonzero(person[..., 3] < 255)
    shown = backgrounds.pattern(identity, canvas.size, bare)
    visible = segments.ravel()[bare] == BACKGROUND
    light = backgrounds.solve_luminance(shown, visible, wanted["background_mean"], wanted["background_std"])
    front = _taken(person, bare).astype(np.float32)
    front[:, :3] += backgrounds.tinted(identity, light, shown) * (np.float32(255.0) - front[:, 3:])
    _put(person, bare, front)
    return np.ascontiguousarray(person[..., :3]), segments


def _taken(rgba: Image, where: NDArray[np.intp]) -> Image:
    """The pixels [K, 4] of ``rgba`` [H, W, 4] at flat places ``where`` [K]; read as words, which is much quicker."""
    return rgba.view(np.uint32).ravel()[where].view(np.uint8).reshape(-1, 4)


def _put(rgba: Image, where: NDArray[np.intp], values: NDArray[np.float32]) -> None:
    """Write ``values`` [K, 4], rounded and clipped to 0…255, to those places."""
    np.maximum(values, 0.0, out=values)
    values += np.float32(0.5)
    np.minimum(values, np.float32(255.0), out=values)
    rgba.view(np.uint32).ravel()[where] = values.astype(np.uint8).view(np.uint32).ravel()


def _claimed(labels: Image, alpha: Image) -> Image:
    """Labels, with unlabelled pixels that the person covers at least half given to a labelled neighbour."""
    bare = (labels == BACKGROUND) & (alpha >= 128)
    near = labels.copy()
    np.maximum(near[1:], labels[:-1], out=near[1:])
    np.maximum(near[:-1], labels[1:], out=near[:-1])
    np.maximum(near[:, 1:], labels[:, :-1], out=near[:, 1:])
    np.maximum(near[:, :-1], labels[:, 1:], out=near[:, :-1])
    return np.where(bare, near, labels)


def _tone(person: Image, hair: NDArray[np.bool_], target: float) -> None:
    """Give hair pixels the mean luminance ``target``, in place: darken them, or mix them with white.

    Pixels that hair covers in part change in proportion to their alpha, so edges stay smooth.

    Args:
        person: premultiplied rgba, uint8 [H, W, 4].
        hair: bool [H, W].
    """
    inside = np.flatnonzero(hair)
    if not len(inside):
        return
    weights = np.append(LUMINANCE, np.float32(0.0)) / np.float32(255.0)
    mean = float((_taken(person, inside).astype(np.float32) @ weights).mean())
    wide = hair.copy()
    wide[1:] |= hair[:-1]
    wide[:-1] |= hair[1:]
    wide[:, 1:] |= hair[:, :-1]
    wide[:, :-1] |= hair[:, 1:]
    where = np.flatnonzero(hair | (wide & (person[..., 3] < 255)))
    edged = _taken(person, where).astype(np.float32)
    if target <= mean:
        edged[:, :3] *= target / max(mean, 1e-4)
    else:
        alpha = edged[:, 3:]
        edged[:, :3] = alpha - (alpha - edged[:, :3]) * ((1.0 - target) / max(1.0 - mean, 1e-4))
    _put(person, where, edged)


def measure(image: Image, segments: Image, eye_row: float) -> dict[str, float]:
    """Hair and background attributes of a picture from its exact segmentation.

    Args:
        image: uint8 [H, W, 3].
        segments: uint8 [H, W].
        eye_row: mean pixel row of both eyes.
    """
    luminance = image.reshape(-1, 3).astype(np.float32) @ (LUMINANCE / np.float32(255.0))
    luminance = luminance.reshape(segments.shape)
    hair, behind = segments == HAIR, segments == BACKGROUND
    rows = np.flatnonzero(hair.any(1))
    last = len(segments) - 1
    length = (float(rows[-1]) - eye_row) / (last - eye_row) if len(rows) else 0.0
    shown = luminance[behind] if behind.any() else np.zeros(1, np.float32)
    return {
        "hair_color": float(luminance[hair].mean()) if hair.any() else 0.0,
        "hair_length": min(1.0, max(0.0, length)),
        "background_mean": float(shown.mean()),
        "background_std": float(shown.std()),
    }


def _landmarks(
    identity: Identity, head: Head, eyes: tuple[EyeShape, EyeShape], wanted: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    points: dict[str, Points] = {
        "nose_tip": nose_tip(identity, head),
        "chin": head.face(0.0, head.chin - 0.01),
        **mouth_landmarks(identity, head, wanted["mouth"], wanted["smile"]),
    }
    for eye in eyes:
        points |= eye_landmarks(identity, eye, wanted["eyes"], wanted["smile"])
        points |= brow_landmarks(identity, eye, wanted["brow"])
    return {name: (float(x), float(y)) for name, (x, y) in points.items()}
