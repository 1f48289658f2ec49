"""Mail: banners, old greetings, exact codes and farewells of servers (RFC 5321), and mailboxes of
other makers.

The mailboxes speak IMAP (RFC 3501, RFC 9051); they share the letters that a server of the same test
takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.field.story import Right, Story, comes_out, failed, in_short, once, told
from tests.loopback.serving import Talk, listening

CLOSE, SILENT = "close", ""
PAUSE_SECONDS = 0.1
USUAL = {
    "EHLO": "250-mail.example\n250-PIPELINING\n250-8BITMIME\n250 SIZE 1000",
    "HELO": "250 mail.example",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    ".": "250 queued",
    "QUIT": "221 bye",
    "NOOP": "250 ok",
    "RSET": "250 ok",
}
FIRST_DIGIT = "RFC 5321, 4.2.1: the first digit tells"


@dataclass(frozen=True)
class Server:
    """A banner, of lines that end as they are given, and what is said otherwise than usual."""

    banner: tuple[bytes | float, ...] = (b"220 mail.example ESMTP\r\n",)
    says: Mapping[str, str] = field(default_factory=dict)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in self.banner:
            await asyncio.sleep(piece) if isinstance(piece, float) else writer.write(piece)
        within_data = False
        while line := await reader.readline():
            line = line.rstrip(b"\r\n")
            if within_data and line != b".":
                continue
            verb = "." if within_data else line.split(b" ")[0].decode().upper()
            said = {**USUAL, **self.says}.get(verb, "500 what?")
            within_data = said.startswith("354")
            if said == CLOSE:
                return
            writer.write(said.replace("\n", "\r\n").encode() + b"\r\n" if said else b"")
            if said[:3] in ("421", "221"):
                return


def but(**says: str) -> Server:
    """As usual, but for these verbs; DOT for the end of the data."""
    return Server(says={("." if verb == "DOT" else verb): said for verb, said in says.items()})


def greets(*banner: bytes | float) -> Server:
    """With this banner."""
    return Server(banner)


LETTER = {"recipient": "probe@example.net"}
STARTTLS = {"security": "starttls"}
OFFER = "250-mail.example\n250-{}\n250 8BITMIME"
SERVERS = (
    Story("good", Server(), "RFC 5321"),
    Story(
        "farewell-silent",
        but(QUIT=SILENT),
        "OpenSMTPD/OpenSMTPD#801, cole/aiosmtplib#346",
    ),
    Story(
        "farewell-silent-after-a-letter",
        but(QUIT=SILENT),
        "OpenSMTPD/OpenSMTPD#801",
        settings=LETTER,
    ),
    Story(
        "farewell-silent-after-refusals",
        but(QUIT=SILENT, EHLO="502 what"),
        "RFC 5321, 3.2 and 4.1.1.10 together",
    ),
    Story("ehlo-504", but(EHLO="504 parameter not implemented"), "RFC 5321, 4.2.2: HELO then"),
    Story(
        "ehlo-550",
        but(EHLO="550 not welcome"),
        "RFC 5321, 3.2: a refusal",
        failed("hello", "smtp:550"),
    ),
    Story(
        "helo-refused",
        but(EHLO="500 what", HELO="550 not welcome"),
        "RFC 5321, 3.2: a refusal",
        failed("hello", "smtp:550"),
    ),
    Story("sender-251", but(MAIL="251 so be it"), FIRST_DIGIT, settings=LETTER),
    Story(
        "data-250",
        but(DATA="250 queued already"),
        "RFC 5321, 4.2.1: no 3yz, so nothing may be sent",
        failed("send", "smtp:250"),
        settings=LETTER,
    ),
    Story("farewell-closes", but(QUIT=CLOSE), "cole/aiosmtplib#346"),
    Story(
        "farewell-silent-and-late",
        Server((PAUSE_SECONDS, b"220 mail.example\r\n"), {"QUIT": SILENT}),
        "all was done in time, and only the farewell goes beyond it",
        settings={"within": "0.6s"},
    ),
    Story("farewell-421", but(QUIT="421 4.4.2 idle"), "RFC 5321, 3.8"),
    Story("farewell-junk", but(QUIT="bye"), "what it says then is nobody's matter"),
    Story(
        "banner-of-three-lines",
        greets(b"220-mail.example\r\n220-no spam here\r\n220 go\r\n"),
        "RFC 5321, 4.2",
    ),
    Story(
        "banner-of-two-codes",
        greets(b"220-mail.example\r\n554 no service\r\n"),
        "RFC 5321, 4.2.1",
        Right("FAILED"),
    ),
    Story("banner-bare", greets(b"220\r\n"), "RFC 5321, 4.2: the text may be left out"),
    Story(
        "banner-after-a-blank-line", greets(b"\r\n220 mail.example\r\n"), "no SMTP", Right("FAILED")
    ),
    Story(
        "banner-slow",
        greets(b"220-wait a moment\r\n", PAUSE_SECONDS, b"220 mail.example\r\n"),
        "a tarpit's delay",
    ),
    Story("banner-421", greets(b"421 4.3.2 try later\r\n"), "RFC 5321, 3.8", Right("FAILED")),
    Story("banner-line-feed", greets(b"220 mail.example\n"), "in the field"),
    Story("banner-latin1", greets(b"220 caf\xe9 mail\r\n"), "in the field"),
    Story("ehlo-500", but(EHLO="500 unknown"), "RFC 5321, 3.2: HELO then"),
    Story("ehlo-502", but(EHLO="502 not implemented"), "RFC 5321, 3.2: HELO then"),
    Story("ehlo-last-line-bare", but(EHLO="250-mail.example\n250-STARTTLS\n250"), "RFC 5321, 4.2"),
    Story("recipient-252", but(RCPT="252 cannot verify, will try"), FIRST_DIGIT, settings=LETTER),
    Story("recipient-251", but(RCPT="251 will forward"), FIRST_DIGIT, settings=LETTER),
    Story(
        "recipient-451",
        but(RCPT="451 4.7.1 greylisted"),
        "RFC 6647",
        Right("FAILED"),
        settings=LETTER,
    ),
    Story("dot-251", but(DOT="251 queued"), FIRST_DIGIT, settings=LETTER),
    Story(
        "dot-421", but(DOT="421 4.3.0 closing"), "RFC 5321, 3.8", Right("FAILED"), settings=LETTER
    ),
    Story(
        "sender-552",
        but(MAIL="552 5.3.4 message too big"),
        "RFC 1870",
        Right("FAILED"),
        settings=LETTER,
    ),
    Story("starttls-stripped", Server(), "RFC 3207, 6", Right("FAILED"), settings=STARTTLS),
    Story(
        "starttls-masked",
        but(EHLO=OFFER.format("XXXXXXXA")),
        "a firewall's fixup",
        Right("FAILED"),
        settings=STARTTLS,
    ),
    Story(
        "starttls-and-a-blank",
        but(EHLO=OFFER.format("STARTTLS "), STARTTLS="454 not now"),
        "a blank at the end of a line",
        failed("", "smtp:454"),
        settings=STARTTLS,
    ),
    Story(
        "starttls-in-small-letters",
        but(EHLO=OFFER.format("starttls"), STARTTLS="454 not now"),
        "RFC 5321, 2.4",
        failed("", "smtp:454"),
        settings=STARTTLS,
    ),
)


@pytest.mark.parametrize("story", told(SERVERS))
async def test_a_mail_server_is_judged_by_what_it_takes(tmp_path: Path, story: Story) -> None:
    server: Server = story.far
    async with listening(server.talk) as port:
        settings = {"security": "none", "within": "3s", **story.settings}
        seen = await once(tmp_path, "smtp", host="127.0.0.1", port=port, **settings)
    comes_out(seen, story)


# -- the mailbox that a letter arrives in ----------------------------------------------------------


@dataclass(frozen=True)
class Mailbox:
    """An IMAP server, and how it differs."""

    hello: str = "* OK ready"
    able: str = "IMAP4rev1 UIDPLUS"
    go_on: str = "+ "
    selected: str = ""
    before: str = ""
    done: str = "OK"
    found: Callable[[list[str]], str] = lambda numbers: ("* SEARCH " + " ".join(numbers)).rstrip()

    def talk(self, letters: list[str]) -> Talk:
        """What a connection is told about these letters."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(self.hello.encode() + b"\r\n")
            proving = ""
            while line := (await reader.readline()).decode().rstrip("\r\n"):
                tag, _, text = line.partition(" ")
                if proving:
                    tag, proving, out = proving, "", ""
                elif text.upper().startswith("AUTHENTICATE"):
                    proving = tag
                    writer.write(f"{self.go_on}\r\n".encode())
                    continue
                elif text.upper().startswith("LOGIN") and "LOGINDISABLED" in self.able:
                    writer.write(f"{tag} BAD invalid state\r\n".encode())
                    continue
                else:
                    out = self.said(text, letters)
                writer.write(f"{self.before}{out}{tag} {self.done} done\r\n".encode())

        return talk

    def said(self, text: str, letters: list[str]) -> str:
        """What comes before the end of a command."""
        told = text.upper()
        if told.startswith("CAPABILITY"):
            return f"* CAPABILITY {self.able}\r\n"
        if told.startswith("SELECT"):
            return "* 3 EXISTS\r\n* OK [UNSEEN 1] x\r\n" + self.selected
        if told.startswith("UID SEARCH HEADER MESSAGE-ID"):
            number = text.split('"')[1]
            return (
                self.found([str(n) for n, letter in enumerate(letters, 1) if number in letter])
                + "\r\n"
            )
        if told.startswith("UID SEARCH"):
            return "* SEARCH\r\n"
        return "* 1 FETCH (UID 1 FLAGS (\\Deleted))\r\n" if told.startswith("UID STORE") else ""


