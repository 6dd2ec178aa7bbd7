"""Slots: what they keep, who gets them, and how they are moved."""

from __future__ import annotations

import random

import pytest
import torch

from character.errors import LanguageModelError
from character.kv_cache import CAPACITY_STEP, Batch, KeyValueStore, Slot, SlotPool

CPU = torch.device("cpu")


class Desk:
    """A pool whose store holds, as key and value of every token, the token itself."""

    def __init__(self, limit: int = 8, context_length: int = 2000) -> None:
        self.store = KeyValueStore()
        self.pool = SlotPool(self.store, limit, context_length)
        self.write(Slot(0), [0])

    def write(self, slot: Slot, tokens: list[int]) -> None:
        start = len(slot.tokens)
        self.pool.reserve(start + len(tokens))
        batch = Batch.of([tokens], [start], slot.index, CPU)
        numbers = batch.tokens.float()[:, None, :, None]
        for layer in range(2):
            self.store.write(layer, numbers + layer, -numbers - layer, batch)
        slot.tokens = [*slot.tokens, *tokens]

    def take(self, prompt: list[int], session: str = "", adapter: str | None = None) -> tuple[Slot, int]:
        slot, known = self.pool.take(prompt, session, adapter)
        self.write(slot, prompt[known:])
        self.check(slot)
        return slot, known

    def check(self, *slots: Slot) -> None:
        for slot in slots:
            for layer in range(2):
                keys = self.store._keys[layer][slot.index, 0, : len(slot.tokens), 0]
                values = self.store._values[layer][slot.index, 0, : len(slot.tokens), 0]
                assert (keys - layer).tolist() == slot.tokens
                assert (-values - layer).tolist() == slot.tokens


def test_a_chat_gets_its_slot_back_with_what_is_still_true() -> None:
    desk = Desk()
    slot, _ = desk.take([1, 2, 3, 4], "chat")
    desk.pool.release(slot)
    again, known = desk.take([1, 2, 9, 9, 9], "chat")
    assert (again, known) == (slot, 2)


def test_the_longest_known_prefix_is_copied_from_whoever_has_it_even_while_busy() -> None:
    desk = Desk()
    desk.take([1, 2, 3, 4, 5], "busy")
    slot, known = desk.take([1, 2, 3, 7], "new")
    assert known == 3
    assert slot.tokens == [1, 2, 3, 7]


def test_at_least_one_token_is_left_to_compute() -> None:
    desk = Desk()
    slot, _ = desk.take([1, 2, 3], "chat")
    desk.pool.release(slot)
    assert desk.pool.take([1, 2, 3], "chat", None)[1] == 2


def test_tokens_of_another_adapter_are_worth_nothing() -> None:
    desk = Desk()
    slot, _ = desk.take([1, 2, 3], "chat", "warm")
    desk.pool.release(slot)
    _, known = desk.take([1, 2, 3], "chat", "cold")
    assert known == 0


def test_a_chat_that_talks_twice_at_once_gets_two_slots() -> None:
    desk = Desk()
    first, _ = desk.take([1, 2, 3], "chat")
    second, known = desk.take([1, 2, 4], "chat")
    assert first is not second
    assert known == 2


def test_the_slot_that_was_idle_longest_is_given_away() -> None:
    desk = Desk(limit=2)
    first, _ = desk.take([1, 1], "first")
    second, _ = desk.take([2, 2], "second")
    desk.pool.release(second)
    desk.pool.release(first)
    desk.pool.release(desk.take([1, 1, 1], "first")[0])
    third, _ = desk.take([3, 3], "third")
    assert third is second


def test_more_requests_than_slots_is_an_error() -> None:
    desk = Desk(limit=1)
    desk.take([1], "one")
    with pytest.raises(LanguageModelError, match="busy"):
        desk.pool.take([2], "two", None)


