# ruff: noqa: E501 - a pattern is read better whole
"""Who the user is: name, nickname, age, birthday, and what people say of themselves when they meet (MBTI, religion)."""

from __future__ import annotations

import re

from rag import dates
from rag.clauses import CITIES, FRIENDS, KIN, PARTNERS, PEOPLE, PETS, Clause
from rag.memory import Proposal
from rag.names import SURNAMES, introduction, is_given_name, plausible_given_name
from rag.numerals import ONES, TENS, number
from rag.patterns.engine import Rule, Setting, past, person_slot, typed
from rag.patterns.words import PLACE_NOUNS
from rag.phrasing import with_particle

_IS = r"(?:이야|야|이에요|예요|이예요|에요|입니다|이고|고|임|이다|다|이거든|거든|인데|이요|요|이지|지)"
_NAME_END = rf"(?:이라고|라고)?\s*(?:{_IS}|해요|해|합니다|함|한다)?"
_NAME = re.compile(
    rf"(?P<owner>[가-힣\s]*?)\s*(?P<word>이름|성함|별명|닉네임|닉|본명)\s*(?:은|이|은요)?\s*(?:사실\s+)?(?P<x>[가-힣]{{2,5}}?|[A-Za-z][A-Za-z ]{{1,19}}?){_NAME_END}$"
)
_CALLED = re.compile(
    r"(?:(?:나|저|날|나를|저를|앞으로|이제|그냥|편하게|걍)(?:는|은)?\s*)*(?P<x>[가-힣]{1,6}?|[A-Za-z]{2,12})(?:이라고|라고|이라|라)\s*(?:불러(?!봐)|부르면\s*(?:돼|됩|되)|부르셈|부르렴)"
)
_CALLED_BY = re.compile(
    r"(?:다들|다|모두|애들이|친구들이|친구들은|사람들이|집에선|집에서는|회사에선|회사에서는)\s*(?:다\s*)?(?:나를\s*|날\s*)?(?P<x>[가-힣]{1,6}?|[A-Za-z]{2,12})(?:이라고|라고|이라|라)\s*(?:불러|부르|부름|함|해)"
)
_AM = re.compile(
    r"^(?:안녕(?:하세요)?\s*)?(?P<me>(?:나는|난|나|저는|전|저)\s*)?(?P<x>[가-힣]{2,4}?)(?:이라고|라고)\s*(?:해요|해|합니다|하는데|한다|함|하고|하구)$"
)
_FULL = re.compile(
    r"^(?:나는|난|나|저는|전|저)\s+(?P<x>[가-힣]{3})(?:이야|야|이에요|예요|입니다|인데|이고|고|임)?(?=\s+(?:\d|스물|서른|마흔|열|[가-힣]{2,4}에?(?:서)?\s(?:살|사는))|$)"
)
# A name that the rest of the introduction follows: 난 보라야 간호학과 다녀, 나 다혜 간호사야.
_LED = re.compile(
    r"^(?:안녕(?:하세요)?\s*)?(?:나는|난|나|저는|전|저)\s+(?P<x>[가-힣]{2})(?:이야|야|예요|이에요|이고|고|인데|임|입니다)?(?=$|\s+(?:\d|스물|서른|마흔|열[가-힣]|[가-힣]{2,8}(?:과|대|학교)\s|[가-힣]{2,8}(?:사|원|생|관|인|자|가|너)(?:야|이야|임|예요|인데|라|$)|(?:[가-힣]{2,4}|고양이|강아지|개)\s(?:[가-힣]{1,3}\s)?(?:살|사는|키|다니|다녀|좋아)))"
)
_NO_NAME = frozenset(
    "뭐 뭔 무엇 누구 비밀 없어 없 몰라 모르 같 그거 이거 아니 예뻐 예쁘 이쁘 특이 흔해 흔하 별로 바꾸 바꿨 비슷 똑같 까먹 좋아 좋 싫 말 안알려 추천 지어 은요 알려 있 적 쓰 따 어때 어떤 "
    "외자 불러 흔한 지혜롭 이쁜 예쁜 비밀 괜찮 사랑 고마 미안 안녕 여기 저기 그렇 어떻 이렇 기억 잊 정하 정했 아직 고민 너무 진짜".split()
)


