"""A verb with its arguments, and what it says in English: a modifier, a part of the prompt, or what is not wanted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from imagegen import english
from imagegen.glossary import Glossary
from imagegen.phrases import FEATURES, SCENE, Phrase
from imagegen.units import Endings, Unit

REQUESTS = frozenset(
    "그리다 그려주다 보내다 보여주다 만들다 찍다 바꾸다 하다 부탁하다 원하다 뽑다 생성하다 표현하다 주다 넣다 추가하다 보다 올리다 "
    "그려내다 묘사하다 연출하다 제작하다 변경하다 교체하다 부탁드리다 보이다 꾸미다 바라다 되다 나오다 나타내다 필요하다 좋다 "
    "완성하다 변환하다 갖다 가지다 들어가다 담다 같다 싶다 신청하다 주문하다 요청하다 합성하다 수정하다 입히다".split()
)
"""Verbs by which a picture is asked for; at the end of a wish they show nothing."""
REMOVALS = frozenset(
    "빼다 지우다 없애다 제거하다 제외하다 말다 금지하다 삭제하다 치우다 버리다 싫다 싫어하다 피하다".split()
)
STRUCTURAL = REMOVALS | frozenset(
    "있다 없다 같다 닮다 비슷하다 많다 가득하다 이다 아니다 하다 되다 이루어지다 보이다 나오다".split()
)
"""Verbs that the grammar reads and that need no English of their own."""
PATIENT = frozenset("take draw make write build hang tie cut decorate paint braid fold plant stack plate grill bake fill "
                    "cover wrap carve print knit embroider sculpt set serve cook fry roast slice light frame".split())  # fmt: skip
"""Verbs whose past form before a thing says what was done to it: "찍은 사진" is a photo taken."""
LABELS = frozenset(
    "분위기 스타일 느낌 시간 시간대 날씨 계절 장소 화풍 그림체 주제 내용 포즈 색 색깔 색상 색감 톤 배치 컨셉".split()
)
"""Nouns that only name what is said of them: "계절은 가을" is autumn."""
SUBJECTS = ("이", "가", "은", "는", "께서", "도")
OBJECTS = ("을", "를")


@dataclass
class Clause:
    """A verb unit and its arguments."""

    unit: Unit
    arguments: list[Phrase]


@dataclass
class Predicate:
    """What a clause says.

    ``before`` is a word that may stand before a noun; ``text`` the -ing form or adjective without arguments that come
    after; ``after`` all that follows it. ``agent`` is its own subject, ``rejected`` what is not wanted.
    """

    endings: Endings
    text: str = ""
    before: str = ""
    after: str = ""
    past: str = ""
    adjective: bool = False
    agent: Phrase | None = None
    located: list[Phrase] = field(default_factory=list)
    phrases: list[Phrase] = field(default_factory=list)
    rejected: list[Phrase] = field(default_factory=list)
    negatives: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    silent: bool = False
    exists: bool = False

    def relative(self, *, animate: bool) -> str:
        """As a modifier after a noun: "holding an umbrella", "with long hair", "taken on a beach"."""
        if self.exists:
            parts = [f"with {self.agent.english()}"] if self.agent else []
            return " ".join(parts + [phrase.placed() for phrase in self.located])
        if self.agent is not None:
            agent = self.agent
            if self.adjective:
                agent.before.insert(0, self.text)
                return " ".join(part for part in (f"with {agent.english()}", self.after) if part)
            if self.past and not animate:
                return " ".join(part for part in (self.past, self.after, f"by {agent.english()}") if part)
            return " ".join(part for part in (f"with {agent.english()}", self.text, self.after) if part)
        text = self.past if self.past and not animate else self.text
        return " ".join(part for part in (text, self.after) if part)

    def stated(self) -> list[str]:
        """As parts of the prompt."""
        said = [*(phrase.english() for phrase in self.phrases), *self.words]
        if self.silent:
            return said + [phrase.placed() for phrase in self.located]
        if self.exists:
            where = " ".join(phrase.placed() for phrase in self.located)
            return [*said, " ".join(part for part in (self.agent.english() if self.agent else "", where) if part)]
        if self.agent is not None and self.adjective:
            self.agent.before.insert(0, self.text)
            return [*said, " ".join(part for part in (self.agent.english(), self.after) if part)]
        own = " ".join(part for part in (self.text, self.after) if part)
        if self.agent is None:
            return [*said, own]
        if self.agent.animate:
            return [*said, self.agent.english(), own]
        return [*said, f"{self.agent.english()} {own}".strip()]


def wanted(clause: Clause) -> bool:
    """Whether the verb asks for the picture and shows nothing itself."""
    unit, said = clause.unit, clause.unit.endings
    if said.request or said.causative:
        return unit.korean in REQUESTS or said.causative
    return said.final and unit.korean in REQUESTS - {
        "찍다",
        "보다",
        "만들다",
        "담다",
        "들어가다",
        "입히다",
        "꾸미다",
        "넣다",
    }


def absorb(unit: Unit, arguments: list[Phrase], glossary: Glossary) -> Clause:
    """Takes a collocation's noun into its verb: "손을 흔드는" is waving."""
    for phrase in reversed(arguments):
        entry = glossary.collocations.get((phrase.korean.replace(" ", ""), unit.korean))
        if entry is None or phrase.preposition:
            continue
        if "{}" in entry.english:
            return Clause(replace(unit, kind=entry.part, english=entry.english), arguments)
        if phrase.before or phrase.after or phrase.joined:
            continue
        rest = [other for other in arguments if other is not phrase]
        return Clause(replace(unit, kind=entry.part, english=entry.english), rest)
    return Clause(unit, arguments)


