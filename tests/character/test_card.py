"""Character cards: reading, writing, round trips and hostile files."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from character.card import DEFAULT_EMOTIONS, MAX_JSON_BYTES, Card, builtin_card, default_picture, read_lorebook
from character.emotion import EMOTIONS, Emotion
from character.errors import CardError
from stylegan.attributes import ATTRIBUTES, EXPRESSION

V2: dict[str, Any] = {
    "spec": "chara_card_v2",
    "spec_version": "2.0",
    "made_with": {"tool": "손", "n": 1.0},
    "data": {
        "name": "앨리스",
        "description": "{{char}}는 토끼를 쫓는다.",
        "personality": "궁금한 게 많다",
        "scenario": "",
        "first_mes": "안녕!",
        "mes_example": "<START>\n{{user}}: 누구?\n{{char}}: 앨리스.",
        "creator_notes": "메모",
        "system_prompt": "",
        "post_history_instructions": "",
        "alternate_greetings": ["또 왔네"],
        "tags": ["고전"],
        "creator": "캐럴",
        "character_version": "1",
        "extensions": {"depth_prompt": {"depth": 4, "f": 1.0, "big": 2**80}, "agnai/voice": [None, True, -0.0, 1e22]},
        "character_book": {
            "extensions": {"x": 1},
            "entries": [
                {
                    "keys": ["토끼"],
                    "content": "@@depth 2\n흰 토끼는 늦었다.",
                    "extensions": {"position": 0, "selectiveLogic": 3},
                    "enabled": True,
                    "insertion_order": 100,
                    "id": 7,
                    "unknown": {"a": [1, 2.5]},
                }
            ],
        },
    },
}
V3: dict[str, Any] = {
    "spec": "chara_card_v3",
    "spec_version": "3.0",
    "data": V2["data"]
    | {
        "nickname": "리스",
        "assets": [{"type": "icon", "uri": "ccdefault:", "name": "main", "ext": "png", "x_more": 1.0}],
        "group_only_greetings": [],
        "creator_notes_multilingual": {"en": "note"},
        "source": ["https://example.org"],
        "creation_date": 1700000000,
        "future_field": {"deep": [[[]]]},
    },
}


def dumps(raw: object) -> bytes:
    return json.dumps(raw).encode()


def same(a: object, b: object) -> bool:
    """Equal as JSON: 1, 1.0 and true are different things."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


@lru_cache(maxsize=1)
def picture() -> bytes:
    buffer = BytesIO()
    Image.effect_noise((40, 60), 50).save(buffer, "PNG")
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(*chunks: bytes) -> bytes:
    """A PNG with chunks put in after its header, where other programs put theirs."""
    png = picture()
    return png[:33] + b"".join(chunks) + png[33:]


def text(keyword: bytes, raw: object) -> bytes:
    return chunk(b"tEXt", keyword + b"\0" + base64.b64encode(dumps(raw)))


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    found, position = [], 8
    while position < len(png):
        (length,) = struct.unpack_from(">I", png, position)
        found.append((png[position + 4 : position + 8], png[position + 8 : position + 8 + length]))
        position += 12 + length
    return found


def card_texts(png: bytes) -> dict[bytes, Any]:
    pairs = [data.split(b"\0", 1) for kind, data in chunks(png) if kind == b"tEXt"]
    return {keyword: json.loads(base64.b64decode(value)) for keyword, value in pairs if keyword in (b"chara", b"ccv3")}


# --- Reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [V2, V3])
def test_a_card_shows_its_fields(raw: dict[str, Any]) -> None:
    card = Card.from_bytes(dumps(raw), "card.json")
    assert (card.name, card.creator, card.creator_notes, card.tags) == ("앨리스", "캐럴", "메모", ("고전",))
    assert card.greetings == ("안녕!", "또 왔네")
    assert card.lorebook is not None
    assert card.lorebook.entries[0].decorators.text == "흰 토끼는 늦었다."
    assert card.called == ("리스" if raw is V3 else "앨리스")


def test_a_flat_v1_card_is_read() -> None:
    flat = {"name": "앨리스", "description": "d", "first_mes": "안녕", "made_by": 1.0}
    card = Card.from_bytes(dumps(flat), "v1.json")
    assert (card.spec, card.description, card.greetings) == ("v1", "d", ("안녕",))
    for spec in ("v2", "v3"):
        raw = json.loads(card.to_json(spec))  # type: ignore[arg-type]
        assert raw["spec"] == f"chara_card_{spec}"
        assert same(raw["data"]["made_by"], 1.0)
        assert raw["data"]["alternate_greetings"] == []


