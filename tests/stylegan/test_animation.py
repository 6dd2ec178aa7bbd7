"""What her face does in time, as statements about all that can happen to her."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylegan.animation import HOLD_SECONDS, Animation, Attention, Blinks
from stylegan.attributes import ATTRIBUTES, EXPRESSION
from stylegan.speech import Speech, syllable

REST = {"smile": 0.2}
JOY = {"eyes": 0.6, "mouth": 0.3, "smile": 0.9, "brow": 0.2, "pitch": 3.0}
FRIGHT = {"eyes": 1.0, "mouth": 0.6, "smile": 0.0, "brow": 0.9}
SWAY = {"pose": 1.71, "pitch": 1.21}
"""Degrees that breathing moves the head."""
GLANCE = {"pose": 8.0, "pitch": 3.0}

# Units per second that no attribute's change may exceed, whatever happens: the spring's bound (rate × 1.21 × range), and
# what lids (15) and lips add.
SPEED = {"eyes": 24.2 + 15, "mouth": 24.2 + 30, "smile": 48.4 + 14, "brow": 48.4, "pose": 1420.0, "pitch": 650.0}

Event = Callable[[Animation, float], None]
faces = st.fixed_dictionaries(
    {}, optional={name: st.floats(ATTRIBUTES[name].low, ATTRIBUTES[name].high) for name in EXPRESSION}
)
texts = st.text(st.sampled_from("가마옹읍 뷔웨ㅋㅠ,.!*\nab7😀"), max_size=30)
events = st.one_of(
    st.just(Animation.hear),
    st.just(Animation.think),
    st.just(Animation.finish),
    faces.map(lambda face: lambda animation, now: animation.feel(face, now)),
    faces.map(lambda face: lambda animation, now: animation.feel(face, now, startled=True)),
    texts.map(lambda text: lambda animation, now: animation.say(text, now)),
)
courses = st.lists(st.tuples(st.floats(0, 5), events), max_size=12)


def played(
    course: list[tuple[float, Event]], seed: int, rate: float, after: float = 3.0
) -> Iterator[tuple[float, dict[str, float], Animation]]:
    """Time, face and animation of each frame of a course of events, at so many frames a second."""
    animation = Animation(REST, seed, 100.0)
    at, frame = 100.0, 0
    for pause, event in [*course, (after, lambda animation, now: None)]:
        at += pause
        while 100.0 + frame / rate < at:
            now = 100.0 + frame / rate
            yield now, animation.frame(now), animation
            frame += 1
        event(animation, at)


def at_rest(face: dict[str, float]) -> bool:
    """Whether nothing but breathing, a glance and the lids move the face."""
    expected = {"mouth": ATTRIBUTES["mouth"].neutral, "brow": ATTRIBUTES["brow"].neutral, **REST}
    still = all(face[name] == pytest.approx(value, abs=1e-3) for name, value in expected.items())
    return still and all(abs(face[name]) <= SWAY[name] + GLANCE[name] for name in SWAY)


@settings(max_examples=60, deadline=None)
@given(courses, st.integers(0, 2**32))
def test_every_attribute_stays_in_its_range_and_only_the_expression_moves(
    course: list[tuple[float, Event]], seed: int
) -> None:
    for _, face, _ in played(course, seed, rate=15):
        assert tuple(face) == EXPRESSION
        for name, value in face.items():
            assert ATTRIBUTES[name].low <= value <= ATTRIBUTES[name].high


@settings(max_examples=40, deadline=None)
@given(courses, st.integers(0, 2**32))
def test_nothing_jumps(course: list[tuple[float, Event]], seed: int) -> None:
    rate, before = 240, None
    for _, face, _ in played(course, seed, rate, after=1.0):
        if before is not None:
            for name in EXPRESSION:
                assert abs(face[name] - before[name]) <= SPEED[name] / rate, name
        before = face


@settings(max_examples=40, deadline=None)
@given(courses, st.integers(0, 2**32), st.sampled_from([3, 8, 60]))
def test_the_course_does_not_depend_on_how_often_it_is_looked_at(
    course: list[tuple[float, Event]], seed: int, rate: int
) -> None:
    """Frames at the same times agree, whatever was looked at between them."""
    seldom = {now: face for now, face, _ in played(course, seed, rate)}
    often = {now: face for now, face, _ in played(course, seed, rate * 4)}
    for now, face in seldom.items():
        assert often[now] == pytest.approx(face, abs=1e-6)


def test_the_same_seed_gives_the_same_face_and_another_seed_another() -> None:
    def course(seed: int) -> list[dict[str, float]]:
        return [face for _, face, _ in played([(0.5, Animation.think)], seed, rate=10, after=20)]

    assert course(1) == course(1)
    assert course(1) != course(2)


def closings(frames: Iterator[tuple[float, dict[str, float], Animation]]) -> list[tuple[float, float]]:
    """Begin and end of each blink."""
    found, begun, last = [], None, 0.0
    for now, _, animation in frames:
        closure = animation._blinks.closure(now)
        if closure > 0 and begun is None:
            begun = now
        if begun is not None and closure == 0 and last > 0:
            found.append((begun, now))
            begun = None
        last = closure
    return found


def test_she_blinks_every_two_to_six_seconds_and_now_and_then_twice() -> None:
    blinks = closings(played([], seed=5, rate=200, after=1200))
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(blinks)]
    double = [gap for gap in gaps if gap < 0.2]
    single = [gap for gap in gaps if gap >= 0.2]
    assert all(Blinks.LEAST - 0.02 <= gap <= Blinks.GREATEST + 0.02 for gap in single)
    assert 3.0 < sum(single) / len(single) < 4.2
    assert 0.05 < len(double) / len(gaps) < 0.3
    assert len({round(gap, 1) for gap in single}) > 20, "as regular as a machine"


def test_a_blink_closes_the_eyes_in_a_tenth_of_a_second_and_opens_them_a_little_slower() -> None:
    frames = list(played([], seed=5, rate=500, after=10))
    begin, end = closings(iter(frames))[0]
    during = [(now, face["eyes"]) for now, face, _ in frames if begin - 0.01 <= now <= end + 0.01]
    shut_at = min(during, key=lambda each: each[1])[0]
    assert min(eyes for _, eyes in during) == 0
    assert shut_at - begin == pytest.approx(0.1, abs=0.01)
    assert end - begin == pytest.approx(0.28, abs=0.015)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 8))
def test_startled_eyes_do_not_close(seed: int, after: float) -> None:
    """Not even where the surprise comes in the middle of a blink: the lids go up from where they are."""
    course: list[tuple[float, Event]] = [
        (after, lambda animation, now: animation.think(now)),
        (0.0, lambda animation, now: animation.feel(FRIGHT, now, startled=True)),
        (0.0, lambda animation, now: animation.say("뭐? 진짜로 그랬단 말이야?", now)),
    ]
    before = 1.0
    for now, face, animation in played(course, seed, rate=120, after=6):
        if now > 100.0 + after:
            closure = animation._blinks.closure(now)
            assert closure <= before
            before = closure
            if now > 100.0 + after + 0.5:
                assert face["eyes"] > 0.95
        else:
            before = 1.0


@settings(max_examples=40, deadline=None)
@given(courses, st.integers(0, 2**32))
def test_she_comes_to_rest_when_nothing_happens_any_more(course: list[tuple[float, Event]], seed: int) -> None:
    over: list[tuple[float, Event]] = [*course, (0.0, Animation.finish)]
    frames = list(played(over, seed, rate=5, after=40))
    assert all(at_rest(face) for _, face, _ in frames[-25:])
    assert max(face["eyes"] for _, face, _ in frames[-25:]) == pytest.approx(ATTRIBUTES["eyes"].neutral, abs=1e-3)


def test_a_feeling_is_on_her_face_before_half_a_second_has_gone_by_and_begins_at_once() -> None:
    animation = Animation(REST, 3, 0.0)
    animation.feel(JOY, 1.0)
    assert animation.frame(1.07)["smile"] > 0.25
    assert animation.frame(1.5)["smile"] > 0.85


def test_a_feeling_is_held_while_she_speaks_and_for_some_seconds_and_then_fades_over_seconds() -> None:
    animation = Animation(REST, 3, 0.0)
    animation.think(0.0)
    animation.feel(JOY, 0.5)
    animation.say("오늘 정말 좋은 일이 있었어. 들어 볼래?", 0.6)
    animation.finish(1.0)
    spoken = next(t / 100 for t in range(100, 2000) if not animation._speech.is_on(t / 100))
    assert 1.5 < spoken < 6
    assert animation.frame(spoken + HOLD_SECONDS - 0.5)["smile"] == pytest.approx(0.9, abs=0.02)
    fading = animation.frame(spoken + HOLD_SECONDS + 1.5)["smile"]
    assert 0.3 < fading < 0.85
    assert animation.frame(spoken + HOLD_SECONDS + 8)["smile"] == pytest.approx(0.2, abs=0.02)


def test_she_looks_up_while_somebody_writes_and_goes_back_when_they_stop() -> None:
    animation = Animation(REST, 3, 0.0)
    animation.hear(1.0)
    assert animation.attention is Attention.LISTENING
    assert animation.frame(2.5)["brow"] > 0.1
    animation.frame(7.0)
    assert animation.attention is Attention.NOBODY


def test_she_takes_in_what_was_said_then_thinks_until_she_feels() -> None:
    animation = Animation(REST, 3, 0.0)
    animation.think(1.0)
    assert animation.attention is Attention.LISTENING
    thinking = animation.frame(3.5)
    assert animation.attention is Attention.THINKING
    assert thinking["pitch"] > 2
    assert thinking["brow"] < -0.1
    animation.feel(JOY, 4.0)
    assert animation.attention is Attention.NOBODY
    assert animation.frame(5.0)["brow"] > 0.15


def test_writing_to_her_while_she_speaks_or_thinks_does_not_take_her_out_of_it() -> None:
    animation = Animation(REST, 3, 0.0)
    animation.think(0.0)
    animation.frame(1.0)
    animation.hear(1.0)
    assert animation.attention is Attention.THINKING
    animation.say("있잖아, 그게 말이야", 1.1)
    animation.hear(1.2)
    assert animation.attention is Attention.NOBODY


# --- the mouth


def openings(text: str, rate: int = 200, seconds: float = 4.0) -> list[tuple[float, float, float]]:
    """Time, opening and spread of the mouth while a text is spoken."""
    speech = Speech(0.0)
    speech.say(text, 0.0)
    shapes = [(step / rate, speech.at(step / rate)) for step in range(int(rate * seconds))]
    return [(now, shape.opening * shape.weight, shape.spread * shape.weight) for now, shape in shapes]


def test_vowels_open_round_and_narrow_the_mouth() -> None:
    def widest(text: str) -> float:
        return max(opening for _, opening, _ in openings(text))

    def spread(text: str) -> float:
        return max((spread for _, _, spread in openings(text)), key=abs)

    assert widest("아") > widest("어") > widest("오") > widest("우")
    assert widest("이") < 0.25
    assert widest("으") < 0.25
    assert spread("오") < -0.8
    assert spread("우") < -0.8
    assert spread("이") > 0.7


@pytest.mark.parametrize("final", "ㅁㅂㅍ")
def test_lips_close_at_the_end_of_a_syllable_on_them(final: str) -> None:
    closed = {"ㅁ": "암", "ㅂ": "압", "ㅍ": "앞"}[final]
    assert syllable(closed).shapes[-1].opening < 0.05
    assert syllable("안").shapes[-1].opening > 0.5


def test_lips_close_before_a_syllable_that_begins_on_them() -> None:
    during = [opening for now, opening, _ in openings("아마", seconds=0.3)]
    first = during.index(max(during[:30]))
    assert min(during[first:]) < 0.05
    assert max(during[first + during[first:].index(min(during[first:])) :]) > 0.6


def test_a_diphthong_glides() -> None:
    rounded, wide = syllable("와").shapes
    assert rounded.spread < -0.8
    assert wide.opening > 0.7


def test_she_speaks_at_reading_speed() -> None:
    text = "가나다라마바사아" * 2
    spoken = max(now for now, opening, _ in openings(text) if opening > 0.01)
    assert 1.6 < spoken < 2.6


def test_a_flood_of_words_is_hurried_through_and_its_beginning_left_out() -> None:
    animation = Animation(REST, 1, 0.0)
    animation.say("가나다라마바사아" * 100, 0.0)
    animation.finish(0.0)
    assert not animation._speech.is_on(11.0)
    assert animation._speech.is_on(4.0)


def test_actions_between_asterisks_are_not_spoken_however_they_are_cut() -> None:
    speech = Speech(0.0)
    for piece in ("*창밖을", " 본다", "*"):
        speech.say(piece, 0.0)
    assert max(speech.at(step / 100).weight for step in range(300)) == 0
    speech.say("응", 3.0)
    assert speech.at(3.15).weight > 0.5


def test_an_asterisk_that_is_never_closed_does_not_silence_the_next_reply() -> None:
    animation = Animation(REST, 1, 0.0)
    animation.say("*웃는다", 0.0)
    animation.finish(0.5)
    animation.say("아아아", 1.0)
    assert animation.frame(1.2)["mouth"] > 0.5


def test_between_sentences_the_mouth_is_hers_again() -> None:
    shapes = openings("아. 아")
    between = [opening for now, opening, _ in shapes if 0.35 < now < 0.5]
    assert min(between) < 0.05


def test_a_stop_ends_her_speech_at_once() -> None:
    animation = Animation(REST, 1, 0.0)
    animation.say("가나다라마바사아" * 4, 0.0)
    animation.finish(1.0, stopped=True)
    assert animation._speech.is_on(1.0)
    assert not animation._speech.is_on(1.5)


def test_only_what_is_quick_calls_for_many_frames() -> None:
    animation = Animation(REST, 2, 0.0)
    lively = [animation.is_lively(step / 20) for step in range(600)]
    assert 0 < sum(lively) / len(lively) < 0.35, "blinks and glances only"
    animation.say("아아아", 30.0)
    assert animation.is_lively(30.1)
    assert animation.stirs_at(40.0) >= 40.0
