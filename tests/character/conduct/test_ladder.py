"""The ladder as a set of promises: a warning before every ban, growth, decay, one step per message, nothing twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from character.conduct.categories import CATEGORIES
from character.conduct.judgement import Judgement
from character.conduct.ladder import (
    DAY,
    FOREVER,
    FORGIVEN_BELOW,
    LadderTable,
    Step,
    Strike,
    banned_by,
    decide,
    duration_text,
    is_forgiven,
    level,
    parse_duration,
    remaining,
    replay,
)

TABLE = LadderTable()
PUNISHED = [category.id for category in CATEGORIES if category.punished]
START = 1_800_000_000.0
unhurried = settings(deadline=None)
"""A busy machine breaks no promise."""

lengths = st.lists(st.sampled_from([60.0, 3600.0, DAY, 7 * DAY, FOREVER]), min_size=1, max_size=5).map(sorted)


@st.composite
def tables(draw: st.DrawFn) -> LadderTable:
    """The built-in table, or one with other rows, warnings and half-lives."""
    if draw(st.booleans()):
        return TABLE
    mild = draw(lengths)
    changes = {
        "warnings": draw(st.integers(1, 3)), "decay_days": draw(st.floats(0.5, 100)),
        "mild": mild, "grave": [length * 2 for length in mild], "extreme": [length * 2 for length in mild],
    }  # fmt: skip
    return LadderTable.model_validate({"insult": changes, "decay_messages": draw(st.floats(5, 1000))})


@st.composite
def histories(draw: st.DrawFn, categories: list[str] | None = None) -> list[Strike]:
    """Strikes in the order in which they fell, as they were decided about."""
    found, when, clean = [], START, 0
    for number in range(draw(st.integers(0, 12))):
        when += draw(st.floats(0, 60 * DAY))
        clean += draw(st.integers(0, 400))
        category = draw(st.sampled_from(categories or PUNISHED))
        found.append(Strike(f"m{number:02}", category, draw(st.integers(1, 3)), when, clean))
    return found


def judged(category: str | None, severity: int = 1) -> Judgement:
    return Judgement(category, 0.9, severity)


def next_step(
    table: LadderTable, history: list[Strike], category: str, severity: int = 1, *, days: float = 0.0, clean: int = 0
) -> Step:
    """What another strike brings, so many days and clean messages after the last one."""
    now = (history[-1].when if history else START) + days * DAY
    before = history[-1].clean if history else 0
    return decide(table, history, judged(category, severity), message="next", now=now, clean=before + clean)


def fallen(table: LadderTable, number: int, category: str = "insult", severity: int = 1) -> list[Strike]:
    """So many strikes, each right after the ban of the one before it."""
    history: list[Strike] = []
    now = START
    for index in range(number):
        step = decide(table, history, judged(category, severity), message=f"m{index}", now=now, clean=0)
        history.append(Strike(f"m{index}", category, severity, now, 0, step.until))
        now = (step.until or now) + 1
    return history


# --- examples a reader can follow


def test_an_insult_is_warned_of_first_and_then_banned_for_longer_and_longer() -> None:
    bans = [strike.until and strike.until - strike.when for strike in fallen(TABLE, 8)]
    assert bans[0] is None
    assert [duration_text(round(ban)) for ban in bans[1:] if ban] == ["10m", "1h", "6h", "1d", "3d", "7d", "7d"]


@pytest.mark.parametrize("category", PUNISHED)
@pytest.mark.parametrize("severity", [1, 2, 3])
def test_every_category_is_warned_of_first_however_grave(category: str, severity: int) -> None:
    assert next_step(TABLE, [], category, severity) == Step("warn", category, 0)


def test_a_warning_in_one_category_is_none_in_another() -> None:
    assert next_step(TABLE, fallen(TABLE, 3, "insult"), "threat", 3).kind == "warn"


def test_jailbreaks_are_warned_of_twice_and_never_banned_for_longer_than_a_day() -> None:
    history = fallen(TABLE, 30, "jailbreak", 3)
    assert [strike.until for strike in history[:2]] == [None, None]
    assert max(strike.until - strike.when for strike in history[2:] if strike.until) <= DAY


def test_a_cry_for_help_is_never_a_strike() -> None:
    history = fallen(TABLE, 5, "insult", 3)
    assert next_step(TABLE, history, "self_harm", 3) == Step("care", "self_harm")


def test_what_is_fine_brings_nothing() -> None:
    assert decide(TABLE, fallen(TABLE, 3), judged(None), message="m", now=START, clean=0) == Step()


def test_after_half_its_life_a_lone_warning_is_forgotten_and_given_again() -> None:
    history = fallen(TABLE, 1)
    assert next_step(TABLE, history, "insult", days=29).kind == "ban"
    assert next_step(TABLE, history, "insult", days=31).kind == "warn"
    # Good messages make it quicker, but no more of them in a day than count.
    assert next_step(TABLE, history, "insult", days=12, clean=1000).kind == "warn"
    assert next_step(TABLE, history, "insult", days=1, clean=100_000).kind == "ban"


def test_a_ban_does_not_count_as_good_conduct() -> None:
    history = fallen(TABLE, 7)
    last = history[-1]
    assert last.until is not None
    assert remaining(TABLE, last, last.until, 0) == 1.0
    assert remaining(TABLE, last, last.until + 30 * DAY, 0) == pytest.approx(0.5)


def test_a_strike_that_is_taken_back_takes_back_what_followed() -> None:
    second, third = fallen(TABLE, 3)[1:]
    assert second.until
    assert third.until
    left = replay(TABLE, [second, third])
    assert left[0].until is None
    assert left[1].until == third.when + 600


# --- promises


@unhurried
@given(tables(), histories())
def test_no_ban_comes_without_a_warning_in_its_chain(table: LadderTable, strikes: list[Strike]) -> None:
    history = replay(table, strikes)
    for number, strike in enumerate(history):
        if strike.until is None:
            continue
        chain = [earlier for earlier in history[:number] if earlier.category == strike.category]
        assert any(earlier.until is None for earlier in chain)
        assert level(table, chain, strike.category, strike.when, strike.clean) >= FORGIVEN_BELOW


@unhurried
@given(tables(), histories(), st.sampled_from(PUNISHED), st.integers(1, 3), st.floats(0, 50), st.data())
def test_more_strikes_never_bring_a_shorter_ban(
    table: LadderTable, strikes: list[Strike], category: str, severity: int, days: float, data: st.DataObject
) -> None:
    fewer = [strike for strike in strikes if data.draw(st.booleans())]
    now, clean = START + 800 * DAY + days * DAY, 6000

    def until(kept: list[Strike]) -> float:
        step = decide(table, replay(table, kept), judged(category, severity), message="x", now=now, clean=clean)
        return step.until or 0.0

    assert until(strikes) >= until(fewer)


@unhurried
@given(tables(), histories(), st.sampled_from(PUNISHED), st.floats(0, 60))
def test_graver_words_never_bring_a_shorter_ban(
    table: LadderTable, strikes: list[Strike], category: str, days: float
) -> None:
    history = replay(table, strikes)
    untils = [next_step(table, history, category, severity, days=days).until or 0.0 for severity in (1, 2, 3)]
    assert untils == sorted(untils)


@unhurried
@given(
    tables(), histories(["insult"]), st.floats(0, 400), st.floats(0, 400), st.integers(0, 5000), st.integers(0, 5000)
)
def test_a_chain_only_ever_decays_with_time_and_with_good_messages(
    table: LadderTable, strikes: list[Strike], days: float, more_days: float, clean: int, more_clean: int
) -> None:
    history = replay(table, strikes)
    now = (strikes[-1].when if strikes else START) + days * DAY
    before = clean + (strikes[-1].clean if strikes else 0)
    earlier = level(table, history, "insult", now, before)
    later = level(table, history, "insult", now + more_days * DAY, before + more_clean)
    assert 0 <= later <= earlier + 1e-9
    assert earlier <= len(history)


@unhurried
@given(tables(), histories(["insult"]))
def test_after_long_good_conduct_everything_that_can_be_forgiven_is(table: LadderTable, strikes: list[Strike]) -> None:
    history = replay(table, strikes)
    end = max([strike.until or strike.when for strike in history if strike.until != FOREVER], default=START)
    now = max(end, strikes[-1].when if strikes else START) + 100 * 12 * DAY
    lasting = any(strike.until == FOREVER for strike in history)
    assert is_forgiven(table, history, "insult", now, 10**6) is not lasting
    assert next_step(table, [s for s in history if s.until != FOREVER], "insult", days=100 * 12 + 4000).kind == "warn"


@unhurried
@given(tables(), histories(), st.data())
def test_a_message_that_is_judged_again_brings_the_same_step_and_no_other(
    table: LadderTable, strikes: list[Strike], data: st.DataObject
) -> None:
    history = replay(table, strikes)
    if not history:
        return
    strike = data.draw(st.sampled_from(history))
    later = strike.when + data.draw(st.floats(0, 100)) * DAY
    again = decide(table, history, judged("threat", 3), message=strike.message, now=later, clean=10**6)
    assert (again.kind, again.category, again.until) == (
        "ban" if strike.until else "warn",
        strike.category,
        strike.until,
    )


@unhurried
@given(tables(), histories())
def test_replaying_what_was_decided_changes_nothing(table: LadderTable, strikes: list[Strike]) -> None:
    once = replay(table, strikes)
    assert replay(table, once) == once
    assert replay(table, reversed(once)) == once
    step_by_step: list[Strike] = []
    for strike in strikes:
        step = decide(
            table, step_by_step, judged(strike.category, strike.severity), message=strike.message, now=strike.when,
            clean=strike.clean,
        )  # fmt: skip
        step_by_step.append(replace(strike, until=step.until))
    assert sorted(step_by_step, key=lambda strike: strike.message) == sorted(once, key=lambda strike: strike.message)


@unhurried
@given(tables(), histories())
def test_one_message_climbs_one_rung_at_most(table: LadderTable, strikes: list[Strike]) -> None:
    history = replay(table, strikes)
    for number, strike in enumerate(history):
        before = level(table, history[:number], strike.category, strike.when, strike.clean)
        after = level(table, history[: number + 1], strike.category, strike.when, strike.clean)
        assert after == pytest.approx(before + 1)


@unhurried
@given(histories(), st.floats(0, 3000))
def test_a_ban_holds_to_its_end_and_the_longest_one_counts(strikes: list[Strike], days: float) -> None:
    history, now = replay(TABLE, strikes), START + days * DAY
    holding = [strike.until for strike in history if strike.until is not None and strike.until > now]
    found = banned_by(history, now)
    assert (found.until if found else None) == max(holding, default=None)


# --- the table


def test_a_part_of_the_table_changes_that_part_only() -> None:
    table = LadderTable.model_validate({"insult": {"mild": ["1m", "2m"], "decay-days": 3}, "messages-per-day": 5})
    assert table.chains["insult"].mild == (60.0, 120.0)
    assert table.chains["insult"].grave == TABLE.chains["insult"].grave
    assert table.chains["threat"] == TABLE.chains["threat"]
    assert table.messages_per_day == 5
    assert LadderTable.model_validate(str(table)) == table
    assert str(TABLE) == "built in"


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"insult": {"mild": ["10m", "5m"]}}, "shorter than the one before"),
        ({"insult": {"mild": ["40d"]}}, "shorter for a graver severity"),
        ({"insult": {"mild": ["soon"]}}, "'soon' is no duration"),
        ({"insult": {"mild": []}}, "one to twenty"),
        ({"insult": {"warnings": 0}}, "warnings"),
        ({"self_harm": {"mild": ["1m"]}}, "no ladder for 'self_harm'"),
        ({"jailbreak": {"extreme": ["30m", "2d"]}}, "a day at most"),
        ({"decay_messages": 0}, "decay_messages"),
        ({"nonsense": 1}, "nonsense"),
        ("insult = [", "no TOML table"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_and_says_why(given_: object, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        LadderTable.model_validate(given_)


@unhurried
@given(st.integers(1, 999_999), st.sampled_from("smhd"))
def test_a_length_reads_back_as_it_was_written(number: int, unit: str) -> None:
    assert parse_duration(duration_text(parse_duration(f"{number}{unit}"))) == parse_duration(f"{number}{unit}")
    assert parse_duration(duration_text(FOREVER)) == FOREVER


def test_the_documentation_shows_the_table_as_it_is() -> None:
    text = (Path(__file__).parents[3] / "docs" / "conduct.md").read_text(encoding="utf-8")
    for name, chain in TABLE.chains.items():
        rows = [" ".join(map(duration_text, row)) for row in (chain.mild, chain.grave, chain.extreme)]
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        assert [cell.strip() for cell in line.split("|")[3:6]] == rows
        assert f"{chain.decay_days:g} days" in line
        assert (f"{chain.warnings} warnings" in line) == (chain.warnings > 1)
    assert f"messages, {TABLE.messages_per_day:g} · days) / {TABLE.decay_messages:g}" in text
