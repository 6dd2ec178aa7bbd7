"""Korean time expressions as days."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import dates

SATURDAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("내일", "2026-11-22", ""),
        ("모레", "2026-11-23", ""),
        ("내일모레", "2026-11-23", ""),
        ("그저께", "2026-11-19", ""),
        ("지난주에", "2026-11-09", "2026-11-15"),
        ("다음 주 화요일", "2026-11-24", ""),
        ("담주 화욜에", "2026-11-24", ""),
        ("다음주", "2026-11-23", "2026-11-29"),
        ("이번 주말", "2026-11-21", "2026-11-22"),
        ("다음 주말", "2026-11-28", "2026-11-29"),
        ("3월 2일", "2027-03-02", ""),
        ("12일에", "2026-12-12", ""),
        ("24일", "2026-11-24", ""),
        ("크리스마스", "2026-12-25", ""),
        ("크리스마스이브", "2026-12-24", ""),
        ("추석", "2027-09-15", ""),
        ("다음 달", "2026-12-01", "2026-12-31"),
        ("다음달 3일", "2026-12-03", ""),
        ("3일 뒤", "2026-11-24", ""),
        ("사흘 뒤", "2026-11-24", ""),
        ("일주일 뒤", "2026-11-28", ""),
        ("세 달 뒤", "2027-02-21", ""),
        ("내년 3월 2일", "2027-03-02", ""),
        ("2027년 3월 2일", "2027-03-02", ""),
        ("3/2", "2027-03-02", ""),
        ("화요일에", "2026-11-24", ""),
        ("토요일", "2026-11-28", ""),
        ("지난 토요일", "2026-11-14", ""),
        ("2월 29일", "2028-02-29", ""),
    ],
)
def test_an_expression_is_the_day_it_means(words: str, first: str, last: str) -> None:
    span = dates.resolve(words, SATURDAY)
    assert span is not None
    assert (str(span.first), str(span.last)) == (first, last or first)


@pytest.mark.parametrize(
    "words", ["2월 30일", "13월 2일", "00/00", "28살이야", "하루종일", "일 끝나고", "월요일마다", "10시", ""]
)
def test_what_is_no_day_gives_none(words: str) -> None:
    assert dates.resolve(words, SATURDAY) is None


def test_told_of_the_past_a_date_lies_behind() -> None:
    assert dates.resolve("3월 2일", SATURDAY, past=True).first == date(2026, 3, 2)  # type: ignore[union-attr]
    assert dates.resolve("화요일에", SATURDAY, past=True).first == date(2026, 11, 17)  # type: ignore[union-attr]


def test_several_expressions_do_not_overlap() -> None:
    spans = dates.find("내일은 시험이고 다음 주 화요일은 면접", SATURDAY)
    assert [span.words for span in spans] == ["내일", "다음 주 화요일"]


def test_a_birthday_is_read_from_its_sentence() -> None:
    assert dates.month_day("생일은 3월 2일이다.") == (3, 2)
    assert dates.month_day("생일은 2월 30일이다.") is None


DAYS = st.dates(date(2024, 1, 1), date(2034, 12, 31))


@given(st.text(alphabet="0123456789년월일주말다음지난이번화토요오늘내모레뒤전에 /.-", max_size=30), DAYS)
def test_any_text_gives_ordered_spans_inside_it(text: str, said: date) -> None:
    spans = dates.find(text, said)
    for span in spans:
        assert span.first <= span.last
        assert text[span.start : span.end] == span.words
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))


@given(DAYS, DAYS)
def test_a_written_date_is_that_day(said: date, day: date) -> None:
    assert dates.resolve(f"{day.year}년 {day.month}월 {day.day}일", said).first == day  # type: ignore[union-attr]


@given(DAYS, st.integers(1, 300))
def test_days_ahead_are_counted(said: date, number: int) -> None:
    assert dates.resolve(f"{number}일 뒤에", said).first == said + timedelta(days=number)  # type: ignore[union-attr]


@given(DAYS, st.sampled_from("월화수목금토일"))
def test_a_weekday_is_one_of_the_next_seven_days(said: date, name: str) -> None:
    day = dates.resolve(f"{name}요일에", said).first  # type: ignore[union-attr]
    assert 1 <= (day - said).days <= 7
    assert "월화수목금토일"[day.weekday()] == name
