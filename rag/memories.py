"""Her memory as a whole: what the server and the command use.

Slow work (morphemes, vectors) is done outside transactions, SQL in short ones, Chroma by one thread of its own that
takes up what the outbox names. Whatever becomes of Chroma, recall answers: by words alone if need be.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from rag import store
from rag.asking import asked_about, topics
from rag.errors import BadMemory, IndexBusy, IndexFailed, RagError
from rag.forgetting import Wish, meant, wish_to_forget
from rag.gate import Verdict, judge
from rag.index import BATCH, Chroma, Difference, Progress, VectorIndex, digest, no_progress
from rag.keywords import KeywordIndex
from rag.memory import Memory, checked_kind, checked_slot, checked_text, parse_day
from rag.morphology import forget_analyses, load_morphology
from rag.recall import Recall, Weights, is_due, rank
from rag.supersession import known_names
from rag.visibility import SERVER_TREE, Place, Tree, leaves, line_ids, settled

if TYPE_CHECKING:
    from rag.embedding import Embedder

logger = logging.getLogger(__name__)
T = TypeVar("T")
Write = Callable[[Callable[[sa.Connection], Any]], Any]
"""Runs a job in a write transaction and returns its result when that is on disk."""

CACHED_ACCOUNTS = 64
CACHED_PLACES = 4
"""Of each account, places for which is kept what holds there."""
CACHED_LINES = 2000
MOST_PASSED_OVER = 400
"""Memories that do not hold (any more) may be among the nearest; so many are looked at beyond them at most."""
OWN_COLLECTION = 1000
"""An account of so many memories gets a collection of its own."""
MOST_BY_WORDS = 100
"""Memories that share words with a message and are weighed, the best of them: of thousands most share a common one."""
LOG_PATIENCE = 5.0
"""Seconds that forgetting waits for readers, where nobody waits for a reply."""
POLL_SECONDS = 5.0
"""How often the outbox is looked at unasked: another process, such as the command, may have written."""
LONGEST_PAUSE = 120.0
TRIES_BEFORE_WIPING = 2
"""An embedded index that fails so often in a row is thrown away and made anew."""


def load_bundled_or_named(name: str) -> Embedder:
    from rag.embedding import load_embedder

    return load_embedder(name)


class Held:
    """The memories that hold somewhere, oldest first, live and superseded, and by what they are looked for."""

    def __init__(self, memories: list[Memory]) -> None:
        self.memories = memories
        self.by_id = {memory.id: memory for memory in memories}
        live = [memory for memory in memories if memory.state == "live"]
        self.boundaries = [memory for memory in live if memory.kind == "boundary"]
        self.with_days = [memory for memory in live if memory.valid_from is not None or "생일" in memory.text]
        self.by_slot: dict[str, list[Memory]] = {}
        for memory in live:
            self.by_slot.setdefault(memory.slot, []).append(memory)


@dataclass(frozen=True)
class Known:
    """An account's memories at a revision: all but forgotten ones, by id, and the words in them."""

    revision: int
    memories: dict[str, Memory]
    stamps: dict[str, str] = field(default_factory=dict)
    """What stood of each in the database (`store.stamps`): what has not changed is not read again."""
    before: list[KeywordIndex] = field(default_factory=list)
    """The words of the revision before, if they were searched."""
    lines: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Ids of the memories on a line, by chat and leaf: nothing above a leaf ever changes."""
    held: dict[tuple[tuple[str, str], ...], Held] = field(default_factory=dict)
    """What holds where just these lines are shown."""

    @cached_property
    def words(self) -> KeywordIndex:
        """Made when it is first searched: a list needs no morphemes."""
        texts = {memory.id: memory.text for memory in self.memories.values()}
        return KeywordIndex(texts, self.before[0] if self.before else None)

    @cached_property
    def chats(self) -> frozenset[str]:
        """Chats in which something was said that is remembered."""
        return frozenset(m.chat for m in self.memories.values() if m.message is not None and m.chat is not None)

    @cached_property
    def anywhere(self) -> frozenset[str]:
        """Ids of those that hold in every chat."""
        return frozenset(memory.id for memory in self.memories.values() if memory.message is None)

    @property
    def searched(self) -> list[KeywordIndex]:
        """The index of words, or the one before it, as far as there is one."""
        return [self.words] if "words" in self.__dict__ else [*self.before]

    def hold(self, shown: Mapping[tuple[str, str], frozenset[str]]) -> Held:
        """What holds where these lines are shown: ids by chat and leaf."""
        lines = tuple(shown)
        found = self.held.get(lines)
        if found is None:
            ids = self.anywhere.union(*shown.values())
            found = Held(settled(memory for memory in self.memories.values() if memory.id in ids))
            if len(self.held) >= CACHED_PLACES:
                self.held.clear()
            self.held[lines] = found
        return found

    def unchanged_lines(self, memories: Mapping[str, Memory]) -> dict[tuple[str, str], frozenset[str]]:
        """Lines of the chats to which no memory was added and from which none was taken, for the next revision."""
        differing = self.memories.keys() ^ memories.keys()
        chats = {(self.memories.get(id) or memories[id]).chat for id in differing}
        return {line: ids for line, ids in self.lines.items() if line[0] not in chats}


@dataclass(frozen=True)
class Report:
    """How SQL and Chroma stand to each other.

    Attributes:
        memories: how many SQL holds, all but forgotten ones.
        indexed: how many Chroma holds; None where it cannot be asked.
        waiting: changes that Chroma has not been told of.
        problem: why Chroma cannot be used; empty where it can.
    """

    place: str
    collection: str | None
    memories: int
    indexed: int | None
    waiting: int
    difference: Difference
    problem: str = ""

    @property
    def whole(self) -> bool:
        return not self.problem and not self.difference

    def values(self) -> dict[str, Any]:
        """What the command shows, as JSON takes it."""
        return {
            "place": self.place, "collection": self.collection, "memories": self.memories, "indexed": self.indexed,
            "waiting": self.waiting, "missing": list(self.difference.missing), "stale": list(self.difference.stale),
            "foreign": list(self.difference.foreign), "problem": self.problem, "whole": self.whole,
        }  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A memory with its history: what it superseded, directly and further back, and what superseded it."""

    memory: Memory
    earlier: tuple[Memory, ...] = ()
    later: tuple[Memory, ...] = ()


