"""The language model behind a URL: robust against what servers send, and clear about what they do not."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import time
import venv
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from character.errors import LanguageModelError, ModelUnavailable
from character.language_model import ChatMessage, GenerationRequest, Sampling
from character.remote_model import RemoteModel, RemoteReply, Timeouts, estimate_tokens
from tests.tiny_models import tiny_llama

REQUEST = GenerationRequest([ChatMessage("user", "안녕")], Sampling(max_new_tokens=20))

Script = Callable[["Call"], Awaitable[None]]


class Call:
    """One HTTP request that came in, and the means to answer it."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter):
        self.method, self.path, self.headers = method, path, headers
        self.json: dict[str, Any] = json.loads(body) if body else {}
        self._writer = writer

    async def answer(self, status: int, content: bytes | dict[str, Any], **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await self._writer.drain()

    async def begin(self) -> None:
        """Begins a stream that ends when the connection does."""
        self._writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        await self._writer.drain()

    async def send(self, data: bytes | str) -> None:
        self._writer.write(data.encode() if isinstance(data, str) else data)
        await self._writer.drain()

    async def stream(self, *events: bytes | str, pause: float = 0.0) -> None:
        await self.begin()
        for event in events:
            await self.send(event)
            await asyncio.sleep(pause)


class FakeEndpoint:
    """A small HTTP server that answers one request after another as the scripts say; the last one is repeated."""

    def __init__(self, *scripts: Script, models: Sequence[str] = ("first", "second")) -> None:
        self._scripts = scripts
        self._models = {"object": "list", "data": [{"id": name} for name in models]}
        self.calls: list[Call] = []
        self.hung_up = asyncio.Event()

    async def __aenter__(self) -> FakeEndpoint:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    @property
    def chats(self) -> list[Call]:
        return [call for call in self.calls if call.path.endswith("/chat/completions")]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = head[0].split()
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            call = Call(method, path, headers, body, writer)
            self.calls.append(call)
            if path.endswith("/models"):
                await call.answer(200, self._models)
            else:
                await self._scripts[min(len(self.chats), len(self._scripts)) - 1](call)
        except ConnectionError:
            self.hung_up.set()
        finally:
            writer.close()


def delta(content: str | None = None, **more: Any) -> str:
    change = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": {**change, **more.pop("delta", {})}, **more}
    return f"data: {json.dumps({'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"


DONE = "data: [DONE]\n\n"
STOP = delta(finish_reason="stop")


def says(*words: str, end: Sequence[str] = (STOP, DONE)) -> Script:
    async def script(call: Call) -> None:
        await call.stream(*(delta(word) for word in words), *end)

    return script


def fails(status: int, body: bytes | dict[str, Any] = b"", **headers: str) -> Script:
    async def script(call: Call) -> None:
        await call.answer(status, body, **headers)

    return script


def sends(*parts: bytes | str, pause: float = 0.0) -> Script:
    async def script(call: Call) -> None:
        await call.stream(*parts, pause=pause)

    return script


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., RemoteModel]]:
    models: list[RemoteModel] = []

    def make(endpoint: FakeEndpoint | str, **settings: Any) -> RemoteModel:
        url = endpoint if isinstance(endpoint, str) else endpoint.url
        models.append(RemoteModel(url, **{"retry_seconds": 0.01, **settings}))
        return models[-1]

    yield make
    for model in models:
        await model.close()


async def read(model: RemoteModel, request: GenerationRequest = REQUEST) -> tuple[str, RemoteReply]:
    reply = model.stream(request)
    return "".join([piece async for piece in reply]), reply


# What is sent


