"""What the judge reads and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Line:
    """An earlier line of the chat."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a message does.

    Attributes:
        category: id of a `Category`, or None where there is nothing to object to.
        score: probability of the category, or, with None, of the likeliest one; 0–1.
        severity: 1 mild, 2 grave, 3 extreme; 1 with None.
        rule: what decided, in a few words.
        normalized: the view of the text that was decided on.
        scores: probability of every category, by id.
    """

    category: str | None
    score: float = 0.0
    severity: int = 1
    rule: str = "nothing to object to"
    normalized: str = ""
    scores: dict[str, float] = field(default_factory=dict)


class Judge(Protocol):
    """Judges messages; safe to call from several threads."""

    def judge(self, text: str, recent: Sequence[Line] = ()) -> Judgement:
        """Judges ``text`` of the user after the lines ``recent``, oldest first."""
        ...

    def judge_reply(self, text: str) -> Judgement:
        """Judges a reply of hers before it is shown."""
        ...
