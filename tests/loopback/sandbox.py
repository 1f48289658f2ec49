"""The system calls that systemd/reveille.service refuses, refused here too: a seccomp filter
(seccomp(2)) that answers EPERM to what stands in @privileged and @resources of systemd.exec(5), as
far as a child might make the call.

`python -m tests.loopback.sandbox FOLDER` shuts itself in, has each kind of work done whose process
steps back or starts the tools of databases, and prints how it ended.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

from checks.contract import Check, Failed, Trace
from checks.data.backup.check import Backup
from checks.data.backup.programs import needed, run
from checks.data.hygiene.check import Hygiene
from checks.data.usage.check import Usage
from checks.host.resources import HostResources

# Numbers of x86-64 (asm/unistd_64.h): chown, fchown, lchown, fchownat, setuid, setgid, setreuid,
# setregid, setgroups, setresuid, setresgid, capset, chroot; setpriority, sched_setparam,
# sched_setscheduler, setrlimit, sched_setaffinity, ioprio_set, sched_setattr.
REFUSED = (
    92,
    93,
    94,
    260,
    105,
    106,
    113,
    114,
    116,
    117,
    119,
    126,
    161,
    141,
    142,
    144,
    160,
    203,
    251,
    314,
)
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD_NUMBER, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _EPERM = 0x7FFF0000, 0x00050001
CDR = (
    '"","+4930","8000","in","""x""'
    ' <+4930>","PJSIP/trunk-01","PJSIP/agent-02","Queue","q,","2026-11-20 10:00:00","2026-11-20'
    ' 10:00:03","2026-11-20 10:01:00",60,57,"ANSWERED","DOCUMENTATION","1.1",""\n'
)


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("yes", ctypes.c_ubyte),
        ("no", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    )


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


def shut_in() -> None:
    """This process, and whatever it starts, from now on. Raises OSError."""
    tests = [
        (_JUMP_IF_EQUAL, len(REFUSED) - place, 0, number) for place, number in enumerate(REFUSED)
    ]
    program = [(_LOAD_NUMBER, 0, 0, 0), *tests, (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _EPERM)]
    code = (_Instruction * len(program))(*(_Instruction(*line) for line in program))
    libc = ctypes.CDLL(None, use_errno=True)
    whole = _Filter(len(program), code)
    done = (
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(whole), 0, 0),
    )
    if any(done):
        raise OSError(ctypes.get_errno(), "no filter")


def kinds(folder: Path) -> Iterator[Check]:
    """One of each that steps back, with what it needs."""
    with closing(sqlite3.connect(folder / "live.db")) as database, database:
        database.execute("CREATE TABLE cdr (id INTEGER, start TEXT)")
        database.execute("INSERT INTO cdr VALUES (1, datetime('now'))")
    (folder / "Master.csv").write_text(CDR, encoding="utf-8")
    for name in ("journal", "backups"):
        (folder / name).mkdir()
    yield Backup.model_validate(
        {"engine": "sqlite", "path": folder / "live.db", "folder": folder / "backups"}
    )
    records = {"file": str(folder / "Master.csv")}
    zone = {"timezone": "Asia/Kolkata"}
    yield Usage.model_validate({"records": records, "date": date(2026, 11, 20), "weeks": 0, **zone})
    live = {"sqlite": str(folder / "live.db")}
    yield Hygiene.model_validate({"live": live, "folder": folder / "journal", **zone})
    yield HostResources.model_validate({"sample": "1s", "most_load": 1000})


async def main(folder: Path) -> None:
    """Do it all, and say how each ended."""
    shut_in()
    ended: dict[str, str] = {}
    try:
        os.nice(1)
    except PermissionError:
        ended["sandbox"] = "holds"
    ended["pg_dump"] = run([needed("pg_dump"), "--version"]).decode()
    for check in kinds(folder):
        (own := folder / check.KIND).mkdir()
        trace = Trace(time.monotonic, own)
        try:
            await check.probe(trace)
            ended[check.KIND] = ""
        except Failed as fault:
            ended[check.KIND] = f"{fault.code}: {fault.text}"
        except Exception as problem:  # noqa: BLE001 - whatever it is, the test shows it
            ended[check.KIND] = f"{type(problem).__name__}: {problem}"
    print(json.dumps(ended))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
