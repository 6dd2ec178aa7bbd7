"""The synthesis network as it is used live on a CPU: the same pictures in less than half the time.

What `stylegan.layers` computes for every batch is prepared once where it does not depend on w, and folded together where it
does:

- A transposed convolution followed by the low-pass filter is one linear map; it is carried out as one convolution at the
  lower resolution that gives the four pixels of each square side by side (sub-pixel convolution, Shi et al. 2016,
  https://arxiv.org/abs/1609.05158).
- At low resolutions weights are large and activations small: styles scale the activations, and all faces share a
  convolution. At high resolutions it is the other way round: styles, demodulation and the factor √2 of the activation go
  into each face's own weights, so that nothing but the convolution and the rectifier touches the activations.
- Doubling the picture with the filter 1-3-3-1 is linear interpolation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan.generator import Generator
from stylegan.layers import FIR, LEAK, Linear, SynthesisLayer, ToRGB

GAIN = math.sqrt(2.0)
OWN_WEIGHTS_FROM = 64
"""Resolution from which each face has weights of its own."""


@dataclass(frozen=True)
class _Layer:
    """A modulated convolution with its rectifier, ready for use.

    Attributes:
        weight: float32 [F, in, 3, 3]; F = out, or where it doubles the resolution 4 · out: row, column, channel.
        shared: the same in the number format of the convolutions.
        squares: float32 [in, out]: sums over the kernel, for the demodulation.
        gain: what the layer before left out of its activation.
        noise: [1, 1, R, R] added before the rectifier, or None.
        limit: largest magnitude of the activation, which lacks the factor √2 here; or None.
    """

    weight: Tensor
    shared: Tensor
    squares: Tensor
    bias: Tensor
    style: Linear
    gain: float
    up: bool
    noise: Tensor | None
    limit: float | None

    def styles(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Factors of the inputs [B, in] and of the outputs [B, out]."""
        style: Tensor = self.style(w).float()
        return style * self.gain, torch.rsqrt(style.square() @ self.squares + 1e-8)

    def together(self, x: Tensor, w: Tensor) -> Tensor:
        """[B, in, r, r] → [B, out, R, R], all faces with the same weights."""
        inputs, outputs = (factor.to(x.dtype)[:, :, None, None] for factor in self.styles(w))
        x = F.conv2d(x * inputs, self.shared, padding=1)
        if self.up:
            x = interleave(x)
        x = torch.addcmul(self.bias.to(x.dtype)[None, :, None, None], x, outputs)
        return self._rectified(x)

    def alone(self, x: Tensor, inputs: Tensor, outputs: Tensor) -> Tensor:
        """[1, in, r, r] → [1, out, R, R] with weights of this face's own; factors [in] and [out] of `styles`."""
        copies = 4 if self.up else 1
        weight = self.weight * inputs[None, :, None, None] * outputs.repeat(copies)[:, None, None, None]
        weight = weight.to(x.dtype).contiguous(memory_format=torch.channels_last)
        x = F.conv2d(x, weight, self.bias.repeat(copies).to(x.dtype), padding=1)
        if self.up:
            x = interleave(x)
        return self._rectified(x)

    def _rectified(self, x: Tensor) -> Tensor:
        if self.noise is not None:
            x = x + self.noise.to(x.dtype)
        x = F.leaky_relu_(x, LEAK)
        return x if self.limit is None else x.clamp_(-self.limit, self.limit)


@dataclass(frozen=True)
class _Color:
    """A convolution to red, green and blue: float32 weight [3, in]."""

    weight: Tensor
    bias: Tensor
    style: Linear
    limit: float | None

    def weights(self, w: Tensor) -> Tensor:
        """[B, 3, in]."""
        style: Tensor = self.style(w).float()
        return self.weight * (style * GAIN)[:, None, :]

    def picture(self, x: Tensor, weights: Tensor) -> Tensor:
        """[B, in, R, R] → float32 [B, 3, R, R]."""
        batch, channels, height, width = x.shape
        pixels = x.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        colors = torch.bmm(weights.to(x.dtype), pixels.transpose(1, 2)).float()
        found = colors.view(batch, 3, height, width) + self.bias[:, None, None]
        return found if self.limit is None else found.clamp_(-self.limit, self.limit)


@dataclass(frozen=True)
class _Block:
    """What is done at one resolution."""

    size: int
    layers: list[_Layer]
    color: _Color


