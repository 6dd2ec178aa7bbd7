"""What operators ask over the socket: everybody's decisions, appeals and counts. Who asks is checked for each message."""

from __future__ import annotations

import ipaddress
import logging
import time

import sqlalchemy as sa

from character.conduct.categories import CATEGORIES
from server import protocol
from server.conduct import Conduct
from server.errors import BadRequest, Forbidden, NotFound
from server.settings import Settings
from server.storage import accounts, decisions
from server.storage import conduct as storage
from server.storage.database import Database

logger = logging.getLogger(__name__)

Asked = protocol.AdminList | protocol.AdminDecide | protocol.AdminStats


def is_loopback(host: str) -> bool:
    """Whether a server that listens on ``host`` can be reached from its own machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Admin:
    """Answers operators.

    Args:
        conduct: is told of what was decided; None where conduct is turned off.
    """

    def __init__(self, settings: Settings, database: Database, conduct: Conduct | None) -> None:
        self._settings, self._database, self._conduct = settings, database, conduct
        self._on_loopback = is_loopback(settings.host)

    async def is_operator(self, account: str) -> bool:
        return await self._database.read(lambda c: accounts.is_operator(c, account, self._on_loopback))

    def _require_operator(self, connection: sa.Connection, account: str) -> str:
        """The operator's name.

        Raises:
            Forbidden: the account is none.
        """
        if not accounts.is_operator(connection, account, self._on_loopback):
            raise Forbidden("운영자만 할 수 있어요.")
        return decisions.account_name(connection, account)

    async def answer(self, account: str, asked: Asked) -> protocol.Message:
        """Answers one message of an account.

        Raises:
            Forbidden: the account is no operator's. NotFound, BadRequest: as `storage.lift` and `storage.uphold`.
        """
        match asked:
            case protocol.AdminList():
                return await self._database.read(lambda c: self._listing(c, account, asked))
            case protocol.AdminStats():
                return await self._database.read(lambda c: self._stats(c, account))
            case protocol.AdminDecide():
                return await self._decide(account, asked)

    def _listing(self, connection: sa.Connection, account: str, asked: protocol.AdminList) -> protocol.AdminListed:
        self._require_operator(connection, account)
        whose = None
        if asked.account:
            try:
                whose = accounts.find_account(connection, asked.account).id
            except NotFound:
                raise NotFound(f"{asked.account!r}라는 계정이 없어요.") from None
        found = decisions.listing(
            connection, account=whose, only=asked.only, before=_place(asked.before), limit=decisions.PAGE
        )
        states = [decisions.admin_state_of(decision, name) for decision, name in found]
        more = f"{states[-1].created!r} {states[-1].id}" if len(states) == decisions.PAGE else None
        return protocol.AdminListed(decisions=states, more=more)

    def _stats(self, connection: sa.Connection, account: str) -> protocol.AdminCounts:
        self._require_operator(connection, account)
        names = {category.id: category.name for category in CATEGORIES}
        return protocol.AdminCounts(names=names, **decisions.stats(connection))

    async def _decide(self, account: str, asked: protocol.AdminDecide) -> protocol.AdminDecided:
        def job(connection: sa.Connection) -> protocol.AdminDecided:
            by = self._require_operator(connection, account)
            changed = decide(connection, self._settings, asked.decision, asked.state, by=by, answer=asked.answer)
            told = [
                decisions.admin_state_of(each, decisions.account_name(connection, each.account)) for each in changed
            ]
            logger.info("operator %s: decision %s is %s", by, asked.decision, asked.state)
            return protocol.AdminDecided(decisions=told)

        done = await self._database.write(lambda transaction: job(transaction.connection))
        if self._conduct is not None:
            self._conduct.wake()
        return done


def decide(
    connection: sa.Connection, settings: Settings, decision: str, state: str, *, by: str, answer: str = ""
) -> list[decisions.Decision]:
    """Upholds or lifts a decision; returns it with all that changed.

    Raises:
        NotFound: there is none of this id. BadRequest: one that was lifted cannot be upheld.
    """
    now = time.time()
    if state == "upheld":
        return [storage.uphold(connection, decision, by=by, answer=answer, now=now)]
    changed = storage.lift(connection, settings.conduct_ladder, decision, by=by, answer=answer, now=now)
    return changed or [decisions.get(connection, decision)]


def _place(before: str | None) -> tuple[float, str] | None:
    """Reads the ``more`` of an earlier answer."""
    if before is None:
        return None
    created, _, decision = before.partition(" ")
    try:
        return float(created), decision
    except ValueError:
        raise BadRequest("before에는 앞서 받은 more를 그대로 적어 주세요.") from None
