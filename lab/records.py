"""Call records of plausible days, out of a seed: Asterisk's Master.csv, the same in SQLite, and
queue_log.

A call comes in over one of two trunks to one of three numbers, hears the IVR, waits in a queue,
rings one agent after another, talks, or gives up; others are dialled out and are answered, busy,
not answered, or meet a full trunk. More in the morning than at night, fewer on a Sunday. The same
seed gives the same records, to the second.
"""

from __future__ import annotations

import csv
import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

TRUNKS = ("PJSIP/trunk-a", "PJSIP/trunk-b")
NUMBERS = ("8000", "8001", "8100")
QUEUES = ("support", "sales")
AGENTS = tuple(f"PJSIP/agent-{number:02}" for number in range(1, 13))
# Weights of the hours from midnight: two peaks, late morning and afternoon, as in an office.
_HOURS = (1, 1, 1, 1, 1, 2, 5, 18, 60, 95, 100, 92, 70, 75, 88, 84, 76, 60, 38, 22, 12, 7, 4, 2)
# From Monday on: callers who waited for the weekend to pass come first.
_WEEKDAYS = (1.1, 1.0, 1.0, 0.95, 0.9, 0.45, 0.25)
# What becomes of the calls out that are not answered, in per cent of them.
_FAILURES = (("BUSY", 40), ("NO ANSWER", 45), ("CONGESTION", 8), ("FAILED", 7))


@dataclass(frozen=True, slots=True)
class Cdr:
    """One record, its columns as Asterisk names and orders them."""

    accountcode: str
    src: str
    dst: str
    dcontext: str
    clid: str
    channel: str
    dstchannel: str
    lastapp: str
    lastdata: str
    start: str
    answer: str
    end: str
    duration: int
    billsec: int
    disposition: str
    amaflags: str
    uniqueid: str
    userfield: str
    peeraccount: str
    linkedid: str
    sequence: int


COLUMNS = tuple(field.name for field in fields(Cdr))
_WHOLE = ("duration", "billsec", "sequence")


@dataclass(frozen=True, slots=True)
class Files:
    """Where everything was written."""

    csv: Path
    sqlite: Path
    queue_log: Path


