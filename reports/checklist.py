"""The daily checklist: what a centre has promised to see to every morning, and what the checks say
of it. The machine's part alone: a duty that no check sees to is said to be a person's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
    "backup",
    "cleanup",
    "voice-logs",
    "others",
)
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


def checklist(standing: Iterable[tuple[str, str, str]]) -> tuple[Duty, ...]:
    """What is promised, of (duty, check, state); "others" only where there are any,
    and whoever has no duty that is known here is one of them."""
    seen: dict[str, list[tuple[str, str]]] = {name: [] for name in DUTIES}
    for duty, check, state in standing:
        seen.get(duty, seen["others"]).append((check, state if state in _WORST else "UNKNOWN"))
    return tuple(_duty(name, found) for name, found in seen.items() if found or name != "others")


def _duty(name: str, found: list[tuple[str, str]]) -> Duty:
    state = min((state for _, state in found), key=_WORST.index, default="")
    return Duty(name, state, tuple(check for check, its in found if its == state))
