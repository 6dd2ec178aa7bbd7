"""Training the auto-encoder that tastes are learnt in, for a few steps on a few small portraits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stylegan.face_space import FaceSpace, SpaceConfig, load_space
from training import face_taste
from training.errors import TrainingError
from training.face_judge import Recipe
from training.face_taste import NAMED, distance, load_faces, main, train, trust_in

COUNT = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small portraits."""
    pytest.importorskip("skia", reason="skia-python draws the portraits; pip install 'ohlora[train]'")
    from stylegan.portrait.dataset import Dataset

    root = tmp_path_factory.mktemp("portraits")
    dataset = Dataset(root, 64, 1)
    assert len(list(dataset.draw(dataset.missing(COUNT), 1))) == COUNT
    return root


def small() -> FaceSpace:
    torch.manual_seed(0)
    return FaceSpace(SpaceConfig(len(NAMED) + 2, NAMED, 32, (6, 8)))


def recipe(run: Path, steps: int) -> Recipe:
    return Recipe({"taste": steps}, {"taste": 8}, learning_rate=5e-3, run=run)


def test_portraits_are_read_small_with_what_matters_in_them(folder: Path) -> None:
    faces = load_faces(folder, 0, 32)
    assert faces.images.shape == (COUNT, 32, 32, 3)
    assert faces.weights.shape == (COUNT, 32, 32)
    corner, middle = faces.weights[:, 0, 0].mean(), faces.weights[:, 12:20, 12:20].mean()
    assert corner < 0.5 < middle, "the scene weighs less than the face"
    assert faces.named.shape == (COUNT, len(NAMED))
    assert faces.named.mean(0) == pytest.approx(np.zeros(len(NAMED)), abs=1e-5)
    assert faces.named.std(0) == pytest.approx(np.ones(len(NAMED)), abs=1e-4)
    assert len(load_faces(folder, 21, 32)) == 21


def test_a_named_number_is_the_label_of_its_name(folder: Path) -> None:
    from stylegan.portrait.identity import COORDINATES

    row = json.loads((folder / "labels.jsonl").read_text().splitlines()[0])
    assert face_taste.labelled(row, "hair_color") == row["hair_color"]
    assert COORDINATES[1][0] == "jaw"
    assert face_taste.labelled(row, "jaw") == row["latent"][1]


def test_training_paints_better_and_names_better_and_goes_on_after_a_stop(folder: Path, tmp_path: Path) -> None:
    faces = load_faces(folder, 0, 32)
    space = small()
    report = train(faces, recipe(tmp_path / "whole", 30), space)
    first, last = report["curve"][0], report["curve"][-1]
    assert last[0] == 30
    assert report["error"]["auto-encoder"] < 1.0
    assert set(report["told"]) == set(NAMED)
    again = small()
    train(faces, recipe(tmp_path / "whole", 30), again)  # everything is done already: the checkpoint is taken
    for a, b in zip(space.network.state_dict().values(), again.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert first[1] >= last[1]


def test_an_unfinished_run_can_be_taken_as_it_is(folder: Path, tmp_path: Path) -> None:
    faces = load_faces(folder, 0, 32)
    with pytest.raises(TrainingError, match="nothing has been trained"):
        train(faces, recipe(tmp_path, 30), small(), finish_now=True)
    trained, taken = small(), small()
    train(faces, recipe(tmp_path, 3), trained)
    report = train(faces, recipe(tmp_path, 30), taken, finish_now=True)
    assert (report["steps"], report["planned"]) == (3, 30)
    assert torch.equal(taken.network.squeeze.weight, trained.network.squeeze.weight)


def test_a_number_is_trusted_as_far_as_it_says_what_it_should() -> None:
    assert trust_in({"a": 0.9, "b": -0.1, "c": float("nan")}, 5) == (0.9, 0.0, 0.0, 0.3, 0.3)


def test_what_weighs_nothing_does_not_count() -> None:
    a, b = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    b[..., 0] = 1
    weights = torch.ones(1, 4, 4)
    assert float(distance(a, b, weights)) == pytest.approx(0.25)
    weights[..., 0] = 0
    assert float(distance(a, b, weights)) == 0


def test_the_command_writes_a_space_and_its_card(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "taste"
    options = ["--steps", "3", "--batch", "8", "--threads", "1", "--run", str(tmp_path / "run"), "--out", str(out)]
    assert main([str(folder), *options]) == 0
    space = load_space(out)
    assert space.config.named == NAMED
    assert len(space.config.trust) == 32
    assert space.encode(np.zeros((2, 256, 256, 3), np.uint8)).shape == (2, 32)
    card = (out / "MODEL_CARD.md").read_text(encoding="utf-8")
    for part in ("24 portraits", "seed 1", "32 principal components"[3:], "| hair_color |", "--steps 3"):
        assert part in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda root: (root / "labels.jsonl").unlink(), "holds no drawn portraits"),
    (lambda root: (root / "labels.jsonl").write_text("{}\n" * 30), "labels.jsonl:1"),
    (lambda root: (root / "labels.jsonl").write_text("{}\n"), "at least 20"),
])  # fmt: skip
def test_a_folder_that_is_none_is_one_clear_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Any, message: str
) -> None:
    root = tmp_path / "portraits"
    shutil.copytree(folder, root)
    spoil(root)
    with pytest.raises(TrainingError, match=message):
        load_faces(root, 0, 32)
    assert main([str(root), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")
