"""What she feels: the emotion tag that a model writes before its words, parsed while it streams."""

from __future__ import annotations

from dataclasses import dataclass

import regex

EMOTIONS = ("평온", "기쁨", "슬픔", "분노", "놀람", "두려움", "부끄러움", "혐오")
"""The eight emotions, in the order of every table and classifier."""

# What models write where one of the eight was meant.
SYNONYMS = {
    "중립": "평온", "무표정": "평온", "차분": "평온", "평안": "평온", "행복": "기쁨", "즐거움": "기쁨", "설렘": "기쁨", "신남": "기쁨",
    "우울": "슬픔", "서운함": "슬픔", "화남": "분노", "짜증": "분노", "당황": "놀람", "놀라움": "놀람", "불안": "두려움", "걱정": "두려움",
    "무서움": "두려움", "공포": "두려움", "수줍음": "부끄러움", "쑥스러움": "부끄러움", "역겨움": "혐오", "싫음": "혐오",
}  # fmt: skip


@dataclass(frozen=True)
class Emotion:
    """A felt emotion.

    Attributes:
        name: one of `EMOTIONS`.
        strength: 0 (not felt) to 1 (overwhelming).
    """

    name: str = "평온"
    strength: float = 0.5


def format_tag(name: str, strength: float) -> str:
    """The tag a model writes before its words, for example ``<감정:기쁨:0.8>``."""
    return f"<감정:{name}:{strength:.1f}>"


# A head is what only a tag begins with; the short form needs one of the eight names to be taken for a tag.
_SEPARATOR = r"\s{0,2}[:：=]\s{0,2}"
_STRENGTH = r"(?:\s{0,2}[:：=,\s]\s{0,2}(?P<strength>[0-9.,]{0,6}))?"
_HEAD = rf"[<\[＜〈]\s{{0,2}}(?:감정|emotion){_SEPARATOR}(?P<name>[^\s<>\[\]:：=,/＞〉]{{0,8}}){_STRENGTH}"
_SHORT = rf"[<\[＜〈]\s{{0,2}}(?P<name>{'|'.join((*EMOTIONS, *SYNONYMS))}){_STRENGTH}"
_CLOSE = r"\s{0,2}/?[>\]＞〉]"
_TAG = regex.compile(rf"(?:{_HEAD}|{_SHORT}){_CLOSE}")
_CUT_OFF = regex.compile(_HEAD)
_OPENERS = "<[＜〈"


def _read(match: regex.Match[str]) -> Emotion | None:
    name = SYNONYMS.get(match["name"], match["name"])
    if name not in EMOTIONS:
        return None
    try:
        strength = float((match["strength"] or "0.5").replace(",", ".").rstrip("."))
    except ValueError:
        strength = 0.5
    if 1 < strength <= 10:  # some models count to ten
        strength /= 10
    return Emotion(name, min(1.0, strength))


class TagParser:
    """Takes emotion tags out of a stream of text, however the stream is cut.

    A tag may be well-formed, malformed, cut off or repeated: none of it comes out as text. Angle brackets that are no
    tag ("3 < 5", "<3") do.
    """

    def __init__(self) -> None:
        self._held = ""
        self._after_tag = False

    def feed(self, chunk: str) -> tuple[str, list[Emotion]]:
        """Takes the next piece of the stream.

        Returns:
            The text that is certainly no part of a tag, and the emotions of the tags that ended in this piece.
        """
        self._held += chunk
        return self._release(final=False)

    def close(self) -> tuple[str, list[Emotion]]:
        """Ends the stream; returns what was still held back, without any rest of a tag."""
        return self._release(final=True)

    def _release(self, final: bool) -> tuple[str, list[Emotion]]:
        out: list[str] = []
        emotions: list[Emotion] = []
        while self._held:
            if self._after_tag:  # the space between a tag and the words belongs to the tag
                self._held = self._held.lstrip(" \n")
                if not self._held:
                    break
                self._after_tag = False
            start = min((i for opener in _OPENERS if (i := self._held.find(opener)) >= 0), default=-1)
            if start < 0:
                out.append(self._held)
                self._held = ""
                break
            out.append(self._held[:start])
            self._held = self._held[start:]
            tag = _TAG.match(self._held)
            if tag:
                if emotion := _read(tag):
                    emotions.append(emotion)
                self._cut(tag.end())
                continue
            if not final and _TAG.fullmatch(self._held, partial=True):
                break
            cut_off = _CUT_OFF.match(self._held)
            if cut_off:
                if emotion := _read(cut_off):
                    emotions.append(emotion)
                self._cut(cut_off.end())
            elif final and len(self._held) > 1 and _TAG.fullmatch(self._held, partial=True):
                self._held = ""
            else:
                out.append(self._held[0])
                self._held = self._held[1:]
        return "".join(out), emotions

    def _cut(self, end: int) -> None:
        self._held = self._held[end:]
        self._after_tag = True
