"""Chats as files: out, in, and out again without a difference; and what is no such file is named and not stored."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from character.card import builtin_card
from character.emotion import EMOTIONS
from server.errors import BadRequest, NotFound, TooLarge, Unauthorized
from server.storage import accounts, chats, schema, transfer
from server.storage.database import Database, Transaction
from tests.server.test_storage import end, new_chat, say


@pytest.fixture
def transaction(tmp_path: Path) -> Iterator[Transaction]:
    database = Database(f"sqlite:///{tmp_path / 'ohlora.sqlite3'}")
    with database.engine.execution_options(writing=True).connect() as connection:
        yield Transaction(connection, {})
    database.close()


@pytest.fixture
def account(transaction: Transaction) -> str:
    return accounts.add_account(transaction.connection, "minji").id


def bring_in(transaction: Transaction, account: str, content: str | bytes) -> str:
    """Imports a file as the server does."""
    export = transfer.read_export(content.encode() if isinstance(content, str) else content)
    return transfer.import_chat(transaction, account, export)


def take_out(transaction: Transaction, account: str, chat: str) -> str:
    return transfer.export_chat(transaction.connection, account, chat)[1]


def lines(head: dict[str, Any], messages: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [head, *messages])


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
MOMENTS = st.floats(0, 1e11)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def exports(draw: st.DrawFn) -> str:
    """A file with a random tree of messages, as a server could have written it."""
    count = draw(st.integers(0, 12))
    messages = [
        {
            "parent": draw(st.none() | st.integers(0, number - 1)) if number else None,
            "role": draw(st.sampled_from(["user", "assistant"])),
            "text": draw(TEXTS),
            "status": draw(st.sampled_from(["complete", "stopped", "interrupted", "failed"])),
            "emotion": draw(st.none() | st.sampled_from(EMOTIONS)),
            "strength": draw(st.none() | st.floats(0, 1)),
            "created": draw(MOMENTS),
            "good": draw(st.none() | st.booleans()),
            "model": draw(st.none() | TEXTS),
            "edited": draw(st.booleans()),
        }
        for number in range(count)
    ]
    card = None
    if draw(st.booleans()):
        card = json.loads(builtin_card().to_json("v3"))
        card["data"]["extensions"] = {"someone_elses": draw(JSON)}
    head = {
        "format": "ohlora.chat",
        "version": 1,
        "title": draw(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120)),
        "card": draw(st.sampled_from(["aurora", "0123456789abcdef"])),
        "character": draw(TEXTS),
        "card_data": card,
        "created": draw(MOMENTS),
        "updated": draw(MOMENTS),
        "active": draw(st.none() | st.integers(0, count - 1)) if count else None,
    }
    return lines(head, messages)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(content=exports())
def test_a_chat_that_is_taken_out_brought_in_and_taken_out_again_is_the_same_file(
    transaction: Transaction, account: str, content: str
) -> None:
    first = take_out(transaction, account, bring_in(transaction, account, content))
    assert [json.loads(line) for line in first.split("\n") if line] == [
        json.loads(line) for line in content.split("\n") if line
    ]
    assert take_out(transaction, account, bring_in(transaction, account, first)) == first


def test_a_chat_with_branches_marks_and_edits_comes_back_as_it_was(transaction: Transaction, account: str) -> None:
    chat = new_chat(transaction, account, greetings=3)
    first = say(transaction, account, chat, "나는 부산에 살아\n정말이야 \u2028 <b>굵게</b> \0 끝")
    chats.mark(transaction, account, chat, str(first.reply), True)
    branch = chats.begin_edit(
        transaction, account, chat, message=first.acknowledged, text="나는 서울에 살아", client_id="e", model="m"
    )
    end(transaction, chat, str(branch.reply), reason="stopped")
    chats.begin_edit(transaction, account, chat, message=str(branch.reply), text="고친 말", client_id="f", model="m")
    chats.rename_chat(transaction, account, chat, "바닷가 이야기")
    content = take_out(transaction, account, chat)
    other = accounts.add_account(transaction.connection, "junho").id
    copy = bring_in(transaction, other, content)
    assert take_out(transaction, other, copy) == content

    def shape(account: str, chat: str) -> list[tuple[object, ...]]:
        messages = chats.snapshot(transaction.connection, account, chat).messages
        order = {message.id: number for number, message in enumerate(messages)}
        return [(order.get(m.parent or ""), m.role, m.text, m.status, m.emotion, m.good, m.edited) for m in messages]

    assert shape(other, copy) == shape(account, chat)
    # and it is a chat like any other
    assert not say(transaction, other, copy, "이어서 말하자").duplicate


def test_a_reply_that_is_being_written_is_left_out_and_the_line_ends_before_it(
    transaction: Transaction, account: str
) -> None:
    chat = new_chat(transaction, account)
    say(transaction, account, chat, "가")
    live = chats.begin_turn(transaction, account, chat, parent=None, text="나", client_id="live", model="m")
    copy = bring_in(transaction, account, take_out(transaction, account, chat))
    snapshot = chats.snapshot(transaction.connection, account, copy)
    assert [message.text for message in snapshot.messages] == ["안녕 0", "가", "가라고?", "나"]
    assert snapshot.active == snapshot.messages[-1].id
    assert live.reply is not None


def test_whatever_can_be_in_a_chat_can_be_taken_out(transaction: Transaction, account: str) -> None:
    chat = chats.create_chat(
        transaction, account, card="0" * 16, card_json=None, character="긴 이름" * 500,
        greetings=[("긴 인사" * 50_000, None, None)], greeting=0,
    )  # fmt: skip
    content = take_out(transaction, account, chat)
    assert take_out(transaction, account, bring_in(transaction, account, content)) == content


def test_an_export_edited_on_another_system_is_read_all_the_same(transaction: Transaction, account: str) -> None:
    chat = new_chat(transaction, account)
    say(transaction, account, chat, "가")
    content = take_out(transaction, account, chat)
    other = "\ufeff" + content.replace("\n", "\r\n\r\n")
    assert take_out(transaction, account, bring_in(transaction, account, other)) == content


def test_another_accounts_chat_cannot_be_taken_out(transaction: Transaction, account: str) -> None:
    chat = new_chat(transaction, account)
    other = accounts.add_account(transaction.connection, "junho").id
    with pytest.raises(NotFound):
        take_out(transaction, other, chat)


def test_a_disabled_account_brings_nothing_in(transaction: Transaction, account: str) -> None:
    content = take_out(transaction, account, new_chat(transaction, account))
    accounts.set_disabled(transaction.connection, "minji", True)
    with pytest.raises(Unauthorized):
        bring_in(transaction, account, content)


# --- what is no export

HEAD: dict[str, Any] = {
    "format": "ohlora.chat", "version": 1, "title": "제목", "card": "aurora", "character": "오로라", "card_data": None,
    "created": 1.0, "updated": 2.0, "active": 1,
}  # fmt: skip
MESSAGE: dict[str, Any] = {"parent": None, "role": "user", "text": "안녕", "status": "complete", "created": 1.0}


def broken_head(**changes: Any) -> str:
    return lines(HEAD | changes, [MESSAGE, MESSAGE])


def broken_message(**changes: Any) -> str:
    return lines(HEAD, [MESSAGE, MESSAGE | changes])


def without(field: str, line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != field}


BROKEN: list[tuple[str | bytes, list[str]]] = [
    (b"", ["비어"]),
    ("\n \n\r\n", ["비어"]),
    (b"\xff\xfe\x00\x01", ["UTF-8", "0번째"]),
    (lines(HEAD, [MESSAGE, MESSAGE]).encode()[:-40] + b"\x80\n", ["UTF-8"]),
    ("그냥 글이에요.\n", ["첫 줄"]),
    ("[]\n", ["첫 줄"]),
    ("null\n", ["첫 줄"]),
    ("{}\n", ["첫 줄", "format"]),
    (lines(MESSAGE, [MESSAGE]), ["첫 줄", "format"]),
    (broken_head(format="other.chat"), ["첫 줄", "format"]),
    (broken_head(version=2), ["첫 줄", "version"]),
    (broken_head(title=""), ["첫 줄", "title"]),
    (broken_head(title="가" * 121), ["첫 줄", "title"]),
    (broken_head(title=7), ["첫 줄", "title"]),
    (broken_head(card=""), ["첫 줄", "card"]),
    (broken_head(card_data=[]), ["첫 줄", "card_data"]),
    (broken_head(card_data={}), ["첫 줄", "card_data"]),
    (broken_head(card_data={"spec": "chara_card_v3", "data": {"name": 3}}), ["첫 줄", "card_data", "name"]),
    (broken_head(created="gestern"), ["첫 줄", "created"]),
    (broken_head(created=-1.0), ["첫 줄", "created"]),
    (broken_head(updated=1e300), ["첫 줄", "updated"]),
    (broken_head(updated=float("nan")), ["첫 줄", "updated"]),
    (broken_head(created=float("inf")), ["첫 줄", "created"]),
    (broken_head(active=2), ["첫 줄", "active 2"]),
    (broken_head(active=-1), ["첫 줄", "active -1"]),
    (broken_head(active="1"), ["첫 줄", "active"]),
    (broken_head(active=10**30), ["첫 줄", "active"]),
    (broken_head(extra=1), ["첫 줄", "extra"]),
    (lines(without("created", HEAD), [MESSAGE, MESSAGE]), ["첫 줄", "created"]),
    (lines(HEAD, [MESSAGE, MESSAGE])[:-10], ["3번째 줄"]),
    (lines(HEAD, [MESSAGE]) + "nonsense\n", ["3번째 줄"]),
    (lines(HEAD, [MESSAGE]) + "\n\n\n[]\n", ["6번째 줄"]),
    (lines(HEAD, [MESSAGE]) + "[" * 100_000 + "\n", ["3번째 줄"]),
    (lines(HEAD, [MESSAGE, without("text", MESSAGE)]), ["3번째 줄", "text"]),
    (broken_message(text=None), ["3번째 줄", "text"]),
    (lines(HEAD, [MESSAGE]) + json.dumps(MESSAGE | {"text": "\ud800"}) + "\n", ["3번째 줄"]),
    (broken_message(role="system"), ["3번째 줄", "role"]),
    (broken_message(status="live"), ["3번째 줄", "status"]),
    (broken_message(parent=1), ["3번째 줄", "parent 1"]),
    (broken_message(parent=7), ["3번째 줄", "parent 7"]),
    (broken_message(parent=-1), ["3번째 줄", "parent -1"]),
    (broken_message(parent=0.0), ["3번째 줄", "parent"]),
    (broken_message(parent=10**30), ["3번째 줄", "parent"]),
    (broken_message(emotion="행복"), ["3번째 줄", "emotion"]),
    (broken_message(strength=1.1), ["3번째 줄", "strength"]),
    (broken_message(strength=float("nan")), ["3번째 줄", "strength"]),
    (broken_message(created=float("nan")), ["3번째 줄", "created"]),
    (broken_message(created=None), ["3번째 줄", "created"]),
    (broken_message(good="yes"), ["3번째 줄", "good"]),
    (broken_message(edited=2), ["3번째 줄", "edited"]),
    (broken_message(id="0123456789abcdef"), ["3번째 줄", "id"]),
]


def everything(transaction: Transaction) -> list[list[tuple[Any, ...]]]:
    return [
        [tuple(row) for row in transaction.connection.execute(sa.select(table))]
        for table in schema.metadata.sorted_tables
    ]


def test_whatever_is_no_export_is_named_by_line_and_problem_and_nothing_of_it_is_stored(
    transaction: Transaction, account: str
) -> None:
    new_chat(transaction, account)
    before = everything(transaction)
    for content, words in BROKEN:
        with pytest.raises(BadRequest) as caught:
            bring_in(transaction, account, content)
        assert all(word in caught.value.text for word in words), f"{caught.value.text!r} should name {words}"
        assert "\n" not in caught.value.text
        assert len(caught.value.text) < 500
        assert everything(transaction) == before


def test_more_messages_than_the_limit_are_refused(
    transaction: Transaction, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MAX_MESSAGES", 3)
    bring_in(transaction, account, lines(HEAD, [MESSAGE] * 3))
    with pytest.raises(TooLarge, match="4개"):
        bring_in(transaction, account, lines(HEAD, [MESSAGE] * 4))


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_nothing_else_happens(content: bytes) -> None:
    with pytest.raises(BadRequest):
        transfer.read_export(content)


@given(st.integers(0, 2), st.data())
def test_a_file_that_was_changed_in_one_place_is_either_good_or_named(line: int, data: st.DataObject) -> None:
    content = lines(HEAD, [MESSAGE, MESSAGE]).splitlines()
    at = data.draw(st.integers(0, len(content[line])))
    content[line] = (
        content[line][:at] + data.draw(st.text(max_size=3)) + content[line][at + data.draw(st.integers(0, 3)) :]
    )
    with contextlib.suppress(BadRequest):
        transfer.read_export("\n".join(content).encode("utf-8", "surrogatepass"))