async def test_a_request_carries_messages_sampling_and_the_first_model_that_is_listed(connect: Any) -> None:
    async with FakeEndpoint(says("응")) as endpoint:
        model = connect(endpoint)
        sampling = Sampling(temperature=0.5, top_p=0.7, top_k=9, repetition_penalty=1.2, max_new_tokens=33, seed=4)
        await read(model, GenerationRequest([ChatMessage("user", "안녕")], sampling))
        await read(model)
        assert model.name == "first"
    sent = endpoint.chats[0].json
    assert sent["model"] == "first"
    assert sent["messages"] == [{"role": "user", "content": "안녕"}]
    assert sent["stream"] is True
    assert (sent["temperature"], sent["top_p"], sent["top_k"]) == (0.5, 0.7, 9)
    assert (sent["repetition_penalty"], sent["repeat_penalty"], sent["max_tokens"], sent["seed"]) == (1.2, 1.2, 33, 4)
    assert [call.path for call in endpoint.calls].count("/v1/models") == 1


async def test_a_model_that_is_named_is_not_looked_up(connect: Any) -> None:
    async with FakeEndpoint(says("응")) as endpoint:
        await read(connect(endpoint, model="mine"))
    assert [call.json["model"] for call in endpoint.calls] == ["mine"]


async def test_the_key_is_sent_and_never_shown(connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FakeEndpoint(fails(401, {"error": {"message": "wrong key"}})) as endpoint:
        model = connect(endpoint, model="m", api_key="sk-secret")
        with pytest.raises(LanguageModelError, match="wrong key; check the API key") as failure:
            await read(model)
    assert endpoint.calls[0].headers["authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in str(failure.value) + repr(model) + caplog.text


async def test_later_system_messages_become_notes_unless_they_may_stand(connect: Any) -> None:
    messages = [ChatMessage("user", "가"), ChatMessage("system", "월요일"), ChatMessage("user", "나")]
    async with FakeEndpoint(says("응")) as endpoint:
        await read(connect(endpoint, model="m"), GenerationRequest(messages))
        await read(connect(endpoint, model="m", system_first=False), GenerationRequest(messages))
    assert [message["content"] for message in endpoint.chats[0].json["messages"]] == ["가", "[월요일]\n\n나"]
    assert [message["role"] for message in endpoint.chats[1].json["messages"]] == ["user", "system", "user"]


async def test_a_server_that_refuses_unusual_fields_is_asked_without_them_from_then_on(connect: Any) -> None:
    async def picky(call: Call) -> None:
        if "top_k" in call.json:
            await call.answer(422, {"detail": "Unexpected fields in the request: {'top_k'}"})
        else:
            await says("응")(call)

    async with FakeEndpoint(picky) as endpoint:
        model = connect(endpoint, model="m")
        assert (await read(model))[0] == "응"
        assert (await read(model))[0] == "응"
    assert ["top_k" in call.json for call in endpoint.chats] == [True, False, False]


async def test_a_request_that_is_wrong_anyway_does_not_cost_the_fields(connect: Any) -> None:
    too_long = fails(400, {"error": {"message": "maximum context length is 4096 tokens"}})
    async with FakeEndpoint(too_long, too_long, says("응")) as endpoint:
        model = connect(endpoint, model="m")
        with pytest.raises(LanguageModelError, match="maximum context length is 4096"):
            await read(model)
        await read(model)
    assert "top_k" in endpoint.chats[-1].json


# What comes back


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_a_stream_may_be_split_anywhere(connect: Any, size: int) -> None:
    events = [
        ": a comment\n\n",
        "event: message\nid: 1\n",
        delta(delta={"role": "assistant", "content": ""}),
        ":\n\n",
        delta("<감정:기쁨:0.8>"),
        'data: {"choices": []}\n\n',
        delta(None, delta={"reasoning_content": "그는 인사를 했다"}),
        delta(" 안녕 😀").replace("\n", "\r\n"),
        'data: {"choices": [{"index": 0,\ndata: "delta": {"content": "!"}}]}\n\n',
        delta(None, delta={"content": None}),
        STOP,
        'data: {"choices": [], "usage": {"prompt_tokens": 40, "completion_tokens": 9, '
        '"prompt_tokens_details": {"cached_tokens": 30}}}\n\n',
        DONE,
    ]
    whole = "".join(events).encode()
    parts = [whole[at : at + size] for at in range(0, len(whole), size)]
    async with FakeEndpoint(sends(*parts)) as endpoint:
        reply = connect(endpoint, model="m").stream(REQUEST)
        pieces = [piece async for piece in reply]
    assert pieces == ["<감정:기쁨:0.8>", " 안녕 😀", "!"]
    assert reply.finish_reason == "stop"
    assert (reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens) == (40, 30, 9)


async def test_pieces_are_given_as_they_come(connect: Any) -> None:
    gate = asyncio.Event()

    async def slow(call: Call) -> None:
        await call.stream(delta("가"))
        await gate.wait()
        await call.send(delta("나") + STOP + DONE)

    async with FakeEndpoint(slow) as endpoint:
        reply = connect(endpoint, model="m").stream(REQUEST)
        assert await anext(reply) == "가"
        gate.set()
        assert [piece async for piece in reply] == ["나"]


async def test_a_reply_cut_short_says_so(connect: Any) -> None:
    async with FakeEndpoint(says("응", end=[delta(finish_reason="length"), DONE])) as endpoint:
        _, reply = await read(connect(endpoint, model="m"))
    assert reply.finish_reason == "length"


@pytest.mark.parametrize("end", [[DONE], [STOP], [STOP.rstrip("\n")]])
async def test_either_sign_of_the_end_is_enough(connect: Any, end: list[str]) -> None:
    async with FakeEndpoint(says("응", end=end)) as endpoint:
        assert (await read(connect(endpoint, model="m")))[0] == "응"


async def test_closing_the_iterator_hangs_up_at_once(connect: Any) -> None:
    async def endless(call: Call) -> None:
        await call.begin()
        while True:
            await call.send(delta("가"))
            await asyncio.sleep(0.005)

    async with FakeEndpoint(endless) as endpoint:
        reply = connect(endpoint, model="m").stream(REQUEST)
        await anext(reply)
        await reply.aclose()
        await asyncio.wait_for(endpoint.hung_up.wait(), 2)
        with pytest.raises(StopAsyncIteration):
            await anext(reply)


async def test_cancelling_the_task_hangs_up_at_once(connect: Any) -> None:
    async def endless(call: Call) -> None:
        await call.begin()
        while True:
            await call.send(": still thinking\n\n")
            await asyncio.sleep(0.005)

    async with FakeEndpoint(endless) as endpoint:
        task = asyncio.create_task(read(connect(endpoint, model="m")))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(endpoint.hung_up.wait(), 2)


# Trouble


async def test_nobody_at_the_address_is_told_with_the_address_and_what_to_do(connect: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(ModelUnavailable) as failure:
        await read(connect(url, model="m"))
    assert url in str(failure.value)
    assert "start the server there, or change --llm" in str(failure.value)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_server_that_is_busy_is_asked_again_before_the_first_token(connect: Any, status: int) -> None:
    async with FakeEndpoint(fails(status), fails(status), says("응")) as endpoint:
        assert (await read(connect(endpoint, model="m")))[0] == "응"
    assert len(endpoint.chats) == 3


async def test_a_server_that_stays_busy_is_given_up(connect: Any) -> None:
    async with FakeEndpoint(fails(503, {"error": {"message": "no slot"}})) as endpoint:
        with pytest.raises(ModelUnavailable, match=r"busy or failing \(HTTP 503\): no slot"):
            await read(connect(endpoint, model="m"))
    assert len(endpoint.chats) == 4


async def test_a_connection_that_breaks_before_the_first_token_is_tried_again(connect: Any) -> None:
    role_only = delta(delta={"role": "assistant", "content": ""})
    async with FakeEndpoint(sends(role_only), says("응")) as endpoint:
        assert (await read(connect(endpoint, model="m")))[0] == "응"


async def test_after_the_first_token_nothing_is_repeated(connect: Any) -> None:
    async with FakeEndpoint(sends(delta("안")), says("안녕")) as endpoint:
        reply = connect(endpoint, model="m").stream(REQUEST)
        assert await anext(reply) == "안"
        with pytest.raises(ModelUnavailable, match="broke off in the middle"):
            await anext(reply)
    assert len(endpoint.chats) == 1


@pytest.mark.parametrize("kind", ["seconds", "date"])
async def test_the_wait_a_server_asks_for_is_kept(connect: Any, kind: str) -> None:
    from datetime import UTC, datetime, timedelta

    # A date has whole seconds only.
    wait = "0.3" if kind == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=1.99), usegmt=True)
    async with FakeEndpoint(fails(429, Retry_After=wait), says("응")) as endpoint:
        start = time.monotonic()
        await read(connect(endpoint, model="m"))
    assert time.monotonic() - start > 0.25


async def test_a_wait_too_long_is_told_instead(connect: Any) -> None:
    async with FakeEndpoint(fails(429, Retry_After="3600"), says("응")) as endpoint:
        with pytest.raises(ModelUnavailable, match="asks to wait 3600 s"):
            await read(connect(endpoint, model="m"))
    assert len(endpoint.chats) == 1


async def test_what_will_not_change_is_not_asked_again(connect: Any) -> None:
    async with FakeEndpoint(fails(404, {"error": {"message": "model m does not exist"}})) as endpoint:
        with pytest.raises(LanguageModelError, match="model m does not exist; check the URL") as failure:
            await read(connect(endpoint, model="m"))
    assert endpoint.url in str(failure.value)
    assert not isinstance(failure.value, ModelUnavailable)
    assert len(endpoint.chats) == 1


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ('data: {"error": {"message": "CUDA out of memory", "code": 500}}\n\n', "failed: CUDA out of memory"),
        ('data: {"error": "model crashed"}\n\n', "failed: model crashed"),
        ('data: {"object": "error", "message": "too long"}\n\n', "failed: too long"),
        ("data: <html>\n\n", "not JSON"),
        ("data: [1]\n\n", "not a chunk"),
    ],
)
async def test_an_error_in_the_middle_of_a_stream_ends_it_with_its_reason(connect: Any, event: str, said: str) -> None:
    async with FakeEndpoint(sends(delta("안"), event)) as endpoint:
        reply = connect(endpoint, model="m").stream(REQUEST)
        assert await anext(reply) == "안"
        with pytest.raises(LanguageModelError, match=said):
            await anext(reply)
    assert len(endpoint.chats) == 1


