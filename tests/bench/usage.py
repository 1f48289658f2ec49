"""Usage of ten million records of one day, beside a bare pass over the same file and a bare
aggregate in SQL; and a million calls swept for the most at once.

./reveille bench usage [RECORDS]

Targets: at most 2x the processor's seconds of the bare pass over the file, 200 MB at most, a
million calls swept within 5 s. Seconds are the processor's, since ours steps back behind whatever
else the machine does; those of the wall stand beside them. A bare pass is Python's own csv module
that takes every record of the file into its fields and does nothing with them; a bare aggregate is
one statement of SQLite's that folds the legs and gives the same headline by hour, trunk and
outcome. Each is a process of its own; ours is the one that the check starts, told the same way. The
figures must agree.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from checks.data.usage.record_formats import FORMATS
from checks.data.usage.traffic import Sweep, busy_hour, peak

ROOT = Path(__file__).parents[2]
MIDNIGHT = 1_795_113_000  # 2026-11-20 00:00 in Kolkata
MOST_TIMES, MOST_MEGABYTES, MOST_SWEEP_SECONDS = 2.0, 200.0, 5.0

_TABLE = """
    CREATE TABLE cdr (
        accountcode TEXT, src TEXT, dst TEXT, dcontext TEXT, clid TEXT, channel TEXT,
        dstchannel TEXT, lastapp TEXT, lastdata TEXT, start TEXT, answer TEXT, "end" TEXT,
        duration INTEGER, billsec INTEGER, disposition TEXT, amaflags TEXT, uniqueid TEXT,
        userfield TEXT, peeraccount TEXT, linkedid TEXT, sequence INTEGER)"""
_FILL = """
    INSERT INTO cdr
    WITH RECURSIVE number(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i < :count - 1),
    drawn AS (
        SELECT i, :midnight + i * 86400 / :count AS at, i * 40503 % 600 AS length,
            CASE i % 10 WHEN 9 THEN 800  -- every tenth: an agent who did not answer
                ELSE i * 2654435761 % 1000 END AS r
        FROM number)
    SELECT '', '+4930' || (100000 + i % 900000), CAST(8000 + r % 40 AS TEXT), 'from-trunk',
        '"Caller, ' || r || '" <+4930>',
        'PJSIP/trunk-' || substr('abcd', 1 + r % 4, 1) || '-' || printf('%08x', i),
        'PJSIP/agent-' || (10 + r % 80) || '-' || printf('%08x', i + 1), 'Queue', 'support,tT,,',
        datetime(at + 19800, 'unixepoch'),
        CASE WHEN r < 700 THEN datetime(at + 19808, 'unixepoch') END,
        datetime(at + 19808 + length, 'unixepoch'), length + 8,
        CASE WHEN r < 700 THEN length ELSE 0 END,
        CASE WHEN r < 700 THEN 'ANSWERED' WHEN r < 850 THEN 'NO ANSWER' WHEN r < 940 THEN 'BUSY'
            ELSE 'FAILED' END,
        'DOCUMENTATION', at || '.' || i, '', '',
        (:midnight + (i - (i % 10 = 9)) * 86400 / :count) || '.' || (i - (i % 10 = 9)), i
    FROM drawn"""
_BARE = """SELECT substr(start, 12, 2), trunk, answered, count(*), sum(talk), sum(wait) FROM (
        SELECT min(start) AS start, min(rtrim(rtrim(channel, '0123456789abcdef'), '-')) AS trunk,
            max(disposition = 'ANSWERED') AS answered, sum(billsec) AS talk,
            max(duration - billsec) AS wait
        FROM cdr GROUP BY linkedid)
    WHERE start >= '2026-11-20 00:00:00' AND start < '2026-11-21 00:00:00' GROUP BY 1, 2, 3"""


@dataclass(frozen=True)
class Run:
    """One process: how long, how much memory, and what it said."""

    seconds: float
    """the processor's"""
    wall: float
    megabytes: float
    said: str


