"""Draws the sheet of emotions: each of a card's eight emotions on several identities of the generator.

    python -m training.face_sheets --out docs/emotions.png

It stands here because it needs both the card's table of emotions and the face generator, which do not know each other.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from character.errors import CharacterError
from stylegan.errors import StyleganError

if TYPE_CHECKING:
    from character.card import Card
    from stylegan.pictures import Pictures

ENGLISH = {
    "평온": "calm", "기쁨": "joy", "슬픔": "sadness", "분노": "anger",
    "놀람": "surprise", "두려움": "fear", "부끄러움": "shyness", "혐오": "disgust",
}  # fmt: skip
"""The font that comes with Pillow has no Hangul."""

SCENES = (
    {"hair_color": 0.16, "hair_length": 0.8, "background_mean": 0.86, "background_std": 0.03},
    {"hair_color": 0.42, "hair_length": 0.55, "background_mean": 0.78, "background_std": 0.08},
    {"hair_color": 0.72, "hair_length": 0.95, "background_mean": 0.5, "background_std": 0.1},
    {"hair_color": 0.3, "hair_length": 0.4, "background_mean": 0.92, "background_std": 0.02},
    {"hair_color": 0.56, "hair_length": 0.7, "background_mean": 0.3, "background_std": 0.08},
    {"hair_color": 0.24, "hair_length": 1.0, "background_mean": 0.68, "background_std": 0.15},
)
"""Hair and background of each identity on the sheet, over and over."""


def emotions(pictures: Pictures, latents: NDArray[np.float32], card: Card, strength: float) -> NDArray[np.uint8]:
    """Each emotion of the card on each identity: [identities, 8, H, W, 3]."""
    from character.emotion import EMOTIONS, Emotion

    rows = []
    for number, latent in enumerate(latents):
        scene = SCENES[number % len(SCENES)]
        asked = [scene | dict(card.face(Emotion(name, strength))) for name in EMOTIONS]
        rows.append(pictures(np.repeat(latent[None], len(asked), 0), asked))
    return np.stack(rows)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.face_sheets", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    parser.add_argument("--face", default="bundled", metavar="FOLDER", help="generator (default: the bundled one)")
    parser.add_argument("--drawn", action="store_true", help="by the renderer instead of a generator")
    parser.add_argument("--judge", default="bundled", metavar="FOLDER", help="filters that choose who is served")
    parser.add_argument("--card", type=Path, default=None, metavar="FILE", help="another card than 오로라's")
    parser.add_argument("--identities", type=int, default=6)
    parser.add_argument("--strength", type=float, default=0.9, help="of the emotions, 0 … 1 (default: 0.9)")
    parser.add_argument("--side", type=int, default=192, help="pixels of one picture (default: 192)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    try:
        from character.card import Card, builtin_card
        from stylegan.commands.evaluate import generated
        from stylegan.evaluation import serve
        from stylegan.filters import load_filters
        from stylegan.pictures import DrawnPictures
        from stylegan.sheets import save_sheet

        card = Card.from_file(options.card) if options.card else builtin_card()
        pictures = DrawnPictures() if options.drawn else generated(options.face, "cpu", 1.0)
        latents, _ = serve(
            pictures, load_filters(options.judge), options.identities, np.random.default_rng(options.seed)
        )
        table = emotions(pictures, latents, card, options.strength)
        save_sheet(table, options.out, columns=list(ENGLISH.values()), side=options.side)
    except (CharacterError, StyleganError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