class Centre:
    """Makes the records of one centre, day by day."""

    def __init__(self, seed: int, zone: str, calls_a_day: int = 1500) -> None:
        self._draw = random.Random(seed)  # noqa: S311 - a sample
        self._zone, self._calls = ZoneInfo(zone), calls_a_day
        self._number = 0
        self.queue_log: list[tuple[int, str, str, str, str, tuple[str, ...]]] = []

    def day(self, of: date, dead_trunk: str | None = None) -> list[Cdr]:
        """One day's records in the order of their ends, as Asterisk writes them; the trunk
        `dead_trunk` carries nothing.
        """
        records: list[tuple[float, Cdr]] = []
        self._shifts(of)
        for begin in self._begins(of):
            trunk = self._draw.choices(TRUNKS, (3, 1))[0]
            if trunk == dead_trunk:
                continue
            legs = (
                self._incoming(begin, trunk)
                if self._draw.random() < 0.75
                else self._outgoing(begin, trunk)
            )
            records += ((begin + leg.duration, leg) for leg in legs)
        # The monitor's own test calls, at the hours of templates/calls.toml.
        for hour in (8.5, 17.5):
            records += ((self._at(of, hour), leg) for leg in self._own(self._at(of, hour)))
        return [leg for _, leg in sorted(records, key=lambda one: (one[0], one[1].sequence))]

    # --- when

    def _at(self, of: date, hour: float) -> int:
        wall = datetime.combine(of, time(), self._zone) + timedelta(hours=hour)
        return int(wall.timestamp())

    def _begins(self, of: date) -> list[int]:
        count = round(self._calls * _WEEKDAYS[of.weekday()] * self._draw.uniform(0.96, 1.04))
        hours = self._draw.choices(range(24), _HOURS, k=count)
        return sorted(self._at(of, hour) + self._draw.randrange(3600) for hour in hours)

    def _shifts(self, of: date) -> None:
        for number, agent in enumerate(AGENTS):
            come = self._at(of, 7 if number % 2 else 10) + self._draw.randrange(600)
            go = come + 8 * 3600 + self._draw.randrange(900)
            pause = come + 4 * 3600
            self.queue_log += [
                (come, "MANAGER", queue, agent, "ADDMEMBER", ()) for queue in QUEUES
            ] + [
                (pause, "NONE", "NONE", agent, "PAUSEALL", ("lunch",)),
                (pause + 1800, "NONE", "NONE", agent, "UNPAUSEALL", ()),
            ] + [(go, "MANAGER", queue, agent, "REMOVEMEMBER", ()) for queue in QUEUES]  # fmt: skip

    # --- what

    def _incoming(self, begin: int, trunk: str) -> list[Cdr]:
        """Through the IVR into a queue, and to an agent, or not."""
        draw = self._draw
        caller, number, queue = (
            f"+4930{draw.randrange(10**6):06}",
            draw.choice(NUMBERS),
            draw.choice(QUEUES),
        )
        channel, unique = self._channel(trunk), self._unique(begin)
        entered = begin + 8 + draw.randrange(12)
        self._log(entered, unique, queue, "NONE", "ENTERQUEUE", "", caller, "1")
        # One caller in twelve gives up, as service levels commonly allow for (5 to 10 %).
        if draw.random() < 0.08:
            wait = int(draw.expovariate(1 / 25))
            self._log(entered + wait, unique, queue, "NONE", "ABANDON", "1", "1", str(wait))
            leg = self._leg(
                begin,
                unique,
                caller,
                number,
                channel,
                "",
                entered + wait - begin,
                entered + wait - begin,
            )
            return [leg]
        wait, tried = int(draw.expovariate(1 / 11)), draw.sample(AGENTS, 2)
        legs = []
        if draw.random() < 0.1:
            self._log(entered + 5, unique, queue, tried[1], "RINGNOANSWER", "5000")
            other = self._channel(tried[1])
            legs.append(
                self._leg(entered, unique, caller, number, channel, other, 5, 0, "NO ANSWER")
            )
            wait += 6
        # Talk times are log-normal (Brown et al., 2005, on a bank's call centre): here 150 s in the
        # middle, and a long tail.
        talk = 5 + int(draw.lognormvariate(5, 0.8))
        agent = tried[0]
        self._log(entered + wait, unique, queue, agent, "CONNECT", str(wait), unique, "3")
        self._log(
            entered + wait + talk, unique, queue, agent, "COMPLETECALLER", str(wait), str(talk), "1"
        )
        whole = entered + wait + talk - begin
        return [
            self._leg(
                begin, unique, caller, number, channel, self._channel(agent), whole, whole - 2
            ),
            *legs,
        ]

    def _outgoing(self, begin: int, trunk: str) -> list[Cdr]:
        draw, unique = self._draw, self._unique(begin)
        agent, number = draw.choice(AGENTS), f"+4989{draw.randrange(10**5):05}"
        channel, other, rings = self._channel(agent), self._channel(trunk), 3 + draw.randrange(20)
        if draw.random() < 0.62:
            talk = 5 + int(draw.lognormvariate(4.6, 0.9))
            return [self._leg(begin, unique, "6001", number, channel, other, rings + talk, talk)]
        outcome = draw.choices(
            [word for word, _ in _FAILURES], [weight for _, weight in _FAILURES]
        )[0]
        rings = rings if outcome == "NO ANSWER" else 1
        return [self._leg(begin, unique, "6001", number, channel, other, rings, 0, outcome)]

    def _own(self, begin: int) -> list[Cdr]:
        unique, channel = self._unique(begin), self._channel("PJSIP/monitor")
        return [
            self._leg(begin, unique, "monitor", "8000", channel, "", 25, 24, account="reveille")
        ]

    def _leg(
        self, begin: int, unique: str, src: str, dst: str, channel: str, other: str,
        duration: int, billsec: int,
        outcome: str = "ANSWERED", account: str = "",
    ) -> Cdr:  # fmt: skip
        self._number += 1
        answer = self._wall(begin + duration - billsec) if outcome == "ANSWERED" else ""
        stamps = (self._wall(begin), answer, self._wall(begin + duration))
        clid = f'"Caller, {src}" <{src}>'
        parts = (
            account,
            src,
            dst,
            "from-trunk",
            clid,
            channel,
            other,
            "Queue",
            "",
            *stamps,
            duration,
            billsec,
        )
        return Cdr(*parts, outcome, "DOCUMENTATION", unique, "", "", unique, self._number)

    def _wall(self, at: int) -> str:
        return datetime.fromtimestamp(at, self._zone).strftime("%Y-%m-%d %H:%M:%S")

    def _unique(self, begin: int) -> str:
        self._number += 1
        return f"{begin}.{self._number}"

    def _channel(self, peer: str) -> str:
        self._number += 1
        return f"{peer}-{self._number:08x}"

    def _log(
        self, at: int, call: str, queue: str, agent: str, event: str, *parameters: str
    ) -> None:
        self.queue_log.append((at, call, queue, agent, event, parameters))


