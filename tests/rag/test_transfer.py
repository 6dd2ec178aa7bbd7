"""Export and import."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rag import store, transfer
from rag.errors import ImportRejected
from tests.rag.conftest import House, memory

HEADER = json.dumps(transfer.HEADER)


def row(**changes: Any) -> dict[str, Any]:
    return {"id": "abc1", "kind": "fact", "slot": "home", "text": "전주에서 산다.", "said": 1000.0} | changes


def write(path: Path, *rows: dict[str, Any] | str) -> Path:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in rows]
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def test_what_is_exported_is_imported_the_same(tmp_path: Path) -> None:
    old = memory("a", said=1000.0, state="superseded", valid_until=date(2026, 11, 21))
    new = memory("a", "서울에서 산다.", said=2000.0, supersedes=(old.id,), quote="서울로 이사했어", pinned=True)
    file = tmp_path / "memories.jsonl"
    file.write_text("\n".join(transfer.export([old, new])), encoding="utf-8")
    assert transfer.read(file, "a") == [old, new]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", "line 2 is no JSON object"),
        ("[" * 30_000, "line 2 is not JSON"),
        ('"' + "x" * 70_000 + '"', "at most 65536"),
        (row(kind="x"), "'x' is no kind"),
        (row(slot="x"), "'x' is no slot"),
        (row(text=""), "needs a text"),
        (row(text=5), "'text' should be text"),
        (row(text="가" * 500), "too long"),
        (row(said="now"), "'said' 'now' should be a number"),
        (row(said=float("nan")), "'said'"),
        (row(said=1e12), "'said'"),
        (row(said=True), "'said'"),
        (row(valid_from="2026-02-30"), "valid_from '2026-02-30' is no date"),
        (row(valid_until=20261121), "is no date"),
        (row(id="../x"), "is no id"),
        (row(id=None), "is no id"),
        (row(state="forgotten"), "'state' 'forgotten' should be one of live, superseded"),
        (row(confidence=2), "'confidence'"),
        (row(pinned="yes"), "'pinned' true or false"),
        (row(supersedes=["nowhere"]), "supersedes 'nowhere', which is not in the file"),
        (row(extra=1), "no field 'extra'"),
        (row(chat="c", message="m;--"), "is no id"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: dict[str, Any] | str, fault: str) -> None:
    file = write(tmp_path / "x.jsonl", line)
    with pytest.raises(ImportRejected) as raised:
        transfer.read(file, "a")
    assert fault in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b'{"role": "user"}\n', b"name,text\n1,2\n", b'{"ohlora": "memories", "version": 9}'],
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(ImportRejected):
        transfer.read(file, "a")


def test_an_enormous_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "x"
    with file.open("wb") as sparse:
        sparse.truncate(transfer.MAX_BYTES + 1)
    with pytest.raises(ImportRejected, match="64 MiB"):
        transfer.read(file, "a")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImportRejected, match=r"nothing\.jsonl cannot be read"):
        transfer.read(tmp_path / "nothing.jsonl", "a")


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRejected, match="stands there twice"):
        transfer.read(write(tmp_path / "x", row(), row()), "a")


def test_a_message_the_account_does_not_have_is_refused_unless_detached(house: House, tmp_path: Path) -> None:
    file = write(tmp_path / "x", row(chat="c", message="m"))
    with pytest.raises(ImportRejected, match="--detached"):
        house.write(lambda c: transfer.take_in(c, transfer.read(file, "a")))
    assert house.read(lambda c: store.all_of(c, "a")) == []
    assert house.write(lambda c: transfer.take_in(c, transfer.read(file, "a", detached=True))) == (1, 0)


def test_a_message_the_account_has_is_kept(house: House, tmp_path: Path) -> None:
    account = str(house.account("minji"))
    house.chat(account, "c")
    house.say("c", "m", None)
    found = transfer.read(write(tmp_path / "x", row(chat="c", message="m")), account)
    assert house.write(lambda c: transfer.take_in(c, found)) == (1, 0)
    assert house.write(lambda c: transfer.take_in(c, found)) == (0, 1)


def test_another_accounts_or_forgotten_memories_are_refused_and_nothing_is_stored(house: House, tmp_path: Path) -> None:
    house.write(lambda c: store.insert(c, memory("b", id="abc2")))
    gone = memory("a", id="abc3")
    house.write(lambda c: [store.insert(c, gone), store.forget(c, "a", ["abc3"])])
    for taken, fault in (("abc2", "another account"), ("abc3", "forgotten on purpose")):
        found = transfer.read(write(tmp_path / "x", row(), row(id=taken)), "a")
        with pytest.raises(ImportRejected, match=fault):
            house.write(lambda c, found=found: transfer.take_in(c, found))
        assert house.read(lambda c: store.all_of(c, "a")) == []
