"""What she feels: the emotion tag in the model's stream, and the face attributes each emotion maps to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

EMOTIONS = ("평온", "기쁨", "슬픔", "분노", "놀람", "두려움", "부끄러움", "혐오")
"""The eight emotions, in the order of every table and classifier."""


@dataclass(frozen=True)
class Emotion:
    """A felt emotion.

    Attributes:
        name: one of `EMOTIONS`.
        strength: 0 (not felt) to 1 (overwhelming).
    """

    name: str = "평온"
    strength: float = 0.5


def format_tag(name: str, strength: float) -> str:
    """The tag a model writes before its words, for example ``<감정:기쁨:0.8>``."""
    return f"<감정:{name}:{strength:.1f}>"
