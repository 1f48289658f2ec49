"""reply: an answer by mail, piped in by a mail server: in Postfix `"|reveille reply"` in an alias.

The mail is read here and handed on to the daemon, which alone may read the ledger. Exit codes are
those of sysexits.h, since a mail server reads them: 0 it is done with, whatever came of it (a mail
that is refused would be bounced, and a bounce is an answer), 75 try again later.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from base64 import b64decode, b64encode

from checks.body import Unreadable
from monitor.clock import SystemClock
from monitor.config import ConfigurationFaults
from monitor.delivery.mail_replies import NoAnswer, received, take_for_site
from monitor.ledger import LedgerFault
from monitor.terminal import complain
from monitor.verbs.asking import asked
from monitor.verbs.opening import Stop, sound_sites_of, whoami, whole_ledger_of

# EX_TEMPFAIL of sysexits.h: the mail server keeps it and tries again.
TRY_LATER = 75
# Of a mail, so much that its base64 passes over the control socket (control_protocol.py); a word
# there has at most 4000 signs.
_MOST_BYTES, _PIECE = 48 * 1024, 3900


def reply(arguments: Namespace) -> int:
    """Take an answer by mail from standard input. 0 done with; 75 later."""
    raw = sys.stdin.buffer.read(_MOST_BYTES)
    # A mail server that breaks off must not wait for ever for who reads.
    while sys.stdin.buffer.read(1024 * 1024):
        pass
    coded = b64encode(raw).decode()
    pieces = [coded[begin : begin + _PIECE] for begin in range(0, len(coded), _PIECE)]
    given = Namespace(**{**vars(arguments), "verb": "replying.take", "pieces": pieces})
    words = ["take-reply", *(f"--piece={one}" for one in pieces)]
    try:
        code = asked(given, words)
        code = take(given) if code is None else code
    except (Stop, LedgerFault, ConfigurationFaults, Unreadable, OSError) as barred:
        complain(f"reveille: {barred}")
        return TRY_LATER
    # Whatever the daemon could not do it may do later.
    return TRY_LATER if code else 0


def take(arguments: Namespace) -> int:
    """Take an answer that was handed on in pieces. 0 done with."""
    sites, now = sound_sites_of(arguments), SystemClock().now()
    raw = b64decode("".join(arguments.pieces))
    boxes = (desk.mailbox() for one in sites for desk in one.desks.values())
    replies = next((box for box in boxes if box is not None), None)
    try:
        mail = received(raw, replies)
        with whole_ledger_of(sites[0]) as ledger:
            done = take_for_site(mail, sites, now, ledger, whoami())
    except NoAnswer as why:
        complain(f"reveille: nothing was done: {why}")
    else:
        complain(f"reveille: {done}")
    return 0
