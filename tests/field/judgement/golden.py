"""Golden cases: what the vendors' documents make of a failure, written from the documents and not
from the policies.

A row is one failure with its severity, its owner, its clocks and its ladder, in minutes from the
opening.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from checks.kinds import kinds
from monitor import policies
from monitor.config.section_models import Person
from monitor.core.contacts import audience
from monitor.core.explain import Explanation, explained
from monitor.core.failure import Case

MONDAY = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ROLES = {
    "ozonetel": (
        "shift-team-leader",
        "director-technical-support",
        "change-request-level-2",
        "change-request-level-3",
    ),
    "exotel": ("level-1-support", "level-2-specialists", "level-3-experts", "client-it-team"),
    "xop": ("customer-staff", "support", "support-engineers", "product-development"),
    "voxeo": (
        "support-team",
        "account-manager",
        "director-customer-support",
        "vp-customer-experience",
        "chief-executive",
    ),
}


@dataclass(frozen=True, slots=True)
class Golden:
    """One failure, and what the document says of it; None and "" where it says nothing."""

    number: int
    says: str
    """the document's words for it, in short"""
    failure: tuple[str, ...]
    """kind, stage, code and, where it has one, component"""
    severity: str
    owner: str = ""
    """a word of the owner's name"""
    wrong: str = ""
    lost: int = 0
    of: int = 0

    @property
    def case(self) -> Case:
        """As the policy gets it."""
        kind, stage, code, *component = self.failure
        known = kinds().get(kind)
        layer = known.LAYER if known else Case("").layer
        return Case(
            kind, stage, code, "", component[0] if component else "", layer, "", self.lost, self.of
        )


def golden(rows: Iterable[Golden]) -> list[Any]:
    """The rows as parameters, the wrong ones expected to fail."""
    return [
        pytest.param(
            row,
            id=f"{row.number:02}-{row.says.replace(' ', '-')}",
            marks=(
                [pytest.mark.xfail(strict=True, raises=AssertionError, reason=row.wrong)]
                if row.wrong
                else []
            ),
        )
        for row in rows
    ]


def people(policy: str, roles: Sequence[str] | None = None) -> tuple[Person, ...]:
    """Somebody for every role of the policy, who is reached by mail."""
    wanted = ("operators", *ROLES[policy]) if roles is None else roles
    return tuple(Person(role=role, mail=f"{role}@example.net") for role in wanted)


def told(
    policy: str,
    case: Case,
    region: str = "usa",
    zone: str = "Asia/Kolkata",
    roles: Sequence[str] | None = None,
    opened: datetime = MONDAY,
) -> Explanation:
    """What `explain` would say."""
    found = policies.load(policy).at(zone)
    own = people(policy, roles)
    return explained(found, case, region, opened, zone, lambda role, at: audience(role, own))


def minutes(found: Explanation, clock: str) -> int | None:
    """When a clock runs out; None without one."""
    return next((target.seconds // 60 for target in found.targets if target.name == clock), None)


def rungs(found: Explanation) -> list[tuple[int, int]]:
    """Level and minutes after the opening."""
    return [
        (level.number, round((level.at.timestamp() - found.opened_at.timestamp()) / 60))
        for level in found.levels
    ]


def contacts(found: Explanation) -> list[str]:
    """Whom each level reaches, by every way."""
    return [
        ", ".join(way for who in level.who for way in (who.mail, who.phone) if way)
        for level in found.levels
    ]
