"""Her face in the running program: who watches it, what happens to it, and the loop that has it drawn.

One `Animation` for each chat that is watched hears of the chat's stored events. The loop collects the chats of which
somebody can take a frame, has all of them drawn in one pass, and sends. While nobody watches, it sleeps. Stills (portraits
beside messages) are drawn in the same passes, a few at a time.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
import random
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from websockets.exceptions import ConnectionClosed

from character.card import Card
from character.emotion import EMOTIONS, Emotion
from server import protocol
from server.background import Background
from server.cards import card_of_chat
from server.errors import BadRequest, ServerError
from server.face_stream import Screen, Viewer, turn_number
from server.metrics import Metrics
from server.settings import Settings
from server.storage import chats
from server.storage.database import Database, Event
from server.storage.schema import events, messages
from stylegan.animation import Animation
from stylegan.frames import FRAME_MEDIA_TYPE, STILL_MEDIA_TYPE, encode_frame, encode_still
from stylegan.identity import BUNDLED, HER_FILE, Face, load_face, plain_face

if TYPE_CHECKING:
    from stylegan.renderer import FaceRenderer

logger = logging.getLogger(__name__)

IDLE_SHARE = 1 / 3
"""Of the frames a second while she speaks or moves: breathing is slow."""
BUSY_SHARE = 0.85
"""Of the time that drawing may take; the rest is for what else this processor has to do."""
GREATEST_LEAD, GREATEST_REST = 0.1, 0.02
"""Seconds by which a face is drawn ahead, and of rest after a pass, at most: one pass may take long for once."""
STILLS_WITH_FRAMES, STILLS_ALONE = 1, 4
KEPT_STILLS = 512
STRENGTHS = 4
"""Steps of strength of which stills are drawn."""
AT_REST = Emotion("평온", 0.5)
STARTLING = "놀람"
RETRY_SECONDS = 1.0
UNDRAWN = "얼굴을 그리지 못했어요. 잠시 뒤에 다시 시도해 주세요."
_HEARD = frozenset({protocol.TurnStart.type, protocol.FaceSet.type, protocol.TurnDelta.type, protocol.TurnDone.type})

FaceOf = Callable[[str], Awaitable[Face]]
"""The face an account has chosen for her."""


def face_of(renderer: FaceRenderer, settings: Settings) -> FaceOf:
    """Who knows the accounts' faces: as long as nobody has chosen, all see the one that comes with the weights.

    Raises:
        BadWeights: its file is damaged.
    """
    folder = BUNDLED if settings.face == "bundled" else Path(settings.face)
    path = folder / HER_FILE
    hers = load_face(path, renderer.latent_dim) if path.is_file() else plain_face(renderer.latent_dim)

    async def of_account(account: str) -> Face:
        return hers

    return of_account


@dataclass(eq=False)
class LiveFace:
    """The face of a chat that somebody watches."""

    account: str
    chat: str
    card: Card
    face: Face
    animation: Animation
    turn: str | None = None
    viewers: dict[Screen, Viewer] = field(default_factory=dict)
    due: float = 0.0
    felt_at: float | None = None  # when a feeling came up that no frame shows yet

    def heard(self, event: Event, now: float) -> None:
        """Something happened in the chat."""
        data = json.loads(event.data)
        self.due = now
        match event.type:
            case protocol.TurnStart.type:
                self.turn = event.turn
                self.animation.think(now)
            case protocol.FaceSet.type:
                self.felt_at = now
                self.animation.feel(data["attributes"] or self.card.face(AT_REST), now,
                                    startled=data["emotion"] == STARTLING)  # fmt: skip
            case protocol.TurnDelta.type:
                self.animation.say(data["text"], now)
            case protocol.TurnDone.type:
                self.turn = None
                self.animation.finish(now, stopped=data["reason"] == "stopped")

    def is_wanted(self, now: float) -> bool:
        """Whether a frame is due that somebody can take."""
        return now >= self.due and any(viewer.can_take(now) for viewer in self.viewers.values())

    def wanted_at(self, now: float) -> float:
        """When that should be asked again."""
        return max(self.due, min((viewer.ready_at(now) for viewer in self.viewers.values()), default=math.inf))


@dataclass(frozen=True)
class Start:
    """What is to be known of a chat whose face is watched from now on."""

    card: Card
    felt: tuple[str, dict[str, float]] | None
    turn: str | None


@dataclass(frozen=True, eq=False)
class Still:
    """A picture that somebody waits for."""

    face: Face
    expression: dict[str, float]
    size: int
    done: asyncio.Future[bytes]


def read_start(connection: sa.Connection, account: str, chat: str) -> Start:
    """Looks up a chat.

    Raises:
        NotFound: no such chat of this account.
    """
    row = chats.find_chat(connection, account, chat)
    card = card_of_chat(row.card_json)
    live = connection.execute(
        sa.select(messages.c.turn).where(messages.c.chat == chat, messages.c.status == "live")
    ).scalar()
    last = connection.execute(
        sa.select(events.c.data)
        .where(events.c.chat == chat, events.c.type == protocol.FaceSet.type)
        .order_by(events.c.seq.desc())
        .limit(1)
    ).scalar()
    if last is not None:
        data = json.loads(last)
        return Start(card, (data["emotion"], data["attributes"]), live)
    reply = connection.execute(
        sa.select(messages.c.emotion, messages.c.strength).where(messages.c.id == row.active)
    ).first()
    if reply is None or reply.emotion not in EMOTIONS:
        return Start(card, None, live)
    return Start(card, (reply.emotion, card.face(Emotion(reply.emotion, reply.strength or 0.5))), live)


class Faces:
    """The faces of all chats that are watched.

    Args:
        renderer: draws; the caller closes it.
        face_of: the face an account has chosen, asked when a watch or a still begins.
        fps: frames a second while she speaks or moves.
    """

    def __init__(
        self, renderer: FaceRenderer, face_of: FaceOf, database: Database, metrics: Metrics, fps: float
    ) -> None:
        self.face_of = face_of
        self._renderer, self._database, self._metrics, self._fps = renderer, database, metrics, fps
        self._live: dict[str, LiveFace] = {}
        self._watched: dict[Screen, str] = {}  # screen → chat
        self._stills: deque[Still] = deque()
        self._kept: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._asked: dict[tuple[Any, ...], asyncio.Future[bytes]] = {}
        self._watches = 0
        self._wake = asyncio.Event()
        self._background = Background()
        self._loop: asyncio.Task[None] | None = None
        self._rng = random.Random()

    def start(self) -> None:
        """Sets the loop going."""
        self._loop = asyncio.create_task(self._run(), name="faces")

    async def close(self) -> None:
        """Ends the loop; who waits for a still is told that none comes."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        for future in self._asked.values():
            future.cancel()
        await self._background.settle()

    # --- who watches

    async def watch(self, screen: Screen, account: str, chat: str, fps: float) -> protocol.FaceWatching:
        """A connection watches the face of a chat from now on, and no longer that of another.

        Raises:
            NotFound: no such chat of this account.
        """
        start = await self._database.read(lambda connection: read_start(connection, account, chat))
        face = await self.face_of(account)
        self.leave(screen)
        now = time.monotonic()
        live = self._live.get(chat)
        if live is None:
            live = self._live[chat] = self._begin(account, chat, start, face, now)
        self._watches += 1
        viewer = Viewer(screen, self._watches & 0xFFFF, min(fps, self._fps), now)
        live.viewers[screen] = viewer
        live.due = now
        self._watched[screen] = chat
        self._metrics.face_watchers.set(len(self._watched))
        self._wake.set()
        size = self._renderer.resolution
        return protocol.FaceWatching(
            on=True, watch=viewer.watch, fps=viewer.fps, size=size, media_type=FRAME_MEDIA_TYPE, face=face.key
        )

    @property
    def is_watched(self) -> bool:
        """Whether anybody watches a face now."""
        return bool(self._live)

    def leave(self, screen: Screen) -> None:
        """A connection does not watch any more, or is gone."""
        chat = self._watched.pop(screen, None)
        if chat is None:
            return
        live = self._live[chat]
        del live.viewers[screen]
        if not live.viewers:
            del self._live[chat]
        self._metrics.face_watchers.set(len(self._watched))

    def _begin(self, account: str, chat: str, start: Start, face: Face, now: float) -> LiveFace:
        animation = Animation(start.card.face(AT_REST), self._rng.getrandbits(32), now)
        if start.felt is not None:
            animation.feel(start.felt[1], now, startled=start.felt[0] == STARTLING, at_once=True)
        return LiveFace(account, chat, start.card, face, animation, start.turn)

    async def changed(self, account: str) -> None:
        """The account has chosen another face: what it watches changes at once."""
        face = await self.face_of(account)
        for live in self._live.values():
            if live.account == account:
                live.face, live.due = face, 0.0
        self._wake.set()

    # --- what happens

    def after(self, publish: Callable[[list[Event]], None]) -> Callable[[list[Event]], None]:
        """``publish``, and then the faces: words are on their way before a face moves."""

        def publish_and_tell(stored: list[Event]) -> None:
            publish(stored)
            if self._live:
                asyncio.get_running_loop().call_soon(self.happened, stored)

        return publish_and_tell

    def happened(self, stored: Iterable[Event]) -> None:
        """Events of chats were stored and handed out; a chat that nobody watches costs nothing here."""
        now = time.monotonic()
        for event in stored:
            live = self._live.get(event.chat)
            if live is not None and event.type in _HEARD:
                live.heard(event, now)
                self._wake.set()

    def typing(self, account: str, chat: str) -> None:
        """The user writes in a chat: if her face is watched there, she looks up."""
        live = self._live.get(chat)
        if live is not None and live.account == account:
            live.animation.hear(time.monotonic())
            live.due = 0.0
            self._wake.set()

    # --- stills

    async def still(self, account: str, chat: str, emotion: Emotion, size: int) -> protocol.FacePicture:
        """Her portrait with an emotion, as the chat's card has her feel it.

        Raises:
            NotFound: no such chat of this account. BadRequest: no emotion has this name.
        """
        if emotion.name not in EMOTIONS:
            raise BadRequest(f"그런 감정은 없어요. 있는 것: {', '.join(EMOTIONS)}")
        step = Emotion(emotion.name, max(1, round(emotion.strength * STRENGTHS)) / STRENGTHS)
        expression = await self._database.read(
            lambda connection: card_of_chat(chats.find_chat(connection, account, chat).card_json).face(step)
        )
        face = await self.face_of(account)
        content = await self._picture(face, expression, size)
        return protocol.FacePicture(
            emotion=step.name, strength=step.strength, face=face.key, media_type=STILL_MEDIA_TYPE,
            base64=base64.b64encode(content).decode(),
        )  # fmt: skip

    async def _picture(self, face: Face, expression: dict[str, float], size: int) -> bytes:
        key = (face.key, tuple(expression.items()), size)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.get_running_loop().create_future()
            asked.add_done_callback(lambda _: self._asked.pop(key, None))
            self._stills.append(Still(face, expression, size, asked))
            self._wake.set()
        content = await asyncio.shield(asked)
        self._kept[key] = content
        if len(self._kept) > KEPT_STILLS:
            self._kept.popitem(last=False)
        return content

    # --- the loop

    async def _run(self) -> None:
        while True:
            try:
                await self._draw_or_wait()
            except Exception:  # a fault of ours must not end all faces for good
                logger.exception("the face could not be drawn")
                await asyncio.sleep(RETRY_SECONDS)

    async def _draw_or_wait(self) -> None:
        now = time.monotonic()
        self._wake.clear()
        wanted = [live for live in self._live.values() if live.is_wanted(now)]
        stills = self._next_stills(STILLS_WITH_FRAMES if wanted else STILLS_ALONE)
        if wanted or stills:
            await self._draw(wanted, stills)
            return
        again = min((live.wanted_at(now) for live in self._live.values()), default=math.inf)
        # A screen that is not free to be written to tells nobody when it is: it is asked again.
        wait = None if again == math.inf else max(again - now, 1 / self._fps / 4)
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            return

    def _next_stills(self, count: int) -> list[Still]:
        return [self._stills.popleft() for _ in range(min(count, len(self._stills)))]

    async def _draw(self, wanted: list[LiveFace], stills: list[Still]) -> None:
        """One pass: pictures of all of them, sent; then the rest that this processor is owed."""
        began = time.monotonic()
        pass_seconds = self._renderer.seconds.get(len(wanted) + len(stills), 0.0)
        seen_at = began + min(pass_seconds, GREATEST_LEAD)  # when the frames will be shown
        felt = [live.felt_at for live in wanted]
        expressions = [live.animation.frame(seen_at) for live in wanted] + [still.expression for still in stills]
        faces = [live.face for live in wanted] + [still.face for still in stills]
        count = len(wanted)
        try:
            frames, pictures = await asyncio.wrap_future(
                self._renderer.submit(
                    [face.latent for face in faces],
                    [face.showing(expression) for face, expression in zip(faces, expressions, strict=True)],
                    lambda pictures: ([encode_frame(picture) for picture in pictures[:count]], pictures[count:]),
                )
            )
        except Exception:
            for still in stills:
                if not still.done.done():
                    still.done.set_exception(ServerError(UNDRAWN))
            raise
        drawn = time.monotonic()
        self._metrics.face_render.observe(drawn - began)
        self._metrics.face_batch.observe(len(faces))
        for live, frame, moved in zip(wanted, frames, felt, strict=True):
            self._send(live, frame, moved)
            self._schedule(live, began, seen_at)
        if stills:
            self._background.spawn(self._finish_stills(stills, pictures))
        await asyncio.sleep(min((drawn - began) * (1 / BUSY_SHARE - 1), GREATEST_REST))

    def _schedule(self, live: LiveFace, began: float, shown: float) -> None:
        """When the next frame is due: soon while much moves, at leisure while she breathes."""
        if live.due > began:  # something happened while this frame was drawn
            return
        interval = 1 / self._fps
        if not live.animation.is_lively(shown):
            interval = min(interval / IDLE_SHARE, max(interval, live.animation.stirs_at(shown) - shown))
        tick = 1 / self._fps
        live.due = math.floor((began + interval) / tick) * tick  # all on one clock, so that they are drawn together

    def _send(self, live: LiveFace, frame: bytes, felt_at: float | None) -> None:
        now = time.monotonic()
        if felt_at is not None and live.felt_at == felt_at:
            live.felt_at = None
            self._metrics.face_delay.observe(now - felt_at)
        for viewer in tuple(live.viewers.values()):
            reading = viewer.offer(frame, turn_number(live.turn), now)
            self._metrics.face_frames.labels("dropped" if reading is None else "sent").inc()
            if reading is not None:
                self._background.spawn(self._read(viewer, reading))

    async def _read(self, viewer: Viewer, reading: Awaitable[float]) -> None:
        """Waits until the client has read a frame."""
        try:
            viewer.taken(await reading)
        except ConnectionClosed:
            viewer.lost()
        self._wake.set()

    async def _finish_stills(self, stills: Sequence[Still], pictures: Any) -> None:
        for still, picture in zip(stills, pictures, strict=True):
            content = await asyncio.to_thread(encode_still, picture, still.size)
            if not still.done.done():
                still.done.set_result(content)
