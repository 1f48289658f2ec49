"""Manager interfaces of Asterisk: banners, farewells, events between, registrations that count down
oddly.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.field.story import Right, Story, comes_out, failed, once, told
from tests.loopback.serving import Talk, listening

CLOSE, RESET, SILENT = "close", "reset", ""
BANNER = b"Asterisk Call Manager/5.0.2\r\n"


def packet(**fields: object) -> str:
    """An answer or an event; ID stands for the action's own."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"


STARTS = packet(
    Response="Success", ActionID="ID", EventList="start", Message="Queue status will follow"
)
PARAMS = packet(
    Event="QueueParams", ActionID="ID", Queue="support", Max=0, Calls=0, Completed=3, Abandoned=1
)


def completed(items: int, how: str = "Complete") -> str:
    """The end of a list."""
    return packet(Event="QueueStatusComplete", ActionID="ID", EventList=how, ListItems=items)


def queue(name: str = "Ann", status: int = 1) -> str:
    """One queue with one member."""
    place = {"Location": "PJSIP/1", "StateInterface": "PJSIP/1"}
    member = packet(
        Event="QueueMember",
        ActionID="ID",
        Queue="support",
        Name=name,
        **place,
        Status=status,
        Paused=0,
    )
    return STARTS + PARAMS + member + completed(2)


def registration(status: str = "Registered", seconds: object = 120) -> str:
    """One outbound registration, as PJSIPShowRegistrationsOutbound lists it."""
    mine = {
        "ObjectType": "registration",
        "ObjectName": "trunk-a",
        "Status": status,
        "NextReg": seconds,
    }
    end = {"EventList": "Complete", "ListItems": 1, "Registered": 1, "NotRegistered": 0}
    return (
        packet(Response="Success", ActionID="ID", EventList="start", Message="Following are Events")
        + packet(Event="OutboundRegistrationDetail", ActionID="ID", **mine)
        + packet(Event="AuthDetail", ActionID="ID", ObjectName="a")
        + packet(Event="OutboundRegistrationDetailComplete", ActionID="ID", **end)
    )


PAUSE_SECONDS = 0.2
USUAL = {
    "Challenge": packet(Response="Success", ActionID="ID", Challenge="123"),
    "Login": packet(Response="Success", ActionID="ID", Message="Authentication accepted"),
    "Logoff": packet(Response="Goodbye", ActionID="ID", Message="Thanks for all the fish."),
    "QueueStatus": queue(),
    "PJSIPShowRegistrationsOutbound": registration(),
}
UNKNOWN = packet(Response="Error", ActionID="ID", Message="Invalid/unknown command")


