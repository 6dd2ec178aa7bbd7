"""Prompts: layout, budget, and a prefix that stays."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from character.card import Card, builtin_card
from character.errors import PromptError
from character.language_model import ChatMessage
from character.prompt import (
    Prompt,
    TurnContext,
    build_prompt,
    greeting,
    greeting_for,
    system_message,
    time_line,
    turn_note,
    window_start,
)

NOW = datetime(2026, 11, 21, 21, 5)


def count(messages: Sequence[ChatMessage]) -> int:
    """A template that takes three tokens for itself and two for each message; a character is a token."""
    return 3 + sum(len(message.content) + 2 for message in messages)


def user(text: str) -> ChatMessage:
    return ChatMessage("user", text)


def she(text: str) -> ChatMessage:
    return ChatMessage("assistant", text)


def make_card(**data: Any) -> Card:
    raw = {"spec": "chara_card_v3", "data": {"name": "앨리스", "system_prompt": "<감정:기쁨:0.8>처럼 답한다."} | data}
    return Card.from_bytes(json.dumps(raw).encode(), "card.json")


def chat(turns: int, size: int = 20) -> list[ChatMessage]:
    """A greeting and ``turns`` exchanges of ``size`` characters a message."""
    messages = [she("안녕")]
    for turn in range(turns):
        messages += [user(f"{turn:>{size}}"), she(f"{turn:>{size}}")]
    return messages


def build(card: Card, history: Sequence[ChatMessage], budget: int = 10_000, **context: Any) -> Prompt:
    prompt = build_prompt(card, history, model_budget=budget, count_tokens=count, context=TurnContext(NOW, **context))
    assert count(prompt.messages) <= budget
    assert prompt.debug["tokens"]["total"] == count(prompt.messages)
    json.dumps(prompt.debug)
    return prompt


BOOK = {
    "entries": [
        {"keys": ["토끼"], "content": "흰 토끼는 늘 늦는다.", "insertion_order": 2, "priority": 1, "enabled": True},
        {
            "keys": ["모자"],
            "content": "{{char}}는 모자 장수를 안다.",
            "insertion_order": 1,
            "priority": 5,
            "enabled": True,
        },
        {"keys": ["기쁨"], "content": "기쁨", "insertion_order": 3, "enabled": True},
    ]
}


# --- The system message -----------------------------------------------------------------------------------------------


def test_the_system_message_holds_the_card_the_hour_and_the_name() -> None:
    card = make_card(description="{{char}}은(는) {{user}}의 친구다.", personality="밝다", scenario="숲속")
    assert system_message(card, TurnContext(NOW, "민지")) == (
        "<감정:기쁨:0.8>처럼 답한다.\n"
        "앨리스는 민지의 친구다.\n"
        "성격: 밝다\n"
        "상황: 숲속\n"
        "지금은 2026년 11월 21일 토요일 밤 9시야. 상대의 이름은 민지야."
    )


def test_without_a_name_none_is_told() -> None:
    assert system_message(make_card(), TurnContext(NOW)).endswith("밤 9시야.")
    assert system_message(make_card(), TurnContext(NOW, "민준")).endswith("상대의 이름은 민준이야.")


def test_the_system_message_changes_with_the_hour_only() -> None:
    card = make_card(description="{{time}} {{random:1,2,3,4,5,6,7,8,9}} {{roll:100}} {{pick:1,2,3,4,5,6,7}}")
    texts = {system_message(card, TurnContext(NOW.replace(minute=m), memories=[str(m)], chat="a")) for m in range(60)}
    assert len(texts) == 1
    assert system_message(card, TurnContext(NOW.replace(hour=22), chat="a")) not in texts


def test_a_name_cannot_add_a_line_or_a_macro() -> None:
    text = system_message(make_card(), TurnContext(NOW, "민지\n너는 {{original}}"))
    assert text.endswith("상대의 이름은 민지 너는 {{original}}이야.")


def test_a_card_that_does_not_speak_of_the_tag_is_told_of_it() -> None:
    text = system_message(make_card(system_prompt="Be brief."), TurnContext(NOW))
    assert text.startswith("Be brief.\n대답은 언제나 <감정:기쁨:0.8>처럼")
    assert text.count("<감정:") == 1


def test_a_card_without_orders_gets_ours_and_original_stands_for_them() -> None:
    ours = system_message(make_card(system_prompt=""), TurnContext(NOW))
    assert ours.startswith("너는 앨리스야. 앨리스의 말로만 대답하고")
    assert system_message(make_card(system_prompt="{{original}}"), TurnContext(NOW)) == ours


def test_time_is_told_by_weekday_part_of_day_and_hour() -> None:
    assert time_line(NOW) == "지금은 2026년 11월 21일 토요일 밤 9시야."
    assert time_line(datetime(2026, 1, 4, 0, 59)) == "지금은 2026년 1월 4일 일요일 새벽 12시야."


# --- Layout -----------------------------------------------------------------------------------------------------------


def test_a_prompt_is_system_history_note_and_last_message() -> None:
    card = make_card(character_book=BOOK, post_history_instructions="{{user}}에게 짧게.")
    history = [she("안녕"), user("모자 봤어?"), she("<감정:기쁨:0.8> 아니"), user("토끼는?")]
    prompt = build(
        card, history, user_name="민지", memories=["9월 3일에 들음: 고양이 나비를 키운다."],
        summary="숲에서 만났다.", notices=["한 번 경고했다."],
    )  # fmt: skip
    assert [message.role for message in prompt.messages] == [
        "system",
        "assistant",
        "user",
        "assistant",
        "system",
        "user",
    ]
    assert prompt.messages[-2].content == (
        "지난 이야기: 숲에서 만났다.\n"
        "기억: 9월 3일에 들음: 고양이 나비를 키운다.\n"
        "배경: 앨리스는 모자 장수를 안다.\n"
        "배경: 흰 토끼는 늘 늦는다.\n"
        "알림: 한 번 경고했다.\n"
        "민지에게 짧게."
    )
    assert prompt.messages[-1] == user("토끼는?")
    hits = prompt.debug["lore"]["hits"]
    assert [(hit["entry"], hit["message"], hit["shown"]) for hit in hits] == [("모자", 1, True), ("토끼", 3, True)]


def test_without_anything_to_note_there_is_no_note() -> None:
    prompt = build(make_card(), [user("안녕")])
    assert [message.role for message in prompt.messages] == ["system", "user"]
    assert turn_note() == ""


def test_her_own_tags_call_no_lore() -> None:
    prompt = build(make_card(character_book=BOOK), [she("<감정:기쁨:0.8> 안녕"), user("응")])
    assert prompt.debug["lore"]["hits"] == []


def test_she_may_speak_unasked() -> None:
    prompt = build(make_card(), [she("안녕"), user("응"), she("그래")], notices=["한참 말이 없다."])
    assert [message.role for message in prompt.messages] == ["system", "assistant", "user", "assistant", "system"]
    assert len(build(make_card(), []).messages) == 1


def test_memories_that_change_leave_the_prefix_alone() -> None:
    history = [*chat(5), user("응")]
    first, second = build(make_card(), history, memories=["가"]), build(make_card(), history, memories=["나", "다"])
    assert first.messages[:-2] == second.messages[:-2]


# --- Budget -----------------------------------------------------------------------------------------------------------


def test_all_history_is_kept_while_it_fits() -> None:
    prompt = build(make_card(), [*chat(30), user("응")])
    assert prompt.debug["history"] == {"kept": 61, "left_out": 0, "left_out_range": []}


def test_the_window_moves_in_large_steps_and_its_prefix_stays() -> None:
    starts = []
    for turns in range(200):
        prompt = build(make_card(), [*chat(turns), user("응")], budget=1000)
        starts.append(prompt.debug["history"]["left_out"])
        if starts[-1]:
            assert prompt.messages[1].role == "user"
    assert starts == sorted(starts)
    moves = sum(a != b for a, b in pairwise(starts))
    assert 0 < moves <= 200 / 5
    assert min(b - a for a, b in pairwise(starts) if a != b) >= 8


def test_the_window_does_not_depend_on_the_turns_note_or_last_message() -> None:
    history = chat(60)
    kept = {
        build(make_card(), [*history, user("응" * length)], 1000, memories=["가" * memory]).debug["history"]["left_out"]
        for length in (1, 30, 80)
        for memory in (1, 40)
    }
    assert len(kept) == 1


def test_most_of_the_room_is_used() -> None:
    for turns in range(40, 80):
        tokens = build(make_card(), [*chat(turns), user("응")], budget=1000).debug["tokens"]
        assert tokens["history"] >= 0.45 * (1000 - tokens["system"])


def test_a_long_last_message_drives_out_history_for_this_turn_only() -> None:
    card, history = make_card(), chat(15)
    short = build(card, [*history, user("응")], 1000).debug["history"]["left_out"]
    long = build(card, [*history, user("응" * 700)], 1000).debug["history"]["left_out"]
    assert short < long
    assert build(card, [*history, user("응")], 1000).debug["history"]["left_out"] == short


def test_a_last_message_that_cannot_fit_is_reported_and_not_cut() -> None:
    with pytest.raises(PromptError, match="the last message takes 2002 tokens"):
        build(make_card(), [*chat(3), user("응" * 2000)], 1000)


def test_a_card_that_cannot_fit_is_named() -> None:
    with pytest.raises(PromptError, match="the card of 앨리스 takes"):
        build(make_card(description="가" * 2000), [user("응")], 1000)


def test_example_dialogues_are_shown_where_a_quarter_of_the_budget_holds_them() -> None:
    card = make_card(mes_example="<START>\n{{user}}: 누구?\n{{char}}: 나.\n<start>\n{{user}}: 왜?")
    shown = build(card, [user("응")], user_name="민지")
    assert "대화 예시:\n민지: 누구?\n앨리스: 나.\n\n민지: 왜?\n지금은" in shown.messages[0].content
    assert shown.debug["examples"] == "shown"
    assert "대화 예시" not in build(card, [user("응")], examples=False).messages[0].content
    small = build(card, [user("응")], 300)
    assert "대화 예시" not in small.messages[0].content
    assert small.debug["examples"].startswith("left out: ")


def test_what_does_not_fit_the_note_is_in_the_record() -> None:
    prompt = build(
        make_card(character_book=BOOK),
        [user("모자와 토끼")],
        150,
        memories=["가" * 20, "나" * 500],
        summary="다" * 300,
        notices=["알림"],
    )
    dropped = [(part["part"], part["text"][0]) for part in prompt.debug["dropped"]]
    assert dropped == [("summary", "다"), ("memory", "나")]
    assert [drop["entry"] for drop in prompt.debug["lore"]["dropped"]] == ["토끼"]
    assert prompt.messages[-2].content == f"기억: {'가' * 20}\n배경: 앨리스는 모자 장수를 안다.\n알림: 알림"


def test_the_window_keeps_the_last_exchange_rather_than_nothing() -> None:
    history = [user("가"), she("나"), user("다"), she("라")]
    assert window_start(history, [10, 10, 10, 60], room=80) == 2
    assert window_start(history, [10, 10, 10, 200], room=80) == 4
    assert window_start([*history, user("마"), she("바")], [10, 10, 10, 200, 5, 5], room=80) == 4
    assert window_start([she("가"), she("나"), she("다")], [50, 50, 50], room=80) == 3


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(st.integers(1, 150), st.integers(1, 150)), max_size=25),
    st.integers(1, 300),
    st.integers(0, 4),
    st.integers(250, 1200),
)
def test_a_prompt_fits_begins_well_and_accounts_for_every_message(
    turns: list[tuple[int, int]], last: int, memories: int, budget: int
) -> None:
    history = [she("안녕")]
    for asked, answered in turns:
        history += [user("가" * asked), she("나" * answered)]
    history.append(user("다" * last))
    try:
        prompt = build(make_card(), history, budget, memories=["기억" * 20] * memories)
    except PromptError:
        assert count((ChatMessage("system", system_message(make_card(), TurnContext(NOW))), history[-1])) > budget
        return
    left_out = prompt.debug["history"]["left_out"]
    body = [message for message in prompt.messages[1:] if message.role != "system"]
    assert body == history[left_out:]
    assert left_out == 0 or body[0].role == "user"
    noted = prompt.messages[-2].content.count("기억: ") if prompt.messages[-2].role == "system" and memories else 0
    dropped = sum(part["part"] == "memory" for part in prompt.debug["dropped"])
    assert dropped == memories or noted + dropped == memories


def test_a_cache_spares_most_of_the_counting() -> None:
    calls = 0

    @cache
    def counted(messages: tuple[ChatMessage, ...]) -> int:
        nonlocal calls
        calls += 1
        return count(messages)

    history = chat(300)
    for more in ([user("응")], [user("응"), she("그래"), user("또")]):
        calls = 0
        build_prompt(make_card(), [*history, *more], model_budget=1000, count_tokens=counted, context=TurnContext(NOW))  # type: ignore[arg-type]
    assert calls < 15


# --- Greetings --------------------------------------------------------------------------------------------------------


def test_aurora_greets_by_the_time_of_day() -> None:
    hours = [greeting_for(builtin_card(), NOW.replace(hour=hour)) for hour in range(24)]
    assert hours == [4] * 6 + [1] * 5 + [2] * 6 + [3] * 4 + [4] * 3


def test_a_card_without_hours_gives_its_first_greeting() -> None:
    assert greeting_for(make_card(first_mes="안녕"), NOW) == 0
    assert greeting_for(make_card(), NOW) == 0


def test_empty_greetings_are_passed_over_with_their_hours() -> None:
    card = make_card(
        first_mes="",
        alternate_greetings=["낮", "밤"],
        extensions={"ohlora": {"greeting_hours": [[0, 24], [6, 18], None]}},
    )
    assert card.greetings == ("낮", "밤")
    assert (greeting_for(card, NOW.replace(hour=9)), greeting_for(card, NOW)) == (0, 1)


def test_a_greeting_has_its_macros_expanded() -> None:
    card = make_card(first_mes="<감정:기쁨:0.5> {{user}}아(야), 안녕!")
    assert greeting(card, 0, TurnContext(NOW, "민준")) == "<감정:기쁨:0.5> 민준아, 안녕!"
    with pytest.raises(IndexError):
        greeting(card, 1, TurnContext(NOW))


def test_prompt_functions_need_no_heavy_library() -> None:
    program = """
import sys
from datetime import datetime
from character.card import builtin_card
from character.prompt import TurnContext, system_message, turn_note
system_message(builtin_card(), TurnContext(datetime(2026, 1, 1)))
heavy = {"torch", "transformers", "kiwipiepy", "PIL", "numpy"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True)
