"""Her memory as a whole: SQL, Chroma and recall together, also when one of them is torn."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from rag import store
from rag.errors import BadMemory, NoSuchMemory
from rag.memories import Memories
from rag.visibility import Place
from tests.rag.conftest import Bigrams, House, Open, memory

NOON = datetime(2026, 11, 21, 12, 0)


def told(
    house: House, account: str, memories: Memories, *messages: str, chat: str = "c", after: str | None = None
) -> str:
    """Says the messages one after the other in a chat and remembers each; returns the id of the last."""
    for number, text in enumerate(messages):
        message = f"{chat}{after or ''}{number}"
        house.say(chat, message, after, text)
        memories.remember_turn(account, chat, message, text, said=NOON)
        after = message
    return str(after)


def texts(memories: Memories, account: str) -> list[str]:
    return sorted(m.text for m in memories.listing(account))


@pytest.fixture
def account(house: House) -> str:
    made = str(house.account("minji"))
    house.chat(made, "c")
    return made


# --- remembering and recalling


def test_what_was_told_is_recalled_with_its_date(house: House, account: str, open_memories: Open) -> None:
    memories = open_memories()
    leaf = told(house, account, memories, "나 전주 살아ㅋㅋ", "고양이 나비 키워")
    assert memories.wait(60)
    recall = memories.recall(account, "나 어디 산다고 했지?", place=Place("c", leaf), now=NOON)
    assert recall.lines[0] == "11월 21일에 들음: 전주에서 산다."
    assert recall.by_meaning
    assert memories.recall(account, "고양이가 아파", now=NOON).lines == ["11월 21일에 들음: 고양이 나비를 키운다."]


def test_unrelated_talk_recalls_nothing(house: House, account: str, open_memories: Open) -> None:
    memories = open_memories()
    told(house, account, memories, "나 전주 살아", "고양이 나비 키워", "나 떡볶이 좋아해")
    assert memories.wait(60)
    for words in ("오늘 비 온다", "ㅋㅋㅋㅋ", "심심해", "지금 몇 시야?"):
        assert memories.recall(account, words, now=NOON).lines == []


def test_without_an_index_recall_goes_by_words(house: House, account: str, open_memories: Open) -> None:
    memories = open_memories(background=False)
    told(house, account, memories, "고양이 나비 키워")
    recall = memories.recall(account, "고양이가 아파", now=NOON)
    assert len(recall.lines) == 1
    assert not recall.by_meaning


def test_a_correction_supersedes_and_the_old_value_is_kept_as_history(
    house: House, account: str, open_memories: Open
) -> None:
    memories = open_memories(background=False)
    told(house, account, memories, "나 28살이야", "아니 나 29살이야")
    assert texts(memories, account) == ["29살이다."]
    shown = memories.show(account, memories.listing(account)[0].id)
    assert [old.text for old in shown.earlier] == ["28살이다."]


def test_on_another_branch_the_old_value_holds(house: House, account: str, open_memories: Open) -> None:
    memories = open_memories()
    told(house, account, memories, "나 전주 살아", "나 서울로 이사했어")
    house.say("c", "branch", "c0", "그건 그렇고")
    assert memories.wait(60)
    lines = memories.recall(account, "나 어디 살아?", place=Place("c", "branch"), now=NOON).lines
    assert lines == ["11월 21일에 들음: 전주에서 산다."]


def test_remembering_a_message_twice_adds_nothing(house: House, account: str, open_memories: Open) -> None:
    memories = open_memories(background=False)
    told(house, account, memories, "고양이 나비 키워")
    assert memories.remember_turn(account, "c", "c0", "고양이 나비 키워", said=NOON) == []


def test_the_models_answer_is_held_against_the_message(house: House, account: str, open_memories: Open) -> None:
    memories = open_memories(background=False)
    house.say("c", "m", None)
    answer = (
        '[{"kind": "fact", "slot": "skill", "text": "물구나무를 설 수 있다.", "quote": "물구나무 좀 서거든"},'
        ' {"kind": "fact", "slot": "home", "text": "부산에서 산다.", "quote": "부산 살아"}]'
    )
    added = memories.remember_turn(account, "c", "m", "나 물구나무 좀 서거든", answer=answer)
    assert [m.text for m in added] == ["물구나무를 설 수 있다."]


def test_the_job_is_finished_in_the_transaction_that_stores_its_result(
    house: House, account: str, open_memories: Open
) -> None:
    memories = open_memories(background=False)
    house.say("c", "m", None)
    house.write(lambda c: store.enqueue(c, account, "c", "m"))

    def fail(connection: object) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        memories.remember_turn(account, "c", "m", "고양이 키워", done=fail)
    assert memories.listing(account) == []
    assert len(house.read(store.next_jobs)) == 1
    memories.remember_turn(account, "c", "m", "고양이 키워", done=lambda c: store.finish(c, "m"))
    assert len(memories.listing(account)) == 1
    assert house.read(store.next_jobs) == []


def test_a_coming_appointment_surfaces_unasked_and_then_rests(house: House, account: str, open_memories: Open) -> None:
    memories = open_memories(background=False)
    told(house, account, memories, "내일 면접 있어ㅠㅠ")
    recall = memories.recall(account, "안녕", now=NOON)
    assert recall.lines == ["내일(11월 22일) 일정: 면접이 있다. 11월 21일에 들음."]
    memories.surfaced(account, recall.due, NOON.timestamp())
    assert memories.recall(account, "안녕", now=NOON).lines == []
    after = datetime(2026, 11, 23, 12, 0)
    assert memories.recall(account, "안녕", now=after).lines == [
        "어제(11월 22일) 지난 일정: 면접이 있다. 11월 21일에 들음."
    ]


def test_two_accounts_with_the_same_facts_never_see_each_others(
    house: House, account: str, open_memories: Open
) -> None:
    memories = open_memories()
    other = str(house.account("jiho"))
    house.chat(other, "d")
    told(house, account, memories, "고양이 나비 키워")
    told(house, other, memories, "고양이 나비 키워", chat="d")
    assert memories.wait(60)
    for owner in (account, other):
        found = memories.recall(owner, "고양이 귀여워", now=NOON).found
        assert {r.memory.account for r in found} == {owner}
    memories.forget_account(account)
    assert memories.wait(60)
    assert memories.recall(account, "고양이 귀여워", now=NOON).lines == []
    assert len(memories.recall(other, "고양이 귀여워", now=NOON).lines) == 1
    with pytest.raises(NoSuchMemory):
        memories.show(account, memories.listing(other)[0].id)


def test_it_is_used_from_many_threads_at_once(house: House, account: str, open_memories: Open) -> None:
    memories = open_memories()
    told(house, account, memories, "고양이 나비 키워")
    failures: list[BaseException] = []

    def use(number: int) -> None:
        try:
            for turn in range(5):
                memories.add(account, f"{number}번 {turn}째 사실이다.")
                memories.recall(account, "고양이가 아파", now=NOON)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert memories.wait(60)
    assert memories.check().indexed == 31


# --- by hand


def test_a_memory_is_added_edited_and_pinned(account: str, open_memories: Open) -> None:
    memories = open_memories(background=False)
    made = memories.add(account, "  왼손잡이다. ", slot="other")
    assert made.text == "왼손잡이다."
    assert memories.edit(account, made.id, text="양손잡이다.", valid_from="2026-11-21").text == "양손잡이다."
    assert memories.pin(account, made.id).pinned


@pytest.mark.parametrize(
    "changes",
    [{"text": ""}, {"text": "가" * 300}, {"kind": "x"}, {"slot": "x"}, {"valid_from": "2026-02-30"}, {"said": "b"},
     {"valid_from": "2026-11-22", "valid_until": "2026-11-21"}],
)  # fmt: skip
def test_what_a_memory_cannot_be_is_refused(account: str, open_memories: Open, changes: dict[str, str]) -> None:
    memories = open_memories(background=False)
    made = memories.add(account, "왼손잡이다.")
    with pytest.raises(BadMemory):
        memories.edit(account, made.id, **changes)
    assert memories.show(account, made.id).memory == made


# --- forgetting


def test_a_wish_to_forget_finds_what_is_meant_and_does_nothing(house: House, account: str, open_memories: Open) -> None:
    memories = open_memories(background=False)
    leaf = told(house, account, memories, "나 전주 살아", "고양이 나비 키워")
    found = memories.wish(account, "내 주소 잊어줘", place=Place("c", leaf), recent=["c1", "c0"])
    assert found is not None
    assert [m.text for m in found[1]] == ["전주에서 산다."]
    assert len(memories.listing(account)) == 2
    assert memories.wish(account, "나 지갑 잃어버렸어", place=Place("c", leaf)) is None


def test_what_was_forgotten_is_not_taken_from_the_same_message_again(
    house: House, account: str, open_memories: Open
) -> None:
    memories = open_memories(background=False)
    told(house, account, memories, "고양이 나비 키워")
    memories.forget(account, [memories.listing(account)[0].id])
    assert memories.remember_turn(account, "c", "c0", "고양이 나비 키워") == []


def raw_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_forgetting_leaves_no_trace_in_any_file(house: House, account: str, open_memories: Open) -> None:
    memories = open_memories()
    words = "자주색카멜레온"
    kept = memories.add(account, f"{words}을 키운다.", slot="pet")
    house.write(lambda c: store.put_summary(c, account, store.Summary("c", "m", f"{words} 이야기를 했다.")))
    assert memories.wait(60)
    assert words.encode() in raw_bytes(house.folder)
    memories.forget(account, [kept.id])
    memories.forget_account(account)
    assert memories.wait(60)
    assert memories.check().indexed == 0
    assert words.encode() not in raw_bytes(house.folder)
    memories.close()
    house.database.close()
    with closing(sqlite3.connect(house.folder / "ohlora.sqlite3")) as connection:
        connection.execute("VACUUM")
    assert words.encode() not in raw_bytes(house.folder)
    assert kept.id.encode() not in (house.folder / "ohlora.sqlite3").read_bytes()


# --- a torn index


def test_a_kill_between_sql_and_chroma_is_mended_at_the_next_start(
    house: House, account: str, open_memories: Open
) -> None:
    first = open_memories()
    kept = first.add(account, "전주에서 산다.", slot="home")
    assert first.wait(60)
    first.close()
    # The process ends after SQL has a change and before Chroma has it.
    house.write(lambda c: store.insert(c, memory(account, "고양이를 키운다.", "pet")))
    house.write(lambda c: store.forget(c, account, [kept.id]))
    second = open_memories()
    assert second.wait(60)
    report = second.check()
    assert report.whole
    assert (report.memories, report.indexed, report.waiting) == (1, 1, 0)


def test_it_is_mended_even_if_the_outbox_was_lost(house: House, account: str, open_memories: Open) -> None:
    first = open_memories()
    first.add(account, "전주에서 산다.")
    assert first.wait(60)
    first.close()
    house.write(lambda c: store.insert(c, memory(account, "고양이를 키운다.", "pet")))
    house.write(lambda c: store.clear_outbox(c, store.outbox_entries(c)))
    second = open_memories(background=False)
    assert len(second.check().difference.missing) == 1
    second.close()
    third = open_memories()
    assert third.wait(60)
    assert third.check().whole


def test_a_process_killed_while_it_writes_leaves_nothing_broken(
    house: House, account: str, open_memories: Open
) -> None:
    program = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from rag.memories import Memories
        from rag.places import open_database
        from tests.rag.conftest import Bigrams
        engine = open_database("sqlite:///{house.folder / "ohlora.sqlite3"}")
        memories = Memories(engine, Path("{house.folder}"), load=lambda name: Bigrams("bigrams"))
        for number in range(100000):
            memories.add("{account}", f"{{number}}번 사실이다.")
            print(number, flush=True)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == 120:
            break
    process.kill()
    process.wait()
    memories = open_memories()
    assert memories.wait(60)
    report = memories.check()
    assert report.whole
    assert report.memories == report.indexed
    assert report.memories >= 121
    process.stdout.close()


def test_a_deleted_folder_is_made_anew_at_the_start(house: House, account: str, open_memories: Open) -> None:
    first = open_memories()
    first.add(account, "전주에서 산다.")
    assert first.wait(60)
    first.close()
    shutil.rmtree(house.folder / "chroma")
    second = open_memories()
    assert second.wait(60)
    assert second.check().indexed == 1


def test_a_folder_deleted_under_a_running_server_is_made_anew(house: House, account: str, open_memories: Open) -> None:
    memories = open_memories()
    memories.add(account, "전주에서 산다.")
    assert memories.wait(60)
    shutil.rmtree(house.folder / "chroma")
    assert memories.recall(account, "전주", now=NOON).lines
    until = time.monotonic() + 60
    while not (house.folder / "chroma" / "chroma.sqlite3").exists() and time.monotonic() < until:
        memories.wait(5)
    assert memories.wait(60)
    assert memories.check().whole


@pytest.mark.parametrize("part", [0.0, 0.5])
def test_a_truncated_file_is_noticed_and_mended(house: House, account: str, open_memories: Open, part: float) -> None:
    first = open_memories()
    first.add(account, "전주에서 산다.")
    assert first.wait(60)
    first.close()
    file = house.folder / "chroma" / "chroma.sqlite3"
    os.truncate(file, int(file.stat().st_size * part))
    looking = open_memories(background=False)
    assert not looking.check().whole
    looking.close()
    second = open_memories()
    assert second.recall(account, "전주", now=NOON).lines  # whatever becomes of the index
    assert second.wait(60)
    assert second.check().whole
    assert second.recall(account, "전주에서", now=NOON).by_meaning


def test_rebuild_makes_it_anew(account: str, open_memories: Open) -> None:
    memories = open_memories(background=False)
    for number in range(70):
        memories.add(account, f"{number}번 사실이다.")
    seen: list[tuple[int, int]] = []
    assert memories.rebuild(lambda done, total: seen.append((done, total))) == 70
    assert seen[-1] == (70, 70)
    assert memories.check().whole


def test_a_changed_embedder_re_indexes_in_the_background_with_progress(account: str, open_memories: Open) -> None:
    first = open_memories()
    first.add(account, "전주에서 산다.")
    assert first.wait(60)
    first.close()
    seen: list[tuple[int, int]] = []
    second = open_memories("other", progress=lambda done, total: seen.append((done, total)))
    assert second.wait(60)
    assert seen == [(1, 1)]
    assert second.check().collection == "ohlora-memories-other-256"
    assert second.recall(account, "전주에서", now=NOON).by_meaning


def test_an_embedder_that_cannot_be_loaded_leaves_recall_by_words(account: str, open_memories: Open) -> None:
    def load(name: str) -> Bigrams:
        raise OSError("no such folder")

    memories = open_memories(load=load)
    memories.add(account, "전주에서 산다.", slot="home")
    recall = memories.recall(account, "전주", now=NOON)
    assert len(recall.lines) == 1
    assert not recall.by_meaning
    until = time.monotonic() + 30
    while not memories.problem and time.monotonic() < until:
        time.sleep(0.05)
    assert "no such folder" in memories.problem


def test_an_embedder_that_fails_later_does_not_reach_the_chat(account: str, open_memories: Open) -> None:
    class Failing(Bigrams):
        broken = False

        def encode(self, texts: object) -> object:  # type: ignore[override]
            if self.broken:
                raise RuntimeError("out of memory")
            return super().encode(texts)  # type: ignore[arg-type]

    embedder = Failing()
    memories = open_memories(load=lambda name: embedder)
    memories.add(account, "전주에서 산다.")
    assert memories.wait(60)
    embedder.broken = True
    assert memories.recall(account, "전주", now=NOON).lines
    embedder.broken = False
    assert memories.wait(60)


def test_a_second_process_works_on_sql_and_leaves_the_index_to_the_first(
    house: House, account: str, open_memories: Open
) -> None:
    first, second = open_memories(), None
    first.add(account, "전주에서 산다.")
    assert first.wait(60)
    second = open_memories()
    second.add(account, "고양이를 키운다.")
    assert second.recall(account, "고양이", now=NOON).lines
    until = time.monotonic() + 30
    while not second.problem and time.monotonic() < until:
        time.sleep(0.05)
    assert "another process" in second.problem
    assert first.wait(60)
    assert first.check().indexed == 2
