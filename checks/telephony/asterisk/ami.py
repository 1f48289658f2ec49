"""Asterisk's manager interface (AMI): log in, run an action, take its list of events.

    < Asterisk Call Manager/5.0.2
    > Action: Challenge            AuthType: MD5
    < Response: Success            Challenge: 113543555
    > Action: Login                Username: reveille   AuthType: MD5   Key: md5(challenge + secret)
                                   Events: off
    < Response: Success            Message: Authentication accepted
    > Action: PRIShowSpans         ActionID: …-3
    < Response: Success            EventList: start
    < Event: PRIShowSpans          Span: 1   DChannel: 16   Order: Primary   Active: Yes   Alarm: No
                                   Up: Yes
    < Event: PRIShowSpansComplete  EventList: Complete   ListItems: 1

Rules: the secret itself never goes over the wire. A message belongs to an action by its ActionID
alone; whatever else comes in between is not meant for us. A refused login or a missing right is our
own trouble: CannotTell.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from checks.contract import CannotTell, Failed
from checks.digits import whole
from checks.masking import hide
from checks.transport.connect import opened

Message = Mapping[str, str]
"""one message; header names in lower case, the last of a repeated header"""

# asyncio's own default limit; a longer line is no AMI, and would be kept in memory.
_LONGEST_LINE = 65536
# 200 queues with 100 agents each make 20 000 QueueMember events. No action of Asterisk sends more
# than some tens of headers.
_MOST_EVENTS, _MOST_HEADERS = 20000, 500
_BANNER = "Asterisk Call Manager"
_FAREWELL_SECONDS = 1.0


class UnknownAction(Exception):
    """The PBX has no such action: the module that brings it is not loaded."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One connection, which runs one action at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    version: str

    async def log_in(self, user: str, secret: str) -> None:
        """Log in by challenge and response (MD5). Raises CannotTell if the PBX refuses."""
        challenged = await self._ask("Challenge", AuthType="MD5")
        if challenged.get("response") != "Success":
            raise CannotTell(f"the AMI gives no challenge: {_said(challenged)}")
        # The manager protocol prescribes MD5 here. The challenge makes a recorded login useless,
        # but does not protect the secret from guessing: that is what TLS is for.
        key = hashlib.md5(
            (challenged.get("challenge", "") + secret).encode(), usedforsecurity=False
        ).hexdigest()
        # Whoever reads the ticket could try passwords against it.
        hide(key)
        # Events: off keeps the PBX from sending every call's events to a connection that only
        # asks.
        answer = await self._ask("Login", Username=user, AuthType="MD5", Key=key, Events="off")
        if answer.get("response") != "Success":
            raise CannotTell(f"the AMI refuses the login of {user!r}: {_said(answer)}")

    async def action(self, name: str, **fields: str) -> Message:
        """The response to an action. Raises UnknownAction, CannotTell for a missing right, Failed
        for other errors.
        """
        answer = await self._ask(name, **fields)
        if answer.get("response") in ("Success", "Goodbye"):
            return answer
        said = _said(answer)
        if "unknown command" in said.lower():
            raise UnknownAction(name)
        if "permission denied" in said.lower():
            raise CannotTell(
                f"the AMI user may not run {name}: give it the classes that `manager show command`"
                " names"
            )
        raise Failed("ami-error", f"{name}: {said}")

    async def items(
        self, name: str, event: str | tuple[str, ...], complete: str, **fields: str
    ) -> list[Message]:
        """The events of a list, once it is complete. Raises as `action`, and Failed when items got
        lost.
        """
        identity = _identity()
        answer = await self.action(name, ActionID=identity, **fields)
        found: list[Message] = []
        # chan_sip and chan_pjsip answer "No registrations" and the like, and end no list.
        if answer.get("message", "").lower().startswith("no "):
            return found
        while True:
            message = await self._next(identity)
            if _is(message, complete):
                break
            if any(
                _is(message, wanted) for wanted in ((event,) if isinstance(event, str) else event)
            ):
                found.append(message)
            if len(found) > _MOST_EVENTS:
                raise Failed("bad-peer", f"the list of {name} does not end")
        # Asterisk writes ListItems, or Items in some older actions. A list that lost events would
        # tell that fewer spans are down than are.
        announced = message.get("listitems") or message.get("items")
        if (whole(announced or "") or 0) > len(found):
            raise Failed("bad-peer", f"{name} announces {announced} items and brings {len(found)}")
        return found

    async def log_off(self) -> None:
        """Log off, so that the PBX notes the end of the session. What comes of it decides nothing:
        all that mattered has been said.
        """
        with suppress(OSError, Failed, CannotTell):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self._ask("Logoff")

    async def _ask(self, name: str, **fields: str) -> Message:
        identity = fields.pop("ActionID", "") or _identity()
        lines = [
            f"Action: {name}",
            f"ActionID: {identity}",
            *(f"{key}: {value}" for key, value in fields.items()),
        ]
        self.writer.write("".join(f"{_one_line(line)}\r\n" for line in [*lines, ""]).encode())
        await self.writer.drain()
        while True:
            message = await self._next(identity)
            if "response" in message:
                return message

    async def _next(self, identity: str) -> Message:
        """The next message that belongs to our action; a refusal to parse it has no ActionID."""
        while True:
            message = await self._message()
            # Asterisk answers a request that it cannot parse without an ActionID, and it is ours:
            # this connection asks one thing at a time.
            if message.get("actionid") == identity or (
                "response" in message and "actionid" not in message
            ):
                return message

    async def _message(self) -> Message:
        found: dict[str, str] = {}
        while line := await _line(self.reader):
            name, colon, value = line.partition(":")
            if not colon:
                # A dial plan may write a text of several lines into an event of its own; without a
                # first line that names what it is, it is no message.
                if not found:
                    raise Failed("bad-peer", "what came is not AMI")
                continue
            found[name.strip().lower()] = value.strip()
            if len(found) > _MOST_HEADERS:
                raise Failed("bad-peer", "a message does not end")
        return found


@asynccontextmanager
async def connected(
    host: str, port: int, context: ssl.SSLContext | None = None
) -> AsyncIterator[Interface]:
    """A connection that has shown itself to be an AMI; closed afterwards. Raises Failed, or what
    the socket raised.
    """
    # Without TLS no name is checked; with it the certificate must name the host as configured.
    named = host if context else None
    reader, writer = await asyncio.open_connection(
        sock=await opened(host, port), ssl=context, server_hostname=named, limit=_LONGEST_LINE
    )
    try:
        banner = await _line(reader)
        if not banner.startswith(_BANNER):
            raise Failed("bad-peer", "there is no Asterisk manager interface at that port")
        yield Interface(reader, writer, banner.partition("/")[2])
    finally:
        # abort, not close: a PBX that has stopped reading would keep a polite close waiting.
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def _line(reader: asyncio.StreamReader) -> str:
    """One line without its end; empty at the end of a message."""
    try:
        raw = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        raise Failed("closed", "the PBX closed the connection") from None
    except asyncio.LimitOverrunError:
        raise Failed("bad-peer", "what came has no end") from None
    return raw.decode("utf-8", "replace").rstrip("\r\n")


def _is(message: Message, event: str) -> bool:
    return message.get("event", "").lower() == event.lower()


def _said(answer: Message) -> str:
    return answer.get("message") or answer.get("response") or "no reason given"


def _one_line(text: str) -> str:
    # A line break in a value would begin a header of its own: the value might name another action.
    # A NUL ends the line for a PBX that is written in C.
    return " ".join(text.replace("\0", " ").splitlines())


def _identity() -> str:
    return "reveille-" + secrets.token_hex(6)
