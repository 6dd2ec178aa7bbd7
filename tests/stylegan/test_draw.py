"""``python -m stylegan draw``, ``sheet`` and ``sweep``: reproducible, resumable, one clear line for bad input."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from stylegan.__main__ import main
from stylegan.attributes import ATTRIBUTES
from stylegan.portrait import LATENT_DIM, SEGMENTS, draw

pytest.importorskip("skia")


def run(folder: Path, count: int, *more: str) -> int:
    return main(["draw", "--count", str(count), "--out", str(folder), "--size", "64", "--workers", "1", *more])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def labels(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()]


def picture(path: Path) -> np.ndarray:
    with PIL.Image.open(path) as opened:
        return np.asarray(opened)


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    return lines[0]


def test_a_folder_holds_pictures_segments_and_one_label_line_each(tmp_path: Path) -> None:
    assert run(tmp_path / "faces", 3) == 0
    rows = labels(tmp_path / "faces")
    assert [row["file"] for row in rows] == [f"images/{index:08d}.png" for index in range(3)]
    for row in rows:
        assert picture(tmp_path / "faces" / row["file"]).shape == (64, 64, 3)
        assert picture(tmp_path / "faces" / row["segments"]).max() < len(SEGMENTS)
        assert len(row["latent"]) == LATENT_DIM
        assert set(ATTRIBUTES) <= set(row)
        assert all(0 <= x < 64 and 0 <= y < 64 for x, y in row["landmarks"].values())


def test_a_picture_can_be_drawn_again_from_its_label(tmp_path: Path) -> None:
    run(tmp_path, 1)
    row = labels(tmp_path)[0]
    again = draw(np.array(row["latent"]), {name: row[name] for name in ATTRIBUTES}, 64)
    there = picture(tmp_path / row["file"]).astype(float)
    assert np.abs(again.image - there).mean() < 3.0


def test_the_same_seed_gives_the_same_folder_and_another_seed_another(tmp_path: Path) -> None:
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        run(tmp_path / name, 3, "--seed", seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a")["images/00000000.png"] != contents(tmp_path / "c")["images/00000000.png"]


def test_several_workers_give_the_same_folder_as_one(tmp_path: Path) -> None:
    run(tmp_path / "one", 4)
    run(tmp_path / "two", 4, "--workers", "2")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path / "whole", 5)
    run(tmp_path / "parts", 2)
    half_written = '{"file": "images/00000002.png", "lat'
    with (tmp_path / "parts" / "labels.jsonl").open("a", encoding="utf-8") as file:
        file.write(half_written)
    first = (tmp_path / "parts/images/00000000.png").stat().st_mtime_ns
    assert run(tmp_path / "parts", 5) == 0
    assert (tmp_path / "parts/images/00000000.png").stat().st_mtime_ns == first
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")


def test_a_folder_of_another_seed_or_size_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, 1)
    before = contents(tmp_path)
    assert run(tmp_path, 2, "--seed", "9") == 1
    assert "seed 0, not 9" in error_line(capsys)
    assert run(tmp_path, 2, "--size", "96") == 1
    assert "size 64, not 96" in error_line(capsys)
    assert contents(tmp_path) == before


def test_labels_that_cannot_be_read_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, 1)
    (tmp_path / "labels.jsonl").write_text("nonsense\n", encoding="utf-8")
    assert run(tmp_path, 2) == 1
    assert "labels.jsonl" in error_line(capsys)


def test_labels_of_unknown_origin_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labels.jsonl").write_text("", encoding="utf-8")
    assert run(tmp_path, 1) == 1
    assert "portraits.json" in error_line(capsys)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert run(tmp_path / "file", 1) == 1
    assert "cannot be written" in error_line(capsys)


@pytest.mark.parametrize("count", ["0", "-3", "many"])
def test_a_count_that_is_none_is_refused(count: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["draw", "--count", count, "--out", str(tmp_path / "faces")])
    assert stopped.value.code == 2
    assert "--count" in capsys.readouterr().err
    assert not (tmp_path / "faces").exists()


def test_a_missing_renderer_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_skia(name: str, *rest: Any, **named: Any) -> Any:
        if name == "skia":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_skia)
    assert run(tmp_path / "faces", 1) == 1
    assert "pip install" in error_line(capsys)
    assert not (tmp_path / "faces").exists()


def test_a_contact_sheet_has_the_asked_number_of_portraits(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["sheet", "--out", str(sheet), "--columns", "3", "--rows", "2", "--size", "48"]) == 0
    assert picture(sheet).shape == (96, 144, 3)


def test_a_sweep_has_one_row_per_condition(tmp_path: Path) -> None:
    sweep = tmp_path / "sweep.png"
    assert main(["sweep", "--out", str(sweep), "--steps", "3", "--size", "48"]) == 0
    assert picture(sweep).shape == (480, 144, 3)


def test_a_sheet_in_a_folder_that_is_not_there_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "nowhere" / "sheet.png"
    assert main(["sheet", "--out", str(missing), "--columns", "1", "--rows", "1", "--size", "32"]) == 1
    assert "cannot be written" in error_line(capsys)
