"""Outgoing calls by night, against the nights before: robust, by median and MAD."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from checks.host.collectors.collector import Look
from checks.host.collectors.dialled_numbers import Call

# Four weeks, so that each weekday counts four times; with fewer than three nights a spread means
# nothing.
_MOST_NIGHTS, _LEAST_NIGHTS = 28, 3
# Five spreads and three times the usual: fraud makes hundreds of calls in a night, while a campaign
# that runs late makes twice the usual.
_SPREADS, _TIMES = 5.0, 3.0
# 1 / the normal quantile of 0.75: the median of the absolute deviations as an estimate of the
# standard deviation.
_MAD_TO_SIGMA = 1.4826


def nights(at: Look, made: Sequence[Call]) -> None:
    """Judge the newest night there is, also one that is not over."""
    zone = ZoneInfo(at.settings["timezone"])
    now = datetime.fromtimestamp(at.now, UTC).astimezone(zone)
    newest = night_of(now, at.settings["night"]) or (now - timedelta(days=1)).date().isoformat()
    counts: dict[str, int] = dict(at.recalled.get("nights", {}))
    fresh: dict[str, int] = {}
    for call in made:
        if night := night_of(call.start.astimezone(zone), at.settings["night"]):
            fresh[night] = fresh.get(night, 0) + 1
    oldest_seen = (now - timedelta(hours=36)).date().isoformat()
    counts |= {
        night: number
        for night, number in fresh.items()
        if night > oldest_seen or night not in counts
    }
    counts.setdefault(newest, 0)
    kept = dict(sorted(counts.items())[-_MOST_NIGHTS:])
    at.remember("nights", kept)
    at.measure("night_calls", kept.get(newest, 0))
    before = [number for night, number in kept.items() if night < newest]
    if len(before) < _LEAST_NIGHTS:
        at.note(
            f"{kept.get(newest, 0)} outgoing calls in the night of {newest}; too few nights to"
            " compare with"
        )
        return
    most = limit(before, at.settings["least_night_calls"])
    at.note(
        f"{kept[newest]} outgoing calls in the night of {newest}, usual are {median(before):g}, up"
        f" to {most:.0f}"
    )
    if kept[newest] > most:
        at.fault(
            "night-peak",
            f"{kept[newest]} outgoing calls in the night of {newest}; usual are {median(before):g}",
        )


def night_of(moment: datetime, hours: Sequence[int]) -> str | None:
    """The night that a local moment is in, by the date on which it began; None by day."""
    first, last = hours
    if first > last and moment.hour < last:
        return (moment - timedelta(days=1)).date().isoformat()
    by_night = moment.hour >= first if first > last else first <= moment.hour < last
    return moment.date().isoformat() if by_night else None


def limit(before: Sequence[int], least: int) -> float:
    """The number of calls from which on a night is no usual one."""
    middle = median(before)
    spread = _MAD_TO_SIGMA * median(abs(number - middle) for number in before)
    return max(float(least), _TIMES * middle, middle + _SPREADS * spread)
