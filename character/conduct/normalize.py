"""A message as it sounds, whatever tricks it is spelled with.

No one form is right for all: as written, 시 발표 keeps its space and 18개 its number; joined, ㅅ ㅣ 발 is a word; typed on
the other keyboard, tlqkf is one too. So a text has several readings, each with two views that the model reads together.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from character.conduct.curses import MARK, MARKS, mark
from character.conduct.hangul import (
    CONSONANTS,
    compose,
    from_keyboard,
    from_romanised,
    is_syllable,
    join,
    sound,
    split,
    to_keyboard,
)
from character.conduct.lookalikes import clean, read_shapes

MAX_REVERSED = 80
"""Longer texts are not tried backwards."""
MAX_LENGTH = 4000
"""Characters that are read; a message of the protocol is shorter."""
_JAMO = re.compile("[ㄱ-ㅣ]{2,}")
_HANGUL_CHARACTER = re.compile("[가-힣ㄱ-ㅣ]")
# What may stand between two syllables of a word. Numbers that count something stay.
_COUNTED = "시분초개명살월일년번층호원만천백십회위등차학반주달세권장대마리인박부점도킬키미센cmk%배강편화탄급학교조채곡잔병캔판쪽줄"
_BETWEEN = re.compile(rf"(?<=[가-힣ㄱ-ㅣ])(?:[^\w\s「」]|_|\d(?![\d{_COUNTED}])|[a-z](?![a-z]))+(?=[가-힣ㄱ-ㅣ])", re.I)
_SENTENCE = re.compile(r"[?!.,~…]+")
_REPEATED = re.compile(r"(.)\1{2,}")
# Quotation marks around whole words are kept, in one form: what is quoted need not be meant.
_QUOTES = re.compile(r"""(^|[^가-힣ㄱ-ㅣ])["'“‘「『]([^"'“”‘’「」『』]{2,80})["'”’」』]""")
_SINGLE = re.compile(r"[^\w\s「」]*[가-힣ㄱ-ㅣ][^\w\s?!.,~…「」]*")
_STRAY = re.compile(r"[^\w\s?!.,~…「」]{1,2}|\d|_+")
_LONG_RUN = re.compile(r"(.)\1{3,}")
_LATIN = re.compile(r"[a-zA-Z]{2,}")
_LEET = str.maketrans("10345$@7!", "ioeassati")
_LEET_WORD = re.compile(r"(?<![a-zA-Z0-9$@!])(?=[0-9$@!]{0,8}[a-zA-Z])[a-zA-Z0-9$@!]+")
ALIKE = {
    "댕": "멍",
    "띵": "명",
    "커": "귀",
    "머": "대",
    "대": "머",
    "네": "비",
    "팡": "광",
    "윾": "유",
    "읒": "웃",
    "괸": "관",
    "롬": "곰",
}
"""Syllables that look alike and are swapped for fun (야민정음)."""
ENGLISH = re.compile(r"fuck|bitch|asshole|bullshit")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a text.

    Attributes:
        how: ``as written``, ``keyboard``, ``romanised``, ``look-alikes``, ``shortened`` or ``reversed``.
        text: folded text in which abusive words are replaced by their marks.
    """

    how: str
    text: str

    @property
    def written(self) -> str:
        """Lower case, no run of a character longer than two."""
        return _REPEATED.sub(r"\1\1", self.text.lower())

    @property
    def sound(self) -> str:
        """Its sound without spaces; punctuation, numbers and laughter dropped."""
        return sound("".join(c for c in self.text.lower() if _sounds(c)))

    @property
    def readable(self) -> str:
        """The text with each mark as the word it stands for."""
        return MARK.sub(lambda match: MARKS[match[0]].name, self.text)

    @property
    def grade(self) -> int:
        """Highest grade of its marks; 0 without any."""
        return max((MARKS[mark].grade for mark in MARK.findall(self.text)), default=0)


def _sounds(character: str) -> bool:
    return is_syllable(character) or "a" <= character <= "z" or character in MARKS or character in _HELD


_HELD = CONSONANTS - set("ㅋㅎㅇ")


def fold(text: str) -> str:
    """Cleaned text with its letters joined and nothing between the syllables of a word; idempotent."""
    for _ in range(4):
        folded = _fold_once(text)
        if folded == text:
            break
        text = folded
    return text


def _fold_once(text: str) -> str:
    text = _QUOTES.sub(r"\1「\2」", text) if '"' in text or "'" in text or "‘" in text or "“" in text else text
    text = _LONG_RUN.sub(r"\1\1\1", read_shapes(clean(text)))
    text = _attach(_JAMO.sub(lambda match: _compose_run(match[0]), text))
    text = _BETWEEN.sub(_drop_between, text)
    text = _join_singles(text)
    return _attach(_JAMO.sub(lambda match: _compose_run(match[0]), text))


def _compose_run(run: str) -> str:
    # ㅠㅠ and ㅜㅜ weep, ㅋㅋ and ㅎㅎ laugh: they join with nothing.
    parts = re.split("([ㅠㅜㅡ]{2,}|[ㅋㅎ]{2,}[ㅠㅜㅡ]?)", run)
    return "".join(part if number % 2 else compose(part) if part else "" for number, part in enumerate(parts))


