"""Measures how a language model talks as 오로라, on dialogues it never saw.

    python -m training.evaluate --out runs/report.json --samples docs/samples.md
    python -m training.evaluate --adapter base=none --adapter sft=runs/sft --adapter kto=runs/kto     # side by side

For every held-out dialogue the model answers the user's lines in turn, as the server would ask it, with its own replies
as history; the first line is answered several times. No reply is chosen or edited. The tasks beside talk (what to remember,
summary, wish for a picture) are asked on their held-out examples, and questions about who she is are judged by rules.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import math
import random
import re
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from character.card import builtin_card
from character.emotion import TagParser
from character.language_model import ChatMessage, GenerationRequest, LanguageModel, Sampling
from character.prompt import TurnContext, build_prompt
from training.dialogues import WRITTEN, Dialogue, load_dialogues
from training.errors import TrainingError
from training.kto import reply_loss
from training.measures import PROBES, Probe, load_probes, memory_scores, picture_scores, probe_scores, summary_scores
from training.preferences import reply_of
from training.sft import moment
from training.speech import FOREIGN, is_polite
from training.tasks import WRITTEN as WRITTEN_TASKS
from training.tasks import Task, load_tasks

if TYPE_CHECKING:
    from datetime import datetime

NO_ADAPTER = "none"
TAG = re.compile(r"<감정:(평온|기쁨|슬픔|분노|놀람|두려움|부끄러움|혐오):(0\.[1-9]|1\.0)> \S")
STRAY_DIGIT = re.compile(r"\d+(?:\s|$)")
LOOP = re.compile(r"(.{2,20}?)\1{3,}")


def words_of(reply: str) -> str:
    """The reply as the user sees it, without tags."""
    parser = TagParser()
    shown, _ = parser.feed(reply)
    rest, _ = parser.close()
    return (shown + rest).strip()


def is_loop(text: str) -> bool:
    """The same two or more characters four times in a row, or a long reply that mostly repeats its own word pairs."""
    words = text.split()
    pairs = list(itertools.pairwise(words))
    return bool(LOOP.search(text)) or (len(pairs) >= 12 and len(set(pairs)) < len(pairs) / 2)


def measure(firsts: Sequence[Sequence[str]], turns: Sequence[tuple[Dialogue, str]], known: set[str]) -> dict[str, Any]:
    """The table.

    Args:
        firsts: for each dialogue, several raw replies to its first line.
        turns: every raw reply of the talks, with its dialogue.
        known: the words of all replies that were trained on.
    """
    raw = [reply for replies in firsts for reply in replies] + [reply for _, reply in turns]
    shown = [words_of(reply) for reply in raw]
    pairs = [pair for text in shown for pair in itertools.pairwise(text.split())]
    casual = [words_of(reply) for dialogue, reply in turns if not dialogue.polite]

    def share(flags: Sequence[bool]) -> float:
        return round(sum(flags) / max(len(flags), 1), 4)

    return {
        "replies": len(raw),
        "prompts with an exact duplicate among the samples": share(
            [len(set(map(words_of, r))) < len(r) for r in firsts]
        ),
        "verbatim training replies": share([text in known for text in shown]),
        "malformed or missing tag": share([not TAG.match(reply) for reply in raw]),
        "empty": share([not text for text in shown]),
        "foreign script or broken characters": share([bool(FOREIGN.search(text)) for text in shown]),
        "stray leading digit": share([bool(STRAY_DIGIT.match(text)) for text in shown]),
        "loops": share([is_loop(text) for text in shown]),
        "polite ending where plain speech is expected": share([is_polite(text) for text in casual]),
        "distinct word pairs": round(len(set(pairs)) / max(len(pairs), 1), 4),
        "characters per reply, median": statistics.median(map(len, shown)),
    }


async def answer(model: LanguageModel, history: list[ChatMessage], context: TurnContext, sampling: Sampling) -> str:
    prompt = build_prompt(
        builtin_card(),
        history,
        model_budget=model.context_length - sampling.max_new_tokens,
        count_tokens=model.count_tokens,
        context=context,
    )
    return "".join([piece async for piece in model.stream(GenerationRequest(prompt.messages, sampling))])


async def talk(model: LanguageModel, dialogue: Dialogue, now: datetime, sampling: Sampling) -> list[str]:
    """The model's replies to the user's lines, one after another."""
    history: list[ChatMessage] = []
    replies = []
    for exchange in dialogue.exchanges:
        history.append(ChatMessage("user", exchange.user))
        context = TurnContext(now=now, user_name=dialogue.user_name, memories=exchange.memories, examples=False)
        replies.append(await answer(model, history, context, sampling))
        history.append(ChatMessage("assistant", replies[-1]))
    return replies


def write_samples(path: Path, name: str, talks: Sequence[tuple[Dialogue, list[str]]]) -> None:
    lines = [
        f"# Samples of {name}",
        "",
        "Held-out dialogues, unedited: the user's lines were written, her replies are generated.",
    ]
    for dialogue, replies in talks:
        lines += ["", f"## {dialogue.title}", "", f"{dialogue.now}", ""]
        for exchange, reply in zip(dialogue.exchanges, replies, strict=True):
            tag = reply.split(">")[0].removeprefix("<감정:") if reply.startswith("<감정:") else "–"
            lines += [f"- **나** {exchange.user}", f"- **오로라** ({tag}) {words_of(reply)}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


TASK_SAMPLING = Sampling(temperature=0.0, top_p=1.0, top_k=0, repetition_penalty=1.0, max_new_tokens=200, seed=0)
"""Tasks are answered without chance."""


@dataclass(frozen=True)
class Sets:
    """What is held out, and what must not be said again word for word."""

    dialogues: list[Dialogue]
    moments: list[datetime]
    known: set[str]
    tasks: list[Task]
    probes: list[Probe]

    @classmethod
    def load(cls, dialogues: Path, tasks: Path, probes: Path, limit: int) -> Sets:
        written = load_dialogues(dialogues)
        held = [dialogue for dialogue in written if dialogue.held_out]
        rng = random.Random(0)
        if limit and limit < len(held):
            held = rng.sample(held, limit)
        return cls(
            held,
            [moment(dialogue.now, rng) for dialogue in held],
            {e.reply.text for d in written if not d.held_out for e in d.exchanges},
            [task for task in load_tasks(tasks) if task.held_out],
            load_probes(probes) if probes.exists() else [],
        )


class Examination:
    """Asks one model everything.

    Args:
        model: what is measured; its adapter is in use already.
        at_once: questions in work at a time.
    """

    def __init__(self, model: LanguageModel, sets: Sets, temperature: float, each: int, at_once: int = 16) -> None:
        self._model, self._sets, self._each = model, sets, each
        self._temperature = temperature
        self._places = asyncio.Semaphore(at_once)

    def _sampling(self, seed: int) -> Sampling:
        return Sampling(
            temperature=self._temperature, top_p=0.9, top_k=40, repetition_penalty=1.0, max_new_tokens=100, seed=seed
        )

    async def _first(self, index: int, sample: int) -> str:
        dialogue = self._sets.dialogues[index]
        context = TurnContext(now=self._sets.moments[index], user_name=dialogue.user_name, examples=False)
        async with self._places:
            question = [ChatMessage("user", dialogue.exchanges[0].user)]
            return await answer(self._model, question, context, self._sampling(sample))

    async def _whole(self, index: int) -> list[str]:
        async with self._places:
            return await talk(
                self._model, self._sets.dialogues[index], self._sets.moments[index], self._sampling(100 + index)
            )

    async def _task(self, task: Task) -> str:
        messages = tuple(ChatMessage(m["role"], m["content"]) for m in task.prompt)
        async with self._places:
            stream = self._model.stream(GenerationRequest(messages, TASK_SAMPLING))
            return "".join([piece async for piece in stream])

    async def _probe(self, probe: Probe, sample: int) -> str:
        history = []
        for user, reply in probe.before:
            history += [ChatMessage("user", user), ChatMessage("assistant", reply_of(reply, probe.id))]
        history.append(ChatMessage("user", probe.user))
        context = TurnContext(
            now=moment(probe.now, random.Random(probe.id)), user_name=probe.user_name, memories=probe.memories,
            examples=False,
        )  # fmt: skip
        async with self._places:
            return words_of(await answer(self._model, history, context, self._sampling(sample)))

    async def replies(self) -> tuple[dict[str, Any], list[list[str]]]:
        """The figures of her replies, and the talks they come from."""
        every = range(len(self._sets.dialogues))
        talks = await asyncio.gather(*(self._whole(index) for index in every))
        firsts = [await asyncio.gather(*(self._first(index, n) for n in range(self._each))) for index in every]
        turns = [(d, reply) for d, replies in zip(self._sets.dialogues, talks, strict=True) for reply in replies]
        report = measure(firsts, turns, self._sets.known)
        report["commonest replies"] = Counter(words_of(reply) for _, reply in turns).most_common(3)
        return report, talks

    async def tasks(self) -> dict[str, Any]:
        """The figures of memory, picture and summary; kinds without held-out examples are left out."""
        from imagegen.request import parse_request
        from rag.extraction import parse_extraction
        from rag.summary import parse_summary

        report: dict[str, Any] = {}
        for kind in ("memory", "picture", "summary"):
            tasks = [task for task in self._sets.tasks if task.task == kind]
            if not tasks:
                continue
            answers = await asyncio.gather(*(self._task(task) for task in tasks))
            match kind:
                case "memory":
                    report[kind] = memory_scores(tasks, [parse_extraction(text) for text in answers])
                case "picture":
                    report[kind] = picture_scores(tasks, [parse_request(text) for text in answers])
                case "summary":
                    report[kind] = summary_scores(tasks, [parse_summary(text) for text in answers], nouns)
        return report

    async def probes(self) -> dict[str, Any]:
        if not self._sets.probes:
            return {}
        answers = [
            await asyncio.gather(*(self._probe(probe, n) for n in range(self._each))) for probe in self._sets.probes
        ]
        return probe_scores(self._sets.probes, answers)


def nouns(text: str) -> list[str]:
    """Nouns, names and numbers of a text."""
    from character.lorebook import load_morphology

    return [token.form for token in load_morphology().tokenize(text) if token.tag in ("NNG", "NNP", "SN", "SL")]


def perplexity(base: str, adapter: str | None, sets: Sets) -> dict[str, float]:
    """Held-out perplexity of replies and of each task's answers under a local model, given what comes before them."""
    from training.lora import choose_device, load_adapter, load_base
    from training.preferences import Labelled
    from training.sft import render

    device = choose_device("")
    model, tokenizer = load_base(base, device)
    if adapter:
        model = load_adapter(model, Path(adapter), base)
    rng, card = random.Random(0), builtin_card()
    chats = {"replies": [render([dialogue], card, rng, with_greeting=False) for dialogue in sets.dialogues]}
    for task in sets.tasks:
        chats.setdefault(task.task, []).append(task.messages)
    found = {}
    for kind, talks in chats.items():
        ends = [
            (chat[:i], chat[i]["content"]) for chat in talks for i, m in enumerate(chat) if m["role"] == "assistant"
        ]
        chosen = ends if len(ends) <= 300 else rng.sample(ends, 300)
        replies = [
            Labelled("", tuple((m["role"], m["content"]) for m in before), text, True) for before, text in chosen
        ]
        losses = reply_loss(model, tokenizer, replies, 1024)
        found[kind] = round(math.exp(statistics.mean(losses)), 2)
    return found


