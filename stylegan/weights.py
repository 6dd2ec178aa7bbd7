"""Weights of the small networks on disk: one safetensors file for each, and one configuration for a folder of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from stylegan.errors import BadWeights

if TYPE_CHECKING:
    from torch import nn

BUNDLED = Path(__file__).parent / "bundled"
Config = TypeVar("Config")
Made = TypeVar("Made")
LARGE = 4096  # numbers; larger tensors are stored in half precision


def folder_named(name: str | Path, bundled: str) -> Path:
    """The folder that a setting names: ``bundled`` is the one that ships with this package."""
    return BUNDLED / bundled if str(name) == "bundled" else Path(name)


def save_module(module: nn.Module, path: Path) -> None:
    """Writes a network's weights; large tensors as float16, small ones (statistics, biases) as they are."""
    import torch
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {
            name: (tensor.half() if tensor.numel() > LARGE and tensor.dtype == torch.float32 else tensor)
            .detach().cpu().contiguous()
            for name, tensor in module.state_dict().items()
        },
        path,
    )  # fmt: skip


def load_module(module: nn.Module, path: Path) -> None:
    """Loads weights into a network, for use: no gradients.

    Raises:
        BadWeights: the file is missing or damaged, or is another network's.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except FileNotFoundError:
        raise BadWeights(f"{path} is missing; python -m training.face_judge writes it") from None
    except (SafetensorError, OSError) as error:
        raise BadWeights(f"{path} is no readable safetensors file: {error}") from error
    expected = module.state_dict()
    wrong = expected.keys() ^ tensors.keys()
    wrong |= {name for name in expected.keys() & tensors.keys() if expected[name].shape != tensors[name].shape}
    if wrong:
        raise BadWeights(f"{path} does not fit its config.json: {min(wrong)} is missing, not known or of another shape")
    if not all(torch.isfinite(tensor.float()).all() for tensor in tensors.values()):
        raise BadWeights(f"{path} is damaged: it holds values that are not finite")
    module.load_state_dict({name: tensor.to(expected[name].dtype) for name, tensor in tensors.items()})
    module.eval().requires_grad_(False)


def save_config(folder: Path, name: str, config: dict[str, Any]) -> None:
    """Writes the part ``name`` of the folder's config.json and leaves its other parts as they are."""
    path = folder / "config.json"
    folder.mkdir(parents=True, exist_ok=True)
    parts = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    parts[name] = config
    path.write_text(json.dumps(parts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load_config(folder: Path, name: str, kind: type[Config]) -> Config:
    """Reads the part ``name`` of the folder's config.json into the dataclass ``kind``.

    Raises:
        BadWeights: it is not there or does not fit.
    """
    path = folder / "config.json"
    try:
        part = json.loads(path.read_text(encoding="utf-8"))[name]
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in part.items()})
    except OSError as error:
        raise BadWeights(
            f"{folder} holds no face judge: {error.strerror or error} (config.json); "
            "name a folder that training.face_judge wrote"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadWeights(f"{path} has no usable part {name!r} ({error}); train the judge anew") from error


def build(folder: Path, name: str, kind: type[Config], made: Callable[[Config], Made], what: str) -> Made:
    """What the part ``name`` of the folder's config.json describes, still without weights.

    Args:
        made: builds it from its configuration.
        what: its name in an error.

    Raises:
        BadWeights: the configuration is missing or describes nothing that can be built.
    """
    config = load_config(folder, name, kind)
    try:
        return made(config)
    except (TypeError, ValueError, IndexError, RuntimeError) as error:
        raise BadWeights(f"{folder / 'config.json'} describes no {what}: {error}") from error
