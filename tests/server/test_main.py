"""The program itself: started by its command, with the bundled model, as a newcomer does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from character.emotion import EMOTIONS
from tests.fakes import Client


class Program:
    """``python -m server`` in a process of its own."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.log = data / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server", "--data", str(data / "data"), "--port", "0", *arguments],
                stdout=log, stderr=log, env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def link(self, seconds: float = 180) -> tuple[int, str]:
        """Port and login code of the link it prints."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/#login=(\S+)", self.output):
                return int(found[1]), found[2]
            assert self.process.poll() is None, self.output
            time.sleep(0.1)
        raise AssertionError(f"no link within {seconds} s: {self.output}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    program.process.kill()
    program.process.wait()


async def test_a_newcomer_opens_the_link_says_hello_and_is_answered_and_nothing_is_lost_by_a_kill(
    program: Program, tmp_path: Path
) -> None:
    port, code = program.link()
    async with await Client.open(port, login=code) as client:
        assert client.welcome["model"]["bundled"]
        token = client.welcome["token"]
        chat = await client.new_chat()
        done = (await client.say(chat, "안녕"))["data"]
        assert done["reason"] in ("complete", "length"), program.output
        assert done["reply"]["emotion"] in EMOTIONS
        assert re.search("[가-힣]", done["reply"]["text"])
        assert not re.search(r"[<|\ufffd]", done["reply"]["text"])
        await client.ask("turn.send", chat, client_id="last", text="오늘 뭐 했어?")
        await client.wait("turn.delta", after=len(client.events) - 1)
        program.process.kill()
        program.process.wait()
    again = Program(tmp_path)
    try:
        port, _ = again.link()
        async with await Client.open(port, token=token) as client:
            messages = (await client.ask("chat.open", chat))["data"]["messages"]
            assert [m["text"] for m in messages if m["role"] == "user"] == ["안녕", "오늘 뭐 했어?"]
            last = messages[-1]
            assert last["role"] == "assistant"
            assert last["status"] in ("interrupted", "complete")
            assert last["text"]
        assert again.stop() == 0, again.output
    finally:
        again.process.kill()
        again.process.wait()


def test_a_wrong_setting_a_missing_model_and_a_damaged_database_are_one_clear_line_each(tmp_path: Path) -> None:
    def fails(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "server", "--data", str(tmp_path / "data"), "--port", "0", *arguments],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode in (1, 2), done.stderr
        assert "Traceback" not in done.stderr
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        return line

    assert "--top-p '7'" in fails("--top-p", "7")
    assert str(tmp_path / "none") in fails("--llm", str(tmp_path / "none"))
    (tmp_path / "broken.sqlite3").write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    assert "left untouched" in fails("--database", f"sqlite:///{tmp_path / 'broken.sqlite3'}")


def test_accounts_are_made_listed_and_closed_from_the_shell(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "server", "account", *arguments, "--data", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    assert "shown only now" in run("add", "minji")
    assert "exists already" in run("add", "minji")
    assert "no account 'none'" in run("token", "none")
    assert re.search(r"http://127\.0\.0\.1:8765/#login=\S+", run("login", "minji"))
    assert "disabled" in run("disable", "minji")
    assert re.search(r"minji.*disabled", run("list"))
