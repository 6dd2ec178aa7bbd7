"""What stands on disk: the file itself, migrations, group commit, accounts, and chats as trees."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from server import protocol
from server.errors import BadRequest, NotFound, ServerError, StorageError, TurnLive, Unauthorized
from server.storage import accounts, chats, migrations, schema
from server.storage.database import Database, Event, Transaction, lock_data

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ohlora.sqlite3"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{path}")
    yield opened
    await asyncio.to_thread(opened.close)


@pytest.fixture
def account(database: Database) -> str:
    return database.write_now(lambda connection: accounts.add_account(connection, "minji")).id


def file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fill(path: Path, replies: int = 150) -> None:
    """A database of several pages, closed in good order."""
    database = Database(f"sqlite:///{path}")
    try:
        minji = database.write_now(lambda connection: accounts.add_account(connection, "minji")).id

        def talk(connection: sa.Connection) -> None:
            transaction = Transaction(connection, {})
            chat = new_chat(transaction, minji)
            for number in range(replies):
                say(transaction, minji, chat, f"{number}번째로 하는 말이야. " * 5)
            transaction.flush()

        database.write_now(talk)
    finally:
        database.close()


def new_chat(transaction: Transaction, account: str, greetings: int = 1) -> str:
    return chats.create_chat(
        transaction, account, card="aurora", card_json=None, character="오로라",
        greetings=[(f"안녕 {number}", "기쁨", 0.5) for number in range(greetings)], greeting=0,
    )  # fmt: skip


def say(transaction: Transaction, account: str, chat: str, text: str, **options: Any) -> chats.Begun:
    """Says something and lets her answer."""
    client_id = options.pop("client_id", chats.new_id())
    begun = chats.begin_turn(
        transaction, account, chat, text=text, client_id=client_id, model="m", **({"parent": None} | options)
    )
    assert begun.reply is not None
    end(transaction, chat, begun.reply, f"{text}라고?")
    return begun


def end(transaction: Transaction, chat: str, reply: str, text: str = "그래", reason: str = "complete") -> None:
    chats.end_turn(transaction, chat, reply=reply, text=text, reason=reason, emotion="평온", strength=0.5)


def events_of(database: Database, chat: str) -> list[int]:
    with database.engine.begin() as connection:
        rows = connection.execute(
            sa.select(schema.events.c.seq).where(schema.events.c.chat == chat).order_by(schema.events.c.seq)
        )
        return [row.seq for row in rows]


# --- the file


class TestAFileThatCannotBeUsed:
    """It is told in one line that names the file, and left untouched byte for byte."""

    @staticmethod
    def refused(path: Path, *words: str) -> None:
        before = file_hash(path) if path.is_file() else None
        with pytest.raises(StorageError) as caught:
            Database(f"sqlite:///{path}")
        text = caught.value.text
        assert "\n" not in text
        assert str(path) in text
        assert all(word in text for word in words), text
        assert (file_hash(path) if path.is_file() else None) == before

    def test_empty(self, path: Path) -> None:
        path.touch()
        self.refused(path, "empty", "untouched", "backups")

    @pytest.mark.parametrize("size", [1, 50, 100, 1000, PAGE, PAGE + 1, 3 * PAGE, -1, -PAGE])
    def test_cut_off(self, path: Path, size: int) -> None:
        fill(path)
        whole = path.stat().st_size
        os.truncate(path, size if size > 0 else whole + size)
        self.refused(path, "untouched")

    def test_full_of_something_else(self, path: Path) -> None:
        path.write_bytes(random.Random(0).randbytes(5 * PAGE))
        self.refused(path, "cannot be read")
        path.write_text("이건 데이터베이스가 아니라 편지야.", encoding="utf-8")
        self.refused(path, "bytes long")

    def test_any_page_overwritten(self, path: Path, tmp_path: Path) -> None:
        fill(path, replies=40)
        whole = path.read_bytes()
        rng = random.Random(1)
        for page in range(len(whole) // PAGE):
            path.write_bytes(whole[: page * PAGE] + rng.randbytes(PAGE) + whole[(page + 1) * PAGE :])
            self.refused(path, "untouched")
        path.write_bytes(whole)
        Database(f"sqlite:///{path}").close()

    def test_another_programs_sqlite_file(self, path: Path) -> None:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE bookmarks (url TEXT)")
        other.close()
        self.refused(path, "another program")

    def test_an_sqlite_file_of_another_program_with_tables_of_the_same_names(self, path: Path) -> None:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE accounts (id TEXT)")
            other.execute("CREATE TABLE migrations (name TEXT)")
        other.close()
        self.refused(path, "another program")

    def test_a_directory(self, path: Path) -> None:
        path.mkdir()
        (path / "kept").write_text("kept")
        self.refused(path)
        assert (path / "kept").read_text() == "kept"

    def test_a_file_in_the_place_of_its_folder(self, path: Path) -> None:
        path.write_text("not a folder")
        self.refused(path / "deeper.sqlite3")
        assert path.read_text() == "not a folder"

    def test_written_by_a_newer_program(self, path: Path) -> None:
        fill(path, 1)
        with sqlite3.connect(path) as newer:
            newer.execute("INSERT INTO migrations VALUES ('9999_future', 0)")
        newer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        newer.close()
        before = file_hash(path)
        with pytest.raises(StorageError, match=r"newer version of ohlora .*9999_future") as caught:
            Database(f"sqlite:///{path}")
        assert "\n" not in caught.value.text
        assert file_hash(path) == before
        assert not (path.parent / "backups").exists()


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "sqlite://", "sqlite:///:memory:", "nosuchengine:///x", "postgresql+nosuchdriver://host/name"],
)
def test_a_url_that_names_no_usable_database_is_told_in_one_line(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        Database(url)
    assert "\n" not in caught.value.text


def test_a_database_that_was_killed_in_the_middle_of_writing_opens_with_what_was_committed(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    database.write_now(lambda connection: accounts.add_account(connection, "minji"))
    copy = path.parent / "copy"
    copy.mkdir()
    for file in path.parent.glob("ohlora.sqlite3*"):  # as a kill leaves it: the log not yet in the main file
        (copy / file.name).write_bytes(file.read_bytes())
    database.close()
    again = Database(f"sqlite:///{copy / path.name}")
    assert [found.name for found, _ in again.write_now(accounts.all_accounts)] == ["minji"]
    again.close()


def test_one_server_at_a_time_holds_a_data_folder(tmp_path: Path) -> None:
    held = lock_data(tmp_path / "data")
    with held, pytest.raises(StorageError, match="another server"), lock_data(tmp_path / "data"):
        pass
    with lock_data(tmp_path / "data"):
        pass


def test_a_data_folder_that_is_a_file_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(StorageError, match="data"), lock_data(tmp_path / "data"):
        pass


def test_a_database_whose_making_was_interrupted_is_made_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(connection: sa.Connection) -> None:
        connection.execute(sa.text("CREATE TABLE half (done TEXT)"))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "migrate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Database(f"sqlite:///{path}")
    assert not path.exists()
    Database(f"sqlite:///{path}").close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


# --- migrations


@pytest.fixture
def second_migration(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Adds a migration; the list is its statements."""
    statements = ["ALTER TABLE accounts ADD COLUMN nickname TEXT"]
    monkeypatch.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, ("9999_test", statements)])
    return statements


