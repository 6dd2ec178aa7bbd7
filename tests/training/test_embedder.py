"""Training the embedder, for a few steps on a few sentences."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.embedding import BUNDLED_FOLDER, load_embedder
from training import embedder
from training.corpus import DataFolder
from training.embedder import (
    RECALL,
    SLOTS,
    Fact,
    Pairs,
    Sampler,
    bare,
    fill,
    gather,
    load_facts,
    load_slots,
    train_pieces,
)
from training.errors import TrainingError

STS = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2\n"


def sts(*rows: tuple[float, str, str]) -> str:
    return STS + "".join(f"g\tf\ty\t{number}\t{score}\t{a}\t{b}\n" for number, (score, a, b) in enumerate(rows))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a few sentences of three sets, and a few facts."""
    path = tmp_path_factory.mktemp("embedder")
    (path / "data" / "kornlu").mkdir(parents=True)
    (path / "data" / "chatbot_data").mkdir()
    dev = [(5, "고양이가 창가에서 잔다.", "창가에서 고양이가 자고 있다."), (0, "비가 온다.", "남자가 피자를 먹는다.")]
    train = [
        (5, "고양이가  창가에서 잔다", "잠든 고양이."),
        (5, "개가 뛴다.", "개가 달린다."),
        (1, "개가 뛴다.", "비가 온다고 한다."),
    ]
    (path / "data" / "kornlu" / "KorSTS__sts-dev.tsv").write_text(
        sts(*dev, (2.5, "개가 짖는다.", "개가 잔다.")), "utf-8"
    )
    (path / "data" / "kornlu" / "KorSTS__sts-train.tsv").write_text(sts(*train), "utf-8")
    words = "오늘 내일 정말 같이 밥 먹고 산책 하자 좋아 비가 와서 집에 있을래 고양이 영화 볼까 커피 마시자 학교 회사 친구".split()
    lines = [
        f"{words[i % 19]} {words[i % 7]} {words[i % 11]} {i},{words[i % 19]} {words[i % 5]} {i},0" for i in range(300)
    ]
    (path / "data" / "chatbot_data" / "ChatbotData.csv").write_text("Q,A,label\n" + "\n".join(lines), "utf-8")
    rows = [
        {"fact": f"{word} {number}개를 모은다.", "lines": [f"{word} 또 샀어", f"나 {word} 몇 개 있게?"]}
        for number, word in enumerate(words * 3)
    ]
    (path / "facts.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    assert train_embedder(path) == 0
    return path


def train_embedder(path: Path, *more: str, out: str = "out") -> int:
    return embedder.main(
        [
            "--data", str(path / "data"), "--recall", str(path / "facts.jsonl"), "--out", str(path / out), "--steps", "6",
            "--vocabulary", "300", "--dimension", "16", "--batch", "8", *more,
        ]
    )  # fmt: skip


def test_what_was_trained_loads_as_a_sentence_transformer(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder / "out"), device="cpu", local_files_only=True)
    vectors = np.asarray(model.encode(["고양이가 잔다.", "고양이가 잔다."], show_progress_bar=False))
    assert vectors.shape == (2, 16)
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    assert load_embedder(str(folder / "out")).dimension == 16


def test_the_report_says_what_was_measured_on_what(folder: Path) -> None:
    report = json.loads((folder / "out" / "report.json").read_text("utf-8"))
    assert report["steps"] == 6
    assert {"korsts_dev", "recall_at_1", "recall_at_5"} <= report["measured"].keys()
    assert str(folder / "data") not in report["command"]


def test_training_goes_on_from_an_earlier_run(folder: Path) -> None:
    before = load_embedder(str(folder / "out"))
    assert train_embedder(folder, "--init", str(folder / "out"), out="again") == 0
    after = load_embedder(str(folder / "again"))
    assert after.dimension == before.dimension
    assert after.name.split("-")[-1] != before.name.split("-")[-1]


def test_a_bundle_holds_half_the_bytes_and_a_card_and_means_the_same(folder: Path) -> None:
    assert embedder.main(["--out", str(folder / "out"), "--bundle", str(folder / "bundle")]) == 0
    whole, half = (next((folder / name).rglob("*.safetensors")).stat().st_size for name in ("out", "bundle"))
    assert half < 0.6 * whole
    assert "| KorSTS dev, Spearman |" in (folder / "bundle" / "MODEL_CARD.md").read_text("utf-8")
    texts = ["고양이가 잔다.", "커피 마시자"]
    one, other = (load_embedder(str(folder / name)).encode(texts) for name in ("out", "bundle"))
    np.testing.assert_allclose(one, other, atol=0.01)


def test_sentences_that_measure_are_never_trained_on(folder: Path) -> None:
    facts = load_facts(folder / "facts.jsonl")
    sets, kept = gather(DataFolder(folder / "data"), facts, None, 100)
    trained = {bare(text) for pairs in sets for group in pairs.groups for text in (*group, *pairs.wrong.values())}
    held_out = {bare(fact.fact) for fact in facts if fact.held_out}
    assert held_out
    assert bare("고양이가 창가에서 잔다.") in kept
    assert not trained & (kept | held_out)
    assert bare("개가 달린다.") in trained


def test_a_batch_pairs_a_fact_with_one_of_its_lines() -> None:
    groups: list[tuple[str, ...]] = [(f"사실 {number}.", f"말 {number}", f"또 {number}") for number in range(20)]
    name, first, second, wrong = Sampler([Pairs("recall", 1, groups)], seed=0).batch(16, {"recall": 1})
    assert (name, len(first), wrong) == ("recall", 16, [])
    numbers = [re.sub(r"\D", "", text) for text in first]
    assert len(set(numbers)) == 16
    assert numbers == [re.sub(r"\D", "", text) for text in second]


