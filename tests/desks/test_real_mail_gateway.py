"""Request Tracker 5 of Debian, told by mail alone through its own rt-mailgate: a life, what it does
with a mail that comes twice, and lives through a way that fails. By `./reveille test --desks`."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from lab.certificate import make
from tests.desks.mail_way import mailbox
from tests.desks.real_peers import open_folder, request_tracker
from tests.desks.story import letters
from tests.desks.test_mail_gateway import World, all_lived, world

pytestmark = pytest.mark.slow
LIVES = int(os.environ.get("REVEILLE_DESK_LIVES", "3"))
_SITE = """
Set($MailCommand, 'sendmailpipe'); Set($SendmailPath, '{script}');
Set(@MailPlugins, 'Auth::MailFrom', 'Action::Resolve');
Set($CorrespondAddress, 'noc@rt.example.net');
"""
# As a delivery agent files it (maildir(5)): whole in tmp, then in new.
_SENDMAIL = """#!/bin/sh
umask 0
name=$(date +%s%N).$$
cat >{boxes}/tmp/$name && mv {boxes}/tmp/$name {boxes}/new/$name
"""


@dataclass
class RealGate:
    """The world, and how RT itself says that its tickets stand."""

    world: World
    port: int
    token: str

    def asked(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/REST/2.0{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["items"]

    async def tickets(self, thread: str) -> dict[str, str]:
        """Ticket -> status, of a key."""
        query = quote(f"Subject LIKE '{thread}'")
        found = await asyncio.to_thread(self.asked, f"/tickets?query={query}&fields=Status")
        return {one["id"]: one["Status"] for one in found}

    async def mails(self, number: str) -> dict[str, str]:
        """Message-ID -> subject of what is in a ticket."""
        path = f"/ticket/{number}/attachments?fields=MessageId,Subject&per_page=100"
        found = await asyncio.to_thread(self.asked, path)
        return {one["MessageId"]: str(one["Subject"]) for one in found if one["MessageId"]}

    async def ended_well(self, number: int) -> None:
        """One ticket that is no copy, with every letter in it; it and its copies are over."""
        thread = f"rv-{number}.cafe0001"
        tickets = await self.tickets(thread)
        assert set(tickets.values()) == {"resolved"}
        mails = [await self.mails(one) for one in tickets]
        whole = [one for one in mails if not any("Duplicate of #" in said for said in one.values())]
        assert len(whole) == 1, (number, tickets)
        told = [f"{thread}.open", *(one.key for one in letters(number) if one.kind != "opened")]
        assert set(whole[0]) >= {f"{key}@example.net" for key in told}


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[RealGate]:
    with open_folder() as folder:
        boxes, script = mailbox(folder), folder / "sendmail"
        script.write_text(_SENDMAIL.format(boxes=boxes), encoding="utf-8")
        script.chmod(0o755)
        with request_tracker(_SITE.format(script=script)) as (port, token, _):
            async with world(folder, make(tmp_path), partial(_posted, port)) as here:
                yield RealGate(here, port, token)


async def _posted(port: int, mail: bytes, action: str) -> None:
    """What a mail server's alias does."""
    gate = await asyncio.create_subprocess_exec(
        "rt-mailgate", "--queue", "NOC", "--action", action, "--url", f"http://127.0.0.1:{port}",
        stdin=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await gate.communicate(mail)
    assert gate.returncode == 0


async def test_a_ticket_is_opened_told_resolved_and_reopened(gate: RealGate) -> None:
    reference, seen = None, []
    for letter in letters(12):
        reference = await gate.world.desk.deliver(replace(letter, reference=reference))
        (status,) = (await gate.tickets(letter.thread)).values()
        seen.append((letter.kind, status))
    assert reference == "[noc.example.net #1]"
    assert seen == [
        ("opened", "new"), ("acknowledged", "new"), ("reclassified", "new"), ("note", "new"),
        ("closed", "resolved"), ("reopened", "open"), ("updated", "open"), ("closed", "resolved"),
    ]  # fmt: skip
    await gate.ended_well(12)


async def test_a_mail_that_comes_twice_makes_two_and_the_newer_says_so(gate: RealGate) -> None:
    await gate.world.lived(1, lambda n: "twice" if n == 0 else "pass")
    assert len(await gate.tickets("rv-1.cafe0001")) == 2
    await gate.ended_well(1)


async def test_lives_through_a_way_that_fails(
    gate: RealGate, capsys: pytest.CaptureFixture[str]
) -> None:
    await all_lived(gate.world, range(20, 20 + LIVES), gate.ended_well, capsys)
