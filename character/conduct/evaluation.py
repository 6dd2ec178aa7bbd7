"""How fair the judge is and how hard to fool (``python -m character evaluate-conduct DATA``).

Six tables: the public sets beside published figures; the written examples that were held out; sentences spelled around
by every method of `obfuscate`; everyday talk, where each objection is a false warning; months of such talk on the
ladder; and time per message. Goals stand at `GOALS`; what falls short is said.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from character.conduct import public_sets
from character.conduct.categories import CATEGORY_IDS
from character.conduct.errors import ConductError
from character.conduct.judge import BundledJudge, load_judge
from character.conduct.judgement import Judge, Judgement, Line
from character.conduct.ladder import DAY, LadderTable, Strike, decide
from character.conduct.normalize import as_written
from character.conduct.obfuscate import variants
from character.conduct.public_sets import BEEP_LABELS, KMHAS_LABELS, KODOLI_LABELS, Example

if TYPE_CHECKING:
    from rich.console import Console

GOALS: dict[str, tuple[str, float]] = {
    "recall lost": ("≤", 0.05), "false warnings": ("≤", 0.003), "needless care": ("≤", 0.01), "false bans": ("≤", 0), "p95 ms": ("≤", 5.0),
    "self-harm recall": ("≥", 0.9), "variants": ("≥", 1000), "talk lines": ("≥", 3000),
}  # fmt: skip
PUBLISHED = {
    "BEEP!": "macro-F1 ≈ .6 (BERT)",
    "KODOLI": "—",
    "K-MHaS": "micro-F1 .81–.85 (BERT, 78,977 training comments)",
}
CHAT_SETS = ("chatbot_data", "xpersona_ko", "stylekqc", "question_pair")
SIMULATED_DAYS, MESSAGES_A_DAY = 90, 40


@dataclass
class Table:
    """Rows to print, and the figures that have goals."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def met(name: str, value: float) -> bool:
    sign, goal = GOALS[name]
    return value >= goal if sign == "≥" else value <= goal


# --- measures


def f1(truth: npt.NDArray[np.bool_], guess: npt.NDArray[np.bool_]) -> float:
    """Harmonic mean of precision and recall; 0 where nothing was found."""
    hit = float((truth & guess).sum())
    return 2 * hit / max(1.0, float(truth.sum() + guess.sum()))


def public_scores(
    judge: BundledJudge, rows: Sequence[public_sets.Row], heads: Sequence[str]
) -> npt.NDArray[np.float32]:
    """``[len(rows), len(heads)]`` logits of the heads that learned a public set's own labels."""
    places = [judge.model.heads.index(head) for head in heads]
    return np.array([judge.model.logits(as_written(row.text))[places] for row in rows], np.float32)


def evaluate_public(judge: BundledJudge, data: Path) -> Table:
    table = Table("Public sets, held-out parts", ("set", "texts", "measure", "value", "published", "per class (F1)"))
    for name, read, prefix, labels in (
        ("BEEP!", public_sets.beep, "beep", BEEP_LABELS),
        ("KODOLI", public_sets.kodoli, "kodoli", KODOLI_LABELS),
    ):
        rows = [row for row in read(data) if row.held_out]
        guess = public_scores(judge, rows, [f"{prefix}:{label}" for label in labels]).argmax(axis=1)
        truth = np.array([labels.index(row.labels[0]) for row in rows])
        each = {label: f1(truth == n, guess == n) for n, label in enumerate(labels)}
        macro = sum(each.values()) / len(each)
        _public_row(table, name, len(rows), "macro-F1", macro, each)
    rows = [row for row in public_sets.kmhas(data) if row.held_out]
    scores = public_scores(judge, rows, [f"kmhas:{label}" for label in KMHAS_LABELS])
    found = scores > 0
    found[np.arange(len(rows)), scores.argmax(axis=1)] |= ~found.any(axis=1)
    there = np.array([[label in row.labels for label in KMHAS_LABELS] for row in rows])
    each = {label: f1(there[:, n], found[:, n]) for n, label in enumerate(KMHAS_LABELS)}
    _public_row(table, "K-MHaS", len(rows), "micro-F1", f1(there.ravel(), found.ravel()), each)
    _public_row(table, "K-MHaS", len(rows), "macro-F1", sum(each.values()) / len(each), each)
    table.notes += [
        "The labels of these sets are not our categories: they judge comments about third persons, we what is said to her. "
        "So each set has heads of its own on the same features, and those are measured here.",
        "K-MHaS: only its 21,939 test comments are to be had; nine tenths of them were learned from, a tenth is measured, "
        "so the published figures are of another part and of four times the training text. KODOLI: a tenth of our own.",
    ]
    return table


