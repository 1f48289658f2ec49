"""Can callers in a queue be served just now? An Asterisk's queues and their agents, by its manager
interface (AMI).

    > Action: QueueStatus
    < Event: QueueParams  Queue: support  Calls: 2  Completed: 311  Abandoned: 7  Holdtime: 12
    < Event: QueueMember  Queue: support  Name: Ann  Status: 1  Paused: 0         ready
    < Event: QueueMember  Queue: support  Name: Bob  Status: 5  Paused: 0         logged in, his
                          phone is not there
    < Event: QueueEntry   Queue: support  Position: 1  Wait: 95                   a caller, waiting
                          for 95 s
    < Event: QueueStatusComplete

Rules: an agent in several queues is one agent. Able is who could get a call now or is on one:
logged in, not paused, and with a phone that would ring (device states 0, 1, 2, 3, 6, 7, 8).
Completed and abandoned calls are counted since the look before; counters that went back (a reload)
begin anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from pydantic import Field, model_validator

from checks.contract import CannotTell, Failed, Layer, Trace
from checks.digits import whole
from checks.kind import Duty
from checks.ratio import Ratio
from checks.telephony.asterisk.ami import Interface, Message, UnknownAction
from checks.telephony.asterisk.login import AsteriskCheck
from checks.transport.faults import far_faults

# A subscription to one queue would miss an agent who sits in another: all three events are needed.
_EVENTS = ("QueueParams", "QueueMember", "QueueEntry")
# Device states of Asterisk (devicestate.h): 0 unknown, 1 not in use, 2 in use, 3 busy, 6 ringing,
# 7 ringing and in use, 8 on hold. app_queue rings those in an unknown state, as phones of DAHDI,
# of a trunk and behind a Local channel without a hint always are.
_REACHABLE = ("0", "1", "2", "3", "6", "7", "8")
# 4 invalid and 5 unavailable mean that no phone would ring.
_STATES = {"4": "invalid", "5": "not reachable"}


class QueueState(AsteriskCheck):
    """Asks an Asterisk by AMI for its queues: who is logged in, who can take calls, who waits and
    for how long.
    """

    KIND: ClassVar[str] = "queue-state"
    LOOKS_ONLY: ClassVar[bool] = True
    LAYER: ClassVar[Layer] = Layer.AGENT
    DUTY: ClassVar[Duty] = "agents"
    SAMPLE: ClassVar[str] = """
