# ruff: noqa: E501 - lists of words are read better whole
"""Patterns over morphemes, and frames: a pattern with the sentence that it tells.

A pattern is written as words with spaces between them, each of which stands for one morpheme or a few::

    ^ p=N (에|에서|서)/J? * 살/V $

==============  =====================================================================================================
``살/V``        a verb or adjective of this form; ``(은|는)/J`` a particle, ``/E`` any ending, ``그만두`` whatever its tag
``N`` ``N1``    nouns, one or more; exactly one
``@KIN``        one word of a list in `LISTS`
``*``           adverbs and particles that change nothing: 진짜, 요즘, 좀
``^``           the beginning of the clause, where he may have named himself or begun with 근데, 사실, 요즘
``$``           the end: nothing but endings and what is said behind the verb
``x=…``         what it stands for is called x; ``?`` behind a word: it may be missing
==============  =====================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from rag.clauses import FRIENDS, KIN, PARTNERS, PEOPLE, PETS, Clause
from rag.extraction import KIND_OF_SLOT
from rag.memory import Proposal
from rag.phrasing import plain, with_particle


@dataclass(frozen=True)
class Setting:
    """What a clause is said in.

    Attributes:
        said: the user's local day.
        spoken_of: the person or animal named last, whom `이름은 나비야` is about.
        names: proper names of his people and animals, with the word for what they are (나비: 고양이).
        before: the clause before it in the message.
    """

    said: date
    spoken_of: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    before: Clause | None = None


Rule = Callable[[Clause, Setting], Proposal | None]

LISTS: dict[str, frozenset[str]] = {
    "KIN": KIN - frozenset("애 아이 아기 애기 가족 친척 형제 자매 남매 쌍둥이".split()), "CHILD": frozenset("애 아이 아기 애기".split()),
    "PARTNER": PARTNERS - frozenset("남자 여자 썸남 썸녀 전남친 전여친".split()), "FRIEND": frozenset("친구 절친 베프 단짝 룸메 룸메이트 불알친구 소꿉친구".split()),
    "PET": PETS, "ME": frozenset("나 저 내 제".split()),
}  # fmt: skip

_TAGS = {
    "N": "(?:NNG|NNP|NNB|NR|SN|SL|SH|XR|MM|NP)", "V": "(?:VV|VA|VX|XSV|XSA)", "J": "J[A-Z]+", "E": "E[A-Z]+", "C": "VC[PN]",
    "M": "(?:MAG|MAJ|MM|IC)",
}  # fmt: skip
_NOUN = r"[^ /]+/(?:NNG|NNP|SL|SH|SN|XR|XPN|XSN|NNB|MM|NR|W_HASHTAG) "
_SELF = r"(?:나|저|제|내|본인|저희|우리)/(?:NP|MM) (?:[^ /]+/J[A-Z]+ )?"
_FILLER = (
    r"(?:[^ /]+/(?:MAG|MAJ|IC) |(?:진짜|제일|가장|젤|요즘|요새|이제|지금|현재|올해|혼자|그냥|정말|완전|최근|원래|평소|사실|참고|이번|드디어|아직|얼마|전|여기|그때|하나|작년|재작년)"
    r"/(?:NNG|MAG|NNB|NP|NR|XR|MM) (?:(?:은|는|ᆫ|에|로|부터)/J[A-Z]+ )?)"
)
_BEGIN = rf"^(?:{_SELF}|{_FILLER}|(?:안녕|아니|안녕하/VA 세요|아니/VCN 어)/[A-Z]+ )*"
_END = (
    r"(?:[^ /]+/(?:EP|EF|EC|ETN|JX|JKV|IC|SW|W_EMOJI|VX|MAG|S[FPESW]|Z_[A-Z]+) |중/NN[GB] |는/ETM (?=중/)|이/VCP |ᆫ/ETM 지/NNB .*"
    r"|(?:나|저|내|제)/NP (?:가/JKS )?)*$"
)
_WORD = re.compile(r"(?:(?P<name>[a-z]+)=)?(?P<body>.+?)(?P<optional>\?)?$")


def pattern(words: str) -> re.Pattern[str]:
    """Compiles a pattern. See the module's own text for how it is written."""
    pieces = []
    for word in words.split():
        match = _WORD.fullmatch(word)
        assert match is not None
        piece = _piece(match["body"])
        piece = f"(?P<{match['name']}>{piece})" if match["name"] else piece
        pieces.append(f"(?:{piece})?" if match["optional"] else piece)
    start = "" if words.startswith("^") else r"(?:^|(?<= ))"
    return re.compile(start + "".join(pieces))


