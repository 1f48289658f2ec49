"""Datagrams of a far end that are no SIP, and why: read from the engine's log, which tells of each
that it drops.

    Dropping 501 bytes packet from UDP 192.0.2.9:5060 : ... when parsing 'CSeq' header on line 6
    col 7     then
    Dropped packet:SIP/2.0 200 OK ...
    or at once Error processing packet from 192.0.2.9:5060: Missing required header(s) ... Call-ID
    [code 171050]: SIP/2.0 200 ...

Rules: few are kept, and a piece of each; the engine itself passes over datagrams of less than 32
bytes, unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from checks.telephony.sip.ladder import Message, masked

# The engine's own words (pjsip 2.15); another version may word them otherwise.
_DROPPING = re.compile(r"Dropping \d+ bytes packet from (?:\w+) (\S+) :?\s*(.*)", re.DOTALL)
_DROPPED = re.compile(r"Dropped packet:(.*)", re.DOTALL)
_PROCESSING = re.compile(
    r"Error processing packet from (\S+): (.*?) \[code \d+\]:\r?\n(.*)", re.DOTALL
)
_END = re.compile(r"\r?\n--end msg--\s*\Z|(?<!\s)\s*+-- end of packet\.?\s*\Z")
_BRANCH = re.compile(r"(?i);\s*branch\s*=\s*([^\s;,]+)")
_TAG = re.compile(r"(?i);\s*tag\s*=\s*[^\s;,]")
# Eight datagrams of 4000 characters make an exhibit that a person reads.
_KEPT, _LONGEST = 8, 4000
# A far end that rings, or queues, says so about once a minute (RFC 3261 section 13.3.1.1).
MANY_PROVISIONALS = 50


@dataclass(frozen=True, slots=True)
class Malformed:
    """A datagram: from where (host:port), what is wrong with it, and its text as far as the log
    held it.
    """

    far: str
    why: str
    text: str = ""

    @property
    def host(self) -> str:
        """The address that it came from."""
        return self.far.rpartition(":")[0]


class Dropped:
    """Reads the engine's log, entry by entry, for datagrams that were dropped."""

    def __init__(self) -> None:
        self._dropping: Malformed | None = None

    def read(self, entry: str) -> Malformed | None:
        """The datagram that this entry completes; None for any other entry."""
        if found := _DROPPING.match(entry):
            self._dropping = Malformed(found[1], _one_line(found[2]))
            return None
        if (found := _DROPPED.match(entry)) and self._dropping:
            dropped, self._dropping = replace(self._dropping, text=_cut(found[1])), None
            return dropped
        if found := _PROCESSING.match(entry):
            return Malformed(found[1], _one_line(found[2]), _cut(found[3]))
        return None


class Asked:
    """Our own requests, by which a response that belongs to none of them is known (RFC 3261 section
    17.1.3).
    """

    def __init__(self) -> None:
        self._asked: set[tuple[str, str]] = set()

    def look(self, message: Message) -> Malformed | None:
        """Note a request of ours; a response to nothing that was asked is none."""
        key = _branch(message), message.method
        if message.direction == "sent":
            if message.status is None:
                self._asked.add(key)
            return None
        # RFC 3261 section 17.1.3: branch and CSeq method match a response to its transaction.
        if message.status is None or not self._asked or key in self._asked:
            return None
        return _of(message, "a response to none of our requests (Via branch, CSeq)")


def deadly(message: Message) -> Malformed | None:
    """A response that nobody may send, and that the engine may die of."""
    return untagged(message) or starred(message)


def starred(message: Message) -> Malformed | None:
    """A response to REGISTER with the Contact "*" (RFC 3261 section 10.2.2: requests alone have
    it): the engine looks for its address.
    """
    if message.direction == "sent" or not message.status or message.method != "REGISTER":
        return None
    if not any(value.strip() == "*" for value in message.headers("Contact")):
        return None
    return _of(message, 'a response with the Contact "*"')


def untagged(message: Message) -> Malformed | None:
    """A response to INVITE whose To has no tag (RFC 3261 section 8.2.6.2): the engine may die of
    it.
    """
    # 100 Trying may come without a tag (RFC 3261 section 8.2.6.2).
    if message.direction == "sent" or (message.status or 0) <= 100 or message.method != "INVITE":
        return None
    if any(_TAG.search(to) for to in message.headers("To")):
        return None
    return _of(message, "a response without a tag in To")


class Exhibits:
    """The first few malformed datagrams, as an exhibit for people."""

    def __init__(self) -> None:
        self.kept: list[Malformed] = []
        self.count = 0

    def add(self, one: Malformed) -> bool:
        """Count a datagram, and keep it while there is room; returns whether there was."""
        self.count += 1
        if len(self.kept) < _KEPT:
            self.kept.append(one)
        return self.count <= _KEPT

    def text(self) -> str:
        """What came, from where, and why it is none; credentials masked."""
        shown = [
            f"--- {n}: from {m.far}: {m.why} ---\n{_printable(masked(m.text))}"
            for n, m in enumerate(self.kept, 1)
        ]
        return "\n".join(
            [f"{self.count} datagrams that are no SIP; the first {len(self.kept)}:", *shown, ""]
        )


def _of(message: Message, why: str) -> Malformed:
    # `far` has the transport before the address.
    return Malformed(message.far.rpartition(" ")[2], why, _cut(message.text))


def _branch(message: Message) -> str:
    via: Iterable[str] = message.headers("Via")
    found = _BRANCH.search(next(iter(via), ""))
    return found[1] if found else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _cut(text: str) -> str:
    return _END.sub("", text)[:_LONGEST]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)
