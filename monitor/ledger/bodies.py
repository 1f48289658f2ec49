"""The bodies of a ledger: what each kind of row keeps as JSON, and what changed since 0.1.0.

To change what a class keeps: change the class, append a migration here (one for each release), and
write the golden of the coming release: `REVEILLE_GOLDEN=write pytest tests/unit/test_bodies.py`,
which fails until all three are done (docs/kept-bodies.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, Required, TypedDict, cast

from pydantic import TypeAdapter

from checks.body import Body, Migration, added, derived, exact, removed, together, within
from checks.contract import Observation
from monitor.core.condition import Condition
from monitor.core.incident import Closing, Incident
from monitor.core.verdict import Verdict
from monitor.ledger import encoding
from reports import usage
from reports.maintenance import Ended
from reports.morning_report import Audit
from reports.rca import Rca
from reports.ticket import Ticket

_incident, _condition = TypeAdapter(Incident), TypeAdapter(Condition)


class ObservationBody(TypedDict, total=False):
    """An observation without what is empty (monitor/ledger/encoding.py); lists stand by place."""

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


class MaintenanceLetter(TypedDict):
    """A letter of the end of a maintenance that a person began (reports.maintenance.Ended)."""

    maintenance: dict[str, Any]


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


# -- what 0.1.0 did not keep, as it was then


def _closing(told: dict[str, Any]) -> str | None:
    """0.1.0 kept no reason of an end. It took every end but a human's for a recovery."""
    if told.get("closed_at") is None:
        return None
    how = Closing.RESOLVED if told.get("recovered_at") is None else Closing.RECOVERED
    return how.value


def _targets(severity: dict[str, Any]) -> list[dict[str, Any]]:
    """0.1.0 knew two promises, each counted round the clock from the opening."""
    return [
        {
            "name": name,
            "seconds": severity[f"{name}_seconds"],
            "calendar": "24x7",
            "since": "opened",
            "since_level": 0,
            "by_level": 0,
            "waits_for_evidence": False,
        }
        for name in ("response", "resolution")
        if severity[f"{name}_seconds"]
    ]


_INCIDENT_2 = together(
    derived("closing", _closing),
    added("goes_on_as", None),
    added("unrepaired", []),
    added("unwatched_since", None),
    added("layer", None),
    added("failing_below", []),
    added("returns", 0),
    added("resolved_by", ""),
    added("classified_by", ""),
    added("classified_at", [0, 0]),
    added("seen_rank", None),
    added("reminded_at", None),
    added("joined_untold", []),
    added("joined_since", None),
    within("evidence", added("layer", None), added("lost", 0), added("of", 0)),
    within(
        "severity",
        derived("targets", _targets),
        removed("response_seconds"),
        removed("resolution_seconds"),
    ),
    within(
        "ladder",
        added("catch_up", False),
        within("levels", added("since_level", 0), added("calendar", "24x7")),
    ),
    added("levels_unheard", []),
    added("pauses", []),
    added("escalated_at", None),
    added("escalated_by", ""),
    added("rca_sent_at", None),
    added("prevention_sent_at", None),
    added("rca_waits", []),
    added("rca_steps", []),
    added("opened_by", ""),
    added("request", ""),
)


def _topic(part: dict[str, Any]) -> str:
    """0.1.0 knew the topic of a part by its kind's name alone."""
    topics = {"usage": "usage", "backup": "backups", "backup-proof": "backups"}
    return topics.get(part.get("kind", ""), "")


_TICKET_2 = together(
    derived("closing", lambda told: _closing(told) or ""),
    added("goes_on_as", ""),
    within("clocks", added("paused", False)),
    added("opened_by", ""),
    added("request", ""),
    added("page", ""),
)
_TICKET_3 = added("target", "")
# A report of before says of a closed ticket that it is closed, and no more.
_TROUBLE_2 = together(added("closing", ""), added("goes_on_as", ""), added("request", ""))
_REPORT_2 = together(
    within("open", _TROUBLE_2),
    within("past", _TROUBLE_2),
    within("parts", derived("topic", _topic)),
    added("maintenance", []),
    added("rca", []),
)
_REPORT_3 = together(
    within("backups", added("rehearsed", "")),
    added("answers", []),
    added("releases", []),
    added("compared_with", None),
    added("planned", []),
)

