"""The Llama architecture over the key-value slots, in a third of the operations that transformers starts for it.

On the CPU a small model spends most of a decoding step on starting operations, not in them. Measured on one busy core
with the shape of the bundled model and a LoRA (bfloat16, 100 tokens of history), against the same step through
transformers and PEFT: one chat 145 tokens/s instead of 71, eight chats 823 instead of 497.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from character.adapters import LoraMatrices
from character.kv_cache import Batch, KeyValueStore

PACKED_ELEMENTS = 4_000_000
"""Larger matrices are not packed, since the packed one stands in memory beside the plain one."""

FEW_TOKENS = 32
"""Up to so many tokens in a pass, LoRA is computed in float32 on the CPU."""

UNEVEN = 100
"""Masked positions per row from which the CPU is faster row by row than over the longest row's length."""


class _Lora:
    """Low-rank matrices beside one weight: ``down [rank, in]`` and, scaled, ``up [rank, out]``, both float32.

    For few tokens on the CPU they stay float32: oneDNN's bfloat16 takes five times as long for matrices this small.
    """

    def __init__(self, down: torch.Tensor, up: torch.Tensor, like: torch.Tensor) -> None:
        self._few = (down, up) if like.device.type == "cpu" else (down.to(like.dtype), up.to(like.dtype))
        self._many = down.to(like.dtype), up.to(like.dtype)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        down, up = self._few if x.numel() <= FEW_TOKENS * x.shape[-1] else self._many
        return (F.linear(x.to(down.dtype), down) @ up).to(x.dtype)


class _Matrix:
    """A weight ``[out, in]``, laid out in memory as its product with few rows is fastest.

    Measured on one core: for float32, columns in a row take 60 % of the time of rows in a row at eight rows of input
    (MKL). For bfloat16, oneDNN's packed layout, which `torch.compile` uses too, takes 65 % of the time; without it
    oneDNN packs the weight at every product.

    Attributes:
        weight: for reading, in the order of `nn.Linear`.
    """

    def __init__(self, weight: torch.Tensor) -> None:
        self.weight = weight
        self._packed: torch.Tensor | None = None
        if weight.device.type == "cpu" and weight.dtype == torch.float32:
            self.weight = weight.t().contiguous().t()
        elif weight.device.type == "cpu" and weight.dtype == torch.bfloat16 and weight.numel() <= PACKED_ELEMENTS:
            self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), 8)

    def __call__(self, x: torch.Tensor, lora: _Lora | None = None) -> torch.Tensor:
        if self._packed is not None:
            y: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, None, "none", [], "")
        else:
            y = F.linear(x, self.weight)
        return y if lora is None else y + lora(x)


@dataclass(frozen=True)
class _Block:
    """Weights of one block; ``qkv`` and ``gate_up`` are several matrices stacked."""

    attention_norm: torch.Tensor
    qkv: _Matrix
    output: _Matrix
    mlp_norm: torch.Tensor
    gate_up: _Matrix
    down: _Matrix


