"""Ordered, named migrations. Append to `MIGRATIONS`; never change one that has been released."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from rag.schema import CREATE_MEMORIES
from server.errors import StorageError

# Plain SQL that SQLite and PostgreSQL both take.
Migration = tuple[str, Sequence[str]]

MIGRATIONS: list[Migration] = [
    (
        "0001_talk",
        [
            """CREATE TABLE accounts (
                id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, user_name TEXT NOT NULL DEFAULT '',
                created DOUBLE PRECISION NOT NULL, disabled BOOLEAN NOT NULL DEFAULT FALSE)""",
            """CREATE TABLE tokens (
                hash TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id), kind TEXT NOT NULL,
                created DOUBLE PRECISION NOT NULL, expires DOUBLE PRECISION)""",
            """CREATE TABLE chats (
                id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id), title TEXT NOT NULL,
                card TEXT NOT NULL, card_json TEXT, character TEXT NOT NULL,
                created DOUBLE PRECISION NOT NULL, updated DOUBLE PRECISION NOT NULL, active TEXT,
                floor_seq BIGINT NOT NULL DEFAULT 0)""",
            "CREATE INDEX chats_by_account ON chats (account, updated)",
            """CREATE TABLE messages (
                id TEXT PRIMARY KEY, chat TEXT NOT NULL REFERENCES chats (id),
                parent TEXT REFERENCES messages (id) DEFERRABLE INITIALLY DEFERRED, position BIGINT NOT NULL,
                role TEXT NOT NULL, text TEXT NOT NULL, status TEXT NOT NULL, emotion TEXT, strength DOUBLE PRECISION,
                created DOUBLE PRECISION NOT NULL, good BOOLEAN, model TEXT, turn TEXT, client_id TEXT,
                edited BOOLEAN NOT NULL DEFAULT FALSE, debug TEXT, UNIQUE (chat, position))""",
            "CREATE INDEX messages_by_parent ON messages (parent)",
            "CREATE INDEX messages_live ON messages (status) WHERE status = 'live'",
            """CREATE TABLE requests (
                chat TEXT NOT NULL REFERENCES chats (id), client_id TEXT NOT NULL, message TEXT NOT NULL,
                PRIMARY KEY (chat, client_id))""",
            """CREATE TABLE events (
                chat TEXT NOT NULL REFERENCES chats (id), seq BIGINT NOT NULL, turn TEXT, type TEXT NOT NULL,
                data TEXT NOT NULL, PRIMARY KEY (chat, seq))""",
            """CREATE TABLE cards (
                id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id), name TEXT NOT NULL,
                json TEXT NOT NULL, picture BLOB, created DOUBLE PRECISION NOT NULL)""",
        ],
    ),
    ("0002_errors", ["ALTER TABLE messages ADD COLUMN error TEXT"]),
    ("0003_memory", CREATE_MEMORIES),
    (
        "0004_conduct",
        [
            "ALTER TABLE accounts ADD COLUMN operator BOOLEAN NOT NULL DEFAULT FALSE",
            # Neither chat nor message is a reference: what was decided outlives both.
            """CREATE TABLE decisions (
                id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id), chat TEXT NOT NULL,
                message TEXT NOT NULL UNIQUE, text TEXT NOT NULL, normalized TEXT NOT NULL, category TEXT NOT NULL,
                score DOUBLE PRECISION NOT NULL, severity BIGINT NOT NULL, rule TEXT NOT NULL, step TEXT NOT NULL,
                again BOOLEAN NOT NULL, until DOUBLE PRECISION, clean BIGINT NOT NULL, created DOUBLE PRECISION NOT NULL,
                state TEXT NOT NULL, decided DOUBLE PRECISION, decided_by TEXT, appeal TEXT, appealed DOUBLE PRECISION,
                answer TEXT, forgiven DOUBLE PRECISION, met_again DOUBLE PRECISION, memory TEXT, revision BIGINT NOT NULL)""",
            "CREATE INDEX decisions_by_account ON decisions (account, created)",
            "CREATE INDEX decisions_by_chat ON decisions (chat)",
            "CREATE INDEX decisions_by_time ON decisions (created)",
            "CREATE INDEX decisions_by_revision ON decisions (revision)",
            "CREATE TABLE conduct_counts (account TEXT PRIMARY KEY REFERENCES accounts (id), clean BIGINT NOT NULL)",
        ],
    ),
    (
        "0005_taste",
        [
            """CREATE TABLE face_ratings (
                account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, face TEXT NOT NULL, latent TEXT NOT NULL,
                attributes TEXT NOT NULL, rating BIGINT NOT NULL, created DOUBLE PRECISION NOT NULL,
                PRIMARY KEY (account, face))""",
            """CREATE TABLE face_choices (
                account TEXT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE, face TEXT NOT NULL,
                latent TEXT NOT NULL, attributes TEXT NOT NULL, created DOUBLE PRECISION NOT NULL)""",
        ],
    ),
]


def applied(connection: sa.Connection) -> list[str]:
    """Names of the migrations this database has had, in order; empty for a new one."""
    if not sa.inspect(connection).has_table("migrations"):
        return []
    return [row.name for row in connection.execute(sa.text("SELECT name FROM migrations ORDER BY name"))]


def pending(connection: sa.Connection) -> list[Migration]:
    """Migrations still to come.

    Raises:
        StorageError: the database has had a migration this program does not know.
    """
    done = applied(connection)
    known = [name for name, _ in MIGRATIONS]
    if unknown := [name for name in done if name not in known]:
        raise StorageError(
            f"the database was written by a newer version of ohlora (migration {unknown[0]}); update the program"
        )
    return [migration for migration in MIGRATIONS if migration[0] not in done]


def migrate(connection: sa.Connection, before: Callable[[str], None] = lambda name: None) -> list[str]:
    """Applies what is pending, all in the caller's transaction; returns the names applied.

    Args:
        connection: inside a transaction, which is rolled back if a statement fails.
        before: called once with the first pending name before anything is changed (the place for a backup).
    """
    todo = pending(connection)
    if todo:
        before(todo[0][0])
        connection.execute(
            sa.text("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied DOUBLE PRECISION NOT NULL)")
        )
    for name, statements in todo:
        for statement in statements:
            connection.execute(sa.text(statement))
        connection.execute(
            sa.text("INSERT INTO migrations (name, applied) VALUES (:name, :now)"), {"name": name, "now": time.time()}
        )
    return [name for name, _ in todo]
