"""Looks at what the host has left to give."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from checks.host.collectors.collector import Look, NotLooked, listed, need_all_processes
from checks.host.collectors.trend import kept, slope_a_day

STAGES = ("processor", "memory", "kernel", "processes", "monitor")
_CONNTRACK = Path("/proc/sys/net/netfilter")
_GROWTH_PERCENT = 10.0


def look(at: Look) -> None:
    """Look at processor, memory, kernel tables, processes and the monitor itself."""
    swapped, began = _swapped_in(), time.monotonic()
    with at.stage("processor"):
        processor(at)
    with at.stage("memory"):
        memory(at, swapped, began)
    with at.stage("kernel"):
        kernel(at)
    with at.stage("processes"):
        processes(at)
    with at.stage("monitor"):
        monitor(at)


def processor(at: Look) -> None:
    """Measure the processor's time in use, the load and the pressure on disks."""
    import psutil

    at.measure("cpu_percent", psutil.cpu_percent(interval=at.settings["sample"]))
    cores = os.cpu_count() or 1
    # The 15 minutes' load: a compile or a backup that runs for a minute is nobody's trouble.
    load = os.getloadavg()[2] / cores
    at.measure("load_per_cpu", load)
    at.note(f"{cores} processors, load {' '.join(f'{one:.2f}' for one in os.getloadavg())}")
    if (pressure := _pressure("io")) is not None:
        at.measure("io_pressure_percent", pressure)
    if load >= at.settings["most_load"]:
        at.fault("overloaded", f"load of the last 15 minutes is {load:.1f} per processor")


def memory(at: Look, swapped: int, began: float) -> None:
    """Measure and judge memory and swap."""
    import psutil

    real, swap = psutil.virtual_memory(), psutil.swap_memory()
    # MemAvailable (proc_meminfo(5)) counts the caches that can be given back; free memory alone is
    # close to zero on every healthy host.
    available = 100 * real.available / real.total
    at.measure("memory_available_percent", available)
    at.measure("swap_percent", swap.percent)
    at.measure("swap_in_pages", (_swapped_in() - swapped) / max(0.01, time.monotonic() - began))
    at.note(f"{real.available / 1e9:.1f} of {real.total / 1e9:.1f} GB memory are available")
    least = at.settings["least_memory_percent"]
    if available < least:
        at.fault(
            "memory-low",
            f"{available:.1f} % of memory are available; the greediest: {_greediest()}",
        )
    elif available < 2 * least:
        at.warning(f"{available:.1f} % of memory are available; the greediest: {_greediest()}")
    if swap.total and swap.percent >= at.settings["most_swap_percent"]:
        at.fault("swap-full", f"{swap.percent:.0f} % of swap are in use")


def kernel(at: Look) -> None:
    """Judge how many descriptors and tracked connections are left."""
    used, _, most = map(int, Path("/proc/sys/fs/file-nr").read_text(encoding="ascii").split())
    limit = at.settings["most_descriptors_percent"]
    # proc_sys_fs(5): file-nr holds allocated, free (always 0 since Linux 2.6) and the greatest
    # number.
    percent = min(100.0, 100 * used / most)
    at.measure("descriptors_percent", percent)
    if percent >= limit:
        at.fault("descriptors-low", f"{used} of {most} file descriptors are in use")
    # A full table drops new connections while those that stand go on: calls are refused on a host
    # that seems idle.
    if (_CONNTRACK / "nf_conntrack_max").exists():
        count, most = (
            int((_CONNTRACK / f"nf_conntrack_{name}").read_text()) for name in ("count", "max")
        )
        at.measure("connections_percent", 100 * count / max(1, most))
        if 100 * count >= limit * most:
            at.fault(
                "connections-full",
                f"{count} of {most} connections are tracked: new ones will be dropped",
            )


def processes(at: Look) -> None:
    """Count the processes that wait for a disk without end, and the zombies."""
    import psutil

    need_all_processes()
    stuck = [
        f"{process.info['name']} ({process.pid})"
        for process in psutil.process_iter(["name", "status"])
        # State D: even SIGKILL waits for the disk or the network file system.
        if process.info["status"] in (psutil.STATUS_DISK_SLEEP, psutil.STATUS_ZOMBIE)
    ]
    at.measure("stuck_processes", len(stuck))
    if len(stuck) >= at.settings["most_stuck"]:
        at.fault("stuck", f"{len(stuck)} processes are stuck or dead: {listed(stuck, 5)}")


def monitor(at: Look) -> None:
    """Measure the daemon that started this process."""
    import psutil

    try:
        own = psutil.Process(at.monitor)
        size = own.memory_info().rss / 1e6
        at.measure("monitor_megabytes", size)
        at.measure("monitor_descriptors", own.num_fds())
    except psutil.Error as problem:
        raise NotLooked(f"the monitor's own process: {type(problem).__name__}") from None
    # A restart begins a new history: its memory starts low again.
    began = str(int(own.create_time()))
    points = kept(at.recalled.get("monitor", {}).get(began, ()), at.now, round(size, 2))
    at.remember("monitor", {began: points})
    # Three days: caches fill in the first hours after a start, and that is no leak.
    slope = slope_a_day(points, least_points=6, least_days=3.0)
    if slope is not None and slope > _GROWTH_PERCENT / 100 * points[0][1]:
        at.warning(f"the monitor itself grows by {slope:.1f} MB a day")
    if size >= at.settings["most_monitor_megabytes"]:
        at.fault("monitor-memory", f"the monitor itself takes {size:.0f} MB")


def _greediest() -> str:
    import psutil

    sizes = [
        (process.info["memory_info"].rss, process.info["name"])
        for process in psutil.process_iter(["name", "memory_info"])
        if process.info["memory_info"]
    ]
    return ", ".join(
        f"{name} {size / 1e6:.0f} MB" for size, name in sorted(sizes, reverse=True)[:3]
    )


def _swapped_in() -> int:
    found = re.search(r"^pswpin (\d+)$", Path("/proc/vmstat").read_text(encoding="ascii"), re.M)
    return int(found[1]) if found else 0


def _pressure(of: str) -> float | None:
    """Pressure stall information of the last 5 minutes, where the kernel gives it."""
    try:
        said = Path(f"/proc/pressure/{of}").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^some .*avg300=([\d.]+)", said, re.M)
    return float(found[1]) if found else None
