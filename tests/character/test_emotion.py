"""The emotion tag: read from a stream however it is cut, and never shown."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from character.emotion import EMOTIONS, SYNONYMS, Emotion, TagParser, format_tag

SHOWN_TAG = re.compile(r"[<\[＜〈]\s{0,2}/?\s{0,2}(감정|emotion)\s{0,2}([:：=]|/?[>\]＞〉])", re.IGNORECASE)


def read(*pieces: str) -> tuple[str, list[Emotion]]:
    """What a parser makes of a stream that arrives in these pieces."""
    parser = TagParser()
    words, emotions = "", []
    for piece in pieces:
        more, found = parser.feed(piece)
        words, emotions = words + more, emotions + found
    rest, found = parser.close()
    return words + rest, emotions + found


# Pieces of which the streams below are made: tags, broken tags, look-alikes, and words.
PARTS = st.one_of(
    st.builds(
        "<감정:{}:{}>".format, st.sampled_from([*EMOTIONS, *SYNONYMS]), st.sampled_from(["0.8", "1", "7", "0,3"])
    ),
    st.sampled_from(
        ["<감정:", "<감정", "감정:", "[감정:기쁨]", "<기쁨:0.4>", "<", ">", "[", "]", "：", ":", "0.8", "％", "/"]
    ),
    st.sampled_from(
        ["안녕", " ", "\n", "오늘 뭐 해?", "3 < 5", "<3", "[메모]", "<b>", "</b>", "기쁨", "강도", "-", "emotion"]
    ),
    st.text(max_size=4),
)
STREAMS = st.lists(PARTS, max_size=12).map("".join)


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A stream, and the same stream in pieces."""
    stream = draw(STREAMS)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    return stream, [stream[begin:end] for begin, end in pairwise([0, *cuts, len(stream)])]


@given(cut_streams())
def test_however_the_stream_is_cut_words_and_emotions_are_the_same(case: tuple[str, list[str]]) -> None:
    stream, pieces = case
    assert read(*pieces) == read(stream) == read(*stream)


@given(STREAMS)
def test_no_stream_makes_a_tag_visible(stream: str) -> None:
    words, emotions = read(stream)
    assert not SHOWN_TAG.search(words)
    assert all(emotion.name in EMOTIONS and 0 <= emotion.strength <= 1 for emotion in emotions)


@given(st.text(alphabet=st.characters(exclude_characters="<[＜〈")))
def test_text_without_an_opening_bracket_comes_out_as_it_is(text: str) -> None:
    assert read(*text) == (text, [])


@given(st.sampled_from(EMOTIONS), st.integers(0, 10), st.text(alphabet="안녕 하세요?!ㅋ0.5:", max_size=20))
def test_every_tag_that_is_written_is_read(name: str, tenths: int, words: str) -> None:
    shown, emotions = read(f"{format_tag(name, tenths / 10)} {words}")
    assert emotions == [Emotion(name, tenths / 10)]
    assert shown == words.lstrip(" ")


@pytest.mark.parametrize("cut", range(1, len("<감정:기쁨:0.8> 안녕")))
def test_a_tag_may_be_cut_anywhere(cut: int) -> None:
    stream = "<감정:기쁨:0.8> 안녕"
    assert read(stream[:cut], stream[cut:]) == ("안녕", [Emotion("기쁨", 0.8)])


def test_words_come_out_as_soon_as_they_cannot_be_part_of_a_tag() -> None:
    parser = TagParser()
    assert parser.feed("<감정:기쁨:0.8>") == ("", [Emotion("기쁨", 0.8)])
    assert parser.feed(" 안") == ("안", [])
    assert parser.feed("녕 <") == ("녕 ", [])
    assert parser.feed("3") == ("<3", [])


