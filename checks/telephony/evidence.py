"""What a call leaves behind: measures out of its counts, and its exhibits (WAV, ladder, timings, RTP counts)."""

from __future__ import annotations

import json
from typing import Any

from checks.contract import Trace
from checks.telephony.engine import Event, Phone
from checks.telephony.quality import effective_loss_percent, mos

_KEPT_EVENTS = 500


def counts_of(phone: Phone) -> dict[str, Any]:
    """The RTP counts that a phone told last; {} when there was no media."""
    told = phone.seen("statistics")
    return dict(told.facts) if told else {}


def measure_media(trace: Trace, counts: dict[str, Any]) -> None:
    """The measures of what was received. No MOS for an unknown codec, or without a packet."""
    if "rx_packets" not in counts:
        return
    received, lost, discarded = counts["rx_packets"], counts["rx_lost"], counts["rx_discarded"]
    trace.measure("rx_packets", received)
    trace.measure("tx_packets", counts["tx_packets"])
    if received:
        trace.measure("rx_loss_percent", 100.0 * lost / (received + lost))
        trace.measure("rx_jitter_ms", counts["rx_jitter_ms"])
    for name in ("rtt_ms", "rx_level_dbm0"):
        if counts.get(name) is not None:
            trace.measure(name, counts[name])
    score = mos(counts["codec"], effective_loss_percent(received, lost, discarded))
    if received and score is not None:
        trace.measure("mos", score)


def exhibit_leg(trace: Trace, name: str, ladder: str) -> None:
    """Register what a leg's process wrote."""
    trace.exhibit(f"{name}.wav", "audio/wav")
    trace.exhibit(ladder, "text/plain")


def exhibit_figures(trace: Trace, legs: dict[str, Phone]) -> None:
    """timings.json (every event in seconds since the call's INVITE) and rtp.json (the counts of each leg)."""
    timings = {name: _timeline(phone.events, _zero(legs)) for name, phone in legs.items()}
    trace.exhibit("timings.json", "application/json", _json(timings))
    trace.exhibit("rtp.json", "application/json", _json({name: counts_of(phone) for name, phone in legs.items()}))


def _zero(legs: dict[str, Phone]) -> float:
    events = [event for phone in legs.values() for event in phone.events]
    invited = legs["call"].seen("invited") if "call" in legs else None
    return invited.at if invited else min((event.at for event in events), default=0.0)


def _timeline(events: list[Event], zero: float) -> list[dict[str, Any]]:
    kept = [event for event in events if event.name != "statistics"][:_KEPT_EVENTS]
    return [{"seconds": round(event.at - zero, 4), "event": event.name, **event.facts} for event in kept]


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
