# ruff: noqa: E501 - a pattern is read better whole
"""How the user lives: habits, what he can do, what he wants to reach, what he owns, what he went through."""

from __future__ import annotations

import re

from rag.clauses import KIN, PARTNERS, Clause
from rag.memory import Proposal
from rag.patterns.engine import Frame, Rule, Setting, is_noun, others, past, retold, typed
from rag.patterns.words import DEICTIC, JOB, SPORTS_AND_ARTS, THINGS, either
from rag.phrasing import plain, with_particle

_LEAD = r"^(?:(?:나는|난|나|저는|전|저|내가|제가|요즘|요새|지금|원래|근데|사실|참고로|아|이제|드디어|평소에|보통|혼자|어릴\s?때부터|작년부터|올해부터|다시|최근에|이번에|주로|저번주부터|내|그냥|결국|중고로|큰맘\s?먹고|드디어\s?나)\s+)*"
_ART = rf"(?:{either(SPORTS_AND_ARTS)})"


def _thing(clause: Clause, words: str) -> bool:
    return is_noun(clause, words) and words not in DEICTIC and words.split()[0] not in DEICTIC


_OK = {"x": _thing}

# --- habits

_OFTEN = re.compile(
    r"(?P<x>(?:매일\s*)?(?:아침|저녁|밤|점심|주말|월요일|화요일|수요일|목요일|금요일|토요일|일요일|새벽|퇴근|주|달|해|계절|출근길|잠들기\s?전|공강)\s?마다|매일매일|매일|매주|매달|매년|항상|언제나|평일마다|날마다|하루에\s?[가-힣0-9]+\s?(?:번|잔|시간|끼|갑|개)씩?|하루\s?[가-힣0-9]+\s?(?:번|잔|시간|끼|갑|개|만보)씩?"
    r"|(?:일주일|한\s?주|한달|한\s?달|한달|1년|일년|이틀|삼일|격주)(?:에|로)\s?[가-힣0-9]+\s?번씩?|주\s?\d\s?(?:회|번)|자기\s?전에|자기전에|일어나자마자|퇴근하고|퇴근\s?후에|출근\s?전에|주말엔|주말에는|쉬는\s?날엔|[월화수목금토일]요일\s?(?:오전|오후|저녁|아침|밤)?(?:은|엔|에는))"
)
_ROUTINE_ONLY = re.compile(
    r"^(?:항상|언제나|맨날|퇴근하고|퇴근\s?후에|주말엔|주말에는|쉬는\s?날엔|자기\s?전에|자기전에|매일)$"
)
_NO_HABIT = re.compile(
    r"야근|내\s?얘기|질문|연락|말할게|게$|똑같|심심|생각|걱정|싸우|혼나|까먹|늦|지각|피곤|힘들|졸려|죽겠|망하|반복|지루|바쁘|귀찮|울|우울|못\s*자|잔소리|물어|그러|이래|저래|되풀이|버티"
)
_NO_HABIT_VERBS = frozenset(
    "있 되 같 그러 모르 싸우 울 죽 이러 저러 그렇 알 말하 나오 들리 보이 생기 느끼 원하 바라 좋아하 싫어하 나 오 잊 참 기다리 물 묻".split()
)


def regular(clause: Clause, setting: Setting) -> Proposal | None:
    """What he does regularly: `자기 전에 일기 꼭 써`, `주 4회 헬스 가`, `한 달에 한 번 보호소 봉사 다녀`."""
    words = clause.surface
    if (
        not clause.own
        or past(clause)
        or any(m.form in KIN | PARTNERS for m in clause.morphemes if m.tag[0] == "N")
        or re.search(r"오늘|어제|내일|친구|팀장|부장|사람들", words)
    ):
        return None
    match = _OFTEN.search(words)
    if match is None or _NO_HABIT.search(words) or len(words) > 40:
        return None
    start = clause.start + match.start()
    part = [m for m in clause.morphemes if m.start >= start]
    last = next((i for i in range(len(part) - 1, -1, -1) if part[i].tag in ("VV", "XSV", "VCP", "VX")), None)
    if last is None or any(m.tag == "NP" and m.form not in ("나", "저") for m in part):
        return None
    if part[last].tag == "VX":
        if part[last].form not in ("있",):
            return None
        last = next((i for i in range(last - 1, -1, -1) if part[i].tag in ("VV", "XSV")), -1)
    verb = part[last]
    form = (part[last - 1].form + verb.form) if verb.tag == "XSV" and last else verb.form
    if last < 1 or any(
        m.tag in ("ETM",) and not clause.text[m.end : m.end + 2].strip().startswith("중") for m in part[last + 1 :]
    ):
        return None
    if verb.tag == "VCP" and not re.search(r"항상|[월화수목금토일]요일", match["x"]):
        return None
    if form in _NO_HABIT_VERBS or any(m.tag == "VX" and m.form not in ("있",) for m in part[last + 1 :]):
        return None
    if not any(
        m.tag in ("NNG", "NNP", "SL") for m in part[1 : last + 1] if m.start >= start + len(match["x"])
    ) and form not in ("일어나", "자", "뛰", "걷", "달리"):
        return None
    if clause.denied and not re.search(r"안\s", words):
        return None
    text = plain([(m.form, m.tag) for m in part[: last + 1]])
    return Proposal("fact", "habit", f"{text}.", clause.quote(start)) if len(text) <= 36 else None


_NEVER = re.compile(
    rf"{_LEAD}(?P<x>담배|술|아침|아침밥|커피|게임|인스타|인스타그램|페북|페이스북|카톡|유튜브|트위터|SNS|sns|넷플릭스|넷플|티비|TV|화장|야식|고기|밀가루|탄산|라면|군것질|간식|저녁|점심|염색|운동|주식|코인|도박)(?:은|는|을|를|도)?\s*(?:원래\s*|아예\s*|절대\s*|전혀\s*|거의\s*|잘\s*|평소에\s*|이제\s*)*(?P<n>안|못|끊)\s?(?P<v>해|하|함|펴|피|핌|마|먹|봐|봄|써|씀|었|음|은|껴|낌|함)"
)


