"""The daemon's side of a call leg: it starts the phone's process, orders, awaits events under its
own timers, and ends it.

A process that dies by a signal, reports a broken engine or cannot start is `CannotTell`: it says
nothing of the far end. What ends a call from afar is `Failed`, in whatever stage is under way.
Whoever starts a phone closes it: it hangs up, and gets SIGTERM and five seconds later SIGKILL if it
does not.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from checks.contract import CannotTell, Failed
from checks.process.parent import Child, Program, python, started
from checks.process.warm_parent import Warm
from checks.telephony.call.engine import interpreter, missing
from checks.telephony.sip.causes import refused, with_reasons
from checks.transport import wire_text
from checks.transport.faults import far_faults, fault_said

# For the process to be ready, on a machine that is busy: the engine's library takes a second to
# load.
START_SECONDS = 20.0
# Beside the time for the BYE: taking the registration back, and writing the exhibits.
_CLOSE_SECONDS = 8.0
# SIGTERM lets the engine hang up; what has not ended then is stuck.
_KILL_SECONDS = 5.0
# What the processes of phones load: numpy, the engine, and what they import late themselves.
warm = Warm(
    "checks.telephony.audio.recording",
    "checks.telephony.phone.call_control",
    "checks.telephony.phone.challenge_side",
    "checks.telephony.phone.conference",
    "checks.telephony.phone.handset",
    "checks.telephony.phone.listener",
    "checks.telephony.phone.process",
)
# For a call whose daemon is dead: a BYE is sent at once and answered within a round trip.
ORPHAN_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a phone told; `at` is in monotonic seconds."""

    name: str
    at: float
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, fact: str) -> Any:
        return self.facts[fact]


