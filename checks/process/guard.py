"""The guard of one child process: `python -I -S guard.py FD` starts a program and ends all that
comes of it.

    daemon ---socket FD---> guard (sub-reaper) ---> program ---> whatever it starts
                              signals of the daemon's: one byte each, handed on to the program
                              end of file: the daemon has let go of it, or is dead

Rule 1: of the program's descendants nothing stays behind, also not what called setsid(2) or lost
its parent: orphans fall to the guard (PR_SET_CHILD_SUBREAPER, prctl(2)), which kills what it has
until it has nothing. Rule 2: a program gets the descriptors and the environment that were named
for it, and no more, and never an ambient capability. Rule 3: the guard leaves as the program did,
with its status or by its signal; it is the only one who reaps it. Rule 4: a call that a sandbox
refuses (EPERM) is done without. It imports nothing of the house and little else, since there is
one for each call. warm_child.py forks it, and has it fork the program.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import sys
import time

# <linux/prctl.h>
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 1, 36, 47, 4
# A process that does not die of SIGKILL within this is held by the kernel (disk sleep).
_UNKILLABLE_SECONDS = 5.0
# As subprocess(3) does: Python ignores these two, and a program expects to find them as they were.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_LIBC = ctypes.CDLL(None, use_errno=True)


class Guard:
    """One program, from its start to the end of all that came of it."""

    def __init__(self, daemon: int) -> None:
        self._daemon = daemon
        self._outlived = False
        os.set_inheritable(daemon, False)
        self._program = 0
        self._status: int | None = None
        woken, waking = os.pipe()
        os.set_blocking(waking, False)
        os.set_blocking(woken, False)
        self._woken = woken
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._over = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._leave)

    def run(self) -> int:
        """Run the program until nothing of it is left; return its status, as of os.waitpid."""
        grace, kept, identity, command, environment = self._ordered()
        _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        # execve(2) gives the program none then, whatever the daemon was started with.
        _LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
        self._start(kept, identity, command, environment)
        self._until_one_ends()
        if not self._is_done() and grace:
            self._send(signal.SIGTERM)
            self._await(time.monotonic() + grace)
        self._end_all()
        return self._status or 0

    def _ordered(self) -> tuple[float, list[int], list[int], list[bytes], dict[bytes, bytes]]:
        length = int.from_bytes(self._read(4), "big")
        grace, outlived, kept, identity, count, *words = self._read(length).split(b"\0")
        self._outlived = outlived == b"1"
        command, variables = words[: int(count)], words[int(count) :]
        environment = {name: value for name, _, value in (one.partition(b"=") for one in variables)}
        return (
            float(grace),
            _numbers(kept),
            _numbers(identity),
            command,
            environment,
        )

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            if not (more := os.read(self._daemon, length - len(data))):
                os._exit(0)  # the daemon has gone before it gave anything to do
            data += more
        return data

    def _start(
        self,
        kept: list[int],
        identity: list[int],
        command: list[bytes],
        environment: dict[bytes, bytes],
    ) -> None:
        """Fork and execute; tells the daemon the process, or why there is none (an errno)."""
        failing, failed = os.pipe()
        own, self._program = os.getpid(), os.fork()
        if not self._program:
            self._become(command, environment, kept, identity, own, failed)
        os.close(failed)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):  # the program's alone: who reads them sees when it closes them
            os.dup2(nothing, descriptor)
        for descriptor in (nothing, *kept):
            os.close(descriptor)
        problem = os.read(failing, 16)
        os.close(failing)
        self._tell(b"failed %s\n" % problem if problem else b"started %d\n" % self._program)

    def _become(
        self,
        command: list[bytes],
        environment: dict[bytes, bytes],
        kept: list[int],
        identity: list[int],
        guard: int,
        failed: int,
    ) -> None:
        """In the forked process. Does not return."""
        _become(command, environment, kept, identity, guard, failed)

    def _tell(self, line: bytes) -> None:
        try:
            os.write(self._daemon, line)
        except OSError:  # BrokenPipeError: it has let go already
            self._over = True

    def _until_one_ends(self) -> None:
        """The program, or the daemon's interest in it."""
        while not self._is_done() and not self._over:
            if self._daemon in self._ready(None):
                try:
                    numbers = os.read(self._daemon, 64)
                except ConnectionError:
                    numbers = b""
                self._over = self._over or not numbers
                for number in numbers:
                    self._send(number)

    def _await(self, deadline: float) -> None:
        while not self._is_done() and (left := deadline - time.monotonic()) > 0:
            self._ready(left, daemon=False)

    def _is_done(self) -> bool:
        """The program has ended, and what may outlive it too."""
        left = self._reap()
        return self._status is not None and not (self._outlived and left)

    def _end_all(self) -> None:
        """Kill what this process is the parent of; what that was the parent of falls to it, and so
        on."""
        deadline = time.monotonic() + _UNKILLABLE_SECONDS
        while self._reap() and time.monotonic() < deadline:
            for process in children(os.getpid()):
                _kill(process, signal.SIGKILL)
            self._ready(0.02, daemon=False)

    def _ready(self, within: float | None, daemon: bool = True) -> list[int]:
        watched = [self._woken, self._daemon] if daemon else [self._woken]
        poll = select.poll()  # select(2) knows no descriptor above 1023
        for descriptor in watched:
            poll.register(descriptor, select.POLLIN)
        ready = [found for found, _ in poll.poll(None if within is None else 1000 * within)]
        if self._woken in ready:
            os.read(self._woken, 512)
        return ready

    def _reap(self) -> bool:
        """Take in who has ended; False when there is nobody any more."""
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if not process:
                return True
            if process == self._program:
                self._status = status

    def _send(self, number: int) -> None:
        if self._status is None:  # until it is reaped its number is nobody else's
            _kill(self._program, number)

    def _leave(self, _number: int, _frame: object) -> None:
        self._over = True


