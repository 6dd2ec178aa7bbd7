"""One connection: what it may ask for, how much of it, and what it is told."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
import socket
import struct
import zlib
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from character.card import builtin_card
from server import protocol, session
from server.session import KEPT_UPLOADS, PART_BYTES
from server.storage import accounts, chats
from tests.fakes import Client, Refused, ScriptedModel
from tests.server.conftest import Running, Start


async def closed_with(client: Client) -> int | None:
    await asyncio.wait_for(client.socket.wait_closed(), 20)
    return client.socket.close_code


def errors(client: Client) -> list[str]:
    return [event["data"]["code"] for event in client.events if event["type"] == "error"]


async def settled(client: Client) -> None:
    """Waits until the server has served all that this client has sent."""
    await client.ask("ping")


def picture(payload: int = 0) -> bytes:
    """A PNG of one pixel, with ``payload`` incompressible bytes in a chunk of its own."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)), chunk(b"IDAT", zlib.compress(b"\0\0\0\0"))]
    if payload:
        parts.insert(1, chunk(b"prVt", secrets.token_bytes(payload)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def card(name: str = "다온", **fields: Any) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(builtin_card().to_json("v3"))
    raw["data"] |= {
        "name": name,
        "nickname": "",
        "first_mes": "<감정:기쁨:0.6> 안녕, 나는 {{char}}이야.",
        "alternate_greetings": [],
    }
    raw["data"] |= {"description": f"{name}은 산에 산다.", "character_book": None, **fields}
    return raw


async def import_card(client: Client, raw: dict[str, Any] | bytes) -> str:
    content = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    answer = await client.ask("card.import", upload=await client.upload("card", content))
    return str(answer["data"]["imported"])


async def parts_of(client: Client, request: str, chat: str | None = None, **data: Any) -> tuple[str, bytes]:
    """Name and content of a file the client asks for."""
    begin = len(client.events)
    first = (await client.ask(request, chat, **data))["data"]
    pieces = {first["part"]: first["base64"]}
    for number in range(1, first["parts"]):
        pieces[number] = (await client.wait("file.part", begin, part=number))["data"]["base64"]
    assert sorted(pieces) == list(range(first["parts"]))
    return first["name"], b"".join(base64.b64decode(pieces[number]) for number in sorted(pieces))


# --- limits


async def test_turns_over_the_rate_are_refused_until_some_time_has_passed(start: Start) -> None:
    server = await start(turns_per_minute=120.0, turn_burst=2)
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "하나")
    await client.say(chat, "둘")
    with pytest.raises(Refused, match=r"rate_limited: 조금 천천히 .*\d초 뒤"):
        await client.say(chat, "셋")
    assert len(server.model.requests) == 2
    # another account has a bucket of its own, and time fills this one again
    other = await server.client("junho")
    await other.say(await other.new_chat(), "나는 돼")
    await asyncio.sleep(0.6)
    await client.say(chat, "셋")


async def test_coming_back_does_not_refill_the_rate(start: Start) -> None:
    server = await start(turns_per_minute=1.0, turn_burst=1)
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "하나")
    await client.close()
    again = await server.client()
    with pytest.raises(Refused, match="rate_limited"):
        await again.say(chat, "둘")


