"""The SIP ladder: every message that our own stack sent or received, as the engine's log tells it.

The wire is what the engine's own call states hide: the first provisional response, a final
response's or a far BYE's Reason header, and whether a status was received at all or made up by our
own stack. The text of a ladder never holds credentials: digest responses and media keys are masked.
It is bounded in size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Direction = Literal["sent", "received"]

_LOGGED = re.compile(r"(TX|RX) \d+ bytes (?:Request|Response) msg ")
# At the end of the line that _LOGGED begins, behind what the far end has named itself.
_PEER = re.compile(r" (?:to|from) (\w+) (\S+):\r?\Z")
_END = re.compile(r"\r?\n--end msg--\s*\Z")
# Folded lines belong to the header before (RFC 3261 section 7.3.1): a response may stand in one.
_CREDENTIALS = re.compile(r"(?im)^((?:Proxy-)?Authorization\s*:\s*\w+).*(?:\r?\n[ \t].*)*")
# RFC 3261 section 7: it ends the headers.
_EMPTY_LINE = re.compile(r"\r?\n\r?\n")
_FOLDED = re.compile(r"\r?\n[ \t]+")
# RFC 4568 section 6.1: inline: is followed by the key, up to its lifetime or MKI.
_KEYS = re.compile(r"(?im)^(a=crypto:.*?inline:)[^\s|;]+")
# RFC 3261 section 7.3.3, and the registry of IANA for what came later. Written out, since the
# environment of a phone's process has no library of SIP messages.
_COMPACT = {
    "call-id": ["i"],
    "contact": ["m"],
    "content-encoding": ["e"],
    "content-length": ["l"],
    "content-type": ["c"],
    "from": ["f"],
    "refer-to": ["r"],
    "referred-by": ["b"],
    "session-expires": ["x"],
    "subject": ["s"],
    "supported": ["k"],
    "to": ["t"],
    "via": ["v"],
}
# The digit in a body of application/dtmf-relay, as INFO carries it.
_DIGIT = re.compile(r"(?im)^(signal[ \t]*=[ \t]*)\S+")
# 400 messages at the beginning and at the end: a call has some tens.
_KEPT = 400
# A diagram of more arrows cannot be read.
_DRAWN = 60
# 200 kB are 100 large messages; a ticket's attachment must stay small.
_LARGEST = 200_000


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message: `at` in monotonic seconds, the far address, and the whole text as far as the
    log held it.
    """

    at: float
    direction: Direction
    far: str
    text: str

    @property
    def first_line(self) -> str:
        """The request or status line."""
        return self.text.split("\n", 1)[0].strip()

    @property
    def status(self) -> int | None:
        """The status code of a response; None for a request."""
        found = re.match(r"SIP/2\.0 (\d{3})", self.first_line)
        return int(found[1]) if found else None

    @property
    def phrase(self) -> str:
        """The reason phrase of a response."""
        return self.first_line.split(" ", 2)[2] if self.first_line.count(" ") >= 2 else ""

    @property
    def method(self) -> str:
        """The method of a request, or that of the request which a response answers."""
        # RFC 3261 section 8.2.6.2: a response repeats the CSeq of its request, method and all.
        words = (
            self.first_line.split()
            if self.status is None
            else next(iter(self.headers("CSeq")), "").split()
        )
        return (words[0] if self.status is None else words[-1]) if words else ""

    @property
    def body(self) -> str | None:
        """What follows the empty line that ends the headers; None without one."""
        return next(iter(_EMPTY_LINE.split(self.text, maxsplit=1)[1:]), None)

    @property
    def has_body(self) -> bool:
        """Whether it carries a body (SDP)."""
        return self.body is not None and bool(self.headers("Content-Type"))

    def headers(self, name: str) -> list[str]:
        """The values of every header of that name, in order."""
        # RFC 3261 section 7.3.1: a line that begins with white space continues the one before.
        head = _FOLDED.sub(" ", _EMPTY_LINE.split(self.text, maxsplit=1)[0])
        # RFC 3261 section 7.3.3: some headers have a compact form of one letter.
        either = "|".join(re.escape(one) for one in (name, *_COMPACT.get(name.lower(), ())))
        return [value.strip() for value in re.findall(rf"(?im)^(?:{either})[ \t]*:(.*)$", head)]


def parse_log(entry: str, at: float) -> Message | None:
    """The message in an entry of the engine's log; None for any other entry."""
    if not (found := _LOGGED.search(entry)):
        return None
    line, whole, text = entry[found.end() - 1 :].partition("\n")
    if not (whole and (peer := _PEER.search(line))):
        return None
    direction: Direction = "sent" if found[1] == "TX" else "received"
    return Message(at, direction, f"{peer[1]} {peer[2]}", _END.sub("", text))


