"""Filters and recognizer: thresholds, storage, similarity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stylegan.errors import BadWeights
from stylegan.filters import FilterConfig, Filters, load_filters, save_filters
from stylegan.recognition import Recognizer, RecognizerConfig, cosine, load_recognizer, save_recognizer

PICTURES = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)


@pytest.fixture
def filters() -> Filters:
    torch.manual_seed(0)
    return Filters(FilterConfig(64, (8, 8, 8)))


def test_gender_and_quality_are_shares(filters: Filters) -> None:
    found = filters.measure(PICTURES, batch=4)
    assert set(found) == {"gender", "quality"}
    for values in found.values():
        assert values.shape == (6,)
        assert ((values >= 0) & (values <= 1)).all()


def test_a_face_is_served_that_passes_both_thresholds(filters: Filters, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"gender": np.array([0.9, 0.9, 0.1, 0.5]), "quality": np.array([0.9, 0.5, 0.9, 0.6])}
    monkeypatch.setattr(filters, "measure", lambda pictures, batch=32: found)
    assert filters.serves(PICTURES[:4]).tolist() == [True, False, False, True]


def test_stored_filters_judge_as_before(filters: Filters, tmp_path: Path) -> None:
    save_filters(filters, tmp_path)
    again = load_filters(tmp_path)
    assert again.config == filters.config
    assert again.measure(PICTURES)["gender"] == pytest.approx(filters.measure(PICTURES)["gender"], abs=0.01)


def test_filters_and_recognizer_live_in_one_folder(filters: Filters, tmp_path: Path) -> None:
    recognizer = Recognizer(RecognizerConfig(16, 64, (8, 8, 8)))
    save_filters(filters, tmp_path)
    save_recognizer(recognizer, tmp_path)
    assert load_filters(tmp_path).config == filters.config
    assert load_recognizer(tmp_path).read(PICTURES) == pytest.approx(recognizer.read(PICTURES), abs=0.02)


def test_a_folder_without_filters_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="holds no face judge"):
        load_filters(tmp_path)
    with pytest.raises(BadWeights, match="holds no face judge"):
        load_recognizer(tmp_path)


def test_the_cosine_does_not_know_length() -> None:
    a = np.array([[1, 0], [3, 4]], np.float32)
    assert cosine(a, a * 7) == pytest.approx(np.array([[1, 0.6], [0.6, 1]]))
    assert cosine(a, np.zeros((1, 2), np.float32)) == pytest.approx(np.zeros((2, 1)))
