"""Conduct in the running server: warned, banned, told, appealed, lifted and forgiven, and no way round it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from character.conduct import voice
from character.conduct.errors import ConductError
from character.conduct.judge import load_judge
from character.language_model import GenerationRequest
from character.lorebook import load_morphology
from rag.schema import memories
from server.__main__ import load_conduct_judge
from server.admin import is_loopback
from server.app import App
from server.settings import Settings
from server.storage import accounts
from server.storage.schema import decisions, events, messages
from tests.fakes import Client, LetterEmbedder, Refused, ScriptedModel, calm
from tests.scripted_judge import UNFIT, WordJudge
from tests.server.conftest import Running

DAY = 86400.0


class Judged(Running):
    """A server with a judge, and a clock that can be set forward."""

    judge: WordJudge
    later: float

    def set_clock(self, days: float) -> None:
        self.later += days * DAY

    def rows(self, table: sa.Table) -> list[Any]:
        with self.app.services.database.engine.begin() as connection:
            return list(connection.execute(sa.select(table)))

    def decided(self) -> list[Any]:
        return sorted(self.rows(decisions), key=lambda row: row.created)


Begin = Callable[..., Awaitable[Judged]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Begin]:
    """Starts servers that judge; those that name another ``data`` share the database all the same."""
    await asyncio.to_thread(load_morphology)
    async with AsyncExitStack() as servers, AsyncExitStack() as clients:

        async def begin(model: ScriptedModel | None = None, data: str = "one", **settings: Any) -> Judged:
            chosen, judge = model or ScriptedModel(), WordJudge()
            given = {
                "turns_per_minute": 6000.0, "turn_burst": 1000, "frames_per_second": 5000.0, "frame_burst": 5000,
                "memory": "off", "database": f"sqlite:///{tmp_path / 'shared.sqlite3'}",
            } | settings  # fmt: skip
            app = App(
                Settings(port=0, data=tmp_path / data, **given), chosen, calm, load_embedder=LetterEmbedder,
                conduct_judge=judge,
            )  # fmt: skip
            await app.start()
            servers.push_async_callback(app.close)
            server = Judged(app, chosen, clients)
            server.judge, server.later = judge, 0.0
            conduct = app.services.conduct
            if conduct is not None:
                conduct.pace = 0.001
                conduct._now = lambda: time.time() + server.later
            return server

        yield begin


def line_of(reply: str, *places: tuple[str, ...]) -> bool:
    """Whether a reply is one of her written lines."""
    lines = [line.partition("> ")[2] for place in places for line in voice.lines(*place)]
    return reply in lines


async def refused(work: Awaitable[Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value


async def banned_client(server: Judged, name: str = "minji") -> tuple[Client, str]:
    """Somebody who has been warned and banned for an insult just now."""
    client = await server.client(name)
    chat = await client.new_chat()
    await client.say(chat, "바보야")
    await client.say(chat, "바보라고")
    return client, chat


# --- warned, banned, told


async def test_an_insult_is_warned_of_and_she_says_so_herself_with_a_feeling(start: Begin) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    done = await client.say(chat, "이 바보야")
    reply = done["data"]["reply"]
    assert line_of(reply["text"], ("insult", "warn"))
    assert reply["emotion"] in ("슬픔", "분노", "평온", "혐오", "놀람")
    assert server.model.requests == []
    kinds = [event["type"] for event in client.events if event.get("chat") == chat and "seq" in event]
    assert kinds[:3] == ["turn.start", "notice.warn", "face.set"]
    assert kinds[3] == "turn.delta"
    [notice] = [event for event in client.events if event["type"] == "notice.warn"]
    assert notice["turn"] == done["turn"]
    told = notice["data"]["decision"]
    assert (told["category"], told["name"], told["step"], told["text"]) == ("insult", "욕설·모욕", "warn", "")
    [decision] = server.decided()
    assert (decision.text, decision.normalized, decision.rule) == ("이 바보야", "이바보야", "the word 바보")
    assert (decision.step, decision.state, decision.until, decision.score) == ("warn", "given", None, 0.97)
    assert decision.message == reply["parent"]
    assert (await client.say(chat, "미안해"))["data"]["reply"]["text"].startswith("미안해라고")


async def test_a_second_insult_brings_a_ban_that_holds_in_every_chat_socket_and_after_a_restart(start: Begin) -> None:
    server = await start()
    other = await server.client()
    client, chat = await banned_client(server)
    last = [event for event in client.events if event["type"] == "turn.done"][-1]
    assert line_of(last["data"]["reply"]["text"], ("insult", "ban"))
    notice = (await other.wait("notice.ban"))["data"]
    assert notice["ban"]["until"] == pytest.approx(time.time() + 600, abs=30)
    assert notice["ban"]["reason"]
    fresh = await other.new_chat()
    before = len(server.rows(messages))
    error = await refused(other.ask("turn.send", fresh, client_id="x", text="안녕"))
    assert error.code == "banned"
    assert "욕설·모욕" in str(error)
    assert (await refused(client.ask("turn.send", chat, client_id="y", text="안녕"))).code == "banned"
    snapshot = (await client.ask("chat.open", chat))["data"]
    [user, reply] = [m for m in snapshot["messages"] if m["parent"]][-2:]
    assert [d["step"] for d in snapshot["decisions"]] == ["warn", "ban"]
    assert (await refused(client.ask("turn.retry", chat, client_id="z", message=reply["id"]))).code == "banned"
    for message in (user, reply):
        work = client.ask("message.edit", chat, client_id="e", message=message["id"], text="안녕")
        assert (await refused(work)).code == "banned"
    assert len(server.rows(messages)) == before
    await server.app.close()
    again = await start()
    back = await again.client()
    assert back.welcome["ban"]["decision"] == notice["ban"]["decision"]
    assert back.welcome["time"] == pytest.approx(time.time(), abs=30)
    assert (await refused(back.ask("turn.send", chat, client_id="y", text="안녕"))).code == "banned"
    assert (await again.client("somebody")).welcome["ban"] is None


async def test_a_ban_ends_by_the_servers_clock_and_she_remembers_it_once(start: Begin) -> None:
    server = await start()
    client, chat = await banned_client(server)
    server.set_clock(1)
    text = (await client.say(chat, "다시 왔어"))["data"]["reply"]["text"]
    opener, _, rest = text.partition("\n\n")
    assert line_of(opener, ("remembered",))
    assert rest.startswith("다시 왔어라고 했지?")
    assert "\n\n" not in (await client.say(chat, "반가워"))["data"]["reply"]["text"]
    client = await server.client()
    assert client.welcome["ban"] is None


async def test_bans_grow_and_a_warning_is_given_again_after_long_good_conduct(start: Begin) -> None:
    server = await start()
    client, chat = await banned_client(server)
    server.set_clock(1)
    await client.say(chat, "바보 맞네")
    assert server.decided()[-1].until == pytest.approx(time.time() + DAY + 3600, abs=60)
    server.set_clock(400)
    for text in ("안녕", "잘 지냈어?"):
        await client.say(chat, text)
    await client.say(chat, "바보")
    assert [row.step for row in server.decided()] == ["warn", "ban", "ban", "warn"]


async def test_what_was_said_before_counts_for_what_is_said_now(start: Begin) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "너 두고 봐")
    await client.say(chat, "그거 할 거야")
    assert [row.category for row in server.decided()] == ["threat"]
    text, recent = server.judge.judged[-1]
    assert text == "그거 할 거야"
    assert [line.role for line in recent][-2:] == ["user", "assistant"]
    assert recent[-2].text == "너 두고 봐"
    other = await client.new_chat()
    await client.say(other, "그거 재밌어?")
    assert len(server.decided()) == 1


async def test_without_a_judge_everything_is_let_through_but_bans_still_hold(start: Begin) -> None:
    server = await start()
    await banned_client(server)
    await server.app.close()
    quiet = await start(data="two")
    assert quiet.app.services.conduct is not None
    quiet.app.services.conduct._judge = None
    assert (await refused((await quiet.client()).ask("chat.open", card="nope"))).code == "not_found"
    client = await quiet.client()
    chat = await client.new_chat()
    assert (await refused(client.ask("turn.send", chat, client_id="y", text="안녕"))).code == "banned"
    other = await quiet.client("somebody")
    assert "바보" in (await other.say(await other.new_chat(), "바보"))["data"]["reply"]["text"]


def test_without_the_bundled_judge_the_server_starts_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(name: str) -> WordJudge:
        if name == "some/classifier":
            return WordJudge()
        raise ConductError(f"the {name} conduct model is missing")

    monkeypatch.setattr("character.conduct.judge.load_judge", missing)
    assert load_conduct_judge(Settings()) is None
    assert "conduct judging is off: the bundled conduct model is missing" in caplog.text
    assert isinstance(load_conduct_judge(Settings(conduct_model="some/classifier")), WordJudge)
    with pytest.raises(ConductError, match="nowhere"):  # one that was asked for must not be missing unnoticed
        load_conduct_judge(Settings(conduct_model="nowhere"))
    assert load_conduct_judge(Settings(conduct="off")) is None


async def test_a_judge_that_fails_ends_no_talk(start: Begin) -> None:
    server = await start()
    server.judge.fails = True
    client = await server.client()
    assert "바보" in (await client.say(await client.new_chat(), "바보"))["data"]["reply"]["text"]
    assert server.decided() == []


async def test_conduct_can_be_turned_off(start: Begin) -> None:
    server = await start(conduct="off")
    client = await server.client()
    chat = await client.new_chat()
    for _ in range(3):
        assert "바보" in (await client.say(chat, "바보"))["data"]["reply"]["text"]
    assert (await refused(client.ask("conduct.list"))).code == "bad_request"


async def test_a_reply_in_another_chat_ends_cleanly_when_a_ban_begins(start: Begin) -> None:
    slow = ScriptedModel(lambda request: ["<감정:기쁨:0.5> 자, ", *(f"{n} " for n in range(1000))], pace=0.01)
    server = await start(slow)
    client = await server.client()
    one, two = await client.new_chat(), await client.new_chat()
    await client.say(one, "바보")
    begin = len(client.events)
    await client.ask("turn.send", two, client_id="long", text="세어 봐")
    await client.wait("turn.delta", begin)
    await client.ask("turn.send", one, client_id="ban", text="바보")
    ends: dict[str, Any] = {}
    async with asyncio.timeout(20):
        while len(ends) < 2:
            ends = {e["chat"]: e["data"] for e in client.events[begin:] if e["type"] == "turn.done"}
            await asyncio.sleep(0.01)
    assert ends[two]["reason"] == "stopped"
    assert ends[two]["reply"]["text"].startswith("자,")
    assert ends[one]["reason"] == "complete"


# --- no way round


async def test_no_retry_of_a_warned_message_brings_an_ordinary_reply_or_a_second_strike(start: Begin) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    reply = (await client.say(chat, "바보"))["data"]["reply"]
    for number, target in enumerate((reply["id"], reply["parent"], reply["id"])):
        begin = len(client.events)
        await client.ask("turn.retry", chat, client_id=f"again{number}", message=target)
        text = (await client.wait("turn.done", begin))["data"]["reply"]["text"]
        assert line_of(text, ("insult", "warn"))
    assert len(server.decided()) == 1
    assert server.model.requests == []


async def test_an_edited_message_is_judged_anew_and_counts_for_itself(start: Begin) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    message = (await client.say(chat, "안녕"))["data"]["reply"]["parent"]
    begin = len(client.events)
    await client.ask("message.edit", chat, client_id="e1", message=message, text="바보")
    assert line_of((await client.wait("turn.done", begin))["data"]["reply"]["text"], ("insult", "warn"))
    begin = len(client.events)
    await client.ask("message.edit", chat, client_id="e2", message=message, text="안녕, 미안")
    assert "미안라고" in (await client.wait("turn.done", begin))["data"]["reply"]["text"]
    await client.ask("message.edit", chat, client_id="e3", message=message, text="바보")
    await client.wait("notice.ban")
    assert [row.step for row in server.decided()] == ["warn", "ban"]


async def test_her_words_cannot_be_edited_into_what_she_would_not_say(start: Begin) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    reply = (await client.say(chat, "안녕"))["data"]["reply"]["id"]
    work = client.ask("message.edit", chat, client_id="e1", message=reply, text=f"나는 {UNFIT} 할래")
    assert (await refused(work)).code == "bad_request"
    await client.ask("message.edit", chat, client_id="e2", message=reply, text="나는 자야겠다")
    assert server.decided() == []


async def test_an_imported_chat_is_judged_when_she_is_to_answer_it(start: Begin) -> None:
    server = await start()
    server.judge.fails = True
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "바보")
    server.judge.fails = False
    last = (await client.ask("chat.open", chat))["data"]["messages"][-1]["id"]
    begin = len(client.events)
    await client.ask("turn.retry", chat, client_id="again", message=last)
    assert line_of((await client.wait("turn.done", begin))["data"]["reply"]["text"], ("insult", "warn"))
    assert len(server.decided()) == 1


async def test_deleting_what_was_said_takes_its_words_and_not_the_strike(start: Begin) -> None:
    server = await start()
    client = await server.client()
    one, two, three = [await client.new_chat() for _ in range(3)]
    message = (await client.say(one, "바보"))["data"]["reply"]["parent"]
    await client.send("message.delete", one, message=message)
    await client.wait("message.removed")
    assert [(row.text, row.normalized) for row in server.decided()] == [("", "")]
    await client.say(two, "바보")
    assert server.decided()[-1].step == "ban"
    await client.send("chat.delete", two)
    await client.wait("chat.removed")
    assert [row.text for row in server.decided()] == ["", ""]
    assert (await refused(client.ask("turn.send", three, client_id="x", text="안녕"))).code == "banned"
    own = (await client.ask("conduct.list"))["data"]
    assert [found["step"] for found in own["decisions"]] == ["ban", "warn"]


async def test_parallel_sockets_bring_one_warning_and_one_ban_and_nothing_after_it(start: Begin) -> None:
    server = await start()
    sockets = [await server.client() for _ in range(6)]
    rooms = [await client.new_chat() for client in sockets]
    server.judge.delay = 0.02  # all are judged before any is decided about

    async def insult(client: Client, chat: str) -> str:
        try:
            await client.ask("turn.send", chat, client_id="c1", text="바보")
        except Refused as error:
            return error.code
        return "taken"

    outcomes = await asyncio.gather(*map(insult, sockets, rooms))
    assert sorted(outcomes) == ["banned"] * 4 + ["taken"] * 2
    assert [row.step for row in server.decided()] == ["warn", "ban"]


async def test_the_same_request_again_is_no_second_strike(start: Begin) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "바보", client_id="once")
    again = (await client.ask("turn.send", chat, client_id="once", text="바보"))["data"]
    assert again["duplicate"]
    await client.say(chat, "바보", client_id="twice")
    again = (await client.ask("turn.send", chat, client_id="twice", text="바보"))["data"]
    assert again["duplicate"], "what is on disk is acknowledged, ban or not"
    assert [row.step for row in server.decided()] == ["warn", "ban"]


async def test_two_servers_on_one_database_agree(start: Begin) -> None:
    one, two = await start(data="one"), await start(data="two")
    here = await one.client()
    token = one.token()
    there = await Client.open(two.port, token=token)
    here_chat, there_chat = await here.new_chat(), await there.new_chat()
    await here.say(here_chat, "바보")
    await there.say(there_chat, "바보")
    assert [row.step for row in one.decided()] == ["warn", "ban"]
    await here.wait("notice.ban")
    assert (await refused(here.ask("turn.send", here_chat, client_id="x", text="안녕"))).code == "banned"
    outcomes = []
    for number in range(3):  # both decide at the same time about somebody else
        name = f"both{number}"
        left = await one.client(name)
        right = await Client.open(two.port, token=one.token(name))
        rooms = await left.new_chat(), await right.new_chat()
        await asyncio.gather(left.say(rooms[0], "바보"), right.say(rooms[1], "바보"))
        outcomes.append(sorted(row.step for row in one.decided()[2 + 2 * number :]))
        await right.close()
    assert outcomes == [["ban", "warn"]] * 3
    await there.close()


# --- help


async def test_who_tells_of_harm_to_himself_is_helped_and_never_punished(start: Begin, caplog: Any) -> None:
    server = await start(conduct_alert="log")
    client = await server.client()
    chat = await client.new_chat()
    for number in range(4):
        reply = (await client.say(chat, f"나 사라지고 싶어 {number}"))["data"]["reply"]["text"]
        assert line_of(reply, ("self_harm", "care"))
    notices = [event["data"] for event in client.events if event["type"] == "notice.care"]
    assert [line["number"] for line in notices[0]["lines"]] == ["109", "1388"]
    assert len(notices) == 4
    replies = [e["data"]["reply"]["text"] for e in client.events if e["type"] == "turn.done"]
    assert len(set(replies)) == 4, "she does not say the same twice"
    assert {(row.step, row.text, row.normalized) for row in server.decided()} == {("care", "", "")}
    assert (await client.ask("conduct.list"))["data"]["decisions"] == []
    async with asyncio.timeout(5):
        while sum("self-harm" in record.message for record in caplog.records) < 4:
            await asyncio.sleep(0.01)
    assert not any("사라지고" in record.getMessage() for record in caplog.records)


async def test_somebody_who_is_banned_is_helped_all_the_same(start: Begin) -> None:
    server = await start()
    client, chat = await banned_client(server)
    reply = (await client.say(chat, "나 그냥 사라지고 싶어"))["data"]["reply"]["text"]
    assert line_of(reply, ("self_harm", "care"))
    assert (await refused(client.ask("turn.send", chat, client_id="x", text="안녕"))).code == "banned"


async def test_the_operator_is_told_by_webhook_without_the_words(start: Begin) -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def hook(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        body = await reader.readexactly(length)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        if not heard.done():
            heard.set_result(body)

    listening = await asyncio.start_server(hook, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    server = await start(conduct_alert=f"http://127.0.0.1:{port}/alert")
    client = await server.client()
    await client.say(await client.new_chat(), "사라지고 싶다")
    async with asyncio.timeout(10):
        body = (await heard).decode()
    assert '"account":"minji"' in body.replace(" ", "")
    assert "사라지고" not in body
    listening.close()


# --- her own words


async def test_her_own_reply_is_cut_off_before_an_unfit_sentence_is_shown(start: Begin, caplog: Any) -> None:
    def script(request: GenerationRequest) -> Sequence[str]:
        return ["<감정:기쁨:0.8> 좋아", ". 너는 ", UNFIT[:2], f"{UNFIT[2:]}이야. ", "그리고 더."]

    server = await start(ScriptedModel(script))
    client = await server.client()
    chat = await client.new_chat()
    done = (await client.say(chat, "뭐 해?"))["data"]
    assert done["reason"] == "complete"
    text = done["reply"]["text"]
    assert text.startswith("좋아. ")
    assert any(text.endswith(line.partition("> ")[2]) for line in voice.CUT_OFF)
    assert not any(UNFIT in str(row.data) for row in server.rows(events))
    assert any("cut off" in record.message for record in caplog.records)


async def test_a_whole_reply_that_is_unfit_is_replaced(start: Begin) -> None:
    server = await start(ScriptedModel(lambda request: [f"<감정:기쁨:0.8> {UNFIT}!"]))
    client = await server.client()
    text = (await client.say(await client.new_chat(), "뭐 해?"))["data"]["reply"]["text"]
    assert text in [line.partition("> ")[2] for line in voice.CUT_OFF]


async def test_a_large_model_says_it_in_its_own_words_and_written_ones_stand_in_for_it(start: Begin) -> None:
    from character.errors import ModelUnavailable

    server = await start(
        ScriptedModel(lambda request: ["<감정:분노:0.7> 그 말은 ", "듣기 싫어."]), conduct_voice="model"
    )
    client = await server.client()
    chat = await client.new_chat()
    assert (await client.say(chat, "바보"))["data"]["reply"]["text"] == "그 말은 듣기 싫어."
    asked = "\n".join(message.content for message in server.model.requests[-1].messages)
    assert "선을 넘는 말(욕설·모욕)" in asked
    server.model.script = lambda request: [ModelUnavailable("down")]
    done = (await client.say(chat, "바보"))["data"]
    assert done["reason"] == "complete"
    assert line_of(done["reply"]["text"], ("insult", "ban"))


# --- memory


async def test_she_remembers_a_warning_and_puts_it_behind_her_when_it_is_forgiven(start: Begin) -> None:
    server = await start(memory="on", extraction="patterns")
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "바보")
    now = time.localtime()
    today = f"{now.tm_mon}월 {now.tm_mday}일"
    [kept] = (await client.ask("memory.list"))["data"]["memories"]
    assert (kept["kind"], kept["text"], kept["quote"]) == (
        "boundary",
        f"{today}에 욕을 해서 그러지 말라고 했다.",
        "바보",
    )
    await client.say(chat, "오늘 뭐 했어?")
    asked = "\n".join(message.content for message in server.model.requests[-1].messages)
    assert "욕을 해서 그러지 말라고 했다." in asked
    server.set_clock(40)
    text = (await client.say(chat, "오랜만이야"))["data"]["reply"]["text"]
    assert line_of(text.partition("\n\n")[0], ("forgiven",))
    [kept] = (await client.ask("memory.list"))["data"]["memories"]
    assert (kept["kind"], kept["text"]) == ("relationship", f"{today}에 욕을 해서 다퉜지만 이제 용서했다.")
    assert [earlier["text"] for earlier in kept["earlier"]] == [f"{today}에 욕을 해서 그러지 말라고 했다."]
    assert "\n\n" not in (await client.say(chat, "응"))["data"]["reply"]["text"]


async def test_what_is_lifted_she_does_not_remember(start: Begin) -> None:
    server = await start(memory="on", extraction="patterns")
    boss = await server.client("local")
    client = await server.client()
    await client.say(await client.new_chat(), "바보")
    [row] = server.decided()
    await boss.ask("admin.decide", decision=row.id, state="lifted")
    assert [m.state for m in server.rows(memories)] == ["forgotten"]


async def test_nothing_is_learnt_from_an_insult(start: Begin) -> None:
    server = await start(memory="on", extraction="patterns")
    client = await server.client()
    await client.say(await client.new_chat(), "바보야, 나는 전주에 살아")
    async with asyncio.timeout(10):
        while server.app.services.turns.busy:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert [memory.kind for memory in server.rows(memories)] == ["boundary"]


# --- appeals and operators


async def test_a_user_sees_his_decisions_and_appeals_once_to_each(start: Begin) -> None:
    server = await start()
    other = await server.client()
    client, _ = await banned_client(server)
    listed = (await client.ask("conduct.list"))["data"]
    assert [(d["step"], d["text"]) for d in listed["decisions"]] == [("ban", "바보라고"), ("warn", "바보야")]
    assert listed["ban"]["decision"] == listed["decisions"][0]["id"]
    assert "rule" not in listed["decisions"][0]
    target = listed["decisions"][0]["id"]
    answer = (await client.ask("conduct.appeal", decision=target, text="  친구끼리 한 농담이었어요.  "))["data"]
    assert answer["decision"]["appeal"] == "친구끼리 한 농담이었어요."
    await other.wait("conduct.changed")
    assert (await refused(client.ask("conduct.appeal", decision=target, text="또요"))).code == "bad_request"
    assert (await refused(client.ask("conduct.appeal", decision="nothing", text="또요"))).code == "not_found"
    assert (await refused(client.ask("conduct.appeal", decision=target, text="가" * 501))).code == "bad_request"
    stranger = await server.client("stranger")
    assert (await refused(stranger.ask("conduct.appeal", decision=target, text="또요"))).code == "not_found"
    assert (await stranger.ask("conduct.list"))["data"]["decisions"] == []


async def test_a_lift_gives_the_chat_back_at_once_and_undoes_what_followed(start: Begin) -> None:
    server = await start()
    boss = await server.client("local")
    client, chat = await banned_client(server)
    first, second = server.decided()
    answer = (await boss.ask("admin.decide", decision=first.id, state="lifted", answer="농담이었네요."))["data"]
    assert [(d["id"], d["state"], d["step"]) for d in answer["decisions"]] == [
        (first.id, "lifted", "warn"),
        (second.id, "given", "warn"),
    ]
    told = (await client.wait("notice.lifted"))["data"]
    assert told["ban"] is None
    assert [(d["state"], d["step"]) for d in told["decisions"]] == [("lifted", "warn"), ("given", "warn")]
    assert "안녕라고" in (await client.say(chat, "안녕"))["data"]["reply"]["text"]
    again = (await boss.ask("admin.decide", decision=first.id, state="lifted"))["data"]
    assert [d["state"] for d in again["decisions"]] == ["lifted"]
    assert (await refused(boss.ask("admin.decide", decision=first.id, state="upheld"))).code == "bad_request"


async def test_a_lifted_message_can_be_answered_in_the_ordinary_way(start: Begin) -> None:
    server = await start()
    boss = await server.client("local")
    client = await server.client()
    chat = await client.new_chat()
    reply = (await client.say(chat, "바보"))["data"]["reply"]["id"]
    await boss.ask("admin.decide", decision=server.decided()[0].id, state="lifted")
    begin = len(client.events)
    await client.ask("turn.retry", chat, client_id="again", message=reply)
    assert (await client.wait("turn.done", begin))["data"]["reply"]["text"].startswith("바보라고 했지?")
    await client.say(chat, "바보")
    assert server.decided()[-1].step == "warn"


async def test_an_upheld_decision_stands_and_its_user_is_told(start: Begin) -> None:
    server = await start()
    boss = await server.client("local")
    client, _ = await banned_client(server)
    ban = server.decided()[1].id
    await client.ask("conduct.appeal", decision=ban, text="억울해요")
    waiting = (await boss.ask("admin.list", only="appeals"))["data"]["decisions"]
    assert [(d["id"], d["appeal"], d["account"]) for d in waiting] == [(ban, "억울해요", "minji")]
    await boss.ask("admin.decide", decision=ban, state="upheld", answer="욕설이 맞아요.")
    await client.wait("conduct.changed")
    async with asyncio.timeout(5):
        while not any(
            e["data"]["decision"]["state"] == "upheld" for e in client.events if e["type"] == "conduct.changed"
        ):
            await asyncio.sleep(0.01)
    assert (await boss.ask("admin.list", only="appeals"))["data"]["decisions"] == []
    stats = (await boss.ask("admin.stats"))["data"]
    assert stats["categories"]["insult"] == {"warn": 1, "ban": 1, "care": 0, "lifted": 0}
    assert (stats["appeals"], stats["waiting"], stats["banned"], stats["accounts"]) == (1, 0, 1, 1)


@pytest.mark.parametrize("request_", [
    ("admin.list", {}), ("admin.stats", {}), ("admin.decide", {"decision": "x", "state": "lifted"}),
])  # fmt: skip
async def test_only_operators_are_answered_and_each_message_is_checked(
    start: Begin, request_: tuple[str, dict[str, Any]]
) -> None:
    server = await start()
    client = await server.client()
    kind, data = request_
    assert not client.welcome["operator"]
    assert (await refused(client.ask(kind, **data))).code == "forbidden"
    database = server.app.services.database
    database.write_now(lambda c: accounts.set_operator(c, "minji", True))
    assert (await server.client()).welcome["operator"]
    if kind != "admin.decide":
        await client.ask(kind, **data)
    database.write_now(lambda c: accounts.set_operator(c, "minji", False))
    assert (await refused(client.ask(kind, **data))).code == "forbidden"
    assert (await server.client("local")).welcome["operator"]


def test_the_local_account_is_the_operators_on_loopback_only() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "192.168.0.7", "")] == [
        True, True, True, False, False, False, False,
    ]  # fmt: skip


async def test_long_lists_come_in_pages(start: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.storage.decisions.PAGE", 2)
    server = await start()
    boss = await server.client("local")
    for name in ("one", "two", "three"):
        client = await server.client(name)
        await client.say(await client.new_chat(), "바보")
    first = (await boss.ask("admin.list"))["data"]
    assert [d["account"] for d in first["decisions"]] == ["three", "two"]
    second = (await boss.ask("admin.list", before=first["more"]))["data"]
    assert [d["account"] for d in second["decisions"]] == ["one"]
    assert second["more"] is None
    assert (await refused(boss.ask("admin.list", before="nonsense"))).code == "bad_request"
    assert (await refused(boss.ask("admin.list", account="nobody"))).code == "not_found"
    [only] = (await boss.ask("admin.list", account="two"))["data"]["decisions"]
    assert only["account"] == "two"


# --- forgetting the words


async def test_words_are_blanked_when_their_days_are_over_and_strikes_stay(start: Begin) -> None:
    server = await start(conduct_text_days=30)
    client = await server.client()
    await client.say(await client.new_chat(), "바보")
    conduct = server.app.services.conduct
    assert conduct is not None
    server.set_clock(29)
    assert await conduct.blank() == 0
    server.set_clock(2)
    assert await conduct.blank() == 1
    [row] = server.decided()
    assert (row.text, row.normalized, row.category, row.step) == ("", "", "insult", "warn")


async def test_stored_notices_and_snapshots_repeat_no_words(start: Begin) -> None:
    server = await start()
    client, chat = await banned_client(server)
    data = [row.data for row in server.rows(events) if row.type.startswith("notice.")]
    assert len(data) == 2
    assert not any("바보" in each for each in data)
    assert {d["text"] for d in (await client.ask("chat.open", chat))["data"]["decisions"]} == {""}


async def test_the_bundled_judge_hears_an_insult_however_it_is_spelled(start: Begin) -> None:
    try:
        judge = load_judge()
    except ConductError as error:
        pytest.skip(str(error))
    server = await start()
    conduct = server.app.services.conduct
    assert conduct is not None
    conduct._judge = judge
    for number, spelled in enumerate(("씨1발년아", "ㅂ ㅅ 아", "qudtls아", "병~신 새끼", "ㅆㅣㅂㅏㄹ 꺼져")):
        client = await server.client(f"guest{number}")
        chat = await client.new_chat()
        for harmless in ("배고파 죽을 것 같아", "와 이 노래 미쳤다", "너 진짜 귀여워서 미치겠다", "졸려 죽겠네 진짜"):
            assert (await client.say(chat, harmless))["data"]["reply"]["text"].startswith(harmless)
        reply = (await client.say(chat, spelled))["data"]["reply"]["text"]
        assert line_of(reply, ("insult", "warn")), f"{spelled}: {reply}"
    assert [row.step for row in server.decided()] == ["warn"] * 5
