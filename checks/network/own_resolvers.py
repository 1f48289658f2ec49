"""The name servers of this host, in the order in which its programs ask them (resolv.conf(5))."""

from __future__ import annotations

from pathlib import Path

from checks.contract import CannotTell

_FILE = Path("/etc/resolv.conf")
# resolv.conf(5), MAXNS: the C library asks no more.
_MOST = 3


def own_resolvers() -> list[str]:
    """Their addresses. Raises CannotTell where none is named.

    Read anew each time: a DHCP client or systemd-resolved rewrites the file while the daemon runs.
    """
    try:
        lines = _FILE.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as problem:
        raise CannotTell(f"{_FILE} cannot be read: {problem.strerror}") from problem
    words = [line.split() for line in lines]
    named = [one[1] for one in words if len(one) > 1 and one[0] == "nameserver"]
    if not named:
        raise CannotTell(f"{_FILE} names no name server")
    return named[:_MOST]
