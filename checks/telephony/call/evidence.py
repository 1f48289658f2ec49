"""What a call leaves behind: measures out of its counts, and its exhibits (WAV, ladder, timings,
RTP counts).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from checks.contract import Trace
from checks.telephony.call import media_judgement, page_data
from checks.telephony.call.leg import Event, Phone
from checks.telephony.quality.emodel import Scale
from checks.telephony.quality.streams import FAR_MEASURES, Quality, Stream, assess

# A chatty far end sends a provisional response each second; an exhibit must stay readable.
_KEPT_EVENTS = 500
MEASURES: Mapping[str, str] = {
    "rx_packets": "RTP packets received",
    "tx_packets": "RTP packets sent",
    "rx_loss_percent": "RTP packets lost on the way to us, percent",
    "rx_jitter_ms": "mean interarrival jitter (RFC 3550), milliseconds",
    "rtt_ms": "round trip by RTCP, milliseconds, where the far end sends any",
    "rx_level_dbm0": "level of the sounding parts of what was received, dBm0",
    "mos": "mean opinion score, narrowband E-model (ITU-T G.107), of what was received; G.711 only",
    **FAR_MEASURES,
}


def counts_of(phone: Phone) -> dict[str, Any]:
    """The RTP counts that a phone told last; {} when there was no media."""
    told = phone.seen("statistics")
    return dict(told.facts) if told else {}


def health_of_legs(legs: Mapping[str, Phone]) -> list[dict[str, float]]:
    """How each leg's process got on, as it told; one that had to be killed stood still for as long
    as it was given.
    """
    found = []
    for phone in legs.values():
        counts = counts_of(phone)
        told = {**counts.get("health", {}), "unsent_percent": counts.get("unsent_percent", 0.0)}
        found.append(
            # A process that had to be killed told no health of its own: it stood still for as long
            # as it was waited for.
            {**told, "stall_seconds": max(told.get("stall_seconds", 0.0), phone.put_down_after)}
        )
    return found


def measure_media(trace: Trace, legs: Mapping[str, Phone]) -> dict[str, Quality]:
    """The measures of both directions, and their quality with its provenance as a note. No MOS
    without values.
    """
    call, agent = counts_of(legs["call"]), counts_of(legs["agent"]) if "agent" in legs else {}
    # No MOS without values: a call that had no media has no quality either.
    if "rx_packets" not in call:
        return {}
    received, lost = call["rx_packets"], call["rx_lost"]
    trace.measure("rx_packets", received)
    trace.measure("tx_packets", call["tx_packets"])
    if received:
        trace.measure("rx_loss_percent", 100.0 * lost / (received + lost))
        trace.measure("rx_jitter_ms", call["rx_jitter_ms"])
    for name in ("rtt_ms", "rx_level_dbm0", *media_judgement.MEASURES, *FAR_MEASURES):
        if call.get(name) is not None:
            trace.measure(name, call[name])
    found = {}
    for direction, stream in (
        ("heard", heard(legs["call"])),
        ("said", said(legs["call"], legs.get("agent"), agent)),
    ):
        if stream is None:
            trace.note(
                f"{direction}: not computed: the far end sent no RTCP report of what we said"
            )
            continue
        found[direction] = quality = assess(stream)
        trace.note(f"{direction}: {quality.said()}")
        if direction == "said" and call.get("xr_reports"):
            trace.note(f"said, by the far end's own reckoning: {_far_words(call)}")
        _measure_quality(trace, direction, quality)
    return found


def _far_words(call: Mapping[str, Any]) -> str:
    """The scores and losses of the far end's last RTCP-XR, in words."""
    told = {"R": "xr_r", "MOS-LQ": "xr_mos_lq", "MOS-CQ": "xr_mos_cq"}
    scores = [f"{name} {call[key]:g}" for name, key in told.items() if key in call]
    return ", ".join(
        [*scores, f"{call['xr_loss_percent']:g} % lost, {call['xr_discard_percent']:g} % too late"]
    )


def _measure_quality(trace: Trace, direction: str, quality: Quality) -> None:
    values = {
        "loss_percent": quality.loss_percent,
        "burst_ratio": quality.burst_ratio,
        "delay_ms": quality.delay_ms,
        "r": quality.r,
        "mos_lq": quality.mos_lq,
        "mos_cq": quality.mos_cq,
    }
    for name, value in values.items():
        if value is not None:
            trace.measure(f"{direction}_{name}", value)
    if (
        direction == "heard"
        and quality.mos_lq is not None
        # Expectations on `mos` mean the narrowband scale: 4.5 on another is not the same quality.
        and quality.scale == Scale.NARROWBAND.title
    ):
        trace.measure("mos", quality.mos_lq)


def heard(call: Phone) -> Stream | None:
    """The stream that came to us, as our own receiver counted it."""
    return _received(call, counts_of(call), "our own receiver", counts_of(call).get("rtt_ms"))


