# ruff: noqa: E501 - a pattern is read better whole
"""What is to come: appointments with their days, and what the two have promised each other."""

from __future__ import annotations

import re

from rag import dates
from rag.clauses import PEOPLE, Clause
from rag.memory import Proposal
from rag.morphology import load_morphology
from rag.patterns.engine import Rule, Setting, past, pattern
from rag.patterns.words import EVENTS, either, is_place
from rag.phrasing import plain, with_particle

_EVENT = re.compile(either(EVENTS))
_DONE = re.compile(r"^(?:을|를|은|는|이|가)?\s*(?:[가-힣]{1,3}\s)?[가-힣]{0,2}(?:[았었했갔봤왔였]|쳤)")
_ARRANGED = re.compile(r"예약|잡았|잡혔|잡힘|신청|맡았|끊었|접수|기로")
_ATTENDS = re.compile(
    r"^(?:이|가|을|를|은|는|도|에|만)?\s*(?:하나|또|드디어|[한두세]\s?개|두\s?군데)?\s*(?:있(?!는|을|니|냐|나|으면|었)|잇음|이야|야|임|이에요|예요|입니다|이다|다$|인데|이라(?!고|면)|라(?=\s|$)|라서|래|이래|대|대요|래요|이고|고$|지|이지|네|이네|봐|본다|보러|봄|보기로|보고|가|감|간다|갈|하기로|할|한다|해(?!서\s*망)|함|하러|잡혔|잡혀|잡았|잡음|잡힘|예약|시작|떠나|받|치|쳐|침|간$|나가|나감|잡|맡|서(?=\s|$)|선다|내야|들어|출발|$)"
)
_CANCELLED = re.compile(
    rf"(?P<x>{either(EVENTS)})(?:이|가|은|는|도)?\s*(?:갑자기\s*|결국\s*|또\s*|[가-힣0-9 ]{1, 8}로\s*)?(?P<v>취소\s*(?:됐|되었|했|함|돼|됨)|미뤄졌|미뤄짐|밀렸|연기\s*(?:됐|되었|됨)|없어졌|파토|엎어졌|안\s*가기로|안\s*하기로|물\s?건너)"
)
_BAD = re.compile(
    r"싫|귀찮|좋겠|려나|할까|갈까|기대|모르겠|고민|부럽|같이\s*(?:할|갈|가자)|가자|하자|볼까|추천|어때|뭐\s*하|할래|갈래|깨워|알려\s*줘|추가해|몇\s*시|였|갔|봤|했었"
)
_COMMON = re.compile(
    r"^(?:또\s|\d+시\s*출근|출근(?!\s*첫)|내\s?생일|회의|꿀잠|비|눈|날씨|[월화수목금토일]요일|주말|휴일|공휴일|평일|월급날?|추|더|덥|춥|맑|흐|뭐|또\s*월|다시|봐|보자|올게|갈게|할게|말해|얘기|연락|일찍|쉬|쉰|늦|자|잠|출근\s*(?:싫|하기)|학교\s*가기|새해|크리스마스|생일\s*(?:선물|파티)|너|넌|네|오로라)"
)
_TIMES = r"(?:(?:오전|오후|아침|저녁|밤|새벽|낮|점심)에?\s*)?(?:(?:\d{1,2}|열[한두]?|한|두|세|네|다섯|여섯|일곱|여덟|아홉)\s*시(?:\s*반|\s*\d+분)?\s*(?:에|부터|까지)?\s*)?"
_LEADING = re.compile(
    rf"^(?:에는|에|엔|은|부터|날|이|가|까지|쯤|로|의|이라)?\s*{_TIMES}(?:(?:나|저|난|전|드디어|또|첫|우리|근데|진짜|몰래|혼자|친구랑|친구들이랑|가족이랑|엄마랑|남친이랑|여친이랑|남자친구랑|여자친구랑|회사|드디어\s최애)\s+)*"
)
_GOES_TO = pattern("p=N (에|로|으로|ᆯ로)/J? * (가|떠나|내려가|올라가|놀러가|다녀오)/V ")
_VERBS = frozenset(
    "군대 훈련소 알바 이사 출국 입국 귀국 출근 입대 전역 개강 종강 개학 퇴사 입사 결혼 이민 개업 유학 파견 입주 입학 졸업 방학 입원 퇴원 수술 촬영 이직 출산 휴가 데뷔".split()
)


