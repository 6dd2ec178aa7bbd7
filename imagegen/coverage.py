"""How much of a Korean text the glossary knows: ``python -m imagegen coverage FILE …``."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagegen.clauses import REQUESTS, STRUCTURAL
from imagegen.errors import PromptError
from imagegen.glossary import Glossary, bundled_glossary
from imagegen.units import COUNTERS, POSITIONS, SILENT, morphemes

NOUN, VERB = "nouns", "verbs and adjectives"


@dataclass(frozen=True)
class Coverage:
    """Of one kind of word: occurrences, those that are known, and the unknown ones by frequency."""

    kind: str
    occurrences: int
    known: int
    missing: tuple[tuple[str, int], ...]

    @property
    def share(self) -> float:
        return self.known / self.occurrences if self.occurrences else 1.0


def measure(texts: Iterable[str], glossary: Glossary | None = None) -> list[Coverage]:
    """Coverage of nouns, and of verbs and adjectives in their dictionary forms, counted by occurrence."""
    glossary = glossary or bundled_glossary()
    counts: dict[str, Counter[str]] = {NOUN: Counter(), VERB: Counter()}
    for text in texts:
        found = morphemes(text)
        for index, one in enumerate(found):
            following = found[index + 1] if index + 1 < len(found) else None
            if one.tag == "NNG" and following is not None and following.tag in ("XSV", "XSA"):
                counts[VERB][one.form + following.form + "다"] += 1
            elif one.tag == "NNG":
                counts[NOUN][one.form] += 1
            elif one.tag in ("VV", "VA"):
                counts[VERB][one.form + "다"] += 1
    return [_coverage(kind, counted, glossary) for kind, counted in counts.items()]


def _coverage(kind: str, counted: Counter[str], glossary: Glossary) -> Coverage:
    knows = _knows_noun if kind == NOUN else _knows_verb
    missing = tuple((word, count) for word, count in counted.most_common() if not knows(word, glossary))
    total = sum(counted.values())
    return Coverage(kind, total, total - sum(count for _, count in missing), missing)


def _knows_noun(word: str, glossary: Glossary) -> bool:
    read_by_grammar = word in POSITIONS or word in COUNTERS or word in SILENT
    return read_by_grammar or word in glossary.words or glossary.split(word) is not None


def _knows_verb(word: str, glossary: Glossary) -> bool:
    return word in glossary.lemmas or word in STRUCTURAL | REQUESTS or word[:-2] in glossary.words


def add(commands: Any) -> None:
    """Adds the command to the parser's subcommands."""
    text = "measure how much of Korean text files the glossary knows"
    made = commands.add_parser("coverage", help=text, description=text[0].upper() + text[1:] + ".")
    made.add_argument("files", nargs="+", type=Path, metavar="FILE", help="UTF-8 text, one sentence to a line")
    made.add_argument("--missing", type=int, default=20, metavar="N", help="unknown words to show (default: 20)")
    made.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints a line for each kind of word, and the commonest unknown words."""
    lines: list[str] = []
    for file in options.files:
        try:
            lines += file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise PromptError(f"{file} cannot be read as UTF-8 text: {error}") from error
    print(f"{len(bundled_glossary())} entries, {len(lines)} lines")
    for found in measure(lines):
        print(f"{found.kind}: {found.known} of {found.occurrences} known ({found.share:.1%})")
        if found.missing:
            print("  unknown: " + ", ".join(f"{word} {count}" for word, count in found.missing[: options.missing]))
    return 0
