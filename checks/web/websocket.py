"""Does a WebSocket answer? It is opened, a message sent, and the answer awaited (RFC 6455).

    dns         chat.example.net -> 192.0.2.10              faults: dns
    tcp         192.0.2.10:443                              faults: refused, unreachable
    tls         certificate and name checked, 1.2 or newer  faults: expired, wrong-name, tls
    websocket   > GET /chat HTTP/1.1                        faults: http:NNN, no-subprotocol,
                > Upgrade: websocket                                closed, bad-peer
                < HTTP/1.1 101 Switching Protocols
    send        > {"ask": "ping"}                           faults: closed
    answer      < {"say": "pong"}                           faults: closed, bad-peer
    any of them                                             faults: timeout

What comes before the answer is passed over; no message may be larger than 1 MB.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from checks.contract import Check, Failed, Layer, Trace
from checks.kind import Duty
from checks.settings import Duration, ReadableFile, Secret
from checks.transport.clear_text import MEANT, ClearText, is_open
from checks.transport.host_port import without_variable
from checks.transport.http.message import shown
from checks.web.browsing import revealed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from websockets.asyncio.client import ClientConnection

# RFC 6455 section 3: ws-URI and wss-URI, which have no fragment; a user name in it would be seen in
# reports.
_ADDRESS = re.compile(
    r"wss?://(\[[0-9A-Fa-f:.]+\]|[^\s/:?#@\[\]]+)(:[0-9]{1,5})?(/[^\s?#]*)?(\?[^\s#]*)?"
)
# A socket that pushes the state of every queue sends some hundred messages a minute; one that has
# not answered among so many does not.
_MOST_MESSAGES = 1000
_SHOWN = 120
# A dashboard's socket begins with the state of all its queues, some hundred kilobytes; browsers set
# no limit.
_LARGEST_BYTES = 2**20
# A proxy knows of a dead backend as soon as it connects; on a slow way a round trip is 0.3 s.
_STAYS_SECONDS = 0.4


def _address(written: str) -> str:
    without_variable(written)
    if not _ADDRESS.fullmatch(written):
        raise ValueError(
            f"{written!r} is no WebSocket address; write one as in 'wss://chat.example.net/socket'"
        )
    return written


class WebSocket(ClearText, Check):
    """Opens a WebSocket, says something and awaits the answer."""

    KIND: ClassVar[str] = "websocket"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "chat"
    SAMPLE: ClassVar[str] = """