async def test_silence_before_the_first_token_ends_in_time(connect: Any) -> None:
    async def silent(call: Call) -> None:
        await call.begin()
        while True:
            await call.send(": ping\n\n" + delta(delta={"role": "assistant"}))
            await asyncio.sleep(0.02)

    async with FakeEndpoint(silent) as endpoint:
        with pytest.raises(ModelUnavailable, match=r"no token within 0\.2 s"):
            await read(connect(endpoint, model="m", timeouts=Timeouts(first_token=0.2)))


async def test_silence_in_the_middle_ends_in_time(connect: Any) -> None:
    async with FakeEndpoint(sends(delta("안"), pause=5)) as endpoint:
        with pytest.raises(ModelUnavailable, match=r"no token for 0\.2 s"):
            await read(connect(endpoint, model="m", timeouts=Timeouts(between_tokens=0.2)))


async def test_a_slow_reader_does_not_make_the_server_late(connect: Any) -> None:
    async with FakeEndpoint(says("가", "나")) as endpoint:
        model = connect(endpoint, model="m", timeouts=Timeouts(first_token=0.3, between_tokens=0.1))
        pieces = []
        async for piece in model.stream(REQUEST):
            pieces.append(piece)
            await asyncio.sleep(0.4)
    assert pieces == ["가", "나"]


