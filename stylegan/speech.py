"""What her mouth does while words are shown: the vowels of the Hangul, one after the other, at reading speed. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

SYLLABLES_PER_SECOND = 8.0
"""At which Korean is read with ease; somewhat quicker than it is spoken."""
LAG, MOST_LAG = 4.0, 10.0
"""Seconds by which her mouth may be behind the words without hurrying, and at most: what is older is left out."""
GREATEST_HURRY = 1.7
LEAST_STEP = 0.05
"""Seconds between two shapes of the mouth: no faster than lips move."""
OPENING, CLOSING = 0.09, 0.12
"""Seconds from her feeling's mouth to the first shape, and back from the last."""

_SYLLABLES, _LAST_SYLLABLE = 0xAC00, 0xD7A3
_VOWELS_PER_ONSET, _FINALS_PER_VOWEL = 21 * 28, 28
_ONSETS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_LIPS = frozenset("ㅁㅂㅃㅍ")
_CLOSED_FINALS = frozenset("ㅁㅂㅍㅄㄻㄼㄿ")


@dataclass(frozen=True)
class Shape:
    """A shape of the mouth.

    Attributes:
        opening: of attribute `mouth`, 0 closed to 1 wide.
        spread: of the lips, −1 rounded to 1 drawn wide.
        weight: how much it counts against the mouth of her feeling, 0 to 1.
    """

    opening: float
    spread: float = 0.0
    weight: float = 1.0


REST = Shape(0.0, 0.0, 0.0)
_SHUT = Shape(0.02)
_PLAIN = {
    "ㅏ": Shape(0.78, 0.1), "ㅐ": Shape(0.52, 0.45), "ㅓ": Shape(0.58, -0.1), "ㅔ": Shape(0.46, 0.45), "ㅗ": Shape(0.36, -0.9),
    "ㅜ": Shape(0.24, -1.0), "ㅡ": Shape(0.16, 0.35), "ㅣ": Shape(0.2, 0.8),
}  # fmt: skip
_GLIDES = {
    "ㅑ": "ㅣㅏ", "ㅒ": "ㅣㅐ", "ㅕ": "ㅣㅓ", "ㅖ": "ㅣㅔ", "ㅛ": "ㅣㅗ", "ㅠ": "ㅣㅜ", "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅔ",
    "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ",
}  # fmt: skip
_LATIN = {"a": "ㅏ", "e": "ㅔ", "i": "ㅣ", "o": "ㅗ", "u": "ㅜ", "y": "ㅣ"}
_LAUGH = (Shape(0.5, 0.7), Shape(0.2, 0.7))
_NUMBER = (Shape(0.3), Shape(0.15))
_PAUSES = dict.fromkeys(" ", 0.05) | dict.fromkeys(",;:·", 0.18) | dict.fromkeys(".?!…~\n", 0.3)


@dataclass(frozen=True)
class Unit:
    """A syllable or a pause: the shapes it takes, in order, and how long it lasts at ease, in seconds."""

    shapes: tuple[Shape, ...]
    seconds: float


@dataclass(frozen=True)
class _Key:
    at: float
    shape: Shape


def vowel_shapes(vowel: str) -> tuple[Shape, ...]:
    """The shapes of one of the 21 vowels; two for those that glide."""
    return tuple(_PLAIN[plain] for plain in _GLIDES.get(vowel, vowel))


