# ruff: noqa: E501 - a pattern is read better whole
"""The user's people: family, partner, friends; what is told of them, and how he stands to them."""

from __future__ import annotations

import itertools
import re

from rag.clauses import KIN, PARTNERS, PEOPLE, Clause
from rag.memory import Proposal
from rag.patterns.engine import Frame, Rule, Setting, future, past, person_slot, retold, typed
from rag.patterns.words import ILLNESS, JOB, SHOP, is_place
from rag.phrasing import with_particle

_WHO_WORDS = "|".join(
    sorted(
        (KIN | PARTNERS | frozenset("약혼자 누님 형님 장모님 장인어른 시아버님 시어머님 어머님 아버님 울엄마 울아빠 딸내미 아들내미 아들놈 딸램 아들램 와이프 마누라 집사람 신랑 외손자 외손녀 조카 처형 동서 올케 시누이 도련님 예비신랑 예비신부".split()))
        - frozenset("애 아이 아기 애기 가족 친척 형제 자매 남매 남자 여자 썸남 썸녀 전남친 전여친".split()),
        key=len, reverse=True,
    )
)  # fmt: skip
_LEAD = r"^(?:(?:근데|그리고|사실|참고로|아|아니|참|네|안녕|오늘|어제|방금|이번에|드디어|위로|아래로|밑으로|대신|그냥|난|나|나는|내가|저|저는|제가|우리|우리집|우리\s집|울|저희|저희집|내|제|올해|이제|지금|요즘|실은|어우|에휴|하|와)\s+)*"
WHO = rf"(?P<who>(?:울|우리)?(?:(?:큰|작은|친|막내|외|첫째|둘째|셋째|쌍둥이|사촌|예비)\s?)?(?:{_WHO_WORDS}))(?:\s(?!중|집|차|약|일|때)(?P<name>[가-힣]{{2,3}}?))?"
_OF = r"(?:은|는|이|가|도|께서|께서는|만)?\s+"
_LATELY = r"(?:(?:지금|요즘|이제|현재|원래|오늘|어제|드디어|이번에|다시|결국|작년에|올해|작년부터|내년에|아직|벌써|곧|얼마\s전에|지난달에|지난주에|먼저|옛날에)\s*)*"
_IS = r"(?:이야|야|이에요|예요|에요|입니다|임|이고|고|인데|이다|이거든|거든|거든요|이거든요|이라|라|이라서|라서|라고|이셔|셔|이셔서|셔서|이세요|세요|이요|요|이시고|시고|이신데|신데|되|됨|됐어|였어|이였어|이었어|$)"
_YOURS = re.compile(
    r"(?:^|\s)(?:너|니|네|걔|쟤|친구|얘)(?:네|는|의)?\s|(?:친구|옆집|윗집|아랫집|사장님|팀장님)(?:네|의)?\s"
)

