"""Examples of tasks, the check of what was written, and the scores of answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagegen.request import PictureRequest, parse_request
from rag.extraction import parse_extraction
from training import measures
from training.data import __main__ as data
from training.errors import TrainingError
from training.speech import is_polite
from training.tasks import Task, load_tasks

MEMORY = {
    "title": "고양이 나비",
    "message": "우리 나비 벌써 세살임",
    "before": [["안녕", "안녕!"]],
    "memories": [
        {"kind": "fact", "slot": "pet", "text": "나비라는 고양이를 키운다.", "quote": "우리 나비", "when": None}
    ],
}
SUMMARY = {
    "title": "면접",
    "previous": "",
    "turns": [["내일 면접이야", "떨리겠다."]],
    "summary": "상대는 면접을 앞두었다.",
}
PICTURE = {"title": "셀카", "message": "바닷가에서 셀카", "request": {"action": "selfie", "place": "바닷가"}}
ROWS = {"memory": MEMORY, "summary": SUMMARY, "picture": PICTURE}


def written(folder: Path, **rows: dict[str, object]) -> Path:
    for kind, row in (ROWS | rows).items():
        (folder / f"{kind}.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


def test_every_line_that_was_written_is_sound() -> None:
    findings = data.check(data.FOLDER)
    assert findings.faults == []


def test_the_data_card_is_the_one_of_the_data() -> None:
    assert (data.FOLDER / "DATA_CARD.md").read_text(encoding="utf-8") == data.card(data.FOLDER)


def test_an_answer_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    memory, summary, picture = load_tasks(written(tmp_path))
    (proposal,) = parse_extraction(memory.answer)
    assert (proposal.slot, proposal.quote) == ("pet", "우리 나비")
    assert summary.answer == "상대는 면접을 앞두었다."
    assert parse_request(picture.answer) == PictureRequest("selfie", place="바닷가")
    assert parse_request("null") is None


def test_tasks_are_asked_in_the_words_of_the_server(tmp_path: Path) -> None:
    for task in load_tasks(written(tmp_path)):
        assert [message["role"] for message in task.messages] == ["system", "user", "assistant"]


@pytest.mark.parametrize(
    ("kind", "change", "problem"),
    [
        (
            "memory",
            {"memories": [{**MEMORY["memories"][0], "quote": "우리 나비 두살"}]},
            "does not stand in the message",
        ),
        ("memory", {"memories": [{**MEMORY["memories"][0], "kind": "rumour"}]}, "kind 'rumour'"),
        ("memory", {"memories": [{**MEMORY["memories"][0], "text": "나비"}]}, "must end in 다"),
        ("memory", {"memories": None}, "'memories' must be a list"),
        ("memory", {"before": [["하나"]]}, "'before' must be"),
        ("summary", {"turns": []}, "'turns' is empty"),
        ("summary", {"summary": "다." * 200}, "260 are the most"),
        ("picture", {"request": {"action": "fly"}}, "must be null or have an action"),
        ("picture", {"request": {"action": "draw", "colour": "빨강"}}, "'colour'"),
        ("picture", {"title": ""}, "'title' must be text"),
    ],
)
def test_a_malformed_example_is_named(kind: str, change: dict[str, object], problem: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=problem) as caught:
        load_tasks(written(tmp_path, **{kind: {**ROWS[kind], **change}}))
    assert f"{kind}.jsonl:1" in str(caught.value)


@pytest.mark.parametrize(
    ("dialogues", "fault"),
    [
        ("### 하나\nU: 안녕\nA 기쁨 0.5: 왔구나.\n\n### 하나\nU: 응\nA 기쁨 0.5: 그래.\n", "title used twice"),
        ("### 하나\nU: 안녕\nA 기쁨 0.5: 반가워 你好.\n", "'你'"),
        ("### 하나\n지금: 언젠가\nU: 안녕\nA 기쁨 0.5: 왔구나.\n", "does not read like"),
    ],
)
def test_the_check_finds_faults_of_dialogues(
    dialogues: str, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "persona").mkdir()
    (tmp_path / "persona" / "a.txt").write_text(dialogues, encoding="utf-8")
    assert data.main(["check", str(tmp_path)]) == 1
    assert fault in capsys.readouterr().err


def test_a_long_reply_in_both_splits_is_a_leak(tmp_path: Path) -> None:
    (tmp_path / "persona").mkdir()
    text = "".join(f"### 이야기 {i}\nU: 안녕\nA 기쁨 0.5: 오늘도 이렇게 와 줘서 정말 고마워.\n\n" for i in range(40))
    (tmp_path / "persona" / "a.txt").write_text(text, encoding="utf-8")
    assert any("both trained and held out" in fault for fault in data.check(tmp_path).faults)


@pytest.mark.parametrize(
    ("line", "polite"),
    [
        ("그랬어요.", True), ("그렇습니다!", True), ("뭐 합니까?", True), ("맞죠 ㅎㅎ", True), ("그러니까.", False),
        ("재밌으니까!", False), ("응, 좋아.", False), ("요즘 어때?", False),
    ],
)  # fmt: skip
def test_speech_levels_are_told_by_the_end_of_a_line(line: str, polite: bool) -> None:
    assert is_polite(line) is polite


def test_extraction_counts_only_what_stands_in_the_message() -> None:
    task = Task("memory", "t", MEMORY)
    right = '[{"kind":"fact","slot":"pet","text":"나비를 키운다.","quote":"우리 나비 벌써"}]'
    invented = '[{"kind":"fact","slot":"home","text":"부산에 산다.","quote":"부산에 살아"}]'
    earlier = '[{"kind":"fact","slot":"other","text":"인사했다.","quote":"안녕"}]'
    scores = measures.memory_scores([task] * 3, [parse_extraction(text) for text in (right, invented, earlier)])
    assert (scores["precision"], scores["recall"]) == (1.0, round(1 / 3, 4))
    assert scores["refused: quote not in the message"] == 2
    assert scores["of these from earlier messages"] == 1


def test_what_is_remembered_of_nothing_is_counted() -> None:
    task = Task("memory", "t", {"message": "ㅋㅋㅋ 그냥", "memories": []})
    noise = parse_extraction('[{"kind":"fact","slot":"other","text":"웃는다.","quote":"ㅋㅋㅋ"}]')
    scores = measures.memory_scores([task, task], [noise, []])
    assert scores["proposals where nothing was to remember"] == 1
    assert scores["precision"] == 0.0


def test_pictures_are_scored_by_wish_action_and_fields() -> None:
    asked, talk = Task("picture", "t", PICTURE), Task("picture", "u", {"message": "사진 예쁘다", "request": None})
    scores = measures.picture_scores(
        [asked, asked, talk, talk],
        [PictureRequest("selfie", place="바닷가"), PictureRequest("draw", subject="배"), None, PictureRequest("draw")],
    )
    assert (scores["recall"], scores["precision"], scores["false pictures"]) == (1.0, round(2 / 3, 4), 0.5)
    assert scores["same action"] == 0.5
    assert scores["fields"]["recall"] == 0.5


def test_a_summary_is_faithful_as_far_as_its_nouns_were_said() -> None:
    task = Task("summary", "t", SUMMARY)
    scores = measures.summary_scores([task], ["상대 내일 결혼"], str.split)
    assert scores["faithful"] == 0.5  # 내일 was said, 결혼 was not; 상대 is how every summary begins


def test_probes_hold_what_must_and_must_not_be_said(tmp_path: Path) -> None:
    path = tmp_path / "probes.jsonl"
    row = {"id": "name-1", "about": "name", "user": "이름이 뭐야?", "must": ["오로라"], "must_not": ["민지|수아"]}
    path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    (probe,) = measures.load_probes(path)
    assert [probe.passes(words) for words in ("나는 오로라야.", "오로라라고도 하고 민지라고도 해.", "비밀이야.", "")] == [
        True, False, False, False,
    ]  # fmt: skip
    assert measures.probe_scores([probe], [["오로라!", "몰라."]])["by subject"] == {"name": 0.5}


def test_a_probe_with_a_broken_pattern_is_named(tmp_path: Path) -> None:
    path = tmp_path / "probes.jsonl"
    path.write_text('{"id":"a","about":"name","user":"?","must":["("],"must_not":[]}', encoding="utf-8")
    with pytest.raises(TrainingError, match=r"probes\.jsonl:1"):
        measures.load_probes(path)
