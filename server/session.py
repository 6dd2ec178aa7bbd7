"""One connection: logs in, takes requests, sends answers and events."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from character.emotion import Emotion
from server import cards, protocol
from server.conduct import Conduct, Said
from server.errors import BadRequest, NotFound, RateLimited, ServerError, TooLarge, Unauthorized
from server.hub import AccountPresence
from server.protocol import Envelope
from server.storage import accounts, chats, transfer
from server.storage.chats import Begun
from server.storage.database import Transaction

if TYPE_CHECKING:
    from server.app import Services
    from server.faces import Faces
    from server.memory import HerMemory
    from server.taste import Taste

logger = logging.getLogger(__name__)

LOGIN_SECONDS = 5
MAX_UNSENT_BYTES = 8 * 1024 * 1024
"""A client that leaves this much unread is closed with 1013; it comes back and is given what it missed. A larger answer
that it has asked for may wait beside that."""

KEPT_UPLOADS = 2
PART_BYTES = 384 * 1024
MAX_REFUSED_FRAMES = 2000
"""Frames over the rate that are answered with an error before the connection is closed with 1008."""


@dataclass
class Upload:
    """An upload under way."""

    ref: str | None
    size: int
    sha256: str
    content: bytearray


class Session:
    """A logged-in connection. Requests of one connection are served one after another, in order."""

    def __init__(self, services: Services, socket: ServerConnection) -> None:
        self._services, self._socket = services, socket
        self._account = ""
        self._presence: AccountPresence | None = None
        self._seen: dict[str, int] = {}  # chat → last event sent
        self._opening: dict[str, list[tuple[int, str]]] = {}  # chat → events that wait for its snapshot
        self._upload: Upload | None = None
        self._uploads: dict[str, bytes] = {}
        self._refused = 0
        self._largest = 0  # bytes of the largest frame sent
        self._early: list[str] | None = None  # broadcasts that wait for the welcome

    # --- sending

    def post(self, frame: str) -> None:
        """Sends a frame without waiting; a client that reads too slowly is closed instead of being buffered for."""
        if self._early is not None:
            self._early.append(frame)
            return
        transport = self._socket.transport
        if transport is not None and transport.get_write_buffer_size() > MAX_UNSENT_BYTES + self._largest:
            self.close(protocol.CLOSE_TRY_LATER, "too slow")
            return
        self._note_size(frame)
        broadcast([self._socket], frame)

    def _note_size(self, frame: str) -> None:
        if len(frame) > protocol.MAX_FRAME_BYTES:
            self._largest = max(self._largest, len(frame.encode()))

    def deliver(self, chat: str, seq: int, frame: str) -> None:
        """Sends an event once: not before the snapshot that precedes it, not again if the snapshot holds it."""
        if chat in self._opening:
            self._opening[chat].append((seq, frame))
        elif seq > self._seen.get(chat, -1):
            self._seen[chat] = seq
            self.post(frame)

    def close(self, code: int, reason: str) -> None:
        self._services.spawn(self._socket.close(code, reason))

    def _answer(self, envelope: Envelope, message: protocol.Message, chat: str | None = None) -> None:
        self.post(protocol.encode(message, ref=envelope.id, chat=chat))

    def _refuse(self, error: ServerError, ref: str | None) -> None:
        self._services.metrics.errors.labels(error.code).inc()
        self.post(protocol.encode(protocol.Error(code=error.code, text=error.text, ref=ref), ref=ref))

    def is_free(self) -> bool:
        """Whether all that was said to the client is on its way, so that a picture may follow."""
        transport = self._socket.transport
        return not self._opening and transport is not None and transport.get_write_buffer_size() == 0

    def show(self, frame: bytes) -> Awaitable[float] | None:
        """Sends a frame of her face; what it returns ends when the client has read so far. None: the socket is closing."""
        if self._socket.state is not State.OPEN:
            return None
        broadcast([self._socket], frame)
        return self._read_so_far()

    async def _read_so_far(self) -> float:
        return await (await self._socket.ping())

    # --- the life of a connection

    async def run(self) -> None:
        """Serves the connection until it closes."""
        try:
            if not await self._log_in():
                return
            async for frame in self._socket:
                await self._take(frame)
        except ConnectionClosed:
            pass
        finally:
            if self._services.faces is not None:
                self._services.faces.leave(self)
            if self._presence is not None:
                self._services.hub.leave(self._account, self, [*self._seen, *self._opening])

    async def _log_in(self) -> bool:
        try:
            async with asyncio.timeout(LOGIN_SECONDS):
                frame = await self._socket.recv()
        except TimeoutError:
            await self._socket.close(protocol.CLOSE_POLICY, "no hello")
            return False
        ref = protocol.reference(frame) if isinstance(frame, str) else None
        try:
            if not isinstance(frame, str):
                raise BadRequest("첫 메시지는 hello여야 해요.")
            envelope, hello = protocol.parse(frame)
            if not isinstance(hello, protocol.Hello):
                raise Unauthorized("첫 메시지는 hello여야 해요.")
            await self._hello(envelope, hello)
        except ServerError as error:
            self._refuse(error, ref)
            limited = isinstance(error, RateLimited)
            await self._socket.close(protocol.CLOSE_TRY_LATER if limited else protocol.CLOSE_POLICY, error.code)
            return False
        return True

    async def _hello(self, envelope: Envelope, hello: protocol.Hello) -> None:
        services, token = self._services, None
        if hello.token is not None:
            given = hello.token
            account = await services.database.read(lambda c: accounts.authenticate(c, given))
        elif hello.login is not None:
            code = hello.login
            account, token = await services.database.write(lambda t: accounts.redeem_login(t.connection, code))
        else:
            raise Unauthorized("hello에 token이나 login이 있어야 해요.")
        self._presence = services.hub.join(account.id, self)
        self._account = account.id
        early: list[str] = []
        self._early = early
        try:
            found = await services.database.read(lambda c: chats.summaries(c, account.id))
            ban = None if services.conduct is None else await services.conduct.ban(account.id)
            operator = await services.is_operator(account.id)
        finally:
            self._early = None
        self._answer(
            envelope,
            protocol.Welcome(
                account=account.name,
                user_name=account.user_name,
                token=token,
                chats=found,
                model=services.model_info,
                limits={
                    "text": protocol.MAX_TEXT_CHARACTERS,
                    "frame": protocol.MAX_FRAME_BYTES,
                    "upload": protocol.MAX_UPLOAD_BYTES,
                },
                memory=services.memory is not None,
                face=services.faces is not None,
                conduct=services.conduct is not None,
                ban=ban,
                operator=operator,
                time=time.time(),
                server=services.version,
            ),
        )
        for frame in early:
            self.post(frame)
        for chat, last_seq in hello.last_seq.items():
            try:
                await self._resume(chat, last_seq)
            except NotFound:
                self.post(protocol.encode(protocol.ChatRemoved(), chat=chat))

    async def _take(self, frame: str | bytes) -> None:
        assert self._presence is not None
        ref = None
        try:
            if not self._presence.frames.take():
                self._refused += 1
                if self._refused > MAX_REFUSED_FRAMES:
                    await self._socket.close(protocol.CLOSE_POLICY, "rate_limited")
                    return
                ref = protocol.reference(frame) if isinstance(frame, str) else None
                raise RateLimited("너무 빨리 보내고 있어요. 잠시 쉬었다가 보내 주세요.")
            if isinstance(frame, bytes):
                self._services.metrics.frames.labels("binary").inc()
                ref = self._upload.ref if self._upload else None
                self._receive(frame)
                return
            ref = protocol.reference(frame)
            envelope, message = protocol.parse(frame)
            self._services.metrics.frames.labels(message.type).inc()
            handler = HANDLERS.get(type(message))
            if handler is None:
                raise BadRequest("이미 들어와 있어요.")
            await handler(self, envelope, message)
        except Unauthorized as error:
            self._refuse(error, ref)
            await self._socket.close(protocol.CLOSE_POLICY, error.code)
        except ServerError as error:
            self._refuse(error, ref)
        except ConnectionClosed:
            raise
        except Exception:  # a fault of ours must not take the connection, and with it other chats, down
            logger.exception("request failed")
            self._refuse(ServerError("서버에 문제가 생겼어요. 다시 시도해 주세요."), ref)

    @staticmethod
    def _chat(envelope: Envelope) -> str:
        if envelope.chat is None:
            raise BadRequest("어느 대화인지 (chat) 적혀 있지 않아요.")
        return envelope.chat

    # --- chats

    async def _send_snapshot(self, chat: str, ref: str | None) -> None:
        """Sends the whole chat and, from there on, its events: each once, none missing."""
        self._opening[chat] = []
        self._services.hub.watch(chat, self)
        try:
            found = await self._services.database.read(lambda c: chats.snapshot(c, self._account, chat))
            memory = self._services.memory
            saved = await memory.saved(self._account, chat) if memory is not None else {}
        except ServerError:
            self._abandon(chat)
            raise
        message = protocol.ChatSnapshot(
            chat=found.chat, messages=found.messages, active=found.active, seq=found.seq, face=found.face, used=found.used,
            asked=found.asked, saved=saved, decisions=found.decisions,
        )  # fmt: skip
        await self._start_events(chat, found.seq, [protocol.encode(message, ref=ref, chat=chat)])

    async def _resume(self, chat: str, last_seq: int) -> None:
        """Sends the events after ``last_seq``, or a snapshot where they are no longer kept."""
        self._opening[chat] = []
        self._services.hub.watch(chat, self)
        try:
            events = await self._services.database.read(lambda c: chats.missed(c, self._account, chat, last_seq))
        except ServerError:
            self._abandon(chat)
            raise
        if events is None:
            await self._send_snapshot(chat, None)
            return
        frames = [protocol.frame(e.type, e.data, chat=chat, turn=e.turn, seq=e.seq) for e in events]
        await self._start_events(chat, events[-1].seq if events else last_seq, frames)

    async def _start_events(self, chat: str, seq: int, frames: list[str]) -> None:
        """Sends frames at the pace the client reads them; what happens in the chat meanwhile follows."""
        for frame in frames:
            self._note_size(frame)
            await self._socket.send(frame)
        self._seen[chat] = seq
        for waiting, frame in self._opening.pop(chat):
            self.deliver(chat, waiting, frame)

    def _abandon(self, chat: str) -> None:
        self._opening.pop(chat, None)
        if chat not in self._seen:
            self._services.hub.unwatch(chat, self)

    async def _announce(self, chat: str) -> None:
        await self._services.announce(self._account, chat)

    async def _chat_list(self, envelope: Envelope, message: protocol.ChatList) -> None:
        found = await self._services.database.read(lambda c: chats.summaries(c, self._account))
        self._answer(envelope, protocol.ChatListed(chats=found))

    async def _chat_open(self, envelope: Envelope, message: protocol.ChatOpen) -> None:
        if envelope.chat is not None:
            await self._send_snapshot(envelope.chat, envelope.id)
            return
        chat = await self._services.create_chat(self._account, message.card or cards.BUILTIN, message.greeting)
        await self._send_snapshot(chat, envelope.id)
        await self._announce(chat)

    async def _chat_rename(self, envelope: Envelope, message: protocol.ChatRename) -> None:
        chat = self._chat(envelope)
        await self._services.database.write(lambda t: chats.rename_chat(t, self._account, chat, message.title))
        await self._announce(chat)

    async def _chat_delete(self, envelope: Envelope, message: protocol.ChatDelete) -> None:
        chat = self._chat(envelope)
        gone = await self._services.database.write(lambda t: chats.delete_chat(t, self._account, chat))
        if self._services.memory is not None:
            self._services.memory.deleted(self._account, gone)
        self._services.hub.broadcast(self._account, protocol.encode(protocol.ChatRemoved(), chat=chat))

    async def _chat_search(self, envelope: Envelope, message: protocol.ChatSearch) -> None:
        hits = await self._services.database.read(lambda c: chats.search(c, self._account, message.query))
        self._answer(envelope, protocol.ChatFound(query=message.query, hits=hits))

    async def _chat_export(self, envelope: Envelope, message: protocol.ChatExport) -> None:
        chat = self._chat(envelope)
        title, content = await self._services.database.read(lambda c: transfer.export_chat(c, self._account, chat))
        await self._send_file(envelope, f"{title}.jsonl", "application/jsonl", content.encode())

    async def _chat_import(self, envelope: Envelope, message: protocol.ChatImport) -> None:
        content = self._take_upload(message.upload)
        export = await asyncio.to_thread(transfer.read_export, content)
        chat = await self._services.database.write(lambda t: transfer.import_chat(t, self._account, export))
        await self._send_snapshot(chat, envelope.id)
        await self._announce(chat)

    # --- turns

    def _admit(self) -> None:
        assert self._presence is not None
        if not self._presence.turns.take():
            wait = round(self._presence.turns.wait) + 1
            raise RateLimited(f"조금 천천히 이야기해요. {wait}초 뒤에 다시 보내 주세요.")

    async def _begin(
        self, envelope: Envelope, client_id: str, said: Said, begin: Callable[[Transaction], Begun]
    ) -> None:
        """Stores what the user asked for, acknowledges it, and sets the turn going."""
        chat = self._chat(envelope)
        begun = await self._services.begin(self._account, chat, said, begin)
        # The commit has happened: from here on nothing the user said can be lost.
        if begun.reply is not None:
            self._services.turns.start(self._account, chat, begun)
        ack = protocol.TurnAck(client_id=client_id, message=begun.acknowledged, duplicate=begun.duplicate)
        self._answer(envelope, ack, chat)
        if not begun.duplicate:
            await self._announce(chat)

    async def _turn_send(self, envelope: Envelope, message: protocol.TurnSend) -> None:
        self._admit()
        model, chat = self._services.model_info.name, self._chat(envelope)
        said = Said("send", text=message.text, parent=message.parent)
        await self._begin(envelope, message.client_id, said, lambda t: chats.begin_turn(
            t, self._account, chat, parent=message.parent, text=message.text, client_id=message.client_id, model=model,
            remember=self._services.memory is not None,
        ))  # fmt: skip

    async def _turn_retry(self, envelope: Envelope, message: protocol.TurnRetry) -> None:
        self._admit()
        model, chat = self._services.model_info.name, self._chat(envelope)
        said = Said("retry", message=message.message)
        await self._begin(envelope, message.client_id, said, lambda t: chats.begin_retry(
            t, self._account, chat, message=message.message, client_id=message.client_id, model=model,
        ))  # fmt: skip

    async def _message_edit(self, envelope: Envelope, message: protocol.MessageEdit) -> None:
        self._admit()
        model, chat = self._services.model_info.name, self._chat(envelope)
        said = Said("edit", text=message.text, message=message.message)
        await self._begin(envelope, message.client_id, said, lambda t: chats.begin_edit(
            t, self._account, chat, message=message.message, text=message.text, client_id=message.client_id, model=model,
            remember=self._services.memory is not None,
        ))  # fmt: skip

    async def _turn_stop(self, envelope: Envelope, message: protocol.TurnStop) -> None:
        chat = self._chat(envelope)
        await self._services.database.read(lambda c: chats.find_chat(c, self._account, chat))
        self._services.turns.stop(chat)

    async def _turn_pick(self, envelope: Envelope, message: protocol.TurnPick) -> None:
        chat = self._chat(envelope)
        await self._services.database.write(lambda t: chats.pick(t, self._account, chat, message.message))

    async def _message_delete(self, envelope: Envelope, message: protocol.MessageDelete) -> None:
        chat = self._chat(envelope)
        gone = await self._services.database.write(
            lambda t: chats.delete_message(t, self._account, chat, message.message)
        )
        if self._services.memory is not None:
            self._services.memory.deleted(self._account, gone.memories)
        await self._announce(chat)

    async def _feedback(self, envelope: Envelope, message: protocol.Feedback) -> None:
        chat = self._chat(envelope)
        await self._services.database.write(lambda t: chats.mark(t, self._account, chat, message.message, message.good))

    # --- cards and profile

    async def _card_list(self, envelope: Envelope, message: protocol.CardList) -> None:
        found = await self._services.database.read(lambda c: cards.list_cards(c, self._account))
        self._answer(envelope, protocol.CardListed(cards=found))

    async def _card_import(self, envelope: Envelope, message: protocol.CardImport) -> None:
        content = self._take_upload(message.upload)
        stored = await asyncio.to_thread(cards.read_card, content)
        card = await self._services.database.write(lambda t: cards.import_card(t.connection, self._account, stored))
        found = await self._services.database.read(lambda c: cards.list_cards(c, self._account))
        self._answer(envelope, protocol.CardListed(cards=found, imported=card))

    async def _card_export(self, envelope: Envelope, message: protocol.CardExport) -> None:
        stored = await self._services.database.read(lambda c: cards.find_card(c, self._account, message.card))
        name, media_type, content = await asyncio.to_thread(cards.export_card, stored, message.format)
        await self._send_file(envelope, name, media_type, content)

    async def _card_delete(self, envelope: Envelope, message: protocol.CardDelete) -> None:
        await self._services.database.write(lambda t: cards.delete_card(t.connection, self._account, message.card))
        found = await self._services.database.read(lambda c: cards.list_cards(c, self._account))
        self._answer(envelope, protocol.CardListed(cards=found))

    async def _profile(self, envelope: Envelope, message: protocol.Profile) -> None:
        await self._services.database.write(lambda t: accounts.set_user_name(t.connection, self._account, message.name))
        self._services.hub.broadcast(self._account, protocol.encode(protocol.ProfileState(name=message.name)))

    # --- memory

    @property
    def _memory(self) -> HerMemory:
        if self._services.memory is None:
            raise BadRequest("이 서버에서는 기억이 꺼져 있어요.")
        return self._services.memory

    async def _memory_list(self, envelope: Envelope, message: protocol.MemoryList) -> None:
        self._answer(envelope, await self._memory.listing(self._account, message.kind, message.before))

    async def _memory_search(self, envelope: Envelope, message: protocol.MemorySearch) -> None:
        self._answer(envelope, await self._memory.search(self._account, message.text))

    async def _memory_add(self, envelope: Envelope, message: protocol.MemoryAdd) -> None:
        added = await self._memory.add(self._account, message.kind, message.slot, message.text, by=self)
        self._answer(envelope, added)

    async def _memory_edit(self, envelope: Envelope, message: protocol.MemoryEdit) -> None:
        changes = message.model_dump(include={"text", "pinned"}, exclude_none=True)
        if not changes:
            raise BadRequest("memory.edit: 고칠 내용(text나 pinned)이 적혀 있지 않아요.")
        self._answer(envelope, await self._memory.edit(self._account, message.id, changes, by=self))

    async def _memory_delete(self, envelope: Envelope, message: protocol.MemoryDelete) -> None:
        self._answer(envelope, await self._memory.forget(self._account, [message.id], by=self))

    async def _memory_forget(self, envelope: Envelope, message: protocol.MemoryForget) -> None:
        if message.message is not None:
            chat = self._chat(envelope)
            done = await self._memory.settle(self._account, chat, message.message, message.confirm, by=self)
        else:
            done = await self._memory.forget(self._account, message.ids if message.confirm else [], by=self)
        self._answer(envelope, done)

    async def _ping(self, envelope: Envelope, message: protocol.Ping) -> None:
        self._answer(envelope, protocol.Pong())

    # --- her face

    @property
    def _faces(self) -> Faces:
        if self._services.faces is None:
            raise BadRequest("이 서버에서는 오로라의 얼굴이 꺼져 있어요.")
        return self._services.faces

    async def _turn_typing(self, envelope: Envelope, message: protocol.TurnTyping) -> None:
        if self._services.faces is not None:
            self._services.faces.typing(self._account, self._chat(envelope))

    async def _face_watch(self, envelope: Envelope, message: protocol.FaceWatch) -> None:
        if not message.on:
            self._faces.leave(self)
            self._answer(envelope, protocol.FaceWatching(on=False), envelope.chat)
            return
        chat = self._chat(envelope)
        self._answer(envelope, await self._faces.watch(self, self._account, chat, message.fps), chat)

    async def _face_still(self, envelope: Envelope, message: protocol.FaceStill) -> None:
        chat, emotion = self._chat(envelope), Emotion(message.emotion, message.strength)
        work = self._faces.still(self._account, chat, emotion, message.size)
        self._services.spawn(self._answer_later(envelope, work, chat))

    async def _answer_later(
        self, envelope: Envelope, work: Awaitable[protocol.Message], chat: str | None = None
    ) -> None:
        """Answers beside the other requests: a picture may have to wait for its turn to be drawn."""
        try:
            self._answer(envelope, await work, chat)
        except ServerError as error:
            self._refuse(error, envelope.id)
        except Exception:  # as in `_take`
            logger.exception("%s failed", envelope.type)
            self._refuse(ServerError("서버에 문제가 생겼어요. 다시 시도해 주세요."), envelope.id)

    @property
    def _taste(self) -> Taste:
        if self._services.taste is None:
            raise BadRequest("이 서버에서는 오로라의 얼굴이 꺼져 있어요.")
        return self._services.taste

    async def _face_gallery(self, envelope: Envelope, message: protocol.FaceGallery) -> None:
        work = self._taste.gallery(self._account, envelope.chat, message)
        self._services.spawn(self._answer_later(envelope, work))

    async def _face_rate(self, envelope: Envelope, message: protocol.FaceRate) -> None:
        self._answer(envelope, await self._taste.rate(self._account, message.face, message.rating))

    async def _face_choose(self, envelope: Envelope, message: protocol.FaceChoose) -> None:
        self._answer(envelope, await self._taste.choose(self._account, message.face, by=self))

    async def _face_reset(self, envelope: Envelope, message: protocol.FaceReset) -> None:
        self._answer(envelope, await self._taste.reset(self._account, message.ratings, by=self))

    # --- conduct

    @property
    def _conduct(self) -> Conduct:
        if self._services.conduct is None:
            raise BadRequest("이 서버에서는 경고와 제재가 꺼져 있어요.")
        return self._services.conduct

    async def _conduct_list(self, envelope: Envelope, message: protocol.ConductList) -> None:
        self._answer(envelope, await self._conduct.own(self._account))

    async def _conduct_appeal(self, envelope: Envelope, message: protocol.ConductAppeal) -> None:
        self._answer(envelope, await self._conduct.appeal(self._account, message))

    async def _admin(
        self, envelope: Envelope, message: protocol.AdminList | protocol.AdminDecide | protocol.AdminStats
    ) -> None:
        self._answer(envelope, await self._services.admin.answer(self._account, message))

    # --- files

    async def _send_file(self, envelope: Envelope, name: str, media_type: str, content: bytes) -> None:
        """Sends a file in parts, each when the client has taken the one before it."""
        parts = [content[start : start + PART_BYTES] for start in range(0, len(content), PART_BYTES)] or [b""]
        for number, part in enumerate(parts):
            encoded = base64.b64encode(part).decode()
            message = protocol.FilePart(name=name, media_type=media_type, part=number, parts=len(parts), base64=encoded)
            await self._socket.send(protocol.encode(message, ref=envelope.id))

    async def _upload_start(self, envelope: Envelope, message: protocol.UploadStart) -> None:
        self._upload = Upload(envelope.id, message.size, message.sha256, bytearray())

    def _receive(self, frame: bytes) -> None:
        upload = self._upload
        if upload is None:
            raise BadRequest("upload.start 없이 온 파일 조각이에요.")
        upload.content += frame
        if len(upload.content) < upload.size:
            return
        self._upload = None
        if len(upload.content) > upload.size:
            raise TooLarge(f"알린 크기({upload.size:,} 바이트)보다 많은 내용이 왔어요.")
        if hashlib.sha256(upload.content).hexdigest() != upload.sha256:
            raise BadRequest("파일이 오는 길에 달라졌어요. 다시 올려 주세요.")
        ident = secrets.token_hex(8)
        while len(self._uploads) >= KEPT_UPLOADS:
            del self._uploads[next(iter(self._uploads))]
        self._uploads[ident] = bytes(upload.content)
        self.post(protocol.encode(protocol.UploadDone(upload=ident), ref=upload.ref))

    def _take_upload(self, ident: str) -> bytes:
        content = self._uploads.pop(ident, None)
        if content is None:
            raise BadRequest("그 파일은 올라와 있지 않아요. 다시 올려 주세요.")
        return content


HANDLERS: dict[type[protocol.Message], Callable[[Session, Envelope, Any], Awaitable[None]]] = {
    protocol.ChatList: Session._chat_list,
    protocol.ChatOpen: Session._chat_open,
    protocol.ChatRename: Session._chat_rename,
    protocol.ChatDelete: Session._chat_delete,
    protocol.ChatSearch: Session._chat_search,
    protocol.ChatExport: Session._chat_export,
    protocol.ChatImport: Session._chat_import,
    protocol.UploadStart: Session._upload_start,
    protocol.TurnSend: Session._turn_send,
    protocol.TurnStop: Session._turn_stop,
    protocol.TurnRetry: Session._turn_retry,
    protocol.TurnPick: Session._turn_pick,
    protocol.MessageEdit: Session._message_edit,
    protocol.MessageDelete: Session._message_delete,
    protocol.Feedback: Session._feedback,
    protocol.CardList: Session._card_list,
    protocol.CardImport: Session._card_import,
    protocol.CardExport: Session._card_export,
    protocol.CardDelete: Session._card_delete,
    protocol.Profile: Session._profile,
    protocol.MemoryList: Session._memory_list,
    protocol.MemorySearch: Session._memory_search,
    protocol.MemoryAdd: Session._memory_add,
    protocol.MemoryEdit: Session._memory_edit,
    protocol.MemoryDelete: Session._memory_delete,
    protocol.MemoryForget: Session._memory_forget,
    protocol.ConductList: Session._conduct_list,
    protocol.ConductAppeal: Session._conduct_appeal,
    protocol.AdminList: Session._admin,
    protocol.AdminDecide: Session._admin,
    protocol.AdminStats: Session._admin,
    protocol.TurnTyping: Session._turn_typing,
    protocol.FaceWatch: Session._face_watch,
    protocol.FaceStill: Session._face_still,
    protocol.FaceGallery: Session._face_gallery,
    protocol.FaceRate: Session._face_rate,
    protocol.FaceChoose: Session._face_choose,
    protocol.FaceReset: Session._face_reset,
    protocol.Ping: Session._ping,
}
