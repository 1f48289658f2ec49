"""The fault of a session description that answers our offer, when the engine made no media of it
(RFC 3264, RFC 4566).

It is missing or no SDP ("bad-peer"), refuses the sound or holds no codec that we offered
("no-codec"), or is not encrypted though nothing else was offered ("no-srtp").
"""

from __future__ import annotations

import re

_KEY = re.compile(r"(?m)^a=crypto:\d+ \S+ inline:")
# RFC 4566 section 5.14: media, port, number of ports, protocol, formats.
_AUDIO = re.compile(r"^m=audio (\d{1,5})(?:/\d+)? ([\w/]+)((?: \d+)+)[ \t]*$", re.MULTILINE)
_CONNECTION = re.compile(r"^c=IN IP[46] \S+", re.MULTILINE)


def has_key(message: str) -> bool:
    """Whether the description in a message offers, or takes, encryption."""
    return _KEY.search(message) is not None


def fault_of(message: str, encrypted_only: bool = False) -> tuple[str, str]:
    """A code and words, of the text of a 2xx to our INVITE, which may have offered SRTP only."""
    _, blank, body = message.replace("\r\n", "\n").partition("\n\n")
    if not blank or not body.strip():
        return "bad-peer", "the answer has no session description, or it was cut off"
    audio = _AUDIO.search(body)
    # RFC 4566 section 5: a description begins with its version, and audio needs a connection
    # address.
    if (
        not body.startswith("v=0")
        or audio is None
        or int(audio[1]) > 65535
        or not _CONNECTION.search(body)
    ):
        return "bad-peer", "the session description of the answer is no SDP with an audio stream"
    # RFC 3264 section 6: port 0 rejects the stream.
    if audio[1] == "0":
        return "no-codec", "the answer refuses the audio stream (port 0)"
    if encrypted_only and (audio[2] != "RTP/SAVP" or not has_key(body)):
        return "no-srtp", f"the answer is not encrypted ({audio[2]}, no key), and SRTP is required"
    # RFC 3264 section 6: the answer keeps the protocol of the offer.
    if audio[2] != ("RTP/SAVP" if encrypted_only else "RTP/AVP"):
        return "no-codec", f"the answer wants {audio[2]}, which was not offered"
    return "no-codec", f"the answer has no codec that was offered, but payload types{audio[3]}"
