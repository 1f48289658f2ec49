"""The lab's mailbox by a real client: kept, put off, STARTTLS and AUTH."""

from __future__ import annotations

import asyncio
import ssl
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from lab import Lab


def letter(subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "reveille@example.net",
        "ops@example.net",
        subject,
    )
    message["Message-ID"] = f"<{subject}@example.net>"
    message.set_content("Körper\n.\n..dots stay\n")
    return message


async def test_a_mail_is_kept_as_it_came_with_its_recipients(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab:
        waiting = asyncio.ensure_future(lab.mailbox.wait_for(2))
        for subject in ("first", "second"):
            await aiosmtplib.send(
                letter(subject),
                recipients=["a@example.net", "b@example.net"],
                hostname="127.0.0.1",
                port=lab.mailbox.port,
                start_tls=False,
            )
        first, second = await asyncio.wait_for(waiting, 5)
        assert (first["Subject"], second["Subject"]) == ("first", "second")
        assert first.get_all("Delivered-To") == ["a@example.net", "b@example.net"]
        assert first["Return-Path"] == "<reveille@example.net>"
        assert first.get_content().replace("\r\n", "\n") == "Körper\n.\n..dots stay\n"
        assert [path.name for path in lab.mailbox.paths()] == ["0001.eml", "0002.eml"]
    async with Lab(tmp_path / "lab") as lab:
        assert len(lab.mailbox.messages()) == 2, "a mailbox outlives its server"


async def test_recipients_are_put_off_for_a_while(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab:
        lab.break_("mail-refused")
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await aiosmtplib.send(
                letter("later"), hostname="127.0.0.1", port=lab.mailbox.port, start_tls=False
            )
        assert [one.code for one in refused.value.recipients] == [451]
        assert (lab.mailbox.messages(), lab.mailbox.put_off) == ([], 1)
        lab.mend("mail-refused")
        await aiosmtplib.send(
            letter("later"), hostname="127.0.0.1", port=lab.mailbox.port, start_tls=False
        )
        assert [message["Subject"] for message in lab.mailbox.messages()] == ["later"]


async def test_a_mailbox_with_a_login_wants_tls_and_the_right_password(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab", mail_login=("reveille", "right")) as lab:
        trusting = ssl.create_default_context(cafile=str(lab.certificate.certificate))
        where = {"hostname": "127.0.0.1", "port": lab.mailbox.port}
        with pytest.raises(aiosmtplib.SMTPException):
            await aiosmtplib.send(
                letter("plain"),
                start_tls=False,
                **where,  # type: ignore[arg-type]
            )
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await aiosmtplib.send(
                letter("wrong"),
                start_tls=True,
                tls_context=trusting,
                username="reveille",
                password="wrong",
                **where,  # type: ignore[arg-type]
            )
        await aiosmtplib.send(
            letter("right"),
            start_tls=True,
            tls_context=trusting,
            username="reveille",
            password="right",
            **where,  # type: ignore[arg-type]
        )
        assert [message["Subject"] for message in lab.mailbox.messages()] == ["right"]
