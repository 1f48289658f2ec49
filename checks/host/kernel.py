"""What the kernel complains about: memory that ran out, disks that fail, hardware that errs,
programs that crash.

    log      the journal, or `log`, or dmesg,       oom-kill, io-error, filesystem-error,
             since the last look                    hardware-error, hung-task
    counter  oom_kill of /proc/vmstat               oom-kill

Rule: each line counts once. Without a last look, the last 24 hours are looked at (of a file its
last megabyte).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from checks.host.check import HostCheck
from checks.kind import Duty
from checks.settings import LocalPath


class HostKernel(HostCheck):
    """Reads what the kernel of this host has said since the last look."""

    KIND: ClassVar[str] = "host-kernel"
    LOOKS_ONLY: ClassVar[bool] = True
    LOOK: ClassVar[str] = "kernel"
    DUTY: ClassVar[Duty] = "servers"
    SAMPLE: ClassVar[str] = """
[checks.pbx-kernel]
kind = "host-kernel"
every = "5m"
"""
    WORST: ClassVar[tuple[str, ...]] = (
        "hardware-error",
        "filesystem-error",
        "io-error",
        "oom-kill",
        "hung-task",
    )

    log: LocalPath | None = Field(default=None, examples=["/var/log/kern.log"])
    """the kernel's log where it is kept in a file; without it the journal is asked, or else
    dmesg
    """

    def measures(self) -> Mapping[str, str]:
        """How many lines, crashes and errors the kernel has told of."""
        return {
            "log_seconds": "reading the log, in seconds",
            "counter_seconds": "reading the kernel's counter, in seconds",
            "log_lines": "lines of the kernel's since the last look",
            "oom_kills": "programs that were ended because memory ran out",
            "kernel_errors": (
                "lines that tell of failing disks, file systems, hardware or of hung tasks"
            ),
            "crashes": "programs that crashed",
        }
