"""Tiny language models and adapters, made on the spot: real files in the formats of transformers and PEFT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from training.tokenizer import save_tokenizer, train_tokenizer

SENTENCES = [
    "안녕, 오늘은 뭐 하고 지냈어?",
    "나는 모델을 훈련시키면서 커피를 마셨어.",
    "정말? 나도 커피 좋아하는데, 같이 마시러 가자.",
    "비가 와서 기분이 조금 가라앉았어.",
    "괜찮아, 내가 옆에 있을게. 걱정하지 마!",
    "요즘 기계 학습을 공부하고 있는데 꽤 재미있어.",
    "네가 그렇게 말하니까 부끄럽잖아.",
    "내일은 일찍 일어나서 공원을 걸어야지.",
]

VOCABULARY = 640
CONTEXT = 256


def tiny_llama(folder: Path, *, seed: int = 0, kind: str = "llama", **shape: Any) -> Path:
    """Writes a model of two layers with random weights, and a trained Korean tokenizer.

    The weights are larger than a fresh model's, so that greedy replies differ from prompt to prompt. Tokens of single
    bytes are never the likeliest: at random they hardly ever make a character.

    Args:
        folder: where to; made if missing.
        seed: of the weights.
        kind: model type of transformers.
        shape: settings of its configuration that differ from the usual.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = train_tokenizer(SENTENCES * 4, VOCABULARY, CONTEXT)
    settings = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": True,
        "initializer_range": 0.4,
    }
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **{**settings, **shape},
    )
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for token, number in tokenizer.get_vocab().items():
            if token.startswith("<0x"):
                model.get_output_embeddings().weight[number] = 0
    model.save_pretrained(folder)
    save_tokenizer(tokenizer, folder)
    return folder


def tiny_lora(folder: Path, base: Path, *, seed: int = 0, **settings: Any) -> Path:
    """Writes a LoRA adapter with random matrices for the model in ``base``.

    Args:
        folder: where to; made if missing.
        base: a folder made by `tiny_llama`.
        seed: of the matrices.
        settings: of `LoraConfig` that differ from the usual.
    """
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, local_files_only=True)
    usual = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj", "up_proj", "down_proj"]}
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **{**usual, **settings}))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
    adapted.save_pretrained(folder)
    return folder