def never(clause: Clause, setting: Setting) -> Proposal | None:
    """What he does not do: `담배 안 펴요`, `아침은 안 먹어`, `인스타 안 해`, `술 끊었어`."""
    words = clause.surface
    match = _NEVER.match(words)
    if (
        match is None
        or not clause.own
        or clause.supposed
        or re.search(r"오늘|어제|아직|내일|지금|약속|이번\s?달", words)
    ):
        return None
    start = clause.start + match.start("x")
    if match["n"] == "끊":
        return (
            Proposal(
                "fact",
                "habit",
                f"{with_particle(match['x'], '을/를')} 끊었다.",
                clause.quote(start),
                instead_of=match["x"],
            )
            if match["v"] in ("었", "음", "은")
            else None
        )
    if (
        past(clause)
        or (match["x"] in ("아침", "저녁", "점심", "아침밥") and not re.search(r"원래|은\s|거의|절대|평소", words))
        or (match["n"] == "못" and match["x"] not in ("술", "커피", "운동", "담배", "화장"))
    ):
        return None
    text = retold(clause, start)
    return Proposal("fact", "habit", text, clause.quote(start)) if text else None


# --- what he can do

_CAN = re.compile(
    r"(?:^|(?<= ))(?P<x>(?:[^ /]+/(?:NNG|NNP|SL|JKO|JX|XSV|XR|JKB) )*[^ /]+/(?:VV|XSV) )ᆯ/ETM (?:줄/NNB (?:을/JKO |은/JX |도/JX )?알/VV |수/NNB (?:가/JKS |도/JX )?있/VV )(?P<rest>.*)$"
)
_LICENCE = re.compile(
    r"(?P<x>[가-힣A-Za-z0-9 ]{2,14}?)\s*(?:자격증|면허|면허증|라이센스|자격)(?:을|를|이|가|증|도)?\s*(?:\d개\s*)?(?P<v>있|땄|땀|취득|따놨|보유)"
)
_PASSED = re.compile(
    rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z]{{1,8}}\s)?(?:[1-9]급|N[1-5]|자격증|면허|운전면허|한능검|컴활|토익\s?\d{{3}}|토플\s?\d+|텝스\s?\d+|[123]종))(?:을|를|도|에)?\s*(?:드디어\s*|한번에\s*)*(?P<v>땄|땀|취득|합격|붙었|붙음|있어|있음|있거든|보유)"
)


def able(clause: Clause, setting: Setting) -> Proposal | None:
    if (
        not clause.own
        or clause.denied
        or (past(clause) and "따" not in clause.tagged and "붙" not in clause.tagged and "합격" not in clause.tagged)
    ):
        return None
    words = clause.surface
    if ((match := _CAN.search(clause.tagged)) and "수/NNB" not in match[0]) or (
        match and (clause.named or re.search(_ART, words)) and "만들" not in words
    ):
        part = tuple(
            m for m in clause.morphemes[slice(*(clause.span(match, "x") or (0, 0)))] if m.form not in ("나", "저")
        )
        if match and part and len(part) > 1:
            middle = [("줄", "NNB"), ("알", "VV")] if "줄/NNB" in match[0] else [("수", "NNB"), ("있", "VV")]
            text = plain([*((m.form, m.tag) for m in part), ("ᆯ", "ETM"), *middle])
            return Proposal("fact", "skill", f"{text}.", clause.quote(part[0].start))
    if (match := _LICENCE.search(words)) and (clause.named or match.start() == 0):
        what = re.sub(r"^(?:나는|저는|나|저|난|전|드디어|이번에)\s*", "", match["x"]).strip()
        if what and what not in ("무슨", "그", "이") and "시험" not in what:
            start = clause.start + match.start("x") + match["x"].find(what)
            return Proposal(
                "fact", "skill", f"{what} {'면허가' if '면허' in match[0] else '자격증이'} 있다.", clause.quote(start)
            )
    if match := _PASSED.match(words):
        return Proposal(
            "fact",
            "skill",
            f"{with_particle(match['x'].strip(), '을/를')} 땄다.",
            clause.quote(clause.start + match.start("x")),
        )
    return None


_PLAYS = rf"{_LEAD}(?:[가-힣]+(?:에서|이랑|랑)\s+)?(?P<x>기타|피아노|바이올린|첼로|드럼|베이스|우쿨렐레|플루트|색소폰|가야금|해금|하모니카|오카리나|트럼펫|클라리넷|비올라|장구|밴드)"
_LANGUAGE = r"(?:영어|일본어|중국어|스페인어|프랑스어|독일어|러시아어|태국어|베트남어|아랍어|이탈리아어|한국어|광둥어|포르투갈어|몽골어|힌디어|인도네시아어|터키어|수어|수화|일어|불어|독어|코딩|파이썬|자바|한자)"


def _skill(looks: str, text: str, **more: object) -> Frame:
    return typed("skill", looks, text, **({"unless": r"친구|너|싶|걔|잘해\?"} | more))


# --- what he wants, owns, went through

