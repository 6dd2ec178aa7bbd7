"""Drawing tokens: each row by its own rules, whatever stands beside it."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from character.language_model import Sampling
from character.sampling import Sampler, draw

CPU = torch.device("cpu")
PLAIN = {"repetition_penalty": 1.0, "top_k": 0, "top_p": 1.0, "temperature": 1.0}


def sampler(spoken: tuple[int, ...] = (), exempt: tuple[int, ...] = (), **rules: float) -> Sampler:
    return Sampler(Sampling(**{**PLAIN, **rules}), spoken, frozenset(exempt), CPU)  # type: ignore[arg-type]


def frequencies(logits: list[float], draws: int = 4000, **rules: float) -> dict[int, float]:
    rows = [sampler(seed=seed, **rules) for seed in range(draws)]
    drawn = Counter(draw(torch.tensor([logits]).repeat(draws, 1), rows))
    return {token: count / draws for token, count in drawn.items() if token is not None}


def test_temperature_zero_takes_the_likeliest() -> None:
    assert draw(torch.tensor([[0.0, 3.0, 2.9]]), [sampler(temperature=0)]) == [1]


def test_tokens_come_as_often_as_their_probability_says() -> None:
    found = frequencies([0.0, 1.0, 2.0])
    expected = torch.tensor([0.0, 1.0, 2.0]).softmax(0).tolist()
    assert [found[token] for token in range(3)] == pytest.approx(expected, abs=0.03)


def test_temperature_flattens() -> None:
    expected = (torch.tensor([0.0, 1.0, 2.0]) / 2).softmax(0).tolist()
    found = frequencies([0.0, 1.0, 2.0], temperature=2.0)
    assert [found[token] for token in range(3)] == pytest.approx(expected, abs=0.03)


def test_top_k_keeps_the_likeliest_only() -> None:
    assert set(frequencies([0.0, 1.0, 0.9, 0.8], top_k=2)) == {1, 2}


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().tolist()
    assert set(frequencies(logits, top_p=0.7)) == {0, 1}
    assert set(frequencies(logits, top_p=0.81)) == {0, 1, 2}
    assert set(frequencies(logits, top_p=0.0)) == {0}


def test_what_was_said_is_penalised_as_ctrl_has_it() -> None:
    # Positive logits are divided, negative ones multiplied.
    rows = [
        sampler((0,), temperature=0, repetition_penalty=2.0),
        sampler((0, 1), temperature=0, repetition_penalty=4.0),
        sampler((), temperature=0, repetition_penalty=4.0),
    ]
    logits = torch.tensor([[2.0, 1.5, -9.0], [-0.1, -0.2, -0.5], [2.0, 1.5, -9.0]])
    assert draw(logits, rows) == [1, 0, 0]


def test_a_token_said_twice_is_penalised_once() -> None:
    row = sampler((0, 0, 0), temperature=0, repetition_penalty=1.5)
    assert draw(torch.tensor([[2.0, 1.3]]), [row]) == [0]


def test_what_the_reply_says_is_penalised_from_then_on() -> None:
    row = sampler(exempt=(1,), temperature=0, repetition_penalty=2.0, max_new_tokens=4)
    logits = torch.tensor([[2.0, 1.5, 1.4]])
    drawn = []
    for _ in range(3):
        (token,) = draw(logits, [row])
        assert token is not None
        row.note(token)
        drawn.append(token)
    assert drawn == [0, 1, 1]


def test_a_seed_gives_the_same_tokens_in_any_company() -> None:
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))

    def run(rows: int) -> list[int | None]:
        seeded = sampler(seed=5, top_k=10)
        others = [sampler(temperature=0.3), sampler(top_k=30, top_p=0.5)]
        return [draw(logits[:rows], [seeded, *others][:rows])[0] for _ in range(20)]

    assert run(1) == run(3)
    assert len(set(run(1))) > 1


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_row_of_nan_or_of_nothing_gives_no_token(temperature: float) -> None:
    logits = torch.tensor([[1.0, 5.0], [float("nan"), 1.0], [float("-inf")] * 2, [1.0, 5.0]])
    drawn = draw(logits, [sampler(temperature=temperature, top_k=1) for _ in logits])
    assert drawn == [1, None, None, 1]


def test_impossible_tokens_are_never_drawn() -> None:
    assert set(frequencies([0.0, float("-inf"), 0.0], draws=300)) == {0, 2}
