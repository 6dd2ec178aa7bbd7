"""Vectors in Chroma: embedded, and at a server the test starts itself."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.errors import IndexBusy, IndexFailed
from rag.index import Chroma, VectorIndex, collection_name, difference, digest
from tests.rag.conftest import Bigrams, memory

MakeIndex = Callable[..., VectorIndex]


@pytest.fixture(scope="module")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Chroma server of our own."""
    program = Path(sys.executable).with_name("chroma")
    if not program.exists():
        pytest.skip("the chroma command is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("chroma-server")
    command = [str(program), "run", "--path", str(folder), "--port", str(port), "--host", "127.0.0.1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(150):
            try:
                urllib.request.urlopen(f"{url}/api/v2/heartbeat", timeout=1)  # noqa: S310
                break
            except (urllib.error.URLError, OSError):
                if server.poll() is not None:
                    pytest.skip(f"chroma run ended with {server.returncode}")
                time.sleep(0.2)
        else:
            pytest.skip("chroma run did not answer within 30 seconds")
        yield url
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(params=["embedded", "server"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeIndex]:
    """Makes indexes at one place, in the folder or at the server."""
    url = request.getfixturevalue("chroma_server") if request.param == "server" else ""
    made: list[VectorIndex] = []

    def begin(embedder: str = "bigrams", load: Callable[[str], Any] = Bigrams) -> VectorIndex:
        for index in made:
            index.close()
        made.append(VectorIndex(Chroma(tmp_path, url), embedder, load))
        return made[-1]

    yield begin
    last = begin()
    last.wipe()
    last.close()


HOME, CAT = memory("a", id="home"), memory("a", "고양이 나비를 키운다.", "pet", id="cat")
TWIN = memory("b", id="twin")
ALL = [HOME, CAT, TWIN]


def filled(index: VectorIndex) -> VectorIndex:
    index.open()
    index.put(ALL)
    index.complete()
    return index


def near(index: VectorIndex, account: str, text: str, states: tuple[str, ...] = ("live",)) -> list[str]:
    return list(index.query(account, text, states, 10, 2.0))


def test_the_nearest_memory_is_found_and_only_the_accounts_own(make: MakeIndex) -> None:
    index = filled(make())
    assert near(index, "a", "전주에서 산다")[0] == "home"
    assert near(index, "b", "전주에서 산다") == ["twin"]
    assert near(index, "c", "전주에서 산다") == []


def test_only_the_states_that_were_asked_for_are_found(make: MakeIndex) -> None:
    index = filled(make())
    index.put([memory("a", id="home", state="superseded")])
    assert near(index, "a", "전주에서 산다") == ["cat"]
    assert near(index, "a", "전주에서 산다", ("live", "superseded"))[0] == "home"


def test_it_is_there_after_it_was_opened_again(make: MakeIndex) -> None:
    filled(make())
    again = make()
    again.open()
    assert again.serving == again.target
    assert not again.difference({m.id: digest(m) for m in ALL})


def test_an_index_that_was_not_filled_to_the_end_does_not_serve(make: MakeIndex) -> None:
    index = make()
    index.open()
    index.put([HOME])
    again = make()
    again.open()
    assert again.serving is None
    assert near(again, "a", "전주") == []


def test_a_difference_names_what_is_missing_stale_and_foreign(make: MakeIndex) -> None:
    index = filled(make())
    wanted = {"home": digest(HOME), "cat": "changed", "new": "x"}
    found = index.difference(wanted)
    assert (found.missing, found.stale, found.foreign) == (("new",), ("cat",), ("twin",))


def test_a_changed_embedder_fills_a_new_collection_while_the_old_one_serves(make: MakeIndex) -> None:
    filled(make())
    changed = make("other", lambda name: Bigrams(name, 64 if name == "other" else 256))
    changed.open()
    assert changed.serving == collection_name(Bigrams())
    assert near(changed, "a", "전주에서 산다")[0] == "home"
    changed.put(ALL)
    changed.complete()
    assert changed.serving == changed.target == "ohlora-memories-other-64"
    assert list(changed.chroma.collections()) == [changed.target]


def test_an_old_embedder_that_is_gone_does_not_stop_the_new_one(make: MakeIndex) -> None:
    filled(make())

    def load(name: str) -> Bigrams:
        if name != "other":
            raise OSError("gone")
        return Bigrams(name)

    changed = make("other", load)
    changed.open()
    assert changed.serving is None


def test_what_is_removed_leaves_every_collection(make: MakeIndex) -> None:
    filled(make())
    changed = make("other")
    changed.open()
    changed.put(ALL)
    changed.remove(["home"])
    assert all("home" not in changed.chroma.known(name) for name in changed.chroma.collections())


def test_a_second_client_on_one_folder_is_refused(tmp_path: Path) -> None:
    first, second = Chroma(tmp_path), Chroma(tmp_path)
    first.open()
    with pytest.raises(IndexBusy, match="another process"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexFailed, match=r"127\.0\.0\.1:9"):
        Chroma(tmp_path, "http://127.0.0.1:9").open()


@pytest.mark.parametrize("url", ["ftp://x", "nonsense", "http://"])
def test_an_address_that_is_none_is_named(tmp_path: Path, url: str) -> None:
    with pytest.raises(IndexFailed, match=r"--chroma"):
        Chroma(tmp_path, url).open()


def test_a_digest_changes_with_text_and_state() -> None:
    assert digest(HOME) == digest(memory("a", id="else"))
    assert len({digest(HOME), digest(TWIN), digest(memory("a", state="superseded")), digest(CAT)}) == 4


def test_equal_sides_do_not_differ() -> None:
    assert not difference({"a": "1"}, {"a": "1"})


@pytest.mark.slow
def test_a_file_that_was_cut_off_is_refused_and_never_read(tmp_path: Path) -> None:
    """hnswlib reads beyond the end of such a file and ends the process."""
    index = VectorIndex(Chroma(tmp_path), "bigrams", lambda name: Bigrams(name, 16))
    index.open()
    index.put(
        [memory("a", f"{n}번 고양이 {n * 7}", "pet", id=f"m{n}") for n in range(1100)]
    )  # Chroma writes files from 1000
    index.complete()
    index.close()
    shutil.copytree(tmp_path / "chroma", tmp_path / "whole")
    names = {path.name for path in (tmp_path / "whole").rglob("*") if path.is_file()}
    assert {"data_level0.bin", "link_lists.bin", "length.bin", "header.bin", "chroma.sqlite3"} <= names
    for name in ("data_level0.bin", "header.bin", "length.bin", "link_lists.bin"):
        for part in (0.0, 0.5):
            shutil.rmtree(tmp_path / "chroma")
            shutil.copytree(tmp_path / "whole", tmp_path / "chroma")
            file = next((tmp_path / "chroma").rglob(name))
            os.truncate(file, int(file.stat().st_size * part))
            with pytest.raises(IndexFailed):
                Chroma(tmp_path).open()


def test_a_large_account_is_answered_from_a_collection_of_its_own(make: MakeIndex) -> None:
    index = filled(make())
    index.give_own("a")
    assert set(index.chroma.own(index.target)) == {"a"}
    assert near(index, "a", "전주에서 산다")[0] == "home"
    index.put([memory("a", id="home", state="superseded"), memory("a", "기타를 친다.", "skill", id="guitar")])
    assert near(index, "a", "기타를 친다")[0] == "guitar"
    assert "home" not in near(index, "a", "전주에서 산다")
    index.remove(["guitar"])
    assert "guitar" not in near(index, "a", "기타를 친다")
    assert near(index, "b", "전주에서 산다") == ["twin"]
    again = make()
    again.open()
    assert set(again.chroma.own(again.target)) == {"a"}
    again.chroma.check_own(again.target)
    assert set(again.chroma.own(again.target)) == {"a"}
    again.chroma._get(again.chroma._collections()[again.target].name).delete(ids=["cat"])
    again.chroma.check_own(again.target)
    assert again.chroma.own(again.target) == {}
    assert list(again.chroma.collections()) == [again.target]
