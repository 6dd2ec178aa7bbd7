"""Her face in frames per second, alone and beside the language model: ``python -m benchmarks.face``.

Drawing
    1, 2, 4 and 8 faces of different people with different expressions, in one pass, and one after another. The sides take
    turns, several times.

The whole server
    1, 2, 4 and 8 people watch her over the socket, each in a chat of their own, in which she speaks without end: what
    arrives per second and viewer, with every wait that the server puts in. Then the same for one viewer while the bundled
    language model answers somebody else without a pause; its tokens per second are compared with those without a face.

Delay
    From the stored feeling (`face.set`) to the first frame that was drawn with it leaving for the socket. *Alone*: she feels
    something else every second or so. *While the language model talks*: at each reply of the language model itself.

All of it runs in one process, the clients included, so that nothing is pinned or left out. ``--face random`` takes a
generator of the bundled shape with random weights, which is as fast.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from benchmarks.report import Row, quantile, ratios, save, show
from character.emotion import EMOTIONS, Emotion, format_tag
from character.language_model import ChatMessage, GenerationRequest, LanguageModel
from character.loading import load_language_model
from server import protocol
from server.app import App
from server.settings import Settings
from server.storage import accounts
from stylegan.attributes import ATTRIBUTES, EXPRESSION
from stylegan.errors import StyleganError
from stylegan.renderer import FaceRenderer, best_dtype

VIEWERS = (1, 2, 4, 8)
WORDS = "오늘은 정말 좋은 일이 있었어. 우리 바다 보러 갈까? 무슨 말이야, 그게! "
QUESTIONS = (
    "오늘 뭐 했어?",
    "별 보러 갈래?",
    "나 오늘 좀 힘들었어.",
    "뭐가 제일 무서워?",
    "고마워, 오로라!",
    "진짜야?",
)
LEAST_FPS, GREATEST_DELAY = 15, 100


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: repetitions.
        passes: of the generator, each time.
        seconds: of watching, each time.
        feelings: of which the delay is taken.
    """

    rounds: int = 3
    passes: int = 20
    seconds: float = 6
    feelings: int = 40


QUICK = Plan(rounds=1, passes=8, seconds=3, feelings=10)


def load_renderer(face: str, device: str) -> FaceRenderer:
    """The renderer as the server loads it; ``random`` draws noise as fast as the bundled one draws faces."""
    if face != "random":
        return FaceRenderer.load(face, device)
    from stylegan.generator import Generator, GeneratorConfig

    chosen = "cpu" if device == "auto" else device
    generator = Generator(GeneratorConfig()).to(chosen).eval().requires_grad_(False)
    generator.dtype = best_dtype(chosen)
    return FaceRenderer(generator)


# --- drawing


def expression(rng: random.Random) -> dict[str, float]:
    return {name: rng.uniform(ATTRIBUTES[name].low, ATTRIBUTES[name].high) for name in EXPRESSION}


def drawing(renderer: FaceRenderer, plan: Plan) -> list[Row]:
    rng = random.Random(1)
    rows = []
    for count in VIEWERS:
        progress(f"{count} faces in one pass and one by one")
        latents = np.random.default_rng(count).standard_normal((count, renderer.latent_dim)).astype(np.float32)
        renderer.warm_up(count)
        batched, single = [], []
        for _ in range(plan.rounds):
            begin = time.monotonic()
            for _ in range(plan.passes):
                renderer.render(latents, [expression(rng) for _ in range(count)])
            middle = time.monotonic()
            for _ in range(plan.passes):
                for latent in latents:
                    renderer.render(latent[None], [expression(rng)])
            batched.append(count * plan.passes / (middle - begin))
            single.append(count * plan.passes / (time.monotonic() - middle))
        rows.append(
            Row(
                f"{count} {'face' if count == 1 else 'faces'} drawn",
                "frames/s",
                batched,
                single,
                ratios(batched, single),
            )
        )
    return rows


# --- the whole server


class Speaker:
    """A `LanguageModel` that speaks for a long time without a pause, at the pace of a reader, and then feels something else.

    Args:
        seconds: of each reply.
    """

    name, context_length = "speaker", 8192

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._turn = 0

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(len(message.content) for message in messages)

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        self._turn += 1
        yield format_tag(EMOTIONS[self._turn % len(EMOTIONS)], 0.9) + " "
        begin, said = time.monotonic(), 0
        while time.monotonic() - begin < self.seconds:
            yield WORDS[said % len(WORDS)]
            said += 1
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        pass


