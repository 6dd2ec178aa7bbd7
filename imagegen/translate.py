"""From a Korean wish to English prompt words, offline: morphemes, our own glossary, and a shallow grammar.

Korean puts the word that decides last. Arguments are kept until their verb comes; a verb before a noun becomes its
modifier ("우산을 쓴 여자" → a woman holding an umbrella), a verb at the end of a clause a part of the prompt of its own.
What is not wanted ("안경 없는", "사람은 빼고") goes to the negative prompt. Words that are not known are kept, in Latin
letters, and reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Protocol

from imagegen import english
from imagegen.clauses import STRUCTURAL, Predicate, absorb, predicate_of, said_of, wanted
from imagegen.glossary import Glossary, bundled_glossary
from imagegen.phrases import ANIMATE, FEATURES, MODIFYING, SCENE, Phrase
from imagegen.romanize import romanize
from imagegen.units import Unit, read_units

STYLE_MARKERS = frozenset(
    "풍 스타일 느낌 화풍 그림체 식 버전 톤 감성 기법 분위기 형식 작풍 컨셉 콘셉트 무드 필터 모드".split()
)
PICTURES = frozenset("모습 장면 그림 사진 이미지 일러스트 순간 풍경화 작품 화면 포즈 상태 느낌 분위기 표정".split())
"""Nouns that stand for the picture itself: "책을 읽는 모습" is what is seen, not a thing in it."""
NAMELESS = frozenset("모습 장면 그림 이미지 순간 작품 화면 상태".split())


@dataclass(frozen=True)
class Translation:
    """A wish in English.

    Attributes:
        korean: the wish.
        segments: what the picture shows, one piece of the prompt each.
        styles: how it is made ("watercolor painting").
        negatives: what it must not show.
        unknown: Korean words that were not known, each with the Latin letters that stand for it.
    """

    korean: str
    segments: tuple[str, ...]
    styles: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()

    @property
    def english(self) -> str:
        return ", ".join([*self.segments, *self.styles])


class Translator(Protocol):
    """Gives a Korean wish in English."""

    def translate(self, text: str) -> Translation: ...


class GlossaryTranslator:
    """The offline translator.

    Args:
        glossary: entries (default: the glossary that ships).
        you: the noun for 너 and 네, whom the user asks for a picture of herself.
    """

    def __init__(self, glossary: Glossary | None = None, you: str = "woman") -> None:
        self.glossary = glossary or bundled_glossary()
        self.you = you

    def translate(self, text: str) -> Translation:
        return _Reading(read_units(text, self.glossary), self.glossary, self.you).translation(text)


@dataclass
class _Modifiers:
    """What waits for the next noun."""

    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    joined: list[Phrase] = field(default_factory=list)
    count: str = ""
    plural: bool = False

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.joined or self.count)


class _Reading:
    """One pass over the units of a wish."""

    def __init__(self, units: list[Unit], glossary: Glossary, you: str) -> None:
        self.glossary = glossary
        for before, unit in pairwise(units):
            if unit.korean in ("함께", "같이") and before.kind == "particle":
                before.korean = "와 함께"
        self.units = [unit for unit in units if unit.kind != "silent"]
        self.you = you
        self.at = 0
        self.arguments: list[Phrase] = []
        self.adverbs: list[str] = []
        self.plain: dict[str, str] = {}
        """Adverbs made of adjectives, with those: "더 밝게" alone asks for what is bright."""
        self.modifiers = _Modifiers()
        self.value = 0
        self.segments: list[str] = []
        self.styles: list[str] = []
        self.negatives: list[str] = []
        self.unknown: dict[str, str] = {}

    def translation(self, text: str) -> Translation:
        while self.at < len(self.units):
            unit = self.units[self.at]
            self.at += 1
            getattr(self, f"_on_{unit.kind}")(unit)
        self._flush()
        segments = [part for part in self.segments if part]
        return Translation(
            text, _once(segments), _once(self.styles), _once(self.negatives), tuple(self.unknown.items())
        )

    def _next(self, ahead: int = 0) -> Unit:
        index = self.at + ahead
        return self.units[index] if index < len(self.units) else Unit("end", "")

    # --- what stands before a noun

    def _on_determiner(self, unit: Unit) -> None:
        if unit.korean in ("여러", "몇", "모든", "양", "온갖"):
            self.modifiers.count, self.modifiers.plural = unit.english, True
        else:
            self.modifiers.before.append(unit.english)

    def _on_number(self, unit: Unit) -> None:
        if unit.value == 0 and self._next().kind not in ("counter", "noun"):
            return self._on_foreign(unit)
        counter = self._next()
        if counter.kind == "counter":
            self.at += 1
        alone = not self.arguments and counter.korean in ("사람", "명", "분", "인")
        if alone and self._next().kind not in ("noun", "adjective") and self._next().korean != "의":
            people = Phrase("사람", "person", "people", count=_counted(unit.value, ""), plural=unit.value > 1)
            return self._settle(people)
        if counter.kind == "counter" and counter.english == "age":
            self.modifiers.before.append(f"{unit.value}-year-old")
        elif unit.value >= 10 and unit.value % 10 == 0 and counter.korean in ("대", "년대"):
            self.modifiers.after.append(
                f"in {{their}} {unit.value}s" if unit.value < 100 else f"from the {unit.value}s"
            )
        elif self.arguments and not self.arguments[-1].role and counter.kind == "counter" and not self.modifiers:
            self._count(self.arguments.pop(), unit.value, counter.english)
        else:
            self.modifiers.count, self.modifiers.plural = (
                _counted(unit.value, counter.english if counter.kind == "counter" else ""),
                unit.value > 1,
            )
            if counter.kind == "counter" and self._next().korean == "의":
                self.at += 1
        return None

    def _count(self, phrase: Phrase, value: int, measure: str) -> None:
        """A number after its noun: "고양이 두 마리"."""
        if measure:
            phrase.head, phrase.count = f"{measure} {phrase.head}", ""
            if value > 1:
                phrase.count, phrase.head = english.number(value), f"{_plural_measure(measure)} {phrase.noun}"
                phrase.before = []
        elif value > 1:
            phrase.count, phrase.plural = english.number(value), True
        self._settle(phrase)

    def _on_counter(self, unit: Unit) -> None:
        del unit  # a counter without a number says nothing

    def _on_foreign(self, unit: Unit) -> None:
        self._noun(Phrase(unit.korean, unit.korean, "foreign"))

    def _on_adverb(self, unit: Unit) -> None:
        if unit.korean == "없이" and self.arguments:
            self._reject([self.arguments.pop()])
        elif unit.english:
            self.adverbs.append(unit.english)
        else:
            self._not_known(unit.korean)

    def _on_phrase(self, unit: Unit) -> None:
        self._skip_particles()
        self.segments.append(unit.english)

    def _on_style(self, unit: Unit) -> None:
        self._noun(Phrase(unit.korean, unit.english, "styles", style=True))

    # --- nouns

    def _on_noun(self, unit: Unit) -> None:
        head = unit.english or self._not_known(unit.korean)
        if unit.korean in ("너", "당신"):
            head = self.you
        self._noun(Phrase(unit.korean, head, unit.subject, plural=unit.plural))

    def _noun(self, phrase: Phrase) -> None:
        waiting, self.modifiers = self.modifiers, _Modifiers()
        phrase.before = waiting.before + phrase.before
        phrase.after += waiting.after
        phrase.joined = waiting.joined
        phrase.count, phrase.plural = waiting.count, phrase.plural or waiting.plural
        if waiting.count.endswith(" of") and waiting.plural:
            phrase.plural = False
        following = self._next()
        while following.kind in ("noun", "style") and not phrase.style and self._compound(phrase, following):
            return
        self._settle(phrase)

    def _compound(self, phrase: Phrase, following: Unit) -> bool:
        """A noun before a noun, without a particle, becomes what the next one carries."""
        if phrase.plural or phrase.count or following.korean in PICTURES | STYLE_MARKERS:
            return False
        if following.subject in ("times", "seasons") or phrase.subject in ("weather", "expressions", "poses", "you"):
            return False
        if phrase.subject in FEATURES and following.subject in ("people", "animals", "occupations", "fantasy"):
            self.modifiers.after.append(f"with {phrase.english()}")
        elif phrase.subject == "times":
            alone = self._next(1).kind == "particle" and self._next(1).korean in ("이", "가", "을", "를", "은", "는")
            (self.segments if alone else self.modifiers.after).append(phrase.placed())
        elif phrase.subject in FEATURES and not phrase.before and following.subject in FEATURES:
            self.modifiers.before.append(phrase.head)
        elif phrase.subject in FEATURES or not following.english:
            return False
        else:
            self.modifiers.before += [*phrase.before, phrase.head]
            self.modifiers.after += phrase.after
        self.modifiers.joined = phrase.joined
        return True

    def _settle(self, phrase: Phrase) -> None:
        """Position and particles after the noun; then it waits for its verb, or for the next noun."""
        if self._next().kind == "particle" and self._next().korean == "의" and self._next(1).kind == "position":
            self.at += 1
        if self._next().kind == "position":
            phrase.preposition = self._next().english
            self.at += 1
        role = self._particles()
        if phrase.subject == "you" and not role:
            role = "가"
        if phrase.style and phrase.preposition:
            return None
        if phrase.style or self._is_marked_style(phrase, role):
            return self._style(phrase, role)
        if role in ("와", "과", "하고", "랑", "이랑", "이나", "나") and self._joins():
            self.modifiers.joined = [*phrase.joined, replace(phrase, joined=[])]
        elif role == "의":
            self._genitive(phrase)
        else:
            phrase.role = role
            self.arguments.append(phrase)
        return None

    def _particles(self) -> str:
        """The particles that follow, as one role; 만, 도 and the like add nothing."""
        role = ""
        while self._next().kind == "particle":
            form = self._next().korean
            self.at += 1
            if form not in ("만", "도", "까지", "부터", "마저", "조차", "이나마", "요") or not role:
                role = form if not role or form not in ("은", "는", "만", "도") else role
        return role

    def _skip_particles(self) -> None:
        while self._next().kind == "particle":
            self.at += 1

    def _joins(self) -> bool:
        following = self._next()
        ahead = 0
        while following.kind in ("adjective", "number", "determiner", "counter", "adverb") or (
            following.kind == "verb" and following.endings.adnominal
        ):
            ahead += 1
            following = self._next(ahead)
        return following.kind in ("noun", "style", "foreign")

    def _is_marked_style(self, phrase: Phrase, role: str) -> bool:
        following = self._next()
        if following.korean not in STYLE_MARKERS or role not in ("", "의") or following.kind not in ("noun", "style"):
            return False
        if following.korean in ("분위기", "느낌", "무드", "톤") and phrase.subject in FEATURES | {"people"}:
            return False
        self.at += 1
        return True

    def _style(self, phrase: Phrase, role: str) -> None:
        if self._next().korean in STYLE_MARKERS and role in ("", "의"):
            self.at += 1
        self._skip_particles()
        following = self._next()
        if phrase.korean in PICTURES | {"그림"} and phrase.korean in NAMELESS and not phrase.before:
            return
        if role in ("을", "를") and following.kind == "verb" and following.endings.adnominal:
            phrase.role, phrase.style = role, False
            self.arguments.append(phrase)
            return
        text = " ".join([*phrase.before, phrase.head])
        known = phrase.subject in ("styles", "camera", "media")
        self.styles.append(text if known or text.endswith(" style") else f"{text} style")
        self.segments += phrase.after

    def _genitive(self, phrase: Phrase) -> None:
        """ "N의" as a modifier of the next noun."""
        if phrase.preposition:
            self.modifiers.after.append(phrase.placed())
        elif phrase.korean == "너":
            return
        elif phrase.subject in FEATURES:
            self.modifiers.after.append(f"with {phrase.english()}")
        elif phrase.subject in MODIFYING or (phrase.subject in SCENE and not phrase.after):
            self.modifiers.before += [*phrase.before, phrase.head]
        elif phrase.animate and not phrase.after and not phrase.joined:
            owner = phrase.english()
            self.modifiers.before.append(f"{owner}'" if owner.endswith("s") else f"{owner}'s")
        elif phrase.subject in ("places", "nature", "rooms", "korea", "buildings"):
            self.modifiers.after.append(phrase.placed())
        else:
            self.modifiers.after.append(f"of {phrase.english()}")

    def _on_position(self, unit: Unit) -> None:
        """A position without its noun: "위에서 본"; said by a glossary phrase or not at all."""
        del unit
        self._skip_particles()

    def _on_particle(self, unit: Unit) -> None:
        del unit

    # --- verbs

    def _on_verb(self, unit: Unit) -> None:
        if unit.kind == "adjective" and unit.endings.adverbial and unit.english and not unit.endings.negated:
            adverb = english.adverb(unit.english)
            self.plain[adverb] = unit.english
            self.adverbs.append(adverb)
            return
        taken = self._taken(unit) if unit.endings.adnominal and not self._closes() else self._all()
        found = absorb(unit, taken, self.glossary)
        adverbs = [self.plain.get(text, text) for text in self.adverbs] if wanted(found) else self.adverbs
        predicate = predicate_of(found, adverbs)
        if not found.unit.english and not wanted(found) and unit.korean not in STRUCTURAL:
            self._not_known(unit.korean, kept=False)
        self.adverbs = []
        if predicate.rejected or predicate.negatives:
            self._reject(predicate.rejected)
            self.negatives += predicate.negatives
            self._after_rejection(predicate, unit)
        elif unit.endings.adverbial:
            self.arguments = predicate.phrases + self.arguments
            self.adverbs += [predicate.text] if predicate.text else []
        elif unit.endings.adnominal and not self._closes():
            self._modify(predicate)
        else:
            self._state(predicate)

    _on_adjective = _on_verb

    def _closes(self) -> bool:
        """Whether the verb before a noun tells the whole picture: "책을 읽는 모습"."""
        following = self._next()
        return following.kind in ("noun", "style") and following.korean in NAMELESS | {"사진", "모습"}

    def _all(self) -> list[Phrase]:
        taken, self.arguments = self.arguments, []
        return taken

    def _taken(self, unit: Unit) -> list[Phrase]:
        """The arguments of a verb before a noun: back to the subject of the main clause, which is left."""
        taken: list[Phrase] = []
        if unit.kind == "adjective" and not self._belongs(unit):
            return taken
        while self.arguments:
            last = self.arguments[-1]
            if last.role in ("은", "는") and unit.korean not in ("없다", "아니다"):
                break
            if last.role in ("이", "가") and taken and last.animate:
                break
            if last.role == "" and taken and last.subject in SCENE:
                break
            taken.insert(0, self.arguments.pop())
            if last.role in ("이", "가"):
                break
        return taken

    def _belongs(self, unit: Unit) -> bool:
        """Whether an adjective before a noun says something of the argument before it: "머리가 긴", "비에 젖은"."""
        if not self.arguments or not unit.korean.endswith("다"):
            return False
        last = self.arguments[-1]
        known = (last.korean.replace(" ", ""), unit.korean) in self.glossary.collocations
        return known or (last.role in ("이", "가", "에", "처럼", "보다", "만큼") and not last.animate)

    def _modify(self, predicate: Predicate) -> None:
        following = self._noun_ahead()
        self.segments += [phrase.placed() for phrase in predicate.phrases]
        if predicate.before and not predicate.after and predicate.agent is None:
            self.modifiers.before.append(predicate.before)
        else:
            said = predicate.relative(animate=following.subject in ANIMATE)
            self.modifiers.after += [said] if said else []

    def _noun_ahead(self) -> Unit:
        ahead = 0
        while self._next(ahead).kind in ("adjective", "determiner", "number", "counter"):
            ahead += 1
        return self._next(ahead)

    def _state(self, predicate: Predicate) -> None:
        if predicate.endings.adnominal:  # before 모습, 장면, 사진
            noun = self._next()
            self.at += 1
            role = self._particles()
            if noun.korean not in NAMELESS and noun.english and role != "의":
                self.styles.append(noun.english)
        self.segments += predicate.stated()
        self.styles += predicate.styles

    def _reject(self, phrases: Iterable[Phrase]) -> None:
        for phrase in phrases:
            for one in (*phrase.joined, phrase):
                self.negatives.append(" ".join([one.noun, *one.after]).replace("{their} ", ""))

    def _after_rejection(self, predicate: Predicate, unit: Unit) -> None:
        """What the clause says besides: "공원에 사람이 없는 아침" keeps the park."""
        if predicate.phrases:
            if unit.endings.adnominal and not self._closes():
                self.arguments = predicate.phrases + self.arguments
            else:
                self.segments += [phrase.placed() if phrase.role else phrase.english() for phrase in predicate.phrases]

    def _on_copula(self, unit: Unit) -> None:
        """ "X는 Y이다": Y said of X."""
        if not self.arguments and self.styles:
            return
        said = self._all()
        if not said:
            return
        value, topics = said[-1], said[:-1]
        if unit.endings.negated:
            self._reject([value])
            self.segments += [topic.english() for topic in topics]
        elif unit.endings.adnominal and not self._closes():
            self.arguments = [topic for topic in topics if topic.role in ("은", "는")]
            features = [topic for topic in topics if topic not in self.arguments]
            if features:
                features[-1].before.insert(0, value.head)
                self.modifiers.after.append(f"with {features[-1].english()}")
            else:
                self.modifiers.before.append(value.noun)
        else:
            self.segments += said_of(topics, value)

    # --- ends

    def _on_stop(self, unit: Unit) -> None:
        del unit
        if self.arguments or self.modifiers or self.adverbs:
            self._flush()

    def _flush(self) -> None:
        """What waits for a verb that never came."""
        for phrase in self._all():
            if phrase.korean in NAMELESS and not phrase.before and not phrase.after:
                continue
            if phrase.role in ("로", "으로") and phrase.subject in ("styles", "colours"):
                self.styles.append(phrase.noun)
            elif (
                phrase.preposition or phrase.role in ("에", "에서") or (phrase.subject == "times" and not phrase.before)
            ):
                self.segments.append(phrase.placed())
            else:
                self.segments.append(phrase.english())
        self.segments += self.modifiers.before + [part.replace("{their}", "their") for part in self.modifiers.after]
        self.segments += [phrase.english() for phrase in self.modifiers.joined]
        self.segments += [self.plain.get(text, text) for text in self.adverbs]
        self.modifiers, self.adverbs = _Modifiers(), []

    def _not_known(self, korean: str, *, kept: bool = True) -> str:
        latin = romanize(korean)
        self.unknown[korean] = latin if kept else ""
        return latin


def _counted(value: int, measure: str) -> str:
    if measure:
        return f"{measure}" if value <= 1 else f"{english.number(value)} {_plural_measure(measure)}"
    return "" if value == 1 else english.number(value)


def _plural_measure(measure: str) -> str:
    unit, _, of = measure.partition(" ")
    return f"{english.plural(unit)} {of}"


def _once(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
