"""Sheets of pictures with a line of text beside each row and above each column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stylegan.errors import CannotWrite

if TYPE_CHECKING:
    from PIL.Image import Image

GAP = 6
TEXT = (60, 60, 70)
PAPER = (250, 249, 247)


def sheet(
    pictures: NDArray[np.uint8], rows: Sequence[str] = (), columns: Sequence[str] = (), side: int | None = None
) -> Image:
    """A table of pictures.

    Args:
        pictures: uint8 [R, C, H, W, 3].
        rows, columns: a text for each row, beside it, and for each column, above it; none where empty.
        side: pixels of one picture (default: as they are).
    """
    from PIL import Image, ImageDraw, ImageFont

    down, across, height, width = pictures.shape[:4]
    side = side or width
    size = max(11, side // 11)
    font = ImageFont.load_default(size)
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    left = max((int(measure.textlength(text, font=font)) for text in rows), default=0) + (2 * GAP if rows else GAP)
    top = size + 2 * GAP if columns else GAP
    page = Image.new("RGB", (left + across * (side + GAP), top + down * (side + GAP)), PAPER)
    pen = ImageDraw.Draw(page)
    for row in range(down):
        for column in range(across):
            tile = Image.fromarray(pictures[row, column])
            if (side, side) != (width, height):
                tile = tile.resize((side, side), Image.Resampling.LANCZOS)
            page.paste(tile, (left + column * (side + GAP), top + row * (side + GAP)))
    for row, text in enumerate(rows):
        pen.text((GAP, top + row * (side + GAP) + side // 2), text, fill=TEXT, font=font, anchor="lm")
    for column, text in enumerate(columns):
        pen.text((left + column * (side + GAP) + side // 2, GAP), text, fill=TEXT, font=font, anchor="mt")
    return page


def save_sheet(
    pictures: NDArray[np.uint8],
    path: Path,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    side: int | None = None,
) -> None:
    """Writes a `sheet` as PNG.

    Raises:
        CannotWrite: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet(pictures, rows, columns, side).save(path, optimize=True)
    except (OSError, ValueError) as error:
        raise CannotWrite(f"{path} cannot be written: {error}; name a file that ends in .png") from error
