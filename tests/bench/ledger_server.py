"""A ledger on PostgreSQL that is old: a year of the configuration that `reveille init --everything`
writes, and 90 days of ten thousand looks a minute (2,500 checks, every 15 s), rolled up but for the
newest. What `status`, `tickets`, the first page, a check's page and `ledger size` take, how large
it is, and how long a day takes to go.

Roll-ups, tickets and looks are made by the server itself, out of bodies as the program writes them.
Looks one by one are of the last hours alone (LOOKS_HOURS), with the tables of as many days as are
kept: a day of them is 14 million rows. Of the checks that the first page draws there are those of
the whole week that it shows. Before each of its pages all checks have been looked at once more.

./reveille bench ledger-server [DAYS] [LOOKS_HOURS]
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import psutil

from monitor.config import Configuration, load
from monitor.config.reference.sample import write_sample
from monitor.core.condition import Condition
from monitor.core.rollup import Counts, Spread
from monitor.core.verdict import State
from monitor.incidents import store
from monitor.incidents.ticket_view import view
from monitor.ledger import Ledger, encoding
from monitor.ledger.days import DayTables
from monitor.ledger.hour_bodies import hour_body
from monitor.ledger.proof import day_of
from monitor.page.check_pages import check_page
from monitor.page.overview import MOST_CHECKS, Overviews
from monitor.service.standing import standing
from tests.bench.ledger_year import Cost, _used, seen, told_of
from tests.loopback.databases import Postgres, postgres

PEERS = "postgresql"
TARGET_SECONDS, RUNS = 0.2, 5
CHECKS, EVERY_SECONDS, DAYS, LOOKS_HOURS, KEPT_DAYS = 2500, 15, 90, 6, 30
# Beyond what a person reads, and what the page's own script waits for.
PAGES_APART = timedelta(seconds=EVERY_SECONDS)
_ROLE = "CREATE ROLE reveille LOGIN PASSWORD 'sesame'"
_HEAD = """state = "{state}"
[site]
name = "Testville"
timezone = "Europe/Berlin"
region = "uk"
[ledger]
url = "{url}"
password = {{ file = "password" }}
[[people]]
role = "operators"
mail = "ops@example.net"
[desks.mail]
kind = "mail"
host = "127.0.0.1"
sender = "r@example.net"
"""
_CHECK = """[checks.portal-{number}]
kind = "portal"
url = "http://127.0.0.1:9/"
every = "{every}s"
"""
# A bulk load asks no trigger, and no other table; the owner stays who he is.
_BULK = "SET session_replication_role = replica; SET synchronous_commit = off; "
_HOURS = """INSERT INTO rolled_hours
SELECT number, day * 86400000 + hour * 3600000, '{kind}',
$body${body}$body$ FROM check_names,
generate_series({first}::bigint, {last}) AS day, generate_series(0, 23) AS hour
WHERE number BETWEEN {a} AND {b}"""
_RUNS = """INSERT INTO rolled_runs SELECT number, day * 86400000 + part * 28800000,
day * 86400000 + (part + 1) * 28800000 - 1,
CASE part WHEN 1 THEN 'FAILED' ELSE 'OK' END, 0
FROM check_names,
generate_series({first}::bigint, {last}) AS day, generate_series(0, 2) AS part
WHERE number BETWEEN {a} AND {b}"""
_SEALS = """INSERT INTO seals
(day, what, row_count, digest, history, receipts, told, sealed_at, chain)
SELECT day, what, 0, '', 0, 0, '', 0, '' FROM generate_series({first}::bigint, {last}) AS day,
(VALUES ('looks'), ('rolled')) AS of (what)"""
_LOOKS = """INSERT INTO attempts SELECT number, at, '{kind}', 'scheduled', 0, 'OK',
$body${body}$body$, '{{}}' FROM check_names,
generate_series({since}::bigint, {until}, {every}) AS at
WHERE number BETWEEN {a} AND {b}"""


class Old:
    """One ledger of some days."""

    def __init__(self, server: Postgres, file: Path, name: str, now: datetime) -> None:
        self.server, self.name, self.now = server, name, now
        server.run(f"CREATE DATABASE {name} OWNER reveille TEMPLATE template0")
        self.url = f"postgresql://reveille@/{name}?host={server.sockets}&sslmode=disable"
        self.file = file

    def bulk(self, statement: str) -> None:
        """Have the server make rows, whatever triggers say."""
        self.server.run(_BULK + statement, self.name)

    def fill(self, days: int, hours: float) -> Configuration:
        """Checks, tickets, roll-ups of all days and looks of the last hours."""
        configuration = load(self.file)
        names = list(configuration.checks)
        today = day_of(self.now)
        with Ledger(configuration.ledger_place) as ledger:
            ledger.make_days(range(today - KEPT_DAYS, today + 1))
            told_of(ledger, self.now - timedelta(days=days), days, self.now)
            with ledger.transaction() as t:
                for name in names:
                    t._number(name)
                    condition = Condition(name, state=State.OK, looked_at=self.now)
                    store.keep_condition(t, condition)
        first, last = today - days, today - 1
        self.bulk(_SEALS.format(first=first, last=last - KEPT_DAYS))
        for kind, each in _alike(configuration).items():
            body = hour_body(Counts({"OK": 240}, 0, {f"m{n}": _SPREAD for n in range(7)}))
            told = {"kind": kind, "body": encoding.packed(body), "a": each[0], "b": each[1]}
            self.bulk(_HOURS.format(first=first, last=last - KEPT_DAYS, **told))
            self.bulk(_RUNS.format(first=first, last=last - KEPT_DAYS, **told))
            entry = configuration.checks[names[each[0] - 1]]
            told["body"] = seen(entry, _Fixed())[1]
            until = encoding.milliseconds(self.now)
            step = int((entry.every or 86400) * 1000)
            since = until - int(hours * 3_600_000)
            self.bulk(_LOOKS.format(since=since, until=until, every=step, **told))
            # In the order of the configuration: all are well, so the first are drawn.
            told["b"] = min(each[1], MOST_CHECKS)
            week = until - 7 * 86_400_000
            self.bulk(_LOOKS.format(since=week, until=since - 1, every=step, **told))
        self.server.run("VACUUM (ANALYZE)", self.name)
        return configuration

    def look_on(self, configuration: Configuration, turns: int) -> None:
        """All checks are looked at between one page and the next."""
        since = encoding.milliseconds(self.now) + 1
        apart = PAGES_APART // timedelta(milliseconds=1)
        for kind, each in _alike(configuration).items():
            entry = configuration.checks[list(configuration.checks)[each[0] - 1]]
            told = {"kind": kind, "body": seen(entry, _Fixed())[1], "a": each[0], "b": each[1]}
            until = since + turns * apart
            self.bulk(_LOOKS.format(since=since, until=until, every=apart, **told))


class _Fixed(random.Random):
    """A chance that is none: bodies of the usual length."""

    def uniform(self, a: float, b: float) -> float:
        return a + b / 3

    def random(self) -> float:
        return 0.5


_SPREAD = Spread(240, 1.234567, 0.123456, 4.123456)


def _alike(configuration: Configuration) -> dict[str, tuple[int, int]]:
    """Numbers of checks by their kind, as far as they follow each other."""
    found: dict[str, tuple[int, int]] = {}
    for number, entry in enumerate(configuration.checks.values(), 1):
        kind = entry.probe.KIND
        while kind in found and found[kind][1] != number - 1:
            kind = f"{kind} "
        found[kind] = (found.get(kind, (number, number))[0], number)
    return found


def asked(old: Old, configuration: Configuration) -> dict[str, Cost]:
    """What each costs: seconds of the clock, which says as well what else the host is doing, and of
    the processor, the server's with it.
    """
    now, entry = old.now, next(iter(configuration.checks.values()))
    kept = Overviews(configuration)
    turns = count(1)

    def first_page(ledger: Ledger) -> object:
        return kept.made(ledger, now + PAGES_APART * next(turns))

    def tickets(ledger: Ledger) -> object:
        rows = store.incidents_of(ledger.incidents(50))
        with ledger.steady():
            return [view(ledger, configuration, one, now) for one in rows]

    questions: dict[str, Callable[[Ledger], object]] = {
        "status": lambda ledger: standing(ledger, configuration, now),
        "tickets": tickets,
        "first page": first_page,
        "a check's page": lambda ledger: check_page(ledger, configuration, entry, 7, now),
        "a check's page, 90 days": lambda ledger: check_page(ledger, configuration, entry, 90, now),
    }
    old.look_on(configuration, RUNS + 1)
    found = {
        "first page, the very first": _cost(
            configuration, lambda one: Overviews(configuration).made(one, now), 1
        )
    }
    return found | {name: _cost(configuration, ask) for name, ask in questions.items()}


def _cost(configuration: Configuration, ask: Callable[[Ledger], object], runs: int = RUNS) -> Cost:
    walls = []
    with Ledger(configuration.ledger_place, read_only=True) as ledger:
        row = ledger._database.row("SELECT pg_backend_pid() AS pid")
        assert row is not None
        server = psutil.Process(row["pid"])
        before = time.process_time() + _used(server)
        for _ in range(runs):
            began = time.monotonic()
            ask(ledger)
            walls.append(time.monotonic() - began)
        cpu = (time.process_time() + _used(server) - before) / runs
    return Cost(statistics.median(walls), cpu)


def measured(old: Old, days: int, hours: float) -> float:
    """Fill it, ask it, let a day go; gives the costliest answer."""
    began = time.monotonic()
    configuration = old.fill(days, hours)
    with Ledger(configuration.ledger_place) as ledger:
        whole, _ = ledger.file_bytes()
        grown = {one.name: one for one in ledger.grown(encoding.milliseconds(old.now))}
        took = time.monotonic() - began
        what = ", ".join(f"{one.rows} {name}" for name, one in grown.items() if one.rows)
        print(f"{old.name}: {whole / 1e9:.2f} GB in {took:.0f} s: {what}", flush=True)
        found = asked(old, configuration)
        for name, one in found.items():
            cpu = f"of the processor {1000 * one.cpu:.0f} ms"
            print(f"{old.name}: {name}: {1000 * one.wall:.0f} ms, {cpu}", flush=True)
        began = time.monotonic()
        ledger.grown(encoding.milliseconds(old.now))
        print(f"{old.name}: ledger size: {time.monotonic() - began:.1f} s", flush=True)
        _let_go(old, ledger)
    return max(one.cpu for one in found.values())


def _let_go(old: Old, ledger: DayTables) -> None:
    """The day of the newest looks, as if it were old."""
    day = day_of(old.now)
    old.bulk(_SEALS.format(first=day, last=day))
    began = time.monotonic()
    ledger.drop_day(day)
    print(f"{old.name}: a day went in {time.monotonic() - began:.1f} s", flush=True)


def main(days: int, hours: float) -> int:
    """Both of them."""
    now = datetime.now(UTC)
    with (
        tempfile.TemporaryDirectory(prefix="reveille-server-") as folder,
        postgres({"shared_buffers": "512MB", "max_wal_size": "4GB"}) as server,
    ):
        server.run(_ROLE)
        home = Path(folder)
        (home / "password").write_text("sesame\n", encoding="utf-8")
        usual = Old(server, home / "usual.toml", "usual", now)
        write_sample(usual.file)
        text = usual.file.read_text(encoding="utf-8")
        section = f'[ledger]\nurl = "{usual.url}"\npassword = {{ file = "password" }}\n'
        usual.file.write_text(f"{text}\n{section}", encoding="utf-8")
        os.environ["STATE_DIRECTORY"] = str(home / "usual")
        slowest = [measured(usual, 365, KEPT_DAYS * 24)]
        del os.environ["STATE_DIRECTORY"]
        many = Old(server, home / "many.toml", "many", now)
        head = _HEAD.format(state=home / "many", url=many.url)
        checks = (_CHECK.format(number=one, every=EVERY_SECONDS) for one in range(CHECKS))
        many.file.write_text(head + "".join(checks), encoding="utf-8")
        slowest.append(measured(many, days, hours))
    print(
        f"ledger-server: at most {1000 * slowest[0]:.0f} ms of the processor on a year of the"
        f" default configuration, {1000 * slowest[1]:.0f} ms on {days} days of"
        f" {CHECKS * 60 // EVERY_SECONDS} looks a minute (target {1000 * TARGET_SECONDS:.0f})"
    )
    return 0 if max(slowest) <= TARGET_SECONDS else 1


if __name__ == "__main__":
    typed = sys.argv[1:]
    sys.exit(main(int(typed[0]) if typed else DAYS, float(typed[1]) if typed[1:] else LOOKS_HOURS))