def _public_row(table: Table, name: str, count: int, measure: str, value: float, each: dict[str, float]) -> None:
    classes = " ".join(f"{label} {score:.2f}" for label, score in each.items())
    table.rows.append((name, str(count), measure, f"{value:.3f}", PUBLISHED[name], classes))
    table.figures[f"{name} {measure}"] = value


def evaluate_written(judge: Judge, examples: Sequence[Example]) -> Table:
    table = Table("Written examples, held out", ("category", "examples", "precision", "recall", "F1", "taken for"))
    judged = [(example, judge.judge(example.text, example.recent)) for example in examples]
    scores = []
    for category in CATEGORY_IDS:
        truth = np.array([example.category == category for example, _ in judged])
        guess = np.array([judgement.category == category for _, judgement in judged])
        hits = float((truth & guess).sum())
        others = Counter(str(j.category) for e, j in judged if e.category == category != j.category)
        recall = hits / max(1, truth.sum())
        if category == "self_harm":
            table.figures["self-harm recall"] = recall
        if truth.any():
            scores.append(f1(truth, guess))
        table.rows.append(
            (category, str(truth.sum()), f"{hits / max(1, guess.sum()):.2f}", f"{recall:.2f}", f"{f1(truth, guess):.2f}",
             ", ".join(f"{name} {count}" for name, count in others.most_common(3)))
        )  # fmt: skip
    harmless = [judgement for example, judgement in judged if example.category is None]
    wrong = Counter(judgement.category for judgement in harmless if judgement.category)
    table.rows.append(
        ("(harmless)", str(len(harmless)), "", f"{1 - wrong.total() / max(1, len(harmless)):.3f}", "",
         ", ".join(f"{name} {count}" for name, count in wrong.most_common(3)))
    )  # fmt: skip
    table.figures["written macro-F1"] = sum(scores) / max(1, len(scores))
    table.notes.append(f"macro-F1 over the categories {table.figures['written macro-F1']:.3f}")
    return table


def evaluate_obfuscation(judge: Judge, sentences: Sequence[tuple[str, str | None]], seed: int = 0) -> Table:
    """Recall of abusive sentences and false warnings on harmless ones, spelled as written and by every method."""
    table = Table("Spelled around", ("method", "abusive", "recall", "lost", "harmless", "false warnings"))
    tried: dict[str, list[tuple[bool, bool, bool]]] = defaultdict(list)
    total = 0
    for text, category in sentences:
        plain = judge.judge(text).category is not None
        tried["as written"].append((category is not None, plain, plain))
        for method, changed in variants(text, seed).items():
            total += 1
            tried[method].append((category is not None, plain, judge.judge(changed).category is not None))
    before = after = count = 0
    for method, results in tried.items():
        bad = [(plain, found) for abusive, plain, found in results if abusive]
        good = [found for abusive, _, found in results if not abusive]
        base, recall = (sum(column) / max(1, len(bad)) for column in zip(*bad, strict=True)) if bad else (0.0, 0.0)
        if method != "as written":
            before, after, count = before + sum(p for p, _ in bad), after + sum(f for _, f in bad), count + len(bad)
        table.rows.append(
            (method, str(len(bad)), f"{recall:.3f}", f"{base - recall:+.3f}", str(len(good)), f"{sum(good)}")
        )
    table.figures["recall lost"] = (before - after) / max(1, count)
    table.figures["variants"] = total
    table.notes.append(
        f"{total} variants by {len(tried) - 1} methods; recall {before / max(1, count):.3f} of the same sentences as written, "
        f"{after / max(1, count):.3f} spelled around"
    )
    return table


