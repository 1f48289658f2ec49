"""What our offers say otherwise than the engine writes them (RFC 3264 section 5.1).

    m=audio 4000 RTP/AVP 8 0 120            m=audio 4000 RTP/AVP 8 0 101
    a=rtpmap:120 telephone-event/8000       a=rtpmap:101 telephone-event/8000
    a=fmtp:120 0-16                         a=fmtp:101 0-16

Where a PBX has both legs of a call talk to each other directly (Asterisk's direct_media), each may
go on with the number that it got from the PBX, and drops the other's: the engine's own is 120, and
phones in the field have 101.
"""

from __future__ import annotations

import re

_USUAL = "101"
_EVENTS = re.compile(r"(?m)^a=rtpmap:(\d{1,3}) telephone-event/8000")

# RFC 4566 section 6: payload type, name and clock rate.
_MAPPED = re.compile(r"(?m)^a=rtpmap:(\d{1,3}) +([^\s/]+/\d+)")
# RFC 4566 section 5.14: the formats stand behind port and protocol.
_FORMATS = re.compile(r"(?m)^(m=audio \S+ \S+ )([\d ]+)")


def with_usual_events(offer: str) -> str:
    """An offer whose telephone-events (RFC 4733) have the usual number, where it is free."""
    found = _EVENTS.search(offer)
    if found is None or re.search(rf"(?m)^m=audio [^\r\n]* {_USUAL}\b", offer):
        return offer
    own = found[1]
    changed = re.sub(rf"(?m)^(a=(?:rtpmap|fmtp):){own} ", rf"\g<1>{_USUAL} ", offer)
    return re.sub(rf"(?m)^(m=audio [^\r\n]*) {own}\b", rf"\g<1> {_USUAL}", changed)


def with_codec_alone(offer: str, codec: str) -> str:
    """An offer of this codec ("PCMU/8000") and what goes with all (telephone-event) alone; as it
    is where it does not hold the codec.
    """
    numbers = dict(_MAPPED.findall(offer))
    kept = {
        number
        for number, name in numbers.items()
        if name.upper() == codec.upper() or name.lower().startswith("telephone-event/")
    }
    if not any(numbers[number].upper() == codec.upper() for number in kept):
        return offer
    left_out = "|".join(sorted(set(numbers) - kept))
    if not left_out:
        return offer
    offer = re.sub(rf"(?m)^a=(?:rtpmap|fmtp):(?:{left_out}) [^\r\n]*\r?\n", "", offer)
    formats = _FORMATS.search(offer)
    chosen = " ".join(one for one in formats[2].split() if one in kept) if formats else ""
    return _FORMATS.sub(rf"\g<1>{chosen}", offer, count=1)
