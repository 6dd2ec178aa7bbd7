"""The language model behind an OpenAI-compatible URL."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import httpx
import pytest

from character.errors import LanguageModelError, ModelUnavailable
from character.language_model import ChatMessage, GenerationRequest, Sampling
from character.remote_model import Patience, RemoteModel, RemoteReply, estimate_tokens, read_events

HURRIED = Patience(connect=0.5, first_token=0.5, between_tokens=0.3, tries=3, pause=0.01, longest_pause=0.05)
HELLO = GenerationRequest([ChatMessage("system", "너는 오로라야."), ChatMessage("user", "안녕")])


def chunk(text: str | None = None, reason: str | None = None, **more: object) -> str:
    delta = {} if text is None else {"content": text}
    return "data: " + json.dumps({"choices": [{"delta": delta, "finish_reason": reason}], **more}) + "\n\n"


Step = str | bytes | float
Script = Callable[[httpx.Request, int], "int | Sequence[Step] | httpx.Response"]


class Stream(httpx.AsyncByteStream):
    """A body that arrives step by step: bytes, or seconds of silence."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps, self.closed = steps, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self.steps:
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield step.encode() if isinstance(step, str) else step

    async def aclose(self) -> None:
        self.closed = True


class Endpoint(httpx.AsyncBaseTransport):
    """An endpoint that follows a script: a status, a ready response, or the steps of a stream."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[httpx.Request] = []
        self.streams: list[Stream] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/models"):
            return httpx.Response(200, json={"data": [{"id": "first"}, {"id": "second"}]})
        await request.aread()
        self.asked.append(request)
        answer = self.script(request, len(self.asked))
        if isinstance(answer, httpx.Response):
            return answer
        if isinstance(answer, int):
            return httpx.Response(answer, json={"error": {"message": f"status {answer}"}})
        self.streams.append(Stream(answer))
        return httpx.Response(200, stream=self.streams[-1])


def model(script: Script, **options: object) -> tuple[RemoteModel, Endpoint]:
    endpoint = Endpoint(script)
    chosen = {"patience": HURRIED, "transport": endpoint} | options
    return RemoteModel("http://elsewhere/v1/", **chosen), endpoint  # type: ignore[arg-type]


async def read(remote: RemoteModel, request: GenerationRequest = HELLO) -> tuple[str, RemoteReply]:
    reply = remote.stream(request)
    return "".join([piece async for piece in reply]), reply


async def test_pieces_stream_in_and_the_end_is_known() -> None:
    usage = {"prompt_tokens": 12, "prompt_tokens_details": {"cached_tokens": 8}}
    remote, _ = model(
        lambda *_: [chunk(""), chunk("안"), chunk("녕!"), chunk(None, "stop"), chunk(usage=usage), "data: [DONE]\n\n"]
    )
    text, reply = await read(remote)
    assert text == "안녕!"
    assert (reply.finish_reason, reply.prompt_tokens, reply.cached_tokens) == ("stop", 12, 8)


async def test_a_stream_may_be_cut_anywhere_even_inside_a_character() -> None:
    whole = (
        ": keep-alive\r\n\r\n"
        + chunk("오로라")
        + "event: message\nid: 7\n"
        + chunk("예요", "length")
        + "data:[DONE]\n\n"
    ).encode()
    for size in (1, 2, 3, 7):
        pieces = [whole[i : i + size] for i in range(0, len(whole), size)]
        remote, _ = model(lambda *_, pieces=pieces: pieces)
        text, reply = await read(remote)
        assert (text, reply.finish_reason) == ("오로라예요", "length")


async def test_chunks_without_words_are_passed_over() -> None:
    odd = ['data: {"choices": []}\n\n', 'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n', "data: 7\n\n"]
    thinking = ['data: {"choices":[{"delta":{"reasoning_content":"음","content":null}}]}\n\n']
    remote, _ = model(lambda *_: [*odd, *thinking, chunk("응"), chunk(None, "stop")])
    assert (await read(remote))[0] == "응"


async def test_the_request_holds_prompt_sampling_and_the_first_model_listed() -> None:
    remote, endpoint = model(lambda *_: [chunk("응", "stop")], api_key="secret")
    sampling = Sampling(temperature=0.3, top_p=0.5, max_new_tokens=7, seed=11)
    await read(remote, GenerationRequest(HELLO.messages, sampling))
    body = json.loads(endpoint.asked[0].content)
    assert body["model"] == "first" == remote.name
    assert body["messages"][-1] == {"role": "user", "content": "안녕"}
    assert (body["temperature"], body["top_p"], body["max_tokens"], body["seed"]) == (0.3, 0.5, 7, 11)
    assert endpoint.asked[0].headers["Authorization"] == "Bearer secret"


async def test_system_notes_in_mid_history_move_into_the_next_user_message() -> None:
    remote, endpoint = model(lambda *_: [chunk("응", "stop")])
    messages = [
        *HELLO.messages,
        ChatMessage("assistant", "응"),
        ChatMessage("system", "기억: 고양이"),
        ChatMessage("user", "뭐해"),
    ]
    await read(remote, GenerationRequest(messages))
    sent = json.loads(endpoint.asked[0].content)["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]
    assert sent[-1]["content"] == "[기억: 고양이]\n\n뭐해"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_passing_failure_before_the_first_token_is_tried_again(status: int) -> None:
    remote, endpoint = model(lambda _, count: status if count < 3 else [chunk("응", "stop")])
    assert (await read(remote))[0] == "응"
    assert len(endpoint.asked) == 3


async def test_a_lasting_failure_names_the_url_and_what_to_do() -> None:
    remote, endpoint = model(lambda *_: 503)
    with pytest.raises(ModelUnavailable, match=r"http://elsewhere/v1: status 503; check that it runs"):
        await read(remote)
    assert len(endpoint.asked) == HURRIED.tries


async def test_retry_after_is_honoured_up_to_a_limit() -> None:
    answers = [
        httpx.Response(429, headers={"Retry-After": "3600"}),
        httpx.Response(503, headers={"Retry-After": "soon"}),
    ]
    remote, _ = model(lambda _, count: answers[count - 1] if count < 3 else [chunk("응", "stop")])
    async with asyncio.timeout(2):
        assert (await read(remote))[0] == "응"


@pytest.mark.parametrize(("status", "advice"), [(400, "status 400"), (401, "OHLORA_API_KEY"), (404, "status 404")])
async def test_a_refusal_is_told_and_not_tried_again(status: int, advice: str) -> None:
    remote, endpoint = model(lambda *_: status)
    with pytest.raises(LanguageModelError, match=advice):
        await read(remote)
    assert len(endpoint.asked) == 1


async def test_nothing_is_tried_again_after_the_first_token() -> None:
    remote, endpoint = model(lambda *_: [chunk("안"), 2.0, chunk("녕")])
    heard = []
    with pytest.raises(ModelUnavailable, match="no token for"):
        async for piece in remote.stream(HELLO):
            heard.append(piece)
    assert heard == ["안"]
    assert len(endpoint.asked) == 1


async def test_an_error_in_the_middle_of_a_stream_is_told() -> None:
    remote, _ = model(lambda *_: [chunk("안"), 'data: {"error": {"message": "out of memory"}}\n\n'])
    with pytest.raises(LanguageModelError, match="out of memory"):
        await read(remote)


async def test_a_chunk_that_is_no_json_is_told() -> None:
    remote, _ = model(lambda *_: ["data: <html>\n\n"])
    with pytest.raises(LanguageModelError, match="no JSON"):
        await read(remote)


async def test_closing_the_reply_closes_the_stream_at_once() -> None:
    remote, endpoint = model(lambda *_: [chunk("안"), 60.0, chunk("녕")], patience=Patience())
    reply = remote.stream(HELLO)
    assert await anext(reply) == "안"
    await reply.aclose()
    assert endpoint.streams[0].closed


async def test_nobody_at_the_port_is_one_clear_line() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    remote = RemoteModel(f"http://127.0.0.1:{port}/v1", model="any", patience=HURRIED)
    with pytest.raises(ModelUnavailable, match=f"127.0.0.1:{port}"):
        await read(remote)
    await remote.close()


async def test_events_of_several_lines_are_joined_and_a_last_one_without_an_empty_line_counts() -> None:
    async def lines() -> AsyncIterator[str]:
        for line in ("data: a", "data: b", "", ": comment", "retry: 5", "data: c"):
            yield line

    assert [event async for event in read_events(lines())] == ["a\nb", "c"]


def test_the_estimate_of_tokens_grows_with_the_text_and_counts_each_syllable() -> None:
    assert estimate_tokens("안녕하세요") == 5
    assert estimate_tokens("hello world") == 4
    assert estimate_tokens("") == 0


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the packages of ``transformers serve`` are; installed into a temporary folder where they are missing."""
    needed = ["fastapi", "uvicorn", "openai"]
    if all(importlib.util.find_spec(name) for name in needed):
        return ""
    folder = tmp_path_factory.mktemp("serving")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *needed]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=240)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"fastapi, uvicorn and openai cannot be installed here: {str(error)[:200]}")
    return str(folder)


