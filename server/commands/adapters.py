"""``python -m server adapter``: LoRA adapters, added and swapped while the server runs."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from server.settings import Settings, add_arguments

if TYPE_CHECKING:
    from server.adapters import AdapterFolder


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server adapter",
        description="LoRA adapters of a local language model. A running server changes at once, without a restart.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    texts = {
        "list": "show the adapters, and which is in use",
        "add": "keep a copy of a trained adapter, under the folder's name or --name",
        "use": "talk with an adapter from now on: a kept one, a folder (which is added), 'default' or 'none'",
        "remove": "delete a kept adapter",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == "add":
            command.add_argument("folder", type=Path, metavar="FOLDER")
            command.add_argument("--name", default="", help="default: the folder's name")
        elif name != "list":
            command.add_argument("name", metavar="NAME")
        add_arguments(command)
    return parser


def run(options: argparse.Namespace, settings: Settings) -> None:
    """Carries out ``adapter list|add|use|remove``.

    Raises:
        AdapterError: what is wrong with the adapter. ControlError: the running server refused it.
    """
    from server.adapters import AdapterFolder

    kept = AdapterFolder(settings.data)
    match options.command:
        case "list":
            show(kept)
        case "add":
            name = options.name or options.folder.resolve().name
            print(f"adapter {name} is kept in {kept.add(options.folder, name)}; use it with 'adapter use {name}'")
        case "use":
            use(kept, options.name, settings.data)
        case "remove":
            kept.remove(options.name)
            print(f"adapter {options.name} is deleted")


def use(kept: AdapterFolder, name: str, data: Path) -> None:
    """Has the running server swap; without one, notes it for the next start."""
    from character.loading import FIRST_ADAPTER
    from server.adapters import NONE
    from server.control import ask

    if (Path(name) / "adapter_config.json").is_file():
        folder = Path(name)
        name = folder.resolve().name
        kept.add(folder, name)
    elif name not in (FIRST_ADAPTER, NONE):
        kept.path(name)
    try:
        seconds = ask(data, "adapter.use", name=name)
    except ConnectionError:
        kept.set_active(name)
        print(f"no server is running; adapter {name} will talk from the next start on", file=sys.stderr)
    else:
        print(f"adapter {name} talks from now on (loaded in {seconds:.1f} s)")


def show(kept: AdapterFolder) -> None:
    from rich.console import Console
    from rich.table import Table

    from character.loading import FIRST_ADAPTER
    from server.adapters import NONE

    table = Table("adapter", "added", "in use")
    table.add_row(FIRST_ADAPTER, "of the settings", "●" if kept.active == FIRST_ADAPTER else "")
    for stored in kept.list():
        added = time.strftime("%Y-%m-%d %H:%M", time.localtime(stored.added))
        table.add_row(stored.name, added, "●" if kept.active == stored.name else "")
    table.add_row(NONE, "the bare base model", "●" if kept.active == NONE else "")
    Console().print(table)