def plan(clause: Clause, setting: Setting) -> Proposal | None:
    words, said = clause.surface, setting.said
    if match := _CANCELLED.search(words):
        return _put_off(clause, match, said)
    if clause.denied or False or (clause.retold and not re.search(r"(?:이?래요?|대요?|라네)$", words)):
        return None
    if re.search(
        r"(?:^|\s)(?:너|니|네가|걔|쟤|사람들|다들|오로라|친구가|친구는|친구\s*생일|최애\s*(?:생일|컴백|데뷔|콘서트\s*티켓)|아이돌|동기가|선배가|그\s*멤버)\s?",
        words,
    ) or _BAD.search(words):
        return None
    spans = [s for s in dates.find(words, said) if s.last >= said and (s.last - s.first).days <= 31]
    if not spans or re.search(r"(?:니|냐|나요|까|까요|[할갈볼릴을]게요?)$", words):
        return None
    first, last = min(s.start for s in spans), max(s.end for s in spans)
    before, after = words[:first].strip(), words[last:]
    if re.search(r"(?:안|못|별로)\s", after) or (
        not clause.own
        and not re.search(
            r"생일|생신|칠순|환갑|결혼|기념일|제사|대$|들어온|전역|제대|온대|간대|파견|수술|퇴원|돌잔치", words
        )
    ):
        return None
    rest = _LEADING.sub("", after, count=1).strip()
    quote_from = clause.start + first
    when = " ".join(s.words for s in spans)
    if any(s.words in ("오늘", "이따", "이따가") for s in spans) and not re.search(
        r"면접|시험|발표|수술|공연|콘서트|결혼식|예약|생일|기념일|입대|출국|이사|졸업식|팬미팅|오디션|대회|파티", rest
    ):
        return None
    if (
        late := re.match(rf"^(?:이래|이야|야|임|이에요|래|이라는데|인데)\s+(?P<x>{either(EVENTS)})(?:\s|$)", rest)
    ) and not before.endswith("말고"):
        return Proposal("event", "plan", f"{with_particle(late['x'], '이/가')} 있다.", clause.quote(quote_from), when)
    if not rest or rest in ("이야", "야", "임", "이에요", "이네", "인데", "이라", "이래", "래", "이다", "다", "이고"):
        return _told_before(clause, before, when)
    if _COMMON.match(rest):
        return None
    return _told_after(clause, rest, before, quote_from, when)


def _event_in(rest: str) -> re.Match[str] | None:
    """The last word for an event behind which he says that it will be."""
    found = None
    for at in range(min(len(rest), 20)):
        match = _EVENT.match(rest, at)
        if match and _ATTENDS.match(rest[match.end() :]):
            found = match
    return found


def _put_off(clause: Clause, match: re.Match[str], said: object) -> Proposal | None:
    words = clause.surface
    if (
        match["x"] in ("약속", "회식", "회의", "모임", "수업", "예약")
        or not clause.own
        or clause.supposed
        or "않" in words
        or (past(clause) is False and not re.search(r"대|기로|음$|함$|됨$|짐$|돼|토$", words))
    ):
        return None
    gone = re.search("취소|없어|파토|안|엎|건너", match["v"])
    span = next(iter(dates.find(words, said)), None) if not gone else None  # type: ignore[arg-type]
    text = f"{with_particle(match['x'], '이/가')} {'취소되었다' if gone else '미뤄졌다'}."
    return Proposal(
        "event",
        "plan",
        text,
        clause.quote(clause.start + match.start()),
        span.words if span else None,
        instead_of=match["x"],
    )


