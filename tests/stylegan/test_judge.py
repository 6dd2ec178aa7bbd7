"""The judge: what it measures, how it is stored, and what it says of damaged files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from stylegan.attributes import ATTRIBUTES, CONDITIONS
from stylegan.errors import BadWeights
from stylegan.judge import Judge, JudgeConfig, Seen, load_judge, save_judge
from stylegan.vision import UNet, heat_points, patches, to_tensor, whole

TINY = JudgeConfig(
    ("background", "skin", "eye", "iris", "mouth", "hair"),
    ("left_eye", "right_eye", "chin"),
    ("left_eye",),
    ("right_eye",),
    resolution=64,
    widths=(8, 8, 8, 8),
    pose_widths=(8, 8, 8),
    hidden=8,
)


@pytest.fixture
def judge() -> Judge:
    torch.manual_seed(0)
    return Judge(TINY)


def noise(count: int, side: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def test_every_condition_is_measured_within_its_range(judge: Judge) -> None:
    found = judge.measure(noise(5), batch=2)
    assert tuple(found) == CONDITIONS
    for name, values in found.items():
        assert values.shape == (5,)
        assert np.isfinite(values).all()
        assert (values >= ATTRIBUTES[name].low).all()
        assert (values <= ATTRIBUTES[name].high).all()


def test_the_size_of_the_batch_changes_nothing(judge: Judge) -> None:
    one, all_ = judge.measure(noise(4), batch=1), judge.measure(noise(4), batch=4)
    for name in CONDITIONS:
        assert one[name] == pytest.approx(all_[name], abs=0.02 * (ATTRIBUTES[name].high - ATTRIBUTES[name].low))


def test_pictures_of_any_size_are_measured(judge: Judge) -> None:
    assert judge.measure(noise(2, 96))["eyes"].shape == (2,)
    assert judge.measure(noise(0))["eyes"].shape == (0,)


def test_what_is_no_batch_of_pictures_is_refused(judge: Judge) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[B, H, W, 3\]; these are float64 \[4, 64, 64, 3\]"):
        judge.measure(np.zeros((4, 64, 64, 3)))


def test_hair_and_background_are_measured_by_formula_over_the_regions(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    picture[:, :, 32:] = 204
    regions = np.zeros((1, 64, 64), np.uint8)
    regions[:, :40, 32:] = TINY.regions.index("hair")
    seen = Seen(
        regions,
        np.zeros((1, 3, 2), np.float32),
        np.array([[30.0, -10.0]], np.float32),
        np.zeros((1, TINY.measures), np.float32),
        np.array([20.0], np.float32),
    )
    monkeypatch.setattr(judge, "look", lambda tensor: seen)
    found = judge.measure(picture)
    assert found["hair_color"][0] == pytest.approx(0.8, abs=0.01)
    assert found["hair_length"][0] == pytest.approx(19 / 43, abs=1e-4)
    background = np.concatenate([np.zeros(64 * 32), np.full(24 * 32, 0.8)])
    assert found["background_mean"][0] == pytest.approx(background.mean(), abs=0.01)
    assert found["background_std"][0] == pytest.approx(background.std(), abs=0.01)
    assert found["pose"][0] == 30
    assert found["pitch"][0] == -10


def test_a_stored_judge_measures_as_before(judge: Judge, tmp_path: Path) -> None:
    save_judge(judge, tmp_path)
    again = load_judge(tmp_path)
    assert again.config == judge.config
    before, after = judge.measure(noise(3)), again.measure(noise(3))
    for name in CONDITIONS:
        assert after[name] == pytest.approx(before[name], abs=0.02 * (ATTRIBUTES[name].high - ATTRIBUTES[name].low))


def test_a_folder_without_a_judge_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="holds no face judge"):
        load_judge(tmp_path / "nothing")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"judge": 3}', '{"judge": {"regions": ["hair"]}}'])
def test_a_damaged_configuration_is_one_clear_error(judge: Judge, tmp_path: Path, text: str) -> None:
    save_judge(judge, tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(BadWeights, match=r"config\.json has no usable part 'judge'"):
        load_judge(tmp_path)


def test_a_configuration_without_hair_is_refused() -> None:
    with pytest.raises(BadWeights, match="needs the region 'hair'"):
        JudgeConfig(("background", "eye", "iris", "mouth"), ("a", "b"), ("a",), ("b",))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b"PK\x03\x04 no weights"), "no readable safetensors"),
    ],
)
def test_damaged_weights_are_one_clear_error(judge: Judge, tmp_path: Path, damage, message: str) -> None:
    save_judge(judge, tmp_path)
    damage(tmp_path / "pose.safetensors")
    with pytest.raises(BadWeights, match=message):
        load_judge(tmp_path)


def test_weights_of_another_shape_are_refused(judge: Judge, tmp_path: Path) -> None:
    save_judge(judge, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["judge"]["pose_widths"] = [8, 16, 8]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadWeights, match="does not fit its config"):
        load_judge(tmp_path)


def test_weights_that_are_not_finite_are_refused(judge: Judge, tmp_path: Path) -> None:
    with torch.no_grad():
        judge.pose.head.bias[0] = float("nan")
    save_judge(judge, tmp_path)
    with pytest.raises(BadWeights, match="not finite"):
        load_judge(tmp_path)


def test_a_heat_map_points_at_its_peak_in_pixels_of_the_picture() -> None:
    heat = torch.full((1, 1, 8, 8), -50.0)
    heat[0, 0, 2, 5] = 50.0
    assert heat_points(heat, 64)[0, 0].tolist() == pytest.approx([44, 20])


def test_the_network_keeps_the_side_of_the_picture() -> None:
    regions, heat = UNet(3, 2, (8, 8, 8))(torch.zeros(1, 3, 64, 64))
    assert whole(regions).shape == (1, 3, 64, 64)
    assert heat.shape == (1, 2, 16, 16)


def test_patches_are_laid_out_as_the_picture_they_were_cut_from() -> None:
    picture = torch.arange(64).view(1, 8, 8)
    assert torch.equal(whole(patches(picture)[:, None].float())[:, 0], picture.float())


def test_pictures_become_minus_one_to_one() -> None:
    tensor = to_tensor(np.array([[[[0, 255, 127]]]], np.uint8).repeat(4, 1).repeat(4, 2), 4)
    assert tensor[0, :, 0, 0].tolist() == pytest.approx([-1, 1, 0], abs=0.01)
