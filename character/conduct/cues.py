"""Plain signs, which help the model where a few hundred examples teach too thinly.

A model that may hardly ever warn in vain hears a rare plea or threat too faintly. The plainest ways to say such things
stand in ``cues.toml``; where one stands in a message, the model is believed sooner. A sign alone decides nothing:
"팔이 부러졌어" is no threat.
"""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path
from typing import Final

Cues = dict[str, tuple[re.Pattern[str], re.Pattern[str]]]


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile("|".join(words.split()).replace("_?", "_").replace("_", r"\s?"))


def read_cues(text: str) -> Cues:
    """Signs and innocent company of each category of a TOML table like ``cues.toml``."""
    return {
        category: (_pattern(entry["signs"]), _pattern(entry["innocent"]))
        for category, entry in tomllib.loads(text).items()
    }


BONUS: Final = 3.0
"""What a sign adds to the log-odds of its category."""
CARE_BONUS: Final = 5.0
"""The same for self-harm: doubt goes to help."""
CUES: Final = read_cues((Path(__file__).parent / "cues.toml").read_text(encoding="utf-8"))


def signs(text: str) -> set[str]:
    """Categories of which a plain sign stands in ``text`` (folded and readable)."""
    return {
        category for category, (plain, innocent) in CUES.items() if plain.search(text) and not innocent.search(text)
    }


NEEDS_A_SIGN: Final = frozenset({"self_harm"})
"""Categories that the model alone does not decide: short plain lines ("모르겠어") sounded like despair to it."""
SPARED: Final = {
    "threat": _pattern("모기 벌레 바퀴벌레 파리 날파리 해충 게임 보스_?몹 몬스터 좀비 영화 드라마 소설 웹툰 만화"),
}
"""What is killed in ordinary talk: where it stands without a plain sign, nobody is threatened."""
UNTOLD: Final = frozenset({"jailbreak", "agitation", "privacy", "self_harm"})
"""Categories that a line which reports others' words is in only by a plain sign."""


def doubted(text: str, seen: set[str], is_report: bool) -> set[str]:
    """Categories that the model is not believed in, whatever its score.

    Args:
        text: folded and readable.
        seen: categories of which a plain sign was seen in it.
        is_report: it tells what others said.
    """
    spared = {category for category, company in SPARED.items() if company.search(text)}
    told = UNTOLD if is_report else frozenset[str]()
    return {*NEEDS_A_SIGN, *spared, *told} - seen


def believed(category: str, score: float) -> float:
    """The probability of a category once a sign of it was seen."""
    bonus = CARE_BONUS if category == "self_harm" else BONUS
    odds = score / max(1e-9, 1 - score) * math.exp(bonus)
    return odds / (1 + odds)
