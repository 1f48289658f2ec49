"""The process of one WebRTC call: a browser's softphone under remote control (`python -m
checks.webrtc.softphone FD`).

Commands and events as checks/telephony/phone/process.py has them, so that the same script can be
played; before it come the stages, each told as it passes or fails (stages.py). Secrets come only
over the socket FD.

No orphan: when the socket closes (the daemon is gone, by whatever way), at SIGTERM, or when its
life is over, it hangs up, takes its registration back and leaves within seconds. A process that is
stuck is ended by SIGALRM.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.contract import CannotTell, Failed
from checks.process.channel import Channel, be_a_good_child
from checks.transport.stages import Over, Stages
from checks.webrtc.loop_health import LoopPulse

if TYPE_CHECKING:
    from checks.telephony.phone.listener import CallListener
    from checks.webrtc.station import Station

# Twenty looks a second: the ear reads, and the alarm is set anew.
_TICK_SECONDS = 0.05
# No step of the loop takes longer; SIGALRM ends a process that stands still.
_STUCK_SECONDS = 15
# RFC 6455 section 7.1.1: a BYE, its answer and the closing handshake take three round trips.
_FAREWELL_SECONDS = 3.0
# When the daemon is dead; the guard leaves it half a second more (engine.py).
_ORPHAN_SECONDS = 1.0


class Softphone:
    """Obeys the commands and tells what happens."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._order = channel, dict[str, Any]()
        self._station: Station | None = None
        self._ear: CallListener | None = None
        self._work: asyncio.Task[None] | None = None
        self._leaving: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        # Until the order "open" names the life of the call.
        self._dies = time.monotonic() + 600
        self._pulse = LoopPulse(self._carriers)

    async def run(self) -> None:
        """Run until it is told to hang up, or the daemon is gone."""
        loop = asyncio.get_running_loop()
        self._live_alone()
        loop.add_reader(self._channel.fileno(), self._read)
        beating = asyncio.create_task(self._beat())
        work = asyncio.create_task(self._until_told())
        await asyncio.wait({beating, work}, return_when=asyncio.FIRST_COMPLETED)
        loop.remove_reader(self._channel.fileno())
        for task in (beating, work):
            # A task that broke tells so before the call is ended.
            if task.done() and (problem := task.exception()):
                self._broke(problem)
        try:
            await self._leave(self._leaving.result() if self._leaving.done() else _FAREWELL_SECONDS)
        finally:
            beating.cancel()

    def _live_alone(self) -> None:
        """Leave at SIGTERM, as a process of its own must."""
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGTERM, self._leave_within, _FAREWELL_SECONDS
        )

    def _carriers(self) -> Iterable[int]:
        """The processes that carry the sound."""
        return (os.getpid(),)

    def _show_life(self) -> None:
        """Set the alarm anew: a process whose loop stands still is ended by it."""
        signal.setitimer(signal.ITIMER_REAL, _STUCK_SECONDS)

    async def _until_told(self) -> None:
        await self._leaving

    async def _beat(self) -> None:
        """The signs of life: a stuck process is ended, an old one leaves, and the ear listens."""
        while time.monotonic() < self._dies:
            self._show_life()
            if self._ear is not None and not self._leaving.done():
                self._ear.attend()
            with self._pulse.sleeping(_TICK_SECONDS):
                await asyncio.sleep(_TICK_SECONDS)
        self._leave_within(_FAREWELL_SECONDS)

    def _leave_within(self, seconds: float) -> None:
        if not self._leaving.done():
            self._leaving.set_result(seconds)

    def _broke(self, problem: BaseException) -> None:
        text = (
            str(problem)
            if isinstance(problem, CannotTell)
            else f"{type(problem).__name__}: {problem}"
        )
        self._channel.tell("broken", text=text)

    # --- commands

    def _read(self) -> None:
        try:
            for command in self._channel.commands():
                self._obey(command)
        except Exception as problem:  # noqa: BLE001 - a broken command ends the call, and is told
            self._broke(problem)
            self._leave_within(_FAREWELL_SECONDS)
        if self._channel.gone:
            self._leave_within(_ORPHAN_SECONDS)

    def _obey(self, command: dict[str, Any]) -> None:
        match command:
            case {"do": "open"}:
                self._open(command)
            case {"do": "call"}:
                self._work = asyncio.create_task(self._call())
            case {"do": "hang-up"}:
                self._leave_within(command.get("within", _FAREWELL_SECONDS))
            case _:
                self._converse(command)

    def _open(self, command: dict[str, Any]) -> None:
        self._order = command
        self._dies = time.monotonic() + command["life_seconds"]
        self._begin(command)

    def _begin(self, command: dict[str, Any]) -> None:
        from checks.webrtc.station import Station

        self._station = Station(
            self._channel.tell,
            Stages(self._channel.tell, command["within"]),
            command,
            self._pulse,
        )
        self._channel.tell("ready")

    async def _call(self) -> None:
        from checks.telephony.phone.listener import CallListener

        if self._station is None:
            raise RuntimeError("the first command is open")
        try:
            await self._station.reach()
            self._pulse.begin()
            await self._station.call()
            self._ear = CallListener(self._channel.tell, self._station.heard, self._station.said)
            self._channel.tell("media", codec=self._station.codec)
        except Over:
            return
        except Exception as problem:  # noqa: BLE001 - whatever it is, the daemon is told
            self._broke(problem)
            self._leave_within(_FAREWELL_SECONDS)

    def _converse(self, command: dict[str, Any]) -> None:
        """Obey the commands that need a call with sound."""
        station, ear = self._station, self._ear
        if ear is None or station is None:
            self._channel.tell("no-media", command=command["do"])
            return
        match command:
            case {"do": "press", "digits": digits}:
                self._work = asyncio.create_task(self._press(station, digits))
                ear.turn_page()
            case {"do": "listen"}:
                ear.listen_for(command)
            case {"do": "challenge", "say": say}:
                station.say_nonce(say)
                ear.listen_for_nonce(command)
                # No clock here is right to a millisecond: no delay is told.
                if command.get("timed"):
                    self._channel.tell(
                        "challenge-timed", turn=command.get("turn", 0), said_at=None, heard=[]
                    )
            case {"do": "hush"}:
                station.hush()
            case {"do": "review", "wanted": wanted}:
                ear.recording.refresh()
                code, text = ear.what_is_heard(command, wanted)
                self._channel.tell("reviewed", code=code, text=text)
            case {"do": "await-sound"}:
                ear.await_sound(command)
            case {"do": "examine"}:
                # In a thread: examining takes seconds, and this loop carries the call's packets.
                self._work = asyncio.create_task(self._examine(ear, command))
            case {"do": "count"}:
                self._work = asyncio.create_task(self._count(station, command.get("number", 0)))
            case _:
                raise ValueError(f"no such command: {command['do']}")

    async def _press(self, station: Station, digits: str) -> None:
        try:
            await station.press(digits)
        except Failed as refused:
            self._channel.tell("press-failed", text=str(refused))
            return
        self._channel.tell("pressed", digits=digits)

    async def _examine(self, ear: CallListener, order: dict[str, Any]) -> None:
        self._channel.tell("examined", **await ear.examine_beside(order))

    async def _count(self, station: Station, number: int) -> None:
        self._channel.tell("counted", number=number, **await station.counts())

    # --- leaving

    async def _leave(self, within: float) -> None:
        """Hang up, wait for the answer, un-REGISTER, write the exhibits, say so."""
        if self._work is not None:
            # What is under way ends with the call.
            self._work.cancel()
            await asyncio.wait({self._work}, timeout=1.0)
        if self._station is not None:
            try:
                await self._end(self._station, within)
            finally:
                # Figures that cannot be told leave no page, socket or media behind.
                await self._station.close()
        self._channel.tell("closed")

    async def _end(self, station: Station, within: float) -> None:
        """Hang up, tell the last figures, and write the exhibits."""
        began = time.monotonic()
        had_call, answered = await station.hang_up(within)
        self._channel.tell("hung-up", began=began, answered=answered, had_call=had_call)
        heard = await self._ear.figures_beside() if self._ear is not None else {}
        self._channel.tell(
            "statistics", **await station.statistics(), **heard, health=self._pulse.figures()
        )
        station.write(Path(self._order["folder"]), self._order["files"])


def main() -> None:
    """Run the process until its call is over; does not return."""
    channel = Channel(int(sys.argv[1]))
    be_a_good_child()
    # The imports take their time now, before the daemon begins to measure.
    import checks.telephony.phone.listener
    import checks.webrtc.station  # noqa: F401 - its import would be measured as the far end's

    try:
        asyncio.run(_life(channel))
    except BaseException as problem:  # noqa: BLE001 - whatever it is, the daemon is told
        with suppress(BaseException):  # the process ends either way
            channel.tell("broken", text=f"{type(problem).__name__}: {problem}")
        os._exit(1)
    # aiortc's threads would keep a normal exit waiting.
    os._exit(0)


async def _life(channel: Channel) -> None:
    await Softphone(channel).run()


if __name__ == "__main__":
    main()
