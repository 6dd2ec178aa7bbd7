# ruff: noqa: E501 - a pattern is read better whole
"""What the user does: job, workplace, school."""

from __future__ import annotations

import re

from rag.clauses import FRIENDS, KIN, PARTNERS, Clause
from rag.memory import Proposal
from rag.names import is_given_name, plausible_given_name
from rag.patterns.engine import Rule, Setting, frame, is_name, is_noun, past, typed
from rag.patterns.words import COURSES, DEICTIC, JOB, JOB_WORD, NO_PLACE, SCHOOL, SHOP, STUDENTS, WORKPLACE
from rag.phrasing import with_particle

_ME = (
    r"(?:나는|난|나도|저도|나|저는|전|저|내가|제가|내\s*직업은?|제\s*직업은?|직업은?|직업이|하는\s*일은|본업은|본업이)"
)
_LEAD = rf"^(?:(?:아니|아|음|참|사실|근데|그리고|참고로|안녕|대신|위로|오늘|실은|그냥)\s+)*(?P<self>{_ME}\s*)?(?:(?:올해|이제|지금|요즘|아직|현재|그냥|현직|예비|원래|드디어|다시|작년부터|평범한|평일엔|주말엔|낮엔|밤엔)\s+)*"
_IS = r"(?P<end>이야|야|임|이에요|예요|에요|입니다|이고|고|인데|이다|이거든|거든|이라|라서|이라서|라|이지|지|다|이거든요|거든요|인데요|됨|됐어|됐다|이지만|지만|이요|요|으로\s*일해|로\s*일해)(?:요)?(?P<me>\s*(?:나|내가|제가|난))?$"
_IS_JOB = re.compile(rf"{_LEAD}(?:\d{{1,2}}년\s?차\s+)?(?P<x>{JOB})(?:\s*\d{{1,2}}년\s?차|\s*생활)?\s*{_IS}")
_BARE_JOB = re.compile(rf"^(?:나는|난|나|저는|전|저)\s+(?:그냥\s+)?(?P<x>{JOB})$")
_TELLING = (
    "임",
    "입니다",
    "이에요",
    "예요",
    "이거든",
    "거든",
    "이거든요",
    "거든요",
    "라서",
    "이라서",
    "이라",
    "라",
    "이요",
    "인데요",
)
_NOT_JOB = re.compile(
    r"^(?:내|네|그|저|우리|좋은|나쁜|진짜)\s|(?:같은|닮은)\s|^(?:인간|사람|가사|행사|기사|인사|회사|식사|공사|이사|검사|조사|병원|지원|직원|응원|공원|정원)$|여긴|지나가|(?:이|은|는|가|도)\s|아니고|예비\s|미래|무슨|어떤"
)


def job(clause: Clause, setting: Setting) -> Proposal | None:
    """`나 간호사야`, `저는 조경사예요`, `번역 프리랜서라`."""
    if not clause.own or clause.denied or past(clause) or _of_others(clause):
        return None
    words = clause.surface
    match = _IS_JOB.match(words)
    if match is None:
        bare = _BARE_JOB.match(words)
        if bare is None or not clause.named:
            return None
        return _job(clause, bare["x"], bare.start("x"))
    alone = words == clause.text.strip(" .,!?~…ㅋㅎㅠㅜ") or clause.start == 0
    himself = (
        match["self"] or match["me"] or clause.named or re.match(r"(?:아직|이제|지금은?|드디어|원래|올해)\s", words)
    )
    if not (
        himself
        or (alone and match["end"] in _TELLING)
        or match["end"] in ("거든요", "이거든요", "인데요", "이요", "이에요", "예요", "입니다")
    ):
        return None
    if match["end"] in ("라", "이라") and not himself and not alone:
        return None
    return _job(clause, match["x"], match.start("x"))


def _of_others(clause: Clause) -> bool:
    return any(m.form in KIN | PARTNERS | FRIENDS for m in clause.morphemes if m.tag[0] == "N")


