"""Small Korean sentences from parts: particles that agree with the word before them, verbs in plain form."""

from __future__ import annotations

from collections.abc import Sequence

_FINAL_DIGITS = set("013678")  # 영 일 삼 육 칠 팔 end in a consonant
_FINAL_LETTERS = set("lmnrLMNR")
_NO_FINAL = {"ㄹ": 8}


def final(word: str) -> int:
    """Index of the final consonant of the last syllable as it is read: 0 none, 8 ㄹ."""
    last = word.rstrip("\"')] ")[-1:]
    if "가" <= last <= "힣":
        return (ord(last) - ord("가")) % 28
    if last in "178lL":
        return _NO_FINAL["ㄹ"]
    return 1 if last in _FINAL_DIGITS or last in _FINAL_LETTERS else 0


def with_particle(word: str, pair: str) -> str:
    """``word`` with the fitting one of a pair: 을/를, 이/가, 은/는, 과/와, 으로/로, 이다/다, 이라고/라고."""
    consonant, vowel = pair.split("/")
    closed = final(word)
    if pair == "으로/로":
        return word + (consonant if closed not in (0, 8) else vowel)
    return word + (consonant if closed else vowel)


def plain(stem: Sequence[tuple[str, str]], past: bool = False) -> str:
    """The plain declarative of morphemes that end in a stem: 아침/NNG 마다/JX 달리/VV gives `아침마다 달린다`."""
    from rag.morphology import load_morphology

    form, tag = stem[-1]
    if past:
        ending = [("었", "EP"), ("다", "EF")]
    elif tag in ("VA", "XSA", "VCP"):
        ending = [("다", "EF")]
    else:
        ending = [("는다" if final(form) not in (0, 8) else "ᆫ다", "EF")]
    return str(load_morphology().join([*stem, *ending]))
