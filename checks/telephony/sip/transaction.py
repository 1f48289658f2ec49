"""One SIP request and its final answer, over UDP, TCP or TLS (RFC 3261 sections 17.1.2 and 18).

    async with asked(target) as far:              # a socket of its own, connected
        answer = await far.ask(request)

Rules: over UDP the request is repeated as the transport demands (timer E); provisional answers,
anothers' answers and requests are no answer, nor is what has not our own Via on top (RFC 3261
sections 17.1.3 and 18.1.2), from wherever it comes. What is not SIP is a fault of the peer
("bad-peer", with what came as an exhibit), never a crash of ours; but for a response that cannot be
read, it is passed over until the time is up, since an answer may follow.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from sipmessage import URI, Request, Response

from checks.contract import Failed, Trace
from checks.telephony.sip.causes import refused
from checks.telephony.sip.framing import Stream, TooLong
from checks.telephony.sip.location import NextHop, Transport
from checks.telephony.sip.malformed import Exhibits, Malformed
from checks.telephony.sip.message import (
    Awaited,
    NotSip,
    as_sent,
    is_like_a_request,
    read,
)
from checks.transport.connect import connect
from checks.transport.datagram import unconnected
from checks.transport.tls import trusting

# Seconds: first and longest pause between repetitions (RFC 3261 section 17.1.2.1, timers T1 and
# T2).
_T1, _T2 = 0.5, 4.0
# An exhibit shows the beginning of what came.
_KEPT_BYTES = 4000
# Words of the far end go into tickets.
_LONGEST_WORDS = 200


@asynccontextmanager
async def asked(hop: NextHop) -> AsyncIterator[Conversation]:
    """A socket to ask over, closed afterwards."""
    conversation = await _connect(hop)
    try:
        yield conversation
    finally:
        await conversation.close()


def refusal(answer: Response) -> Failed:
    """What a final answer that says no means: `sip:503`, or `sip:503/34` where it gives a Q.850
    cause.
    """
    reasons = [reason[:_LONGEST_WORDS] for reason in answer.headers.getlist("Reason")]
    words = answer.phrase[:_LONGEST_WORDS]
    # RFC 3261 section 8.1.3.4: a redirection names where to ask instead. It is told, and not
    # followed: a probe asks whom it was told to ask.
    if 300 <= answer.code < 400 and (there := answer.headers.get("Contact")):
        words = f"{words}, it points to {there[:_LONGEST_WORDS]}"
    return refused(answer.code, words, reasons)


def said(answer: Response, far: Conversation | None = None) -> str:
    """A final answer in a line: "200 OK from Asterisk"; and from where, if not from where it was
    asked.
    """
    server = f" from {answer.server[:_LONGEST_WORDS]}" if answer.server else ""
    server += f", by another road ({far.answered_from})" if far and far.answered_from else ""
    return f"{answer.code} {answer.phrase[:_LONGEST_WORDS]}{server}"


def late(far: Conversation | None, within: float) -> Failed:
    """The fault of a question that got no answer in time."""
    # A far end that answers with nonsense is not silent.
    if far and far.malformed.count:
        return Failed(
            "bad-peer",
            f"nothing within {within:g} s but what is no answer: {far.malformed.kept[0].why}",
        )
    return Failed("timeout", f"nothing within {within:g} s")


async def _connect(hop: NextHop) -> Conversation:
    loop = asyncio.get_running_loop()
    if hop.server.carrier == "udp":
        place = hop.addresses[0]
        _, datagrams = await loop.create_datagram_endpoint(
            lambda: Conversation("udp", place[1]), sock=unconnected(place)
        )
        return datagrams
    stream = _StreamConversation(hop)
    await stream.connect()
    return stream


class Conversation(asyncio.DatagramProtocol):
    """One socket; one question at a time."""

    def __init__(self, carrier: Transport = "udp", far: Any = None) -> None:
        self.carrier = carrier
        self.answered_from = ""
        """from where the final answer came, if not from where the question went"""
        self._far = far
        self.repetitions = 0
        self.malformed = Exhibits()
        self._answer: asyncio.Future[Response] | None = None
        self._awaited = Awaited()
        self._broken: Exception | None = None
        self._transport: asyncio.BaseTransport | None = None
        self._gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def own_address(self, user: str) -> URI:
        """`user` at our own end of the socket, as a SIP address."""
        host, port = self._transport.get_extra_info("sockname")[:2] if self._transport else ("", 0)
        return URI(scheme="sip", user=user, host=f"[{host}]" if ":" in host else host, port=port)

    async def ask(self, question: Request) -> Response:
        """The final answer. Raises Failed, or what the socket raised."""
        if self._broken:
            raise self._broken
        self._answer = asyncio.get_running_loop().create_future()
        self._awaited = Awaited.of(question)
        data, pause = as_sent(question), _T1
        self._say(data)
        # Over TCP and TLS the transport repeats (RFC 3261 section 17.1.2.2).
        while self.carrier == "udp":
            done, _ = await asyncio.wait({self._answer}, timeout=pause)
            if done:
                break
            # Timer E doubles up to T2 (RFC 3261 section 17.1.2.2).
            pause = min(2 * pause, _T2)
            self.repetitions += 1
            self._say(data)
        return await self._answer

    async def close(self) -> None:
        """Close the socket, and wait until it is closed."""
        # An exception that nobody fetches would be logged by asyncio as a bug of ours.
        if self._answer and not self._answer.cancel():
            self._answer.exception()
        if self._transport:
            # abort: a peer that reads no more must not hold the close up.
            cast(asyncio.Transport | asyncio.DatagramTransport, self._transport).abort()
            await self._gone.wait()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        # Far ends send CRLF or a zero byte to keep a NAT's binding alive.
        if data.strip(b"\r\n\0 "):
            self._heard(data, "" if addr[:2] == self._far[:2] else f"{addr[0]}:{addr[1]}")

    def error_received(self, exc: Exception) -> None:
        self._broke(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self._broken = exc or Failed("closed", "the connection was closed before the answer")
        self._broke(self._broken)

    def _say(self, data: bytes) -> None:
        cast(asyncio.DatagramTransport, self._transport).sendto(data, self._far)

    def _heard(self, data: bytes, elsewhere: str = "") -> None:
        """Take one message: the final answer to our question ends it, another's is not meant for
        us. `elsewhere` is from where it came, if not from the far end's own place.
        """
        try:
            came = read(data)
        except NotSip as problem:
            if not elsewhere:
                self._nonsense(data, problem)
            return
        message = came.message
        # An answer to an earlier question of this socket is no answer to this one.
        if not isinstance(message, Response) or not self._awaited.is_meant(came):
            return
        if why := self._awaited.mismatch(came):
            self.keep(data, why)
        elif came.method != self._awaited.method:
            self.keep(data, "it answers a method that was not asked")
            self._broke(
                Failed("bad-peer", f"the answer is to {came.method[:20]}, which was not asked")
            )
        # A 1xx is no answer yet.
        elif message.code >= 200 and self._answer and not self._answer.done():
            self.answered_from = elsewhere
            self._answer.set_result(message)

    def _nonsense(self, data: bytes, problem: NotSip) -> None:
        self.keep(data, str(problem))
        # A malformed request, a STUN packet or a keep-alive of the vendor's own is nobody's answer:
        # ours may still follow. Over a stream nothing can follow what has no form.
        if data.startswith(b"SIP/") or (self.carrier != "udp" and not is_like_a_request(data)):
            self._broke(Failed("bad-peer", f"what came is not SIP: {problem}"))

    def keep(self, data: bytes, why: str) -> None:
        """Keep the beginning of what came, for the exhibit."""
        far = self._far or (self._transport.get_extra_info("peername") if self._transport else None)
        where = ":".join(map(str, far[:2])) if far else "the far end"
        self.malformed.add(
            Malformed(where, why, data[:_KEPT_BYTES].decode("utf-8", "backslashreplace"))
        )

    def exhibit(self, trace: Trace) -> None:
        """Keep what came and was no SIP, if anything did."""
        if self.malformed.count:
            trace.exhibit(
                "bad-peer.txt",
                "text/plain",
                self.malformed.text().encode("utf-8", "backslashreplace"),
            )

    def _broke(self, error: Exception) -> None:
        """Fail the question: it will not be answered."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)


