"""Korean to English by a sequence-to-sequence model of transformers, such as ``Helsinki-NLP/opus-mt-tc-big-ko-en``.

A whole model writes better sentences than the glossary; it does not know what a negative prompt is, so that "without
glasses" is taken out of its English again.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from imagegen.errors import TranslationError
from imagegen.translate import Translation

BEAMS = 4
LONGEST = 256
"""Tokens of a translation."""
_ASKING = re.compile(
    r"^(?:please|can you|could you|i want you to|i'd like you to)?\s*"
    r"(?:draw|paint|sketch|show|send|make|give|create|generate)\s+(?:me|us|it)?\s*", re.IGNORECASE
)  # fmt: skip
_WITHOUT = re.compile(
    r"[,\s]*\b(?:without|excluding|except for|with no)\s+(?:any\s+|the\s+|a\s+|an\s+)?([\w' -]+?)"
    r"(?=,|\.|;|$|\s(?:and|who|which|that|is|are|was|were|in|on|at|by|with|walking|sitting|standing|wearing|holding)\b)",
    re.IGNORECASE,
)


class HubTranslator:
    """A `imagegen.translate.Translator` that a model runs.

    Args:
        name: a folder, which is never looked for elsewhere, or a hub id, which is downloaded.
        device: where it runs.

    Raises:
        TranslationError: in one line, why it cannot be loaded.
    """

    def __init__(self, name: str, device: str = "cpu") -> None:
        self.name = name
        self._tokenizer, self._model = _load(name)
        self._model.to(device).eval()

    def translate(self, text: str) -> Translation:
        """One wish; empty text gives an empty translation."""
        if not text.strip():
            return Translation(text, ())
        import torch

        batch = self._tokenizer([text], return_tensors="pt", truncation=True, max_length=512).to(self._model.device)
        taken = {key: batch[key] for key in ("input_ids", "attention_mask") if key in batch}
        with torch.no_grad():
            made = self._model.generate(**taken, num_beams=BEAMS, max_new_tokens=LONGEST, do_sample=False)
        return as_prompt(text, self._tokenizer.batch_decode(made, skip_special_tokens=True)[0])


def as_prompt(korean: str, english: str) -> Translation:
    """A translated sentence as prompt words: the asking taken off, what is not wanted among the negatives.

    Raises:
        TranslationError: the model gave no words.
    """
    text = _ASKING.sub("", english.strip())
    negatives = tuple(found.group(1).strip() for found in _WITHOUT.finditer(text))
    text = re.sub(r"\s+", " ", _WITHOUT.sub("", text)).strip(" .,")
    if not text and not negatives:
        raise TranslationError(f"the translator gave no words for {korean!r}: take another, or the glossary")
    return Translation(korean, (text,) if text else (), negatives=negatives)


def _load(name: str) -> tuple[Any, Any]:
    folder = Path(name).expanduser()
    local = folder.is_dir()
    if not local and (folder.is_absolute() or name.startswith((".", "~"))):
        raise TranslationError(f"there is no folder {name}")
    try:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        source = str(folder) if local else name
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local, trust_remote_code=False)
        model = AutoModelForSeq2SeqLM.from_pretrained(source, local_files_only=local, trust_remote_code=False)
    except Exception as error:  # each kind of model has failures of its own
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        if "sentencepiece" in str(error).casefold():
            reason = "its tokenizer needs sentencepiece (pip install sentencepiece)"
        raise TranslationError(f"translator {name} cannot be loaded: {reason}") from error
    return tokenizer, model