async def examine(options: argparse.Namespace, name: str, adapter: str | None, sets: Sets) -> dict[str, Any]:
    """All figures of one model."""
    from character.loading import BUNDLED, BUNDLED_ADAPTER, BUNDLED_BASE, load_language_model

    model = load_language_model(options.llm, adapter=None if adapter == NO_ADAPTER else adapter)
    if adapter == NO_ADAPTER and hasattr(model, "use_adapter"):
        model.use_adapter(None)
    examination = Examination(model, sets, options.temperature, options.each)
    try:
        report: dict[str, Any] = {"model": name, "temperature": options.temperature, "dialogues": len(sets.dialogues)}
        replies, talks = await examination.replies()
        report |= replies
        report["persona probes"] = await examination.probes()
        report |= await examination.tasks()
    finally:
        await model.close()
    if not options.llm.startswith("http"):
        base = str(BUNDLED_BASE) if options.llm == BUNDLED else options.llm
        folder = (
            None if adapter == NO_ADAPTER else adapter or (str(BUNDLED_ADAPTER) if options.llm == BUNDLED else None)
        )
        report["held-out perplexity"] = perplexity(base, folder, sets)
    if options.samples:
        chosen = sorted(zip(sets.dialogues, talks, strict=True), key=lambda pair: pair[0].title)
        write_samples(options.samples, model.name, random.Random(1).sample(chosen, min(40, len(chosen))))
    return report


