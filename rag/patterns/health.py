# ruff: noqa: E501 - a pattern is read better whole
"""The user's body: illnesses, allergies, injuries, operations, drugs."""

from __future__ import annotations

import re

from rag.clauses import KIN, PARTNERS, PETS, Clause
from rag.memory import Proposal
from rag.patterns.engine import Frame, Rule, Setting, passing, typed
from rag.patterns.words import BODY, ILLNESS, NO_ILLNESS
from rag.phrasing import with_particle

_LEAD = r"^(?:(?:나는|난|나|저는|전|저|내가|제가|근데|사실|저는\s사실|참고로|원래|어릴\s?때부터|요즘|아|실은|심한|만성|선천적으로|선천성|내|제|결국|오늘|어제|이번에|작년에|올해|지난달에|병원\s?갔더니|병원에서|검사했더니|지난주에)\s+)*"
_STAGE = r"(?:\s?(?:초기|말기|중기|[1-4]기|증상|증세|의심))?"
_IS = r"(?:이|가|을|를|도|은|는|로|으로|때문에|라|이라)?\s*(?:좀\s*|심하게\s*|살짝\s*|엄청\s*|많이\s*|[가-힣0-9]{1,3}년째\s*|몇\s*년째\s*|너무\s*)*"


def _not_he(clause: Clause) -> bool:
    return any(m.form in PETS | KIN | PARTNERS for m in clause.morphemes if m.tag[0] == "N") or bool(
        re.search(r"친구|걔|선배|팀장|부장|연예인", clause.surface)
    )


def _lasting(clause: Clause, words: str) -> bool:
    return not NO_ILLNESS.search(words) and not re.search(r"장염$", words)


_ALLERGY = re.compile(
    r"(?P<x>[가-힣A-Za-z]{1,8}(?:\s[가-힣]{1,4})?)\s*(?:알레르기|알러지)(?:가|도|는)?\s*(?:있|심|임|이야|야|예요|이에요|생겼|이라|라서|라$|때문에|반응)"
)
_UPSETS = re.compile(
    rf"{_LEAD}(?P<x>[가-힣]{{1,8}}?)(?:을|를|만|은|는|이)?\s*(?:먹으면|마시면|먹으면은|먹고나면|마시기만\s*하면|먹기만\s*하면|만지면|맡으면)\s*(?:바로\s*|꼭\s*|항상\s*|무조건\s*|좀\s*|온몸에\s*)*(?P<v>두드러기|배탈|설사|배가\s*(?:아|뒤)|속이\s*(?:안|쓰|뒤|더부)|체해|체함|토해|토함|가려|목이\s*(?:붓|간지|부)|입이\s*(?:붓|간지)|얼굴이\s*(?:빨|붓)|화장실|머리가\s*아|심장이\s*(?:뛰|두근)|잠을?\s*(?:못|안)|탈\s?나|숨이)"
)


def allergy(clause: Clause, setting: Setting) -> Proposal | None:
    if _not_he(clause) or clause.retold or clause.question:
        return None
    words = clause.surface
    if (match := _ALLERGY.search(words)) and not clause.denied and clause.own:
        what = re.sub(r"^(?:나는|저는|나|저|난|전|내가|제가|근데|사실|심한)\s*", "", match["x"]).strip()
        if what and not passing(clause):
            start = clause.start + match.start("x") + match["x"].find(what)
            return Proposal("fact", "health", f"{what} 알레르기가 있다.", clause.quote(start))
    return None


def upset(clause: Clause, setting: Setting) -> Proposal | None:
    """`새우 먹으면 두드러기 올라와`: a supposition in form, a fact in meaning. Reads on behind the clause."""
    rest = clause.text[clause.start :]
    match = _UPSETS.match(rest)
    if (
        match is None
        or clause.question
        or clause.retold
        or re.search(r"너|친구|엄마|아빠|고양이|강아지", rest[: match.end()])
        or passing(clause)
    ):
        return None
    if match["x"] in ("약", "뭐", "많이", "그거", "이거", "밥", "술") and match["x"] != "술":
        return None
    end = re.search(r"[.!?~…\n,]|$|\s(?=유당|그래서|근데|진짜)", rest[match.end() :])
    stop = match.end() + (end.start() if end else 0)
    quote = rest[match.start("x") : stop].strip(" .,!?~…ㅋㅎㅠㅜ")
    deed = (
        "마시면"
        if "마시" in match[0]
        else "먹으면"
        if "먹" in match[0]
        else "만지면"
        if "만지" in match[0]
        else "맡으면"
    )
    return Proposal("fact", "health", f"{with_particle(match['x'], '을/를')} {deed} 몸이 탈 난다.", quote)


