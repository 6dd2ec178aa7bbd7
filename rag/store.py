"""Memories in SQL, which is the truth. Every function works inside the caller's transaction.

A change writes three things at once: the memory, the account's revision (caches go stale by it) and an entry in the
outbox (Chroma is brought up to date by it, now or after a crash).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from rag.errors import NoSuchAccount, NoSuchMemory
from rag.memory import Memory
from rag.schema import jobs, memories, outbox, revisions, summaries

BATCH = 500
"""Ids in one statement; databases take some thousands."""


def new_id() -> str:
    return secrets.token_hex(8)


def memory_of(row: Any) -> Memory:
    """The memory in a row of `memories`."""
    values = dict(row._mapping)
    for name in ("valid_from", "valid_until"):
        values[name] = date.fromisoformat(values[name]) if values[name] else None
    values["pinned"] = bool(values["pinned"])
    values["supersedes"] = tuple(values["supersedes"].split())
    return Memory(**values)


def _row(memory: Memory) -> dict[str, Any]:
    values = asdict(memory)
    for name in ("valid_from", "valid_until"):
        values[name] = values[name].isoformat() if values[name] else None
    values["supersedes"] = " ".join(memory.supersedes)
    return values


def _batches(ids: Iterable[str]) -> Iterable[list[str]]:
    every = list(dict.fromkeys(ids))
    return (every[start : start + BATCH] for start in range(0, len(every), BATCH))


def account_id(connection: sa.Connection, name: str) -> str:
    """The id of the account called ``name``.

    Raises:
        NoSuchAccount: there is none.
    """
    accounts = sa.table("accounts", sa.column("id"), sa.column("name"))
    found = connection.execute(sa.select(accounts.c.id).where(accounts.c.name == name)).scalar()
    if found is None:
        raise NoSuchAccount(f"there is no account {name!r}; 'python -m server account list' shows those there are")
    return str(found)


# --- reading


def get(connection: sa.Connection, account: str, memory: str) -> Memory:
    """One memory of the account.

    Raises:
        NoSuchMemory: there is none of this id, it is another account's, or it was forgotten.
    """
    row = connection.execute(
        sa.select(memories).where(
            memories.c.id == memory, memories.c.account == account, memories.c.state != "forgotten"
        )
    ).first()
    if row is None:
        raise NoSuchMemory(f"there is no memory {memory!r}; it may have been forgotten. 'list' shows those there are")
    return memory_of(row)


def by_ids(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Memory]:
    """Memories by id, forgotten ones too; unknown ids are left out."""
    found = {}
    for batch in _batches(ids):
        for row in connection.execute(sa.select(memories).where(memories.c.id.in_(batch))):
            found[row.id] = memory_of(row)
    return found


def all_of(connection: sa.Connection, account: str) -> list[Memory]:
    """Every memory of the account on whatever branch, oldest first, without forgotten ones."""
    query = sa.select(memories).where(memories.c.account == account, memories.c.state != "forgotten")
    return [memory_of(row) for row in connection.execute(query.order_by(memories.c.said, memories.c.id))]


def of_chat(connection: sa.Connection, account: str, chat: str) -> list[Memory]:
    """Memories that were said in a chat, on whatever branch, oldest first, without forgotten ones."""
    query = sa.select(memories).where(
        memories.c.chat == chat, memories.c.account == account, memories.c.state != "forgotten"
    )
    return [memory_of(row) for row in connection.execute(query.order_by(memories.c.said, memories.c.id))]


def stamps(connection: sa.Connection, account: str) -> dict[str, str]:
    """What stands of each of the account's memories, as one string by id, oldest first, without forgotten ones."""
    changing = (
        "state",
        "text",
        "quote",
        "kind",
        "slot",
        "valid_from",
        "valid_until",
        "pinned",
        "confidence",
        "supersedes",
    )
    parts = [sa.func.coalesce(sa.cast(memories.c[name], sa.Text), "") for name in changing]
    stamp: sa.ColumnElement[str] = parts[0]
    for part in parts[1:]:
        stamp = stamp + sa.literal("\x1f") + part
    query = sa.select(memories.c.id, stamp).where(memories.c.account == account, memories.c.state != "forgotten")
    return {row[0]: row[1] for row in connection.execute(query.order_by(memories.c.said, memories.c.id))}


