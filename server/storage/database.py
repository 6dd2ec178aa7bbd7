"""The database: opened with care, read in parallel, written by one thread that groups its commits.

Everything a client is told is on disk before it is told. To make that cheap, writes go through `GroupCommit`: whatever
has queued up while the last commit went to disk shares the next one, so that the cost of an ``fsync`` and of handing over
between the threads is paid per batch and not per message.
"""

from __future__ import annotations

import asyncio
import glob
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from server.errors import StorageError
from server.storage import migrations
from server.storage.schema import chats, events

logger = logging.getLogger(__name__)
T = TypeVar("T")
APPLICATION_ID = 0x4F684C6F  # "OhLo", in the header of our SQLite files
BUSY_SECONDS = 10
GATHER_SECONDS = 0.004
"""Commits begin no closer together than this: a job that comes alone goes to disk at once, many that come share a commit."""
SMALLEST_PAGE = 512
ROWS_PER_STATEMENT = 64
"""Events that one statement writes at most. The driver keeps the statements for all numbers of rows compiled."""


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite URL; None for another database.

    Raises:
        StorageError: the URL cannot be parsed, or names an in-memory database, which would keep nothing.
    """
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        raise StorageError(f"database {url!r} is no database URL; write sqlite:///PATH") from None
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:":
        raise StorageError("an in-memory database would keep nothing; write sqlite:///PATH")
    return Path(parsed.database)


def check_sqlite_file(path: Path) -> None:
    """Looks at an existing file without changing it.

    Raises:
        StorageError: the file is empty, damaged, or another program's.
    """
    advice = f"It was left untouched. Put a backup from {path.parent / 'backups'} in its place, or move it away to begin anew."
    if not path.is_file():
        raise StorageError(f"database {path} is no file; name another --database")
    size, log = path.stat().st_size, path.with_name(f"{path.name}-wal")
    if size < SMALLEST_PAGE:
        length = f"only {size} bytes long" if size else "empty"
        raise StorageError(f"database {path} is {length}, as if it had been cut off. {advice}")
    read_only = path.absolute().as_uri() + "?mode=ro"
    try:
        with closing(sqlite3.connect(read_only, uri=True, timeout=BUSY_SECONDS)) as connection:
            page = connection.execute("PRAGMA page_size").fetchone()[0]
            problem = " ".join(connection.execute("PRAGMA quick_check(1)").fetchone()[0].split())
            application = connection.execute("PRAGMA application_id").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise StorageError(f"database {path} cannot be read: {error}. {advice}") from None
    if problem == "ok" and size % page and not (log.exists() and log.stat().st_size):
        problem = "its last page has been cut off"  # SQLite would read zeros there
    if problem != "ok":
        raise StorageError(f"database {path} is damaged: {problem}. {advice}")
    if application != APPLICATION_ID:
        raise StorageError(f"{path} is an SQLite file of another program; name another --database")


def create_sqlite_file(path: Path) -> None:
    """Makes a new database file with all migrations; it appears whole or, if this is killed meanwhile, not at all.

    Raises:
        StorageError: its folder cannot be made or written to.
    """
    partial_path = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f"{glob.escape(partial_path.name)}*"):
            left.unlink()
        engine = _sqlite_engine(partial_path)
        with engine.execution_options(writing=True).begin() as connection:
            connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
            migrations.migrate(connection)
        engine.dispose()  # the last connection to go writes the log into the file
        os.replace(partial_path, path)
    except (OSError, sa.exc.SQLAlchemyError) as error:
        raise StorageError(f"database {path} cannot be made: {error.__cause__ or error}") from None


def _sqlite_engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), pool_size=4, max_overflow=4,
        connect_args={"cached_statements": ROWS_PER_STATEMENT + 64},
    )  # fmt: skip
    _configure_sqlite(engine)
    return engine


def _configure_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin by the listener below, not by guesswork of the driver
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "synchronous=FULL",  # survives a power cut, not only a kill
            "wal_autocheckpoint=4000",  # 16 MiB; at the default, busy chats would cause a checkpoint every few commits
            "secure_delete=ON",  # deleted words leave the file as well
            f"busy_timeout={BUSY_SECONDS * 1000}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


class Event(NamedTuple):
    """A stored event of a chat, as clients replay it.

    Attributes:
        data: the payload, already JSON.
        seq: 1, 2, 3, … within the chat without gaps; 0 until it is stored.
    """

    chat: str
    type: str
    data: str
    turn: str | None = None
    seq: int = 0


@cache
def _insert_events(rows: int) -> str:
    """SQL that inserts so many events; values in the order of `Event`."""
    columns = ", ".join(Event._fields)
    values = ", ".join("(" + ", ".join("?" * len(Event._fields)) + ")" for _ in range(rows))
    return f"INSERT INTO events ({columns}) VALUES {values}"  # noqa: S608 - no words of a user in it


class Transaction:
    """What a job sees of its transaction."""

    def __init__(self, connection: sa.Connection, sequences: dict[str, int]) -> None:
        self.connection = connection
        self.events: list[Event] = []
        self._sequences = sequences

    def emit(self, event: Event) -> Event:
        """Stores an event under the chat's next sequence number; it reaches clients once the commit is on disk."""
        chat, type_, data, turn, _ = event
        seq = self._sequences.get(chat)
        if seq is None:
            floor = sa.select(chats.c.floor_seq).where(chats.c.id == chat).scalar_subquery()
            last = sa.select(sa.func.max(events.c.seq)).where(events.c.chat == chat).scalar_subquery()
            known = self.connection.execute(sa.select(floor, last)).one()
            seq = max(known[0] or 0, known[1] or 0)
        self._sequences[chat] = seq = seq + 1
        stored = Event(chat, type_, data, turn, seq)
        self.events.append(stored)
        return stored

    def flush(self, since: int = 0) -> None:
        """Writes the events emitted since number ``since`` of this transaction."""
        rows = self.events[since:]
        if self.connection.dialect.name != "sqlite":
            if rows:
                self.connection.execute(events.insert(), [row._asdict() for row in rows])
            return
        # One statement for many rows: the driver lets go of the interpreter lock at every row of an `executemany`, and
        # each time would wait for the event loop to give it back.
        # Straight to the driver, as SQLAlchemy's share of a statement would cost more than the rows.
        driver = self.connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            part = rows[start : start + ROWS_PER_STATEMENT]
            driver.execute(_insert_events(len(part)), tuple(chain.from_iterable(part)))