_AIM = re.compile(
    r"^(?:(?:내|제|나의|저의|언젠가|언젠간|나중에|동네에|돈\s?모아서|꼭|올해|우리|사실|나|난|저|나는|저는)\s+)*(?P<w>(?:올해\s|인생\s|최종\s|평생\s)?(?:꿈|목표|장래희망|버킷리스트|버킷|소원|로망))(?:은|이|는|가)\s+(?P<x>[가-힣A-Za-z0-9 ]{2,24}?)(?:이야|야|이라|라|이고|이에요|예요|임|입니다|인데|이다|거든|이거든)?$"
)
_AIM_BACK = re.compile(
    rf"{_LEAD}(?:(?:언젠가|언젠간|나중에|꼭|돈\s?모아서|동네에|죽기\s?전에)\s+)*(?P<x>[가-힣A-Za-z0-9 ]{{2,28}}?(?:는\s?게|는\s?것이|는\s?거|기가|되는게|되기))\s*(?:내\s*|제\s*|올해\s*|인생\s*|평생\s*)?(?P<w>꿈|목표|버킷|소원|로망|장래희망)"
)
_WANTS = re.compile(
    r"^(?:(?:나는|난|나|저는|전|저|내가|제가|그래서|사실)\s+)*(?P<t>나중에|언젠가|언젠간|커서|꼭|은퇴하면|졸업하면|죽기\s?전에|돈\s?모아서|10년\s?뒤엔|결혼하면)?\s*(?:나는\s+|난\s+|꼭\s+)?(?P<x>[가-힣A-Za-z0-9 ]{2,24}?)\s?(?P<v>되고|하고|가고|차리고|열고|살고|내고|배우고|쓰고|만들고|다니고|따고|받고|떠나고|일하고|가르치고|키우고)\s*싶(?:어|다|음|은데|습니다|어요|어서|어가지고|거든|고)"
)


def aim(clause: Clause, setting: Setting) -> Proposal | None:
    words = clause.surface
    if (
        not clause.own
        or clause.denied
        or past(clause)
        or clause.question
        or re.search(r"(?:^|\s)(?:너|넌|니|네|걔|친구)\s|개꿈|악몽|꿈에서|다들|부자", words)
    ):
        return None
    if (
        (match := _AIM.match(words))
        and not re.match(r"뭐|없|크|이루|아니|뭔", match["x"])
        and not re.match(r"^(?:꿈|소원|로망|버킷|목표)", match["x"])
    ):
        text = f"{with_particle(match['w'], '은/는')} {with_particle(match['x'].strip(), '이다/다')}."
        return Proposal("fact", "goal", text, clause.quote(clause.start + match.start("w")))
    if match := _AIM_BACK.match(words):
        return Proposal(
            "fact",
            "goal",
            f"{re.sub(r'는 ?게$', '는 것이', match['x'])} {with_particle(match['w'], '이다/다')}.",
            clause.quote(clause.start + match.start("x")),
        )
    match = _WANTS.match(words)
    if match is None:
        return None
    what = match["x"].strip()
    works = re.search(JOB + "$", re.sub(r"(?:이|가)$", "", what)) is not None or re.search(
        r"(?:유튜버|작가|대|의대|대학|대학원|유학|워홀|로스쿨|교환학생|이민|세계\s?일주)(?:이|가|를|을|에)?$", what
    )
    if (
        not (works or (match["t"] and match["t"] != "꼭"))
        or what in ("부자", "그거", "이거", "집", "혼자", "여자", "남자")
        or re.search(r"같이|너랑|오로라|뭐|그냥|지금|오늘|집에", what)
    ):
        return None
    start = clause.start + match.start("x")
    verb = {"되고": "되고", "가고": "가고"}.get(match["v"], match["v"])
    told = with_particle(what, "이/가") if match["v"] == "되고" and works and what[-1] not in "이가" else what
    return Proposal("fact", "goal", f"{told} {verb} 싶어 한다.", clause.quote(start))


_THEN = re.compile(
    rf"{_LEAD}(?P<t>(?:[가-힣]{{1,5}}|\d{{1,2}})\s?살\s*때(?:까지)?(?:는)?|스무살에|어릴\s*때(?:는|부터)?|어렸을\s*때(?:는)?|옛날에|예전에|[초중고]딩\s*때|(?:초등학교|중학교|고등학교|대학교|대학|군대|학생|초등학생|중학생|고등학생|대학생|신입|학교|유치원|사춘기|이십대)\s*때(?:는)?|(?:초등학교|중학교|고등학교|대학)까지|재작년에|작년에|(?:\d{{1,2}}|[가-힣]{{1,3}})\s?년\s?전에|몇\s?년\s?전에|한때|전에)\s+(?P<x>.+)$"
)
_HAPPENED = re.compile(
    r"사고|왕따|따돌림|수술|이혼|파산|사기|유학|이민|살았|살다|선수|대표|우승|입원|죽을\s?뻔|실종|화재|불났|망했|폐업|합격|자퇴|휴학|재수|삼수|군대|전역|알바|일했|다녔|컸|자랐|키웠|사귀|연애|당했|당함|잃|입양|왔었|나갔|배웠|쳤|했었|였|상\s?받|출연|데뷔|뽑혔|떨어"
)


def past_life(clause: Clause, setting: Setting) -> Proposal | None:
    """What he did or went through once: `어릴 때 미국에서 4년 살았어`, `재작년에 큰 교통사고 났었어`."""
    words = clause.surface
    if (
        not clause.own
        or clause.denied
        or clause.supposed
        or clause.retold
        or any(m.form in PARTNERS for m in clause.morphemes if m.tag[0] == "N")
    ):
        return None
    if match := re.match(
        rf"{_LEAD}(?P<x>[가-힣A-Za-z0-9 ]{{3,26}}?(?:해\s?본|가\s?본|[가-힣](?<=[된간본한난탄산온쓴잃든은]))\s?적)\s*(?:이\s*|도\s*)?(?:있어|있음|있다|있거든|있는데|있어요|있습니다|있지)$",
        words,
    ):
        if not clause.named and not re.search(r"선수|대회|방송|출연|사고|수술|살아|살았|당선|당첨|유학", words):
            return None
        deed = match["x"].strip()
        if re.search(r"(?:너|얘기|말)\s|본\s?적$", deed) and not re.search(r"해\s?본|가\s?본", deed):
            return None
        return Proposal("fact", "past", f"{deed}이 있다.", clause.quote(clause.start + match.start("x")))
    match = _THEN.match(words)
    if (
        match is None
        or len(words) > 45
        or re.search(r"좋아했|싫어했|먹었는데|봤는데|재밌|말했|얘기|친구|그랬|들었|너", match["x"])
    ):
        return None
    part = [m for m in clause.morphemes if m.start >= clause.start + match.start("t")]
    last = next(
        (i for i in range(len(part) - 1, -1, -1) if part[i].tag in ("VV", "XSV", "VA", "XSA", "VCP", "VX")), None
    )
    ended = past(clause) or (
        last is not None and any(m.tag in ("EF", "ETN") and m.form in ("ᆷ", "음") for m in part[last:])
    )
    if not ended or last is None or len(part) < 4 or not (clause.named or _HAPPENED.search(match["x"])):
        return None
    if match["t"] in ("작년에", "전에", "한때", "재작년에") and not _HAPPENED.search(match["x"]):
        return None
    text = plain([(m.form, m.tag) for m in part[: last + 1]], past=True)
    return Proposal("fact", "past", f"{text}.", clause.quote(part[0].start)) if len(text) <= 45 else None


