"""Media truth of a call that went by its script: would a caller, who hears it, call it fine?

Faults of the stage "media" (an agent's side says so in its text):

false-answer:KIND   a tone of the network behind the answer: ringback, busy, congestion, dial, sit
silent, comfort-noise   a call without a script in which nothing was to be heard
dead-air            neither side made a sound for as long as the call stood
frozen, looped      one frame, or the same second, again and again at the end
choppy, clipped     so much of it cut out, or at the end of the scale, that words are lost

A call whose prompts or agent were proven is not doubted for tones or silence that follow. What is
short of a fault is a measure, for expectations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checks.contract import CannotTell, Failed, Trace
from checks.settings import Duration, Settings
from checks.telephony.call.leg import Event, Phone
from checks.telephony.call.script import AgentStep, Hear, Script

MEASURES: Mapping[str, str] = {
    "rx_gap_percent": (
        "share of what sounds that is cut out of it (15 to 220 ms of nothing amid loud sound),"
        " percent"
    ),
    "rx_clipped_percent": "share of what sounds that stands at the end of the scale, percent",
    "rx_ssrc_changes": "how often the RTP stream was another one (RFC 3550, SSRC)",
    "both_quiet_seconds": "the longest that neither side made a sound",
    "echo_delay_ms": "how late our own sound comes back, milliseconds, where it does",
    "echo_loss_db": "how much softer it comes back than it was said, dB; 60 where none is heard",
}
# Of the worst five seconds, percent; recorded voices reach 3.3 at most.
CHOPPY_PERCENT = 20.0
# Percent; recorded voices have none. Loud modem speakers and overdriven gateways begin at a third.
CLIPPED_PERCENT = 30.0
_FALSE_ANSWERS = ("ringback", "busy", "congestion", "dial", "sit")
# Less sound than this makes no percentage worth the name.
_LEAST_SECONDS = 2.0
# A click on the line is no sign of life.
_HARDLY_SECONDS = 0.2
# Examining a call of an hour takes seconds on a small machine.
_PATIENCE_SECONDS = 15.0


class MediaLimits(Settings):
    """Settings of a call that is listened to."""

    listen: Duration = 5.0
    """without a script: how long to wait for sound that is no tone of failure; 0s does not wait"""
    dead_air: Duration = 10.0
    """how long neither side may make a sound, in a call that proves neither prompt nor agent; 0s
    allows any silence
    """


async def hold_to_truth(
    trace: Trace,
    limits: MediaLimits,
    script: Script,
    legs: Mapping[str, Phone],
    country: str | None,
    echoed: bool = False,
) -> None:
    """Listen where nothing was listened to, and judge what both sides heard; `echoed` is a call
    whose far end was proven to be an echo. Raises Failed, CannotTell.
    """
    call = legs["call"]
    if not script and not echoed and limits.listen > 0:
        await _ask(call, "await-sound", "sound", country, limits.listen)
    for name, leg in legs.items():
        facts = await _ask(leg, "examine", "examined", country) if leg.seen("answered") else None
        if facts is None:
            continue
        if name == "call":
            trace.measure("both_quiet_seconds", facts["quiet_seconds"])
        if found := judge(facts.facts, limits, script, name, echoed):
            with trace.stage("media"):
                raise Failed(*found)


def judge(
    facts: Mapping[str, Any], limits: MediaLimits, script: Script, leg: str, echoed: bool = False
) -> tuple[str, str] | None:
    """A code and words for what is wrong with the sound of a leg; None when nothing surely is."""
    whose = "" if leg == "call" else f"the {leg} heard: "
    kind, words = facts["kind"], whose + str(facts["words"])
    # A loop is a fault even behind a proven prompt: whoever is on the line hears it.
    if kind in ("frozen", "looped"):
        return kind, words
    if facts["active_seconds"] >= _LEAST_SECONDS:
        if facts["worst_gap_percent"] >= CHOPPY_PERCENT:
            return (
                "choppy",
                f"{whose}{facts['worst_gap_percent']:.0f} % of what sounds is cut out, over 5 s",
            )
        if facts["rx_clipped_percent"] >= CLIPPED_PERCENT:
            return (
                "clipped",
                f"{whose}{facts['rx_clipped_percent']:.0f} % of what sounds is clipped",
            )
    # What was proven is not doubted for what follows: an IVR may end in silence, or in ringback of
    # a transfer.
    if leg != "call" or echoed or any(isinstance(step, Hear | AgentStep) for step in script):
        return None
    if kind in _FALSE_ANSWERS:
        return f"false-answer:{kind}", words
    if not script and limits.listen > 0 and kind in ("silence", "comfort-noise", "nothing"):
        return "comfort-noise" if kind == "comfort-noise" else "silent", words
    # Both must have been silent: a far end that only listens is normal.
    dead = (
        facts["active_seconds"] <= _HARDLY_SECONDS and facts["quiet_seconds"] >= limits.dead_air > 0
    )
    return (
        ("dead-air", f"neither side made a sound for {facts['quiet_seconds']:.0f} s")
        if dead
        else None
    )


async def _ask(
    leg: Phone, order: str, answer: str, country: str | None, within: float = 0.0
) -> Event | None:
    """What a phone answers; None when its call is over."""
    answered = leg.seen("answered")
    leg.order(order, within=within, country=country, answered_at=answered.at if answered else None)
    try:
        told = await leg.until(answer, "no-media", "hung-up", within=within + _PATIENCE_SECONDS)
    except Failed:
        return None
    except TimeoutError:
        raise CannotTell("engine error: the phone's process did not answer in time") from None
    return told if told.name == answer else None