def _job(clause: Clause, told: str, at: int) -> Proposal | None:
    told = re.sub(r"^(?:그냥|평범한|이제|아직|현직|예비|\d+살|스물[가-힣]*|서른[가-힣]*)\s+", "", told.strip())
    first, _, others = told.partition(" ")
    if others and (is_given_name(first.removesuffix("이")) or is_led_name(clause, first)):
        told, at = others, clause.surface.find(others)
    if _NOT_JOB.search(told) or told in DEICTIC:
        return None
    slot = "school" if STUDENTS.search(told) and "대학생" not in told else "job"
    return Proposal("fact", slot, f"{with_particle(told, '이다/다')}.", clause.quote(clause.start + at))


def is_led_name(clause: Clause, word: str) -> bool:
    return plausible_given_name(word.removesuffix("이")) and is_name(clause, word)


_GOES = re.compile(
    r"(?:^|(?<= ))(?P<x>(?:[^ /]+/(?:NNG|NNP|SL|SH|SN|XR|XPN|XSN|NNB) )+?)(?:(?:에|를|을|엘|도)/J[A-Z]+ )?(?:[^ /]+/(?:MAG|IC|JX) |(?:아직|지금|요즘|현재)/[A-Z]+ )*(?P<v>다니/VV |재직/NNG )(?P<rest>.*)$"
)
_NO_GOING = re.compile(
    r"(?:여행|출장|학교|곳|데|산책|구경|소풍|밖|혼자|같이|거기|여기|어디|집|회사|직장|봉사|드라이브|맛집|병원|안과|치과|내과|외과|신경과|정형외과|피부과|한의원|캠핑|낚시|등산)$"
)
_CARE = re.compile(
    r"(?:병원|안과|치과|내과|외과|신경과|정형외과|정신과|피부과|한의원|이비인후과|산부인과|비뇨기과|물리치료|도수치료|재활|상담)$"
)


def goes(clause: Clause, setting: Setting) -> Proposal | None:
    """Where he goes regularly: a firm, a school, a course, a doctor."""
    if not clause.own or clause.denied or _of_others(clause):
        return None
    match = _GOES.search(clause.tagged)
    if match is None or (past(clause) and "/ETM 지/NNB" not in match["rest"]):
        return None
    place = clause.words(match, "x")
    span = clause.span(match, "x") or (0, 0)
    if re.search(
        r"마다|매일|매주|주말|번|회", clause.surface[: max(0, clause.morphemes[span[0]].start - clause.start)]
    ):
        return None  # a habit
    place = re.sub(r"^(?:지금|요즘|아직|현재|나|저)\s+", "", place)
    start = clause.text.find(place, clause.start)
    quote = clause.quote(start)
    if COURSES.search(place):
        return Proposal("fact", "habit", f"{with_particle(place, '을/를')} 다닌다.", quote)
    if _CARE.search(place):
        return Proposal("fact", "health", f"{place}에 다닌다.", quote)
    if _NO_GOING.search(place) or place in NO_PLACE:
        return None
    if SCHOOL.search(place) and not place.endswith(("회사", "상대")):
        return Proposal("fact", "school", f"{place}에 다닌다.", quote)
    if any(m.tag in ("NNP", "SL") for m in clause.morphemes[slice(*span)]) or WORKPLACE.search(place):
        return Proposal("fact", "job", f"{place}에 다닌다.", quote)
    return None


_WORKS_AT = re.compile(
    r"(?:^|(?<= ))(?P<x>(?:[^ /]+/(?:NNG|NNP|SL|SH|SN|XR|XPN|XSN|NNB) )+?)에서/JKB (?:[^ /]+/(?:MAG|IC|JX|NNB|SN) |(?:요즘|지금|혼자|현재)/[A-Z]+ )*"
    r"(?P<w>일/NNG (?:을/JKO )?하/(?:XSV|VV) |일하/VV |근무/NNG (?:하/XSV |중/NNB )|알바/NNG (?:하/XSV |중/NNB )?|아르바이트/NNG (?:하/XSV |중/NNB )?|[^ /]+/NNG (?:들/XSN )?(?:을/JKO |를/JKO )?가르치/VV |용접/NNG 하/XSV |[^ /]+/NNG (?:을/JKO |를/JKO )?(?:맡/VV |담당/NNG 하/XSV ))(?P<rest>.*)$"
)


