"""Who stands behind a role: the site's own people, and nobody else.

Rule: a policy's published desks are other companies' telephones and mailboxes. They are shown, and
never a route: a policy that was only chosen must not write to a stranger in the night. A first
level that nobody of the site fills is the operators' for its time, unless the next is nobody's
either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time
from typing import Protocol

from monitor.core.ladder_plan import LadderPlan
from monitor.core.policy import Policy
from monitor.core.rota import Rota, duties


class Person(Protocol):
    """An entry of the site's [[people]]."""

    @property
    def role(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def mail(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def quiet(self) -> tuple[time, time] | None: ...


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who is told; or, where `published`, a desk that the policy names and the site does
    not: shown, and never told.
    """

    name: str
    mail: str = ""
    phone: str = ""
    published: bool = False
    quiet: tuple[time, time] | None = None
    """hours of rest, in site time"""


def audience(
    role: str,
    people: Iterable[Person],
    rotas: Iterable[Rota] = (),
    now: datetime | None = None,
) -> tuple[Recipient, ...]:
    """Everybody whom the site names for a role, or who of them is on call at `now`; () when nobody
    is.
    """
    who = duties(rotas, role, now) if now is not None else None
    return tuple(
        Recipient(p.name or p.role, p.mail or "", p.phone or "", quiet=p.quiet)
        for p in people
        if p.role == role and who in (None, p.name or p.role)
    )


def stood_in_for(ladders: Iterable[LadderPlan], filled: Collection[str]) -> frozenset[str]:
    """The roles in whose place the operators stand, where somebody has each role of `filled`: they
    have a first level's work and its time, and the second takes over from them. Where that reaches
    nobody either, its turn passes on at once, to the first that does.
    """
    found: set[str] = set()
    for ladder in ladders:
        first = [level for level in ladder.levels if level.after == ladder.levels[0].after]
        later = ladder.levels[len(first) :]
        following = [level for level in later if level.after == later[0].after]
        if not any(level.role in filled for level in first) and any(
            level.role in filled for level in following
        ):
            found.add(first[0].role)
    return frozenset(found)


def published(policy: Policy, role: str, region: str) -> tuple[Recipient, ...]:
    """The desks that the policy publishes for a role in a region: told by nobody but a person who
    picks up a telephone.
    """
    return tuple(Recipient(d.title, d.mail, d.phone, True) for d in policy.contacts(role, region))
