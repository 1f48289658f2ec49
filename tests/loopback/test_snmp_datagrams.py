"""Datagrams that are no SNMP: passed over without a word, and the answer behind them counts."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from checks.telephony.gateway.snmp import Agent
from checks.telephony.gateway.snmp_credentials import Community
from tests.fuzz.target import FINDS


class Babbling(asyncio.DatagramProtocol):
    """Answers a question with all that fuzzing has found, and only then with its answer."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        for path in sorted((FINDS / "snmp").iterdir()):
            self._transport.sendto(path.read_bytes(), addr)
        # GetRequest-PDU is 0xa0, Response-PDU 0xa2 (RFC 3416 section 3); NULL becomes a number.
        body = data.replace(b"\xa0", b"\xa2", 1)
        self._transport.sendto(body[:-2] + b"\x05\x00", addr)


async def test_what_is_no_snmp_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Babbling, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    with caplog.at_level(logging.DEBUG):
        found = await Agent("127.0.0.1", port, Community("public")).get(["1.3.6.1.2.1.1.3.0"])
    transport.close()
    assert found == {"1.3.6.1.2.1.1.3.0": None}
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