async def test_silence_after_the_end_is_no_fault(connect: Any) -> None:
    async with FakeEndpoint(sends(delta("응") + STOP, pause=5)) as endpoint:
        text, reply = await read(connect(endpoint, model="m", timeouts=Timeouts(between_tokens=0.1)))
    assert (text, reply.finish_reason) == ("응", "stop")


async def test_a_server_without_models_is_told(connect: Any) -> None:
    async with FakeEndpoint(says("응"), models=[]) as endpoint:
        with pytest.raises(LanguageModelError, match="lists no model: load one there, or name it"):
            await read(connect(endpoint))


@pytest.mark.parametrize("url", ["http://a:b/v1", "ftp://host/v1", "http://", "host:8000/v1"])
def test_a_malformed_url_is_told(url: str) -> None:
    with pytest.raises(LanguageModelError, match=f"^{url} is not the URL of a language model"):
        RemoteModel(url)


# Counting


def test_the_estimate_is_never_far_below_what_tokenizers_need() -> None:
    assert estimate_tokens("안녕하세요") >= 5
    assert estimate_tokens("ㅋㅋㅋㅋ") >= 4
    assert estimate_tokens("😀") >= 3
    assert 3 <= estimate_tokens("hello world") <= 8
    assert estimate_tokens("2026") == 4
    import unicodedata

    assert estimate_tokens(unicodedata.normalize("NFD", "한글")) == 2


