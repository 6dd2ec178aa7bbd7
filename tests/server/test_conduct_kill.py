"""The server is killed at random moments while somebody insults her: no strike is lost, none counts twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from server.storage import accounts
from server.storage.database import Database
from tests.fakes import Client, Refused
from tests.server.test_kill import Nursery

KILLS = 30


class JudgedNursery(Nursery):
    def __init__(self, data: Path) -> None:
        self._data = data
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.kill_judged_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self._pid = 0
        assert self._line() == "ready"


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    nursery = JudgedNursery(tmp_path)
    yield nursery
    nursery.close()


async def insult(client: Client, chat: str, client_id: str, acknowledged: set[str]) -> str:
    """Insults her; returns "taken", or the code of the refusal."""
    try:
        await client.ask("turn.send", chat, client_id=client_id, text=f"바보 {client_id}")
    except Refused as error:
        return error.code
    acknowledged.add(client_id)
    return "taken"


def stored(path: Path, account: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """What is on disk of an account: its insults with their client ids, and its decisions with their steps, in order."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        insults = database.execute(
            "SELECT m.id, m.client_id FROM messages m JOIN chats c ON c.id = m.chat JOIN accounts a ON a.id = c.account "
            "WHERE a.name = ? AND m.role = 'user' AND m.text LIKE '%바보%' ORDER BY m.id",
            (account,),
        ).fetchall()
        decided = database.execute(
            "SELECT d.message, d.step FROM decisions d JOIN accounts a ON a.id = d.account WHERE a.name = ? ORDER BY d.created",
            (account,),
        ).fetchall()
    return insults, decided


@pytest.mark.slow
async def test_thirty_kills_lose_no_strike_and_double_none(nursery: Nursery, tmp_path: Path) -> None:
    path = tmp_path / "ohlora.sqlite3"
    database = Database(f"sqlite:///{path}")
    names = [f"guest{number}" for number in range(KILLS)]
    tokens = {
        name: database.write_now(lambda c, name=name: accounts.issue_token(c, accounts.add_account(c, name)))
        for name in names
    }
    await asyncio.to_thread(database.close)
    rng = random.Random(20261122)
    port = await nursery.start()
    seen = {0: 0, 1: 0, 2: 0}
    for name in names:
        client = await Client.open(port, token=tokens[name])
        chats = [await client.new_chat() for _ in range(3)]
        acknowledged: set[str] = set()
        talks = [asyncio.ensure_future(insult(client, chat, f"c{n}", acknowledged)) for n, chat in enumerate(chats)]
        # Moments before, in and after the one commit that admits and decides, however fast the machine is.
        wanted = rng.randrange(24)
        while len(client.events) < wanted and not all(talk.done() for talk in talks):
            await asyncio.sleep(0.001)
        await asyncio.sleep(rng.random() * 0.02)
        nursery.kill()
        outcomes = await asyncio.gather(*talks, return_exceptions=True)
        assert all(o in ("taken", "banned") or isinstance(o, ConnectionError | ConnectionClosed) for o in outcomes), (
            outcomes
        )
        await client.close()
        insults, decided = stored(path, name)
        assert [step for _, step in decided] == ["warn", "ban"][: len(decided)]
        assert sorted(message for message, _ in decided) == sorted(message for message, _ in insults)
        assert acknowledged <= {client_id for _, client_id in insults}
        seen[len(decided)] += 1

        port = await nursery.start()
        client = await Client.open(port, token=tokens[name])
        assert (client.welcome["ban"] is not None) == (len(decided) == 2)
        for number, chat in enumerate(chats):  # whoever had no answer asks again
            taken = {client_id for _, client_id in insults}
            if f"c{number}" in taken:
                outcome = await insult(client, chat, f"c{number}", acknowledged)
                assert outcome == "taken", "what is on disk is acknowledged"
        assert stored(path, name) == (insults, decided)
        await client.close()
    assert all(seen.values()), f"the kills all came at one moment: {seen}"
