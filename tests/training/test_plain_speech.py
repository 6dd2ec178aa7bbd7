"""Polite Korean becomes plain speech."""

from __future__ import annotations

import pytest

from training.plain_speech import plain_speech


@pytest.mark.parametrize(
    ("polite", "plain"),
    [
        ("휴가가 간절하겠네요.", "휴가가 간절하겠네."),
        ("항상 청결하게 관리하세요.", "항상 청결하게 관리해."),
        ("그래서 표현이 중요해요.", "그래서 표현이 중요해."),
        ("곧 괜찮아질 거예요.", "곧 괜찮아질 거야."),
        ("좋은 결정이길 바랍니다.", "좋은 결정이길 바라."),
        ("힘들었겠어요. 푹 쉬어요!", "힘들었겠어. 푹 쉬어!"),
        ("그게 사랑이죠.", "그게 사랑이지."),
    ],
)
def test_the_ending_changes_and_the_sense_stays(polite: str, plain: str) -> None:
    assert plain_speech(polite) == plain


@pytest.mark.parametrize(
    "text",
    ["제가 도와드릴게요.", "저는 잘 몰라요.", "당신이 최고예요.", "필요하다면요!?", "건강하세요.", "맛있게 드세요."],
)
def test_what_does_not_turn_well_is_left_out(text: str) -> None:
    assert plain_speech(text) is None
