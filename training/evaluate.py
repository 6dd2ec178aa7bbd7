"""Measures how a language model talks as 오로라, on dialogues it never saw.

    python -m training.evaluate --llm bundled --out runs/report.json --samples docs/samples.md

For every held-out dialogue the model answers the user's lines in turn, as the server would ask it, with its own replies
as history; the first line is answered several times. No reply is chosen or edited.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import re
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from character.card import builtin_card
from character.emotion import TagParser
from character.language_model import ChatMessage, GenerationRequest, LanguageModel, Sampling
from character.prompt import TurnContext, build_prompt
from training.dialogues import WRITTEN, Dialogue, load_dialogues
from training.errors import TrainingError
from training.sft import moment
from training.speech import is_polite

if TYPE_CHECKING:
    from datetime import datetime

TAG = re.compile(r"<감정:(평온|기쁨|슬픔|분노|놀람|두려움|부끄러움|혐오):(0\.[1-9]|1\.0)> \S")
FOREIGN = re.compile(r"[\u0400-\u04ff\u0600-\u06ff\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff\ufffd]")
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


async def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    from character.loading import load_language_model

    written = load_dialogues(options.dialogues)
    held = [dialogue for dialogue in written if dialogue.held_out][: options.limit or None]
    known = {exchange.reply.text for dialogue in written if not dialogue.held_out for exchange in dialogue.exchanges}
    model = load_language_model(options.llm, adapter=options.adapter or None)
    rng = random.Random(0)
    moments = [moment(dialogue.now, rng) for dialogue in held]
    places = asyncio.Semaphore(16)

    def sampling(seed: int) -> Sampling:
        return Sampling(
            temperature=options.temperature, top_p=0.9, top_k=40, repetition_penalty=1.0, max_new_tokens=100, seed=seed
        )

    async def first(index: int, sample: int) -> str:
        context = TurnContext(now=moments[index], user_name=held[index].user_name, examples=False)
        async with places:
            return await answer(model, [ChatMessage("user", held[index].exchanges[0].user)], context, sampling(sample))

    async def whole(index: int) -> list[str]:
        async with places:
            return await talk(model, held[index], moments[index], sampling(100 + index))

    try:
        talks = await asyncio.gather(*(whole(index) for index in range(len(held))))
        firsts = [
            await asyncio.gather(*(first(index, sample) for sample in range(options.each)))
            for index in range(len(held))
        ]
    finally:
        await model.close()
    turns = [(dialogue, reply) for dialogue, replies in zip(held, talks, strict=True) for reply in replies]
    report = {"model": model.name, "temperature": options.temperature, "dialogues": len(held)}
    report |= measure(firsts, turns, known)
    report["commonest replies"] = Counter(words_of(reply) for _, reply in turns).most_common(3)
    if options.samples:
        chosen = sorted(zip(held, talks, strict=True), key=lambda pair: pair[0].title)
        write_samples(options.samples, model.name, random.Random(1).sample(chosen, min(40, len(chosen))))
    return report


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__.split("\n")[0])
    parser.add_argument("--llm", default="bundled", help="as for the server: bundled, a folder, a hub id or a URL")
    parser.add_argument("--adapter", default="", help="folder of a LoRA adapter")
    parser.add_argument(
        "--dialogues", type=Path, default=WRITTEN, help="written dialogues; their held-out tenth is used"
    )
    parser.add_argument("--each", type=int, default=4, help="replies to each first line")
    parser.add_argument("--limit", type=int, default=0, help="dialogues to use (default: all)")
    parser.add_argument("--temperature", type=float, default=0.3, help="default: as the server with the bundled model")
    parser.add_argument("--out", type=Path, default=None, help="JSON file for the table")
    parser.add_argument("--samples", type=Path, default=None, help="Markdown file for 40 dialogues, unedited")
    options = parser.parse_args(argv)

    from character.errors import CharacterError

    try:
        report = asyncio.run(evaluate(options))
    except (TrainingError, CharacterError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    text = json.dumps(report, ensure_ascii=False, indent=2)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
