"""Spans as values, and what is to be said of them; whoever told of them.

stage      fault codes
spans      no-spans, no-such-span
line       alarm:los, alarm:lof, alarm:ais, alarm:rai, alarm:red … (mibs.py), flapping
d-channel  d-channel-down, flapping
channels   channels-exhausted
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from checks.contract import Failed, Trace
from checks.telephony.alarms import WORST_FIRST, Alarm

MEASURES = {
    "spans_total": "spans that were looked at",
    "spans_up": "spans without an alarm whose D-channel, where they have one, is up",
    "channels_total": "B-channels that the gateway knows of, where it tells",
    "channels_busy": "B-channels with a call, where it tells",
    "occupancy_percent": "busy B-channels of all, in percent, where it tells",
}


@dataclass(frozen=True, slots=True)
class Span:
    """A span: one E1 or T1, with its alarms and its D-channel."""

    name: str
    alarms: tuple[Alarm, ...] = ()
    """the worst first"""
    d_channel_up: bool | None = None
    """None: it has none, or nobody tells"""

    @property
    def up(self) -> bool:
        """Whether calls can go over it."""
        return not self.alarms and self.d_channel_up is not False

    @property
    def state(self) -> str:
        """The state of the span, in words."""
        if self.alarms:
            return ", ".join(alarm.text for alarm in self.alarms)
        return "D-channel down" if self.d_channel_up is False else "up"


@dataclass(frozen=True, slots=True)
class Channels:
    """The number of B-channels that carry a call, and of all."""

    busy: int
    total: int


def measure(
    trace: Trace, spans: Sequence[Span], channels: Channels | None, up: int | None = None
) -> None:
    """Put the figures down before anything is judged; `up` where more is known than spans say."""
    for span in spans:
        trace.note(f"{span.name}: {span.state}")
    trace.measure("spans_total", len(spans))
    trace.measure("spans_up", sum(span.up for span in spans) if up is None else up)
    if channels and channels.total:
        trace.measure("channels_total", channels.total)
        trace.measure("channels_busy", channels.busy)
        trace.measure("occupancy_percent", round(100.0 * channels.busy / channels.total, 1))


def judge_lines(spans: Iterable[Span]) -> None:
    """Raises Failed for the worst alarm there is, naming every span that has one."""
    alarmed = [span for span in spans if span.alarms]
    if not alarmed:
        return
    # The fault code is the worst alarm's: one code, one ticket.
    worst = min((alarm for span in alarmed for alarm in span.alarms), key=WORST_FIRST.index)
    said = "; ".join(
        f"{span.name}: {', '.join(alarm.text for alarm in span.alarms)}" for span in alarmed
    )
    raise Failed(f"alarm:{worst.code}", said)


def judge_d_channels(spans: Iterable[Span], others: Mapping[str, bool] | None = None) -> None:
    """Raises Failed if a D-channel is down; `others` are D-channels that could not be put to a
    span.
    """
    down = [span.name for span in spans if span.d_channel_up is False]
    down += [f"D-channel {name}" for name, up in (others or {}).items() if not up]
    if down:
        raise Failed("d-channel-down", "the D-channel is down: " + ", ".join(down))


def judge_flaps(flaps: Mapping[str, int], tolerated: int, window_seconds: float) -> None:
    """Raises Failed if there were more than are tolerated."""
    if sum(flaps.values()) > tolerated:
        said = ", ".join(f"{name} {count} times" for name, count in flaps.items() if count)
        raise Failed(
            "flapping", f"down and up again within {window_seconds / 60:g} minutes: {said}"
        )


def judge_channels(channels: Channels | None) -> None:
    """Raises Failed if no B-channel is left."""
    # A gateway that tells of no channels at all is not exhausted.
    if channels and 0 < channels.total <= channels.busy:
        raise Failed("channels-exhausted", f"all {channels.total} channels are busy")
