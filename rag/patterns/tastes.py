# ruff: noqa: E501 - a pattern is read better whole
"""What the user likes and what he does not."""

from __future__ import annotations

import itertools
import re

from rag.clauses import FRIENDS, KIN, PARTNERS, PEOPLE, Clause
from rag.memory import Proposal
from rag.names import is_given_name
from rag.patterns.engine import Frame, Rule, Setting, is_noun, passing, past, typed
from rag.patterns.words import DEICTIC
from rag.phrasing import plain, with_particle

_MEALS = frozenset(
    "밥 아침 점심 저녁 아무것 것 약 물 야식 끼 간식 요즘 오늘 어제 지금 아직 하나 잠 말 일 그것 술".split()
)
_WEAK = re.compile(
    r"^(?:거|것|사람|애|소리|말|얘기|데|곳|때|그|이|저|쪽|편|기분|날씨|사이|느낌|컨디션|운|성격|세상|인생|집|노래|목소리|여기\s?\S+|이 집\s?\S+)$|(?:하기|가기|되기|출근|퇴근|월요일|상황|기분|사이|학교|회사|일|공부)$"
)
_TIME = re.compile(r"오늘|지금|어제|내일|아까|이번|방금|저번")
_LEADING = frozenset(
    "그런데 나 저 내 제 난 전 근데 이제 요즘 원래 사실 그냥 아니 진짜 제일 가장 젤 완전 정말 저희 우리 참고 역시 특히 무조건 나는 예전 예전엔 지금 옛날 아 응".split()
)


def thing_before(clause: Clause, upto: int) -> tuple[str, int] | None:
    """What stands before the morpheme ``upto``, without the user, adverbs and the last particle; None if it is no thing."""
    part = list(clause.morphemes[:upto])
    while part and (
        part[-1].tag in ("MAG", "IC", "JX", "JKO", "JKS", "JKB")
        or part[-1].form
        in ("진짜", "제일", "가장", "젤", "완전", "정말", "엄청", "최애", "극도", "별로", "원래", "손", "이", "냄새")
    ):
        if part[-1].form in ("손", "이", "냄새") and part[-1].tag[0] == "N":
            break
        part.pop()
    while part and (part[0].form in _LEADING or part[0].tag in ("IC", "MAJ", "MAG", "JX", "JKS", "EC", "EF", "JKB")):
        part.pop(0)
    topic = max((i for i, m in enumerate(part[:-1]) if m.tag == "JX" and m.form in ("은", "는", "ᆫ")), default=-1)
    part = part[topic + 1 :]
    while (
        len(part) > 1
        and part[0].tag == "NNP"
        and part[1].tag in ("NNG", "NNP")
        and clause.named
        and part[1].start > part[0].end
        and len(part) > 2
    ):
        part.pop(0)  # 나 소민 떡볶이 좋아해
    if not part or part[-1].tag not in ("NNG", "NNP", "SL", "NNB", "XSN", "ETN", "SN", "XR"):
        return None
    if any(
        m.tag in ("JKS", "NP", "EF") or m.form in DEICTIC or m.form in PEOPLE - KIN
        for m in part
        if m.form not in ("사람", "거", "것", "애", "이", "건")
    ) or part[0].form in ("그", "이", "저", "그런", "이런"):
        return None
    if not any(m.tag == "ETM" for m in part) and len(part) > 3:
        part = part[-3:]
        while len(part) > 1 and part[0].tag not in ("NNG", "NNP", "SL", "XPN"):
            part.pop(0)
    if len(part) > 1 and is_given_name(part[0].form) and part[0].tag == "NNP":
        part.pop(0)
    if part[-1].tag == "ETN" or (part[-1].form == "기" and part[-1].tag == "ETN"):
        return None
    if part[-1].tag == "NNB" and not any(m.tag == "ETM" for m in part):
        return None
    words = clause.text[part[0].start : part[-1].end].strip()
    if len(words) > 24 or _WEAK.search(words) or part[-1].form in KIN or _TIME.search(words) or words in DEICTIC:
        return None
    return words, part[0].start


