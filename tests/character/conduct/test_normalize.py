"""The normal form: one word however it is spelled, and no word where there is none."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from character.conduct import hangul
from character.conduct.lookalikes import clean
from character.conduct.normalize import MAX_LENGTH, as_written, fold, readings, shorten
from character.conduct.respell import respell

KOREAN = st.text(
    st.one_of(
        st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),
        st.sampled_from("ㄱㄴㅅㅆㅂㅏㅣㅐㅗㅋㅎㅠ 시씨발병신새끼1278lHr!.?~💗\u200b\u0336ａtlqkf年發ᄉ"),
        st.characters(),
    ),
    max_size=60,
)
SWEARS = [
    "ㅅㅣㅂㅏㄹ", "ㅆㅣ발", "ㅅㅂ", "ㅅ ㅂ", "ㅅㅂㅠㅠ", "씨 1 발", "시💗발", "시8", "C발", "tlqkf",
    "Tlqkf 뭐래", "ssibal", "s1bal", "발시", "씨씨발발", "시이이발",
    "씨.발", "시\u200b발", "시\u0336발\u0336", "띠발", "쉬발", "시빨", "씹알", "씨댕", "始發", "ㅆl발", "ㅆ1발",
    "18놈아", "씨\n발", "ｔｌｑｋｆ", "тlqkf",
    unicodedata.normalize("NFD", "시발"),
]  # fmt: skip
FOOLS = [
    "ㅂㅅ",
    "ㅄ",
    "병_신",
    "ㅂㅕㅇㅅㅣㄴ",
    "病身",
    "븅신",
    "빙신아",
    "병1신",
    "벼ㅇ신",
    "qudtls",
    "byeongsin",
    "병\u200d신",
    "B신",
]
HARMLESS = [
    "18개", "18살이야", "2018년", "18년도에", "시발점", "시발역에서 타", "병신년에 태어났어", "새끼손가락",
    "새끼발가락 찧었어", "고양이 새끼", "새끼 고양이 귀여워",
    "시 발표", "나 시 발표했어", "몇 시 발 차야?", "12시 발 열차", "다시 발 아파", "아저씨 발", "글씨 발표",
    "아가씨 발등", "해 보지 마", "자지 마", "감쪽같다", "색스폰 불어",
    "독려차 방문", "위기가 닥쳐왔어", "불이 꺼져 있어", "에어컨 십팔도로 해줘", "구월 십팔일에 만나",
    "무지개색이야", "이년 할부로 샀어", "작년이년", "개나리 새순", "바보짓 그만할래",
    "에미넴 노래", "시바견 귀여워", "음식 시켜", "신병 훈련소", "조까지", "날씨 발표 났어", "개불알꽃",
    "가방 뒤져 봐", "출발시간", "스트라이크", "수시 발표 언제야",
    "ㅋㅋㅋㅋ 아 진짜", "ㅇㅋ!", "good morning everyone", "아이폰 pro max 샀어", "사색이 되어", "씨앗 발아",
    "역시 발라드지",
]  # fmt: skip


def grades(text: str) -> set[int]:
    return {reading.grade for reading in readings(text)}


@pytest.mark.parametrize("text", SWEARS)
def test_one_swear_word_is_found_in_every_spelling(text: str) -> None:
    assert "시발" in {reading.readable[:2] for reading in readings(text)} | {r.readable[-2:] for r in readings(text)}


@pytest.mark.parametrize("text", FOOLS)
def test_another_swear_word_is_found_in_every_spelling(text: str) -> None:
    assert any("병신" in reading.readable for reading in readings(text))


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_words_are_not_turned_into_curses(text: str) -> None:
    assert as_written(text).grade == 0


def test_what_is_not_cursing_is_joined_too() -> None:
    assert fold("우 리 만 나 자") == "우리만나자"
    assert fold("사💗랑💗해") == "사랑해"
    assert fold("나랑 4랑해") == "나랑 사랑해"
    assert as_written("사량해").sound == as_written("사랑해").sound


def test_numbers_that_count_stay_where_they_are() -> None:
    assert fold("오늘 18살 됐어") == "오늘 18살 됐어"
    assert fold("3시 8분에 보자") == "3시 8분에 보자"


def test_spaces_between_whole_words_stay() -> None:
    assert fold("시 발표가 내일이야") == "시 발표가 내일이야"


def test_laughter_and_tears_join_with_nothing() -> None:
    assert fold("ㅋㅋㅋㅜ 아니 ㅠㅠ") == "ㅋㅋㅋㅜ 아니 ㅠㅠ"


def test_a_text_has_the_reading_of_the_other_keyboard_only_where_it_types_words() -> None:
    assert ("keyboard", "안녕") in {(reading.how, reading.text) for reading in readings("dkssud")}
    assert "keyboard" not in {reading.how for reading in readings("thank you")}


def test_drawn_out_and_doubled_syllables_are_shortened() -> None:
    assert shorten("시이이발") == "시발"
    assert shorten("병병신신") == "병신"
    assert shorten("가나다") == "가나다"


def test_letters_are_joined_and_taken_apart_as_a_keyboard_does() -> None:
    assert hangul.compose("ㅇㅏㄴㅈㄷㅏ") == "앉다"
    assert hangul.letters("앉다") == "ㅇㅏㄵㄷㅏ"
    assert hangul.from_keyboard("dkswek") == "앉다"
    assert hangul.to_keyboard("앉다") == "dkswek"
    assert hangul.from_romanised("gangaji") == "강아지"
    assert hangul.from_romanised("rhythm") is None


@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=20))
def test_the_keyboard_is_its_own_inverse(text: str) -> None:
    assert hangul.from_keyboard(hangul.to_keyboard(text)) == text


@given(KOREAN)
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_normal_form(text: str) -> None:
    for reading in readings(text):
        assert isinstance(reading.written + reading.sound + reading.readable, str)


@given(KOREAN)
@settings(max_examples=300, deadline=None)
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    folded = fold(text)
    assert fold(folded) == folded


@pytest.mark.parametrize(
    "unit",
    [
        "시",
        "ㅅ ",
        "씨1",
        "a",
        "시발 ",
        "아",
        "ㅅㅂ",
        "(",
        '"',
        "시이",
        "\u0336",
        "이년 ",
        "친구가 ",
        "!",
        "가!",
        "가!?.",
        "'가",
        "(('",
    ],
)
def test_a_long_text_takes_no_more_than_its_length_in_time(unit: str) -> None:
    def seconds(length: int) -> float:
        text = "가" + (unit * length)[: length - 1]
        began = time.perf_counter()
        readings(text)
        return time.perf_counter() - began

    seconds(200)
    short, long = min(seconds(500) for _ in range(3)), min(seconds(MAX_LENGTH) for _ in range(2))
    assert long < max(0.25, 30 * short)


def test_a_text_is_respelled_only_where_another_spelling_is_far_more_usual() -> None:
    usual = {"만나": 200, "나자": 200, " 만": 100, "자 ": 100}
    assert respell("만냐쟈", lambda first, second: usual.get(first + second, 0)) == "만나자"
    assert respell("만냐쟈", lambda first, second: 0) == "만냐쟈"
    assert respell("긴" * 500, lambda first, second: 0) == "긴" * 500
