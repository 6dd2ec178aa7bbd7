"""LoRA adapters beside one base model: read and checked first, then put into the model by PEFT, never merged."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from character.errors import AdapterError

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoraMatrices:
    """The low-rank change of one matrix: ``scaling · up @ down``.

    Attributes:
        down: ``[rank, in]``, A in the paper (Hu et al. 2021).
        up: ``[out, rank]``, B in the paper.
        scaling: alpha / rank.
    """

    down: torch.Tensor
    up: torch.Tensor
    scaling: float


@dataclass(frozen=True)
class AdapterFiles:
    """What a folder holds: PEFT's configuration and the tensors by name, without the prefix of the base model."""

    folder: Path
    config: Any
    tensors: Mapping[str, torch.Tensor]


class AdapterSet:
    """The adapters of one model. Used by one thread at a time, save for `read`.

    Args:
        model: a causal language model of transformers.
        base: its folder or hub id, compared with the one an adapter says it was trained on.
    """

    def __init__(self, model: Any, base: str) -> None:
        self._model = model
        self._base = base
        self._active: str | None = None
        self._added = 0
        # The shapes before PEFT wraps any module.
        self._shapes = {
            name: (module.weight.shape[1], module.weight.shape[0])
            for name, module in model.named_modules()
            if isinstance(module, (torch.nn.Linear, torch.nn.Embedding))
        }

    def read(self, folder: Path) -> AdapterFiles:
        """Reads a PEFT folder and checks it against the base model, which stays as it is.

        Raises:
            AdapterError: not a LoRA, not for this model, or broken.
        """
        config = _read_config(folder)
        tensors = _read_tensors(folder)
        matched = 0
        for name, tensor in tensors.items():
            module, _, kind = name.partition(".lora_")
            if not kind:
                raise AdapterError(f"{folder}: {name} is not part of a LoRA; only LoRA matrices can be used")
            if module not in self._shapes:
                continue
            matched += 1
            self._check_shape(folder, name, module, kind, tensor)
        if not matched:
            example = next(iter(tensors))
            raise AdapterError(f"{folder} matches no layer of {self._base} (it has, for example, {example})")
        if matched < len(tensors):
            missing = next(name for name in tensors if name.partition(".lora_")[0] not in self._shapes)
            raise AdapterError(f"{folder} is for another model than {self._base}, which has no layer for {missing}")
        trained_on = config.base_model_name_or_path or ""
        # A path of the machine it was trained on says nothing.
        if trained_on and not Path(trained_on).is_absolute() and Path(trained_on).name != Path(self._base).name:
            _log.warning("adapter %s says it was trained on %s, and is used with %s", folder, trained_on, self._base)
        return AdapterFiles(folder, config, tensors)

    def add(self, files: AdapterFiles) -> str:
        """Puts an adapter into the model; `activate` makes passes use it.

        Returns:
            Its key, which no other adapter of this set will ever have.

        Raises:
            AdapterError: configuration and weights do not belong together.
        """
        from peft import inject_adapter_in_model, set_peft_model_state_dict

        self._added += 1
        key = f"lora{self._added}"
        # PEFT warns of several adapters in one model, which is what this class is for.
        vars(self._model).pop("peft_config", None)
        try:
            inject_adapter_in_model(files.config, self._model, key)
            result = set_peft_model_state_dict(self._model, dict(files.tensors), key)
        except (ValueError, RuntimeError, TypeError) as error:
            self.remove(key)
            raise AdapterError(f"{files.folder} does not fit {self._base}: {_first_line(error)}") from error
        left = [name for name in result.missing_keys if ".lora_" in name and f".{key}" in name]
        if result.unexpected_keys or left:
            self.remove(key)
            name = [*result.unexpected_keys, *left][0]
            raise AdapterError(f"{files.folder}: its configuration and its weights differ at {name}; save it again")
        self._model.eval()
        self._activate(None)  # PEFT activates what it puts in
        return key

    def remove(self, key: str) -> None:
        """Takes an adapter out of the model. The layers that PEFT wrapped then compute what they did before it came."""
        from peft.functional import delete_adapter

        self._activate(None)
        delete_adapter(self._model, key, prefix="lora_")

    def activate(self, key: str | None) -> None:
        """Makes the next passes use an adapter, or none."""
        if key != self._active:
            self._activate(key)

    def _activate(self, key: str | None) -> None:
        from peft.tuners.tuners_utils import BaseTunerLayer

        for module in self._model.modules():
            if isinstance(module, BaseTunerLayer):
                module.set_adapter([] if key is None else [key], inference_mode=True)
        self._active = key

    def matrices(self, key: str) -> dict[str, LoraMatrices] | None:
        """The matrices of an adapter by module name; None if it is more than plain LoRA (DoRA, embeddings, biases)."""
        from peft.tuners.lora import Linear

        found = {}
        for path, module in self._model.named_modules():
            if key in getattr(module, "lora_embedding_A", {}):
                return None
            if key in getattr(module, "lora_A", {}):
                up = module.lora_B[key]
                if not isinstance(module, Linear) or key in module.lora_variant or up.bias is not None:
                    return None
                found[path] = LoraMatrices(module.lora_A[key].weight.detach(), up.weight.detach(), module.scaling[key])
        return found

    def _check_shape(self, folder: Path, name: str, module: str, kind: str, tensor: torch.Tensor) -> None:
        wide, tall = self._shapes[module]
        expected = {"A.weight": (1, wide), "B.weight": (0, tall)}.get(kind)
        if expected is None:
            return
        axis, size = expected
        if tensor.ndim != 2 or tensor.shape[axis] != size:
            raise AdapterError(
                f"{folder} is for another model than {self._base}: {name} has shape {list(tensor.shape)}, "
                f"but the layer has {wide} inputs and {tall} outputs"
            )


def _read_config(folder: Path) -> Any:
    from peft import LoraConfig

    path = folder / CONFIG
    if not path.is_file():
        raise AdapterError(f"{folder} is not a LoRA adapter: it has no {CONFIG}")
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("peft_type")
    except (ValueError, AttributeError) as error:
        raise AdapterError(f"{path} is not a PEFT configuration: {_first_line(error)}") from error
    if kind != "LORA":
        raise AdapterError(f"{folder} is not a LoRA adapter but {kind}; only LoRA can be used")
    try:
        config = LoraConfig.from_pretrained(str(folder))
    except (ValueError, TypeError) as error:
        raise AdapterError(f"{path} is not a PEFT configuration: {_first_line(error)}") from error
    if config.modules_to_save or getattr(config, "trainable_token_indices", None):
        raise AdapterError(
            f"{folder} replaces {config.modules_to_save or 'token embeddings'} of the base model, which other chats "
            "share; train it without modules_to_save, or merge it into a model of its own"
        )
    config.inference_mode = True
    return config


def _read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / WEIGHTS
    if not path.is_file():
        raise AdapterError(f"{folder} has no {WEIGHTS}; pickled weights are not read, save it as safetensors")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise AdapterError(f"{path} cannot be read: {_first_line(error)}") from error
    if not tensors:
        raise AdapterError(f"{path} is empty")
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise AdapterError(f"{path} is broken: {name} holds NaN or infinity; train it again")
    return {name.removeprefix("base_model.model."): tensor for name, tensor in tensors.items()}


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
