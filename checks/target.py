"""What a check looks at, in one line: for tickets and terminals.

Rules: never a secret. Of an address only scheme, host, port and path are kept, since user
information, queries and fragments carry tokens (RFC 3986 section 7.5), and so may a path: of a
segment that looks like one only its beginning is. Nothing here resolves or connects.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

_LONGEST = 120
_MOST_NAMED = 3
# Keys in paths are long and hold digits: hooks of chat services have 24, a UUID 36 of them.
_KEY = re.compile(r"(?<![A-Za-z0-9_+=%-])(?=[^/]{0,200}\d)[A-Za-z0-9_+=%-]{20,}")


def of_address(url: str) -> str:
    """`https://portal.example.net:8443/login` of an address with whatever else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if not parts.scheme or not host:
        return ""
    place = f"[{host}]" if ":" in host else host
    path = "/".join(_KEY.sub(lambda key: key[0][:4] + "…", part) for part in parts.path.split("/"))
    return shortened(f"{parts.scheme}://{place}{f':{port}' if port else ''}{path}")


def of_host(host: str, port: int | None = None) -> str:
    """`mail.example.net:25`; an IPv6 address in brackets; the host alone where no port is given."""
    bare = re.split(r"[/?#]", host.rpartition("//")[2])[0].rpartition("@")[2]
    if not port:
        return bare
    return f"[{bare}]:{port}" if ":" in bare and not bare.startswith("[") else f"{bare}:{port}"


def of_call(to: str, through: str) -> str:
    """`8000 at sip.example.net`; a whole SIP address speaks for itself. A password in it (RFC 3261
    section 19.1.1) is left out.
    """
    user, at, host = to.partition("@")
    user = user.removeprefix("sips:").removeprefix("sip:").partition(":")[0]
    if at:
        return shortened(f"{user}@{host.partition(';')[0]}")
    return shortened(f"{user} at {through}" if through else user)


def of_several(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return shortened(f"{shown} and {more} more" if more > 0 else shown)


def shortened(text: str) -> str:
    """One line of bounded length."""
    one = " ".join(text.split())
    return one if len(one) <= _LONGEST else one[: _LONGEST - 1] + "…"


def of_settings(check: object) -> str:
    """What the settings of a kind that says nothing itself name: its url, host, server, folder or
    path. "" where they name none of these.
    """
    url, host = getattr(check, "url", None), getattr(check, "host", None)
    if isinstance(url, str):
        return of_address(url)
    if isinstance(host, str) and host:
        port = getattr(check, "port", None)
        return of_host(host, port if isinstance(port, int) else None)
    places = (getattr(check, name, None) for name in ("server", "folder", "path"))
    return next((shortened(str(place)) for place in places if isinstance(place, str)), "")