def test_a_particle_fits_the_word_that_is_put_before_it() -> None:
    assert fill("{}를 키운다.", "말") == "말을 키운다."
    assert fill("{}를 키운다.", "고양이") == "고양이를 키운다."
    assert fill("이름은 {}다.", "서준") == "이름은 서준이다."
    assert fill("{}로 여행을 간다.", "서울") == "서울로 여행을 간다."
    assert fill("{}라고 불러 달라고 했다.", "민수") == "민수라고 불러 달라고 했다."
    assert all("{}" not in text for group in load_slots(RECALL.with_name(SLOTS)) for text in group)


def test_pieces_of_one_stem_are_shared_between_its_forms() -> None:
    tokenizer = train_pieces(["전주에 살아", "전주에서 산다", "부산에 살았다", "살고 살면 살지"] * 50, 60)
    assert tokenizer.encode("살아").tokens[0] == tokenizer.encode("살았").tokens[0]
    assert tokenizer.encode("ㅋㅋㅋㅋㅋㅋㅋ").ids == tokenizer.encode("ㅋㅋㅋ").ids


def test_the_written_facts_are_sound_and_a_tenth_is_held_out() -> None:
    facts = load_facts()
    assert len(facts) >= 500
    assert len({fact.fact for fact in facts}) == len(facts)
    assert all(fact.fact.endswith("다.") and 2 <= len(fact.lines) <= 4 for fact in facts)
    assert 0.05 < sum(fact.held_out for fact in facts) / len(facts) < 0.2


@pytest.mark.parametrize(
    ("content", "problem"),
    [('{"fact": "산다."}', "pairs.jsonl:1"), ("no json", "pairs.jsonl:1"), ("", "holds no facts")],
)
def test_a_malformed_fact_is_named(content: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text(content, "utf-8")
    with pytest.raises(TrainingError, match=problem):
        load_facts(tmp_path / "pairs.jsonl")


def test_a_missing_data_folder_is_one_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert embedder.main(["--data", str(tmp_path / "gone"), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: data folder")
    assert error.count("\n") == 1


def test_going_on_from_a_folder_without_an_embedder_is_one_clear_error(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert train_embedder(folder, "--init", str(tmp_path / "empty"), out="never") == 1
    assert "no embedder that can be gone on from" in capsys.readouterr().err
    assert embedder.main(["--out", str(tmp_path / "empty"), "--bundle", str(tmp_path / "bundle")]) == 1
    assert "has not finished" in capsys.readouterr().err


def finds(model: Any, question: str, facts: list[str]) -> str:
    return facts[int((model.encode(facts) @ model.encode([question])[0]).argmax())]


@pytest.fixture(scope="module")
def bundled() -> Any:
    return load_embedder()


MEMORIES = [
    "전주에서 산다.", "고양이 나비를 키운다.", "간호사로 일한다.", "생일은 3월 2일이다.", "땅콩 알레르기가 있다.", "금요일에 면접이 있다.",
    "매운 음식을 좋아한다.", "여동생이 한 명 있다.", "기타를 칠 줄 안다.", "마라톤 완주가 목표다.",
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "memory"),
    [
        ("나 어디 산다고 했지?", "전주에서 산다."),
        ("내 고양이 이름 기억나?", "고양이 나비를 키운다."),
        ("내 생일 언제게", "생일은 3월 2일이다."),
        ("면접 너무 떨린다ㅠㅠ", "금요일에 면접이 있다."),
        ("떡볶이 제일 매운맛으로 시켰어", "매운 음식을 좋아한다."),
        ("동생이 또 내 옷 입고 나갔어", "여동생이 한 명 있다."),
        ("오늘도 병동에서 환자분들이랑 씨름했다", "간호사로 일한다."),
        ("이 과자에 땅콩 들었나", "땅콩 알레르기가 있다."),
    ],
)
def test_the_bundled_embedder_finds_the_memory_that_a_line_is_about(line: str, memory: str, bundled: Any) -> None:
    assert finds(bundled, line, MEMORIES) == memory


def test_the_bundled_embedder_recalls_held_out_facts_and_forms_of_one_word(bundled: Any) -> None:
    facts = load_facts()
    asked = [(line, number) for number, fact in enumerate(facts) if fact.held_out for line in fact.lines]
    stored = bundled.encode([fact.fact for fact in facts])
    scores = bundled.encode([line for line, _ in asked]) @ stored.T
    right = scores[np.arange(len(asked)), [number for _, number in asked]]
    assert ((scores > right[:, None]).sum(axis=1) < 5).mean() > 0.35
    like, unlike = bundled.encode(["나는 전주에 살아", "저는 전주에서 살고 있어요"]), bundled.encode(["피자가 식었다"])
    assert like[0] @ like[1] > 0.6 > like[0] @ unlike[0]


def test_the_bundled_embedder_is_small_quick_and_described(bundled: Any) -> None:
    import time

    weights = list(BUNDLED_FOLDER.rglob("*.safetensors"))
    assert weights
    assert all(path.stat().st_size < 15_000_000 for path in weights)
    assert "licence" in (BUNDLED_FOLDER / "MODEL_CARD.md").read_text("utf-8")
    bundled.encode(["나 어디 산다고 했지?"])
    took = []
    for _ in range(20):
        began = time.perf_counter()
        bundled.encode(["나 어디 산다고 했지?"])
        took.append(time.perf_counter() - began)
    assert min(took) < 0.005  # the median would measure what else runs here


def test_a_fact_is_held_out_by_its_words_alone() -> None:
    assert Fact("전주에서 산다.", ("a",)).held_out == Fact("전주에서 산다.", ("b", "c")).held_out
