"""Text while it is being written: whole characters, and in the end exactly what the tokenizer says."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from character.detokenizer import BROKEN, Detokenizer
from tests.tiny_models import SENTENCES
from training.tokenizer import train_tokenizer

OURS = train_tokenizer(SENTENCES * 4, 640, 256)


def byte_level() -> Any:
    """A tokenizer of the other common kind: bytes as letters, spaces in front of words (GPT-2, Llama 3, Qwen)."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False)


def sentencepiece_like() -> Any:
    """A tokenizer that strips the space at the very start, as Llama 2's does."""
    from tokenizers import decoders
    from transformers import PreTrainedTokenizerFast

    tokenizer = train_tokenizer(SENTENCES * 4, 640, 256).backend_tokenizer
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False)


TOKENIZERS = {"ours": OURS, "byte level": byte_level(), "stripping": sentencepiece_like()}


def decoder(tokenizer: Any) -> Callable[[Sequence[int]], str]:
    return lambda tokens: tokenizer.decode(tokens, skip_special_tokens=True)


def pieces(tokenizer: Any, tokens: Sequence[int]) -> list[str]:
    detokenizer = Detokenizer(decoder(tokenizer))
    return [*(detokenizer.push(token) for token in tokens), detokenizer.finish()]


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
@settings(max_examples=150, deadline=None)
def test_the_pieces_of_any_text_are_that_text(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]
    tokens = tokenizer.encode(text, add_special_tokens=False)
    found = pieces(tokenizer, tokens)
    assert "".join(found) == tokenizer.decode(tokens, skip_special_tokens=True)
    if BROKEN not in text:
        assert not any(BROKEN in piece for piece in found)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_characters_that_take_many_tokens_come_in_one_piece(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    text = "안녕 😀😀 뷁쀍 👩‍👩‍👧 漢字"
    found = [piece for piece in pieces(tokenizer, tokenizer.encode(text, add_special_tokens=False)) if piece]
    assert "".join(found).strip() == text
    assert found.count("😀") == 2
    assert len(found) > 8


def test_emotion_tags_are_text_and_roles_are_nothing() -> None:
    tokens = OURS.encode("<감정:기쁨:0.8> 안녕<|end|><|user|>", add_special_tokens=False)
    found = pieces(OURS, tokens)
    assert found[0] == "<감정:기쁨:0.8>"
    assert "".join(found) == "<감정:기쁨:0.8> 안녕"


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_character_cut_off_at_the_end_is_left_out(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    whole = tokenizer.encode("안녕", add_special_tokens=False)
    emoji = tokenizer.encode("안녕😀", add_special_tokens=False)[len(whole) :]
    assert len(emoji) > 1
    for cut in range(1, len(emoji)):
        assert "".join(pieces(tokenizer, [*whole, *emoji[:cut]])) == "안녕"


def test_bytes_that_are_no_character_do_not_hold_the_text_back() -> None:
    start = OURS.convert_tokens_to_ids("<0xF0>")
    words = OURS.encode(" 안녕 커피를", add_special_tokens=False)
    text = "".join(pieces(OURS, [start, *words]))
    assert text == BROKEN + " 안녕 커피를"
    endless = pieces(OURS, [start] * 40)
    assert any(endless[:8])


def test_whatever_tokens_come_the_words_among_them_are_shown() -> None:
    rng = random.Random(0)
    words = {token for token in OURS.get_vocab().values() if not OURS.decode([token]).count(BROKEN)}
    words -= set(OURS.all_special_ids)
    for _ in range(200):
        tokens = [rng.randrange(len(OURS)) for _ in range(30)]
        text = "".join(pieces(OURS, tokens)).replace(BROKEN, "")
        for token in tokens:
            if token in words and not OURS.convert_ids_to_tokens(token).startswith("<0x"):
                assert OURS.decode([token]) in text
