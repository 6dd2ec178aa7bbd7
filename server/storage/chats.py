"""Chats as trees of messages, and the events that tell clients of every change.

Functions that change something take a `Transaction` and emit the events of the change in it: what is on disk and what
clients are told cannot differ. Functions that only read take a connection.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from rag import store as memories
from server import protocol
from server.errors import BadRequest, NotFound, TurnLive
from server.protocol import ChatSummary, DecisionState, Hit, MemoryForgetAsked, MemoryUsed, MessageState, RecalledMemory
from server.storage import conduct, decisions
from server.storage.accounts import require_enabled
from server.storage.database import Event, Transaction
from server.storage.schema import chats, events, messages, requests

if TYPE_CHECKING:
    from server.conduct import Answer

KEPT_EVENTS = 2000
"""Events of a chat that stay for replay; a client that saw less is given a snapshot."""

PRUNE_AT = 2 * KEPT_EVENTS
MEMORY_EVENTS = (MemoryUsed.type, MemoryForgetAsked.type)
TITLE_CHARACTERS = 40
NEW_TITLE = "새 대화"


# What every turn asks and changes, built once: to build a statement costs SQLAlchemy more than to run it.
_CHAT = sa.select(chats).where(chats.c.id == sa.bindparam("chat"), chats.c.account == sa.bindparam("account"))
_MESSAGE = sa.select(messages).where(messages.c.id == sa.bindparam("message"), messages.c.chat == sa.bindparam("chat"))
_LIVE = sa.select(messages.c.id).where(messages.c.chat == sa.bindparam("chat"), messages.c.status == "live")
_TAKEN = sa.select(requests.c.message).where(
    requests.c.chat == sa.bindparam("chat"), requests.c.client_id == sa.bindparam("client_id")
)
_LAST_POSITION = sa.select(sa.func.max(messages.c.position)).where(messages.c.chat == sa.bindparam("chat"))
_INSERT_MESSAGE = messages.insert()
_END_MESSAGE = (
    messages.update()
    .where(messages.c.id == sa.bindparam("reply"))
    .values({name: sa.bindparam(name) for name in ("text", "status", "emotion", "strength", "error", "debug")})
)
_TOUCH_CHAT = chats.update().where(chats.c.id == sa.bindparam("chat")).values(updated=sa.bindparam("now"))
_FLOOR = sa.select(chats.c.floor_seq).where(chats.c.id == sa.bindparam("chat"))
_SUMMARIES = (
    sa.select(
        chats,
        sa.func.substr(messages.c.text, 1, 80).label("preview"),
        sa.select(sa.func.count())
        .where(messages.c.chat == chats.c.id, messages.c.status == "live")
        .correlate(chats)
        .scalar_subquery()
        .label("live"),
    )
    .join(messages, messages.c.id == chats.c.active, isouter=True)
    .where(chats.c.account == sa.bindparam("account"))
    .order_by(chats.c.updated.desc())
)
_SUMMARY = _SUMMARIES.where(chats.c.id == sa.bindparam("chat"))


def new_id() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True)
class Begun:
    """What `begin_turn` and its kin made.

    Attributes:
        acknowledged: the message to name in the acknowledgement.
        duplicate: the `client_id` had been taken already; nothing was done.
        message: the user's message that is being answered; None where no reply is to be written.
        reply: the empty reply.
        turn: the turn that writes it.
        answer: what conduct has her say; None where she says what she likes.
    """

    acknowledged: str
    duplicate: bool = False
    message: str | None = None
    reply: str | None = None
    turn: str | None = None
    answer: Answer | None = None


@dataclass(frozen=True)
class Snapshot:
    chat: ChatSummary
    messages: list[MessageState]
    active: str | None
    seq: int
    face: dict[str, Any] | None
    used: dict[str, list[RecalledMemory]]
    asked: list[MemoryForgetAsked]
    decisions: list[DecisionState]


@dataclass(frozen=True)
class Deleted:
    """Ids of the messages that are gone, and of the memories that went with them."""

    messages: list[str]
    memories: list[str]


def title_of(text: str) -> str:
    """The title that a chat takes from the first thing said in it."""
    title = " ".join(text.split())
    return title if len(title) <= TITLE_CHARACTERS else title[: TITLE_CHARACTERS - 1] + "…"


def event(chat: str, message: protocol.Message, turn: str | None = None) -> Event:
    return Event(chat=chat, type=message.type, data=message.model_dump_json(), turn=turn)


def delta(chat: str, reply: str, text: str, turn: str) -> Event:
    """The event of a `protocol.TurnDelta`."""
    return Event(chat, protocol.TurnDelta.type, protocol.delta_json(reply, text), turn)


def state_of(row: Any) -> MessageState:
    """The protocol's view of a row of `messages`."""
    return MessageState(
        id=row.id, parent=row.parent, role=row.role, text=row.text, status=row.status, emotion=row.emotion,
        strength=row.strength, created=row.created, good=None if row.good is None else bool(row.good), model=row.model,
        turn=row.turn, client_id=row.client_id, edited=bool(row.edited), error=row.error,
    )  # fmt: skip


