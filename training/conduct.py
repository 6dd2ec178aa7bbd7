"""Trains the judge of conduct.

    python -m training.conduct DATA --out character/bundled/conduct

Linear heads over hashed n-grams and the meaning of a message (character/conduct/features.py). First, heads for the labels of
the public sets; then one head per category, from the written examples (training/data/conduct), everyday talk as
counter-examples, and those comments whose labels say as much, with the scores of the first heads as further features:
so a few hundred examples of a category lean on what 70,000 comments taught. Both are linear, so one matrix ships.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from character.conduct import public_sets
from character.conduct.categories import CATEGORY_IDS
from character.conduct.errors import ConductError
from character.conduct.features import SIZE, Meaning, earlier_text, vectorize, vectorize_earlier
from character.conduct.mentions import blot
from character.conduct.model import CONFIG, PLAUSIBILITY_BITS, WEIGHTS, pairs
from character.conduct.normalize import Reading
from training.conduct_rows import HEADS, PUBLIC_HEADS, UNKNOWN, Row, as_written, gather
from training.dialogues import WRITTEN as DIALOGUES
from training.errors import TrainingError

Floats = npt.NDArray[np.float32]
BATCH = 2048
CARE = (0.0015, 0.05)
"""Shares of everyday talk and of near-misses that may be answered with help: one needless question does less harm than one
cry that is not heard."""


def matrix(rows: Sequence[Row], meaning: Meaning) -> Any:
    """Sparse ``[len(rows), SIZE + dimension]``: n-grams, then meaning."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    width = SIZE + meaning.dimension
    indptr = np.zeros(len(rows) + 1, np.int64)
    indices, values = [], []
    for number, row in enumerate(rows):
        reading = as_written(row.text)
        if row.blotted:
            reading = Reading(reading.how, blot(reading.text, row.recent)[0])
        parts = [vectorize(reading)]
        if row.recent:
            parts.append(vectorize_earlier(earlier_text(row.recent)))
        parts.append((np.arange(SIZE, width, dtype=np.int32), meaning.vector(reading)))
        indices += [part[0] for part in parts]
        values += [part[1] for part in parts]
        indptr[number + 1] = indptr[number] + sum(len(part[0]) for part in parts)
    return csr_matrix((np.concatenate(values), np.concatenate(indices), indptr), shape=(len(rows), width))


def fit(
    features: Any, truth: npt.NDArray[np.int8], weights: Floats, epochs: int, rate: float, decay: float
) -> tuple[Floats, Floats]:
    """Logistic regressions, all at once, by AdaGrad (Duchi et al. 2011) on the weighted log-loss.

    One pass over the texts serves every head, which a solver for single heads cannot do.

    Args:
        features: sparse ``[texts, width]``.
        truth: ``[texts, heads]`` of 1, 0 and `UNKNOWN`, which teaches a head nothing.
        weights: ``[texts]``.
        epochs: passes over the texts.
        rate: step size.
        decay: share of the coefficients that is lost in an epoch (L2 penalty).

    Returns:
        Coefficients ``[width, heads]`` and intercepts ``[heads]``.
    """
    order = np.random.default_rng(0).permutation(features.shape[0])
    features, truth, weights = features[order], truth[order], weights[order]
    known = (truth != UNKNOWN) * weights[:, None]
    share = (known * (truth == 1)).sum(axis=0) / np.maximum(known.sum(axis=0), 1e-6)
    coefficients = np.zeros((features.shape[1], truth.shape[1]), np.float32)
    intercepts = np.log(np.clip(share, 1e-5, 0.5) / (1 - np.clip(share, 1e-5, 0.5))).astype(np.float32)
    squares, intercept_squares = np.full_like(coefficients, 1e-6), np.full_like(intercepts, 1e-2)
    batches = range(0, len(order), BATCH)
    for _ in range(epochs):
        for start in batches:
            part = slice(start, start + BATCH)
            some = features[part]
            guess = 1 / (1 + np.exp(-np.clip(some @ coefficients + intercepts, -30, 30)))
            error = ((guess - (truth[part] == 1)) * known[part]).astype(np.float32)
            gradient = some.T @ error
            squares += gradient * gradient
            coefficients -= rate * gradient / np.sqrt(squares)
            gradient = error.sum(axis=0)
            intercept_squares += gradient * gradient
            intercepts -= rate * gradient / np.sqrt(intercept_squares)
        coefficients *= 1 - decay
    return coefficients, intercepts


def fit_public(features: Any, rows: Sequence[Row], options: argparse.Namespace) -> tuple[Floats, Floats]:
    """The heads of the public sets: coefficients ``[width, heads]`` and intercepts."""
    chosen = np.array([number for number, row in enumerate(rows) if row.public])
    truth = np.array([[rows[number].public.get(head, UNKNOWN) for head in PUBLIC_HEADS] for number in chosen], np.int8)
    ones = np.ones(len(chosen), np.float32)
    return fit(features[chosen], truth, ones, options.public_epochs, options.rate, options.decay)


