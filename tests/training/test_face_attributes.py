"""The attribute stage on a generator of 32 × 32 pixels: only the attribute network learns, and every fault is one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from stylegan.attributes import CONDITIONS
from stylegan.generator import Generator, GeneratorConfig, load_generator, save_generator
from tests.tiny_face import SIZES, tiny_face
from tests.training.faces import curve, drawn, error_line, handlers_restored, interrupted_after, relabelled
from training.face import main
from training.face_attributes import RECIPES, AttributeTrainer, calm_difference
from training.face_data import load_faces
from training.face_labeller import Labeller, LabellerTrainer, correlations, scaled, train_labeller

CONFIG = GeneratorConfig(resolution=32, w_dim=32, mapping_layers=2, channels=dict.fromkeys(SIZES, 16))
SHORT = ["--preset", "tiny", "--threads", "1", "--every", "4"]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with handlers_restored():
        yield


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("faces") / "drawn", 80)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator as an import leaves it, in bfloat16: its attribute network does nothing."""
    folder = tmp_path_factory.mktemp("face") / "imported"
    torch.manual_seed(1)
    save_generator(Generator(replace(CONFIG, noise=True, mapping_rate=0.01)), folder)
    return folder


def stage(data: Path, generator: Path, out: Path, *more: str) -> int:
    return main([str(data), "--stage", "attributes", "--generator", str(generator), "--out", str(out), *SHORT, *more])


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for file in folder.glob("*.safetensors") for name, tensor in load_file(file).items()}


def assert_same(one: Any, other: Any, at: str = "") -> None:
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), at
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), at
        for name in one:
            if name != "seconds":
                assert_same(one[name], other[name], f"{at}.{name}")
    else:
        assert one == other, at


