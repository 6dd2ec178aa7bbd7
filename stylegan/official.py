"""Reads network files of the official StyleGAN2-ADA (PyTorch, FFHQ kind) as a generator of ours.

Such a file is a pickle of a dictionary with ``G``, ``D`` and ``G_ema``, whose objects carry their own source code. Here it is
read with `stylegan.inert_pickle`, which builds and runs nothing of it; only the tensors of ``G_ema`` are taken. A safetensors
file with the same names (``mapping.fc0.weight``, ``synthesis.b4.const``, …) is read as well.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylegan.attributes import CONDITIONS
from stylegan.errors import BadWeights
from stylegan.generator import Generator, GeneratorConfig
from stylegan.inert_pickle import Inert, Name, Reference, read_pickle
from stylegan.layers import fir_kernel

LARGEST_FILE = 4_000_000_000  # bytes; the official network of 1024 pixels has 0.4 · 10⁹
PERSISTENT = Name("torch_utils.persistence", "_reconstruct_persistent_obj")
STORED = Name("torch.storage", "_load_from_bytes")
TENSOR = Name("torch._utils", "_rebuild_tensor_v2")
PARAMETER = Name("torch._utils", "_rebuild_parameter")
DICTIONARIES = (Name("collections", "OrderedDict"), Name("dnnlib.util", "EasyDict"))
NAMED = {
    PERSISTENT, STORED, TENSOR, PARAMETER, *DICTIONARIES,
    Name("builtins", "set"), Name("__builtin__", "set"), Name("torch", "Size"), Name("torch", "device"),
    Name("numpy", "dtype"), Name("numpy.core.multiarray", "scalar"), Name("numpy._core.multiarray", "scalar"),
}  # fmt: skip
STORAGES = {
    Name("torch", "FloatStorage"): torch.float32, Name("torch", "DoubleStorage"): torch.float64,
    Name("torch", "HalfStorage"): torch.float16, Name("torch", "BFloat16Storage"): torch.bfloat16,
}  # fmt: skip
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # begins what torch.save writes without a zip archive
DEEPEST = 8  # modules within modules


@dataclass
class OfficialNetwork:
    """What a file says of its generator.

    Attributes:
        tensors: by their official names.
        mapping_rate: learning-rate multiplier of the mapping network.
        clamp: largest magnitude of a layer's output, or None.
    """

    tensors: dict[str, Tensor]
    mapping_rate: float = 0.01
    clamp: float | None = None


def import_official(path: Path) -> Generator:
    """The generator in an official file, with an attribute network that does nothing yet.

    Raises:
        BadWeights: the file is missing, damaged or hostile, or holds another kind of network.
    """
    try:
        return convert(read_official(path))
    except BadWeights as error:
        raise BadWeights(f"{path} cannot be imported: {error}") from None


# -- reading -------------------------------------------------------------------------------------------------------------


def read_official(path: Path) -> OfficialNetwork:
    """Reads a pickle of ``G_ema``, or a safetensors file with the same names.

    Raises:
        BadWeights: the file is missing, damaged or hostile, or holds something else.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BadWeights(f"it is larger than {LARGEST_FILE / 1e9:g} GB; no network of this kind is")
        data = path.read_bytes()
    except OSError as error:
        raise BadWeights(str(error.strerror or error)) from None
    if data[:2] == b"PK":
        raise BadWeights("it is a zip archive; give the network pickle (.pkl) of StyleGAN2-ADA, or safetensors")
    return _from_safetensors(data) if data[8:9] == b"{" else _from_pickle(data)


def _from_safetensors(data: bytes) -> OfficialNetwork:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise BadWeights(f"no readable safetensors file: {error}") from None
    prefix = "G_ema."
    own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)} or tensors
    return OfficialNetwork({name: _checked(name, tensor) for name, tensor in own.items()})


def _from_pickle(data: bytes) -> OfficialNetwork:
    snapshot = _dictionary(read_pickle(data, _allowed), "it")
    if "G_ema" not in snapshot:
        raise BadWeights("it holds no G_ema; give the network pickle of StyleGAN2-ADA (PyTorch)")
    fields: dict[str, Any] = {}
    packed: dict[str, Any] = {}
    _walk(snapshot["G_ema"], "", packed, fields)
    _no_other_kind(packed)
    left = len(data)
    tensors = {}
    for name, value in packed.items():
        tensors[name] = _checked(name, _tensor(name, value))
        left -= tensors[name].nbytes
        if left < 0:
            raise BadWeights("its tensors are larger than the file itself")
    rate, clamp = fields.get("mapping.fc0.bias_gain", 0.01), fields.get("synthesis.b4.conv1.conv_clamp")
    if not isinstance(rate, int | float) or not isinstance(clamp, int | float | None):
        raise BadWeights("its learning-rate multiplier or its conv_clamp is no number")
    return OfficialNetwork(tensors, float(rate), None if clamp is None else float(clamp))


