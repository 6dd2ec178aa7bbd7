"""Twenty thousand frames that nobody means well with: each is answered, nothing grows, and others do not notice."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import logging
import random
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from server import protocol
from server.errors import BadRequest
from tests.fakes import Client, ScriptedModel
from tests.server.conftest import Running, Start

FRAMES = 20_000
CONNECTIONS = 6
BATCH = 100
NOWHERE = "0123456789abcdef"

TEXTS = [
    "", " ", "\0", "\0" * 100, "\n\r\t\v\f", "\u202e뒤집힌 글\u202c", "\u200b\u200b", "\ufeff", "e\u0301" * 50, "👩‍👩‍👧‍👦" * 20, "ﷺ" * 100,
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘" * 5, "<script>alert(1)</script>", "'; DROP TABLE messages; --", "../../etc/passwd", "%s%n%x",
    "{{user}}{{char}}{{random:a,b}}", "<감정:기쁨:0.8>", "<|system|>", "${jndi:ldap://x}", "a" * 5000, "가" * 4000, "\u2028\u2029",
    "Ω" * 1000, "\x1b[2J", "null", "true", "NaN", "-1", "1e309", "%", "_", "\\", "\\\\" * 50, '"' * 100, "`" * 50, "A" * 65, "a\n",
    "aurora", NOWHERE,
]  # fmt: skip
NUMBERS = [0, -1, 1, 2**31, 2**53, 2**53 + 1, 2**63, -(2**63), 10**400, 0.5, -0.0, 1e308, 1.0, True, False]
VALUES: list[Any] = [
    *TEXTS, *NUMBERS, None, [], {}, [[]], [None], {"a": {}}, ["x"] * 100, {"": ""}, {"__proto__": 1}, {str(n): n for n in range(60)},
    [1, "2", None],
]  # fmt: skip
RAW_VALUES = ["1e999", "-1e999", "NaN", "Infinity", "01", "1.", ".5", "0x10", "'x'", r'"\ud800"', r'"\udc00\ud800"', r'"\u0000"', r'"\x"',
              "tru", "1" * 6000, "-" * 100, "[" * 5000, '{"a":' * 3000, "[1,]", "{,}", "\\", "\ufeff1", "/**/1"]  # fmt: skip
TYPES = [
    *protocol.CLIENT_MESSAGES,
    *protocol.SERVER_MESSAGES,
    "",
    "hello.",
    "HELLO",
    "chat",
    "turn.\0",
    "__class__",
    "가",
    "x" * 41,
    "x" * 5000,
]


def sample(annotation: Any, rng: random.Random) -> Any:
    """A value that a field of this type may well have."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return sample(arguments[0], rng)
    if origin in (typing.Union, types.UnionType):
        return sample(rng.choice(arguments), rng)
    if origin is typing.Literal:
        return rng.choice(arguments)
    if annotation is type(None):
        return None
    return {str: NOWHERE, int: rng.randrange(100), bool: rng.random() < 0.5}.get(
        annotation, {} if origin is dict else NOWHERE
    )


def payload(kind: str, rng: random.Random) -> dict[str, Any]:
    """The data of a message that is well-formed, of things that do not exist."""
    model = protocol.CLIENT_MESSAGES.get(kind)
    return {} if model is None else {name: sample(f.annotation, rng) for name, f in model.model_fields.items()}


