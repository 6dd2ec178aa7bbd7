"""Pretraining that is interrupted, at any point, goes on as if it had not been; and what it cannot use is one clear line."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training import pretrain

WORDS = "오늘 내일 정말 같이 밥 먹고 산책 하자 좋아 비가 와서 집에 있을래 고양이 영화 볼까 커피 마시자 학교 회사 가기 싫다".split()


class Killed(BaseException):
    """Ends the process where it stands, as far as a test can."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data and dialogues, enough for a tiny model."""
    path = tmp_path_factory.mktemp("pretraining")
    (path / "data" / "chatbot_data").mkdir(parents=True)
    rng = random.Random(0)
    rows = [f"{' '.join(rng.choices(WORDS, k=5))} {i},{' '.join(rng.choices(WORDS, k=6))},0" for i in range(600)]
    (path / "data" / "chatbot_data" / "ChatbotData.csv").write_text("Q,A,label\n" + "\n".join(rows), encoding="utf-8")
    talk = [
        f"### 이야기 {i}\nU: {' '.join(rng.choices(WORDS, k=4))} {i}\nA 기쁨 0.6: 응, 좋아. 같이 하자.\n"
        for i in range(40)
    ]
    (path / "talk.txt").write_text("\n".join(talk), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Training takes over Ctrl-C; the tests want it back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def run(folder: Path, out: Path, *more: str) -> int:
    return pretrain.main([
        "--data", str(folder / "data"), "--persona", str(folder / "talk.txt"), "--out", str(out), "--preset", "tiny", "--no-compile",
        "--device", "cpu", "--threads", "1", *more,
    ])  # fmt: skip


def curve(out: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (out / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name != "minutes"} for row in rows]


def weights(out: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return load_file(out / "model.safetensors")


class Clock:
    """A second goes by with every look at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1
        return self.now


SHORT = (
    "--sequence",
    "16",
    "--batch",
    "1",
    "--tokens",
    str(16 * 270),
    "--checkpoint-minutes",
    "6.7",
)  # every 200 steps


def killed_at(step: int, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, sample_batch = iter(range(10**6)), pretrain.sample_batch

    def sample(*arguments: Any) -> Any:
        if next(steps) == step:
            raise Killed
        return sample_batch(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(pretrain, "sample_batch", sample)
        with pytest.raises(Killed):
            run(folder, out, *SHORT)


@pytest.fixture(scope="module")
def uninterrupted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("uninterrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrain, "time", Clock())
        assert run(folder, out, *SHORT) == 0
    return out


@pytest.mark.parametrize("step", [
    230,
    260,
])  # fmt: skip
def test_a_killed_run_ends_with_the_same_weights_and_the_same_curve(
    step: int, folder: Path, tmp_path: Path, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrain, "time", Clock())
    killed_at(step, folder, tmp_path / "out", monkeypatch)
    assert run(folder, tmp_path / "out", *SHORT) == 0
    expected, found = weights(uninterrupted), weights(tmp_path / "out")
    assert expected.keys() == found.keys()
    assert all(np.allclose(expected[name], found[name], atol=1e-5) for name in expected)
    assert [row["step"] for row in curve(tmp_path / "out")] == [row["step"] for row in curve(uninterrupted)] == [250]
    for one, other in zip(curve(uninterrupted), curve(tmp_path / "out"), strict=True):
        assert one == pytest.approx(other, abs=0.01)


def test_ctrl_c_saves_what_it_has_and_the_same_command_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps, sample_batch = iter(range(10**6)), pretrain.sample_batch

    def sample(*arguments: Any) -> Any:
        if next(steps) == 5:
            signal.raise_signal(signal.SIGTERM)
        return sample_batch(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(pretrain, "sample_batch", sample)
        assert run(folder, tmp_path, "--tokens", str(256 * 10)) == 0
    assert "goes on from here" in capsys.readouterr().err
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["steps"] == 5
    assert run(folder, tmp_path, "--tokens", str(256 * 10)) == 0
    assert "resuming at step 5" in capsys.readouterr().out
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["steps"] == 10


def test_a_preparation_that_was_killed_is_done_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, save = iter(range(10)), np.save

    def failing(*arguments: Any) -> None:
        if next(saved) == 2:
            raise Killed
        save(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", failing)
        with pytest.raises(Killed):
            run(folder, tmp_path / "out", "--prepare-only")
    assert run(folder, tmp_path / "out", "--prepare-only") == 0
    assert run(folder, tmp_path / "whole", "--prepare-only") == 0
    kinds = [sorted(path.name for path in (tmp_path / out / "tokens").iterdir()) for out in ("out", "whole")]
    assert kinds[0] == kinds[1]


def test_tokens_hold_every_document_and_the_held_out_ones_apart(folder: Path, tmp_path: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    assert run(folder, tmp_path, "--prepare-only") == 0
    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(tmp_path))
    parts = {path.stem: tokenizer.decode(np.load(path)) for path in (tmp_path / "tokens").iterdir()}
    assert set(parts) == {"talk.held", "talk.train", "persona.held", "persona.train", "borrowed.train", "chat.train"}
    rows = (folder / "data" / "chatbot_data" / "ChatbotData.csv").read_text(encoding="utf-8").splitlines()[1:]
    for row in rows:
        question, answer, _ = row.split(",")
        found = [
            f"<|user|> {question}<|end|><|assistant|> {answer}<|end|>" in parts[f"talk.{part}"]
            for part in ("held", "train")
        ]
        assert sum(found) == 1
    assert 20 <= parts["talk.held"].count("<|user|>") <= 40
    assert "<|assistant|><감정:기쁨:0.6> 응, 좋아. 같이 하자.<|end|>" in parts["persona.train"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--data", "/nowhere"], "/nowhere does not exist"),
        (["--persona", "/nowhere.txt"], "/nowhere.txt does not exist"),
        (["--mix", "talk"], "--mix 'talk': write kind=share"),
        (["--mix", "talk=much"], "--mix 'talk=much': write kind=share"),
        pytest.param(["--mix", "poetry=1"], "no kind of text is long enough"),
        pytest.param(["--sequence", "1000000"], "no kind of text is long enough"),
        pytest.param(["--mix", "talk=0"], "--mix"),
        pytest.param(["--mix", "talk=-1,persona=2"], "--mix"),
        pytest.param(["--batch", "-1"], "--batch"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(
    arguments: list[str], problem: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, tmp_path / "out", *arguments) == 1
    (error,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert problem in error


def test_a_folder_without_any_known_set_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "unknown.txt").write_text("글")
    assert run(folder, tmp_path / "out", "--data", str(tmp_path / "data")) == 1
    assert "none of the known sets" in capsys.readouterr().err
