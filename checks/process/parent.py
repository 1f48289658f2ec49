"""The daemon's side of a child process: starts it, gives it its job, hears it out, ends all of it.

Every child of the house is started here, by way of a guard (guard.py) of its own, so that nothing
of it outlives its job, its time limit or the daemon. It gets its job, secrets included, through its
standard input or a socket, and nothing in its arguments; of the environment what a list names; of
the descriptors those that were named. What it says on standard error is kept, the end of it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import checks
from checks.process import guard
from checks.process.guarding import Process, guard_order, kill_tree

_ROOT = str(Path(checks.__file__).parent.parent)
# -I and -S: neither the environment nor site-packages, which the guard needs nothing of; half the
# time to start.
_GUARD = (sys.executable, "-I", "-S", guard.__file__)
# What a child says last tells why it died; this is two screens of a traceback.
_COMPLAINT_BYTES = 4000
# A log is for a person to read; a child that fills it says the same thing again and again.
_LOG_BYTES = 1 << 20
# An event may carry a list (of files, of proposals), for which asyncio's own limit of 64 KiB is too
# small.
_LONGEST_LINE = 16 << 20
# Beyond the grace: the guard kills at once, and waits five seconds for what the kernel holds.
_GUARD_SECONDS = 10.0
_LAST_WORDS_SECONDS = 1.0
_LOOK_SECONDS = 0.2

ENVIRONMENT = ("PATH", "LANG", "TMPDIR")
"""what every child inherits: no credentials, no PGPASSWORD, no proxy"""


@dataclass(frozen=True, slots=True)
class Program:
    """A program to start: its command, its environment and how it is ended."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    grace_seconds: float = 0.0
    """between SIGTERM and SIGKILL when it is let go of, or the daemon is dead; 0: killed at once"""
    identity: tuple[int, ...] = ()
    """whom it runs as (user, group, further groups); only root can start one as another"""
    outlived: bool = False
    """what it starts has guards of its own, and stays when it ends (warm_child.py)"""


def python(
    module: str,
    *arguments: str,
    kept: Sequence[str] = (),
    grace_seconds: float = 0.0,
    interpreter: str = sys.executable,
    **more: str,
) -> Program:
    """A module of the house as a program. `kept` are further variables that it inherits, `more` are
    set. Another `interpreter` has the house in its own environment."""
    # -P: a module of a library's name in the folder where a verb is typed is not taken for it.
    command = (interpreter, "-P", "-m", module, *arguments)
    own = {
        "HOME": "/nonexistent",
        "OPENBLAS_NUM_THREADS": "1",
    }  # a thread for each core gains a child nothing
    # Not for another Python: beside the house may lie libraries that were built for this one.
    if interpreter == sys.executable:
        own["PYTHONPATH"] = _ROOT
    return Program(command, {**own, **inherited(*kept), **more}, grace_seconds)


