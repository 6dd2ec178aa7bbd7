"""The bundled classifier that stands in where a language model writes no emotion tag."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from character.emotion import EMOTIONS
from character.emotion_classifier import BUNDLED, EmotionClassifier
from character.errors import CharacterError
from training.dialogues import load_dialogues


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    return EmotionClassifier.bundled()


def test_what_she_plainly_feels_is_recognised_in_her_own_way_of_talking(classifier: EmotionClassifier) -> None:
    expected = {
        "속상했겠다, 나까지 마음이 무거워지네": "슬픔",
        "그런 말은 하지 마. 나 지금 화났어": "분노",
        "헐, 진짜? 깜짝 놀랐잖아": "놀람",
        "무섭다… 나 그런 얘기 들으면 잠 못 자": "두려움",
        "으, 벌레 얘기는 하지 마. 징그러워": "혐오",
        "갑자기 그렇게 말하면 부끄럽잖아": "부끄러움",
        "와 축하해! 내가 다 신난다": "기쁨",
        "응, 천천히 얘기해. 듣고 있어": "평온",
    }
    assert {text: classifier.judge(text).name for text in expected} == expected


def test_it_beats_guessing_the_commonest_emotion_on_replies_it_never_saw(classifier: EmotionClassifier) -> None:
    replies = [e.reply for dialogue in load_dialogues() if dialogue.held_out for e in dialogue.exchanges]
    guesses = classifier.probabilities([reply.text for reply in replies]).argmax(axis=1)
    truth = [EMOTIONS.index(reply.emotion) for reply in replies]
    right = sum(int(g == t) for g, t in zip(guesses, truth, strict=True)) / len(truth)
    commonest = max(truth.count(label) for label in set(truth)) / len(truth)
    assert right > commonest + 0.1


def test_probabilities_sum_to_one_and_any_text_is_judged(classifier: EmotionClassifier) -> None:
    rows = classifier.probabilities(["안녕", "", "🙂", "ㅋㅋㅋ", "x" * 5000])
    assert rows.shape == (5, 8)
    assert rows.sum(axis=1) == pytest.approx(1)
    assert 0.3 <= classifier.judge("").strength <= 0.9


def test_a_folder_that_is_no_classifier_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CharacterError, match="cannot be read"):
        EmotionClassifier.load(tmp_path)
    for file in BUNDLED.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((BUNDLED / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | {"emotions": ["기쁨"]}), encoding="utf-8")
    with pytest.raises(CharacterError, match="other emotions"):
        EmotionClassifier.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(CharacterError, match="cannot be read"):
        EmotionClassifier.load(tmp_path)
