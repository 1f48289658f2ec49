"""The 49 torture cases of RFC 4475, each written anew from what its section tells, in the words of
this house.

A case is a trouble, not a text: header lines, a first line or a body that are odd in the way that
the section means. Two messages are made of each: a request, as the RFC has it, to be thrown at
whoever listens; and, where the trouble can be had by a response, the response with that trouble to
a request of ours. `verdict` says what must come of such a response: "taken" (it is legal, however
odd), "refused" (bad-peer), or "either" (the RFC leaves it open, or only the application could
tell).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.torture.far_end import Asked, FarEnd, written

Verdict = Literal["taken", "refused", "either"]
SDP = (
    "v=0\r\no=ines 4711 4712 IN IP4 192.0.2.60\r\ns=-\r\nc=IN IP4 192.0.2.60\r\nt=0 0\r\nm=audio"
    " 49600 RTP/AVP 0\r\n"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One section: what is odd in a request (`first`, `lines` in the place of the usual ones,
    `body`), and in a response (`status`, `extra` lines, `instead` of named headers, `answer_body`).
    """

    section: str
    name: str
    first: str = "INVITE sip:reveille@{target} SIP/2.0"
    lines: tuple[str, ...] = ()
    instead: Mapping[str, str] = field(default_factory=dict)
    """header -> the line (or lines) in its place, in a request; "" leaves it out"""
    body: str = ""
    verdict: Verdict = "either"
    at_call: Verdict | None = None
    """where the call engine, which is not ours, is known to be more lenient"""
    status: str = ""
    """of the response with the same trouble; "" when a response cannot have it"""
    extra: tuple[str, ...] = ()
    altered: Mapping[bytes, bytes] = field(default_factory=dict)
    """bytes of the response -> what stands in their place"""

    def request(self, target: str, number: int = 1) -> bytes:
        """The request, to `target` (host:port)."""
        method = self.first.split(" ", 1)[0].strip() or "INVITE"
        usual = {
            "Via": f"Via: SIP/2.0/UDP 192.0.2.61:5070;branch=z9hG4bK-torture-{number}-{self.name}",
            "From": "From: Ines <sip:ines@example.net>;tag=1qz",
            "To": "To: <sip:reveille@example.net>",
            "Call-ID": f"Call-ID: {self.name}.{number}@192.0.2.61",
            "CSeq": f"CSeq: 8 {method}",
            "Max-Forwards": "Max-Forwards: 70",
            "Contact": "Contact: <sip:ines@192.0.2.61:5070>",
        }
        chosen = [line for line in {**usual, **self.instead}.values() if line]
        lengths = [
            line
            for line in chosen + list(self.lines)
            if line.lower().startswith(("content-length", "l:"))
        ]
        first = self.first.format(target=target)
        message = written(first, *chosen, *self.lines, body=self.body)
        if lengths:  # the case has its own
            head, _, rest = message.partition(b"\r\n\r\n")
            kept = [
                li
                for li in head.split(b"\r\n")
                if not li.startswith(b"Content-Length") or li.decode() in lengths
            ]
            message = b"\r\n".join(kept) + b"\r\n\r\n" + rest
        return message

    def response(self, far: FarEnd, asked: Asked, body: str = "") -> bytes:
        """The same trouble in a response to what was asked."""
        made = far.answer(asked, self.status, *self.extra, body=body)
        for usual, odd in self.altered.items():
            made = made.replace(usual, odd, 1)
        return made


def folded(name: str) -> dict[bytes, bytes]:
    return {f"\r\n{name}: ".encode(): f"\r\n{name}\t :\r\n\t ".encode()}