def evaluate_talk(judge: Judge, talk: dict[str, list[str]]) -> tuple[Table, list[tuple[str, str, Judgement]]]:
    """False warnings on lines in which there is nothing to object to, and which they are.

    Being asked whether one is all right (self-harm) is no warning, and is counted apart.
    """
    columns = ("set", "lines", "false warnings", "share", "needless care", "share", "taken for")
    table = Table("Everyday talk, held out", columns)
    wrong: list[tuple[str, str, Judgement]] = []
    warned = cared = total = 0
    for name, lines in talk.items():
        found = [(name, line, judgement) for line in lines if (judgement := judge.judge(line)).category]
        wrong += found
        care = sum(judgement.category == "self_harm" for *_, judgement in found)
        kinds = Counter(judgement.category for *_, judgement in found if judgement.category != "self_harm")
        warned, cared, total = warned + kinds.total(), cared + care, total + len(lines)
        table.rows.append(_talk_row(name, len(lines), kinds.total(), care, kinds))
    table.rows.append(_talk_row("all", total, warned, cared, Counter()))
    table.figures["false warnings"] = warned / max(1, total)
    table.figures["needless care"] = cared / max(1, total)
    table.figures["talk lines"] = total
    table.notes.append(
        "The chat sets hold some lines that a careful person would object to as well, and some cries for help; all count as "
        "false here."
    )
    return table, wrong


def _talk_row(name: str, lines: int, warned: int, cared: int, kinds: Counter[str | None]) -> tuple[str, ...]:
    shares = f"{warned / max(1, lines):.4f}", f"{cared / max(1, lines):.4f}"
    taken = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    return name, str(lines), str(warned), shares[0], str(cared), shares[1], taken


def evaluate_months(judge: Judge, lines: Sequence[str], users: int = 20, seed: int = 0) -> Table:
    """Users who talk for months of everyday things: what the ladder does to them."""
    rng = random.Random(seed)
    verdicts = {line: judge.judge(line) for line in lines}
    table = Table(
        "Months of ordinary chat", ("users", "days", "messages", "warnings", "asked whether all right", "bans")
    )
    counts: Counter[str] = Counter()
    ladder = LadderTable()
    for user in range(users):
        history: list[Strike] = []
        clean = 0
        for number in range(SIMULATED_DAYS * MESSAGES_A_DAY):
            judgement = verdicts[rng.choice(lines)]
            now = number * DAY / MESSAGES_A_DAY
            step = decide(ladder, history, judgement, message=f"{user} {number}", now=now, clean=clean)
            counts[step.kind] += 1
            clean += step.kind == "none"
            if step.kind in {"warn", "ban"} and judgement.category:
                history.append(
                    Strike(f"{user} {number}", judgement.category, judgement.severity, now, clean, step.until)
                )
    messages = users * SIMULATED_DAYS * MESSAGES_A_DAY
    table.rows.append(tuple(map(str, (users, SIMULATED_DAYS, messages, counts["warn"], counts["care"], counts["ban"]))))
    table.figures["false bans"] = counts["ban"]
    return table


def evaluate_time(judge: Judge, lines: Sequence[str], recent: Sequence[Line]) -> Table:
    """Milliseconds per message, with the last lines of the chat given; each line is new to the judge.

    The goal is for time of one core, which other programs on the machine do not change; time by the clock stands beside.
    """
    table = Table("Time per message, ms", ("", "messages", "median", "p95", "p99", "longest"))
    taken: dict[str, list[float]] = {"of one core": [], "by the clock": []}
    for line in lines:
        began = time.thread_time(), time.perf_counter()
        judge.judge(line, recent)
        for kind, start, now in zip(taken, began, (time.thread_time(), time.perf_counter()), strict=True):
            taken[kind].append((now - start) * 1000)
    for kind, times in taken.items():
        shown = (*np.percentile(times, [50, 95, 99]), max(times))
        table.rows.append((kind, str(len(lines)), *(f"{value:.2f}" for value in shown)))
    table.figures["p95 ms"] = float(np.percentile(taken["of one core"], 95))
    return table


