"""The discriminator of StyleGAN2: a residual network with a minibatch standard deviation layer and a projected condition."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from stylegan.attributes import ATTRIBUTES
from stylegan.generator import GeneratorConfig
from stylegan.layers import Conv, Linear


class ResidualBlock(nn.Module):
    """Two convolutions and a skip connection; halves the resolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = Conv(inputs, inputs)
        self.second = Conv(inputs, outputs, down=True)
        self.skip = Conv(inputs, outputs, kernel=1, down=True, activate=False, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = (self.second(self.first(x)) + self.skip(x)) * math.sqrt(0.5)
        return out


def minibatch_deviation(x: Tensor, group: int = 4) -> Tensor:
    """Adds one map with the mean standard deviation over groups of the batch (Karras et al. 2018, section 3)."""
    size = math.gcd(len(x), group)
    grouped = x.float().reshape(size, -1, *x.shape[1:])
    deviation = (grouped.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))  # [B / size]
    map_ = deviation.repeat(size)[:, None, None, None].expand(-1, 1, *x.shape[2:]).to(x.dtype)
    return torch.cat([x, map_], dim=1)


class Discriminator(nn.Module):
    """Tells drawn (or photographed) pictures from generated ones, given the attributes they should show.

    Args:
        config: of the generator it trains with; resolution, channels and attributes are taken from it.
        width: its channels as a share of the generator's.
    """

    low: Tensor
    high: Tensor

    def __init__(self, config: GeneratorConfig, width: float = 1.0) -> None:
        super().__init__()
        self.resolutions = config.resolutions
        channels = {size: max(8, int(config.channels[size] * width)) for size in config.resolutions}
        self.from_rgb = nn.ModuleDict({str(size): Conv(3, channels[size], kernel=1) for size in config.resolutions[1:]})
        self.blocks = nn.ModuleDict(
            {str(size): ResidualBlock(channels[size], channels[size // 2]) for size in config.resolutions[1:]}
        )
        self.last = Conv(channels[4] + 1, channels[4])
        self.hidden = Linear(channels[4] * 16, channels[4], activate=True)
        self.out = Linear(channels[4], 1)
        known = [ATTRIBUTES[name] for name in config.attributes]
        self.register_buffer("low", torch.tensor([a.low for a in known]), persistent=False)
        self.register_buffer("high", torch.tensor([a.high for a in known]), persistent=False)
        self.project = nn.Sequential(
            Linear(len(known), channels[4], activate=True), Linear(channels[4], channels[4])
        ) if known else None  # fmt: skip

    def forward(
        self, images: Tensor, attributes: Tensor, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, list[Tensor]]:
        """Judges.

        Args:
            images: float [B, 3, R, R] of −1…1, R any resolution from 8 to the configured one.
            attributes: float [B, A] in their own units.

        Returns:
            Logits [B] (high: real), and the feature maps of every block (for feature matching).
        """
        size = images.shape[-1]
        x = self.from_rgb[str(size)](images.to(dtype).contiguous(memory_format=torch.channels_last))
        features = []
        while size > 4:
            x = self.blocks[str(size)](x)
            features.append(x)
            size //= 2
        x = self.hidden(self.last(minibatch_deviation(x)).float().flatten(1))
        logits = self.out(x).squeeze(1)
        if self.project is not None:
            scaled = (attributes - self.low) / (self.high - self.low) * 2 - 1
            logits = logits + (x * self.project(scaled)).sum(1) / math.sqrt(x.shape[1])
        return logits, features
