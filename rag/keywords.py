"""Search by Korean morphemes: BM25 over the memories of one account, in the process.

An account has hundreds of memories, rarely thousands: such an index is built in milliseconds once their morphemes are
known, works beside any database, and leaves no copy of forgotten words in a file.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Mapping

from rag.morphology import content_words

K1, B = 1.2, 0.4
"""As usual for BM25, with little weight on length: memories are all one short sentence."""
VERB_WEIGHT = 0.3
"""Memories are told by a few verbs (키우다, 다니다, 좋아하다); what they are about stands in the nouns."""
PSEUDO_DOCUMENTS = 50
"""As if so many other memories stood beside them: with three memories a word would else be common if one has it."""

SYNONYMS = {
    "남자친구": "남친", "여자친구": "여친", "애인": "연인", "직장": "회사", "멍멍이": "강아지", "댕댕이": "강아지",
    "냥이": "고양이", "고냥이": "고양이", "야옹이": "고양이", "집사": "고양이", "개": "강아지", "핸드폰": "폰", "휴대폰": "폰",
    "엄마": "어머니", "아빠": "아버지", "셤": "시험", "알바": "아르바이트", "생축": "생일", "최애": "좋아하-", "좋-": "좋아하-",
    "싫-": "싫어하-",
}  # fmt: skip


def terms(text: str) -> list[str]:
    """Words of ``text`` by which it is found; every pair of neighbouring nouns is found as one word as well."""
    words = [SYNONYMS.get(word, word) for word in content_words(text)]
    joined = [SYNONYMS.get(a + b, a + b) for a, b in itertools.pairwise(words)]
    return words + [word for word in joined if word in _COMPOUNDS]


_COMPOUNDS = frozenset(SYNONYMS.values())


class KeywordIndex:
    """Memories by the words in them. Immutable, so that threads may share it.

    Args:
        texts: text by memory id.
        before: an older index, of which everything is taken but what has changed since.
    """

    def __init__(self, texts: Mapping[str, str], before: KeywordIndex | None = None) -> None:
        self._words: dict[str, tuple[str, Counter[str]]] = dict(before._words) if before is not None else {}
        self._postings: dict[str, dict[str, int]] = dict(before._postings) if before is not None else {}
        self._lengths: dict[str, int] = dict(before._lengths) if before is not None else {}
        own: set[str] = set()  # words whose postings are no longer shared with the older index
        for memory in [memory for memory in self._words if memory not in texts]:
            self._take_out(memory, own)
        for memory, text in texts.items():
            there = self._words.get(memory)
            if there is not None and there[0] == text:
                continue
            if there is not None:
                self._take_out(memory, own)
            self._put_in(memory, text, own)
        self._mean = sum(self._lengths.values()) / max(1, len(self._lengths)) or 1.0

    def _posting(self, word: str, own: set[str]) -> dict[str, int]:
        if word not in own:
            own.add(word)
            self._postings[word] = dict(self._postings.get(word, ()))
        return self._postings[word]

    def _put_in(self, memory: str, text: str, own: set[str]) -> None:
        counts = Counter(terms(text))
        self._words[memory] = text, counts
        self._lengths[memory] = counts.total()
        for word, count in counts.items():
            self._posting(word, own)[memory] = count

    def _take_out(self, memory: str, own: set[str]) -> None:
        _, counts = self._words.pop(memory)
        del self._lengths[memory]
        for word in counts:
            del self._posting(word, own)[memory]

    def __len__(self) -> int:
        return len(self._lengths)

    def search(self, query: str, most: int | None = None) -> dict[str, float]:
        """BM25 score (above 0) by memory id, of those that share a word with ``query``.

        Args:
            most: so many of the best at most (default: all).
        """
        scores: defaultdict[str, float] = defaultdict(float)
        for word in dict.fromkeys(terms(query)):
            postings = self._postings.get(word, {})
            documents = len(self._lengths) + PSEUDO_DOCUMENTS
            rarity = math.log(1 + (documents - len(postings) + 0.5) / (len(postings) + 0.5))
            if word.endswith("-"):
                rarity *= VERB_WEIGHT
            for memory, count in postings.items():
                length = 1 - B + B * self._lengths[memory] / self._mean
                scores[memory] += rarity * count * (K1 + 1) / (count + K1 * length)
        if most is not None and len(scores) > most:
            return dict(heapq.nlargest(most, scores.items(), key=lambda entry: entry[1]))
        return dict(scores)
