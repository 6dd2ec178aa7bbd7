"""How the trainers of the face are run: until the budget is spent, with a curve, sheets and checkpoints."""

from __future__ import annotations

import json
import math
import signal
import sys
import time
from pathlib import Path
from typing import Protocol


class Run(Protocol):
    """Something that is trained step by step.

    Attributes:
        out: folder of the curve, the sheet and the checkpoint.
        step, seen, seconds: steps, pictures and time so far.
        losses: of the steps since the curve's last row, by name.
    """

    out: Path
    step: int
    seen: int
    seconds: float
    losses: dict[str, list[float]]

    @property
    def budget(self) -> int:
        """Pictures that are shown in all."""

    def stage(self, progress: float) -> tuple[int, int]:
        """Resolution and batch at ``progress`` 0…1 of the budget."""

    def train_step(self, progress: float) -> dict[str, float]:
        """One update; counts ``step`` and ``seen``."""

    def held_out(self, resolution: int) -> float:
        """A figure for the curve from what is not trained on, or NaN."""

    def sheet(self, path: Path, resolution: int) -> None:
        """Writes pictures to be looked at."""

    def save(self) -> None:
        """Writes everything that is needed to go on."""


def run(trainer: Run, minutes: float, checkpoint_minutes: float, every: int) -> bool:
    """Trains until the budget in pictures, or ``minutes`` of work over all runs, is spent; False if it was stopped before."""
    from tqdm import tqdm

    asked = stop_between_steps()
    out = trainer.out
    began, before = time.monotonic(), trainer.seconds
    last_saved = began
    cut_curve(out / "curve.jsonl", trainer.step)
    curve = (out / "curve.jsonl").open("a", encoding="utf-8")
    bar = tqdm(total=trainer.budget, initial=trainer.seen, unit=" pictures", desc="training")
    try:
        while not asked:
            trainer.seconds = before + time.monotonic() - began
            progress = max(trainer.seen / trainer.budget, trainer.seconds / (60 * minutes) if minutes else 0.0)
            if progress >= 1:
                break
            seen = trainer.seen
            for name, value in trainer.train_step(progress).items():
                trainer.losses.setdefault(name, []).append(value)
            bar.update(trainer.seen - seen)
            if trainer.step % every == 0:
                resolution = trainer.stage(progress)[0]
                record = {"step": trainer.step, "pictures": trainer.seen, "minutes": round(trainer.seconds / 60, 1)}
                record |= {"resolution": resolution}
                means = {name: round(sum(values) / len(values), 4) for name, values in trainer.losses.items()}
                held = trainer.held_out(resolution)
                record |= means | ({} if math.isnan(held) else {"held_out": round(held, 3)})
                trainer.losses.clear()
                curve.write(json.dumps(record) + "\n")
                curve.flush()
                trainer.sheet(out / "sheet.png", resolution)
                bar.set_postfix({k: v for k, v in record.items() if k in ("resolution", "paired", "held_out")})
            if time.monotonic() - last_saved > 60 * checkpoint_minutes:
                trainer.save()
                last_saved = time.monotonic()
    finally:
        bar.close()
        curve.close()
    if asked:
        print("interrupted; saving what it has. The same command goes on from here.", file=sys.stderr)
    trainer.seconds = before + time.monotonic() - began
    trainer.save()
    return not asked


def falling(progress: float) -> float:
    """The learning rate's factor: 1, then a half cosine to 0.05 over the last 40 % of the budget."""
    tail = max(0.0, (progress - 0.6) / 0.4)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, tail)))


def fast_bf16() -> bool:
    """Whether this processor multiplies bfloat16 matrices in hardware (AMX or AVX-512 BF16)."""
    import torch

    capabilities = torch.backends.cpu.get_cpu_capability()
    return capabilities.startswith("AVX512") and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def stop_between_steps() -> list[int]:
    """A list that Ctrl-C and SIGTERM fill, so that no step is left half done; the second Ctrl-C stops at once."""
    asked: list[int] = []

    def ask(number: int, _: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return asked


def cut_curve(path: Path, step: int) -> None:
    """Drops what a killed run wrote after its last checkpoint."""
    if path.exists():
        rows = [
            line for line in path.read_text(encoding="utf-8").splitlines() if line and json.loads(line)["step"] <= step
        ]
        path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")