def test_null_and_missing_fields_are_empty() -> None:
    card = Card.from_bytes(dumps({"spec": "chara_card_v2", "data": {"name": "앨리스", "tags": None}}), "card.json")
    assert (card.description, card.tags, card.greetings, card.lorebook) == ("", (), (), None)


def test_v3_is_preferred_where_a_picture_holds_both() -> None:
    other = V2 | {"data": V2["data"] | {"name": "옛날 앨리스"}}
    png = with_chunks(text(b"chara", other), text(b"ccv3", V3))
    assert Card.from_bytes(png, "card.png").name == "앨리스"


@pytest.mark.parametrize(("keyword", "raw"), [(b"chara", V2), (b"ccv3", V3), (b"Chara", V2), (b"chara", V3)])
def test_a_hand_made_png_is_read(keyword: bytes, raw: dict[str, Any]) -> None:
    card = Card.from_bytes(with_chunks(text(keyword, raw)), "card.png")
    assert same(card.raw, raw)


def test_a_byte_order_mark_and_line_breaks_in_base64_are_borne() -> None:
    assert Card.from_bytes(b"\xef\xbb\xbf \n" + dumps(V2), "card.json").name == "앨리스"
    wrapped = base64.encodebytes(dumps(V3))
    assert Card.from_bytes(with_chunks(chunk(b"tEXt", b"ccv3\0" + wrapped)), "card.png").name == "앨리스"


def test_broken_emoji_and_zero_bytes_do_not_reach_the_prompt_and_stay_in_the_file() -> None:
    raw = {"name": "앨리스", "description": "a\ud83d b\0c"}
    card = Card.from_bytes(dumps(raw), "card.json")
    assert card.description == "a\ufffd bc"
    assert json.loads(card.to_json("v2"))["data"]["description"] == raw["description"]
    assert Card.from_bytes(card.to_png(), "card.png").description == "a\ufffd bc"


def test_a_card_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(dumps(V3))
    assert Card.from_file(tmp_path / "a.json").name == "앨리스"
    with pytest.raises(CardError, match=r"b\.json: No such file"):
        Card.from_file(tmp_path / "b.json")


# --- Round trips ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("raw", "spec"), [(V2, "v2"), (V3, "v3")])
def test_json_in_and_out_is_the_same_card(raw: dict[str, Any], spec: Any) -> None:
    assert same(json.loads(Card.from_bytes(dumps(raw), "card.json").to_json(spec)), raw)


@pytest.mark.parametrize(("keyword", "raw"), [(b"chara", V2), (b"ccv3", V3)])
def test_png_in_and_out_is_the_same_card(keyword: bytes, raw: dict[str, Any]) -> None:
    png = Card.from_bytes(with_chunks(text(keyword, raw)), "card.png").to_png()
    assert same(card_texts(png)[keyword], raw)


def test_a_v2_card_becomes_v3_and_back_without_loss() -> None:
    v3 = Card.from_bytes(dumps(V2), "card.json").to_json("v3")
    raw = json.loads(v3)
    assert (raw["spec"], raw["spec_version"], raw["data"]["group_only_greetings"]) == ("chara_card_v3", "3.0", [])
    back = json.loads(Card.from_bytes(v3, "card.json").to_json("v2"))
    assert same(back["made_with"], V2["made_with"])
    for key, value in V2["data"].items():
        if key != "character_book":
            assert same(back["data"][key], value)
    entry, original = (data["character_book"]["entries"][0] for data in (back["data"], V2["data"]))
    assert same({key: entry[key] for key in original}, original)


def test_the_picture_is_kept_byte_for_byte_except_for_the_card() -> None:
    mine = chunk(b"tEXt", b"Comment\0hand made")
    plain = with_chunks(mine) + b"bytes behind the end"
    png = Card.from_bytes(dumps(V3), "card.json").to_png(plain)
    again = Card.from_bytes(png, "card.png").to_png(with_chunks(text(b"chara", V2), mine, text(b"ccv3", V3)))
    for written in (png, again):
        left = [(kind, data) for kind, data in chunks(written.removesuffix(b"bytes behind the end"))]
        assert [pair for pair in left if not pair[1].startswith((b"chara\0", b"ccv3\0"))] == chunks(with_chunks(mine))
        assert sum(data.startswith((b"chara\0", b"ccv3\0")) for _, data in left) == 2
    assert png.endswith(b"bytes behind the end")


