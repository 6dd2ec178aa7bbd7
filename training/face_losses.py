"""What a generated face is compared by."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def pyramid_loss(made: Tensor, wanted: Tensor, weight: Tensor, levels: int = 4) -> Tensor:
    """Mean absolute difference over a pyramid of halved pictures, with the differences of neighbouring pixels (edges).

    Args:
        made, wanted: float [B, 3, R, R].
        weight: float [B, 1, R, R], how much each pixel counts.
    """
    total = made.new_zeros(())
    for level in range(levels):
        difference = made - wanted
        total = total + (difference.abs() * weight).mean()
        if level < 2:  # edges of the finer levels
            total = total + (difference[..., 1:] - difference[..., :-1]).abs().mul(weight[..., 1:]).mean()
            total = total + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mul(weight[..., 1:, :]).mean()
        if min(made.shape[-2:]) < 16:
            break
        made, wanted, weight = (F.avg_pool2d(x, 2) for x in (made, wanted, weight))
    return total


def feature_loss(made: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Mean absolute difference of discriminator features (Wang et al. 2018, pix2pixHD, equation 4)."""
    pairs = zip(made, wanted, strict=True)
    return torch.stack([(a.float() - b.detach().float()).abs().mean() for a, b in pairs]).mean()


def generator_loss(logits: Tensor) -> Tensor:
    """The non-saturating logistic loss (Goodfellow et al. 2014)."""
    return F.softplus(-logits).mean()


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(made).mean()


def r1_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Mean squared gradient at real pictures (Mescheder et al. 2018), without its weight γ/2."""
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.float().square().sum((1, 2, 3)).mean()


class PathLength:
    """Keeps steps in w and in the picture proportional (Karras et al. 2020, equation 4)."""

    def __init__(self, decay: float = 0.01) -> None:
        self.mean, self.decay = 0.0, decay

    def __call__(self, images: Tensor, w: Tensor) -> Tensor:
        noise = torch.randn_like(images) / (images.shape[2] * images.shape[3]) ** 0.5
        (gradient,) = torch.autograd.grad((images * noise).sum(), w, create_graph=True)
        lengths = gradient.float().square().sum(1).sqrt()
        self.mean += self.decay * (float(lengths.detach().mean()) - self.mean)
        return (lengths - self.mean).square().mean()