class LlamaForward:
    """The Llama architecture (Touvron et al. 2023) with grouped queries, and LoRA beside it, never merged into it.

    Shares the weights of a `LlamaForCausalLM`: its matrices become views of the stacked ones.

    Args:
        model: a model for which `fits` is true.
        store: where keys and values go.
        context_length: positions that can occur.
    """

    # The stacked weights of a block and the modules of transformers they consist of.
    STACKS: Mapping[str, tuple[str, ...]] = {
        "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "output": ("self_attn.o_proj",),
        "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
        "down": ("mlp.down_proj",),
    }

    def __init__(self, model: Any, store: KeyValueStore, context_length: int) -> None:
        config = model.config
        self._store = store
        self._heads: int = config.num_attention_heads
        self._kv_heads: int = config.num_key_value_heads
        self._epsilon: float = config.rms_norm_eps
        self._embedding: torch.Tensor = model.model.embed_tokens.weight.detach()
        self._final_norm: torch.Tensor = model.model.norm.weight.detach()
        self._head = _Matrix(model.lm_head.weight.detach())
        self._layers = [
            _Block(
                attention_norm=layer.input_layernorm.weight.detach(),
                mlp_norm=layer.post_attention_layernorm.weight.detach(),
                **{name: _stack([layer.get_submodule(part) for part in parts]) for name, parts in self.STACKS.items()},
            )
            for layer in model.model.layers
        ]
        positions = torch.arange(context_length, device=self._embedding.device)[None]
        cosine, sine = model.model.rotary_emb(self._embedding, positions)
        half = sine.shape[-1] // 2
        self._cosine: torch.Tensor = cosine[0]
        # Rotating swaps the halves of a head and negates the second; the sign stands here instead.
        self._sine = torch.cat([-sine[0, :, :half], sine[0, :, half:]], dim=-1)
        self._loras: dict[str, list[dict[str, _Lora]]] = {}

    @staticmethod
    def fits(model: Any) -> bool:
        """Whether a model is of exactly this architecture."""
        config = model.config
        return (
            type(model).__name__ == "LlamaForCausalLM"
            and config.hidden_act == "silu"
            and not config.attention_bias
            and not config.mlp_bias
            and config.rope_parameters["rope_type"] in ("default", "linear", "llama3", "yarn")
        )

    def add_adapter(self, name: str, matrices: Mapping[str, LoraMatrices]) -> bool:
        """Takes up a LoRA adapter.

        Args:
            name: under which passes ask for it.
            matrices: by module name, as in ``model.layers.0.self_attn.q_proj``.

        Returns:
            False if it touches other modules than the matrices of the blocks.
        """
        parts = {part for stack in self.STACKS.values() for part in stack}
        known = {f"model.layers.{layer}.{part}" for layer in range(len(self._layers)) for part in parts}
        if not matrices.keys() <= known:
            return False
        self._loras[name] = [
            {
                stack: lora
                for stack, parts in self.STACKS.items()
                if (lora := self._stack_lora(layer, stack, parts, matrices)) is not None
            }
            for layer in range(len(self._layers))
        ]
        return True

    def remove_adapter(self, name: str) -> None:
        self._loras.pop(name, None)

    def supports(self, adapter: str | None) -> bool:
        return adapter is None or adapter in self._loras

    def __call__(self, batch: Batch, adapter: str | None) -> torch.Tensor:
        rows, length = batch.tokens.shape
        hidden = F.embedding(batch.tokens, self._embedding)
        cosine, sine = self._cosine[batch.positions][:, None], self._sine[batch.positions][:, None]
        attend = self._attention(batch)
        no_lora: dict[str, _Lora] = {}
        loras = self._loras[adapter] if adapter is not None else [no_lora] * len(self._layers)
        for index, (layer, lora) in enumerate(zip(self._layers, loras, strict=True)):
            normed = self._norm(hidden, layer.attention_norm)
            heads = layer.qkv(normed, lora.get("qkv")).view(rows, length, -1, cosine.shape[-1]).transpose(1, 2)
            values = heads[:, self._heads + self._kv_heads :]
            turning = heads[:, : self._heads + self._kv_heads]
            turned = torch.addcmul(turning * cosine, turning.roll(cosine.shape[-1] // 2, -1), sine)
            queries = turned[:, : self._heads].reshape(rows, self._kv_heads, -1, cosine.shape[-1])
            seen_keys, seen_values = self._store.write(index, turned[:, self._heads :], values, batch)
            mixed = (
                attend(queries, seen_keys, seen_values)
                .reshape(rows, self._heads, length, -1)
                .transpose(1, 2)
                .reshape(rows, length, -1)
            )
            hidden = hidden + layer.output(mixed, lora.get("output"))
            normed = self._norm(hidden, layer.mlp_norm)
            gate, up = layer.gate_up(normed, lora.get("gate_up")).chunk(2, dim=-1)
            hidden = hidden + layer.down(F.silu(gate) * up, lora.get("down"))
        return self._head(self._norm(hidden[:, -1], self._final_norm))

    def _norm(self, hidden: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(hidden, (hidden.shape[-1],), weight, self._epsilon)

    def _attention(self, batch: Batch) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
        """How queries ``[rows, kv_heads, n, head_size]`` look at the keys and values of their slots, cheapest first.

        The query heads that share a key head are laid one after another along n, so that keys and values need not be
        repeated for them.
        """
        rows, length = batch.tokens.shape
        groups = self._heads // self._kv_heads
        if rows == length == 1:
            return F.scaled_dot_product_attention
        if rows == 1 and batch.kv_length == length and groups == 1:
            return partial(F.scaled_dot_product_attention, is_causal=True)
        unused = rows * batch.kv_length - sum(batch.lengths)
        if length == 1 and batch.tokens.device.type == "cpu" and unused > UNEVEN * rows:
            return partial(_attend_each, lengths=batch.lengths)
        mask = batch.mask(self._embedding.dtype).repeat(1, 1, groups, 1)
        return partial(F.scaled_dot_product_attention, attn_mask=mask)

    def _stack_lora(
        self, layer: int, stack: str, parts: Sequence[str], matrices: Mapping[str, LoraMatrices]
    ) -> _Lora | None:
        weight: torch.Tensor = getattr(self._layers[layer], stack).weight
        head_size = self._cosine.shape[-1]
        sizes = {
            "qkv": [self._heads * head_size, self._kv_heads * head_size, self._kv_heads * head_size],
            "gate_up": [weight.shape[0] // 2] * 2,
        }.get(stack, [weight.shape[0]])
        downs, ups = [], []
        start = 0
        for part, size in zip(parts, sizes, strict=True):
            found = matrices.get(f"model.layers.{layer}.{part}")
            if found is not None:
                up = weight.new_zeros(found.down.shape[0], weight.shape[0], dtype=torch.float32)
                up[:, start : start + size] = (found.up.float() * found.scaling).t()
                downs.append(found.down.float())
                ups.append(up)
            start += size
        return _Lora(torch.cat(downs), torch.cat(ups), like=weight) if downs else None


def _attend_each(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """Attention row by row, each over its own length."""
    return torch.cat(
        [
            F.scaled_dot_product_attention(queries[r : r + 1], keys[r : r + 1, :, :n], values[r : r + 1, :, :n])
            for r, n in enumerate(lengths)
        ]
    )


def _stack(modules: Sequence[torch.nn.Linear]) -> _Matrix:
    """Stacks weights along the output and leaves views of the stack in the modules, so that they are in memory once."""
    stacked = _Matrix(torch.cat([module.weight.detach() for module in modules]))
    start = 0
    for module in modules:
        end = start + module.weight.shape[0]
        module.weight = torch.nn.Parameter(stacked.weight[start:end], requires_grad=False)
        start = end
    return stacked
