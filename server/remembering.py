"""What happens to a message after it was answered: memories are taken from it, and the summary of its line is rolled.

The work is noted in the transaction that stores the message (`rag.store.enqueue`), so that a kill loses none of it, and is
done by one worker, one piece after another, while nobody is waiting for a reply.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from character.errors import CharacterError
from character.language_model import ChatMessage, GenerationRequest, LanguageModel, Sampling
from character.loading import BUNDLED, BUNDLED_ADAPTER, FIRST_ADAPTER
from rag import store
from rag.extraction import BEFORE, extraction_messages
from rag.memories import Memories
from rag.memory import Memory
from rag.store import Job, Summary
from rag.summary import LONGEST, parse_summary, summary_messages
from rag.visibility import Place
from server.memory import plain_answer
from server.protocol import MessageState
from server.settings import Settings
from server.storage import chats
from server.storage.database import Database
from server.storage.schema import messages

logger = logging.getLogger(__name__)

SUMMARY_EVERY = 12
"""Exchanges since the last summary after which the next is due."""
ABLE_F1 = 0.7
"""A bundled model is asked for memories only if it was measured to find them so well."""
PATIENCE = 10.0
"""Seconds that the model's tasks wait for live turns to end."""
TASK_SECONDS = 120.0
TASK_TRIES = 3
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 3600.0
"""Seconds before work that failed is tried again: doubled twice each time."""
LOOK_SECONDS = 30.0
"""How often postponed work is looked for."""
TASK_SAMPLING = Sampling(temperature=0.0, top_p=1.0, top_k=0, repetition_penalty=1.0, max_new_tokens=200, seed=0)
CLIPPED = 300
"""Characters of a message in a summary's task where the whole does not fit."""

Exchange = tuple[str, str]


def is_able(settings: Settings) -> bool:
    """Whether the language model is asked for memories and summaries."""
    if settings.extraction != "auto":
        return settings.extraction == "model"
    if settings.llm != BUNDLED:
        return True
    folder = Path(settings.adapter) if settings.adapter else BUNDLED_ADAPTER
    try:
        measured = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        return float(measured["memory"]["f1"]) >= ABLE_F1
    except (OSError, ValueError, KeyError, TypeError):
        return False  # it was never measured


def exchanges(line: Sequence[MessageState]) -> list[Exchange]:
    """What the user said and she answered, in pairs; greetings and messages without an answer are left out."""
    return [
        (said.text, reply.text)
        for said, reply in pairwise(line)
        if said.role == "user" and reply.role == "assistant" and reply.text
    ]


def since(line: Sequence[MessageState], summary: Summary | None) -> list[MessageState]:
    """The messages of a line that its summary does not cover."""
    ids = [message.id for message in line]
    return (
        list(line[ids.index(summary.message) + 1 :]) if summary is not None and summary.message in ids else list(line)
    )


class MessageGone(Exception):
    """The message was deleted while memories were taken from it."""


class LiveTurns(Protocol):
    """What the worker knows of the turns that are being written."""

    def is_live(self, chat: str) -> bool: ...
    @property
    def busy(self) -> bool: ...


