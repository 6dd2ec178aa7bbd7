"""``python -m training.data check``: every written line is of its format, in her voice, unique, and in one split only.

    python -m training.data check [FOLDER]        # errors make the exit status 1
    python -m training.data card [FOLDER]         # the data card: counts, lengths, emotions, as Markdown

A *fault* must be mended (a malformed line, a doubled title, a reply in both splits); a *remark* is for a person to look at
(a polite ending in plain talk).
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from character.emotion import EMOTIONS
from training.dialogues import NOW, Dialogue, load_dialogues
from training.errors import TrainingError
from training.preferences import Moment, load_moments
from training.speech import FOREIGN, is_polite
from training.tasks import Task, load_tasks

FOLDER = Path(__file__).parent
EMOJI = re.compile(r"[\U0001f300-\U0001faff\u2600-\u27bf]")
LEAK_LENGTH = 12
"""Characters from which the same reply in both splits is a leak; shorter ones (응, 좋아) are everybody's."""


@dataclass
class Findings:
    """What the check found."""

    faults: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def speech(dialogue: Dialogue) -> list[str]:
    """Replies whose speech level is not the one asked for.

    She speaks plainly until the user asks for 존댓말 (before, or in one of his lines) and then politely until he takes
    it back. A quotation or a single 네 is no slip: only the end of the reply counts.
    """
    polite, slips = dialogue.polite, []
    for exchange in dialogue.exchanges:
        said = exchange.user.replace(" ", "")
        mentions = any(word in said for word in ("존댓말", "존대", "높임말", "반말", "말놓", "말편하게", "말높"))
        if mentions:  # who speaks how from here on is for a person to judge
            return slips
        if is_polite(exchange.reply.text) != polite and (polite is False or len(exchange.reply.text) > 15):
            slips.append(f"{dialogue.title}: {exchange.reply.text}")
    return slips


def doubled(titles: Iterable[str]) -> list[str]:
    return [title for title, count in Counter(titles).items() if count > 1]


def check_dialogues(dialogues: Sequence[Dialogue], findings: Findings) -> None:
    findings.faults += [f"title used twice: {title}" for title in doubled(d.title for d in dialogues)]
    sides: dict[str, set[bool]] = defaultdict(set)
    talks: Counter[tuple[str, ...]] = Counter()
    for dialogue in dialogues:
        if dialogue.now and not NOW.fullmatch(dialogue.now):
            findings.faults.append(f"{dialogue.title}: 지금: {dialogue.now} does not read like 금요일 밤 10시")
        talks[tuple(exchange.reply.text for exchange in dialogue.exchanges)] += 1
        findings.remarks += [f"speech level: {slip}" for slip in speech(dialogue)]
        for exchange in dialogue.exchanges:
            text = exchange.reply.text
            if len(text) >= LEAK_LENGTH:
                sides[" ".join(text.split())].add(dialogue.held_out)
            if found := FOREIGN.search(text) or EMOJI.search(text):
                findings.faults.append(f"{dialogue.title}: {found[0]!r} in {text}")
            if len(text) > 160:
                findings.remarks.append(f"long reply ({len(text)} characters): {dialogue.title}")
    findings.faults += [f"reply both trained and held out: {text}" for text, split in sides.items() if len(split) == 2]
    findings.faults += [f"the same dialogue {count} times: {talk[0]}" for talk, count in talks.items() if count > 1]


def check_tasks(tasks: Sequence[Task], findings: Findings) -> None:
    for kind in ("memory", "summary", "picture"):
        of_kind = [task for task in tasks if task.task == kind]
        findings.faults += [f"{kind}: title used twice: {title}" for title in doubled(task.title for task in of_kind)]
        sides: dict[str, set[bool]] = defaultdict(set)
        for task in of_kind:
            said = task.row["message"] if "message" in task.row else str(task.row["turns"])
            if len(said) >= LEAK_LENGTH:
                sides[said].add(task.held_out)
        findings.faults += [f"{kind}: both trained and held out: {text}" for text, s in sides.items() if len(s) == 2]


def check_moments(moments: Sequence[Moment], findings: Findings) -> None:
    findings.faults += [f"preferences: title used twice: {title}" for title in doubled(m.title for m in moments)]
    for moment in moments:
        bad = [reply for _, reply in moment.bad]
        findings.faults += [f"preferences: {moment.title}: good and bad: {reply}" for reply in moment.good if reply in bad]


