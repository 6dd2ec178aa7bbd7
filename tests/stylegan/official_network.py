"""A small network with the arithmetic and the pickled form of the official StyleGAN2-ADA, written from its description.

Convolutions are computed the long way round: weights are modulated for each picture, and an upsampling layer filters the
picture it has stuffed with zeros and then convolves it. Objects are pickled as those of `torch_utils.persistence` are: by a
call of a reconstructing function with a dictionary that holds the source code and the state.
"""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _reconstruct_persistent_obj(meta: dict[str, Any]) -> None:
    raise AssertionError("the official code was run")


class EasyDict(dict):
    """A dictionary whose class is not ours to import."""


_reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
EasyDict.__module__ = "dnnlib.util"


@contextmanager
def official_modules() -> Iterator[None]:
    """The names that official files refer to, for as long as one is written."""
    made = {name: ModuleType(name) for name in ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util")}
    made["torch_utils.persistence"]._reconstruct_persistent_obj = _reconstruct_persistent_obj  # type: ignore[attr-defined]
    made["dnnlib.util"].EasyDict = EasyDict  # type: ignore[attr-defined]
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]


class Persistent(nn.Module):
    def __reduce__(self) -> tuple[Any, ...]:
        state = super().__reduce__()[2]
        meta = {
            "type": "class",
            "version": 6,
            "module_src": "import os\nos.abort()\n",
            "class_name": type(self).__name__,
        }
        return _reconstruct_persistent_obj, (meta | {"state": state},), None


def binomial() -> Tensor:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) / 64


def stuffed(x: Tensor, before: int, after: int) -> Tensor:
    """Doubles [B, C, H, W] by zeros after each pixel, pads, filters with gain 4."""
    batch, channels, height, width = x.shape
    wide = x.new_zeros(batch, channels, height, 2, width, 2)
    wide[:, :, :, 0, :, 0] = x
    padded = F.pad(wide.reshape(batch, channels, 2 * height, 2 * width), (before, after, before, after))
    return F.conv2d(padded, (binomial() * 4)[None, None].expand(channels, 1, 4, 4), groups=channels)


class FullyConnectedLayer(Persistent):
    def __init__(self, inputs: int, outputs: int, activation: str = "linear", lr_multiplier: float = 1.0) -> None:
        super().__init__()
        self.activation = activation
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.randn(outputs) * 0.3 / lr_multiplier)
        self.weight_gain = lr_multiplier / torch.tensor(float(inputs)).sqrt().numpy()[()]  # a NumPy scalar, as there
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        x = x @ (self.weight * float(self.weight_gain)).T + self.bias * self.bias_gain
        return F.leaky_relu(x, 0.2) * math.sqrt(2) if self.activation == "lrelu" else x


class MappingNetwork(Persistent):
    def __init__(self, z_dim: int, w_dim: int, num_layers: int) -> None:
        super().__init__()
        self._init_kwargs = EasyDict(num_layers=num_layers)
        self.num_layers = num_layers
        for index in range(num_layers):
            setattr(self, f"fc{index}", FullyConnectedLayer(z_dim if index == 0 else w_dim, w_dim, "lrelu", 0.01))
        self.register_buffer("w_avg", torch.randn(w_dim) * 0.1)

    def forward(self, z: Tensor, psi: float) -> Tensor:
        x = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
        for index in range(self.num_layers):
            x = getattr(self, f"fc{index}")(x)
        return self.w_avg.lerp(x, psi)


