"""The RTP counts of a call while it runs, and how they went over time. In the process of a call
leg.

The engine's counts are looked at every quarter of a second. A stream that begins anew (hold, a
re-INVITE) counts from zero again: what was counted before is kept. A jitter buffer that is empty
while not a packet comes is a pause of the far end (silence suppression, hold) and no loss: only
that which is empty between packets counts. Nor is it one while a digit goes by, or sound in a codec
that is not played: those packets stand in its stead (RFC 4733, RFC 3264 section 6.1).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

_TOTALS = (
    "rx_packets",
    "rx_lost",
    "rx_discarded",
    "rx_empty",
    "tx_packets",
    "far_reports",
    "far_lost",
)
# Two minutes at four looks a second; longer calls are thinned out.
_MOST_POINTS = 480
# Ten seconds of 20 ms packets: in a short call one late packet is no sickness.
_FEWEST_PACKETS = 500
# How long after a digit what is empty is its doing: a digit of 160 ms with its end, and two looks.
_STOOD_IN_SECONDS = 0.6

# Monotonic seconds, and the totals so far: packets received, lost, late or missing in the buffer,
# sent.
Point = tuple[float, int, int, int, int]


class Meter:
    """Takes the counts of each look; `latest` is what they come to."""

    def __init__(self) -> None:
        self.latest: dict[str, Any] = {}
        self.points: list[Point] = []
        self._before: dict[str, int] = {}
        self._raw: dict[str, int] = {}
        self._pauses = 0
        self._stood_in_at = float("-inf")
        self._at = 0.0
        self._every = 0.0
        self._moved = False
        self._short = 0.0
        self._pending = 0.0

    def take(self, counts: dict[str, Any], at: float) -> dict[str, Any]:
        """One look at `at` (monotonic seconds); returns `latest`."""
        raw = {name: int(counts[name]) for name in _TOTALS}
        # A new stream (a re-INVITE, another SSRC) counts from zero.
        if self._raw and (
            raw["rx_packets"] < self._raw["rx_packets"]
            or raw["tx_packets"] < self._raw["tx_packets"]
        ):
            self._before = {name: self._before.get(name, 0) + self._raw[name] for name in _TOTALS}
            self._raw = dict.fromkeys(_TOTALS, 0)
            # While the engine makes a stream anew it sends nothing, by order of the far end: five
            # packets of 20 ms were missing after every re-INVITE (measured), starved or not.
            self._moved, self._pending = False, 0.0
        # RFC 4733 packets take the sound's place: the buffer runs empty without a loss.
        if (
            raw["rx_packets"] == self._raw.get("rx_packets", 0)
            or at - self._stood_in_at <= _STOOD_IN_SECONDS
        ):
            self._pauses += raw["rx_empty"] - self._raw.get("rx_empty", 0)
        self._sent(raw["tx_packets"] - self._raw.get("tx_packets", 0), at, counts["frame_ms"])
        reported = raw["far_reports"] != self._raw.get("far_reports", 0)
        self._raw = raw
        totals = {name: self._before.get(name, 0) + raw[name] for name in _TOTALS}
        totals["rx_empty"] -= self._pauses
        # The far end's cumulative loss belongs to what had been sent when it reported.
        kept = {"far_of_packets": totals["tx_packets"]} if reported else {}
        known = {"far_of_packets": self.latest.get("far_of_packets", 0)}
        self._plot(totals, at)
        self.latest = {
            **counts,
            **totals,
            **known,
            **kept,
            "unsent_percent": self.unsent_percent(totals),
        }
        self._at = at
        return self.latest

    def stood_in(self, at: float) -> None:
        """At `at` (monotonic seconds) RTP came in the sound's stead: a digit, or sound in a codec
        that the engine does not play.
        """
        self._stood_in_at = at

    def ordered(self) -> None:
        """The sound was agreed on anew (hold, resume, another codec): what was not sent meanwhile
        was not sent by order, however late the next look is.
        """
        self._pending, self._moved, self._at = 0.0, False, 0.0

    def losses(self) -> list[list[float]]:
        """How it went: [monotonic seconds, received, lost, late or missing, sent] since the look
        before.
        """
        return [
            [
                round(after[0], 3),
                *(max(0, now - then) for then, now in zip(before[1:], after[1:], strict=True)),
            ]
            for before, after in pairwise(self.points)
        ]

    def unsent_percent(self, totals: dict[str, int]) -> float:
        """Packets that our own clock never sent, of those due while it sent (of ten seconds of them
        at least).
        """
        return 100 * self._short / max(totals["tx_packets"] + self._short, _FEWEST_PACKETS)

    def _sent(self, sent: int, at: float, frame_ms: float) -> None:
        """A shortfall counts once the sender is seen to go on: before a hold, and at the end, it
        stopped by order.
        """
        due = (at - self._at) * 1000 / frame_ms if self._at and frame_ms else 0.0
        if sent <= 0:
            self._pending, self._moved = 0.0, False
            return
        self._short = max(0.0, self._short + self._pending)
        self._pending = due - sent if self._moved else 0.0
        self._moved = True

    def _plot(self, totals: dict[str, int], at: float) -> None:
        if self.points and at - self.points[-1][0] < self._every:
            return
        gone = totals["rx_discarded"] + totals["rx_empty"]
        self.points.append(
            (at, totals["rx_packets"], totals["rx_lost"], gone, totals["tx_packets"])
        )
        if len(self.points) > _MOST_POINTS:
            # Every second point goes, and the first and the last stay: the shape of the whole call
            # is kept.
            del self.points[1:-1:2]
            self._every = (self.points[-1][0] - self.points[0][0]) / len(self.points)