def said(call: Phone, agent: Phone | None, agent_counts: Mapping[str, Any]) -> Stream | None:
    """What we sent: as our own agent received it, or as the far end reported it (RTCP RR),
    whichever is worse, since a PBX that ends RTP hides from the one what happened before it. None
    where nobody tells.
    """
    mine = counts_of(call)
    found: list[Stream | None] = []
    # An RTCP receiver report (RFC 3550 section 6.4.2) tells what the far end got of ours.
    if mine.get("far_reports"):
        # Duplicated packets make the cumulative number lost negative (RFC 3550 section 6.4.1).
        sent, lost = mine["far_of_packets"], max(0, mine["far_lost"])
        source = "the far end's RTCP reports"
        frame = mine["frame_ms"]
        late = agent.mouth_to_ear_ms if agent else None
        came = max(0, sent - lost)
        discarded = round(came * mine.get("xr_discard_percent", 0.0) / 100.0)
        known = {
            "frame_ms": frame,
            "rtt_ms": mine["rtt_ms"],
            "mouth_to_ear_ms": late,
            "source": source,
        }
        found.append(Stream(mine["codec"], came, lost, discarded, **known))
    if agent is not None and agent_counts.get("rx_packets"):
        # Behind a PBX each leg has a round trip of its own: from our agent to us is both.
        trips = [
            trip for trip in (mine.get("rtt_ms"), agent_counts.get("rtt_ms")) if trip is not None
        ]
        found.append(
            _received(
                agent, agent_counts, "our own agent's receiver", sum(trips) if trips else None
            )
        )
    told = [stream for stream in found if stream is not None]
    # A PBX that ends RTP hides from one of the two what happened on the other side.
    return max(told, key=lambda stream: assess(stream).loss_percent, default=None)


def _received(
    phone: Phone, counts: Mapping[str, Any], source: str, rtt_ms: float | None
) -> Stream | None:
    if "rx_packets" not in counts:
        return None
    length, frame = counts.get("rx_loss_length_ms"), counts.get("frame_ms", 20.0)
    return Stream(
        codec=counts["codec"],
        received=counts["rx_packets"],
        lost=counts["rx_lost"],
        discarded=counts.get("rx_discarded", 0),
        empty=counts.get("rx_empty", 0),
        loss_length_packets=length / frame if length and frame else None,
        frame_ms=frame,
        rtt_ms=rtt_ms,
        buffer_ms=counts.get("rx_buffer_ms"),
        mouth_to_ear_ms=phone.mouth_to_ear_ms,
        source=source,
    )


def exhibit_leg(trace: Trace, name: str, ladder: str) -> None:
    """Register what a leg's process wrote."""
    trace.exhibit(f"{name}.wav", "audio/wav")
    trace.exhibit(ladder, "text/plain")
    trace.exhibit(ladder.replace("ladder", "bad-peer"), "text/plain")


def note_readings(trace: Trace, legs: Mapping[str, Phone]) -> None:
    """What our engine forgave a far end, or had to ask it for, in each leg."""
    for name, phone in legs.items():
        leg = "" if name == "call" else f"{name}: "
        if forgiven := phone.seen("forgiven"):
            lines = ", ".join(forgiven["lines"][:5])
            said = f"{leg}its session description was read as phones do that forgive: {lines}"
            trace.note(said[:400])
        if agreed := phone.seen("codec-agreed"):
            trace.note(
                f"{leg}of several codecs that were agreed the far end sent {agreed['codec']}, which"
                " our engine plays since it asked for that one alone"
            )


def exhibit_figures(trace: Trace, legs: dict[str, Phone], quality: Mapping[str, Quality]) -> None:
    """timings.json (every event in seconds since the call's INVITE) and rtp.json (the counts of
    each leg, and the quality of each direction), and picture.json (what a page draws).
    """
    timings = {name: _timeline(phone.events, _zero(legs)) for name, phone in legs.items()}
    trace.exhibit("timings.json", "application/json", _json(timings), ours=True)
    picture = page_data.gather(trace.exhibits_folder, legs, _zero(legs))
    if picture["legs"]:
        # A leg without media leaves no picture.
        trace.exhibit(page_data.NAME, "application/json", json.dumps(picture).encode(), ours=True)
    counts = {name: counts_of(phone) for name, phone in legs.items()}
    judged = {direction: asdict(one) for direction, one in quality.items()}
    trace.exhibit("rtp.json", "application/json", _json({**counts, "quality": judged}), ours=True)


def _zero(legs: dict[str, Phone]) -> float:
    events = [event for phone in legs.values() for event in phone.events]
    invited = legs["call"].seen("invited") if "call" in legs else None
    return invited.at if invited else min((event.at for event in events), default=0.0)


def _timeline(events: list[Event], zero: float) -> list[dict[str, Any]]:
    kept = [event for event in events if event.name != "statistics"][:_KEPT_EVENTS]
    return [
        {"seconds": round(event.at - zero, 4), "event": event.name, **event.facts} for event in kept
    ]


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
