"""The bodies of a ledger: what each kind of row keeps as JSON, and what changed since 0.1.0.

To change what a class keeps: change the class, append a migration here (one for each release), and
write the golden of the coming release: `REVEILLE_GOLDEN=write pytest tests/unit/test_bodies.py`,
which fails until all three are done (docs/kept-bodies.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, Required, TypedDict, cast

from pydantic import TypeAdapter

from checks.body import Body, added, derived, exact, removed, together, within
from checks.contract import Observation
from monitor.core.condition import Condition
from monitor.core.incident import Closing, Incident
from monitor.core.verdict import Verdict
from monitor.ledger import encoding
from monitor.ledger.report_migrations import REPORT_MIGRATIONS
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


_TICKET_2 = together(
    derived("closing", lambda told: _closing(told) or ""),
    added("goes_on_as", ""),
    within("clocks", added("paused", False)),
    added("opened_by", ""),
    added("request", ""),
    added("page", ""),
)
_TICKET_3 = together(added("target", ""), added("elsewhere", []))
_INCIDENT_3 = together(
    added("acknowledged_again", []),
    added("updated_at", None),
    added("eased_since", None),
    added("eased_rank", None),
)
_INCIDENTS = (_INCIDENT_2, _INCIDENT_3)
INCIDENT: Body[Incident] = Body("incident", Incident, _incident.validate_python, _INCIDENTS)
CONDITION: Body[Condition] = Body(
    "condition", Condition, _condition.validate_python, (added("looks_counted", 0),)
)
TICKET: Body[Ticket] = Body("ticket", Ticket, Ticket.from_dict, (_TICKET_2, _TICKET_3))
REPORT: Body[Audit] = Body("report", Audit, _report, REPORT_MIGRATIONS)
TICKET_LETTER: Body[dict[str, Any]] = Body("letter", TicketLetter, dict)
REPORT_LETTER: Body[dict[str, Any]] = Body("letter", ReportLetter, dict)
MAINTENANCE_LETTER: Body[dict[str, Any]] = Body("letter", MaintenanceLetter, dict)
RCA: Body[Rca] = Body("analysis", Rca, Rca.from_dict)
MAINTENANCE: Body[Ended] = Body("maintenance", Ended, Ended.from_dict)


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