def main(records: int) -> int:
    """Make the records, run all, print the table and the figures."""
    with tempfile.TemporaryDirectory(prefix="reveille-usage-") as name:
        folder = Path(name)
        database, file = make(folder, records)
        print(f"{records:,} records of one day: {file.stat().st_size / 1e6:,.0f} MB of CSV, "
              f"{database.stat().st_size / 1e6:,.0f} MB of SQLite\n", flush=True)  # fmt: skip
        bare_file = run(["--bare-file", str(file)])
        ours_file = run_ours(folder, {"kind": "file", "path": str(file)}, "2026-11-20")
        bare_sql = run(["--bare-sql", str(database)])
        ours_sql = run_ours(folder, {"kind": "sqlite", "path": str(database)}, "2026-11-20")
    swept, at_once = sweep()
    rows = [
        ("bare pass over the file (csv)", bare_file, bare_file),
        ("usage of the file", ours_file, bare_file),
        ("bare aggregate in SQLite", bare_sql, bare_sql), ("usage of SQLite", ours_sql, bare_sql),
    ]  # fmt: skip
    for title, one, anchor in rows:
        times = one.seconds / anchor.seconds
        print(
            f"{title:32} {one.seconds:7.1f} s  {times:5.2f}x  (wall {one.wall:.1f} s)"
            f"  {one.megabytes:6.0f} MB  {one.said}"
        )
    print(f"{'a million calls swept':32} {swept:7.2f} s  peak {at_once}")
    same = len({one.said for one in (ours_file, bare_sql, ours_sql)}) == 1
    times, memory = (
        ours_file.seconds / bare_file.seconds,
        max(ours_file.megabytes, ours_sql.megabytes),
    )
    good = same and times <= MOST_TIMES and memory <= MOST_MEGABYTES and swept <= MOST_SWEEP_SECONDS
    print(
        f"\nusage: {records:,} records in {ours_file.seconds:.1f} s, {times:.2f}x the bare pass"
        f" over the file, {ours_sql.seconds / bare_sql.seconds:.2f}x the bare aggregate in SQLite,"
        f" {memory:.0f} MB, a million calls swept in {swept:.2f} s, figures"
        f" {'equal' if same else 'DIFFERENT'}"
    )
    return 0 if good else 1


def make(folder: Path, records: int) -> tuple[Path, Path]:
    """The same records in SQLite and as Master.csv."""
    database, file = folder / "master.db", folder / "Master.csv"
    with (
        closing(sqlite3.connect(database, isolation_level=None)) as connection,
        file.open("w", newline="") as text,
    ):
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_TABLE)
        connection.execute(_FILL, {"count": records, "midnight": MIDNIGHT})
        writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        cursor = connection.execute("SELECT * FROM cdr")
        while rows := cursor.fetchmany(20_000):
            writer.writerows(["" if field is None else field for field in row] for row in rows)
    return database, file


def run(arguments: list[str]) -> Run:
    """This file again, as a process that does one thing."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=surroundings(),
    )
    assert process.stdout
    said = process.stdout.read().strip()
    return ended(process, began, said)


def run_ours(folder: Path, source: dict[str, Any], date: str) -> Run:
    """The process that the check starts, with the job that it would give."""
    result = folder / "usage.json"
    records = {
        "server": None,
        "table": None,
        "times": "site",
        "format": "asterisk",
        "columns": {},
        **source,
    }
    job = {
        "date": date, "zone": "Asia/Kolkata", "now": MIDNIGHT + 100_800, "weeks": 4,
        "answer_seconds": 20, "short_seconds": 5, "longest_seconds": 14_400, "wrap_seconds": 0,
        "service_level": "A", "queue_log": None,
        "records": {**records, "fields": list(FORMATS["asterisk"].fields)}, "own": ["reveille"],
        "trunks": ["PJSIP/trunk-*"], "delivered": [], "result": str(result),
    }  # fmt: skip
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "checks.data.usage.child"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=surroundings(), text=True,
    )  # fmt: skip
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(job))
    process.stdin.close()
    last = json.loads(process.stdout.readlines()[-1])
    assert "done" in last, last
    calls = json.loads(result.read_text(encoding="utf-8"))["calls"]
    return ended(
        process,
        began,
        f"{calls['offered']} calls, {calls['answered']} answered, {calls['talk_seconds']} s of"
        " talk",
    )


def ended(process: subprocess.Popen[str], began: float, said: str) -> Run:
    """Its cost, once it has gone."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    worked = usage.ru_utime + usage.ru_stime
    return Run(worked, time.monotonic() - began, usage.ru_maxrss / 1024, said)


def surroundings() -> dict[str, str]:
    """The environment of every process here."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}


def bare_file(path: str) -> str:
    """Every record of the file into its fields."""
    with open(path, newline="", encoding="utf-8") as file:  # noqa: PTH123 - as bare as it can be
        count = sum(1 for _ in csv.reader(file))
    return f"{count} records"


def bare_sql(path: str) -> str:
    """The aggregate; summed up for comparison."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        rows = database.execute(_BARE).fetchall()
    offered, answered = sum(row[3] for row in rows), sum(row[3] for row in rows if row[2])
    return f"{offered} calls, {answered} answered, {sum(row[4] for row in rows)} s of talk"


def sweep(calls: int = 1_000_000) -> tuple[float, int]:
    """Seconds to find the most of a million calls at once, with the busy hour."""
    draw = np.random.default_rng(1)
    starts = MIDNIGHT + draw.integers(0, 86_400, calls)
    ends = starts + draw.integers(0, 900, calls)
    began = time.monotonic()
    line = Sweep(MIDNIGHT, MIDNIGHT + 86_400)
    line.add(starts, ends)
    top, _ = peak(line), busy_hour(line)
    return time.monotonic() - began, top.calls


if __name__ == "__main__":
    if sys.argv[1:2] in (["--bare-file"], ["--bare-sql"]):
        print({"--bare-file": bare_file, "--bare-sql": bare_sql}[sys.argv[1]](sys.argv[2]))
        sys.exit(0)
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 10_000_000))
