"""What can go wrong with faces; every message names the thing, what was wrong with it and what to do."""

from __future__ import annotations


class StyleganError(Exception):
    """The root of all errors of this package."""


class BadWeights(StyleganError):
    """A weight file or its configuration cannot be used."""


class RendererMissing(StyleganError):
    """Portraits cannot be drawn: skia-python is not installed."""


class CannotWrite(StyleganError):
    """A file or folder cannot be written."""


class BadDataset(StyleganError):
    """A folder of portraits is not what it should be."""
