"""The service's side of service.py: who asks over a Unix socket that systemd has opened, and what.
Only the daemon of the unit, or root, may ask; a job is bounded, and whoever lets go of the
connection ends the work.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import threading
from collections.abc import Set
from pathlib import Path
from typing import Any

# What a look remembers of a host with some thousand packages and files, several times over.
_LONGEST_JOB = 32 << 20
# A daemon writes its job at once.
_JOB_SECONDS = 10.0
_UCRED = struct.Struct("iII")
_PROC = Path("/proc")
# Where systemd as the first process of a host or a container has itself (systemd.special(7)).
_FIRST = "/init.scope"


class NotAsked(Exception):
    """Who asks may not, or what is asked is no job of this service."""


def asked_for(unit: str) -> tuple[int, bytes]:
    """The process that asks over standard input, and its job; when it lets go of the connection
    later on, this process ends. Raises NotAsked, OSError.
    """
    with socket.socket(fileno=os.dup(0)) as peer:
        asked = allowed(peer, unit), received(peer)
    threading.Thread(target=end_with_whoever_asked, args=(0,), daemon=True).start()
    return asked


def table(written: bytes, keys: Set[str]) -> dict[str, Any]:
    """A job of exactly these keys. Raises NotAsked."""
    try:
        job = json.loads(written)
    except (ValueError, RecursionError):
        raise NotAsked("the job is no JSON") from None
    if not isinstance(job, dict) or set(job) != keys:
        raise NotAsked(f"a job has exactly {', '.join(sorted(keys))}")
    return job


def allowed(peer: socket.socket, unit: str, root: int = 0) -> int:
    """The process at the other end of a connection. Raises NotAsked, OSError."""
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    process, user, _group = _UCRED.unpack(credentials)
    if user == root:
        return int(process)
    # A child of the daemon (a browser, a plugin) has another parent than systemd.
    parent = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
    if parent != "1" or not of_unit(process, user, unit):
        raise NotAsked(f"process {process} of user {user} is not the daemon of {unit}")
    return int(process)


def of_unit(process: int, user: int, unit: str, proc: Path = _PROC) -> bool:
    """Whether a process is this user's, and in a unit of the system's own manager. Raises OSError
    where there is no such process.
    """
    # Whoever connected may have ended, and the number be another process's by now.
    status = (proc / str(process) / "status").read_text(encoding="utf-8", errors="replace")
    owners = next(line.split() for line in status.splitlines() if line.startswith("Uid:"))
    first, there = _groups_of(proc / "1"), _groups_of(proc / str(process))
    return int(owners[2]) == user and any(
        _of_system(path, first.get(hierarchy, ""), unit) for hierarchy, path in there.items()
    )


def _groups_of(process: Path) -> dict[str, str]:
    """Hierarchy -> control group (cgroups(7))."""
    written = (process / "cgroup").read_text(encoding="utf-8", errors="surrogateescape")
    return {line.rpartition(":")[0]: line.rpartition(":")[2] for line in written.split("\n")}


def _of_system(path: str, first: str, unit: str) -> bool:
    """Whether this is the group of the system's unit. Below its own `user@1000.service` every user
    may name groups as he likes, and have a process of his put there
    (org.freedesktop.systemd1(5), AttachProcessesToUnit): above the system's stand slices alone.
    """
    above = f"{first.removesuffix(_FIRST)}/"
    *slices, last = path.removeprefix(above).split("/")
    return path.startswith(above) and last == unit and all(s.endswith(".slice") for s in slices)


def received(peer: socket.socket) -> bytes:
    """The job, to its end. Raises NotAsked, OSError."""
    peer.settimeout(_JOB_SECONDS)
    job = bytearray()
    while data := peer.recv(65536):
        job += data
        if len(job) > _LONGEST_JOB:
            raise NotAsked(f"a job of more than {_LONGEST_JOB} bytes")
    peer.settimeout(None)
    return bytes(job)


def end_with_whoever_asked(connection: int) -> None:
    """Whoever asked has gone: systemd ends what this process has started."""
    gone = select.poll()
    # POLLHUP alone (poll(2)): the daemon has closed its half as soon as the job was written.
    gone.register(connection, 0)
    gone.poll()
    os._exit(1)
