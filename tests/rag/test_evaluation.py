"""The measuring of her memory: dialogues with known outcomes give known figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag import evaluation
from rag.__main__ import main
from rag.errors import RagError
from rag.evaluation import END_TO_END, evaluate, read_dialogues
from rag.memory import Memory
from tests.rag.conftest import Bigrams


def gold(slot: str, text: str, quote: str, day: str | None = None) -> dict[str, Any]:
    return {"slot": slot, "text": text, "quote": quote, "when": None, "day": day}


def turn(user: str, *golds: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"user": user, "reply": "응.", "gold": list(golds)} | more


def dialogue(id: str, turns: list[dict[str, Any]], asks: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    session = {"day": "2026-03-02", "hour": 20, "turns": turns}
    return {
        "id": id, "category": "single", "split": "dev", "account": "a", "sessions": [session], "asks": asks,
    } | more  # fmt: skip


def ask(text: str, *expect: str, never: tuple[str, ...] = (), day: str = "2026-03-20") -> dict[str, Any]:
    return {"day": day, "text": text, "expect": list(expect), "never": list(never)}


DIALOGUES = [
    dialogue(
        "t1",
        [turn("ㅎㅇ"), turn("나 전주 살아", gold("home", "전주에서 산다.", "나 전주 살아"))],
        [ask("나 어디 산다고 했지?", "t1.0"), ask("심심하다")],
    ),
    dialogue(
        "t2",
        [turn("고양이 나비 키워", gold("pet", "고양이 나비를 키운다.", "고양이 나비 키워")), turn("그 얘기 잊어줘", forget=["t2.0"])],
        [ask("우리 고양이 이름 뭐였지?", never=("t2.0",))],
    ),
    dialogue(
        "t3",
        [turn("나 대구 살아", gold("home", "대구에서 산다.", "나 대구 살아"))],
        [ask("나 어디 산다고 했지?", "t3.1", never=("t3.0",))],
        branches={"edit_turn": [0, 0], "new_user": "나 부산 살아", "gold": [gold("home", "부산에서 산다.", "나 부산 살아")]},
    ),
    dialogue(
        "t4",
        [turn("양자역학을 이해한 사람은 없다", gold("other", "양자역학이 어렵다.", "양자역학을 이해한"))],
        [ask("나 어디 산다고 했지?", never=("t4.1",))],
        split="test",
        other={
            "account": "b",
            "sessions": [
                {"day": "2026-03-02", "hour": 20, "turns": [turn("나 제주 살아", gold("home", "제주에서 산다.", "나 제주 살아"))]}
            ],
        },
    ),
]  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dialogues.jsonl"
    path.write_text("".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in DIALOGUES), encoding="utf-8")
    return path


def test_dialogues_give_the_figures_that_stand_in_them(file: Path) -> None:
    found = evaluate(read_dialogues(file), load=lambda name: Bigrams(name))
    extraction = found.extraction
    assert (extraction.wanted, extraction.found) == (6, 5)
    assert (extraction.stored, extraction.right) == (5, 5)
    assert (extraction.dull, extraction.junk) == (1, 0)
    assert (extraction.wishes, extraction.understood) == (1, 1)
    for modes in found.asking.values():
        hybrid = modes["hybrid"]
        assert (hybrid.answerable, hybrid.first, hybrid.fifth) == (2, 2, 2.0)
        assert (hybrid.idle, hybrid.false, hybrid.stale, hybrid.leaks) == (3, 0, 0, 0)
    assert found.traces == 0
    assert [miss for miss in found.misses() if miss.startswith("t4 missed")]


def test_a_split_holds_its_dialogues_only(file: Path) -> None:
    assert [one.id for one in read_dialogues(file, "test")] == ["t4"]
    assert len(read_dialogues(file, "dev")) == 3


def test_golds_are_numbered_through_sessions_branch_and_other_account(file: Path) -> None:
    found = {one.id: one for one in read_dialogues(file)}
    assert [gold.id for gold in found["t3"].golds()] == ["t3.0", "t3.1"]
    assert {gold.id for gold in found["t4"].golds()} == {"t4.0", "t4.1"}


@pytest.mark.parametrize(
    ("slot", "quote", "same"),
    [
        ("home", "나 전주 살아", True),
        ("hometown", "전주 살아", True),
        ("pet", "나 전주 살아", False),
        ("home", "대구로 갔어", False),
    ],
)
def test_a_memory_is_right_if_slot_and_quote_fit(slot: str, quote: str, same: bool) -> None:
    memory = Memory("m", "a", None, None, "fact", slot, "전주에서 산다.", quote, 0.0)
    assert evaluation.matches(memory, evaluation.Gold("g", "home", "전주에서 산다.", "나 전주 살아", None)) is same


def test_words_that_were_forgotten_and_still_stand_in_a_file_are_traces(tmp_path: Path) -> None:
    house = evaluation.House(tmp_path, lambda name: Bigrams(name), "bigrams")
    (tmp_path / "left").write_text("고양이 나비 키워", encoding="utf-8")
    played = evaluation.Played(forgotten=["고양이 나비", "강아지 보리"])
    assert evaluation.traces(house, played) == ["고양이 나비"]
    house.close()


def test_the_command_prints_json_and_writes_it(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "figures.json"
    options = ["--dialogues", str(file), "--split", "dev", "--mode", "bm25", "--json", "--out", str(out)]
    assert main(["evaluate", *options]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(out.read_text())
    assert printed["asking"][END_TO_END]["bm25"]["leaks"] == 0


def test_the_command_prints_tables(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--dialogues", str(file), "--split", "test", "--mode", "bm25", "--misses"]) == 0
    printed = capsys.readouterr().out
    assert "precision" in printed
    assert "t4 missed" in printed


def test_a_file_that_holds_no_dialogues_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": 1}\n')
    with pytest.raises(RagError, match=r"bad\.jsonl, line 1 is no dialogue"):
        read_dialogues(bad)
    assert main(["evaluate", "--dialogues", str(tmp_path / "none.jsonl")]) == 1
    assert "none.jsonl cannot be read" in capsys.readouterr().err
