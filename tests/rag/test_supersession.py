"""The new takes the place of the old: homes, loves, jobs of relatives, appointments that are over, animals that died."""

from __future__ import annotations

from datetime import date

import pytest

from rag.gate import judge
from rag.memory import Memory
from rag.patterns import propose
from rag.supersession import known_names
from tests.rag.conftest import memory

SAID = date(2026, 11, 21)


def left(message: str, *known: tuple[str, str]) -> set[str]:
    """What still holds of what was known (slot and text) after the message."""
    before = [memory("a", text, slot, id=f"m{index}") for index, (slot, text) in enumerate(known)]
    verdicts = judge(propose(message, SAID, known_names(before)), message, SAID, before)
    gone: set[str] = {old.id for verdict in verdicts if verdict.action == "add" for old in verdict.supersedes}
    return {each.text for each in before if each.id not in gone}


@pytest.mark.parametrize(
    ("message", "slot", "text"),
    [
        ("나 부산으로 이사했어", "home", "전주에서 산다."),
        ("나 남친이랑 헤어졌어", "partner", "남자친구가 있다."),
        ("나 남친이랑 헤어졌어", "partner", "남자친구 이름은 규민이다."),
        ("나 퇴사했어", "job", "은행에 다닌다."),
        ("떡볶이 이제 안 좋아해", "like", "떡볶이를 좋아한다."),
        ("오이 좋아해", "dislike", "오이를 싫어한다."),
        ("면접 취소됐어", "plan", "면접이 있다."),
        ("면접 떨어졌어", "plan", "면접이 있다."),
        ("나 담배 끊었어", "habit", "담배를 피운다."),
        ("동생 대학 합격했어", "family", "동생은 재수생이다."),
        ("아빠 퇴원하셨어", "family", "아빠가 입원했다."),
        ("탄이가 무지개다리 건넜어", "pet", "강아지 탄이 심장 약을 먹는다."),
        ("자전거 팔았어", "possession", "자전거를 샀다."),
        ("수지랑 절교했어", "friend", "수지는 친구다."),
    ],
)
def test_what_no_longer_holds_makes_room(message: str, slot: str, text: str) -> None:
    assert left(message, (slot, text)) == set()


@pytest.mark.parametrize(
    ("message", "slot", "text"),
    [
        ("오빠가 결혼했어", "family", "오빠는 의사다."),
        ("언니가 서울 살아", "family", "오빠가 부산에서 산다."),
        ("나 떡볶이 좋아해", "like", "순대를 좋아한다."),
        ("강아지 초코 키워", "pet", "고양이 나비를 키운다."),
        ("나 요가 다녀", "habit", "수영을 다닌다."),
        ("다음 주 화요일에 치과 예약 있어", "plan", "면접이 있다."),
    ],
)
def test_what_is_about_something_else_stays(message: str, slot: str, text: str) -> None:
    assert left(message, (slot, text)) == {text}


def test_names_are_known_from_what_is_remembered() -> None:
    found: list[Memory] = [
        memory("a", "강아지 이름은 탄이다.", "pet", id="1"), memory("a", "금비라는 고양이를 키운다.", "pet", id="2"),
        memory("a", "아들 누리는 세 살이다.", "family", id="3"),
    ]  # fmt: skip
    assert {name: kind for name, kind in known_names(found).items() if name in ("탄", "금비", "누리")} == {
        "탄": "강아지", "금비": "고양이", "누리": "아들",
    }  # fmt: skip