_WORKS = re.compile(rf"{_LEAD}{WHO}{_OF}{_LATELY}(?P<x>{JOB})\s*{_IS}(?:요)?")
_RUNS = re.compile(
    rf"{_LEAD}{WHO}{_OF}{_LATELY}(?:(?P<p>[가-힣]{{2,6}})에서\s+)?(?P<x>{SHOP}|사업|장사)(?:을|를)?\s*(?:운영)?(?:해요|해$|하고|하거든요|하거든|하는데|하셔|하세요|하신다|한다|합니다|함|지어|짓|하시는데|하시거든|하느라|차리|차렸)"
)
_LIVES = re.compile(
    rf"{_LEAD}{WHO}{_OF}{_LATELY}(?P<x>[가-힣A-Za-z]{{2,8}}?)(?:에서|에|서)?\s*(?:혼자\s*|따로\s*)?(?:살고|살아(?!계)|산다|살거든|사는데|사셔|사세요|살아요|살음|삼$|계셔|계시|사시는데|사시거든|유학\s*중|거주)"
)
_DID = {
    "임신": "임신했다", "출산": "출산했다", "결혼": "결혼했다", "재혼": "재혼했다", "이혼": "이혼했다", "입대": "입대했다", "전역": "전역했다", "제대": "제대했다", "취직": "취직했다",
    "취업": "취업했다", "퇴직": "퇴직했다", "은퇴": "은퇴했다", "퇴사": "퇴사했다", "퇴원": "퇴원했다", "이민": "이민 갔다", "유학": "유학 갔다", "졸업": "졸업했다", "입학": "입학했다", "군대": "군대에 갔다",
    "수술": "수술했다", "입원": "입원했다", "합격": "합격했다", "승진": "승진했다", "개업": "개업했다", "휴학": "휴학했다", "재수": "재수한다", "이직": "이직했다", "이사": "이사했다", "암 진단": "암 진단을 받았다", "치매 진단": "치매 진단을 받았다", "뇌졸중": "뇌졸중이 왔다", "파견": "파견 갔다", "분가": "분가했다", "독립": "독립했다",
}  # fmt: skip
_HAPPENED = re.compile(
    rf"{_LEAD}{WHO}{_OF}{_LATELY}(?:[가-힣]+(?:에|에서|으로|로|때문에|대|과|학과)?\s+){{0,2}}?(?:[가-힣]{{1,6}}(?:에|로))?(?P<x>{'|'.join(sorted(_DID, key=len, reverse=True))})(?:을|를)?\s*(?P<v>했|하셨|하셔|하심|함$|됐|중이|중인|중$|갔|감$|가\s*있|가있|받|당하|하셔서|해서|했거든|한\s*지|왔)"
)
_ILL = re.compile(
    rf"{_LEAD}{WHO}{_OF}{_LATELY}(?P<x>(?:치매|{ILLNESS}|파킨슨(?:병)?|뇌졸중|중풍|뇌출혈|뇌경색)(?:\s*(?:초기|말기|[1-4]기|증상|알레르기))?)(?:이|가)?\s*(?:래|래요|시래|이래|이시래|셔|이셔|이야|야|예요|에\s*걸|진단|있|심하|이라|라|인데|로|으로|앓|투병)"
)
_ALLERGY = re.compile(
    rf"{_LEAD}{WHO}{_OF}(?P<x>[가-힣]{{1,6}})\s?(?:알레르기|알러지)(?:가)?\s*(?:있|이라|라|야|임|예요|심)"
)
_PASSED = re.compile(
    rf"(?P<who>(?:친|외)?(?:{_WHO_WORDS}))(?:가|이|께서|는|은|도)?\s*{_LATELY}(?:[가-힣]{{1,4}}\s?(?:년|달)\s?전에?\s*|어릴\s*때\s*|나\s*[가-힣]+\s*때\s*|일찍\s*|[가-힣]{{1,4}}(?:으로|로)\s+)*(?:돌아가셨|하늘나라\s*(?:가|로)|세상을?\s*떠나|돌아가신\s*지|돌아가신지|여의)"
)
_AGED = re.compile(
    rf"{_LEAD}{WHO}(?:은|는|이|가)?\s+{_LATELY}(?:(?P<n>[가-힣]{{2,3}}?)(?:이|가|은|는)?\s+)?(?P<x>(?:[가-힣]{{1,4}}|\d{{1,2}})\s?(?:살|개월)|돌|환갑|칠순|\d[가-힣]{{0,2}}\s?학년|[초중고][1-6])(?:\s*(?:지났|됐|됨|이야|야|임|인데|이고|이라|됐어|됐는데|올라|예요|이에요|이거든)|$)"
)
_NO_NAME = frozenset(
    "지금 요즘 오늘 어제 내일 벌써 이제 진짜 올해 작년 내년 아직 결국 드디어 원래 먼저 다시 생일 생신 이름 나이 직업 집에 밖에 혼자 같이 회사 학교 병원 때문 얘기 전화 잔소리 모임 아직도 맨날 항상 자꾸 또또 우리 저희 그냥 완전 정말".split()
)


def of_kin(clause: Clause, setting: Setting) -> Proposal | None:
    """What is told of a relative or the partner: job, shop, home, illness, death, age, and what changed for him."""
    words = clause.surface
    if clause.denied or clause.supposed or clause.question or _YOURS.search(words):
        return None
    if match := _PASSED.search(words):
        return _told(clause, match["who"], "{이} 돌아가셨다.", match.start("who"))
    if (match := _ALLERGY.match(words)) and not clause.retold:
        return _told(clause, match["who"], f"{{이}} {match['x']} 알레르기가 있다.", match.start("who"))
    if match := _ILL.match(words):
        return _told(
            clause, match["who"], f"{{은}} {with_particle(match['x'].strip(), '이다/다')}.", match.start("who")
        )
    if clause.retold:
        return None
    if match := _WORKS.match(words):
        return _told(
            clause,
            match["who"],
            f"{{은}} {with_particle(match['x'].strip(), '이다/다')}.",
            match.start("who"),
            match["name"],
        )
    if match := _RUNS.match(words):
        place = f"{match['p']}에서 " if match["p"] else ""
        return _told(
            clause, match["who"], f"{{이}} {place}{with_particle(match['x'], '을/를')} 한다.", match.start("who")
        )
    if (match := _LIVES.match(words)) and is_place(clause, match["x"]):
        return _told(clause, match["who"], f"{{이}} {match['x']}에서 산다.", match.start("who"))
    if (match := _HAPPENED.match(words)) and not future(clause):
        done = _DID[match["x"]]
        if match["v"].startswith("중"):
            done = f"{match['x']} 중이다"
        instead = f"{with_particle(match['who'], '이/가')} 입원" if match["x"] == "퇴원" else ""
        return _told(clause, match["who"], f"{{이}} {done}.", match.start("who"), instead_of=instead)
    if (
        (match := _AGED.match(words))
        and (match["n"] or "") not in _NO_NAME
        and not re.search(r"생일|생신|전|후|뒤|동안", words)
    ):
        name = f" {match['n']}" if match["n"] else ""
        return _told(clause, match["who"] + name, f"{{은}} {_aged(match['x'])}.", match.start("who"))
    return None


