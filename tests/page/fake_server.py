"""A scripted server for the page: it speaks the protocol of `server/protocol.py` and says what a test tells it to.

Every frame of the page is validated with the real message types, and every answer is built from them, so that a page
which passes its tests here speaks the protocol. ``python -m tests.page.fake_server`` serves it by hand, with a chat.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import mimetypes
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from PIL import Image
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from server import protocol as p
from server.face_stream import header

WEB = Path(p.__file__).parent / "web"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TOKEN = "page-token"  # noqa: S105 - known to the tests only
FACES = {
    "평온": {"eyes": 0.68, "mouth": 0.06, "smile": 0.15, "brow": 0.05, "pose": 3.0, "pitch": 1.0},
    "기쁨": {"eyes": 0.62, "mouth": 0.22, "smile": 0.8, "brow": 0.3, "pose": -6.0, "pitch": 4.0},
    "슬픔": {"eyes": 0.45, "mouth": 0.04, "smile": -0.5, "brow": 0.55, "pose": 8.0, "pitch": -8.0},
    "분노": {"eyes": 0.8, "mouth": 0.1, "smile": -0.45, "brow": -0.8, "pose": 0.0, "pitch": -2.0},
    "놀람": {"eyes": 1.0, "mouth": 0.5, "smile": 0.1, "brow": 0.9, "pose": 0.0, "pitch": 3.0},
    "두려움": {"eyes": 0.9, "mouth": 0.15, "smile": -0.3, "brow": 0.7, "pose": 12.0, "pitch": -3.0},
    "부끄러움": {"eyes": 0.5, "mouth": 0.05, "smile": 0.45, "brow": 0.25, "pose": 15.0, "pitch": -7.0},
    "혐오": {"eyes": 0.4, "mouth": 0.1, "smile": -0.6, "brow": -0.5, "pose": -12.0, "pitch": 0.0},
}
GREETINGS = [
    "왔네? 창밖 보고 있었어. 오늘은 별이 꽤 보이더라.",
    "안녕! 방금 논문 한 편 덮었어. 너는 오늘 어땠어?",
    "음… 졸린 건 아니고, 그래디한테 말 거는 중이었어.",
]

COLOURS = {"평온": (60, 120, 200), "기쁨": (240, 190, 60), "슬픔": (40, 60, 150), "놀람": (230, 230, 240)}
"""Her face, as far as the page is concerned."""


def picture(emotion: str, form: str) -> bytes:
    found = io.BytesIO()
    Image.new("RGB", (32, 32), COLOURS.get(emotion, (128, 128, 128))).save(found, form, quality=95)
    return found.getvalue()


@dataclass
class Say:
    """What she answers: the words of one reply, after her feeling."""

    text: str = "응, 듣고 있어. 천천히 말해 줘."
    emotion: str = "평온"
    strength: float = 0.5
    recalls: tuple[p.MemoryEntry, ...] = ()
    forgets: tuple[p.MemoryEntry, ...] = ()  # what she asks whether to forget


@dataclass
class Chat:
    id: str
    title: str
    card: str = "aurora"
    character: str = "오로라"
    messages: dict[str, p.MessageState] = field(default_factory=dict)
    active: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    face: dict[str, Any] | None = None
    live: str | None = None
    updated: float = field(default_factory=time.time)
    task: asyncio.Task[None] | None = None
    used: dict[str, list[p.RecalledMemory]] = field(default_factory=dict)
    asked: dict[str, p.MemoryForgetAsked] = field(default_factory=dict)


class FakeServer:
    """Serves the page on a free port of this machine, in a thread of its own.

    What a test sets:
        replies: what she says next; empty: `Say()`.
        pace: seconds between two pieces of a reply.
        hold_after: pieces after which a reply waits for `release()`; None: never.
        mute: message types that get no answer, as if they were lost.
        refuse: message type → codes of the errors that answer the next requests of that type.
        is_down: no connection is accepted.
        memory: she remembers; memories: what.
        face: she has one, whose pictures are plain colours (see `COLOURS`); frames are sent by `show`.
        page_size: memories in one answer.

    What a test reads:
        received: every envelope of the page, in order.
        invalid: frames that the protocol does not allow; must stay empty.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.replies: deque[Say] = deque()
        self.pace = 0.01
        self.hold_after: int | None = None
        self.mute: set[str] = set()
        self.refuse: dict[str, list[str]] = {}
        self.is_down = False
        self.received: list[dict[str, Any]] = []
        self.invalid: list[str] = []
        self.chats: dict[str, Chat] = {}
        self.cards = [
            p.CardSummary(
                id="aurora",
                name="오로라",
                creator="Oh-LoRA",
                description="화면 너머 작은 원룸에 사는 대학원생. 별과 떡볶이와 새벽 공기를 좋아한다.",
                tags=["한국어", "친구"],
                greetings=GREETINGS,
                builtin=True,
            )
        ]
        self.user_name = ""
        self.bundled = True
        self.memory = True
        self.face = False
        self.watching: dict[ServerConnection, tuple[str, int]] = {}  # chat, number of the watch
        self.memories: list[p.MemoryEntry] = []
        self.page_size = 50
        self.codes = {"one-time"}
        self.token = TOKEN
        self.taken: dict[str, str] = {}
        self.connections: dict[ServerConnection, set[str]] = {}
        self.uploads: dict[str, bytes] = {}
        self._incoming: tuple[p.UploadStart, str, bytearray] | None = None
        self._count = 0
        self._loop = asyncio.new_event_loop()
        self._held: asyncio.Event | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    # -------------------------------------------------------------------------------------------------- for the tests

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FakeServer:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def drop(self) -> None:
        """Cuts every connection without a closing handshake, as a network does."""

        def cut() -> None:
            for connection in list(self.connections):
                connection.transport.abort()

        self._loop.call_soon_threadsafe(cut)

    def release(self) -> None:
        """Lets a reply held by `hold_after` go on."""
        self.hold_after = None
        if self._held:
            self._loop.call_soon_threadsafe(self._held.set)

    def of_type(self, name: str) -> list[dict[str, Any]]:
        return [envelope for envelope in list(self.received) if envelope["type"] == name]

    def add_chat(self, title: str, turns: list[tuple[str, Say]] = (), *, greeting: int = 0, age: float = 0) -> Chat:
        """A chat with her greeting and finished turns, `age` seconds old."""
        chat = self._begin(greeting, time.time() - age - 60 * len(turns))
        chat.title = title
        for said, say in turns:
            chat.updated += 60
            user = self._message(chat, chat.active, "user", said)
            reply = self._message(chat, user.id, "assistant", say.text)
            chat.messages[reply.id] = reply.model_copy(update={"emotion": say.emotion, "strength": say.strength})
            chat.active = reply.id
            chat.face = {"emotion": say.emotion, "strength": say.strength, "attributes": FACES[say.emotion]}
        return chat

    def remember(self, text: str, kind: Any = "fact", *, age: float = 0, **more: Any) -> p.MemoryEntry:
        """A memory, `age` seconds old."""
        values = {
            "slot": "other", "quote": "", "chat": None, "message": None, "valid_from": None, "valid_until": None,
            "pinned": False, "state": "live", "source": "pattern" if more.get("quote") else "hand", "earlier": [],
        }  # fmt: skip
        memory = p.MemoryEntry(id=self._id("mem"), kind=kind, text=text, said=time.time() - age, **(values | more))
        self.memories.append(memory)
        return memory

    def save(self, chat: Chat, message: str, *memories: p.MemoryEntry) -> None:
        """Tells the page what she has taken from a message."""
        told = self._all(p.MemorySaved(message=message, memories=list(memories)), chat=chat.id)
        asyncio.run_coroutine_threadsafe(told, self._loop).result(5)

    def show(self, emotion: str, milliseconds: int = 0) -> int:
        """Sends a frame of her face to all that watch; returns to how many."""

        async def send() -> int:
            for connection, (_, watch) in list(self.watching.items()):
                await connection.send(header(watch, 0, 1, milliseconds) + picture(emotion, "JPEG"))
            return len(self.watching)

        return asyncio.run_coroutine_threadsafe(send(), self._loop).result(5)

    # ------------------------------------------------------------------------------------------------------ the wire

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with serve(
            self._talk, "127.0.0.1", self.port, process_request=self._http, max_size=p.MAX_FRAME_BYTES
        ) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._started.set()
            await self._stop.wait()
            for connection in list(self.connections):
                connection.transport.abort()

    def _http(self, connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.split("?")[0]
        if path == "/ws":
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "down\n") if self.is_down else None
        file = WEB / (path.lstrip("/") or "index.html")
        if not file.is_file() or WEB not in file.resolve().parents:
            return connection.respond(HTTPStatus.NOT_FOUND, "no such file\n")
        kind = "application/manifest+json" if file.suffix == ".webmanifest" else mimetypes.guess_type(file.name)[0]
        body = file.read_bytes()
        headers = Headers(
            {
                "Content-Type": f"{kind}; charset=utf-8",
                "Content-Length": str(len(body)),
                "Content-Security-Policy": CSP,
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
                "Connection": "close",
            }
        )
        return Response(200, "OK", headers, body)

    async def _talk(self, connection: ServerConnection) -> None:
        try:
            if not await self._log_in(connection):
                return
            async for frame in connection:
                if isinstance(frame, bytes):
                    await self._upload_frame(connection, frame)
                else:
                    await self._take(connection, json.loads(frame))
        except ConnectionClosed:
            pass
        finally:
            self.connections.pop(connection, None)
            self.watching.pop(connection, None)

    def _parse(self, raw: dict[str, Any]) -> p.Message | None:
        self.received.append(raw)
        try:
            envelope = p.Envelope.model_validate(raw)
            return p.CLIENT_MESSAGES[envelope.type].model_validate(envelope.data)
        except Exception as error:
            self.invalid.append(f"{raw}: {error}")
            return None

    async def _send(self, connection: ServerConnection, message: p.Message, **envelope: Any) -> None:
        text = json.dumps({"v": 1, "type": message.type, **envelope, "data": message.model_dump()}, ensure_ascii=False)
        await connection.send(text)

    async def _log_in(self, connection: ServerConnection) -> bool:
        raw = json.loads(await connection.recv())
        hello = self._parse(raw)
        assert isinstance(hello, p.Hello)
        is_code = hello.login in self.codes
        self.codes.discard(hello.login or "")
        if not is_code and hello.token != self.token:
            error = p.Error(code="unauthorized", text="토큰이 맞지 않아요. 새 토큰을 받아 주세요.", ref=raw["id"])
            await self._send(connection, error, id=raw["id"])
            await connection.close(p.CLOSE_POLICY, "unauthorized")
            return False
        self.connections[connection] = set(hello.last_seq)
        welcome = p.Welcome(
            account="local",
            user_name=self.user_name,
            token=self.token if is_code else None,
            chats=[self._summary(chat) for chat in self._sorted()],
            model=p.ModelInfo(name="ohlora-mini", bundled=self.bundled),
            limits={"text": p.MAX_TEXT_CHARACTERS, "frame": p.MAX_FRAME_BYTES, "upload": p.MAX_UPLOAD_BYTES},
            memory=self.memory,
            face=self.face,
            server="0.1.0",
        )
        await self._send(connection, welcome, id=raw["id"])
        for chat_id, seq in hello.last_seq.items():
            for event in self.chats[chat_id].events[seq:] if chat_id in self.chats else []:
                await connection.send(json.dumps(event, ensure_ascii=False))
        return True

    async def _take(self, connection: ServerConnection, raw: dict[str, Any]) -> None:
        message = self._parse(raw)
        kind, ref = raw["type"], raw.get("id")
        if message is None:
            await self._send(connection, p.Error(code="bad_request", text="잘못된 요청이에요.", ref=ref), id=ref)
            return
        if kind in self.mute:
            return
        if self.refuse.get(kind):
            code = self.refuse[kind].pop(0)
            text = {
                "turn_live": "아직 말하는 중이에요. 끝나면 다시 보내 주세요.",
                "rate_limited": "조금 천천히 말해 주세요.",
            }
            await self._send(connection, p.Error(code=code, text=text.get(code, "할 수 없어요."), ref=ref), id=ref)
            return
        chat = self.chats.get(raw.get("chat") or "")
        handler = getattr(self, "_on_" + kind.replace(".", "_"))
        await handler(connection, message, ref, chat)

    async def _event(self, chat: Chat, message: p.Message) -> None:
        seq = len(chat.events) + 1
        event = {"v": 1, "type": message.type, "chat": chat.id, "seq": seq, "data": message.model_dump()}
        chat.events.append(event)
        await self._to(event, lambda opened: chat.id in opened)

    async def _all(self, message: p.Message, **envelope: Any) -> None:
        await self._to({"v": 1, "type": message.type, **envelope, "data": message.model_dump()}, lambda _: True)

    async def _to(self, event: dict[str, Any], wanted: Any) -> None:
        text = json.dumps(event, ensure_ascii=False)
        for connection, opened in list(self.connections.items()):
            if wanted(opened):
                try:
                    await connection.send(text)
                except ConnectionClosed:
                    self.connections.pop(connection, None)

    # ------------------------------------------------------------------------------------------------------- the chats

    def _id(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _sorted(self) -> list[Chat]:
        return sorted(self.chats.values(), key=lambda chat: -chat.updated)

    def _summary(self, chat: Chat) -> p.ChatSummary:
        last = chat.messages.get(chat.active or "")
        return p.ChatSummary(
            id=chat.id,
            title=chat.title,
            card=chat.card,
            character=chat.character,
            updated=chat.updated,
            preview=last.text[:60] if last else "",
            live=chat.live is not None,
        )

    def _snapshot(self, chat: Chat) -> p.ChatSnapshot:
        return p.ChatSnapshot(
            chat=self._summary(chat),
            messages=list(chat.messages.values()),
            active=chat.active,
            seq=len(chat.events),
            face=chat.face,
            used=chat.used,
            asked=list(chat.asked.values()),
        )

    def _message(self, chat: Chat, parent: str | None, role: Any, text: str, **more: Any) -> p.MessageState:
        message = p.MessageState(
            id=self._id("m"),
            parent=parent,
            role=role,
            text=text,
            created=chat.updated,
            **{"status": "complete", **more},
        )
        chat.messages[message.id] = message
        chat.active = message.id
        return message

    def _begin(self, greeting: int, when: float | None = None) -> Chat:
        chat = Chat(id=self._id("chat"), title="새 대화", updated=when or time.time())
        for text in GREETINGS:
            self._message(chat, None, "assistant", text, emotion="평온", strength=0.5)
        chat.active = list(chat.messages)[greeting]
        self.chats[chat.id] = chat
        return chat

    def _latest(self, chat: Chat, message: str) -> str:
        while children := [m.id for m in chat.messages.values() if m.parent == message]:
            message = children[-1]
        return message

    # ------------------------------------------------------------------------------------------------------- a turn

    async def _start(self, chat: Chat, user: p.MessageState | None, parent: str) -> None:
        reply = self._message(chat, parent, "assistant", "", status="live", model="ohlora-mini")
        chat.live = reply.id
        await self._event(chat, p.TurnStart(user=user, reply=reply))
        await self._all(p.ChatChanged(chat=self._summary(chat)))
        chat.task = asyncio.create_task(self._speak(chat, reply.id))

    async def _speak(self, chat: Chat, reply: str) -> None:
        say = self.replies.popleft() if self.replies else Say()
        await asyncio.sleep(self.pace)
        chat.face = {"emotion": say.emotion, "strength": say.strength, "attributes": FACES[say.emotion]}
        chat.messages[reply] = chat.messages[reply].model_copy(
            update={"emotion": say.emotion, "strength": say.strength}
        )
        if say.recalls:
            chat.used[reply] = [p.RecalledMemory(id=m.id, text=m.text, kind=m.kind, said=m.said) for m in say.recalls]
            await self._event(chat, p.MemoryUsed(message=reply, memories=chat.used[reply]))
        if say.forgets:
            ids, texts = [m.id for m in say.forgets], [m.text for m in say.forgets]
            chat.asked[reply] = p.MemoryForgetAsked(message=reply, ids=ids, texts=texts)
            await self._event(chat, chat.asked[reply])
        await self._event(chat, p.FaceSet(**chat.face))
        # Pieces end in the middle of words, as tokens do.
        for count, piece in enumerate(re.findall(r"\s*\S{1,2}\s*", say.text)):
            if count == self.hold_after:
                self._held = asyncio.Event()
                await self._held.wait()
            await asyncio.sleep(self.pace)
            message = chat.messages[reply]
            chat.messages[reply] = message.model_copy(update={"text": message.text + piece})
            await self._event(chat, p.TurnDelta(message=reply, text=piece))
        await self._done(chat, reply, "complete")

    async def _done(self, chat: Chat, reply: str, reason: Any) -> None:
        chat.live = None
        chat.updated = time.time()
        chat.messages[reply] = chat.messages[reply].model_copy(update={"status": reason})
        await self._event(chat, p.TurnDone(reply=chat.messages[reply], reason=reason))
        await self._all(p.ChatChanged(chat=self._summary(chat)))

    async def _ack(
        self, connection: ServerConnection, ref: str, client_id: str, message: str, *, duplicate: bool
    ) -> None:
        self.taken.setdefault(client_id, message)
        await self._send(connection, p.TurnAck(client_id=client_id, message=message, duplicate=duplicate), id=ref)

    async def _is_refused(self, connection: ServerConnection, message: Any, ref: str, chat: Chat) -> bool:
        if message.client_id in self.taken:
            await self._ack(connection, ref, message.client_id, self.taken[message.client_id], duplicate=True)
            return True
        if chat.live:
            await self._send(connection, p.Error(code="turn_live", text="아직 말하는 중이에요.", ref=ref), id=ref)
            return True
        return False

    async def _on_turn_send(self, connection: ServerConnection, message: p.TurnSend, ref: str, chat: Chat) -> None:
        if await self._is_refused(connection, message, ref, chat):
            return
        chat.updated = time.time()
        user = self._message(chat, message.parent or chat.active, "user", message.text, client_id=message.client_id)
        if chat.title == "새 대화":
            chat.title = message.text[:20]
        await self._ack(connection, ref, message.client_id, user.id, duplicate=False)
        await self._start(chat, user, user.id)

    async def _on_message_edit(
        self, connection: ServerConnection, message: p.MessageEdit, ref: str, chat: Chat
    ) -> None:
        if await self._is_refused(connection, message, ref, chat):
            return
        old = chat.messages[message.message]
        chat.updated = time.time()
        more = {"edited": True, "emotion": old.emotion, "strength": old.strength} if old.role == "assistant" else {}
        new = self._message(chat, old.parent, old.role, message.text, client_id=message.client_id, **more)
        await self._ack(connection, ref, message.client_id, new.id, duplicate=False)
        if old.role == "assistant":
            await self._event(chat, p.MessageAdded(message=new))
        else:
            await self._start(chat, new, new.id)

    async def _on_turn_retry(self, connection: ServerConnection, message: p.TurnRetry, ref: str, chat: Chat) -> None:
        if await self._is_refused(connection, message, ref, chat):
            return
        old = chat.messages[message.message]
        parent = old.id if old.role == "user" else old.parent
        await self._ack(connection, ref, message.client_id, parent, duplicate=False)
        await self._start(chat, None, parent)

    async def _on_turn_stop(self, connection: ServerConnection, message: p.TurnStop, ref: str, chat: Chat) -> None:
        if chat.live and chat.task:
            chat.task.cancel()
            await self._done(chat, chat.live, "stopped")

    async def _on_turn_pick(self, connection: ServerConnection, message: p.TurnPick, ref: str, chat: Chat) -> None:
        chat.active = self._latest(chat, message.message)
        await self._event(chat, p.TurnPicked(active=chat.active))

    async def _on_message_delete(
        self, connection: ServerConnection, message: p.MessageDelete, ref: str, chat: Chat
    ) -> None:
        gone = [message.message]
        parent = chat.messages[message.message].parent
        for each in chat.messages.values():
            if each.parent in gone:
                gone.append(each.id)
        for each in gone:
            del chat.messages[each]
        siblings = [m.id for m in chat.messages.values() if m.parent == parent]
        chat.active = self._latest(chat, siblings[-1]) if siblings else parent
        await self._event(chat, p.MessageRemoved(messages=gone, active=chat.active))

    async def _on_feedback(self, connection: ServerConnection, message: p.Feedback, ref: str, chat: Chat) -> None:
        chat.messages[message.message] = chat.messages[message.message].model_copy(update={"good": message.good})
        await self._event(chat, p.MessageMarked(message=message.message, good=message.good))

    # ------------------------------------------------------------------------------------------------- everything else

    async def _on_ping(self, connection: ServerConnection, message: p.Ping, ref: str, chat: None) -> None:
        await self._send(connection, p.Pong(), id=ref)

    async def _on_chat_list(self, connection: ServerConnection, message: p.ChatList, ref: str, chat: None) -> None:
        await self._send(connection, p.ChatListed(chats=[self._summary(c) for c in self._sorted()]), id=ref)

    async def _on_chat_open(
        self, connection: ServerConnection, message: p.ChatOpen, ref: str, chat: Chat | None
    ) -> None:
        is_new = chat is None
        chat = chat or self._begin(message.greeting or 0)
        self.connections[connection].add(chat.id)
        await self._send(connection, self._snapshot(chat), id=ref, chat=chat.id)
        if is_new:
            await self._all(p.ChatChanged(chat=self._summary(chat)))

    async def _on_chat_rename(self, connection: ServerConnection, message: p.ChatRename, ref: str, chat: Chat) -> None:
        chat.title = message.title
        await self._all(p.ChatChanged(chat=self._summary(chat)))

    async def _on_chat_delete(self, connection: ServerConnection, message: p.ChatDelete, ref: str, chat: Chat) -> None:
        del self.chats[chat.id]
        await self._all(p.ChatRemoved(), chat=chat.id)

    async def _on_chat_search(self, connection: ServerConnection, message: p.ChatSearch, ref: str, chat: None) -> None:
        hits = [
            p.Hit(chat=c.id, title=c.title, message=m.id, role=m.role, text=m.text[:120], created=m.created)
            for c in self._sorted()
            for m in c.messages.values()
            if message.query.lower() in m.text.lower()
        ]
        await self._send(connection, p.ChatFound(query=message.query, hits=hits[:50]), id=ref)

    async def _file(self, connection: ServerConnection, ref: str, name: str, media_type: str, content: bytes) -> None:
        size = 600
        parts = [content[at : at + size] for at in range(0, len(content), size)]
        for index, part in enumerate(parts):
            text = base64.b64encode(part).decode()
            message = p.FilePart(name=name, media_type=media_type, part=index, parts=len(parts), base64=text)
            await self._send(connection, message, id=ref)

    async def _on_chat_export(self, connection: ServerConnection, message: p.ChatExport, ref: str, chat: Chat) -> None:
        lines = [self._summary(chat).model_dump(), *(m.model_dump() for m in chat.messages.values())]
        content = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()
        await self._file(connection, ref, f"{chat.title}.jsonl", "application/jsonl", content)

    async def _on_chat_import(self, connection: ServerConnection, message: p.ChatImport, ref: str, chat: None) -> None:
        assert message.upload in self.uploads
        new = self.add_chat("가져온 대화", [("잘 있었어?", Say("그럼, 기다렸지.", "기쁨", 0.6))])
        self.connections[connection].add(new.id)
        await self._send(connection, self._snapshot(new), id=ref, chat=new.id)

    async def _on_upload_start(
        self, connection: ServerConnection, message: p.UploadStart, ref: str, chat: None
    ) -> None:
        self._incoming = (message, ref, bytearray())

    async def _upload_frame(self, connection: ServerConnection, frame: bytes) -> None:
        assert self._incoming
        start, ref, content = self._incoming
        content += frame
        if len(content) >= start.size:
            name = self._id("u")
            self.uploads[name] = bytes(content)
            await self._send(connection, p.UploadDone(upload=name), id=ref)

    async def _on_card_list(self, connection: ServerConnection, message: p.CardList, ref: str, chat: None) -> None:
        await self._send(connection, p.CardListed(cards=self.cards), id=ref)

    async def _on_card_import(self, connection: ServerConnection, message: p.CardImport, ref: str, chat: None) -> None:
        data = json.loads(self.uploads[message.upload])["data"]
        card = p.CardSummary(
            id=self._id("card"),
            name=data["name"],
            creator=data.get("creator", ""),
            description=data.get("description", ""),
            tags=data.get("tags", []),
            greetings=[data["first_mes"]],
            builtin=False,
        )
        self.cards.append(card)
        await self._send(connection, p.CardListed(cards=self.cards, imported=card.id), id=ref)

    async def _on_card_export(self, connection: ServerConnection, message: p.CardExport, ref: str, chat: None) -> None:
        await self._file(connection, ref, f"{message.card}.png", "image/png", b"\x89PNG" + b"0" * 900)

    async def _on_card_delete(self, connection: ServerConnection, message: p.CardDelete, ref: str, chat: None) -> None:
        self.cards = [card for card in self.cards if card.id != message.card]
        await self._send(connection, p.CardListed(cards=self.cards), id=ref)

    async def _on_memory_list(self, connection: ServerConnection, message: p.MemoryList, ref: str, chat: None) -> None:
        every = sorted(self.memories, key=lambda memory: (memory.said, memory.id), reverse=True)
        chosen = [memory for memory in every if message.kind in (None, memory.kind)]
        begin = int(message.before or 0)
        page = chosen[begin : begin + self.page_size]
        end = begin + len(page)
        counts: dict[str, int] = {}
        for memory in every:
            counts[memory.kind] = counts.get(memory.kind, 0) + 1
        more = str(end) if end < len(chosen) else None
        await self._send(connection, p.MemoryListed(memories=page, more=more, counts=counts), id=ref)

    async def _on_memory_search(
        self, connection: ServerConnection, message: p.MemorySearch, ref: str, chat: None
    ) -> None:
        found = [memory for memory in self.memories if message.text in memory.text + memory.quote]
        await self._send(connection, p.MemoryListed(memories=found, query=message.text), id=ref)

    async def _changed(self, connection: ServerConnection, memory: p.MemoryEntry, ref: str) -> None:
        self.memories = [memory if other.id == memory.id else other for other in self.memories]
        await self._send(connection, p.MemoryChanged(memory=memory), id=ref)

    async def _on_memory_add(self, connection: ServerConnection, message: p.MemoryAdd, ref: str, chat: None) -> None:
        await self._changed(connection, self.remember(message.text, message.kind), ref)

    async def _on_memory_edit(self, connection: ServerConnection, message: p.MemoryEdit, ref: str, chat: None) -> None:
        old = next(memory for memory in self.memories if memory.id == message.id)
        changes = message.model_dump(include={"text", "pinned"}, exclude_none=True)
        await self._changed(connection, old.model_copy(update=changes), ref)

    async def _gone(self, connection: ServerConnection, ids: list[str], ref: str, asked: str | None = None) -> None:
        self.memories = [memory for memory in self.memories if memory.id not in ids]
        await self._send(connection, p.MemoryForgotten(ids=ids, message=asked), id=ref)

    async def _on_memory_delete(
        self, connection: ServerConnection, message: p.MemoryDelete, ref: str, chat: None
    ) -> None:
        await self._gone(connection, [message.id], ref)

    async def _on_memory_forget(
        self, connection: ServerConnection, message: p.MemoryForget, ref: str, chat: Chat
    ) -> None:
        asked = chat.asked.pop(message.message or "")
        await self._gone(connection, asked.ids if message.confirm else [], ref, message.message)

    async def _on_turn_typing(self, connection: ServerConnection, message: p.TurnTyping, ref: None, chat: Chat) -> None:
        assert chat

    async def _on_face_watch(
        self, connection: ServerConnection, message: p.FaceWatch, ref: str, chat: Chat | None
    ) -> None:
        self.watching.pop(connection, None)
        if not message.on:
            await self._send(connection, p.FaceWatching(on=False), id=ref)
            return
        assert chat
        self._count += 1
        self.watching[connection] = (chat.id, self._count)
        answer = p.FaceWatching(
            on=True, watch=self._count, fps=message.fps, size=32, media_type="image/jpeg", face="one"
        )
        await self._send(connection, answer, id=ref, chat=chat.id)

    async def _on_face_still(self, connection: ServerConnection, message: p.FaceStill, ref: str, chat: Chat) -> None:
        content = base64.b64encode(picture(message.emotion, "WEBP")).decode()
        found = p.FacePicture(
            emotion=message.emotion, strength=message.strength, face="one", media_type="image/webp", base64=content
        )
        await self._send(connection, found, id=ref, chat=chat.id)

    async def _on_profile_set(self, connection: ServerConnection, message: p.Profile, ref: str, chat: None) -> None:
        self.user_name = message.name
        await self._send(connection, p.ProfileState(name=message.name), id=ref)


def main() -> None:
    with FakeServer(8770) as server:
        server.pace = 0.06
        server.add_chat(
            "밤하늘 이야기", [("오늘 별 봤어?", Say("봤지. 구름 사이로 세 개나.", "기쁨", 0.7))], age=90_000
        )
        print(f"{server.address}/#login=one-time  (or token {TOKEN})")
        threading.Event().wait()


if __name__ == "__main__":
    main()
