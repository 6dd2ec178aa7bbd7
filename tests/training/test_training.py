"""Pretraining and fine-tuning, for a few steps on tiny real models."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from character.card import builtin_card
from training import pretrain, sft
from training.dialogues import Dialogue, Exchange, Reply, load_dialogues
from training.tokenizer import EMOTION_TAGS, train_tokenizer

WRITTEN = """### {title}
지금: 금요일 밤 10시
U: 안녕 {title}
A 기쁨 0.6: 안녕, 어서 와. 오늘은 어땠어?
U: 그냥 그랬어
A 평온 0.4: 그런 날도 있지. 따뜻한 거 마시자.

"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, dialogues and a base model of a few thousand parameters, pretrained for a few steps."""
    path = tmp_path_factory.mktemp("training")
    (path / "data" / "chatbot_data").mkdir(parents=True)
    rng = random.Random(0)
    words = "오늘 내일 정말 같이 밥 먹고 산책 하자 좋아 비가 와서 집에 있을래 고양이 영화 볼까 커피 마시자 학교 회사 친구".split()
    lines = [f"{' '.join(rng.choices(words, k=5))} {i},{' '.join(rng.choices(words, k=6))},0" for i in range(600)]
    (path / "data" / "chatbot_data" / "ChatbotData.csv").write_text("Q,A,label\n" + "\n".join(lines), encoding="utf-8")
    (path / "talk.txt").write_text("".join(WRITTEN.format(title=f"이야기 {i}") for i in range(40)), encoding="utf-8")
    assert train_base(path) == 0
    return path