def works_at(clause: Clause, setting: Setting) -> Proposal | None:
    if not clause.own or clause.denied or _of_others(clause):
        return None
    match = _WORKS_AT.search(clause.tagged)
    if match is None:
        return None
    place = clause.words(match, "x")
    if (
        _NO_GOING.search(place) and not place.endswith(("병원", "치과", "한의원", "안과", "외과"))
    ) or place in NO_PLACE:
        return None
    place = re.sub(r"^(?:나|저|지금|요즘|현재)\s+", "", place)
    start = clause.text.find(place, clause.start)
    does = match["w"].split("/")[0]
    verb = {"알바": "알바를 한다", "아르바이트": "아르바이트를 한다"}.get(does, "일한다")
    if "가르치" in match["w"]:
        verb = f"{with_particle(does, '을/를')} 가르친다"
    if past(clause):
        if not re.search(r"전에|때|옛날|예전|원래|나도|년", clause.surface):
            return None
        return Proposal(
            "fact", "past", f"{place}에서 {verb.replace('한다', '했다').replace('친다', '쳤다')}.", clause.quote(start)
        )
    return Proposal("fact", "job", f"{place}에서 {verb}.", clause.quote(start))


def _is_name_of_work(clause: Clause, words: str) -> bool:
    return (
        is_noun(clause, words)
        and words not in DEICTIC
        and not re.search(r"(?:오늘|어제|내일|지금|시간|밤|낮|아침|저녁)$", words)
    )


_OWN = r"(?:을|를|도|만)?\s*(?:작게\s*|혼자\s*|하나\s*|같이\s*|크게\s*|직접\s*|둘이\s*)*"
_DOES = r"(?:운영)?(?:해요|해$|하고|하거든요|하거든|하는데|한다|합니다|함$|지어|짓고|짓습|지어요|해서|하느라|하는\s*중|중이|차렸|열었|개업했|냈어|한\s*지|하다\s*보니|해가지고)"
_NEWS = r"(?:(?:저번주|지난주|어제|오늘|이번에|저번달|지난달|드디어|결국|얼마\s*전|최근|다음\s?달|작년|올해|방금|나|난|저|저는|나는|내가|사실|3월|이번\s?달)(?:에)?\s+)*(?:회사에서\s+)?"
_CHANGE = {"해고": "해고되었다", "권고사직": "권고사직을 당했다", "짤": "해고되었다", "잘": "해고되었다"}


def turn(clause: Clause, setting: Setting) -> Proposal | None:
    """A change of work: 퇴사했어, 승진했어, 짤렸어, 이직했어, 과장 달았어."""
    if not clause.own or clause.denied or _of_others(clause) or clause.supposed:
        return None
    words = clause.surface
    match = re.search(
        r"(?:^|\s)(?P<x>해고|승진|취업|취직|권고사직|명예퇴직|희망퇴직|퇴직|정년퇴직|은퇴|입사|이직|퇴사|전역|제대|소집해제|창업|개업|폐업|휴직|육아휴직|복직)(?:을|를)?\s*(?:됨|됐|당했|당함|했|함$|하였|한\s*지|성공|중이|중인|중$)|(?:^|\s)(?P<y>짤|잘)렸|(?P<q>(?:회사|직장|알바|일|가게|장사)(?:를|을|도)?\s*(?:그만\s*뒀|그만둠|때려\s*쳤|관뒀|관둠|접었|나왔|그만뒀))|(?P<b>백수\s*(?:됐|됨|다|야|임|예요))",
        words,
    )
    if match is None or re.search(r"(?:친구|걔|동기|사촌|언니|오빠|형)(?:가|이|도|는|은)?\s", words):
        return None
    at = clause.start + next(match.start(g) for g in ("x", "y", "q", "b") if match[g])
    if match["b"]:
        return Proposal("fact", "job", "백수다.", clause.quote(at))
    if match["q"]:
        what = re.match(r"회사|직장|알바|일|가게|장사", match["q"])
        text = {"회사": "다니던 회사를", "직장": "다니던 회사를", "일": "하던 일을"}.get(
            what[0] if what else "", f"하던 {with_particle(what[0] if what else '일', '을/를')}"
        )
        return Proposal("fact", "job", f"{text} 그만두었다.", clause.quote(at))
    word = match["x"] or match["y"]
    before = words[: match.start("x")].strip() if match["x"] else ""
    place = re.search(r"(?P<p>[가-힣A-Za-z]{2,12})(?:에|으로|로)$", before)
    told = _CHANGE.get(word, f"{word} 중이다" if re.search(r"중(?:이|인|$)", match[0]) else f"{word}했다")
    if place and word in ("취업", "취직", "입사", "이직", "복직"):
        told, at = f"{place['p']}{before[place.end('p') :]} {told}", clause.start + words.find(place["p"])
        told = told.replace("으로 ", "으로 ").strip()
    return Proposal("fact", "job", f"{told}.", clause.quote(at))


