"""The daily checklist: what a centre has promised to see to every morning, and what the checks say
of it. The machine's part alone: a duty that no check sees to is said to be a person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

DUTIES: Mapping[str, tuple[str, ...]] = {
    "calls": ("sip-call", "pyvoip-call", "burst"),
    "trunks": ("sip-options", "sip-registration", "pri-snmp", "pri-ami"),
    "agents": ("queue-state", "webrtc-call", "webrtc-browser"),
    "dialer": ("outbound-dialer",),
    "portals": ("portal", "portal-browser", "ui-config"),
    "chat": ("chat", "websocket"),
    "integration": ("api", "webhook"),
    "reports": ("report", "usage"),
    "network": ("uplink", "dns", "tls-certificate", "smtp"),
    "servers": (
        *(
            "host-services",
            "host-resources",
            "host-disks",
            "host-kernel",
            "host-clock",
            "host-ports",
            "host-updates",
        ),
        *("database-health", "queue-depth"),
    ),
    "security": ("virus", "intrusion", "sip-abuse"),
    "backup": ("backup", "backup-proof"),
    "cleanup": ("hygiene",),
    "voice-logs": ("voice-log-archive",),
    "others": ("nagios-plugin",),
}
"""each duty, and the kinds of checks that see to it; templates say it in words"""
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
    """What is promised, of (kind, check, state); "others" only where there are any."""
    seen: dict[str, list[tuple[str, str]]] = {name: [] for name in DUTIES}
    for kind, check, state in standing:
        duty = next((name for name, kinds in DUTIES.items() if kind in kinds), "others")
        seen[duty].append((check, state if state in _WORST else "UNKNOWN"))
    return tuple(_duty(name, found) for name, found in seen.items() if found or name != "others")


def _duty(name: str, found: list[tuple[str, str]]) -> Duty:
    state = min((state for _, state in found), key=_WORST.index, default="")
    return Duty(name, state, tuple(check for check, its in found if its == state))
