"""Candidates of a call in a process that may open no netlink socket, as in the shipped unit
(RestrictAddressFamilies=): a real filter of system calls, in a process of its own.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

# A filter of classic BPF (seccomp(2)): socket(AF_NETLINK) fails with EAFNOSUPPORT, all else may be.
_BARRED = """
import ctypes, json, struct
code = [(0x20, 0, 0, 0), (0x15, 0, 3, 41), (0x20, 0, 0, 16), (0x15, 0, 1, 16),
        (0x06, 0, 0, 0x00050000 | 97), (0x06, 0, 0, 0x7FFF0000)]
lines = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(lines))
held = ctypes.create_string_buffer(program)
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(held)), 0, 0) == 0
import aioice.ice
from checks.webrtc import own_addresses
try:
    aioice.ice.get_host_addresses(True, False)
    listed = True
except OSError:
    listed = False
own_addresses.reach("192.0.2.1")
towards = aioice.ice.get_host_addresses(True, False)
own_addresses.reach_own_host()
print(json.dumps([listed, towards, aioice.ice.get_host_addresses(True, False)]))
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter has numbers of x86-64")
def test_the_way_to_the_far_end_is_offered_where_interfaces_may_not_be_listed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BARRED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    listed, towards, here = json.loads(done.stdout)
    assert not listed, "the filter lets netlink through: this proves nothing"
    assert len(towards) <= 1, "one route has one address, and a host without a route has none"
    assert here == ["127.0.0.1", *towards]
