"""Adaptive discriminator augmentation for small sets of pictures (Karras et al. 2020, https://arxiv.org/abs/2006.06676).

Geometric changes stay small and mirror images are left out: attributes such as the head's yaw must stay true.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

TARGET = 0.6
"""The share of real pictures that the discriminator may call real by more than those it calls generated."""


class AdaptiveAugment:
    """Changes what the discriminator sees with a probability that follows how far it overfits.

    Attributes:
        probability: 0…0.85; each kind of change is applied to a picture with this probability.
        signs: judgements of real pictures since it was last adjusted.
    """

    def __init__(self, pictures_to_full: int = 100_000) -> None:
        self.probability = 0.0
        self.pictures_to_full = pictures_to_full
        self.signs: list[float] = []

    def update(self, real_logits: Tensor) -> None:
        """Takes the discriminator's judgement of one batch of real pictures; every fourth adjusts the probability."""
        self.signs.append(float(real_logits.detach().sign().mean()))
        if len(self.signs) == 4:
            step = 4 * len(real_logits) / self.pictures_to_full
            overfits = sum(self.signs) / 4 > TARGET
            self.probability = min(0.85, max(0.0, self.probability + (step if overfits else -step)))
            self.signs.clear()

    def __call__(self, images: Tensor) -> Tensor:
        """float [B, 3, R, R] → the same, changed; differentiable."""
        if self.probability == 0:
            return images
        return self._colour(self._move(images))

    def _chosen(self, images: Tensor) -> Tensor:
        return (torch.rand(len(images), device=images.device) < self.probability).float()

    def _move(self, images: Tensor) -> Tensor:
        count, device = len(images), images.device
        scale = torch.exp2(torch.randn(count, device=device) * 0.1 * self._chosen(images))
        angle = (torch.rand(count, device=device) - 0.5) * math.radians(16) * self._chosen(images)
        shift = (torch.rand(count, 2, device=device) - 0.5) * 0.25 * self._chosen(images)[:, None]
        cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
        rows = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], 1).reshape(count, 2, 3)
        grid = F.affine_grid(rows, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)

    def _colour(self, images: Tensor) -> Tensor:
        count, device = len(images), images.device
        brightness = torch.randn(count, 1, 1, 1, device=device) * 0.2 * self._chosen(images)[:, None, None, None]
        contrast = torch.exp2(
            torch.randn(count, 1, 1, 1, device=device) * 0.3 * self._chosen(images)[:, None, None, None]
        )
        saturation = torch.exp2(
            torch.randn(count, 1, 1, 1, device=device) * 0.5 * self._chosen(images)[:, None, None, None]
        )
        grey = images.mean(1, keepdim=True)
        return (grey + (images - grey) * saturation) * contrast + brightness
