"""Builds the prompt of a turn under a token budget.

::

    system     card, hour, the user's name       the same for an hour, so its key-value cache is reused
    …          history, as much as fits          grows at the end; its beginning moves in large, rare steps
    system     memories, summary, lore, notices  only where there are any; new each turn
    user       the last message

The functions that write the system message and the turn's note are pure, so that training renders its dialogues with
them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from character.card import Card
from character.emotion import EMOTIONS
from character.errors import PromptError
from character.language_model import ChatMessage
from character.lorebook import LoreHit, LoreScan
from character.macros import Macros, date_text, hour_text, weekday_text

HISTORY_KEPT = 0.7
"""Share of its room that history fills after the oldest messages were dropped."""
RESERVE = 0.25
"""Share of the room that history leaves to the turn's note and the last message."""
EXAMPLES_WITHIN = 0.25
"""Example dialogues are shown where the system message with them takes no more of the budget than this."""

DEFAULT_SYSTEM_PROMPT = (
    "너는 {{char}}(이)야. {{char}}의 말로만 대답하고, 상대의 말이나 행동을 대신 쓰지 않는다. "
    "한국어로 짧고 자연스럽게 말한다."
)
TAG_INSTRUCTION = (
    "대답은 언제나 <감정:기쁨:0.8>처럼 감정과 세기를 적은 태그로 시작한다. "
    f"감정은 {', '.join(EMOTIONS)} 가운데 하나, 세기는 0.1부터 1.0까지다."
)
"""Added for a card that does not say so itself: her face follows the tag."""

