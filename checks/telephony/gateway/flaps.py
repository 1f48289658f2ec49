"""Flaps between two looks, counted from the agent's own counters; pure.

A line that drops and comes back between two looks is up both times. It shows in counters: the far
side has set the D-channel up anew (isdnLapdPeerSabme), the line has come into its present status
since (dsx1LineStatusLastChange), or there were unavailable seconds (dsx1CurrentUASs).

Rule 1: a change counts only between two looks that both saw the thing up; what a look saw down is
an outage, and its end is no flap. Rule 2: time is the agent's own sysUpTime; an agent that started
anew has no past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Counters:
    """What one look saw of a line or of a D-channel; None where the agent does not tell."""

    up: bool
    changed: int | None = None
    """sysUpTime of its last change, centiseconds"""
    links: int | None = None
    """how often the far side set the link up anew"""
    unavailable: int | None = None
    """unavailable seconds in the present 15 minutes"""
    elapsed: int | None = None
    """seconds since the present 15 minutes began"""


@dataclass(frozen=True, slots=True)
class Flaps:
    """What there was within the window, and what the next look has to know."""

    counts: Mapping[str, int]
    memory: dict[str, Any]


def count(
    recalled: Mapping[str, Any],
    seen: Mapping[str, Counters],
    uptime: int | None,
    window_seconds: float,
) -> Flaps:
    """Flaps by name, within `window_seconds` before `uptime` (centiseconds); `recalled` is the last
    look's memory.
    """
    before = _past(recalled, uptime)
    since = None if uptime is None or before.get("uptime") is None else uptime - before["uptime"]
    # A span that is no longer looked at leaves no events behind.
    events = [event for event in before.get("events", []) if event[0] in seen]
    for name, now in seen.items():
        was = before.get("counters", {}).get(name)
        if was and (number := _between(Counters(**was), now, since)):
            events.append([name, number, uptime])
    earliest = None if uptime is None else uptime - 100 * window_seconds
    # An event without a time (the agent tells no sysUpTime) counts in this look only.
    events = [e for e in events if e[2] is None or earliest is None or e[2] >= earliest]
    counts = {name: sum(e[1] for e in events if e[0] == name) for name in seen}
    kept = {name: _plain(now) for name, now in seen.items()}
    lasting = [e for e in events if e[2] is not None]
    return Flaps(counts, {"uptime": uptime, "counters": kept, "events": lasting})


def _past(recalled: Mapping[str, Any], uptime: int | None) -> Mapping[str, Any]:
    """What was remembered; nothing once the agent started anew, or its clock went round."""
    then = recalled.get("uptime")
    return {} if uptime is not None and then is not None and uptime < then else recalled


def _between(was: Counters, now: Counters, since: int | None) -> int:
    """How often it dropped and came back between two looks, `since` centiseconds apart."""
    if not (was.up and now.up):
        return 0
    # A counter that went back belongs to an interface card that was changed.
    links = now.links - was.links if now.links is not None and was.links is not None else 0
    changed = None not in (was.changed, now.changed) and was.changed != now.changed
    # The same flap shows in several counters: the largest is its number, not their sum.
    return max(0, links, int(changed), int(_unavailable(was, now, since)))


def _unavailable(was: Counters, now: Counters, since: int | None) -> bool:
    """Whether there were unavailable seconds since the last look."""
    if now.unavailable is None:
        return False
    # RFC 4805: the current interval restarts every 15 minutes, and its unavailable seconds with
    # it.
    anew = since is not None and now.elapsed is not None and 100 * now.elapsed < since
    return now.unavailable > (0 if anew else was.unavailable or 0)


def _plain(seen: Counters) -> dict[str, Any]:
    return {
        name: value for name in Counters.__slots__ if (value := getattr(seen, name)) is not None
    }
