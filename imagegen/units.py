"""A Korean wish as units: known words and phrases, their particles, and verbs with what their endings say.

Kiwi gives morphemes; the longest glossary key that begins and ends at morphemes is one unit.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from imagegen.glossary import Entry, Glossary

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

LONGEST = 2000
"""Characters of a wish that are read."""
LONGEST_KEY = 9
"""Morphemes that a glossary key may span."""


class Morpheme(NamedTuple):
    form: str
    tag: str
    start: int
    end: int


@dataclass
class Endings:
    """What the endings and auxiliaries after a stem say."""

    adnominal: bool = False
    past: bool = False
    future: bool = False
    negated: bool = False
    request: bool = False
    causative: bool = False
    adverbial: bool = False
    final: bool = False
    nominal: bool = False


@dataclass
class Unit:
    """One piece of the wish.

    ``kind``: noun, verb, adjective, adverb, phrase, style, particle, number, counter, position, determiner, copula, stop,
    foreign. ``korean`` is the glossary key or the dictionary form; ``english`` is empty where the word is not known.
    """

    kind: str
    korean: str
    english: str = ""
    subject: str = ""
    plural: bool = False
    endings: Endings = field(default_factory=Endings)
    value: int = 0
    spaced: bool = False
    """Whether a blank stands before it."""


NUMBERS = {
    "하나": 1, "한": 1, "둘": 2, "두": 2, "셋": 3, "세": 3, "석": 3, "넷": 4, "네": 4, "넉": 4, "다섯": 5, "여섯": 6,
    "일곱": 7, "여덟": 8, "아홉": 9, "열": 10, "스물": 20, "스무": 20, "서른": 30, "마흔": 40, "쉰": 50, "백": 100,
    "일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9, "십": 10,
}  # fmt: skip
COUNTERS = {
    "명": "", "분": "", "사람": "", "인": "", "마리": "", "개": "", "송이": "", "그루": "", "대": "", "채": "", "권": "",
    "장": "", "척": "", "자루": "", "벌": "", "가지": "", "군데": "", "켤레": "pair of", "쌍": "pair of", "잔": "cup of",
    "병": "bottle of", "조각": "piece of", "접시": "plate of", "그릇": "bowl of", "다발": "bunch of", "줄": "row of",
    "줄기": "", "봉지": "bag of", "상자": "box of", "컵": "cup of", "캔": "can of", "모금": "sip of", "방울": "drop of",
    "무리": "group of", "떼": "flock of", "묶음": "bundle of", "바구니": "basket of", "더미": "pile of", "살": "age",
    "세": "age", "년대": "decade",
}  # fmt: skip
POSITIONS = {
    "위": "on", "아래": "under", "밑": "under", "옆": "next to", "곁": "beside", "앞": "in front of", "뒤": "behind",
    "안": "in", "속": "in", "밖": "outside", "사이": "among", "가운데": "in the middle of", "한가운데": "in the middle of",
    "중앙": "in the center of", "건너편": "across from", "맞은편": "opposite", "근처": "near", "주변": "around",
    "주위": "around", "둘레": "around", "너머": "beyond", "꼭대기": "on top of", "끝": "at the end of", "쪽": "toward",
    "앞쪽": "in front of", "뒤쪽": "behind", "옆쪽": "next to", "위쪽": "above", "아래쪽": "below", "바깥": "outside",
    "안쪽": "inside", "내부": "inside", "한복판": "in the middle of", "모퉁이": "at the corner of", "구석": "in the corner of",
}  # fmt: skip
DETERMINERS = {"여러": "several", "모든": "all", "온갖": "all kinds of", "다른": "another", "새": "new", "헌": "old",
               "옛": "old", "온": "whole", "각": "each", "양": "both", "몇": "a few", "첫": "first", "맨": "bare",
               "온통": "whole"}  # fmt: skip
PRONOUNS = {"그녀": "woman", "그": "man", "그들": "people", "너": "you", "당신": "you", "누구": "person"}
SILENT = frozenset(
    "그리고 그런데 그래서 하지만 또 또는 혹은 및 이 그 저 어떤 무슨 제발 좀 조금 더 아주 매우 너무 정말 진짜 되게 엄청 완전 무척 굉장히 "
    "몹시 꽤 상당히 약간 살짝 그냥 막 잘 꼭 다시 이제 지금 한번 그럼 오늘 나 저 제 내 우리 것 거 때 중 듯 수 채 줄 상태 정도 부분 요 "
    "대로 만큼 뿐 등 님 씨 뭐 이거 그거 저거 이것 그것 여기 거기 많이 가장 제일 바로 혹시 일단 역시 다 모두 전부 함께 같이 서로 "
    "마치 응 네 아 오 야 음 어 자 참 글쎄 여보세요 안녕 스스로 자기 번 동안 몇몇".split()
)
"""Words that a picture does not show."""
_NOUN_TAGS = frozenset({"NNG", "NNP", "NNB", "NP", "NR", "XSN", "XPN", "XR", "SL", "SN", "SH", "ETN", "UN", "SW"})
_ENDING_TAGS = frozenset({"EP", "EC", "EF", "ETM", "ETN", "VX"})

_LATIN = re.compile(r"[0-9]*[A-Za-z][A-Za-z0-9'.&-]*(?: +[0-9]*[A-Za-z][A-Za-z0-9'.&-]*)*")

_kiwi: Kiwi | None = None
_lock = threading.Lock()


def use_morphology(kiwi: Kiwi) -> None:
    """Takes an analyser that the program has loaded already, so that it is in memory once."""
    global _kiwi
    with _lock:
        _kiwi = kiwi


def _loaded() -> Kiwi:
    """The analyser; the caller holds the lock."""
    global _kiwi
    if _kiwi is None:
        from kiwipiepy import Kiwi

        _kiwi = Kiwi(num_workers=1)
    return _kiwi


def join_morphemes(parts: Sequence[tuple[str, str]]) -> str:
    """Forms and tags as written Korean: (걷, VV), (는, ETM) → "걷는"."""
    with _lock:
        return str(_loaded().join(list(parts)))


@lru_cache(maxsize=512)
def morphemes(text: str) -> tuple[Morpheme, ...]:
    """Morphemes of ``text``; Kiwi is loaded at the first call (1–2 s). Thread-safe."""
    with _lock:
        tokens = _loaded().tokenize(text[:LONGEST])
    return tuple(Morpheme(t.form, t.tag.partition("-")[0], t.start, t.end) for t in tokens)


def read_units(text: str, glossary: Glossary) -> list[Unit]:
    """The units of ``text``, in order; text past `LONGEST` characters is not read."""
    text = unicodedata.normalize("NFC", text)
    return _Reader(text, glossary).read()


class _Reader:
    def __init__(self, text: str, glossary: Glossary) -> None:
        self.text = text
        self.glossary = glossary
        self.morphemes = morphemes(text)
        self.cues = self._cues()
        self.at = 0

    def _cues(self) -> frozenset[str]:
        found = set()
        for index, morpheme in enumerate(self.morphemes):
            found.add(morpheme.form + "다" if morpheme.tag in ("VV", "VA") else morpheme.form)
            if morpheme.tag in ("XSV", "XSA") and index:
                found.add(self.morphemes[index - 1].form + morpheme.form + "다")
        return frozenset(found)

    def read(self) -> list[Unit]:
        units: list[Unit] = []
        negated = False
        while self.at < len(self.morphemes):
            start = self.morphemes[self.at].start
            if self._is_short_negation():
                negated = True
                self.at += 1
                continue
            unit = self._foreign() or (None if negated else self._known(shortest=2)) or self._verb() or self._known()
            unit = unit or self._other()
            if unit is None:
                continue
            unit.spaced = start > 0 and self.text[start - 1].isspace()
            if negated and unit.kind in ("verb", "adjective", "copula"):
                unit.endings.negated, negated = not unit.endings.negated, False
            units.append(unit)
        return units

    def _is_short_negation(self) -> bool:
        current = self.morphemes[self.at]
        return current.tag == "MAG" and current.form in ("안", "못") and self.at + 1 < len(self.morphemes)

    # --- words and phrases that the glossary knows

    def _known(self, shortest: int = 1) -> Unit | None:
        """The longest entry of at least ``shortest`` morphemes that begins here."""
        first = self.morphemes[self.at]
        if first.tag[0] in "JE" or first.tag in ("VX", "XSV", "XSA", "SF", "SP"):
            return None
        for end in range(min(self.at + LONGEST_KEY, len(self.morphemes)), self.at + shortest - 1, -1):
            last = self.morphemes[end - 1]
            if end < len(self.morphemes) and self.morphemes[end].start < last.end:
                continue
            key = re.sub(r"\s+", "", self.text[first.start : last.end])
            if len(key) > self.glossary.longest:
                continue
            entry = self.glossary.word(key, self.cues) or self.glossary.word(key.casefold(), self.cues)
            if entry is not None and self._fits(entry, end):
                self.at = end
                said = Endings(adnominal=entry.part == "adjective")
                return Unit(entry.part, entry.korean, entry.english, entry.subject, self._plural(), said)
        return None

    def _fits(self, entry: Entry, end: int) -> bool:
        """Nouns are made of nouns; a noun before 하다 belongs to the verb only where the glossary has that verb."""
        tags = [morpheme.tag for morpheme in self.morphemes[self.at : end]]
        if entry.part == "noun" and len(tags) == 1:
            counted = entry.korean in COUNTERS and self.at and self.morphemes[self.at - 1].form in NUMBERS
            placed = entry.korean in POSITIONS
            return tags[0] in _NOUN_TAGS - {"NNB", "XSN", "XPN", "SN", "NP"} and not counted and not placed
        if entry.part in ("noun", "adverb", "style"):
            if tags[0][0] in "VM" and len(entry.key) < 3 and len(tags) > 1:  # 해 in "해 줘"
                return False
            return tags[-1] in _NOUN_TAGS | {"MAG", "IC", "MM"} or tags[-1][0] in "JE"
        return True

    def _plural(self) -> bool:
        if self.at < len(self.morphemes) and self.morphemes[self.at][:2] == ("들", "XSN"):
            self.at += 1
            return True
        return False

    # --- verbs and adjectives

    def _verb(self) -> Unit | None:
        for lemma, end in self._lemmas():
            entry = self.glossary.lemma(lemma, self.cues)
            if entry is not None:
                self.at = end
                return Unit(entry.part, lemma, entry.english, entry.subject, endings=self._endings())
        current = self.morphemes[self.at]
        if current.tag in ("VV", "VA"):
            self.at += 1
            return Unit("verb", current.form + "다", endings=self._endings())
        following = self.morphemes[self.at + 1 : self.at + 2]
        made_verb = current.tag in ("NNG", "XR") and following and following[0].tag in ("XSV", "XSA")
        if made_verb and self.glossary.word(current.form, self.cues) is None:
            self.at += 2
            return Unit("verb", f"{current.form}{following[0].form}다", endings=self._endings())
        if current.tag in ("VCP", "VCN"):
            self.at += 1
            endings = self._endings()
            endings.negated = current.tag == "VCN"
            return Unit("copula", "이다", endings=endings)
        return None

    def _lemmas(self) -> list[tuple[str, int]]:
        """Dictionary forms that begin here, the longest first, each with where its stem ends."""
        here, rest = self.morphemes[self.at], self.morphemes[self.at + 1 : self.at + 4]
        found: list[tuple[str, int]] = []
        if here.tag in ("VV", "VA"):
            if (
                len(rest) > 1
                and rest[0].tag == "EC"
                and rest[1].form in ("지", "있", "놓", "두")
                and rest[1].tag == "VX"
            ):
                stem = self.text[here.start : max(here.end, rest[0].end)].strip()
                found.append((f"{stem}{rest[1].form}다", self.at + 3))
                found.append((f"{stem} {rest[1].form}다".replace(" 지다", "지다"), self.at + 3))
            found.append((here.form + "다", self.at + 1))
        elif here.tag in ("XR", "NNG", "NNP", "MAG", "SL") and rest and rest[0].tag in ("XSV", "XSA", "VV"):
            joined = here.end == rest[0].start or rest[0].form in ("하", "되")
            if joined and rest[0].form in ("하", "되", "거리", "대", "스럽", "롭", "지", "이"):
                found.append((f"{here.form}{rest[0].form}다", self.at + 2))
        elif here.tag == "XR" and len(rest) > 1 and rest[1].tag in ("XSV", "XSA"):
            found.append((f"{here.form}{rest[0].form}{rest[1].form}다", self.at + 3))
        if here.tag in ("NNG", "XR", "XPN") and len(rest) > 1 and rest[1].tag in ("XSV", "XSA"):
            found.append((f"{here.form}{rest[0].form}{rest[1].form}다", self.at + 3))
        return found

    def _endings(self) -> Endings:
        said = Endings()
        before = ""
        while self.at < len(self.morphemes):
            current = self.morphemes[self.at]
            if current.tag == "JX" and self._tag(self.at + 1) == "VX":
                self.at += 1
                continue
            if current.tag not in _ENDING_TAGS:
                break
            if current.tag == "VX" and not before:
                break
            self._note(current, before, said)
            before = current.form
            self.at += 1
            if current.tag in ("ETM", "EF") or (current.tag == "EC" and self._tag(self.at) not in ("VX", "JX")):
                break
            if current.tag == "ETN":
                break
        said.final = not (said.adnominal or said.adverbial or said.nominal)
        return said

    def _tag(self, index: int) -> str:
        return self.morphemes[index].tag if index < len(self.morphemes) else ""

    @staticmethod
    def _note(current: Morpheme, before: str, said: Endings) -> None:
        form, tag = current.form, current.tag
        if tag == "EP":
            said.past = said.past or form in ("었", "았")
        elif tag == "ETM":
            said.adnominal, said.future = True, form in ("ᆯ", "을")
            said.past = said.past or form in ("ᆫ", "은")
        elif tag == "ETN":
            said.nominal = True
        elif tag == "EC":
            said.adverbial = form in ("게", "도록")
        elif tag == "VX":
            said.negated = said.negated or (form in ("않", "못하", "말") and before == "지")
            said.request = said.request or form in ("주", "싶", "달")
            if form == "하" and said.adverbial:
                said.causative, said.adverbial = True, False

    # --- the rest

    def _foreign(self) -> Unit | None:
        """Words in Latin letters, kept as they stand; a key such as "LED 조명" goes first."""
        current = self.morphemes[self.at]
        if current.tag not in ("SL", "SN") or (found := _LATIN.match(self.text, current.start)) is None:
            return None
        if (known := self._known()) is not None:
            return known
        while self.at < len(self.morphemes) and self.morphemes[self.at].start < found.end():
            self.at += 1
        return Unit("foreign", found.group(), found.group())

    def _other(self) -> Unit | None:
        current = self.morphemes[self.at]
        self.at += 1
        if current.tag in ("XSV", "XSA"):  # 하다 after a noun that is known as a noun
            endings = self._endings()
            return Unit("verb", "하다", endings=endings)
        if current.tag[0] == "J":
            return Unit("particle", current.form, current.tag)
        if current.tag in ("SF", "SP", "SE") or current.form in ("\n", "/", ",", "|"):
            return Unit("stop", current.form)
        if current.tag in ("MM", "NR", "SN", "NNB", "NNG", "XSN", "MAG", "NP", "IC", "MAJ", "VX"):
            return self._function_word(current)
        if current.tag in ("NNP", "XR", "UN", "XPN"):
            return self._unknown(current)
        return None

    def _function_word(self, current: Morpheme) -> Unit | None:
        form, tag = current.form, current.tag
        after_number = self.at > 1 and self.morphemes[self.at - 2].tag in ("MM", "NR", "SN")
        if tag == "SN":
            digits = form.replace(",", "")
            return Unit("number", form, form, value=int(digits) if digits.isdecimal() and len(digits) < 7 else 0)
        if form in NUMBERS and (tag == "NR" or (tag == "MM" and form not in ("이", "오", "구"))):
            return self._number(NUMBERS[form], form)
        if form in COUNTERS and after_number and tag in ("NNB", "NNG", "NR", "MM"):
            return Unit("counter", form, COUNTERS[form])
        if form in POSITIONS and tag in ("NNG", "NNB"):
            return Unit("position", form, POSITIONS[form])
        if form in DETERMINERS and tag in ("MM", "NR"):
            return Unit("determiner", form, DETERMINERS[form])
        if form in SILENT or tag in ("NNB", "XSN", "IC", "MAJ", "VX", "MM", "NR"):
            return Unit("silent", form)
        if tag == "NP":
            english = {"그녀": "woman", "그": "man", "그들": "people", "너": "you", "당신": "you", "누구": "person"}
            return (
                Unit("noun", form, english[form], "you" if form in ("너", "당신") else "people")
                if form in english
                else Unit("silent", form)
            )
        if tag == "MAG":
            return Unit("adverb", form)
        return self._unknown(current)

    def _number(self, value: int, form: str) -> Unit:
        """Tens and ones make one number: 스물 + 다섯."""
        following = self.morphemes[self.at] if self.at < len(self.morphemes) else None
        if (
            value >= 10
            and following is not None
            and following.tag in ("NR", "MM")
            and NUMBERS.get(following.form, 10) < 10
        ):
            self.at += 1
            value += NUMBERS[following.form]
        return Unit("number", form, value=value)

    def _unknown(self, current: Morpheme) -> Unit | None:
        if current.form in SILENT:
            return Unit("silent", current.form)
        end = current.end
        while self._tag(self.at) in ("NNG", "NNP", "XR", "XSN", "UN") and self.morphemes[self.at].start == end:
            if self.glossary.word(self.morphemes[self.at].form) or self.morphemes[self.at].form == "들":
                break
            end = self.morphemes[self.at].end
            self.at += 1
        word = self.text[current.start : end] if end > current.end else current.form
        parts = self.glossary.split(word)
        if parts:
            nouns = " ".join(part.english for part in parts)
            return Unit("noun", parts[-1].korean, nouns, parts[-1].subject, plural=self._plural())
        return Unit("noun", word, plural=self._plural())
