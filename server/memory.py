"""Her memory in the running program: what she recalls before a reply, wishes to forget, and what users ask of it by hand.

`rag.memories` does the work and blocks. Here it gets threads, a time limit, the server's group commit and a way to tell
the account's connections. What is taken from messages afterwards: `server.remembering`.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from rag import store
from rag.errors import BadMemory, NoSuchMemory
from rag.memories import Memories, load_bundled_or_named
from rag.memory import Memory
from rag.recall import Recall
from rag.visibility import Place
from server import protocol
from server.background import Background
from server.errors import BadRequest, NotFound
from server.hub import Hub, Watcher
from server.metrics import Metrics
from server.protocol import MemoryEntry, MessageState
from server.settings import Settings
from server.storage import chats
from server.storage.database import Database, Event

if TYPE_CHECKING:
    from rag.embedding import Embedder

logger = logging.getLogger(__name__)
T = TypeVar("T")

RECALL_SECONDS = 0.3
"""A turn waits no longer for what she recalls."""
WISH_SECONDS = 5.0
"""It waits longer where the user may want something forgotten: she must not talk past that."""
CLOSING_SECONDS = 10.0
"""A Chroma server that does not answer must not keep the program from ending."""
SWEEP_PATIENCE, SWEEP_AGAIN = 0.05, 1.0
"""Seconds for which cutting off the database's log after something was forgotten may hold up writers, and until it is tried
again where a reader stood in the way."""
THREADS = 3
PAGE = 50
FOUND = 30
TOLD_TEXTS = 20
"""Sentences that a question names; she may be asked to forget everything."""

GONE = "그 기억을 찾을 수 없어요. 이미 잊었을 수 있어요."

_MAY_BE_WISH = re.compile(r"잊|지워|삭제|없던|기억\s*하지")
_POLITE = r"(?:요|용|염|여|엽)?"
_END = r"[\s.!~ㅋㅎㅠㅜ^]*"
_FORGET_IT = rf"(?:(?:다|전부|모두|그냥|싹|이제)\s*)?(?:잊어|지워|삭제해)(?:\s*(?:줘|주세요|줄래|도\s*돼|도\s*괜찮아|버려))?{_POLITE}"
_YES = re.compile(
    rf"(?:(?:응+|웅+|엉+|어+|ㅇ+|네+|넵|넹|예|그래|그럼|좋아|맞아|물론|당연하지|부탁해|그렇게\s*해\s*(?:줘)?|yes|ok|ㅇㅋ){_POLITE}[\s,.!~]*)+"
    rf"(?:{_FORGET_IT})?{_END}|{_FORGET_IT}{_END}",
    re.IGNORECASE,
)
_NO = re.compile(
    r"(?:(?:아니+|아뇨|아냐|아니야|아니에요|아니요|ㄴ+|노노|싫어|됐어|취소|관둬|no)(?:요)?[\s,.!~]*)+"
    r"(?:(?:그냥\s*)?(?:둬|놔둬|기억해\s*(?:줘)?|잊지\s*마|하지\s*마|지우지\s*마)(?:요)?)?"
    rf"{_END}|(?:그냥\s*)?(?:둬|놔둬|기억해\s*줘|잊지\s*마|지우지\s*마)(?:요)?{_END}",
    re.IGNORECASE,
)


def plain_answer(text: str) -> bool | None:
    """What a message says that is nothing but a yes (True) or a no (False); else None."""
    words = " ".join(text.split())
    if len(words) > 30:
        return None
    if _YES.fullmatch(words):
        return True
    return False if _NO.fullmatch(words) else None


# --- what she is told


def asking_notice(texts: Sequence[str]) -> str:
    """For the prompt: the user wants these forgotten, and she is to ask first."""
    named = ", ".join(f"“{text}”" for text in texts[:5])
    if len(texts) > 5:
        named += f" 등 {len(texts)}가지"
    return f"상대가 이 기억을 잊어 달라고 한다: {named} 아직 잊지 않았다. 정말 잊어도 되는지 한 번만 묻는다."


NOTHING_TO_FORGET = "상대가 무언가를 잊어 달라고 하지만, 그런 기억은 없다. 기억하고 있는 게 없다고 말한다."
FORGOTTEN = "상대가 부탁한 기억을 이제 잊었다. 잊었다고만 짧게 말하고, 무엇이었는지는 말하지 않는다."
KEPT = "상대가 잊지 말라고 한다. 그대로 기억하겠다고 짧게 말한다."


@dataclass
class Remembered:
    """What a turn has of her memory.

    Attributes:
        recall: what she recalls.
        notices: what she is told about a wish to forget.
        asked: what the user wants forgotten and she asks about.
        record: for the debug record of the turn; no words of the user in it.
    """

    recall: Recall = field(default_factory=Recall)
    notices: list[str] = field(default_factory=list)
    asked: list[Memory] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)

    def events(self, chat: str, reply: str, turn: str, left_out: set[str]) -> list[Event]:
        """The events to store before her first word.

        Args:
            left_out: lines for which the prompt had no room.
        """
        found = []
        used = [recalled.memory for recalled in self.recall.found if recalled.line not in left_out]
        if used:
            told = [protocol.RecalledMemory.model_validate(_shared(m, protocol.RecalledMemory)) for m in used]
            found.append(chats.event(chat, protocol.MemoryUsed(message=reply, memories=told), turn))
        if self.asked:
            texts = [memory.text for memory in self.asked[:TOLD_TEXTS]]
            asked = protocol.MemoryForgetAsked(message=reply, ids=[m.id for m in self.asked], texts=texts)
            found.append(chats.event(chat, asked, turn))
        return found


def _shared(memory: Memory, model: type[Any]) -> dict[str, Any]:
    """The fields of a memory that a type of the protocol has as well."""
    return {name: getattr(memory, name) for name in model.model_fields if hasattr(memory, name)}


def entry(memory: Memory, known: dict[str, Memory]) -> MemoryEntry:
    """A memory as the protocol tells it.

    Args:
        known: memories by id, in which those it took the place of are looked up.
    """
    earlier: list[Memory] = []
    pending = [*memory.supersedes]
    while pending:
        old = known.get(pending.pop(0))
        if old is not None and old not in earlier and old.state != "forgotten":
            earlier.append(old)
            pending += old.supersedes
    values = _shared(memory, MemoryEntry)
    for name in ("valid_from", "valid_until"):
        values[name] = values[name].isoformat() if values[name] else None
    told = [protocol.EarlierMemory(id=old.id, text=old.text, said=old.said) for old in earlier]
    return MemoryEntry(**values, earlier=told)


@contextmanager
def _told() -> Iterator[None]:
    """The errors of memories as the wire knows them."""
    try:
        yield
    except NoSuchMemory:
        raise NotFound(GONE) from None
    except BadMemory as error:
        logger.info("refused: %s", error)
        raise BadRequest("이렇게는 기억할 수 없어요. 한 문장으로, 200자 안에서 적어 주세요.") from None


class Helpers:
    """A few threads for work that may hang: unlike those of a pool they do not keep the program from ending."""

    def __init__(self, number: int, name: str) -> None:
        self._number = number
        self._queue: queue.SimpleQueue[tuple[Callable[[], Any], Callable[[Any, BaseException | None], None]] | None]
        self._queue = queue.SimpleQueue()
        self.late = 0
        for index in range(number):
            threading.Thread(target=self._work, name=f"{name}-{index}", daemon=True).start()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            job, tell = item
            try:
                result = job()
            except BaseException as error:  # handed to whoever waits
                tell(None, error)
            else:
                tell(result, None)

    def close(self) -> None:
        """Ends the threads as soon as they have nothing to do."""
        for _ in range(self._number):
            self._queue.put(None)

    async def run(self, job: Callable[[], T], seconds: float) -> T:
        """Runs ``job`` in one of the threads.

        Raises:
            TimeoutError: it takes longer than ``seconds``, or every thread is still busy with jobs that did.
        """
        if self.late >= self._number:
            raise TimeoutError
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        given_up = False

        def arrived(result: Any, error: BaseException | None) -> None:
            if given_up:
                self.late -= 1
            elif not future.done() and error is not None:
                future.set_exception(error)
            elif not future.done():
                future.set_result(result)

        def tell(result: Any, error: BaseException | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(arrived, result, error)

        self._queue.put((job, tell))
        try:
            return await asyncio.wait_for(asyncio.shield(future), seconds)
        except (TimeoutError, asyncio.CancelledError):
            if not future.done():
                given_up = True
                self.late += 1
            raise


class HerMemory:
    """Her memory as sessions and turns use it. Lives on the event loop.

    Args:
        settings: where the index is and what embeds.
        load: loads the embedder, in the background.
        now: the user's local time.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        hub: Hub,
        metrics: Metrics,
        now: Callable[[], datetime] = datetime.now,
        load: Callable[[str], Embedder] = load_bundled_or_named,
    ) -> None:
        self._database, self._hub, self._metrics, self._now = database, hub, metrics, now
        self._loop = asyncio.get_running_loop()
        self._helpers = Helpers(THREADS, "ohlora-recall")
        self._background = Background()
        self._to_sweep: set[str] = set()
        self._closing = asyncio.Event()
        self.busy: Callable[[], bool] = lambda: False
        self.ready = asyncio.Event()
        self.memories = Memories(
            database.engine,
            settings.data,
            chroma=settings.chroma,
            embedder=settings.embedder,
            write=self._write,
            load=load,
        )
        self._background.spawn(self._load())

    def _write(self, job: Callable[[sa.Connection], T]) -> T:
        """For `Memories`, in its threads: a write in the server's own order."""
        work = self._database.write(lambda transaction: job(transaction.connection))
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _load(self) -> None:
        """What the first recall would wait for; the embedder and Chroma are loaded by a thread of `Memories`."""
        await asyncio.to_thread(_load_words)
        self.ready.set()

    async def close(self) -> None:
        """Lets go of the index."""
        self._closing.set()
        await self._background.settle()
        self._helpers.close()
        closing = Helpers(1, "ohlora-memory-close")
        try:
            await closing.run(self.memories.close, CLOSING_SECONDS)
        except TimeoutError:
            logger.warning("the memory index did not close in %.0f s; it is mended at the next start", CLOSING_SECONDS)
        closing.close()

    # --- before a reply

    async def before_reply(self, account: str, chat: str, line: Sequence[MessageState]) -> Remembered:
        """What the turn that answers the last message of ``line`` has of her memory.

        Never fails and, but for wishes to forget, takes `RECALL_SECONDS` at most.
        """
        if not line or line[-1].role != "user":
            return Remembered()
        message = line[-1]
        answered = await self._answered(account, chat, line)
        if answered is not None:
            return Remembered(notices=[FORGOTTEN if answered else KEPT], record={"forgotten": answered})
        wish, remembered = await asyncio.gather(self._wish(account, chat, line), self._recall(account, chat, message))
        if wish is not None:
            remembered.asked = wish
            remembered.record["asked"] = [memory.id for memory in wish]
            texts = [memory.text for memory in wish]
            remembered.notices.append(asking_notice(texts) if texts else NOTHING_TO_FORGET)
            if not texts:
                remembered.recall = Recall()  # what it found instead would only mislead her
        return remembered

    async def _recall(self, account: str, chat: str, message: MessageState) -> Remembered:
        began, outcome, recall = time.perf_counter(), "loading", Recall()
        if self.ready.is_set():
            place, now = Place(chat, message.id), self._now()
            try:
                recall = await self._helpers.run(
                    lambda: self.memories.recall(account, message.text, place=place, now=now), RECALL_SECONDS
                )
                outcome = "found" if recall.found else "nothing"
            except TimeoutError:
                outcome = "late"
            except Exception:  # she talks on without it
                logger.exception("chat %s: nothing could be recalled", chat)
                outcome = "failed"
        seconds = time.perf_counter() - began
        self._metrics.recall.observe(seconds)
        self._metrics.recalls.labels(outcome).inc()
        found = [
            {"id": each.memory.id, "reason": each.reason, "score": each.score, "parts": dict(each.parts)}
            for each in recall.found
        ]
        record = {
            "outcome": outcome, "seconds": round(seconds, 4), "by_meaning": recall.by_meaning, "found": found,
            "unknown": list(recall.unknown),
        }  # fmt: skip
        return Remembered(recall, record=record)

    async def _wish(self, account: str, chat: str, line: Sequence[MessageState]) -> list[Memory] | None:
        """The memories that the last message wants forgotten; None where it wants no such thing."""
        message = line[-1]
        if not _MAY_BE_WISH.search(message.text):
            return None
        recent = [each.id for each in reversed(line[:-1]) if each.role == "user"]
        place = Place(chat, message.id)
        try:
            async with asyncio.timeout(WISH_SECONDS):
                await self.ready.wait()
            wish = await self._helpers.run(
                lambda: self.memories.wish(account, message.text, place=place, recent=recent), WISH_SECONDS
            )
        except TimeoutError:
            logger.warning("chat %s: whether something is to be forgotten could not be found out in time", chat)
            return None
        except Exception:
            logger.exception("chat %s: whether something is to be forgotten could not be found out", chat)
            return None
        return None if wish is None else wish[1]

    async def _answered(self, account: str, chat: str, line: Sequence[MessageState]) -> bool | None:
        """Carries out a plain yes or no to what she asked in the reply before; None where it is no such thing."""
        said = plain_answer(line[-1].text)
        if said is None or len(line) < 2:
            return None
        reply = line[-2].id
        asked = await self._database.read(lambda connection: chats.forget_asked(connection, chat, reply))
        if asked is None:
            return None
        if asked.settled is not None:  # this turn is tried again, or a button was pressed meanwhile
            return said if said == (asked.settled == "forgotten") else None
        if not asked.ids:
            return None
        await self.settle(account, chat, reply, said)
        return said

    def shown(self, account: str, recall: Recall) -> None:
        """She was shown what she recalls; what came up by its date rests for a while."""
        if due := recall.due:
            self._background.spawn(asyncio.to_thread(self.memories.surfaced, account, due))

    # --- by hand

    async def listing(self, account: str, kind: str | None, before: str | None) -> protocol.MemoryListed:
        """A page of memories, newest first.

        Raises:
            BadRequest: ``before`` is none of ours.
        """
        visible = await asyncio.to_thread(self.memories.visible, account)
        live = [memory for memory in visible if memory.state == "live"]
        known = {memory.id: memory for memory in visible}
        chosen = sorted((memory for memory in live if kind is None or memory.kind == kind), key=_position, reverse=True)
        if before is not None:
            place = _parse_cursor(before)
            chosen = [memory for memory in chosen if _position(memory) < place]
        page, rest = chosen[:PAGE], chosen[PAGE:]
        return protocol.MemoryListed(
            memories=[entry(memory, known) for memory in page],
            more=_cursor(page[-1]) if rest else None,
            counts=dict(Counter(memory.kind for memory in live)),
        )

    async def search(self, account: str, text: str) -> protocol.MemoryListed:
        """Memories that fit ``text``, the most fitting first."""

        def search() -> list[MemoryEntry]:
            found = self.memories.search(account, text, now=self._now(), limit=FOUND).found
            known = {memory.id: memory for memory in self.memories.visible(account)}
            return [entry(recalled.memory, known) for recalled in found]

        return protocol.MemoryListed(memories=await asyncio.to_thread(search), query=text)

    async def add(self, account: str, kind: str, slot: str | None, text: str, by: Watcher) -> protocol.MemoryChanged:
        """Raises: BadRequest."""
        with _told():
            added = await asyncio.to_thread(self.memories.add, account, text, kind=kind, slot=slot or "other")
        return await self._changed(account, added, by)

    async def edit(self, account: str, memory: str, changes: dict[str, Any], by: Watcher) -> protocol.MemoryChanged:
        """Raises: NotFound, BadRequest."""
        with _told():
            changed = await asyncio.to_thread(lambda: self.memories.edit(account, memory, **changes))
        return await self._changed(account, changed, by)

    async def _changed(self, account: str, memory: Memory, by: Watcher) -> protocol.MemoryChanged:
        told = protocol.MemoryChanged(memory=(await self.entries(account, [memory]))[0])
        self._hub.broadcast(account, protocol.encode(told), but=by)
        return told

    async def entries(self, account: str, memories: Sequence[Memory]) -> list[MemoryEntry]:
        """Memories as the protocol tells them, with what they took the place of."""
        every = await self._database.read(lambda connection: store.all_of(connection, account))
        known = {memory.id: memory for memory in every}
        return [entry(memory, known) for memory in memories]

    async def saved(self, account: str, chat: str) -> dict[str, list[MemoryEntry]]:
        """What she remembers of the messages of a chat and still holds, by message."""

        def query(connection: sa.Connection) -> tuple[list[Memory], dict[str, Memory]]:
            live = [memory for memory in store.of_chat(connection, account, chat) if memory.state == "live"]
            return live, store.by_ids(connection, (old for memory in live for old in memory.supersedes))

        live, earlier = await self._database.read(query)
        found: dict[str, list[MemoryEntry]] = {}
        for memory in live:
            found.setdefault(str(memory.message), []).append(entry(memory, earlier))
        return found

    async def forget(self, account: str, ids: Sequence[str], by: Watcher | None = None) -> protocol.MemoryForgotten:
        """Forgets memories for good, and the words of them in stored events; their own connections are told.

        Raises:
            NotFound: one of them is not this account's.
        """

        def job(connection: sa.Connection) -> list[str]:
            there = store.by_ids(connection, ids)
            if any(memory not in there or there[memory].account != account for memory in ids):
                raise NotFound(GONE)
            return _forget(connection, account, ids)

        gone = await self._database.write(lambda transaction: job(transaction.connection))
        return await self._forgotten(account, protocol.MemoryForgotten(ids=gone), by)

    async def settle(
        self, account: str, chat: str, reply: str, confirm: bool, by: Watcher | None = None
    ) -> protocol.MemoryForgotten:
        """Carries out the user's answer to what ``reply`` asked; one that was given already changes nothing.

        Raises:
            NotFound: no such chat of this account, or the reply asked nothing.
        """

        def job(connection: sa.Connection) -> list[str]:
            chats.find_chat(connection, account, chat)
            asked = chats.forget_asked(connection, chat, reply)
            if asked is None:
                raise NotFound(GONE)
            gone = _forget(connection, account, asked.ids) if confirm else []
            chats.settle_forget_asked(connection, chat, reply, confirm)
            return gone

        gone = await self._database.write(lambda transaction: job(transaction.connection))
        return await self._forgotten(account, protocol.MemoryForgotten(ids=gone, message=reply), by)

    async def _forgotten(
        self, account: str, told: protocol.MemoryForgotten, by: Watcher | None
    ) -> protocol.MemoryForgotten:
        if told.ids:
            self._sweep(account)
        self._hub.broadcast(account, protocol.encode(told), but=by)
        return told

    def _sweep(self, account: str) -> None:
        """Has the words of what was forgotten leave caches and the database's log as well, at once where no reader is in the
        way."""
        self.memories.changed()
        if not self._to_sweep:
            self._background.spawn(self._sweep_out())
        self._to_sweep.add(account)

    async def _sweep_out(self) -> None:
        while accounts := set(self._to_sweep):
            clean = [await asyncio.to_thread(self.memories.sweep, account, SWEEP_PATIENCE) for account in accounts]
            if all(clean):
                self._to_sweep -= accounts
            elif self._closing.is_set():
                return
            else:
                await self._rest()

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), SWEEP_AGAIN)

    def deleted(self, account: str, ids: Sequence[str]) -> None:
        """Memories went along with messages that were deleted."""
        self.memories.changed()
        if ids:
            self._hub.broadcast(account, protocol.encode(protocol.MemoryForgotten(ids=list(ids))))
            self._sweep(account)

    # --- operator commands

    async def rebuild(self, asked: dict[str, Any]) -> int:
        """Makes the index anew; returns how many memories it holds then."""
        return await asyncio.to_thread(self.memories.rebuild)

    async def wake(self, asked: dict[str, Any]) -> None:
        """Somebody changed memories in the database: the index is to take them up now."""
        self.memories.changed()

    async def check(self, asked: dict[str, Any]) -> dict[str, Any]:
        """How the index stands to the database."""
        report = await asyncio.to_thread(self.memories.check)
        return report.values()


