"""Errors of conduct: `ConductError`, a `CharacterError`, for models, tables and data that cannot be used."""

from __future__ import annotations

from character.errors import CharacterError


class ConductError(CharacterError):
    """A conduct model, its label map or its data cannot be used; the message says which and why."""
