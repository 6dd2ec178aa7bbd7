"""A language model behind an OpenAI-compatible endpoint: vLLM, Ollama, llama.cpp, ``transformers serve`` and others."""

from __future__ import annotations

import asyncio
import json
import random
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Never

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

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


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
        self._url = url.rstrip("/")
        self._model = model
        self._context_length = context_length or DEFAULT_CONTEXT
        self._timeouts = timeouts or Timeouts()
        self._system_first = system_first
        self._retry_seconds = retry_seconds
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(
                self._timeouts.between_tokens, connect=self._timeouts.connect, pool=self._timeouts.first_token
            ),
            # One connection per chat that is being written to; httpx would hold further ones back.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            trust_env=False,
        )

    @property
    def name(self) -> str:
        return self._model or self._url

    @property
    def context_length(self) -> int:
        return self._context_length

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """An estimate on the high side: a Hangul syllable or any other character is a token, four Latin letters are."""
        return sum(estimate_tokens(message.content) + MESSAGE_OVERHEAD for message in messages) + MESSAGE_OVERHEAD

    def stream(self, request: GenerationRequest) -> RemoteReply:
        """See `LanguageModel.stream`. The request is sent when the first piece is asked for."""
        return RemoteReply(self, request)

    async def close(self) -> None:
        await self._client.aclose()

    async def deltas(self, request: GenerationRequest) -> AsyncGenerator[dict[str, Any]]:
        """The chunks of a reply, as the server sends them, repeated attempts included.

        Raises:
            ModelUnavailable: the server cannot be reached, or is too busy, before the first token.
            LanguageModelError: it refuses the request, or fails in the middle of the reply.
        """
        for attempt in range(1, ATTEMPTS + 1):
            begun = False
            try:
                async with aclosing(self._attempt(request)) as chunks:
                    async for chunk in chunks:
                        begun = begun or _has_text(chunk)
                        yield chunk
                return
            except _Passing as failure:
                if begun or attempt == ATTEMPTS:
                    raise failure.error from failure.__cause__
                wait = self._retry_seconds * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
                await asyncio.sleep(min(max(wait, failure.retry_after), LONGEST_WAIT))

    async def _attempt(self, request: GenerationRequest) -> AsyncGenerator[dict[str, Any]]:
        """One attempt. What may be better the next time is raised as `_Passing`."""
        loop = asyncio.get_running_loop()
        started = False
        try:
            async with asyncio.timeout(self._timeouts.first_token) as patience:
                body = self._body(request, await self._model_name())
                call = self._client.stream("POST", f"{self._url}/chat/completions", json=body)
                async with call as response:
                    if response.status_code != httpx.codes.OK:
                        await response.aread()
                        self._refuse(response)
                    async with aclosing(_events(response.aiter_bytes())) as events:
                        async for event in events:
                            chunk = self._chunk(event)
                            started = started or _has_text(chunk)
                            # While the consumer holds the chunk, the clock stands still.
                            patience.reschedule(None)
                            yield chunk
                            wait = self._timeouts.between_tokens if started else self._timeouts.first_token
                            patience.reschedule(loop.time() + wait)
        except TimeoutError as error:
            waited = self._timeouts.between_tokens if started else self._timeouts.first_token
            what = "stopped in the middle of a reply" if started else "gave no first token"
            raise ModelUnavailable(f"the language model at {self._url} {what}: nothing for {waited:g} s") from error
        except httpx.InvalidURL as error:
            raise LanguageModelError(f"{self._url} is not a URL: {error}") from error
        except httpx.UnsupportedProtocol as error:
            raise LanguageModelError(
                f"{self._url} is not a URL of a language model: it needs http:// or https://"
            ) from error
        except httpx.ConnectError as error:
            raise _Passing(
                ModelUnavailable(
                    f"no language model answers at {self._url} ({error}): start the server there, or change --llm"
                )
            ) from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise _Passing(
                ModelUnavailable(f"the connection to the language model at {self._url} broke: {reason}")
            ) from error

    async def _model_name(self) -> str:
        if self._model is None:
            response = await self._client.get(f"{self._url}/models")
            if response.status_code != httpx.codes.OK:
                self._refuse(response)
            try:
                self._model = str(response.json()["data"][0]["id"])
            except (ValueError, KeyError, IndexError, TypeError) as error:
                raise LanguageModelError(
                    f"{self._url}/models lists no model: load one there, or name it with --remote-model"
                ) from error
        return self._model

    def _body(self, request: GenerationRequest, model: str) -> dict[str, Any]:
        messages = move_system_notes(request.messages) if self._system_first else request.messages
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": request.adapter or model,  # vLLM serves adapters as models
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_new_tokens,
        }
        # Not of OpenAI, which refuses what it does not know; the others understand them.
        if "api.openai.com" not in self._url:
            body |= {"top_k": sampling.top_k or -1, "repetition_penalty": sampling.repetition_penalty}
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        return body

    def _refuse(self, response: httpx.Response) -> Never:
        status = response.status_code
        said = _error_text(response.content)
        if status in _PASSING:
            error = ModelUnavailable(f"the language model at {self._url} is busy or failing (HTTP {status}): {said}")
            raise _Passing(error, _retry_after(response))
        advice = {
            401: "check the API key",
            403: "check the API key",
            404: f"check the URL, which should end in /v1, and the model's name ({self.name})",
        }.get(status, "see the server's log")
        raise LanguageModelError(f"the language model at {self._url} refused (HTTP {status}): {said}; {advice}")

    def _chunk(self, event: str) -> dict[str, Any]:
        try:
            chunk = json.loads(event)
        except ValueError as error:
            raise LanguageModelError(f"{self._url} sent something that is not JSON: {event[:80]!r}") from error
        if not isinstance(chunk, dict):
            raise LanguageModelError(f"{self._url} sent something that is not a chunk: {event[:80]!r}")
        if chunk.get("error"):
            raise LanguageModelError(f"the language model at {self._url} failed: {_error_text(event.encode())}")
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
        async with aclosing(model.deltas(request)) as chunks:
            async for chunk in chunks:
                usage = chunk.get("usage") or {}
                self.prompt_tokens = usage.get("prompt_tokens") or self.prompt_tokens
                self.cached_tokens = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
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

    def __init__(self, error: LanguageModelError, retry_after: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after


def estimate_tokens(text: str) -> int:
    """Tokens of a text for a tokenizer that is not at hand, rather too many than too few."""
    letters = sum(character.isascii() and not character.isspace() for character in text)
    # Composed, since a syllable may come as three letters; emoji are often a token per byte.
    others = [character for character in unicodedata.normalize("NFC", text) if not character.isascii()]
    return -(-letters // 3) + sum(3 if ord(character) > 0xFFFF else 1 for character in others) + text.count("\n")


async def _events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str]:
    """The data of server-sent events, from bytes split anywhere, up to ``[DONE]``."""
    rest = b""
    data: list[str] = []
    async for chunk in chunks:
        *lines, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            field, _, value = line.decode("utf-8", "replace").partition(":")
            if field == "data":
                data.append(value.removeprefix(" "))
            elif not field and not value and data:  # an empty line ends the event; a comment has a value
                event, data = "\n".join(data), []
                if event.strip() == "[DONE]":
                    return
                yield event
    # Some servers leave out the empty line after the last event.
    field, _, value = rest.decode("utf-8", "replace").partition(":")
    if field == "data":
        data.append(value.removeprefix(" "))
    if data and "\n".join(data).strip() != "[DONE]":
        yield "\n".join(data)


def _text(chunk: dict[str, Any]) -> str:
    """The words of a chunk; what the model thinks aloud (``reasoning_content``) is not for the user."""
    return "".join((choice.get("delta") or {}).get("content") or "" for choice in chunk.get("choices") or [])


def _has_text(chunk: dict[str, Any]) -> bool:
    return bool(_text(chunk))


def _error_text(body: bytes) -> str:
    """What a server says went wrong: OpenAI's ``error.message``, FastAPI's ``detail``, or the plain text."""
    text = body.decode("utf-8", "replace").strip()
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
        from datetime import UTC, datetime

        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0
