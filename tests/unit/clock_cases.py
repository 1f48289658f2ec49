"""Random lives of incidents under random calendars, lived by the product and counted by the minute
(minute_oracle.py): what `./reveille bench clock-oracle` runs a million of, and the suite some.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from monitor.core.incident import Closing, Evidence, Incident, Pause
from monitor.core.open_hours import Calendar, Calendars, Hours
from monitor.core.policy_terms import Ladder, Level, Severity, Target
from monitor.core.sla import Clock, unrecorded_breaches
from tests.unit.minute_oracle import DAY, Life, Minutes, Shift, Told, opened, walls

ZERO = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = (
    "UTC", "Asia/Kolkata", "America/Chicago", "America/New_York", "Europe/Berlin", "Europe/London",
    "Europe/Dublin", "Australia/Lord_Howe", "America/Nuuk", "Africa/Cairo", "America/Sao_Paulo",
    "America/St_Johns", "Pacific/Chatham", "America/Santiago", "Asia/Gaza", "Asia/Kathmandu",
)  # fmt: skip
# 2026 to 2029, in minutes since 1970.
SPAN = (20454 * DAY, 21915 * DAY)
DAYS = 60
CASES_A_WINDOW = 1000
NAMES = ("response", "recovery", "resolution")


@dataclass(frozen=True)
class Window:
    """Some weeks, with three calendars, each by name as the product has it and minute by minute."""

    first: int
    calendars: Calendars
    minutes: dict[str, Minutes]

    def at(self, minute: int) -> datetime:
        return ZERO + timedelta(minutes=self.first + minute)


def window(draw: random.Random, zones: tuple[str, ...]) -> Window:
    """Weeks drawn by lot, and three calendars in zones drawn by lot."""
    first = draw.randrange(SPAN[0] // DAY + 2, SPAN[1] // DAY - DAYS - 2) * DAY
    named, minutes = list[tuple[str, Calendar]](), dict[str, Minutes]()
    for name in ("a", "b", "c"):
        zone, shifts = draw.choice(zones), _shifts(draw)
        days = {first // DAY + draw.randrange(DAYS) for _ in range(draw.randrange(4))}
        weekly = tuple(Hours(*shift) for shift in shifts)
        holidays = frozenset(date.fromordinal(day + 719163) for day in days)
        named.append((name, Calendar(zone, weekly, holidays)))
        minutes[name] = opened(walls(zone, SPAN, first, DAYS * DAY), shifts, days)
    return Window(first, Calendars(tuple(named)), minutes)


def _shifts(draw: random.Random) -> list[Shift]:
    kind = draw.randrange(4)
    if kind == 0:
        return []
    if kind == 1:
        return [(day, 480, 1080) for day in range(5)]
    first, last = draw.randrange(DAY), draw.randrange(1, DAY + 1)
    days = draw.sample(range(7), draw.randrange(1, 8))
    # Quarters of an hour, as people write them, and odd minutes.
    if kind == 2:
        first, last = first // 15 * 15, max(15, last // 15 * 15)
    return [(day, first, last) for day in days]


@dataclass(frozen=True)
class Case:
    """One life; promises before and after the reclassification: (calendar, minutes) by clock."""

    life: Life
    turn: tuple[str, int]
    before: dict[str, tuple[str, int]]
    after: dict[str, tuple[str, int]]


def case(draw: random.Random) -> Case:
    """A life drawn by lot: everything in order, each step of it may be missing."""
    at = start = draw.randrange(2 * DAY, 9 * DAY)
    life = Life(start, start)
    steps = ("ack", "pause", "go on", "ack", "reclassify", "pause", "go on", "ack", "resolve")
    for step in steps[: draw.randrange(len(steps) + 1)]:
        at += draw.choice((0, 1, 15, 60, 480, DAY)) * draw.randrange(4)
        if step == "ack" and draw.random() < 0.5:
            life.acknowledged.append(at)
        elif step == "pause":
            life.pauses.append((at, None))
        elif step == "go on":
            life.pauses[-1] = (life.pauses[-1][0], at)
        elif step == "reclassify":
            life.reclassified = at
        elif step == "resolve":
            life.resolved = at
    life.now = at + draw.choice((0, 1, 60, DAY)) * draw.randrange(3)
    drawn = [{name: _promise(draw) for name in NAMES} for _ in range(2)]
    return Case(life, _promise(draw), *drawn)


def _promise(draw: random.Random) -> tuple[str, int]:
    return draw.choice("abc"), draw.choice((1, 10, 30, 60, 120, 480, 600, 1800)) * draw.choice(
        (1, 1, 2, 3)
    )


def counted(case: Case, seen: Window) -> dict[str, tuple[int, str]] | None:
    """When each promise is due, and how it stands, by the minute; None where the window is too
    short.
    """
    life, found = case.life, dict[str, tuple[int, str]]()
    turn = life.due(life.start, _told(case.turn, seen))
    if turn is None:
        return None
    last = case.before if life.reclassified is None else case.after
    for name in NAMES:
        # Response and recovery are a level's: they count from its turn.
        since = life.start if name == "resolution" else turn
        due = life.due(since, _told(last[name], seen))
        before = life.due(since, _told(case.before[name], seen))
        if due is None:
            return None
        found[name] = due, life.state(due, before, since, name)
    return found


def _told(promise: tuple[str, int], seen: Window) -> Told:
    return Told(promise[1], seen.minutes[promise[0]])


def lived(case: Case, seen: Window) -> tuple[Clock, ...]:
    """The same life by the product."""
    life, moved = case.life, case.life.reclassified
    if moved is None:
        return _incident(case, seen, life.now, case.before).clocks(
            seen.at(life.now), seen.calendars
        )
    # The watch records what is late at that moment; a recorded breach is never cleared.
    first = _incident(case, seen, moved, case.before)
    late = unrecorded_breaches(first.clocks(seen.at(moved), seen.calendars))
    then = _incident(case, seen, life.now, case.after)
    then = replace(then, breaches=tuple((clock.name, clock.due_at) for clock in late))
    return then.clocks(seen.at(life.now), seen.calendars)


def _incident(case: Case, seen: Window, now: int, promised: dict[str, tuple[str, int]]) -> Incident:
    """The incident as it stood at a minute."""
    life, at = case.life, seen.at
    acks = [(at(one), "asha") for one in life.acknowledged if one <= now]
    over = at(life.resolved) if life.resolved is not None and life.resolved <= now else None
    pauses = tuple(
        Pause(at(begin), at(end) if end is not None and end <= now else None, "access", "asha")
        for begin, end in life.pauses
        if begin <= now
    )
    targets = tuple(
        Target(name, minutes * 60, calendar, "opened", 0 if name == "resolution" else 2)
        for name, (calendar, minutes) in promised.items()
    )
    calendar, after = case.turn
    ladder = Ladder(
        "l", (Level(1, "desk", "desk", 0), Level(2, "team", "team", after * 60, calendar=calendar))
    )
    return Incident(
        key="k", site="s", issue="i", title="t", severity=Severity("x", "x", "", 0, targets),
        owner="vendor", owner_title="v", ladder=ladder, rule="r", policy="p",
        opened_at=at(life.start), counts_from=at(life.start), evidence=_SEEN, told=True,
        acknowledged_at=acks[0][0] if acks else None, acknowledged_by="asha" if acks else "",
        acknowledged_again=tuple(acks[1:]), pauses=pauses, recovered_at=over, closed_at=over,
        closing=Closing.RECOVERED if over else None,
    )  # fmt: skip


_SEEN = Evidence("main", "sip-call")


def mismatches(
    draw: random.Random, cases: int, zones: tuple[str, ...] = ZONES, off_by: int = 0
) -> Iterator[str | None]:
    """Live and count so many cases: what differs, or None, for each. `off_by` moves what is counted
    by so many minutes, which must be found.
    """
    done = 0
    while done < cases:
        seen = window(draw, zones)
        for _ in range(CASES_A_WINDOW):
            one = case(draw)
            expected = counted(one, seen)
            if expected is None or done >= cases:
                continue
            done += 1
            moved = {name: (due + off_by, state) for name, (due, state) in expected.items()}
            yield _difference(one, seen, moved)


def _difference(one: Case, seen: Window, expected: dict[str, tuple[int, str]]) -> str | None:
    shown = {clock.name: (clock.due_at, str(clock.state)) for clock in lived(one, seen)}
    wanted = {name: (seen.at(due), state) for name, (due, state) in expected.items()}
    if shown == wanted:
        return None
    return f"{one}\n  in {seen.calendars}\n  from {seen.at(0)}\n  is {shown}\n  not {wanted}"
