"""The measures of how a model talks."""

from __future__ import annotations

from training.dialogues import Dialogue
from training.evaluate import is_loop, measure, words_of

PLAIN = Dialogue("plain")


def table(*replies: str, firsts: list[list[str]] | None = None, known: set[str] | None = None) -> dict[str, object]:
    return measure(
        firsts or [["<감정:기쁨:0.5> 가", "<감정:기쁨:0.5> 나"]], [(PLAIN, reply) for reply in replies], known or set()
    )


def test_words_are_what_the_user_sees() -> None:
    assert words_of("<감정:기쁨:0.8> 안녕!") == "안녕!"
    assert words_of("안녕") == "안녕"


def test_loops_are_repetitions_and_ordinary_laughter_is_none() -> None:
    assert is_loop("그래서 그래서 그래서 그래서 그래서")
    assert is_loop("나는 밥을 먹었어 " * 6)
    assert not is_loop("ㅋㅋㅋ 진짜? 나도 그랬는데")
    assert not is_loop("오늘은 비가 와서 창문을 열어 두고 음악을 들었어")


def test_duplicates_are_counted_by_prompt() -> None:
    firsts = [["<감정:기쁨:0.5> 응", "<감정:평온:0.4> 응"], ["<감정:기쁨:0.5> 응", "<감정:기쁨:0.5> 아니"]]
    assert table("<감정:기쁨:0.5> 그래", firsts=firsts)["prompts with an exact duplicate among the samples"] == 0.5


def test_broken_replies_are_counted() -> None:
    found = table(
        "그래", "<감정:행복:0.5> 그래", "<감정:기쁨:0.5> 漢字", "<감정:기쁨:0.5> 3 그래", "<감정:기쁨:0.5> 그랬어요?"
    )
    assert found["malformed or missing tag"] == round(2 / 7, 4)
    assert found["foreign script or broken characters"] == round(1 / 7, 4)
    assert found["stray leading digit"] == round(1 / 7, 4)
    assert found["polite ending where plain speech is expected"] == 0.2


def test_replies_copied_from_the_training_data_are_counted_without_their_tags() -> None:
    assert table("<감정:기쁨:0.9> 잘 자", known={"잘 자"})["verbatim training replies"] == round(1 / 3, 4)
