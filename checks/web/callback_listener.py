"""Where a callback arrives: one address of ours, one path that nobody else knows, one request that
counts.

    > POST /hooks/x7Qe…  { "kind": "call-finished", "status": "filed" }         < 204 No Content
    > GET /robots.txt                                                           < 404 Not Found

Rules: what comes to another path, or is too large, is answered and forgotten; who says nothing for
five seconds is hung up on. It listens while one attempt runs, and no longer.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from checks.contract import CannotTell

# A webhook is one request of a server; whoever needs longer for it is a scanner that holds
# connections open.
_PATIENCE_SECONDS = 5.0
# The address may be open to the internet: header as servers usually bound it, a body larger than
# any event, and no more callers than one attempt can have.
_MOST_HEADER, _MOST_BODY, _MOST_CALLERS = 16_384, 1_000_000, 20
_NO_SOCKET = "cannot listen for the callback: no socket to be had"


@dataclass(frozen=True, slots=True)
class Callback:
    """A request that came to our address."""

    method: str
    content_type: str
    body: bytes = field(repr=False)
    sender: str = ""

    @property
    def text(self) -> str:
        """The body as text; bytes that are none are replaced."""
        return self.body.decode("utf-8", "replace")


class Listener:
    """Listens on `host`:`port` (0: any free one) for requests to `path`."""

    def __init__(self, host: str, port: int, path: str, counts: Callable[[Callback], bool]) -> None:
        """`counts` says whether a callback is the one that is waited for."""
        self._host, self._wanted_port, self._path, self._counts = host, port, path, counts
        self._callers: set[asyncio.Task[None]] = set()
        self.others = 0
        """requests that were not the one: another path, another event"""
        self.port = 0

    async def __aenter__(self) -> Self:
        self._came: asyncio.Future[Callback] = asyncio.get_running_loop().create_future()
        try:
            self._server = await asyncio.start_server(
                self._serve, self._host, self._wanted_port, limit=_MOST_HEADER
            )
        except OSError as problem:
            if problem.errno is None:  # asyncio from 3.13 on, where no socket can be made
                raise CannotTell(_NO_SOCKET) from problem
            where = f"{self._host}:{self._wanted_port}"
            raise CannotTell(
                f"cannot listen for the callback on {where}: {problem.strerror or problem}"
            ) from problem
        if not self._server.sockets:  # asyncio passes over a socket that cannot be made
            raise CannotTell(_NO_SOCKET)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._server.close()
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)
        await self._server.wait_closed()
        self._came.cancel()

    async def callback(self) -> Callback:
        """The one that counts, as soon as it has come."""
        return await asyncio.shield(self._came)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        self._callers.add(task)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                status = "503 Service Unavailable"
                if len(self._callers) <= _MOST_CALLERS:
                    status = await self._answered(reader, writer)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
                await writer.drain()
        except (TimeoutError, OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            self._callers.discard(task)
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """The status of the answer. Raises ValueError, EOFError and LimitOverrunError for what is
        no request.
        """
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        fields = dict(_field(line) for line in head[1:] if line)
        # In constant time: the path is the secret, and the time of an answer must not tell how much
        # of it was right.
        if not hmac.compare_digest(target.partition("?")[0].encode(), self._path.encode()):
            self.others += 1
            return "404 Not Found"
        # RFC 9110 section 10.1.1: curl and libraries built on it wait for this before they send a
        # large body.
        if fields.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _body(reader, fields)
        if body is None:
            return "413 Content Too Large"
        peer = writer.get_extra_info("peername")
        came = Callback(
            method,
            fields.get("content-type", "").partition(";")[0].strip(),
            body,
            str(peer and peer[0]),
        )
        if not self._counts(came):
            self.others += 1
        # Many senders deliver at least once: a second delivery is answered like the first, or they
        # would repeat it for hours.
        elif not self._came.done():
            self._came.set_result(came)
        return "204 No Content"


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ValueError("no header field")
    return name.strip().lower(), value.strip()


async def _body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes | None:
    """The body of a request; None when it is too large."""
    # RFC 9112 section 6.3: chunked wins over a Content-Length.
    if fields.get("transfer-encoding", "").lower() == "chunked":
        return await _chunks(reader)
    length = int(fields.get("content-length", "0"))
    if not 0 <= length <= _MOST_BODY:
        return None
    return await reader.readexactly(length)


async def _chunks(reader: asyncio.StreamReader) -> bytes | None:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        if size < 0 or len(body) + size > _MOST_BODY:
            return None
        # RFC 9112 section 7.1: a line end closes the data of each chunk.
        body += (await reader.readexactly(size + 2))[:-2]
    # Trailer fields, of no interest here, up to the empty line (RFC 9112 section 7.1.2).
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(body)
