"""Hangul as letters: syllables taken apart and joined, the two-set keyboard, and the romanised spelling."""

from __future__ import annotations

import re
from typing import Final

INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
MEDIALS: Final = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS: Final = "\0ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
JOINED_VOWELS: Final = {
    "ㅗㅏ": "ㅘ", "ㅗㅐ": "ㅙ", "ㅗㅣ": "ㅚ", "ㅜㅓ": "ㅝ", "ㅜㅔ": "ㅞ", "ㅜㅣ": "ㅟ", "ㅡㅣ": "ㅢ",
    "ㅏㅣ": "ㅐ", "ㅓㅣ": "ㅔ", "ㅑㅣ": "ㅒ", "ㅕㅣ": "ㅖ",
}  # fmt: skip
JOINED_FINALS: Final = {
    "ㄱㅅ": "ㄳ", "ㄴㅈ": "ㄵ", "ㄴㅎ": "ㄶ", "ㄹㄱ": "ㄺ", "ㄹㅁ": "ㄻ", "ㄹㅂ": "ㄼ", "ㄹㅅ": "ㄽ",
    "ㄹㅌ": "ㄾ", "ㄹㅍ": "ㄿ", "ㄹㅎ": "ㅀ",
    "ㅂㅅ": "ㅄ",
}  # fmt: skip
DOUBLED: Final = {"ㄱㄱ": "ㄲ", "ㄷㄷ": "ㄸ", "ㅂㅂ": "ㅃ", "ㅅㅅ": "ㅆ", "ㅈㅈ": "ㅉ"}
KEYS: Final = dict(
    zip(
        "rRseEfaqQtTdwWczxvgkoiOjpuPhynbml",
        "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅑㅒㅓㅔㅕㅖㅗㅛㅜㅠㅡㅣ",
        strict=True,
    )
)
LETTER_OF_KEY: Final = {**{key.upper(): jamo for key, jamo in KEYS.items()}, **KEYS}
KEY_OF_LETTER: Final = {jamo: key for key, jamo in KEYS.items()} | {
    joined: "".join(dict(zip(KEYS.values(), KEYS, strict=True))[part] for part in parts)
    for parts, joined in (JOINED_VOWELS | JOINED_FINALS).items()
    if parts not in {"ㅏㅣ", "ㅓㅣ", "ㅑㅣ", "ㅕㅣ"}
}
CONSONANTS: Final = frozenset(INITIALS + FINALS[1:])
VOWELS: Final = frozenset(MEDIALS)


def is_syllable(character: str) -> bool:
    return "가" <= character <= "힣"