def _load_words() -> None:
    from character.lorebook import load_morphology
    from rag.asking import asked_about
    from rag.morphology import content_words, use_morphology

    use_morphology(load_morphology())  # one of them in memory is enough
    content_words("고양이를 키운다.")
    asked_about("내 이름이 뭐야?")


def _forget(connection: sa.Connection, account: str, ids: Sequence[str]) -> list[str]:
    gone = store.forget(connection, account, ids)
    chats.forget_in_events(connection, account, gone)
    return gone


def _position(memory: Memory) -> tuple[float, str]:
    return memory.said, memory.id


def _cursor(memory: Memory) -> str:
    return f"{memory.said!r} {memory.id}"


def _parse_cursor(cursor: str) -> tuple[float, str]:
    said, _, memory = cursor.partition(" ")
    try:
        return float(said), memory
    except ValueError:
        raise BadRequest("before에는 앞서 받은 more를 그대로 적어 주세요.") from None


def without_words(debug: dict[str, Any]) -> dict[str, Any]:
    """A prompt's record without what memories say: they may have to be forgotten."""
    private = ("memory", "summary", "notice")
    dropped = [drop | {"text": ""} if drop["part"] in private else drop for drop in debug["dropped"]]
    return debug | {"dropped": dropped}


def with_memory(context: Any, remembered: Remembered, summary: str = "") -> Any:
    """A `TurnContext` with what she recalls."""
    notices = [*context.notices, *remembered.notices]
    return replace(context, memories=remembered.recall.lines, notices=notices, summary=summary)
