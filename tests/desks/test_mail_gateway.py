"""Tickets at Request Tracker by mail alone: opened once, the number learnt from RT's answer,
whatever the way there does to a mail."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from lab.certificate import Certificate, make
from monitor.delivery.outbox import BACK_OFF_SECONDS
from monitor.desks.desk import Letter, TryLater
from monitor.desks.request_tracker_mail import RequestTrackerMail, RequestTrackerMailSettings
from tests.desks.mail_gateway_server import MailGatewayServer
from tests.desks.mail_way import ACTIONS, FAULTS, RTNAME, SENDER, Gateway, MailWay, filed, mailbox
from tests.desks.real_peers import open_folder
from tests.desks.story import letters
from tests.loopback.dovecot_server import PASSWORD, dovecot
from tests.loopback.mail_server import serving

pytestmark = [
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("dovecot"), reason="Dovecot changes users: root"
    ),
]
TROUBLE = (*FAULTS, *FAULTS[:-1] * 2, *["pass"] * 80)


@dataclass
class World:
    """RT behind a way, and the desk that mails there."""

    desk: RequestTrackerMail
    way: MailWay

    async def settled(self, letter: Letter, tries: int = 40) -> str:
        """Deliver as the outbox does, while time goes by."""
        for attempt in range(tries):
            try:
                return await self.desk.deliver(letter)
            except TryLater as said:
                why = said
                waited = BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS) - 1)]
                await self.way.passed(waited)
                letter = replace(letter, since_last_try_seconds=waited)
        raise AssertionError(f"{letter.key} was never taken: {why}")

    async def lived(self, number: int, plan: Callable[[int], str]) -> None:
        """One incident, from its beginning to its second end, and a last look."""
        self.way.mails, self.way.plan, reference = 0, plan, None
        for letter in letters(number):
            reference = await self.settled(replace(letter, reference=reference))
        self.way.plan = lambda _: "pass"
        await self.way.passed(5000.0)
        *_, last = letters(number)
        await self.settled(replace(last, reference=reference))


@asynccontextmanager
async def world(folder: Path, certificate: Certificate, gateway: Gateway) -> AsyncIterator[World]:
    """The way to a gateway, which puts its answers into `folder`/boxes."""
    way = MailWay(folder / "boxes", gateway)
    async with serving(way), dovecot(folder / "imap", folder / "boxes", certificate) as (_, port):
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        to, comments, resolve = ACTIONS
        answers = {
            "host": "127.0.0.1", "port": port, "user": "probe",
            "trusted_certificates": certificate.certificate,
            "password": {"file": folder / "password"},
        }  # fmt: skip
        settings = RequestTrackerMailSettings.model_validate({
            "host": "127.0.0.1", "port": way.port, "tls": "none", "sender": SENDER,
            "rtname": RTNAME, "to": to, "comments": comments, "resolve": resolve,
            "answers": answers,
        })  # fmt: skip
        desk = RequestTrackerMail("rt", settings)
        desk.patience_seconds = 0.01
        yield World(desk, way)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make(tmp_path_factory.mktemp("gateway"))


async def all_lived(
    world: World,
    numbers: Sequence[int],
    ended: Callable[[int], Awaitable[None]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Lives, one after another; how many there were is printed, whatever becomes of the next."""
    well = mails = 0
    try:
        for number in numbers:
            dice = random.Random(f"mail {number}")
            await world.lived(number, lambda _, dice=dice: dice.choice(TROUBLE))  # type: ignore[misc]
            await ended(number)
            well, mails = well + 1, mails + world.way.mails
    finally:
        with capsys.disabled():
            print(f"\nby mail: {well} of {len(numbers)} lives well, {mails} mails")


@dataclass
class Gate:
    """The world, and its gateway."""

    world: World
    server: MailGatewayServer


