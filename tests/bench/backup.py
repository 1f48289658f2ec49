"""What a proven backup costs, beside PostgreSQL's own tools on the same databases in the same run.

    backup + proof  against  pg_dump -Fd -j2 + pg_restore -j2     pgbench at scale 70, 1.1 GB: wall
                    at most 1.3 times
    backup + proof  against  pg_dump -Fc + pg_restore             call records, incompressible ids,
                    1.2 GB: at most 0.65
    inserts of a live writer, while a throttled dump runs         p99 at most twice that of idle
    times
    peak memory of the worker                                     at most 100 MB

The live server is durable (fsync, full_page_writes) as it would be. What is compared takes turns,
and the best of each counts: the machine has other work too. ./reveille bench backup [ROUNDS]
[SCALE]
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from checks.contract import Trace
from checks.data.backup.check import Backup
from tests.loopback.databases import Postgres, postgres

MOST_WALL, MOST_WALL_DEFAULT, MOST_P99, MOST_MEGABYTES = 1.3, 0.65, 2.0, 100.0
THROTTLED_MEGABYTES_A_SECOND = 4.0
DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_wal_size": "4GB",
}
RECORDS = """
CREATE TABLE cdr AS SELECT
  i::bigint AS id, '2026-08-01'::timestamptz + i * interval '2 seconds' AS calldate,
  '"' || md5(i::text) || '" <' ||
    (9000000000 + (i::bigint * 7919) % 999999999)::text || '>' AS clid,
  (9000000000 + (i::bigint * 7919) % 999999999)::text AS src, (8000 + i % 40)::text AS dst,
  'from-trunk'::text AS dcontext,
  'PJSIP/trunk-' || lpad(to_hex(i), 8, '0') AS channel,
  'PJSIP/agent-' || (i % 200)::text || '-' || to_hex(i) AS dstchannel,
  'Queue'::text AS lastapp, 'support,tT,,,60'::text AS lastdata,
  (i::bigint * 31 % 600)::int AS duration, (i::bigint * 31 % 590)::int AS billsec,
  (ARRAY['ANSWERED','NO ANSWER','BUSY','FAILED'])[1 + i % 4] AS disposition,
  3 AS amaflags, 'acc-' || (i % 50)::text AS accountcode,
  gen_random_uuid() AS uniqueid, gen_random_uuid() AS linkedid,
  (i % 9)::int AS sequence, ''::text AS userfield, round((random() * 4 + 1)::numeric, 2) AS mos
FROM generate_series(1, {rows}) AS i;
ALTER TABLE cdr ADD PRIMARY KEY (id);
CREATE INDEX ON cdr (calldate); CREATE INDEX ON cdr (linkedid); CREATE INDEX ON cdr (src)"""


def timed(work: Callable[[], Any]) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def bare(
    server: Postgres, database: str, folder: Path, dump: list[str], restore: list[str]
) -> float:
    """Dump with PostgreSQL's own tools, restore into another database, drop both."""
    server.run(f"DROP DATABASE IF EXISTS {database}_again")

    def work() -> None:
        run = {"env": server.environment(), "check": True}
        subprocess.run(
            ["pg_dump", *dump, "-f", str(folder / "bare"), database],
            **run,
        )  # type: ignore[call-overload]
        server.create(f"{database}_again")
        subprocess.run(
            ["pg_restore", *restore, "-d", f"{database}_again", str(folder / "bare")], **run
        )  # type: ignore[call-overload]

    seconds = timed(work)
    server.run(f"DROP DATABASE {database}_again")
    if (folder / "bare").is_dir():
        shutil.rmtree(folder / "bare")
    else:
        (folder / "bare").unlink()
    return seconds