@dataclass(frozen=True)
class Interface:
    """A banner in pieces, and what is said otherwise than usual."""

    banner: tuple[bytes | float, ...] = (BANNER,)
    says: Mapping[str, str] = field(default_factory=dict)

    def talk(self) -> Talk:
        """What a connection is told."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for piece in self.banner:
                await asyncio.sleep(piece) if isinstance(piece, float) else writer.write(piece)
                await writer.drain()
            while block := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(line.split(": ", 1) for line in block.decode().strip().split("\r\n"))
                said = {**USUAL, **self.says}.get(fields["Action"], UNKNOWN)
                if said == RESET:
                    connection: socket.socket = writer.get_extra_info("socket")
                    connection.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
                if said in (RESET, CLOSE):
                    return
                writer.write(
                    said.replace("ActionID: ID", f"ActionID: {fields.get('ActionID', '')}").encode(
                        "latin-1"
                    )
                )
                if fields["Action"] == "Logoff" and said:
                    return

        return talk


def but(**says: str) -> Interface:
    """As usual, but for these actions."""
    return Interface(says=says)


def greets(*banner: bytes) -> Interface:
    """With this banner."""
    return Interface(banner)


def registered(status: str = "Registered", seconds: object = 120) -> Interface:
    """Lists its registration so."""
    return but(PJSIPShowRegistrationsOutbound=registration(status, seconds))


BOOTED = packet(
    Event="FullyBooted", Privilege="system,all", Uptime=3, LastReload=3, Status="Fully Booted"
)
OTHER = (
    "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: note\r\nText: first\r\nsecond"
    " line\r\n\r\n"
)
TRACE = "Event: UserEvent\r\nText: at\r\n  main\r\n\tline 3\r\n=== end ===\r\n\r\n"
SHUTDOWN = "\r\n\r\n" + packet(
    Event="Shutdown", Privilege="system,all", Shutdown="Cleanly", Restart="True"
)
RINGS = "app_queue counts who is in an unknown state as available (DAHDI, Local without a hint)"
QUEUES = (
    Story("good", Interface(), "AMI 5.0"),
    Story("farewell-silent", but(Logoff=SILENT), "gawel/panoramisk#66"),
    Story("farewell-closes", but(Logoff=CLOSE), "gawel/panoramisk#66"),
    Story("farewell-resets", but(Logoff=RESET), "gawel/panoramisk#66"),
    Story(
        "farewell-refused",
        but(Logoff=packet(Response="Error", ActionID="ID", Message="no")),
        "whatever it says then",
    ),
    Story("banner-line-feed", greets(b"Asterisk Call Manager/1.1\n"), "Asterisk 1.6"),
    Story("banner-none", greets(b""), "no manager", failed("", "timeout")),
    Story(
        "banner-of-a-proxy", greets(b"OpenPBX Call Manager/1.0\r\n"), "no Asterisk", Right("FAILED")
    ),
    Story(
        "banner-byte-by-byte", greets(*(bytes([byte]) for byte in BANNER)), "TCP has no messages"
    ),
    Story("booted-after-login", but(Login=USUAL["Login"] + BOOTED), "Asterisk sends it at once"),
    Story(
        "no-queues", but(QueueStatus=STARTS + completed(0)), "not booted, or none", Right("FAILED")
    ),
    Story(
        "other-line-without-colon",
        but(QueueStatus=OTHER + queue()),
        "an event of somebody's dial plan in between",
    ),
    Story("log-of-many-lines", but(QueueStatus=TRACE + queue()), "a dial plan's stack trace"),
    Story("text-only", but(QueueStatus="hello\r\n\r\n" + queue()), "no AMI", Right("FAILED")),
    Story(
        "shutdown-in-the-middle",
        but(QueueStatus=queue()[:180] + SHUTDOWN),
        "a restart",
        Right("FAILED"),
    ),
    Story(
        "list-cancelled",
        but(QueueStatus=STARTS + PARAMS + completed(1, "cancelled")),
        "AMI 5.0",
        Right("FAILED"),
    ),
    Story("latin1-name", but(QueueStatus=queue("J\xfcrgen")), "names are whatever was typed"),
    Story(
        "farewell-silent-and-late",
        Interface((PAUSE_SECONDS, BANNER), {"Logoff": SILENT}),
        "all was told in time, and only the farewell goes beyond it",
        settings={"within": "0.6s"},
    ),
    Story("state-unknown", but(QueueStatus=queue(status=0)), RINGS),
    Story("state-on-hold", but(QueueStatus=queue(status=8)), RINGS),
    Story("state-invalid", but(QueueStatus=queue(status=4)), RINGS, Right("FAILED")),
    Story("state-not-reachable", but(QueueStatus=queue(status=5)), RINGS, Right("FAILED")),
)
REGISTRATIONS = (
    Story("good", Interface(), "res_pjsip_outbound_registration"),
    Story(
        "next-in-the-past",
        registered(seconds=-4000),
        "an hour overdue: no registrar still has it",
        failed("registrations", "not-registered"),
    ),
    Story(
        "overdue-in-words",
        registered("Registered", "(exp. 4000s ago)"),
        "as `pjsip show registrations` has it",
        failed("registrations", "not-registered"),
    ),
    Story(
        "overdue-by-a-minute",
        registered(seconds="-61"),
        "RFC 3261, 17.1.2.2: timer F is over",
        failed("registrations", "not-registered"),
    ),
    Story("just-overdue", registered(seconds=-8), "being renewed"),
    Story("time-unknown", registered(seconds="unknown"), "the status counts"),
    Story("next-now", registered(seconds=0), "just being renewed"),
    Story("rejected", registered("Rejected"), "the trunk is not registered", Right("FAILED")),
    Story("in-capitals", registered("REGISTERED"), "other builds"),
    Story("time-in-words", registered("Registered ", "(exp. 30s ago)"), "the status counts"),
)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", "secret1")


ACCOUNT = {"user": "reveille", "password": {"environment": "REVEILLE_TEST_SECRET"}, "within": "3s"}


@pytest.mark.parametrize("story", told(QUEUES))
async def test_queues_are_read_from_a_manager(tmp_path: Path, story: Story) -> None:
    async with listening(story.far.talk()) as port:
        asked = {"host": f"127.0.0.1:{port}", "seats": 1, **ACCOUNT, **story.settings}
        seen = await once(tmp_path, "queue-state", **asked)
    comes_out(seen, story)


@pytest.mark.parametrize("story", told(REGISTRATIONS))
async def test_registrations_are_read_from_a_manager(tmp_path: Path, story: Story) -> None:
    async with listening(story.far.talk()) as port:
        there = {"host": f"127.0.0.1:{port}", "spans": [], "registrations": "pjsip"}
        seen = await once(tmp_path, "pri-ami", **there, **ACCOUNT)
    comes_out(seen, story)
