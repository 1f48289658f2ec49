"""The daemon's side of warm_child.py: a process that has loaded what the children of one kind need,
and is forked for each of them.

It is started when the first is due, and ends when there has been none for a while: an idle daemon
has none. It is a short cut and nothing more: where it cannot start, is stopped or has been killed,
whoever asked has `None`, and starts the child as every other (parent.py). A child that dies of a
signal of its own ends it too: where the memory of its forks lies must not be found by trying, one
crash after the other.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from asyncio.subprocess import DEVNULL
from contextlib import ExitStack, suppress
from pathlib import Path
from weakref import WeakKeyDictionary

from checks.process.guarding import guard_order
from checks.process.parent import Child, Program, started

log = logging.getLogger(__name__)

# Longer than from one phone of an attempt to the next, and to the second look at a failure; shorter
# than from one round to the next of those who call each five minutes.
IDLE_SECONDS = 30.0
# It loads 0.15 s. At a load of 20 on two cores that took more than 5 s, and a process of its own no
# less.
_LOAD_SECONDS = 10.0
# A fork takes milliseconds; one that was stopped (SIGSTOP) takes none.
_FORK_SECONDS = 3.0
# Where there is no CPU to load it, trying at every call would take still more.
_PAUSE_SECONDS = 60.0
# For what it has forked when the loop ends: a call hangs up within this (leg.py).
_END_SECONDS = 12.0
# What a program does to itself, and nobody to it.
_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)


class _Guard:
    """A guard that another process has forked (parent.Process)."""

    stdin = stdout = None

    def __init__(self, end: int, complaints: int) -> None:
        self.pid, self.returncode, self.stderr = 0, None, asyncio.StreamReader()
        self._loop = asyncio.get_running_loop()
        self._end, self._complaints, self._told = end, complaints, b""
        self.ended: asyncio.Future[int] = self._loop.create_future()
        for descriptor, take in ((end, self._take), (complaints, self._complain)):
            os.set_blocking(descriptor, False)
            self._loop.add_reader(descriptor, take)

    returncode: int | None

    async def wait(self) -> int:
        """Until it has left."""
        return await asyncio.shield(self.ended)

    def close(self) -> None:
        """Whoever still holds its standard error is heard no more."""
        if self._complaints >= 0:
            self._loop.remove_reader(self._complaints)
            os.close(self._complaints)
            self._complaints = -1
            self.stderr.feed_eof()

    def _complain(self) -> None:
        if data := os.read(self._complaints, 65536):
            self.stderr.feed_data(data)
        else:
            self.close()

    def _take(self) -> None:
        """Its number, its child's status, and its end."""
        if data := os.read(self._end, 64):
            self._told += data
            self.pid = self.pid or int(self._told.partition(b"\n")[0] or 0)
            return
        self._loop.remove_reader(self._end)
        os.close(self._end)
        status = self._told.split(b"\n")[1:2]
        # Without its last word it was killed, and its child with it (PR_SET_PDEATHSIG).
        self.returncode = int(status[0]) if status and status[0] else -signal.SIGKILL
        self.ended.set_result(self.returncode)


class _Forked(Child):
    """A child of the warm process."""

    _process: _Guard

    async def end(self, patience: float = 0.0) -> None:
        """As of every child; what it has said is heard no more then."""
        await super().end(patience)
        self._process.close()


