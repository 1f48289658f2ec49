"""A file of SQLite whose owner made of the table that is asked a view without an end: it takes
neither the memory nor the disk, and not the run of the day.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from checks.data.hygiene import stores
from checks.data.sqlite_defence import defended, ended_after
from checks.data.usage.source_faults import SourceFault
from checks.data.usage.source_reader import Job, read
from checks.data.usage.sources import Records
from tests.field.story import Story, comes_out, once
from tests.house.source import ROOT

CALL = (
    "'2026-11-20 10:00:00' AS start, 1 AS duration, 1 AS billsec, 'ANSWERED' AS disposition,"
    " 'SIP/a' AS channel, 'SIP/b' AS dstchannel, '8000' AS dst, '1' AS src, x AS uniqueid"
)
ENDLESS = {
    "counts on": (
        f"WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT {CALL} FROM n"
    ),
    "gathers": f"WITH RECURSIVE n(x) AS (SELECT 1 UNION SELECT x + 1 FROM n) SELECT {CALL} FROM n",
    "a product": (
        "WITH RECURSIVE n(y) AS (SELECT 1 UNION ALL SELECT y + 1 FROM n WHERE y < 100000)"
        f" SELECT {CALL.replace(' x ', ' a.y ')} FROM n a, n b, n c"
    ),
}
# Lower here, in a process of its own: a gigabyte takes minutes. On the disk it would have no end.
GATHERED = """
import sys
from checks.data.usage import drivers
from checks.data.usage.source_faults import SourceFault
with drivers.open_sqlite({"path": sys.argv[1]}) as dialect:
    [[most]] = next(dialect.ask("PRAGMA hard_heap_limit", ()))
    assert most == 1 << 30, most
    list(dialect.ask("PRAGMA hard_heap_limit = 20000000", ()))
    try:
        list(dialect.ask("SELECT max(uniqueid) FROM cdr", ()))
    except SourceFault as fault:
        print(fault.code)
"""


def written(folder: Path, view: str) -> Path:
    path = folder / "cdr.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE VIEW cdr AS {view}")
    return path


@pytest.mark.parametrize("view", ENDLESS)
def test_no_more_records_are_taken_than_a_site_has(tmp_path: Path, view: str) -> None:
    path = written(tmp_path, ENDLESS[view])
    place = Records.model_validate({"sqlite": str(path), "format": "asterisk", "times": "utc"})
    job = Job.of({
        "date": "2026-11-20", "zone": "UTC", "now": 1_780_000_000, "weeks": 1,
        "answer_seconds": 20, "short_seconds": 5, "longest_seconds": 14_400, "wrap_seconds": 10,
        "service_level": "A", "records": place.plain(), "own": [], "trunks": [], "delivered": [],
        "queue_log": None, "most_records": 100_000,
    })  # fmt: skip
    with pytest.raises(SourceFault, match=r"more than 100000 records .* without an end"):
        read(job, lambda _: None)


def test_what_a_view_gathers_fills_neither_the_memory_nor_the_disk(tmp_path: Path) -> None:
    path = written(tmp_path, ENDLESS["gathers"])
    command = [sys.executable, "-P", "-c", GATHERED, str(path)]
    found = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)},
        timeout=120, check=False,
    )  # fmt: skip
    assert found.stdout.split() == ["corrupt"], found.stderr


def test_a_question_to_a_copy_ends(tmp_path: Path) -> None:
    with closing(sqlite3.connect(written(tmp_path, ENDLESS["counts on"]))) as database:
        defended(database)
        began = time.monotonic()
        with (
            pytest.raises(sqlite3.OperationalError, match="interrupted"),
            ended_after(database, 0.2),
        ):
            database.execute("SELECT max(uniqueid) FROM cdr").fetchone()
        assert time.monotonic() - began < 20
        assert database.execute("SELECT 1").fetchone() == (1,), "and others go on"


@pytest.mark.parametrize("kind", ["usage", "hygiene"])
async def test_a_look_ends_with_its_limit(tmp_path: Path, kind: str) -> None:
    """What matches nothing is never given, and so never counted."""
    view = ENDLESS["counts on"].replace("'2026-11-20 10:00:00'", "'1999-01-0' || x % 9")
    path, journal = written(tmp_path, view), tmp_path / "journal"
    journal.mkdir()
    if kind == "usage":
        records = {"sqlite": str(path), "format": "asterisk", "times": "utc"}
        seen = await once(tmp_path, "usage", records=records, time_limit="2s")
    else:
        live = {"sqlite": str(path), "table": "cdr"}
        seen = await once(
            tmp_path, "hygiene", live=live, folder=str(journal), times="utc", within="2s"
        )
    assert "not through within 2 s" in str(seen.observation.blind)


@pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")
async def test_a_backup_is_of_tables_and_evaluates_no_view(tmp_path: Path) -> None:
    path, folder = written(tmp_path, ENDLESS["a product"]), tmp_path / "kept"
    folder.mkdir()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (x)")
        database.execute("INSERT INTO t VALUES (1)")
    seen = await once(tmp_path, "backup", engine="sqlite", path=str(path), folder=folder)
    comes_out(seen, Story("endless view", None, "own"))


def test_hygiene_removes_nothing_by_way_of_a_view(tmp_path: Path) -> None:
    path = written(tmp_path, ENDLESS["counts on"])
    with (
        stores.open_sqlite({"path": str(path), "table": "cdr"}, "start", "UTC") as store,
        pytest.raises(SourceFault),
    ):
        list(store.remove("2000-01-01", "2100-01-01", 10))