_LIKES = re.compile(
    r"(?:^|(?<= ))(?P<v>좋아하/VV |즐기/VV |즐겨/MAG [^ /]+/VV |싫어하/VV |사랑하/VV |사랑/NNG 하/XSV |애정/NNG 하/XSV |선호/NNG 하/XSV |좋/VA |싫/VA |싫/VA 어/EC 지/VX |질색/NNG |극혐/NNG |혐오/NNG 하/XSV |별로/MAG 이/VCP |환장/NNG 하/XSV |무서워하/VV |무섭/VA |끼리/)"
)
_TAIL = re.compile(
    r"^(?:[^ /]+/(?:EP|EF|EC|ETN|JX|JKV|IC|SW|W_EMOJI|VX|MAG|VCP|S[FPESW]|Z_[A-Z]+) |중/NN[GB] |하/XSV |(?:나|저|내|난)/NP (?:[가는ᆫ]/J[A-Z]+ )?|편/NNB |는/ETM |은/ETM |ᆫ/ETM |이/JKS )*$"
)


def taste(clause: Clause, setting: Setting) -> Proposal | None:
    """`떡볶이 좋아해`, `오이는 싫어`, `벌레 질색`, `무서운 거 별로 안 좋아해`."""
    if (
        not clause.own
        or past(clause)
        or any(m.form in KIN | PARTNERS | FRIENDS for m in clause.morphemes if m.tag[0] == "N")
    ):
        return None
    match = None
    for each in _LIKES.finditer(clause.tagged):
        if _TAIL.match(clause.tagged[each.end() :]):
            match = each
            break
    if match is None:
        return None
    index = clause.offsets.index(match.start("v"))
    thing = thing_before(clause, index) or (
        _thing_named_before(clause, index, setting) if match["v"].startswith(("좋", "사랑")) else None
    )
    if thing is None:
        return None
    what, start = thing
    verb = match["v"].split("/")[0]
    if verb in ("좋", "싫", "별로", "무섭") and (passing(clause) or (verb == "좋" and not _fond(clause, index))):
        return None
    if verb == "좋" and re.search(r"으면|좋[다아]\s*(?:고\s*해|했)|안\s*좋", clause.surface) and not clause.denied:
        return None
    if verb in ("싫", "좋") and re.search(r"더\s*(?:싫|좋)", clause.surface) and "보다" not in clause.surface:
        return None
    disliking = verb in ("싫어하", "싫", "질색", "극혐", "혐오", "별로", "무서워하", "무섭")
    if clause.denied:
        if disliking or (verb == "좋" and not re.search(r"안\s*좋아(?!지)", clause.surface)):
            return None
        return _taste("dislike", f"{with_particle(what, '을/를')} 좋아하지 않는다.", clause, start)
    if disliking:
        told = "무서워한다" if verb in ("무섭", "무서워하") else "싫어한다"
        if verb == "무섭" and not clause.named:
            return None
        return _taste("dislike", f"{with_particle(what, '을/를')} {told}.", clause, start)
    told = "즐긴다" if verb == "즐기" else "좋아한다"
    if verb == "즐겨":
        told = plain([("즐겨", "MAG"), (clause.morphemes[index + 1].form, "VV")])
    return _taste("like", f"{with_particle(what, '을/를')} {told}.", clause, start)


def _thing_named_before(clause: Clause, index: int, setting: Setting) -> tuple[str, int] | None:
    """What the clause before was about, where this one says only that he likes it: `귤 한 박스 먹었어 완전 좋아해`."""
    before = setting.before
    alone = all(m.tag in ("MAG", "IC", "NP", "JX", "MAJ") for m in clause.morphemes[:index])
    if before is None or not alone or before.question or before.retold or not before.own:
        return None
    first = [m for m in before.morphemes if m.tag not in ("IC", "MAJ", "MAG") and m.form not in ("나", "저", "난")]
    nouns = list(itertools.takewhile(lambda m: m.tag in ("NNG", "NNP", "SL", "XSN"), first))
    if (
        not nouns
        or nouns[0].form in DEICTIC | PEOPLE | {"오늘", "어제", "내일", "주말"}
        or any(m.tag == "VCP" for m in before.morphemes)
    ):
        return None
    return clause.text[nouns[0].start : nouns[-1].end], nouns[0].start


def _fond(clause: Clause, index: int) -> bool:
    """Whether `좋다` is said of what he likes and not of what is good today."""
    before = clause.morphemes[index - 1]
    return (
        (clause.named and before.tag == "JKS")
        or bool(re.search(r"(?:제일|가장|젤|훨씬|더|무조건|역시)\s*좋", clause.surface))
        or (before.tag == "JX" and before.form in ("은", "는") and bool(re.search(r"[는은]데", clause.surface)))
    )


