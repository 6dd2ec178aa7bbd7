"""Makes and changes decisions about conduct. Every function works inside the caller's transaction and wants a writing one
(``BEGIN IMMEDIATE`` on SQLite), so that servers which share a database see each other's decisions before they add their own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from character.conduct.judgement import Judgement
from character.conduct.ladder import LadderTable, Step, Strike, decide, is_forgiven, replay
from rag import store as memories
from rag.memory import MAX_QUOTE, Memory
from server.errors import BadRequest
from server.storage.decisions import Decision, clean_count, get, last_revision, of_message, row_of, save, strikes
from server.storage.schema import accounts, conduct_counts, decisions

DEEDS = {
    "insult": "욕을 해서", "hate": "혐오하는 말을 해서", "sexual": "성희롱하는 말을 해서", "pressure": "싫다는데도 만나자고 졸라서",
    "agitation": "정치 선동을 해서", "family": "가족을 욕해서", "threat": "겁을 주는 말을 해서", "privacy": "남의 개인정보를 캐려고 해서",
    "jailbreak": "다른 사람인 척하라고 시켜서",
}  # fmt: skip
"""How she remembers it, for `memory_text`."""


@dataclass(frozen=True)
class Meeting:
    """What lies between her and an account when it says something harmless.

    Attributes:
        kind: ``forgiven``: its old strikes have been forgotten just now; ``remembered``: it is back from a ban.
    """

    kind: Literal["forgiven", "remembered"]
    category: str


def lock(connection: sa.Connection, account: str) -> None:
    """Has transactions that decide about the same account wait for each other, on databases that run them in parallel."""
    connection.execute(sa.select(accounts.c.id).where(accounts.c.id == account).with_for_update())


def record(
    connection: sa.Connection,
    table: LadderTable,
    *,
    account: str,
    chat: str,
    message: str,
    text: str,
    judgement: Judgement,
    now: float,
    remember: bool = False,
) -> Decision | None:
    """Decides about a message that was objected to; a second time it returns the decision there is.

    Args:
        now: seconds since 1970.
        remember: she keeps a memory of it.

    Returns:
        The decision, or None where there is nothing to object to.
    """
    lock(connection, account)
    if (known := of_message(connection, message)) is not None:
        return known
    clean = clean_count(connection, account)
    if clean is None:
        connection.execute(conduct_counts.insert().values(account=account, clean=0))
    before = [decision.strike for decision in strikes(connection, account)]
    step = decide(table, before, judgement, message=message, now=now, clean=clean or 0)
    if step.kind == "none" or judgement.category is None:
        return None
    made = _made(account, chat, message, text, judgement, step, now, clean or 0, before)
    if remember and made.step != "care":
        made = replace(made, memory=_remember(connection, made, text))
    connection.execute(decisions.insert().values(**row_of(made) | {"revision": last_revision(connection) + 1}))
    return get(connection, made.id)


def _made(
    account: str, chat: str, message: str, text: str, judgement: Judgement, step: Step, now: float, clean: int,
    before: Sequence[Strike],
) -> Decision:  # fmt: skip
    assert step.kind != "none"
    # Of a cry for help no copy is kept: it is nobody's offence.
    kept = ("", "") if step.kind == "care" else (text, judgement.normalized)
    again = step.kind != "care" and any(strike.category == judgement.category for strike in before)
    return Decision(
        memories.new_id(), account, chat, message, *kept, str(judgement.category), judgement.score, judgement.severity,
        judgement.rule, step.kind, again, step.until, clean, now,
    )  # fmt: skip


def _day(when: float) -> str:
    day = datetime.fromtimestamp(when)
    return f"{day.month}월 {day.day}일"


def memory_text(decision: Decision) -> str:
    """How she remembers a warning: ``11월 21일에 욕을 해서 그러지 말라고 했다.``"""
    what = "그러지 말라고 했다." if decision.step == "warn" else "말을 끊고 한동안 이야기하지 않았다."
    return f"{_day(decision.created)}에 {DEEDS[decision.category]} {what}"


def _remember(connection: sa.Connection, decision: Decision, text: str) -> str:
    quote = text if len(text) <= MAX_QUOTE else ""
    memory = Memory(
        memories.new_id(), decision.account, decision.chat, decision.message, "boundary", "rule", memory_text(decision),
        quote, decision.created, source="pattern",
    )  # fmt: skip
    return memories.insert(connection, memory).id


def good(connection: sa.Connection, table: LadderTable, account: str, now: float, counts: bool) -> Meeting | None:
    """A message without objection: it is counted, and may be the one with which old strikes are forgiven.

    Args:
        counts: it is a new message and no other reply to an old one.
    """
    clean = clean_count(connection, account)
    if clean is None:
        return None
    if counts:
        clean += 1
        connection.execute(conduct_counts.update().where(conduct_counts.c.account == account).values(clean=clean))
    standing = strikes(connection, account)
    return _forgive(connection, table, standing, now, clean) or _meet_again(connection, standing, now)


def _forgive(
    connection: sa.Connection, table: LadderTable, standing: Sequence[Decision], now: float, clean: int
) -> Meeting | None:
    history = [decision.strike for decision in standing]
    meeting = None
    for category in {decision.category for decision in standing if decision.forgiven is None}:
        if not is_forgiven(table, history, category, now, clean):
            continue
        old = [decision for decision in standing if decision.category == category and decision.forgiven is None]
        for decision in old:
            save(connection, replace(decision, forgiven=now, met_again=now))
        _put_behind(connection, old, now)
        meeting = Meeting("forgiven", category)
    return meeting


def _put_behind(connection: sa.Connection, old: Sequence[Decision], now: float) -> None:
    """What she remembers of forgiven strikes gives way to one memory of the past."""
    known = memories.by_ids(connection, [decision.memory for decision in old if decision.memory])
    live = tuple(memory.id for memory in known.values() if memory.state == "live")
    if not live:
        return
    last = old[-1]
    text = f"{_day(last.created)}에 {DEEDS[last.category]} 다퉜지만 이제 용서했다."
    memories.insert(
        connection,
        Memory(
            memories.new_id(), last.account, None, None, "relationship", "past", text, "", now, source="pattern",
            supersedes=live,
        ),
    )  # fmt: skip


def _meet_again(connection: sa.Connection, standing: Sequence[Decision], now: float) -> Meeting | None:
    over = [d for d in standing if d.step == "ban" and d.met_again is None and d.until is not None and d.until <= now]
    for decision in over:
        save(connection, replace(decision, met_again=now))
    return Meeting("remembered", over[-1].category) if over else None


def lift(
    connection: sa.Connection, table: LadderTable, decision: str, *, by: str, answer: str = "", now: float
) -> list[Decision]:
    """Takes a decision back, and with it all that followed from it: later ones of its category are decided anew.

    Args:
        by: who lifts it.
        answer: for the user; may be empty.

    Returns:
        The decisions that changed, the lifted one first. One that was lifted before changes nothing.

    Raises:
        NotFound: there is none of this id.
    """
    found = get(connection, decision)
    lock(connection, found.account)
    if found.state == "lifted":
        return []
    reply = answer or found.answer or ("" if found.appealed else None)
    changed = [save(connection, replace(found, state="lifted", decided=now, decided_by=by, answer=reply))]
    if found.memory is not None:
        memories.forget(connection, found.account, [found.memory])
    left = [other for other in strikes(connection, found.account) if other.category == found.category]
    for other, strike in zip(left, replay(table, [other.strike for other in left]), strict=True):
        # The table may have become harsher since: nobody pays for another one's mistake.
        if (strike.until or 0.0) < (other.until or 0.0):
            step: Literal["warn", "ban"] = "warn" if strike.until is None else "ban"
            changed.append(save(connection, replace(other, step=step, until=strike.until)))
    return changed


def uphold(connection: sa.Connection, decision: str, *, by: str, answer: str = "", now: float) -> Decision:
    """Confirms a decision, with an answer to an appeal.

    Raises:
        NotFound: there is none of this id. BadRequest: it was lifted.
    """
    found = get(connection, decision)
    if found.state == "lifted":
        raise BadRequest("이미 취소된 기록이에요.")
    reply = answer or found.answer or ("" if found.appealed else None)
    return save(connection, replace(found, state="upheld", decided=now, decided_by=by, answer=reply))


def appeal(connection: sa.Connection, account: str, decision: str, text: str, now: float) -> Decision:
    """The user's objection, once per decision.

    Raises:
        NotFound: no such decision of this account. BadRequest: it was lifted or appealed against already, or is none.
    """
    found = get(connection, decision, account)
    if found.step == "care":
        raise BadRequest("이건 제재가 아니에요. 이의를 제기할 일이 없어요.")
    if found.state == "lifted":
        raise BadRequest("이미 취소된 기록이에요.")
    if found.appealed is not None:
        raise BadRequest("이의 제기는 기록 하나에 한 번만 할 수 있어요. 답을 기다려 주세요.")
    return save(connection, replace(found, appeal=text, appealed=now))


# --- forgetting the words

_BLANK = {"text": "", "normalized": ""}


def blank_messages(connection: sa.Connection, messages: Collection[str]) -> None:
    """The user has deleted these messages: decisions about them stay, their words go."""
    ids = list(messages)
    for start in range(0, len(ids), 500):
        connection.execute(decisions.update().where(decisions.c.message.in_(ids[start : start + 500])).values(**_BLANK))


def blank_chat(connection: sa.Connection, chat: str) -> None:
    connection.execute(decisions.update().where(decisions.c.chat == chat).values(**_BLANK))


def blank_before(connection: sa.Connection, when: float) -> int:
    """Takes the words out of decisions made before ``when``; returns out of how many."""
    old = sa.and_(decisions.c.created < when, sa.or_(decisions.c.text != "", decisions.c.normalized != ""))
    return connection.execute(decisions.update().where(old).values(**_BLANK)).rowcount
