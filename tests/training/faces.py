"""Small folders of drawn portraits, and small networks to train on them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from stylegan.__main__ import main as stylegan
from tests.tiny_face import SIZES


@contextmanager
def handlers_restored() -> Iterator[None]:
    """Puts back what a training command changes in its process: signal handlers and the number of threads."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def drawn(folder: Path, count: int, size: int = 32) -> Path:
    """Draws portraits with latents and segments; skips without the renderer."""
    pytest.importorskip("skia")
    assert stylegan(["draw", "--count", str(count), "--out", str(folder), "--size", str(size), "--workers", "1"]) == 0
    return folder


def relabelled(source: Path, folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The same pictures with other label rows."""
    folder.mkdir()
    rows = [json.loads(line) for line in (source / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows:
        change(row)
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for name in ("images", "segments"):
        (folder / name).symlink_to(source / name)
    return folder


def narrow(monkeypatch: pytest.MonkeyPatch, channels: int = 16) -> None:
    """Makes new generators narrow, so that a step takes milliseconds."""
    monkeypatch.setattr("stylegan.generator._CHANNELS", dict.fromkeys((*SIZES, 512, 1024), channels))


def interrupted_after(monkeypatch: pytest.MonkeyPatch, trainer: type, steps: int) -> None:
    """Presses Ctrl-C in the middle of the step after ``steps``."""
    train = trainer.train_step  # type: ignore[attr-defined]

    def step(self: Any, progress: float) -> dict[str, float]:
        if self.step == steps:
            os.kill(os.getpid(), signal.SIGINT)
        losses: dict[str, float] = train(self, progress)
        return losses

    monkeypatch.setattr(trainer, "train_step", step)


def curve(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's curve, without times."""
    rows = [json.loads(line) for line in (folder / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name != "minutes"} for row in rows]


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that was said about what was wrong, and no traceback."""
    said = capsys.readouterr().err
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    return lines[0]