def _aged(words: str) -> str:
    words = re.sub(
        r"^([가-힣]+|\d+)(살|개월)$", lambda m: f"{m[1]} {m[2]}" if not m[1].isdigit() else m[0], words.strip()
    )
    return with_particle(words, "이다/다")


def _told(
    clause: Clause, who: str, text: str, at: int, name: str | None = None, instead_of: str = ""
) -> Proposal | None:
    who = re.sub(r"^(?:울|우리)\s?", "", who.strip())
    label = f"{who} {name}" if name and name not in _NO_NAME and len(name) > 1 else who
    slot = (
        person_slot(who)
        or person_slot(re.sub(r"^(?:큰|작은|친|막내|외|첫째|둘째|셋째|사촌|예비)\s?", "", who))
        or "family"
    )
    text = text.replace("{이}", with_particle(label, "이/가")).replace("{은}", with_particle(label, "은/는"))
    return Proposal("relationship", slot, text, clause.quote(clause.start + at), instead_of=instead_of)


_LASTING = frozenset(
    "다니 일하 배우 가르치 전공하 준비하 짓 운영하 근무하 유학하 재수하 간병하 치 그리 붙 떨어지 낳 물려받 헤어지 사귀 타 발령나 싸우".split()
)
_KIN_SUBJECT = re.compile(rf"{_LEAD}{WHO}(?P<p>은|는|이|가|도|께서)?\s+")


def lasting(clause: Clause, setting: Setting) -> Proposal | None:
    """What a relative does for good, in his own words: `남동생이 원양어선 타`, `누나가 병원에서 일해`."""
    words = clause.surface
    if (
        clause.denied
        or (clause.supposed and not clause.retold)
        or clause.commanded
        or _YOURS.search(words)
        or re.search(
            r"오늘|어제|방금|아까|지금\s|맨날|또\s|자꾸|전화|나한테|나보고|나더러|얼마나|(?:^|\s)(?:나|저|난)\s", words
        )
    ):
        return None
    match = _KIN_SUBJECT.match(words)
    if match is None or (clause.retold and not re.search(r"(?:대|대요|래|래요)$", words)):
        return None
    verb = next((m for m in reversed(clause.morphemes) if m.tag in ("VV", "XSV", "VA")), None)
    root = next(
        (a.form + b.form for a, b in itertools.pairwise(clause.morphemes) if b is verb and b.tag == "XSV"),
        verb.form if verb else "",
    )
    if (
        clause.morphemes[-1].tag == "EC"
        and clause.morphemes[-1].form in ("고", "어서", "아서")
        and past(clause) is False
        and root in ("싸우", "타")
    ):
        return None
    if verb is None or root not in _LASTING or any(m.tag == "VX" and m.form in ("싶", "보") for m in clause.morphemes):
        return None
    if root in ("타", "싸우", "그리", "치") and (
        past(clause) or not re.search(r"배|원양|어선|선수|년|기타|피아노|그림|웹툰|만화", words)
    ):
        return None
    at = clause.start + match.start("who")
    text = retold(clause, at)
    slot = person_slot(match["who"]) or "family"
    return Proposal("relationship", slot, text, clause.quote(at)) if text and len(text) <= 45 else None


_NEWS = re.compile(
    rf"(?:{ILLNESS}|입원|퇴원|수술|결혼|이혼|임신|출산|취직|취업|합격|붙었|떨어졌|이사|이민|유학|귀국|올라왔|내려갔|내려왔|돌아왔|군대|전역|입대|태어났|알레르기|알러지|약\s?(?:먹|넣|발라)|졸업|입학|퇴사|다쳤|나았|살\s?(?:됐|이|인)|살아|산다)"
)


def of_named(clause: Clause, setting: Setting) -> Proposal | None:
    """What befalls one whose name is known: `정민이 다시 서울 올라왔다`, `금비가 방광염이라 처방 사료 먹여`."""
    words = clause.surface
    if clause.denied or clause.question or clause.supposed:
        return None
    match = re.match(
        r"^(?:(?:근데|오늘|어제|아|우리|드디어|그리고)\s+)*(?P<n>[가-힣]{1,4}?)(?P<p>이가|이는|이도|이|가|는|은|도|랑)?\s",
        words,
    )
    if match is None:
        return None
    name = match["n"] if match["n"] in setting.names else match["n"].removesuffix("이")
    if name not in setting.names or match["p"] == "랑" or not _NEWS.search(words[match.end() :]):
        return None
    at = clause.start + match.start("n")
    text, slot = retold(clause, at), person_slot(setting.names[name])
    if slot is None or not text or len(text) > 45:
        return None
    return Proposal("fact" if slot == "pet" else "relationship", slot, text, clause.quote(at))


_KIN_WORD = "|".join(sorted(KIN - {"가족", "친척"}, key=len, reverse=True))
_COUNT = r"(?:하나|둘|셋|넷|다섯|한\s?명|두\s?명|세\s?명|네\s?명|\d\s?명|한\s?분|둘|[1-9]남\s?[1-9]녀|[1-9]녀|[1-9]남)"


