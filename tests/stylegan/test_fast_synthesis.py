"""The quick way from w to a picture paints what the network paints."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from stylegan.fast_synthesis import OWN_WEIGHTS_FROM, FastSynthesis, double, interleave, subpixel_weight
from stylegan.generator import Generator, GeneratorConfig
from stylegan.layers import blur, fir_kernel, upsample


def lively(config: GeneratorConfig, seed: int = 0) -> Generator:
    """A generator whose every parameter counts: biases and noise, too, which begin at zero."""
    torch.manual_seed(seed)
    generator = Generator(config).eval().requires_grad_(False)
    for name, parameter in generator.synthesis_network.named_parameters():
        if name.endswith(("bias", "noise_strength")):
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return generator


@pytest.mark.parametrize(("noise", "clamp"), [(False, None), (True, 0.8)])
@pytest.mark.parametrize("resolution", [8, 32, 2 * OWN_WEIGHTS_FROM])
def test_it_paints_what_the_network_paints(resolution: int, noise: bool, clamp: float | None) -> None:
    channels = {4: 12, 8: 12, 16: 12, 32: 8, 64: 8, 128: 4}
    config = GeneratorConfig(resolution=resolution, w_dim=16, channels=channels, noise=noise, clamp=clamp)
    generator = lively(config)
    w = torch.randn(3, 16)
    expected = generator.synthesis(w)
    assert expected.std() > 0.1
    assert torch.allclose(FastSynthesis(generator)(w), expected, atol=1e-4)


def test_in_bfloat16_it_is_as_near_to_the_exact_picture_as_the_network_itself() -> None:
    config = GeneratorConfig(resolution=64, w_dim=16, channels=dict.fromkeys((4, 8, 16, 32, 64), 16))
    generator = lively(config)
    w = torch.randn(2, 16)
    exact = generator.synthesis(w)
    generator.dtype = torch.bfloat16
    mine, networks = FastSynthesis(generator)(w), generator.synthesis(w)
    assert (mine - exact).abs().mean() < 1.5 * (networks - exact).abs().mean()


def test_a_doubling_convolution_is_one_convolution_with_four_times_the_outputs() -> None:
    x, weight = torch.randn(2, 5, 7, 6), torch.randn(4, 5, 3, 3)
    expected = blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), fir_kernel(4.0), padding=1)
    found = interleave(F.conv2d(x, subpixel_weight(weight), padding=1))
    assert torch.allclose(found, expected, atol=1e-4)


def test_doubling_a_picture_is_interpolation_up_to_its_edges() -> None:
    x = torch.randn(2, 3, 5, 5)
    assert torch.allclose(double(x), upsample(x, fir_kernel(4.0)), atol=1e-5)
