"""``python -m server``: the server and the operator's commands."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from server.settings import Settings, SettingsError, add_arguments, load

if TYPE_CHECKING:
    from character.emotion import Emotion
    from server.storage.database import Database

logger = logging.getLogger("server")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Oh-LoRA 오로라: a virtual-character chat server. Without a command it serves.",
        epilog="commands: 'account' (accounts and tokens). Each has its own --help.",
    )
    add_arguments(parser)
    return parser


def build_account_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server account", description="Accounts and their tokens.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in {
        "add": "make an account and show its token, once",
        "token": "make the account's old tokens invalid and show a new one, once",
        "login": "show a one-time login link of the account, valid for a day",
        "disable": "close the account; its chats stay",
        "enable": "open a closed account again",
    }.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("name", metavar="NAME")
        add_arguments(command)
    add_arguments(commands.add_parser("list", help="show all accounts", description="show all accounts"))
    return parser


def account_command(options: argparse.Namespace, settings: Settings) -> None:
    """Carries out ``account add|list|disable|enable|token|login``; works beside a running server."""
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
            table.add_row(account.name, str(chats), since, "disabled" if account.disabled else "open")
    Console().print(table)


def login_link(database: Database, settings: Settings, port: int, name: str) -> str:
    """A link that logs a browser in once. The code stands in the fragment, which no browser sends to a server."""
    from server.storage import accounts

    code = database.write_now(lambda c: accounts.issue_login(c, accounts.find_account(c, name)))
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host  # noqa: S104 - comparing
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/#login={code}"


def load_judge() -> Callable[[str], Emotion]:
    """The bundled emotion classifier."""
    from character.emotion_classifier import EmotionClassifier

    return EmotionClassifier.bundled().judge


async def serve(settings: Settings) -> None:
    """Loads the models, starts the server, prints where it is, and serves until it is told to stop."""
    from character.loading import load_language_model
    from character.lorebook import load_morphology
    from server.app import App, settle_interpreter
    from server.storage import accounts
    from server.storage.database import Database, lock_data

    with lock_data(settings.data):
        # Look at the database before the model is loaded: a damaged file should be told at once.
        database = Database(settings.database_url)
        try:
            if not database.write_now(accounts.all_accounts):
                database.write_now(lambda connection: accounts.add_account(connection, accounts.LOCAL))
            names = [account.name for account, _ in database.write_now(accounts.all_accounts) if not account.disabled]
        finally:
            database.close()
        logger.info("loading language model %s", settings.llm)
        model = await asyncio.to_thread(
            load_language_model,
            settings.llm,
            adapter=settings.adapter or None,
            device=settings.device,
            max_batch=settings.max_batch or None,
            api_key=settings.api_key or None,
            context_length=settings.context_length or None,
            remote_model=settings.remote_model or None,
        )
        app = App(settings, model, load_judge())
        # Korean morphology for lorebook keys takes a second to load; no turn should wait for it.
        morphology = asyncio.create_task(asyncio.to_thread(load_morphology))
        try:
            await app.start()
            settle_interpreter()
            link = f"http://{settings.host}:{app.port}/"
            if accounts.LOCAL in names:
                link = login_link(app.services.database, settings, app.port, accounts.LOCAL)
            print(f"\n오로라가 기다리고 있어요. 브라우저에서 여세요 (open in a browser):\n\n    {link}\n", flush=True)
            await app.run_until_signal()
        finally:
            await asyncio.gather(morphology, return_exceptions=True)
            await model.close()


def run(settings: Settings) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(settings))
    else:
        uvloop.run(serve(settings))


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    accounts = arguments[:1] == ["account"]
    options = (build_account_parser() if accounts else build_parser()).parse_args(
        arguments[1:] if accounts else arguments
    )
    try:
        settings = load(options, dict(os.environ))
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("websockets").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)

    from character.errors import CharacterError
    from server.errors import ServerError

    try:
        if accounts:
            account_command(options, settings)
        else:
            run(settings)
    except (CharacterError, ServerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: cannot listen on {settings.host}:{settings.port}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
