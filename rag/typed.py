# ruff: noqa: E501 - a pattern is read better whole
"""Statements as they are typed in chats: particles, verbs and marks left out (`나 스물아홉`, `엄마는 해녀`, `낼모레 팬미팅`).

They come after the rules of `patterns`, for clauses that none of those read.
"""

from __future__ import annotations

import re
from datetime import date

from rag import dates
from rag.clauses import FRIENDS, KIN, PARTNERS, PEOPLE, PETS, Clause
from rag.memory import Proposal
from rag.numerals import ONES, TENS, number
from rag.patterns import (
    _JOB_WORD,
    _SURNAMES,
    Rule,
    _fact,
    _is_place,
    _past,
    _person_slot,
    _r,
    _search,
    _stripped,
    _taste_object,
    _today,
)
from rag.phrasing import plain, with_particle

_LEAD = r"^(?:(?:근데|그리고|사실|참고로|아|아니|참|네|안녕|오늘|어제|방금|이번에|드디어|위로|대신|ㅎㅎ|그냥|난|나|나는|내가|저|저는|제가|우리|우리집|우리\s집|울|저희|저희집|내|제|올해|이제|지금|요즘)\s+)*"
_ME = r"(?:나는|난|나|저는|전|저|내가|제가)"
_IS = r"(?:이야|야|이에요|예요|에요|입니다|임|이고|고|인데|이다|이거든|거든|거든요|이거든요|이라|라|이라서|라서|라고|이셔|셔|이셔서|셔서|이세요|세요|이요|요|이시고|시고|되|됨|됐어|$)"
_WORKERS = "해녀 무당 배우 게이머 주부 감독 강사 장사 경비 교사 담임 사장 점장 목수 용접공 농부 어부 셰프 선수 비행사 잠수사 해경 경찰 군인 목사 신부 스님 이장 통장 비서 재수생 삼수생 취준생 수험생 신입생 유학생 인턴 기사 조경사 가수 무용수 작곡가 화가 만화가 소설가 시인 감독 사장님 가정주부 공무원 백수".split()
_WORKER = rf"(?:[가-힣A-Za-z0-9]{{0,3}}\s?)?[가-힣]{{0,4}}(?:{'|'.join(sorted(_WORKERS, key=len, reverse=True))}|(?<=[가-힣])(?:조련사|설계사|정비사|관리사|조리사|요리사|검사관|지도사|상담사|미용사|연출가|사업가|건축가|평론가|연구원|상담원|판매원|경비원|승무원|소방관|교도관|조종사|항해사|제빵사|장의사))|[가-힣]{{0,4}}{_JOB_WORD}"
_SHOP = r"[가-힣]{0,6}(?:가게|분식집|국숫집|국수집|고깃집|빵집|술집|횟집|꽃집|한복집|치킨집|점집|[가-힣]집|식당|카페|약국|목장|농장|과수원|미용실|학원|공방|세탁소|편의점|서점|책방|정육점|철물점|[가-힣]점|요가원|병원|펜션|민박|공장|농사|장사)"
_DOES = (
    r"(?:을|를)?\s*(?:운영)?(?:해요|해|하고|하거든요|하거든|하는데|하셔|하세요|하신다|한다|합니다|함|지어|짓고|지어요)"
)
_WHO = rf"(?P<who>(?:큰|작은|친|막내|외|첫째|둘째)?\s?(?:{'|'.join(sorted((KIN | PARTNERS | {'약혼자', '큰아들', '큰딸', '누님', '형님', '처남', '처제', '매형', '형부', '장인', '장모', '시아버지'}) - {'애', '아이', '아기', '애기', '가족', '친척', '형제', '자매', '남매', '쌍둥이', '남자', '여자', '썸남', '썸녀'}, key=len, reverse=True))}))"
_OF = r"(?:은|는|이|가|도|께서|께서는)?\s+"
_LATELY = r"(?:(?:지금|요즘|이제|현재|원래|오늘|어제|드디어|이번에|다시|결국|작년에|올해)\s*)*"
_KIN_WORKS = re.compile(rf"{_LEAD}{_WHO}{_OF}{_LATELY}(?P<x>{_WORKER})\s*{_IS}(?:요)?$")
_KIN_WORKS_STILL = re.compile(
    rf"{_LEAD}{_WHO}(?:이|가|은|는)\s+{_LATELY}(?P<x>{_WORKER})(?:이셔|셔|이시|시|이라|라|이야|야|예요)"
)
_KIN_SHOP = re.compile(rf"{_LEAD}{_WHO}{_OF}{_LATELY}(?P<x>{_SHOP}){_DOES}(?:요)?$")
_KIN_LIVES = re.compile(
    rf"{_LEAD}{_WHO}{_OF}{_LATELY}(?P<x>[가-힣A-Za-z]{{2,8}}?)(?:에서|에|서)?\s*(?P<v>살고|살아|산다|살거든|사는데|사셔|사세요|살아요|살음|삼)(?:요)?$"
)
_HAPPENED = {
    "임신": "임신했다", "출산": "출산했다", "결혼": "결혼했다", "이혼": "이혼했다", "입대": "입대했다", "전역": "전역했다", "취직": "취직했다",
    "취업": "취업했다", "퇴직": "퇴직했다", "은퇴": "은퇴했다", "퇴원": "퇴원했다", "이민": "이민 갔다", "졸업": "졸업했다", "입학": "입학했다",
    "제대": "제대했다", "수술": "수술했다", "입원": "입원했다", "합격": "합격했다",
}  # fmt: skip
_KIN_HAPPENED = re.compile(
    rf"{_LEAD}{_WHO}{_OF}(?:[가-힣]+(?:에|에서|으로|로)?\s+){{0,2}}(?P<x>{'|'.join(_HAPPENED)})(?:을|를)?\s*(?P<v>했|하셨|하셔|하심|함|됐|중이|갔|받|당하|하셔서)"
)
_KIN_ILL = re.compile(
    rf"{_LEAD}{_WHO}{_OF}(?P<x>(?:치매|[가-힣]{{1,3}}암|암|당뇨|고혈압|파킨슨(?:병)?|뇌졸중|우울증)(?:\s*(?:초기|말기|[1-4]기))?)(?:래|래요|시래|이래|셔|이셔|이야|야|예요|에\s*걸|진단)"
)
_KIN_NAME_AGE = re.compile(rf"{_LEAD}{_WHO}(?:은|는)\s+(?P<x>[가-힣]{{2,4}}?)\s+(?P<n>[가-힣]{{1,4}}|\d{{1,2}})\s*살")