class SynthesisLayer(Persistent):
    def __init__(
        self, inputs: int, outputs: int, w_dim: int, resolution: int, up: int, clamp: float | None, use_noise: bool
    ) -> None:
        super().__init__()
        self.up, self.conv_clamp, self.use_noise = up, clamp, use_noise
        self.register_buffer("resample_filter", binomial())
        self.affine = FullyConnectedLayer(w_dim, inputs)
        self.affine.bias.data += 1
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        if use_noise:
            self.register_buffer("noise_const", torch.randn(resolution, resolution))
            self.noise_strength = nn.Parameter(torch.tensor(0.3))
        self.bias = nn.Parameter(torch.randn(outputs) * 0.2)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        weights = self.weight[None] * self.affine(w)[:, None, :, None, None]
        weights = weights / (weights.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
        if self.up == 2:
            x = stuffed(x, 3, 2)
            found = [F.conv2d(one[None], own.flip(2, 3)) for one, own in zip(x, weights, strict=True)]
        else:
            found = [F.conv2d(one[None], own, padding=1) for one, own in zip(x, weights, strict=True)]
        x = torch.cat(found)
        if self.use_noise:
            x = x + self.noise_const * self.noise_strength
        x = F.leaky_relu(x + self.bias[:, None, None], 0.2) * math.sqrt(2)
        return x if self.conv_clamp is None else x.clamp(-self.conv_clamp, self.conv_clamp)


class ToRGBLayer(Persistent):
    def __init__(self, inputs: int, w_dim: int, clamp: float | None) -> None:
        super().__init__()
        self.conv_clamp = clamp
        self.affine = FullyConnectedLayer(w_dim, inputs)
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.randn(3) * 0.1)
        self.weight_gain = 1 / math.sqrt(inputs)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        weights = self.weight[None, :, :, 0, 0] * (self.affine(w) * self.weight_gain)[:, None]
        x = torch.einsum("boi,bihw->bohw", weights, x) + self.bias[:, None, None]
        return x if self.conv_clamp is None else x.clamp(-self.conv_clamp, self.conv_clamp)


class SynthesisBlock(Persistent):
    def __init__(
        self, inputs: int, outputs: int, w_dim: int, resolution: int, clamp: float | None, noise: bool
    ) -> None:
        super().__init__()
        self.register_buffer("resample_filter", binomial())
        if inputs == 0:
            self.const = nn.Parameter(torch.randn(outputs, 4, 4))
        else:
            self.conv0 = SynthesisLayer(inputs, outputs, w_dim, resolution, 2, clamp, noise)
        self.conv1 = SynthesisLayer(outputs, outputs, w_dim, resolution, 1, clamp, noise)
        self.torgb = ToRGBLayer(outputs, w_dim, clamp)

    def forward(self, x: Tensor | None, image: Tensor | None, w: Tensor) -> tuple[Tensor, Tensor]:
        x = self.const[None].repeat(len(w), 1, 1, 1) if x is None else self.conv0(x, w)
        x = self.conv1(x, w)
        color = self.torgb(x, w)
        return x, color if image is None else stuffed(image, 2, 1) + color


class SynthesisNetwork(Persistent):
    def __init__(self, w_dim: int, channels: dict[int, int], clamp: float | None, noise: bool) -> None:
        super().__init__()
        self.block_resolutions = sorted(channels)
        before = 0
        for size in self.block_resolutions:
            setattr(self, f"b{size}", SynthesisBlock(before, channels[size], w_dim, size, clamp, noise))
            before = channels[size]

    def forward(self, w: Tensor) -> Tensor:
        x = image = None
        for size in self.block_resolutions:
            x, image = getattr(self, f"b{size}")(x, image, w)
        assert image is not None
        return image


class Generator(Persistent):
    """z → picture, with the noise of ``noise_mode='const'``."""

    def __init__(
        self, z_dim: int, w_dim: int, channels: dict[int, int], clamp: float | None = None, noise: bool = True
    ) -> None:
        super().__init__()
        self._init_args, self._init_kwargs = (), EasyDict(z_dim=z_dim, synthesis_kwargs=EasyDict(conv_clamp=clamp))
        self.synthesis = SynthesisNetwork(w_dim, channels, clamp, noise)
        self.mapping = MappingNetwork(z_dim, w_dim, 3)

    def forward(self, z: Tensor, psi: float = 1.0) -> Tensor:
        return self.synthesis(self.mapping(z, psi))


def small_official(clamp: float | None = None, noise: bool = True, resolution: int = 32) -> Generator:
    torch.manual_seed(5)
    channels = {size: count for size, count in {4: 12, 8: 12, 16: 8, 32: 6}.items() if size <= resolution}
    return Generator(16, 24, channels, clamp, noise).eval().requires_grad_(False)


def save_official(network: nn.Module, path: Path, protocol: int = 4) -> Path:
    """Pickles ``network`` as an official snapshot."""
    snapshot = {
        "training_set_kwargs": EasyDict(class_name="training.dataset.ImageFolderDataset", resolution=32),
        "G": network, "D": FullyConnectedLayer(4, 4), "G_ema": network, "augment_pipe": None,
    }  # fmt: skip
    with official_modules(), path.open("wb") as file:
        pickle.dump(snapshot, file, protocol=protocol)
    return path
