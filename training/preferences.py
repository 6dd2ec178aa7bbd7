"""Replies that are labelled good or bad: written ones (`training/data/preferences`), and a server's 👍 and 👎."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from character.card import Card
from character.emotion import EMOTIONS, format_tag
from character.prompt import TurnContext, system_message, turn_note
from training.dialogues import NOW, REPLY, held_out
from training.errors import TrainingError
from training.sft import moment
from training.tasks import Message, read_jsonl

if TYPE_CHECKING:
    import sqlalchemy as sa

WRITTEN = Path(__file__).parent / "data" / "preferences"
REASONS = (
    "speech_level persona invented_past repetition parrot weekday broken_tag flattery ignores claims boundary form "
    "own_model"
).split()


@dataclass(frozen=True)
class Labelled:
    """One labelled reply.

    Attributes:
        title: names the moment; those of one moment are held out together.
        prompt: the chat before it, as the server would show it.
        reply: her reply with its tag, as a model writes it.
        good: whether she should talk like that.
        reason: what is wrong with a bad one, where that is known.
    """

    title: str
    prompt: tuple[tuple[str, str], ...]
    reply: str
    good: bool
    reason: str = ""

    @property
    def held_out(self) -> bool:
        return held_out(self.title)

    @property
    def messages(self) -> list[Message]:
        return [{"role": role, "content": content} for role, content in self.prompt]


@dataclass(frozen=True)
class Moment:
    """A written moment with its good and bad replies; see `training/data/FORMAT.md`."""

    title: str
    now: str
    user_name: str
    memories: tuple[str, ...]
    history: tuple[tuple[str, str], ...]
    user: str
    good: tuple[str, ...]
    bad: tuple[tuple[str, str], ...]

    def labelled(self, card: Card, rng: random.Random) -> list[Labelled]:
        """Its replies, each with the prompt the server would have made."""
        context = TurnContext(now=moment(self.now, rng), user_name=self.user_name)
        prompt = [("system", system_message(card, context))]
        for user, reply in self.history:
            prompt += [("user", user), ("assistant", reply)]
        if note := turn_note(memories=self.memories):
            prompt.append(("system", note))
        prompt.append(("user", self.user))
        replies = [(reply, True, "") for reply in self.good] + [(reply, False, why) for why, reply in self.bad]
        return [Labelled(self.title, tuple(prompt), reply, good, why) for reply, good, why in replies]


def reply_of(text: object, place: str) -> str:
    """A reply as the model writes it, from ``emotion strength: words`` or ``raw:…``."""
    if isinstance(text, str) and text.startswith("raw:"):
        return text[4:].strip()
    match = REPLY.fullmatch(f"A {text}") if isinstance(text, str) else None
    if match is None or match[1] not in EMOTIONS or not 0 < float(match[2]) <= 1:
        raise TrainingError(f"{place}: a reply reads 'emotion strength: words' or 'raw:…', not {str(text)[:60]!r}")
    return f"{format_tag(match[1], float(match[2]))} {match[3].strip()}"


def _list(row: dict[str, Any], key: str, place: str) -> list[Any]:
    value = row.get(key, [])
    if not isinstance(value, list):
        raise TrainingError(f"{place}: {key!r} must be a list")
    return value


def _strings(row: dict[str, Any], key: str, place: str) -> tuple[str, ...]:
    value = _list(row, key, place)
    if not all(isinstance(text, str) for text in value):
        raise TrainingError(f"{place}: {key!r} must be a list of texts")
    return tuple(value)


def _pairs(row: dict[str, Any], key: str, place: str) -> list[tuple[str, str]]:
    value = _list(row, key, place)
    if not all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in value):
        raise TrainingError(f"{place}: {key!r} must be a list of pairs of texts")
    return [(first, second) for first, second in value]


def parse_moment(row: dict[str, Any], place: str) -> Moment:
    """Reads one line of the preference format.

    Raises:
        TrainingError: what is wrong with which field.
    """
    for key in ("title", "user"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise TrainingError(f"{place}: {key!r} must be text")
    now, name = row.get("now", ""), row.get("user_name", "")
    if now and (not isinstance(now, str) or not NOW.fullmatch(now)):
        raise TrainingError(f"{place}: 'now' reads like '금요일 밤 10시', not {now!r}")
    if not isinstance(name, str):
        raise TrainingError(f"{place}: 'user_name' must be text")
    bad = _pairs(row, "bad", place)
    for reason, _ in bad:
        if reason not in REASONS:
            raise TrainingError(f"{place}: the reason {reason!r} is none of {' '.join(REASONS)}")
    good = tuple(reply_of(text, place) for text in _list(row, "good", place))
    if not good and not bad:
        raise TrainingError(f"{place}: neither a good nor a bad reply")
    return Moment(
        title=row["title"],
        now=now,
        user_name=name,
        memories=_strings(row, "memories", place),
        history=tuple((user, reply_of(reply, place)) for user, reply in _pairs(row, "history", place)),
        user=row["user"],
        good=good,
        bad=tuple((reason, reply_of(reply, place)) for reason, reply in bad),
    )


def load_moments(path: Path = WRITTEN) -> list[Moment]:
    """All moments of a ``.jsonl`` file or of every one in a folder.

    Raises:
        TrainingError: names file, line and fault; or there is none.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    moments = [parse_moment(row, place) for file in files for place, row in read_jsonl(file)]
    if not moments:
        raise TrainingError(f"{path} holds no labelled replies; training/data/FORMAT.md shows the format")
    return moments


