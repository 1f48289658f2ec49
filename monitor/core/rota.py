"""Who is on call: a rota hands over once a week, to the next in turn; overrides by date come before
it. And a person's hours of rest.

Rules: the hand-over is a time on the site's wall, so that it keeps its hour over a change of
offset. Somebody is on call at every instant, before `since` too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from monitor.core.local_time import instant
from monitor.core.maintenance import Daily

# An override may last for weeks, and hand over to whoever has it already.
_MOST_HAND_OVERS = 100


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody stands in, from one wall time to another."""

    start: datetime
    end: datetime
    who: str


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody is on call; both instants are UTC."""

    who: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Rota:
    """One role's turn of people, by their names."""

    role: str
    turn: tuple[str, ...]
    weekday: int
    """of the hand-over, 0 is Monday"""
    at: time
    since: date
    """a day in the first week of the first in turn"""
    zone: str
    overrides: tuple[Override, ...] = ()


def on_call(rota: Rota, now: datetime) -> Duty:
    """Who is on call at an instant, and until when nothing changes."""
    zone = ZoneInfo(rota.zone)
    spans = [(instant(o.start, zone), instant(o.end, zone), o.who) for o in rota.overrides]
    for start, end, who in spans:
        if start <= now < end:
            return Duty(who, start, end)
    begun = _handed_over(rota, now, zone)
    since, until = (_moment(rota, begun + timedelta(weeks=n), zone) for n in (0, 1))
    # The week is on again after an override, and ends where the next begins.
    since = max([since, *(end for _, end, _ in spans if end <= now)])
    until = min([until, *(start for start, _, _ in spans if start > now)])
    weeks = (begun - _week_of(rota, rota.since)).days // 7
    return Duty(rota.turn[weeks % len(rota.turn)], since, until)


def next_duty(rota: Rota, now: datetime) -> Duty | None:
    """The first turn of somebody else after this one; None where there is nobody else."""
    duty = on_call(rota, now)
    following = duty
    for _ in range(_MOST_HAND_OVERS):
        following = on_call(rota, following.until)
        if following.who != duty.who:
            return following
    return None


def rest_until(quiet: tuple[time, time] | None, now: datetime, zone: str) -> datetime | None:
    """When the hours of rest that are now are over; None outside them."""
    if quiet is None:
        return None
    where = ZoneInfo(zone)
    spans = Daily(*quiet).spans(now.astimezone(where).date(), where)
    return next((end for start, end in spans if start <= now < end), None)


def duties(rotas: Iterable[Rota], role: str, now: datetime) -> str | None:
    """Who of a role is on call; None where it has no rota, and everybody is."""
    return next((on_call(rota, now).who for rota in rotas if rota.role == role), None)


def _week_of(rota: Rota, day: date) -> date:
    """The day of the hand-over on or before a day."""
    return day - timedelta(days=(day.weekday() - rota.weekday) % 7)


def _handed_over(rota: Rota, now: datetime, zone: ZoneInfo) -> date:
    """The day of the last hand-over by now."""
    day = _week_of(rota, now.astimezone(zone).date())
    return day if _moment(rota, day, zone) <= now else day - timedelta(weeks=1)


def _moment(rota: Rota, day: date, zone: ZoneInfo) -> datetime:
    return instant(datetime.combine(day, rota.at), zone)
