"""Incidents as tickets: what a person sees of one, as plain data for the templates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TypedDict

from checks.body import Unreadable
from monitor.config import Configuration
from monitor.core.escalation import standings
from monitor.core.incident import Evidence, Incident
from monitor.incidents.audiences import who_hears
from monitor.incidents.fault_words import evidence_target, evidence_words
from monitor.incidents.maintenances import hides
from monitor.ledger import HistoryRow, Ledger
from reports.command_views import IncidentLine
from reports.render import render_text
from reports.ticket import ClockLine, Finding, RungLine, StageLine, Ticket, TicketState

# The longest name of a site is that of any name (monitor/config/section_models.py).
_NUMBER = re.compile(r"(?:RV-)?([0-9]{1,12})(?:-([A-Za-z0-9][A-Za-z0-9_.-]{0,62}))?", re.I)


def number_of(written: str) -> int:
    """12 from "RV-12", "rv-12" or "12", and from "RV-12-Pune". Raises ValueError."""
    match = _NUMBER.fullmatch(written.strip())
    if not match:
        raise ValueError(f"{written!r} is no ticket number; write it as in 'RV-12'")
    return int(match[1])


def site_of(written: str) -> str:
    """The site that a ticket's number names; "" where it names none."""
    match = _NUMBER.fullmatch(written.strip())
    return (match[2] or "") if match else ""


def named(number: int | None, scope: str = "") -> str:
    """The number as people say it; with its site, where there are several."""
    return f"RV-{number if number is not None else '?'}{f'-{scope}' if scope else ''}"


def ticket_name(configuration: Configuration, number: int | None) -> str:
    """The number as people of this site say it."""
    return named(number, configuration.site.scope)


def no_ticket(configuration: Configuration, number: int) -> str:
    """What is said of a number that no ticket has."""
    name = ticket_name(configuration, number)
    return f"there is no ticket {name}; reveille tickets lists those that are open, --all all"


def state_of(incident: Incident) -> TicketState:
    """Where the ticket stands, in a word."""
    if not incident.open:
        return "closed"
    if incident.recovered_at:
        return "recovered"
    return "acknowledged" if incident.taken else "open"


class Head(TypedDict):
    """What every list says of a ticket, and the ticket itself."""

    number: str
    severity: str
    title: str
    state: TicketState
    owner: str
    opened_at: datetime
    rank: int
    request: str


def head(incident: Incident, scope: str = "") -> Head:
    """Which ticket it is, how bad, whose, and how it stands; `scope` is its site's, where there are
    several.
    """
    return Head(
        number=named(incident.number, scope),
        severity=incident.severity.id,
        title=incident.title,
        state=state_of(incident),
        owner=incident.owner_title,
        opened_at=incident.opened_at,
        rank=incident.severity.rank,
        request=incident.request,
    )


def view(ledger: Ledger, configuration: Configuration, incident: Incident, now: datetime) -> Ticket:
    """The ticket of an incident as it stands."""
    evidence, severity = incident.evidence, incident.severity
    hidden = all(hides(ledger, configuration, check, now) for check in incident.causes) and bool(
        incident.causes
    )
    history = ledger.history(incident.number) if incident.number is not None else []
    last = incident.acknowledgements[-1] if incident.acknowledgements else None
    return Ticket(
        **head(incident, configuration.site.scope),
        site=incident.site,
        timezone=configuration.site.timezone,
        summary=evidence_words(configuration, evidence) or incident.title,
        severity_name=severity.name,
        closed_at=incident.closed_at,
        recovered_at=incident.recovered_at,
        acknowledged_at=last[0] if last else None,
        acknowledged_by=last[1] if last else "",
        check=evidence.check,
        reasons=evidence.reasons,
        stages=stage_lines(evidence),
        findings=tuple(finding_lines(evidence)),
        exhibits=evidence.exhibits,
        clocks=clock_lines(configuration, incident, now),
        ladder=rung_lines(configuration, incident, now),
        history=tuple((row.at, history_line(row, evidence.reasons)) for row in history),
        times_bad=incident.times_bad,
        attached=incident.attached,
        muted=hidden,
        definition=severity.definition,
        policy=incident.policy,
        rule=incident.rule,
        closing=incident.closing.value if incident.closing else "",
        goes_on_as=ticket_name(configuration, incident.goes_on_as) if incident.goes_on_as else "",
        opened_by=incident.opened_by,
        page=page_of(configuration, incident.number),
        target=evidence_target(configuration, evidence),
    )


