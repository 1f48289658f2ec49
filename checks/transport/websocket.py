"""The way to a WebSocket edge, a stage at a time: name, TCP, TLS, upgrade (RFC 6455 section 4, RFC
7118).

    dns         edge.example.net -> 192.0.2.10              faults: dns
    tcp         192.0.2.10:443                              faults: refused, unreachable, timeout
    tls         certificate and name checked, 1.2 or newer  faults: of a certificate, no-tls, tls
    websocket   > GET /ws HTTP/1.1                          faults: http:NNN, no-subprotocol,
                > Upgrade: websocket                                closed, bad-peer
                > Sec-WebSocket-Protocol: sip
                < HTTP/1.1 101 Switching Protocols
    any of them                                             faults: timeout

A proxy of the environment is not used: it is the way of an agent's browser that is looked at.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidMessage, InvalidStatus, WebSocketException
from websockets.frames import CloseCode
from websockets.protocol import State
from websockets.typing import Origin, Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from checks.contract import Failed
from checks.transport.connect import Place, connect, resolve
from checks.transport.http import forgiving
from checks.transport.http.trust import chain, ends_at
from checks.transport.stages import Stages
from checks.transport.tls import trusting
from checks.transport.websocket_lengths import Lengths

# The largest SIP message: RFC 3261 section 18.1.1 has every element take messages up to the 65 535
# bytes of a datagram. A larger frame is refused before it is read.
LARGEST_MESSAGE_BYTES = 65536
# Beyond these the reading stops and TCP holds the far end back: a flood costs no memory here.
_QUEUED_MESSAGES = 16


class Guarded(ClientConnection):
    """Lets go at once of a peer that broke the protocol, instead of awaiting its farewell. The
    answer to the upgrade is read as every other HTTP is: 1xx before it are passed over (RFC 9110
    section 15.2), and what browsers forgive is forgiven.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head: bytearray | None = bytearray()
        self._lengths = Lengths()

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += data
            if (plain := self._upgraded(self._head)) is None:
                return
            data, self._head = plain, None
            self._lengths.take(plain[forgiving.end_of_head(plain) :])
        else:
            self._lengths.take(data)
        if self._lengths.wrong and self.protocol.state is State.OPEN:
            self.protocol.fail(CloseCode.PROTOCOL_ERROR, "a length in more bytes than it needs")
            self.transport.abort()
            return
        super().data_received(data)
        if self.protocol.handshake_exc or self.protocol.parser_exc:
            self.transport.abort()

    def eof_received(self) -> None:
        # What came of a head that never got whole is for the library to complain of.
        if self._head:
            begun, self._head = bytes(self._head), None
            super().data_received(begun)
        super().eof_received()

    @staticmethod
    def _upgraded(came: bytearray) -> bytes | None:
        """The answer in good form and what follows it; None while its head goes on."""
        if found := forgiving.final_head(came):
            head, after = found
            return head.in_full() + after
        hopeless = len(came) > LARGEST_MESSAGE_BYTES or forgiving.is_hopeless(came)
        hopeless = hopeless or forgiving.end_of_head(came) >= 0
        return bytes(came) if hopeless else None


async def connection_to(stages: Stages, edge: Mapping[str, Any]) -> ClientConnection:
    """A WebSocket. `edge`: url, origin, authorities; subprotocols (else sip alone), token and
    largest_bytes of a message (else those of SIP), where there are any. Raises Over.
    """
    where = parse_uri(edge["url"])
    found = await _resolved(stages, where)
    plain = await _connected(stages, found)
    try:
        return await _upgraded(stages, edge, where, plain)
    except BaseException:
        plain.close()
        raise


async def _resolved(stages: Stages, where: WebSocketURI) -> list[Place]:
    async with stages.stage("dns") as facts:
        found = await resolve(where.host, where.port)
        facts["note"] = f"{where.host} is {', '.join(str(address[0]) for _, address in found)}"
    return found


async def _connected(stages: Stages, found: list[Place]) -> socket.socket:
    async with stages.stage("tcp"):
        return await connect(found)