# --- the command


def held_out_talk(data: Path, limit: int, written: Sequence[Example]) -> dict[str, list[str]]:
    """Up to ``limit`` held-out lines of each chat set, and the harmless held-out examples."""
    talk: dict[str, list[str]] = {name: [] for name in CHAT_SETS}
    for name, text, held_out in public_sets.talk(data):
        if held_out and name in talk:
            talk[name].append(text)
    for lines in talk.values():
        random.Random(0).shuffle(lines)
        del lines[limit:]
    talk["own hard negatives"] = [e.text for e in written if e.category is None and not e.recent]
    return talk


def run(
    data: Path, model: str, written_folder: Path, limit: int, varied: int, json_path: Path | None, show: bool
) -> int:
    """Measures and prints everything; 0 where all goals are met, else 1."""
    from rich.console import Console

    judge = load_judge(model)
    written = [example for example in public_sets.written(written_folder) if example.held_out]
    sentences = public_sets.sources(written_folder)
    known = {text for text, _ in sentences}
    sentences += [(e.text, e.category) for e in written if not e.recent and e.text not in known]
    if not sentences:
        raise ConductError(
            f"folder {written_folder} has no held-out examples; it is training/data/conduct in the sources"
        )
    random.Random(0).shuffle(sentences)
    talk = held_out_talk(data, limit, written)
    lines = list(itertools.chain.from_iterable(talk.values()))
    recent = [Line("user", "오늘 뭐 했어?"), Line("assistant", "그림 그리다가 잠깐 쉬는 중이야. 너는?")]

    console = Console()
    tables: list[Table] = []
    if isinstance(judge, BundledJudge):
        tables.append(_printed(console, evaluate_public(judge, data)))
    tables.append(_printed(console, evaluate_written(judge, written)))
    tables.append(_printed(console, evaluate_obfuscation(judge, sentences[:varied])))
    everyday, wrong = evaluate_talk(judge, talk)
    tables.append(_printed(console, everyday))
    tables.append(_printed(console, evaluate_months(judge, [line for name in CHAT_SETS for line in talk[name]])))
    tables.append(_printed(console, evaluate_time(judge, lines[:2000], recent)))
    if show:
        for name, text, judgement in wrong:
            console.print(
                f"  {name}: {text!r} → {judgement.category} {judgement.score:.2f} ({judgement.rule})", style="dim"
            )
    figures = {name: value for table in tables for name, value in table.figures.items()}
    reached = _print_goals(console, figures)
    if json_path:
        json_path.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0 if reached else 1


def _printed(console: Console, table: Table) -> Table:
    from rich.table import Table as RichTable

    shown = RichTable(title=table.title, title_justify="left")
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="left" if number in {0, len(table.columns) - 1} else "right")
    for row in table.rows:
        shown.add_row(*row)
    console.print(shown)
    for note in table.notes:
        console.print(f"  {note}", style="dim")
    console.print()
    return table


def _print_goals(console: Console, figures: dict[str, float]) -> bool:
    from rich.table import Table as RichTable

    shown = RichTable(title="Goals", title_justify="left")
    for column in ("figure", "goal", "measured", ""):
        shown.add_column(column, justify="right" if column == "measured" else "left")
    reached = True
    for name, (sign, goal) in GOALS.items():
        if name in figures:
            good = met(name, figures[name])
            reached &= good
            shown.add_row(name, f"{sign} {goal:g}", f"{figures[name]:.4g}", "[green]met" if good else "[red]short")
    console.print(shown)
    return reached