class Ladder:
    """The messages in order. A flood keeps its beginning and its latest."""

    def __init__(self) -> None:
        self._first: list[Message] = []
        self._latest: list[Message] = []
        self.left_out = 0
        self.secretive = False
        """whether the digits of this call are secrets"""
        self.strays: set[str] = set()
        """the Call-IDs of who has no business with us: shown, and taken for nobody's word"""
        self.seen: Callable[[Message], Message] = lambda message: message
        """how a message was on the wire, where the engine has it in another form"""

    def add(self, message: Message) -> None:
        """Keep a message, and in a flood the latest in place of older ones."""
        if len(self._first) < _KEPT:
            self._first.append(message)
            return
        self._latest.append(message)
        if len(self._latest) > _KEPT:
            # The middle of a flood goes: its beginning and its end tell most.
            self._latest.pop(0)
            self.left_out += 1

    def __iter__(self) -> Iterator[Message]:
        return map(self.seen, [*self._first, *self._latest])

    def final_response(self, method: str) -> Message | None:
        """The latest final response received for a method."""
        return self._latest_where(
            m
            for m in self._ours()
            if m.direction == "received" and m.method == method and (m.status or 0) >= 200
        )

    def far_request(self, method: str) -> Message | None:
        """The latest request of that method received."""
        return self._latest_where(
            m
            for m in self._ours()
            if m.direction == "received" and m.method == method and m.status is None
        )

    def is_stray(self, message: Message) -> bool:
        """Whether it belongs to a call that is nobody's business here."""
        return bool(self.strays) and call_id_of(message) in self.strays

    def _ours(self) -> Iterator[Message]:
        return (message for message in self if not self.is_stray(message))

    def ended(self, since: float, hanging_up: bool) -> bool:
        """Whether the BYE, or the INVITE that was cancelled or refused, has got (or sent) its final
        response; only those after `since` (monotonic seconds) count.
        """
        # Both hung up at once: their BYE ends the call as well as ours.
        if self.far_request("BYE") is not None:
            return True
        # No BYE was sent: the call was cancelled or refused, and INVITE's final response ends it.
        ours = list(self._ours())
        if not hanging_up or not any(m.method == "BYE" and m.status is None for m in ours):
            invite = any(
                m.method == "INVITE" and (m.status or 0) >= 300 and m.at >= since for m in ours
            )
            return invite or not hanging_up
        answer = self.final_response("BYE")
        return answer is not None and answer.at >= since

    @staticmethod
    def _latest_where(found: Iterable[Message]) -> Message | None:
        return next(iter(reversed(list(found))), None)

    def steps(self) -> list[dict[str, object]]:
        """The messages as data for a diagram: when, which way, the first line, what it is, and
        whose Reason. Short.
        """
        messages = list(self)
        # The first and the last messages: the INVITE and what ended the call.
        shown = [*messages[:_DRAWN], *messages[max(_DRAWN, len(messages) - _DRAWN) :]]
        return [
            {
                "at": m.at,
                "sent": m.direction == "sent",
                "said": m.first_line.removeprefix("SIP/2.0 ")[:120],
                "method": m.method[:20],
                "status": m.status,
                "far": m.far,
                "sdp": m.has_body,
                "reason": "; ".join(m.headers("Reason"))[:160],
            }
            for m in shown
        ]

    def _shown(self, message: Message) -> str:
        text = masked(message.text)
        return (
            # Digits by INFO stand in clear in the body.
            _DIGIT.sub(r"\1(masked)", text) if self.secretive and message.method == "INFO" else text
        )

    def text(self, zero: float, us: str) -> str:
        """The ladder for people: arrows with seconds since `zero`, and the full messages below."""
        messages = list(self)
        arrows = [_arrow(number, message, zero) for number, message in enumerate(messages, 1)]
        if self.left_out:
            arrows.insert(_KEPT, f"      ... {self.left_out} messages left out ...")
        heading = f"{'#':>3} {'seconds':>8}  {us:<12}{'far end':>44}"
        full = [
            f"--- {number} at {message.at - zero:.3f} ---\n{self._shown(message)}"
            for number, message in enumerate(messages, 1)
        ]
        return _bounded("\n".join([heading, *arrows, "", *full, ""]))


def call_id_of(message: Message) -> str:
    """The Call-ID of a message, in its long or compact form (RFC 3261 section 7.3.3)."""
    return next(iter(message.headers("Call-ID")), "")


def masked(text: str) -> str:
    """A message without its digest credentials and the keys of its media (SRTP, RFC 4568)."""
    return _KEYS.sub(r"\1(masked)", _CREDENTIALS.sub(r"\1 (masked)", text)).replace("\r\n", "\n")


def _arrow(number: int, message: Message, zero: float) -> str:
    said = message.first_line.removeprefix("SIP/2.0 ")
    if message.status is not None:
        said = f"{said} ({message.method})"
    extra = "".join(f" | Reason: {reason}" for reason in message.headers("Reason"))
    label = f" {said[:46]} "
    line = f"{label:-^50}>" if message.direction == "sent" else f"<{label:-^50}"
    return f"{number:>3} {message.at - zero:>8.3f}  |{line}|  {message.far}{extra}"


def _bounded(text: str) -> str:
    if len(text) <= _LARGEST:
        return text
    half = _LARGEST // 2
    return f"{text[:half]}\n... {len(text) - _LARGEST} characters left out ...\n{text[-half:]}"
