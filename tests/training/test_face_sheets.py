"""The sheet of emotions, by a tiny generator."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.stylegan.test_gallery import folder, options
from training import face_sheets

__all__ = ["folder"]  # a fixture


def test_the_sheet_of_emotions_has_a_column_for_each(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "emotions.png"
    assert face_sheets.main(["--out", str(out), "--identities", "2", "--side", "32", *options(folder)]) == 0
    with Image.open(out) as picture:
        assert picture.width == 6 + 8 * 38


def test_a_card_that_is_none_is_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = tmp_path / "card.json"
    card.write_text("{}")
    assert face_sheets.main(["--out", str(tmp_path / "a.png"), "--card", str(card), *options(folder)]) == 1
    assert capsys.readouterr().err.startswith("error: ")
