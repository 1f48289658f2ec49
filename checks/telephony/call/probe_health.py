"""Whether the probe itself was well while it looked; a sick one says nothing of the platform
(UNKNOWN, with figures).

What is measured, and where its limit lies by default:

* stall: the longest that a call's own process stood still (stopped, swapped, no CPU); 0.5 s, since
  the engine's media clock makes up for less, and beyond drops the sound for good;
* stalled: all such stand-stills of 50 ms and more, as a share of the call; 5 %, which costs G.711
  half a MOS point;
* wait: how long its media threads queued for a CPU (the worst of /proc/PID/task/*/schedstat), as a
  share of the call; 50 %, since a 20 ms media clock is then half a packet late on average;
* unsent: RTP packets that were due and never left; 2 %, the share of loss that people begin to
  hear;
* late: the longest that the daemon's event loop was late once the call began; 1 s, a third of the
  shortest default timer (media_within), which it would have taken from it.

A softphone measures the same (checks/webrtc/loop_health.py, pace.py), its loop being what carries
the media.

What the far end has said in so many words (a final response) stays a fact, however sick who heard
it; so does what it should never have said (bad-peer): a flood makes its receiver sick.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field

from checks.contract import CannotTell, Failed, Trace
from checks.settings import Duration, Settings

Figures = Callable[[], Iterable[Mapping[str, Any]]]
# Ten times a second: a late loop of 1 s is then known to 10 %.
_TICK_SECONDS = 0.1
# Final responses that a far end gives because we were late (RFC 3261: 408, 481, 487, 491).
_OURS_TO_BLAME = ("sip:408", "sip:481", "sip:487", "sip:491")

MEASURES: Mapping[str, str] = {
    "probe_stall_seconds": "the longest that the call's own process stood still",
    "probe_stalled_percent": (
        "stand-stills of the call's own process of 50 ms and more, percent of its time"
    ),
    "probe_wait_percent": (
        "queueing for a CPU of the media thread that waited most, percent of its time"
    ),
    "probe_unsent_percent": "RTP packets due that our own process never sent, percent",
    "probe_late_seconds": "the longest that the daemon's event loop was late during the call",
}


class ProbeLimits(Settings):
    """Settings of a check that can call itself sick."""

    probe_stall: Duration = 0.5
    """the call's own process may stand still this long; beyond, the observation is UNKNOWN"""
    probe_late: Duration = 1.0
    """the daemon's event loop may be this late during the call; beyond, the observation is
    UNKNOWN
    """
    probe_stalled_percent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 5.0
    """share of the call that its own process may stand still in all, percent; beyond, the
    observation is UNKNOWN
    """
    probe_wait_percent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 50.0
    """share of the call that a thread of it may queue for a CPU, percent; beyond, the observation
    is UNKNOWN
    """
    probe_unsent_percent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 2.0
    """share of its own RTP packets that it may fail to send, percent; beyond, the observation is
    UNKNOWN
    """


@dataclass(frozen=True, slots=True)
class Health:
    """How the probe got on during one call: the worst of its processes."""

    stall_seconds: float = 0.0
    stalled_percent: float = 0.0
    wait_percent: float = 0.0
    unsent_percent: float = 0.0
    late_seconds: float = 0.0
    preempted: int = 0
    """involuntary context switches of the call's processes"""
    load: float = 0.0
    """of the machine, one minute"""

    def measures(self) -> dict[str, float]:
        """The figures, by the names in MEASURES."""
        return {
            f"probe_{name}": value
            for name, value in asdict(self).items()
            if f"probe_{name}" in MEASURES
        }

    def beyond(self, limits: ProbeLimits) -> tuple[str, ...]:
        """Every figure that is beyond its limit, with both."""
        held = {
            "stood still for": (self.stall_seconds, limits.probe_stall, "s"),
            "stood still in all": (self.stalled_percent, limits.probe_stalled_percent, "%"),
            "queued for a CPU": (self.wait_percent, limits.probe_wait_percent, "%"),
            "RTP not sent": (self.unsent_percent, limits.probe_unsent_percent, "%"),
            "event loop late by": (self.late_seconds, limits.probe_late, "s"),
        }
        return tuple(
            f"{name} {value:.3g} {unit} (limit {limit:g} {unit})"
            for name, (value, limit, unit) in held.items()
            if value > limit
        )


class LoopWatch:
    """In the daemon: how late its event loop is, from `begin` (or its making) to `end`."""

    def __init__(self) -> None:
        self.late_seconds = 0.0
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_TICK_SECONDS, self._tick)
        self._due = self._loop.time() + _TICK_SECONDS

    def _tick(self) -> None:
        # A timer that fires late tells how long the loop could not run.
        self.late_seconds = max(self.late_seconds, self._loop.time() - self._due)
        self._due = self._loop.time() + _TICK_SECONDS
        self._timer = self._loop.call_later(_TICK_SECONDS, self._tick)

    def begin(self) -> None:
        """Begin anew: the lateness of starting processes does not count."""
        self.late_seconds, self._due = 0.0, self._loop.time() + _TICK_SECONDS

    def end(self) -> float:
        """Stop the watch; returns the worst lateness in seconds."""
        self._timer.cancel()
        return max(self.late_seconds, self._loop.time() - self._due)


def health_of(legs: Iterable[Mapping[str, Any]], late_seconds: float) -> Health:
    """The worst of the figures that the legs of a call told."""
    legs = list(legs)

    def worst(name: str) -> float:
        return max((float(leg.get(name, 0.0)) for leg in legs), default=0.0)

    return Health(
        stall_seconds=worst("stall_seconds"),
        stalled_percent=worst("stalled_percent"),
        wait_percent=worst("wait_percent"),
        unsent_percent=worst("unsent_percent"),
        late_seconds=round(late_seconds, 4),
        preempted=sum(int(leg.get("preempted", 0)) for leg in legs),
        load=round(os.getloadavg()[0], 2),
    )


@contextmanager
def honest(trace: Trace, limits: ProbeLimits, figures: Figures) -> Iterator[LoopWatch]:
    """Around one call: judges the probe when it is over. `figures()` gives what each leg told; what
    is yielded may `begin` anew once everything has started.

    Raises CannotTell, with the figures, for whatever a sick probe saw: a pass as well as a fault,
    but for what the far end has said in so many words.
    """
    watch = LoopWatch()
    refused: Failed | None = None
    try:
        yield watch
    except Failed as fault:
        refused = fault
    finally:
        late = watch.end()
    health = health_of(figures(), late)
    for name, value in health.measures().items():
        trace.measure(name, value)
    # The figures are measured and kept, whatever the verdict.
    if beyond := health.beyond(limits):
        said = f"the probe itself was sick: {', '.join(beyond)}; load {health.load:g}"
        # "sip:404" stays a fact, however busy the machine was that received it.
        if refused is None or not said_by_far_end(refused):
            seen = f"; it saw {refused}" if refused else ""
            raise CannotTell(said + seen) from refused
        trace.note(said)
    if refused is not None:
        raise refused


def said_by_far_end(fault: Failed) -> bool:
    """Whether the fault is the far end's own final response, and not one to our being late."""
    final = fault.code.startswith("sip:") and fault.code[:7] not in _OURS_TO_BLAME
    return fault.origin == "far" and (final or fault.code == "bad-peer")
