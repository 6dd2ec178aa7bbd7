"""What she recalls for a message: meaning, words, time and weight of memories in one score. Pure; `Memories` reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from rag import dates
from rag.asking import NOTHING, Asked
from rag.memory import Memory


@dataclass(frozen=True)
class Weights:
    """Every number of recall in one place.

    A memory's relevance is ``vector · meaning + keyword · words + asked + topic``, each of 0–1. Below ``floor`` it is not
    recalled, whatever else speaks for it; the rest only orders what is relevant.
    """

    vector: float = 0.7
    # Similarity counts from so many standard deviations above what unrelated sentences have with this embedder.
    deviations: float = 2.0
    # A noun that memory and message share gives BM25 near 4 and so half of this: enough alone, above the floor.
    keyword: float = 0.6
    keyword_half: float = 4.0
    # A shared verb (좋아하다, BM25 near 1.2: 0.14) is not enough, nor is a message of many verbs.
    floor: float = 0.15
    asked: float = 1.0
    # What a message only touches on (`asking.topics`) counts where its slot holds few memories: one job, not fifty likes.
    topic: float = 0.18
    topic_most: int = 2

    # These order and never lift over the floor: together they weigh less than one shared noun.
    recency: float = 0.1
    half_life_days: float = 60.0
    pinned: float = 0.15
    confidence: float = 0.05
    kinds: Mapping[str, float] = field(
        default_factory=lambda: {"boundary": 0.06, "promise": 0.05, "relationship": 0.03, "event": 0.02}
    )

    limit: int = 5
    # What must never be brought up is told even where nothing reminds of it; the newest ones, for prompts are short.
    boundaries: int = 2
    due: int = 2
    ahead_days: int = 1
    past_days: int = 3
    # A coming appointment is mentioned once in a while, not in every turn of the day.
    again_hours: float = 6.0
    # Of the nearest vectors so many are looked at, beside those that lie on other branches.
    candidates: int = 40


@dataclass(frozen=True)
class Recalled:
    """A memory that was recalled.

    Attributes:
        reason: ``due`` (its day has come), ``asked``, ``relevant``, ``boundary``.
        score: sum of ``parts``.
        parts: weighted shares by name: asked, topic, vector, keyword, recency, kind, pinned, confidence.
        similarity: cosine similarity, where the vectors were asked and knew it.
        line: as the prompt shows it, with its date.
    """

    memory: Memory
    reason: str
    score: float
    parts: Mapping[str, float]
    line: str
    similarity: float | None = None


@dataclass(frozen=True)
class Recall:
    """What was recalled for a message.

    Attributes:
        found: the most fitting first: due ones, what was asked for, what is relevant, boundaries.
        unknown: slots the message asks about that hold nothing, so that she can say she was never told.
        by_meaning: whether vectors took part; without them it went by words alone.
    """

    found: tuple[Recalled, ...] = ()
    unknown: tuple[str, ...] = ()
    by_meaning: bool = False

    @property
    def lines(self) -> list[str]:
        """For `TurnContext.memories`."""
        return [recalled.line for recalled in self.found]

    @property
    def due(self) -> list[str]:
        """Ids of those that came up by their date: tell `Memories.surfaced` once she was shown them."""
        return [recalled.memory.id for recalled in self.found if recalled.reason == "due"]


def is_due(memory: Memory, now: datetime, weights: Weights) -> bool:
    """Whether a memory comes up by itself: an appointment today, tomorrow or just past, a birthday today."""
    today = now.date()
    if "생일" in memory.text and dates.month_day(memory.text) == (today.month, today.day):
        return _rested(memory, now, weights)
    if not memory.dated or memory.valid_from is None:
        return False
    first, last = memory.valid_from, memory.valid_until or memory.valid_from
    if last < today:  # she asks once how it went
        ended = datetime.combine(last + timedelta(days=1), datetime.min.time(), now.tzinfo).timestamp()
        asked_after = memory.surfaced is not None and memory.surfaced >= ended
        return (today - last).days <= weights.past_days and not asked_after
    begins = 0 <= (first - today).days <= weights.ahead_days
    runs = first <= today and (last - first).days <= weights.past_days
    return (begins or runs) and _rested(memory, now, weights)


def _rested(memory: Memory, now: datetime, weights: Weights) -> bool:
    return memory.surfaced is None or now.timestamp() - memory.surfaced >= weights.again_hours * 3600


def rank(
    memories: Iterable[Memory],
    now: datetime,
    weights: Weights,
    *,
    meaning: Mapping[str, tuple[float, float]] | None = None,
    words: Mapping[str, float] | None = None,
    asked: Asked = NOTHING,
    due: Sequence[Memory] = (),
    limit: int | None = None,
    slots: Collection[str] | None = None,
    topics: Collection[str] = (),
) -> Recall:
    """Scores memories and chooses.

    Args:
        memories: those that hold (`visibility.visible`); superseded ones are passed over.
        now: the user's local time.
        meaning: similarity and meaning by id, of those the vectors are near to; None where there are no vectors.
        words: BM25 by id.
        due: those that come up by their date.
        limit: how many beside due ones and boundaries (default: ``weights.limit``).
        slots: those that hold something, where ``memories`` are not all that hold.
        topics: slots that the message touches on.
    """
    live = [memory for memory in memories if memory.state == "live"]
    limit = weights.limit if limit is None else limit
    chosen: list[Recalled] = [_due(memory, now) for memory in due[: weights.due]]
    taken = {recalled.memory.id for recalled in chosen}

    scored = []
    for memory in live:
        similarity, meant = (meaning or {}).get(memory.id, (None, 0.0))
        relevance = {
            "asked": weights.asked * (memory.slot in asked.slots),
            "topic": weights.topic * (memory.slot in topics),
            "vector": weights.vector * meant,
            "keyword": weights.keyword * _squashed((words or {}).get(memory.id, 0.0), weights.keyword_half),
        }
        if sum(relevance.values()) < weights.floor or memory.id in taken:
            continue
        parts = relevance | _standing(memory, now, weights)
        scored.append((sum(parts.values()), memory.said, memory, parts, similarity))
    scored.sort(key=lambda entry: entry[:2], reverse=True)
    for score, _, memory, parts, similarity in scored[:limit]:
        reason = "asked" if memory.slot in asked.slots else "relevant"
        shares = {name: round(value, 4) for name, value in parts.items() if value}
        chosen.append(Recalled(memory, reason, round(score, 4), shares, prompt_line(memory, now), similarity))
    taken |= {recalled.memory.id for recalled in chosen}

    boundaries = [memory for memory in live if memory.kind == "boundary" and memory.id not in taken]
    boundaries.sort(key=lambda memory: (memory.pinned, memory.said), reverse=True)
    chosen += [
        Recalled(memory, "boundary", 0.0, {}, prompt_line(memory, now)) for memory in boundaries[: weights.boundaries]
    ]
    known = {memory.slot for memory in live} if slots is None else slots
    unknown = () if asked.everything else tuple(slot for slot in asked.slots if slot not in known)
    return Recall(tuple(chosen), unknown, meaning is not None)


def _squashed(score: float, half: float) -> float:
    return score / (score + half) if score > 0 else 0.0


def _standing(memory: Memory, now: datetime, weights: Weights) -> dict[str, float]:
    age = max(0.0, now.timestamp() - memory.said) / 86400
    return {
        "recency": weights.recency * 0.5 ** (age / weights.half_life_days),
        "kind": weights.kinds.get(memory.kind, 0.0),
        "pinned": weights.pinned * memory.pinned,
        "confidence": weights.confidence * memory.confidence,
    }


def _due(memory: Memory, now: datetime) -> Recalled:
    return Recalled(memory, "due", 1.0, {"due": 1.0}, prompt_line(memory, now))


# --- lines of the prompt

_NEAR = {-2: "그저께", -1: "어제", 0: "오늘", 1: "내일", 2: "모레"}


def day_text(day: date, now: datetime) -> str:
    """``9월 3일``, with the year where it is not this one."""
    return f"{day.month}월 {day.day}일" if day.year == now.year else f"{day.year}년 {day.month}월 {day.day}일"


def prompt_line(memory: Memory, now: datetime) -> str:
    """A memory as the prompt shows it.

    ``9월 3일에 들음: 전주에서 산다.``, for what is about a day ``내일(11월 22일) 일정: 면접이 있다. 11월 18일에 들음.``,
    for a birthday that has come ``오늘(11월 21일)이 생일: 생일은 11월 21일이다. 9월 3일에 들음.``
    """
    heard = f"{day_text(datetime.fromtimestamp(memory.said, now.tzinfo).date(), now)}에 들음"
    today = now.date()
    if "생일" in memory.text and dates.month_day(memory.text) == (today.month, today.day):
        return f"오늘({day_text(today, now)})이 생일: {memory.text} {heard}."
    if not memory.dated or memory.valid_from is None:
        return f"{heard}: {memory.text}"
    return f"{_when(memory.valid_from, memory.valid_until or memory.valid_from, now)}: {memory.text} {heard}."


def _when(first: date, last: date, now: datetime) -> str:
    today = now.date()
    span = day_text(first, now) if first == last else f"{day_text(first, now)}~{day_text(last, now)}"
    near = _NEAR.get((first - today).days) if first == last else None
    passed = "지난 " if last < today else ""
    return f"{near}({span}) {passed}일정" if near else f"{span} {passed}일정"
