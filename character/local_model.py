"""A causal language model of transformers in this process, with LoRA adapters that come and go while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from character.adapters import AdapterSet
from character.batching import Inbox, Row, Worker
from character.chat_template import ChatTemplate
from character.detokenizer import Detokenizer
from character.errors import AdapterError, LanguageModelError
from character.forward import ModelForward
from character.kv_cache import Batch, KeyValueStore, SlotPool
from character.language_model import ChatMessage, GenerationRequest
from character.pretrained import DType, choose_device, load_pretrained
from character.reply import Reply
from character.sampling import Sampler

LONGEST_CONTEXT = 8192
"""Tokens of context where none is asked for and the model would take more: memory is kept for all of them."""

SMALL_MODEL = 100_000_000
"""Parameters below which one thread computes a pass. A second one gains a small model little, and loses it nearly all
where another program, or her face, keeps the cores busy: of two threads each waits for the other at every operation
(measured with the bundled model's shape beside a training run, on two cores: 188 tokens/s with one thread, 2 with two).
"""

PENALISED_TOKENS = 256
"""How far back the repetition penalty looks into what the assistant said."""


class LocalModel:
    """A language model in this process. Its methods belong on the event loop, save for `count_tokens`: any thread.

    Args:
        model: a local folder, or a hub id, which is downloaded.
        adapters: LoRA folders by name; the first is used unless a request names another.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
        dtype: ``auto`` takes bfloat16 on the GPU, and on the CPU what is faster there.
        max_batch: chats in work at a time; None takes 8 on the CPU and 32 on the GPU.
        context_length: tokens of prompt and reply together; None takes the model's, 8192 at most.
        threads: CPU threads of one forward pass; None takes one for a small model and all cores for a large one.
        name: what the page shows; None takes the last part of ``model``.

    Raises:
        LanguageModelError: not a model that can be used.
        ModelUnavailable: the hub cannot be reached.
        AdapterError: an adapter does not fit.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        adapters: Mapping[str, str | Path] | None = None,
        device: str = "auto",
        dtype: DType = "auto",
        max_batch: int | None = None,
        context_length: int | None = None,
        threads: int | None = None,
        name: str | None = None,
    ) -> None:
        self._name = name or Path(model).name
        self._device = choose_device(device)
        network, tokenizer = load_pretrained(str(model), self._device, dtype)
        self._dtype: torch.dtype = network.dtype
        self._context_length = _choose_context(network, context_length)
        declared = network.generation_config.eos_token_id
        self._template = ChatTemplate(tokenizer, self._name, declared if isinstance(declared, list) else [declared])

        small = network.num_parameters() < SMALL_MODEL
        self._threads = threads or (1 if small else torch.get_num_threads())
        max_batch = max_batch or (32 if self._device.type == "cuda" else 8)
        store = KeyValueStore()
        self._adapters = AdapterSet(network, str(model))
        self._forward = ModelForward(network, store, self._adapters, self._context_length)
        # Twice the places, so that chats which pause find what was computed for them.
        self._pool = SlotPool(store, 2 * max_batch, self._context_length)
        self._worker = Worker(
            self._forward,
            self._pool,
            self._template.end_tokens,
            max_batch=max_batch,
            context_length=self._context_length,
            device=self._device,
            name=self._name,
        )
        self._keys: dict[str, str] = {}
        self._current: str | None = None
        try:
            for adapter, folder in (adapters or {}).items():
                self._keys[adapter] = self._worker.run(partial(self._insert, Path(folder))).result()
                self._current = self._current or adapter
            self._worker.run(self._warm_up).result()
            # What the worker has set for itself is also what threads to come would begin with: set that back.
            torch.set_num_threads(torch.get_num_threads())
        except BaseException:
            self._worker.close()
            raise

    @property
    def name(self) -> str:
        return self._name

    @property
    def context_length(self) -> int:
        return self._context_length

    @property
    def device(self) -> torch.device:
        return self._device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights and of the key-value cache."""
        return self._dtype

    @property
    def threads(self) -> int:
        """CPU threads of one forward pass."""
        return self._threads

    @property
    def adapter(self) -> str | None:
        """The adapter of requests that name none."""
        return self._current

    def adapters(self) -> tuple[str, ...]:
        """Names of the adapters that requests can use."""
        return tuple(self._keys)

    async def add_adapter(self, name: str, folder: str | Path) -> None:
        """Loads a LoRA adapter while chats go on.

        A name that is taken then means the new one; replies that are under way end with the old one.

        Raises:
            AdapterError: it does not fit; nothing has changed.
        """
        files = await asyncio.to_thread(self._adapters.read, Path(folder))
        key = await asyncio.wrap_future(self._worker.run(partial(self._forward.add_adapter, files)))
        replaced = self._keys.get(name)
        self._keys[name] = key
        if replaced is not None:
            await self._discard(replaced)

    def use_adapter(self, name: str | None) -> None:
        """Makes an adapter that of all further requests which name none; None means the bare model.

        Raises:
            AdapterError: there is no such adapter.
        """
        self._key(name)
        self._current = name

    async def remove_adapter(self, name: str) -> None:
        """Unloads an adapter as soon as the last reply that uses it has ended; new requests cannot name it from now on.

        If it was the current one, the bare model is current.

        Raises:
            AdapterError: there is no such adapter.
        """
        self._key(name)
        key = self._keys.pop(name)
        if self._current == name:
            self._current = None
        await self._discard(key)

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return self._template.count(messages)

    def stream(self, request: GenerationRequest) -> LocalReply:
        """See `LanguageModel.stream`. The request is sent when the first piece is asked for.

        Raises:
            AdapterError: when iterated, the request names an adapter that does not exist.
        """
        return LocalReply(self, request)

    def submit(self, request: GenerationRequest) -> Row:
        """Puts a request into the batch; its reply will come to the row's inbox on the running event loop.

        Raises:
            LanguageModelError: the prompt leaves no room for a reply, or the model was closed.
        """
        prompt = self._template.encode(request.messages)
        if len(prompt) >= self._context_length:
            raise LanguageModelError(
                f"the prompt has {len(prompt)} tokens and {self._name} takes {self._context_length} with its reply; "
                "shorten the card or the history"
            )
        row = Row(
            prompt=prompt,
            adapter=self._key(request.adapter if request.adapter is not None else self._current),
            session=request.session,
            max_new_tokens=request.sampling.max_new_tokens,
            sampler=Sampler(
                request.sampling,
                self._template.spoken(request.messages, PENALISED_TOKENS),
                self._template.marks,
                self._device,
            ),
            detokenizer=Detokenizer(self._template.decode),
            inbox=Inbox(),
        )
        self._worker.submit(row)
        return row

    async def close(self) -> None:
        """Ends the worker thread; replies that are under way fail with LanguageModelError."""
        await asyncio.to_thread(self._worker.close)

    def _key(self, name: str | None) -> str | None:
        if name is None:
            return None
        if name not in self._keys:
            raise AdapterError(f"there is no adapter {name!r}; loaded are: {', '.join(self._keys) or 'none'}")
        return self._keys[name]

    async def _discard(self, key: str) -> None:
        removal = self._worker.run(partial(self._forward.remove_adapter, key), when_unused=key)
        # The name is gone already; that the caller stops waiting must not keep the weights.
        await asyncio.shield(asyncio.wrap_future(removal))

    def _insert(self, folder: Path) -> str:
        return self._forward.add_adapter(self._adapters.read(folder))

    @torch.inference_mode()
    def _warm_up(self) -> None:
        """A few words of prompt and of reply, so that the first request finds libraries and cache ready."""
        torch.set_num_threads(self._threads)
        length = min(32, self._context_length - 2)
        self._pool.reserve(length + 1)
        self._forward(Batch.of([[0] * length], [0], 0, self._device), None)
        self._forward(Batch.of([[0]], [length], 0, self._device), None)


class LocalReply(Reply):
    """A reply of a `LocalModel`."""

    def __init__(self, model: LocalModel, request: GenerationRequest) -> None:
        self._model = model
        self._request = request
        self._row: Row | None = None
        self._over = False

    async def __anext__(self) -> str:
        if self._over:
            raise StopAsyncIteration
        try:
            if self._row is None:
                self._row = self._model.submit(self._request)
            text = await self._row.inbox.get()
        except BaseException:
            self._stop()
            raise
        self.prompt_tokens = len(self._row.prompt)
        self.cached_tokens = self._row.cached
        self.completion_tokens = len(self._row.reply)
        if text:
            return text
        self._over = True
        end = self._row.inbox.end
        if isinstance(end, LanguageModelError):
            raise end
        self.finish_reason = end
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._stop()

    def __del__(self) -> None:
        # A reader that simply goes away must not leave the model talking to nobody.
        self._stop()

    def _stop(self) -> None:
        self._over = True
        if self._row is not None:
            self._row.stopped = True


def _choose_context(network: Any, asked: int | None) -> int:
    longest: int = getattr(network.config.get_text_config(), "max_position_embeddings", LONGEST_CONTEXT)
    if asked is None:
        return min(longest, LONGEST_CONTEXT)
    if asked > longest:
        raise LanguageModelError(f"a context of {asked} tokens was asked for; the model takes {longest} at most")
    return asked
