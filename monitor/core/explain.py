"""What a policy makes of a case, dated: for `reveille explain`, before anything has happened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from monitor.core.contacts import Recipient, published
from monitor.core.escalation import Rung, ladder_times, turn_of
from monitor.core.failure import Case
from monitor.core.open_hours import due
from monitor.core.policy import Policy
from monitor.core.policy_terms import ROUND_THE_CLOCK, Target


@dataclass(frozen=True, slots=True)
class DatedTarget:
    """A promise with its instant, in the site's zone; one that counts from the resolution, or from
    a formal escalation (`since`), has none yet.
    """

    name: str
    seconds: int
    due_at: datetime | None
    since: str = "opened"
    since_level: int = 0
    """whose turn on the ladder it counts from, where that is not the opening"""
    working_time: bool = False
    """whether only the hours of a calendar count"""


@dataclass(frozen=True, slots=True)
class DatedLevel:
    """A level with its instants, in the site's zone, and who is told (nobody: the level is passed
    over); of a level that nobody of its own fills, the published desks too, which are not told.
    """

    number: int
    name: str
    role: str
    condition: str
    at: datetime
    until: datetime | None
    who: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Issue, severity, owner, dated targets and dated ladder."""

    policy: str
    version: str
    rule: str
    issue: str
    title: str
    owner: str
    severity: str
    severity_name: str
    definition: str
    opened_at: datetime
    targets: tuple[DatedTarget, ...]
    ladder: str
    levels: tuple[DatedLevel, ...]

    def to_dict(self) -> dict[str, object]:
        """The explanation as plain data, instants in ISO 8601 with their offset."""
        return cast(dict[str, object], _plain(asdict(self)))


def _nobody(role: str, at: datetime) -> tuple[Recipient, ...]:  # noqa: ARG001 - no site, so nobody
    return ()


def explained(
    policy: Policy,
    what: Case | str,
    region: str,
    opened_at: datetime,
    zone: str,
    who_hears: Callable[[str, datetime], tuple[Recipient, ...]] = _nobody,
    stood_in_for: Collection[str] = (),
) -> Explanation:
    """What becomes of a case (or of an issue, by its id) opened at an instant. `who_hears` says
    whom the site tells as a role at an instant; `stood_in_for` are the roles whose levels it tells
    by its operators. Raises LookupError for an unknown id.
    """
    found = policy.reclassified(what) if isinstance(what, str) else policy.classify(what)
    local = ZoneInfo(zone)
    rungs = ladder_times(found.ladder, opened_at, policy.calendars)
    return Explanation(
        policy=policy.name,
        version=policy.version,
        rule=found.rule,
        issue=found.issue.id,
        title=found.issue.title,
        owner=found.owner_title,
        severity=found.severity.id,
        severity_name=found.severity.name,
        definition=found.severity.definition,
        opened_at=opened_at.astimezone(local),
        targets=tuple(
            DatedTarget(
                one.name,
                one.seconds,
                _due(policy, one, rungs, opened_at, local),
                one.since,
                one.since_level,
                one.calendar != ROUND_THE_CLOCK,
            )
            for one in found.severity.targets
        ),
        ladder=found.ladder.name,
        levels=tuple(
            DatedLevel(
                number=rung.level.number,
                name=rung.level.name,
                role=rung.level.role,
                condition=rung.level.condition,
                at=rung.at.astimezone(local),
                until=until.astimezone(local) if until else None,
                who=_who(policy, rung, region, who_hears(rung.level.role, rung.at), stood_in_for),
            )
            for rung, until in (
                (rung, _until(policy, place, rungs, opened_at)) for place, rung in enumerate(rungs)
            )
        ),
    )


def _who(
    policy: Policy,
    rung: Rung,
    region: str,
    told: tuple[Recipient, ...],
    stood_in_for: Collection[str],
) -> tuple[Recipient, ...]:
    """Whom the site names takes the place of a published desk whole: to call both would wake
    somebody for whom it is no business. The operators do not: it is for them to call it.
    """
    role = rung.level.role
    desks = () if told and role not in stood_in_for else published(policy, role, region)
    return (*told, *desks)


def _due(
    policy: Policy, target: Target, rungs: Sequence[Rung], opened_at: datetime, zone: ZoneInfo
) -> datetime | None:
    if target.since != "opened":
        return None
    since = turn_of(rungs, target.since_level, opened_at)
    return due(since, target.seconds, policy.calendars.get(target.calendar)).astimezone(zone)


def _until(
    policy: Policy, place: int, rungs: Sequence[Rung], opened_at: datetime
) -> datetime | None:
    """When the level's time is over: as the policy says, else when the next one's turn is."""
    level = rungs[place].level
    if level.until_seconds is None:
        return rungs[place + 1].at if place + 1 < len(rungs) else None
    since = turn_of(rungs, level.since_level, opened_at)
    return due(since, level.until_seconds, policy.calendars.get(level.calendar))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
