# ruff: noqa: E501 - a pattern is read better whole
"""The user's animals: that he has them, their names, and what becomes of them."""

from __future__ import annotations

import re

from rag.clauses import PEOPLE, PETS, Clause
from rag.memory import Proposal
from rag.patterns.engine import Rule, Setting, frame, past, retold, typed
from rag.patterns.words import ILLNESS
from rag.phrasing import with_particle

PET = rf"(?:{'|'.join(sorted(PETS, key=len, reverse=True))})"
_KIND = rf"(?:(?:[가-힣]{{1,3}}살\s|늙은\s|어린\s|큰\s|작은\s|하얀\s|검은\s|까만\s|갈색\s|노란\s|회색\s|코리안\s|유기\s?|골든\s|프렌치\s|토이\s|미니\s)*{PET})"
_COUNT = r"(?:한\s?마리|두\s?마리|세\s?마리|네\s?마리|다섯\s?마리|여섯\s?마리|\d+\s?마리|하나|둘|셋|넷)"
_OURS = r"(?:우리\s?집에?|울집|우리|울|저희\s?집에?|저희|내|제|나|저|나는|난|저는|집에|집에서|사실|본가에|이번에|드디어|어제|오늘|얼마\s?전에|작년에|지난주에)"
_NOT_OURS = re.compile(
    r"(?:친구|옆집|윗집|이웃|사촌|너|니|네|걔|남의|길에서|동네|카페|시골집)(?:네|의)?\s*(?:집\s*)?(?:의\s)?[가-힣]*|(?:^|\s)(?:너|니|네)\s"
)
_KEEPS = re.compile(
    rf"^(?:{_OURS}\s+)*(?P<x>(?:(?P<n>[가-힣]{{1,4}}?)(?:이라는|라는|이라고|라고)\s)?{_KIND}(?:이|가|을|를|도|만)?(?:\s(?P<m>[가-힣]{{1,3}}?)(?=(?:를|을|도)?(?![가-힣])))?)(?:를|을|도)?\s*(?:이랑\s|랑\s)?(?:진짜\s|또\s|혼자\s)?(?P<c>{_COUNT})?(?:를|을|도)?\s*(?P<v>키우|키워|키운|키움|기르|길러|기름|모시고\s*(?:있|살|삼)|데려왔|데려옴|데리고\s*(?:왔|살)|입양했|입양함|입양한|분양받|임보|반려\s*중|집사)"
)
_WITH = re.compile(
    rf"^(?:{_OURS}\s+)*(?P<x>{_KIND}(?:\s(?P<m>[가-힣]{{2,3}}))?)(?:이랑|랑|하고)\s*(?:같이\s*|둘이\s*)?(?:살아|산다|살고|사는데|살거든|삼$)"
)
_OWNED = re.compile(
    rf"(?:^|\s)(?:우리\s?집|울\s?집|저희\s?집|우리|울|저희|내)\s+(?:막내\s|첫째\s|둘째\s)?(?P<x>{_KIND})(?:\s(?P<m>[가-힣]{{2,3}}?))?(?=(?:이|가|는|은|도|를|을|한테|랑|이랑|의|이도|이가|이는)?(?:\s|$))"
)
_NAMED = re.compile(
    rf"^(?:(?:아|근데|그|참)\s+)*(?P<n>[가-힣]{{1,4}}?)(?:이는|이가|는|은|가|이)\s+(?:(?:우리\s?집|울집|우리|내가\s키우는|저희\s?집)\s*)(?P<x>{_KIND})"
)
_AND_NAME = re.compile(
    rf"^(?:(?:아|근데|우리집|우리|울|내)\s+)*(?P<x>{_KIND})\s(?P<n>[가-힣]{{2,3}}?)(?:이는|이가|는|은)\s+(?P<y>(?:[가-힣]{{2,5}}\s)?{_KIND})"
)
_KIND_OF = re.compile(
    rf"^(?P<n>[가-힣]{{2,4}}?)(?:이는|는|은|이가|가)?\s+(?P<y>(?:[가-힣]{{1,3}}\s)?{_KIND}|(?:[가-힣]{{1,4}}색|하얀|까만|노란)\s{PET})(?:이야|야|임|이고|이에요|예요|거든)?$"
)
_HAVING = re.compile(
    rf"^(?:{_OURS}\s*(?:는|은|가|에)?\s+)*(?P<x>{_KIND})(?:이|가|도|만)?\s*(?P<c>{_COUNT})?(?:이|가)?\s*(?:있(?:어|음|는데|거든|다|지|고|어요|습니다)|있$)"
)