@pytest.fixture
async def gate(certificate: Certificate) -> AsyncIterator[Gate]:
    with open_folder() as folder:
        server = MailGatewayServer(partial(filed, mailbox(folder)))
        async with world(folder, certificate, server.post) as here:
            yield Gate(here, server)


async def ended_well(server: MailGatewayServer, number: int) -> None:
    """One ticket that is no copy, over, with every letter in it; copies are over as well."""
    thread = f"rv-{number}.cafe0001"
    (ticket,) = server.alive(thread)
    told = [
        thread + ".open",
        *(letter.key for letter in letters(number) if letter.kind != "opened"),
    ]
    assert {message for message, _ in ticket.letters} >= {f"<{key}@example.net>" for key in told}
    mine = [one for one in server.tickets.values() if f"[{thread}]" in one.subject]
    assert {one.status for one in mine} == {"resolved"}


async def test_a_ticket_is_opened_told_resolved_and_reopened(gate: Gate) -> None:
    assert "severity and owner cannot be set" in await gate.world.desk.settings.try_out()
    assert not gate.server.tickets
    reference, seen = None, []
    for letter in letters(12):
        reference = await gate.world.desk.deliver(replace(letter, reference=reference))
        (ticket,) = gate.server.tickets.values()
        seen.append((letter.kind, ticket.status, len(ticket.letters)))
    assert reference == f"[{RTNAME} #1]"
    assert seen == [
        ("opened", "new", 1), ("acknowledged", "new", 2), ("reclassified", "new", 3),
        ("note", "new", 4), ("closed", "resolved", 5), ("reopened", "open", 6),
        ("updated", "open", 7), ("closed", "resolved", 8),
    ]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_opens_is_never_sent_blindly_again(gate: Gate, fault: str) -> None:
    await gate.world.lived(1, lambda n: fault if n == 0 else "pass")
    await ended_well(gate.server, 1)
    assert len(gate.server.tickets) <= (2 if fault in ("twice", "late") else 1)


async def test_a_queue_that_answers_nobody_gets_two_tickets_at_most(gate: Gate) -> None:
    gate.server.answers = False
    first, *_ = letters(1)
    with pytest.raises(AssertionError, match="does this queue answer who writes"):
        await gate.world.settled(first, tries=10)
    assert len(gate.server.tickets) == 2


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"From: noc@rt.example.net", b"From: noc@evil.example.net"),
        (b"X-RT-Loop-Prevention: noc.example.net", b"X-RT-Loop-Prevention: rt.evil.example"),
        (b"X-RT-Ticket: noc.example.net #1", b"X-RT-Ticket: noc.example.net #7"),
        (b"In-Reply-To: <rv-1.", b"In-Reply-To: <rv-9."),
        (b"Subject: [noc.example.net #1]", b"Subject: [noc.example.net #2]"),
        (b"Auto-Submitted: auto-replied", b"Auto-Submitted: no"),
    ],
)
async def test_an_answer_that_is_not_rts_names_no_ticket(
    certificate: Certificate, header: bytes, said: bytes
) -> None:
    with open_folder() as folder:
        boxes = mailbox(folder)

        def answer(mail: bytes) -> None:
            mail = mail.replace(b'"NOC via RT" <noc@rt.example.net>', b"noc@rt.example.net")
            assert header in mail
            filed(boxes, mail.replace(header, said))

        server = MailGatewayServer(answer)
        async with world(folder, certificate, server.post) as here:
            first, *_ = letters(1)
            with pytest.raises(TryLater, match="has not answered"):
                await here.desk.deliver(first)


@pytest.mark.parametrize(
    "lives", [pytest.param(3, id="three"), pytest.param(500, id="500", marks=pytest.mark.slow)]
)
async def test_lives_through_a_way_that_fails(
    gate: Gate, lives: int, capsys: pytest.CaptureFixture[str]
) -> None:
    await all_lived(gate.world, range(lives), partial(ended_well, gate.server), capsys)
