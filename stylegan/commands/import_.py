"""``python -m stylegan import``: an official StyleGAN2-ADA network file as a generator folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from stylegan.errors import CannotWrite


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "import", help="take over an official StyleGAN2-ADA network (FFHQ kind)", description=__doc__
    )
    parser.add_argument(
        "weights", type=Path, metavar="WEIGHTS", help="network pickle, or safetensors of the same names"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the generator is written")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Imports one file.

    Raises:
        StyleganError: the file is no such network, or the folder cannot be written.
    """
    import torch

    from stylegan.generator import save_generator
    from stylegan.official import import_official

    generator = import_official(options.weights)
    try:
        save_generator(generator, options.out, torch.float32)
    except OSError as error:
        raise CannotWrite(f"{options.out} cannot be written ({error.strerror}); name another --out") from None
    config = generator.config
    print(
        f"{options.out}: {config.resolution} × {config.resolution} pixels, latents of {config.latent_dim} numbers.\n"
        "Its faces follow no attributes yet; teach them with\n"
        f"python -m training.face FOLDER --stage attributes --generator {options.out} --out OUT"
    )
    return 0
