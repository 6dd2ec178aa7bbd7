"""Memories as JSON Lines: a header, then one memory per line. A file is taken in whole or not at all."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rag import store
from rag.errors import BadMemory, ImportRejected
from rag.memory import (
    MAX_QUOTE,
    SOURCES,
    STATES,
    Memory,
    checked_kind,
    checked_slot,
    checked_text,
    normalise,
    parse_day,
)
from rag.visibility import SERVER_TREE, Tree

HEADER = {"ohlora": "memories", "version": 1}
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_BYTES = 64 << 20
MAX_LINE = 64 << 10
MAX_MEMORIES = 100_000
MAX_AHEAD_SECONDS = 86_400.0
FIELDS = (
    "id", "chat", "message", "kind", "slot", "text", "quote", "said", "valid_from", "valid_until", "confidence", "pinned",
    "state", "supersedes", "source",
)  # fmt: skip


def to_json(memory: Memory) -> dict[str, Any]:
    """A memory as JSON-able values; days as ``YYYY-MM-DD``, ``said`` in seconds since 1970."""
    values: dict[str, Any] = {name: getattr(memory, name) for name in FIELDS}
    for name in ("valid_from", "valid_until"):
        values[name] = values[name].isoformat() if values[name] else None
    values["supersedes"] = list(memory.supersedes)
    return values


def export(memories: Iterable[Memory]) -> Iterator[str]:
    """The lines of a file, without line ends."""
    yield json.dumps(HEADER)
    for memory in memories:
        yield json.dumps(to_json(memory), ensure_ascii=False)


def read(path: Path, account: str, *, detached: bool = False) -> list[Memory]:
    """The memories in a file, every field checked; nothing is stored.

    Args:
        detached: drop chats and messages: the memories then count as added by hand, for a file of another server.

    Raises:
        ImportRejected: names file, line and fault.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ImportRejected(f"{path} has {path.stat().st_size >> 20} MiB; at most {MAX_BYTES >> 20} MiB are read")
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise ImportRejected(f"{path} cannot be read: {error.strerror or error}") from None
    if len(lines) > MAX_MEMORIES + 2:
        raise ImportRejected(f"{path} has {len(lines)} lines; at most {MAX_MEMORIES} memories are read")
    found: dict[str, Memory] = {}
    for number, line in enumerate(lines, 1):
        place = f"{path} line {number}"
        if number == 1:
            header = _object(line, place)
            if header.get("ohlora") != HEADER["ohlora"]:
                raise ImportRejected(f"{path} is no file of memories: its first line should be {json.dumps(HEADER)}")
            if header.get("version") != HEADER["version"]:
                raise ImportRejected(f"{path} was written by another version of ohlora; update the program")
        elif line.strip():
            memory = _memory(_object(line, place), account, place, detached)
            if memory.id in found:
                raise ImportRejected(f"{place}: id {memory.id!r} stands there twice")
            found[memory.id] = memory
    for memory in found.values():
        if unknown := [old for old in memory.supersedes if old not in found]:
            raise ImportRejected(f"{path}: memory {memory.id!r} supersedes {unknown[0]!r}, which is not in the file")
    return list(found.values())


