"""Lorebook: Korean keys, patterns, decorators, budget and recursion."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from character.lorebook import (
    Lorebook,
    LoreEntry,
    ScannedText,
    load_morphology,
    only_particles,
    read_decorators,
)


def entry(*keys: str, content: str = "내용", **more: Any) -> LoreEntry:
    return LoreEntry(keys, content, **more)


def called(book: Lorebook, *texts: str, **more: Any) -> list[str]:
    return [hit.content for hit in book.scan(texts, len, **more).hits]


def says(text: str, key: str) -> bool:
    return ScannedText(text).contains(key)


# --- Korean keys ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "texts"),
    [
        ("앨리스", "앨리스가 왔어|앨리스랑 놀았다|앨리스한테서도 들었어|앨리스!"),
        ("앨리스", "앨리스네 집|앨리스야|앨리스의 집|앨리스만이라도"),
        ("앨리스", "앨리스였어|앨리스인데|앨리스라고 해|앨리스 언니"),
        ("앨리스", "앨리스언니|앨리스들이|앨리스님께서|앨리스씨는요|우리앨리스가"),
        ("앨리스", "ㅋㅋ앨리스ㅋㅋ|앨리스ㅠㅠ|앨리스😀가|앨리스지?"),
        ("앨리스", "앨리스구나|앨리스예요|앨리스니까|앨리스잖아|'앨리스'라는 책"),
        ("노을", "노을이가 휴가 나왔대|노을이 예뻐|노을아|노을이네|노을이랑"),
        ("노을", "노을로|노을이한테도|노을공원|노을님|저녁 노을이 예뻐"),
        ("별", "별이 예쁘다|별 보러 가자|별들이 많아|별을 봤어|별아 안녕|별"),
        ("별", "별!|저 별 봐|별도 예쁘고|별은요|별까지|별이잖아|별님"),
        ("귤", "귤 먹자|귤이 좋아|귤껍질|오 귤이다"),
        ("해", "해가 떴어|해 뜬다|해를 봤어"),
        ("오이", "오이는 싫어|오이도|오이야|오이냉국"),
        ("카이", "카이가 왔어|카이랑|카이야"),
        ("떡볶이", "떡볶이집|밀떡볶이|로제떡볶이 먹자"),
        ("강릉", "강릉가는 기차|강릉행 버스|강릉이야"),
        ("라면", "라면먹음|라면도 좋아"),
        ("연구", "연구를|연구했어|연구중이야|연구 중"),
        ("지나", "지나가 왔어|지나한테 물어봐|지나예요"),
        ("필름 사진", "필름 사진 찍자|필름사진을|필름  사진이|필름\n사진도"),
    ],
)  # fmt: skip
def test_a_key_matches_with_whatever_particle_follows(key: str, texts: str) -> None:
    assert [text for text in texts.split("|") if not says(text, key)] == []


@pytest.mark.parametrize(
    ("key", "texts"),
    [
        ("앨리스", "앨리스테어가 왔어|앨리스테어|앨리스테어는 누구야|앨리스테어 경|앨리스타|앨리스터가|앨리슨"),
        ("별", "이별했어|별로야|별로 안 좋아|특별한 날|개별적으로|별로|별로였어"),
        ("별", "별나다|별의별|작별|별수 없네|차별|별명이 뭐야|별도로"),
        ("노을", "노 을|노올"),
        ("오이", "오이지 먹자|오이디푸스|오이도에 갔어|오이지가"),
        ("카이", "카이사르|카이로 여행|카이스트"),
        ("미나", "미나리 무침|미나리가"),
        ("도로", "도로시|도로시가"),
        ("에리", "에리카가"),
        ("릴리", "릴리안|릴리안이"),
        ("루나", "루나틱"),
        ("연구", "연구원|연구실"),
        ("사진", "사진관|사진관에서"),
        ("지나", "지나가 버렸다|시간이 지나고|지나갔어"),
        ("해", "나도 해|해 봤어|해야 해|올해|해로운"),
        ("배", "배고파|배우"),
        ("라면", "놀라면 안 돼|지금이라면|자라면"),
        ("냥이", "그냥이야"),
    ],
)  # fmt: skip
def test_a_key_does_not_match_inside_another_word(key: str, texts: str) -> None:
    assert [text for text in texts.split("|") if says(text, key)] == []


def test_a_verb_in_dictionary_form_matches_its_inflections() -> None:
    assert all(says(text, "떠나다") for text in ("어제 떠났어", "떠나자", "안 떠날게", "떠나다"))
    assert says("나 그 얘기 들었어", "듣다")
    assert says("사랑해", "사랑하다")
    assert not says("미워해", "사랑하다")
    assert not says("바닥이 차", "바다")


def test_particles_must_agree_with_the_word_before_them() -> None:
    assert only_particles("스", "가")
    assert only_particles("스", "한테서도")
    assert only_particles("을", "로")
    assert only_particles("람", "으로")
    assert only_particles("을", "이네")
    assert not only_particles("스", "은")
    assert not only_particles("람", "로")
    assert not only_particles("스", "테어")


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("GPU", "gpu가 터졌어", True),
        ("GPU", "새GPU야", True),
        ("GPU", "GPUs", False),
        ("cat", "category, concat", False),
        ("cat", "a Cat!", True),
        ("ice cream", "ice  cream", True),
        ("C++", "나 C++해", True),
        ("Москва", "москва!", True),
        ("東京", "東京都に行く", True),
        ("", "아무 말", False),
        ("   ", "아무 말", False),
    ],
)
def test_keys_of_other_scripts_match_whole_words(key: str, text: str, found: bool) -> None:
    assert says(text, key) is found


def test_decomposed_hangul_is_found_too() -> None:
    assert says(unicodedata.normalize("NFD", "앨리스가 왔어"), "앨리스")
    assert says("앨리스가 왔어", unicodedata.normalize("NFD", "앨리스"))


def test_case_counts_only_where_the_entry_says_so() -> None:
    assert called(Lorebook((entry("Rome"),)), "rome") == ["내용"]
    assert called(Lorebook((entry("Rome", case_sensitive=True),)), "rome") == []


def test_the_analyser_is_loaded_only_when_a_key_needs_it() -> None:
    program = """
