"""The layers against the paper's formulas, computed the long way round."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan.layers import GAIN, Conv, Linear, ModulatedConv, SynthesisLayer, ToRGB, blur, fir_kernel, upsample


def by_weights(conv: ModulatedConv, x: Tensor, w: Tensor) -> Tensor:
    """Equations 1–3 of the paper: each picture has weights of its own; upsampling filters first and then convolves."""
    weights = (conv.weight * conv.scale)[None] * conv.style(w)[:, None, :, None, None]
    if conv.demodulate:
        weights = weights / (weights.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    pictures = []
    for one, own in zip(x, weights, strict=True):
        if conv.up:
            wide = one.new_zeros(len(one), one.shape[1], 2, one.shape[2], 2)
            wide[:, :, 0, :, 0] = one
            stuffed = F.pad(wide.reshape(len(one), 2 * one.shape[1], 2 * one.shape[2]), (3, 2, 3, 2))
            smooth = F.conv2d(stuffed[:, None], fir_kernel(4.0)[None, None])[:, 0]
            pictures.append(F.conv2d(smooth[None], own.flip(2, 3)))
        else:
            pictures.append(F.conv2d(one[None], own, padding=own.shape[-1] // 2))
    return torch.cat(pictures)


@pytest.mark.parametrize(("kernel", "up"), [(1, False), (3, False), (3, True)])
@pytest.mark.parametrize("demodulate", [False, True])
def test_modulating_activations_equals_modulating_weights(kernel: int, demodulate: bool, up: bool) -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(5, 7, 6, kernel, up, demodulate)
    x, w = torch.randn(3, 5, 8, 8), torch.randn(3, 6)
    with torch.no_grad():
        found, wanted = conv(x, w), by_weights(conv, x, w)
    assert found.shape == (3, 7, 16 if up else 8, 16 if up else 8)
    assert (found - wanted).abs().max() < 1e-5  # edges too
    assert found.std() > 0.1


def test_demodulated_output_has_unit_variance_whatever_the_style() -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(64, 64, 8)
    with torch.no_grad():
        for size in (0.1, 10.0):
            assert 0.8 < conv(torch.randn(4, 64, 16, 16), torch.randn(4, 8) * size).std() < 1.2


def test_a_synthesis_layer_adds_noise_then_bias_and_rectifies() -> None:
    torch.manual_seed(0)
    layer = SynthesisLayer(4, 6, 5, 8, up=False, noise=True)
    torch.nn.init.normal_(layer.bias)
    torch.nn.init.constant_(layer.noise_strength, 0.5)
    x, w = torch.randn(2, 4, 8, 8), torch.randn(2, 5)
    with torch.no_grad():
        plain = by_weights(layer.conv, x, w) + layer.noise * 0.5 + layer.bias[:, None, None]
        assert torch.allclose(layer(x, w), F.leaky_relu(plain, 0.2) * math.sqrt(2), atol=1e-5)


@pytest.mark.parametrize("clamp", [0.3, 256.0])
def test_a_clamp_limits_what_layers_give(clamp: float) -> None:
    torch.manual_seed(0)
    x, w = torch.randn(2, 4, 8, 8), torch.randn(2, 5)
    layer, to_rgb = SynthesisLayer(4, 6, 5, 8, False, False, clamp), ToRGB(4, 5, clamp)
    free, free_rgb = SynthesisLayer(4, 6, 5, 8, False, False), ToRGB(4, 5)
    free.load_state_dict(layer.state_dict())
    free_rgb.load_state_dict(to_rgb.state_dict())
    with torch.no_grad():
        assert torch.equal(layer(x, w), free(x, w).clamp(-clamp, clamp))
        assert torch.equal(to_rgb(x, w), free_rgb(x, w).clamp(-clamp, clamp))
        assert (free(x, w).abs() > 0.3).any()


def test_the_learning_rate_multiplier_changes_no_output_at_the_start() -> None:
    torch.manual_seed(0)
    slow = Linear(8, 8, bias=0.5, activate=True, rate=0.01)
    plain = Linear(8, 8, activate=True)
    with torch.no_grad():
        plain.weight.copy_(slow.weight * 0.01)
        plain.bias.fill_(0.5)
        x = torch.randn(3, 8)
        assert torch.allclose(slow(x), plain(x), atol=1e-6)
    assert slow.weight.std() > 50  # drawn large, so that equal steps of the optimizer mean less


def test_upsampling_keeps_a_plane_and_its_mean() -> None:
    plane = torch.full((1, 2, 8, 8), 0.7)
    doubled = upsample(plane, fir_kernel(4.0))
    assert doubled.shape == (1, 2, 16, 16)
    assert torch.allclose(doubled[:, :, 2:-2, 2:-2], torch.tensor(0.7))
    spot = torch.zeros(1, 1, 8, 8)
    spot[0, 0, 4, 4] = 1
    assert torch.allclose(upsample(spot, fir_kernel(4.0)).sum(), torch.tensor(4.0))
    assert torch.allclose(upsample(spot, fir_kernel(4.0)).flip(2, 3)[..., 5:9, 5:9], fir_kernel(4.0))


def test_the_filter_of_the_discriminator_halves_without_shifting() -> None:
    ramp = torch.linspace(-1, 1, 16).expand(1, 1, 16, 16).contiguous()
    smooth = blur(ramp, fir_kernel(1.0), padding=1)[..., ::2, ::2]  # as before a 1×1 convolution of stride 2
    pairs = F.avg_pool2d(ramp, 2)
    assert torch.allclose(smooth[..., 1:-1, 1:-1], pairs[..., 1:-1, 1:-1], atol=1e-6)
    conv = Conv(1, 2, kernel=3, down=True)
    assert conv(ramp).shape == (1, 2, 8, 8)


def test_a_layer_in_bfloat16_stays_near_the_exact_one() -> None:
    torch.manual_seed(0)
    layer = SynthesisLayer(16, 16, 8, 16, up=True, noise=False)
    x, w = torch.randn(2, 16, 8, 8), torch.randn(2, 8)
    with torch.no_grad():
        exact, short = layer(x, w), layer(x.bfloat16(), w)
    assert short.dtype == torch.bfloat16
    assert (exact - short.float()).abs().mean() < 0.02
    assert math.isclose(GAIN, 2**0.5)
