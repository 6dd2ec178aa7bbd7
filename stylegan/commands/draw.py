"""Draw many random portraits with their labels, as training data for the face."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from stylegan.commands.options import at_least


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("draw", help="draw labelled portraits into a folder", description=__doc__)
    parser.add_argument("--count", type=at_least(1), required=True, help="number of pictures the folder shall hold")
    parser.add_argument("--out", type=Path, required=True, help="folder; a run that was stopped there goes on")
    parser.add_argument("--size", type=at_least(32), default=256, help="width and height in pixels (256)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="another seed draws other people (0)")
    parser.add_argument(
        "--face", type=Path, metavar="FILE", help="draw this person only: JSON with 'latent' and 'attributes'"
    )
    parser.add_argument("--workers", type=at_least(1), default=os.cpu_count() or 1, help="processes (all cores)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from stylegan.portrait.canvas import renderer
    from stylegan.portrait.dataset import Dataset

    renderer()
    person = None
    if options.face is not None:
        from stylegan.identity import load_face
        from stylegan.portrait.identity import LATENT_DIM

        face = load_face(options.face, LATENT_DIM)
        person = (tuple(face.latent.tolist()), dict(face.attributes))
    dataset = Dataset(options.out, int(options.size), int(options.seed), person)
    missing = dataset.missing(int(options.count))
    with tqdm(total=int(options.count), initial=int(options.count) - len(missing), unit="picture") as bar:
        for _ in dataset.draw(missing, int(options.workers)):
            bar.update()
    print(f"{options.count} portraits of {options.size} pixels in {options.out}")
    return 0
