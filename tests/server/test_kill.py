"""The server is killed at fifty random moments; what it has acknowledged is there, once, and nothing else is made up."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from server.storage import accounts
from server.storage.database import Database
from tests.fakes import Client, Refused

KILLS = 50
CHATS = 3


class Nursery:
    """Starts servers that can be killed (`tests.server.kill_server`)."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.kill_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self._pid = 0
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the process that starts servers has died"
        return line

    def begin(self) -> None:
        """Starts a server without waiting until it listens."""
        assert self._process.stdin is not None
        print(self._data, file=self._process.stdin, flush=True)
        while " " in (line := self._line()):
            pass
        self._pid = int(line)

    async def start(self) -> int:
        """Starts a server; returns its port."""
        assert self._process.stdin is not None
        print(self._data, file=self._process.stdin, flush=True)
        first, second = await asyncio.to_thread(lambda: (self._line(), self._line()))
        self._pid = int(first if " " not in first else second)
        return int((second if " " in second else first).split()[1])

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        while self._line() != "gone":
            pass
        self._pid = 0

    def close(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
        self._process.kill()
        self._process.communicate()


class Visitor:
    """Somebody who goes on talking whatever happens, and remembers all that was told.

    Attributes:
        seen: chat → last event.
        words: reply → its words as they streamed in, over all connections.
        asked: client_id → chat, request and data of what is not acknowledged yet.
        kept: client_id → chat, request, data and message of what is.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.chats: list[str] = []
        self.seen: dict[str, int] = {}
        self.words: defaultdict[str, str] = defaultdict(str)
        self.asked: dict[str, tuple[str, str, dict[str, Any]]] = {}
        self.kept: dict[str, tuple[str, str, dict[str, Any], str]] = {}
        self.ends: Counter[str] = Counter()
        self._numbers = itertools.count()
        self._taken = 0

    def take(self, client: Client) -> None:
        """Takes in the events that have arrived since the last time."""
        for event in client.events[self._taken :]:
            self._taken += 1
            if "seq" not in event:
                continue
            chat, data = event["chat"], event["data"]
            assert event["seq"] == self.seen[chat] + 1, "a gap or a repetition"
            self.seen[chat] = event["seq"]
            if event["type"] == "turn.delta":
                self.words[data["message"]] += data["text"]
            elif event["type"] == "turn.done":
                assert data["reply"]["text"] == self.words[data["reply"]["id"]]
                self.ends[data["reason"]] += 1

    async def come_back(self, port: int, token: str) -> Client:
        """Connects, is given what was missed, and checks that all that was told is true."""
        self._taken = 0
        client = await Client.open(port, token=token, last_seq=self.seen)
        await client.ask("ping")
        self.take(client)
        assert not [event for event in client.events if event["type"] in ("chat.snapshot", "chat.removed")]
        for chat in self.chats:
            self.check((await client.ask("chat.open", chat))["data"], chat)
        return client

    def check(self, snapshot: dict[str, Any], chat: str) -> None:
        messages = {message["id"]: message for message in snapshot["messages"]}
        assert snapshot["seq"] == self.seen[chat]
        assert all(message["status"] != "live" for message in messages.values())
        given = Counter(message["client_id"] for message in messages.values() if message["client_id"])
        assert all(count == 1 for count in given.values()), "said once, stored twice"
        for client_id, (where, request, data, message) in self.kept.items():
            if where == chat and request != "turn.retry":
                assert messages[message]["text"] == data["text"]
                assert messages[message]["client_id"] == client_id
        assert set(given) <= {*self.kept, *self.asked}, "nobody has said that"
        answered = {message["parent"] for message in messages.values() if message["role"] == "assistant"}
        for message in messages.values():
            if message["role"] == "user":
                assert message["id"] in answered
            elif message["turn"] is not None:
                assert message["text"] == self.words[message["id"]]

    async def ask(self, client: Client, client_id: str) -> bool:
        """Asks for something, perhaps again; whether it was new to the server."""
        chat, request, data = self.asked[client_id]
        answer = (await client.ask(request, chat, client_id=client_id, **data))["data"]
        assert answer["client_id"] == client_id
        self.kept[client_id] = (chat, request, data, answer["message"])
        del self.asked[client_id]
        return not answer["duplicate"]

    async def talk(self, client: Client, chat: str) -> None:
        """Talks in a chat until the connection breaks."""
        last: dict[str, Any] | None = None
        for client_id in [known for known, (where, *_) in self.asked.items() if where == chat]:
            begin = len(client.events)
            if await self.ask(client, client_id):
                last = await self.ended(client, chat, begin)
        while True:
            number, lot = next(self._numbers), self.rng.random()
            request, data = "turn.send", {"text": f"{number} " + "말" * self.rng.randrange(1, 30)}
            if last is not None and lot < 0.2:
                request, data = "turn.retry", {"message": last["id"]}
            elif last is not None and lot < 0.3:
                request, data = "message.edit", data | {"message": last["parent"]}
            client_id = f"c{number}"
            self.asked[client_id] = (chat, request, data)
            begin = len(client.events)
            await self.ask(client, client_id)
            if self.rng.random() < 0.15:
                await asyncio.sleep(self.rng.random() * 0.05)
                await client.send("turn.stop", chat)
            last = await self.ended(client, chat, begin)

    async def ended(self, client: Client, chat: str, begin: int) -> dict[str, Any]:
        while True:
            for event in client.events[begin:]:
                if event["type"] == "turn.done" and event["chat"] == chat:
                    reply: dict[str, Any] = event["data"]["reply"]
                    return reply
            await asyncio.sleep(0.002)


async def happened(client: Client, events: int) -> None:
    """Waits for so many events; a moment that is random in the turns, however fast the machine is."""
    async with asyncio.timeout(20):
        while len(client.events) < events:
            await asyncio.sleep(0.001)


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path)
    yield nursery
    nursery.close()


@pytest.mark.slow
async def test_fifty_kills_lose_and_repeat_nothing_that_was_told(nursery: Nursery, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ohlora.sqlite3'}")
    token = database.write_now(lambda c: accounts.issue_token(c, accounts.add_account(c, "minji")))
    await asyncio.to_thread(database.close)
    rng = random.Random(20261121)
    visitor = Visitor(rng)
    for round_ in range(KILLS):
        if round_ % 10 == 5:  # a kill while it starts
            nursery.begin()
            await asyncio.sleep(rng.random() * 0.1)
            nursery.kill()
        port = await nursery.start()
        client = await visitor.come_back(port, token)
        if not visitor.chats:
            visitor.chats = [await client.new_chat() for _ in range(CHATS)]
            visitor.seen = dict.fromkeys(visitor.chats, 0)
        talks = [asyncio.ensure_future(visitor.talk(client, chat)) for chat in visitor.chats]
        await happened(client, rng.randrange(60))
        await asyncio.sleep(rng.random() * 0.02)
        nursery.kill()
        await asyncio.sleep(0)
        for talk in talks:
            talk.cancel()
        for outcome in await asyncio.gather(*talks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError | ConnectionError | ConnectionClosed), repr(outcome)
        await client.close()
        visitor.take(client)
    # the last time it is left alone: what was cut off can be tried again
    client = await visitor.come_back(await nursery.start(), token)
    for chat in visitor.chats:
        messages = (await client.ask("chat.open", chat))["data"]["messages"]
        cut = next(message for message in reversed(messages) if message["status"] == "interrupted")
        begin = len(client.events)
        await client.ask("turn.retry", chat, client_id=f"again-{chat}", message=cut["id"])
        done = await client.wait("turn.done", begin)
        assert (done["data"]["reason"], done["data"]["reply"]["parent"]) == ("complete", cut["parent"])
        with pytest.raises(Refused, match="not_found"):
            await client.ask("turn.retry", chat, client_id="x", message="0123456789abcdef")
    await client.close()
    nursery.kill()
    assert visitor.ends["interrupted"] > KILLS // 2
    assert visitor.ends["complete"] > 10
    assert visitor.ends["stopped"] > 0
    with contextlib.closing(sqlite3.connect(tmp_path / "ohlora.sqlite3")) as stored:
        assert stored.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert stored.execute("PRAGMA foreign_key_check").fetchall() == []
        for chat in visitor.chats:
            numbers = [row[0] for row in stored.execute("SELECT seq FROM events WHERE chat = ? ORDER BY seq", (chat,))]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