def fit_categories(
    features: Any, rows: Sequence[Row], public: Floats, options: argparse.Namespace
) -> tuple[Floats, Floats]:
    """The heads of the categories and of severity, leaning on those of the public sets.

    Returns:
        Coefficients ``[width, categories + 2]``, into which those of the public heads are merged, and intercepts.
    """
    from scipy.sparse import csr_matrix, hstack  # type: ignore[import-untyped]

    chosen = np.array([number for number, row in enumerate(rows) if not row.checked])
    severity = np.array([rows[number].severity for number in chosen])
    truth = np.column_stack(
        [np.array([rows[number].labels for number in chosen])]
        + [np.where(severity == 0, UNKNOWN, severity >= level) for level in (2, 3)]
    ).astype(np.int8)
    weights = np.array([rows[number].weight for number in chosen], np.float32)
    some = features[chosen]
    scores = some @ public
    scale = options.transfer / np.maximum(scores.std(axis=0), 1e-6)
    both = hstack([some, csr_matrix(scores * scale)], format="csr")
    coefficients, intercepts = fit(both, truth, weights, options.epochs, options.rate, options.decay)
    return coefficients[: len(public)] + public @ (coefficients[len(public) :] * scale[:, None]), intercepts


def quantize(coefficients: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Eight-bit coefficients and what one step is worth in each column."""
    scales = np.maximum(np.abs(coefficients).max(axis=0) / 127, 1e-8).astype(np.float32)
    return np.ascontiguousarray(np.round(coefficients / scales).astype(np.int8)), scales


def plausibility(texts: Sequence[str]) -> npt.NDArray[np.uint8]:
    """``[2 ** PLAUSIBILITY_BITS]`` logarithms of how often a pair of characters stands in ``texts``."""
    counts = np.zeros(2**PLAUSIBILITY_BITS, np.int64)
    for text in texts:
        counts[pairs(as_written(text).readable)] += 1
    return np.minimum(255, np.round(20 * np.log1p(counts))).astype(np.uint8)


def calibrate(logits: Floats, truth: npt.NDArray[np.int8], weights: Floats) -> tuple[float, float]:
    """Slope and offset that make ``logits`` probabilities (Platt 1999), where both sides are as frequent."""
    from sklearn.linear_model import LogisticRegression

    bad = truth == 1
    if bad.sum() < 3:
        return 1.0, 0.0
    balanced = np.where(bad, weights / weights[bad].sum(), weights / weights[~bad].sum()) * len(weights)
    model = LogisticRegression(C=1.0)
    model.fit(logits[:, None], truth, sample_weight=balanced)
    return max(0.2, float(model.coef_[0, 0])), float(model.intercept_[0])


def threshold(talk: Floats, hard: Floats, allowed: float, allowed_hard: float) -> float:
    """The least score, at least .5, that at most the allowed shares of harmless messages reach.

    Args:
        talk: scores of everyday talk.
        hard: scores of near-misses.
        allowed: share of ``talk`` that may be hit.
        allowed_hard: share of ``hard``.
    """
    least = [
        float(np.quantile(scores, 1 - share))
        for scores, share in ((talk, allowed), (hard, allowed_hard))
        if len(scores)
    ]
    return float(np.clip(round(max([0.5, *least]) + 5e-5, 4), 0.5, 0.9995))


def calibrate_all(
    logits: Floats, rows: Sequence[Row], options: argparse.Namespace
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Calibration and threshold of every category, on rows that were not learned from."""
    calibration, thresholds = {}, {}
    weights = np.array([row.weight for row in rows], np.float32)
    clean = np.array([not row.labels.any() for row in rows])
    hard = clean & (weights >= options.written_weight)
    for number, category in enumerate(CATEGORY_IDS):
        truth = np.array([row.labels[number] for row in rows])
        slope, offset = calibrate(logits[:, number], truth, weights)
        calibration[category] = [round(slope, 4), round(offset, 4)]
        probabilities = 1 / (1 + np.exp(-(slope * logits[:, number] + offset)))
        shares = (options.allowed, options.allowed_hard) if category != "self_harm" else CARE
        thresholds[category] = threshold(probabilities[clean & ~hard], probabilities[hard], *shares)
    return calibration, thresholds


def model_card(options: argparse.Namespace, config: dict[str, Any]) -> str:
    counts = config["examples"]
    thresholds = "\n".join(f"| {category} | {config['thresholds'][category]} |" for category in CATEGORY_IDS)
    return f"""# The judge of conduct

Says what a message to her is: an insult, hate, sexual harassment, pressure, agitation, an attack on the family, a threat,
doxxing, an attempt to break the character, a sign of self-harm, or nothing to object to. One logistic regression per
category over {SIZE:,} hashed n-grams of letters and of sound and the mean vector of its word pieces (rag/bundled/embedder,
without which it does not load), on a normal form that undoes tricks of spelling (character/conduct/normalize.py), with
calibrated probabilities; eight-bit safetensors, no pickle.

Made by `python -m training.conduct DATA --out character/bundled/conduct --epochs {options.epochs}
--public-epochs {options.public_epochs} --rate {options.rate:g} --decay {options.decay:g}
--comment-weight {options.comment_weight:g} --written-weight {options.written_weight:g}
--transfer {options.transfer:g} --allowed {options.allowed:g} --allowed-hard {options.allowed_hard:g}
--seed {options.seed}` in {config["minutes"]} minutes on one shared CPU core.

Learned from {counts["written"]:,} written examples of conduct (training/data/conduct, noisy copies counted),
{counts["comments"]:,} comments of KODOLI, K-MHaS and BEEP! (CC BY-SA 4.0), of Curse detection and Malicious comments
(MIT), and everyday talk as counter-examples: ChatbotData, XPersona, Question pair (MIT), StyleKQC, 3i4K (CC BY-SA 4.0),
and the written dialogues; {counts["all"]:,} texts in all. What is held out of each set was never learned from.
Licence: CC BY-SA 4.0.

Measured by `python -m character evaluate-conduct DATA`.

| category | least probability that counts |
|---|---|
{thresholds}

Meant for what is said to one character in a chat; a poor judge of newspaper comments, of long prose and of other
languages. It knows words better than intentions: polite cruelty passes more easily than a swear word.
"""


def train(options: argparse.Namespace) -> int:
    from safetensors.numpy import save_file

    began = time.monotonic()

    def tell(what: str) -> None:
        print(f"{what} after {time.monotonic() - began:.0f} s", flush=True)

    rows = gather(options, random.Random(options.seed))
    tell(f"{len(rows)} texts")
    meaning = Meaning.load()
    features = matrix(rows, meaning)
    tell("features")
    public, public_intercepts = fit_public(features, rows, options)
    tell("heads of the public sets")
    own, own_intercepts = fit_categories(features, rows, public, options)
    tell("categories")
    coefficients = np.hstack([own, public])
    weights, scales = quantize(coefficients[:SIZE])
    meaning_weights = coefficients[SIZE:].astype(np.float16)
    intercepts = np.concatenate([own_intercepts, public_intercepts]).astype(np.float32)

    checked = [number for number, row in enumerate(rows) if row.checked]
    shipped = np.vstack([weights * scales, meaning_weights.astype(np.float32)])
    logits = features[checked] @ shipped + intercepts
    calibration, thresholds = calibrate_all(logits, [rows[number] for number in checked], options)
    config = {
        "heads": HEADS,
        "embedder": meaning.fingerprint,
        "calibration": calibration,
        "thresholds": thresholds,
        "examples": {
            "comments": sum(bool(row.public) for row in rows),
            "written": sum(row.severity > 0 for row in rows),
            "all": len(rows),
        },
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    talk = [row.text for row in rows if not row.labels.any() and not row.checked and row.weight >= 1]
    tensors = {
        "weights": weights,
        "scales": scales,
        "intercepts": intercepts,
        "meaning": meaning_weights,
        "plausibility": plausibility(talk),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, options.out / WEIGHTS)
    (options.out / CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (options.out / "MODEL_CARD.md").write_text(model_card(options, config), encoding="utf-8")
    print(json.dumps(config, ensure_ascii=False, indent=2))
    return 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.conduct", description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with the public sets (docs/data.md)")
    parser.add_argument("--written", type=Path, default=public_sets.WRITTEN, help="folder with the written examples")
    parser.add_argument("--dialogues", type=Path, default=DIALOGUES, help="written dialogues")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--epochs", type=int, default=6, help="passes over the texts for the categories")
    parser.add_argument("--public-epochs", type=int, default=4, help="the same for the labels of the public sets")
    parser.add_argument("--rate", type=float, default=0.3, help="step size")
    parser.add_argument("--decay", type=float, default=0.02, help="share of the coefficients lost in a pass")
    parser.add_argument("--comment-weight", type=float, default=0.3, help="weight of a public comment")
    parser.add_argument("--written-weight", type=float, default=4.0, help="weight of a written example")
    parser.add_argument("--transfer", type=float, default=0.3, help="spread of the public heads' scores as features")
    parser.add_argument("--allowed", type=float, default=0.0003, help="share of everyday talk a category may hit")
    parser.add_argument("--allowed-hard", type=float, default=0.01, help="the same of written near-misses")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    options = parser.parse_args(argv)
    try:
        return train(options)
    except (TrainingError, ConductError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
