"""The turn as a pure state machine: events in, effects out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from character.emotion import EMOTIONS, Emotion, TagParser
from server.turn import (
    FIRST_WORDS,
    CancelGeneration,
    Effect,
    EmotionJudged,
    Event,
    Finish,
    Generated,
    GenerationEnded,
    GenerationFailed,
    JudgeEmotion,
    Say,
    SetFace,
    State,
    StopAsked,
    Turn,
)


def judge(text: str) -> Emotion:
    """A classifier that answers differently to different texts, and always the same to the same."""
    return Emotion(EMOTIONS[len(text) % len(EMOTIONS)], round(len(text) % 7 / 7, 2))


def run(events: Sequence[Event], wait: Callable[[], int] = lambda: 0) -> tuple[Turn, list[Effect]]:
    """Feeds a turn and answers its questions to the classifier.

    Args:
        wait: how many further events come in before the classifier answers.
    """
    turn, effects = Turn(), []
    answers: list[tuple[int, Event]] = []
    for number, event in enumerate([*events, None]):
        if event is not None:
            new = turn.handle(event)
        else:
            new = []
        while True:
            effects += new
            answers += [(number + wait(), EmotionJudged(judge(e.text))) for e in new if isinstance(e, JudgeEmotion)]
            due = [answer for answer in answers if answer[0] <= number or event is None]
            if not due:
                break
            answers.remove(due[0])
            new = turn.handle(due[0][1])
    return turn, effects


def shown(effects: Sequence[Effect]) -> str:
    return "".join(effect.text for effect in effects if isinstance(effect, Say))


def faces(effects: Sequence[Effect]) -> list[Emotion]:
    return [effect.emotion for effect in effects if isinstance(effect, SetFace)]


def finish(effects: Sequence[Effect]) -> Finish:
    """The `Finish` of a turn: there is one, and it is the last effect."""
    ends = [effect for effect in effects if isinstance(effect, Finish)]
    assert len(ends) == 1
    assert effects[-1] is ends[0]
    return ends[0]


PARTS = st.one_of(
    st.sampled_from(["<감정:기쁨:0.8>", "<감정:슬픔:0.2> ", "<감정:", "[기쁨]", "<", "<3", "3 < 5"]),
    st.sampled_from(["안녕", " ", "\n\n", "오늘은 뭐 하고 지냈는지 얘기해 줄래?", "응.", "ㅋㅋ", "\t"]),
    st.text(max_size=5),
)
REPLIES = st.lists(PARTS, max_size=8).map("".join)


@st.composite
def cut_replies(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A reply, and the same reply in pieces."""
    reply = draw(REPLIES)
    cuts = sorted(draw(st.lists(st.integers(0, len(reply)), max_size=12)))
    return reply, [reply[begin:end] for begin, end in pairwise([0, *cuts, len(reply)])]


def generated(pieces: Sequence[str], *, cut: bool = False) -> list[Event]:
    return [*(Generated(piece) for piece in pieces), GenerationEnded(cut)]


@given(cut_replies(), st.data())
def test_however_the_reply_is_cut_and_however_slow_the_classifier_the_outcome_is_the_same(
    case: tuple[str, list[str]], data: st.DataObject
) -> None:
    reply, pieces = case
    whole = finish(run(generated([reply]))[1])
    assert finish(run(generated(list(reply)))[1]) == whole
    _, effects = run(generated(pieces), lambda: data.draw(st.integers(0, 3)))
    assert finish(effects) == whole
    assert shown(effects) == whole.text


@given(cut_replies(), st.data())
def test_nothing_is_shown_before_the_face_is_set(case: tuple[str, list[str]], data: st.DataObject) -> None:
    _, effects = run(generated(case[1]), lambda: data.draw(st.integers(0, 3)))
    kinds = [type(effect) for effect in effects]
    if Say in kinds:
        assert kinds.index(SetFace) < kinds.index(Say)


@given(cut_replies(), st.data())
def test_the_face_she_ends_with_belongs_to_an_untagged_reply_as_a_whole(
    case: tuple[str, list[str]], data: st.DataObject
) -> None:
    parser = TagParser()
    tags = parser.feed(case[0])[1] + parser.close()[1]
    _, effects = run(generated(case[1]), lambda: data.draw(st.integers(0, 3)))
    end = finish(effects)
    if end.reason == "complete" and not tags:
        assert faces(effects)[-1] == end.emotion == judge(end.text)


@given(cut_replies(), st.data())
def test_a_stop_at_any_point_keeps_exactly_what_was_shown(case: tuple[str, list[str]], data: st.DataObject) -> None:
    events = generated(case[1])
    at = data.draw(st.integers(0, len(events)))
    stopped = [*events[:at], StopAsked(), *events[at:]]
    turn, effects = run(stopped, lambda: data.draw(st.integers(0, 3)))
    end = finish(effects)
    assert shown(effects) == end.text == turn.said
    if end.reason == "stopped":
        assert effects[-2] == CancelGeneration()
    whole = finish(run(events)[1])
    assert whole.text.startswith(end.text)


@given(st.lists(st.one_of(
    st.builds(Generated, REPLIES), st.builds(GenerationEnded, st.booleans()), st.just(StopAsked()),
    st.builds(GenerationFailed, st.just("고장")), st.builds(EmotionJudged, st.just(Emotion("놀람", 0.9))),
), max_size=12))  # fmt: skip
def test_whatever_events_come_in_whatever_order_a_turn_ends_once_and_nothing_follows(events: list[Event]) -> None:
    turn, effects = Turn(), []
    for event in [*events, StopAsked()]:
        ended = turn.state is State.ENDED
        new = turn.handle(event)
        effects += new
        assert not (ended and new)
    assert shown(effects) == finish(effects).text
    assert turn.handle(Generated("더")) == []
    assert turn.state is State.ENDED


