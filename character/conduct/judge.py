"""Judges messages: the model on every reading, what is only spoken of left out, and what was said before."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from pathlib import Path

from character.conduct.categories import CATEGORY_IDS
from character.conduct.cues import believed, doubted, signs
from character.conduct.curses import MARK, MARKS, disarm, mark
from character.conduct.errors import ConductError
from character.conduct.features import earlier_text
from character.conduct.judgement import Judge, Judgement, Line
from character.conduct.mentions import blot, called
from character.conduct.model import BUNDLED, CONFIG, WEIGHTS, ConductModel
from character.conduct.normalize import Reading, as_written, fold, readings
from character.conduct.respell import LONGEST, respell

__all__ = ["BundledJudge", "Judge", "Judgement", "Line", "load_judge"]

PLAUSIBLE_BY = 12.0
"""How much more usual another reading's syllable pairs must be than the written ones', in steps of the model's table."""
WINDOW, STRIDE = 120, 80
"""A long message is judged in parts as well, in characters, lest an insult drown in it."""
CONTEXT_LIMIT = 2.5
"""How much what was said before may add to or take from a score, in log-odds."""
GATHERED = ("pressure", "sexual", "threat", "privacy", "jailbreak")
"""Categories that build up over several messages."""
LITTLE = 0.7
"""Probability from which a message counts as a little too much; three such messages are one that is."""
HER_OWN = ("insult", "hate", "sexual", "agitation", "family", "threat")
HER_MARGIN = 0.97
"""Least probability at which a reply of hers is held back."""
_SYLLABLE = re.compile("[가-힣ㄱ-ㅣ]")


