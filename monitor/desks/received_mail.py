"""A mail that somebody has sent us, as far as it may be an answer to a letter: whom it is from,
which ticket it is about, and what its first line says.

Rules:
1. It is data of a stranger: bounded, read in linear time, and nothing in it is acted on but one
   word at the beginning of its text.
2. What a machine has written is never an answer (RFC 3834 section 2, RFC 3464, and what vacation
   programs write instead): neither taken, nor answered.
3. A sender is known by the verdict of our own mail server, a ticket's reader by the signature that
   his letter carried; what the mail itself says of its author is nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from email.policy import Compat32

from monitor.desks.authentication_results import vouched
from monitor.desks.automatic_mail import why_automatic
from monitor.desks.helpdesk import without_tags
from monitor.desks.internet_message import domain_of, is_address

MOST_BYTES = 65_536
"""of a mail, that are read; what comes after is quoted or enclosed"""
_MOST_HEADERS, _LONGEST_HEADER, _MOST_PARTS = 300, 4000, 50
# Parts within parts: for each line the parser asks every boundary around it.
_MOST_BOUNDARIES = 30
_MOST_TEXT = 2000
_CHARSETS = re.compile(r"utf-?8|us-ascii|iso-8859-\d{1,2}|windows-125\d|cp125\d", re.I)
# Ours: `reveille+rv-12.abcdefghij234567@…` as an address, `<rv-12.abcdefghij234567.reply@…>` among
# the references, `<rv-12.cafe0001.opened.1.0123456789ab@…>` as a letter.
_TOKENS = re.compile(r"rv-(\d{1,12})\.([a-z2-7]{16})(?:@|\.reply@)", re.I)
_LETTERS = re.compile(r"<rv-(\d{1,12})\.([0-9a-f]{8})[.@]")
_SUBJECT = re.compile(r"\bRV-(\d{1,12})\b", re.I)
_QUOTED_NAME = re.compile(r'"(?:[^"\\]|\\.)*"')
_IN_BRACKETS = re.compile(r"<([^<>\s]{3,254})>\s*$")
_QUOTE = re.compile(
    r"\s*>|\s*-{2,}\s*(original|$)|_{5,}|(from|von|de|da)\s*:\s|.{0,200}wrote:\s*$", re.I
)


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """What was read."""

    identity: str
    """the same of each copy of a mail"""
    sender: str
    """the address in From; "" where there is none, or several"""
    vouched: bool
    """whether our own server has found it to be from there"""
    automatic: str
    """why it is no person's; "" where nothing says so"""
    tokens: tuple[tuple[int, str], ...]
    """ticket and signature, as they stand in its addresses and references"""
    letters: tuple[tuple[int, str], ...]
    """ticket and ledger of the letters that it refers to"""
    named: tuple[int, ...]
    """tickets in its subject"""
    lines: tuple[str, ...]
    """its own text, without what it quotes"""


def read_mail(raw: bytes, authserv_id: str = "", own_received: int = 1) -> ReceivedMail:
    """Read it. Raises ValueError for what is no mail. Without an `authserv_id` no sender is vouched
    for.
    """
    raw = raw[:MOST_BYTES]
    if raw.lower().count(b"boundary") > _MOST_BOUNDARIES:
        raise ValueError("it has too many parts within parts")
    try:
        mail = message_from_bytes(raw, policy=_Bounded())
        headers = [(name, _unfolded(value)) for name, value in mail.raw_items()]
    # Parts within parts within parts: the parser goes as deep as they do.
    except (RecursionError, MessageError, LookupError, UnicodeError) as strange:
        raise ValueError(f"it cannot be read ({type(strange).__name__})") from None
    if not headers or len(headers) > _MOST_HEADERS:
        raise ValueError("it has no headers" if not headers else "it has too many headers")
    sender = _sender([value for name, value in headers if name.lower() == "from"])
    known = bool(authserv_id and sender)
    return ReceivedMail(
        identity=_identity(headers, raw),
        sender=sender,
        vouched=known and vouched(headers, authserv_id, own_received, domain_of(sender)),
        automatic=why_automatic(mail, headers, sender),
        tokens=_numbered(_TOKENS, _of(headers, "to", "cc", "delivered-to", "x-original-to",
                                      "envelope-to", "in-reply-to", "references")),
        letters=_numbered(_LETTERS, _of(headers, "in-reply-to", "references")),
        named=tuple(int(one[1]) for one in _SUBJECT.finditer(" ".join(_of(headers, "subject")))),
        lines=tuple(_own_lines(_text(mail))),
    )  # fmt: skip


class _Bounded(Compat32):
    """Every header, also of a part within, before the parser looks into it: Python goes through the
    parameters of one in quadratic time.
    """

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Name and value, cut."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST_HEADER]


def _unfolded(value: object) -> str:
    return " ".join(str(value)[:_LONGEST_HEADER].split())


def _of(headers: Sequence[tuple[str, str]], *names: str) -> list[str]:
    return [value for name, value in headers if name.lower() in names]


def _numbered(pattern: re.Pattern[str], values: Sequence[str]) -> tuple[tuple[int, str], ...]:
    found = [(int(one[1]), one[2].lower()) for value in values for one in pattern.finditer(value)]
    return tuple(dict.fromkeys(found))[:20]


def _identity(headers: Sequence[tuple[str, str]], raw: bytes) -> str:
    """By its Message-ID, as every mail that a person sends has one; else by all of it."""
    names = _of(headers, "message-id")
    what = names[0].encode("utf-8", "replace") if names else raw
    return f"mail:{hashlib.sha256(what).hexdigest()[:24]}"


def _sender(values: Sequence[str]) -> str:
    """The one address in From (RFC 5322 section 3.6.2 allows several, and none of them then says
    who has written).
    """
    if len(values) != 1:
        return ""
    plain = _QUOTED_NAME.sub("", values[0])
    found = _IN_BRACKETS.search(plain)
    address = found[1] if found else plain.strip()
    return address.lower() if plain.count("@") == 1 and is_address(address) else ""


def _text(mail: Message) -> str:
    """What it says: its first plain text; its HTML without tags where there is none."""
    html = ""
    for number, part in enumerate(mail.walk()):
        if number >= _MOST_PARTS:
            break
        if part.get_content_disposition() == "attachment":
            continue
        kind = part.get_content_type()
        if kind == "text/plain":
            return _decoded(part)
        if kind == "text/html" and not html:
            html = without_tags(_decoded(part))
    return html


def _decoded(part: Message) -> str:
    body = part.get_payload(decode=True)
    if not isinstance(body, bytes):
        return ""
    named = str(part.get_content_charset("utf-8"))
    try:
        # Only what is decoded in linear time (punycode is not).
        return body.decode(named if _CHARSETS.fullmatch(named) else "utf-8", "replace")
    except LookupError:  # named as its siblings are, and none: iso-8859-0
        return body.decode("utf-8", "replace")


def _own_lines(text: str) -> Iterator[str]:
    """Without what is quoted, or was put below it by a program."""
    left = _MOST_TEXT
    for line in text.splitlines():
        said = " ".join("".join(one if one.isprintable() else " " for one in line[:left]).split())
        if _QUOTE.match(line[:300]) or left <= 0:
            return
        left -= len(said)
        if said:
            yield said
