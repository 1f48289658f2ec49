"""The tools of databases as child processes: found, started, read, and their status awaited.

A tool ends with the worker, also after `kill -9`: the worker's guard sees to it (process/guard.py).
What it says on standard error goes to a file: no pipe can fill up.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from checks.contract import Failed
from checks.data.quoted_rows import without_rows

# The end of what a tool said names the fault; its beginning is progress.
_SAID_BYTES = 4000
PIPE = subprocess.PIPE
# Debian's, Red Hat's and Homebrew's folders of PostgreSQL: they keep the tools of several versions
# beside each other.
_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
# PG… and MYSQL… variables of the host are left out: they would send a dump to another server.
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


class ToolFailed(Exception):
    """A tool ended with another status than 0; `said` is the end of its standard error."""

    def __init__(self, tool: str, status: int, said: str) -> None:
        super().__init__(f"{tool} ended with status {status}: {said}")
        self.tool, self.status, self.said = tool, status, said


class Tool:
    """One running tool."""

    def __init__(self, process: subprocess.Popen[bytes], name: str, errors: IO[bytes]) -> None:
        self._process, self._name, self._errors = process, name, errors

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def output(self) -> IO[bytes]:
        """Its standard output, where that is a pipe."""
        if self._process.stdout is None:
            raise RuntimeError(f"{self._name} was started without an output")
        return self._process.stdout

    @property
    def input(self) -> IO[bytes]:
        """Its standard input, where that is a pipe."""
        if self._process.stdin is None:
            raise RuntimeError(f"{self._name} was started without an input")
        return self._process.stdin

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        self._process.send_signal(number)

    def wait(self, seconds: float | None = None) -> int:
        """Its status. Raises TimeoutError."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self._name} did not end within {seconds:g} s") from None

    def said(self) -> str:
        """The end of what it said on standard error, on one line."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _SAID_BYTES))
        told = self._errors.read().decode(errors="replace").splitlines()
        return without_rows(" · ".join(line.strip() for line in told if line))

    def end(self) -> None:
        """Await it. Raises ToolFailed."""
        if status := self.wait():
            raise ToolFailed(self._name, status, self.said())


@contextmanager
def started(
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    descriptors: tuple[int, ...] = (),
    prepared: Callable[[], None] | None = None,
    alone: bool = False,
) -> Iterator[Tool]:
    """A tool while the block runs; killed if it is still there at the end. Raises Failed when it
    cannot start.

    It has `descriptors` under the same numbers; `prepared` is called in the new process before it
    becomes the tool; `alone` is one that gets `environment` and nothing beside it.
    """
    words = list(map(str, command))
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                words,
                stdin=stdin,
                stdout=stdout,
                stderr=errors,
                env=dict(environment or {}) if alone else _environment(environment),
                # A tool that was left behind must not keep a disk from being unmounted.
                cwd="/",
                pass_fds=descriptors,
                preexec_fn=prepared,  # noqa: PLW1509 - it calls the kernel, and takes no lock
            )
        except OSError as problem:
            raise Failed(
                "tool-missing", f"{command[0]}: {problem.strerror}", origin="local"
            ) from problem
        tool = Tool(process, Path(command[0]).name, errors)
        try:
            yield tool
        finally:
            # The caller left early, by a fault: a dump that nobody reads would wait on its full
            # pipe for ever.
            if tool.running():
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    _close(stream)


def run(
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
) -> bytes:
    """Run to the end and give back what it wrote. Raises ToolFailed, Failed."""
    with started(command, environment, stdin) as tool:
        wrote = tool.output.read()
        tool.end()
        return wrote


def found(name: str, folder: Path | None = None) -> Path | None:
    """A tool by its name, in this folder or on the path (and where administrators' tools are)."""
    # Servers lie in sbin, which is on the path of root alone.
    path = (
        str(folder)
        if folder
        else f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin:/usr/local/sbin"
    )
    here = shutil.which(name, path=path)
    return Path(here) if here else None


def needed(name: str, folder: Path | None = None) -> Path:
    """The path of a tool. Raises Failed "tool-missing"."""
    if here := found(name, folder):
        return here
    raise Failed(
        "tool-missing",
        f"{name} is not installed{f' in {folder}' if folder else ''}",
        origin="local",
    )


def postgresql_folder(name: str, least_major: int, folder: Path | None = None) -> Path:
    """Where the tools of PostgreSQL lie: the oldest that hold `name` and are as new as the server.

    Raises Failed: "tool-missing", or "client-older" where all there are would not understand the
    server.
    """
    majors: dict[int, Path] = {}
    for place in [folder] if folder else _places():
        if _there(program := place / name) and (major := _major(program)) is not None:
            majors.setdefault(major, place)
    if not majors:
        raise Failed("tool-missing", f"{name} is not installed", origin="local")
    # The oldest that fits: a dump of a newer tool may need a newer pg_restore than the site has.
    if not (fit := [major for major in majors if major >= least_major]):
        raise Failed(
            "client-older",
            f"{name} is of version {max(majors)}, the server of version {least_major}",
            origin="local",
        )
    return majors[min(fit)]


def _places() -> list[Path]:
    on_path = [
        Path(place) for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if place
    ]
    return [
        *(Path(place) for pattern in _FOLDERS for place in sorted(Path("/").glob(pattern[1:]))),
        *on_path,
    ]


def _there(program: Path) -> bool:
    """Whether there is such a program for us: a folder of the path that may not be entered has
    none.
    """
    # `exists` raises PermissionError for a folder that is another user's; access(2) says no.
    return os.access(program, os.X_OK)


def _major(program: Path) -> int | None:
    # "pg_dump (PostgreSQL) 16.4 (Debian 16.4-1)": the number after the first bracket is the
    # version.
    said = re.search(rb"\) (\d+)", run([program, "--version"]))
    return int(said[1]) if said else None


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    """A small one; whatever PG… or MYSQL… the host has set would change what is dumped."""
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "LC_ALL": "C.UTF-8",
        **(more or {}),
    }


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        return  # what the tool did not read is no loss: its status was judged
