"""Which faces are served: a network of its own tells a woman's face from a man's, and a clean picture from a spoilt one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylegan.vision import Regressor, to_tensor
from stylegan.weights import build, folder_named, load_module, save_config, save_module

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FilterConfig:
    """The shape of the filters and what they let through.

    Attributes:
        resolution: side of the pictures that they look at.
        widths: channels of the network.
        gender: the least chance of a woman's face that is served.
        quality: the least quality that is served.
    """

    resolution: int = 256
    widths: tuple[int, ...] = (32, 64, 96, 128)
    gender: float = 0.5
    quality: float = 0.6


class Filters:
    """Judges gender (0 male … 1 female) and quality (0 spoilt … 1 clean) of face pictures."""

    def __init__(self, config: FilterConfig | None = None, device: str = "cpu") -> None:
        self.config, self.device = config or FilterConfig(), device
        self.network = Regressor(2, self.config.widths).to(device).eval()

    @torch.inference_mode()
    def measure(self, pictures: NDArray[np.uint8], batch: int = 32) -> dict[str, Floats]:
        """Gender and quality of pictures uint8 [B, H, W, 3], each [B] in 0…1."""
        rows = [np.zeros((0, 2), np.float32)]
        for tensor in tensors(pictures, batch, self.config.resolution, self.device):
            with torch.autocast(tensor.device.type, torch.bfloat16):
                found = self.network(tensor).float()
            rows.append(torch.stack([found[:, 0].sigmoid(), found[:, 1].clamp(0, 1)], 1).cpu().numpy())
        found_all = np.concatenate(rows)
        return {"gender": found_all[:, 0], "quality": found_all[:, 1]}

    def serves(self, pictures: NDArray[np.uint8], batch: int = 32) -> NDArray[np.bool_]:
        """Which of the pictures, best of faces at rest, pass both thresholds of the configuration: [B]."""
        found = self.measure(pictures, batch)
        return (found["gender"] >= self.config.gender) & (found["quality"] >= self.config.quality)


def tensors(pictures: NDArray[np.uint8], batch: int, resolution: int, device: str) -> Iterator[Tensor]:
    """Pictures as a network takes them, batch by batch."""
    for start in range(0, len(pictures), batch):
        yield to_tensor(np.ascontiguousarray(pictures[start : start + batch]), resolution).to(device)


def save_filters(filters: Filters, folder: Path) -> None:
    """Writes the filters' part of ``config.json`` and ``filters.safetensors``."""
    save_module(filters.network, folder / "filters.safetensors")
    save_config(folder, "filters", asdict(filters.config))


def load_filters(folder: str | Path = "bundled", device: str = "cpu") -> Filters:
    """Loads what `save_filters` wrote, or the ``bundled`` ones.

    Raises:
        BadWeights: something is missing, damaged or does not fit.
    """
    path = folder_named(folder, "judge")
    filters = build(path, "filters", FilterConfig, lambda config: Filters(config, device), "filters")
    load_module(filters.network, path / "filters.safetensors")
    return filters
