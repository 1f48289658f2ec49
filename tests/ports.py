"""Ports for peers that bind by number: free for UDP and TCP, and nobody else's in this run.

A port that the kernel gives out for nothing (0) may be given to the next connection of another
test before the peer has bound it. So these lie below its range, each worker of the suite has its
own part of them, and none is given twice before all were.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import cycle
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST = 10_000
# More workers than a machine of today runs; the last part is that of a run without workers.
_PARTS = 16


def _numbers() -> Iterator[int]:
    range_of_kernel = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    highest = max(_LOWEST + 2_000, int(range_of_kernel.split()[0]))
    worker = os.environ.get("PYTEST_XDIST_WORKER", f"gw{_PARTS - 1}")
    size = (highest - _LOWEST) // _PARTS
    first = _LOWEST + size * (int(worker.removeprefix("gw")) % _PARTS)
    # Two runs on one machine begin in different places.
    begin = os.getpid() * 7 % size
    return cycle([first + (begin + step) % size for step in range(size)])


_next = _numbers()


def free_port(even: bool = False) -> int:
    """A port of 127.0.0.1 that nobody has for UDP or TCP; RTP wants an `even` one, and the odd one
    after it for RTCP (RFC 3550 section 11).
    """
    for port in _next:
        wanted = (port, port + 1) if even else (port,)
        if not (even and port % 2) and all(_is_free(one) for one in wanted):
            return port
    raise AssertionError("the range has numbers")


def _is_free(port: int) -> bool:
    with (
        closing(socket.socket()) as stream,
        closing(socket.socket(type=socket.SOCK_DGRAM)) as datagrams,
        suppress(OSError),
    ):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stream.bind((HOST, port))
        datagrams.bind((HOST, port))
        return True
    return False
