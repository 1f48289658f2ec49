"""Events as PagerDuty's Events API v2 takes them, and others that speak it
(developer.pagerduty.com, "Events API v2 > Send an Event").

    POST https://events.pagerduty.com/v2/enqueue
    {routing_key, event_action: trigger | acknowledge | resolve, dedup_key, payload: {...}}
    <- 202 {status: success, dedup_key}    400: never; 429 and 5xx: later

Rules: the dedup_key is the incident's, so a repetition is the same alert there. Nobody calls on
what is only a remark. Nothing is read back: who takes it there is seen by a helpdesk alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from checks.settings import Duration, ReadableFile, Secret
from checks.transport.clear_text import MEANT, ClearText, is_open
from monitor.desks.desk import Desk, DeskSettings, Letter, Never, Takes
from monitor.desks.field_mapping import filled
from monitor.desks.helpdesk import FieldMapping, Url
from monitor.desks.policy_words import SEVERITY
from monitor.desks.rest import Rest
from monitor.desks.rest_helpdesk import revealed
from reports.render import render_mail
from reports.ticket import Ticket

Grave = Literal["critical", "error", "warning", "info"]
_ACTIONS: Mapping[str, str] = {
    "opened": "trigger",
    "blind": "trigger",
    "reopened": "trigger",
    "escalated": "trigger",
    "reclassified": "trigger",
    "acknowledged": "acknowledge",
    "closed": "resolve",
}
# "Send an Event": payload.summary has at most 1024 letters.
_LONGEST_SUMMARY = 1024
_BY_RANK: tuple[Grave, ...] = ("critical", "error", "warning", "info")


class PagerdutySettings(ClearText, DeskSettings):
    """Alerts of PagerDuty, or of what takes its events. An event names nobody: who has
    taken a ticket here is not shown there, and no owner is set."""

    KIND: ClassVar[str] = "pagerduty"
    TAKES: ClassVar[frozenset[Takes]] = frozenset({"tickets"})
    SAMPLE: ClassVar[str] = """
[desks.pager]
kind = "pagerduty"
routing_key = { credential = "pager" }
severities = { P0 = "critical", P1 = "error", P2 = "warning", P3 = "info" }
"""

    routing_key: Secret
    """the integration key of a service, by reference"""
    url: Url = "https://events.pagerduty.com/v2/enqueue"
    """where events go"""
    severities: Annotated[dict[str, Grave], SEVERITY] = Field(default_factory=dict)
    """severity of the policy = critical, error, warning or info; by default by their rank"""
    fields: FieldMapping = Field(default_factory=dict)
    """custom_details of each event; {number}, {owner}, {resolution_due} and the like are filled
    in"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust; without it the system's"""
    timeout: Duration = 30.0
    """how long to wait for the answer"""

    def desk(self, name: str) -> Desk:
        """The desk that sends events."""
        return Pagerduty(name, self)

    def clear_text(self) -> str | None:
        """Whoever reads the routing key can raise alarms."""
        if is_open(self.url):
            return f"the routing key goes out in the clear; write https, {MEANT}"
        return None

    async def try_out(self) -> str:
        """End an alert that there is not: with a good key it is taken, and does nothing."""
        await Pagerduty("try", self).end("reveille-try")
        return f"{self.url} takes events with this key"


class Pagerduty:
    """Sends an event for each letter that somebody has to know of."""

    def __init__(self, name: str, settings: PagerdutySettings) -> None:
        self.name = name
        self.concurrency = 2
        self.timeout_seconds = settings.timeout + 5.0
        self._settings = settings
        self._rest = Rest(
            settings.url, trusted=settings.trusted_certificates, timeout_seconds=settings.timeout
        )

    async def deliver(self, letter: Letter) -> str:
        """Send it; returns the alert's key. Raises TryLater, Never."""
        if "ticket" not in letter.body:
            raise Never("a report is for people; an alert takes none")
        action = _ACTIONS.get(letter.kind)
        if action is None:
            return f"{letter.thread}: nothing to alert anybody of"
        event: dict[str, Any] = {"event_action": action, "dedup_key": letter.thread}
        if action == "trigger":
            event["payload"] = self._payload(letter)
        return await self._sent(event)

    async def end(self, key: str) -> str:
        """End the alert of a key. Raises TryLater, Never."""
        return await self._sent({"event_action": "resolve", "dedup_key": key})

    def _payload(self, letter: Letter) -> dict[str, Any]:
        ticket = Ticket.from_dict(letter.body["ticket"])
        mail = render_mail(letter.kind, ticket, letter.body.get("extra", {}))
        by_rank = _BY_RANK[min(ticket.rank, len(_BY_RANK) - 1)]
        return {
            "summary": mail.subject[:_LONGEST_SUMMARY],
            "source": ticket.site,
            "severity": self._settings.severities.get(ticket.severity, by_rank),
            "timestamp": ticket.opened_at.isoformat(),
            "component": ticket.check,
            "group": ticket.site,
            "class": ticket.title,
            "custom_details": {"ticket": ticket.number, **filled(self._settings.fields, letter)},
        }

    async def _sent(self, event: Mapping[str, Any]) -> str:
        key = revealed(self._settings.routing_key)
        reply = await self._rest("POST", "", {"routing_key": key, **event})
        return str((reply.json or {}).get("dedup_key") or event["dedup_key"])
