"""Her face over the socket: it follows what happens, never stands in the way of words, and rests when nobody looks."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import math
import socket as sockets
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from character.errors import CharacterError
from server import __main__ as program
from server.face_stream import FACE_FRAME, GREATEST_WINDOW, HEADER, LEAST_WINDOW, Viewer, turn_number
from server.settings import Settings
from stylegan.errors import StyleganError
from stylegan.identity import HER_FILE, Face
from stylegan.renderer import FaceRenderer
from tests.fakes import Client, Refused, ScriptedModel
from tests.server.conftest import Running, Start
from tests.tiny_face import tiny_face, tiny_generator


@pytest.fixture(scope="module")
def renderer() -> Iterator[FaceRenderer]:
    renderer = FaceRenderer(tiny_generator(), threads=1)
    renderer.warm_up()
    yield renderer
    renderer.close()


def counted(server: Running, name: str, **labels: str) -> float:
    """A number of `/metrics`."""
    return server.app.services.metrics.registry.get_sample_value(name, labels) or 0.0


def passes(server: Running) -> float:
    return counted(server, "ohlora_face_render_seconds_count")


def heads(client: Client) -> list[tuple[int, ...]]:
    """(kind, 0, watch, turn, seq, milliseconds) of each frame."""
    return [HEADER.unpack(frame[: HEADER.size]) for frame in client.pictures]


async def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def watching(server: Running, fps: int = 30, name: str = "minji") -> tuple[Client, str, dict[str, Any]]:
    """A client that watches a new chat; its name, and the answer."""
    client = await server.client(name)
    chat = await client.new_chat()
    answer = await client.ask("face.watch", chat, fps=fps)
    return client, chat, answer["data"]


async def test_frames_follow_as_pictures_with_a_header(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client, _, answer = await watching(server)
    assert client.welcome["face"] is True
    assert (answer["on"], answer["size"], answer["media_type"]) == (True, 32, "image/jpeg")
    await until(lambda: len(client.pictures) >= 4)
    for number, (kind, zero, watch, turn, seq, _) in enumerate(heads(client)[:4], 1):
        assert (kind, zero, watch, turn) == (FACE_FRAME, 0, answer["watch"], 0)
        assert seq >= number
    times = [head[5] for head in heads(client)]
    assert times == sorted(times)
    picture = Image.open(io.BytesIO(client.pictures[0][HEADER.size :]))
    assert (picture.format, picture.size) == ("JPEG", (32, 32))


async def test_the_face_of_the_live_turn_carries_its_number(start: Start, renderer: FaceRenderer) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:기쁨:0.9> 응", 0.5, " 그래"]), renderer)
    client, chat, _ = await watching(server)
    await client.say(chat, "안녕")
    turn = (await client.wait("turn.start"))["turn"]
    assert turn_number(turn) in {head[3] for head in heads(client)}
    before = len(client.pictures)
    await until(lambda: len(client.pictures) > before + 2)
    assert heads(client)[-1][3] == 0


async def test_a_feeling_changes_the_picture_before_the_first_word_is_there(
    start: Start, renderer: FaceRenderer
) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:분노:1.0>", 5.0, " 뭐라고"]), renderer)
    client, chat, _ = await watching(server)
    await client.ask("turn.send", chat, client_id="one", text="바보")
    await client.wait("face.set")
    begin = len(client.pictures)
    await until(lambda: len(client.pictures) >= begin + 4)
    assert not client.words(chat), "the frames came while the words were still to come"
    calm, angry = (np.asarray(Image.open(io.BytesIO(client.pictures[at][HEADER.size :]))) for at in (0, -1))
    assert np.abs(calm.astype(int) - angry).mean() > 2
    assert counted(server, "ohlora_face_delay_seconds_count") == 1


async def test_while_nobody_watches_nothing_is_drawn(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client = await server.client()
    chat = await client.new_chat()
    await client.say(chat, "안녕")
    await asyncio.sleep(0.2)
    assert passes(server) == 0

    await client.ask("face.watch", chat)
    await until(lambda: len(client.pictures) >= 3)
    assert (await client.ask("face.watch", chat, on=False))["data"]["on"] is False
    await asyncio.sleep(0.1)  # a pass under way ends
    drawn, sent = passes(server), len(client.pictures)
    await client.say(chat, "이제 안 봐")
    await asyncio.sleep(0.4)
    assert (passes(server), len(client.pictures)) == (drawn, sent)
    assert counted(server, "ohlora_face_watchers") == 0


async def test_a_client_that_is_gone_does_not_watch_any_more(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client, _, _ = await watching(server)
    await until(lambda: len(client.pictures) >= 2)
    client.socket.transport.abort()
    await until(lambda: counted(server, "ohlora_face_watchers") == 0)
    await asyncio.sleep(0.1)
    drawn = passes(server)
    await asyncio.sleep(0.3)
    assert passes(server) == drawn


async def test_she_moves_more_often_while_she_speaks_than_while_she_rests(start: Start, renderer: FaceRenderer) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:평온:0.5> ", "가나다라마바사아" * 8]), renderer, face_fps=30)
    client, chat, _ = await watching(server)
    live = server.app.services.faces._live[chat]
    live.animation._blinks.next_at = live.animation._glance_at = math.inf  # rest without a blink
    await asyncio.sleep(0.3)
    begin = len(client.pictures)
    await asyncio.sleep(0.8)
    resting = len(client.pictures) - begin
    await client.say(chat, "말해 봐")
    begin = len(client.pictures)
    await asyncio.sleep(0.8)
    speaking = len(client.pictures) - begin
    assert 3 <= resting <= 12
    assert speaking > 1.5 * resting


async def test_two_windows_see_the_same_face_for_one_drawing(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    one, chat, _ = await watching(server)
    two = await server.client()
    await two.ask("chat.open", chat)
    await two.ask("face.watch", chat, fps=30)
    await until(lambda: len(two.pictures) >= 6)
    mine = {frame[HEADER.size :] for frame in one.pictures}
    assert sum(frame[HEADER.size :] in mine for frame in two.pictures) >= 4
    assert counted(server, "ohlora_face_batch_bucket", le="1.0") == passes(server)


async def test_different_chats_are_drawn_in_one_pass(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    clients = [(await watching(server, name=name))[0] for name in ("하나", "둘", "셋")]
    await until(lambda: all(len(client.pictures) >= 8 for client in clients))
    shared = passes(server) - counted(server, "ohlora_face_batch_bucket", le="1.0")
    assert shared > 0
    assert counted(server, "ohlora_face_batch_sum") > passes(server)


async def test_a_client_that_wants_few_frames_gets_few(start: Start, renderer: FaceRenderer) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:평온:0.5> ", "가나다라마바사아" * 8]), renderer, face_fps=40)
    client, chat, answer = await watching(server, fps=5)
    assert answer["fps"] == 5
    await client.say(chat, "말해 봐")
    begin = len(client.pictures)
    await asyncio.sleep(1.0)
    assert 2 <= len(client.pictures) - begin <= 8


async def test_another_chat_takes_the_place_of_the_one_watched(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client, first, before = await watching(server)
    second = await client.new_chat()
    after = (await client.ask("face.watch", second))["data"]
    assert after["watch"] != before["watch"]
    begin = len(client.pictures)
    await until(lambda: len(client.pictures) >= begin + 3)
    assert {head[2] for head in heads(client)[begin + 1 :]} == {after["watch"]}
    assert list(server.app.services.faces._live) == [second]
    assert first != second


async def test_the_face_of_somebody_elses_chat_cannot_be_watched_or_stirred(
    start: Start, renderer: FaceRenderer
) -> None:
    server = await start(renderer=renderer)
    _, chat, _ = await watching(server)
    stranger = await server.client("낯선이")
    for request, data in (("face.watch", {}), ("face.still", {"emotion": "기쁨"})):
        with pytest.raises(Refused, match="not_found"):
            await stranger.ask(request, chat, **data)
    await stranger.send("turn.typing", chat)
    await stranger.ask("ping")
    assert server.app.services.faces._live[chat].animation.attention.value == "nobody"


async def test_she_looks_up_while_the_user_writes(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client, chat, _ = await watching(server)
    await client.send("turn.typing", chat)
    await client.ask("ping")
    assert server.app.services.faces._live[chat].animation.attention.value == "listening"


async def test_who_comes_in_later_finds_the_face_she_has(start: Start, renderer: FaceRenderer) -> None:
    server = await start(ScriptedModel(lambda _: ["<감정:놀람:1.0> 어머", 1.0, "!"]), renderer)
    client = await server.client()
    chat = await client.new_chat()
    await client.ask("turn.send", chat, client_id="one", text="짠")
    await client.wait("turn.delta")
    await client.ask("face.watch", chat)
    live = server.app.services.faces._live[chat]
    loop_time = live.animation._now
    assert live.animation.frame(loop_time)["brow"] > 0.7
    assert live.turn is not None


async def test_a_chat_that_begins_with_a_greeting_begins_with_its_feeling(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client = await server.client()
    opened = (await client.ask("chat.open"))["data"]
    greeting = next(message for message in opened["messages"] if message["id"] == opened["active"])
    await client.ask("face.watch", opened["chat"]["id"])
    live = server.app.services.faces._live[opened["chat"]["id"]]
    from character.emotion import Emotion

    expected = live.card.face(Emotion(greeting["emotion"], greeting["strength"]))
    assert live.animation._felt == pytest.approx(expected)


# --- words go first


class NarrowLine:
    """A port that passes on what the server sends no faster than this, with hardly a buffer in between.

    Attributes:
        port: of its own.
        target: the server's.
    """

    def __init__(self, bytes_per_second: float) -> None:
        self.rate, self.target, self.port = bytes_per_second, 0, 0

    async def __aenter__(self) -> NarrowLine:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        narrow = sockets.socket()
        narrow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", self.target))
        up_reader, up_writer = await asyncio.open_connection(sock=narrow, limit=2048)
        await asyncio.gather(
            self._carry(reader, up_writer, math.inf), self._carry(up_reader, writer, self.rate), return_exceptions=True
        )

    @staticmethod
    async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float) -> None:
        while data := await reader.read(1024):
            await asyncio.sleep(len(data) / rate)
            writer.write(data)
            await writer.drain()
        writer.close()


async def test_on_a_slow_line_frames_are_dropped_and_words_arrive_in_time(start: Start) -> None:
    """The line carries one or two frames a second; were all of them sent, the words would come a minute late."""
    renderer = FaceRenderer(tiny_generator(64), threads=1)
    words = [f"{number}번째 말. " for number in range(20)]
    async with NarrowLine(8000) as line:
        server = await start(
            ScriptedModel(lambda _: ["<감정:기쁨:0.8> ", *words], pace=0.1), renderer,
            face_fps=30, hosts=[f"127.0.0.1:{line.port}"],
        )  # fmt: skip
        line.target = server.port
        async with await Client.open(line.port, token=server.token()) as client:
            chat = await client.new_chat()
            await client.ask("face.watch", chat, fps=30)
            await until(lambda: len(client.pictures) >= 2)
            await client.ask("turn.send", chat, client_id="one", text="세어 봐")
            clock = asyncio.get_running_loop().time
            begin, frames = clock(), len(client.pictures)
            async with asyncio.timeout(30):
                await client.wait("turn.done")
            seconds = clock() - begin
            size = sum(map(len, client.pictures)) / len(client.pictures)
            assert 30 * seconds * size > 3 * line.rate * seconds, "the line is too wide for this test"
            assert seconds < 2 + 4 * LEAST_WINDOW * size / line.rate + 2
            assert len(client.pictures) > frames, "she moves nevertheless"
    renderer.close()


async def test_a_client_that_reads_nothing_gets_a_few_frames_and_holds_nobody_up(
    start: Start, renderer: FaceRenderer
) -> None:
    server = await start(renderer=renderer)
    watcher, _, _ = await watching(server)
    deaf = await server.client("귀머거리")
    chat = await deaf.new_chat()
    await deaf.ask("face.watch", chat, fps=30)
    deaf.socket.transport.pause_reading()
    begin = len(watcher.pictures)
    await until(lambda: len(watcher.pictures) >= begin + 20)
    viewer = next(iter(server.app.services.faces._live[chat].viewers.values()))
    assert viewer.in_flight <= GREATEST_WINDOW
    sent = viewer.sent
    await asyncio.sleep(0.5)
    assert viewer.sent == sent, "nothing more is sent to it"
    deaf.socket.transport.resume_reading()
    await until(lambda: viewer.sent > sent + 3)


class Line:
    """A connection for `Viewer`, by hand."""

    def __init__(self) -> None:
        self.free = True
        self.shown: list[bytes] = []

    def is_free(self) -> bool:
        return self.free

    def show(self, frame: bytes) -> Awaitable[float] | None:
        self.shown.append(frame)
        return asyncio.sleep(0, 0.0)


def offered(viewer: Viewer, now: float) -> bool:
    reading = viewer.offer(b"picture", 0, now)
    if reading is not None:
        reading.close()  # type: ignore[attr-defined]
    return reading is not None


def test_frames_under_way_are_few_and_the_rest_is_dropped() -> None:
    line = Line()
    viewer = Viewer(line, 1, fps=20, begun=0.0)
    taken = [offered(viewer, at / 20) for at in range(5)]
    assert taken == [True, True, False, False, False]
    assert (viewer.sent, viewer.dropped) == (2, 3)
    viewer.taken(0.03)
    assert offered(viewer, 1.0)
    assert HEADER.unpack(line.shown[-1][: HEADER.size])[4] == 6, "the gap in the numbers tells what was dropped"


def test_a_long_way_is_filled_with_more_frames_but_a_slow_line_is_not() -> None:
    far, slow = Viewer(Line(), 1, fps=20, begun=0.0), Viewer(Line(), 1, fps=20, begun=0.0)
    for viewer, round_trips in ((far, [0.2, 0.21, 0.2]), (slow, [0.02, 0.9, 2.5])):
        for number, seconds in enumerate(round_trips):
            offered(viewer, float(number))
            viewer.taken(seconds)
    assert far.window == 5
    assert slow.window == LEAST_WINDOW


def test_no_frame_is_sent_while_words_wait_to_be_written() -> None:
    line = Line()
    viewer = Viewer(line, 1, fps=20, begun=0.0)
    line.free = False
    assert not offered(viewer, 0.0)
    line.free = True
    assert offered(viewer, 0.1)


# --- portraits


async def test_a_portrait_shows_the_emotion_and_is_drawn_once(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client = await server.client()
    chat = await client.new_chat()
    glad = (await client.ask("face.still", chat, emotion="기쁨", strength=0.8))["data"]
    sad = (await client.ask("face.still", chat, emotion="슬픔", strength=0.8))["data"]
    assert (glad["emotion"], glad["strength"], glad["media_type"]) == ("기쁨", 0.75, "image/webp")
    pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(each["base64"])))) for each in (glad, sad)]
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 1
    drawn = passes(server)
    again = (await client.ask("face.still", chat, emotion="기쁨", strength=0.7))["data"]
    assert again["base64"] == glad["base64"]
    assert passes(server) == drawn


async def test_many_portraits_do_not_hold_up_the_live_face(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client, chat, _ = await watching(server)
    asked = [("평온 기쁨 슬픔 분노 놀람 두려움 부끄러움 혐오".split()[n % 8], (n // 8 + 1) / 4) for n in range(24)]
    before = len(client.pictures)
    found = await asyncio.gather(*(client.ask("face.still", chat, emotion=e, strength=s) for e, s in asked))
    assert len({each["data"]["base64"] for each in found}) > 15
    assert len(client.pictures) > before


async def test_what_is_no_emotion_has_no_portrait(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client = await server.client()
    chat = await client.new_chat()
    with pytest.raises(Refused, match="bad_request"):
        await client.ask("face.still", chat, emotion="졸림")
    with pytest.raises(Refused, match="size"):
        await client.ask("face.still", chat, emotion="기쁨", size=4096)


# --- whose face, and where there is none


async def test_another_choice_of_face_shows_at_once(start: Start, renderer: FaceRenderer) -> None:
    server = await start(renderer=renderer)
    client, chat, before = await watching(server)
    account = server.app.services.faces._live[chat].account
    other = Face(np.random.default_rng(3).standard_normal(64).astype(np.float32), {"hair_color": 0.8})

    async def chosen(asked: str) -> Face:
        assert asked == account
        return other

    server.app.services.faces.face_of = chosen
    await server.app.services.faces.changed(account)
    begin = len(client.pictures)
    await until(lambda: len(client.pictures) >= begin + 3)
    old, new = (np.asarray(Image.open(io.BytesIO(client.pictures[at][HEADER.size :]))) for at in (0, -1))
    assert np.abs(old.astype(int) - new).mean() > 5
    assert (await client.ask("face.watch", chat))["data"]["face"] != before["face"]


async def test_a_server_without_a_face_says_so(start: Start) -> None:
    server = await start()
    client = await server.client()
    chat = await client.new_chat()
    assert client.welcome["face"] is False
    for request, data in (("face.watch", {}), ("face.still", {"emotion": "기쁨"})):
        with pytest.raises(Refused, match="꺼져"):
            await client.ask(request, chat, **data)
    await client.send("turn.typing", chat)
    assert (await client.say(chat, "그래도 말은 하지?"))["data"]["reason"] == "complete"


async def test_a_fault_of_the_drawing_does_not_end_the_talk_or_all_faces(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server import faces

    monkeypatch.setattr(faces, "RETRY_SECONDS", 0.05)
    renderer = FaceRenderer(tiny_generator(), threads=1)
    server = await start(renderer=renderer)
    plain, failures = renderer.submit, []

    def submit(*given: Any) -> Any:
        if len(failures) < 2:
            failures.append(1)
            raise RuntimeError("out of memory")
        return plain(*given)

    monkeypatch.setattr(renderer, "submit", submit)
    client = await server.client()
    chat = await client.new_chat()
    with pytest.raises(Refused, match="그리지 못했어요"):
        await client.ask("face.still", chat, emotion="기쁨")
    await client.ask("face.watch", chat)
    assert (await client.say(chat, "안녕"))["data"]["reason"] == "complete"
    await until(lambda: len(client.pictures) >= 3)
    assert len(failures) == 2
    assert (await client.ask("face.still", chat, emotion="기쁨"))["data"]["emotion"] == "기쁨"
    renderer.close()


def test_a_wrong_folder_is_one_clear_line_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data=tmp_path, face=str(tmp_path))
    with pytest.raises(StyleganError, match=r"holds no face generator") as caught:
        program.load_renderer(settings)
    assert "\n" not in str(caught.value)

    async def serve(settings: Settings) -> None:
        program.load_renderer(settings)

    monkeypatch.setattr(program, "serve", serve)
    assert program.main(["--face", str(tmp_path), "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {tmp_path} holds no face generator")


def test_a_folder_with_a_face_is_loaded_and_hers_is_the_one_beside_it(tmp_path: Path) -> None:
    from server.faces import face_of

    tiny_face(tmp_path)
    settings = Settings(data=tmp_path, face=str(tmp_path))
    renderer = program.load_renderer(settings)
    assert renderer is not None
    assert renderer.resolution == 32
    latent = [round(0.01 * number, 2) for number in range(64)]
    (tmp_path / HER_FILE).write_text(json.dumps({"latent": latent, "attributes": {"hair_length": 0.9}}))
    hers = asyncio.run(_first(face_of(renderer, settings)))
    assert hers.latent.tolist() == pytest.approx(latent)
    assert hers.attributes == {"hair_length": 0.9}
    renderer.close()


async def _first(of_account: Callable[[str], Awaitable[Face]]) -> Face:
    return await of_account("anybody")


def test_without_bundled_weights_the_server_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from stylegan import identity

    monkeypatch.setattr(identity, "BUNDLED", tmp_path / "nothing")
    assert program.load_renderer(Settings(data=tmp_path)) is None
    assert "the bundled face is missing" in caplog.text
    assert program.load_renderer(Settings(data=tmp_path, face="off")) is None
    assert not issubclass(StyleganError, CharacterError)