def children(parent: int) -> list[int]:
    """The processes that `parent` is the parent of, zombies too."""
    try:
        path = f"/proc/{parent}/task/{parent}/children"
        with open(path, "rb") as listed:  # noqa: PTH123 - pathlib is large
            return [int(one) for one in listed.read().split()]
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return [process for process in _processes() if _parent_of(process) == parent]


def _processes() -> list[int]:
    names = os.listdir("/proc")  # noqa: PTH208 - pathlib is large
    return [int(name) for name in names if name.isdigit()]


def _parent_of(process: int) -> int:
    """proc_pid_stat(5): the second word after the name, which stands in brackets and may hold
    brackets."""
    try:
        with open(f"/proc/{process}/stat", "rb") as stat:  # noqa: PTH123 - pathlib is large
            return int(stat.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):  # it has ended meanwhile
        return 0


def _numbers(written: bytes) -> list[int]:
    return [int(one) for one in written.split(b",") if one]


def _become(
    command: list[bytes],
    environment: dict[bytes, bytes],
    kept: list[int],
    identity: list[int],
    guard: int,
    failed: int,
) -> None:
    """Become the program, in the forked process: in a session of its own, and mortal with its
    guard. Does not return.
    """
    problem = 0
    try:
        os.setsid()
        if identity:
            user, group, *groups = identity
            os.setgroups(groups)
            os.setgid(group)
            os.setuid(user)
        # After that: the kernel forgets it where the user changes (prctl(2)).
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != guard:  # it died before: of that death the kernel tells nobody
            os._exit(1)
        _hand_on(kept)
        signal.set_wakeup_fd(-1)
        for number in _IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(command[0], command, environment)  # noqa: S606 - no shell is wanted
    except OSError as error:
        problem = error.errno or 0
    finally:
        os.write(failed, b"%d" % problem)
        # 127 is what a shell says of a command that it does not find; the errno has gone through
        # the pipe.
        os._exit(127)


def _hand_on(kept: list[int]) -> None:
    """Have execve(2) close every descriptor but these, and the first three."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - pathlib is large
        descriptor = int(name)
        try:
            os.set_inheritable(descriptor, descriptor < 3 or descriptor in kept)
        except OSError:  # the folder's own, closed by now
            continue


def _kill(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except (
        ProcessLookupError,
        PermissionError,
    ):  # it has ended, or is another user's: its parent's end is told
        return


def _leave_as(status: int) -> None:
    """Leave with the program's status, or by its signal; without a core file, since this process
    has nothing to say.
    """
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        _no_core_file()
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


def _no_core_file() -> None:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):  # a sandbox: then this guard leaves one of its own few pages
        return


if __name__ == "__main__":
    _leave_as(Guard(int(sys.argv[1])).run())