def test_the_v2_copy_in_a_v3_picture_has_no_decorators_and_says_what_it_is() -> None:
    texts = card_texts(Card.from_bytes(dumps(V3), "card.json").to_png())
    assert texts[b"chara"]["spec"] == "chara_card_v2"
    assert texts[b"chara"]["data"]["character_book"]["entries"][0]["content"] == "흰 토끼는 늦었다."
    assert texts[b"chara"]["data"]["creator_notes"].startswith("메모\n\nThis is a Character Card V3")
    assert same(texts[b"ccv3"], V3)


def test_a_card_without_a_picture_gets_one_that_opens() -> None:
    png = Card.from_bytes(dumps(V2), "card.json").to_png()
    with Image.open(BytesIO(png)) as opened:
        opened.load()
        assert opened.size == (400, 600)
    assert default_picture() is default_picture()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
UNKNOWN = st.dictionaries(st.text().map("x_".__add__), JSON_VALUES, max_size=3)


@settings(deadline=None, max_examples=60)
@given(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, st.sampled_from([V2, V3]))
def test_whatever_is_unknown_survives_json_and_png(
    top: dict[str, Any], data: dict[str, Any], extension: dict[str, Any], in_entry: dict[str, Any], base: dict[str, Any]
) -> None:
    book = base["data"]["character_book"]
    entry = book["entries"][0] | in_entry | {"extensions": extension}
    raw = base | top
    raw["data"] = (
        base["data"] | data | {"extensions": extension, "character_book": book | extension | {"entries": [entry]}}
    )
    card = Card.from_bytes(dumps(raw), "card.json")
    spec = card.spec
    assert spec != "v1"
    assert same(json.loads(card.to_json(spec)), raw)
    assert same(card_texts(card.to_png(picture()))[b"ccv3" if spec == "v3" else b"chara"], raw)
    again = Card.from_bytes(card.to_png(picture()), "card.png").raw
    for key, value in raw["data"].items():
        if key != "character_book":
            assert same(again["data"][key], value)
    for key, value in entry.items():
        assert same(again["data"]["character_book"]["entries"][0][key], value)


# --- Hostile files ----------------------------------------------------------------------------------------------------


