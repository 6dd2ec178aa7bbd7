"""Characters that stand in for others: foreign alphabets, Chinese characters, digits and Latin letters in Hangul."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from character.conduct.hangul import is_syllable

LATIN: Final[dict[str, str]] = {
    other: latin
    for latin, others in {
        "a": "аαɑ", "A": "АΑ", "B": "ВΒ", "b": "ьЬ", "c": "сϲ", "C": "СϹ", "d": "ԁ", "e": "еєε", "E": "ЕΕ",
        "g": "ɡ", "h": "һ", "H": "НΗ",
        "i": "іıι", "I": "ІΙ", "j": "јϳ", "k": "кκ", "K": "КΚ", "l": "ⅼӏ", "m": "м", "M": "МΜ", "n": "ո",
        "N": "Ν", "o": "оοσօ", "O": "ОΟ",
        "p": "рρ", "P": "РΡ", "q": "ԛ", "r": "г", "s": "ѕ", "S": "Ѕ", "t": "тτ", "T": "ТΤ", "u": "υս", "v": "ѵν",
        "w": "ԝω", "x": "хχ",
        "X": "ХΧ", "y": "уγ", "Y": "УΥ", "z": "ᴢ", "Z": "Ζ",
    }.items()
    for other in others
}  # fmt: skip
HANJA: Final[dict[str, str]] = {
    character: reading
    for reading, characters in {
        "시": "始施時市是示詩", "씨": "氏", "발": "發発髮拔", "팔": "八", "벌": "罰伐", "병": "病兵甁丙",
        "신": "身神新臣信申", "개": "犬個介開",
        "지": "地支池紙", "랄": "剌", "년": "年", "사": "四死", "랑": "浪郞", "자": "自子", "살": "殺",
        "애": "愛", "만": "萬万滿", "나": "那",
        "ㅅ": "人入", "ㅁ": "口囗", "ㅣ": "丨│┃", "ㅡ": "一ー", "ㅏ": "卜ト", "ㅜ": "丁", "ㅍ": "立", "ㄹ": "己乙",
        "십": "十", "ㅌ": "巳",
    }.items()
    for character in characters
}  # fmt: skip
_COMPATIBLE: Final = {
    ord(conjoining): letter
    for letters, first in (("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ", 0x1100),
    ("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ", 0x1161),
                           ("ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ", 0x11A8))
    for letter, conjoining in ((letter, chr(first + n)) for n, letter in enumerate(letters))
}  # fmt: skip


def _plain(character: str) -> str:
    if is_syllable(character) or character < "\x7f" or "ㄱ" <= character <= "ㅣ":
        return character
    if unicodedata.category(character) in {"Mn", "Me", "Cf", "Cc", "Cs", "Co"}:
        return " " if character in "\n\t\r\x85" else ""
    if character in LATIN:
        return LATIN[character]
    expanded = unicodedata.normalize("NFKC", character).translate(_COMPATIBLE)
    return "".join(LATIN.get(c, c) for c in expanded if unicodedata.category(c) not in {"Mn", "Me", "Cf", "Cc", "Co"})


def clean(text: str) -> str:
    """One character for each that looks the same; nothing invisible; single spaces.

    Composed (NFC), full-width and enclosed characters made plain, foreign look-alikes made Latin, combining marks,
    zero-width and private characters dropped.
    """
    # Fillers are letters to Unicode but nobody sees them.
    text = unicodedata.normalize("NFC", text).translate({0x115F: "", 0x1160: "", 0x3164: "", 0xFFA0: "", 0x2800: " "})
    text = "".join(map(_plain, text))
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()


_HANGUL = "가-힣ㄱ-ㅣ"
_SHAPES: Final = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # Beside letters: ㅆl발, ㄱH, ㅅr랑, 7ㅓ. Not after ㅋ and ㅎ, which laugh.
        (r"(?<=[ㄱ-ㅊㅌㅍ])[l1i|I](?![a-zA-Z\d])", "ㅣ"),
        (rf"(?<=[ㄱ-ㅊㅌㅍ])!(?=[{_HANGUL}])", "ㅣ"),
        (r"(?<=[ㄱ-ㅊㅌㅍ])[hH#](?![a-zA-Z])", "ㅐ"),
        (r"(?<=[ㄱ-ㅊㅌㅍ])[rRk](?![a-zA-Z])", "ㅏ"),
        (r"(?<=[ㄱ-ㅊㅌㅍ])[tT](?![a-zA-Z])", "ㅜ"),
        (r"7(?=[ㅏ-ㅣ])", "ㄱ"),
        (r"(?<![a-zA-Z\d])7[hH](?=[가-힣ㄱ-ㅎAa])", "개"),
        (r"(?<![a-zA-Z])[A^](?=[ㅏ-ㅣ])", "ㅅ"),
        (r"(?<![a-zA-Z])[A^][hH](?=[가-힣ㄱ-ㅎ])", "새"),
        (r"(?<![a-zA-Z\d])[oO0](?=[ㅏ-ㅣ])", "ㅇ"),
        (r"(?<![a-zA-Z])[L](?=[ㅏ-ㅣ])", "ㄴ"),
        (r"(?<![a-zA-Z])[Cc](?=[ㅏ-ㅣ])", "ㄷ"),
        (r"(?<![a-zA-Z])E(?=[ㅏ-ㅣ])", "ㅌ"),
        # In the place of syllables: 시8, C발, g랄, 4랑.
        (r"(?<=[가-힣ㅆㅅ ])(?<![\d일이삼사오육칠팔구십한두세네] [시씨])(?<=[시씨쉬쒸ㅆㅅ])8(?!\d|월|분|년|시)",
        "팔"),
        (r"(?<![a-zA-Z])[cCxX](?=[발팔벌빨펄](?![가-힣]{2}))", "씨"),
        (r"(?<![a-zA-Z])[cC]8(?!\d)", "씨팔"),
        (r"(?<![a-zA-Z])[gG](?=[랄럴])", "지"),
        (r"(?<![a-zA-Z])[dD](?=져|질래|진다)", "뒤"),
        (r"(?<![a-zA-Z])[eE](?=새끼|년|놈)", "이"),
        (r"4(?=랑)", "사"),
        (r"(?<![a-zA-Z\d])2(?=새끼|놈아|년아)", "이"),
        (r"(?<![a-zA-Z])[zZj](?=[ㅗㅓ])|(?<![a-zA-Z])[zZ](?=[오ㅗ])", "ㅈ"),
        (r"[ㅅ][iI1](?=[ㅂㅃ발팔])", "시"),
    )
)  # fmt: skip
_HANJA = re.compile(f"[{''.join(HANJA)}]")


def read_shapes(text: str) -> str:
    """Digits, Latin letters and Chinese characters in Hangul as the letters and syllables they stand for."""
    text = _HANJA.sub(lambda match: HANJA[match[0]], text)
    for pattern, replacement in _SHAPES:
        text = pattern.sub(replacement, text)
    return text
