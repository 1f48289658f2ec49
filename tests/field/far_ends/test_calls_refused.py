"""Telephones that refuse, redirect, ask who calls and answer too late: each told by its own words,
and none of them left with a call that nobody ends (RFC 3261, RFC 3326, RFC 8898).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.field.far_ends.phone import HOST, Call, Phone, Tells, ringing, sdp
from tests.field.far_ends.sip_server import Request
from tests.field.far_ends.test_calls import all_talked_to
from tests.field.story import Right, Story, failed, in_short, once

pytestmark = [pytest.mark.slow, pytest.mark.engine]
SHORT = {"answer_within": "2s", "script": [{"hold": "1s"}]}
BEARER = 'WWW-Authenticate: Bearer authz_server="https://idp.example.net"'
DIGEST = 'WWW-Authenticate: Digest realm="home", nonce="n"'
ASTERISK = "asterisk.md of the field, F17: Asterisk writes cause=0 for none"


def says(status: str, *more: str) -> Tells:
    """This is its final answer."""

    async def story(call: Call) -> None:
        call.answer("100 Trying")
        call.answer(status, *more)

    return story


def refused(name: str, status: str, *more: str, source: str, code: str = "") -> Story:
    """A final answer and the code that it is told by; its own where none is given."""
    right = failed("answer", code or f"sip:{status[:3]}")
    return Story(name, says(status, *more), source, right, settings=SHORT)


ANSWERS = (
    refused("302", "302 Moved", "Contact: <sip:x@127.0.0.1:9>", source="RFC 3261, 8.1.3.4"),
    refused("300-to-nowhere", "300 Multiple Choices", source="RFC 3261, 21.3.1"),
    refused("380", "380 Alternative Service", source="RFC 3261, 21.3.5"),
    refused("401-bare", "401 Unauthorized", source="RFC 3261, 22.2: without a challenge"),
    refused("401-bearer", "401 Unauthorized", BEARER, source="RFC 8898, 2.1"),
    refused(
        "407-basic",
        "407 Proxy Authentication Required",
        'Proxy-Authenticate: Basic realm="x"',
        source="RFC 2543, 14: Basic, which is not for SIP any more",
    ),
    Story(
        "401-bearer-and-digest",
        says("401 Unauthorized", BEARER, DIGEST),
        "RFC 8898, 2.1: phones answer the one that they know; our engine reads neither",
        Right("UNKNOWN"),
        settings=SHORT,
    ),
    refused(
        "401-digest-of-nothing",
        "401 Unauthorized",
        "WWW-Authenticate: Digest",
        source="RFC 3261, 22.4: no realm, no nonce",
        code="bad-peer",
    ),
    refused("420", "420 Bad Extension", "Unsupported: timer", source="RFC 3261, 21.4.15"),
    refused("487-unasked", "487 Request Terminated", source="RFC 3261, 21.4.25"),
    refused("503-cause-0", "503 Service Unavailable", "Reason: Q.850;cause=0", source=ASTERISK),
    refused(
        "503-two-reasons",
        "503 Service Unavailable",
        'Reason: SIP;cause=503;text="Q.850;cause=17", Q.850;cause=42',
        source="RFC 3326, 2: a text in quotes is none of the parameters",
        code="sip:503/42",
    ),
    refused(
        "600-cause-17",
        "600 Busy Everywhere",
        'Reason: Q.850;cause="17"',
        source="RFC 3326, 2",
        code="sip:600/17",
    ),
    refused("699", "699 Made Up", source="RFC 3261, 8.1.3.2: as 600"),
)


@pytest.mark.parametrize("stories", [ANSWERS], ids=["answers"])
async def test_who_refuses_is_told_by_his_own_words(
    tmp_path: Path, stories: Iterable[Story]
) -> None:
    await all_talked_to(tmp_path, stories)


async def test_where_a_call_is_sent_instead_is_told(tmp_path: Path) -> None:
    async with ringing(says("302 Moved", "Contact: <sip:night@192.0.2.9>")) as phone:
        line = {"registrar": f"{HOST}:{phone.port}"}
        seen = await once(tmp_path, "sip-call", line, line="main", to="8000", **SHORT)
    fault = seen.verdict.fault
    assert fault and "it points to <sip:night@192.0.2.9>" in fault.text, in_short(seen)


class _TooLate(Phone):
    """Answers when the call is taken back already (RFC 3261, 9.1 and 13.2.2.4)."""

    def __init__(self, of_cancel: str) -> None:
        super().__init__(self._rings)
        self._of_cancel, self.came = of_cancel, list[str]()
        self.over = asyncio.Event()

    async def _rings(self, call: Call) -> None:
        call.answer("180 Ringing")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came.append(data.split(b" ", 1)[0].decode("latin-1"))
        if self.came[-1] == "BYE":
            self.over.set()
        if self.came[-1] != "CANCEL":
            super().datagram_received(data, addr)
            return
        (call,) = self.calls.values()
        if self._of_cancel:
            call.answer(self._of_cancel, asked=Request(data.decode()))
        call.answer("200 OK", body=sdp(call.media.port))


@pytest.mark.parametrize("of_cancel", ["200 OK", "481 No Such Call", ""])
async def test_who_answers_too_late_is_let_go_of(tmp_path: Path, of_cancel: str) -> None:
    """A channel that nobody hangs up is lost to customers for as long as the PBX lets it stand."""
    loop = asyncio.get_running_loop()
    _, phone = await loop.create_datagram_endpoint(
        lambda: _TooLate(of_cancel), local_addr=(HOST, 0)
    )
    try:
        line = {"registrar": f"{HOST}:{phone.port}"}
        seen = await once(tmp_path, "sip-call", line, line="main", to="8000", **SHORT)
        await asyncio.wait_for(phone.over.wait(), 4)
    finally:
        await phone.close()
    assert seen.verdict.fault and seen.verdict.fault.code == "timeout", in_short(seen)
    assert phone.came.index("ACK") < phone.came.index("BYE")
