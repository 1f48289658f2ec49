"""What a policy makes of a case, dated: for `reveille explain`, before anything has happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from monitor.core.contacts import Person, Recipient, audience, published
from monitor.core.failure import Case
from monitor.core.open_hours import due
from monitor.core.policy import Classification, Policy


@dataclass(frozen=True, slots=True)
class DatedTarget:
    """A promise with its instant, in the site's zone."""

    name: str
    seconds: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class DatedLevel:
    """A level with its instants, in the site's zone, and who is told (nobody: the level is passed
    over); of a level that nobody fills, the published desks too, which are not told.
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


def explained(
    policy: Policy,
    what: Case | str,
    region: str,
    opened_at: datetime,
    zone: str,
    people: Sequence[Person] = (),
) -> Explanation:
    """What becomes of a case (or of an issue, by its id) opened at an instant. Raises LookupError
    for an unknown id.
    """
    found = policy.reclassified(what) if isinstance(what, str) else policy.classify(what)
    local = ZoneInfo(zone)
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
            DatedTarget(name, seconds, due(opened_at, seconds, policy.calendar).astimezone(local))
            for name, seconds in found.severity.targets()
        ),
        ladder=found.ladder.name,
        levels=_levels(policy, found, region, opened_at, local, people),
    )


def _levels(
    policy: Policy,
    found: Classification,
    region: str,
    opened_at: datetime,
    zone: ZoneInfo,
    people: Sequence[Person],
) -> tuple[DatedLevel, ...]:
    # Both ends of a level are counted on the calendar of the policy, and only then shown on the
    # wall clock of the site.
    def local(after_seconds: int) -> datetime:
        return due(opened_at, after_seconds, policy.calendar).astimezone(zone)

    return tuple(
        DatedLevel(
            number=level.number,
            name=level.name,
            role=level.role,
            condition=level.condition,
            at=local(level.after_seconds),
            until=None if level.until_seconds is None else local(level.until_seconds),
            # Whom the site names takes the place of a published desk whole: to call both would
            # wake somebody for whom it is no business.
            who=audience(level.role, people) or published(policy, level.role, region),
        )
        for level in found.ladder.levels
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
