"""Decisions about conduct as they stand in SQL, which is the truth about warnings and bans: what they are, how they are
looked up, and how users and operators are told of them. `server.storage.conduct` makes and changes them.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import sqlalchemy as sa

from character.conduct.categories import BY_ID
from character.conduct.judgement import Line
from character.conduct.ladder import FOREVER, Strike
from server.errors import NotFound
from server.protocol import AdminDecision, Ban, DecisionState
from server.storage.schema import accounts, chats, conduct_counts, decisions, messages

State = Literal["given", "upheld", "lifted"]
Filter = Literal["all", "standing", "lifted", "appeals"]

GONE = "그 기록을 찾을 수 없어요."
PAGE = 50


@dataclass(frozen=True)
class Decision:
    """What was objected to in a message, and what followed. Times are seconds since 1970.

    Attributes:
        account, chat, message: where; chat and message may be gone by now.
        text, normalized: what was said and how it was read; empty once their time has passed, once the user has deleted
            the message, and always for ``care``.
        step: ``warn``, ``ban`` or ``care`` (help; counts for nothing).
        again: something in the category had gone before.
        until: of a ban: its end, `FOREVER` for none.
        clean: messages without objection the account had sent before.
        state: ``given``; ``upheld`` or ``lifted`` by an operator.
        forgiven: when she forgave it. met_again: when the user first talked after the ban had ended.
        memory: hers of the warning.
    """

    id: str
    account: str
    chat: str
    message: str
    text: str
    normalized: str
    category: str
    score: float
    severity: int
    rule: str
    step: Literal["warn", "ban", "care"]
    again: bool
    until: float | None
    clean: int
    created: float
    state: State = "given"
    decided: float | None = None
    decided_by: str | None = None
    appeal: str | None = None
    appealed: float | None = None
    answer: str | None = None
    forgiven: float | None = None
    met_again: float | None = None
    memory: str | None = None
    revision: int = 0

    @property
    def strike(self) -> Strike:
        return Strike(self.message, self.category, self.severity, self.created, self.clean, self.until)


def _decision(row: sa.RowMapping) -> Decision:
    values: dict[str, Any] = {column.name: row[column.name] for column in decisions.c}
    values["again"] = bool(values["again"])
    if values["step"] == "ban" and values["until"] is None:
        values["until"] = FOREVER
    return Decision(**values)


def _shared(decision: Decision, with_text: bool) -> dict[str, Any]:
    values = row_of(decision) | {
        "name": BY_ID[decision.category].name, "appealed": decision.appealed is not None, "appealed_at": decision.appealed,
    }  # fmt: skip
    return values if with_text else values | {"text": "", "appeal": None, "answer": None}


def state_of(decision: Decision, with_text: bool = False) -> DecisionState:
    """What its user is told of it.

    Args:
        with_text: with the words; they are left out where the message itself is at hand, and of stored events.
    """
    values = _shared(decision, with_text)
    return DecisionState(**{name: values[name] for name in DecisionState.model_fields})


def admin_state_of(decision: Decision, account: str) -> AdminDecision:
    """What operators are told of it; ``account`` is a name."""
    values = _shared(decision, with_text=True) | {"account": account}
    return AdminDecision(**{name: values[name] for name in AdminDecision.model_fields})


def ban_state_of(decision: Decision) -> Ban:
    name = BY_ID[decision.category].name
    return Ban(
        decision=decision.id, category=decision.category, name=name, until=row_of(decision)["until"],
        reason=f"{name}에 해당하는 말이 경고 뒤에도 이어졌어요.", appealed=decision.appealed is not None,
    )  # fmt: skip


def row_of(decision: Decision) -> dict[str, Any]:
    """The columns of a decision."""
    return asdict(decision) | {"until": None if decision.until == FOREVER else decision.until}


def find(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Decision]:
    """Decisions that meet all conditions, oldest first."""
    query = sa.select(decisions).where(*conditions).order_by(decisions.c.created, decisions.c.id)
    return [_decision(row) for row in connection.execute(query).mappings()]


def save(connection: sa.Connection, decision: Decision) -> Decision:
    """Writes all of a decision that is there already, under a new revision."""
    saved = replace(decision, revision=last_revision(connection) + 1)
    connection.execute(decisions.update().where(decisions.c.id == decision.id).values(**row_of(saved)))
    return saved


# --- reading

_CLEAN = sa.select(conduct_counts.c.clean).where(conduct_counts.c.account == sa.bindparam("account"))


def clean_count(connection: sa.Connection, account: str) -> int | None:
    """Messages without objection since the account's first decision; None where there never was one."""
    found: int | None = connection.execute(_CLEAN, {"account": account}).scalar()
    return found


def strikes(connection: sa.Connection, account: str) -> list[Decision]:
    """The account's warnings and bans that stand, oldest first."""
    return find(
        connection, decisions.c.account == account, decisions.c.state != "lifted", decisions.c.step.in_(("warn", "ban"))
    )


def ban_of(connection: sa.Connection, account: str, now: float | None = None) -> Decision | None:
    """The ban that holds longest, if one holds now."""
    if clean_count(connection, account) is None:
        return None  # nearly everybody
    holding = find(
        connection,
        decisions.c.account == account,
        decisions.c.state != "lifted",
        decisions.c.step == "ban",
        sa.or_(decisions.c.until.is_(None), decisions.c.until > (time.time() if now is None else now)),
    )
    return max(holding, key=lambda decision: decision.until or 0.0, default=None)


