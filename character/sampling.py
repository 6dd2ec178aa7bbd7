"""Drawing the next token of several replies at once, each by its own rules."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property

import torch

from character.language_model import Sampling


class Sampler:
    """The rules and the random numbers of one reply.

    Random numbers come from a generator of the reply's own, one per token, so that a seeded reply does not depend on
    what else is being drawn.

    Args:
        sampling: the rules.
        spoken: tokens of the last replies, which `Sampling.repetition_penalty` makes less likely.
        exempt: tokens that are never penalised: emotion tags, which would otherwise drift from reply to reply.
        device: of the logits.
    """

    def __init__(self, sampling: Sampling, spoken: Sequence[int], exempt: frozenset[int], device: torch.device) -> None:
        self.sampling = sampling
        self._exempt = exempt
        self._random = random.Random(sampling.seed)
        self._device = device
        self._spoken = [token for token in spoken if token not in exempt]
        self._count = len(self._spoken)

    def note(self, token: int) -> None:
        """The reply goes on with ``token``."""
        if token not in self._exempt:
            self._memory[self._count] = token
            self._count += 1

    @property
    def said(self) -> torch.Tensor:
        """``[n]`` tokens to penalise, some of them more than once."""
        return self._memory[: self._count]

    @cached_property
    def _memory(self) -> torch.Tensor:
        # Made when first needed, in the thread that draws: a copy to the GPU would halt the one that asks.
        memory = torch.zeros(len(self._spoken) + self.sampling.max_new_tokens, dtype=torch.long, device=self._device)
        memory[: len(self._spoken)] = torch.tensor(self._spoken, dtype=torch.long, device=self._device)
        return memory

    def uniform(self) -> float:
        return self._random.random()


def draw(logits: torch.Tensor, samplers: Sequence[Sampler]) -> list[int | None]:
    """Draws one token per row.

    Args:
        logits: ``[rows, vocabulary]``.
        samplers: one per row.

    Returns:
        Token ids; None for a row whose logits hold NaN or nothing but -inf.
    """
    logits = _penalise(logits.float(), samplers)
    temperatures = [sampler.sampling.temperature for sampler in samplers]
    if max(temperatures) <= 0:
        best, tokens = logits.max(dim=-1)
    else:
        best, tokens = _draw_nucleus(logits, samplers)
        if min(temperatures) <= 0:
            greedy = torch.tensor([temperature <= 0 for temperature in temperatures], device=logits.device)
            tokens = torch.where(greedy, logits.argmax(dim=-1), tokens)
    tokens = torch.where(best.isfinite(), tokens, -1)
    return [None if token < 0 else token for token in tokens.tolist()]


def _penalise(logits: torch.Tensor, samplers: Sequence[Sampler]) -> torch.Tensor:
    penalised = [(row, sampler) for row, sampler in enumerate(samplers) if sampler.sampling.repetition_penalty != 1]
    if not penalised:
        return logits
    said = [sampler.said for _, sampler in penalised]
    tokens = torch.cat(said)
    counts = torch.tensor([len(tokens) for tokens in said], device=logits.device)
    rows = torch.tensor([row for row, _ in penalised], device=logits.device).repeat_interleave(counts)
    strengths = torch.tensor([sampler.sampling.repetition_penalty for _, sampler in penalised], device=logits.device)
    strength = strengths.repeat_interleave(counts)
    values = logits[rows, tokens]
    return logits.index_put((rows, tokens), torch.where(values > 0, values / strength, values * strength))


def _draw_nucleus(logits: torch.Tensor, samplers: Sequence[Sampler]) -> tuple[torch.Tensor, torch.Tensor]:
    """Top-k, then nucleus sampling (Holtzman et al. 2020).

    Returns:
        The highest logit and the token drawn, each ``[rows]``.
    """
    vocabulary = logits.shape[-1]
    rules = [sampler.sampling for sampler in samplers]
    kept = [min(rule.top_k, vocabulary) if rule.top_k > 0 else vocabulary for rule in rules]
    scores, tokens = logits.topk(max(kept), dim=-1)
    best = scores[:, 0]
    scores = scores / _column([rule.temperature if rule.temperature > 0 else 1 for rule in rules], logits)
    ranks = torch.arange(scores.shape[-1], device=logits.device)
    probabilities = scores.masked_fill(ranks >= _column(kept, logits), float("-inf")).softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    # The first token always stays, whatever top_p says.
    nucleus = probabilities.masked_fill((before >= _column([rule.top_p for rule in rules], logits)) & (ranks > 0), 0)
    cumulated = nucleus.cumsum(dim=-1)
    dart = _column([sampler.uniform() for sampler in samplers], logits) * cumulated[:, -1:]
    # Rounding can put the dart on the far edge; the last token with any probability is then meant.
    last = (nucleus > 0).sum(dim=-1, keepdim=True) - 1
    chosen = torch.minimum((cumulated <= dart).sum(dim=-1, keepdim=True), last.clamp(min=0))
    return best, tokens.gather(-1, chosen)[:, 0]


def _column(values: Sequence[float], like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32, device=like.device)[:, None]
