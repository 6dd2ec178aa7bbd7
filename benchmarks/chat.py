"""What the chat server costs on top of a bare websocket, and how long a word is under way: ``python -m benchmarks.chat``.

Two servers run side by side, each a process of its own on the same core, with uvloop and without compression; the
clients run on another core and do no more with a frame than note when it came. The sides take turns, several times.

*ohlora* is the whole server with its database (every delta is on disk before it is sent) and a scripted model in place
of the language model. *bare* is a `websockets` server with a handler of a few lines.

Same frames
    The frames that ohlora sends are recorded and handed to bare, which sends the very same bytes to as many clients.
    Time runs from the moment the model may begin until the last frame has arrived, on both sides; logging in, storing
    the question and building the prompt are left out.

    *paced*: every reply streams at 60 pieces a second, as a fast language model writes; bare sends each frame when
    ohlora sent it. What is compared is whether ohlora keeps up, and the share of the core that each side takes.

    *saturated*: the model yields as fast as the event loop turns; bare sends its frames as fast as they go. ohlora
    merges the pieces that pile up during a commit, so that it sends few, large frames; text is what is counted, not
    frames. This is no load that a chat brings about: it tells what there is in reserve. Bare has no model in its
    process and is given ready frames, so the ratio holds the model's own cost against ohlora.

Delay
    1,000 connections are logged in and 200 of them stream. Each piece carries the time at which it was due; its delay
    ends when the client's socket hands it over. It is counted from the time due and not from the moment when the busy
    process got round to yielding it, so that a stall is charged to all pieces that wait for it. Bare streams the same
    pieces straight from the same model, one frame each, none stored.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import multiprocessing
import os
import random
import re
import resource
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import uvloop
from websockets.asyncio.server import ServerConnection, serve

from character.emotion import Emotion
from character.language_model import ChatMessage, GenerationRequest
from server import protocol

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[-1]
DELTA = b'{"v":1,"type":"turn.delta"'
STAMP = re.compile("말([0-9a-f]{8})".encode())
WRAP = 1 << 32  # stamps are microseconds in 32 bits


# --- the model


@dataclass(frozen=True)
class Pace:
    """How replies are written.

    Attributes:
        rate: pieces per second of each reply; 0 for as fast as they are taken.
        pieces: pieces of each reply.
    """

    rate: float
    pieces: int


class StampedModel:
    """A `LanguageModel` whose pieces tell when they were due. Replies wait for `go` after their emotion tag."""

    name = "stamped"
    context_length = 8192

    def __init__(self) -> None:
        self.pace = Pace(0, 0)
        self.go = asyncio.Event()

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(len(message.content) for message in messages)

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        yield "<감정:평온:0.5> "
        async for piece in self.words():
            yield piece

    async def words(self) -> AsyncIterator[str]:
        await self.go.wait()
        pace = self.pace
        if not pace.rate:
            for _ in range(pace.pieces):
                await asyncio.sleep(0)
                yield _stamp(time.monotonic())
            return
        begin = time.monotonic() + random.random() / pace.rate  # replies are not in step with one another
        for number in range(pace.pieces):
            due = begin + number / pace.rate
            await asyncio.sleep(due - time.monotonic())
            yield _stamp(min(due, time.monotonic()))  # uvloop's timers are up to a millisecond early

    async def close(self) -> None:
        pass


def _stamp(due: float) -> str:
    """A piece of 11 bytes, about what a Korean token has."""
    return f"말{int(due * 1e6) % WRAP:08x}"


# --- the two servers, each in a process of its own


Command = Callable[..., Any]


async def _obey(pipe: Connection, commands: dict[str, Command]) -> None:
    """Carries out what the measuring process asks for, until it says ``stop``."""
    while True:
        name, *arguments = await asyncio.to_thread(pipe.recv)
        if name == "stop":
            return
        pipe.send(commands[name](*arguments))


def _commands(model: StampedModel) -> dict[str, Command]:
    def prepare(pace: Pace) -> None:
        model.pace = pace
        model.go.clear()

    return {"prepare": prepare, "go": model.go.set}


async def _serve_ohlora(pipe: Connection, accounts: int) -> None:
    from server.app import App
    from server.settings import Settings
    from server.storage import accounts as store

    with tempfile.TemporaryDirectory(prefix="ohlora-bench-") as folder:
        loose = {"turns_per_minute": 1e6, "turn_burst": 1000, "frames_per_second": 1e4, "frame_burst": 10_000}
        model = StampedModel()
        app = App(
            Settings(port=0, data=Path(folder), max_connections=accounts + 100, **loose),
            model, lambda text: Emotion("평온", 0.5),
        )  # fmt: skip
        await app.start()

        def issue(connection: Any) -> list[str]:
            return [store.issue_token(connection, store.add_account(connection, f"u{i}")) for i in range(accounts)]

        pipe.send((app.port, app.services.database.write_now(issue)))
        await _obey(pipe, _commands(model))
        await app.close()


async def _serve_bare(pipe: Connection, accounts: int) -> None:
    model = StampedModel()
    recorded: list[list[tuple[float, str]]] = []

    async def handle(socket: ServerConnection) -> None:
        async for message in socket:
            if message == "stream":
                seq = 0
                async for piece in model.words():
                    seq += 1
                    data = f'{{"message":"0123456789abcdef","text":"{piece}"}}'
                    await socket.send(protocol.frame("turn.delta", data, chat="0" * 16, turn="0" * 16, seq=seq))
            else:
                frames = recorded[int(message)]
                await model.go.wait()
                begin = time.monotonic()
                for offset, frame in frames:
                    if model.pace.rate:
                        await asyncio.sleep(begin + offset - time.monotonic())
                    await socket.send(frame)
            await socket.send('{"v":1,"type":"turn.done"}')

    def record(frames: list[list[tuple[float, str]]]) -> None:
        recorded[:] = frames

    async with serve(handle, "127.0.0.1", 0, compression=None, max_size=protocol.MAX_FRAME_BYTES) as server:
        pipe.send((next(iter(server.sockets)).getsockname()[1], [""] * accounts))
        await _obey(pipe, {**_commands(model), "record": record})


def _in_process(serve: Callable[[Connection, int], Awaitable[None]], pipe: Connection, accounts: int) -> None:
    os.sched_setaffinity(0, {SERVER_CORE})
    raise_file_limit(accounts + 200)
    uvloop.run(serve(pipe, accounts))  # type: ignore[arg-type]


def raise_file_limit(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, max(hard, needed)))


class ServerProcess:
    """A server in a process of its own, as the measuring process sees it."""

    def __init__(self, serve: Callable[[Connection, int], Awaitable[None]], accounts: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_in_process, args=(serve, theirs, accounts), daemon=True)
        self._process.start()
        theirs.close()
        self.port, self.tokens = self._pipe.recv()
        self._usage = psutil.Process(self._process.pid)

    def ask(self, *command: Any) -> Any:
        self._pipe.send(command)
        return self._pipe.recv()

    @property
    def cpu_seconds(self) -> float:
        times = self._usage.cpu_times()
        return times.user + times.system

    @property
    def resident_bytes(self) -> int:
        return self._usage.memory_info().rss

    def stop(self) -> None:
        self._pipe.send(("stop",))
        self._process.join()


@contextmanager
def both_servers(accounts: int) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """ohlora and bare, with so many accounts."""
    ohlora = ServerProcess(_serve_ohlora, accounts)
    bare = ServerProcess(_serve_bare, accounts)
    try:
        yield ohlora, bare
    finally:
        bare.stop()
        ohlora.stop()


# --- the clients


@dataclass
class Listener(asyncio.Protocol):
    """A websocket client that costs as little as can be, so that the clients' core is not what is measured.

    Attributes:
        deltas: time of arrival (monotonic seconds) and payload of each `turn.delta`.
        answers: the other frames.
    """

    path: str
    deltas: list[tuple[float, bytes]] = field(default_factory=list)
    answers: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    _buffer: bytearray = field(default_factory=bytearray)
    _open: bool = False
    _closing: bool = False

    @classmethod
    async def connect(cls, port: int, path: str) -> Listener:
        host = f"127.0.0.1:{port}"
        transport, listener = await asyncio.get_running_loop().create_connection(lambda: cls(path), "127.0.0.1", port)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        transport.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        await listener.answer("open")
        return listener

    def connection_made(self, transport: Any) -> None:  # uvloop's are no asyncio.Transport
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.answers.put_nowait({"type": "closed"})

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        buffer = self._buffer
        buffer += data
        if not self._open:
            head, found, rest = bytes(buffer).partition(b"\r\n\r\n")
            if not found:
                return
            self._open = True
            buffer[:] = rest
            self.answers.put_nowait({"type": "open" if b" 101 " in head.split(b"\r\n")[0] else "refused"})
        begin = 0
        while (frame := _frame(buffer, begin)) is not None:
            opcode, start, begin = frame
            self._take(now, opcode, bytes(buffer[start:begin]))
        del buffer[:begin]

    def _take(self, now: float, opcode: int, payload: bytes) -> None:
        if opcode == 1 and payload.startswith(DELTA):
            self.deltas.append((now, payload))
        elif opcode == 1:
            self.answers.put_nowait(json.loads(payload))
        elif opcode == 9:
            self._send(10, payload)
        elif opcode == 8:
            self.close()

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
        self.transport.write(bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload)  # a mask of zeros changes nothing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._send(8, (1000).to_bytes(2))

    def say(self, text: str) -> None:
        self._send(1, text.encode())

    def request(self, type: str, chat: str | None = None, **data: Any) -> None:
        self.say(json.dumps({"v": 1, "type": type, "data": data} | ({"chat": chat} if chat else {})))

    async def answer(self, type: str) -> dict[str, Any]:
        """The next frame of this type; others before it are dropped.

        Raises:
            ConnectionError: the server refused or closed.
        """
        async with asyncio.timeout(120):
            while True:
                found = await self.answers.get()
                if found["type"] == type:
                    return found
                if found["type"] in ("closed", "refused", "error"):
                    raise ConnectionError(f"waiting for {type}: {found}")


def _frame(buffer: bytearray, begin: int) -> tuple[int, int, int] | None:
    """Opcode, start and end of the payload of the unmasked frame at ``begin``; None if it is not there as a whole."""
    have = len(buffer) - begin
    if have < 2:
        return None
    size, start = buffer[begin + 1], begin + 2
    if size >= 126:
        width = 2 if size == 126 else 8
        if have < 2 + width:
            return None
        size, start = int.from_bytes(buffer[start : start + width]), start + width
    end = start + size
    return (buffer[begin] & 15, start, end) if end <= len(buffer) else None


async def connect_all(server: ServerProcess, number: int) -> list[Listener]:
    """So many clients, logged in where there is a login."""
    listeners = []
    for token in server.tokens[:number]:
        listener = await Listener.connect(server.port, "/ws")
        if token:
            listener.request("hello", token=token)
            await listener.answer("welcome")
        listeners.append(listener)
    return listeners


# --- one measured stretch


@dataclass(frozen=True)
class Stretch:
    """What came of one reply to each client.

    Attributes:
        seconds: from the go to the last delta.
        core: share of the core that the server took meanwhile (1: all of it).
        deltas: per client, seconds since the go and payload.
    """

    seconds: float
    core: float
    deltas: list[list[tuple[float, bytes]]]

    @property
    def payload(self) -> int:
        return sum(len(payload) for deltas in self.deltas for _, payload in deltas)

    @property
    def pieces(self) -> int:
        return sum(len(STAMP.findall(payload)) for deltas in self.deltas for _, payload in deltas)

    @property
    def frames(self) -> int:
        return sum(map(len, self.deltas))

    def delays(self, go: float) -> list[float]:
        """Seconds from due to received, of each piece."""
        return [
            (int((go + at) * 1e6) - int(stamp, 16)) % WRAP / 1e6
            for deltas in self.deltas
            for at, payload in deltas
            for stamp in STAMP.findall(payload)
        ]


async def measure(
    server: ServerProcess, listeners: list[Listener], requests: list[str], pace: Pace
) -> tuple[Stretch, float]:
    """Lets every client ask for its reply, gives the go once all are ready, and waits for all of them to end.

    Returns:
        The stretch, and the monotonic time of the go.
    """
    server.ask("prepare", pace)
    for listener in listeners:
        listener.deltas.clear()
        while not listener.answers.empty():
            listener.answers.get_nowait()
    for number, listener in enumerate(listeners):
        if requests:
            listener.say(requests[number])
        else:
            listener.request("chat.open")
            chat = (await listener.answer("chat.snapshot"))["chat"]
            listener.request("turn.send", chat, client_id=secrets.token_hex(8), text="안녕, 오늘 어땠어?")
            await listener.answer("face.set")
    await asyncio.sleep(0.5)
    gc.collect()
    gc.disable()
    cpu, go = server.cpu_seconds, time.monotonic()
    server.ask("go")
    for listener in listeners:
        await listener.answer("turn.done")
    last = max(listener.deltas[-1][0] for listener in listeners)
    core = (server.cpu_seconds - cpu) / (time.monotonic() - go)
    gc.enable()
    deltas = [[(at - go, payload) for at, payload in listener.deltas] for listener in listeners]
    return Stretch(last - go, core, deltas), go


async def same_frames(
    servers: tuple[ServerProcess, ServerProcess], clients: int, pace: Pace, rounds: int
) -> list[tuple[Stretch, Stretch]]:
    """Streams from ohlora, then the same frames from bare, and so on in turn."""
    ohlora, bare = servers
    ours, theirs = await connect_all(ohlora, clients), await connect_all(bare, clients)
    found = []
    for _ in range(rounds):
        mine, _ = await measure(ohlora, ours, [], pace)
        bare.ask("record", [[(at, payload.decode()) for at, payload in deltas] for deltas in mine.deltas])
        other, _ = await measure(bare, theirs, [str(number) for number in range(clients)], pace)
        if mine.payload != other.payload:
            raise RuntimeError("the two sides did not send the same")
        found.append((mine, other))
    for listener in ours + theirs:
        listener.close()
    return found
