"""One setting, many models: the bundled one, a folder, a hub id or a URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from character.errors import LanguageModelError

if TYPE_CHECKING:
    from character.language_model import LanguageModel

BUNDLED = "bundled"
BUNDLED_BASE = Path(__file__).parent / "bundled" / "base"
BUNDLED_ADAPTER = Path(__file__).parent / "bundled" / "adapter"

FIRST_ADAPTER = "default"
"""Name of the adapter that the settings give; those added later have names of their own."""


def load_language_model(
    spec: str,
    *,
    adapter: str | None = None,
    device: str = "auto",
    max_batch: int | None = None,
    api_key: str | None = None,
    context_length: int | None = None,
    remote_model: str | None = None,
) -> LanguageModel:
    """Loads the model that a setting names. Blocks for as long as that takes.

    Args:
        spec: ``bundled``, a folder of transformers, a hub id, or the URL of an OpenAI-compatible endpoint.
        adapter: folder of a LoRA adapter; None takes the bundled one for the bundled model. With a URL, its name there.
        device: ``auto``, ``cpu`` or ``cuda``; local models only.
        max_batch: chats in work at a time, local models only; None or 0 lets the device decide.
        api_key: for a URL.
        context_length: tokens of prompt and reply; None takes the model's.
        remote_model: name of the model at a URL; None takes the first that is listed there.

    Raises:
        LanguageModelError: in one line, what is wrong with the setting.
    """
    if spec.startswith(("http://", "https://")):
        from character.remote_model import RemoteModel

        return RemoteModel(spec, model=adapter or remote_model, api_key=api_key, context_length=context_length)

    from character.local_model import LocalModel

    name = None
    if spec == BUNDLED:
        if not (BUNDLED_BASE / "config.json").is_file():
            raise LanguageModelError(
                f"the bundled language model is missing from {BUNDLED_BASE}: get the whole repository, or name another "
                "with --llm"
            )
        spec, name = str(BUNDLED_BASE), "Oh-LoRA"
        if adapter is None and BUNDLED_ADAPTER.is_dir():
            adapter = str(BUNDLED_ADAPTER)
    return LocalModel(
        spec,
        adapters={FIRST_ADAPTER: adapter} if adapter else {},
        device=device,
        max_batch=max_batch or None,
        context_length=context_length,
        name=name,
    )