class _StreamConversation(Conversation, asyncio.Protocol):
    """A conversation over TCP or TLS, where a message ends at its Content-Length. A far end may
    close after each answer: then the next question has another connection (RFC 3261 section
    18.1.1).
    """

    def __init__(self, hop: NextHop) -> None:
        super().__init__(hop.server.carrier)
        self._hop = hop
        self._answered = False
        """whether this connection has had a final answer, and nothing was said since"""

    async def connect(self) -> None:
        """Open a connection. Raises Failed, CannotTell, or what TLS raised."""
        context = trusting(self._hop.trusted) if self.carrier == "tls" else None
        self._gone, self._broken, self._answered = asyncio.Event(), None, False
        await asyncio.get_running_loop().create_connection(
            lambda: self,
            sock=await connect(self._hop.addresses),
            ssl=context,
            server_hostname=self._hop.domain if context else None,
        )

    async def ask(self, question: Request) -> Response:
        """The final answer. Raises Failed, or what the socket raised."""
        idle = self._answered
        try:
            answer = await super().ask(question)
        except (Failed, OSError):
            # The close may be on its way while we ask; nothing of an answer has come then.
            if not idle or not self._gone.is_set() or not self._answered:
                raise
            await self.connect()
            answer = await super().ask(question)
        self._answered = True
        return answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._stream = Stream()
        super().connection_made(transport)

    def _say(self, data: bytes) -> None:
        cast(asyncio.Transport, self._transport).write(data)

    def data_received(self, data: bytes) -> None:
        self._answered = self._answered and not data.strip()
        try:
            for message in self._stream.take(data):
                self._heard(message)
        except TooLong as problem:
            self._broke(Failed("bad-peer", str(problem)))
