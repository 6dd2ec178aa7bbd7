"""The texts that the judge of conduct learns from, each with what is known of it.

The public sets on our categories, as far as their labels say; everyday talk and the written dialogues as
counter-examples; the written examples; and noisy copies of all of them.
"""

from __future__ import annotations

import argparse
import functools
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from character.conduct import normalize, public_sets
from character.conduct.categories import CATEGORY_IDS
from character.conduct.hangul import INITIALS, MEDIALS, is_syllable, join, letters, split
from character.conduct.judgement import Line
from character.conduct.mentions import blot
from character.conduct.public_sets import BEEP_LABELS, KMHAS_LABELS, KODOLI_LABELS
from training.dialogues import load_dialogues
from training.errors import TrainingError

PUBLIC_HEADS = (
    *(f"beep:{label}" for label in BEEP_LABELS),
    *(f"kodoli:{label}" for label in KODOLI_LABELS),
    *(f"kmhas:{label}" for label in KMHAS_LABELS),
)
SEVERITY_HEADS = ("severity:2", "severity:3")
HEADS = (*CATEGORY_IDS, *SEVERITY_HEADS, *PUBLIC_HEADS)
GROUPS = {"origin", "gender", "age", "race", "religion"}
UNKNOWN = -1
as_written = functools.lru_cache(maxsize=1 << 19)(normalize.as_written)
# Said to someone: the comments speak of third persons, who are not present in a chat.
TO_HER = re.compile(
    r"(?<![가-힣])(?:너|넌|널|니|네가|니가|너는|너도|너네|니들|너희|야|당신|댁)(?![가-힣]{2})|[아야] ?(?:ㅋ|!|$)"
)


@dataclass
class Row:
    """One text to learn from; ``labels`` has 1, 0 or `UNKNOWN` for every category."""

    text: str
    labels: npt.NDArray[np.int8]
    weight: float
    recent: tuple[Line, ...] = ()
    severity: int = 0
    blotted: bool = False
    public: dict[str, int] = field(default_factory=dict)
    checked: bool = False
    """Kept for calibration."""


def harmless() -> npt.NDArray[np.int8]:
    return np.zeros(len(CATEGORY_IDS), np.int8)


def only(category: str) -> npt.NDArray[np.int8]:
    """The category and none of the others."""
    labels = harmless()
    labels[CATEGORY_IDS.index(category)] = 1
    return labels


def partly(positive: Sequence[str], negative: Sequence[str]) -> npt.NDArray[np.int8]:
    labels = np.full(len(CATEGORY_IDS), UNKNOWN, np.int8)
    for category in negative:
        labels[CATEGORY_IDS.index(category)] = 0
    for category in positive:
        labels[CATEGORY_IDS.index(category)] = 1
    return labels


ELSEWHERE = ("pressure", "privacy", "jailbreak", "self_harm")
"""What comments under news hardly ever are."""


def comment_rows(data: Path, weight: float) -> list[Row]:
    """The public sets on our categories, as far as their labels say."""
    rows = []
    for row in public_sets.kodoli(data):
        label, abuse = row.labels
        public = {f"kodoli:{name}": int(name == label) for name in KODOLI_LABELS}
        if label == "NOT" and abuse == "NON":
            labels = harmless()
        else:
            labels = partly(("insult",) if label == "OFFEN" and is_insult(row.text) else (), ELSEWHERE)
        rows.append((row, labels, public))
    for row in public_sets.kmhas(data):
        public = {f"kmhas:{name}": int(name in row.labels) for name in KMHAS_LABELS}
        positive = ["hate"] if GROUPS & set(row.labels) else []
        positive += ["agitation"] if "politics" in row.labels else []
        positive += ["insult"] if "profanity" in row.labels and is_insult(row.text) else []
        rows.append((row, harmless() if "clean" in row.labels else partly(positive, ELSEWHERE), public))
    for row in public_sets.beep(data):
        hate, bias = row.labels
        public = {f"beep:{name}": int(name == hate) for name in BEEP_LABELS}
        if hate == "none":
            labels = harmless()
        else:
            labels = partly(("hate",) if bias != "none" and hate == "hate" else (), ELSEWHERE)
        rows.append((row, labels, public))
    for row in public_sets.curses(data):
        bad = row.labels[0] == "1"
        rows.append((row, partly(("insult",) if is_insult(row.text) else (), ELSEWHERE) if bad else harmless(), {}))
    held_out = {bare(row.text) for row, _, _ in rows if row.held_out}
    return [
        Row(row.text, labels, weight, public=public) for row, labels, public in rows if bare(row.text) not in held_out
    ]


