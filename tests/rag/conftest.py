"""A database with accounts and chats as the server makes them, and an embedder that needs no weights."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from rag.memories import Memories
from rag.memory import Memory
from rag.store import new_id
from server.storage import accounts
from server.storage.database import Database


class Bigrams:
    """A deterministic `Embedder`: texts that share pairs of syllables are alike."""

    def __init__(self, name: str = "bigrams", dimension: int = 256) -> None:
        self.name, self.dimension = name, dimension

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for index in range(len(text) - 1):
                pair = hashlib.blake2b(text[index : index + 2].encode(), digest_size=4).digest()
                row[int.from_bytes(pair, "big") % self.dimension] += 1
            row[0] += 0.01
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows


class House:
    """A database in a folder, with helpers that write what the server would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(f"sqlite:///{folder / 'ohlora.sqlite3'}")
        self.engine = self.database.engine

    def account(self, name: str) -> str:
        return self.write(lambda connection: accounts.add_account(connection, name).id)

    def write(self, job: Callable[[sa.Connection], Any]) -> Any:
        return self.database.write_now(job)

    def read(self, query: Callable[[sa.Connection], Any]) -> Any:
        with self.engine.begin() as connection:
            return query(connection)

    def chat(self, account: str, chat: str, active: str | None = None) -> None:
        sql = (
            "INSERT INTO chats (id, account, title, card, character, created, updated, active)"
            " VALUES (:id, :account, '', '', '', 0, 0, :active)"
        )
        self.write(lambda c: c.execute(sa.text(sql), {"id": chat, "account": account, "active": active}))

    def say(self, chat: str, message: str, parent: str | None, text: str = "x") -> None:
        """A message below ``parent``; the chat's line ends in it."""
        sql = (
            "INSERT INTO messages (id, chat, parent, position, role, text, status, created, edited) VALUES (:id, :chat,"
            " :parent, (SELECT COUNT(*) FROM messages WHERE chat = :chat), 'user', :text, 'complete', 0, FALSE)"
        )
        values = {"id": message, "chat": chat, "parent": parent, "text": text}
        self.write(lambda c: c.execute(sa.text(sql), values))
        self.show(chat, message)

    def show(self, chat: str, leaf: str) -> None:
        update = sa.text("UPDATE chats SET active = :leaf WHERE id = :chat")
        self.write(lambda c: c.execute(update, {"leaf": leaf, "chat": chat}))


def memory(account: str, text: str = "전주에서 산다.", slot: str = "home", **more: Any) -> Memory:
    """A memory with as little as a test cares to say."""
    values: dict[str, Any] = {"chat": None, "message": None, "kind": "fact", "quote": "", "said": time.time()} | more
    return Memory(values.pop("id", new_id()), account, text=text, slot=slot, **values)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.database.close()


Open = Callable[..., Memories]


@pytest.fixture
def open_memories(house: House) -> Iterator[Open]:
    """Opens her memory on the house's database, with the stand-in embedder; closes it after the test."""
    opened: list[Memories] = []

    def begin(embedder: str = "bigrams", **options: Any) -> Memories:
        chosen = {"write": house.write, "load": lambda name: Bigrams(name)} | options
        opened.append(Memories(house.engine, house.folder, embedder=embedder, **chosen))
        return opened[-1]

    yield begin
    for memories in opened:
        memories.close()