def inherited(*kept: str) -> dict[str, str]:
    """What a child inherits of the daemon's environment: ENVIRONMENT, and these."""
    return {name: os.environ[name] for name in (*ENVIRONMENT, *kept) if name in os.environ}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a child has said until it ended; `status` is below zero for a signal."""

    status: int
    output: bytes
    complaint: str


class Child:
    """A running child, with everything that comes of it."""

    def __init__(
        self,
        process: Process,
        life: socket.socket,
        program: Program,
        log: Path | None,
    ) -> None:
        self._process, self._life, self._grace = process, life, program.grace_seconds
        self._said = bytearray()
        self._logged, self._log = 0, log
        self.pid = 0
        """its process id; whoever is sent a signal goes by `signal`, since a number may be given
        anew"""
        self._listening = asyncio.create_task(self._listen())

    @property
    def status(self) -> int | None:
        """The child's exit status once it has ended; a signal is below zero."""
        return self._process.returncode

    @property
    def output(self) -> asyncio.StreamReader:
        """The child's standard output. Raises RuntimeError where that is no pipe."""
        if self._process.stdout is None:
            raise RuntimeError("the child was started without an output")
        return self._process.stdout

    def complaint(self, lines: int = 1) -> str:
        """The last lines of what it has said on standard error."""
        text = self._said.decode("utf-8", "replace").strip().splitlines()[-lines:]
        return " · ".join(line.strip() for line in text)

    async def give(self, job: bytes) -> None:
        """Write the child's whole standard input. A child that does not read it is told by its
        status.
        """
        stdin = self._process.stdin
        if stdin is None:
            raise RuntimeError("the child was started without an input")
        with suppress(ConnectionError):
            stdin.write(job)
            await stdin.drain()
        stdin.close()

    async def write(self, part: bytes) -> None:
        """Write a part of its standard input, which stays open. One that has died is told by its
        status.
        """
        if self._process.stdin is None:
            raise RuntimeError("the child was started without an input")
        with suppress(ConnectionError):
            self._process.stdin.write(part)
            await self._process.stdin.drain()

    def signal(self, number: int) -> None:
        """Send it a signal, as long as it is there."""
        with suppress(OSError):  # it has ended, and its guard with it
            self._life.send(bytes([number]))

    async def wait(self) -> int:
        """Wait until nothing of the child is left; returns its status."""
        await self._gone()
        await asyncio.wait({self._listening}, timeout=_LAST_WORDS_SECONDS)
        return self._process.returncode or 0

    def let_go(self) -> None:
        """Have the guard end the child from now on, by SIGTERM and SIGKILL."""
        self._life.close()

    async def end(self, patience: float = 0.0) -> None:
        """Let go of it, and wait until nothing of it is left. One that cleans up after itself is
        asked to end by SIGTERM, and given so many seconds for it."""
        try:
            if patience and self.status is None:
                self.signal(signal.SIGTERM)
                with suppress(TimeoutError):
                    async with asyncio.timeout(patience):
                        await self._gone()
        finally:
            self.let_go()
        try:
            async with asyncio.timeout(self._grace + _GUARD_SECONDS):
                await self._gone()
        except TimeoutError:  # somebody has stopped its guard
            kill_tree(self._process.pid)
            await self._gone()
        await asyncio.wait({self._listening}, timeout=_LAST_WORDS_SECONDS)
        self._listening.cancel()

    async def _gone(self) -> None:
        """Its guard has left. asyncio would wait for all who hold a pipe of the child's, and that
        may be another user's process, which the guard cannot kill."""
        closed = asyncio.ensure_future(self._process.wait())
        try:
            while self._process.returncode is None:
                await asyncio.wait({closed}, timeout=_LOOK_SECONDS)
        finally:
            closed.cancel()

    async def begin(self, order: bytes) -> None:
        """Have its guard start it. Raises OSError with the reason of execve(2)."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._life, order)
        told = b""
        while not told.endswith(b"\n"):
            if not (more := await loop.sock_recv(self._life, 64)):
                raise OSError(f"its guard ended before it began: {self.complaint()}")
            told += more
        word, _, number = told.decode().partition(" ")
        if word == "failed":
            raise OSError(int(number), os.strerror(int(number)))
        self.pid = int(number)

    async def _listen(self) -> None:
        """Read standard error to its end, and keep the end of it."""
        if self._process.stderr is None:
            return
        while data := await self._process.stderr.read(65536):
            self._said += data
            del self._said[:-_COMPLAINT_BYTES]
            if self._log is not None and self._logged < _LOG_BYTES:
                with self._log.open("ab") as log:
                    log.write(data[: _LOG_BYTES - self._logged])
                self._logged += len(data)


async def started(
    program: Program,
    stdin: int = asyncio.subprocess.PIPE,
    stdout: int = asyncio.subprocess.PIPE,
    stderr: int = asyncio.subprocess.PIPE,
    descriptors: tuple[int, ...] = (),
    log: Path | None = None,
) -> Child:
    """Start it; whoever starts a child ends it. Raises OSError, ValueError where it cannot start.

    `descriptors` it has under the same numbers; `log` is a file for what it says on standard error.
    """
    order = guard_order(
        program.grace_seconds,
        descriptors,
        program.command,
        dict(program.environment),
        program.identity,
        program.outlived,
    )
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *_GUARD,
                str(theirs.fileno()),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(theirs.fileno(), *descriptors),
                start_new_session=True,
                limit=_LONGEST_LINE,
                cwd="/",
                env=inherited(),
            )
    except BaseException:
        ours.close()
        raise
    child = Child(process, ours, program, log)
    try:
        await child.begin(order)
    except BaseException:
        await child.end()
        raise
    return child


@asynccontextmanager
async def running(
    program: Program, within: float | None, patience: float = 0.0
) -> AsyncIterator[Child]:
    """A child while the block runs, at most so many seconds; `patience` is for `Child.end`. Raises
    OSError, TimeoutError."""
    child = None
    try:
        async with asyncio.timeout(within):
            child = await started(program)
            yield child
    finally:
        if child is not None:
            await child.end(patience)


async def answered(
    program: Program, job: bytes, within: float, most_bytes: int = _LONGEST_LINE
) -> Answer:
    """What a child says to a job, at most so many bytes of it. Raises OSError, TimeoutError,
    ValueError for more."""
    async with running(program, within) as child:
        giving = asyncio.create_task(child.give(job))
        try:
            output = bytearray()
            while data := await child.output.read(65536):
                output += data
                if len(output) > most_bytes:
                    raise ValueError(f"it says more than {most_bytes} bytes")
            status = await child.wait()
        finally:
            giving.cancel()
        return Answer(status, bytes(output), child.complaint())