def _allowed(name: Name) -> bool:
    if name.module.startswith("dnnlib.tflib"):
        raise BadWeights("it is a TensorFlow network; convert it to PyTorch with the official legacy.py first")
    return name in NAMED


def _dictionary(value: Any, what: str) -> Mapping[Any, Any]:
    if isinstance(value, Inert) and value.name in DICTIONARIES:
        return value.items or {}
    if not isinstance(value, dict):
        raise BadWeights(f"{what} is no dictionary, as in an official network file")
    return value


def _walk(module: Any, prefix: str, tensors: dict[str, Any], fields: dict[str, Any], depth: int = 0) -> None:
    """Collects the tensors and plain fields of a persistent module and of those in it, under their dotted names."""
    what = prefix.rstrip(".") or "G_ema"
    if not isinstance(module, Inert) or module.name != PERSISTENT or len(module.arguments) != 1:
        raise BadWeights(f"{what} is no network module, as in an official network file")
    if depth > DEEPEST:
        raise BadWeights(f"{what} lies too deep")
    state = _dictionary(_dictionary(module.arguments[0], what).get("state"), what)
    for kind in ("_parameters", "_buffers"):
        for name, value in _dictionary(state.get(kind), what).items():
            if value is not None:
                tensors[f"{prefix}{name}"] = value
    for name, value in state.items():
        if isinstance(value, int | float | str | None):
            fields[f"{prefix}{name}"] = value
    for name, inner in _dictionary(state.get("_modules"), what).items():
        _walk(inner, f"{prefix}{name}.", tensors, fields, depth + 1)


def _tensor(name: str, value: Any) -> Tensor:
    """The tensor that ``value`` would have built."""
    if isinstance(value, Inert) and value.name == PARAMETER and value.arguments:
        value = value.arguments[0]
    if not isinstance(value, Inert) or value.name != TENSOR or len(value.arguments) < 4:
        raise BadWeights(f"{name} is no tensor")
    storage, offset, size, stride = value.arguments[:4]
    if not isinstance(storage, Inert) or storage.name != STORED or len(storage.arguments) != 1:
        raise BadWeights(f"{name} has no storage")
    flat = _storage(name, storage.arguments[0])
    numbers = (offset, *size, *stride) if isinstance(size, tuple) and isinstance(stride, tuple) else (-1,)
    if len(size) != len(stride) or not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise BadWeights(f"{name} has a size or stride that means nothing")
    last = offset + sum((count - 1) * step for count, step in zip(size, stride, strict=True))
    if math.prod(size) > len(flat) or (math.prod(size) and last >= len(flat)):
        raise BadWeights(f"{name} of size {size} reaches beyond its {len(flat)} stored numbers")
    return flat.as_strided(size, stride, offset).float().contiguous()


def _storage(name: str, data: Any) -> Tensor:
    """What ``torch.save`` wrote of one storage, as a flat tensor."""
    if not isinstance(data, bytes):
        raise BadWeights(f"the storage of {name} is no bytes")
    file = io.BytesIO(data)
    magic, _, system, stored, _ = (read_pickle(file, STORAGES.__contains__) for _ in range(5))
    if magic != LEGACY_MAGIC or not isinstance(system, dict) or not system.get("little_endian", True):
        raise BadWeights(f"the storage of {name} is not as torch.save writes it")
    key = stored.key if isinstance(stored, Reference) else None
    if not isinstance(key, tuple) or len(key) < 5 or key[0] != "storage" or key[1] not in STORAGES or any(key[5:]):
        raise BadWeights(f"the storage of {name} holds no floating-point numbers")
    dtype = STORAGES[key[1]]
    count = int.from_bytes(file.read(8), "little", signed=True)
    raw = file.read()
    if count != key[4] or count < 0 or count * dtype.itemsize != len(raw):
        raise BadWeights(f"the storage of {name} is cut off: {len(raw)} bytes instead of {count} numbers")
    return torch.frombuffer(bytearray(raw), dtype=dtype) if count else torch.empty(0, dtype=dtype)


