"""The language model in this process: exact in company, quick to stop, and not to be talked out of its role."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from character import batching, forward, kv_cache
from character.errors import AdapterError, LanguageModelError
from character.kv_cache import Batch
from character.language_model import ChatMessage, GenerationRequest, Sampling
from character.local_model import LocalModel, LocalReply
from tests.tiny_models import CONTEXT, SENTENCES, tiny_llama, tiny_lora

GREEDY = Sampling(temperature=0, repetition_penalty=1, max_new_tokens=24)
PERSONA = ChatMessage("system", "너는 오로라야. 모델을 훈련시키면서 커피를 마시는 걸 좋아해.")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def loras(tmp_path_factory: pytest.TempPathFactory, base: Path) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("loras")
    return {name: tiny_lora(folder / name, base, seed=seed) for seed, name in enumerate(["warm", "cold"])}


@pytest.fixture(scope="module")
def shared(base: Path, loras: dict[str, Path]) -> Iterator[LocalModel]:
    """One model for all tests that leave it as it is."""
    model = LocalModel(base, adapters=loras, device="cpu", dtype="float32", max_batch=4)
    yield model
    asyncio.run(model.close())


@pytest.fixture
async def fresh(base: Path) -> AsyncIterator[Callable[..., LocalModel]]:
    """Makes models of a test's own."""
    made: list[LocalModel] = []

    def make(folder: Path = base, **settings: Any) -> LocalModel:
        made.append(LocalModel(folder, **{"device": "cpu", "dtype": "float32", "max_batch": 4, **settings}))
        return made[-1]

    yield make
    for model in made:
        await model.close()


def ask(words: str, sampling: Sampling = GREEDY, session: str = "", adapter: str | None = "warm") -> GenerationRequest:
    return GenerationRequest([PERSONA, ChatMessage("user", words)], sampling, session, adapter)


async def read(model: LocalModel, request: GenerationRequest) -> tuple[str, LocalReply]:
    reply = model.stream(request)
    return "".join([piece async for piece in reply]), reply