EMOTION_TAG = re.compile(r"<감정:[^<>]*>")
START = re.compile(r"^\s*<START>\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class TurnContext:
    """What a turn knows beside card and history.

    Attributes:
        now: the user's local time.
        user_name: empty while it is not known.
        memories: what is recalled, the most fitting first, each with its date (``9월 3일에 들음: 고양이를 키운다.``).
        summary: what came before the history that is kept.
        notices: what she should know in this turn, for instance a warning she gave.
        chat: names the chat, for macros that pick once per chat.
        examples: whether the card's example dialogues may be shown; a model trained on them needs none.
    """

    now: datetime
    user_name: str = ""
    memories: Sequence[str] = ()
    summary: str = ""
    notices: Sequence[str] = ()
    chat: str = ""
    examples: bool = True


@dataclass(frozen=True)
class Prompt:
    """The messages for the model, and a JSON-able record of what went in and what was left out."""

    messages: tuple[ChatMessage, ...]
    debug: dict[str, Any] = field(default_factory=dict)


def time_line(now: datetime) -> str:
    """``지금은 2026년 11월 21일 토요일 밤 9시야.`` It changes once an hour."""
    return f"지금은 {date_text(now)} {weekday_text(now)} {hour_text(now)}야."


def greeting_for(card: Card, now: datetime) -> int:
    """Index into ``card.greetings`` of the greeting for this time of day.

    ``extensions.ohlora.greeting_hours`` gives each greeting its hours ``[from, to]`` (``to`` excluded; 21 to 6 goes
    over midnight). The first whose hours fit is taken, or else the first without hours, or else 0.
    """
    for index, span in enumerate(card.greeting_hours):
        if span is not None and (now.hour - span[0]) % 24 < (span[1] - span[0]) % 24:
            return index
    return next((index for index, span in enumerate(card.greeting_hours) if span is None), 0)


def greeting(card: Card, index: int, context: TurnContext) -> str:
    """Greeting ``index`` with its macros expanded, emotion tag included.

    Raises:
        IndexError: the card has no such greeting.
    """
    return _macros(card, context, f"greeting {index}").expand(card.greetings[index]).strip()


def system_message(card: Card, context: TurnContext, *, examples: bool = False) -> str:
    """The first message: who she is, what hour it is and whom she talks to.

    Args:
        card: the character.
        context: time and the user's name; nothing else of it is used.
        examples: with the card's example dialogues.
    """
    # The minute would change the message each turn, and the cache of the whole prompt with it.
    hourly = replace(context, now=context.now.replace(minute=0, second=0, microsecond=0))
    macros = _macros(card, hourly, "system")
    macros.original = macros.expand(DEFAULT_SYSTEM_PROMPT)
    orders = macros.expand(card.system_prompt).strip() or macros.original
    if "<감정:" not in orders:
        orders = f"{orders}\n{TAG_INSTRUCTION}"
    parts = [orders, macros.expand(card.description).strip()]
    for label, text in (("성격", card.personality), ("상황", card.scenario)):
        if text.strip():
            parts.append(f"{label}: {macros.expand(text).strip()}")
    if examples and card.mes_example.strip():
        shown = re.sub(r"\n{2,}", "\n\n", START.sub("", macros.expand(card.mes_example))).strip()
        parts.append(f"대화 예시:\n{shown}")
    name = " ".join(context.user_name.split())
    parts.append(time_line(context.now) + (macros.expand(" 상대의 이름은 {{user}}(이)야.") if name else ""))
    return "\n".join(part for part in parts if part)


def turn_note(
    *,
    summary: str = "",
    memories: Sequence[str] = (),
    lore: Sequence[str] = (),
    notices: Sequence[str] = (),
    instructions: str = "",
) -> str:
    """The message right before the user's last words; empty where there is nothing to say."""
    lines = [f"지난 이야기: {summary.strip()}"] if summary.strip() else []
    lines += [f"기억: {memory}" for memory in memories]
    lines += [f"배경: {passage}" for passage in lore]
    lines += [f"알림: {notice}" for notice in notices]
    lines += [instructions.strip()] if instructions.strip() else []
    return "\n".join(lines)


def build_prompt(
    card: Card,
    history: Sequence[ChatMessage],
    *,
    model_budget: int,
    count_tokens: Callable[[Sequence[ChatMessage]], int],
    context: TurnContext,
) -> Prompt:
    """The prompt of one turn.

    Args:
        card: the character.
        history: the branch from the greeting on, ending with the user's message (or with hers, if she speaks unasked).
        model_budget: tokens the prompt may take: the model's context less the reply's.
        count_tokens: tokens of messages under the chat template, generation prompt included. It is called with tuples,
            once per message of history, so that ``functools.lru_cache`` can spare most of it.
        context: time, memories and the rest.

    Raises:
        PromptError: card and last message alone do not fit.
    """
    builder = _Builder(card, tuple(history), model_budget, count_tokens, context)
    return builder.build()


def _macros(card: Card, context: TurnContext, seed: str) -> Macros:
    """Macros whose dice fall the same for the same turn: a prompt that is built again is the same prompt."""
    user = " ".join(context.user_name.split())
    rng = random.Random(f"{context.chat}\0{seed}")
    return Macros(card.called, user, now=context.now, chat=context.chat, rng=rng)


def window_start(history: Sequence[ChatMessage], sizes: Sequence[int], room: int) -> int:
    """Index of the first message of ``history`` that is kept.

    Messages are gone through as the chat grew. Whenever those kept exceed ``room``, the oldest are dropped down to
    `HISTORY_KEPT` of it, so that the beginning stays for many turns: it depends on what was said and on nothing else
    of the turn. What is kept begins with a user message, or with the greeting.

    Args:
        history: messages before the last one.
        sizes: tokens of each.
        room: tokens they may take together.
    """
    start, total = 0, 0
    for i, size in enumerate(sizes):
        if start == i and i > 0 and history[i].role != "user":
            start = i + 1
            continue
        total += size
        if total <= room:
            continue
        kept, best, best_total = total, i + 1, 0
        for j in range(start + 1, i + 1):
            kept -= sizes[j - 1]
            if history[j].role == "user" and kept <= room:
                best, best_total = j, kept
                if kept <= room * HISTORY_KEPT:
                    break
        start, total = best, best_total
    return start


@dataclass
class _Part:
    """A piece of the turn's note."""

    kind: str
    text: str
    tokens: int


@dataclass
class _Builder:
    card: Card
    history: tuple[ChatMessage, ...]
    budget: int
    count: Callable[[Sequence[ChatMessage]], int]
    context: TurnContext

    def __post_init__(self) -> None:
        self.spoken = [index for index, message in enumerate(self.history) if message.role != "system"]

    def build(self) -> Prompt:
        asks = bool(self.history) and self.history[-1].role == "user"
        last = self.history[-1:] if asks else ()
        earlier = self.history[:-1] if asks else self.history
        system, examples = self._system(last)
        self._calibrate(system)
        base = self.count((system, *last))
        room = self.budget - (base - sum(self._size(m.content) for m in last))
        parts, scan, dropped = self._note_parts((self.budget - base) // 2)

        sizes = [self._size(message.content) for message in earlier]
        start = window_start(earlier, sizes, int(room * (1 - RESERVE)))
        # A long last message or note drives out more history, for this turn only.
        spare = self.budget - base - sum(part.tokens for part in parts)
        while start < len(earlier) and sum(sizes[start:]) > spare:
            start = _next_start(earlier, start)
        while True:
            note = self._note(parts, scan.hits)
            messages = (system, *earlier[start:], *note, *last)
            total = self.count(messages)
            if total <= self.budget:
                break
            if start < len(earlier):
                start = _next_start(earlier, start)
            elif parts:
                dropped.append(_dropped(parts.pop(), "budget"))
            else:  # pragma: no cover - count_tokens that contradicts itself
                raise self._too_long(system, last)
        tokens = {
            "budget": self.budget,
            "total": total,
            "system": self._size(system.content),
            "history": sum(sizes[start:]),
            "note": sum(self._size(message.content) for message in note),
            "last": sum(self._size(message.content) for message in last),
        }
        debug = {
            "tokens": tokens,
            "examples": examples,
            "history": {
                "kept": len(earlier) - start,
                "left_out": start,
                "left_out_range": [0, start - 1] if start else [],
            },
            "lore": self._lore_record(scan, parts),
            "dropped": dropped,
        }
        return Prompt(messages, debug)

    def _system(self, last: Sequence[ChatMessage]) -> tuple[ChatMessage, str]:
        """The system message, with example dialogues where they fit, and what became of them."""
        plain = ChatMessage("system", system_message(self.card, self.context))
        if self.count((plain, *last)) > self.budget:
            raise self._too_long(plain, last)
        if not self.card.mes_example.strip():
            return plain, "none"
        if not self.context.examples:
            return plain, "left out: not wanted for this model"
        full = ChatMessage("system", system_message(self.card, self.context, examples=True))
        tokens, limit = self.count((full,)), int(self.budget * EXAMPLES_WITHIN)
        if tokens > limit:
            return plain, f"left out: {tokens} tokens with them, {limit} allowed"
        # A long last message may need the room the examples would take.
        if self.count((full, *last)) > self.budget:
            return plain, "left out: the last message needs their room"
        return full, "shown"

    def _too_long(self, system: ChatMessage, last: Sequence[ChatMessage]) -> PromptError:
        card, both = self.count((system,)), self.count((system, *last))
        if not last or card > self.budget:
            return PromptError(
                f"the card of {self.card.name} takes {card} tokens of the {self.budget} there are; "
                "shorten its description or take a model with a longer context"
            )
        left = max(0, self.budget - card)
        return PromptError(
            f"the last message takes {both - card} tokens, and {left} of {self.budget} are left beside the card; "
            "send it in parts or take a model with a longer context"
        )

    def _calibrate(self, system: ChatMessage) -> None:
        """Finds what a template adds once per prompt, so that the sizes of single messages add up."""
        probe = ChatMessage("user", "응")
        self.overhead = self.count((system,)) + self.count((probe,)) - self.count((system, probe))

    def _size(self, content: str) -> int:
        # Measured as a user's message: templates that insist on the order of roles take one alone.
        return max(1, self.count((ChatMessage("user", content),)) - self.overhead)

    def _note_parts(self, room: int) -> tuple[list[_Part], LoreScan, list[dict[str, Any]]]:
        """The pieces of the note that fit into ``room`` tokens, the most important first; lore hits; what fell out."""
        macros = _macros(self.card, self.context, f"note {len(self.history)}")
        wanted = [("instructions", macros.expand(self.card.post_history_instructions).strip())]
        wanted += [("notice", text) for text in self.context.notices]
        wanted += [("summary", self.context.summary.strip())]
        wanted += [("memory", text) for text in self.context.memories]
        parts: list[_Part] = []
        dropped: list[dict[str, Any]] = []
        for kind, text in wanted:
            if not text:
                continue
            part = _Part(kind, text, self._size(text))
            if part.tokens > room:
                dropped.append(_dropped(part, f"budget: {part.tokens} tokens, {max(0, room)} left"))
                continue
            parts.append(part)
            room -= part.tokens
        scan = self._scan(macros, max(0, room))
        parts += [_Part("lore", hit.content, hit.tokens) for hit in _by_worth(scan.hits)]
        return parts, scan, dropped

    def _scan(self, macros: Macros, room: int) -> LoreScan:
        if self.card.lorebook is None:
            return LoreScan()
        return self.card.lorebook.scan(
            # Her tags are no words: a key 기쁨 must not be called by <감정:기쁨:0.8>.
            [EMOTION_TAG.sub("", self.history[index].content) for index in self.spoken],
            self._size,
            expand=macros.expand,
            replies=sum(message.role == "assistant" for message in self.history),
            budget=room,
        )

    def _note(self, parts: Sequence[_Part], hits: Sequence[LoreHit]) -> tuple[ChatMessage, ...]:
        of_kind = {kind: [part.text for part in parts if part.kind == kind] for kind in NOTE_KINDS}
        text = turn_note(
            summary="\n".join(of_kind["summary"]),
            memories=of_kind["memory"],
            lore=[hit.content for hit in hits if hit.content in of_kind["lore"]],
            notices=of_kind["notice"],
            instructions="\n".join(of_kind["instructions"]),
        )
        return (ChatMessage("system", text),) if text else ()

    def _lore_record(self, scan: LoreScan, parts: Sequence[_Part]) -> dict[str, Any]:
        shown = {part.text for part in parts if part.kind == "lore"}
        return {
            "hits": [
                {
                    "entry": hit.entry.label,
                    "key": hit.key,
                    "message": None if hit.text is None else self.spoken[hit.text],
                    "called_by": hit.called_by,
                    "tokens": hit.tokens,
                    "shown": hit.content in shown,
                }
                for hit in scan.hits
            ],
            "dropped": [{"entry": drop.entry.label, "reason": drop.reason} for drop in scan.dropped],
            "problems": list(scan.problems),
        }


NOTE_KINDS = ("instructions", "notice", "summary", "memory", "lore")


def _by_worth(hits: Sequence[LoreHit]) -> list[LoreHit]:
    return sorted(hits, key=lambda hit: hit.entry.worth, reverse=True)


def _dropped(part: _Part, reason: str) -> dict[str, Any]:
    return {"part": part.kind, "text": part.text, "reason": reason}


def _next_start(history: Sequence[ChatMessage], start: int) -> int:
    """The next place after ``start`` where history may begin: a user message, or its end."""
    return next((i for i in range(start + 1, len(history)) if history[i].role == "user"), len(history))
