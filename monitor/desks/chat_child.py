"""The process of one chat message: takes its job from standard input, has Apprise send it, and says
what came of it.

    {"address": "ntfys://…", "title": …, "body": …, "type": "failure", "timeout": 30}
    {"done": "ntfy"}       it was taken; or, without a body, the address is known
    {"fault": "…"}         why not, without the address
"""

from __future__ import annotations

import json
import logging
import socket
import sys
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from checks.process.child import telling


class _Last(logging.Handler):
    """The last thing that Apprise has complained of."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Kept."""
        self.text = record.getMessage()


def main() -> int:
    """Send it. The exit code is 0: what came of it is told."""
    job, tell = json.load(sys.stdin), telling()
    tell(**sent(job))
    return 0


def sent(job: dict[str, Any]) -> dict[str, str]:
    """What came of it."""
    import apprise

    socket.setdefaulttimeout(float(job["timeout"]))
    last = _Last(logging.WARNING)
    logging.getLogger("apprise").addHandler(last)
    channels = apprise.Apprise()
    # Apprise takes a list of addresses, too.
    if not channels.add(job["address"]) or len(channels) != 1:
        return {"fault": "that is no address that Apprise knows"}
    service = str(getattr(channels[0], "service_name", "") or "a channel")
    if "body" not in job:
        return {"done": service}
    done = channels.notify(
        title=job["title"],
        body=job["body"],
        notify_type=job["type"],
        body_format=apprise.NotifyFormat.TEXT,
    )
    if done:
        return {"done": service}
    return {"fault": f"{service}: {_without(job['address'], last.text) or 'it was not taken'}"}


def _without(address: str, text: str) -> str:
    """The complaint without any part of the address: tokens stand in all of them."""
    parts = urlsplit(address)
    given = [piece.partition("=")[2] for piece in parts.query.split("&")]
    places = (*parts.netloc.replace("@", ":").split(":"), *parts.path.split("/"))
    secrets = {address, *places, *given, parts.fragment}
    known = {one for part in secrets for one in (part, unquote(part), unquote_plus(part))}
    # The longest first: a part of one may be another.
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, "…")
    return " ".join(text.split())[:250]


if __name__ == "__main__":
    sys.exit(main())
