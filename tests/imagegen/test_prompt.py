"""From the wish to prompt, prompt_2 and negative prompt."""

from __future__ import annotations

import json

import pytest

from imagegen.errors import PromptError, UnknownProfile, WeightSyntax
from imagegen.prompt import make_prompt, profiles
from imagegen.weighting import parse_weights

WISH = "안경 없는 여자가 노란 우산을 쓰고 벚꽃길을 걷는다"


@pytest.fixture(scope="module")
def made():
    return make_prompt(WISH)


def test_the_subject_prompt_says_what_is_seen(made):
    assert made.prompt.startswith("a woman, holding a yellow umbrella, walking on a cherry blossom path")


def test_the_keyword_prompt_weighs_its_words_differently_and_adds_quality(made):
    weights = {piece.weight for piece in parse_weights(made.prompt_2) if piece.weight != 1}
    assert len(weights) > 1
    assert all(word in made.prompt_2 for word in profiles()[made.profile].quality)


def test_what_is_not_wanted_stands_first_in_the_negative_prompt_and_nowhere_else(made):
    assert made.negative.startswith("(glasses:1.3), ")
    assert "glasses" not in made.prompt + made.prompt_2


def test_every_prompt_can_be_read_by_the_weight_parser(made):
    for text in (made.prompt, made.prompt_2, made.negative, made.single):
        assert parse_weights(text)


def test_one_text_encoder_gets_subject_and_quality(made):
    assert made.single.startswith(made.prompt)
    assert made.single.endswith(profiles()[made.profile].quality[-1])


@pytest.mark.parametrize(
    ("wish", "profile"),
    [
        ("바닷가에서 찍은 셀카 보내줘", "photo"), ("고양이를 수채화로 그려줘", "painting"), ("하얀 책상 보여줘", "desk"),
        ("소녀를 펜 드로잉으로 그려줘", "simple-line"), ("용을 픽셀아트로 그려줘", "pixel"), ("웃는 소녀", "anime"),
    ],
)  # fmt: skip
def test_the_profile_follows_the_wish(wish, profile):
    assert make_prompt(wish).profile == profile


def test_a_named_profile_is_taken_and_an_unknown_one_is_told():
    assert make_prompt("고양이", profile="photo").prompt == "a cat, photo"
    with pytest.raises(UnknownProfile, match="take one of auto, anime"):
        make_prompt("고양이", profile="제일 좋은 것")


def test_a_profile_does_not_forbid_what_was_asked_for():
    assert "person" not in make_prompt("책상에 앉아 있는 사람", profile="desk").negative.split(", ")


def test_an_english_prompt_keeps_its_weights():
    made = make_prompt("a (red hat:1.3) on a cat++", profile="photo")
    assert made.prompt == "a (red hat:1.3) on a cat++, photo"
    with pytest.raises(WeightSyntax):
        make_prompt("a (cat")


@pytest.mark.parametrize(("wish", "said"), [("  ", "empty"), ("가" * 2001, "2000 are the most"), ("!?", "no words")])
def test_a_wish_that_cannot_be_used_is_told(wish, said):
    with pytest.raises(PromptError, match=said):
        make_prompt(wish)


def test_unknown_words_are_reported():
    assert dict(make_prompt("뷁쑬라를 든 여자").unknown)


def test_it_is_written_as_json(made):
    read = json.loads(made.to_json())
    assert read["negative"] == made.negative
    assert read["keywords"][0]["phrase"] == made.keywords[0].phrase


def test_profiles_are_whole():
    for name, profile in profiles().items():
        assert profile.korean, name
        assert name == "plain" or (profile.style and len(profile.quality) >= 3 and len(profile.negative) >= 5)
        parse_weights(", ".join((*profile.quality, *profile.negative)))
