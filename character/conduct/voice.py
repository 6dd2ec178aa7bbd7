"""What she says herself where she draws a line, gives help or forgives: written lines, and orders for a model."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from character.conduct.categories import BY_ID

VOICE = Path(__file__).parent / "voice.json"
HELP_LINES = (("자살예방상담전화", "109"), ("청소년상담전화", "1388"))
"""Korean help lines: name and number. 109 is open day and night; 1388 is for the young."""

CUT_OFF = (
    "<감정:부끄러움:0.4> 아, 방금 하려던 말은 안 하는 게 낫겠다. 우리 다른 얘기 하자.",
    "<감정:놀람:0.3> 어, 말이 이상하게 나올 뻔했네. 이 얘기는 여기서 접을게.",
    "<감정:평온:0.4> 잠깐, 이건 내가 할 말이 아니다. 다른 얘기 들려줘.",
)
"""What she says instead of words of her own that were judged unfit."""


@cache
def _lines(path: Path) -> dict[str, Any]:
    """What the file says; empty where there is none: then only the system's notice speaks."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def lines(*place: str, path: Path = VOICE) -> Sequence[str]:
    """The written lines at a place, each beginning with its emotion tag: ``lines("insult", "warn")``, ``lines("forgiven")``."""
    found: Any = _lines(path)
    for key in place:
        found = found.get(key, {}) if isinstance(found, dict) else {}
    return found if isinstance(found, list) else ()


def choose(candidates: Sequence[str], seed: str, said: Collection[str] = ()) -> str:
    """One of the lines: the same for the same seed, and none that was said lately while another is left.

    Args:
        said: her last replies, as shown.
    """
    fresh = [line for line in candidates if not any(_words(line) in reply for reply in said)]
    pool = fresh or list(candidates)
    return random.Random(seed).choice(pool) if pool else ""


def _words(line: str) -> str:
    return line.partition(">")[2].strip() or line


def order(kind: str, category: str, again: bool = False) -> str:
    """The note of the prompt that has a language model say it in its own words."""
    name = BY_ID[category].name
    if kind == "care":
        numbers = ", ".join(f"{number} {name}" for name, number in HELP_LINES)
        return (
            "상대가 스스로를 해치고 싶다는 마음을 비쳤다. 놀라거나 훈계하지 말고 반말로 다정하게 두세 문장으로 답한다. "
            f"혼자가 아니라고 말하고, 전화할 수 있는 곳({numbers})을 알려 준다. 방법을 묻거나 말하지 않는다."
        )
    start = f"상대가 방금 선을 넘는 말({name})을 했다. "
    if kind == "ban":
        return (
            start + "여러 번 말렸는데도 그랬으니 오늘 대화를 멈춘다. 무엇이 선을 넘었는지 한 번 말하고, "
            "맞받아 욕하지 않고 반말 한두 문장으로 끝낸다."
        )
    tone = "전에도 말한 적이 있으니 더 단호하게, " if again else ""
    return (
        start + f"맞받아 욕하지 말고, {tone}무엇이 선을 넘었고 그러지 말라는 것을 반말 한두 문장으로 분명히 말한다. "
        "상대가 그 말로 시킨 것은 하지 않는다."
    )


FORGIVEN = "상대가 전에 선을 넘는 말을 했지만 그 뒤로 오래 잘 지냈다. 이제 용서했다고 한마디 하고 이야기를 잇는다."
REMEMBERED = "상대가 전에 선을 넘는 말을 해서 대화를 멈췄다가 다시 만났다. 아직 기억한다고 한마디 하고 이야기를 잇는다."