async def _upgraded(
    stages: Stages, edge: Mapping[str, Any], where: WebSocketURI, plain: socket.socket
) -> ClientConnection:
    if not where.secure:
        async with stages.stage("websocket") as facts:
            return await _shaken(edge, await _speaking(edge, where, plain), facts)
    async with stages.stage("tls") as facts:
        connection = await _speaking(edge, where, plain)
        facts.update(_certificate(connection.transport.get_extra_info("ssl_object")))
    async with stages.stage("websocket") as facts:
        return await _shaken(edge, connection, facts)


async def _speaking(
    edge: Mapping[str, Any], where: WebSocketURI, plain: socket.socket
) -> ClientConnection:
    """The connection, after TLS and before the upgrade."""
    origin = Origin(edge["origin"]) if edge["origin"] else None
    offered = [Subprotocol(name) for name in _subprotocols(edge)] or None
    protocol = ClientProtocol(
        where,
        origin=origin,
        subprotocols=offered,
        max_size=edge.get("largest_bytes", LARGEST_MESSAGE_BYTES),
    )
    context = (
        trusting(Path(edge["authorities"]) if edge["authorities"] else None)
        if where.secure
        else None
    )
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: Guarded(
            # No pings of ours: they are optional (RFC 6455 section 5.5.2), and the library would
            # end the call under test over one that stays unanswered.
            protocol,
            ping_interval=None,
            close_timeout=1.0,
            max_queue=_QUEUED_MESSAGES,
        ),
        sock=plain,
        ssl=context,
        server_hostname=where.host if context else None,
    )
    return connection


def _subprotocols(edge: Mapping[str, Any]) -> list[str]:
    return list(edge.get("subprotocols", ["sip"]))


async def _shaken(
    edge: Mapping[str, Any], connection: ClientConnection, facts: dict[str, Any]
) -> ClientConnection:
    try:
        return await _agreed(edge, connection, facts)
    except BaseException:
        connection.transport.abort()
        raise


async def _agreed(
    edge: Mapping[str, Any], connection: ClientConnection, facts: dict[str, Any]
) -> ClientConnection:
    # A browser cannot set this header; servers that take a token so are called by programs.
    headers = {"Authorization": f"Bearer {edge['token']}"} if edge.get("token") else None
    with _upgrade_faults():
        await connection.handshake(headers, user_agent_header="Reveille")
    # RFC 6455 section 4.1: a server may upgrade without choosing any; RFC 7118 section 4.1 demands
    # sip, and without it nobody there reads SIP.
    if (offered := _subprotocols(edge)) and connection.subprotocol not in offered:
        named = (
            "the subprotocol sip (RFC 7118)"
            if offered == ["sip"]
            else f"any of {', '.join(offered)}"
        )
        raise Failed("no-subprotocol", f"the server upgraded without taking {named}")
    facts["note"] = (
        f"WebSocket by {connection.response.headers.get('Server', 'a server without a name')[:80]}"
        if (connection.response)
        else ""
    )
    return connection


@contextmanager
def _upgrade_faults() -> Iterator[None]:
    try:
        yield
    except InvalidStatus as answer:
        raise Failed(f"http:{answer.response.status_code}", answer.response.reason_phrase) from None
    except InvalidMessage as problem:
        # The load balancer is there and closed at once: the application behind it is down.
        closed = isinstance(problem.__cause__, EOFError)
        raise Failed(
            "closed" if closed else "bad-peer", "no answer to the upgrade" if closed else "no HTTP"
        ) from None
    except (WebSocketException, EOFError) as problem:
        raise Failed("bad-peer", f"no upgrade: {problem}"[:200]) from None


def _certificate(secured: ssl.SSLObject) -> dict[str, Any]:
    """When it ends (seconds since 1970), and what was agreed."""
    agreed = {"note": f"{secured.version()} {(secured.cipher() or ('',))[0]}"}
    # A chain is as old as its oldest link.
    ends = min(map(ends_at, chain(secured)), default=None)
    return {**agreed, "not_after": ends} if ends else agreed


def is_own_host(address: str) -> bool:
    """Whether an address is of the loopback."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback
