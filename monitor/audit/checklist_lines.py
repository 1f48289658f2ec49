"""The daily checklist as it stands: a line for each duty, by the worst of its checks, and the
site's own lines, which a person answers. What was not looked at when it should have been is not
known, however well it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from monitor.audit import releases
from monitor.config import CheckEntry, Configuration
from monitor.core.condition import Condition
from monitor.core.timetable import overdue
from monitor.incidents import checklist_answers, store
from monitor.ledger import Ledger
from reports.checklist import Duty, checklist
from reports.command_views import ChecklistView
from reports.maintenance import MaintenanceLine

RELEASES = "releases"
# Until the next morning, and an hour more: clocks change.
_AHEAD = timedelta(hours=25)


def lines(
    ledger: Ledger,
    configuration: Configuration,
    found: Mapping[str, str],
    compared: bool,
    now: datetime,
) -> tuple[Duty, ...]:
    """Every line. `found` are the states of checks that an audit has just looked at; `compared`:
    whether it is known what has changed on this host.
    """
    audit = configuration.audit
    standing = [*_standing(ledger, configuration, found, now)]
    if compared:
        standing.append((RELEASES, "", "OK"))
    return checklist(standing, audit.asks if audit else ())


def view(ledger: Ledger, configuration: Configuration, now: datetime) -> ChecklistView:
    """The list as people see it, with what they have answered."""
    compared = releases.known(ledger, now) is not None
    return ChecklistView(
        configuration.site.timezone,
        now,
        lines(ledger, configuration, {}, compared, now),
        checklist_answers.answers(ledger),
    )


def planned(configuration: Configuration, now: datetime) -> Iterator[MaintenanceLine]:
    """The maintenances of the configuration that begin until tomorrow morning."""
    for window in configuration.maintenance:
        if span := window.begins_within(now, _AHEAD):
            yield MaintenanceLine(
                0, window.checks, "planned", window.reason, since=span[0], until=span[1]
            )


def _standing(
    ledger: Ledger, configuration: Configuration, found: Mapping[str, str], now: datetime
) -> Iterator[tuple[str, str, str]]:
    conditions = store.conditions(ledger)
    for name, entry in configuration.checks.items():
        state = found.get(name) or _state(entry, conditions.get(name), now)
        yield entry.probe.DUTY, name, state


def _state(entry: CheckEntry, known: Condition | None, now: datetime) -> str:
    if known is None or overdue(entry.timetable, known.looked_at, entry.limit, now):
        return "UNKNOWN"
    return str(known.state)
