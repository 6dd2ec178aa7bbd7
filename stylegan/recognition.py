"""Tells whether two pictures show one identity: a network of its own reads the identity's latent back from the picture.

What it cannot see it leaves at the latents' mean, zero, so that the cosine of two readings weighs each coordinate by how
surely it is seen.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from stylegan.filters import tensors
from stylegan.vision import Regressor
from stylegan.weights import build, folder_named, load_module, save_config, save_module

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class RecognizerConfig:
    """The shape of the network.

    Attributes:
        latent_dim: size of the latents that it reads.
        resolution: side of the pictures that it looks at.
        widths: channels.
    """

    latent_dim: int = 64
    resolution: int = 256
    widths: tuple[int, ...] = (48, 96, 128, 192)


class Recognizer:
    """Reads identities."""

    def __init__(self, config: RecognizerConfig | None = None, device: str = "cpu") -> None:
        self.config, self.device = config or RecognizerConfig(), device
        self.network = Regressor(self.config.latent_dim, self.config.widths).to(device).eval()

    @torch.inference_mode()
    def read(self, pictures: NDArray[np.uint8], batch: int = 32) -> Floats:
        """The latent of each picture uint8 [B, H, W, 3], as far as it can be seen: [B, latent_dim]."""
        rows = [np.zeros((0, self.config.latent_dim), np.float32)]
        for tensor in tensors(pictures, batch, self.config.resolution, self.device):
            with torch.autocast(tensor.device.type, torch.bfloat16):
                rows.append(self.network(tensor).float().cpu().numpy())
        return np.concatenate(rows)


def cosine(a: Floats, b: Floats) -> Floats:
    """Cosine of each row of ``a`` with each of ``b``: [N, D], [M, D] → [N, M]."""
    x = a / np.linalg.norm(a, axis=1, keepdims=True).clip(1e-8)
    y = b / np.linalg.norm(b, axis=1, keepdims=True).clip(1e-8)
    return np.asarray(x @ y.T, np.float32)


def save_recognizer(recognizer: Recognizer, folder: Path) -> None:
    """Writes the part ``recognizer`` of ``config.json`` and ``recognizer.safetensors``."""
    save_module(recognizer.network, folder / "recognizer.safetensors")
    save_config(folder, "recognizer", asdict(recognizer.config))


def load_recognizer(folder: str | Path = "bundled", device: str = "cpu") -> Recognizer:
    """Loads what `save_recognizer` wrote, or the ``bundled`` one.

    Raises:
        BadWeights: something is missing, damaged or does not fit.
    """
    path = folder_named(folder, "judge")
    recognizer = build(path, "recognizer", RecognizerConfig, lambda config: Recognizer(config, device), "recognizer")
    load_module(recognizer.network, path / "recognizer.safetensors")
    return recognizer
