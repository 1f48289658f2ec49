"""Gateways that start anew, lose their memory or are replaced between two looks, asked by SNMP v3:
the next answer is theirs (RFC 3414, 3.2; RFC 5343).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from checks.telephony.gateway import mibs
from checks.telephony.gateway.snmp import Agent
from checks.telephony.gateway.snmp_credentials import User
from tests.loopback.snmp_agent import AUTHENTICATION, PRIVACY, USER
from tests.ports import free_port

FIRST, OTHER = "80004fb805aaaa01", "80004fb805bbbb02"


@contextmanager
def gateway(port: int, identity: str, boots: int) -> Iterator[None]:
    """An agent of this engine."""
    program = (sys.executable, "-m", "tests.loopback.snmp_engine", str(port), identity, str(boots))
    with subprocess.Popen(program, stdout=subprocess.PIPE) as agent:
        try:
            assert agent.stdout and agent.stdout.readline()
            yield
        finally:
            agent.kill()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("identity", "boots"),
    [(FIRST, 8), (FIRST, 1), (OTHER, 1)],
    ids=["started-anew", "memory-lost", "replaced"],
)
async def test_a_gateway_that_was_started_anew_answers(identity: str, boots: int) -> None:
    port = free_port()
    agent = Agent("127.0.0.1", port, User(USER, "sha", AUTHENTICATION, "aes", PRIVACY))
    for then in ((FIRST, 7), (identity, boots)):
        with gateway(port, *then):
            assert (await agent.get([mibs.UPTIME]))[mibs.UPTIME] is not None, then
