"""Korean letters in Latin ones, by the Revised Romanization of Korean (2000), with its commonest sound changes."""

from __future__ import annotations

_FIRST = "g kk n d tt r m b pp s ss - j jj ch k t p h".replace("-", "").split(" ")
_MIDDLE = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split()
_LAST = " k k k n n n t l k m l l l p l m p p t t ng t t k t p t".split(" ")
_CARRIED = ["", "g", "kk", "ks", "n", "nj", "n", "d", "r", "lg", "lm", "lb", "ls", "lt", "lp", "r", "m", "b", "ps",
            "s", "ss", "ng", "j", "ch", "k", "t", "p", ""]  # fmt: skip
_SILENT, _N, _R, _M = 11, 2, 5, 6
_NASAL = {"k": "ng", "t": "n", "p": "m"}


def romanize(text: str) -> str:
    """``text`` with its hangul syllables transliterated; everything else stays. "지브리풍" → "jibeuripung"."""
    syllables = [_parts(character) for character in text]
    made = []
    for index, parts in enumerate(syllables):
        if parts is None:
            made.append(text[index])
            continue
        before = syllables[index - 1] if index else None
        after = syllables[index + 1] if index + 1 < len(syllables) else None
        made.append(_initial(parts[0], before) + _MIDDLE[parts[1]] + _final(parts[2], after))
    return "".join(made)


def _parts(character: str) -> tuple[int, int, int] | None:
    code = ord(character) - 0xAC00
    return (code // 588, code % 588 // 28, code % 28) if 0 <= code < 11172 else None


def _initial(first: int, before: tuple[int, int, int] | None) -> str:
    if first == _R and before is not None and before[2]:
        return "l" if _LAST[before[2]] in ("l", "n") else "n"
    if first == _N and before is not None and _LAST[before[2]] == "l":
        return "l"
    return _FIRST[first]


def _final(last: int, after: tuple[int, int, int] | None) -> str:
    if after is None or not last:
        return _LAST[last]
    if after[0] == _SILENT:
        return _CARRIED[last]
    if after[0] == _R and _LAST[last] == "n":
        return "l"
    if after[0] in (_N, _M, _R):
        return _NASAL.get(_LAST[last], _LAST[last])
    return _LAST[last]
