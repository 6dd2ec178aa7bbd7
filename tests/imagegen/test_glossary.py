"""The glossary: its files are sound, large and free of doubles, and its words are found in text."""

from __future__ import annotations

import re

import pytest

from imagegen.errors import GlossaryError
from imagegen.glossary import FOLDER, SENSES, Entry, Glossary, bundled_glossary, read_glossary


def test_it_has_more_than_three_thousand_entries_on_all_subjects():
    glossary = bundled_glossary()
    assert len(glossary) >= 3000
    subjects = {entry.subject for entry in glossary.entries}
    asked = "people hair looks clothes expressions poses places rooms food animals plants weather light times seasons colours " \
            "materials moods styles camera actions korea fantasy vehicles music sports"  # fmt: skip
    assert set(asked.split()) <= subjects


def test_no_key_stands_twice_with_the_same_meaning_and_part():
    seen: dict[tuple[str, str, frozenset[str]], str] = {}
    for entry in read_glossary():
        key = (entry.key, entry.part, entry.cues)
        assert key not in seen, entry
        seen[key] = entry.english


def test_every_entry_is_korean_on_one_side_and_plain_english_on_the_other():
    for entry in read_glossary():
        assert re.search("[가-힣]", entry.korean) or entry.korean.isascii(), entry
        assert re.fullmatch(r"[A-Za-z0-9 ,.'{}&-]+", entry.english.replace("ü", "u")), entry
        assert entry.english == entry.english.strip()
        assert not re.match(r"(a|an|the) ", entry.english), entry


def test_every_cued_sense_differs_from_the_usual_one():
    glossary = bundled_glossary()
    assert (FOLDER / f"{SENSES}.tsv").is_file()
    for entry in glossary.entries:
        if entry.cues:
            usual = glossary.lemma(entry.korean) if entry.korean.endswith("다") else glossary.word(entry.key)
            assert usual is None or usual.english != entry.english or usual.part != entry.part, entry


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("여자\twoman", "columns"),
        ("여자\twoman\tnomen", "no part"),
        ("걷기\twalk\tverb", "ends in 다"),
        ("\twoman\tnoun", "columns"),
    ],
)
def test_a_faulty_line_is_told_with_file_and_number(tmp_path, line, said):
    (tmp_path / "people.tsv").write_text(f"남자\tman\tnoun\n{line}\n", encoding="utf-8")
    with pytest.raises(GlossaryError, match=rf"people\.tsv:2.*{said}"):
        read_glossary(tmp_path)


def test_a_doubled_key_is_told(tmp_path):
    (tmp_path / "a.tsv").write_text("벚꽃 길\tpath\tnoun\n", encoding="utf-8")
    (tmp_path / "b.tsv").write_text("벚꽃길\troad\tnoun\n", encoding="utf-8")
    with pytest.raises(GlossaryError, match=r"b\.tsv:1.*a\.tsv:1"):
        read_glossary(tmp_path)


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(GlossaryError, match="no glossary"):
        read_glossary(tmp_path)


def test_a_sense_holds_where_one_of_its_cues_is():
    glossary = Glossary(
        [Entry("눈", "eyes", "noun", "looks"), Entry("눈", "snow", "noun", "weather", frozenset({"내리다"}))]
    )
    assert glossary.word("눈", {"내리다"}).english == "snow"
    assert glossary.word("눈", {"크다"}).english == "eyes"


def test_an_unknown_compound_is_split_into_known_words():
    glossary = bundled_glossary()
    assert [entry.english for entry in glossary.split("장미정원")] == ["rose", "garden"]
    assert glossary.split("쀍쀍") is None
