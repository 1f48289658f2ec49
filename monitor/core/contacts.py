"""Who stands behind a role: the site's own people; where it names none, the policy's published
desks of its region.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from monitor.core.policy import Policy


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


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody, or some desk, that can be told. `published` says that the policy names it, not the
    site.
    """

    name: str
    mail: str = ""
    phone: str = ""
    published: bool = False


def audience(
    policy: Policy, role: str, region: str, people: Iterable[Person] = ()
) -> tuple[Recipient, ...]:
    """Everybody behind a role at a site in a region; () when nobody is."""
    # People of the site replace the published desk whole: beside them it would hear of every step
    # inside the house.
    own = tuple(
        Recipient(p.name or p.role, p.mail or "", p.phone or "") for p in people if p.role == role
    )
    return own or tuple(
        Recipient(d.title, d.mail, d.phone, True) for d in policy.contacts(role, region)
    )