class Memories:
    """Her memory. Thread-safe; every method blocks and is to be called from a worker thread.

    Args:
        engine: the database, with the server's migrations applied.
        data: the data folder, in which the embedded index stands.
        chroma: ``http://…`` of a Chroma server; empty for the embedded one.
        embedder: bundled, a folder or a hub id; loaded by the background thread.
        write: runs a job in the program's own write transactions (the server's group commit). Default: a transaction
            on ``engine``.
        tree: the tables of chats and messages.
        weights: how recall weighs.
        load: loads the embedder.
        background: keep the index up to date in a thread. Without it the index is used only where a method says so,
            and changes wait in the outbox.
        progress: called with done and total while a collection is filled.
    """

    def __init__(
        self,
        engine: sa.Engine,
        data: Path,
        *,
        chroma: str = "",
        embedder: str = "bundled",
        write: Write | None = None,
        tree: Tree = SERVER_TREE,
        weights: Weights | None = None,
        load: Callable[[str], Embedder] = load_bundled_or_named,
        background: bool = True,
        progress: Progress = no_progress,
    ) -> None:
        self.weights = weights or Weights()
        self._engine, self._tree, self._progress = engine, tree, progress
        self._write: Write = write or self._own_write
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._known_lock = threading.Lock()
        self.index = VectorIndex(Chroma(data, chroma), embedder, load)
        self.problem = ""
        self._whole = False  # Chroma was compared with SQL since it was opened
        self._failures = 0
        self._work_lock = threading.RLock()
        self._wake, self._closing, self._idle = threading.Event(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        if background:
            self._thread = threading.Thread(target=self._work, name="ohlora-memory", daemon=True)
            self._thread.start()

    def _own_write(self, job: Callable[[sa.Connection], T]) -> T:
        with self._engine.execution_options(writing=True).begin() as connection:
            return job(connection)

    def _read(self, query: Callable[[sa.Connection], T]) -> T:
        with self._engine.begin() as connection:
            return query(connection)

    # --- what is known

    def _account(self, connection: sa.Connection, account: str) -> Known:
        revision = store.revision(connection, account)
        with self._known_lock:
            known = self._known.get(account)
            if known is not None and known.revision == revision:
                self._known.move_to_end(account)
                return known
        known = self._next(connection, account, revision, known)
        with self._known_lock:
            self._known[account] = known
            self._known.move_to_end(account)
            while len(self._known) > CACHED_ACCOUNTS:
                self._known.popitem(last=False)
        return known

    def _next(self, connection: sa.Connection, account: str, revision: int, before: Known | None) -> Known:
        """An account's memories now, of which only what has changed since ``before`` is read."""
        stamps = store.stamps(connection, account)
        if before is None:
            return Known(revision, {memory.id: memory for memory in store.all_of(connection, account)}, stamps)
        fresh = store.by_ids(connection, [id for id, stamp in stamps.items() if before.stamps.get(id) != stamp])
        memories = {id: fresh.get(id) or before.memories[id] for id in stamps if id in fresh or id in before.memories}
        return Known(revision, memories, stamps, before.searched, before.unchanged_lines(memories))

    def _visible(self, connection: sa.Connection, account: str, place: Place | None) -> tuple[Known, Held]:
        """As `visibility.visible`, but only lines that are new are walked."""
        known = self._account(connection, account)
        if not known.memories:
            return known, Held([])
        shown: dict[tuple[str, str], frozenset[str]] = {}
        for row in connection.execute(leaves(account, self._tree)):
            chat = str(row.id)
            leaf = place.leaf if place is not None and place.chat == chat else row.active
            if chat not in known.chats or leaf is None:
                continue
            line = known.lines.get((chat, leaf))
            if line is None:
                said = {str(memory) for memory in connection.scalars(line_ids(chat, leaf, self._tree))}
                line = frozenset(said & known.memories.keys())
                if len(known.lines) >= CACHED_LINES:
                    known.lines.clear()
                known.lines[chat, leaf] = line
            shown[chat, leaf] = line
        return known, known.hold(shown)

    def visible(self, account: str, place: Place | None = None) -> list[Memory]:
        """The memories that hold at ``place`` (default: on the lines the chats show), oldest first, live and superseded."""
        return [*self._read(lambda connection: self._visible(connection, account, place)[1]).memories]

    # --- recall

    def recall(
        self,
        account: str,
        text: str,
        *,
        place: Place | None = None,
        now: datetime | None = None,
        limit: int | None = None,
    ) -> Recall:
        """What she recalls when the user says ``text``.

        Args:
            place: where it is said: the chat, and the message ``text`` or the one before it as leaf.
            now: the user's local time (default: this machine's).
            limit: how many, beside due ones and boundaries.

        Never fails for Chroma's sake. Tell `surfaced` about ``recall.due`` once she was shown them.
        """
        now = now or datetime.now().astimezone()
        known, held = self._read(lambda connection: self._visible(connection, account, place))
        asked = asked_about(text)
        if not held.memories:
            return Recall(unknown=asked.slots if not asked.everything else ())
        due = [memory for memory in held.with_days if is_due(memory, now, self.weights)]
        if due:  # when they last came up stands in SQL only: it changes without a new revision
            fresh = self._read(lambda connection: store.by_ids(connection, [memory.id for memory in due]))
            due = [replace(memory, surfaced=fresh[memory.id].surfaced) for memory in due if memory.id in fresh]
            due = [memory for memory in due if is_due(memory, now, self.weights)]
            due.sort(key=lambda memory: memory.valid_from or now.date())
        words = known.words.search(text, MOST_BY_WORDS)
        meaning = self._meaning(account, text, known, held.memories)
        fitting = {memory: held.by_id[memory] for memory in (*words, *(meaning or ())) if memory in held.by_id}
        few = self.weights.topic_most
        touched = [slot for slot in topics(text) if 0 < len(held.by_slot.get(slot, ())) <= few]
        named = (memory for slot in (*asked.slots, *touched) for memory in held.by_slot.get(slot, ()))
        fitting |= {memory.id: memory for memory in (*held.boundaries, *named)}
        return rank(
            fitting.values(), now, self.weights, meaning=meaning, words=words, asked=asked, due=due, limit=limit,
            slots=held.by_slot.keys(), topics=touched,
        )  # fmt: skip

    def _meaning(
        self, account: str, text: str, known: Known, visible: Sequence[Memory]
    ) -> dict[str, tuple[float, float]] | None:
        if self.index.serving is None or not text.strip():
            return None
        # On another branch a superseded memory may hold, and live ones may not: then look further.
        revived = any(memory.state != known.memories[memory.id].state for memory in visible)
        states = ("live", "superseded") if revived else ("live",)
        passed_over = len(known.memories) - sum(memory.state == "live" for memory in visible)
        limit = self.weights.candidates + min(passed_over, MOST_PASSED_OVER)
        try:
            return self.index.query(account, text, states, limit, self.weights.deviations)
        except RagError as error:
            self._index_failed(error)
        except Exception as error:  # an embedder may fail in its own ways; a chat goes on
            self._index_failed(IndexFailed(f"the embedder failed: {error}"))
        return None

    def search(
        self, account: str, query: str, *, now: datetime | None = None, limit: int = 20, place: Place | None = None
    ) -> Recall:
        """Memories for a person who looks for them: as `recall`, but without floor, due ones and boundaries."""
        now = now or datetime.now().astimezone()
        known, held = self._read(lambda connection: self._visible(connection, account, place))
        visible = held.memories
        words = known.words.search(query)
        meaning = self._meaning(account, query, known, visible)
        found = words.keys() | {memory for memory, (_, meant) in (meaning or {}).items() if meant > 0}
        asked = asked_about(query)
        wanted = [
            replace(
                memory, state="live"
            )  # one that was superseded is found as well, and shown with its own state below
            for memory in visible
            if memory.id in found or memory.slot in asked.slots or query.strip() in memory.text + memory.quote
        ]
        loose = replace(self.weights, floor=0.0, boundaries=0)
        ranked = rank(wanted, now, loose, meaning=meaning, words=words, asked=asked, limit=limit)
        states = {memory.id: memory for memory in visible}
        return replace(ranked, found=tuple(replace(r, memory=states[r.memory.id]) for r in ranked.found))

    def surfaced(self, account: str, ids: Iterable[str], now: float | None = None) -> None:
        """She was shown these because their day had come (`Recall.due`): they rest for a while."""
        wanted = list(ids)
        if wanted:
            self._write(lambda connection: store.surfaced(connection, account, wanted, now or time.time()))

    # --- remembering

    def remember_turn(
        self,
        account: str,
        chat: str,
        message: str,
        text: str,
        *,
        said: datetime | None = None,
        answer: str | None = None,
        done: Callable[[sa.Connection], None] = lambda connection: None,
    ) -> list[Memory]:
        """Remembers what the user told in one message; calling it again for the same message adds nothing twice.

        Args:
            chat, message: where it was said; the message is stored already.
            text: the message: the user's own words and nothing else.
            said: when, in the user's local time.
            answer: the language model's answer to `extraction_messages`, if it was asked.
            done: called in the same transaction, for instance to finish the job.

        Returns:
            The memories that were added.
        """
        verdicts = self.consider(account, chat, message, text, said=said, answer=answer)
        when = (said or datetime.now()).timestamp()

        def job(connection: sa.Connection) -> list[Memory]:
            added: list[Memory] = []
            if not store.forgotten_from(connection, message):
                added = list(self._add(connection, account, chat, message, when, verdicts))
            done(connection)
            return added

        added: list[Memory] = self._write(job)
        if added:
            self._wake.set()
        return added

    def consider(
        self,
        account: str,
        chat: str,
        message: str,
        text: str,
        *,
        said: datetime | None = None,
        answer: str | None = None,
    ) -> list[Verdict]:
        """What `remember_turn` would do with a message, and why; changes nothing."""
        from rag.extraction import parse_extraction
        from rag.patterns import propose

        day = (said or datetime.now()).date()
        known = self.visible(account, Place(chat, message))
        proposals = propose(text, day, known_names(known)) + (parse_extraction(answer) if answer else [])
        return judge(proposals, text, day, known) if proposals else []

    def _add(
        self, connection: sa.Connection, account: str, chat: str, message: str, said: float, verdicts: Sequence[Verdict]
    ) -> Iterable[Memory]:
        there = {memory.text for memory in store.all_of(connection, account) if memory.message == message}
        for verdict in verdicts:
            if verdict.action != "add" or verdict.text in there:
                continue
            proposal = verdict.proposal
            old = store.by_ids(connection, (memory.id for memory in verdict.supersedes))
            yield store.insert(
                connection,
                Memory(
                    store.new_id(), account, chat, message, proposal.kind, proposal.slot, verdict.text, verdict.quote, said,
                    verdict.valid_from, verdict.valid_until, proposal.confidence, source=proposal.source,
                    supersedes=tuple(m.id for m in verdict.supersedes if m.id in old and old[m.id].state != "forgotten"),
                ),
            )  # fmt: skip

    # --- by hand

    def listing(
        self, account: str, *, kind: str | None = None, slot: str | None = None, everything: bool = False
    ) -> list[Memory]:
        """The account's memories, newest first.

        Args:
            everything: also superseded ones and those of branches that are not shown.
        """
        if everything:
            found = self._read(lambda connection: store.all_of(connection, account))
        else:
            found = [memory for memory in self.visible(account) if memory.state == "live"]
        chosen = [m for m in found if (kind is None or m.kind == kind) and (slot is None or m.slot == slot)]
        return sorted(chosen, key=lambda memory: memory.said, reverse=True)

    def show(self, account: str, memory: str) -> Shown:
        """One memory with its history.

        Raises:
            NoSuchMemory
        """

        def query(connection: sa.Connection) -> Shown:
            found = store.get(connection, account, memory)
            every = {m.id: m for m in store.all_of(connection, account)}
            earlier: list[Memory] = []
            pending = [*found.supersedes]
            while pending:
                old = every.pop(pending.pop(0), None)
                if old is not None:
                    earlier.append(old)
                    pending += old.supersedes
            return Shown(found, tuple(earlier), tuple(m for m in every.values() if memory in m.supersedes))

        return self._read(query)

    def add(
        self,
        account: str,
        text: str,
        *,
        kind: str = "fact",
        slot: str = "other",
        valid_from: str | date | None = None,
        valid_until: str | date | None = None,
        pinned: bool = False,
        supersedes: Sequence[str] = (),
    ) -> Memory:
        """Adds a memory by hand; it holds in every chat and on every branch.

        Raises:
            BadMemory, NoSuchMemory (in ``supersedes``)
        """
        first, last = _checked_days(valid_from, valid_until)
        new = Memory(
            store.new_id(), account, None, None, checked_kind(kind), checked_slot(slot), checked_text(text), "", time.time(),
            first, last, pinned=pinned, supersedes=tuple(supersedes),
        )  # fmt: skip

        def job(connection: sa.Connection) -> Memory:
            for old in supersedes:
                store.get(connection, account, old)
            return store.insert(connection, new)

        return self._change(job)

    def edit(self, account: str, memory: str, **changes: Any) -> Memory:
        """Changes ``text``, ``kind``, ``slot``, ``valid_from``, ``valid_until`` or ``pinned`` of a memory.

        Raises:
            BadMemory, NoSuchMemory
        """
        checks: dict[str, Callable[[Any], Any]] = {
            "text": checked_text, "kind": checked_kind, "slot": checked_slot, "pinned": bool,
            "valid_from": lambda value: parse_day(value, "valid_from"),
            "valid_until": lambda value: parse_day(value, "valid_until"),
        }  # fmt: skip
        if unknown := set(changes) - set(checks):
            raise BadMemory(f"{sorted(unknown)[0]!r} of a memory cannot be changed; change one of {', '.join(checks)}")
        clean = {name: checks[name](value) for name, value in changes.items()}
        if "text" in clean:
            clean["source"] = "hand"

        def job(connection: sa.Connection) -> Memory:
            changed = replace(store.get(connection, account, memory), **clean)
            _checked_days(changed.valid_from, changed.valid_until)
            return store.update(connection, changed)

        return self._change(job)

    def pin(self, account: str, memory: str, pinned: bool = True) -> Memory:
        """Raises: NoSuchMemory."""
        return self._change(lambda connection: store.pin(connection, account, memory, pinned))

    def _change(self, job: Callable[[sa.Connection], T]) -> T:
        result: T = self._write(job)
        self._wake.set()
        return result

    # --- forgetting

    def wish(
        self, account: str, text: str, *, place: Place, recent: Sequence[str] = ()
    ) -> tuple[Wish, list[Memory]] | None:
        """Whether a message is a wish to forget, and the memories it means (perhaps none); nothing is forgotten yet.

        Args:
            recent: ids of the user's messages before it, the newest first.
        """
        wish = wish_to_forget(text)
        if wish is None:
            return None
        found = lambda words: [r.memory for r in self.search(account, words, place=place, limit=5).found]  # noqa: E731
        return wish, meant(wish, self.visible(account, place), recent, found)

    def forget(self, account: str, ids: Iterable[str]) -> list[str]:
        """Forgets memories for good, with what they superseded: their words leave the database file too.

        Returns:
            Ids of all that is gone. Unknown ids are passed over.
        """
        wanted = [*ids]
        gone = self._change(lambda connection: store.forget(connection, account, wanted))
        self._leave_no_trace(account)
        return gone

    def forget_messages(self, ids: Iterable[str]) -> list[str]:
        """As `store.forget_messages`, in a transaction of its own, for callers that have none."""
        wanted = [*ids]
        gone = self._change(lambda connection: store.forget_messages(connection, wanted))
        self._leave_no_trace(None)
        return gone

    def forget_account(self, account: str) -> int:
        """Forgets everything of an account: memories, summaries, pending jobs; returns how many memories there were."""
        count = self._change(lambda connection: store.forget_account(connection, account))
        self._leave_no_trace(account)
        return count

    def _leave_no_trace(self, account: str | None) -> None:
        self.sweep(account, LOG_PATIENCE)

    def sweep(self, account: str | None, patience: float = 0.05) -> bool:
        """Has what was forgotten leave caches and the database's log.

        Args:
            account: whose memories; None for everybody's.
            patience: seconds that it waits for readers of the database; writers wait as long.

        Returns:
            Whether the log holds nothing more. If not, a reader stood in the way: try again later.
        """
        with self._known_lock:
            if account is None:
                self._known.clear()
            self._known.pop(account or "", None)
        forget_analyses()
        if self._engine.dialect.name != "sqlite":
            return True
        # `secure_delete` clears the file; old pages stand in the log until it is cut off.
        raw = self._engine.raw_connection()
        try:
            cursor = raw.cursor()
            usual = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
            cursor.execute(f"PRAGMA busy_timeout={int(1000 * patience)}")
            try:
                busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError:
                busy = 1
            cursor.execute(f"PRAGMA busy_timeout={usual}")
            return not busy
        finally:
            raw.close()

    # --- the index

    def changed(self) -> None:
        """Tells that memories were changed through `store` in someone's own transaction."""
        self._wake.set()

    def _index_failed(self, error: Exception) -> None:
        logger.warning("memory index: %s; recalling by words alone", error)
        self.problem = str(error)
        self._whole = False
        self._wake.set()

    def _work(self) -> None:
        load_morphology()  # takes seconds; no turn should wait for it
        while not self._closing.is_set():
            pause = POLL_SECONDS
            try:
                with self._work_lock:
                    self._tend()
                self.problem, self._failures = "", 0
                self._idle.set()
            except Exception as error:  # the thread must live on; what it could not do waits in the outbox
                pause = self._after(error)
            self._wake.wait(pause)
            self._wake.clear()

    def _after(self, error: Exception) -> float:
        """Notes a failure of the index; returns seconds until it is tried again."""
        if str(error) != self.problem or not isinstance(error, RagError):
            logger.warning("memory index: %s", error, exc_info=not isinstance(error, RagError | sa.exc.SQLAlchemyError))
        self.problem = str(error)
        self._idle.set()
        if isinstance(error, IndexBusy) or not isinstance(error, IndexFailed):
            return POLL_SECONDS if isinstance(error, IndexBusy) else LONGEST_PAUSE
        self._failures += 1
        with self._work_lock:
            self._whole = False
            self.index.close()
        if self.index.chroma.embedded and self._failures >= TRIES_BEFORE_WIPING:
            logger.warning("memory index: making %s anew from the database", self.index.chroma.place)
            try:
                self.index.wipe()
            except IndexFailed as problem:
                logger.warning("memory index: %s", problem)
        return min(LONGEST_PAUSE, 0.1 * 4.0**self._failures)

    def _tend(self, progress: Progress | None = None) -> None:
        """Brings Chroma to where SQL is.

        Raises:
            IndexFailed
        """
        if self.index.chroma.gone():
            self._whole = False
            self.index.close()
        if not self._whole:
            self.index.open()
            self._mend(progress or self._progress)
            self._whole = True
            self.index.chroma.check_own(self.index.target)
            self._give_own()
        if self._carry_over():
            self._give_own()

    def _give_own(self) -> None:
        for account in self._read(lambda connection: store.large_accounts(connection, OWN_COLLECTION)):
            self.index.give_own(account)

    def _wanted(self) -> dict[str, str]:
        wanted: dict[str, str] = {}
        while True:
            after = max(wanted, default="")
            page = self._read(lambda connection, after=after: store.indexed(connection, after))  # type: ignore[misc]
            if not page:
                return wanted
            wanted |= {memory.id: digest(memory) for memory in page}

    def _mend(self, progress: Progress) -> None:
        """Makes Chroma hold what SQL holds. Changes meanwhile stand in the outbox and are carried over next."""
        wanted = self._wanted()
        differing = self.index.difference(wanted)
        todo = [*differing.missing, *differing.stale]
        if differing.foreign:
            self.index.remove(differing.foreign)
        told = 0
        for start in range(0, len(todo), BATCH):
            if self._closing.is_set():
                return
            part = todo[start : start + BATCH]
            rows = self._read(lambda connection, part=part: store.by_ids(connection, part))  # type: ignore[misc]
            self.index.put([memory for memory in rows.values() if memory.state != "forgotten"])
            progress(min(start + BATCH, len(todo)), len(todo))
            if (tenth := 10 * (start + BATCH) // len(todo)) > told and len(todo) > 10 * BATCH:
                told = tenth
                logger.info("memory index: %d of %d memories", min(start + BATCH, len(todo)), len(todo))
        for memory in self._read(lambda connection: store.indexed(connection, limit=1)):
            self.index.probe(memory)
        self.index.complete()

    def _carry_over(self) -> bool:
        """Tells Chroma what the outbox names; whether there was anything."""
        carried = False
        while not self._closing.is_set():
            entries = self._read(store.outbox_entries)
            if not entries:
                return carried
            carried = True
            rows = self._read(lambda connection, entries=entries: store.by_ids(connection, entries))  # type: ignore[misc]
            kept = [memory for memory in rows.values() if memory.state != "forgotten"]
            self.index.remove([memory for memory in entries if memory not in {m.id for m in kept}])
            self.index.put(kept)
            self._write(lambda connection, entries=entries: store.clear_outbox(connection, entries))  # type: ignore[misc]
        return carried

    def wait(self, seconds: float = 60.0) -> bool:
        """Waits until the index has taken up all changes so far; whether it has."""
        if self._thread is None:
            return False
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._idle.clear()
            self._wake.set()
            self._idle.wait(max(0.0, until - time.monotonic()))
            if not self.problem and self._whole and not self._read(store.outbox_size):
                return True
            time.sleep(0.05)
        return False

    def sync(self) -> None:
        """Brings the index up to date now, in this thread, opening it where it is closed.

        Raises:
            IndexFailed: it cannot be used (`IndexBusy`: the server holds it and will do this itself).
        """
        with self._work_lock:
            self._tend()
            self.problem = ""

    def check(self) -> Report:
        """Compares Chroma with SQL; changes nothing but opens the index where it is closed."""
        wanted = self._wanted()
        waiting = self._read(store.outbox_size)
        place = self.index.chroma.place
        with self._work_lock:
            try:
                self.index.open()
                known = self.index.chroma.known(self.index.target)
                for memory in self._read(lambda connection: store.indexed(connection, limit=1)):
                    if memory.id in known:
                        self.index.probe(memory)
                report = Report(
                    place, self.index.target, len(wanted), len(known), waiting, self.index.difference(wanted)
                )
            except RagError as error:
                return Report(place, None, len(wanted), None, waiting, Difference(), str(error))
        return report

    def rebuild(self, progress: Progress = no_progress) -> int:
        """Throws the index away and makes it anew from SQL; returns how many memories it holds then.

        Raises:
            IndexFailed
        """
        with self._work_lock:
            self._whole = False
            self.index.wipe()
            self._tend(progress)
            self.problem = ""
            return len(self.index.chroma.known(self.index.target))

    def close(self) -> None:
        """Ends the thread and gives the index folder free; what was not carried over stays in the outbox."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self.index.close()


def _checked_days(first: str | date | None, last: str | date | None) -> tuple[date | None, date | None]:
    begin, end = parse_day(first, "valid_from"), parse_day(last, "valid_until")
    if begin is not None and end is not None and end < begin:
        raise BadMemory(f"valid_until {end} lies before valid_from {begin}; swap them")
    return begin, end
