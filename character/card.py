"""Character cards: V1, V2 and V3, in JSON and inside PNG pictures.

A card keeps the JSON it was read from and shows typed views of it, so that whatever this program does not know (fields
at any level, extensions, assets) is written out as it came in. In a PNG the card stands in ``tEXt`` chunks: ``ccv3``
holds V3, ``chara`` V2, both as base64 of UTF-8 JSON. The picture is never decoded here.

What is ours stands in ``extensions.ohlora``: ``emotions`` (emotion → face attribute → value at strength 1),
``greeting_hours`` (per greeting ``[from, to]`` in hours of the day, or null) and ``speech``.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, NamedTuple

from character.emotion import EMOTIONS, Emotion
from character.errors import CardError
from character.lorebook import Lorebook, LoreEntry, read_decorators
from stylegan.attributes import ATTRIBUTES, EXPRESSION, clamp

Spec = Literal["v2", "v3"]

MAX_JSON_BYTES = 8 * 2**20
MAX_PNG_BYTES = 32 * 2**20
MAX_PIXELS = 8192 * 8192
"""Larger pictures are refused unseen: a few kilobytes can unpack to gigabytes in whatever shows them."""
MAX_CHUNKS = 20_000
MAX_DEPTH = 100
MAX_VALUES = 500_000
"""Commas and brackets a card may have: small values cost far more memory than their bytes."""
MAX_LORE_ENTRIES = 5_000

BUILTIN = Path(__file__).parent / "cards" / "aurora.json"
BACKFILL_NOTE = "This is a Character Card V3 shown as V2; open it in a program that reads V3 to get all of it."

TEXTS = ["name", "description", "personality", "scenario", "first_mes", "mes_example", "creator", "creator_notes"]
TEXTS += ["system_prompt", "post_history_instructions", "character_version"]
LISTS = ["alternate_greetings", "tags"]


# --- Emotions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EmotionTable:
    """Where each emotion takes the face.

    Attributes:
        targets: for each of the eight emotions, values of `stylegan.attributes.EXPRESSION` at strength 1; an attribute
            that is not named stays neutral.
    """

    targets: Mapping[str, Mapping[str, float]]

    def face(self, emotion: Emotion) -> dict[str, float]:
        """All expression attributes for ``emotion``: from neutral to the target in proportion to its strength.

        Raises:
            KeyError: no emotion has this name.
        """
        target = self.targets[emotion.name]
        strength = min(1.0, max(0.0, emotion.strength))
        face = {}
        for name in EXPRESSION:
            neutral = ATTRIBUTES[name].neutral
            face[name] = clamp(name, neutral * (1 - strength) + target.get(name, neutral) * strength)
        return face


DEFAULT_EMOTIONS = EmotionTable(
    {
        "평온": {"eyes": 0.7, "mouth": 0.05, "smile": 0.2},
        "기쁨": {"eyes": 0.6, "mouth": 0.3, "smile": 0.9, "brow": 0.2, "pitch": 3},
        "슬픔": {"eyes": 0.45, "mouth": 0.05, "smile": -0.6, "brow": 0.7, "pose": -5, "pitch": -8},
        "분노": {"eyes": 0.8, "mouth": 0.1, "smile": -0.5, "brow": -0.9, "pitch": -3},
        "놀람": {"eyes": 1.0, "mouth": 0.6, "smile": 0.0, "brow": 0.9, "pitch": 4},
        "두려움": {"eyes": 0.95, "mouth": 0.25, "smile": -0.4, "brow": 0.8, "pose": -10, "pitch": -4},
        "부끄러움": {"eyes": 0.45, "mouth": 0.08, "smile": 0.45, "brow": 0.35, "pose": 14, "pitch": -8},
        "혐오": {"eyes": 0.4, "mouth": 0.15, "smile": -0.55, "brow": -0.55, "pose": -12, "pitch": 4},
    }
)
"""For characters whose card says nothing of their face."""


# --- JSON -------------------------------------------------------------------------------------------------------------


def _parse_json(data: bytes) -> dict[str, Any]:
    """A JSON object from hostile bytes.

    Raises:
        CardError: too large, too deep, not UTF-8, not JSON or not an object.
    """
    if len(data) > MAX_JSON_BYTES:
        raise CardError(f"its JSON is larger than {MAX_JSON_BYTES // 2**20} MiB")
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_VALUES:
        raise CardError(f"its JSON has more than {MAX_VALUES:,} values")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CardError(f"its JSON is not UTF-8 text (byte {error.start})") from None
    try:
        raw = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except json.JSONDecodeError as error:
        raise CardError(f"its JSON is broken: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise CardError(f"its JSON is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:
        raise CardError("its JSON holds a number that is out of range") from None
    if not isinstance(raw, dict):
        raise CardError(f"its JSON is {_kind(raw)}, not an object")
    _check_depth(raw)
    return raw


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value


def _check_depth(raw: object) -> None:
    level: list[object] = [raw]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise CardError(f"its JSON is nested deeper than {MAX_DEPTH} levels")


def _dump_json(raw: object, indent: int | None = None) -> bytes:
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(raw, ensure_ascii=False, indent=indent, separators=separators).encode()
    except UnicodeEncodeError:  # half of a surrogate pair can only be written escaped
        return json.dumps(raw, indent=indent, separators=separators).encode()


# --- Typed reading of raw JSON ----------------------------------------------------------------------------------------
# A field that is absent or null takes its default; one of another type is refused, with its place in the card.


def _kind(value: object) -> str:
    kinds = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return kinds.get(type(value), "null")


def _wrong(place: str, wanted: str, value: object) -> CardError:
    return CardError(f"{place} must be {wanted}, not {_kind(value)}")


def _text(raw: Mapping[str, Any], key: str, place: str) -> str:
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(f"{place}.{key}", "a text", value)
    return _storable(value)


def _storable(text: str) -> str:
    """``text`` without what databases and sockets refuse: zero bytes and halves of surrogate pairs."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text.replace("\0", ""))


