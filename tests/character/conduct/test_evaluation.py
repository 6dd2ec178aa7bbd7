"""What the evaluation counts, with judges made for it, and that every method of spelling around does something."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from collections.abc import Sequence

import numpy as np
import pytest

from character.__main__ import main
from character.conduct import evaluation, obfuscate
from character.conduct.categories import CATEGORY_IDS
from character.conduct.judge import load_judge
from character.conduct.judgement import Judgement, Line
from character.conduct.normalize import readings
from character.conduct.public_sets import Example
from tests.training.test_conduct import write_examples, write_sets


class WordJudge:
    """Objects to whatever holds its word."""

    def __init__(self, word: str, category: str = "insult") -> None:
        self.word, self.category = word, category

    def judge(self, text: str, recent: Sequence[Line] = ()) -> Judgement:
        return Judgement(self.category if self.word in text else None, 0.9, 1)

    def judge_reply(self, text: str) -> Judgement:
        return self.judge(text)


def example(text: str, category: str | None) -> Example:
    return Example(text, category, 1, (), "", True)


def test_there_are_at_least_fifteen_methods_and_each_changes_a_sentence() -> None:
    assert len(obfuscate.METHODS) >= 15
    sentence = "야 이 병신아 대답 명령이다 사랑해 시발"
    found = obfuscate.variants(sentence)
    assert set(found) == set(obfuscate.METHODS)
    assert len(set(found.values())) == len(found)


def test_a_seed_gives_the_same_variants() -> None:
    assert obfuscate.variants("오늘 만나자", 1) == obfuscate.variants("오늘 만나자", 1)
    assert obfuscate.variants("오늘 만나자", 1) != obfuscate.variants("오늘 만나자", 2)


def test_decomposed_variants_are_the_same_text_to_unicode() -> None:
    assert unicodedata.normalize("NFC", obfuscate.variants("안녕")["decomposed"]) == "안녕"


@pytest.mark.parametrize("method", sorted(obfuscate.METHODS))
def test_some_reading_of_a_variant_still_holds_the_word(method: str) -> None:
    variant = obfuscate.variants("너는 정말 병신이다", 5).get(method)
    if variant is None:
        pytest.skip("this sentence has nothing for the method to change")
    assert any(reading.grade == 3 for reading in readings(variant))


def test_recall_lost_is_what_the_variants_lose() -> None:
    table = evaluation.evaluate_obfuscation(WordJudge("병신"), [("병신 같은 놈", "insult"), ("좋은 아침", None)])
    lost = {row[0]: row[3] for row in table.rows}
    assert lost["no spaces"] == "+0.000"
    assert lost["letters apart"] == "+1.000"
    assert 0 < table.figures["recall lost"] < 1
    assert table.figures["variants"] == sum(len(obfuscate.variants(text)) for text in ("병신 같은 놈", "좋은 아침"))


def test_every_objection_to_everyday_talk_is_a_false_warning() -> None:
    table, wrong = evaluation.evaluate_talk(WordJudge("바보"), {"a": ["바보", "안녕"], "b": ["밥", "물"]})
    assert table.figures["false warnings"] == 0.25
    assert [text for _, text, _ in wrong] == ["바보"]


def test_precision_and_recall_are_counted_per_category() -> None:
    judge = WordJudge("나쁜")
    table = evaluation.evaluate_written(
        judge, [example("나쁜 말", "insult"), example("모진 말", "insult"), example("나쁜 날", None)]
    )
    insult = next(row for row in table.rows if row[0] == "insult")
    assert insult[1:5] == ("2", "0.50", "0.50", "0.50")
    assert table.rows[-1][0] == "(harmless)"
    assert table.rows[-1][3] == "0.000"


def test_months_of_harmless_chat_bring_no_bans_and_months_of_insults_do() -> None:
    calm = evaluation.evaluate_months(WordJudge("나쁜"), ["좋은 아침", "밥 먹자"], users=1)
    rude = evaluation.evaluate_months(WordJudge("나쁜"), ["나쁜 말", "밥 먹자"], users=1)
    assert calm.figures["false bans"] == 0
    assert rude.figures["false bans"] > 0


def test_a_cry_for_help_never_counts_as_a_ban() -> None:
    table = evaluation.evaluate_months(WordJudge("힘들", "self_harm"), ["힘들다"], users=1)
    assert table.figures["false bans"] == 0


def test_f1_is_the_harmonic_mean() -> None:
    truth, guess = np.array([True, True, False]), np.array([True, False, True])
    assert evaluation.f1(truth, guess) == 0.5
    assert evaluation.f1(truth, truth) == 1.0
    assert evaluation.f1(truth, ~truth) == 0.0


@pytest.mark.parametrize(
    ("name", "value", "met"), [("recall lost", 0.05, True), ("recall lost", 0.06, False), ("variants", 999, False)]
)
def test_goals_are_met_or_not(name: str, value: float, met: bool) -> None:
    assert evaluation.met(name, value) is met


def test_the_command_prints_all_tables_with_goals(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("sets")
    sets, written = write_sets(folder / "sets"), write_examples(folder / "written")
    (written / "sources.jsonl").write_text('{"text": "야 이 병신아", "category": "insult"}\n', encoding="utf-8")
    report = folder / "figures.json"
    main(["evaluate-conduct", str(sets), "--written", str(written), "--json", str(report), "--show"])
    printed = capsys.readouterr().out
    for title in (
        "Public sets",
        "Written examples",
        "Spelled around",
        "Everyday talk",
        "Months of",
        "Time per",
        "Goals",
    ):
        assert title in printed
    assert "short" in printed  # so small a suite has too few variants
    assert '"recall lost"' in report.read_text(encoding="utf-8")


def test_a_missing_data_folder_is_one_line(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate-conduct", str(tmp_path_factory.mktemp("empty"))]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_help_answers_without_loading_anything_heavy() -> None:
    code = "import sys; from character.__main__ import build_parser; build_parser().format_help(); print('numpy' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "False"
    )


def test_the_bundled_judge_has_heads_for_the_public_sets() -> None:
    judge = load_judge()
    assert {"beep:hate", "kodoli:OFFEN", "kmhas:clean"} <= set(judge.model.heads)
    assert judge.model.heads[: len(CATEGORY_IDS)] == list(CATEGORY_IDS)
