"""How well she remembers: plays written dialogues through her memory and counts (``python -m rag evaluate``).

Each dialogue has an account of its own. Its turns are said at the dialogue's own dates, then it is asked. This is done
twice: with what the program itself took from the turns (end to end), and with the memories that a person wrote down for
them (recall alone). What is counted stands at `Extraction` and `Asking`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import RagError
from rag.memory import Memory, normalise

if TYPE_CHECKING:
    import numpy as np
    import sqlalchemy as sa

    from rag.embedding import Embedder
    from rag.memories import Memories
    from rag.recall import Recalled, Weights

PROBES = Path(__file__).parent / "probes" / "dialogues.jsonl"
SPLITS = ("dev", "test", "all")
MODES = ("hybrid", "vectors", "bm25")
END_TO_END, ALONE = "end to end", "recall alone"

EQUIVALENT = frozenset(
    frozenset(pair)
    for pair in (
        ("name", "nickname"), ("job", "school"), ("job", "past"), ("plan", "promise"), ("plan", "goal"), ("habit", "like"),
        ("habit", "skill"), ("health", "dislike"), ("health", "habit"), ("home", "hometown"), ("like", "goal"),
        ("family", "plan"),
    )
)  # fmt: skip
"""Pairs of slots between which two careful people would not agree either; ``other`` goes with all."""
GOALS: dict[str, tuple[str, float]] = {
    "precision": ("≥", 0.95), "recall": ("≥", 0.85), "junk": ("≤", 0.02), "recall@1": ("≥", 0.85), "recall@5": ("≥", 0.97),
    "false recall": ("≤", 0.03), "stale": ("≤", 0), "leaks": ("≤", 0), "traces": ("≤", 0),
}  # fmt: skip


# --- the dialogues


@dataclass(frozen=True)
class Gold:
    """A memory that a person wrote down for a turn."""

    id: str
    slot: str
    text: str
    quote: str
    day: date | None


@dataclass(frozen=True)
class Turn:
    """What the user says, what is to be remembered of it, and ids of what he wants forgotten by it."""

    text: str
    gold: tuple[Gold, ...] = ()
    forget: tuple[str, ...] = ()


@dataclass(frozen=True)
class Session:
    start: datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Ask:
    """Something the user says later, which memories should come to her mind, and which must not."""

    now: datetime
    text: str
    expect: frozenset[str]
    never: frozenset[str]


@dataclass(frozen=True)
class Dialogue:
    """One dialogue of the file.

    Attributes:
        edited: session and turn that the user says again in other words, and the new turn; what was said before then
            stands on a branch that is not shown.
        other: sessions of another user, from whom nothing may come over.
    """

    id: str
    category: str
    split: str
    sessions: tuple[Session, ...]
    asks: tuple[Ask, ...]
    edited: tuple[int, int, Turn] | None = None
    other: tuple[Session, ...] = ()

    def golds(self) -> Iterator[Gold]:
        for session in (*self.sessions, *self.other):
            for turn in session.turns:
                yield from turn.gold
        if self.edited:
            yield from self.edited[2].gold


ASK_HOUR = 12


def read_dialogues(path: Path = PROBES, split: str = "all") -> list[Dialogue]:
    """The dialogues of a file.

    Raises:
        RagError: the file is missing, or one of its lines cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RagError(f"dialogues {path} cannot be read: {error.strerror or error}") from None
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(_dialogue(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise RagError(f"{path}, line {number} is no dialogue: {error!r}") from None
    return [dialogue for dialogue in found if split in ("all", dialogue.split)]


def _dialogue(entry: Mapping[str, Any]) -> Dialogue:
    count = 0

    def golds(entries: Iterable[Mapping[str, Any]]) -> tuple[Gold, ...]:
        nonlocal count
        found = []
        for gold in entries:
            day = date.fromisoformat(gold["day"]) if gold.get("day") else None
            found.append(Gold(f"{entry['id']}.{count}", gold["slot"], gold["text"], gold["quote"], day))
            count += 1
        return tuple(found)

    def sessions(entries: Iterable[Mapping[str, Any]]) -> tuple[Session, ...]:
        return tuple(
            Session(
                datetime.fromisoformat(session["day"]) + timedelta(hours=session["hour"]),
                tuple(Turn(t["user"], golds(t["gold"]), tuple(t.get("forget", ()))) for t in session["turns"]),
            )
            for session in entries
        )

    own = sessions(entry["sessions"])
    edited = None
    if branch := entry.get("branches"):
        session, turn = branch["edit_turn"]
        edited = (session, turn, Turn(branch["new_user"], golds(branch["gold"])))
    other = sessions(entry["other"]["sessions"]) if "other" in entry else ()
    asks = tuple(
        Ask(
            datetime.fromisoformat(ask["day"]) + timedelta(hours=ASK_HOUR), ask["text"], frozenset(ask["expect"]),
            frozenset(ask["never"]),
        )
        for ask in entry["asks"]
    )  # fmt: skip
    return Dialogue(entry["id"], entry["category"], entry["split"], own, asks, edited, other)


# --- what is counted


def matches(memory: Memory, gold: Gold) -> bool:
    """Whether a stored memory is one that was written down: the slot, or an equivalent one, and overlapping quotes."""
    slots = {memory.slot, gold.slot}
    if len(slots) == 2 and "other" not in slots and frozenset(slots) not in EQUIVALENT:
        return False
    mine, wanted = normalise(memory.quote), normalise(gold.quote)
    return bool(mine) and (mine in wanted or wanted in mine or _shared(mine, wanted) * 2 >= min(len(mine), len(wanted)))


def _shared(one: str, other: str) -> int:
    """Length of the longest end of one string with which the other begins."""
    for length in range(min(len(one), len(other)), 0, -1):
        if one.endswith(other[:length]) or other.endswith(one[:length]):
            return length
    return 0


def best_match(memory: Memory, golds: Sequence[Gold]) -> Gold | None:
    """The one that fits best: a memory counts for one only, even where a quote tells of two."""
    from rag.morphology import content_words

    def fit(gold: Gold) -> tuple[bool, int, int]:
        words = len(set(content_words(memory.text)) & set(content_words(gold.text)))
        return memory.slot == gold.slot, words, -abs(len(memory.quote) - len(gold.quote))

    return max((gold for gold in golds if matches(memory, gold)), key=fit, default=None)


@dataclass
class Extraction:
    """What was stored against what was to be stored.

    Attributes:
        stored, right: memories stored; those of them that match one written down.
        wanted, found: memories written down; those of them that were stored.
        dull, junk: turns with nothing to remember; those of which something was stored.
        days, days_right: stored and right ones that have a day; those of them whose day is right.
        wishes, understood: wishes to forget; those that found all that was to be forgotten and nothing else.
        slots: stored, right, wanted and found by slot; categories: by category.
        misses: one line each of what was not stored, wrongly stored, or not forgotten.
    """

    stored: int = 0
    right: int = 0
    wanted: int = 0
    found: int = 0
    dull: int = 0
    junk: int = 0
    days: int = 0
    days_right: int = 0
    wishes: int = 0
    understood: int = 0
    slots: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    categories: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    misses: list[str] = field(default_factory=list)

    def count(self, slot: str, category: str, name: str) -> None:
        setattr(self, name, getattr(self, name) + 1)
        self.slots[slot][name] += 1
        self.categories[category][name] += 1

    def figures(self) -> dict[str, float]:
        return _scores(vars(self)) | {
            "junk": _share(self.junk, self.dull),
            "days right": _share(self.days_right, self.days),
            "wishes to forget understood": _share(self.understood, self.wishes),
        }


def _scores(counts: Mapping[str, Any]) -> dict[str, float]:
    precision = _share(counts.get("right", 0), counts.get("stored", 0))
    recall = _share(counts.get("found", 0), counts.get("wanted", 0))
    return {"precision": precision, "recall": recall, "f1": _share(2 * precision * recall, precision + recall)}


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


@dataclass
class Asking:
    """What was recalled against what should have been.

    Attributes:
        answerable, first, fifth: asks that expect something; the sum over them of whether the first recalled is expected,
            and of the part of the expected that is among the first five.
        idle, false: asks that expect nothing; those at which something was recalled. Boundaries, which she is always
            told of, do not count here.
        stale, leaks: asks at which something was recalled that no longer holds, was said on another branch or was
            forgotten; or that is another account's.
        misses: one line each of what went wrong.
    """

    answerable: int = 0
    first: int = 0
    fifth: float = 0.0
    idle: int = 0
    false: int = 0
    stale: int = 0
    leaks: int = 0
    milliseconds: list[float] = field(default_factory=list)
    categories: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    misses: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        return {
            "recall@1": _share(self.first, self.answerable),
            "recall@5": _share(self.fifth, self.answerable),
            "false recall": _share(self.false, self.idle),
            "stale": self.stale,
            "leaks": self.leaks,
        }


# --- playing


class CachedEmbedder:
    """An embedder that remembers: the same sentences come in every mode."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder, self._known = embedder, dict[str, Any]()
        self.name, self.dimension = embedder.name, embedder.dimension

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        import numpy as np

        if new := [text for text in dict.fromkeys(texts) if text not in self._known]:
            self._known |= dict(zip(new, self._embedder.encode(new), strict=True))
        return np.stack([self._known[text] for text in texts])


_TREE = (
    "CREATE TABLE chats (id TEXT PRIMARY KEY, account TEXT NOT NULL, active TEXT)",
    "CREATE TABLE messages (id TEXT PRIMARY KEY, parent TEXT)",
)


def empty_database(folder: Path) -> sa.Engine:
    """An SQLite database with her memory's tables, and of the server's chats and messages the columns that she reads: no
    message stands in it, so that whatever is found of one is her memory's."""
    import sqlalchemy as sa

    from rag.places import FILE, _configure
    from rag.schema import CREATE_MEMORIES

    engine = sa.create_engine(f"sqlite:///{folder / FILE}")
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        for statement in (*_TREE, *CREATE_MEMORIES):
            connection.exec_driver_sql(statement)
    engine.dispose()
    engine = sa.create_engine(engine.url)
    _configure(engine)
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    return engine


class House:
    """Her memory in a folder of its own, and the chats in which things are said to her."""

    def __init__(self, folder: Path, load: Callable[[str], Embedder], embedder: str) -> None:
        from rag.memories import Memories

        self.folder = folder
        self.engine = empty_database(folder)
        self.memories: Memories = Memories(self.engine, folder, embedder=embedder, load=load, background=False)

    def close(self) -> None:
        self.memories.close()
        self.engine.dispose()

    def write(self, job: Callable[[sa.Connection], Any]) -> Any:
        with self.engine.execution_options(writing=True).begin() as connection:
            return job(connection)

    def say(self, account: str, chat: str, message: str, parent: str | None) -> None:
        """A message below ``parent``; the chat's line ends in it."""
        import sqlalchemy as sa

        values = {"chat": chat, "account": account, "id": message, "parent": parent}

        def job(connection: sa.Connection) -> None:
            connection.execute(sa.text("INSERT INTO messages VALUES (:id, :parent)"), values)
            connection.execute(
                sa.text(
                    "INSERT INTO chats VALUES (:chat, :account, :id) ON CONFLICT (id) DO UPDATE SET active = excluded.active"
                ),
                values,
            )

        self.write(job)

    def holds(self, words: str) -> bool:
        """Whether the bytes of ``words`` stand anywhere in the folder: database, its log, index."""
        wanted = words.encode()
        return any(wanted in file.read_bytes() for file in self.folder.rglob("*") if file.is_file())


def account_of(dialogue: Dialogue, other: bool = False) -> str:
    return f"{dialogue.id}-{'other' if other else 'own'}"


@dataclass(frozen=True)
class Said:
    """A turn at its place: chat, message, the messages before it (the newest first), and when."""

    account: str
    chat: str
    message: str
    before: tuple[str, ...]
    when: datetime
    turn: Turn


def play(dialogue: Dialogue, house: House) -> Iterator[Said]:
    """Says the turns of a dialogue one after the other, and those of the other account; after each it is yielded."""
    for other in (True, False):
        for number, session in enumerate(dialogue.other if other else dialogue.sessions):
            chat = f"{account_of(dialogue, other)}-{number}"
            line: list[str] = []
            for index, turn in enumerate(session.turns):
                yield _say(house, account_of(dialogue, other), chat, line, session, index, turn)
    if dialogue.edited:
        number, index, turn = dialogue.edited
        chat = f"{account_of(dialogue)}-{number}"
        line = [f"{chat}-{before}" for before in range(index)]
        yield _say(house, account_of(dialogue), chat, line, dialogue.sessions[number], index, turn, "again-")


def _say(
    house: House, account: str, chat: str, line: list[str], session: Session, index: int, turn: Turn, mark: str = ""
) -> Said:
    message = f"{chat}-{mark}{index}"
    house.say(account, chat, message, line[-1] if line else None)
    said = Said(account, chat, message, tuple(reversed(line)), session.start + timedelta(minutes=2 * index), turn)
    line.append(message)
    return said


@dataclass
class Played:
    """What became of the dialogues in one house.

    Attributes:
        meaning_of: the id of the written memory that each stored one is.
        forgotten: words of memories that were forgotten.
    """

    meaning_of: dict[str, str] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)


def extract(dialogues: Sequence[Dialogue], house: House) -> tuple[Played, Extraction]:
    """Says every turn, and lets the program remember and forget what it thinks it should."""
    played, counts = Played(), Extraction()
    for dialogue in dialogues:
        golds: dict[str, Gold] = {gold.id: gold for gold in dialogue.golds()}
        for said in play(dialogue, house):
            _one_turn(dialogue, golds, said, house, played, counts)
    return played, counts


def _one_turn(
    dialogue: Dialogue, golds: Mapping[str, Gold], said: Said, house: House, played: Played, counts: Extraction
) -> None:
    from rag.visibility import Place

    turn, category, memories = said.turn, dialogue.category, house.memories
    wish = memories.wish(said.account, turn.text, place=Place(said.chat, said.message), recent=said.before)
    if wish or turn.forget:
        counts.wishes += bool(turn.forget)
        meant = wish[1] if wish else []
        ours = {played.meaning_of.get(memory.id, memory.text) for memory in meant}
        there = {gold for gold in turn.forget if gold in played.meaning_of.values()}
        understood = wish is not None and ours == there
        counts.understood += understood and bool(turn.forget)
        if not understood:
            wanted = ", ".join(golds[gold].text for gold in there) or "nothing"
            told = "no wish" if wish is None else ", ".join(memory.text for memory in meant) or "nothing"
            counts.misses.append(f"{dialogue.id} forget {turn.text!r}: {told}, wanted {wanted}")
        if meant:
            memories.forget(said.account, [memory.id for memory in meant])
            played.forgotten += [words for memory in meant for words in (memory.quote, memory.text)]
    if wish:
        added = []
    else:
        added = memories.remember_turn(said.account, said.chat, said.message, turn.text, said=said.when)
    for gold in turn.gold:
        counts.count(gold.slot, category, "wanted")
    if not turn.gold and not turn.forget:
        counts.count("", category, "dull")
        if added:
            counts.count("", category, "junk")
    found = set()
    for memory in added:
        counts.count(memory.slot, category, "stored")
        match = best_match(memory, turn.gold)
        if match is None:
            counts.misses.append(f"{dialogue.id} wrong {memory.slot} {memory.text!r} of {turn.text!r}")
            continue
        counts.count(memory.slot, category, "right")
        found.add(match.id)
        played.meaning_of[memory.id] = match.id
        if match.day and memory.dated:
            first, last = memory.valid_from or date.min, memory.valid_until or memory.valid_from or date.min
            counts.days += 1
            counts.days_right += first <= match.day <= last
            if not first <= match.day <= last:
                counts.misses.append(f"{dialogue.id} day {first}~{last}, wanted {match.day}: {turn.text!r}")
    for gold in turn.gold:
        if gold.id in found:
            counts.count(gold.slot, category, "found")
        else:
            counts.misses.append(f"{dialogue.id} missed {gold.slot} {gold.text!r} of {turn.text!r}")


def write_down(dialogues: Sequence[Dialogue], house: House) -> Played:
    """Says every turn, and stores the memories that were written down for it, as if all were understood."""
    from rag import store
    from rag.extraction import KIND_OF_SLOT
    from rag.gate import DATED_SLOTS

    played = Played()
    for dialogue in dialogues:
        golds = {gold.id: gold for gold in dialogue.golds()}
        outdated = _outdated(dialogue)
        stored: dict[str, Memory] = {}
        for said in play(dialogue, house):
            for gold in said.turn.gold:
                day = gold.day if gold.slot in DATED_SLOTS else None
                old = tuple(stored[id].id for id in outdated.get(gold.id, ()) if id in stored)
                memory = Memory(
                    f"gold-{gold.id}", said.account, said.chat, said.message, KIND_OF_SLOT.get(gold.slot, "fact"), gold.slot,
                    normalise(gold.text), normalise(gold.quote), said.when.timestamp(), day, day, supersedes=old,
                )  # fmt: skip
                stored[gold.id] = house.write(partial(store.insert, memory=memory))
                played.meaning_of[f"gold-{gold.id}"] = gold.id
            if said.turn.forget:
                house.memories.forget(said.account, [stored[id].id for id in said.turn.forget if id in stored])
                played.forgotten += [
                    words for id in said.turn.forget if id in golds for words in (golds[id].quote, golds[id].text)
                ]
    return played


def _outdated(dialogue: Dialogue) -> dict[str, list[str]]:
    """Which written memories each takes the place of: those that are never to be recalled once it is."""
    own = [gold for session in dialogue.sessions for turn in session.turns for gold in turn.gold]
    order = {gold.id: index for index, gold in enumerate(own)}
    forgotten = {id for session in dialogue.sessions for turn in session.turns for id in turn.forget}
    found: dict[str, list[str]] = defaultdict(list)
    if dialogue.edited:
        return found
    for old in {id for ask in dialogue.asks for id in ask.never if id in order} - forgotten:
        later = [gold for gold in own if order[gold.id] > order[old]]
        expected = {id for ask in dialogue.asks if old in ask.never for id in ask.expect}
        followers = [gold for gold in later if gold.id in expected] or later
        same = [gold for gold in followers if gold.slot == own[order[old]].slot] or followers
        if same:
            found[same[0].id].append(old)
    return found


def traces(house: House, played: Played) -> list[str]:
    """Words of forgotten memories that stand in a file still, unless another memory holds them too."""
    import sqlalchemy as sa

    from rag.schema import memories

    with house.engine.connect() as connection:
        rows = connection.execute(sa.select(memories.c.text, memories.c.quote)).all()
    kept = [words for row in rows for words in row]
    return [
        words for words in dict.fromkeys(played.forgotten)
        if words and not any(words in other for other in kept) and house.holds(words)
    ]  # fmt: skip


def weights_of(mode: str, weights: Weights) -> Weights:
    """The weights of recall by both, by vectors alone, or by words alone. What comes up by its day does so in each."""
    if mode == "vectors":
        return replace(weights, keyword=0.0, asked=0.0)
    if mode == "bm25":
        return replace(weights, vector=0.0, asked=0.0)
    return weights


def ask_all(dialogues: Sequence[Dialogue], house: House, played: Played) -> Asking:
    counts = Asking()
    for dialogue in dialogues:
        account, golds = account_of(dialogue), {gold.id: gold.text for gold in dialogue.golds()}
        for ask in dialogue.asks:
            begin = time.perf_counter()
            recall = house.memories.recall(account, ask.text, now=ask.now)
            counts.milliseconds.append(1000 * (time.perf_counter() - begin))
            _one_ask(dialogue, ask, recall.found, played, golds, counts)
    return counts


def _one_ask(
    dialogue: Dialogue, ask: Ask, found: Sequence[Recalled], played: Played, golds: Mapping[str, str], counts: Asking
) -> None:
    ids = [played.meaning_of.get(recalled.memory.id, "") for recalled in found]
    of = counts.categories[dialogue.category]
    told = (
        f"{dialogue.id} {ask.now:%m-%d} {ask.text!r}: "
        + ("; ".join(f"{r.memory.text} ({r.reason} {r.score:.2f})" for r in found[:5]) or "nothing")
    )  # fmt: skip
    if any(recalled.memory.account != account_of(dialogue) for recalled in found):
        counts.leaks += 1
        counts.misses.append(f"leak {told}")
    if ask.never & set(ids):
        counts.stale += 1
        counts.misses.append(f"stale {told}")
    if not ask.expect:
        counts.idle += 1
        of["idle"] += 1
        if any(recalled.reason != "boundary" for recalled in found):
            counts.false += 1
            of["false"] += 1
            counts.misses.append(f"false {told}")
        return
    first, part = bool(ids) and ids[0] in ask.expect, len(ask.expect & set(ids[:5])) / len(ask.expect)
    counts.answerable += 1
    counts.first += first
    counts.fifth += part
    of["answerable"] += 1
    of["first"] += first
    of["fifth"] += round(100 * part)
    if not first or part < 1:
        known = [golds[id] + ("" if id in played.meaning_of.values() else " (not stored)") for id in sorted(ask.expect)]
        counts.misses.append(f"miss {told}, wanted {'; '.join(known)}")


@dataclass
class Evaluation:
    """All figures of a split. ``asking`` by what the memories are from, then by mode."""

    split: str
    embedder: str
    dialogues: int
    extraction: Extraction
    asking: dict[str, dict[str, Asking]]
    traces: int
    seconds: float

    def figures(self) -> dict[str, Any]:
        return {
            "split": self.split,
            "embedder": self.embedder,
            "dialogues": self.dialogues,
            "extraction": self.extraction.figures(),
            "by slot": {slot: _scores(c) | dict(c) for slot, c in sorted(self.extraction.slots.items()) if slot},
            "by category": {name: self._category(name) for name in sorted(self.extraction.categories)},
            "asking": {
                source: {mode: asking.figures() for mode, asking in modes.items()}
                for source, modes in self.asking.items()
            },
            "traces": self.traces,
            "seconds": round(self.seconds, 1),
        }

    def _category(self, name: str) -> dict[str, float]:
        counts = self.extraction.categories[name]
        found = _scores(counts) | {"junk": _share(counts["junk"], counts["dull"])}
        for source, modes in self.asking.items():
            asked = next(iter(modes.values())).categories[name]
            for label, value in (
                ("recall@1", _share(asked["first"], asked["answerable"])),
                ("recall@5", _share(asked["fifth"], 100 * asked["answerable"])),
                ("false recall", _share(asked["false"], asked["idle"])),
            ):
                found[f"{label}, {source}"] = value
        return found

    def misses(self) -> Iterator[str]:
        yield from self.extraction.misses
        for source, modes in self.asking.items():
            for mode, asking in modes.items():
                yield from (f"{source}, {mode}: {miss}" for miss in asking.misses)


def evaluate(
    dialogues: Sequence[Dialogue],
    split: str = "all",
    *,
    embedder: str = "bundled",
    load: Callable[[str], Embedder] | None = None,
    modes: Sequence[str] = MODES,
    weights: Weights | None = None,
) -> Evaluation:
    """Plays dialogues through her memory and counts.

    Args:
        split: what the dialogues are, for the report.
        embedder: as in `Memories`.
        load: loads it.
        modes: of `MODES`; one in which the index is not needed loads no embedder.
        weights: of recall (default: those she has).

    Raises:
        IndexFailed: the embedder or Chroma cannot be used.
    """
    from rag.memories import load_bundled_or_named
    from rag.recall import Weights

    begin = time.perf_counter()
    loaded: dict[str, Embedder] = {}

    def once(name: str) -> Embedder:
        if name not in loaded:
            loaded[name] = CachedEmbedder((load or load_bundled_or_named)(name))
        return loaded[name]

    asking: dict[str, dict[str, Asking]] = {}
    left = 0
    extraction = Extraction()
    for source in (END_TO_END, ALONE):
        with _house(once, embedder) as house:
            if source == END_TO_END:
                played, extraction = extract(dialogues, house)
            else:
                played = write_down(dialogues, house)
            if set(modes) != {"bm25"}:
                house.memories.sync()
            asking[source] = {}
            for mode in modes:
                house.memories.weights = weights_of(mode, weights or Weights())
                asking[source][mode] = ask_all(dialogues, house, played)
            left += len(traces(house, played))
    name = loaded[embedder].name if embedder in loaded else "none"
    return Evaluation(split, name, len(dialogues), extraction, asking, left, time.perf_counter() - begin)


@contextmanager
def _house(load: Callable[[str], Embedder], embedder: str) -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="ohlora-memory-") as folder:
        house = House(Path(folder), load, embedder)
        try:
            yield house
        finally:
            house.close()


