"""A letter as an Internet message (RFC 5322, 2045, 6532): headers by which people, desks and robots
know what it is.

* Message-ID comes from the letter's key: a repetition carries the same one, and mail stores drop
  it.
* References names one virtual root per incident and the letter before: clients show one thread.
* Auto-Submitted (RFC 3834) is "auto-generated" for what somebody must act on and "auto-replied" for
  a mere acknowledgement; X-Auto-Response-Suppress and Precedence keep holiday notes and list robots
  from answering.
* A report's letters name its number and the day of the one before, and make no thread: each day
  stands for itself. Its pictures are parts of the HTML (RFC 2387), found by Content-ID (RFC 2392).
* A line break in a header is refused, never repaired: it is somebody's attempt to add headers (RFC
  5322, 2.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from monitor.desks.desk import Letter, Never
from monitor.desks.evidence_files import EvidenceFile
from reports.maintenance import Ended
from reports.morning_report import Audit
from reports.render import Mail, render_audit, render_mail, render_maintenance
from reports.ticket import Ticket

# Narrower than RFC 5322, without quoted local parts and comments: it goes into an envelope and a
# header as it is.
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x20\x7f]+@[^\s@<>()\[\],;:\\\"\x00-\x20\x7f]+")
# Who is told without being asked to do anything (monitor/incidents/recipients.py).
_LOOK_ON = ("copy", "customer", "helpdesk")
_ATOM = re.compile(r"[^A-Za-z0-9._-]+")


def is_address(text: str) -> bool:
    """Whether this is one plain address, `local@domain`, that can stand in an envelope and in a
    header.
    """
    # RFC 5321 section 4.5.3.1.3: a path has at most 256 octets, two of which are its angle
    # brackets.
    return bool(_ADDRESS.fullmatch(text)) and len(text) <= 254


def domain_of(address: str) -> str:
    """The host part of an address, in its ASCII form (RFC 3490) where it has one."""
    domain = address.rpartition("@")[2]
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain


def envelope_address(address: str) -> str:
    """The address with its domain in ASCII, where its local part is ASCII too; else whole, for
    SMTPUTF8 (RFC 6531).
    """
    local, _, _ = address.rpartition("@")
    return f"{local}@{domain_of(address)}" if local.isascii() else address


def message_id(key: str, domain: str) -> str:
    """`<key@domain>`; what cannot stand in one becomes a dash."""
    return f"<{_ATOM.sub('-', key)}@{domain}>"


@dataclass(frozen=True, slots=True)
class Enclosures:
    """What goes with a letter: a report's pictures by name, and its printed form where somebody
    asked for it; a ticket's evidence.
    """

    pictures: Mapping[str, bytes] = field(default_factory=dict)
    pdf: bytes = b""
    evidence: tuple[EvidenceFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """How a letter can be answered: the address that answers go to, "" where nobody reads them."""

    address: str = ""


def compose(
    letter: Letter,
    sender: str,
    sender_name: str,
    enclosures: Enclosures | None = None,
    answered: Answered | None = None,
) -> EmailMessage:
    """The message, whole. Raises Never for a letter that cannot be put into one."""
    # Looked at again although the configuration was checked: a letter may be older than the file
    # that is in force.
    if not is_address(letter.recipient):
        raise Never(f"{letter.recipient!r} is not a mail address")
    enclosures = enclosures or Enclosures()
    to = answered.address if answered and letter.reply_token and may_act(letter) else ""
    site, number, mail = _rendered(letter, enclosures, domain_of(sender), replies=bool(to))
    message = EmailMessage(policy=SMTP)
    try:
        _address(message, letter, sender, sender_name or f"Reveille {site}")
        message["Subject"] = mail.subject
        if to:
            message["Reply-To"] = reply_address(to, letter)
        _thread(message, letter, domain_of(sender), replies=bool(to))
        _classify(message, letter, number, domain_of(sender))
    # The email package raises these for a line break in a header, which would add headers of
    # somebody else's making.
    except (ValueError, UnicodeError) as error:
        raise Never(f"its headers cannot be written: {error}") from None
    _fill(message, mail)
    if enclosures.pictures:
        _add_pictures(message, enclosures.pictures, domain_of(sender))
    if enclosures.pdf:
        name = f"report-{letter.body['report']['day']}.pdf"
        message.add_attachment(enclosures.pdf, maintype="application", subtype="pdf", filename=name)
    for one in enclosures.evidence:
        major, _, minor = one.media_type.partition("/")
        message.add_attachment(one.content, maintype=major, subtype=minor, filename=one.name)
    return message


def report_of(letter: Letter) -> Audit | None:
    """The report that a letter carries; None for a ticket's."""
    return Audit.from_dict(letter.body["report"]) if "report" in letter.body else None


def may_act(letter: Letter) -> bool:
    """Whether its reader is one of those who take tickets: a level of the ladder, an operator."""
    audience = letter.body.get("extra", {}).get("audience", "")
    return bool(audience) and audience not in _LOOK_ON


