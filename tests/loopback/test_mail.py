"""The mail desk against a real SMTP server: each answer becomes a reference, "later" or "never"."""

from __future__ import annotations

import asyncio
import re
import socket
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.settings import Secret
from lab.certificate import make
from monitor.desks.desk import Letter, Never, TryLater, letter_body
from monitor.desks.list import build, desk_kinds
from monitor.desks.mail import MailSettings
from monitor.desks.smtp import Submission
from tests.loopback.mail_server import MailServer, serving
from tests.unit.sample_ticket import ticket

NOW = datetime(2026, 11, 21, 21, 42, 5, tzinfo=UTC)


def letter(**changes: Any) -> Letter:
    values: dict[str, Any] = {
        "key": "rv-12.cafe0001.opened.1.0123456789ab",
        "thread": "rv-12.cafe0001",
        "previous": None,
        "incident": 12,
        "kind": "opened",
        "recipient": "shift@example.net",
        "written_at": NOW,
        "body": letter_body(ticket().to_dict(), {"audience": "level 1, customer support desk"}),
    }
    return Letter(**{**values, **changes})


def settings(port: int, /, **changes: Any) -> MailSettings:
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "sender": "reveille@pune.example.net",
        "timeout": 5.0,
    }
    return MailSettings(**{**values, **changes})


async def deliver(server: MailServer, what: Letter | None = None, **changes: Any) -> str:
    return await build("mail", settings(server.port, **changes)).deliver(what or letter())


async def delivered(what: Letter, **changes: Any) -> tuple[MailServer, EmailMessage]:
    async with serving(MailServer()) as server:
        await deliver(server, what, **changes)
    return server, server.messages[0]


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content


async def test_a_mail_says_who_it_is_in_its_headers() -> None:
    server, mail = await delivered(letter())
    assert {
        name: str(mail[name])
        for name in mail
        if not name.startswith(("X-Peer", "X-MailFrom", "X-RcptTo"))
    } == {
        "From": "Reveille Pune <reveille@pune.example.net>",
        "To": "shift@example.net",
        "Date": "Sat, 21 Nov 2026 21:42:05 +0000",
        "Subject": "[P0] Pune: PRI is up but IVR is not working (RV-12)",
        "Message-ID": "<rv-12.cafe0001.opened.1.0123456789ab@pune.example.net>",
        "In-Reply-To": "<rv-12.cafe0001@pune.example.net>",
        "References": "<rv-12.cafe0001@pune.example.net>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Precedence": "bulk",
        "List-Id": "<reveille.pune.example.net>",
        "X-Reveille-Incident": "RV-12",
        "X-Reveille-Event": "opened",
        "MIME-Version": "1.0",
        "Content-Type": mail["Content-Type"],
    }
    assert (server.envelopes[0].mail_from, server.envelopes[0].rcpt_tos) == (
        "reveille@pune.example.net",
        ["shift@example.net"],
    )
    assert server.hello == "pune.example.net"


async def test_a_mail_has_the_same_words_twice() -> None:
    _, mail = await delivered(letter())
    assert mail.get_content_type() == "multipart/alternative"
    assert [inner.get_content_type() for inner in mail.iter_parts()] == ["text/plain", "text/html"]
    for kind in ("plain", "html"):
        assert "The number 8000 at sip.example.net answered, and callers hear silence" in " ".join(
            part(mail, kind).split()
        )


async def test_the_next_mail_of_a_thread_names_the_one_before() -> None:
    _, mail = await delivered(
        letter(kind="closed", previous="rv-12.cafe0001.opened.1.0123456789ab")
    )
    before = "<rv-12.cafe0001.opened.1.0123456789ab@pune.example.net>"
    assert mail["In-Reply-To"] == before
    assert str(mail["References"]).split() == ["<rv-12.cafe0001@pune.example.net>", before]


async def test_a_mere_acknowledgement_has_no_return_path() -> None:
    body = letter_body(ticket().to_dict(), {"by": "asha"}, acknowledgement=True)
    server, mail = await delivered(letter(kind="acknowledged", body=body))
    assert server.envelopes[0].mail_from == "<>"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["From"] == "Reveille Pune <reveille@pune.example.net>"


async def test_the_reference_is_the_message_id_and_the_servers_words() -> None:
    async with serving(MailServer()) as server:
        reference = await deliver(server)
    assert (
        reference
        == "<rv-12.cafe0001.opened.1.0123456789ab@pune.example.net> 2.0.0 Ok: queued as 4711"
    )


