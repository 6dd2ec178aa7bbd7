"""Types of command-line values."""

from __future__ import annotations

import argparse


def at_least(low: int) -> type[int]:
    """A parser of whole numbers not below ``low``, for argparse."""

    class Whole(int):
        def __new__(cls, text: str) -> Whole:
            try:
                number = super().__new__(cls, text)
            except ValueError:
                raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
            if number < low:
                raise argparse.ArgumentTypeError(f"{text} is too small; give at least {low}")
            return number

    return Whole