def _family(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if clause.denied or re.search(r"(?:^|\s)(?:너|니|네|걔|쟤)(?:네|는|의)?\s", words):
        return None
    for pattern, text in (
        (_KIN_WORKS, "{who} {x}."), (_KIN_WORKS_STILL, "{who} {x}."), (_KIN_SHOP, "{is_} {x_} 한다."), (_KIN_LIVES, "{is_} {p}에서 산다."),
        (_KIN_HAPPENED, "{is_} {v}."), (_KIN_NAME_AGE, "{who} {p}, {n}살이다."),
    ):  # fmt: skip
        if match := pattern.match(words):
            return _of_kin(clause, match, text)
    return None


def _of_kin(clause: Clause, match: re.Match[str], text: str) -> Proposal | None:
    who, x = match["who"].strip(), match["x"].strip()
    if "{p}에서" in text and not any(m.tag == "NNP" and m.form in x for m in clause.morphemes):
        return None
    if "{v}" in text and _future(clause):
        return None
    groups = match.groupdict()
    filled = text.format(
        who=with_particle(who, "은/는"), is_=with_particle(who, "이/가"), x=with_particle(x, "이다/다"),
        x_=with_particle(x, "을/를"), p=x, v=_HAPPENED.get(x, ""), n=f"{groups.get('n', '')} ".replace("  ", " "),
    )  # fmt: skip
    filled = filled.replace(" 살이다", "살이다") if (groups.get("n") or "").isdigit() else filled
    slot = _person_slot(who) or _person_slot(re.sub(r"^(?:큰|작은|친|막내|외|첫째|둘째)\s?", "", who)) or "family"
    instead = f"{with_particle(who, '이/가')} 입원" if x == "퇴원" else ""
    return _fact(slot, filled, clause.quote(clause.start + match.start("who")), "relationship", instead_of=instead)


def _future(clause: Clause) -> bool:
    return any(m.tag == "ETM" and m.form in ("ᆯ", "을") for m in clause.morphemes)


def _family_illness(clause: Clause, said: date) -> Proposal | None:
    if match := _KIN_ILL.match(clause.surface):
        who, x = match["who"].strip(), match["x"].strip()
        return _fact(
            "family", f"{with_particle(who, '은/는')} {with_particle(x, '이다/다')}.",
            clause.quote(clause.start + match.start("who")), "relationship",
        )  # fmt: skip
    return None


# --- the user

_NAMED = re.compile(
    rf"^(?:안녕\s*)?(?:{_ME}\s+)?(?P<x>[가-힣]{{2,4}}?)(?:이라고|라고)\s*(?:해|해요|합니다|하는데|한다|함)(?:요)?$"
)
_NAME_IS = re.compile(
    r"^(?:안녕\s*)?(?:내\s*|제\s*)?이름은\s*(?P<x>[가-힣]{2,4}?)(?:이고|고|이야|야|예요|이에요|임|입니다)?(?=$|\s+(?:생일|나이|직업|고향|사는))"
)
_NO_NAMES = re.compile(
    r"^(?:뭐|이거|그거|저거|비밀|아무|괜찮|좋아|싫|사랑|고마|미안|안녕|여기|저기|그렇|어떻|이렇|못|안|말|개|인데|없|몰라|아직)|(?:다|냐|자|까|지|면|서)$"
)


def _full_name(name: str) -> bool:
    return len(name) == 3 and name[0] in _SURNAMES


def _name(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    match = _NAMED.match(words) or _NAME_IS.match(words)
    if match is None or clause.denied or _NO_NAMES.search(match["x"]) or (not clause.own):
        return None
    if match.re is _NAMED and not (clause.named or words == clause.text.rpartition(". ")[2]):
        return None
    if match.re is _NAME_IS and not re.match(r"(?:안녕\s*)?[내제]\s", words) and not _full_name(match["x"]):
        return None
    tagged = [m for m in clause.morphemes if m.tag == "NNP" or m.form in match["x"]]
    if not tagged or any(
        m.tag in ("VV", "VA", "MAG") for m in clause.morphemes if m.start < clause.start + match.end("x")
    ):
        return None
    start = clause.start + (words.find("이름") if match.re is _NAME_IS else match.start("x"))
    quote = clause.text[start : clause.start + match.end()].strip()
    return _fact("name", f"이름은 {with_particle(match['x'], '이다/다')}.", quote)


_NATIVE = rf"(?:{'|'.join(TENS)})\s?(?:{'|'.join(ONES)})?"
_AGED = re.compile(
    rf"{_LEAD}(?:만으로\s*|한국\s*나이로\s*)?(?P<n>{_NATIVE})(?:이고|인데|이야|이에요|이요|임|입니다|이라|$)"
)
_AGED_FULLY = re.compile(rf"만으로\s*(?P<n>{_NATIVE})(?:임|이야|이에요|예요|입니다|이고)")
_AGED_IN = re.compile(
    r"^(?:나이가|내\s*나이가|제\s*나이가)\s*(?P<n>[가-힣]{2,5}?)(?:이니|이라|이고|인데|이에요|이야|살)"
)


def _age(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if clause.denied or not clause.own:
        return None
    match = _AGED_IN.match(words) or _AGED_FULLY.search(words)
    if match is None:
        match = _AGED.match(words)
        if match is None or not (
            clause.named or re.search(r"만으로|나이|청소년|어른", clause.text) or words == clause.text
        ):
            return None
        if words == match["n"] and not clause.named:
            return None
    age = number(re.sub(r"\s", "", match["n"])) or 0
    return _fact("age", f"{age}살이다.", clause.quote(clause.start + match.start("n"))) if age >= 10 else None


_WORKS = re.compile(rf"{_LEAD}(?P<x>{_WORKER})\s*{_IS}(?:요)?$")
_RUNS = re.compile(rf"{_LEAD}(?:(?P<p>[가-힣]{{2,6}})에서\s+)?(?P<x>{_SHOP}){_DOES}(?:요)?$")
_TURN = re.compile(
    rf"{_LEAD}(?:(?:저번주|지난주|어제|오늘|이번에|저번달|지난달)에?\s+)?(?:회사에서\s+)?(?P<x>해고|승진|취업|취직|권고사직|퇴직|은퇴|입사|이직|전역|입대)(?:을|를)?\s*(?:됨|됐|당했|당함|했|함|하였)"
)
_CITIZEN = re.compile(r"(?:^|\s)(?P<x>[가-힣]{{2,4}})(?:시민|주민)(?:이야|임|이에요|됨|이다|됐)")


def _job(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if clause.denied or not clause.own or any(m.form in KIN | PARTNERS | FRIENDS for m in clause.morphemes):
        return None
    if match := _TURN.match(words):
        verb = {"해고": "해고되었다", "권고사직": "권고사직을 당했다"}.get(match["x"], f"{match['x']}했다")
        return _fact("job", f"{verb}.", clause.quote(clause.start + match.start("x")))
    if match := _CITIZEN.search(words):
        return _fact("home", f"{match['x']}에서 산다.", clause.quote(clause.start + match.start("x")))
    if _past(clause):
        return None
    if (match := _RUNS.match(words)) and (clause.named or words == clause.text or match["p"] or "거든" in words):
        if match["x"] in ("병원", "농사", "장사", "학원") and not clause.named:
            return None
        place = f"{match['p']}에서 " if match["p"] else ""
        return _fact(
            "job",
            f"{place}{with_particle(match['x'], '을/를')} 한다.",
            clause.quote(clause.start + match.start("p" if match["p"] else "x")),
        )
    if (match := _WORKS.match(words)) and (clause.named or re.search(r"(?:이에요|예요|입니다|임)$", words)):
        return _fact(
            "job", f"{with_particle(match['x'].strip(), '이다/다')}.", clause.quote(clause.start + match.start("x"))
        )
    return None


_HOUSE = re.compile(
    rf"{_LEAD}(?:혼자\s*)?(?P<x>원룸|투룸|쓰리룸|오피스텔|고시원|자취방|기숙사|반지하|옥탑방|전셋집|아파트|주택)(?:에서|에|으로|로)?\s*(?P<v>사는데|살아|산다|살거든|살고|옮겼|이사했|구했)"
)
_LIVES = _r(r"(?P<x>(?:[^ /]+/NNP )+)(?:에서/JKB |에/JKB |서/JKB )?살/VV ")


def _home(clause: Clause, said: date) -> Proposal | None:
    if clause.denied or not clause.own:
        return None
    if (match := _HOUSE.match(clause.surface)) and "친구" not in clause.surface:
        return _fact("home", f"{match['x']}에서 산다.", clause.quote(clause.start + match.start("x")))
    found = _search(_LIVES, clause)
    if (
        found
        and clause.named
        and not _past(clause)
        and _is_place(clause, clause.span(found, "x"))
        and (place := _stripped(clause, found))
    ):
        return _fact("home", f"{place[0]}에서 산다.", clause.quote(place[1]))
    return None


_BIRTHPLACE = re.compile(
    rf"{_LEAD}(?:정확히는\s*)?태어난\s*(?:곳은|데는|건|곳이)\s*(?P<x>[가-힣]{{2,6}}?)(?:이야|야|임|이고|고|예요|이에요)(?=\s|$)"
)
_NATIVE_OF = re.compile(
    rf"{_LEAD}(?P<x>[가-힣]{{2,4}})\s*(?:사람|토박이)(?:이야|임|이에요|입니다|이거든|이고|이라|\s|$)"
)


def _hometown(clause: Clause, said: date) -> Proposal | None:
    if clause.denied or not clause.own:
        return None
    words = clause.surface
    match = _BIRTHPLACE.match(words) or (_NATIVE_OF.match(words) if clause.named else None)
    if match is None or not any(m.tag == "NNP" and m.form in match["x"] for m in clause.morphemes):
        return None
    start = words.find("태어난") if match.re is _BIRTHPLACE else match.start("x")
    quote = clause.text[clause.start + start : clause.start + match.end()].strip()
    return _fact("hometown", f"고향은 {with_particle(match['x'], '이다/다')}.", quote)


# --- tastes

_SIDE = re.compile(rf"{_LEAD}(?P<x>[가-힣]{{2,5}})파(?:야|임|예요|거든|입니다|라|이고|고)?(?:요)?$")
_NO_SIDE = frozenset("한 양 좌 우 늦 한파 문 전 후 대 소 전자 음 초음 실력 개 노력 아침형 뇌".split())
_BEST = re.compile(
    r"^(?:[가-힣]+(?:은|는|엔)\s+)?(?:역시\s+)?(?P<x>[가-힣A-Za-z]{2,8})(?:가|이)\s*(?:진리|최고|최애|제일\s*(?:좋|맛있)|젤\s*좋|갑)(?:야|지|이지|임|다|이야|아|음|어|예요)?$"
)
_LOVES = re.compile(
    rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{2,10}})(?:은|는|이|가|을|를)?\s*(?:완전\s*|진짜\s*|너무\s*)?(?P<v>사랑해|사랑한다|애정해|덕후임|환장해|환장함|못\s*참지|좋다)$"
)
_HATES = re.compile(
    rf"{_LEAD}(?:[가-힣]+\s*중에?(?:는|선|서는)?\s*)?(?P<x>(?:[가-힣A-Za-z]+\s){{0,2}}?[가-힣A-Za-z]{{2,10}}?)(?:만|은|는|이|가)?\s*(?:[가-힣]+(?:에|로|게)\s+)?(?P<v>질색|극혐|시러|극도로\s*싫어함|싫어함|싫어해|혐오)(?:이야|임|해|함|이다|한다)?$"
)
_EATS_NOT = re.compile(
    rf"{_LEAD}(?P<x>[가-힣]{{2,6}}?)(?:은|는|을|를)?\s*(?:못\s*먹|못먹)(?:어|음|는다|겠더라|거든|어요|는데)"
)
_FANDOM = re.compile(r"^(?:야구|축구|농구|배구)(?:는|은)\s*(?P<x>[가-힣A-Z]{2,6}?)(?:지|이지|야|파)$")
_VAGUE = frozenset(
    "그거 이거 저거 그게 이게 너 니가 네가 나 오늘 지금 여기 거기 날씨 기분 그런 이런 너무 진짜 완전 정말 네 오로라 언니 우리 내 사람 노래 목소리 말".split()
)


_GOOD = _r(r"(?P<v>좋/VA )(?:어/E[CF] |어요/EF |다/EF |더라/EF |음/EF |ᆷ/EF |아/EF )")


def _good(clause: Clause) -> Proposal | None:
    """`난 눅눅한 과자가 좋아`: of himself, in general."""
    found = _search(_GOOD, clause)
    if found is None or not clause.named or _today(clause):
        return None
    index = clause.offsets.index(found.start("v"))
    thing = _taste_object(clause, index)
    if (
        thing is None
        or clause.morphemes[index - 1].tag != "JKS"
        or thing[0] in _VAGUE
        or re.search(r"기분|사이|날씨|네|너|성격|운|느낌|컨디션|쪽", thing[0])
    ):
        return None
    return _fact("like", f"{with_particle(thing[0], '을/를')} 좋아한다.", clause.quote(thing[1]), "preference")


def _noun(clause: Clause, words: str) -> bool:
    """Whether words end in a noun, as the analyser sees them."""
    last = words.split()[-1] if words.split() else ""
    end = clause.text.find(words, clause.start) + len(words)
    return bool(last) and any(m.end == end and m.tag in ("NNG", "NNP", "SL", "XSN") for m in clause.morphemes)


def _taste(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if not clause.own or any(m.form in KIN | PARTNERS | FRIENDS for m in clause.morphemes):
        return None
    if (match := _EATS_NOT.match(words)) and clause.named and not re.search(r"오늘|어제|아직|밥|아침|점심|저녁", words):
        return _disliked(clause, match, "{x} 못 먹는다.")
    if clause.denied:
        return None
    if (
        (match := _SIDE.match(words))
        and match["x"] + "파" not in _VAGUE
        and match["x"] not in _NO_SIDE
        and match["x"][-1] not in "아고바슬나"
    ):
        return _fact("like", f"{match['x']}파다.", clause.quote(clause.start + match.start("x")), "preference")
    if match := _FANDOM.match(words):
        return _fact("like", f"{match['x']} 팬이다.", clause.quote(clause.start), "preference")
    for pattern in (_BEST, _LOVES):
        match = pattern.match(words)
        if (
            match
            and match["x"] not in _VAGUE
            and _noun(clause, match["x"])
            and (pattern is _BEST or clause.named or match["v"] != "좋다")
        ):
            text = f"{with_particle(match['x'], '을/를')} 좋아한다."
            return _fact("like", text, clause.quote(clause.start + match.start("x")), "preference")
    if match := _HATES.match(words):
        return _disliked(clause, match, "{x} 싫어한다.")
    return _good(clause)


def _disliked(clause: Clause, match: re.Match[str], text: str) -> Proposal | None:
    what = re.sub(r"(?:만|은|는)$", "", match["x"].strip()) or match["x"]
    if not _noun(clause, what) or what in _VAGUE or what.split()[0] in _VAGUE:
        return None
    return _fact(
        "dislike",
        text.format(x=with_particle(what, "을/를")),
        clause.quote(clause.start + match.start("x")),
        "preference",
    )


# --- body, aims, abilities, things

_DIAGNOSED = re.compile(
    rf"{_LEAD}(?:[가-힣]+에\s+)?(?P<x>(?:[가-힣]+\s)?(?:[가-힣]{{1,6}}(?:증후군|증|염|암|디스크|병)|당뇨|천식)(?:\s?(?:초기|말기|중기|[1-4]기))?)(?:이|가)?\s*(?:이래|래|이래요|래요|이라고|라고|진단)"
)
_DRUG = re.compile(
    rf"{_LEAD}(?P<x>(?:공황|당뇨|혈압|고혈압|갑상선|우울증|수면|항암|심장|ADHD|천식|탈모|항우울|신경|피부과)\s?약)(?:을|를)?\s*(?:[가-힣]+\s)?(?P<v>먹)"
)
_DISABLED = re.compile(rf"{_LEAD}(?P<x>(?:청각|시각|지체|언어|발달)\s?장애)(?:가|이)?\s*(?:있|야|인|예요)")


def _health(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if clause.denied or not clause.own or any(m.form in PETS | KIN | PARTNERS for m in clause.morphemes):
        return None
    if match := _DIAGNOSED.match(words):
        if re.search(r"전염|감염|화병|꾀병|술병|질병$", match["x"]):
            return None
        text = f"{with_particle(match['x'].strip(), '이다/다')}."
        return _fact("health", text, clause.quote(clause.start + match.start("x")))
    if clause.retold:
        return None
    if match := _DRUG.match(words):
        return _fact("health", f"{match['x']}을 먹는다.", clause.quote(clause.start + match.start("x")))
    if match := _DISABLED.match(words):
        return _fact("health", f"{match['x']}가 있다.", clause.quote(clause.start + match.start("x")))
    return None


_AIM = re.compile(
    r"^(?:내|제|나의|저의)?\s*(?P<w>꿈|목표|장래희망)(?:은|이|는)\s+(?P<x>[가-힣A-Za-z0-9 ]{2,20}?)(?:이야|야|이라|라|이고|이에요|예요|임|입니다)?$"
)
_PREPARES = re.compile(
    rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{0,10}}(?:시험|고시|공무원|임용|자격증|유학|편입|이민|창업|수능|관제사|승무원|대회))(?:을|를)?\s*준비(?:해|하고|중|함|한다|합니다|하는)"
)
_LEARNS = re.compile(rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{2,8}})(?:을|를)?\s*(?:독학|공부)\s*(?:중|하고\s*있)")
_TAKES = re.compile(
    rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{2,8}})(?:을|를)?\s*(?:배워|배우고\s*있|배우는\s*중|배운다|배움|다닌\s*지|다닌지)"
)
_STUDIES = re.compile(
    rf"{_LEAD}(?:(?P<x>[가-힣]{{2,8}}과)\s*(?P<n>[1-6]\s*학년)|우리\s*과는\s*(?P<y>[가-힣]{{2,8}}?)(?:이야|야|예요|임))"
)
_ATHLETE = re.compile(rf"{_LEAD}(?:원래|예전에|옛날에)\s*(?P<x>[가-힣]{{2,8}}(?:선수|배우|가수|사|원))였")
_QUIT = re.compile(rf"{_LEAD}(?P<x>담배|술|커피|밀가루|게임|야식|탄산|설탕)\s*(?:다시\s*)?(?P<v>끊|펴|핌|피워)")
_DAILY = re.compile(
    rf"{_LEAD}(?P<w>매일|맨날|날마다|매주|주말마다|아침마다|저녁마다|새벽마다)\s+(?P<x>[가-힣A-Za-z ]{{2,14}}?)\s*(?P<v>해|함|한다|가|감|간다|뛰어|타|해요)$"
)
_BOUGHT = re.compile(
    rf"{_LEAD}(?P<x>(?:[가-힣]{{1,4}}\s)?[가-힣A-Za-z]{{1,6}}(?:카|차|폰|북|패드|자전거|바이크|오토바이|카메라|노트북|컴퓨터|건조기|냉장고|세탁기))(?:을|를)?\s*(?:샀|질렀|뽑았|장만했)"
)
_BROKE_UP = re.compile(
    rf"{_LEAD}(?P<x>[가-힣]{{2,4}})(?:이랑|랑|하고)\s*(?P<v>끝났|헤어졌|손절했|절교했|손절함|헤어짐)"
)
_FRIEND_IS = re.compile(
    r"^(?P<x>[가-힣]{2,4})(?:이|가|는)\s*(?:내|제)\s*(?P<w>절친|베프|단짝|여친|남친|남자친구|여자친구|남편|아내)(?:이야|야|임|예요|이에요|이고)"
)
_GIVEN_UP = re.compile(rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{2,8}}?)(?:은|는|을|를)?\s*(?:결국\s*)?포기(?:했|함)")
_SOLD = re.compile(rf"{_LEAD}(?P<x>[가-힣A-Za-z0-9]{{1,8}}?)(?:을|를)?\s*(?:팔았|팔고\s|처분했|팔아버렸)")
_BELIEVES = re.compile(
    rf"{_LEAD}(?P<x>무슬림|이슬람교|불교|기독교|천주교|가톨릭|크리스천|개신교|무교|원불교)(?:신자|도)?(?:이야|야|임|이에요|예요|이거든|거든|이라)"
)


