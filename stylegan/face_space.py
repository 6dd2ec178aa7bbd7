"""A small vector for every face: an auto-encoder that squeezes a picture through a few numbers.

Pictures that look alike lie near each other in the space of these vectors, which is all that a taste is learnt from. Some of
the numbers are trained to say by themselves what people look at (hair, eyes, skin …), so that a taste for one of these is a
direction along one axis; the others keep whatever else the picture needs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from stylegan.errors import BadWeights
from stylegan.vision import convolution, to_tensor
from stylegan.weights import folder_named, load_config, load_module, save_config, save_module

Floats = NDArray[np.float32]
WEIGHTS = "taste.safetensors"
LEAST_TRUST = 0.01


@dataclass(frozen=True)
class SpaceConfig:
    """The shape of the auto-encoder.

    Attributes:
        size: numbers of a vector.
        named: what the first of them say, each in standard deviations of the portraits that it was trained on.
        resolution: side of the pictures that it looks at; larger ones are made smaller.
        widths: channels at 1/2, 1/4, … of that side.
        trust: what each number of the code is multiplied by in a vector, [size]; empty for 1. A name that cannot be read
            from pictures would only blur distances.
    """

    size: int = 32
    named: tuple[str, ...] = ()
    resolution: int = 64
    widths: tuple[int, ...] = (24, 48, 64, 96)
    trust: tuple[float, ...] = ()


class AutoEncoder(nn.Module):
    """Pictures [B, 3, R, R] of −1…1 → codes [B, size] → pictures.

    The numbers without a name have mean 0 and variance 1. While it is trained, noise is added to the code, so that what
    matters for the picture has to lie far apart, and a distance in the space says something (as in a variational
    auto-encoder, Kingma and Welling 2014, with a fixed variance).
    """

    noise = 0.2

    def __init__(self, config: SpaceConfig) -> None:
        super().__init__()
        widths = config.widths
        self.side, self.deepest = config.resolution >> len(widths), widths[-1]
        if self.side < 1 or self.side << len(widths) != config.resolution:
            raise ValueError(f"a side of {config.resolution} pixels cannot be halved {len(widths)} times")
        down: list[nn.Module] = [convolution(12, widths[0])]
        for a, b in pairwise(widths):
            down += [convolution(a, b, stride=2), convolution(b, b)]
        self.down = nn.Sequential(*down)
        self.squeeze = nn.Linear(self.deepest * self.side**2, config.size)
        self.named = len(config.named)
        if len(config.trust) not in (0, config.size):
            raise ValueError(f"{len(config.trust)} numbers of trust do not fit {config.size} of the code")
        if self.named >= config.size:
            raise ValueError(f"{self.named} names leave nothing free of {config.size} numbers")
        self.scale = nn.BatchNorm1d(config.size - self.named, affine=False)
        self.spread = nn.Linear(config.size, self.deepest * self.side**2)
        self.up = nn.ModuleList(
            nn.Sequential(convolution(b, a), convolution(a, a)) for a, b in reversed(list(pairwise(widths)))
        )
        self.paint = nn.Conv2d(widths[0], 12, 3, padding=1)

    def encode(self, pictures: Tensor) -> Tensor:
        """[B, size]"""
        maps = self.down(functional.pixel_unshuffle(pictures, 2))
        named, free = self.squeeze(maps.flatten(1)).float().tensor_split([self.named], 1)
        return torch.cat([named, self.scale(free)], 1)

    def decode(self, codes: Tensor) -> Tensor:
        """[B, 3, R, R]"""
        x = functional.relu(self.spread(codes)).view(-1, self.deepest, self.side, self.side)
        for stage in self.up:
            x = stage(functional.interpolate(x, scale_factor=2.0))
        return functional.pixel_shuffle(self.paint(x), 2)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The pictures painted anew, and their codes as they were without noise."""
        codes = self.encode(pictures)
        heard = codes + self.noise * torch.randn_like(codes) if self.training else codes
        return self.decode(heard), codes


class FaceSpace:
    """Vectors of face pictures.

    Attributes:
        size: numbers of a vector.
    """

    def __init__(self, config: SpaceConfig | None = None, device: str = "cpu") -> None:
        self.config, self.device = config or SpaceConfig(), device
        self.network = AutoEncoder(self.config).to(device).eval()

    @property
    def size(self) -> int:
        return self.config.size

    @property
    def trust(self) -> Floats:
        """What codes are multiplied by: [size], above 0."""
        return np.maximum(np.array(self.config.trust or (1.0,) * self.size, np.float32), LEAST_TRUST)

    @torch.inference_mode()
    def encode(self, pictures: NDArray[np.uint8], batch: int = 64) -> Floats:
        """Pictures uint8 [B, H, W, 3] of any size → vectors float32 [B, size]."""
        rows = [np.zeros((0, self.size), np.float32)]
        for start in range(0, len(pictures), batch):
            part = np.ascontiguousarray(pictures[start : start + batch])
            rows.append(self.network.encode(to_tensor(part, self.config.resolution).to(self.device)).cpu().numpy())
        found: Floats = np.concatenate(rows) * self.trust
        return found

    @torch.inference_mode()
    def decode(self, vectors: Floats) -> NDArray[np.uint8]:
        """What the vectors [B, size] keep of their pictures: uint8 [B, R, R, 3]."""
        painted = self.network.decode(torch.from_numpy(np.asarray(vectors / self.trust, np.float32)).to(self.device))
        pixels: NDArray[np.uint8] = (
            ((painted.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()
        )
        return pixels


def save_space(space: FaceSpace, folder: Path) -> None:
    """Writes ``config.json`` and the weights in half precision."""
    save_module(space.network, folder / WEIGHTS)
    save_config(folder, "taste", asdict(space.config))


def load_space(folder: str | Path = "bundled", device: str = "cpu") -> FaceSpace:
    """Loads what `save_space` wrote, or the ``bundled`` one.

    Raises:
        BadWeights: something is missing, damaged or does not fit.
    """
    path = folder_named(folder, "taste")
    if not (path / "config.json").is_file():
        raise BadWeights(f"{path} holds no auto-encoder of faces; python -m training.face_taste writes one")
    config = load_config(path, "taste", SpaceConfig)
    try:
        space = FaceSpace(config, device)
    except (TypeError, ValueError, IndexError, RuntimeError) as error:
        raise BadWeights(f"{path / 'config.json'} describes no auto-encoder of faces: {error}") from error
    load_module(space.network, path / WEIGHTS)
    return space
