"""Where pictures of faces come from: a generator, or the renderer itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from stylegan.attributes import ATTRIBUTES, CONDITIONS

if TYPE_CHECKING:
    from stylegan.generator import Generator

Wanted = Mapping[str, float]
"""Attributes by name, in their own units."""


class Pictures(Protocol):
    """Makes pictures of identities."""

    latent_dim: int

    def __call__(self, latents: NDArray[np.floating], attributes: Sequence[Wanted]) -> NDArray[np.uint8]:
        """Latents [B, latent_dim] and B sets of attributes → uint8 [B, H, W, 3]."""
        ...


class GeneratedPictures:
    """Pictures of a generator.

    Args:
        generator: conditioned on attributes.
        batch: pictures of one forward pass.
        truncation_psi: 1 shows identities as they are, less draws them towards the average face.
    """

    def __init__(self, generator: Generator, batch: int = 8, truncation_psi: float = 1.0) -> None:
        self.generator, self.batch, self.truncation_psi = generator, batch, truncation_psi
        self.latent_dim = generator.config.latent_dim

    def __call__(self, latents: NDArray[np.floating], attributes: Sequence[Wanted]) -> NDArray[np.uint8]:
        import torch

        from stylegan.generator import to_pixels

        rows = []
        device = self.generator.w_avg.device
        with torch.inference_mode():
            for start in range(0, len(latents), self.batch):
                part = slice(start, start + self.batch)
                z = torch.from_numpy(np.asarray(latents[part], np.float32)).to(device)
                wanted = self.generator.attribute_tensor(attributes[part])
                rows.append(to_pixels(self.generator(z, wanted, self.truncation_psi)).cpu().numpy())
        return np.concatenate(rows)


class DrawnPictures:
    """Pictures of the renderer (needs skia)."""

    def __init__(self, size: int = 256) -> None:
        from stylegan.portrait import LATENT_DIM

        self.size, self.latent_dim = size, LATENT_DIM

    def __call__(self, latents: NDArray[np.floating], attributes: Sequence[Wanted]) -> NDArray[np.uint8]:
        from stylegan.portrait import draw

        return np.stack(
            [draw(latent, wanted, self.size).image for latent, wanted in zip(latents, attributes, strict=True)]
        )


def at_rest() -> dict[str, float]:
    """The attributes of a face that feels nothing in particular."""
    return {name: ATTRIBUTES[name].neutral for name in CONDITIONS}
