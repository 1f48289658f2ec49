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
_REPLY = re.compile(r"([0-9]{3})([ -]?)(.*)", re.S)
# An EHLO reply has some 15 lines; a server that goes on for ever is told by this.
_MOST_LINES = 200
# Unknown, not implemented, a parameter that is not (RFC 5321 sections 3.2 and 4.2.2).
_NO_EHLO = ("smtp:500", "smtp:502", "smtp:504")


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP reply: its code, and its lines without it."""

    code: int
    lines: tuple[str, ...]


async def reply(talk: Conversation, *good: int) -> Reply:
    """The next reply (RFC 5321, section 4.2). Raises Failed unless its code means the same as a
    `good` one.
    """
    lines: list[str] = []
    while True:
        match = _REPLY.fullmatch(await talk.line())
        if match is None or len(lines) >= _MOST_LINES:
            raise Failed("bad-peer", "what came is no reply of SMTP")
        lines.append(match[3])
        if match[2] != "-":
            break
    code = int(match[1])
    # RFC 5321 section 4.2.1: the first digit tells success from failure, and a client must go by it
    # for every code that it does not know.
    if code // 100 not in {one // 100 for one in good}:
        raise Failed(f"smtp:{code}", talk.shown(" ".join(lines)))
    return Reply(code, tuple(lines))


async def hello(talk: Conversation, name: str | None = None) -> frozenset[str]:
    """EHLO; what is offered, in capitals. Without a name of ours our address is it (RFC 5321,
    section 4.1.3).
    """
    here = talk.local_address()
    own = name or ("[IPv6:" if ":" in here else "[") + here + "]"
    talk.say(f"EHLO {own}")
    try:
        told = await reply(talk, 250)
    except Failed as refused:
        if refused.code not in _NO_EHLO:
            raise
        # RFC 5321 section 3.2: a server that knows no EHLO is greeted by HELO, and offers nothing.
        talk.say(f"HELO {own}")
        await reply(talk, 250)
        return frozenset()
    # The first line of the reply is the server's name, no keyword (RFC 5321 section 4.1.1.1).
    return frozenset(" ".join(line.upper().split()) for line in told.lines[1:])


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


async def greeted(talk: Conversation) -> bool:
    """The greeting of IMAP (RFC 9051 section 7.1): whether we are logged in already. Raises
    Failed.
    """
    greeting = await talk.line()
    words = greeting.upper().split(maxsplit=2)
    if words[:1] != ["*"] or words[1:2] not in (["OK"], ["PREAUTH"], ["BYE"]):
        raise Failed("bad-peer", talk.shown(greeting))
    # "* BYE" instead of a greeting is how a server that is too busy turns clients away.
    if words[1] == "BYE":
        raise Failed("imap:bye", talk.shown(greeting))
    return words[1] == "PREAUTH"


async def begin_imap(talk: Conversation) -> None:
    """Talk IMAP from the greeting to the handshake. Raises Failed."""
    if await greeted(talk):
        # RFC 9051 section 6.2.1: STARTTLS is for who has not logged in yet.
        raise Failed(
            "no-starttls", "we are logged in from the start (PREAUTH), and TLS is too late"
        )
    talk.say("a1 STARTTLS")
    # Untagged lines may come at any time (RFC 9051 section 2.2.2).
    while not (answer := await talk.line()).startswith("a1 "):
        continue
    if not answer.upper().startswith("A1 OK"):
        raise Failed("no-starttls", talk.shown(answer.removeprefix("a1 ")))
