"""Talking over the socket: turns, their order, and what survives."""

from __future__ import annotations

import asyncio

import pytest

from character.errors import ModelUnavailable
from tests.fakes import Refused, ScriptedModel, echo
from tests.server.conftest import Start


async def test_her_face_is_set_before_the_first_word_and_the_tag_is_never_shown(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    done = await client.say(chat, "안녕")
    kinds = [event["type"] for event in client.events if "seq" in event]
    assert kinds[:3] == ["turn.start", "face.set", "turn.delta"]
    assert kinds[-1] == "turn.done"
    assert done["data"]["reply"]["text"] == "안녕라고 했지? 응, 잘 들었어." == client.words(chat)
    assert done["data"]["reply"]["emotion"] == "기쁨"
    face = await client.wait("face.set")
    assert face["data"]["attributes"]["smile"] > 0.1


async def test_a_new_chat_begins_with_the_cards_greetings_as_variants(start: Start) -> None:
    client = await (await start()).client()
    opened = await client.ask("chat.open")
    roots = [message for message in opened["data"]["messages"] if message["parent"] is None]
    assert len(roots) == 5
    assert opened["data"]["active"] in {message["id"] for message in roots}
    assert all("<감정" not in message["text"] and message["emotion"] for message in roots)


async def test_a_second_send_while_she_speaks_is_refused_and_changes_nothing(start: Start) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:평온:0.5> 음", 1.0, "… 그래"]))
    client = await server.client()
    chat = await client.new_chat()
    await client.ask("turn.send", chat, client_id="one", text="들려?")
    with pytest.raises(Refused, match="turn_live"):
        await client.ask("turn.send", chat, client_id="two", text="들리냐고")
    done = await client.wait("turn.done")
    assert done["data"]["reply"]["text"] == "음… 그래"
    assert len(server.model.requests) == 1


async def test_sending_the_same_client_id_again_is_acknowledged_and_does_nothing(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    first = await client.ask("turn.send", chat, client_id="same", text="안녕")
    await client.wait("turn.done")
    again = await client.ask("turn.send", chat, client_id="same", text="안녕")
    assert again["data"] == {"client_id": "same", "message": first["data"]["message"], "duplicate": True}
    assert len(server.model.requests) == 1


async def test_stopping_keeps_what_she_said_and_stops_the_model(start: Start) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.5> 옛날", "에", 30.0, " 끝"]))
    client = await server.client()
    chat = await client.new_chat()
    await client.ask("turn.send", chat, client_id="one", text="얘기해 줘")
    while client.words(chat) != "옛날에":
        await asyncio.sleep(0.01)
    await client.send("turn.stop", chat)
    done = await client.wait("turn.done", reason="stopped")
    assert done["data"]["reply"]["text"] == "옛날에"
    assert server.model.cancelled == 1
    # and the chat is free for the next thing said
    server.model.script = echo
    assert (await client.say(chat, "그래서?"))["data"]["reason"] == "complete"


async def test_a_dropped_connection_does_not_cancel_the_turn_and_the_rest_is_replayed_exactly_once(
    start: Start,
) -> None:
    pieces = ["<감정:기쁨:0.5> ", *(f"{i}번째 말. " for i in range(30))]
    server = await start(ScriptedModel(lambda _: pieces, pace=0.01))
    token = server.token()
    first = await server.client()
    chat = await first.new_chat()
    await first.ask("turn.send", chat, client_id="one", text="세어 봐")
    while len(first.words(chat)) < 40:
        await asyncio.sleep(0.01)
    before = first.words(chat)
    first.socket.transport.abort()  # as when a phone loses its network
    await asyncio.sleep(0.05)
    from tests.fakes import Client

    async with await Client.open(server.port, token=token, last_seq={chat: first.seen[chat]}) as second:
        await second.wait("turn.done")
        assert before + second.words(chat) == "".join(pieces[1:]).strip()
        assert not any(event["type"] == "chat.snapshot" for event in second.events)


async def test_two_tabs_see_the_same_events(start: Start) -> None:
    server = await start(ScriptedModel(pace=0.005))
    one, two = await server.client(), await server.client()
    chat = await one.new_chat()
    await two.ask("chat.open", chat)
    await one.say(chat, "같이 보여?")
    await two.wait("turn.done")

    def events(client: object) -> list[object]:
        return [event for event in client.events if "seq" in event]  # type: ignore[attr-defined]

    assert events(one) == events(two)


async def test_opening_a_chat_in_the_middle_of_a_reply_loses_and_repeats_no_word(start: Start) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.5> ", *(f"{i} " for i in range(100))], pace=0.002))
    one = await server.client()
    chat = await one.new_chat()
    await one.ask("turn.send", chat, client_id="one", text="세어 봐")
    joined = []
    for _ in range(5):
        client = await server.client()
        opened = await client.ask("chat.open", chat)
        joined.append((client, next(m for m in opened["data"]["messages"] if m["status"] == "live")["text"]))
        await asyncio.sleep(0.02)
    expected = (await one.wait("turn.done"))["data"]["reply"]["text"]
    for client, text in joined:
        await client.wait("turn.done")
        assert text + client.words(chat) == expected


async def test_a_retry_is_a_sibling_and_pick_moves_between_siblings(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    first = (await client.say(chat, "안녕"))["data"]["reply"]
    await client.ask("turn.retry", chat, client_id="again", message=first["id"])
    second = (await client.wait("turn.done", after=len(client.events) - 1))["data"]["reply"]
    assert second["parent"] == first["parent"]
    assert second["id"] != first["id"]
    await client.send("turn.pick", chat, message=first["id"])
    assert (await client.wait("turn.picked"))["data"]["active"] == first["id"]


async def test_editing_what_the_user_said_makes_a_branch_whose_prompt_has_only_its_own_line(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "나는 부산에 살아")
    user = (await client.wait("turn.start"))["data"]["user"]
    await client.say(chat, "날씨 좋다")
    begin = len(client.events)
    await client.ask("message.edit", chat, client_id="edit", message=user["id"], text="나는 서울에 살아")
    await client.wait("turn.done", begin)
    prompt = "\n".join(message.content for message in server.model.requests[-1].messages)
    assert "서울" in prompt
    assert "부산" not in prompt
    snapshot = await client.ask("chat.open", chat)
    assert len([m for m in snapshot["data"]["messages"] if m["parent"] == user["parent"]]) == 2


async def test_deleting_a_message_takes_what_follows_it_and_its_words_from_the_database(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "비밀인데 나 사실 오이가 좋아")
    user = (await client.wait("turn.start"))["data"]["user"]
    await client.say(chat, "하하")
    await client.send("message.delete", chat, message=user["id"])
    removed = await client.wait("message.removed")
    assert len(removed["data"]["messages"]) == 4
    path = server.app.services.database.path
    assert path is not None
    await server.app.close()
    kept = b"".join(file.read_bytes() for file in path.parent.glob("*.sqlite3*"))
    assert "비밀인데".encode() not in kept
    await server.app.start()


async def test_a_model_that_is_down_ends_the_turn_with_a_sentence_and_the_turn_can_be_retried(start: Start) -> None:
    server = await start(ScriptedModel(lambda _: [ModelUnavailable("http://localhost:1/v1 refused the connection")]))
    client = await server.client()
    chat = await client.new_chat()
    done = await client.say(chat, "안녕")
    assert done["data"]["reason"] == "failed"
    assert "연결할 수 없어요" in done["data"]["error"]
    server.model.script = echo
    begin = len(client.events)
    await client.ask("turn.retry", chat, client_id="again", message=done["data"]["reply"]["id"])
    assert (await client.wait("turn.done", begin))["data"]["reason"] == "complete"


async def test_a_reply_without_a_tag_is_judged_by_the_classifier(start: Start) -> None:
    client = await (await start(ScriptedModel(lambda _: ["태그", " 없이 그냥 말하는", " 모델이야."]))).client()
    chat = await client.new_chat()
    done = await client.say(chat, "안녕")
    assert done["data"]["reply"]["emotion"] == "평온"
    kinds = [event["type"] for event in client.events if "seq" in event]
    assert kinds.index("face.set") < kinds.index("turn.delta")


async def test_a_server_that_is_closed_in_mid_sentence_keeps_the_words_and_marks_the_turn(start: Start) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.5> 옛날", " 옛적에", 60.0]))
    client = await server.client()
    chat = await client.new_chat()
    await client.ask("turn.send", chat, client_id="one", text="얘기해 줘")
    while client.words(chat) != "옛날 옛적에":
        await asyncio.sleep(0.01)
    await server.app.close()
    assert client.socket.close_code == 1012 or await asyncio.wait_for(client.socket.wait_closed(), 5) is None
    await server.app.start()
    server.port = server.app.port
    again = await server.client()
    snapshot = await again.ask("chat.open", chat)
    reply = snapshot["data"]["messages"][-1]
    assert (reply["text"], reply["status"], reply["emotion"]) == ("옛날 옛적에", "interrupted", "기쁨")
