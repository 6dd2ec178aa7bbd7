"""The generator: what it promises about shapes, determinism, batches and files; everything on tiny random ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from stylegan.attributes import CONDITIONS
from stylegan.errors import BadWeights
from stylegan.generator import (
    Generator,
    GeneratorConfig,
    from_pixels,
    load_generator,
    normalize_latent,
    save_generator,
    to_pixels,
)
from tests.tiny_face import SIZES, tiny_face, tiny_generator

SMALL = GeneratorConfig(resolution=32, w_dim=24, mapping_layers=2, channels=dict.fromkeys(SIZES, 8))


def latents(count: int, seed: int = 3) -> Tensor:
    return torch.randn(count, 64, generator=torch.Generator().manual_seed(seed))


def asked(generator: Generator, count: int) -> Tensor:
    return generator.attribute_tensor([{"smile": index / count, "pose": index * 5.0} for index in range(count)])


@pytest.mark.parametrize("resolution", [8, 16, 32, 64])
def test_pictures_have_the_configured_resolution(resolution: int) -> None:
    generator = tiny_generator(resolution)
    images = generator(latents(2), asked(generator, 2))
    assert images.shape == (2, 3, resolution, resolution)
    assert images.dtype == torch.float32
    assert torch.isfinite(images).all()
    assert images.std() > 0


def test_synthesis_can_stop_at_a_smaller_resolution() -> None:
    generator = tiny_generator(32)
    w = generator.mapping(latents(2))
    assert generator.synthesis_network(w, resolution=16).shape == (2, 3, 16, 16)
    assert not torch.equal(generator.synthesis_network(w, resolution=32), torch.zeros(2, 3, 32, 32))


def test_the_same_seed_makes_the_same_generator_and_picture() -> None:
    first, again, other = tiny_generator(seed=1), tiny_generator(seed=1), tiny_generator(seed=2)
    z = latents(2)
    assert torch.equal(first(z, asked(first, 2)), again(z, asked(again, 2)))
    assert torch.equal(first(z, asked(first, 2)), first(z, asked(first, 2)))
    assert not torch.equal(first(z, asked(first, 2)), other(z, asked(other, 2)))


@pytest.mark.parametrize("noise", [False, True])
def test_a_batch_of_many_equals_one_by_one(noise: bool) -> None:
    torch.manual_seed(0)
    generator = Generator(replace(SMALL, noise=noise)).eval().requires_grad_(False)
    z, wanted = latents(7), asked(generator, 7)
    together = generator(z, wanted)
    alone = torch.cat([generator(z[i : i + 1], wanted[i : i + 1]) for i in range(7)])
    assert (together - alone).abs().max() < 1e-5
    assert torch.equal(to_pixels(together), to_pixels(alone)) or (
        (to_pixels(together).int() - to_pixels(alone).int()).abs().max() <= 1
    )


def test_truncation_draws_towards_the_average_face() -> None:
    generator = tiny_generator()
    generator.w_avg.normal_()
    z = latents(3)
    full, half, none = (generator.mapping(z, psi) for psi in (1.0, 0.5, 0.0))
    assert torch.equal(full, generator.mapping(z))
    assert torch.allclose(half, (full + generator.w_avg) / 2, atol=1e-6)
    assert torch.allclose(none, generator.w_avg.expand(3, -1))
    pictures = generator(z, asked(generator, 1).expand(3, -1), 0.0)
    assert torch.allclose(pictures[0], pictures[1], atol=1e-5)


def test_only_the_direction_of_a_latent_counts() -> None:
    generator = tiny_generator()
    z = latents(2)
    assert torch.allclose(generator.mapping(z), generator.mapping(z * 3), atol=1e-4)
    assert torch.allclose(normalize_latent(z).norm(dim=1), torch.tensor(8.0), atol=1e-4)


def test_an_untrained_attribute_network_leaves_w_as_it_is() -> None:
    torch.manual_seed(0)
    generator = Generator(SMALL)
    w = generator.mapping(latents(3))
    assert torch.equal(generator.condition(w, asked(generator, 3)), w)
    without = Generator(replace(SMALL, attribute_layers=0))
    assert torch.equal(without.condition(w, asked(generator, 3)), w)


def test_attributes_are_ordered_filled_and_clipped() -> None:
    generator = tiny_generator()
    row = generator.attribute_tensor([{"pose": 400.0, "eyes": -1.0, "gender": 0.0}])[0]
    assert row.shape == (len(CONDITIONS),)
    assert row[CONDITIONS.index("pose")] == 45.0
    assert row[CONDITIONS.index("eyes")] == 0.0
    assert row[CONDITIONS.index("background_mean")] == pytest.approx(0.7)


def test_every_layer_may_have_a_w_of_its_own() -> None:
    generator = tiny_generator()
    w = generator.mapping(latents(2))
    layers = sum(len(block) + 1 for block in generator.synthesis_network.layers)  # type: ignore[arg-type]
    assert torch.equal(generator.synthesis(w[:, None].expand(-1, layers, -1)), generator.synthesis(w))


def test_noise_of_strength_zero_is_skipped_without_trace() -> None:
    torch.manual_seed(0)
    noisy = Generator(replace(SMALL, noise=True)).eval().requires_grad_(False)
    plain = Generator(SMALL).eval().requires_grad_(False)
    kept = {name: tensor for name, tensor in noisy.state_dict().items() if "noise" not in name}
    plain.load_state_dict(kept)
    z, wanted = latents(2), asked(plain, 2)
    assert torch.equal(noisy(z, wanted), plain(z, wanted))
    noisy.synthesis_network.layers[-1][0].noise_strength.fill_(1.0)  # type: ignore[index, union-attr]
    assert not torch.equal(noisy(z, wanted), plain(z, wanted))


def test_pixels_survive_the_way_there_and_back() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).repeat(3).reshape(1, 16, 16, 3)
    assert torch.equal(to_pixels(from_pixels(pixels)), pixels)
    assert to_pixels(torch.tensor([-9.0, 9.0, float("inf")]).reshape(1, 3, 1, 1)).flatten().tolist() == [0, 255, 255]


# -- files ---------------------------------------------------------------------------------------------------------------


def test_a_saved_generator_is_loaded_bit_by_bit(tmp_path: Path) -> None:
    generator = tiny_generator()
    generator.w_avg.normal_()
    save_generator(generator, tmp_path, torch.float32)
    loaded = load_generator(tmp_path)
    assert loaded.config == generator.config
    for name, tensor in generator.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_generator_saved_in_bfloat16_paints_nearly_the_same_and_saves_again_the_same(tmp_path: Path) -> None:
    generator = tiny_generator()
    save_generator(generator, tmp_path / "a")
    loaded = load_generator(tmp_path / "a")
    z, wanted = latents(2), asked(generator, 2)
    exact = generator(z, wanted)
    assert (loaded(z, wanted) - exact).abs().mean() < 0.05 * exact.std()
    served = load_generator(tmp_path / "a", dtype=torch.bfloat16)(z, wanted)
    assert served.dtype == torch.float32
    assert (served - exact).abs().mean() < 0.1 * exact.std()
    save_generator(loaded, tmp_path / "b")
    for file in (tmp_path / "a").glob("*.safetensors"):
        assert (tmp_path / "b" / file.name).read_bytes() == file.read_bytes()


def test_large_generators_are_cut_into_shards_and_old_shards_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = tiny_generator()
    monkeypatch.setattr("stylegan.generator.SHARD_BYTES", 20_000)
    save_generator(generator, tmp_path)
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 2
    assert all(sum(tensor.nbytes for tensor in load_file(shard).values()) <= 20_000 for shard in shards)
    load_generator(tmp_path)
    monkeypatch.setattr("stylegan.generator.SHARD_BYTES", 10**9)
    save_generator(generator, tmp_path)
    assert [shard.name for shard in tmp_path.glob("model-*.safetensors")] == ["model-1-of-1.safetensors"]
    load_generator(tmp_path)


def test_folders_written_before_a_setting_existed_still_load(tmp_path: Path) -> None:
    tiny_face(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for name in ("clamp", "noise", "mapping_rate"):
        del config[name]
    path.write_text(json.dumps(config), encoding="utf-8")
    assert load_generator(tmp_path).config.clamp is None


def shard_of(folder: Path) -> Path:
    return next(folder.glob("model-*.safetensors"))


def changed(folder: Path, change: Callable[[dict[str, Tensor]], None]) -> None:
    tensors = load_file(shard_of(folder))
    change(tensors)
    save_file(tensors, shard_of(folder))


def configured(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def first(tensors: dict[str, Tensor], value: float) -> None:
    tensors["synthesis_network.constant"][0, 0, 0, 0] = value


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda folder: (folder / "config.json").unlink(), "config.json"),
    "no weights": (lambda folder: shard_of(folder).unlink(), "is missing"),
    "cut off": (lambda folder: shard_of(folder).write_bytes(shard_of(folder).read_bytes()[:-9]), "safetensors"),
    "rubbish": (lambda folder: shard_of(folder).write_bytes(b"rubbish"), "safetensors"),
    "a pickle": (lambda folder: shard_of(folder).write_bytes(b"\x80\x04cos\nsystem\n."), "safetensors"),
    "not finite": (lambda folder: changed(folder, lambda tensors: first(tensors, float("nan"))), "not finite"),
    "infinite": (lambda folder: changed(folder, lambda tensors: first(tensors, float("inf"))), "not finite"),
    "one missing": (lambda folder: changed(folder, lambda tensors: tensors.__delitem__("w_avg")), "w_avg"),
    "one too many": (lambda folder: changed(folder, lambda t: t.update(more=torch.ones(1))), "more"),
    "other resolution": (lambda folder: configured(folder, resolution=64), "do not fit"),
    "no resolution": (lambda folder: configured(folder, resolution=100), "power of two"),
    "other channels": (lambda folder: configured(folder, channels=dict.fromkeys(SIZES, 12)), "has the shape"),
    "huge": (lambda folder: configured(folder, w_dim=10**9), "w_dim"),
    "wide": (lambda folder: configured(folder, channels=dict.fromkeys(SIZES, 4096)), "has the shape"),
    "another layout": (lambda folder: configured(folder, layout="sideways"), "layout"),
    "too narrow a w": (lambda folder: configured(folder, layout="portrait"), "w_dim"),
    "nothing": (lambda folder: configured(folder, latent_dim=0), "latent_dim"),
    "a text for a number": (lambda folder: configured(folder, mapping_layers="many"), "mapping_layers"),
    "a text for a rate": (lambda folder: configured(folder, mapping_rate="fast"), "mapping_rate"),
    "unknown attributes": (lambda folder: configured(folder, attributes=["charm"]), "charm"),
    "another network": (lambda folder: configured(folder, architecture="StyleGAN3"), "StyleGAN2"),
    "no JSON": (lambda folder: (folder / "config.json").write_text("{", encoding="utf-8"), "damaged"),
    "a list": (lambda folder: (folder / "config.json").write_text("[]", encoding="utf-8"), "damaged"),
    "bytes": (lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe\x00"), "damaged"),
    "channels as a list": (lambda folder: configured(folder, channels=[1, 2]), "damaged"),
    "deep": (lambda folder: (folder / "config.json").write_text("[" * 100_000, encoding="utf-8"), "damaged"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_or_hostile_folder_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    tiny_face(tmp_path)
    spoil, said = DAMAGE[damage]
    spoil(tmp_path)
    with pytest.raises(BadWeights) as raised:
        load_generator(tmp_path)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("resolution", [0, 4, 12, 2048])
def test_resolutions_other_than_powers_of_two_are_refused(resolution: int) -> None:
    with pytest.raises(BadWeights, match="power of two"):
        GeneratorConfig(resolution=resolution)
