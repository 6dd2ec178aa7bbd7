"""The same wish in other words: by rules on its morphemes, or by a language model that is given as a callable.

What stands in every paraphrase is what the wish is about; what stands in some of them is by the way. The rules therefore
change both: words for their synonyms, the order of parts, and what may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from imagegen.glossary import Glossary, bundled_glossary
from imagegen.units import Morpheme, join_morphemes, morphemes

LanguageModel = Callable[[str], str]
"""Takes an instruction, gives text."""

INSTRUCTION = (
    "다음은 그림에 대한 부탁이다. 뜻이 같은 묘사를 서로 다른 표현으로 {count}개 적는다. "
    "부탁하는 말은 빼고 보이는 것만, 한 줄에 하나씩.\n부탁: {wish}"
)
LONGEST = 300
_ASKED = frozenset("그리다 보내다 보이다 만들다 찍다 바꾸다 하다 뽑다 주다 부탁하다 원하다 넣다 보다".split())
_PICTURES = frozenset("모습 장면 그림 사진 이미지 순간 날 밤 때".split())
_WITH_FINAL = {"를": "을", "가": "이", "는": "은", "와": "과", "로": "으로", "랑": "이랑", "라고": "이라고"}
_WITHOUT_FINAL = {second: first for first, second in _WITH_FINAL.items()}
_PARTICLES = ("JKO", "JKS", "JX", "JC", "JKB")


def paraphrases(
    wish: str, *, count: int = 6, model: LanguageModel | None = None, glossary: Glossary | None = None
) -> list[str]:
    """The wish, without the words that ask for it, and up to ``count - 1`` paraphrases in Korean, all different.

    Args:
        wish: Korean.
        count: at most so many texts.
        model: writes them; what it gives is read forgivingly, and what is missing is made by rules.
        glossary: knows the synonyms.
    """
    core = without_request(wish)
    found: dict[str, None] = {core: None} if core else {wish.strip(): None}
    if model is not None:
        found.update(dict.fromkeys(read_lines(model(INSTRUCTION.format(count=count - 1, wish=wish)))))
    if len(found) < count:
        found.update(dict.fromkeys(_by_rules(core or wish, glossary or bundled_glossary())))
    return list(found)[:count]


def read_lines(answer: str) -> list[str]:
    """Paraphrases from a model's answer: numbers and bullets off, nothing without Korean, nothing endless."""
    lines = (re.sub(r"^\s*(?:\d+\s*[.):]|[-*•·])\s*", "", line).strip().strip("\"'“”") for line in answer.splitlines())
    return [line for line in lines if re.search("[가-힣]", line) and len(line) <= LONGEST]


def without_request(wish: str) -> str:
    """ "책 읽는 소녀를 그려 줘" → "책 읽는 소녀"; a wish without such an ending stays."""
    found = list(morphemes(wish.strip()))
    cut = _request_start(found)
    if cut is None:
        return wish.strip().rstrip(".!~ ")
    kept = wish.strip()[: found[cut].start].rstrip()
    before = found[cut - 1] if cut else None
    if before is not None and before.tag in ("JKO", "JX") and before.form in ("을", "를", "은", "는", "좀"):
        kept = wish.strip()[: before.start].rstrip()
    return kept


def _request_start(found: Sequence[Morpheme]) -> int | None:
    """Where the asking verb at the end begins: a verb of `_ASKED`, and after it endings and auxiliaries alone."""
    index = len(found)
    while index and (
        found[index - 1].tag[0] == "S" or found[index - 1].tag in ("EF", "EC", "EP", "VX", "JX", "IC", "ETM")
    ):
        index -= 1
    said = found[index:]
    if not index or not any(m.tag in ("VX", "EF") for m in said) or any(m.tag == "ETM" for m in said):
        return None
    verb = found[index - 1]
    if verb.tag == "XSV" and index > 1:
        return index - 2 if found[index - 2].form + "하다" in _ASKED else None
    asks = any(m.tag == "VX" and m.form in ("주", "싶", "달") for m in said) or verb.form in (
        "부탁",
        "주",
        "보내",
        "그리",
    )
    return index - 1 if verb.form + "다" in _ASKED and asks else None


def _by_rules(core: str, glossary: Glossary) -> Iterable[str]:
    yield _with_synonyms(core, glossary, 0)
    yield _essentials(core)
    yield _subject(core)
    yield _as_scene(core)
    yield _without_adverbs(core)
    yield _turned(core)
    yield _with_synonyms(_turned(core), glossary, 1)
    yield _with_synonyms(_as_scene(core), glossary, 2)


def _as_scene(text: str) -> str:
    """A sentence as a noun phrase: "여자가 길을 걷는다" → "여자가 길을 걷는 모습"."""
    found = list(morphemes(text))
    while found and found[-1].tag in ("SF", "EF"):
        found.pop()
    if not found or found[-1].tag not in ("VV", "VA", "VX", "XSV", "XSA"):
        return text
    adjective = found[-1].tag in ("VA", "XSA")
    return join_morphemes([*((m.form, m.tag) for m in found), ("ᆫ" if adjective else "는", "ETM"), ("모습", "NNG")])


