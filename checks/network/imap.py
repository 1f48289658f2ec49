"""A mailbox that a test mail must reach, or that answers arrive in, by IMAP (RFC 9051; what is used
here is in IMAP4rev1, RFC 3501, too).

    < * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready
    > r1 STARTTLS
    < r1 OK begin TLS
    > r2 CAPABILITY
    < * CAPABILITY IMAP4rev1 AUTH=PLAIN UIDPLUS
    > r3 AUTHENTICATE PLAIN
    < +
    > (user and password in base64)
    < r3 OK logged in
    > r4 SELECT "INBOX"
    < * 3 EXISTS
    < r4 OK [READ-WRITE] selected
    > r5 UID SEARCH HEADER Message-ID "<4be1…@reveille.invalid>"
    < * SEARCH 47
    < r5 OK
    > r6 UID STORE 47 +FLAGS.SILENT (\\Deleted)
    < r6 OK
    > r7 UID EXPUNGE 47
    < r7 OK
    > r8 UID FETCH 48 (BODY.PEEK[]<0.65536>)       an answer, in a mailbox of its own
    < * 2 FETCH (UID 48 BODY[]<0> {2048}
    < (so many bytes)
    < )
    < r8 OK

Rules: only mails of our own are taken away, found by a header that nobody else writes; without
UIDPLUS (RFC 4315) they are marked and not expunged, since a plain EXPUNGE would take what others
have marked; reading an answer changes nothing, and marking it as read is asked for by itself; a
literal is bounded, be it the mail that was asked for or one that nobody asked for.
"""

from __future__ import annotations

import asyncio
import base64
import re
from itertools import islice
from typing import Literal

from pydantic import Field

from checks.contract import CannotTell, Failed
from checks.network.starttls import greeted
from checks.settings import ReadableFile, Secret, Settings
from checks.transport.host_port import Host
from checks.transport.line_protocol import Conversation
from checks.transport.tls import trusting

Security = Literal["starttls", "tls", "none"]
# Marks every mail that was sent by a check: the search for leftovers matches it and so can never
# touch a person's mail.
HEADER = "X-Reveille-Probe"
# RFC 9051 section 4.3: a string may come as {length}, a line end, and so many bytes; with + where
# the other side does not wait.
_LITERAL = re.compile(r"\{(\d{1,9})\+?\}$")
# A number or a range of a set (RFC 9051 section 9), of 32 bits.
_SPAN = re.compile(r"([0-9]{1,10})(?::([0-9]{1,10}))?")
# Beyond this somebody else uses the mailbox, and more UIDs would not fit into a command line
# either.
_MOST_FOUND = 1000
# Soon at first, so that a fast delivery is measured well; then rarer, since greylisting takes
# minutes and a server may count the commands.
_POLL_SECONDS = 0.25
_SLOWEST_POLL_SECONDS = 2.0


class Mailbox(Settings):
    """Where the test mail must arrive, and how to look there."""

    host: Host = Field(min_length=1, examples=["imap.example.net"])
    """host name or address of the IMAP server"""
    port: int = Field(default=993, ge=1, le=65535)
    """its port"""
    security: Security = "tls"
    """how TLS begins: at once (tls, port 993), when asked for (starttls, port 143), or never
    (none)
    """
    user: str = Field(min_length=1, examples=["probe@example.net"])
    """the account"""
    password: Secret
    """its password, by reference"""
    folder: str = Field(default="INBOX", pattern=r'^[^"\\\x00-\x1f\x7f-\U0010ffff]{1,200}$')
    """the folder that mail arrives in"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust; without it the system's"""


