"""Which memories hold where the talk stands: a chat is a tree, and what was said on another branch was never said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import sqlalchemy as sa

from rag.memory import Memory
from rag.schema import memories


@dataclass(frozen=True)
class Tree:
    """The tables in which chats and their messages stand; `SERVER_TREE` has the server's.

    Attributes:
        chats: with the columns ``id``, ``account`` and ``active`` (the last message of the line that is shown).
        messages: with the columns ``id``, ``parent``.
    """

    chats: sa.FromClause
    messages: sa.FromClause


@dataclass(frozen=True)
class Place:
    """Where the talk stands: in ``chat``, after the message ``leaf``."""

    chat: str
    leaf: str


SERVER_TREE = Tree(
    chats=sa.table("chats", sa.column("id"), sa.column("account"), sa.column("active")),
    messages=sa.table("messages", sa.column("id"), sa.column("parent")),
)


def visible_ids(account: str, place: Place | None, tree: Tree = SERVER_TREE) -> sa.Select[tuple[str]]:
    """The query for ids of memories that are not forgotten and stand on a line that counts.

    Of the chat of ``place`` that is the line up to its leaf, of every other chat the line it shows. Only chats that
    hold memories are walked. Memories added by hand always count.
    """
    chats, messages = tree.chats, tree.messages
    holding = sa.select(memories.c.chat).where(memories.c.account == account, memories.c.message.is_not(None))
    leaf: sa.ColumnElement[str] = chats.c.active
    if place is not None:
        leaf = sa.case((chats.c.id == place.chat, place.leaf), else_=chats.c.active)
    line = (
        sa.select(messages.c.id, messages.c.parent)
        .join(chats, messages.c.id == leaf)
        .where(chats.c.account == account, chats.c.id.in_(holding))
        .cte("line", recursive=True)
    )
    above = messages.alias("above")
    line = line.union_all(sa.select(above.c.id, above.c.parent).join(line, above.c.id == line.c.parent))
    on_line = memories.c.message.in_(sa.select(line.c.id))
    return sa.select(memories.c.id).where(
        memories.c.account == account, memories.c.state != "forgotten", sa.or_(memories.c.message.is_(None), on_line)
    )


def line_ids(chat: str, leaf: str, tree: Tree = SERVER_TREE) -> sa.Select[tuple[str]]:
    """The query for ids of memories that are not forgotten and were said in ``chat`` on the line up to ``leaf``."""
    messages = tree.messages
    line = sa.select(messages.c.id, messages.c.parent).where(messages.c.id == leaf).cte("line", recursive=True)
    above = messages.alias("above")
    line = line.union_all(sa.select(above.c.id, above.c.parent).join(line, above.c.id == line.c.parent))
    return sa.select(memories.c.id).where(
        memories.c.chat == chat, memories.c.state != "forgotten", memories.c.message.in_(sa.select(line.c.id))
    )


def leaves(account: str, tree: Tree = SERVER_TREE) -> sa.Select[tuple[str, str]]:
    """The query for the account's chats, each with the last message of the line it shows."""
    return sa.select(tree.chats.c.id, tree.chats.c.active).where(tree.chats.c.account == account)


def settled(visible: Iterable[Memory]) -> list[Memory]:
    """The same memories in the states that hold among them: superseded is only what a visible one took the place of."""
    found = list(visible)
    followers = {old: memory for memory in found for old in memory.supersedes}
    return [_in_state(memory, followers) for memory in found]


def _in_state(memory: Memory, followers: Mapping[str, Memory]) -> Memory:
    state = "superseded" if memory.id in followers else "live"
    if state == memory.state:
        return memory
    until = memory.valid_until
    if not memory.dated:  # the days of an event are its own; of a fact they say until when it was true
        until = date.fromtimestamp(followers[memory.id].said) if state == "superseded" else None
    return replace(memory, state=state, valid_until=until)


def visible(
    connection: sa.Connection, account: str, place: Place | None = None, tree: Tree = SERVER_TREE
) -> list[Memory]:
    """The account's memories that hold at ``place``, oldest first, live and superseded ones."""
    from rag.store import memory_of

    query = sa.select(memories).where(memories.c.id.in_(visible_ids(account, place, tree))).order_by(memories.c.said)
    return settled(memory_of(row) for row in connection.execute(query))
