"""SIP messages as this exchange writes them. What must come back verbatim is copied as text, in its
order.
"""

from __future__ import annotations

import secrets

from sipmessage import URI, Address, Message, Request, Response, Via

# What Exchange and Leg know to answer; RFC 3261 section 20.5 wants it in a 405.
ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, UPDATE, INFO, REFER, NOTIFY"
AGENT = "Reveille-lab"

# RFC 3261 section 21, RFC 3515 (202) and RFC 4028 (422). Nobody acts on the words: a peer reads
# them in its log.
PHRASES = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    415: "Unsupported Media Type",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    481: "Call/Transaction Does Not Exist",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}


def token() -> str:
    """A fresh tag, or the tail of a branch: 64 random bits."""
    return secrets.token_hex(8)


def reason(cause: int, text: str) -> str:
    """A Reason header's value (RFC 3326) for a Q.850 cause."""
    return f'Q.850;cause={cause};text="{text}"'


def parameter(address: Address, name: str) -> str | None:
    """A parameter of From, To or Contact, such as `tag`."""
    return address.parameters.get(name)


def reply(request: Request, code: int, tag: str = "", **headers: str) -> Response:
    """An answer to a request; `tag` goes into To unless one is there. Underscores in header names
    become dashes.
    """
    answer = Response(code=code, phrase=PHRASES.get(code, "Unknown"))
    answer.headers.setlist("Via", list(request.headers.getlist("Via")))
    answer.headers.set("From", request.headers["From"])
    # RFC 3261 section 8.2.6.2: 100 needs no tag, since it makes no dialog.
    answer.headers.set("To", _tagged(request, "" if code == 100 else tag))
    answer.headers.set("Call-ID", request.call_id)
    answer.headers.set("CSeq", request.headers["CSeq"])
    # RFC 3261 section 12.1.1: copied, so that both ends learn the same route set.
    if routes := request.headers.getlist("Record-Route"):
        answer.headers.setlist("Record-Route", list(routes))
    for name, value in headers.items():
        answer.headers.set(name.replace("_", "-"), value)
    answer.headers.set("Server", AGENT)
    answer.headers.set("Content-Length", "0")
    return answer


def _tagged(request: Request, tag: str) -> str:
    written = request.headers["To"]
    return written if not tag or parameter(request.to_address, "tag") else f"{written};tag={tag}"


def with_body(message: Message, content_type: str, body: bytes) -> None:
    """Give a message its body."""
    message.headers.set("Content-Type", content_type)
    message.headers.set("Content-Length", str(len(body)))
    message.body = body


def request(method: str, to: URI, via: Via, **headers: str) -> Request:
    """A new request with the headers that each has; underscores in header names become dashes."""
    made = Request(method=method, uri=to)
    made.via = [via]
    # RFC 3261 section 8.1.1.6 says 70.
    made.headers.set("Max-Forwards", "70")
    for name, value in headers.items():
        made.headers.set(name.replace("_", "-"), value)
    made.headers.set("User-Agent", AGENT)
    made.headers.set("Content-Length", "0")
    return made
