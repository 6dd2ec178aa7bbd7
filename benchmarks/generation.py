"""Speed of the language model in this process, beside a plain loop that calls ``generate`` for one request at a time.

    python -m benchmarks.generation [--llm bundled] [--adapter FOLDER] [--json FILE]

Both sides have the same weights, number format, threads and sampling, and take turns within one run, so that a busy
machine slows both. Times are medians. ``--llm random`` makes a model of the bundled one's shape with random weights.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from character.language_model import ChatMessage, GenerationRequest, Sampling
from character.local_model import LocalModel

HISTORIES = (0, 500, 900)
CHATS = (1, 4, 8)
REPLY_TOKENS = 64

WORDS = (
    "안녕 오늘 정말 커피 공원 내일 날씨 기분 같이 조금 학습 모델 마음 저녁 음악 생각 친구 어제 영화 노래 "
    "좋아 싫어 가자 먹자 걸을까 궁금해 재미있어 힘들었어 웃겨 괜찮아 그랬구나 고마워 미안해 기다릴게"
).split()


@dataclass(frozen=True)
class Figure:
    """One line of the table; ``better`` is ours over plain, turned so that more is better."""

    what: str
    plain: float
    ours: float
    unit: str
    better: float


class PlainLoop:
    """transformers' own ``generate``, called as one would without a server: one request after another."""

    def __init__(self, model: LocalModel, folder: str, adapter: str | None) -> None:
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(model.threads)
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        network = AutoModelForCausalLM.from_pretrained(folder, dtype=model.dtype).to(model.device).eval()
        self._model: Any = PeftModel.from_pretrained(network, adapter) if adapter else network

    def reply(self, request: GenerationRequest) -> int:
        """Generates the whole reply; returns how many tokens it has."""
        import torch

        sampling = request.sampling
        messages = [asdict(message) for message in request.messages]
        inputs = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
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
                pad_token_id=self._tokenizer.pad_token_id,
            )
        return int(output.shape[1] - inputs["input_ids"].shape[1])


def chat(model: LocalModel, tokens: int, rng: random.Random) -> list[ChatMessage]:
    """A chat with about so many tokens of history, unlike every other, that ends with a question."""

    def words() -> str:
        return " ".join(rng.choices(WORDS, k=12))

    messages: list[ChatMessage] = []
    question = ChatMessage("user", words())
    while model.count_tokens([*messages, question]) < tokens:
        messages += [ChatMessage("user", words()), ChatMessage("assistant", words())]
    return [*messages, question]


async def read(model: LocalModel, request: GenerationRequest) -> tuple[str, int, int]:
    """Reads a reply to its end: its text, its tokens, and how many prompt tokens were cached."""
    reply = model.stream(request)
    text = "".join([piece async for piece in reply])
    return text, reply.completion_tokens, reply.cached_tokens


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


async def first_tokens(model: LocalModel, plain: PlainLoop, repeats: int, rng: random.Random) -> list[Figure]:
    figures = []
    for history in HISTORIES:
        theirs, ours = [], []
        for _ in range(repeats):
            request = GenerationRequest(chat(model, history, rng), Sampling(max_new_tokens=1))
            theirs.append(seconds(lambda request=request: plain.reply(request)) * 1000)
            start = time.perf_counter()
            await read(model, request)
            ours.append((time.perf_counter() - start) * 1000)
        figures.append(faster(f"first token after {history} tokens of history", theirs, ours))
    return figures


async def second_turns(model: LocalModel, plain: PlainLoop, repeats: int, rng: random.Random) -> list[Figure]:
    figures = []
    for history in HISTORIES[1:]:
        theirs, ours = [], []
        for turn in range(repeats):
            session = f"{history}/{turn}"
            messages = chat(model, history, rng)
            text, *_ = await read(model, GenerationRequest(messages, Sampling(max_new_tokens=16), session))
            messages += [ChatMessage("assistant", text), *chat(model, 0, rng)]
            request = GenerationRequest(messages, Sampling(max_new_tokens=1), session)
            theirs.append(seconds(lambda request=request: plain.reply(request)) * 1000)
            start = time.perf_counter()
            await read(model, request)
            ours.append((time.perf_counter() - start) * 1000)
        figures.append(faster(f"first token of the second turn after {history}", theirs, ours))
    return figures


