"""A year of the configuration that `reveille init --everything` writes, in one ledger: what
`status`, `tickets`, one ticket and `explain` cost on it (asked of the daemon, and done by the
command itself where it was stopped), what it weighs with every look and with roll-ups, how long
rolling up takes, and for how long a loop that looks stands still while the disk is slow (fsync held
up by strace) or somebody holds the ledger.

./reveille bench ledger-year [DAYS]
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from checks.contract import Fault, Observation, Stage
from checks.data.backup.store.seal import key_of
from monitor.config import CheckEntry, Configuration, load
from monitor.config.reference.sample import write_sample
from monitor.core.condition import Condition
from monitor.core.incident import Incident
from monitor.core.timetable import Every
from monitor.core.verdict import State, Verdict
from monitor.incidents import store
from monitor.ledger import Ledger, OutboxMessage, bodies, encoding
from monitor.ledger.own_thread import LedgerThread
from monitor.ledger.proof import verified
from monitor.ledger.retention import Keep, Retention
from monitor.service.daemon import Daemon
from monitor.service.parts import say_taken
from monitor.service.standing import holds
from monitor.verbs.serving import act
from tests.bench import slow_disk
from tests.unit import sample_bodies

PEERS = "strace"
TARGET_SECONDS, TARGET_STALL_SECONDS = 0.2, 0.25
TICKETS, OPEN, LETTERS_EACH, RUNS = 2500, 3, 8, 7
VERBS = ("status", "tickets", f"tickets show RV-{TICKETS}", "explain main-number")
PROGRAM = Path(sys.executable).with_name("reveille")
# A server undoes a change that stands still for too long (postgresql_login.py).
_AT_ONCE = 100
Row = tuple[int, int, str, str, int, str, str, str]


@dataclass(frozen=True)
class Cost:
    """Of one verb, beyond `--version`: seconds of the clock, and of the processor (the daemon's
    too, where it is asked); medians. The clock says as well what else the host is doing.
    """

    wall: float
    cpu: float


def seen(entry: CheckEntry, chance: random.Random) -> tuple[str, str, str]:
    """State, observation and verdict of a look, as they lie in a ledger."""
    names = [*entry.probe.measures()][:6]
    measures = {name: round(chance.uniform(0.01, 5), 6) for name in names}
    stages = tuple(
        Stage(name, 0.0, round(chance.random(), 6), True) for name in ("connect", "talk")
    )
    looked = Observation(stages=stages, measures=measures, seconds=round(chance.random(), 3))
    verdict = Verdict(State.OK)
    if chance.random() < 0.01:
        fault = Fault("talk", "timeout", "no answer within 6 s", "far")
        looked = replace(looked, fault=fault)
        verdict = Verdict(State.FAILED, ("talk: timeout",), fault)
    observation = encoding.packed(encoding.observation_body(looked))
    return verdict.state.value, observation, encoding.packed(encoding.verdict_body(verdict))


def looks(number: int, entry: CheckEntry, start: datetime, days: int) -> Iterator[Row]:
    """The looks of a check, in the order of time."""
    chance = random.Random(number)
    # So many different ones that no page compresses by itself, made once.
    bodies_of = [seen(entry, chance) for _ in range(500)]
    every = entry.timetable.seconds if isinstance(entry.timetable, Every) else 86400
    each = max(1, len(entry.at))
    for step in range(int(days * 86400 / every) * each):
        at = start + timedelta(seconds=step * every / each, milliseconds=chance.randrange(900))
        state, observation, verdict = bodies_of[chance.randrange(500)]
        kind = entry.probe.KIND
        row = (encoding.milliseconds(at), kind, "scheduled", 0, state, observation, verdict)
        yield (number, *row)


def filled(file: Path, configuration: Configuration, days: int, now: datetime) -> int:
    """Make the ledger; gives how many looks are in it."""
    start = now - timedelta(days=days)
    with Ledger(file) as ledger:
        told_of(ledger, start, days, now)
        with ledger.transaction() as t:
            for name in configuration.checks:
                store.keep_condition(t, Condition(name, state=State.OK, looked_at=now))
    count = 0
    with closing(sqlite3.connect(file, isolation_level=None)) as fast:
        fast.execute("PRAGMA synchronous = OFF")
        for number, (name, entry) in enumerate(configuration.checks.items(), 1):
            fast.execute("BEGIN")
            fast.execute("INSERT INTO check_names VALUES (?, ?)", (number, name))
            rows = looks(number, entry, start, days)
            made = fast.executemany("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            count += made.rowcount
            fast.execute("COMMIT")
        fast.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count


def told_of(ledger: Ledger, start: datetime, days: int, now: datetime) -> None:
    """A year's tickets, their history and letters; some of them are open."""
    told, letter = sample_bodies.incidents()[0], bodies.ticket_body(sample_bodies.tickets()[0])
    for first in range(0, TICKETS, _AT_ONCE):
        _some_told(ledger, told, letter, range(first, first + _AT_ONCE), start, days)
    queued = ledger.outbox("queued")
    for first in range(0, len(queued), _AT_ONCE):
        with ledger.transaction() as t:
            for letter_row in queued[first : first + _AT_ONCE]:
                t.letter_sent(letter_row, now, "<250 taken>")