def has_kin(clause: Clause, setting: Setting) -> Proposal | None:
    """`여동생 하나 있어`, `저희는 애가 하나예요`, `누나 넷에 막내아들`."""
    words = clause.surface
    if clause.denied or clause.supposed or _YOURS.search(words) or past(clause):
        return None
    if match := re.match(
        rf"^(?:(?:나|난|나는|저|저는|우리|우리집|저희|저희는|내가|제가|위로|밑으로|아래로|나한테|저한테|사실|근데|아|집에|나도)\s*(?:는|은|에|가)?\s*)*(?P<x>(?:[가-힣]{{1,3}}\s?살\s*(?:어린|많은|차이|터울)?\s*(?:나는\s*)?)?(?:친|외|쌍둥이|사촌|막내|이란성|일란성)?\s?(?:{_KIN_WORD}|딸내미|아들내미|쌍둥이|손주))(?P<p>이|가|은|는|만|도|들)?\s*(?P<n>{_COUNT})?(?:이|가|도)?\s*(?P<v>있(?!잖)|이야|야|임|이고|인데|이라|예요|이에요|거든|$|뿐)",
        words,
    ):
        counted, ends = match["n"], match["v"]
        if not counted and (
            not ends.startswith("있") or re.search(r"엄마|아빠|부모|할머니|할아버지|어머니|아버지", match["x"])
        ):
            return None
        if re.search(r"있(?:었|을|으면|는\s*(?:사람|애|집|친구)|다고|다면|나|니|냐)|인\s", words) or (
            ends == "" and "한" in (counted or "") and len(words) > 12
        ):
            return None
        who = re.sub(r"\s+", " ", match["x"].strip())
        count = f" {counted}" if counted else ""
        return Proposal(
            "relationship",
            "family",
            f"{with_particle(who, '이/가')}{count} 있다.",
            clause.quote(clause.start + match.start("x")),
        )
    if match := re.search(
        rf"(?P<x>(?:{_KIN_WORD})\s*{_COUNT}에\s*(?:막내|맏이|첫째|둘째|장남|장녀|외동)(?:아들|딸)?)", words
    ):
        return Proposal(
            "relationship",
            "family",
            f"{with_particle(match['x'], '이다/다')}.",
            clause.quote(clause.start + match.start("x")),
        )
    return None


_FULL = {
    "남친": "남자친구",
    "여친": "여자친구",
    "남자 친구": "남자친구",
    "여자 친구": "여자친구",
    "와이프": "아내",
    "신랑": "남편",
}
_PARTNER_WORD = "남친|여친|남자친구|여자친구|남자 친구|여자 친구|애인|연인|남편|아내|와이프|신랑|약혼자"
_HAS = re.compile(
    rf"(?P<x>{_PARTNER_WORD})(?:이|가|은|는|도)?\s*(?:(?:새로|드디어|최근에|얼마\s*전에|이제|아직|현재|지금|오래|몇년째|\d년째|[가-힣]년째)\s*)*(?P<v>있(?!다(?:더|는|며|고|면))|생겼(?!다(?:더|는|며|고|면))|생김|없(?!다(?:더|는|며|고|면)))"
)
_BROKE = re.compile(
    rf"(?:(?P<x>{_PARTNER_WORD})(?:이랑|랑|하고|와|과|한테|에게)?\s*)?(?:(?:어제|오늘|그저께|지난주에|얼마\s*전에|며칠\s*전에|최근에|결국|드디어|완전)\s*)*(?P<v>헤어졌(?!다(?:더|는|며|고|면|가))|헤어짐|헤어진\s*지|차였|이별했|파혼했|이혼했|갈라섰)"
)
_ALONE = re.compile(
    r"(?:(?:나|저|난|전|나는|저는|나도|저도|내가|제가|나한테|사실|드디어|근데|이제|요즘|지금|아직|아|아니|참|있잖아|우리|저희|얼마\s?전에|며칠\s?전에|오래|최근에|결국|지난주에|어제|오늘|작년에|올해|재작년에|[가-힣0-9]{1,3}년\s?전에)\s*)*"
)


def partner(clause: Clause, setting: Setting) -> Proposal | None:
    words = clause.surface
    strangers = PEOPLE - PARTNERS
    if any(
        m.form in strangers or (m.tag == "NP" and m.form in ("너", "네", "니", "걔", "쟤"))
        for m in clause.morphemes
        if m.form not in ("남자", "여자", "친구")
    ):
        return None

    def lone(upto: int) -> bool:
        return _ALONE.fullmatch(words[:upto]) is not None

    if match := _BROKE.search(words):
        if (
            not (match["x"] or clause.own)
            or clause.supposed
            or "노래" in clause.text
            or "고백" in clause.text
            or re.search(r"(?:사람|팀|동료)(?:들)?(?:이랑|랑|하고|와|과)", words)
        ):
            return None
        if not match["x"] and not lone(match.start("v")):
            return None
        who = _FULL.get(match["x"] or "", match["x"] or "")
        text = f"{with_particle(who, '과/와')} 헤어졌다." if who else "사귀던 사람과 헤어졌다."
        text = (
            "이혼했다."
            if "이혼" in match["v"] or "갈라" in match["v"]
            else "파혼했다."
            if "파혼" in match["v"]
            else text
        )
        return _love(clause, text, match.start("x" if match["x"] else "v"), "*")
    if (
        (match := _HAS.search(words))
        and lone(match.start())
        and not clause.supposed
        and not any(a.tag == "ETM" and b.tag[0] == "N" for a, b in itertools.pairwise(clause.morphemes))
    ):
        if re.search(r"있(?:었|는\s*줄|냐|니|을|으면)|없(?:었|으면|을)", words):
            return None
        who = _FULL.get(match["x"], match["x"])
        gone = match["v"] == "없"
        return _love(
            clause,
            f"{with_particle(who, '이/가')} {'없다' if gone else '있다'}.",
            match.start(),
            "*" if gone else "없다",
        )
    return None


