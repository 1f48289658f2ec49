"""Looks at systemd units and at processes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from checks.host.collectors.collector import Blind, Look, NotLooked, listed, need_all_processes
from checks.host.collectors.program import run
from checks.host.collectors.trend import kept, slope_a_day

STAGES = ("units", "failed", "processes")
_DAY_SECONDS = 86400.0
_SECONDS = 20.0
_SHOWN = "Id,LoadState,ActiveState,SubState,Result,NRestarts,MainPID"
# What systemctl says where systemd is not process 1, in a container say.
_NO_SYSTEMD = ("not been booted", "connect to bus")
# A small program doubles its few megabytes with its first log line.
_LEAST_GROWTH_MEGABYTES = 16.0
_GROWTH_DAYS = 3.0


def look(at: Look) -> None:
    """Look at the wanted units, at failed units and at the wanted processes."""
    memory: dict[str, float] = {}
    if at.settings["units"]:
        with at.stage("units"):
            units(at, memory)
    if at.settings["any_failed"]:
        with at.stage("failed"):
            failed(at)
    if at.settings["processes"]:
        with at.stage("processes"):
            processes(at, memory)
    grown(at, memory)


def units(at: Look, memory: dict[str, float]) -> None:
    """Judge the units that have to be active."""
    import psutil

    wanted = [name if "." in name else f"{name}.service" for name in at.settings["units"]]
    down, restarts = 0, 0
    counts: dict[str, Any] = {}
    for name in wanted:
        shown = _properties(_systemctl(at, "show", f"--property={_SHOWN}", "--", name))
        if not shown.get("ActiveState"):
            raise Blind(f"nothing is known of {name}: systemctl told no state of it")
        state = f"{shown.get('ActiveState')} ({shown.get('SubState')}, {shown.get('Result')})"
        # systemctl(1): `show` tells of an unknown unit "inactive (dead)" and leaves with 0.
        if shown.get("LoadState") == "not-found":
            state = "unknown to systemd"
        if shown.get("ActiveState") != "active":
            down += 1
            at.fault("unit-down", f"{name} is {state}")
        else:
            at.note(f"{name} is {state}")
        counts[name], lately = _restarts(at, name, int(shown.get("NRestarts") or 0))
        restarts += lately
        if lately >= at.settings["most_restarts"]:
            at.fault("restarting", f"{name} was restarted {lately} times within a day")
        if (number := int(shown.get("MainPID") or 0)) and psutil.pid_exists(number):
            memory[name] = psutil.Process(number).memory_info().rss / 1e6
    at.measure("units_down", down)
    at.measure("restarts", restarts)
    at.remember("restarts", counts)


def _restarts(at: Look, name: str, count: int) -> tuple[list[list[float]], int]:
    """What to remember of a unit's counter, and how often it was restarted within a day."""
    before = at.recalled.get("restarts", {}).get(name, [])
    past = [point for point in before if point[0] > at.now - _DAY_SECONDS] or before[-1:]
    counted = [*past, [at.now, count]]
    steps = pairwise(counted)
    # One look a minute keeps the changes of a day as far as they matter, and the body of the ledger
    # small.
    return counted[-400:], int(sum(b[1] - a[1] if b[1] >= a[1] else b[1] for a, b in steps))


def failed(at: Look) -> None:
    """Judge whether any unit is in the state "failed"."""
    said = _systemctl(
        at, "list-units", "--state=failed", "--all", "--plain", "--no-legend", "--no-pager"
    )
    names = [line.split()[0] for line in said.splitlines() if line.strip()]
    strange = [name for name in names if name not in at.settings["ignore"]]
    at.measure("units_failed", len(strange))
    if strange:
        at.fault("unit-failed", f"failed: {listed(strange)}")


def processes(at: Look, memory: dict[str, float]) -> None:
    """Judge whether the wanted programs run."""
    import psutil

    need_all_processes()
    wanted = at.settings["processes"]
    running: dict[str, list[float]] = {}
    for process in psutil.process_iter(["name", "exe", "status", "memory_info"]):
        known = process.info
        # A zombie has its name and does nothing.
        if known["status"] == psutil.STATUS_ZOMBIE:
            continue
        # The kernel cuts a name after 15 characters (proc_pid_comm(5)): the program's file has it
        # whole.
        for name in {known["name"], (known["exe"] or "").rpartition("/")[2]} & set(wanted):
            running.setdefault(name, []).append(
                known["memory_info"].rss / 1e6 if known["memory_info"] else 0.0
            )
    missing = [name for name in wanted if name not in running]
    at.measure("processes_missing", len(missing))
    for name, sizes in running.items():
        at.note(f"{name}: {len(sizes)} running, {sum(sizes):.0f} MB")
        memory[name] = sum(sizes)
    if missing:
        at.fault("process-missing", f"not running: {listed(missing)}")


def grown(at: Look, memory: Mapping[str, float]) -> None:
    """Warn of memory that grows for days."""
    before = at.recalled.get("memory", {})
    histories = {
        name: kept(before.get(name, ()), at.now, round(size, 2)) for name, size in memory.items()
    }
    at.remember("memory", histories)
    for name, points in histories.items():
        slope = slope_a_day(points, least_points=6, least_days=_GROWTH_DAYS)
        first = points[0][1]
        if slope is None or first <= 0 or points[-1][1] - first < _LEAST_GROWTH_MEGABYTES:
            continue
        if 100 * slope / first > at.settings["growth_percent"]:
            at.warning(
                f"{name} grows by {slope:.0f} MB a day: {first:.0f} MB then, {points[-1][1]:.0f}"
                " MB now"
            )


def _systemctl(at: Look, *words: str) -> str:
    try:
        done = run(["systemctl", *words], min(_SECONDS, at.left()))
    except NotLooked as why:
        no_systemd = any(words in str(why) for words in _NO_SYSTEMD)
        said = f"systemd does not run on this host: {why}" if no_systemd else str(why)
        if at.settings["units"]:
            raise Blind(f"nothing is known of the units: {said}") from None
        raise NotLooked(said, missing=why.missing or no_systemd) from None
    return done.output


def _properties(said: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
