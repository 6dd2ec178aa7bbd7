"""Abusive words however they are spelled, each replaced by one mark.

The forms of a word give the syllables that are heard as it, so that 시발, 씨빨, 쉬이펄 and ㅆㅣ발 are one; its innocent
neighbours say where the same sounds are something else (시발점, 아저씨 발, 병신년에). The mark, a character of the
private use area, takes the word's place in every view: a trained model sees the word whatever its spelling, and never
sees it in 시 발표. A mark is no verdict; whether the word is aimed at her is for the model to judge.

``curses.toml`` has the words and says how they are written there.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SIGNS: Final = {
    "·": r"[이으아어ㅣㅡ~]{0,4}[^\w\s]{0,3}",
    "_": r"\s?",
    "<": r"(?<![가-힣ㄱ-ㅣ])",
    ">": r"(?![가-힣])",
}


@dataclass(frozen=True, slots=True)
class Curse:
    """One word.

    Attributes:
        name: how it is commonly spelled; shown to operators.
        grade: 1 strong but harmless, 2 abusive in some uses, 3 abusive in nearly all.
    """

    name: str
    grade: int
    forms: re.Pattern[str]
    innocent: re.Pattern[str]


def _pattern(forms: str) -> re.Pattern[str]:
    for sign, meaning in _SIGNS.items():
        # (?<! and (?<= keep their own sign.
        forms = re.sub(r"(?<!\?)<" if sign == "<" else re.escape(sign), meaning.replace("\\", r"\\"), forms)
    return re.compile("|".join(forms.split()) or "(?!)")


def read_words(text: str) -> tuple[Curse, ...]:
    """The words of a TOML table like ``curses.toml``."""
    return tuple(
        Curse(word["name"], word["grade"], _pattern(word["forms"]), _pattern(word["innocent"]))
        for word in tomllib.loads(text)["word"]
    )


CURSES: Final = read_words((Path(__file__).parent / "curses.toml").read_text(encoding="utf-8"))
FIRST_MARK: Final = 0xE000
MARKS: Final = {chr(FIRST_MARK + number): curse for number, curse in enumerate(CURSES)}
MARK: Final = re.compile(f"[{chr(FIRST_MARK)}-{chr(FIRST_MARK + len(CURSES) - 1)}]")


def mark(text: str) -> str:
    """``text`` with every abusive word replaced by its mark."""
    for sign, curse in MARKS.items():
        if curse.forms.search(text):
            text = _mark_one(text, sign, curse)
    return text


def _mark_one(text: str, sign: str, curse: Curse) -> str:
    innocent = [match.span() for match in curse.innocent.finditer(text)]

    def replace(match: re.Match[str]) -> str:
        harmless = any(start < match.end() and match.start() < end for start, end in innocent)
        return match[0] if harmless else sign

    return curse.forms.sub(replace, text)


def disarm(text: str) -> str:
    """Marked text without what only sounds abusive: 병신년에 → 그것년에. For the model, which hears sounds."""
    for curse in CURSES:
        if curse.forms.search(text):
            text = curse.forms.sub("그것", text)
    return text