def _piece(body: str) -> str:
    if body in ("^", "$", "*"):
        return {"^": _BEGIN, "$": _END, "*": f"(?:{_FILLER})*"}[body]
    if body == "N":
        return f"(?:{_NOUN})+?"
    if body == "N1":
        return _NOUN
    if body == "~":
        return r"(?:[^ /]+/[A-Z_]+ )*?"
    if body.startswith("@"):
        words = "|".join(sorted((re.escape(w) for w in LISTS[body[1:]]), key=len, reverse=True))
        return rf"(?:(?:큰|작은|친|외|막내|둘째|첫째|셋째|우리)/(?:XPN|NNG|NR|MM|NP|VA) (?:ᆫ/ETM )?)?(?:{words})/(?:NNG|NNP|NP|MM) "
    form, slash, tag = body.rpartition("/")
    if not slash:
        return rf"{tag}/[A-Z_]+ "
    return rf"{form or '[^ /]+'}/{_TAGS.get(tag, tag)} "


class Word(str):
    """A word that takes its particle by name: ``{x:을}``, ``{x:이다}``."""

    _PAIRS = {"을": "을/를", "이": "이/가", "은": "은/는", "과": "과/와", "로": "으로/로", "이다": "이다/다", "이라고": "이라고/라고",
              "이라는": "이라는/라는", "였다": "이었다/였다"}  # fmt: skip

    def __format__(self, spec: str) -> str:
        return with_particle(str(self), self._PAIRS[spec]) if spec else str(self)


@dataclass(frozen=True)
class Frame:
    """A rule that needs no more than a pattern.

    Attributes:
        slot: of the memory.
        looks: the pattern, on morphemes; or on the words as they stand, where ``typed``.
        text: the sentence, with the groups of the pattern as `Word`; ``{…}`` alone tells the clause again from group x on.
        about: ``own``: nobody else is the subject; ``named``: the user names himself; ``any``.
        tense: ``past``, ``now`` or empty for either.
        denied: whether it must hold 안, 못, 없다 (True), must not (False), or may (None).
        unless: words that must not stand in the clause.
        where: checks of groups, by name.
        instead_of: what it takes the place of, as in `Proposal`; a template as well.
        start: the group with which the quote begins; by default the first one that is there.
    """

    slot: str
    looks: re.Pattern[str]
    text: str
    typed: bool = False
    about: str = "own"
    tense: str = ""
    denied: bool | None = False
    unless: re.Pattern[str] | None = None
    where: Mapping[str, Callable[[Clause, str], bool]] = field(default_factory=dict)
    instead_of: str = ""
    start: str = ""

    def __call__(self, clause: Clause, setting: Setting) -> Proposal | None:
        if (self.about != "any" and not clause.own) or (self.about == "named" and not clause.named):
            return None
        if (self.denied is not None and clause.denied != self.denied) or (
            self.tense and (self.tense == "past") != past(clause)
        ):
            return None
        words = clause.surface
        if self.unless is not None and self.unless.search(words):
            return None
        match = self.looks.search(words if self.typed else clause.tagged)
        if match is None:
            return None
        found = {name: Word(self._words(clause, match, name)) for name in match.re.groupindex if match[name]}
        if any(name in found and not check(clause, found[name]) for name, check in self.where.items()):
            return None
        at = self._start(clause, match, found)
        text = retold(clause, at) if self.text == "{…}" else self.text.format_map(_Missing(found))
        if not text or len(text) > 60:
            return None
        return Proposal(
            KIND_OF_SLOT.get(self.slot, "fact"), self.slot, text, clause.quote(at),
            instead_of=self.instead_of.format_map(_Missing(found)),
        )  # fmt: skip

    def _words(self, clause: Clause, match: re.Match[str], name: str) -> str:
        return match[name].strip() if self.typed else clause.words(match, name)

    def _start(self, clause: Clause, match: re.Match[str], found: Mapping[str, Word]) -> int:
        name = self.start or min(found, key=match.start, default="")
        at = match.start(name) if name else match.start()
        if self.typed:
            return clause.start + at
        return clause.morphemes[next(i for i, offset in enumerate(clause.offsets) if offset >= at)].start


