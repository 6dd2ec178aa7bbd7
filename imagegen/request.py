"""What a message asks to be drawn: the language model's task, and the reading of its answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

ACTIONS = ("selfie", "draw", "restyle", "scene", "edit", "again")
SYSTEM = "[그림] 상대가 그림이나 사진을 부탁했으면 무엇을 부탁했는지 JSON으로, 부탁하지 않았으면 null을 적는다."


@dataclass(frozen=True)
class PictureRequest:
    """A wish for a picture; fields that were not said are empty.

    Attributes:
        action: ``selfie`` (a picture of her), ``draw`` (anything else), ``restyle`` (that picture in another style),
            ``scene`` (change what surrounds somebody on a photo), ``edit`` (change the last picture), ``again``.
    """

    action: str
    subject: str = ""
    place: str = ""
    time: str = ""
    weather: str = ""
    season: str = ""
    outfit: str = ""
    pose: str = ""
    expression: str = ""
    mood: str = ""
    style: str = ""
    change: str = ""
    without: str = ""

    def to_json(self) -> str:
        """As the model writes it: only what was said."""
        said = {field.name: value for field in fields(self) if (value := getattr(self, field.name))}
        return json.dumps(said, ensure_ascii=False)


FIELDS = tuple(field.name for field in fields(PictureRequest) if field.name != "action")


def request_messages(before: Sequence[tuple[str, str]], message: str) -> list[dict[str, str]]:
    """The task as chat messages.

    Args:
        before: up to three exchanges before it, (user, her reply): "더 밝게" means nothing without them.
        message: what the user just said.
    """
    lines = [line for user, reply in before[-3:] for line in (f"상대: {user}", f"오로라: {reply}")]
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "\n".join([*lines, f"말: {message}"])}]


def parse_request(text: str) -> PictureRequest | None:
    """Reads the model's answer; None for ``null`` and for anything that is no request. Never raises."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return None
    try:
        found = json.loads(text[start : end + 1])
    except ValueError:
        return None
    return request_of(found)


def request_of(value: Any) -> PictureRequest | None:
    """A request from its JSON object; unknown fields and empty ones are left out."""
    if not isinstance(value, dict) or value.get("action") not in ACTIONS:
        return None
    said = {name: words.strip() for name in FIELDS if isinstance(words := value.get(name), str) and words.strip()}
    return PictureRequest(value["action"], **said)