def pluperfect(clause: Clause, setting: Setting) -> Proposal | None:
    """`은행에 다녔었어`, `유학 갔었거든`: what is over, said with 었었."""
    words = clause.surface
    if (
        not clause.own
        or clause.denied
        or clause.supposed
        or clause.retold
        or not any(m.tag == "EP" and m.form in ("었었", "았었", "였었") for m in clause.morphemes)
    ):
        return None
    if (
        others(clause)
        or not _HAPPENED.search(words)
        or re.search(r"오늘|어제|아까|방금|지난주|재밌|좋았었|말했|생각|줄\s", words)
        or len(words) > 40
    ):
        return None
    start = next((m.start for m in clause.morphemes if m.tag not in ("IC", "MAJ", "NP", "JX", "MAG")), clause.start)
    text = retold(clause, start)
    return Proposal("fact", "past", text, clause.quote(start)) if len(text) > 6 else None


_THING = rf"(?:새\s?|중고\s?|첫\s?)?(?:[가-힣]{{1,6}}\s)?(?:{either(THINGS)}|[가-힣]{{1,4}}(?:카|폰|북|패드|바이크|카메라|건조기|세탁기|머신|피아노|기타))(?:\s?\d{{1,2}}(?:\s?프로)?)?"
_PLANT = r"(?:몬스테라|다육이|다육|선인장|식물|화분|난초|난|장미|허브|바질|로즈마리|상추|토마토|방울토마토|고추|텃밭|레몬나무|올리브나무|고무나무|스투키|산세베리아|행운목|수국|튤립|식충식물|파리지옥|금전수|율마|해바라기|딸기|블루베리|감자|고구마|옥수수|반려식물|분재|이끼|버섯)"


def _own(looks: str, text: str, **more: object) -> Frame:
    return typed(
        "possession", looks, text, **({"unless": r"친구|걔|싶|엄마가|아빠가|살까|언니|오빠|누나|동생|게임"} | more)
    )


