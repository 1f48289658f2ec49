"""Disks: how full, by bytes and by inodes; full in how many days; read-only, not mounted; RAID and
SMART.

    fill    statvfs(2) of each mount     disk-full, inodes-full, filling, read-only, not-mounted
    raid    /proc/mdstat                 raid-degraded
    smart   smartctl --json              smart-failing

Rule: days until full come from a robust slope through the values of the last fourteen days, not
from two of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from checks.host.check import HostCheck, Percent
from checks.kind import Duty
from checks.settings import Duration

Mount = Annotated[str, Field(pattern=r"^/")]


class HostDisks(HostCheck):
    """Fill, health and forecast of this host's disks."""

    KIND: ClassVar[str] = "host-disks"
    LOOKS_ONLY: ClassVar[bool] = True
    LOOK: ClassVar[str] = "disks"
    DUTY: ClassVar[Duty] = "servers"
    SAMPLE: ClassVar[str] = """
[checks.pbx-disks]
kind = "host-disks"
every = "5m"
warn = ["most_used_percent <= 80"]
"""
    WORST: ClassVar[tuple[str, ...]] = (
        "read-only", "disk-full", "inodes-full", "not-mounted", "smart-failing", "raid-degraded",
        "filling",
    )  # fmt: skip

    mounts: tuple[Mount, ...] = Field(default=(), examples=[["/", "/var/spool/asterisk"]])
    """mount points that have to be there; without any all of the host's real file systems"""
    exclude: tuple[Mount, ...] = Field(default=(), examples=[["/media/backup"]])
    """mount points to pass over"""
    most_used_percent: Percent = 95.0
    """from here on a file system is full, in bytes or in inodes"""
    warn_used_percent: Percent = 90.0
    """from here on it is a warning"""
    least_days: Duration = Field(default=2 * 86400.0, ge=0)
    """a file system that will be full sooner is a fault"""
    warn_days: Duration = Field(default=7 * 86400.0, ge=0)
    """a file system that will be full sooner is a warning"""
    smart: bool = True
    """ask the disks themselves (smartctl, which needs root)"""

    def rights(self) -> frozenset[str]:
        """The disks themselves too, where they are to be asked."""
        return super().rights() | ({"disks"} if self.smart else frozenset())

    def measures(self) -> Mapping[str, str]:
        """The worst of all file systems."""
        return {
            "fill_seconds": "looking at the file systems, in seconds",
            "raid_seconds": "looking at the RAID arrays, in seconds",
            "smart_seconds": "asking the disks, in seconds",
            "most_used_percent": "the fullest file system, in percent of its bytes",
            "most_inodes_percent": "the fullest file system, in percent of its inodes",
            "least_days_until_full": (
                "in how many days the first one will be full; only where one grows"
            ),
            "arrays": "RAID arrays",
            "disks": "disks that tell of their health",
        }
