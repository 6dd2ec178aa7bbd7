"""Reading and cleaning of the public text sets."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from training.corpus import clean, documents, is_korean
from training.errors import TrainingError

CHATBOT = "Q,A,label\n오늘 뭐 먹지,떡볶이 어때요,0\n심심해,같이 놀까요,0\n오늘 뭐 먹지,떡볶이 어때요,0\n이 시발 뭐야,그런 말은 싫어요,0\n"


def test_what_identifies_people_is_taken_out() -> None:
    assert (
        clean("전화는 010-1234-5678 이나 02-123-4567, 메일은 a.b@c.kr, 글은 https://x.kr/y 에")
        == "전화는 이나 , 메일은 , 글은 에"
    )


def test_ordinary_numbers_stay() -> None:
    assert clean("2024년 12월 22일 3시 1500원") == "2024년 12월 22일 3시 1500원"


def test_spaces_control_characters_and_long_runs_are_tidied() -> None:
    assert clean("와\u200b  진짜\u3000ㅋㅋㅋㅋㅋㅋㅋ\x07!!") == "와 진짜 ㅋㅋㅋ!!"


def test_text_that_is_mostly_not_korean_is_told_apart() -> None:
    assert is_korean("오늘 AI 공부했어")
    assert not is_korean("hello world 안녕")
    assert not is_korean("123 !!")


def test_a_set_is_read_from_a_folder_or_an_archive_without_repetitions_and_vulgar_lines(tmp_path: Path) -> None:
    (tmp_path / "folder" / "chatbot_data").mkdir(parents=True)
    (tmp_path / "folder" / "chatbot_data" / "ChatbotData.csv").write_text(CHATBOT, encoding="utf-8")
    (tmp_path / "archive").mkdir()
    with tarfile.open(tmp_path / "archive" / "chatbot_data.tar.xz", "w:xz") as archive:
        entry = tarfile.TarInfo("chatbot_data/ChatbotData.csv")
        entry.size = len(CHATBOT.encode())
        archive.addfile(entry, io.BytesIO(CHATBOT.encode()))
    for place in ("folder", "archive"):
        found = list(documents(tmp_path / place))
        assert [document.turns for document in found] == [("오늘 뭐 먹지", "떡볶이 어때요"), ("심심해", "같이 놀까요")]
        assert {document.kind for document in found} == {"talk"}


def test_a_limit_holds_for_its_kind(tmp_path: Path) -> None:
    (tmp_path / "nsmc").mkdir()
    rows = "".join(f"1\t{i}\t9\t정말 재미있게 본 영화 {i}번\n" for i in range(50))
    (tmp_path / "nsmc" / "nsmc_raw_reviews.tsv").write_text(
        "movie_id\treview_id\trating\treview\n" + rows, encoding="utf-8"
    )
    assert len(list(documents(tmp_path))) == 50
    assert len(list(documents(tmp_path, {"review": 100}))) < 10


def test_a_missing_or_empty_data_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="does not exist"):
        list(documents(tmp_path / "none"))
    with pytest.raises(TrainingError, match="none of the known sets"):
        list(documents(tmp_path))


def write(folder: Path, name: str, content: str | bytes) -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def test_a_missing_set_is_skipped_and_a_folder_without_any_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="does not exist"):
        list(documents(tmp_path / "nowhere"))
    with pytest.raises(TrainingError, match="none of the known sets"):
        list(documents(write(tmp_path, "other/notes.txt", "다른 글이에요, 모르는 모음이고요.")))
    write(tmp_path, "chatbot_data/ChatbotData.csv", CHATBOT)
    assert {document.kind for document in documents(tmp_path)} == {"talk"}


@pytest.mark.parametrize("space", ["\t", "\x0b", "\x85", "\u2003", "\u2028"])
def test_words_stay_apart_whatever_space_stands_between_them(space: str) -> None:
    assert clean(f"비가{space}온다").split() == ["비가", "온다"]
    assert space not in clean(f"비가{space}온다")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("내 번호는 01012345678이야", "내 번호는 이야"),
        ("+82 10-1234-5678로 해", "로 해"),
        ("010.1234.5678", ""),
        ("www.example.com 봐", "봐"),
        ("주소는 minji+x@mail.example.co.kr.", "주소는"),
        ("ㅠㅠㅠㅠㅠㅠ 진짜아아아아아", "ㅠㅠㅠ 진짜아아아"),
        ("ᄒ" + "ᅡ" + "ᆫ", "한"),
        ("\u200b안\ufeff녕\u202e", "안녕"),
    ],
)
def test_cleaning(text: str, kept: str) -> None:
    assert clean(text) == kept
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("chatbot_data/ChatbotData.csv", "a,b\n안녕하세요 반가워요,네 반가워요\n"),
        ("chatbot_data/ChatbotData.csv", "Q,A\n오늘 뭐 하고 있어\n"),
        ("nsmc/nsmc_raw_reviews.tsv", "id\tx\tr\tt\n1\t2\tten\t정말 좋은 영화였어요\n"),
        ("xpersona_ko/a.json", "{broken"),
        ("xpersona_ko/a.json", '[{"other": 1}]'),
        ("petitions/petitions_2017", '{"content": 5}\n'),
        ("chatbot_data.tar.xz", b"not an archive"),
        ("kowiki.tar.xz", b""),
    ],
)
def test_a_set_that_is_not_as_its_authors_published_it_is_named(
    name: str, content: str | bytes, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=name.split("/")[0].split(".")[0]):
        list(documents(write(tmp_path, name, content)))
