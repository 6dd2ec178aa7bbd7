"""Scores and choices."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from rag.asking import Asked
from rag.memory import Memory
from rag.recall import Recall, Weights, is_due, prompt_line, rank
from tests.rag.conftest import memory

NOW = datetime(2026, 11, 21, 20, 0)
HEARD = datetime(2026, 9, 3, 12, 0).timestamp()
WEIGHTS = Weights()
HOME = memory("a", said=HEARD)
CAT = memory("a", "고양이를 키운다.", "pet", said=HEARD)


def appointment(day: str, **more: object) -> Memory:
    at = date.fromisoformat(day)
    said = datetime(2026, 11, 18, 12, 0).timestamp()
    return memory("a", "면접이 있다.", "plan", kind="event", valid_from=at, valid_until=at, said=said, **more)


def chosen(recall: Recall) -> list[str]:
    return [recalled.memory.text for recalled in recall.found]


def test_what_shares_nothing_with_the_words_is_not_recalled() -> None:
    assert chosen(rank([HOME, CAT], NOW, WEIGHTS, meaning={HOME.id: (0.1, 0.0)}, words={})) == []


def test_standing_merits_do_not_lift_over_the_floor() -> None:
    best = replace(HOME, pinned=True, said=NOW.timestamp(), kind="promise")
    assert chosen(rank([best], NOW, WEIGHTS, words={best.id: 1.0})) == []


def test_meaning_and_words_add_up() -> None:
    recall = rank([HOME, CAT], NOW, WEIGHTS, meaning={CAT.id: (0.8, 0.6), HOME.id: (0.5, 0.4)}, words={CAT.id: 4.0})
    assert chosen(recall) == ["고양이를 키운다.", "전주에서 산다."]
    parts = recall.found[0].parts
    assert parts["vector"] == pytest.approx(WEIGHTS.vector * 0.6)
    assert parts["keyword"] == pytest.approx(WEIGHTS.keyword * 0.5)
    assert recall.found[0].score == pytest.approx(sum(parts.values()), abs=1e-3)


def test_what_is_asked_for_is_surely_recalled() -> None:
    recall = rank([HOME, CAT], NOW, WEIGHTS, asked=Asked(("home",)))
    assert chosen(recall) == ["전주에서 산다."]
    assert recall.found[0].reason == "asked"


def test_a_slot_that_was_asked_for_and_is_empty_is_named() -> None:
    assert rank([HOME], NOW, WEIGHTS, asked=Asked(("birthday",))).unknown == ("birthday",)


def test_superseded_memories_are_passed_over() -> None:
    assert chosen(rank([replace(HOME, state="superseded")], NOW, WEIGHTS, asked=Asked(("home",)))) == []


def test_boundaries_are_told_always_but_not_all_of_them() -> None:
    rules = [
        memory("a", f"{n} 이야기를 꺼내지 않기를 바란다.", "rule", kind="boundary", said=float(n)) for n in range(5)
    ]
    recall = rank(rules, NOW, WEIGHTS)
    assert [r.memory.said for r in recall.found] == [4.0, 3.0]
    assert {r.reason for r in recall.found} == {"boundary"}


def test_no_more_than_the_limit_is_recalled() -> None:
    many = [memory("a", f"{n}번", "pet") for n in range(20)]
    assert len(rank(many, NOW, WEIGHTS, asked=Asked(("pet",)), limit=3).found) == 3


@pytest.mark.parametrize(
    ("day", "due"),
    [("21", True), ("22", True), ("20", True), ("18", True), ("17", False), ("23", False)],
)
def test_an_appointment_comes_up_from_the_day_before_until_soon_after(day: str, due: bool) -> None:
    assert is_due(appointment(f"2026-11-{day}"), NOW, WEIGHTS) is due


def test_she_asks_once_how_it_went() -> None:
    after, before = datetime(2026, 11, 21, 9, 0).timestamp(), datetime(2026, 11, 20, 9, 0).timestamp()
    assert not is_due(appointment("2026-11-20", surfaced=after), NOW, WEIGHTS)
    assert is_due(appointment("2026-11-20", surfaced=before), NOW, WEIGHTS)


def test_a_coming_appointment_rests_after_it_was_mentioned() -> None:
    soon, long_ago = NOW.timestamp() - 3600, NOW.timestamp() - 7 * 3600
    assert not is_due(appointment("2026-11-22", surfaced=soon), NOW, WEIGHTS)
    assert is_due(appointment("2026-11-22", surfaced=long_ago), NOW, WEIGHTS)


def test_a_birthday_comes_up_on_its_day_in_any_year() -> None:
    birthday = memory("a", "생일은 11월 21일이다.", "birthday", said=HEARD)
    assert is_due(birthday, NOW, WEIGHTS)
    assert not is_due(birthday, datetime(2026, 11, 22, 9, 0), WEIGHTS)
    assert not is_due(memory("a", "생일은 음력 11월 21일이다.", "birthday"), NOW, WEIGHTS)


def test_lines_carry_their_date() -> None:
    assert prompt_line(HOME, NOW) == "9월 3일에 들음: 전주에서 산다."
    assert prompt_line(HOME, datetime(2027, 1, 2)) == "2026년 9월 3일에 들음: 전주에서 산다."
    assert prompt_line(appointment("2026-11-22"), NOW) == "내일(11월 22일) 일정: 면접이 있다. 11월 18일에 들음."
    assert prompt_line(appointment("2026-11-20"), NOW) == "어제(11월 20일) 지난 일정: 면접이 있다. 11월 18일에 들음."
    birthday = memory("a", "생일은 11월 21일이다.", "birthday", said=HEARD)
    assert prompt_line(birthday, NOW) == "오늘(11월 21일)이 생일: 생일은 11월 21일이다. 9월 3일에 들음."