def test_only_the_attribute_network_changes_bit_by_bit(portraits: Path, imported: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert stage(portraits, imported, out, "--pictures", "64", "--labeller-pictures", "160") == 0
    before, after = tensors(imported), tensors(out / "generator")
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        same = after[name].dtype == tensor.dtype and torch.equal(after[name], tensor)
        assert same == (not name.startswith("attribute_network.")), name
    assert [row["step"] for row in curve(out)] == [4, 8]
    assert all({"attributes", "near", "calm", "held_out"} <= row.keys() for row in curve(out))
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    found = report["labeller_on_held_out_latents"]
    assert set(found["before"]) == set(found["after"]) == set(CONDITIONS)
    assert found["before"] != found["after"]
    assert (out / "sheet.png").stat().st_size > 500


def test_the_attribute_network_learns_what_the_labeller_asks_for(
    portraits: Path, imported: Path, tmp_path: Path
) -> None:
    faces = load_faces(portraits, tmp_path / "pictures", 32)
    trained = train_labeller(LabellerTrainer(tmp_path / "labeller", faces, 32, 800, "cpu", 0), 5.0, 100)
    assert trained is not None
    recipe = replace(RECIPES["tiny"], rate=0.05)
    trainer = AttributeTrainer(tmp_path, faces, load_generator(imported), torch.float32, *trained, recipe, "cpu", 0)
    errors = []
    for _ in range(20):
        trainer.step = 40  # the same requests of the same identities each time
        errors.append(trainer.train_step(0.0)["attributes"])
    assert min(errors[-5:]) < 0.85 * errors[0]


def test_a_labeller_learns_from_labelled_pictures(portraits: Path, tmp_path: Path) -> None:
    faces = load_faces(portraits, tmp_path / "pictures", 32)
    trainer = LabellerTrainer(tmp_path / "labeller", faces, 32, 960, "cpu", 0)
    before = trainer.held_out(32)
    assert train_labeller(trainer, 5.0, 20) is not None
    assert trainer.held_out(32) < 0.9 * before
    assert correlations(*trainer.read())["background_mean"] > 0.5


def test_an_interrupted_stage_goes_on_exactly_as_one_that_never_stopped(
    portraits: Path, imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = ("--pictures", "64", "--labeller-pictures", "160")
    assert stage(portraits, imported, tmp_path / "whole", *budget) == 0
    out = tmp_path / "cut"
    with monkeypatch.context() as patch:
        interrupted_after(patch, LabellerTrainer, 5)
        assert stage(portraits, imported, out, *budget) == 0
    assert not (out / "attributes.pt").exists()
    assert json.loads((out / "labeller" / "curve.jsonl").read_text(encoding="utf-8").splitlines()[-1])["step"] == 4
    with monkeypatch.context() as patch:
        interrupted_after(patch, AttributeTrainer, 2)
        assert stage(portraits, imported, out, *budget) == 0
    assert torch.load(out / "attributes.pt", weights_only=True)["step"] == 3
    assert stage(portraits, imported, out, *budget) == 0
    for name in ("labeller", "."):
        assert curve(out / name) == curve(tmp_path / "whole" / name)
    for name in ("attributes.pt", "labeller/labeller.pt"):
        states = (torch.load(folder / name, weights_only=True) for folder in (out, tmp_path / "whole"))
        assert_same(*states)
    assert_same(tensors(out / "generator"), tensors(tmp_path / "whole" / "generator"))


def test_a_generator_without_an_attribute_network_gets_one(portraits: Path, tmp_path: Path) -> None:
    torch.manual_seed(2)
    save_generator(Generator(replace(CONFIG, attribute_layers=0, attributes=())), tmp_path / "plain", torch.float32)
    out = tmp_path / "run"
    assert stage(portraits, tmp_path / "plain", out, "--pictures", "32", "--labeller-pictures", "64") == 0
    generator = load_generator(out / "generator")
    assert generator.config.attributes == CONDITIONS
    for name, tensor in tensors(tmp_path / "plain").items():
        assert torch.equal(generator.state_dict()[name], tensor)
    assert generator.attribute_network is not None
    assert generator.attribute_network.last.weight.abs().max() > 0


# -- one line each -------------------------------------------------------------------------------------------------------


def test_a_folder_without_labels_is_refused(
    portraits: Path, imported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "images").symlink_to(portraits / "images")
    assert stage(tmp_path / "bare", imported, tmp_path / "run") == 1
    assert "labels.jsonl or labels.csv" in error_line(capsys)


def test_a_folder_that_is_too_small_is_refused(
    imported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stage(drawn(tmp_path / "few", 5), imported, tmp_path / "run") == 1
    assert "5 pictures are too few" in error_line(capsys)


def test_pictures_smaller_than_the_generators_are_refused(
    imported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    (tmp_path / "small").mkdir()
    Image.new("RGB", (16, 16)).save(tmp_path / "small" / "a.png")
    row = {"file": "a.png", **dict.fromkeys(CONDITIONS, 0.1)}
    (tmp_path / "small" / "labels.jsonl").write_text((json.dumps(row) + "\n") * 70, encoding="utf-8")
    assert stage(tmp_path / "small", imported, tmp_path / "run") == 1
    assert "16 pixels" in error_line(capsys)


def test_a_generator_whose_weights_have_another_resolution_is_refused(
    portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tiny_face(tmp_path / "face")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"resolution": 64}), encoding="utf-8")
    assert stage(portraits, folder, tmp_path / "run") == 1
    assert "do not fit" in error_line(capsys)


def test_a_run_goes_on_only_with_its_own_generator(
    portraits: Path, imported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    budget = ("--pictures", "16", "--labeller-pictures", "64")
    assert stage(portraits, imported, tmp_path / "run", *budget) == 0
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_bytes((imported / "config.json").read_bytes())
    changed = {name: tensor + (name == "synthesis_network.constant") for name, tensor in tensors(imported).items()}
    save_file(changed, other / "model-1-of-1.safetensors")
    assert stage(portraits, other, tmp_path / "run", *budget) == 1
    assert "another generator" in error_line(capsys)
    assert stage(portraits, tiny_face(tmp_path / "wide", 64), tmp_path / "run", *budget) == 1
    error_line(capsys)


@pytest.mark.parametrize("options", [[], ["--generator", "nowhere"], ["--generator", "x", "--stages", "32:4:1"]])
def test_settings_that_mean_nothing_are_refused(
    options: list[str], portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(portraits), "--stage", "attributes", "--out", str(tmp_path / "run"), *SHORT, *options]) == 1
    error_line(capsys)


def test_labels_with_a_fault_are_refused(
    portraits: Path, imported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = relabelled(portraits, tmp_path / "bad", lambda row: row.pop("eyes"))
    assert stage(folder, imported, tmp_path / "run") == 1
    assert "misses eyes" in error_line(capsys)


# -- parts ---------------------------------------------------------------------------------------------------------------


def test_what_differs_most_is_free_to_change() -> None:
    shown = torch.zeros(2, 3, 32, 32)
    images = shown.clone()
    images[:, :, :, :16] = 1.0  # half of the picture is another
    assert calm_difference(images, shown) == 0
    images[:, :, :, 16:] = 0.1
    assert calm_difference(images, shown) == pytest.approx(0.1)


@pytest.mark.parametrize("resolution", [16, 32, 64, 128, 256])
def test_a_labeller_reads_ten_numbers_at_every_resolution(resolution: int) -> None:
    assert Labeller(resolution)(torch.zeros(2, 3, resolution, resolution)).shape == (2, 10)


def test_attributes_are_scaled_over_their_ranges_and_correlated_one_by_one() -> None:
    low = torch.tensor([[0.0, 0, -1, -1, -45, -20, 0, 0, 0, 0]])
    high = torch.tensor([[1.0, 1, 1, 1, 45, 20, 1, 1, 1, 0.5]])
    assert torch.equal(scaled(low), -torch.ones(1, 10))
    assert torch.equal(scaled(high), torch.ones(1, 10))
    numbers = torch.from_numpy(np.random.default_rng(0).standard_normal((50, 10)))
    mixed = numbers.clone()
    mixed[:, 1] *= -3
    mixed[:, 2] = 7
    found = list(correlations(mixed, numbers).values())
    assert found == [1.0, -1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
