"""Recognises that a user wants something forgotten (`내 주소 잊어줘`) and finds what is meant. Nothing is done here:
the server asks first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.asking import slots_named
from rag.memory import Memory, normalise
from rag.morphology import content_words

_VERB = (
    r"(?:잊어|잊어\s*버려|지워|지워\s*버려|삭제\s*해"
    r"|까먹어|(?:기억에서|머리에서)\s*빼|없던\s*(?:일|걸|거)로\s*해|기억에서\s*지워|기억\s*하지\s*(?:마|말아))"
)
_PLEASE = r"(?:\s*(?:줘|줄래|주라|주세요|주실래요|줄\s*수\s*있(?:어|니|나요|어요)|달라고|라|요|줬으면\s*(?:해|좋겠다|좋겠어)))?"
AFTERTHOUGHT = 20
"""Characters that may follow a plain request: `이건 잊어줘 소문나면 안 돼`."""
_BEGGED = r"\s*(?:줘|줄래|주라|주세요|줘요|라)"
_WISH = re.compile(
    r"(?P<what>.*?)(?:을|를|은|는|도|만|좀|다|전부|모두|싹|그냥|제발|이제|빨리)?\s*"
    rf"(?P<verb>{_VERB})(?:{_PLEASE}\s*[.!?~ㅋㅎㅠㅜ]*$|{_BEGGED}(?=[\s.!?~ㅋㅎㅠㅜ]).{{0,{AFTERTHOUGHT}}}$|\s.{{0,{AFTERTHOUGHT}}}니까$)"
)
_NOT = re.compile(
    r"(?:절대|안|못)\s*잊|잊지\s*(?:마|말)|잊으면\s*안|잊어\s*버(?:렸|린)|잊어\s*먹|까먹(?!어\s*줘)|잊어\s*(?:가|도|서|야)"
    r"|(?:내가|난|나는)\s*[^.]*잊어"
)
_ALL = re.compile(
    r"(?:나|저|내|제)\s*(?:에\s*(?:대해|대한|관한)[^.]*|\s*(?:기억|정보))[^.]*(?:다|전부|모두|싹|모든)|"
    r"(?:전부|모두|싹|모든\s*(?:걸|것|기억|거)|다)\s*(?:을|를)?$|나에\s*대해\s*(?:알고\s*있는|기억하는)\s*(?:거|것|걸)"
)
_JUST = re.compile(
    r"(?:방금|아까|지금|금방|좀\s*전|위에|마지막)[^.]*(?:말|얘기|이야기|거|것|건|걸|한\s*(?:말|얘기))|^(?:이|그)\s*(?:말|얘기|거|건)(?:은|는|도|만)?$"
)
_REASON = re.compile(r"^[^.!?]*?(?:니까|라서|어서|아서|하게)$")
"""`흑역사니까 삭제해 줘` gives a reason and names nothing."""
_FILLER = frozenset("기억 잊- 지우- 삭제 말 얘기 이야기 관하- 대하- 관련 거 것 부분 내용 정보 전부 모두 다".split())
LONGEST = 80
"""Characters of a message that is nothing but such a wish."""


@dataclass(frozen=True)
class Wish:
    """What the user wants forgotten.

    Attributes:
        scope: ``all``, ``just`` (what was said just now) or ``some``.
        slots: slots that the words name (`내 주소`: home).
        words: content words of what is named.
    """

    scope: str
    slots: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def wish_to_forget(text: str) -> Wish | None:
    """The wish in a message; None where there is none (`잊지 마`, `지갑을 잊어버렸어`)."""
    message = normalise(text)
    if len(message) > LONGEST or _NOT.search(message):
        return None
    match = _WISH.search(message)
    if match is None:
        return None
    what = _REASON.sub("", match["what"].strip()).strip()
    if _ALL.search(what + message[match.end("what") : match.start("verb")]):
        return Wish("all")
    if not what or _JUST.search(what):
        return Wish("just")
    words = tuple(word for word in content_words(what) if word not in _FILLER)
    slots = slots_named(what)
    return Wish("some", slots, words) if words or slots else Wish("just")


def meant(
    wish: Wish, memories: Sequence[Memory], recent: Sequence[str], search: Callable[[str], Sequence[Memory]]
) -> list[Memory]:
    """The memories that a wish is about.

    Args:
        memories: those that hold where it was said, oldest first.
        recent: ids of the user's last messages, the newest first, without the wish itself.
        search: finds memories for words.
    """
    live = [memory for memory in memories if memory.state == "live"]
    if wish.scope == "all":
        return list(live)
    if wish.scope == "just":
        for message in recent:
            if found := [memory for memory in live if memory.message == message]:
                return found
        return []
    named = [memory for memory in live if memory.slot in wish.slots]
    particular = [memory for memory in named if set(content_words(memory.text)) & set(wish.words)]
    if particular or named:
        return particular or named
    return [memory for memory in search(" ".join(wish.words).replace("-", "")) if memory in live]
