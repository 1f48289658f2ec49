"""One request and its answer over HTTP/1.1 (RFC 9112); heads are parsed by llhttp.

Rules: llhttp is left as strict as it comes, but for a lone LF at a line's end (RFC 9112, section
2.2); a head that it refuses is read as browsers read it (forgiving.py), and that is told; a header
has a limit, in bytes and in fields; what comes of a body beyond its limit is not read; who ends
before the announced end has broken off; what comes after the end is nobody's answer.
"""

from __future__ import annotations

from collections.abc import Callable

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from checks.contract import Failed
from checks.transport import wire_text
from checks.transport.http import forgiving
from checks.transport.http.connection import Wire
from checks.transport.http.content_coding import Body
from checks.transport.http.framing import Chunks, Plain, framed
from checks.transport.http.message import Head, Headers, Limits, Request, shown

# RFC 9112 section 6.3: these end with their header, whatever Content-Length says.
BODILESS = (204, 304)
# Chromium's slop before a first line, in bytes: two empty lines.
MOST_BEFORE = 4
# So many bytes tell what is no HTTP at all.
_ENOUGH_TO_TELL = 64


class _Told:
    """One answer as it comes; those that only announce another (1xx) are passed over. Nothing after
    its end is read as a second one: each connection has one request.
    """

    def __init__(self) -> None:
        self.head: Head | None = None
        self.body: Chunks | Plain | None = None
        self._came, self._empty = bytearray(), 0

    def feed(self, data: bytes) -> None:
        """Raises Failed for what can be no head of an answer."""
        if self.body is not None:
            self.body.feed(data)
            return
        known = len(self._came)
        self._came += data
        # A head ends with a line: one that comes byte by byte is not searched for each of them.
        if b"\n" not in data and known > _ENOUGH_TO_TELL:
            return
        while self.body is None and (length := self._whole()) >= 0:
            head = bytes(self._came[:length])
            del self._came[:length]
            self._take(head)
        if self.body is not None:
            self.body.feed(bytes(self._came))

    def _whole(self) -> int:
        """The length of the head that has come; below zero while it goes on."""
        # RFC 9112 section 2.2: one empty line may come first; browsers take two.
        empty = len(self._came) - len(self._came.lstrip(b"\r\n"))
        self._empty += empty
        if self._empty > MOST_BEFORE or forgiving.is_hopeless(self._came):
            raise Failed("bad-peer", f"what came is not HTTP: {_begun(self._came)}")
        del self._came[:empty]
        return forgiving.end_of_head(self._came)

    def _take(self, head: bytes) -> None:
        found, strict = _Strict(), ""
        try:
            found.parser.feed_data(head)
        except HttpParserUpgrade:
            raise Failed(
                "bad-peer", "it goes on in another protocol, and nobody asked for that"
            ) from None
        except HttpParserError as error:
            strict = shown(str(error))
        forgiven = forgiving.read(head) if strict or not found.headed else None
        status = forgiven.status if forgiven else found.parser.get_status_code()
        if (forgiven is None and (strict or not found.headed)) or status == 101:
            raise Failed("bad-peer", f"what came is not HTTP: {strict or _begun(head)}")
        # RFC 9110 section 15.2: 100 Continue and 103 Early Hints come before the answer, any number
        # of them.
        if status < 200:
            return
        fields = [*forgiven.fields, *forgiven.framing] if forgiven else found.headers
        reason = forgiven.reason if forgiven else found.reason
        version = forgiven.version if forgiven else found.parser.get_http_version()
        self.head = Head(
            version, status, shown(reason.decode("latin-1")), _written_out(fields), strict
        )
        self.body = framed(forgiving.framing(fields) or [])


class _Strict:
    """What llhttp tells of a head."""

    def __init__(self) -> None:
        self.reason, self.headers, self.headed = b"", list[tuple[bytes, bytes]](), False
        self.parser = HttpResponseParser(self)
        self.parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.headed = True


def _begun(came: bytes | bytearray) -> str:
    return shown(bytes(came[:60]).decode("latin-1"))


def _written_out(fields: list[tuple[bytes, bytes]]) -> Headers:
    return tuple(
        (name.decode("latin-1").lower(), value.decode("utf-8", "replace")) for name, value in fields
    )


async def exchange(
    wire: Wire, request: Request, limits: Limits, headed: Callable[[Head], Body | None]
) -> None:
    """Send a request and read its answer. `headed` looks at the header, and gives what the body is
    gathered in; None when nobody wants it. Raises Failed.
    """
    await wire.send(_written(request))
    told = _Told()
    head = await _read_head(wire, told, limits)
    body = headed(head)
    if body is not None and request.method != "HEAD" and head.status not in BODILESS:
        await _read_body(wire, told, body, limits)


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


async def _read_head(wire: Wire, told: _Told, limits: Limits) -> Head:
    came = 0
    while told.head is None:
        data = await wire.receive()
        # A server may close an idle connection (RFC 9112 section 9.5), but this one is new: the
        # application has crashed, or a firewall has cut it.
        if not data:
            raise Failed("closed", "the connection was closed before the answer")
        told.feed(data)
        came += len(data)
        if came > limits.header_bytes and told.head is None:
            raise _too_large(limits)
    if len(told.head.headers) > limits.header_fields:
        raise _too_large(limits)
    return told.head


def _too_large(limits: Limits) -> Failed:
    return Failed(
        "header-too-large",
        f"more than {limits.header_bytes} bytes or {limits.header_fields} fields",
    )


async def _read_body(wire: Wire, told: _Told, body: Body, limits: Limits) -> None:
    framed, came = told.body, 0
    assert framed is not None  # noqa: S101 - it comes with the head
    while True:
        for piece in framed.taken():
            body.feed(piece)
        if framed.broken:
            raise Failed("bad-peer", f"what came is not HTTP: {framed.broken}")
        if framed.complete or body.full:
            break
        # Without a length the end of the connection is the end of the page (RFC 9112 section 6.3,
        # last item).
        if not (data := await wire.receive()):
            if framed.delimited:
                raise Failed("broken-off", "the page ended before its announced end")
            # RFC 9112 section 9.8: then nothing proves that the page is whole.
            if wire.no_farewell:
                body.forgiven.append(
                    "no length, and TLS ended without close_notify: perhaps cut off"
                )
            break
        came += len(data)
        told.feed(data)
        # Chunks of one byte, or chunk extensions without end, would keep a probe busy and give no
        # page: 16 bytes of frame for each byte of body are more than any honest server needs.
        if came > limits.wire_bytes + 16 * len(body.content):
            raise Failed("bad-peer", f"{came} bytes came for {len(body.content)} bytes of page")
    body.forgiven += [framed.forgiven] if framed.forgiven else []
    body.end()
