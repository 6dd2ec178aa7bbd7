"""Whose face it is: what stays the same in every frame."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylegan.attributes import ATTRIBUTES, EXPRESSION, clamp
from stylegan.errors import BadWeights

BUNDLED = Path(__file__).parent / "bundled" / "face"
HER_FILE = "aurora.json"
"""Beside the weights: 오로라's own face."""


@dataclass(frozen=True, eq=False)
class Face:
    """A person, and the scene she is seen in.

    Attributes:
        latent: float32 [latent_dim]: the identity.
        attributes: of hair and scene, in their own units; none of `EXPRESSION`.
    """

    latent: NDArray[np.float32]
    attributes: Mapping[str, float] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same for two faces that look the same."""
        scene = sorted((name, round(value, 4)) for name, value in self.attributes.items())
        return hashlib.sha256(self.latent.tobytes() + repr(scene).encode()).hexdigest()[:12]

    def showing(self, expression: Mapping[str, float]) -> dict[str, float]:
        """All attributes of a picture of this face with an expression."""
        moved = {name: value for name, value in expression.items() if name in EXPRESSION}
        return {**self.attributes, **moved}


def load_face(path: Path, latent_dim: int) -> Face:
    """Reads ``{"latent": [latent_dim numbers], "attributes": {hair and scene}}``.

    Raises:
        BadWeights: the file cannot be read, or does not fit a generator of this latent size.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        latent = np.array(content["latent"], np.float32)
        attributes = {name: float(value) for name, value in content.get("attributes", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadWeights(f"{path} describes no face ({error}); it needs 'latent' and 'attributes'") from error
    if latent.shape != (latent_dim,) or not np.isfinite(latent).all():
        raise BadWeights(f"{path}: 'latent' must be {latent_dim} numbers, as the generator takes")
    for name, value in attributes.items():
        if name not in ATTRIBUTES or name in EXPRESSION or not math.isfinite(value):
            raise BadWeights(f"{path}: 'attributes' names {name!r}; it may hold numbers for hair and scene only")
    return Face(latent, {name: clamp(name, value) for name, value in attributes.items()})


def plain_face(latent_dim: int) -> Face:
    """The face at the middle of all."""
    return Face(np.zeros(latent_dim, np.float32))
