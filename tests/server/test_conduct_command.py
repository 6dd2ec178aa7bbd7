"""``python -m server conduct``: what an operator sees and decides from the command line, with and without a server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from character.conduct.judgement import Judgement
from character.conduct.ladder import LadderTable
from server.__main__ import main
from server.storage import accounts, decisions
from server.storage import conduct as storage
from server.storage.database import Database
from tests.server.test_conduct import Begin, banned_client, start

__all__ = ["start"]

Run = Callable[..., str]
TIME = 1_700_000_000.0


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the test's data folder and returns what it printed."""
    monkeypatch.setenv("COLUMNS", "220")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> str:
        given = ["--data", "one", "--database", f"sqlite:///{tmp_path / 'shared.sqlite3'}"]
        assert main([*arguments, *given]) == code
        printed = capsys.readouterr()
        return printed.out if code == 0 else printed.err

    return run


@pytest.fixture
def decided(tmp_path: Path) -> list[str]:
    """Ids of a warning, a ban and an appealed ban of minji, and a warning of seoyeon, oldest first."""
    database = Database(f"sqlite:///{tmp_path / 'shared.sqlite3'}")
    found = []

    def decide(name: str, message: str, category: str, when: float) -> str:
        def job(connection: object) -> str:
            known = {account.name: account.id for account, _ in accounts.all_accounts(connection)}
            account = known.get(name) or accounts.add_account(connection, name).id
            made = storage.record(
                connection, LadderTable(), account=account, chat="chat", message=message, text=f"나쁜 말 {message}",
                judgement=Judgement(category, 0.91, 2, "model above threshold", "나쁜말"), now=when,
            )  # fmt: skip
            assert made is not None
            return made.id

        return database.write_now(job)

    for number in range(3):
        found.append(decide("minji", f"m{number}", "insult", TIME + number * 100_000))
    found.append(decide("seoyeon", "s0", "threat", TIME + 400_000))
    database.write_now(
        lambda c: storage.appeal(c, decisions.get(c, found[2]).account, found[2], "농담이었어요", TIME + 500_000)
    )
    database.close()
    return found


def test_the_list_shows_decisions_newest_first_and_can_be_narrowed(run: Run, decided: list[str]) -> None:
    lines = [line for line in run("conduct", "list").splitlines() if re.search(r"[0-9a-f]{16}", line)]
    assert [re.search(r"[0-9a-f]{16}", line)[0] for line in lines] == decided[::-1]  # type: ignore[index]
    assert "threat" in lines[0]
    assert "나쁜 말 s0" in lines[0]
    assert "appealed" in lines[1]
    rows = [json.loads(line) for line in run("conduct", "list", "--account", "minji", "--json").splitlines()]
    assert [row["step"] for row in rows] == ["ban", "ban", "warn"]
    assert {row["account"] for row in rows} == {"minji"}
    assert rows[0]["until"] > rows[0]["created"]
    assert len(run("conduct", "list", "--json", "--limit", "2").splitlines()) == 2
    assert run("conduct", "list", "--only", "lifted").strip() == "none"


def test_one_decision_is_shown_whole(run: Run, decided: list[str]) -> None:
    text = run("conduct", "show", decided[2])
    for part in ("나쁜 말 m2", "나쁜말", "insult", "0.91", "model above threshold", "ban", "농담이었어요", "given"):
        assert part in text
    assert json.loads(run("conduct", "show", decided[2], "--json"))["severity"] == 2


def test_a_lift_undoes_what_followed_and_answers_the_appeal(run: Run, decided: list[str]) -> None:
    [waiting] = [json.loads(line) for line in run("conduct", "appeals", "--json").splitlines()]
    assert waiting["id"] == decided[2]
    text = run("conduct", "lift", decided[0], "--answer", "미안해요")
    assert f"decision {decided[0]} is lifted, and 2 that followed from it are decided anew" in text
    states = {row["id"]: row for row in map(json.loads, run("conduct", "list", "--json").splitlines())}
    assert [(states[id_]["state"], states[id_]["step"]) for id_ in decided] == [
        ("lifted", "warn"), ("given", "warn"), ("given", "ban"), ("given", "warn"),
    ]  # fmt: skip
    assert states[decided[0]]["answer"] == "미안해요"
    assert states[decided[0]]["decided_by"] == "operator"
    run("conduct", "uphold", decided[2])
    assert run("conduct", "appeals").strip() == "none"
    assert "is lifted\n" in run("conduct", "lift", decided[0])


def test_stats_count_by_category(run: Run, decided: list[str]) -> None:
    counted = json.loads(run("conduct", "stats", "--json"))
    assert counted["categories"]["insult"] == {"warn": 1, "ban": 2, "care": 0, "lifted": 0}
    assert (counted["accounts"], counted["waiting"], counted["decisions"]) == (2, 1, 4)
    text = run("conduct", "stats")
    assert "욕설·모욕" in text
    assert "decisions: 4 (0 in the last week), accounts: 2, banned now: 0, appeals: 1 (1 waiting)" in text


@pytest.mark.parametrize(
    "arguments", [["show", "nothing"], ["lift", "nothing"], ["uphold", "nothing"], ["list", "--account", "nobody"]]
)
def test_what_is_not_there_is_one_line(run: Run, arguments: list[str]) -> None:
    text = run("conduct", *arguments, code=1)
    assert text.startswith("error: ")
    assert text.count("\n") == 1


def test_what_was_lifted_cannot_be_upheld(run: Run, decided: list[str]) -> None:
    run("conduct", "lift", decided[3])
    assert run("conduct", "uphold", decided[3], code=1).count("\n") == 1


def test_an_account_becomes_an_operator_and_ceases_to_be_one(run: Run) -> None:
    run("account", "add", "minji")
    assert "is an operator" in run("account", "operator", "minji")
    assert "open, operator" in run("account", "list")
    assert "no operator any more" in run("account", "operator", "minji", "--off")
    assert "operator" not in run("account", "list")
    assert run("account", "operator", "nobody", code=1).startswith("error: ")


async def test_a_lift_beside_a_running_server_takes_effect_at_once(start: Begin, run: Run) -> None:
    server = await start()
    client, chat = await banned_client(server)
    first = server.decided()[0].id
    text = await asyncio.to_thread(run, "conduct", "lift", first)
    assert "the running server has told its users" in text
    assert (await client.wait("notice.lifted"))["data"]["ban"] is None
    assert (await client.say(chat, "안녕"))["data"]["reason"] == "complete"
    assert "banned now: 0" in await asyncio.to_thread(run, "conduct", "stats")


async def test_a_lift_by_a_command_that_cannot_reach_the_server_is_noticed_soon(
    start: Begin, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no server is running")

    monkeypatch.setattr("server.control.ask", unreachable)
    server = await start()
    client, chat = await banned_client(server)
    await asyncio.to_thread(run, "conduct", "lift", server.decided()[1].id)
    assert (await client.wait("notice.lifted"))["data"]["ban"] is None
    assert (await client.say(chat, "안녕"))["data"]["reason"] == "complete"
