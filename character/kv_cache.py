"""The key-value cache: one slot per conversation, kept after the turn so that the next one computes only what is new.

`KeyValueStore` holds the numbers, `SlotPool` knows what they stand for. The slots that decode together always lie
side by side (`SlotPool.arrange`), so that a forward pass reads a slice of the store and copies nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from character.errors import LanguageModelError

CAPACITY_STEP = 256


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out. PyTorch has no exception of its own for this on the CPU."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)


@dataclass(frozen=True)
class Batch:
    """The tokens of one forward pass.

    Attributes:
        tokens: ``[rows, length]`` token ids.
        positions: ``[rows, length]`` place of each token in its own sequence.
        rows: ``[rows, 1]`` 0, 1, 2, …
        first_slot: row r belongs to slot ``first_slot + r``.
        lengths: positions that each row's last token sees, itself included.
        kv_length: positions that the pass reads: the largest of ``lengths``.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    rows: torch.Tensor
    first_slot: int
    lengths: tuple[int, ...]
    kv_length: int

    @classmethod
    def of(
        cls, sequences: Sequence[Sequence[int]], starts: Sequence[int], first_slot: int, device: torch.device
    ) -> Batch:
        """Sequences of equal length; the tokens of sequence r stand at positions ``starts[r], starts[r] + 1, …``."""
        length = len(sequences[0])
        places = [list(range(start, start + length)) for start in starts]
        return cls(
            tokens=torch.tensor(sequences, device=device),
            positions=torch.tensor(places, device=device),
            rows=torch.arange(len(starts), device=device)[:, None],
            first_slot=first_slot,
            lengths=tuple(start + length for start in starts),
            kv_length=max(starts) + length,
        )

    def mask(self, dtype: torch.dtype, window: int | None = None) -> torch.Tensor:
        """Additive attention mask ``[rows, 1, length, kv_length]``: 0 where a token looks, -inf elsewhere.

        Args:
            dtype: that of the model's activations.
            window: a token sees at most this many positions, itself included; None for all before it.
        """
        keys = torch.arange(self.kv_length, device=self.positions.device)
        queries = self.positions[:, None, :, None]
        hidden = keys > queries
        if window is not None:
            hidden |= keys <= queries - window
        return torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill_(hidden, float("-inf"))


