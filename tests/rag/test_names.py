"""Introductions by name are heard, and words that are no names are not."""

from __future__ import annotations

import pytest

from rag.names import given_name, introduction


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("나 민준이야", "민준"), ("난 서연이야 반가워", "서연"), ("나 김민지야ㅋㅋ", "김민지"), ("나는 도윤이라고 해", "도윤"),
        ("저 이하은입니다", "이하은"), ("안녕 나 지호", "지호"), ("이름은 박서준이고 26살이야", "박서준"), ("나 민준인데 너는?", "민준"),
        ("하이 ㅋㅋ. 나 은지", "은지"), ("내 이름은 지훈이야", "지훈"),
    ],
)  # fmt: skip
def test_who_says_his_name_is_heard(said: str, name: str) -> None:
    found = introduction(said)
    assert found is not None
    assert found[0] == name
    assert found[1] in said


@pytest.mark.parametrize(
    "said",
    [
        "나 바보야", "나 오로라야", "나 지훈이랑 싸웠어", "나 수아 좋아해", "나 지수 때문에 힘들어", "나 하영 만났어", "민준이가 그랬어",
        "너 민준이야?", "내 동생 민준이야", "나 여자야", "하늘 예쁘다",
    ],
)  # fmt: skip
def test_what_is_no_introduction_is_none(said: str) -> None:
    assert introduction(said) is None


def test_a_name_loses_the_syllable_that_only_makes_it_sound_better() -> None:
    assert [given_name(word) for word in ("민준이", "지수", "김서연", "바보", "수아")] == [
        "민준",
        "지수",
        "김서연",
        "",
        "수아",
    ]
