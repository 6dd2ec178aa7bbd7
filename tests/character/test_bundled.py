"""The bundled language model, as it ships."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

import character
from character.card import builtin_card
from character.language_model import ChatMessage, GenerationRequest, Sampling
from character.loading import load_language_model
from character.prompt import TurnContext, build_prompt
from training.dialogues import load_dialogues
from training.evaluate import measure

BUNDLED = Path(character.__file__).parent / "bundled"
BUDGET_MB = 120


def test_all_bundled_weights_stay_within_the_budget_in_shards_under_15_mb_with_a_card_each() -> None:
    files = [file for file in BUNDLED.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < BUDGET_MB * 1e6
    assert max(file.stat().st_size for file in files) < 15e6
    for folder in {file.parent for file in files if file.suffix == ".safetensors"}:
        card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
        assert "CC BY-SA 4.0" in card
        assert "python -m training." in card


def test_no_path_of_the_machine_that_trained_it_is_left_in_its_files() -> None:
    for file in BUNDLED.rglob("*"):
        if file.suffix in {".json", ".md", ".jinja"} and file.name != "tokenizer.json":
            assert "/work/" not in file.read_text(encoding="utf-8"), file
            assert "/tmp/" not in file.read_text(encoding="utf-8"), file  # noqa: S108 - looked for, not used


@pytest.mark.slow
async def test_it_answers_first_lines_it_never_saw_with_a_tag_in_korean_without_loops(tmp_path: Path) -> None:
    held = [dialogue for dialogue in load_dialogues() if dialogue.held_out][:24]
    model = load_language_model("bundled", device="cpu")
    card = builtin_card()

    async def answer(text: str, seed: int) -> str:
        prompt = build_prompt(
            card,
            [ChatMessage("user", text)],
            model_budget=model.context_length - 80,
            count_tokens=model.count_tokens,
            context=TurnContext(now=datetime(2026, 3, 6, 21), examples=False),
        )
        sampling = Sampling(temperature=0.7, max_new_tokens=80, seed=seed)
        return "".join([piece async for piece in model.stream(GenerationRequest(prompt.messages, sampling))])

    try:
        replies = await asyncio.gather(*(answer(d.exchanges[0].user, i) for i, d in enumerate(held)))
    finally:
        await model.close()
    found = measure([[reply] for reply in replies], list(zip(held, replies, strict=True)), set())
    assert found["malformed or missing tag"] <= 0.05
    assert found["foreign script or broken characters"] == 0
    assert found["loops"] == 0
    assert found["empty"] <= 0.05
