"""Runs turns: the shell around `server.turn`, with the model, the database and the clock."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from character.card import Card
from character.conduct import voice
from character.emotion import Emotion, format_tag
from character.errors import CharacterError, ModelUnavailable, PromptError
from character.language_model import ChatMessage, GenerationRequest, LanguageModel, Sampling
from character.prompt import Prompt, TurnContext, build_prompt
from rag import store
from server import protocol, turn
from server.cards import card_of_chat
from server.conduct import PIECE, Conduct
from server.errors import StorageError
from server.memory import HerMemory, Remembered, with_memory, without_words
from server.metrics import Metrics
from server.protocol import MessageState
from server.remembering import SUMMARY_EVERY, exchanges, since
from server.storage import chats
from server.storage.accounts import user_name
from server.storage.database import Database, Event, Transaction

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5
"""Between two attempts to store the end of a turn that the disk did not take."""

LEAST_REST, GREATEST_REST = 1 / 60, 1 / 20
FASTEST = 2000
"""Characters per second that are stored and sent as they come, and no more often than a screen is drawn; nobody reads a
tenth of it. What a model writes faster is merged into fewer and larger frames."""

UNAVAILABLE = "지금 언어 모델에 연결할 수 없어요. 잠시 뒤에 다시 시도해 주세요."
FAILED = "대답을 만들다가 문제가 생겼어요. 다시 시도해 주세요."
TOO_LONG = "메시지가 너무 길어서 이 모델이 한 번에 읽을 수 없어요. 나누어 보내 주세요."


def history(line: list[MessageState]) -> list[ChatMessage]:
    """The messages of a line as the model wrote and read them, emotion tags included; empty replies are left out."""
    found = []
    for message in line:
        text = message.text
        if message.role == "assistant":
            if not text:
                continue
            if message.emotion:
                text = f"{format_tag(message.emotion, message.strength or 0.5)} {text}"
        found.append(ChatMessage(message.role, text))
    return found


def whole_characters(text: str) -> tuple[str, str]:
    """``text`` as it can be stored and sent, and what must wait for the next piece: the first half of a surrogate pair.

    Endpoints that count in UTF-16 may cut an emoji in two; a half that stays alone becomes U+FFFD.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        pass
    else:
        return text, ""  # no half of a pair in it
    end = len(text) - 1 if "\ud800" <= text[-1:] <= "\udbff" else len(text)
    return text[:end].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), text[end:]


def rest_after(text: str) -> float:
    """Seconds before more words of the reply are stored."""
    return min(max(LEAST_REST, len(text) / FASTEST), GREATEST_REST)


