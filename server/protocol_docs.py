"""Writes ``docs/protocol.md`` from the types of `server.protocol`: ``python -m server.protocol_docs > docs/protocol.md``."""

from __future__ import annotations

import inspect
import sys
import types
import typing

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from server import protocol
from server.face_stream import FACE_FRAME, HEADER

HEAD = f"""# The websocket protocol

Written from `server/protocol.py` by `python -m server.protocol_docs`; do not edit by hand.

The page, `/healthz`, `/metrics` and the socket (`/ws`) share one port. Text frames are JSON envelopes:

```json
{{"v": 1, "type": "turn.send", "id": "r7", "chat": "4f…", "data": {{"client_id": "c1", "parent": null, "text": "안녕"}}}}
```

| field | meaning |
|---|---|
| `v` | {protocol.VERSION} |
| `type` | name of the message |
| `id` | chosen by the client for a request; the direct answer, or an `error`, carries the same |
| `chat` | the chat the message is about |
| `turn` | on events: the turn it belongs to |
| `seq` | on events of a chat: 1, 2, 3, … without gaps, stored, replayed from `hello{{last_seq}}` |
| `data` | the fields below |

Binary frames to the server carry the content of an upload, after `upload.start`.

Binary frames from the server are pictures of her face, after `face.watch`: a header of {HEADER.size} bytes, big-endian, then
the picture in the media type that `face.watching` names.

| bytes | header field |
|---|---|
| 0 | kind: {FACE_FRAME}, a frame of her face |
| 1 | 0 |
| 2–3 | `watch` of the `face.watching` it belongs to: frames of an earlier one may still arrive, and are to be thrown away |
| 4–7 | turn: the first 8 hexadecimal digits of the live turn's id; 0 between turns |
| 8–11 | number of the frame, from 1 in each watch; dropped frames leave gaps |
| 12–15 | milliseconds since the watch began |

Text goes first: a frame is sent only when nothing else waits to be written and the client has answered the websocket ping
behind the frames before it (browsers and libraries do so by themselves).

**Order and durability.** An event is on disk before it is sent. A client that comes back names the last event it saw of
each chat and gets what followed, in order, each once; where events are no longer kept (the newest
{2000:,} of a chat are) it gets a `chat.snapshot`. `turn.ack` means that what the user said is on disk.

**Limits.** Frames: {protocol.MAX_FRAME_BYTES // 1024} KiB. Text: {protocol.MAX_TEXT_CHARACTERS:,} characters.
Uploads: {protocol.MAX_UPLOAD_BYTES // 1024 // 1024} MiB. Turns and frames per account: see `python -m server --help`.

| close code | when |
|---|---|
| {protocol.CLOSE_GOING_AWAY} | the client leaves |
| {protocol.CLOSE_NOT_TEXT} | a text frame that is not UTF-8 |
| {protocol.CLOSE_POLICY} | no `hello` within 5 s, wrong token or login code, account disabled, or frames without end beyond the rate |
| {protocol.CLOSE_TOO_BIG} | a frame over the limit |
| {protocol.CLOSE_RESTART} | the server restarts: come back |
| {protocol.CLOSE_TRY_LATER} | too many connections, or this client reads too slowly: come back later |

"""


def type_name(annotation: object) -> str:
    """A type as a reader writes it: ``str``, ``list of MessageState``, ``"png" or "json"``, ``null``."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_name(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_name(argument) for argument in arguments)
    if origin is typing.Literal:
        return " or ".join(f'"{argument}"' for argument in arguments)
    if origin is list:
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"object of {type_name(arguments[1])}"
    if annotation is type(None):
        return "null"
    if annotation is typing.Any:
        return "any"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return {str: "string", int: "integer", float: "number", bool: "boolean"}.get(annotation, str(annotation))  # type: ignore[call-overload, no-any-return]


def limits(field: FieldInfo) -> str:
    """The bounds of a field, read from its metadata."""
    found = []
    for item in field.metadata:
        for name, text in (("min_length", "at least {}"), ("max_length", "at most {}"), ("ge", "≥ {}"), ("le", "≤ {}")):
            value = getattr(item, name, None)
            if value is not None and not (name == "min_length" and value == 1):
                found.append(text.format(f"{value:,}"))
    return ", ".join(found)


def fields(model: type[BaseModel]) -> str:
    if not model.model_fields:
        return "No fields.\n"
    lines = ["| field | type | |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True) if not field.is_required() else ...
        notes = [field.description or "", limits(field)]
        if default is not ... and default is not None:
            notes.append(f"default `{default}`")
        elif default is None:
            notes.append("optional")
        lines.append(f"| `{name}` | {type_name(field.annotation)} | {'; '.join(note for note in notes if note)} |")
    return "\n".join(lines) + "\n"


def section(model: type[protocol.Message]) -> str:
    return f"### `{model.type}`\n\n{inspect.getdoc(model)}\n\n{fields(model)}"


def render() -> str:
    """The whole document."""
    parts = [HEAD, "## From the client\n"]
    parts += [section(model) for model in protocol.CLIENT_MESSAGES.values()]
    parts.append("## From the server\n")
    parts += [section(model) for model in protocol.SERVER_MESSAGES.values()]
    parts.append("## Objects in messages\n")
    for model in (
        protocol.ChatSummary, protocol.MessageState, protocol.ModelInfo, protocol.CardSummary, protocol.Hit,
        protocol.MemoryEntry, protocol.EarlierMemory, protocol.RecalledMemory,
        protocol.FaceOffer, protocol.FacePortrait,
        protocol.Ban, protocol.DecisionState, protocol.AdminDecision, protocol.HelpLine,
    ):  # fmt: skip
        parts.append(f"### {model.__name__}\n\n{inspect.getdoc(model)}\n\n{fields(model)}")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(render())
