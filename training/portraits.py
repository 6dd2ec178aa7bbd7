"""Drawn portraits with their labels, as ``python -m stylegan draw`` writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylegan.attributes import ATTRIBUTES
from training.errors import TrainingError


@dataclass
class Portraits:
    """Drawn portraits in memory.

    Attributes:
        images: uint8 [N, R, R, 3].
        segments: uint8 [N, R, R].
        latents: [N, latent_dim].
        attributes: each [N].
        landmarks: [N, K, 2] pixels, in the order of ``names``.
        names: of the landmarks.
        seed: that they were drawn from; None if the folder does not say.
    """

    images: NDArray[np.uint8]
    segments: NDArray[np.uint8]
    latents: NDArray[np.float32]
    attributes: dict[str, NDArray[np.float32]]
    landmarks: NDArray[np.float32]
    names: tuple[str, ...]
    seed: int | None = None

    def __len__(self) -> int:
        return len(self.images)

    def part(self, start: int, stop: int) -> Portraits:
        """Those from ``start`` to before ``stop``."""
        at = slice(start, stop)
        return Portraits(
            self.images[at], self.segments[at], self.latents[at],
            {name: values[at] for name, values in self.attributes.items()}, self.landmarks[at], self.names, self.seed,
        )  # fmt: skip

    def stack(self, *names: str) -> NDArray[np.float32]:
        """Attributes side by side: [N, len(names)]."""
        return np.stack([self.attributes[name] for name in names], 1)


def load_portraits(folder: Path, count: int = 0) -> Portraits:
    """Reads what ``python -m stylegan draw`` wrote.

    Args:
        folder: holds ``labels.jsonl``, ``images`` and ``segments``.
        count: reads the first so many; 0 for all.

    Raises:
        TrainingError: names the file and what is wrong with it.
    """
    from PIL import Image
    from tqdm import tqdm

    try:
        lines = (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise TrainingError(
            f"{folder} holds no drawn portraits ({error.strerror}: labels.jsonl); python -m stylegan draw writes them"
        ) from None
    lines = lines[:count] if count else lines
    if len(lines) < 20:
        raise TrainingError(f"{folder} holds {len(lines)} portraits; at least 20 are needed, some thousands are meant")
    images, segments, rows = [], [], []
    for number, line in enumerate(tqdm(lines, desc="reading", unit="portrait"), 1):
        try:
            row = json.loads(line)
            with Image.open(folder / row["file"]) as picture:
                images.append(np.asarray(picture.convert("RGB")))
            with Image.open(folder / row["segments"]) as picture:
                segments.append(np.asarray(picture))
            rows.append(row)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{folder / 'labels.jsonl'}:{number}: {error!r}; draw the portraits anew") from None
    names = tuple(sorted(rows[0]["landmarks"]))
    try:
        return Portraits(
            np.stack(images),
            np.stack(segments).astype(np.uint8),
            np.array([row["latent"] for row in rows], np.float32),
            {name: np.array([attributes_of(row)[name] for row in rows], np.float32) for name in ATTRIBUTES},
            np.array([[row["landmarks"][name] for name in names] for row in rows], np.float32),
            names,
            seed_of(folder),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{folder / 'labels.jsonl'}: the labels differ from line to line or lack some: {error}"
        ) from None


def seed_of(folder: Path) -> int | None:
    """The seed that the portraits in a folder were drawn from, if it says so."""
    try:
        seed = json.loads((folder / "portraits.json").read_text(encoding="utf-8"))["seed"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return seed if isinstance(seed, int) else None


def attributes_of(row: dict[str, Any]) -> dict[str, float]:
    """The attributes of a line of labels.jsonl."""
    values: dict[str, float] = row.get("attributes", row)
    return values


def mirrored_names(names: Sequence[str]) -> list[int]:
    """For each landmark, which one stands in its place in a mirrored picture."""
    swap = {"left": "right", "right": "left"}
    mirrored = ["_".join(swap.get(word, word) for word in name.split("_")) for name in names]
    return [names.index(other) if other in names else at for at, other in enumerate(mirrored)]
