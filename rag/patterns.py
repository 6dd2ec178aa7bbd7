# ruff: noqa: E501 - a pattern is read better whole
"""Plain statements about oneself, found by their morphemes: name, age, job, home, family, pets, tastes, plans, wishes.

What it does not know it leaves to the language model; what it finds should be true. Each rule reads one clause and
gives at most one proposal.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

from rag import dates
from rag.clauses import FRIENDS, KIN, PARTNERS, PEOPLE, PETS, Clause, clauses
from rag.memory import Proposal, normalise
from rag.names import introduction
from rag.numerals import ONES, TENS, number
from rag.phrasing import plain, with_particle

Rule = Callable[[Clause, date], Proposal | None]


def propose(text: str, said: date | None = None) -> list[Proposal]:
    """What a message plainly says about the user.

    Args:
        text: the user's own message.
        said: the user's local day, for `내 생일 내일이야` (default: today).
    """
    day = said or date.today()
    found: list[Proposal] = []
    spoken_of = ""
    for clause in clauses(text):
        found += _of_clause(clause, day, spoken_of)
        spoken_of = next((m.form for m in reversed(clause.morphemes) if m.form in PETS | PEOPLE), spoken_of)
    message = normalise(text)
    found = [replace(proposal, text=proposal.text.replace("거를 ", "것을 ")) for proposal in found]
    return [proposal for proposal in dict.fromkeys(found) if proposal.quote and proposal.quote in message]


def _of_clause(clause: Clause, said: date, spoken_of: str) -> Iterator[Proposal]:
    """``spoken_of``: the person or animal last named before the clause, whose name `이름은 나비야` tells."""
    if clause.question or (_wonders(clause) and not clause.commanded):
        return
    from rag.typed import TYPED, TYPED_RETOLD, TYPED_SUPPOSED

    if clause.retold:
        yield from itertools.islice((p for rule in TYPED_RETOLD if (p := rule(clause, said))), 1)
        return
    if not clause.supposed and (named := _name(clause, spoken_of)):
        yield named
        return
    rules = ORDERED_TOO if clause.commanded else SUPPOSED_TOO if clause.supposed else RULES
    rules = [*rules, *(TYPED_SUPPOSED if clause.commanded or clause.supposed else TYPED)]
    for rule in rules:
        proposal = rule(clause, said)
        if proposal is not None:
            yield proposal
            return


_WONDERING = frozenset("뭐 무엇 누구 어디 언제 왜 몇 무슨 어떤 어느".split())


def _wonders(clause: Clause) -> bool:
    """Whether a question word makes a question of it even without its mark: 취미가 뭐야."""
    found = {m.form for m in clause.morphemes if m.tag in ("NP", "MAG", "MM")} & _WONDERING
    return bool(found) and "뭐라" not in clause.surface


# --- pieces of patterns over ``form/TAG ``

_N = r"(?:[^ /]+/(?:NNG|NNP|SL|SH|SN|XR|XPN|XSN|NNB|MM|NR|W_HASHTAG) )"
_P = r"(?:[^ /]+/J[A-Z]+ )?"  # a particle, or none
_A = r"(?:[^ /]+/(?:MAG|IC|JX) |(?:진짜|제일|가장|요즘|이제|지금|혼자|그냥|정말|완전)/[A-Z]+ )*"
_SELF = r"(?:(?:나|저|제|본인)/(?:NP|MM) " + _P + ")?"
_END = r"(?:[^ /]+/(?:EP|EF|EC|ETN|JX|JKV|IC|SW|W_EMOJI|VX|MAG|S[FPESW]|Z_[A-Z]+) |중/NNB |이/VCP )*$"
_IS = r"(?:이/VCP |야/JKV |ᆷ/EF |요/JX |$)"
_COUNT = r"(?P<n>[^ /]+/(?:MM|NR|SN) (?:마리|명|분)/NNB )"
_CITIES = frozenset(
    "서울 부산 대구 인천 광주 대전 울산 세종 수원 성남 용인 고양 부천 안산 안양 화성 평택 의정부 파주 김포 천안 아산 청주 충주 전주 군산 익산 정읍 목포 여수 순천 "
    "광양 포항 경주 구미 안동 김천 창원 김해 진주 통영 거제 양산 제주 서귀포 춘천 원주 강릉 속초 동해 분당 일산 판교 홍대 강남 잠실 신촌 도쿄 뉴욕 런던 파리".split()
)
_PLACE_NOUNS = "기숙사 본가 자취방 원룸 오피스텔 고시원 시골 바닷가 섬 제주 강원도 경기도 전라도 경상도 충청도".split()
_NO_PLACE = frozenset(
    "꿈 세상 여기 거기 저기 어디 집 곳 데 이곳 그곳 동네 낙 재미 맛 멋 빚 지옥 천국 우리 인생".split()
)
_DEICTIC = frozenset(
    "너 네 니 당신 그거 이거 저거 그것 이것 걔 얘 쟤 거기 여기 이 그 저 오로라 그런 이런 나 우리 누나 언니 네가 니가 너네".split()
)


def _past(clause: Clause) -> bool:
    if re.search(r"기로\s*(?:했|함)", clause.surface):  # a decision for what is to come
        return False
    return any(m.tag == "EP" and m.form in ("었", "았", "였", "었었") for m in clause.morphemes)


def _fact(slot: str, text: str, quote: str, kind: str = "fact", **more: str) -> Proposal:
    return Proposal(kind, slot, text, quote, **more)  # type: ignore[arg-type]


def _search(pattern: re.Pattern[str], clause: Clause) -> re.Match[str] | None:
    """The first match that begins at a morpheme."""
    return pattern.search(clause.tagged)


def _r(pattern: str) -> re.Pattern[str]:
    return re.compile(r"(?:^|(?<= ))" + pattern)


# --- who the user is

_NAME_END = r"(?:이라고|라고)?\s*(?:이야|야|이에요|예요|이예요|에요|입니다|이고|고|임|이다|다|이거든|거든|인데|이요|요|해요|해|합니다|함|한다)?"
_NAME = re.compile(
    rf"(?P<owner>[가-힣\s]*?)\s*(?P<word>이름|성함|별명|닉네임)\s*(?:은|이|은요)?\s*(?P<x>[가-힣]{{2,5}}?|[A-Za-z][A-Za-z ]{{1,19}}?){_NAME_END}$"
)
_CALLED = re.compile(
    r"(?:(?:나|저|날|나를|저를|앞으로|이제|그냥|편하게)(?:는|은)?\s*)*(?P<x>[가-힣]{1,6}?|[A-Za-z]{2,12})(?:이라고|라고|이라|라)\s*(?:불러|부르면\s*(?:돼|됩|되))"
)
_AM = re.compile(r"^(?:나는|난|나|저는|전|저)\s*(?P<x>[가-힣]{2,4}?)(?:이라고|라고)\s*(?:해|합니다|하는데|한다|함)")
_SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류나진지엄채원천방공현함변염여추도소석선설마길연위표명기반라왕금옥육인맹제모탁국"
)
_NO_NAME = frozenset(
    "뭐 뭔 무엇 누구 비밀 없어 없 몰라 모르 같 그거 이거 아니 예뻐 예쁘 이쁘 특이 흔해 흔하 별로 바꾸 바꿨 비슷 똑같 까먹 좋아 좋 싫 말 안알려 추천 지어 은요 알려".split()
)


def _name(clause: Clause, spoken_of: str) -> Proposal | None:
    if clause.denied:
        return None
    match = _NAME.search(clause.surface)
    if match is None:
        return _introduced(clause)
    name, owner = match["x"].strip(), match["owner"].strip()
    if len(name) < 1 or any(name.startswith(word) for word in _NO_NAME):
        return None
    slot, whose = _owner(owner, clause, spoken_of)
    if slot is None:
        return None
    word = match["word"].replace("성함", "이름").replace("닉네임", "별명")
    if slot == "name" and word == "별명":
        slot = "nickname"
    at = clause.surface.find(whose) if whose else -1
    start = clause.start + (at if at >= 0 else match.start("word"))
    label = f"{whose} {word}".strip()
    kind = "relationship" if slot in ("family", "partner", "friend") else "fact"
    return _fact(slot, f"{with_particle(label, '은/는')} {with_particle(name, '이다/다')}.", clause.quote(start), kind)


def _owner(owner: str, clause: Clause, spoken_of: str) -> tuple[str | None, str]:
    """Slot and word of whose name it is; slot None for people that are not the user's."""
    words = re.sub(r"^(?:아니|아|음|그|참|근데)\s+", "", owner).strip()
    words = re.sub(r"^(?:우리\s*집|우리|울|내|제|나의|저의|나|저|나는|저는|난|전)\s*", "", words).strip()
    words = re.sub(r"(?:의|네|는|은)$", "", words).strip()
    if not words and clause.named and clause.own and not owner.strip().startswith(("우리", "울")):
        return "name", ""
    words = words or spoken_of  # without an owner it may be anybody's, unless somebody was just named
    if not words:
        return None, ""
    last = words.split()[-1]
    for names, slot in ((PETS, "pet"), (PARTNERS, "partner"), (KIN, "family"), (FRIENDS, "friend")):
        if last in names:
            return slot, last
    return None, ""


