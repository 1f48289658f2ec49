"""Records beyond their time: removed when they are safe elsewhere, and not one before; SQLite,
PostgreSQL, MariaDB.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import psycopg
import pymysql
import pytest

from checks.contract import CannotTell, Failed, Observation, Trace
from checks.data.backup.check import Backup
from checks.data.hygiene.check import Hygiene
from checks.data.hygiene.journal import Journal
from monitor.cli import main
from tests.loopback.backup_world import observe
from tests.loopback.databases import mariadb, postgres

ZONE = "Asia/Kolkata"
TODAY = datetime.now(ZoneInfo(ZONE)).date()
A_DAY = 40
COLUMNS = "(id INTEGER PRIMARY KEY, start TEXT, src TEXT, billsec INTEGER)"


def day(back: int) -> date:
    return TODAY - timedelta(days=back)


def records(*back: int, each: int = A_DAY) -> Iterable[tuple[int, str, str, int]]:
    """Calls of the days so many days ago."""
    for ago in back:
        for n in range(each):
            yield ago * 1000 + n, f"{day(ago)} {n % 24:02}:00:00", f"+4930{n}", n


class Centre:
    """A live database, a reporting one, and backups of both, in SQLite."""

    def __init__(self, folder: Path, live: Iterable[int] = (0, 1, 90, 91, 92, 93)) -> None:
        self.folder = folder
        self.live, self.reporting = folder / "live.db", folder / "reporting.db"
        for path in (self.live, self.reporting):
            self.run(path, f"CREATE TABLE cdr {COLUMNS}")
            with closing(sqlite3.connect(path)) as database, database:
                database.executemany("INSERT INTO cdr VALUES (?, ?, ?, ?)", records(*live))
        (folder / "journal").mkdir()

    @staticmethod
    def run(path: Path, statement: str) -> list[Any]:
        with closing(sqlite3.connect(path)) as database, database:
            return database.execute(statement).fetchall()

    def days(self, path: Path) -> list[int]:
        """Which days are there, as days ago."""
        found = self.run(path, "SELECT DISTINCT date(start) FROM cdr ORDER BY 1 DESC")
        return [(TODAY - date.fromisoformat(one)).days for (one,) in found]

    def back_up(self, path: Path | None = None) -> None:
        (scratch := self.folder / "scratch").mkdir(exist_ok=True)
        which = path or self.live
        assert (
            observe(
                Backup(engine="sqlite", path=which, folder=self.folder / f"{which.stem}-backups"),
                scratch,
            ).fault
            is None
        )

    def check(self, **settings: Any) -> Hygiene:
        given = {
            "live": {"sqlite": self.live},
            "reporting": {"sqlite": self.reporting},
            "folder": self.folder / "journal",
            "proven_in": self.folder / "live-backups",
            "clean": True,
            "timezone": ZONE,
            **settings,
        }
        return Hygiene.model_validate(given)

    def look(
        self, memory: Mapping[str, Any] | None = None, at: float | None = None, **settings: Any
    ) -> Observation:
        return look(self.check(**settings), self.folder, memory, at)


def look(
    check: Hygiene, folder: Path, memory: Mapping[str, Any] | None = None, at: float | None = None
) -> Observation:
    (own := folder / f"look-{time.monotonic_ns()}").mkdir()
    if at is not None:
        os.utime(own, (at, at))
    trace = Trace(time.monotonic, own, memory)
    try:
        asyncio.run(check.probe(trace))
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


def fault(seen: Observation) -> str:
    assert seen.fault, (seen.blind, seen.notes)
    return f"{seen.fault.stage}: {seen.fault.code}"


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path)


def test_the_first_run_rehearses_the_next_remove_two_days_each(centre: Centre) -> None:
    centre.back_up()
    first = centre.look()
    assert fault(first) == "live-judge: overdue"
    assert (
        first.fault
        and f"80 records of cdr (live) are from before {day(91)}; 90 days are kept"
        in first.fault.text
    )
    assert centre.days(centre.live) == [0, 1, 90, 91, 92, 93]
    assert (
        f"live: {day(93)} to {day(92)} could go, 80 records; this was the first run: a rehearsal"
        in first.notes
    )
    second = centre.look(first.memory)
    assert (second.fault, second.blind) == (None, None)
    assert second.measures["live_records_removed"] == 80
    assert second.measures["live_days_beyond"] == 3
    assert centre.days(centre.live) == [0, 1, 90, 91]
    assert set(second.measures) <= set(centre.check().measures())
    third = centre.look(second.memory)
    assert (third.fault, third.measures["live_records_removed"]) == (None, 40)
    assert centre.days(centre.live) == [0, 1, 90]
    assert centre.days(centre.reporting) == [0, 1, 90, 91, 92, 93]
    fourth = centre.look(third.memory)
    assert (fourth.fault, fourth.measures["live_records_beyond"]) == (None, 0)
    assert Journal(centre.folder / "journal").removed("live", "cdr") == [
        str(day(ago)) for ago in (93, 92, 91)
    ]


def test_what_is_restored_loses_again_what_had_been_removed(centre: Centre) -> None:
    centre.back_up()
    before = centre.live.read_bytes()
    centre.look(centre.look().memory)
    (restored := centre.folder / "restored.db").write_bytes(before)
    (own := centre.folder / "replay").mkdir()
    trace = Trace(time.monotonic, own)
    asyncio.run(centre.check().replay(trace, str(restored)))
    assert trace.observation().notes == (
        "hygiene: 80 records that had been removed are removed again",
    )
    assert centre.days(restored) == [0, 1, 90, 91]


SPOILT = {
    "DELETE FROM cdr WHERE id = 93001": "40 records here, 39 in the reporting database",
    "UPDATE cdr SET billsec = billsec + 1 WHERE id = 92001": (
        "40 in the reporting database, and not the same ones"
    ),
}


@pytest.mark.parametrize("statement", SPOILT)
def test_a_record_that_the_reporting_database_has_not_keeps_all_where_they_are(
    centre: Centre, statement: str
) -> None:
    centre.back_up()
    memory = centre.look().memory
    centre.run(centre.reporting, statement)
    seen = centre.look(memory)
    assert fault(seen) == "live-compare: differs"
    assert seen.fault and SPOILT[statement] in seen.fault.text
    assert centre.days(centre.live) == [0, 1, 90, 91, 92, 93]


def test_nothing_goes_without_a_proven_and_recent_backup(centre: Centre) -> None:
    assert fault(centre.look()) == "live-backup: not-in-backup"
    centre.back_up()
    memory = centre.look().memory
    later = centre.look(memory, backup_within="1s", at=time.time() + 60)
    assert fault(later) == "live-backup: not-in-backup"
    (proof,) = (centre.folder / "live-backups").glob("*/proof.json")
    proof.unlink()
    assert fault(centre.look(memory)) == "live-backup: not-in-backup"
    assert centre.days(centre.live) == [0, 1, 90, 91, 92, 93]


def test_a_table_of_a_like_name_in_the_backup_proves_nothing(centre: Centre) -> None:
    (other := centre.folder / "other").mkdir()
    centre.run(other / "live.db", "CREATE TABLE cdr_archive (id INTEGER)")
    centre.back_up(other / "live.db")
    seen = centre.look()
    assert fault(seen) == "live-backup: not-in-backup"
    assert seen.fault and seen.fault.text.endswith(" has no table cdr")


def test_a_clock_that_cannot_be_right_removes_nothing(centre: Centre) -> None:
    centre.back_up()
    memory = centre.look().memory
    back = centre.look({"at": time.time() + 7200})
    assert fault(back) == "clock: clock"
    ahead = centre.look(memory, at=time.time() + 100 * 86400)
    assert fault(ahead) == "clock: stale"
    late = centre.look({"at": time.time() - 40 * 3600})
    assert fault(late) == "live-judge: overdue"
    assert any(
        "nothing is removed this time: the run before was 40 h ago" in note for note in late.notes
    )
    assert centre.days(centre.live) == [0, 1, 90, 91, 92, 93]


def test_a_run_that_is_killed_in_the_middle_is_carried_on_by_the_next(centre: Centre) -> None:
    centre.back_up()
    memory = centre.look().memory
    slow = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT max(i)"
        " FROM n"
    )
    centre.run(centre.live, f"CREATE TRIGGER slow AFTER DELETE ON cdr BEGIN SELECT ({slow}); END")
    for attempt in range(3):
        asyncio.run(_killed(centre, memory, 10 + 5 * attempt))
    assert centre.run(centre.live, "SELECT count(*) FROM cdr WHERE id >= 92000") != [(0,)]
    seen = centre.look(memory)
    assert (seen.fault, seen.blind) == (None, None)
    kept = centre.run(centre.live, f"SELECT count(*) FROM cdr WHERE start >= '{day(90)}'")
    assert kept == [(3 * A_DAY,)]
    assert not {92, 93} & set(centre.days(centre.live))
    assert centre.days(centre.reporting) == [0, 1, 90, 91, 92, 93]


async def _killed(centre: Centre, memory: Mapping[str, Any], after: int) -> None:
    """SIGKILL the process once so many records more are gone."""
    total = centre.run(centre.live, "SELECT count(*) FROM cdr")[0][0]
    (own := centre.folder / f"killed-{after}").mkdir()
    probe = asyncio.create_task(
        centre.check(batch_rows=1).probe(Trace(time.monotonic, own, memory))
    )
    while not probe.done():
        if centre.run(centre.live, "SELECT count(*) FROM cdr")[0][0] <= total - after:
            for child in psutil.Process().children(recursive=True):
                if "checks.data.hygiene.child" in child.cmdline():
                    child.send_signal(signal.SIGKILL)
            break
        await asyncio.sleep(0)
    with pytest.raises(CannotTell, match="died of SIGKILL"):
        await probe


def test_the_reporting_database_is_cleaned_by_its_own_backups(tmp_path: Path) -> None:
    centre = Centre(tmp_path, live=(0, 1, 181, 182))
    centre.run(centre.live, "DELETE FROM cdr WHERE id >= 181000")
    centre.back_up()
    centre.back_up(centre.reporting)
    named: dict[str, Any] = {"reporting_proven_in": centre.folder / "reporting-backups"}
    first = centre.look(**named)
    second = centre.look(first.memory, **named)
    assert (second.fault, second.measures["reporting_records_removed"]) == (None, 80)
    assert centre.days(centre.reporting) == [0, 1]
    assert "reporting: nothing" not in " ".join(second.notes)


def test_a_postgresql_partition_is_dropped_and_what_lies_between_goes_in_batches(
    tmp_path: Path,
) -> None:
    centre = Centre(tmp_path)
    with postgres() as server:
        server.create("calls")
        with psycopg.connect(server.address("calls"), autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE cdr (id int, start timestamp, src text, billsec int) PARTITION BY"
                " RANGE (start)"
            )
            connection.execute("CREATE TABLE cdr_rest PARTITION OF cdr DEFAULT")
            bounds = f"FROM ('{day(93)}') TO ('{day(92)}')"
            connection.execute(f"CREATE TABLE cdr_93 PARTITION OF cdr FOR VALUES {bounds}".encode())
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO cdr VALUES (%s, %s, %s, %s)", list(records(0, 1, 90, 91, 92, 93))
                )
            live = {
                "postgresql": {
                    "host": str(server.folder / "run"),
                    "port": 5432,
                    "database": "calls",
                    "user": "postgres",
                }
            }
            backed_up = Backup(
                engine="postgresql",
                host=str(server.folder / "run"),
                user="postgres",
                database="calls",
                folder=tmp_path / "pg",
            )
            tmp_path.chmod(0o755)
            (scratch := tmp_path / "scratch").mkdir()
            assert observe(backed_up, scratch).fault is None
            own: dict[str, Any] = {"live": live, "proven_in": tmp_path / "pg", "batch_rows": 7}
            connection.execute("ALTER TABLE cdr_93 RENAME TO cdr_late")
            refused = centre.look(**own)
            assert refused.fault and refused.fault.text.endswith(" has no table cdr_late")
            connection.execute("ALTER TABLE cdr_late RENAME TO cdr_93")
            connection.execute(
                "CREATE TABLE cdr_tomorrow PARTITION OF cdr FOR VALUES FROM ('2999-01-01') TO"
                " ('2999-01-02')"
            )
            seen = centre.look(centre.look(**own).memory, **own)
            assert (seen.fault, seen.measures["live_records_removed"]) == (None, 80)
            assert connection.execute(
                "SELECT to_regclass('cdr_93'), count(*) FROM cdr"
            ).fetchall() == [(None, 160)]


def test_a_mariadb_partition_is_dropped_and_a_wrong_password_stays_a_secret(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    with mariadb() as server:
        server.create("calls")
        parts = ", ".join(
            f"PARTITION p{ago} VALUES LESS THAN ('{day(ago - 1)}')" for ago in (93, 92, 91, 1)
        )
        server.run(
            "CREATE TABLE cdr (id INT, start DATETIME, src VARCHAR(20), billsec INT) PARTITION BY"
            f" RANGE COLUMNS (start) ({parts}, PARTITION rest VALUES LESS THAN (MAXVALUE))",
            "calls",
        )
        with (
            pymysql.connect(**server.login("calls"), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.executemany(
                "INSERT INTO cdr VALUES (%s, %s, %s, %s)", list(records(0, 1, 90, 91, 92, 93))
            )
        live: dict[str, dict[str, Any]] = {
            "mariadb": {"host": str(server.socket), "database": "calls", "user": "root"}
        }
        centre.back_up()
        seen = centre.look(centre.look(live=live).memory, live=live)
        assert (seen.fault, seen.measures["live_records_removed"]) == (None, 80)
        left = server.run(
            "SELECT partition_name FROM information_schema.partitions WHERE table_name = 'cdr'"
        )
        assert sorted(name for (name,) in left) == ["p1", "p91", "rest"]
        (secret := tmp_path / "secret").write_text("wrong-and-secret", encoding="utf-8")
        refused = centre.look(
            live={"mariadb": {**live["mariadb"], "user": "nobody", "password": {"file": secret}}}
        )
        assert fault(refused) == "connect: login-refused"
        assert "wrong-and-secret" not in repr(refused)


def test_what_cannot_be_cleaned_safely_is_refused_at_load(centre: Centre) -> None:
    for settings, said in (
        ({"reporting": None}, "clean = true needs both"),
        ({"reporting_days": 90}, "must be more than the live keep_days"),
        ({"live": {}}, "name one database"),
    ):
        with pytest.raises(ValueError, match=said):
            centre.check(**settings)


def test_the_way_back_from_the_command_line_brings_nothing_purged_back(
    centre: Centre, capsys: pytest.CaptureFixture[str]
) -> None:
    (file := centre.folder / "reveille.toml").write_text(
        f"""
state = "{centre.folder / "state"}"
[site]
name = "Pune"
timezone = "{ZONE}"

[checks.records]
kind = "backup"
at = ["04:00"]
engine = "sqlite"
path = "live.db"
folder = "live-backups"

[checks.retention]
kind = "hygiene"
at = ["05:00"]
live = {{ sqlite = "live.db" }}
reporting = {{ sqlite = "reporting.db" }}
folder = "journal"
proven_in = "live-backups"
clean = true
""",
        encoding="utf-8",
    )
    centre.back_up()
    centre.look(centre.look().memory)
    assert main(["--config", str(file), "backup", "restore", "--overwrite"]) == 0
    assert "80 records that had been removed are removed again" in capsys.readouterr().out
    assert centre.days(centre.live) == [0, 1, 90, 91]
