"""Files of SQLite that mean harm, as usage and hygiene meet them: what a view, a generated column
or a trigger has evaluated is refused, or bounded.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from checks.data.hygiene import stores
from checks.data.usage import drivers
from checks.data.usage.source_faults import SourceFault

EVIL = {
    "a view that loads a library": (
        "CREATE TABLE t (start); INSERT INTO t VALUES (1);"
        "CREATE VIEW cdr AS SELECT start, load_extension('/tmp/x.so') AS duration FROM t"
    ),
    "a view that asks for a gigabyte": (
        "CREATE TABLE t (start); INSERT INTO t VALUES (1);"
        "CREATE VIEW cdr AS SELECT start, zeroblob(900000000) AS duration FROM t"
    ),
    "a column that is made as it is read": (
        "CREATE TABLE cdr (start, duration AS (zeroblob(900000000))); INSERT INTO cdr VALUES (1)"
    ),
}
TRIGGERS = {
    "asks for a gigabyte": "SELECT zeroblob(900000000)",
    "loads a library": "SELECT load_extension('/tmp/x.so')",
}


def written(folder: Path, script: str) -> Path:
    path = folder / "cdr.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(script)
    return path


@pytest.mark.parametrize("case", EVIL)
def test_what_a_file_would_have_evaluated_is_refused(tmp_path: Path, case: str) -> None:
    path = written(tmp_path, EVIL[case])
    with drivers.open_sqlite({"path": str(path)}) as dialect, pytest.raises(SourceFault):
        list(dialect.ask("SELECT start, duration FROM cdr", ()))


@pytest.mark.parametrize("case", TRIGGERS)
def test_a_trigger_of_the_file_removes_nothing_by_itself(tmp_path: Path, case: str) -> None:
    table = "CREATE TABLE cdr (start); INSERT INTO cdr VALUES ('2020-01-01');"
    trigger = f"CREATE TRIGGER tr AFTER DELETE ON cdr BEGIN {TRIGGERS[case]}; END"
    path = written(tmp_path, table + trigger)
    place = {"path": str(path), "table": "cdr"}
    with (
        stores.open_sqlite(place, "start", "UTC") as store,
        pytest.raises(SourceFault),
    ):
        list(store.remove("2000-01-01", "2100-01-01", 10))
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM cdr").fetchone() == (1,)
