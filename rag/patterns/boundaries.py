# ruff: noqa: E501 - a pattern is read better whole
"""What she must not do or bring up, and how she is to speak."""

from __future__ import annotations

import re

from rag.clauses import Clause
from rag.memory import Proposal
from rag.patterns.engine import Rule, Setting
from rag.patterns.words import DEICTIC
from rag.phrasing import with_particle

_DO_NOT = r"(?:지\s*(?:마|말아|말라|마라|마요|마세요|말아요|말아줘|말아주|말자|말고|말기|말았으면|않았으면|않으면|않기)|지마|지\s*말|금지)"
_ADVERBS = r"(?:이제\s*|그만\s*|다시는\s*|다신\s*|절대로?\s*|제발\s*|앞으로\s*|또\s*|나한테\s*|저한테\s*|내\s*앞에서\s*|자꾸\s*|너무\s*|좀\s*)*"
_TOPIC = re.compile(
    rf"(?P<x>[가-힣A-Za-z0-9 ]{{1,24}}?)\s*(?P<w>얘기|이야기|얘긴|이야긴|말|언급|질문|소리|농담|스포|스포일러|드립|장난|비교|칭찬|지적|잔소리|조언|충고)(?:는|은|를|을|도|좀|ㄴ)?\s*{_ADVERBS}"
    rf"(?:(?:하|꺼내|묻|들먹이|치|주|거|걸|던지){_DO_NOT}|하지마|안\s*(?:했으면|꺼냈으면|하면\s*안|해줬으면|해\s*줬으면)|그만(?:해|\s*하|\s*좀|둬|\s|$)|금지|사절|삼가|노노|듣기\s*싫)"
)
_MENTION = re.compile(
    rf"(?P<x>[가-힣A-Za-z0-9 ]{{1,18}}?)(?:은|는|을|를|에\s*대해(?:서|선)?|냐고|라고|인지)?\s*{_ADVERBS}(?P<v>언급하|물어보|묻|캐묻|물|건드리){_DO_NOT}"
)
_CALL = re.compile(
    rf"(?P<x>[가-힣A-Za-z]{{1,8}}?)(?:이라고|라고|이라|라)\s*(?:는\s*|좀\s*|그만\s*)?(?P<v>부르|하){_DO_NOT}"
)
_DEED = re.compile(
    rf"(?P<x>[가-힣A-Za-z0-9ㄱ-ㅎ ]{{2,28}}?(?:는\s?거|는거|는\s?것|는\s?짓|기|때는?|때|할땐|할\s?땐|면|라고|다고|냐고|자고|만|로))(?:는|은|를|을|좀)?\s*{_ADVERBS}(?P<v>[가-힣 ]{{0,10}}?{_DO_NOT}(?:\s?(?:줘|주라|주세요|줄래|주면\s?안\s?돼|그냥\s*들어\s?줘))?)"
)
_SPEECH = re.compile(
    r"(?P<x>반말|존댓말|(?<!반)존대|높임말|사투리|영어|이모티콘)(?:로|을|를|은|는)?\s*(?:좀\s*|제발\s*|그만\s*)?(?P<v>해\s*줘|해줘|해\s*주|써\s*줘|써줘|써\s*주|하자|쓰자|해라|써라|하지\s*마|하지마|쓰지\s*마|하지\s*말|쓰지\s*말|쓰지마)"
)
_CASUAL = re.compile(r"(?P<x>말\s*(?:놓자|놔|놓아|편하게\s*해|편하게\s*하자|까자|트자)|편하게\s*말해)")
_WISH = re.compile(
    r"(?P<x>(?:내가|나)\s*[가-힣 ]{2,14}?(?:자고\s*하면|때|때는|땐|하면|다고\s*하면|면))\s*(?:그냥\s*|꼭\s*|조용히\s*)*(?P<y>(?:들어\s*줘|안아\s*줘|들어주기만\s*해|모른\s*척\s*해|혼자\s*(?:둬|냅둬|내버려)|말\s*걸지\s*마|위로만\s*해|칭찬해\s*줘|깨워\s*줘|말려\s*줘|혼내\s*줘|응원해\s*줘|달래\s*줘|위로해\s*줘|잡아\s*줘|토닥여\s*줘|잔소리\s*해\s*줘))"
)
_EMPTY = re.compile(
    r"^(?:엉뚱한|뭔|그런|이런|저런|무슨|딴|쓸데없는|헛|웃긴|거짓|이상한|말도\s*안\s*되는|무서운|걱정되는|막|그|이|걱정|말도|그만|됐고|야|너|네|웃기는|재미없는|나한테|뻔한|입에\s*발린|아무|하나도|다른)?\s*$"
)
_NO_DEED = re.compile(
    r"걱정|무리|웃기|포기|울|미안|신경|긴장|오해|가|자$|죽|무서워|부담|잊|까먹|실망|속상|힘들어|놀라|늦|아프|다치|먼저\s*자|기다리|사라지|떠나|장난\s*치|착각|하지\s*마\s*배|그러|그런|이러"
)
_STRIP = re.compile(
    r"^(?:(?:나한테|저한테|내\s*앞에서|우리|이제|제발|앞으로|다시는|나|저|난|너|오로라|근데|그리고|그러니까|있잖아|야|제가|내가|다음부터|진짜|부탁인데)\s+)+"
)


