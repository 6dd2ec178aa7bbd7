# ruff: noqa: E501 - lists of words are read better whole
"""What stops being true when something new is learnt: an old home, a love that has ended, an appointment that is over.

A slot that holds one value is simple. Of people and animals each has aspects of his own (what he does, where he lives, how
he is), and a new one replaces the old one of the same aspect; a death replaces all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.clauses import CITIES, FRIENDS, KIN, PARTNERS, PEOPLE, PETS
from rag.memory import SINGLE_SLOTS, Memory, Proposal
from rag.morphology import content_words, morphemes

OPPOSITES = {"like": "dislike", "dislike": "like"}
ABOUT_OTHERS = ("family", "partner", "friend", "pet")
_SAME_THING = ("habit", "skill", "possession", "health", "goal")
"""Slots in which a sentence about the same thing takes the place of the one before it."""
_OUTCOMES = ("past", "skill", "job", "school", "home", "partner", "family", "health")
_VERBS_OF_TASTE = frozenset("좋아하- 싫어하- 좋- 싫- 즐기- 먹- 마시- 못 안 잘 최애 팬 무척 가장 무서워하-".split())
_EMPTY = frozenset(
    "다시 매일 주말 아침 저녁 새벽 하루 번 년 달 시 집 한 개 배우- 하- 다니- 공부 준비 연주 연습".split()
)
_DEATH = re.compile(r"돌아가셨|죽었|무지개다리|하늘나라")
_ENDED = re.compile(r"헤어졌|이혼했|파혼했|절교했|없다\.|끝났")
_FAILED = re.compile(r"떨어졌|탈락|불합격|못한다|못 한다|없다\.")
_COUNTED = re.compile(r"(?:하나|한 명|둘|두 명|셋) 있다|외동|애가 있다")
_BORN = re.compile(r"(?:태어났|낳았|출산)")
_CHILDREN = re.compile(r"애|아이|아들|딸|자식|첫째|둘째|외동")
_ASPECTS = {
    "work": re.compile(
        r"일한다|다닌다|취직|취업|합격|붙었|떨어졌|입학|졸업|재수|수험|퇴사|퇴직|은퇴|휴학|전공|준비|학생|백수|(?:사|원|가|관|자|생|인|수|장|기사)(?:이)?다\.$|을 한다|를 한다|입대|전역|군대"
    ),
    "place": re.compile(r"산다|살다|이사|이민|유학|파견|올라왔|내려|돌아왔|독립|분가"),
    "body": re.compile(r"입원|퇴원|수술|아프|진단|초기|말기|암|약 먹|치료|나았|회복|다쳤|치매"),
    "love": re.compile(r"결혼|이혼|임신|출산|헤어|사귀|약혼|만난다"),
    "name": re.compile(r"이름은"),
    "age": re.compile(r"살이다|개월|학년"),
}
_BROADER = {
    "자유형": "수영", "평영": "수영", "배영": "수영", "접영": "수영", "면허": "운전", "운전면허": "운전", "도로주행": "운전", "금연": "담배", "금주": "술",
    "피티": "헬스", "PT": "헬스", "달리기": "러닝", "조깅": "러닝",
}  # fmt: skip


def superseded(proposal: Proposal, text: str, live: Sequence[Memory]) -> list[Memory]:
    """Live memories that stop being true with ``text``, the newest first; pinned ones like any other.

    Args:
        text: the sentence of the proposal, as it is stored.
        live: what holds where it was said.
    """
    same_slot = [memory for memory in live if memory.slot == proposal.slot]
    found: list[Memory] = []
    if proposal.slot in SINGLE_SLOTS:
        found += same_slot
    for memory in same_slot:
        if memory not in found and _replaces(proposal, text, memory):
            found.append(memory)
    if opposite := OPPOSITES.get(proposal.slot):
        found += [m for m in live if m.slot == opposite and (_same_taste(text, m.text) or _named(proposal, m))]
    if proposal.slot in _OUTCOMES and not _is_plan(proposal):
        found += [m for m in live if m.slot == "plan" and m not in found and _is_outcome(text, m)]
    if proposal.slot in _OUTCOMES and re.search(r"땄|붙었|합격|가능하|있다\.|안다\.|한다\.", text):
        found += [
            m
            for m in live
            if m.slot in ("past", "skill")
            and m not in found
            and _FAILED.search(m.text)
            and things(text) & things(m.text)
        ]
    if proposal.slot in ABOUT_OTHERS and _DEATH.search(text):
        found += [m for m in live if m.slot in (*ABOUT_OTHERS, "plan") and m not in found and _same_being(text, m.text)]
    return sorted(found, key=lambda memory: memory.said, reverse=True)


def _is_plan(proposal: Proposal) -> bool:
    return proposal.kind in ("event", "promise")


def _replaces(proposal: Proposal, text: str, memory: Memory) -> bool:
    if _named(proposal, memory):
        return True
    if memory.dated:  # the same appointment on another day is another appointment, unless the user says otherwise
        return False
    if proposal.slot in ABOUT_OTHERS:
        return _replaces_of_being(proposal.slot, text, memory.text)
    if proposal.slot in _SAME_THING and things(text) & things(memory.text):
        return True
    return bool(content_words(memory.text)) and set(content_words(memory.text)) <= set(content_words(text))


def _named(proposal: Proposal, memory: Memory) -> bool:
    """Whether the user says himself what no longer holds (`Proposal.instead_of`); ``*`` is all of the slot."""
    word = proposal.instead_of
    if word == "*":
        return memory.slot == proposal.slot
    return bool(word) and _squeezed(word) in _squeezed(memory.text + memory.quote)


def _replaces_of_being(slot: str, new: str, old: str) -> bool:
    if slot == "partner" and _ENDED.search(new):
        return True  # one is with one person at a time
    if slot == "family" and _BORN.search(new) and _COUNTED.search(old) and _CHILDREN.search(old):
        return True
    if not _same_being(new, old):
        return False
    if _DEATH.search(new) or _ENDED.search(new):
        return True
    return bool(_aspects(new) & _aspects(old)) or set(content_words(old)) <= set(content_words(new))


def _aspects(text: str) -> set[str]:
    return {name for name, pattern in _ASPECTS.items() if pattern.search(text)}


def beings(text: str) -> set[str]:
    """Words and names for those a sentence is about: 동생, 강아지, 탄이 as 탄."""
    found = set()
    for morpheme in morphemes(text):
        if morpheme.form in KIN | PARTNERS | FRIENDS | PETS and morpheme.tag[0] == "N":
            found.add(morpheme.form)
        elif morpheme.tag == "NNP" and morpheme.form not in CITIES | PEOPLE:
            found.add(morpheme.form.removesuffix("이") if len(morpheme.form) > 2 else morpheme.form)
    return found


_SPECIES = {
    "강아지": "개", "댕댕이": "개", "멍멍이": "개", "반려견": "개", "냥이": "고양이", "반려묘": "고양이", "남친": "남자친구", "여친": "여자친구",
}  # fmt: skip


def _same_being(one: str, other: str) -> bool:
    """Whether two sentences are about the same: by name where both have one, else by the word for what he is."""
    first, second = beings(one), beings(other)
    words = KIN | PARTNERS | FRIENDS | PETS
    names, others = first - words, second - words
    if names and others:
        return bool(names & others)
    return bool(
        {_SPECIES.get(word, word) for word in first & words} & {_SPECIES.get(word, word) for word in second & words}
    ) or bool(names & second or others & first)


def things(text: str) -> set[str]:
    """The nouns that a sentence is about, each also as what it is a kind of."""
    found = {word for word in content_words(text) if not word.endswith("-")} - _EMPTY
    squeezed = _squeezed(text)
    return found | {broader for word, broader in _BROADER.items() if word in squeezed}


def _same_taste(new: str, old: str) -> bool:
    mine, theirs = set(content_words(new)) - _VERBS_OF_TASTE, set(content_words(old)) - _VERBS_OF_TASTE
    return bool(mine) and bool(theirs) and (mine <= theirs or theirs <= mine)


def _is_outcome(text: str, plan: Memory) -> bool:
    """Whether a sentence tells how an appointment ended: `도로 주행에 떨어졌다`."""
    if not re.search(r"[았었했갔봤왔였졌됐]다|땄다|붙|합격|가능하다", text):
        return False
    event = _squeezed(re.sub(r"(?:이|가) 있다\.$|에 간다\.$", "", plan.text))
    return len(event) >= 2 and (
        event in _squeezed(text) or bool(things(plan.text) and things(plan.text) <= things(text))
    )


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()


_ANY = "|".join(sorted(KIN | PARTNERS | FRIENDS | PETS, key=len, reverse=True))
_NAME_IN = re.compile(
    rf"(?:{_ANY}) (?!이름)([가-힣]{{2,3}}?)(?:이?[은는가] |이 |[을를] )|(?:{_ANY}) ([가-힣]이) |이름은 ([가-힣]{{1,4}}?)(?:이다|다)\.|^([가-힣]{{1,4}}?)(?:이라는|라는) (?:{_ANY})"
)


def known_names(memories: Sequence[Memory]) -> dict[str, str]:
    """Names of the user's people and animals that memories tell, with the word for what they are (탄: 강아지)."""
    default = {"pet": "강아지", "friend": "친구", "partner": "애인", "family": "동생"}
    found: dict[str, str] = {}
    for memory in memories:
        if memory.slot not in default or memory.state != "live":
            continue
        words = beings(memory.text)
        kinds = [word for word in words if word in KIN | PARTNERS | FRIENDS | PETS]
        kind = next((word for word in kinds if (word in PETS) == (memory.slot == "pet")), default[memory.slot])
        found |= dict.fromkeys(words - set(kinds), kind)
        found |= {next(filter(None, match.groups())): kind for match in _NAME_IN.finditer(memory.text)}
    return found
