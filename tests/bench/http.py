"""What an HTTP check costs, side by side with Debian's prometheus-blackbox-exporter, and how late
ten thousand a minute begin: `./reveille bench http [minutes]`.

cost      checks per second of processor time, each a new connection with all its phases timed and
          its text looked for. Ours go through runner, judge and ledger (SQLite on disk,
          synchronous=FULL); theirs end in a page of metrics. Both look at the same local server, by
          turns in the same run, so that a busy machine is busy for both; the figure is the median
          of the turns. Target: ours >= 1.0x theirs, http and https.
lateness  the real daemon on one core with 10 000 portals, each every minute: the attempts of one
          minute (or more), as its ledger has them, against their slots. Target: p99 <= 250 ms, none
          left out.

The launcher installs what it is held against (PEERS); the tests do without. Exit status 1 when a
target is missed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from monitor.clock import SystemClock
from monitor.config import Configuration, load
from monitor.core.timetable import Every
from monitor.ledger import Ledger
from monitor.scheduling.rounds import Due, Rounds
from monitor.scheduling.runner import Runner
from tests.loopback.blackbox_exporter import EXPORTER, Exporter, exporter, pages
from tests.scenes.daemon_process import Process

PEERS = "prometheus-blackbox-exporter"
RATIO_TARGET, LATE_TARGET_SECONDS = 1.0, 0.25
TURNS, CHECKS_A_TURN, AT_ONCE = 7, 600, 20
PORTALS, EVERY_SECONDS = 10_000, 60.0
_SITE = (
    'state = "{state}"\n[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\nregion = "india"\npolicy'
    ' = "ozonetel"\n'
)
_PORTAL = """
[checks.portal-{number}]
kind = "portal"
url = "{url}"
trusted_certificates = "{authority}"
must_contain = ["Sign in"]
within = "20s"
every = "1m"
"""


def configured(folder: Path, url: str, authority: Path, count: int) -> Path:
    """A configuration with so many portals."""
    folder.mkdir()
    file = folder / "reveille.toml"
    portals = "".join(_PORTAL.format(number=n, url=url, authority=authority) for n in range(count))
    file.write_text(_SITE.format(state=folder / "state") + portals, encoding="utf-8")
    return file


class Ours:
    """Runner, judge and ledger, driven from this process."""

    def __init__(self, configuration: Configuration) -> None:
        self._ledger = Ledger(configuration.state / "ledger.sqlite")
        clock = SystemClock()
        runner = Runner(clock, configuration.state / "exhibits")
        self._rounds = Rounds(self._ledger, configuration, clock, runner)
        self._entries = list(configuration.checks.values())
        gc.freeze()  # as the daemon does once it is configured

    async def look(self, times: int) -> None:
        """So many looks, each settled in the ledger; each must be good."""
        left = iter(range(times))

        async def looking(entry_number: int) -> None:
            for _ in left:
                seen = await self._rounds.look(Due(self._entries[entry_number], "scheduled"))
                assert seen is not None and seen.verdict.state == "OK", seen
                assert "response_seconds" in seen.observation.measures

        await asyncio.gather(*(looking(number) for number in range(AT_ONCE)))

    def close(self) -> None:
        self._ledger.close()


def spent(process: psutil.Process) -> float:
    """Processor time of a process and its children, in seconds."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


async def costs(
    folder: Path, scheme: str, url: str, authority: Path, theirs: Exporter
) -> tuple[float, float]:
    """Checks per second of processor time: ours and theirs."""
    ours = Ours(load(configured(folder / scheme, url, authority, AT_ONCE)))
    rates: dict[str, list[float]] = {"ours": [], "theirs": []}
    await ours.look(CHECKS_A_TURN)
    await theirs.probe(url, CHECKS_A_TURN, AT_ONCE)
    for _ in range(TURNS):
        before = time.process_time()
        await ours.look(CHECKS_A_TURN)
        rates["ours"].append(CHECKS_A_TURN / (time.process_time() - before))
        before = spent(theirs.process)
        await theirs.probe(url, CHECKS_A_TURN, AT_ONCE)
        rates["theirs"].append(CHECKS_A_TURN / (spent(theirs.process) - before))
    ours.close()
    return statistics.median(rates["ours"]), statistics.median(rates["theirs"])


