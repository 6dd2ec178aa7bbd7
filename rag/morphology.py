"""Korean morphemes, from Kiwi. Loaded at the first call and kept."""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

LONGEST = 2000
"""Characters of a text that are looked at."""


class Morpheme(NamedTuple):
    """A morpheme: dictionary form, tag of the Sejong set, and where it stands in the text."""

    form: str
    tag: str
    start: int
    end: int


_kiwi: Kiwi | None = None
_kiwi_lock = threading.Lock()


def load_morphology() -> Kiwi:
    """The analyser, loaded at the first call (1–2 s, about 250 MB); later calls return the same one. Thread-safe."""
    global _kiwi
    with _kiwi_lock:
        if _kiwi is None:
            from kiwipiepy import Kiwi

            _kiwi = Kiwi(num_workers=1)
        return _kiwi


def use_morphology(kiwi: Kiwi) -> None:
    """Takes an analyser that the program has loaded already, so that it is in memory once."""
    global _kiwi
    with _kiwi_lock:
        _kiwi = kiwi


@lru_cache(maxsize=4096)
def morphemes(text: str) -> tuple[Morpheme, ...]:
    """Morphemes of the first `LONGEST` characters of ``text``, with character offsets."""
    kiwi = load_morphology()
    with _kiwi_lock:
        tokens = kiwi.tokenize(text[:LONGEST])
    return tuple(Morpheme(t.form, t.tag.partition("-")[0], t.start, t.end) for t in tokens)


def forget_analyses() -> None:
    """Drops the texts that are kept with their morphemes, for instance after a user had everything forgotten."""
    morphemes.cache_clear()
    content_words.cache_clear()


# Words that say nothing about what a sentence is about: they stand in half of all chat messages.
GENERIC = frozenset(
    "나 저 너 우리 내 제 네 것 거 게 수 때 데 줄 중 뭐 왜 어디 언제 누구 어떻다 어떻 이 그 저 이거 그거 저거 이것 그것 여기 거기 "
    "오늘 지금 요즘 진짜 정말 너무 완전 되게 엄청 많이 좀 더 다 또 잘 그냥 막 아직 이제 벌써 근데 그래서 그리고 하지만 "
    "하 되 있 없 이 아니 같 보 주 오 가 알 모르 말 싶 않 못 안 좋 그렇 이렇 저렇 어떡하 얘기 말 생각 일 사람 시간 정도 "
    "들 적 님 씨 번 년 월 살 명 개 마리 가지 기억 기억나 오로라 하루 매일 항상 자주 가끔".split()
)
_CONTENT = {"NNG", "NNP", "NR", "SN", "SL", "SH", "VV", "VA", "XR", "MAG"}


@lru_cache(maxsize=8192)
def content_words(text: str) -> tuple[str, ...]:
    """The words of ``text`` that carry its content, in order: nouns, numbers, stems of verbs and adjectives.

    Particles, endings and words that stand in every other message are left out. Stems end in ``-`` (``좋아하-``).
    """
    found = []
    for morpheme in morphemes(unicodedata.normalize("NFC", text)):
        form = morpheme.form.casefold()
        if morpheme.tag in _CONTENT and form not in GENERIC and re.search(r"\w", form):
            found.append(form + "-" if morpheme.tag in ("VV", "VA") else form)
    return tuple(found)
