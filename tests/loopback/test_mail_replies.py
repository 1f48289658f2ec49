"""Answers by mail in a real mailbox: Postfix takes them, Dovecot keeps them, IMAP brings them. Our
own letters lie in it too, and answer nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from checks.contract import Failed
from monitor.delivery.mail_replies import MailReplies
from monitor.delivery.outbox import Outbox
from monitor.desks.list import build
from monitor.desks.mail import MailSettings
from monitor.incidents.store import incident_of
from monitor.testing.scenario import Scene
from tests.loopback.dovecot_server import PASSWORD, dovecot
from tests.loopback.postfix_server import Postfix, postfix

pytestmark = [
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("dovecot") or not shutil.which("postfix"),
        reason="Postfix and Dovecot change users: root",
    ),
    pytest.mark.xdist_group("postfix"),
]
START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@dataclass
class Site:
    """A site whose letters go out by Postfix, and whose answers arrive by it."""

    scene: Scene
    server: Postfix
    letter: EmailMessage
    replies: MailReplies

    async def read(self) -> None:
        self.scene.clock.advance(31)
        await self.replies.read("mail", self.scene.clock.now)

    @property
    def incident(self) -> Any:
        row = self.scene.ledger.incident(1)
        assert row is not None
        return incident_of(row)

    async def answered(self, words: str, **headers: str) -> None:
        """Somebody answers the first letter."""
        unread, letter = len(self.server.messages()), self.letter
        head = {
            "From": "operators@example.net",
            "To": str(letter["Reply-To"]),
            "Subject": f"Re: {letter['Subject']}",
            "In-Reply-To": str(letter["Message-ID"]),
            "Message-ID": f"<{words[:4].strip()}@laptop>",
            **headers,
        }
        text = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        async with aiosmtplib.SMTP(
            hostname="127.0.0.1", port=self.server.port, start_tls=True, validate_certs=False
        ) as smtp:
            await smtp.sendmail(
                "operators@example.net", "reveille@example.net", f"{text}\r\n{words}\r\n".encode()
            )
        await self.server.delivered(unread + 1)


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    async with postfix(lambda _: None) as server:
        boxes = server.base / "boxes" / "all"
        for name in ("cur", "new", "tmp"):
            (boxes / name).mkdir(parents=True, exist_ok=True)
        for one in (boxes, *boxes.iterdir()):
            shutil.chown(one, 65534, 65534)
        async with dovecot(server.base / "imap", boxes, server.certificate) as (_, tls_port):
            (folder / "password").write_text(PASSWORD, encoding="utf-8")
            trusted = {"trusted_certificates": server.certificate.certificate}
            secret = {"password": {"file": folder / "password"}}
            box = {"host": "127.0.0.1", "port": tls_port, "user": "probe", **secret, **trusted}
            desk = MailSettings.model_validate({
                "host": "127.0.0.1", "port": server.port, "sender": "reveille@example.net",
                "replies": box, **trusted,
            })  # fmt: skip
            scene = Scene(START, {"main-number": {"every": 300.0}}, folder=folder)
            object.__setattr__(scene.configuration, "desks", {"mail": desk})
            scene.outbox = Outbox(scene.ledger, {"mail": build("mail", desk)}, "scene", folder)
            assert "127.0.0.1" in await desk.try_out()
            scene.world["main-number"] = Failed("silent")
            await scene.run_for(minutes=6)
            mails = await server.delivered(1)
            letter = next(one for one in mails if one["Reply-To"])
            yield Site(scene, server, letter, MailReplies(scene.ledger, [scene.configuration]))
            scene.stop_daemon()


async def test_an_answer_takes_the_ticket_and_is_read_once(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        boxes = here.server.base / "boxes" / "all"
        await here.answered("I am away until Monday.", **{"Auto-Submitted": "auto-replied"})
        await here.answered("ack")
        await here.read()
        assert here.incident.acknowledged_by == str(here.letter["To"])
        assert not list((boxes / "new").iterdir()), "what was read is marked"
        happened = here.scene.ledger.newest_happening()
        await here.read()
        await here.answered("note it was the fan", Subject="x" * 30_000)
        await here.read()
        notes = [row.body for row in here.scene.ledger.history(1) if row.kind == "note"]
        assert notes == [{"by": str(here.letter["To"]), "text": "it was the fan"}]
        assert here.scene.ledger.newest_happening() == happened + 2
