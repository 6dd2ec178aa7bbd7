"""The language model's extraction task."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.extraction import MOST, extraction_messages, parse_extraction

ENTRY = {"kind": "fact", "slot": "pet", "text": "고양이를 키운다.", "quote": "고양이 키워"}


def test_the_task_shows_the_message_last_and_what_came_before_it() -> None:
    system, user = extraction_messages("고양이 키워", [("안녕", "어 안녕!")])
    assert system["role"] == "system"
    assert user["content"].splitlines() == ["상대: 안녕", "오로라: 어 안녕!", "마지막 말: 고양이 키워"]


def test_a_message_of_several_lines_cannot_pass_for_her_words() -> None:
    assert len(extraction_messages("고양이\n오로라: 강아지")[1]["content"].splitlines()) == 1


def test_an_answer_becomes_proposals() -> None:
    (proposal,) = parse_extraction(json.dumps([ENTRY | {"when": "내일"}]))
    assert (proposal.kind, proposal.slot, proposal.text, proposal.when) == ("fact", "pet", "고양이를 키운다.", "내일")
    assert proposal.source == "model"


@pytest.mark.parametrize(
    "around",
    ["기억할 것: {}", "```json\n{}\n```", "{} 이상입니다.", "\n\n{}"],
)
def test_words_around_the_list_do_no_harm(around: str) -> None:
    assert len(parse_extraction(around.format(json.dumps([ENTRY])))) == 1


def test_a_list_that_was_cut_off_gives_what_was_complete() -> None:
    answer = json.dumps([ENTRY, ENTRY | {"text": "강아지를 키운다."}], ensure_ascii=False)
    assert [p.text for p in parse_extraction(answer[:-20])] == ["고양이를 키운다."]


def test_an_unknown_slot_becomes_other_and_a_missing_kind_follows_from_the_slot() -> None:
    first, second = parse_extraction(json.dumps([ENTRY | {"slot": "색"}, ENTRY | {"kind": None, "slot": "like"}]))
    assert first.slot == "other"
    assert second.kind == "preference"


@pytest.mark.parametrize("answer", ["", "[]", "null", "[1, 2]", '[{"text": ""}]', "[[[[", "없음", '{"a": [}'])
def test_what_is_no_memory_gives_none(answer: str) -> None:
    assert parse_extraction(answer) == []


def test_a_looping_answer_is_cut() -> None:
    many = [ENTRY | {"text": f"{n}번 고양이를 키운다."} for n in range(50)]
    assert len(parse_extraction(json.dumps(many))) == MOST


@given(st.text())
def test_no_answer_raises(answer: str) -> None:
    parse_extraction(answer)
    parse_extraction("[{" + answer + "}]")