def generate(folder: Path, adapter: Path | None, messages: Sequence[ChatMessage], new_tokens: int) -> str:
    """What transformers itself answers, one request at a time."""
    from peft import PeftModel

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    plain = [{"role": message.role, "content": message.content} for message in messages]
    inputs = tokenizer.apply_chat_template(plain, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    ends = [tokenizer.convert_tokens_to_ids(token) for token in ("<|end|>", "<|user|>", "<|system|>", "<|assistant|>")]
    output = model.generate(
        **inputs, max_new_tokens=new_tokens, do_sample=False, eos_token_id=[*ends, tokenizer.bos_token_id]
    )
    text: str = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return text.rstrip("\N{REPLACEMENT CHARACTER}")


def slow_down(model: LocalModel, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[tuple[int, ...]]:
    """Makes every forward pass last so long; returns the list that their shapes go to, rows and length."""
    run = model._worker._forward
    passes: list[tuple[int, ...]] = []

    def slow(batch: Batch, adapter: str | None) -> torch.Tensor:
        passes.append(tuple(batch.tokens.shape))
        time.sleep(seconds)
        return run(batch, adapter)

    monkeypatch.setattr(model._worker, "_forward", slow)
    return passes


# Exactness


@pytest.mark.parametrize("adapter", [None, "warm"])
async def test_a_greedy_reply_is_what_transformers_generates(
    fresh: Callable[..., LocalModel], base: Path, loras: dict[str, Path], adapter: str | None
) -> None:
    model = fresh(adapters=loras)
    model.use_adapter(adapter)
    for words in SENTENCES[:4]:
        request = ask(words, adapter=None)
        text, _ = await read(model, request)
        assert text == generate(base, loras[adapter] if adapter else None, request.messages, GREEDY.max_new_tokens)


async def test_replies_in_company_are_those_given_alone(shared: LocalModel) -> None:
    # More requests than places, of different lengths, with two adapters.
    requests = [
        ask(" ".join(SENTENCES[: 1 + n % 5]), session=str(n), adapter=("warm", "cold")[n % 2]) for n in range(10)
    ]
    alone = [(await read(shared, request))[0] for request in requests]
    together = await asyncio.gather(*(read(shared, request) for request in requests))
    assert [text for text, _ in together] == alone
    assert len(set(alone)) > 5


async def test_whoever_comes_goes_and_is_stopped_nobody_is_disturbed(
    fresh: Callable[..., LocalModel], loras: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Few slots, small parts and small steps of growth, so that slots are moved, copied and given away all the time.
    monkeypatch.setattr(kv_cache, "CAPACITY_STEP", 16)
    monkeypatch.setattr(batching, "PREFILL_TOKENS", (4, 24))
    model = fresh(adapters={"warm": loras["warm"], "cold": loras["cold"]}, max_batch=3)
    rng = random.Random(0)

    def request(number: int) -> GenerationRequest:
        words = [ChatMessage(("user", "assistant")[n % 2], rng.choice(SENTENCES)) for n in range(rng.choice([1, 3]))]
        sampling = Sampling(temperature=0, repetition_penalty=rng.choice([1, 1.3]), max_new_tokens=rng.randint(1, 30))
        return GenerationRequest([PERSONA, *words], sampling, f"chat {number % 5}", rng.choice(["warm", "cold"]))

    requests = [request(number) for number in range(30)]
    alone = [(await read(model, request))[0] for request in requests]
    slow_down(model, monkeypatch, 0.001)

    async def come_and_go(number: int) -> str | None:
        await asyncio.sleep(rng.random() * 0.3)
        task = asyncio.create_task(read(model, requests[number]))
        if rng.random() < 0.4:
            await asyncio.sleep(rng.random() * 0.1)
            task.cancel()
        await asyncio.wait([task])
        return None if task.cancelled() else task.result()[0]

    async def swap() -> None:
        for _ in range(3):
            await asyncio.sleep(0.1)
            await model.add_adapter("warm", loras["warm"])

    *texts, _ = await asyncio.gather(*(come_and_go(number) for number in range(30)), swap())
    assert 0 < texts.count(None) < 30
    assert [text for text in texts if text is not None] == [
        expected for text, expected in zip(texts, alone, strict=True) if text is not None
    ]


@pytest.mark.parametrize("key_heads", [1, 2, 4])
async def test_the_short_way_through_llama_computes_what_transformers_does(
    tmp_path: Path, fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch, key_heads: int
) -> None:
    folder = tiny_llama(tmp_path / "base", num_key_value_heads=key_heads)
    lora = tiny_lora(tmp_path / "lora", folder)
    short = fresh(folder, adapters={"warm": lora})
    monkeypatch.setattr(forward.LlamaForward, "fits", lambda model: False)
    long = fresh(folder, adapters={"warm": lora})
    requests = [ask(" ".join(SENTENCES[: n + 1])) for n in range(4)]
    texts = [await asyncio.gather(*(read(model, request) for request in requests)) for model in (short, long)]
    assert [text for text, _ in texts[0]] == [text for text, _ in texts[1]]


async def test_rows_of_very_different_length_are_exact_too(
    fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh()
    requests = [ask(words, adapter=None) for words in ("응", " ".join(SENTENCES[:6]))]
    together = [text for text, _ in await asyncio.gather(*(read(model, request) for request in requests))]
    monkeypatch.setattr("character.llama_forward.UNEVEN", 0)
    assert [text for text, _ in await asyncio.gather(*(read(model, r) for r in requests))] == together


async def test_bfloat16_stays_close_to_transformers(fresh: Callable[..., LocalModel]) -> None:
    model = fresh(dtype="bfloat16")
    batch = Batch.of([model._template.encode(ask(SENTENCES[0]).messages)], [0], 0, torch.device("cpu"))
    with torch.inference_mode():
        short = model._forward._llama(batch, None)
        long = model._forward._general(batch, None)
    assert torch.nn.functional.cosine_similarity(short.float(), long.float()).item() > 0.999


@pytest.mark.parametrize("kind", ["one window", "windows in every other layer"])
async def test_layers_with_a_sliding_window_see_no_further(
    tmp_path: Path, fresh: Callable[..., LocalModel], kind: str
) -> None:
    if kind == "one window":
        folder = tiny_llama(tmp_path, kind="mistral", sliding_window=8)
    else:
        layers = ["full_attention", "sliding_attention"]
        folder = tiny_llama(tmp_path, kind="qwen2", sliding_window=8, use_sliding_window=True, layer_types=layers)
    model = fresh(folder)
    requests = [ask(words, adapter=None) for words in SENTENCES[:3]]
    texts = [text for text, _ in await asyncio.gather(*(read(model, request) for request in requests))]
    assert texts == [generate(folder, None, request.messages, GREEDY.max_new_tokens) for request in requests]


def test_a_model_that_keeps_something_else_than_keys_and_values_is_refused(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path, kind="mamba", state_size=4)
    with pytest.raises(LanguageModelError, match="vLLM"):
        LocalModel(folder, device="cpu")


# The cache


async def test_the_second_turn_of_a_chat_computes_only_what_is_new(
    shared: LocalModel, fresh: Callable[..., LocalModel], loras: dict[str, Path]
) -> None:
    first = ask(SENTENCES[0], session="chat")
    text, reply = await read(shared, first)
    turns = [*first.messages, ChatMessage("assistant", text), ChatMessage("user", SENTENCES[1])]
    second = GenerationRequest(turns, GREEDY, "chat", "warm")
    cached, again = await read(shared, second)
    assert again.cached_tokens >= reply.prompt_tokens
    assert again.cached_tokens < again.prompt_tokens
    assert cached == (await read(fresh(adapters=loras), second))[0]


async def test_another_chat_starts_from_the_persona_that_is_there_already(
    shared: LocalModel, fresh: Callable[..., LocalModel], loras: dict[str, Path]
) -> None:
    await read(shared, ask(SENTENCES[2], session="one"))
    request = ask(SENTENCES[3], session="two")
    text, reply = await read(shared, request)
    assert reply.cached_tokens >= shared.count_tokens([PERSONA]) - 2
    assert text == (await read(fresh(adapters=loras), request))[0]


async def test_what_one_adapter_computed_is_not_used_with_another(fresh: Callable[..., LocalModel], loras: Any) -> None:
    model = fresh(adapters=loras)
    await read(model, ask(SENTENCES[0], session="chat", adapter="warm"))
    _, reply = await read(model, ask(SENTENCES[0], session="chat", adapter="cold"))
    assert reply.cached_tokens == 0


async def test_the_same_prompt_again_computes_its_last_token(shared: LocalModel) -> None:
    request = ask(SENTENCES[4], session="retry")
    first, _ = await read(shared, request)
    second, reply = await read(shared, request)
    assert second == first
    assert reply.cached_tokens == reply.prompt_tokens - 1


async def test_more_chats_than_slots_take_the_place_of_the_one_that_was_idle_longest(
    fresh: Callable[..., LocalModel],
) -> None:
    model = fresh(max_batch=2)  # four slots
    requests = [GenerationRequest([ChatMessage("user", words)], GREEDY, words) for words in SENTENCES[:6]]
    texts = [(await read(model, request))[0] for request in requests]
    cached = [(await read(model, request))[1] for request in reversed(requests)]
    assert [reply.cached_tokens == reply.prompt_tokens - 1 for reply in cached[:4]] == [True] * 4
    assert cached[-1].cached_tokens < cached[-1].prompt_tokens - 1
    assert [(await read(model, request))[0] for request in requests] == texts


async def test_the_cache_grows_with_the_chats(
    fresh: Callable[..., LocalModel], shared: LocalModel, loras: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kv_cache, "CAPACITY_STEP", 16)
    model = fresh(adapters=loras)
    assert model._worker._pool._store.slots == 1
    requests = [ask(" ".join(SENTENCES[: n + 1])) for n in range(4)]
    grown = [text for text, _ in await asyncio.gather(*(read(model, request) for request in requests))]
    assert grown == [(await read(shared, request))[0] for request in requests]
    assert model._worker._pool._store.slots >= 4
    assert 16 < model._worker._pool._store.capacity <= CONTEXT


async def test_a_prompt_is_read_in_parts_while_others_are_written_to(
    fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "PREFILL_TOKENS", (8, 8))
    model = fresh()
    newcomer = GenerationRequest([ChatMessage("user", " ".join(SENTENCES[:3]))], GREEDY)
    alone, _ = await read(fresh(), newcomer)
    long = Sampling(temperature=0, repetition_penalty=1, max_new_tokens=200)
    passes = slow_down(model, monkeypatch, 0.002)
    async with aclosing(model.stream(GenerationRequest([ChatMessage("system", "응")], long))) as first:
        await anext(first)
        del passes[:]
        text, _ = await read(model, newcomer)
        assert first.finish_reason is None
    assert text == alone
    parts = [at for at, (_, length) in enumerate(passes) if length > 1]
    assert len(parts) > 3
    assert all(passes[at + 1] == (1, 1) for at in parts[:-1])


# Streaming


async def test_the_pieces_are_the_text_and_nothing_but_the_text(shared: LocalModel) -> None:
    request = ask(SENTENCES[5], Sampling(temperature=0, repetition_penalty=1, max_new_tokens=60))
    reply = shared.stream(request)
    pieces = [piece async for piece in reply]
    assert all(pieces)
    assert reply.completion_tokens > 1
    assert reply.prompt_tokens == shared.count_tokens(request.messages)
    assert not any(special in "".join(pieces) for special in ("<|end|>", "<|user|>", "<|pad|>"))


async def test_a_reply_says_why_it_ended(base: Path, fresh: Callable[..., LocalModel]) -> None:
    model = fresh()
    _, reply = await read(model, ask(SENTENCES[0], Sampling(temperature=0, max_new_tokens=3), adapter=None))
    assert (reply.finish_reason, reply.completion_tokens) == ("length", 3)
    reasons = set()
    for seed in range(20):
        _, reply = await read(
            model, ask(SENTENCES[0], Sampling(temperature=3, top_k=0, top_p=1, seed=seed), adapter=None)
        )
        reasons.add(reply.finish_reason)
    assert "stop" in reasons


async def test_a_reply_ends_where_the_context_does(fresh: Callable[..., LocalModel]) -> None:
    model = fresh(context_length=40)
    request = GenerationRequest([ChatMessage("user", SENTENCES[0])], Sampling(temperature=0, max_new_tokens=100))
    _, reply = await read(model, request)
    assert reply.finish_reason == "stop" or reply.prompt_tokens + reply.completion_tokens == 40


async def test_a_prompt_that_leaves_no_room_is_refused_with_its_length(fresh: Callable[..., LocalModel]) -> None:
    model = fresh(context_length=32)
    with pytest.raises(LanguageModelError, match=r"\d+ tokens .* takes 32"):
        await read(model, ask(" ".join(SENTENCES), adapter=None))


async def test_an_iterator_that_has_ended_stays_at_its_end(shared: LocalModel) -> None:
    _, reply = await read(shared, ask("응"))
    with pytest.raises(StopAsyncIteration):
        await anext(reply)


# Sampling


async def test_a_seeded_reply_does_not_depend_on_its_company(shared: LocalModel) -> None:
    seeded = ask(SENTENCES[0], Sampling(temperature=1.2, seed=7, max_new_tokens=20))
    alone, _ = await read(shared, seeded)
    others = [ask(words, Sampling(temperature=0.5 + n, top_k=3 * n)) for n, words in enumerate(SENTENCES[1:4])]
    (together, _), *_ = await asyncio.gather(read(shared, seeded), *(read(shared, other) for other in others))
    assert together == alone


async def test_replies_without_a_seed_differ(shared: LocalModel) -> None:
    request = ask(SENTENCES[0], Sampling(temperature=1.5, max_new_tokens=20))
    assert len({(await read(shared, request))[0] for _ in range(4)}) > 1


async def test_words_of_earlier_replies_are_penalised_but_emotion_tags_are_not(shared: LocalModel) -> None:
    said = "<감정:기쁨:0.8> 커피를 마셨어"
    messages = [ChatMessage("assistant", said), ChatMessage("user", "응")]
    row = shared.submit(GenerationRequest(messages, Sampling(max_new_tokens=1)))
    row.stopped = True
    tokenizer = shared._template._tokenizer
    penalised = set(row.sampler.said.tolist())
    assert tokenizer.convert_tokens_to_ids("<감정:기쁨:0.8>") not in penalised
    assert penalised == {
        token for token in tokenizer.encode(said, add_special_tokens=False) if token not in shared._template.marks
    }


# Stopping


async def test_closing_the_iterator_stops_the_model_within_a_token(
    fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh()
    passes = slow_down(model, monkeypatch, 0.02)
    reply = model.stream(ask(SENTENCES[0], Sampling(temperature=0, max_new_tokens=200), adapter=None))
    await anext(reply)
    await reply.aclose()
    so_far = len(passes)
    await asyncio.sleep(0.2)
    assert len(passes) <= so_far + 1
    assert not any(slot.busy for slot in model._worker._pool._slots)
    with pytest.raises(StopAsyncIteration):
        await anext(reply)


async def test_cancelling_the_task_stops_the_model_while_others_go_on(
    fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh()
    long = Sampling(temperature=0, repetition_penalty=1, max_new_tokens=30)
    alone, _ = await read(model, ask(SENTENCES[1], long, adapter=None))
    passes = slow_down(model, monkeypatch, 0.01)
    stopped = asyncio.create_task(read(model, ask(SENTENCES[0], Sampling(max_new_tokens=200), adapter=None)))
    other = asyncio.create_task(read(model, ask(SENTENCES[1], long, adapter=None)))
    while (2, 1) not in passes:
        await asyncio.sleep(0.005)
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped
    so_far = len(passes)
    assert (await other)[0] == alone
    assert set(passes[so_far + 1 :]) <= {(1, 1)}


async def test_an_iterator_that_is_dropped_stops_the_model(
    fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh()
    passes = slow_down(model, monkeypatch, 0.01)
    async for _ in model.stream(ask(SENTENCES[0], Sampling(temperature=0, max_new_tokens=200), adapter=None)):
        break
    gc.collect()
    so_far = len(passes)
    await asyncio.sleep(0.1)
    assert len(passes) <= so_far + 1


async def test_a_request_that_waits_for_a_place_can_be_stopped(
    fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh(max_batch=1)
    slow_down(model, monkeypatch, 0.01)
    async with aclosing(model.stream(ask(SENTENCES[0], Sampling(temperature=0, max_new_tokens=50), adapter=None))) as a:
        await anext(a)
        waiting = asyncio.create_task(read(model, ask(SENTENCES[1], adapter=None)))
        await asyncio.sleep(0.03)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    text, _ = await read(model, ask(SENTENCES[1], adapter=None))
    assert text


async def test_a_chat_with_many_requests_does_not_hold_the_others_back(
    fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh(max_batch=2)
    slow_down(model, monkeypatch, 0.005)
    ended: list[str] = []

    async def run(name: str, session: str) -> None:
        await read(model, ask(SENTENCES[0], Sampling(temperature=0, max_new_tokens=6), session, adapter=None))
        ended.append(name)

    greedy = [asyncio.create_task(run(f"greedy {n}", "greedy")) for n in range(4)]
    await asyncio.sleep(0)
    modest = asyncio.create_task(run("modest", "modest"))
    await asyncio.gather(*greedy, modest)
    assert ended.index("modest") <= 2


# Adapters


async def test_adapters_come_and_go_while_the_model_talks(
    fresh: Callable[..., LocalModel], shared: LocalModel, loras: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh()
    assert model.adapters() == ()
    bare, _ = await read(model, ask(SENTENCES[0], adapter=None))
    slow_down(model, monkeypatch, 0.005)
    talking = asyncio.create_task(read(model, ask(SENTENCES[0], adapter=None)))
    await model.add_adapter("warm", loras["warm"])
    model.use_adapter("warm")
    assert (model.adapters(), model.adapter) == (("warm",), "warm")
    warm, _ = await read(model, ask(SENTENCES[0], adapter=None))
    assert (await talking)[0] == bare
    assert warm == (await read(shared, ask(SENTENCES[0], adapter="warm")))[0] != bare
    await model.remove_adapter("warm")
    assert (model.adapters(), model.adapter) == ((), None)
    assert (await read(model, ask(SENTENCES[0], adapter=None)))[0] == bare


async def test_a_reply_under_way_ends_with_the_adapter_it_began_with(
    fresh: Callable[..., LocalModel], shared: LocalModel, loras: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh(adapters={"voice": loras["warm"]})
    slow_down(model, monkeypatch, 0.01)
    talking = asyncio.create_task(read(model, ask(SENTENCES[0], adapter="voice")))
    await asyncio.sleep(0.05)
    await model.add_adapter("voice", loras["cold"])
    assert talking.done()
    assert (await talking)[0] == (await read(shared, ask(SENTENCES[0], adapter="warm")))[0]
    assert (await read(model, ask(SENTENCES[0], adapter="voice")))[0] == (
        await read(shared, ask(SENTENCES[0], adapter="cold"))
    )[0]


async def test_an_adapter_of_another_kind_than_plain_lora_layers_works_too(
    tmp_path: Path, base: Path, fresh: Callable[..., LocalModel], loras: dict[str, Path]
) -> None:
    dora = tiny_lora(tmp_path / "dora", base, use_dora=True)
    model = fresh(adapters={"dora": dora, "warm": loras["warm"]})
    requests = [ask(SENTENCES[0], adapter=adapter) for adapter in ("dora", "warm", "dora")]
    texts = [text for text, _ in await asyncio.gather(*(read(model, request) for request in requests))]
    paths = (dora, loras["warm"], dora)
    assert texts == [generate(base, path, requests[0].messages, GREEDY.max_new_tokens) for path in paths]


async def test_who_stops_waiting_for_an_adapter_does_no_harm(
    fresh: Callable[..., LocalModel], loras: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh(adapters={"voice": loras["warm"]})
    slow_down(model, monkeypatch, 0.02)
    talking = asyncio.create_task(read(model, ask(SENTENCES[0], adapter="voice")))
    await asyncio.sleep(0.05)
    removing = asyncio.create_task(model.remove_adapter("voice"))
    adding = asyncio.create_task(model.add_adapter("cold", loras["cold"]))
    await asyncio.sleep(0.01)
    for task in (removing, adding):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (await talking)[0]
    assert (await read(model, ask(SENTENCES[0], adapter=None)))[0]
    assert model.adapters() == ()
    assert not model._forward._llama._loras


async def test_an_unknown_adapter_is_named_in_the_error(shared: LocalModel) -> None:
    with pytest.raises(AdapterError, match=r"'loud'; loaded are: warm, cold"):
        await read(shared, ask("응", adapter="loud"))
    with pytest.raises(AdapterError, match="loud"):
        shared.use_adapter("loud")
    with pytest.raises(AdapterError, match="loud"):
        await shared.remove_adapter("loud")


async def test_an_adapter_that_does_not_fit_leaves_everything_as_it_was(
    tmp_path: Path, fresh: Callable[..., LocalModel], loras: dict[str, Path]
) -> None:
    model = fresh(adapters={"warm": loras["warm"]})
    before, _ = await read(model, ask(SENTENCES[0]))
    wider = tiny_llama(tmp_path / "wider", hidden_size=64)
    with pytest.raises(AdapterError, match="another model"):
        await model.add_adapter("wide", tiny_lora(tmp_path / "lora", wider))
    assert model.adapters() == ("warm",)
    assert (await read(model, ask(SENTENCES[0])))[0] == before


# Faults


async def test_a_fault_in_one_request_leaves_the_others_going(
    fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = fresh()
    alone, _ = await read(model, ask(SENTENCES[0], adapter=None))
    run = model._worker._forward
    victim = len(model._template.encode(ask(SENTENCES[1]).messages))

    def faulty(batch: Batch, adapter: str | None) -> torch.Tensor:
        if batch.tokens.shape[1] > 1 and batch.kv_length == victim:
            raise RuntimeError("the kernel is on fire\nand this is the trace")
        return run(batch, adapter)

    monkeypatch.setattr(model._worker, "_forward", faulty)
    good, bad = await asyncio.gather(
        read(model, ask(SENTENCES[0], adapter=None)),
        read(model, ask(SENTENCES[1], adapter=None)),
        return_exceptions=True,
    )
    assert isinstance(good, tuple)
    assert good[0] == alone
    assert isinstance(bad, LanguageModelError)
    assert str(bad).endswith("failed: RuntimeError: the kernel is on fire")


async def test_running_out_of_memory_says_what_to_do(
    fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh()

    def full(batch: Batch, adapter: str | None) -> torch.Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(model._worker, "_forward", full)
    with pytest.raises(LanguageModelError, match=r"out of memory .* --max-batch"):
        await read(model, ask("응", adapter=None))


async def test_numbers_that_are_none_fail_only_their_own_reply(
    fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh()
    requests = [ask(words, adapter=None) for words in SENTENCES[:3]]
    alone = [(await read(model, request))[0] for request in requests]
    run = model._worker._forward

    def poisoned(batch: Batch, adapter: str | None) -> torch.Tensor:
        logits = run(batch, adapter)
        if len(logits) == 3:
            logits[1] = float("nan")
        return logits

    monkeypatch.setattr(model._worker, "_forward", poisoned)
    results = await asyncio.gather(*(read(model, request) for request in requests), return_exceptions=True)
    failed = [result for result in results if isinstance(result, LanguageModelError)]
    assert len(failed) == 1
    assert "NaN" in str(failed[0])
    assert {result[0] for result in results if isinstance(result, tuple)} <= set(alone)


async def test_closing_ends_the_thread_and_fails_what_is_under_way(
    fresh: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fresh()
    slow_down(model, monkeypatch, 0.01)
    talking = asyncio.create_task(read(model, ask(SENTENCES[0], Sampling(max_new_tokens=200), adapter=None)))
    await asyncio.sleep(0.05)
    await model.close()
    with pytest.raises(LanguageModelError, match="closed"):
        await talking
    with pytest.raises(LanguageModelError, match="closed"):
        await read(model, ask("응", adapter=None))
    assert not model._worker._thread.is_alive()
    await model.close()


def test_a_reader_whose_event_loop_is_gone_does_not_stop_the_model(base: Path) -> None:
    model = LocalModel(base, device="cpu", dtype="float32")
    request = ask(SENTENCES[0], Sampling(temperature=0, max_new_tokens=200), adapter=None)

    async def leave() -> LocalReply:
        reply = model.stream(request)
        await anext(reply)
        return reply

    reply = asyncio.run(leave())
    assert asyncio.run(read(model, ask("응", adapter=None)))[1].finish_reason is not None
    asyncio.run(model.close())
    assert reply.finish_reason is None
    assert "language-model" not in {thread.name for thread in threading.enumerate() if thread is model._worker._thread}


# Counting


async def test_counting_is_exact(shared: LocalModel, base: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    messages = [PERSONA]
    for n, words in enumerate(SENTENCES):
        messages.append(ChatMessage(("user", "assistant")[n % 2], f" <감정:기쁨:0.3> {words} 😀\n\n뷁  ㅋㅋ"))
        plain = [{"role": message.role, "content": message.content} for message in messages]
        exact = tokenizer.apply_chat_template(plain, add_generation_prompt=True, tokenize=True, return_dict=True)
        assert shared.count_tokens(messages) == len(exact["input_ids"])


async def test_the_number_of_threads_is_the_workers_own(fresh: Callable[..., LocalModel]) -> None:
    before = torch.get_num_threads()
    model = fresh(threads=before + 1)
    inside = await asyncio.wrap_future(model._worker.run(torch.get_num_threads))
    others = await asyncio.to_thread(torch.get_num_threads)
    assert (model.threads, inside, torch.get_num_threads(), others) == (before + 1, before + 1, before, before)


def test_settings_that_cannot_be_met_are_told(base: Path) -> None:
    with pytest.raises(LanguageModelError, match="context of 100000 tokens"):
        LocalModel(base, device="cpu", context_length=100_000)
    with pytest.raises(LanguageModelError, match="no device 'quantum'"):
        LocalModel(base, device="quantum")
