"""A domain whose servers stand in NAPTR and SRV records, by every kind that speaks SIP (RFC 3263;
livekit/sip#810, linphone-desktop#57, tayler6000/pyVoIP#99). The domains: located_domains.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# A link with nobody behind it: what is sent to 2001:db8::77 is lost without a word.
OWN_HOST = (
    "ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up"
    " && ip link set v1 up && ip -6 addr add 2001:db8::1/64 dev v0 nodad"
    " && ip neigh add 2001:db8::77 lladdr 02:00:00:00:00:77 dev v0"
    " && echo 0 0 >/proc/sys/net/ipv4/ping_group_range &&"
    ' mount --bind "$0" /etc/resolv.conf && mount --bind "$1" /etc/hosts'
    ' && shift && exec "$@"'
)
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes a network of its own")


def wrong(folder: Path, *kinds: str) -> list[str]:
    """What came out otherwise than is right, on a host that asks dnsmasq alone."""
    (resolvers := folder / "resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="utf-8")
    (hosts := folder / "hosts").write_text("127.0.0.1 localhost\n", encoding="utf-8")
    program = (sys.executable, "-m", "tests.field.far_ends.located_domains", str(folder), *kinds)
    own = ("unshare", "--net", "--mount", "sh", "-c", OWN_HOST, str(resolvers), str(hosts))
    run = subprocess.run([*own, *program], stdout=subprocess.PIPE, check=True, timeout=100)
    found: list[str] = json.loads(run.stdout)
    return found


def test_questions_and_registrations_go_where_the_records_lead(tmp_path: Path) -> None:
    told = wrong(tmp_path, "sip-options", "sip-registration")
    assert not told, "\n".join(told)


@pytest.mark.slow
def test_a_gateway_answers_at_any_of_its_addresses(tmp_path: Path) -> None:
    assert not wrong(tmp_path, "pri-snmp")


def test_the_way_out_is_open_by_any_address_of_a_target(tmp_path: Path) -> None:
    assert not wrong(tmp_path, "uplink")


@pytest.mark.slow
@pytest.mark.engine
def test_calls_go_where_the_records_lead(tmp_path: Path) -> None:
    told = wrong(tmp_path, "sip-call")
    assert not told, "\n".join(told)
