"""What follows from a judged message: a warning first, then bans that grow, and forgetting with good conduct.

Pure: no clock, no storage. Whoever calls keeps the strikes and passes the time.

Each category is a chain of its own. A strike weighs 1 when it falls and less with every good day and message since::

    remaining = 2 ** -(days / decay_days + min(messages, messages_per_day * days) / decay_messages)

``days`` run from the end of the strike's ban (from the strike itself where it was a warning), ``messages`` are those
without objection since then. A ban for ever does not decay. The rung of the next strike is the sum of what remains of
its chain, rounded half up: the first ``warnings`` rungs are warnings, the later ones bans of the row for its severity.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from character.conduct.categories import BY_ID, CATEGORIES
from character.conduct.judgement import Judgement

FOREVER = math.inf
DAY = 86400.0
FORGIVEN_BELOW = 0.5
"""A chain of which less remains is forgotten: the next strike in it is warned of as a first one."""
LONGEST_JAILBREAK = DAY
"""Who plays at breaking her character is warned, and shut out for a day at most."""
SEVERITIES = ("mild", "grave", "extreme")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}

Kind = Literal["none", "care", "warn", "ban"]


def parse_duration(value: Any) -> float:
    """Seconds of ``10m``, ``6h``, ``30d`` or ``forever``.

    Raises:
        ValueError: it is no such duration.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    text = str(value).strip().lower()
    if text == "forever":
        return FOREVER
    found = re.fullmatch(r"([1-9]\d{0,5})\s*([smhd])", text)
    if found:
        return int(found[1]) * UNITS[found[2]]
    raise ValueError(f"{value!r} is no duration; write 10m, 6h, 30d or forever")


def duration_text(seconds: float) -> str:
    """The inverse of `parse_duration`."""
    if seconds == FOREVER:
        return "forever"
    for unit in ("d", "h", "m"):
        if seconds % UNITS[unit] == 0:
            return f"{int(seconds / UNITS[unit])}{unit}"
    return f"{int(seconds)}s"


Duration = Annotated[float, BeforeValidator(parse_duration)]
Row = tuple[Duration, ...]


