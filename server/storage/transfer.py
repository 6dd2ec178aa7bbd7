"""Chats as JSON lines: exported whole, imported back without loss.

The first line describes the chat, each further line one message. Messages name their parent by line, not by id, so that
an export imported and exported again is the same file.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, NamedTuple

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from character.card import Card
from character.errors import CardError
from server.errors import BadRequest, TooLarge
from server.protocol import first_problem
from server.storage.accounts import require_enabled
from server.storage.chats import find_chat, new_id
from server.storage.database import Transaction
from server.storage.schema import chats, messages

FORMAT = "ohlora.chat"
MAX_MESSAGES = 100_000
Moment = Annotated[float, Field(ge=0, le=1e11, description="seconds since 1970")]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class ChatLine(_Line):
    format: Literal["ohlora.chat"]
    version: Literal[1]
    title: Annotated[str, Field(min_length=1, max_length=120)]
    card: Annotated[str, Field(min_length=1, max_length=64)]
    character: str
    card_data: dict[str, Any] | None = None
    created: Moment
    updated: Moment
    active: int | None = Field(None, description="number of the message that ends the active line")


class MessageLine(_Line):
    parent: int | None = Field(description="number of the message it follows; null begins the chat")
    role: Literal["user", "assistant"]
    text: str
    status: Literal["complete", "stopped", "interrupted", "failed"]
    emotion: Literal["평온", "기쁨", "슬픔", "분노", "놀람", "두려움", "부끄러움", "혐오"] | None = None
    strength: Annotated[float, Field(ge=0, le=1)] | None = None
    created: Moment
    good: bool | None = None
    model: str | None = None
    edited: bool = False


class Export(NamedTuple):
    """A file that has been read and found good."""

    head: ChatLine
    messages: list[MessageLine]


def export_chat(connection: sa.Connection, account: str, chat: str) -> tuple[str, str]:
    """The chat as JSON lines; a reply that is being written is left out.

    Returns:
        Title and content.

    Raises:
        NotFound: no such chat of this account.
    """
    row = find_chat(connection, account, chat)
    found = connection.execute(
        sa.select(messages).where(messages.c.chat == chat, messages.c.status != "live").order_by(messages.c.position)
    ).all()
    number = {message.id: index for index, message in enumerate(found)}
    active = row.active
    if active is not None and active not in number:  # the reply that is being written: its line ends before it
        active = connection.execute(sa.select(messages.c.parent).where(messages.c.id == active)).scalar()
    head = ChatLine(
        format="ohlora.chat", version=1, title=row.title, card=row.card, character=row.character,
        card_data=json.loads(row.card_json) if row.card_json else None, created=row.created, updated=row.updated,
        active=number.get(active),
    )  # fmt: skip
    lines = [head.model_dump_json()]
    for message in found:
        lines.append(
            MessageLine(
                parent=number.get(message.parent), role=message.role, text=message.text, status=message.status,
                emotion=message.emotion, strength=message.strength, created=message.created,
                good=None if message.good is None else bool(message.good), model=message.model,
                edited=bool(message.edited),
            ).model_dump_json()
        )  # fmt: skip
    return row.title, "\n".join(lines) + "\n"


def read_export(content: bytes) -> Export:
    """Reads an exported chat. This may take a second for a large one; it needs no database.

    Raises:
        BadRequest: names the line and what is wrong with it.
        TooLarge: more than `MAX_MESSAGES` messages.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"파일이 UTF-8 글이 아니에요 ({error.start}번째 바이트). 내보낸 파일 그대로 올려 주세요."
        ) from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise BadRequest("파일이 비어 있어요.")
    if len(lines) - 1 > MAX_MESSAGES:
        raise TooLarge(f"메시지가 너무 많아요: {len(lines) - 1:,}개. {MAX_MESSAGES:,}개까지 가져올 수 있어요.")
    try:
        head = ChatLine.model_validate_json(lines[0][1])
    except ValidationError as error:
        raise BadRequest(f"첫 줄이 내보낸 대화의 머리가 아니에요 ({first_problem(error)}).") from None
    if head.card_data is not None:
        try:
            Card.from_bytes(json.dumps(head.card_data).encode(), "card_data")
        except CardError as error:
            raise BadRequest(f"첫 줄의 캐릭터 카드(card_data)를 읽을 수 없어요: {error}") from None
    parsed: list[MessageLine] = []
    for index, (number, line) in enumerate(lines[1:]):
        try:
            message = MessageLine.model_validate_json(line)
        except ValidationError as error:
            raise BadRequest(f"{number}번째 줄이 잘못됐어요 ({first_problem(error)}).") from None
        if message.parent is not None and not 0 <= message.parent < index:
            raise BadRequest(f"{number}번째 줄의 parent {message.parent}은(는) 앞선 메시지가 아니에요.")
        parsed.append(message)
    if head.active is not None and not 0 <= head.active < len(parsed):
        raise BadRequest(f"첫 줄의 active {head.active}에 해당하는 메시지가 없어요.")
    return Export(head, parsed)


def import_chat(transaction: Transaction, account: str, export: Export) -> str:
    """Makes a new chat of an export; returns its id.

    Raises:
        Unauthorized: the account was disabled.
    """
    head, parsed = export
    connection, chat = transaction.connection, new_id()
    require_enabled(connection, account)
    ids = [new_id() for _ in parsed]
    connection.execute(
        chats.insert().values(
            id=chat, account=account, title=head.title, card=head.card, character=head.character,
            card_json=None if head.card_data is None else json.dumps(head.card_data, ensure_ascii=False),
            created=head.created, updated=head.updated, active=None if head.active is None else ids[head.active],
            floor_seq=0,
        )
    )  # fmt: skip
    rows = [
        message.model_dump(exclude={"parent"})
        | {
            "id": ids[index],
            "chat": chat,
            "position": index,
            "parent": None if message.parent is None else ids[message.parent],
        }
        for index, message in enumerate(parsed)
    ]
    if rows:
        connection.execute(messages.insert(), rows)
    return chat