# --- school

_YEAR = r"(?:[1-6]\s*학년|고\s?[123]|중\s?[123]|초\s?[456]|[1-9]년\s?차)"
_BE = r"(?:이야|야|임|이에요|예요|입니다|이고|인데|이라|이라서|라|이거든|거든|이거든요|거든요|이다|다|의|이라고|이요|됐어|됨|올라가|올라감)"
_GRADE = re.compile(
    rf"^(?P<self>(?:나는|저는|난|전|나|저|내가|제가)\s*)?(?:(?:올해|이제|지금|아직|드디어|벌써|곧|내년에|내년이면|쥐\s)\s*)*(?P<x>(?:[가-힣A-Za-z]{{1,12}}\s?){{0,2}}{_YEAR})\s*{_BE}(?:요)?"
)
_LIFE_AT = re.compile(
    r"(?P<x>(?:[가-힣]{2,8}과|학부|의대|약대|치대|한의대|간호대|공대|미대|음대|체대|로스쿨|박사|석사|석박사|대학원)\s*(?:과정\s*)?(?:[1-6]\s*학년|[1-9]년\s?차|[1-9]학기))"
)
_DEPARTMENT = re.compile(
    r"^(?:(?:나|난|저|저는|나는|전|내|우리|제|내가)\s*)?(?:학교에서\s*|대학교에서\s*|대학에서\s*)?(?:(?:전공|과|우리과|우리\s?과)(?:은|는|이|가)\s*)?(?P<x>[가-힣]{1,8}(?:과|학부|학과|전공))\s*(?P<v>이라|라|이야|야|임|예요|이에요|다녀|다니|라서|이라서|인데|이거든|거든|나왔|졸업|전공)"
)
_NO_DEPARTMENT = re.compile(
    r"^(?:결과|효과|사과|다과|통과|초과|경과|과과|부과|교과|학과|안과|치과|내과|외과|피부과|정형외과|정신과|산부인과|이비인후과|비뇨기과|소아과|우리과|무슨과|같은과|어느과|내과)$|(?:안과|치과|내과|외과|피부과|정신과)$"
)


def school(clause: Clause, setting: Setting) -> Proposal | None:
    if not clause.own or clause.denied or _of_others(clause):
        return None
    words = clause.surface
    alone = clause.start == 0 or words == clause.text.strip(" .,!?~…ㅋㅎㅠㅜ")
    if (
        (match := _GRADE.match(words))
        and (match["self"] or alone)
        and "년" in match["x"] + "년"
        and not re.search(r"년\s?차$", match["x"])
    ):
        return Proposal(
            "fact",
            "school",
            f"{with_particle(match['x'].strip(), '이다/다')}.",
            clause.quote(clause.start + match.start("x")),
        )
    if match := _LIFE_AT.search(words):
        return Proposal(
            "fact", "school", f"{with_particle(match['x'], '이다/다')}.", clause.quote(clause.start + match.start("x"))
        )
    if (match := _DEPARTMENT.match(words)) and not _NO_DEPARTMENT.search(match["x"]) and (clause.named or alone):
        told = match["x"].removesuffix("전공")
        text = f"전공은 {with_particle(told, '이다/다')}." if told != match["x"] else f"{match['x']}에 다닌다."
        return Proposal("fact", "school", text, clause.quote(clause.start + match.start("x")))
    return None


_STUDY = r"(?:휴학|자퇴|졸업|복학|편입|수능\s?재수|재수|삼수|반수|취준|임용\s?공부|고시\s?공부)"
_NOT_HIS = r"동생|친구|오빠|언니|누나|형이|아들|딸|조카|애가|싶|고민|학년\s*때|하고\s*나서|선배"

