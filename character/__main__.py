"""The character package's commands: ``python -m character evaluate-conduct DATA``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m character", description="Commands of the character package.")
    commands = parser.add_subparsers(dest="command", required=True)
    conduct = commands.add_parser(
        "evaluate-conduct", help="measure how fair the judge of conduct is and how hard to fool"
    )
    conduct.add_argument("data", type=Path, help="folder with the public sets (docs/data.md)")
    conduct.add_argument("--model", default="bundled", help="bundled, a folder, or the hub id of a sequence classifier")
    conduct.add_argument(
        "--written", type=Path, help="folder with the written examples (default: training/data/conduct)"
    )
    conduct.add_argument("--limit", type=int, default=2000, help="lines of each chat set")
    conduct.add_argument("--sentences", type=int, default=400, help="how many sentences are spelled around")
    conduct.add_argument("--json", type=Path, help="write the figures to this file")
    conduct.add_argument("--show", action="store_true", help="print every false warning")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = build_parser().parse_args(argv)

    from character.conduct.evaluation import run
    from character.conduct.public_sets import WRITTEN
    from character.errors import CharacterError

    try:
        written = options.written or WRITTEN
        return run(options.data, options.model, written, options.limit, options.sentences, options.json, options.show)
    except CharacterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
