"""Digits in INFO requests whose body is the digit alone, as gateways send them beside what RFC 6086
had to bring order into. The engine reads the other form (application/dtmf-relay, "Signal=1") by
itself, and this one not at all.

    < INFO sip:monitor@192.0.2.7 SIP/2.0     Content-Type: application/dtmf
    <                                        1
"""

from __future__ import annotations

import re

from checks.telephony.sip.ladder import Message, call_id_of

_KIND = re.compile(r"application/dtmf\s*(?:;.*)?\Z", re.IGNORECASE)
# As a letter, or as the number of its event (RFC 4733 section 3.2).
_BODY = re.compile(r"\s*(?:([0-9A-Da-d*#])|(10|11))\s*\Z")
_EVENTS = {"10": "*", "11": "#"}


class PlainDigits:
    """Reads them out of one leg's messages, each once: a request may be repeated (RFC 3261 section
    17.1.2.2).
    """

    def __init__(self) -> None:
        self._last = ("", "")

    def look(self, message: Message) -> str:
        """The digit that a message brings; empty for any other, and for a repetition."""
        if message.direction == "sent" or message.status is not None or message.method != "INFO":
            return ""
        if not any(_KIND.match(kind) for kind in message.headers("Content-Type")):
            return ""
        found = _BODY.match(message.body or "")
        name = call_id_of(message), next(iter(message.headers("CSeq")), "")
        if found is None or name == self._last:
            return ""
        self._last = name
        return (found[1] or _EVENTS[found[2]]).upper()
