"""The ledger's test calls of the last day and week as ratios and delays, for whoever asks how the
trunks do.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitor.config import Configuration
from monitor.core.ratios import Delay, Figures, Ratio, figures
from monitor.ledger import Ledger
from reports.command_views import CallWindow, DelayLine, RatioLine

# A day for what is wrong now, a week for what is usual: a line that is called twice a day has 14
# calls in it.
HOURS = (24, 168)
# A call every five minutes makes 2016 in a week. Beyond 5000 the interval is narrow anyway, and
# memory is not.
_MOST_CALLS = 5000


def call_windows(
    ledger: Ledger, configuration: Configuration, now: datetime
) -> tuple[CallWindow, ...]:
    """One window of each length for each check that places calls."""
    return tuple(_windows(ledger, configuration, now))


def _windows(ledger: Ledger, configuration: Configuration, now: datetime) -> Iterator[CallWindow]:
    for name, entry in configuration.checks.items():
        if not entry.probe.PLACES_CALLS:
            continue
        made = ledger.observations(name, _MOST_CALLS, now - timedelta(hours=max(HOURS)))
        for hours in HOURS:
            since = now - timedelta(hours=hours)
            seen = figures(observed for at, observed in made if at >= since)
            yield _window(name, hours, seen)


def _window(check: str, hours: int, seen: Figures) -> CallWindow:
    ratios = {one.name: _ratio(one) for one in seen.ratios}
    return CallWindow(
        check, hours, seen.attempts, ratios, {one.name: _delay(one) for one in seen.delays}
    )


def _ratio(one: Ratio) -> RatioLine:
    low, high = one.interval or (None, None)
    return RatioLine(one.hits, one.of, one.percent, low, high)


def _delay(one: Delay) -> DelayLine:
    return DelayLine(one.n, one.mean_seconds, one.longest_seconds)
