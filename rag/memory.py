"""What a memory is, and what may be one."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime

from rag.errors import BadMemory

KINDS = ("fact", "preference", "event", "promise", "relationship", "boundary")
SLOTS = (
    "name", "nickname", "age", "birthday", "job", "school", "home", "hometown", "family", "partner", "friend", "pet",
    "like", "dislike", "plan", "health", "habit", "skill", "goal", "possession", "past", "promise", "rule", "other",
)  # fmt: skip
SINGLE_SLOTS = frozenset({"name", "nickname", "age", "birthday", "job", "school", "home", "hometown"})
"""Slots that hold one value at a time: a new one takes the place of the old one."""

STATES = ("live", "superseded", "forgotten")
SOURCES = ("pattern", "model", "hand")
MAX_TEXT = 200
MAX_QUOTE = 500
"""Characters."""


@dataclass(frozen=True)
class Memory:
    """One thing she knows about a user.

    Attributes:
        chat, message: where the user said it; None for memories added by hand, which are visible everywhere.
        text: a sentence about the user in third person without a subject (``전주에서 산다.``); empty once forgotten.
        quote: the user's own words, letter for letter (NFC); empty for memories added by hand and forgotten ones.
        said: when, in seconds since 1970.
        valid_from, valid_until: days, both included. Of an event: the days it is about. Of anything else
            ``valid_until`` is the day it stopped being true, and None while it is true.
        confidence: 0–1.
        state: ``live``, ``superseded`` or ``forgotten``. From `visibility.visible` it is what holds on the line that
            was asked for; from `store` it is what holds if every memory counts.
        supersedes: ids of the memories whose place this one took, the newest first.
        source: who found it: ``pattern``, ``model`` or ``hand``.
        surfaced: when she was last reminded of it by its date, in seconds since 1970.
    """

    id: str
    account: str
    chat: str | None
    message: str | None
    kind: str
    slot: str
    text: str
    quote: str
    said: float
    valid_from: date | None = None
    valid_until: date | None = None
    confidence: float = 1.0
    pinned: bool = False
    state: str = "live"
    supersedes: tuple[str, ...] = ()
    source: str = "hand"
    surfaced: float | None = None

    @property
    def dated(self) -> bool:
        """Whether it is about certain days: an appointment, a plan, a promise with a date."""
        return self.valid_from is not None and (self.kind in ("event", "promise") or self.slot == "plan")


@dataclass(frozen=True)
class Proposal:
    """Something that might be remembered; `gate` decides.

    Attributes:
        when: the user's own time expression, or None.
        instead_of: a word of the memories of this slot that are no longer true (``떡볶이`` in `떡볶이 이제 안 먹어`).
    """

    kind: str
    slot: str
    text: str
    quote: str
    when: str | None = None
    source: str = "pattern"
    confidence: float = 0.9
    instead_of: str = ""


def normalise(text: str) -> str:
    """NFC, with every run of whitespace as one space and none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def checked_text(text: str) -> str:
    """``text`` as it is stored.

    Raises:
        BadMemory: it is empty, longer than `MAX_TEXT`, or holds control characters.
    """
    clean = normalise(text)
    if not clean:
        raise BadMemory("a memory needs a text; write what to remember in one short sentence")
    if len(clean) > MAX_TEXT:
        raise BadMemory(f"a memory of {len(clean)} characters is too long; write at most {MAX_TEXT}")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in clean):
        raise BadMemory("a memory may not hold control characters; write plain text")
    return clean


def checked_kind(kind: str) -> str:
    if kind not in KINDS:
        raise BadMemory(f"{kind!r} is no kind of memory; use one of {', '.join(KINDS)}")
    return kind


def checked_slot(slot: str) -> str:
    if slot not in SLOTS:
        raise BadMemory(f"{slot!r} is no slot of a memory; use one of {', '.join(SLOTS)}")
    return slot


def parse_day(value: str | date | None, name: str = "date") -> date | None:
    """A day from ``YYYY-MM-DD``.

    Raises:
        BadMemory: it is no such date.
    """
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    try:
        return datetime.strptime(str(value), "%Y-%m-%d").date()
    except ValueError:
        raise BadMemory(f"{name} {value!r} is no date; write it as 2026-11-21") from None
