"""The cards an account can talk to: 오로라, and those it has imported."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass

import sqlalchemy as sa

from character.card import Card, builtin_card
from character.emotion import Emotion, TagParser
from character.errors import CardError
from character.macros import Macros
from server.errors import BadRequest, NotFound
from server.protocol import CardSummary
from server.storage.chats import new_id
from server.storage.schema import cards

BUILTIN = "aurora"


@dataclass(frozen=True)
class StoredCard:
    """A card with the text it was stored as.

    Attributes:
        json: V3 JSON; None for the built-in card.
        picture: the PNG it came in, if any.
    """

    id: str
    card: Card
    json: str | None
    picture: bytes | None = None


def load_json(text: str) -> Card:
    return Card.from_bytes(text.encode(), "card.json")


def _stored(row: sa.Row[tuple[str, str, str, str, bytes | None, float]]) -> StoredCard:
    return StoredCard(row.id, load_json(row.json), row.json, row.picture)


def find_card(connection: sa.Connection, account: str, card: str) -> StoredCard:
    """The built-in card or one of the account's.

    Raises:
        NotFound: there is none with this id.
    """
    if card == BUILTIN:
        return StoredCard(BUILTIN, builtin_card(), None)
    row = connection.execute(sa.select(cards).where(cards.c.id == card, cards.c.account == account)).first()
    if row is None:
        raise NotFound("그 캐릭터 카드를 찾을 수 없어요. 지워졌을 수 있어요.")
    return _stored(row)


def list_cards(connection: sa.Connection, account: str) -> list[CardSummary]:
    """오로라 first, then the imported ones, oldest first."""
    rows = connection.execute(sa.select(cards).where(cards.c.account == account).order_by(cards.c.created))
    found = [StoredCard(BUILTIN, builtin_card(), None), *(_stored(row) for row in rows)]
    return [
        CardSummary(
            id=stored.id,
            name=stored.card.name,
            creator=stored.card.creator,
            description=(stored.card.creator_notes or stored.card.description)[:300],
            tags=[str(tag) for tag in stored.card.tags][:20],
            greetings=[text for text, _, _ in greetings(stored.card, "")],
            builtin=stored.id == BUILTIN,
        )
        for stored in found
    ]


def read_card(content: bytes) -> StoredCard:
    """Reads an uploaded card. This may take a second for a large one; it needs no database.

    Raises:
        BadRequest: it is no readable card.
    """
    try:
        card = Card.from_bytes(content, "upload")
        text = card.to_json("v3").decode()
        load_json(text)  # a card at the limit may grow over it when it becomes V3
    except CardError as error:
        raise BadRequest(f"캐릭터 카드를 읽을 수 없어요: {error}") from None
    return StoredCard(new_id(), card, text, content if content.startswith(b"\x89PNG") else None)


def import_card(connection: sa.Connection, account: str, stored: StoredCard) -> str:
    """Adds a card to the account's; returns its id."""
    connection.execute(
        cards.insert().values(
            id=stored.id,
            account=account,
            name=stored.card.name,
            json=stored.json,
            picture=stored.picture,
            created=time.time(),
        )
    )
    return stored.id


def delete_card(connection: sa.Connection, account: str, card: str) -> None:
    """Removes an imported card.

    Raises:
        BadRequest: the built-in card. NotFound: there is none with this id.
    """
    if card == BUILTIN:
        raise BadRequest("오로라는 지울 수 없어요.")
    find_card(connection, account, card)
    connection.execute(cards.delete().where(cards.c.id == card))


def export_card(stored: StoredCard, form: str) -> tuple[str, str, bytes]:
    """File name, media type and content of a card as a file."""
    name = re.sub(r"[^\w\-]+", "_", stored.card.name).strip("_")[:60] or "card"
    if form == "png":
        return f"{name}.png", "image/png", stored.card.to_png(stored.picture)
    return f"{name}.json", "application/json", stored.card.to_json("v3")


def greetings(card: Card, user_name: str) -> list[tuple[str, str | None, float | None]]:
    """Text, emotion and strength of each greeting, with macros expanded and the emotion tag taken off."""
    macros = Macros(char=card.nickname or card.name, user=user_name)
    found = []
    for greeting in card.greetings:
        parser = TagParser()
        text, emotions = parser.feed(macros.expand(greeting))
        rest, more = parser.close()
        felt: Emotion | None = next(iter([*emotions, *more]), None)
        if (text + rest).strip():
            found.append(((text + rest).strip(), felt.name if felt else None, felt.strength if felt else None))
    return found


def card_of_chat(card_json: str | None) -> Card:
    """The card a chat was begun with."""
    return builtin_card() if card_json is None else load_json(card_json)


def card_data(stored: StoredCard) -> str | None:
    """What a chat keeps of its card: nothing of the built-in one, the whole of another."""
    if stored.json is None:
        return None
    # Half of a surrogate pair, which a card may carry in a field nobody reads, can be neither stored nor exported.
    return re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(json.loads(stored.json), ensure_ascii=False))
