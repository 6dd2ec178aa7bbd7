"""The interface every language model has, wherever it runs.

`character.local_model.LocalModel` runs in this process on transformers and PEFT;
`character.remote_model.RemoteModel` talks to an OpenAI-compatible endpoint.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class ChatMessage:
    """One message of a prompt. Assistant messages keep their emotion tag, as the model wrote it."""

    role: Role
    content: str


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        temperature: 0 takes the likeliest token; above it, logits are divided by it.
        top_p: nucleus sampling keeps the smallest set of tokens with this much probability (0–1].
        top_k: keep at most this many tokens; 0 keeps all.
        repetition_penalty: logits of tokens of the last replies are divided (positive) or multiplied (negative)
            by this; 1 changes nothing (Keskar et al. 2019, CTRL).
        max_new_tokens: the reply ends here at the latest.
        seed: makes the draw reproducible; None draws a fresh one.
    """

    temperature: float = 0.8
    top_p: float = 0.9
    top_k: int = 40
    repetition_penalty: float = 1.1
    max_new_tokens: int = 160
    seed: int | None = None


@dataclass(frozen=True)
class GenerationRequest:
    """A reply to write.

    Attributes:
        messages: the prompt, ending with a user (or system) message.
        sampling: how to draw.
        session: requests of one session (a chat) share their key-value cache where the model can.
        adapter: name of the LoRA adapter; None takes the model's current one.
    """

    messages: Sequence[ChatMessage]
    sampling: Sampling = field(default_factory=Sampling)
    session: str = ""
    adapter: str | None = None


class LanguageModel(Protocol):
    """A streaming chat model. Safe to use from many tasks of one event loop at a time."""

    @property
    def name(self) -> str:
        """What the page shows as the model that speaks."""

    @property
    def context_length(self) -> int:
        """Tokens that prompt and reply may have together."""

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens of ``messages`` under the model's chat template, generation prompt included.

        Exact for a local model; an estimate that never falls short by much for a remote one.
        """

    def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        """Yields pieces of the reply as they are decoded.

        Closing the iterator (``aclose``) or cancelling the task stops the model within one token.

        Raises:
            LanguageModelError: the reply could not be begun or went wrong half-way.
        """

    async def close(self) -> None:
        """Frees weights, threads and connections."""
