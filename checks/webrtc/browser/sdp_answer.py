"""What the far end's answer says, read off the wire: SDP (RFC 8866) with ICE (RFC 8839) and
DTLS-SRTP (RFC 8842).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipmessage import Message, Response

from checks.contract import Refused

_STATIC = {"0": "PCMU", "8": "PCMA", "9": "G722"}
_NAMES = {"opus": "opus", "pcma": "PCMA", "pcmu": "PCMU", "g722": "G722"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a 2xx to our INVITE."""

    body: str

    def codec(self) -> str:
        """The first that is taken. Raises Refused."""
        line = re.search(r"(?m)^m=audio (\d+) \S+ ([\d ]+)", self.body)
        if line is None or line[1] == "0":
            raise Refused("no-media", "the answer takes no sound")
        types = dict(re.findall(r"(?m)^a=rtpmap:(\d+) ([^/\s]+)", self.body))
        named = (_NAMES.get({**_STATIC, **types}.get(one, "").lower()) for one in line[2].split())
        codec = next((name for name in named if name), None)
        if codec is None:
            raise Refused("no-codec", "the answer has none of the codecs that were offered")
        return codec

    def prove_ice(self) -> None:
        """Raises Refused."""
        if not re.search(r"(?m)^a=ice-ufrag:\S", self.body):
            raise Refused(
                "no-ice", "the answer has no ICE credentials: the edge does not bridge to plain SIP"
            )

    def prove_fingerprint(self) -> None:
        """Raises Refused."""
        if not re.search(r"(?m)^a=fingerprint:\S", self.body):
            raise Refused("no-fingerprint", "the answer has no DTLS fingerprint")


def final_answer(text: str) -> Answer | None:
    """A 2xx to an INVITE, if it is one."""
    answer = _response(text)
    if answer is None or not 200 <= answer.code < 300 or answer.cseq.method != "INVITE":
        return None
    return Answer(answer.body.decode(errors="replace"))


def answers_bye(text: str) -> bool:
    """Whether it is a final response to a BYE."""
    answer = _response(text)
    return answer is not None and answer.cseq.method == "BYE" and answer.code >= 200


def _response(text: str) -> Response | None:
    try:
        message = Message.parse(text.encode())
        return message if isinstance(message, Response) and message.cseq.method else None
    except (ValueError, KeyError, IndexError):
        return None
