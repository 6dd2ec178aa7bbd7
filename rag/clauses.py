# ruff: noqa: E501 - lists of endings are read better whole
"""A chat message as clauses: what is stated, of whom, and what is only asked, wished, supposed, denied or retold."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rag.memory import normalise
from rag.morphology import Morpheme, morphemes
from rag.names import plausible_given_name

LONGEST = 500
"""Characters of a message that are read; nobody tells of himself in longer ones, they are pasted."""

SELF = frozenset("나 저 내 제 본인 필자".split())
OURS = frozenset("우리 저희".split())
OTHERS = frozenset("너 네 니 당신 걔 쟤 얘 그 그녀 누구 자기 지 느그 너희 그분 이분 저분 아무 그쪽 자네".split())
KIN = frozenset(
    "엄마 아빠 어머니 아버지 부모 부모님 언니 오빠 누나 형 동생 여동생 남동생 할머니 할아버지 외할머니 외할아버지 삼촌 이모 "
    "큰언니 작은언니 큰누나 작은누나 큰오빠 작은오빠 큰형 작은형 큰아들 작은아들 큰딸 작은딸 형부 매형 처남 처제 장인 장모 시아버지 며느리 사위 "
    "손자 손녀 숙모 외숙모 큰아버지 작은아버지 큰엄마 작은엄마 막내동생 고모 사촌 조카 딸 아들 시어머니 장모님 아이 아기 애기 애 형제 자매 남매 쌍둥이 가족 친척 외삼촌".split()
)
PARTNERS = frozenset(
    "남친 여친 남자친구 여자친구 애인 남편 아내 와이프 신랑 연인 약혼자 남자 여자 썸남 썸녀 전남친 전여친".split()
)
FRIENDS = frozenset("친구 절친 베프 룸메 룸메이트 친구들".split())
PEOPLE = KIN | PARTNERS | FRIENDS | frozenset(
    "선배 후배 상사 부장 부장님 팀장 팀장님 사장 사장님 대표 대표님 교수 교수님 선생 선생님 쌤 사람 사람들 분 동료 이웃 손님 "
    "작가 배우 가수 아이돌 주인공 캐릭터 애들 다들 모두 오로라 전남편 직원 과장 과장님 대리 대리님 사수 원장님 의사쌤 코치".split()
)  # fmt: skip
PETS = frozenset(
    "고양이 강아지 개 멍멍이 댕댕이 냥이 야옹이 고냥이 반려견 반려묘 햄스터 토끼 앵무새 거북이 고슴도치 금붕어 물고기 도마뱀 "
    "기니피그 페럿 푸들 말티즈 포메라니안 포메 시바견 시바 리트리버 골든리트리버 웰시코기 웰시 비숑 치와와 진돗개 진도 닥스훈트 페르시안 먼치킨 러시안블루 뱀 말티푸 "
    "시츄 요크셔테리어 요키 비글 스피츠 사모예드 허스키 말라뮤트 코카스파니엘 보더콜리 불독 불도그 슈나우저 푸숑 믹스견 유기견 유기묘 반려동물 대형견 소형견 똥개 시골개 "
    "코숏 샴 샴고양이 랙돌 렉돌 뱅갈 노르웨이숲 스코티시폴드 아비시니안 터키시앙고라 길냥이 길고양이 치즈냥이 삼색이 고등어냥이 턱시도냥이 아기고양이 새끼고양이 앵무 잉꼬 카나리아 구피 베타 열대어 게코 "
    "크레스티드게코 이구아나 친칠라 햄찌 달팽이 장수풍뎅이 사슴벌레 소라게 거북 병아리 오리 닭 꿀벌 문조".split()
)

CITIES = frozenset(
    "서울 부산 대구 인천 광주 대전 울산 세종 수원 성남 용인 고양 부천 안산 안양 화성 평택 의정부 파주 김포 광명 시흥 군포 의왕 과천 하남 구리 남양주 오산 이천 안성 포천 양주 동두천 여주 가평 양평 연천 춘천 원주 강릉 동해 태백 속초 삼척 홍천 횡성 영월 평창 정선 철원 화천 양구 인제 양양 청주 충주 제천 보은 옥천 영동 진천 괴산 음성 단양 증평 천안 공주 보령 아산 서산 논산 계룡 당진 금산 부여 서천 청양 홍성 예산 태안 전주 군산 익산 정읍 남원 김제 완주 진안 무주 장수 임실 순창 고창 부안 목포 여수 순천 나주 광양 담양 곡성 구례 고흥 보성 화순 장흥 강진 해남 영암 무안 함평 영광 장성 완도 진도 신안 포항 경주 김천 안동 구미 영주 영천 상주 문경 경산 의성 청송 영양 영덕 청도 고령 성주 칠곡 예천 봉화 울진 울릉도 창원 진주 통영 사천 김해 밀양 거제 양산 의령 함안 창녕 남해 하동 산청 함양 거창 합천 제주 서귀포 마산 진해 분당 일산 판교 동탄 위례 광교 송도 청라 미사 영통 홍대 강남 잠실 신촌 마포 종로 노원 성북 강서 송파 관악 은평 도봉 강북 중랑 동대문 성동 광진 용산 서대문 양천 영등포 구로 금천 동작 서초 강동 신림 사당 망원 연남 합정 건대 혜화 이태원 한남 해운대 서면 광안리 사하 수성 유성 둔산 도쿄 오사카 교토 후쿠오카 삿포로 뉴욕 런던 파리 베를린 시드니 멜버른 밴쿠버 토론토 상하이 베이징 하노이 호치민 방콕 싱가포르 두바이 로마 마드리드 바르셀로나 뮌헨".split()
)
"""Towns and well-known quarters: the analyser knows most as proper nouns, but not all."""

_PIECE = re.compile(r"[^.!?~…\n,;ㅋㅎㅠㅜ？！]+|[.!?~…\n,;？！]+|[ㅋㅎㅠㅜ]+")
_UNREAL = re.compile(
    r"만약|만일|혹시|가정하|가정해|상상해\s?[봐보]|상상\s?속|상상하|꿈에서|꿈에|꿈속|농담(?!하지|은|하는)|뻥이|뻥임|구라|거짓말|장난이|(?:드라마|영화|소설|웹툰|만화|게임|책|애니)(?:에서|에선|에|속|\s*보는데|\s*주인공|\s*여주|\s*남주)"
    r"|주인공|여주|남주|동숲|심즈|스타듀|치자|척\s*(?:했|하|해)|전생|다시\s*태어나|마음속"
    r"|뻔\s*했|줄\s*알았|이라면\s|[나너]라면\s|다면|뮤비|가사|노래\s*제목|ㄹㅇ뻥|예를\s*들"
)
_QUOTED = re.compile(r"[\"“”][^\"“”]*[\"“”]|'[^']{3,}'|‘[^’]*’|「[^」]*」|『[^』]*』|《[^》]*》|<[^>]*>")
_ASKING_ENDINGS = frozenset(
    "니 냐 나요 까 ᆯ까 을까 ᆯ까요 을까요 까요 는가 ᆫ가 은가 ᆫ가요 은가요 는가요 려나 으려나 습니까 ᆸ니까 을래 ᆯ래 ᆯ래요 을래요 나".split()
)
_RETOLD_ENDINGS = frozenset(
    "대 래 ᆫ대 는대 라네 다네 ᆫ다네 는다네 다더라 라더라 ᆫ다더라 는다더라 대요 래요 ᆫ대요 는대요 더라 더라고 더라고요 단다 란다 냬 재 다며 라며 ᆫ다며 는다며 다면서 라면서".split()
)
_ECHOING = frozenset("다며 ᆫ다며 는다며 라며 다면서 ᆫ다면서 는다면서 라면서 니 냐".split())
"""At the end of a sentence that the analyser does not see as one: `오이 싫어하니`, `강릉에 산다며`."""
_NOTICING = frozenset("구나 는구나 군 군요 네 네요 구만 는구만 구나요".split())
"""He says so of whom he talks to (`우주 좋아하는구나`), unless he names himself."""
_SUPPOSING = frozenset(
    "면 으면 ᆫ다면 는다면 다면 라면 려면 으려면 더라도 어도 아도 든지 든 았더라면 었더라면 을수록 ᆯ수록".split()
)
_JOINING = frozenset(
    "고 는데 은데 ᆫ데 지만 어서 아서 니까 으니까 거든 다가 면서 으면서 며 으며 구 라서 이라서 느라 ᆫ다고 는다고 다고 라고 라 길래 고서 었는데".split()
)
_ORDERS = frozenset(
    "라 어라 아라 세요 으세요 십시오 으십시오 시오 자 읍시다 ᆸ시다 려무나 을래 ᆯ래 을래요 ᆯ래요 렴 으렴".split()
)
_SAYING = frozenset("다고 ᆫ다고 는다고 냐고 으냐고 자고 래서 대서 ᆫ다는 다는".split())


@dataclass(frozen=True)
class Clause:
    """One predicate and what belongs to it.

    Attributes:
        text: the whole message (NFC, single spaces); offsets of morphemes point into it.
        tagged: ``form/TAG `` of every morpheme, for patterns.
        question, supposed, retold: it is asked, only supposed or wished, or told of what somebody said.
        commanded: somebody is told or asked to do it, or spoken of with honours: not the user.
        denied: it has 안, 못, 않다, 아니다, 없다.
        own: the user is its subject: he says so (``named``), or nobody else is.
    """

    text: str
    morphemes: tuple[Morpheme, ...]
    question: bool = False
    supposed: bool = False
    retold: bool = False
    commanded: bool = False
    denied: bool = False
    own: bool = True
    named: bool = False
    tagged: str = field(init=False)
    offsets: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        pieces, offsets, at = [], [], 0
        for morpheme in self.morphemes:
            piece = f"{morpheme.form}/{morpheme.tag} "
            offsets.append(at)
            pieces.append(piece)
            at += len(piece)
        object.__setattr__(self, "tagged", "".join(pieces))
        object.__setattr__(self, "offsets", tuple(offsets))

    @property
    def stated(self) -> bool:
        return not (self.question or self.supposed or self.retold)

    @property
    def start(self) -> int:
        return self.morphemes[0].start

    @property
    def end(self) -> int:
        return self.morphemes[-1].end

    @property
    def surface(self) -> str:
        return self.text[self.start : self.end].strip()

    def span(self, match: re.Match[str], group: str) -> tuple[int, int] | None:
        """Indices of the morphemes that a group of a match in ``tagged`` covers."""
        if match[group] is None or not match[group]:
            return None
        first = self.offsets.index(match.start(group))
        return first, first + match[group].count(" ")

    def words(self, match: re.Match[str], group: str) -> str:
        """The group as it stands in the message, spaces and all."""
        span = self.span(match, group)
        if span is None:
            return ""
        part = self.morphemes[span[0] : span[1]]
        return self.text[part[0].start : part[-1].end].strip()

    def quote(self, start: int) -> str:
        """From a character of the message to the end of the clause."""
        return self.text[start : self.end].strip(" .,!?~…ㅋㅎㅠㅜ")

    def quote_of(self, match: re.Match[str]) -> str:
        """From the first morpheme of a match to the end of the clause."""
        first = next(i for i, offset in enumerate(self.offsets) if offset >= match.start())
        return self.quote(self.morphemes[first].start)


def clauses(message: str) -> list[Clause]:
    """The clauses of a message in order; none of a message that is all supposition (`만약에`), or too long."""
    text = normalise(message)
    if not text or len(text) > LONGEST or _UNREAL.search(text):
        return []
    hidden = _QUOTED.sub(lambda match: " " * len(match[0]), text)
    found: list[Clause] = []
    other = False  # somebody else was the last subject
    supposed = False
    pieces = list(_PIECE.finditer(hidden))
    for index, piece in enumerate(pieces):
        if not any(character.isalnum() for character in piece[0]) or re.fullmatch(r"[ㅋㅎㅠㅜ]+", piece[0]):
            supposed = supposed and "," in piece[0]
            continue
        after = ""
        for follower in pieces[index + 1 : index + 3]:
            if re.fullmatch(r"[.!?~…\n,;？！]+|[ㅋㅎㅠㅜ]+", follower[0]):
                after += follower[0]
            else:
                break
        asked = "?" in after or "？" in after
        parts = [
            part for words, start in _sentences(piece[0]) for part in _split(_shifted(words, piece.start() + start))
        ]
        for number, part in enumerate(parts):
            clause, other, supposed = _read(text, part, asked and number == len(parts) - 1, other, supposed)
            if number and found and found[-1].named and found[-1].own and clause.own and not _has_subject(clause):
                clause = replace(clause, named=True)  # 나 전주 살고 강사야
            found.append(clause)
    return found


_SENTENCE_ENDS = re.compile(
    r"(?:(?<=이다|이야|예요|에요|니다|거든|든요|했어|됐어|었어|였어|났어|갔어|왔어|봤어|샀어|했다|됐다|었다|졌어|졌다|쳤어|않아|했음|었음|뒀어|컸어|싶어|있어|없어|[가-힣]함|[가-힣]됨)|(?<=사는데|하는데|니는데|우는데|뛰는데))"
    r" (?=[가-힣A-Za-z0-9])(?!하면|치고|치자|말았|가지|보니|그러|더라|해도|고 |는데|적|때|줄|수|거|것|하는|하고|하니|보이)"
)


_FIELD = r"(?:이름|생일|나이|직업|고향|취미|별명|전공|사는\s?곳)[은는] "
_FIELDS = re.compile(rf"{_FIELD}[가-힣0-9A-Za-z]+ (?={_FIELD})")
"""이름은 오해찬 생일은 10월 1일: one field after the other, as in a form."""


def _sentences(piece: str) -> list[tuple[str, int]]:
    """Sentences that no mark ends, with where each begins: 나 이직했어 이제 은행 다녀."""
    found, at = [], 0
    for end in sorted({m.end() for pattern in (_SENTENCE_ENDS, _FIELDS) for m in pattern.finditer(piece)}):
        found.append((piece[at : end - 1], at))
        at = end
    return [*found, (piece[at:], at)]


def _has_subject(clause: Clause) -> bool:
    return any(m.tag == "JKS" or (m.tag == "JX" and m.form in ("은", "는", "ᆫ")) for m in clause.morphemes)


def _shifted(piece: str, by: int) -> list[Morpheme]:
    lead = len(piece) - len(piece.lstrip())
    return [m._replace(start=m.start + by + lead, end=m.end + by + lead) for m in morphemes(piece.strip())]


def _split(found: list[Morpheme]) -> list[tuple[Morpheme, ...]]:
    parts: list[tuple[Morpheme, ...]] = []
    current: list[Morpheme] = []
    for index, morpheme in enumerate(found):
        current.append(morpheme)
        follower = found[index + 1] if index + 1 < len(found) else None
        if follower is None:
            break
        ends = morpheme.tag == "EF" and follower.tag not in ("JX", "JKQ", "XSV", "JC")
        ends = ends or _ends_unmarked(morpheme, follower) or _names_another(current, found[index + 1 : index + 5])
        joins = morpheme.tag == "EC" and morpheme.form in _JOINING | _SUPPOSING and not _goes_on(morpheme, follower)
        if ends or joins:
            parts.append(tuple(current))
            current = []
    if current:
        parts.append(tuple(current))
    return parts


def _ends_unmarked(ending: Morpheme, follower: Morpheme) -> bool:
    """Whether a sentence ends without a mark, as they do in chats: 나 청주 살아 조용하고 좋아."""
    if ending.tag in ("JX", "JKV") and ending.form in ("이야", "야") and follower.start > ending.end:
        return True
    apart = ending.tag == "EC" and ending.form in ("어", "아", "야") and follower.start > ending.end
    return (apart and ending.form == "야") or (
        apart and follower.tag in ("NNG", "NNP", "NP", "XR", "MAG", "MAJ", "MM", "SN", "NR", "IC", "SL")
    )


def _names_another(current: Sequence[Morpheme], ahead: Sequence[Morpheme]) -> bool:
    """Whether the next word is another topic and the last one was all that is said of this: 엄마는 의사 아빠는 주부."""
    if len(ahead) < 2 or current[-1].tag not in ("NNG", "NNP", "NNB", "XSN", "NR") or ahead[0].start == current[-1].end:
        return False
    if ahead[0].tag == "SN" and ahead[1].form == "월" and any(m.form == "월" for m in current):
        return True
    if ahead[0].tag not in ("NNG", "NNP", "NP", "XPN") or not any(
        m.tag == "JX" and m.form in ("은", "는", "ᆫ") for m in current
    ):
        return False
    if ahead[0].form in PEOPLE and ahead[1].tag == "JKS":
        return True
    after = next((m for m in ahead[1:] if m.tag not in ("NNP", "XSN", "JKB", "NNG")), None)
    return after is not None and after.tag == "JX" and after.form in ("은", "는", "ᆫ")


def _goes_on(ending: Morpheme, follower: Morpheme) -> bool:
    """Whether an ending and the next word are one predicate: 하고 있다, 라고 하다, 되고 싶다, 살면 좋겠다."""
    if follower.tag == "VX" or follower.tag.startswith("J"):
        return True
    if ending.form in ("라고", "다고", "ᆫ다고", "는다고", "라"):
        return (follower.tag[0] == "V" or follower.form == "뭐") and follower.form in (
            "하",
            "부르",
            "불리",
            "말하",
            "그러",
            "말",
            "해",
            "얘기",
            "뭐",
        )
    return (ending.form == "고" and follower.form in ("있", "싶", "살", "다니")) or (
        follower.form in ("좋", "되") and ending.form in ("면", "으면")
    )


_TO_REMEMBER = frozenset("기억 기억하 알 알아두 잊 까먹 외우".split())


def _reminding(part: tuple[Morpheme, ...]) -> int | None:
    """Where he only goes on to say that she is to remember it: `나 굴 못 먹는 거 | 기억해`, `농구 선수였던 거 | 알아?`."""
    for index, (a, b) in enumerate(itertools.pairwise(part)):
        after = [m for m in part[index + 2 :] if m.tag[0] != "J" and m.tag != "MAG"]
        if (
            a.tag == "ETM"
            and a.form not in ("ᆯ", "을")
            and b.form in ("거", "것")
            and after
            and after[0].form in _TO_REMEMBER
        ):
            return index + 1
    return None


def _read(text: str, part: tuple[Morpheme, ...], asked: bool, other: bool, supposed: bool) -> tuple[Clause, bool, bool]:
    if any(m.tag == "NP" and m.form in SELF for m in part) and (end := _reminding(part)) is not None and end > 2:
        part, asked = part[:end], False
    forms = [m.form for m in part]
    last = next((m for m in reversed(part) if m.tag in ("EF", "EC")), None)
    named = any(m.tag == "NP" and m.form in SELF for m in part)
    stranger = _stranger(part)
    question = asked or (last is not None and last.tag == "EF" and last.form in _ASKING_ENDINGS)
    supposing = any(m.tag == "EC" and m.form in _SUPPOSING for m in part)
    wished = any(m.tag == "VX" and m.form in ("싶", "듯하", "듯싶") for m in part)
    guessed = (
        "겠" in forms and not re.search(r"못\s?(?:참|먹|보|견디|살)겠", text[part[0].start : part[-1].end])
    ) or any(a.tag == "NNB" and b.form == "같" for a, b in itertools.pairwise(part))
    retold = last is not None and last.tag == "EF" and last.form in _RETOLD_ENDINGS
    retold = retold or any(m.tag == "EC" and m.form in _SAYING for m in part)
    retold = retold or (
        part[-1].tag == "EC"
        and part[-1].form in _ECHOING
        and not (len(part) > 1 and part[-2].tag == "VCP" and part[-1].form == "니")
    )
    if retold and named and "잖아" in text[part[0].start : part[-1].end]:
        retold = False  # 나 전주 산다고 했잖아: his own words
        part = part[: 1 + max(i for i, m in enumerate(part) if m.form in _SAYING)]
    noticed = last is not None and last.tag == "EF" and last.form in _NOTICING and not named
    commanded = _commanded(part)
    denied = any(
        (m.tag == "MAG" and m.form in ("안", "못", "별로"))
        or (m.form in ("않", "못하", "아니", "없") and m.tag[0] == "V")
        for m in part
    )
    if stranger:
        other = True
    elif named:
        other = False
    interrupted = part[-1].tag == "EC" and part[-1].form == "다가"
    clause = Clause(
        text,
        part,
        question=question,
        supposed=supposed or supposing or wished or guessed or interrupted,
        retold=retold or noticed,
        commanded=commanded,
        denied=denied,
        own=not other,
        named=named and not stranger,
    )
    return clause, other, supposing


def _commanded(part: tuple[Morpheme, ...]) -> bool:
    honoured = any(m.form in PEOPLE for m in part)  # 엄마는 분식집 하셔
    for morpheme, follower in itertools.pairwise(part):
        if follower.tag == "EP" and follower.form in ("시", "으시") and morpheme.form != "돌아가" and not honoured:
            return True
        if (
            morpheme.tag == "VX"
            and morpheme.form == "주"
            and follower.tag in ("EF", "EC")
            and follower.form in _ORDERS | {"어", "어요"}
        ):
            return True
    return any(m.tag == "EF" and m.form in _ORDERS for m in part)


def _named_other(part: tuple[Morpheme, ...]) -> bool:
    """Whether it begins with the name of somebody as subject: 누리가 계란 알레르기라."""
    words = [m for m in part[:4] if m.tag not in ("IC", "MAJ")]
    if len(words) < 3 or words[0].tag != "NNP":
        return False
    after = words[2] if words[1].tag == "XSN" else words[1]
    return (
        after.tag in ("JKS", "JX")
        and after.form in ("이", "가", "은", "는")
        and plausible_given_name(words[0].form)
        and words[0].form not in CITIES
    )


def _stranger(part: tuple[Morpheme, ...]) -> bool:
    """Whether somebody else is what the clause is about: as subject, as topic, or named at its beginning."""
    if _named_other(part):
        return True
    for index, morpheme in enumerate(part):
        person = (morpheme.tag == "NP" and morpheme.form in OTHERS) or (
            morpheme.tag in ("NNG", "NNP") and morpheme.form in PEOPLE | PETS
        )
        if not person:
            continue
        follower = part[index + 1] if index + 1 < len(part) else None
        if follower is not None and follower.tag in ("XSN", "NNP") and index + 2 < len(part):
            follower = part[index + 2]  # 친구들이, 친구 수지는
        if follower is None:
            return False
        if follower.tag in ("JKS", "JX") or (follower.tag == "JKG" and morpheme.form not in SELF):
            return True
        if follower.tag[0] in "NM" and not any(m.tag[0] in "NV" and m.form not in SELF | OURS for m in part[:index]):
            return True
    return False