def syllable(character: str) -> Unit:
    """A syllable of Hangul.

    Raises:
        ValueError: it is none.
    """
    code = ord(character) - _SYLLABLES
    if not 0 <= code <= _LAST_SYLLABLE - _SYLLABLES:
        raise ValueError(f"{character!r} is no syllable of Hangul")
    onset = _ONSETS[code // _VOWELS_PER_ONSET]
    vowel = vowel_shapes(_VOWELS[code % _VOWELS_PER_ONSET // _FINALS_PER_VOWEL])
    final = _FINALS[code % _FINALS_PER_VOWEL]
    begin: tuple[Shape, ...] = ()
    if onset in _LIPS:
        begin = (_SHUT,)
    elif onset != "ㅇ":  # the tongue takes some of the opening
        begin = (Shape(vowel[0].opening * 0.45, vowel[0].spread),)
    end = (_SHUT,) if final in _CLOSED_FINALS else ()
    return Unit((*begin, *vowel, *end), 1 / SYLLABLES_PER_SECOND)


def units(text: str) -> list[Unit]:
    """What the mouth does for a text; characters without a sound (emoji, brackets, ㅠㅠ) bring nothing."""
    found = []
    for character in text:
        if _SYLLABLES <= ord(character) <= _LAST_SYLLABLE:
            found.append(syllable(character))
        elif character in _PAUSES:
            pause = _PAUSES[character]
            found.append(Unit((REST,) if pause > 0.1 else (), pause))
        elif character in "ㅋㅎ":
            found.append(Unit(_LAUGH, 0.16))
        elif character.isdecimal():
            found.append(Unit(_NUMBER, 0.2))
        elif vowel := _LATIN.get(character.lower()):
            found.append(Unit(vowel_shapes(vowel), 0.1))
        elif character.lower() in "bmp":
            found.append(Unit((_SHUT,), 0.06))
    return found


def _smooth(share: float) -> float:
    """0 to 1 without a jolt at either end."""
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def blend(a: Shape, b: Shape, share: float) -> Shape:
    """The shape at ``share`` of the way from ``a`` to ``b``."""
    return Shape(
        a.opening + (b.opening - a.opening) * share,
        a.spread + (b.spread - a.spread) * share,
        a.weight + (b.weight - a.weight) * share,
    )


class Speech:
    """The mouth in time. What is told of must come in the order of time; what comes out does not depend on how often it
    is looked at."""

    def __init__(self, now: float) -> None:
        self._pending: deque[Unit] = deque()
        self._backlog = 0.0  # seconds of the pending units at ease
        self._keys: deque[_Key] = deque([_Key(now, REST)])
        self._free_at = now  # when the last unit taken up is over
        self._in_action = False  # between asterisks

    def say(self, text: str, now: float) -> None:
        """More words are shown. *Actions* between asterisks are not spoken."""
        self._plan(now)
        spoken = []
        for part, piece in enumerate(text.split("*")):
            self._in_action ^= part > 0
            if not self._in_action:
                spoken += units(piece)
        if self._free_at < now:
            self._begin(now)
        self._pending.extend(spoken)
        self._backlog += sum(unit.seconds for unit in spoken)
        while self._backlog > MOST_LAG:
            self._backlog -= self._pending.popleft().seconds

    def stop(self, now: float) -> None:
        """Nothing more is said, not even what was shown already."""
        self._plan(now)
        self._pending.clear()
        self._backlog = 0.0

    def end_paragraph(self) -> None:
        """The reply is over: an asterisk that was never closed does not silence the next."""
        self._in_action = False

    def at(self, now: float) -> Shape:
        """The shape of the mouth."""
        self._plan(now)
        while len(self._keys) > 2 and self._keys[1].at <= now:
            self._keys.popleft()
        for before, after in pairwise(self._keys):
            if before.at <= now < after.at:
                return blend(before.shape, after.shape, _smooth((now - before.at) / (after.at - before.at)))
        return self._keys[-1].shape if self._keys[-1].at <= now else self._keys[0].shape

    def is_on(self, now: float) -> bool:
        """Whether the mouth is speaking or about to."""
        self._plan(now)
        return bool(self._pending) or self._keys[-1].at > now

    def over_at(self, now: float) -> float:
        """When, at ease, all that was shown is spoken."""
        self._plan(now)
        return max(now, self._keys[-1].at) + self._backlog

    def _begin(self, now: float) -> None:
        """After a silence the mouth starts from where it is."""
        last = self._keys[-1]
        self._free_at = max(now, last.at)
        if last.at < now:
            self._keys.append(_Key(now, last.shape))

    def _plan(self, now: float) -> None:
        """Takes up the units that begin before ``now``, and closes the mouth behind the last."""
        while self._pending and self._free_at < now:
            self._take_up(self._pending.popleft())
        last = self._keys[-1]
        if not self._pending and self._free_at < now and last.shape is not REST:
            self._keys.append(_Key(last.at + CLOSING, REST))

    def _take_up(self, unit: Unit) -> None:
        hurry = min(GREATEST_HURRY, max(1.0, self._backlog / LAG))
        self._backlog = max(0.0, self._backlog - unit.seconds) if self._pending else 0.0
        seconds = unit.seconds / hurry
        step = max(LEAST_STEP, seconds / max(1, len(unit.shapes)))
        at = self._keys[-1].at
        for shape in unit.shapes:
            at += max(step, OPENING) if self._keys[-1].shape is REST else step
            self._keys.append(_Key(at, shape))
        if not unit.shapes:
            at += seconds
            self._keys.append(_Key(at, self._keys[-1].shape))
        self._free_at = at
