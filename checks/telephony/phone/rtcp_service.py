"""Reads along for the phones of the daemon what comes to their RTCP ports, with the right that they
do not have: `python -m checks.telephony.phone.rtcp_service UNIT`, started by systemd for each
connection (reveille-rtcpxr.socket), which is its standard input.

    phone -> the port, two bytes, big-endian
    phone <- each datagram to it, as one packet (SOCK_SEQPACKET)

Who asks is a process of UNIT, and the port is a UDP socket of its own user's. The socket that sees
datagrams stays here: with it one could also send what looks like another's. It ends with the
connection. It imports nothing of the house but the reading of datagrams, and who asks.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
from pathlib import Path

from checks.process.asked import of_unit
from checks.telephony.phone.rtcp_xr import payload_of, reading

_UCRED = struct.Struct("iII")
_PORT_SECONDS = 5.0
# Below are the ports of services, which no call has.
_LOWEST_PORT = 1024
_LONGEST = 4096


def main() -> int:
    """Read along until the phone has gone."""
    with socket.socket(fileno=os.dup(0)) as phone:
        phone.settimeout(_PORT_SECONDS)
        written = phone.recv(3)
        process, user, _group = _UCRED.unpack(
            phone.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        )
        port = int.from_bytes(written, "big")
        if len(written) != 2 or not may_read(port, process, user, sys.argv[1]):
            # To standard error, with status 1.
            sys.exit(f"process {process} of user {user} may not read along at that port")
        _read_along(phone, port)
    return 0


def may_read(port: int, process: int, user: int, unit: str, root: int = 0) -> bool:
    """Whether a process is of that unit (or root's), and the port of its own user."""
    if port < _LOWEST_PORT or port not in _ports_of(user):
        return False
    return user == root or of_unit(process, user, unit)


def _ports_of(user: int) -> set[int]:
    """The UDP ports that a user's sockets are bound to (proc_net(5), words 2 and 8)."""
    lines = Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]
    words = [line.split() for line in lines]
    return {int(one[1].rpartition(":")[2], 16) for one in words if int(one[7]) == user}


def _read_along(phone: socket.socket, port: int) -> None:
    phone.setblocking(False)
    with reading(port) as datagrams:
        waiting = select.poll()
        waiting.register(datagrams, select.POLLIN)
        waiting.register(phone, select.POLLIN)
        while True:
            for descriptor, _what in waiting.poll():
                if descriptor == phone.fileno():
                    return
                payload = payload_of(datagrams.recv(_LONGEST), port)
                try:
                    if payload:
                        phone.send(payload)
                except BlockingIOError:
                    # A phone that does not read misses reports, and nothing is kept for it.
                    continue
                except OSError:
                    return


if __name__ == "__main__":
    sys.exit(main())
