"""Where the command finds what the server writes; the defaults are those of the server's settings."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import StoreFailed

if TYPE_CHECKING:
    import sqlalchemy as sa

PREFIX = "OHLORA_"
DATA = Path("data")
FILE = "ohlora.sqlite3"
BACKUPS = "backups"
APPLICATION_ID = 0x4F684C6F  # in the header of the server's SQLite files
BUSY_MILLISECONDS = 10_000


def default_data() -> Path:
    return Path(os.environ.get(f"{PREFIX}DATA", str(DATA)))


def default_database(data: Path) -> str:
    return os.environ.get(f"{PREFIX}DATABASE", "") or f"sqlite:///{data / FILE}"


def open_database(url: str) -> sa.Engine:
    """An engine on the server's database, which must be there and hold memories.

    Raises:
        StoreFailed: there is none, it is another program's, or it is older than memories.
    """
    import sqlalchemy as sa

    try:
        parsed = sa.engine.make_url(url)
        path = Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
        if path is not None:
            _require_ours(path)
        engine = sa.create_engine(url)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise StoreFailed(f"database {url!r} cannot be opened: {error}; write sqlite:///PATH") from None
    if path is not None:
        _configure(engine)
    try:
        with engine.connect() as connection:
            there = sa.inspect(connection).has_table("memories")
    except sa.exc.SQLAlchemyError as error:
        raise StoreFailed(f"database {path or url} cannot be opened: {error.__cause__ or error}") from None
    if not there:
        raise StoreFailed(
            f"database {path or url} holds no memories yet; start the server once, which brings it up to date"
        )
    return engine


def _require_ours(path: Path) -> None:
    if not path.is_file():
        raise StoreFailed(f"there is no database {path}; start the server once, or name another --data or --database")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            application = connection.execute("PRAGMA application_id").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise StoreFailed(f"database {path} cannot be read: {error}") from None
    if application != APPLICATION_ID:
        raise StoreFailed(f"{path} is an SQLite file of another program; name another --database")


def _configure(engine: sa.Engine) -> None:
    import sqlalchemy as sa

    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("secure_delete=ON", "synchronous=FULL", f"busy_timeout={BUSY_MILLISECONDS}"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def backups(engine: sa.Engine) -> Iterator[Path]:
    """Copies that migrations made of an SQLite database before they changed it."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        path = Path(engine.url.database)
        yield from sorted((path.parent / BACKUPS).glob(f"{path.stem}-*-before-*.sqlite3"))


def holds_memories(backup: Path, account: str) -> bool | None:
    """Whether a backup holds memories of the account; None where it cannot be read."""
    try:
        with closing(sqlite3.connect(f"{backup.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'memories'").fetchone():
                return False
            found = connection.execute("SELECT 1 FROM memories WHERE account = ? LIMIT 1", (account,)).fetchone()
            return found is not None
    except sqlite3.DatabaseError:
        return None


def remove_backups(engine: sa.Engine, account: str) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Removes the backups that hold memories of the account.

    Returns:
        Those removed, and those that remain with the reason.
    """
    removed: list[Path] = []
    remaining: list[tuple[Path, str]] = []
    for backup in backups(engine):
        holds = holds_memories(backup, account)
        if holds is False:
            remaining.append((backup, "it holds no memories of the account; its chats are as they were"))
        elif holds is None:
            remaining.append((backup, "it cannot be read; look at it and remove it by hand"))
        else:
            try:
                backup.unlink()
            except OSError as error:
                remaining.append((backup, f"it cannot be removed: {error.strerror or error}"))
            else:
                removed.append(backup)
    return removed, remaining
