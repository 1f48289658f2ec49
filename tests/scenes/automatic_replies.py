"""Automatic replies as real programs write them, and hostile ones: with the letter quoted, its
signature in the address, our server's good verdict, and our own words on the first line.
"""

from __future__ import annotations

import random
from email.message import EmailMessage

WORDS = (
    "ack",
    "resolved",
    "escalate now",
    "note I am away until Monday",
    "I am out of the office until Monday.",
    "Thank you for contacting us. Your request was received; a ticket was created.",
    "acknowledge receipt of your mail",
    "This is an automatically generated delivery status notification.",
)
# What says so: RFC 3834; older vacation programs; Exchange; lists; bounces; ticket systems.
MARKS: tuple[tuple[tuple[str, str], ...], ...] = (
    (("Auto-Submitted", "auto-replied"),),
    (("Auto-Submitted", "auto-replied (vacation)"),),
    (("Auto-Submitted", "auto-generated; owner-email=x@example.net"),),
    (("Precedence", "bulk"),),
    (("Precedence", "junk"), ("X-Autoreply", "yes")),
    (("Precedence", "auto_reply"),),
    (("X-Autorespond", "yes"),),
    (("X-Auto-Response-Suppress", "All"),),
    (("X-Loop", "autoresponder@example.net"),),
    (("List-Id", "<ops.example.net>"),),
    (("Return-Path", "<>"),),
    (("Return-Path", "<MAILER-DAEMON@example.net>"),),
    (("Return-Path", "<bounces+a=b@example.net>"),),
    (("Subject", "Automatic reply: RV-1"),),
    (("Subject", "Out of Office: RV-1"),),
    (("Subject", "Re: Auto: RV-1"),),
    (("Subject", "Undeliverable: RV-1"),),
    (("Subject", "Delivery Status Notification (Failure) RV-1"),),
    (("Subject", "Abwesenheitsnotiz: RV-1"),),
    (("From", "MAILER-DAEMON@example.net"),),
    (("From", "noreply@example.net"),),
    (("From", "Postmaster <postmaster@example.net>"),),
    (("X-Failed-Recipients", "operators@example.net"),),
    (("Feedback-ID", "1:2:3"),),
)


def automatic(letter: EmailMessage, dice: random.Random) -> bytes:
    """One answer to a letter, by a machine."""
    marks = dict(dice.choice(MARKS))
    said = {
        "Return-Path": "<operators@example.net>",
        "Authentication-Results": "mx.example.net; dmarc=pass header.from=example.net",
        "From": "operators@example.net",
        "To": str(letter["Reply-To"]),
        "Subject": f"Re: {letter['Subject']}",
        "Message-ID": f"<{dice.getrandbits(64):x}@robot>",
        "In-Reply-To": str(letter["Message-ID"]),
        "References": f"{letter['References']} {letter['Message-ID']}",
    }
    words = dice.choice(WORDS)
    # Those that set nothing at all are told by what they say: it begins with none of our words.
    if dice.random() < 0.05:
        marks, words = {}, dice.choice(WORDS[4:])
    mail = EmailMessage()
    for name, value in {**said, **marks}.items():
        mail[dice.choice((name, name.lower(), name.upper()))] = value
    if "Undeliverable" in said["Subject"] or dice.random() < 0.1:
        mail.set_content(words)
        mail.make_mixed()
        mail.set_type("multipart/report")
        mail.set_param("report-type", "delivery-status")
        return mail.as_bytes()
    html = f"<html><body><p>{words}</p><blockquote>ack</blockquote></body></html>"
    if dice.random() < 0.2:
        mail.set_content(html, subtype="html")
    else:
        mail.set_content(f"{words}\n\n> ack\n> resolve all\n")
        if dice.random() < 0.3:
            mail.add_alternative(html, subtype="html")
    return mail.as_bytes()