# --- reading


def find_chat(connection: sa.Connection, account: str, chat: str) -> Any:
    """The row of a chat.

    Raises:
        NotFound: there is no such chat, or it is another account's (which is not told apart).
    """
    row = connection.execute(_CHAT, {"chat": chat, "account": account}).first()
    if row is None:
        raise NotFound("그 대화를 찾을 수 없어요. 지워졌을 수 있어요.")
    return row


def _find_message(connection: sa.Connection, chat: str, message: str) -> Any:
    row = connection.execute(_MESSAGE, {"message": message, "chat": chat}).first()
    if row is None:
        raise NotFound("그 메시지를 찾을 수 없어요. 지워졌을 수 있어요.")
    return row


def summaries(connection: sa.Connection, account: str, chat: str | None = None) -> list[ChatSummary]:
    """The account's chats, newest first; or only ``chat``."""
    query, names = (
        (_SUMMARIES, {"account": account}) if chat is None else (_SUMMARY, {"account": account, "chat": chat})
    )
    return [
        ChatSummary(
            id=row.id, title=row.title, card=row.card, character=row.character, updated=row.updated,
            preview=row.preview or "", live=bool(row.live),
        )
        for row in connection.execute(query, names)
    ]  # fmt: skip


def _last_seq(connection: sa.Connection, chat: Any) -> int:
    last = connection.execute(sa.select(sa.func.max(events.c.seq)).where(events.c.chat == chat.id)).scalar()
    return int(max(last or 0, chat.floor_seq))


def _streamed(connection: sa.Connection, chat: str, turn: str) -> str:
    """The words of a live turn so far; until it ends they stand only in its events."""
    rows = connection.execute(
        sa.select(events.c.data)
        .where(events.c.chat == chat, events.c.turn == turn, events.c.type == protocol.TurnDelta.type)
        .order_by(events.c.seq)
    )
    return "".join(json.loads(row.data)["text"] for row in rows)


def snapshot(connection: sa.Connection, account: str, chat: str) -> Snapshot:
    """The whole of a chat, with the words of a live turn as far as they are stored.

    Raises:
        NotFound: no such chat of this account.
    """
    row = find_chat(connection, account, chat)
    states = []
    for message in connection.execute(sa.select(messages).where(messages.c.chat == chat).order_by(messages.c.position)):
        state = state_of(message)
        if state.status == "live" and state.turn is not None:
            state = state.model_copy(update={"text": _streamed(connection, chat, state.turn)})
        states.append(state)
    face = connection.execute(
        sa.select(events.c.data)
        .where(events.c.chat == chat, events.c.type == protocol.FaceSet.type)
        .order_by(events.c.seq.desc())
        .limit(1)
    ).scalar()
    summary = summaries(connection, account, chat)[0]
    used, asked = _memory_events(connection, chat)
    return Snapshot(
        summary, states, row.active, _last_seq(connection, row), json.loads(face) if face else None, used, asked,
        [decisions.state_of(decision) for decision in decisions.of_chat(connection, chat)],
    )  # fmt: skip


