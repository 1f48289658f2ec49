"""The addresses of this host that a call offers as its own (host candidates, RFC 8445 section
5.1.1.1): those of all interfaces, where these may be listed, else the one that leads to the far
end. Only for a softphone's own process.

Listing interfaces takes a netlink socket (getifaddrs(3)), which a hardened service has not
(RestrictAddressFamilies=). One route is what a browser offers too that may not list them (RFC 8828
section 5.2, mode 2).
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import aioice.ice

Gather = Callable[[bool, bool], list[str]]
# Any port will do: connect(2) on a UDP socket asks the routing table and sends nothing.
_DISCARD = 9


def reach_own_host() -> None:
    """Let the loopback address be a candidate too: for an edge on this host, which may have no
    other.
    """
    found: Gather = aioice.ice.get_host_addresses
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [
        "127.0.0.1",
        *found(use_ipv4, use_ipv6),
    ]


def reach(far: str) -> None:
    """Have candidates gathered that lead to a far end's address, also where interfaces may not be
    listed.
    """
    listed: Gather = aioice.ice.get_host_addresses

    def found(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        try:
            return listed(use_ipv4, use_ipv6)
        except OSError as refused:
            if refused.errno not in (errno.EAFNOSUPPORT, errno.EPERM, errno.EACCES):
                raise
            return [one for one in _towards(far) if use_ipv6 or ":" not in one]

    aioice.ice.get_host_addresses = found


def _towards(far: str) -> list[str]:
    """The address that this host has on the way there; a loopback one is no candidate by itself."""
    family = socket.AF_INET6 if ":" in far else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((far, _DISCARD))
        except OSError:
            return []
        own = str(asking.getsockname()[0])
    return [] if own.startswith("127.") or own == "::1" else [own]