class _Missing(dict[str, Word]):
    def __missing__(self, name: str) -> Word:
        return Word("")


def frame(slot: str, looks: str, text: str, **more: object) -> Frame:
    """A frame on morphemes (`pattern`)."""
    return Frame(slot, pattern(looks), text, **_compiled(more))  # type: ignore[arg-type]


def typed(slot: str, looks: str, text: str, **more: object) -> Frame:
    """A frame on the words as they are typed: a regular expression."""
    return Frame(slot, re.compile(looks), text, typed=True, **_compiled(more))  # type: ignore[arg-type]


def _compiled(more: Mapping[str, object]) -> dict[str, object]:
    values = dict(more)
    if isinstance(values.get("unless"), str):
        values["unless"] = re.compile(str(values["unless"]))
    return values


# --- what rules ask about a clause


def past(clause: Clause) -> bool:
    if re.search(r"기로\s*(?:했|함)", clause.surface):  # a decision for what is to come
        return False
    return any(m.tag == "EP" and m.form in ("었", "았", "였", "었었") for m in clause.morphemes)


def future(clause: Clause) -> bool:
    return any(m.tag == "ETM" and m.form in ("ᆯ", "을") for m in clause.morphemes)


PASSING = re.compile(r"오늘|지금|어제|아까|방금|이따|내일|어젯밤|이번엔|아직")
"""What is said with these is true of a day, and not worth remembering as a taste or a habit."""


def passing(clause: Clause) -> bool:
    return bool(PASSING.search(clause.surface))


def person_slot(person: str) -> str | None:
    """The slot of what is told about a person or animal; None of one who is none of his."""
    last = person.split()[-1] if person.split() else ""
    for names, slot in ((PETS, "pet"), (PARTNERS, "partner"), (KIN, "family"), (FRIENDS | LISTS["FRIEND"], "friend")):
        if last in names or (len(last) > 1 and any(last.endswith(name) for name in names if len(name) > 1)):
            return slot
    return None


def others(clause: Clause) -> bool:
    """Whether people or animals are named in it at all."""
    return any(m.form in PEOPLE | PETS for m in clause.morphemes if m.tag[0] == "N")


def is_noun(clause: Clause, words: str) -> bool:
    """Whether words end in a noun, as the analyser sees them."""
    end = clause.text.find(words, clause.start) + len(words)
    return bool(words.strip()) and any(
        m.end == end and m.tag in ("NNG", "NNP", "SL", "XSN", "NNB", "ETN", "SN") for m in clause.morphemes
    )


def is_name(clause: Clause, words: str) -> bool:
    """Whether it is a proper name for the analyser."""
    start = clause.text.find(words, clause.start)
    return any(m.tag in ("NNP", "SL") and start <= m.start < start + len(words) for m in clause.morphemes)


def retold(clause: Clause, start: int, verb: Sequence[tuple[str, str]] = ()) -> str:
    """The clause from a character on as a plain sentence: `담배 안 펴요` is told as `담배 안 핀다.`

    Args:
        verb: stands in the place of the last verb.
    """
    part = [m for m in clause.morphemes if m.start >= start]
    last = next((i for i in range(len(part) - 1, -1, -1) if part[i].tag in _STEMS), None)
    if last is None:
        words = clause.text[start : clause.end].strip(" .,!?~…ㅋㅎㅠㅜ")
        return f"{with_particle(words, '이다/다')}." if part and part[-1].tag[0] in "NS" else ""
    stem = [(m.form, m.tag) for m in part[: last + 1]]
    tail = part[last + 1 :]
    if part[last].form in _ACHIEVED and any(m.form in ("음", "ᆷ") for m in tail):  # 떨어짐, 붙음
        return f"{plain(stem, past=True)}."
    if verb:
        stem = [*stem[:-1], *verb]
    if any(m.tag == "ETM" for m in tail):  # 가는 중
        return ""
    return f"{plain(stem, past=any(m.tag == 'EP' and m.form in ('었', '았', '였', '었었') for m in tail))}."


_ACHIEVED = frozenset("떨어지 붙 당하 잃 다치 부러지 태어나 따 낳".split())
_STEMS = ("VV", "VA", "XSV", "XSA", "VCP", "VX", "VCN")
