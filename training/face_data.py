"""Pictures of faces with attribute labels, in memory for training.

A folder holds pictures and ``labels.jsonl`` or ``labels.csv``: one row for each picture with ``file`` (its path in the
folder) and the attributes of `stylegan.attributes.CONDITIONS`. Rows that also hold ``latent`` (as ``python -m stylegan draw``
writes them) teach the generator directly which picture a latent stands for; without it, training is adversarial only.
``segments`` may name an indexed picture of what is where.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stylegan.attributes import CONDITIONS
from training.errors import TrainingError

IMPORTANT = ("eye", "iris", "brow", "mouth")
"""Segments whose pixels count more: small, and what a feeling is read from."""
IMPORTANCE = {"background": 1, "": 4, "important": 16}
"""How much a pixel counts, in quarters: of the background, of the person, and of what `IMPORTANT` names."""


@dataclass
class FaceFolder:
    """The pictures of one folder.

    Attributes:
        pictures: uint8 [N, R, R, 3], a memory map.
        importance: uint8 [N, R, R], a memory map: how much each pixel counts, in quarters; None without segments.
        attributes: float32 [N, 10], ordered as CONDITIONS.
        latents: float32 [N, D], or None where the labels have none.
    """

    pictures: np.ndarray
    importance: np.ndarray | None
    attributes: np.ndarray
    latents: np.ndarray | None

    def __len__(self) -> int:
        return len(self.pictures)


def read_labels(folder: Path) -> list[dict[str, Any]]:
    """The rows of ``labels.jsonl`` or ``labels.csv``, each with a file and every attribute.

    Raises:
        TrainingError: no labels, or a row that misses something; the message names it.
    """
    lines, table = folder / "labels.jsonl", folder / "labels.csv"
    try:
        if lines.exists():
            rows = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines() if line.strip()]
        elif table.exists():
            with table.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
        else:
            raise TrainingError(
                f"{folder} has no labels.jsonl or labels.csv: each picture needs a row with its file and the attributes "
                + ", ".join(CONDITIONS)
            )
    except (OSError, ValueError, csv.Error) as error:
        raise TrainingError(f"the labels in {folder} cannot be read: {error}") from error
    for number, row in enumerate(rows, 1):
        missing = [name for name in ("file", *CONDITIONS) if not isinstance(row, dict) or row.get(name) in (None, "")]
        if missing:
            raise TrainingError(f"row {number} of the labels in {folder} misses {', '.join(missing)}")
        if not isinstance(row["file"], str):
            raise TrainingError(f"row {number} of the labels in {folder}: file is no path")
    if not rows:
        raise TrainingError(f"the labels in {folder} are empty")
    return rows


def _square(path: Path, side: int, nearest: bool = False) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            picture = opened if nearest else opened.convert("RGB")
            cut = min(picture.size)
            left, top = (picture.width - cut) // 2, (picture.height - cut) // 2
            picture = picture.crop((left, top, left + cut, top + cut))
            method = Image.Resampling.NEAREST if nearest else Image.Resampling.LANCZOS
            return np.asarray(picture.resize((side, side), method) if cut != side else picture)
    except FileNotFoundError:
        raise TrainingError(f"{path} is named in the labels but does not exist") from None
    except (OSError, UnidentifiedImageError) as error:
        raise TrainingError(f"{path} is no readable picture: {error}") from error


def load_faces(folder: Path, cache: Path, side: int) -> FaceFolder:
    """Reads a folder; pictures are kept decoded under ``cache``, so that the next run starts at once.

    Args:
        side: pictures are cut square and scaled to this many pixels.

    Raises:
        TrainingError: something about the labels or a picture is wrong.
    """
    from tqdm import tqdm

    rows = read_labels(folder)
    try:
        attributes = np.array([[float(row[name]) for name in CONDITIONS] for row in rows], np.float32)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"the labels in {folder} hold an attribute that is no number: {error}") from error
    if not np.isfinite(attributes).all():
        row, column = np.argwhere(~np.isfinite(attributes))[0]
        raise TrainingError(f"row {row + 1} of the labels in {folder}: {CONDITIONS[column]} is no finite number")
    latents = _latents(rows, folder)
    segmented = all(row.get("segments") for row in rows)

    cache.mkdir(parents=True, exist_ok=True)
    name = f"{len(rows)}-{side}"
    pictures_file, importance_file = cache / f"pictures-{name}.npy", cache / f"importance-{name}.npy"
    done = cache / f"done-{name}"
    if not done.exists():
        pictures = np.lib.format.open_memmap(pictures_file, "w+", np.uint8, (len(rows), side, side, 3))
        importance = (
            np.lib.format.open_memmap(importance_file, "w+", np.uint8, (len(rows), side, side)) if segmented else None
        )
        table = _importance_of_classes() if segmented else np.array([])
        for index, row in enumerate(tqdm(rows, desc="reading pictures", unit="picture")):
            pictures[index] = _square(folder / row["file"], side)
            if importance is not None:
                importance[index] = table[_square(folder / row["segments"], side, nearest=True)]
        pictures.flush()
        done.write_text(str(folder.resolve()) + "\n", encoding="utf-8")
    elif done.read_text(encoding="utf-8").strip() != str(folder.resolve()):
        raise TrainingError(f"{cache} holds the pictures of another folder; name another --out, or remove it")
    return FaceFolder(
        np.load(pictures_file, mmap_mode="r"),
        np.load(importance_file, mmap_mode="r") if segmented else None,
        attributes,
        latents,
    )


def _latents(rows: list[dict[str, Any]], folder: Path) -> np.ndarray | None:
    with_latent = sum("latent" in row for row in rows)
    if with_latent not in (0, len(rows)):
        raise TrainingError(f"{with_latent} of {len(rows)} rows in {folder} have a latent: all or none must")
    if not with_latent:
        return None
    try:
        latents = np.array([row["latent"] for row in rows], np.float32)
    except (TypeError, ValueError):
        latents = np.empty(0)
    if latents.ndim != 2 or not latents.size or not np.isfinite(latents).all():
        raise TrainingError(f"the latents in {folder} are not lists of numbers of one length")
    return latents


def _importance_of_classes() -> np.ndarray:
    """uint8 [256], by the index in a picture of segments."""
    from stylegan.portrait import SEGMENTS

    table = np.full(256, IMPORTANCE[""], np.uint8)
    for index, name in enumerate(SEGMENTS):
        if any(name.endswith(part) for part in IMPORTANT):
            table[index] = IMPORTANCE["important"]
        elif name == "background":
            table[index] = IMPORTANCE["background"]
    return table