def is_unusable(error: Exception) -> bool:
    """Whether the database itself failed (disk full, file damaged or gone), and not what was asked of it."""
    operational, other = (
        (sa.exc.OperationalError, sqlite3.OperationalError),
        (sa.exc.DatabaseError, sqlite3.DatabaseError),
    )
    return isinstance(error, operational) or type(error) in other


def first_cause(error: BaseException) -> BaseException:
    """What went wrong first; the error that arrives may be of the attempt to undo it."""
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
    return error


Job = Callable[[Transaction], Any]
Waiting = asyncio.Future[Any]
Outcome = tuple[Waiting, Any, BaseException | None]
"""Who waits for a job, its result and its error."""


class GroupCommit:
    """One thread that runs queued jobs in order and commits them in batches.

    A job that fails is rolled back alone; its neighbours in the batch stay.

    Args:
        engine: where to write.
        on_commit: called in the commit thread after each batch with the events now on disk, in order, and what came of
            the jobs.
        on_batch: called after each batch with the number of jobs and the seconds it took.
    """

    def __init__(
        self,
        engine: sa.Engine,
        on_commit: Callable[[list[Event], list[Outcome]], None],
        on_batch: Callable[[int, float], None],
    ) -> None:
        # One connection for good: what it holds in its page cache stays true, as nobody else writes while it is open.
        self._connection = engine.execution_options(writing=True).connect()
        self._on_commit = on_commit
        self._on_batch = on_batch
        self._sequences: dict[str, int] = {}
        self._queue: queue.SimpleQueue[tuple[Job | Event, Waiting] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ohlora-commit", daemon=True)
        self._thread.start()

    def submit(self, job: Job | Event, waiting: Waiting) -> None:
        """Queues a job or a single event.

        Args:
            job: called with the batch's transaction. An event is the cheap case of a job that only emits it.
            waiting: is handed to ``on_commit`` with the job's result or its error once the batch is on disk.
        """
        self._queue.put((job, waiting))

    def close(self) -> None:
        """Commits what is queued and ends the thread."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        ending, began = False, 0.0
        while not ending:
            batch = [self._queue.get()]
            time.sleep(max(0.0, began + GATHER_SECONDS - time.perf_counter()))
            while not self._queue.empty():
                batch.append(self._queue.get())
            ending = None in batch
            jobs = [item for item in batch if item is not None]
            if jobs:
                began = time.perf_counter()
                self._commit(jobs)
                self._on_batch(len(jobs), time.perf_counter() - began)

    def _commit(self, batch: list[tuple[Job | Event, Waiting]]) -> None:
        outcomes: list[Outcome] = []
        try:
            with self._connection.begin():
                transaction = Transaction(self._connection, self._sequences)
                flushed = 0
                for job, waiting in batch:
                    if isinstance(job, Event):
                        outcomes.append((waiting, transaction.emit(job), None))
                        continue
                    transaction.flush(flushed)  # a job may read the events before it
                    flushed = len(transaction.events)
                    outcomes.append((waiting, *self._run_job(transaction, job)))
                    flushed = len(transaction.events)
                transaction.flush(flushed)
            stored = transaction.events
        except Exception as error:  # the thread must live on, and whoever waits must be told
            self._sequences.clear()  # what the batch had counted is not on disk: count anew
            if len(batch) > 1 and not is_unusable(error):  # whatever cannot be stored must fail alone
                for item in batch:
                    self._commit([item])
                return
            logger.error("a batch of %d writes failed: %s", len(batch), first_cause(error))
            failure = StorageError(f"저장하지 못했어요: {first_cause(error)}")
            outcomes, stored = [(waiting, None, failure) for _, waiting in batch], []
        self._on_commit(stored, outcomes)

    def _run_job(self, transaction: Transaction, job: Job) -> tuple[Any, BaseException | None]:
        emitted = len(transaction.events)
        try:
            with transaction.connection.begin_nested():
                result = job(transaction)
                transaction.flush(emitted)
                return result, None
        except Exception as error:  # handed to whoever asked for the job; the batch goes on
            if is_unusable(error):
                raise  # SQLite may have undone the whole batch by itself
            for event in transaction.events[emitted:]:
                self._sequences.pop(event.chat, None)  # counted anew when it is needed
            del transaction.events[emitted:]
            return None, error


class Database:
    """An open database.

    Args:
        url: SQLAlchemy URL; ``sqlite:///PATH`` makes the file if there is none.

    Raises:
        StorageError: the file is damaged, foreign, or newer than this program.
    """

    def __init__(self, url: str, on_batch: Callable[[int, float], None] = lambda jobs, seconds: None) -> None:
        self.on_events: Callable[[list[Event]], None] = lambda events: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.path = sqlite_path(url)
        if self.path is not None:
            if self.path.exists():
                check_sqlite_file(self.path)
            else:
                create_sqlite_file(self.path)
            self.engine = _sqlite_engine(self.path)
        else:
            try:
                self.engine = sa.create_engine(url, pool_size=4, max_overflow=4)
            except (sa.exc.ArgumentError, ImportError) as error:
                raise StorageError(f"database {url}: {error}; is its driver installed?") from None
        try:
            with self.engine.execution_options(writing=True).begin() as connection:
                migrations.migrate(connection, before=self._backup)
        except (sa.exc.SQLAlchemyError, StorageError) as error:
            self.engine.dispose()
            if isinstance(error, StorageError):
                raise StorageError(f"database {self.path or url}: {error.text}") from None
            raise StorageError(f"database {self.path or url} cannot be opened: {error.__cause__ or error}") from None
        self._writer = GroupCommit(self.engine, self._committed, on_batch)
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="ohlora-read")

    def _backup(self, name: str) -> None:
        """Copies the file into ``backups/`` beside it before a migration changes it."""
        if self.path is None:
            return
        folder = self.path.parent / "backups"
        target = folder / f"{self.path.stem}-{time.strftime('%Y%m%d-%H%M%S')}-before-{name}.sqlite3"
        try:
            folder.mkdir(exist_ok=True)
            with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(target)) as copy:
                source.backup(copy)
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"no backup {target} can be made, so nothing was changed: {error}") from None

    async def read(self, query: Callable[[sa.Connection], T]) -> T:
        """Runs ``query`` in one read transaction, off the event loop.

        Raises:
            StorageError: the database failed. Whatever ``query`` raises comes out as it is.
        """

        def run() -> T:
            try:
                with self.engine.begin() as connection:
                    return query(connection)
            except sa.exc.DatabaseError as error:
                if not is_unusable(error):
                    raise
                logger.error("a read failed: %s", error)
                raise StorageError(f"읽지 못했어요: {error.__cause__ or error}") from error

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def write(self, job: Callable[[Transaction], T]) -> T:
        """Runs ``job`` in the commit thread; returns when its changes are on disk and its events were handed out.

        Raises:
            StorageError: the commit failed. Whatever ``job`` raises comes out as it is, and nothing of it is kept.
        """
        result: T = await self._submit(job)
        return result

    async def append(self, event: Event) -> Event:
        """Stores one event; returns it with its sequence number when it is on disk and was handed out."""
        stored: Event = await self._submit(event)
        return stored

    def write_now(self, job: Callable[[sa.Connection], T]) -> T:
        """For commands without an event loop: one transaction of its own, which cannot emit events."""
        with self.engine.execution_options(writing=True).begin() as connection:
            return job(connection)

    def _submit(self, job: Job | Event) -> asyncio.Future[Any]:
        self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = self._loop.create_future()
        self._writer.submit(job, future)
        return future

    def _committed(self, stored: list[Event], outcomes: list[Outcome]) -> None:
        """In the commit thread: hands a batch over to the event loop in one call, events before answers."""

        def deliver() -> None:
            if stored:
                self.on_events(stored)
            for waiting, result, error in outcomes:
                if waiting.done():
                    continue  # given up
                if error is None:
                    waiting.set_result(result)
                else:
                    waiting.set_exception(error)

        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(deliver)

    def close(self) -> None:
        """Commits what is queued and lets go of the file."""
        self._writer.close()
        self._readers.shutdown()
        self.engine.dispose()


@contextmanager
def lock_data(folder: Path) -> Iterator[None]:
    """Holds the data folder for one server; commands may still use the database beside it.

    Raises:
        StorageError: another server holds it.
    """
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "server.lock").open("a")
    except OSError as error:
        raise StorageError(f"data folder {folder} cannot be used: {error.strerror or error}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StorageError(
                f"another server uses the data folder {folder}; stop it or name another --data"
            ) from None
        yield