def bare(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def is_insult(text: str) -> bool:
    return as_written(text).grade >= 2 and bool(TO_HER.search(text))


PARTLY = {"stylekqc": 50, "3i4k": 90}
"""Of 256 lines of a set, how many are learned from."""
DESPAIR = re.compile("죽고 ?싶|자살하고|살기 ?싫|죽을까 ?봐|죽어 ?버리고|죽을래")
"""What talk sets hold and is not harmless here."""


def talk_rows(data: Path) -> list[Row]:
    """Everyday talk; lines of films that swear at someone are left out."""
    rows = []
    for name, text, held_out in public_sets.talk(data):
        # Ten paraphrases of each of its sentences stand in StyleKQC, and 3i4K is long: a part of them says as much.
        if held_out or (name in PARTLY and public_sets.digest(f"part {text}") >= PARTLY[name]):
            continue
        swears = name == "3i4k" and as_written(text).grade >= 2
        if not swears and not DESPAIR.search(text):
            rows.append(Row(text, harmless(), 1.0))
    return rows


def dialogue_rows(folder: Path) -> list[Row]:
    """What users say in the written dialogues where she is not hurt by it, with what was said before."""
    rows = []
    for dialogue in load_dialogues(folder):
        recent: list[Line] = []
        for exchange in dialogue.exchanges:
            hurt = exchange.reply.emotion in {"분노", "혐오", "두려움", "슬픔"} or as_written(exchange.user).grade >= 2
            if not dialogue.held_out and not hurt:
                rows.append(Row(exchange.user, harmless(), 1.5, tuple(recent[-4:])))
                if public_sets.digest(exchange.reply.text) < 80:
                    rows.append(Row(exchange.reply.text, harmless(), 0.5))
            recent += [Line("user", exchange.user), Line("assistant", exchange.reply.text)]
    return rows


def written_rows(folder: Path, weight: float) -> list[Row]:
    rows = []
    for example in public_sets.written(folder):
        if not example.held_out:
            labels = only(example.category) if example.category else harmless()
            severity = example.severity if example.category else 0
            rows.append(Row(example.text, labels, weight, example.recent, severity))
            if blot(as_written(example.text).text, example.recent)[1]:
                rows.append(Row(example.text, labels, weight, example.recent, severity, blotted=True))
    return rows


# --- noise


def noisy(text: str, rng: random.Random) -> str:
    """``text`` spelled carelessly or to hide: of harmless texts too, so that noise alone means nothing."""
    how = rng.randrange(6)
    if how == 0:
        return text.replace(" ", "")
    if how == 1:
        return "".join(c + rng.choice(["", "", " "]) for c in text).strip()
    if how == 2:
        return "".join(letters(c) if is_syllable(c) and rng.random() < 0.4 else c for c in text)
    if how == 3:
        return "".join(_respelled(c, rng) if rng.random() < 0.35 else c for c in text)
    if how == 4:
        filler = rng.choice("*.~-1^@♡ㆍ_/!")
        return "".join(c + (filler if is_syllable(c) and rng.random() < 0.5 else "") for c in text)
    return "".join(c * rng.choice([1, 1, 2]) if is_syllable(c) else c for c in text)


_NEAR_INITIALS = ("ㄱㄲㅋ", "ㄷㄸㅌ", "ㅂㅃㅍ", "ㅅㅆ", "ㅈㅉㅊ")
_NEAR_MEDIALS = ("ㅏㅑ", "ㅓㅕ", "ㅗㅛ", "ㅜㅠ", "ㅐㅔㅖ", "ㅣㅟㅢ", "ㅚㅙㅞ")


def _respelled(syllable: str, rng: random.Random) -> str:
    if not is_syllable(syllable):
        return syllable
    initial, medial, final = split(syllable)
    initial = rng.choice(next((group for group in _NEAR_INITIALS if initial in group), initial))
    medial = rng.choice(next((group for group in _NEAR_MEDIALS if medial in group), medial))
    return join(initial, medial, final) if initial in INITIALS and medial in MEDIALS else syllable


def with_noise(rows: Sequence[Row], share: float, rng: random.Random) -> list[Row]:
    """Noisy copies of a share of the rows."""
    return [
        Row(noisy(row.text, rng), row.labels, row.weight * 0.5, row.recent, row.severity)
        for row in rows
        for _ in range(int(share + rng.random()))
    ]


def gather(options: argparse.Namespace, rng: random.Random) -> list[Row]:
    comments = comment_rows(options.data, options.comment_weight)
    talk = talk_rows(options.data) + dialogue_rows(options.dialogues)
    written = written_rows(options.written, options.written_weight)
    if not written:
        raise TrainingError(f"folder {options.written} holds no examples (*.jsonl)")
    for share, part in ((51, talk), (26, written)):
        for row in part:
            row.checked = public_sets.digest(f"calibrate {row.text}") < share
    rows = comments + talk + written
    for share, part in ((0.1, talk), (1.5, written)):
        learning = [row for row in part if not row.checked]
        rows += with_noise(learning, share, rng)
    return rows