def _introduced(clause: Clause) -> Proposal | None:
    if not clause.denied and (known := introduction(clause.surface)):
        name, quote = known
        return _fact(
            "name", f"이름은 {with_particle(name, '이다/다')}.", clause.quote(clause.start + clause.surface.find(quote))
        )
    if match := _CALLED.search(clause.surface):
        name = match["x"]
        objects = re.search(r"[가-힣]+(?<!나)(?<!저)(?<!날)[을를]\s", clause.surface[: match.start("x")])
        if (
            name in ("뭐", "뭐이", "이", "그", "너")
            or objects
            or any(m.form in ("너", "네", "걔") for m in clause.morphemes)
        ):
            return None
        start = clause.start + match.start("x")
        return _fact(
            "nickname", f"{with_particle(name, '이라고/라고')} 불리고 싶어 한다.", clause.quote(start), "preference"
        )
    match = _AM.search(clause.surface)
    if match and not clause.denied and match["x"][0] in _SURNAMES | {match["x"][0]} and match["x"] not in _NO_NAME:
        found = [m for m in clause.morphemes if m.tag == "NNP"]
        if found and clause.surface.find(match["x"]) >= 0 and match["x"] in "".join(m.form for m in clause.morphemes):
            return _fact(
                "name", f"이름은 {with_particle(match['x'], '이다/다')}.", clause.quote(clause.start + match.start("x"))
            )
    full = re.search(_SELF.replace("?", "", 1) + r"(?P<x>[^ /]{3}/NNP )(?:이/VCP )", clause.tagged)
    if full and clause.named and not clause.denied:
        name = clause.words(full, "x")
        if name[0] in _SURNAMES and len(name) == 3 and not re.search(r"(?:인|사람|시|도|군|구|동)$", name):
            return _fact("name", f"이름은 {with_particle(name, '이다/다')}.", clause.quote_of(full))
    return None


_AGE = re.compile(
    rf"^(?:(?:아니|아|음|참|사실)\s*)?(?P<self>(?:나는|저는|내가|제가|난|전|나|저|내\s*나이는?|나이는?)\s*)?(?:(?:올해|이제|벌써|지금|만|한국나이로|한국\s*나이로?|만으로)\s*)*"
    rf"(?P<n>\d{{2}}|(?:{'|'.join(TENS)})\s*(?:{'|'.join(ONES)})?)\s*(?:살|세)(?P<end>이야|임|이에요|예요|이요|이고|인데|이다|입니다|이거든|됐어|먹었어|이지|요)?$"
)
_BORN = re.compile(
    r"^(?P<self>(?:나는|저는|난|전|나|저)\s*)?(?P<y>(?:19|20)?\d{2})\s*년\s*생(?:이야|임|이에요|입니다|이고|인데|이다)?$"
)


