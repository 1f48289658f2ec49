"""What a newcomer begins with: an example of every section and of every kind of desk."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One table to begin with. What is not `live` is shown behind a '#'."""

    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    live: bool = True
    remark: str = ""
    omit: frozenset[str] = frozenset()
    """keys not to show, where they would contradict the values"""


SITE = {"name": "Pune", "timezone": "Asia/Kolkata", "region": "india", "policy": "ozonetel"}
ENTRIES: dict[str, tuple[Entry, ...]] = {
    "site": (Entry(values=SITE),),
    "lines": (
        Entry(
            "trunk-a",
            {
                "registrar": "sip.example.net",
                "user": "monitor",
                "password": {"credential": "trunk-a"},
            },
        ),
    ),
    "agents": (
        Entry(
            "agent-01",
            {
                "registrar": "sip.example.net",
                "user": "6001",
                "password": {"credential": "agent-01"},
            },
        ),
        Entry(
            "supervisor-01",
            {
                "registrar": "sip.example.net",
                "user": "6009",
                "password": {"credential": "supervisor-01"},
            },
        ),
    ),
    "maintenance": (
        Entry(
            values={"daily": "02:00-03:00", "days": ["sun"], "reason": "weekly database work"},
            live=False,
            omit=frozenset({"start", "end"}),
        ),
        Entry(
            values={
                "checks": ["main-number"],
                "start": datetime.datetime(2026, 12, 24, 22),  # noqa: DTZ001 - site time
                "end": datetime.datetime(2026, 12, 25, 2),  # noqa: DTZ001
            },
            live=False,
            omit=frozenset({"daily", "days", "reason"}),
        ),
    ),
    "audit": (Entry(values={"to": ["operations@example.net"]}, live=False),),
}
DESKS: dict[str, tuple[Entry, ...]] = {
    "built-in": (Entry("tickets"),),
    "mail": (
        Entry(
            "mail",
            {
                "host": "mail.example.net",
                "user": "reveille",
                "password": {"credential": "mail"},
                "sender": "reveille@example.net",
            },
            live=False,
        ),
    ),
}