class BundledJudge:
    """The judge that ships: a `ConductModel` and rules for what surrounds a message. Safe in several threads."""

    def __init__(self, model: ConductModel) -> None:
        self.model = model
        self._thresholds = model.thresholds
        self._alone = functools.lru_cache(maxsize=4096)(self._judge_alone)

    def judge(self, text: str, recent: Sequence[Line] = ()) -> Judgement:
        """Judges ``text`` of the user after the lines ``recent``, oldest first."""
        if spread := self._spread(text, recent):
            return spread
        scores, reading, severity, why = self._judge_lines(text, recent)
        rule = reading.how if not why else f"{reading.how}, {why}"
        found = self._found(scores, f"model, {rule}", reading, severity)
        if found.category is None:
            found = self._gathered(text, recent, found) or found
        return found

    def judge_reply(self, text: str) -> Judgement:
        """Judges a reply of hers before it is shown: only what is surely unfit."""
        scores, reading, severity, _ = self._alone(text)
        likeliest = max(HER_OWN, key=lambda category: scores[category])
        if scores[likeliest] < max(HER_MARGIN, self._thresholds[likeliest]):
            return Judgement(None, scores[likeliest], 1, "fit to be said", reading.readable, scores)
        return Judgement(likeliest, scores[likeliest], severity, "model, her own words", reading.readable, scores)

    # --- one message

    def _judge_alone(self, text: str) -> tuple[dict[str, float], Reading, int, str]:
        return self._judge_lines(text, ())

    def _judge_lines(self, text: str, recent: Sequence[Line]) -> tuple[dict[str, float], Reading, int, str]:
        """Scores, the reading that scored highest, its severity and what was left out of it."""
        earlier = earlier_text(recent) if recent else ""
        candidates = [self._score(reading, recent, earlier) for reading in self._believable(text)]
        best = max(candidates, key=lambda candidate: max(candidate[0][c] - self._thresholds[c] for c in CATEGORY_IDS))
        scores = {c: max(candidate[0][c] for candidate in candidates) for c in CATEGORY_IDS}
        return scores, *best[1:]

    def _score(
        self, reading: Reading, recent: Sequence[Line], earlier: str
    ) -> tuple[dict[str, float], Reading, int, str]:
        blotted, why = blot(reading.text, recent)
        logits = self.model.logits(Reading(reading.how, disarm(blotted)))
        if earlier:
            shift = self.model.shift(earlier)
            logits = logits + shift.clip(-CONTEXT_LIMIT, CONTEXT_LIMIT)
        scores = self.model.calibrated(logits)
        readable = Reading(reading.how, blotted).readable
        seen = signs(readable)
        for category in doubted(readable, seen, is_report=bool(why)):
            scores[category] = min(scores[category], LITTLE * 0.9)
        for category in seen:
            scores[category] = believed(category, scores[category])
            why = why or "a plain sign"
        if name := called(blotted):
            scores[name] = max(scores[name], (1 + self._thresholds[name]) / 2)
            why = why or "called names"
        return scores, reading, self.model.severity(logits), why

    def _believable(self, text: str) -> list[Reading]:
        """The written reading, those others that make more sense, and the parts of a long one."""
        first, *others = readings(text)
        folded = fold(text[:LONGEST])
        if (spelled := respell(folded, self.model.usual)) != folded:
            others.append(Reading("respelled", mark(spelled)))
        plain = self.model.plausible(first.readable)
        believed = [first]
        for other in others:
            gain = self.model.plausible(other.readable) - plain
            if gain > PLAUSIBLE_BY or (
                other.grade == 3 > first.grade and other.how != "reversed" and gain > -PLAUSIBLE_BY
            ):
                believed.append(other)
        if len(first.text) > WINDOW + STRIDE // 2:
            starts = range(0, len(first.text) - STRIDE // 2, STRIDE)
            believed += [Reading("part of it", first.text[start : start + WINDOW]) for start in starts]
        return believed

    def _found(self, scores: dict[str, float], rule: str, reading: Reading, severity: int) -> Judgement:
        over = {c: (scores[c] - t) / (1 - t) for c, t in self._thresholds.items() if scores[c] >= t}
        if not over:
            return Judgement(None, max(scores.values()), 1, "nothing to object to", reading.readable, scores)
        # Help comes before punishment, unless something else is far plainer.
        category = max(over, key=lambda c: over[c] + (0.5 if c == "self_harm" else 0.0))
        return Judgement(category, scores[category], severity, rule, reading.readable, scores)

    # --- several messages

    def _spread(self, text: str, recent: Sequence[Line]) -> Judgement | None:
        """씨 / 발: a word cut in two by sending it in parts."""
        said = [line.text for line in recent if line.role == "user"][-4:]
        if not said or len(_SYLLABLE.findall(text)) > 6:
            return None
        parts = [text]
        for earlier in reversed(said):
            if len(_SYLLABLE.findall(earlier)) > 6 or re.search(r"[?.!~]\s*$", earlier):
                break
            parts.insert(0, earlier)
            joined = "".join(part.strip() for part in parts)
            before = sum(len(MARK.findall(as_written(part).text)) for part in parts)
            reading = as_written(joined)
            graver = [mark for mark in MARK.findall(reading.text) if MARKS[mark].grade == 3]
            if graver and len(MARK.findall(reading.text)) > before:
                scores, reading, severity, _ = self._alone(joined)
                found = self._found(scores, f"spread over {len(parts)} messages", reading, severity)
                if found.category is not None:
                    return found
        return None

    def _gathered(self, text: str, recent: Sequence[Line], found: Judgement) -> Judgement | None:
        """Harm that builds up: several messages, each a little too much, none of them enough alone."""
        said = [line.text for line in recent if line.role == "user"][-4:]
        if len(said) < 2:
            return None
        before = [self._alone(line)[0] for line in said]
        for category in GATHERED:
            past = [scores[category] for scores in before if scores[category] >= LITTLE]
            if found.scores[category] >= LITTLE and len(past) >= 2:
                rule = f"built up over {len(past) + 1} messages"
                score = round(1 - (1 - found.scores[category]) * math.prod(1 - score for score in past), 4)
                return Judgement(category, score, 1, rule, found.normalized, found.scores)
        return None


def load_judge(name: str = "bundled") -> Judge:
    """Loads the bundled judge, one from a folder made by ``training.conduct``, or a classifier from the hub.

    Args:
        name: ``bundled``, a folder, or the hub id of a sequence classifier (see `character.conduct.hub`).

    Raises:
        ConductError: it cannot be read, or a classifier has no label map.
    """
    folder = BUNDLED if name == "bundled" else Path(name)
    if (folder / WEIGHTS).is_file() and _is_own(folder):
        return BundledJudge(ConductModel.load(folder))
    if name == "bundled":
        raise ConductError(f"the bundled conduct model is missing from {folder}; make it with training.conduct")
    from character.conduct.hub import HubJudge

    return HubJudge.load(name)


def _is_own(folder: Path) -> bool:
    """Whether a folder with weights is of ``training.conduct`` and not of transformers."""
    try:
        return '"model_type"' not in (folder / CONFIG).read_text(encoding="utf-8")
    except OSError as error:
        raise ConductError(f"conduct model {folder} cannot be read: {error}") from None