_DIAGNOSED = re.compile(
    rf"{_LEAD}(?:[가-힣]+에\s+|병원에서\s*)?(?P<x>{ILLNESS}{_STAGE})(?:이|가)?\s*(?:이래|래|이래요|래요|이라고|라고|이라네|라네|진단|판정|확진)"
)


def diagnosis(clause: Clause, setting: Setting) -> Proposal | None:
    """`나 위염 초기래`: told as heard from the doctor, and his own all the same."""
    match = _DIAGNOSED.match(clause.surface)
    if match is None or _not_he(clause) or clause.denied or not clause.own or not _lasting(clause, match["x"]):
        return None
    text = (
        f"{match['x'].strip()} 진단을 받았다."
        if "진단" in match[0] or "판정" in match[0]
        else f"{with_particle(match['x'].strip(), '이다/다')}."
    )
    return Proposal("fact", "health", text, clause.quote(clause.start + match.start("x")))


def _body(looks: str, text: str, **more: object) -> Frame:
    return typed(
        "health",
        looks,
        text,
        unless=rf"{more.pop('unless', '친구')}|친구|엄마|아빠|오빠|언니|누나|동생|남편|할머니|할아버지|강아지|고양이|우리\s*애|아들|딸",
        **more,
    )


_SURGERY = r"(?:라식|라섹|스마일라식|맹장|쌍수|쌍꺼풀|코|디스크|허리|무릎|십자인대|편도|치질|제왕절개|심장|위|대장|갑상선|자궁|백내장|임플란트|사랑니|탈장|담낭|쓸개|눈|교정|양악|어깨|손목|발목|모발이식|용종)"
_LIMB = r"(?:발목|손목|팔|다리|허리|무릎|어깨|손가락|발가락|갈비뼈|쇄골|코뼈|인대|발등|팔꿈치|척추|꼬리뼈|아킬레스건|십자인대)"
_LONG = r"(?:안\s?좋|나쁘|나빠|약하|약해|약함|부실|망가|고장|시원찮|아파서?\s*(?:고생|약|치료)|아픈\s*지|아프기)"

