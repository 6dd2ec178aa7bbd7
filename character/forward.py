"""Forward passes over the key-value slots."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from character.adapters import AdapterFiles, AdapterSet
from character.errors import LanguageModelError
from character.kv_cache import Batch, KeyValueStore
from character.llama_forward import LlamaForward


class Forward(Protocol):
    """One pass of the model over a batch."""

    def __call__(self, batch: Batch, adapter: str | None) -> torch.Tensor:
        """Writes the batch's keys and values into the store.

        Returns:
            Logits ``[rows, vocabulary]`` after each row's last token.
        """


class TransformersForward:
    """A causal language model of transformers, reading and writing the slots.

    Args:
        model: in evaluation mode; PEFT may have put adapter layers into it.
        store: where keys and values go.
        adapters: activated before each pass.

    Raises:
        LanguageModelError: the model has layers that keep something other than keys and values.
    """

    def __init__(self, model: Any, store: KeyValueStore, adapters: AdapterSet) -> None:
        config = model.config.get_text_config()
        self._model = model
        self._adapters = adapters
        self._windows = _attention_windows(config)
        self._cache = _SlotCache(store, config.num_hidden_layers)

    def __call__(self, batch: Batch, adapter: str | None) -> torch.Tensor:
        self._adapters.activate(adapter)
        masks = {kind: batch.mask(self._model.dtype, window) for kind, window in self._windows.items()}
        self._cache.begin(batch)
        output = self._model(
            input_ids=batch.tokens,
            position_ids=batch.positions,
            attention_mask=masks if len(masks) > 1 else next(iter(masks.values())),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = output.logits
        return logits[:, -1]


def _attention_windows(config: Any) -> dict[str, int | None]:
    """The kinds of attention layers of a model and the window each sees."""
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ["sliding_attention" if window else "full_attention"])
    unknown = kinds - {"full_attention", "sliding_attention"}
    if unknown:
        raise LanguageModelError(
            f"model type {config.model_type} has layers of kind {', '.join(sorted(unknown))}, whose state cannot be "
            "kept per chat here; serve it with vLLM and give its URL instead"
        )
    return {kind: window if kind == "sliding_attention" else None for kind in sorted(kinds)}


class _SlotLayer(CacheLayerMixin):  # type: ignore[misc]  # transformers has no types
    """One layer of the cache that transformers asks for; the numbers stand in the store."""

    def __init__(self, store: KeyValueStore, layer: int) -> None:
        super().__init__()
        self._store = store
        self._layer = layer
        self.batch: Batch

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self._store.write(self._layer, key_states, value_states, self.batch)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.batch.kv_length, 0

    def get_seq_length(self) -> int:
        return self.batch.kv_length - self.batch.tokens.shape[1]

    def get_max_length(self) -> int:
        return -1


class _SlotCache(Cache):  # type: ignore[misc]  # transformers has no types
    def __init__(self, store: KeyValueStore, layers: int) -> None:
        super().__init__(layers=[_SlotLayer(store, layer) for layer in range(layers)])

    def begin(self, batch: Batch) -> None:
        for layer in self.layers:
            layer.batch = batch


class ModelForward:
    """One base model with its adapters: the fastest pass that can do the adapter asked for, all over one store.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        store: where keys and values go.
        adapters: of this model.
        context_length: positions that can occur.
    """

    def __init__(self, model: Any, store: KeyValueStore, adapters: AdapterSet, context_length: int) -> None:
        self._adapters = adapters
        self._general = TransformersForward(model, store, adapters)
        self._llama = LlamaForward(model, store, context_length) if LlamaForward.fits(model) else None

    def __call__(self, batch: Batch, adapter: str | None) -> torch.Tensor:
        if self._llama is not None and self._llama.supports(adapter):
            return self._llama(batch, adapter)
        return self._general(batch, adapter)

    def add_adapter(self, files: AdapterFiles) -> str:
        """See `AdapterSet.add`."""
        key = self._adapters.add(files)
        matrices = self._adapters.matrices(key)
        if self._llama is not None and matrices is not None:
            self._llama.add_adapter(key, matrices)
        return key

    def remove_adapter(self, key: str) -> None:
        """See `AdapterSet.remove`."""
        if self._llama is not None:
            self._llama.remove_adapter(key)
        self._adapters.remove(key)