class Remembering:
    """The worker.

    Args:
        model: asked only if ``able``.
        announce: told account, chat, message and what was stored.
    """

    def __init__(
        self,
        memories: Memories,
        database: Database,
        model: LanguageModel,
        turns: LiveTurns,
        announce: Callable[[str, str, str, list[Memory]], Awaitable[None]],
        *,
        able: bool,
    ) -> None:
        self._memories, self._database, self._model, self._turns = memories, database, model, turns
        self._announce, self._able = announce, able
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ohlora-remember")
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="remembering")

    def wake(self) -> None:
        """A turn has ended: there may be work."""
        self._wake.set()

    async def close(self) -> None:
        """Stops; what is not done stays noted and is taken up at the next start."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        # A job in its thread still writes through this loop.
        await asyncio.to_thread(self._thread.shutdown)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                while job := await self._next():
                    await self._do(job)
            except Exception:  # the database fails: the worker lives on, and all work stays noted
                logger.exception("remembering failed")
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue

    async def _next(self) -> Job | None:
        """The oldest work whose chat is at rest."""
        due = await self._database.read(lambda connection: store.next_jobs(connection, limit=100))
        return next((job for job in due if not self._turns.is_live(job.chat)), None)

    async def _do(self, job: Job) -> None:
        try:
            if job.task == "extract":
                await self._extract(job)
            else:
                await self._summarise(job)
        except MessageGone:
            pass  # its work went with it
        except (CharacterError, TimeoutError) as error:
            logger.warning("chat %s: the %s task waits: %s", job.chat, job.task, error or "the model took too long")
            await self._postpone(job)
        except Exception:
            logger.exception("chat %s: the %s task failed; it is tried again later", job.chat, job.task)
            await self._postpone(job)

    async def _postpone(self, job: Job) -> None:
        seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 4.0**job.attempts)
        await self._database.write(lambda t: store.postpone(t.connection, job.message, job.task, seconds))

    async def _finish(self, job: Job) -> None:
        await self._database.write(lambda t: store.finish(t.connection, job.message, job.task))

    async def _line(self, job: Job) -> list[MessageState]:
        """The messages up to the one of the job; empty where it is gone."""
        return await self._database.read(lambda connection: chats.line(connection, job.chat, job.message))

    async def _ask(self, task: list[dict[str, str]]) -> str:
        """The model's answer to a task, when the live turns leave it the time or have kept it waiting long enough."""
        waited = 0.0
        while self._turns.busy and waited < PATIENCE:
            await asyncio.sleep(0.1)
            waited += 0.1
        adapters: Sequence[str] = getattr(self._model, "adapters", tuple)()
        request = GenerationRequest(
            _chat_messages(task), TASK_SAMPLING, adapter=FIRST_ADAPTER if FIRST_ADAPTER in adapters else None
        )
        async with asyncio.timeout(TASK_SECONDS):
            return "".join([piece async for piece in self._model.stream(request)])

    # --- memories

    async def _extract(self, job: Job) -> None:
        line = await self._line(job)
        if not line:
            await self._finish(job)
            return
        message = line[-1]
        answer = None
        if plain_answer(message.text) is None and await self._tells(message.text):
            if self._able and job.attempts < TASK_TRIES:  # after that patterns must do
                answer = await self._ask(extraction_messages(message.text, exchanges(line[:-1])[-BEFORE:]))
        else:
            await self._finish(job)
            return

        def done(connection: sa.Connection) -> None:
            if connection.execute(sa.select(messages.c.id).where(messages.c.id == job.message)).first() is None:
                raise MessageGone
            store.finish(connection, job.message, job.task)

        added = await asyncio.get_running_loop().run_in_executor(
            self._thread,
            lambda: self._memories.remember_turn(
                job.account, job.chat, message.id, message.text, said=datetime.fromtimestamp(message.created),
                answer=answer, done=done,
            ),
        )  # fmt: skip
        if added:
            await self._announce(job.account, job.chat, message.id, added)

    async def _tells(self, text: str) -> bool:
        """Whether a message may tell something, and is no wish to forget."""
        from rag.forgetting import wish_to_forget

        return await asyncio.get_running_loop().run_in_executor(self._thread, wish_to_forget, text) is None

    # --- the summary of a line

    async def _summarise(self, job: Job) -> None:
        line = await self._line(job)
        ids = [message.id for message in line]
        previous = await self._database.read(lambda c: store.summary_of(c, job.account, job.chat, ids))
        fresh = exchanges(since(line, previous))
        if len(fresh) < SUMMARY_EVERY or job.attempts >= TASK_TRIES:
            await self._finish(job)
            return
        revision = await self._revision(job.account)
        if self._able:
            text = await self._rolled(previous.text if previous else "", fresh)
        else:
            text = await self._known(job, {message.id for message in line})

        def write(connection: sa.Connection) -> None:
            there = connection.execute(sa.select(messages.c.id).where(messages.c.id == job.message)).first()
            # What was forgotten meanwhile may stand in it: then it is not kept.
            if text and there is not None and store.revision(connection, job.account) == revision:
                store.put_summary(connection, job.account, Summary(job.chat, job.message, text))
            store.finish(connection, job.message, job.task)

        await self._database.write(lambda t: write(t.connection))

    async def _revision(self, account: str) -> int:
        return await self._database.read(lambda connection: store.revision(connection, account))

    async def _rolled(self, summary: str, fresh: Sequence[Exchange]) -> str:
        """The model's summary of the last one and what came since, in as many steps as its context takes."""
        room = self._model.context_length - TASK_SAMPLING.max_new_tokens
        left = list(fresh)
        while left:
            number = len(left)
            while number > 1 and await self._tokens(summary, left[:number]) > room:
                number = (number + 1) // 2
            part = left[:number]
            if await self._tokens(summary, part) > room:
                part = [(user[:CLIPPED], reply[:CLIPPED]) for user, reply in part]
            summary = parse_summary(await self._ask(summary_messages(summary, part))) or summary
            left = left[number:]
        return summary

    async def _tokens(self, summary: str, part: Sequence[Exchange]) -> int:
        task = _chat_messages(summary_messages(summary, part))
        return await asyncio.to_thread(self._model.count_tokens, task)

    async def _known(self, job: Job, line: set[str]) -> str:
        """A summary that no model writes: what she remembers from this line, as far as it goes in."""
        found = await asyncio.to_thread(self._memories.visible, job.account, Place(job.chat, job.message))
        text = ""
        for memory in reversed(found):
            if memory.state == "live" and memory.message in line and len(text) + len(memory.text) < LONGEST:
                text = f"{memory.text} {text}"
        return text.strip()


def _chat_messages(task: list[dict[str, str]]) -> tuple[ChatMessage, ...]:
    return tuple(ChatMessage("system" if m["role"] == "system" else "user", m["content"]) for m in task)