import sys
from character.lorebook import Lorebook, LoreEntry
book = Lorebook((LoreEntry(("앨리스",), "x"), LoreEntry(("별",), "y")))
assert not book.scan(["특별한 얘기 없이 그냥 잡담"], len).hits
assert len(book.scan(["앨리스는 왔어? 앨리스한테서도 들었어", "앨리스!"], len).hits) == 1
assert "kiwipiepy" not in sys.modules, "loaded without need"
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_analyser_is_one_for_all_threads() -> None:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(load_morphology())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(kiwi) for kiwi in found}) == 1


# --- Entries ----------------------------------------------------------------------------------------------------------


def test_hits_name_the_key_and_the_text_and_stand_in_insertion_order() -> None:
    book = Lorebook(
        (entry("귤", content="b", insertion_order=2), entry("바다", "강릉", content="a", insertion_order=1))
    )
    hits = book.scan(["강릉은 멀어", "귤 먹자"], len).hits
    assert [(hit.content, hit.key, hit.text) for hit in hits] == [("a", "강릉", 0), ("b", "귤", 1)]


def test_before_char_stands_before_after_char() -> None:
    book = Lorebook(
        (entry("귤", content="after", position="after_char"), entry("귤", content="before", insertion_order=9))
    )
    assert called(book, "귤 먹자") == ["before", "after"]


def test_a_disabled_or_empty_entry_is_never_called() -> None:
    book = Lorebook((entry("귤", enabled=False, constant=True), entry("귤", content=" ")))
    assert called(book, "귤 먹자") == []


def test_a_constant_entry_needs_no_key() -> None:
    hit = Lorebook((entry("귤", constant=True),)).scan([], len).hits[0]
    assert (hit.key, hit.text) == ("", None)


def test_a_selective_entry_needs_a_key_of_each_kind() -> None:
    book = Lorebook((entry("귤", secondary_keys=("제주", "강릉"), selective=True),))
    assert called(book, "귤 먹자") == []
    assert called(book, "강릉에서", "귤 먹자") == ["내용"]
    assert called(Lorebook((entry("귤", secondary_keys=("제주",)),)), "귤 먹자") == ["내용"]
    assert called(Lorebook((entry("귤", selective=True),)), "귤 먹자") == ["내용"]


def test_only_the_newest_texts_are_scanned() -> None:
    texts = ["강릉이 그리워", "응", "그래"]
    assert called(Lorebook((entry("강릉"),), scan_depth=2), *texts) == []
    assert called(Lorebook((entry("강릉"),), scan_depth=3), *texts) == ["내용"]
    assert called(Lorebook((entry("강릉"),), scan_depth=0), *texts) == []
    assert called(Lorebook((entry("강릉"),)), *texts, "좋아", "아니") == []
    assert called(Lorebook((entry("강릉", content="@@scan_depth 3\n내용"),), scan_depth=1), *texts) == ["내용"]


