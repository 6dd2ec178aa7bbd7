"""A tiny face generator that has learnt nothing, made on the spot."""

from __future__ import annotations

from pathlib import Path

import torch

from stylegan.generator import Generator, GeneratorConfig, save_generator

SIZES = (4, 8, 16, 32, 64, 128, 256)


def tiny_generator(resolution: int = 32, seed: int = 0) -> Generator:
    """With random weights, in which attributes show."""
    torch.manual_seed(seed)
    config = GeneratorConfig(resolution=resolution, w_dim=32, mapping_layers=2, channels=dict.fromkeys(SIZES, 16))
    generator = Generator(config).eval().requires_grad_(False)
    assert generator.attribute_network is not None
    torch.nn.init.normal_(generator.attribute_network.last.weight)
    return generator


def tiny_face(folder: Path, resolution: int = 32, seed: int = 0) -> Path:
    """Writes such a generator as `training.face` would."""
    save_generator(tiny_generator(resolution, seed), folder, torch.float32)
    return folder
