"""What people ask for when they begin or end a maintenance, on the command line and on the status
page: understood here, in the same words for both; and the list that both show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.durations import parse_duration
from checks.settings import nearest, shown
from monitor.config import Configuration
from monitor.core.maintenance import Daily, Once, Window
from monitor.incidents.maintenances import LONGEST_SECONDS, ByHand, by_hand, covered, line
from monitor.incidents.ticket_actions import NotPossible
from monitor.ledger import Ledger
from reports.formats import span
from reports.maintenance import MaintenanceLine

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Those that are over and still worth a line.
_RECENT = 10
# What stands in a letter's subject and in lists.
_MOST_WHY = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """A maintenance that somebody asks for: names or globs of checks, how long, and why."""

    checks: tuple[str, ...]
    seconds: float
    why: str


def wanted(
    configuration: Configuration, checks: Sequence[str], everything: bool, duration: str, why: str
) -> Wanted:
    """It, out of what was written. Raises NotPossible."""
    said = " ".join(why.split())
    if not said:
        raise NotPossible("say why, as in 'new firmware on the gateway'")
    if len(said) > _MOST_WHY:
        raise NotPossible(f"the reason has {len(said)} signs; at most {_MOST_WHY} can be told")
    return Wanted(_checks(configuration, checks, everything), _seconds(duration), said)


def running_one(ledger: Ledger, number: str, now: datetime) -> ByHand:
    """The one of this number, or the only one where "" was written. Raises NotPossible."""
    running = [one for one in by_hand(ledger) if one.running(now)]
    known = ", ".join(f"{one.number} ({', '.join(one.checks)})" for one in running)
    if not running:
        raise NotPossible("no maintenance that a person has begun is under way")
    if not number and len(running) > 1:
        raise NotPossible(f"say which one ends: {known}")
    found = next((one for one in running if str(one.number) == number.lstrip("#")), None)
    if number and found is None:
        raise NotPossible(f"no maintenance {shown(number[:20])} is under way; there are: {known}")
    return found or running[0]


def lines(
    ledger: Ledger, configuration: Configuration, now: datetime, everything: bool = False
) -> tuple[MaintenanceLine, ...]:
    """What is hidden now and until when, what the configuration plans, and what was."""
    known = by_hand(ledger)
    past = [one for one in known if not one.running(now)]
    return (
        *(line(one, now) for one in known if one.running(now)),
        *_configured(configuration, now),
        *(line(one, now) for one in (past if everything else past[:_RECENT])),
    )


def _seconds(written: str) -> float:
    try:
        seconds = parse_duration(written.strip())
    except ValueError as wrong:
        raise NotPossible(f"{wrong}") from None
    if not 60 <= seconds <= LONGEST_SECONDS:
        raise NotPossible(
            f"{written!r} is not between a minute and {span(LONGEST_SECONDS)}; what lasts longer is"
            " written into the configuration, as [[maintenance]]"
        )
    return seconds


def _checks(
    configuration: Configuration, written: Sequence[str], everything: bool
) -> tuple[str, ...]:
    """The names and globs, each of which means some check."""
    if everything == bool(written):
        raise NotPossible("name the checks that it hides (patterns with * will do), or all of them")
    site = configuration.site
    whole = [one if one.startswith(f"{site.scope}/") else site.scoped(one) for one in written]
    for one in whole:
        if not covered(configuration, (one,)):
            known = list(configuration.checks)
            hint = nearest(one, known) or f"; there are {', '.join(known)}"
            raise NotPossible(f"there is no [checks.{one[:60]}]{hint}")
    return tuple(whole) or (site.scoped("*"),)


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
