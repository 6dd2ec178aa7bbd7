"""Turns a chat log into dialogues to fine-tune with.

    python -m training.chat_log my_chat.jsonl --out mine.txt              # a chat exported from the page
    python -m training.chat_log talk.txt --her 지우 --out mine.txt        # KakaoTalk's export, or lines 'name: words'

The result is plain text (training/data/FORMAT.md): read it and mend it before it is trained on. Replies without an emotion
get one from the bundled classifier; replies marked 👎 are left out. A pause of three hours begins a new dialogue.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.sft import WEEKDAYS
from training.tasks import read_jsonl

PAUSE = 3 * 3600
"""Seconds without a word after which a new dialogue begins."""
LONGEST = 8
"""Exchanges of one dialogue."""
KAKAO = re.compile(r"\[(?P<name>[^\]]+)\] \[(?P<half>오전|오후) (?P<hour>\d{1,2}):(?P<minute>\d\d)\] (?P<text>.*)")
KAKAO_DAY = re.compile(r"-+ (?P<year>\d{4})년 (?P<month>\d{1,2})월 (?P<day>\d{1,2})일 .요일 -+")
NAMED = re.compile(r"(?P<name>[^:：]{1,30})\s*[:：]\s*(?P<text>.+)")


@dataclass(frozen=True)
class Line:
    """One message of a log.

    Attributes:
        hers: whether the character, or who is to be her, said it.
        at: when; None where the log does not say.
        emotion: with strength, where it is known.
    """

    hers: bool
    text: str
    at: datetime | None = None
    emotion: tuple[str, float] | None = None


def from_export(path: Path) -> list[Line]:
    """The active line of a chat exported from the page.

    Raises:
        TrainingError: it is no such file.
    """
    rows = [row for _, row in read_jsonl(path)]
    if not rows or rows[0].get("format") != "ohlora.chat":
        raise TrainingError(f"{path} is no chat exported from the page: its first line does not say ohlora.chat")
    messages, found, at = rows[1:], [], rows[0].get("active")
    seen = set()
    while isinstance(at, int) and 0 <= at < len(messages) and at not in seen:
        seen.add(at)
        row = messages[at]
        if row.get("text") and row.get("good") is not False:
            felt = (row["emotion"], float(row.get("strength") or 0.5)) if row.get("emotion") else None
            when = datetime.fromtimestamp(row["created"]) if row.get("created") else None
            found.append(Line(row.get("role") == "assistant", row["text"], when, felt))
        at = row.get("parent")
    return found[::-1]


def from_text(path: Path, her: str) -> list[Line]:
    """KakaoTalk's exported text, or lines ``name: words``; what ``her`` says becomes the character's.

    Raises:
        TrainingError: it is not UTF-8, or nobody of that name speaks in it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TrainingError(f"{path} does not exist") from None
    except UnicodeDecodeError as error:
        raise TrainingError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    lines: list[Line] = []
    names: dict[str, None] = {}
    day: datetime | None = None
    for raw in text.splitlines():
        if match := KAKAO_DAY.match(raw.strip()):
            day = datetime(int(match["year"]), int(match["month"]), int(match["day"]))
            continue
        match = KAKAO.match(raw.strip()) or NAMED.match(raw.strip())
        if match is None:
            if raw.strip() and lines:  # a message of several lines
                lines[-1] = replace(lines[-1], text=f"{lines[-1].text} {raw.strip()}")
            continue
        at = None
        if day is not None and "hour" in match.re.groupindex:
            hour = int(match["hour"]) % 12 + (12 if match["half"] == "오후" else 0)
            at = day.replace(hour=hour, minute=int(match["minute"]))
        names[match["name"].strip()] = None
        lines.append(Line(match["name"].strip() == her, match["text"].strip(), at))
    if her not in names:
        raise TrainingError(
            f"nobody named {her!r} speaks in {path}; there are: {', '.join(list(names)[:8]) or 'nobody'}"
        )
    return lines


def exchanges(lines: Sequence[Line]) -> Iterator[list[tuple[Line, Line]]]:
    """Dialogues of (what was said to her, her reply); messages one after another of the same person become one."""
    joined: list[Line] = []
    for line in lines:
        near = joined and (not line.at or not joined[-1].at or (line.at - joined[-1].at).total_seconds() < PAUSE)
        if joined and near and joined[-1].hers == line.hers:
            joined[-1] = replace(joined[-1], text=f"{joined[-1].text} {line.text}")
        else:
            joined.append(line)
    dialogue: list[tuple[Line, Line]] = []
    last: Line | None = None
    for line in joined:
        if last is not None and last.at and line.at and (line.at - last.at).total_seconds() >= PAUSE:
            if dialogue:
                yield dialogue
            dialogue, last = [], None
        if line.hers and last is not None and not last.hers:
            dialogue.append((last, line))
            if len(dialogue) == LONGEST:
                yield dialogue
                dialogue = []
        last = line
    if dialogue:
        yield dialogue


def spoken_time(at: datetime) -> str:
    """``금요일 밤 10시``, as dialogues are dated."""
    parts = ((6, "새벽"), (12, "아침"), (18, "낮"), (21, "저녁"), (24, "밤"))
    part = next(name for end, name in parts if at.hour < end)
    return f"{WEEKDAYS[at.weekday()]}요일 {part} {at.hour % 12 or 12}시"


def write_dialogues(lines: Sequence[Line], judge: Any, source: str) -> tuple[str, int, int]:
    """The dialogues as text, how many, and how many replies."""
    written, replies = [], 0
    for number, dialogue in enumerate(exchanges(lines), 1):
        # The title decides what is held out: part of it is the content, so that other logs are split otherwise.
        content = hashlib.blake2b(dialogue[0][0].text.encode(), digest_size=3).hexdigest()
        written.append(f"### {source} {number} ({content})")
        if dialogue[0][0].at:
            written.append(f"지금: {spoken_time(dialogue[0][0].at)}")
        for said, reply in dialogue:
            words = " ".join(reply.text.split())
            name, strength = reply.emotion or (lambda felt: (felt.name, felt.strength))(judge(words))
            written.append(f"U: {' '.join(said.text.split())}")
            written.append(f"A {name} {min(1.0, max(0.1, round(strength, 1)))}: {words}")
            replies += 1
        written.append("")
    return "\n".join(written), sum(line.startswith("### ") for line in written), replies


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.chat_log", description=__doc__.split("\n")[0])
    parser.add_argument("log", type=Path, help="a chat exported from the page (.jsonl), or a text")
    parser.add_argument("--her", default="", help="for a text: the name of the person whose manner is to be learnt")
    parser.add_argument("--out", type=Path, required=True, help="text file of dialogues to write")
    options = parser.parse_args(argv)

    from character.emotion_classifier import EmotionClassifier

    try:
        if options.out.exists():
            raise TrainingError(f"{options.out} exists already; name a new file")
        if options.her:
            lines = from_text(options.log, options.her)
        else:
            lines = from_export(options.log)
        text, dialogues, replies = write_dialogues(lines, EmotionClassifier.bundled().judge, options.log.stem)
        if not replies:
            raise TrainingError(f"{options.log} holds no reply to learn from")
        options.out.write_text(text, encoding="utf-8")
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {options.out} cannot be written: {error.strerror or error}", file=sys.stderr)
        return 1
    print(json.dumps({"dialogues": dialogues, "replies": replies, "written": str(options.out)}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