def _age(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if not clause.own or clause.denied:
        return None
    alone = words == clause.text.strip(" .,!?~…ㅋㅎㅠㅜ")
    if (match := _BORN.match(words)) and (match["self"] or alone):
        return _fact("age", f"{match['y']}년생이다.", clause.quote(clause.start + match.start("y")))
    match = _AGE.match(words)
    if match is None or not (match["self"] or (alone and match["end"]) or words.startswith("아니")):
        return None
    told = re.sub(r"\s", "", match["n"])
    age = int(told) if told.isdigit() else number(told) or 0
    return _fact("age", f"{age}살이다.", clause.quote(clause.start + match.start("n"))) if age >= 10 else None


def _birthday(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if (
        "생일" not in words
        or clause.denied
        or _past(clause)
        or re.search(r"생일\s*(?:파티|선물|축하|케이크|잔치|카드)", words)
    ):
        return None
    spans = dates.find(words, said)
    if len(spans) != 1 or spans[0].first != spans[0].last:
        return None
    if not re.search(r"생일\s*(?:은|이|은요)?\s*(?:음력\s*)?$", words[: spans[0].start].rstrip()) and not re.search(
        r"^(?:이|가|은)?\s*(?:내|제|나의)?\s*생일", words[spans[0].end :].strip()
    ):
        return None
    before = words[: words.find("생일")]
    owner = next(
        (word for word in re.findall(r"[가-힣]+", before) if re.sub(r"(?:의|네)$", "", word) in PEOPLE | PETS), ""
    )
    owner = re.sub(r"(?:의|네)$", "", owner)
    slot = "birthday" if not owner else _person_slot(owner)
    if slot is None or re.search(r"(?:^|\s)(?:너|니|네)\s", before) or (not owner and not clause.own):
        return None
    day, lunar = spans[0].first, "음력 " if "음력" in words else ""
    label = f"{owner} 생일은".strip()
    kind = "fact" if slot in ("birthday", "pet") else "relationship"
    start = clause.start + (before.find(owner) if owner else min(spans[0].start, words.find("생일")))
    return _fact(slot, f"{label} {lunar}{day.month}월 {day.day}일이다.", clause.quote(start), kind)


def _person_slot(person: str) -> str | None:
    for names, slot in ((PETS, "pet"), (PARTNERS, "partner"), (KIN, "family"), (FRIENDS, "friend")):
        if person in names:
            return slot
    return None


# --- what the user does

_JOBS = (
    "개발자 프로그래머 간호사 간호조무사 의사 한의사 치과의사 수의사 약사 교사 선생님 변호사 회계사 세무사 디자이너 작가 기자 요리사 셰프 "
    "바리스타 경찰 경찰관 소방관 군인 공무원 회사원 직장인 프리랜서 자영업자 대학생 대학원생 고등학생 중학생 초등학생 학생 취준생 "
    "취업준비생 백수 주부 배우 가수 모델 유튜버 스트리머 미용사 엔지니어 연구원 마케터 기획자 강사 트레이너 승무원 조종사 농부 "
    "번역가 통역사 공시생 재수생 삼수생 수험생 교수 건축가 물리치료사 영양사 사회복지사 은행원 알바생 운동선수 제빵사 사서 심리상담사 "
    "상담사 사진작가 웹툰작가 일러스트레이터 피디 아나운서 성우 판사 검사 공익 사회복무요원 유치원교사 보육교사 치위생사 방사선사 "
    "임상병리사 안경사 플로리스트 네일아티스트 헤어디자이너 택배기사 버스기사 택시기사 인턴 신입사원 사업가 요가강사 학원강사 과외선생님"
).split()
_JOB = "|".join(sorted((f"{job[:-2]}/NNG {job[-2:]}/NNG |{job}" for job in _JOBS), key=len, reverse=True))
_JOB_WORD = rf"(?:{'|'.join(sorted(_JOBS, key=len, reverse=True))})"
_IS_JOB = re.compile(
    rf"^(?:(?:아니|아|음|참|사실)\s*)?(?P<self>(?:나는|저는|내가|제가|난|전|나|저|내\s*직업은?|제\s*직업은?|직업은?|직업이)\s*)?(?:(?:올해|이제|지금|요즘|아직|현재|그냥|현직|예비)\s*)*"
    rf"(?P<x>(?:[가-힣A-Za-z]{{1,8}}\s)?[가-힣]{{0,4}}{_JOB_WORD})(?P<end>이야|야|임|이에요|예요|에요|입니다|이고|고|인데|이다|이거든|거든|이라|라서|이라서|라|이지|으로\s*일해|로\s*일해)(?:요)?$"
)
_WORKS = _r(rf"(?P<x>{_N}+)(?:으로|로)/JKB {_A}(?:일/NNG 하/(?:XSV|VV) |일하/VV |근무/NNG 하/XSV |뛰/VV ){_END}")
_WORKS_AT = _r(
    rf"(?P<x>{_N}+)에서/JKB {_A}(?P<w>일/NNG 하/(?:XSV|VV) |일하/VV |근무/NNG 하/XSV |알바/NNG 하/(?:XSV|VV) |알바/NNG ){_END}"
)
_GOES = _r(rf"(?P<x>{_N}+)(?:에|를|을|엘)?(?:/J[A-Z]+ )?{_A}다니/VV {_END}")
_GOT = _r(rf"(?P<x>{_N}+)(?:에|으로|로)/JKB {_A}(?P<v>취직|취업|입사|이직|합격)/NNG (?:하/XSV |되/XSV ){_END}")
_LEFT = re.compile(r"(?:^|\s)(?:회사|직장|알바|일)(?:를|을)?\s*(?:그만\s*뒀|때려\s*쳤|관뒀|그만뒀)|퇴사\s*했|백수\s*됐")
_SCHOOLS = re.compile(r"(?:대|대학교|대학|대학원|고등학교|고|중학교|중|초등학교|여고|여대|여중|과고|외고|예고)$")
_WORKPLACES = re.compile(
    r"(?:회사|병원|은행|공장|학원|연구소|시청|구청|군청|대기업|중소기업|스타트업|중소|전자|카페|식당|어린이집|유치원|법원|방송국|출판사|로펌|공단|공사|마트)$"
)
_COURSES = re.compile(
    r"(?:헬스|헬스장|교회|성당|절|요가|필라테스|수영|수영장|피티|발레|도장|체육관|클라이밍|복싱|학원|테니스|골프)$"
)
_NO_GOING = re.compile(r"(?:여행|출장|학교|곳|데|산책|구경|소풍|밖|혼자|같이|거기|여기|어디|집)$")
_MAJOR = _r(rf"(?P<x>{_N}+)(?:를/JKO |을/JKO )?{_A}전공/NNG (?:이/VCP |하/XSV ){_END}")
_MAJOR_IS = _r(rf"전공/NNG (?:은/JX |이/JKS )?(?P<x>{_N}+){_IS}")
_GRADE = re.compile(
    r"^(?P<self>(?:나는|저는|난|전|나|저)\s*)?(?:(?:올해|이제|지금|아직)\s*)*(?P<x>(?:[가-힣A-Za-z]{1,12}\s?){0,2}[1-6]\s*학년|고[123]|중[123])(?:이야|야|임|이에요|예요|입니다|이고|인데|이다|이라)(?:요)?$"
)
_STUDY = re.compile(r"(?P<x>휴학|자퇴|졸업|복학|편입)\s*(?:했|함|하였)|(?P<y>휴학|재수|삼수|취준)\s*(?:중|하고\s*있)")


def _job(clause: Clause, said: date) -> Proposal | None:
    if not clause.own or clause.denied:
        return None
    words = clause.surface
    alone = words == clause.text.strip(" .,!?~…ㅋㅎㅠㅜ")
    if (
        (match := _IS_JOB.match(words))
        and not _past(clause)
        and (match["self"] or (alone and match["end"] in ("임", "입니다", "이에요", "예요")))
    ):
        job = re.sub(r"^(?:그냥|평범한|이제)\s+", "", match["x"].strip())
        return _fact("job", f"{with_particle(job, '이다/다')}.", clause.quote(clause.start + match.start("x")))
    if (found := _search(_GOT, clause)) and _past(clause):
        place, verb = clause.words(found, "x"), found["v"].split("/")[0]
        slot = "school" if _SCHOOLS.search(place) and verb == "합격" else "job"
        return _fact(slot, f"{place}에 {verb}했다.", clause.quote_of(found))
    if (left := _LEFT.search(words)) and not clause.supposed:
        text = (
            "퇴사했다."
            if "퇴사" in left[0]
            else "다니던 회사를 그만두었다."
            if re.search("회사|직장", left[0])
            else "하던 일을 그만두었다."
        )
        return _fact("job", text, clause.quote(clause.start + left.start() + (left[0][0] == " ")))
    if _past(clause):
        return None
    if found := _search(_WORKS, clause):
        job = clause.words(found, "x")
        if re.search(_JOB_WORD + "$|직$|사$|자$|원$|알바$", job):
            return _fact("job", f"{with_particle(job, '으로/로')} 일한다.", clause.quote_of(found))
    if found := _search(_WORKS_AT, clause):
        place = clause.words(found, "x")
        if not _NO_GOING.search(place) and place not in _NO_PLACE:
            verb = "알바를 한다" if "알바" in found["w"] else "일한다"
            return _fact("job", f"{place}에서 {verb}.", clause.quote_of(found))
    return None


def _goes(clause: Clause, said: date) -> Proposal | None:
    if not clause.own or clause.denied or _past(clause):
        return None
    found = _search(_GOES, clause)
    if found is None:
        return None
    place = clause.words(found, "x")
    proper = any(m.tag in ("NNP", "SL") for m in clause.morphemes[slice(*(clause.span(found, "x") or (0, 0)))])
    if _COURSES.search(place):
        return _fact("habit", f"{with_particle(place, '을/를')} 다닌다.", clause.quote_of(found))
    if _NO_GOING.search(place):
        return None
    if _SCHOOLS.search(place) and not place.endswith(("회사", "상대")):
        return _fact("school", f"{place}에 다닌다.", clause.quote_of(found))
    if proper or _WORKPLACES.search(place):
        return _fact("job", f"{place}에 다닌다.", clause.quote_of(found))
    return None


def _school(clause: Clause, said: date) -> Proposal | None:
    if not clause.own or clause.denied:
        return None
    words = clause.surface
    alone = words == clause.text.strip(" .,!?~…ㅋㅎㅠㅜ")
    if (match := _GRADE.match(words)) and (match["self"] or alone):
        return _fact(
            "school", f"{with_particle(match['x'].strip(), '이다/다')}.", clause.quote(clause.start + match.start("x"))
        )
    if (found := _search(_MAJOR_IS, clause)) or (not _past(clause) and (found := _search(_MAJOR, clause))):
        major = clause.words(found, "x")
        if major not in ("뭐", "무슨", "무엇") and not re.match(r"(?:내|제|나|저)$", major):
            return _fact("school", f"전공은 {with_particle(major, '이다/다')}.", clause.quote_of(found))
    if (match := _STUDY.search(words)) and not clause.supposed:
        verb = f"{match['x']}했다." if match["x"] else f"{match['y']} 중이다."
        return _fact("school", verb, clause.quote(clause.start + match.start()))
    return None


# --- where the user lives

_DURATION = r"(?:(?:[^ /]+/(?:SN|NR|MM) )?(?:[^ /]+/NNB )(?:째/XSN |동안/NNG )?)?"
_LIVES = _r(
    rf"(?P<x>{_N}+)(?:(?:에|에서|서)/JKB )?{_A}{_DURATION}(?:살/VV |사/VV (?=는데/|는/|고/EC 있/VX )|거주/NNG 하/XSV |거주/NNG 중/NNB ){_END}"
)
_MOVED = _r(rf"(?P<x>{_N}+)(?:으로|로|에)/JKB {_A}이사/NNG (?:하/XSV |오/VV |가/VV ){_END}")
_HOME_IS = _r(rf"집/NNG (?:은/JX |이/JKS )?(?P<x>{_N}*[^ /]+/NNP {_N}*)(?:쪽/NNB |근처/NNG )?(?:이/VCP |야/JKV ){_END}")
_FROM = _r(rf"(?P<x>{_N}+)출신/NNG {_IS}")
_HOMETOWN = _r(rf"고향/NNG (?:은/JX |이/JKS )?(?P<x>{_N}+)(?:이/VCP |야/JKV |ᆷ/EF |요/JX |$)")
_BORN_IN = _r(rf"(?P<x>{_N}+)에서/JKB {_A}(?P<v>태어나/VV |나/VV 고/EC 자라/VV |자라/VV ){_END}")


def _is_place(clause: Clause, span: tuple[int, int] | None) -> bool:
    if span is None:
        return False
    part = clause.morphemes[span[0] : span[1]]
    words = "".join(m.form for m in part)
    if part[-1].form in _NO_PLACE or words in _NO_PLACE or any(m.form in PEOPLE | PETS for m in part):
        return False
    proper = any(m.tag in ("NNP", "SL") for m in part)
    return (
        proper
        or words in _PLACE_NOUNS
        or part[-1].form in _CITIES
        or bool(re.search(r"[가-힣]{2,}(?:동|구|시|군|읍|면|리|역)$", words))
    )


def _stripped(clause: Clause, match: re.Match[str], group: str = "x") -> tuple[str, int] | None:
    """The words of a group without a leading 나/저 that is part of it, and where they begin."""
    span = clause.span(match, group)
    if span is None:
        return None
    first, last = span
    while first < last and clause.morphemes[first].form in (
        "나",
        "저",
        "제",
        "내",
        "우리",
        "지금",
        "요즘",
        "이제",
        "현재",
        "아직",
    ):
        first += 1
    while last - first > 1 and clause.morphemes[first].tag == "NNP" and clause.morphemes[first + 1].form in _CITIES:
        if clause.morphemes[first].form in _CITIES or clause.morphemes[first].form.endswith("도"):
            break
        first += 1  # 나 수빈 대전 살아
    if first == last:
        return None
    part = clause.morphemes[first:last]
    return clause.text[part[0].start : part[-1].end].strip(), part[0].start


def _home(clause: Clause, said: date) -> Proposal | None:
    if not clause.own or clause.denied:
        return None
    for pattern in (_MOVED, _LIVES, _HOME_IS):
        found = _search(pattern, clause)
        if found is None or not _is_place(clause, clause.span(found, "x")):
            continue
        place = _stripped(clause, found)
        if place is None or (pattern is _MOVED) != _past(clause):
            continue
        return _fact("home", f"{place[0]}에서 산다.", clause.quote(place[1]))
    if (
        (found := _search(_LIVES, clause))
        and _past(clause)
        and _is_place(clause, clause.span(found, "x"))
        and clause.named
    ):
        place = _stripped(clause, found)
        return place and _fact("past", f"{place[0]}에서 살았다.", clause.quote(place[1]))
    return None


def _hometown(clause: Clause, said: date) -> Proposal | None:
    if not clause.own or clause.denied:
        return None
    if (found := _search(_HOMETOWN, clause)) and _is_place(clause, clause.span(found, "x")):
        return _fact(
            "hometown", f"고향은 {with_particle(clause.words(found, 'x'), '이다/다')}.", clause.quote_of(found)
        )
    for pattern, text in ((_FROM, "{} 출신이다."), (_BORN_IN, "{}에서 태어났다.")):
        if (found := _search(pattern, clause)) and _is_place(clause, clause.span(found, "x")):
            place = _stripped(clause, found)
            if place is None:
                return None
            words = text if pattern is _FROM or "태어나" in found["v"] or "나/VV" in found["v"] else "{}에서 자랐다."
            return _fact("hometown", words.format(place[0]), clause.quote(place[1]))
    return None


# --- people and animals

_KIN_WORD = "|".join(sorted(KIN - {"아이", "애", "가족", "친척", "아기", "애기"}, key=len, reverse=True))
_HAS = _r(
    rf"(?P<x>(?:[^ /]+/(?:NNG|MM|XPN) )?(?:{_KIN_WORD})/NN[GP] (?:[^ /]+/XSN )?){_P}{_A}(?:{_COUNT})?{_P}{_A}있/V[AV] {_END}"
)
_ONLY_CHILD = re.compile(
    r"(?P<x>외동딸|외동아들|외동|외아들|장녀|장남|맏이|막내|둘째|첫째|셋째|쌍둥이)(?:이야|야|임|이에요|예요|에요|입니다|이고|고|인데|이다|다|이라|라서|거든)(?:요)?$"
)
_MARRIED = re.compile(r"(?P<x>결혼|이혼|약혼|임신|출산|파혼)\s*(?:했|함|했었|한\s*지)")
_KIN_IS = re.compile(
    rf"^(?P<self>(?:우리|울|내|제)\s*)?(?P<who>{'|'.join(sorted(KIN | PARTNERS | {'친구', '절친', '베프'}, key=len, reverse=True))})(?:은|는|이|가|도)?\s+(?:(?:지금|현재|올해)\s*)*"
    rf"(?P<x>[가-힣]{{0,4}}{_JOB_WORD})(?:이야|야|임|이에요|예요|에요|입니다|이고|고|인데|이다|다|이거든|거든)(?:요)?$"
)
_PASSED = re.compile(
    rf"(?P<who>{_KIN_WORD})(?:가|이|께서|는|은|도)?\s*(?:(?:작년|재작년|얼마\s*전|몇\s*년\s*전|어릴\s*때)에?\s*)?(?:돌아가셨|하늘나라\s*가셨)"
)
_PARTNER_WORD = "남친|여친|남자친구|여자친구|남자 친구|여자 친구|애인|연인|남편|아내|와이프|신랑"
_FULL_NAME = {
    "남친": "남자친구",
    "여친": "여자친구",
    "남자 친구": "남자친구",
    "여자 친구": "여자친구",
    "와이프": "아내",
    "신랑": "남편",
}
_PARTNER = re.compile(
    rf"(?P<x>{_PARTNER_WORD})(?:이|가|은|는|도)?\s*(?:(?:새로|드디어|최근에|얼마\s*전에|이제|아직|현재|지금)\s*)*(?P<v>있(?!다(?:더|는|며|고|면))|생겼(?!다(?:더|는|며|고|면))|생김|없(?!다(?:더|는|며|고|면)))"
)
_BROKE = re.compile(
    rf"(?:(?P<x>{_PARTNER_WORD})(?:이랑|랑|하고|와|과|한테|에게)?\s*)?(?:(?:어제|오늘|그저께|지난주에|얼마\s*전에|며칠\s*전에|최근에|결국|드디어)\s*)*(?P<v>헤어졌(?!다(?:더|는|며|고|면|가))|차였|이별했)"
)
_SINGLE = re.compile(
    r"^(?:(?:나는|저는|난|전|나|저)\s*)(?:(?:아직|지금|현재|그냥)\s*)*(?P<x>솔로|모쏠|모태솔로|싱글|미혼|기혼|유부녀|유부남)(?:이야|야|임|이에요|예요|에요|입니다|이고|고|인데|이다|다|라)(?:요)?$"
)


def _family(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    other = any(m.tag == "NP" and m.form in ("너", "네", "니", "걔", "쟤") for m in clause.morphemes)
    if clause.denied or other:
        return None
    if match := _PASSED.search(words):
        return _fact(
            "family",
            f"{with_particle(match['who'], '이/가')} 돌아가셨다.",
            clause.quote(clause.start + match.start()),
            "relationship",
        )
    if (found := _search(_HAS, clause)) and not _past(clause) and _only_subject(clause, found):
        who = _stripped(clause, found)
        if who is not None:
            count = f" {clause.words(found, 'n')}" if found["n"] else ""
            return _fact(
                "family", f"{with_particle(who[0], '이/가')}{count} 있다.", clause.quote(who[1]), "relationship"
            )
    if (
        clause.own
        and (match := _ONLY_CHILD.search(words))
        and re.fullmatch(
            r"(?:(?:나는|저는|내가|제가|난|전|나|저|집에서|우리집|사실|그냥)\s*)+", words[: match.start()] or "나"
        )
    ):
        return _fact(
            "family",
            f"{with_particle(match['x'], '이다/다')}.",
            clause.quote(clause.start + match.start("x")),
            "relationship",
        )
    if (match := _KIN_IS.match(words)) and (match["self"] or match["who"] in KIN):
        slot = _person_slot(match["who"])
        if slot:
            text = f"{with_particle(match['who'], '은/는')} {with_particle(match['x'], '이다/다')}."
            return _fact(slot, text, clause.quote(clause.start + match.start("who")), "relationship")
    return None


def _only_subject(clause: Clause, found: re.Match[str]) -> bool:
    """Whether nothing but the user stands before the match (`친구한테 여동생이 있어` is no sister of his)."""
    before = clause.tagged[: found.start()]
    return (
        re.fullmatch(rf"(?:(?:나|저|우리|내|제|집|저희)/[A-Z]+ {_P}|[^ /]+/(?:MAG|MAJ|IC|MM|JK[GB]|JX) )*", before)
        is not None
    )


def _partner(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    strangers = PEOPLE - PARTNERS
    if any(
        m.form in strangers or (m.tag == "NP" and m.form in ("너", "네", "니", "걔", "쟤"))
        for m in clause.morphemes
        if m.form not in ("남자", "여자", "친구")
    ):
        return None
    if match := _BROKE.search(words):
        if not (match["x"] or clause.own) or re.search(
            r"(?:친구|사람|팀|동료)(?:들)?(?:이랑|랑|하고|와|과)", words.replace("남자친구", "").replace("여자친구", "")
        ):
            return None
        who = _FULL_NAME.get(match["x"] or "", match["x"] or "")
        text = f"{with_particle(who, '과/와')} 헤어졌다." if who else "사귀던 사람과 헤어졌다."
        return _fact(
            "partner",
            text,
            clause.quote(clause.start + match.start("x" if match["x"] else "v")),
            "relationship",
            instead_of="*",
        )
    if (match := _PARTNER.search(words)) and _alone(words[: match.start()]) and not _has_modifier(clause):
        who = _FULL_NAME.get(match["x"], match["x"])
        text = f"{with_particle(who, '이/가')} {'없다' if match['v'] == '없' else '있다'}."
        return _fact(
            "partner",
            text,
            clause.quote(clause.start + match.start()),
            "relationship",
            instead_of="*" if match["v"] == "없" else "없다",
        )
    if clause.denied or not clause.own:
        return None
    if match := _SINGLE.match(words):
        return _fact(
            "partner",
            f"{with_particle(match['x'], '이다/다')}.",
            clause.quote(clause.start + match.start("x")),
            "relationship",
            instead_of="*",
        )
    if (match := _MARRIED.search(words)) and (clause.named or match.start() == 0) and match["x"] != "출산":
        slot = "health" if match["x"] == "임신" else "partner"
        return _fact(
            slot,
            f"{match['x']}했다.",
            clause.quote(clause.start + match.start()),
            "fact" if slot == "health" else "relationship",
        )
    return None


def _alone(before: str) -> bool:
    return (
        re.fullmatch(
            r"(?:(?:나|저|난|전|나는|저는|나도|저도|내가|제가|나한테|사실|드디어|근데|이제|요즘|지금|아직|아|아니|참|있잖아)\s*)*",
            before,
        )
        is not None
    )


def _has_modifier(clause: Clause) -> bool:
    """Whether the predicate goes on into a noun: 남자친구 있는 사람."""
    return any(a.tag == "ETM" and b.tag[0] == "N" for a, b in itertools.pairwise(clause.morphemes))


_PET_WORD = "|".join(sorted(PETS, key=len, reverse=True))
_PET = rf"(?P<x>(?:[^ /]+/(?:NNG|NNP|XPN|MM|SL) )*(?:{_PET_WORD})/NN[GP] (?:[^ /]+/(?:NNG|NNP|SL) )?)"
_KEEPS = _r(
    rf"{_PET}(?:이/VCP 라는/ETM )?{_P}{_A}(?:{_COUNT})?{_P}{_A}(?:(?P<m>[^ /]+/NNP ){_P})?(?P<v>키우|기르|입양하|데려오|분양받)/VV {_END}"
)
_ADOPTED = _r(rf"{_PET}{_P}{_A}(?:{_COUNT})?{_P}{_A}(?P<v>입양|분양)/NNG (?:하/XSV |받/(?:XSV|VV) ){_END}")
_PET_DIED = re.compile(
    rf"(?P<x>{_PET_WORD})(?:가|이|는|은|도)?\s*[^.]{{0,12}}?(?P<v>무지개\s*다리|죽었|하늘나라|별이\s*됐)"
)
_BUTLER = re.compile(r"(?P<x>고양이|냥이|강아지)\s*집사(?:야|이야|임|예요|에요|입니다)")


def _pet(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if (match := _PET_DIED.search(words)) and not clause.denied and not re.search(r"(?:길|남의|옆집|친구)", words):
        verb = (
            "무지개다리를 건넜다"
            if "무지개" in match["v"] or "별이" in match["v"]
            else "죽었다"
            if "죽" in match["v"]
            else "하늘나라로 갔다"
        )
        return _fact(
            "pet",
            f"{with_particle(match['x'], '이/가')} {verb}.",
            clause.quote(clause.start + match.start()),
            instead_of=match["x"],
        )
    if any(
        m.form in PEOPLE or (m.tag == "NP" and m.form not in ("나", "저", "우리", "저희", "내"))
        for m in clause.morphemes
    ):
        return None
    for pattern in (_KEEPS, _ADOPTED):
        found = _search(pattern, clause)
        if found is None or clause.denied or not _only_subject(clause, found):
            continue
        kept = _stripped(clause, found)
        if kept is None:
            continue
        past = _past(clause)
        if past and found["v"] in ("키우", "기르"):
            return _fact("past", f"{with_particle(kept[0], '을/를')} 키웠다.", clause.quote(kept[1]))
        count = f" {_spaced(clause.words(found, 'n'))}" if found["n"] else ""
        return _fact("pet", f"{with_particle(kept[0] + count, '을/를')} 키운다.", clause.quote(kept[1]))
    if (match := _BUTLER.search(words)) and not clause.denied:
        return _fact("pet", f"{with_particle(match['x'], '을/를')} 키운다.", clause.quote(clause.start + match.start()))
    return None


def _spaced(count: str) -> str:
    return re.sub(r"\s*(마리|명|분)$", r" \1", count)


# --- tastes

_LIKES = _r(r"(?P<v>좋아하/VV |즐기/VV |즐겨/MAG [^ /]+/VV |싫어하/VV )")
_TOP = re.compile(
    r"(?:좋아하는|최애)\s*(?P<n>[가-힣]{0,6}?)\s*(?:은|는|이|가|건)?\s+(?P<x>[가-힣A-Za-z0-9 ]{1,15}?)(?:이야|야|임|이에요|예요|에요|입니다|이고|인데|이다)(?:요)?$"
)
_HATE = _r(
    rf"(?P<x>(?:[^ /]+/[A-Z_]+ )*?[^ /]+/(?:NNG|NNP|SL|NNB) ){_P}(?P<a>{_A})(?P<v>싫/VA |별로/MAG 이/VCP |극혐/NNG ){_END}"
)
_EAT = _r(
    rf"(?P<x>(?:[^ /]+/[A-Z_]+ )*?[^ /]+/(?:NNG|NNP|SL|NNB) ){_P}(?P<a>{_A})(?P<not>못|안)/MAG (?P<v>먹|마시)/VV {_END}"
)
_MEALS = frozenset("밥 아침 점심 저녁 아무것 것 약 물 야식 끼 간식 요즘 오늘 어제 지금 아직 하나".split())
_FAN = re.compile(r"(?P<x>[가-힣A-Za-z0-9]{2,12})\s*(?:광팬|찐팬|덕후|팬|마니아)(?:이야|야|임|이에요|예요|입니다)$")
_TIME_OF_TASTE = re.compile(r"(?:오늘|지금|어제|내일|아까|이번|방금)")
_WEAK_TASTES = re.compile(r"^(?:거|것|사람|애|소리|말|얘기|데|곳|때|그|이|저)$|(?:하기|가기|되기)$")


def _taste_object(clause: Clause, upto: int) -> tuple[str, int] | None:
    """What stands before the morpheme ``upto``, without the user, adverbs and the last particle; None if it is no thing."""
    part = list(clause.morphemes[:upto])
    while part and (
        part[-1].tag in ("MAG", "IC", "JX", "JKO", "JKS")
        or part[-1].form in ("진짜", "제일", "가장", "완전", "정말", "엄청")
    ):
        part.pop()
    while part and (
        part[0].form
        in (
            "나",
            "저",
            "내",
            "제",
            "난",
            "전",
            "근데",
            "이제",
            "요즘",
            "원래",
            "사실",
            "그냥",
            "아니",
            "진짜",
            "제일",
            "가장",
            "완전",
            "정말",
        )
        or part[0].tag in ("IC", "MAJ", "MAG", "JX", "JKS", "EC")
    ):
        part.pop(0)
    topic = max((i for i, m in enumerate(part[:-1]) if m.tag == "JX" and m.form in ("은", "는")), default=-1)
    part = part[topic + 1 :]
    while (
        len(part) > 1
        and part[0].tag == "NNP"
        and part[1].tag in ("NNG", "NNP")
        and clause.named
        and part[1].start > part[0].end
    ):
        part.pop(0)  # 나 소민 떡볶이 좋아해
    if not part or part[-1].tag not in ("NNG", "NNP", "SL", "NNB", "XSN", "ETN", "SN"):
        return None
    if any(m.tag in ("JKS", "NP", "EF") or m.form in _DEICTIC or m.form in PEOPLE - KIN for m in part):
        return None
    if part[-1].tag == "NNB" and not any(m.tag == "ETM" for m in part):
        return None
    words = clause.text[part[0].start : part[-1].end].strip()
    if len(words) > 20 or _WEAK_TASTES.search(words) or part[-1].form in KIN or _TIME_OF_TASTE.search(words):
        return None
    return words, part[0].start


def _taste(clause: Clause, said: date) -> Proposal | None:
    if not clause.own:
        return None
    words = clause.surface
    if match := _TOP.search(words):
        if (
            clause.denied
            or match["x"].strip() in _DEICTIC | PEOPLE
            or not _alone(re.sub(r"(?:가장|제일|내가|제가|요즘)\s*", "", words[: match.start()]))
        ):
            return None
        what, thing = match["n"], match["x"].strip()
        label = (
            f"좋아하는 {with_particle(what, '은/는')}"
            if what and what not in ("거", "것", "게", "건")
            else "가장 좋아하는 것은"
        )
        return _fact(
            "like",
            f"{label} {with_particle(thing, '이다/다')}.",
            clause.quote(clause.start + match.start()),
            "preference",
        )
    if (match := _FAN.search(words)) and not clause.denied and (clause.named or match.start() == 0):
        return _fact("like", f"{match['x']} 팬이다.", clause.quote(clause.start + match.start()), "preference")
    found = _search(_LIKES, clause)
    if found is not None:
        return _liked(clause, found)
    return _disliked(clause)


def _liked(clause: Clause, found: re.Match[str]) -> Proposal | None:
    index = clause.offsets.index(found.start("v"))
    if _past(clause) or not re.match(_END, clause.tagged[found.end() :]):
        return None
    thing = _taste_object(clause, index)
    if thing is None:
        return None
    what, start = thing
    hates = found["v"].startswith("싫어하")
    if clause.denied:
        if hates:
            return None
        return _fact("dislike", f"{with_particle(what, '을/를')} 좋아하지 않는다.", clause.quote(start), "preference")
    verb = "싫어한다" if hates else "즐긴다" if found["v"].startswith("즐기") else "좋아한다"
    if found["v"].startswith("즐겨"):
        verb = plain([("즐겨", "MAG"), (clause.morphemes[index + 1].form, "VV")])
    return _fact(
        "dislike" if hates else "like", f"{with_particle(what, '을/를')} {verb}.", clause.quote(start), "preference"
    )


def _disliked(clause: Clause) -> Proposal | None:
    if _past(clause):
        return None
    if (found := _search(_EAT, clause)) and not _has_modifier_after(clause, found):
        index = clause.offsets.index(found.start("not"))
        thing = _taste_object(clause, index)
        if (
            thing is None
            or thing[0].split()[-1] in _MEALS
            or _today(clause)
            or any(m.form in _MEALS for m in clause.morphemes[:index])
        ):
            return None
        verb = "먹" if found["v"] == "먹" else "마시"
        denial = "못 먹는다" if verb == "먹" else "못 마신다"
        if found["not"] == "안":
            denial = "먹지 않는다" if verb == "먹" else "마시지 않는다"
        return _fact("dislike", f"{with_particle(thing[0], '을/를')} {denial}.", clause.quote(thing[1]), "preference")
    if (found := _search(_HATE, clause)) and not clause.denied and not _today(clause):
        index = clause.offsets.index(found.start("v"))
        thing = _taste_object(clause, index)
        if thing is not None and clause.morphemes[index - 1].tag != "ETN":
            return _fact(
                "dislike", f"{with_particle(thing[0], '을/를')} 싫어한다.", clause.quote(thing[1]), "preference"
            )
    return None


def _today(clause: Clause) -> bool:
    return bool(re.search(r"오늘|지금|어제|아직|오늘따라|아까|방금", clause.surface))


def _has_modifier_after(clause: Clause, found: re.Match[str]) -> bool:
    return "/ETM " in clause.tagged[found.end("v") :]


# --- plans

_EVENTS = (
    "면접 시험 수능 발표 여행 출장 수술 검진 건강검진 병원 치과 안과 피부과 결혼식 콘서트 공연 약속 모임 회식 소개팅 미팅 데이트 이사 졸업식 "
    "입학식 개강 종강 입대 전역 제사 파티 마감 세미나 워크숍 오디션 대회 경기 시합 상담 진료 개학 휴가 캠핑 촬영 토익 결혼 상견례 "
    "돌잔치 출국 귀국 입사 퇴사 퇴원 입원 중간고사 기말고사 축제 체육대회 수학여행 엠티 회의 인터뷰 송년회 동창회 뮤지컬 연극 팬미팅 "
    "장례식 실기 필기 모의고사 운전면허 예약 건강검사 소풍 등산 마라톤 전시회 집들이 이직 첫출근 예비군 훈련 실습 연주회 녹화 방송"
).split()
_EVENT = re.compile(
    rf"(?P<x>(?:[가-힣A-Za-z0-9]+\s)?[가-힣A-Za-z0-9]{{0,6}}?(?:{'|'.join(sorted(_EVENTS, key=len, reverse=True))}))(?P<rest>.*)$"
)
_ATTENDS = re.compile(
    r"^(?:이|가|을|를|은|는|도|에)?\s*(?:하나|또)?\s*(?:있(?!는|을|니|냐|나|으면)|이야|야|임|이에요|예요|입니다|이다|다$|인데|이라(?!고)|라서|이고|고$|봐|본다|보러|봄|보기로|가|감|간다|갈|하기로|할|한다|해|함|하러|잡혔|잡혀|잡았|잡음|잡힘|예약|시작|떠나|받|치|간$|나가|잡)"
)
_CANCELLED = re.compile(
    rf"(?P<x>{'|'.join(sorted(_EVENTS, key=len, reverse=True))})(?:이|가|은|는|도)?\s*(?:갑자기\s*|결국\s*)?(?P<v>취소\s*(?:됐|되었|했|함|돼)|미뤄졌|연기\s*(?:됐|되었)|없어졌|파토|안\s*가기로|안\s*하기로)"
)
_GOES_TO = _r(rf"(?P<x>{_N}+)(?:(?:에|로|으로)/JKB )?{_A}(?:놀/VV 러/EC )?가/VV {_END}")
_CARRIES = re.compile(r"(?:이|가|을|를|은|는|에|도)$")


def _plan(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if match := _CANCELLED.search(words):
        verb = "취소되었다" if re.search("취소|없어|파토|안", match["v"]) else "미뤄졌다"
        if clause.own and not clause.supposed and "않" not in words:
            return _fact(
                "plan",
                f"{with_particle(match['x'], '이/가')} {verb}.",
                clause.quote(clause.start + match.start()),
                "event",
                instead_of=match["x"],
            )
    if not clause.own or clause.denied or _past(clause) or any(m.form in PEOPLE for m in clause.morphemes[:1]):
        return None
    spans = [span for span in dates.find(words, said) if span.last >= said and (span.last - span.first).days <= 31]
    if not spans:
        return None
    span = spans[0]
    end = max(s.end for s in spans)
    rest = re.sub(
        r"^(?:에는|에|엔|은|부터|날|이|까지|쯤|저녁에?|아침에?|오전에?|오후에?|밤에?|새벽에?)\s*", "", words[end:]
    )
    rest = re.sub(
        r"^(?:(?:오전|오후|아침|저녁|밤|새벽)\s*)?(?:\d{1,2}|열[한두]?|한|두|세|네|다섯|여섯|일곱|여덟|아홉)\s*시(?:\s*반|\s*\d+분)?\s*(?:에|부터)?\s*",
        "",
        rest,
    ).strip()
    rest = re.sub(r"^(?:(?:나|저|드디어|또|혼자|첫|가족이랑|친구랑|친구들이랑|엄마랑|남친이랑|여친이랑)\s+)+", "", rest)
    quote = clause.quote(clause.start + span.start)
    when = " ".join(s.words for s in spans)
    match = _EVENT.match(rest)
    if match and "몇" not in match["x"] and _ATTENDS.match(match["rest"]):
        event = match["x"].strip()
        return Proposal("event", "plan", f"{with_particle(event, '이/가')} 있다.", quote, when)
    found = _search(_GOES_TO, clause)
    if found and _is_place(clause, clause.span(found, "x")) and (place := _stripped_place(clause, found)):
        return Proposal("event", "plan", f"{place}에 간다.", quote, when)
    return None


def _stripped_place(clause: Clause, found: re.Match[str]) -> str:
    """The place of a group: the proper nouns at its end, without a date before them."""
    span = clause.span(found, "x")
    if span is None:
        return ""
    part = list(clause.morphemes[span[0] : span[1]])
    while part and part[0].tag not in ("NNP", "SL"):
        part.pop(0)
    return clause.text[part[0].start : part[-1].end].strip() if part else ""


# --- body, habits, abilities, aims, things

_ALLERGY = re.compile(
    r"(?P<x>[가-힣A-Za-z]{1,10}(?:\s[가-힣]{1,4})?)\s*(?:알레르기|알러지)(?:가|도|는)?\s*(?:있|심|임|이야|야|예요|이에요|생겼)"
)
_ILLNESS = (
    "당뇨 고혈압 저혈압 천식 비염 아토피 우울증 공황장애 편두통 허리디스크 목디스크 디스크 빈혈 위염 역류성식도염 불면증 관절염 이석증 통풍 "
    "축농증 폐소공포증 고소공포증 난독증 이명 갑상선저하증 갑상선 족저근막염 백반증 건선 결막염 과민성대장증후군 당뇨병 조울증 강박증 암 뇌전증"
).split()
_ILL = re.compile(
    rf"(?:^|\s)(?P<x>{'|'.join(sorted(_ILLNESS, key=len, reverse=True))}|ADHD)(?:이|가|을|를|도|은|는)?\s*(?:좀\s*|심하게\s*)?(?P<v>있|앓|심|진단|걸렸|걸림|생겼)"
)
_DIET = re.compile(
    r"(?P<x>채식주의자|비건|채식)(?:을|를)?\s*(?P<v>이야|야|임|이에요|예요|입니다|해|하고|함|한다|합니다|중)"
)
_QUIT = re.compile(
    r"(?P<x>담배|술|커피|게임|야식|배달음식|탄산)(?:를|을|은|는)?\s*(?:완전\s*|진짜\s*)?(?P<v>끊었|끊음|끊은)"
)
_EVERY = re.compile(
    r"(?P<x>(?:매일\s*)?(?:아침|저녁|밤|점심|주말|월요일|화요일|수요일|목요일|금요일|토요일|일요일|새벽|퇴근|주|달)\s*마다|매일|매주|맨날|평일마다|날마다)"
)
_HOBBY = re.compile(
    r"취미(?:는|가|로는)?\s+(?P<x>[가-힣A-Za-z ]{1,14}?)(?:이야|야|임|이에요|예요|에요|입니다|이고|고|인데|이다)(?:요)?$"
)
_CAN = _r(
    rf"(?P<x>(?:[^ /]+/(?:NNG|NNP|SL|JKO|JX|XSV|XR) )*[^ /]+/(?:VV|XSV) )ᆯ/ETM 줄/NNB (?:을/JKO |은/JX |도/JX )?알/VV {_END}"
)
_LICENCE = re.compile(r"(?P<x>[가-힣A-Za-z0-9 ]{2,14}?)\s*(?:자격증|면허)(?:을|를|이|가|증)?\s*(?P<v>있|땄|땀|취득)")
_DREAM = re.compile(
    r"(?:내\s*|제\s*|나의\s*)?(?P<w>꿈|장래희망|목표)(?:은|는|이)?\s+(?P<x>[가-힣A-Za-z0-9 ]{2,20}?)(?:이야|야|임|이에요|예요|에요|입니다|이고|인데|이다)(?:요)?$"
)
_BECOME = re.compile(r"(?P<x>[가-힣A-Za-z ]{2,14}?)(?:이|가)?\s*되고\s*싶(?:어|다|음|은데|습니다|어요)$")
_THINGS = (
    "차 자동차 중고차 노트북 맥북 아이폰 갤럭시 폰 핸드폰 컴퓨터 데스크탑 자전거 집 아파트 기타 카메라 피아노 오토바이 스쿠터 아이패드 태블릿 "
    "에어팟 시계 애플워치 냉장고 닌텐도 스위치 플스 바이올린 드럼 텐트 안마의자 로봇청소기 키보드 모니터 테슬라 소나타 아반떼 그랜저 모닝"
).split()
_BOUGHT = re.compile(
    rf"(?:^|\s)(?P<x>(?:새\s*|중고\s*)?(?:{'|'.join(sorted(_THINGS, key=len, reverse=True))})(?:\s?\d{{1,2}}(?:\s?프로)?)?)(?:을|를|도)?\s*(?:(?:새로|드디어|결국|어제|오늘|이번에|질러서|중고로|하나)\s*)*(?P<v>샀|뽑았|질렀|구입했|장만했)"
)
_MBTI = re.compile(
    r"(?<![A-Za-z])(?P<x>[EIei][NSns][TFtf][JPjp])(?![A-Za-z])\s*(?:이야|야|임|이에요|예요|입니다|인데|이고|고|이라|라|거든)"
)
_BLOOD = re.compile(r"(?P<x>A|B|O|AB)형(?:이야|야|임|이에요|예요|입니다|인데|이고|이라)", re.I)


def _health(clause: Clause, said: date) -> Proposal | None:
    if not clause.own or clause.denied:
        return None
    words = clause.surface
    if match := _ALLERGY.search(words):
        what = re.sub(r"^(?:나는|저는|나|저|난|전|내가|제가|근데|사실)\s*", "", match["x"]).strip()
        if what and not _today(clause):
            return _fact(
                "health",
                f"{what} 알레르기가 있다.",
                clause.quote(clause.start + match.start("x") + match["x"].find(what)),
            )
    if match := _ILL.search(words):
        text = "진단을 받았다" if match["v"] == "진단" else "있다"
        start = clause.start + match.start("x")
        illness = match["x"]
        return _fact(
            "health",
            f"{illness} 진단을 받았다." if text[0] == "진" else f"{with_particle(illness, '이/가')} 있다.",
            clause.quote(start),
        )
    return None


def _habit(clause: Clause, said: date) -> Proposal | None:
    if not clause.own:
        return None
    words = clause.surface
    if (match := _HOBBY.search(words)) and not clause.denied:
        return _fact(
            "habit",
            f"취미는 {with_particle(match['x'].strip(), '이다/다')}.",
            clause.quote(clause.start + match.start()),
        )
    if (match := _QUIT.search(words)) and not clause.denied and not clause.supposed:
        return _fact(
            "habit", f"{with_particle(match['x'], '을/를')} 끊었다.", clause.quote(clause.start + match.start())
        )
    if (
        (match := _DIET.search(words))
        and not clause.denied
        and not _past(clause)
        and (clause.named or match.start() == 0)
    ):
        text = "채식을 한다." if match["x"] == "채식" else f"{with_particle(match['x'], '이다/다')}."
        return _fact("habit", text, clause.quote(clause.start + match.start()))
    if (match := _EVERY.search(words)) and not clause.denied and not _past(clause):
        return _regular(clause, match)
    return None


def _regular(clause: Clause, match: re.Match[str]) -> Proposal | None:
    start = clause.start + match.start()
    part = [m for m in clause.morphemes if m.start >= start]
    last = next((i for i in range(len(part) - 1, -1, -1) if part[i].tag in ("VV", "XSV")), None)
    tail = part[last + 1 :] if last is not None else []
    if (
        last is None
        or last < 2
        or any(m.tag in ("VX", "ETM", "EP") for m in tail)
        or any(m.tag in ("NP", "ETM", "VCP") for m in part)
    ):
        return None
    if not any(m.tag in ("NNG", "NNP", "SL") for m in part[2 : last + 1]) or part[last].form in (
        "같",
        "모르",
        "그러",
        "되",
    ):
        return None
    text = plain([(m.form, m.tag) for m in part[: last + 1]])
    return _fact("habit", f"{text}.", clause.quote(start)) if len(text) <= 30 else None


def _ability(clause: Clause, said: date) -> Proposal | None:
    if not clause.own or clause.denied:
        return None
    if (found := _search(_CAN, clause)) and not _past(clause):
        part = clause.morphemes[slice(*(clause.span(found, "x") or (0, 0)))]
        part = tuple(m for m in part if m.form not in ("나", "저"))
        text = plain([*((m.form, m.tag) for m in part), ("ᆯ", "ETM"), ("줄", "NNB"), ("알", "VV")])
        return _fact("skill", f"{text}.", clause.quote(part[0].start))
    if (match := _LICENCE.search(clause.surface)) and (clause.named or match.start() == 0):
        what = re.sub(r"^(?:나는|저는|나|저|난|전|드디어|이번에)\s*", "", match["x"]).strip()
        word = "면허" if "면허" in match[0] else "자격증"
        if what and what not in ("무슨", "그", "이"):
            return _fact(
                "skill",
                f"{what} {with_particle(word, '이/가')} 있다.",
                clause.quote(clause.start + match.start("x") + match["x"].find(what)),
            )
    return None


def _aim(clause: Clause, said: date) -> Proposal | None:
    if not clause.own or clause.denied or _past(clause):
        return None
    words = clause.surface
    if (match := _DREAM.search(words)) and _alone(words[: match.start()]):
        label = with_particle(match["w"].replace("장래희망", "꿈"), "은/는")
        return _fact(
            "goal",
            f"{label} {with_particle(match['x'].strip(), '이다/다')}.",
            clause.quote(clause.start + match.start("w")),
        )
    if match := _BECOME.search(words):
        what = re.sub(
            r"^(?:나는|저는|나|저|난|전|나중에|커서|언젠가|꼭|진짜|그냥|내가|제가)\s+", "", match["x"].strip()
        )
        what = re.sub(r"^(?:나중에|커서|언젠가|꼭|진짜)\s*", "", what).strip()
        if (
            re.search(_JOB_WORD + "$|(?:가|사|자|원|장|인|관)$", what)
            and len(what) >= 2
            and what not in ("부자", "혼자", "여자", "남자")
        ):
            return _fact(
                "goal", f"{with_particle(what, '이/가')} 되고 싶어 한다.", clause.quote(clause.start + words.find(what))
            )
    return None


def _thing(clause: Clause, said: date) -> Proposal | None:
    if not clause.own or clause.denied:
        return None
    words = clause.surface
    if (match := _BOUGHT.search(words)) and _alone(
        re.sub(r"(?:어제|오늘|이번에|결국|새로|방금|얼마\s*전에|지난주에)\s*", "", words[: match.start("x")])
    ):
        return _fact(
            "possession",
            f"{with_particle(match['x'].strip(), '을/를')} 샀다.",
            clause.quote(clause.start + match.start("x")),
        )
    if (match := _MBTI.search(words)) and (clause.named or match.start() == 0 or "mbti" in words.casefold()):
        return _fact(
            "other",
            f"MBTI는 {with_particle(match['x'].upper(), '이다/다')}.",
            clause.quote(clause.start + match.start()),
        )
    if (match := _BLOOD.search(words)) and (clause.named or "혈액형" in words):
        return _fact("other", f"혈액형은 {match['x'].upper()}형이다.", clause.quote(clause.start + match.start()))
    return None


# --- what she must not do, what the user promises

_DO_NOT = (
    r"(?:지\s*(?:마|말아|말라|마라|마요|마세요|말아요|말아줘|말아주|말자|말고|말았으면|않았으면|않으면)|지마|지\s*말)"
)
_TOPIC = re.compile(
    rf"(?P<x>[가-힣A-Za-z0-9 ]{{1,20}}?)\s*(?P<w>얘기|이야기|말|언급|질문)(?:는|은|를|을|도|좀|ㄴ)?\s*(?:이제\s*|그만\s*|다시는\s*|절대\s*|제발\s*|앞으로\s*|또\s*)*(?P<v>하|꺼내|묻|안\s*했으면|안\s*꺼냈으면|그만)(?P<e>{_DO_NOT}|\s*(?:좋겠|해|하자|하고))"
)
_TOPIC_SHORT = re.compile(
    rf"(?P<x>[가-힣A-Za-z0-9 ]{{1,20}}?)\s*(?P<w>얘긴|이야긴|말은|얘기는|얘기|이야기)\s*(?:이제\s*|다시는\s*|절대\s*|제발\s*|앞으로\s*)*(?P<v>꺼내|하)(?P<e>{_DO_NOT})"
)
_MENTION = re.compile(
    rf"(?P<x>[가-힣A-Za-z0-9 ]{{1,16}}?)(?:은|는|을|를|에\s*대해(?:서|선)?)?\s*(?P<v>언급하|물어보|묻|캐묻)(?P<e>{_DO_NOT})"
)
_CALL = re.compile(rf"(?P<x>[가-힣A-Za-z]{{1,8}}?)(?:이라고|라고|이라|라)\s*(?:는\s*)?(?P<v>부르)(?P<e>{_DO_NOT})")
_SPEECH = re.compile(
    r"(?P<x>반말|존댓말|존대|높임말)(?:로|을|를|은|는)?\s*(?:좀\s*|제발\s*)?(?P<v>해\s*줘|해줘|해\s*주|써\s*줘|써줘|써\s*주|하자|쓰자|해라|써라|하지\s*마|하지마|쓰지\s*마|하지\s*말|쓰지\s*말)"
)
_CASUAL = re.compile(r"(?P<x>말\s*(?:놓자|놔|놓아|편하게\s*해|편하게\s*하자)|편하게\s*말해)")
_NO_TOPIC = re.compile(
    r"^(?:그런|이런|저런|무슨|딴|쓸데없는|헛|웃긴|거짓|이상한|말도\s*안\s*되는|무서운|걱정되는|막)?\s*$"
)


def _boundary(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    if match := _CALL.search(words):
        return _fact(
            "rule",
            f"{with_particle(match['x'], '이라고/라고')} 부르지 않기를 바란다.",
            clause.quote(clause.start + match.start("x")),
            "boundary",
        )
    for pattern in (_TOPIC, _TOPIC_SHORT):
        if match := pattern.search(words):
            topic = re.sub(
                r"^(?:나한테|저한테|우리|이제|제발|앞으로|다시는|나|너|오로라|근데|그리고)\s+", "", match["x"].strip()
            ).strip()
            if _NO_TOPIC.match(topic) or re.search(r"(?:말도|거짓|다른\s*사람한테)$", topic):
                return None
            start = clause.start + match.start("x") + match["x"].find(topic)
            return _fact("rule", f"{topic} 이야기를 꺼내지 않기를 바란다.", clause.quote(start), "boundary")
    if match := _MENTION.search(words):
        topic = re.sub(r"^(?:나한테|제발|앞으로|다시는|그만)\s+", "", match["x"].strip()).strip()
        if (
            topic
            and topic not in _DEICTIC
            and len(topic) >= 2
            and topic not in ("제발", "그만", "자꾸", "나한테", "계속", "그런 거")
        ):
            return _fact(
                "rule",
                f"{with_particle(topic, '은/는')} 묻지 않기를 바란다.",
                clause.quote(clause.start + match.start("x") + match["x"].find(topic)),
                "boundary",
            )
    if match := _SPEECH.search(words):
        polite = match["x"] != "반말"
        refused = bool(re.search(r"지\s*(?:마|말)", match["v"]))
        text = "존댓말을 쓰기를 바란다." if polite != refused else "반말로 말하기를 바란다."
        return _fact("rule", text, clause.quote(clause.start + match.start()), "boundary", instead_of="말")
    if match := _CASUAL.search(words):
        return _fact(
            "rule",
            "반말로 편하게 말하기를 바란다.",
            clause.quote(clause.start + match.start()),
            "boundary",
            instead_of="말",
        )
    return None


_WILL = re.compile(r"(?P<v>[가-힣]+)게(?:요|용|욥)?$")
_EARNEST = re.compile(r"꼭|반드시|약속(?:할|해|한)|다음에")
_LEAVING = re.compile(r"(?:자러|씻고|밥|먹고|갔다|다녀|자고|잘|쉴|끊을|나갈|들어갈)\s*[가-힣]*게")


def _promise(clause: Clause, said: date) -> Proposal | None:
    words = clause.surface
    match = _WILL.search(words)
    if match is None or not clause.own or clause.denied or (ord(match["v"][-1]) - ord("가")) % 28 != 8:
        return None
    spans = [span for span in dates.find(words, said) if span.last > said]
    if not spans and not _EARNEST.search(words):
        return None
    if not spans and _LEAVING.search(words):
        return None
    part = [m for m in clause.morphemes if m.tag not in ("IC", "MAJ")]
    last = next((i for i in range(len(part) - 1, -1, -1) if part[i].tag in ("VV", "XSV", "VX", "VA")), None)
    if last is None:
        return None
    kept: list[tuple[str, str]] = []
    for morpheme in part[: last + 1]:
        dated = any(clause.start + s.start <= morpheme.start < clause.start + s.end for s in spans)
        earnest = morpheme.form in ("꼭", "반드시", "나", "저", "내", "제", "다음", "나중") or (
            morpheme.tag[0] == "J" and not kept
        )
        if not dated and not earnest:
            kept.append((morpheme.form, morpheme.tag))
    if len(kept) < 2:
        return None
    from rag.morphology import load_morphology

    intention = load_morphology().join(
        [*kept, ("겠", "EP"), ("다고", "EC"), ("약속", "NNG"), ("하", "XSV"), ("었", "EP"), ("다", "EF")]
    )
    text = str(intention).replace("약속했다", "약속했다")
    when = " ".join(span.words for span in spans) or None
    return Proposal("promise", "promise", f"{text}.", clause.quote(clause.start), when)


RULES: list[Rule] = [
    _boundary, _birthday, _age, _promise, _plan, _health, _pet, _partner, _family, _job, _goes, _school, _hometown, _home,
    _habit, _ability, _thing, _taste,
]  # fmt: skip
SUPPOSED_TOO: list[Rule] = [_boundary, _aim]
"""A wish may be a boundary (`안 했으면 좋겠어`) or an aim (`되고 싶어`), and nothing else."""
ORDERED_TOO: list[Rule] = [_boundary]
"""What she is told to do may be a boundary (`하지 마`); what to call him is read before."""
RULES.append(_aim)
