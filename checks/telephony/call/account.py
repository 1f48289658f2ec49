"""From a line of the configuration to what a phone must know: its account, its way to the
registrar, whom it calls.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from checks.contract import CannotTell, Failed
from checks.telephony.call.line import Line
from checks.transport.faults import fault_of

# RFC 3261 section 19.1.2: 5060 for UDP and TCP, 5061 for TLS.
_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}
_HOST = re.compile(r"(?P<host>[^:\[\]]+)(?::(?P<port>\d+))?")


@dataclass(frozen=True, slots=True)
class Account:
    """The way that the requests of a line take: registrar, port and local address."""

    line: Line
    host: str
    port: int
    local_address: str
    addresses: tuple[str, ...] = ()
    """the registrar's own, as its name was resolved"""

    def uri(self, user: str = "") -> str:
        """A URI at the line's registrar, or in its domain."""
        at = f"{user}@" if user else ""
        # A domain is resolved by the far proxy; without one the registrar's own address is the
        # domain.
        if self.line.domain:
            return f"sip:{at}{self.line.domain}"
        return f"sip:{at}{self.host}:{self.port}{self._transport}"

    def account(self, codecs: tuple[str, ...]) -> dict[str, Any]:
        """The account as the phone's `open` takes it. Raises CannotTell for a missing secret."""
        line = self.line
        home = line.domain or self.host
        return {
            "address": (
                f"sip:{line.user}@{home}"
                if line.user
                else f"sip:{line.caller_id or 'reveille'}@{self.local_address}"
            ),
            "transport": line.transport,
            "registrar": self.uri() if line.user else None,
            # ;lr makes it a loose route (RFC 3261 section 19.1.1): the Request-URI keeps the
            # domain.
            "route": f"sip:{self.host}:{self.port}{self._transport};lr" if line.domain else None,
            "user": line.user,
            "password": _secret(line),
            "local_address": self.local_address,
            # The engine's own OpenSSL does not know where this system keeps its authorities.
            "authorities": str(
                line.trusted_certificates or ssl.get_default_verify_paths().cafile or ""
            ),
            "codecs": list(codecs),
            "srtp": line.srtp,
            "realm": line.realm,
            "sources": self.sources(),
        }

    def sources(self) -> list[str]:
        """Where calls to this line come from: the registrar's addresses, and `calls_from`."""
        # Other programs of this host share the loopback address, and over UDP a port is told apart.
        # An exchange elsewhere may send by another port than it listens at.
        local = self.line.transport == "udp"
        own = (
            f"{one}:{self.port}" if local and one.startswith("127.") else one
            for one in self.addresses
        )
        return [*own, *(str(one) for one in self.line.calls_from)]

    def place_of(self, uri: str) -> tuple[str, tuple[str, ...]]:
        """The user of a URI, and every way in which its host may be written: as there, and as the
        registrar itself where that is meant.
        """
        user, _, host = uri.partition(":")[2].partition("@")
        host = host.partition(";")[0]
        own = {f"{self.host}:{self.port}", *(f"{one}:{self.port}" for one in self.addresses)}
        if self.line.domain:
            own.add(self.line.domain)
        return user, tuple(sorted({host, *own} if host in own else {host}))

    def callee(self, to: str) -> str:
        """The URI to call; `to` itself where it is one already."""
        return to if to.startswith(("sip:", "sips:")) else self.uri(to)

    def caller(self) -> str | None:
        """The From of a call, where it is not the account's own."""
        line = self.line
        return (
            f"sip:{line.caller_id}@{line.domain or self.host}"
            if line.user and line.caller_id
            else None
        )

    @property
    def _transport(self) -> str:
        return "" if self.line.transport == "udp" else f";transport={self.line.transport}"


def port_of(line: Line) -> tuple[str, int]:
    """The registrar's host and port as written; "" and 0 where it is neither host nor host:port."""
    match = _HOST.fullmatch(line.registrar)
    return (match["host"], int(match["port"] or _PORTS[line.transport])) if match else ("", 0)


async def account_of(line: Line, within: float) -> Account:
    """Find the way. Raises Failed for a name that does not resolve or has no route, CannotTell."""
    host, port = port_of(line)
    if not host:
        raise CannotTell(f"{line.registrar!r} is not host or host:port (IPv4)")
    try:
        async with asyncio.timeout(within):
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            # connect on a datagram socket sends nothing: the system only chooses the address.
            probe.connect(found[0][4])
            addresses = tuple(sorted({str(one[4][0]) for one in found}))
            return Account(line, host, port, probe.getsockname()[0], addresses)
    # The resolver of this host answers nothing, not even that there is no such name.
    except TimeoutError:
        raise CannotTell(f"{host} did not resolve within {within:g} s") from None
    except (OSError, UnicodeError) as problem:
        # A registrar with nothing but AAAA records looks like no name at all to an IPv4
        # lookup.
        if isinstance(problem, socket.gaierror) and await _has_ipv6(host, port):
            raise CannotTell(
                f"engine error: {host} has IPv6 addresses only, and the call engine has no IPv6"
            ) from problem
        raise _no_way(host, problem) from problem


def _no_way(host: str, problem: Exception) -> Exception:
    """The exception for a registrar to which there is no way: Failed or CannotTell."""
    fault = fault_of(problem)
    if isinstance(fault, Failed):
        # The origin is "local": no packet of the far end was seen.
        return Failed(fault.code, f"{host}: {fault.text}", origin="local")
    return CannotTell(f"{host}: {fault or problem}")


async def _has_ipv6(host: str, port: int) -> bool:
    try:
        return bool(
            await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET6)
        )
    except OSError:
        return False


def _secret(line: Line) -> str | None:
    try:
        return line.password.reveal() if line.password else None
    except LookupError as problem:
        raise CannotTell(f"the password of line {line.name!r}: {problem}") from None
