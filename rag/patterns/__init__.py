"""Plain statements about oneself, found by their morphemes: one set of rules, a module per subject.

What it does not know it leaves to the language model; what it finds should be true. Each rule reads one clause and
gives at most one proposal; the first that finds something in a clause is heard.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from rag.clauses import CITIES, KIN, PARTNERS, PEOPLE, PETS, Clause, clauses
from rag.memory import Proposal, normalise
from rag.patterns import boundaries, health, life, people, pets, places, plans, tastes, who, work
from rag.patterns.engine import Rule, Setting

STATED: list[Rule] = [
    *boundaries.RULES, who.birthday, who.age, *plans.RULES, people.of_named, *health.RULES, *pets.RULES, *people.RULES, *places.RULES,
    *work.RULES, *who.RULES[2:], *life.RULES, *tastes.RULES,
]  # fmt: skip
SUPPOSED: list[Rule] = [*boundaries.RULES, plans.promise, health.upset, life.aim]
"""A wish may be a boundary (`안 했으면 좋겠어`) or an aim (`되고 싶어`); a condition may be an allergy."""
ORDERED: list[Rule] = [*boundaries.RULES, plans.promise]
"""What she is told to do may be a boundary (`하지 마`); what to call him is read before."""
RETOLD: list[Rule] = [*boundaries.RULES, health.diagnosis, people.of_kin, people.lasting, plans.plan, plans.promise]
"""A diagnosis and a date are told as heard (`나 위염 초기래`) and are his own all the same."""

INTRODUCED: list[Rule] = [who.age, pets.keeps, places.home, work.job, work.goes, work.school]
"""What may follow his name in the same breath: `나 예준이고 스물여섯 대구 살아`."""

_WONDERING = frozenset("뭐 무엇 누구 어디 언제 왜 몇 무슨 어떤 어느".split())


def propose(text: str, said: date | None = None, names: Mapping[str, str] | None = None) -> list[Proposal]:
    """What a message plainly says about the user.

    Args:
        text: the user's own message.
        said: the user's local day, for `내 생일 내일이야` (default: today).
        names: proper names of his people and animals, with the word for what they are (``{"탄이": "강아지"}``).
    """
    setting = Setting(said or date.today(), names=dict(names or {}))
    found: list[Proposal] = []
    for clause in clauses(text):
        found += _of_clause(clause, setting)
        last = next((m.form for m in reversed(clause.morphemes) if m.form in PETS | PEOPLE), setting.spoken_of)
        setting = replace(setting, spoken_of=last, names=dict(setting.names) | _names_in(clause), before=clause)
    found = _without_repeats(found)
    message = normalise(text)
    found = [replace(proposal, text=_THINGS.sub("것을 ", proposal.text)) for proposal in found]
    return [proposal for proposal in dict.fromkeys(found) if proposal.quote and proposal.quote in message]


_THINGS = re.compile(r"(?<!자전)(?<!증)(?<!근)(?<!선)(?<!철)(?<!력)거를 ")
_VAGUE = frozenset(("이직했다.", "취직했다.", "취업했다.", "입사했다.", "혼자 산다.", "자취한다.", "독립한다."))


def _without_repeats(found: list[Proposal]) -> list[Proposal]:
    """Without what another proposal of the message says more exactly: `나 이직했어 이제 은행 다녀`."""
    slots = Counter(proposal.slot for proposal in found)
    return [p for p in found if slots[p.slot] == 1 or p.text not in _VAGUE]


def _names_in(clause: Clause) -> dict[str, str]:
    """Names that stand beside the word for an animal or a relative: 강아지 탄이, 아들은 누리 세 살."""
    nouns = [m for m in clause.morphemes if m.tag not in ("JX", "JKS", "XSN")]
    return {
        name.form: kind.form
        for kind, name in itertools.pairwise(nouns)
        if kind.form in PETS | KIN | PARTNERS and name.tag == "NNP" and name.form not in PETS | CITIES
    }


def _of_clause(clause: Clause, setting: Setting) -> Iterator[Proposal]:
    if clause.question or (_wonders(clause) and not clause.commanded):
        return
    if not clause.supposed and not clause.retold and (named := who.name(clause, setting)):
        yield named
        if named.slot == "name" and clause.end - clause.start >= len(named.quote) + 4:
            yield from (found for rule in INTRODUCED if (found := rule(clause, setting)))
        return
    rules = RETOLD if clause.retold else ORDERED if clause.commanded else SUPPOSED if clause.supposed else STATED
    heard = next((found for rule in rules if (found := rule(clause, setting))), None)
    if heard is not None:
        yield heard
    if heard is None or heard.slot != "pet":
        kept = pets.owned(clause, setting)
        if kept is not None:
            yield kept


def _wonders(clause: Clause) -> bool:
    """Whether a question word makes a question of it even without its mark: 취미가 뭐야."""
    found = {m.form for m in clause.morphemes if m.tag in ("NP", "MAG", "MM", "IC")} & _WONDERING
    return bool(found) and "뭐라" not in clause.surface