def test_a_prompt_counts_its_messages_and_what_the_template_adds() -> None:
    model = RemoteModel("http://127.0.0.1:1/v1", context_length=2000)
    assert model.context_length == 2000
    one = model.count_tokens([ChatMessage("user", "안녕")])
    assert model.count_tokens([ChatMessage("user", "안녕")] * 2) > one > 2


# A real server of another make


def serving_python(tmp_path: Path) -> Path:
    """A Python that can run ``transformers serve``; makes a virtual environment where this one cannot."""
    needed = ["fastapi", "uvicorn", "openai>=1.98"]
    probe = "import fastapi, uvicorn, openai, typer"
    if subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode == 0:
        return Path(sys.executable)
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    # The packages of the environment that runs the tests, which need not be the system's.
    site = subprocess.run(
        [python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True, check=True
    ).stdout.strip()
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    (Path(site) / "tests.pth").write_text(ours + "\n")
    try:
        installed = subprocess.run(
            [python, "-m", "pip", "install", "-q", "--no-input", *needed], capture_output=True, text=True, timeout=120
        )
    except subprocess.TimeoutExpired:
        pytest.skip("installing what `transformers serve` needs took more than two minutes")
    if installed.returncode != 0:
        pytest.skip(f"`transformers serve` cannot be installed here: {installed.stderr.strip()[-200:]}")
    return python


@pytest.mark.slow
async def test_transformers_serve_is_understood(connect: Any, tmp_path: Path) -> None:
    python = serving_python(tmp_path)
    model = tiny_llama(tmp_path / "tiny")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "transformers.cli.transformers", "serve", str(model), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--device", "cpu"]
    log = (tmp_path / "log").open("wb")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        url = f"http://127.0.0.1:{port}/v1"
        deadline = time.monotonic() + 120
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                assert server.poll() is None, (tmp_path / "log").read_text()[-2000:]
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()[-2000:]
                try:
                    if (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.5)
        remote = connect(url, model=str(model))
        messages = [ChatMessage("system", "너는 오로라야"), ChatMessage("user", "안녕, 뭐 해?")]
        text, reply = await read(remote, GenerationRequest(messages, Sampling(max_new_tokens=12, seed=1)))
        assert text
        assert reply.finish_reason in ("stop", "length")
        assert 0 < reply.completion_tokens <= 13
        stopped = remote.stream(GenerationRequest(messages, Sampling(max_new_tokens=200)))
        await anext(stopped)
        await stopped.aclose()
        assert (await read(remote, GenerationRequest(messages, Sampling(max_new_tokens=4))))[0]
    finally:
        server.terminate()
        server.wait(20)
        log.close()
