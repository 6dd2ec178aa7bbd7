"""A play-through: five facts told over twenty turns, a restart, a new chat, and each of them is on her mind when it is asked
for. Patterns and the bundled embedder take and find them; only her replies are scripted."""

from __future__ import annotations

from typing import Any

import pytest

from rag.embedding import BUNDLED_FOLDER, load_embedder
from server.settings import Settings
from tests.fakes import Client, ScriptedModel
from tests.server.conftest import Running, Start
from tests.server.test_memory import at_rest, hers, restarted

TALK = [
    "안녕! 오늘 처음 왔어", "나 서연이야", "오늘 날씨 진짜 좋다", "점심 뭐 먹지", "나 전주 살아", "한옥마을 근처야", "아 졸려",
    "우리 집 고양이 이름은 나비야", "지금 내 무릎에서 자", "어제 영화 봤는데 별로였어", "넌 뭐 하고 있었어?", "나 땅콩 알레르기 있어",
    "그래서 과자 고를 때 귀찮아ㅠ", "커피 한 잔 하고 올게", "왔어ㅋㅋ", "나 간호사로 일해", "오늘 진짜 바빴다", "비 올 것 같아",
    "노래 추천해 줘", "이제 자야지 잘 자",
]  # fmt: skip
ASKED = {
    "내 이름 뭐라고 했지?": "이름은 서연이다.",
    "나 어디 산다고 했더라?": "전주에서 산다.",
    "내 고양이 이름 기억나?": "고양이 이름은 나비다.",
    "나 무슨 알레르기 있다고 했지?": "땅콩 알레르기가 있다.",
    "내 직업이 뭐라고 했지?": "간호사로 일한다.",
}


@pytest.fixture
async def server(start: Start, monkeypatch: pytest.MonkeyPatch) -> Running:
    """A server that remembers as it does by default: patterns, and the embedder that ships."""
    if not BUNDLED_FOLDER.is_dir():
        pytest.skip("the bundled embedder is not here")
    monkeypatch.setattr("tests.server.conftest.LetterEmbedder", load_embedder)
    running = await start(
        ScriptedModel(lambda request: ["<감정:평온:0.5> ", "응."]), memory="on", extraction="patterns",
        embedder=Settings.model_fields["embedder"].default,
    )  # fmt: skip
    await hers(running).ready.wait()
    return running


async def first_used(client: Client, chat: str, text: str) -> str:
    """The first memory that she is shown for what is said."""
    begin = len(client.events)
    await client.say(chat, text)
    used: list[dict[str, Any]] = [e["data"] for e in client.events[begin:] if e["type"] == "memory.used"]
    return str(used[0]["memories"][0]["text"]) if used else ""


async def test_five_facts_of_twenty_turns_are_known_in_a_new_chat_after_a_restart(server: Running) -> None:
    client = await server.client()
    chat = await client.new_chat()
    for text in TALK:
        await client.say(chat, text)
    await at_rest(server)
    told = {memory.text for memory in hers(server).memories.visible(server_account(server))}
    assert told == set(ASKED.values())

    await restarted(server)
    client = await server.client()
    chat = await client.new_chat()
    found = {question: await first_used(client, chat, question) for question in ASKED}
    assert found == ASKED
    assert await first_used(client, chat, "아 심심하다") == ""


async def test_what_was_saved_is_shown_again_when_the_chat_is_opened_anew(server: Running) -> None:
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "나 전주 살아")
    await at_rest(server)
    snapshot = (await client.ask("chat.open", chat=chat))["data"]
    [(message, memories)] = snapshot["saved"].items()
    assert [memory["text"] for memory in memories] == ["전주에서 산다."]
    assert {m["id"]: m["text"] for m in snapshot["messages"]}[message] == "나 전주 살아"
    await client.ask("memory.delete", id=memories[0]["id"])
    assert (await client.ask("chat.open", chat=chat))["data"]["saved"] == {}


def server_account(server: Running) -> str:
    """The id of the one account that has told something."""
    from rag import store

    with server.app.services.database.engine.begin() as connection:
        return str(connection.execute(store.memories.select()).first().account)  # type: ignore[union-attr]