_CLOSE = re.compile(
    r"^(?P<x>[가-힣]{2,4}?)(?:이)?(?:은|는|이|가)\s+(?:[가-힣]+\s*때부터\s*)?(?:내\s*|제\s*)?친구(?:거든|야|임|예요|이에요)$"
)
_CLOSEST = re.compile(
    rf"{_LEAD}(?:(?:나랑|저랑)\s+)?(?:제일|가장|젤)\s*친한\s*(?:건|친구는|애는|사람은)\s*(?P<x>[가-힣]{{2,4}}?)(?:인데|이야|이고|임|이에요|야)(?:\s|$)"
)
_DRIVES = re.compile(
    rf"{_LEAD}(?:차는|자가용은)\s*(?P<x>[가-힣A-Za-z0-9]{{1,8}})(?:을|를)?\s*(?:타|탄다|몰아|몬다|타고|탐)(?:\s|$)"
)
_WORKPLACE = re.compile(
    rf"{_LEAD}(?:회사|직장|일터)(?:는|은)\s*(?P<x>[가-힣A-Za-z]{{2,8}}?)(?:이야|야|예요|이에요|임|이고|고)$"
)
_SHIFT = re.compile(rf"{_LEAD}(?:평일|주말|저녁|새벽|밤|낮)(?:엔|에는|에)\s*(?P<x>[가-힣]{{2,6}})\s*알바")
_ONCE = re.compile(
    rf"{_LEAD}(?P<x>[가-힣A-Za-z0-9 ]{{3,24}}?)\s?적\s*(?:이\s*)?(?P<v>있어|있음|있다|있거든|있는데|있어요|있습니다)$"
)
_THEN = re.compile(
    rf"{_LEAD}(?P<t>(?:[가-힣]{{1,3}}|\d{{1,2}})\s*살\s*때(?:까지)?|어릴\s*때(?:는)?|어렸을\s*때|옛날에|예전에|[초중고]딩\s*때|(?:초등학교|중학교|고등학교|대학|군대)\s*때)\s+(?P<x>.+)$"
)