def _texts(raw: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    value = raw.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong(f"{place}.{key}", "a list of texts", value)
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise _wrong(f"{place}.{key}[{index}]", "a text", item)
    return tuple(_storable(item) for item in value)


def _boolean(raw: Mapping[str, Any], key: str, place: str, default: bool = False) -> bool:
    value = raw.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _wrong(f"{place}.{key}", "true or false", value)
    return value


def _number(raw: Mapping[str, Any], key: str, place: str) -> float | None:
    value = raw.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(f"{place}.{key}", "a number", value)
    if abs(value) > 2**53:
        raise CardError(f"{place}.{key} is out of range")
    return value


def _object(raw: Mapping[str, Any], key: str, place: str) -> dict[str, Any]:
    value = raw.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(f"{place}.{key}", "an object", value)
    return value


def read_lorebook(raw: Mapping[str, Any], place: str = "lorebook") -> Lorebook:
    """A lorebook from its JSON (V2 ``character_book``, V3 ``Lorebook``).

    Raises:
        CardError: a field has the wrong type; the message begins with ``place``.
    """
    entries = raw.get("entries")
    if not isinstance(entries, list):
        raise _wrong(f"{place}.entries", "a list", entries)
    if len(entries) > MAX_LORE_ENTRIES:
        raise CardError(f"{place} has more than {MAX_LORE_ENTRIES:,} entries")
    depth, budget = _number(raw, "scan_depth", place), _number(raw, "token_budget", place)
    return Lorebook(
        entries=tuple(_read_entry(entry, f"{place}.entries[{index}]") for index, entry in enumerate(entries)),
        scan_depth=None if depth is None else int(depth),
        token_budget=None if budget is None else int(budget),
        recursive_scanning=_boolean(raw, "recursive_scanning", place),
    )


def _read_entry(raw: object, place: str) -> LoreEntry:
    if not isinstance(raw, dict):
        raise _wrong(place, "an object", raw)
    # Exporters write all kinds of things for the position; what is not after the character stands before her.
    position = "after_char" if raw.get("position") == "after_char" else "before_char"
    return LoreEntry(
        keys=_texts(raw, "keys", place),
        content=_text(raw, "content", place),
        secondary_keys=_texts(raw, "secondary_keys", place),
        selective=_boolean(raw, "selective", place),
        constant=_boolean(raw, "constant", place),
        case_sensitive=_boolean(raw, "case_sensitive", place),
        use_regex=_boolean(raw, "use_regex", place),
        enabled=_boolean(raw, "enabled", place, default=True),
        insertion_order=_number(raw, "insertion_order", place) or 0,
        priority=_number(raw, "priority", place),
        position=position,
        name=_text(raw, "name", place),
    )


def _read_emotions(raw: Mapping[str, Any], place: str) -> EmotionTable:
    if not raw:
        return DEFAULT_EMOTIONS
    targets = dict(DEFAULT_EMOTIONS.targets)
    for emotion in raw:
        if emotion not in EMOTIONS:
            raise CardError(f"{place} names the emotion {ascii(emotion)[:40]}; there are {', '.join(EMOTIONS)}")
        target = _object(raw, emotion, place)
        for attribute in target:
            if attribute not in EXPRESSION:
                raise CardError(f"{place}.{emotion} names {ascii(attribute)[:40]}; there are {', '.join(EXPRESSION)}")
        values = {name: _number(target, name, f"{place}.{emotion}") for name in target}
        targets[emotion] = {name: value for name, value in values.items() if value is not None}
    return EmotionTable(targets)


def _read_hours(raw: Mapping[str, Any], place: str) -> tuple[tuple[int, int] | None, ...]:
    value = raw.get("greeting_hours")
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong(f"{place}.greeting_hours", "a list", value)
    for index, pair in enumerate(value):
        fits = isinstance(pair, list) and len(pair) == 2 and all(type(h) is int and 0 <= h <= 24 for h in pair)
        if pair is not None and not fits:
            raise CardError(f"{place}.greeting_hours[{index}] must be null or two hours from 0 to 24")
    return tuple(None if pair is None else (pair[0], pair[1]) for pair in value)


# --- PNG --------------------------------------------------------------------------------------------------------------

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEYWORDS = (b"ccv3", b"chara")
"""Chunks that hold a card, the better first."""


class _Chunk(NamedTuple):
    kind: bytes
    start: int
    end: int
    data: memoryview


def _chunks(png: bytes) -> Iterator[_Chunk]:
    """The chunks of a PNG, up to IEND.

    Raises:
        CardError: not a PNG, cut short, damaged, or a picture of more than `MAX_PIXELS` pixels.
    """
    if len(png) > MAX_PNG_BYTES:
        raise CardError(f"the picture is larger than {MAX_PNG_BYTES // 2**20} MiB")
    if not png.startswith(PNG_SIGNATURE):
        raise CardError("the picture is not a PNG")
    view, position = memoryview(png), len(PNG_SIGNATURE)
    for index in range(MAX_CHUNKS):
        if position + 12 > len(png):
            raise CardError("the PNG is cut short: it ends before its IEND chunk")
        length, kind = struct.unpack_from(">I4s", png, position)
        end = position + 12 + length
        if not kind.isalpha():
            raise CardError(f"the PNG is damaged at byte {position}: no chunk begins there")
        if end > len(png):
            raise CardError(f"the PNG is cut short inside its {kind.decode('ascii')} chunk")
        chunk = _Chunk(kind, position, end, view[position + 8 : end - 4])
        if index == 0:
            _check_size(chunk)
        yield chunk
        if kind == b"IEND":
            return
        position = end
    raise CardError(f"the PNG has more than {MAX_CHUNKS:,} chunks")


def _check_size(header: _Chunk) -> None:
    if header.kind != b"IHDR" or len(header.data) != 13:
        raise CardError("the PNG is damaged: it does not begin with an IHDR chunk")
    width, height = struct.unpack_from(">II", header.data)
    if not width or not height or width * height > MAX_PIXELS:
        raise CardError(f"the PNG claims {width} × {height} pixels; at most {MAX_PIXELS:,} pixels are taken")


def _keyword(chunk: _Chunk) -> bytes:
    """The keyword of a text chunk, in lower case; empty for other chunks."""
    return bytes(chunk.data[:80]).partition(b"\0")[0].lower() if chunk.kind == b"tEXt" else b""


def _card_in_png(png: bytes) -> dict[str, Any]:
    texts: dict[bytes, _Chunk] = {}
    for chunk in _chunks(png):
        if (keyword := _keyword(chunk)) in KEYWORDS:
            texts.setdefault(keyword, chunk)
    for keyword in KEYWORDS:
        if keyword in texts:
            return _parse_json(_decode_text(texts[keyword], keyword, png))
    raise CardError(
        "the PNG holds no character card (no 'ccv3' or 'chara' text); a screenshot or a re-saved copy loses it"
    )


def _decode_text(chunk: _Chunk, keyword: bytes, png: bytes) -> bytes:
    name = keyword.decode("ascii")
    (checksum,) = struct.unpack_from(">I", png, chunk.end - 4)
    if zlib.crc32(png[chunk.start + 4 : chunk.end - 4]) != checksum:
        raise CardError(f"its '{name}' chunk is damaged (wrong checksum)")
    encoded = b"".join(bytes(chunk.data[len(keyword) + 1 :]).split())
    if len(encoded) > MAX_JSON_BYTES * 4 // 3 + 4:
        raise CardError(f"its JSON is larger than {MAX_JSON_BYTES // 2**20} MiB")
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise CardError(f"its '{name}' chunk is not valid base64") from None


def _text_chunk(keyword: bytes, raw: object) -> bytes:
    body = b"tEXt" + keyword + b"\0" + base64.b64encode(_dump_json(raw))
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


CURTAINS = ((60, 0.0, (20, 150, 105)), (84, 1.7, (26, 190, 140)), (98, 4.1, (120, 70, 190)))
"""The lights of the default picture: height of the lower edge, phase, colour."""


@lru_cache(maxsize=1)
def default_picture() -> bytes:
    """A PNG of an aurora over a night sky, 400 × 600, for cards that have no picture."""
    from PIL import Image

    width, height = 100, 150
    pixels = bytearray()
    for y in range(height):
        for x in range(width):
            colour = [6 + y * 0.10, 10 + y * 0.14, 30 + y * 0.22]
            for edge, phase, light in CURTAINS:
                above = edge + 9 * math.sin(x / 13 + phase) + 4 * math.sin(x / 5 + 2 * phase) - y
                ray = 0.8 + 0.2 * math.sin(x * 0.9 + phase)
                # Bright at its lower edge, fading slowly upwards and at once below.
                glow = ray * math.exp(-above / 26 if above > 0 else above / 4)
                colour = [value + part * glow for value, part in zip(colour, light, strict=True)]
            pixels += bytes(min(255, int(value)) for value in colour)
    picture = Image.frombytes("RGB", (width, height), bytes(pixels)).resize((400, 600), Image.Resampling.BICUBIC)
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


# --- The card ---------------------------------------------------------------------------------------------------------


class Card:
    """A character. Read-only: the raw JSON is shared, not copied.

    Attributes:
        raw: the JSON object the card was read from.
        picture: the PNG it came in, card and all; None for a card from JSON.
    """

    def __init__(self, raw: dict[str, Any], picture: bytes | None = None) -> None:
        """Checks every field this program reads.

        Raises:
            CardError: not a card, or a field has the wrong type.
        """
        self.raw = raw
        self.picture = picture
        self.spec: Literal["v1", "v2", "v3"] = self._find_spec()
        self._data: dict[str, Any] = raw if self.spec == "v1" else _object(raw, "data", "card")
        place = "card" if self.spec == "v1" else "data"
        for key in [*TEXTS, "nickname"]:
            _text(self._data, key, place)
        for key in LISTS:
            _texts(self._data, key, place)
        if not self.name.strip():
            raise CardError(f"{place}.name is missing: a character needs a name")
        extensions = _object(self._data, "extensions", place)
        ours = _object(extensions, "ohlora", f"{place}.extensions")
        self.emotions = _read_emotions(
            _object(ours, "emotions", f"{place}.extensions.ohlora"), f"{place}.extensions.ohlora.emotions"
        )
        texts = (_text(self._data, "first_mes", place), *_texts(self._data, "alternate_greetings", place))
        hours = _read_hours(ours, f"{place}.extensions.ohlora")
        self._greetings = [pair for pair in zip_longest(texts, hours[: len(texts)]) if pair[0].strip()]
        book = _object(self._data, "character_book", place)
        self.lorebook: Lorebook | None = read_lorebook(book, f"{place}.character_book") if book else None

    def _find_spec(self) -> Literal["v1", "v2", "v3"]:
        spec = self.raw.get("spec")
        if spec is None and "data" not in self.raw:
            if not isinstance(self.raw.get("name"), str):
                raise CardError("it is not a character card: it has neither 'spec' and 'data' nor a 'name'")
            return "v1"
        if spec not in (None, "chara_card_v2", "chara_card_v3"):
            raise CardError(f"its spec is {ascii(spec)[:40]}; character cards V1, V2 and V3 are read")
        if not isinstance(self.raw.get("data"), dict):
            raise _wrong("data", "an object", self.raw.get("data"))
        return "v3" if spec == "chara_card_v3" else "v2"

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> Card:
        """A card from the bytes of a PNG or JSON file.

        Args:
            data: the file.
            name: what to call it in error messages.

        Raises:
            CardError: one line that names the file and what is wrong with it.
        """
        try:
            if data.startswith(PNG_SIGNATURE):
                return cls._readable_again(_card_in_png(data), data)
            if data[:2] == b"PK":
                raise CardError("it is a CHARX archive, which is not read; export the character as PNG or JSON")
            if not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
                raise CardError("it is neither a PNG picture nor JSON")
            return cls._readable_again(_parse_json(data), None)
        except CardError as error:
            raise CardError(f"card {name if name.isprintable() else ascii(name)}: {error}") from None

    @classmethod
    def _readable_again(cls, raw: dict[str, Any], picture: bytes | None) -> Card:
        """A card that can be read again once it was written: 1e15 comes in as four bytes and leaves as 18."""
        card = cls(raw, picture)
        if len(_dump_json(card._as("v3"))) > MAX_JSON_BYTES:
            raise CardError(f"its JSON would be larger than {MAX_JSON_BYTES // 2**20} MiB when it is written again")
        return card

    @classmethod
    def from_file(cls, path: Path | str) -> Card:
        """A card from a PNG or JSON file.

        Raises:
            CardError: the file cannot be read or holds no card.
        """
        path = Path(path)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_PNG_BYTES + 1)
        except OSError as error:
            raise CardError(f"card {path}: {error.strerror or error}") from None
        return cls.from_bytes(data, str(path))

    def to_json(self, spec: Spec) -> bytes:
        """The card as a UTF-8 JSON file. What the other version does not know is written all the same."""
        raw = self._as(spec)
        readable = _dump_json(raw, indent=2)
        return readable if len(readable) <= MAX_JSON_BYTES else _dump_json(raw)

    def to_png(self, picture: bytes | None = None) -> bytes:
        """The card inside a PNG, as V3 and, for programs that read no V3, as V2.

        Args:
            picture: a PNG, kept byte for byte except for the chunks of a card; None takes the picture the card came in,
                or `default_picture`.

        Raises:
            CardError: ``picture`` is not a sound PNG.
        """
        png = picture if picture is not None else self.picture or default_picture()
        written, copied = bytearray(), 0
        for chunk in _chunks(png):
            if _keyword(chunk) in KEYWORDS:
                written += png[copied : chunk.start]
                copied = chunk.end
            elif chunk.kind == b"IEND":
                written += png[copied : chunk.start]
                written += _text_chunk(b"chara", self._backfill()) + _text_chunk(b"ccv3", self._as("v3"))
                copied = chunk.start
        return bytes(written + png[copied:])

    def _as(self, spec: Spec) -> dict[str, Any]:
        if self.raw.get("spec") == f"chara_card_{spec}":
            return self.raw
        data: dict[str, Any] = dict.fromkeys(TEXTS, "") | {key: [] for key in LISTS} | {"extensions": {}} | self._data
        if spec == "v3":
            data.setdefault("group_only_greetings", [])
            data = _with_entries(data, lambda entry: {"use_regex": False} | entry)
        rest = {} if self.spec == "v1" else self.raw
        return rest | {"spec": f"chara_card_{spec}", "spec_version": f"{spec[1]}.0", "data": data}

    def _backfill(self) -> dict[str, Any]:
        """V2 for programs that read no V3: they take decorators for text, and should say what they lack."""
        raw = self._as("v2")
        if self.spec != "v3":
            return raw
        data = raw["data"] | {"creator_notes": f"{self.creator_notes}\n\n{BACKFILL_NOTE}".strip()}
        data = _with_entries(data, lambda entry: entry | {"content": read_decorators(entry.get("content") or "").text})
        return raw | {"data": data}

    @property
    def name(self) -> str:
        return _text(self._data, "name", "data")

    @property
    def nickname(self) -> str:
        """What {{char}} becomes in place of the name; often empty."""
        return _text(self._data, "nickname", "data")

    @property
    def called(self) -> str:
        """What {{char}} becomes: the nickname, or else the name."""
        return self.nickname.strip() or self.name

    @property
    def description(self) -> str:
        return _text(self._data, "description", "data")

    @property
    def personality(self) -> str:
        return _text(self._data, "personality", "data")

    @property
    def scenario(self) -> str:
        return _text(self._data, "scenario", "data")

    @property
    def system_prompt(self) -> str:
        return _text(self._data, "system_prompt", "data")

    @property
    def post_history_instructions(self) -> str:
        return _text(self._data, "post_history_instructions", "data")

    @property
    def mes_example(self) -> str:
        return _text(self._data, "mes_example", "data")

    @property
    def creator(self) -> str:
        return _text(self._data, "creator", "data")

    @property
    def creator_notes(self) -> str:
        return _text(self._data, "creator_notes", "data")

    @property
    def tags(self) -> tuple[str, ...]:
        return _texts(self._data, "tags", "data")

    @property
    def greetings(self) -> tuple[str, ...]:
        """First message and alternate greetings, macros unexpanded, empty ones left out."""
        return tuple(text for text, _ in self._greetings)

    @property
    def greeting_hours(self) -> tuple[tuple[int, int] | None, ...]:
        """For each of `greetings` the hours of the day it is meant for, from and to (excluded), or None."""
        return tuple(hours for _, hours in self._greetings)

    def face(self, emotion: Emotion) -> dict[str, float]:
        """Face attributes for an emotion; see `EmotionTable.face`."""
        return self.emotions.face(emotion)


def _with_entries(data: dict[str, Any], change: Any) -> dict[str, Any]:
    """``data`` with each lorebook entry replaced by what ``change`` makes of it."""
    book = data.get("character_book")
    if not book:
        return data
    return data | {"character_book": book | {"entries": [change(entry) for entry in book["entries"]]}}


@lru_cache(maxsize=1)
def builtin_card() -> Card:
    """오로라."""
    return Card.from_file(BUILTIN)
