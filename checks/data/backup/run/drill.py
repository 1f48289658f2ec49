"""`python -m checks.data.backup.run.drill`: the program in the sandbox. Its standard input is
a socket (wire.py); it restores what it is given, reads it, tells, and ends.

It ends as well as soon as the other side is gone: with it goes its namespace, or its unit, and so
the server.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from checks.contract import CannotTell, Failed
from checks.data.backup.engine import Work
from checks.data.backup.events import BackupEvents
from checks.data.backup.sandbox.bubblewrap import SCRATCH
from checks.data.backup.sandbox.wire import VERSION, Line
from checks.data.backup.store.archive_file import room
from checks.data.backup.store.throttle import Throttle

Task = Mapping[str, Any]
Artefacts = Callable[[], Path]
"""waits until all are there; gives the folder in which each has its name"""


def main() -> int:
    """Do the task. 0 done, 1 refused."""
    line = Line(socket.socket(fileno=os.dup(0)), descriptors=True)
    line.say({"ready": VERSION})
    task = next(line.heard(), ({}, None))[0].get("task")
    if task is None:  # whoever came has gone
        return 1
    with tempfile.TemporaryDirectory(prefix="drill-", dir=_place()) as folder:
        scratch = Path(folder)
        arrivals = _Arrivals(line, scratch / "plain", frozenset(task["artefacts"]))
        work = Work(
            BackupEvents(lambda **facts: line.say(facts)), Throttle(None), jobs=task["jobs"]
        )
        try:
            room(scratch, int(task["scratch_bytes"]), "for the drill")
            line.say({"found": _engine(task)(task, arrivals.wait, scratch, work)})
        except Failed as refused:
            line.say({"fault": refused.code, "text": refused.text, "origin": refused.origin})
            return 1
        except CannotTell as own:
            line.say({"blind": str(own).removeprefix("cannot prove here: ")})
            return 1
    return 0


class _Arrivals:
    """The artefacts, each under its own name as it comes; whoever is gone ends this process."""

    def __init__(self, line: Line, archive: Path, expected: frozenset[str]) -> None:
        archive.mkdir(mode=0o700)
        self._archive, self._expected = archive, expected
        self._all = threading.Event()
        threading.Thread(target=self._take, args=(line,), daemon=True).start()

    def wait(self) -> Path:
        """The folder, once all are there."""
        self._all.wait()
        return self._archive

    def _take(self, line: Line) -> None:
        there = set[str]()
        if there == self._expected:
            self._all.set()
        try:
            for facts, descriptor in line.heard():
                name = facts.get("artefact")
                if name not in self._expected or descriptor is None:
                    continue
                # By this process's own table of descriptors: a tool opens the file anew, and so
                # from its beginning.
                (self._archive / name).symlink_to(f"/proc/{os.getpid()}/fd/{descriptor}")
                there.add(name)
                if there == self._expected:
                    self._all.set()
        finally:
            # The other side is gone: nobody waits for an answer any more.
            os._exit(1)


def _engine(task: Task) -> Callable[[Task, Artefacts, Path, Work], Mapping[str, Any]]:
    # Imported late: no engine waits for the drivers of another.
    if task["engine"] == "postgresql":
        from checks.data.backup.engines.postgresql.restore_test import restored

        return restored
    if task["engine"] == "sqlite":
        from checks.data.backup.engines.sqlite import restored as of_sqlite

        return of_sqlite
    if task["engine"] == "directory":
        from checks.data.backup.engines.directory_restore_test import restored as of_directory

        return of_directory
    from checks.data.backup.engines.mariadb.restore_test import restored as of_mariadb

    return of_mariadb


def _place() -> str:
    """Bubblewrap's folder; in a unit its own /var/tmp, which is gone with it."""
    return SCRATCH if Path(SCRATCH).is_dir() else "/var/tmp"  # noqa: S108 - PrivateTmp=yes


if __name__ == "__main__":
    code = main()
    # Threads that still wait for a tool do not keep it: the sandbox ends all that is in it.
    os._exit(code)
