"""Turns polite Korean (해요체, 합니다체) into plain speech (반말), for public answers that are to be hers.

Morphemes of Kiwi in, other endings in their place, joined again by Kiwi, which knows the vowel harmony.
"""

from __future__ import annotations

import re

from character.lorebook import load_morphology

# The last ending of a sentence, as Kiwi names it, and its plain form.
ENDINGS = {
    "어요": "어", "세요": "어", "으세요": "어", "네요": "네", "죠": "지", "지요": "지", "어야죠": "어야지", "ᆯ게요": "ᆯ게",
    "을게요": "을게", "ᆯ까요": "ᆯ까", "을까요": "을까", "니까요": "니까", "으니까요": "으니까", "잖아요": "잖아", "거든요": "거든",
    "군요": "구나", "는군요": "는구나", "나요": "어", "ᆫ가요": "어", "은가요": "어", "는가요": "어", "ᆫ데요": "ᆫ데", "는데요": "는데",
    "은데요": "은데", "ᆯ래요": "ᆯ래", "을래요": "을래", "ᆸ니다": "어", "습니다": "어", "ᆸ시다": "자", "ᆸ니까": "어", "습니까": "어",
    "대요": "대", "ᆫ대요": "ᆫ대", "래요": "래", "더라고요": "더라고", "던데요": "던데", "어서요": "어서",
}  # fmt: skip
PLAIN = {"어", "지", "네", "ᆯ까", "을까", "ᆯ게", "을게", "잖아", "거든", "구나", "야", "자", "다", "니까", "대", "래"}
COPULA = {"예요", "에요", "이에요"}
SELF = {("저", "NP"), ("제", "NP"), ("저희", "NP")}
WORDS = {("저", "NP"): "나", ("제", "NP"): "내", ("저희", "NP"): "우리"}
HONORIFICS = {("시", "EP"), ("으시", "EP")}
LEFT_OUT = re.compile(
    r"당신|드리|드려|드릴|드세|드시|드셔|주무|계시|계세|잡수|님|여러분|고객|사용자|챗봇|위로봇|[a-zA-Z]{3}"
)


def plain_speech(text: str) -> str | None:
    """The text in plain speech; None where a sentence ends in a way that is not known to turn well."""
    if LEFT_OUT.search(text):
        return None
    sentences = [_plain_sentence(sentence) for sentence in re.findall(r"[^.!?~…]+[.!?~…]*", text) if sentence.strip()]
    return " ".join(s for s in sentences if s) if sentences and all(sentences) else None


def _plain_sentence(sentence: str) -> str | None:
    match = re.fullmatch(r"\s*(.*?)\s*([.!?~…]*)\s*", sentence)
    assert match is not None
    words, mark = match[1], match[2] or "."
    last = words.rfind(" ") + 1  # what stands before the last word stays as it was written
    analysed = load_morphology().tokenize(words)
    if any((token.form, token.tag) in SELF for token in analysed if token.start < last):
        return None
    end = _plain_end([(token.form, token.tag) for token in analysed if token.start >= last])
    return words[:last] + end + mark if end else None


def _plain_end(tokens: list[tuple[str, str]]) -> str | None:
    """The last word with its ending in plain speech."""
    if len(tokens) < 2:
        return None
    form, tag = tokens[-1]
    if (form, tag) == ("요", "JX"):
        tokens.pop()
    elif tag != "EF":
        return None
    elif form in COPULA or (form == "어요" and tokens[-2][1] == "VCP"):
        stem = [token for token in tokens[:-1] if token[1] != "VCP"]
        noun = str(load_morphology().join(stem)) if stem else ""
        if not "가" <= noun[-1:] <= "힣":
            return None
        return noun + ("야" if (ord(noun[-1]) - ord("가")) % 28 == 0 else "이야")
    elif form in ENDINGS:
        if form in ("세요", "으세요") and tokens[-2][1] in ("VA", "XSA", "VCP", "VCN"):
            return None  # 건강하세요 and the like are no commands in plain speech
        tokens[-1] = (ENDINGS[form], "EF")
    elif form not in PLAIN:
        return None
    kept = [token for token in tokens if token not in HONORIFICS]
    return str(load_morphology().join([(WORDS.get(token, token[0]), token[1]) for token in kept]))
