"""Continuous batching: one thread in which all chats share the model's forward passes.

A request waits for a place, has its prompt read in chunks between the decoding steps of the others, and then gets one
token per step together with them. Requests come in and leave at any step.

transformers has a `ContinuousBatchingManager`, which was tried and not taken. It knows no adapters and no seed per
request, so that chats with different adapters or reproducible replies cannot share it. On the CPU it packs all chats
into one sequence under a dense mask: with the shape of the bundled model it gave one chat 60 tokens/s where plain
`generate` gave 83, and eight chats of 600 tokens 38 tokens/s in all.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import torch

from character.detokenizer import Detokenizer
from character.errors import LanguageModelError
from character.forward import Forward
from character.kv_cache import Batch, Slot, SlotPool, is_out_of_memory
from character.reply import FinishReason
from character.sampling import Sampler, draw

PREFILL_SECONDS = 0.06
"""How long the others may halt while a newcomer's prompt is read, between two of their tokens."""

LONE_PREFILL_SECONDS = 0.2
"""The same when nobody is being written to; stopping takes effect between two chunks."""

PREFILL_TOKENS = (32, 1024)
"""Fewest and most prompt tokens of a chunk, whatever the speed."""

_log = logging.getLogger(__name__)


class Inbox:
    """Where a reply's pieces wait for the task that reads them. Belongs to that task's event loop.

    Attributes:
        end: why nothing more will come; pieces that came before are to be read first.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.end: LanguageModelError | FinishReason | None = None
        self._pieces: list[str] = []
        self._news = asyncio.Event()

    def put(self, text: str, end: LanguageModelError | FinishReason | None) -> None:
        if text:
            self._pieces.append(text)
        self.end = end
        if text or end:
            self._news.set()

    async def get(self) -> str:
        """All text that has come, as soon as there is any; empty at the end."""
        await self._news.wait()
        text = "".join(self._pieces)
        self._pieces.clear()
        if self.end is None:
            self._news.clear()
        return text


@dataclass(eq=False)
class Row:
    """One request on its way through the model.

    Attributes:
        prompt: its tokens.
        adapter: key of the adapter it runs with.
        session: the chat whose slot it may take over; empty for none.
        max_new_tokens: length of the reply at most.
        stopped: set by the reader at any time; the row then leaves before the next step.
        slot: its place in the key-value cache, once it has one.
        cached: tokens of the prompt that were there already.
        read: tokens of the prompt that are there now.
        reply: tokens drawn so far.
    """

    prompt: list[int]
    adapter: str | None
    session: str
    max_new_tokens: int
    sampler: Sampler
    detokenizer: Detokenizer
    inbox: Inbox
    stopped: bool = False
    slot: Slot | None = None
    cached: int = 0
    read: int = 0
    reply: list[int] = field(default_factory=list)

    @property
    def place(self) -> Slot:
        assert self.slot is not None
        return self.slot


@dataclass(eq=False)
class _Errand:
    """Something to be done between two steps, when no row uses ``unused`` any more."""

    action: Callable[[], Any]
    unused: str | None
    result: Future[Any]


class Worker:
    """The thread.

    Args:
        forward: the model.
        pool: its key-value slots.
        end_tokens: tokens that end a reply and are not part of it.
        max_batch: rows in work at a time; further ones wait.
        context_length: tokens that prompt and reply may have together.
        device: of the model.
        name: of the model, for messages.
    """

    def __init__(
        self,
        forward: Forward,
        pool: SlotPool,
        end_tokens: frozenset[int],
        *,
        max_batch: int,
        context_length: int,
        device: torch.device,
        name: str,
    ) -> None:
        self._forward = forward
        self._pool = pool
        self._end_tokens = end_tokens
        self._max_batch = max_batch
        self._context_length = context_length
        self._device = device
        self._name = name

        self._wake = threading.Condition()
        self._arrived: list[Row] = []  # guarded by _wake, like the two that follow
        self._errands: list[_Errand] = []
        self._closed: str | None = None

        self._waiting: list[Row] = []
        self._reading: Row | None = None
        self._writing: list[Row] = []
        self._reading_speed = 0.0  # prompt tokens per second, as last seen
        self._outbox: list[tuple[Row, str, LanguageModelError | FinishReason | None]] = []
        self._thread = threading.Thread(target=self._run, name="language-model", daemon=True)
        self._thread.start()

    def submit(self, row: Row) -> None:
        """Takes up a request; its reply goes to its inbox.

        Raises:
            LanguageModelError: the worker has ended.
        """
        with self._wake:
            if self._closed is not None:
                raise LanguageModelError(self._closed)
            self._arrived.append(row)
            self._wake.notify()

    def run(self, action: Callable[[], Any], *, when_unused: str | None = None) -> Future[Any]:
        """Does something in the thread, between two steps.

        Args:
            action: its return value or exception is the future's.
            when_unused: wait until no request uses this adapter.
        """
        result: Future[Any] = Future()
        with self._wake:
            if self._closed is not None:
                result.set_exception(LanguageModelError(self._closed))
            else:
                self._errands.append(_Errand(action, when_unused, result))
                self._wake.notify()
        return result

    def close(self) -> None:
        """Ends the thread after the step it is in. Replies that are under way fail."""
        with self._wake:
            self._closed = self._closed or f"{self._name} was closed"
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._closed is None:
                self._wait()
                self._do_errands()
                self._step()
        except BaseException as error:
            self._closed = f"{self._name} broke down: {_describe(error)}; restart the server"
            raise
        finally:
            with self._wake:
                self._waiting += self._arrived
                for errand in self._errands:
                    if errand.result.set_running_or_notify_cancel():
                        errand.result.set_exception(LanguageModelError(self._closed))
            self._fail(list(self._rows()), LanguageModelError(self._closed))
            self._deliver()

    def _rows(self) -> Iterable[Row]:
        return itertools.chain(self._waiting, [self._reading] if self._reading else [], self._writing)

    def _wait(self) -> None:
        """Sleeps while there is nothing to do, and takes in what has arrived."""
        with self._wake:
            while not (self._arrived or self._errands or any(self._rows()) or self._closed):
                self._wake.wait()
            self._waiting += self._arrived
            self._arrived.clear()

    def _do_errands(self) -> None:
        with self._wake:
            used = {row.adapter for row in itertools.chain(self._rows(), self._arrived)}
            due = [errand for errand in self._errands if errand.unused is None or errand.unused not in used]
            self._errands = [errand for errand in self._errands if errand not in due]
        for errand in due:
            if not errand.result.set_running_or_notify_cancel():
                continue  # nobody waits for it any more
            try:
                errand.result.set_result(errand.action())
            except Exception as error:  # it belongs to whoever sent the errand
                errand.result.set_exception(error)

    @torch.inference_mode()
    def _step(self) -> None:
        for row in [row for row in self._rows() if row.stopped]:
            self._remove(row)
        self._read_prompts()
        self._deliver()
        self._make_room()
        self._write_tokens()
        self._deliver()

    def _read_prompts(self) -> None:
        seconds = PREFILL_SECONDS if self._writing else LONE_PREFILL_SECONDS
        budget = min(max(int(seconds * self._reading_speed), PREFILL_TOKENS[0]), PREFILL_TOKENS[1])
        while budget > 0:
            self._reading = self._reading or self._next_waiting()
            if self._reading is None:
                return
            row = self._reading
            try:
                budget -= self._read(row, budget)
            except Exception as error:  # this request cannot be served; the others can
                self._fail([row], error)

    def _next_waiting(self) -> Row | None:
        """The request that waited longest, of the chats that have the fewest in work."""
        if not self._waiting or len(self._writing) >= self._max_batch:
            return None
        in_work = Counter(row.session for row in self._writing if row.session)
        row = min(self._waiting, key=lambda row: in_work[row.session])
        self._waiting.remove(row)
        return row

    def _read(self, row: Row, budget: int) -> int:
        """Computes the next part of a prompt, ``budget`` tokens at most; draws the first token after the last part."""
        if row.slot is None:
            row.slot, row.read = self._pool.take(row.prompt, row.session, row.adapter)
            row.cached = row.read
        part = row.prompt[row.read : row.read + budget]
        self._pool.reserve(row.read + len(part))
        start = time.perf_counter()
        logits = self._forward(Batch.of([part], [row.read], row.slot.index, self._device), row.adapter)
        if len(part) >= PREFILL_TOKENS[0]:
            speed = len(part) / (time.perf_counter() - start)
            self._reading_speed = (self._reading_speed + speed) / 2 if self._reading_speed else speed
        row.slot.tokens += part
        row.read += len(part)
        if row.read == len(row.prompt):
            self._reading = None
            self._writing.append(row)
            self._advance([row], logits)
        return len(part)

    def _make_room(self) -> None:
        while self._writing:
            longest = max(self._writing, key=lambda row: len(row.place.tokens))
            try:
                self._pool.reserve(len(longest.place.tokens) + 1)
            except Exception as error:  # the longest goes, so that the others may stay
                self._fail([longest], error)
            else:
                return

    def _write_tokens(self) -> None:
        groups: dict[str | None, list[Row]] = {}
        for row in self._writing:
            groups.setdefault(row.adapter, []).append(row)
        self._pool.arrange([[row.place for row in rows] for rows in groups.values()])
        for adapter, rows in groups.items():
            rows.sort(key=lambda row: row.place.index)
            places = [row.place for row in rows]
            starts = [len(place.tokens) for place in places]
            try:
                batch = Batch.of([row.reply[-1:] for row in rows], starts, places[0].index, self._device)
                logits = self._forward(batch, adapter)
                for row in rows:
                    row.place.tokens.append(row.reply[-1])
                self._advance(rows, logits)
            except Exception as error:  # the other groups go on
                self._fail(rows, error)

    def _advance(self, rows: Sequence[Row], logits: torch.Tensor) -> None:
        """Draws the next token of each row from ``[rows, vocabulary]``."""
        for row, token in zip(rows, draw(logits, [row.sampler for row in rows]), strict=True):
            try:
                self._accept(row, token)
            except Exception as error:  # the other rows go on
                self._fail([row], error)

    def _accept(self, row: Row, token: int | None) -> None:
        """Adds a token to a reply, or ends it."""
        if token is None:
            self._pool.clear(row.place)
            raise LanguageModelError(f"{self._name} computed numbers that are none (NaN)")
        if token in self._end_tokens:
            self._finish(row, row.detokenizer.finish(), "stop")
            return
        row.reply.append(token)
        row.sampler.note(token)
        text = row.detokenizer.push(token)
        full = len(row.prompt) + len(row.reply) >= self._context_length
        if full or len(row.reply) >= row.max_new_tokens:
            self._finish(row, text + row.detokenizer.finish(), "length")
        else:
            self._outbox.append((row, text, None))

    def _finish(self, row: Row, text: str, reason: FinishReason) -> None:
        self._remove(row)
        self._outbox.append((row, text, reason))

    def _fail(self, rows: Sequence[Row], error: Exception) -> None:
        if not isinstance(error, LanguageModelError):
            _log.error("%s: a request failed", self._name, exc_info=error)
        for row in rows:
            self._remove(row)
            self._outbox.append((row, "", self._as_own(error)))

    def _as_own(self, error: Exception) -> LanguageModelError:
        if isinstance(error, LanguageModelError):
            return type(error)(*error.args)  # one object per reader: each adds its own traceback
        if is_out_of_memory(error):
            return LanguageModelError(
                f"out of memory on {self._device} with {len(self._writing)} other chats in work: start with a smaller "
                f"--max-batch (now {self._max_batch}), a shorter context or a smaller model"
            )
        return LanguageModelError(f"{self._name} failed: {_describe(error)}")

    def _remove(self, row: Row) -> None:
        if row is self._reading:
            self._reading = None
        elif row in self._writing:
            self._writing.remove(row)
        elif row in self._waiting:
            self._waiting.remove(row)
        if row.slot is not None:
            self._pool.release(row.slot)

    def _deliver(self) -> None:
        """Hands what this step has made to the event loops, each woken once."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Row, str, LanguageModelError | FinishReason | None]]] = {}
        for message in self._outbox:
            by_loop.setdefault(message[0].inbox.loop, []).append(message)
        self._outbox.clear()
        for loop, messages in by_loop.items():
            try:
                loop.call_soon_threadsafe(_hand_out, messages)
            except RuntimeError:  # the loop is closed, and with it all who could read
                for row, _, _ in messages:
                    row.stopped = True


def _hand_out(messages: Sequence[tuple[Row, str, LanguageModelError | FinishReason | None]]) -> None:
    for row, text, end in messages:
        row.inbox.put(text, end)


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