def train_base(path: Path, *more: str) -> int:
    return pretrain.main(
        [
            "--data", str(path / "data"), "--persona", str(path / "talk.txt"), "--out", str(path / "base"), "--preset", "tiny",
            "--no-compile", "--device", "cpu", *more,
        ]
    )  # fmt: skip


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_tokenizer_gives_every_text_back_and_keeps_a_tag_in_one_token() -> None:
    tokenizer = train_tokenizer(["안녕 오늘 뭐 했어", "나는 밥 먹었어"] * 50, 640, 256)
    for text in ("안녕  두 칸", "뷁 🙂 emoji", "줄\n바꿈", "<0x41> 그대로", "㈜ …"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert all(len(tokenizer(tag)["input_ids"]) == 1 for tag in EMOTION_TAGS)


def test_pretraining_writes_a_model_that_transformers_loads_and_goes_on_from_its_checkpoint(folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(folder / "base"),
        AutoTokenizer.from_pretrained(folder / "base"),
    )
    assert model.config.vocab_size == len(tokenizer)
    first = json.loads((folder / "base" / "report.json").read_text(encoding="utf-8"))
    assert train_base(folder, "--tokens", str(2 * first["tokens"])) == 0
    second = json.loads((folder / "base" / "report.json").read_text(encoding="utf-8"))
    assert second["steps"] == 2 * first["steps"]
    assert second["held_out_perplexity"]["talk"] < first["held_out_perplexity"]["talk"]


def test_a_killed_pretraining_goes_on_from_the_last_checkpoint(folder: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "training.pretrain", "--data", str(folder / "data"), "--persona", str(folder / "talk.txt"),
        "--out", str(tmp_path / "base"), "--preset", "tiny", "--no-compile", "--device", "cpu", "--threads", "1",
        "--tokens", "100000000", "--checkpoint-minutes", "0.005",
    ]  # fmt: skip
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (tmp_path / "base" / "checkpoint.pt").exists():
            assert running.poll() is None
            with pytest.raises(subprocess.TimeoutExpired):
                running.wait(0.2)
    finally:
        running.kill()
        running.wait()
    import torch

    steps = torch.load(tmp_path / "base" / "checkpoint.pt", weights_only=True)["step"]
    finished = subprocess.run(
        [*command[:-4], "--tokens", str((steps + 3) * 256)], capture_output=True, text=True, timeout=120
    )
    assert f"resuming at step {steps}" in finished.stdout, finished.stderr[-500:]
    assert json.loads((tmp_path / "base" / "report.json").read_text(encoding="utf-8"))["steps"] == steps + 3


def test_fine_tuning_changes_only_the_adapter_and_peft_loads_it(folder: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    before = digest(folder / "base" / "model.safetensors")
    out = tmp_path / "adapter"
    status = sft.main(
        [
            "--base", str(folder / "base"), "--dialogues", str(folder / "talk.txt"), "--out", str(out), "--rank", "4",
            "--passes", "1", "--batch", "8", "--max-length", "3000", "--evaluate-every", "2", "--device", "cpu",
        ]
    )  # fmt: skip
    assert status == 0
    assert digest(folder / "base" / "model.safetensors") == before
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder / "base"), out)
    assert any(float(p.abs().sum()) > 0 for name, p in model.named_parameters() if "lora_B" in name)
    assert {"report.json", "curve.jsonl", "curve.png"} <= {file.name for file in out.iterdir()}
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["held_out_loss"] > 0
    assert str(folder) not in json.dumps(report)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--dialogues", "/nowhere.txt"], "does not exist"),
        (["--base", "/nowhere"], "cannot be loaded"),
        (["--device", "cuda"], "no CUDA device"),
        (["--max-length", "10"], "no dialogue fits"),
    ],
)
def test_bad_input_is_one_clear_line(
    arguments: list[str], problem: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    usual = {"--base": str(folder / "base"), "--dialogues": str(folder / "talk.txt"), "--device": "cpu"}
    given = usual | dict(zip(arguments[::2], arguments[1::2], strict=True))
    flags = [part for pair in given.items() for part in pair]
    assert sft.main([*flags, "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert problem in error
    assert not (tmp_path / "out").exists()


def test_a_dialogue_is_rendered_as_the_server_would_show_it() -> None:
    reply = Reply("기쁨", 0.6, "어서 와")
    dialogue = Dialogue(
        "가", "토요일 밤 11시", "민지", False, [Exchange("안녕", reply, ("9월 3일에 들음: 고양이를 키운다.",))]
    )
    system, note, user, answer = sft.render([dialogue], builtin_card(), random.Random(0), with_greeting=False)
    assert "토요일 밤 11시야. 상대의 이름은 민지야." in system["content"]
    assert note == {"role": "system", "content": "기억: 9월 3일에 들음: 고양이를 키운다."}
    assert user == {"role": "user", "content": "안녕"}
    assert answer == {"role": "assistant", "content": "<감정:기쁨:0.6> 어서 와"}


def test_written_times_become_dates_of_that_weekday_and_hour() -> None:
    rng = random.Random(0)
    expected = {
        "월요일 새벽 2시": (0, 2),
        "수요일 낮 12시": (2, 12),
        "금요일 밤 12시": (4, 0),
        "일요일 저녁 7시": (6, 19),
        "화요일 아침 8시": (1, 8),
    }
    for written, (weekday, hour) in expected.items():
        found: datetime = sft.moment(written, rng)
        assert (found.weekday(), found.hour) == (weekday, hour), written
    assert all(sft.moment(dialogue.now, rng) for dialogue in load_dialogues())


def fine_tune(folder: Path, out: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "training.sft", "--base", str(folder / "base"), "--dialogues", str(folder / "talk.txt"),
        "--out", str(out), "--rank", "4", "--passes", "2", "--batch", "4", "--max-length", "3000", "--evaluate-every", "2",
        "--device", "cpu", "--threads", "1", *more,
    ]  # fmt: skip


def wait_for(path: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if list(path.glob(pattern)):
            return
        assert process.poll() is None, process.communicate()[1][-800:]
        time.sleep(0.1)
    pytest.fail(f"{path / pattern} never appeared")


def test_a_killed_fine_tuning_goes_on_from_its_last_checkpoint(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    with subprocess.Popen(fine_tune(folder, out), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        wait_for(out / "checkpoints", "checkpoint-*/trainer_state.json", first)
        first.kill()
    assert not (out / "adapter_config.json").exists()
    second = subprocess.run(fine_tune(folder, out), capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr[-800:]
    assert "going on from" in second.stderr
    steps = [json.loads(line)["step"] for line in (out / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    assert steps == sorted(steps)
    assert not (out / "checkpoints").exists()


def test_an_unfinished_run_with_other_settings_is_not_mixed_with_this_one(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    with subprocess.Popen(fine_tune(folder, out), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        wait_for(out / "checkpoints", "recipe.json", first)
        first.kill()
    other = subprocess.run(fine_tune(folder, out, "--seed", "5"), capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert "unfinished run with other settings" in other.stderr.splitlines()[-1]


def test_an_interrupted_fine_tuning_keeps_the_best_adapter_so_far(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    command = fine_tune(folder, out, "--passes", "6")
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        wait_for(out / "checkpoints", "checkpoint-*/trainer_state.json", process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said[-800:]
    assert "the best adapter so far" in said
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["interrupted"] is True
    assert (out / "adapter_model.safetensors").exists()


def test_a_full_disk_is_said_in_one_line_and_leaves_no_half_adapter(folder: Path, tmp_path: Path) -> None:
    limited = f"ulimit -f 16; exec {' '.join(fine_tune(folder, tmp_path / 'adapter'))}"  # files of 8 KiB at most
    found = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, check=False)
    assert found.returncode == 1, found.stderr[-800:]
    errors = [line for line in found.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, found.stderr[-1500:]
    (error,) = errors
    assert "cannot be written" in error
    assert "Traceback" not in found.stderr
    assert not (tmp_path / "adapter" / "adapter_config.json").exists()


def test_tasks_and_borrowed_answers_are_trained_beside_the_talk(folder: Path, tmp_path: Path) -> None:
    row = {
        "title": "면접",
        "previous": "",
        "turns": [["내일 면접이야", "떨리겠다."]],
        "summary": "상대는 면접을 앞두었다.",
    }
    (tmp_path / "tasks").mkdir()
    lines = [json.dumps(row | {"title": f"면접 {i}"}, ensure_ascii=False) for i in range(20)]
    (tmp_path / "tasks" / "summary.jsonl").write_text("\n".join(lines), encoding="utf-8")
    data = tmp_path / "data" / "chatbot_data"
    data.mkdir(parents=True)
    (data / "ChatbotData.csv").write_text(
        "Q,A,label\n배고파,얼른 뭐 좀 챙겨드세요.,0\n졸려,일찍 자요.,0\n", encoding="utf-8"
    )
    out = tmp_path / "adapter"
    status = sft.main(
        [
            "--base", str(folder / "base"), "--dialogues", str(folder / "talk.txt"), "--out", str(out), "--rank", "4",
            "--passes", "1", "--batch", "8", "--max-length", "3000", "--device", "cpu", "--tasks", str(tmp_path / "tasks"),
            "--data", str(tmp_path / "data"), "--evaluate-every", "50", "--keep", "last",
        ]
    )  # fmt: skip
    assert status == 0
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["tasks"]["summary"] > 10
    assert report["dialogues"]["borrowed"] == 1  # 드세요 is no command in plain speech
