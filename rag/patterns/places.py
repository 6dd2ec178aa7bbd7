# ruff: noqa: E501 - a pattern is read better whole
"""Where the user lives and where he comes from."""

from __future__ import annotations

import re
from collections.abc import Callable

from rag.clauses import CITIES, Clause
from rag.memory import Proposal
from rag.patterns.engine import Rule, Setting, frame, past, typed
from rag.patterns.words import PLACE_NOUNS, is_place

_DURATION = r"(?:[^ /]+/(?:SN|NR|MM|NNG) )?(?:[^ /]+/NNB )?(?:째/XSN |동안/NNG |정도/NNG |넘/VV 게/EC )?"
_DWELLING = r"(?:원룸|투룸|쓰리룸|오피스텔|고시원|자취방|기숙사|반지하|옥탑방|옥탑|전셋집|월셋집|월세방|아파트|주택|빌라|주상복합|단독주택|전원주택|셰어하우스|쉐어하우스|하숙집|고시텔|관사|사택|임대아파트|행복주택|복층|본가|처가|친정|시댁|부모님\s?집|엄마\s?집|엄마집|할머니\s?집|할머니집|친구\s?집)"
_WITH = r"(?:룸메|룸메이트|부모님|엄마|아빠|할머니|할아버지|가족|가족들|언니|오빠|누나|형|동생|여동생|남동생|남친|여친|남자친구|여자친구|친구|남편|아내|와이프|시부모님|장모님|고양이|강아지|사촌|이모|고모|삼촌|아들|딸)"


def _place(clause: Clause, words: str) -> bool:
    return is_place(clause, _without_name(clause, words))


def _without_name(clause: Clause, words: str) -> str:
    """A place without what stands before it: `수빈 대전`, `4년째 안산`."""
    pieces = words.split()
    while (
        len(pieces) > 1
        and (pieces[-1] in CITIES or pieces[-1] in PLACE_NOUNS)
        and pieces[0] not in CITIES | PLACE_NOUNS
    ):
        pieces.pop(0)
    return " ".join(pieces)


_LIFE = re.compile(
    rf"(?:^|(?<= ))(?P<p>(?:[^ /]+/(?:NNG|NNP|SL|XR|XPN|XSN|NNB|MM) )+?)(?:(?:에|에서|서)/JKB )?(?:[ᆫ는도]/JX )?(?:[^ /]+/(?:MAG|IC|JX) |(?:요즘|지금|혼자|현재)/[A-Z]+ )*{_DURATION}"
    r"(?:[^ /]+/(?:MAG) |혼자/NNG )*(?P<v>살/VV |사/VV (?=는데/|는/|고/EC 있/VX |니까/)|(?:거주|자취|생활|하숙)/NNG (?:하/XSV |중/NNB |ᆷ/)|지내/VV )(?P<rest>.*)$"
)
_MOVED = re.compile(
    r"(?:^|(?<= ))(?P<p>(?:[^ /]+/(?:NNG|NNP|SL|XR|XPN|XSN|NNB|MM) )+?)(?:으로|로|에)/JKB (?:[^ /]+/(?:MAG|JX) |혼자/NNG )*(?P<v>이사/NNG (?:하/XSV |오/VV |가/VV |ᆷ/|$)|옮기/VV |내려오/VV |올라오/VV |이주/NNG 하/XSV |전입/NNG |독립/NNG 하/XSV |들어오/VV |돌아오/VV |오/VV )(?P<rest>.*)$"
)
_ENDING = re.compile(
    r"^(?:[^ /]+/(?:EP|EF|EC|ETN|JX|JKV|IC|SW|W_EMOJI|VX|MAG|NP|JKS|S[FPESW]) |중/NN[GB] |는/ETM (?=중/)|ᆫ/ETM 지/NNB (?:[^ /]+/[A-Z]+ )*|하/XSV )*$"
)


def home(clause: Clause, setting: Setting) -> Proposal | None:
    if not clause.own or clause.denied:
        return None
    was = past(clause)
    for looks in (_MOVED, _LIFE):
        match = looks.search(clause.tagged)
        if match is None or not _ENDING.match(match["rest"]):
            continue
        span = clause.span(match, "p")
        if span is None:
            continue
        part = list(clause.morphemes[span[0] : span[1]])
        while part and (
            part[0].form in ("지금", "요즘", "이제", "현재", "아직", "원래", "혼자", "본가") and len(part) > 1
        ):
            part.pop(0)
        words = clause.text[part[0].start : part[-1].end].strip()
        short = _without_name(clause, words)
        if not is_place(clause, short):
            continue
        start = clause.text.rfind(short, 0, part[-1].end)
        if looks is _MOVED:
            came = match["v"].startswith(("오/", "들어오/", "돌아오/", "옮기/"))
            if not was or (
                came
                and not re.search(r"이사|본가|이제|드디어|아예|지금은|완전", clause.text)
                and short not in PLACE_NOUNS
            ):
                continue
            return Proposal("fact", "home", f"{short}에서 산다.", clause.quote(start))
        if was:
            if not clause.named and not re.search(r"때|옛날|예전|어릴|년", clause.surface):
                continue
            return Proposal("fact", "past", f"{short}에서 살았다.", clause.quote(start))
        return Proposal("fact", "home", f"{short}에서 산다.", clause.quote(start))
    return None