def as_esearch(numbers: list[str]) -> str:
    return f'* ESEARCH (TAG "x") UID ALL {",".join(numbers)}' if numbers else "* ESEARCH"


def line_by_line(numbers: list[str]) -> str:
    return "\r\n".join(["* SEARCH", *(f"* SEARCH {number}" for number in numbers)])


MAILBOXES = (
    Story("good", Mailbox(), "RFC 3501"),
    Story(
        "preauth",
        Mailbox(hello="* PREAUTH ready"),
        "RFC 3501, 7.1.4",
    ),
    Story("hello-alert", Mailbox(hello="* OK [ALERT] maintenance on Sunday"), "RFC 3501, 7.1"),
    Story("hello-bye", Mailbox(hello="* BYE too many"), "RFC 3501, 7.1.5", failed("", "imap:bye")),
    Story("auth-plain", Mailbox(able="IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS"), "RFC 4959"),
    Story(
        "go-on-without-blank",
        Mailbox(able="IMAP4rev1 AUTH=PLAIN", go_on="+"),
        "RFC 3501, 7.5: in the field",
    ),
    Story(
        "esearch",
        Mailbox(found=as_esearch),
        "RFC 9051, 7.3.4: IMAP4rev2 answers so",
    ),
    Story(
        "esearch-in-ranges",
        Mailbox(found=lambda n: f'* ESEARCH (TAG "x") UID ALL {n[0]}:{n[0]}' if n else "* ESEARCH"),
        "RFC 9051, 9: a set has ranges",
    ),
    Story(
        "esearch-without-any",
        Mailbox(found=lambda n: '* ESEARCH (TAG "x") UID COUNT 1'),
        "RFC 9051, 7.3.4: a count is no mail",
        failed("arrive", "not-arrived"),
    ),
    Story("preauth-in-small-letters", Mailbox(hello="* preauth in already"), "RFC 3501, 9"),
    Story(
        "hello-no",
        Mailbox(hello="* NO not you"),
        "RFC 9051, 7.1.5: no greeting",
        failed("", "bad-peer"),
    ),
    Story(
        "search-in-small-letters", Mailbox(found=lambda n: "* search " + " ".join(n)), "RFC 3501, 9"
    ),
    Story("search-line-by-line", Mailbox(found=line_by_line), "in the field"),
    Story(
        "search-with-modseq",
        Mailbox(found=lambda n: f"* SEARCH {' '.join(n)}{' (MODSEQ 9)' * bool(n)}"),
        "RFC 7162",
    ),
    Story(
        "search-with-nonsense",
        Mailbox(found=lambda n: "* SEARCH 0 -1 x " + " ".join(n)),
        "no message numbers",
    ),
    Story(
        "unasked-lines",
        Mailbox(before="* OK still here\r\n* 4 EXISTS\r\n* 0 RECENT\r\n"),
        "RFC 3501, 5.2",
    ),
    Story("literal-between", Mailbox(before='* LIST () "/" {5}\r\nIN\r\nX \r\n'), "RFC 3501, 4.3"),
    Story(
        "bye-later", Mailbox(selected="* BYE going down\r\n"), "RFC 3501, 7.1.5", Right("FAILED")
    ),
    Story("no-uidplus", Mailbox(able="IMAP4rev1"), "RFC 4315"),
    Story("over-quota", Mailbox(before="* NO [ALERT] 95% full\r\n"), "RFC 9051, 7.1.2"),
    Story("expunged-beside", Mailbox(before="* 1 EXPUNGE\r\n"), "RFC 9051, 7.5.1"),
    Story("literal-of-its-own-kind", Mailbox(before="* LIST () x ~{3+}\r\nABC\r\n"), "RFC 3516"),
    Story(
        "searched-twice",
        Mailbox(found=lambda n: "* SEARCH\r\n* SEARCH " + " ".join(n)),
        "an answer in two lines",
    ),
    Story(
        "search-and-a-blank",
        Mailbox(found=lambda n: f"* SEARCH {' '.join(n)} "),
        "djc/imap-proto#34: also where nothing was found",
    ),
    Story(
        "esearch-with-modseq",
        Mailbox(
            found=lambda n: f'* ESEARCH (TAG "x") UID{" ALL " * bool(n)}{",".join(n)} (MODSEQ 9)'
        ),
        "jstedfast/MailKit#323: in parentheses, which the grammar does not have",
    ),
    Story(
        "hello-in-brackets",
        Mailbox(hello="* OK System IMap Server Ready(163com[8db726ec93e9d4e3]) [ALERT"),
        "twisted/twisted#6307: no capabilities",
    ),
    Story(
        "code-of-its-own",
        Mailbox(selected="* OK [Flags (\\Seen)] x\r\n* FLAGS (\\Seen $x)\r\n"),
        "jstedfast/MailKit#1589",
    ),
    Story(
        "no-in-a-literal",
        Mailbox(before="* 1 FETCH (BODY[HEADER] {19}\r\nX-Spam-Flag: NO\r\n\r\n)\r\n"),
        "huacnlee/omamail#74: a header that looks like an answer",
    ),
    Story(
        "words-at-the-end",
        Mailbox(done="OK SEARCH completed (took 237 ms) 1 2 3"),
        "moralmunky/Home-Assistant-Mail-And-Packages#1265",
    ),
    Story("end-in-small-letters", Mailbox(done="ok"), "RFC 3501, 9"),
    Story("read-only", Mailbox(selected="* OK [READ-ONLY] x\r\n"), "RFC 3501, 7.1"),
)


