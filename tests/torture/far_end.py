"""A far end that says, byte for byte, what a story tells it to: one UDP socket for SIP, one RTP
stream of the lab's.

    async def story(far, invite):                 # awaited once for each new INVITE
        far.say(far.answer(invite, "200 OK", body=far.sdp()))

    async with FarEnd(story) as far: ...          # far.port is where it is called

Everything that a story does not touch goes as it should: REGISTER and OPTIONS are granted, BYE and
CANCEL answered. It is written by hand and never parses what it sends, so that nothing is too odd to
be said.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from lab.pbx.rtp import Stream

Story = Callable[["FarEnd", "Asked"], Awaitable[None]]
HOST = "127.0.0.1"
SDP = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {port} RTP/AVP {codecs}
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came, and from where."""

    text: str
    source: tuple[str, int]

    @property
    def method(self) -> str:
        """Of its first line."""
        return self.text.split(" ", 1)[0]

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [
            value.strip()
            for value in re.findall(rf"(?im)^{name}[ \t]*:(.*)$", self.text.split("\r\n\r\n")[0])
        ]

    def one(self, name: str) -> str:
        """The first value; "" where there is none."""
        return next(iter(self.all(name)), "")

    @property
    def key(self) -> tuple[str, str]:
        """What its repetitions share."""
        return self.one("Via"), self.one("CSeq")

    @property
    def contact(self) -> str:
        """The URI of its Contact."""
        found = re.search(r"<([^>]+)>", self.one("Contact"))
        return found[1] if found else self.one("Contact")

    @property
    def media(self) -> tuple[str, int]:
        """Where its offer wants RTP."""
        return HOST, int(self.text.split("m=audio ")[1].split()[0])


async def granted(far: FarEnd, asked: Asked) -> None:
    """200, with the Contact that was given."""
    far.say(
        far.answer(asked, "200 OK", f"Contact: {asked.one('Contact')};expires=60", "Expires: 60")
    )


class FarEnd(asyncio.DatagramProtocol):
    """`async with FarEnd(story) as far`: nothing of it is left afterwards."""

    def __init__(self, invite: Story | None = None, **others: Story) -> None:
        """`others`: method -> its story, as in register=..., options=..."""
        self.stories: dict[str, Story] = {
            "REGISTER": granted,
            "OPTIONS": granted,
            "CANCEL": _cancelled,
            "BYE": _over,
        }
        self.stories |= {method.upper(): story for method, story in others.items()}
        if invite:
            self.stories["INVITE"] = invite
        self.asked: list[Asked] = []
        self.answers: list[bytes] = []
        self.acknowledged, self.hung_up = asyncio.Event(), asyncio.Event()
        self.media = Stream(lambda _key: None)
        self._known: set[tuple[str, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.problems: list[BaseException] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._socket, _ = await loop.create_datagram_endpoint(lambda: self, (HOST, 0))
        self.port: int = self._socket.get_extra_info("sockname")[1]
        await self.media.open(HOST)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.media.close()
        self._socket.close()
        if self.problems and error is None:
            raise self.problems[0]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if data.startswith(b"SIP/2.0"):
            self.answers.append(data)
            return
        asked = Asked(data.decode(errors="replace"), addr)
        if not data.strip() or asked.key in self._known:
            return
        self._known.add(asked.key)
        self.asked.append(asked)
        if asked.method == "ACK":
            self.acknowledged.set()
        elif story := self.stories.get(asked.method):
            task = asyncio.get_running_loop().create_task(self._tell(story, asked))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, story: Story, asked: Asked) -> None:
        try:
            await story(self, asked)
        except (ConnectionError, LookupError, ValueError, TypeError) as problem:
            self.problems.append(problem)

    def error_received(self, exc: Exception) -> None:
        """The other end's socket is closed: its call is over."""

    # --- what it says

    def say(self, data: bytes, to: tuple[str, int] | None = None) -> None:
        """Send a datagram to whoever asked last, or elsewhere."""
        if not self._socket.is_closing():
            self._socket.sendto(data, to or self.asked[-1].source)

    def say_rtp(self, data: bytes, to: tuple[str, int]) -> None:
        """Send a datagram from where our description says that RTP comes from."""
        if not self.media._socket.is_closing():
            self.media._socket.sendto(data, to)

    def answer(
        self,
        asked: Asked,
        status: str,
        *more: str,
        body: str = "",
        tag: str = "far",
        leave_out: Iterable[str] = (),
    ) -> bytes:
        """A response as it should be, with these header lines more and those headers less."""
        to = asked.one("To")
        kept = {
            "From": [asked.one("From")],
            "To": [to if "tag=" in to or status.startswith("100") else f"{to};tag={tag}"],
            "Call-ID": [asked.one("Call-ID")],
            "CSeq": [asked.one("CSeq")],
            "Contact": [f"<sip:far@{HOST}:{self.port}>"] if asked.method == "INVITE" else [],
        }
        named = {"Via": asked.all("Via"), **kept}
        lines = [
            f"{name}: {value}"
            for name, values in named.items()
            if name not in leave_out
            for value in values
        ]
        return written(f"SIP/2.0 {status}", *lines, *more, body=body)

    def sdp(self, codecs: str = "8 101", port: int | None = None) -> str:
        """An answer that describes our stream."""
        return SDP.format(port=self.media.port if port is None else port, codecs=codecs)

    def request(
        self, method: str, invite: Asked, *more: str, tag: str = "far", sequence: int = 1
    ) -> bytes:
        """A request of ours within the dialogue of an INVITE that came."""
        return written(
            f"{method} {invite.contact} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK-{method}-{sequence};rport",
            f"From: {invite.one('To')};tag={tag}",
            f"To: {invite.one('From')}",
            f"Call-ID: {invite.one('Call-ID')}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:far@{HOST}:{self.port}>",
            "Max-Forwards: 70",
            *more,
        )

    async def pick_up(self, invite: Asked, frames: Iterable[bytes] = (), *more: str) -> None:
        """180, 200 with SDP, and these A-law frames once the ACK came."""
        self.say(self.answer(invite, "180 Ringing"))
        self.say(self.answer(invite, "200 OK", *more, body=self.sdp()))
        await self.acknowledged.wait()
        self.play(invite, frames)

    def play(self, invite: Asked, frames: Iterable[bytes]) -> None:
        """Send these A-law frames (b"" is a gap), one each 20 ms."""
        self.media.described(invite.media, "PCMA", 101, True)
        self.media.play(iter(frames))


def written(first: str, *lines: str, body: str = "") -> bytes:
    """A message of these lines; Content-Type and Content-Length follow from the body."""
    content = body.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    typed = (
        ["Content-Type: application/sdp"]
        if body and not any(li.startswith("Content-Type") for li in lines)
        else []
    )
    head = "\r\n".join([first, *lines, *typed, f"Content-Length: {len(content)}", "", ""])
    return head.encode("utf-8", "surrogateescape") + content


async def _over(far: FarEnd, asked: Asked) -> None:
    far.say(far.answer(asked, "200 OK"))
    far.hung_up.set()


async def _cancelled(far: FarEnd, asked: Asked) -> None:
    far.say(far.answer(asked, "200 OK"))
    invite = next((one for one in reversed(far.asked) if one.method == "INVITE"), None)
    if invite:
        far.say(far.answer(invite, "487 Request Terminated"))