class Delays:
    """Stands in for the histogram of the delay and keeps every value, in milliseconds.

    Args:
        goal: values that are enough.
    """

    def __init__(self, goal: int) -> None:
        self.values: list[float] = []
        self.enough = asyncio.Event()
        self._goal = goal

    def observe(self, seconds: float) -> None:
        self.values.append(1000 * seconds)
        if len(self.values) >= self._goal:
            self.enough.set()


class Watcher:
    """A client that counts frames and talks without a pause.

    Attributes:
        frames: pictures that have arrived.
        turns: replies that have ended.
    """

    def __init__(self, port: int, token: str, watches: bool = True) -> None:
        self._port, self._token, self._watches = port, token, watches
        self.frames = self.turns = 0
        self.speaking = asyncio.Event()

    async def run(self) -> None:
        """Talks until it is cancelled."""
        async with connect(f"ws://127.0.0.1:{self._port}/ws", max_size=None, compression=None, proxy=None) as socket:
            await socket.send(_frame("hello", None, token=self._token))
            await socket.send(_frame("chat.open", None))
            chat, number = None, 0
            with suppress(ConnectionClosed):
                async for raw in socket:
                    if isinstance(raw, bytes):
                        self.frames += 1
                        continue
                    if '"type":"turn.delta"' in raw:
                        self.speaking.set()
                    if chat is None and '"type":"chat.snapshot"' in raw:
                        chat = json.loads(raw)["chat"]
                        if self._watches:
                            await socket.send(_frame("face.watch", chat, fps=60))
                    elif '"type":"turn.done"' in raw:
                        self.turns += 1
                    else:
                        continue
                    number += 1
                    text = QUESTIONS[number % len(QUESTIONS)]
                    await socket.send(_frame("turn.send", chat, client_id=f"{id(self)}-{number}", text=text))


def _frame(type: str, chat: str | None, **data: Any) -> str:
    return protocol.frame(type, json.dumps(data), chat=chat)


@asynccontextmanager
async def serving(model: LanguageModel, renderer: FaceRenderer | None) -> AsyncIterator[tuple[App, list[str]]]:
    """A server, and tokens of accounts."""
    with tempfile.TemporaryDirectory(prefix="ohlora-bench-") as folder:
        loose = {"turns_per_minute": 1e6, "turn_burst": 1000, "frames_per_second": 1e4, "frame_burst": 10_000}
        settings = Settings(port=0, data=Path(folder), memory="off", face_fps=60, **loose)
        app = App(settings, model, lambda text: Emotion("평온", 0.5), renderer=renderer)
        await app.start()

        def issue(connection: Any) -> list[str]:
            names = [f"u{number}" for number in range(max(VIEWERS) + 1)]
            return [accounts.issue_token(connection, accounts.add_account(connection, name)) for name in names]

        try:
            yield app, app.services.database.write_now(issue)
        finally:
            await app.close()


@asynccontextmanager
async def watching(app: App, tokens: Sequence[str]) -> AsyncIterator[list[Watcher]]:
    """Clients that watch and are spoken to."""
    watchers = [Watcher(app.port, token) for token in tokens]
    tasks = [asyncio.create_task(watcher.run()) for watcher in watchers]
    try:
        for watcher in watchers:
            await watcher.speaking.wait()
        yield watchers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def rates(watchers: Sequence[Watcher], plan: Plan) -> list[float]:
    """Frames a second of a viewer, once for each round."""
    await asyncio.sleep(0.5)
    found = []
    for _ in range(plan.rounds):
        before, begin = sum(watcher.frames for watcher in watchers), time.monotonic()
        await asyncio.sleep(plan.seconds)
        frames = sum(watcher.frames for watcher in watchers) - before
        found.append(frames / len(watchers) / (time.monotonic() - begin))
    return found


async def served(renderer: FaceRenderer, plan: Plan) -> list[Row]:
    rows = []
    async with serving(Speaker(60), renderer) as (app, tokens):
        for count in VIEWERS:
            progress(f"{count} viewers over the socket")
            async with watching(app, tokens[:count]) as watchers:
                found = await rates(watchers, plan)
            goal = (f"≥ {LEAST_FPS}", quantile(found, 0.5) >= LEAST_FPS) if count == 1 else ("", None)
            rows.append(
                Row(
                    f"{count} {'viewer' if count == 1 else 'viewers, each'}",
                    "frames/s",
                    found,
                    goal=goal[0],
                    met=goal[1],
                )
            )
    return rows


async def felt(renderer: FaceRenderer, plan: Plan) -> list[float]:
    """Delays in milliseconds while she feels something else every second or so."""
    progress(f"delay of {plan.feelings} feelings")
    async with serving(Speaker(0.6), renderer) as (app, tokens):
        delays = app.services.metrics.face_delay = Delays(plan.feelings)  # type: ignore[assignment]
        async with watching(app, tokens[:1]):
            await delays.enough.wait()
    return delays.values


