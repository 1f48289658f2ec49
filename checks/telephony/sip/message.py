"""One SIP message out of the bytes that came, for our own transactions: lenient in form, strict in
what it relies on.

`sipmessage` parses; what RFC 3261 allows and it does not know (folded lines, blanks before a colon)
is made plain before. What is refused here is no SIP: a status beyond 699 or below 100, a body
shorter than its Content-Length says, a Call-ID or CSeq that is missing or twice there, or none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipmessage import Message, Request, Response

from checks.telephony.sip.framing import lengths, unfolded
from checks.telephony.sip.name_address import listed, parameters
from checks.transport.wire_text import one_line

# RFC 3261 section 7.1: SIP-Version is without regard to case.
_STATUS_LINE = re.compile(rb"(?i:SIP)/2\.0 (\d{3})(?: [^\r\n]*)?\r\n")
_LIKE_REQUEST = re.compile(rb"[^\r\n]* SIP/\d+\.\d+[ \t]*\r?\n")
# RFC 3261 section 8.1.1.5: a sequence number below 2**31, then the method.
_CSEQ = re.compile(r"(\d{1,10})[ \t]+(\S+)")
# Protocol, version and transport, then sent-by; blanks are allowed around every sign (RFC 3261
# section 25.1).
_SENT_BY = re.compile(
    r"SIP ?/ ?2\.0 ?/ ?[\w-]+ (\[[0-9a-f:.]+\]|[^ :;,]+)(?: ?: ?(\d{1,5}))?",
    re.IGNORECASE,
)


class NotSip(ValueError):
    """What came is no SIP; its text says why."""


@dataclass(frozen=True, slots=True)
class Via:
    """Who sent a request, and in which transaction (RFC 3261 section 20.42); in lower case."""

    host: str
    port: int | None
    branch: str


@dataclass(frozen=True, slots=True)
class Read:
    """A message and what it says it belongs to."""

    message: Request | Response
    call_id: str
    sequence: int
    method: str
    """of the request that it is, or answers"""
    via: Via | None = None
    """the topmost one, which a response has from its request"""


def as_sent(message: Request | Response) -> bytes:
    """A message for the wire. Raises Failed where a field of it would be two (RFC 3261 section
    25.1).
    """
    first = message.uri if isinstance(message, Request) else message.phrase
    one_line(str(first))
    for name in message.headers.keys():  # noqa: SIM118 - no mapping: it has no iterator
        for value in message.headers.getlist(name):
            one_line(f"{name}: {value}")
    return bytes(message)


def is_like_a_request(data: bytes) -> bool:
    """Whether it is meant as a request, be it well made or not: nothing that we asked is answered
    by one.
    """
    return data[:4].upper() != b"SIP/" and _LIKE_REQUEST.match(data) is not None


def read(data: bytes) -> Read:
    """The one SIP message in `data`. Raises NotSip."""
    # Empty lines before a message are allowed (RFC 3261 section 7.5).
    head, blank, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not blank:
        raise NotSip("it has no end")
    plain = _in_utf8(unfolded(head + b"\r\n"))
    if plain[:4].upper() == b"SIP/":
        plain = _status_line(plain)
    _measure(plain, len(body))
    try:
        message = Message.parse(plain + b"\r\n" + body)
        call_ids, sequences = message.headers.getlist("Call-ID"), message.headers.getlist("CSeq")
    except (ValueError, KeyError, IndexError) as problem:
        raise NotSip(f"it cannot be read: {_short(problem)}") from None
    # RFC 3261 section 8.1.1 requires one Call-ID and one CSeq; two make it unclear whom it
    # answers.
    if len(call_ids) != 1 or len(sequences) != 1 or not call_ids[0]:
        raise NotSip("it does not have one Call-ID and one CSeq")
    sequence = _CSEQ.fullmatch(sequences[0])
    if sequence is None or int(sequence[1]) >= 2**32:
        raise NotSip("its CSeq is no number and method")
    return Read(message, call_ids[0], int(sequence[1]), sequence[2], top_via(message))


def top_via(message: Request | Response) -> Via | None:
    """Its first Via; None where there is none that can be read."""
    first = next(iter(listed(message.headers.getlist("Via")[:1])), "")
    sent_by, _, rest = first.partition(";")
    found = _SENT_BY.fullmatch(" ".join(sent_by.split()))
    if found is None:
        return None
    return Via(
        found[1].lower(),
        int(found[2]) if found[2] else None,
        parameters(rest).get("branch", "").lower(),
    )


def _in_utf8(head: bytes) -> bytes:
    """What is not in UTF-8 (RFC 3261 section 25.1) is read as Latin-1: phones show the name of an
    older PBX oddly, and talk to it.
    """
    try:
        head.decode("utf-8")
    except UnicodeDecodeError:
        return head.decode("latin-1").encode("utf-8")
    return head


def _status_line(plain: bytes) -> bytes:
    line = _STATUS_LINE.match(plain)
    if line is None or not 100 <= int(line[1]) <= 699:
        raise NotSip("its status line is none")
    rest = plain[line.end() :]
    first = b"SIP" + line[0].rstrip(b"\r\n")[3:]
    # A reason phrase may be empty, its blank may not (RFC 3261 section 25.1); many far ends leave
    # both out.
    return (first if first.count(b" ") >= 2 else first + b" ") + b"\r\n" + rest


def _measure(head: bytes, length: int) -> None:
    """A datagram that is shorter than it says was cut off (RFC 3261 section 18.3)."""
    # More than it says is allowed over UDP: the rest is dropped (RFC 3261 section 18.3).
    for written in lengths(head):
        if not written.isdigit():
            raise NotSip("its Content-Length is no number")
        if int(written[:10]) > length:
            raise NotSip("it is shorter than its Content-Length says")


def _short(problem: Exception) -> str:
    return " ".join(str(problem).split())[:120]


@dataclass(frozen=True, slots=True)
class Awaited:
    """What an answer must have in common with its question (RFC 3261 sections 17.1.3, 18.1.2)."""

    call_id: str = ""
    sequence: int = 0
    method: str = ""
    via: Via | None = None

    @classmethod
    def of(cls, question: Request) -> Awaited:
        """What the answer to this question must have."""
        return cls(question.call_id, question.cseq.sequence, question.method, top_via(question))

    def is_meant(self, came: Read) -> bool:
        """Whether it is meant as an answer to this question."""
        return (came.call_id, came.sequence) == (self.call_id, self.sequence)

    def mismatch(self, came: Read) -> str:
        """Why nobody believes an answer that is meant as ours; "" for a true one."""
        if came.via is None or self.via is None:
            return "an answer without a Via that can be read"
        if came.via.branch != self.via.branch:
            return "an answer with another Via branch than our request's (RFC 3261, 17.1.3)"
        if (came.via.host, came.via.port or 5060) != (self.via.host, self.via.port or 5060):
            return "an answer whose Via names another sender than us (RFC 3261, 18.1.2)"
        return ""