def keeps(clause: Clause, setting: Setting) -> Proposal | None:
    """That he has an animal: `고양이 두 마리 키워`, `우리 집 앵무새가 …`, `초코는 우리 집 푸들`."""
    words = clause.surface
    if (
        clause.question
        or _NOT_OURS.search(words)
        or re.search(
            r"싶|면\s|할까|고민|말해|이름\s*(?:뭐|추천|기억)|카페|사진|영상|유튜브|게임|꿈",
            words.replace("사진 보여", "").replace("사진 꼭", ""),
        )
    ):
        return None
    if not clause.denied and not any(m.form in PEOPLE - {"애"} for m in clause.morphemes if m.tag[0] == "N"):
        if (match := _KEEPS.match(words)) and not clause.supposed and not clause.commanded:
            kind, count = _kind(match["x"]), f" {_spaced(match['c'])}" if match["c"] else ""
            start = clause.start + match.start("x")
            if past(clause) and match["v"][:2] in ("키우", "키웠", "기르", "키워"):
                return Proposal("fact", "past", f"{with_particle(kind, '을/를')} 키웠다.", clause.quote(start))
            return Proposal("fact", "pet", f"{with_particle(kind + count, '을/를')} 키운다.", clause.quote(start))
        if (match := _WITH.match(words)) and not clause.supposed:
            return _has(clause, match["x"], match.start("x"))
        if (
            (match := _HAVING.match(words))
            and not clause.supposed
            and not past(clause)
            and not re.search(r"알레르기|알러지", words)
        ):
            return _has(clause, f"{match['x']} {_spaced(match['c'])}" if match["c"] else match["x"], match.start("x"))
    if match := _NAMED.match(words):
        return Proposal(
            "fact",
            "pet",
            f"{with_particle(match['n'], '이라는/라는')} {with_particle(match['x'], '을/를')} 키운다.",
            clause.quote(clause.start + match.start("n")),
        )
    if match := _AND_NAME.match(words):
        return Proposal(
            "fact",
            "pet",
            f"{match['x']} {with_particle(match['n'], '은/는')} {with_particle(match['y'], '이다/다')}.",
            clause.quote(clause.start + match.start("x")),
        )
    if (
        (match := _KIND_OF.match(words))
        and (match["n"] in setting.names or setting.spoken_of in PETS)
        and match["n"] not in PETS | PEOPLE
    ):
        return Proposal(
            "fact",
            "pet",
            f"{with_particle(match['n'], '은/는')} {with_particle(match['y'], '이다/다')}.",
            clause.quote(clause.start + match.start("n")),
        )
    return None


def owned(clause: Clause, setting: Setting) -> Proposal | None:
    """`우리 집 토끼가 전선 뜯어 먹음`: that there is one."""
    words = clause.surface
    match = _OWNED.search(words)
    if (
        match is None
        or clause.question
        or clause.retold
        or _NOT_OURS.search(words)
        or re.search(r"(?:있으면|있었으면|싶|없|말해|이름\s*(?:뭐|뭔)|기억|얘기)", words)
    ):
        return None
    if match["m"] and not re.fullmatch(r"[가-힣]{2,3}", match["m"]):
        return None
    name = match["m"] if match["m"] and any(m.tag == "NNP" and m.form in match["m"] for m in clause.morphemes) else ""
    quote = clause.quote(clause.start + match.start() + (match[0][0] == " "))
    label = f"{match['x']} {name}".strip()
    return Proposal("fact", "pet", f"{with_particle(label, '을/를')} 키운다.", quote)


def _kind(words: str) -> str:
    words = re.sub(r"(?:이라고|라고)\s", lambda m: m[0].replace("고 ", "는 "), words.strip())
    return re.sub(rf"({PET})(?:이|가|을|를|도|만)(?=\s|$)", r"\1", words)


def _has(clause: Clause, kind: str, at: int) -> Proposal:
    return Proposal("fact", "pet", f"{with_particle(kind.strip(), '을/를')} 키운다.", clause.quote(clause.start + at))


def _spaced(count: str) -> str:
    return re.sub(r"\s*(마리|명|분)$", r" \1", count)


