"""The kernel's counters of dropped datagrams, by whose sockets they are."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from tests.bench.socket_drops import Drops, counters, descendants, sockets_of

TABLE = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  210: 0100007F:7C08 00000000:0000 07 00000000:000308C0 00:00000000 00000000     0        0 31752 2 0 13233
  211: 0100007F:7C0A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 31753 2 0 0
"""  # noqa: E501 - as the kernel writes it


def test_a_line_of_the_kernel_gives_the_socket_and_its_drops() -> None:
    assert counters(TABLE) == {"31752": 13233, "31753": 0}
    assert counters("") == {}


FAR = """
import socket, sys
far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
far.bind(("127.0.0.1", 0))
print(far.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_drops_of_the_far_end_are_told_from_others() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FAR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as far:
        assert far.stdout and far.stdin
        port = int(far.stdout.readline())
        assert far.pid in descendants(os.getpid()) and sockets_of([far.pid])
        drops = Drops([far.pid])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
            for _ in range(3000):
                there.sendto(bytes(172), ("127.0.0.1", port))
        drops.look()
        assert drops.of_far_end > 0 and drops.ours == 0
        far.stdin.close()
