"""Draw one row of portraits per attribute, each from one end of its range to the other."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from stylegan.commands.options import at_least


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("sweep", help="draw one row of portraits per attribute", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="picture file (PNG)")
    parser.add_argument("--steps", type=at_least(2), default=9, help="portraits per row (9)")
    parser.add_argument("--size", type=at_least(32), default=160, help="width and height of each in pixels (160)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="another seed draws other people (0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from stylegan.portrait.sheets import attribute_sweep, save_picture

    save_picture(attribute_sweep(options.steps, options.size, options.seed), options.out)
    print(options.out)
    return 0
