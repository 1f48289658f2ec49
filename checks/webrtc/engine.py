"""The daemon's side of a WebRTC call: a phone whose process is a browser's softphone, and which
names its stages.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar, Self

from checks.contract import CannotTell, Failed, Trace
from checks.telephony.call.leg import START_SECONDS, Event, Phone

_SECONDS_A_DAY = 86400.0
_PROGRAM = (sys.executable, "-P", "-m", "checks.webrtc.softphone")


class Softphone(Phone):
    """One WebRTC call. What breaks in it is a fault of its own part: websocket, ice or dtls."""

    # A stage that failed ends the call as a BYE does.
    ENDINGS: ClassVar[tuple[str, ...]] = ("failed", "lost", *Phone.ENDINGS)
    trace: Trace | None = None

    @classmethod
    async def start(cls, command: tuple[str, ...] = (), log: Path | None = None) -> Self:
        """Start the process. Raises CannotTell."""
        return await super().start(command or _PROGRAM, log)

    def ended_by(self, ending: Event) -> Failed:
        """A stage that failed, a part that was lost, or the far end's own ending."""
        if ending.name not in ("failed", "lost") or self.trace is None:
            return super().ended_by(ending)
        # The origin tells the ticket whether it was our own stack.
        refused = Failed(ending["code"], ending["text"], ending.facts.get("origin", "far"))
        try:
            with self.trace.stage(ending["stage"]):
                raise refused
        except Failed:
            return refused

    async def pass_through(self, trace: Trace, name: str, within: float) -> None:
        """Await one stage, as the process tells it. Raises Failed, CannotTell."""
        with trace.stage(name):
            try:
                told = await self.until(
                    "passed", "failed", within=within + START_SECONDS, stage=name
                )
            except TimeoutError:
                raise CannotTell("engine error: the softphone's process does not answer") from None
            if told.name == "failed":
                raise Failed(told["code"], told["text"], told["origin"])
        trace.measure(f"{name}_seconds", told["seconds"])
        _keep(trace, told)


class Agent(Phone):
    """The agent's phone. A call that rings it directly is answered at once, before the script comes
    to it.
    """

    _answered = False

    def order(self, do: str, **details: Any) -> None:
        """Send a command; a second order to answer is dropped."""
        # A script's agent step orders an answer too; the call was answered when it rang.
        if do == "answer" and self._answered:
            return
        self._answered = self._answered or do == "answer"
        super().order(do, **details)

    async def answer_when_rung(self) -> None:
        """Wait until the phone is rung, and answer."""
        # A day: the attempt's own time ends it.
        await self.until("incoming", within=86400.0)
        self.order("answer", status=200)


def _keep(trace: Trace, told: Event) -> None:
    """Keep what a stage tells beside its time: notes and measures."""
    for note in [told.facts.get("note"), *told.facts.get("notes", [])]:
        if note:
            trace.note(note)
    for transport, seconds in told.facts.get("allocations", {}).items():
        trace.measure(f"turn_{transport}_seconds", seconds)
    # A check has no wall clock: the days are counted from when this attempt began.
    if "not_after" in told.facts:
        left = told["not_after"] - trace.began_at
        trace.measure("certificate_days", left / _SECONDS_A_DAY)