async def beside_the_language_model(renderer: FaceRenderer, plan: Plan) -> list[Row]:
    """One viewer, and somebody else who is answered without a pause; and that without a face."""
    model = counted(load_language_model("bundled", max_batch=4))
    try:
        progress("the language model alone")
        async with serving(model, None) as (app, tokens), AsyncExitStack() as stack:
            await stack.enter_async_context(watching_nobody(app, tokens[-1]))
            plain = await token_rates(model, plan)
        progress("the language model beside a face")
        async with serving(model, renderer) as (app, tokens), AsyncExitStack() as stack:
            delays = app.services.metrics.face_delay = Delays(plan.feelings)  # type: ignore[assignment]
            await stack.enter_async_context(watching_nobody(app, tokens[-1]))
            watchers = await stack.enter_async_context(watching(app, tokens[:1]))
            measured = await asyncio.gather(rates(watchers, plan), token_rates(model, plan))
            await delays.enough.wait()
    finally:
        await model.close()
    found, tokens_beside = measured
    met = quantile(found, 0.5) >= LEAST_FPS
    rows = [
        Row("1 viewer while the language model talks", "frames/s", found, goal=f"≥ {LEAST_FPS}", met=met),
        Row("… its tokens, beside her and alone", "tokens/s", tokens_beside, plain, ratios(tokens_beside, plain)),
    ]
    return rows + delay_rows("while the language model talks", delays.values)


def counted(model: Any) -> Any:
    """``model``, with the pieces it has streamed in ``model.pieces``."""
    model.pieces = 0
    plain = model.stream

    def stream(request: GenerationRequest) -> Any:
        class Counted:
            def __init__(self) -> None:
                self._reply = plain(request)

            def __getattr__(self, name: str) -> Any:
                return getattr(self._reply, name)

            def __aiter__(self) -> Counted:
                return self

            async def __anext__(self) -> str:
                piece: str = await self._reply.__anext__()
                model.pieces += 1
                return piece

        return Counted()

    model.stream = stream
    return model


async def token_rates(model: Any, plan: Plan) -> list[float]:
    await asyncio.sleep(0.5)
    found = []
    for _ in range(plan.rounds):
        before, begin = model.pieces, time.monotonic()
        await asyncio.sleep(plan.seconds)
        found.append((model.pieces - before) / (time.monotonic() - begin))
    return found


@asynccontextmanager
async def watching_nobody(app: App, token: str) -> AsyncIterator[None]:
    """Somebody who only talks."""
    talker = Watcher(app.port, token, watches=False)
    task = asyncio.create_task(talker.run())
    try:
        await talker.speaking.wait()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def delay_rows(name: str, values: list[float]) -> list[Row]:
    median, late = quantile(values, 0.5), quantile(values, 0.95)
    return [
        Row(f"feeling to frame, {name}: p50", "ms", [median]),
        Row(f"feeling to frame, {name}: p95", "ms", [late], goal=f"< {GREATEST_DELAY}", met=late < GREATEST_DELAY),
    ]


# --- the whole


def progress(text: str) -> None:
    """Says what is being measured."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


async def benchmark(renderer: FaceRenderer, plan: Plan, with_language_model: bool) -> list[Row]:
    rows = await asyncio.to_thread(drawing, renderer, plan)
    rows += await served(renderer, plan)
    rows += delay_rows("alone", await felt(renderer, plan))
    if with_language_model:
        rows += await beside_the_language_model(renderer, plan)
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.face", description="Measures her face, live.")
    parser.add_argument("--face", default="bundled", help="'bundled', a folder, or 'random' (default: bundled)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    parser.add_argument("--quick", action="store_true", help="one short repetition")
    parser.add_argument("--rounds", type=int, default=None, help=f"repetitions (default: {Plan.rounds})")
    parser.add_argument("--no-language-model", action="store_true", help="leave out what needs the language model")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every measured value here")
    options = parser.parse_args(argv)
    plan = QUICK if options.quick else Plan()
    if options.rounds:
        plan = replace(plan, rounds=options.rounds)
    try:
        renderer = load_renderer(options.face, options.device)
    except StyleganError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    try:
        rows = uvloop.run(benchmark(renderer, plan, not options.no_language_model))
    finally:
        renderer.close()
    title = f"Her face, {renderer.resolution}×{renderer.resolution}, {renderer.device}, {renderer.dtype}".replace(
        "torch.", ""
    )
    show(title, rows, "together", "one by one / without")
    if options.json:
        save(options.json, "face", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