class KeyValueStore:
    """Keys and values of all layers: per layer two tensors ``[slots, kv_heads, capacity, head_dim]``.

    Made layer by layer by the first forward pass, which is the one that knows their shapes. Unused positions are
    zeros and not left-over memory: a masked position still enters the arithmetic, and a NaN there would spread.
    """

    def __init__(self) -> None:
        self.slots = 1
        self.capacity = CAPACITY_STEP
        self._keys: list[torch.Tensor] = []
        self._values: list[torch.Tensor] = []

    def write(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor, batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Stores ``[rows, kv_heads, length, head_dim]`` at the rows' own positions.

        Returns:
            Views ``[rows, kv_heads, kv_length, head_dim]`` of the keys and values of these rows.
        """
        if layer == len(self._keys):
            for tensors, new in ((self._keys, keys), (self._values, values)):
                tensors.append(new.new_zeros(self.slots, new.shape[1], self.capacity, new.shape[3]))
        rows = slice(batch.first_slot, batch.first_slot + keys.shape[0])
        views = []
        for tensors, new in ((self._keys, keys), (self._values, values)):
            view = tensors[layer][rows, :, : batch.kv_length]
            if len(view) == 1:
                view[:, :, -new.shape[2] :] = new
            else:
                view[batch.rows, :, batch.positions] = new.transpose(1, 2)
            views.append(view)
        return views[0], views[1]

    def resize(self, slots: int, capacity: int) -> None:
        """Makes room for, or cuts down to, so many slots and positions; what fits is kept.

        Layers are moved one at a time, so that only one of them is in memory twice. After an error the sizes are
        the old ones; layers that were moved already may be larger, which does no harm.
        """
        for tensors in (self._keys, self._values):
            for layer, old in enumerate(tensors):
                new = old.new_zeros(slots, old.shape[1], capacity, old.shape[3])
                kept_slots, kept = min(slots, old.shape[0]), min(capacity, old.shape[2])
                new[:kept_slots, :, :kept] = old[:kept_slots, :, :kept]
                tensors[layer] = new
        self.slots, self.capacity = slots, capacity

    def copy(self, source: int, target: int, length: int) -> None:
        """Copies the first ``length`` positions of a slot to another."""
        for tensor in (*self._keys, *self._values):
            tensor[target, :, :length] = tensor[source, :, :length]

    def swap(self, first: int, second: int, length: int) -> None:
        """Exchanges the first ``length`` positions of two slots."""
        for tensor in (*self._keys, *self._values):
            kept = tensor[first, :, :length].clone()
            tensor[first, :, :length] = tensor[second, :, :length]
            tensor[second, :, :length] = kept

    def clear(self, slot: int) -> None:
        for tensor in (*self._keys, *self._values):
            tensor[slot].zero_()


@dataclass(eq=False)
class Slot:
    """A conversation's place in the store.

    Attributes:
        index: row of the store.
        tokens: the tokens whose keys and values stand there, in order.
        adapter: the LoRA adapter that computed them.
        session: the chat they belong to.
        busy: a request is using it.
        used: when it was last taken; larger is later.
    """

    index: int
    tokens: list[int] = field(default_factory=list)
    adapter: str | None = None
    session: str = ""
    busy: bool = False
    used: int = 0


class SlotPool:
    """Gives slots to requests, so that as little as possible is computed again.

    Args:
        store: the numbers.
        limit: number of slots at most.
        context_length: positions per slot at most.
    """

    def __init__(self, store: KeyValueStore, limit: int, context_length: int) -> None:
        self._store = store
        self._limit = limit
        self._context_length = context_length
        self._slots = [Slot(index) for index in range(store.slots)]
        self._clock = 0

    def take(self, prompt: Sequence[int], session: str, adapter: str | None) -> tuple[Slot, int]:
        """Finds a slot for a prompt and puts into it what is known of the prompt already.

        A chat gets its own slot back; another one an empty slot, or the one that was idle longest. The longest prefix
        that any slot shares with the prompt (the persona, for all chats) is copied rather than computed.

        Returns:
            The slot, now busy, and how many tokens of the prompt stand in it. At least one is left to compute, since
            the first word of the reply follows from the output at the prompt's last token.

        Raises:
            LanguageModelError: every slot is busy.
        """
        shared = {slot: self._shared(slot, prompt) for slot in self._slots if slot.adapter == adapter}
        source = max(shared, key=shared.__getitem__, default=None)
        target = self._choose(session, adapter)
        known = shared.get(target, 0)
        target.tokens = target.tokens[:known]  # should the copying fail, what it has overwritten is not believed
        if source is not None and shared[source] > known:
            known = shared[source]
            self._store.copy(source.index, target.index, known)
        self._clock += 1
        target.tokens = list(prompt[:known])
        target.adapter, target.session, target.busy, target.used = adapter, session, True, self._clock
        return target, known

    def release(self, slot: Slot) -> None:
        """The request is over; the slot keeps its tokens until someone else needs it."""
        slot.busy = False

    def clear(self, slot: Slot) -> None:
        """Throws away what stands in a slot, for example because it holds NaN."""
        slot.tokens = []
        self._store.clear(slot.index)

    def forget(self, adapter: str) -> None:
        """Throws away what an adapter computed, before another takes its name."""
        for slot in self._slots:
            if slot.adapter == adapter:
                slot.tokens = []

    def reserve(self, length: int) -> None:
        """Grows all slots to hold ``length`` positions. When memory is short, idle slots are given up for it."""
        if length <= self._store.capacity:
            return
        doubled = max(2 * self._store.capacity, -(-length // CAPACITY_STEP) * CAPACITY_STEP)
        capacity = min(self._context_length, doubled)
        try:
            self._store.resize(self._store.slots, capacity)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            busy = [slot for slot in self._slots if slot.busy]
            self.arrange([busy])
            self._slots = busy
            self._store.resize(len(busy), capacity)

    def arrange(self, groups: Sequence[Sequence[Slot]]) -> None:
        """Moves slots so that each group lies side by side, the groups one after another from slot 0.

        Costs nothing while the same requests go on; a slot or two are exchanged when a request came or went.
        """
        at = {slot.index: slot for slot in self._slots}
        start = 0
        for group in groups:
            places = range(start, start + len(group))
            taken = {slot.index for slot in group}
            free = [place for place in places if place not in taken]
            for slot in group:
                if slot.index not in places:
                    self._exchange(slot, at[free.pop()])
                    at = {slot.index: slot for slot in self._slots}
            start += len(group)

    def _exchange(self, first: Slot, second: Slot) -> None:
        if second.tokens:
            self._store.swap(first.index, second.index, max(len(first.tokens), len(second.tokens)))
        else:
            self._store.copy(first.index, second.index, len(first.tokens))
        first.index, second.index = second.index, first.index

    def _choose(self, session: str, adapter: str | None) -> Slot:
        idle = [slot for slot in self._slots if not slot.busy]
        for slot in idle:
            if session and slot.session == session and slot.adapter == adapter:
                return slot
        empty = [slot for slot in idle if not slot.tokens]
        if not empty and len(self._slots) < self._limit:
            empty = self._add_slots(required=not idle)
        if empty:
            return min(empty, key=lambda slot: slot.index)
        if not idle:
            raise LanguageModelError(f"all {len(self._slots)} slots of the key-value cache are busy")
        return min(idle, key=lambda slot: slot.used)

    def _add_slots(self, *, required: bool) -> list[Slot]:
        """Doubles the number of slots; when memory is short and none is ``required``, adds none."""
        count = min(2 * len(self._slots), self._limit)
        try:
            self._store.resize(count, self._store.capacity)
        except Exception as error:
            if required or not is_out_of_memory(error):
                raise
            self._limit = len(self._slots)
            return []
        added = [Slot(index) for index in range(len(self._slots), count)]
        self._slots += added
        return added

    @staticmethod
    def _shared(slot: Slot, prompt: Sequence[int]) -> int:
        pairs = zip(slot.tokens, prompt[:-1], strict=False)
        return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(slot.tokens), len(prompt) - 1))
