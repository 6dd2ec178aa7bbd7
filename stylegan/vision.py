"""The small convolutional networks that look at pictures: a U-Net that finds regions and landmarks, and a regressor.

Both take pictures as float tensors [B, 3, H, W] in −1…1 with H and W multiples of 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PATCH = 4
GRID = 8  # rows and columns of the map that a regressor reads its numbers from


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3×3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class UNet(nn.Module):
    """A U-Net (Ronneberger et al. 2015) whose skips are added, with a head for regions and one for landmarks.

    It works on patches of 4×4 pixels and tells the region of each of their pixels, which on a CPU costs a fraction of
    convolutions at full resolution.

    Args:
        classes: number of regions.
        landmarks: number of points, each found as the mean of a heat map (Nibali et al. 2018).
        widths: channels at 1/4, 1/8, … of the picture's side.
    """

    def __init__(self, classes: int, landmarks: int, widths: Sequence[int] = (64, 96, 128, 160)) -> None:
        super().__init__()
        self.classes = classes
        self.stem = convolution(3 * PATCH**2, widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(convolution(a, b, stride=2), convolution(b, b)) for a, b in pairwise(widths)
        )
        self.across = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(convolution(width, width) for width in widths[:-1])
        self.regions = nn.Conv2d(widths[0], classes * PATCH**2, 1)
        self.points = nn.Conv2d(widths[0], landmarks, 1)

    def encode(self, pictures: Tensor) -> list[Tensor]:
        """The maps on the way down, finest first."""
        maps = [self.stem(functional.pixel_unshuffle(pictures, PATCH))]
        for stage in self.down:
            maps.append(stage(maps[-1]))
        return maps

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Looks.

        Returns:
            Logits of the regions by place in the patch, [B, classes, 16, H/4, W/4] (`whole` lays them out as a picture),
            and the logits of the landmarks' heat maps, [B, landmarks, H/4, W/4].
        """
        maps = self.encode(pictures)
        x = maps.pop()
        for level in reversed(range(len(maps))):
            x = self.up[level](functional.interpolate(self.across[level](x), scale_factor=2.0) + maps[level])
        return self.regions(x).unflatten(1, (self.classes, PATCH**2)), self.points(x)

    def pooled(self, pictures: Tensor) -> Tensor:
        """What the encoder sees in the picture as a whole: [B, sum of the two deepest widths]."""
        maps = self.encode(pictures)
        return torch.cat([level.float().mean((2, 3)) for level in maps[-2:]], 1)


def whole(logits: Tensor) -> Tensor:
    """Logits by place in the patch [B, C, 16, h, w] → [B, C, 4h, 4w]."""
    return functional.pixel_shuffle(logits.flatten(1, 2), PATCH)


def patches(regions: Tensor) -> Tensor:
    """The other way, for a map of regions: [B, 4h, 4w] → [B, 16, h, w]."""
    return functional.pixel_unshuffle(regions[:, None], PATCH)


class Regressor(nn.Module):
    """A convolutional network that reads ``outputs`` numbers from a picture, at half its resolution."""

    def __init__(self, outputs: int, widths: Sequence[int] = (32, 64, 96, 128), hidden: int = 128) -> None:
        super().__init__()
        stages = [convolution(12, widths[0])]
        for a, b in pairwise(widths):
            stages += [convolution(a, b, stride=2), convolution(b, b)]
        self.body = nn.Sequential(*stages, nn.Conv2d(widths[-1], 32, 1))
        self.hidden = nn.Linear(32 * GRID * GRID, hidden)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(hidden, outputs)

    def features(self, pictures: Tensor) -> Tensor:
        """[B, hidden]"""
        half = functional.avg_pool2d(pictures, 2)
        grid = functional.adaptive_avg_pool2d(self.body(functional.pixel_unshuffle(half, 2)), GRID)
        return functional.relu(self.hidden(grid.flatten(1)))

    def forward(self, pictures: Tensor) -> Tensor:
        """[B, outputs]"""
        return cast(Tensor, self.head(self.dropout(self.features(pictures))))


def heat_points(heat: Tensor, side: int) -> Tensor:
    """The mean place of each heat map, in pixels of a picture of ``side`` pixels.

    Args:
        heat: logits [B, K, h, w].

    Returns:
        [B, K, 2] as (x, y), counted like the renderer's landmarks from the upper left corner.
    """
    batch, count, height, width = heat.shape
    share = heat.float().flatten(2).softmax(-1).view(batch, count, height, width)
    xs = (torch.arange(width, device=heat.device) + 0.5) * (side / width)
    ys = (torch.arange(height, device=heat.device) + 0.5) * (side / height)
    return torch.stack([(share.sum(2) * xs).sum(-1), (share.sum(3) * ys).sum(-1)], -1)


def to_tensor(pictures: NDArray[np.uint8], side: int) -> Tensor:
    """Pictures uint8 [B, H, W, 3] as the networks take them: float [B, 3, side, side] in −1…1."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
    if x.shape[2:] != (side, side):
        x = functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return x.contiguous(memory_format=torch.channels_last)