_INCIDENTS = (_INCIDENT_2, together(added("acknowledged_again", []), added("updated_at", None)))
INCIDENT: Body[Incident] = Body("incident", Incident, _incident.validate_python, _INCIDENTS)
CONDITION: Body[Condition] = Body(
    "condition", Condition, _condition.validate_python, (added("looks_counted", 0),)
)
TICKET: Body[Ticket] = Body("ticket", Ticket, Ticket.from_dict, (_TICKET_2, _TICKET_3))
REPORT: Body[Audit] = Body("report", Audit, _report, (_REPORT_2, _REPORT_3))
TICKET_LETTER: Body[dict[str, Any]] = Body("letter", TicketLetter, dict)
REPORT_LETTER: Body[dict[str, Any]] = Body("letter", ReportLetter, dict)
MAINTENANCE_LETTER: Body[dict[str, Any]] = Body("letter", MaintenanceLetter, dict)
RCA: Body[Rca] = Body("analysis", Rca, Rca.from_dict)
MAINTENANCE: Body[Ended] = Body("maintenance", Ended, Ended.from_dict)


# What a ticket's history keeps of each kind of happening (monitor/core/incident_transitions.py,
# monitor/delivery/outbox.py); reports/templates/terminal/happening.txt.j2 reads it. What happened
# to the monitor itself is written for people alone, but for its reports.
_FACTS: Mapping[str, tuple[str, ...]] = {
    "opened": ("check", "reasons"),
    "opened-by": ("by", "text", "request"),
    "joined": ("check",),
    "attached": ("checks",),
    "relapsed": ("check",),
    "flapping": ("check",),
    "left": ("check", "why"),
    "unwatched": ("checks",),
    "recovered": ("text", "hold_seconds"),
    "returned": ("check", "reasons", "after", "by", "worked"),
    "reopened": ("check", "reasons", "after", "by", "worked"),
    "closed": ("resolution", "by", "closing", "goes_on_as"),
    "confirmed": ("check",),
    "fails-below": ("check", "reason"),
    "outgrown": ("text", "severity", "lost", "of"),
    "escalated": ("level", "who", "skipped", "why", "missed"),
    "passed": ("skipped",),
    "reminded": ("text",),
    "called-up": ("by", "why"),
    "unheard": ("level", "who", "reason"),
    "paused": ("why", "by"),
    "resumed": ("by",),
    "breached": ("clock", "due_at"),
    "acknowledged": ("by",),
    "answered": ("by", "text"),
    "conference": ("text",),
    "replied": ("by", "way", "identity"),
    "rests": ("who", "until"),
    "note": ("by", "text"),
    "reclassified": ("was", "from", "to", "title", "by", "reason"),
    "undeliverable": ("event", "desk", "recipient", "reason"),
    "rca-drafted": ("by",),
    "rca-edited": ("by", "written"),
    "rca-sent": ("by", "part", "rca"),
    "rca-waits": ("by", "why"),
    "rca-goes-on": ("by",),
    "rca-due": ("part", "due_at", "owner"),
    # Of the monitor itself: monitor/incidents/maintenances.py reads them again.
    "maintenance-began": ("number", "checks", "until", "why", "by"),
    "maintenance-stopped": ("number", "by"),
    "maintenance-over": ("number",),
    # monitor/incidents/checklist_answers.py and monitor/audit/releases.py
    "checklist": ("line", "done", "text", "by"),
    "inventory": ("program", "configuration", "policy", "packages"),
}


def _closed_for(told: dict[str, Any]) -> str:
    """As of an incident: who is named has closed it, and else it was taken for a recovery."""
    return (Closing.RESOLVED if told.get("by") else Closing.RECOVERED).value


_HAPPENED: Mapping[str, tuple[Migration, ...]] = {
    "closed": (together(derived("closing", _closed_for), added("goes_on_as", None)),),
    # how it had been closed was not kept; it was always said to have worked for a while
    "reopened": (together(added("after", ""), added("by", ""), added("worked", True)),),
    "escalated": (added("missed", []),),
}
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


def rca_body(rca: Rca) -> dict[str, Any]:
    """An analysis as a letter and the history keep it."""
    return RCA.numbered(rca.to_dict())


def maintenance_letter(told: Ended) -> dict[str, Any]:
    """The body of a letter of the end of a maintenance."""
    return MAINTENANCE_LETTER.numbered({"maintenance": MAINTENANCE.numbered(told.to_dict())})


def letter_of(kept: Mapping[str, Any], of: str) -> dict[str, Any]:
    """A letter's body in today's form, and so the ticket or the report in it. Raises Unreadable."""
    if "report" in kept:
        body = REPORT_LETTER.read(kept, of)
        return {**body, "report": REPORT.newest(body["report"], of)}
    if "maintenance" in kept:
        body = MAINTENANCE_LETTER.read(kept, of)
        return {**body, "maintenance": MAINTENANCE.newest(body["maintenance"], of)}
    body = TICKET_LETTER.read(kept, of)
    extra = body.get("extra", {})
    if "rca" in extra:
        body = {**body, "extra": {**extra, "rca": RCA.newest(extra["rca"], of)}}
    return {**body, "ticket": TICKET.newest(body["ticket"], of)}
