"""Loading a causal language model and its tokenizer with transformers, on the device and in the format that suit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch

from character.errors import LanguageModelError, ModelUnavailable
from character.kv_cache import is_out_of_memory

DType = Literal["auto", "float32", "bfloat16"]


def choose_device(device: str) -> torch.device:
    """``auto`` means the GPU if there is one.

    Raises:
        LanguageModelError: there is no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise LanguageModelError(f"there is no device {device!r}; use auto, cpu or cuda") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise LanguageModelError("cuda was asked for, but this PyTorch sees no GPU; use --device cpu")
    return chosen


def load_pretrained(model: str, device: torch.device, dtype: DType) -> tuple[Any, Any]:
    """Loads a model for use, not for training.

    Args:
        model: a local folder, which is never looked for elsewhere, or a hub id.
        device: where the weights go.
        dtype: ``auto`` takes bfloat16 on the GPU, and on the CPU what is faster there.

    Returns:
        The causal language model in evaluation mode, and its tokenizer.

    Raises:
        LanguageModelError: the folder is missing, holds no model, or does not fit into memory.
        ModelUnavailable: the hub cannot be reached or has no such model.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    folder = Path(model).expanduser()
    local = folder.is_dir()
    source = str(folder) if local else model
    if not local and (folder.is_absolute() or model.startswith((".", "~"))):
        raise LanguageModelError(f"there is no folder {model}")
    if local and not (folder / "config.json").is_file():
        raise LanguageModelError(f"{model} is not a model of transformers: it has no config.json")
    try:
        config = AutoConfig.from_pretrained(source, local_files_only=local)
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
        network = AutoModelForCausalLM.from_pretrained(
            source,
            config=config,
            local_files_only=local,
            dtype=_choose_dtype(config, device, dtype),
            use_safetensors=True,
        )
        network = network.eval().requires_grad_(False).to(device)
    except (OSError, ValueError, KeyError, RuntimeError, MemoryError, SafetensorError) as error:
        raise _load_error(model, local, device, error) from error
    if getattr(network, "peft_config", None):
        raise LanguageModelError(
            f"{model} holds an adapter beside the model; keep it in a folder of its own (--adapter)"
        )
    return network, tokenizer


def _load_error(model: str, local: bool, device: torch.device, error: Exception) -> LanguageModelError:
    if is_out_of_memory(error):
        return LanguageModelError(f"{model} does not fit into the memory of {device}; take a smaller model")
    reason = str(error).strip().partition("\n")[0]
    if local:
        return LanguageModelError(f"{model} cannot be loaded: {reason}")
    return ModelUnavailable(f"{model} is no folder here, and the hub does not give it: {reason}")


def _choose_dtype(config: Any, device: torch.device, dtype: DType) -> torch.dtype | str:
    if dtype != "auto":
        return torch.float32 if dtype == "float32" else torch.bfloat16
    if device.type != "cpu":
        return torch.bfloat16
    # Measured with the bundled model's shape on one core: with AVX512-BF16, eight chats decode 1.5 times as fast as in
    # float32, with AMX a prompt is read three times as fast as well. Without either, bfloat16 is emulated, and slow.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    native = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return torch.bfloat16 if native else torch.float32