def test_a_tag_sets_the_face_at_once_and_is_not_shown() -> None:
    turn = Turn()
    assert turn.handle(Generated("<감정:기")) == []
    assert turn.handle(Generated("쁨:0.8>")) == [SetFace(Emotion("기쁨", 0.8))]
    assert turn.handle(Generated(" 안녕")) == [Say("안녕")]
    assert turn.handle(GenerationEnded()) == [Finish("complete", "안녕", Emotion("기쁨", 0.8))]


def test_a_tag_in_the_middle_moves_the_face_but_the_reply_keeps_its_first_emotion() -> None:
    turn, effects = run(generated(["<감정:기쁨:0.8> 안녕", " <감정:슬픔:0.4> 그런데"]))
    assert effects == [
        SetFace(Emotion("기쁨", 0.8)), Say("안녕"), SetFace(Emotion("슬픔", 0.4)), Say(" 그런데"),
        Finish("complete", "안녕 그런데", Emotion("기쁨", 0.8)),
    ]  # fmt: skip
    assert turn.emotion == Emotion("기쁨", 0.8)


def test_a_tag_after_the_first_words_outweighs_what_the_classifier_guessed() -> None:
    words = "가나다라마바사아자차카타파하거너더러 "
    _, effects = run(generated([words, "<감정:분노:0.9>", "끝"]))
    assert faces(effects) == [judge(words.strip()), Emotion("분노", 0.9)]
    assert finish(effects).emotion == Emotion("분노", 0.9)
    assert sum(isinstance(effect, JudgeEmotion) for effect in effects) == 1


def test_a_tag_that_comes_while_the_classifier_thinks_wins() -> None:
    turn = Turn()
    assert turn.handle(Generated("가" * FIRST_WORDS)) == [JudgeEmotion("가" * FIRST_WORDS)]
    assert turn.handle(Generated("<감정:혐오:0.3>")) == [SetFace(Emotion("혐오", 0.3)), Say("가" * FIRST_WORDS)]
    assert turn.handle(EmotionJudged(Emotion("기쁨", 1.0))) == []
    assert turn.handle(GenerationEnded()) == [Finish("complete", "가" * FIRST_WORDS, Emotion("혐오", 0.3))]


def test_an_untagged_reply_waits_for_its_first_words_and_is_judged_again_as_a_whole() -> None:
    turn = Turn()
    assert turn.handle(Generated("나 오늘은 ")) == []
    assert turn.handle(Generated("정말로 하루 온종일 ")) == [JudgeEmotion("나 오늘은 정말로 하루 온종일")]
    assert turn.handle(Generated("울었어")) == []
    assert turn.handle(EmotionJudged(Emotion("평온", 0.5))) == [
        SetFace(Emotion("평온", 0.5)), Say("나 오늘은 정말로 하루 온종일 울었어"),
    ]  # fmt: skip
    assert turn.handle(GenerationEnded()) == [JudgeEmotion("나 오늘은 정말로 하루 온종일 울었어")]
    assert turn.handle(EmotionJudged(Emotion("슬픔", 0.7))) == [
        SetFace(Emotion("슬픔", 0.7)), Finish("complete", "나 오늘은 정말로 하루 온종일 울었어", Emotion("슬픔", 0.7)),
    ]  # fmt: skip


def test_a_short_untagged_reply_is_judged_once() -> None:
    _, effects = run(generated(["응"]))
    assert effects == [JudgeEmotion("응"), SetFace(judge("응")), Say("응"), Finish("complete", "응", judge("응"))]


@pytest.mark.parametrize("reply", ["", " ", "\n\n \t", "<감정:기쁨:0.8>", "<감정:기쁨:0.8> \n", "<감정:기", "  <감정"])
def test_a_reply_without_words_fails_with_a_sentence(reply: str) -> None:
    _, effects = run(generated(list(reply)))
    end = finish(effects)
    assert (end.reason, end.text) == ("failed", "")
    assert "다시 시도" in (end.error or "")
    assert not shown(effects)


def test_white_space_is_kept_between_words_and_dropped_at_both_ends() -> None:
    _, effects = run(generated([" \n<감정:기쁨:0.8>", "  안녕 ", "\n", "\n반가워", " ", "\n"]))
    assert finish(effects).text == shown(effects) == "안녕 \n\n반가워"


def test_a_reply_that_ran_into_the_token_limit_says_so() -> None:
    assert finish(run(generated(["<감정:기쁨:0.8> 그래서"], cut=True))[1]).reason == "length"
    assert finish(run(generated(["그래서"], cut=True))[1]).reason == "length"


def test_a_model_that_fails_half_way_leaves_what_was_shown() -> None:
    turn = Turn()
    turn.handle(Generated("<감정:기쁨:0.8> 그래서 "))
    assert turn.handle(GenerationFailed("고장")) == [Finish("failed", "그래서", Emotion("기쁨", 0.8), "고장")]


def test_a_stop_before_the_first_word_ends_an_empty_reply() -> None:
    turn = Turn()
    turn.handle(Generated("나는 아직 아무것도 보여 주지 않았어"))
    assert turn.handle(StopAsked()) == [CancelGeneration(), Finish("stopped", "", None)]
    assert turn.handle(EmotionJudged(Emotion("기쁨", 0.5))) == []
