"""Looks at file systems, RAID arrays and disks."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from checks.host.collectors.collector import Look, NotLooked
from checks.host.collectors.mounts import Mount, View, view
from checks.host.collectors.program import run
from checks.host.collectors.trend import days_until, kept

STAGES = ("fill", "raid", "smart")
_DAY_SECONDS = 86400.0
# Read-only images are full by nature: snap packages, installation media.
_NO_ROOM_BY_NATURE = {"squashfs", "iso9660", "udf", "erofs"}
# A disk that sleeps takes some ten seconds to spin up before it answers.
_SMART_SECONDS = 20.0
# smartctl(8): the status is a set of bits. The second says that the device did not open; the others
# still come with a JSON in which the disk speaks, or does not.
_SMART_ANSWERS, _SMART_NOT_OPENED = range(256), 2
# The attributes that a failing ATA disk raises first; the others mean something else with each
# maker.
_SECTORS = {
    5: "reallocated sectors",
    197: "pending sectors",
    198: "sectors that cannot be corrected",
}


def look(at: Look) -> None:
    """Look at the file systems, the RAID arrays and the disks themselves."""
    with at.stage("fill"):
        fill(at)
    with at.stage("raid"):
        raid(at, Path("/proc/mdstat"))
    with at.stage("smart"):
        if not at.settings["smart"]:
            raise NotLooked("not wanted", missing=True)
        smart(at)


def fill(at: Look) -> None:
    """Bytes, inodes and the forecast of every file system."""
    histories: dict[str, Any] = {}
    used, inodes, days = [0.0], [0.0], []
    for mounted, where in _mounted(at):
        mount, known = mounted.point, os.statvfs(where)
        percent = (
            100
            # As df(1) counts: the blocks reserved for root are neither used nor free, so a file
            # system is full when users can write no more.
            * (known.f_blocks - known.f_bfree)
            / max(1, known.f_blocks - known.f_bfree + known.f_bavail)
        )
        inode_percent = (
            # Btrfs and XFS make inodes as they need them, Btrfs tells 0 (statvfs(3)).
            100 * (known.f_files - known.f_ffree) / known.f_files if known.f_files else 0.0
        )
        histories[mount] = kept(
            at.recalled.get("fill", {}).get(mount, ()), at.now, round(percent, 4)
        )
        left = days_until(histories[mount], 100.0)
        free = known.f_bavail * known.f_frsize / 1e9
        at.note(
            f"{mount}: {percent:.1f} % of bytes, {inode_percent:.1f} % of inodes, {free:.1f} GB"
            f" free{_soon(left)}"
        )
        # ext4 with errors=remount-ro becomes read-only by itself when its disk fails; services run
        # on, and lose what they write. One that is meant to take no writes may be full.
        meant = mounted.read_only and mount in _meant_read_only()
        if not meant:
            _judge(at, mount, percent, inode_percent, left)
        if mounted.read_only and not meant:
            at.fault("read-only", f"{mount} is mounted read-only")
        used.append(percent)
        inodes.append(inode_percent)
        days += [left] if left is not None else []
    at.measure("most_used_percent", max(used))
    at.measure("most_inodes_percent", max(inodes))
    if days:
        at.measure("least_days_until_full", min(days))
    at.remember("fill", histories)


def _judge(at: Look, mount: str, percent: float, inodes: float, left: float | None) -> None:
    limits = at.settings
    for code, value, unit in (("disk-full", percent, "bytes"), ("inodes-full", inodes, "inodes")):
        if value >= limits["most_used_percent"]:
            at.fault(code, f"{mount}: {value:.1f} % of its {unit} are used")
        elif value >= limits["warn_used_percent"]:
            at.warning(f"{mount}: {value:.1f} % of its {unit} are used")
    if left is None or percent >= limits["most_used_percent"]:
        return
    if left * _DAY_SECONDS < limits["least_days"]:
        at.fault("filling", f"{mount} will be full in {left:.1f} days")
    elif left * _DAY_SECONDS < limits["warn_days"]:
        at.warning(f"{mount} will be full in {left:.1f} days")


def _soon(left: float | None) -> str:
    return f", full in {left:.0f} days" if left is not None and left < 1000 else ""


def _mounted(at: Look) -> Iterator[tuple[Mount, Path]]:
    """The file systems to look at, and by which path. A wanted one that is not there is a fault.
    Raises NotLooked.
    """
    seen = view()
    if not seen.of_the_host:
        at.note("not looked at: the host's own mounts, which are hidden; these are this process's")
    chosen = list(_wanted(at, seen)) if at.settings["mounts"] else seen.disks()
    if not chosen and not at.settings["mounts"]:
        raise NotLooked("no file system of a disk is to be seen from here; name some in `mounts`")
    for one in chosen:
        if one.point in at.settings["exclude"] or one.kind in _NO_ROOM_BY_NATURE:
            continue
        if (path := seen.way(one)) is not None:
            yield one, path
        else:
            at.warning(
                f"not looked at: {one.point}: the service's sandbox (ProtectHome=, PrivateTmp=)"
                " covers it; loosen that in a drop-in, or write the mount into `exclude`"
            )


def _wanted(at: Look, seen: View) -> Iterator[Mount]:
    for point in at.settings["mounts"]:
        if (one := seen.at(point)) is not None:
            yield one
        else:
            at.fault("not-mounted", f"nothing is mounted at {point}")


def _meant_read_only() -> set[str]:
    try:
        written = Path("/etc/fstab").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    fields = [
        line.split()
        for line in written.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    return {field[1] for field in fields if len(field) > 3 and "ro" in field[3].split(",")}


def raid(at: Look, mdstat: Path) -> None:
    """Judge the arrays of Linux software RAID. Raises NotLooked where there are none."""
    try:
        written = mdstat.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise NotLooked("there is no software RAID on this host", missing=True) from None
    arrays = list(arrays_in(written))
    at.measure("arrays", len(arrays))
    for name, state, whole in arrays:
        at.note(f"{name}: {state}")
        if not whole:
            at.fault("raid-degraded", f"{name}: {state}")


def arrays_in(mdstat: str) -> Iterator[tuple[str, str, bool]]:
    """Each array of a /proc/mdstat: its name, its state in words, and whether it is whole."""
    # /proc/mdstat: a line with state, level and disks, then lines that are indented, with [2/1]
    # [U_] for an array of two that has one.
    for found in re.finditer(r"^(md\S+) : (.+)\n((?:^[ \t]+.*\n?)*)", mdstat, re.M):
        name, head, rest = found.groups()
        disks = re.search(r"\[(\d+)/(\d+)\] \[([U_]+)\]", rest)
        failed = re.findall(r"(?<!\S)([^\s\[]++)\[\d+\]\(F\)", head)
        work = re.search(r"(recovery|resync|reshape|check) = +([\d.]+%)", rest)
        words = [head.split()[0]]
        words += [f"{disks[2]} of {disks[1]} disks"] if disks else []
        words += [f"failed: {', '.join(failed)}"] if failed else []
        words += [f"{work[1]} at {work[2]}"] if work else []
        # The container of an array whose maker's own metadata lie on the disks (mdadm(8), imsm and
        # ddf) is never active: the arrays in it are ("external:/md127/0").
        container = re.search(r"super external:(?!/)", rest) is not None
        idle = head.startswith("inactive") and not container
        broken = bool(failed) or bool(disks and "_" in disks[3]) or idle
        yield name, ", ".join(words), not broken


def smart(at: Look) -> None:
    """What the disks say of themselves. Raises NotLooked."""
    scanned = _told(run(["smartctl", "--scan", "--json"], _SMART_SECONDS).output)
    counts: dict[str, Any] = {}
    for device, way in devices_in(scanned):
        command = ["smartctl", "--json", "-i", "-H", "-A", *way]
        done = run(command, min(_SMART_SECONDS, at.left()), answers=_SMART_ANSWERS)
        if done.status & _SMART_NOT_OPENED:
            at.note(f"not looked at: {device}: smartctl could not open it (it needs root)")
            continue
        told = _told(done.output)
        if said := judge_disk(at, device, told, at.recalled.get("smart", {}).get(device, {})):
            counts[device] = said
    at.remember("smart", counts)
    at.measure("disks", len(counts))
    if not counts:
        raise NotLooked("no disk here tells of its health", missing=True)


def devices_in(scanned: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The disks that smartctl has found: what each is called, and how it is asked."""
    for found in scanned.get("devices", ()):
        path, kind = str(found["name"]), str(found.get("type", ""))
        # smartctl(8), -d: disks behind a RAID controller share its path, and are told apart by a
        # number (megaraid,4; cciss,0; sat+areca,1/2). Other types are a guess of its scan.
        behind = "," in kind
        yield (
            f"{path} [{kind}]" if behind else path,
            [
                *([f"--device={kind}"] if behind else []),
                "--",
                path,
            ],
        )