_CHECK: dict[str, Callable[[Clause, str], bool]] = {"p": _place}
_BACK = r"(?:이야|야|임|이에요|예요|입니다|이고|고|이거든|거든|인데|이다|다|이라|라|이라서|라서|됨|됐어|됐다|이지|지)"

RULES: list[Rule] = [
    frame("hometown", "고향/N (은|이)/J? * p=N (이|야|ᆷ|요|이야)/.+ ", "고향은 {p:이다}.", where=_CHECK, about="own", start="p"),
    frame("hometown", "^ 고향/N (은|이)/J? * p=N $", "고향은 {p:이다}.", where=_CHECK, start="p"),
    frame("hometown", "p=N 출신/N $", "{p} 출신이다.", where=_CHECK | {"p": lambda c, p: _place(c, p) and not re.search(r"생$|과$", p)}, unless="맞춰|너|걔|오로라"),
    typed("hometown", r"^(?:나는|난|나|저는|전|저|저희는)\\s+(?:[가-힣]{1,3}\\s+)?(?P<p>[가-힣]{2,8})에서\\s*(?:왔어요|왔습니다|온\\s?사람|왔거든|이민\\s?왔|유학\\s?왔)", "{p}에서 왔다.", where=_CHECK),
    frame("hometown", "^ p=N (에서|서)/J * (태어나|나|자라)/V ", "{p}에서 태어났다.", where=_CHECK, unless="지 않|살다"),
    typed("hometown", rf"^(?:(?:아|근데|정확히는|나는|난|저는|나|저|사실|원래)\s+)*(?P<s>태어난\s*(?:곳은|데는|건|곳이))\s*(?P<p>[가-힣]{{2,6}}?){_BACK}(?=\s|$)", "고향은 {p:이다}.", where=_CHECK, start="s"),
    typed("hometown", rf"^(?:나|난|저|저는|나는|전)\s+(?:원래\s+|완전\s+)?(?P<p>[가-힣]{{2,4}})\s*(?:사람|토박이|출생|태생){_BACK}?(?=\s|$)", "고향은 {p:이다}.", where=_CHECK),
    typed("home", rf"(?:^|\s)(?P<p>[가-힣]{{2,4}}?)\s?(?:시민|주민|도민|구민){_BACK}(?:요)?$", "{p}에서 산다.", unless="너|걔|다들"),
    typed("home", rf"^(?:(?:아니|나|난|저|저는|나는|이제|드디어|요즘|아)\s+)*(?:지금은|지금|현재는|이젠|이제는)\s*(?P<p>[가-힣]{{2,5}}?){_BACK}(?=\s|$)", "{p}에서 산다.", where=_CHECK, unless="여행|출장|놀러"),
    home,
    frame("home", "집/N (은|이)/J? * p=N (쪽|근처)/N? (이|야|거든)/(VCP|JKV|EC|JX)", "{p}에서 산다.", where=_CHECK, start="p"),
    typed("home", rf"^(?:(?:나는|난|나|저는|전|저|내가|제가|이번에|지금|이제|요즘|드디어|사실|혼자|거의)\s+)*(?P<x>{_DWELLING})(?:에서|에|으로|로)?\s*(?:혼자\s*|얹혀\s*|들어와\s*|들어가\s*)?(?:사는데|살아|산다|살거든|살고|사는\s*중|삼$|옮겼|옮김|이사했|구했|구함|생활|들어왔|들어갔|들어와|얻었|계약했|입주했)", "{x}에서 산다.", about="any", unless="친구가|걔|살았|(?:엄마|아빠|언니|오빠|누나|동생|형|할머니|남친|여친)(?:는|은|이|가)\\s"),
    typed("home", rf"^(?:(?:나는|난|나|저는|전|저|여긴|우리집|우리\s집|우리집은|집이)\s+)*(?P<x>{_DWELLING})(?:이라|이야|이라서|인데|임|이에요|야|라|라서)(?=\s|$)", "{x}에서 산다.", unless="친구|걔"),
    typed("home", r"(?:^|\s)(?P<x>자취|독립|하숙)(?:해|함|한다|하는데|하고|중|한\s*지|한지|했어|하거든|합니다|해요|해서|시작했)", "{x}한다.", unless="하는\\s*(?:애|사람|친구)|싶|고민"),
    typed("home", rf"^(?:(?:나는|난|나|저는|전|저|지금|요즘|아직|우리)\s+)*(?P<x>{_WITH}(?:이랑|랑|하고|과|와)?\s?(?:{_WITH}(?:이랑|랑|하고|과|와)\s?)?(?:같이|둘이|둘이서|셋이|함께|넷이)?)\s*(?:살아(?!계)|산다|살고|사는데|살거든|사는\s*중|삼$|살아요|삽니다|사는데요)", "{x} 산다.", unless="살고\\s*싶"),
    typed("home", r"^(?:나|난|저|저는|나는|전|내가)\s+(?:지금\s+|요즘\s+)?(?P<x>혼자)\s*(?:살아|산다|살고\s*있|사는데|산\s*지|산지|살거든|삼$)", "{x} 산다."),
    typed("home", r"^(?P<x>혼자)\s*산\s*지\s*(?:\d|[가-힣]{1,2}\s?(?:년|달))", "{x} 산다."),
    frame("home", "^ 집/N (을)/J? (나오)/V (었)/E $", "집을 나왔다.", about="named"),
]  # fmt: skip