def _memory_events(
    connection: sa.Connection, chat: str
) -> tuple[dict[str, list[RecalledMemory]], list[MemoryForgetAsked]]:
    """What the replies of a chat recalled, and which of them ask something the user has not answered."""
    rows = connection.execute(
        sa.select(events.c.type, events.c.data)
        .where(events.c.chat == chat, events.c.type.in_(MEMORY_EVENTS))
        .order_by(events.c.seq)
    ).all()
    used = [MemoryUsed.model_validate_json(row.data) for row in rows if row.type == MemoryUsed.type]
    asked = [MemoryForgetAsked.model_validate_json(row.data) for row in rows if row.type == MemoryForgetAsked.type]
    return {each.message: each.memories for each in used if each.memories}, [each for each in asked if each.ids]


def forget_asked(connection: sa.Connection, chat: str, reply: str) -> MemoryForgetAsked | None:
    """What the reply asks about forgetting; None where it asks nothing."""
    turn = sa.select(messages.c.turn).where(messages.c.id == reply, messages.c.chat == chat).scalar_subquery()
    found = connection.execute(
        sa.select(events.c.data)
        .where(events.c.chat == chat, events.c.turn == turn, events.c.type == MemoryForgetAsked.type)
        .limit(1)
    ).scalar()
    return None if found is None else MemoryForgetAsked.model_validate_json(found)


def settle_forget_asked(connection: sa.Connection, chat: str, reply: str, forgotten: bool) -> None:
    """Notes the user's answer in the stored question, which keeps none of the words it asked about."""
    asked = forget_asked(connection, chat, reply)
    if asked is None or asked.settled is not None:
        return
    done = asked.model_copy(update={"ids": [], "texts": [], "settled": "forgotten" if forgotten else "kept"})
    turn = sa.select(messages.c.turn).where(messages.c.id == reply, messages.c.chat == chat).scalar_subquery()
    here = (events.c.chat == chat, events.c.turn == turn, events.c.type == MemoryForgetAsked.type)
    connection.execute(events.update().where(*here).values(data=done.model_dump_json()))


def forget_in_events(connection: sa.Connection, account: str, ids: Sequence[str]) -> None:
    """Takes the words of memories that are gone out of the stored events of the account's chats."""
    gone = set(ids)
    if not gone:
        return
    rows = connection.execute(
        sa.select(events.c.chat, events.c.seq, events.c.type, events.c.data)
        .join(chats, chats.c.id == events.c.chat)
        .where(chats.c.account == account, events.c.type.in_(MEMORY_EVENTS))
    ).all()
    for row in rows:
        left: protocol.Message
        if row.type == MemoryUsed.type:
            used = MemoryUsed.model_validate_json(row.data)
            left = used.model_copy(update={"memories": [m for m in used.memories if m.id not in gone]})
        else:
            asked = MemoryForgetAsked.model_validate_json(row.data)
            kept = [index for index, memory in enumerate(asked.ids) if memory not in gone]
            texts = [asked.texts[index] for index in kept if index < len(asked.texts)]
            left = asked.model_copy(update={"ids": [asked.ids[index] for index in kept], "texts": texts})
        if (data := left.model_dump_json()) != row.data:
            here = (events.c.chat == row.chat, events.c.seq == row.seq)
            connection.execute(events.update().where(*here).values(data=data))


def missed(connection: sa.Connection, account: str, chat: str, last_seq: int) -> list[Event] | None:
    """The events after ``last_seq``; None when they are no longer all there, or never were.

    Raises:
        NotFound: no such chat of this account.
    """
    row = find_chat(connection, account, chat)
    if last_seq < row.floor_seq or last_seq > _last_seq(connection, row):
        return None
    found = connection.execute(
        sa.select(events).where(events.c.chat == chat, events.c.seq > last_seq).order_by(events.c.seq)
    )
    return [Event(e.chat, e.type, e.data, e.turn, e.seq) for e in found]