def judge_disk(
    at: Look, device: str, told: Mapping[str, Any], before: Mapping[str, Any]
) -> dict[str, int]:
    """Judge one disk by what smartctl tells; its counters, to be remembered."""
    name = f"{device} ({told.get('model_name', 'unknown model')})"
    passed = told.get("smart_status", {}).get("passed")
    # USB bridges and virtual disks tell no health.
    if passed is None:
        return {}
    counters = {
        _SECTORS[row["id"]]: int(row["raw"]["value"])
        for row in told.get("ata_smart_attributes", {}).get("table", ())
        if row["id"] in _SECTORS
    }
    nvme = told.get("nvme_smart_health_information_log", {})
    counters |= {"media errors": int(nvme["media_errors"])} if "media_errors" in nvme else {}
    # NVMe: any bit of Critical Warning, such as spare below its threshold or read-only.
    if not passed or nvme.get("critical_warning"):
        at.fault("smart-failing", f"{name} says that it is failing")
    # A few reallocated sectors are normal for an old disk: what counts is that there are more than
    # before.
    for what, count in counters.items():
        if count > before.get(what, 0):
            at.warning(f"{name}: {count} {what}, {before.get(what, 0)} before")
    if nvme.get("percentage_used", 0) >= 100:
        at.warning(f"{name}: {nvme['percentage_used']} % of its life are used")
    warm = told.get("temperature", {}).get("current")
    at.note(
        f"{name}:"
        f" {'passed' if passed else 'FAILING'}{f', {warm} degrees C' if warm is not None else ''}"
    )
    return counters or {"passed": int(passed)}


def _told(output: str) -> Mapping[str, Any]:
    try:
        told = json.loads(output)
    except ValueError:
        raise NotLooked("smartctl gave no JSON (version 7 or newer is needed)") from None
    return told if isinstance(told, dict) else {}
