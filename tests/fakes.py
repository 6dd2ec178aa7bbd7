"""Small stand-ins: a language model that follows a script, and a client that speaks the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from character.emotion import Emotion
from character.language_model import ChatMessage, GenerationRequest

Script = Callable[[GenerationRequest], Sequence[str | float | Exception]]


def echo(request: GenerationRequest) -> Sequence[str]:
    """Answers with a tag and the user's own words, a few characters at a time."""
    words = f"<감정:기쁨:0.8> {request.messages[-1].content}라고 했지? 응, 잘 들었어."
    return [words[i : i + 3] for i in range(0, len(words), 3)]


class ScriptedStream(AsyncIterator[str]):
    def __init__(self, steps: Sequence[str | float | Exception], model: ScriptedModel) -> None:
        self._steps, self._model = iter(steps), model
        self.finish_reason: str | None = None

    async def __anext__(self) -> str:
        for step in self._steps:
            if isinstance(step, str):
                if self._model.pace:
                    await asyncio.sleep(self._model.pace)
                return step
            if isinstance(step, Exception):
                raise step
            try:
                await asyncio.sleep(step)
            except asyncio.CancelledError:
                self._model.cancelled += 1
                raise
        self.finish_reason = self._model.finish_reason
        raise StopAsyncIteration


class ScriptedModel:
    """A `LanguageModel` that plays a script: strings are pieces, numbers seconds to wait, exceptions are raised.

    Args:
        pace: seconds before each piece.
    """

    name = "scripted"
    context_length = 8192

    def __init__(self, script: Script = echo, pace: float = 0.0, finish_reason: str = "stop") -> None:
        self.script, self.pace, self.finish_reason = script, pace, finish_reason
        self.requests: list[GenerationRequest] = []
        self.cancelled = 0

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(len(message.content) for message in messages)

    def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        self.requests.append(request)
        return ScriptedStream(self.script(request), self)

    async def close(self) -> None:
        pass


class LetterEmbedder:
    """An embedder without a model: texts are near to each other where they share syllables.

    Args:
        setting: what it is asked for; part of its name.
    """

    dimension = 64

    def __init__(self, setting: str = "letters") -> None:
        self.name = f"letters-{zlib.crc32(setting.encode()):08x}"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.full((len(texts), self.dimension), 1e-3, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for letter in text:
                row[zlib.crc32(letter.encode("utf-8", "replace")) % self.dimension] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def calm(text: str) -> Emotion:
    """An emotion judge without a model."""
    return Emotion("평온", 0.4)


class Refused(Exception):
    """The server answered a request with an error."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class Client:
    """One connection, as the page would hold it.

    Attributes:
        events: every frame that was no answer to a request of this client, in order.
        pictures: every binary frame.
        seen: chat → last event.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.pictures: list[bytes] = []
        self.seen: dict[str, int] = {}
        self.welcome: dict[str, Any] = {}
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._arrived = asyncio.Event()
        self._ids = itertools.count(1)
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, port: int, *, last_seq: dict[str, int] | None = None, **credentials: str) -> Client:
        """Connects and logs in with ``token=…`` or ``login=…``."""
        client = cls(await connect(f"ws://127.0.0.1:{port}/ws", max_size=None, compression=None, proxy=None))
        client._reader = asyncio.create_task(client._read())
        answer = await client.ask("hello", **credentials, **({"last_seq": last_seq} if last_seq else {}))
        client.welcome = answer["data"]
        return client

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.socket.close()
        if self._reader:
            await self._reader

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._read_frames()
        for future in self._answers.values():
            if not future.done():
                future.set_exception(ConnectionError(f"closed with {self.socket.close_code}"))
                future.exception()  # nobody may be waiting

    async def _read_frames(self) -> None:
        async for raw in self.socket:
            if isinstance(raw, bytes):
                self.pictures.append(raw)
                self._arrived.set()
                continue
            frame = json.loads(raw)
            if "seq" in frame:
                assert frame["seq"] == self.seen.get(frame["chat"], frame["seq"] - 1) + 1, f"gap or repetition: {frame}"
                self.seen[frame["chat"]] = frame["seq"]
            elif frame["type"] == "chat.snapshot":
                self.seen[frame["chat"]] = frame["data"]["seq"]
            future = self._answers.pop(frame.get("id", ""), None)
            if future is not None and not future.done():
                future.set_result(frame)
            else:
                self.events.append(frame)
            self._arrived.set()

    async def ask(self, type: str, chat: str | None = None, **data: Any) -> dict[str, Any]:
        """Sends a request and waits for its answer.

        Raises:
            Refused: the answer is an error.
        """
        ident = f"r{next(self._ids)}"
        future = self._answers[ident] = asyncio.get_running_loop().create_future()
        await self.send(type, chat, ident, **data)
        async with asyncio.timeout(20):
            answer = await future
        if answer["type"] == "error":
            raise Refused(answer["data"]["code"], answer["data"]["text"])
        return answer

    async def send(self, type: str, chat: str | None = None, ref: str | None = None, /, **data: Any) -> None:
        frame: dict[str, Any] = {"v": 1, "type": type, "data": data}
        if ref is not None:
            frame["id"] = ref
        if chat is not None:
            frame["chat"] = chat
        await self.socket.send(json.dumps(frame))

    async def wait(self, type: str, after: int = 0, **match: Any) -> dict[str, Any]:
        """The first event of this type from number ``after`` on whose data has these values."""
        async with asyncio.timeout(20):
            while True:
                for event in self.events[after:]:
                    if event["type"] == type and all(event["data"].get(k) == v for k, v in match.items()):
                        return event
                self._arrived.clear()
                await self._arrived.wait()

    async def new_chat(self, **data: Any) -> str:
        return str((await self.ask("chat.open", **data))["chat"])

    async def say(self, chat: str, text: str, client_id: str | None = None, **data: Any) -> dict[str, Any]:
        """Says something and waits for the end of the turn; returns the ``turn.done`` event."""
        begin = len(self.events)
        await self.ask("turn.send", chat, client_id=client_id or f"c{next(self._ids)}", text=text, **data)
        return await self.wait("turn.done", begin)

    async def upload(self, kind: str, content: bytes) -> str:
        ident = f"r{next(self._ids)}"
        future = self._answers[ident] = asyncio.get_running_loop().create_future()
        await self.send(
            "upload.start", None, ident, kind=kind, size=len(content), sha256=hashlib.sha256(content).hexdigest()
        )
        for start in range(0, len(content), 60_000):
            await self.socket.send(content[start : start + 60_000])
        async with asyncio.timeout(20):
            answer = await future
        if answer["type"] == "error":
            raise Refused(answer["data"]["code"], answer["data"]["text"])
        return str(answer["data"]["upload"])

    def words(self, chat: str) -> str:
        """All words that streamed into the chat, joined."""
        return "".join(e["data"]["text"] for e in self.events if e["type"] == "turn.delta" and e["chat"] == chat)