def test_slots_and_room_grow_on_demand_and_keep_what_they_hold() -> None:
    desk = Desk(limit=4, context_length=1000)
    assert (desk.store.slots, desk.store.capacity) == (1, CAPACITY_STEP)
    slots = [desk.take([n, *range(10)], str(n))[0] for n in range(3)]
    assert desk.store.slots == 4
    desk.write(slots[1], list(range(300)))
    assert desk.store.capacity == 2 * CAPACITY_STEP
    desk.write(slots[1], list(range(500)))
    assert desk.store.capacity == 1000
    desk.check(*slots)


def test_short_of_memory_idle_slots_are_given_up_for_longer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(limit=4)
    idle, _ = desk.take([5, 5], "idle")
    slots = [desk.take([n, n, n], str(n))[0] for n in range(2)]
    desk.pool.release(idle)
    resize = desk.store.resize

    def short(slots: int, capacity: int) -> None:
        if slots * capacity > 2 * 2 * CAPACITY_STEP:
            raise MemoryError
        resize(slots, capacity)

    monkeypatch.setattr(desk.store, "resize", short)
    desk.write(slots[0], list(range(300)))
    desk.check(*slots)
    assert desk.store.slots == 2
    with pytest.raises(MemoryError):
        desk.write(slots[0], list(range(600)))
    desk.check(*slots)


def test_short_of_memory_no_further_slots_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(limit=8)
    slot, _ = desk.take([1], "one")
    desk.pool.release(slot)

    def full(slots: int, capacity: int) -> None:
        raise MemoryError

    monkeypatch.setattr(desk.store, "resize", full)
    other, _ = desk.take([2], "two")
    assert other is slot


def test_arranged_groups_lie_side_by_side_and_nothing_is_lost() -> None:
    rng = random.Random(0)
    desk = Desk(limit=8)
    slots = [desk.take([n] * (n + 1), str(n))[0] for n in range(7)]
    for _ in range(200):
        chosen = rng.sample(slots, rng.randint(1, 7))
        cut = rng.randint(0, len(chosen))
        groups = [group for group in (chosen[:cut], chosen[cut:]) if group]
        desk.pool.arrange(groups)
        start = 0
        for group in groups:
            assert sorted(slot.index for slot in group) == list(range(start, start + len(group)))
            start += len(group)
        desk.check(*slots)
        assert len({slot.index for slot in slots}) == 7


def test_an_arrangement_that_holds_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(limit=4)
    slots = [desk.take([n], str(n))[0] for n in range(3)]
    desk.pool.arrange([slots])

    def moved(*args: object) -> None:
        raise AssertionError("nothing was to be moved")

    monkeypatch.setattr(desk.store, "swap", moved)
    monkeypatch.setattr(desk.store, "copy", moved)
    desk.pool.arrange([slots])
    desk.pool.arrange([list(reversed(slots))])


def test_rows_are_written_at_their_own_positions() -> None:
    store = KeyValueStore()
    store.resize(3, 8)
    batch = Batch.of([[7], [8]], [4, 1], 1, CPU)
    numbers = torch.tensor([7.0, 8.0])[:, None, None, None]
    keys, _ = store.write(0, numbers, numbers, batch)
    assert keys.shape == (2, 1, 5, 1)
    assert keys[0, 0, :, 0].tolist() == [0, 0, 0, 0, 7]
    assert keys[1, 0, :, 0].tolist() == [0, 8, 0, 0, 0]
    assert store._keys[0][0].count_nonzero() == 0


def test_a_mask_shows_each_token_what_stands_before_it() -> None:
    batch = Batch.of([[0, 0], [0, 0]], [0, 2], 0, CPU)
    seen = (batch.mask(torch.float32) == 0).int()[:, 0].tolist()
    assert seen == [[[1, 0, 0, 0], [1, 1, 0, 0]], [[1, 1, 1, 0], [1, 1, 1, 1]]]
    windowed = (batch.mask(torch.float32, window=2) == 0).int()[:, 0].tolist()
    assert windowed == [[[1, 0, 0, 0], [1, 1, 0, 0]], [[0, 1, 1, 0], [0, 0, 1, 1]]]