def of_message(connection: sa.Connection, message: str) -> Decision | None:
    return next(iter(find(connection, decisions.c.message == message)), None)


def get(connection: sa.Connection, decision: str, account: str | None = None) -> Decision:
    """A decision, perhaps only if it is about an account.

    Raises:
        NotFound: there is none of this id.
    """
    found = find(connection, decisions.c.id == decision)
    if not found or account not in (None, found[0].account):
        raise NotFound(GONE)
    return found[0]


def of_chat(connection: sa.Connection, chat: str) -> list[Decision]:
    return find(connection, decisions.c.chat == chat)


def last_revision(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(sa.func.max(decisions.c.revision))).scalar() or 0)


def changed_since(connection: sa.Connection, revision: int) -> list[Decision]:
    """Decisions that were made or changed after a revision, by whatever process."""
    return sorted(find(connection, decisions.c.revision > revision), key=lambda decision: decision.revision)


def listing(
    connection: sa.Connection,
    *,
    account: str | None = None,
    only: Filter = "all",
    before: tuple[float, str] | None = None,
    limit: int = PAGE,
) -> list[tuple[Decision, str]]:
    """Decisions with the name of their account, newest first.

    Args:
        only: ``standing``, ``lifted``, or ``appeals``: those that wait for an answer.
        before: time and id of the last one of the page before.
    """
    query = sa.select(decisions, accounts.c.name).join(accounts, accounts.c.id == decisions.c.account)
    if account is not None:
        query = query.where(decisions.c.account == account)
    match only:
        case "standing":
            query = query.where(decisions.c.state != "lifted", decisions.c.step != "care")
        case "lifted":
            query = query.where(decisions.c.state == "lifted")
        case "appeals":
            query = query.where(decisions.c.appealed.is_not(None), decisions.c.answer.is_(None))
        case "all":
            pass
    if before is not None:
        query = query.where(sa.tuple_(decisions.c.created, decisions.c.id) < sa.tuple_(*map(sa.literal, before)))
    rows = connection.execute(query.order_by(decisions.c.created.desc(), decisions.c.id.desc()).limit(limit))
    return [(_decision(row), row["name"]) for row in rows.mappings()]


def stats(connection: sa.Connection, now: float | None = None) -> dict[str, Any]:
    """Counts for the operator: by category and step, how many were lifted, appeals that wait, bans that hold."""
    now = time.time() if now is None else now
    counted: dict[str, dict[str, int]] = {}
    query = sa.select(decisions.c.category, decisions.c.step, decisions.c.state, sa.func.count())
    for category, step, state, number in connection.execute(
        query.group_by(decisions.c.category, decisions.c.step, decisions.c.state)
    ):
        row = counted.setdefault(category, {"warn": 0, "ban": 0, "care": 0, "lifted": 0})
        row[step] += number
        row["lifted"] += number if state == "lifted" else 0
    waiting = sa.and_(decisions.c.appealed.is_not(None), decisions.c.answer.is_(None))
    holds = sa.and_(
        decisions.c.step == "ban",
        decisions.c.state != "lifted",
        sa.or_(decisions.c.until.is_(None), decisions.c.until > now),
    )

    def count(what: Any, *conditions: Any) -> int:
        return int(connection.execute(sa.select(sa.func.count(what)).where(*conditions)).scalar_one())

    return {
        "categories": counted,
        "decisions": count(decisions.c.id),
        "last_week": count(decisions.c.id, decisions.c.created > now - 7 * 86400),
        "accounts": count(decisions.c.account.distinct()),
        "appeals": count(decisions.c.id, decisions.c.appealed.is_not(None)),
        "waiting": count(decisions.c.id, waiting),
        "banned": count(decisions.c.account.distinct(), holds),
    }


# --- what was said


def recent(connection: sa.Connection, chat: str, leaf: str | None, number: int) -> list[Line]:
    """The last lines of a branch up to the message ``leaf``, oldest first, without empty ones."""
    if leaf is None:
        return []
    here = sa.select(messages.c.parent, messages.c.role, messages.c.text, sa.literal(0).label("depth"))
    above = here.where(messages.c.id == leaf, messages.c.chat == chat).cte("above", recursive=True)
    parents = messages.alias("parents")
    above = above.union_all(
        sa.select(parents.c.parent, parents.c.role, parents.c.text, above.c.depth + 1)
        .join(above, parents.c.id == above.c.parent)
        .where(above.c.depth < number - 1)
    )
    rows = connection.execute(sa.select(above).order_by(above.c.depth.desc()))
    return [Line(row.role, row.text) for row in rows if row.text]


def message_of(connection: sa.Connection, account: str, chat: str, message: str) -> Any:
    """Id, parent, role and text of a message in one of the account's chats; None where there is none."""
    columns = (messages.c.id, messages.c.parent, messages.c.role, messages.c.text)
    query = sa.select(*columns).join(chats, chats.c.id == messages.c.chat)
    return connection.execute(
        query.where(messages.c.id == message, chats.c.id == chat, chats.c.account == account)
    ).first()


def account_name(connection: sa.Connection, account: str) -> str:
    return str(connection.execute(sa.select(accounts.c.name).where(accounts.c.id == account)).scalar_one())


def active_message(connection: sa.Connection, account: str, chat: str) -> str | None:
    """The end of the chat's active line; None where there is no such chat."""
    found: str | None = connection.execute(
        sa.select(chats.c.active).where(chats.c.id == chat, chats.c.account == account)
    ).scalar()
    return found