def test_a_new_database_gets_all_migrations_and_needs_no_backup(path: Path, second_migration: list[str]) -> None:
    Database(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM migrations ORDER BY name")]
    connection.close()
    assert names == [name for name, _ in migrations.MIGRATIONS]
    assert not (path.parent / "backups").exists()


def test_an_older_database_is_backed_up_whole_and_then_migrated(
    path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    fill(path, 5)
    request.getfixturevalue("second_migration")
    Database(f"sqlite:///{path}").close()
    (backup,) = (path.parent / "backups").iterdir()
    assert "before-9999_test" in backup.name
    with sqlite3.connect(path) as new, sqlite3.connect(backup) as old:
        assert "nickname" in {row[1] for row in new.execute("PRAGMA table_info(accounts)")}
        assert "nickname" not in {row[1] for row in old.execute("PRAGMA table_info(accounts)")}
        assert old.execute("SELECT count(*) FROM messages").fetchone() == (11,)
        assert new.execute("SELECT count(*) FROM messages").fetchone() == (11,)
    new.close()
    old.close()
    # the second start finds nothing to do
    Database(f"sqlite:///{path}").close()
    assert len(list((path.parent / "backups").iterdir())) == 1
    # and a backup put in the place of the file is a database like any other
    monkeypatch.undo()
    backup.replace(path)
    Database(f"sqlite:///{path}").close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(path: Path, second_migration: list[str]) -> None:
    original = migrations.MIGRATIONS
    migrations.MIGRATIONS = original[:-1]
    fill(path, 3)
    migrations.MIGRATIONS = original
    second_migration.append("ALTER TABLE nowhere ADD COLUMN nothing TEXT")
    with pytest.raises(StorageError) as caught:
        Database(f"sqlite:///{path}")
    assert "\n" not in caught.value.text
    with sqlite3.connect(path) as connection:
        assert "nickname" not in {row[1] for row in connection.execute("PRAGMA table_info(accounts)")}
        assert connection.execute("SELECT count(*) FROM migrations").fetchone() == (len(migrations.MIGRATIONS) - 1,)
    connection.close()


def test_without_a_backup_nothing_is_migrated(path: Path, request: pytest.FixtureRequest) -> None:
    fill(path, 3)
    (path.parent / "backups").write_text("in the way")
    request.getfixturevalue("second_migration")
    with pytest.raises(StorageError, match="backup") as caught:
        Database(f"sqlite:///{path}")
    assert "\n" not in caught.value.text
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM migrations").fetchone() == (len(migrations.MIGRATIONS) - 1,)
    connection.close()


def test_the_tables_that_migrations_make_are_those_the_program_knows(path: Path) -> None:
    Database(f"sqlite:///{path}").close()
    engine = sa.create_engine(f"sqlite:///{path}")
    inspector = sa.inspect(engine)
    for table in schema.metadata.sorted_tables:
        made = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert set(made) == {column.name for column in table.columns}
        for column in table.columns:
            if not column.primary_key:
                assert made[column.name]["nullable"] == column.nullable, f"{table.name}.{column.name}"
    engine.dispose()


# --- group commit


def bump(chat: str) -> Event:
    return chats.event(chat, protocol.TurnPicked(active="x"))


class Fault(Exception):
    pass


async def test_a_job_that_fails_hurts_no_neighbour_and_leaves_no_gap(database: Database, account: str) -> None:
    chat = await database.write(lambda t: new_chat(t, account))
    received: list[int] = []
    database.on_events = lambda found: received.extend(event.seq for event in found)

    def good(transaction: Transaction) -> int:
        transaction.emit(bump(chat))
        return transaction.emit(bump(chat)).seq

    def bad(transaction: Transaction) -> None:
        transaction.connection.execute(schema.chats.update().values(title="verdorben"))
        transaction.emit(bump(chat))
        raise Fault

    def broken(transaction: Transaction) -> None:
        transaction.emit(bump("no-such-chat"))  # violates a foreign key only when it is written
        transaction.emit(bump(chat))

    def slow(transaction: Transaction) -> None:
        time.sleep(0.1)  # lets the others pile up into one batch

    writes = [database.write(job) for job in (slow, good, bad, good, broken, good, bad)]
    outcomes = await asyncio.gather(*writes, database.append(bump(chat)), return_exceptions=True)
    assert [type(outcomes[number]) for number in (2, 6)] == [Fault, Fault]
    assert isinstance(outcomes[4], Exception)
    assert [outcomes[1], outcomes[3], outcomes[5]] == [2, 4, 6]
    assert outcomes[7].seq == 7
    assert received == [1, 2, 3, 4, 5, 6, 7] == events_of(database, chat)
    assert (await database.read(lambda c: chats.find_chat(c, account, chat))).title == chats.NEW_TITLE


async def test_an_event_that_cannot_be_stored_fails_alone(database: Database, account: str) -> None:
    chat = await database.write(lambda t: new_chat(t, account))
    jobs = [
        database.write(lambda t: time.sleep(0.1)),
        database.append(bump(chat)),
        database.append(bump("no-such-chat")),
        database.append(bump(chat)),
        database.write(lambda t: t.emit(bump(chat)).seq),
    ]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert isinstance(outcomes[2], StorageError)
    assert [outcomes[1].seq, outcomes[3].seq, outcomes[4]] == [1, 2, 3]
    assert events_of(database, chat) == [1, 2, 3]


async def test_an_event_no_driver_can_write_does_not_end_the_writing(database: Database, account: str) -> None:
    chat = await database.write(lambda t: new_chat(t, account))
    broken = Event(chat=chat, type="turn.delta", data='"\ud800"')  # half of a surrogate pair is no UTF-8
    with pytest.raises(ServerError):
        await asyncio.wait_for(database.append(broken), 5)
    assert (await asyncio.wait_for(database.append(bump(chat)), 5)).seq == 1


async def test_while_the_disk_is_full_every_write_is_told_so_and_afterwards_all_goes_on_without_a_gap(
    database: Database, account: str
) -> None:
    chat = await database.write(lambda t: new_chat(t, account))
    received: list[int] = []
    database.on_events = lambda found: received.extend(event.seq for event in found)
    await database.append(bump(chat))
    pages = 1  # SQLite raises it to what the file has

    def limit(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def large(transaction: Transaction) -> None:
        say(transaction, account, chat, "길게 " * 5000)

    def small(transaction: Transaction) -> int:
        return transaction.emit(bump(chat)).seq

    sa.event.listen(database.engine, "begin", limit)
    writes = [
        database.write(lambda t: time.sleep(0.1)),
        database.write(small),
        database.write(large),
        database.write(small),
    ]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(outcomes[2], StorageError)
    assert "full" in outcomes[2].text
    told = [outcome for outcome in (outcomes[1], outcomes[3]) if isinstance(outcome, int)]
    assert received == [1, *told] == events_of(database, chat)
    assert len(await database.read(lambda c: chats.snapshot(c, account, chat).messages)) == 1
    pages = 10**6
    await database.write(large)
    last = await database.write(small)
    assert received == list(range(1, last + 1)) == events_of(database, chat)


async def test_a_read_of_a_database_that_has_gone_bad_is_told_as_such(database: Database) -> None:
    def broken(connection: sa.Connection) -> None:
        raise sa.exc.DatabaseError("SELECT", {}, sqlite3.DatabaseError("database disk image is malformed"))

    with pytest.raises(StorageError, match="malformed"):
        await database.read(broken)
    with pytest.raises(ZeroDivisionError):
        await database.read(lambda connection: 1 / 0)


async def test_what_was_asked_for_is_on_disk_before_it_is_told(database: Database, account: str, path: Path) -> None:
    chat = await database.write(lambda t: new_chat(t, account))
    told: list[int] = []

    def check(found: list[Event]) -> None:
        with sqlite3.connect(path) as other:
            stored = {row[0] for row in other.execute("SELECT seq FROM events")}
        other.close()
        told.extend(event.seq for event in found)
        assert stored.issuperset(told)

    database.on_events = check
    await asyncio.gather(*(database.append(bump(chat)) for _ in range(50)))
    assert told == list(range(1, 51))


async def test_events_are_numbered_on_across_a_restart_and_pruning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chats, "KEPT_EVENTS", 5)
    monkeypatch.setattr(chats, "PRUNE_AT", 10)
    numbers: list[int] = []
    database = Database(f"sqlite:///{path}")
    minji = database.write_now(lambda connection: accounts.add_account(connection, "minji")).id
    chat = await database.write(lambda t: new_chat(t, minji))
    for start in range(4):
        database.on_events = lambda found: numbers.extend(event.seq for event in found)
        for number in range(7):
            await database.write(lambda t, n=f"{start} {number}": say(t, minji, chat, n) and None)
        assert len(events_of(database, chat)) <= 10
        await asyncio.to_thread(database.close)
        database = Database(f"sqlite:///{path}")
    assert numbers == list(range(1, 4 * 7 * 2 + 1))
    last = await database.read(lambda c: chats.snapshot(c, minji, chat).seq)
    assert last == numbers[-1]
    # with every event pruned the count still goes on
    leaf = (await database.read(lambda c: chats.snapshot(c, minji, chat))).messages[-1]
    await database.write(lambda t: chats.delete_message(t, minji, chat, leaf.id))
    await asyncio.to_thread(database.close)
    database = Database(f"sqlite:///{path}")
    assert (await database.append(bump(chat))).seq == numbers[-1] + 2
    await asyncio.to_thread(database.close)


async def test_writes_of_many_tasks_share_commits(path: Path) -> None:
    batches: list[int] = []
    database = Database(f"sqlite:///{path}", lambda jobs, seconds: batches.append(jobs))
    minji = database.write_now(lambda connection: accounts.add_account(connection, "minji")).id
    chat = await database.write(lambda t: new_chat(t, minji))
    await asyncio.gather(*(database.append(bump(chat)) for _ in range(500)))
    await asyncio.to_thread(database.close)
    assert sum(batches) == 501
    assert len(batches) < 100


async def test_a_request_that_was_given_up_is_carried_out_all_the_same(database: Database, account: str) -> None:
    chat = await database.write(lambda t: new_chat(t, account))
    task = asyncio.create_task(database.write(lambda t: (time.sleep(0.05), t.emit(bump(chat)))))
    await asyncio.sleep(0.01)
    task.cancel()
    assert (await database.append(bump(chat))).seq == 2


# --- accounts


def test_tokens_are_kept_only_as_hashes(database: Database, path: Path) -> None:
    def issue(connection: sa.Connection) -> tuple[str, str]:
        found = accounts.add_account(connection, "minji")
        return accounts.issue_token(connection, found), accounts.issue_login(connection, found)

    token, code = database.write_now(issue)
    stored = b"".join(file.read_bytes() for file in path.parent.glob("ohlora.sqlite3*"))
    assert token.encode() not in stored
    assert code.encode() not in stored
    assert hashlib.sha256(token.encode()).hexdigest().encode() in stored


def test_a_token_names_its_account_and_nobody_elses(database: Database) -> None:
    def check(connection: sa.Connection) -> None:
        minji, junho = (accounts.add_account(connection, name) for name in ("minji", "junho"))
        token = accounts.issue_token(connection, minji)
        assert accounts.authenticate(connection, token) == minji
        for wrong in ("", token[:-1], token + "A", token.swapcase(), "' OR 1=1 --", "\0"):
            with pytest.raises(Unauthorized):
                accounts.authenticate(connection, wrong)
        accounts.issue_token(connection, junho)
        assert accounts.revoke_tokens(connection, minji) == 1
        with pytest.raises(Unauthorized):
            accounts.authenticate(connection, token)

    database.write_now(check)


def test_a_login_code_is_good_once_and_for_a_day(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(connection: sa.Connection) -> None:
        minji = accounts.add_account(connection, "minji")
        code = accounts.issue_login(connection, minji)
        with pytest.raises(Unauthorized):
            accounts.authenticate(connection, code)  # a code is no token
        account, token = accounts.redeem_login(connection, code)
        assert account == minji == accounts.authenticate(connection, token)
        with pytest.raises(Unauthorized):
            accounts.redeem_login(connection, code)
        with pytest.raises(Unauthorized):
            accounts.redeem_login(connection, token)  # and a token is no code
        late = accounts.issue_login(connection, minji)
        now = time.time()
        monkeypatch.setattr(accounts.time, "time", lambda: now + accounts.LOGIN_SECONDS + 60)
        with pytest.raises(Unauthorized):
            accounts.redeem_login(connection, late)
        accounts.issue_login(connection, minji)  # sweeps the old one away
        rows = connection.execute(sa.select(schema.tokens.c.kind)).scalars().all()
        assert sorted(rows) == ["login", "token"]

    database.write_now(check)


def test_a_disabled_account_is_kept_out_until_it_is_opened_again(database: Database) -> None:
    def check(connection: sa.Connection) -> None:
        minji = accounts.add_account(connection, "minji")
        token, code = accounts.issue_token(connection, minji), accounts.issue_login(connection, minji)
        accounts.set_disabled(connection, "minji", True)
        with pytest.raises(Unauthorized, match="닫아"):
            accounts.authenticate(connection, token)
        with pytest.raises(Unauthorized, match="닫아"):
            accounts.redeem_login(connection, code)
        with pytest.raises(Unauthorized):
            accounts.require_enabled(connection, minji.id)
        accounts.set_disabled(connection, "minji", False)
        assert accounts.authenticate(connection, token).id == minji.id
        assert accounts.redeem_login(connection, code)[0].id == minji.id

    database.write_now(check)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 41, "<b>", "a\n", "민지!", "\0"])
def test_an_account_name_of_other_characters_is_refused(database: Database, name: str) -> None:
    with pytest.raises(BadRequest):
        database.write_now(lambda connection: accounts.add_account(connection, name))


def test_an_account_name_is_given_once(database: Database, account: str) -> None:
    with pytest.raises(BadRequest, match="exists"):
        database.write_now(lambda connection: accounts.add_account(connection, "minji"))
    with pytest.raises(NotFound, match="account list"):
        database.write_now(lambda connection: accounts.find_account(connection, "junho"))


# --- chats as trees


@pytest.fixture
def tree(database: Database, account: str) -> Iterator[Transaction]:
    """A transaction to try the functions of a chat in."""
    with database.engine.execution_options(writing=True).begin() as connection:
        yield Transaction(connection, {})


def test_a_line_is_the_way_from_the_beginning_to_a_leaf_and_nothing_beside_it(tree: Transaction, account: str) -> None:
    chat = new_chat(tree, account, greetings=3)
    first = say(tree, account, chat, "가")
    second = say(tree, account, chat, "나")
    branch = chats.begin_edit(tree, account, chat, message=first.acknowledged, text="다", client_id="edit", model="m")
    assert branch.reply is not None
    end(tree, chat, branch.reply)
    retried = chats.begin_retry(tree, account, chat, message=str(second.reply), client_id="retry", model="m")
    assert retried.reply is not None
    end(tree, chat, retried.reply, "다시")

    def texts(leaf: str | None) -> list[str]:
        return [message.text for message in chats.line(tree.connection, chat, str(leaf))]

    assert texts(second.reply) == ["안녕 0", "가", "가라고?", "나", "나라고?"]
    assert texts(retried.reply) == ["안녕 0", "가", "가라고?", "나", "다시"]
    assert texts(branch.reply) == ["안녕 0", "다", "그래"]
    assert texts(first.acknowledged) == ["안녕 0", "가"]
    assert texts("nowhere") == []


def test_picking_goes_down_to_the_newest_leaf(tree: Transaction, account: str) -> None:
    chat = new_chat(tree, account, greetings=2)
    first = say(tree, account, chat, "가")
    say(tree, account, chat, "나")
    newer = say(tree, account, chat, "다", parent=first.reply)
    roots = [m for m in chats.snapshot(tree.connection, account, chat).messages if m.parent is None]
    assert chats.pick(tree, account, chat, roots[1].id) == roots[1].id
    assert chats.pick(tree, account, chat, roots[0].id) == newer.reply
    assert chats.snapshot(tree.connection, account, chat).active == newer.reply
    with pytest.raises(NotFound):
        chats.pick(tree, account, chat, "nowhere")


def test_deleting_takes_the_subtree_and_moves_to_the_sibling_or_up(tree: Transaction, account: str) -> None:
    chat = new_chat(tree, account)
    first = say(tree, account, chat, "가")
    left = say(tree, account, chat, "나", parent=first.reply)
    right = say(tree, account, chat, "다", parent=first.reply)
    deep = say(tree, account, chat, "라")
    gone = chats.delete_message(tree, account, chat, right.acknowledged).messages
    assert set(gone) == {right.acknowledged, right.reply, deep.acknowledged, deep.reply}
    assert chats.snapshot(tree.connection, account, chat).active == left.reply
    chats.delete_message(tree, account, chat, left.acknowledged)
    assert chats.snapshot(tree.connection, account, chat).active == first.reply
    chats.delete_message(tree, account, chat, str(first.reply))
    assert chats.snapshot(tree.connection, account, chat).active == first.acknowledged
    # her answer is gone: what the user said can be answered anew, but not talked past
    with pytest.raises(BadRequest):
        say(tree, account, chat, "마")
    again = chats.begin_retry(tree, account, chat, message=first.acknowledged, client_id="again", model="m")
    assert again.reply is not None
    end(tree, chat, again.reply)
    say(tree, account, chat, "마")


def test_a_client_id_is_free_again_when_its_message_is_deleted(tree: Transaction, account: str) -> None:
    chat = new_chat(tree, account)
    first = say(tree, account, chat, "가", client_id="same")
    again = chats.begin_turn(tree, account, chat, parent=None, text="가", client_id="same", model="m")
    assert again == chats.Begun(first.acknowledged, duplicate=True)
    chats.delete_message(tree, account, chat, first.acknowledged)
    assert not say(tree, account, chat, "가", client_id="same").duplicate


@pytest.mark.parametrize("messages", [3000])
async def test_a_chain_of_thousands_of_messages_is_read_searched_cut_and_deleted(
    database: Database, account: str, messages: int
) -> None:
    def build(transaction: Transaction) -> tuple[str, list[str]]:
        chat = new_chat(transaction, account)
        parent = chats.snapshot(transaction.connection, account, chat).active
        ids = [chats.new_id() for _ in range(messages)]
        transaction.connection.execute(
            schema.messages.insert(),
            [
                {
                    "id": ident, "chat": chat, "parent": ids[number - 1] if number else parent, "position": number + 1,
                    "role": "assistant" if number % 2 else "user", "text": f"{number}번", "status": "complete",
                    "created": float(number), "edited": False,
                }
                for number, ident in enumerate(ids)
            ],
        )  # fmt: skip
        transaction.connection.execute(schema.chats.update().values(active=ids[-1]))
        return chat, ids

    chat, ids = await database.write(build)
    line = await database.read(lambda c: chats.line(c, chat, ids[-1]))
    assert [message.id for message in line[1:]] == ids
    assert (await database.read(lambda c: chats.search(c, account, "1999번")))[0].message == ids[1999]
    assert await database.write(lambda t: chats.pick(t, account, chat, ids[5])) == ids[-1]
    gone = (await database.write(lambda t: chats.delete_message(t, account, chat, ids[1000]))).messages
    assert set(gone) == set(ids[1000:])
    assert (await database.read(lambda c: chats.snapshot(c, account, chat))).active == ids[999]
    await database.write(lambda t: chats.delete_chat(t, account, chat))
    assert (
        await database.read(lambda c: c.execute(sa.select(sa.func.count()).select_from(schema.messages)).scalar()) == 0
    )


def test_while_she_speaks_the_tree_cannot_be_changed_under_her(tree: Transaction, account: str) -> None:
    chat = new_chat(tree, account)
    said = say(tree, account, chat, "가")
    live = chats.begin_turn(tree, account, chat, parent=None, text="나", client_id="live", model="m")
    for change in (
        lambda: say(tree, account, chat, "다"),
        lambda: chats.begin_retry(tree, account, chat, message=str(said.reply), client_id="x", model="m"),
        lambda: chats.begin_edit(tree, account, chat, message=str(said.reply), text="y", client_id="y", model="m"),
        lambda: chats.pick(tree, account, chat, str(said.reply)),
        lambda: chats.delete_message(tree, account, chat, said.acknowledged),
        lambda: chats.delete_chat(tree, account, chat),
    ):
        with pytest.raises(TurnLive):
            change()
    assert live.reply is not None
    end(tree, chat, live.reply)
    chats.delete_chat(tree, account, chat)


def test_another_accounts_chat_is_as_if_it_were_not_there(tree: Transaction, account: str) -> None:
    chat = new_chat(tree, account)
    said = say(tree, account, chat, "가")
    other = accounts.add_account(tree.connection, "junho").id
    calls: list[Callable[[], object]] = [
        lambda: chats.snapshot(tree.connection, other, chat),
        lambda: chats.missed(tree.connection, other, chat, 0),
        lambda: chats.rename_chat(tree, other, chat, "x"),
        lambda: chats.delete_chat(tree, other, chat),
        lambda: say(tree, other, chat, "x"),
        lambda: chats.begin_retry(tree, other, chat, message=str(said.reply), client_id="x", model="m"),
        lambda: chats.begin_edit(tree, other, chat, message=said.acknowledged, text="x", client_id="x", model="m"),
        lambda: chats.pick(tree, other, chat, str(said.reply)),
        lambda: chats.delete_message(tree, other, chat, said.acknowledged),
        lambda: chats.mark(tree, other, chat, str(said.reply), True),
    ]
    for call in calls:
        with pytest.raises(NotFound) as hidden:
            call()
        with pytest.raises(NotFound) as missing:
            chats.find_chat(tree.connection, account, "nowhere")
        assert hidden.value.text == missing.value.text
    assert chats.search(tree.connection, other, "가") == []
    assert chats.summaries(tree.connection, other) == []


def test_a_message_of_another_chat_is_not_found_in_this_one(tree: Transaction, account: str) -> None:
    one, two = new_chat(tree, account), new_chat(tree, account)
    said = say(tree, account, one, "가")
    with pytest.raises(NotFound):
        say(tree, account, two, "나", parent=said.reply)
    with pytest.raises(NotFound):
        chats.pick(tree, account, two, str(said.reply))
    with pytest.raises(NotFound):
        chats.delete_message(tree, account, two, said.acknowledged)


# --- what a client has missed


def test_missed_events_are_given_from_the_floor_on_and_a_stranger_gets_none(
    tree: Transaction, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = new_chat(tree, account)
    assert chats.missed(tree.connection, account, chat, 0) == []
    for number in range(5):
        say(tree, account, chat, str(number))
    tree.flush()

    def seqs(last: int) -> list[int] | None:
        found = chats.missed(tree.connection, account, chat, last)
        return None if found is None else [event.seq for event in found]

    assert seqs(0) == list(range(1, 11))
    assert seqs(7) == [8, 9, 10]
    assert seqs(10) == []
    assert seqs(11) is None  # of another history: this chat has not come so far
    monkeypatch.setattr(chats, "KEPT_EVENTS", 4)
    monkeypatch.setattr(chats, "PRUNE_AT", 8)
    done = len(tree.events)
    say(tree, account, chat, "더")
    tree.flush(done)
    assert seqs(7) is None
    assert seqs(8) == [9, 10, 11, 12]
    assert seqs(12) == []
    assert chats.snapshot(tree.connection, account, chat).seq == 12


def test_deleted_words_are_in_no_event_and_who_missed_them_gets_a_snapshot(tree: Transaction, account: str) -> None:
    chat = new_chat(tree, account)
    said = say(tree, account, chat, "비밀이야")
    tree.flush()
    done = len(tree.events)
    chats.delete_message(tree, account, chat, said.acknowledged)
    tree.flush(done)
    stored = tree.connection.execute(sa.select(schema.events.c.data)).scalars().all()
    assert len(stored) == 1
    assert "비밀이야" not in stored[0]
    assert chats.missed(tree.connection, account, chat, 1) is None
    assert [event.seq for event in chats.missed(tree.connection, account, chat, 2) or []] == [3]
    assert chats.snapshot(tree.connection, account, chat).chat.title == chats.NEW_TITLE


def test_replies_that_a_crash_cut_off_keep_their_streamed_words_and_are_marked(tree: Transaction, account: str) -> None:
    chat = new_chat(tree, account)
    begun = chats.begin_turn(tree, account, chat, parent=None, text="가", client_id="a", model="m")
    tree.emit(chats.event(chat, protocol.FaceSet(emotion="슬픔", strength=0.7, attributes={}), begun.turn))
    for text in ("나도 ", "그래"):
        tree.emit(chats.event(chat, protocol.TurnDelta(message=str(begun.reply), text=text), begun.turn))
    tree.flush()
    assert chats.interrupt_live_turns(tree) == 1
    reply = chats.snapshot(tree.connection, account, chat).messages[-1]
    assert (reply.text, reply.status, reply.emotion, reply.strength) == ("나도 그래", "interrupted", "슬픔", 0.7)
    assert chats.interrupt_live_turns(tree) == 0
    assert not chats.begin_retry(tree, account, chat, message=reply.id, client_id="b", model="m").duplicate


# --- search


def test_search_takes_wild_cards_literally_and_letters_in_either_case(tree: Transaction, account: str) -> None:
    chat = new_chat(tree, account)
    for text in (
        "100% 확실해",
        "100점이야",
        "snake_case",
        "snakeXcase",
        "back\\slash",
        "a/b",
        "Hello World",
        "' OR 1=1 --",
    ):
        say(tree, account, chat, text)

    def found(query: str) -> list[str]:
        return sorted(hit.text for hit in chats.search(tree.connection, account, query) if hit.role == "user")

    assert found("100%") == ["100% 확실해"]
    assert found("%") == ["100% 확실해"]
    assert found("snake_case") == ["snake_case"]
    assert found("_") == ["snake_case"]
    assert found("\\") == ["back\\slash"]
    assert found("/") == ["a/b"]
    assert found("hello WORLD") == ["Hello World"]
    assert found("' or 1=1") == ["' OR 1=1 --"]
    assert found("없는 말") == []


def test_search_shows_the_passage_around_the_match_and_the_newest_first(tree: Transaction, account: str) -> None:
    chat = new_chat(tree, account)
    say(tree, account, chat, "앞" * 300 + "바늘" + "뒤" * 300)
    say(tree, account, chat, "바늘은 어디에 있어?")
    hits = [hit for hit in chats.search(tree.connection, account, "바늘", limit=4) if hit.role == "user"]
    assert hits[0].text == "바늘은 어디에 있어?"
    assert hits[1].text == "…" + "앞" * 40 + "바늘" + "뒤" * 80 + "…"
    assert len(chats.search(tree.connection, account, "바늘", limit=3)) == 3