def boundary(clause: Clause, setting: Setting) -> Proposal | None:
    words = clause.surface
    if (
        re.search(r"(?:엄마|아빠|친구|팀장|부장|사장|선생님|의사)(?:님)?(?:이|가|한테|는|은)\s", words)
        and not re.search(r"나한테|내\s*앞", words)
        and clause.retold
    ):
        return None
    if (match := _CALL.search(words)) and match["x"] not in DEICTIC | {"뭐", "하지", "그만"}:
        verb = (
            "부르지 않기를"
            if match["v"] == "부르" or re.search(r"부를|부르", words[: match.start()])
            else "하지 않기를"
        )
        if match["v"] == "부르" or "부를" in words or "부르" in words:
            return _rule(
                f"{with_particle(match['x'], '이라고/라고')} {verb} 바란다.",
                clause,
                match.start("x") if "부를" not in words else 0,
            )
    if (match := _TOPIC.search(words)) and (told := _topic(clause, match)):
        return told
    if match := _MENTION.search(words):
        topic = _STRIP.sub("", match["x"].strip()).strip()
        if (
            len(topic) >= 2
            and topic not in DEICTIC | {"제발", "그만", "자꾸", "나한테", "계속", "그런 거", "그런거", "이유", "이런거"}
            and not re.search(r"솔로", topic)
        ):
            at = match.start("x") + match["x"].find(topic)
            return _rule(f"{with_particle(topic, '은/는')} 묻지 않기를 바란다.", clause, at)
    if match := _SPEECH.search(words):
        refused = bool(re.search(r"지\s*(?:마|말)|지마", match["v"]))
        if match["x"] in ("사투리", "영어", "이모티콘"):
            text = f"{with_particle(match['x'], '을/를')} {'쓰지 않기를' if refused else '쓰기를'} 바란다."
            return _rule(text, clause, match.start())
        polite = match["x"] != "반말"
        return _rule(
            "존댓말을 쓰기를 바란다." if polite != refused else "반말로 말하기를 바란다.", clause, match.start(), "말"
        )
    if match := _CASUAL.search(words):
        return _rule("반말로 편하게 말하기를 바란다.", clause, match.start(), "말")
    if match := _WISH.search(words):
        return _rule(
            f"{match['x']} {match['y']}라고 바란다.".replace("줘라고", "주기를")
            .replace("해라고", "하기를")
            .replace("마라고", "말기를"),
            clause,
            match.start("x"),
        )
    return _deed(clause)


def _rule(text: str, clause: Clause, at: int, instead_of: str = "") -> Proposal:
    return Proposal("boundary", "rule", text, clause.quote(clause.start + at), instead_of=instead_of)


def _topic(clause: Clause, match: re.Match[str]) -> Proposal | None:
    topic = _STRIP.sub("", match["x"].strip() + " ").strip()
    if match["w"] == "말" and topic.endswith(("반", "존댓", "높임", "그냥")):
        return None
    if (
        (_EMPTY.match(topic) and match["w"] not in ("스포", "스포일러", "잔소리", "비교", "지적", "조언", "충고"))
        or re.search(r"(?:말도|거짓|다른\s*사람한테|아무)$", topic)
    ) and (topic not in ("그", "이") or match["w"] not in ("얘기", "얘긴", "이야기")):
        return None
    if re.search(r"(?:잘|못|안)$|^(?:왜|뭐)", topic) or (
        match["w"] in ("말", "소리") and topic in ("그런", "이런", "그", "")
    ):
        return None
    at = match.start("x") + match["x"].find(topic)
    what = {"얘긴": "이야기", "얘기": "이야기", "이야긴": "이야기"}.get(match["w"], match["w"])
    what = "이야기를 꺼내지" if what == "이야기" else f"{with_particle(what, '을/를')} 하지"
    return _rule(f"{topic} {what} 않기를 바란다.".strip(), clause, at)


def _deed(clause: Clause) -> Proposal | None:
    words = clause.surface
    match = _DEED.search(words)
    if match is None:
        return None
    what = _STRIP.sub("", match["x"].strip() + " ").strip()
    himself = clause.named or re.search(r"나한테|내가|내\s|제가|자꾸|줘|주세요|줬으면|뭐라", words)
    if (
        (not himself and not re.search(r"(?:라고|다고)\s*$", match["x"]))
        or len(what) < 3
        or _NO_DEED.search(match["v"])
        or re.match(r"^(?:걱정|그런|이런|무리|이상한|웃기)", what)
    ):
        return None
    at = clause.start + match.start("x") + match["x"].find(what)
    deed = re.sub(
        r"\s*하?지\s*(?:마|말).*$|\s*하?지마.*$|금지.*$",
        "",
        words[match.start("x") + match["x"].find(what) : match.end()],
    ).strip()
    deed = re.sub(r"\s*묻$", " 묻", deed)
    text = f"{deed}지 않기를 바란다." if deed.endswith(("하", "묻", "돌리", "보내")) else f"{deed} 하지 않기를 바란다."
    return Proposal("boundary", "rule", text, clause.quote(at))


RULES: list[Rule] = [boundary]
