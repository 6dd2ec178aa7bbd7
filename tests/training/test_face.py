"""Training a small face generator: it learns, goes on as if never stopped, and says in one line what is wrong with data."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from stylegan.attributes import CONDITIONS
from stylegan.generator import load_generator
from tests.training.faces import curve, drawn, error_line, handlers_restored, interrupted_after, narrow, relabelled
from training.face import Trainer, main
from training.face_run import cut_curve, falling

STEP = ["--preset", "tiny", "--batch", "4", "--threads", "1"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    narrow(monkeypatch)
    with handlers_restored():
        yield


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("faces") / "drawn", 40)


@pytest.fixture
def unpaired(portraits: Path, tmp_path: Path) -> Path:
    """As a folder of one's own: pictures and attributes, no latents, no segments."""

    def plain(row: dict[str, Any]) -> None:
        del row["latent"], row["segments"]

    return relabelled(portraits, tmp_path / "own", plain)


def checkpoint(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / "checkpoint.pt", weights_only=True)
    return state


def assert_same(one: Any, other: Any, at: str = "") -> None:
    """Compares checkpoints bit by bit, but for the time they took."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), at
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), at
        for name in one:
            if name != "seconds":
                assert_same(one[name], other[name], f"{at}.{name}")
    else:
        assert one == other, at


def test_the_loss_falls_and_a_generator_is_written(portraits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert (
        main([str(portraits), "--out", str(out), *STEP, "--pictures", "320", "--every", "20", "--adversarial", "0"])
        == 0
    )
    rows = curve(out)
    assert [row["resolution"] for row in rows] == [16, 16, 32, 32]
    assert rows[1]["paired"] < 0.95 * rows[0]["paired"]
    assert rows[3]["paired"] < rows[2]["paired"]
    generator = load_generator(out / "generator")
    assert generator.config.resolution == 32
    assert generator.config.latent_dim == 64
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["pictures"] == 320
    assert report["paired"]
    assert report["held_out_difference"] > 0
    assert (out / "sheet.png").stat().st_size > 500


@pytest.mark.parametrize("kind", ["paired", "adversarial"])
def test_an_interrupted_run_goes_on_exactly_as_one_that_never_stopped(
    kind: str, portraits: Path, unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = portraits if kind == "paired" else unpaired
    options = [str(data), *STEP, "--pictures", "40", "--every", "4", "--adversarial-from", "0.3", "--path-length", "2"]
    assert main([*options, "--out", str(tmp_path / "whole")]) == 0
    with monkeypatch.context() as patch:
        interrupted_after(patch, Trainer, 6)
        assert main([*options, "--out", str(tmp_path / "cut")]) == 0
        stopped = checkpoint(tmp_path / "cut")
    assert stopped["step"] == 7
    assert stopped["seen"] == 28
    assert main([*options, "--out", str(tmp_path / "cut")]) == 0
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")
    assert_same(checkpoint(tmp_path / "cut"), checkpoint(tmp_path / "whole"))


def test_a_finished_run_is_not_trained_further(portraits: Path, tmp_path: Path) -> None:
    options = [str(portraits), "--out", str(tmp_path / "run"), *STEP, "--pictures", "8"]
    assert main(options) == 0
    before = checkpoint(tmp_path / "run")
    assert main(options) == 0
    assert_same(checkpoint(tmp_path / "run"), before)


def test_rows_of_the_curve_after_the_last_checkpoint_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "curve.jsonl"
    path.write_text('{"step": 4}\n{"step": 8}\n{"step": 12}\n', encoding="utf-8")
    cut_curve(path, 8)
    assert path.read_text(encoding="utf-8") == '{"step": 4}\n{"step": 8}\n'


def test_pictures_without_latents_train_adversarially_with_adaptive_augmentation(
    unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.augment.TARGET", -2.0)  # every discriminator overfits by this measure
    assert main([str(unpaired), "--out", str(tmp_path / "run"), *STEP, "--pictures", "40", "--every", "5"]) == 0
    for row in curve(tmp_path / "run"):
        assert {"generator", "discriminator"} <= row.keys()
        assert not {"paired", "held_out"} & row.keys()
    assert checkpoint(tmp_path / "run")["augment"] > 0
    report = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    assert report["paired"] is False
    assert report["held_out_difference"] is None


def test_labels_may_be_a_table(portraits: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (portraits / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    folder = tmp_path / "table"
    folder.mkdir()
    (folder / "images").symlink_to(portraits / "images")
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["file", *CONDITIONS], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    assert main([str(folder), "--out", str(tmp_path / "run"), *STEP, "--pictures", "4"]) == 0


def test_images_without_labels_are_refused_in_one_line(
    portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "images").symlink_to(portraits / "images")
    assert main([str(tmp_path / "bare"), "--out", str(tmp_path / "run"), *STEP]) == 1
    assert "labels.jsonl or labels.csv" in error_line(capsys)


BAD_ROWS: dict[str, tuple[Any, str]] = {
    "no pose": (lambda row: row.pop("pose"), "misses pose"),
    "a word": (lambda row: row.update(pose="left"), "no number"),
    "not finite": (lambda row: row.update(smile=float("nan")), "smile is no finite number"),
    "a missing picture": (lambda row: row.update(file="images/none.png"), "does not exist"),
    "no picture": (lambda row: row.update(file="labels.jsonl"), "no readable picture"),
    "no path": (lambda row: row.update(file=5), "no path"),
    "ragged latents": (lambda row: row.update(latent=row["latent"][: 3 + len(row["file"]) % 2 + int(row["file"][-5])]),
                       "one length"),
    "a latent of words": (lambda row: row.update(latent=["a"] * 64), "one length"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD_ROWS)
def test_a_bad_row_is_named_in_one_line(
    fault: str, portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, said = BAD_ROWS[fault]
    folder = relabelled(portraits, tmp_path / "bad", change)
    assert main([str(folder), "--out", str(tmp_path / "run"), *STEP]) == 1
    assert said in error_line(capsys)


def test_latents_must_be_there_for_all_pictures_or_none(
    portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def first(row: dict[str, Any]) -> None:
        if row["file"].endswith("00.png"):
            del row["latent"]

    folder = relabelled(portraits, tmp_path / "half", first)
    assert main([str(folder), "--out", str(tmp_path / "run"), *STEP]) == 1
    assert "39 of 40 rows" in error_line(capsys)


def test_a_checkpoint_of_another_shape_is_refused(
    portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [str(portraits), "--out", str(tmp_path / "run"), *STEP, "--pictures", "4"]
    assert main(options) == 0
    assert main([*options, "--stages", "16:4:1"]) == 1
    assert "another shape" in error_line(capsys)


@pytest.mark.parametrize(
    "options", [["--stages", "16"], ["--stages", "20:4:1"], ["--pictures", "0"], ["--generator", "x"]]
)
def test_settings_that_mean_nothing_are_refused(
    options: list[str], portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(portraits), "--out", str(tmp_path / "run"), *STEP, *options]) == 1
    error_line(capsys)


def test_the_learning_rate_falls_only_at_the_end() -> None:
    assert falling(0.0) == falling(0.6) == 1.0
    assert 0.4 < falling(0.8) < 0.6
    assert falling(1.0) == pytest.approx(0.05)