def large_accounts(connection: sa.Connection, least: int) -> list[str]:
    """Accounts with at least so many memories that are not forgotten."""
    query = sa.select(memories.c.account).where(memories.c.state != "forgotten").group_by(memories.c.account)
    return [str(account) for account in connection.scalars(query.having(sa.func.count() >= least))]


def revision(connection: sa.Connection, account: str) -> int:
    """Grows with every change to the account's memories; 0 before the first."""
    found = connection.execute(sa.select(revisions.c.revision).where(revisions.c.account == account)).scalar()
    return int(found or 0)


def forgotten_from(connection: sa.Connection, message: str) -> bool:
    """Whether something said in ``message`` was forgotten on purpose: then nothing is taken from it again."""
    query = sa.select(memories.c.id).where(memories.c.message == message, memories.c.state == "forgotten")
    return connection.execute(query.limit(1)).first() is not None


# --- writing


def _changed(connection: sa.Connection, account: str, ids: Iterable[str]) -> None:
    for batch in _batches(ids):
        connection.execute(outbox.delete().where(outbox.c.memory.in_(batch)))
        connection.execute(outbox.insert(), [{"memory": memory, "ticket": new_id()} for memory in batch])
    grown = connection.execute(
        revisions.update().where(revisions.c.account == account).values(revision=revisions.c.revision + 1)
    )
    if not grown.rowcount:
        connection.execute(revisions.insert().values(account=account, revision=1))


def insert(connection: sa.Connection, memory: Memory) -> Memory:
    """Stores a new memory; what it supersedes becomes superseded."""
    connection.execute(memories.insert().values(**_row(memory)))
    for old in memory.supersedes:
        _supersede(connection, old, date.fromtimestamp(memory.said))
    _changed(connection, memory.account, [memory.id, *memory.supersedes])
    return memory


def _supersede(connection: sa.Connection, memory: str, day: date) -> None:
    row = connection.execute(sa.select(memories).where(memories.c.id == memory)).first()
    if row is None or row.state == "forgotten":
        return
    values: dict[str, Any] = {"state": "superseded"}
    if not memory_of(row).dated:
        values["valid_until"] = day.isoformat()
    connection.execute(memories.update().where(memories.c.id == memory).values(**values))


def update(connection: sa.Connection, memory: Memory) -> Memory:
    """Writes all fields of a memory that is there already."""
    connection.execute(memories.update().where(memories.c.id == memory.id).values(**_row(memory)))
    _changed(connection, memory.account, [memory.id])
    return memory


def pin(connection: sa.Connection, account: str, memory: str, pinned: bool = True) -> Memory:
    """Raises: NoSuchMemory."""
    return update(connection, replace(get(connection, account, memory), pinned=pinned))


def surfaced(connection: sa.Connection, account: str, ids: Iterable[str], now: float) -> None:
    """She was reminded of these by their date; only the time is noted, so no index and no cache goes stale."""
    for batch in _batches(ids):
        connection.execute(
            memories.update().where(memories.c.id.in_(batch), memories.c.account == account).values(surfaced=now)
        )


_WIPED = {
    "text": "", "quote": "", "slot": "other", "kind": "fact", "valid_from": None, "valid_until": None, "state": "forgotten",
    "supersedes": "", "pinned": False, "confidence": 0.0, "surfaced": None,
}  # fmt: skip


def _wipe(connection: sa.Connection, found: Sequence[Memory]) -> None:
    """Words and dates go; id and message stay, so that the same message does not bring it back."""
    for batch in _batches(memory.id for memory in found):
        connection.execute(memories.update().where(memories.c.id.in_(batch)).values(**_WIPED))
    for account in {memory.account for memory in found}:
        _changed(connection, account, [memory.id for memory in found if memory.account == account])
    chats = {memory.chat for memory in found if memory.chat is not None}
    _drop_summaries(connection, chats)