def line(connection: sa.Connection, chat: str, leaf: str) -> list[MessageState]:
    """The messages from the beginning of the chat to ``leaf``."""
    above = sa.select(messages).where(messages.c.id == leaf, messages.c.chat == chat).cte("above", recursive=True)
    parents = messages.alias("parents")
    above = above.union_all(sa.select(parents).join(above, parents.c.id == above.c.parent))
    return [state_of(row) for row in connection.execute(sa.select(above).order_by(above.c.position))]


def search(connection: sa.Connection, account: str, query: str, limit: int = 50) -> list[Hit]:
    """Messages of the account that contain ``query``, newest first."""
    rows = connection.execute(
        sa.select(messages, chats.c.title)
        .join(chats, chats.c.id == messages.c.chat)
        .where(chats.c.account == account, messages.c.text.icontains(query, autoescape=True))
        .order_by(messages.c.created.desc())
        .limit(limit)
    )
    hits = []
    for row in rows:
        at = max(row.text.lower().find(query.lower()), 0)
        begin, end = max(0, at - 40), at + len(query) + 80
        passage = ("…" if begin else "") + row.text[begin:end] + ("…" if end < len(row.text) else "")
        hits.append(
            Hit(chat=row.chat, title=row.title, message=row.id, role=row.role, text=passage, created=row.created)
        )
    return hits


# --- chats


def create_chat(
    transaction: Transaction,
    account: str,
    *,
    card: str,
    card_json: str | None,
    character: str,
    greetings: Sequence[tuple[str, str | None, float | None]],
    greeting: int,
) -> str:
    """Makes a chat that begins with the card's greetings as variants; returns its id.

    Args:
        card_json: the card itself, kept with the chat so that deleting the card does not change it; None if built in.
        greetings: text, emotion and strength of each.
        greeting: which one is shown.
    """
    connection, now, chat = transaction.connection, time.time(), new_id()
    require_enabled(connection, account)
    connection.execute(
        chats.insert().values(
            id=chat, account=account, title=NEW_TITLE, card=card, card_json=card_json, character=character,
            created=now, updated=now, active=None, floor_seq=0,
        )
    )  # fmt: skip
    ids = []
    for position, (text, emotion, strength) in enumerate(greetings):
        ids.append(new_id())
        connection.execute(
            messages.insert().values(
                id=ids[-1], chat=chat, parent=None, position=position, role="assistant", text=text, status="complete",
                emotion=emotion, strength=strength, created=now, edited=False,
            )
        )  # fmt: skip
    if ids:
        connection.execute(chats.update().where(chats.c.id == chat).values(active=ids[greeting]))
    return chat


def rename_chat(transaction: Transaction, account: str, chat: str, title: str) -> None:
    find_chat(transaction.connection, account, chat)
    transaction.connection.execute(chats.update().where(chats.c.id == chat).values(title=title))


def delete_chat(transaction: Transaction, account: str, chat: str) -> list[str]:
    """Deletes a chat with all that hangs on it, also what she remembers from it; returns ids of those memories.

    Raises:
        TurnLive: she is still writing in it.
    """
    connection = transaction.connection
    find_chat(connection, account, chat)
    _require_no_live_turn(connection, chat)
    for table in (events, requests, messages):
        connection.execute(table.delete().where(table.c.chat == chat))
    connection.execute(chats.delete().where(chats.c.id == chat))
    conduct.blank_chat(connection, chat)
    gone = memories.forget_chat(connection, chat)
    forget_in_events(connection, account, gone)
    return gone


# --- turns


def _require_no_live_turn(connection: sa.Connection, chat: str) -> None:
    if connection.execute(_LIVE, {"chat": chat}).first():
        raise TurnLive("아직 대답하는 중이에요. 끝나기를 기다리거나 멈춘 다음에 보내 주세요.")