def _love(clause: Clause, text: str, at: int, instead_of: str = "") -> Proposal:
    return Proposal("relationship", "partner", text, clause.quote(clause.start + at), instead_of=instead_of)


_FRIEND = r"(?:절친|베프|단짝|단짝친구|(?:제일|가장|젤)\s?친한\s?(?:친구|언니|오빠|형|동생|누나)|불알친구|소꿉친구|십년지기|[가-힣]{1,3}년지기|죽마고우|룸메|룸메이트|고향\s?친구|동네\s?친구|대학\s?동기|고등학교\s?친구|중학교\s?친구|초등학교\s?친구|입사\s?동기|내\s?친구)"
_NOT_YET = r"싶|있으면|만들|필요|구해|생기면"
_SINCE = r"(?:\d{1,3}|한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|몇|반|십|이십|삼십|오)\s?(?:년|달|개월|일|주년)\s?(?:째|차|정도|넘게|가까이)?"


def friend_does(clause: Clause, setting: Setting) -> Proposal | None:
    """What befell a close friend: moved, married, went to the army."""
    words = clause.surface
    if clause.denied or clause.supposed or clause.retold:
        return None
    match = re.match(
        rf"^(?:(?:내|나|제|저|난|우리|오늘|어제|이번에|아)\s+)*(?P<w>{_FRIEND})\s?(?P<x>[가-힣]{{2,4}}?)?(?:이가|이는|가|이|는|은|도)?\s+(?P<v>.*(?:결혼|군대|입대|이민|유학|이사|취직|취업|임신|출산|이혼|퇴사|귀국|입원|전역|합격).*)$",
        words,
    )
    if match is None or not (past(clause) or re.search(r"(?:갔|감|함|했|하거든)", match["v"])):
        return None
    at = clause.start + match.start("w")
    text = retold(clause, at)
    return Proposal("relationship", "friend", text, clause.quote(at)) if 0 < len(text) <= 45 else None


_OF_FRIEND = re.compile(
    rf"(?:{ILLNESS}|{JOB}|결혼|이혼|임신|출산|취직|취업|합격|이사|이민|유학|귀국|올라왔|내려갔|돌아왔|군대|전역|입대|살아|산다|사는데|살고|다녀|다니|일해|일하는|동갑|친구|태어났|입원|수술|차렸|개업)"
)


def friend_named(clause: Clause, setting: Setting) -> Proposal | None:
    """What is told of a friend by name: `친구 성규가 대전 살아`, `동기 민수 이번에 결혼해`."""
    words = clause.surface
    if clause.denied or clause.supposed or clause.retold or re.search(r"오늘|어제|아까|방금", words):
        return None
    match = re.match(
        r"^(?:(?:내|나|제|저|난|우리|이번에|아|내\s?친한)\s+)*(?P<w>(?:[가-힣]{2,4}\s?)?(?:친구|동기|룸메|선배|후배|동창|절친|베프|언니|오빠|형|누나))\s(?P<x>[가-힣]{2,3}?)(?:이가|이는|이도|가|이|는|은|도)?\s",
        words,
    )
    if (
        match is None
        or person_slot(match["w"]) == "family"
        or not _is_person(clause, match["x"])
        or not _OF_FRIEND.search(words[match.end() :])
    ):
        return None
    at = clause.start + match.start("w")
    text = retold(clause, at)
    return Proposal("relationship", "friend", text, clause.quote(at)) if 0 < len(text) <= 45 else None


def _named(slot: str, looks: str, text: str, **more: object) -> Frame:
    return typed(slot, looks, text, about="any", **more)


def _is_person(clause: Clause, words: str) -> bool:
    return (
        any(m.tag == "NNP" and (m.form in words or words in m.form) for m in clause.morphemes) and words not in PEOPLE
    )