async def lateness(
    folder: Path, url: str, authority: Path, minutes: float
) -> tuple[list[float], int, float]:
    """How late each attempt began, seconds; how many were owed; the daemon's share of its core."""
    file = configured(folder / "late", url, authority, PORTALS)
    daemon = Process(file)
    await daemon.begin()
    process = psutil.Process(daemon.process.pid)
    process.cpu_affinity([max(os.sched_getaffinity(0))])
    try:
        await daemon.until(lambda: (daemon.state / "heartbeat.json").exists(), 300)
        await daemon.until(
            lambda: daemon.read(lambda ledger: len(ledger.conditions()) == PORTALS), 600
        )
        print(f"{'':9} {PORTALS} portals looked at once; measuring {minutes:g} min", flush=True)
        # what is measured is the daemon at its rhythm
        await asyncio.sleep(5)  # the rest of the first looks
        begin, used = datetime.now(UTC), spent(process)
        await asyncio.sleep(minutes * 60)  # the measured time itself
        end, used = datetime.now(UTC), spent(process) - used
        await asyncio.sleep(2)  # for what began in time, and is not written yet
        grids = {name: entry.timetable for name, entry in daemon.configuration.checks.items()}
        found = [
            (row.started_at - grid.newest(row.started_at).at).total_seconds()
            for row in daemon.read(
                lambda ledger: ledger.attempts(
                    limit=3 * PORTALS * max(1, int(minutes)), since=begin
                )
            )
            if isinstance(grid := grids[row.check], Every) and row.started_at < end
        ]
        return (
            found,
            round(PORTALS * (end - begin) / timedelta(seconds=EVERY_SECONDS)),
            used / (minutes * 60),
        )
    finally:
        await daemon.stop()


async def main(minutes: float) -> int:
    """All of it, and the figures."""
    if not shutil.which(EXPORTER):
        print(
            f"http: {EXPORTER} is not installed: apt-get install --no-install-recommends {EXPORTER}"
        )
        return 1
    figures: list[str] = []
    missed = False
    with tempfile.TemporaryDirectory(prefix="reveille-http-") as scratch:
        folder = Path(scratch)
        async with pages(folder) as (urls, authority):
            async with exporter(folder, authority) as theirs:
                for scheme, url in urls.items():
                    ours, other = await costs(folder, scheme, url, authority, theirs)
                    print(
                        f"{scheme:9} ours {ours:6.0f}/cpu-s  blackbox_exporter {other:6.0f}/cpu-s "
                        f" {ours / other:.2f}x"
                    )
                    sys.stdout.flush()
                    figures.append(
                        f"{scheme} {ours:.0f} per CPU-second, {ours / other:.2f}x blackbox_exporter"
                    )
                    missed |= ours / other < RATIO_TARGET
            found, owed, share = await lateness(folder, urls["http"], authority, minutes)
        found.sort()
        late = found[int(len(found) * 0.99)] if found else float("inf")
        middle = statistics.median(found) if found else float("inf")
        print(f"lateness  {len(found)} of {owed} looks  median {middle * 1000:.0f} ms  "
              f"p99 {late * 1000:.0f} ms  worst {found[-1] * 1000:.0f} ms  "
              f"{share:.2f} of a core")  # fmt: skip
        figures.append(
            f"{len(found) / minutes:.0f} a minute on one core, p99 {late * 1000:.0f} ms late"
        )
        missed |= late > LATE_TARGET_SECONDS or len(found) < owed * 0.995
    print(
        f"http: {', '.join(figures)}; targets {RATIO_TARGET:g}x, {LATE_TARGET_SECONDS * 1000:g} ms"
    )
    return int(missed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)))
