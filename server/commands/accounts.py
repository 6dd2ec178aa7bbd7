"""``python -m server account``: accounts and their tokens; works beside a running server."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from server.settings import Settings, add_arguments

if TYPE_CHECKING:
    from server.storage.database import Database


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server account", description="Accounts and their tokens.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in {
        "add": "make an account and show its token, once",
        "token": "make the account's old tokens invalid and show a new one, once",
        "login": "show a one-time login link of the account, valid for a day",
        "disable": "close the account; its chats stay",
        "enable": "open a closed account again",
        "operator": "let the account see everybody's warnings and bans on /admin, and decide about them",
    }.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("name", metavar="NAME")
        if name == "operator":
            command.add_argument("--off", action="store_true", help="take that back")
        add_arguments(command)
    add_arguments(commands.add_parser("list", help="show all accounts", description="show all accounts"))
    return parser


def run(options: argparse.Namespace, settings: Settings) -> None:
    """Carries out ``account add|list|disable|enable|operator|token|login``."""
    import sqlalchemy as sa

    from server.storage import accounts
    from server.storage.database import Database

    database = Database(settings.database_url)
    try:
        match options.command:
            case "list":
                show_accounts(database)
            case "add":
                token = database.write_now(lambda c: accounts.issue_token(c, accounts.add_account(c, options.name)))
                print(f"token of {options.name}, shown only now:\n{token}")
            case "token":

                def renew(connection: sa.Connection) -> str:
                    account = accounts.find_account(connection, options.name)
                    accounts.revoke_tokens(connection, account)
                    return accounts.issue_token(connection, account)

                print(
                    f"new token of {options.name}, shown only now; older ones are invalid:\n{database.write_now(renew)}"
                )
            case "login":
                print(login_link(database, settings, settings.port, options.name))
            case "disable" | "enable" as command:
                database.write_now(lambda c: accounts.set_disabled(c, options.name, command == "disable"))
                print(f"account {options.name} is {command}d")
            case "operator":
                database.write_now(lambda c: accounts.set_operator(c, options.name, not options.off))
                print(f"account {options.name} is {'no operator any more' if options.off else 'an operator'}")
    finally:
        database.close()


def show_accounts(database: Database) -> None:
    import time

    from rich.console import Console
    from rich.table import Table

    from server.storage import accounts

    table = Table("account", "chats", "since", "state")
    with database.engine.begin() as connection:
        for account, chats in accounts.all_accounts(connection):
            since = time.strftime("%Y-%m-%d", time.localtime(account.created))
            state = "disabled" if account.disabled else "open"
            table.add_row(account.name, str(chats), since, f"{state}, operator" if account.operator else state)
    Console().print(table)


def login_link(database: Database, settings: Settings, port: int, name: str) -> str:
    """A link that logs a browser in once. The code stands in the fragment, which no browser sends to a server."""
    from server.storage import accounts

    code = database.write_now(lambda c: accounts.issue_login(c, accounts.find_account(c, name)))
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host  # noqa: S104 - comparing
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/#login={code}"
