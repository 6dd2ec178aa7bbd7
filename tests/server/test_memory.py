"""Her memory in the running server: what is told is saved, recalled, shown and forgotten, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
import sqlalchemy as sa

from character.language_model import GenerationRequest
from rag import schema
from rag.memory import KINDS, SLOTS
from rag.recall import Recall
from server import memory, protocol, remembering
from server.control import ask
from server.errors import BadRequest
from server.memory import Helpers, plain_answer
from server.remembering import is_able
from server.settings import Settings
from server.storage import schema as tables
from tests.fakes import Client, Refused, ScriptedModel
from tests.server.conftest import Running, Start

FACTS = {
    "고양이": {"kind": "relationship", "slot": "pet", "text": "고양이 나비를 키운다.", "quote": "고양이 나비를 키워"},
    "전주": {"kind": "fact", "slot": "home", "text": "전주에서 산다.", "quote": "전주에서 살아"},
    "서울": {"kind": "fact", "slot": "home", "text": "서울에서 산다.", "quote": "서울에서 살아"},
    "땅콩": {"kind": "fact", "slot": "health", "text": "땅콩 알레르기가 있다.", "quote": "땅콩 알레르기가 있어"},
}


def attentive(request: GenerationRequest) -> Sequence[str | float | Exception]:
    """Finds the facts above in the task of extraction; else answers with what it was shown of her memory."""
    first, last = request.messages[0].content, request.messages[-1].content
    if first.startswith("[기억]"):
        said = last.rpartition("마지막 말: ")[2]
        return [json.dumps([fact for fact in FACTS.values() if fact["quote"] in said], ensure_ascii=False)]
    if first.startswith("[요약]"):
        return [f"둘은 {len(last.splitlines())}줄을 이야기했다."]
    return ["<감정:평온:0.5> ", note(request) or "응."]


def note(request: GenerationRequest) -> str:
    """The turn's note: memories, summary, notices."""
    return "\n".join(message.content for message in request.messages[1:] if message.role == "system")