class Chain(BaseModel):
    """What one category brings: the bans of each severity in order, and how fast a strike is forgotten.

    Attributes:
        warnings: how many warnings come before the first ban.
        decay_days: good days after which a strike weighs half.
        mild, grave, extreme: lengths of the first, second, … ban in seconds; beyond its end a row repeats its last one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    warnings: int = Field(1, ge=1, le=10)
    decay_days: float = Field(30.0, gt=0)
    mild: Row
    grave: Row
    extreme: Row

    def ban(self, severity: int, number: int) -> float:
        """Seconds of ban ``number`` (0 is the first) for a severity of 1, 2 or 3."""
        row: tuple[float, ...] = getattr(self, SEVERITIES[severity - 1])
        return row[min(number, len(row) - 1)]

    @model_validator(mode="after")
    def _grows(self) -> Chain:
        if not all(0 < len(getattr(self, name)) <= 20 for name in SEVERITIES):
            raise ValueError("a row needs one to twenty bans")
        for number in range(max(len(getattr(self, name)) for name in SEVERITIES)):
            lengths = [self.ban(severity, number) for severity in (1, 2, 3)]
            if lengths != sorted(lengths):
                raise ValueError(
                    f"ban {number + 1} is shorter for a graver severity; let each row be as long as the one above"
                )
            if number and any(self.ban(severity, number) < self.ban(severity, number - 1) for severity in (1, 2, 3)):
                raise ValueError(f"ban {number + 1} is shorter than the one before it; bans may only grow")
        return self


def _chain(mild: str, grave: str, extreme: str, **more: Any) -> Chain:
    rows = {name: tuple(text.split()) for name, text in zip(SEVERITIES, (mild, grave, extreme), strict=True)}
    return Chain.model_validate(rows | more)


DEFAULT: dict[str, Chain] = {
    "insult": _chain("10m 1h 6h 1d 3d 7d", "1h 6h 1d 3d 7d 30d", "6h 1d 7d 30d forever"),
    "hate": _chain("30m 3h 1d 3d 7d 30d", "3h 1d 7d 30d forever", "1d 7d 30d forever"),
    "sexual": _chain("1h 6h 1d 7d 30d", "6h 1d 7d 30d forever", "1d 7d 30d forever"),
    "pressure": _chain("10m 30m 2h 6h 1d 3d", "30m 3h 1d 3d 7d", "3h 1d 7d 30d"),
    "agitation": _chain("10m 30m 2h 6h 1d 3d", "30m 3h 1d 3d 7d", "3h 1d 7d 30d"),
    "family": _chain("1h 6h 1d 3d 7d 30d", "3h 1d 7d 30d forever", "1d 7d 30d forever"),
    "threat": _chain("1h 1d 7d 30d forever", "1d 7d 30d forever", "7d 30d forever", decay_days=60.0),
    "privacy": _chain("30m 6h 1d 7d 30d", "6h 1d 7d 30d forever", "1d 7d 30d forever", decay_days=60.0),
    "jailbreak": _chain("5m 10m 30m", "10m 30m 1h", "30m 1h", warnings=2, decay_days=7.0),
}
"""Bans of each category for mild, grave and extreme words. The defaults of `LadderTable`."""


class LadderTable(BaseModel):
    """The ladder's table: one chain per punished category, and what good messages count.

    Attributes:
        decay_messages: messages without objection after which a strike weighs half.
        messages_per_day: how many of them count in a day, so that no stream of small talk washes a strike away.
        chains: category → its chain. Written in settings as a table per category, of which any part may be given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    decay_messages: float = Field(300.0, gt=0)
    messages_per_day: float = Field(40.0, ge=0)
    chains: dict[str, Chain] = Field(default_factory=lambda: dict(DEFAULT))

    @model_validator(mode="before")
    @classmethod
    def _over_the_defaults(cls, given: Any) -> Any:
        """What is given lies over the defaults: ``{"insult": {"mild": ["5m"]}}`` changes that row only."""
        if isinstance(given, str):
            try:
                given = tomllib.loads(given)
            except tomllib.TOMLDecodeError as error:
                raise ValueError(f"this is no TOML table: {error}") from None
        if not isinstance(given, dict):
            return given
        values = {str(name).replace("-", "_"): value for name, value in given.items()}
        chains = dict(values.pop("chains", DEFAULT))
        for name in [name for name in values if isinstance(values[name], dict)]:
            if name not in DEFAULT:
                raise ValueError(f"there is no ladder for {name!r}; there is one for {', '.join(DEFAULT)}")
            changes = {str(key).replace("-", "_"): value for key, value in values.pop(name).items()}
            chains[name] = Chain.model_validate(DEFAULT[name].model_dump() | changes)
        return values | {"chains": chains}

    @model_validator(mode="after")
    def _whole(self) -> LadderTable:
        punished = {category.id for category in CATEGORIES if category.punished}
        if set(self.chains) != punished:
            raise ValueError(f"there must be a ladder for each of {', '.join(sorted(punished))} and for nothing else")
        if max(self.chains["jailbreak"].extreme) > LONGEST_JAILBREAK:
            raise ValueError("a ban for jailbreak may last a day at most")
        return self

    def __str__(self) -> str:
        """What differs from the built-in table, as TOML."""
        plain = LadderTable.model_construct(chains=DEFAULT)
        lines = [
            f"{name} = {getattr(self, name):g}"
            for name in ("decay_messages", "messages_per_day")
            if getattr(self, name) != getattr(plain, name)
        ]
        lines += [_chain_text(name, chain) for name, chain in self.chains.items() if chain != DEFAULT[name]]
        return "\n".join(lines) or "built in"


def _chain_text(name: str, chain: Chain) -> str:
    rows = [f"{row} = {[duration_text(length) for length in getattr(chain, row)]}" for row in SEVERITIES]
    head = f"{name} = {{warnings = {chain.warnings}, decay_days = {chain.decay_days:g}"
    return ", ".join([head, *rows]).replace("'", '"') + "}"


