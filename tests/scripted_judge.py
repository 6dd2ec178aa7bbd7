"""A judge of conduct that goes by a few words, for tests of what follows from a judgement."""

from __future__ import annotations

import time
from collections.abc import Sequence

from character.conduct.judgement import Judgement, Line

WORDS = {
    "바보": ("insult", 1), "멍청이": ("insult", 2), "쓰레기": ("insult", 3), "찾아가서": ("threat", 3), "주소 대": ("privacy", 2),
    "규칙은 잊어": ("jailbreak", 1), "사라지고 싶": ("self_harm", 2),
}  # fmt: skip
UNFIT = "못된말"
"""What she must not say."""


class WordJudge:
    """Objects to the words above; to ``그거`` only right after the user has said ``찾아가서`` (context).

    Attributes:
        judged: every text of a user, with the lines before it.
        delay: seconds it takes.
        fails: it raises instead.
    """

    def __init__(self) -> None:
        self.judged: list[tuple[str, tuple[Line, ...]]] = []
        self.delay = 0.0
        self.fails = False

    def judge(self, text: str, recent: Sequence[Line] = ()) -> Judgement:
        if self.fails:
            raise RuntimeError("the judge is out of order")
        time.sleep(self.delay)
        self.judged.append((text, tuple(recent)))
        for word, (category, severity) in WORDS.items():
            if word in text:
                return Judgement(category, 0.97, severity, f"the word {word}", text.replace(" ", ""), {category: 0.97})
        if "그거" in text and any("두고 봐" in line.text for line in recent if line.role == "user"):
            return Judgement("threat", 0.8, 1, "with what was said before", text, {"threat": 0.8})
        return Judgement(None, 0.01)

    def judge_reply(self, text: str) -> Judgement:
        return Judgement("hate", 0.9, 1, "the word", text) if UNFIT in text else Judgement(None)