def refuse(data: bytes, reason: str) -> None:
    with pytest.raises(CardError, match=reason) as caught:
        Card.from_bytes(data, "bad.png")
    message = str(caught.value)
    assert message.startswith("card bad.png: ")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "neither a PNG picture nor JSON"),
        (b"\xff\xd8\xff\xe0JFIF", "neither a PNG picture nor JSON"),
        (b"PK\x03\x04", "CHARX"),
        (b"{", "broken"),
        (b'{"name": NaN}', "out of range"),
        (b'{"name": 1e999}', "out of range"),
        (b'{"name": 1' + b"0" * 5000 + b"}", "out of range"),
        (b'{"name": "\xff"}', "not UTF-8"),
        (b"[]", "a list, not an object"),
        (b"{}", "not a character card"),
        (b"[" * 200_000, "nested deeper"),
        (b'{"name":"a","x":' + b"[" * 150 + b"]" * 150 + b"}", "nested deeper"),
        (b'{"name": "' + b"a" * MAX_JSON_BYTES + b'"}', "larger than 8 MiB"),
        (b'{"name": [' + b"0," * 600_000 + b"0]}", "more than 500,000 values"),
        (b'{"name": "a", "x": [' + b",".join([b"1e15"] * 499_000) + b"]}", "when it is written again"),
        (b"\x89PNG\r\n\x1a\n", "cut short"),
        (picture(), "holds no character card"),
        (picture()[:-12], "ends before its IEND"),
        (picture()[:50], "cut short"),
        (picture()[:8] + picture()[33:], "does not begin with an IHDR"),
        (picture()[:33] + b"\0\0\0\4\0\1\2\3datacrc4" + picture()[33:], "damaged at byte 33"),
        (with_chunks(chunk(b"tEXt", b"chara\0!!!!")), "'chara' chunk is not valid base64"),
        (with_chunks(chunk(b"tEXt", b"ccv3\0" + base64.b64encode(b"\xff{}"))), "not UTF-8"),
        (with_chunks(chunk(b"tEXt", b"ccv3\0" + base64.b64encode(b"{}"))), "not a character card"),
        (with_chunks(text(b"ccv3", V3)[:-4] + b"\0\0\0\0"), "wrong checksum"),
        (with_chunks(chunk(b"tEXt", b"chara")), "broken"),
        (with_chunks(chunk(b"zTXt", b"chara\0\0" + zlib.compress(b"0" * 10**6))), "holds no character card"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_malformed_file_is_refused_in_one_clear_line(data: bytes, reason: str) -> None:
    refuse(data, reason)


def test_a_chunk_that_claims_more_than_there_is_is_refused() -> None:
    png = bytearray(with_chunks(text(b"ccv3", V3)))
    png[33:37] = b"\xff\xff\xff\xff"
    refuse(bytes(png), "cut short inside its tEXt chunk")


def test_a_picture_that_unpacks_to_gigabytes_is_never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    picture()
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = (
        picture()[:8] + header + text(b"ccv3", V3) + chunk(b"IDAT", zlib.compress(b"\0" * 10**7)) + chunk(b"IEND", b"")
    )
    refuse(bomb, "claims 60000 × 60000 pixels")
    with pytest.raises(CardError, match="claims"):
        Card.from_bytes(dumps(V3), "card.json").to_png(bomb)


def test_a_picture_of_another_kind_is_refused_on_export() -> None:
    with pytest.raises(CardError, match="not a PNG"):
        Card.from_bytes(dumps(V3), "card.json").to_png(b"\xff\xd8\xff\xe0JFIF")


def changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    raw = json.loads(dumps(V3))
    change(raw)
    return dumps(raw)


def ours(value: object) -> bytes:
    return changed(lambda raw: raw["data"]["extensions"].update(ohlora=value))


def in_entry(**fields: object) -> bytes:
    return changed(lambda raw: raw["data"]["character_book"]["entries"][0].update(fields))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (changed(lambda raw: raw.update(spec="chara_card_v9")), "its spec is 'chara_card_v9'"),
        (changed(lambda raw: raw.update(data=[])), "data must be an object, not a list"),
        (changed(lambda raw: raw.pop("data")), "data must be an object, not null"),
        (changed(lambda raw: raw["data"].update(name=" ")), "data.name is missing"),
        (changed(lambda raw: raw["data"].update(name=7)), "data.name must be a text, not a number"),
        (changed(lambda raw: raw["data"].update(tags="a")), "data.tags must be a list of texts, not a text"),
        (
            changed(lambda raw: raw["data"].update(alternate_greetings=["a", {}])),
            r"alternate_greetings\[1\] must be a text",
        ),
        (changed(lambda raw: raw["data"].update(extensions=[])), "data.extensions must be an object"),
        (changed(lambda raw: raw["data"].update(character_book="a")), "data.character_book must be an object"),
        (
            changed(lambda raw: raw["data"]["character_book"].update(entries={})),
            r"character_book\.entries must be a list",
        ),
        (changed(lambda raw: raw["data"]["character_book"].update(entries=[1])), r"entries\[0\] must be an object"),
        (
            changed(lambda raw: raw["data"]["character_book"].update(scan_depth=True)),
            "scan_depth must be a number, not true",
        ),
        (in_entry(keys="a"), r"entries\[0\]\.keys must be a list of texts"),
        (in_entry(enabled="yes"), r"entries\[0\]\.enabled must be true or false, not a text"),
        (in_entry(insertion_order="1"), r"insertion_order must be a number"),
        (in_entry(priority=10**400), "priority is out of range"),
        (ours([]), "extensions.ohlora must be an object"),
        (ours({"emotions": {"행복": {}}}), "names the emotion"),
        (ours({"emotions": {"기쁨": {"smiel": 1}}}), "names 'smiel'"),
        (ours({"emotions": {"기쁨": {"hair_length": 1}}}), "names 'hair_length'"),
        (ours({"emotions": {"기쁨": {"smile": "1"}}}), "smile must be a number"),
        (ours({"greeting_hours": [[1, 25]]}), r"greeting_hours\[0\] must be null or two hours"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_of_the_wrong_type_is_named(data: bytes, reason: str) -> None:
    refuse(data, reason)


def test_a_lorebook_of_too_many_entries_is_refused() -> None:
    with pytest.raises(CardError, match="more than 5,000 entries"):
        read_lorebook({"entries": [{}] * 5001})


def test_a_file_name_cannot_break_the_line() -> None:
    with pytest.raises(CardError) as caught:
        Card.from_bytes(b"", "a\nb")
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damaged_bytes_give_a_card_or_a_card_error(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([with_chunks(text(b"ccv3", V3), text(b"chara", V2)), dumps(V3)]))
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        Card.from_bytes(bytes(damaged), "damaged").to_png()
    except CardError as error:
        assert "\n" not in str(error)  # noqa: PT017


@settings(deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_give_a_card_error(data: bytes, is_png: bool) -> None:
    with pytest.raises(CardError):
        Card.from_bytes((b"\x89PNG\r\n\x1a\n" if is_png else b"") + data, "random")


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from([*V3["data"], "ohlora"]), JSON_VALUES, max_size=6))
def test_fields_of_any_type_give_a_card_or_a_card_error(fields: dict[str, Any]) -> None:
    try:
        card = Card.from_bytes(dumps({"spec": "chara_card_v3", "data": {"name": "a"} | fields}), "card.json")
    except CardError:
        return
    assert card.greetings is not None
    Card.from_bytes(card.to_png(picture()), "card.png")


# --- Emotions ---------------------------------------------------------------------------------------------------------


def test_a_face_moves_from_neutral_to_the_target_with_the_strength() -> None:
    card = Card.from_bytes(ours({"emotions": {"기쁨": {"smile": 0.9, "pose": 500}}}), "card.json")
    neutral = {name: ATTRIBUTES[name].neutral for name in EXPRESSION}
    assert card.face(Emotion("기쁨", 0)) == neutral
    assert card.face(Emotion("기쁨", 0.5))["smile"] == pytest.approx(0.5)
    assert card.face(Emotion("기쁨", 1)) == neutral | {"smile": 0.9, "pose": 45.0}
    assert card.face(Emotion("기쁨", 7)) == card.face(Emotion("기쁨", 1))


def test_emotions_a_card_does_not_give_are_the_usual_ones() -> None:
    card = Card.from_bytes(ours({"emotions": {"기쁨": {"smile": 0.1}}}), "card.json")
    assert card.emotions.targets["슬픔"] == DEFAULT_EMOTIONS.targets["슬픔"]
    assert Card.from_bytes(dumps(V2), "card.json").emotions is DEFAULT_EMOTIONS


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_every_emotion_of_hers_changes_the_face_within_its_ranges(emotion: str) -> None:
    for table in (DEFAULT_EMOTIONS, builtin_card().emotions):
        face = table.face(Emotion(emotion, 1))
        assert list(face) == list(EXPRESSION)
        for name, value in face.items():
            assert ATTRIBUTES[name].low <= value <= ATTRIBUTES[name].high
            assert table.targets[emotion].get(name, value) == value


# --- 오로라 -----------------------------------------------------------------------------------------------------------


def test_aurora_is_complete_and_short() -> None:
    card = builtin_card()
    assert card is builtin_card()
    assert (card.name, card.spec, card.creator) == ("오로라", "v3", "Oh-LoRA")
    assert len(card.description) <= 450
    assert len(card.greetings) == 5
    assert all(greeting.startswith("<감정:") for greeting in card.greetings)
    assert card.mes_example.count("<START>") == 3
    assert "CC BY-SA 4.0" in card.creator_notes
    assert set(card.emotions.targets) == set(EMOTIONS)
    assert len(set(map(str, card.emotions.targets.values()))) == len(EMOTIONS)


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ("강릉에서 뭐 먹었어?", "강릉"),
        ("노을이는 잘 지내?", "노을"),
        ("그래디한테 물 줬어?", "그래디"),
        ("별 보러 가자", "별"),
        ("오이는 왜 싫어해", "오이"),
        ("필름카메라 샀어", "필름 사진"),
        ("이름 뜻이 뭐야", "이름"),
        ("트롬쇠는 어디야", "트롬쇠"),
    ],
)
def test_auroras_world_comes_up_when_it_is_spoken_of(said: str, called: str) -> None:
    book = builtin_card().lorebook
    assert book is not None
    assert [hit.entry.label for hit in book.scan([said], len).hits] == [called]
    assert book.scan(["별로 할 말은 없어", "특별한 일 있어?"], len).hits == ()


def test_aurora_travels_in_a_picture() -> None:
    card = builtin_card()
    assert same(Card.from_bytes(card.to_png(), "aurora.png").raw, card.raw)
