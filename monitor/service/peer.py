"""Who speaks at the other end of a UNIX socket: the kernel says it (SO_PEERCRED of unix(7)), and no
flag can say otherwise.

Those may act who could do so anyway, root and the service's own user, and the members of one group,
which an administrator fills.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

# asm-generic/socket.h, since Linux 4.13; Python's socket module has no name for it.
_SO_PEERGROUPS = 59
# Python's getsockopt gives 1024 bytes at most; whoever is in more groups is known by his first.
_MOST_GROUPS = 256
_OVERFLOW = Path("/proc/sys/kernel/overflowuid")
_USERS_SEEN = Path("/proc/self/uid_map")
# user_namespaces(7): what the map of the first namespace says, which is every user there can be.
_ALL_USERS = ["0", "0", "4294967295"]


@dataclass(frozen=True, slots=True)
class Peer:
    """A process at the other end, as the kernel knows it."""

    process: int
    user: int
    groups: frozenset[int]

    @property
    def name(self) -> str:
        """The user's name; "user 1234" where nobody knows it."""
        try:
            return pwd.getpwuid(self.user).pw_name
        except KeyError:
            return f"user {self.user}"


def peer_of(connection: socket.socket) -> Peer:
    """Who is connected. Raises OSError."""
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
    )
    process, user, group = struct.unpack("3i", credentials)
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _MOST_GROUPS)
    except OSError:
        packed = b""
    groups = struct.unpack(f"{len(packed) // 4}I", packed)
    return Peer(process, user, frozenset((group, *groups)))


def refusal(peer: Peer, group: str) -> str:
    """Why this peer may not act, and what would be right; "" if it may."""
    if peer.user in (0, os.geteuid()):
        return ""
    if _hidden(peer.user):
        return (
            "the service cannot see who asks: its unit has PrivateUsers=yes; run it as root (sudo),"
            " or set PrivateUsers=no in a drop-in"
        )
    try:
        members = grp.getgrnam(group).gr_gid
    except KeyError:
        return (
            f"{peer.name} may not act here, and the group {group} of those who may does not exist;"
            f" run it as root (sudo), or: groupadd --system {group}"
        )
    if members in peer.groups:
        return ""
    return (
        f"{peer.name} may not act here: only root, the service and members of the group {group}"
        f" may; usermod --append --groups {group} {peer.name}, then log in anew"
    )


def _hidden(user: int) -> bool:
    """Whether this number stands for any user outside of the service's namespace."""
    try:
        whole = _USERS_SEEN.read_text(encoding="ascii").split() == _ALL_USERS
        return not whole and user == int(_OVERFLOW.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return False
