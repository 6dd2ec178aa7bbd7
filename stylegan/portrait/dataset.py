"""A folder of drawn portraits: ``images``, ``segments``, ``labels.jsonl``.

Picture number i depends on (seed, i) alone, so that a run may be stopped and taken up again, with any number of
workers, and still gives the same folder. A label line is written after its pictures; what has no line is redrawn.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stylegan.errors import BadDataset, CannotWrite
from stylegan.portrait.drawing import draw
from stylegan.portrait.identity import normalised
from stylegan.portrait.labels import SEGMENTS
from stylegan.portrait.sampling import sample_attributes, sample_latent

ABOUT = "portraits.json"
LABELS = "labels.jsonl"

_PALETTE = (
    (230, 230, 230), (255, 214, 186), (250, 250, 255), (70, 110, 220), (200, 60, 70), (110, 70, 50),
    (90, 150, 120), (40, 30, 30), (240, 190, 40),
)  # fmt: skip


class Dataset:
    """The folder ``root`` with portraits of ``size`` pixels drawn from ``seed``; it is made if need be.

    Raises:
        BadDataset: the folder holds pictures of another size or seed, or labels that cannot be read.
        CannotWrite: the folder cannot be made or written.
    """

    def __init__(self, root: Path, size: int, seed: int, person: Person | None = None) -> None:
        self.root, self.size, self.seed, self.person = Path(root), size, seed, person
        about = {"size": size, "seed": seed, "segments": list(SEGMENTS)}
        try:
            for name in ("images", "segments"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            if (self.root / ABOUT).exists() or (self.root / LABELS).exists():
                self._check(about)
            else:
                (self.root / ABOUT).write_text(json.dumps(about) + "\n", encoding="utf-8")
            (self.root / LABELS).touch()
        except OSError as error:
            raise CannotWrite(f"{self.root} cannot be written ({error.strerror}); name another --out") from None

    def _check(self, about: dict[str, Any]) -> None:
        try:
            found = json.loads((self.root / ABOUT).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            raise BadDataset(f"{self.root} holds labels but no readable {ABOUT}; name an empty folder") from None
        for key in ("size", "seed"):
            if found.get(key) != about[key]:
                raise BadDataset(
                    f"{self.root} holds portraits of {key} {found.get(key)}, not {about[key]}; "
                    f"name another --out or give --{key} {found.get(key)}"
                )

    def missing(self, count: int) -> list[int]:
        """Numbers below ``count`` without a label line; a line cut off by a stop is dropped from the file."""
        path = self.root / LABELS
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if lines and not lines[-1].endswith("\n"):
            path.write_text("".join(lines[:-1]), encoding="utf-8")
            lines = lines[:-1]
        try:
            done = {int(Path(json.loads(line)["file"]).stem) for line in lines}
        except (ValueError, KeyError, TypeError):
            raise BadDataset(f"{path} holds a line that is no label; delete the folder and draw it anew") from None
        return [index for index in range(count) if index not in done]

    def draw(self, numbers: Sequence[int], workers: int) -> Iterator[int]:
        """Draw the pictures ``numbers`` and append their labels in this order; yields each number when it is done."""
        jobs = [(str(self.root), self.size, self.seed, number, self.person) for number in numbers]
        if workers == 1 or len(jobs) < 2:
            yield from self._gather(map(_draw_one, jobs))
            return
        context = multiprocessing.get_context("spawn")
        with context.Pool(min(workers, len(jobs)), initializer=_leave_interrupts_to_the_parent) as pool:
            yield from self._gather(pool.imap(_draw_one, jobs, chunksize=8))

    def _gather(self, lines: Iterator[tuple[int, str]]) -> Iterator[int]:
        with (self.root / LABELS).open("a", encoding="utf-8") as labels:
            for number, line in lines:
                labels.write(line)
                labels.flush()
                yield number


Person = tuple[tuple[float, ...], dict[str, float]]
"""A latent, and the hair and scene that seven of ten of its portraits have; the others have any."""


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _draw_one(job: tuple[str, int, int, int, Person | None]) -> tuple[int, str]:
    """Draw and save one picture; its number and label line."""
    import PIL.Image

    root, size, seed, number, person = job
    rng = np.random.default_rng([seed, number])
    latent = np.round(normalised(sample_latent(rng)), 5)
    attributes = sample_attributes(rng)
    if person is not None:
        latent = np.array(person[0])
        attributes |= person[1] if rng.random() < 0.7 else {}
    portrait = draw(latent, attributes, size)
    name = f"{number:08d}.png"
    segments = PIL.Image.fromarray(portrait.segments, mode="P")
    segments.putpalette([channel for colour in _PALETTE for channel in colour])
    label = {
        "file": f"images/{name}",
        "segments": f"segments/{name}",
        "latent": latent.tolist(),
        **{key: round(value, 5) for key, value in portrait.attributes.items()},
        "landmarks": {key: [round(x, 2), round(y, 2)] for key, (x, y) in portrait.landmarks.items()},
    }
    try:
        PIL.Image.fromarray(portrait.image).save(os.path.join(root, "images", name), compress_level=1)
        segments.save(os.path.join(root, "segments", name), compress_level=4)
    except OSError as error:
        raise CannotWrite(f"{root} cannot be written ({error.strerror}); make room and run the command again") from None
    return number, json.dumps(label) + "\n"