def _taste(slot: str, text: str, clause: Clause, start: int) -> Proposal:
    return Proposal("preference", slot, text, clause.quote(start))


_EAT = re.compile(
    r"(?:^|(?<= ))(?P<not>못|안|절대/MAG 안|아예/MAG 안)/MAG (?P<v>먹|마시|보|타|듣|입|신)/VV (?P<rest>.*)$"
)
_EAT_VERB = {
    "먹": ("먹지 않는다", "못 먹는다"),
    "마시": ("마시지 않는다", "못 마신다"),
    "보": ("보지 않는다", "못 본다"),
    "타": ("타지 않는다", "못 탄다"),
    "듣": ("듣지 않는다", "못 듣는다"),
    "입": ("입지 않는다", "못 입는다"),
    "신": ("신지 않는다", "못 신는다"),
}


def eats_not(clause: Clause, setting: Setting) -> Proposal | None:
    """`오이 못 먹어`, `무서운 거 못 봐`."""
    if (
        not clause.own
        or past(clause)
        or passing(clause)
        or any(m.form in KIN | PARTNERS | FRIENDS for m in clause.morphemes if m.tag[0] == "N")
    ):
        return None
    match = _EAT.search(clause.tagged)
    if match is None or "/ETM " in match["rest"] or not _TAIL.match(match["rest"]):
        return None
    index = clause.offsets.index(match.start("not"))
    thing = thing_before(clause, index)
    if thing is None or thing[0].split()[-1] in _MEALS or any(m.form in _MEALS for m in clause.morphemes[:index]):
        return None
    unable = match["not"] == "못"
    if match["v"] in ("보", "타", "듣", "입", "신") and not (
        unable and (clause.named or re.search(r"무서|높|놀이|공포|매운|귀신|피|징그", clause.surface))
    ):
        return None
    return _taste("dislike", f"{with_particle(thing[0], '을/를')} {_EAT_VERB[match['v']][unable]}.", clause, thing[1])


def _thing(clause: Clause, words: str) -> bool:
    last = words.split()[-1] if words.split() else ""
    return (
        is_noun(clause, words)
        and words not in DEICTIC
        and words.split()[0] not in DEICTIC
        and not _WEAK.search(words)
        and last not in PEOPLE
    )


_LEAD = r"^(?:(?:나는|난|나|저는|전|저|내가|제가|요즘|역시|근데|사실|참고로|아|진짜|완전|원래|이제|여름엔|겨울엔|비오는\s?날엔|뭐니뭐니해도|무조건)\s+)*"
_OK = {"x": _thing}
_IS = r"(?:이야|야|임|이에요|예요|에요|입니다|이고|인데|이다|지|이지|이거든|거든|이라|라|라서|이라서)(?:요)?"
_TEAMS = r"(?:두산|엘지|LG|기아|KIA|롯데|삼성|한화|키움|넥센|SSG|쓱|NC|엔씨|KT|케이티|전북|울산|FC서울|수원삼성|토트넘|맨유|맨시티|리버풀|아스날|첼시|바르샤|레알|바이에른|티원|T1|젠지)"


def _l(looks: str, text: str, **more: object) -> Frame:
    return typed("like", looks, text, **more)


