"""What the far end's answer says, read off the wire: SDP (RFC 8866) with ICE (RFC 8839) and
DTLS-SRTP (RFC 8842).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipmessage import Message, Response

from checks.contract import Failed

# RFC 3551 section 6, table 4: payload types that need no rtpmap.
_STATIC = {"0": "PCMU", "8": "PCMA", "9": "G722"}
# The name in an rtpmap is written in any case (RFC 8866 section 6.6).
_NAMES = {"opus": "opus", "pcma": "PCMA", "pcmu": "PCMU", "g722": "G722"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a 2xx to our INVITE."""

    body: str

    def codec(self) -> str:
        """The first codec of the answer that is known here. Raises Failed."""
        line = re.search(r"(?m)^m=audio (\d+) \S+ ([\d ]+)", self.body)
        # RFC 3264 section 6: port 0 rejects the stream.
        if line is None or line[1] == "0":
            raise Failed("no-media", "the answer takes no sound")
        types = dict(re.findall(r"(?m)^a=rtpmap:(\d+) ([^/\s]+)", self.body))
        named = (_NAMES.get({**_STATIC, **types}.get(one, "").lower()) for one in line[2].split())
        codec = next((name for name in named if name), None)
        if codec is None:
            raise Failed("no-codec", "the answer has none of the codecs that were offered")
        return codec

    def prove_ice(self) -> None:
        """Raise Failed where the answer lacks it."""
        # RFC 8839 section 5.4: without ice-ufrag the far end does no ICE.
        if not re.search(r"(?m)^a=ice-ufrag:\S", self.body):
            raise Failed(
                "no-ice", "the answer has no ICE credentials: the edge does not bridge to plain SIP"
            )

    def prove_fingerprint(self) -> None:
        """Raise Failed where the answer lacks it."""
        # RFC 8122 section 5: the fingerprint binds the certificate of DTLS to the signalling.
        if not re.search(r"(?m)^a=fingerprint:\S", self.body):
            raise Failed("no-fingerprint", "the answer has no DTLS fingerprint")


def final_answer(text: str) -> Answer | None:
    """The answer in a 2xx to an INVITE; None for any other message."""
    answer = _response(text)
    # RFC 3261 section 13.2.2.4: a 2xx to INVITE holds the answer.
    if answer is None or not 200 <= answer.code < 300 or answer.cseq.method != "INVITE":
        return None
    return Answer(answer.body.decode(errors="replace"))


def answers_bye(text: str) -> bool:
    """Whether it is a final response to a BYE."""
    answer = _response(text)
    return answer is not None and answer.cseq.method == "BYE" and answer.code >= 200


def _response(text: str) -> Response | None:
    try:
        # Whatever cannot be parsed is no answer; the page itself tells what it could not read.
        message = Message.parse(text.encode())
        return message if isinstance(message, Response) and message.cseq.method else None
    except (ValueError, KeyError, IndexError):
        return None
