"""Is the trunk's signalling alive? One OPTIONS to a line's registrar, or to a host (RFC 3261 section 11).

    > OPTIONS sip:sip.example.net SIP/2.0
    > Via: SIP/2.0/UDP 192.0.2.7:49152;branch=z9hG4bK5f2c…;rport
    > From: <sip:reveille@192.0.2.7>;tag=9d0e…        > To: <sip:sip.example.net>
    > Call-ID: 4be1…          > CSeq: 1 OPTIONS       > Max-Forwards: 70
    < SIP/2.0 200 OK                                    the trunk is up
    < SIP/2.0 404 Not Found                             so it is: it read the question (see `accept`)
    < SIP/2.0 503 Service Unavailable                   fault sip:503/34 in the stage "answer"
    < Reason: Q.850;cause=34;text="No circuit/channel available"

Rules: over UDP the question is repeated as the transport demands (timer E, RFC 3261 section 17.1.2.2), within the one
attempt; provisional answers are no answer; what is not SIP is a fault of the peer ("bad-peer"), never a crash of ours.
"""

from __future__ import annotations

import asyncio
import errno
import re
import secrets
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, Self, cast

from pydantic import Field, model_validator
from sipmessage import URI, Address, CSeq, Message, Parameters, Request, Response, Via

from checks.contract import CannotTell, Check, Layer, Refused, Trace
from checks.settings import Duration
from checks.telephony.causes import cause_in, name_of
from checks.telephony.line import LineName

_T1, _T2 = 0.5, 4.0
"""seconds: first and longest pause between repetitions (RFC 3261 section 17.1.2.1)"""
_HOST = re.compile(r"^(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\s]+)(?::(?P<port>\d{1,5}))?$")
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d+)", re.IGNORECASE | re.MULTILINE)
_LONGEST_BYTES = 65536
_OUR_OWN = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EACCES, errno.EPERM)
"""what only this host can be blamed for"""

Transport = Literal["udp", "tcp", "tls"]


