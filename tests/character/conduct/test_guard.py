"""What she may show of a reply while it is judged, and what she says where she draws a line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from character.conduct import voice
from character.conduct.categories import CATEGORIES
from character.conduct.guard import LONGEST_HELD, ReplyGuard
from character.emotion import EMOTIONS, TagParser
from tests.scripted_judge import UNFIT, WordJudge


def fed(guard: ReplyGuard, *pieces: str) -> list[str]:
    return [*(guard.feed(piece) for piece in pieces), guard.close()]


def test_a_sentence_is_shown_when_it_is_whole_and_the_tag_at_once() -> None:
    guard = ReplyGuard(WordJudge().judge_reply)
    shown = fed(guard, "<감정:기", "쁨:0.8> ", "안녕, 나", "는 오로라야. 오", "늘 어때", "?")
    assert shown == ["", "<감정:기쁨:0.8> ", "", "안녕, 나는 오로라야. ", "", "", "오늘 어때?"]
    assert guard.objection is None


def test_a_number_or_dots_in_a_sentence_do_not_end_it() -> None:
    guard = ReplyGuard(WordJudge().judge_reply)
    assert fed(guard, "3.", "5점이야.", ".", ". 응", "!") == ["", "", "", "3.5점이야... ", "", "응!"]


def test_an_unfit_sentence_and_all_that_follows_is_not_shown() -> None:
    guard = ReplyGuard(WordJudge().judge_reply)
    shown = "".join(fed(guard, "좋아. 너는 ", UNFIT[:2], UNFIT[2:], "이야. 그리고 ", "더 있어."))
    assert shown == "좋아. "
    assert guard.objection is not None
    assert UNFIT in guard.refused


def test_harm_that_lies_in_two_sentences_is_seen() -> None:
    guard = ReplyGuard(lambda text: WordJudge().judge_reply(UNFIT if "하나. 둘" in text else ""))
    assert "".join(fed(guard, "하나. 둘. 셋.")) == "하나. "


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("가나 .!?~\nㅋ<>:0감정"), max_size=12), max_size=30))
def test_nothing_is_lost_or_added_where_there_is_nothing_to_object_to(pieces: list[str]) -> None:
    assert "".join(fed(ReplyGuard(WordJudge().judge_reply), *pieces)) == "".join(pieces)


def test_a_sentence_without_an_end_is_not_held_for_ever() -> None:
    guard = ReplyGuard(WordJudge().judge_reply)
    shown = fed(guard, *["그리고 "] * LONGEST_HELD)
    assert any(shown[:-1])


@pytest.mark.parametrize("place", [(c.id, kind) for c in CATEGORIES if c.punished for kind in ("warn", "again", "ban")])
def test_she_has_words_for_every_step_of_every_category(place: tuple[str, str]) -> None:
    assert len(voice.lines(*place)) >= 6


@pytest.mark.parametrize("line", [*voice.lines("insult", "warn"), *voice.lines("self_harm", "care"), *voice.CUT_OFF])
def test_every_line_begins_with_the_emotion_that_her_face_shows(line: str) -> None:
    parser = TagParser()
    words, emotions = parser.feed(line)
    assert emotions[0].name in EMOTIONS
    assert words.strip()
    assert "<" not in words


def test_a_line_is_the_same_for_a_turn_and_not_one_she_said_lately() -> None:
    lines = voice.lines("insult", "warn")
    assert voice.choose(lines, "t1") == voice.choose(lines, "t1")
    assert len({voice.choose(lines, f"t{number}") for number in range(60)}) == len(lines)
    said = [line.partition("> ")[2] for line in lines[1:]]
    assert {voice.choose(lines, f"t{number}", said) for number in range(20)} == {lines[0]}
    assert voice.choose(lines, "t1", [line.partition("> ")[2] for line in lines]) in lines
    assert voice.choose((), "t1") == ""


def test_orders_for_a_model_name_what_it_was_and_whom_to_call() -> None:
    assert "성희롱" in voice.order("warn", "sexual")
    assert voice.order("warn", "sexual") != voice.order("warn", "sexual", again=True) != voice.order("ban", "sexual")
    assert "109" in voice.order("care", "self_harm")
    assert "1388" in voice.order("care", "self_harm")
