"""The service that reads RTCP along for a phone without CAP_NET_RAW: its own port's datagrams, and
nobody else's.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from checks.telephony.phone.rtcp_service import may_read
from tests.house.source import ROOT
from tests.loopback.socket_activated import socket_activated

UNIT = "reveille.service"
# RFC 3611 section 4.7: a block of VoIP metrics, in an extended report of 44 bytes.
READS_ALONG = """
import socket, sys, time
from pathlib import Path
from checks.process.service_place import Service
from checks.telephony.phone import rtcp_xr
rtcp_xr.SERVICE = Service((Path(sys.argv[1]),))
ours, far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
ours.bind(("127.0.0.1", 0))
far_said = rtcp_xr.FarReports()
far_said.read_at("127.0.0.1:%d" % ours.getsockname()[1])
block = bytes([7, 0, 0, 8]) + bytes(4) + bytes([128]) + bytes(27)
report = bytes([0x80, 207, 0, 10]) + bytes(4) + block
until = time.monotonic() + 20
while not {"xr_reports", "xr_unread"} & set(far_said.figures) and time.monotonic() < until:
    far.sendto(report, ours.getsockname())
    time.sleep(0.02)  # the service starts meanwhile
    far_said.look()
print(far_said.figures)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take a capability away")
def test_a_phone_without_the_right_has_it_read(tmp_path: Path) -> None:
    path = tmp_path / "rtcp.sock"
    without = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    asks = [*without, sys.executable, "-c", READS_ALONG]
    nobody = subprocess.run(
        [*asks, str(tmp_path / "none")], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "xr_unread" in nobody.stdout
    with socket_activated(path, "checks.telephony.phone.rtcp_service", packets=True):
        seen = subprocess.run(
            [*asks, str(path)], capture_output=True, text=True, cwd=ROOT, check=False
        )
    assert "'xr_loss_percent': 50.0" in seen.stdout, seen.stderr


def test_a_port_is_read_for_its_own_user_in_the_daemons_unit_alone() -> None:
    own = os.geteuid()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        assert may_read(port, os.getpid(), own, UNIT, root=own)
        assert not may_read(port, os.getpid(), own + 1, UNIT, root=own + 1), "another's port"
        assert not may_read(port, os.getpid(), own, UNIT, root=-1), "of another unit"
        assert not may_read(53, os.getpid(), own, UNIT, root=own), "a service's port"
    assert not may_read(port, os.getpid(), own, UNIT, root=own), "nobody's port"
