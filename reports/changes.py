"""What is not as it was in the report before: tickets, parts of the audit, checks, proofs. Pure.

Each change is (subject, what it was, what it is), in the words of the data; templates make the
sentence. Worst first.
"""

from __future__ import annotations

from collections.abc import Iterator

from reports.morning_report import Audit

Change = tuple[str, str, str]
# The states of a verdict; a ticket that is open goes before all of them.
_GRAVITY = {"FAILED": 0, "UNKNOWN": 1, "DEGRADED": 2, "OK": 3}


def changes(before: Audit, now: Audit) -> tuple[Change, ...]:
    """What has changed from one report to the next."""
    found = [*_tickets(before, now), *_parts(before, now), *_checks(before, now)]
    return tuple(sorted(found, key=_gravity))


def _gravity(change: Change) -> tuple[int, str]:
    is_now = change[2].split(" ")[0]
    return (0 if is_now == "open" else _GRAVITY.get(is_now, 3), change[0])


def _tickets(before: Audit, now: Audit) -> Iterator[Change]:
    were, are = ({one.number: one for one in report.open} for report in (before, now))
    for number, one in are.items():
        if number not in were:
            yield f"{number} {one.title}", "", "open"
    past = {one.number: one.closing for one in now.past}
    for number, one in were.items():
        if number not in are:
            yield f"{number} {one.title}", "open", past.get(number) or "closed"


def _parts(before: Audit, now: Audit) -> Iterator[Change]:
    were = {part.check: part.state for part in before.parts if part.ran}
    for part in now.parts:
        # A part that is new, or did not run, has nothing to be compared with.
        if part.ran and were.get(part.check, part.state) != part.state:
            yield part.check, were[part.check], part.state


def _checks(before: Audit, now: Audit) -> Iterator[Change]:
    """By their worst look of the day."""
    were = {line.check: line.worst for line in before.looks}
    parts = {part.check for part in now.parts}
    for line in now.looks:
        # A part of the audit is told of among the parts.
        if line.check not in parts and were.get(line.check, line.worst) != line.worst:
            yield line.check, were[line.check], line.worst
