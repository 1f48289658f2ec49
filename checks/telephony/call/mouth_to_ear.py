"""How late sound is from mouth to ear, out of what both legs of a call have timed.

What our own engine takes at both ends is told apart from the way between them.
"""

from __future__ import annotations

from checks.telephony.call.leg import Event, Phone

# The length of all rounds of a nonce (nonce_sound.PERIOD), after which it begins anew.
_PERIOD_SECONDS = 12.8
# G.722 and iLBC delay by their own filters (measured by tests/bench/agent_delay.py).
_SAYING_MS = {"G722": 5.0, "ILBC": 12.5}
_HEARING_MS = {"G722": 10.0, "ILBC": 17.8}
# What our own engine takes beside its jitter buffer: filters, frames, and the concealment of
# losses.
_CONCEALMENT_MS = 5.0


def lateness_ms(said: Event, heard: Event) -> tuple[float, float] | None:
    """From mouth to ear, and how much of it in the ear's jitter buffer; the median of the stretches
    that were heard. None where it was not told.
    """
    if said["said_at"] is None or not heard["heard"]:
        return None
    # The nonce repeats after its period: a delay is known modulo 12.8 s, and no call is that late.
    late = [((at - said["said_at"]) % _PERIOD_SECONDS, held) for at, held in heard["heard"]]
    # The median of the stretches: one that a lost packet disturbed does not count.
    way = sorted(late, key=lambda one: 1000 * one[0] - one[1])
    seconds, held = way[(len(way) - 1) // 2]
    return 1000 * seconds, held


def own_ms(mouth_codec: str, ear_codec: str) -> float:
    """What our own engine takes at both ends of the way, beside the jitter buffer."""
    return _SAYING_MS.get(mouth_codec, 0.0) + _HEARING_MS.get(ear_codec, _CONCEALMENT_MS)


def codec_of(phone: Phone) -> str:
    """The codec of a phone's media, in capitals; "" before there is any."""
    media = phone.seen("media")
    return str(media["codec"]).upper() if media else ""


def packet_ms(phone: Phone) -> float:
    """The packet time in milliseconds: a packet's sound is said before it is sent."""
    media = phone.seen("media")
    return float(media.facts.get("packet_ms", 20.0)) if media else 20.0