class LiveTurn:
    """One reply being written. Events come from the model and from `stop`; effects go to the database in order."""

    def __init__(self, turns: Turns, account: str, chat: str, begun: chats.Begun) -> None:
        assert begun.message is not None
        assert begun.reply is not None
        assert begun.turn is not None
        self._turns, self._account, self._chat = turns, account, chat
        self._message, self._reply, self._turn = begun.message, begun.reply, begun.turn
        self._answer = begun.answer
        self._machine = turn.Turn()
        self._events: deque[turn.Event] = deque()
        self._words: list[str] = []  # written after the last of the events
        self._half = ""  # of a character whose other half is still to come
        self._rested = 0.0  # when the next words may be stored
        self._wake = asyncio.Event()
        self._generation: asyncio.Task[None] | None = None
        self._storing: asyncio.Task[MessageState] | None = None
        self._card: Card | None = None
        self._debug: dict[str, Any] = {}
        self._first: list[Event] = []  # stored together with the first effects, before any word
        self._wants_summary = False
        self._began = time.monotonic()

    @property
    def account(self) -> str:
        return self._account

    def put(self, event: turn.Event) -> None:
        if isinstance(event, turn.StopAsked):
            self._events.clear()  # words that are decoded but not shown yet are not shown any more
            self._words.clear()
        elif self._words:
            self._events.append(self._take_words())
        self._events.append(event)
        self._wake.set()

    def _hear(self, piece: str) -> None:
        """The model wrote more. Runs for every piece, so it does no more than it must."""
        if not self._words:
            self._wake.set()
        self._words.append(piece)

    async def run(self) -> None:
        """Runs the turn to its end, whatever happens to the connections that watch it."""
        self._generation = asyncio.create_task(self._generate())
        try:
            while self._machine.state is not turn.State.ENDED:
                await self._carry_out(self._machine.handle(await self._next_event()))
        except asyncio.CancelledError:  # the server is going down
            if self._storing is None:
                await self._finish(turn.Finish("interrupted", self._machine.said, self._machine.emotion))
            else:  # she had said all: that is what is kept
                await self._storing
            raise
        except StorageError as error:
            logger.error("turn %s of chat %s cannot be stored: %s", self._turn, self._chat, error)
            await self._finish_late()
        except Exception:  # a fault of ours must end the turn, not leave it live for ever
            logger.exception("chat %s: the turn failed", self._chat)
            await self._finish(turn.Finish("failed", self._machine.said, self._machine.emotion, FAILED))
        finally:
            self._generation.cancel()
            await asyncio.gather(self._generation, return_exceptions=True)

    async def _finish_late(self) -> None:
        """Marks the turn as interrupted as soon as the disk takes it; until then nobody can go on in the chat."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                return await self._finish(turn.Finish("interrupted", self._machine.said, self._machine.emotion))
            except StorageError:
                continue

    async def _next_event(self) -> turn.Event:
        """The next event; words that piled up while the last ones went to disk, or since, come as one."""
        loop = asyncio.get_running_loop()
        while not self._events:
            if self._words and loop.time() >= self._rested:
                return self._take_words()
            self._wake.clear()
            timer = loop.call_at(self._rested, self._wake.set) if self._words else None
            await self._wake.wait()
            if timer is not None:
                timer.cancel()
        return self._events.popleft()

    def _take_words(self) -> turn.Generated:
        words, self._half = whole_characters(self._half + "".join(self._words))
        self._words.clear()
        return turn.Generated(words)

    async def _generate(self) -> None:
        try:
            if await self._say_written():
                return
            prompt = await self._prompt()
            request = GenerationRequest(prompt.messages, self._turns.sampling, session=self._chat)
            stream = self._turns.model.stream(request)
            cut = await self._listen(stream)
            for key in ("prompt_tokens", "cached_tokens", "completion_tokens"):
                self._debug[key] = getattr(stream, key, None)
            self.put(turn.GenerationEnded(cut=cut))
        except PromptError as error:
            logger.info("chat %s: %s", self._chat, error)
            await self._fail(TOO_LONG)
        except ModelUnavailable as error:
            logger.warning("chat %s: %s", self._chat, error)
            await self._fail(UNAVAILABLE)
        except CharacterError as error:
            logger.error("chat %s: %s", self._chat, error)
            await self._fail(FAILED)
        except Exception:  # a fault of ours must end the turn, not leave it live for ever
            logger.exception("chat %s: the turn failed", self._chat)
            self.put(turn.GenerationFailed(FAILED))

    async def _fail(self, text: str) -> None:
        """The model cannot speak: where she has to draw a line, her written words do."""
        if self._answer is None or not self._answer.is_whole or not await self._say_written(anyway=True):
            self.put(turn.GenerationFailed(text))

    async def _listen(self, stream: AsyncIterator[str]) -> bool:
        """Hears the model out, or until it says what is not fit for her; returns whether it ran into its token limit."""
        conduct = self._turns.conduct
        guard = None if conduct is None else conduct.guard()
        if conduct is None or guard is None:
            hear = self._hear
            async for piece in stream:
                hear(piece)
            return getattr(stream, "finish_reason", None) == "length"
        async for piece in stream:
            shown = await asyncio.to_thread(guard.feed, piece) if conduct.is_slow else guard.feed(piece)
            if shown:
                self._hear(shown)
            if guard.objection is not None:
                break
        if rest := guard.close():
            self._hear(rest)
        if guard.objection is None:
            return getattr(stream, "finish_reason", None) == "length"
        if (close := getattr(stream, "aclose", None)) is not None:
            await close()
        found = guard.objection
        logger.warning(
            "chat %s: her reply was cut off (%s: %s): %r", self._chat, found.category, found.rule, guard.refused
        )
        self._debug["cut_off"] = {"category": found.category, "score": found.score, "rule": found.rule}
        self._hear(f" {voice.choose(voice.CUT_OFF, self._turn)}")
        return False

    async def _say_written(self, anyway: bool = False) -> bool:
        """Says what conduct has her say in written words; returns whether that is the whole reply.

        Args:
            anyway: also where the model was to say it.
        """
        conduct, answer = self._turns.conduct, self._answer
        if conduct is None or answer is None or (conduct.speaks_by_model and not anyway):
            return False
        row, line = await self._turns.database.read(
            lambda connection: (
                chats.find_chat(connection, self._account, self._chat),
                chats.line(connection, self._chat, self._message),
            )
        )
        words = conduct.written(answer, self._turn, line)
        if not words:
            return False
        self._card = card_of_chat(row.card_json)
        self._answer = None  # it is said: nothing is left for the model to say about it
        tag, _, rest = words.partition(">")
        self._hear(f"{tag}>")
        for start in range(0, len(rest), PIECE):
            await asyncio.sleep(conduct.pace)
            self._hear(rest[start : start + PIECE])
        if answer.is_whole:
            self.put(turn.GenerationEnded())
        else:
            self._hear("\n\n")
        return answer.is_whole

    async def _prompt(self) -> Prompt:
        row, line, name = await self._turns.database.read(
            lambda connection: (
                chats.find_chat(connection, self._account, self._chat),
                chats.line(connection, self._chat, self._message),
                user_name(connection, self._account),
            )
        )
        card = self._card = card_of_chat(row.card_json)
        context = TurnContext(
            now=self._turns.now(), user_name=name, chat=self._chat, examples=self._turns.show_examples,
            notices=[self._answer.order()] if self._answer is not None else [],
        )  # fmt: skip
        memory = self._turns.memory
        if memory is None:
            prompt = await self._build(card, line, context)
        else:
            remembered = await memory.before_reply(self._account, self._chat, line)
            prompt = await self._build(card, line, with_memory(context, remembered))
            if prompt.debug["history"]["left_out"]:
                prompt = await self._summarised(card, line, context, remembered) or prompt
            left_out = {drop["text"] for drop in prompt.debug["dropped"] if drop["part"] == "memory"}
            self._first = remembered.events(self._chat, self._reply, self._turn, left_out)
            self._debug["memory"] = remembered.record
            memory.shown(self._account, remembered.recall)
        self._debug["prompt"] = without_words(prompt.debug)
        return prompt

    async def _build(self, card: Card, line: list[MessageState], context: TurnContext) -> Prompt:
        model = self._turns.model
        return await asyncio.to_thread(
            build_prompt,
            card,
            history(line),
            model_budget=model.context_length - self._turns.sampling.max_new_tokens,
            count_tokens=model.count_tokens,
            context=context,
        )

    async def _summarised(
        self, card: Card, line: list[MessageState], context: TurnContext, remembered: Remembered
    ) -> Prompt | None:
        """The prompt with a summary of what history left out, where there is one; notes whether the next is due."""
        ids = [message.id for message in line]
        found = await self._turns.database.read(
            lambda connection: store.summary_of(connection, self._account, self._chat, ids)
        )
        self._wants_summary = len(exchanges(since(line, found))) >= SUMMARY_EVERY
        if found is None:
            return None
        return await self._build(card, line, with_memory(context, remembered, found.text))

    async def _carry_out(self, effects: list[turn.Effect]) -> None:
        stored, self._first = self._first, []
        for effect in effects:
            match effect:
                case turn.SetFace(emotion):
                    stored.append(chats.event(self._chat, protocol.FaceSet(
                        emotion=emotion.name, strength=emotion.strength, attributes=self._face(emotion),
                    ), self._turn))  # fmt: skip
                case turn.Say(text):
                    if self._began:
                        self._turns.metrics.first_word.observe(time.monotonic() - self._began)
                        self._began = 0.0
                    stored.append(chats.delta(self._chat, self._reply, text, self._turn))
                    self._rested = asyncio.get_running_loop().time() + rest_after(text)
                case turn.JudgeEmotion(text):
                    self._events.appendleft(turn.EmotionJudged(await asyncio.to_thread(self._turns.judge, text)))
                case turn.CancelGeneration():
                    if self._generation is not None:
                        self._generation.cancel()
                case turn.Finish():
                    await self._append(stored)
                    stored = []
                    await self._finish(effect)
        await self._append(stored)

    async def _append(self, stored: list[Event]) -> None:
        """Stores events in order, in one commit where possible."""
        if not stored:
            return
        append = self._turns.database.append
        if len(stored) == 1:  # nearly always; a task of its own would cost as much as the rest of a delta
            await append(stored[0])
        else:
            await asyncio.gather(*map(append, stored))

    def _face(self, emotion: Emotion) -> dict[str, float]:
        return self._card.face(emotion) if self._card is not None else {}

    async def _finish(self, finish: turn.Finish) -> None:
        emotion = finish.emotion

        def store_end(transaction: Transaction) -> MessageState:
            if self._wants_summary:
                store.enqueue(transaction.connection, self._account, self._chat, self._message, "summary")
            return chats.end_turn(
                transaction, self._chat, reply=self._reply, text=finish.text, reason=finish.reason,
                emotion=emotion.name if emotion else None, strength=emotion.strength if emotion else None,
                error=finish.error, debug=self._debug,
            )  # fmt: skip

        self._storing = asyncio.create_task(self._turns.database.write(store_end))
        await asyncio.shield(self._storing)
        self._turns.metrics.turns.labels(finish.reason).inc()


class Turns:
    """All live turns of this server.

    Args:
        judge: the classifier for replies without a tag: text → emotion; called in a thread.
        on_end: called with account and chat when a turn has ended and is stored.
        now: the clock she reads weekday and time of day from.
        show_examples: whether prompts hold the card's example dialogues where there is room.
        memory: hers; None: she remembers nothing.
        conduct: has her draw lines and judges what she says herself; None: neither.
    """

    def __init__(
        self,
        database: Database,
        model: LanguageModel,
        sampling: Sampling,
        judge: Callable[[str], Emotion],
        metrics: Metrics,
        on_end: Callable[[str, str], None],
        now: Callable[[], datetime] = datetime.now,
        show_examples: bool = True,
        memory: HerMemory | None = None,
        conduct: Conduct | None = None,
    ) -> None:
        self.database, self.model, self.judge, self.metrics, self.now = database, model, judge, metrics, now
        self.show_examples, self.memory, self.conduct = show_examples, memory, conduct
        # A small context must leave most of itself to the prompt.
        self.sampling = replace(sampling, max_new_tokens=min(sampling.max_new_tokens, model.context_length // 4))
        self._on_end = on_end
        self._live: dict[str, LiveTurn] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, account: str, chat: str, begun: chats.Begun) -> None:
        """Begins to write the reply that `chats.begin_turn` has stored."""
        live = self._live[chat] = LiveTurn(self, account, chat, begun)
        task = asyncio.create_task(live.run(), name=f"turn {begun.turn}")
        self._tasks.add(task)
        self.metrics.live_turns.inc()

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if self._live.get(chat) is live:
                del self._live[chat]
            self.metrics.live_turns.dec()
            if not task.cancelled():
                if error := task.exception():
                    logger.error("turn of chat %s: %r", chat, error, exc_info=error)
                self._on_end(account, chat)

        task.add_done_callback(ended)

    @property
    def busy(self) -> bool:
        """Whether any reply is being written."""
        return bool(self._live)

    def is_live(self, chat: str) -> bool:
        return chat in self._live

    def stop(self, chat: str) -> None:
        """Stops the chat's live turn, if there is one."""
        if live := self._live.get(chat):
            live.put(turn.StopAsked())

    def stop_account(self, account: str, but: str) -> None:
        """Stops an account's live turns in all chats but one."""
        for chat, live in self._live.items():
            if chat != but and live.account == account:
                live.put(turn.StopAsked())

    async def close(self) -> None:
        """Marks every live turn as interrupted."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
