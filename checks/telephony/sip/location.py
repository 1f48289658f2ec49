"""Where a SIP domain's servers are (RFC 3263): for calls, registrations, questions and softphones.

    trunk.example.net  NAPTR  10 50 "s" "SIP+D2T" "" _sip._tcp.trunk.example.net.    by which
                                                                                     transport
    _sip._tcp.trunk.example.net  SRV  10 60 5060 sip1.example.net.                   by which
                                 SRV  20  0 5060 sip2.example.net.                   servers
    sip1.example.net   A      192.0.2.7                                              at which
                                                                                     address

Rules: a port or an address as written means neither NAPTR nor SRV (sections 4.1, 4.2), and so does
a name that this host's own table has (hosts(5)), or one without a dot, which is no domain. NAPTR is
asked where no transport is written. SRV goes by priority, and by weight at random (RFC 2782). A
target "." says that there is no such service. Where the name service cannot be asked, the host's
own addresses are tried, as phones do; what then fails is not known to be the far end's (`doubt`).
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from checks.contract import CannotTell, Failed
from checks.network.dns_query import ask
from checks.network.dns_records import Srv, naptr_in, srv_in
from checks.network.own_resolvers import own_resolvers
from checks.transport import connect

Transport = Literal["udp", "tcp", "tls"]
Resolver = tuple[str, int]
"""a name server: its address and port"""

# RFC 3261 section 19.1.2.
USUAL_PORTS: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
# RFC 3263 section 4.2; a SIPS server is reached by TLS over TCP.
_LABELS: dict[Transport, str] = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
# RFC 3263 section 4.1: what a NAPTR record's service field says of the transport.
_SERVICES: dict[str, Transport] = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
# A domain with more servers than this has them behind fewer names; each is a try that takes time.
_MOST_RECORDS, _MOST_SERVERS = 32, 6
# The C library waits 5 s for each name server, as long as a whole probe may take.
_PATIENCE_SECONDS = 1.5
_HOSTS = Path("/etc/hosts")
_DNS_PORT = 53
# RFC 1035 section 4.1.1.
_NO_ERROR, _NO_SUCH_NAME = 0, 3
# An answer without a record: one question, for the root.
_NOTHING = b"\0\0\x80\0\0\1\0\0\0\0\0\0" + b"\0" * 5


@dataclass(frozen=True, slots=True)
class Server:
    """A server of a domain: its name or address, its port, and how SIP goes there."""

    name: str
    port: int
    carrier: Transport


@dataclass(frozen=True, slots=True)
class NextHop:
    """A server with its addresses; `domain` is the name as it was written, which a certificate must
    have (RFC 5922 section 7.1).
    """

    server: Server
    domain: str
    addresses: tuple[connect.Place, ...]
    trusted: Path | None = None

    def __str__(self) -> str:
        host, port = self.addresses[0][1][:2]
        at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        carried = "" if self.server.carrier == "udp" else f" over {self.server.carrier.upper()}"
        name = self.server.name
        return f"{at}{carried}" if name == host else f"{name[:100]} ({at}){carried}"


@dataclass(frozen=True, slots=True)
class Located:
    """The servers in the order in which they are tried."""

    servers: tuple[Server, ...]
    by: str = ""
    """which records led there, as in "SRV"; "" where it was as written"""
    doubt: str = ""
    """why the name service could not say; "" where it could"""


async def located(
    host: str,
    port: int | None,
    carrier: Transport | None,
    within: float,
    resolvers: Sequence[Resolver] | None = None,
) -> Located:
    """The servers of a host as written. Raises Failed (dns) for a domain that says it has none.

    `within`: seconds for all questions; `resolvers` are this host's own where none are given.
    """
    as_written = Server(host, port or USUAL_PORTS[carrier or "udp"], carrier or "udp")
    if port or not await asyncio.to_thread(_is_domain, host):
        return Located((as_written,))
    try:
        asked = resolvers or [(one, _DNS_PORT) for one in await asyncio.to_thread(own_resolvers)]
        found = await _Domain(host.rstrip("."), asked, within).servers(carrier)
    except (CannotTell, ValueError) as problem:
        return Located((as_written,), doubt=f"SRV of {host} could not be asked: {problem}")
    return found or Located((as_written,))


def by_priority(
    records: Sequence[Srv], chance: Callable[[int], int] = secrets.randbelow
) -> Iterator[Srv]:
    """Records in the order of RFC 2782: the least priority first, and among equals each with a
    chance as its weight. `chance` gives a number below the one that it is given.
    """
    for priority in sorted({one.priority for one in records}):
        # RFC 2782: those of weight 0 come first, so that they have a small chance at all.
        left = sorted(
            (one for one in records if one.priority == priority), key=lambda one: one.weight > 0
        )
        while left:
            mark, number = chance(sum(one.weight for one in left) + 1), 0
            while (mark := mark - left[number].weight) > 0:
                number += 1
            yield left.pop(number)


class _Domain:
    """The questions about one domain; together they take no longer than `within`."""

    def __init__(self, name: str, resolvers: Sequence[Resolver], within: float) -> None:
        self._name, self._resolvers = name, resolvers
        self._ends = asyncio.get_running_loop().time() + within
        self._none = False
        """whether it says of a transport that there is no service"""

    async def servers(self, carrier: Transport | None) -> Located | None:
        """None where it has neither NAPTR nor SRV. Raises Failed, CannotTell."""
        ways = [(_LABELS[carrier] + "." + self._name, carrier)] if carrier else await self._naptr()
        by = "SRV" if carrier or not ways else "NAPTR and SRV"
        # RFC 3263 section 4.1: without NAPTR each transport that we have is asked for.
        for name, way in ways or [(f"{label}.{self._name}", w) for w, label in _LABELS.items()]:
            if found := await self._srv(name, way):
                return Located(tuple(found), by)
        if self._none:
            raise Failed("dns", f'{self._name} says by SRV that it has no SIP server (".")')
        return None

    async def _naptr(self) -> list[tuple[str, Transport]]:
        """Where to ask for SRV, the preferred first (RFC 3263 section 4.1, RFC 3403)."""
        try:
            answer = await self._answer(self._name, "NAPTR")
        except CannotTell:
            # Small forwarders know no NAPTR, and phones ask for SRV at once: that decides.
            answer = _NOTHING
        found = [
            (one.order, one.preference, one.replacement, way)
            for one in naptr_in(answer)
            if one.flags.upper() == "S" and (way := _SERVICES.get(one.service.upper()))
        ]
        return [(name, way) for _, _, name, way in sorted(found) if name]

    async def _srv(self, name: str, carrier: Transport) -> list[Server]:
        records = srv_in(await self._answer(name, "SRV"))
        self._none = self._none or any(not one.target for one in records)
        usable = by_priority([one for one in records if one.target and one.port][:_MOST_RECORDS])
        return [Server(one.target, one.port, carrier) for one in usable][:_MOST_SERVERS]

    async def _answer(self, name: str, record: str) -> bytes:
        """The answer of the first name server that can say. Raises CannotTell."""
        why = "no time is left"
        for address, port in self._resolvers:
            if (left := self._ends - asyncio.get_running_loop().time()) <= 0:
                break
            try:
                async with asyncio.timeout(min(_PATIENCE_SECONDS, left)):
                    asked = await ask(address, port, name, record)
            except TimeoutError:
                why = f"{address} does not answer"
                continue
            except (Failed, CannotTell) as problem:
                # A name that is too long to be asked for has no records.
                if isinstance(problem, Failed) and problem.origin == "local":
                    return _NOTHING
                why = f"{address}: {problem}"
                continue
            if asked.rcode == _NO_SUCH_NAME:
                return _NOTHING
            if asked.rcode == _NO_ERROR:
                return asked.data
            why = f"{address} answers with error {asked.rcode}"
        raise CannotTell(why)


def _is_domain(host: str) -> bool:
    """Whether records of a domain may be had for it: neither an address nor a name of this host's
    own.
    """
    name = host.rstrip(".").lower()
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return "." in name and name not in _own_names()
    return False


def _own_names() -> set[str]:
    """The names in this host's own table (hosts(5))."""
    try:
        lines = _HOSTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return {word.lower() for line in lines for word in line.partition("#")[0].split()[1:]}