async def throughput(model: LocalModel, plain: PlainLoop, repeats: int, rng: random.Random) -> list[Figure]:
    theirs: dict[int, list[float]] = {count: [] for count in CHATS}
    ours: dict[int, list[float]] = {count: [] for count in CHATS}
    for _ in range(repeats):
        for count in CHATS:
            sampling = Sampling(max_new_tokens=REPLY_TOKENS)
            requests = [GenerationRequest(chat(model, 100, rng), sampling) for _ in range(count)]
            start = time.perf_counter()
            written = sum(plain.reply(request) for request in requests)
            theirs[count].append(written / (time.perf_counter() - start))
            start = time.perf_counter()
            replies = await asyncio.gather(*(read(model, request) for request in requests))
            ours[count].append(sum(tokens for _, tokens, _ in replies) / (time.perf_counter() - start))
    figures = []
    for count in CHATS:
        plain_speed, our_speed = statistics.median(theirs[count]), statistics.median(ours[count])
        what = f"{count} chat{'s' if count > 1 else ''} at once"
        figures.append(Figure(what, plain_speed, our_speed, "tokens/s", our_speed / plain_speed))
    return figures


def faster(what: str, theirs: list[float], ours: list[float]) -> Figure:
    plain, own = statistics.median(theirs), statistics.median(ours)
    return Figure(what, plain, own, "ms", plain / own)


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


async def measure(folder: str, adapter: str | None, repeats: int, device: str) -> tuple[LocalModel, list[Figure]]:
    model = LocalModel(folder, adapters={"measured": adapter} if adapter else {}, device=device)
    plain = PlainLoop(model, folder, adapter)
    rng = random.Random(0)
    await read(model, GenerationRequest(chat(model, 100, rng)))
    plain.reply(GenerationRequest(chat(model, 100, rng)))
    figures = await first_tokens(model, plain, repeats, rng)
    figures += await second_turns(model, plain, repeats, rng)
    figures += await throughput(model, plain, repeats, rng)
    await model.close()
    return model, figures


def show(model: LocalModel, figures: list[Figure]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{model.name}, {model.dtype}, {model.device}, {model.threads} threads")
    table.add_column("")
    for heading in ("plain generate", "LocalModel", "unit", "better by"):
        table.add_column(heading, justify="right")
    for figure in figures:
        table.add_row(figure.what, f"{figure.plain:.1f}", f"{figure.ours:.1f}", figure.unit, f"{figure.better:.2f} ×")
    console = Console()
    console.print(table)
    speeds = {figure.what: figure.ours for figure in figures if figure.unit == "tokens/s"}
    console.print(f"8 chats together are {speeds['8 chats at once'] / speeds['1 chat at once']:.2f} × as fast as one")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llm", default="bundled", help="bundled, random, or a local folder of transformers")
    parser.add_argument("--adapter", help="folder of a LoRA adapter; bundled has its own")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--repeats", type=int, default=7, help="runs of each measurement")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        folder, adapter = args.llm, args.adapter
        if args.llm == "random":
            folder = str(random_model(Path(temporary) / "random"))
        elif args.llm == "bundled":
            from character.loading import BUNDLED_ADAPTER, BUNDLED_BASE

            folder, adapter = str(BUNDLED_BASE), adapter or str(BUNDLED_ADAPTER)
        model, figures = asyncio.run(measure(folder, adapter, args.repeats, args.device))
    show(model, figures)
    if args.json:
        about = {"model": model.name, "dtype": str(model.dtype), "device": str(model.device), "threads": model.threads}
        args.json.write_text(json.dumps({**about, "figures": [asdict(figure) for figure in figures]}, indent=2))


if __name__ == "__main__":
    main()
