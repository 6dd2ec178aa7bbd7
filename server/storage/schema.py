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
    sa.Column("operator", sa.Boolean, nullable=False, default=False),
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

# What was objected to, and what followed. Chat and message may be deleted; a decision stays.
decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("chat", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False, unique=True),  # a message counts once
    sa.Column("text", sa.Text, nullable=False),  # empty once its time has passed or the user has deleted it
    sa.Column("normalized", sa.Text, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("severity", sa.BigInteger, nullable=False),  # 1 mild, 2 grave, 3 extreme
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),  # warn, ban or care
    sa.Column("again", sa.Boolean, nullable=False),  # something in the category had gone before
    sa.Column("until", sa.Float),  # of a ban: its end; none: for ever
    sa.Column("clean", sa.BigInteger, nullable=False),  # messages without objection before it
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # given, upheld or lifted
    sa.Column("decided", sa.Float),
    sa.Column("decided_by", sa.Text),
    sa.Column("appeal", sa.Text),
    sa.Column("appealed", sa.Float),
    sa.Column("answer", sa.Text),
    sa.Column("forgiven", sa.Float),
    sa.Column("met_again", sa.Float),  # of a ban that is over: when they first talked again
    sa.Column("memory", sa.Text),  # hers of the warning
    sa.Column("revision", sa.BigInteger, nullable=False),  # grows with every change to any decision
)

# Messages without objection since an account's first decision.
conduct_counts = sa.Table(
    "conduct_counts",
    metadata,
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("clean", sa.BigInteger, nullable=False),
)

# How an account liked faces that it was offered. They go with the account.
face_ratings = sa.Table(
    "face_ratings",
    metadata,
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("face", sa.Text, primary_key=True),
    sa.Column("latent", sa.Text, nullable=False),  # JSON list of numbers
    sa.Column("attributes", sa.Text, nullable=False),  # JSON: hair and scene
    sa.Column("rating", sa.BigInteger, nullable=False),  # 1 … 5
    sa.Column("created", sa.Float, nullable=False),
)

# The face an account has chosen for her; none: the one that comes with the weights.
face_choices = sa.Table(
    "face_choices",
    metadata,
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("face", sa.Text, nullable=False),
    sa.Column("latent", sa.Text, nullable=False),
    sa.Column("attributes", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
)
