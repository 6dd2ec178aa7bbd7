"""Trains the emotion classifier that stands in where a language model writes no emotion tag.

    python -m training.emotion --data FOLDER --out character/bundled/emotion

Learns from KOTE (44 emotions of online comments, mapped onto the eight; docs/data.md) and from the written dialogues,
whose every reply carries its emotion. Measured on 1,000 comments of KOTE's test part and on the held-out dialogues.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from character.emotion import EMOTIONS
from character.emotion_classifier import CONFIG, WEIGHTS, EmotionClassifier, vectorize
from training.corpus import DataFolder
from training.dialogues import WRITTEN, load_dialogues
from training.errors import TrainingError

# Numbers of KOTE's labels. Those that fit none of the eight (비장함, 의심, 귀찮음, 재미없음 …) count for none.
KOTE = {
    "평온": (14, 43, 24),
    "기쁨": (1, 2, 4, 7, 8, 13, 16, 28, 32, 40, 42),
    "슬픔": (5, 10, 19, 25, 27, 30, 36, 38),
    "분노": (0, 3, 6, 9, 22, 23),
    "놀람": (15, 29, 34, 39),
    "두려움": (18, 35, 41),
    "부끄러움": (17, 33),
    "혐오": (20, 21, 31),
}
BENCHMARK = 1000


def read_kote(data: DataFolder) -> tuple[list[tuple[str, int, float]], list[tuple[str, int, float]]]:
    """Training and benchmark part: text, number of the emotion, share of the labels that agree (0–1]."""
    parts: dict[str, list[tuple[str, int, float]]] = {"val.tsv": [], "test.tsv": []}
    for file, text in data.texts("kote", ".tsv"):
        for line in text.splitlines():
            _, comment, labels = line.split("\t")
            chosen = {int(label) for label in labels.split(",")}
            counts = np.array([len(chosen & set(KOTE[emotion])) / len(KOTE[emotion]) ** 0.5 for emotion in EMOTIONS])
            if counts.sum() > 0:
                parts[file].append((comment, int(counts.argmax()), float(counts.max() / counts.sum())))
    if not parts["test.tsv"]:
        raise TrainingError(f"data folder {data.path} has no set 'kote'; docs/data.md says where it comes from")
    return parts["val.tsv"] + parts["test.tsv"][BENCHMARK:], parts["test.tsv"][:BENCHMARK]


def measure(classifier: EmotionClassifier, rows: list[tuple[str, int, float]]) -> dict[str, float]:
    from sklearn.metrics import f1_score

    truth = np.array([label for _, label, _ in rows])
    guess = classifier.probabilities([text for text, _, _ in rows]).argmax(axis=1)
    return {
        "count": len(rows),
        "accuracy": round(float((truth == guess).mean()), 4),
        "majority_accuracy": round(float(np.bincount(truth).max() / len(truth)), 4),
        "macro_f1": round(float(f1_score(truth, guess, average="macro")), 4),
    }


def model_card(options: argparse.Namespace, config: dict[str, Any]) -> str:
    rows = "\n".join(
        f"| {name.replace('_', ' ')} | {m['count']} | {m['accuracy']} | {m['majority_accuracy']} | {m['macro_f1']} |"
        for name, m in config["measured"].items()
    )
    return f"""# The emotion classifier

Guesses which of the eight emotions a reply of hers shows, for language models that write no emotion tag: hashed jamo
n-grams (2 to 6, {config["features"]:,} features) and multinomial logistic regression. Half-precision safetensors.

Made by `python -m training.emotion --data DATA --out character/bundled/emotion --c {options.c:g} --kote-weight
{options.kote_weight:g}` in {config["minutes"]} minutes on one CPU core; no random numbers. Data: {config["examples"]["kote"]:,}
comments of KOTE (MIT; its 44 emotions mapped onto eight) and {config["examples"]["replies"]:,} written replies
(training/data/persona) without their held-out tenth. Licence: CC BY-SA 4.0.

| held out | texts | accuracy | always the commonest | macro-F1 |
|---|---|---|---|---|
{rows}

One reply often fits two emotions; calm and glad are confused most. Comments of KOTE carry several labels each; the one with
the largest share is taken for the truth.
"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.emotion", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with the public sets; needs 'kote' (docs/data.md)"
    )
    parser.add_argument("--persona", type=Path, default=WRITTEN, help="written dialogues")
    parser.add_argument("--out", type=Path, required=True, help="folder for the classifier")
    parser.add_argument("--features", type=int, default=2**16, help="size of the hashed n-gram table")
    parser.add_argument("--kote-weight", type=float, default=0.3, help="weight of a comment against a reply of hers")
    parser.add_argument("--c", type=float, default=8.0, help="inverse strength of the L2 penalty")
    options = parser.parse_args(argv)
    try:
        return train(options)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def train(options: argparse.Namespace) -> int:
    from safetensors.numpy import save_file
    from sklearn.linear_model import LogisticRegression

    began = time.monotonic()
    comments, benchmark = read_kote(DataFolder(options.data))
    replies: dict[bool, list[tuple[str, int, float]]] = {False: [], True: []}
    for dialogue in load_dialogues(options.persona):
        for exchange in dialogue.exchanges:
            reply = exchange.reply
            replies[dialogue.held_out].append((reply.text, EMOTIONS.index(reply.emotion), 1.0))
    rows = comments + replies[False]
    weights = np.array([options.kote_weight * share for *_, share in comments] + [1.0] * len(replies[False]))
    labels = np.array([label for _, label, _ in rows])
    # Rare emotions count more, but not so much that they drown the common ones.
    frequency = np.bincount(labels, weights=weights, minlength=len(EMOTIONS)) / weights.sum()
    weights *= (1 / (len(EMOTIONS) * np.maximum(frequency, 1e-6)) ** 0.5)[labels]
    model = LogisticRegression(C=options.c, max_iter=400)
    model.fit(vectorize([text for text, _, _ in rows], options.features), labels, sample_weight=weights)
    coefficients = np.zeros((len(EMOTIONS), options.features), np.float16)
    intercept = np.full(len(EMOTIONS), -20.0, np.float32)  # an emotion without examples is never chosen
    coefficients[model.classes_] = model.coef_.astype(np.float16)
    intercept[model.classes_] = model.intercept_

    options.out.mkdir(parents=True, exist_ok=True)
    save_file({"coefficients": coefficients, "intercept": intercept}, options.out / WEIGHTS)
    measured = {}
    classifier = EmotionClassifier(coefficients.astype(np.float32), intercept)
    measured["kote_benchmark"] = measure(classifier, benchmark)
    measured["held_out_replies"] = measure(classifier, replies[True])
    config = {
        "emotions": EMOTIONS,
        "features": options.features,
        "examples": {"kote": len(comments), "replies": len(replies[False])},
        "measured": measured,
        "minutes": round((time.monotonic() - began) / 60, 2),
    }
    (options.out / "MODEL_CARD.md").write_text(model_card(options, config), encoding="utf-8")
    (options.out / CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(config, ensure_ascii=False, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