def write(folder: Path, seed: int, zone: str, last: date, days: int = 29, calls_a_day: int = 1500,
          dead_trunk: str | None = None) -> Files:  # fmt: skip
    """Write the days up to and including `last`; on that one `dead_trunk` carries nothing."""
    centre = Centre(seed, zone, calls_a_day)
    dates = [last - timedelta(days=back) for back in range(days - 1, -1, -1)]
    records = [leg for of in dates for leg in centre.day(of, dead_trunk if of == last else None)]
    files = Files(folder / "Master.csv", folder / "master.db", folder / "queue_log")
    write_csv(files.csv, records)
    write_sqlite(files.sqlite, records)
    write_queue_log(files.queue_log, centre)
    return files


def newest_days(folder: Path, zone: str, calls_a_day: int = 200) -> list[Cdr]:
    """Of yesterday, and of today what is over: as seen when `folder` was changed last."""
    now = datetime.fromtimestamp(folder.stat().st_mtime, ZoneInfo(zone))
    today, so_far = now.date(), f"{now:%Y-%m-%d %H:%M:%S}"
    # Any seed does; a fixed one gives each lab of a day the same figures.
    centre = Centre(7, zone, calls_a_day)
    legs = (leg for of in (today - timedelta(days=1), today) for leg in centre.day(of))
    # A PBX writes a record when its call ends, and none of calls to come.
    return [leg for leg in legs if leg.end <= so_far]


def write_csv(path: Path, records: Iterable[Cdr]) -> None:
    """Master.csv, with all that cdr_csv can be told to write."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerows(
            map(astuple, records)
        )


def write_sqlite(path: Path, records: Sequence[Cdr]) -> None:
    """The table `cdr`, with an index on the start."""
    columns = ", ".join(f'"{name}" {"INTEGER" if name in _WHOLE else "TEXT"}' for name in COLUMNS)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE cdr ({columns})")
        marks = ", ".join("?" * len(COLUMNS))
        insert = f"INSERT INTO cdr VALUES ({marks})"  # noqa: S608 - marks alone
        database.executemany(insert, map(astuple, records))
        database.execute("CREATE INDEX cdr_start ON cdr (start)")


def queue_lines(centre: Centre) -> Iterator[str]:
    """The lines of queue_log, by their time."""
    for at, call, queue, agent, event, parameters in sorted(
        centre.queue_log, key=lambda one: one[0]
    ):
        yield "|".join((str(at), call, queue, agent, event, *parameters))


def write_queue_log(path: Path, centre: Centre) -> None:
    """queue_log itself."""
    path.write_text("".join(f"{line}\n" for line in queue_lines(centre)), encoding="utf-8")
