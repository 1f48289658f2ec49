"""Made-up incidents under a policy: who would be told what when, what would be missed, and which
rule or level nothing ever reaches. Pure; it asks the same functions as the daemon does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from checks.contract import Layer
from monitor.core.escalation import due_levels, ladder_times, next_rung, turn_of
from monitor.core.failure import Case
from monitor.core.policy import Policy
from monitor.core.policy_rules import FIELDS, Rule
from monitor.core.policy_terms import Classification, Level
from monitor.core.sla import UPDATE, ClockState, Event, Promise, clocks

Reaches = Callable[[str, str, datetime], bool]
"""whether a role reaches anybody of a severity at an instant"""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """One incident that nobody had."""

    case: Case
    opened_at: datetime
    resolved_at: datetime
    acknowledged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """What would have become of it: levels with the instants at which they are told, levels that
    reach nobody, and the promises that are missed.
    """

    of: MadeUp
    found: Classification
    told: tuple[tuple[datetime, Level], ...]
    empty: tuple[Level, ...]
    missed: tuple[str, ...]


def life(policy: Policy, one: MadeUp, reaches: Reaches) -> Life:
    """The whole life of one incident."""
    found = policy.classify(one.case)
    told: list[tuple[datetime, Level]] = []
    empty: list[Level] = []
    done: tuple[int, ...] = ()
    at: datetime | None = one.opened_at
    while at is not None and at < one.resolved_at:
        acknowledged = one.acknowledged_at is not None and one.acknowledged_at <= at
        due = due_levels(
            found.ladder, one.opened_at, at, done, acknowledged,
            reachable=_reaching(reaches, found.severity.id, at), calendars=policy.calendars,
        )  # fmt: skip
        told += [(at, rung.level) for rung in due.tell]
        empty += [rung.level for rung in due.empty]
        done = (*done, *due.numbers)
        following = next_rung(
            found.ladder, one.opened_at, done, acknowledged, calendars=policy.calendars
        )
        at = max(following.at, at) if following else None
    return Life(one, found, tuple(told), tuple(empty), _missed(policy, one, found))


def _reaching(reaches: Reaches, severity: str, at: datetime) -> Callable[[str], bool]:
    return lambda role: reaches(role, severity, at)


def _missed(policy: Policy, one: MadeUp, found: Classification) -> tuple[str, ...]:
    rungs = ladder_times(found.ladder, one.opened_at, policy.calendars)
    promises = [
        Promise(
            target.name,
            turn_of(rungs, target.since_level, one.opened_at),
            target.seconds,
            policy.calendars.get(target.calendar),
        )
        for target in found.severity.targets
        if target.since == "opened" and target.name != UPDATE
    ]
    events = [Event(one.resolved_at, "resolved")]
    if one.acknowledged_at is not None:
        events.insert(0, Event(one.acknowledged_at, "acknowledged"))
    seen = clocks(promises, events, one.resolved_at)
    return tuple(clock.name for clock in seen if clock.state is ClockState.BREACHED)


def cases_of(
    policy: Policy, looked_at: Iterable[Case], layers: Callable[[Case], Layer]
) -> list[Case]:
    """What may fail, for a policy: of everything that is looked at (its kind, check and component)
    each stage and code that some rule names, and a failure that no rule names.
    """
    found = dict[Case, None]()
    for case in looked_at:
        found[replace(case, layer=layers(case))] = None
        for rule in policy.rules:
            for made in _instances(rule, case, layers):
                found[made] = None
    return list(found)


def _instances(rule: Rule, case: Case, layers: Callable[[Case], Layer]) -> Iterator[Case]:
    for atom in rule.atoms():
        named = dict(zip(FIELDS, atom, strict=True))
        made = replace(case, stage=_word(named["stage"]), code=_word(named["code"]))
        made = replace(made, layer=layers(made))
        # Of another kind, component or layer: this check never fails so.
        if rule.fits(made):
            yield made


def _word(pattern: str) -> str:
    """A word that a pattern fits; a digit where it leaves one open, as in sip:5??."""
    return pattern.replace("*", "").replace("?", "0")
