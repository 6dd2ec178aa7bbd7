"""``python -m imagegen``: pictures from the shell.

Nothing heavy is imported before it is needed: ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from imagegen import coverage, prompt_command
from imagegen.errors import ImagegenError


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m imagegen", description="Pictures: prompts, for now.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    prompt_command.add(commands)
    coverage.add(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; gives 0, 1 after an error that is told in one line, 130 after Ctrl-C."""
    options = build_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ImagegenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


if __name__ == "__main__":
    sys.exit(main())
