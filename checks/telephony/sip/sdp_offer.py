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


def with_usual_events(offer: str) -> str:
    """An offer whose telephone-events (RFC 4733) have the usual number, where it is free."""
    found = _EVENTS.search(offer)
    if found is None or re.search(rf"(?m)^m=audio [^\r\n]* {_USUAL}\b", offer):
        return offer
    own = found[1]
    changed = re.sub(rf"(?m)^(a=(?:rtpmap|fmtp):){own} ", rf"\g<1>{_USUAL} ", offer)
    return re.sub(rf"(?m)^(m=audio [^\r\n]*) {own}\b", rf"\g<1> {_USUAL}", changed)