def _some_told(
    ledger: Ledger,
    told: Incident,
    letter: dict[str, Any],
    numbers: range,
    start: datetime,
    days: int,
) -> None:
    with ledger.transaction() as t:
        for number in numbers:
            at = start + timedelta(days=days * number / TICKETS)
            over = None if number >= TICKETS - OPEN else at + timedelta(hours=1)
            one = replace(told, number=None, key=f"Pune/{number}", opened_at=at, closed_at=over)
            row = store._row(one)
            made = t.open_incident(row)
            for sequence in range(LETTERS_EACH):
                t.happened(made, at, "note", {"by": "asha", "text": "seen"})
                body = {"ticket": letter}
                order = OutboxMessage(made, "opened", sequence, "mail", "a@example.net", body, at)
                t.enqueue(order)


def cost(file: Path, state: Path, verb: str, daemon: psutil.Process | None = None) -> Cost:
    """What a verb costs beyond `--version`."""
    walls, cpus = [], []
    before = _used(daemon)
    for _ in range(RUNS):
        with_verb = _ran([*verb.split(), "--config", str(file)], state)
        version = _ran(["--version"], state)
        walls.append(with_verb[0] - version[0])
        cpus.append(with_verb[1] - version[1])
    answering = (_used(daemon) - before) / RUNS
    return Cost(statistics.median(walls), statistics.median(cpus) + answering)


def _used(daemon: psutil.Process | None) -> float:
    times = daemon.cpu_times() if daemon else None
    return times.user + times.system if times else 0.0


