"""Wishes to forget."""

from __future__ import annotations

import pytest

from rag.forgetting import meant, wish_to_forget
from tests.rag.conftest import memory


@pytest.mark.parametrize(
    ("words", "scope"),
    [
        ("내 주소 잊어줘", "some"),
        ("내 나이는 잊어", "some"),
        ("고양이 얘기는 잊어줘", "some"),
        ("방금 한 말 잊어", "just"),
        ("방금 말한 거 잊어줘", "just"),
        ("아까 한 말은 잊어 주세요", "just"),
        ("그 말 잊어줘", "just"),
        ("나에 대해 다 잊어", "all"),
        ("나에 대한 기억 전부 지워줘", "all"),
        ("다 잊어줘", "all"),
    ],
)
def test_a_wish_is_recognised_with_its_reach(words: str, scope: str) -> None:
    wish = wish_to_forget(words)
    assert wish is not None
    assert wish.scope == scope


@pytest.mark.parametrize(
    "words",
    [
        "잊지 마",
        "절대 안 잊어",
        "지갑을 잊어버렸어",
        "나 그거 잊어버렸어",
        "약속 까먹지 마",
        "걔를 잊어야 하는데",
        "나는 다 잊었어",
        "사진 지웠어",
    ],
)
def test_what_is_no_wish_to_forget_is_none(words: str) -> None:
    assert wish_to_forget(words) is None


HOME = memory("a", chat="c", message="m1")
CAT = memory("a", "고양이 나비를 키운다.", "pet", chat="c", message="m2")
DOG = memory("a", "강아지 초코를 키운다.", "pet", chat="c", message="m3")
KNOWN = [HOME, CAT, DOG]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("내 주소 잊어줘", [HOME]),
        ("우리 고양이 얘기는 잊어줘", [CAT]),
        ("방금 한 말 잊어", [DOG]),
        ("나에 대해 다 잊어", KNOWN),
        ("내 나이 잊어줘", []),
    ],
)
def test_what_is_meant_is_found(words: str, expected: list[object]) -> None:
    wish = wish_to_forget(words)
    assert wish is not None
    assert meant(wish, KNOWN, ["m3", "m2", "m1"], lambda words: []) == expected
