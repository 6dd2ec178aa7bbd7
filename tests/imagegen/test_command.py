"""``python -m imagegen prompt``."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from imagegen.__main__ import main
from tests.imagegen.tiny_text_encoders import tiny_tokenizer

WISH = "노란 우산을 쓴 여자가 벚꽃길을 걷는다"


def test_it_prints_every_step(capsys):
    assert main(["prompt", WISH, "--embedder", "none"]) == 0
    printed = capsys.readouterr().out
    for name in (
        "wish",
        "paraphrases",
        "translation",
        "keywords",
        "profile",
        "prompt",
        "prompt_2",
        "negative",
        "tokens",
        "unknown",
    ):
        assert name in printed
    assert "yellow umbrella" in printed


def test_json_holds_the_tokens_of_each_chunk_with_their_weights(capsys, tmp_path):
    tiny_tokenizer().save_pretrained(tmp_path)
    assert main(["prompt", WISH, "--embedder", "none", "--json", "--tokenizer", str(tmp_path)]) == 0
    read = json.loads(capsys.readouterr().out)
    report = read["tokens"]["prompt_2"]
    assert report["exact"]
    assert [len(chunk) for chunk in report["weights"]] == report["chunks"]
    assert any(weight != 1 for chunk in report["weights"] for _, weight in chunk)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["prompt", "  "], "the wish is empty"),
        (["prompt", "고양이", "--profile", "x"], "no profile 'x'"),
        (["prompt", "고양이", "--paraphrases", "0"], "between 1 and 20"),
        (["prompt", "고양이", "--tokenizer", "./nothing"], "no folder ./nothing"),
        (["prompt", "고양이", "--translator", "./nothing"], "no folder ./nothing"),
        (["prompt", "고양이", "--embedder", "./nothing"], "no folder ./nothing"),
        (["prompt", "a (cat", "--embedder", "none"], "never closed"),
    ],
)
def test_bad_input_is_told_in_one_line(capsys, arguments, said):
    assert main(arguments) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("error: ")
    assert said in errors
    assert errors.count("\n") == 1


def test_coverage_tells_what_the_glossary_knows(capsys, tmp_path):
    (tmp_path / "a.txt").write_text("여자가 우산을 쓴다\n뷁쑬라가 해킹한다\n", encoding="utf-8")
    assert main(["coverage", str(tmp_path / "a.txt")]) == 0
    printed = capsys.readouterr().out
    assert "verbs and adjectives: 1 of 2 known (50.0%)" in printed
    assert "해킹하다 1" in printed
    assert main(["coverage", str(tmp_path / "none.txt")]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom imagegen.__main__ import main\n"
        "try: main(['prompt', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'transformers', 'kiwipiepy', 'numpy', 'rich'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120).returncode == 0


def test_imagegen_does_not_know_its_neighbours():
    code = (
        "import sys, imagegen.prompt, imagegen.prompt_command, imagegen.encoding, imagegen.hub_translator\n"
        "assert not {name.partition('.')[0] for name in sys.modules} & {'rag', 'stylegan', 'server', 'character', 'training'}"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=300).returncode == 0
