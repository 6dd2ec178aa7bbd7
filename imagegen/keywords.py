"""Keywords of a prompt: the phrases nearest to the whole in meaning, and different from one another.

After KeyBERT (Grootendorst 2020): candidates are embedded beside the whole; maximal marginal relevance (Carbonell and
Goldstein 1998) picks from them. The embedder is a callable, so that any one serves; without one, words are counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Embed = Callable[[Sequence[str]], np.ndarray]
"""Texts to rows [texts, width] of length 1."""

LONGEST_PHRASE = 3
STOP_WORDS = frozenset(
    "a an the of in on at to with and or for from by is are be being it its this that as into over under her his their "
    "very one two three four five several many some no not next front behind near through toward between among up down "
    "holding wearing taken made placed looking putting having being seen drawn visible".split()
)
NOUNS_IN_ING = frozenset(
    "lighting painting drawing building evening morning spring wedding clothing ceiling king ring wing string swing "
    "sibling earring railing swimming skiing surfing boxing fishing hiking camping shopping clearing beijing".split()
)
LIGHTEST, HEAVIEST = 0.9, 1.4
LONGER = 0.15
"""What each further word adds to a phrase's worth: "long hair" says more than "hair"."""


@dataclass(frozen=True)
class Keyword:
    """A phrase, its cosine to the whole (−1 to 1), the share of the paraphrases that hold it, and its weight."""

    phrase: str
    score: float
    frequency: float
    weight: float


def candidates(text: str, longest: int = LONGEST_PHRASE) -> list[str]:
    """Runs of up to ``longest`` words without a stop word at either end or a comma inside, each once, in order."""
    found: dict[str, None] = {}
    for segment in re.split(r"[,.;:!?\n]+", text.casefold()):
        words = re.findall(r"[\w'-]+", segment)
        for start in range(len(words)):
            for end in range(start + 1, min(start + longest, len(words)) + 1):
                run = words[start:end]
                if not STOP_WORDS.intersection(run) and (len(run) == 1 or not _is_verb(run[-1])):
                    found.setdefault(" ".join(run))
    return list(found)


def _is_verb(word: str) -> bool:
    return (word.endswith("ing") and word not in NOUNS_IN_ING) or word in ("taken", "made", "placed", "drawn", "seen")


def extract(
    texts: Sequence[str], embed: Embed | None = None, *, count: int = 8, diversity: float = 0.5
) -> list[Keyword]:
    """The keywords of a prompt and its paraphrases, the heaviest first.

    Args:
        texts: paraphrases in English, the plainest first.
        embed: gives vectors; None: phrases are ranked by how often their words occur.
        count: keywords at most.
        diversity: 0 to 1, how much a keyword must differ from those already taken.

    The weight grows with the share of the paraphrases that hold the phrase, and with its nearness to the whole, from 0.9
    to 1.4: keywords that stand in every paraphrase are still told apart by meaning.
    """
    phrases = candidates(", ".join(texts))
    if not phrases:
        return []
    frequencies = np.array([_frequency(phrase, texts) for phrase in phrases])
    if embed is None:
        scores, alike = _counted(phrases, texts)
    else:
        vectors = np.asarray(embed([", ".join(dict.fromkeys(texts)), *phrases]), np.float32)
        scores, alike = vectors[1:] @ vectors[0], vectors[1:] @ vectors[1:].T
    longer = np.array([1 + LONGER * phrase.count(" ") for phrase in phrases])
    chosen = _relevant(scores * (0.5 + 0.5 * frequencies) * longer, alike, phrases, count, diversity)
    picked = [(phrases[index], float(scores[index]), float(frequencies[index])) for index in chosen]
    return sorted(_with_weights(picked), key=lambda keyword: -keyword.weight)


def _frequency(phrase: str, texts: Sequence[str]) -> float:
    held = sum(bool(re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text.casefold())) for text in texts)
    return held / max(len(texts), 1)


def _counted(phrases: Sequence[str], texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Scores and likenesses by words alone: shares of the words' counts, and of words in common."""
    counts = Counter(re.findall(r"[\w'-]+", " ".join(texts).casefold()))
    most = max(counts.values())
    sets = [set(phrase.split()) for phrase in phrases]
    scores = np.array([np.mean([counts[word] for word in words]) / most * (0.8 + 0.1 * len(words)) for words in sets])
    alike = np.array([[len(a & b) / len(a | b) for b in sets] for a in sets])
    return scores, alike


def _relevant(scores: np.ndarray, alike: np.ndarray, phrases: Sequence[str], count: int, diversity: float) -> list[int]:
    """Maximal marginal relevance; a phrase inside one that was taken is not taken again."""
    chosen: list[int] = []
    left = list(range(len(phrases)))
    while left and len(chosen) < count:
        worth = [
            (1 - diversity) * scores[index] - diversity * max((alike[index, other] for other in chosen), default=0.0)
            for index in left
        ]
        best = left.pop(int(np.argmax(worth)))
        chosen.append(best)
        left = [index for index in left if not _overlap(phrases[index], phrases[best])]
    return chosen


def _overlap(one: str, other: str) -> bool:
    first, second = set(one.split()), set(other.split())
    return first <= second or second <= first


def _with_weights(picked: Sequence[tuple[str, float, float]]) -> list[Keyword]:
    scores = [score for _, score, _ in picked]
    low, span = min(scores), max(max(scores) - min(scores), 1e-6)
    made = []
    for phrase, score, frequency in picked:
        strength = 0.6 * frequency + 0.4 * (score - low) / span
        made.append(Keyword(phrase, score, frequency, round(LIGHTEST + (HEAVIEST - LIGHTEST) * strength, 2)))
    return made