def _drop_summaries(connection: sa.Connection, chats: Iterable[str]) -> None:
    for batch in _batches(chats):  # a summary may tell what is to be forgotten; it is written anew when needed
        connection.execute(summaries.delete().where(summaries.c.chat.in_(batch)))


def forget(connection: sa.Connection, account: str, ids: Iterable[str]) -> list[str]:
    """Forgets memories because the user wants it: also what they superseded, which would come to light again.

    Returns:
        Ids of all that is forgotten now. Unknown ids and those of other accounts are left out.
    """
    found: dict[str, Memory] = {}
    wanted: set[str] = set(ids)
    while wanted:
        more = {m.id: m for m in by_ids(connection, wanted).values() if m.account == account and m.state != "forgotten"}
        found |= more
        wanted = {old for memory in more.values() for old in memory.supersedes} - set(found)
    _wipe(connection, list(found.values()))
    return list(found)


def forget_messages(connection: sa.Connection, ids: Iterable[str]) -> list[str]:
    """Takes along the memories of messages that are deleted; what they had superseded holds again.

    Also removes the messages' pending jobs and the summaries of their chats. Call it in the transaction that deletes
    the messages, before or after.

    Returns:
        Ids of the memories that are gone; they leave no row behind.
    """
    gone: dict[str, Memory] = {}
    chats: set[str] = set()
    for batch in _batches(ids):
        for row in connection.execute(sa.select(memories).where(memories.c.message.in_(batch))):
            gone[row.id] = memory_of(row)
        for table in (summaries, jobs):
            chats |= set(connection.execute(sa.select(table.c.chat).where(table.c.message.in_(batch))).scalars())
        connection.execute(jobs.delete().where(jobs.c.message.in_(batch)))
    chats |= {memory.chat for memory in gone.values() if memory.chat is not None}
    _drop_summaries(connection, chats)
    _remove(connection, gone)
    return list(gone)


def _remove(connection: sa.Connection, gone: dict[str, Memory]) -> None:
    for batch in _batches(gone):
        connection.execute(memories.delete().where(memories.c.id.in_(batch)))
    for account in {memory.account for memory in gone.values()}:
        _changed(connection, account, [memory.id for memory in gone.values() if memory.account == account])
    superseded = by_ids(connection, (old for memory in gone.values() for old in memory.supersedes))
    for old in superseded.values():
        if old.state == "superseded" and not _is_followed(connection, old):
            update(connection, replace(old, state="live", valid_until=old.valid_until if old.dated else None))


def _is_followed(connection: sa.Connection, memory: Memory) -> bool:
    query = sa.select(memories.c.supersedes).where(
        memories.c.account == memory.account, memories.c.supersedes.contains(memory.id, autoescape=True)
    )
    return connection.execute(query.limit(1)).first() is not None


def forget_chat(connection: sa.Connection, chat: str) -> list[str]:
    """Takes along all memories, jobs and summaries of a chat that is deleted; returns ids of the memories."""
    gone = {row.id: memory_of(row) for row in connection.execute(sa.select(memories).where(memories.c.chat == chat))}
    for table in (jobs, summaries):
        connection.execute(table.delete().where(table.c.chat == chat))
    _remove(connection, gone)
    return list(gone)


def forget_account(connection: sa.Connection, account: str) -> int:
    """Removes every trace of the account's memories: rows, jobs and summaries; returns how many memories there were."""
    ids = list(connection.execute(sa.select(memories.c.id).where(memories.c.account == account)).scalars())
    live = connection.execute(
        sa.select(sa.func.count()).where(memories.c.account == account, memories.c.state != "forgotten")
    ).scalar_one()
    connection.execute(memories.delete().where(memories.c.account == account))
    for table in (jobs, summaries):
        connection.execute(table.delete().where(table.c.account == account))
    _changed(connection, account, ids)
    return int(live)


# --- what Chroma has yet to be told


