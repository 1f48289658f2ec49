"""Looks at the host for the daemon, with the rights that it does not have: `python -m
checks.host.look_service UNIT`, started by systemd for each connection (reveille-hostlooks.socket),
with the connection as its standard input and output.

    daemon -> {"look": "disks", "settings": {…}, "recalled": {…}, …}   and no more
    daemon <- the events of process/child.py, as from a child of its own

It may read all of the host, so it does nothing but the looks of this house: who asks is the first
process of UNIT, or root (SO_PEERCRED, unix(7)); the look is one of a list; its settings are those
of the look's own kind, read by the model that reads the configuration; the job and the answer are
bounded. What comes is data: nothing of it is run, imported by its name, or given to a shell.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from checks.host import child
from checks.host.check import HostCheck
from checks.kinds import kinds
from checks.process.child import Tell, telling
from checks.settings import Secret, Settings

# What a look remembers of a host with some thousand packages and files, several times over.
_LONGEST_JOB = 32 << 20
_LONGEST_ANSWER = 64 << 20
# A daemon writes its job at once.
_JOB_SECONDS = 10.0
_TABLES = ("settings", "recalled", "accepted")
_KEYS = frozenset(("look", "heavy", *_TABLES, "now", "seconds", "monitor"))
_UCRED = struct.Struct("iII")


class NotAsked(Exception):
    """Who asks may not, or what is asked is no look."""


def main() -> int:
    """Look once, for whoever may ask."""
    tell = telling()
    try:
        with socket.socket(fileno=os.dup(0)) as peer:
            asking = allowed(peer, sys.argv[1])
            job = understood(_received(peer))
    except (NotAsked, OSError, ValueError) as why:
        tell(blind=f"the service of the host's looks does not look: {why}")
        tell(done={})
        return 1
    threading.Thread(target=_end_with, args=(0,), daemon=True).start()
    return child.looked({**job, "monitor": asking}, _bounded(tell))


def allowed(peer: socket.socket, unit: str, root: int = 0) -> int:
    """The process at the other end of a connection. Raises NotAsked, OSError."""
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    process, user, _group = _UCRED.unpack(credentials)
    if user == root:
        return int(process)
    # The name of a control group is systemd's word, which no process of the unit can change. A
    # child of the daemon (a browser, a plugin) has another parent than systemd.
    groups = Path(f"/proc/{process}/cgroup").read_text(encoding="utf-8").split()
    parent = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
    if not any(group.endswith(f"/{unit}") for group in groups) or parent != "1":
        raise NotAsked(f"process {process} of user {user} is not the daemon of {unit}")
    return int(process)


def understood(written: bytes) -> dict[str, Any]:
    """The job that was asked for. Raises NotAsked for what is none."""
    try:
        job = json.loads(written)
    except (ValueError, RecursionError):
        raise NotAsked("the job is no JSON") from None
    if not isinstance(job, dict) or set(job) != _KEYS:
        raise NotAsked(f"a job has exactly {', '.join(sorted(_KEYS))}")
    kind = _looks().get(job["look"]) if isinstance(job["look"], str) else None
    if kind is None:
        raise NotAsked("there is no such look")
    numbers = (job["now"], job["seconds"])
    if not all(isinstance(job[name], dict) for name in _TABLES):
        raise NotAsked("settings, recalled and accepted are tables")
    if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        raise NotAsked("now and seconds are numbers")
    _hold_to_model(kind, job["settings"])
    return {**job, "heavy": kind.HEAVY}


def _looks() -> Mapping[str, type[HostCheck]]:
    return {kind.LOOK: kind for kind in kinds().values() if issubclass(kind, HostCheck)}


def _hold_to_model(kind: type[HostCheck], settings: Mapping[str, Any]) -> None:
    """The daemon sends every setting, secrets revealed: read as the configuration would be."""
    if set(settings) != set(kind.model_fields):
        raise NotAsked(f"{kind.KIND} has other settings")
    try:
        kind.model_validate(_by_reference(kind, settings))
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise NotAsked(f"{kind.KIND}: {place}: {first['msg']}") from None


def _by_reference(kind: type[Settings], settings: Mapping[str, Any]) -> dict[str, Any]:
    """As written in a configuration: each secret by a reference, which nobody follows."""
    written: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        value, models = settings.get(name), list(_models(field.annotation))
        if isinstance(value, str) and Secret in models:
            value = {"environment": "NOT_READ"}
        elif isinstance(value, dict) and len(models) == 1:
            value = _by_reference(models[0], value)
        written[field.alias or name] = value
    return written


def _models(annotation: Any) -> Iterator[type[Settings]]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _received(peer: socket.socket) -> bytes:
    peer.settimeout(_JOB_SECONDS)
    job = bytearray()
    while data := peer.recv(65536):
        job += data
        if len(job) > _LONGEST_JOB:
            raise NotAsked(f"a job of more than {_LONGEST_JOB} bytes")
    peer.settimeout(None)
    return bytes(job)


def _bounded(tell: Tell) -> Tell:
    left = _LONGEST_ANSWER

    def bounded(**facts: Any) -> None:
        nonlocal left
        left -= len(json.dumps(facts, default=str))
        if left < 0:
            tell(blind=f"the look says more than {_LONGEST_ANSWER} bytes")
            tell(done={})
            os._exit(1)
        tell(**facts)

    return bounded


def _end_with(connection: int) -> None:
    """Whoever asked has gone: systemd ends what this process has started."""
    gone = select.poll()
    # POLLHUP alone (poll(2)): the daemon has closed its half as soon as the job was written.
    gone.register(connection, 0)
    gone.poll()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
