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


# A tag has a head that nothing else begins with, or (the short form) one of the known names right after the bracket.
# What may follow the name is strength and what models write around it. Brackets may be doubled.
_OPENERS, _CLOSERS = "<[＜〈", ">]＞〉"
_SPACE = r"\s{0,2}"
_OPEN = rf"(?:[<\[＜〈]{_SPACE}){{1,8}}"
_CLOSE = rf"{_SPACE}/?[>\]＞〉]"
_NAMES = "|".join(sorted((*EMOTIONS, *SYNONYMS), key=len, reverse=True))
_HEAD = rf"{_OPEN}/?{_SPACE}(?:감정|(?i:emotion))"
_SEPARATOR = rf"{_SPACE}[:：=]{_SPACE}"
_TAIL = rf"(?:{_NAMES}|강도|세기|정도|strength|intensity|[-+~%()/|\d.,:：=\s]){{0,40}}"
_BODY = rf"(?:{_SEPARATOR}[가-힣A-Za-z]{{0,12}}|\s{{1,2}}(?:{_NAMES})){_TAIL}"
_SHORT = rf"{_OPEN}(?:{_NAMES})(?:{_SPACE}[:：=,\s]{_SPACE}[\d.,]{{0,40}})?"
_TAG = regex.compile(rf"(?:{_HEAD}(?:{_BODY})?|{_SHORT}){_CLOSE}")
_CUT_OFF = regex.compile(
    rf"{_HEAD}{_SEPARATOR}(?:{_NAMES}|[A-Za-z]{{1,12}})?(?:{_SPACE}[:：=,]{_SPACE}[\d.,]{{0,40}})?"
)
_NAME = regex.compile(_NAMES)
_NUMBER = regex.compile(r"-?(?:\d+(?:[.,]\d*)?|[.,]\d+)")


def _read(tag: str) -> Emotion | None:
    name = _NAME.search(tag)
    if name is None:
        return None
    number = _NUMBER.search(tag)
    strength = float(number[0].replace(",", ".")) if number else 0.5
    if 1 < strength <= 100:  # some models count to ten or to a hundred
        strength /= 10 if strength <= 10 else 100
    return Emotion(SYNONYMS.get(name[0], name[0]), min(1.0, max(0.0, strength)))


class TagParser:
    """Takes emotion tags out of a stream of text, however the stream is cut.

    A tag may be well-formed, malformed, cut off or repeated: none of it comes out as text. Angle brackets that are no
    tag ("3 < 5", "<3") do.
    """

    def __init__(self) -> None:
        self._held = ""
        self._skipped = ""  # what is dropped right after a tag: the space between tag and words, and a doubled bracket

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
            if self._skipped:
                self._held = self._held.lstrip(self._skipped)
                if not self._held:
                    break
                self._skipped = ""
            start = min((i for opener in _OPENERS if (i := self._held.find(opener)) >= 0), default=len(self._held))
            out.append(self._held[:start])
            self._held = self._held[start:]
            if not self._held:
                break
            tag = _TAG.match(self._held)
            if not tag and not final and _TAG.fullmatch(self._held, partial=True):
                break
            found = tag or _CUT_OFF.match(self._held)
            if found:
                if emotion := _read(found[0]):
                    emotions.append(emotion)
                doubled = sum(found[0].count(opener) for opener in _OPENERS) > 1
                self._skipped = f" \n{_CLOSERS}" if doubled else " \n"
                rest = self._held[found.end() :]
                self._held = "" if final and not tag and _NAME.fullmatch(rest, partial=True) else rest
            elif broken := self._broken(final):
                self._held = self._held[broken:]
            else:
                out.append(self._held[0])
                self._held = self._held[1:]
        return "".join(out), emotions

    def _broken(self, final: bool) -> int:
        """Length of the beginning of a tag that ends with the stream or where another begins; 0 where it is plain text.

        It is dropped: together with what follows the other tag it could make up a tag that is shown.
        """
        end = 1
        while end < len(self._held) and _TAG.fullmatch(self._held[: end + 1], partial=True):
            end += 1
        ends = final if end == len(self._held) else self._held[end] in _OPENERS
        return end if ends and self._held[:end].strip(_OPENERS + " \n") else 0
