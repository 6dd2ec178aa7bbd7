"""The embedder: vectors of sentences, and what goes wrong with it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag import embedding
from rag.embedding import BUNDLED, SentenceEmbedder, load_embedder
from rag.errors import EmbedderError, RagError


def tiny_embedder(folder: Path, *, seed: int = 0, size: int = 8) -> Path:
    """Writes a model of sentence-transformers whose tokens are single letters with random vectors."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    letters = ["[UNK]", *" .,?!abcdefghijklmnopqrstuvwxyz가나다라마바사아자차카타파하고양이를키운다"]
    tokenizer = Tokenizer(models.WordLevel({letter: i for i, letter in enumerate(dict.fromkeys(letters))}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    vectors = np.random.default_rng(seed).standard_normal((tokenizer.get_vocab_size(), size)).astype(np.float32)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, vectors)], device="cpu").save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_embedder(tmp_path_factory.mktemp("embedder") / "tiny")


@pytest.fixture(scope="module")
def bundled() -> Any:
    return load_embedder(BUNDLED)


def test_every_text_gets_a_row_of_length_one(tiny: Path) -> None:
    vectors = load_embedder(str(tiny)).encode(["고양이를 키운다.", "abc", "나"])
    assert vectors.shape == (3, 8)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_text_gives_no_row(tiny: Path) -> None:
    embedder = load_embedder(str(tiny))
    assert embedder.encode([]).shape == (0, embedder.dimension)


def test_a_single_text_instead_of_a_list_is_refused(tiny: Path) -> None:
    with pytest.raises(TypeError, match="list"):
        load_embedder(str(tiny)).encode("나")


@pytest.mark.parametrize("text", ["", "   ", "\n", "\ud83d", "🦄", "\x00", "ㅋ" * 100_000, "나 " * 50_000])
def test_any_text_at_all_has_a_direction(text: str, tiny: Path, bundled: Any) -> None:
    for embedder in (load_embedder(str(tiny)), bundled):
        vector = embedder.encode([text])[0]
        assert np.isfinite(vector).all()
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)


def test_a_text_has_the_same_vector_alone_and_among_others(bundled: Any) -> None:
    texts = ["전주에서 산다.", "고양이 나비를 키운다.", "매운 음식을 좋아한다." * 20]
    together = bundled.encode(texts * 30)
    np.testing.assert_allclose(together[:3], np.concatenate([bundled.encode([text]) for text in texts]), atol=1e-4)


def test_the_name_tells_weights_apart_and_stays_the_same_for_the_same(tmp_path: Path, tiny: Path) -> None:
    other = tiny_embedder(tmp_path / "tiny", seed=1)
    assert load_embedder(str(tiny)).name == load_embedder(str(tiny)).name
    assert load_embedder(str(other)).name != load_embedder(str(tiny)).name
    assert load_embedder(str(tiny)).name.startswith("tiny-")


def test_the_name_may_stand_in_the_name_of_a_collection(tmp_path: Path) -> None:
    name = load_embedder(str(tiny_embedder(tmp_path / "내 모델 (v2)"))).name
    assert name.replace("-", "").isalnum()
    assert name.isascii()


def test_several_threads_may_embed_at_once(bundled: Any) -> None:
    texts = [f"{number}번째 기억이다." for number in range(40)]
    expected, failures = bundled.encode(texts), []

    def work() -> None:
        for _ in range(10):
            if not np.allclose(bundled.encode(texts), expected, atol=1e-4):
                failures.append("differs")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_nothing_is_printed_while_loading_and_embedding(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_embedder(str(tiny)).encode(["나"] * 200)
    load_embedder().encode(["나"] * 200)
    assert capfd.readouterr() == ("", "")


def test_a_local_folder_is_never_looked_for_elsewhere(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert load_embedder(str(tiny)).dimension == 8
    assert load_embedder().dimension > 8


@pytest.mark.parametrize("name", ["./nothing/here", "/nothing/here", "~/nothing/here"])
def test_a_folder_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(EmbedderError, match="there is no folder"):
        load_embedder(name)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a model", encoding="utf-8")
    with pytest.raises(RagError, match=r"no modules\.json"):
        load_embedder(str(tmp_path))


@pytest.mark.parametrize("damage", ["weights", "tokenizer", "modules"])
def test_a_damaged_folder_is_one_line_that_names_it(damage: str, tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "broken")
    pattern = {"weights": "*.safetensors", "tokenizer": "tokenizer.json", "modules": "modules.json"}[damage]
    for path in folder.rglob(pattern):
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(EmbedderError, match="broken") as failure:
        load_embedder(str(folder))
    assert "\n" not in str(failure.value)


def test_missing_bundled_weights_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "BUNDLED_FOLDER", tmp_path / "gone")
    with pytest.raises(EmbedderError, match="bundled embedder is missing"):
        load_embedder()


def test_a_model_that_cannot_embed_text_is_one_line() -> None:
    class Mute:
        def state_dict(self) -> dict[str, Any]:
            return {}

        def encode(self, *_: object, **__: object) -> None:
            raise ValueError("no text\nreally")

    with pytest.raises(ValueError, match="no text"):
        SentenceEmbedder(Mute(), "mute")  # type: ignore[arg-type]
