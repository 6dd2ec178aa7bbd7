"""Draw a contact sheet of random portraits."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from stylegan.commands.options import at_least


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("sheet", help="draw a contact sheet of random portraits", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="picture file (PNG)")
    parser.add_argument("--columns", type=at_least(1), default=8, help="portraits side by side (8)")
    parser.add_argument("--rows", type=at_least(1), default=6, help="rows of portraits (6)")
    parser.add_argument("--size", type=at_least(32), default=192, help="width and height of each in pixels (192)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="another seed draws other people (0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from stylegan.portrait.sheets import contact_sheet, save_picture

    save_picture(contact_sheet(options.columns, options.rows, options.size, options.seed), options.out)
    print(options.out)
    return 0
