"""Questions about what she remembers."""

from __future__ import annotations

import pytest

from rag.asking import asked_about


@pytest.mark.parametrize(
    ("question", "slot"),
    [
        ("내 이름이 뭐야", "name"),
        ("내 이름 기억해?", "name"),
        ("나 몇 살이라고 했지", "age"),
        ("내 나이 알아?", "age"),
        ("내 고양이 이름 기억나?", "pet"),
        ("우리 강아지 이름이 뭐게?", "pet"),
        ("나 어디 산다고 했지?", "home"),
        ("내가 어디 사는지 알아?", "home"),
        ("내 생일 언제게", "birthday"),
        ("내 생일이 언제인지 기억해?", "birthday"),
        ("나 뭐 좋아한다고 했더라", "like"),
        ("내가 뭐 싫어하는지 기억나?", "dislike"),
        ("내 직업이 뭐였지", "job"),
        ("나 무슨 일 하는지 알아?", "job"),
        ("나 고향 어디게?", "hometown"),
        ("내 남친 이름 뭐라고 했지", "partner"),
        ("내 동생 몇 살이라고 했지?", "family"),
        ("나 알레르기 뭐 있다고 했지", "health"),
    ],
)
def test_a_question_about_oneself_names_the_slot(question: str, slot: str) -> None:
    assert asked_about(question).slots[:1] == (slot,)


@pytest.mark.parametrize("question", ["나에 대해 뭐 알아?", "나에 대해서 기억하는 거 말해봐", "내가 했던 말 기억나?"])
def test_a_question_about_everything_is_told_apart(question: str) -> None:
    assert asked_about(question).everything


@pytest.mark.parametrize(
    "words",
    [
        "너는 이름이 뭐야?",
        "넌 뭐 좋아해?",
        "나 고양이 키워",
        "오늘 뭐 해?",
        "내 이름은 민지야",
        "너 몇 살이야?",
        "",
        "ㅋㅋㅋㅋ",
        "배고파",
    ],
)
def test_what_asks_for_no_memory_gives_none(words: str) -> None:
    assert not asked_about(words)
