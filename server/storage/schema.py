"""Tables as SQLAlchemy Core knows them. `migrations` makes them; a column added here needs a migration there."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("user_name", sa.Text, nullable=False, default=""),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False, default=False),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # "token", or "login": one use, short life
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("expires", sa.Float),
)

chats = sa.Table(
    "chats",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("card", sa.Text, nullable=False),
    sa.Column("card_json", sa.Text),  # the card as it was, for chats whose card is not built in
    sa.Column("character", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("updated", sa.Float, nullable=False),
    sa.Column("active", sa.Text),
    sa.Column("floor_seq", sa.BigInteger, nullable=False, default=0),  # events up to here are pruned
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("chat", sa.Text, sa.ForeignKey("chats.id"), nullable=False),
    sa.Column("parent", sa.Text, sa.ForeignKey("messages.id", deferrable=True, initially="DEFERRED")),
    sa.Column("position", sa.BigInteger, nullable=False),  # order of arrival in the chat
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("emotion", sa.Text),
    sa.Column("strength", sa.Float),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("good", sa.Boolean),
    sa.Column("model", sa.Text),
    sa.Column("turn", sa.Text),
    sa.Column("client_id", sa.Text),
    sa.Column("edited", sa.Boolean, nullable=False, default=False),
    sa.Column("debug", sa.Text),  # JSON: what the prompt held and left out
    sa.Column("error", sa.Text),  # of a failed reply: why, for the user
)

# What a client has asked for under a `client_id`, so that a repeated request is harmless even for retries.
requests = sa.Table(
    "requests",
    metadata,
    sa.Column("chat", sa.Text, sa.ForeignKey("chats.id"), primary_key=True),
    sa.Column("client_id", sa.Text, primary_key=True),
    sa.Column("message", sa.Text, nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("chat", sa.Text, sa.ForeignKey("chats.id"), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("turn", sa.Text),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),  # JSON
)

cards = sa.Table(
    "cards",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("json", sa.Text, nullable=False),
    sa.Column("picture", sa.LargeBinary),
    sa.Column("created", sa.Float, nullable=False),
)