def _object(line: bytes, place: str) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise ImportRejected(f"{place} has {len(line)} bytes; at most {MAX_LINE} are read")
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise ImportRejected(f"{place} is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise ImportRejected(f"{place} is not JSON") from None
    if not isinstance(value, dict):
        raise ImportRejected(f"{place} is no JSON object")
    return value


def _memory(row: dict[str, Any], account: str, place: str, detached: bool) -> Memory:
    def text(name: str, longest: int, *, may_lack: bool = False) -> str:
        value = row.get(name)
        if value is None and may_lack:
            return ""
        if not isinstance(value, str) or len(value) > longest:
            raise ImportRejected(f"{place}: {name!r} should be text of at most {longest} characters")
        return value

    def identifier(value: Any, name: str) -> str:
        if not isinstance(value, str) or not _ID.fullmatch(value):
            raise ImportRejected(f"{place}: {name!r} {str(value)[:40]!r} is no id")
        return value

    def number(name: str, low: float, high: float, default: float) -> float:
        value = row.get(name, default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
            or not low <= value <= high
        ):
            raise ImportRejected(f"{place}: {name!r} {str(value)[:40]!r} should be a number from {low:g} to {high:g}")
        return float(value)

    def one_of(name: str, allowed: tuple[str, ...], default: str) -> str:
        value = row.get(name, default)
        if value not in allowed:
            raise ImportRejected(f"{place}: {name!r} {str(value)[:40]!r} should be one of {', '.join(allowed)}")
        return str(value)

    if unknown := set(row) - set(FIELDS):
        raise ImportRejected(f"{place}: there is no field {sorted(unknown)[0]!r} in a memory")
    supersedes = row.get("supersedes", [])
    if not isinstance(supersedes, list) or not isinstance(row.get("pinned", False), bool):
        raise ImportRejected(f"{place}: 'supersedes' should be a list of ids, 'pinned' true or false")
    try:
        first, last = parse_day(row.get("valid_from"), "valid_from"), parse_day(row.get("valid_until"), "valid_until")
        kind, slot = checked_kind(text("kind", 40)), checked_slot(text("slot", 40))
        words = checked_text(text("text", 10_000))
    except BadMemory as error:
        raise ImportRejected(f"{place}: {error}") from None
    if first and last and last < first and kind == "event":
        raise ImportRejected(f"{place}: valid_until {last} lies before valid_from {first}")
    there = row.get("chat") is not None and row.get("message") is not None and not detached
    return Memory(
        identifier(row.get("id"), "id"), account,
        identifier(row["chat"], "chat") if there else None, identifier(row["message"], "message") if there else None,
        kind, slot, words, normalise(text("quote", MAX_QUOTE, may_lack=True)),
        number("said", 0, time.time() + MAX_AHEAD_SECONDS, time.time()), first, last, number("confidence", 0, 1, 1.0),
        row.get("pinned", False), one_of("state", tuple(s for s in STATES if s != "forgotten"), "live"),
        tuple(identifier(old, "supersedes") for old in supersedes), one_of("source", SOURCES, "hand"),
    )  # fmt: skip


def take_in(connection: sa.Connection, found: Iterable[Memory], tree: Tree = SERVER_TREE) -> tuple[int, int]:
    """Stores memories that were read, in the caller's transaction.

    Returns:
        How many were new, and how many were there already.

    Raises:
        ImportRejected: an id is another account's, was forgotten, or names a chat or message that is not the account's.
    """
    wanted, new, known = list(found), [], 0
    there = store.by_ids(connection, (memory.id for memory in wanted))
    for memory in wanted:
        old = there.get(memory.id)
        if old is None:
            new.append(memory)
        elif old.account != memory.account:
            raise ImportRejected(f"memory {memory.id!r} is another account's")
        elif old.state == "forgotten":
            raise ImportRejected(f"memory {memory.id!r} was forgotten on purpose; take it out of the file")
        else:
            known += 1
    for memory in new:
        if memory.message is not None and not _is_message(connection, memory, tree):
            raise ImportRejected(
                f"memory {memory.id!r} names message {memory.message!r} of chat {memory.chat!r}, which the account does "
                "not have; import with --detached to drop where it was said"
            )
        store.insert(connection, memory)
    return len(new), known


def _is_message(connection: sa.Connection, memory: Memory, tree: Tree) -> bool:
    messages = sa.table("messages", sa.column("id"), sa.column("chat")) if tree is SERVER_TREE else tree.messages
    query = sa.select(messages.c.id).join(tree.chats, tree.chats.c.id == messages.c.chat)
    query = query.where(
        messages.c.id == memory.message, messages.c.chat == memory.chat, tree.chats.c.account == memory.account
    )
    return connection.execute(query).first() is not None
