"""Our own Korean–English glossary of what pictures show. The files stand in ``glossary/``, one for each subject.

A line is ``korean<TAB>english<TAB>part``:

- ``noun``: English in the singular, without article; several Korean words may be one key ("나무 의자").
- ``verb``: a key in 다, English in its base form; ``{}`` is where the object goes. "손을 흔들다" is a collocation: it
  holds where that noun is the verb's argument.
- ``adjective``: a key in 다, or a form that stands before a noun as it is ("텅 빈").
- ``adverb``; ``phrase``: taken as it is; ``style``: how a picture is made, kept apart from what it shows.

``senses.tsv`` has two columns more, the subject and cue words: that sense holds in a text with one of the cues.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from imagegen.errors import GlossaryError

FOLDER = Path(__file__).parent / "glossary"
SENSES = "senses"
PARTS = ("noun", "adjective", "verb", "adverb", "phrase", "style")
_PARTICLE = re.compile(r"(을|를|이|가|에|에서|으로|로|와|과)$")


@dataclass(frozen=True)
class Entry:
    """A word or phrase; ``subject`` is the file that it stands in, ``cues`` the words that its sense needs."""

    korean: str
    english: str
    part: str
    subject: str
    cues: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        return self.korean.replace(" ", "")


@dataclass
class Glossary:
    """Entries by key without spaces; the longest key and its lengths are known, for longest match."""

    entries: list[Entry]
    words: dict[str, list[Entry]] = field(default_factory=dict)
    lemmas: dict[str, list[Entry]] = field(default_factory=dict)
    collocations: dict[tuple[str, str], Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in self.entries:
            if entry.part in ("verb", "adjective", "phrase") and entry.korean.endswith("다"):
                before, _, lemma = entry.korean.rpartition(" ")
                if before:
                    if not _PARTICLE.search(before):  # "손 잡다" is written together as well
                        self.lemmas.setdefault(entry.key, []).append(entry)
                    self.collocations[(_PARTICLE.sub("", before).replace(" ", ""), lemma)] = entry
                else:
                    self.lemmas.setdefault(lemma, []).append(entry)
            else:
                self.words.setdefault(entry.key, []).append(entry)
        self.longest = max(map(len, self.words), default=0)

    def __len__(self) -> int:
        return len(self.entries)

    def word(self, key: str, cues: Collection[str] = ()) -> Entry | None:
        """The entry of a word or phrase as it stands in text, spaces left out."""
        return _sense(self.words.get(key, []), cues)

    def lemma(self, key: str, cues: Collection[str] = ()) -> Entry | None:
        """The entry of a verb or adjective in its dictionary form."""
        return _sense(self.lemmas.get(key, []), cues)

    def split(self, word: str) -> list[Entry] | None:
        """An unknown compound in known nouns, the fewest first and no two of one letter: "단풍길" → 단풍, 길."""
        best: list[list[Entry] | None] = [None] * (len(word) + 1)
        best[0] = []
        for end in range(1, len(word) + 1):
            for start in range(end):
                before, entry = best[start], self.word(word[start:end])
                if before is None or entry is None or entry.part not in ("noun", "style"):
                    continue
                if end - start == 1 and ((before and len(before[-1].key) == 1) or end == 1):
                    continue
                current = best[end]
                if current is None or len(before) + 1 < len(current):
                    best[end] = [*before, entry]
        return best[-1]


def _sense(entries: list[Entry], cues: Collection[str]) -> Entry | None:
    plain = None
    for entry in entries:
        if entry.cues:
            if not entry.cues.isdisjoint(cues):
                return entry
        elif plain is None:
            plain = entry
    return plain


def read_glossary(folder: Path = FOLDER) -> list[Entry]:
    """All entries of the folder's ``*.tsv``, in order of files and lines.

    Raises:
        GlossaryError: a faulty line, or a key that stands twice in the same part, with file and line.
    """
    entries: list[Entry] = []
    seen: dict[tuple[str, str, frozenset[str]], str] = {}
    for file in sorted(folder.glob("*.tsv")):
        for where, entry in _read_file(file):
            key = (entry.key, "word" if entry.part != "verb" else "verb", entry.cues)
            if key in seen:
                raise GlossaryError(f"{where}: {entry.korean} stands already in {seen[key]}; take one of them out")
            seen[key] = where
            entries.append(entry)
    if not entries:
        raise GlossaryError(f"{folder} holds no glossary: there is no line in its *.tsv files")
    return entries


def _read_file(file: Path) -> Iterator[tuple[str, Entry]]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{file.name}:{number}"
        columns = line.split("\t")
        if len(columns) != (5 if file.stem == SENSES else 3) or not all(column.strip() for column in columns):
            raise GlossaryError(f"{where}: {line!r} has not the columns korean, english, part")
        if columns[2] not in PARTS:
            raise GlossaryError(f"{where}: {columns[2]!r} is no part; take one of {', '.join(PARTS)}")
        if columns[2] == "verb" and not columns[0].endswith("다"):
            raise GlossaryError(f"{where}: {columns[0]} is no verb in its dictionary form, which ends in 다")
        cues = frozenset(columns[4].split()) if file.stem == SENSES else frozenset()
        subject = columns[3] if file.stem == SENSES else file.stem
        yield where, Entry(columns[0], columns[1], columns[2], subject, cues)


@lru_cache(maxsize=1)
def bundled_glossary() -> Glossary:
    """The glossary that ships; read at the first call (some 10 ms) and kept."""
    return Glossary(read_glossary())