RULES: list[Rule] = [
    never, regular,
    typed("habit", rf"{_LEAD}(?P<x>취미(?:는|가|로는|로)?\s+(?P<y>[가-힣A-Za-z ]{{1,14}}?))(?:이야|야|임|이에요|예요|에요|입니다|이고|고|인데|이다|하고|해|로\s*하|거든)(?:요)?$", "취미는 {y:이다}.", unless="뭐|없|무슨"),
    typed("habit", rf"{_LEAD}(?P<x>[가-힣A-Za-z 0-9]{{3,24}}?(?:는|던)\s?(?:버릇|습관|징크스|루틴|잠버릇))(?:이|도)?\s*(?:있|생겼|이야|임)", "{x:이} 있다.", unless="너|친구"),
    typed("habit", rf"{_LEAD}(?P<x>(?:담배|술|커피))(?:를|을)?\s*(?:다시\s*)(?:펴|핌|피워|피운|마셔|마심|시작)", "{x:을} 다시 한다.", instead_of="{x}"),
    typed("habit", rf"{_LEAD}(?P<x>(?:담배|전자담배))(?:를|을)?\s*(?:하루에?\s*[가-힣0-9]+\s?갑\s*)?(?:펴|핀다|피워|피운다|피는데)(?:요)?$", "{x:을} 피운다."),
    typed("habit", rf"{_LEAD}(?P<x>채식주의자|비건|페스코|간헐적\s?단식|저탄고지|키토|미라클\s?모닝|무지출|제로웨이스트|미니멀리스트)(?:을|를)?\s*(?:이야|야|임|이에요|예요|입니다|해|하고|함|한다|합니다|중|이라|라)", "{x:을} 한다.", unless="친구|영화"),
    typed("habit", rf"{_LEAD}(?P<x>채식|비건식|다이어트|단식|금연|금주|절주|운동|식단|PT|피티)\s?(?:한\s?지|시작한\s?지|중|하는\s*중|하고\s*있|(?:\d+|[가-힣]{{1,3}})\s?(?:일|년|달|개월)\s?차|(?:\d+|[가-힣]{{1,3}})\s?(?:일|년|달|개월)째)", "{x:을} 한다.", unless="내일|해야|친구"),
    typed("habit", rf"{_LEAD}(?P<x>{_ART}|[가-힣]{{2,6}}(?:댄스|요가|클라이밍|수영|학원|교실|동호회|동아리|레슨|과외))(?:을|를|에)?\s*(?P<v>배워|배우고|배우는|배운다|배움|다닌\s*지|다닌지|시작했|시작한|등록했|끊었|다시\s*끊|하고\s*있|하는\s*중|입문|하러\s*다|다녀$|다님$|다니는)", "{x:을} 한다.", unless="싶|할까|엄마|친구|너|게임"),
    typed("habit", rf"{_LEAD}(?P<x>{_ART}|[가-힣]{{2,6}}(?:동호회|동아리))(?:은|는|을|를)?\s*(?:이제\s*|결국\s*|다시\s*)*(?:관뒀|그만뒀|접었|때려쳤|안\s*다녀|끊을)", "{x:을} 그만두었다.", instead_of="{x}", denied=None, unless="학교|회사"),
    typed("habit", rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{2,8}})(?:은|는|을|를)?\s*(?:완전\s*|아예\s*|싹\s*)?(?:끊었|끊음|끊은\s*지|끊은지)", "{x:을} 끊었다.", where=_OK, instead_of="{x}", unless="전화|연락|인연|티켓|표|헬스|학원|회원권|수영|요가|필라테스|PT|피티|절"),
    typed("habit", rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{2,8}})(?:을|를|에|은|는)?\s*(?P<v>다닌|배운|시작한|입문한|친|탄|쓴|모은|뛴|그린)\s?지\s*(?P<y>(?:벌써\s*|이제\s*|거의\s*|한\s*)*(?:\d+|[가-힣]{{1,3}})\s?(?:년|달|개월|주|일))", "{x:을} 한 지 {y} 되었다.", where=_OK, unless="친구|회사|결혼|남친|여친|병원|사귄"),
    typed("habit", r"^(?:(?:나는|난|나|저는|전|저|내가|제가)\s+)*(?:요즘|요새|최근에|작년부터|올해부터|이번\s?달부터|지난달부터|저번주부터|얼마\s?전부터|[가-힣]+학기부터)\s+(?P<x>[가-힣A-Za-z]{2,8})(?:을|를|에)?\s*(?:배워|배우고|배우는|다녀|다니고|다니는|시작했|하고\s*있|하는\s*중|연습|해(?=$|요))", "{x:을} 한다.", where=_OK, unless=r"회사|학교|병원|고민|걱정|생각|게임|연애|야근|이직|준비|일\s|알바|취준|공부|너|뭐"),
    typed("habit", rf"{_LEAD}(?P<x>{_ART})\s?(?P<y>(?:\d+|[가-힣]{{1,3}})\s?(?:년|달|개월|주)\s?(?:째|차|정도))", "{x:을} {y} 한다.", unless="친구|결혼"),
    typed("habit", rf"{_LEAD}(?P<x>(?:유튜브|블로그|인스타|틱톡|브런치|팟캐스트|채널|스마트스토어|쇼핑몰|네이버\s?카페)(?:에|를|을)?\s*(?:[가-힣]+(?:을|를)?\s)?(?:운영|올리는데|올려|올리고|연재|하는데|하고\s*있|해$))", "{…}", unless="보는데|봐|친구"),
    typed("habit", rf"{_LEAD}(?P<x>(?:보호소|유기견\s?보호소|요양원|고아원|도서관|교회|성당)\s?(?:에서\s*)?(?:봉사|자원봉사)|헌혈|기부|후원|새벽기도)(?:를|을)?\s*(?:다녀|다니|해$|하고|함$|하거든|하는데)", "{x:을} 한다.", unless="오늘|어제"),
    typed("habit", rf"{_LEAD}(?P<x>(?:새벽|아침)\s?(?:[가-힣0-9]{{1,4}})\s?시(?:\s?반)?에\s*일어나)", "{x}는 사람이다.", denied=None, unless="오늘|어제|내일|해야"),
    typed("habit", rf"{_LEAD}(?:대신\s+)?(?P<x>적금|주식|코인|청약|보험|펀드|연금)(?:을|를|만|도)?\s*(?P<y>[가-힣0-9]+\s?개|하고\s*있|들고\s*있|넣고\s*있|붓고)", "{x:을} 든다."),
    typed("habit", rf"^(?:(?:나는|난|나|저는|전|저|내가|제가|나도|저도|요즘|취미로|혼자|평소에|주말에)\s+)+(?P<x>{_ART}|롤|배그|오버워치|메이플|로아|피파)(?:을|를)?\s*(?P<v>해|함|한다|해요|합니다|하거든|하는데|쳐|침|친다|타|탐|탄다|그려|그림|찍어|찍음|써|씀)$", "{x:을} 한다.", about="named", tense="now", unless="오늘|지금|같이|어제|내일|친구|싶|게임해$"),
    typed("habit", rf"{_LEAD}(?P<x>(?:아침|새벽|밤|저녁)?\s?(?:\d{{1,2}}|다섯|여섯|일곱|여덟|아홉|열|열한|열두|한|두|세|네)\s?시(?:\s?반)?(?:면|에|쯤|에는)\s*(?:꼭\s*|항상\s*|무조건\s*)?(?:일어나|일어남|자$|잠$|자는데|출근해|퇴근해))", "{…}", about="named", tense="now", unless="오늘|내일|어제|지금"),
    able,
    _skill(r"^(?:나|난|나는|저는|저|전)\s+(?P<x>(?:[가-힣]{1,4}\s)?[가-힣]{1,6})(?:은|는|을|를)?\s*(?:진짜\s*|아예\s*|잘\s*)*못\s?(?P<v>그려|그림|불러|춰|춤|쳐|던져|써)(?:요)?$", "{…}", denied=True, tense="now", unless="오늘|글씨\\s*못\\s*알아|지금", where=_OK),
    _skill(rf"{_LEAD}(?P<x>(?:운전)?면허(?:증)?|자격증)(?:이|가|은|는|도)?\s*(?:아직\s*)?없", "{x:이} 없다.", denied=True),
    _skill(rf"{_LEAD}(?P<x>(?:태권도|유도|검도|합기도|주짓수|바둑|쿵푸|복싱|주산|한자|서예)\s?(?:공인\s?)?(?:[1-9]|[일이삼사오초])\s?(?:단|급|띠))", "{x:이다}.", about="own"),
    _skill(rf"{_LEAD}(?P<x>(?:[가-힣]{{2,8}}\s)?(?:대회|공모전|콩쿠르|경시대회|백일장|선수권|전국체전|해커톤)(?:에서)?\s*(?:[가-힣0-9]{{1,4}}\s)?(?:대상|금상|은상|동상|최우수상|우수상|입상|우승|준우승|금메달|은메달|동메달|[1-3]등|상\s?받|당선))", "{…}", unless=r"친구|동생|아들|딸|오늘\s*심판"),
    _skill(rf"{_PLAYS}(?:을|를|만)?\s*(?P<v>쳐|치고\s*있|친다|켜|켠다|불어|분다|연주해|연주한다|치는데|맡고|함|해|하고\s*있)(?:요|거든)?", "{x:을} 연주한다.", tense="now", unless="싶|배우|오늘|친구|엄마|시끄|윗집|언제"),
    _skill(rf"{_LEAD}(?P<x>{_LANGUAGE})(?:는|은|를|을|도|로)?\s*(?:좀\s*|꽤\s*|조금\s*|나름\s*|유창하게\s*|원어민처럼\s*|일상\s?회화(?:는|정도는)?\s*)*(?:해$|함$|한다|할\s*줄|가능|잘해|잘함|유창|대화|회화|해요|합니다|잘하|하거든|전공)", "{x:을} 할 줄 안다.", unless="너|친구|싶|잘해\\?|해야|공부해"),
    _skill(rf"{_LEAD}(?P<x>{_LANGUAGE}|{_ART})(?:을|를)?\s*(?:혼자\s*)?(?:독학|공부)\s*(?:중|하고\s*있|해$|함$|하는\s*중|시작했|한다)", "{x:을} 공부한다.", unless="시험|숙제|해야"),
    _skill(rf"{_LEAD}(?P<x>수영|운전|자전거|요리|노래|춤|{_LANGUAGE}|스키|스케이트|그림|달리기|축구|농구|다이빙|젓가락질|휘파람)(?:을|를|은|는|도)?\s*(?:진짜\s*|아예\s*|전혀\s*|잘\s*|하나도\s*)*(?:못\s?(?:해|함|하거든|한다|하는데|타|탐|해요|합니다|춰|해서))(?:서)?$", "{x:을} 못한다.", denied=None, tense="now", unless="오늘|너|아직\\s*못|공부를|안\\s*해서|지금|못\\s*하게"),
    _skill(rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z]+\s)?(?:[가-힣0-9]+\s)?[가-힣0-9]{{2,8}})\s*가능(?:$|해$|함$|하다|해짐|해졌|합니다|해요)", "{x:이} 가능하다.", about="named", unless="너|언제|환불|교환|예약"),
    _skill(rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{2,8}})(?:을|를|는|은)?\s*(?:진짜\s*|좀\s*|꽤\s*|나름\s*|제일\s*)*(?:잘해|잘함|잘하거든|잘\s*한다|잘\s*침|잘\s*쳐|잘\s*그려|자신\s*있)(?:요)?$", "{x:을} 잘한다.", about="named", where=_OK, unless="너|누가|일\\s*잘|말\\s|앞으로"),
    _skill(rf"{_LEAD}(?P<x>(?:코바늘|대바늘|손뜨개|재봉틀|뜨개질?|미싱)(?:로|으로)\s*.{{2,14}}?(?:만들|떠|뜨|뜰))", "{…}", tense="now"),
    _skill(rf"{_LEAD}(?P<x>기타|피아노|드럼|바이올린)(?:를|을)?\s*접고\s*(?P<y>[가-힣]{{2,5}})(?:로|으로)\s*(?:갈아탐|갈아탔|바꿨|전향)", "{y:을} 연주한다.", instead_of="{x}"),
    _skill(r"^(?:[가-힣]+(?:는|은)\s)?(?P<y>기타|피아노|드럼|바이올린|베이스)(?:로|으로)\s*(?:갈아탐|갈아탔|바꿨|전향했)", "{y:을} 연주한다."),
    aim,
    typed("goal", rf"{_LEAD}(?:(?:그래서|그|다시|내년|서른\s?넘어서)\s+)*(?P<x>(?:[가-힣A-Za-z0-9]{{1,8}}\s)?[가-힣A-Za-z0-9]{{0,10}}(?:시험|고시|공무원|임용|자격증|유학|편입|이민|창업|수능|관제사|승무원|대회|오디션|입시|대학원|로스쿨|변시|노무사|회계사|세무사|간호사|감정평가사|경찰|소방|검정고시|이직|취업|워홀|개업|출판|데뷔|공인중개사|기사|실기|토익|결혼|독립|세계일주|마라톤|바디프로필|바프))(?:을|를)?\s*준비(?:해|하고|중|함|한다|합니다|하는|하느라|하려고|생)", "{x:을} 준비한다.", unless="친구|너|동생|누나|언니|오빠|물|파티"),
    typed("goal", rf"{_LEAD}(?:(?:올해|올해\s?안에|내년까지|이번\s?달|여름까지|결혼식\s?전까지)\s+)*(?P<x>(?:\d+|[가-힣]{{1,3}})\s?(?:키로|kg|킬로))\s*(?:빼는|감량|빼기|찌우|빼려고)", "{x} 빼려고 한다.", unless="뺐"),
    typed("goal", rf"{_LEAD}(?P<x>[가-힣A-Za-z0-9 ]{{2,20}}?)(?:려고|기\s*위해서?|을\s*위해)\s*(?:돈\s*|열심히\s*|요즘\s*|지금\s*|알바하면서\s*)*(?P<y>모으는\s*중|모으고|모아|저축|적금|공부\s*중|공부하고|준비\s*중|준비하고|연습\s*중|연습하고|다이어트)", "{x}려고 한다.", unless="친구|너"),
    typed("goal", rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{2,8}}?)(?:\s시험|\s준비|\s공부)?(?:은|는|을|를|도)?\s*(?:결국\s*|이제\s*)*(?:포기(?:했|함)|접었|때려치)", "{x:을} 포기했다.", where=_OK, instead_of="{x}", unless="그냥\\s*포기|인생|오늘"),
    typed("goal", rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z0-9]{{1,8}}\s)?[가-힣A-Za-z0-9]{{2,10}})(?:에|을|를)?\s*(?:도전\s*(?:중|하는|하려고|할\s*거|할거|해\s*보려고)|노리는\s*중|목표로)", "{x}에 도전한다.", where=_OK, unless="먹방|라면|친구|오늘|너"),
    typed("goal", r"^(?:(?:나는|난|나|저는|전|저|내가|제가)\s+)*(?P<x>(?:올해\s?안에|올해는|올해|내년에는|내년엔|내년에|언젠간|언젠가|나중에|은퇴하면|졸업하면|제대하면|[가-힣0-9]+\s?년\s?안에|서른\s?전에|마흔\s?전에)\s+(?:꼭\s+)?[가-힣A-Za-z0-9 ]{3,24}?)(?P<v>[가-힣]?(?:ㄹ|을|할|갈|딸|살|될|차릴|열|만들|배울|쓸|낼)\s?(?:거야|거임|거예요|생각이야|계획이야|예정이야|생각이|계획이))", "{…}", unless="너|같이|비|추|눈|없을|늦|바쁠|힘들"),
    typed("goal", rf"{_LEAD}(?P<x>(?:내년까지|올해\s?안에|올해\s?안으로|서른\s?전에|[가-힣0-9]+까지)\s+[가-힣A-Za-z0-9 ]{{3,16}}?)(?:기|는\s?게)\s*(?:목표|도전|가\s*목표|해볼)", "목표는 {x}기다."),
    _own(rf"{_LEAD}(?P<x>{_THING})(?:을|를|도|랑\s[가-힣]+)?\s*(?:(?:새로|드디어|결국|어제|오늘|이번에|질러서|중고로|하나|큰맘먹고|한\s?대)\s*)*(?P<v>샀|뽑았|질렀|지름|구입했|장만했|들였|들임|샀음|삼$|구했|주문했|생겼|선물\s?받|받았)", "{x:을} 샀다.", unless=r"친구|걔|싶|게임|엄마\s*(?:집|차)|엄마가\s*샀|살까|폰으로|동숲|집\s*구했|집을\s*구"),
    _own(r"^(?:(?:내|제|우리|나는|난|나|저는)\s+)*(?:차는|자가용은)\s+(?P<x>[가-힣A-Za-z0-9]{1,8})(?:(?:을|를)?\s*(?:타$|타고|탄다|몰아|몬다|탐)|\s타(?=\s|$)|이야$|야$)", "차는 {x:이다}.", where={"x": lambda c, x: x not in DEICTIC and x not in ("막히", "없", "보이차", "녹차")}),
    _own(rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{2,8}})(?:를|을)?\s*(?:타고\s*다녀|몰고\s*다녀|타고\s*다니는데|끌고\s*다녀)", "{x:을} 타고 다닌다.", unless="버스|지하철|택시|기차|친구|전철", where=_OK),
    _own(rf"{_LEAD}(?:집에\s+|베란다에\s+|방에\s+|옥상에\s+|마당에\s+)?(?P<x>{_PLANT})(?:를|을|도|랑\s[가-힣]+|이|가)?\s*(?:하나\s*|몇\s?개\s*|좀\s*)?(?P<v>키우|키워|길러|심었|심음|심어|들였|들임|가꾸|키움|있어|있음)", "{x:을} 키운다.", denied=None, unless="할머니|할아버지|친구|엄마|너"),
    _own(rf"{_LEAD}(?:집에\s+|방에\s+|나한테\s+)(?P<x>(?:[가-힣A-Za-z]+\s)?[가-힣A-Za-z]{{1,8}})(?:이|가|도|만)?\s*(?P<y>[가-힣0-9]{{1,4}}\s?(?:개|장|권|대|벌|켤레|마리|병)\s?(?:쯤|정도|넘게)?\s*)?있(?:어|음|거든|는데|다|어요|지)", "집에 {x:이} 있다.", where=_OK, unless=r"친구|엄마|아빠|동생|언니|누나|오빠|혼자|누가|사람|손님|애가|벌레|바퀴|일이|먹을|남친|여친|아무|고양이|강아지|오늘|지금|택배"),
    _own(rf"{_LEAD}(?P<x>{_THING}|LP|엘피|피규어|레고|만화책|우표|향수|운동화|신발|와인|책)(?:이|가|도|만)?\s*(?P<y>[가-힣0-9]{{1,4}}\s?(?:개|장|권|대|벌|켤레|병)\s?(?:쯤|정도|넘게|이상)?)\s*(?:있|모았|모음|갖고|넘)", "{x:이} {y} 있다."),
    _own(rf"{_LEAD}(?P<x>{either('필카 필름카메라 디카 자전거 오토바이 바이크 차 피아노 전자피아노 통기타 일렉기타 캠핑카 별장 건물 빌딩 텃밭 과수원 요트 드론 재봉틀 턴테이블 플스 닌텐도 스위치 태블릿 맥북 자가 아파트 땅')})(?:이|가|도)?\s*(?:한\s?대\s*|하나\s*)?있(?:어|음|거든|는데|다|어요|지)", "{x:이} 있다.", unless="주말에|시간|먹을|빌려|친구|엄마|아빠|동네|길에|앞에"),
    _own(rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z0-9]{{1,8}}\s)?[가-힣A-Za-z0-9]{{2,10}})(?:을|를|도)?\s*(?:(?:드디어|결국|할부로|큰맘\s?먹고|중고로|당근에서|새로|하나|직구로|무이자로)\s*)+(?:샀|질렀|지름|장만|들였|들임|뽑|구입|삼$)", "{x:을} 샀다.", where=_OK),
    _own(r"^(?:(?:나|난|저|저는|나는|내가)\s+)*(?:드디어|큰맘\s?먹고|중고로|당근에서|할부로|결국|월급\s?모아서|돈\s?모아서)\s+(?P<x>(?:[가-힣A-Za-z0-9]{1,8}\s)?[가-힣A-Za-z0-9]{2,10})(?:을|를|도)?\s*(?:샀|질렀|지름|장만|들였|들임|뽑|구입|삼$)", "{x:을} 샀다.", where=_OK, unless="친구|커피|밥|과자|빵|아이스크림|맥주"),
    _own(rf"{_LEAD}(?P<x>(?:할머니|할아버지|엄마|아빠|아버지|어머니|외할머니|삼촌)(?:가|께|께서|한테|에게)?\s*(?:물려주신|물려받은|주신)\s*[가-힣A-Za-z ]{{1,10}}?)(?:이|가|을|를|도)?\s*(?:있|써|쓰고|차고|끼고|타|갖고)", "{x:이} 있다.", about="any", unless="용돈|돈"),
    _own(rf"{_LEAD}(?P<x>[가-힣A-Za-z0-9]{{1,8}}?)(?:을|를)?\s*(?:팔았|팔고(?:\s|$)|처분했|팔아버렸|당근했|폐차했)", "{x:을} 팔았다.", where=_OK, instead_of="{x}", unless="붕어빵|물건을|가게에서|친구|오늘\\s*많이"),
    _own(rf"{_LEAD}(?P<x>[가-힣A-Za-z0-9]{{1,8}}?)(?:을|를)?\s*(?:잃어버렸|도난당했|도둑맞|고장\s*나서\s*버렸)", "{x:을} 잃어버렸다.", where={"x": lambda c, x: bool(re.search(either(THINGS), x))}, unless="오늘|찾았", instead_of="{x}"),
    _own(rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z]{{1,6}}\s)?(?:바이크|오토바이|스쿠터|전기차|하이브리드|경차|트럭|전동킥보드|벤츠|아우디|비엠|BMW|테슬라|아반떼|소나타|쏘나타|그랜저|모닝|레이|캐스퍼|아이오닉|스파크|코나|티볼리|카니발|쏘렌토|스타렉스))(?:을|를)?\s*(?:타$|타\s|탄다|타고|탐$|몰아|몰고|몬다)", "{x:을} 탄다.", unless="친구|싶|놀이공원|택시|빌려"),
    _own(rf"{_LEAD}(?P<x>[가-힣A-Za-z ]{{2,10}}?)(?:을|를)?\s*(?:모으는\s*(?:중|게|거|사람)|수집(?:해|하고|하는|중|이))", "{x:을} 모은다.", where=_OK, unless="돈|친구|쿠폰|사람"),
    past_life,
    pluperfect,
    typed("past", rf"{_LEAD}(?:(?:원래|예전에|옛날에|전에|고등학교까지|중학교까지|어릴\s?때|대학\s?때|전직|[가-힣]+때까지)\s+)+(?P<x>[가-힣 ]{{0,8}}(?:선수|배우|가수|연습생|대표|국가대표|{JOB}))(?:이?었|였|로\s*일했|하다가|출신)", "{x:였다}.", tense=""),
    typed("past", r"^(?:(?:나|난|저|저는|나는)\s+)+(?:원래\s+|예전에\s+|한때\s+|전에\s+)?(?P<x>[가-힣 ]{0,8}(?:선수|배우|가수|연습생|국가대표))(?:이?었|였|출신)", "{x:였다}."),
    typed("past", rf"{_LEAD}(?P<x>(?:초등학교|중학교|고등학교|대학교|대학|유치원|초중고|군대|학교)(?:는|은|를|을)\s*(?P<y>[가-힣A-Za-z ]{{2,10}}?)(?:에서)?)\s*(?:나왔|나옴|다녔|졸업|다님|갔다\s?왔|$)", "{x} 다녔다.", where={"y": lambda c, y: not re.search(r"너무|진짜|재밌|싫|힘들|언제|어디", y) and any(m.tag in ("NNP", "SL") for m in c.morphemes)}, start="x"),
    typed("past", rf"{_LEAD}(?P<x>(?:수능|재수|고시|면접|운전면허|도로주행|시험|오디션|대입|임용|공시|서류|최종)(?:\s?[가-힣]{{1,4}})?(?:에서|에|을|를)?\s*(?:[가-힣0-9]{{1,3}}\s?번\s*)?(?:떨어졌|떨어짐|탈락|낙방|불합격|떨어진|[가-힣0-9]{{1,3}}\s?번\s*(?:봤|봄)))", "{…}", unless="오늘|친구|동생"),
    typed("past", rf"{_LEAD}(?P<x>(?:전세\s?사기|보이스피싱|사기|왕따|학폭|따돌림|(?:큰\s?)?교통사고|파혼|이혼|파산|개인회생|유산|화재|강도|스토킹|성추행)(?:을|를|도|이|가)?\s*(?:당했|당함|당해|겪었|났었|났|했었|입었))", "{…}", unless="친구|뉴스|오늘|드라마"),
    typed("past", rf"{_LEAD}(?:나도\s+)?(?P<x>(?:[가-힣]{{2,8}}\s)?[가-힣A-Za-z]{{2,8}}에서\s+(?:[가-힣0-9]{{1,4}}\s?(?:년|달|개월)\s*(?:정도\s*|동안\s*)?)?(?:살았|살다|일했|유학했|공부했|근무했|자랐|컸))", "{…}", where={"x": lambda c, x: any(m.tag in ("NNP", "SL") for m in c.morphemes)}, unless="친구|엄마|아빠|태어나|오늘|어제|까지\\s*일했"),
    typed("past", rf"{_LEAD}(?P<x>군대|해병대|공군|해군|육군|특전사|카투사|의경|공익)(?:를|을)?\s*(?:나왔|갔다\s?왔|다녀왔|전역했|제대했|출신)", "{x}에 다녀왔다.", unless="친구|동생|휴가"),
]  # fmt: skip
