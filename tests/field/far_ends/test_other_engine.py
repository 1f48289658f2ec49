"""What the other call engine (pyVoIP) leaves behind, and what it repeats, as a registrar sees it:
asterisk.md of the field, F6 (a second look taken for a repetition) and F7 (registrations that pile
up until the account is full).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.field.far_ends.phone import HOST, Phone
from tests.field.far_ends.sip_server import (
    PASSWORD,
    USER,
    Piece,
    Request,
    answer,
    bound,
    challenge,
    over_udp,
    proven,
)
from tests.field.far_ends.test_calls import MIX, put, reliable, usual
from tests.field.far_ends.test_calls_refused import BEARER, says
from tests.field.far_ends.test_registration import HOME
from tests.field.story import Right, Story, comes_out, failed, once, told

pytestmark = pytest.mark.slow


def mixed(description: str) -> str:
    """A description beside the signalling of the telephone network (RFC 5621)."""
    return MIX.format(description) + "\x01\r\n--x--\r\n"


def branch(asked: Request) -> str:
    """Of the transaction."""
    found = re.search(r"branch=([^;\s]+)", asked.one("Via"))
    assert found
    return found[1]


async def test_each_look_is_new_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", PASSWORD)
    came: list[Request] = []

    def registrar(asked: Request) -> Iterable[Piece]:
        came.append(asked)
        if asked.text.startswith("INVITE "):
            return [answer(asked, "100 Trying"), answer(asked, "486 Busy Here")]
        if asked.text.startswith("ACK "):
            return []
        if not proven(asked, "Authorization", "home.example"):
            return challenge(asked, f"WWW-Authenticate: {HOME}")
        return [answer(asked, "200 OK", bound(asked, seconds=asked.seconds))]

    async with over_udp(registrar) as port:
        secret = {"environment": "REVEILLE_TEST_SECRET"}
        line = {"registrar": f"127.0.0.1:{port}", "user": USER, "password": secret}
        for look in ("first", "second"):
            (folder := tmp_path / look).mkdir()
            seen = await once(folder, "pyvoip-call", line, line="main", to="8000", listen="1s")
            assert seen.verdict.fault and seen.verdict.fault.code == "sip:486", seen.verdict
            registers = [one for one in came if one.text.startswith("REGISTER ")]
            assert registers[-1].one("Authorization")
            assert re.search(r"(?im)^Expires: *0\b", registers[-1].text), registers[-1].text
    invites = [one for one in came if one.text.startswith("INVITE ")]
    assert len({branch(one) for one in invites}) == len(invites) >= 2
    assert len({one.one("Call-ID") for one in invites}) == 2


class _Exchange(Phone):
    """A phone at which this engine registers too."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.startswith(b"REGISTER "):
            asked = Request(data.decode())
            self.send(answer(asked, "200 OK", bound(asked, seconds=asked.seconds)), addr)
        else:
            super().datagram_received(data, addr)


UNREAD = Right("UNKNOWN")
ANSWERED = (
    Story("good", usual(), "RFC 3261"),
    Story("multipart", usual(change=mixed, kind='multipart/mixed;boundary="x"'), "5621", UNREAD),
    Story("line-feeds", put("\r\n", "\n"), "RFC 4566, 5", UNREAD),
    Story("avpf", put("RTP/AVP ", "RTP/AVPF "), "RFC 4585", UNREAD),
    Story("awaits-a-prack", reliable(again=True), "RFC 3262", UNREAD),
    Story("401-bearer", says("401 Unauthorized", BEARER), "RFC 8898", UNREAD),
    Story("302", says("302 Moved"), "RFC 3261, 21.3.3", failed("answer", "sip:302")),
    Story("486-of-a-kind", says("486 Busy", "Date: x"), "21.4.18", failed("answer", "sip:486")),
)


@pytest.mark.parametrize("story", told(ANSWERED))
async def test_what_this_engine_cannot_read_is_not_the_far_ends(
    tmp_path: Path, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Phones talk to all of these but the refusing ones: "no answer" would be untrue."""
    monkeypatch.setenv("REVEILLE_TEST_SECRET", PASSWORD)
    loop = asyncio.get_running_loop()
    _, phone = await loop.create_datagram_endpoint(
        lambda: _Exchange(story.far), local_addr=(HOST, 0)
    )
    try:
        secret = {"environment": "REVEILLE_TEST_SECRET"}
        line = {"registrar": f"{HOST}:{phone.port}", "user": USER, "password": secret}
        limits = {"to": "8000", "listen": "1s", "answer_within": "4s"}
        seen = await once(tmp_path, "pyvoip-call", line, line="main", **limits)
    finally:
        await phone.close()
    comes_out(seen, story)