def _without_adverbs(text: str) -> str:
    """What is only degree or manner is left out."""
    kept = text
    for morpheme in reversed(morphemes(text)):
        if morpheme.tag == "MAG" and morpheme.form not in ("안", "못", "없이", "함께", "같이"):
            kept = kept[: morpheme.start] + kept[morpheme.end :].lstrip()
    return re.sub(r"\s+", " ", kept).strip()


def _essentials(text: str) -> str:
    """Without the clauses and adjectives before nouns: "노란 우산을 쓴 여자가 길을 걷는다" → "여자가 길을 걷는다"."""
    found = morphemes(text)
    kept, start = [], 0
    for end in [*_cuts(text), len(text)]:
        modifiers = [
            one.end for one, noun in pairwise(found)
            if one.tag == "ETM" and start <= one.start < end and noun.form not in _PICTURES
        ]  # fmt: skip
        kept.append(text[max(modifiers, default=start) : end].strip())
        start = end
    return re.sub(r"\s+(?=,)", "", " ".join(kept)).strip(" ,")


def _cuts(text: str) -> list[int]:
    """Where parts of a sentence end: after its subjects, connective endings and commas."""
    found = morphemes(text)
    cuts = []
    for index, morpheme in enumerate(found[:-1]):
        connects = morpheme.tag == "EC" and found[index + 1].tag not in ("VX", "JX")
        if (connects or morpheme.tag == "SP" or _is_main_subject(found, index)) and morpheme.end <= found[
            index + 1
        ].start:
            cuts.append(morpheme.end)
    return cuts


def _is_main_subject(found: Sequence[Morpheme], index: int) -> bool:
    """A subject particle, but not that of a clause before a noun ("창문이 있는 방")."""
    one = found[index]
    if one.tag != "JKS" and not (one.tag == "JX" and one.form in ("은", "는")):
        return False
    after = [morpheme.tag for morpheme in found[index + 1 : index + 4]]
    return not (after[:1] and after[0] in ("VV", "VA") and "ETM" in after[1:])


def _subject(text: str) -> str:
    """Only who or what it is about, with all that is said of it: "노란 우산을 쓴 여자"."""
    found = morphemes(text)
    for index, morpheme in enumerate(found):
        if _is_main_subject(found, index):
            return text[: morpheme.start].strip()
    return text.partition(",")[0].strip()


def _turned(text: str) -> str:
    """The parts between commas the other way round; without commas, the first place or time goes to the front."""
    parts = [part.strip() for part in re.split(r"[,\n]+", text) if part.strip()]
    if len(parts) > 1:
        return ", ".join([*parts[1:], parts[0]])
    found = morphemes(text)
    for index, morpheme in enumerate(found):
        if morpheme.tag == "JKB" and morpheme.form == "에서" and 0 < index < len(found) - 1:
            start = index
            while start and found[start - 1].tag in ("NNG", "NNP", "XSN", "SL"):
                start -= 1
            place = text[found[start].start : morpheme.end]
            rest = (text[: found[start].start] + text[morpheme.end :].lstrip()).strip()
            return f"{place} {rest}" if start else f"{rest}, {text[found[start].start : found[index - 1].end]}"
    return text


def _with_synonyms(text: str, glossary: Glossary, turn: int) -> str:
    """Every noun that has synonyms in the glossary (the same English in the same file) for one of them."""
    said = text
    found = morphemes(text)
    for index in range(len(found) - 1, -1, -1):
        noun = found[index]
        if noun.tag != "NNG" or _beside_noun(found, index):
            continue
        synonyms = _synonyms(noun.form, glossary)
        if not synonyms:
            continue
        word = synonyms[turn % len(synonyms)]
        following = found[index + 1] if index + 1 < len(found) else None
        end, particle = noun.end, ""
        if following is not None and following.tag in _PARTICLES and following.start == noun.end:
            particle, end = fitting_particle(word, following.form), following.end
        said = said[: noun.start] + word + particle + said[end:]
    return said


def _beside_noun(found: Sequence[Morpheme], index: int) -> bool:
    near = [found[other].tag for other in (index - 1, index + 1) if 0 <= other < len(found)]
    return any(tag in ("NNG", "NNP", "XSV", "XSA", "XR", "XSN", "NNB") for tag in near)


def _synonyms(word: str, glossary: Glossary) -> list[str]:
    entries = glossary.words.get(word, [])
    if len(entries) != 1 or entries[0].part != "noun":
        return []
    own = entries[0]
    return [e.korean for e in glossary.entries if e.english == own.english and e.subject == own.subject
            and e.part == "noun" and e.korean != word and not e.cues]  # fmt: skip


def fitting_particle(word: str, particle: str) -> str:
    """The form of a particle that follows ``word``: 우산 + 를 → 을, 길 + 으로 → 로."""
    code = ord(word[-1]) - 0xAC00
    final = code % 28 if 0 <= code < 11172 else 0
    if particle in ("로", "으로"):
        return "로" if final in (0, 8) else "으로"
    return _WITH_FINAL.get(particle, particle) if final else _WITHOUT_FINAL.get(particle, particle)
