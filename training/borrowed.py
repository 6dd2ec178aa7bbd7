"""Everyday questions and answers of a public set, told in her voice: generated variation on top of what we wrote.

The answers of ChatbotData (docs/data.md) are polite; `plain_speech` turns them into 반말, and the bundled emotion
classifier gives them a tag. They teach a small model what answers what; who she is it learns from our own dialogues.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from character.emotion_classifier import EmotionClassifier
from training.corpus import VULGAR, DataFolder, clean
from training.dialogues import Dialogue, Exchange, Reply
from training.plain_speech import plain_speech

ABOUT_HER = re.compile(r"(?:^|\s)(?:나|내|난|저)(?:는|도|가|를|에게|의|한테)?\s")
"""Answers about the answerer would contradict who she is."""
HONORIFIC = re.compile(r"[가-힣]시(?:거나|고|면|지|는|다)\b|드시|계시|주무시|하시")


def borrowed_dialogues(data: Path) -> list[Dialogue]:
    """One dialogue of one exchange for each pair that turns well; empty where the set is missing.

    Raises:
        TrainingError: ``data`` is no data folder.
    """
    folder, pairs = DataFolder(data), []
    for _, text in folder.texts("chatbot_data", "ChatbotData.csv"):
        for row in csv.DictReader(io.StringIO(text)):
            question, answer = clean(row.get("Q") or ""), clean(row.get("A") or "")
            if not question or not answer or VULGAR.search(question + answer):
                continue
            plain = plain_speech(answer)
            if plain and not ABOUT_HER.search(plain) and not HONORIFIC.search(plain):
                pairs.append((question, plain))
    if not pairs:
        return []
    judge = EmotionClassifier.bundled().judge
    dialogues = []
    for number, (question, answer) in enumerate(dict.fromkeys(pairs)):
        emotion = judge(f"{question} {answer}")
        strength = min(1.0, max(0.1, round(emotion.strength, 1)))
        reply = Reply(emotion.name, strength, answer)
        dialogues.append(Dialogue(f"borrowed {number}", exchanges=[Exchange(question, reply)]))
    return dialogues
