"""Reading the ladders of a policy: who is told after how long.

after = "2h"                     from the opening
after = "20m", since = 4         from the turn of level 4
after = "recovery"               when the recovery is due: one fact, written once
after = "1/3 of resolution"      a part of what the severity promises
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

from monitor.core.ladder_plan import LadderPlan, LevelPlan, Moment
from monitor.core.policy_parts import Parts
from monitor.core.policy_promises import calendar_of
from monitor.core.policy_terms import Condition
from monitor.core.sla import STOPS, UPDATE
from monitor.core.table_reader import Table, keep_once, known_names

# Each word stands for itself: the keys are what a file may say, the values are the Literal that the
# type checker knows.
_CONDITIONS: dict[str, Condition] = {
    "not-resolved": "not-resolved",
    "not-acknowledged": "not-acknowledged",
}
_PART = re.compile(r"(?:(?P<of>[1-9]\d?)/(?P<whole>[1-9]\d?) of )?(?P<clock>[a-z]+)")


def read_ladders(table: Table, parts: Parts) -> None:
    """Every [ladders.NAME]."""
    written = table.field("ladders")
    if not isinstance(written, Mapping) or not written:
        table.fault("ladders", "it is missing", "write at least one [ladders.NAME] with its levels")
        return
    for name in written:
        path = f"{table.path}.ladders.{name}".lstrip(".")
        with Table(written[name], path, parts.faults) as entry:
            keep_once(entry, "", name, _ladder(name, entry, parts), parts.ladders)


def _ladder(name: str, table: Table, parts: Parts) -> LadderPlan:
    calendar = calendar_of(table, parts, "")
    levels = tuple(
        _level(level, parts, calendar) for level in table.tables("levels", "name", required=True)
    )
    catch_up = table.field("catch_up")
    if catch_up not in (None, True, False):
        table.fault("catch_up", f"{catch_up!r} does not do", "write true or false")
    _check(table, levels)
    return LadderPlan(name, levels, catch_up is True)


def _level(table: Table, parts: Parts, calendar: str) -> LevelPlan:
    condition = table.text("condition", default="not-resolved")
    if condition and condition not in _CONDITIONS:
        right = known_names(condition, tuple(_CONDITIONS))
        table.fault("condition", f"there is no condition {condition!r}", right)
    after = _moment(table, "after")
    until = _moment(table, "until") if table.field("until") is not None else None
    if until and not until.clock and not after.clock and until.seconds <= after.seconds:
        right = "write a time after its 'after'"
        table.fault("until", "the level would end before it begins", right)
    own = calendar_of(table, parts, calendar)
    return LevelPlan(
        number=table.number("number"),
        name=table.text("name"),
        role=table.text("role"),
        after=after,
        until=until,
        condition=_CONDITIONS.get(condition, "not-resolved"),
        since_level=table.number("since", default=0),
        # A level that hangs on a promise has its calendar: the two are one instant then.
        calendar=own or ("" if after.clock else parts.calendar),
    )


def _moment(table: Table, key: str) -> Moment:
    written = table.field(key)
    found = _PART.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        return Moment(table.duration(key) or 0)
    # What follows the end is no level's turn, and the next word to the customer is nobody's.
    promised = tuple(name for name in STOPS if name not in ("rca", UPDATE))
    if found["clock"] not in promised:
        right = known_names(found["clock"], promised)
        table.fault(key, f"nothing is promised as {found['clock']!r}", right)
    part = Fraction(int(found["of"]), int(found["whole"])) if found["of"] else Fraction(1)
    return Moment(0, found["clock"], part)


def _check(table: Table, levels: tuple[LevelPlan, ...]) -> None:
    # The ledger keeps who was told by level number: a gap or a repetition would make it say so of
    # somebody else.
    if [level.number for level in levels] != list(range(1, len(levels) + 1)):
        table.fault(
            "levels",
            "the numbers are not 1, 2, 3 ...",
            "number the levels from 1, in the order they are told",
        )
    for level in levels:
        if level.since_level >= max(level.number, 1):
            table.fault("levels", "a level follows one above it", "follow a level below")
    plain = [level for level in levels if not level.after.clock and not level.since_level]
    if any(late.after.seconds < early.after.seconds for early, late in pairwise(plain)):
        table.fault(
            "levels",
            "a level is told before the one below it",
            "let 'after' grow from level to level",
        )
