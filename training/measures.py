"""Scores of the tasks beside talk, and of questions about who she is. Pure: answers in, figures out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagegen.request import FIELDS, PictureRequest, request_of
from training.errors import TrainingError
from training.tasks import Task, read_jsonl

PROBES = Path(__file__).parent / "data" / "probes" / "persona.jsonl"


def f1(hits: int, proposed: int, wanted: int) -> dict[str, float | int]:
    """Precision, recall and F1; a share of nothing is 1 where nothing was wanted either."""
    precision = hits / proposed if proposed else float(not wanted)
    recall = hits / wanted if wanted else float(not proposed)
    both = precision + recall
    return {
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(2 * precision * recall / both, 4) if both else 0.0,
        "proposed": proposed,
        "wanted": wanted,
    }


def overlaps(quote: str, other: str) -> bool:
    """Whether two quotes are about the same words: one stands in the other, or they share most of their letters."""
    one, two = quote.replace(" ", ""), other.replace(" ", "")
    if not one or not two:
        return False
    if one in two or two in one:
        return True
    letters = set(one) & set(two)
    return len(letters) >= 0.6 * max(len(set(one)), len(set(two)))


def memory_scores(tasks: Sequence[Task], proposed: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Extraction against what was written.

    A proposal is right if a memory that was written has the same slot and overlapping words, each counted once. Only
    proposals whose quote stands in the message count: no other is ever stored (`rag.gate`).

    Args:
        proposed: for each task the `rag.memory.Proposal`s of the answer.
    """
    hits = asked = wanted = refused = from_before = junk = silent = 0
    for task, proposals in zip(tasks, proposed, strict=True):
        message = task.row["message"]
        open_ = list(task.row["memories"])
        wanted += len(open_)
        silent += not open_
        for proposal in proposals:
            if proposal.quote not in message:
                refused += 1
                from_before += any(proposal.quote in user for user, _ in task.row.get("before", []))
                continue
            asked += 1
            junk += not task.row["memories"]
            found = next(
                (m for m in open_ if m["slot"] == proposal.slot and overlaps(m["quote"], proposal.quote)), None
            )
            if found is not None:
                hits += 1
                open_.remove(found)
    return f1(hits, asked, wanted) | {
        "messages": len(tasks),
        "of these with nothing to remember": silent,
        "proposals where nothing was to remember": junk,
        "refused: quote not in the message": refused,
        "of these from earlier messages": from_before,
    }


def picture_scores(tasks: Sequence[Task], answers: Sequence[PictureRequest | None]) -> dict[str, Any]:
    """Whether a picture was asked for (F1), which action, and which fields."""
    wanted = [request_of(task.row["request"]) for task in tasks]
    both = [(want, got) for want, got in zip(wanted, answers, strict=True) if want and got]
    fields = hits = given = 0
    for want, got in both:
        for name in FIELDS:
            one, two = getattr(want, name).replace(" ", ""), getattr(got, name).replace(" ", "")
            fields, given = fields + bool(one), given + bool(two)
            hits += bool(one) and bool(two) and (one in two or two in one)
    nothing = [got for want, got in zip(wanted, answers, strict=True) if want is None]
    return f1(len(both), sum(a is not None for a in answers), sum(w is not None for w in wanted)) | {
        "false pictures": round(sum(got is not None for got in nothing) / max(1, len(nothing)), 4),
        "same action": round(sum(w.action == g.action for w, g in both) / max(1, len(both)), 4),
        "fields": f1(hits, given, fields),
    }


def summary_scores(
    tasks: Sequence[Task], summaries: Sequence[str], nouns: Callable[[str], Sequence[str]]
) -> dict[str, Any]:
    """Faithfulness and coverage by nouns, names and numbers.

    ``faithful`` is the share of those in the summaries that stand in what was summarised; ``covered`` the share of
    those in the written summaries that the model's hold too.

    Args:
        nouns: nouns, names and numbers of a text.
    """
    said = true = wanted = held = empty = 0
    for task, summary in zip(tasks, summaries, strict=True):
        source = task.row.get("previous", "") + " ".join(side for turn in task.row["turns"] for side in turn)
        own = set(nouns(summary)) - {"상대", "오로라"}
        written = set(nouns(task.row["summary"])) - {"상대", "오로라"}
        said, true = said + len(own), true + sum(noun in source for noun in own)
        wanted, held = wanted + len(written), held + len(written & own)
        empty += not summary.strip()
    return {
        "faithful": round(true / max(1, said), 4),
        "covered": round(held / max(1, wanted), 4),
        "empty": empty,
        "summaries": len(tasks),
    }


@dataclass(frozen=True)
class Probe:
    """A question about who she is, and what an answer must and must not say.

    Attributes:
        must: regular expressions of which every one has to be found. must_not: of which none may be.
    """

    id: str
    about: str
    now: str
    user_name: str
    memories: tuple[str, ...]
    before: tuple[tuple[str, str], ...]
    user: str
    must: tuple[str, ...]
    must_not: tuple[str, ...]

    def passes(self, words: str) -> bool:
        return (
            bool(words)
            and all(re.search(pattern, words) for pattern in self.must)
            and not any(re.search(pattern, words) for pattern in self.must_not)
        )


def load_probes(path: Path = PROBES) -> list[Probe]:
    """The probes of a file.

    Raises:
        TrainingError: names the line and what is wrong with it.
    """
    probes = []
    for place, row in read_jsonl(path):
        try:
            probe = Probe(
                row["id"], row["about"], row.get("now", ""), row.get("user_name", ""), tuple(row.get("memories", [])),
                tuple((user, reply) for user, reply in row.get("before", [])), row["user"], tuple(row["must"]),
                tuple(row["must_not"]),
            )  # fmt: skip
            for pattern in (*probe.must, *probe.must_not):
                re.compile(pattern)
        except (KeyError, ValueError, TypeError, re.error) as error:
            raise TrainingError(f"{place}: {type(error).__name__}: {error}") from None
        probes.append(probe)
    return probes


def probe_scores(probes: Sequence[Probe], answers: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Share of answers that pass, in all and by what is asked about.

    Args:
        answers: for each probe the words of several replies.
    """
    by_subject: dict[str, list[bool]] = defaultdict(list)
    for probe, replies in zip(probes, answers, strict=True):
        by_subject[probe.about] += [probe.passes(words) for words in replies]
    everything = [passed for passes in by_subject.values() for passed in passes]
    return {
        "passed": round(sum(everything) / max(1, len(everything)), 4),
        "answers": len(everything),
        "by subject": {about: round(sum(p) / len(p), 4) for about, p in sorted(by_subject.items())},
    }
