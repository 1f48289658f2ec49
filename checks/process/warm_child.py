"""The process that is forked for each call: `python -m checks.process.warm_child FD MODULE ...`
loads these modules, says so, and waits. What a fork has to load no more is 0.12 s of CPU (numpy and
the engine's library), and its memory is shared until it is written to.

    daemon ---control FD (SEQPACKET)---> this process
                "loaded"                    |
                MODULE, with four           | fork: a guard (guard.py), which nobody but the daemon
                descriptors: life, end,     |       and the child's own end can end
                complaints, channel         +---fork---> MODULE.main(), as `python -m MODULE FD`

Rule 1: it is given no secret, holds no connection, and starts no thread: a fork of a process with
threads may hang (fork(2)). Rule 2: it and its forks never speak: each fork has standard error, its
channel, and no more; what it learns is not known here. Rule 3: its end is no call's end. It
ends when the daemon closes the control socket, and its own guard leaves what it has forked alone.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import signal
import socket
import sys
import traceback
from importlib import import_module

from checks.process.guard import PR_SET_PDEATHSIG, Guard

# <linux/prctl.h>; what ps(1) and top(1) show of a process, at most 15 bytes.
_PR_SET_NAME = 15
_DESCRIPTORS = 4
_LONGEST_NAME = 200
_LIBC = ctypes.CDLL(None, use_errno=True)


class ForkedGuard(Guard):
    """The guard of a program that needs no execve(2): it is loaded already."""

    def __init__(self, life: int, end: int, channel: int, module: str) -> None:
        super().__init__(life)
        self._end, self._channel, self._module = end, channel, module

    def _ordered(self) -> tuple[float, list[int], list[int], list[bytes], dict[bytes, bytes]]:
        grace, _kept, _identity, command, environment = super()._ordered()
        return grace, [self._channel], [], command, environment

    def _become(
        self,
        command: list[bytes],  # noqa: ARG002 - it is the module's, and known
        environment: dict[bytes, bytes],  # noqa: ARG002 - it has that of the process it is forked of
        kept: list[int],
        identity: list[int],  # noqa: ARG002 - nor does it become another user
        guard: int,
        failed: int,  # noqa: ARG002 - closed as all others are, which tells that nothing failed
    ) -> None:
        os.setsid()
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != guard:  # it died before: of that death the kernel tells nobody
            os._exit(1)
        signal.set_wakeup_fd(-1)
        _as_at_a_start()
        close_all_but(0, 1, 2, *kept)
        # Its command line is that of the process it is forked of.
        name_itself(".".join(self._module.split(".")[-2:]))
        run(self._module, kept[0])


def run(module: str, channel: int) -> None:
    """Be the program. Does not return."""
    try:
        sys.argv = [module, str(channel)]
        sys.modules[module].main()
    except BaseException:  # noqa: BLE001 - a traceback and status 1 are what Python would end with
        traceback.print_exc()
    finally:
        os._exit(1)


def name_itself(name: str) -> None:
    """Be known by this name, as far as there is room for it."""
    _LIBC.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


def close_all_but(*kept: int) -> None:
    """Close every descriptor but these."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - as guard.py
        descriptor = int(name)
        try:
            if descriptor not in kept:
                os.close(descriptor)
        except OSError:  # the folder's own, closed by now
            continue


def _as_at_a_start() -> None:
    """The signals as a Python that has just been started has them."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _guarded(module: str, life: int, end: int, complaints: int, channel: int) -> None:
    """In the first fork: be the guard to the end of its child."""
    os.setsid()
    name_itself("guard")
    os.dup2(complaints, 2)
    close_all_but(0, 1, 2, life, end, channel)
    os.write(end, b"%d\n" % os.getpid())
    status = ForkedGuard(life, end, channel, module).run()
    os.write(end, b"%d\n" % os.waitstatus_to_exitcode(status))


class Warm:
    """Waits for orders, and forks."""

    def __init__(self, control: socket.socket, modules: frozenset[str]) -> None:
        self._control, self._modules = control, modules
        self._woken, waking = os.pipe()
        for descriptor in (self._woken, waking):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Until the daemon closes the socket."""
        poll = select.poll()
        for watched in (self._woken, self._control.fileno()):
            poll.register(watched, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._woken in ready:
                os.read(self._woken, 512)
                _reap()
            if self._control.fileno() in ready and not self._take():
                return

    def _take(self) -> bool:
        """One order; False when there will be none any more."""
        name, descriptors, _, _ = socket.recv_fds(self._control, _LONGEST_NAME, _DESCRIPTORS)
        module = name.decode()
        if module in self._modules and len(descriptors) == _DESCRIPTORS:
            self._fork(module, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        return bool(name)

    def _fork(self, module: str, descriptors: list[int]) -> None:
        if os.fork():
            return
        try:
            signal.set_wakeup_fd(-1)
            self._control.close()
            _guarded(module, *descriptors)
        except BaseException:  # noqa: BLE001 - whatever it is, this fork is no second server
            traceback.print_exc()
        finally:
            os._exit(0)


def _reap() -> None:
    """Take in the guards that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:  # there is none any more
        return


def main() -> None:
    """Load, and wait. Leaves by os._exit: what is loaded is not made to be unloaded."""
    modules = frozenset(sys.argv[2:])
    for module in sorted(modules):
        import_module(module)
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - as guard.py
        raise RuntimeError("a library has started a thread: it cannot be forked")
    # What lives now is never garbage: to look through it would copy its memory into every fork.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as control:
        warm = Warm(control, modules)
        control.send(b"loaded")
        warm.serve()
        os._exit(0)


if __name__ == "__main__":
    main()
