"""Numbers from one to 79 in native Korean words, as ages and counts are told."""

from __future__ import annotations

TENS = {"열": 10, "스물": 20, "스무": 20, "서른": 30, "마흔": 40, "쉰": 50, "예순": 60, "일흔": 70}
ONES = {
    "하나": 1, "한": 1, "둘": 2, "두": 2, "셋": 3, "세": 3, "넷": 4, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9,
}  # fmt: skip


def number(word: str) -> int | None:
    """28 of 스물여덟, 3 of 세; None of what is no number."""
    tens = next((tens for tens in TENS if word.startswith(tens)), "")
    rest = word[len(tens) :].strip()
    if not word or (rest and rest not in ONES):
        return None
    return TENS.get(tens, 0) + ONES.get(rest, 0)
