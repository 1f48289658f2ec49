"""The outbox and the mail desk against a Postfix that greylists, refuses and queues."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.delivery.outbox import Outbox
from monitor.desks.desk import letter_body
from monitor.desks.list import build
from monitor.desks.mail import MailSettings
from monitor.ledger import IncidentRow, Ledger, OutboxMessage
from monitor.ledger.bodies import ticket_body
from tests.loopback.postfix_server import Postfix, postfix
from tests.unit.sample_ticket import ticket

pytestmark = [
    pytest.mark.skipif(shutil.which("postfix") is None, reason="postfix is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="postfix starts as root only"),
]
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def outbox_to(server: Postfix, ledger: Ledger, **changes: Any) -> Outbox:
    trusted: dict[str, Any] = {"trusted_certificates": server.certificate.certificate, **changes}
    settings = MailSettings(
        host="127.0.0.1", port=server.port, sender="reveille@example.net", **trusted
    )
    return Outbox(ledger, {"mail": build("mail", settings)}, "host")


def promise(
    ledger: Ledger, *recipients: str, kind: str = "opened", acknowledgement: bool = False
) -> None:
    with ledger.transaction() as t:
        open_already = ledger.open_incident_by_key("ivr")
        number = open_already.number if open_already else None
        number = number or t.open_incident(
            IncidentRow(None, "ivr", "Pune", "ivr", "P0", "vendor", NOW)
        )
        body = letter_body(ticket_body(ticket()), {"by": "asha"}, acknowledgement=acknowledgement)
        for recipient in recipients:
            t.enqueue(OutboxMessage(number, kind, 1, "mail", recipient, body, NOW))


def standing(ledger: Ledger) -> dict[str, str]:
    """Where the letters stand, by the name of their recipient."""
    return {row.recipient.partition("@")[0]: row.state for row in ledger.outbox()}


async def test_greylisted_comes_later_refused_comes_never_and_the_others_at_once() -> None:
    asked: Counter[str] = Counter()

    def greylist(recipient: str) -> str | None:
        asked[recipient] += 1
        if recipient.startswith("gone@"):
            return "550 5.1.1 No such mailbox"
        return (
            "450 4.2.0 Greylisted"
            if recipient.startswith("grey@") and asked[recipient] == 1
            else None
        )

    async with postfix(greylist) as server:
        with Ledger(":memory:") as ledger:
            promise(ledger, "shift@example.net", "grey@example.net", "gone@example.net")
            outbox = outbox_to(server, ledger)
            await outbox.deliver_due(NOW)
            assert standing(ledger) == {"shift": "sent", "grey": "queued", "gone": "failed"}
            sent, grey, gone = ledger.outbox()
            assert "queued as" in (sent.reference or "")
            assert "450 4.2.0 <grey@example.net>: Recipient address rejected: Greylisted" in (
                grey.last_error or ""
            )
            assert "550 5.1.1 <gone@example.net>: Recipient address rejected: No such mailbox" in (
                gone.last_error or ""
            )
            assert await outbox.next_due() == NOW + timedelta(seconds=10)
            await outbox.deliver_due(NOW + timedelta(seconds=10))
            assert standing(ledger) == {"shift": "sent", "grey": "sent", "gone": "failed"}
        arrived = await server.delivered(2)
    assert {str(mail["Delivered-To"]) for mail in arrived} == {
        "shift@example.net",
        "grey@example.net",
    }
    assert len({str(mail["Message-ID"]) for mail in arrived}) == 2
    assert {str(mail["Return-Path"]) for mail in arrived} == {"<reveille@example.net>"}
    assert all(
        not mail.defects and mail.get_content_type() == "multipart/alternative" for mail in arrived
    )


async def test_closed_waits_while_opened_is_greylisted() -> None:
    asked: list[str] = []

    def greylist(recipient: str) -> str | None:
        asked.append(recipient)
        return "450 4.2.0 Greylisted" if len(asked) <= 2 else None

    async with postfix(greylist) as server:
        with Ledger(":memory:") as ledger:
            promise(ledger, "shift@example.net")
            promise(ledger, "shift@example.net", kind="closed")
            outbox = outbox_to(server, ledger)
            now = NOW
            while (due := await outbox.next_due()) is not None:
                now = due
                await outbox.deliver_due(now)
                await server.delivered(ledger.outbox_counts()["sent"])
        arrived = sorted(
            await server.delivered(2), key=lambda mail: str(mail["X-Reveille-Event"]), reverse=True
        )
    assert now == NOW + timedelta(seconds=40), "two waits, of 10 s and 30 s"
    assert [str(mail["X-Reveille-Event"]) for mail in arrived] == ["opened", "closed"]
    assert arrived[1]["In-Reply-To"] == arrived[0]["Message-ID"]


async def test_an_acknowledgement_arrives_without_a_return_path() -> None:
    async with postfix(lambda recipient: None) as server:
        with Ledger(":memory:") as ledger:
            promise(ledger, "operators@example.net", kind="acknowledged", acknowledgement=True)
            await outbox_to(server, ledger).deliver_due(NOW)
        (mail,) = await server.delivered(1)
    assert (mail["Return-Path"], mail["Auto-Submitted"]) == ("<>", "auto-replied")


async def test_a_mail_for_elsewhere_does_not_leave() -> None:
    async with postfix(lambda recipient: None) as server:
        with Ledger(":memory:") as ledger:
            promise(ledger, "somebody@elsewhere.org")
            await outbox_to(server, ledger).deliver_due(NOW)
            assert "nothing leaves this test" in (ledger.outbox("failed")[0].last_error or "")


async def test_a_certificate_that_is_not_trusted_keeps_every_letter() -> None:
    async with postfix(lambda recipient: None) as server:
        with Ledger(":memory:") as ledger:
            promise(ledger, "shift@example.net", "director@example.net")
            outbox = outbox_to(server, ledger, trusted_certificates=None)
            await outbox.deliver_due(NOW)
            assert ledger.outbox_counts() == {"queued": 2, "sent": 0, "failed": 0}
            outbox = outbox_to(server, ledger)
            await outbox.deliver_due(NOW + timedelta(minutes=1))
            assert ledger.outbox_counts()["sent"] == 2
