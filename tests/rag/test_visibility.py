"""What holds on a branch."""

from __future__ import annotations

from rag import store
from rag.visibility import Place, visible
from tests.rag.conftest import House, memory


def texts(house: House, account: str, place: Place | None = None) -> dict[str, str]:
    return {m.text: m.state for m in house.read(lambda c: visible(c, account, place))}


def tree(house: House) -> str:
    """m1 ─ m2 ─ m3 and beside m2 the branch n2."""
    account = str(house.account("minji"))
    house.chat(account, "c")
    house.say("c", "m1", None)
    house.say("c", "m2", "m1")
    house.say("c", "m3", "m2")
    house.say("c", "n2", "m1")
    return account


def test_only_the_line_of_the_place_counts_in_its_chat(house: House) -> None:
    account = tree(house)
    for message in ("m1", "m2", "n2"):
        kept = memory(account, f"{message}에서 산다.", chat="c", message=message)
        house.write(lambda c, kept=kept: store.insert(c, kept))
    assert set(texts(house, account, Place("c", "m3"))) == {"m1에서 산다.", "m2에서 산다."}
    assert set(texts(house, account, Place("c", "n2"))) == {"m1에서 산다.", "n2에서 산다."}
    assert set(texts(house, account, Place("c", "m1"))) == {"m1에서 산다."}


def test_of_other_chats_only_the_line_they_show_counts(house: House) -> None:
    account = tree(house)
    house.chat(account, "d")
    house.say("d", "d1", None)
    house.write(lambda c: store.insert(c, memory(account, "곁가지다.", chat="c", message="m2")))
    assert texts(house, account, Place("d", "d1")) == {}  # the chat shows n2
    house.show("c", "m3")
    assert set(texts(house, account, Place("d", "d1"))) == {"곁가지다."}
    assert set(texts(house, account)) == {"곁가지다."}


def test_what_was_added_by_hand_counts_everywhere(house: House) -> None:
    account = tree(house)
    house.write(lambda c: store.insert(c, memory(account)))
    assert set(texts(house, account, Place("c", "n2"))) == {"전주에서 산다."}
    assert set(texts(house, account, Place("nowhere", "x"))) == {"전주에서 산다."}


def test_superseded_is_only_what_a_visible_memory_took_the_place_of(house: House) -> None:
    account = tree(house)
    old = memory(account, chat="c", message="m1")
    new = memory(account, "서울에서 산다.", chat="c", message="m2", supersedes=(old.id,))
    house.write(lambda c: [store.insert(c, old), store.insert(c, new)])
    assert texts(house, account, Place("c", "m3")) == {"전주에서 산다.": "superseded", "서울에서 산다.": "live"}
    assert texts(house, account, Place("c", "n2")) == {"전주에서 산다.": "live"}


def test_another_accounts_memories_are_never_visible(house: House) -> None:
    account = tree(house)
    other = str(house.account("jiho"))
    house.write(lambda c: store.insert(c, memory(other)))
    assert texts(house, account) == {}


def test_forgotten_memories_are_not_visible(house: House) -> None:
    account = tree(house)
    kept = memory(account)
    house.write(lambda c: store.insert(c, kept))
    house.write(lambda c: store.forget(c, account, [kept.id]))
    assert texts(house, account) == {}
