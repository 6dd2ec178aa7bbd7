"""The tokenizer: every text comes back, a tag is one token, and bytes are no magic words."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from character.emotion import EMOTIONS, format_tag
from training.tokenizer import EMOTION_TAGS, ROLES, SPECIAL_TOKENS, save_tokenizer, train_tokenizer

TRAINING = [
    "안녕 오늘 뭐 했어?",
    "나는 밥 먹었어. 너는?",
    "비가 와서 집에 있었어 ㅋㅋㅋ",
    "고양이 사진 볼래? 1234",
] * 40


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(TRAINING, 640, 256)


MARKS = [*SPECIAL_TOKENS, *EMOTION_TAGS]
# What the tokenizer itself writes for a space cannot be told from one that was typed.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁"), max_size=60)


@given(text=TEXTS)
def test_every_text_comes_back_in_its_composed_form(tokenizer: Any, text: str) -> None:
    if not any(mark in text for mark in MARKS):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == unicodedata.normalize("NFC", text)
        assert all(0 <= number < len(tokenizer) for number in ids)


@pytest.mark.parametrize(
    "text",
    ["🙂👩‍👩‍👧‍👦🇰🇷", "뷁쀍", "  두  칸  ", "\t탭\r\n줄\n\n", "漢字 かな", "\0\x7f", "ㄱㅏㄴ", "각" * 50, "", " "],
)
def test_odd_texts_come_back(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == unicodedata.normalize("NFC", text)


def test_a_byte_written_out_by_a_user_stays_text(tokenizer: Any) -> None:
    for text in ("<0x41>", "<0x0A><0x00>", "앞<0xFF>뒤"):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids) == text
        assert len(ids) > 1


def test_every_emotion_tag_is_one_token_wherever_it_stands(tokenizer: Any) -> None:
    assert len(EMOTION_TAGS) == 80
    for name in EMOTIONS:
        for tenth in range(1, 11):
            tag = format_tag(name, tenth / 10)
            (number,) = tokenizer(tag, add_special_tokens=False)["input_ids"]
            assert tokenizer.decode([number]) == tag
            ids = tokenizer(f"앞{tag} 뒤", add_special_tokens=False)["input_ids"]
            assert ids.count(number) == 1
    numbers = {tokenizer.convert_tokens_to_ids(tag) for tag in EMOTION_TAGS}
    assert len(numbers) == 80
    # they are words of hers and not marks that decoding drops
    assert tokenizer.decode(sorted(numbers)[:1], skip_special_tokens=True).startswith("<감정:")


def test_roles_and_ends_are_one_token_each_and_dropped_in_decoding(tokenizer: Any) -> None:
    for mark in SPECIAL_TOKENS:
        (number,) = tokenizer(mark, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode([number], skip_special_tokens=True) == ""
    assert [tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id] == [0, 1, 2]


def test_a_chat_is_written_with_its_roles_and_her_words_are_what_is_learnt(tokenizer: Any) -> None:
    messages = [
        {"role": "system", "content": "너는 오로라야."},
        {"role": "user", "content": "안녕"},
        {"role": "assistant", "content": "<감정:기쁨:0.8> 안녕!"},
        {"role": "assistant", "content": "반가워"},
    ]
    assert tokenizer.apply_chat_template(messages, tokenize=False) == (
        "<|bos|><|system|> 너는 오로라야.<|end|><|user|> 안녕<|end|>"
        "<|assistant|><감정:기쁨:0.8> 안녕!<|end|><|assistant|> 반가워<|end|>"
    )
    assert tokenizer.apply_chat_template(messages[:2], tokenize=False, add_generation_prompt=True).endswith(
        "<|end|><|assistant|>"
    )
    masked = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    learnt = [number for number, hers in zip(masked["input_ids"], masked["assistant_masks"], strict=True) if hers]
    assert tokenizer.decode(learnt) == "<감정:기쁨:0.8> 안녕!<|end|> 반가워<|end|>"


def test_it_is_the_same_after_it_was_saved_and_loaded(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    save_tokenizer(tokenizer, tmp_path / "deep" / "folder")
    loaded = AutoTokenizer.from_pretrained(tmp_path / "deep" / "folder")
    assert len(loaded) == len(tokenizer) <= 640
    assert loaded.model_max_length == 256
    assert loaded.chat_template == tokenizer.chat_template
    for text in (*TRAINING[:4], "<감정:기쁨:0.8> 🙂", "<0x41>", *(f"<|{role}|>" for role in ROLES)):
        assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