class Imap:
    """A mailbox that is open."""

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk
        self._number = 0
        self._offered = ""

    @classmethod
    async def open(cls, box: Mailbox) -> Imap:
        """Connect, log in and select. Raises Failed, CannotTell."""
        password = revealed(box.password)
        talk = await Conversation.open(box.host, box.port)
        talk.keep_secret(password)
        imap = cls(talk)
        try:
            if not await imap._begin(box):
                await imap._log_in(box.user, password)
            # Asked after the login: RFC 9051 section 6.2 lets a server offer more (or other
            # things) once it knows the user.
            imap._offered = await imap._capabilities()
            await imap._command(f'SELECT "{box.folder}"')
        except BaseException:
            await talk.close()
            raise
        return imap

    async def find(self, message_id: str) -> str:
        """Look for a mail until it is there, for ever if it never comes; returns its UID."""
        pause = _POLL_SECONDS
        while not (found := await self._search(f'HEADER Message-ID "{message_id}"')):
            await asyncio.sleep(pause)
            pause = min(2 * pause, _SLOWEST_POLL_SECONDS)
            # RFC 9051 section 6.1.2: NOOP lets the server tell of new mail; without it some servers
            # search the mailbox as it was when it was selected.
            await self._command("NOOP")
        return found[0]

    async def having(self, header: str, value: str) -> list[str]:
        """The UIDs of mails with a text in a header, in their order; asked once, and nothing is
        changed.
        """
        return await self._search(f'UNDELETED HEADER {header} "{value}"')

    async def renew(self) -> None:
        """Have the server tell of new mail (RFC 9051 section 6.1.2)."""
        await self._command("NOOP")

    async def delete(self, *uids: str) -> bool:
        """Take mails away; False if they could only be marked as deleted."""
        these = ",".join(uids)
        await self._command(f"UID STORE {these} +FLAGS.SILENT (\\Deleted)")
        # It is an extension, and older servers do not offer it. The mark alone hides the mail from
        # the next search (UNDELETED).
        if "UIDPLUS" not in self._offered.split():
            return False
        await self._command(f"UID EXPUNGE {these}")
        return True

    async def left_over(self, before: str) -> list[str]:
        """The UIDs of test mails that came too late, from before a day ("22-Nov-2026")."""
        # BEFORE compares the date of arrival without its time (RFC 9051 section 6.4.4): a mail of
        # today is still awaited by another attempt perhaps.
        return await self._search(f"UNDELETED BEFORE {before} HEADER {HEADER} mail")

    async def unread(self) -> list[str]:
        """The UIDs of mails that nobody has read, in their order."""
        return await self._search("UNSEEN UNDELETED")

    async def fetch(self, uid: str, most_bytes: int) -> bytes:
        """The beginning of a mail, which stays unread (RFC 9051 section 6.4.5)."""
        contents = list[bytes]()
        await self._command(f"UID FETCH {uid} (BODY.PEEK[]<0.{most_bytes}>)", contents=contents)
        return contents[-1] if contents else b""

    async def mark_read(self, uid: str) -> None:
        """It is not found among the unread any more."""
        await self._command(f"UID STORE {uid} +FLAGS.SILENT (\\Seen)")

    async def close(self) -> None:
        """Break off: nothing is left to be said."""
        await self._talk.close()

    async def _begin(self, box: Mailbox) -> bool:
        """From the connection to a session; whether it is logged in already."""
        if box.security == "tls":
            await self._secure(box)
        known = await greeted(self._talk)
        if box.security == "starttls":
            if known:
                raise Failed("no-starttls", "logged in from the start (PREAUTH): TLS is too late")
            await self._command("STARTTLS")
            await self._secure(box)
        return known

    async def _secure(self, box: Mailbox) -> None:
        await self._talk.start_tls(trusting(box.trusted_certificates), box.host)

    async def _log_in(self, user: str, password: str) -> None:
        offered = (await self._capabilities()).split()
        if "AUTH=PLAIN" in offered:
            secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            self._talk.keep_secret(secret)
            await self._command("AUTHENTICATE PLAIN", secret)
        # RFC 9051 section 6.2.3: then LOGIN must not even be tried, and the password stays here.
        elif "LOGINDISABLED" in offered:
            why = "asks for TLS first" if "STARTTLS" in offered else "offers no AUTH=PLAIN"
            raise Failed("no-login", f"the server forbids LOGIN (LOGINDISABLED), and {why}")
        else:
            await self._command(f"LOGIN {_quoted(user)} {_quoted(password)}")

    async def _capabilities(self) -> str:
        told = await self._command("CAPABILITY")
        # RFC 9051 section 6.1.1 has one line; a server that writes several means all of them.
        return " ".join(line.upper() for line in told if line.upper().startswith("* CAPABILITY"))

    async def _search(self, criteria: str) -> list[str]:
        told = await self._command(f"UID SEARCH {criteria}")
        return list(islice((uid for line in told for uid in _found(line)), _MOST_FOUND))

    async def _command(
        self, command: str, continued: str | None = None, contents: list[bytes] | None = None
    ) -> list[str]:
        """Send a command; what was said untagged until its answer, the literals in it added to
        `contents`. Raises Failed unless the answer is OK.
        """
        self._number += 1
        tag = f"r{self._number}"
        self._talk.say(f"{tag} {command}")
        told: list[str] = []
        while not (line := await self._whole_line(contents)).startswith(f"{tag} "):
            # RFC 9051 section 7.6: only now the server is ready for the password; sent earlier, a
            # server without the mechanism would read it as a command, and log it.
            if line.startswith("+") and continued is not None:
                self._talk.say(continued)
            elif line.upper().startswith("* BYE"):
                raise Failed("imap:bye", self._talk.shown(line))
            else:
                told.append(line)
        status, _, text = line.removeprefix(f"{tag} ").partition(" ")
        if status.upper() != "OK":
            raise Failed(
                f"imap:{'bad' if status.upper() == 'BAD' else 'no'}", self._talk.shown(text)
            )
        return told

    async def _whole_line(self, contents: list[bytes] | None) -> str:
        """A line with the literals in it, which are added to `contents` as they came."""
        parts, line = list[str](), await self._talk.line()
        # Only what came last is looked through: a far end may put a literal of nothing after a
        # literal of nothing, two hundred thousand of them.
        while literal := _LITERAL.search(line):
            content = await self._talk.exactly(int(literal[1]))
            if contents is not None:
                contents.append(content)
            parts += [line[: literal.start()], repr(content.decode("utf-8", "replace"))]
            line = await self._talk.line()
        return "".join((*parts, line))


def _found(line: str) -> list[str]:
    """The numbers in an answer to a search: `* SEARCH 2 5`, or `* ESEARCH (TAG "r5") UID ALL 2,5:7`
    as IMAP4rev2 has it (RFC 9051 sections 7.3.4 and 9).
    """
    words = line.upper().split()
    if words[:2] == ["*", "SEARCH"]:
        return [word for word in words[2:] if word.isascii() and word.isdigit()]
    if words[:2] != ["*", "ESEARCH"] or "ALL" not in words[:-1]:
        return []
    spans = _SPAN.findall(words[words.index("ALL") + 1])
    # A set may name a range that is endless: no more is counted than is wanted.
    counted = (
        range(int(first), min(int(last or first), int(first) + _MOST_FOUND) + 1)
        for first, last in spans[:_MOST_FOUND]
    )
    return [str(number) for span in counted for number in span][:_MOST_FOUND]


def revealed(secret: Secret) -> str:
    """A secret, or nothing can be known."""
    try:
        return secret.reveal()
    except LookupError as missing:
        raise CannotTell(str(missing)) from missing


def _quoted(text: str) -> str:
    """A quoted string (RFC 9051, section 4.3)."""
    if any(sign in text for sign in "\r\n\0") or not text.isascii():
        raise CannotTell("the server takes no user or password but in plain ASCII")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
