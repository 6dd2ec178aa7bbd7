"""The language model in this process beside a plain loop of ``generate``: ``python -m benchmarks.generation``.

The plain loop does what one would do without a server: it calls transformers' ``generate`` for one request after
another. Both sides have the same weights, adapter, number format, threads and sampling, and take turns within one run,
so that a busy machine slows both.

First token
    From the request until the first token is drawn, after 0, 500 and 900 tokens of history that nobody has seen before.
    A second turn adds a reply and a question to such a chat; the plain loop has to read it all again.

Tokens per second
    1, 4 and 8 chats with 100 tokens of history ask at the same moment; time runs until the last reply is complete. All
    replies are made equally long: the tokens that would end one are not heeded.

Other programs on the machine make the clock's time a matter of luck. ``--processor-time`` counts what the process itself
used of the processor instead; with one thread that is what the clock would show on an idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import Row, ratios, save, show
from character.language_model import ChatMessage, GenerationRequest, Sampling
from character.local_model import LocalModel

HISTORIES = (0, 500, 900)
CHATS = (1, 4, 8)
REPLY_TOKENS = 64
GOAL = 3.0

WORDS = (
    "안녕 오늘 정말 커피 공원 내일 날씨 기분 같이 조금 학습 모델 마음 저녁 음악 생각 친구 어제 영화 노래 "
    "좋아 싫어 가자 먹자 걸을까 궁금해 재미있어 힘들었어 웃겨 괜찮아 그랬구나 고마워 미안해 기다릴게"
).split()


class PlainLoop:
    """transformers' own ``generate``, one request after another."""

    def __init__(self, model: LocalModel, folder: str, adapter: str | None) -> None:
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(model.threads)
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        network = AutoModelForCausalLM.from_pretrained(folder, dtype=model.dtype).to(model.device).eval()
        self._model: Any = PeftModel.from_pretrained(network, adapter) if adapter else network

    def reply(self, request: GenerationRequest) -> int:
        """Generates as many tokens as the request allows; returns their number."""
        import torch

        sampling = request.sampling
        inputs = self._tokenizer.apply_chat_template(
            [asdict(message) for message in request.messages],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        ).to(self._model.device)
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                do_sample=True,
                temperature=sampling.temperature,
                top_k=sampling.top_k,
                top_p=sampling.top_p,
                repetition_penalty=sampling.repetition_penalty,
                max_new_tokens=sampling.max_new_tokens,
                min_new_tokens=sampling.max_new_tokens,
                pad_token_id=self._tokenizer.pad_token_id,
            )
        return int(output.shape[1] - inputs["input_ids"].shape[1])


@dataclass(frozen=True)
class Race:
    """Both sides, and the clock that times them, in seconds."""

    model: LocalModel
    plain: PlainLoop
    rounds: int
    clock: Callable[[], float]
    rng: random.Random

    def chat(self, tokens: int) -> list[ChatMessage]:
        """A chat with about so many tokens of history, unlike every other, that ends with a question."""
        question = ChatMessage("user", self._words())
        messages: list[ChatMessage] = []
        while self.model.count_tokens([*messages, question]) < tokens:
            messages += [ChatMessage("user", self._words()), ChatMessage("assistant", self._words())]
        return [*messages, question]

    async def read(self, request: GenerationRequest) -> tuple[str, int]:
        """Our reply and its number of tokens."""
        reply = self.model.stream(request)
        text = "".join([piece async for piece in reply])
        return text, reply.completion_tokens

    async def first_token(self, request: GenerationRequest) -> tuple[float, float]:
        """Milliseconds until the first token is drawn: ours, theirs."""
        start = self.clock()
        self.plain.reply(request)
        middle = self.clock()
        await self.read(request)
        return (self.clock() - middle) * 1000, (middle - start) * 1000

    def _words(self) -> str:
        return " ".join(self.rng.choices(WORDS, k=12))


async def first_tokens(race: Race) -> list[Row]:
    one_token = Sampling(max_new_tokens=1)
    rows = []
    for history in HISTORIES:
        first, second = [], []
        for turn in range(race.rounds):
            session = f"{history}/{turn}"
            messages = race.chat(history)
            first.append(await race.first_token(GenerationRequest(messages, one_token, session)))
            reply, _ = await race.read(GenerationRequest(messages, Sampling(max_new_tokens=16), session))
            messages += [ChatMessage("assistant", reply), *race.chat(0)]
            second.append(await race.first_token(GenerationRequest(messages, one_token, session)))
        rows += [
            quicker(f"first token, {history} tokens of history", first),
            quicker("… of the second turn", second),
        ]
        gain = [before / after for (before, _), (after, _) in zip(first, second, strict=True)]
        rows.append(Row("… first turn / second turn", "×", gain))
    return rows


