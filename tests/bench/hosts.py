"""What it costs to share a ledger: three daemons on one PostgreSQL with ten thousand looks a minute
between them, beside one daemon that makes a third of that on a file of its own.

cost      processor time of each daemon, as a share of a core, beyond that of the one on SQLite,
          which makes as many looks; both in one run, so that a busy machine is busy for both.
          Target: at most 3 % of a core for each host.
lateness  when each look began, against its slot, as the ledger has them. Target: p99 <= 250 ms, no
          slot left out, none looked at twice.

./reveille bench hosts [SECONDS] [LOOKS_A_MINUTE]
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from monitor.core.timetable import Every
from monitor.ledger import Ledger
from tests.loopback.databases import postgres
from tests.loopback.serving import listening
from tests.scenes.daemon_process import SITE, Process

NAMES = ("pune", "delhi", "mumbai")
EVERY_SECONDS = 15
COST_TARGET, LATE_TARGET_SECONDS = 3.0, 0.25
# The first looks of all checks, and what is left of them.
_SETTLES_SECONDS, _PATIENCE_SECONDS = 10.0, 400.0
_SHARED = """[probe]
name = "{name}"
[ledger]
url = "postgresql://reveille@/postgres?host={sockets}&sslmode=disable"
password = {{ file = "password" }}
"""
_PORTAL = """[checks.portal-{number}]
kind = "portal"
url = "http://127.0.0.1:{port}/"
within = "10s"
every = "{every}s"
"""


@dataclass(frozen=True)
class Measured:
    """Of some daemons on one ledger, for a while."""

    shares: Sequence[float]
    """percent of a core, of each"""
    looks: int
    late: Sequence[float]
    lost: int
    doubled: int


async def portal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers whatever it is asked."""
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()


def daemon_of(folder: Path, ledger: str, port: int, checks: int) -> Process:
    """One host with so many checks; it is not started."""
    folder.mkdir()
    (folder / "password").write_text("sesame\n", encoding="ascii")
    portals = "".join(
        _PORTAL.format(number=n, port=port, every=EVERY_SECONDS) for n in range(checks)
    )
    file = folder / "reveille.toml"
    file.write_text('state = "state"\n' + SITE + ledger + portals, encoding="utf-8")
    return Process(file)


async def measured(daemons: Sequence[Process], checks: int, seconds: float) -> Measured:
    """Start them, let them settle, and watch them for so long."""
    first = daemons[0]
    try:
        for daemon in daemons:
            await daemon.begin()
        await first.until((first.state / "heartbeat.json").exists, _PATIENCE_SECONDS)
        await first.until(
            lambda: first.read(lambda ledger: len(ledger.conditions()) >= checks), _PATIENCE_SECONDS
        )
        await asyncio.sleep(_SETTLES_SECONDS)  # the first looks come all at once
        books = [psutil.Process(daemon.process.pid) for daemon in daemons]
        begin, before, at = time.monotonic(), [spent(one) for one in books], datetime.now(UTC)
        await asyncio.sleep(seconds)  # the measured time itself
        took, end = time.monotonic() - begin, datetime.now(UTC)
        shares = [100 * (spent(b) - was) / took for b, was in zip(books, before, strict=True)]
        await asyncio.sleep(3)  # what began in time is written
        rhythms = {n: e.timetable for n, e in first.configuration.checks.items()}
        grids = {n: grid for n, grid in rhythms.items() if isinstance(grid, Every)}
        return await asyncio.to_thread(first.read, lambda one: counted(one, grids, at, end, shares))
    finally:
        for daemon in daemons:
            await daemon.stop()


def counted(
    ledger: Ledger, grids: dict[str, Every], begin: datetime, end: datetime, shares: Sequence[float]
) -> Measured:
    """What the ledger has of the time between."""
    late, seen = list[float](), defaultdict[str, Counter[datetime]](Counter)
    for row in ledger.attempts(limit=2_000_000, since=begin):
        slot = grids[row.check].newest(row.started_at).at
        if slot >= begin and slot < end:
            seen[row.check][slot] += 1
            late.append((row.started_at - slot).total_seconds())
    lost = 0
    for name, grid in grids.items():
        slot = grid.following(begin)
        while slot < end:
            lost += slot not in seen[name]
            slot = grid.following(slot)
    doubled = sum(times - 1 for slots in seen.values() for times in slots.values())
    return Measured(shares, len(late), sorted(late), lost, doubled)


def spent(process: psutil.Process) -> float:
    """Processor time of a process, in seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def main(seconds: float, looks_a_minute: int) -> int:
    """Both, and the figures."""
    checks = looks_a_minute * EVERY_SECONDS // 60
    with tempfile.TemporaryDirectory(prefix="reveille-hosts-") as name, postgres() as server:
        folder = Path(name)
        server.run("CREATE ROLE reveille LOGIN PASSWORD 'sesame'")
        server.run("CREATE SCHEMA AUTHORIZATION reveille")
        async with listening(portal) as port:
            third = checks // len(NAMES)
            alone = await measured([daemon_of(folder / "alone", "", port, third)], third, seconds)
            _print("SQLite", alone)
            hosts = [
                daemon_of(folder / one, _SHARED.format(name=one, sockets=server.sockets), port,
                          checks)
                for one in NAMES
            ]  # fmt: skip
            shared = await measured(hosts, checks, seconds)
            _print("PostgreSQL", shared)
    per_look = sum(alone.shares) / alone.looks
    beyond = sum(shared.shares) / len(NAMES) - per_look * shared.looks / len(NAMES)
    p99 = shared.late[int(len(shared.late) * 0.99)]
    good = (
        beyond <= COST_TARGET and p99 <= LATE_TARGET_SECONDS and not (shared.lost or shared.doubled)
    )
    print(
        f"\nhosts: {shared.looks} looks in {seconds:.0f} s by {len(NAMES)} hosts, each"
        f" {beyond:.1f} % of a core beyond what as many cost on SQLite; p99 {p99 * 1000:.0f} ms"
        f" late, {shared.lost} slots lost, {shared.doubled} doubled; targets {COST_TARGET:g} %,"
        f" {LATE_TARGET_SECONDS * 1000:.0f} ms, 0, 0"
    )
    return 0 if good else 1


def _print(name: str, seen: Measured) -> None:
    late = seen.late or [0.0]
    shares = (("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("longest", 1.0))
    said = (f"{word} {late[int((len(late) - 1) * part)] * 1000:.0f}" for word, part in shares)
    print(
        f"{name:11} {', '.join(f'{share:.1f} %' for share in seen.shares)} of a core, {seen.looks}"
        f" looks, {', '.join(said)} ms late, {seen.lost} lost, {seen.doubled} doubled; load"
        f" {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        flush=True,
    )


if __name__ == "__main__":
    words = [float(word) for word in sys.argv[1:]] + [60.0, 10_000.0][len(sys.argv) - 1 :]
    sys.exit(asyncio.run(main(words[0], int(words[1]))))
