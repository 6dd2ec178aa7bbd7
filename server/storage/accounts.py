"""Accounts and their tokens. A token is shown once; only its SHA-256 is kept (it is 256 random bits, not a password)."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass

import sqlalchemy as sa

from server.errors import BadRequest, NotFound, Unauthorized
from server.storage.schema import accounts, chats, tokens

LOCAL = "local"
"""Name of the account that a fresh server makes for the person at this machine."""

LOGIN_SECONDS = 24 * 3600
NAME = re.compile(r"[\w.\-]{1,40}")


@dataclass(frozen=True)
class Account:
    id: str
    name: str
    user_name: str
    created: float
    disabled: bool
    operator: bool = False


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _account(row: sa.Row[tuple[str, str, str, float, bool, bool]]) -> Account:
    return Account(row.id, row.name, row.user_name, row.created, bool(row.disabled), bool(row.operator))


def add_account(connection: sa.Connection, name: str) -> Account:
    """Makes an account.

    Raises:
        BadRequest: the name is taken, or not of letters, digits, ``._-`` (at most 40).
    """
    if not NAME.fullmatch(name):
        raise BadRequest(f"account name {name!r}: use up to 40 letters, digits, '.', '_' or '-'")
    if connection.execute(sa.select(accounts.c.id).where(accounts.c.name == name)).first():
        raise BadRequest(f"account {name!r} exists already")
    row = Account(secrets.token_hex(8), name, "", time.time(), False)
    connection.execute(
        accounts.insert().values(id=row.id, name=name, user_name="", created=row.created, disabled=False)
    )
    return row


def all_accounts(connection: sa.Connection) -> list[tuple[Account, int]]:
    """Every account with its number of chats, oldest first."""
    count = sa.select(sa.func.count()).where(chats.c.account == accounts.c.id).scalar_subquery()
    rows = connection.execute(sa.select(accounts, count.label("chats")).order_by(accounts.c.created))
    return [(_account(row), row.chats) for row in rows]


def find_account(connection: sa.Connection, name: str) -> Account:
    """The account of this name.

    Raises:
        NotFound: there is none.
    """
    row = connection.execute(sa.select(accounts).where(accounts.c.name == name)).first()
    if row is None:
        raise NotFound(f"there is no account {name!r}; 'python -m server account list' shows them")
    return _account(row)


def set_disabled(connection: sa.Connection, name: str, disabled: bool) -> None:
    """Closes an account, or opens it again; its chats stay."""
    account = find_account(connection, name)
    connection.execute(accounts.update().where(accounts.c.id == account.id).values(disabled=disabled))


def set_operator(connection: sa.Connection, name: str, operator: bool) -> None:
    """Lets an account see and decide what concerns everybody's conduct, or takes that back."""
    account = find_account(connection, name)
    connection.execute(accounts.update().where(accounts.c.id == account.id).values(operator=operator))


def is_operator(connection: sa.Connection, account_id: str, on_loopback: bool) -> bool:
    """Whether the account may act for the operator.

    Args:
        on_loopback: the server can be reached from this machine only: then its own account is the operator's.
    """
    row = connection.execute(
        sa.select(accounts.c.name, accounts.c.operator, accounts.c.disabled).where(accounts.c.id == account_id)
    ).one()
    return not row.disabled and (bool(row.operator) or (on_loopback and row.name == LOCAL))


def issue_token(connection: sa.Connection, account: Account) -> str:
    """A new token of the account, to be shown once."""
    secret = secrets.token_urlsafe(32)
    connection.execute(
        tokens.insert().values(hash=_hash(secret), account=account.id, kind="token", created=time.time())
    )
    return secret


def revoke_tokens(connection: sa.Connection, account: Account) -> int:
    """Makes every token and login code of the account invalid; returns how many there were."""
    return connection.execute(tokens.delete().where(tokens.c.account == account.id)).rowcount


def issue_login(connection: sa.Connection, account: Account) -> str:
    """A one-time login code, valid for a day. Codes that have run out are swept away."""
    now = time.time()
    connection.execute(tokens.delete().where(tokens.c.expires < now))
    secret = secrets.token_urlsafe(24)
    connection.execute(
        tokens.insert().values(
            hash=_hash(secret), account=account.id, kind="login", created=now, expires=now + LOGIN_SECONDS
        )
    )
    return secret


def _holder(connection: sa.Connection, secret: str, kind: str) -> Account:
    row = connection.execute(
        sa.select(accounts, tokens.c.expires)
        .join(tokens, tokens.c.account == accounts.c.id)
        .where(tokens.c.hash == _hash(secret), tokens.c.kind == kind)
    ).first()
    if row is None or (row.expires is not None and row.expires < time.time()):
        raise Unauthorized("로그인 정보가 맞지 않아요. 서버가 보여 준 새 링크로 들어오거나 토큰을 다시 확인해 주세요.")
    if row.disabled:
        raise Unauthorized("이 계정은 운영자가 닫아 두었어요.")
    return _account(row)


def authenticate(connection: sa.Connection, token: str) -> Account:
    """The account that holds ``token``.

    Raises:
        Unauthorized: nobody does, or the account is disabled.
    """
    return _holder(connection, token, "token")


def redeem_login(connection: sa.Connection, code: str) -> tuple[Account, str]:
    """Takes a one-time login code; returns the account and a new token for it.

    Raises:
        Unauthorized: the code is unknown, used up or too old.
    """
    account = _holder(connection, code, "login")
    connection.execute(tokens.delete().where(tokens.c.hash == _hash(code)))
    return account, issue_token(connection, account)


def require_enabled(connection: sa.Connection, account_id: str) -> None:
    """Raises Unauthorized when the account was disabled after its connection had logged in."""
    if connection.execute(sa.select(accounts.c.disabled).where(accounts.c.id == account_id)).scalar_one():
        raise Unauthorized("이 계정은 운영자가 닫아 두었어요.")


def set_user_name(connection: sa.Connection, account_id: str, name: str) -> None:
    """How she addresses the person; empty for unknown."""
    connection.execute(accounts.update().where(accounts.c.id == account_id).values(user_name=name))


def user_name(connection: sa.Connection, account_id: str) -> str:
    return str(connection.execute(sa.select(accounts.c.user_name).where(accounts.c.id == account_id)).scalar_one())
