"""Opening a ticket by hand: an issue that somebody has seen, a change, or a feature."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from monitor.config import Configuration
from monitor.core import endings, reported
from monitor.core.incident import Change, Incident, Request, key_of
from monitor.incidents import store
from monitor.incidents.correlation import Correlation
from monitor.incidents.ticket_actions import NotPossible
from monitor.incidents.ticket_view import ticket_name
from monitor.ledger import Ledger, Transaction

# A ticket is read in a mail; what is longer is attached elsewhere.
MOST_TEXT = 2000


class Opening:
    """New tickets of one site, by people; one transaction each, told as any."""

    def __init__(
        self,
        ledger: Ledger,
        configuration: Configuration,
        now: datetime,
        beside: Callable[[Transaction, int], None] = lambda _t, _number: None,
    ) -> None:
        """`beside` is done in the same transaction, for the ticket that was opened."""
        self._ledger, self._configuration, self._now = ledger, configuration, now
        self._beside = beside
        self._policy = configuration.policy
        self._name = f"{self._policy.name} {self._policy.version}"

    def issue(self, issue: str, text: str, by: str, severity: str = "") -> Incident:
        """Somebody has seen this issue. Raises NotPossible where the policy has no such issue or
        severity, or where a ticket is open for it.
        """
        try:
            found = self._policy.reclassified(issue, severity=severity)
        except LookupError as unknown:
            raise NotPossible(str(unknown.args[0])) from None
        site = self._configuration.site.name
        key = key_of(site, found.issue.id)

        def opened() -> Change:
            # One cause, one ticket: the same people would be told twice.
            if row := self._ledger.open_incident_by_key(key):
                number = ticket_name(self._configuration, row.number)
                raise NotPossible(
                    f"{number} is open for {found.issue.title!r} already; say more with `reveille"
                    f" tickets note {number}`"
                )
            closed = self._ledger.latest_closed(key)
            last = next(store.incidents_of([closed] if closed else []), None)
            if last and endings.may_reopen(last, self._now):
                return reported.seen_again(last, _sound(text), by, self._now)
            return reported.seen(site, found, self._name, _sound(text), by, self._now)

        return self._told(opened)

    def request(self, what: Request, text: str, by: str) -> Incident:
        """Somebody asks for a change or a feature. Raises NotPossible."""
        found, site = self._policy.requested(what), self._configuration.site.name

        def opened() -> Change:
            # Each is a matter of its own: its key has the number that it will get.
            newest = next(iter(self._ledger.incidents(limit=1)), None)
            place = (newest.number or 0) + 1 if newest else 1
            name, said = self._name, _sound(text)
            return reported.asked_for(site, what, place, found, name, said, by, self._now)

        return self._told(opened)

    def _told(self, make: Callable[[], Change]) -> Incident:
        with self._ledger.transaction() as t:
            correlation = Correlation(self._ledger, t, self._configuration, self._now)
            incident = correlation.open(make())
            self._beside(t, incident.number or 0)
            return incident


def _sound(text: str) -> str:
    """The text, on one line. Raises NotPossible."""
    said = " ".join(text.split())
    if not said:
        raise NotPossible(
            "say what it is about, as in --text 'callers hear nothing after the menu'"
        )
    if len(said) > MOST_TEXT:
        raise NotPossible(f"the text has {len(said)} signs; at most {MOST_TEXT} can be told")
    return said
