"""One request and its answer over HTTP/1.1 (RFC 9112), parsed by llhttp.

Rules: llhttp is left as strict as it comes, but for a lone LF at a line's end (RFC 9112, section
2.2) and blanks after the size of a chunk, which Go and nginx take as browsers do; a head that it
refuses is read as browsers read it (forgiving.py), and that is told; a header has a limit, in bytes
and in fields; what comes of a body beyond its limit is not read; who ends before the announced end
has broken off.
"""

from __future__ import annotations

from collections.abc import Callable

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from checks.contract import Failed
from checks.transport import wire_text
from checks.transport.http import forgiving
from checks.transport.http.connection import Wire
from checks.transport.http.content_coding import Body
from checks.transport.http.message import Head, Headers, Limits, Request, shown

# RFC 9112 section 6.3: these end with their header, whatever Content-Length says.
BODILESS = (204, 304)


class _Told:
    """What llhttp tells of one answer; those that only announce another (1xx) are passed over."""

    def __init__(self) -> None:
        self.reason, self.headers, self.trailers = b"", list[tuple[bytes, bytes]](), 0
        self.pieces: list[bytes] = []
        self.broken: Failed | None = None
        self.headed = self.complete = False
        self.forgiven: forgiving.Forgiven | None = None
        self.strict_says = ""
        self._head = bytearray()
        self.parser = self._new_parser()

    def _new_parser(self) -> HttpResponseParser:
        parser = HttpResponseParser(self)
        # data_after_close: some servers send a line end after the last byte of a closed message;
        # nothing after it is read as a second answer, since each connection has one request.
        parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True,
            lenient_data_after_close=True,
            lenient_spaces_after_chunk_size=True,
        )
        return parser

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        # Fields after the last chunk are trailers (RFC 9110 section 6.5): they must not change what
        # the header has said.
        if self.headed:
            self.trailers += 1
        else:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        # RFC 9110 section 15.2: 100 Continue and 103 Early Hints come before the answer, any number
        # of them.
        if self.parser.get_status_code() < 200:
            self.reason, self.headers = b"", []
            return
        self.headed = True

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        self.complete = self.headed

    def feed(self, data: bytes) -> None:
        """Raises Failed, but for what breaks after a header that is good: that is kept as
        `broken`.
        """
        if not self.headed:
            self._head += data
        if self.broken is not None:
            self._forgive()
            return
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:
            raise Failed(
                "bad-peer", "it goes on in another protocol, and nobody asked for that"
            ) from None
        except HttpParserError as error:
            self.broken = Failed("bad-peer", f"what came is not HTTP: {shown(str(error))}")
            if not self.headed:
                self._forgive()

    def _forgive(self) -> None:
        """Read a head that was refused as browsers do, once it is whole. Raises Failed for what
        they do not take either.
        """
        assert self.broken is not None  # noqa: S101 - asked before
        found = forgiving.final_head(self._head)
        if found is None:
            if forgiving.is_hopeless(self._head):
                raise self.broken
            return
        self.forgiven, rest = found
        # 101 is an answer to who asked for another protocol, and nobody did.
        if self.forgiven.status == 101:
            raise self.broken
        self.strict_says, self.broken = self.broken.text, None
        self.parser, self.headers, self.headed = self._new_parser(), [], False
        self.parser.feed_data(self.forgiven.written())
        self.headers = [*self.forgiven.fields, *self.forgiven.framing]
        if rest:
            self.feed(rest)


async def exchange(
    wire: Wire, request: Request, limits: Limits, headed: Callable[[Head], Body | None]
) -> None:
    """Send a request and read its answer. `headed` looks at the header, and gives what the body is
    gathered in; None when nobody wants it. Raises Failed.
    """
    await wire.send(_written(request))
    told = _Told()
    await _read_head(wire, told, limits)
    head = _head(told)
    body = headed(head)
    if body is not None and request.method != "HEAD" and head.status not in BODILESS:
        await _read_body(wire, told, head, body, limits)


def _written(request: Request) -> bytes:
    lines = [
        f"{request.method} {request.address.target} HTTP/1.1",
        f"Host: {request.address.authority}",
    ]
    lines += [f"{name}: {value}" for name, value in (*request.headers, *request.private)]
    # RFC 9110 section 8.6: a method that is expected to have a body says Content-Length: 0, or some
    # servers answer 411.
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(request.body)}")
    lines += ["Connection: close", ""]
    return wire_text.lines(lines).encode("latin-1", "replace") + request.body


async def _read_head(wire: Wire, told: _Told, limits: Limits) -> None:
    came = 0
    while not told.headed:
        data = await wire.receive()
        # A server may close an idle connection (RFC 9112 section 9.5), but this one is new: the
        # application has crashed, or a firewall has cut it.
        if not data:
            raise told.broken or Failed("closed", "the connection was closed before the answer")
        told.feed(data)
        came += len(data)
        if len(told.headers) > limits.header_fields or (
            came > limits.header_bytes and not told.headed
        ):
            raise Failed(
                "header-too-large",
                f"more than {limits.header_bytes} bytes or {limits.header_fields} fields",
            )


def _head(told: _Told) -> Head:
    headers: Headers = tuple(
        (name.decode("latin-1").lower(), value.decode("utf-8", "replace"))
        for name, value in told.headers
    )
    if (forgiven := told.forgiven) is not None:
        reason = shown(forgiven.reason.decode("latin-1"))
        return Head(forgiven.version, forgiven.status, reason, headers, told.strict_says)
    reason = shown(told.reason.decode("latin-1"))
    return Head(told.parser.get_http_version(), told.parser.get_status_code(), reason, headers)


async def _read_body(wire: Wire, told: _Told, head: Head, body: Body, limits: Limits) -> None:
    delimited = bool(head.get("content-length") or head.get("transfer-encoding"))
    came = 0
    while True:
        for piece in told.pieces:
            body.feed(piece)
        told.pieces.clear()
        if told.broken is not None:
            raise told.broken
        if told.complete or body.full:
            break
        # Without a length the end of the connection is the end of the page (RFC 9112 section 6.3,
        # last item).
        if not (data := await wire.receive()):
            if delimited:
                raise Failed("broken-off", "the page ended before its announced end")
            break
        came += len(data)
        told.feed(data)
        if (
            # Chunks of one byte, or chunk extensions without end, would keep a probe busy and give
            # no page: 16 bytes of frame for each byte of body are more than any honest server
            # needs.
            came > limits.wire_bytes + 16 * len(body.content)
            or told.trailers > limits.header_fields
        ):
            raise Failed("bad-peer", f"{came} bytes came for {len(body.content)} bytes of page")
    body.end()
