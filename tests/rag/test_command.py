"""``python -m rag``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rag import store
from rag.__main__ import main
from rag.memory import Memory
from tests.rag.conftest import House, Open, memory


@pytest.fixture
def account(house: House) -> str:
    return str(house.account("minji"))


@pytest.fixture
def rag(house: House, account: str, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs the command for minji; returns exit status, output and errors."""

    def run(name: str, *arguments: str, who: str = "minji") -> tuple[int, str, str]:
        status = main([name, "--account", who, "--data", str(house.folder), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def put(house: House, *found: Memory) -> None:
    house.write(lambda connection: [store.insert(connection, one) for one in found])


def test_help_and_list_need_no_heavy_library() -> None:
    program = (
        "import sys, rag.__main__ as m; m.build_parser();"
        "print([n for n in ('torch', 'chromadb', 'kiwipiepy', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_list_shows_what_holds_and_all_shows_what_superseded_what(house: House, account: str, rag) -> None:  # type: ignore[no-untyped-def]
    old = memory(account, quote="전주 살아")
    new = memory(account, "서울에서 산다.", supersedes=(old.id,))
    put(house, old, new)
    _, out, _ = rag("list", "--json")
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["서울에서 산다."]
    _, out, _ = rag("list", "--all", "--json")
    assert {json.loads(line)["state"] for line in out.splitlines()} == {"live", "superseded"}
    status, out, _ = rag("show", new.id)
    assert status == 0
    assert "전주에서 산다." in out
    assert rag("list")[0] == 0


def test_add_edit_and_search_by_words(house: House, account: str, rag) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = rag("add", "고양이 나비를 키운다.", "--slot", "pet", "--pin", "--json")
    made = json.loads(out)
    assert made["pinned"]
    assert rag("edit", made["id"], "--text", "고양이 코코를 키운다.")[0] == 0
    _, out, _ = rag("search", "고양이", "--keywords", "--explain", "--json")
    found = json.loads(out)
    assert found["text"] == "고양이 코코를 키운다."
    assert set(found["parts"]) >= {"keyword", "recency", "pinned"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "nothing"),
        ("edit", "nothing", "--text", "x다."),
        ("edit", "nothing"),
        ("add", ""),
        ("add", "x다.", "--from", "2026-02-30"),
        ("forget",),
        ("forget", "nothing", "--yes"),
        ("import", "/nowhere.jsonl"),
        ("export", "/nowhere/at/all.jsonl"),
    ],
)
def test_a_fault_is_one_error_line(rag, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    status, _, err = rag(*arguments)
    assert status == 1
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_an_unknown_account_and_a_missing_database_are_named(
    rag, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    assert "'nobody'" in rag("list", who="nobody")[2]
    assert main(["list", "--data", str(tmp_path / "nowhere")]) == 1
    assert "there is no database" in capsys.readouterr().err
    (tmp_path / "other.sqlite3").write_bytes(b"not a database at all" * 100)
    assert main(["list", "--database", f"sqlite:///{tmp_path / 'other.sqlite3'}"]) == 1
    assert "error: database" in capsys.readouterr().err


def test_export_and_import_go_round(house: House, account: str, rag, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    old = memory(account)
    put(house, old, memory(account, "서울에서 산다.", supersedes=(old.id,)))
    file = str(tmp_path / "out.jsonl")
    assert rag("export", file)[0] == 0
    rag("forget", "--all", "--yes")
    assert "2 memories were added" in rag("import", file)[1]
    assert rag("export")[1].splitlines() == Path(file).read_text(encoding="utf-8").splitlines()


def test_forget_asks_first(house: House, account: str, rag, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    kept = memory(account)
    put(house, kept)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert rag("forget", kept.id)[0] == 1
    assert rag("forget", "--all")[0] == 1
    assert len(house.read(lambda c: store.all_of(c, account))) == 1
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert rag("forget", kept.id)[0] == 0
    assert house.read(lambda c: store.all_of(c, account)) == []


def test_forgetting_all_takes_backups_that_hold_it_and_names_those_that_remain(house: House, account: str, rag) -> None:  # type: ignore[no-untyped-def]
    backups = house.folder / "backups"
    house.database._backup("0003_memory")
    put(house, memory(account))
    house.database._backup("0009_later")
    empty, full = sorted(backups.iterdir(), key=lambda path: "0009" in path.name)
    other = backups / "mine.txt"
    other.write_text("hands off")
    _, out, _ = rag("forget", "--all", "--yes")
    assert f"backup {full} was removed" in out
    assert f"backup {empty} remains: it holds no memories" in out
    assert (empty.exists(), full.exists(), other.exists()) == (True, False, True)


def test_beside_a_running_server_it_leaves_the_index_alone(
    house: House, account: str, rag, open_memories: Open
) -> None:  # type: ignore[no-untyped-def]
    server = open_memories()
    server.add(account, "전주에서 산다.", slot="home")
    assert server.wait(60)
    rag("add", "고양이를 키운다.", "--slot", "pet")
    _, out, _ = rag("forget", "--all", "--yes")
    assert "the server takes them out" in out
    assert rag("check")[0] == 1
    assert server.wait(60)
    assert server.check().indexed == 0


def test_stats_count(house: House, account: str, rag) -> None:  # type: ignore[no-untyped-def]
    put(house, memory(account), memory(account, "고양이를 키운다.", "pet"))
    counts = json.loads(rag("stats", "--json")[1])
    assert (counts["memories"], counts["slots"]) == (2, {"home": 1, "pet": 1})
