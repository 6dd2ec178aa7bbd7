"""Keywords: near to the whole, unlike one another, and of different weight."""

from __future__ import annotations

import numpy as np

from imagegen.keywords import HEAVIEST, LIGHTEST, candidates, extract

TEXTS = [
    "a woman holding a yellow umbrella, walking on a cherry blossom path",
    "a woman, walking on a cherry blossom path",
    "a woman holding a yellow umbrella",
]


def embed(texts):
    """Vectors of letter triples: like texts, like vectors."""
    vectors = np.zeros((len(texts), 512), np.float32)
    for row, text in enumerate(texts):
        for start in range(max(len(text) - 2, 1)):
            vectors[row, sum(ord(c) * 31**i for i, c in enumerate(text[start : start + 3])) % 512] += 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_candidates_hold_no_stop_words_and_cross_no_comma():
    found = candidates("a girl with long hair, sitting in the old cafe")
    assert found == ["girl", "long", "long hair", "hair", "sitting", "old", "old cafe", "cafe"]


def test_weights_follow_frequency_and_are_not_all_the_same():
    found = {keyword.phrase: keyword for keyword in extract(TEXTS, embed)}
    assert found["woman"].frequency == 1
    assert found["yellow umbrella"].frequency == 2 / 3
    assert len({keyword.weight for keyword in found.values()}) > 1
    assert all(LIGHTEST <= keyword.weight <= HEAVIEST for keyword in found.values())


def test_the_heaviest_comes_first():
    weights = [keyword.weight for keyword in extract(TEXTS, embed)]
    assert weights == sorted(weights, reverse=True)


def test_no_keyword_repeats_another():
    phrases = [set(keyword.phrase.split()) for keyword in extract(TEXTS, embed, count=20)]
    assert not any(one < other for one in phrases for other in phrases)


def test_diversity_takes_what_is_different():
    texts = ["red cat hat, red cat bat, blue ocean"]
    near = [keyword.phrase for keyword in extract(texts, embed, count=2, diversity=0.0)]
    far = [keyword.phrase for keyword in extract(texts, embed, count=2, diversity=0.9)]
    assert not any("ocean" in phrase for phrase in near)
    assert any("ocean" in phrase or "blue" in phrase for phrase in far)


def test_without_an_embedder_words_are_counted():
    found = extract(TEXTS)
    assert found[0].phrase in ("woman", "cherry blossom path", "yellow umbrella")
    assert len({keyword.weight for keyword in found}) > 1


def test_no_words_give_no_keywords():
    assert extract([]) == extract(["a of the"]) == []
