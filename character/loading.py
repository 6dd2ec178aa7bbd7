"""From the ``--llm`` setting to a language model."""

from __future__ import annotations

from pathlib import Path

from character.errors import LanguageModelError
from character.language_model import LanguageModel

BUNDLED = Path(__file__).parent / "bundled"
BUNDLED_NAME = "오로라 12M"


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
    """The model that ``spec`` names.

    Args:
        spec: ``bundled``, a local folder, a hub id, or the URL of an OpenAI-compatible endpoint up to ``/v1``.
        adapter: folder of a LoRA adapter for a local model; the bundled model has its own.
        device, max_batch: for a local model; see `character.local_model.LocalModel`.
        api_key, remote_model: for a URL; see `character.remote_model.RemoteModel`.
        context_length: tokens of prompt and reply together; None takes the model's own, 4096 for a URL.

    Raises:
        LanguageModelError: it cannot be loaded; the message says what to do.
    """
    if spec.startswith(("http://", "https://")):
        from character.remote_model import DEFAULT_CONTEXT, RemoteModel

        if adapter:
            raise LanguageModelError("--adapter is for local models; load the adapter in the server behind the URL")
        return RemoteModel(spec, model=remote_model, api_key=api_key, context_length=context_length or DEFAULT_CONTEXT)
    from character.local_model import LocalModel

    name = None
    if spec == "bundled":
        spec, adapter, name = str(BUNDLED / "base"), adapter or str(BUNDLED / "adapter"), BUNDLED_NAME
    adapters = {Path(adapter).name: adapter} if adapter else None
    return LocalModel(
        spec, adapters=adapters, device=device, max_batch=max_batch, context_length=context_length, name=name
    )