def _past_life(clause: Clause, said: date) -> Proposal | None:
    """What he did once, or when he was a child."""
    words = clause.surface
    if clause.denied or not clause.named or not clause.own:
        return None
    if match := _ONCE.match(words):
        deed = match["x"].strip()
        if (ord(deed[-1]) - ord("가")) % 28 != 4:  # 된, 간, 본
            return None
        return _fact("past", f"{deed} 적이 있다.", clause.quote(clause.start + match.start("x")))
    if match := _THEN.match(words):
        part = [m for m in clause.morphemes if m.start >= clause.start + match.start("t")]
        last = next((i for i in range(len(part) - 1, -1, -1) if part[i].tag in ("VV", "XSV", "VA", "XSA")), None)
        done = last is not None and (
            _past(clause) or any(m.tag in ("EF", "ETN") and m.form in ("ᆷ", "음") for m in part[last:])
        )
        if not done or last is None or len(part) < 4:
            return None
        text = plain([(m.form, m.tag) for m in part[: last + 1]], past=True)
        return _fact("past", f"{text}.", clause.quote(part[0].start)) if len(text) <= 40 else None
    return None


def _aim(clause: Clause, said: date) -> Proposal | None:
    match = _AIM.match(clause.surface)
    if match is None or clause.denied or not clause.own or re.match(r"(?:뭐|없|개꿈|악몽)", match["x"]):
        return None
    text = f"{with_particle(match['w'], '은/는')} {with_particle(match['x'].strip(), '이다/다')}."
    return _fact("goal", text, clause.quote(clause.start))


