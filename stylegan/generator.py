"""The face generator: StyleGAN2's mapping and synthesis networks, and a condition on the face attributes.

An identity is a latent z. `Generator.mapping` takes it to the intermediate latent w, `Generator.condition` moves w to where
the asked attributes are shown, and `Generator.synthesis` paints the picture. Attributes enter nowhere else, so that the
attribute part can be trained alone on top of a frozen generator.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stylegan.attributes import ATTRIBUTES, CONDITIONS
from stylegan.errors import BadWeights
from stylegan.layers import Linear, SynthesisLayer, ToRGB, fir_kernel, upsample

SHARD_BYTES = 14_000_000
_CHANNELS = {4: 128, 8: 128, 16: 192, 32: 160, 64: 96, 128: 64, 256: 32, 512: 16, 1024: 8}


@dataclass(frozen=True)
class GeneratorConfig:
    """The shape of a generator.

    Attributes:
        resolution: side of the pictures in pixels, a power of two from 8 to 1024.
        latent_dim: size of z.
        w_dim: size of w.
        mapping_layers: fully connected layers from z to w.
        attribute_layers: fully connected layers of the attribute part; 0 for a generator without one.
        attributes: names of the attributes it is conditioned on, in order.
        channels: feature maps by resolution.
        noise: whether layers add fixed noise (official networks do; ours have none, so that nothing flickers).
        mapping_rate: learning-rate multiplier of the mapping network.
        layout: what the mapping network reads. "plain": z, as in the paper. "portrait": what z stands for in our drawn
            portraits (`stylegan.portrait.layout`), which also stands in w beside the mapping's output.
        clamp: largest magnitude of what a layer gives; official networks trained in half precision have 256.
    """

    resolution: int = 256
    latent_dim: int = 64
    w_dim: int = 256
    mapping_layers: int = 4
    attribute_layers: int = 3
    attributes: tuple[str, ...] = CONDITIONS
    channels: Mapping[int, int] = field(default_factory=lambda: dict(_CHANNELS))
    noise: bool = False
    mapping_rate: float = 1.0
    layout: str = "plain"
    clamp: float | None = None

    def __post_init__(self) -> None:
        for name, value, largest in self._sizes():
            least = 0 if name == "attribute_layers" else 1
            if not isinstance(value, int) or not least <= value <= largest:
                raise BadWeights(f"{name} of a generator must be a whole number of {least}…{largest}, not {value!r}")
        if not all(isinstance(value, int | float) for value in (self.mapping_rate, self.clamp or 0)):
            raise BadWeights("mapping_rate and clamp of a generator must be numbers")
        if self.layout not in ("plain", "portrait"):
            raise BadWeights(f"layout of a generator must be plain or portrait, not {self.layout!r}")
        if self.resolution not in _CHANNELS or self.resolution < 8:
            raise BadWeights(f"resolution {self.resolution} is not a power of two from 8 to 1024")
        unknown = [name for name in self.attributes if name not in ATTRIBUTES]
        if unknown:
            raise BadWeights(f"unknown face attributes: {', '.join(unknown)}")
        missing = [size for size in self.resolutions if size not in self.channels]
        if missing:
            raise BadWeights(f"channels are missing for resolution {missing[0]}")

    def _sizes(self) -> list[tuple[str, int, int]]:
        """Names and values of all sizes, and the largest that any network of this kind has."""
        wide = [("latent_dim", self.latent_dim, 4096), ("w_dim", self.w_dim, 4096)]
        deep = [("mapping_layers", self.mapping_layers, 64), ("attribute_layers", self.attribute_layers, 64)]
        return wide + deep + [("channels", count, 4096) for count in self.channels.values()]

    @property
    def resolutions(self) -> list[int]:
        """4, 8, … up to the resolution."""
        return [2**k for k in range(2, self.resolution.bit_length())]


class MappingNetwork(nn.Module):
    """z → w. z is first scaled to length √latent_dim, as in the paper."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.portrait = config.layout == "portrait"
        inputs = config.latent_dim
        outputs = config.w_dim
        if self.portrait:
            from stylegan.portrait.layout import LAYOUT_DIM

            inputs, outputs = LAYOUT_DIM, config.w_dim - LAYOUT_DIM
            if outputs < 1:
                raise BadWeights(f"w_dim of a generator with the layout of portraits must be above {LAYOUT_DIM}")
        sizes = [inputs, *[outputs] * config.mapping_layers]
        self.layers = nn.ModuleList(
            Linear(a, b, activate=True, rate=config.mapping_rate) for a, b in itertools.pairwise(sizes)
        )

    def forward(self, z: Tensor) -> Tensor:
        if self.portrait:
            from stylegan.portrait.layout import lay_out

            description = torch.from_numpy(lay_out(z.double().cpu().numpy())).to(z.device)
            return torch.cat([self._through(description), description], dim=1)
        return self._through(normalize_latent(z))

    def _through(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class AttributeNetwork(nn.Module):
    """Moves w to where the asked attributes are shown: w + f(w, attributes).

    Attributes come in their own units and are scaled to −1…1. The last layer starts at zero: an untrained network leaves
    the generator as it is.
    """

    low: Tensor
    high: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        known = [ATTRIBUTES[name] for name in config.attributes]
        self.register_buffer("low", torch.tensor([a.low for a in known]), persistent=False)
        self.register_buffer("high", torch.tensor([a.high for a in known]), persistent=False)
        sizes = [config.w_dim + len(known), *[config.w_dim] * (config.attribute_layers - 1)]
        self.layers = nn.ModuleList(Linear(a, b, activate=True) for a, b in itertools.pairwise(sizes))
        self.last = Linear(sizes[-1], config.w_dim)
        nn.init.zeros_(self.last.weight)

    def forward(self, w: Tensor, attributes: Tensor) -> Tensor:
        scaled = (attributes - self.low) / (self.high - self.low) * 2 - 1
        x = torch.cat([w, scaled.to(w.dtype)], dim=1)
        for layer in self.layers:
            x = layer(x)
        out: Tensor = w + self.last(x)
        return out


class SynthesisNetwork(nn.Module):
    """w → picture, with skip connections to red, green and blue at each resolution (the paper's figure 7b)."""

    fir: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        channels = config.channels
        self.constant = nn.Parameter(torch.randn(1, channels[4], 4, 4))
        self.layers, self.to_rgb = nn.ModuleList(), nn.ModuleList()
        before = channels[4]
        for size in config.resolutions:
            block = nn.ModuleList()
            if size > 4:
                block.append(
                    SynthesisLayer(before, channels[size], config.w_dim, size, True, config.noise, config.clamp)
                )
            block.append(
                SynthesisLayer(channels[size], channels[size], config.w_dim, size, False, config.noise, config.clamp)
            )
            self.layers.append(block)
            self.to_rgb.append(ToRGB(channels[size], config.w_dim, config.clamp))
            before = channels[size]
        self.register_buffer("fir", fir_kernel(4.0), persistent=False)

    def forward(self, w: Tensor, dtype: torch.dtype = torch.float32, resolution: int | None = None) -> Tensor:
        """Paints.

        Args:
            w: [B, w_dim], or [B, layers, w_dim] with one w for each layer's style in the paper's order.
            dtype: of the convolutions; sums to red, green and blue are float32.
            resolution: stops at a smaller resolution (progressive training).

        Returns:
            float32 [B, 3, R, R], about −1 (black) … 1 (white), not clipped.
        """
        x = self.constant.to(dtype).expand(len(w), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        styles = iter(w.unbind(1)) if w.ndim == 3 else None
        image: Tensor | None = None
        for block, to_rgb in zip(self.layers, self.to_rgb, strict=True):
            assert isinstance(block, nn.ModuleList)
            for layer in block:
                x = layer(x, next(styles) if styles else w)
            rgb = to_rgb(x, next(styles) if styles else w)
            image = rgb if image is None else upsample(image, self.fir) + rgb
            if x.shape[-1] == resolution:
                break
        assert image is not None
        return image


class Generator(nn.Module):
    """Faces of any identity with any attributes."""

    w_avg: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping_network = MappingNetwork(config)
        self.attribute_network = AttributeNetwork(config) if config.attribute_layers else None
        self.synthesis_network = SynthesisNetwork(config)
        self.register_buffer("w_avg", torch.zeros(config.w_dim))
        self.dtype = torch.float32

    def mapping(self, z: Tensor, truncation_psi: float = 1.0) -> Tensor:
        """z [B, latent_dim] → w [B, w_dim], drawn towards the average face by 1 − ``truncation_psi``."""
        w: Tensor = self.mapping_network(z)
        return w if truncation_psi == 1.0 else self.w_avg + (w - self.w_avg) * truncation_psi

    def condition(self, w: Tensor, attributes: Tensor) -> Tensor:
        """w [B, w_dim] and attributes [B, A] in their own units, ordered as ``config.attributes`` → w [B, w_dim]."""
        if self.attribute_network is None:
            return w
        out: Tensor = self.attribute_network(w, attributes)
        return out

    def synthesis(self, w: Tensor) -> Tensor:
        """w [B, w_dim] → pictures, float32 [B, 3, R, R] of about −1…1."""
        image: Tensor = self.synthesis_network(w, self.dtype)
        return image

    def forward(self, z: Tensor, attributes: Tensor, truncation_psi: float = 1.0) -> Tensor:
        return self.synthesis(self.condition(self.mapping(z, truncation_psi), attributes))

    def attribute_tensor(self, attributes: Sequence[Mapping[str, float]]) -> Tensor:
        """Attributes by name → float32 [B, A]; what is not named is neutral, what is beyond the range is clipped."""
        rows = []
        for given in attributes:
            row = []
            for name in self.config.attributes:
                known = ATTRIBUTES[name]
                row.append(min(known.high, max(known.low, given.get(name, known.neutral))))
            rows.append(row)
        return torch.tensor(rows, device=self.w_avg.device)


def normalize_latent(z: Tensor) -> Tensor:
    """z [B, D] scaled to length √D."""
    return z * torch.rsqrt(z.float().square().mean(1, keepdim=True) + 1e-8).to(z.dtype)


def to_pixels(images: Tensor) -> Tensor:
    """float [B, 3, H, W] of −1…1 → uint8 [B, H, W, 3]."""
    return (images.float() * 127.5 + 128).clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def from_pixels(pixels: Tensor) -> Tensor:
    """uint8 [B, H, W, 3] → float32 [B, 3, H, W] of −1…1."""
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


def save_generator(generator: Generator, folder: Path, dtype: torch.dtype = torch.bfloat16) -> None:
    """Writes ``config.json`` and ``model-*.safetensors`` shards below 15 MB, and removes shards of an older version."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in generator.state_dict().items():
        stored = tensor.detach().to("cpu", dtype).contiguous()
        if size and size + stored.nbytes > SHARD_BYTES:
            shards.append({})
            size = 0
        shards[-1][name] = stored
        size += stored.nbytes
    for old in folder.glob("model-*.safetensors"):
        old.unlink()
    for number, shard in enumerate(shards, 1):
        save_file(shard, folder / f"model-{number}-of-{len(shards)}.safetensors")
    config = {**asdict(generator.config), "architecture": "StyleGAN2"}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def load_config(folder: Path) -> GeneratorConfig:
    """Reads ``config.json``.

    Raises:
        BadWeights: the folder is no generator's.
    """
    path = folder / "config.json"
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if read.get("architecture") != "StyleGAN2":
            raise BadWeights(f"{path} describes no StyleGAN2 generator; name a folder that training.face wrote")
        known = {item.name: read[item.name] for item in fields(GeneratorConfig) if item.name in read}
        known["channels"] = {int(size): int(count) for size, count in known["channels"].items()}
        known["attributes"] = tuple(known["attributes"])
        return GeneratorConfig(**known)
    except OSError as error:
        raise BadWeights(f"{folder} holds no face generator: {error.strerror or error} (config.json)") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadWeights(f"{path} is damaged ({error}); write the generator anew or name another folder") from error


def load_generator(folder: Path, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Generator:
    """Loads what `save_generator` wrote, for use (no gradients).

    Args:
        dtype: of the convolutions. Weights of the mapping and attribute networks stay float32.

    Raises:
        BadWeights: something is missing, damaged or does not fit the configuration.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    config = load_config(folder)
    with torch.device("meta"):  # shapes alone: a wrong configuration gets no memory before the weights fit it
        expected = Generator(config).state_dict()
    tensors: dict[str, Tensor] = {}
    for shard in sorted(folder.glob("model-*.safetensors")):
        try:
            tensors |= load_file(shard)
        except (SafetensorError, OSError) as error:
            raise BadWeights(f"{shard} is no readable safetensors file: {error}") from error
    if wrong := expected.keys() ^ tensors.keys():
        raise BadWeights(f"the weights in {folder} do not fit its config.json: {min(wrong)} is missing or not known")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise BadWeights(
                f"the weights in {folder} do not fit its config.json: {name} has the shape {tuple(tensor.shape)}, "
                f"{tuple(expected[name].shape)} is expected"
            )
        if not torch.isfinite(tensor.float()).all():
            raise BadWeights(f"the weights in {folder} are damaged: {name} holds values that are not finite")
    generator = Generator(config)
    generator.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    generator.dtype = dtype
    return generator.to(device).eval().requires_grad_(False)
