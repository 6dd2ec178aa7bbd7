"""Turns as the server runs them: whatever goes wrong, a turn ends, is stored, and leaves its chat free."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import sqlalchemy as sa

from character.emotion import Emotion
from character.errors import AdapterError, LanguageModelError
from character.language_model import GenerationRequest
from server.app import App
from server.settings import Settings
from server.storage import chats
from server.turns import GREATEST_REST, LEAST_REST, history, rest_after, whole_characters
from tests.fakes import Client, Refused, ScriptedModel, calm, echo
from tests.server.conftest import Running, Start


async def last_message(client: Client, chat: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.ask("chat.open", chat))["data"]["messages"][-1]
    return found


@pytest.mark.parametrize(
    "fault",
    [ValueError("bug"), LanguageModelError("gone"), AdapterError("no such adapter"), TimeoutError(), KeyError("x")],
)
async def test_a_model_that_fails_in_mid_sentence_ends_the_turn_and_keeps_the_words(
    start: Start, fault: Exception
) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.5> 옛날", " 옛적에", fault]))
    client = await server.client()
    chat = await client.new_chat()
    done = await client.say(chat, "얘기해 줘")
    assert done["data"]["reason"] == "failed"
    assert "다시 시도" in done["data"]["error"]
    assert (done["data"]["reply"]["text"], done["data"]["reply"]["status"]) == ("옛날 옛적에", "failed")
    failed = await last_message(client, chat)
    assert (failed["status"], failed["error"]) == ("failed", done["data"]["error"]), "why must outlast a reload"
    server.model.script = echo
    assert (await client.say(chat, "그래서?"))["data"]["reason"] == "complete"
    assert (await last_message(client, chat))["error"] is None


async def test_a_model_that_fails_before_it_streams_ends_the_turn(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()

    def broken(request: GenerationRequest) -> AsyncIterator[str]:
        raise RuntimeError("no weights")

    server.model.stream = broken  # type: ignore[method-assign]
    assert (await client.say(chat, "안녕"))["data"]["reason"] == "failed"


async def test_a_classifier_that_fails_ends_the_turn_instead_of_leaving_it_live_for_ever(start: Start) -> None:
    server = await start(ScriptedModel(lambda _: ["태그 없이 그냥 말하는 모델이야. 정말이야."]))
    client = await server.client()
    chat = await client.new_chat()

    def broken(text: str) -> Emotion:
        raise RuntimeError("no classifier")

    server.app.services.turns.judge = broken
    assert (await client.say(chat, "안녕"))["data"]["reason"] == "failed"
    server.model.script = echo
    assert (await client.say(chat, "안녕"))["data"]["reason"] == "complete"


async def test_a_reply_that_is_not_only_characters_is_shown_and_stored_as_well_as_can_be(start: Start) -> None:
    pieces = ["<감정:기쁨:0.5> ", "하\ud83d", "\ude00\0하", "\udc00 \u202e", "끝\ud83d"]
    server = await start(ScriptedModel(lambda _: pieces))
    client = await server.client()
    chat = await client.new_chat()
    done = await client.say(chat, "웃어 봐")
    assert done["data"]["reason"] == "complete"
    assert done["data"]["reply"]["text"] == client.words(chat) == "하😀\0하\ufffd \u202e끝"
    assert (await last_message(client, chat))["text"] == "하😀\0하\ufffd \u202e끝"


def test_halves_of_surrogate_pairs_are_joined_or_replaced() -> None:
    assert whole_characters("안녕") == ("안녕", "")
    assert whole_characters("") == ("", "")
    assert whole_characters("안\ud83d") == ("안", "\ud83d")
    assert whole_characters("\ud83d\ude00") == ("😀", "")
    assert whole_characters("\ude00\ud83d안") == ("\ufffd\ufffd안", "")


async def test_the_prompt_of_a_later_turn_holds_her_words_as_she_wrote_them_tags_included(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "안녕")
    await client.say(chat, "뭐 해?")
    said = [message.content for message in server.model.requests[-1].messages if message.role == "assistant"]
    assert said[-1] == "<감정:기쁨:0.8> 안녕라고 했지? 응, 잘 들었어."


def test_replies_without_words_are_left_out_of_the_history() -> None:
    from server.protocol import MessageState

    def message(role: Any, text: str, emotion: str | None = None) -> MessageState:
        return MessageState(
            id="x", parent=None, role=role, text=text, status="complete", created=0, emotion=emotion, strength=0.7
        )

    line = [
        message("assistant", "안녕", "기쁨"),
        message("user", "응"),
        message("assistant", ""),
        message("user", "응?"),
    ]
    assert [found.content for found in history(line)] == ["<감정:기쁨:0.7> 안녕", "응", "응?"]


async def test_a_message_that_no_prompt_can_hold_ends_the_turn_with_advice(start: Start) -> None:
    server = await start()
    server.model.context_length = 600  # type: ignore[misc]
    client = await server.client()
    chat = await client.new_chat()
    done = await client.say(chat, "아주 긴 말 " * 300)
    assert done["data"]["reason"] == "failed"
    assert "나누어" in done["data"]["error"]


async def test_a_flood_of_words_is_merged_into_few_events_and_loses_none(start: Start) -> None:
    pieces = [f"{number} " for number in range(5000)]
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.5> ", *pieces]))
    client = await server.client()
    chat = await client.new_chat()
    done = await client.say(chat, "세어 봐")
    assert done["data"]["reply"]["text"] == client.words(chat) == "".join(pieces).strip()
    assert len([event for event in client.events if event["type"] == "turn.delta"]) < 500


def test_words_rest_for_a_picture_of_the_screen_and_a_flood_of_them_longer() -> None:
    assert rest_after("") == rest_after("안녕하세요") == LEAST_REST
    assert LEAST_REST < rest_after("말" * 60) < rest_after("말" * 80) < GREATEST_REST == rest_after("말" * 5000)


async def test_a_stop_between_two_words_shows_none_after_it(start: Start) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.5> ", *(f"{i} " for i in range(500))], pace=0.001))
    client = await server.client()
    chat = await client.new_chat()
    await client.ask("turn.send", chat, client_id="one", text="세어 봐")
    while not client.words(chat):
        await asyncio.sleep(0.001)
    await client.send("turn.stop", chat)
    done = await client.wait("turn.done")
    assert done["data"]["reason"] == "stopped"
    assert done["data"]["reply"]["text"] == client.words(chat)
    assert [event for event in client.events if "seq" in event][-1] is done


async def test_a_second_stop_and_a_stop_after_the_end_do_nothing(start: Start) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.5> 옛날", 30.0]))
    client = await server.client()
    chat = await client.new_chat()
    await client.ask("turn.send", chat, client_id="one", text="얘기해 줘")
    await client.wait("turn.delta")
    for _ in range(5):
        await client.send("turn.stop", chat)
    await client.wait("turn.done")
    await client.send("turn.stop", chat)
    await client.ask("ping")
    assert sum(event["type"] == "turn.done" for event in client.events) == 1


# --- closing


async def test_a_reply_whose_end_is_on_its_way_to_disk_when_the_server_closes_stays_complete(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    ending, end_turn = asyncio.Event(), chats.end_turn
    loop = asyncio.get_running_loop()

    def slow(*arguments: Any, **options: Any) -> Any:
        loop.call_soon_threadsafe(ending.set)
        time.sleep(0.3)
        return end_turn(*arguments, **options)

    monkeypatch.setattr(chats, "end_turn", slow)
    await client.ask("turn.send", chat, client_id="one", text="안녕")
    await asyncio.wait_for(ending.wait(), 10)
    await server.app.close()
    assert [event["data"]["reason"] for event in client.events if event["type"] == "turn.done"] == ["complete"]
    await server.app.start()
    server.port = server.app.port
    assert (await last_message(await server.client(), chat))["status"] == "complete"


async def test_a_turn_that_begins_while_the_server_closes_is_ended_and_stored(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.5> 옛날", 60.0]))
    client = await server.client()
    chat, other = await client.new_chat(), await client.new_chat()
    await client.ask("turn.send", chat, client_id="one", text="얘기해 줘")
    end_turn = chats.end_turn

    def slow(*arguments: Any, **options: Any) -> Any:
        time.sleep(0.3)
        return end_turn(*arguments, **options)

    monkeypatch.setattr(chats, "end_turn", slow)
    closing = asyncio.ensure_future(server.app.close())
    await asyncio.sleep(0.1)
    await client.send("turn.send", other, client_id="two", text="여기도")
    await asyncio.wait_for(closing, 20)
    await server.app.start()
    server.port = server.app.port
    again = await server.client()
    for opened in (chat, other):
        message = await last_message(again, opened)
        assert message["status"] in ("interrupted", "complete")
        if message["role"] == "user":
            pytest.fail("what the user said has no reply to try again")
    assert (await again.ask("chat.list"))["data"]["chats"][0]["live"] is False


async def test_closing_leaves_no_task_and_no_complaint_behind(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.5> 옛날", 60.0]))
    clients = [await server.client(f"account-{number}") for number in range(5)]
    for client in clients:
        await client.ask("turn.send", await client.new_chat(), client_id="one", text="얘기해 줘")
    begin = time.monotonic()
    with caplog.at_level(logging.WARNING):
        await server.app.close()
    assert time.monotonic() - begin < 4
    left = {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("turn ")}
    assert not left
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    await server.app.start()


def fill_disk(server: Running) -> Callable[[], None]:
    """Lets the database file grow no more; the result undoes it."""
    engine = server.app.services.database.engine

    def limit(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    pages = 1  # raised by SQLite to what the file has
    sa.event.listen(engine, "begin", limit)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    def undo() -> None:
        nonlocal pages
        pages = 10**6

    return undo


async def test_a_turn_that_the_disk_did_not_take_is_marked_as_soon_as_it_does(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.turns.RETRY_SECONDS", 0.1)
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.5> 안녕", 0.2, " 반가워" * 2000]))
    client = await server.client()
    chat, other = await client.new_chat(), await client.new_chat()
    await client.ask("turn.send", chat, client_id="one", text="안녕")
    await client.wait("turn.delta")
    undo = fill_disk(server)
    await asyncio.sleep(0.5)
    with pytest.raises(Refused, match="storage"):
        await client.say(other, "길게 " * 1000)
    assert "turn.done" not in [event["type"] for event in client.events]
    undo()
    done = await client.wait("turn.done")
    assert done["data"]["reason"] == "interrupted"
    server.model.script = echo
    assert (await client.say(chat, "이제 돼?"))["data"]["reason"] == "complete"


async def test_a_disk_that_stays_full_is_told_and_the_turn_is_marked_at_the_next_start(start: Start) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.5> 안녕", 0.2, " 반가워" * 2000]))
    client = await server.client()
    chat, other = await client.new_chat(), await client.new_chat()
    await client.ask("turn.send", chat, client_id="one", text="안녕")
    await client.wait("turn.delta")
    fill_disk(server)
    with pytest.raises(Refused, match="storage"):
        await client.say(other, "길게 " * 1000)
    await asyncio.sleep(0.5)
    assert "turn.done" not in [event["type"] for event in client.events]
    await server.app.close()
    await server.app.start()
    server.port = server.app.port
    again = await server.client()
    message = await last_message(again, chat)
    assert (message["status"], message["text"]) == ("interrupted", "안녕")
    await again.ask("turn.retry", chat, client_id="two", message=message["id"])
    assert (await again.wait("turn.done"))["data"]["reason"] == "complete"


async def test_a_port_that_is_taken_leaves_the_database_free(start: Start, tmp_path: Any) -> None:
    server = await start()
    second = App(Settings(port=server.port, data=tmp_path / "other", memory="off"), ScriptedModel(), calm)
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    third = App(Settings(port=0, data=tmp_path / "other", memory="off"), ScriptedModel(), calm)
    await third.start()
    await third.close()