@asynccontextmanager
async def post_office(mailbox: Mailbox) -> AsyncIterator[dict[str, Any]]:
    """A server that takes a letter, and the mailbox that it lies in; yields the settings of a
    check.
    """
    letters: list[str] = []

    async def takes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 m\r\n")
        while verb := (await reader.readline()).split()[:1]:
            if verb == [b"DATA"]:
                writer.write(b"354 go\r\n")
                letters.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            writer.write(b"221 bye\r\n" if verb == [b"QUIT"] else b"250 ok\r\n")

    async with listening(takes) as port, listening(mailbox.talk(letters)) as imap:
        secret = {"environment": "REVEILLE_TEST_SECRET"}
        box = {
            "host": "127.0.0.1",
            "port": imap,
            "security": "none",
            "user": "p",
            "password": secret,
        }
        yield {
            "host": "127.0.0.1",
            "port": port,
            "security": "none",
            "recipient": "p@example.net",
            "mailbox": box,
        }


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", "secret1")


@pytest.mark.parametrize("story", told(MAILBOXES))
async def test_a_letter_has_arrived_when_it_is_there(tmp_path: Path, story: Story) -> None:
    async with post_office(story.far) as settings:
        seen = await once(tmp_path, "smtp", within="2s", arrive_within="1s", **settings)
    comes_out(seen, story)


async def test_what_a_mailbox_offers_may_stand_in_several_lines(tmp_path: Path) -> None:
    """The mail is expunged where UIDPLUS is offered in the second."""
    async with post_office(Mailbox(able="IMAP4rev1\r\n* CAPABILITY AUTH=PLAIN UIDPLUS")) as there:
        seen = await once(tmp_path, "smtp", **there)
    assert str(seen.verdict.state) == "OK", in_short(seen)
    assert not any("UIDPLUS" in note for note in seen.observation.notes)


async def test_a_log_in_that_is_forbidden_is_told_as_such(tmp_path: Path) -> None:
    """RFC 3501, 6.2.3: LOGINDISABLED; atc0005/check-mail#321, emersion/go-imap#561."""
    async with post_office(Mailbox(able="IMAP4rev1 LOGINDISABLED STARTTLS")) as settings:
        seen = await once(tmp_path, "smtp", within="2s", arrive_within="1s", **settings)
    assert seen.verdict.fault is not None and "invalid state" not in seen.verdict.fault.text, (
        seen.verdict.fault
    )