RULES: list[Rule] = [
    turn, school, works_at, goes,
    frame("job", "x=N (으로|로)/J * (일|근무|활동)/N (을)/J? (하)/V ", "{x:로} 일한다.", tense="now",
          where={"x": lambda clause, x: bool(re.search(JOB_WORD + r"$|(?:직|사|자|원|알바|너|가|역|수)$", x))}),
    frame("job", "x=N (으로|로)/J * 일하/V ", "{x:로} 일한다.", tense="now",
          where={"x": lambda clause, x: bool(re.search(JOB_WORD + r"$|(?:직|사|자|원|알바|너|가|역|수)$", x))}),
    typed("job", rf"^{_NEWS}(?P<x>[가-힣A-Za-z0-9 ]{{2,14}}?)에\s*(?P<v>합격|붙었)", "{x}에 {v}했다.", unless="친구|동생|오빠|언니", where={"x": lambda c, x: not SCHOOL.search(x) and bool(WORKPLACE.search(x))}),
    typed("job", rf"^{_NEWS}(?P<x>(?:[가-힣0-9]{{1,4}}\s)?(?:사원|주임|대리|과장|차장|부장|팀장|실장|이사|임원|수간호사|점장|매니저|정규직|계약직|무기계약직|담임|반장|부장교사))(?:으로|로|을|를|이|도)?\s*(?:승진|진급|달았|담|달고|됐|됨|전환|맡았|맡음|맡게)", "{x:이} 되었다.", unless="우리\\s*(?:과장|팀장|부장)|새로\\s*온"),
    typed("job", rf"^(?:(?:나는|난|나|저는|전|저|내가|제가|지금|요즘|주말엔|평일엔|주말에|평일에|저녁엔|밤엔|낮엔|그냥|사실|부업으로|혼자|작년부터|새벽시장\s다녀와요)\s+)*(?:(?P<p>[가-힣]{{2,6}})에서\s+)?(?P<x>(?:작은\s|조그만\s)?{SHOP}){_OWN}{_DOES}", "{x:을} 한다.", tense="", unless="채점|시점|단점|장점|[가-힣]\\s?집\\s*(?:하고\\s*왔)|엄마|아빠|부모님|친구|남편|아내|아버지|어머니|이모|삼촌|고모|하고\\s*싶|공부하|병원\\s*(?:하|해)|에서\\s+[가-힣]+집\\s*(?:하고\\s*있었)"),
    typed("job", r"^(?:(?:나는|난|나|저는|전|저|지금|요즘|주말엔|평일엔|저녁엔|주말에|평일에|방학이라|학교\s?다니면서|낮에는|밤에는)\s+)*(?P<x>[가-힣A-Za-z0-9]{1,8}(?:\s[가-힣]{1,5})?)\s*(?:알바|아르바이트)(?:를|생|도)?\s*(?:하고|해|함|하는데|한다|합니다|중|뛰|다녀|구했|시작했|하거든|하느라|이라|야|임|$)", "{x}에서 아르바이트를 한다.", unless="구하는|구할|찾|추천|면접|사장|알바생이|왔", tense="",
          where={"x": lambda c, x: x not in DEICTIC and not re.search(r"^(?:오늘|내일|어제|그|이|무슨|새|첫|다른|내|뭔|단기|주말|난|나|지금|요즘|저|전|또|나는|저는)$", x)}),
    typed("job", rf"{_LEAD}(?P<x>택배|배달|대리운전|대리|퀵|물류|노가다|막노동|과외|쿠팡|상하차|현장)(?:를|을|에서|일|일을)?\s*(?:뛰|하는데|하고\s*있|해요|해$|함$|합니다|다녀|다니|일해)", "{x} 일을 한다.", tense="now", unless="시켰|시킬|주문"),
    typed("job", rf"{_LEAD}(?P<x>(?:야간\s|새벽\s|주간\s)?(?:경비|보초|당직|교대근무|삼교대|3교대|2교대|이교대|주야간|교대|재택|재택근무|야간근무))(?:를|을)?\s*(?:서는|서고|서거든|해$|해요|하는데|하고|함$|하거든|라서|라$|근무|이라|뛰|중)", "{x:을} 한다.", unless="오늘|어제|내일", tense="now"),
    typed("job", rf"{_LEAD}(?P<x>[가-힣]{{1,6}}\s?농사|벼농사|농사)(?:를|을)?\s*(?:지어|짓|지으|하|해)", "{x:을} 짓는다.", tense="now"),
    typed("job", r"^(?:우리\s*)?(?:회사|직장|일터|직장이|회사가)(?:는|은|이)?\s*(?P<x>[가-힣A-Za-z]{2,8}?)(?:이야|야|예요|이에요|임|이고|고|인데|거든|이거든)$", "직장은 {x:이다}.", where={"x": lambda c, x: is_noun(c, x) and x not in DEICTIC}, unless="최악|지옥|별로|개판|감옥|가족"),
    typed("job", r"^(?:(?:나|난|저|저는|나는|전|이제|드디어)\s+)+(?P<x>대리|과장|차장|부장|팀장|실장|점장|수간호사|정규직|계약직|비정규직|사원|주임|교대근무자|파트장|반장|담임|부담임)(?:이야|야|임|이에요|예요|다|이라|라|인데)$", "{x:이다}."),
    typed("job", r"^(?:(?:나|난|저|저는|지금|현재|요즘)\s+)*(?P<x>육아휴직|출산휴가|휴직|산재|병가|구직|이직\s?준비|취업\s?준비|취업준비|취준)(?:\s?중|\s?하고\s*있|$)", "{x} 중이다.", about="own", unless="친구|엄마|남편|아내"),
    typed("job", r"^(?:(?:나|난|저|저는|나는|전|벌써|이제|올해|아직|드디어)\s+)+(?P<x>(?:[가-힣]{2,8}\s)?(?:입사\s)?\d{1,2}년\s?차)\s*(?:이야|야|임|이에요|예요|인데|이고|거든|직장인|개발자|간호사|교사)", "{x:이다}.", unless="연애|커플|부부|결혼|솔로|모쏠|박사|석사|자취|덕질|팬"),
    typed("job", rf"^{_NEWS}(?P<x>[가-힣A-Za-z ]{{2,12}}?)(?:로|으로)\s*(?:전업|업종\s*변경|직종\s*바꿨|전직|갈아탔|돌렸|옮겼|이직)", "{x:로} 옮겼다.", unless="폰|갤럭시|아이폰|차|베이스|안드로이드|전기차|통신사|집|방", where={"x": lambda c, x: bool(re.search(JOB + r"$|" + SHOP + "$|회사$|팀$|부서$|지점$", x))}),
    typed("job", rf"^(?:나는|난|나|저는|전|저)\s+(?P<x>(?:[가-힣]{{1,4}}\s)?{SHOP})$", "{x:을} 한다.", about="named"),
    typed("job", rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{1,8}}(?:을|를)?\s?(?:모는|만드는|고치는|가르치는|파는|굽는|키우는|찍는|그리는|짓는|다루는|치는|쓰는|하는|캐는|잡는|볶는|내리는|자르는|돌보는|운전하는|설계하는|관리하는|연구하는)\s?(?:사람|일|직업))(?:이라|이야|야|임|이오|예요|이에요|인데|거든|이거든|을\s?해|해|하고)", "{x:이다}.", unless="너|친구|좋아하는\\s*일|하고\\s*싶|무슨|뭐\\s*하는"),
    typed("job", rf"{_LEAD}(?P<x>(?:[가-힣]{{0,4}}(?:학생|애들?|아이들|초딩|중딩|고딩|유아|어르신)(?:들)?)(?:을|를)?\s*(?:[가-힣]{{1,4}}(?:을|를)?\s*)?가르치(?:는|고\s*있|느라))", "{x} 일을 한다.", about="any", unless="친구|싶|엄마|아빠"),
    typed("job", rf"{_LEAD}(?P<x>(?:영업|마케팅|디자인|개발|회계|인사|총무|기획|편집|번역|통역|무역|구매|생산관리|품질|연구|용접|미용|네일|강의|상담|간호|설계|코딩|홍보|경리|사무|콜센터|CS|IT|아이티|건설|인테리어|방송|출판|교육|금융|보험|유통|반도체|조선|제약|바이오|광고|패션|게임)\s?(?:쪽|일|업무|파트|팀|부서|업계|직|회사))(?:에서|을|를|이야|야|임|인데|에|이라|라|예요|이에요|이고|으로)?\s*(?:일해|일하|하고|해$|해요|합니다|근무|담당|있어|다녀|다니|종사|$)", "{x}에서 일한다.", tense="now", unless="친구|싶|알아보|지원"),
    typed("job", r"^(?:(?:나|난|저|저는|지금|현재|아직|요즘)\s+)*(?P<x>군\s?복무|군대|공익|사회복무|의경|상근|카투사|해병대|인턴|수습|교생|수련|레지던트|전공의|파견|실습)\s?(?:중|에\s*있|생활|하는\s*중|하고\s*있|기간)(?:이|인|임|야|어|음|중)?", "{x} 중이다.", about="own", unless="친구|동생|남친|오빠|형|아들|때"),
    typed("job", r"^(?:나|난|저|저는|나는)\s+(?:이제\s+|지금\s+|벌써\s+)?(?P<x>이등병|일병|상병|병장|하사|중사|상사|소위|중위|대위)(?:이야|야|임|이에요|예요|이다|다|인데|됐|됨)", "{x:이다}.", about="named"),
    typed("job", r"(?:^|\s)(?P<x>(?:직장|회사|부서|팀|가게)(?:를|을)?\s*옮(?:겼|김|기면서|겨서|긴\s*지))", "{…}", unless="친구|싶|남편"),
    job,
    frame("school", "전공/N (은|이)/J? x=N (이|야|ᆷ)/.+ ", "전공은 {x:이다}.", where={"x": lambda c, x: x not in DEICTIC}, unless="뭐|무슨"),
    frame("school", "^ x=N (를|을)/J? * 전공/N (하|이)/. ", "전공은 {x:이다}.", tense="now", where={"x": lambda c, x: x not in DEICTIC}, unless="뭐|무슨"),
    typed("school", r"^(?:(?:나|난|저|저는|우리)\s*)?(?:우리\s?과는|우리\s?과|과는|학과는|전공은)\s*(?P<x>[가-힣]{2,10}?)(?:이야|야|예요|이에요|임|이고|인데)$", "전공은 {x:이다}."),
    typed("school", r"(?:^|\s)(?P<x>[가-힣]{2,8}(?:과|학과|학부|대|의대|약대|대학교|고|여고))(?:로|으로|에|을|를)?\s*(?P<v>전과|편입|입학|합격|진학|복학|전학)(?:했|함|하였|예정|하고|한\s*지)", "{x:로} {v}했다.", unless=_NOT_HIS + "|안과|치과|내과|외과|초대|상대|기대|군대"),
    typed("school", rf"(?:^|\s)(?P<x>{_STUDY})(?:을|를)?\s*(?:중|하고\s*있|하는\s*중|생활|준비|한다$|해요$|하는데)", "{x} 중이다.", unless=_NOT_HIS),
    typed("school", rf"(?:^|\s)(?P<x>{_STUDY})(?:을|를)?\s*(?:했어|했는데|했|함$)", "{x}했다.", unless=_NOT_HIS),
    typed("school", r"^(?:나\s+|저는\s+|난\s+)?(?:학교에서\s*|우리\s?학교\s*|과에서\s*)(?P<x>[가-힣 ]{2,12}?(?:부장|회장|과대|부회장|반장|부반장|동아리장|총무|학생회|선도부|방송부|주장|전교회장))(?:을|를|도|이야|임|예요)?\s*(?:맡|됐|됨|하고|해|당선|뽑|$)", "학교에서 {x:을} 맡았다."),
    typed("school", r"^(?:(?:나|난|저|저는|이번에|올해|드디어|내가)\s+)*(?P<x>(?:전교\s?|학급\s?)?(?:반장|부반장|학생회장|과대|과대표|동아리\s?회장|동아리장|총학생회장))\s*(?:됐|됨|맡|당선|이야|야|임|으로\s*뽑)", "{x:이} 되었다."),
    typed("school", r"^(?:(?:나|난|저|저는|지금|현재|아직|올해)\s+)*(?P<x>(?:[가-힣]{2,8}\s)?(?:검정고시|방통대|방송통신대|사이버대|야간대학|대학원|박사\s?과정|석사\s?과정|로스쿨|유학|어학연수|교환학생))(?:을|를|에|에서|으로)?\s*(?:다니|다녀|중|밟|하고\s*있|재학|와\s*있|와있|왔)", "{x} 중이다.", tense="", unless="고민|싶"),
]  # fmt: skip
