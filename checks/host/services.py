"""Services and processes: what has to run runs, nothing has failed, nothing restarts over and over
or grows for days.

    units      systemctl show         unit-down, restarting
    failed     systemctl list-units   unit-failed
    processes  /proc                  process-missing

Rule: growth is a robust slope of memory over the last days, and a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from checks.host.check import HostCheck
from checks.kind import Duty

Unit = Annotated[str, Field(pattern=r"^[A-Za-z0-9:_.\\@-]+$")]


class HostServices(HostCheck):
    """Looks at systemd units and at processes of this host."""

    KIND: ClassVar[str] = "host-services"
    LOOKS_ONLY: ClassVar[bool] = True
    LOOK: ClassVar[str] = "services"
    DUTY: ClassVar[Duty] = "servers"
    SAMPLE: ClassVar[str] = """
[checks.pbx-services]
kind = "host-services"
every = "1m"
units = ["asterisk", "postgresql@15-main"]
"""
    WORST: ClassVar[tuple[str, ...]] = ("unit-down", "process-missing", "restarting", "unit-failed")

    units: tuple[Unit, ...] = Field(default=(), examples=[["asterisk", "postgresql@15-main"]])
    """systemd units that have to be active"""
    processes: tuple[str, ...] = Field(default=(), examples=[["asterisk", "rtpengine"]])
    """names of programs that have to run, where no unit tells"""
    any_failed: bool = True
    """whether any other unit in the state "failed" is a fault too"""
    ignore: tuple[Unit, ...] = Field(default=(), examples=[["motd-news.service"]])
    """failed units to pass over"""
    most_restarts: int = Field(default=3, ge=1)
    """restarts by systemd within a day from which on a unit is at fault"""
    growth_percent: float = Field(default=10.0, gt=0)
    """memory that grows faster than this in a day, over three days and more, is a warning"""

    def measures(self) -> Mapping[str, str]:
        """What runs, and what does not."""
        return {
            "units_seconds": "asking for the units, in seconds",
            "failed_seconds": "asking for failed units, in seconds",
            "processes_seconds": "going through the processes, in seconds",
            "units_down": "units that have to be active and are not",
            "units_failed": "units in the state failed",
            "processes_missing": "programs that have to run and do not",
            "restarts": "restarts by systemd within a day, of all units named",
        }
