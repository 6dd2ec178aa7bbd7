"""Weighted prompts as the embeddings that a diffusion pipeline takes (``prompt_embeds`` of diffusers).

Three published ways to give a token weight *w*, with *z* its embedding and *e* that of the empty prompt at its place:

- ``mean``: z·w, then the whole is scaled back to its former mean, as the Stable Diffusion web user interface does
  (AUTOMATIC1111, ``sd_hijack_clip.py``).
- ``interpolate``: e + w·(z − e), as ComfyUI does by default (``comfy/sd1_clip.py``).
- ``mask``: the same; and for each piece with w < 1 the prompt is encoded once more with that piece masked out, and mixed
  in with weight tan((1 − w)·π/2), as compel does (``embeddings_provider.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagegen.errors import PromptError
from imagegen.weighting import LOOK_BACK, Chunk, WeightedToken, chunk_tokens, parse_weights, weigh_tokens

if TYPE_CHECKING:
    import torch

METHODS = ("mean", "interpolate", "mask")


@dataclass(frozen=True)
class Encoded:
    """What `encode` gives.

    Attributes:
        embeddings: float tensor [1, chunks · length, width].
        pooled: the first chunk's pooled text embedding [1, projection], where the encoder has a projection (SDXL).
        chunks: the tokens with their weights, chunk by chunk.
    """

    embeddings: torch.Tensor
    pooled: torch.Tensor | None
    chunks: tuple[Chunk, ...]

    @property
    def report(self) -> list[tuple[int, WeightedToken]]:
        """Each token with the number of its chunk, from 0."""
        return [(number, token) for number, chunk in enumerate(self.chunks) for token in chunk.words]


def encode(
    prompt: str,
    tokenizer: Any,
    text_encoder: Any,
    *,
    method: str = "interpolate",
    layer: int | None = None,
    at_least: int = 1,
    look_back: int = LOOK_BACK,
) -> Encoded:
    """Encodes a prompt with weights, of any length.

    Args:
        prompt: in the syntax of `imagegen.weighting`.
        tokenizer: ``CLIPTokenizer``.
        text_encoder: ``CLIPTextModel`` or ``CLIPTextModelWithProjection``.
        method: one of `METHODS`.
        layer: None: the last hidden state (SD 1.5); -2: the one before, without the final norm (SDXL).
        at_least: chunks to make; see `chunk_tokens`.
        look_back: see `chunk_tokens`.

    Raises:
        WeightSyntax: a prompt that cannot be read.
        PromptError: an unknown method.
    """
    import torch

    if method not in METHODS:
        raise PromptError(f"{method!r} is no way to weigh a prompt; take one of {', '.join(METHODS)}")
    pieces = parse_weights(prompt)
    chunks = chunk_tokens(weigh_tokens(pieces, tokenizer), tokenizer, at_least=at_least, look_back=look_back)
    with torch.no_grad():
        plain, pooled = _run(chunks, text_encoder, layer)
        if method == "mean":
            embeddings = _scaled_to_mean(plain, _weights(chunks, plain))
        else:
            empty = _empty(tokenizer, text_encoder, layer)
            embeddings = _interpolated(plain, empty, _weights(chunks, plain))
            if method == "mask":
                low = [index for index, piece in enumerate(pieces) if piece.weight < 1]
                without = [_run(chunks, text_encoder, layer, masked=index)[0] for index in low]
                without = [_interpolated(each, empty, _weights(chunks, plain)) for each in without]
                embeddings = _mixed(embeddings, without, [pieces[index].weight for index in low])
    flat = embeddings.reshape(1, -1, embeddings.shape[-1])
    return Encoded(flat, pooled[:1] if pooled is not None else None, tuple(chunks))


def encode_pair(
    prompt: str,
    negative: str,
    tokenizer: Any,
    text_encoder: Any,
    *,
    method: str = "interpolate",
    layer: int | None = None,
) -> tuple[Encoded, Encoded]:
    """Prompt and negative prompt with the same number of chunks, as classifier-free guidance needs them."""
    sizes = [len(chunk_tokens(weigh_tokens(text, tokenizer), tokenizer)) for text in (prompt, negative)]
    first, second = (
        encode(text, tokenizer, text_encoder, method=method, layer=layer, at_least=max(sizes))
        for text in (prompt, negative)
    )
    return first, second


def encode_sdxl(
    prompt: str, prompt_2: str, tokenizers: Sequence[Any], text_encoders: Sequence[Any], *, method: str = "interpolate",
    at_least: int = 1,
) -> Encoded:  # fmt: skip
    """For SDXL: ``prompt`` through the first encoder, ``prompt_2`` (or, where empty, ``prompt``) through the second.

    The embeddings [1, chunks · length, width_1 + width_2] are side by side; pooled are those of the second encoder. The
    chunks are those of the first.
    """
    texts = (prompt, prompt_2 or prompt)
    sizes = [len(chunk_tokens(weigh_tokens(text, own), own)) for text, own in zip(texts, tokenizers, strict=True)]
    most = max(*sizes, at_least)
    first, second = (
        encode(text, own, encoder, method=method, layer=-2, at_least=most)
        for text, own, encoder in zip(texts, tokenizers, text_encoders, strict=True)
    )
    import torch

    return Encoded(torch.cat([first.embeddings, second.embeddings], dim=-1), second.pooled, first.chunks)


def _run(
    chunks: Sequence[Chunk], text_encoder: Any, layer: int | None, masked: int | None = None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Hidden states [chunks, length, width] and pooled text embeddings; ``masked`` is the piece that is not looked at."""
    import torch

    ids = torch.tensor([chunk.ids for chunk in chunks], device=text_encoder.device)
    mask = None
    if masked is not None:
        mask = torch.tensor([[int(piece != masked) for piece in chunk.pieces] for chunk in chunks], device=ids.device)
    out = text_encoder(ids, attention_mask=mask, output_hidden_states=layer is not None, return_dict=True)
    return (out.last_hidden_state if layer is None else out.hidden_states[layer]), getattr(out, "text_embeds", None)


def _empty(tokenizer: Any, text_encoder: Any, layer: int | None) -> torch.Tensor:
    return _run(chunk_tokens([], tokenizer), text_encoder, layer)[0]


def _weights(chunks: Sequence[Chunk], like: torch.Tensor) -> torch.Tensor:
    import torch

    weights = torch.tensor([chunk.weights for chunk in chunks], device=like.device, dtype=like.dtype)
    return weights.unsqueeze(-1)


def _scaled_to_mean(plain: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    import torch

    scaled = plain * weights
    before, after = plain.mean(dim=(1, 2), keepdim=True), scaled.mean(dim=(1, 2), keepdim=True)
    usable = after.abs() > 1e-9
    rescaled = torch.where(usable, scaled * before / torch.where(usable, after, torch.ones_like(after)), scaled)
    return torch.where((weights == 1).all(dim=1, keepdim=True), plain, rescaled)


def _interpolated(plain: torch.Tensor, empty: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.where(weights == 1, plain, empty + (plain - empty) * weights)


def _mixed(embeddings: torch.Tensor, without: Sequence[torch.Tensor], weights: Sequence[float]) -> torch.Tensor:
    shares = [1.0, *(math.tan((1 - max(weight, 1e-5)) * math.pi / 2) for weight in weights)]
    total = sum(shares)
    mixed = embeddings * (shares[0] / total)
    for share, each in zip(shares[1:], without, strict=True):
        mixed = mixed + each * (share / total)
    return mixed