async def test_names_in_other_scripts_arrive_as_written() -> None:
    what = letter(
        body=letter_body(ticket(site="पुणे", title="PRI läuft, IVR schweigt – 無音").to_dict())
    )
    _, mail = await delivered(what)
    assert mail["Subject"] == "[P0] पुणे: PRI läuft, IVR schweigt – 無音 (RV-12)"
    assert mail["From"].addresses[0].display_name == "Reveille पुणे"


async def test_an_address_in_another_script_goes_by_smtputf8() -> None:
    server, _ = await delivered(letter(recipient="दल@example.net"))
    assert "SMTPUTF8" in server.envelopes[0].mail_options
    assert "\r\nTo: दल@example.net\r\n".encode() in (server.envelopes[0].original_content or b"")


async def test_a_domain_in_another_script_needs_no_smtputf8() -> None:
    async with serving(MailServer(), enable_SMTPUTF8=False) as server:
        await deliver(server, letter(recipient="shift@bücher.example"))
    assert server.envelopes[0].rcpt_tos == ["shift@xn--bcher-kva.example"]


async def test_an_address_in_another_script_is_never_taken_by_a_server_that_cannot() -> None:
    async with serving(MailServer(), enable_SMTPUTF8=False) as server:
        with pytest.raises(Never, match="SMTPUTF8 is not supported"):
            await deliver(server, letter(recipient="दल@example.net"))


@pytest.mark.parametrize(
    "recipient",
    [
        "a@b\r\nBcc: thief@example.org",
        "a@b,c@d",
        "nobody",
        "a@b@c@",
        "<a@b>",
        "a b@c",
        "",
        "a@" + "b" * 300,
    ],
)
async def test_what_is_no_address_is_never_sent(recipient: str) -> None:
    async with serving(MailServer()) as server:
        with pytest.raises(Never, match="is not a mail address"):
            await deliver(server, letter(recipient=recipient))
    assert server.connections == 0


async def test_a_line_break_in_a_header_is_refused() -> None:
    broken = ticket(number="RV-12\r\nBcc: thief@example.org")
    async with serving(MailServer()) as server:
        with pytest.raises(Never, match="headers cannot be written"):
            await deliver(server, letter(body=letter_body(broken.to_dict())))
    assert server.connections == 0


async def test_a_line_break_in_a_key_makes_no_header() -> None:
    _, mail = await delivered(letter(key="rv-1\r\nBcc: thief@example.org"))
    assert mail["Message-ID"] == "<rv-1-Bcc-thief-example.org@pune.example.net>"
    assert mail["Bcc"] is None


Answers = dict[str, Any]
LATER: list[tuple[str, Answers, bool]] = [
    ("451 4.7.1 Greylisted", {"recipient": lambda _: "451 4.7.1 Greylisted"}, False),
    ("452 4.2.2 Mailbox full", {"recipient": lambda _: "452 4.2.2 Mailbox full"}, False),
    ("451 4.3.0 Try again", {"data": lambda: "451 4.3.0 Try again"}, False),
    ("451 4.1.8 Sender not known yet", {"sender": lambda: "451 4.1.8 Sender not known yet"}, False),
    ("421 4.3.2 Shutting down", {"recipient": lambda _: "421 4.3.2 Shutting down"}, True),
    ("unexpected EOF", {"data": lambda: "drop"}, False),
]
NEVER: list[tuple[str, Answers]] = [
    ("550 5.1.1 No such user", {"recipient": lambda _: "550 5.1.1 No such user"}),
    ("554 5.7.1 Spam", {"data": lambda: "554 5.7.1 Spam"}),
    ("553 5.7.1 Not your address", {"sender": lambda: "553 5.7.1 Not your address"}),
]


@pytest.mark.parametrize(
    ("words", "answers", "whole_desk"),
    LATER,
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_only_later(words: str, answers: Answers, whole_desk: bool) -> None:
    async with serving(MailServer(**answers)) as server:
        with pytest.raises(TryLater, match=f"(?i){words}") as refusal:
            await deliver(server)
    assert refusal.value.whole_desk is whole_desk


@pytest.mark.parametrize(
    ("words", "answers"), NEVER, ids=lambda value: value if isinstance(value, str) else ""
)
async def test_what_is_never(words: str, answers: Answers) -> None:
    async with serving(MailServer(**answers)) as server:
        with pytest.raises(Never, match=re.escape(words)):
            await deliver(server)


async def test_a_mail_that_is_too_big_is_never_taken() -> None:
    async with serving(MailServer(), data_size_limit=2000) as server:
        with pytest.raises(Never, match="552"):
            await deliver(server)


async def test_a_port_where_nobody_listens_is_later_for_the_whole_desk() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TryLater, match=re.escape(f"127.0.0.1:{port}: ")) as refusal:
        await build("mail", settings(port)).deliver(letter())
    assert refusal.value.whole_desk


