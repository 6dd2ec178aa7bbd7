"""The colours of both themes, by the contrast that WCAG 2 asks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = (Path(__file__).parents[2] / "server" / "web" / "css" / "tokens.css").read_text(encoding="utf-8")
TEXT_ON_GROUND = [
    *(
        (text, ground)
        for text in ("text", "soft", "faint")
        for ground in ("page", "side", "surface", "raised", "sunken")
    ),
    *(("accent", ground) for ground in ("page", "surface", "raised")),
    *(("danger", ground) for ground in ("page", "surface", "raised")),
    ("mine-text", "mine"),
    ("accent-text", "accent"),
    ("page", "danger"),
    ("text", "mark"),
]


def colours(theme: str) -> dict[str, str]:
    light, dark = TOKENS.split('[data-theme="dark"]')
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark)) if theme == "dark" else {})


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON_GROUND)
def test_text_stands_out_from_its_ground_at_least_4_5_to_1(theme: str, text: str, ground: str) -> None:
    palette = colours(theme)
    bright, dim = sorted((luminance(palette[text]), luminance(palette[ground])), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5