def flat(report: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested figures as one level: ``memory: f1``."""
    found: dict[str, Any] = {}
    for key, value in report.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}: ")
        else:
            found[prefix + key] = value
    return found


def show(reports: Sequence[dict[str, Any]]) -> None:
    """Prints the models side by side."""
    from rich.console import Console
    from rich.table import Table

    columns = [flat(report) for report in reports]
    table = Table("held out", *(str(report["model"]) for report in reports))
    for key in dict.fromkeys(key for column in columns for key in column):
        if key not in ("model", "commonest replies"):
            table.add_row(key, *(str(column.get(key, "")) for column in columns))
    Console(width=max(100, 60 + 14 * len(columns))).print(table)


async def evaluate(options: argparse.Namespace) -> list[dict[str, Any]]:
    """One report for each adapter, the last of them with samples."""
    from character.loading import FIRST_ADAPTER

    sets = Sets.load(options.dialogues, options.tasks, options.probes, options.limit)
    named = [entry.partition("=") for entry in options.adapter] or [("model", "", "")]
    samples, reports = options.samples, []
    for index, (name, _, folder) in enumerate(named):
        options.samples = samples if index == len(named) - 1 else None
        chosen = folder or name
        adapter = None if chosen in (FIRST_ADAPTER, "model") else chosen
        reports.append(await examine(options, name, adapter, sets))
        print(f"{name}: done", file=sys.stderr)
    return reports


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__.split("\n")[0])
    parser.add_argument("--llm", default="bundled", help="as for the server: bundled, a folder, a hub id or a URL")
    parser.add_argument(
        "--adapter",
        action="append",
        default=[],
        metavar="[NAME=]FOLDER",
        help=f"LoRA adapter; several are shown side by side; '{NO_ADAPTER}' is the bare base, 'default' the model's own",
    )
    parser.add_argument(
        "--dialogues", type=Path, default=WRITTEN, help="written dialogues; their held-out tenth is used"
    )
    parser.add_argument("--tasks", type=Path, default=WRITTEN_TASKS, help="folder of task examples; likewise")
    parser.add_argument("--probes", type=Path, default=PROBES, help="questions about who she is")
    parser.add_argument("--each", type=int, default=4, help="replies to each first line and probe")
    parser.add_argument("--limit", type=int, default=0, help="dialogues to use (default: all)")
    parser.add_argument("--temperature", type=float, default=0.3, help="default: as the server with the bundled model")
    parser.add_argument("--out", type=Path, default=None, help="JSON file for the table")
    parser.add_argument(
        "--samples", type=Path, default=None, help="Markdown file for 40 dialogues of the last model, unedited"
    )
    options = parser.parse_args(argv)

    from character.errors import CharacterError

    try:
        reports = asyncio.run(evaluate(options))
    except (TrainingError, CharacterError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.out:
        text = json.dumps(reports if len(reports) > 1 else reports[0], ensure_ascii=False, indent=2)
        options.out.write_text(text + "\n", encoding="utf-8")
    show(reports)
    return 0


if __name__ == "__main__":
    sys.exit(main())
