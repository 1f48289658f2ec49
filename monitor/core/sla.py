"""The clocks of an incident: what was promised by when, kept or broken. Computed from events
whenever it is read.

Rules: every clock runs from the opening, also after a reclassification; an automatic
acknowledgement stops nothing; pauses are removed time; a breach that was once recorded stays one,
whatever the new targets say; an end without a repair stops a clock and meets no promise; an
acknowledgement meets no promise that begins after it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.core.open_hours import ALWAYS, Calendar, Hours, Span, due, elapsed, merged

__all__ = [
    "ALWAYS",
    "Calendar",
    "Clock",
    "ClockState",
    "Event",
    "Hours",
    "Promise",
    "Span",
    "clocks",
    "due",
    "elapsed",
]

# The events that stop a clock; any other kind ("auto-acknowledged", "told", ...) stops none.
STOPS: Mapping[str, tuple[str, ...]] = {
    "acknowledgement": ("acknowledged", "answered", "resolved"),
    "response": ("acknowledged", "answered", "resolved"),
    # How often whoever is affected hears how it stands: kept by Reveille itself, anew each time.
    "update": (),
    "recovery": ("resolved",),
    "resolution": ("resolved",),
    # ITIL: the analysis of the root cause follows the resolution, and ends when it is sent.
    "rca": ("rca-sent",),
    # Those who mend it for good say how it is kept from coming again.
    "prevention": ("prevention-sent",),
}
UPDATE = "update"
ANALYSES = ("rca", "prevention")
"""the promises that a policy may make, each with what keeps it"""


class ClockState(StrEnum):
    """How a promise stands."""

    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"
    STOPPED = "stopped"
    """the incident ended in time, but nobody has seen it work"""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an incident: "acknowledged" and "answered" by a human, "resolved",
    "ended" (with nobody having seen it work), "reopened", "paused", "resumed" (of the clock
    `clock`, or of all), "rca-sent", "prevention-sent", "breached" (of the clock `clock`, recorded).
    Other kinds are allowed and change nothing.
    """

    at: datetime
    kind: str
    clock: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised: within so many seconds of open time since an instant."""

    name: str
    since: datetime
    seconds: float
    calendar: Calendar = ALWAYS


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise as it stands. `at` is when it was met or broken; `recorded` says that the breach
    is already in the events.
    """

    name: str
    due_at: datetime
    state: ClockState
    at: datetime | None = None
    recorded: bool = False
    paused: bool = False


def clocks(
    promises: Iterable[Promise], events: Sequence[Event], now: datetime
) -> tuple[Clock, ...]:
    """A clock for each promise, as it stands now. `events` are in the order in which they
    happened.
    """
    pauses, paused = pauses_of(events, now)
    shown: list[Clock] = []
    for one in promises:
        own, waits = _own_pauses(one.name, events, now)
        due_at = due(one.since, one.seconds, one.calendar, merged((*pauses, *own)))
        shown.append(_clock(one, due_at, events, now, paused or waits))
    return tuple(shown)


def unrecorded_breaches(shown: Iterable[Clock]) -> tuple[Clock, ...]:
    """The clocks whose breach is still to be recorded."""
    return tuple(
        clock for clock in shown if clock.state is ClockState.BREACHED and not clock.recorded
    )


def next_deadline(shown: Iterable[Clock]) -> datetime | None:
    """When the next running clock is due; one that is paused waits for an event instead."""
    running = (
        clock.due_at for clock in shown if clock.state is ClockState.RUNNING and not clock.paused
    )
    return min(running, default=None)


def _clock(
    one: Promise, due_at: datetime, events: Sequence[Event], now: datetime, paused: bool
) -> Clock:
    """Stopping at the due instant itself is in time; still running then is a breach."""
    name = one.name
    # A recorded breach wins over all that came later: laxer targets of a reclassification do not
    # undo it.
    recorded = next(
        (event.at for event in events if event.kind == "breached" and event.clock == name), None
    )
    if recorded is not None:
        return Clock(name, due_at, ClockState.BREACHED, recorded, recorded=True)
    stopped = _stopped_at(one, events)
    if stopped is not None and stopped <= due_at:
        return Clock(name, due_at, ClockState.MET, stopped)
    # An end without a repair stops the clock; whether it would have been kept nobody can say, so it
    # is neither met nor broken.
    ended = _ended_at(events) if stopped is None else None
    if ended is not None and ended <= due_at:
        return Clock(name, due_at, ClockState.STOPPED, ended)
    if stopped is not None or now >= due_at:
        return Clock(name, due_at, ClockState.BREACHED, due_at)
    return Clock(name, due_at, ClockState.RUNNING, paused=paused)


def _stopped_at(one: Promise, events: Sequence[Event]) -> datetime | None:
    """The first event that stops the clock; a resolution that did not hold ("reopened") is none."""
    stops = STOPS.get(one.name, ())
    stopped: Event | None = None
    for event in events:
        if event.kind == "reopened" and stopped is not None and stopped.kind == "resolved":
            stopped = None
        # Who took it before this was promised has answered for somebody else, or for another time.
        elif event.kind == "acknowledged" and event.at < one.since:
            continue
        elif stopped is None and event.kind in stops:
            stopped = event
    return stopped.at if stopped else None


def _ended_at(events: Sequence[Event]) -> datetime | None:
    """When it ended without a repair, if that is how it stands."""
    last = next((event for event in reversed(events) if event.kind in ("ended", "reopened")), None)
    return last.at if last and last.kind == "ended" else None


def _own_pauses(
    clock: str, events: Sequence[Event], now: datetime
) -> tuple[tuple[Span, ...], bool]:
    """The time in which this clock alone waited. An end of the incident ends no such wait: evidence
    comes days after a repair.
    """
    spans: list[Span] = []
    since: datetime | None = None
    for event in events:
        if event.clock != clock:
            continue
        if event.kind == "paused" and since is None:
            since = event.at
        elif event.kind == "resumed" and since is not None:
            spans.append((since, event.at))
            since = None
    if since is not None:
        spans.append((since, now))
    return tuple(spans), since is not None


def pauses_of(events: Sequence[Event], now: datetime) -> tuple[tuple[Span, ...], bool]:
    """The paused time up to now, and whether it is paused now."""
    spans: list[Span] = []
    since: datetime | None = None
    for event in events:
        if event.clock:
            continue
        if event.kind == "paused" and since is None:
            since = event.at
        # An end takes the pause with it: time after it is nobody's, and would push the due time of
        # a reopened ticket.
        elif event.kind in ("resumed", "resolved", "ended") and since is not None:
            spans.append((since, event.at))
            since = None
    if since is not None:
        spans.append((since, now))
    return tuple(spans), since is not None