def test_entries_of_low_priority_give_way_to_the_token_budget() -> None:
    book = Lorebook(
        (
            entry("귤", content="가나다라", priority=1, name="low"),
            entry("귤", content="abcd", priority=9, insertion_order=5),
            entry("귤", content="x", priority=0),
        ),
        token_budget=5,
    )
    scan = book.scan(["귤 먹자"], len)
    assert [hit.content for hit in scan.hits] == ["x", "abcd"]
    assert [(drop.entry.name, drop.reason) for drop in scan.dropped] == [("low", "budget: 4 tokens, 1 of 5 left")]


def test_the_smaller_of_book_and_prompt_budget_counts() -> None:
    book = Lorebook((entry("귤", content="abcd"),), token_budget=100)
    assert called(book, "귤", budget=3) == []


def test_without_priority_the_insertion_order_decides_who_stays() -> None:
    book = Lorebook(
        (entry("귤", content="aa", insertion_order=1), entry("귤", content="bb", insertion_order=2)), token_budget=2
    )
    assert called(book, "귤") == ["bb"]


def test_entries_call_entries_only_where_the_book_allows_it() -> None:
    entries = (
        entry("귤", content="제주에서 온다."),
        entry("제주", content="남쪽 섬. 한라산이 있다."),
        entry("한라산", content="높다."),
    )
    assert called(Lorebook(entries), "귤 먹자") == ["제주에서 온다."]
    scan = Lorebook(entries, recursive_scanning=True).scan(["귤 먹자"], len)
    assert [(hit.key, hit.text, hit.called_by) for hit in scan.hits] == [
        ("귤", 0, ""), ("제주", None, "귤"), ("한라산", None, "제주"),
    ]  # fmt: skip


def test_entries_that_call_each_other_come_once() -> None:
    entries = (entry("귤", content="감귤과 배"), entry("배", content="귤과 배", secondary_keys=("귤",), selective=True))
    assert len(called(Lorebook(entries, recursive_scanning=True), "귤 먹자")) <= 2


def test_a_hidden_key_calls_entries_and_is_not_shown() -> None:
    entries = (entry("귤", content="새콤하다.{{hidden_key:제주}}"), entry("제주", content="섬."))
    hits = Lorebook(entries, recursive_scanning=True).scan(["귤"], len, expand=lambda t: t.partition("{{")[0]).hits
    assert [hit.content for hit in hits] == ["새콤하다.", "섬."]


def test_macros_in_keys_and_passages_are_expanded() -> None:
    book = Lorebook((entry("{{char}}", content="{{char}}의 이야기"),))
    assert called(book, "오로라가 왔다", expand=lambda text: text.replace("{{char}}", "오로라")) == ["오로라의 이야기"]


# --- Patterns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("/앨리스(가|는)/", "앨리스는", True),
        ("/ALICE/i", "alice", True),
        ("/ALICE/", "alice", False),
        ("/^둘/m", "하나\n둘", True),
        ("/하나.둘/s", "하나\n둘", True),
        (r"/\p{Script=Hangul}{2}/u", "가나", True),
        (r"/(?<두>.)\k<두>/", "ㅋㅋ", True),
        (r"/\u{1F600}/u", "😀", True),
        ("/[^]/", "\n", True),
        ("/x{e<=3}/", "yyy", False),
        (r"/^\/명령/", "/명령", True),
        ("앨리스|토끼", "토끼가 간다", True),
        ("앨리스", "앨리스테어", False),
        ("앨리스", "앨리스한테", True),
        ("뭐해?", "뭐해?", True),
    ],
)
def test_use_regex_takes_javascript_patterns_and_leaves_words_words(key: str, text: str, found: bool) -> None:
    assert bool(called(Lorebook((entry(key, use_regex=True),)), text)) is found


def test_without_use_regex_a_pattern_is_only_text() -> None:
    assert called(Lorebook((entry("/a|b/"),)), "a") == []
    assert called(Lorebook((entry("/a|b/"),)), "so /a|b/ it is") == ["내용"]


@pytest.mark.parametrize(
    "pattern", ["/(/", "/a/q", "/[z-a]/", "/" + "(" * 900 + "/", "/" + "a" * 3000 + "/", r"/\u{110000}/"]
)
def test_an_invalid_pattern_is_reported_and_the_other_keys_still_work(pattern: str) -> None:
    scan = Lorebook((entry(pattern, "귤", use_regex=True, name="이름"),)).scan(["귤 먹자"], len)
    assert [hit.key for hit in scan.hits] == ["귤"]
    assert len(scan.problems) == 1
    assert "이름" in scan.problems[0]
    assert "not a valid pattern" in scan.problems[0]


