"""Memories in SQL."""

from __future__ import annotations

import time

import pytest

from rag import store
from rag.errors import NoSuchAccount, NoSuchMemory
from rag.memory import Memory
from tests.rag.conftest import House, memory


def put(house: House, *found: Memory) -> None:
    house.write(lambda connection: [store.insert(connection, one) for one in found])


def test_a_memory_comes_back_as_it_was(house: House) -> None:
    kept = memory("a", pinned=True, quote="전주 살아", confidence=0.7, source="pattern")
    put(house, kept)
    assert house.read(lambda c: store.get(c, "a", kept.id)) == kept


def test_another_accounts_memory_is_not_there(house: House) -> None:
    kept = memory("a")
    put(house, kept)
    with pytest.raises(NoSuchMemory, match=kept.id):
        house.read(lambda c: store.get(c, "b", kept.id))


def test_every_change_moves_the_revision_and_names_the_memory_in_the_outbox(house: House) -> None:
    kept = memory("a")
    put(house, kept)
    before = house.read(lambda c: store.revision(c, "a"))
    house.write(lambda c: store.pin(c, "a", kept.id))
    assert house.read(lambda c: store.revision(c, "a")) == before + 1
    assert list(house.read(store.outbox_entries)) == [kept.id]


def test_an_entry_that_changed_again_stays_in_the_outbox(house: House) -> None:
    kept = memory("a")
    put(house, kept)
    taken = house.read(store.outbox_entries)
    house.write(lambda c: store.pin(c, "a", kept.id))
    house.write(lambda c: store.clear_outbox(c, taken))
    assert house.read(store.outbox_size) == 1


def test_a_new_value_supersedes_the_old_one_from_the_day_it_was_said(house: House) -> None:
    old, new = memory("a", said=1000.0), memory("a", "서울에서 산다.", said=90000.0)
    put(house, old)
    put(house, Memory(**{**new.__dict__, "supersedes": (old.id,)}))
    found = house.read(lambda c: store.get(c, "a", old.id))
    assert found.state == "superseded"
    assert found.valid_until is not None


def test_forgetting_wipes_words_and_dates_and_what_was_superseded(house: House) -> None:
    old = memory("a", quote="전주", chat="c", message="m1")
    new = memory("a", "서울에서 산다.", quote="서울", supersedes=(old.id,), chat="c", message="m2")
    put(house, old, new)
    gone = house.write(lambda c: store.forget(c, "a", [new.id]))
    assert set(gone) == {old.id, new.id}
    for row in house.read(lambda c: store.by_ids(c, gone)).values():
        assert (row.text, row.quote, row.slot, row.state) == ("", "", "other", "forgotten")
    assert house.read(lambda c: store.forgotten_from(c, "m1"))


def test_forgetting_does_not_reach_another_account(house: House) -> None:
    kept = memory("b")
    put(house, kept)
    assert house.write(lambda c: store.forget(c, "a", [kept.id])) == []
    assert house.read(lambda c: store.get(c, "b", kept.id)).text == kept.text


def test_deleting_a_message_takes_its_memories_along_and_brings_back_the_old_value(house: House) -> None:
    old = memory("a", chat="c", message="m1")
    new = memory("a", "서울에서 산다.", supersedes=(old.id,), chat="c", message="m2")
    put(house, old, new)
    house.write(lambda c: store.enqueue(c, "a", "c", "m2"))
    house.write(lambda c: store.put_summary(c, "a", store.Summary("c", "m3", "서울로 이사했다.")))
    assert house.write(lambda c: store.forget_messages(c, ["m2"])) == [new.id]
    assert house.read(lambda c: store.get(c, "a", old.id)).state == "live"
    assert house.read(store.next_jobs) == []
    assert house.read(lambda c: store.summary_of(c, "a", "c", ["m1", "m2", "m3"])) is None


def test_forgetting_an_account_leaves_no_row_of_it(house: House) -> None:
    put(house, memory("a", chat="c", message="m1"), memory("b"))
    house.write(lambda c: store.put_summary(c, "a", store.Summary("c", "m1", "요약")))
    house.write(lambda c: store.enqueue(c, "a", "c", "m1"))
    assert house.write(lambda c: store.forget_account(c, "a")) == 1
    assert house.read(lambda c: store.all_of(c, "a")) == []
    assert len(house.read(lambda c: store.all_of(c, "b"))) == 1
    assert house.read(store.next_jobs) == []


def test_a_job_is_kept_until_it_is_finished_and_rests_when_it_is_postponed(house: House) -> None:
    house.write(lambda c: [store.enqueue(c, "a", "c", "m1"), store.enqueue(c, "a", "c", "m1")])
    (job,) = house.read(store.next_jobs)
    assert (job.message, job.task, job.attempts) == ("m1", "extract", 0)
    house.write(lambda c: store.postpone(c, "m1", seconds=60))
    assert house.read(store.next_jobs) == []
    assert house.read(lambda c: store.next_jobs(c, now=time.time() + 61))[0].attempts == 1
    house.write(lambda c: store.finish(c, "m1"))
    assert house.read(lambda c: store.next_jobs(c, now=time.time() + 61)) == []


def test_the_summary_of_a_line_is_the_one_that_covers_most_of_it(house: House) -> None:
    for message in ("m1", "m3", "other"):
        summary = store.Summary("c", message, f"{message}까지")
        house.write(lambda c, summary=summary: store.put_summary(c, "a", summary))
    found = house.read(lambda c: store.summary_of(c, "a", "c", ["m1", "m2", "m3", "m4"]))
    assert found is not None
    assert found.text == "m3까지"


def test_an_unknown_account_is_named(house: House) -> None:
    with pytest.raises(NoSuchAccount, match="nobody"):
        house.read(lambda c: store.account_id(c, "nobody"))