@dataclass
class Hostile:
    """Makes frames, each from its own corner.

    Attributes:
        chats: chats of the attacker's own, so that some of it goes deeper.
    """

    rng: random.Random
    chats: list[str]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def frame(self) -> str | bytes:
        made: str | bytes = self.rng.choices(
            [self.noise, self.any_json, self.damaged, self.envelope, self.wrong_field, self.extra_field, self.raw_value,
             self.nowhere, self.own, self.binary],
            [8, 8, 15, 12, 25, 6, 8, 10, 4, 4],
        )[0]()  # fmt: skip
        return made if isinstance(made, bytes) else made[:60_000]

    def wrap(self, **envelope: Any) -> str:
        return json.dumps({"v": 1, "id": f"h{next(self.numbers)}", **envelope}, ensure_ascii=self.rng.random() < 0.5)

    def kind(self) -> str:
        return self.rng.choice([*protocol.CLIENT_MESSAGES])

    def noise(self) -> str:
        alphabet = self.rng.choice(
            ['{}[]":,0123', "가나다라 \u202e\u0000\u200f", "<>[]감정기쁨:", "".join(map(chr, range(0x2FF)))]
        )
        return "".join(self.rng.choices(alphabet, k=self.rng.randrange(80)))

    def any_json(self) -> str:
        value = self.rng.choice(VALUES)
        for _ in range(self.rng.randrange(4)):
            value = self.rng.choice([[value], {"v": value}, {"type": value, "v": 1}, {"data": value}, [value] * 3])
        return json.dumps(value)

    def damaged(self) -> str:
        text = self.wrap(type=(kind := self.kind()), chat=NOWHERE, data=payload(kind, self.rng))
        at = self.rng.randrange(len(text))
        cut = self.rng.choice([0, 1, 1, 2, 10, len(text)])
        return (
            text[:at]
            + self.rng.choice(["", "", "\0", '"', "}", "{", "\\", ",", "\u202e", "0", "[[["])
            + text[at + cut :]
        )

    def envelope(self) -> str:
        wrong = self.rng.choice(["v", "type", "id", "chat", "turn", "seq", "data"])
        value = self.rng.choice(TYPES) if wrong == "type" else self.rng.choice(VALUES)
        return self.wrap(**({"type": self.kind(), "data": {}} | {wrong: value}))

    def wrong_field(self) -> str:
        kind = self.kind()
        data = payload(kind, self.rng)
        for name in self.rng.sample([*data], min(len(data), 1 + (self.rng.random() < 0.2))):
            data[name] = self.rng.choice(VALUES)
            if self.rng.random() < 0.15:
                del data[name]
        return self.wrap(type=kind, chat=NOWHERE, data=data)

    def extra_field(self) -> str:
        kind, name = self.kind(), self.rng.choice(TEXTS)
        if self.rng.random() < 0.5:
            return self.wrap(type=kind, chat=NOWHERE, data=payload(kind, self.rng) | {name: self.rng.choice(VALUES)})
        return self.wrap(
            type=kind, chat=NOWHERE, data=payload(kind, self.rng), **{name or "x": self.rng.choice(VALUES)}
        )

    def raw_value(self) -> str:
        kind = self.kind()
        text = self.wrap(type=kind, chat=NOWHERE, data=payload(kind, self.rng) | {"text": "@"})
        return text.replace('"@"', self.rng.choice(RAW_VALUES))

    def nowhere(self) -> str:
        kind = self.kind()
        chat = {"chat": self.rng.choice([NOWHERE, "x", "A" * 64, "-", "aurora"])} if self.rng.random() < 0.9 else {}
        return self.wrap(type=kind, data=payload(kind, self.rng), **chat)

    def own(self) -> str:
        """Well-formed requests on a chat that is there."""
        chat, text = self.rng.choice(self.chats), self.rng.choice(TEXTS)
        requests: list[tuple[str, dict[str, Any]]] = [
            ("turn.send", {"client_id": f"c{next(self.numbers)}", "text": text}),
            ("turn.send", {"client_id": "again", "text": text}),
            ("turn.stop", {}), ("chat.rename", {"title": text}), ("chat.search", {"query": text}), ("chat.export", {}),
            ("profile.set", {"name": text}), ("chat.list", {}), ("card.list", {}), ("ping", {}),
            ("upload.start", {"kind": "card", "size": self.rng.choice([1, 10, 2**20]), "sha256": "0" * 64}),
            ("message.delete", {"message": NOWHERE}), ("turn.retry", {"client_id": "r", "message": NOWHERE}),
            ("memory.list", {"before": text}), ("memory.search", {"text": text}), ("memory.add", {"kind": "fact", "text": text}),
            ("memory.edit", {"id": NOWHERE, "text": text}), ("memory.delete", {"id": NOWHERE}),
            ("memory.forget", {"ids": [NOWHERE], "confirm": True}),
            ("memory.forget", {"ids": [], "confirm": True, "message": NOWHERE}),
        ]  # fmt: skip
        kind, data = self.rng.choice(requests)
        return self.wrap(type=kind, chat=chat, data=data)

    def binary(self) -> bytes:
        return self.rng.randbytes(self.rng.choice([0, 1, 16, 1000, 60_000 if self.rng.random() < 0.05 else 50]))


SILENT = {
    "turn.stop",
    "turn.typing",
    "turn.pick",
    "message.delete",
    "feedback",
    "chat.rename",
    "chat.delete",
    "profile.set",
    "upload.start",
}
"""Requests that are answered by an event or a broadcast, or by nothing at all, where they succeed."""


def must_be_answered(frame: str | bytes) -> bool:
    """Whether exactly one frame answers this one: an error or the proper answer."""
    if isinstance(frame, bytes):
        return False  # it may belong to an upload
    try:
        _, message = protocol.parse(frame)
    except BadRequest:
        return True
    return message.type not in SILENT


