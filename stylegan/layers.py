"""The layers of StyleGAN2 (Karras et al. 2020, https://arxiv.org/abs/1912.04958), for CPU and CUDA.

Weights are drawn from N(0, 1) and scaled at run time to He's variance ("equalized learning rate"). A modulated convolution is
computed on activations, not on weights: the input is scaled by the style, convolved with weights shared by the whole batch,
and the output is demodulated. That is the same function (the paper's equations 1–3), and lets pictures of many identities
share one convolution.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAK = 0.2
GAIN = math.sqrt(2.0)  # keeps the variance of activations through a leaky ReLU
FIR = (1.0, 3.0, 3.0, 1.0)  # the binomial low-pass filter of the paper


def leaky_relu(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.2, scaled by √2."""
    return F.leaky_relu(x, LEAK) * GAIN


def fir_kernel(gain: float = 1.0) -> Tensor:
    """The two-dimensional low-pass filter, float32 [4, 4]; it sums to ``gain``."""
    taps = torch.tensor(FIR)
    kernel = torch.outer(taps, taps)
    return kernel * (gain / kernel.sum())


def upsample(x: Tensor, kernel: Tensor) -> Tensor:
    """Doubles height and width of [B, C, H, W] with ``kernel`` [4, 4] of gain 4."""
    channels = x.shape[1]
    weight = kernel.to(x.dtype)[None, None].expand(channels, 1, 4, 4)
    return F.conv_transpose2d(x, weight, stride=2, padding=1, groups=channels)


def blur(x: Tensor, kernel: Tensor, padding: int) -> Tensor:
    """Filters every channel of [B, C, H, W] on its own."""
    channels = x.shape[1]
    return F.conv2d(x, kernel.to(x.dtype)[None, None].expand(channels, 1, 4, 4), padding=padding, groups=channels)


def _flat(x: Tensor) -> Tensor:
    """[B, C, H, W] → [B, HW, C]; a view where the memory format is channels-last."""
    return x.permute(0, 2, 3, 1).reshape(len(x), -1, x.shape[1])


def scale_channels(x: Tensor, scale: Tensor, offset: Tensor | None = None) -> Tensor:
    """x [B, C, H, W] times ``scale`` [B, C], plus ``offset`` [C].

    On the flattened view PyTorch's CPU kernels are six times faster than on a broadcast [B, C, 1, 1].
    """
    flat = _flat(x)
    flat = flat * scale[:, None, :] if offset is None else torch.addcmul(offset, flat, scale[:, None, :])
    return flat.reshape(len(x), *x.shape[2:], x.shape[1]).permute(0, 3, 1, 2)


class Linear(nn.Module):
    """A fully connected layer [B, in] → [B, out] with equalized learning rate."""

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0, activate: bool = False, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self.activate, self.rate = activate, rate
        self.scale = rate / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(x, (self.weight * self.scale).to(x.dtype), (self.bias * self.rate).to(x.dtype))
        return leaky_relu(x) if self.activate else x


class ModulatedConv(nn.Module):
    """A convolution whose input channels are scaled by a style, with demodulated output.

    Args:
        inputs, outputs: channels.
        w_dim: size of the intermediate latent that gives the style.
        kernel: 3 or 1.
        up: doubles the resolution by a transposed convolution and the low-pass filter.
        demodulate: divides each output channel by its expected standard deviation.
    """

    fir: Tensor

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, kernel: int = 3, up: bool = False, demodulate: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.style = Linear(w_dim, inputs, bias=1.0)
        self.up, self.demodulate = up, demodulate
        self.scale = 1 / math.sqrt(inputs * kernel**2)
        self.register_buffer("fir", fir_kernel(4.0), persistent=False)

    def convolve(self, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        """The convolution before demodulation, and the factors [B, outputs] that demodulate it."""
        style = self.style(w)
        weight = self.weight * self.scale
        x = scale_channels(x, style.to(x.dtype))
        if self.up:
            x = F.conv_transpose2d(x, weight.transpose(0, 1).to(x.dtype), stride=2)
            x = blur(x, self.fir, padding=1)
        else:
            x = F.conv2d(x, weight.to(x.dtype), padding=self.weight.shape[-1] // 2)
        variance = style.float().square() @ weight.float().square().sum((2, 3)).T
        return x, torch.rsqrt(variance + 1e-8)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x, factors = self.convolve(x, w)
        return scale_channels(x, factors.to(x.dtype)) if self.demodulate else x


class SynthesisLayer(nn.Module):
    """A modulated convolution, optional fixed noise, bias and leaky ReLU; ``clamp`` limits what it gives."""

    noise: Tensor

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, resolution: int, up: bool, noise: bool, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.clamp = clamp
        self.conv = ModulatedConv(inputs, outputs, w_dim, up=up)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.has_noise = noise
        if noise:
            self.noise_strength = nn.Parameter(torch.zeros(()))
            self.register_buffer("noise", torch.randn(resolution, resolution))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x, factors = self.conv.convolve(x, w)
        # A leaky ReLU passes a positive factor through: √2 is multiplied in before it, with the demodulation.
        x = scale_channels(x, (factors * GAIN).to(x.dtype), (self.bias * GAIN).to(x.dtype))
        if self.has_noise:
            x = x + (self.noise * (self.noise_strength * GAIN)).to(x.dtype)
        x = F.leaky_relu(x, LEAK)
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)


class ToRGB(nn.Module):
    """A 1×1 modulated convolution to red, green and blue, without demodulation; ``clamp`` limits what it gives."""

    def __init__(self, inputs: int, w_dim: int, clamp: float | None = None) -> None:
        super().__init__()
        self.clamp = clamp
        self.conv = ModulatedConv(inputs, 3, w_dim, kernel=1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        out: Tensor = self.conv(x, w).float() + self.bias[:, None, None]
        return out if self.clamp is None else out.clamp(-self.clamp, self.clamp)


class Conv(nn.Module):
    """A plain convolution of the discriminator: optional low-pass filter and halving, bias, leaky ReLU."""

    fir: Tensor

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, down: bool = False, activate: bool = True, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.down, self.activate = down, activate
        self.scale = 1 / math.sqrt(inputs * kernel**2)
        self.register_buffer("fir", fir_kernel(1.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight * self.scale).to(x.dtype)
        if self.down:
            pad = 2 if weight.shape[-1] == 3 else 1
            x = F.conv2d(blur(x, self.fir, padding=pad), weight, stride=2)
        else:
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if self.bias is not None:
            x = (_flat(x) + self.bias.to(x.dtype)).reshape(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2)
        return leaky_relu(x) if self.activate else x
