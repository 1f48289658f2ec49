"""Every program of the house that runs as a child, with work that does not end by itself; and the
daemon that is killed over it: `python -m tests.loopback.child_programs MODULE PHASE FOLDER PORT`
starts it, and waits to be killed.

A house test holds PROGRAMS against the modules that are programs. Each is given two grandchildren
that call setsid(2), one of them an orphan; they hold its output open.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from checks.data.backup.job import Job as BackupJob
from checks.data.backup.job import Source
from checks.data.hygiene.check import Hygiene
from checks.data.usage.check import Usage
from checks.data.usage.day import Day
from checks.process.parent import Child, Program, python, started

PHASES = ("started", "at work", "reporting")
_GRANDCHILDREN = """
import pathlib, runpy, subprocess, sys
where, module, *arguments = sys.argv[1:]
subprocess.Popen(["sleep", "600"], start_new_session=True)
subprocess.Popen(["sh", "-c", "setsid sleep 600 & setsid sleep 600 &"]).wait()
(pathlib.Path(where) / "grandchildren").touch()
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What a program is given: arguments, and its job; `ordered` is one that has a socket of its
    own."""

    job: Mapping[str, Any] | None = None
    arguments: tuple[str, ...] = ()
    ordered: bool = False
    begins: str = ""
    """what it says when it has begun"""


def _server(port: int) -> dict[str, Any]:
    """A database that takes the connection and never says a word."""
    return {"postgresql": {"host": "127.0.0.1", "port": port, "database": "x", "user": "x"}}


def _usage(_folder: Path, port: int) -> Work:
    check = Usage.model_validate({"records": _server(port), "timezone": "Asia/Kolkata", "weeks": 0})
    day = Day.of(date(2026, 11, 20), "Asia/Kolkata")
    return Work(check._job(day, 0, Path("/nonexistent")), begins="connect")


def _hygiene(folder: Path, port: int) -> Work:
    check = Hygiene.model_validate(
        {"live": _server(port), "folder": folder, "timezone": "Asia/Kolkata"}
    )
    return Work(check._job("clean", 0.0, None), begins="connect")


def _backup(folder: Path, port: int) -> Work:
    source = Source("postgresql", host="127.0.0.1", port=port, user="x", password="x", database="x")
    (folder / "backups").mkdir()
    return Work(
        BackupJob("take-and-prove", str(folder / "backups"), source).to_dict(), begins="dump"
    )


def _host(folder: Path, _port: int) -> Work:
    """A kernel log that is a pipe, which nobody writes to."""
    os.mkfifo(folder / "kern.log")
    settings = {"log": str(folder / "kern.log"), "sample": 1.0, "ignore": []}
    job = {
        "look": "kernel",
        "heavy": True,
        "settings": settings,
        "recalled": {},
        "accepted": {},
        "now": 0.0,
    }
    return Work({**job, "seconds": 600, "monitor": os.getpid()}, begins="log")


def _voice_log(folder: Path, _port: int) -> Work:
    job: dict[str, Any] = {
        "file": str(folder / "*.wav"),
        "url": None,
        "headers": {},
        "trusted": None,
        "before": {},
    }
    said: dict[str, Any] = {
        "call_seconds": 5.0,
        "since": "",
        "said": {"caller": [1]},
        "exhibit": str(folder / "x"),
    }
    return Work({**job, **said, "within": 600.0, "tolerance": 1.0}, begins="recording")


def _pyvoip(_folder: Path, port: int) -> Work:
    job = {
        "server": "127.0.0.1",
        "port": port,
        "local_address": "127.0.0.1",
        "user": "x",
        "password": "x",
        "to": "1",
    }
    return Work(
        {**job, "register_within": 600.0, "answer_within": 600.0, "listen": 1.0}, begins="register"
    )


def _learning(folder: Path, _port: int) -> Work:
    os.mkfifo(folder / "job.json")
    return Work(arguments=(str(folder),))


def _apart(_folder: Path, _port: int) -> Work:
    return Work({"job": "schema", "schema": {"pattern": "^(a+)+$"}, "document": "a" * 60 + "!"})


PROGRAMS: Mapping[str, Callable[[Path, int], Work]] = {
    "checks.data.backup.run.worker": _backup,
    "checks.data.hygiene.child": _hygiene,
    "checks.data.usage.child": _usage,
    "checks.host.child": _host,
    "checks.process.warm_child": lambda *_: Work(ordered=True),
    "checks.network.dns_reader": lambda *_: Work(arguments=("A",)),
    "checks.telephony.audio.prompt_cutting": _learning,
    "checks.telephony.phone.conference": lambda *_: Work(ordered=True),
    "checks.telephony.phone.process": lambda *_: Work(ordered=True),
    "checks.telephony.pyvoip_child": _pyvoip,
    "checks.telephony.call.announcement_child": lambda *_: Work(),
    "checks.telephony.call.call_recording_child": _voice_log,
    "checks.web.sandbox.child": _apart,
    "checks.web.sandbox.pattern_child": lambda *_: Work(),
    "checks.web.browser.process": lambda *_: Work(ordered=True),
    "checks.webrtc.softphone": lambda *_: Work(ordered=True),
    "reports.chart_drawing": lambda *_: Work(),
}
"""module -> its work; one without a job waits for it"""


async def main(module: str, phase: str, folder: Path, port: int) -> None:
    """Start it, let it come to its phase, say so, and wait to be killed."""
    work = PROGRAMS[module](folder, port)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        own = python(module, grace_seconds=1.2 if work.ordered else 0.0)
        words = (str(theirs.fileno()),) if work.ordered else work.arguments
        command = (sys.executable, "-c", _GRANDCHILDREN, str(folder), module, *words)
        child = await started(
            Program(command, own.environment, own.grace_seconds),
            descriptors=(theirs.fileno(),) if work.ordered else (),
        )
        theirs.close()
        if phase != "started":
            await _at_work(child, work, folder)
        if phase == "reporting":
            await _reporting(child, work, ours)
        print(child.pid, flush=True)
        await asyncio.Event().wait()


async def _at_work(child: Child, work: Work, folder: Path) -> None:
    while not (folder / "grandchildren").exists():
        await asyncio.sleep(0.01)
    if work.job is not None:
        await child.give(json.dumps(work.job).encode())
    if work.begins:
        said = await child.output.readline()
        assert work.begins in said.decode(), child.complaint(20)


async def _reporting(child: Child, work: Work, ours: socket.socket) -> None:
    """The daemon is stopped, and reads nothing and reaps nobody, while the child says its last."""
    if work.ordered:
        ours.close()
    elif work.job is None:
        await child.give(b"[]")
    else:
        child.signal(signal.SIGTERM)
    print(child.pid, flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