@pytest.mark.slow
async def test_a_real_server_of_another_make_streams_our_own_model(serving: str, tmp_path: Path) -> None:
    """``transformers serve`` with the bundled base model."""
    from character.loading import BUNDLED

    command = shutil.which("transformers", path=str(Path(sys.executable).parent)) or shutil.which("transformers")
    if command is None:
        pytest.skip("the command 'transformers' is not installed")
    folder = BUNDLED / "base"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": serving, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    log = (tmp_path / "log").open("wb")
    server = subprocess.Popen(
        [command, "serve", str(folder), "--port", str(port), "--device", "cpu"], env=environment, stdout=log, stderr=log
    )
    remote = RemoteModel(f"http://127.0.0.1:{port}/v1", model=str(folder), patience=Patience(tries=1))
    try:
        async with asyncio.timeout(150):
            async with httpx.AsyncClient() as client:
                while True:
                    assert server.poll() is None, (tmp_path / "log").read_text(errors="replace")[-2000:]
                    try:
                        if (await client.get(f"http://127.0.0.1:{port}/health")).is_success:
                            break
                    except httpx.TransportError:
                        await asyncio.sleep(0.5)
            pieces = [p async for p in remote.stream(GenerationRequest(HELLO.messages, Sampling(max_new_tokens=12)))]
        assert "".join(pieces)
    finally:
        await remote.close()
        server.terminate()
        server.wait(20)
        log.close()
