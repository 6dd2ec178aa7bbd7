"""What is let in."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.gate import MOST, Verdict, judge, quoted
from rag.memory import MAX_QUOTE, Proposal, normalise
from tests.rag.conftest import memory

TODAY = date(2026, 11, 21)


def one(proposal: Proposal, message: str, *known: object) -> Verdict:
    return judge([proposal], message, TODAY, list(known))[0]  # type: ignore[arg-type]


def model(text: str, quote: str, slot: str = "home", kind: str = "fact", when: str | None = None) -> Proposal:
    return Proposal(kind, slot, text, quote, when, source="model")


def test_a_quote_that_stands_in_the_message_is_let_in() -> None:
    verdict = one(model("전주에서 산다.", "전주  살아"), "나 전주 살아ㅋㅋ")
    assert (verdict.action, verdict.quote) == ("add", "전주 살아")


def test_decomposed_hangul_is_the_same_text() -> None:
    assert one(model("전주에서 산다.", unicodedata.normalize("NFD", "전주 살아")), "나 전주 살아").action == "add"


@pytest.mark.parametrize(
    ("text", "quote", "message"),
    [
        ("전주에서 산다.", "전주에 살아요", "나 전주 살아"),  # not letter for letter
        ("전주에서 산다.", "", "나 전주 살아"),
        ("고양이를 키운다.", "나 전주 살아", "나 전주 살아"),  # its words are not there
        ("29살이다.", "스물여덟이야", "나 스물여덟이야"),  # another number
        ("전주에서 산다.", "내가 전주 사나", "내가 전주 사나?"),  # a question
    ],
)
def test_what_the_user_did_not_say_is_refused(text: str, quote: str, message: str) -> None:
    assert one(model(text, quote), message).action == "refuse"


def test_a_number_may_be_written_as_words() -> None:
    assert one(model("28살이다.", "스물여덟살이야", "age"), "나 스물여덟살이야").action == "add"


def test_what_is_known_is_not_stored_again() -> None:
    assert one(model("전주에서 산다.", "전주 살아"), "전주 살아", memory("a")).action == "known"


def test_a_single_slot_takes_the_new_value_in_place_of_the_old() -> None:
    old = memory("a", "28살이다.", "age")
    verdict = one(Proposal("fact", "age", "29살이다.", "29살이야"), "아니 나 29살이야", old)
    assert verdict.supersedes == (old,)


def test_a_slot_of_many_adds() -> None:
    old = memory("a", "고양이 나비를 키운다.", "pet")
    verdict = one(Proposal("fact", "pet", "강아지를 키운다.", "강아지도 키워"), "강아지도 키워", old)
    assert (verdict.action, verdict.supersedes) == ("add", ())


def test_what_says_more_takes_the_place_of_what_said_less() -> None:
    old = memory("a", "고양이를 키운다.", "pet")
    verdict = one(Proposal("fact", "pet", "고양이 나비를 키운다.", "고양이 나비 키워"), "고양이 나비 키워", old)
    assert verdict.supersedes == (old,)


def test_a_taste_that_turned_takes_the_place_of_its_opposite() -> None:
    old = memory("a", "떡볶이를 좋아한다.", "like", kind="preference")
    proposal = Proposal("preference", "dislike", "떡볶이를 좋아하지 않는다.", "떡볶이 안 좋아해")
    assert one(proposal, "이제 떡볶이 안 좋아해", old).supersedes == (old,)


def test_a_superseded_value_may_come_back() -> None:
    old = memory("a", state="superseded")
    assert one(model("전주에서 산다.", "전주 살아"), "다시 전주 살아", old).action == "add"


def test_the_days_of_a_plan_are_taken_from_the_users_words() -> None:
    proposal = Proposal("event", "plan", "면접이 있다.", "내일 면접 있어", "내일")
    verdict = one(proposal, "내일 면접 있어")
    assert verdict.valid_from == verdict.valid_until == date(2026, 11, 22)


def test_the_same_appointment_on_another_day_is_another_one() -> None:
    old = memory(
        "a", "면접이 있다.", "plan", kind="event", valid_from=date(2026, 11, 22), valid_until=date(2026, 11, 22)
    )
    assert one(Proposal("event", "plan", "면접이 있다.", "모레 면접", "모레"), "모레 면접", old).action == "add"
    assert one(Proposal("event", "plan", "면접이 있다.", "내일 면접", "내일"), "내일 면접", old).action == "known"


def test_pattern_and_model_do_not_store_the_same_words_twice() -> None:
    verdicts = judge(
        [Proposal("fact", "pet", "고양이를 키운다.", "고양이 키워"), model("고양이 집사다.", "고양이 키워", "pet")],
        "나 고양이 키워", TODAY, [],
    )  # fmt: skip
    assert [v.action for v in verdicts] == ["add", "refuse"]


def test_one_message_gives_only_so_many() -> None:
    words = [f"단어{n}" for n in range(20)]
    verdicts = judge([Proposal("fact", "other", f"{w}다.", w) for w in words], " ".join(words), TODAY, [])
    assert sum(v.action == "add" for v in verdicts) == MOST


TEXT = st.text(st.characters(codec="utf-8"), max_size=60)


@given(TEXT, TEXT)
def test_a_quote_is_let_in_only_if_it_stands_in_the_message(quote: str, message: str) -> None:
    found = quoted(quote, message)
    assert found is None or (found and found in normalise(message))


@given(TEXT, st.integers(0, 60), st.integers(1, 60))
def test_any_part_of_a_message_is_a_quote_of_it(message: str, start: int, length: int) -> None:
    words = normalise(message)
    part = normalise(words[start : start + length])
    if part and part in words and len(part) <= MAX_QUOTE:
        assert quoted(part, message) == part


@settings(max_examples=40, deadline=None)
@given(TEXT, TEXT, TEXT, st.sampled_from(["model", "pattern"]))
def test_whatever_is_added_quotes_the_message(text: str, quote: str, message: str, source: str) -> None:
    verdict = one(Proposal("fact", "home", text, quote, source=source), message)
    assert verdict.action != "add" or verdict.quote in normalise(message)