class FastSynthesis:
    """w → picture, as `SynthesisNetwork` without gradients, for one w per face.

    Args:
        generator: whose synthesis network is copied; later changes of it are not seen.
    """

    def __init__(self, generator: Generator) -> None:
        self._dtype = generator.dtype
        network = generator.synthesis_network
        constant = network.constant.detach().to(self._dtype)
        self._constant = constant.contiguous(memory_format=torch.channels_last)
        self._blocks: list[_Block] = []
        gain = 1.0  # the constant comes without an activation
        blocks = cast("list[list[SynthesisLayer]]", network.layers)
        colors = cast("list[ToRGB]", network.to_rgb)
        for size, block, to_rgb in zip(generator.config.resolutions, blocks, colors, strict=True):
            layers = []
            for layer in block:
                layers.append(_prepared(layer, gain, self._dtype))
                gain = GAIN
            self._blocks.append(_Block(size, layers, _prepared_color(to_rgb)))

    @torch.inference_mode()
    def __call__(self, w: Tensor) -> Tensor:
        """w [B, w_dim] → float32 [B, 3, R, R] of about −1…1."""
        x = self._constant.expand(len(w), -1, -1, -1)
        image: Tensor | None = None
        low = [block for block in self._blocks if block.size < OWN_WEIGHTS_FROM]
        high = self._blocks[len(low) :]
        for block in low:
            for layer in block.layers:
                x = layer.together(x, w)
            image = _added(image, block.color.picture(x, block.color.weights(w)))
        assert image is not None
        if not high:
            return image
        factors = [[layer.styles(w) for layer in block.layers] for block in high]
        colors = [block.color.weights(w) for block in high]
        found = []
        for face in range(len(w)):
            mine, picture = x[face : face + 1], image[face : face + 1]
            for block, styles, weights in zip(high, factors, colors, strict=True):
                for layer, (inputs, outputs) in zip(block.layers, styles, strict=True):
                    mine = layer.alone(mine, inputs[face], outputs[face])
                picture = _added(picture, block.color.picture(mine, weights[face : face + 1]))
            found.append(picture)
        return torch.cat(found)


def interleave(x: Tensor) -> Tensor:
    """[B, 4·C, H, W] of (row, column, channel) → [B, C, 2·H, 2·W], channels last."""
    batch, channels, height, width = x.shape
    x = x.permute(0, 2, 3, 1).reshape(batch, height, width, 2, 2, channels // 4)
    x = x.permute(0, 1, 3, 2, 4, 5).reshape(batch, 2 * height, 2 * width, channels // 4)
    return x.permute(0, 3, 1, 2)


def double(image: Tensor) -> Tensor:
    """[B, 3, H, W] → [B, 3, 2·H, 2·W] with the filter 1-3-3-1, black (0) around the picture."""
    padded = F.pad(image, (1, 1, 1, 1))
    return F.interpolate(padded, scale_factor=2, mode="bilinear", align_corners=False)[:, :, 2:-2, 2:-2]


def _added(image: Tensor | None, color: Tensor) -> Tensor:
    return color if image is None else double(image) + color


def subpixel_weight(weight: Tensor) -> Tensor:
    """Of a transposed convolution of stride 2 and the filter after it: [out, in, 3, 3] → [4·out, in, 3, 3]."""
    taps = torch.tensor(FIR, dtype=weight.dtype, device=weight.device)
    kernel = torch.outer(taps, taps)
    kernel = kernel * (4 / kernel.sum())
    outputs, inputs = weight.shape[:2]
    # Full convolution of both kernels: 6×6.
    both = F.conv2d(weight.reshape(-1, 1, 3, 3), kernel.flip(0, 1)[None, None], padding=3).view(outputs, inputs, 6, 6)
    # Row p of a square sees the rows before, at and after it through the taps 4 + p, 2 + p and p; so do columns.
    phases = [both[:, :, [4 + p, 2 + p, p]][:, :, :, [4 + q, 2 + q, q]] for p in (0, 1) for q in (0, 1)]
    return torch.cat(phases)


def _prepared(layer: SynthesisLayer, gain: float, dtype: torch.dtype) -> _Layer:
    conv = layer.conv
    plain = conv.weight.detach().float() * conv.scale
    weight = subpixel_weight(plain) if conv.up else plain
    noise = None
    if layer.has_noise:
        noise = (layer.noise * layer.noise_strength).detach()[None, None]
    shared = weight.to(dtype).contiguous(memory_format=torch.channels_last)
    squares = plain.square().sum((2, 3)).T.contiguous()
    limit = None if layer.clamp is None else layer.clamp / GAIN
    return _Layer(weight, shared, squares, layer.bias.detach().float(), conv.style, gain, conv.up, noise, limit)


def _prepared_color(to_rgb: ToRGB) -> _Color:
    weight = (to_rgb.conv.weight.detach().float() * to_rgb.conv.scale)[:, :, 0, 0]
    return _Color(weight, to_rgb.bias.detach().float(), to_rgb.conv.style, to_rgb.clamp)
