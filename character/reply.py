"""The stream of one reply, as both back ends give it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Literal

FinishReason = Literal["stop", "length"]
"""Why a reply ended: the model had said all, or the limit was reached."""


class Reply(AsyncIterator[str]):
    """Pieces of a reply. One task reads it; ``aclose`` or that task's cancellation stops the model.

    Attributes:
        finish_reason: None until the reply has ended by itself.
        prompt_tokens: length of the prompt; 0 until known.
        cached_tokens: how many of them had been computed before.
        completion_tokens: tokens of the reply so far, the one that ends it not counted.
    """

    finish_reason: FinishReason | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    @abstractmethod
    async def __anext__(self) -> str:
        """The next piece, never empty."""

    @abstractmethod
    async def aclose(self) -> None:
        """Stops the model if the reply has not ended."""
