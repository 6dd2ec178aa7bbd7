"""Written examples of the tasks beside talk: what to remember, the rolling summary, the wish for a picture.

One JSON object per line; `training/data/FORMAT.md` describes the fields. Each becomes a chat of one question and one
answer in the very words the server uses, so that one adapter serves talk and tasks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.memory import KINDS, SLOTS
from training.dialogues import held_out
from training.errors import TrainingError

WRITTEN = Path(__file__).parent / "data" / "tasks"
LONGEST_FILE = 64 << 20
"""Bytes of a file of examples; more is surely a mistake."""

Message = dict[str, str]


@dataclass(frozen=True)
class Task:
    """One example.

    Attributes:
        task: ``memory``, ``summary`` or ``picture``.
        row: the fields as they were written.
    """

    task: str
    title: str
    row: dict[str, Any]

    @property
    def held_out(self) -> bool:
        """A tenth, chosen by title so that it never changes, is never trained on."""
        return held_out(self.title)

    @property
    def prompt(self) -> list[Message]:
        """What the model is asked, in the words of the server."""
        return PROMPTS[self.task](self.row)

    @property
    def answer(self) -> str:
        """What it should answer."""
        return ANSWERS[self.task](self.row)

    @property
    def messages(self) -> list[Message]:
        return [*self.prompt, {"role": "assistant", "content": self.answer}]


def _memory_prompt(row: dict[str, Any]) -> list[Message]:
    from rag.extraction import extraction_messages

    return extraction_messages(row["message"], [tuple(exchange) for exchange in row.get("before", [])])


def _memory_answer(row: dict[str, Any]) -> str:
    keys = ("kind", "slot", "text", "quote", "when")
    return json.dumps([{k: m[k] for k in keys if m.get(k)} for m in row["memories"]], ensure_ascii=False)


def _summary_prompt(row: dict[str, Any]) -> list[Message]:
    from rag.summary import summary_messages

    return summary_messages(row.get("previous", ""), [tuple(turn) for turn in row["turns"]])


def _picture_prompt(row: dict[str, Any]) -> list[Message]:
    from imagegen.request import request_messages

    return request_messages([tuple(exchange) for exchange in row.get("before", [])], row["message"])


def _picture_answer(row: dict[str, Any]) -> str:
    from imagegen.request import request_of

    request = request_of(row["request"])
    return request.to_json() if request else "null"


PROMPTS: dict[str, Callable[[dict[str, Any]], list[Message]]] = {
    "memory": _memory_prompt,
    "summary": _summary_prompt,
    "picture": _picture_prompt,
}
ANSWERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "memory": _memory_answer,
    "summary": lambda row: row["summary"],
    "picture": _picture_answer,
}


def read_jsonl(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (place, object) of every line that is not empty.

    Raises:
        TrainingError: names the file and line, and what is wrong with it.
    """
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise TrainingError(f"{path} has more than {LONGEST_FILE >> 20} MiB; split it")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TrainingError(f"{path} does not exist") from None
    except UnicodeDecodeError as error:
        raise TrainingError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TrainingError(f"{place}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise TrainingError(f"{place}: a line is one JSON object")
        yield place, row


def _text(row: dict[str, Any], key: str, place: str, *, may_be_empty: bool = False) -> str:
    value = row.get(key, "" if may_be_empty else None)
    if not isinstance(value, str) or not (value.strip() or may_be_empty):
        raise TrainingError(f"{place}: {key!r} must be text")
    return value


def _exchanges(row: dict[str, Any], key: str, place: str, most: int) -> list[list[str]]:
    value = row.get(key, [])
    good = isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(side, str) and side.strip() for side in pair)
        for pair in value
    )
    if not good or len(value) > most:
        raise TrainingError(f"{place}: {key!r} must be a list of at most {most} pairs [user, reply]")
    return value


def _check_memory(row: dict[str, Any], place: str) -> None:
    message = _text(row, "message", place)
    _exchanges(row, "before", place, 3)
    memories = row.get("memories")
    if not isinstance(memories, list) or not all(isinstance(memory, dict) for memory in memories):
        raise TrainingError(f"{place}: 'memories' must be a list of objects; nothing to remember is []")
    for memory in memories:
        for key, allowed in (("kind", KINDS), ("slot", SLOTS)):
            if memory.get(key) not in allowed:
                raise TrainingError(f"{place}: {key} {memory.get(key)!r} is none of {' '.join(allowed)}")
        if not _text(memory, "text", place).rstrip(".").endswith("다"):
            raise TrainingError(f"{place}: the memory {memory['text']!r} must end in 다.")
        for key in ("quote", *(["when"] if memory.get("when") else [])):
            if _text(memory, key, place) not in message:
                raise TrainingError(f"{place}: {key} {memory[key]!r} does not stand in the message")


def _check_summary(row: dict[str, Any], place: str) -> None:
    _text(row, "previous", place, may_be_empty=True)
    if not _exchanges(row, "turns", place, 10):
        raise TrainingError(f"{place}: 'turns' is empty")
    if len(_text(row, "summary", place)) > 260:
        raise TrainingError(f"{place}: the summary has {len(row['summary'])} characters; 260 are the most")


def _check_picture(row: dict[str, Any], place: str) -> None:
    from imagegen.request import ACTIONS, FIELDS

    _text(row, "message", place)
    _exchanges(row, "before", place, 3)
    request = row.get("request", {})
    if request is None:
        return
    if not isinstance(request, dict) or request.get("action") not in ACTIONS:
        raise TrainingError(f"{place}: 'request' must be null or have an action of {' '.join(ACTIONS)}")
    for key, value in request.items():
        if key != "action" and (key not in FIELDS or not isinstance(value, str) or not value.strip()):
            raise TrainingError(f"{place}: {key!r} is no text field of a request ({' '.join(FIELDS)})")


CHECKS = {"memory": _check_memory, "summary": _check_summary, "picture": _check_picture}


def load_tasks(folder: Path = WRITTEN) -> list[Task]:
    """All examples of ``memory*.jsonl``, ``summary*.jsonl`` and ``picture*.jsonl`` in a folder, checked.

    Raises:
        TrainingError: names the file, the line and what is wrong with it.
    """
    tasks = []
    for kind, check in CHECKS.items():
        for path in sorted(folder.glob(f"{kind}*.jsonl")):
            for place, row in read_jsonl(path):
                title = _text(row, "title", place)
                check(row, place)
                tasks.append(Task(kind, title, row))
    return tasks
