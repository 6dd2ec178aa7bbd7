"""The protocol's types and their documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import protocol, protocol_docs
from server.errors import BadRequest

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"


def test_the_documentation_is_what_the_types_say() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == protocol_docs.render(), "run: python -m server.protocol_docs"


def test_every_message_has_a_docstring_and_a_section() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for model in (*protocol.CLIENT_MESSAGES.values(), *protocol.SERVER_MESSAGES.values()):
        assert model.__doc__
        assert f"### `{model.type}`" in text


def test_a_frame_is_read_into_its_type() -> None:
    frame = {"v": 1, "type": "turn.send", "id": "r1", "chat": "c", "data": {"client_id": "x", "text": "안녕"}}
    envelope, message = protocol.parse(json.dumps(frame))
    assert envelope.id == "r1"
    assert message == protocol.TurnSend(client_id="x", parent=None, text="안녕")


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        ("", "JSON"),
        ("[]", "형식"),
        ('{"v":2,"type":"ping"}', "v:"),
        ('{"v":1,"type":"nonsense"}', "nonsense"),
        ('{"v":1,"type":"turn.send","data":{"client_id":"x","text":"   "}}', "text"),
        ('{"v":1,"type":"turn.send","data":{"client_id":"x","text":7}}', "text"),
        ('{"v":1,"type":"turn.send","data":{"client_id":"x\\n","text":"a"}}', "client_id"),
        ('{"v":1,"type":"turn.send","data":{"client_id":"x","text":"a","more":1}}', "more"),
        ('{"v":1,"type":"feedback","data":{"message":"m","good":"yes"}}', "good"),
        ('{"v":1,"type":"ping","id":"a b"}', "id"),
    ],
)
def test_a_malformed_frame_is_refused_with_the_name_of_what_is_wrong(frame: str, named: str) -> None:
    with pytest.raises(BadRequest, match=named):
        protocol.parse(frame)


def test_the_reference_of_a_broken_request_is_made_out_where_it_can_be() -> None:
    assert protocol.reference('{"id":"r9","type":5}') == "r9"
    assert protocol.reference('{"id":"<script>"}') is None
    assert protocol.reference("{") is None


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_delta_is_written_in_the_short_way_as_its_type_would_write_it(text: str) -> None:
    assert protocol.delta_json("0a1b", text) == protocol.TurnDelta(message="0a1b", text=text).model_dump_json()


def test_a_delta_keeps_every_control_character_and_stranger_in_its_place() -> None:
    text = "".join(map(chr, [*range(0x300), 0x2028, 0x2029, 0xFEFF, 0xFFFD, 0xFFFF, 0x1F600, 0x10FFFF]))
    assert protocol.delta_json("m", text) == protocol.TurnDelta(message="m", text=text).model_dump_json()
    assert json.loads(protocol.delta_json("m", text))["text"] == text


def test_a_frame_is_valid_json_with_the_payload_inside() -> None:
    message = protocol.TurnDelta(message="m", text='"따옴표"\n')
    frame = json.loads(protocol.frame(message.type, message.model_dump_json(), chat="c", turn="t", seq=3))
    assert frame == {
        "v": 1,
        "type": "turn.delta",
        "chat": "c",
        "turn": "t",
        "seq": 3,
        "data": {"message": "m", "text": '"따옴표"\n'},
    }
