"""Weights in prompts: what is read, what each token weighs, and what the text encoder's output becomes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imagegen.encoding import METHODS, encode, encode_pair, encode_sdxl
from imagegen.errors import PromptError, WeightSyntax
from imagegen.weighting import Piece, chunk_tokens, count_words, escape, parse_weights, weigh_tokens, weighted
from tests.imagegen.tiny_text_encoders import tiny_text_encoder, tiny_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


@pytest.fixture(scope="module")
def encoder(tokenizer):
    return tiny_text_encoder(tokenizer)


def read(prompt: str) -> list[tuple[str, float]]:
    return [(piece.text, round(piece.weight, 4)) for piece in parse_weights(prompt)]


@pytest.mark.parametrize(
    ("prompt", "pieces"),
    [
        ("a cat", [("a cat", 1)]),
        ("a cat+++", [("a ", 1), ("cat", 1.331)]),
        ("a cat-- sleeps", [("a ", 1), ("cat", 0.81), (" sleeps", 1)]),
        ("red+, blue-", [("red", 1.1), (", ", 1), ("blue", 0.9)]),
        ("(blue hat:1.3)", [("blue hat", 1.3)]),
        ("(blue hat : 1.5) on", [("blue hat", 1.5), (" on", 1)]),
        ("(blue hat)1.3", [("blue hat", 1.3)]),
        ("(blue hat)++", [("blue hat", 1.21)]),
        ("(a (b:1.2):1.1)", [("a ", 1.1), ("b", 1.32)]),
        ("(a (b+)++:2)", [("a ", 2), ("b", 2.662)]),
        ("((cat))", [("cat", 1)]),
        ("(cat:.5)", [("cat", 0.5)]),
        ("(cat:0)", [("cat", 0)]),
        (r"smile \(happy\)", [("smile (happy)", 1)]),
        (r"(C\+\+ code:1.2)", [("C++ code", 1.2)]),
        (r"(ratio 3\:2:1.4)", [("ratio 3:2", 1.4)]),
        ("t-shirt, long-haired", [("t-shirt, long-haired", 1)]),
        ("scene: a cat", [("scene: a cat", 1)]),
        ("10 - 3 + 4", [("10 - 3 + 4", 1)]),
        ("", []),
    ],
)
def test_both_syntaxes_become_text_with_weights(prompt, pieces):
    assert read(prompt) == pieces


@pytest.mark.parametrize(
    ("prompt", "position", "words"),
    [
        ("a (cat", 2, "never closed"),
        ("a cat)", 5, "not opened"),
        ("((cat:1.2)", 0, "never closed"),
        ("(cat:11)", 4, "between 0 and 10"),
        ("(cat:-1)", 4, "between 0 and 10"),
        ("(" * 60 + ")" * 60, 50, "deep"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(prompt, position, words):
    with pytest.raises(WeightSyntax, match=words) as error:
        parse_weights(prompt)
    assert error.value.position == position


@given(st.text(alphabet="ab ():+-\\,.1", max_size=30))
def test_escaped_text_is_read_back_as_it_was(text):
    assert "".join(piece.text for piece in parse_weights(escape(text))) == (text if text.strip() else "")


@given(st.text(alphabet="ab ():+-\\12.", max_size=25))
def test_any_text_is_read_or_refused_never_a_crash(text):
    try:
        pieces = parse_weights(text)
    except WeightSyntax:
        return
    assert all(0 <= piece.weight < 1e4 for piece in pieces)


def test_a_phrase_is_written_with_its_weight_and_read_again():
    assert weighted("long hair", 1) == "long hair"
    assert weighted("photo (old)", 1.25) == r"(photo \(old\):1.25)"
    assert parse_weights(weighted("photo (old)", 1.25)) == [Piece("photo (old)", 1.25)]


def test_every_token_carries_the_weight_of_its_piece(tokenizer):
    tokens = weigh_tokens("a (red hat:1.3) on cat++", tokenizer)
    assert [(token.text, round(token.weight, 2)) for token in tokens] == [
        ("a", 1), ("red", 1.3), ("hat", 1.3), ("on", 1), ("cat", 1.21)
    ]  # fmt: skip


@pytest.mark.parametrize("words", [1, 74, 75, 76, 150, 227])
def test_no_token_is_cut_from_a_long_prompt(tokenizer, words):
    prompt = " ".join(["cat"] * words)
    chunks = chunk_tokens(weigh_tokens(prompt, tokenizer), tokenizer)
    assert sum(len(chunk.words) for chunk in chunks) == words
    assert len(chunks) == -(-words // 75)
    for chunk in chunks:
        assert len(chunk.ids) == len(chunk.weights) == 77
        assert chunk.ids[0] == tokenizer.bos_token_id
        assert chunk.ids[len(chunk.words) + 1] == tokenizer.eos_token_id
        assert set(chunk.ids[len(chunk.words) + 2 :]) <= {tokenizer.pad_token_id}


def test_a_chunk_ends_at_a_comma_near_its_end(tokenizer):
    tokens = weigh_tokens(" ".join(["cat"] * 69 + [","] + ["dog"] * 20), tokenizer)
    assert [len(chunk.words) for chunk in chunk_tokens(tokens, tokenizer)] == [70, 20]
    assert [len(chunk.words) for chunk in chunk_tokens(tokens, tokenizer, look_back=0)] == [75, 15]


def test_a_tokenizer_without_a_length_is_refused(tokenizer):
    endless = tiny_tokenizer(length=10**30)
    with pytest.raises(PromptError, match="model_max_length"):
        chunk_tokens([], endless)


@pytest.mark.parametrize("method", METHODS)
def test_plain_text_gives_the_text_encoders_own_output(tokenizer, encoder, method):
    own = tokenizer("a red cat", padding="max_length", return_tensors="pt")
    expected = encoder(own["input_ids"]).last_hidden_state
    assert torch.equal(encode("a red cat", tokenizer, encoder, method=method).embeddings, expected)


@pytest.mark.parametrize("method", METHODS)
def test_only_weights_other_than_one_change_the_output(tokenizer, encoder, method):
    plain = encode("a red cat", tokenizer, encoder, method=method).embeddings
    heavy = encode("a red+++ cat", tokenizer, encoder, method=method).embeddings
    assert not torch.allclose(plain, heavy)
    if method != "mean":
        changed = (plain - heavy).abs().amax(-1)[0] > 1e-6
        assert changed.nonzero().flatten().tolist() == [2]


def test_interpolation_goes_from_the_empty_prompt_through_the_plain_one(tokenizer, encoder):
    empty = encode("", tokenizer, encoder).embeddings
    plain = encode("cat", tokenizer, encoder).embeddings
    assert torch.allclose(encode("(cat:0)", tokenizer, encoder).embeddings[0, 1], empty[0, 1], atol=1e-6)
    expected = empty[0, 1] + 1.5 * (plain[0, 1] - empty[0, 1])
    assert torch.allclose(encode("(cat:1.5)", tokenizer, encoder).embeddings[0, 1], expected, atol=1e-6)


def test_scaling_keeps_the_mean(tokenizer, encoder):
    plain = encode("a red cat", tokenizer, encoder, method="mean").embeddings
    heavy = encode("a (red:1.4) cat", tokenizer, encoder, method="mean").embeddings
    assert torch.allclose(plain.mean(), heavy.mean(), atol=1e-6)


def test_a_masked_piece_of_weight_nothing_is_as_good_as_not_looked_at(tokenizer, encoder):
    one = encode("a (red:0) cat", tokenizer, encoder, method="mask").embeddings[0, 3]
    other = encode("a (blue:0) cat", tokenizer, encoder, method="mask").embeddings[0, 3]
    plain = [encode(text, tokenizer, encoder).embeddings[0, 3] for text in ("a red cat", "a blue cat")]
    assert torch.allclose(one, other, atol=1e-3)
    assert not torch.allclose(*plain, atol=1e-3)


def test_a_long_prompt_is_the_chunks_side_by_side(tokenizer, encoder):
    long = encode(" ".join(["cat"] * 75 + ["dog"] * 5), tokenizer, encoder)
    assert long.embeddings.shape == (1, 154, 16)
    assert torch.allclose(
        long.embeddings[:, 77:], encode(" ".join(["dog"] * 5), tokenizer, encoder).embeddings, atol=1e-6
    )
    assert [number for number, _ in long.report].count(1) == 5


def test_prompt_and_negative_prompt_get_the_same_length(tokenizer, encoder):
    prompt, negative = encode_pair("cat", " ".join(["dog"] * 100), tokenizer, encoder)
    assert prompt.embeddings.shape == negative.embeddings.shape == (1, 154, 16)


def test_two_encoders_are_put_side_by_side_for_sdxl(tokenizer):
    encoders = [tiny_text_encoder(tokenizer), tiny_text_encoder(tokenizer, width=32, projection=8, seed=1)]
    made = encode_sdxl("a cat", "(red cat:1.2)", [tokenizer, tokenizer], encoders)
    assert made.embeddings.shape == (1, 77, 48)
    own = tokenizer("red cat", padding="max_length", return_tensors="pt")["input_ids"]
    out = encoders[1](own, output_hidden_states=True)
    assert torch.allclose(made.pooled, out.text_embeds)
    assert torch.allclose(made.embeddings[0, 0, 16:], out.hidden_states[-2][0, 0], atol=1e-6)


def test_an_unknown_method_is_refused(tokenizer, encoder):
    with pytest.raises(PromptError, match="take one of mean"):
        encode("cat", tokenizer, encoder, method="magic")


def test_words_are_counted_where_there_is_no_tokenizer():
    assert count_words("a (red hat:1.3), cat++") == 5


@pytest.mark.parametrize(
    "prompt", ["a red cat", "a red+++ cat", "a (red hat)++ cat-", "a red-- cat on blue- path", "cat+ dog"]
)
def test_our_weights_agree_with_compel(tokenizer, encoder, prompt):
    compel = pytest.importorskip("compel", reason="compel is not installed: pip install compel")
    theirs = compel.Compel(tokenizer=tokenizer, text_encoder=encoder)(prompt)
    ours = encode(prompt, tokenizer, encoder, method="mask", look_back=0).embeddings
    assert torch.allclose(ours, theirs, atol=1e-5)
