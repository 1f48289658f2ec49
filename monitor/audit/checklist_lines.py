"""The daily checklist as it stands: a line for each duty, by the worst of its checks, and the
site's own lines, which a person answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from monitor.config import Configuration
from monitor.incidents import store
from monitor.ledger import Ledger
from reports.checklist import Duty, checklist
from reports.maintenance import MaintenanceLine

RELEASES = "releases"
# Until the next morning, and an hour more: clocks change.
_AHEAD = timedelta(hours=25)


def lines(
    ledger: Ledger, configuration: Configuration, found: Mapping[str, str], compared: bool
) -> tuple[Duty, ...]:
    """Every line. `found` are the states of checks that an audit has just looked at; `compared`:
    whether it is known what has changed on this host.
    """
    audit = configuration.audit
    standing = [*_standing(ledger, configuration, found)]
    if compared:
        standing.append((RELEASES, "", "OK"))
    return checklist(standing, audit.asks if audit else ())


def planned(configuration: Configuration, now: datetime) -> Iterator[MaintenanceLine]:
    """The maintenances of the configuration that begin until tomorrow morning."""
    for window in configuration.maintenance:
        if span := window.begins_within(now, _AHEAD):
            yield MaintenanceLine(
                0, window.checks, "planned", window.reason, since=span[0], until=span[1]
            )


def _standing(
    ledger: Ledger, configuration: Configuration, found: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    conditions = store.conditions(ledger)
    for name, entry in configuration.checks.items():
        known = conditions.get(name)
        yield entry.probe.DUTY, name, found.get(name) or str(known.state if known else None)
