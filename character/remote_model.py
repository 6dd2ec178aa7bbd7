"""A language model behind an OpenAI-compatible endpoint: vLLM, Ollama, llama.cpp, ``transformers serve`` and others."""

from __future__ import annotations

import asyncio
import json
import random
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from character.errors import LanguageModelError, ModelUnavailable
from character.language_model import ChatMessage, GenerationRequest
from character.reply import Reply
from character.system_notes import move_system_notes

DEFAULT_CONTEXT = 4096

ATTEMPTS = 4
"""How often a reply is asked for until its first token."""

LONGEST_WAIT = 20.0
"""Seconds to wait between two attempts at most, also where the server asks for more."""

MESSAGE_OVERHEAD = 8
"""Tokens a chat template adds to a message, at most."""

_PASSING_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait for the server.

    Attributes:
        connect: until it takes the connection.
        first_token: until the first token, the reading of the prompt included.
        between_tokens: until each further one.
    """

    connect: float = 5.0
    first_token: float = 120.0
    between_tokens: float = 30.0


class RemoteModel:
    """A chat model behind ``<url>/chat/completions``.

    Args:
        url: up to and including the version, as in ``http://127.0.0.1:8000/v1``.
        model: its name there; None takes the first that the server lists.
        api_key: sent as a bearer token, and shown nowhere.
        context_length: tokens that prompt and reply may have together; the protocol cannot be asked for it.
        timeouts: how patient to be.
        system_first: move later system messages into the next user message, since many chat templates refuse them.
        retry_seconds: wait before the second attempt; doubles with each further one.

    Raises:
        LanguageModelError: the URL is malformed.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        context_length: int | None = None,
        timeouts: Timeouts | None = None,
        system_first: bool = True,
        retry_seconds: float = 0.5,
    ) -> None:
        host = _host(url)
        self._url = url.rstrip("/")
        self._model = model
        self._context_length = context_length or DEFAULT_CONTEXT
        self._timeouts = timeouts or Timeouts()
        self._system_first = system_first
        self._retry_seconds = retry_seconds
        self._listed: str | None = None
        self._knows_extras = True
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            # Only httpx sees the connecting; all other waits are timed here, where tokens can be told from other bytes.
            timeout=httpx.Timeout(None, connect=self._timeouts.connect),
            # One connection per chat that is being written to; httpx would hold further ones back.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            # A proxy for the outside world has no way to this machine.
            trust_env=host not in ("127.0.0.1", "localhost", "::1"),
        )

    @property
    def name(self) -> str:
        return self._model or self._listed or self._url

    @property
    def context_length(self) -> int:
        return self._context_length

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """An estimate on the high side, see `estimate_tokens`: the protocol has no way to ask."""
        return sum(estimate_tokens(message.content) + MESSAGE_OVERHEAD for message in messages) + MESSAGE_OVERHEAD

    def stream(self, request: GenerationRequest) -> RemoteReply:
        """See `LanguageModel.stream`. The request is sent when the first piece is asked for."""
        return RemoteReply(self, request)

    async def close(self) -> None:
        await self._client.aclose()

    async def chunks(self, request: GenerationRequest) -> AsyncGenerator[dict[str, Any]]:
        """The chunks of a reply, as the server sends them.

        Raises:
            ModelUnavailable: the server cannot be reached, is too busy, or breaks off.
            LanguageModelError: it refuses the request, or reports a failure.
        """
        for attempt in range(1, ATTEMPTS + 1):
            begun = False
            try:
                async with aclosing(self._attempt(request)) as chunks:
                    async for chunk in chunks:
                        begun = begun or bool(_text(chunk))
                        yield chunk
                return
            except _Passing as failure:
                if begun or attempt == ATTEMPTS or failure.retry_after > LONGEST_WAIT:
                    raise failure.error from failure.__cause__
                wait = self._retry_seconds * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
                await asyncio.sleep(min(max(wait, failure.retry_after), LONGEST_WAIT))

    async def _attempt(self, request: GenerationRequest) -> AsyncGenerator[dict[str, Any]]:
        """One attempt. What may go better the next time is raised as `_Passing`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeouts.first_token
        begun = finished = False
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._open(request)
            async with aclosing(response), aclosing(_events(response.aiter_bytes())) as events:
                while True:
                    async with asyncio.timeout_at(deadline):
                        event = await anext(events, None)
                    if event is None or event.strip() == "[DONE]":
                        finished = finished or event is not None
                        break
                    chunk = self._parse(event)
                    finished = finished or any(choice.get("finish_reason") for choice in chunk.get("choices") or [])
                    begun = begun or bool(_text(chunk))
                    yield chunk
                    if begun:
                        deadline = loop.time() + self._timeouts.between_tokens
        except TimeoutError as error:
            if finished:
                return
            raise ModelUnavailable(
                f"the language model at {self._url} stopped in the middle of a reply: no token for "
                f"{self._timeouts.between_tokens:g} s"
                if begun
                else f"the language model at {self._url} gave no token within {self._timeouts.first_token:g} s"
            ) from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            reason = str(error) or f"no answer within {self._timeouts.connect:g} s"
            raise _Passing(
                f"no language model answers at {self._url} ({reason}): start the server there, or change --llm"
            ) from error
        except httpx.TransportError as error:
            if finished:
                return
            reason = str(error) or type(error).__name__
            raise _Passing(f"the connection to the language model at {self._url} broke: {reason}") from error
        if not finished:
            raise _Passing(f"the language model at {self._url} broke off in the middle of a reply")

    async def _open(self, request: GenerationRequest) -> httpx.Response:
        """Sends a request; the response has status 200 and its body is still to be read."""
        model = await self._model_name()
        for extras in (True, False) if self._knows_extras else (False,):
            call = self._client.build_request(
                "POST", f"{self._url}/chat/completions", json=self._body(request, model, extras=extras)
            )
            response = await self._client.send(call, stream=True)
            if response.status_code == httpx.codes.OK:
                self._knows_extras = extras
                return response
            try:
                await response.aread()
            finally:
                await response.aclose()
            if response.status_code not in (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY):
                break
        raise self._refusal(response)

    async def _model_name(self) -> str:
        if self._model is not None:
            return self._model
        if self._listed is None:
            response = await self._client.get(f"{self._url}/models")
            if response.status_code != httpx.codes.OK:
                raise self._refusal(response)
            try:
                self._listed = str(response.json()["data"][0]["id"])
            except (ValueError, KeyError, IndexError, TypeError) as error:
                raise LanguageModelError(
                    f"{self._url}/models lists no model: load one there, or name it with --remote-model"
                ) from error
        return self._listed

    def _body(self, request: GenerationRequest, model: str, *, extras: bool) -> dict[str, Any]:
        """What is sent; ``extras`` are fields that not every server knows, and some refuse."""
        messages = move_system_notes(request.messages) if self._system_first else request.messages
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": request.adapter or model,  # vLLM lists adapters as models
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "stream": True,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_new_tokens,
        }
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        if extras:
            body["stream_options"] = {"include_usage": True}
            body["top_k"] = sampling.top_k or -1
            body["repetition_penalty"] = sampling.repetition_penalty  # vLLM
            body["repeat_penalty"] = sampling.repetition_penalty  # llama.cpp
        return body

    def _refusal(self, response: httpx.Response) -> Exception:
        status = response.status_code
        said = _error_text(response.text)
        if status in _PASSING_STATUS:
            wait = _retry_after(response)
            asks = f"; it asks to wait {wait:g} s" if wait else ""
            return _Passing(f"the language model at {self._url} is busy or failing (HTTP {status}): {said}{asks}", wait)
        name = self.name
        if status == httpx.codes.NOT_FOUND:
            self._listed = None  # another model may have been loaded since
        advice = {
            401: "check the API key",
            403: "check the API key",
            404: f"check the URL, which usually ends in /v1, and the model's name ({name})",
        }.get(status, "the server's log may say more")
        return LanguageModelError(f"the language model at {self._url} refused (HTTP {status}): {said}; {advice}")

    def _parse(self, event: str) -> dict[str, Any]:
        try:
            chunk = json.loads(event)
        except ValueError as error:
            raise LanguageModelError(f"{self._url} sent something that is not JSON: {event[:80]!r}") from error
        if not isinstance(chunk, dict):
            raise LanguageModelError(f"{self._url} sent something that is not a chunk: {event[:80]!r}")
        if chunk.get("error") or chunk.get("object") == "error":
            raise LanguageModelError(f"the language model at {self._url} failed: {_error_text(event)}")
        return chunk


class RemoteReply(Reply):
    """A reply of a `RemoteModel`. ``finish_reason`` stays None where the server gives another reason than ours."""

    def __init__(self, model: RemoteModel, request: GenerationRequest) -> None:
        self._pieces = self._read(model, request)

    async def __anext__(self) -> str:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        await self._pieces.aclose()

    async def _read(self, model: RemoteModel, request: GenerationRequest) -> AsyncGenerator[str]:
        async with aclosing(model.chunks(request)) as chunks:
            async for chunk in chunks:
                usage = chunk.get("usage") or {}
                self.prompt_tokens = usage.get("prompt_tokens") or self.prompt_tokens
                details = usage.get("prompt_tokens_details") or {}
                self.cached_tokens = details.get("cached_tokens") or self.cached_tokens
                for choice in chunk.get("choices") or []:
                    if choice.get("finish_reason") in ("stop", "length"):
                        self.finish_reason = choice["finish_reason"]
                text = _text(chunk)
                # A chunk is a token with most servers; where usage comes, it is exact.
                self.completion_tokens = usage.get("completion_tokens") or self.completion_tokens + bool(text)
                if text:
                    yield text


class _Passing(Exception):
    """A failure that may be gone the next time.

    Attributes:
        error: what the caller is told if it is not.
        retry_after: seconds the server asks to wait.
    """

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.error = ModelUnavailable(reason)
        self.retry_after = retry_after


def _host(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise LanguageModelError(f"{url} is not the URL of a language model: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise LanguageModelError(f"{url} is not the URL of a language model: it begins with http:// and a host")
    return parsed.host


def estimate_tokens(text: str) -> int:
    """Tokens of a text for a tokenizer that is not at hand: rather too many than too few.

    A third of the Latin letters, every other character one, an emoji three; spaces go with the words.
    """
    latin = emoji = others = 0
    # Composed, since a syllable may come as three letters.
    for character in unicodedata.normalize("NFC", text):
        if character.isascii() and character.isalpha():
            latin += 1
        elif ord(character) > 0xFFFF:
            emoji += 1
        elif character != " ":
            others += 1
    return -(-latin // 3) + 3 * emoji + others


async def _events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str]:
    """The data of server-sent events, from bytes split anywhere. Comments, names and numbers of events are left out."""
    rest = b""
    data: list[str] = []
    async for chunk in chunks:
        *lines, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            field, _, value = line.decode("utf-8", "replace").partition(":")
            if field == "data":
                data.append(value.removeprefix(" "))
            elif not line and data:
                yield "\n".join(data)
                data = []
    # Some servers leave out the line ends after the last event.
    field, _, value = rest.decode("utf-8", "replace").partition(":")
    if field == "data":
        data.append(value.removeprefix(" "))
    if data:
        yield "\n".join(data)


def _text(chunk: dict[str, Any]) -> str:
    """The words of a chunk; what the model thinks aloud (``reasoning_content``) is not for the user."""
    contents = [(choice.get("delta") or {}).get("content") for choice in chunk.get("choices") or []]
    return "".join(content for content in contents if isinstance(content, str))


def _error_text(text: str) -> str:
    """What a server says went wrong: OpenAI's ``error.message``, FastAPI's ``detail``, or the plain text."""
    text = text.strip()
    try:
        said = json.loads(text)
    except ValueError:
        return text[:200] or "no reason given"
    if isinstance(said, dict):
        said = said.get("error") or said.get("detail") or said.get("message") or said
    if isinstance(said, dict):
        said = said.get("message") or said
    return str(said)[:200]


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0