def _taken(connection: sa.Connection, chat: str, client_id: str) -> str | None:
    return connection.execute(_TAKEN, {"chat": chat, "client_id": client_id}).scalar()


def _insert_message(connection: sa.Connection, chat: str, **values: Any) -> MessageState:
    last = connection.execute(_LAST_POSITION, {"chat": chat}).scalar()
    row = {
        "id": new_id(), "chat": chat, "position": -1 if last is None else last, "created": time.time(), "edited": False,
        "status": "complete", "emotion": None, "strength": None, "good": None, "model": None, "turn": None, "client_id": None,
    }  # fmt: skip
    row = row | values | {"position": (-1 if last is None else last) + 1}
    connection.execute(_INSERT_MESSAGE, row)
    return MessageState.model_validate({k: v for k, v in row.items() if k not in {"chat", "position"}})


def _begin(
    transaction: Transaction,
    chat: Any,
    *,
    parent: str | None,
    text: str | None,
    client_id: str,
    model: str,
    remember: bool,
) -> Begun:
    """Stores the user's message (when there is ``text``) and an empty live reply, and tells the chat.

    Args:
        remember: note that memories are to be taken from the message once it is answered.
    """
    connection, now, turn = transaction.connection, time.time(), new_id()
    user = None
    if text is not None:
        user = _insert_message(connection, chat.id, parent=parent, role="user", text=text, client_id=client_id)
        parent = user.id
        if remember:
            memories.enqueue(connection, chat.account, chat.id, user.id)
    reply = _insert_message(
        connection, chat.id, parent=parent, role="assistant", text="", status="live", turn=turn, model=model
    )
    changes: dict[str, Any] = {"active": reply.id, "updated": now}
    if text is not None and chat.title == NEW_TITLE:
        changes["title"] = title_of(text)
    connection.execute(chats.update().where(chats.c.id == chat.id).values(**changes))
    acknowledged = user.id if user else str(parent)
    connection.execute(requests.insert().values(chat=chat.id, client_id=client_id, message=acknowledged))
    transaction.emit(event(chat.id, protocol.TurnStart(user=user, reply=reply), turn))
    return Begun(acknowledged, message=parent, reply=reply.id, turn=turn)


def begin_turn(
    transaction: Transaction,
    account: str,
    chat: str,
    *,
    parent: str | None,
    text: str,
    client_id: str,
    model: str,
    remember: bool = True,
) -> Begun:
    """The user says ``text`` after ``parent`` (default: the end of the active line).

    Args:
        remember: whether memories are to be taken from it.

    Raises:
        NotFound: no such chat or parent. TurnLive: a turn is live. Unauthorized: the account was disabled.
        BadRequest: ``parent`` is the user's own message.
    """
    connection = transaction.connection
    require_enabled(connection, account)
    row = find_chat(connection, account, chat)
    if taken := _taken(connection, chat, client_id):
        return Begun(taken, duplicate=True)
    _require_no_live_turn(connection, chat)
    parent = parent or row.active
    if parent is not None and _find_message(connection, chat, parent).role != "assistant":
        raise BadRequest("그 메시지에는 아직 대답이 없어요. 다시 시도하거나 고쳐 써 주세요.")
    return _begin(transaction, row, parent=parent, text=text, client_id=client_id, model=model, remember=remember)


def begin_retry(
    transaction: Transaction, account: str, chat: str, *, message: str, client_id: str, model: str
) -> Begun:
    """Another reply beside the reply ``message``, or a reply to the user's ``message``.

    Raises:
        NotFound, TurnLive, Unauthorized: as `begin_turn`. BadRequest: ``message`` is a greeting.
    """
    connection = transaction.connection
    require_enabled(connection, account)
    row = find_chat(connection, account, chat)
    if taken := _taken(connection, chat, client_id):
        return Begun(taken, duplicate=True)
    _require_no_live_turn(connection, chat)
    target = _find_message(connection, chat, message)
    parent = target.id if target.role == "user" else target.parent
    if parent is None:
        raise BadRequest("첫인사는 다시 쓰게 할 수 없어요. 다른 인사로 넘겨 보세요.")
    return _begin(transaction, row, parent=parent, text=None, client_id=client_id, model=model, remember=False)