[checks.chat-socket]
kind = "websocket"
every = "1m"
component = "chat"
url = "wss://chat.example.net/socket"
send = "ping"
answer = "pong"
"""

    url: Annotated[str, AfterValidator(_address)] = Field(
        examples=["wss://chat.example.net/socket"]
    )
    """its address"""
    subprotocols: tuple[Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")], ...] = ()
    """the subprotocols that are offered, of which the server must take one"""
    origin: str | None = None
    """the Origin that the server expects of a page"""
    token: Secret | None = None
    """a bearer token (RFC 6750) for the server, by reference"""
    send: str | None = None
    """what is said once it is open; without it we only listen"""
    answer: str | None = None
    """a text that the answer has; without it the upgrade is all that is awaited, and that the
    server does not close at once
    """
    within: Duration = Field(default=10.0, gt=0)
    """how soon each stage must pass"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust on TLS; without it the system's"""

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if self.send is not None and self.answer is None:
            raise ValueError("'send' needs an 'answer' to await")
        return self

    async def try_out(self, trace: Trace) -> bool:
        """Open it, and say nothing."""
        async with self._connection(trace):
            return True

    def clear_text(self) -> str | None:
        """The token, on ws."""
        if self.token is None or not is_open(self.url):
            return None
        return f"its token goes over the network in the clear; write wss://, {MEANT}"

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that there are with these settings."""
        there = {
            "tls": self.url.startswith("wss:"),
            "send": self.send is not None,
            "answer": self.answer is not None,
        }
        every = ("dns", "tcp", "tls", "websocket", "send", "answer")
        return tuple(stage for stage in every if there.get(stage, True))

    def measures(self) -> Mapping[str, str]:
        """A time for each stage."""
        given = {f"{stage}_seconds": f"the stage {stage}, in seconds" for stage in self.stages}
        days = {"certificate_days": "how long the certificate is still valid, in days"}
        return {
            **given,
            **(days if "tls" in self.stages else {}),
            "total_seconds": "everything, in seconds",
        }

    def longest_seconds(self) -> float:
        """Each stage at its slowest, and a little for the closing."""
        return self.within * len(self.stages) + 5.0

    async def probe(self, trace: Trace) -> None:
        """Open the socket once, and talk. Raises Failed, CannotTell."""
        began = time.monotonic()
        async with self._connection(trace) as connection:
            if self.send is not None:
                with trace.stage("send"):
                    await self._say(connection, self.send)
            if self.answer is not None:
                with trace.stage("answer"):
                    await self._hear(connection, self.answer)
            else:
                await _stays(connection, trace)
        trace.measure("total_seconds", time.monotonic() - began)

    @asynccontextmanager
    async def _connection(self, trace: Trace) -> AsyncIterator[ClientConnection]:
        """The library is loaded with the first one."""
        from checks.transport.stages import Over, Stages
        from checks.transport.websocket import connection_to

        told = _Told(trace)
        edge = {
            "url": self.url,
            "origin": self.origin,
            "authorities": str(self.trusted_certificates or ""),
            "subprotocols": list(self.subprotocols),
            "token": revealed(self.token),
            "largest_bytes": _LARGEST_BYTES,
        }
        try:
            connection = await connection_to(
                Stages(told, dict.fromkeys(self.stages, self.within)), edge
            )
        except Over:
            raise told.fault() from None
        try:
            yield connection
        finally:
            await connection.close()

    async def _say(self, connection: ClientConnection, words: str) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            async with asyncio.timeout(self.within):
                await connection.send(words)
        except ConnectionClosed as closed:
            raise _closed(closed) from None
        except TimeoutError:
            raise Failed("timeout", f"not taken within {self.within:g} s") from None

    async def _hear(self, connection: ClientConnection, wanted: str) -> None:
        from websockets.exceptions import ConnectionClosed

        heard: list[str] = []
        try:
            async with asyncio.timeout(self.within):
                for _ in range(_MOST_MESSAGES):
                    message = await connection.recv()
                    text = (
                        message if isinstance(message, str) else message.decode("utf-8", "replace")
                    )
                    if wanted in text:
                        return
                    heard.append(text[:_SHOWN])
            raise Failed("bad-peer", f"{_MOST_MESSAGES} messages, none with {wanted!r}")
        except ConnectionClosed as closed:
            raise _closed(closed) from None
        except TimeoutError:
            said = f"; it said {heard[-1]!r}" if heard else "; it said nothing"
            raise Failed(
                "timeout", f"no answer with {wanted!r} within {self.within:g} s{said}"
            ) from None


async def _stays(connection: ClientConnection, trace: Trace) -> None:
    """A proxy upgrades, and closes when it finds nobody behind it. Raises Failed."""
    from websockets.exceptions import ConnectionClosed

    try:
        # RFC 6455 section 5.5.3: a ping must be answered, so who is there tells it at once.
        async with asyncio.timeout(_STAYS_SECONDS):
            await (await connection.ping())
    except (TimeoutError, ConnectionClosed):
        # Who neither answers nor closes may be slow: the upgrade itself was good.
        if connection.protocol.close_rcvd is None and not connection.protocol.eof_sent:
            return
    else:
        return
    trace.broke("websocket")
    code, reason = connection.close_code, connection.close_reason
    raise Failed(
        "closed", f"opened, and closed at once (code {code}) {shown(reason or '')}".strip()
    )


class _Told:
    """Writes what the stages tell into the trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace, self._failed = trace, dict[str, Any]()

    def __call__(
        self,
        event: str,
        at: float | None = None,  # noqa: ARG002 - every Tell takes it
        **facts: Any,
    ) -> None:
        if event == "failed":
            self._failed = facts
        elif event == "passed":
            seconds = float(facts["seconds"])
            self._trace.staged(facts["stage"], max(0.0, self._trace.elapsed() - seconds), seconds)
            if (
                "not_after" in facts
            ):  # a check has no wall clock: counted from when this attempt began
                left = facts["not_after"] - self._trace.began_at
                self._trace.measure("certificate_days", left / 86400.0)

    def fault(self) -> Failed:
        """What failed, in its stage."""
        facts = self._failed
        refused = Failed(facts["code"], facts["text"], facts["origin"])
        try:
            with self._trace.stage(facts["stage"]):
                raise refused
        except Failed:
            return refused


def _closed(closed: Any) -> Failed:
    """The fault of a closed socket. 1002, 1003, 1007 and 1009 are what we close with on a frame
    that breaks the protocol or the limit (RFC 6455 section 7.4.1).
    """
    ours = (
        closed.sent and not closed.rcvd_then_sent and closed.sent.code in (1002, 1003, 1007, 1009)
    )
    if ours:
        return Failed(
            "bad-peer",
            f"what came is no message for us: {closed.sent.reason or closed.sent.code}"[:200],
        )
    # RFC 6455 section 7.1.5: 1006 stands for a connection that ended without a close frame.
    code = closed.rcvd.code if closed.rcvd else 1006
    return Failed("closed", f"the server closed it (code {code})")