def reply_address(to: str, letter: Letter) -> str:
    """The address that says which ticket an answer is of, and by whom (RFC 5233): `to` with it."""
    local, _, domain = to.rpartition("@")
    return f"{local}+{_signed(letter)}@{domain_of(domain)}"


def _signed(letter: Letter) -> str:
    return f"rv-{letter.incident}.{letter.reply_token}"


def take_link(letter: Letter) -> str:
    """The page's address by which this reader takes the ticket; "" where there is none."""
    ticket = letter.body["ticket"]
    if not ticket["page"] or ticket["state"] != "open" or ticket["request"]:
        return ""
    if not letter.link_token or not may_act(letter):
        return ""
    page, _, number = str(ticket["page"]).rpartition("/tickets/")
    return f"{page}/take/{number}/{letter.link_token}"


def _rendered(
    letter: Letter, enclosures: Enclosures, domain: str, *, replies: bool
) -> tuple[str, str, Mail]:
    """Site, ticket number ("" for what is about no ticket) and the words."""
    if "maintenance" in letter.body:
        ended = Ended.from_dict(letter.body["maintenance"])
        return ended.site, "", render_maintenance(ended)
    if (audit := report_of(letter)) is not None:
        return (
            audit.site,
            "",
            render_audit(audit, {name: f"cid:{name}@{domain}" for name in enclosures.pictures}),
        )
    ticket = Ticket.from_dict(letter.body["ticket"])
    enclosed = {name: one.name for one in enclosures.evidence for name in one.stands_for}
    facts = {"enclosed": enclosed, "take": take_link(letter), "replies": replies}
    mail = render_mail(letter.kind, ticket, {**letter.body.get("extra", {}), **facts})
    return ticket.site, ticket.number, mail


def is_acknowledgement(letter: Letter) -> bool:
    """Whether nobody has to act on it: then it has no return path either (RFC 3834, 3.3)."""
    return bool(letter.body.get("acknowledgement"))


def _address(message: EmailMessage, letter: Letter, sender: str, sender_name: str) -> None:
    message["From"] = _mailbox(sender_name, sender)
    message["To"] = _mailbox("", letter.recipient)
    message["Date"] = format_datetime(letter.written_at)


def _mailbox(name: str, address: str) -> Address:
    local, _, domain = envelope_address(address).rpartition("@")
    return Address(name, username=local, domain=domain)


def _thread(message: EmailMessage, letter: Letter, domain: str, *, replies: bool) -> None:
    root = message_id(letter.thread, domain)
    message["Message-ID"] = message_id(letter.key, domain)
    # Each morning's report stands for itself: as one thread a year of them would be one entry in a
    # mailbox.
    if "ticket" not in letter.body:
        return
    message["In-Reply-To"] = message_id(letter.previous, domain) if letter.previous else root
    # A client that answers keeps them, where its user has changed the address (RFC 5322, 3.6.4).
    signed = [message_id(f"{_signed(letter)}.reply", domain)] if replies else []
    previous = [message_id(letter.previous, domain)] if letter.previous else []
    message["References"] = " ".join([root, *signed, *previous])


def _classify(message: EmailMessage, letter: Letter, number: str, domain: str) -> None:
    # RFC 3834 section 5: "auto-generated" for what comes of itself, "auto-replied" for an answer to
    # what somebody did.
    message["Auto-Submitted"] = "auto-replied" if is_acknowledgement(letter) else "auto-generated"
    # Exchange and Outlook do not look at Auto-Submitted; this header of theirs keeps holiday notes
    # and receipts back.
    message["X-Auto-Response-Suppress"] = "All"
    # Not a standard, and still the only thing that older vacation programs and list robots look at.
    message["Precedence"] = "bulk"
    # RFC 2919: filters sort by it whatever the sender's address is.
    message["List-Id"] = f"<reveille.{domain}>"
    if number:
        message["X-Reveille-Incident"] = number
    message["X-Reveille-Event"] = letter.kind
    if (audit := report_of(letter)) is not None:
        message["X-Reveille-Report"] = (
            f"{audit.number}; day={audit.day}; previous={audit.previous or 'none'}"
        )


def _fill(message: EmailMessage, mail: Mail) -> None:
    # Quoted-printable passes relays without 8BITMIME (RFC 6152), and stays readable in a queue.
    message.set_content(mail.text, charset="utf-8", cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", charset="utf-8", cte="quoted-printable")


def _add_pictures(message: EmailMessage, pictures: Mapping[str, bytes], domain: str) -> None:
    page = message.get_body(("html",))
    assert isinstance(page, EmailMessage)  # noqa: S101 - filled in before
    for name, png in pictures.items():
        page.add_related(
            png,
            "image",
            "png",
            cid=f"<{name}@{domain}>",
            filename=f"{name}.png",
            disposition="inline",
        )
