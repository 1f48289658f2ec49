"""Made-up incidents under a policy: who would be told what when, what would be missed, and which
rule or level nothing ever reaches. Pure; it asks the same functions as the daemon does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from checks.contract import Layer
from monitor.core.escalation import due_levels, ladder_times, next_rung, turn_of
from monitor.core.failure import Case
from monitor.core.policy import Policy
from monitor.core.policy_rules import FIELDS, Rule
from monitor.core.policy_terms import Classification, Level
from monitor.core.sla import ClockState, Event, Promise, clocks

Reaches = Callable[[str, str, datetime], bool]
"""whether a role reaches anybody of a severity at an instant"""

# Half of all outages end within three quarters of an hour, a few last for days: a log-normal
# spread, as times to repair have it (MIL-HDBK-472, procedure III).
_MEDIAN_SECONDS, _SPREAD, _LONGEST_SECONDS = 2700.0, 1.6, 14 * 86400.0
_ACKNOWLEDGED, _TO_ACKNOWLEDGE_SECONDS = 0.7, 600.0
_SEATS = 400


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
        if target.since == "opened"
    ]
    events = [Event(one.resolved_at, "resolved")]
    if one.acknowledged_at is not None:
        events.insert(0, Event(one.acknowledged_at, "acknowledged"))
    seen = clocks(promises, events, one.resolved_at)
    return tuple(clock.name for clock in seen if clock.state is ClockState.BREACHED)


def made_up(
    cases: Sequence[Case], start: datetime, end: datetime, count: int, seed: int
) -> Iterator[MadeUp]:
    """So many incidents between two instants, each case once before any comes twice; the same for
    the same seed.
    """
    chance = random.Random(seed)  # noqa: S311 - a made-up week, no secret
    span = (end - start).total_seconds()
    order = chance.sample(list(cases), len(cases)) if cases else []
    for number in range(count if cases else 0):
        case = order[number] if number < len(order) else chance.choice(order)
        opened_at = start + timedelta(seconds=round(chance.uniform(0, span)))
        lasts = min(_MEDIAN_SECONDS * chance.lognormvariate(0, _SPREAD), _LONGEST_SECONDS)
        lost = chance.choice((0, 0, chance.randint(1, _SEATS)))
        acknowledged = opened_at + timedelta(
            seconds=round(chance.expovariate(1 / _TO_ACKNOWLEDGE_SECONDS))
        )
        resolved_at = opened_at + timedelta(seconds=round(lasts) + 1)
        taken = chance.random() < _ACKNOWLEDGED and acknowledged < resolved_at
        yield MadeUp(
            replace(case, lost=lost, of=_SEATS if lost else 0),
            opened_at,
            resolved_at,
            acknowledged if taken else None,
        )


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