# --- the command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--split", choices=SPLITS, default="dev", help="which dialogues (default: dev)")
    parser.add_argument("--mode", choices=(*MODES, "all"), default="all", help="how it is recalled (default: all)")
    parser.add_argument("--embedder", default="bundled", metavar="NAME", help="bundled, a folder or a hub id")
    parser.add_argument("--dialogues", type=Path, default=PROBES, metavar="FILE", help="default: those that ship")
    parser.add_argument("--misses", action="store_true", help="also show each miss")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON here")


def run(options: argparse.Namespace) -> int:
    """``python -m rag evaluate``."""
    dialogues = read_dialogues(options.dialogues, options.split)
    if not dialogues:
        raise RagError(f"{options.dialogues} has no dialogues of the split {options.split!r}")
    modes = MODES if options.mode == "all" else (options.mode,)
    found = evaluate(dialogues, options.split, embedder=options.embedder, modes=modes)
    content = json.dumps(found.figures(), ensure_ascii=False, indent=1)
    if options.out:
        try:
            options.out.write_text(content + "\n", encoding="utf-8")
        except OSError as error:
            raise RagError(f"{options.out} cannot be written: {error.strerror or error}") from None
    if options.json:
        print(content)
    else:
        show(found)
    if options.misses:
        print(*found.misses(), sep="\n", file=sys.stderr if options.json else sys.stdout)
    return 0


