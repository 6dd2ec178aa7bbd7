"""Puts the parts together and serves them on one port."""

from __future__ import annotations

import asyncio
import gc
import importlib.metadata
import json
import logging
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from character.conduct.judgement import Judge as ConductJudge
from character.emotion import Emotion
from character.language_model import LanguageModel, Sampling
from rag.memories import load_bundled_or_named
from rag.memory import Memory
from server import cards, protocol
from server.adapters import AdapterFolder, Adapters
from server.admin import Admin
from server.background import Background
from server.conduct import Conduct, Said
from server.control import Control, Handler
from server.errors import BadRequest
from server.faces import Faces, face_of
from server.http import Gate, HttpRoutes
from server.hub import Hub
from server.memory import HerMemory
from server.metrics import Metrics
from server.remembering import Remembering, is_able
from server.session import Session
from server.settings import Settings
from server.storage import chats
from server.storage.chats import Begun
from server.storage.database import Database, Transaction
from server.taste import Taste
from server.turns import Turns

if TYPE_CHECKING:
    from rag.embedding import Embedder
    from stylegan.renderer import FaceRenderer

logger = logging.getLogger(__name__)


def version() -> str:
    try:
        return importlib.metadata.version("ohlora")
    except importlib.metadata.PackageNotFoundError:
        return "0"


@dataclass
class Services:
    """What every connection works with."""

    settings: Settings
    database: Database
    model_info: protocol.ModelInfo
    metrics: Metrics
    hub: Hub
    turns: Turns
    memory: HerMemory | None = None
    conduct: Conduct | None = None
    faces: Faces | None = None
    taste: Taste | None = None
    version: str = field(default_factory=version)
    _background: Background = field(default_factory=Background)

    @property
    def admin(self) -> Admin:
        """What operators ask of everybody's conduct."""
        return Admin(self.settings, self.database, self.conduct)

    async def is_operator(self, account: str) -> bool:
        return await self.admin.is_operator(account)

    async def begin(self, account: str, chat: str, said: Said, begin: Callable[[Transaction], Begun]) -> Begun:
        """Stores what begins a turn, when conduct has nothing against it.

        Raises:
            Banned: the account may not talk for now. Whatever ``begin`` raises comes out as it is.
        """
        if self.conduct is None:
            return await self.database.write(begin)
        return await self.conduct.begin(account, chat, said, begin)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Runs something beside the connection that caused it."""
        self._background.spawn(work)

    async def settle(self) -> None:
        """Waits for what `spawn` has begun."""
        await self._background.settle()

    async def announce(self, account: str, chat: str) -> None:
        """Tells all connections of the account how the chat stands in the list."""
        found = await self.database.read(lambda connection: chats.summaries(connection, account, chat))
        if found:
            self.hub.broadcast(account, protocol.encode(protocol.ChatChanged(chat=found[0]), chat=chat))

    async def create_chat(self, account: str, card: str, greeting: int | None) -> str:
        """Makes a chat with a card.

        Args:
            greeting: number of the greeting; None takes the first for a first chat, then the one for this time of day.

        Raises:
            NotFound: no such card. BadRequest: the card has no such greeting.
        """
        from character.prompt import greeting_for
        from server.storage.accounts import user_name

        stored, name, earlier = await self.database.read(
            lambda connection: (
                cards.find_card(connection, account, card),
                user_name(connection, account),
                chats.summaries(connection, account),
            )
        )
        found = cards.greetings(stored.card, name)
        if greeting is None:
            known = any(chat.card == stored.id for chat in earlier)
            greeting = min(greeting_for(stored.card, self.turns.now()), max(len(found) - 1, 0)) if known else 0
        elif greeting >= max(len(found), 1):
            raise BadRequest(f"이 카드에는 인사가 {len(found)}개뿐이에요.")
        return await self.database.write(
            lambda transaction: chats.create_chat(
                transaction, account, card=stored.id, card_json=cards.card_data(stored),
                character=stored.card.nickname or stored.card.name, greetings=found, greeting=greeting,
            )
        )  # fmt: skip


def sampling(settings: Settings) -> Sampling:
    return Sampling(
        # The small bundled model loses the thread where it is drawn from too freely.
        temperature=settings.temperature
        if settings.temperature is not None
        else 0.3
        if settings.llm == "bundled"
        else 0.7,
        top_p=settings.top_p,
        top_k=settings.top_k,
        repetition_penalty=settings.repetition_penalty,
        max_new_tokens=settings.max_new_tokens,
    )


def settle_interpreter() -> None:
    """Fits the interpreter to a server with many connections; to be called once, when everything is loaded.

    What is loaded by now stays to the end, so the garbage collector need not walk over it again and again; and it walks
    less often. Otherwise every few seconds of busy talk all replies would stand still for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