RULES: list[Rule] = [
    typed("like", r"(?:좋아하는|최애)\s*(?P<n>[가-힣]{1,6}?)\s*(?:은|는|이|가|건)\s+(?P<x>[가-힣A-Za-z0-9 ]{1,15}?)(?:이야|야|임|이에요|예요|에요|입니다|이고|인데|이다|지|이지)(?:요)?$", "좋아하는 {n:은} {x:이다}.", unless=r"(?:걔|너|친구|엄마|아빠|동생)(?:가|이)?\s|싫어|좋아하는\s*(?:사람|애|거\s*알)|알지|뭐라", where={"x": lambda c, x: x not in DEICTIC | PEOPLE, "n": lambda c, n: n not in ("사람", "애")}, start=""),
    _l(r"^(?:(?:난|나|나는|저는|저|전|아|근데|사실|예전부터|어릴\s?때부터)\s+)*(?P<x>[가-힣A-Za-z0-9]{1,12}(?:\s[가-힣A-Za-z0-9]{1,8})?)\s*(?:덕후|오타쿠|마니아|매니아|처돌이|성애자|러버|귀신|킬러|중독자?|입덕)(?:이야|야|임|이에요|예요|입니다|이라|라|거든|이거든|인게|이고|인데|했|함|$)", "{x:을} 무척 좋아한다.", unless="알코올|게임에서|꿈|무서|팬미팅|왔|일\\s*중독", where={"x": lambda c, x: x not in DEICTIC and x not in PEOPLE and x.split()[0][-1] not in "는은고"}),
    _l(r"^(?:(?:난|나|나는|저는|저|전|아|근데|사실|예전부터|어릴\s?때부터|내가)\s+)*(?P<x>[가-힣A-Za-z0-9]{1,12}(?:\s[가-힣A-Za-z0-9]{1,8})?)\s*(?:광팬|찐팬|골수팬|오랜\s?팬|열성팬|왕팬|팬)(?:이야|야|임|이에요|예요|입니다|이라|라|거든|이거든|인게|이고|인데|$)", "{x} 팬이다.", unless="팬미팅|왔|이다며", where={"x": lambda c, x: x not in DEICTIC and x not in PEOPLE and x.split()[0][-1] not in "는은고"}),
    _l(r"^(?:(?:야구|축구|농구|배구|롤|롤은)(?:는|은)?\s*)(?P<x>[가-힣A-Z]{2,6}?)(?:지|이지|야|파|팬)$", "{x} 팬이다.", start="x"),
    _l(rf"(?P<x>{_TEAMS})\s?(?:이글스|트윈스|베어스|라이온즈|타이거즈|자이언츠|히어로즈|위즈|다이노스|랜더스)?\s?팬", "{x} 팬이다.", unless="접었|그만"),
    typed("dislike", r"^(?:나|난|이제)?\s*(?P<x>[가-힣A-Z]{2,8})\s*(?:팬|덕질|입덕|탈덕)\s*(?:접었|그만뒀|끊었|접음|탈덕했)", "{x} 팬을 그만두었다.", instead_of="{x}"),
    _l(rf"{_LEAD}(?P<x>[가-힣]{{2,5}}파)(?:{_IS})?$", "{x:이다}.", unless="노력파|실력파|개성파|한파|전파|파파|인파|얼리|연기파", where={"x": lambda c, x: x[:-1] not in ("한", "양", "좌", "우", "전", "문", "음", "초음", "소", "대", "아", "슬") and x[-2] not in "아고바슬나"}),
    _l(r"^(?:[가-힣]+(?:은|는|엔|중엔|중에는)\s+)?(?:역시\s+|무조건\s+|뭐니뭐니해도\s+)?(?P<x>(?:[가-힣A-Za-z]{1,6}\s)?[가-힣A-Za-z]{1,8}?)(?:가|이)\s*(?:진리|최고|최애|갑|제일\s*(?:좋|맛있)|젤\s*(?:좋|맛있)|짱)(?:야|지|이지|임|다|이야|아|음|어|예요|이다|이에요|더라|라고\s?생각)?(?=\s|$)", "{x:을} 좋아한다.", where=_OK, unless="오늘|너|오로라|네가|니가|언니|오빠|여기|진짜\\s*최고|날씨|이\\s*집|경치|내집|내\\s*집|우리|집이\\s*최고|건강이|월급|휴일|방학|퇴근"),
    _l(r"^(?:[가-힣]{1,4}\s)?(?:계절|과일|음식|색|색깔|커피|술|안주|치킨|피자|라면|떡볶이|영화|음악|노래|장르|고기|회|아이스크림|과자|빵|날씨|차|여행지|운동|운동은|간식|디저트|음료|맥주|소주|국물)(?:은|는|하면|이면|중엔|중에는|중에선)\s*(?:역시\s*|무조건\s*|당연히\s*|그래도\s*|나는\s*)*(?P<x>(?:[가-힣]{1,6}\s)?[가-힣A-Za-z]{1,8}?)(?:이지|지|이다|야|이야|파|파지|파야|임|이죠|죠)$", "{x:을} 좋아한다.", where=_OK, unless="오늘|어제|뭐|먹을까|어디"),
    _l(rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z]{{1,6}}\s)?[가-힣A-Za-z]{{2,10}}?)(?:은|는|이|가|을|를)?\s*(?:완전\s*|진짜\s*|너무\s*)?(?P<v>사랑해|사랑한다|사랑함|애정해|애정함|환장해|환장함|환장하|못\s*참지|못\s*참아|못참음)(?:요)?$", "{x:을} 좋아한다.", where=_OK, denied=None, unless="너|오로라|언니|오빠|여러분|엄마|아빠"),
    _l(rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z]{{1,6}}\s)?[가-힣A-Za-z]{{2,10}}?)(?:이|가)?\s*(?:없인|없이는|없이|없으면)\s*(?:하루도\s*)?못\s?(?:살|견|버)", "{x} 없이는 못 산다.", denied=None, where=_OK, unless="너|엄마|사람|돈|니가|네가"),
    _l(rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z]{{1,6}}\s)?[가-힣A-Za-z]{{1,10}}?)에\s*(?:완전\s*|푹\s*|또\s*|요즘\s*|제대로\s*|미친듯이\s*)*(?:빠져|빠졌|빠짐|꽂혀|꽂혔|꽂힘|미쳐\s*있|진심이|환장)", "{x}에 빠져 있다.", where=_OK, unless="사랑에|함정|물에|고민|생각|슬픔|너한테"),
    _l(rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z]{{1,6}}\s)?[가-힣A-Za-z]{{2,10}}?)(?:은|는)\s*(?:완전\s*)?(?:없어서\s*못\s*먹|하루\s*세\s?끼도|매일\s*먹(?:을\s*수|어도)|맨날\s*먹어도)", "{x:을} 좋아한다.", where=_OK, denied=None),
    _l(rf"{_LEAD}(?P<x>[가-힣A-Za-z 0-9]{{2,18}}?(?:는\s?(?:게|거|것이|맛이)|기가|기))\s*(?:유일한\s*)?(?:낙|취미|재미|행복|힐링|소확행)(?:이야|야|이에요|예요|임|이지|이다|입니다)", "{x} 낙이다.", unless="취미가|없"),
    _l(rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{2,10}})만\s*(?:먹어|먹음|마셔|마심|들어|들음|봐|봄|읽어|읽음|파(?=\s|$)|팜|파고|사$|입어)(?:요)?$", "{x}만 찾는다.", where=_OK, unless="오늘|요즘|하루\\s?종일|지금|엄마|내내|눈치만|말만|내말|커피만\\s*타|하나만|조금만|잠만|물만|걔", tense="now"),
    _l(rf"{_LEAD}(?P<x>[가-힣A-Za-z ]{{2,14}}?)\s*(?P<y>[가-힣0-9]{{1,3}}\s?년\s?째|[가-힣]{{1,2}}십년째|어릴\s?때부터|매일|맨날)\s*(?:듣|들어|보는|봐|먹어|먹는|마셔|챙겨|덕질|모으|모아|응원)", "{x:을} {y} 즐긴다.", where=_OK, tense="now", unless="약|밥|눈치|잔소리|소리", denied=None),
    _l(rf"{_LEAD}(?P<x>[가-힣A-Za-z]{{2,8}}\s(?:콘서트|공연|뮤지컬|경기|직관|전시))(?:를|을)?\s*(?P<y>[가-힣0-9]{{1,2}}\s?번)\s*(?:감|갔|봤|봄|다녀)", "{x:을} {y} 갔다.", tense=""),
    typed("like", rf"{_LEAD}(?P<a>[가-힣A-Za-z]{{2,8}})\s*(?:아니고|말고|보다|보단|보다는)\s*(?:무조건\s*|역시\s*|당연히\s*)*(?P<x>[가-힣A-Za-z]{{2,8}}?)(?:파|이지|지|이야|야|임|이\s*좋|가\s*좋|이\s*더\s*좋|가\s*더\s*좋|$)", "{a}보다 {x:을} 좋아한다.", where={"x": _thing, "a": _thing}, denied=None, about="named", start="a", unless="강아지\\s*아니고|걔"),
    typed("dislike", rf"{_LEAD}(?:[가-힣]+\s*중에?(?:는|선|서는)?\s*)?(?P<x>(?:[가-힣A-Za-z]+\s){{0,2}}?[가-힣A-Za-z]{{1,10}}?)(?:만|은|는|이|가|이라면|라면)?\s*(?:[가-힣]+(?:에|로|게|서)\s+)*(?:진짜\s*|완전\s*|너무\s*|딱\s*)?(?P<v>질색|극혐|시러|극도로\s*싫어함|딱\s*질색|혐오|노답|싫어함|못\s*참겠)(?:이야|임|해|함|이다|한다|하는|이라|이고|합니다|$)", "{x:을} 싫어한다.", where=_OK, denied=None, unless="오늘|출근|학교|과제|회식이래|월요일|하기\\s*시러|가기\\s*시러|기\\s?시러"),
    typed("dislike", rf"{_LEAD}(?P<x>[가-힣A-Za-z ]{{2,14}}?)(?:은|는|이|가)?\s*(?:제일|가장|젤)\s*(?:싫|무서|못\s?참|질색|혐오)", "{x:을} 가장 싫어한다.", where=_OK, about="any", unless="오늘|너|니가|네가|그게|이게"),
    typed("dislike", rf"{_LEAD}(?P<x>(?:사람\s*많은|시끄러운|높은|좁은|어두운|매운|뜨거운|단|짠|느끼한|비린|무서운|징그러운|벌레\s*많은|더운|추운|습한|깊은)\s?(?:데|곳|거|것|음식|장소|영화|방|건))(?:은|는|이|가|도|를|을)?\s*(?:[가-힣]+(?:면|서)\s+)*(?:진짜\s*|너무\s*|완전\s*|잘\s*|별로\s*|딱\s*)*(?:싫|질색|무서|못\s?(?:참|견|봐|보)|극혐|안\s*좋아|별로|힘들)", "{x:을} 싫어한다.", denied=None, about="any", unless="오늘|여기"),
    typed("dislike", rf"{_LEAD}(?P<x>(?:[가-힣]{{1,6}}\s)?[가-힣]{{2,6}}?)(?:은|는|이|가|만|도)?\s*(?:진짜\s*|원래\s*|도저히\s*|절대\s*)*(?:못\s*먹겠|입에도\s*못|손도\s*안|입에\s*안\s*(?:맞|대)|냄새도\s*싫|쳐다도\s*안|쳐다보기도)", "{x:을} 못 먹는다.", denied=None, where=_OK),
    _l(rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z]{{1,6}}\s)?[가-힣A-Za-z]{{2,10}}?)(?:이면|라면|만\s?보면|만\s?있으면|하면)?\s*(?:사족을?\s?못|정신을?\s?못\s?차|껌뻑|사족\s?못)", "{x:을} 무척 좋아한다.", denied=None, where=_OK),
    _l(r"^(?:내\s*|제\s*|나의\s*)?(?P<w>인생\s?(?:영화|책|드라마|노래|만화|게임|웹툰|맛집|작품|애니)|최애\s?[가-힣]{0,5}|취향|이상형|좋아하는\s?(?:가수|배우|작가|팀|감독|음식|색|계절))(?:은|는|이|가)\s*(?:역시\s*|무조건\s*|단연\s*)?(?P<x>[가-힣A-Za-z0-9 ]{1,16}?)(?:이야|야|임|이지|지|이에요|예요|입니다|이고|인데|이다)(?=\s|$)", "{w:은} {x:이다}.", unless="너|뭐|누구|걔", start="w"),
    _l(rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z]{{1,6}}\s)?[가-힣A-Za-z]{{2,10}}?)(?:을|를|도)?\s*(?:덕질|입덕|즐겨\s?(?:보|봐|먹|듣|들|읽|마)|자주\s?(?:먹|봐|들어|읽어|마셔)|완전\s?취향|챙겨\s?(?:봐|봄|보는))", "{x:을} 즐긴다.", where=_OK, tense="now", unless=r"오늘|약\s|밥|친구|너|끝|중\s?이야\s?방해|영양제"),
    _l(rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z]{{1,6}}\s)?[가-힣A-Za-z]{{1,8}}?)(?:은|는|도|을|를)?\s*(?:엄청\s*|진짜\s*|완전\s*|되게\s*)*(?:잘\s?먹(?:어|음|는|지|거든|어요)|환장해|미쳐|달고\s*살)", "{x:을} 좋아한다.", where=_OK, about="named", tense="now", unless=r"밥|오늘|약|아무거나|뭐든|다\s*잘"),
    typed("dislike", rf"{_LEAD}(?P<x>(?:[가-힣A-Za-z]{{1,6}}\s)?[가-힣A-Za-z]{{2,8}}?)(?:은|는|이|가|에|한테)?\s*(?:진짜\s*|도저히\s*|절대\s*|아직도\s*)*(?:트라우마|못\s?참겠|못\s?견디|질렸|질려|치가\s?떨|안\s?땡|알레르기\s?수준|쥐약)", "{x:을} 싫어한다.", where=_OK, denied=None, about="any", unless="오늘|너|니가|성격|팀장|시간|우유|옷이|사이즈"),
    taste, eats_not,
]  # fmt: skip