def _attach(text: str) -> str:
    """씨바ㄹ → 씨발: a lone letter after an open syllable is its final, unless it laughs or begins an abbreviation."""
    return re.sub(
        "([가-힣])([ㄱ-ㅈㅌㅍ])(?![ㄱ-ㅣ])",
        lambda match: _with_final(match[1], match[2]) or match[0],
        text,
    )


def _with_final(syllable: str, letter: str) -> str | None:
    initial, medial, final = split(syllable)
    return join(initial, medial, letter) if not final and letter in "ㄴㄹㅇ" else None


def _drop_between(match: re.Match[str]) -> str:
    between, text = match[0], match.string
    if _SENTENCE.fullmatch(between) and _chunk(text, match.start(), -1) > 1 and _chunk(text, match.end() - 1, 1) > 1:
        return between
    return ""


def _chunk(text: str, edge: int, step: int) -> int:
    """Whether one or at least two letters of Hangul stand together beside ``edge``."""
    first, second = edge + step if step > 0 else edge - 1, edge + 2 * step if step > 0 else edge - 2
    inside = 0 <= second < len(text) and _HANGUL_CHARACTER.match(text[second])
    return 2 if inside and 0 <= first < len(text) else 1


def _join_singles(text: str) -> str:
    """씨 1 발 → 씨발: syllables that stand alone one after another are one word.

    Two of them are joined only into an abusive word: 아 나, 그 때 and 한 번 are two words.
    """
    out: list[str] = []
    singles: list[str] = []
    for token in text.split(" "):
        if _SINGLE.fullmatch(token) or (singles and _STRAY.fullmatch(token)):
            singles.append(token)
        else:
            out += _joined(singles)
            singles = []
            out.append(token)
    return " ".join(out + _joined(singles))


def _joined(tokens: list[str]) -> list[str]:
    letters = [match[0] for token in tokens if (match := _HANGUL_CHARACTER.search(token))]
    word = "".join(letters)
    return [word] if len(letters) > 2 or (len(letters) == 2 and mark(word) != word) else tokens


def as_written(text: str) -> Reading:
    """The first and likeliest reading."""
    return Reading("as written", mark(fold(text[:MAX_LENGTH])))


def readings(text: str) -> tuple[Reading, ...]:
    """All ways to read ``text``, as written first.

    The others are there only where they differ: they are guesses, to be believed if they make more sense.
    """
    folded = fold(text[:MAX_LENGTH])
    found: dict[str, str] = {mark(folded): "as written"}
    for how, other in _others(text[:MAX_LENGTH], folded):
        found.setdefault(mark(fold(other)), how)
    return tuple(Reading(how, marked) for marked, how in found.items())


def _others(text: str, folded: str) -> Iterator[tuple[str, str]]:
    cleaned = clean(text)
    if _LATIN.search(cleaned):
        yield "keyboard", _typed(cleaned)
        yield from (("romanised", romanised) for romanised in _romanised(cleaned))
    keys = " ".join(ENGLISH.findall(to_keyboard(cleaned)))
    if keys and not ENGLISH.search(cleaned):
        yield "keyboard", keys
    alike = "".join(ALIKE.get(c, c) for c in folded)
    if alike != folded:
        yield "look-alikes", alike
    short = shorten(folded)
    if short != folded:
        yield "shortened", short
    if len(folded) <= MAX_REVERSED and sum(map(is_syllable, folded)) >= 2:
        yield "reversed", folded[::-1]


def _typed(text: str) -> str:
    """The Latin words on the Korean keyboard, where they type whole syllables there."""
    words = {word: _typed_word(word) for word in set(_LATIN.findall(text))}
    # One syllable alone is too little to go by, unless longer words are typed so too.
    certain = any(len(typed) > 1 for typed in words.values())
    return _LATIN.sub(lambda match: words[match[0]] if certain and words[match[0]] else match[0], text)


def _typed_word(word: str) -> str:
    if word.lower() == "tq":
        return "ㅅㅂ"
    typed = from_keyboard(word)
    return typed if all(map(is_syllable, typed)) else ""


def _romanised(text: str) -> Iterator[str]:
    """The Latin words read as romanised Korean, in three ways: where a syllable ends is not always plain."""
    for parted, closed in ((False, False), (True, False), (True, True)):
        word = functools.partial(_romanised_word, parted=parted, closed=closed)
        read = _LEET_WORD.sub(word, text)
        if read != text:
            yield read


def _romanised_word(match: re.Match[str], parted: bool, closed: bool) -> str:
    word = match[0]
    if len(word) < 2:
        return word
    return from_romanised(word.lower().translate(_LEET), parted, closed) or word


def shorten(text: str) -> str:
    """시시발발, 시이이발 and 시바알 as 시발: no syllable twice in a row, none drawn out."""
    out: list[str] = []
    for character in text:
        if out and is_syllable(character) and is_syllable(out[-1]):
            initial, medial, final = split(character)
            first, vowel, last = split(out[-1])
            if character == out[-1]:
                continue
            if initial == "ㅇ" and medial == vowel and not last:
                out[-1] = join(first, vowel, final)
                continue
        out.append(character)
    return "".join(out)