def test_catastrophic_patterns_cannot_hold_up_a_turn() -> None:
    entries = tuple(entry(f"/(?:{'a|' * n}aa)+$/", use_regex=True) for n in range(1, 40))
    begin = time.monotonic()
    scan = Lorebook(entries).scan(["a" * 200 + "b"] * 4, len)
    assert time.monotonic() - begin < 2
    assert scan.hits == ()
    assert any("too long" in problem for problem in scan.problems)


# --- Decorators -------------------------------------------------------------------------------------------------------


def test_decorators_are_read_and_leave_the_text() -> None:
    read = read_decorators("@@depth 4\n@@role system\n@@exclude_keys a, b\n\n@@risu_only x\n본문\n@@depth 9")
    assert (read.text, read.depth, read.exclude_keys) == ("본문\n@@depth 9", 4, ("a", "b"))
    assert read.ignored == ("@@risu_only x",)


def test_a_fallback_counts_where_the_decorator_above_is_ignored() -> None:
    assert read_decorators("@@unknown 1\n@@@unknown_too 2\n@@@scan_depth 7\n@@@scan_depth 8\n글").scan_depth == 7
    assert read_decorators("@@scan_depth 3\n@@@scan_depth 8\n글").scan_depth == 3
    assert read_decorators("@@depth zwei\n@@@depth 2\n@@depth 5\n글").depth == 2


def test_content_of_decorators_alone_adds_nothing() -> None:
    assert called(Lorebook((entry("귤", content="@@activate\n@@depth 1"),)), "귤") == []


def test_activation_decorators_rule_over_keys() -> None:
    assert called(Lorebook((entry("귤", content="@@activate\n글"),)), "아무 말") == ["글"]
    assert called(Lorebook((entry("귤", content="@@dont_activate\n글"),)), "귤") == []
    assert called(Lorebook((entry("귤", content="@@dont_activate\n@@activate\n글"),)), "귤") == ["글"]
    after = Lorebook((entry("귤", content="@@activate_only_after 3\n글"),))
    assert [bool(called(after, "귤", replies=n)) for n in (0, 2, 3, 4)] == [False, False, True, True]
    every = Lorebook((entry("귤", content="@@activate_only_every 2\n글"),))
    assert [bool(called(every, "귤", replies=n)) for n in (1, 2, 3, 4)] == [False, True, False, True]
    assert called(after, "귤") == ["글"]


def test_additional_and_excluded_keys_narrow_a_match() -> None:
    book = Lorebook((entry("귤", content="@@additional_keys 제주,강릉\n@@exclude_keys 겨울\n글"),))
    assert called(book, "귤") == []
    assert called(book, "귤은 제주에서") == ["글"]
    assert called(book, "귤은 제주에서 겨울에") == []


def test_depth_puts_entries_last_and_the_smallest_depth_at_the_end() -> None:
    book = Lorebook(
        (
            entry("귤", content="@@depth 1\n1"),
            entry("귤", content="@@depth 4\n4"),
            entry("귤", content="after", position="after_char", insertion_order=99),
            entry("귤", content="@@position before_desc\n@@depth 2\nbefore", position="after_char"),
        )
    )
    assert called(book, "귤") == ["before", "after", "4", "1"]


def test_an_entry_that_yields_to_a_full_context_goes_first() -> None:
    entries = (entry("귤", content="@@ignore_on_max_context\naa", priority=9), entry("귤", content="bb", priority=1))
    assert called(Lorebook(entries, token_budget=2), "귤") == ["bb"]


# --- Hostile ----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(
    st.text(alphabet="앨리스별로가 다ab/(|)*?\n\u1100\u1161😀", max_size=30),
    st.text(alphabet="앨리스별로가 다ab/(|)*?\n\u1100\u1161😀", max_size=12),
    st.booleans(),
)
def test_no_text_and_no_key_break_a_scan(text: str, key: str, use_regex: bool) -> None:
    Lorebook((entry(key, use_regex=use_regex),), recursive_scanning=True).scan([text, text], len)


def test_a_message_full_of_a_key_is_scanned_in_time() -> None:
    load_morphology()
    begin = time.monotonic()
    Lorebook((entry("별"), entry("앨리스"))).scan(["별로" * 10_000, "앨리스테어 " * 5_000, "별 로" * 10_000], len)
    assert time.monotonic() - begin < 3


def test_two_thousand_entries_are_scanned_in_time() -> None:
    book = Lorebook(tuple(entry(f"열쇠{n}호", f"key{n}") for n in range(2000)), recursive_scanning=True)
    begin = time.monotonic()
    assert len(called(book, "key7을 봐", "열쇠1999호가 여기")) == 2
    assert time.monotonic() - begin < 1