def quicker(name: str, times: list[tuple[float, float]]) -> Row:
    """A row of times, whose ratio says how many times quicker ours is."""
    ours, theirs = (list(side) for side in zip(*times, strict=True))
    return Row(name, "ms", ours, theirs, ratios(theirs, ours))


async def throughput(race: Race) -> list[Row]:
    ours: dict[int, list[float]] = {count: [] for count in CHATS}
    theirs: dict[int, list[float]] = {count: [] for count in CHATS}
    for _ in range(race.rounds):
        for count in CHATS:
            sampling = Sampling(max_new_tokens=REPLY_TOKENS)
            requests = [GenerationRequest(race.chat(100), sampling) for _ in range(count)]
            start = race.clock()
            plain = sum(race.plain.reply(request) for request in requests)
            middle = race.clock()
            replies = await asyncio.gather(*(race.read(request) for request in requests))
            ours[count].append(sum(tokens for _, tokens in replies) / (race.clock() - middle))
            theirs[count].append(plain / (middle - start))
    rows = [
        Row(
            f"{count} chat{'s' if count > 1 else ''} at once",
            "tokens/s",
            ours[count],
            theirs[count],
            ratios(ours[count], theirs[count]),
        )
        for count in CHATS
    ]
    most, single = CHATS[-1], CHATS[0]
    gain = ratios(ours[most], ours[single])
    met = statistics.median(gain) >= GOAL
    return [*rows, Row(f"{most} chats / {single} chat", "×", gain, goal=f"≥ {GOAL:g}", met=met)]


def random_model(folder: Path) -> Path:
    """Writes a model of the bundled one's shape with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from training.tokenizer import save_tokenizer, train_tokenizer

    tokenizer = train_tokenizer([" ".join(WORDS)] * 10, 8192, 1536)
    config = LlamaConfig(
        hidden_size=320,
        num_hidden_layers=8,
        num_attention_heads=5,
        intermediate_size=864,
        vocab_size=8192,
        max_position_embeddings=1536,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    save_tokenizer(tokenizer, folder)
    return folder


async def measure(
    folder: str, adapter: str | None, device: str, rounds: int, clock: Callable[[], float]
) -> tuple[str, list[Row]]:
    """Runs everything; returns a title that says on what, and the rows."""
    model = LocalModel(folder, adapters={"measured": adapter} if adapter else {}, device=device)
    model._worker._end_tokens = frozenset()
    race = Race(model, PlainLoop(model, folder, adapter), rounds, clock, random.Random(0))
    warm_up = GenerationRequest(race.chat(100))
    race.plain.reply(warm_up)
    await race.read(warm_up)
    rows = [*await first_tokens(race), *await throughput(race)]
    await model.close()
    kind = f"{str(model.dtype).removeprefix('torch.')}, {model.device}, threads: {model.threads}"
    return f"Language model against a plain loop of generate ({kind})", rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--llm", default="bundled", help="bundled, random (the same shape), or a folder (default: bundled)"
    )
    parser.add_argument("--adapter", help="folder of a LoRA adapter (default: the bundled model's own)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--quick", action="store_true", help="one repetition")
    parser.add_argument("--rounds", type=int, default=7, help="repetitions (default: 7)")
    parser.add_argument("--processor-time", action="store_true", help="count processor time instead of the clock's")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every measured value here")
    options = parser.parse_args()

    clock = time.process_time if options.processor_time else time.perf_counter
    with tempfile.TemporaryDirectory() as temporary:
        folder, adapter = options.llm, options.adapter
        if options.llm == "random":
            folder = str(random_model(Path(temporary)))
        elif options.llm == "bundled":
            from character.loading import BUNDLED_ADAPTER, BUNDLED_BASE

            folder, adapter = str(BUNDLED_BASE), adapter or str(BUNDLED_ADAPTER)
        rounds = 1 if options.quick else options.rounds
        title, rows = asyncio.run(measure(folder, adapter, options.device, rounds, clock))
    show(title, rows, "ours", "plain")
    if options.json:
        save(options.json, "generation", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
