"""From a connection to TLS, for services that begin in the clear: SMTP (RFC 3207) and IMAP (RFC
9051, section 6.2.1).

< 220 mail.example.net ESMTP         < * OK [CAPABILITY IMAP4rev1 STARTTLS] ready
> EHLO [192.0.2.7]                   > a1 STARTTLS
< 250-mail.example.net               < a1 OK begin TLS
< 250 STARTTLS
> STARTTLS
< 220 ready for TLS
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from checks.contract import Failed
from checks.transport.line_protocol import Conversation

# RFC 5321 section 4.2.1: every line has the code; a hyphen after it says that another line comes.
_REPLY = re.compile(r"(\d{3})([ -]?)(.*)")
# An EHLO reply has some 15 lines; a server that goes on for ever is told by this.
_MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP reply: its code, and its lines without it."""

    code: int
    lines: tuple[str, ...]


async def reply(talk: Conversation, *good: int) -> Reply:
    """The next reply (RFC 5321, section 4.2). Raises Failed if its code is not a `good` one."""
    lines: list[str] = []
    while True:
        match = _REPLY.fullmatch(await talk.line())
        if match is None or len(lines) >= _MOST_LINES:
            raise Failed("bad-peer", "what came is no reply of SMTP")
        lines.append(match[3])
        if match[2] != "-":
            break
    code = int(match[1])
    if code not in good:
        raise Failed(f"smtp:{code}", talk.shown(" ".join(lines)))
    return Reply(code, tuple(lines))


async def hello(talk: Conversation, name: str | None = None) -> frozenset[str]:
    """EHLO; what is offered, in capitals. Without a name of ours our address is it (RFC 5321,
    section 4.1.3).
    """
    here = talk.local_address()
    talk.say(f"EHLO {name or ('[IPv6:' if ':' in here else '[') + here + ']'}")
    # The first line of the reply is the server's name, no keyword (RFC 5321 section 4.1.1.1).
    return frozenset(line.upper() for line in (await reply(talk, 250)).lines[1:])


async def agree_on_tls(talk: Conversation, offered: frozenset[str]) -> None:
    """Ask for TLS by STARTTLS, up to the handshake. Raises Failed."""
    if "STARTTLS" not in offered:
        raise Failed("no-starttls", "STARTTLS is not offered")
    talk.say("STARTTLS")
    await reply(talk, 220)


async def begin_smtp(talk: Conversation) -> None:
    """Talk SMTP from the banner to the handshake. Raises Failed."""
    await reply(talk, 220)
    await agree_on_tls(talk, await hello(talk))


async def begin_imap(talk: Conversation) -> None:
    """Talk IMAP from the greeting to the handshake. Raises Failed."""
    greeting = await talk.line()
    if not greeting.upper().startswith("* OK"):
        raise Failed(
            "bad-peer" if not greeting.startswith("* ") else "imap:bye", talk.shown(greeting)
        )
    talk.say("a1 STARTTLS")
    # Untagged lines may come at any time (RFC 9051 section 2.2.2).
    while not (answer := await talk.line()).startswith("a1 "):
        continue
    if not answer.upper().startswith("A1 OK"):
        raise Failed("no-starttls", talk.shown(answer.removeprefix("a1 ")))
