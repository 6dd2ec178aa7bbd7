"""Preference tuning, for a few steps on tiny real models."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from character.card import builtin_card
from tests.fakes import ScriptedModel
from tests.server.conftest import Start
from tests.tiny_models import tiny_llama, tiny_lora
from training import kto, merge
from training.errors import TrainingError
from training.preferences import Labelled, from_feedback, load_labelled, load_moments, split


def written(title: str, **more: object) -> str:
    row = {
        "title": title,
        "now": "금요일 저녁 7시",
        "history": [["안녕", "평온 0.5: 안녕! 오늘 어땠어?"]],
        "user": "내일 뭐해?",
        "good": ["기쁨 0.5: 내일 토요일이잖아. 늦잠부터 자야지."],
        "bad": [["weekday", "기쁨 0.5: 내일 월요일이라 학교 가야 돼."], ["broken_tag", "raw:<감정:기쁨 응 내일"]],
    }
    return json.dumps(row | more, ensure_ascii=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kto")
    base = tiny_llama(path / "base", max_position_embeddings=4096)
    tiny_lora(path / "adapter", base, target_modules="all-linear")
    lines = [written(f"순간 {number}") for number in range(12)]
    (path / "labelled.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return path


def tune(folder: Path, out: Path, *more: str) -> int:
    usual = {
        "--preferences": str(folder / "labelled.jsonl"), "--base": str(folder / "base"), "--out": str(out),
        "--start": str(folder / "adapter"), "--device": "cpu", "--batch": "4", "--max-length": "3000", "--least": "5",
        "--learning-rate": "1e-3",
    }  # fmt: skip
    if "--from-feedback" in more:
        del usual["--preferences"]
    given = usual | dict(zip(more[::2], more[1::2], strict=True))
    return kto.main([part for pair in given.items() for part in pair])


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_tuning_changes_the_adapter_and_nothing_else_and_reports_before_and_after(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, adapter = folder / "base" / "model.safetensors", folder / "adapter" / "adapter_model.safetensors"
    before = digest(base), digest(adapter)
    assert tune(folder, tmp_path / "out", "--epochs", "4") == 0
    assert (digest(base), digest(adapter)) == before
    assert digest(tmp_path / "out" / "adapter_model.safetensors") != before[1]
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    sides = report["held_out"]
    assert sides["after"]["loss of bad"] - sides["after"]["loss of good"] > (
        sides["before"]["loss of bad"] - sides["before"]["loss of good"]
    )
    assert "before" in capsys.readouterr().out
    assert {"curve.png", "curve.jsonl"} <= {file.name for file in (tmp_path / "out").iterdir()}
    assert str(folder) not in json.dumps(report)


def test_the_tuned_adapter_holds_no_second_one_and_loads_into_the_base(folder: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    assert tune(folder, tmp_path / "out") == 0
    names = set(load_file(tmp_path / "out" / "adapter_model.safetensors"))
    assert names == set(load_file(folder / "adapter" / "adapter_model.safetensors"))
    PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder / "base"), tmp_path / "out")


def test_a_merged_model_says_what_base_and_adapter_say(folder: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base, adapter, out = str(folder / "base"), folder / "adapter", tmp_path / "merged"
    assert merge.main(["--base", base, "--adapter", str(adapter), "--out", str(out), "--dtype", "float32"]) == 0
    ids = torch.tensor([[5, 17, 99, 3]])
    with torch.no_grad():
        expected = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)(ids).logits
        bare = AutoModelForCausalLM.from_pretrained(base)(ids).logits
        found = AutoModelForCausalLM.from_pretrained(out)(ids).logits
    assert torch.allclose(found, expected, atol=1e-4)
    assert not torch.allclose(bare, expected, atol=1e-2)


def test_merging_never_overwrites(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        merge.main(["--base", str(folder / "base"), "--adapter", str(folder / "adapter"), "--out", str(tmp_path)]) == 1
    )
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--preferences", "/nowhere.jsonl"], "does not exist"),
        (["--from-feedback", "/nowhere.sqlite3"], "does not exist"),
        (["--least", "500"], "at least 500 of each"),
        (["--start", "/nowhere"], "is not a LoRA adapter"),
        (["--base", "/nowhere"], "cannot be loaded"),
        (["--batch", "1"], "at least 2"),
        (["--max-length", "10"], "no reply fits"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_no_adapter(
    arguments: list[str], problem: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune(folder, tmp_path / "out", *arguments) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert problem in error
    assert not (tmp_path / "out" / "adapter_config.json").exists()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{no json", "not JSON"),
        ('["a list"]', "one JSON object"),
        (written("a", user=7), "'user' must be text"),
        (written("a", now="someday"), "'now' reads like"),
        (written("a", good=["기쁨 0.5 no colon"]), "a reply reads"),
        (written("a", good=["격노 0.5: 그래"]), "a reply reads"),
        (written("a", bad=[["ugly", "기쁨 0.5: 그래"]]), "the reason 'ugly'"),
        (written("a", good=[], bad=[]), "neither a good nor a bad"),
        (written("a", history=["안녕"]), "list of pairs"),
    ],
)
def test_a_malformed_line_is_named(line: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(written("fine") + "\n" + line, encoding="utf-8")
    with pytest.raises(TrainingError, match=problem) as caught:
        load_moments(path)
    assert "mine.jsonl:2" in str(caught.value)


def test_other_encodings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(written("a").encode("cp949"))
    with pytest.raises(TrainingError, match="not UTF-8"):
        load_moments(path)


def test_a_moment_becomes_the_prompt_the_server_would_show(folder: Path) -> None:
    labelled = load_labelled(folder / "labelled.jsonl", builtin_card(), seed=0)
    first = labelled[0]
    assert [role for role, _ in first.prompt] == ["system", "user", "assistant", "user"]
    assert "금요일" in first.prompt[0][1]
    assert first.prompt[2][1] == "<감정:평온:0.5> 안녕! 오늘 어땠어?"
    assert [(reply.reply, reply.good) for reply in labelled[:3]] == [
        ("<감정:기쁨:0.5> 내일 토요일이잖아. 늦잠부터 자야지.", True),
        ("<감정:기쁨:0.5> 내일 월요일이라 학교 가야 돼.", False),
        ("<감정:기쁨 응 내일", False),
    ]


def test_good_and_bad_weigh_the_same_in_sum() -> None:
    def some(good: int, bad: int) -> list[Labelled]:
        return [Labelled(str(i), (), "", i < good) for i in range(good + bad)]

    for good, bad in ((3, 9), (9, 3), (4, 4)):
        desirable, undesirable = kto.weights(some(good, bad))
        assert desirable * good == pytest.approx(undesirable * bad)
        assert min(desirable, undesirable) == 1.0


def test_no_moment_is_both_trained_and_held_out() -> None:
    labelled = [Labelled(f"순간 {i // 3}", (), str(i), i % 3 == 0) for i in range(300)]
    for some in (labelled, labelled[:6]):
        kept, held = split(some)
        assert kept
        assert held
        assert not {reply.title for reply in kept} & {reply.title for reply in held}


def test_separation_is_the_chance_that_a_good_reply_is_likelier_than_a_bad_one() -> None:
    labelled = [Labelled("a", (), "x", True), Labelled("a", (), "y", False, "parrot"), Labelled("b", (), "z", False)]
    found = kto.measure(labelled, [1.0, 2.0, 0.5])
    assert (found["separation"], found["pairs won"]) == (0.5, 1.0)
    assert found["loss by reason"] == {"parrot": 2.0}


async def test_marks_of_users_become_labelled_replies_with_the_talk_before_them(start: Start, tmp_path: Path) -> None:
    server = await start(ScriptedModel())
    client = await server.client("minji")
    chat = await client.new_chat(greeting=0)
    await client.say(chat, "나 고양이 키워")
    done = await client.say(chat, "이름은 나비야")
    await client.send("feedback", chat, message=done["data"]["reply"]["id"], good=True)
    other = await server.client("juno")
    theirs = await other.new_chat(greeting=0)
    done = await other.say(theirs, "뭐해")
    await other.send("feedback", theirs, message=done["data"]["reply"]["id"], good=False)
    await client.ask("ping")
    await other.ask("ping")  # marks have no answer of their own
    database = str(tmp_path / "ohlora.sqlite3")
    found = await asyncio.to_thread(from_feedback, database)
    assert [reply.good for reply in found] == [True, False]
    assert [content for role, content in found[0].prompt if role == "user"] == ["나 고양이 키워", "이름은 나비야"]
    assert found[0].prompt[0][0] == "system"
    assert found[0].reply.startswith("<감정:기쁨:0.8> 이름은 나비야라고 했지?")
    assert [reply.good for reply in await asyncio.to_thread(from_feedback, database, account="juno")] == [False]


def test_a_file_that_is_no_database_of_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.sqlite3").write_bytes(b"not a database at all" * 100)
    with pytest.raises(TrainingError, match="no database of this server"):
        from_feedback(str(tmp_path / "other.sqlite3"))