def predicate_of(clause: Clause, adverbs: list[str]) -> Predicate:
    unit, said = clause.unit, clause.unit.endings
    if unit.korean in REMOVALS or (unit.korean == "없다" and not said.negated):
        return _removal(clause)
    if unit.korean in ("있다", "많다", "가득하다") or (unit.korean == "없다" and said.negated):
        return _existence(clause)
    if unit.korean in ("같다", "닮다", "비슷하다") and clause.arguments and said.adnominal:
        return Predicate(said, text=f"like {clause.arguments[-1].english()}", phrases=clause.arguments[:-1])
    if unit.korean in ("되다", "이루어지다") and said.adnominal and clause.arguments:
        return Predicate(said, text=f"made of {clause.arguments[-1].english(bare=True)}")
    if said.negated:
        return _negation(clause)
    if wanted(clause):
        return _request(clause, adverbs)
    return _action(clause, adverbs)


def _removal(clause: Clause) -> Predicate:
    """없다, 빼다, 말고: the nearest argument that may be missing."""
    for index in range(len(clause.arguments) - 1, -1, -1):
        phrase = clause.arguments[index]
        if phrase.role not in ("에", "에서", "로", "으로") and not phrase.preposition:
            rest = clause.arguments[:index] + clause.arguments[index + 1 :]
            return Predicate(clause.unit.endings, rejected=[phrase], phrases=rest)
    return Predicate(clause.unit.endings, phrases=clause.arguments, silent=True)


def _existence(clause: Clause) -> Predicate:
    agent, located, others = None, [], []
    for phrase in clause.arguments:
        if phrase.preposition or phrase.role in ("에", "에서", "에는", "에도"):
            located.append(phrase)
        elif agent is None or phrase.role in SUBJECTS:
            if agent is not None:
                others.append(agent)
            agent = phrase
        else:
            others.append(phrase)
    if agent is not None and clause.unit.korean in ("많다", "가득하다") and not agent.count:
        agent.count, agent.plural = "many" if not english.is_mass(agent.head) else "plenty of", True
    return Predicate(clause.unit.endings, agent=agent, located=located, phrases=others, exists=True)


def _negation(clause: Clause) -> Predicate:
    """ "모자를 쓰지 않은", "웃지 않는", "사람은 안 나오게"."""
    unit = clause.unit
    objects = [phrase for phrase in clause.arguments if phrase.role in OBJECTS]
    if not objects and unit.korean in ("나오다", "보이다", "들어가다", "있다", "나타나다", "넣다", "그리다", "찍히다"):
        objects = [p for p in clause.arguments if p.role not in ("에", "에서", "로", "으로") and not p.preposition]
    if not objects:
        objects = [p for p in clause.arguments if not p.role and p.subject in FEATURES]
    rest = [phrase for phrase in clause.arguments if phrase not in objects]
    if objects:
        return Predicate(unit.endings, rejected=objects, phrases=rest)
    text = unit.english if unit.kind == "adjective" else english.gerund(unit.english.replace(" {}", ""))
    return Predicate(unit.endings, negatives=[text] if text else [], phrases=rest, silent=not text)


def _request(clause: Clause, adverbs: list[str]) -> Predicate:
    """ "배경을 벚꽃길로 바꿔 줘", "더 밝게 해 줘": what is to be seen."""
    found = Predicate(clause.unit.endings, silent=True)
    targets = [p for p in clause.arguments if p.role in ("로", "으로") and not p.preposition]
    for phrase in clause.arguments:
        if phrase.korean in ("그림", "사진", "이미지", "모습", "장면", "작품") and not (phrase.before or phrase.after):
            continue
        if phrase.preposition or phrase.role in ("에", "에서", "에다가", "에게", "한테"):
            found.located.append(phrase)
        elif phrase in targets and phrase.subject in ("styles", "media", "camera"):
            found.styles.append(phrase.noun)
        elif phrase.korean == "배경" and (targets or not phrase.before):
            continue
        elif phrase in targets:
            found.phrases.append(_changed(phrase, clause.arguments))
        elif any(target.subject in ("colours", "materials") for target in targets):
            continue  # said with its new colour
        elif not (targets and phrase.subject in ("hair", "clothes", "places") and phrase.role in OBJECTS):
            found.phrases.append(phrase)
    found.words = list(adverbs)
    return found


