"""Whether a machine has written a mail: by its headers (RFC 3834, RFC 2919, RFC 6522), by its
sender, and by the subjects of programs that set none.

Rule: in doubt it is a machine's. A person who is passed over writes again, or telephones; a robot
that is taken for a person may go on all night.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import Message

# RFC 3834 section 3.1.5 has them begin with "Auto:"; the others are those of programs and
# languages that are common.
_SUBJECTS = re.compile(
    r"\s*((re|aw|fwd?|wg):\s*)*(auto(matic|mated|-)?\s*(reply|response|antwort|:)"
    r"|automatische antwort|out of (the )?office|abwesen|réponse automatique"
    r"|respuesta automática|undeliver|delivery (status|fail)|returned mail|mail delivery"
    r"|failure notice|read:|not read:|vacation|away from)",
    re.I,
)
_SENDERS = re.compile(
    r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)([+-][^@]*)?@", re.I
)
_HEADERS = (
    "x-autoreply",
    "x-autorespond",
    "x-auto-response-suppress",
    "x-mail-autoreply",
    "x-vacation",
    "x-loop",
    "x-ms-exchange-inbox-rules-loop",
    "x-failed-recipients",
    "x-reveille-incident",
    "list-id",
    "list-unsubscribe",
    "feedback-id",
)
_PRECEDENCES = ("bulk", "junk", "list", "auto_reply")


def why_automatic(mail: Message, headers: Sequence[tuple[str, str]], sender: str) -> str:
    """Why it is taken for a machine's, as in "Auto-Submitted"; "" where nothing says so."""
    said = [(name.lower(), value.strip()) for name, value in headers]
    given = {name for name, _ in said}
    for name, value in said:
        if name == "auto-submitted" and value.partition(";")[0].strip().lower() != "no":
            return "Auto-Submitted"
        if name == "precedence" and value.lower() in _PRECEDENCES:
            return "Precedence"
        if name == "return-path" and (value == "<>" or _SENDERS.match(value.strip("<> "))):
            return "Return-Path"
        if name == "subject" and _SUBJECTS.match(value):
            return "Subject"
    if named := next((one for one in _HEADERS if one in given), ""):
        return named
    if mail.get_content_type() in ("multipart/report", "message/delivery-status"):
        return "a report"
    return "From" if _SENDERS.match(sender) else ""
