"""Sheets of faces, and the commands that look at a generator: with a tiny generator and untrained judges."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylegan.__main__ import main
from stylegan.attributes import ATTRIBUTES, CONDITIONS
from stylegan.errors import CannotWrite
from stylegan.filters import FilterConfig, Filters, save_filters
from stylegan.generator import Generator, GeneratorConfig, save_generator
from stylegan.judge import Judge, JudgeConfig, save_judge
from stylegan.pictures import GeneratedPictures, at_rest
from stylegan.recognition import Recognizer, RecognizerConfig, save_recognizer
from stylegan.sheets import save_sheet, sheet

SEGMENTS = ("background", "skin", "eye", "iris", "mouth", "hair")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator of 32², and a judge whose filters let everything through, in one folder each."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("face")
    generator = Generator(GeneratorConfig(resolution=32, w_dim=16, channels={4: 8, 8: 8, 16: 8, 32: 8}))
    save_generator(generator, root / "face")
    shape = JudgeConfig(
        SEGMENTS, ("a", "b"), ("a",), ("b",), resolution=64, widths=(8, 8, 8), pose_widths=(8, 8), hidden=8
    )
    save_judge(Judge(shape), root / "judge")
    save_filters(Filters(FilterConfig(64, (8, 8), gender=0.0, quality=0.0)), root / "judge")
    save_recognizer(Recognizer(RecognizerConfig(64, 64, (8, 8))), root / "judge")
    return root


def options(folder: Path) -> list[str]:
    return ["--face", str(folder / "face"), "--judge", str(folder / "judge")]


def test_a_sheet_has_every_picture_and_room_for_its_texts() -> None:
    pictures = np.zeros((2, 3, 32, 32, 3), np.uint8)
    pictures[1, 2] = 200
    plain, labelled = sheet(pictures), sheet(pictures, ["one", "two"], ["a", "b", "c"])
    assert plain.size == (3 * 38 + 6, 2 * 38 + 6)
    assert labelled.width > plain.width
    assert labelled.height > plain.height
    assert plain.getpixel((2 * 38 + 6 + 16, 38 + 6 + 16)) == (200, 200, 200)
    assert plain.getpixel((22, 22)) == (0, 0, 0)


def test_a_sheet_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match=r"ends in \.png"):
        save_sheet(np.zeros((1, 1, 32, 32, 3), np.uint8), tmp_path / "sheet.nothing")


def test_generated_pictures_do_not_depend_on_the_batch(folder: Path) -> None:
    from stylegan.generator import load_generator

    latents = np.random.default_rng(0).standard_normal((5, 64)).astype(np.float32)
    generator = load_generator(folder / "face")
    one, all_ = (GeneratedPictures(generator, batch)(latents, [at_rest()] * 5) for batch in (1, 8))
    assert one.shape == (5, 32, 32, 3)
    assert np.abs(one.astype(int) - all_.astype(int)).max() <= 1


def test_at_rest_every_condition_is_neutral() -> None:
    assert at_rest() == {name: ATTRIBUTES[name].neutral for name in CONDITIONS}


@pytest.mark.parametrize(("show", "rows"), [("identities", 2), ("sweeps", len(CONDITIONS))])
def test_the_gallery_is_written(folder: Path, tmp_path: Path, show: str, rows: int) -> None:
    out = tmp_path / "docs" / "sheet.png"
    asked = ["gallery", "--out", str(out), "--show", show, "--rows", "2", "--columns", "3", "--side", "32"]
    assert main([*asked, *options(folder)]) == 0
    with Image.open(out) as picture:
        assert picture.height == 6 + rows * 38


def test_the_evaluation_prints_figures_as_json(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    asked = ["evaluate", "--identities", "4", "--swept", "2", "--references", "0", "--json", "--out", str(out)]
    assert main([*asked, *options(folder)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(out.read_text())
    assert "NaN" not in out.read_text()
    assert set(printed["correlation"]) == set(CONDITIONS)
    assert printed["served"] == 1.0


def test_a_missing_judge_is_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--face", str(folder / "face"), "--judge", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "holds no face judge" in error
    assert error.count("\n") == 1


def test_a_missing_generator_is_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--face", str(tmp_path), "--judge", str(folder / "judge")]
    assert main(["gallery", "--out", str(tmp_path / "a.png"), *asked]) == 1
    assert "holds no face generator" in capsys.readouterr().err
