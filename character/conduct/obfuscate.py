"""Ways to spell a sentence so that a filter misses it and a reader does not: the other side of `normalize`.

Only for measuring. Every method is a function of the text and a random number generator,
so a seed gives the same suite.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from typing import Final

from character.conduct.hangul import MEDIALS, is_syllable, join, letters, split, to_keyboard
from character.conduct.lookalikes import HANJA, LATIN

Method = Callable[[str, random.Random], str]
_EMOJI: Final = "💗✨🔥😊🍀⭐🎈🐶"
_LETTER_SHAPES: Final = {"ㅣ": "l1", "ㅐ": "H", "ㅏ": "r"}
_ROMAN_INITIALS: Final = dict(
    zip("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ", ["g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "",
    "j", "jj", "ch", "k", "t", "p", "h"],
        strict=True)
)  # fmt: skip
_ROMAN_MEDIALS: Final = dict(
    zip(MEDIALS, ["a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae", "oe", "yo", "u", "wo", "we",
    "wi", "yu", "eu", "ui", "i"],
        strict=True)
)  # fmt: skip
_ROMAN_FINALS: Final = {
    **dict.fromkeys("ㄱㄲㄳㄺㅋ", "k"), **dict.fromkeys("ㄴㄵㄶ", "n"), **dict.fromkeys("ㄷㅅㅆㅈㅊㅌㅎ", "t"),
    **dict.fromkeys("ㄹㄼㄽㄾㅀ", "l"),
    **dict.fromkeys("ㅁㄻ", "m"), **dict.fromkeys("ㅂㅍㅄㄿ", "p"), "ㅇ": "ng", "": "",
}  # fmt: skip
_TENSE: Final = {
    "ㄱ": "ㄲ",
    "ㄷ": "ㄸ",
    "ㅂ": "ㅃ",
    "ㅅ": "ㅆ",
    "ㅈ": "ㅉ",
    "ㄲ": "ㄱ",
    "ㄸ": "ㄷ",
    "ㅃ": "ㅂ",
    "ㅆ": "ㅅ",
    "ㅉ": "ㅈ",
}
_NEAR_VOWEL: Final = {
    "ㅏ": "ㅑ",
    "ㅓ": "ㅕ",
    "ㅗ": "ㅛ",
    "ㅜ": "ㅠ",
    "ㅐ": "ㅔ",
    "ㅔ": "ㅐ",
    "ㅣ": "ㅟ",
    "ㅕ": "ㅓ",
    "ㅑ": "ㅏ",
    "ㅛ": "ㅗ",
    "ㅚ": "ㅙ",
}
_SWAPPED: Final = {"멍": "댕", "대": "머", "명": "띵", "귀": "커", "비": "네", "유": "윾", "관": "괸"}
_HANJA_FOR: Final = {reading: character for character, reading in reversed(HANJA.items()) if is_syllable(reading)}
_OTHER_ALPHABET: Final = {latin: other for other, latin in reversed(LATIN.items())}


def _between(text: str, rng: random.Random, fillers: str, share: float = 1.0) -> str:
    """A filler after each syllable that another follows."""
    return "".join(
        c
        + (
            rng.choice(fillers)
            if is_syllable(c) and following and is_syllable(following) and rng.random() < share
            else ""
        )
        for c, following in zip(text, [*text[1:], ""], strict=True)
    )


def _each(text: str, change: Callable[[str], str], rng: random.Random, share: float) -> str:
    """Changes a share of the syllables, at least one where there is any."""
    places = [number for number, c in enumerate(text) if is_syllable(c)]
    chosen = {place for place in places if rng.random() < share} or set(places[:1])
    return "".join(change(c) if number in chosen else c for number, c in enumerate(text))


def _respell(syllable: str, initials: dict[str, str], medials: dict[str, str]) -> str:
    initial, medial, final = split(syllable)
    return join(initials.get(initial, initial), medials.get(medial, medial), final)


def _shapes(text: str, rng: random.Random) -> str:
    def change(syllable: str) -> str:
        return "".join(rng.choice(_LETTER_SHAPES[c]) if c in _LETTER_SHAPES else c for c in letters(syllable))

    marked = [c for c in text if is_syllable(c) and split(c)[1] in _LETTER_SHAPES]
    return "".join(change(c) if c in marked and rng.random() < 0.6 else c for c in text)


def _loose_final(syllable: str) -> str:
    initial, medial, final = split(syllable)
    return join(initial, medial) + final if final in "ㄴㄹㅇ" and final else syllable


def _romanised(text: str) -> str:
    out = []
    for c in text:
        if is_syllable(c):
            initial, medial, final = split(c)
            out.append(_ROMAN_INITIALS[initial] + _ROMAN_MEDIALS[medial] + _ROMAN_FINALS[final])
        else:
            out.append(c)
    return "".join(out)


def _drawn_out(syllable: str) -> str:
    initial, medial, final = split(syllable)
    return join(initial, medial) + join("ㅇ", medial, final)


METHODS: Final[dict[str, Method]] = {
    "spaces between syllables": lambda text, rng: _between(text, rng, " "),
    "punctuation between": lambda text, rng: _between(text, rng, ".-*_^/", 0.7),
    "emoji between": lambda text, rng: _between(text, rng, _EMOJI, 0.6),
    "digits between": lambda text, rng: _between(text, rng, "1279", 0.4),
    "line breaks between": lambda text, rng: _between(text, rng, "\n"),
    "no spaces": lambda text, rng: text.replace(" ", ""),
    "letters apart": lambda text, rng: letters(text),
    "some letters apart": lambda text, rng: _each(text, letters, rng, 0.4),
    "final apart": lambda text, rng: _each(text, _loose_final, rng, 0.8),
    "syllables doubled": lambda text, rng: _each(text, lambda c: c * 2, rng, 0.5),
    "drawn out": lambda text, rng: _each(text, _drawn_out, rng, 0.4),
    "Latin shapes": _shapes,
    "Chinese characters": lambda text, rng: "".join(_HANJA_FOR.get(c, c) for c in text),
    "full width": lambda text,
    rng: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in to_keyboard(text)),
    "Latin keyboard": lambda text, rng: to_keyboard(text),
    "other alphabets": lambda text, rng: "".join(_OTHER_ALPHABET.get(c, c) for c in to_keyboard(text)),
    "romanised": lambda text, rng: _romanised(text),
    "zero width": lambda text, rng: "".join(c + rng.choice("\u200b\u200d\u2060\ufeff\u3164") for c in text),
    "combining marks": lambda text, rng: "".join(c + rng.choice("\u0336\u0334\u20dd\u0489") for c in text),
    "decomposed": lambda text, rng: unicodedata.normalize("NFD", text),
    "tense consonants": lambda text, rng: _each(text, lambda c: _respell(c, _TENSE, {}), rng, 0.5),
    "near vowels": lambda text, rng: _each(text, lambda c: _respell(c, {}, _NEAR_VOWEL), rng, 0.5),
    "look-alike syllables": lambda text, rng: "".join(_SWAPPED.get(c, c) for c in text),
    "reversed": lambda text, rng: text[::-1],
}  # fmt: skip
"""Name of each method and what it does to a text."""


def variants(text: str, seed: int = 0) -> dict[str, str]:
    """All methods applied to ``text``; those that leave it as it is are missing."""
    found = {}
    for name, method in METHODS.items():
        changed = method(text, random.Random(f"{seed} {name} {text}"))
        if changed != text:
            found[name] = changed
    return found