_DIED = re.compile(r"(?P<v>무지개\s*다리|죽었|죽음|하늘나라|별이\s*됐|별이\s*되|떠났|보내\s*줬|보내줬)")
_HEALTH = re.compile(
    rf"(?P<v>(?:[가-힣]{{1,3}}\s?)?약\s*(?:먹|넣|발라)|{ILLNESS}|중성화|수술|입원|알레르기|처방\s?사료|분리불안|예방접종|치매|새끼)"
)
_AGED = re.compile(
    r"(?P<v>(?:올해로?\s*|이제\s*|벌써\s*)*(?:[가-힣]{1,4}\s?살|\d{1,2}\s?살|[열한두세네다섯여섯일곱여덟아홉]{1,4}|\d{1,2}개월)\s*(?:이야|야|임|됐|이고|인데|됨|이에요|예요))"
)
_LEAD = re.compile(r"^(?:(?:근데|그리고|아|오늘|어제|우리|울|우리집|우리\s집|사실|드디어)\s+)*")


def of_pet(clause: Clause, setting: Setting) -> Proposal | None:
    """What becomes of an animal, named by its kind or by a name that is known: illness, age, death."""
    words = clause.surface
    if clause.denied or clause.question or _NOT_OURS.search(words):
        return None
    lead = _LEAD.match(words)
    at = lead.end() if lead else 0
    match = re.match(
        rf"(?P<who>{PET}(?:\s(?P<n>[가-힣]{{2,3}}?))?|[가-힣]{{1,4}}?)(?P<p>이가|이는|이도|가|이|는|은|도)?\s+",
        words[at:],
    )
    if match is None:
        return None
    who = match["who"]
    pet = (
        re.match(PET, who) is not None
        or setting.names.get(who) in PETS
        or setting.names.get(who.removesuffix("이")) in PETS
    )
    rest = words[at + match.end() :]
    start = clause.start + at
    if died := _DIED.search(rest):
        animal = "무지개" in died["v"] or pet
        if not animal or (died["v"].startswith(("떠났", "죽")) and not pet) or clause.supposed:
            return None
        verb = (
            "무지개다리를 건넜다"
            if "무지개" in died["v"] or "별이" in died["v"]
            else "하늘나라로 갔다"
            if "하늘" in died["v"]
            else "죽었다"
        )
        return Proposal("fact", "pet", f"{with_particle(who, '이/가')} {verb}.", clause.quote(start), instead_of=who)
    if not pet or clause.supposed or clause.retold:
        return None
    if match["n"] and not _HEALTH.search(rest) and not _AGED.search(rest):
        return None
    if (_HEALTH.search(rest) and not re.search(r"산책\s*(?:갔|시키|하고|나)|오늘", rest)) or _AGED.match(rest):
        text = retold(clause, start)
        return Proposal("fact", "pet", text, clause.quote(start)) if text and len(text) <= 45 else None
    return None


RULES: list[Rule] = [
    of_pet, keeps,
    typed("pet", r"^(?:(?:나는|난|나|저는|전|저|내가|우리집에서|집에서|우리\s?집은|사실)\s+)+(?P<x>[가-힣]{1,8}?)(?:을|를|도)?\s*(?:한\s?마리\s*|두\s?마리\s*|\d+마리\s*)?(?:키워|키움|키운다|키우거든|키우고\s*있|키웁니다|키워요|길러|기르고\s*있)", "{x:을} 키운다.", about="any", unless="꿈|애|아이|아들|딸|화분|식물|나무|꽃|실력|근육|머리|캐릭터|힘|사업|싶|몬스테라|다육|선인장|상추|토마토|혼자|엄마|게임"),
    typed("pet", r"(?P<x>고양이|냥이|강아지|개|댕댕이|토끼|햄스터)\s*(?P<w>집사|아빠|엄마|주인)(?:야|이야|임|예요|에요|입니다|라|거든|인데)", "{x:을} 키운다.", unless="친구|너"),
    frame("pet", "유기/N 견/N * 입양/N (하|받)/V ", "유기견을 키운다.", about="any"),
    typed("pet", r"^(?:(?:나|저|오늘|드디어|어제|이번에|결국|얼마\s?전에)\s+)*(?P<x>유기견|유기묘|길냥이|길고양이|아기\s?고양이|새끼\s?고양이)(?:를|을)?\s*(?:한\s?마리\s*)?(?:입양|데려왔|데려옴|주웠|구조해서\s*키)", "{x:을} 키운다.", about="any", unless="싶|고민"),
]  # fmt: skip
