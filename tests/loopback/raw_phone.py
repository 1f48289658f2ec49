"""A telephone made of one UDP socket for SIP and one for RTP: says exactly what a test tells it to
say.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from types import TracebackType
from typing import Any, Self

from sipmessage import AuthCredentials, AuthParameters, Message, Request, Response

from lab.pbx.registrar import digest

OFFER = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {port} RTP/AVP {codecs}
a=rtpmap:101 telephone-event/8000
"""


class _Socket(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()
        self.moments: list[float] = []
        self.all: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.moments.append(asyncio.get_running_loop().time())
        self.all.append(data)
        self.came.put_nowait(data)


class RawPhone:
    """`async with RawPhone(port) as phone`: one call at most."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.pbx = (host, port)
        self.call_id, self.tag = secrets.token_hex(8), secrets.token_hex(4)
        self.branch = "z9hG4bK" + secrets.token_hex(6)
        self.to_tag = ""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        _, self.sip = await loop.create_datagram_endpoint(_Socket, ("127.0.0.1", 0))
        _, self.rtp = await loop.create_datagram_endpoint(_Socket, ("127.0.0.1", 0))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.sip.transport.close()
        self.rtp.transport.close()

    def text(
        self, method: str, *more: str, number: str = "8000", sequence: int = 1, body: str = ""
    ) -> bytes:
        """One request; `more` are header lines."""
        to = f"<sip:{number}@127.0.0.1:{self.pbx[1]}>"
        content = body.replace("\n", "\r\n").encode()
        lines = [
            f"{method} sip:{number}@127.0.0.1:{self.pbx[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.sip.port};branch={self.branch}-{sequence};rport",
            "Max-Forwards: 70",
            f"From: <sip:raw@127.0.0.1>;tag={self.tag}",
            f"To: {to}" + (f";tag={self.to_tag}" if self.to_tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:raw@127.0.0.1:{self.sip.port}>",
            *more,
            f"Content-Length: {len(content)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + content

    def invite(self, *more: str, codecs: str = "8 0 101", number: str = "8000") -> bytes:
        """An INVITE with an offer."""
        body = OFFER.format(port=self.rtp.port, codecs=codecs)
        return self.text("INVITE", "Content-Type: application/sdp", *more, number=number, body=body)

    def say(self, data: bytes) -> None:
        self.sip.transport.sendto(data, self.pbx)

    async def next(self, within: float = 5.0) -> Request | Response:
        return Message.parse(await asyncio.wait_for(self.sip.came.get(), within))

    async def response(self, least: int = 200, within: float = 15.0) -> Response:
        """The next response with at least this status."""
        async with asyncio.timeout(within):
            while True:
                message = await self.next(within)
                if isinstance(message, Response) and message.code >= least:
                    self.to_tag = message.to_address.parameters.get("tag") or ""
                    return message

    async def request(self, method: str, within: float = 15.0) -> Request:
        """The next request of this method, answered with 200."""
        async with asyncio.timeout(within):
            while True:
                message = await self.next(within)
                if isinstance(message, Request) and message.method == method:
                    self.answer(message)
                    return message

    def answer(self, request: Request, status: str = "200 OK", *more: str, body: str = "") -> None:
        content = body.replace("\n", "\r\n").encode()
        lines = [f"SIP/2.0 {status}", *(f"Via: {via}" for via in request.headers.getlist("Via"))]
        kept = (
            ("From", "Call-ID", "CSeq")
            if any(line.startswith("To:") for line in more)
            else ("From", "To", "Call-ID", "CSeq")
        )
        lines += [f"{name}: {request.headers[name]}" for name in kept]
        self.say(
            "\r\n".join([*lines, *more, f"Content-Length: {len(content)}", "", ""]).encode()
            + content
        )

    async def call(self, *more: str) -> Response:
        """INVITE, 200, ACK."""
        self.say(self.invite(*more))
        answered = await self.response()
        if answered.code == 200:
            self.say(self.text("ACK"))
        return answered

    async def register(self, user: str, password: str) -> Response:
        """REGISTER with digest; the final answer."""
        register = self.text("REGISTER", "Expires: 60", number=user).replace(
            b"<sip:raw@127.0.0.1>", f"<sip:{user}@x>".encode()
        )
        self.say(register)
        challenge = (await self.response()).www_authenticate
        assert challenge
        given = AuthParameters(
            username=user,
            realm=challenge.parameters["realm"],
            nonce=challenge.parameters["nonce"],
            uri="sip:x",
        )
        right = digest(user, given["realm"], password, "REGISTER", given)
        proof = AuthCredentials("Digest", given.replace(response=right))
        self.to_tag = ""
        again = self.text(
            "REGISTER", "Expires: 60", f"Authorization: {proof}", number=user, sequence=2
        )
        self.say(again.replace(b"<sip:raw@127.0.0.1>", f"<sip:{user}@x>".encode()))
        return await self.response()

    async def rung(self, within: float = 10.0) -> Request:
        """The INVITE that makes it ring; it rings."""
        async with asyncio.timeout(within):
            while True:
                message = await self.next(within)
                if isinstance(message, Request) and message.method == "INVITE":
                    self.answer(message, "180 Ringing")
                    return message

    def pick_up(self, invite: Request, codecs: str) -> None:
        """Answer the call."""
        tag = f"To: {invite.headers['To']};tag={self.tag}"
        contact = f"Contact: <sip:raw@127.0.0.1:{self.sip.port}>"
        body = OFFER.format(port=self.rtp.port, codecs=codecs)
        self.answer(invite, "200 OK", tag, contact, "Content-Type: application/sdp", body=body)

    def key_packets(self, pbx_port: int, key: int, timestamp: int, ends: int = 3) -> None:
        """One key as RFC 4733 has it: its end comes three times."""
        for number in range(3 + ends):
            payload = struct.pack("!BBH", key, 0x80 | 10 if number >= 3 else 10, 160 * (number + 1))
            header = struct.pack("!BBHII", 0x80, 101, 100 + number, timestamp, 7)
            self.rtp.transport.sendto(header + payload, ("127.0.0.1", pbx_port))


def media_port(answer: Request | Response) -> int:
    """The port in a message's SDP."""
    return int(answer.body.split(b"m=audio ")[1].split(b" ")[0])
