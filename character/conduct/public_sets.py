"""The public sets of conduct and of talk, as rows; which of them are held out is decided by their text.

``docs/data.md`` says where they come from. A set is a folder ``NAME/`` or an archive ``NAME.tar.xz``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from character.conduct.errors import ConductError
from character.conduct.judgement import Line

KMHAS_LABELS = ("origin", "physical", "politics", "profanity", "age", "gender", "race", "religion", "clean")
KODOLI_LABELS = ("NOT", "LIKELY", "OFFEN")
BEEP_LABELS = ("none", "offensive", "hate")
WRITTEN = Path(__file__).parents[2] / "training" / "data" / "conduct"


@dataclass(frozen=True, slots=True)
class Row:
    """One comment of a public set.

    Attributes:
        labels: as its authors gave them; several in K-MHaS.
        held_out: never trained on.
    """

    text: str
    labels: tuple[str, ...]
    held_out: bool


@dataclass(frozen=True, slots=True)
class Example:
    """One written example: what was said, after what, and what a careful person calls it (None: harmless)."""

    text: str
    category: str | None
    severity: int
    recent: tuple[Line, ...]
    note: str
    held_out: bool


def digest(text: str) -> int:
    """0–255 from the letters of ``text`` alone, so that copies that differ in spaces fall on one side."""
    bare = "".join(c for c in text.lower() if c.isalnum())
    return hashlib.blake2b(bare.encode(), digest_size=1).digest()[0]


def tenth(text: str) -> bool:
    return digest(text) < 26


def fifth(text: str) -> bool:
    return digest(text) < 51


def _files(folder: Path, name: str, ending: str) -> Iterator[str]:
    archive = folder / f"{name}.tar.xz"
    if (folder / name).is_dir():
        for path in sorted((folder / name).rglob(f"*{ending}")):
            yield path.read_text(encoding="utf-8-sig", errors="replace")
    elif archive.is_file():
        with tarfile.open(archive) as tar:
            for member in sorted(tar.getmembers(), key=lambda member: member.name):
                content = tar.extractfile(member) if member.isfile() and member.name.endswith(ending) else None
                if content:
                    yield content.read().decode("utf-8-sig", errors="replace")


def _one(folder: Path, name: str, ending: str) -> str:
    for text in _files(folder, name, ending):
        return text
    raise ConductError(f"data folder {folder} has no set '{name}' ({ending}); docs/data.md says where it comes from")


def beep(folder: Path) -> list[Row]:
    """BEEP! comments with hate and bias; its dev part is held out."""
    rows = []
    for ending, held_out in (("labeled__train.tsv", False), ("labeled__dev.tsv", True)):
        for line in _one(folder, "beep", ending).splitlines()[1:]:
            text, _, bias, hate = line.split("\t")
            rows.append(Row(text, (hate, bias), held_out))
    return rows


def kodoli(folder: Path) -> list[Row]:
    """KODOLI comments with offensiveness and abuse; a tenth is held out."""
    table = csv.DictReader(io.StringIO(_one(folder, "kodoli", "kodoli.csv")))
    return [Row(r["sentences"], (r["offensiveness"], r["abuse"]), tenth(r["sentences"])) for r in table]


def kmhas(folder: Path) -> list[Row]:
    """K-MHaS comments with up to four of nine labels; a tenth is held out."""
    rows = []
    for line in _one(folder, "kmhas", "kmhas_test.txt").splitlines()[1:]:
        text, numbers = line.rsplit("\t", 1)
        text = text.strip('"')
        rows.append(Row(text, tuple(KMHAS_LABELS[int(number)] for number in numbers.split(",")), tenth(text)))
    return rows


def curses(folder: Path) -> list[Row]:
    """Curse detection and malicious comments: label ``1`` abusive, ``0`` not. None is held out."""
    rows = []
    for line in _one(folder, "curse_detection", "dataset.txt").splitlines():
        text, _, label = line.rpartition("|")
        if label in {"0", "1"}:
            rows.append(Row(text, (label,), False))
    for line in _one(folder, "malicious_comments", "Dataset.csv").splitlines()[1:]:
        text, _, label = line.rpartition("\t")
        if label in {"0", "1"}:
            rows.append(Row(text, ("1" if label == "0" else "0",), False))
    return rows


def _lines(folder: Path, name: str, ending: str, column: int, separator: str = "\t") -> Iterator[str]:
    for text in _files(folder, name, ending):
        for line in text.splitlines():
            fields = line.split(separator)
            if len(fields) > column:
                yield fields[column].strip().strip('"')


def _chatbot(folder: Path) -> Iterator[str]:
    for text in _files(folder, "chatbot_data", "ChatbotData.csv"):
        for row in csv.DictReader(io.StringIO(text)):
            yield row["Q"]
            yield row["A"]


def _persona(folder: Path) -> Iterator[str]:
    for text in _files(folder, "xpersona_ko", ".json"):
        for item in json.loads(text):
            for pair in item["dialogue"]:
                yield from pair


TALK: dict[str, Callable[[Path], Iterator[str]]] = {
    "chatbot_data": _chatbot,
    "xpersona_ko": _persona,
    "stylekqc": lambda folder: _lines(folder, "stylekqc", ".tsv", 1),
    "3i4k": lambda folder: _lines(folder, "3i4k", "fci.txt", 1),
    "question_pair": lambda folder: _lines(folder, "question_pair", "kor_pair_train.csv", 1, ","),
    "sae4k": lambda folder: _lines(folder, "sae4k", "sae4k_v1.txt", 0),
}


def talk(folder: Path) -> Iterator[tuple[str, str, bool]]:
    """Set, line and whether it is held out (a fifth) of all everyday talk, without copies.

    Raises:
        ConductError: the folder holds none of the sets.
    """
    seen: set[str] = set()
    for name, read in TALK.items():
        for text in read(folder):
            if len(text) > 1 and text not in seen:
                seen.add(text)
                yield name, text, fifth(text)
    if not seen:
        raise ConductError(f"data folder {folder} has none of the sets {', '.join(TALK)}; docs/data.md lists them")


def written(folder: Path = WRITTEN) -> list[Example]:
    """The examples written for this project.

    Raises:
        ConductError: a line is malformed; names file and line.
    """
    examples = []
    for path in sorted(folder.glob("*.jsonl")):
        if path.name == "sources.jsonl":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                row = json.loads(line)
                recent = tuple(Line(role, text) for role, text in row.get("context", ()))
                examples.append(
                    Example(row["text"], row["category"], int(row.get("severity") or 1), recent, row.get("note", ""),
                            row["split"] == "held_out")
                )  # fmt: skip
            except (ValueError, KeyError, TypeError) as error:
                raise ConductError(f"{path}:{number} is not an example ({error!r}); see its neighbours") from None
    return examples


def sources(folder: Path = WRITTEN) -> list[tuple[str, str | None]]:
    """Held-out sentences for the obfuscation suite, with their category."""
    path = folder / "sources.jsonl"
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(row["text"], row["category"]) for row in rows]