def _told_before(clause: Clause, before: str, when: str) -> Proposal | None:
    """`예정일이 8월 20일이에요`, `원고 마감이 목요일인데`."""
    match = re.search(
        rf"(?P<x>(?:[가-힣A-Za-z0-9]+\s)?[가-힣A-Za-z0-9]{{0,6}}(?:{either(EVENTS)}|일주년|주년|천일|백일|[가-힣]{{1,2}}백일|이삿날|입주일|마감일|개강일|시험일|출국일|전역일|예정일|기념일))(?:이|은|는|가)?$",
        before,
    )
    if match is None or re.search(r"^(?:너|니|오로라)", before):
        return None
    what = re.sub(r"^(?:나|내|우리|저|제|나의|그|드디어|근데)\s+", "", match["x"].strip())
    start = clause.start + clause.surface.find(what)
    return Proposal("event", "plan", f"{with_particle(what, '이/가')} 있다.", clause.quote(start), when)


def _told_after(clause: Clause, rest: str, before: str, start: int, when: str) -> Proposal | None:
    tail = before.split()[-1] if before else ""
    match = _event_in(rest)
    if (
        match
        and "몇" not in rest[: match.end()]
        and (not _DONE.match(rest[match.end() :]) or _ARRANGED.search(rest))
        and not re.search(r"(?:끝나|끝난|때문|보다|선물|준비물|치고|같은)", rest[match.end() : match.end() + 6])
    ):
        event = rest[: match.end()].strip()
        event = event if len(event) <= 24 else match[0]
        if (goal := re.match(r"^(?P<p>[가-힣]{2,6})(?:으로|로|에)\s+(?P<e>.+)$", event)) and goal["e"]:
            event = f"{goal['p']} {goal['e']}" if goal["e"] in EVENTS.split() else event
        head = (
            f"{tail} "
            if re.fullmatch(
                r"(?:엄마|아빠|남편|아내|여친|남친|동생|딸|아들|오빠|언니|누나|형|할머니|할아버지|부모님|조카)", tail
            )
            and len(event) < 12
            else ""
        )
        return Proposal(
            "event",
            "plan",
            f"{with_particle(head + event, '이/가')} 있다.",
            clause.quote(clause.text.rfind(tail, 0, start) if head else start),
            when,
        )
    anniversary = re.match(
        r"^(?:우리\s*)?(?:부부\s*)?(?P<x>(?:[가-힣]{1,6}\s)?(?:천일|백일|[가-힣]{1,2}백일|\d+일|\d+주년|일주년|이주년|기념일|생일|생신|칠순|환갑|제사|기일)(?:\s?기념일)?)(?:이야|야|임|이에요|이라|인데|이고|$)",
        rest,
    )
    if anniversary:
        return Proposal("event", "plan", f"{with_particle(anniversary['x'], '이/가')} 있다.", clause.quote(start), when)
    found = _GOES_TO.search(clause.tagged) if not past(clause) else None
    if found and not clause.supposed and (place_span := clause.span(found, "p")):
        part = list(clause.morphemes[slice(*place_span)])
        while part and part[0].tag not in ("NNP", "SL"):
            part.pop(0)
        place = clause.text[part[0].start : part[-1].end].strip() if part else ""
        if place and is_place(clause, place) and place not in dates.DAY_WORDS:
            return Proposal("event", "plan", f"{place}에 간다.", clause.quote(start), when)
    if deed := re.match(
        rf"^(?:[가-힣]+(?:으로|로|에서|에|를|을)\s+)*(?P<x>{either(' '.join(_VERBS))})(?:을|를|에)?\s*(?:시작\s*)?(?:해|함|한다|하는데|해요|합니다|가|감|간대|온대|예정|하기로|이야|야|임|이에요|들어가|시작|$)",
        rest,
    ):
        return Proposal("event", "plan", f"{with_particle(deed['x'], '이/가')} 있다.", clause.quote(start), when)
    if any_deed := _any_deed(clause, rest, start, when):
        return any_deed
    if home := re.match(
        r"^(?P<x>(?:[가-힣]+에서\s|[가-힣]+으로\s)?(?:들어온대|돌아온대|온대|나온대|들어와|돌아와))", rest
    ):
        who = tail if tail in PEOPLE else ""
        text = f"{with_particle(who, '이/가')} 돌아온다." if who else "돌아온다."
        return (
            Proposal("event", "plan", text, clause.quote(clause.text.rfind(who, 0, start) if who else start), when)
            if who and home
            else None
        )
    return None


