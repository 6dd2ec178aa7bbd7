"""Drawing the next token of several replies at once, each by its own rules."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import torch

from character.language_model import Sampling


class Sampler:
    """The rules and the random numbers of one reply.

    Random numbers come from a generator of the reply's own, one per token, so that a seeded reply does not depend on
    what else is being drawn.

    Attributes:
        penalties: ``[vocabulary]`` what the logit of each token is divided by (multiplied by, where negative).

    Args:
        sampling: the rules.
        spoken: tokens of the last replies, which `Sampling.repetition_penalty` makes less likely.
        exempt: tokens that are never penalised: emotion tags, which would otherwise drift from reply to reply.
        vocabulary: number of tokens the model knows.
        device: of the logits.
    """

    def __init__(
        self,
        sampling: Sampling,
        spoken: Iterable[int],
        exempt: frozenset[int],
        vocabulary: int,
        device: torch.device,
    ) -> None:
        self.sampling = sampling
        self.penalties = torch.ones(vocabulary, device=device)
        self._exempt = exempt
        self._random = random.Random(sampling.seed)
        said = [token for token in spoken if token not in exempt]
        self.penalties[torch.tensor(said, dtype=torch.long, device=device)] = sampling.repetition_penalty

    def note(self, token: int) -> None:
        """The reply goes on with ``token``."""
        if token not in self._exempt:
            self.penalties[token] = self.sampling.repetition_penalty

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
    rules = [sampler.sampling for sampler in samplers]
    logits = logits.float()
    if any(rule.repetition_penalty != 1 for rule in rules):
        penalties = torch.stack([sampler.penalties for sampler in samplers])
        logits = logits.relu() / penalties - (-logits).relu() * penalties
    best, tokens = logits.max(dim=-1)
    if any(rule.temperature > 0 for rule in rules):
        greedy = torch.tensor([rule.temperature <= 0 for rule in rules], device=logits.device)
        tokens = torch.where(greedy, tokens, _draw_nucleus(logits, samplers))
    tokens = torch.where(best.isfinite(), tokens, -1)
    return [None if token < 0 else token for token in tokens.tolist()]


def _draw_nucleus(logits: torch.Tensor, samplers: Sequence[Sampler]) -> torch.Tensor:
    """Top-k, then nucleus sampling (Holtzman et al. 2020), ``[rows]`` token ids."""
    vocabulary = logits.shape[-1]
    rules = [sampler.sampling for sampler in samplers]
    kept = [min(rule.top_k, vocabulary) if rule.top_k > 0 else vocabulary for rule in rules]
    scores, tokens = logits.topk(max(kept), dim=-1)
    scores = scores / _column([rule.temperature if rule.temperature > 0 else 1 for rule in rules], logits)
    ranks = torch.arange(scores.shape[-1], device=logits.device)
    scores = scores.masked_fill(ranks >= _column(kept, logits), float("-inf"))
    probabilities = scores.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    # The first token always stays, whatever top_p says.
    nucleus = probabilities.masked_fill((before >= _column([rule.top_p for rule in rules], logits)) & (ranks > 0), 0)
    cumulated = nucleus.cumsum(dim=-1)
    dart = _column([sampler.uniform() for sampler in samplers], logits) * cumulated[:, -1:]
    # Rounding can put the dart on the far edge; the last token with any probability is then meant.
    last = (nucleus > 0).sum(dim=-1, keepdim=True) - 1
    chosen = torch.minimum((cumulated <= dart).sum(dim=-1, keepdim=True), last.clamp(min=0))
    return tokens.gather(-1, chosen)[:, 0]


def _column(values: Sequence[float], like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32, device=like.device)[:, None]