async def attack(socket: ClientConnection, hostile: Hostile, count: int) -> int:
    """Sends ``count`` frames and checks, batch by batch, that each has been answered; returns how many errors came."""
    refused = 0
    for begin in range(0, count, BATCH):
        frames = [hostile.frame() for _ in range(min(BATCH, count - begin))]
        expected = sum(map(must_be_answered, frames))
        for frame in frames:
            await socket.send(frame)
        await socket.send(json.dumps({"v": 1, "type": "ping", "id": "barrier"}))
        answered = silent = 0
        while True:
            answer = json.loads(await asyncio.wait_for(socket.recv(), 30))
            assert answer["type"] in protocol.SERVER_MESSAGES
            if answer.get("id") == "barrier":
                assert answer["type"] == "pong"
                break
            if answer["type"] == "error":
                assert answer["data"]["code"] in {"bad_request", "not_found", "turn_live", "too_large", "forbidden"}, (
                    answer
                )
                assert len(answer["data"]["text"]) < 1000
                refused += 1
            if answer["type"] == "error" or "id" in answer:
                answered += answer["data"].get("part", 0) == 0
            silent += "seq" in answer
        assert expected <= answered <= len(frames)
    return refused


async def talk_on(client: Client, chat: str, until: asyncio.Event) -> int:
    """Somebody else's conversation, which must go on undisturbed; returns how many turns it had."""
    turns = 0
    while not until.is_set():
        done = await client.say(chat, f"{turns}번째로 하는 말")
        assert done["data"]["reason"] == "complete"
        assert done["data"]["reply"]["text"] == f"{turns}번째로 하는 말라고 했지? 응, 잘 들었어."
        deltas = [event["data"]["text"] for event in client.events if event["type"] == "turn.delta"]
        assert "".join(deltas) == done["data"]["reply"]["text"]
        client.events.clear()
        turns += 1
        await asyncio.sleep(0.05)
    return turns


async def log_in(server: Running) -> ClientConnection:
    socket = await connect(f"ws://127.0.0.1:{server.port}/ws", max_size=None, compression=None, proxy=None)
    await socket.send(json.dumps({"v": 1, "type": "hello", "data": {"token": server.token("mallory")}}))
    assert json.loads(await socket.recv())["type"] == "welcome"
    return socket


def memory() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


@pytest.mark.slow
async def test_twenty_thousand_hostile_frames_are_answered_and_nobody_else_notices(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    endless = {"turns_per_minute": 1e9, "turn_burst": 10**6, "frames_per_second": 1e9, "frame_burst": 10**9}
    endless |= {"memory": "on", "extraction": "patterns"}
    server = await start(ScriptedModel(pace=0.001), **endless)
    other = await server.client("junho")
    over = asyncio.Event()
    victim = asyncio.ensure_future(talk_on(other, await other.new_chat(), over))
    owner = await server.client("mallory")
    chats = [await owner.new_chat() for _ in range(3)]
    await owner.close()
    sockets = [await log_in(server) for _ in range(CONNECTIONS)]

    async def wave(seed: int, count: int) -> int:
        each = [
            attack(socket, Hostile(random.Random((seed, n).__repr__()), chats), count)
            for n, socket in enumerate(sockets)
        ]
        return sum(await asyncio.gather(*each))

    with caplog.at_level(logging.WARNING):
        refused = await wave(1, FRAMES // CONNECTIONS // 4)
        before = memory()
        refused += await wave(2, FRAMES // CONNECTIONS - FRAMES // CONNECTIONS // 4)
        grown = memory() - before
    over.set()
    assert refused > FRAMES // 2
    assert await victim > 3
    assert grown < 48 * 2**20, f"grew by {grown / 2**20:.0f} MiB"
    assert "request failed" not in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    for socket in sockets:
        await socket.close()


@pytest.mark.parametrize(
    ("data", "text", "code"),
    [
        (b"\xff\xfe", True, 1007),  # no UTF-8
        (b'{"v":1,"type":"ping","data":{}}\xc3', True, 1007),
        (b"\xed\xa0\x80", True, 1007),  # half of a surrogate pair
        (b" " * (protocol.MAX_FRAME_BYTES + 1), True, 1009),
        (b"\0" * (protocol.MAX_FRAME_BYTES + 1), False, 1009),
    ],
)
async def test_what_is_no_frame_at_all_closes_its_own_connection_with_the_code_for_it(
    start: Start, data: bytes, text: bool, code: int
) -> None:
    server = await start()
    other = await server.client("junho")
    async with await log_in(server) as socket:
        await socket.send(data, text=text)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 10)
        assert socket.close_code == code
    await other.ask("ping")


async def test_hostile_first_frames_are_closed_with_1008_each(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = await start()
    hostile = Hostile(random.Random(5), [NOWHERE])

    async def knock(frame: str | bytes) -> None:
        async with connect(f"ws://127.0.0.1:{server.port}/ws", compression=None, proxy=None) as socket:
            await socket.send(frame)
            assert json.loads(await asyncio.wait_for(socket.recv(), 20))["type"] == "error"
            await asyncio.wait_for(socket.wait_closed(), 20)
            assert socket.close_code == 1008

    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            await asyncio.gather(*(knock(hostile.frame()) for _ in range(15)))
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    await (await server.client()).ask("ping")
