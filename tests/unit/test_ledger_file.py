"""The ledger as a file: who may read it, what it was, how it becomes newer, and what is said when
it cannot be used.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.ledger import Ledger, LedgerFault
from monitor.ledger.migrate import FOLDER, known, migrate, version
from monitor.ledger.postgresql_database import PostgresDatabase
from monitor.ledger.sqlite_database import SqliteDatabase as Database

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
FROZEN = Path(__file__).parent.parent / "golden" / "ledger"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def schema(database: Database) -> list[tuple[object, ...]]:
    return [tuple(row) for row in database.rows(SCHEMA)]


def test_it_is_for_its_own_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.db"
    before = os.umask(0)
    try:
        with Ledger(path) as ledger, ledger.transaction() as t:
            t.keep_condition("a", {})
            assert [mode(file) for file in sorted(path.parent.iterdir())] == [0o600] * 3, (
                "the file, its -shm and -wal"
            )
    finally:
        os.umask(before)
    assert mode(path.parent) == 0o700


def test_a_file_that_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger(path).close()
    path.chmod(0o644)
    Ledger(path).close()
    assert mode(path) == 0o600


def test_it_is_kept_safe_and_asked_for_foreign_keys(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        answers = [
            row[0]
            for pragma in ("journal_mode", "synchronous", "foreign_keys")
            for row in ledger._database.rows(f"PRAGMA {pragma}")
        ]
    assert answers == ["wal", 2, 1]


@pytest.mark.parametrize("first", range(1, len(known()) + 1))
def test_a_migrated_ledger_is_like_a_fresh_one(first: int) -> None:
    with closing(Database(":memory:")) as old, closing(Database(":memory:")) as fresh:
        migrate(old, known()[:first])
        assert version(old) == first
        migrate(old)
        migrate(fresh)
        assert schema(old) == schema(fresh)
        assert version(old) == version(fresh) == len(known())


def test_both_engines_take_the_same_steps() -> None:
    steps = [step.name for step in known()]
    assert [step.name for step in known(PostgresDatabase.MIGRATIONS)] == steps


@pytest.mark.parametrize(
    ("folder", "frozen"), [(FOLDER, FROZEN), (PostgresDatabase.MIGRATIONS, FROZEN / "postgresql")]
)
def test_a_released_migration_is_never_edited(folder: Path, frozen: Path) -> None:
    for step in known(folder):
        kept = frozen / f"{step.name}.sql"
        assert kept.exists(), f"a new migration is frozen by copying it to {kept}"
        assert step.script == kept.read_text(encoding="utf-8")


def test_a_migration_that_breaks_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_good.sql").write_text("CREATE TABLE a (x);")
    (folder / "0002_bad.sql").write_text("CREATE TABLE b (x);\nCREATE TABLE a (x);")
    with closing(Database(":memory:")) as database:
        with pytest.raises(LedgerFault, match="already exists"):
            migrate(database, known(folder))
        assert version(database) == 1
        assert "b" not in {row[1] for row in schema(database)}


def test_half_a_statement_is_no_migration(tmp_path: Path) -> None:
    (tmp_path / "0001_half.sql").write_text("CREATE TABLE a (x")
    with (
        closing(Database(":memory:")) as database,
        pytest.raises(LedgerFault, match="middle of a statement"),
    ):
        migrate(database, known(tmp_path))


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO migrations VALUES (9999, '9999_from_the_future')")
    for read_only in (False, True):
        with pytest.raises(LedgerFault, match=r"version 9999, .* use the newer Reveille"):
            Ledger(path, read_only=read_only)


def test_an_old_ledger_is_not_migrated_by_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
    with pytest.raises(LedgerFault, match=r"version 0 .* `reveille run` once"):
        Ledger(path, read_only=True)


def test_a_reader_sees_what_a_writer_has_committed_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(path) as writer, Ledger(path, read_only=True) as reader:
        assert reader.identity == writer.identity
        with writer.transaction() as t:
            t.keep_condition("a", {"n": 1})
            assert reader.conditions() == {}, "not before it is committed, and without waiting"
        assert reader.conditions() == {"a": {"n": 1}}
        with pytest.raises(LedgerFault, match="cannot be written"), reader.transaction() as t:
            t.keep_condition("a", {"n": 2})


def test_a_damaged_ledger_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this was never a database, whatever its name says" * 100)
    with pytest.raises(LedgerFault, match="is not a ledger"):
        Ledger(path)


def test_a_ledger_damaged_in_the_middle_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger, ledger.transaction() as t:
        for number in range(2000):
            t.keep_condition(f"check-{number}", {"text": "x" * 100})
    content = bytearray(path.read_bytes())
    content[4096 * 30 :] = b"\xee" * (len(content) - 4096 * 30)
    path.write_bytes(content)
    with pytest.raises(LedgerFault, match=r"is damaged; .* restore"), Ledger(path) as ledger:
        ledger.conditions()


def test_a_folder_in_its_place_or_a_file_above_it_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerFault, match="cannot be opened for writing: Is a directory"):
        Ledger(tmp_path)
    with pytest.raises(LedgerFault, match="cannot be opened for writing"):
        Ledger(tmp_path / "file" / "ledger.db")
    with pytest.raises(LedgerFault, match="cannot be opened; does its folder exist"):
        Ledger(tmp_path / "nothing" / "ledger.db", read_only=True)


def test_a_ledger_that_cannot_grow_is_called_so_and_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        ledger._database.rows("PRAGMA max_page_count = 60")
        with pytest.raises(LedgerFault, match="the disk is full"), ledger.transaction() as t:
            for number in range(5000):
                t.keep_condition(f"check-{number}", {"text": "x" * 200})
        assert ledger.conditions() == {}
        with ledger.transaction() as t:
            t.keep_condition("a", {})
        assert ledger.conditions() == {"a": {}}


_WRITER = """
import sys
from monitor.ledger import Ledger
with Ledger(sys.argv[1]) as ledger:
    for number in range(1_000_000):
        with ledger.transaction() as t:
            t.keep_condition("counter", {"n": number})
            t.keep_condition("shadow", {"n": number})
        print(number, flush=True)
"""


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    said = 0
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        while said < 50:
            said = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        said = max([said, *(int(line) for line in writer.stdout.read().splitlines() if line)])
    with Ledger(path) as ledger:
        kept = ledger.conditions()
    assert kept["counter"]["n"] >= said
    assert kept["counter"] == kept["shadow"]


def test_two_that_open_a_new_ledger_at_once_make_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    code = "import sys; from monitor.ledger import Ledger; print(Ledger(sys.argv[1]).identity)"
    openers = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in "1234"
    ]
    names = {opener.communicate(timeout=30)[0].strip() for opener in openers}
    assert len(names) == 1
    assert all(opener.returncode == 0 for opener in openers)


def test_a_copy_is_a_ledger(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.db").close()
    shutil.copy(tmp_path / "ledger.db", tmp_path / "copy.db")
    with Ledger(tmp_path / "copy.db") as copied:
        assert copied.outbox_counts() == {"queued": 0, "sent": 0, "failed": 0}