def _bad_name(name: str) -> bool:
    return (
        not name
        or any(name.startswith(word) for word in _NO_NAME)
        or name in PEOPLE | PETS
        or name.endswith(("라며", "다며", "봐"))
    )


def name(clause: Clause, setting: Setting) -> Proposal | None:
    if clause.denied or clause.supposed:
        return None
    match = _NAME.search(clause.surface)
    if match is None:
        return _introduced(clause)
    told, owner = match["x"].strip(), match["owner"].strip()
    if _bad_name(told):
        return None
    slot, whose = _owner(owner, clause, setting)
    if slot is None and match["word"] in ("본명", "별명", "닉네임") and not whose and clause.own and not owner:
        slot = "name"
    if (
        slot is None
        and not whose
        and not owner
        and not setting.spoken_of
        and (_full_name(clause, told) or is_given_name(told))
    ):
        slot = "name"
    if slot is None:
        return None
    word = match["word"].replace("성함", "이름").replace("닉네임", "별명").replace("본명", "이름")
    word = "별명" if word == "닉" else word
    if slot == "name" and word == "별명":
        slot = "nickname"
    at = clause.surface.find(whose) if whose else -1
    start = clause.start + (at if at >= 0 else match.start("word"))
    label = f"{whose} {word}".strip()
    kind = "relationship" if slot in ("family", "partner", "friend") else "fact"
    return Proposal(
        kind, slot, f"{with_particle(label, '은/는')} {with_particle(told, '이다/다')}.", clause.quote(start)
    )


def _owner(owner: str, clause: Clause, setting: Setting) -> tuple[str | None, str]:
    """Slot and word of whose name it is; slot None for people that are not the user's."""
    words = re.sub(r"^(?:아니|아|음|그|참|근데)\s+", "", owner).strip()
    words = re.sub(r"^(?:우리\s*집|우리|울|내|제|나의|저의|나|저|나는|저는|난|전|얘|걔)\s*", "", words).strip()
    words = re.sub(r"(?:의|네|는|은)$", "", words).strip()
    if not words and clause.named and clause.own and not owner.strip().startswith(("우리", "울", "얘", "걔")):
        return "name", ""
    words = words or setting.spoken_of  # without an owner it may be anybody's, unless somebody was just named
    if not words:
        return None, ""
    last = words.split()[-1]
    for names, slot in ((PETS, "pet"), (PARTNERS, "partner"), (KIN, "family"), (FRIENDS, "friend")):
        if last in names:
            return slot, last
    return None, "" if not owner else words


def _full_name(clause: Clause, told: str) -> bool:
    """Whether it is a surname with a given name, and no other word that the analyser knows."""
    if len(told) != 3 or told[0] not in SURNAMES or re.search(r"(?:시|도|군|구|동|역|산|사|인|님|생|장|원|네)$", told):
        return False
    start = clause.text.find(told, clause.start)
    part = [m for m in clause.morphemes if start <= m.start < start + 3]
    return bool(part) and all(m.tag in ("NNP", "NNG", "XSN", "SN", "MM") for m in part) and part[0].tag == "NNP"


def _introduced(clause: Clause) -> Proposal | None:
    words = clause.surface
    if (known := introduction(words)) and clause.named:
        told, quote = known
        return _named(clause, told, clause.start + words.find(quote))
    if clause.named and (match := _LED.match(words)) and _is_led(clause, match["x"]):
        return _named(clause, match["x"], clause.start, clause.start + match.end("x"))
    if (match := _CALLED.search(words) or _CALLED_BY.search(words)) and (nick := _nickname(clause, match)):
        return nick
    match = _AM.match(words)
    if (
        match
        and not _bad_name(match["x"])
        and (match["me"] or (len(words.split()) == 2 and clause.own))
        and not _verbal(clause, match.end("x"))
    ):
        return _named(clause, match["x"], clause.start + match.start("x"))
    match = _FULL.match(words)
    if match and clause.named and _full_name(clause, match["x"]):
        return _named(clause, match["x"], clause.start + match.start("x"), clause.start + match.end())
    return None


