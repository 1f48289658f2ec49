"""What a look, a ticket and call records become in a morning report."""

from __future__ import annotations

import json
import logging
from typing import Any

from checks.contract import Check, Observation
from monitor.config import Configuration
from monitor.core.incident import Incident
from monitor.core.verdict import Verdict
from monitor.incidents.fault_words import evidence_words, words_of
from monitor.incidents.ticket_view import head, ticket_name
from reports.morning_report import Part, Trouble
from reports.usage import condensed

log = logging.getLogger(__name__)

# A year of usage by quarter hours is below 1 MB; what is larger was not written by the check.
_LARGEST_EXHIBIT = 20_000_000
_USAGE = "usage.json"


def topic(probe: Check) -> str:
    """The part of the report that tells of a check at length."""
    if probe.COUNTS_USAGE:
        return "usage"
    return "backups" if probe.BACKUPS != "none" else ""


def part(name: str, probe: Check, seen: Observation, verdict: Verdict, ticket: str) -> Part:
    """A part of the audit, as it was seen and judged."""
    fault, text = verdict.fault, words_of(name, probe, verdict)
    stages = {f"{stage.name.replace('-', '_')}_seconds" for stage in seen.stages}
    return Part(
        check=name,
        kind=probe.KIND,
        state=str(verdict.state),
        seconds=round(seen.seconds, 3),
        text=text,
        measures={name: value for name, value in seen.measures.items() if name not in stages},
        fault=f"{fault.stage}: {fault.code}" if fault else "",
        warnings=tuple(said for said in seen.warnings if said not in text),
        notes=seen.notes,
        ticket=ticket,
        topic=topic(probe),
    )


def trouble(configuration: Configuration, incident: Incident) -> Trouble:
    """A ticket, as the report lists it."""
    return Trouble(
        **head(incident, configuration.site.scope),
        closed_at=incident.closed_at,
        summary=evidence_words(configuration, incident.evidence),
        checks=(*incident.causes, *incident.attached),
        closing=incident.closing.value if incident.closing else "",
        goes_on_as=ticket_name(configuration, incident.goes_on_as) if incident.goes_on_as else "",
    )


def usage_of(name: str, seen: Observation) -> dict[str, Any] | None:
    """What a look at call records has left on disk."""
    path = next((exhibit.path for exhibit in seen.exhibits if exhibit.name == _USAGE), None)
    if path is None:
        return None
    try:
        # It was written by our own child, but lies where others may write: it is looked at before
        # it is read whole.
        if path.stat().st_size > _LARGEST_EXHIBIT:
            raise ValueError(f"{path} is too large")
        return condensed(name, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError):
        log.exception("action=usage_not_read check=%s", name)
        return None