async def test_a_server_that_says_nothing_is_later_for_the_whole_desk() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(TryLater, match=r"(?i)timed out") as refusal,
    ):
        await build("mail", settings(silent.getsockname()[1], timeout=0.2)).deliver(letter())
    assert refusal.value.whole_desk


@pytest.mark.parametrize(
    "banner", ["421 4.3.2 busy", "554 5.7.1 go away", "HTTP/1.1 400 Bad Request"]
)
async def test_a_banner_that_is_no_welcome_is_later_for_the_whole_desk(banner: str) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner.encode() + b"\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with listening:
        with pytest.raises(TryLater) as refusal:
            await build("mail", settings(listening.sockets[0].getsockname()[1])).deliver(letter())
    assert refusal.value.whole_desk


async def test_a_host_that_is_not_there_is_later() -> None:
    with pytest.raises(TryLater):
        await build("mail", settings(25, host="no-such-host.invalid")).deliver(letter())


@pytest.fixture
def password(tmp_path: Path) -> Secret:
    (tmp_path / "password").write_text("korrekt\n")
    return Secret(file=tmp_path / "password")


@pytest.mark.parametrize("how", ["starttls", "tls"])
async def test_it_logs_in_over_tls(how: str, tmp_path: Path, password: Secret) -> None:
    certificate = make(tmp_path / "tls")
    async with serving(
        MailServer(login=("reveille", "korrekt")), **{how: certificate.server_context()}
    ) as server:
        await deliver(
            server,
            tls=how,
            user="reveille",
            password=password,
            trusted_certificates=certificate.certificate,
        )
    assert len(server.messages) == 1


async def test_a_certificate_that_nobody_trusts_is_later_for_the_whole_desk(tmp_path: Path) -> None:
    certificate = make(tmp_path / "tls")
    async with serving(MailServer(), starttls=certificate.server_context()) as server:
        with pytest.raises(TryLater, match="certificate verify failed") as refusal:
            await deliver(server, tls="starttls")
    assert refusal.value.whole_desk
    assert server.envelopes == []


async def test_a_server_without_starttls_gets_nothing(password: Secret) -> None:
    async with serving(MailServer()) as server:
        with pytest.raises(TryLater, match=r"(?i)starttls") as refusal:
            await deliver(server, tls="starttls", user="reveille", password=password)
    assert refusal.value.whole_desk
    assert server.envelopes == []


async def test_a_wrong_password_is_later_for_the_whole_desk_and_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    async with serving(MailServer(login=("reveille", "korrekt"))) as server:
        with pytest.raises(TryLater, match=r"535") as refusal:
            await deliver(server, user="reveille", password=Secret(file=tmp_path / "password"))
    assert refusal.value.whole_desk
    assert "hunter2" not in repr(refusal.value)


async def test_a_server_without_login_is_later_for_the_whole_desk(password: Secret) -> None:
    async with serving(MailServer()) as server:
        with pytest.raises(TryLater, match=r"(?i)auth") as refusal:
            await deliver(server, user="reveille", password=password)
    assert refusal.value.whole_desk


async def test_a_password_that_is_missing_is_later_and_names_its_place(tmp_path: Path) -> None:
    with pytest.raises(TryLater, match=r"desk 'mail': file .*nowhere is missing"):
        await build(
            "mail", settings(25, user="x", password=Secret(file=tmp_path / "nowhere"))
        ).deliver(letter())


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"sender": "Reveille <r@example.net>"}, "is not a mail address; write it plainly"),
        ({"to": ["a@b", "c d"]}, "'c d' is not a mail address"),
        ({"user": "x"}, "user and password go together"),
        (
            {"host": "mail.example.net", "user": "x", "password": {"environment": "P"}},
            "never goes out in the clear",
        ),
        ({"password": "korrekt"}, "a secret is never written here"),
        ({"tls": "ssl"}, "'starttls', 'tls' or 'none'"),
        ({"port": 0}, "greater than or equal to 1"),
        ({"connections": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        settings(25, **changes)


def test_the_ports_are_the_usual_ones() -> None:
    for tls, port in (("starttls", 587), ("tls", 465), ("none", 25)):
        settings = MailSettings(host="mail.example.net", sender="r@example.net", tls=tls)
        assert Submission("mail", settings).where == f"mail.example.net:{port}"


async def test_the_built_in_desk_takes_everything() -> None:
    desk = build("here", desk_kinds()["built-in"]())
    assert await desk.deliver(letter()) == "here:rv-12.cafe0001"
