"""The bodies of a ledger: what each kind of row keeps as JSON, and what has changed in it since
release 0.1.0.

To change what a class keeps: change the class, append a migration here (`added("reason", "")` where
a field was added with that default), and write the golden of the coming release:
`REVEILLE_GOLDEN=write pytest tests/unit/test_bodies.py`. tests/unit/test_bodies.py fails until all
three are done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, Required, TypedDict, cast

from pydantic import TypeAdapter

from checks.body import Body, Migration, exact
from checks.contract import Observation
from monitor.core.condition import Condition
from monitor.core.incident import Incident
from monitor.core.verdict import Verdict
from monitor.ledger import encoding
from reports import usage
from reports.audit import Audit
from reports.model import Ticket

_incident, _condition = TypeAdapter(Incident), TypeAdapter(Condition)


class ObservationBody(TypedDict, total=False):
    """An observation; what is empty is left out (monitor/ledger/encoding.py), lists stand by place."""

    stages: list[Any]
    measures: dict[str, float]
    fault: list[str]
    blind: str
    notes: list[str]
    exhibits: list[Any]
    seconds: float
    warnings: list[str]


class VerdictBody(TypedDict, total=False):
    """A verdict, with the state out of its column."""

    state: Required[str]
    reasons: list[str]
    fault: list[str]


class TicketLetter(TypedDict):
    """A letter about an incident."""

    ticket: dict[str, Any]
    extra: NotRequired[dict[str, Any]]
    acknowledgement: NotRequired[bool]


class ReportLetter(TypedDict):
    """A letter with a morning report; `pdf` where it was asked for."""

    report: dict[str, Any]
    pdf: NotRequired[bool]


def _report(told: dict[str, Any]) -> Audit:
    for day in told["usage"]:
        exact(usage.KEPT, day)
    return Audit.from_dict(told)


OBSERVATION: Body[Observation] = Body("observation", ObservationBody, encoding.observation)
VERDICT: Body[Verdict] = Body(
    "verdict", VerdictBody, lambda told: encoding.verdict(told["state"], told)
)
INCIDENT: Body[Incident] = Body("incident", Incident, _incident.validate_python)
CONDITION: Body[Condition] = Body("condition", Condition, _condition.validate_python)
TICKET: Body[Ticket] = Body("ticket", Ticket, Ticket.from_dict)
REPORT: Body[Audit] = Body("report", Audit, _report)
TICKET_LETTER: Body[dict[str, Any]] = Body("letter", TicketLetter, dict)
REPORT_LETTER: Body[dict[str, Any]] = Body("letter", ReportLetter, dict)


# What the history of a ticket keeps of each kind of happening
# (monitor/core/incident_transitions.py, monitor/delivery/outbox.py); the template
# reports/templates/terminal/happening.txt.j2 reads it. What happened to the monitor itself is
# written for people alone, but for its reports.
_FACTS: Mapping[str, tuple[str, ...]] = {
    "opened": ("check", "reasons"),
    "joined": ("check",),
    "attached": ("checks",),
    "relapsed": ("check",),
    "flapping": ("check",),
    "left": ("check", "why"),
    "reopened": ("check", "reasons"),
    "closed": ("resolution", "by"),
    "escalated": ("level", "who", "skipped", "why"),
    "breached": ("clock", "due_at"),
    "acknowledged": ("by",),
    "note": ("by", "text"),
    "reclassified": ("was", "from", "to", "title", "by", "reason"),
    "undeliverable": ("event", "desk", "recipient", "reason"),
}
_HAPPENED: Mapping[str, tuple[Migration, ...]] = {}
HAPPENINGS: Mapping[str, Body[dict[str, Any]]] = {
    kind: Body(f"line {kind!r}", frozenset(keys), dict, _HAPPENED.get(kind, ()))
    for kind, keys in _FACTS.items()
}


def happening_body(kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What happened, as it is kept."""
    return HAPPENINGS[kind].numbered(facts) if kind in HAPPENINGS else dict(facts)


def facts_of(kind: str, kept: Mapping[str, Any], of: str) -> Mapping[str, Any]:
    """What happened, in today's form; a kind that nobody knows is given as it is. Raises
    Unreadable.
    """
    return HAPPENINGS[kind].read(kept, of) if kind in HAPPENINGS else kept


def incident_body(incident: Incident) -> dict[str, Any]:
    """An incident as it is kept."""
    return INCIDENT.numbered(cast(dict[str, Any], _incident.dump_python(incident, mode="json")))


def condition_body(condition: Condition) -> dict[str, Any]:
    """A condition as it is kept."""
    return CONDITION.numbered(cast(dict[str, Any], _condition.dump_python(condition, mode="json")))


def report_body(report: Audit) -> dict[str, Any]:
    """A morning report as it is kept."""
    return REPORT.numbered(report.to_dict())


def ticket_body(ticket: Ticket) -> dict[str, Any]:
    """A ticket as a letter keeps it."""
    return TICKET.numbered(ticket.to_dict())


def letter_of(kept: Mapping[str, Any], of: str) -> dict[str, Any]:
    """A letter's body in today's form, and so the ticket or the report in it. Raises Unreadable."""
    if "report" in kept:
        body = REPORT_LETTER.read(kept, of)
        return {**body, "report": REPORT.newest(body["report"], of)}
    body = TICKET_LETTER.read(kept, of)
    return {**body, "ticket": TICKET.newest(body["ticket"], of)}
