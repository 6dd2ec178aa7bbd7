"""Written persona dialogues: the plain-text format of `training/data/FORMAT.md`, read and checked."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from character.emotion import EMOTIONS, format_tag
from training.errors import TrainingError

WRITTEN = Path(__file__).parent / "data" / "persona"
REPLY = re.compile(r"A (\S+) (\d(?:\.\d)?): (.+)")
NOW = re.compile(r"[월화수목금토일]요일 (새벽|아침|낮|오후|저녁|밤) \d{1,2}시(?: \d{1,2}분)?")


def held_out(title: str) -> bool:
    """Whether what is called so belongs to the tenth that is never trained on."""
    return hashlib.blake2b(title.encode(), digest_size=4).digest()[0] % 10 == 0


@dataclass(frozen=True)
class Reply:
    emotion: str
    strength: float
    text: str

    @property
    def tagged(self) -> str:
        """The reply as the model writes it: tag, space, words."""
        return f"{format_tag(self.emotion, self.strength)} {self.text}"


@dataclass(frozen=True)
class Exchange:
    user: str
    reply: Reply
    memories: tuple[str, ...] = ()


@dataclass
class Dialogue:
    title: str
    now: str = ""
    user_name: str = ""
    polite: bool = False
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def held_out(self) -> bool:
        """A tenth of the dialogues, chosen by title so that it never changes, is never trained on."""
        return held_out(self.title)


def parse_dialogues(text: str, source: str) -> list[Dialogue]:
    """Reads dialogues in the written format.

    Raises:
        TrainingError: names the file, the line and what is wrong with it.
    """
    dialogues: list[Dialogue] = []
    memories: list[str] = []
    user: str | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line, place = raw.strip(), f"{source}:{number}"
        if line.startswith("### "):
            dialogues.append(Dialogue(line[4:].strip()))
        elif not line:
            continue
        elif not dialogues:
            raise TrainingError(f"{place}: a dialogue must begin with '### title'")
        elif line.startswith("U: "):
            if user is not None:
                raise TrainingError(f"{place}: two user lines in a row")
            user = line[3:].strip()
        elif line.startswith("M: "):
            memories.append(line[3:].strip())
        elif line.startswith("A "):
            match = REPLY.fullmatch(line)
            if match is None:
                raise TrainingError(f"{place}: a reply reads 'A emotion strength: words'")
            emotion, strength, words = match[1], float(match[2]), match[3].strip()
            if emotion not in EMOTIONS or not 0 < strength <= 1:
                raise TrainingError(
                    f"{place}: emotion '{emotion} {match[2]}' is not one of {' '.join(EMOTIONS)} with 0.1–1.0"
                )
            if user is None:
                raise TrainingError(f"{place}: a reply without a user line before it")
            dialogues[-1].exchanges.append(Exchange(user, Reply(emotion, strength, words), tuple(memories)))
            user, memories = None, []
        elif line.startswith("지금:"):
            dialogues[-1].now = line[3:].strip()
        elif line.startswith("상대:"):
            dialogues[-1].user_name = line[3:].strip()
        elif line.startswith("말투:"):
            dialogues[-1].polite = "존댓말" in line
        else:
            raise TrainingError(f"{place}: this line begins with none of ###, 지금:, 상대:, 말투:, M:, U:, A")
    if user is not None:
        raise TrainingError(f"{source}: the last user line has no reply")
    for dialogue in dialogues:
        if not dialogue.exchanges:
            raise TrainingError(f"{source}: dialogue '{dialogue.title}' is empty")
    return dialogues


def load_dialogues(path: Path = WRITTEN) -> list[Dialogue]:
    """All dialogues of a file, or of every ``.txt`` of a folder.

    Raises:
        TrainingError: the path is missing, holds no dialogue, or a line is malformed.
    """
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    dialogues: list[Dialogue] = []
    for file in files:
        try:
            dialogues += parse_dialogues(file.read_text(encoding="utf-8"), file.name)
        except FileNotFoundError:
            raise TrainingError(f"{file} does not exist") from None
        except UnicodeDecodeError as error:
            raise TrainingError(f"{file} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    if not dialogues:
        raise TrainingError(f"{path} holds no dialogue; training/data/FORMAT.md shows the format")
    return dialogues
