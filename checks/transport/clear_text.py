"""A password that everybody on the way could read: said when the settings are read, since nothing
that happens later shows it.

Rule: what a far end only ever sees as a hash (SIP digest, RFC 8760; SNMPv3, RFC 3414) is none, and
nobody listens on the loopback (RFC 1122 section 3.2.1.3) or on a Unix socket.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from checks.settings import Settings

MEANT = "or insecure = true, where that is meant"
_ENCRYPTED = ("https", "wss")


class ClearText(Settings):
    """The settings of what may send a password unencrypted: a mixin."""

    insecure: bool = False
    """whether its password may go over the network unencrypted: nothing is said of it then"""

    def clear_text(self) -> str | None:
        """How a password of these settings is sent in the clear, and what would be right, divided
        by a semicolon; None where it is not. `insecure` does not count here.
        """
        return None

    def in_the_clear(self) -> str | None:
        """What of it was not allowed by `insecure`."""
        return None if self.insecure else self.clear_text()


def is_here(host: str) -> bool:
    """Whether a host as written, with a port or without, is this one; a path is a Unix socket."""
    if not host or host.startswith("/"):
        return True
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")  # RFC 6761 section 6.3


def is_open(url: str) -> bool:
    """Whether what is sent to an address can be read on the way."""
    try:
        parts = urlsplit(url)
        return bool(parts.scheme) and parts.scheme not in _ENCRYPTED and not is_here(parts.netloc)
    except ValueError:
        return False
