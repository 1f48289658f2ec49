"""How much of an offered load is turned away? Several calls, or log-ins of agents, placed together
and counted.

    INVITE 1 … INVITE 20 ---------------->      started one after the other,
                                                standing at the same time
    <---- 200 OK × 16   503/34 × 4              4 of 20 rejected: 20 % (95 %: 8.1 to 41.6 %)
    fault: that of most of them, with its stage: answer sip:503/34
known. The interval is Wilson's (E. B. Wilson, 1927). A channel of the line is claimed for every
call that stands: never the last one that customers have.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from checks.contract import CannotTell, Check, Claim, Failed, Fault, Layer, Observation, Toll, Trace
from checks.kind import Duty
from checks.ratio import Ratio
from checks.settings import Duration
from checks.target import of_call, of_several
from checks.telephony.call import engine
from checks.telephony.call.line import AgentName, Line, LineName, toll
from checks.telephony.registration import SipRegistration
from checks.telephony.sip_call import SipCall

# The interval of the rejected share says nothing of attempts that never reached the platform.
_LEAST_TOLD = 0.9
# Failed attempts whose evidence is kept: three ladders show whether it is one cause or several.
_KEPT = 3
# Load is lost when it is turned away before the answer; what breaks later is another fault.
_REJECTING = ("register", "signalling", "ring", "answer")
# Ten calls a second: a burst within one millisecond would test flood protection, not capacity.
_GAP_SECONDS = 0.1

_MEASURES = {
    "offered": "calls (or log-ins) that were placed and of which something is known",
    "accepted": "those of them that were answered (or registered)",
    "rejected": "those that were turned away before the answer",
    "broken": "calls that were answered and then failed",
    "rejected_percent": "turned away, percent of those offered",
    "rejected_percent_low": "lower end of its 95 % interval (Wilson)",
    "rejected_percent_high": "upper end of its 95 % interval (Wilson)",
    "unknown": "attempts that could not tell; they count nowhere else",
    "slowest_seconds": "the slowest answer (or registration), in seconds",
}


class Burst(Check):
    """Places calls, or logs agents in, all together, and tells how many of those offered were
    rejected.
    """

    KIND: ClassVar[str] = "burst"
    BURDENS: ClassVar[bool] = True
    LAYER: ClassVar[Layer] = Layer.SIGNALLING
    STAGE_LAYERS: ClassVar[Mapping[str, Layer]] = {
        **dict.fromkeys(("media", "hold"), Layer.MEDIA),
        "log-in": Layer.AGENT,
        "": Layer.SIGNALLING,
    }
    COSTS: ClassVar[bool] = True
    DUTY: ClassVar[Duty] = "calls"
    SAMPLE: ClassVar[str] = """
