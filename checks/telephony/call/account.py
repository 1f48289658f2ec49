"""From a line of the configuration to what a phone must know: its account, its way to the
registrar, whom it calls.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from typing import Any

from checks.contract import CannotTell, Failed
from checks.telephony.call.line import Line
from checks.telephony.sip.failover import Ways, ways_to
from checks.telephony.sip.location import NextHop, Transport
from checks.telephony.sip.target import Target
from checks.transport.faults import far_faults


@dataclass(frozen=True, slots=True)
class Account:
    """The way that the requests of a line take: registrar, next hop and local address."""

    line: Line
    ways: Ways
    local_address: str
    number: int = 0
    """which of the next hops it is"""

    @property
    def hop(self) -> NextHop:
        """The server that its requests go to."""
        return self.ways.hops[self.number]

    @property
    def host(self) -> str:
        """The registrar as it is written, without a port."""
        return self.hop.domain

    @property
    def port(self) -> int:
        """The port of the next hop."""
        return self.hop.server.port

    @property
    def carrier(self) -> Transport:
        """How SIP goes to the next hop."""
        return self.hop.server.carrier

    @property
    def address(self) -> str:
        """The next hop's own."""
        return str(self.hop.addresses[0][1][0])

    @property
    def further(self) -> Account | None:
        """The same by the server that is asked after this one (RFC 3263 section 4.3)."""
        there = self.number + 1 < len(self.ways.hops)
        return replace(self, number=self.number + 1) if there else None

    def uri(self, user: str = "") -> str:
        """A URI at the line's registrar, or in its domain."""
        at = f"{user}@" if user else ""
        # A domain is resolved by the far proxy; without one the registrar's own address is the
        # domain.
        if self.line.domain:
            return f"sip:{at}{self.line.domain}"
        # RFC 3263 section 4: the Request-URI keeps the name that was located, without a port.
        if self.ways.by:
            return f"sip:{at}{self.host}"
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
            "transport": self.carrier,
            "registrar": self.uri() if line.user else None,
            "route": self._route(),
            "user": line.user,
            "password": _secret(line),
            "local_address": self.local_address,
            **(self._secured() if self.carrier == "tls" else {}),
            "codecs": list(codecs),
            "srtp": line.srtp,
            "realm": line.realm,
            "sources": self.sources(),
        }

    def _secured(self) -> dict[str, Any]:
        """What the phone's relay must know of TLS."""
        trusted = self.line.trusted_certificates
        return {
            "places": [[str(one[0]), int(one[1])] for _, one in self.hop.addresses],
            # RFC 5922 section 4: the name that was asked for is what the certificate must hold.
            "server_name": self.hop.domain,
            "authorities": str(trusted) if trusted else None,
        }

    def sources(self) -> list[str]:
        """Where calls to this line come from: the registrar's addresses, and `calls_from`."""
        # Other programs of this host share the loopback address, and over UDP a port is told apart.
        # An exchange elsewhere may send by another port than it listens at.
        local = self.carrier == "udp"
        own = {
            f"{one}:{port}" if local and one.startswith("127.") else one
            for one, port in self._places()
        }
        return [*sorted(own), *(str(one) for one in self.line.calls_from)]

    def place_of(self, uri: str) -> tuple[str, tuple[str, ...]]:
        """The user of a URI, and every way in which its host may be written: as there, and as the
        registrar itself where that is meant.
        """
        user, _, host = uri.partition(":")[2].partition("@")
        host = host.partition(";")[0]
        own = {f"{self.host}:{self.port}", *(f"{one}:{port}" for one, port in self._places())}
        own |= {one for one in (self.line.domain, self.host if self.ways.by else "") if one}
        return user, tuple(sorted({host, *own} if host in own else {host}))

    def _places(self) -> set[tuple[str, int]]:
        """The address and port of every server: a call may come from any of them."""
        places = (place for hop in self.ways.hops for _, place in hop.addresses)
        return {(str(place[0]), int(place[1])) for place in places}

    def _route(self) -> str | None:
        """The proxy that every request goes through; None where the registrar's URI leads there."""
        if self.line.domain and not self.ways.by and len(self.ways.hops) == 1:
            at = self.host
        elif self.ways.by or len(self.ways.hops) > 1:
            at = self.address
        else:
            return None
        # ;lr makes it a loose route (RFC 3261 section 19.1.1): the Request-URI keeps the domain.
        return f"sip:{at}:{self.port}{self._transport};lr"

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
        return "" if self.carrier == "udp" else f";transport={self.carrier}"


async def account_of(line: Line, within: float, carrier: Transport | None = None) -> Account:
    """Find the way. Raises Failed for a name that does not resolve or has no route, CannotTell.

    `carrier` is the only one that the engine has, where it has no more than one.
    """
    target = Target(line.registrar, carrier or line.carrier, line.trusted_certificates)
    if not target.sane:
        raise CannotTell(f"{line.registrar!r} is not host or host:port (IPv4)")
    try:
        ways = _by_ipv4(line.registrar, await ways_to(target, within))
        with far_faults(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            # connect on a datagram socket sends nothing: the system only chooses the address.
            probe.connect(ways.hops[0].addresses[0][1])
            return Account(line, ways, probe.getsockname()[0])
    except Failed as fault:
        # The origin is "local": no packet of the far end was seen.
        raise Failed(fault.code, f"{line.registrar}: {fault.text}", origin="local") from fault


def _by_ipv4(registrar: str, ways: Ways) -> Ways:
    """Those that the call engine can go. Raises CannotTell where there is none."""
    known = [
        replace(hop, addresses=tuple(one for one in hop.addresses if one[0] == socket.AF_INET))
        for hop in ways.hops
    ]
    hops = [hop for hop in known if hop.addresses]
    if not hops:
        raise CannotTell(
            f"engine error: {registrar} has IPv6 addresses only, and the call engine has no IPv6:"
            " give the registrar's name an IPv4 address (A record), or name one; sip-options and"
            " sip-registration do look at it over IPv6"
        )
    return replace(ways, hops=tuple(hops))


def _secret(line: Line) -> str | None:
    try:
        return line.password.reveal() if line.password else None
    except LookupError as problem:
        raise CannotTell(f"the password of line {line.name!r}: {problem}") from None
