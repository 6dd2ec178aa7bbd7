"""Judges her own words before they are shown: a sentence is held back until it is known to be fit."""

from __future__ import annotations

import re
from collections.abc import Callable

from character.conduct.judgement import Judgement

LONGEST_HELD = 160
"""Characters after which even a sentence without an end is judged."""
_TAG = re.compile(r"[<\[＜〈][^<>\[\]＜＞〈〉]{0,60}[>\]＞〉]")
_LEADING_TAG = re.compile(rf"\s*{_TAG.pattern}\s?")
_END = re.compile(r"[.!?…~。！？]+[\"'”’)\]]*(?:\s|$)|\n|[ㅋㅎㅠㅜ]{2,}(?:\s|$)")


class ReplyGuard:
    """Takes a reply as it is written and gives back what may be shown, one sentence behind at most.

    Args:
        judge: what judges a piece of her reply.

    Attributes:
        objection: why the reply was cut off; None while there is nothing to object to.
    """

    def __init__(self, judge: Callable[[str], Judgement]) -> None:
        self._judge = judge
        self._held = ""
        self._before = ""  # the sentence that was shown last: harm may lie between two
        self.objection: Judgement | None = None
        self.refused = ""

    def feed(self, text: str) -> str:
        """Takes the next piece; returns what may be shown now. After an objection that is nothing any more."""
        if self.objection is not None:
            return ""
        self._held += text
        shown = ""
        if tag := _LEADING_TAG.match(self._held):  # her face need not wait for the end of the sentence
            shown, self._held = tag[0], self._held[tag.end() :]
        while self.objection is None and (end := self._sentence_end()):
            shown += self._release(end)
        return shown

    def close(self) -> str:
        """The reply is over; returns the rest where it is fit."""
        return self._release(len(self._held)) if self.objection is None and self._held else ""

    def _sentence_end(self) -> int:
        """Where the first whole sentence that is held ends; 0 where none does.

        An end at the very end of what is held may go on ("3.5", "..."), so one more character is waited for.
        """
        for found in _END.finditer(self._held):
            if found.end() < len(self._held) or found[0][-1].isspace():
                return found.end()
        if len(self._held) >= LONGEST_HELD:
            return self._held.rfind(" ") + 1 or len(self._held)
        return 0

    def _release(self, end: int) -> str:
        sentence, self._held = self._held[:end], self._held[end:]
        words = _TAG.sub(" ", sentence).strip()
        if words:
            for piece in (words, f"{self._before} {words}".strip()):
                judgement = self._judge(piece)
                if judgement.category is not None:
                    self.objection, self.refused = judgement, words
                    return ""
            self._before = words
        return sentence
