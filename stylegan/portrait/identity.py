"""An identity is a latent: what each coordinate of z decides about a drawn person.

z ∈ R^64 is first normalised to length √64 as in StyleGAN (Karras et al. 2019), so every coordinate is nearly
standard normal and u = Φ(z_i) nearly uniform. Each property is a smooth function of one u, or a category cut
from one u by thresholds. ``COORDINATES`` is the whole table; coordinates past its end decide nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stylegan.portrait.colour import Colour, hsv, mix

LATENT_DIM = 64

COORDINATES: tuple[tuple[str, str], ...] = (
    ("gender", "below the 35th percentile a man, above it a woman"),
    ("jaw", "narrow … wide lower face"),
    ("chin", "short … long chin"),
    ("cheek", "flat … full cheeks"),
    ("eye_width", "narrow … wide eyes"),
    ("eye_height", "low … tall eyes"),
    ("eye_tilt", "outer corners down … up"),
    ("eye_spacing", "eyes close … apart"),
    ("eye_level", "eyes high … low in the face"),
    ("iris_hue", "along a palette: brown, amber, green, teal, blue, violet, red"),
    ("iris_saturation", "muted … vivid eyes"),
    ("iris_value", "dark … bright eyes"),
    ("pupil", "small … large pupils"),
    ("lash", "thin … thick lashes"),
    ("gaze_x", "looks to the viewer's left … right"),
    ("gaze_y", "looks up … down"),
    ("brow_thickness", "thin … thick brows"),
    ("brow_level", "low … high brows"),
    ("brow_arch", "straight … arched brows"),
    ("nose_level", "short … long nose"),
    ("mouth_level", "mouth high … low"),
    ("mouth_width", "small … wide mouth"),
    ("skin_tone", "along a palette: fair … dark"),
    ("skin_warmth", "rosy … golden skin"),
    ("blush", "pale … rosy cheeks"),
    ("hair_hue", "along a palette: black, browns, blond, red, pink, violet, blue, teal, green, silver"),
    ("hair_saturation", "muted … vivid hair"),
    ("hair_volume", "flat … full hair"),
    ("back_style", "category: how hair falls, see BACK_STYLES"),
    ("bang_style", "category: how hair frames the forehead, see BANG_STYLES"),
    ("bang_length", "short … long bangs"),
    ("parting", "parting, and which side asymmetric styles lean to (its sign)"),
    ("hair_flare", "hair hangs inwards … outwards"),
    ("side_lock", "short … long locks beside the face"),
    ("lock_width", "slim … broad locks"),
    ("ahoge", "category: above the 78th percentile one lock stands up"),
    ("hair_shine", "matt … glossy hair"),
    ("shine_level", "the gloss lies high … low"),
    ("hair_tip", "hue of the tips: turned backwards … forwards on the colour wheel"),
    ("clothes_style", "category, see CLOTHES_STYLES"),
    ("clothes_hue", "around the colour wheel"),
    ("clothes_saturation", "grey … vivid clothes"),
    ("clothes_value", "dark … bright clothes"),
    ("trim_hue", "hue of collar, tie and strings"),
    ("trim_value", "dark … bright trim"),
    ("background_style", "category, see BACKGROUND_STYLES"),
    ("background_hue", "around the colour wheel"),
    ("background_saturation", "grey … vivid background"),
    ("background_angle", "direction of gradients and stripes"),
    ("background_turn", "how far the hue turns across the background"),
    ("accessory", "category, see ACCESSORIES"),
    ("accessory_hue", "around the colour wheel"),
    ("roll", "head leans to the viewer's left … right"),
    ("offset", "head stands left … right of the middle"),
    ("scale", "farther … nearer"),
    ("shoulders", "narrow … broad shoulders"),
)
"""(name, meaning from low to high) of each coordinate of z, by index."""

BACK_STYLES = ("straight", "wavy", "layered", "twin tails", "ponytail", "spiky")
BANG_STYLES = ("blunt", "full", "parted in an M", "swept", "curtain", "choppy", "tousled", "cropped")
CLOTHES_STYLES = ("crew neck", "shirt", "hoodie", "turtleneck", "jacket")
BACKGROUND_STYLES = ("plain", "gradient", "vignette", "bokeh", "stripes")
ACCESSORIES = ("none", "glasses", "ribbon", "hairpin")

MALE_SHARE = 0.35

_BACK_SHARES = {0: (0.04, 0.06, 0.50, 0.0, 0.04, 0.36), 1: (0.26, 0.20, 0.24, 0.14, 0.14, 0.02)}
_BANG_SHARES = {
    0: (0.02, 0.10, 0.17, 0.19, 0.10, 0.08, 0.24, 0.10),
    1: (0.16, 0.20, 0.20, 0.18, 0.14, 0.12, 0.0, 0.0),
}
_ACCESSORY_SHARES = {0: (0.84, 0.16, 0.0, 0.0), 1: (0.68, 0.10, 0.12, 0.10)}

_SKIN: tuple[Colour, ...] = (
    (1.0, 0.935, 0.895),
    (1.0, 0.91, 0.855),
    (0.995, 0.88, 0.805),
    (0.955, 0.79, 0.68),
    (0.80, 0.60, 0.47),
    (0.62, 0.44, 0.34),
)
_HAIR = (  # hue, saturation
    (0.64, 0.22), (0.60, 0.10), (0.05, 0.22), (0.06, 0.42), (0.05, 0.52), (0.09, 0.50), (0.12, 0.48),
    (0.07, 0.60), (0.02, 0.62), (-0.03, 0.50), (-0.09, 0.40), (-0.18, 0.38), (-0.27, 0.40), (-0.36, 0.42),
    (-0.42, 0.46), (-0.48, 0.42), (-0.52, 0.34), (-0.60, 0.28),
)  # fmt: skip
_IRIS_HUES = (0.04, 0.07, 0.10, 0.20, 0.36, 0.46, 0.54, 0.58, 0.63, 0.72, 0.78, 0.90, 0.98)


@dataclass(frozen=True)
class Identity:
    """A drawn person: lengths in head units (half a head's width ≈ 1), colours as sRGB, categories as indices."""

    gender: int
    values: dict[str, float]
    back: int
    bang: int
    clothes: int
    background: int
    accessory: int
    ahoge: bool
    side: float
    skin: Colour
    hair_hue: float
    hair_saturation: float
    iris_hue: float

    def between(self, name: str, low: float, high: float) -> float:
        """The coordinate ``name`` as a quantile of the range ``low`` … ``high`` (uniform)."""
        return low + (high - low) * self.values[name]

    @property
    def male(self) -> bool:
        return self.gender == 0


def normalised(latent: NDArray[np.floating]) -> NDArray[np.float64]:
    """``latent`` [64] scaled to length √64."""
    z = np.asarray(latent, np.float64)
    return z * (math.sqrt(LATENT_DIM) / max(float(np.linalg.norm(z)), 1e-8))


def _category(u: float, shares: Sequence[float]) -> int:
    edges = np.cumsum(shares)[:-1].tolist()
    return bisect_right(edges, u)


def _along(u: float, palette: Sequence[Sequence[float]]) -> list[float]:
    """Piecewise linear through ``palette`` at u ∈ 0…1."""
    place = min(max(u, 0.0), 1.0) * (len(palette) - 1)
    index = min(int(place), len(palette) - 2)
    return [a + (b - a) * (place - index) for a, b in zip(palette[index], palette[index + 1], strict=True)]


def identity_of(latent: NDArray[np.floating]) -> Identity:
    """The person that ``latent`` [64] stands for; its length does not matter."""
    z = normalised(latent)
    values = {
        name: 0.5 * (1.0 + math.erf(float(value) / math.sqrt(2.0)))
        for (name, _), value in zip(COORDINATES, z, strict=False)
    }
    gender = int(values["gender"] >= MALE_SHARE)
    red, green, blue = _along(values["skin_tone"] ** 1.35, _SKIN)
    warm = values["skin_warmth"] - 0.5
    skin = (red, min(1.0, green * (1 + 0.03 * warm)), min(1.0, blue * (1 - 0.06 * warm)))
    hue, saturation = _along(values["hair_hue"], _HAIR)
    return Identity(
        gender=gender,
        values=values,
        back=_category(values["back_style"], _BACK_SHARES[gender]),
        bang=_category(values["bang_style"], _BANG_SHARES[gender]),
        clothes=_category(values["clothes_style"], (0.22, 0.22, 0.2, 0.16, 0.2)),
        background=_category(values["background_style"], (0.25, 0.25, 0.2, 0.15, 0.15)),
        accessory=_category(values["accessory"], _ACCESSORY_SHARES[gender]),
        ahoge=values["ahoge"] > 0.78,
        side=1.0 if values["parting"] >= 0.5 else -1.0,
        skin=skin,
        hair_hue=hue,
        hair_saturation=saturation * (0.7 + 0.6 * values["hair_saturation"]),
        iris_hue=_along(values["iris_hue"], [(hue,) for hue in _IRIS_HUES])[0],
    )


def clothes_colours(identity: Identity) -> tuple[Colour, Colour]:
    """Cloth and trim."""
    cloth = hsv(
        identity.values["clothes_hue"],
        identity.between("clothes_saturation", 0.05, 0.55),
        identity.between("clothes_value", 0.25, 0.97),
    )
    trim = hsv(identity.values["trim_hue"], 0.5, identity.between("trim_value", 0.35, 0.95))
    return cloth, mix(trim, cloth, 0.15)
