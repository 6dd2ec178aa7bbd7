"""A sequence classifier of the hub in the judge's place.

Its labels are its own, so a file beside its weights, ``conduct_labels.json``, says which category each of them is::

    {"혐오": "hate", "욕설": "insult", "clean": null}

Normal form and what is only spoken of are handled as for the bundled judge; the earlier lines are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from character.conduct.categories import CATEGORY_IDS
from character.conduct.errors import ConductError
from character.conduct.judgement import Judgement, Line
from character.conduct.mentions import BLOT, blot
from character.conduct.normalize import Reading, readings

LABEL_MAP = "conduct_labels.json"
THRESHOLD = 0.8
HER_THRESHOLD = 0.95

Classify = Callable[[str], dict[str, float]]
"""Text in, score of every label out."""


class HubJudge:
    """Judges with any text classifier.

    Args:
        classify: the classifier.
        labels: category (or None for harmless) of each of its labels.
    """

    def __init__(self, classify: Classify, labels: dict[str, str | None]) -> None:
        self._classify, self._labels = classify, labels

    @classmethod
    def load(cls, name: str) -> HubJudge:
        """Loads a folder or a model of the hub through transformers.

        Raises:
            ConductError: it cannot be loaded, or its label map is missing or wrong.
        """
        labels = read_label_map(name)
        try:
            from transformers import pipeline

            classifier: Any = pipeline("text-classification", model=name, top_k=None, device="cpu")
        except (OSError, ValueError, ImportError, KeyError) as error:
            problem = str(error).splitlines()[0]
            raise ConductError(f"conduct model '{name}' cannot be loaded: {problem}") from None
        unknown = set(classifier.model.config.id2label.values()) - set(labels)
        if unknown:
            raise ConductError(
                f"{LABEL_MAP} of '{name}' lacks the model's labels {', '.join(sorted(unknown))}; name each"
            )

        def classify(text: str) -> dict[str, float]:
            (scored,) = classifier([text], truncation=True)
            return {entry["label"]: float(entry["score"]) for entry in scored}

        return cls(classify, labels)

    def judge(self, text: str, recent: Sequence[Line] = ()) -> Judgement:
        scores, reading, why = self._scores(text, recent)
        return self._found(scores, THRESHOLD, reading, f"classifier, {why or reading.how}")

    def judge_reply(self, text: str) -> Judgement:
        scores, reading, _ = self._scores(text, ())
        for never in ("pressure", "privacy", "jailbreak", "self_harm"):
            scores[never] = 0.0
        return self._found(scores, HER_THRESHOLD, reading, "classifier, her own words")

    def _scores(self, text: str, recent: Sequence[Line]) -> tuple[dict[str, float], Reading, str]:
        first, *others = readings(text)
        best: tuple[dict[str, float], Reading, str] | None = None
        for reading in (first, *(other for other in others if other.grade == 3 > first.grade)):
            blotted, why = blot(reading.text, recent)
            found = self._classify(Reading(reading.how, blotted).readable if BLOT in blotted else reading.readable)
            scores = dict.fromkeys(CATEGORY_IDS, 0.0)
            for label, score in found.items():
                category = self._labels.get(label)
                if category:
                    scores[category] = max(scores[category], score)
            if best is None or max(scores.values()) > max(best[0].values()):
                best = scores, reading, why
        assert best is not None
        return best

    def _found(self, scores: dict[str, float], threshold: float, reading: Reading, rule: str) -> Judgement:
        category = max(scores, key=lambda c: scores[c])
        if scores[category] < threshold:
            return Judgement(None, scores[category], 1, "nothing to object to", reading.readable, scores)
        return Judgement(category, scores[category], 2 if reading.grade == 3 else 1, rule, reading.readable, scores)


def read_label_map(name: str) -> dict[str, str | None]:
    """The label map of a folder or of a model of the hub.

    Raises:
        ConductError: it is missing, malformed or names an unknown category.
    """
    path = Path(name) / LABEL_MAP
    if not Path(name).is_dir():
        try:
            from huggingface_hub import hf_hub_download

            path = Path(hf_hub_download(name, LABEL_MAP))
        except Exception as error:  # the hub client has many; for whoever sets the model they all mean the same
            problem = str(error).splitlines()[0]
            raise ConductError(
                f"conduct model '{name}' is no folder, and its {LABEL_MAP} cannot be fetched ({problem}); download the model "
                f"into a folder and put {LABEL_MAP} beside it: each label's category, or null"
            ) from None
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ConductError(
            f"conduct model '{name}' has no {LABEL_MAP}; write one: each label's category, or null for harmless, such as "
            '{"LABEL_0": null, "LABEL_1": "insult"}'
        ) from None
    except ValueError as error:
        raise ConductError(f"{path} is not JSON: {error}") from None
    if not isinstance(labels, dict):
        raise ConductError(f"{path} must be an object of labels and categories")
    wrong = {str(category) for category in labels.values()} - {*CATEGORY_IDS, "None"}
    if wrong:
        raise ConductError(
            f"{path} names unknown categories {', '.join(sorted(wrong))}; known are {', '.join(CATEGORY_IDS)}"
        )
    return labels