_ROUTINE = re.compile(
    r"학교|회사|출근|퇴근|집에|집\s|수업|과제|공부|운동|빨래|청소|밥|점심|저녁|아침|게임|야근|잠|자야|휴일|쉬|비\s|눈\s|날씨|일찍|심심|뭐|다시|얘기|생각|걱정|싫|보자|까지|마감이라며|일요일|월요일|개꿀|망|죽|월급|치킨|피자|라면|커피|술"
)
_DEEDS = frozenset(
    "가 오 보 받 나가 떠나 시작하 열 치르 내 제출하 만나 참가하 출전하 서 뛰 옮기 들어가 찾 오픈하 맡 내려가 올라가 모시 다녀오 출발하 도착하 계약하 공연하 발표하 촬영하 이사하 결혼하 입주하 신청하 접수하 등록하 전시하 연주하 타 뵙 데리 들어오 돌아오 시집가 장가가 나오 하".split()
)


def _any_deed(clause: Clause, rest: str, start: int, when: str) -> Proposal | None:
    """Something that he says he will do on a certain day, whatever it is called: `다음 달 3일에 바리스타 2급 봐`."""
    if clause.supposed or past(clause) or _ROUTINE.search(rest) or len(rest) > 24 or not clause.own or "까지" in when:
        return None
    part = [m for m in clause.morphemes if m.start >= clause.text.find(rest, start)]
    nouns = [m for m in part if m.tag in ("NNG", "NNP", "SL") and len(m.form) > 1]
    verb = next((i for i in range(len(part) - 1, -1, -1) if part[i].tag in ("VV", "XSV", "VCP")), None)
    if not nouns or verb is None or any(m.tag in ("VX", "ETM", "VA") for m in part):
        return None
    if part[verb].tag == "VCP":
        before = part[verb - 1]
        if before.tag not in ("NNG", "NNP") or not clause.named:
            return None
        words = clause.text[part[0].start : before.end]
        return Proposal("event", "plan", f"{with_particle(words, '이/가')} 있다.", clause.quote(start), when)
    form = part[verb - 1].form + part[verb].form if part[verb].tag == "XSV" and verb else part[verb].form
    if form not in _DEEDS or (form in ("가", "오", "하", "보", "나오", "타", "찾") and not clause.named):
        return None
    text = plain([(m.form, m.tag) for m in part[: verb + 1]])
    return Proposal("event", "plan", f"{text}.", clause.quote(start), when)


# --- promises

_WILL = re.compile(r"(?P<v>[가-힣]+)게(?:요|용|욥|염)?(?:\s*(?:꼭|약속|약속해|진짜로|진짜|알았지|응))?$")
_EARNEST = re.compile(
    r"꼭|반드시|약속|다음에|담에|담번에|다음번|다\s?쓰면|다\s?되면|완성되면|끝나면|(?:^|\s)담엔|다음엔|담주|다음\s?주|까지|나오면|너한테\s*(?:제일|젤|먼저)|젤\s*먼저|제일\s*먼저"
)
_FOR_HER = re.compile(r"(?:줄게|드릴게|가져올게|데려올게|사올게|사\s?줄게)(?:요)?")
_LEAVING = re.compile(
    r"[가-힣]볼게|톡할|누워|가볼게|해볼게|(?:자러|씻고|밥|먹고|갔다|다녀|자고|잘|쉴|나갈|들어갈|말해줄|얘기해줄|잘할|올)\s*[가-힣]*게|또\s*(?:올게|얘기|말)"
)
_AGREED = re.compile(
    r"(?P<x>(?:(?:너|네가|니가|나한테|내가|우리)\s*)*[가-힣 0-9]{2,24}?(?:해\s?주|[가-힣]주|보|하|가|먹|자|만나|끊|일어나|듣|읽|쓰|걷)기로\s*(?:한\s*(?:거|것)|했(?:잖아|지|다|었|어|음|으니까)|약속|해))"
)
_NOT_HERS = re.compile(r"다시\s*만나기로|헤어지기로|결혼하기로|살기로|사귀기로")
_SWORN = re.compile(r"(?:약속(?:할게|한다|했다|해|한거야|한\s*거야|이야|임|했잖아)|너랑\s*약속|맹세|새끼\s?손가락)")