def _checked(name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point() or not torch.isfinite(tensor).all():
        raise BadWeights(f"{name} holds values that are not finite numbers")
    return tensor.float()


# -- converting ----------------------------------------------------------------------------------------------------------


def convert(network: OfficialNetwork) -> Generator:
    """The same function as a generator of ours.

    Weights of convolutions are divided by He's constant, by which ours multiply them: official networks leave it out where
    the output is demodulated anyway.

    Raises:
        BadWeights: it is no unconditional StyleGAN2 generator with skip connections.
    """
    tensors = network.tensors
    _no_other_kind(tensors)
    config = _config(network)
    with torch.device("meta"):  # shapes alone: a hostile file gets no memory before it fits
        expected = Generator(config).state_dict()
    names = {name: official_name(name, config) for name in expected}
    filters = {name for name in tensors if name.endswith("resample_filter")}
    unknown = tensors.keys() - filters - {official for official in names.values() if official}
    if unknown:
        raise BadWeights(f"{min(unknown)} has no place in a StyleGAN2 generator with skip connections")
    for name in filters:
        if tensors[name].shape != (4, 4) or not torch.allclose(tensors[name], fir_kernel(), atol=1e-4):
            raise BadWeights(f"{name} is another filter than the paper's 1-3-3-1")
    generator = Generator(config)
    ready = dict(generator.state_dict())
    for name, official in names.items():
        if official is None:
            continue
        tensor = tensors.get(official)
        wanted = expected[name].shape[1:] if name.endswith("constant") else expected[name].shape
        if tensor is None or tensor.shape != wanted:
            found = "is missing" if tensor is None else f"has the shape {tuple(tensor.shape)}"
            raise BadWeights(f"{official} {found}; {tuple(wanted)} is expected")
        ready[name] = tensor.reshape(expected[name].shape)
        if name.startswith("synthesis_network.layers") and name.endswith("conv.weight"):
            ready[name] = ready[name] * math.sqrt(ready[name][0].numel())
    generator.load_state_dict(ready)
    return generator.eval().requires_grad_(False)


def _no_other_kind(tensors: Mapping[str, Any]) -> None:
    if any(name.startswith("synthesis.input.") for name in tensors):
        raise BadWeights("it is a StyleGAN3 network; only StyleGAN2 can be imported")
    if any(name.startswith("mapping.embed.") for name in tensors):
        raise BadWeights(
            "its network is conditioned on classes; only networks without classes (as of FFHQ) can be imported"
        )
    for name in ("synthesis.b4.const", "mapping.fc0.weight", "mapping.w_avg"):
        if name not in tensors:
            raise BadWeights(f"it holds no StyleGAN2 generator: {name} is missing")


def _config(network: OfficialNetwork) -> GeneratorConfig:
    tensors = network.tensors

    def size(name: str, dimension: int) -> int:
        if name not in tensors or tensors[name].ndim <= dimension:
            raise BadWeights(f"{name} is missing or has too few dimensions")
        return int(tensors[name].shape[dimension])

    sizes = {name.split(".")[1] for name in tensors if name.startswith("synthesis.b")}
    numbers = sorted(int(name[1:]) for name in sizes if name[1:].isdecimal() and len(name) < 6)
    resolutions = [2**k for k in range(2, len(numbers) + 2)]
    if numbers != resolutions:
        raise BadWeights(f"its resolutions {numbers} are not 4, 8, 16 and so on")
    return GeneratorConfig(
        resolution=numbers[-1],
        latent_dim=size("mapping.fc0.weight", 1),
        w_dim=size("mapping.w_avg", 0),
        mapping_layers=sum(name.startswith("mapping.fc") and name.endswith(".weight") for name in tensors),
        attributes=CONDITIONS,
        channels={number: size(f"synthesis.b{number}.conv1.weight", 0) for number in numbers},
        noise=any(name.endswith("noise_const") for name in tensors),
        mapping_rate=network.mapping_rate,
        clamp=network.clamp,
    )


_PARTS: dict[str, Callable[[str], str]] = {
    "mapping_network": lambda rest: "mapping.fc" + rest.removeprefix("layers."),
    "w_avg": lambda _: "mapping.w_avg",
}
_LAYER_NAMES = {
    "conv.weight": "weight", "conv.style.weight": "affine.weight", "conv.style.bias": "affine.bias", "bias": "bias",
    "noise": "noise_const", "noise_strength": "noise_strength",
}  # fmt: skip


def official_name(name: str, config: GeneratorConfig) -> str | None:
    """The official name of a tensor of `Generator`; None for those of the attribute network, which it has not."""
    part, _, rest = name.partition(".")
    if part == "attribute_network":
        return None
    if part in _PARTS:
        return _PARTS[part](rest)
    if rest == "constant":
        return "synthesis.b4.const"
    kind, block, rest = rest.split(".", 2)
    size = config.resolutions[int(block)]
    if kind == "to_rgb":
        return f"synthesis.b{size}.torgb.{_LAYER_NAMES[rest]}"
    layer, rest = rest.split(".", 1)
    number = int(layer) if size > 4 else 1
    return f"synthesis.b{size}.conv{number}.{_LAYER_NAMES[rest]}"
