"""What the chat server costs on top of bare websockets, and how long a word is under way: ``python -m benchmarks.chat``.

Two servers stand side by side, each a process of its own, pinned to the same core, with uvloop and without compression.
The clients run on another core and do no more with a frame than note when it came. The sides take turns, several times.
*ohlora* is the whole server with its database on disk (every delta is synced before it is sent) and a scripted model in
place of the language model; her memory is off. *bare* is a `websockets` server with a handler of a few lines.

The same frames
    The frames that ohlora sends are recorded and handed to bare, which sends the very same bytes to as many clients.
    Time runs from the moment the model may begin until the last frame has arrived, on both sides; logging in, storing
    the question and building the prompt are left out.

    *paced*: every reply streams at 60 pieces a second, as a fast language model writes; bare sends each frame when
    ohlora sent it. Compared are what arrives per second, that is whether ohlora keeps up, and the share of the core.

    *saturated*: the model writes as fast as the event loop turns, in both processes; bare sends each recorded frame as
    soon as its model has written the pieces in it. ohlora merges the pieces that pile up during a commit, so its frames
    are few and large: what is counted is text. No chat brings about such a load; it shows what there is in reserve.

    *saturated, frames ready*: the same, but bare has no model and finds its frames ready in memory. This is the speed of
    the socket alone; ohlora, which has to come by its words, cannot and need not be near it.

Delay
    1,000 connections are logged in and 200 of them talk: as soon as a reply of 4 to 12 seconds has ended, they say the
    next thing. Each piece carries the time at which it was due; its delay ends when the client's socket hands it over.
    It is counted from the time due and not from when the busy process got round to yielding the piece, so that a stall
    is charged to every piece that waits for it. Bare streams the same model's pieces one frame each, none stored, and
    has no turns to begin or to end.
"""

from __future__ import annotations