@pytest.fixture
def remember(start: Start, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts servers that remember, with a model that finds the facts above and no patterns."""
    monkeypatch.setattr("rag.patterns.propose", lambda text, *rest, **more: [])

    async def begin(model: ScriptedModel | None = None, **settings: Any) -> Running:
        chosen = {"memory": "on", "extraction": "model"} | settings
        server = await start(model or ScriptedModel(attentive), **chosen)
        await hers(server).ready.wait()
        return server

    return begin


def hers(server: Running) -> memory.HerMemory:
    found = server.app.services.memory
    assert found is not None
    return found


async def tell(client: Client, chat: str, text: str) -> dict[str, Any]:
    """Says something that is worth remembering; returns `memory.saved`."""
    begin = len(client.events)
    await client.say(chat, text)
    return (await client.wait("memory.saved", begin))["data"]


async def at_rest(server: Running) -> None:
    """Waits until no work is noted any more."""
    async with asyncio.timeout(20):
        while rows(server, schema.jobs):
            await asyncio.sleep(0.02)


def rows(server: Running, table: sa.Table) -> list[Any]:
    with server.app.services.database.engine.begin() as connection:
        return list(connection.execute(sa.select(table)))


async def reply(client: Client, chat: str, text: str) -> str:
    return str((await client.say(chat, text))["data"]["reply"]["text"])


async def texts(client: Client, **asked: Any) -> list[str]:
    return [found["text"] for found in (await client.ask("memory.list", **asked))["data"]["memories"]]


async def restarted(server: Running) -> None:
    await server.app.close()
    await server.app.start()
    server.port = server.app.port
    await hers(server).ready.wait()


# --- told, saved, recalled


async def test_what_was_told_is_saved_and_recalled_in_a_new_chat_after_a_restart(remember: Start) -> None:
    server = await remember()
    client = await server.client()
    chat = await client.new_chat()
    saved = await tell(client, chat, "나 고양이 나비를 키워!")
    [kept] = saved["memories"]
    assert (kept["text"], kept["quote"], kept["chat"]) == ("고양이 나비를 키운다.", "고양이 나비를 키워", chat)
    assert saved["message"] == kept["message"]
    await restarted(server)
    client = await server.client()
    chat = await client.new_chat()
    begin = len(client.events)
    assert "고양이 나비를 키운다." in await reply(client, chat, "우리 고양이 이름 기억나?")
    used = await client.wait("memory.used", begin)
    assert [(m["id"], m["text"]) for m in used["data"]["memories"]] == [(kept["id"], kept["text"])]
    kinds = [event["type"] for event in client.events[begin:] if event["chat"] == chat and "seq" in event]
    assert kinds.index("turn.start") < kinds.index("memory.used") < kinds.index("turn.delta")
    # a page that opens the chat later sees it as well
    snapshot = (await client.ask("chat.open", chat))["data"]
    assert snapshot["used"] == {used["data"]["message"]: used["data"]["memories"]}


async def test_a_turn_that_recalls_nothing_says_nothing_about_it(remember: Start) -> None:
    server = await remember()
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "안녕")
    assert "memory.used" not in [event["type"] for event in client.events]
    assert note(server.model.requests[0]) == ""


async def test_the_debug_record_names_what_was_recalled_by_id_and_score_without_its_words(remember: Start) -> None:
    server = await remember()
    client = await server.client()
    saved = await tell(client, await client.new_chat(), "나 고양이 나비를 키워!")
    chat = await client.new_chat()
    await reply(client, chat, "우리 고양이 이름 기억나?")
    record = next(row.debug for row in rows(server, tables.messages) if row.chat == chat and row.debug)
    found = json.loads(record)["memory"]["found"]
    assert found[0]["id"] == saved["memories"][0]["id"]
    assert found[0]["score"] > 0.5
    assert "나비" not in record


async def test_what_patterns_find_is_saved_without_asking_the_model(start: Start) -> None:
    server = await start(ScriptedModel(attentive), memory="on", extraction="patterns")
    client = await server.client()
    saved = await tell(client, await client.new_chat(), "나 고양이 키워")
    assert "고양이" in saved["memories"][0]["text"]
    assert saved["memories"][0]["source"] == "pattern"
    assert not [r for r in server.model.requests if r.messages[0].content.startswith("[기억]")]


async def test_a_new_fact_takes_the_place_of_the_old_one_and_tells_which(remember: Start) -> None:
    server = await remember()
    client = await server.client()
    chat = await client.new_chat()
    await tell(client, chat, "나 전주에서 살아")
    saved = await tell(client, chat, "이제는 서울에서 살아")
    assert [old["text"] for old in saved["memories"][0]["earlier"]] == ["전주에서 산다."]
    assert await texts(client) == ["서울에서 산다."]


async def test_two_accounts_know_nothing_of_each_other(remember: Start) -> None:
    server = await remember()
    minji, junho = await server.client(), await server.client("junho")
    saved = await tell(minji, await minji.new_chat(), "나 고양이 나비를 키워!")
    ident = saved["memories"][0]["id"]
    assert await texts(junho) == []
    assert (await junho.ask("memory.search", text="고양이"))["data"]["memories"] == []
    assert "나비" not in await reply(junho, await junho.new_chat(), "우리 고양이 이름 기억나?")
    for request, data in [
        ("memory.edit", {"id": ident, "text": "강아지를 키운다."}), ("memory.edit", {"id": ident, "pinned": True}),
        ("memory.delete", {"id": ident}), ("memory.forget", {"ids": [ident], "confirm": True}),
    ]:  # fmt: skip
        with pytest.raises(Refused, match="not_found") as theirs:
            await junho.ask(request, **data)
        with pytest.raises(Refused, match="not_found") as nowhere:
            await junho.ask(request, **(data | ({"ids": ["nowhere"]} if "ids" in data else {"id": "nowhere"})))
        assert str(theirs.value) == str(nowhere.value)
    assert await texts(minji) == ["고양이 나비를 키운다."]
    assert not [event for event in junho.events if event["type"].startswith("memory.")]


async def test_a_branch_remembers_its_own_line_only(remember: Start) -> None:
    server = await remember()
    client = await server.client()
    chat = await client.new_chat()
    saved = await tell(client, chat, "나 전주에서 살아")
    begin = len(client.events)
    await client.ask("message.edit", chat, client_id="edit", message=saved["message"], text="나 서울에서 살아")
    await client.wait("memory.saved", begin)
    assert await texts(client) == ["서울에서 산다."]
    assert "전주" not in await reply(client, chat, "내가 어디 산다고 했지?")
    await client.send("turn.pick", chat, message=saved["message"])
    await client.wait("turn.picked")
    assert await texts(client) == ["전주에서 산다."]


async def test_a_retry_takes_nothing_along_and_adds_nothing(remember: Start) -> None:
    server = await remember()
    client = await server.client()
    chat = await client.new_chat()
    await tell(client, chat, "나 전주에서 살아")
    last = next(event for event in reversed(client.events) if event["type"] == "turn.done")["data"]["reply"]
    begin = len(client.events)
    await client.ask("turn.retry", chat, client_id="again", message=last["id"])
    await client.wait("turn.done", begin)
    await at_rest(server)
    assert await texts(client) == ["전주에서 산다."]
    assert "memory.saved" not in [event["type"] for event in client.events[begin:]]


async def test_deleting_a_message_or_a_chat_takes_its_memories_along_and_tells(remember: Start) -> None:
    server = await remember()
    client = await server.client()
    first, second, third = [await client.new_chat() for _ in range(3)]
    one = await tell(client, first, "나 전주에서 살아")
    two = await tell(client, second, "나 고양이 나비를 키워")
    await reply(client, third, "우리 고양이 이름 기억나?")
    await client.send("message.delete", first, message=one["message"])
    assert (await client.wait("memory.forgotten"))["data"]["ids"] == [one["memories"][0]["id"]]
    assert await texts(client) == ["고양이 나비를 키운다."]
    begin = len(client.events)
    await client.send("chat.delete", second)
    assert (await client.wait("memory.forgotten", begin))["data"]["ids"] == [two["memories"][0]["id"]]
    assert await texts(client) == []
    assert rows(server, schema.memories) == []
    # nor do the stored events of another chat that used it keep its words
    assert not [row for row in rows(server, tables.events) if row.type == "memory.used" and "나비를 키운다" in row.data]


async def test_a_message_deleted_while_memories_are_taken_from_it_leaves_none(remember: Start) -> None:
    asked = asyncio.Event()

    def slow(request: GenerationRequest) -> Sequence[str | float | Exception]:
        if request.messages[0].content.startswith("[기억]"):
            asked.set()
            return [0.3, *attentive(request)]
        return ["<감정:평온:0.5> 응."]

    server = await remember(ScriptedModel(slow))
    client = await server.client()
    chat = await client.new_chat()
    done = await client.say(chat, "나 전주에서 살아")
    await asyncio.wait_for(asked.wait(), 10)
    await client.send("message.delete", chat, message=done["data"]["reply"]["parent"])
    await client.wait("message.removed")
    await asyncio.sleep(0.6)
    assert rows(server, schema.memories) == []
    assert rows(server, schema.jobs) == []


# --- nothing is lost, nothing is held up


async def test_what_was_said_right_before_the_server_died_is_remembered_at_the_next_start(
    remember: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(self: remembering.Remembering) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(remembering.Remembering, "_run", never)  # as if killed before the worker came to it
        server = await remember()
        client = await server.client()
        await client.say(await client.new_chat(), "나 전주에서 살아")
        assert len(rows(server, schema.jobs)) == 1
        await server.app.close()
    await server.app.start()
    server.port = server.app.port
    await at_rest(server)
    assert await texts(await server.client()) == ["전주에서 산다."]


async def test_a_recall_that_takes_too_long_does_not_hold_up_the_turn(
    remember: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await remember()
    client = await server.client()
    chat = await client.new_chat()
    monkeypatch.setattr(memory, "RECALL_SECONDS", 0.1)
    calls = []

    def slow(*args: Any, **options: Any) -> Recall:
        calls.append(time.monotonic())
        time.sleep(1.5)
        return Recall()

    monkeypatch.setattr(hers(server).memories, "recall", slow)
    began = time.monotonic()
    for number in range(memory.THREADS + 3):
        assert (await client.say(chat, f"{number}"))["data"]["reason"] == "complete"
    assert time.monotonic() - began < 1.4
    assert len(calls) == memory.THREADS, "where every thread hangs, no turn waits at all"
    await asyncio.sleep(1.5)
    await client.say(chat, "다시")
    assert len(calls) == memory.THREADS + 1, "and they are used again when they have come back"
    metrics = server.app.services.metrics.render().decode()
    assert f'ohlora_recalls_total{{outcome="late"}} {memory.THREADS + 4}.0' in metrics
    assert f"ohlora_recall_seconds_count {memory.THREADS + 4}.0" in metrics


async def test_a_recall_that_fails_does_not_end_the_turn(remember: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = await remember()
    client = await server.client()

    def broken(*args: Any, **options: Any) -> Recall:
        raise RuntimeError("bug")

    monkeypatch.setattr(hers(server).memories, "recall", broken)
    assert (await client.say(await client.new_chat(), "안녕"))["data"]["reason"] == "complete"


async def test_the_first_turn_does_not_wait_for_what_is_loaded_in_the_background(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_load_words", lambda: time.sleep(1.5))
    monkeypatch.setattr("tests.fakes.LetterEmbedder.__init__", lambda self, setting: time.sleep(1.5))
    began = time.monotonic()
    server = await start(ScriptedModel(attentive), memory="on", extraction="model")
    client = await server.client()
    await client.say(await client.new_chat(), "안녕")
    assert time.monotonic() - began < 1.4


async def test_a_chroma_folder_that_is_deleted_while_the_server_runs_is_made_anew(
    remember: Start, tmp_path: Path
) -> None:
    server = await remember()
    client = await server.client()
    await tell(client, await client.new_chat(), "나 고양이 나비를 키워")
    memories = hers(server).memories
    assert await asyncio.to_thread(memories.wait, 20)
    shutil.rmtree(tmp_path / "chroma")
    assert "나비" in await reply(client, await client.new_chat(), "우리 고양이 이름 기억나?")
    await tell(client, await client.new_chat(), "땅콩 알레르기가 있어")
    assert await asyncio.to_thread(memories.wait, 20)
    report = await asyncio.to_thread(memories.check)
    assert (report.memories, report.indexed, report.whole) == (2, 2, True)


async def test_a_model_that_fails_is_not_asked_again_at_once_and_patterns_serve_in_the_end(
    remember: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from character.errors import ModelUnavailable

    tries = []

    def failing(request: GenerationRequest) -> Sequence[str | float | Exception]:
        if request.messages[0].content.startswith("[기억]"):
            tries.append(time.monotonic())
            return [ModelUnavailable("down")]
        return ["<감정:평온:0.5> 응."]

    server = await remember(ScriptedModel(failing))
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "나 전주에서 살아")
    await asyncio.sleep(0.5)
    assert len(tries) == 1
    [job] = rows(server, schema.jobs)
    assert job.not_before > time.time() + 20
    monkeypatch.setattr(remembering, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(remembering, "FIRST_PAUSE", 0.01)
    server.app.services.database.write_now(lambda c: c.execute(schema.jobs.update().values(not_before=0.0)))
    server.app.remembering.wake()  # type: ignore[union-attr]
    await at_rest(server)
    assert len(tries) == remembering.TASK_TRIES


async def test_the_models_tasks_wait_for_live_turns(remember: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []

    def script(request: GenerationRequest) -> Sequence[str | float | Exception]:
        task = request.messages[0].content.startswith("[기억]")
        order.append("task" if task else request.messages[-1].content)
        return attentive(request) if task else ["<감정:평온:0.5> 응", 0.6, "."]

    server = await remember(ScriptedModel(script))
    client = await server.client()
    one, two = await client.new_chat(), await client.new_chat()
    await client.ask("turn.send", one, client_id="a", text="나 전주에서 살아")
    await asyncio.sleep(0.4)
    begin = len(client.events)
    await client.ask("turn.send", two, client_id="b", text="둘")
    await client.wait("turn.done", begin)
    assert "task" not in order
    await client.wait("memory.saved")
    assert order[-1] == "task" or order[-2:] == ["task", "task"]


# --- the summary


class SmallModel(ScriptedModel):
    """A model whose context takes a few exchanges beside the card."""

    context_length = 3600


async def talk(client: Client, chat: str, number: int) -> None:
    for index in range(number):
        await client.say(chat, f"{index}번째 이야기 " + "말" * 60)


async def test_a_line_that_grew_beyond_its_prompt_is_summarised_and_she_is_told_the_summary(remember: Start) -> None:
    server = await remember(
        SmallModel(lambda r: attentive(r) if r.messages[0].content[:4] == "[요약]" else ["응 " * 40])
    )
    client = await server.client()
    chat = await client.new_chat()
    await talk(client, chat, 30)
    await at_rest(server)
    [*earlier, newest] = sorted(rows(server, schema.summaries), key=lambda row: row.created)
    assert newest.text.startswith("둘은")
    await client.say(chat, "그래서?")
    assert f"지난 이야기: {newest.text}" in note(
        next(r for r in server.model.requests if r.messages[-1].content == "그래서?")
    )
    tasks = [r for r in server.model.requests if r.messages[0].content.startswith("[요약]")]
    room = SmallModel.context_length - remembering.TASK_SAMPLING.max_new_tokens
    assert all(server.model.count_tokens(task.messages) <= room for task in tasks)
    assert len(earlier) <= 2, "twelve exchanges make a summary, not one"


async def test_a_model_that_cannot_summarise_gives_no_summary_of_its_own(start: Start) -> None:
    server = await start(SmallModel(lambda r: ["응 " * 40]), memory="on", extraction="patterns")
    client = await server.client()
    chat = await client.new_chat()
    await tell(client, chat, "나 고양이 키워")
    await talk(client, chat, 25)
    await at_rest(server)
    assert not [r for r in server.model.requests if r.messages[0].content.startswith("[요약]")]
    assert all("고양이" in row.text and "번째" not in row.text for row in rows(server, schema.summaries))


# --- forgetting


async def asked_to_forget(client: Client, text: str = "내 고양이 얘기는 잊어줘") -> tuple[str, dict[str, Any]]:
    """Tells of a cat and wants it forgotten; returns the chat and `memory.forget_asked`."""
    chat = await client.new_chat()
    await tell(client, chat, "나 고양이 나비를 키워")
    begin = len(client.events)
    await client.say(chat, text)
    return chat, (await client.wait("memory.forget_asked", begin))["data"]


async def test_a_wish_to_forget_is_asked_about_and_a_plain_yes_forgets_for_good(
    remember: Start, tmp_path: Path
) -> None:
    server = await remember()
    client = await server.client()
    chat, asked = await asked_to_forget(client)
    assert asked["texts"] == ["고양이 나비를 키운다."]
    assert "정말 잊어도 되는지" in note(server.model.requests[-1])
    assert await texts(client) == ["고양이 나비를 키운다."], "nothing is forgotten before the answer"
    begin = len(client.events)
    assert "이제 잊었다" in await reply(client, chat, "응, 잊어줘")
    told = (await client.wait("memory.forgotten", begin))["data"]
    assert told == {"ids": asked["ids"], "message": asked["message"]}
    assert await texts(client) == []
    assert "나비" not in await reply(client, await client.new_chat(), "우리 고양이 이름 기억나?")
    await at_rest(server)
    assert await texts(client) == [], "nor is it taken from the same message again"
    snapshot = (await client.ask("chat.open", chat))["data"]
    assert snapshot["asked"] == []
    stored = [row.data for row in rows(server, tables.events) if row.type.startswith("memory.")]
    assert not [data for data in stored if "나비를 키운다" in data]


async def test_the_words_of_what_was_forgotten_leave_the_files_of_the_database(remember: Start, tmp_path: Path) -> None:
    server = await remember()
    client = await server.client()
    words = "비밀 암호는 망고스틴이다."
    added = (await client.ask("memory.add", kind="fact", text=words))["data"]["memory"]

    def stored() -> bool:
        return any(words.encode() in path.read_bytes() for path in tmp_path.glob("ohlora.sqlite3*"))

    assert stored()
    await client.ask("memory.delete", id=added["id"])
    async with asyncio.timeout(20):
        while stored():
            await asyncio.sleep(0.1)


async def test_a_plain_no_keeps_it(remember: Start) -> None:
    server = await remember()
    client = await server.client()
    chat, asked = await asked_to_forget(client)
    begin = len(client.events)
    assert "잊지 말라고" in await reply(client, chat, "아니, 그냥 둬")
    assert (await client.wait("memory.forgotten", begin))["data"] == {"ids": [], "message": asked["message"]}
    assert await texts(client) == ["고양이 나비를 키운다."]


async def test_anything_else_said_neither_forgets_nor_keeps(remember: Start) -> None:
    server = await remember()
    client = await server.client()
    chat, asked = await asked_to_forget(client)
    await client.say(chat, "오늘 날씨 좋다")
    await client.say(chat, "응")
    assert await texts(client) == ["고양이 나비를 키운다."], "the yes belongs to something else"
    await client.ask("memory.forget", chat, confirm=True, message=asked["message"])
    assert await texts(client) == []


@pytest.mark.parametrize("confirm", [True, False])
async def test_the_buttons_under_her_question_count_once_and_other_windows_are_told(
    remember: Start, confirm: bool
) -> None:
    server = await remember()
    client, other = await server.client(), await server.client()
    chat, asked = await asked_to_forget(client)
    assert (await client.ask("chat.open", chat))["data"]["asked"] == [asked]
    done = await client.ask("memory.forget", chat, confirm=confirm, message=asked["message"])
    assert done["data"]["ids"] == (asked["ids"] if confirm else [])
    assert (await other.wait("memory.forgotten"))["data"] == done["data"]
    again = await client.ask("memory.forget", chat, confirm=True, message=asked["message"])
    assert again["data"]["ids"] == []
    assert await texts(client) == ([] if confirm else ["고양이 나비를 키운다."])
    assert (await client.ask("chat.open", chat))["data"]["asked"] == []


async def test_a_wish_about_what_she_does_not_know_is_told_her_as_such(remember: Start) -> None:
    server = await remember()
    client = await server.client()
    assert "그런 기억은 없다" in await reply(client, await client.new_chat(), "내 강아지 얘기는 잊어줘")
    assert "memory.forget_asked" not in [event["type"] for event in client.events]


async def test_only_the_reply_that_asked_can_be_answered_and_only_by_its_account(remember: Start) -> None:
    server = await remember()
    client, junho = await server.client(), await server.client("junho")
    chat, asked = await asked_to_forget(client)
    for person, where, message in [
        (junho, chat, asked["message"]),
        (client, chat, "nowhere"),
        (client, "nowhere", asked["message"]),
    ]:
        with pytest.raises(Refused, match="not_found"):
            await person.ask("memory.forget", where, confirm=True, message=message)
    with pytest.raises(Refused, match="bad_request"):
        await client.ask("memory.forget", confirm=True, message=asked["message"])
    assert await texts(client) == ["고양이 나비를 키운다."]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("응", True), ("응!", True), ("ㅇㅇ", True), ("네", True), ("응 잊어줘", True), ("그래, 지워줘.", True), ("잊어줘", True),
        ("네 잊어주세요", True), ("응응", True), ("어 그래", True), ("아니", False), ("아니야", False), ("ㄴㄴ", False),
        ("아니요, 그냥 두세요", None), ("아니 그냥 둬", False), ("잊지 마", False), ("아뇨!", False), ("응 근데 배고프다", None),
        ("아니 내 이름 말이야", None), ("응급실 갔어", None), ("네가 좋아", None), ("", None), ("어제 뭐 했어?", None), ("응" * 40, None),
    ],
)  # fmt: skip
def test_a_yes_or_no_is_one_only_where_nothing_else_is_said(text: str, answer: bool | None) -> None:
    assert plain_answer(text) is answer


# --- by hand


async def test_memories_are_added_found_changed_pinned_and_deleted_by_hand_in_all_windows(remember: Start) -> None:
    server = await remember()
    client, other = await server.client(), await server.client()
    added = (await client.ask("memory.add", kind="preference", slot="like", text=" 떡볶이를  좋아한다. "))["data"][
        "memory"
    ]
    assert (added["text"], added["quote"], added["source"]) == ("떡볶이를 좋아한다.", "", "hand")
    assert (await other.wait("memory.changed"))["data"]["memory"] == added
    assert "memory.changed" not in [event["type"] for event in client.events], "the answer is enough"
    changed = (await client.ask("memory.edit", id=added["id"], text="로제떡볶이를 좋아한다."))["data"]["memory"]
    pinned = (await client.ask("memory.edit", id=added["id"], pinned=True))["data"]["memory"]
    assert (changed["text"], pinned["text"], pinned["pinned"]) == ("로제떡볶이를 좋아한다.",) * 2 + (True,)
    found = (await client.ask("memory.search", text="로제떡볶이"))["data"]
    assert [each["id"] for each in found["memories"]] == [added["id"]]
    assert found["query"] == "로제떡볶이"
    assert (await client.ask("memory.delete", id=added["id"]))["data"] == {"ids": [added["id"]], "message": None}
    assert (await other.wait("memory.forgotten"))["data"]["ids"] == [added["id"]]
    with pytest.raises(Refused, match="not_found"):
        await client.ask("memory.edit", id=added["id"], pinned=False)


async def test_what_was_added_by_hand_is_recalled_in_every_chat(remember: Start) -> None:
    server = await remember()
    client = await server.client()
    await client.ask("memory.add", kind="fact", slot="birthday", text="생일은 3월 2일이다.")
    assert "3월 2일" in await reply(client, await client.new_chat(), "내 생일이 언제라고 했지?")


async def test_a_long_list_comes_in_pages_by_kind_and_with_counts(
    remember: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PAGE", 3)
    server = await remember()
    client = await server.client()
    for number in range(7):
        await client.ask("memory.add", kind=("fact", "event")[number % 2], text=f"{number}번 일이 있다.")
    seen, before = [], None
    while True:
        page = (await client.ask("memory.list", **({"before": before} if before else {})))["data"]
        assert page["counts"] == {"fact": 4, "event": 3}
        seen += [each["text"] for each in page["memories"]]
        before = page["more"]
        if before is None:
            break
    assert seen == [f"{number}번 일이 있다." for number in reversed(range(7))]
    assert await texts(client, kind="event") == ["5번 일이 있다.", "3번 일이 있다.", "1번 일이 있다."]


@pytest.mark.parametrize(
    ("request_", "data"),
    [
        ("memory.list", {"kind": "secret"}), ("memory.list", {"before": "x"}), ("memory.list", {"before": "x" * 81}),
        ("memory.search", {"text": ""}), ("memory.search", {"text": "가" * 201}), ("memory.add", {"kind": "fact", "text": "  "}),
        ("memory.add", {"kind": "fact", "text": "가" * 201}), ("memory.add", {"kind": "fact", "text": "\0"}),
        ("memory.add", {"kind": "fact", "slot": "x", "text": "가"}), ("memory.edit", {"id": "x"}),
        ("memory.edit", {"id": "x", "pinned": 1}), ("memory.delete", {}), ("memory.forget", {"ids": ["x"]}),
        ("memory.forget", {"ids": ["x"] * 1001, "confirm": True}),
    ],
)  # fmt: skip
async def test_requests_that_make_no_sense_are_refused(remember: Start, request_: str, data: dict[str, Any]) -> None:
    client = await (await remember()).client()
    with pytest.raises(Refused, match="bad_request"):
        await client.ask(request_, **data)
    await client.ask("ping")


async def test_a_server_without_memory_notes_no_work_and_says_so(start: Start) -> None:
    server = await start(memory="off")
    client = await server.client()
    assert client.welcome["memory"] is False
    await client.say(await client.new_chat(), "나 전주에서 살아")
    assert rows(server, schema.jobs) == []
    with pytest.raises(Refused, match=r"bad_request: .*꺼져"):
        await client.ask("memory.list")


# --- around it


async def test_operator_commands_reach_the_index_through_the_running_server(remember: Start, tmp_path: Path) -> None:
    server = await remember()
    client = await server.client()
    await client.ask("memory.add", kind="fact", text="전주에서 산다.")
    await asyncio.to_thread(hers(server).memories.wait, 20)
    assert await asyncio.to_thread(ask, tmp_path, "memory.rebuild") == 1
    assert await asyncio.to_thread(ask, tmp_path, "memory.wake") is None
    report = await asyncio.to_thread(ask, tmp_path, "memory.check")
    assert (report["memories"], report["indexed"], report["whole"]) == (1, 1, True)


async def test_threads_that_hang_do_not_keep_the_server_from_closing(
    remember: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await remember()
    client = await server.client()
    monkeypatch.setattr(hers(server).memories, "recall", lambda *args, **options: time.sleep(5))
    await client.say(await client.new_chat(), "안녕")
    began = time.monotonic()
    await server.app.close()
    assert time.monotonic() - began < 3
    await server.app.start()


async def test_a_job_in_a_helper_thread_hands_on_its_error() -> None:
    helpers = Helpers(1, "test")

    def broken() -> None:
        raise ValueError("bug")

    with pytest.raises(ValueError, match="bug"):
        await helpers.run(broken, 1)
    assert await helpers.run(lambda: 7, 1) == 7


def test_the_protocol_knows_every_kind_and_slot() -> None:
    assert get_args(protocol.MemoryKind) == KINDS
    slots = get_args(protocol.MemorySlot)
    assert slots == SLOTS


def test_the_bundled_model_is_asked_only_if_it_was_measured_to_be_able(tmp_path: Path) -> None:
    def able(report: str | None = None, **settings: Any) -> bool:
        (tmp_path / "evaluation.json").unlink(missing_ok=True)
        if report is not None:
            (tmp_path / "evaluation.json").write_text(report)
        return is_able(Settings(adapter=str(tmp_path), **settings))

    assert able('{"memory": {"f1": 0.7}}')
    assert not able('{"memory": {"f1": 0.69}}')
    for report in (None, "", "[]", "{}", '{"memory": 1}', '{"memory": {"f1": null}}'):
        assert not able(report)
    assert able(llm="some/model")
    assert able(extraction="model")
    assert not able(extraction="patterns", llm="some/model")


def test_a_cursor_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(BadRequest):
        memory._parse_cursor("yesterday")
