"""Macros and the particles after names."""

from __future__ import annotations

import random
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from character.macros import Macros, final_sound, hour_text, time_text

NOW = datetime(2026, 11, 21, 21, 5)


def test_names_stand_for_char_and_user_in_any_case() -> None:
    macros = Macros("오로라", "민지")
    assert macros.expand("{{char}} {{Char}} {{USER}} {{ user }} <user> <BOT>") == "오로라 오로라 민지 민지 민지 오로라"


def test_an_unknown_user_is_called_neo() -> None:
    macros = Macros("오로라")
    assert macros.expand("{{user}}은(는) {{user}}이(가) {{user}}을(를) {{user}}와(과)") == "너는 네가 너를 너와"


@pytest.mark.parametrize(
    ("writing", "after_vowel", "after_consonant", "after_l"),
    [
        ("은(는)", "민지는", "민준은", "하늘은"),
        ("는(은)", "민지는", "민준은", "하늘은"),
        ("이(가)", "민지가", "민준이", "하늘이"),
        ("을(를)", "민지를", "민준을", "하늘을"),
        ("와(과)", "민지와", "민준과", "하늘과"),
        ("아(야)", "민지야", "민준아", "하늘아"),
        ("(으)로", "민지로", "민준으로", "하늘로"),
        ("으로(로)", "민지로", "민준으로", "하늘로"),
        ("은/는", "민지는", "민준은", "하늘은"),
        ("(이)랑", "민지랑", "민준이랑", "하늘이랑"),
        ("(이)야", "민지야", "민준이야", "하늘이야"),
        ("이에요(예요)", "민지예요", "민준이에요", "하늘이에요"),
        (" 은(는)", "민지 은(는)", "민준 은(는)", "하늘 은(는)"),
    ],
)
def test_a_particle_pair_agrees_with_the_name(
    writing: str, after_vowel: str, after_consonant: str, after_l: str
) -> None:
    for name, expected in (("민지", after_vowel), ("민준", after_consonant), ("하늘", after_l)):
        assert Macros("오로라", name).expand("{{user}}" + writing) == expected
        assert Macros(name).expand("<char>" + writing) == expected


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("Alice", "none"),
        ("Emil", "ㄹ"),
        ("Minjun", "other"),
        ("Jack", "other"),
        ("민지!", "none"),
        ("민준😀", "other"),
        ("user3", "other"),
        ("user1", "ㄹ"),
        ("user2", "none"),
        ("さくら", "none"),
        ("美咲", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_last_sound_of_a_name_is_told_as_a_korean_reads_it(name: str, sound: str) -> None:
    assert final_sound(name) == sound


def test_both_forms_stay_after_a_name_whose_sound_is_unknown() -> None:
    assert Macros("美咲").expand("{{char}}은(는)") == "美咲은(는)"


def test_random_draws_from_the_list_and_roll_throws_dice() -> None:
    macros = Macros("오로라", rng=random.Random(1))
    assert {macros.expand("{{random:귤,떡볶이}}") for _ in range(50)} == {"귤", "떡볶이"}
    assert {macros.expand("{{random::a,b::c}}") for _ in range(50)} == {"a,b", "c"}
    assert macros.expand(r"{{random:a\,b}}") == "a,b"
    assert {int(macros.expand("{{roll:d6}}")) for _ in range(200)} == set(range(1, 7))
    assert {int(macros.expand("{{roll:2D2}}")) for _ in range(200)} == {2, 3, 4}


def test_pick_stays_the_same_for_a_chat_and_differs_between_chats() -> None:
    text = "{{pick:1,2,3,4,5,6,7,8,9}}{{pick:1,2,3,4,5,6,7,8,9}}"
    assert Macros("오로라", chat="a").expand(text) == Macros("오로라", chat="a").expand(text)
    assert len({Macros("오로라", chat=str(chat)).expand(text) for chat in range(30)}) > 5


def test_date_time_and_weekday_are_korean() -> None:
    macros = Macros("오로라", now=NOW)
    assert macros.expand("{{date}} {{weekday}} {{time}}") == "2026년 11월 21일 토요일 밤 9시 5분"
    assert time_text(NOW.replace(minute=0)) == "밤 9시"


def test_every_hour_has_its_part_of_the_day() -> None:
    parts = [hour_text(NOW.replace(hour=hour)) for hour in range(24)]
    assert [parts[hour] for hour in (0, 5, 6, 10, 11)] == ["새벽 12시", "새벽 5시", "아침 6시", "아침 10시", "낮 11시"]
    assert [parts[hour] for hour in (12, 16, 17, 20)] == ["낮 12시", "낮 4시", "저녁 5시", "저녁 8시"]
    assert [parts[hour] for hour in (21, 23)] == ["밤 9시", "밤 11시"]


def test_comments_and_hidden_keys_leave_nothing() -> None:
    assert Macros("오로라").expand("a{{// 메모 {{user}} }}b{{comment: c}}{{hidden_key:d}}e") == "abe"


def test_original_is_the_programs_own_text_and_reverse_turns_words() -> None:
    assert Macros("오로라", original="짧게.").expand("{{original}} {{reverse:abc}}") == "짧게. cba"


def test_inner_macros_are_replaced_first() -> None:
    assert Macros("오로라", "민지").expand("{{random:{{user}}}}") == "민지"


@pytest.mark.parametrize(
    "text", ["{{nothing}}", "{{time}}", "{{roll:x}}", "{{", "}}", "{{user", "a }} {{b", "{x}", "{{roll:0}}"]
)
def test_unknown_macros_and_stray_braces_stay(text: str) -> None:
    assert Macros("오로라").expand(text) == text


def test_a_users_name_is_never_expanded() -> None:
    assert Macros("오로라", "{{original}}", original="비밀").expand("{{user}}!") == "{{original}}!"


@given(st.text(alphabet="{}:/,userchar<>은(는)\\ 이가d6", max_size=200))
def test_no_text_breaks_expansion(text: str) -> None:
    assert isinstance(Macros("오로라", "민지", now=NOW).expand(text), str)


def test_a_million_braces_take_no_time_to_speak_of() -> None:
    text = "{{" * 300_000 + "}}" * 300_000
    assert len(Macros("오로라").expand(text)) == len(text)
