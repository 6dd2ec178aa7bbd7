"""Tables of her memory. `CREATE_MEMORIES` makes them; the server's migrations run it and never change it afterwards."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

memories = sa.Table(
    "memories",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("chat", sa.Text),
    sa.Column("message", sa.Text),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("slot", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("quote", sa.Text, nullable=False),
    sa.Column("said", sa.Float, nullable=False),
    sa.Column("valid_from", sa.Text),  # YYYY-MM-DD
    sa.Column("valid_until", sa.Text),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("pinned", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("supersedes", sa.Text, nullable=False),  # ids with spaces between them
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("surfaced", sa.Float),
)

# One row per account; the number grows with every change, so that whoever caches sees at once that he is late.
revisions = sa.Table(
    "memory_revisions",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

# Memories that Chroma may know wrongly. Written in the transaction of the change, removed after Chroma has taken it.
outbox = sa.Table(
    "memory_outbox",
    metadata,
    sa.Column("memory", sa.Text, primary_key=True),
    sa.Column("ticket", sa.Text, nullable=False),  # tells a change from one that came while it was carried over
)

# Messages whose memories have not been extracted, or chats whose summary has not been rolled.
jobs = sa.Table(
    "memory_jobs",
    metadata,
    sa.Column("message", sa.Text, primary_key=True),
    sa.Column("task", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("chat", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    sa.Column("not_before", sa.Float, nullable=False),
)

summaries = sa.Table(
    "memory_summaries",
    metadata,
    sa.Column("chat", sa.Text, primary_key=True),
    sa.Column("message", sa.Text, primary_key=True),  # the last one it covers
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
)

CREATE_MEMORIES = [
    """CREATE TABLE memories (
        id TEXT PRIMARY KEY, account TEXT NOT NULL, chat TEXT, message TEXT, kind TEXT NOT NULL, slot TEXT NOT NULL,
        text TEXT NOT NULL, quote TEXT NOT NULL, said DOUBLE PRECISION NOT NULL, valid_from TEXT, valid_until TEXT,
        confidence DOUBLE PRECISION NOT NULL, pinned BOOLEAN NOT NULL, state TEXT NOT NULL, supersedes TEXT NOT NULL,
        source TEXT NOT NULL, surfaced DOUBLE PRECISION)""",
    "CREATE INDEX memories_by_account ON memories (account, state)",
    "CREATE INDEX memories_by_message ON memories (message)",
    "CREATE INDEX memories_by_chat ON memories (chat)",
    "CREATE TABLE memory_revisions (account TEXT PRIMARY KEY, revision BIGINT NOT NULL)",
    "CREATE TABLE memory_outbox (memory TEXT PRIMARY KEY, ticket TEXT NOT NULL)",
    """CREATE TABLE memory_jobs (
        message TEXT NOT NULL, task TEXT NOT NULL, account TEXT NOT NULL, chat TEXT NOT NULL,
        created DOUBLE PRECISION NOT NULL, attempts BIGINT NOT NULL, not_before DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (message, task))""",
    "CREATE INDEX memory_jobs_by_time ON memory_jobs (not_before)",
    """CREATE TABLE memory_summaries (
        chat TEXT NOT NULL, message TEXT NOT NULL, account TEXT NOT NULL, text TEXT NOT NULL,
        created DOUBLE PRECISION NOT NULL, PRIMARY KEY (chat, message))""",
    "CREATE INDEX memory_summaries_by_account ON memory_summaries (account)",
]
"""Plain SQL that SQLite and PostgreSQL both take."""
