"""Draws a strip of frames of one turn: she waits, listens, thinks, is surprised, speaks, and holds the feeling.

    python -m training.face_strip --out docs/face-turn.png

The frames come from the animation and the generator that the server runs, at the times written above them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from character.emotion import Emotion
from character.errors import CharacterError
from stylegan.errors import StyleganError

if TYPE_CHECKING:
    from character.card import Card
    from stylegan.animation import Animation

WORDS = "헐, 진짜? 나 몰래 이런 걸 준비했어? 고마워!"
PIECE, PIECES_PER_SECOND = 2, 4.0
SHOWN = ((0.3, "waits"), (1.3, "listens"), (2.6, "thinks"), (3.05, "startled"), (3.4, ""), (4.1, "speaks"), (4.35, ""),
         (4.6, ""), (4.9, ""), (5.3, ""), (7.5, "holds it"), (16.0, "lets go"))  # fmt: skip
"""Seconds, and what happens then."""


def events(card: Card) -> Iterator[tuple[float, Callable[[Animation, float], None]]]:
    """What the server tells the animation, and when."""
    face = dict(card.face(Emotion("놀람", 0.9)))
    yield 0.8, lambda animation, now: animation.hear(now)
    yield 1.6, lambda animation, now: animation.think(now)
    yield 2.8, lambda animation, now: animation.feel(face, now, startled=True)
    for number, start in enumerate(range(0, len(WORDS), PIECE)):
        piece = WORDS[start : start + PIECE]
        yield 3.6 + number / PIECES_PER_SECOND, lambda animation, now, piece=piece: animation.say(piece, now)
    yield 3.6 + len(WORDS) / PIECE / PIECES_PER_SECOND, lambda animation, now: animation.finish(now)


def frames(card: Card, seed: int) -> list[dict[str, float]]:
    """The expression at each of `SHOWN`."""
    from stylegan.animation import Animation

    animation = Animation(dict(card.face(Emotion("평온", 0.5))), seed, 0.0)
    coming = list(events(card))
    seen = []
    for when, _ in SHOWN:
        while coming and coming[0][0] <= when:
            now, happens = coming.pop(0)
            happens(animation, now)
        seen.append(animation.frame(when))
    return seen


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.face_strip", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    parser.add_argument("--face", default="bundled", metavar="FOLDER", help="generator (default: the bundled one)")
    parser.add_argument("--drawn", action="store_true", help="by the renderer instead of a generator")
    parser.add_argument("--side", type=int, default=160, help="pixels of one picture (default: 160)")
    parser.add_argument("--seed", type=int, default=3, help="of blinks and glances")
    options = parser.parse_args(argv)
    try:
        from character.card import builtin_card
        from stylegan.commands.evaluate import generated
        from stylegan.identity import BUNDLED, HER_FILE, load_face
        from stylegan.pictures import DrawnPictures
        from stylegan.sheets import save_sheet

        pictures = DrawnPictures() if options.drawn else generated(options.face, "cpu", 1.0)
        her = load_face(BUNDLED / HER_FILE, pictures.latent_dim)
        asked = [her.showing(expression) for expression in frames(builtin_card(), options.seed)]
        shown = pictures(np.repeat(her.latent[None], len(asked), 0), asked)
        columns = len(SHOWN) // 2
        titles = [f"{when:g} s {what}".strip() for when, what in SHOWN]
        table = shown.reshape(2, columns, *shown.shape[1:])
        halves = [options.out.with_suffix(f".{number}.png") for number in (1, 2)]
        for number, half in enumerate(halves):
            save_sheet(
                table[number : number + 1], half, columns=titles[number * columns :][:columns], side=options.side
            )
        _stack(halves, options.out)
    except (CharacterError, StyleganError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(options.out)
    return 0


def _stack(parts: list[Path], out: Path) -> None:
    """Joins pictures of one width, one below the other, and removes them."""
    from PIL import Image

    rows = [np.asarray(Image.open(part).convert("RGB")) for part in parts]
    Image.fromarray(np.concatenate(rows)).save(out)
    for part in parts:
        part.unlink()


if __name__ == "__main__":
    sys.exit(main())