# As many at once as the line has channels; `log_ins` logs agents in instead.
[checks.capacity]
kind = "burst"
at = ["03:00"]
line = "trunk-a"
to = "8000"
calls = 20
at_once = 1
"""

    line: LineName | None = None
    """the line to call over, of [lines]; it needs as many channels as calls stand at once"""
    to: Annotated[str, Field(pattern=r"^[^\s<>\"',;@]+(@[^\s<>\"',@]+)?$")] | None = None
    """the number to call, or a SIP URI"""
    calls: int = Field(default=0, ge=0, le=1000)
    """how many calls are placed in all"""
    at_once: int = Field(default=10, ge=1, le=100)
    """how many of them (or of the log-ins) may stand at the same time"""
    stand: Duration = Field(default=5.0, gt=0)
    """how long each call stands before it is hung up"""
    log_ins: tuple[AgentName, ...] = ()
    """the agents, of [agents], whose accounts are logged in instead of placing calls"""
    answer_within: Duration = Field(default=15.0, gt=0)
    """how soon each call must be answered, or each account registered"""
    allow_rejected: int = Field(default=0, ge=0)
    """so many may be rejected without being a fault"""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.calls) == bool(self.log_ins):
            raise ValueError(
                "either calls are placed (calls, line, to) or agents are logged in (log_ins)"
            )
        if self.calls and (self.line is None or self.to is None):
            raise ValueError("calls need a line and the number to call: write line and to")
        if self.line is not None and self._standing > self.line.channels:
            raise ValueError(
                f"{self._standing} calls at once need as many channels; line {self.line.name!r} has"
                f" {self.line.channels}: raise its channels, or write a smaller at_once"
            )
        if nobody := [agent.name for agent in self.log_ins if agent.user is None]:
            raise ValueError(f"agents {', '.join(nobody)} have no user to log in")
        return self

    @property
    def _standing(self) -> int:
        return min(self.at_once, self.calls)

    def claims(self) -> tuple[Claim, ...]:
        """One channel for each call that stands, or each agent's account."""
        if self.line is not None:
            return (Claim(self.line.name, self.line.channels, self._standing),)
        return tuple(Claim(agent.name, 1) for agent in self.log_ins)

    def tolls(self) -> tuple[Toll, ...]:
        """All calls of the burst; a log-in is no call."""
        if self.line is None or self.to is None:
            return ()
        # From its answer on, a BYE that has to be repeated included.
        return (toll(self.line, self.to, self.stand + 5.0, self.calls),)

    def target(self) -> str:
        """The number and the registrar; without calls the registrar and the accounts in use."""
        if self.to is None:
            accounts = of_several([line.user or line.name for line in self.log_ins])
            registrars = of_several(sorted({line.registrar for line in self.log_ins}))
            return f"{registrars} (accounts {accounts})"
        return of_call(self.to, self.line.registrar if self.line else "")

    def lacks(self) -> str | None:
        """The engine of its calls, where this host has none; logging in needs none."""
        return engine.missing() if self.calls else None

    def measures(self) -> Mapping[str, str]:
        """The counts of the attempts, and the rejected share with its interval."""
        return _MEASURES

    def layer_of(self, stage: str) -> Layer:
        """As the attempts themselves have it: who logs in, speaks of agents; who calls, of the way
        to the platform.
        """
        return Layer.AGENT if self.log_ins else self.stage_layer(stage)

    def highest_layer(self) -> Layer:
        """An accepted log-in proves that agents get in; an accepted call, that calls do."""
        return Layer.AGENT if self.log_ins else Layer.SIGNALLING

    def longest_seconds(self) -> float:
        """The time of all rounds, each attempt at its longest, in seconds."""
        attempts = self._attempts()
        rounds = -(-len(attempts) // self.at_once)
        return (
            rounds * max(one.longest_seconds() for one in attempts) + len(attempts) * _GAP_SECONDS
        )

    async def probe(self, trace: Trace) -> None:
        """Place all attempts, and judge them together. Raises Failed, CannotTell."""
        attempts, turns = self._attempts(), asyncio.Semaphore(self.at_once)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_placed(one, number, trace, turns))
                for number, one in enumerate(attempts, 1)
            ]
        self._judge(trace, [task.result() for task in tasks])

    def _attempts(self) -> Sequence[Check]:
        if self.log_ins:
            return [_log_in(agent, self.answer_within) for agent in self.log_ins]
        # The validator has seen to it that calls have a line and a number.
        assert self.line is not None and self.to is not None  # noqa: S101 - a type checker's need
        # A call of the burst only stands: silence in it is no dead air.
        call = partial(
            SipCall, line=self.line, to=self.to, dead_air=0.0, answer_within=self.answer_within
        )
        return [call(script=({"stay": f"{self.stand:g}s"},))] * self.calls

    def _judge(self, trace: Trace, seen: Sequence[Observation]) -> None:
        unknown = [one.blind for one in seen if one.blind is not None]
        faults = [one.fault for one in seen if one.fault]
        rejected = [fault for fault in faults if fault.stage in _REJECTING or self.log_ins]
        ratio = Ratio(len(rejected), len(seen) - len(unknown))
        # A share of what was told would be a share of a small and biased rest.
        if ratio.of <= _LEAST_TOLD * len(seen):
            most = Counter(unknown).most_common(1)[0][0]
            raise CannotTell(
                f"{len(unknown)} of {len(seen)} attempts could not tell; most of them: {most}"
            )
        _measure(trace, ratio, faults, seen)
        self._keep(trace, seen)
        if len(faults) > self.allow_rejected:
            raise self._fault(trace, ratio, faults)

    def _fault(self, trace: Trace, ratio: Ratio, faults: Sequence[Fault]) -> Failed:
        """The commonest fault, raised in its own stage, with the counts of all in its text."""
        # The ticket names the commonest fault; the others stand behind it with their counts.
        (stage, code), _ = Counter((fault.stage, fault.code) for fault in faults).most_common(1)[0]
        what = "log-ins" if self.log_ins else "calls"
        kinds = Counter(f"{fault.stage} {fault.code}" for fault in faults).most_common()
        low, high = ratio.interval() or (0.0, 100.0)
        said = (
            f"{ratio.hits} of {ratio.of} {what} rejected ({ratio.percent():.1f} %, 95 %: {low:.1f}"
            f" to {high:.1f} %)"
        )
        text = f"{said}: " + ", ".join(f"{count} × {kind}" for kind, count in kinds)
        try:
            with trace.stage("log-in" if self.log_ins else stage):
                raise Failed(code, text)
        except Failed as refused:
            return refused

    def _keep(self, trace: Trace, seen: Sequence[Observation]) -> None:
        """Keep the evidence of the first that failed, and remove the folders of all."""
        failed = [number for number, one in enumerate(seen, 1) if one.fault][:_KEPT]
        for number, one in enumerate(seen, 1):
            folder = trace.exhibits_folder / _folder(number)
            if number in failed:
                for exhibit in one.exhibits:
                    named = f"{folder.name}-{exhibit.name}"
                    exhibit.path.rename(trace.exhibits_folder / named)
                    trace.exhibit(named, exhibit.media_type)
            # Only the evidence that was moved out of the folders stays.
            shutil.rmtree(folder)


