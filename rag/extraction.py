"""What to remember of a message: the language model's task, and the reading of its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rag.memory import KINDS, MAX_QUOTE, MAX_TEXT, SLOTS, Proposal, normalise

SYSTEM = (
    "[기억] 상대의 마지막 말에서 다음 달에도 알아야 할 것만 JSON 목록으로 적는다. "
    "상대가 자기 입으로 말한 것만, quote는 그 말에서 글자 그대로. 없으면 []."
)
BEFORE = 3
"""Exchanges that help to understand the message; nothing is taken from them."""
MOST = 8
"""Memories read from one answer; more is a model that loops."""
CONFIDENCE = 0.7

KIND_OF_SLOT = {
    "like": "preference", "dislike": "preference", "plan": "event", "promise": "promise", "rule": "boundary",
    "family": "relationship", "partner": "relationship", "friend": "relationship", "nickname": "preference",
}  # fmt: skip
_OBJECT = re.compile(r"\{[^{}]*\}")


def extraction_messages(message: str, before: Sequence[tuple[str, str]] = ()) -> list[dict[str, str]]:
    """The task as chat messages.

    Args:
        message: what the user said.
        before: exchanges before it, (user, her reply) without tags, oldest first; the last `BEFORE` are shown.
    """
    lines = []
    for user, reply in before[-BEFORE:]:
        lines += [f"상대: {normalise(user)}", f"오로라: {normalise(reply)}"]
    lines.append(f"마지막 말: {normalise(message)}")
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "\n".join(lines)}]


def parse_extraction(answer: str) -> list[Proposal]:
    """Proposals in a model's answer, whatever stands around them; empty where there are none. Never raises.

    A list that was cut off gives what was complete. Unknown slots become ``other``, a missing kind follows from the
    slot; entries without text or quote are left out.
    """
    found = [proposal for entry in _entries(answer) if (proposal := _proposal(entry)) is not None]
    return list(dict.fromkeys(found))[:MOST]


def _entries(answer: str) -> list[Any]:
    start, end = answer.find("["), answer.rfind("]")
    if 0 <= start < end:
        try:
            value = json.loads(answer[start : end + 1])
        except (ValueError, RecursionError):
            pass
        else:
            return value if isinstance(value, list) else []
    entries = []
    for match in _OBJECT.finditer(answer):
        try:
            entries.append(json.loads(match[0]))
        except (ValueError, RecursionError):  # a broken one says nothing about its neighbours
            continue
    return entries


def _proposal(entry: Any) -> Proposal | None:
    if not isinstance(entry, Mapping):
        return None
    text, quote, when = (_text(entry.get(key)) for key in ("text", "quote", "when"))
    if not text or not quote or len(text) > MAX_TEXT or len(quote) > MAX_QUOTE:
        return None
    slot = _text(entry.get("slot")).lower()
    slot = slot if slot in SLOTS else "other"
    kind = _text(entry.get("kind")).lower()
    kind = kind if kind in KINDS else KIND_OF_SLOT.get(slot, "fact")
    return Proposal(kind, slot, text, quote, when or None, source="model", confidence=CONFIDENCE)


def _text(value: Any) -> str:
    return normalise(value) if isinstance(value, str) else ""
