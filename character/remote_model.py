"""A language model behind an OpenAI-compatible endpoint: vLLM, Ollama, llama.cpp, ``transformers serve`` and others."""

from __future__ import annotations

import asyncio
import json
import logging
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from character.errors import LanguageModelError, ModelUnavailable
from character.language_model import ChatMessage, GenerationRequest
from character.reply import Reply
from character.system_notes import move_system_notes

logger = logging.getLogger(__name__)

DEFAULT_CONTEXT = 4096
RETRY_STATUS = {408, 409, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        connect: for a connection.
        first_token: for the first piece; a cold model may be loading.
        between_tokens: for each further piece.
        tries: attempts before the first token; there is none after it.
        pause: before the second attempt, doubled for each further one.
        longest_pause: the most that a Retry-After header may ask for.
    """

    connect: float = 5.0
    first_token: float = 120.0
    between_tokens: float = 30.0
    tries: int = 3
    pause: float = 0.5
    longest_pause: float = 10.0


def estimate_tokens(text: str) -> int:
    """Tokens of ``text`` under an unknown tokenizer, rather too many than too few.

    A Hangul syllable or another wide character counts one, other text one per three characters.
    """
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return wide + (len(text) - wide + 2) // 3


async def read_events(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """The data of server-sent events (HTML standard, section 9.2), without comments and other fields."""
    data: list[str] = []
    async for line in lines:
        if not line:
            if data:
                yield "\n".join(data)
                data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
    if data:
        yield "\n".join(data)


class _Retry(Exception):
    """The attempt failed before the first token in a way that may pass.

    Attributes:
        after: seconds the server asks to wait; None where it does not say.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class RemoteModel:
    """A chat model at a URL.

    Args:
        url: the endpoint up to and including ``/v1``.
        model: its name there; None takes the first that the endpoint lists.
        api_key: sent as bearer token, never logged.
        context_length: tokens of prompt and reply together.
        system_first: put system messages that stand in mid-history into the next user message, as many chat templates
            refuse them.
        transport: for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        context_length: int = DEFAULT_CONTEXT,
        system_first: bool = True,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._model = model
        self._context_length = context_length
        self._system_first = system_first
        self.patience = patience or Patience()
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        timeout = httpx.Timeout(self.patience.first_token, connect=self.patience.connect)
        self._client = httpx.AsyncClient(headers=headers, timeout=timeout, transport=transport)

    @property
    def name(self) -> str:
        return self._model or self._url

    @property
    def context_length(self) -> int:
        return self._context_length

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(estimate_tokens(message.content) + 6 for message in messages) + 6

    def stream(self, request: GenerationRequest) -> RemoteReply:
        return RemoteReply(self, request)

    async def close(self) -> None:
        await self._client.aclose()

    def _unavailable(self, reason: str) -> ModelUnavailable:
        return ModelUnavailable(
            f"language model at {self._url}: {reason}; check that it runs and that --llm names its URL"
        )

    async def _find_model(self) -> str:
        if self._model is None:
            try:
                response = await self._client.get(f"{self._url}/models")
                response.raise_for_status()
                self._model = str(response.json()["data"][0]["id"])
            except httpx.HTTPStatusError as error:
                raise _refusal(self._url, error.response.status_code, error.response.text) from None
            except httpx.TransportError as error:
                raise _Retry(str(error) or type(error).__name__) from None
            except (ValueError, KeyError, IndexError, TypeError):
                raise LanguageModelError(f"{self._url}/models lists no model; name one with --remote-model") from None
        return self._model

    def _body(self, request: GenerationRequest, model: str) -> dict[str, Any]:
        messages = move_system_notes(request.messages) if self._system_first else list(request.messages)
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_new_tokens,
        }
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        return body

    async def open(self, request: GenerationRequest) -> httpx.Response:
        """Sends a request; returns the response with its body still to come.

        Raises:
            ModelUnavailable: nobody answers, after all attempts. LanguageModelError: the endpoint refuses the request.
        """
        patience, pause, reason = self.patience, self.patience.pause, ""
        for attempt in range(patience.tries):
            try:
                return await self._attempt(request)
            except _Retry as error:
                reason = str(error)
                if attempt + 1 < patience.tries:
                    wait = min(pause if error.after is None else error.after, patience.longest_pause)
                    logger.info("language model at %s: %s; trying again in %.1f s", self._url, reason, wait)
                    await asyncio.sleep(wait)
                    pause *= 2
        raise self._unavailable(reason)

    async def _attempt(self, request: GenerationRequest) -> httpx.Response:
        body = self._body(request, await self._find_model())
        sent = self._client.build_request("POST", f"{self._url}/chat/completions", json=body)
        try:
            response = await self._client.send(sent, stream=True)
        except httpx.TransportError as error:
            raise _Retry(str(error) or type(error).__name__) from None
        if response.is_success:
            return response
        try:
            text = (await response.aread()).decode(errors="replace")
        except httpx.TransportError:
            text = ""
        finally:
            await response.aclose()
        if response.status_code in RETRY_STATUS:
            raise _Retry(f"status {response.status_code}", _seconds(response.headers.get("Retry-After")))
        raise _refusal(self._url, response.status_code, text)


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:  # a date
        return None


def _refusal(url: str, status: int, text: str) -> LanguageModelError:
    try:
        found = json.loads(text)
        text = str(found["error"]["message"] if isinstance(found["error"], dict) else found["error"])
    except (ValueError, KeyError, TypeError):
        pass
    advice = "; give the right key in OHLORA_API_KEY" if status in (401, 403) else ""
    return LanguageModelError(f"language model at {url} refused the request ({status}): {text.strip()[:300]}{advice}")


class RemoteReply(Reply):
    """A reply that streams in over HTTP."""

    def __init__(self, model: RemoteModel, request: GenerationRequest) -> None:
        self._pieces = self._read(model, request)

    async def __anext__(self) -> str:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        await self._pieces.aclose()

    async def _read(self, model: RemoteModel, request: GenerationRequest) -> AsyncGenerator[str, None]:
        response = await model.open(request)
        try:
            events = read_events(response.aiter_lines())
            wait = model.patience.first_token
            while True:
                try:
                    event = await asyncio.wait_for(anext(events), wait)
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    raise model._unavailable(f"no token for {wait:g} s") from None
                except httpx.TransportError as error:
                    raise model._unavailable(f"the stream broke off ({str(error) or type(error).__name__})") from None
                if event.strip() == "[DONE]":
                    break
                piece = self._take(event, model)
                if piece:
                    wait = model.patience.between_tokens
                    self.completion_tokens += 1
                    yield piece
            if self.finish_reason is None:
                # Some endpoints end without a reason; a stream that broke off has raised above.
                self.finish_reason = "stop"
        finally:
            await response.aclose()

    def _take(self, event: str, model: RemoteModel) -> str:
        """Reads one chunk; returns its words, which may be none."""
        try:
            chunk = json.loads(event)
        except ValueError:
            raise LanguageModelError(
                f"language model at {model._url} sent a chunk that is no JSON: {event[:100]!r}"
            ) from None
        if not isinstance(chunk, dict):
            return ""
        if error := chunk.get("error"):
            text = error.get("message", error) if isinstance(error, dict) else error
            raise LanguageModelError(f"language model at {model._url} failed in mid-reply: {str(text)[:300]}")
        if usage := chunk.get("usage"):
            self.prompt_tokens = usage.get("prompt_tokens") or self.prompt_tokens
            details = usage.get("prompt_tokens_details") or {}
            self.cached_tokens = details.get("cached_tokens") or self.cached_tokens
        for choice in chunk.get("choices") or ():
            if reason := choice.get("finish_reason"):
                self.finish_reason = "length" if reason == "length" else "stop"
            # Thinking models send what is not meant for the user under other names (reasoning_content).
            return (choice.get("delta") or {}).get("content") or ""
        return ""
