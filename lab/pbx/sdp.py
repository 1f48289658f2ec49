"""Offers and answers (RFC 3264, RFC 4566): one stream of G.711, and telephone events (RFC 4733)
where offered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.pbx.g711 import PAYLOAD_TYPES, Law

_LAWS: dict[int, Law] = {number: law for law, number in PAYLOAD_TYPES.items()}
# RFC 3264 section 6.1: the answer says the same direction from the other side.
_OPPOSITE = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
# A dynamic payload type (96 to 127, RFC 3551 section 6); nearly every phone offers 101 for events.
EVENTS = 101


class NotAcceptable(ValueError):
    """Nothing in the description that this exchange can speak: 488."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What one description says of the audio stream."""

    host: str
    port: int
    law: Law
    # The payload type of telephone events.
    events: int | None
    # As its writer sees it; sendrecv is the default (RFC 4566 section 6).
    direction: str = "sendrecv"
    # Media lines after the audio stream. RFC 3264 section 6: each needs an answer, a refusal has
    # port 0.
    rejected: tuple[str, ...] = ()

    @property
    def writer_listens(self) -> bool:
        """Whether whoever wrote this wants to receive."""
        # RFC 2543 put a call on hold by an address of zeros; some phones still do.
        held = self.host == "0.0.0.0"  # noqa: S104 - read, and never bound
        return self.direction in ("sendrecv", "recvonly") and not held


def parse(body: bytes) -> Sound:
    """The audio stream of a description. Raises NotAcceptable."""
    text = body.decode("utf-8", "replace").replace("\r\n", "\n")
    session, *media = re.split(r"^(?=m=)", text, flags=re.MULTILINE)
    if not media or not (first := re.match(r"m=audio (\d+)(?:/\d+)? RTP/AVP ([\d ]+)", media[0])):
        raise NotAcceptable("no RTP/AVP audio first")
    # RFC 4566 section 5.7: an address of the media stream wins over that of the session.
    host = re.search(r"^c=IN IP4 (\S+)", media[0], re.MULTILINE) or re.search(
        r"^c=IN IP4 (\S+)", session, re.MULTILINE
    )
    laws = [_LAWS[int(number)] for number in first[2].split() if int(number) in _LAWS]
    if not host or not laws or first[1] == "0":
        raise NotAcceptable("no address or no G.711")
    events = re.search(
        r"^a=rtpmap:(\d+) telephone-event/8000", media[0], re.MULTILINE | re.IGNORECASE
    )
    # The stream's own direction is found first, since its lines stand before the session's here.
    way = re.search(
        r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", media[0] + session, re.MULTILINE
    )
    return Sound(
        host=host[1],
        port=int(first[1]),
        law=laws[0],
        events=int(events[1]) if events else None,
        direction=way[1] if way else "sendrecv",
        rejected=tuple(part.split("\n")[0] for part in media[1:]),
    )


def is_hold(body: bytes) -> bool:
    """Whether a description puts the other side on hold (RFC 3264 section 8.4, or RFC 2543's
    address).
    """
    try:
        return not parse(body).writer_listens
    except NotAcceptable:
        return False


def offer(host: str, port: int, law: Law, version: int) -> bytes:
    """Both laws, the preferred one first, and telephone events."""
    other: Law = "PCMU" if law == "PCMA" else "PCMA"
    return _written(host, port, (law, other), EVENTS, "sendrecv", version)


def answer(host: str, port: int, offered: Sound, version: int) -> bytes:
    """The one codec that was chosen from the offer."""
    written = _written(
        host, port, (offered.law,), offered.events, _OPPOSITE[offered.direction], version
    )
    refused = "".join(
        re.sub(r"^(m=\S+) \d+(/\d+)?", r"\1 0", line) + "\r\n" for line in offered.rejected
    )
    return written + refused.encode()


def _written(
    host: str, port: int, laws: tuple[Law, ...], events: int | None, direction: str, version: int
) -> bytes:
    numbers = [str(PAYLOAD_TYPES[law]) for law in laws] + (
        [str(events)] if events is not None else []
    )
    lines = [
        "v=0",
        f"o=- {port} {version} IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {' '.join(numbers)}",
        *(f"a=rtpmap:{PAYLOAD_TYPES[law]} {law}/8000" for law in laws),
        *(
            [f"a=rtpmap:{events} telephone-event/8000", f"a=fmtp:{events} 0-16"]
            if events is not None
            else []
        ),
        "a=ptime:20",
        f"a={direction}",
    ]
    return ("\r\n".join(lines) + "\r\n").encode()