_BE = r"(?:이야|야|임|예요|이에요|이고|거든|인데|이거든|이라|라)"
RULES: list[Rule] = [
    partner, of_named, of_kin, has_kin,
    typed("family", r"^(?:(?:나는|저는|내가|제가|난|전|나|저|집에서|우리집|사실|그냥|집안에서|우리\s?집에서|위로\s.{1,12})\s+)*(?P<x>외동딸|외동아들|외동|외아들|장녀|장남|맏이|맏딸|막내딸|막내아들|막내|둘째|첫째|셋째|쌍둥이|늦둥이|[1-9]남\s?[1-9]녀\s?중\s?[가-힣]{1,4}|[가-힣]남매\s?중\s?[가-힣]{1,4})(?:이야|야|임|이에요|예요|에요|입니다|이고|고|인데|이다|다|이라|라서|거든|라|이라서|이거든)?(?:요)?$", "{x:이다}.", unless="우리\\s*(?:막내|둘째|첫째)|태어"),
    typed("family", r"(?P<x>(?:할머니|할아버지|엄마|아빠|이모|고모|삼촌|외할머니|부모님|조부모님)\s*(?:손에서?|밑에서|댁에서|집에서|품에서))\s*(?:자랐|컸|큼|자람|자라서|커서)", "{x} 자랐다.", about="any"),
    typed("family", r"^(?:(?:나|난|나는|저|저는|내가)\s+)?(?P<x>(?:엄마|아빠|아버지|어머니|부모님|언니|오빠|누나|형|동생|가족|시어머니|시댁|장모님|며느리|사위|사촌|딸|아들)(?:들)?(?:이랑|랑|하고|과|와))\s*(?P<y>(?:사이\s?(?:가\s)?(?:\S+\s)?(?:좋|안\s?좋|나쁘|별로)|연락\s?(?:안|끊)|절연|인연\s?끊|(?:\S{1,4}째\s)?말\s?안|안\s?친|친해|친함|싸우고\s\S+째))", "{…}", about="any", denied=None),
    typed("family", r"^(?:(?:나|난|나는|저|저는|내가|드디어|이제|오늘|오빠네\s\S+\s\S+)\s+)*(?P<x>고모|이모|삼촌|할머니|할아버지|아빠|엄마|외삼촌)\s?(?:됐어|됐다|됨|됐네|되었|된대|됐거든)", "{x:이} 되었다."),
    typed("family", r"^(?:(?:우리|저희|드디어|어제|오늘|그저께|지난주에|지난달에)\s+)*(?P<x>(?:첫째|둘째|셋째|넷째|막내|아들|딸|쌍둥이|조카|손자|손녀|첫\s?아이|아기|애기|첫\s?조카))(?:가|이|도)?\s*(?:드디어\s*|무사히\s*|건강하게\s*)?(?:태어났|태어남|낳았|출산했)", "{x:이} 태어났다.", about="any"),
    typed("family", r"^(?:(?:우리|저희|오늘|드디어|이제|올해|내년에|어제)\s+)*(?P<x>(?:우리\s)?(?:애|아이|아기|아들|딸|조카|첫째|둘째|막내|큰애|작은애)(?:가|이|도|는|은)?)\s*(?:이제\s*|드디어\s*|벌써\s*|올해\s*|내년에\s*)*(?P<y>(?:유치원|어린이집|초등학교|중학교|고등학교|대학|대학교|초등학생|중학생|고등학생|대학생|고3|돌|백일)\S*)\s*\S*$", "{…}", about="any", unless="오늘\\s*(?:유치원|학교)\\s*(?:안|쉬)|때문|데리러|방학"),
    lasting,
    typed("family", r"^(?:(?:저희는|우리는|저는|우리|저희|나는|난|나|아직|결혼했는데)\s+)*(?P<x>딩크|한부모\s?가정|다문화\s?가정|대가족|맞벌이|기러기\s?(?:아빠|가족)?|재혼\s?가정|싱글맘|싱글대디|주말부부|신혼부부|신혼|돌싱|미혼모)(?:이야|야|임|이에요|예요|입니다|이라|라|인데|이고|이거든|라서)", "{x:이다}."),
    typed("family", rf"{_LEAD}{WHO}(?:은|는|이|가|도)?\s+(?P<y>(?:[가-힣]{{2,6}}\s?(?:사람|출신|토박이)|외국인|미국인|일본인|중국인|무교|[가-힣]{{2,3}}\s?신자))(?:이야|야|임|이라|라|인데|거든|이고|이셔|셔|예요|이에요)", "{who:은} {y:이다}.", about="any", unless="좋은\\s?사람|나쁜|이상한|무서운|친구"),
    typed("family", r"^(?:(?:나|난|저|저는|나는|내가|전)\s+)+(?P<x>(?:[가-힣]{1,2}\s?(?:아이|애)\s?|쌍둥이\s?|[가-힣]{2}이\s?|초등학생\s?|아들\s?(?:둘|셋|하나)?\s?|딸\s?(?:둘|셋|하나)?\s?)(?:엄마|아빠|맘))(?:야|이야|임|예요|이에요|라|인데|거든)", "{x:이다}.", about="any", unless="우리\\s*엄마|우리\\s*아빠"),
    typed("family", rf"^(?:(?:나|난|저|저는|나는)\s+)?(?P<x>(?:{_KIN_WORD})(?:이랑|랑|하고|과|와)\s*(?:[가-힣]{{1,3}}\s?살\s?차이|\d{{1,2}}\s?살\s?차이|쌍둥이|연년생|띠동갑))", "{x:이다}.", about="any"),
    # partner
    _named("partner", rf"^(?:(?:나|난|우리|저|내|제|울|나는|저는)\s+)*(?P<x>{_PARTNER_WORD})(?:이랑|랑|하고|와|과)?(?:은|는|이|가)?\s*(?P<y>(?:사귄\s?지|만난\s?지|연애한\s?지|연애|결혼한\s?지|결혼)\s?{_SINCE})", "{x:과} {y} 되었다.", unless="때문"),
    _named("partner", rf"^(?:(?:나|난|우리|저|내|제|지금|나는|저는|벌써|이제)\s+)*(?P<x>(?:사귄\s?지|만난\s?지|연애한\s?지|연애|결혼한\s?지|결혼|신혼|짝사랑한?\s?지?|솔로|모쏠)\s?{_SINCE})", "{x:이다}.", unless="친구|면|싶|결혼식"),
    _named("partner", rf"^(?:(?:나|난|우리|저|내|제|울|나는|저는|지금|사실)\s+)*(?P<x>{_PARTNER_WORD})(?:이랑|랑|하고|와|과)\s*(?P<y>장거리(?:\s?연애)?|동거|롱디|사내\s?연애|결혼\s?준비|냉전|주말부부|같이\s?(?:산다|살아|살고|사는데))", "{x:과} {y} 중이다.", denied=None, unless="싶|여행|영화|밥"),
    typed("partner", r"^(?:(?:나|난|우리|저|저희|나는|저는|지금|사실|집에|작년에|올해|드디어|이번에|재작년에|[가-힣0-9]{1,3}년\s?전에|벌써|이미|한\s?번|예전에|젊을\s?때|저번달에|지난달에)\s+)*(?P<x>결혼|이혼|약혼|재혼|파혼|동거|장거리\s?연애|혼인신고|별거|롱디)\s?(?:중|했|함$|해$|한\s*지|하고\s*있|하기로\s*했|하는\s*중|한다|하려고)", "{x}했다.", unless="친구|걔|언제|싶|동기|달라"),
    typed("partner", r"^(?:나는|저는|난|전|나|저)\s*(?:(?:아직|지금|현재|그냥|완전)\s*)*(?P<x>솔로|모쏠|모태솔로|싱글|미혼|기혼|유부녀|유부남|돌싱|품절녀|품절남)(?:이야|야|임|이에요|예요|에요|입니다|이고|고|인데|이다|다|라|이라|거든)?(?:요)?$", "{x:이다}.", instead_of="*"),
    typed("partner", r"^(?:(?:나|저|난|어제|오늘|드디어|우리)\s+)*(?P<x>프로포즈|프러포즈|청혼)(?:를|을)?\s*받(?:았|음)", "{x:을} 받았다.", unless="친구"),
    typed("partner", r"^(?:(?:나|난|우리|저|저희)\s+)*(?:오늘부터\s*)?(?P<x>(?:오늘부터\s*)?1일(?:이다|이야|임|이에요)?)(?:\s|$)", "사귀기 시작했다.", unless="휴가|연차|여행"),
    typed("partner", r"^(?:나|난|나는|저|저는|내가|사실)\s+(?:사실\s+|요즘\s+|아직\s+|몰래\s+)*(?P<x>(?:같은\s?과\s|우리\s?(?:팀|과|반|회사|학교|동아리)\s?|같은\s?(?:반|회사|팀|동아리)\s?|옆\s?(?:반|팀|자리)\s?|회사\s|동아리\s|교회\s|알바\s?)(?:선배|후배|동기|오빠|언니|누나|형|친구|사람|애|동료|[가-힣]{2,3}))(?:를|을|이|가)?\s*(?P<v>좋아해|좋아하는|좋아함|짝사랑|좋아한다|좋아하고)", "{x:을} 좋아한다.", about="any"),
    typed("partner", r"^(?P<x>같은\s?과\s?선배|같은\s?회사\s?\S+|동아리\s?(?:선배|후배|오빠|언니|누나))(?:를|을)?\s*(?:좋아하는\s*중|짝사랑|좋아해)", "{x:을} 좋아한다.", about="any"),
    typed("partner", r"^(?:나|난|나는|저|저는|드디어|사실|요즘)\s+(?:드디어\s+|요즘\s+|사실\s+)*(?P<x>좋아하는\s?(?:사람|애|남자|여자|오빠|누나))(?:이|가|도)?\s*(?:생겼|생김|있)", "{x:이} 있다.", about="any", unless="있냐|있나|있으면"),
    typed("partner", r"^(?:나|난|나는|저|저는|드디어)\s+(?:드디어\s+|요즘\s+|오늘부터\s+|다시\s+)*(?P<x>연애|썸|비밀\s?연애)(?:를)?\s*(?:해$|한다|함$|시작|중|하고\s*있)", "{x:을} 한다.", about="named", unless="싶|못"),
    typed("partner", r"^(?:나|난|나는|저|저는|요즘|지금|사실)\s+(?:요즘\s+|지금\s+|사실\s+)*(?P<x>짝사랑|썸\s?타|연애|비밀연애|사내연애|장거리연애|동거|국제연애)\s?(?:중|하고\s*있|하는\s*중|는\s*중|고\s*있|해$|함$)", "{x} 중이다.", unless="싶"),
    typed("partner", r"(?:^|\s)(?P<x>우리\s*동거)(?:해|함|중|한다)", "동거한다.", about="any"),
    _named("partner", rf"^(?:(?:우리|내|제|나|울)\s+)*(?P<x>{_PARTNER_WORD})(?:가|이|은|는|도)?\s*(?P<y>[가-힣]{{2,6}}\s?(?:사람|출신)|외국인|연하|연상|동갑|[가-힣]{{1,2}}살\s?(?:연상|연하|많|어려)|미국인|일본인|중국인|군인|직장인)(?:이야|야|임|예요|이라|라|인데|거든|이고|아|음)", "{x:은} {y:이다}."),
    _named("partner", rf"(?:^|\s)(?P<x>{_PARTNER_WORD})(?:가|이)\s*(?P<y>임신|입대|군대|전역|제대)(?:했|갔|함|감)", "{x:이} {y}했다.", unless="친구"),
    typed("partner", r"^(?:(?:나|난|저|오늘|어제|결국)\s+)*(?P<x>[가-힣]{2,4}?)(?:이랑|랑|하고)\s*(?:끝났|헤어졌|헤어짐|깨졌|끝냈)", "{x:과} 헤어졌다.", instead_of="{x}", where={"x": _is_person}, about="any"),
    typed("partner", r"^(?:우리|걔랑|나|전남친이랑|전여친이랑)\s*(?:걔랑\s*)?(?P<x>다시\s*(?:만나기로\s*했|사귀기로\s*했|만나|사귀|재결합))", "헤어진 사람과 다시 만난다.", instead_of="헤어"),
    typed("partner", r"^(?P<x>[가-힣]{2,4}?)(?:이|가|는|은)?\s*(?:내|제|나의)\s*(?P<w>여친|남친|남자친구|여자친구|남편|아내|애인)(?:이야|야|임|예요|이에요|이고)", "{x:은} {w:이다}.", about="any", where={"x": _is_person}),
    # friends
    typed("friend", r"^(?P<x>[가-힣]{2,4}?)(?:이랑|랑|하고)\s*(?:손절했|절교했|손절함|손절|연\s?끊|절교)", "{x:과} 절교했다.", instead_of="{x}", about="any"),
    typed("friend", r"^(?P<x>[가-힣]{2,4}?)(?:이|가|는|은)?\s*(?:내|제|나의)\s*(?:제일\s*친한\s*)?(?P<w>절친|베프|단짝|불알친구|소꿉친구|친구)(?:이야|야|임|예요|이에요|이고|거든|인데)", "{x:은} {w:이다}.", about="any", where={"x": _is_person}),
    typed("friend", r"^(?P<x>[가-힣]{2,4}?)(?:이는|이은|은|는|이|가)\s+(?P<w>(?:[가-힣]+\s*때부터\s*)?(?:내\s*|제\s*)?(?:[가-힣]{2,4}\s)?친구)(?:거든|야|임|예요|이에요)", "{x:은} {w:이다}.", about="any", where={"x": _is_person}),
    typed("friend", rf"^(?:(?:나랑|저랑|내|제|나|나는|난|저)\s+)*(?P<w>{_FRIEND}|제일\s*친한\s*건|가장\s*친한\s*건|젤\s*친한\s*건|(?:제일|가장|젤)\s*친한\s*(?:애는|사람은))(?:는|은|이|가)?\s*(?:이름(?:은|이)\s*)?(?P<x>[가-힣]{{2,4}}?)(?:인데|이야|이고|임|이에요|야|예요|거든|라고|이라고)(?=\s|$)", "{w:은} {x:이다}.", about="any", where={"x": _is_person}),
    typed("friend", rf"^(?P<x>[가-힣]{{2,4}}?)(?:이라고|라고|이라는|라는)\s*(?P<w>[가-힣 ]{{0,8}}{_FRIEND}|친구)(?:이|가|도)?\s*(?:하나\s*|한\s?명\s*)?있", "{x:이라는} {w:이} 있다.", about="any"),
    typed("friend", r"^(?:나|난|나는|저|저는|사실|나도)?\s*(?:사실\s*|진짜\s*|거의\s*)*(?P<x>친구(?:가|는|도)?\s*(?:한\s?명도\s*|하나도\s*|거의\s*|별로\s*|아예\s*|아무도\s*)*없)(?!애|을|으면|냐|니|는\s*줄)", "친구가 없다.", denied=True, about="any", unless="만나|밥|때"),
    typed("friend", r"^(?:나|난|저|요즘|나는)?\s*(?:[가-힣]{2,4}\s)?(?P<x>[가-힣]{2,4}?)(?:이랑|랑|하고)\s*(?:친구\s?됨|친구\s?됐|친해졌|친구하기로|절친\s?됐|친해짐)", "{x:과} 친구가 되었다.", about="any", unless="너|오로라"),
    friend_does, friend_named,
]  # fmt: skip
