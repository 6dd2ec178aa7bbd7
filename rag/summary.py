"""The rolling summary of a chat: the language model's task, and the reading of its answer."""

from __future__ import annotations

from collections.abc import Sequence

SYSTEM = "[요약] 지난 요약과 새 대화를 합쳐 한 문단으로 줄인다. 없던 일은 적지 않는다."
LONGEST = 300
"""Characters of a summary; a longer one is cut at the end of a sentence."""


def summary_messages(previous: str, turns: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """The task as chat messages.

    Args:
        previous: the summary so far, or empty.
        turns: the exchanges since then, (user, her reply) without tags.
    """
    lines = [f"지난 요약: {previous.strip() or '없음'}"]
    for user, reply in turns:
        lines += [f"상대: {' '.join(user.split())}", f"오로라: {' '.join(reply.split())}"]
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "\n".join(lines)}]


def parse_summary(text: str) -> str:
    """One paragraph of whole sentences, at most `LONGEST` characters; empty where there is none. Never raises."""
    words = " ".join(text.split())
    if len(words) <= LONGEST:
        return words
    end = max(words.rfind(mark, 0, LONGEST) for mark in (". ", "! ", "? "))
    return words[: end + 1] if end > 0 else ""
