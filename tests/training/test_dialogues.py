"""The written dialogues and their format."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.data.__main__ import LEAK_LENGTH
from training.dialogues import NOW, load_dialogues, parse_dialogues
from training.errors import TrainingError

GOOD = """### 비 오는 밤
지금: 금요일 밤 10시
상대: 민지
말투: 존댓말
M: 9월 3일에 들음: 고양이를 키운다.
U: 비 온다
A 평온 0.5: 네, 빗소리가 들려요.
"""


def test_a_dialogue_is_read_with_all_its_parts() -> None:
    (dialogue,) = parse_dialogues(GOOD, "talk.txt")
    assert (dialogue.title, dialogue.now, dialogue.user_name, dialogue.polite) == (
        "비 오는 밤",
        "금요일 밤 10시",
        "민지",
        True,
    )
    (exchange,) = dialogue.exchanges
    assert exchange.memories == ("9월 3일에 들음: 고양이를 키운다.",)
    assert exchange.reply.tagged == "<감정:평온:0.5> 네, 빗소리가 들려요."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("U: 안녕\n", "talk.txt:1: a dialogue must begin with"),
        ("### 가\nU: 하나\nU: 둘\n", "talk.txt:3: two user lines"),
        ("### 가\nA 기쁨 0.5: 응\n", "talk.txt:2: a reply without a user line"),
        ("### 가\nU: 응\nA 행복 0.5: 응\n", "talk.txt:3: emotion '행복 0.5'"),
        ("### 가\nU: 응\nA 기쁨 1.5: 응\n", "talk.txt:3: emotion '기쁨 1.5'"),
        ("### 가\nU: 응\nA 응\n", "talk.txt:3: a reply reads"),
        ("### 가\nU: 응\n", "no reply"),
        ("### 가\n뭐야 이 줄\n", "talk.txt:2: this line begins with none"),
        ("### 가\n\n### 나\nU: 응\nA 기쁨 0.5: 응\n", "'가' is empty"),
    ],
)
def test_a_malformed_line_is_named_with_file_number_and_problem(text: str, problem: str) -> None:
    with pytest.raises(TrainingError, match=problem):
        parse_dialogues(text, "talk.txt")


def test_missing_empty_and_wrongly_encoded_files_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="does not exist"):
        load_dialogues(tmp_path / "none.txt")
    with pytest.raises(TrainingError, match="holds no dialogue"):
        load_dialogues(tmp_path)
    (tmp_path / "old.txt").write_bytes(GOOD.encode("cp949"))
    with pytest.raises(TrainingError, match="not UTF-8"):
        load_dialogues(tmp_path)


def test_our_own_dialogues_keep_the_format_and_no_reply_of_its_own_stands_on_both_sides_of_the_split() -> None:
    dialogues = load_dialogues()
    titles = [dialogue.title for dialogue in dialogues]
    assert len(dialogues) >= 1000
    assert len(set(titles)) == len(titles), [title for title in titles if titles.count(title) > 1][:5]
    assert all(NOW.fullmatch(dialogue.now) for dialogue in dialogues)
    sides: dict[bool, set[str]] = {True: set(), False: set()}
    for dialogue in dialogues:
        replies = {exchange.reply.text for exchange in dialogue.exchanges}
        sides[dialogue.held_out] |= {text for text in replies if len(text) >= LEAK_LENGTH}  # 응, 좋아 are everybody's
    assert 0.07 < sum(dialogue.held_out for dialogue in dialogues) / len(dialogues) < 0.13
    assert sides[True].isdisjoint(sides[False]), sorted(sides[True] & sides[False])[:5]
