"""LoRA adapters: what does not fit is refused with the reason, and the base model stays as it was."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from character.adapters import CONFIG, WEIGHTS, AdapterSet
from character.errors import AdapterError
from tests.tiny_models import tiny_llama, tiny_lora


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("models") / "base")


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    return tiny_lora(tmp_path_factory.mktemp("adapters") / "lora", base)


@pytest.fixture
def copy(lora: Path, tmp_path: Path) -> Path:
    """A copy of the adapter, to be spoilt."""
    return Path(shutil.copytree(lora, tmp_path / "copy"))


def adapter_set(base: Path) -> tuple[Any, AdapterSet]:
    model = AutoModelForCausalLM.from_pretrained(base, local_files_only=True).eval()
    return model, AdapterSet(model, str(base))


@torch.inference_mode()
def logits(model: Any) -> torch.Tensor:
    output: torch.Tensor = model(torch.arange(300, 310)[None]).logits
    return output


def change_config(folder: Path, **settings: Any) -> None:
    path = folder / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    save_file(change(load_file(folder / WEIGHTS)), folder / WEIGHTS)


def test_activating_gives_what_peft_gives_and_the_base_model_comes_back_to_the_bit(base: Path, lora: Path) -> None:
    from peft import PeftModel

    expected = logits(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(lora)))
    model, adapters = adapter_set(base)
    bare = logits(model)
    key = adapters.add(adapters.read(lora))
    assert torch.equal(logits(model), bare)
    adapters.activate(key)
    assert torch.equal(logits(model), expected)
    adapters.activate(None)
    assert torch.equal(logits(model), bare)
    adapters.remove(key)
    assert torch.equal(logits(model), bare)


def test_several_adapters_live_side_by_side(base: Path, lora: Path, tmp_path: Path) -> None:
    other = tiny_lora(tmp_path / "other", base, seed=1, target_modules=["o_proj", "v_proj"], r=2)
    model, adapters = adapter_set(base)
    alone = {}
    for folder in (lora, other):
        key = adapters.add(adapters.read(folder))
        adapters.activate(key)
        alone[folder] = logits(model)
        adapters.remove(key)
    keys = {folder: adapters.add(adapters.read(folder)) for folder in (lora, other)}
    for folder in (other, lora, other):
        adapters.activate(keys[folder])
        assert torch.equal(logits(model), alone[folder])
    adapters.remove(keys[lora])
    adapters.activate(keys[other])
    assert torch.equal(logits(model), alone[other])


def test_a_key_is_never_given_twice(base: Path, lora: Path) -> None:
    _, adapters = adapter_set(base)
    first = adapters.add(adapters.read(lora))
    adapters.remove(first)
    assert adapters.add(adapters.read(lora)) != first


def test_matrices_are_those_of_the_file_with_their_scaling(base: Path, lora: Path) -> None:
    _, adapters = adapter_set(base)
    matrices = adapters.matrices(adapters.add(adapters.read(lora)))
    tensors = load_file(lora / WEIGHTS)
    assert matrices is not None
    assert len(matrices) == len(tensors) // 2
    name = "model.layers.1.mlp.up_proj"
    assert torch.equal(matrices[name].down, tensors[f"base_model.model.{name}.lora_A.weight"])
    assert torch.equal(matrices[name].up, tensors[f"base_model.model.{name}.lora_B.weight"])
    assert matrices[name].scaling == 2.0


def test_matrices_of_more_than_plain_lora_are_not_given(base: Path, tmp_path: Path) -> None:
    _, adapters = adapter_set(base)
    folder = tiny_lora(tmp_path, base, use_dora=True)
    assert adapters.matrices(adapters.add(adapters.read(folder))) is None


def test_a_folder_without_an_adapter_is_refused(base: Path, tmp_path: Path) -> None:
    _, adapters = adapter_set(base)
    with pytest.raises(AdapterError, match=rf"{tmp_path} is not a LoRA adapter: it has no {CONFIG}"):
        adapters.read(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "null", '{"peft_type": "LOHA"}', "{}"])
def test_a_configuration_of_something_else_is_refused(base: Path, copy: Path, content: str) -> None:
    _, adapters = adapter_set(base)
    (copy / CONFIG).write_text(content)
    with pytest.raises(AdapterError, match=r"not a (PEFT configuration|LoRA adapter)"):
        adapters.read(copy)


def test_weights_that_are_missing_pickled_or_damaged_are_refused(base: Path, copy: Path) -> None:
    _, adapters = adapter_set(base)
    (copy / WEIGHTS).write_bytes(b"\x00" * 100)
    with pytest.raises(AdapterError, match="cannot be read"):
        adapters.read(copy)
    (copy / WEIGHTS).rename(copy / "adapter_model.bin")
    with pytest.raises(AdapterError, match="save it as safetensors"):
        adapters.read(copy)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(base: Path, copy: Path, number: float) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        next(iter(tensors.values()))[0, 0] = number
        return tensors

    change_weights(copy, spoil)
    _, adapters = adapter_set(base)
    with pytest.raises(AdapterError, match="holds NaN or infinity"):
        adapters.read(copy)


def test_an_adapter_that_matches_no_layer_is_refused(base: Path, copy: Path) -> None:
    change_weights(copy, lambda tensors: {name.replace("layers", "blocks"): t for name, t in tensors.items()})
    _, adapters = adapter_set(base)
    with pytest.raises(AdapterError, match="matches no layer of"):
        adapters.read(copy)


def test_an_adapter_for_a_deeper_model_is_refused(base: Path, tmp_path: Path) -> None:
    deeper = tiny_llama(tmp_path / "deeper", num_hidden_layers=3)
    _, adapters = adapter_set(base)
    with pytest.raises(AdapterError, match=r"has no layer for model\.layers\.2"):
        adapters.read(tiny_lora(tmp_path / "lora", deeper))


def test_an_adapter_for_a_wider_model_is_refused_with_both_shapes(base: Path, tmp_path: Path) -> None:
    wider = tiny_llama(tmp_path / "wider", hidden_size=64)
    _, adapters = adapter_set(base)
    with pytest.raises(AdapterError, match=r"shape \[4, 64\], but the layer has 32 inputs and 32 outputs"):
        adapters.read(tiny_lora(tmp_path / "lora", wider, target_modules=["q_proj"]))


@pytest.mark.filterwarnings("ignore:.*(tie_word_embeddings|save_embedding_layers)")
def test_whole_modules_are_refused(base: Path, tmp_path: Path) -> None:
    _, adapters = adapter_set(base)
    head = tiny_lora(tmp_path / "head", base, modules_to_save=["lm_head"])
    with pytest.raises(AdapterError, match="without modules_to_save"):
        adapters.read(head)
    embedding = tiny_lora(tmp_path / "embedding", base, target_modules=["embed_tokens", "q_proj"])
    with pytest.raises(AdapterError, match="only LoRA matrices can be used"):
        adapters.read(embedding)


def test_a_configuration_that_belongs_to_other_weights_changes_nothing(base: Path, copy: Path) -> None:
    change_config(copy, target_modules=["q_proj", "v_proj", "up_proj", "down_proj", "o_proj"])
    model, adapters = adapter_set(base)
    bare = logits(model)
    with pytest.raises(AdapterError, match="configuration and its weights differ"):
        adapters.add(adapters.read(copy))
    change_config(copy, r=2)
    with pytest.raises(AdapterError, match="does not fit"):
        adapters.add(adapters.read(copy))
    assert torch.equal(logits(model), bare)


def test_another_base_name_is_a_warning(base: Path, copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, adapters = adapter_set(base)
    change_config(copy, base_model_name_or_path="kakaocorp/kanana-1.5-2.1b-instruct-2505")
    with caplog.at_level(logging.WARNING):
        adapters.read(copy)
    assert "kanana" in caplog.text
    caplog.clear()
    change_config(copy, base_model_name_or_path="/home/someone/runs/17")
    adapters.read(copy)
    assert not caplog.text