class Phone:
    """One call leg. `events` holds everything it told, in order. Other engines than pjsua2 are
    kinds of it.
    """

    PROGRAM: ClassVar[str] = "checks.telephony.phone.process"
    ENDINGS: ClassVar[tuple[str, ...]] = ("refused", "far-bye", "cancelled")
    """the events that end a call from afar"""

    def __init__(
        self, child: Child, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.events: list[Event] = []
        self.orders: list[Event] = []
        """what it was told to listen for; no other order is kept, since accounts hold secrets"""
        self.mouth_to_ear_ms: float | None = None
        """how late it hears the other side, where that was measured"""
        self._child, self._writer = child, writer
        self._news = asyncio.Event()
        self._broken: str | None = None
        self.put_down_after = 0.0
        """seconds that it was waited for in vain, when it did not end by itself and was killed"""
        self._reading = asyncio.create_task(self._read(reader))

    @classmethod
    async def start(cls, command: tuple[str, ...] = (), log: Path | None = None) -> Self:
        """Start the process. Raises CannotTell. `command` replaces the program: an engine of
        another kind, or a test's process that dies.
        """
        engine = sys.executable if command else interpreter()
        if engine is None:
            raise CannotTell(f"engine error: {missing()}")
        # socketpair: both directions, and no path in the file system that others could open.
        with far_faults():
            ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = await cls._process(engine, command, theirs.fileno(), log)
            except OSError as problem:
                ours.close()
                raise CannotTell(
                    f"engine error: the phone's process cannot start: {problem}"
                ) from problem
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        return cls(child, reader, writer)

    @classmethod
    async def _process(
        cls, engine: str, command: tuple[str, ...], descriptor: int, log: Path | None
    ) -> Child:
        """Forked of the warm process, or started by itself. Raises OSError."""
        own = python(
            "checks.process.warm_child",
            kept=("HOME",),
            grace_seconds=ORPHAN_SECONDS,
            interpreter=engine,
        )
        if not command and (child := await warm.forked(own, cls.PROGRAM, descriptor, log)):
            return child
        words = command or (engine, "-P", "-m", cls.PROGRAM)
        program = Program((*words, str(descriptor)), own.environment, own.grace_seconds)
        return await started(
            program, stdin=DEVNULL, stdout=DEVNULL, descriptors=(descriptor,), log=log
        )

    @property
    def pid(self) -> int:
        """The process id of the phone."""
        return self._child.pid

    @property
    def failed(self) -> bool:
        """Whether it broke, or died of something that was not ours."""
        return self._broken is not None and not self.put_down_after

    @property
    def broken(self) -> str | None:
        """Why its process is of no use any more; None while it is of use."""
        return self._broken

    def order(self, do: str, **details: Any) -> None:
        """Send a command. With a phone that is gone, the next wait says so. Raises Failed for a
        text that would be several lines on the wire.
        """
        # What is dialled, pressed or put into a header goes out from here as it is.
        wire_text.within(details)
        if do == "listen":
            self.orders.append(Event(do, time.monotonic(), details))
        # A phone that is gone is told by the next wait, which knows the reason.
        if not self._writer.is_closing():
            self._writer.write(json.dumps({"do": do, **details}).encode() + b"\n")

    def seen(self, *names: str, since: int = 0, **facts: Any) -> Event | None:
        """The first event so far of one of these names, with these facts; `since` leaves the first
        so many out.
        """
        return next(
            (
                e
                for e in self.events[since:]
                if e.name in names
                and all(e.facts.get(key) == value for key, value in facts.items())
            ),
            None,
        )

    async def until(self, *names: str, within: float, since: int = 0, **facts: Any) -> Event:
        """The first event (also a past one, after the first `since`) of these names with these
        facts.

        Raises TimeoutError; Failed when the far end ended the call first; CannotTell when the
        engine broke.
        """
        async with asyncio.timeout(within):
            while (event := self.seen(*names, since=since, **facts)) is None:
                # The engine's own trouble comes before the far end's ending: a dead process ends
                # the call too.
                if self._broken is not None:
                    raise CannotTell(f"engine error: {self._broken}")
                if (ending := self.seen(*self.ENDINGS)) is not None:
                    raise self.ended_by(ending)
                if self.seen("closed") is not None:
                    raise CannotTell("engine error: the phone's process left of its own accord")
                self._news.clear()
                await self._news.wait()
        return event

    def ended_by(self, ending: Event) -> Failed:
        """The fault of the stage under way that an ending means."""
        return refusal(ending)

    async def close(self, hang_up_within: float = 3.0) -> None:
        """Hang up and end the process, whatever it takes; returns when it is gone."""
        self.order("hang-up", within=hang_up_within)
        try:
            await self._gone(hang_up_within + _CLOSE_SECONDS)
        except TimeoutError:
            self.put_down_after = hang_up_within + _CLOSE_SECONDS
            await self._put_down()
        finally:
            self._reading.cancel()
            self._writer.close()
            await self._let_go()

    async def _let_go(self) -> None:
        await self._child.end()

    async def _put_down(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._child.status is not None:
                return
            self._child.signal(number)
            try:
                await self._gone(_KILL_SECONDS)
            except TimeoutError:
                continue

    async def _gone(self, within: float) -> None:
        async with asyncio.timeout(within):
            await self._child.wait()
            await asyncio.wait({self._reading})

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(json.loads(line))
        # The process died in the middle of a line.
        except (ValueError, ConnectionError) as problem:
            self._broken = f"the phone's process spoke nonsense: {problem}"
        status = await self._child.wait()
        # A process that said "closed" ended as it should, whatever its status.
        if self._broken is None and self.seen("closed") is None:
            self._broken = f"the phone's process {_death(status)}"
        self._news.set()

    def _take(self, told: dict[str, Any]) -> None:
        event = Event(told.pop("event"), told.pop("at"), told)
        self.events.append(event)
        if event.name == "broken":
            self._broken = str(event["text"])
        self._news.set()


def _death(status: int) -> str:
    """The end of a process in words; a negative status is the signal that it died of."""
    if status < 0:
        return f"died of {signal.Signals(-status).name}"
    return f"ended early with status {status}"


def refusal(ending: Event) -> Failed:
    """What an ending of the call says, as a fault: a status with its Q.850 cause, or an early
    hang-up.
    """
    reasons = ending.facts.get("reasons", [])
    if ending.name == "refused":
        return _refused(ending, reasons)
    said = f"the far end ended the call ({ending.name})"
    return Failed("early-hang-up", with_reasons(said, reasons))


# What the engine makes of a request that it could not get through (RFC 3261 section 8.1.3.1).
_NOT_REACHED: Mapping[int, str] = {
    0: "unreachable",
    408: "timeout",
    502: "unreachable",
    503: "unreachable",
}


# The engine's words where the far end ended the connection, and did not reset it.
_ENDED = "End of file"


def _refused(ending: Event, reasons: Sequence[str]) -> Failed:
    code, phrase = int(ending["code"]), str(ending["phrase"])
    # A status that was never on the wire is made up by our own stack (a timer, an ICMP error).
    if ending["origin"] == "local":
        return _not_reached(code, phrase)
    return refused(code, phrase, reasons)


def _not_reached(code: int, phrase: str) -> Failed:
    """Our own stack's ending. Where it repeats the system's words, what they mean decides. Raises
    CannotTell.
    """
    # errno's words, "Connection refused", decide better than its 503. An end of stream has none.
    known = "closed" if _ENDED in phrase else _NOT_REACHED.get(code, f"sip:{code}")
    fault = fault_said(phrase) or Failed(known, phrase)
    if isinstance(fault, CannotTell):
        raise fault
    return Failed(fault.code, fault.text, origin="local")


async def unless_ended(phone: Phone, waiting: Callable[[], Any]) -> Any:
    """Await something else while a call stands. Raises what ends the call before."""
    wanted = asyncio.ensure_future(waiting())
    watch = asyncio.ensure_future(phone.until("never", within=86400.0))
    try:
        await asyncio.wait({wanted, watch}, return_when=asyncio.FIRST_COMPLETED)
        return await (wanted if wanted.done() else watch)
    finally:
        for task in (wanted, watch):
            task.cancel()
        await asyncio.gather(wanted, watch, return_exceptions=True)
