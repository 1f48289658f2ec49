"""What the other call engine (pyVoIP) leaves behind, and what it repeats, as a registrar sees it:
asterisk.md of the field, F6 (a second look taken for a repetition) and F7 (registrations that pile
up until the account is full).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

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
from tests.field.far_ends.test_registration import HOME
from tests.field.story import once

pytestmark = pytest.mark.slow


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
