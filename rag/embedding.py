"""Turns sentences into vectors, so that a memory is found by what it means.

The bundled embedder is our own, trained by ``training.embedder``; any folder or hub id of sentence-transformers serves
as well. Vectors of two embedders do not mix, so each carries a name that identifies its weights.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rag.errors import EmbedderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BUNDLED = "bundled"
BUNDLED_FOLDER = Path(__file__).parent / "bundled" / "embedder"

BATCH = 64
LONGEST = 2_000
"""Characters of a text that are read; what follows says little that is new, and would take long."""


class Embedder(Protocol):
    """Gives each text a vector; texts of like meaning get vectors of like direction."""

    name: str
    """Identifies the weights: vectors may be compared only where the names are equal."""

    dimension: int

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Rows of length 1, float32, one for each text. May be called from several threads."""
        ...


class SentenceEmbedder:
    """An `Embedder` that sentence-transformers runs."""

    def __init__(self, model: SentenceTransformer, name: str) -> None:
        self.name = f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')[:40] or 'embedder'}-{fingerprint(model)}"
        self._model = model
        self._lock = threading.Lock()  # tokenizers forbid a second borrower
        self.dimension = int(self._embed(["."]).shape[1])

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        if isinstance(texts, str):
            raise TypeError("encode takes a list of texts, not one text")
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        # Text without a single token would have a vector without direction; so would a lone surrogate, which is no text.
        readable = [text[:LONGEST].encode("utf-8", "replace").decode() for text in texts]
        return self._embed([text if text.strip() else "." for text in readable])

    def _embed(self, texts: list[str]) -> np.ndarray:
        with self._lock:
            vectors = np.asarray(
                self._model.encode(texts, batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True), np.float32
            )
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        if (flat := ~(length[:, 0] > 1e-6)).any():  # NaN as well
            vectors[flat] = 1.0
            length[flat] = vectors.shape[1] ** 0.5
        return np.ascontiguousarray(vectors / length, np.float32)


def load_embedder(name: str = BUNDLED) -> Embedder:
    """Loads an embedder; blocks for as long as that takes.

    Args:
        name: ``bundled``, a folder of sentence-transformers, which is never looked for elsewhere, or a hub id, which is
            downloaded.

    Raises:
        EmbedderError: in one line, what is wrong with the setting.
    """
    folder = BUNDLED_FOLDER if name == BUNDLED else Path(name).expanduser()
    local = folder.is_dir()
    if name == BUNDLED and not (folder / "modules.json").is_file():
        raise EmbedderError(f"the bundled embedder is missing from {folder}: get the whole repository, or name another")
    if not local and (folder.is_absolute() or name.startswith((".", "~"))):
        raise EmbedderError(f"there is no folder {name}")
    if local and not any((folder / file).is_file() for file in ("modules.json", "config.json")):
        raise EmbedderError(f"{name} is no model of sentence-transformers: it has no modules.json")
    model = _load(str(folder) if local else name, local, device="cpu" if name == BUNDLED else None)
    try:
        return SentenceEmbedder(model, BUNDLED if name == BUNDLED else folder.resolve().name if local else name)
    except Exception as error:
        raise EmbedderError(f"{name} does not embed text: {_reason(error)}") from error


def _load(source: str, local: bool, device: str | None) -> SentenceTransformer:
    import transformers
    from sentence_transformers import SentenceTransformer

    speaking = [logging.getLogger("sentence_transformers"), logging.getLogger("transformers")]
    levels = [logger.level for logger in speaking]
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    for logger in speaking:
        logger.setLevel(logging.ERROR)
    try:
        model = SentenceTransformer(source, device=device, local_files_only=local, trust_remote_code=False)
        if model.device.type == "cpu":
            model = model.float()  # half precision is slow there
        return model.eval().requires_grad_(False)
    except Exception as error:  # each kind of module has failures of its own
        if local:
            raise EmbedderError(f"{source} cannot be loaded: {_reason(error)}") from error
        raise EmbedderError(f"{source} is no folder here, and the hub does not give it: {_reason(error)}") from error
    finally:
        if bars:
            transformers.utils.logging.enable_progress_bar()
        for logger, level in zip(speaking, levels, strict=True):
            logger.setLevel(level)


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def fingerprint(model: Any) -> str:
    """Eight digits that differ between weights, whatever the precision that they were stored in."""
    digest = hashlib.blake2b(digest_size=4)
    for name, tensor in sorted(model.state_dict().items()):
        values = tensor.reshape(-1)
        sample = values[:: max(1, len(values) // 4096)].float().cpu().numpy()
        digest.update(f"{name}{tuple(tensor.shape)}".encode() + sample.tobytes())
    return digest.hexdigest()
