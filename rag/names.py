"""Korean given names, so that `나 민준이야` is heard as an introduction and `나 바보야` is not."""

from __future__ import annotations

import re

SURNAMES = frozenset(
    "김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 전 홍 유 고 문 양 손 배 백 허 남 심 노 하 곽 성 차 주 우 구 민 류 나 진 지 엄 "
    "채 원 천 방 공 현 함 변 염 여 추 도 소 석 선 설 마 길 연 위 표 명 기 반 왕 금 옥 육 인 맹 제 모 탁 국 어 은 편 용".split()
)

GIVEN = frozenset(
    # The commonest of the last decades; names that are also everyday words (하늘, 지혜, 보라) are left out.
    "민준 서준 도윤 예준 시우 하준 주원 지호 지후 준우 준서 도현 건우 현우 우진 선우 서진 연우 유준 정우 승우 승현 시윤 준혁 은우 "
    "지환 승민 지우 유찬 윤우 민재 시후 진우 수호 지훈 민성 수현 준영 시현 한결 지한 태윤 윤호 은찬 예성 재윤 지완 도훈 동현 민혁 성민 "
    "재민 태민 현준 우현 재현 민규 태현 성현 준호 민호 성준 정민 상민 영민 재훈 동훈 성훈 상훈 지성 종현 경민 동욱 진혁 형준 상우 영수 "
    "철수 민수 진수 성호 영호 정호 재호 상현 기현 병호 광수 태호 준수 경수 동하 주환 찬우 찬혁 은호 규민 태양 세준 "
    "서연 서윤 지민 서현 민서 하은 하윤 윤서 지유 지윤 채원 수아 지아 다은 은서 예은 수빈 소율 예린 지원 수민 예서 하린 소연 유진 "
    "채은 지은 유나 가은 서영 민지 윤아 은지 다인 나연 예원 서아 시은 아린 하율 연서 다연 나은 유주 서하 예나 주아 시아 소윤 "
    "아영 은채 현서 지현 수연 예진 세은 민주 혜원 채윤 수진 혜진 은영 미영 지영 은정 미정 현정 소영 은주 현주 민정 유정 지수 혜인 정은 "
    "보영 선영 미선 경희 영희 은경 미경 수경 현아 은아 진아 연주 효진 혜린 세영 가영 나영 주희 다희 소희 은희 정희 "
    "민아 수지 재인 서희 유빈 예빈 다빈 한별 새봄 하영 소현 태희 규리 나윤 시연 아인 채린 해린 로아 리아 이서 하은".split()
)

_SELF = r"(?:안녕(?:하세요)?[,.!~ ]*)?(?:나는|저는|난|전|나|저|내가|제가)"
_NAMED = r"(?:(?:내|제|나의|저의)\s*이름은|이름은|이름이|성함은)"
_END = r"(?:이?야|예요|이에요|이예요|에요|입니다|이?라고\s*(?:해|해요|합니다|함|불러|불러줘)|임|이?지|이고|인데|이?란다|이?다|이?얌|이?요)"
_OVER = r"\s*[ㅋㅎㅠ~!.,]*(?:$|(?<=[.!,\n]))"
INTRODUCTION = re.compile(
    rf"(?:^|(?<=[.!?~,\n ]))(?:{_SELF}|{_NAMED})\s*(?P<name>[가-힣]{{2,4}}?)(?:{_END}(?=\s|$|[ㅋㅎㅠ~!.,])|{_OVER})"
)
"""A name without an ending tells one only where nothing follows: `나 지수 때문에` is about somebody else."""


def given_name(word: str) -> str:
    """The name in ``word``, which may begin with a surname and end in the 이 that follows a final consonant; or empty."""
    for name in (word, word.removesuffix("이") if len(word) > 2 else word):
        if name in GIVEN or (name[:1] in SURNAMES and name[1:] in GIVEN):
            return name
    return ""


# Syllables that given names of two begin and end with; together with a proper noun of the analyser they tell one.
_FIRST = frozenset(
    "금누가강건경고광국권규근기길나남다단대덕도동두라래로루리마명무문미민범병보복상새서석선설성세소솔송수숙순승시신아안애여연열영예온옥완요용우운원유윤율은의이인일임자장재전정제조종주준중지진찬창채철청초춘충치태하한해향혁현형혜호홍화환효후훈휘희"
)
_SECOND = frozenset(
    "가강건걸겸경광구국권규근기길나남단담대덕도동라란람랑래량련렬로루류리린림마만명모무문미민배범별병보복봄빈빛산상서석선설섭성세소솔송수숙순슬승식신실아안애연열엽영예오옥온완요용우욱운웅원월유윤율은을음의이인일임자정제조종주준중지진찬창채천철청초춘치태하학한해향헌혁현협형혜호홍화환황효후훈휘휼흔흠희"
)


def plausible_given_name(word: str) -> bool:
    """Whether two syllables could be a given name, such as a proper noun that is no place may well be."""
    return len(word) == 2 and word[0] in _FIRST and word[1] in _SECOND


def is_given_name(word: str) -> bool:
    """Whether ``word`` as a whole is a given name, alone or after a surname."""
    return word in GIVEN or (word[:1] in SURNAMES and word[1:] in GIVEN)


def introduction(text: str) -> tuple[str, str] | None:
    """Name and quote of one who introduces himself by a name that people have; None where there is no such."""
    for match in INTRODUCTION.finditer(text):
        if name := given_name(match["name"]):
            return name, match[0].strip(" ,.!~\n")
    return None