def promise(clause: Clause, setting: Setting) -> Proposal | None:
    """`담주에 내가 그린 거 보여 줄게`, `이번 달은 술 안 마신다 약속할게`, `너 나한테 별자리 알려 주기로 했잖아`."""
    words = clause.surface
    spans = [span for span in dates.find(words, setting.said) if span.last > setting.said]
    when = " ".join(span.words for span in spans) or None
    if (
        (match := _AGREED.search(words))
        and re.search(r"(?:^|\s)(?:너|네가|니가|나한테|우리|오로라|너랑)\s|주기로", words)
        and not re.search(r"친구|엄마|아빠|동생|회사|언니|오빠|남친|여친|걔", words)
        and not _NOT_HERS.search(words)
    ):
        start = clause.start + match.start("x")
        deed = re.sub(r"기로\s*(?:한|했|약|해).*$", "기로 했다", match["x"].strip())
        deed = re.sub(r"^(?:(?:너|네가|니가|나한테|내가|우리)\s*)+", "", deed).strip()
        return Proposal("promise", "promise", f"{deed}.", clause.quote(start), when) if len(deed) > 5 else None
    if not clause.own or clause.question:
        return None
    match = _WILL.search(words)
    if match is None or (ord(match["v"][-1]) - ord("가")) % 28 != 8:
        if (
            _SWORN.search(words)
            and clause.own
            and len(words) > 8
            and not past(clause)
            and not re.search(r"장소|친구", words)
        ):
            deed = re.sub(r"(?:너한테\s*|너랑\s*)?약속(?:할게|한다|해|한\s*거야|이야|임)?\s*", "", words).strip()
            stem = next((m for m in reversed(clause.morphemes) if m.tag == "VV"), None)
            if stem is None or len(deed) < 4:
                return None
            return Proposal(
                "promise",
                "promise",
                f"{deed.rstrip('.')}고 약속했다." if deed.endswith("다") else f"약속: {deed}.",
                clause.quote(clause.start),
                when,
            )
        return None
    sentence = _sentence(clause)
    spans = [span for span in dates.find(sentence, setting.said) if span.last > setting.said]
    sworn = re.search(r"꼭|반드시|약속", sentence)
    if not sworn and not ((spans or _EARNEST.search(sentence)) and _FOR_HER.search(words)):
        return None
    if _LEAVING.search(words) and not sworn:
        return None
    return _will(clause, spans, " ".join(span.words for span in spans) or None)


_MARK = re.compile(r".*[.!?~…\n,ㅋㅎㅠㅜ]")


def _sentence(clause: Clause) -> str:
    """What stands before the clause in its sentence, and the clause."""
    before = clause.text[: clause.start]
    mark = _MARK.match(before)
    return clause.text[mark.end() if mark else 0 : clause.end].strip()


def _will(clause: Clause, spans: list[dates.Span], when: str | None) -> Proposal | None:
    part = [m for m in clause.morphemes if m.tag not in ("IC", "MAJ")]
    last = next((i for i in range(len(part) - 1, -1, -1) if part[i].tag in ("VV", "XSV", "VX", "VA")), None)
    if last is None:
        return None
    kept: list[tuple[str, str]] = []
    for morpheme in part[: last + 1]:
        dated = any(clause.start + s.start <= morpheme.start < clause.start + s.end for s in spans)
        earnest = morpheme.form in ("꼭", "반드시", "나", "저", "내", "제", "다음", "나중", "담") or (
            morpheme.tag[0] == "J" and not kept
        )
        if not dated and not earnest:
            kept.append((morpheme.form, morpheme.tag))
    if len(kept) < 2:
        return None
    intention = load_morphology().join(
        [*kept, ("겠", "EP"), ("다고", "EC"), ("약속", "NNG"), ("하", "XSV"), ("었", "EP"), ("다", "EF")]
    )
    start = clause.text.rfind(_sentence(clause), 0, clause.end)
    return Proposal("promise", "promise", f"{intention}.", clause.quote(start), when)


RULES: list[Rule] = [promise, plan]