def _is_led(clause: Clause, told: str) -> bool:
    """Whether the analyser takes it for a proper noun that can be a name, and no place."""
    start = clause.text.find(told, clause.start)
    noun = next((m for m in clause.morphemes if m.start == start), None)
    known = is_given_name(told) or (
        noun is not None and noun.tag == "NNP" and noun.end - noun.start == 2 and plausible_given_name(told)
    )
    return known and told not in CITIES | PLACE_NOUNS


def _verbal(clause: Clause, upto: int) -> bool:
    return any(m.tag in ("VV", "VA", "MAG", "VCN") for m in clause.morphemes if m.start < clause.start + upto)


def _named(clause: Clause, told: str, start: int, end: int = 0) -> Proposal:
    quote = clause.text[start:end].strip() if end else clause.quote(start)
    return Proposal("fact", "name", f"이름은 {with_particle(told, '이다/다')}.", quote)


def _nickname(clause: Clause, match: re.Match[str]) -> Proposal | None:
    told = match["x"]
    objects = re.search(r"[가-힣]+(?<!나)(?<!저)(?<!날)[을를]\s", clause.surface[: match.start("x")])
    if (
        told in ("뭐", "뭐이", "이", "그", "너", "어떻게")
        or objects
        or any(m.form in ("너", "네", "걔", "쟤") for m in clause.morphemes)
    ):
        return None
    start = clause.start + match.start("x")
    return Proposal(
        "preference", "nickname", f"{with_particle(told, '이라고/라고')} 불리고 싶어 한다.", clause.quote(start)
    )


# --- age and birthday

_NATIVE = rf"(?:{'|'.join(TENS)})\s?(?:{'|'.join(ONES)})?"
_WHEN = r"(?:(?:올해로?|이제|벌써|지금|만|만으로|한국\s*나이로?|세는\s*나이로?|어느덧|겨우|아직|이미|딱|곧|나이가|나이는|나이로)\s*)*"
_HIMSELF = r"(?P<self>(?:나는|저는|내가|제가|난|전|나|저|내\s*나이가?|제\s*나이가?|내\s*나이는?|나이는?|나이가)\s*)?"
_AGE = re.compile(
    rf"^(?:(?:아니|아|음|참|사실|저는|나는|난|나|나도|저도)\s+)*{_HIMSELF}{_WHEN}(?P<n>\d{{2}}|{_NATIVE})\s*(?P<u>살|세)?\s*"
    r"(?P<end>이야|야|임|이에요|예요|이요|이고|인데|이다|다|입니다|이거든|거든|됐어|됐다|됨|먹었어|이지|이니|이라|이라서|인데요|요)?(?P<me>\s+(?:나|내가|제가))?$"
)
_AGE_THEN = re.compile(rf"^(?:나는|난|나|저는|전|내가)?\s*{_WHEN}(?P<n>{_NATIVE})(?:살)?에\s+\S")
_BORN = re.compile(
    r"^(?P<self>(?:나는|저는|난|전|나|저|내가|제가)\s*)?(?P<y>(?:19|20)?\d{2})\s*(?P<u>년\s*생|년생|생)?(?P<end>이야|야|임|이에요|예요|입니다|이고|인데|이다|이라|이거든|거든)?(?:요)?$"
)


