"""Macros of character cards (``{{char}}``, ``{{user}}``, …) and the Korean particles that stand after a name.

| macro | becomes |
|---|---|
| ``{{char}}`` ``<char>`` ``<bot>`` | the character's name |
| ``{{user}}`` ``<user>`` | the user's name, or 너 |
| ``{{original}}`` | the program's own text for the field it stands in |
| ``{{random:a,b}}`` | one of the list, drawn anew each time (``\\,`` is a comma) |
| ``{{pick:a,b}}`` | one of the list, the same for the whole chat |
| ``{{roll:d6}}`` ``{{roll:6}}`` ``{{roll:2d6}}`` | a throw of dice |
| ``{{date}}`` ``{{time}}`` ``{{weekday}}`` | 2026년 11월 21일 · 밤 9시 5분 · 토요일 |
| ``{{reverse:abc}}`` | cba |
| ``{{// note}}`` ``{{comment:…}}`` ``{{hidden_key:…}}`` | nothing |

A particle written as a pair directly after a name takes the form that the name's last sound asks for:
``{{user}}은(는)``, ``{{user}}이(가)``, ``{{user}}을/를``, ``{{user}}와(과)``, ``{{user}}아(야)``, ``{{user}}(으)로``,
``{{user}}(이)랑``.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

FALLBACK_USER = "너"
WEEKDAYS = "월화수목금토일"
MAX_NESTING = 16

TOKEN = re.compile(r"\{\{|\}\}|<(?:user|char|bot)>", re.IGNORECASE)
DICE = re.compile(r"(?:(\d{0,3})d)?(\d{1,6})", re.IGNORECASE)

Final = Literal["none", "ㄹ", "other", "unknown"]

# After a consonant, after a vowel. 으로/로 is apart: ㄹ takes the vowel's form there.
PAIRS = [("은", "는"), ("이", "가"), ("을", "를"), ("과", "와"), ("아", "야"), ("이랑", "랑"), ("이나", "나")]
PAIRS += [("이에요", "예요"), ("이야", "야"), ("이여", "여"), ("으로", "로")]
PAIR_OF_WRITING = {
    writing: (after_consonant, after_vowel)
    for after_consonant, after_vowel in PAIRS
    for writing in (
        f"{after_consonant}({after_vowel})",
        f"{after_vowel}({after_consonant})",
        f"{after_consonant}/{after_vowel}",
        f"{after_vowel}/{after_consonant}",
    )
}
PARTICLE = re.compile(
    "|".join(re.escape(writing) for writing in sorted(PAIR_OF_WRITING, key=len, reverse=True))
    + r"|\(으\)(?=로)|\(이\)(?=[가-힣])"
)
# The pronouns change before 가: 너 + 가 is 네가.
BEFORE_GA = {"너": "네", "나": "내", "저": "제"}

# Digits are read 영 일 이 삼 사 오 육 칠 팔 구.
DIGIT_FINALS: dict[str, Final] = dict(
    zip("0123456789", ("other", "ㄹ", "none", "other", "none", "none", "other", "ㄹ", "ㄹ", "none"), strict=True)
)


def final_sound(name: str) -> Final:
    """The last sound of ``name`` as a Korean reads it: ``none`` for a vowel, ``ㄹ``, ``other`` for another consonant.

    Latin names go by their last letters (Alice ends like 앨리스, Emil like 에밀), which is right for most of them.
    ``unknown`` for a name in a script whose Korean reading cannot be told.
    """
    letters = [character for character in name if character.isalnum()]
    if not letters:
        return "unknown"
    last = letters[-1].lower()
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28
        return "none" if final == 0 else "ㄹ" if final == 8 else "other"
    if last in DIGIT_FINALS:
        return DIGIT_FINALS[last]
    if last.isascii():
        if last == "l":
            return "ㄹ"
        return "other" if re.search(r"(?:[mnpbc]|ck|ng)$", "".join(letters).lower()) else "none"
    if "ぁ" <= last <= "ヿ":
        return "other" if last in "んン" else "none"
    return "unknown"


def choose_particle(name: str, writing: str) -> str:
    """The form of ``writing`` (은(는), (으), …) that fits after ``name``; ``writing`` itself for an unknown sound."""
    final = final_sound(name)
    if final == "unknown":
        return writing
    if writing == "(이)":
        return "" if final == "none" else "이"
    if writing == "(으)":
        return "으" if final == "other" else ""
    after_consonant, after_vowel = PAIR_OF_WRITING[writing]
    vowel_form = final == "none" or (final == "ㄹ" and after_vowel == "로")
    return after_vowel if vowel_form else after_consonant


def date_text(now: datetime) -> str:
    """``2026년 11월 21일``."""
    return f"{now.year}년 {now.month}월 {now.day}일"


def weekday_text(now: datetime) -> str:
    """``토요일``."""
    return f"{WEEKDAYS[now.weekday()]}요일"


def hour_text(now: datetime) -> str:
    """Part of the day and hour on a 12-hour clock: ``밤 9시``, ``새벽 12시`` (midnight), ``낮 12시``."""
    part = next(
        part for last, part in ((5, "새벽"), (10, "아침"), (16, "낮"), (20, "저녁"), (23, "밤")) if now.hour <= last
    )
    return f"{part} {now.hour % 12 or 12}시"


def time_text(now: datetime) -> str:
    """``밤 9시 5분``, or ``밤 9시`` on the hour."""
    return hour_text(now) + (f" {now.minute}분" if now.minute else "")


@dataclass
class Macros:
    """The values macros stand for.

    Attributes:
        char: the name {{char}} becomes.
        user: the name {{user}} becomes; empty means that it is not known, and 너 is said.
        now: for {{date}}, {{time}} and {{weekday}}, which stay as they are without it.
        original: what {{original}} becomes.
        chat: anything that names the chat; it decides what {{pick}} picks.
        rng: draws {{random}} and {{roll}}.
    """

    char: str
    user: str = ""
    now: datetime | None = None
    original: str = ""
    chat: str = ""
    rng: random.Random = field(default_factory=random.Random)

    def expand(self, text: str) -> str:
        """``text`` with its macros replaced. Unknown macros and stray braces stay as they are.

        Inner macros are replaced before outer ones; what a macro became is not expanded again, so that a user who
        calls himself ``{{original}}`` gets just that name.
        """
        levels: list[list[str]] = [[]]
        position, picks = 0, 0
        while token := TOKEN.search(text, position):
            levels[-1].append(text[position : token.start()])
            position = token.end()
            if token[0] == "{{" and len(levels) <= MAX_NESTING:
                levels.append([])
                continue
            if token[0] == "{{" or (token[0] == "}}" and len(levels) == 1):
                levels[-1].append(token[0])
                continue
            body = "".join(levels.pop()) if token[0] == "}}" else token[0][1:-1]
            name = self._name(body.strip().lower())
            if name is not None:
                words, position = self._with_particle(name, text, position)
                levels[-1].append(words)
                continue
            picks += 1
            value = self._value(body, picks)
            levels[-1].append("{{" + body + "}}" if value is None else value)
        levels[-1].append(text[position:])
        return "{{".join("".join(level) for level in levels)

    def _name(self, macro: str) -> str | None:
        if macro == "user":
            return self.user or FALLBACK_USER
        return self.char if macro in ("char", "bot") else None

    def _with_particle(self, name: str, text: str, position: int) -> tuple[str, int]:
        particle = PARTICLE.match(text, position)
        if particle is None:
            return name, position
        form = choose_particle(name, particle[0])
        stem = BEFORE_GA.get(name, name) if form == "가" else name
        return stem + form, particle.end()

    def _value(self, body: str, ordinal: int) -> str | None:
        if body.lstrip().startswith("//"):
            return ""
        macro, separator, argument = body.partition(":")
        macro = macro.strip().lower()
        if separator:
            return self._value_of_list_or_text(macro, argument, ordinal)
        if macro == "original":
            return self.original
        if self.now is not None and macro in ("date", "time", "weekday"):
            return {"date": date_text, "time": time_text, "weekday": weekday_text}[macro](self.now)
        return None

    def _value_of_list_or_text(self, macro: str, argument: str, ordinal: int) -> str | None:
        if macro in ("comment", "hidden_key"):
            return ""
        if macro == "reverse":
            return argument[::-1]
        if macro == "random":
            return self.rng.choice(_alternatives(argument))
        if macro == "pick":
            return random.Random(f"{self.chat}\0{ordinal}\0{argument}").choice(_alternatives(argument))
        if macro == "roll" and (dice := DICE.fullmatch(argument.strip())) and int(dice[2]) > 0:
            return str(sum(self.rng.randint(1, int(dice[2])) for _ in range(int(dice[1] or 1))))
        return None


def _alternatives(argument: str) -> list[str]:
    """The list after ``random:``; cards also write ``random::a::b``, where commas are part of the words."""
    if argument.startswith(":"):
        argument = argument[1:]
        if "::" in argument:
            return [item.strip() for item in argument.split("::")]
    return [item.replace("\\,", ",").strip() for item in re.split(r"(?<!\\),", argument)]
