"""``python -m stylegan gallery``: sheets of the generator's faces, to be looked at."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stylegan.commands.options import at_least

if TYPE_CHECKING:
    from stylegan.evaluation import Sampler
    from stylegan.pictures import Pictures


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("gallery", help="write a sheet of generated faces", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="where the sheet is written")
    parser.add_argument("--show", choices=("identities", "sweeps"), default="identities", help="what is on the sheet")
    parser.add_argument("--face", default="bundled", metavar="FOLDER", help="generator (default: the bundled one)")
    parser.add_argument("--judge", default="bundled", metavar="FOLDER", help="filters that choose who is served")
    parser.add_argument("--rows", type=at_least(1), default=4, help="rows of identities (4)")
    parser.add_argument("--columns", type=at_least(2), default=8, help="pictures of a row (8)")
    parser.add_argument("--side", type=at_least(16), default=160, help="pixels of one picture (160)")
    parser.add_argument("--truncation-psi", type=float, default=1.0, help="1: identities as they are (default)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="another seed shows other people (0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes one sheet of identities that the filters serve, or of each attribute swept, one identity to a row.

    Raises:
        StyleganError: weights are missing or damaged, or the sheet cannot be written.
    """
    from stylegan.commands.evaluate import generated
    from stylegan.evaluation import serve
    from stylegan.filters import load_filters
    from stylegan.portrait import sample_attributes
    from stylegan.sheets import save_sheet

    pictures = generated(options.face, "cpu", options.truncation_psi)
    filters = load_filters(options.judge)
    rng = np.random.default_rng(options.seed)
    if options.show == "identities":
        latents, _ = serve(pictures, filters, options.rows * options.columns, rng)
        table = identities(pictures, latents, options.rows, options.columns, sample_attributes, rng)
        save_sheet(table, options.out, side=options.side)
    else:
        from stylegan.attributes import CONDITIONS

        latents, _ = serve(pictures, filters, len(CONDITIONS), rng)
        table = sweeps(pictures, latents, options.columns, sample_attributes, rng)
        save_sheet(table, options.out, [name.replace("_", " ") for name in CONDITIONS], side=options.side)
    print(options.out)
    return 0


def identities(
    pictures: Pictures,
    latents: NDArray[np.float32],
    rows: int,
    columns: int,
    sampler: Sampler,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Faces at rest, with hair and background of every kind: [rows, columns, H, W, 3]."""
    from stylegan.pictures import at_rest

    scene = ("hair_color", "hair_length", "background_mean", "background_std")
    asked = []
    for _ in latents:
        sampled = sampler(rng)
        asked.append(at_rest() | {name: sampled[name] for name in scene})
    shown = pictures(latents, asked)
    return shown.reshape(rows, columns, *shown.shape[1:])


def sweeps(
    pictures: Pictures, latents: NDArray[np.float32], steps: int, sampler: Sampler, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """One attribute to a row, from its lowest to its highest value: [attributes, steps, H, W, 3]."""
    from stylegan.attributes import CONDITIONS
    from stylegan.evaluation import ranges, sweep_of
    from stylegan.pictures import at_rest

    spans = ranges(sampler, rng)
    rows = [
        pictures(np.repeat(latent[None], steps, 0), sweep_of(name, at_rest(), *spans[name], steps))
        for name, latent in zip(CONDITIONS, latents, strict=True)
    ]
    return np.stack(rows)
