"""A tiny CLIP tokenizer and text encoders, made on the spot: real classes, random weights."""

from __future__ import annotations

from typing import Any

import torch

WORDS = "a the woman cat dog red blue yellow umbrella hat on path big small , . : ( ) + - hair long night rain photo of".split()
LENGTH = 77


def tiny_tokenizer(length: int = LENGTH) -> Any:
    """A CLIP tokenizer of letters, a few merged words, and the usual start and end."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    vocabulary = [*letters, *(letter + "</w>" for letter in letters)]
    merges = []
    for word in WORDS:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            pair = (parts[0], parts[1])
            if pair not in merges:
                merges.append(pair)
            parts = [parts[0] + parts[1], *parts[2:]]
            vocabulary.append(parts[0])
    vocabulary = [*dict.fromkeys(vocabulary), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={token: index for index, token in enumerate(vocabulary)}, merges=merges, model_max_length=length
    )


def tiny_text_encoder(tokenizer: Any, *, width: int = 16, projection: int = 0, seed: int = 0) -> Any:
    """A CLIP text encoder of two layers; with ``projection``, one that gives pooled text embeddings."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(seed)
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=LENGTH, projection_dim=projection or width, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, initializer_range=0.4,
    )  # fmt: skip
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config).eval()
