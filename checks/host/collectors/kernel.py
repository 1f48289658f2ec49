"""Reads what the kernel has said since the last look."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from checks.host.collectors.collector import Look, NotLooked
from checks.host.collectors.new_lines import new_lines
from checks.host.collectors.program import run

STAGES = ("log", "counter")
_SECONDS = 60.0
_FIRST_SECONDS = 86400.0

# What a line of the kernel's is like that tells of a fault. The words are those of mm/oom_kill.c,
# block/blk-core.c, the drivers of ATA and NVMe, fs/ext4, fs/xfs, fs/btrfs, EDAC and the hung task
# and lockup detectors, old and new.
SIGNS = {
    "oom-kill": r"Out of memory: Kill|oom-kill:|Memory cgroup out of memory|invoked oom-killer",
    "io-error": (
        r"I/O error, dev|blk_update_request: .*error|Buffer I/O error|critical medium error|"
        r"ata\d+(\.\d+)?: (failed command|exception Emask)|nvme\d+: I/O \d+ .*timeout|"
        r"nvme nvme\d+: .*(timeout|controller is down)"
    ),
    "filesystem-error": (
        r"EXT4-fs error|XFS \(\S+\): .*(Corruption|shutting down|metadata I/O error)|"
        r"BTRFS (error|critical)|Remounting filesystem read-only|JBD2: .*[Ee]rror"
    ),
    "hardware-error": (
        r"\[Hardware Error\]|mce: .*(Machine check|Uncorrected)|EDAC .* [CU]E |"
        r"Uncorrectable (memory )?error|temperature above threshold"
    ),
    "hung-task": r"blocked for more than \d+ seconds|soft lockup|hard LOCKUP|rcu.*detected stalls",
}
_CRASH = re.compile(r"segfault at|general protection|traps: \S+\[\d+\] trap", re.I)


def look(at: Look) -> None:
    """Read the kernel's log, and its own counter of processes that it ended."""
    killed = 0
    with at.stage("log"):
        killed = log(at)
    with at.stage("counter"):
        counter(at, killed)


def log(at: Look) -> int:
    """Sort the lines; gives back how many tell of memory that ran out."""
    signs = {code: re.compile(pattern) for code, pattern in SIGNS.items()}
    found: dict[str, list[str]] = {code: [] for code in signs}
    lines = crashes = 0
    for line in _lines(at):
        lines += 1
        crashes += bool(_CRASH.search(line))
        for code, pattern in signs.items():
            if pattern.search(line):
                found[code].append(line)
                break
    at.measure("log_lines", lines)
    at.measure("crashes", crashes)
    at.measure("kernel_errors", sum(len(of) for code, of in found.items() if code != "oom-kill"))
    for code, of in found.items():
        if of:
            at.fault(code, f"{len(of)} since the last look, the last: {of[-1][:300]}")
    if crashes:
        at.warning(f"{crashes} programs crashed")
    # One victim has several lines ("invoked oom-killer", "oom-kill:", "Killed process"): only one
    # of them says Kill with a capital.
    killed = [line for line in found["oom-kill"] if "Kill" in line] or found["oom-kill"][:1]
    return len(killed)


def counter(at: Look, killed: int) -> None:
    """What the kernel counts itself, where its words were not to be had."""
    said = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(encoding="ascii"), re.M)
    if said is None:
        at.measure("oom_kills", killed)
        raise NotLooked("this kernel does not count them", missing=True)
    now, before = int(said[1]), at.recalled.get("oom_kill")
    # The counter begins anew with each start of the host.
    since = max(0, now - before) if before is not None and now >= before else 0
    at.remember("oom_kill", now)
    at.measure("oom_kills", max(since, killed))
    # The log was rotated away, or this user may not read it: the counter knows all the same.
    if since and not killed:
        at.fault("oom-kill", f"{since} programs were ended because memory ran out")


def _lines(at: Look) -> Iterator[str]:
    """The new lines of the best source there is."""
    if at.settings["log"]:
        yield from new_lines(at, Path(at.settings["log"]))
        return
    since = at.recalled.get("read_at", at.now - _FIRST_SECONDS)
    at.remember("read_at", at.now)
    try:
        journal = run(
            # -o cat: only the message. A user outside the group systemd-journal may get nothing and
            # status 0, which is why an empty answer does not count.
            ["journalctl", "-k", "-q", "-o", "cat", "--no-pager", f"--since=@{since:.0f}"],
            _budget(at),
        )
        if journal.output.strip():
            yield from journal.output.splitlines()
            return
    except NotLooked as why:
        at.note(f"not the journal: {why}")
    try:
        done = run(["dmesg", "--json"], _budget(at))
    except NotLooked as why:
        raise NotLooked(f"neither the journal nor dmesg: {why}") from None
    uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    # dmesg counts from the start of the host, and not while it slept: near enough for "since the
    # last look".
    for line in json.loads(done.output).get("dmesg", ()):
        if at.now - uptime + float(line["time"]) > since:
            yield str(line["msg"])


def _budget(at: Look) -> float:
    return min(_SECONDS, at.left())