def load_labelled(path: Path, card: Card, seed: int) -> list[Labelled]:
    """The labelled replies of a file or folder, with their prompts."""
    rng = random.Random(seed)
    return [labelled for moment_ in load_moments(path) for labelled in moment_.labelled(card, rng)]


def from_feedback(database: str, *, account: str | None = None) -> list[Labelled]:
    """The replies that users of a server marked 👍 or 👎, each with the talk before it.

    The server may be running: nothing is written.

    Args:
        database: path of the SQLite file, or a database URL.
        account: only what this account marked.

    Raises:
        TrainingError: there is no such database, or it is none of ours.
    """
    import sqlalchemy as sa

    url = database if "://" in database else f"sqlite:///file:{Path(database).resolve()}?mode=ro&uri=true"
    if "://" not in database and not Path(database).is_file():
        raise TrainingError(f"{database} does not exist; name the server's database, usually data/ohlora.sqlite3")
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return _marked(connection, account)
    except sa.exc.SQLAlchemyError as error:
        raise TrainingError(f"{database} is no database of this server: {str(error).splitlines()[0]}") from None
    finally:
        engine.dispose()


def _marked(connection: sa.Connection, account: str | None) -> list[Labelled]:
    import sqlalchemy as sa

    from server.cards import card_of_chat

    query = """
        SELECT m.id, m.chat, m.parent, m.text, m.emotion, m.strength, m.good, m.created, c.card_json, a.user_name
        FROM messages m JOIN chats c ON c.id = m.chat JOIN accounts a ON a.id = c.account
        WHERE m.good IS NOT NULL AND m.role = 'assistant' AND m.text <> ''"""
    if account is not None:
        query += " AND a.name = :account"
    rows = connection.execute(sa.text(query + " ORDER BY m.created"), {"account": account} if account else {}).all()
    found = []
    for row in rows:
        line = _line(connection, row.chat, row.parent)
        if not line or line[-1][0] != "user":
            continue  # a greeting answers nothing
        context = TurnContext(now=datetime.fromtimestamp(row.created), user_name=row.user_name or "")
        prompt = [("system", system_message(card_of_chat(row.card_json), context)), *line]
        found.append(Labelled(row.id, tuple(prompt), tagged(row.text, row.emotion, row.strength), bool(row.good)))
    return found


def tagged(text: str, emotion: str | None, strength: float | None) -> str:
    return f"{format_tag(emotion, strength or 0.5)} {text}" if emotion else text


def _line(connection: sa.Connection, chat: str, leaf: str | None, most: int = 40) -> list[tuple[str, str]]:
    """Up to ``most`` messages from the root to ``leaf``, as (role, text with tag)."""
    import sqlalchemy as sa

    line: list[tuple[str, str]] = []
    while leaf is not None and len(line) < most:
        row = connection.execute(
            sa.text("SELECT parent, role, text, emotion, strength FROM messages WHERE id = :id AND chat = :chat"),
            {"id": leaf, "chat": chat},
        ).one_or_none()
        if row is None:
            break
        if row.text:
            text = tagged(row.text, row.emotion, row.strength) if row.role == "assistant" else row.text
            line.append((row.role, text))
        leaf = row.parent
    return line[::-1]


def split(labelled: Sequence[Labelled]) -> tuple[list[Labelled], list[Labelled]]:
    """Training and held-out part; no moment stands in both. A small set gives its last tenth, at least one reply."""
    held = [reply for reply in labelled if reply.held_out]
    if not held:
        titles = list(dict.fromkeys(reply.title for reply in labelled))
        last = set(titles[-max(1, len(titles) // 10) :])
        held = [reply for reply in labelled if reply.title in last]
    kept = [reply for reply in labelled if reply not in held]
    return kept, held
