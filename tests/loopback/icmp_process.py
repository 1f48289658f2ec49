"""An uplink check in a network namespace of its own, where the kernel lets everybody send echo
requests, or does not.

python icmp_process.py allowed|forbidden|ignored TARGETS     targets and what was seen as JSON;
needs root

OPEN in a target stands for a port that listens, CLOSED for one that does not.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path

from checks.contract import CannotTell, Failed, Trace
from checks.network.uplink import Uplink

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_SET_FLAGS, _UP = 0x8914, 0x1  # SIOCSIFFLAGS, IFF_UP
_KERNEL = Path("/proc/sys/net/ipv4")


def enter(manner: str) -> None:
    """A namespace with a loopback interface and nothing else."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    with socket.socket(type=socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))
    (_KERNEL / "ping_group_range").write_text("1 0" if manner == "forbidden" else "0 2147483647")
    (_KERNEL / "icmp_echo_ignore_all").write_text("1" if manner == "ignored" else "0")


async def look(targets: str) -> dict[str, object]:
    """One attempt."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        targets = targets.replace("CLOSED", str(closed.getsockname()[1]))
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        tempfile.TemporaryDirectory() as folder,
    ):
        targets = targets.replace("OPEN", str(listening.getsockname()[1]))
        check = Uplink(targets=json.loads(targets), samples=3, pause=0.0, answer_within=0.5)
        trace = Trace(time.monotonic, Path(folder))
        try:
            await check.probe(trace)
        except (Failed, CannotTell) as ended:
            seen = trace.observation(ended)
        else:
            seen = trace.observation()
    code = seen.fault.code if seen.fault else None
    return {"code": code, "blind": seen.blind, "measures": dict(seen.measures), "notes": seen.notes}


if __name__ == "__main__":
    enter(sys.argv[1])
    print(json.dumps(asyncio.run(look(sys.argv[2]))))