def age(clause: Clause, setting: Setting) -> Proposal | None:
    words = clause.surface
    if not clause.own or clause.denied:
        return None
    alone = words == clause.text.strip(" .,!?~…ㅋㅎㅠㅜ")
    if (
        (match := _BORN.match(words))
        and (match["self"] or (alone and match["u"]))
        and (match["u"] or (len(match["y"]) == 2 and int(match["y"]) >= 60 and match["end"]))
    ):
        return Proposal("fact", "age", f"{match['y']}년생이다.", clause.quote(clause.start + match.start("y")))
    match = _AGE.match(words) or re.search(
        rf"(?:만으로|나이가)\s*(?P<self>)(?P<n>{_NATIVE})(?P<u>살)?(?P<end>임|이야|이에요|예요|입니다|이고|이니|이라)(?P<me>)",
        words,
    )
    if match is None:
        match = _AGE_THEN.match(words) if not past(clause) and clause.start == 0 else None
        years = number(re.sub(r"\s", "", match["n"])) if match else None
        if match is None or years is None or years < 13:
            return None
        return Proposal("fact", "age", f"{years}살이다.", clause.quote(clause.start + match.start("n")))
    if match["n"].isdigit() and not match["u"]:
        return None
    told = re.sub(r"\s", "", match["n"])
    years = int(told) if told.isdigit() else number(told) or 0
    himself = match["self"] or match["me"] or clause.named or re.search(r"만으로|한국\s*나이|나이가", words)
    if years <= 10 or not (
        himself
        or words.startswith("아니")
        or (
            match["end"]
            and match["end"] not in ("이고", "인데")
            and (alone or match["end"] in ("이에요", "예요", "입니다", "이요", "임"))
        )
    ):
        return None
    return Proposal("fact", "age", f"{years}살이다.", clause.quote(clause.start + match.start("n")))


_BORN_ON = re.compile(r"\s*(?:일\s*)?(?:생이|에?\s*태어[났난]|생이라|생임|생인데|태생)")


def birthday(clause: Clause, setting: Setting) -> Proposal | None:
    words = clause.surface
    spans = dates.find(words, setting.said)
    if clause.denied or len(spans) != 1 or spans[0].first != spans[0].last:
        return None
    span = spans[0]
    born = clause.own and _BORN_ON.match(words[span.end :]) and not re.search(r"(?:너|니|네)\s", words)
    told = re.search(r"(?:생일|생잏|귀빠진\s*날|생신)", words)
    if not born and (
        told is None or past(clause) or re.search(r"생일\s*(?:파티|선물|축하|케이크|케익|잔치|카드|때)", words)
    ):
        return None
    if not born and told is not None:
        before_date = re.search(
            r"(?:생일|생잏|귀빠진\s*날|생신)\s*(?:은|이|은요)?\s*(?:음력\s*|양력\s*)?$", words[: span.start].rstrip()
        )
        after_date = re.search(r"^(?:이|가|은)?\s*(?:[가-힣]{1,3}\s*)?(?:생일|생신)", words[span.end :].strip())
        if not before_date and not after_date:
            return None
    before = words[: told.start()] if told else ""
    owner = next(
        (w for word in re.findall(r"[가-힣]+", before) if (w := re.sub(r"(?:의|네)$", "", word)) in PEOPLE | PETS), ""
    )
    slot = "birthday" if not owner else person_slot(owner)
    if (
        slot is None
        or slot == "friend"
        or re.search(r"(?:^|\s)(?:너|니|네)\s", before)
        or (not owner and not clause.own)
    ):
        return None
    if span.words in ("오늘", "내일", "모레", "어제") and not (owner or re.search(r"(?:^|\s)(?:내|제|나|저)\s", words)):
        return None
    day, lunar = span.first, "음력 " if "음력" in words else ""
    kind = "fact" if slot in ("birthday", "pet") else "relationship"
    start = clause.start + min(span.start, before.find(owner) if owner else told.start() if told else span.start)
    return Proposal(
        kind, slot, f"{f'{owner} 생일은'.strip()} {lunar}{day.month}월 {day.day}일이다.", clause.quote(start)
    )


# --- what people say of themselves when they meet

_MBTI_KOREAN = {
    "인프피": "INFP", "인프제": "INFJ", "인팁": "INTP", "인티제": "INTJ", "잇티제": "ISTJ", "잇팁": "ISTP", "잇프피": "ISFP", "잇프제": "ISFJ",
    "엔프피": "ENFP", "엔프제": "ENFJ", "엔팁": "ENTP", "엔티제": "ENTJ", "엣티제": "ESTJ", "엣팁": "ESTP", "엣프피": "ESFP", "엣프제": "ESFJ",
}  # fmt: skip
_MBTI = re.compile(
    rf"(?<![A-Za-z가-힣])(?P<x>[EIei][NSns][TFtf][JPjp]|{'|'.join(_MBTI_KOREAN)})(?![A-Za-z])\s*(?:이야|야|임|이에요|예요|입니다|인데|이고|고|이라|라|거든|다|$)"
)


