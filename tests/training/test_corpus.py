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
