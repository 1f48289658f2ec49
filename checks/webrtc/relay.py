"""STUN (RFC 8489) and TURN (RFC 8656), asked directly: a browser hides why it got no candidate.

stun   > Binding Request      < Success, XOR-MAPPED-ADDRESS   faults: timeout, stun:NNN, bad-peer,
                                                              dns, refused
turn   > Allocate             < 401, then Success             faults: timeout, turn:NNN, no-relay,
       > Refresh, lifetime 0    XOR-RELAYED-ADDRESS           expired …, dns, unreachable
"""

from __future__ import annotations

import asyncio
import re
import struct
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aioice import stun, turn

from checks.contract import Failed
from checks.transport.tls import trusting

PATTERN = (
    r"^(stun|turn|turns):(\[[0-9A-Fa-f:.]+\]|[^:?\s\[\]/@]+)"
    r"(?::([0-9]{1,5}))?(?:\?transport=(udp|tcp))?$"
)
# RFC 7064 and RFC 7065: 3478 for stun and turn, 5349 for turns.
_PORTS = {"stun": 3478, "turn": 3478, "turns": 5349}
# What aioice's reading of a message raises for one that is none, or is broken.
_NO_STUN = (ValueError, IndexError, KeyError, struct.error)
# An answer to our question, and one to its repetition half a second later.
_MOST_STRAYS = 2
_REMARKS = {
    300: "it sends clients on to another server, which is not followed here: name that one",
    437: "an allocation of this address is still there",
    486: "this user has as many allocations as he may have",
    508: "it has no relay left",
}
"""what a code of RFC 8656 section 18 means for whoever reads the ticket"""
# RFC 8656 section 7.2: a server grants at least its own default, 10 minutes; ours is given back at
# once.
_LIFETIME_SECONDS = 60


class _Question(asyncio.DatagramProtocol):
    """A socket for one STUN transaction."""

    _strays = 0

    def __init__(self) -> None:
        self._asked: tuple[bytes, stun.Transaction] | None = None
        self.failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send_stun(self, message: stun.Message, addr: Any) -> None:  # noqa: ARG002 - connected
        if self._transport:
            self._transport.sendto(bytes(message))

    def datagram_received(self, data: bytes, addr: Any) -> None:
        try:
            message = stun.parse_message(data)
        except _NO_STUN:
            self._strays += 1
            # One may be somebody else's that went astray (RFC 8489 section 6.3 has it dropped); who
            # answers each of our questions so is no STUN server.
            if self._strays >= _MOST_STRAYS:
                self._fail(Failed("bad-peer", "what came is not STUN"))
            return
        # RFC 8489 section 6.3: a response is known by its transaction ID.
        if not self._asked or message.transaction_id != self._asked[0]:
            return
        if message.message_class not in (stun.Class.RESPONSE, stun.Class.ERROR):
            self._fail(
                Failed("bad-peer", "our own question came back: an echo, and no STUN server")
            )
            return
        self._asked[1].response_received(message, addr)

    def error_received(self, exc: Exception) -> None:
        self._fail(exc)

    def _fail(self, why: Exception) -> None:
        if not self.failed.done():
            self.failed.set_exception(why)

    async def bind(self, server: Any) -> stun.Message:
        """Send a Binding request; returns its success. Raises what failed."""
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        transaction = stun.Transaction(request, server, self)
        self._asked = request.transaction_id, transaction
        running: asyncio.Future[Any] = asyncio.ensure_future(transaction.run())
        try:
            await asyncio.wait({running, self.failed}, return_when=asyncio.FIRST_COMPLETED)
            if self.failed.done():
                self.failed.result()
            answer: stun.Message = (await running)[0]
            return answer
        finally:
            running.cancel()
            self.failed.cancel()
            await asyncio.gather(running, self.failed, return_exceptions=True)


async def reflexive_address(url: str) -> str:
    """Our address as a STUN server sees it. Raises Failed, OSError; has no time limit itself."""
    _, host, port, _ = parts(url)
    loop = asyncio.get_running_loop()
    transport, question = await loop.create_datagram_endpoint(_Question, remote_addr=(host, port))
    try:
        answer = await question.bind((host, port))
        # XOR-MAPPED-ADDRESS hides the address from NATs that rewrite payloads (RFC 8489 section
        # 14.2). Servers of RFC 3489 know the plain one alone, and browsers take it.
        told = answer.attributes
        mapped = told.get("XOR-MAPPED-ADDRESS") or told["MAPPED-ADDRESS"]
    except stun.TransactionFailed as failed:
        raise Failed(*_error("stun", failed)) from None
    except stun.TransactionTimeout:
        raise TimeoutError from None
    except KeyError:
        raise Failed("bad-peer", "a success without our address (XOR-MAPPED-ADDRESS)") from None
    finally:
        transport.close()
    return f"{mapped[0]}:{mapped[1]}"


async def relayed_address(url: str, user: str, password: str, authorities: str) -> str:
    """Allocate a relay, give it back, and say where it was. Raises Failed, OSError; never gives up
    by itself.
    """
    scheme, host, port, transport = parts(url)
    context = trusting(Path(authorities) if authorities else None) if scheme == "turns" else None
    try:
        relay, _ = await turn.create_turn_endpoint(
            asyncio.DatagramProtocol,
            (host, port),
            user,
            password,
            _LIFETIME_SECONDS,
            ssl=context,
            transport=transport,
        )
    except stun.TransactionFailed as failed:
        raise Failed(*_error("turn", failed)) from None
    except stun.TransactionTimeout:
        raise TimeoutError from None
    except ConnectionError as problem:
        # The library's own word for a success that lacks something; the kernel's have a number.
        if problem.errno is None:
            raise Failed("bad-peer", str(problem)[:100]) from None
        raise
    address = relay.get_extra_info("sockname")
    relay.close()
    # An allocation with port 0, or at no address, relays nothing.
    if not address or address[1] == 0 or ip_address(address[0]).is_unspecified:
        raise Failed("no-relay", "an allocation without an address")
    return f"{address[0]}:{address[1]}"


def offered(offer: str) -> bool:
    """Whether a description offers a relay."""
    return " typ relay" in offer


def parts(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port, transport of a stun, turn or turns URL (RFC 7064, RFC 7065). Raises
    ValueError.
    """
    found = re.match(PATTERN, url)
    if found is None:
        raise ValueError(f"{url!r} is no STUN or TURN URL")
    scheme, host, port, transport = found.groups()
    return (
        scheme,
        host.strip("[]"),
        int(port or _PORTS[scheme]),
        # RFC 7065 section 3.1: turns means TLS over TCP.
        transport or ("tcp" if scheme == "turns" else "udp"),
    )


def _error(scheme: str, failed: stun.TransactionFailed) -> tuple[str, str]:
    attributes = failed.response.attributes
    if "ERROR-CODE" not in attributes:
        return "bad-peer", "an error without a code"
    # ERROR-CODE (RFC 8489 section 14.8); its words are the server's, and go into a ticket.
    code, text = attributes["ERROR-CODE"]
    more = _REMARKS.get(code, "")
    # RFC 8489 section 9.2.4: without both of them nobody can prove anything.
    if code == 401 and not {"REALM", "NONCE"} <= set(attributes):
        more = "it names no realm and nonce to prove oneself with"
    return f"{scheme}:{code}", "; ".join(one for one in (str(text)[:100], more) if one)
