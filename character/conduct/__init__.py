"""Conduct: what a message does to her, judged before she answers, and what follows from it."""

from __future__ import annotations
