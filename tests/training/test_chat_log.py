"""Chat logs become dialogues to fine-tune with."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path

import pytest

from server.storage.accounts import find_account
from server.storage.transfer import export_chat
from tests.fakes import ScriptedModel
from tests.server.conftest import Start
from training import chat_log
from training.dialogues import load_dialogues

KAKAO = """--------------- 2026년 3월 6일 금요일 ---------------
[민준] [오후 10:12] 뭐해
[지우] [오후 10:12] 그냥 누워 있지
[지우] [오후 10:13] 너는?
[민준] [오후 10:14] 나도
여기 비 온다
[지우] [오후 10:15] 우산 챙겨라
--------------- 2026년 3월 7일 토요일 ---------------
[민준] [오전 9:01] 굿모닝
[지우] [오전 9:05] 벌써 일어났어?
"""


def convert(tmp_path: Path, text: str, *more: str) -> Path:
    (tmp_path / "log.txt").write_text(text, encoding="utf-8")
    out = tmp_path / "mine.txt"
    assert chat_log.main([str(tmp_path / "log.txt"), "--out", str(out), *more]) == 0
    return out


def test_an_exported_kakaotalk_becomes_dialogues_by_day(tmp_path: Path) -> None:
    first, second = load_dialogues(convert(tmp_path, KAKAO, "--her", "지우"))
    assert (first.now, second.now) == ("금요일 밤 10시", "토요일 아침 9시")
    assert [(e.user, e.reply.text) for e in first.exchanges] == [
        ("뭐해", "그냥 누워 있지 너는?"),
        ("나도 여기 비 온다", "우산 챙겨라"),
    ]


def test_lines_with_names_will_do(tmp_path: Path) -> None:
    (dialogue,) = load_dialogues(convert(tmp_path, "나: 안녕\n지우: 왔어?\n나: 응\n지우: 밥은?\n", "--her", "지우"))
    assert [e.reply.text for e in dialogue.exchanges] == ["왔어?", "밥은?"]


async def test_a_chat_exported_from_the_page_keeps_emotions_and_leaves_out_what_was_marked_bad(
    start: Start,
    tmp_path: Path,
) -> None:
    server = await start(ScriptedModel())
    client = await server.client()
    chat = await client.new_chat(greeting=0)
    await client.say(chat, "나 고양이 키워")
    done = await client.say(chat, "이름은 나비야")
    await client.send("feedback", chat, message=done["data"]["reply"]["id"], good=False)
    await client.ask("ping")  # the mark is taken
    _, content = await server.app.services.database.read(
        lambda connection: export_chat(connection, find_account(connection, "minji").id, chat)
    )
    (tmp_path / "chat.jsonl").write_text(content, encoding="utf-8")
    arguments = [str(tmp_path / "chat.jsonl"), "--out", str(tmp_path / "mine.txt")]
    assert await asyncio.to_thread(chat_log.main, arguments) == 0
    (dialogue,) = load_dialogues(tmp_path / "mine.txt")
    (exchange,) = dialogue.exchanges
    assert exchange.user == "나 고양이 키워"
    assert (exchange.reply.emotion, exchange.reply.strength) == ("기쁨", 0.8)


@pytest.mark.parametrize(
    ("content", "more", "problem"),
    [
        ("나: 안녕\n지우: 왔어?", ["--her", "수아"], "nobody named '수아'"),
        ("", [], "no chat exported from the page"),
        ('{"format": "other"}', [], "no chat exported from the page"),
        ("지우: 혼잣말", ["--her", "지우"], "no reply to learn from"),
    ],
)
def test_what_is_no_chat_log_is_said_in_one_line(
    content: str, more: list[str], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.txt").write_text(content, encoding="utf-8")
    assert chat_log.main([str(tmp_path / "log.txt"), "--out", str(tmp_path / "mine.txt"), *more]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert problem in error
    assert not (tmp_path / "mine.txt").exists()


def test_what_was_written_before_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mended by hand", encoding="utf-8")
    assert chat_log.main(["anything", "--out", str(tmp_path / "mine.txt")]) == 1
    assert "exists already" in capsys.readouterr().err


def test_times_are_told_as_in_the_dialogues() -> None:
    assert chat_log.spoken_time(datetime(2026, 3, 6, 0, 30)) == "금요일 새벽 12시"
    assert chat_log.spoken_time(datetime(2026, 3, 6, 13)) == "금요일 낮 1시"


def test_a_line_of_json_that_is_broken_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps({"format": "ohlora.chat"}) + "\n{", encoding="utf-8")
    assert chat_log.main([str(tmp_path / "log.jsonl"), "--out", str(tmp_path / "mine.txt")]) == 1
    assert "log.jsonl:2: not JSON" in capsys.readouterr().err