def ours(server: Postgres, database: str, folder: Path) -> tuple[float, float, dict[str, float]]:
    """Seconds of a backup with its proof, peak megabytes of the worker, and what it measured."""
    check = Backup(
        engine="postgresql",
        host=str(server.sockets),
        user="postgres",
        database=database,
        folder=folder / "kept",
        scratch=folder,
        nice=0,
    )
    trace = Trace(time.monotonic, folder)
    with peak_memory() as peak:
        seconds = timed(lambda: asyncio.run(check.probe(trace)))
    seen = trace.observation()
    shutil.rmtree(folder / "kept")
    return seconds, peak[0], dict(seen.measures)


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """The worker's highest resident set, in megabytes."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            for child in psutil.Process().children(recursive=True):
                try:
                    if "checks.data.backup.run.worker" in child.cmdline():
                        peak[0] = max(peak[0], child.memory_info().rss / 1e6)
                except psutil.Error:
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


class Writer:
    """A live writer: an insert of its own transaction every few milliseconds, each one timed."""

    def __init__(self, server: Postgres, database: str) -> None:
        self._address = server.address(database)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.label = "warm-up"
        self.took: dict[str, list[float]] = {}

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def p99(self, label: str) -> float:
        """Milliseconds."""
        return statistics.quantiles(self.took[label], n=100)[98] * 1000

    def _write(self) -> None:
        with psycopg.connect(self._address, autocommit=True) as connection:
            while not self._done.wait(0.004):
                began = time.monotonic()
                connection.execute("INSERT INTO live (said) VALUES (md5(random()::text))")
                self.took.setdefault(self.label, []).append(time.monotonic() - began)


def writer_beside_dump(
    server: Postgres, database: str, folder: Path, windows: int
) -> tuple[float, float]:
    """p99 in milliseconds: idle, and beside a throttled dump; in turns, so that other work on the
    machine hits both.
    """
    server.run(
        "CREATE TABLE live (id bigserial PRIMARY KEY, at timestamptz DEFAULT now(), said text)",
        database,
    )
    slow = Backup(
        engine="postgresql",
        host=str(server.sockets),
        user="postgres",
        database=database,
        folder=folder / "slow",
        prove=False,
        megabytes_a_second=THROTTLED_MEGABYTES_A_SECOND,
    )
    with Writer(server, database) as writer:
        time.sleep(2)  # connected and warm
        for _ in range(windows):
            writer.label = "idle"
            time.sleep(8)  # the window that is measured
            asyncio.run(window(slow, folder, writer))
        return writer.p99("idle"), writer.p99("dumping")


async def window(slow: Backup, folder: Path, writer: Writer) -> None:
    """Let it dump for as long as an idle window, then end it: the daemon's own way of giving up."""
    task = asyncio.create_task(slow.probe(Trace(time.monotonic, folder)))
    await asyncio.sleep(2)  # the worker has started and reads
    writer.label = "dumping"
    await asyncio.sleep(8)  # the window that is measured
    assert not task.done(), "the dump ended before it was measured"
    writer.label = "between"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def side_by_side(
    server: Postgres, database: str, folder: Path, rounds: int, dump: list[str], restore: list[str]
) -> tuple[float, float, float]:
    """The best of each in turns: bare seconds, our seconds, our peak megabytes."""
    size = server.run(f"SELECT pg_database_size('{database}')")[0][0] / 1e6
    best_bare, best_ours, most = float("inf"), float("inf"), 0.0
    for number in range(rounds):
        one = bare(server, database, folder, dump, restore)
        two, peak, measures = ours(server, database, folder)
        print(
            f"{database:8} {size:6.0f} MB  round {number + 1}  pg_dump {' '.join(dump):8} +"
            f" pg_restore {one:6.1f} s   ours {two:6.1f} s (dump {measures['dump_seconds']:.1f},"
            f" restore {measures['restore_seconds']:.1f}, compare"
            f" {measures['compare_seconds']:.1f}; {measures['backup_bytes'] / 1e6:.0f} MB; peak"
            f" {peak:.0f} MB)",
            flush=True,
        )
        best_bare, best_ours, most = min(best_bare, one), min(best_ours, two), max(most, peak)
    return best_bare, best_ours, most


def main(rounds: int, scale: int) -> int:
    """Measure; print the table and the figures."""
    with postgres(DURABLE) as server, tempfile.TemporaryDirectory(dir=server.folder) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server.create("pgbench")
        command = ["pgbench", "-i", "-q", "-s", str(scale), "pgbench"]
        subprocess.run(command, env=server.environment(), check=True, capture_output=True)
        server.create("records")
        for statement in RECORDS.format(rows=scale * 48_000).split(";"):
            server.run(statement, "records")
        for database in ("pgbench", "records"):
            server.run("VACUUM ANALYZE", database)
        server.run("CHECKPOINT")
        bare1, ours1, peak1 = side_by_side(
            server, "pgbench", folder, rounds, ["-Fd", "-j2"], ["-j2"]
        )
        bare2, ours2, peak2 = side_by_side(server, "records", folder, rounds, ["-Fc"], [])
        idle, dumping = writer_beside_dump(server, "records", folder, 3)
    peak = max(peak1, peak2)
    ratios = (ours1 / bare1, ours2 / bare2, dumping / idle)
    print(
        f"\npgbench  backup + proof {ours1:.1f} s, bare -Fd -j2 {bare1:.1f} s: {ratios[0]:.2f}, at"
        f" most {MOST_WALL}"
    )
    print(
        f"records  backup + proof {ours2:.1f} s, bare -Fc {bare2:.1f} s: {ratios[1]:.2f}, at most"
        f" {MOST_WALL_DEFAULT}"
    )
    print(
        f"insert   p99 idle {idle:.2f} ms, beside a slow dump {dumping:.2f} ms: {ratios[2]:.2f}, at"
        f" most {MOST_P99}"
    )
    print(f"memory   worker {peak:.0f} MB, at most {MOST_MEGABYTES:.0f}")
    print(
        f"\nbackup: {ratios[0]:.2f} of bare -Fd -j2, {ratios[1]:.2f} of -Fc, insert p99"
        f" {ratios[2]:.2f} of idle, {peak:.0f} MB, rounds {rounds}, scale {scale}"
    )
    met = (
        ratios[0] <= MOST_WALL,
        ratios[1] <= MOST_WALL_DEFAULT,
        ratios[2] <= MOST_P99,
        peak <= MOST_MEGABYTES,
    )
    return 0 if all(met) else 1


if __name__ == "__main__":
    arguments = [int(written) for written in sys.argv[1:]]
    sys.exit(main(*(arguments + [2, 70][len(arguments) :])))