class App:
    """The server as one object: start it, ask for its port, close it.

    Args:
        model: the language model; the caller closes it.
        judge: the emotion classifier for replies without a tag.
        now: the clock she reads weekday and time of day from.
        load_embedder: loads what embeds memories, in a thread.
        conduct_judge: judges messages and replies; None: nobody does.
        renderer: draws her face; the caller closes it. None: she has none, and the page shows her light alone.
    """

    def __init__(
        self,
        settings: Settings,
        model: LanguageModel,
        judge: Callable[[str], Emotion],
        now: Callable[[], datetime] = datetime.now,
        load_embedder: Callable[[str], Embedder] = load_bundled_or_named,
        conduct_judge: ConductJudge | None = None,
        renderer: FaceRenderer | None = None,
    ) -> None:
        self._renderer = renderer
        self.settings, self._conduct_judge = settings, conduct_judge
        self._model, self._judge, self._now, self._load_embedder = model, judge, now, load_embedder
        self.remembering: Remembering | None = None
        self.services: Services
        self._server: Server
        self._control: Control
        self._routes: HttpRoutes
        self._connections = 0

    async def start(self) -> None:
        """Opens the database, mends what a crash left, and listens.

        Raises:
            StorageError: the database cannot be used. OSError: the port is taken.
        """
        settings, metrics = self.settings, Metrics()
        database = Database(settings.database_url, metrics.on_batch)
        hub = Hub(settings)
        database.on_events = hub.publish
        interrupted = await database.write(chats.interrupt_live_turns)
        if interrupted:
            logger.warning("%d replies were cut off by the last stop; they are marked and can be retried", interrupted)
        memory = None
        if settings.memory == "on":
            memory = HerMemory(settings, database, hub, metrics, self._now, self._load_embedder)
        conduct = None
        if settings.conduct == "on":
            conduct = Conduct(settings, database, hub, self._conduct_judge, remembers=memory is not None)
            await conduct.start()
        turns = Turns(
            database, self._model, sampling(settings), self._judge, metrics, self._turn_ended, self._now,
            show_examples=settings.llm != "bundled",  # it was trained on her dialogues, and its context is small
            memory=memory, conduct=conduct,
        )  # fmt: skip
        info = protocol.ModelInfo(name=self._model.name, bundled=settings.llm == "bundled")
        if memory is not None:
            memory.busy = lambda: turns.busy
        faces = taste = None
        if self._renderer is not None:
            taste = Taste(self._renderer, face_of(self._renderer, settings), database, hub)
            faces = taste.faces = Faces(self._renderer, taste.face_of, database, metrics, settings.face_fps)
            database.on_events = faces.after(hub.publish)
        self.services = Services(settings, database, info, metrics, hub, turns, memory, conduct, faces, taste)
        commands: dict[str, Handler] = {}
        if memory is not None:
            able = is_able(settings)
            self.remembering = Remembering(memory.memories, database, self._model, turns, self._remembered, able=able)
            commands = {"memory.rebuild": memory.rebuild, "memory.wake": memory.wake, "memory.check": memory.check}
        adapters = Adapters(self._model, AdapterFolder(settings.data))
        await adapters.start()
        commands["adapter.use"] = lambda asked: adapters.use(asked["name"])
        if conduct is not None:
            conduct.stop_turns = turns.stop_account
            commands["conduct.wake"] = conduct.woken
        self._control = Control(settings.data, commands)
        await self._control.start()
        try:
            self._server = await serve(
                self._connect, settings.host, settings.port,
                process_request=self._process_request,
                max_size=protocol.MAX_FRAME_BYTES,
                compression=None,  # 14 KiB a connection instead of 46
                ping_interval=20, ping_timeout=20, close_timeout=5, open_timeout=10,
                server_header="ohlora",
            )  # fmt: skip
        except OSError:
            await self._control.close()
            await self._close_memory()
            database.close()
            raise
        if faces is not None:
            faces.start()
        gate = Gate(settings.host, self.port, settings.hosts, settings.origins)
        self._routes = HttpRoutes(gate, metrics.render, self._health)

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    def _turn_ended(self, account: str, chat: str) -> None:
        self.services.spawn(self.services.announce(account, chat))
        if self.remembering is not None:
            self.remembering.wake()

    async def _remembered(self, account: str, chat: str, message: str, added: list[Memory]) -> None:
        """Tells the account what she has taken from a message."""
        assert self.services.memory is not None
        self.services.metrics.remembered.inc(len(added))
        told = protocol.MemorySaved(message=message, memories=await self.services.memory.entries(account, added))
        self.services.hub.broadcast(account, protocol.encode(told, chat=chat))

    async def _close_memory(self) -> None:
        if self.services.taste is not None:
            await self.services.taste.close()
        if self.services.faces is not None:
            await self.services.faces.close()
        if self.services.conduct is not None:
            await self.services.conduct.close()
        if self.remembering is not None:
            await self.remembering.close()
        if self.services.memory is not None:
            await self.services.memory.close()

    def _health(self) -> bytes:
        return json.dumps({"status": "ok", "version": self.services.version, "model": self._model.name}).encode()

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        return self._routes(request)

    async def _connect(self, socket: ServerConnection) -> None:
        metrics = self.services.metrics
        if self._connections >= self.settings.max_connections:
            await socket.close(protocol.CLOSE_TRY_LATER, "too many connections")
            return
        self._connections += 1
        metrics.connections.inc()
        try:
            await Session(self.services, socket).run()
        finally:
            self._connections -= 1
            metrics.connections.dec()

    async def close(self) -> None:
        """Ends live turns as interrupted, tells clients to come back, and lets go of the database."""
        self._server.close(close_connections=False)
        await self._control.close()
        await self.services.turns.close()
        await asyncio.gather(*(c.close(protocol.CLOSE_RESTART, "restart") for c in self._server.connections))
        await self._server.wait_closed()
        await self.services.turns.close()  # those that a request under way has begun meanwhile
        await self.services.settle()
        await self._close_memory()
        await asyncio.to_thread(self.services.database.close)

    async def run_until_signal(self) -> None:
        """Serves until SIGINT or SIGTERM, then closes."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await stop.wait()
        logger.info("closing")
        await self.close()
