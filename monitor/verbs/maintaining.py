"""maintenance: a person says that failures of some checks are expected for a while."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import datetime

from checks.durations import parse_duration
from checks.settings import nearest
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.core.maintenance import Daily, Once, Window
from monitor.incidents import maintenances
from monitor.incidents.maintenances import LONGEST_SECONDS, ByHand, line
from monitor.ledger import Ledger
from monitor.terminal import say, show, show_json
from monitor.verbs.opening import Stop, acting, ledger_of, sound_part_of
from reports.formats import both, span
from reports.maintenance import MaintenanceLine, MaintenanceLines
from reports.ticket import plain

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Those that are over and still worth a line; `--all` shows the others too.
_RECENT = 10


def start(arguments: Namespace) -> int:
    """Hide checks from now on for a while: they are looked at and judged as ever, nobody is told,
    and no promise counts. It ends by itself, which the operators are told; what is bad then is
    looked at again, and is a ticket if it still is. 0."""
    configuration = sound_part_of(arguments)
    seconds, why = _duration(arguments.duration), arguments.why.strip()
    if not why:
        raise Stop("say why, as in --why 'new firmware on the gateway'")
    checks = _checks(configuration, arguments.checks, arguments.all)
    with ledger_of(configuration) as ledger, ledger.transaction() as t:
        by, now = acting(arguments), SystemClock().now()
        begun = maintenances.begin(ledger, t, checks, seconds, why, by, now)
    if arguments.json:
        show_json(plain(line(begun, begun.since)))
        return 0
    hidden = ", ".join(maintenances.covered(configuration, checks))
    until = both(begun.until, configuration.site.timezone)
    say(f"maintenance {begun.number}, by {begun.by}, until {until}: {hidden}")
    say(f"`reveille maintenance stop {begun.number}` ends it before")
    return 0


def stop(arguments: Namespace) -> int:
    """End one before its time; without NUMBER the only one that runs. 0."""
    configuration = sound_part_of(arguments)
    with ledger_of(configuration) as ledger, ledger.transaction() as t:
        now = SystemClock().now()
        one = _running(ledger, arguments.number, now)
        stopped = maintenances.stop(t, one, acting(arguments), now)
    if arguments.json:
        show_json(plain(line(stopped, now)))
        return 0
    lasted = span((now - one.since).total_seconds())
    say(f"maintenance {one.number} is over after {lasted}, stopped by {stopped.stopped_by}")
    return 0


def list_maintenances(arguments: Namespace) -> int:
    """What is hidden now and until when, what the configuration plans, and what was. 0."""
    configuration = sound_part_of(arguments)
    now = SystemClock().now()
    with ledger_of(configuration, read_only=True) as ledger:
        known = maintenances.by_hand(ledger)
    running = [one for one in known if one.running(now)]
    past = [one for one in known if not one.running(now)]
    shown = past if getattr(arguments, "all", False) else past[:_RECENT]
    lines = (
        *(line(one, now) for one in running),
        *_configured(configuration, now),
        *(line(one, now) for one in shown),
    )
    show("maintenances", arguments.json, MaintenanceLines(configuration.site.timezone, now, lines))
    return 0


def _duration(written: str) -> float:
    """Raises Stop."""
    try:
        seconds = parse_duration(written)
    except ValueError as wrong:
        raise Stop(f"{wrong}") from None
    if not 60 <= seconds <= LONGEST_SECONDS:
        raise Stop(
            f"{written!r} is not between a minute and {span(LONGEST_SECONDS)}; what lasts longer is"
            " written into the configuration, as [[maintenance]]"
        )
    return seconds


def _checks(
    configuration: Configuration, written: Sequence[str], everything: bool
) -> tuple[str, ...]:
    """The names and globs, each of which means some check. Raises Stop."""
    if everything == bool(written):
        raise Stop("name the checks that it hides (patterns with * will do), or say --all")
    for one in written:
        if not maintenances.covered(configuration, (one,)):
            known = list(configuration.checks)
            hint = nearest(one, known) or f"; there are {', '.join(known)}"
            raise Stop(f"there is no [checks.{one}]{hint}")
    return tuple(written) or ("*",)


def _running(ledger: Ledger, number: str, now: datetime) -> ByHand:
    """Raises Stop."""
    running = [one for one in maintenances.by_hand(ledger) if one.running(now)]
    known = ", ".join(f"{one.number} ({', '.join(one.checks)})" for one in running)
    if not running:
        raise Stop("no maintenance that a person has begun is under way")
    if not number and len(running) > 1:
        raise Stop(f"say which one ends: {known}")
    found = next((one for one in running if str(one.number) == number.lstrip("#")), None)
    if number and found is None:
        raise Stop(f"no maintenance {number[:20]!r} is under way; there are: {known}")
    return found or running[0]


def _configured(configuration: Configuration, now: datetime) -> Iterator[MaintenanceLine]:
    for window in configuration.maintenance:
        current = window.current(now)
        yield MaintenanceLine(
            number=0,
            checks=window.checks,
            state="running" if current else "planned",
            why=window.reason,
            since=current[0] if current else None,
            until=current[1] if current else None,
            when=_written(window),
        )


def _written(window: Window) -> str:
    when = window.when
    if isinstance(when, Daily):
        days = [_DAYS[day] for day in sorted(when.weekdays)]
        on = "every day" if len(days) == len(_DAYS) else ", ".join(days)
        return f"{when.start:%H:%M}-{when.end:%H:%M}, {on}"
    if isinstance(when, Once):
        return f"{when.start:%Y-%m-%d %H:%M} to {when.end:%Y-%m-%d %H:%M}"
    return ""