def begin_edit(
    transaction: Transaction,
    account: str,
    chat: str,
    *,
    message: str,
    text: str,
    client_id: str,
    model: str,
    remember: bool = True,
) -> Begun:
    """A changed version beside ``message``: of the user's, a branch with a new turn; of a reply, an edited sibling.

    What she remembers from the old version holds on its own branch and not on the new one.

    Raises:
        NotFound, TurnLive, Unauthorized: as `begin_turn`.
    """
    connection = transaction.connection
    require_enabled(connection, account)
    row = find_chat(connection, account, chat)
    if taken := _taken(connection, chat, client_id):
        return Begun(taken, duplicate=True)
    _require_no_live_turn(connection, chat)
    target = _find_message(connection, chat, message)
    if target.role == "user":
        return _begin(
            transaction, row, parent=target.parent, text=text, client_id=client_id, model=model, remember=remember
        )
    edited = _insert_message(
        connection, chat, parent=target.parent, role="assistant", text=text, emotion=target.emotion,
        strength=target.strength, model=target.model, client_id=client_id, edited=True,
    )  # fmt: skip
    connection.execute(chats.update().where(chats.c.id == chat).values(active=edited.id, updated=time.time()))
    connection.execute(requests.insert().values(chat=chat, client_id=client_id, message=edited.id))
    transaction.emit(event(chat, protocol.MessageAdded(message=edited)))
    return Begun(edited.id)


def end_turn(
    transaction: Transaction,
    chat: str,
    *,
    reply: str,
    text: str,
    reason: str,
    emotion: str | None,
    strength: float | None,
    error: str | None = None,
    debug: dict[str, Any] | None = None,
) -> MessageState:
    """Stores the finished reply and tells the chat; old events are pruned now and then."""
    connection = transaction.connection
    status = {"complete": "complete", "length": "complete"}.get(reason, reason)
    connection.execute(_END_MESSAGE, {
        "reply": reply, "text": text, "status": status, "emotion": emotion, "strength": strength, "error": error,
        "debug": None if debug is None else json.dumps(debug, ensure_ascii=False),
    })  # fmt: skip
    connection.execute(_TOUCH_CHAT, {"chat": chat, "now": time.time()})
    state = state_of(_find_message(connection, chat, reply))
    done = protocol.TurnDone.model_validate({"reply": state, "reason": reason, "error": error})
    seq = transaction.emit(event(chat, done, state.turn)).seq
    floor = connection.execute(_FLOOR, {"chat": chat}).scalar_one()
    if seq - floor > PRUNE_AT:
        _prune(connection, chat, seq - KEPT_EVENTS)
    return state


def _prune(connection: sa.Connection, chat: str, upto: int) -> None:
    connection.execute(events.delete().where(events.c.chat == chat, events.c.seq <= upto))
    connection.execute(chats.update().where(chats.c.id == chat).values(floor_seq=upto))


def interrupt_live_turns(transaction: Transaction) -> int:
    """After a crash: every reply that was being written keeps its stored words and is marked; returns how many."""
    connection = transaction.connection
    rows = connection.execute(sa.select(messages).where(messages.c.status == "live")).all()
    for row in rows:
        face = connection.execute(
            sa.select(events.c.data).where(
                events.c.chat == row.chat, events.c.turn == row.turn, events.c.type == protocol.FaceSet.type
            )
        ).scalar()
        felt = json.loads(face) if face else {"emotion": None, "strength": None}
        end_turn(
            transaction, row.chat, reply=row.id, text=_streamed(connection, row.chat, row.turn), reason="interrupted",
            emotion=felt["emotion"], strength=felt["strength"],
        )  # fmt: skip
    return len(rows)


