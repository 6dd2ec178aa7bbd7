"""Recognises that a user asks what she remembers of him (`내 이름이 뭐야`), and which slot holds the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.memory import SLOTS, normalise

_QUESTION = re.compile(
    r"[?？]|기억\s*(?:나|해|하|안)|잊(?:었|어버)|까먹|알(?:아|지|려나|고\s*있|잖|겠)|맞(?:춰|혀|추)|(?:이?게|더라|였지|했지|했더라|했었지|댔지|랬지)(?:요)?\s*[ㅋㅎㅠ~.]*$"
    r"|(?:뭐|뭔|무슨|몇|어디|언제|누구|어떤)[^.!?]*(?:야|지|냐|니|까|요|게|데|어|아|나)\s*[ㅋㅎㅠ~.]*$|말해\s*[봐줘]"
)
_WHAT = r"(?:뭐|뭔|무슨|몇|어디|언제|누구|어떤|어느|기억|알아|알지|알려나|잊|까먹"
_WHAT += r"|있게\s*없게|아나\s*모르나|맞춰|맞혀|했지|했더라|랬지|였지|더라|게\s*[?？]|말해)"
_SELF = re.compile(
    r"(?<![가-힣])(?:나|내|제|저|난|전|우리|울|내가|제가|나는|저는|나의|나한테|나랑|날)(?![가-힣]*(?:라|무|중|비|기))"
)
_YOU = re.compile(
    r"(?<![가-힣])(?:너|넌|네가|니가|너는|너의|니|네|당신|오로라|언니|누나)(?:는|은|가|이|도|의|랑)?(?=\s|$)"
)
_EVERYTHING = re.compile(
    r"(?:나|저|내|제)\s*(?:에\s*대해|에\s*대해서|에\s*관해|한테\s*들은|가\s*(?:한|했던)\s*(?:말|얘기))[^.!]*(?:뭐|기억|알|말해|아는)"
)

_PET = r"고양이|강아지|멍멍이|댕댕이|냥이|반려|애완|펫|키우(?:는|던)|햄스터|토끼|앵무|거북"
_PARTNER = r"만나는\s*사람|사귀는\s*사람|남친|여친|남자\s*친구|여자\s*친구|애인|남편|아내|와이프|신랑|연인"
_FAMILY = (
    r"가족|동생|언니|오빠|누나|형(?![가-힣]*광)|엄마|아빠|어머니|아버지|부모|남매|자매|형제|할머니|할아버지|딸|아들|첫째|둘째|우리\s*애(?=가|는|이름|들|\s)"
    r"|이모|고모|삼촌"
)
_FRIEND = r"(?<!남자)(?<!여자)(?<!남자 )(?<!여자 )친구|절친|베프"
# The first that fits is meant, so what is more particular stands before what is more general (고양이 이름, 이름).
_SLOTS: list[tuple[str, str]] = [
    ("pet", rf"(?:{_PET})"),
    ("partner", rf"(?:{_PARTNER})"),
    ("friend", rf"(?:{_FRIEND})"),
    ("family", rf"(?:{_FAMILY})"),
    ("birthday", r"생일|몇\s*월\s*며칠|언제\s*태어"),
    ("nickname", r"별명|뭐라고\s*(?:불러|부르)|어떻게\s*(?:불러|부르)"),
    ("name", r"이름|내가\s*누구|나\s*누구(?!랑|한테|와)"),
    ("age", r"몇\s*살|나이|몇\s*년생|연세"),
    ("school", r"학교|대학|전공|무슨\s*과|학과|몇\s*학년"),
    ("job", r"직업|직장|회사|무슨\s*일|뭐\s*하는\s*사람|하는\s*일|뭐\s*해서\s*먹고|어디\s*다니|어디서\s*일"),
    ("hometown", r"고향|어디\s*출신|출신|어디서?\s*(?:태어|나고|자랐|컸)"),
    ("home", r"어디\s*(?:서\s*|에\s*|에서\s*)?(?:사|살|산)|사는\s*(?:데|곳|동네)|집(?:이|은)?\s*어디|우리\s*집|어느\s*동네"
     r"|주소|어디서?\s*지내|누구랑\s*(?:살|사는)|동네\s*어디"),
    ("dislike", r"싫어|못\s*(?:먹|마시)|안\s*좋아"),
    ("like", r"좋아하|좋아한|취향|최애|즐겨"),
    ("health", r"알레르기|알러지|어디\s*아프|아프다고|무슨\s*병|지병"),
    ("promise", r"약속|(?:주기로|준다고)\s*(?:했|한)"),
    ("plan", r"면접|시험|일정|계획|여행|예약|뭐\s*(?:한|하기로|할\s*거라|할거라)|언제\s*(?:간|가|한)다고"),
    ("habit", r"습관|취미|루틴|운동"),
    ("skill", r"특기|잘하는|할\s*줄\s*(?:아|알)|악기|무슨\s*언어"),
    ("goal", r"꿈|목표|되고\s*싶"),
    ("possession", r"(?:내|제)\s*(?:차|폰|핸드폰|노트북|자전거)|뭐\s*(?:샀|질렀|사기로)|무슨\s*차"),
    ("past", r"(?:옛날|예전)에|(?:어릴|어렸을|초딩|중딩|고딩)\s*때|선수였"),
    ("other", r"종교|혈액형|엠비티아이|mbti|MBTI"),
]  # fmt: skip
_COMPILED = [(slot, re.compile(pattern)) for slot, pattern in _SLOTS]
_DATE_OF = {"birthday"}
_NARROWER = {"pet": "name", "partner": "name", "friend": "name", "family": "name"}


@dataclass(frozen=True)
class Asked:
    """What is asked about.

    Attributes:
        slots: which hold the answer, the likeliest first; empty where nothing is asked.
        everything: the user asks for all she knows of him.
    """

    slots: tuple[str, ...] = ()
    everything: bool = False

    def __bool__(self) -> bool:
        return bool(self.slots) or self.everything


NOTHING = Asked()
LONGEST = 80
"""Characters of a message that is nothing but such a question; longer ones tell something as well."""


def asked_about(text: str) -> Asked:
    """Which slots a message asks about. Her own likes (`너는 뭐 좋아해?`) and mere mentions give `NOTHING`."""
    words = normalise(text)
    if len(words) > LONGEST or not _QUESTION.search(words):
        return NOTHING
    if _EVERYTHING.search(words):
        return Asked(SLOTS, everything=True)
    if not re.search(_WHAT, words) or not _about_self(words):
        return NOTHING
    slots = tuple(slot for slot, pattern in _COMPILED if pattern.search(words))
    if "birthday" in slots and len(slots) > 1:  # 엄마 생일 is told among the family's, one's own under birthday
        return Asked((*(slot for slot in slots if slot != "birthday"), "birthday"))
    if slots and slots[0] in _NARROWER:
        slots = tuple(slot for slot in slots if slot not in ("name", "age"))
    return Asked(slots)


def _about_self(words: str) -> bool:
    if _YOU.search(words) and not _SELF.search(words):
        return False
    return bool(_SELF.search(words)) or bool(re.search(r"(?:라고|다고|댔|랬)\s*(?:했|말했|그랬)?", words))


# What is talked of where he does not ask: who says 오늘 환자 열두 명 봤어 has his work in mind.
_TOPICS: list[tuple[str, re.Pattern[str]]] = [
    (slot, re.compile(pattern))
    for slot, pattern in (
        ("job", r"출근|퇴근|회식|야근|팀장|부장님|손님|환자|진상|월급|거래처|고객|매출|당직|업무"),
        (
            "school",
            r"과제|논문|강의|교수님|학점|시험\s?기간|실습|수업|조별|개강|종강|중간고사|기말고사|체육대회|급식|학식",
        ),
        ("health", r"병원|안약|처방|진료|약국|검진"),
        ("pet", r"산책|사료|츄르|캣타워|목줄|털갈이|밥그릇|간식\s?줬"),
        ("skill", r"운전|자격증"),
    )
]


def topics(text: str) -> tuple[str, ...]:
    """Slots that a message touches without asking for them."""
    words = normalise(text)
    return tuple(slot for slot, pattern in _TOPICS if pattern.search(words))


def slots_named(text: str) -> tuple[str, ...]:
    """Slots that a phrase names (`내 주소`, `고양이 얘기`), the most particular first."""
    return tuple(slot for slot, pattern in _COMPILED if pattern.search(normalise(text)))[:1]
