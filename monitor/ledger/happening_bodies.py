"""The lines of a ticket's history: what is kept as JSON of each kind of happening, and what changed
since 0.1.0 (docs/kept-bodies.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checks.body import Body, Migration, added, derived, together
from monitor.core.incident import Closing

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
    "eased": ("text", "severity", "lost", "of"),
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
    "unowned": ("desk", "reason"),
    "replied": ("by", "way", "identity"),
    "rests": ("who", "until"),
    "note": ("by", "text"),
    "raised": ("was", "by", "reason", "from", "to", "check", "title", "worse"),
    "reclassified": ("was", "from", "to", "title", "severity", "by", "reason"),
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
    # which severity it was given was not kept, but only what it had been
    "reclassified": (added("severity", ""),),
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
