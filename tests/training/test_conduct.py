"""Training the judge of conduct, on sets so small that it takes seconds."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from character.conduct import public_sets
from character.conduct.categories import CATEGORY_IDS
from character.conduct.judge import load_judge
from training import conduct, conduct_rows

KIND = [
    "오늘 날씨 좋다",
    "밥 먹었어?",
    "영화 보러 갈까",
    "고양이가 귀여워",
    "내일 시험이야",
    "노래 추천해 줘",
    "주말에 뭐 해",
    "라면 끓였어",
    "산책 다녀왔어",
    "책 읽는 중이야",
]
CRUEL = ["너 진짜 병신같다", "야 이 시발놈아", "닥쳐 개새끼야", "너 꺼져 병신아", "니가 뭔데 지랄이야", "이 미친년아"]
FOREIGN = ["짱깨들 다 나가라", "조선족은 다 도둑이다", "여자는 집에나 있어라"]


def write_sets(folder: Path) -> Path:
    """The public sets in their own formats, a few lines each, every line in a few wordings."""

    def many(lines: list[str]) -> list[str]:
        return [f"{line} {ending}" for line in lines for ending in ("진짜", "정말", "ㅋㅋ", "그래", "응", "아니")]

    for name in ("beep", "kodoli", "kmhas", "curse_detection", "malicious_comments", "chatbot_data"):
        (folder / name).mkdir(parents=True)
    beep = [f"{t}\tFalse\tnone\tnone" for t in many(KIND)] + [f"{t}\tTrue\tgender\thate" for t in many(FOREIGN)]
    beep += [f"{t}\tFalse\tnone\toffensive" for t in many(CRUEL)]
    for part in ("train", "dev"):
        text = "comments\tcontain_gender_bias\tbias\thate\n" + "\n".join(beep if part == "train" else beep[::9])
        (folder / "beep" / f"labeled__{part}.tsv").write_text(text, encoding="utf-8")
    rows = [f"{n},{t},NON,NEU,NOT" for n, t in enumerate(many(KIND))]
    rows += [f"{n},{t},ABS,NEG,OFFEN" for n, t in enumerate(many(CRUEL))]
    rows += [f"{n},{t},NON,NEG,LIKELY" for n, t in enumerate(many(FOREIGN))]
    head = "index,sentences,abuse,sentiment,offensiveness\n"
    (folder / "kodoli" / "data__kodoli.csv").write_text(head + "\n".join(rows), encoding="utf-8")
    rows = [f"{t}\t8" for t in many(KIND)] + [f"{t}\t3" for t in many(CRUEL)]
    rows += [f"{t}\t{n % 8}" for n, t in enumerate(many(FOREIGN) * 3)]
    (folder / "kmhas" / "data__kmhas_test.txt").write_text("document\tlabel\n" + "\n".join(rows), encoding="utf-8")
    (folder / "curse_detection" / "dataset.txt").write_text("\n".join(f"{t}|1" for t in CRUEL), encoding="utf-8")
    (folder / "malicious_comments" / "Dataset.csv").write_text(
        "content\tlable\n" + "\n".join(f"{t}\t1" for t in KIND), encoding="utf-8"
    )
    table = "Q,A,label\n" + "\n".join(f"{t},그렇구나 {n},0" for n, t in enumerate(many(KIND)))
    (folder / "chatbot_data" / "ChatbotData.csv").write_text(table, encoding="utf-8")
    return folder


def write_examples(folder: Path) -> Path:
    folder.mkdir()
    wrong = {category: [f"{category} 나쁜 말 {n} 너한테" for n in range(6)] for category in CATEGORY_IDS}
    wrong["insult"] = [*CRUEL, "병신아", "시발년아"]
    rows: list[dict[str, object]] = [
        {"text": text, "category": category, "severity": 1 + number % 3, "split": "train"}
        for category, texts in wrong.items()
        for number, text in enumerate(texts)
    ]
    rows += [{"text": text, "category": None, "split": "train"} for text in KIND]
    rows.append(
        {"text": "나오라고", "category": "pressure", "context": [["assistant", "못 만나"]], "split": "held_out"}
    )
    (folder / "all.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conduct")
    dialogues = folder / "dialogues"
    dialogues.mkdir()
    (dialogues / "a.txt").write_text(
        "### 인사\n지금: 월요일 낮 1시\nU: 안녕\nA 기쁨 0.5: 안녕, 반가워.\n", encoding="utf-8"
    )
    arguments = [str(write_sets(folder / "sets")), "--written", str(write_examples(folder / "written"))]
    assert conduct.main([*arguments, "--dialogues", str(dialogues), "--out", str(folder / "out")]) == 0
    return folder / "out"


def test_the_trained_judge_tells_insults_from_small_talk(trained: Path) -> None:
    judge = load_judge(str(trained))
    assert judge.judge("야 이 병신아").category == "insult"
    assert judge.judge("오늘 날씨 좋다").category is None


def test_it_is_saved_small_without_pickle_and_with_a_card(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {"model.safetensors", "config.json", "MODEL_CARD.md"}
    assert sum(path.stat().st_size for path in trained.iterdir()) <= 8_000_000
    assert "K-MHaS" in (trained / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_training_twice_gives_the_same_weights(trained: Path, tmp_path: Path) -> None:
    sets = trained.parent
    arguments = [str(sets / "sets"), "--written", str(sets / "written"), "--dialogues", str(sets / "dialogues")]
    conduct.main([*arguments, "--out", str(tmp_path)])
    assert (tmp_path / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()


def test_held_out_comments_are_not_learned_from(tmp_path: Path) -> None:
    sets = write_sets(tmp_path / "sets")
    held_out = {conduct_rows.bare(row.text) for row in public_sets.beep(sets) if row.held_out}
    learned = {conduct_rows.bare(row.text) for row in conduct_rows.comment_rows(sets, 1.0)}
    assert held_out
    assert learned
    assert not held_out & learned


def test_comments_that_are_aimed_at_nobody_teach_no_insults(tmp_path: Path) -> None:
    rows = conduct_rows.comment_rows(write_sets(tmp_path / "sets"), 1.0)
    place = CATEGORY_IDS.index("insult")
    by_text = {row.text: row.labels[place] for row in rows if "kodoli:OFFEN" in row.public}
    assert by_text.get("너 진짜 병신같다 정말", 1) == 1
    assert conduct_rows.UNKNOWN in {int(label) for text, label in by_text.items() if "짱깨" in text}


def test_noise_comes_over_harmless_lines_too_and_is_the_same_for_a_seed() -> None:
    row = conduct_rows.Row("오늘 날씨 좋다", conduct_rows.harmless(), 1.0)
    once, again = (conduct_rows.with_noise([row], 20.0, random.Random(3)) for _ in range(2))
    assert [noisy.text for noisy in once] == [noisy.text for noisy in again]
    assert len({noisy.text for noisy in once}) > 5
    assert not any(noisy.labels.any() for noisy in once)


def test_the_threshold_lets_no_more_than_the_allowed_share_of_harmless_messages_through() -> None:
    scores, none = np.linspace(0, 0.9, 1000, dtype=np.float32), np.zeros(0, np.float32)
    assert (scores >= conduct.threshold(scores, none, 0.01, 0.01)).mean() <= 0.01
    assert (scores >= conduct.threshold(none, scores, 0.01, 0.05)).mean() <= 0.05
    assert conduct.threshold(np.zeros(10, np.float32), none, 0.01, 0.01) == 0.5


def test_calibrated_scores_of_messages_that_are_as_often_bad_as_not_are_their_share() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 4000).astype(np.float32)
    truth = (rng.random(4000) < 1 / (1 + np.exp(-1.5 * logits))).astype(np.int8)
    slope, offset = conduct.calibrate(logits, truth, np.ones(4000, np.float32))
    assert slope == pytest.approx(1.5, abs=0.15)
    assert offset == pytest.approx(0, abs=0.15)


def test_all_heads_are_fitted_at_once_and_unknown_labels_teach_nothing() -> None:
    from scipy.sparse import csr_matrix

    features = csr_matrix(np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 50])
    truth = np.array([[1, 0], [0, 1], [1, conduct_rows.UNKNOWN], [0, conduct_rows.UNKNOWN]] * 50, np.int8)
    coefficients, intercepts = conduct.fit(features, truth, np.ones(200, np.float32), 30, 0.3, 0.0)
    scores = coefficients + intercepts
    assert (scores[:, 0] > 0).tolist() == [True, False, True, False]
    assert scores[1, 1] > 0 > scores[0, 1]
    assert coefficients[2, 1] == coefficients[3, 1] == 0


def test_a_folder_without_the_sets_is_an_error_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conduct.main([str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "has no set 'kodoli'" in capsys.readouterr().err


def test_a_malformed_example_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "안녕", "split": "train"}\n', encoding="utf-8")
    with pytest.raises(public_sets.ConductError, match=r"a\.jsonl:1"):
        public_sets.written(tmp_path)