RULES: list[Rule] = [
    allergy, upset, diagnosis,
    _body(rf"{_LEAD}(?P<x>입원|수술|시술|조직\s?검사|항암|투석|재활|이식|방사선\s?치료|물리\s?치료|도수\s?치료)(?:을|를)?\s*(?:했어|했다|했음|함$|중|받았|받음|받고\s*있|받는\s*중|받아야|앞두고|해야\s*(?:돼|된대|한대|된다))", "{…}", unless=r"할머니|오늘\s*간단"),
    _body(rf"{_LEAD}(?P<x>{BODY}(?:이|가|에|을|를|쪽)?\s*(?:인대\s*|연골\s*|염증\s*|디스크\s*|뼈\s*)?(?:다쳤|다침|삐었|삐끗해서|접질|꿰맸|찢어|파열|터졌|나갔|염증|부어서|저려서|아파서|아픈\s*지|아픈지|혹이|물이\s*찼|금이|금\s*갔))", "{…}", unless=r"오늘|웃겨|너무\s*웃|책상"),
    _body(rf"{_LEAD}(?P<x>{ILLNESS}|{_LIMB}|깁스|감기|병|상처|수술\s?부위)(?:이|가|은|는|도|를|을)?\s*(?:이제\s*|다\s*|거의\s*|완전히\s*)*(?:나았|나음|완치|회복|풀었|풀음|괜찮아졌|좋아졌)", "{x:이} 나았다.", instead_of="{x}", unless="감기|너"),
    _body(rf"(?:^|\s)(?P<x>{ILLNESS})(?:\s?(?:환자|인|증상|보유자|재발|{_STAGE}))?{_IS}(?P<v>있(?!는\s*(?:사람|애))|앓|심해|심함|심하|심한|걸렸|걸림|생겼|생김|도졌|재발|달고|고생|투병|때문|이라|라서|라$|라\s|이야|야$|임$|인이라|인$|환자|예요|이에요|와서|왔)", "{x:이} 있다.", where={"x": _lasting}, unless="친구|걔|너|오늘|드라마|감기|있나|있냐|있으면|해볼"),
    _body(rf"{_LEAD}(?P<x>(?:공황|당뇨|혈압|고혈압|갑상선|우울증|수면|수면제|항암|심장|ADHD|천식|탈모|항우울|신경|피부과|정신과|신경과|호르몬|면역|고지혈|콜레스테롤|피임|철분|진통|위장|비염|알레르기|두통|편두통|관절|통풍|간|뼈|안정)\s?(?:약|제))(?:을|를)?\s*(?:[가-힣0-9]+\s){{0,2}}?(?P<v>먹|복용|타|처방|달고)", "{x:을} 먹는다.", unless="오늘|까먹|원래\\s*졸"),
    _body(rf"{_LEAD}(?P<x>(?:청각|시각|지체|언어|발달|지적|신장|안면|뇌병변)\s?장애(?:인)?|색맹|색약|난청|평발|고도근시|난시|짝눈|오십견|거북목|휜다리)(?:가|이)?\s*(?:있|야|인|예요|이에요|임|이라|라|이야)", "{x:이} 있다.", denied=None),
    _body(rf"{_LEAD}(?:[가-힣]+(?:하다가|하다|에서|에)\s+)*(?P<x>{_LIMB}(?:이|가|을|를|도)?\s*(?:부러|골절|삐|나갔|나감|파열|늘어|금\s?갔|금이|다쳐서\s*(?:깁스|수술)|다쳤))", "{…}", unless="친구|오늘\\s*회의"),
    _body(rf"{_LEAD}(?:[가-힣]+(?:하다가|하다|에서|에|져서|러져서)\s+)*(?P<x>깁스|반깁스|목발)(?:를|을)?\s*(?:했|함|하고|중|짚|풀)", "{x:을} 했다."),
    _body(rf"{_LEAD}(?P<x>{_SURGERY})(?:\s?수술)(?:을|를)?\s*(?:했|받았|받음|함$|한\s*지|해서|하고|받은)", "{x} 수술을 했다."),
    _body(rf"{_LEAD}(?P<x>라식|라섹|임플란트|치아\s?교정|교정|쌍수|모발이식|보청기|의족|인공와우|페이스메이커)(?:을|를)?\s*(?:했|함|해서|한\s*지|중|하고(?!\s*나)|받았|끼|껴|하는\s*중)", "{x:을} 했다.", unless="할까|안내"),
    _body(rf"{_LEAD}(?P<x>{BODY}(?:이|가)?\s*(?:원래\s*|좀\s*|많이\s*|워낙\s*|진짜\s*|요즘\s*)*{_LONG})", "{…}", denied=None, unless="오늘|너|기분"),
    typed("family", rf"{_LEAD}(?P<x>임신)\s?(?:했|중|함$|\d+주|[가-힣0-9]+\s?개월|이래|초기|이야)", "{x}했다.", about="named"),
    typed("family", rf"{_LEAD}(?P<x>임신\s?(?:\d+주|[가-힣0-9]+\s?개월)(?:차)?)", "{x:이다}.", unless="너"),
    _body(rf"{_LEAD}(?P<x>(?:소화(?:가|를)?\s*잘\s*안\s*(?:되|돼)|잠을?\s*(?:잘\s*)?(?:못\s*자|안\s*와)서?\s*(?:약|병원|수면제)|혈압이?\s*(?:높|낮)|콜레스테롤(?:이)?\s*높|시력이?\s*(?:마이너스|-)|생리통(?:이)?\s*심|간\s?수치(?:가)?\s*높|혈당(?:이)?\s*높|면역력이?\s*약|눈이\s*(?:나빠|안\s*좋)|귀가\s*(?:안\s*들|잘\s*안)))", "{…}", denied=None, unless="오늘|너"),
    _body(rf"{_LEAD}(?P<x>(?:커피|카페인|술|우유|밀가루|유제품|매운\s?거|찬\s?거|날\s?거|알코올|글루텐)(?:이|가|은|는|에|이랑|을|를)?\s*(?:한\s?잔만?\s*마시면\s*|먹으면\s*|마시면\s*)?(?:몸에\s*)?(?:안\s?받|안\s?맞|못\s?받|약해|취약|예민|알레르기))", "{…}", denied=None, unless="너|오늘"),
    _body(rf"{_LEAD}(?P<x>{BODY}(?:에|이|가|때문에|아파서|쪽)?\s*(?:[가-힣]+\s)*(?:병원|안과|치과|정형외과|한의원|정신과|신경과|이비인후과|재활|물리치료|도수치료|치료|상담)(?:을|를|에|도)?\s*(?:다녀(?!왔)|다니|다님|받고|받는|중))", "{…}", tense="now"),
    _body(rf"{_LEAD}(?P<x>(?:정신과|심리|상담|우울증|항암|재활|물리|도수|방사선|호르몬|교정|피부과)\s?(?:치료|상담|센터)?(?:을|를|에)?\s*(?:받고\s*있|받는\s*중|다니고\s*있|다니는\s*중|다녀(?!왔|오)|다닌\s*지|받은\s*지))", "{…}"),
]  # fmt: skip
