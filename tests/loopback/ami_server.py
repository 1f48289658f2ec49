"""A manager interface as Asterisk's speaks (AMI 5): for tests, since Debian 12 has no Asterisk to
ask.

Written from the documentation of the actions and the wire format, not from Asterisk itself: banner,
MD5 challenge, ActionID echoed, lists between `EventList: start` and `…Complete`, and events of
others in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

USER, SECRET = "reveille", "s3cret of the manager"
OTHERS = (
    "Event: VarSet\r\nPrivilege: dialplan,all\r\nChannel: SIP/x\r\nVariable: A\r\nValue: b:"
    " c\r\n\r\n"
)

Row = dict[str, str]

_EVENTS = {
    "PRIShowSpans": ("PRIShowSpans", "PRIShowSpansComplete"),
    "DAHDIShowChannels": ("DAHDIShowChannels", "DAHDIShowChannelsComplete"),
    "PJSIPShowRegistrationsOutbound": (
        "OutboundRegistrationDetail",
        "OutboundRegistrationDetailComplete",
    ),
    "SIPshowregistry": ("RegistryEntry", "RegistrationsComplete"),
    "QueueStatus": ("QueueParams", "QueueStatusComplete"),
}


def d_channel(
    span: int, up: bool = True, alarm: bool = False, order: str = "Primary", number: int = 16
) -> Row:
    """One line of PRIShowSpans."""
    yes = {True: "Yes", False: "No"}
    return {
        "Span": str(span),
        "DChannel": str(number),
        "Order": order,
        "Active": yes[order == "Primary"],
        "Alarm": yes[alarm],
        "Up": yes[up],
    }


def channel(number: int, busy: bool = False, alarm: str = "No Alarm") -> Row:
    """One line of DAHDIShowChannels."""
    call = {"Channel": f"DAHDI/i1/80{number}-{number}", "Uniqueid": f"1.{number}"} if busy else {}
    return {
        "DAHDIChannel": str(number),
        **call,
        "Context": "from-pstn",
        "DND": "Disabled",
        "Alarm": alarm,
    }


def queue(name: str, completed: int = 0, abandoned: int = 0) -> Row:
    """A queue of QueueStatus."""
    return {
        "Queue": name,
        "Strategy": "ringall",
        "Completed": str(completed),
        "Abandoned": str(abandoned),
    }


def member(queue: str, name: str, status: int = 1, paused: bool = False) -> Row:
    """An agent of QueueStatus; 1 is ready, 2 on a call, 5 a phone that is not there."""
    told = {"Status": str(status), "Paused": str(int(paused)), "InCall": "0"}
    return {
        "Event": "QueueMember",
        "Queue": queue,
        "Name": name,
        "StateInterface": f"PJSIP/{name}",
        **told,
    }


def caller(queue: str, waits: int) -> Row:
    """A caller of QueueStatus, waiting for so many seconds."""
    return {
        "Event": "QueueEntry",
        "Queue": queue,
        "Position": "1",
        "Channel": "PJSIP/trunk-1",
        "Wait": str(waits),
    }


@dataclass
class Asterisk:
    """What the PBX tells. `lists`: action -> its rows; an action that is not there is unknown to
    it.
    """

    lists: dict[str, list[Row]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    banner: str = "Asterisk Call Manager/5.0.2\r\n"
    bytes_at_once: int = 10_000
    mute_on: str = ""
    """the action that gets no answer"""
    drop_in: str = ""
    """the list in whose middle the connection ends"""
    promised: int | None = None
    """how many items a list says that it has, where that is a lie"""
    heard: list[Row] = field(default_factory=list)
    port: int = 0

    def with_spans(self, *rows: Row) -> None:
        """A PBX with these D-channels and four channels, one of them busy."""
        self.lists["PRIShowSpans"] = list(rows)
        self.lists["DAHDIShowChannels"] = [
            channel(number, busy=number == 1) for number in range(1, 5)
        ]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._say(writer, self.banner)
            challenge = ""
            while True:
                asked = await self._message(reader)
                self.heard.append(asked)
                action, echo = asked["Action"], f"ActionID: {asked['ActionID']}\r\n"
                if action == self.mute_on:
                    continue
                if action == "Challenge":
                    challenge = "113543555"
                    await self._say(
                        writer, f"Response: Success\r\n{echo}Challenge: {challenge}\r\n\r\n"
                    )
                elif action == "Login":
                    await self._say(writer, self._login(asked, challenge, echo))
                elif action == "Logoff":
                    await self._say(
                        writer,
                        f"Response: Goodbye\r\n{echo}Message: Thanks for all the fish.\r\n\r\n",
                    )
                    break
                else:
                    await self._say(writer, OTHERS + self._list(action, echo))
                    if action == self.drop_in:
                        break
        writer.close()

    def _login(self, asked: Row, challenge: str, echo: str) -> str:
        key = hashlib.md5((challenge + SECRET).encode()).hexdigest()
        if (asked.get("Username"), asked.get("Key")) != (USER, key):
            return f"Response: Error\r\n{echo}Message: Authentication failed\r\n\r\n"
        booted = "Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"
        return f"Response: Success\r\n{echo}Message: Authentication accepted\r\n\r\n{booted}"

    def _list(self, action: str, echo: str) -> str:
        if action in self.forbidden:
            return f"Response: Error\r\n{echo}Message: Permission denied\r\n\r\n"
        if action not in self.lists:
            return (
                f"Response: Error\r\n{echo}Message: Invalid/unknown command: {action}. Use Action:"
                " ListCommands\r\n\r\n"
            )
        event, complete = _EVENTS[action]
        rows = self.lists[action]
        said = f"Response: Success\r\n{echo}EventList: start\r\nMessage: Status will follow\r\n\r\n"
        for row in rows:
            named = {"Event": event, **row}
            said += "".join(f"{k}: {v}\r\n" for k, v in named.items()) + echo + "\r\n" + OTHERS
        if action == self.drop_in:
            return said
        count = len(rows) if self.promised is None else self.promised
        return (
            said + f"Event: {complete}\r\n{echo}EventList: Complete\r\nListItems: {count}\r\nItems:"
            f" {count}\r\n\r\n"
        )

    async def _say(self, writer: asyncio.StreamWriter, text: str) -> None:
        data = text.encode()
        for first in range(0, len(data), self.bytes_at_once):
            writer.write(data[first : first + self.bytes_at_once])
            await writer.drain()
            await asyncio.sleep(0)

    async def _message(self, reader: asyncio.StreamReader) -> Row:
        head = await reader.readuntil(b"\r\n\r\n")
        pairs = (line.partition(": ") for line in head.decode().strip().split("\r\n"))
        return {name: value for name, _, value in pairs}


@asynccontextmanager
async def asterisk(context: ssl.SSLContext | None = None) -> AsyncIterator[Asterisk]:
    """A PBX that listens on a free port."""
    pbx = Asterisk()
    server = await asyncio.start_server(pbx.serve, "127.0.0.1", 0, ssl=context)
    pbx.port = server.sockets[0].getsockname()[1]
    try:
        yield pbx
    finally:
        server.close()
        await server.wait_closed()
