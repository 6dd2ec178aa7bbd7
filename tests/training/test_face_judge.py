"""Training the judge, the filters and the recognizer, for a few steps on a few small portraits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stylegan.attributes import CONDITIONS
from stylegan.filters import load_filters
from stylegan.judge import load_judge
from stylegan.recognition import load_recognizer
from training import face_judge
from training.errors import TrainingError
from training.face_judge import Recipe, fit, heat_loss, main, pupils, train
from training.judge_report import card, show
from training.portraits import load_portraits, mirrored_names

COUNT = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small portraits."""
    pytest.importorskip("skia", reason="skia-python draws the portraits; pip install 'ohlora[train]'")
    from stylegan.portrait.dataset import Dataset

    root = tmp_path_factory.mktemp("portraits")
    dataset = Dataset(root, 64, 2)
    assert len(list(dataset.draw(dataset.missing(COUNT), 1))) == COUNT
    return root


def recipe(run: Path) -> Recipe:
    names = ("regions", "pose", "filters", "recognizer")
    return Recipe(dict.fromkeys(names, 3), dict.fromkeys(names, 4), run=run, widths=(8, 8, 8))


def test_portraits_are_read_with_all_their_labels(folder: Path) -> None:
    portraits = load_portraits(folder)
    assert portraits.images.shape == (COUNT, 64, 64, 3)
    assert portraits.segments.shape == (COUNT, 64, 64)
    assert portraits.segments.max() < 9
    assert portraits.latents.shape == (COUNT, 64)
    assert portraits.landmarks.shape == (COUNT, len(portraits.names), 2)
    assert np.abs(portraits.attributes["pose"]).max() > 5
    assert portraits.stack("eyes", "mouth").shape == (COUNT, 2)
    assert portraits.seed == 2


def test_a_folder_that_is_none_is_one_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nothing"), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "python -m stylegan draw" in error
    assert error.count("\n") == 1


def test_too_few_portraits_are_refused(folder: Path) -> None:
    with pytest.raises(TrainingError, match="3 portraits; at least 20"):
        load_portraits(folder, 3)


def test_a_damaged_line_is_named(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "labels.jsonl").read_text().splitlines()
    lines[4] = lines[4][:100]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines))
    for name in ("images", "segments"):
        (tmp_path / name).symlink_to(folder / name)
    with pytest.raises(TrainingError, match=r"labels\.jsonl:5"):
        load_portraits(tmp_path)


def test_left_and_right_change_places_in_a_mirror() -> None:
    names = ("chin", "left_eye_inner", "mouth_left", "mouth_right", "right_eye_inner")
    assert [names[at] for at in mirrored_names(names)] == [
        "chin", "right_eye_inner", "mouth_right", "mouth_left", "left_eye_inner",
    ]  # fmt: skip


def test_labels_without_pupils_are_refused() -> None:
    with pytest.raises(TrainingError, match="left_eye_pupil"):
        pupils(["chin", "nose_tip"])


def test_the_loss_of_a_heat_map_is_least_at_the_landmark_and_none_beyond_the_edge() -> None:
    def heat(x: int, y: int) -> torch.Tensor:
        grid = torch.arange(16.0)
        return -0.5 * ((grid - x) ** 2 + (grid[:, None] - y) ** 2)[None, None]

    point = torch.tensor([[[42.0, 22.0]]])  # cell (10, 5)
    assert heat_loss(heat(10, 5), point, 64) < heat_loss(heat(9, 5), point, 64) < heat_loss(heat(3, 9), point, 64)
    assert heat_loss(heat(10, 5), torch.tensor([[[90.0, 22.0]]]), 64) == 0


def test_training_that_was_stopped_goes_on_the_same_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_judge, "CHECKPOINT", 2)
    target = torch.tensor([[1.0, -2.0]])

    def run(folder: Path, stop: int | None = None) -> tuple[torch.nn.Module, Recipe]:
        torch.manual_seed(0)
        network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.Flatten())
        given = Recipe({"toy": 6}, {"toy": 3}, run=folder)
        seen = 0

        def loss(rng: np.random.Generator, batch: int) -> torch.Tensor:
            nonlocal seen
            if seen == stop:
                raise KeyboardInterrupt
            seen += 1
            x = torch.from_numpy(rng.normal(size=(batch, 1, 1, 1)).astype(np.float32))
            return ((network(x) - target) ** 2).mean()

        fit("toy", network, loss, given)
        return network, given

    whole, curve = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", stop=4)
    resumed, again = run(tmp_path / "stopped")
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    assert [step for step, _ in again.curve["toy"]] == [step for step, _ in curve.curve["toy"]] == [2, 4, 6]


def test_a_checkpoint_of_another_length_is_refused(tmp_path: Path) -> None:
    network = torch.nn.Linear(1, 1)

    def loss(rng: np.random.Generator, batch: int) -> torch.Tensor:
        return network(torch.ones(1, 1)).sum()

    fit("toy", network, loss, Recipe({"toy": 2}, {"toy": 1}, run=tmp_path))
    with pytest.raises(TrainingError, match="a run with 2 steps"):
        fit("toy", network, loss, Recipe({"toy": 5}, {"toy": 1}, run=tmp_path))


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("judge")
    return out, train(load_portraits(folder), recipe(tmp_path_factory.mktemp("run")), out)


def test_everything_is_trained_measured_and_stored(trained: Any) -> None:
    out, report = trained
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    assert tuple(load_judge(out).measure(picture)) == CONDITIONS
    assert load_filters(out).serves(picture).shape == (1,)
    assert load_recognizer(out).read(picture).shape == (1, 64)
    assert report["held out"] == 8
    assert set(report["judge"]["correlation"]) == set(CONDITIONS)
    assert set(report["minutes"]) == {"regions", "pose", "calibration", "filters", "recognizer"}
    json.dumps(report)


def test_the_card_states_the_command_the_rights_and_every_figure(
    trained: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    report = trained[1] | {"command": "python -m training.face_judge X"}
    text = card(report)
    assert "python -m training.face_judge X" in text
    assert "nobody's photograph" in text
    assert "portraits drawn from seed 2" in text
    for name in CONDITIONS:
        assert f"| {name} | correlation" in text
    assert "IoU of hair" in text
    assert "gender AUROC" in text
    show(report)
    assert "quality correlation" in capsys.readouterr().out
