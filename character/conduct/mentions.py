"""Words that are spoken of and not said: quoted, asked about, denied, reported, or turned on oneself.

Everything here works on folded text with marks (`normalize`); what is only spoken of is blotted out, and what remains
is judged. "'병신'이 무슨 뜻이야?" is a question, "'병신' 뜻은 너야, 병신아" is not one only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from character.conduct.curses import FIRST_MARK, MARK, MARKS
from character.conduct.judgement import Line

_MARK: Final = f"[{chr(FIRST_MARK)}-{chr(FIRST_MARK + len(MARKS) - 1)}]"
_FOOL: Final = (
    "["
    + "".join(mark for mark, curse in MARKS.items() if curse.name in {"병신", "또라이", "년놈", "새끼", "개새끼"})
    + "]"
)
BLOT: Final = "그말"
"""What stands in place of a word that is only spoken of."""


def _any(words: str) -> str:
    """An alternation of the words, ``_`` for a space that may be there."""
    return "(?:" + "|".join(words.split()).replace("_", " ?") + ")"


_QUOTED = re.compile("「([^「」]{1,80})」")
_AFTER_QUOTE = re.compile(
    " ?"
    + _any(
        """이?라[고는며던] 이?란 이?래 이?랬 하[고는며던더] 했 함 [을를이가은는도의](?=_|$) 이?러_?[고더는]
    소리 말 뜻 단어 욕 대사
        이게 이거 날[리림] 써 쓰 남[기겼] 달[아았] 배워 $"""
    )
)
_PARTICLE = r" ?(?:이|가|은|는|란|이란|이라는|라는|이라고|라고)? ?(?:게|건|거|말|단어|욕|표현)?(?:이|은|는|도|을)? ?"
_QUESTION = _any(
    """뭐야 뭔데 뭐예요 뭐에요 뭔가요 무슨_뜻 뭔_뜻 뜻[이은을] 뜻_알 (?:무슨|뭔)_말(?:이야|이에요|이죠|인지|인가|임|\\?|$) 왜_욕 왜_나쁜
    왜_(?:여자|남자)한테만 원래 어디서_(?:나온|온|유래)
    어원 유래 영어로 번역 욕이야 욕인가 욕이에요 욕으로 욕인데 나쁜_말 심한_말 비하 혐오_표현 사투리 신조어 노래 제목 순화"""
)
_ASKED = re.compile(rf"{_MARK}+\S{{0,3}}?{_PARTICLE}(?={_QUESTION})")
_NAMED = re.compile(
    rf"{_MARK}+\S{{0,2}}? ?이?라는 ?" + _any("말 욕 단어 표현 소리 신조어 노래 제목 이름 영화 책 밴드 가사 대사")
)
_INITIALS_GAME = re.compile(r"초성 ?(?:퀴즈|게임|문제|맞)")
_OTHERS = _any(
    """친구 동생 형 누나 언니 오빠 엄마 아빠 어머니 아버지 부모님 할머니 할아버지 삼촌 이모 고모 사촌 선생님?
    쌤 교수님? 상사 부장님? 과장님? 팀장님?
    대리님? 사장님? 점장님? 손님 고객 사수 선배 후배 애들 걔 쟤 개네 걔네 그_사람 그_여자 그_남자 누가 누군가
    어떤_\\S+ 웬_\\S+ 지나가던_\\S+
    모르는_\\S+ 아저씨 아줌마 남친 여친 남자친구 여자친구 전남친 전여친 짝남 짝녀 썸남 썸녀 상대방? 상대편 팀원
    댓글 악플 영화 드라마 웹툰 소설 노래
    가사 주인공 배우 래퍼 유튜버 게임 반_애 같은_반 옆자리 옆집 옆차 윗집 시어머니 남편 아내 와이프 조카 애인 선임 기사님"""
)
_SAID = _any(
    """(?:이|야|아)?_이?(?:라고|라|래|랬|란|라는|라며|라면서|라더|라던)
    (?:이|야|아)?_(?:대(?![가-힣])|댔|다고|냐고|자고|려고) 소리_(?:들|를_들) 욕(?:을|까지)?_(?:먹|들|했|하|함|해|박|날)
    불러 불렀 놀려 놀렸 들었 당했"""
)
_TO_ME = r"(?<![가-힣])(?:나|저|우리|내|제)\S{0,3}(?:보고|한테|에게|더러|테)"
_REPORTED = re.compile(
    rf"(?:(?<![가-힣]){_OTHERS}\S{{0,4}}|{_TO_ME}).{{0,40}}?{_MARK}.{{0,14}}?{_SAID}"
    rf"|{_MARK}\S{{0,2}}?이?래(?:요)?(?=[ .!?ㅠㅜㅋ]|$)|{_MARK}\S{{0,3}} ?이?라는 ?소리.{{0,8}}(?:들[었은어]|듣)"
    rf"|{_MARK}\S{{0,2}} ?(?:이러더라|그러더라|이러면서)"
)
_DENIED = re.compile(
    rf"{_MARK}\S{{0,2}}?이?(?:라고|란|라는) ?(?:말|소리|욕)?\S{{0,2}} ?"
    + _any(
        """안_(?:했|할|한|해|쓸|써|쓰) 한_적_없 하지_(?:마|말|않|못) 쓰지_(?:마|말|않) 하면_(?:안|못) 싫어 아니야
    아닌데 아니고 아냐 아니라"""
    )
    + rf"|{_MARK}(?:이|가)? ?(?:아니고|아니라)"
)
_I = r"(?<![가-힣])(?:나|난|내가|나는|나도|나만|저|제가|저는|내 ?(?:자신|인생|꼴|머리|성격)|스스로)(?![가-힣]{2})"
_MYSELF = re.compile(rf"{_I}[^?!]{{0,14}}?{_FOOL}(?= ?(?:같|이|인|처럼|짓|다|도|가|임|아니))")
_FOOLS: Final = "[" + "".join(mark for mark, curse in MARKS.items() if curse.name in {"병신", "또라이"}) + "]"
_THIRD_PERSONS = re.compile(rf"{_FOOLS}들[이은을도만](?![가-힣])")
_AS_ORDERED = re.compile(r"(?:해|불러|말해|써) ?(?:줘|봐|라)")
_TO_HER = re.compile(r"(?<![가-힣])(?:너|넌|널|너는|너도|니가|네가|너같|너 ?같|니네|야|당신|오로라)(?![가-힣]{2})")
_ASKED_HER = re.compile(
    r"(?:뭐라고|무슨 ?(?:말|욕|소리)|어떤 ?(?:말|욕)|뭐래|어떻게 ?(?:불|말)).{0,20}\?|무슨 일|누가 그|뭐라는|뭐라 ?했"
)


def blot(text: str, recent: Sequence[Line] = ()) -> tuple[str, str]:
    """The text without what is only spoken of, and in a few words why (empty where nothing was).

    Args:
        text: folded text with marks.
        recent: what was said before; after a question of hers what somebody said, an answer reports it.
    """
    if not MARK.search(text):
        return text, ""
    if _INITIALS_GAME.search(text):
        return MARK.sub(BLOT, text), "initials"
    blotted = _QUOTED.sub(_blot_quoted, text)
    if blotted != text:
        return blotted, "quoted"
    if _AS_ORDERED.search(text):
        return text, ""
    for pattern, why in (
        (_NAMED, "asked about"), (_ASKED, "asked about"), (_REPORTED, "reported"), (_DENIED, "denied"),
        (_MYSELF, "of himself"), (_THIRD_PERSONS, "of others"),
    ):  # fmt: skip
        if pattern.search(text) and (why in {"reported", "denied"} or not _aimed(pattern.sub("", text))):
            return pattern.sub(lambda match: MARK.sub(BLOT, match[0]), text), why
    if recent and recent[-1].role == "assistant" and _ASKED_HER.search(recent[-1].text) and _reports(text):
        return MARK.sub(BLOT, text), "reported"
    return text, ""


def _blot_quoted(match: re.Match[str]) -> str:
    following = match.string[match.end() : match.end() + 12]
    before = match.string[max(0, match.start() - 12) : match.start()]
    spoken_of = _AFTER_QUOTE.match(following) or re.search("뜻|단어|표현|욕 ?중", before)
    return f"「{MARK.sub(BLOT, match[1])}」" if spoken_of and not _TO_HER.search(following) else match[0]


def _aimed(text: str) -> bool:
    """Whether an abusive word is called out to her beside what is spoken of."""
    return bool(_TO_HER.search(text) or re.search(rf"{_MARK}(?:아|야)(?![가-힣])", text))


def _reports(text: str) -> bool:
    return bool(re.search(r"(?:라고|래|랬|대|래요|라더라|라고요|했어|했어요|하더라|함)[.!~ㅠㅜㅋ ]*$", text))


_GRAVE: Final = (
    "["
    + "".join(mark for mark, curse in MARKS.items() if curse.grade == 3 and curse.name not in {"보지", "섹스"})
    + "]"
)
_FAMILY: Final = next(mark for mark, curse in MARKS.items() if curse.name == "느금마")
_NAME: Final = (
    "[" + "".join(mark for mark, curse in MARKS.items() if curse.name in {"병신", "년놈", "새끼", "개새끼"}) + "]"
)
_CALLED = re.compile(
    rf"{_GRAVE}(?:같은)? ?(?:아|야)(?![가-힣])|{_GRAVE} ?{_GRAVE}"
    rf"|^(?:야|이|너|넌)? ?(?:이|진짜)? ?{_GRAVE} ?(?:아|야|이네|이냐|이니|이야|ㅋ+|[.!~?]+)?$"
    r"|(?<![가-힣])(?:너|넌|니가|네가|너는|너도|야 ?이) ?(?:진짜|정말|완전|존나|그냥|참)? ?(?:이 ?)?"
    rf"{_NAME}(?= ?(?:이|같|야|아|냐|임|니|년|놈|새|$))"
)


def called(text: str) -> str | None:
    """``insult`` or ``family`` where folded text calls her an abusive word outright or is nothing else."""
    if not _CALLED.search(text.strip()):
        return None
    return "family" if _FAMILY in text else "insult"
