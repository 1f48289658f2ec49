"""Security updates that wait, and a restart that is due.

    lists     the package manager's own lists     stale-lists
    updates   apt-get -s dist-upgrade, dnf updateinfo     security-updates
    restart   /run/reboot-required, needs-restarting      (a warning)

Rule: an update is a warning as soon as it waits and a fault when it has waited longer than
`within_days`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from checks.host.check import HostCheck
from checks.kind import Duty
from checks.settings import Duration


class HostUpdates(HostCheck):
    """Looks for pending security updates of this host."""

    KIND: ClassVar[str] = "host-updates"
    LOOKS_ONLY: ClassVar[bool] = True
    LOOK: ClassVar[str] = "updates"
    DUTY: ClassVar[Duty] = "servers"
    SAMPLE: ClassVar[str] = """
[checks.security-updates]
kind = "host-updates"
at = ["04:00"]
"""
    WORST: ClassVar[tuple[str, ...]] = ("security-updates", "stale-lists")

    patience: Duration = Field(default=7 * 86400.0, ge=0)
    """how long a security update may wait before it is a fault"""
    lists_age: Duration = Field(default=7 * 86400.0, gt=0)
    """how old the package manager's lists may be: with old ones nothing new is known"""
    within: Duration = Field(default=120.0, gt=0)
    """time budget; what was not reached by then is said"""

    def measures(self) -> Mapping[str, str]:
        """How many wait, and for how long."""
        return {
            "lists_seconds": "looking at the lists, in seconds",
            "updates_seconds": "asking the package manager, in seconds",
            "restart_seconds": "asking for a due restart, in seconds",
            "lists_days": "age of the package manager's lists, in days",
            "security_updates": "security updates that wait",
            "updates": "all updates that wait",
            "longest_wait_days": "since when the oldest security update was seen to wait, in days",
            "restart_due": "1 when a restart is due, else 0",
        }
