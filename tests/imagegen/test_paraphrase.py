"""The same wish in other words."""

from __future__ import annotations

import pytest

from imagegen.paraphrase import fitting_particle, paraphrases, read_lines, without_request

WISH = "노란 우산을 쓴 여자가 벚꽃길을 걷는다"


@pytest.mark.parametrize(
    ("wish", "core"),
    [
        ("창가에서 책을 읽는 소녀를 그려 줘", "창가에서 책을 읽는 소녀"),
        ("바닷가에서 찍은 셀카 보내줘", "바닷가에서 찍은 셀카"),
        ("고양이 사진을 보여주세요!", "고양이 사진"),
        (WISH, WISH),
        ("웃는 얼굴", "웃는 얼굴"),
    ],
)
def test_the_asking_is_taken_off(wish, core):
    assert without_request(wish) == core


def test_rules_give_several_different_texts_with_fitting_particles():
    made = paraphrases(WISH)
    assert len(made) == len(set(made)) >= 4
    assert made[0] == WISH
    assert "노란 우산을 쓴 여성이 벚꽃길을 걷는다" in made
    assert "여자가 벚꽃길을 걷는다" in made
    assert "노란 우산을 쓴 여자" in made


def test_a_clause_before_a_noun_is_no_sentence_of_its_own():
    assert "듀얼 모니터" not in paraphrases("듀얼 모니터가 있는 하얀 책상")


def test_the_number_is_kept():
    assert len(paraphrases(WISH, count=3)) == 3
    assert paraphrases(WISH, count=1) == [WISH]


def test_a_language_model_writes_them_and_rules_fill_up():
    asked = []

    def model(instruction: str) -> str:
        asked.append(instruction)
        return "1. 벚꽃이 핀 길을 걷는 여인\n- 노란 우산 아래의 여자\nSure!\n\n" + "가" * 400

    made = paraphrases(WISH, count=5, model=model)
    assert made[:3] == [WISH, "벚꽃이 핀 길을 걷는 여인", "노란 우산 아래의 여자"]
    assert len(made) == 5
    assert WISH in asked[0]


def test_a_model_that_says_nothing_of_use_leaves_the_rules():
    assert paraphrases(WISH, model=lambda _: "sorry") == paraphrases(WISH)
    assert read_lines("") == []


@pytest.mark.parametrize(
    ("word", "particle", "fitting"),
    [
        ("우산", "를", "을"),
        ("여자", "이", "가"),
        ("길", "으로", "로"),
        ("숲", "로", "으로"),
        ("바다", "과", "와"),
        ("산", "에서", "에서"),
    ],
)
def test_particles_fit_the_word_before_them(word, particle, fitting):
    assert fitting_particle(word, particle) == fitting
