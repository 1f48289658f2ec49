"""SIP messages of a softphone: who it is, requests outside and inside a dialog, replies (RFC 3261
8, 12).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sipmessage import URI, Parameters, Request, Response

from checks.telephony.sip.name_address import addresses, sip_uri

# The answers of a softphone to a far end's requests.
_PHRASES = {
    200: "OK",
    405: "Method Not Allowed",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
}
# RFC 3261 section 20.5: the methods that are understood within a call.
_ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, NOTIFY"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who speaks. A browser has no address of its own to name: it makes one up (RFC 7118 section
    5).
    """

    user: str
    domain: str
    login: str
    password: str | None
    secure: bool
    host: str = field(default_factory=lambda: f"{secrets.token_hex(6)}.invalid")

    @property
    def address(self) -> str:
        """The address of record (RFC 3261 section 10.1), as a SIP URI."""
        return f"sip:{self.user}@{self.domain}"

    @property
    def contact(self) -> str:
        """The Contact URI, which leads back over this WebSocket."""
        # RFC 7118 section 5.2: the host of a Contact cannot be resolved, and transport=ws leads
        # back over the socket.
        return f"sip:{self.user}@{self.host};transport=ws"

    def request(
        self, method: str, uri: str, to: str, call: str, sequence: int, tag: str
    ) -> Request:
        """A request; `to` is the value of To, tag and all. Raises ValueError for what is no URI."""
        made = Request(method, target_of(uri))
        # RFC 7118 section 5.1: the transport in Via is WS or WSS.
        via = "WSS" if self.secure else "WS"
        made.headers.set(
            "Via", f"SIP/2.0/{via} {self.host};branch=z9hG4bK{secrets.token_hex(8)};rport"
        )
        # RFC 3261 section 8.1.1.6 recommends 70.
        made.headers.set("Max-Forwards", "70")
        made.headers.set("From", f"<{self.address}>;tag={tag}")
        made.headers.set("To", to)
        made.headers.set("Call-ID", call)
        made.headers.set("CSeq", f"{sequence} {method}")
        made.headers.set("Contact", f"<{self.contact}>")
        made.headers.set("Allow", _ALLOW)
        made.headers.set("User-Agent", "Reveille")
        made.headers.set("Content-Length", "0")
        return made


def on_branch_of(invite: Request, method: str, to: str) -> Request:
    """The CANCEL of an INVITE, or the ACK of its refusal (RFC 3261 sections 9.1, 17.1.1.3)."""
    made = Request(method, invite.uri)
    # CANCEL and the ACK of a refusal have the branch, From and Call-ID of the INVITE, and its CSeq
    # number.
    for name in ("Via", "Max-Forwards", "From", "Call-ID"):
        made.headers.set(name, invite.headers[name])
    made.headers.set("To", to)
    made.headers.set("CSeq", f"{invite.cseq.sequence} {method}")
    made.headers.set("Content-Length", "0")
    return made


def with_body(message: Request | Response, kind: str, body: str) -> None:
    """Set the body of a message, with Content-Type and Content-Length."""
    message.body = body.encode()
    message.headers.set("Content-Type", kind)
    message.headers.set("Content-Length", str(len(message.body)))


def reply(request: Request, code: int, tag: str = "") -> Response:
    """An answer to a request; `tag` goes into To unless one is there. Raises KeyError for a request
    without the headers that each has.
    """
    answer = Response(code, _PHRASES.get(code, "Unknown"))
    # RFC 3261 section 8.2.6.2: a response repeats Via, From, To, Call-ID and CSeq.
    answer.headers.setlist("Via", list(request.headers.getlist("Via")))
    for name in ("From", "To", "Call-ID", "CSeq"):
        answer.headers.set(name, request.headers[name])
    if tag and not tag_of(request.headers["To"]):
        answer.headers.set("To", f"{request.headers['To']};tag={tag}")
    answer.headers.set("Content-Length", "0")
    return answer


def tag_of(header: str) -> str:
    """The tag in the value of a From or To; "" without one."""
    try:
        return next((one.parameters.get("tag", "") for one in addresses([header])), "")
    except ValueError:
        return ""


def target_of(uri: str) -> URI:
    """A SIP URI of the far end's as the target of a request (RFC 3261 section 19.1.5: without its
    headers). Raises ValueError for what is none.
    """
    read = sip_uri(uri)
    flags = {name: value or None for name, value in read.parameters.items()}
    flags.pop("method", None)
    return URI(read.scheme, read.host, read.user or None, None, read.port, Parameters(**flags))


def is_loose(route: str) -> bool:
    """Whether a Route's proxy routes loosely (RFC 3261 section 16.12); what cannot be read does."""
    try:
        return "lr" in sip_uri(addresses([route])[0].uri).parameters
    except ValueError:
        return True
