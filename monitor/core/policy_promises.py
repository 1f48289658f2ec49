"""Reading what a policy promises: its calendars, its severities, and the targets of each.

response = "2h"                                             within two hours of the opening
recovery = { within = "6h", since = "level 3" }             of that level's turn on the ladder
rca = { within = "48h", since = "resolved", calendar = "support" }
response = { within = "10m", since = "escalated" }          of a formal escalation, if any
rca = { within = "48h", waits_for_evidence = true }         it may wait for evidence
prevention = { within = "3d", by = "level 4" }              owed by that level, of what it was told
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from monitor.core.calendar_plan import KNOWN, read_calendar
from monitor.core.policy_parts import Parts
from monitor.core.policy_terms import Severity, Since, Target
from monitor.core.sla import ANALYSES, STOPS
from monitor.core.table_reader import Table, keep_once, known_names

NEXT_RELEASE = "next release"
_SINCE_LEVEL = re.compile(r"level ([1-9])")
_SINCE: dict[str, Since] = {
    "opened": "opened",
    "resolved": "resolved",
    "escalated": "escalated",
}


def read_calendars(top: Table, parts: Parts) -> None:
    """The calendars that a policy has, and the one that it means where it names none."""
    for plan in KNOWN:
        parts.calendars[plan.name] = plan
    written = top.field("calendars")
    for name, body in written.items() if isinstance(written, Mapping) else ():
        with Table(body, f"calendars.{name}", parts.faults) as table:
            keep_once(table, "", name, read_calendar(name, table), parts.calendars)
    parts.calendar = calendar_of(top, parts)


def calendar_of(table: Table, parts: Parts, default: str | None = None) -> str:
    """The name of a calendar that there is."""
    name = table.text("calendar", default=default)
    if name and name not in parts.calendars:
        right = known_names(name, tuple(parts.calendars))
        table.fault("calendar", f"there is no calendar {name!r}", right)
    return name


def read_severities(top: Table, parts: Parts) -> None:
    """The severities, the worst first."""
    for rank, table in enumerate(top.tables("severity", "id", required=True)):
        severity = Severity(
            id=table.text("id"),
            name=table.text("name"),
            definition=table.text("definition", default=""),
            rank=rank,
            targets=tuple(_targets(table, parts)),
        )
        _check_order(table, severity)
        # Two of one id would make the rank, and so which of two cases is worse, depend on which is
        # found first.
        if any(severity.id == other.id for other in parts.severities):
            table.fault("id", "this severity is there twice", "give each its own id")
        parts.severities.append(severity)


def _targets(table: Table, parts: Parts) -> list[Target]:
    found: list[Target] = []
    for name in STOPS:
        written = table.field(name)
        # Nobody can set a clock to the next release; and a policy need not promise everything, but
        # an answer and an end.
        if written == NEXT_RELEASE or (written is None and name not in ("response", "resolution")):
            continue
        if isinstance(written, Mapping):
            with Table(written, f"{table.path}.{name}", parts.faults) as own:
                found.append(_target(own, name, parts))
        elif (seconds := table.duration(name)) is not None:
            found.append(Target(name, seconds, parts.calendar, *_default_since(name)))
    return found


def _default_since(name: str) -> tuple[Since]:
    # What is due after the end cannot count from the beginning.
    return ("resolved",) if name == "rca" else ("opened",)


def _target(table: Table, name: str, parts: Parts) -> Target:
    since, level = _since(table, _default_since(name)[0])
    waits = table.field("waits_for_evidence")
    if waits not in (None, True, False):
        table.fault("waits_for_evidence", f"{waits!r} does not do", "write true or false")
    if waits and name != "rca":
        table.fault("waits_for_evidence", "only an analysis waits for evidence", "leave it out")
    return Target(
        name,
        table.duration("within") or 0,
        calendar_of(table, parts, parts.calendar),
        since,
        level,
        _by(table, name),
        waits is True,
    )


def _by(table: Table, name: str) -> int:
    """The level that owes an analysis; 0 where nothing is written."""
    written = table.text("by", default="")
    level = _SINCE_LEVEL.fullmatch(written)
    if written and (level is None or name not in ANALYSES):
        right = 'write a level, as in by = "level 3", of an rca or prevention alone'
        table.fault("by", f"{written!r} does not do", right)
    return int(level[1]) if level else 0


def _since(table: Table, default: Since) -> tuple[Since, int]:
    written = table.text("since", default=default)
    if level := _SINCE_LEVEL.fullmatch(written):
        return "opened", int(level[1])
    if written not in _SINCE:
        right = 'write "opened", "resolved", "escalated" or a level, as in "level 3"'
        table.fault("since", f"{written!r} does not do", right)
    return _SINCE.get(written, default), 0


def _check_order(table: Table, severity: Severity) -> None:
    response, resolution = severity.target("response"), severity.target("resolution")
    if response and resolution and 0 < resolution.seconds < response.seconds:
        table.fault(
            "resolution",
            "it is due before the response",
            "write a resolution that is not the shorter one",
        )
