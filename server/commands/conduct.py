"""``python -m server conduct``: warnings, bans and appeals; works beside a running server, which acts on it at once."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

from server.settings import Settings, add_arguments

if TYPE_CHECKING:
    from server.storage.database import Database
    from server.storage.decisions import Decision

TEXTS = {
    "list": "show decisions, newest first",
    "show": "show all of one decision",
    "lift": "take a decision back, with all that followed from it",
    "uphold": "confirm a decision, and so answer its appeal",
    "appeals": "show appeals that wait for an answer",
    "stats": "count decisions by category",
}
OPERATOR = "operator"
"""Who decides from the command line, as the decision keeps it."""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server conduct", description="Warnings, bans and appeals. A running server acts on it at once."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in TEXTS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name in ("show", "lift", "uphold"):
            command.add_argument("decision", metavar="ID")
        if name in ("lift", "uphold"):
            command.add_argument("--answer", default="", help="what the user is told (default: nothing)")
        if name == "list":
            command.add_argument("--account", default="", help="of one account only (default: all)")
            command.add_argument(
                "--only", choices=("all", "standing", "lifted", "appeals"), default="all", help="(default: all)"
            )
        if name in ("list", "appeals"):
            command.add_argument("--limit", type=int, default=50, help="how many at most (default: 50)")
        command.add_argument("--json", action="store_true", help="for programs: JSON, one decision a line")
        add_arguments(command)
    return parser


def run(options: argparse.Namespace, settings: Settings) -> None:
    """Carries out ``conduct list|show|lift|uphold|appeals|stats``.

    Raises:
        NotFound: there is no such decision or account. BadRequest: a decision that was lifted cannot be upheld.
    """
    from server.storage.database import Database

    database = Database(settings.database_url)
    try:
        match options.command:
            case "list":
                listing(database, options, options.only, options.account)
            case "appeals":
                listing(database, options, "appeals", "")
            case "show":
                show(database, options)
            case "stats":
                stats(database, options)
            case "lift" | "uphold":
                decide(database, options, settings)
    finally:
        database.close()


def listing(database: Database, options: argparse.Namespace, only: Any, name: str) -> None:
    from server.storage import accounts, decisions

    with database.engine.begin() as connection:
        account = accounts.find_account(connection, name).id if name else None
        found = decisions.listing(connection, account=account, only=only, limit=max(1, options.limit))
    if options.json:
        for decision, owner in found:
            print(as_json(decision, owner))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "account", "when", "category", "step", "until", "state", "text")
    table.columns[0].no_wrap = True  # it has to be copied
    table.columns[0].min_width = 16
    for decision, owner in found:
        table.add_row(
            decision.id, owner, moment(decision.created), decision.category, decision.step, end(decision), state(decision),
            decision.appeal if options.command == "appeals" else decision.text,
        )  # fmt: skip
    Console().print(table if found else "none")


def show(database: Database, options: argparse.Namespace) -> None:
    from server.storage import decisions

    with database.engine.begin() as connection:
        decision = decisions.get(connection, options.decision)
        owner = decisions.account_name(connection, decision.account)
    if options.json:
        print(as_json(decision, owner))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False)
    for name, value in json.loads(as_json(decision, owner)).items():
        if name in ("created", "decided", "appealed", "forgiven", "met_again") and value is not None:
            value = moment(value)
        table.add_row(name, end(decision) if name == "until" else "" if value is None else str(value))
    Console().print(table)


def decide(database: Database, options: argparse.Namespace, settings: Settings) -> None:
    from server.admin import decide
    from server.control import ask

    wanted = "lifted" if options.command == "lift" else "upheld"
    changed = database.write_now(
        lambda connection: decide(connection, settings, options.decision, wanted, by=OPERATOR, answer=options.answer)
    )
    try:
        ask(settings.data, "conduct.wake")
        heard = "; the running server has told its users"
    except ConnectionError:
        heard = ""  # bans are read from the database with each turn: there is nobody to tell
    if options.json:
        for decision in changed:
            print(as_json(decision, ""))
        return
    more = f", and {len(changed) - 1} that followed from it are decided anew" if len(changed) > 1 else ""
    print(f"decision {options.decision} is {wanted}{more}{heard}")


def stats(database: Database, options: argparse.Namespace) -> None:
    from server.storage import decisions

    with database.engine.begin() as connection:
        counted = decisions.stats(connection)
    if options.json:
        print(json.dumps(counted, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    from character.conduct.categories import BY_ID

    table = Table("category", "", "warnings", "bans", "help given", "lifted")
    for category, row in sorted(counted["categories"].items()):
        table.add_row(category, BY_ID[category].name, *(str(row[name]) for name in ("warn", "ban", "care", "lifted")))
    console = Console()
    console.print(table)
    console.print(
        f"decisions: {counted['decisions']} ({counted['last_week']} in the last week), accounts: {counted['accounts']}, "
        f"banned now: {counted['banned']}, appeals: {counted['appeals']} ({counted['waiting']} waiting)"
    )


def as_json(decision: Decision, owner: str) -> str:
    from dataclasses import asdict

    from character.conduct.ladder import FOREVER

    values = asdict(decision) | {"account": owner or decision.account}
    if decision.until == FOREVER:
        values["until"] = "forever"
    return json.dumps(values, ensure_ascii=False)


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def end(decision: Decision) -> str:
    from character.conduct.ladder import FOREVER

    if decision.until is None:
        return ""
    return "for ever" if decision.until == FOREVER else moment(decision.until)


def state(decision: Decision) -> str:
    waiting = decision.appealed is not None and decision.answer is None
    return f"{decision.state}, appealed" if waiting else decision.state
