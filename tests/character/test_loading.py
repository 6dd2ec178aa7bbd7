"""One setting, many models; and one line where it names none."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from character import loading
from character.errors import AdapterError, LanguageModelError, ModelUnavailable
from character.language_model import ChatMessage, GenerationRequest, Sampling
from character.loading import load_language_model
from character.local_model import LocalModel
from character.remote_model import RemoteModel
from tests.tiny_models import CONTEXT, tiny_llama, tiny_lora


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def load(spec: str, **settings: object) -> LocalModel:
    model = load_language_model(spec, device="cpu", **settings)  # type: ignore[arg-type]
    assert isinstance(model, LocalModel)
    return model


async def test_a_folder_is_loaded_with_its_adapter(base: Path, tmp_path: Path) -> None:
    model = load(str(base), adapter=str(tiny_lora(tmp_path, base)), max_batch=2, context_length=100)
    assert (model.name, model.adapter, model.context_length) == ("tiny", "default", 100)
    reply = model.stream(GenerationRequest([ChatMessage("user", "안녕")], Sampling(max_new_tokens=4)))
    assert "".join([piece async for piece in reply]) or reply.finish_reason == "stop"
    await model.close()


async def test_bundled_is_the_model_of_the_repository(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BUNDLED_BASE", base)
    monkeypatch.setattr(loading, "BUNDLED_ADAPTER", tiny_lora(tmp_path, base))
    model = load("bundled", max_batch=0)
    assert (model.name, model.adapters(), model.context_length) == ("Oh-LoRA", ("default",), CONTEXT)
    await model.close()


async def test_a_url_is_a_remote_model() -> None:
    model = load_language_model("http://127.0.0.1:9/v1", remote_model="big", context_length=999)
    assert isinstance(model, RemoteModel)
    assert (model.name, model.context_length) == ("big", 999)
    await model.close()


def test_the_bundled_model_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "BUNDLED_BASE", tmp_path)
    with pytest.raises(LanguageModelError, match="bundled language model is missing"):
        load("bundled")


@pytest.mark.parametrize("spec", ["/nowhere/at/all", "./nowhere", "~/nowhere-at-all"])
def test_a_folder_may_be_missing(spec: str) -> None:
    with pytest.raises(LanguageModelError, match=f"^there is no folder {spec}$"):
        load(spec)


def test_a_folder_may_hold_no_model(tmp_path: Path) -> None:
    with pytest.raises(LanguageModelError, match=r"no config\.json"):
        load(str(tmp_path))


@pytest.mark.parametrize("damage", ["weights", "tokenizer", "kind"])
def test_a_folder_may_hold_half_a_model(tmp_path: Path, damage: str) -> None:
    folder = tiny_llama(tmp_path)
    if damage == "weights":
        (folder / "model.safetensors").write_bytes(b"\x00" * 64)
    elif damage == "tokenizer":
        (folder / "tokenizer.json").write_text("{")
    else:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "model_type": "of-tomorrow"}))
    with pytest.raises(LanguageModelError, match=f"^{folder} cannot be loaded: [^\n]+$"):
        load(str(folder))


def test_a_folder_may_hold_a_model_and_an_adapter_in_one(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    tiny_lora(folder, folder)
    with pytest.raises(LanguageModelError, match="a folder of its own"):
        load(str(folder))


@pytest.mark.usefixtures("offline")
def test_a_hub_that_cannot_be_reached_is_told_in_one_line() -> None:
    with pytest.raises(ModelUnavailable, match=r"^nobody/nothing is no folder here, and the hub does not give it: .+$"):
        load("nobody/nothing")


def test_an_adapter_that_does_not_fit_ends_the_start(base: Path, tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="is not a LoRA adapter"):
        load(str(base), adapter=str(tmp_path))


def test_a_tokenizer_without_chat_template_ends_the_start(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(LanguageModelError, match="no chat template"):
        load(str(folder))


async def test_two_models_can_live_in_one_process(base: Path) -> None:
    first, second = load(str(base)), load(str(base))
    request = GenerationRequest([ChatMessage("user", "안녕")], Sampling(temperature=0, max_new_tokens=8))

    async def read(model: LocalModel) -> str:
        return "".join([piece async for piece in model.stream(request)])

    assert len(set(await asyncio.gather(read(first), read(second)))) == 1
    await asyncio.gather(first.close(), second.close())