class SipOptions(Check):
    """Asks a trunk or PBX for its capabilities; a sane final answer proves that its signalling works."""

    KIND: ClassVar[str] = "sip-options"
    LAYER: ClassVar[Layer] = Layer.LINE

    line: LineName | None = None
    """name of the line whose registrar is asked"""
    host: str | None = None
    """host or host:port to ask, where it is no line's"""
    transport: Transport = "udp"
    """how SIP is carried to `host` (a line has its own)"""
    user: str | None = None
    """user part of the address that is asked about; without it the host itself"""
    accept: tuple[int, ...] = (200, 401, 404, 405, 407, 481, 486)
    """final answers that prove the signalling"""
    within: Duration = Field(default=5.0, gt=0)
    """time limit for the whole attempt"""

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.line is None) == (self.host is None):
            raise ValueError("name either a line or a host to ask")
        if not _HOST.match(self._written_host()):
            raise ValueError(f"{self._written_host()!r} is not a host or host:port")
        if wrong := [code for code in self.accept if not 200 <= code <= 699]:
            raise ValueError(f"{wrong[0]} is not a final SIP status; those are 200 to 699")
        return self

    def measures(self) -> Mapping[str, str]:
        """What a trunk tells of itself."""
        return {
            "connect_seconds": "name resolution and, on TCP and TLS, the connection; in seconds",
            "answer_seconds": "from the question to the final answer, in seconds",
            "sip_status": "the final answer's status code",
            "repetitions": "how often the question was repeated over UDP",
            "q850_cause": "the Q.850 cause in the answer's Reason header, where one came",
        }

    def longest_seconds(self) -> float:
        """The time limit, and a little for the closing."""
        return self.within + 2.0

    async def probe(self, trace: Trace) -> None:
        """Ask once."""
        conversation: _Conversation | None = None
        try:
            async with asyncio.timeout(self.within):
                with trace.stage("connect"), _far_faults():
                    conversation = await self._connect()
                with trace.stage("answer"), _far_faults():
                    self._judge(await self._ask(conversation), trace)
        except TimeoutError:
            raise Refused("timeout", f"nothing within {self.within:g} s") from None
        finally:
            if conversation:
                trace.measure("repetitions", conversation.repetitions)
                await conversation.close()

    # --- the conversation

    async def _connect(self) -> _Conversation:
        host, port = self._address()
        loop = asyncio.get_running_loop()
        kind = socket.SOCK_DGRAM if self._carrier() == "udp" else socket.SOCK_STREAM
        found = await loop.getaddrinfo(host, port, type=kind)
        address = found[0][4][:2]
        if kind is socket.SOCK_DGRAM:
            _, datagrams = await loop.create_datagram_endpoint(_Conversation, remote_addr=cast(Any, address))
            return datagrams
        context = self._context() if self._carrier() == "tls" else None
        _, stream = await loop.create_connection(
            _StreamConversation, *address, ssl=context, server_hostname=host if context else None
        )
        return stream

    def _context(self) -> ssl.SSLContext:
        trusted = self.line.trusted_certificates if self.line else None
        context = ssl.create_default_context(cafile=str(trusted) if trusted else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    async def _ask(self, conversation: _Conversation) -> Response:
        question = self._question(*conversation.local())
        data, pause = bytes(question), _T1
        conversation.say(data)
        while self._carrier() == "udp":
            done, _ = await asyncio.wait({conversation.answer}, timeout=pause)
            if done:
                break
            pause = min(2 * pause, _T2)
            conversation.repetitions += 1
            conversation.say(data)
        return await conversation.answer

    def _question(self, host: str, port: int) -> Request:
        asked_host, asked_port = self._address(written=True)
        to = URI(scheme="sip", user=self.user, host=asked_host, port=asked_port or None)
        here = f"[{host}]" if ":" in host else host
        own = URI(scheme="sip", user="reveille", host=here, port=port)
        made = Request("OPTIONS", to)
        branch = Parameters(branch="z9hG4bK" + secrets.token_hex(8), rport=None)
        made.via = [Via(transport=self._carrier().upper(), host=here, port=port, parameters=branch)]
        made.max_forwards = 70
        made.from_address = Address(own, parameters=Parameters(tag=secrets.token_hex(8)))
        made.to_address = Address(to)
        made.call_id = secrets.token_hex(12)
        made.cseq = CSeq(1, "OPTIONS")
        made.contact = [Address(own)]
        made.headers.set("Accept", "application/sdp")
        made.user_agent = "Reveille"
        made.content_length = 0
        return made

    def _judge(self, answer: Response, trace: Trace) -> None:
        trace.measure("sip_status", answer.code)
        trace.note(f"{answer.code} {answer.phrase}" + (f" from {answer.server}" if answer.server else ""))
        cause = cause_in(answer.headers.getlist("Reason"))
        if cause is not None:
            trace.measure("q850_cause", cause)
        if answer.code not in self.accept:
            code = f"sip:{answer.code}" + ("" if cause is None else f"/{cause}")
            raise Refused(code, answer.phrase + ("" if cause is None else f" ({name_of(cause)})"))

    # --- the target

    def _written_host(self) -> str:
        return self.line.registrar if self.line else (self.host or "")

    def _carrier(self) -> Transport:
        return self.line.transport if self.line else self.transport

    def _address(self, written: bool = False) -> tuple[str, int]:
        """Host and port; the port as `written` (0 if it is not), else the one to connect to."""
        match = _HOST.match(self._written_host())
        host = match["host"] if match else ""
        port = int(match["port"] or 0) if match else 0
        if written:
            return host, port
        return host.strip("[]"), port or (5061 if self._carrier() == "tls" else 5060)


class _Conversation(asyncio.DatagramProtocol):
    """One question's socket, connected, so that nobody else's datagrams come in."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.repetitions = 0
        self._call_id = ""
        self._transport: asyncio.BaseTransport | None = None
        self._gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def local(self) -> tuple[str, int]:
        """Our own address."""
        name = self._transport.get_extra_info("sockname") if self._transport else ("", 0)
        return name[0], name[1]

    def say(self, data: bytes) -> None:
        """Send the question (again)."""
        if not self._call_id:
            self._call_id = Message.parse(data).call_id
        cast(asyncio.DatagramTransport, self._transport).sendto(data)

    async def close(self) -> None:
        """Give the socket back."""
        self.answer.cancel()
        if self._transport:
            cast(asyncio.Transport | asyncio.DatagramTransport, self._transport).abort()
            await self._gone.wait()

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002 - the socket is connected
        if data.strip(b"\r\n\0 "):  # else a keep-alive
            self.heard(data)

    def error_received(self, exc: Exception) -> None:
        self.broke(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self.broke(exc or Refused("closed", "the connection was closed before the answer"))

    def heard(self, data: bytes) -> None:
        """Take one message: the final answer to our question ends the conversation, another's is not meant for us."""
        try:
            message = Message.parse(data)
            call_id = message.call_id
        except (ValueError, KeyError):
            self.broke(Refused("bad-peer", "what came is not SIP"))
            return
        if (
            isinstance(message, Response)
            and call_id == self._call_id
            and message.code >= 200
            and not self.answer.done()
        ):
            self.answer.set_result(message)

    def broke(self, error: Exception) -> None:
        """The question will not be answered."""
        if not self.answer.done():
            self.answer.set_exception(error)


class _StreamConversation(_Conversation, asyncio.Protocol):
    """The same over TCP or TLS, where a message ends at its Content-Length."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = b""

    def say(self, data: bytes) -> None:
        self._call_id = Message.parse(data).call_id
        cast(asyncio.Transport, self._transport).write(data)

    def data_received(self, data: bytes) -> None:
        self._buffer = (self._buffer + data).lstrip(b"\r\n")
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        end = len(head) + len(blank) + (int(length[1]) if length else 0)
        if blank and len(head) + len(blank) + len(rest) >= end:
            message, self._buffer = self._buffer[:end], self._buffer[end:]
            self.heard(message)
        elif len(self._buffer) > _LONGEST_BYTES:
            self.broke(Refused("bad-peer", "what came does not end"))


@contextmanager
def _far_faults() -> Iterator[None]:
    """Turns what sockets raise into what it means of the far end, in the stage under way."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Refused("certificate", error.verify_message) from error
    except ssl.SSLError as error:
        raise Refused("tls", error.reason or "TLS failed") from error
    except socket.gaierror as error:
        raise Refused("dns", error.strerror or "the name does not resolve") from error
    except OSError as error:
        if error.errno in _OUR_OWN:
            raise CannotTell(f"no socket to be had: {error.strerror}") from error
        raise Refused("unreachable", error.strerror or str(error)) from error