def outbox_entries(connection: sa.Connection, limit: int = BATCH) -> dict[str, str]:
    """Ticket by memory id, of changes that Chroma may not know yet."""
    query = sa.select(outbox.c.memory, outbox.c.ticket).limit(limit)
    return {row.memory: row.ticket for row in connection.execute(query)}


def outbox_size(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one())


def clear_outbox(connection: sa.Connection, done: dict[str, str]) -> None:
    """Removes entries that Chroma has taken, unless the memory has changed again since."""
    for memory, ticket in done.items():
        connection.execute(outbox.delete().where(outbox.c.memory == memory, outbox.c.ticket == ticket))


def indexed(connection: sa.Connection, after: str = "", limit: int = 2000) -> list[Memory]:
    """Memories that belong into Chroma (all but forgotten ones) with ids greater than ``after``, by id."""
    query = sa.select(memories).where(memories.c.id > after, memories.c.state != "forgotten")
    return [memory_of(row) for row in connection.execute(query.order_by(memories.c.id).limit(limit))]


# --- pending work


@dataclass(frozen=True)
class Job:
    """Work that is due after a message: ``extract`` its memories, or roll the ``summary`` of its line.

    Attributes:
        attempts: how often it was postponed.
    """

    message: str
    task: str
    account: str
    chat: str
    created: float
    attempts: int


def enqueue(
    connection: sa.Connection, account: str, chat: str, message: str, task: str = "extract", now: float | None = None
) -> None:
    """Notes work, in the transaction that stores the reply; noting it twice is harmless."""
    query = sa.select(jobs.c.message).where(jobs.c.message == message, jobs.c.task == task)
    if connection.execute(query).first() is None:
        created = time.time() if now is None else now
        connection.execute(
            jobs.insert().values(
                message=message, task=task, account=account, chat=chat, created=created, attempts=0, not_before=0.0
            )
        )


def next_jobs(connection: sa.Connection, limit: int = 10, now: float | None = None) -> list[Job]:
    """The oldest work that is due."""
    due = jobs.c.not_before <= (time.time() if now is None else now)
    query = sa.select(jobs).where(due).order_by(jobs.c.created, jobs.c.message).limit(limit)
    return [
        Job(row.message, row.task, row.account, row.chat, row.created, row.attempts)
        for row in connection.execute(query)
    ]


def finish(connection: sa.Connection, message: str, task: str = "extract") -> None:
    """The work is done; call it in the transaction that stores its result."""
    connection.execute(jobs.delete().where(jobs.c.message == message, jobs.c.task == task))


def postpone(connection: sa.Connection, message: str, task: str = "extract", seconds: float = 60.0) -> None:
    """It could not be done; it is due again after ``seconds``."""
    connection.execute(
        jobs.update()
        .where(jobs.c.message == message, jobs.c.task == task)
        .values(attempts=jobs.c.attempts + 1, not_before=time.time() + seconds)
    )


# --- rolling summaries


@dataclass(frozen=True)
class Summary:
    """What was said on a line up to and with ``message``."""

    chat: str
    message: str
    text: str


def put_summary(connection: sa.Connection, account: str, summary: Summary) -> None:
    """Stores a summary; one of the same last message is replaced."""
    same = sa.and_(summaries.c.chat == summary.chat, summaries.c.message == summary.message)
    connection.execute(summaries.delete().where(same))
    connection.execute(summaries.insert().values(**asdict(summary), account=account, created=time.time()))


def summary_of(connection: sa.Connection, account: str, chat: str, line: Sequence[str]) -> Summary | None:
    """The summary that covers most of a line.

    Args:
        line: ids of the messages of the line, first to last.
    """
    order = {message: index for index, message in enumerate(line)}
    rows = connection.execute(
        sa.select(summaries).where(summaries.c.chat == chat, summaries.c.account == account)
    ).all()
    found = [row for row in rows if row.message in order]
    best = max(found, key=lambda row: order[row.message], default=None)
    return None if best is None else Summary(chat, best.message, best.text)
