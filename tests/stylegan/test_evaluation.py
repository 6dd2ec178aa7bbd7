"""The evaluation, on pictures whose every property is known: each attribute is written into the picture itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from stylegan.attributes import ATTRIBUTES, CONDITIONS
from stylegan.commands.evaluate import show
from stylegan.evaluation import CHUNK, Evaluation, EvaluationError, Settings, evaluate, ranges, serve, sweep_of

SMALL = Settings(identities=40, swept=4, steps=5, references=0, seed=0)


def sampler(rng: np.random.Generator) -> dict[str, float]:
    return {name: float(rng.uniform(ATTRIBUTES[name].low, ATTRIBUTES[name].high)) for name in CONDITIONS}


class Written:
    """Pictures of 4 rows: in the first stand the attributes, in the second the identity."""

    latent_dim = 8

    def __init__(self, leak: float = 0.0) -> None:
        self.leak = leak

    def __call__(self, latents: np.ndarray, attributes: Sequence[Any]) -> np.ndarray:
        pictures = np.zeros((len(latents), 4, 10, 3), np.uint8)
        for number, (latent, row) in enumerate(zip(latents, attributes, strict=True)):
            shares = [(row[n] - ATTRIBUTES[n].low) / (ATTRIBUTES[n].high - ATTRIBUTES[n].low) for n in CONDITIONS]
            shares[1] = shares[1] * (1 - self.leak) + shares[0] * self.leak  # the eyes move the mouth
            pictures[number, 0, :, 0] = np.round(np.array(shares) * 255)
            pictures[number, 1, :8, 0] = np.clip(latent * 40 + 128, 0, 255)
        return pictures


class Reader:
    """Judge, filters and recognizer of such pictures."""

    def measure(self, pictures: np.ndarray, batch: int = 16) -> dict[str, np.ndarray]:
        shares = pictures[:, 0, :, 0].T / 255
        return {
            name: ATTRIBUTES[name].low + share * (ATTRIBUTES[name].high - ATTRIBUTES[name].low)
            for name, share in zip(CONDITIONS, shares, strict=True)
        }

    def serves(self, pictures: np.ndarray, batch: int = 32) -> np.ndarray:
        return pictures[:, 1, 0, 0] >= 128

    def read(self, pictures: np.ndarray, batch: int = 32) -> np.ndarray:
        return pictures[:, 1, :8, 0].astype(np.float32) - 128

    def features(self, pictures: np.ndarray, batch: int = 16) -> np.ndarray:
        return pictures[:, :2, :, 0].reshape(len(pictures), -1).astype(np.float64)


def run(pictures: Any, settings: Settings = SMALL, references: Any = None) -> Evaluation:
    reader: Any = Reader()
    return evaluate(pictures, reader, reader, reader, settings, sampler, references)


def test_a_face_that_follows_perfectly_correlates_fully_and_does_not_leak() -> None:
    found = run(Written())
    assert set(found.correlation) == set(CONDITIONS)
    assert min(found.correlation.values()) > 0.999
    assert found.leaks.max() < 0.01
    assert found.reach["pose"] == pytest.approx(1, abs=0.02)
    assert found.identities == 40


def test_leakage_is_found_where_it_is_and_as_large_as_it_is() -> None:
    found = run(Written(leak=0.3))
    assert found.leakage["eyes"]["mouth"] == pytest.approx(0.3, abs=0.02)
    assert found.leakage["mouth"]["eyes"] < 0.01
    assert found.reach["mouth"] == pytest.approx(0.7, abs=0.02)
    assert found.correlation["mouth"] < 0.97


def test_only_served_identities_count_and_their_share_is_told() -> None:
    reader: Any = Reader()
    latents, share = serve(Written(), reader, 50, np.random.default_rng(0))
    assert latents.shape == (50, 8)
    assert (latents[:, 0] >= 0).all()
    assert share == pytest.approx(0.5, abs=0.15)


def test_identities_that_never_pass_end_in_one_clear_error() -> None:
    class Strict(Reader):
        def serves(self, pictures: np.ndarray, batch: int = 32) -> np.ndarray:
            return np.zeros(len(pictures), bool)

    filters: Any = Strict()
    with pytest.raises(EvaluationError, match="serve 0 of 1024"):
        serve(Written(), filters, 10, np.random.default_rng(0))


def test_one_identity_is_more_like_itself_than_like_others() -> None:
    found = run(Written())
    assert found.same > 0.99
    assert abs(found.other) < 0.9
    assert found.recognition > 0.99


def test_distance_to_pictures_of_the_same_kind_is_near_the_floor() -> None:
    settings = replace(SMALL, references=300)
    same, other = run(Written(), settings, Written()), run(Written(leak=0.9), settings, Written())
    assert same.distances["FID"] < 2 * same.distances["FID floor"] + 0.1
    assert other.distances["FID"] > 2 * same.distances["FID"]
    assert other.distances["KID"] > other.distances["KID floor"]


def test_the_same_seed_gives_the_same_figures() -> None:
    assert run(Written()).as_json() == run(Written()).as_json()


def test_progress_counts_every_picture() -> None:
    reader: Any = Reader()
    done: list[int] = []
    evaluate(Written(), reader, reader, reader, SMALL, sampler, progress=done.append)
    served = sum(done) - 40 - 4 * 5 * len(CONDITIONS)
    assert served >= CHUNK
    assert served % CHUNK == 0


def test_a_sweep_moves_one_attribute_and_holds_the_rest() -> None:
    base = sampler(np.random.default_rng(1))
    steps = sweep_of("smile", base, -1, 1, 5)
    assert [step["smile"] for step in steps] == [-1, -0.5, 0, 0.5, 1]
    assert {step["eyes"] for step in steps} == {ATTRIBUTES["eyes"].neutral}
    assert {step["hair_color"] for step in steps} == {base["hair_color"]}
    assert sweep_of("background_std", base, 0, 0.4, 2)[1]["background_mean"] == 0.5


def test_sweeps_span_what_is_sampled() -> None:
    low, high = ranges(sampler, np.random.default_rng(0))["pose"]
    assert low == pytest.approx(-45, abs=2)
    assert high == pytest.approx(45, abs=2)


def test_the_tables_name_goals_and_mark_what_falls_short() -> None:
    found = run(Written(leak=0.3), replace(SMALL, references=100), Written())
    text = StringIO()
    show(found, Console(file=text, width=200))
    shown = text.getvalue()
    assert "✓" in shown
    assert "✗" in shown
    assert "not Inception's" in shown
    assert "0.93" in shown  # the earlier system's eyes
    assert json.loads(json.dumps(found.as_json()))["leakage_max"] == pytest.approx(0.3, abs=0.02)