async def _placed(check: Check, number: int, trace: Trace, turns: asyncio.Semaphore) -> Observation:
    """Place one attempt, once its turn has come; `number` counts from 1."""
    await asyncio.sleep(_GAP_SECONDS * number)
    async with turns:
        folder = trace.exhibits_folder / _folder(number)
        folder.mkdir()
        own = Trace(trace.elapsed, folder)
        try:
            await check.probe(own)
        except Failed as refused:
            return own.observation(refused)
        except CannotTell as blind:
            return own.observation(blind=str(blind))
        return own.observation()


def _log_in(agent: Line, within: float) -> Check:
    return SipRegistration(line=agent, within=within)


def _measure(
    trace: Trace, ratio: Ratio, faults: Sequence[Fault], seen: Sequence[Observation]
) -> None:
    low, high = ratio.interval() or (0.0, 100.0)
    told = [one for one in seen if one.blind is None]
    slowest = [
        value
        for one in told
        for name in ("answer_seconds", "register_seconds")
        if not one.fault and (value := one.measures.get(name)) is not None
    ]
    figures = {
        "offered": ratio.of,
        "accepted": ratio.of - len(faults),
        "rejected": ratio.hits,
        "broken": len(faults) - ratio.hits,
        "unknown": len(seen) - len(told),
        "rejected_percent": ratio.percent() or 0.0,
        "rejected_percent_low": low,
        "rejected_percent_high": high,
        **({"slowest_seconds": max(slowest)} if slowest else {}),
    }
    for name, value in figures.items():
        trace.measure(name, value)


def _folder(number: int) -> str:
    return f"attempt-{number:03}"
