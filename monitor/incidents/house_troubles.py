"""Trouble of the house itself, each with a ticket of its own: a host that is silent, a place that
sees what others do not.

Rules: its name begins with "@", which no check's does, and its key has that name, so that it joins
no other ticket; it ends when the trouble does, and what a person has resolved is not opened again
for the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.config import Configuration
from monitor.core import endings
from monitor.core.incident import Change, Closing, Evidence, key_of
from monitor.incidents import store
from monitor.incidents.incident_changes import IncidentChanges
from monitor.ledger import Ledger
from monitor.ledger.happening_bodies import happening_body

SILENT_HOST = "host-is-silent"
LONE_PLACE = "place-disagrees"
"""issues of monitor/policies/house.toml"""


class HouseTroubles(IncidentChanges):
    """Those of one site, changed within one transaction at one moment."""

    def begins(
        self, issue: str, name: str, title: str, reasons: tuple[str, ...], since: datetime
    ) -> None:
        """The trouble is there, since a moment; nothing where it is known."""
        key = _key(self._configuration, issue, name)
        if self._ledger.open_incident_by_key(key) is not None:
            return
        closed = self._ledger.latest_closed(key)
        # A person has seen to it, and it is the same still.
        if closed and closed.closed_at and closed.closed_at >= since:
            return
        found = self._policy.reclassified(issue)
        evidence = Evidence(check=name, kind="reveille", reasons=reasons)
        change = self._under(found, evidence, since, apart=name)
        self.apply(self._tell_now(change.then(Change(replace(change.incident, title=title)))))

    def ends(self, issue: str, name: str, why: str) -> None:
        """The trouble is over; nothing where there is none."""
        row = self._ledger.open_incident_by_key(_key(self._configuration, issue, name))
        if row is not None:
            was = store.incident_of(row)
            self.apply(endings.left(was, name, Closing.RECOVERED, why, self._now))


def miss_hosts(
    ledger: Ledger, configuration: Configuration, now: datetime, silent: timedelta
) -> None:
    """A host that nothing was heard of for so long is missed, once; it ends when it is heard."""
    for host in ledger.hosts():
        name, missed = f"@{host.name}", not host.left and host.silent >= silent
        known = ledger.open_incident_by_key(_key(configuration, SILENT_HOST, name)) is not None
        # Asked every second: mostly there is nothing to be changed.
        if missed is known:
            continue
        of = f"{host.name} ({host.location})" if host.location else host.name
        with ledger.transaction() as t:
            troubles = HouseTroubles(ledger, t, configuration, now)
            if missed:
                reason = (
                    f"nothing was heard of host {of} since {host.heard_at:%H:%M:%S} UTC; what any"
                    " host may do is done by the others"
                )
                title = f"probe host {host.name} is silent"
                troubles.begins(SILENT_HOST, name, title, (reason,), host.heard_at)
            else:
                troubles.ends(SILENT_HOST, name, f"host {of} was heard again")


def say_told_at_home(
    ledger: Ledger, configuration: Configuration, now: datetime, since: datetime, told_at: datetime
) -> None:
    """This host was cut off since a moment, and has told its own operators: its ticket says so, and
    is what goes on. The monitor's own history says it where there is none.
    """
    host = configuration.probe.name
    key = _key(configuration, SILENT_HOST, f"@{host}")
    row = ledger.open_incident_by_key(key) or ledger.latest_closed(key)
    of = row if row and (row.closed_at is None or row.closed_at >= since) else None
    text = (
        f"cut off from the ledger since {since:%H:%M} UTC, {host} told its own operators at"
        f" {told_at:%H:%M} UTC; this ticket takes that over"
    )
    with ledger.transaction() as t:
        body = happening_body("note", {"by": host, "text": text})
        t.happened(of.number if of else None, now, "note" if of else "told-at-home", body)


def forget_places(ledger: Ledger, configuration: Configuration, now: datetime) -> None:
    """A place from which a check is no longer looked at disagrees with nobody."""
    for row in ledger.open_incidents():
        name = row.key.partition(f"/{LONE_PLACE} @")[2]
        check, _, place = name.rpartition("@")
        entry = configuration.checks.get(check)
        if name and (entry is None or place not in entry.places):
            with ledger.transaction() as t:
                why = f"{check} is no longer looked at from {place}"
                HouseTroubles(ledger, t, configuration, now).ends(LONE_PLACE, f"@{name}", why)


def _key(configuration: Configuration, issue: str, name: str) -> str:
    return key_of(configuration.site.name, f"{issue} {name}")