[checks.queues]
kind = "queue-state"
every = "5m"
warn = ["longest_wait_seconds <= 120"]
host = "pbx.example.net"
tls = true
user = "reveille"
password = { credential = "manager" }
queues = ["support"]
"""

    queues: tuple[str, ...] = ()
    """the queues that count; without any, all that Asterisk has, and at least one"""
    seats: int = Field(default=0, ge=0)
    """how many agents should be able to take calls; 0: that is not judged"""
    allow_unable: int = Field(default=0, ge=0)
    """so many of the seats may be without an agent who can take calls"""

    @model_validator(mode="after")
    def _seats_to_spare(self) -> Self:
        if self.allow_unable and self.allow_unable >= self.seats:
            raise ValueError(
                f"allow_unable = {self.allow_unable} of {self.seats} seats would allow that nobody"
                " works"
            )
        return self

    def measures(self) -> Mapping[str, str]:
        """The measures of the queues, of their agents and of their callers."""
        seats = {
            "seats": "how many agents should be able to take calls",
            "agents_missing": "seats without an agent who can take calls",
            "agents_missing_percent": "the same, percent of the seats",
        }
        return {
            **super().measures(),
            "queues_seconds": "until the queues were told, in seconds",
            "queues": "queues looked at",
            "agents_seconds": "judging their agents, in seconds",
            "agents_logged_in": "agents that are members of a queue",
            "agents_able": "those of them who can take calls, or are on one",
            "agents_paused": "those who are paused",
            "agents_unreachable": "those whose phone is not there",
            **(seats if self.seats else {}),
            "callers_waiting": "callers waiting in the queues",
            "longest_wait_seconds": "how long the first of them has been waiting, in seconds",
            "calls_completed": "calls served since the look before",
            "calls_abandoned": "calls given up by the caller since the look before",
            "abandoned_percent": (
                "given up, percent of those served and given up; none where there was no call"
            ),
        }

    async def asked(self, manager: Interface, trace: Trace) -> None:
        """Ask for the queues, their agents and their callers, measure and judge them."""
        with trace.stage("queues"), far_faults():
            told = self._wanted(await _status(manager))
        queues = [one for one in told if one["event"].lower() == "queueparams"]
        agents = _agents(told)
        waits = [_number(one, "wait") for one in told if one["event"].lower() == "queueentry"]
        trace.measure("queues", len(queues))
        trace.measure("callers_waiting", len(waits))
        trace.measure("longest_wait_seconds", max(waits, default=0))
        _count(trace, queues)
        with trace.stage("agents"):
            self._judge(trace, agents, len(waits))

    def _wanted(self, told: Sequence[Message]) -> list[Message]:
        there = {one.get("queue", "") for one in told if one["event"].lower() == "queueparams"}
        if not there:
            raise Failed("no-queues", "Asterisk has no queue at all: is queues.conf loaded?")
        if missing := [name for name in self.queues if name not in there]:
            raise Failed(
                "no-such-queue",
                f"Asterisk has no queue {', '.join(missing)}; it has {', '.join(sorted(there))}",
            )
        return [one for one in told if not self.queues or one.get("queue") in self.queues]

    def _judge(self, trace: Trace, agents: Mapping[str, Message], waiting: int) -> None:
        paused = [name for name, one in agents.items() if one.get("paused") == "1"]
        away = [name for name, one in agents.items() if one.get("status") not in _REACHABLE]
        # Sets, since one agent may be both paused and unreachable, and must be counted once.
        able = len(agents.keys() - {*paused, *away})
        trace.measure("agents_logged_in", len(agents))
        trace.measure("agents_able", able)
        trace.measure("agents_paused", len(paused))
        trace.measure("agents_unreachable", len(away))
        for name in away:
            trace.note(
                f"{name}: phone {_STATES.get(agents[name].get('status', ''), 'in no known state')}"
            )
        missing = Ratio(max(0, self.seats - able), self.seats)
        if self.seats:
            trace.measure("seats", self.seats)
            trace.measure("agents_missing", missing.hits)
            trace.measure("agents_missing_percent", missing.percent() or 0.0)
        # Without a waiting caller an empty queue at night is no fault; `seats` is for whoever
        # wants that judged.
        if waiting and not able:
            text = f"callers waiting: {waiting}; none of {len(agents)} agents can take calls"
            raise Failed("nobody-to-answer", text)
        if missing.hits > self.allow_unable:
            text = (
                f"{missing.hits} of {self.seats} seats ({missing.percent():.1f} %) have no agent"
                " who can take calls"
            )
            raise Failed(
                "too-few-agents",
                f"{text}: {len(paused)} paused, {len(away)} without a phone that is there",
            )


async def _status(manager: Interface) -> list[Message]:
    try:
        return await manager.items("QueueStatus", _EVENTS, "QueueStatusComplete")
    except UnknownAction as missing:
        raise CannotTell(
            f"this Asterisk does not know {missing}: it needs app_queue (module load app_queue.so)"
        ) from missing


def _agents(told: Sequence[Message]) -> dict[str, Message]:
    """Each agent once, by the interface that is rung.

    An agent who is paused in one of several queues counts as not paused.
    """
    found: dict[str, Message] = {}
    for one in told:
        if one["event"].lower() == "queuemember":
            # app_queue rings Location, and reads the state of StateInterface where the two differ
            # (a Local channel in front of a phone).
            name = one.get("stateinterface") or one.get("location") or one.get("name", "?")
            # An agent who is paused in one queue still takes calls of the others.
            if name not in found or found[name].get("paused") == "1":
                found[name] = one
    return found


def _count(trace: Trace, queues: Sequence[Message]) -> None:
    """What was served and given up since the look before, by the queues' own counters."""
    totals = {
        one.get("queue", "?"): [_number(one, "completed"), _number(one, "abandoned")]
        for one in queues
    }
    before = trace.recalled.get("totals", {})
    trace.remember("totals", totals)
    # The first look knows no earlier counters: the totals since the reload would look like one
    # minute's calls.
    if not before:
        return
    grown = [_grown(now, before.get(name, [0, 0])) for name, now in totals.items()]
    completed, abandoned = (sum(column) for column in zip(*grown, strict=True))
    trace.measure("calls_completed", completed)
    trace.measure("calls_abandoned", abandoned)
    if (percent := Ratio(abandoned, completed + abandoned).percent()) is not None:
        trace.measure("abandoned_percent", percent)


def _grown(now: Sequence[int], before: Sequence[int]) -> list[int]:
    # `queue reset stats`, a reload or a restart sets the counters back to zero.
    reset = any(late < early for late, early in zip(now, before, strict=True))
    return [late if reset else late - early for late, early in zip(now, before, strict=True)]


def _number(row: Message, header: str) -> int:
    return whole(row.get(header, "")) or 0