def _ran(words: list[str], state: Path) -> tuple[float, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [PROGRAM, *words],
        env={**os.environ, "STATE_DIRECTORY": str(state)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def daemon_of(file: Path, state: Path) -> Iterator[psutil.Process]:
    """A daemon that answers, and looks at nothing: the sample names hosts of other people."""
    words = [sys.executable, "-P", __file__, "answer", str(file)]
    environment = {**os.environ, "STATE_DIRECTORY": str(state)}
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        try:
            yield psutil.Process(daemon.pid)
        finally:
            daemon.communicate()


async def answer(file: Path) -> None:
    """What such a daemon does, until its standard input ends."""
    daemon = Daemon(file, served=act)
    assert daemon._control is not None
    await daemon._control.open()
    print("answers", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await daemon._control.close()


@dataclass(frozen=True)
class Costs:
    """Of each verb: asked of a daemon, and done by the command itself where none runs."""

    asked: dict[str, Cost]
    here: dict[str, Cost]

    def print(self, when: str) -> None:
        for how, found in (("asked of the daemon", self.asked), ("done here", self.here)):
            for verb, one in found.items():
                cpu = f"of the processor {one.cpu:.3f} s"
                print(f"{when}: {verb}, {how}: {one.wall:.3f} s, {cpu}", flush=True)


def costs(file: Path, state: Path, when: str) -> Costs:
    """Measured, and printed."""
    here = {verb: cost(file, state, verb) for verb in VERBS}
    with daemon_of(file, state) as daemon:
        asked = {verb: cost(file, state, verb, daemon) for verb in VERBS}
    found = Costs(asked, here)
    found.print(when)
    return found


async def rolled_up(
    file: Path, configuration: Configuration, state: Path, now: datetime
) -> tuple[float, float]:
    """Roll up and seal; gives seconds, and for how long the loop stood still at the longest."""
    ledger = LedgerThread(lambda: Ledger(file))
    began = time.monotonic()

    def held(check: str) -> timedelta:
        return holds(configuration.checks[check])

    retention = Retention(ledger, lambda: key_of(state, make=True))
    keep = configuration.ledger
    work = retention.tidy(Keep(keep.keep_looks / 86400, keep.keep_rollups / 86400), held, now)
    stall = await slow_disk.longest_stall(asyncio.ensure_future(work))
    await ledger.close(60)
    return time.monotonic() - began, stall


def used_megabytes(file: Path) -> float:
    """Without what is free within the file."""
    with Ledger(file, read_only=True) as ledger:
        whole, free = ledger.file_bytes()
    return (whole - free) / 1e6


def timed(what: Callable[[], object]) -> float:
    began = time.monotonic()
    what()
    return time.monotonic() - began


def main(days: int) -> int:
    """Make it, measure it, roll it up, and measure it again."""
    with tempfile.TemporaryDirectory(prefix="reveille-year-") as folder:
        state, file = Path(folder) / "state", Path(folder) / "reveille.toml"
        state.mkdir(mode=0o700)
        write_sample(file)
        os.environ["STATE_DIRECTORY"] = str(state)
        configuration, now = load(file), datetime.now(UTC)
        say_taken([configuration], now)
        ledger = state / "ledger.sqlite"
        count = filled(ledger, configuration, days, now)
        raw = used_megabytes(ledger)
        print(f"{len(configuration.checks)} checks, {days} days: {count} looks, {raw:.0f} MB")
        found = [costs(file, state, "every look")]
        seconds, stall = asyncio.run(rolled_up(ledger, configuration, state, now))
        rolled = used_megabytes(ledger)
        print(f"rolled up in {seconds:.0f} s, the loop stood {1000 * stall:.0f} ms at the longest")
        print(f"with roll-ups: {rolled:.0f} MB")
        found.append(costs(file, state, "rolled up"))
        with Ledger(ledger, read_only=True) as kept:
            proven = timed(lambda: verified(kept, key_of(state)))
            assert not verified(kept, key_of(state)).findings
        print(f"`ledger verify`: {proven:.1f} s")
    stalls = slow_disk.measured()
    worst = max(one.cpu for each in found for one in each.asked.values())
    alone = max(one.cpu for each in found for one in each.here.values())
    slowest = max(stalls.values())
    print(
        f"ledger-year: {count} looks, {raw:.0f} MB, with roll-ups {rolled:.0f} MB; status, tickets"
        f" and explain, asked of the daemon, at most {worst:.3f} s of the processor beyond"
        f" --version, where no daemon runs {alone:.3f} s (target {TARGET_SECONDS:g}); the loop"
        f" stood still for at most {slowest:.3f} s on a slow disk (target {TARGET_STALL_SECONDS:g})"
    )
    return 0 if max(worst, alone) <= TARGET_SECONDS and slowest <= TARGET_STALL_SECONDS else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["answer"]:
        sys.exit(asyncio.run(answer(Path(sys.argv[2]))))
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 365))