def split(syllable: str) -> tuple[str, str, str]:
    """Initial, medial and final letter of one syllable; the final is empty where there is none."""
    code = ord(syllable) - 0xAC00
    return INITIALS[code // 588], MEDIALS[code % 588 // 28], FINALS[code % 28].strip("\0")


def join(initial: str, medial: str, final: str = "") -> str:
    """The syllable of three letters; the inverse of `split`."""
    return chr(
        0xAC00 + INITIALS.index(initial) * 588 + MEDIALS.index(medial) * 28 + (FINALS.index(final) if final else 0)
    )


def letters(text: str) -> str:
    """Every syllable taken apart into its letters, everything else as it is."""
    return "".join("".join(split(c)) if is_syllable(c) else c for c in text)


def compose(jamo: str) -> str:
    """Joins a run of letters into syllables as a keyboard does: ㅅㅣㅂㅏㄹㄴㅗㅁ → 시발놈.

    A letter that belongs to no syllable stays alone.
    """
    result: list[str] = []
    position = 0
    while position < len(jamo):
        syllable, used = _one_syllable(jamo, position)
        result.append(syllable)
        position += used
    return "".join(result)


def _one_syllable(jamo: str, start: int) -> tuple[str, int]:
    initial, used = jamo[start], 1
    if jamo[start : start + 2] in DOUBLED and jamo[start + 2 : start + 3] in VOWELS:
        initial, used = DOUBLED[jamo[start : start + 2]], 2
    medial = jamo[start + used : start + used + 1]
    if initial not in INITIALS or medial not in VOWELS or not medial:
        return jamo[start], 1
    used += 1
    if medial + jamo[start + used : start + used + 1] in JOINED_VOWELS:
        medial = JOINED_VOWELS[medial + jamo[start + used]]
        used += 1
    final = ""
    for length in (2, 1):
        tail = jamo[start + used : start + used + length]
        following = jamo[start + used + length : start + used + length + 1]
        candidate = JOINED_FINALS.get(tail, "") if length == 2 else tail
        if len(tail) == length and candidate and candidate in FINALS and following not in VOWELS:
            final, used = candidate, used + length
            break
    return join(initial, medial, final), used


def from_keyboard(latin: str) -> str:
    """What these keys type on the two-set keyboard: tlqkf → 시발. Other characters stay."""
    out: list[str] = []
    run: list[str] = []
    for character in latin:
        letter = LETTER_OF_KEY.get(character)
        if letter:
            run.append(letter)
        else:
            out += [compose("".join(run)), character]
            run = []
    return "".join(out) + compose("".join(run))


def to_keyboard(text: str) -> str:
    """The keys that type ``text``: 시발 → tlqkf. Other characters stay."""
    return "".join(KEY_OF_LETTER.get(c, c) for c in letters(text))


ROMAN_INITIALS: Final = {
    "kk": "ㄲ", "gg": "ㄲ", "tt": "ㄸ", "dd": "ㄸ", "pp": "ㅃ", "bb": "ㅃ", "ss": "ㅆ", "jj": "ㅉ", "ch": "ㅊ",
    "sh": "ㅅ", "g": "ㄱ", "k": "ㅋ",
    "n": "ㄴ", "d": "ㄷ", "t": "ㅌ", "r": "ㄹ", "l": "ㄹ", "m": "ㅁ", "b": "ㅂ", "p": "ㅍ", "s": "ㅅ", "j": "ㅈ",
    "z": "ㅈ", "h": "ㅎ",
}  # fmt: skip
ROMAN_MEDIALS: Final = {
    "yeo": "ㅕ", "yae": "ㅒ", "wae": "ㅙ", "eui": "ㅢ", "ae": "ㅐ", "ya": "ㅑ", "eo": "ㅓ", "ye": "ㅖ",
    "wa": "ㅘ", "oe": "ㅚ", "yo": "ㅛ",
    "wo": "ㅝ", "we": "ㅞ", "wi": "ㅟ", "yu": "ㅠ", "eu": "ㅡ", "ui": "ㅢ", "ee": "ㅣ", "oo": "ㅜ", "a": "ㅏ",
    "e": "ㅔ", "o": "ㅗ", "u": "ㅜ",
    "i": "ㅣ",
}  # fmt: skip
ROMAN_FINALS: Final = {
    "ng": "ㅇ", "kk": "ㄱ", "k": "ㄱ", "g": "ㄱ", "n": "ㄴ", "t": "ㄷ", "d": "ㄷ", "s": "ㅅ", "l": "ㄹ",
    "r": "ㄹ", "m": "ㅁ", "p": "ㅂ", "b": "ㅂ",
}  # fmt: skip
_ROMAN = re.compile(f"({'|'.join(ROMAN_INITIALS)})?({'|'.join(ROMAN_MEDIALS)})")
_ROMAN_FINAL = re.compile("|".join(ROMAN_FINALS))


def from_romanised(latin: str, parted: bool = False, closed: bool = False) -> str | None:
    """Reads a word as romanised Korean, sibal → 시발; None where it cannot be Korean.

    Args:
        latin: the word.
        parted: whether ng before a vowel is ㄴ and ㄱ (singat 신갇) and not ㅇ (gangaji 강아지).
        closed: whether a consonant between vowels ends a syllable (sinida 신이다) and does not begin one (nabi 나비).
    """
    word, out, position = latin.lower().replace("-", ""), [], 0
    while position < len(word):
        match = _ROMAN.match(word, position)
        if match is None:
            return None
        position = match.end()
        letter, position = _final_of(word, position, parted, closed)
        out.append(join(ROMAN_INITIALS.get(match[1] or "", "ㅇ"), ROMAN_MEDIALS[match[2]], letter))
    return "".join(out) or None


def _final_of(word: str, position: int, parted: bool, closed: bool) -> tuple[str, int]:
    """The final that a romanised syllable has at ``position``, perhaps none, and where the next syllable begins."""
    final = _ROMAN_FINAL.match(word, position)
    opens_next = _ROMAN.match(word, position)
    if final is None or (opens_next and not (closed and opens_next[1] == final[0])):
        return "", position
    if final[0] == "ng" and parted and _ROMAN.match(word, position + 1):
        return "ㄴ", position + 1
    return ROMAN_FINALS[final[0]], final.end()


_SOUND_INITIAL: Final = str.maketrans("ㄲㅋㄸㅌㅃㅍㅆㅉㅊ", "ㄱㄱㄷㄷㅂㅂㅅㅈㅈ")
_SOUND_MEDIAL: Final = str.maketrans("ㅑㅕㅛㅠㅐㅒㅖㅚㅙㅞㅟㅢㅘㅝ", "ㅏㅓㅗㅜㅔㅔㅔㅔㅔㅔㅣㅣㅏㅓ")
_SOUND_FINAL: Final = str.maketrans(
    "ㄲㅋㄳㄺㄵㄶㅅㅆㅈㅊㅌㅎㄼㄽㄾㅀㄻㅍㅄㄿ", "ㄱㄱㄱㄱㄴㄴㄷㄷㄷㄷㄷㄷㄹㄹㄹㄹㅁㅂㅂㅂ"
)


def sound(text: str) -> str:
    """The rough sound of Hangul: plain consonants, simple vowels, seven finals, no silent ㅇ, nothing long.

    시빨, 씹알, 쉬이발 and 시발 sound the same. Other characters stay.
    """
    out: list[str] = []
    for character in text:
        if is_syllable(character):
            initial, medial, final = split(character)
            part = (initial if initial != "ㅇ" else "") + medial
            part = part.translate(_SOUND_INITIAL).translate(_SOUND_MEDIAL) + final.translate(_SOUND_FINAL)
        else:
            part = (
                character.translate(_SOUND_INITIAL).translate(_SOUND_MEDIAL) if character in CONSONANTS else character
            )
        for letter in part:
            if not out or out[-1] != letter:
                out.append(letter)
    return "".join(out)
