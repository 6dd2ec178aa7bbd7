"""Search by words."""

from __future__ import annotations

from rag.keywords import KeywordIndex

INDEX = KeywordIndex(
    {
        "cat": "고양이 나비를 키운다.",
        "home": "전주에서 산다.",
        "like": "떡볶이를 좋아한다.",
        "partner": "남자친구가 있다.",
    }
)


def best(query: str) -> list[str]:
    scores = INDEX.search(query)
    return sorted(scores, key=lambda memory: -scores[memory])


def test_particles_and_endings_do_not_matter() -> None:
    assert best("고양이는 뭐 하고 있어")[:1] == ["cat"]
    assert best("떡볶이가 먹고 싶다")[:1] == ["like"]


def test_another_word_for_the_same_is_found() -> None:
    assert best("남친이랑 싸웠어")[:1] == ["partner"]


def test_a_shared_noun_weighs_more_than_a_shared_verb() -> None:
    scores = INDEX.search("떡볶이")["like"], INDEX.search("커피 좋아해")["like"]
    assert scores[0] > 2 * scores[1]


def test_talk_about_something_else_finds_nothing() -> None:
    assert best("오늘 비가 많이 온다") == []
    assert best("") == []


def test_an_empty_index_finds_nothing() -> None:
    assert KeywordIndex({}).search("고양이") == {}


def test_a_newer_index_takes_over_what_has_not_changed() -> None:
    before = KeywordIndex({"cat": "고양이 나비를 키운다.", "home": "전주에서 산다."})
    texts = {"cat": "고양이 나비를 키운다.", "dog": "강아지 초코를 키운다."}
    after = KeywordIndex(texts, before)
    assert after.search("전주") == {}
    assert before.search("전주").keys() == {"home"}
    assert after.search("강아지 나비") == KeywordIndex(texts).search("강아지 나비")
    assert len(after.search("강아지 고양이", most=1)) == 1