# --- the tree


def _newest_leaf(connection: sa.Connection, chat: str, message: str) -> str:
    """Follows the newest child from ``message`` down to a message without children."""
    rows = connection.execute(
        sa.select(messages.c.id, messages.c.parent).where(messages.c.chat == chat).order_by(messages.c.position)
    )
    newest = {row.parent: row.id for row in rows}
    while message in newest:
        message = newest[message]
    return message


def pick(transaction: Transaction, account: str, chat: str, message: str) -> str:
    """Makes ``message`` and its newest continuation the active line; returns its end.

    Raises:
        NotFound: no such chat or message. TurnLive: a turn is live.
    """
    connection = transaction.connection
    find_chat(connection, account, chat)
    _require_no_live_turn(connection, chat)
    _find_message(connection, chat, message)
    active = _newest_leaf(connection, chat, message)
    connection.execute(chats.update().where(chats.c.id == chat).values(active=active))
    transaction.emit(event(chat, protocol.TurnPicked(active=active)))
    return active


def delete_message(transaction: Transaction, account: str, chat: str, message: str) -> Deleted:
    """Deletes ``message`` and all that follows it, from the events as well, and what she remembers from there.

    Raises:
        NotFound: no such chat or message. TurnLive: a turn is live.
    """
    connection = transaction.connection
    row = find_chat(connection, account, chat)
    _require_no_live_turn(connection, chat)
    target = _find_message(connection, chat, message)
    below = sa.select(messages.c.id).where(messages.c.id == message).cte("below", recursive=True)
    below = below.union_all(sa.select(messages.c.id).join(below, messages.c.parent == below.c.id))
    doomed = connection.execute(
        sa.select(messages.c.id, messages.c.role, messages.c.text).where(messages.c.id.in_(sa.select(below.c.id)))
    ).all()
    ids = [found.id for found in doomed]
    if row.title in {title_of(found.text) for found in doomed if found.role == "user"}:
        connection.execute(chats.update().where(chats.c.id == chat).values(title=NEW_TITLE))
    active: str | None = row.active
    if active in ids:
        siblings = sa.select(messages.c.id).where(
            messages.c.chat == chat,
            messages.c.parent.is_(None) if target.parent is None else messages.c.parent == target.parent,
            messages.c.id != message,
        )
        sibling = connection.execute(siblings.order_by(messages.c.position.desc()).limit(1)).scalar()
        active = _newest_leaf(connection, chat, sibling) if sibling else target.parent
        connection.execute(chats.update().where(chats.c.id == chat).values(active=active))
    gone = sa.select(below.c.id)
    connection.execute(requests.delete().where(requests.c.chat == chat, requests.c.message.in_(gone)))
    connection.execute(messages.delete().where(messages.c.id.in_(gone)))
    conduct.blank_messages(connection, ids)
    # Deleted words must leave the stored events as well; who missed events of this chat is given a snapshot instead.
    removed = transaction.emit(event(chat, protocol.MessageRemoved(messages=ids, active=active)))
    _prune(connection, chat, removed.seq - 1)
    gone_memories = memories.forget_messages(connection, ids)
    forget_in_events(connection, account, gone_memories)
    return Deleted(ids, gone_memories)


def mark(transaction: Transaction, account: str, chat: str, message: str, good: bool | None) -> None:
    """Stores a 👍 (True), a 👎 (False) or neither on a reply.

    Raises:
        NotFound: no such chat or message. BadRequest: it is not a reply.
    """
    connection = transaction.connection
    find_chat(connection, account, chat)
    if _find_message(connection, chat, message).role != "assistant":
        raise BadRequest("평가는 오로라의 대답에만 남길 수 있어요.")
    connection.execute(messages.update().where(messages.c.id == message).values(good=good))
    transaction.emit(event(chat, protocol.MessageMarked(message=message, good=good)))