import argparse
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
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import uvloop
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.report import Row, quantile, ratios, save, show
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
        rate: pieces per second of each reply; 0 for as fast as the event loop turns.
        pieces: least and greatest number of pieces of a reply.
    """

    rate: float
    pieces: tuple[int, int]


class StampedModel:
    """A `LanguageModel` whose pieces tell when they were due. Replies wait for `go` after their emotion tag."""

    name = "stamped"
    context_length = 8192

    def __init__(self) -> None:
        self.pace = Pace(0, (0, 0))
        self.go = asyncio.Event()

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(len(message.content) for message in messages)

    async def stream(self, request: GenerationRequest | None = None) -> AsyncIterator[str]:
        yield "<감정:평온:0.5> "
        await self.go.wait()
        pace = self.pace
        number = random.randint(*pace.pieces)
        if not pace.rate:
            for _ in range(number):
                await asyncio.sleep(0)
                yield _stamp(time.monotonic())
            return
        begin = time.monotonic() + random.random() / pace.rate  # replies are not in step with one another
        for index in range(number):
            due = begin + index / pace.rate
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
    from server.app import App, settle_interpreter
    from server.settings import Settings
    from server.storage import accounts as store

    # /tmp may be memory, where a sync costs nothing.
    with tempfile.TemporaryDirectory(prefix="ohlora-bench-", dir="/var/tmp") as folder:
        loose = {"turns_per_minute": 1e6, "turn_burst": 1000, "frames_per_second": 1e4, "frame_burst": 10_000}
        model = StampedModel()
        app = App(
            Settings(port=0, data=Path(folder), max_connections=accounts + 100, memory="off", **loose),
            model, lambda text: Emotion("평온", 0.5),
        )  # fmt: skip
        await app.start()
        settle_interpreter()

        def issue(connection: Any) -> list[str]:
            return [store.issue_token(connection, store.add_account(connection, f"u{i}")) for i in range(accounts)]

        pipe.send((app.port, app.services.database.write_now(issue)))
        await _obey(pipe, _commands(model))
        await app.close()


@dataclass(frozen=True)
class Frame:
    """A frame to send again: when it came, counted from the go, and how many pieces are in it."""

    at: float
    text: str
    pieces: int


async def _serve_bare(pipe: Connection, accounts: int) -> None:
    model = StampedModel()
    recorded: list[list[Frame]] = []

    async def stream(socket: ServerConnection, _: list[Frame]) -> None:
        pieces = model.stream()
        await anext(pieces)  # the tag
        seq = 0
        async for piece in pieces:
            seq += 1
            data = f'{{"message":"{"0" * 16}","text":"{piece}"}}'
            await socket.send(protocol.frame("turn.delta", data, chat="0" * 16, turn="0" * 16, seq=seq))

    async def paced(socket: ServerConnection, frames: list[Frame]) -> None:
        await model.go.wait()
        begin = time.monotonic()
        for frame in frames:
            await asyncio.sleep(begin + frame.at - time.monotonic())
            await socket.send(frame.text)

    async def written(socket: ServerConnection, frames: list[Frame]) -> None:
        pieces = model.stream()
        await anext(pieces)
        for frame in frames:
            for _ in range(frame.pieces):
                await anext(pieces)
            await socket.send(frame.text)

    async def ready(socket: ServerConnection, frames: list[Frame]) -> None:
        await model.go.wait()
        for frame in frames:
            await socket.send(frame.text)

    ways = {way.__name__: way for way in (stream, paced, written, ready)}

    async def handle(socket: ServerConnection) -> None:
        async for message in socket:
            way, number = str(message).split()
            await ways[way](socket, recorded[int(number)] if recorded else [])
            await socket.send('{"v":1,"type":"turn.done"}')

    def record(frames: list[list[Frame]]) -> None:
        recorded[:] = frames

    async with serve(handle, "127.0.0.1", 0, compression=None, max_size=protocol.MAX_FRAME_BYTES) as server:
        pipe.send((next(iter(server.sockets)).getsockname()[1], [""] * accounts))
        await _obey(pipe, {**_commands(model), "record": record})


def _in_process(serve: Callable[[Connection, int], Awaitable[None]], pipe: Connection, accounts: int) -> None:
    os.sched_setaffinity(0, {SERVER_CORE})
    raise_file_limit(accounts + 200)
    uvloop.run(serve(pipe, accounts))  # type: ignore[arg-type]


def raise_file_limit(needed: int) -> None:
    """Lets this process open so many files.

    Raises:
        SystemExit: the system does not allow it; one line says what to do.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in (soft, hard) and hard < needed:
        raise SystemExit(
            f"error: {needed:,} open files are needed, but this system allows {hard:,}; raise the hard limit "
            f"(ulimit -Hn {needed}, as root) or measure with --quick"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class ServerProcess:
    """A server in a process of its own, as the measuring process sees it."""

    def __init__(self, serve: Callable[[Connection, int], Awaitable[None]], accounts: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_in_process, args=(serve, theirs, accounts), daemon=True)
        self._process.start()
        self.bare = serve is _serve_bare
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
    chat: str = ""
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

    def forget(self) -> None:
        """Drops what has come so far."""
        self.deltas.clear()
        while not self.answers.empty():
            self.answers.get_nowait()

    async def open_chat(self) -> None:
        """Begins a new chat."""
        self.request("chat.open")
        self.chat = (await self.answer("chat.snapshot"))["chat"]

    def send_turn(self) -> None:
        self.request("turn.send", self.chat, client_id=secrets.token_hex(8), text="오늘 좀 힘들었어. 너는 어땠어?")

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


# --- the same frames


@dataclass(frozen=True)
class Stretch:
    """What came of one reply to each client.

    Attributes:
        seconds: from the go to the last delta.
        core: share of the core that the server took meanwhile (1: all of it).
        frames: per client, every delta.
    """

    seconds: float
    core: float
    frames: list[list[Frame]]

    @property
    def megabytes_per_second(self) -> float:
        return sum(len(frame.text.encode()) for frames in self.frames for frame in frames) / self.seconds / 1e6

    @property
    def pieces_per_frame(self) -> float:
        sizes = [frame.pieces for frames in self.frames for frame in frames]
        return sum(sizes) / len(sizes)


async def ask_all(server: ServerProcess, listeners: list[Listener], way: str) -> None:
    """Has every client ask for a reply, and waits until all of them wait for nothing but the go."""
    for number, listener in enumerate(listeners):
        listener.forget()
        if server.bare:
            listener.say(f"{way} {number}")
        else:
            await listener.open_chat()
            listener.send_turn()
    for listener in listeners:
        if not server.bare:
            await listener.answer("face.set")
    await asyncio.sleep(0.5)


async def stretch(server: ServerProcess, listeners: list[Listener], way: str, pace: Pace) -> Stretch:
    """One reply to every client, all begun at once."""
    server.ask("prepare", pace)
    await ask_all(server, listeners, way)
    with without_collector():
        cpu, go = server.cpu_seconds, time.monotonic()
        server.ask("go")
        for listener in listeners:
            await listener.answer("turn.done")
        seconds = max(listener.deltas[-1][0] for listener in listeners) - go
        core = (server.cpu_seconds - cpu) / (time.monotonic() - go)
    frames = [
        [Frame(at - go, payload.decode(), len(STAMP.findall(payload))) for at, payload in listener.deltas]
        for listener in listeners
    ]
    return Stretch(seconds, core, frames)


async def same_frames(
    ohlora: ServerProcess, bare: ServerProcess, clients: int, pace: Pace, ways: Sequence[str], rounds: int
) -> list[list[Stretch]]:
    """Streams from ohlora, then the same frames from bare in each of the ways, and so on in turn.

    Returns:
        For each round ohlora's stretch and bare's.
    """
    ours, theirs = await connect_all(ohlora, clients), await connect_all(bare, clients)
    found = []
    for number in range(rounds):
        progress(f"the same frames, {ways[0]}: round {number + 1} of {rounds}")
        mine = await stretch(ohlora, ours, "", pace)
        bare.ask("record", mine.frames)
        others = [await stretch(bare, theirs, way, pace) for way in ways]
        for other in others:
            if [[frame.text for frame in frames] for frames in other.frames] != [
                [frame.text for frame in frames] for frames in mine.frames
            ]:
                raise RuntimeError("the two sides did not send the same")
        found.append([mine, *others])
    for listener in ours + theirs:
        listener.close()
    return found


# --- delay


@dataclass(frozen=True)
class Delays:
    """What came of a while of steady talk.

    Attributes:
        core: share of the core that the server took.
        pieces_per_second: of all clients together; those that were due meanwhile, however late they came.
        seconds: the delay of each of these pieces.
    """

    core: float
    pieces_per_second: float
    seconds: list[float]


async def talk(server: ServerProcess, listener: Listener, wait: float, until: float) -> None:
    """Says one thing after another until the time is over, beginning after ``wait`` seconds."""
    await asyncio.sleep(wait)
    while time.monotonic() < until:
        if server.bare:
            listener.say("stream 0")
        else:
            listener.send_turn()
        await listener.answer("turn.done")


async def delays(server: ServerProcess, listeners: list[Listener], rate: float, seconds: float) -> Delays:
    """Lets the clients talk, and looks at ``seconds`` of it once all are in the midst of it."""
    server.ask("prepare", Pace(rate, (int(4 * rate), int(12 * rate))))
    server.ask("go")
    for listener in listeners:
        listener.forget()
        if not server.bare:
            await listener.open_chat()
    warm_up = 4.0
    begin = time.monotonic() + warm_up
    end = begin + seconds
    with without_collector():
        talks = [asyncio.create_task(talk(server, one, random.random() * warm_up / 2, end)) for one in listeners]
        await asyncio.sleep(begin - time.monotonic())
        cpu, begin = server.cpu_seconds, time.monotonic()
        await asyncio.sleep(end - time.monotonic())
        core, end = (server.cpu_seconds - cpu) / (time.monotonic() - begin), time.monotonic()
        await asyncio.gather(*talks)
    waited = due_within(begin, end, (frame for listener in listeners for frame in listener.deltas))
    return Delays(core, len(waited) / (end - begin), waited)


def due_within(begin: float, end: float, frames: Iterable[tuple[float, bytes]]) -> list[float]:
    """Delays in seconds of the pieces that were due from ``begin`` to ``end``, late ones included.

    Args:
        frames: time of arrival (monotonic seconds) and payload of each.
    """
    found = []
    for at, payload in frames:
        for stamp in STAMP.findall(payload):
            delay = _since(stamp, at)
            if begin <= at - delay < end:
                found.append(delay)
    return found


def _since(stamp: bytes, now: float) -> float:
    """Seconds since the time in a stamp."""
    return (int(now * 1e6) - int(stamp, 16)) % WRAP / 1e6


def progress(text: str) -> None:
    """Says what is being measured: the whole takes minutes."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


@contextmanager
def without_collector() -> Iterator[None]:
    """Keeps the clients' garbage collector from being measured."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


# --- the whole


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: repetitions.
        clients: of the same frames.
        paced: pieces of each reply at 60 a second.
        saturated: pieces of each reply without pause.
        connections: logged in for the delay; ``talking`` of them talk.
        seconds: of talk that are looked at.
    """

    rounds: int = 3
    clients: int = 100
    paced: int = 300
    saturated: int = 10_000
    connections: int = 1000
    talking: int = 200
    seconds: float = 5


QUICK = Plan(rounds=1, clients=50, paced=120, saturated=10_000, connections=300, talking=60, seconds=3)


async def measure_throughput(ohlora: ServerProcess, bare: ServerProcess, plan: Plan) -> list[Row]:
    rows = []
    found = await same_frames(ohlora, bare, plan.clients, Pace(60, (plan.paced,) * 2), ["paced"], plan.rounds)
    name = f"paced, {plan.clients} clients × 60 pieces/s"
    ours, theirs = ([stretches[side].megabytes_per_second for stretches in found] for side in (0, 1))
    rows.append(compared(f"{name}: text", ours, theirs))
    ours, theirs = ([stretches[side].core for stretches in found] for side in (0, 1))
    rows.append(Row(f"{name}: CPU", "cores", ours, theirs, ratios(ours, theirs)))
    pace = Pace(0, (plan.saturated,) * 2)
    found = await same_frames(ohlora, bare, plan.clients, pace, ["written", "ready"], plan.rounds)
    ours, written, ready = ([stretches[side].megabytes_per_second for stretches in found] for side in (0, 1, 2))
    rows.append(compared(f"saturated, {plan.clients} clients: text", ours, written))
    rows.append(Row("saturated, frames ready: text", "MB/s", ours, ready, ratios(ours, ready)))
    rows.append(Row("saturated: pieces merged into a frame", "", [one[0].pieces_per_frame for one in found]))
    return rows


def compared(name: str, ours: list[float], theirs: list[float]) -> Row:
    found = ratios(ours, theirs)
    return Row(name, "MB/s", ours, theirs, found, "ratio ≥ 0.8", statistics.median(found) >= 0.8)


async def measure_delay(ohlora: ServerProcess, bare: ServerProcess, plan: Plan) -> list[Row]:
    sides: list[list[Listener]] = []
    memory: list[list[float]] = []
    for server in (ohlora, bare):
        progress(f"{plan.connections:,} connections to {'bare' if server.bare else 'ohlora'}")
        before = server.resident_bytes
        sides.append(await connect_all(server, plan.connections))
        memory.append([(server.resident_bytes - before) / plan.connections / 1024])
    rows = [Row(f"memory of a connection, {plan.connections:,} open", "KiB", *memory)]
    for rate in (20, 60):
        found: list[list[Delays]] = [[], []]
        for number in range(plan.rounds):
            progress(f"delay, {rate} pieces/s: round {number + 1} of {plan.rounds}")
            for side, server in enumerate((ohlora, bare)):
                found[side].append(await delays(server, sides[side][: plan.talking], rate, plan.seconds))
        name = f"{plan.connections:,} open, {plan.talking} talking × {rate} pieces/s"
        for q in (0.5, 0.99):
            ours, theirs = ([1000 * quantile(one.seconds, q) for one in side] for side in found)
            goal = ("p99 < 50 ms", statistics.median(ours) < 50) if q == 0.99 else ("", None)
            rows.append(Row(f"{name}: delay p{q * 100:.0f}", "ms", ours, theirs, (), *goal))
        ours, theirs = ([one.pieces_per_second for one in side] for side in found)
        rows.append(Row(f"{name}: arrived", "pieces/s", ours, theirs, ratios(ours, theirs)))
        ours, theirs = ([one.core for one in side] for side in found)
        rows.append(Row(f"{name}: CPU", "cores", ours, theirs, ratios(ours, theirs)))
    for listener in sides[0] + sides[1]:
        listener.close()
    return rows


async def benchmark(plan: Plan, only: str) -> list[Row]:
    rows = []
    with both_servers(plan.connections) as servers:
        if only in ("", "delay"):  # first, while no earlier measurement has left memory to be used again
            rows += await measure_delay(*servers, plan)
        if only in ("", "throughput"):
            rows += await measure_throughput(*servers, plan)
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chat", description="Measures the chat server.")
    parser.add_argument("--quick", action="store_true", help="one repetition with fewer clients, in a minute or two")
    parser.add_argument("--rounds", type=int, default=None, help=f"repetitions (default: {Plan.rounds})")
    parser.add_argument("--only", choices=("throughput", "delay"), default="", help="one half of it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every measured value here")
    options = parser.parse_args(argv)
    plan = QUICK if options.quick else Plan()
    if options.rounds:
        plan = replace(plan, rounds=options.rounds)
    raise_file_limit(2 * plan.connections + 500)
    if len(CORES) > 1:
        os.sched_setaffinity(0, {CLIENT_CORE})
    rows = uvloop.run(benchmark(plan, options.only))
    show("Chat server against bare websockets", rows, "ohlora", "bare")
    if options.json:
        save(options.json, "chat", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