def histogram(values: Sequence[int], bounds: Sequence[int]) -> list[tuple[str, int]]:
    """Counts of values up to each bound, and beyond the last."""
    counts = Counter(next((bound for bound in bounds if value <= bound), None) for value in values)
    return [(f"≤ {bound}", counts[bound]) for bound in bounds] + [(f"> {bounds[-1]}", counts[None])]


def bars(rows: Sequence[tuple[str, int]]) -> list[str]:
    total = sum(count for _, count in rows) or 1
    return [f"| {name} | {count} | {'█' * round(30 * count / total)} |" for name, count in rows]


def card(folder: Path) -> str:
    """The data card as Markdown."""
    dialogues = load_dialogues(folder / "persona")
    exchanges = [exchange for dialogue in dialogues for exchange in dialogue.exchanges]
    tasks, lines = load_tasks(folder / "tasks"), []
    lines += [
        "# Data card",
        "",
        "Written for this project, CC BY-SA 4.0; made by `python -m training.data card`. Formats: `FORMAT.md`. Her persona:",
        "`PERSONA.md`. A tenth of each kind, chosen by the hash of its title, is held out from all training.",
        "",
        "| what | written | of these held out |",
        "|---|---|---|",
        f"| dialogues | {len(dialogues)} | {sum(d.held_out for d in dialogues)} |",
        f"| replies | {len(exchanges)} | {sum(len(d.exchanges) for d in dialogues if d.held_out)} |",
    ]
    for kind, empty in (("memory", "memories"), ("summary", "previous"), ("picture", "request")):
        of_kind = [task for task in tasks if task.task == kind]
        nothing = sum(not task.row.get(empty) for task in of_kind)
        note = {"memory": "nothing to remember", "summary": "without earlier summary", "picture": "no picture asked for"}
        held = sum(task.held_out for task in of_kind)
        lines.append(f"| {kind} examples ({nothing} of them with {note[kind]}) | {len(of_kind)} | {held} |")
    if any((folder / "preferences").glob("*.jsonl")):
        moments = load_moments(folder / "preferences")
        good, bad = sum(len(m.good) for m in moments), sum(len(m.bad) for m in moments)
        lines.append(f"| labelled replies ({good} good, {bad} bad), of {len(moments)} moments | {good + bad} | – |")
        reasons = Counter(reason for moment in moments for reason, _ in moment.bad)
        lines += ["", "## Why replies are labelled bad", "", "| reason | replies | |", "|---|---|---|"]
        lines += bars(reasons.most_common())
    lengths = [len(exchange.reply.text) for exchange in exchanges]
    lines += ["", f"## Characters of a reply (median {statistics.median(lengths):.0f})", "", "| characters | replies | |"]
    lines += ["|---|---|---|", *bars(histogram(lengths, (10, 20, 30, 40, 50, 60, 80, 100)))]
    turns = [len(dialogue.exchanges) for dialogue in dialogues]
    lines += ["", "## Exchanges of a dialogue", "", "| exchanges | dialogues | |", "|---|---|---|"]
    lines += bars(histogram(turns, (2, 3, 4, 5, 6, 8, 12)))
    emotions = Counter(exchange.reply.emotion for exchange in exchanges)
    lines += ["", "## Emotions", "", "| emotion | replies | |", "|---|---|---|"]
    lines += bars([(emotion, emotions[emotion]) for emotion in EMOTIONS])
    return "\n".join(lines) + "\n"


def check(folder: Path) -> Findings:
    """Checks a folder laid out like ours: ``persona/``, ``tasks/``, ``preferences/``; the last two may be missing.

    Raises:
        TrainingError: a line is malformed.
    """
    findings = Findings()
    check_dialogues(load_dialogues(folder / "persona"), findings)
    check_tasks(load_tasks(folder / "tasks"), findings)
    if any((folder / "preferences").glob("*.jsonl")):
        check_moments(load_moments(folder / "preferences"), findings)
    return findings


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.data", description=__doc__.split("\n")[0])
    parser.add_argument("command", choices=("check", "card"))
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help="default: our own data")
    parser.add_argument("--remarks", action="store_true", help="show remarks as well")
    options = parser.parse_args(argv)
    try:
        if options.command == "card":
            print(card(options.folder), end="")
            return 0
        findings = check(options.folder)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for fault in findings.faults:
        print(f"fault: {fault}", file=sys.stderr)
    if options.remarks:
        for remark in findings.remarks:
            print(f"remark: {remark}")
    print(f"{len(findings.faults)} faults, {len(findings.remarks)} remarks")
    return 1 if findings.faults else 0


if __name__ == "__main__":
    sys.exit(main())
