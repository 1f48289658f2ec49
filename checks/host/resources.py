"""Processor, load, memory, swap, descriptors, connection tracking, stuck processes, and the monitor
itself.

processor    /proc/stat, /proc/loadavg, /proc/pressure     overloaded
memory       /proc/meminfo, /proc/vmstat                   memory-low, swap-full
kernel       /proc/sys/fs/file-nr, nf_conntrack            descriptors-low, connections-full
processes    /proc/[0-9]*                                  stuck
monitor      this daemon's own memory and descriptors      monitor-memory
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from checks.host.check import HostCheck, Percent
from checks.kind import Duty
from checks.settings import Duration


class HostResources(HostCheck):
    """Looks at what this host has left to give."""

    KIND: ClassVar[str] = "host-resources"
    LOOKS_ONLY: ClassVar[bool] = True
    LOOK: ClassVar[str] = "resources"
    DUTY: ClassVar[Duty] = "servers"
    SAMPLE: ClassVar[str] = """
[checks.pbx-resources]
kind = "host-resources"
every = "5m"
"""
    WORST: ClassVar[tuple[str, ...]] = (
        "memory-low", "descriptors-low", "connections-full", "overloaded", "swap-full", "stuck",
        "monitor-memory",
    )  # fmt: skip

    sample: Duration = Field(default=1.0, ge=0.1, le=30)
    """how long the processor and the swap are watched"""
    most_load: float = Field(default=4.0, gt=0)
    """load of the last 15 minutes per processor from which on the host is overloaded"""
    least_memory_percent: Percent = 5.0
    """memory that programs can still get, in percent; less is a fault, less than its double a
    warning
    """
    most_swap_percent: Percent = 90.0
    """swap in use from which on it is a fault"""
    most_descriptors_percent: Percent = 90.0
    """file descriptors, and tracked connections, in use from which on it is a fault"""
    most_stuck: int = Field(default=20, ge=1)
    """processes that wait for a disk without end (state D), or are dead and not taken leave of
    (zombies)
    """
    most_monitor_megabytes: float = Field(default=500.0, gt=0)
    """memory of the monitor itself from which on it is a fault"""

    def measures(self) -> Mapping[str, str]:
        """What is used, and what is left."""
        return {
            "processor_seconds": "watching the processor, in seconds",
            "memory_seconds": "looking at the memory, in seconds",
            "kernel_seconds": "looking at the kernel's tables, in seconds",
            "processes_seconds": "going through the processes, in seconds",
            "monitor_seconds": "looking at the monitor itself, in seconds",
            "cpu_percent": "processor time in use while watched, in percent",
            "load_per_cpu": "load of the last 15 minutes per processor",
            "io_pressure_percent": (
                "time in which somebody waited for a disk, of the last 5 minutes, in percent"
            ),
            "memory_available_percent": "memory that programs can still get, in percent",
            "swap_percent": "swap in use, in percent",
            "swap_in_pages": "pages that came back from swap, a second",
            "descriptors_percent": "file descriptors in use of those there can be, in percent",
            "connections_percent": (
                "tracked connections of those there can be, in percent; only where they are tracked"
            ),
            "stuck_processes": "processes in state D, and zombies",
            "monitor_megabytes": "memory of the monitor itself, in megabytes",
            "monitor_descriptors": "descriptors that the monitor itself has open",
        }