@pytest.mark.parametrize(
    ("stream", "words", "emotions"),
    [
        # spelt in other ways
        ("<감정: 기쁨 : 0.8 > 안녕", "안녕", [Emotion("기쁨", 0.8)]),
        ("<감정 : 기쁨>안녕", "안녕", [Emotion("기쁨", 0.5)]),
        ("＜감정：슬픔：0.3＞ 안녕", "안녕", [Emotion("슬픔", 0.3)]),
        ("[감정:슬픔:0.3] 안녕", "안녕", [Emotion("슬픔", 0.3)]),
        ("〈감정=분노=1〉안녕", "안녕", [Emotion("분노", 1.0)]),
        ("<emotion:놀람:0.4> 안녕", "안녕", [Emotion("놀람", 0.4)]),
        ("<Emotion: 놀람, 0.4> 안녕", "안녕", [Emotion("놀람", 0.4)]),
        ("<감정 기쁨 0.8> 안녕", "안녕", [Emotion("기쁨", 0.8)]),
        ("<감정:기쁨, 강도: 0.8> 안녕", "안녕", [Emotion("기쁨", 0.8)]),
        ("<감정:0.8:기쁨> 안녕", "안녕", [Emotion("기쁨", 0.8)]),
        ("<감정:기쁨(0.8)> 안녕", "안녕", [Emotion("기쁨", 0.8)]),
        ("<감정:기쁨/> 안녕", "안녕", [Emotion("기쁨", 0.5)]),
        ("<감정:기쁨:0.8/> 안녕", "안녕", [Emotion("기쁨", 0.8)]),
        ("<감정:기쁨+설렘:0.7> 안녕", "안녕", [Emotion("기쁨", 0.7)]),
        ("<기쁨> 안녕", "안녕", [Emotion("기쁨", 0.5)]),
        ("[기쁨:0.9] 안녕", "안녕", [Emotion("기쁨", 0.9)]),
        ("<<감정:기쁨:0.8>> 안녕", "안녕", [Emotion("기쁨", 0.8)]),
        ("[<감정:기쁨:0.8>] 안녕", "안녕", [Emotion("기쁨", 0.8)]),
        ("<감정:행복:0.6> 안녕", "안녕", [Emotion("기쁨", 0.6)]),
        ("<감정:기쁨:0.8>\n\n안녕\n그래", "안녕\n그래", [Emotion("기쁨", 0.8)]),
        # broken
        ("<감정:기쁨:0.8 안녕", "안녕", [Emotion("기쁨", 0.8)]),
        ("<감정:기쁨 안녕", "안녕", [Emotion("기쁨", 0.5)]),
        ("<감정:기쁨:안녕", "안녕", [Emotion("기쁨", 0.5)]),
        ("<감정:기쁨 3시에 보자", "3시에 보자", [Emotion("기쁨", 0.5)]),
        ("<감정:>안녕", "안녕", []),
        ("<감정::0.8>안녕", "안녕", []),
        ("<감정:어쩌구:0.8> 안녕", "안녕", []),
        ("<감정:joy:0.8> 안녕", "안녕", []),
        ("<감정> 안녕 </감정>", "안녕 ", []),
        ("안녕</감정:기쁨:0.8>", "안녕", [Emotion("기쁨", 0.8)]),
        # cut off by the end of the stream
        ("안녕 <감정:기쁨:0.8", "안녕 ", [Emotion("기쁨", 0.8)]),
        ("안녕 <감정:기", "안녕 ", []),
        ("안녕 <감정", "안녕 ", []),
        ("안녕 <감", "안녕 ", []),
        ("안녕 <기", "안녕 ", []),
        # repeated, and in the middle
        ("<감정:기쁨:0.8> 안녕 <감정:슬픔:0.2> 잘 가", "안녕 잘 가", [Emotion("기쁨", 0.8), Emotion("슬픔", 0.2)]),
        ("<감정:기쁨:0.8><감정:기쁨:0.8> 안녕", "안녕", [Emotion("기쁨", 0.8)] * 2),
        ("<감정:기쁨:0.8 <감정:슬픔:0.2> 안녕", "안녕", [Emotion("기쁨", 0.8), Emotion("슬픔", 0.2)]),
        # a tag inside a broken one must not leave one behind
        ("<감<감정:기쁨:0.8>정:슬픔:0.5> 안녕", "정:슬픔:0.5> 안녕", [Emotion("기쁨", 0.8)]),
    ],
)
def test_malformed_and_repeated_tags_are_read_as_well_as_can_be_and_never_shown(
    stream: str, words: str, emotions: list[Emotion]
) -> None:
    assert read(stream) == (words, emotions)
    assert read(*stream) == (words, emotions)


@pytest.mark.parametrize(
    "text",
    [
        "3 < 5이고 5 > 3이야",
        "사랑해 <3",
        "<",
        "3 <",
        "a<b",
        "[메모] 우유 사기",
        "[감기 조심]",
        "[감정 노동]이라는 말",
        "[걱정 말고 푹 쉬어]",
        "감정:기쁨:0.8",
        "(감정:기쁨:0.8)이라고 쓰는 거야",
        "<b>굵게</b> 쓰고 <br>",
        "<!-- 감정 -->",
        "List<String> 그리고 x <= y",
        "<em>힘주어</em>",
        ">_< 아야 >.<",
        "→ << 이전 | 다음 >>",
        "[1] [2] [3]",
        "<감기:기쁨>",
        "[평소] 나는",
    ],
)
def test_look_alikes_that_are_no_tags_are_shown(text: str) -> None:
    assert read(text) == (text, [])
    assert read(*text) == (text, [])


@pytest.mark.parametrize(
    ("written", "strength"),
    [
        ("0", 0.0),
        ("0.0", 0.0),
        ("1", 1.0),
        ("1.0", 1.0),
        (".7", 0.7),
        ("0,7", 0.7),
        ("0.8.", 0.8),
        ("0.123456789", 0.123456789),
        ("8", 0.8),  # some models count to ten
        ("10", 1.0),
        ("80", 0.8),  # or to a hundred
        ("80%", 0.8),
        ("99999999999999999999", 1.0),
        ("-0.5", 0.0),
        ("８", 0.8),
        ("", 0.5),
        (".", 0.5),
        ("강함", None),
    ],
)
def test_a_strength_is_brought_into_its_range(written: str, strength: float | None) -> None:
    words, emotions = read(f"<감정:기쁨:{written}> 안녕")
    assert [emotion.name for emotion in emotions] == ["기쁨"]
    if strength is not None:
        assert words == "안녕"
        assert emotions[0].strength == pytest.approx(strength)
    assert not SHOWN_TAG.search(words)


@pytest.mark.parametrize(
    "noise", ["<" * 20_000, "[ " * 10_000, "<감정" * 5_000, "<감정:기쁨:" + "0" * 20_000, "<감정:" * 4_000]
)
def test_hostile_streams_take_no_long_time(noise: str) -> None:
    parser = TagParser()
    for start in range(0, len(noise), 4):
        parser.feed(noise[start : start + 4])
    parser.close()
