"""Mail from end to end: Postfix takes it, Dovecot shows it; and servers of every bad manner."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import CannotTell, Failed, Observation, Trace
from checks.network.imap import Mailbox
from checks.network.smtp import Smtp
from checks.settings import Secret
from lab.certificate import Certificate, make
from tests.loopback.dovecot_server import PASSWORD, dovecot
from tests.loopback.mail_server import MailServer
from tests.loopback.mail_server import serving as serving_mail
from tests.loopback.postfix_server import Postfix, postfix
from tests.loopback.serving import Talk, drop_by_drop, endlessly, listening, says, silent

real = [
    pytest.mark.skipif(shutil.which("postfix") is None, reason="postfix is not installed"),
    pytest.mark.skipif(shutil.which("dovecot") is None, reason="dovecot-imapd is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="postfix and dovecot start as root only"),
]
SECRET = Secret(environment="REVEILLE_TEST_SECRET")


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", PASSWORD)


async def look(folder: Path, port: int, **settings: Any) -> Observation:
    check = Smtp(**{"host": "127.0.0.1", "port": port, "security": "none", **settings})
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


def said(seen: Observation) -> tuple[str, str]:
    assert seen.fault is not None, seen
    assert PASSWORD not in repr(seen)
    return seen.fault.stage, seen.fault.code


@dataclass
class MailSystem:
    """Postfix and Dovecot over one mailbox."""

    postfix: Postfix
    imap_port: int
    imap_tls_port: int

    def settings(self, security: str = "tls", **box: Any) -> dict[str, Any]:
        trusted: dict[str, Any] = {"trusted_certificates": self.postfix.certificate.certificate}
        port = self.imap_tls_port if security == "tls" else self.imap_port
        own: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": port,
            "security": security,
            "user": "probe",
            "password": SECRET,
        }
        return {
            "security": "starttls",
            "recipient": "probe@example.net",
            "mailbox": Mailbox(**{**own, **trusted, **box}),
            **trusted,
        }

    def leave(self, name: str, header: str, days: float) -> None:
        """A mail that came days ago."""
        file = self.postfix.base / "boxes" / "all" / "cur" / f"1.{name}:2,"
        file.write_text(f"From: a@example.net\n{header}\nSubject: old\n\nold\n")
        came = file.stat().st_mtime - days * 86400
        os.utime(file, (came, came))
        shutil.chown(file, 65534, 65534)

    def mails(self) -> list[Path]:
        folder = self.postfix.base / "boxes" / "all"
        return [*folder.glob("new/*"), *folder.glob("cur/*")]


@asynccontextmanager
async def mail_system() -> AsyncIterator[MailSystem]:
    async with postfix(
        lambda to: "450 4.2.0 Greylisted" if to.startswith("grey@") else None
    ) as server:
        boxes = server.base / "boxes" / "all"
        for name in ("cur", "new", "tmp"):
            (boxes / name).mkdir(parents=True, exist_ok=True)
        for folder in (boxes, *boxes.iterdir()):
            shutil.chown(folder, 65534, 65534)
        async with dovecot(server.base / "imap", boxes, server.certificate) as (port, tls_port):
            yield MailSystem(server, port, tls_port)


class TestRealMail:
    """With Postfix and Dovecot."""

    pytestmark = real

    async def test_a_mail_is_sent_arrives_is_found_and_deleted(self, tmp_path: Path) -> None:
        async with mail_system() as system:
            for security in ("tls", "starttls", "none"):
                seen = await look(tmp_path, system.postfix.port, **system.settings(security))
                assert seen.fault is None and seen.blind is None, seen
            stages = " ".join(stage.name for stage in seen.stages)
            assert stages == "connect banner hello starttls mailbox send arrive delete"
            assert 0 < seen.measures["arrive_seconds"] < 60
            assert system.mails() == []

            system.leave("other", "X-Other: mail", days=3)  # somebody else's
            system.leave("late", "X-Reveille-Probe: mail", days=3)  # ours, and too late to be found
            system.leave(
                "busy", "X-Reveille-Probe: mail", days=0
            )  # of another look that is under way
            seen = await look(tmp_path, system.postfix.port, **system.settings())
            assert seen.fault is None, seen
            assert sorted(path.name.split(".")[1].partition(":")[0] for path in system.mails()) == [
                "busy",
                "other",
            ]
            assert any("1 test mails had come too late" in note for note in seen.notes)

    async def test_what_the_mailbox_or_the_server_refuses_is_told_apart(
        self, tmp_path: Path
    ) -> None:
        async with mail_system() as system:
            at = system.postfix.port
            wrong: dict[str, Any] = {
                "password": Secret(file=system.postfix.certificate.certificate)
            }
            assert said(await look(tmp_path, at, **system.settings(**wrong))) == (
                "mailbox",
                "imap:no",
            )
            assert said(await look(tmp_path, at, **system.settings(folder="Nowhere"))) == (
                "mailbox",
                "imap:no",
            )
            distrusted = await look(tmp_path, at, **system.settings(trusted_certificates=None))
            assert said(distrusted) == ("mailbox", "self-signed")
            async with serving_mail(MailServer()) as other:  # takes the mail, and keeps it
                lost = {**system.settings(), "security": "none", "arrive_within": 1.5}
                assert said(await look(tmp_path, other.port, **lost)) == ("arrive", "not-arrived")
            plain = {**system.settings(), "security": "none"}
            assert said(await look(tmp_path, at, **plain)) == ("send", "smtp:530")
            grey = await look(
                tmp_path, at, **{**system.settings(), "recipient": "grey@example.net"}
            )
            assert said(grey) == ("send", "smtp:450") and "Greylisted" in (
                grey.fault.text if grey.fault else ""
            )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make(tmp_path_factory.mktemp("tls"))


async def test_a_login_after_starttls_and_what_refuses_it(
    certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEILLE_TEST_OTHER", "guess")
    server = MailServer(login=("probe", PASSWORD))
    secure: dict[str, Any] = {
        "security": "starttls",
        "trusted_certificates": certificate.certificate,
        "user": "probe",
    }
    async with serving_mail(server, starttls=certificate.server_context()):
        good = await look(
            tmp_path, server.port, password=SECRET, recipient="probe@example.net", **secure
        )
        assert good.fault is None and "login_seconds" in good.measures
        (message,) = server.messages
        assert (message["X-Reveille-Probe"], message["Auto-Submitted"]) == (
            "mail",
            "auto-generated",
        )
        assert message["Date"].endswith(("-0000", "+0000"))
        bad = await look(
            tmp_path, server.port, password=Secret(environment="REVEILLE_TEST_OTHER"), **secure
        )
        assert said(bad) == ("login", "smtp:535")
        missing = await look(
            tmp_path, server.port, password=Secret(environment="REVEILLE_NOT_SET"), **secure
        )
        assert "'REVEILLE_NOT_SET' is missing" in (missing.blind or "")
        del secure["trusted_certificates"]
        assert said(await look(tmp_path, server.port, password=SECRET, **secure)) == (
            "starttls",
            "self-signed",
        )


async def test_tls_from_the_beginning_and_a_server_that_only_says_hello(
    certificate: Certificate, tmp_path: Path
) -> None:
    server = MailServer()
    trusted = {"trusted_certificates": certificate.certificate}
    async with serving_mail(server, tls=certificate.server_context()):
        seen = await look(tmp_path, server.port, security="tls", **trusted)
    assert seen.fault is None and [stage.name for stage in seen.stages] == [
        "connect",
        "starttls",
        "banner",
        "hello",
    ]
    async with serving_mail(MailServer()) as plain:
        assert (await look(tmp_path, plain.port)).fault is None
        assert said(await look(tmp_path, plain.port, security="starttls", **trusted)) == (
            "starttls",
            "no-starttls",
        )
        assert said(await look(tmp_path, plain.port, security="tls", **trusted)) == (
            "starttls",
            "no-tls",
        )


@pytest.mark.parametrize(
    ("talk", "stage", "code"),
    [
        (says("554 5.7.1 go away"), "banner", "smtp:554"),
        (says("HTTP/1.1 400 Bad Request"), "banner", "bad-peer"),
        (says("220 a", "502 what?", "502 what?"), "hello", "smtp:502"),
        (says("220 a", then=None), "hello", "closed"),
        (says("220 a", "250 a", "550 5.7.1 no"), "send", "smtp:550"),
        (says("220 a", "250 a", "250 ok", "550 5.1.1 unknown"), "send", "smtp:550"),
        (says("220 a", "250 a", "250 ok", "250 ok", "354 go"), "send", "timeout"),
        (endlessly(b"220-more\r\n" * 50), "banner", "bad-peer"),
        (endlessly(b"x" * 65536), "banner", "bad-peer"),
        (drop_by_drop(b"2"), "banner", "timeout"),
        (silent, "banner", "timeout"),
    ],
)
async def test_servers_of_bad_manners_are_told_apart_and_bounded(
    talk: Talk, stage: str, code: str, tmp_path: Path
) -> None:
    async with listening(talk) as port:
        seen = await look(
            tmp_path, port, recipient="a@example.net", within=1.0 if code == "timeout" else 30.0
        )
    assert said(seen) == (stage, code), seen


@pytest.mark.parametrize(
    ("talk", "stage", "code"),
    [
        (says("* BYE overloaded"), "mailbox", "imap:bye"),
        (says("220 mail.test"), "mailbox", "bad-peer"),
        (says("* OK a", "* CAPABILITY IMAP4rev1\nr1 BAD eh"), "mailbox", "imap:bad"),
        (endlessly(b"* 1 EXISTS\r\n" * 100, b"* OK a\r\n"), "mailbox", "bad-peer"),
        (endlessly(b"x" * 4096, b"* OK a\r\n* CAPABILITY {999999999}\r\n"), "mailbox", "bad-peer"),
        (drop_by_drop(b"*"), "mailbox", "timeout"),
    ],
)
async def test_mailboxes_of_bad_manners_are_told_apart_and_bounded(
    talk: Talk, stage: str, code: str, tmp_path: Path
) -> None:
    async with serving_mail(MailServer()) as server, listening(talk) as port:
        box = Mailbox(host="127.0.0.1", port=port, security="none", user="probe", password=SECRET)
        within = 1.0 if code == "timeout" else 30.0
        seen = await look(
            tmp_path, server.port, recipient="a@example.net", mailbox=box, within=within
        )
    assert said(seen) == (stage, code), seen


async def test_a_password_that_the_mailbox_cannot_take_tells_nothing_of_it(tmp_path: Path) -> None:
    old = says("* OK a", "* CAPABILITY IMAP4rev1 AUTH=CRAM-MD5\nr1 OK")
    async with serving_mail(MailServer()) as server, listening(old) as port:
        box = Mailbox(host="127.0.0.1", port=port, security="none", user="probe", password=SECRET)
        seen = await look(tmp_path, server.port, recipient="a@example.net", mailbox=box)
    assert "plain ASCII" in (seen.blind or "") and PASSWORD not in repr(seen)


async def test_a_secret_that_the_far_end_repeats_is_not_repeated_by_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", "hunter2")
    echoing = says("* OK a", "* CAPABILITY IMAP4rev1\nr1 OK", "r2 NO wrong: hunter2")
    async with serving_mail(MailServer()) as server, listening(echoing) as port:
        box = Mailbox(host="127.0.0.1", port=port, security="none", user="probe", password=SECRET)
        seen = await look(tmp_path, server.port, recipient="a@example.net", mailbox=box)
    assert said(seen) == ("mailbox", "imap:no")
    assert "hunter2" not in repr(seen) and "wrong: …" in repr(seen)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"user": "probe"}, "needs both"),
        ({"user": "probe", "password": SECRET, "security": "none"}, "never sent in the clear"),
        ({"mailbox": {"host": "a", "user": "b", "password": SECRET}}, "where none is sent"),
        (
            {
                "recipient": "a@b.c",
                "mailbox": {"host": "a", "user": "b", "password": SECRET, "security": "none"},
            },
            "never sent in the clear",
        ),
        ({"recipient": "a@b.c>\r\nDATA"}, "pattern"),
        ({"sender": "<>"}, "pattern"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        Smtp(host="mail.example.net", **settings)