def show(found: Evaluation) -> None:
    """Prints the figures as tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    figures = found.figures()

    def table(title: str, *columns: str) -> Table:
        made = Table(title=title, title_justify="left")
        for index, column in enumerate(columns):
            made.add_column(column, justify="right" if index else "left")
        return made

    e = found.extraction
    counts = {
        "precision": f"{e.right} of {e.stored} stored", "recall": f"{e.found} of {e.wanted} written down",
        "junk": f"{e.junk} of {e.dull} turns with nothing to remember", "days right": f"{e.days_right} of {e.days}",
        "wishes to forget understood": f"{e.understood} of {e.wishes}",
    }  # fmt: skip
    shown = table(f"extraction, {found.split}: {found.dialogues} dialogues", "figure", "value", "count", "goal")
    for name, value in figures["extraction"].items():
        shown.add_row(name, f"{value:.3f}", counts.get(name, ""), _goal(name, value))
    console.print(shown)

    shown = table(f"recall, {found.split}, embedder {found.embedder}", "figure")
    for source, modes in figures["asking"].items():
        for mode in modes:
            shown.add_column(f"{source}\n{mode}", justify="right")
    shown.add_column("goal")
    columns = [values for modes in figures["asking"].values() for values in modes.values()]
    for name in columns[0]:
        cells = [f"{values[name]:g}" if name in ("stale", "leaks") else f"{values[name]:.3f}" for values in columns]
        shown.add_row(name, *cells, _goal(name))
    shown.add_row("traces", f"{found.traces}", *[""] * (len(columns) - 1), _goal("traces"))
    console.print(shown)

    shown = table("extraction by slot", "slot", "precision", "recall", "stored", "written down")
    for slot, values in figures["by slot"].items():
        row = [
            f"{values['precision']:.2f}" if values.get("stored") else "",
            f"{values['recall']:.2f}" if values.get("wanted") else "",
        ]
        shown.add_row(slot, *row, str(values.get("stored", 0)), str(values.get("wanted", 0)))
    console.print(shown)

    names = list(next(iter(figures["by category"].values())))
    shown = table("by category", "category", *names)
    for category, values in figures["by category"].items():
        shown.add_row(category, *(f"{values[name]:.2f}" for name in names))
    console.print(shown)
    console.print(f"{found.seconds:.0f} seconds")


def _goal(name: str, value: float | None = None) -> str:
    if name not in GOALS:
        return ""
    sign, goal = GOALS[name]
    met = "" if value is None else " ✓" if (value >= goal if sign == "≥" else value <= goal) else " ✗"
    return f"{sign} {goal:g}{met}"
