"""The tokenizer of the bundled language model: byte-level-safe BPE with roles and emotion tags as single tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from character.emotion import EMOTIONS, format_tag

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, BOS, END = "<|pad|>", "<|bos|>", "<|end|>"
ROLES = ("system", "user", "assistant")
SPECIAL_TOKENS = [PAD, BOS, END, *(f"<|{role}|>" for role in ROLES)]

# Every emotion tag is one token, so that her face can move after a single decoding step and a tag cannot come out broken.
EMOTION_TAGS = [format_tag(emotion, tenth / 10) for emotion in EMOTIONS for tenth in range(1, 11)]

# A space stands before the words of every message, so that a word is the same token at the start as in the middle.
# An assistant message brings its own: "<감정:기쁨:0.6> 안녕", or " 안녕" where there is no tag.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message.role == 'assistant' %}"
    "<|assistant|>{% generation %}{{ message.content if message.content[0] == '<' else ' ' + message.content }}<|end|>{% endgeneration %}"
    "{% else %}"
    "<|{{ message.role }}|> {{ message.content }}<|end|>"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocab_size: int, model_max_length: int) -> PreTrainedTokenizerFast:
    """Trains a BPE tokenizer with byte fallback.

    Args:
        texts: the training texts.
        vocab_size: size with everything in it: roles, 256 bytes, 80 emotion tags.
        model_max_length: context length in tokens, stored with the tokenizer.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("▁"), "merged_with_next"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Split(Regex(r"[^\p{L}\p{N}▁]|\n"), "isolated"),
        ]
    )
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(EMOTION_TAGS),
        special_tokens=[*SPECIAL_TOKENS, *byte_tokens],
        limit_alphabet=min(2000, vocab_size // 4),
        min_frequency=2,
        max_token_length=12,
    )
    tokenizer.train_from_iterator(texts, trainer)

    # The trainer takes the bytes only as special tokens; as such, a user who types "<0x41>" would get an "A".
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] not in byte_tokens]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_tokens(EMOTION_TAGS)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=END,
        extra_special_tokens=[f"<|{role}|>" for role in ROLES],
        model_max_length=model_max_length,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(str(folder))
