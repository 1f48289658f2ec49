"""The daily checklist: what a centre has promised to see to every morning, and what the checks say
of it. A duty that no check sees to is a person's: asked, and what was answered is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

# Each duty, in the order in which they are told; templates say it in words, and each kind says
# which it sees to.
DUTIES = (
    "calls",
    "trunks",
    "agents",
    "dialer",
    "portals",
    "chat",
    "integration",
    "reports",
    "network",
    "servers",
    "power",
    "security",
    "releases",
    "backup",
    "cleanup",
    "voice-logs",
    "others",
)
# A day, and the hours by which an answer may come earlier the next time.
_FRESH = timedelta(hours=28)
# UNKNOWN before DEGRADED: what could not be looked at may be down.
_WORST = ("FAILED", "UNKNOWN", "DEGRADED", "OK")


@dataclass(frozen=True, slots=True)
class Duty:
    """One line of it. `state` is the worst of its checks, "" where none sees to it; `checks` are
    those in it.
    """

    name: str
    state: str
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person has said of a line that no check sees to, newest."""

    name: str
    done: bool
    text: str
    by: str
    at: datetime

    def stands(self, now: datetime) -> bool:
        """Whether it still holds: a tick is of its day, a cross until it is ticked."""
        return not self.done or now - self.at <= _FRESH


@dataclass(frozen=True, slots=True)
class Release:
    """Something that is another than it was: `what` is "program", "configuration", "policy" or
    "package"; "" is what was not there.
    """

    what: str
    name: str
    before: str
    after: str


def checklist(
    standing: Iterable[tuple[str, str, str]], asked: Iterable[str] = ()
) -> tuple[Duty, ...]:
    """What is promised, of (duty, check, state); "others" only where there are any,
    and whoever has no duty that is known here is one of them. `asked` are the site's own lines,
    which a person answers.
    """
    seen: dict[str, list[tuple[str, str]]] = {name: [] for name in DUTIES}
    for duty, check, state in standing:
        seen.get(duty, seen["others"]).append((check, state if state in _WORST else "UNKNOWN"))
    duties = [_duty(name, found) for name, found in seen.items() if found or name != "others"]
    return (*duties, *(Duty(line, "") for line in asked))


def _duty(name: str, found: list[tuple[str, str]]) -> Duty:
    state = min((state for _, state in found), key=_WORST.index, default="")
    return Duty(name, state, tuple(check for check, its in found if its == state))