@dataclass(frozen=True, slots=True)
class Strike:
    """A message that counted.

    Attributes:
        message: its id; a message counts once.
        when: seconds since 1970.
        clean: how many messages without objection the account had sent before it.
        until: end of the ban it brought, `FOREVER` for one without end, None for a warning.
    """

    message: str
    category: str
    severity: int
    when: float
    clean: int
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What a message brings.

    Attributes:
        kind: ``none``; ``care``: help and no strike; ``warn``; ``ban``.
        rung: how far up its chain stood before it: 0 for a first warning.
        until: of a ban: its end in seconds since 1970, or `FOREVER`.
    """

    kind: Kind = "none"
    category: str | None = None
    rung: int = 0
    until: float | None = None


def remaining(table: LadderTable, strike: Strike, now: float, clean: int) -> float:
    """How much a strike still weighs: 1 when it falls or its ban ends, near 0 after long good conduct.

    Args:
        clean: messages without objection the account has sent by now.
    """
    start = strike.when if strike.until is None else max(strike.when, strike.until)
    if start == FOREVER:
        return 1.0
    days = max(0.0, (now - start) / DAY)
    messages = min(max(0, clean - strike.clean), table.messages_per_day * days)
    return float(2.0 ** -(days / table.chains[strike.category].decay_days + messages / table.decay_messages))


def level(table: LadderTable, history: Iterable[Strike], category: str, now: float, clean: int) -> float:
    """What remains of a category's chain in all."""
    return sum(remaining(table, strike, now, clean) for strike in history if strike.category == category)


def is_forgiven(table: LadderTable, history: Iterable[Strike], category: str, now: float, clean: int) -> bool:
    """Whether the next strike in the category would be warned of like a first one."""
    return level(table, history, category, now, clean) < FORGIVEN_BELOW


def decide(
    table: LadderTable, history: Sequence[Strike], judgement: Judgement, *, message: str, now: float, clean: int
) -> Step:
    """What a judged message brings. One that has brought its step already brings the same one and no other.

    Args:
        history: the account's strikes that stand, of all categories.
        message: id of the message.
        now: seconds since 1970, by the server's clock.
        clean: messages without objection the account has sent before.
    """
    if judgement.category is None:
        return Step()
    if not BY_ID[judgement.category].punished:
        return Step("care", judgement.category)
    for strike in history:
        if strike.message == message:
            earlier = history[: history.index(strike)]
            rung = _rung(level(table, earlier, strike.category, strike.when, strike.clean))
            return Step("warn" if strike.until is None else "ban", strike.category, rung, strike.until)
    return _step(table, history, judgement.category, judgement.severity, now, clean)


def _step(table: LadderTable, history: Iterable[Strike], category: str, severity: int, now: float, clean: int) -> Step:
    chain = table.chains[category]
    rung = _rung(level(table, history, category, now, clean))
    if rung < chain.warnings:
        return Step("warn", category, rung)
    return Step("ban", category, rung, now + chain.ban(severity, rung - chain.warnings))


def _rung(level: float) -> int:
    return math.floor(level + FORGIVEN_BELOW)


def replay(table: LadderTable, strikes: Iterable[Strike]) -> list[Strike]:
    """The same strikes, oldest first, each with the ban that it brings when only these have ever happened.

    So a strike that is taken back takes all back that followed from it.
    """
    done: list[Strike] = []
    for strike in sorted(strikes, key=lambda strike: (strike.when, strike.message)):
        step = _step(table, done, strike.category, strike.severity, strike.when, strike.clean)
        done.append(replace(strike, until=step.until))
    return done


def banned_by(history: Iterable[Strike], now: float) -> Strike | None:
    """The strike whose ban holds longest, if one holds now."""
    holding = [strike for strike in history if strike.until is not None and strike.until > now]
    return max(holding, key=lambda strike: strike.until or 0.0, default=None)
