"""A text with its syllables as they are usually spelled: 만냐쟈니꺄 → 만나자니까, 병쉰 → 병신, 띵청하다 → 멍청하다."""

from __future__ import annotations

import functools
from collections.abc import Callable

from character.conduct.hangul import is_syllable, join, split
from character.conduct.normalize import ALIKE

CHANGE_COSTS = 25
"""What a changed syllable must gain, in steps of the table of pairs."""
LONGEST = 120
"""Longer texts are left as they are."""
_INITIALS = {
    a: b for pair in ("ㄱㄲ", "ㄷㄸ", "ㅂㅃ", "ㅅㅆ", "ㅈㅉ") for a, b in ((pair[0], pair[1]), (pair[1], pair[0]))
}
_MEDIALS = {
    a: b for pair in ("ㅏㅑ", "ㅓㅕ", "ㅗㅛ", "ㅜㅠ", "ㅐㅔ") for a, b in ((pair[0], pair[1]), (pair[1], pair[0]))
} | {
    "ㅟ": "ㅣ",
    "ㅙ": "ㅚ",
}


@functools.lru_cache(maxsize=4096)
def _candidates(character: str) -> tuple[str, ...]:
    if not is_syllable(character):
        return (character,)
    initial, medial, final = split(character)
    initials = (initial, _INITIALS[initial]) if initial in _INITIALS else (initial,)
    medials = (medial, _MEDIALS[medial]) if medial in _MEDIALS else (medial,)
    found = [join(i, m, final) for i in initials for m in medials]
    return tuple(dict.fromkeys([character, *found, *ALIKE.get(character, "")]))


def respell(text: str, usual: Callable[[str, str], int]) -> str:
    """The spelling of ``text`` whose neighbouring characters are most usual together (Viterbi 1967).

    Args:
        text: folded.
        usual: how usual a pair of characters is.
    """
    if len(text) > LONGEST:
        return text
    best: dict[str, tuple[int, str]] = {" ": (0, "")}
    for character in f"{text} ":
        reached: dict[str, tuple[int, str]] = {}
        for candidate in _candidates(character):
            cost = 0 if candidate == character else CHANGE_COSTS
            score, spelled = max((score + usual(last, candidate), spelled) for last, (score, spelled) in best.items())
            reached[candidate] = score - cost, spelled + candidate
        best = reached
    return best[" "][1][:-1]
