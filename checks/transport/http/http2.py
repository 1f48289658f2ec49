"""One request and its answer over HTTP/2 (RFC 9113), by the state machine of h2. Imported when a
server chooses it.

Rules: no pushes, no priorities, one stream; of a stream no more is let through than is wanted (its
window is opened as its bytes are taken); a header has the same limits as in HTTP/1.1. GOAWAY is
read here, since h2 takes it for the end of every stream: one that leaves ours its turn lets it
finish, with an error too. What was not looked at is asked again. Else RST_STREAM is `reset`, GOAWAY
`goaway`, a breach of the protocol `bad-peer`, where browsers do not forgive it (http2_frames.py).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    PingAckReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import InvalidBodyLengthError, ProtocolError
from h2.settings import SettingCodes

from checks.contract import Failed
from checks.digits import whole
from checks.transport.http.connection import Wire
from checks.transport.http.content_coding import Body
from checks.transport.http.http2_frames import HEADER_BYTES, Fields, Forgiven, Frames
from checks.transport.http.message import AskAgain, Head, Limits, Request, shown
from checks.transport.wire_text import one_line

_GOAWAY = 7
_GOAWAY_BYTES = 8
_OUR_STREAM = 1
# A server that ends the connection with an error may finish our stream all the same, as browsers
# let it; one that only leaves it open is not waited for until the look's own time is over.
_PATIENCE_AFTER_GOAWAY_SECONDS = 2.0
# What stands in no value of a header: Chromium refuses all of these, h2 only some.
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


async def exchange(
    wire: Wire, request: Request, limits: Limits, headed: Callable[[Head], Body | None]
) -> None:
    """Send a request and read its answer, as `http1.exchange` does. Raises Failed."""
    await _Exchange(wire, request, limits, headed).run()


class _Exchange:
    def __init__(
        self, wire: Wire, request: Request, limits: Limits, headed: Callable[[Head], Body | None]
    ) -> None:
        self._wire, self._request, self._limits, self._headed = wire, request, limits, headed
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._forgiven = Forgiven()
        self._frames, self._fields = Frames(self._forgiven), Fields(self._forgiven)
        self._fields.max_header_list_size = self._h2.decoder.max_header_list_size
        self._h2.decoder = self._fields
        self._head: Head | None = None
        self._body: Body | None = None
        self._ended, self._came, self._buffer = False, 0, bytearray()
        self._farewell: Failed | None = None

    async def run(self) -> None:
        """Make the exchange. Raises Failed."""
        # RFC 9113 section 8.4: without it the server may send what nobody asked for, in the time
        # measured.
        self._h2.local_settings[SettingCodes.ENABLE_PUSH] = 0
        self._h2.local_settings[SettingCodes.MAX_HEADER_LIST_SIZE] = self._limits.header_bytes
        self._h2.initiate_connection()
        # The server's SETTINGS are not awaited: RFC 9113 section 3.4 lets a client send at once,
        # and waiting would add a round trip to what a browser needs.
        stream = self._h2.get_next_available_stream_id()
        try:
            self._h2.send_headers(stream, self._headers(), end_stream=not self._request.body)
            await self._send_body(stream)
            while not self._over():
                await self._more()
        except InvalidBodyLengthError:
            raise Failed("broken-off", "the page is not as long as was announced") from None
        except ProtocolError as error:
            raise Failed("bad-peer", f"HTTP/2: {_said(error)}") from None
        if self._body is not None:
            told = self._head.forgiven if self._head else ""
            self._body.forgiven += [what for what in self._forgiven if what not in told]
            self._body.end()

    def _headers(self) -> list[tuple[str, str]]:
        asked = self._request
        given = (*asked.headers, *asked.private)
        # RFC 9113 section 10.3: a proxy that goes on in HTTP/1.1 would make lines of it.
        own = [(one_line(name).lower(), one_line(value)) for name, value in given]
        if asked.body or asked.method in ("POST", "PUT", "PATCH"):
            own.append(("content-length", str(len(asked.body))))
        named = [
            (":method", asked.method),
            (":scheme", asked.address.scheme),
            (":authority", asked.address.authority),
            (":path", one_line(asked.address.target)),
        ]
        return named + own

    async def _send_body(self, stream: int) -> None:
        left = memoryview(self._request.body)
        # A server may answer before it has the whole body (413 for one too large): then the rest is
        # not sent.
        while left and not self._over():
            room = min(
                self._h2.local_flow_control_window(stream),
                self._h2.max_outbound_frame_size,
                len(left),
            )
            # The window is used up (RFC 9113 section 5.2): only a WINDOW_UPDATE lets the body go
            # on.
            if room == 0:
                await self._more()
                continue
            self._h2.send_data(stream, bytes(left[:room]), end_stream=room == len(left))
            left = left[room:]
        await self._wire.send(self._h2.data_to_send())

    def _over(self) -> bool:
        return self._ended or (self._body is not None and self._body.full)

    async def _more(self) -> None:
        await self._wire.send(self._h2.data_to_send())
        data = await self._received()
        if not data:
            if self._farewell:
                raise self._farewell
            code, text = ("broken-off", "its end") if self._head else ("closed", "the answer")
            raise Failed(code, f"the connection was closed before {text}")
        self._came += len(data)
        # A peer that sends PING or SETTINGS for ever would never run into the limit of the header.
        if self._head is None and self._came > 4 * self._limits.header_bytes:
            raise Failed("bad-peer", f"{self._came} bytes came, and no answer")
        if self._body is not None and self._came > self._limits.wire_bytes + 16 * len(
            self._body.content
        ):
            raise Failed(
                "bad-peer", f"{self._came} bytes came for {len(self._body.content)} bytes of page"
            )
        self._buffer += data
        while not self._over() and (frame := self._next_frame()):
            taken = self._frames.taken(frame)
            if taken[3:4] == bytes([_GOAWAY]) and len(frame) >= HEADER_BYTES + _GOAWAY_BYTES:
                self._take_goaway(frame[HEADER_BYTES:])
                continue
            for event in self._h2.receive_data(taken) if taken else ():
                self._take(event)

    async def _received(self) -> bytes:
        if self._farewell is None:
            return await self._wire.receive()
        try:
            async with asyncio.timeout(_PATIENCE_AFTER_GOAWAY_SECONDS):
                return await self._wire.receive()
        except TimeoutError:
            raise self._farewell from None

    def _next_frame(self) -> bytes:
        """The next whole frame; one at a time, so that a broken one spoils none before it."""
        # The frame header has 9 octets, the first three are the length (RFC 9113 section 4.1).
        length = 9 + int.from_bytes(self._buffer[:3], "big")
        if len(self._buffer) < 9 or (
            len(self._buffer) < length <= 9 + self._h2.max_inbound_frame_size
        ):
            return b""
        frame = bytes(self._buffer[:length])
        del self._buffer[:length]
        return frame

    def _take(self, event: Event) -> None:
        if isinstance(event, ResponseReceived):
            self._take_head(event.headers or [])
        elif isinstance(event, DataReceived):
            if self._body is not None:
                self._body.feed(event.data or b"")
            # Padding counts for flow control (RFC 9113 section 6.1), so the length of the frame is
            # given back and not that of the data.
            self._h2.acknowledge_received_data(
                event.flow_controlled_length or 0, event.stream_id or 0
            )
        elif isinstance(event, StreamEnded):
            self._ended = True
        elif isinstance(event, StreamReset):
            self._take_reset(event.error_code)
        elif isinstance(event, InformationalResponseReceived):
            self._take_interim(event.headers or [])
        elif isinstance(event, PingAckReceived):
            raise Failed("bad-peer", "HTTP/2: it answers a PING that nobody sent")
        elif (
            isinstance(event, TrailersReceived)
            and len(event.headers or []) > self._limits.header_fields
        ):
            raise Failed("header-too-large", "in the trailer")

    def _take_reset(self, code: ErrorCodes | int | None) -> None:
        text = f"the far end reset the stream: {_name(code)}"
        # RFC 9113 section 8.7: REFUSED_STREAM says that nothing was processed.
        if self._head is None and code in (
            ErrorCodes.REFUSED_STREAM,
            ErrorCodes.HTTP_1_1_REQUIRED,
        ):
            raise AskAgain("reset", text, code == ErrorCodes.HTTP_1_1_REQUIRED)
        raise Failed("reset", text)

    def _take_goaway(self, payload: bytes) -> None:
        last = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
        code = int.from_bytes(payload[4:8], "big")
        text = f"the far end ended the connection: {_name(code)}"
        # RFC 9113 section 6.8: streams after the last one were not looked at; those up to it go on,
        # when a server restarts in good order.
        if self._head is None and (
            code == ErrorCodes.HTTP_1_1_REQUIRED or (last < _OUR_STREAM and not code)
        ):
            raise AskAgain("goaway", text, code == ErrorCodes.HTTP_1_1_REQUIRED)
        if last < _OUR_STREAM:
            raise Failed("goaway", text)
        if code:
            self._farewell = Failed("goaway", text)

    @staticmethod
    def _take_interim(headers: list[tuple[bytes, bytes]]) -> None:
        # RFC 9113 section 8.6: there is no switching of protocols in HTTP/2.
        if (b":status", b"101") in [(bytes(name), bytes(value)) for name, value in headers]:
            raise Failed("bad-peer", "HTTP/2: it switches protocols, which is only in HTTP/1.1")

    def _take_head(self, headers: list[tuple[bytes, bytes]]) -> None:
        if len(headers) > self._limits.header_fields:
            raise Failed("header-too-large", f"more than {self._limits.header_fields} fields")
        for name, value in headers:
            if _CONTROL.search(bytes(value)):
                field = shown(bytes(name).decode("latin-1"), 60)
                raise Failed("bad-peer", f"HTTP/2: a control character in {field}")
        written = [
            (bytes(name).decode("latin-1"), bytes(value).decode("utf-8", "replace"))
            for name, value in headers
        ]
        said = next((value for name, value in written if name == ":status"), "")
        # RFC 9113 section 8.3.2, RFC 9110 section 15: three digits.
        if (status := whole(said)) is None or not 100 <= status <= 999:
            raise Failed("bad-peer", f"HTTP/2: its status is no status: {shown(said, 20)!r}")
        fields = tuple(field for field in written if not field[0].startswith(":"))
        self._head = Head("2", status, "", fields, "; ".join(self._forgiven))
        self._fields.trailing = True
        self._body = self._headed(self._head)
        self._ended = self._ended or self._body is None


def _name(code: ErrorCodes | int | None) -> str:
    try:
        return ErrorCodes(code or 0).name
    except ValueError:
        return str(code)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