def _self(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if clause.denied or not clause.own:
        return None

    def told(slot: str, text: str, at: int, **more: str) -> Proposal:
        return _fact(slot, text, clause.quote(clause.start + at), **more)

    if match := _BROKE_UP.match(words):
        known = {m.form for m in clause.morphemes if m.tag == "NNP"}
        if not any(form in match["x"] for form in known):
            return None
        friend = match["v"][:2] in ("손절", "절교")
        text = f"{with_particle(match['x'], '과/와')} {'절교했다' if friend else '헤어졌다'}."
        return told(
            "friend" if friend else "partner", text, match.start("x"), kind="relationship", instead_of=match["x"]
        )
    if match := _FRIEND_IS.match(words):
        slot = "friend" if match["w"] in ("절친", "베프", "단짝") else "partner"
        return told(
            slot,
            f"{with_particle(match['x'], '은/는')} {with_particle(match['w'], '이다/다')}.",
            0,
            kind="relationship",
        )
    for pattern, slot, text in (
        (_CLOSE, "friend", "{} 친구다."), (_CLOSEST, "friend", "가장 친한 친구는 {is_}."), (_DRIVES, "possession", "차는 {is_}."),
        (_WORKPLACE, "job", "직장은 {is_}."), (_SHIFT, "job", "{}에서 아르바이트를 한다."),
    ):  # fmt: skip
        if (match := pattern.match(words)) and match["x"] not in _VAGUE:
            subject = with_particle(match["x"], "은/는") if pattern is _CLOSE else match["x"]
            return told(slot, text.format(subject, is_=with_particle(match["x"], "이다/다")), match.start("x"))
    if (match := _GIVEN_UP.match(words)) and _noun(clause, match["x"]):
        return told("goal", f"{with_particle(match['x'], '을/를')} 포기했다.", match.start("x"), instead_of=match["x"])
    if (match := _SOLD.match(words)) and _noun(clause, match["x"]):
        return told(
            "possession", f"{with_particle(match['x'], '을/를')} 팔았다.", match.start("x"), instead_of=match["x"]
        )
    if match := _ATHLETE.match(words):
        return told("past", f"{match['x']}였다.", match.start("x"))
    if match := _BELIEVES.match(words):
        return told("other", f"{with_particle(match['x'], '이다/다')}.", match.start("x"))
    if (match := _BOUGHT.match(words)) and _past(clause):
        return told("possession", f"{with_particle(match['x'], '을/를')} 샀다.", match.start("x"))
    if match := _QUIT.match(words):
        if match["v"] == "끊":
            return (
                told("habit", f"{with_particle(match['x'], '을/를')} 끊었다.", match.start("x"))
                if _past(clause)
                else None
            )
        return (
            told("habit", f"{match['x']}를 다시 피운다.", match.start("x"))
            if "다시" in words and match["x"] == "담배"
            else None
        )
    if _past(clause):
        return None
    if match := _PREPARES.match(words):
        return told("goal", f"{with_particle(match['x'], '을/를')} 준비한다.", match.start("x"))
    if (match := _LEARNS.match(words)) and _noun(clause, match["x"]):
        return told("skill", f"{with_particle(match['x'], '을/를')} 공부한다.", match.start("x"))
    if (match := _TAKES.match(words)) and _noun(clause, match["x"]) and match["x"] not in ("회사", "학교", "병원"):
        verb = "다닌다" if "다닌" in match[0] else "배운다"
        return told("habit", f"{with_particle(match['x'], '을/를')} {verb}.", match.start("x"))
    if match := _STUDIES.match(words):
        if match["y"]:
            return told("school", f"{match['y']}과에 다닌다.", match.start("y"))
        return told("school", f"{match['x']} {match['n']}이다.", match.start("x"))
    if (match := _DAILY.match(words)) and not re.search(r"생각|걱정|야근|똑같|심심", match["x"]):
        verb = {"가": "간다", "감": "간다", "간다": "간다", "뛰어": "뛴다", "타": "탄다"}.get(match["v"], "한다")
        return told("habit", f"{match['w']} {match['x'].strip()} {verb}.", match.start("w"))
    return None


# --- what is to come

_TIMES = r"(?:(?:오전|오후|아침|저녁|밤|새벽|낮)에?\s*)?(?:\d{1,2}\s*시(?:\s*반|\s*\d+분)?\s*(?:에|부터|까지)?\s*)?"
_COMMON = re.compile(
    r"^(?:비|눈|날씨|월요일|화요일|수요일|목요일|금요일|토요일|일요일|주말|휴일|공휴일|평일|월급날?|추|더|덥|춥|맑|흐|뭐|또|다시|봐|보자|올게|갈게|할게|말해|얘기|연락|일찍|쉬|쉰|늦|자|잠|출근\s*(?:싫|하기)|학교\s*가기|새해|크리스마스|생일|방학|휴가\s*(?:가고|였)|같이|너|넌|네|오로라)"
)
_NOUNS = re.compile(
    r"(?:칠순|환갑|생신|돌잔치|기념일|\d+주년|만기|마감|발표|첫\s*출근|(?:새|다른)\s*(?:회사|직장)\s*출근|개업|이민|이사|예약|공연|팬미팅|콘서트|페스티벌|페스타|록페|락페|연주회|전시회|대회|예선|본선|결승|시험|실기|필기|면접|모의고사|모고|초록|논문|원고|과제|결혼식|결혼기념일|결혼|상견례|수술|검사|검진|내시경|치료|진료|미용실|치과|병원|스키장|캠핑|여행|출장|파견|입대|전역|입학|졸업식?|개강|종강|축제|엠티|워크숍|세미나|촬영|오디션|개봉|김장|제사|회식|동창회|송년회|미팅|소개팅|입주|계약|잔금|휴가|낚시|등산|마라톤|강연|강의|특강|봉사|JLPT|토익|토플|텝스|오픽|토스)"
)
_VERBS = re.compile(
    r"(?:이야|야|임|이에요|예요|래|이래|이래요|봐요|봐|본다|봄|보러|가요|가|감|간다|갈거임|가기로|서|선다|해|함|한다|해요|내야|나가|나감|받|잡|했|와|옴|온다|들어온|있|이다|이네|예약|쳐|침|$)"
)


def _plan(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if clause.denied or (clause.retold and not re.search(r"(?:이?래요?|대)$", words)):
        return None
    if re.search(r"(?:^|\s)(?:너|니|네가|걔|쟤|사람들|다들|오로라)\s?", words):
        return None
    spans = [s for s in dates.find(words, said) if s.last >= said and (s.last - s.first).days <= 31]
    if not spans:
        return None
    before = words[: min(s.start for s in spans)]
    if re.search(r"(?:니|냐|나요|까|까요)$", words) or (not clause.own and any(p in before for p in PEOPLE)):
        return None
    end = max(s.end for s in spans)
    rest = re.sub(r"^(?:에는|에|엔|은|부터|날|이|가|까지|쯤|로)?\s*", "", words[end:])
    rest = re.sub(rf"^{_TIMES}", "", rest)
    rest = re.sub(r"^(?:(?:나|저|난|전|드디어|또|첫|우리|근데|진짜|몰래)\s+)+", "", rest).strip()
    if not rest or _COMMON.match(rest) or re.search(r"(?:싫|귀찮|좋겠|려나|할까|갈까|기대|모르겠|고민)", rest):
        return None
    noun = _NOUNS.search(rest)
    if noun is None or not _VERBS.search(rest[noun.end() :] or ""):
        return None
    if re.match(r".{0,6}?(?:[았었했갔봤왔였]|[가-힣]쳤)", rest[noun.end() :]) and not re.search(r"예약|잡|신청", words):
        return None
    event = rest[: noun.end()].strip()
    event = re.sub(r"(?:을|를|이|가|은|는)\s", lambda m: m[0], event)
    if len(event) > 24:
        event = noun[0]
    after = rest[noun.end() :].strip()
    text = f"{with_particle(event, '이/가')} 있다."
    if re.match(r"(?:에|로|으로)?\s*(?:가|감|간다|가요|갈)", after) and not after.startswith("가족"):
        text = f"{event}에 간다." if re.search(r"(?:장|집|실|페|회|미팅|콘서트|병원|치과)$", event) else text
    return Proposal(
        "event", "plan", text, clause.quote(clause.start + spans[0].start), " ".join(s.words for s in spans)
    )


# --- what she must not do

_DO_NOT = r"(?:하지\s*마|하지마|하지\s*말|하지말|꺼내지\s*마|꺼내지\s*말|그만|금지|말아\s*줘|말아줘)"
_NOT_TOPIC = re.compile(
    rf"{_LEAD}(?:(?:내\s*앞에서|나한테|제발|앞으로)\s+)*(?P<x>[가-힣A-Za-z ]{{1,16}}?)\s*(?P<w>얘기|이야기|말|소리|언급|농담|질문)(?:는|은|를|을|도|좀)?\s*(?:나한테|저한테|내\s*앞에서|이제|제발|앞으로|다신|다시는|절대)*\s*{_DO_NOT}"
)
_NOT_SAID = re.compile(
    r"^(?:(?:나|저|난|내가|제가)\s+)?(?P<x>[가-힣ㄱ-ㅎ ]{1,20}?(?:라고|다고|단|란|때는?|거))\s*(?:[가-힣]+\s*)?(?P<v>하지\s*마|하지마|뭐라\s*하지\s*마|뭐라하지마|농담하지\s*말아줘?|농담하지\s*마|하지\s*말아줘?)"
)


def _rule(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if match := _NOT_TOPIC.match(words):
        topic = re.sub(r"^(?:나한테|제발|앞으로|내\s*앞에서|나|이제)\s+", "", match["x"].strip())
        if topic and not re.match(
            r"^(?:그런|이런|저런|무슨|딴|헛|쓸데없는|거짓|걱정|말도|그|이|웃기|웃기는|이상한|재미없는|됐고|야|그만|걱정|너|네)",
            topic,
        ):
            return _fact(
                "rule",
                f"{topic} 이야기를 하지 않기를 바란다.",
                clause.quote(clause.start + match.start("x")),
                "boundary",
            )
    if (match := _NOT_SAID.match(words)) and clause.named | ("나한테" in words) | (
        "라고" in match["x"] or "다고" in match["x"]
    ):
        what = match["x"].strip()
        if re.match(r"^(?:걱정|그런|이런|무리)", what) or not re.search(r"부를|라고|다고|때", what):
            return None
        deed = re.sub(r"\s*(?:하지\s*마|하지마|하지\s*말아줘?)$", "", words[match.start("x") : match.end()].strip())
        return _fact(
            "rule",
            f"{deed}{'지' if deed.endswith('하') else ' 하지'} 않기를 바란다.",
            clause.quote(clause.start + match.start("x")),
            "boundary",
        )
    return None


TYPED: list[Rule] = [
    _rule,
    _aim,
    _past_life,
    _family_illness,
    _family,
    _name,
    _age,
    _plan,
    _job,
    _home,
    _hometown,
    _health,
    _self,
    _taste,
]
TYPED_SUPPOSED: list[Rule] = [_rule]
TYPED_RETOLD: list[Rule] = [_rule, _family_illness, _health, _plan]
"""A diagnosis and a date are told as heard (`나 위염 초기래`) and are his own all the same."""
