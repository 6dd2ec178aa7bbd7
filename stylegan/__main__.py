"""``python -m stylegan``: draw training pictures, look at them, and what other command modules add."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from stylegan.errors import StyleganError

COMMANDS = (
    "stylegan.commands.draw",
    "stylegan.commands.sheet",
    "stylegan.commands.sweep",
    "stylegan.commands.evaluate",
    "stylegan.commands.evaluate_taste",
    "stylegan.commands.gallery",
    "stylegan.commands.import_",
)
"""Modules with ``add_parser(subparsers)``, whose parser sets ``run``, a function of the options that returns the
exit code. They import what is heavy only when they run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; an error of this package becomes one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m stylegan", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(name).add_parser(subparsers)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except StyleganError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; what was written stays, and the same command goes on from there", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
