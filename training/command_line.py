"""How a command stands on a model card."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path


def command_line(module: str, argv: Sequence[str] | None) -> str:
    """``python -m module`` with its arguments; of a path only the last part, for a card names no machine's folders.

    Args:
        argv: None for those this process was started with.
    """
    words = sys.argv[1:] if argv is None else argv
    return " ".join([f"python -m {module}", *(Path(word).name if os.sep in word else word for word in words)])
