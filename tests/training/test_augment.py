"""Adaptive augmentation: nothing at first, more while the discriminator overfits, and labels stay true."""

from __future__ import annotations

import pytest
import torch

from training.augment import AdaptiveAugment


def pictures(count: int = 8) -> torch.Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_nothing_is_changed_at_first() -> None:
    images = pictures()
    assert torch.equal(AdaptiveAugment()(images), images)


def test_the_probability_rises_while_real_pictures_are_known_and_falls_otherwise() -> None:
    augment = AdaptiveAugment(pictures_to_full=320)
    for _ in range(8):
        augment.update(torch.ones(8))
    assert augment.probability == pytest.approx(0.2)  # 64 of 320 pictures
    for _ in range(4):
        augment.update(-torch.ones(8))
    assert augment.probability == pytest.approx(0.1)
    for _ in range(400):
        augment.update(-torch.ones(8))
    assert augment.probability == 0.0


def test_the_probability_moves_only_with_every_fourth_batch_and_never_reaches_certainty() -> None:
    augment = AdaptiveAugment(pictures_to_full=64)
    for _ in range(3):
        augment.update(torch.ones(8))
    assert augment.probability == 0.0
    assert len(augment.signs) == 3
    for _ in range(100):
        augment.update(torch.ones(8))
    assert augment.probability == 0.85


def test_the_share_of_changed_pictures_follows_the_probability() -> None:
    torch.manual_seed(0)
    augment = AdaptiveAugment()
    augment.probability = 0.1
    images = pictures(400)
    changed = ((augment(images) - images).abs().amax((1, 2, 3)) > 1e-4).float().mean()
    assert 0.35 < changed < 0.6  # six kinds of change: 1 − 0.9⁶ = 0.47


def test_changes_are_small_and_never_mirror() -> None:
    torch.manual_seed(0)
    augment = AdaptiveAugment()
    augment.probability = 0.85
    ramp = torch.linspace(-1, 1, 32).expand(64, 3, 32, 32)
    changed = augment._move(ramp)
    right, left = changed[..., 20:28].mean((1, 2, 3)), changed[..., 4:12].mean((1, 2, 3))
    assert (right > left).all()
    assert (changed.mean((1, 2, 3)).abs() < 0.5).all()


def test_gradients_pass_through() -> None:
    torch.manual_seed(0)
    augment = AdaptiveAugment()
    augment.probability = 0.85
    images = pictures().requires_grad_()
    augment(images).square().sum().backward()  # type: ignore[no-untyped-call]
    assert images.grad is not None
    assert (images.grad.abs().amax((1, 2, 3)) > 0).all()
