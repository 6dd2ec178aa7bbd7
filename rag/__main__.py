"""``python -m rag``: looks into her memory, and changes it. Works beside a running server.

Nothing heavy is imported before it is needed: `list` and `--help` answer at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag import evaluation
from rag.errors import IndexBusy, IndexFailed, RagError
from rag.memory import KINDS, SLOTS, Memory
from rag.places import default_data, default_database
from rag.running import NoServer, ask_server

if TYPE_CHECKING:
    from rag.memories import Memories


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rag", description="Her memory: what users told her.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.add_argument("--account", default="local", metavar="NAME", help="whose memories (default: local)")
        made.add_argument("--data", type=Path, default=None, metavar="FOLDER", help="data folder (default: data)")
        made.add_argument("--database", default="", metavar="URL", help="default: sqlite:///DATA/ohlora.sqlite3")
        made.add_argument("--chroma", default="", metavar="URL", help="Chroma server (default: embedded, in DATA)")
        made.add_argument("--embedder", default="bundled", metavar="NAME", help="bundled, a folder or a hub id")
        made.add_argument("--json", action="store_true", help="one JSON object per line")
        return made

    listing = command("list", "show memories, newest first")
    listing.add_argument("--kind", choices=KINDS)
    listing.add_argument("--slot", choices=SLOTS)
    listing.add_argument("--all", action="store_true", help="also superseded ones and those of other branches")
    command("show", "show one memory with its history").add_argument("id")
    search = command("search", "find memories as she does")
    search.add_argument("query")
    search.add_argument("--explain", action="store_true", help="show each part of the score, with her own floor")
    search.add_argument("--keywords", action="store_true", help="by words alone: no model is loaded")
    add = command("add", "add a memory by hand")
    add.add_argument("text")
    edit = command("edit", "change a memory")
    edit.add_argument("id")
    edit.add_argument("--text")
    for made in (add, edit):
        made.add_argument("--kind", choices=KINDS)
        made.add_argument("--slot", choices=SLOTS)
        made.add_argument("--from", dest="valid_from", metavar="YYYY-MM-DD")
        made.add_argument("--until", dest="valid_until", metavar="YYYY-MM-DD")
        made.add_argument("--pin", dest="pinned", action=argparse.BooleanOptionalAction, default=None)
    forget = command("forget", "forget memories for good")
    forget.add_argument("ids", nargs="*", metavar="ID")
    forget.add_argument("--all", action="store_true", help="everything of the account, and backups that hold it")
    forget.add_argument("--yes", action="store_true", help="do not ask")
    command("export", "write memories as JSON Lines").add_argument("file", nargs="?", type=Path)
    taken = command("import", "take memories in from JSON Lines, all or none")
    taken.add_argument("file", type=Path)
    taken.add_argument("--detached", action="store_true", help="drop in which chat they were said")
    command("stats", "count memories")
    command("rebuild", "make the vector index anew from the database")
    command("check", "compare the vector index with the database")
    evaluate = "measure on written dialogues what she remembers and recalls"
    evaluation.add_arguments(commands.add_parser("evaluate", help=evaluate, description=evaluate))
    return parser


class Command:
    """One run of the command."""

    def __init__(self, options: argparse.Namespace) -> None:
        from rag import store
        from rag.memories import Memories
        from rag.places import open_database

        self.options = options
        data = self.data = options.data or default_data()
        self.engine = open_database(options.database or default_database(data))
        self.memories: Memories = Memories(
            self.engine, data, chroma=options.chroma, embedder=options.embedder, background=False
        )
        with self.engine.begin() as connection:
            self.account = store.account_id(connection, options.account)

    def run(self) -> int:
        handler = getattr(self, "do_" + self.options.command)
        try:
            return int(handler() or 0)
        finally:
            self.memories.close()
            self.engine.dispose()

    # --- looking

    def do_list(self) -> None:
        options = self.options
        found = self.memories.listing(self.account, kind=options.kind, slot=options.slot, everything=options.all)
        self._table(found, f"{len(found)} memories of {options.account}")

    def do_show(self) -> None:
        shown = self.memories.show(self.account, self.options.id)
        if self.options.json:
            _print_json(
                {"memory": _json(shown.memory)}
                | {k: [_json(m) for m in getattr(shown, k)] for k in ("earlier", "later")}
            )
            return
        from rich.console import Console
        from rich.table import Table

        table = Table(show_header=False, title=shown.memory.text, title_justify="left", box=None)
        for name, value in _json(shown.memory).items():
            table.add_row(name, "" if value in (None, []) else str(value))
        for label, found in (("superseded", shown.earlier), ("superseded by", shown.later)):
            for memory in found:
                table.add_row(label, f"{_day(memory.said)} {memory.text} ({memory.id})")
        Console().print(table)

    def do_search(self) -> None:
        options = self.options
        problem = "" if options.keywords else self._open_index()
        search = self.memories.recall if options.explain else self.memories.search
        found = search(self.account, options.query)
        if options.json:
            for recalled in found.found:
                _print_json(
                    _json(recalled.memory)
                    | {"reason": recalled.reason, "score": recalled.score, "parts": dict(recalled.parts), "line": recalled.line,
                       "similarity": recalled.similarity}
                )  # fmt: skip
            return
        from rich.console import Console
        from rich.table import Table

        table = Table(
            title=f"{options.query} — {'by meaning and words' if found.by_meaning else 'by words alone'}",
            title_justify="left",
        )
        for name in ("id", "reason", "score", "memory", *(["parts"] if options.explain else [])):
            table.add_column(name, overflow="fold")
        for recalled in found.found:
            parts = " ".join(f"{name} {value:.2f}" for name, value in recalled.parts.items())
            if recalled.similarity is not None:
                parts += f" (cosine {recalled.similarity:.2f})"
            row = [recalled.memory.id, recalled.reason, f"{recalled.score:.2f}", recalled.line]
            table.add_row(*row, *([parts] if options.explain else []))
        Console().print(table)
        if options.explain:
            weights = self.memories.weights
            print(
                f"asked about and unknown: {', '.join(found.unknown) or 'nothing'}; floor of relevance {weights.floor}"
            )
        if problem:
            print(f"note: {problem}", file=sys.stderr)

    def do_stats(self) -> None:
        from collections import Counter

        from rag import store

        with self.engine.begin() as connection:
            found = store.all_of(connection, self.account)
            waiting, jobs = store.outbox_size(connection), len(store.next_jobs(connection, limit=100_000))
        counts: dict[str, Any] = {
            "memories": len(found),
            "states": dict(Counter(m.state for m in found)),
            "kinds": dict(Counter(m.kind for m in found)),
            "slots": dict(Counter(m.slot for m in found)),
            "sources": dict(Counter(m.source for m in found)),
            "waiting for the index": waiting,
            "jobs due (all accounts)": jobs,
        }
        if self.options.json:
            _print_json(counts)
            return
        for name, value in counts.items():
            shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            print(f"{name}: {shown}")

    # --- changing

    def do_add(self) -> None:
        options = self.options
        memory = self.memories.add(
            self.account, options.text, kind=options.kind or "fact", slot=options.slot or "other",
            valid_from=options.valid_from, valid_until=options.valid_until, pinned=bool(options.pinned),
        )  # fmt: skip
        self._tell(memory, "added")

    def do_edit(self) -> None:
        names = ("text", "kind", "slot", "valid_from", "valid_until", "pinned")
        changes = {name: getattr(self.options, name) for name in names if getattr(self.options, name) is not None}
        if not changes:
            raise RagError("edit: nothing to change; give --text, --kind, --slot, --from, --until or --pin")
        self._tell(self.memories.edit(self.account, self.options.id, **changes), "changed")

    def do_forget(self) -> int:
        options = self.options
        if options.all == bool(options.ids):
            raise RagError("forget: name ids, or --all for everything of the account")
        if options.all:
            return self._forget_all()
        found = [self.memories.show(self.account, memory).memory for memory in options.ids]
        if not options.yes and not _confirmed(f"forget for good: {'; '.join(m.text for m in found)}?"):
            print("nothing was forgotten")
            return 1
        gone = self.memories.forget(self.account, options.ids)
        print(f"{len(gone)} memories are forgotten{self._from_index(gone)}")
        return 0

    def _forget_all(self) -> int:
        from rag.places import remove_backups

        count = len(self.memories.listing(self.account, everything=True))
        question = f"forget all {count} memories of {self.options.account} for good, also in backups?"
        if not self.options.yes and not _confirmed(question):
            print("nothing was forgotten")
            return 1
        ids = [memory.id for memory in self.memories.listing(self.account, everything=True)]
        self.memories.forget_account(self.account)
        print(f"{count} memories are forgotten{self._from_index(ids)}")
        removed, remaining = remove_backups(self.engine, self.account)
        for backup in removed:
            print(f"backup {backup} was removed")
        for backup, reason in remaining:
            print(f"backup {backup} remains: {reason}")
        return 0

    def _from_index(self, ids: Sequence[str]) -> str:
        """Has ids taken out of the index: by the server where one runs, else here; what to say about it."""
        if self._wake():
            return "; the running server takes them out of its index now"
        try:
            self.memories.index.chroma.open()
            self.memories.index.remove(ids)
        except IndexBusy:
            return "; the server takes them out of its index within seconds"
        except IndexFailed as error:
            return f"; the index will follow when it can be used ({error})"
        return ", in the index too"

    def _wake(self) -> bool:
        """Tells a server that runs on the folder to take up changes now; whether there is one."""
        try:
            ask_server(self.data, "memory.wake")
        except RagError:  # none, or one of another version: its index follows within seconds
            return False
        return True

    def do_export(self) -> None:
        from rag import transfer

        found = list(reversed(self.memories.listing(self.account, everything=True)))
        lines = "".join(f"{line}\n" for line in transfer.export(found))
        if self.options.file is None:
            sys.stdout.write(lines)
            return
        try:
            self.options.file.write_text(lines, encoding="utf-8")
        except OSError as error:
            raise RagError(f"{self.options.file} cannot be written: {error.strerror or error}") from None
        print(f"{len(found)} memories in {self.options.file}", file=sys.stderr)

    def do_import(self) -> None:
        from rag import transfer

        found = transfer.read(self.options.file, self.account, detached=self.options.detached)
        with self.engine.execution_options(writing=True).begin() as connection:
            new, known = transfer.take_in(connection, found)
        self._wake()
        print(f"{new} memories were added, {known} were there already")

    # --- the index

    def do_rebuild(self) -> None:
        try:
            count, place = int(ask_server(self.data, "memory.rebuild")), "of the running server"
        except NoServer:
            count, place = self._rebuild_here(), f"at {self.memories.index.chroma.place}"
        print(f"the index {place} holds {count} memories")

    def _rebuild_here(self) -> int:
        from rich.progress import Progress

        with Progress(disable=self.options.json) as bar:
            task = bar.add_task("index", total=None)
            return self.memories.rebuild(lambda done, total: bar.update(task, completed=done, total=total))

    def do_check(self) -> int:
        try:
            values: dict[str, Any] = ask_server(self.data, "memory.check")
        except NoServer:
            values = self.memories.check().values()
        whole = bool(values.pop("whole"))
        if self.options.json:
            _print_json(values)
        else:
            for name, value in values.items():
                shown = f"{len(value)} {' '.join(value[:5])}" if isinstance(value, list) else value
                print(f"{name}: {shown}")
            if not whole and not values["problem"]:
                print("'python -m rag rebuild' mends it, and so does the server when it starts")
        return 0 if whole else 1

    def _open_index(self) -> str:
        try:
            self.memories.index.open()
        except RagError as error:
            return str(error)
        return ""

    # --- telling

    def _tell(self, memory: Memory, done: str) -> None:
        self._wake()
        if self.options.json:
            _print_json(_json(memory))
        else:
            print(f"{done}: {memory.text} ({memory.id})")

    def _table(self, found: Sequence[Memory], title: str) -> None:
        if self.options.json:
            for memory in found:
                _print_json(_json(memory))
            return
        from rich.console import Console
        from rich.table import Table

        table = Table(title=title, title_justify="left")
        for name in ("id", "said", "kind", "slot", "memory", "quote", "days", "state"):
            table.add_column(name, overflow="fold")
        later = {old: memory for memory in found for old in memory.supersedes}
        for memory in found:
            state = (
                memory.state
                + (f" by {later[memory.id].id}" if memory.id in later else "")
                + (" 📌" if memory.pinned else "")
            )
            days = "~".join(str(day) for day in dict.fromkeys((memory.valid_from, memory.valid_until)) if day)
            table.add_row(
                memory.id, _day(memory.said), memory.kind, memory.slot, memory.text, memory.quote, days, state
            )
        Console().print(table)


def _json(memory: Memory) -> dict[str, Any]:
    from rag.transfer import to_json

    return to_json(memory)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False))


def _day(said: float) -> str:
    return datetime.fromtimestamp(said).strftime("%Y-%m-%d %H:%M")


def _confirmed(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    import sqlalchemy as sa

    try:
        return evaluation.run(options) if options.command == "evaluate" else Command(options).run()
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
    except sa.exc.SQLAlchemyError as error:
        print(f"error: the database failed: {error.__cause__ or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