async def test_frames_over_the_rate_are_answered_with_an_error_that_names_them(start: Start) -> None:
    server = await start(frames_per_second=1.0, frame_burst=20)
    client, other = await server.client(), await server.client("junho")
    outcomes = await asyncio.gather(*(client.ask("ping") for _ in range(40)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert {error.code for error in refused} == {"rate_limited"}
    assert 15 <= len(refused) <= 21
    await other.ask("ping")
    await asyncio.sleep(1.1)
    await client.ask("ping")


async def test_whoever_goes_on_and_on_is_closed_with_1008(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MAX_REFUSED_FRAMES", 50)
    server = await start(frames_per_second=1.0, frame_burst=5)
    client, other = await server.client(), await server.client("junho")
    refused = 0
    with contextlib.suppress(ConnectionClosed, ConnectionError):
        for _ in range(100):
            try:
                await client.ask("ping")
            except Refused:
                refused += 1
    assert await closed_with(client) == 1008
    assert refused == 50
    await other.ask("ping")


async def test_an_account_has_a_limited_number_of_connections(start: Start) -> None:
    server = await start(connections_per_account=2)
    first, _ = await server.client(), await server.client()
    with pytest.raises(Refused, match="rate_limited"):
        await Client.open(server.port, token=server.token())
    await server.client("junho")
    await first.close()
    await server.client()


async def test_a_connection_too_many_for_its_account_is_asked_to_try_later(start: Start) -> None:
    server = await start(connections_per_account=1)
    await server.client()
    async with connect(f"ws://127.0.0.1:{server.port}/ws", proxy=None) as extra:
        await extra.send(json.dumps({"v": 1, "type": "hello", "data": {"token": server.token()}}))
        assert json.loads(await extra.recv())["data"]["code"] == "rate_limited"
        await asyncio.wait_for(extra.wait_closed(), 10)
        assert extra.close_code == 1013


async def test_the_server_has_a_limited_number_of_connections(start: Start) -> None:
    server = await start(max_connections=2)
    client, _ = await server.client(), await server.client("junho")
    async with connect(f"ws://127.0.0.1:{server.port}/ws", proxy=None) as extra:
        await asyncio.wait_for(extra.wait_closed(), 10)
        assert extra.close_code == 1013
    await client.ask("ping")
    await client.close()
    await server.client()


async def test_a_frame_over_64_kib_closes_its_own_connection_with_1009(start: Start) -> None:
    server = await start()
    client, other = await server.client(), await server.client()
    fits = json.dumps({"v": 1, "type": "ping", "id": "fits", "data": {}})
    await client.socket.send(fits + " " * (protocol.MAX_FRAME_BYTES - len(fits)))
    await client.ask("ping")
    await client.socket.send(fits + " " * (protocol.MAX_FRAME_BYTES - len(fits) + 1))
    assert await closed_with(client) == 1009
    await other.socket.send(b"\0" * (protocol.MAX_FRAME_BYTES + 1))
    assert await closed_with(other) == 1009
    await (await server.client()).ask("ping")


async def test_text_over_its_limit_is_refused_and_text_at_the_limit_is_taken(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    with pytest.raises(Refused, match="bad_request"):
        await client.say(chat, "가" * (protocol.MAX_TEXT_CHARACTERS + 1))
    done = await client.say(chat, "가" * protocol.MAX_TEXT_CHARACTERS)
    assert done["data"]["reason"] in ("complete", "failed")


async def idle_client(port: int, token: str, chat: str) -> ClientConnection:
    """A client that opens a chat and then reads nothing more, behind a small window."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
    idle = await connect(
        f"ws://127.0.0.1:{port}/ws", sock=plain, max_size=None, max_queue=1, compression=None, proxy=None
    )
    await idle.send(json.dumps({"v": 1, "type": "hello", "data": {"token": token}}))
    assert json.loads(await idle.recv())["type"] == "welcome"
    await idle.send(json.dumps({"v": 1, "type": "chat.open", "id": "open", "chat": chat}))
    assert json.loads(await idle.recv())["type"] == "chat.snapshot"
    return idle


async def test_a_client_that_does_not_read_is_closed_with_1013_and_the_others_do_not_notice(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing, close = asyncio.Event(), session.Session.close

    def noted(self: session.Session, code: int, reason: str) -> None:
        closing.set()
        close(self, code, reason)

    monkeypatch.setattr(session.Session, "close", noted)
    monkeypatch.setattr(session, "MAX_UNSENT_BYTES", 256 * 1024)
    pieces = ["<감정:기쁨:0.5> ", *(f"{number}" + "가" * 20_000 for number in range(150))]
    server = await start(ScriptedModel(lambda _: pieces, pace=0.005))
    reader = await server.client()
    chat = await reader.new_chat()
    idle = await idle_client(server.port, server.token(), chat)
    begin = len(reader.events)
    await reader.ask("turn.send", chat, client_id="one", text="길게 얘기해 줘")
    await asyncio.wait_for(closing.wait(), 30)
    last = 0
    with pytest.raises(ConnectionClosed):
        async with asyncio.timeout(20):
            while True:
                last = json.loads(await idle.recv()).get("seq", last)
    assert idle.close_code == 1013
    done = await reader.wait("turn.done", begin)
    assert done["data"]["reply"]["text"] == "".join(pieces[1:]) == reader.words(chat)
    # it comes back and is given the rest
    assert 0 < last < done["seq"]
    async with await Client.open(server.port, token=server.token(), last_seq={chat: last}) as again:
        await again.wait("turn.done")
        assert done["data"]["reply"]["text"].endswith(again.words(chat))


async def test_a_file_larger_than_what_may_wait_is_sent_to_a_slow_reader_whole(start: Start) -> None:
    server = await start()
    client = await server.client()
    content = picture(12 * 2**20)
    ident = await import_card(client, builtin_card().to_png(content))
    name, exported = await parts_of(client, "card.export", card=ident, format="png")
    assert name.endswith(".png")
    assert len(exported) > 12 * 2**20 > PART_BYTES
    await client.ask("ping")


async def test_a_chat_larger_than_what_may_wait_can_be_brought_in_and_opened(start: Start) -> None:
    server = await start()
    client = await server.client()
    head = {"format": "ohlora.chat", "version": 1, "title": "긴 이야기", "card": "aurora", "character": "오로라", "created": 1.0,
            "updated": 1.0, "active": 399}  # fmt: skip
    message = {"role": "assistant", "status": "complete", "created": 1.0, "text": "가" * 10_000}
    lines = [head, *(message | {"parent": number - 1 if number else None} for number in range(400))]
    content = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()
    assert len(content) > session.MAX_UNSENT_BYTES
    opened = await client.ask("chat.import", upload=await client.upload("chat", content))
    assert len(opened["data"]["messages"]) == 400
    for _ in range(3):
        await client.ask("chat.open", opened["chat"])
        await client.ask("ping")


# --- uploads


async def start_upload(client: Client, content: bytes, **changes: Any) -> dict[str, Any]:
    announced = {"kind": "card", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()} | changes
    asked = asyncio.ensure_future(client.ask("upload.start", **announced))
    await asyncio.sleep(0)
    await client.socket.send(content)
    return await asked


async def test_an_upload_that_is_not_what_was_announced_is_refused_and_the_error_names_it(start: Start) -> None:
    client = await (await start()).client()
    with pytest.raises(Refused, match="bad_request: 파일이 오는 길에 달라졌어요"):
        await start_upload(client, b"hello", sha256="0" * 64)
    with pytest.raises(Refused, match="too_large"):
        await start_upload(client, b"hello", size=4)
    answer = await start_upload(client, b"hello")
    assert answer["type"] == "upload.done"


async def test_bytes_nobody_announced_are_refused(start: Start) -> None:
    client = await (await start()).client()
    await client.socket.send(b"hello")
    await settled(client)
    assert errors(client) == ["bad_request"]
    # nor does a good upload leave the door open
    await start_upload(client, b"hello")
    await client.socket.send(b"more")
    await settled(client)
    assert errors(client) == ["bad_request"] * 2


@pytest.mark.parametrize(
    "announced",
    [
        {"size": protocol.MAX_UPLOAD_BYTES + 1}, {"size": 0}, {"size": -1}, {"size": 1.5}, {"size": "5"}, {"kind": "virus"},
        {"sha256": "0" * 63}, {"sha256": "G" * 64}, {"sha256": "0" * 64 + "\n"}, {"sha256": None},
    ],
)  # fmt: skip
async def test_an_upload_that_is_announced_wrongly_is_refused_at_once(start: Start, announced: dict[str, Any]) -> None:
    client = await (await start()).client()
    with pytest.raises(Refused, match="bad_request"):
        await client.ask("upload.start", **({"kind": "card", "size": 5, "sha256": "0" * 64} | announced))
    await client.ask("ping")


async def test_a_new_upload_takes_the_place_of_one_that_was_not_finished(start: Start) -> None:
    client = await (await start()).client()
    await client.send("upload.start", kind="card", size=100, sha256="0" * 64)
    await client.socket.send(b"half")
    answer = await start_upload(client, b"hello")
    assert answer["type"] == "upload.done"


async def test_an_upload_is_used_once_and_only_the_last_few_are_kept(start: Start) -> None:
    server = await start()
    client, other = await server.client(), await server.client()
    content = json.dumps(card()).encode()
    upload = await client.upload("card", content)
    with pytest.raises(Refused, match="올라와 있지 않아요"):
        await other.ask("card.import", upload=upload)  # it belongs to its connection
    await client.ask("card.import", upload=upload)
    with pytest.raises(Refused, match="올라와 있지 않아요"):
        await client.ask("card.import", upload=upload)
    uploads = [await client.upload("card", content) for _ in range(KEPT_UPLOADS + 1)]
    with pytest.raises(Refused, match="올라와 있지 않아요"):
        await client.ask("card.import", upload=uploads[0])
    await client.ask("card.import", upload=uploads[-1])


@pytest.mark.parametrize("size", [1, 60_000, 60_001, 1_000_000])
async def test_an_upload_arrives_whole_in_as_many_pieces_as_it_takes(start: Start, size: int) -> None:
    client = await (await start()).client()
    ident = await client.upload("card", b"x" * size)
    with pytest.raises(Refused, match="bad_request: 캐릭터 카드를 읽을 수 없어요"):
        await client.ask("card.import", upload=ident)


# --- other people's things


async def test_what_belongs_to_another_account_is_as_if_it_were_not_there(start: Start) -> None:
    server = await start()
    owner, other = await server.client(), await server.client("junho")
    chat = await owner.new_chat()
    said = await owner.say(chat, "내 비밀은 아무도 몰라")
    reply, user = said["data"]["reply"]["id"], said["data"]["reply"]["parent"]
    own_card = await import_card(owner, card())
    requests: list[tuple[str, dict[str, Any]]] = [
        ("chat.open", {}), ("chat.rename", {"title": "x"}), ("chat.delete", {}), ("chat.export", {}), ("turn.stop", {}),
        ("turn.send", {"client_id": "a", "text": "x"}), ("turn.send", {"client_id": "a", "text": "x", "parent": reply}),
        ("turn.retry", {"client_id": "b", "message": reply}), ("turn.pick", {"message": reply}),
        ("message.edit", {"client_id": "c", "message": user, "text": "x"}), ("message.delete", {"message": user}),
        ("feedback", {"message": reply, "good": True}),
    ]  # fmt: skip
    for request, data in requests:
        with pytest.raises(Refused, match="not_found") as theirs:
            await other.ask(request, chat, **data)
        with pytest.raises(Refused, match="not_found") as nowhere:
            await other.ask(request, "0123456789abcdef", **data)
        assert str(theirs.value) == str(nowhere.value)
    for request, data in [
        ("chat.open", {"card": own_card}),
        ("card.export", {"card": own_card}),
        ("card.delete", {"card": own_card}),
    ]:
        with pytest.raises(Refused, match="not_found"):
            await other.ask(request, **data)
    assert (await other.ask("chat.list"))["data"]["chats"] == []
    assert (await other.ask("chat.search", query="비밀"))["data"]["hits"] == []
    assert [c["id"] for c in (await other.ask("card.list"))["data"]["cards"]] == ["aurora"]
    # a chat of another account in last_seq is one that is gone
    async with await Client.open(server.port, token=server.token("junho"), last_seq={chat: 0}) as again:
        await again.wait("chat.removed")
        await settled(again)
        assert [event["type"] for event in again.events] == ["chat.removed"]
    # and nothing of all that has reached the owner
    await settled(owner)
    assert not [
        event for event in owner.events if event["type"] in ("chat.removed", "message.removed", "message.marked")
    ]


async def test_a_disabled_account_is_closed_with_1008_at_its_next_turn(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "안녕")
    server.app.services.database.write_now(lambda connection: accounts.set_disabled(connection, "minji", True))
    with pytest.raises(Refused, match="unauthorized: 이 계정은 운영자가 닫아"):
        await client.say(chat, "안녕?")
    assert await closed_with(client) == 1008
    with pytest.raises(Refused, match="unauthorized"):
        await Client.open(server.port, token=server.token())
    assert len(server.model.requests) == 1


@pytest.mark.parametrize("request_type", ["chat.open", "chat.import", "turn.retry", "message.edit"])
async def test_a_disabled_account_begins_nothing_by_another_way(start: Start, request_type: str) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    reply = (await client.say(chat, "안녕"))["data"]["reply"]
    _, content = await parts_of(client, "chat.export", chat)
    data: dict[str, Any] = {"message": reply["parent"], "client_id": "x"}
    if request_type == "message.edit":
        data["text"] = "다르게"
    elif request_type == "chat.import":
        data = {"upload": await client.upload("chat", content)}
    elif request_type == "chat.open":
        data = {}
    server.app.services.database.write_now(lambda connection: accounts.set_disabled(connection, "minji", True))
    with pytest.raises(Refused, match="unauthorized"):
        await client.ask(request_type, None if request_type.startswith("chat") else chat, **data)
    assert await closed_with(client) == 1008


# --- logging in


async def test_a_login_code_brings_a_token_to_keep_and_works_once(start: Start) -> None:
    server = await start()

    def code(connection: Any) -> str:
        return accounts.issue_login(connection, accounts.add_account(connection, "minji"))

    login = server.app.services.database.write_now(code)
    async with await Client.open(server.port, login=login) as client:
        token = client.welcome["token"]
        assert client.welcome["account"] == "minji"
        assert len(token) > 30
    async with await Client.open(server.port, token=token) as client:
        assert client.welcome["token"] is None
        assert client.welcome["limits"] == {"text": 4000, "frame": 65536, "upload": 32 * 2**20}
    for wrong in (login, token, "", "x" * 32):
        with pytest.raises(Refused, match="unauthorized"):
            await Client.open(server.port, login=wrong)


async def test_two_browsers_with_the_same_code_get_in_once(start: Start) -> None:
    server = await start()
    server.token()
    login = server.app.services.database.write_now(
        lambda connection: accounts.issue_login(connection, accounts.find_account(connection, "minji"))
    )
    outcomes = await asyncio.gather(*(Client.open(server.port, login=login) for _ in range(5)), return_exceptions=True)
    inside = [outcome for outcome in outcomes if isinstance(outcome, Client)]
    assert len(inside) == 1
    await inside[0].close()


async def test_a_second_hello_is_refused_and_changes_nothing(start: Start) -> None:
    server = await start()
    client = await server.client()
    with pytest.raises(Refused, match="bad_request"):
        await client.ask("hello", token=server.token("junho"))
    assert (await client.ask("chat.list"))["data"]["chats"] == []


# --- what a client has missed


async def test_a_client_that_saw_too_little_or_another_history_gets_a_snapshot(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chats, "KEPT_EVENTS", 5)
    monkeypatch.setattr(chats, "PRUNE_AT", 10)
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    for number in range(4):
        await client.say(chat, f"{number}번째 말")
    last = client.seen[chat]
    token = server.token()
    for claimed in (0, 1, last + 1, 2**53):
        async with await Client.open(server.port, token=token, last_seq={chat: claimed}) as again:
            snapshot = await again.wait("chat.snapshot")
            assert snapshot["data"]["seq"] == last
            assert len([m for m in snapshot["data"]["messages"] if m["role"] == "user"]) == 4
            await settled(again)
            assert [event["type"] for event in again.events if event["type"] != "chat.changed"] == ["chat.snapshot"]
    async with await Client.open(server.port, token=token, last_seq={chat: last - 3}) as again:
        await again.wait("turn.done")
        assert [event["seq"] for event in again.events if "seq" in event] == [last - 2, last - 1, last]
    async with await Client.open(server.port, token=token, last_seq={chat: last}) as again:
        await settled(again)
        assert not any("seq" in event for event in again.events)
        # it is in the chat all the same
        await client.say(chat, "또 왔네")
        await again.wait("turn.done")


async def test_after_a_deletion_whoever_was_away_gets_a_snapshot_without_the_words(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    done = await client.say(chat, "지울 말")
    seen = client.seen[chat]
    await client.send("message.delete", chat, message=done["data"]["reply"]["parent"])
    await client.wait("message.removed")
    async with await Client.open(server.port, token=server.token(), last_seq={chat: seen - 1}) as again:
        snapshot = await again.wait("chat.snapshot")
        assert "지울 말" not in json.dumps(snapshot, ensure_ascii=False)


async def test_a_chat_that_is_gone_is_told_to_whoever_comes_back_for_it(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat, other = await client.new_chat(), await client.new_chat()
    await client.send("chat.delete", chat)
    await client.wait("chat.removed")
    last_seq = {chat: 0, other: 0, "never-was": 5}
    async with await Client.open(server.port, token=server.token(), last_seq=last_seq) as again:
        await settled(again)
        assert sorted(event["chat"] for event in again.events if event["type"] == "chat.removed") == sorted(
            [chat, "never-was"]
        )


# --- chats, cards and the profile


async def test_renaming_and_deleting_reach_every_window_of_the_account(start: Start) -> None:
    server = await start()
    one, two, other = await server.client(), await server.client(), await server.client("junho")
    chat = await one.new_chat()
    await one.send("chat.rename", chat, title="  바닷가 이야기  ")
    for client in (one, two):
        while (await client.wait("chat.changed"))["data"]["chat"]["title"] != "바닷가 이야기":
            client.events.remove(await client.wait("chat.changed"))
    await one.send("chat.delete", chat)
    for client in (one, two):
        assert (await client.wait("chat.removed"))["chat"] == chat
    with pytest.raises(Refused, match="not_found"):
        await two.ask("chat.open", chat)
    await settled(other)
    assert other.events == []


async def test_a_chat_takes_its_title_from_what_is_said_first(start: Start) -> None:
    client = await (await start()).client()
    chat = await client.new_chat()
    await client.say(chat, "오늘  점심은\n뭐가 좋을까")
    await client.say(chat, "국수?")
    listed = (await client.ask("chat.list"))["data"]["chats"]
    assert [(found["title"], found["character"]) for found in listed] == [("오늘 점심은 뭐가 좋을까", "오로라")]


async def test_a_search_finds_words_in_all_chats_of_the_account(start: Start) -> None:
    client = await (await start()).client()
    for text in ("고래를 봤어", "100% 고래였어"):
        await client.say(await client.new_chat(), text)
    found = (await client.ask("chat.search", query=" 고래 "))["data"]
    assert found["query"] == "고래"
    assert {hit["text"] for hit in found["hits"] if hit["role"] == "user"} == {"고래를 봤어", "100% 고래였어"}
    assert [hit["text"] for hit in (await client.ask("chat.search", query="100%"))["data"]["hits"]][-1].startswith(
        "100%"
    )
    assert (await client.ask("chat.search", query="%%"))["data"]["hits"] == []


async def test_a_mark_on_a_reply_is_kept_and_shown_to_all(start: Start) -> None:
    server = await start()
    one, two = await server.client(), await server.client()
    chat = await one.new_chat()
    reply = (await one.say(chat, "안녕"))["data"]["reply"]
    await two.ask("chat.open", chat)
    for good in (True, False, None):
        await one.send("feedback", chat, message=reply["id"], good=good)
        assert (await two.wait("message.marked", good=good))["data"]["message"] == reply["id"]
        snapshot = await two.ask("chat.open", chat)
        assert next(m for m in snapshot["data"]["messages"] if m["id"] == reply["id"])["good"] is good
    with pytest.raises(Refused, match="bad_request"):
        await one.ask("feedback", chat, message=reply["parent"], good=True)


async def test_a_chat_goes_out_and_comes_in_over_the_socket_as_the_same_file(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "나는 부산에 살아")
    name, content = await parts_of(client, "chat.export", chat)
    assert name == "나는 부산에 살아.jsonl"
    other = await server.client("junho")
    opened = await other.ask("chat.import", upload=await other.upload("chat", content))
    assert [m["text"] for m in opened["data"]["messages"]][-2] == "나는 부산에 살아"
    assert (await parts_of(other, "chat.export", opened["chat"]))[1] == content
    # it is watched from the start
    await other.say(opened["chat"], "이어서")


async def test_a_file_that_is_no_chat_is_refused_by_line_and_nothing_is_made(start: Start) -> None:
    client = await (await start()).client()
    chat = await client.new_chat()
    _, content = await parts_of(client, "chat.export", chat)
    for broken, line in ((content[:-5], "6번째 줄"), (b"\x89PNG", "UTF-8"), (b"{}", "첫 줄")):
        with pytest.raises(Refused, match=f"bad_request: .*{line}"):
            await client.ask("chat.import", upload=await client.upload("chat", broken))
    assert len((await client.ask("chat.list"))["data"]["chats"]) == 1


@pytest.mark.parametrize("form", ["json", "png"])
async def test_a_card_comes_in_is_talked_to_goes_out_and_is_deleted(start: Start, form: str) -> None:
    server = await start()
    client = await server.client()
    raw = card(extensions={"someone_elses": {"depth": [1, 2.5, None, "x"]}})
    content = json.dumps(raw).encode()
    if form == "png":
        from character.card import Card

        content = Card.from_bytes(content, "card.json").to_png(picture())
    ident = await import_card(client, content)
    listed = (await client.ask("card.list"))["data"]["cards"]
    assert [(found["id"], found["name"], found["builtin"]) for found in listed] == [
        ("aurora", "오로라", True), (ident, "다온", False),
    ]  # fmt: skip
    opened = await client.ask("chat.open", card=ident)
    assert [m["text"] for m in opened["data"]["messages"]] == ["안녕, 나는 다온이야."]
    _, exported = await parts_of(client, "card.export", card=ident, format="json")
    assert json.loads(exported)["data"]["extensions"] == raw["data"]["extensions"]
    name, png = await parts_of(client, "card.export", card=ident, format="png")
    assert name == "다온.png"
    assert png.startswith(b"\x89PNG")
    again = await import_card(client, png)
    assert len((await client.ask("card.delete", card=again))["data"]["cards"]) == 2
    assert len((await client.ask("card.delete", card=ident))["data"]["cards"]) == 1
    # the chat keeps its character
    assert (await client.say(opened["chat"], "아직 있어?"))["data"]["reason"] == "complete"
    assert "다온" in server.model.requests[-1].messages[0].content
    with pytest.raises(Refused, match="not_found"):
        await client.ask("chat.open", card=ident)


def deep_v1_card(levels: int) -> bytes:
    """A card without ``data`` around it; it becomes one level deeper when it is kept as V3."""
    fields = ("name", "description", "personality", "scenario", "first_mes", "mes_example")
    return (
        json.dumps(dict.fromkeys(fields, "x"))[:-1].encode()
        + b', "deep": '
        + b'{"a":' * levels
        + b"1"
        + b"}" * (levels + 1)
    )


async def test_a_card_that_cannot_be_read_is_refused_with_its_problem(start: Start) -> None:
    client = await (await start()).client()
    for content, problem in (
        (b"{", "JSON"), (b"[]", "object"), (picture(), "no character card"), (picture()[:40], "cut short"),
        (json.dumps(card(name=5)).encode(), "name"), (b"\xff\xfe", "neither a PNG picture nor JSON"), (b"[" * 50_000, "nested"),
        (deep_v1_card(98), "nested"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=f"bad_request: .*{problem}"):
            await client.ask("card.import", upload=await client.upload("card", content))
    assert len((await client.ask("card.list"))["data"]["cards"]) == 1


async def test_the_built_in_card_stays(start: Start) -> None:
    client = await (await start()).client()
    with pytest.raises(Refused, match="오로라는 지울 수 없어요"):
        await client.ask("card.delete", card="aurora")
    name, content = await parts_of(client, "card.export", card="aurora", format="json")
    assert name == "오로라.json"
    assert json.loads(content)["data"]["name"] == "오로라"


@pytest.mark.parametrize(
    "odd",
    [
        {"name": "이" * 5000},
        {"first_mes": "긴 인사. " * 30_000},
        {"extensions": {"broken": "\ud800 half a pair"}},
        {"name": "../../etc/passwd\r\nX: y"},
        {"first_mes": "", "alternate_greetings": ["", " "]},
        {"tags": ["<script>"] * 100},
        {"creator_notes": "\u202e뒤집힌\u0000글"},
    ],
)
async def test_odd_cards_can_be_talked_to_and_their_chats_taken_out(start: Start, odd: dict[str, Any]) -> None:
    client = await (await start()).client()
    ident = await import_card(client, card(**odd))
    opened = await client.ask("chat.open", card=ident)
    await client.say(opened["chat"], "안녕")
    name, content = await parts_of(client, "chat.export", opened["chat"])
    assert "/" not in name.removesuffix(".jsonl") or name
    copy = await client.ask("chat.import", upload=await client.upload("chat", content))
    assert (await parts_of(client, "chat.export", copy["chat"]))[1] == content
    name, _ = await parts_of(client, "card.export", card=ident, format="json")
    assert not set(name) & set("/\\\r\n:")


async def test_the_name_of_the_user_reaches_every_window_and_the_prompt(start: Start) -> None:
    server = await start()
    one, two = await server.client(), await server.client()
    await one.send("profile.set", name="  민지 ")
    for client in (one, two):
        assert (await client.wait("profile"))["data"]["name"] == "민지"
    chat = await one.new_chat()
    await one.say(chat, "내 이름 알아?")
    assert "민지" in server.model.requests[-1].messages[0].content
    assert (await server.client()).welcome["user_name"] == "민지"
    await one.send("profile.set", name="")
    assert (await one.wait("profile", name=""))["data"]["name"] == ""


async def test_a_stop_where_nothing_is_said_is_harmless(start: Start) -> None:
    client = await (await start()).client()
    chat = await client.new_chat()
    await client.send("turn.stop", chat)
    await settled(client)
    assert errors(client) == []
    assert (await client.say(chat, "안녕"))["data"]["reason"] == "complete"


async def test_requests_of_one_connection_are_answered_in_their_order(start: Start) -> None:
    client = await (await start()).client()
    order: list[str] = []

    async def ask(type: str, **data: Any) -> None:
        with contextlib.suppress(Refused):
            await client.ask(type, **data)
        order.append(type)

    kinds = ["card.list", "ping", "chat.list", "chat.open", "ping", "chat.search", "card.export"]
    data = {"chat.search": {"query": "x"}, "card.export": {"card": "nowhere"}}
    await asyncio.gather(*(ask(kind, **data.get(kind, {})) for kind in kinds))
    assert order == kinds


async def test_a_fault_of_ours_is_told_and_the_connection_lives_on(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server: Running = await start()
    client = await server.client()
    chat = await client.new_chat()
    monkeypatch.setattr(chats, "search", lambda *_: 1 / 0)
    with pytest.raises(Refused, match="internal"):
        await client.ask("chat.search", query="x")
    assert "request failed" in caplog.text
    assert (await client.say(chat, "안녕"))["data"]["reason"] == "complete"