def page_of(configuration: Configuration, number: int | None) -> str:
    """Where people find the ticket on the status page; "" where nobody said how they reach it."""
    page = configuration.page
    if not (page and page.url and number):
        return ""
    return f"{page.url}{page_root(configuration)}/tickets/{ticket_name(configuration, number)}"


def page_root(configuration: Configuration) -> str:
    """What all addresses of a site's pages begin with, where there are several."""
    scope = configuration.site.scope
    return f"/sites/{scope}" if scope else ""


def clock_lines(
    configuration: Configuration, incident: Incident, now: datetime
) -> tuple[ClockLine, ...]:
    """Each promise with its time and how it stands."""
    shown = incident.clocks(now, configuration.policy.calendars)
    return tuple(
        ClockLine(c.name, c.due_at, c.state.value, c.at, c.paused and c.state.value == "running")
        for c in shown
    )


def rung_lines(
    configuration: Configuration, incident: Incident, now: datetime
) -> tuple[RungLine, ...]:
    """The dated ladder with how each level is reached here."""
    rungs = incident.rungs(now, configuration.policy.calendars)
    placed = standings(
        rungs, incident.levels_told, incident.levels_skipped, incident.levels_unheard
    )
    return tuple(
        RungLine(
            rung.level.number,
            rung.level.name,
            contact_of(configuration, rung.level.role, rung.at),
            rung.at,
            # A closed ticket has nobody left to tell: "next" would announce a message that never
            # comes.
            "later" if not incident.open and standing == "next" else standing,
        )
        for rung, standing in placed
    )


def contact_of(configuration: Configuration, role: str, now: datetime | None = None) -> str:
    """How a role, or who of it is on call at `now`, is reached at this site: mail and phone, or ""
    where nobody is.
    """
    ways = [
        way for one in who_hears(configuration, role, now) for way in (one.mail, one.phone) if way
    ]
    return ", ".join(dict.fromkeys(ways))


def stage_lines(evidence: Evidence) -> tuple[StageLine, ...]:
    """The stages of a look; why one broke stands among the reasons, and there alone."""
    return tuple(StageLine(name, seconds, passed) for name, seconds, passed in evidence.stages)


def finding_lines(evidence: Evidence) -> Iterator[Finding]:
    """What was found in each layer; what stands among the reasons is not said once more."""
    said = "; ".join(evidence.reasons)
    for one in evidence.findings:
        again = bool(one.text) and one.text in said
        yield Finding(one.layer.name.lower(), one.check, str(one.state), "" if again else one.text)


def incident_line(configuration: Configuration, incident: Incident, now: datetime) -> IncidentLine:
    """The ticket in a list."""
    running = [
        c for c in incident.clocks(now, configuration.policy.calendars) if c.name == "resolution"
    ]
    due_at = running[0].due_at if running else None
    return IncidentLine(**head(incident, configuration.site.scope), due_at=due_at)


def history_line(row: HistoryRow, reasons: tuple[str, ...] = ()) -> str:
    """What happened, in words; why a look failed only where the newest one failed otherwise."""
    try:
        facts = row.facts()
    except Unreadable as why:
        return str(why)
    if facts.get("reasons") and tuple(facts["reasons"][:1]) == reasons[:1]:
        facts = {**facts, "reasons": ()}
    return render_text("happening", kind=row.kind, facts=facts).strip()