class _Process:
    """One warm process, as long as it takes orders."""

    def __init__(self, child: Child, control: socket.socket) -> None:
        self.child, self._control, self._users = child, control, 0
        self._idle: asyncio.TimerHandle | None = None
        self._ending = asyncio.create_task(self._end_with_the_loop())

    @property
    def lives(self) -> bool:
        """Whether it takes orders. Its guard may outlive it, for what it has forked."""
        if self._control.fileno() < 0:
            return False
        try:
            return bool(self._control.recv(1, socket.MSG_PEEK))
        except BlockingIOError:  # nothing more to say, and still there
            return True
        except ConnectionError:
            return False

    @classmethod
    async def start(cls, program: Program, modules: tuple[str, ...]) -> _Process:
        """Start it and have it load. Raises OSError, TimeoutError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            command = (*program.command, str(theirs.fileno()), *modules)
            own = Program(command, program.environment, program.grace_seconds, outlived=True)
            try:
                child = await started(
                    own, stdin=DEVNULL, stdout=DEVNULL, descriptors=(theirs.fileno(),)
                )
            except BaseException:
                ours.close()
                raise
        process = cls(child, ours)
        try:
            async with asyncio.timeout(_LOAD_SECONDS):
                if await asyncio.get_running_loop().sock_recv(ours, 16) != b"loaded":
                    await child.wait()
                    raise OSError(f"it cannot load: {child.complaint()}")
        except BaseException:
            process.kill()
            raise
        return process

    def fork(self, module: str, descriptor: int, grace: float, log_: Path | None) -> _Forked:
        """Have it fork. Raises OSError."""
        with ExitStack() as theirs, ExitStack() as ours:
            life, its_life = socket.socketpair()
            theirs.enter_context(its_life)
            ours.callback(life.close)
            life.setblocking(False)
            pipes = [os.pipe(), os.pipe()]
            for readable, writable in pipes:
                theirs.callback(os.close, writable)
                ours.callback(os.close, readable)
            (end, its_end), (complaints, its_complaints) = pipes
            given = [its_life.fileno(), its_end, its_complaints, descriptor]
            socket.send_fds(self._control, [module.encode()], given)
            ours.pop_all()
        process = _Guard(end, complaints)
        self._use(process)
        return _Forked(process, life, Program((module,), {}, grace), log_)

    def _use(self, process: _Guard) -> None:
        self._users += 1
        if self._idle:
            self._idle.cancel()
        process.ended.add_done_callback(self._used)

    def _used(self, ended: asyncio.Future[int]) -> None:
        self._users -= 1
        if not ended.cancelled() and -ended.result() in _CRASHES:
            self.let_go()
        elif not self._users:
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self.let_go)

    def let_go(self) -> None:
        """It forks no more; what it has forked goes on."""
        self._control.close()

    def kill(self) -> None:
        """It does not answer: kill it alone."""
        self.let_go()
        self.child.signal(signal.SIGKILL)

    async def end(self) -> None:
        """Let go of it, and wait until it is gone."""
        self._ending.cancel()
        await asyncio.wait({self._ending})

    async def _end_with_the_loop(self) -> None:
        """Cancelled with everything else when the event loop ends."""
        try:
            await self.child.wait()
        finally:
            if self._idle:
                self._idle.cancel()
            self._control.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(_END_SECONDS):
                    await self.child.wait()
            await self.child.end()


class _State:
    """What an event loop has of it."""

    def __init__(self) -> None:
        self.process: asyncio.Task[_Process] | None = None
        self.not_before = 0.0
        self.lost = False
        """it was said already"""
        self.leaving = set[asyncio.Task[None]]()


class Warm:
    """Children that have these modules loaded, in the event loops of this process."""

    def __init__(self, *modules: str) -> None:
        self._modules = modules
        self._states: WeakKeyDictionary[asyncio.AbstractEventLoop, _State] = WeakKeyDictionary()

    async def forked(
        self, program: Program, module: str, descriptor: int, log_: Path | None = None
    ) -> Child | None:
        """A child that runs `module` as `python -m module FD` would; None where there is no warm
        process. `program` is how that is started; its grace is that of the child, too.
        """
        loop = asyncio.get_running_loop()
        state = self._states.setdefault(loop, _State())
        if loop.time() < state.not_before:
            return None
        child = process = None
        try:
            process = await self._running(state, program)
            child = process.fork(module, descriptor, program.grace_seconds, log_)
            async with asyncio.timeout(_FORK_SECONDS):
                await child.begin(guard_order(program.grace_seconds, (), (module,), {}))
        except (OSError, TimeoutError) as problem:
            _lose(state, process, child, problem)
            return None
        except BaseException:
            _leave(state, child)
            raise
        state.lost = False
        return child

    async def end(self) -> None:
        """End the process of this loop."""
        state = self._states.get(asyncio.get_running_loop(), _State())
        if state.process and not state.process.cancelled() and not state.process.exception():
            await state.process.result().end()

    async def _running(self, state: _State, program: Program) -> _Process:
        known = state.process
        if known is None or (
            known.done() and (known.cancelled() or known.exception() or not known.result().lives)
        ):
            known = asyncio.create_task(_Process.start(program, self._modules))
            state.process = known
        # Several wait for one start: that one of them is cancelled must not cancel it for all.
        return await asyncio.shield(known)


def _lose(
    state: _State, process: _Process | None, child: _Forked | None, problem: OSError | TimeoutError
) -> None:
    """Do without it for a while, and say so once."""
    state.not_before = asyncio.get_running_loop().time() + _PAUSE_SECONDS
    if process:
        process.kill()
    _leave(state, child)
    if not state.lost:
        state.lost = True
        log.warning(
            "action=warm_process_lost each call's process is loaded by itself meanwhile: %s",
            str(problem) or "it did not answer in time",
        )


def _leave(state: _State, child: _Forked | None) -> None:
    """Have a child end that was never begun, without waiting for it."""
    if child is not None:
        leaving = asyncio.get_running_loop().create_task(child.end())
        state.leaving.add(leaving)
        leaving.add_done_callback(state.leaving.discard)