def _changed(target: Phrase, arguments: list[Phrase]) -> Phrase:
    objects = [p for p in arguments if p.role in (*OBJECTS, "은", "는") and p is not target]
    if target.subject in ("colours", "materials") and objects:
        thing = objects[-1]
        return replace(thing, before=[target.noun, *thing.before], role="")
    if objects and objects[-1].korean == "배경":
        return replace(target, after=[*target.after, "in the background"], role="")
    return replace(target, role="")


def _action(clause: Clause, adverbs: list[str]) -> Predicate:
    unit, said = clause.unit, clause.unit.endings
    found = Predicate(said, adjective=unit.kind == "adjective" and "{}" not in unit.english)
    objects: list[Phrase] = []
    places: list[str] = []
    verb = unit.english
    for phrase in clause.arguments:
        if phrase.role in SUBJECTS and not phrase.preposition:
            if found.agent is not None:
                found.phrases.append(found.agent)
            found.agent = phrase
        elif phrase.preposition or phrase.role in ("에", "에서"):
            places.append(_where(phrase, adjective=found.adjective))
        elif phrase.role in ("와", "과", "랑", "하고", "이랑", "와 함께"):
            places.append(f"with {phrase.english()}")
        elif phrase.role in ("로", "으로"):
            places.append(_toward(phrase, verb))
        elif phrase.role in ("에게", "한테", "께"):
            places.append(f"to {phrase.english()}")
        elif phrase.role in ("처럼", "같이", "보다"):
            places.append(f"like {phrase.english()}")
        elif phrase.role == "" and (phrase.subject in SCENE or (phrase.animate and not said.adnominal)):
            if found.agent is None and (phrase.animate or (phrase.subject in SCENE and found.adjective)):
                found.agent = phrase
            else:
                found.phrases.append(phrase)
        elif phrase.role == "" and found.adjective:
            found.agent = phrase
        else:
            objects.append(phrase)
    if unit.kind == "phrase":
        found.text, found.after = verb, " ".join(places)
        found.phrases += objects
        return found
    return _worded(found, verb, objects, places, adverbs)


def _worded(found: Predicate, verb: str, objects: list[Phrase], places: list[str], adverbs: list[str]) -> Predicate:
    what = english.join([phrase.english() for phrase in objects])
    if found.adjective:
        degree = [text for text in adverbs if text in ("very", "slightly", "half")]
        found.text = found.before = " ".join([*degree, verb])
        found.after = " ".join([*places, *([what] if what else [])])
        return found
    first = verb.partition(" ")[0]
    if not verb:
        found.after = " ".join([*([f"with {what}"] if what else []), *places])
        return found
    if "{}" in verb:
        verb = verb.replace("{}", what).strip() if what else _without_object(verb)
        what = ""
    elif what and first in english.MOTION and " " not in verb:
        places.insert(0, english.join([phrase.placed() for phrase in objects]))
        what = ""
    found.text = english.gerund(verb)
    found.after = " ".join(part for part in (what, *adverbs, *places) if part)
    if first in PATIENT and found.endings.past and not what:
        found.past = english.participle(_without_object(verb))
    if not (what or places or adverbs) and " " not in found.text and found.agent is None and first in ("glow", "shine"):
        found.before = found.text
    return found


def _without_object(verb: str) -> str:
    words = verb.replace("{}", "").split()
    while len(words) > 1 and words[-1] in english.LOOSE_PREPOSITIONS:
        words.pop()
    return " ".join(words)


def _where(phrase: Phrase, *, adjective: bool) -> str:
    if (
        phrase.role == "에"
        and not phrase.preposition
        and adjective
        and phrase.subject in ("weather", "light", "nature")
    ):
        return f"with {phrase.english()}"
    return phrase.placed()


def _toward(phrase: Phrase, verb: str) -> str:
    if phrase.subject in ("places", "nature", "rooms", "buildings", "korea"):
        word = "through" if phrase.korean.startswith("창") else "toward"
        return f"{word} {phrase.english()}"
    if verb.partition(" ")[0] in ("make", "build", "cover", "decorate", "fill"):
        return f"{'of' if verb.startswith(('make', 'build')) else 'with'} {phrase.english(bare=True)}"
    return f"with {phrase.english()}"


def said_of(topics: list[Phrase], value: Phrase) -> list[str]:
    """ "머리는 갈색" → brown hair; "배경은 바다" → the sea in the background; "계절은 가을" → autumn."""
    if not topics:
        return [value.english()]
    said = topics[-1]
    others = [topic.placed() if topic.role in ("에", "에서") else topic.english() for topic in topics[:-1]]
    if said.korean in LABELS:
        return [*others, value.english()]
    if said.korean == "배경":
        return [*others, f"{value.english()} in the background"]
    if value.subject in ("colours", "materials", "patterns", "looks") and not value.after:
        said.before.insert(0, value.noun)
        return [*others, said.english()]
    return [*others, said.english(), value.english()]