def mbti(clause: Clause, setting: Setting) -> Proposal | None:
    words = clause.surface
    match = _MBTI.search(words)
    if (
        match is None
        or not clause.own
        or clause.denied
        or not (clause.named or match.start() == 0 or "mbti" in words.casefold() or "엠비티아이" in words)
    ):
        return None
    told = _MBTI_KOREAN.get(match["x"], match["x"].upper())
    return Proposal(
        "fact", "other", f"MBTI는 {with_particle(told, '이다/다')}.", clause.quote(clause.start + match.start())
    )


_ME = r"(?:나는|난|나|저는|전|저|내가|제가|우리\s*집은|우리집은|우리\s*집|저희\s*집은|집안이|집이|울집은)"
_SIMPLE = (
    r"(?:이야|야|임|이에요|예요|입니다|인데|이고|이라|라|이거든|거든|이거든요|거든요|이라서|라서|이다|다|이지만)(?:요)?"
)
RULES: list[Rule] = [
    birthday, age, mbti,
    typed("other", rf"(?:^|\s)(?P<x>A|B|O|AB|에이|비|오|에이비)형{_SIMPLE}$", "혈액형은 {x}형이다.", unless="성격|라고|이상형|걔|쟤", about="named"),
    typed("other", r"혈액형(?:은|이)?\s*(?P<x>A|B|O|AB|에이|비|오|에이비)형", "혈액형은 {x}형이다."),
    typed("other", r"^(?:(?:나|난|내|제|저는|나는)\s*)?키(?:가|는)?\s*(?P<x>1[4-9]\d|20\d)(?:cm|센치|센티)?(?:이|인|임|야|거든|밖|정도|쯤|예)", "키가 {x}cm다."),
    typed("other", r"^(?:(?:나|난|내|제|저는|나는)\s*)?(?P<w>몸무게|주량|발\s?사이즈|신발\s?사이즈|시력)(?:가|는|은|이)?\s*(?P<x>[가-힣A-Za-z0-9. -]{1,12}?)(?:이야|야|임|이고|인데|정도|쯤|밖에|예요|이에요|이라|나가)", "{w:은} {x:이다}.", unless="늘었|줄었|쪘|빠졌|뭐|얼마"),
    typed("other", r"^(?:(?:나|난|저|저는|나는|사실)\s+)*(?P<x>빚|대출|학자금\s?대출)(?:이|가|도)?\s*(?:좀\s*|아직\s*|[가-힣0-9]+\s?(?:억|천|백|만)[가-힣]*\s*)*(?:있|남)", "{x:이} 있다."),
    typed("other", rf"^(?:{_ME}\s*)?(?:원래\s*)?(?P<x>무슬림|이슬람교|불교|기독교|천주교|가톨릭|카톨릭|크리스천|개신교|무교|원불교|성공회)(?:\s?신자|도)?{_SIMPLE}$", "{x:이다}."),
    typed("other", rf"^(?:{_ME}\s*)?(?P<x>왼손잡이|양손잡이|아침형\s?인간|저녁형\s?인간|올빼미형|집순이|집돌이|내향인|외향인|한부모|혼혈|입양아|이과생|문과생|군필|미필){_SIMPLE}$", "{x:이다}."),
    typed("other", rf"^{_ME}\s+(?P<x>(?:한국|중국|일본|미국|캐나다|베트남|태국|몽골|우즈베키스탄|러시아|프랑스|독일|영국|호주)\s?(?:사람|인|국적|교포)|재일교포|재미교포|조선족|고려인|탈북민|새터민){_SIMPLE}$", "{x:이다}."),
]  # fmt: skip
