"""The fault of a session description that answers our offer, when the engine made no media of it
(RFC 3264, RFC 4566).

It is missing, no SDP or none that our engine reads ("bad-peer", with the line), refuses the sound
or holds no codec that we offered ("no-codec"), or is not encrypted though nothing else was offered
("no-srtp").
"""

from __future__ import annotations

import re

_KEY = re.compile(r"(?m)^a=crypto:\d+ \S+ inline:")
# RFC 4566 section 5.14: media, port, number of ports, protocol, formats.
_AUDIO = re.compile(r"^m=audio (\d{1,5})(?:/\d+)? ([\w/]+)((?: \d+)+)[ \t]*$", re.MULTILINE)
# User, session, version, network, kind of address, address (RFC 4566 section 5.2).
_ORIGIN_WORDS = 6
# RFC 4566 section 6: payload type, name and clock rate.
_MAPPED = re.compile(r"(?m)^a=rtpmap:(\d{1,3}) +([^\s/]+/\d+)")
# RFC 3551 section 6, table 4: what a payload type means where no rtpmap says it; those of
# telephones.
_STATIC = {0: "PCMU/8000", 3: "GSM/8000", 8: "PCMA/8000", 9: "G722/8000", 18: "G729/8000"}
_CONNECTION = re.compile(r"^c=IN IP[46] \S+", re.MULTILINE)


def has_key(message: str) -> bool:
    """Whether the description in a message offers, or takes, encryption."""
    return _KEY.search(message) is not None


def codecs(message: str) -> dict[int, str]:
    """Those that the sound of a message's description may come in, "PCMA/8000" by payload type, as
    it prefers them; without one none. A number that is given no meaning has "".
    """
    body = message.replace("\r\n", "\n").partition("\n\n")[2]
    if not (audio := _AUDIO.search(body)):
        return {}
    named = {int(number): name.upper() for number, name in _MAPPED.findall(body)}
    return {
        number: named.get(number, _STATIC.get(number, "")) for number in map(int, audio[3].split())
    }


def fault_of(message: str, encrypted_only: bool = False) -> tuple[str, str]:
    """A code and words, of the text of a 2xx to our INVITE, which may have offered SRTP only."""
    head, blank, body = message.replace("\r\n", "\n").partition("\n\n")
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
    if why := _unread(body) or _ended_early(head, message):
        return "bad-peer", f"our engine cannot read the session description: {why}"
    return (
        "no-codec",
        "our engine finds no codec that was offered, by name and number, among payload types "
        + _formats(body, audio[3]),
    )


def _unread(body: str) -> str:
    """The first line that our engine takes for no SDP, in words; "" where there is none.

    What is asked for here is RFC 4566's grammar; many far ends are read all the same by phones that
    forgive.
    """
    if not re.search(r"(?m)^s=.+$", body):
        return "its name is empty or missing (s=; RFC 4566, 5.3)"
    for line in body.split("\n"):
        if line.startswith("o=") and len(line[2:].split(" ")) != _ORIGIN_WORDS:
            return f"{line[:60]!r} has not six words (RFC 4566, 5.2)"
        if line.startswith("c=") and "/" in line:
            return f"{line[:60]!r} is an address for many (RFC 4566, 5.7)"
        if line.strip() == "a=":
            return "an attribute has no name (a=; RFC 4566, 5.13)"
    return ""


def _ended_early(head: str, message: str) -> str:
    """Whether less of the body was read than there is: a NUL ends a text for an engine in C."""
    said = re.search(r"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})", head)
    body = re.split(r"\r?\n\r?\n", message, maxsplit=1)[1]
    whole = int(said[1]) if said else 0
    if whole <= len(body.encode()):
        return ""
    return f"it holds a NUL, or ends before its {whole} bytes"


def _formats(body: str, numbers: str) -> str:
    """Payload types with the names that the description gives them: "97 (PCMA/8000), 101"."""
    named = dict(re.findall(r"(?m)^a=rtpmap:(\d{1,3}) +(\S+)", body))
    return ", ".join(f"{one} ({named[one]})" if one in named else one for one in numbers.split())
