"""Domains of SIP servers in a network of their own: a dnsmasq at port 53 with the records of each
story, far ends on its loopback, and one look by each kind. A program: the name server of a host is
a thing of the whole host.

    unshare --net --mount … python -m tests.field.far_ends.located_domains FOLDER KIND...
    {"srv": {"sip-options": ["OK", "", "…"]}, …}
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.field.far_ends.phone import Phone
from tests.field.far_ends.sip_server import Request, answer, bound
from tests.field.far_ends.snmp_agent import snmp_agent
from tests.field.far_ends.test_calls import HEAR, usual
from tests.field.story import in_short, once

HOST, SILENT = "127.0.0.1", "127.0.0.9"
GOOD, BUSY, BY_TCP = 25060, 25061, 25062


@dataclass(frozen=True, slots=True)
class Domain:
    """A name, its records as dnsmasq takes them ("{}" is the name), and what must come out."""

    name: str
    records: tuple[str, ...]
    right: str = "OK"
    line: tuple[tuple[str, str], ...] = ()
    called: bool = True
    """whether the call engine is tried as well"""
    by_call: str = ""
    """what must come out of a call, where that is otherwise"""

    def rightly(self, kind: str) -> str:
        """What must come out."""
        return self.by_call if kind == "sip-call" and self.by_call else self.right


def srv(port: int, priority: int = 10, to: str = "edge.test", of: str = "_sip._udp") -> str:
    """One server of the domain."""
    return f"--srv-host={of}.{{}},{to},{port},{priority},10"


DOMAINS = (
    Domain("srv.test", (srv(GOOD),)),
    Domain("busy.test", (srv(BUSY, 1), srv(GOOD, 2))),
    Domain("silent.test", (srv(GOOD, 1, "silent.host.test"), srv(GOOD, 2))),
    Domain("refusing.test", (srv(9, 1), srv(GOOD, 2))),
    Domain("gone.test", (srv(GOOD, 1, "nowhere.host.test"), srv(GOOD, 2)), called=False),
    Domain("nowhere.test", (srv(GOOD, 1, "nowhere.host.test"),), "FAILED dns", called=False),
    Domain("closed.test", ("--srv-host=_sip._udp.{}",), "FAILED dns"),
    Domain("all-busy.test", (srv(BUSY, 1), srv(BUSY, 2)), "FAILED sip:503"),
    # The records of the name itself are those of a web server.
    Domain("web.test", ("--host-record={},127.0.0.9", srv(GOOD))),
    Domain("tcp.test", (srv(BY_TCP, of="_sip._tcp"),), called=False),
    Domain(
        "naptr.test",
        (
            "--naptr-record={},10,50,S,SIP+D2T,,_sip._tcp.{}",
            "--naptr-record={},5,50,S,SIP+D2S,,_sip._sctp.{}",
            srv(BY_TCP, of="_sip._tcp"),
            srv(9),
        ),
        called=False,
    ),
    Domain("udp-written.test", (srv(9, of="_sip._tcp"), srv(GOOD)), line=(("transport", "udp"),)),
    Domain(
        "port.test:25060", ("--host-record=port.test,127.0.0.1", "--srv-host=_sip._udp.port.test")
    ),
    # No name server says anything of SRV here: its own address answers, or nobody knows.
    Domain("forwarder.test", ("--host-record={},127.0.0.1", "--server=/_udp.{}/127.0.0.1#1")),
    Domain(
        "broken.test",
        ("--host-record={},127.0.0.9", "--server=/_udp.{}/127.0.0.1#1"),
        "UNKNOWN",
        called=False,
    ),
    Domain("unsaid.test", ("--server=/_udp.{}/127.0.0.1#1",), "UNKNOWN", called=False),
    # IPv6 first, and nobody there.
    Domain("dual.test:25060", ("--host-record=dual.test,127.0.0.1,::1",)),
    # IPv6 alone, which the call engine has not.
    Domain("six.test:25063", ("--host-record=six.test,::1",), by_call="UNKNOWN"),
    Domain(
        "six-srv.test",
        ("--host-record=six.host.test,::1", srv(25063, to="six.host.test")),
        by_call="UNKNOWN",
    ),
)
_OWN = (
    "--host-record=lost.test,127.0.0.1,2001:db8::77",
    "--host-record=edge.test,127.0.0.1",
    f"--host-record=silent.host.test,{SILENT}",
)


class _Exchange(Phone):
    """A phone that is asked and registered at as well."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.startswith((b"OPTIONS ", b"REGISTER ")):
            self.send(_agreed(data), addr)
        else:
            super().datagram_received(data, addr)


class _Busy(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not data.startswith(b"ACK "):
            self._transport.sendto(answer(Request(data.decode()), "503 Service Unavailable"), addr)


def _agreed(data: bytes) -> bytes:
    asked = Request(data.decode())
    return answer(asked, "200 OK", *([bound(asked)] if data.startswith(b"REG") else []))


async def _by_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            writer.write(_agreed(await reader.readuntil(b"\r\n\r\n")))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@asynccontextmanager
async def _world() -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    records = [one.format(*2 * [domain.name]) for domain in DOMAINS for one in domain.records]
    fixed = ("--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=")
    names = await asyncio.create_subprocess_exec(
        *("dnsmasq", "--keep-in-foreground", *fixed, "--local=/test/", *_OWN, *records)
    )
    async with AsyncExitStack() as stack:
        for place in ((HOST, GOOD), (HOST, 5060), ("::1", 25063)):
            _, exchange = await loop.create_datagram_endpoint(
                lambda: _Exchange(usual()), local_addr=place
            )
            stack.push_async_callback(exchange.close)
        for place, kind in (
            ((HOST, BUSY), _Busy),
            ((SILENT, GOOD), asyncio.DatagramProtocol),
            ((SILENT, 5060), asyncio.DatagramProtocol),
        ):
            transport, _ = await loop.create_datagram_endpoint(kind, local_addr=place)
            stack.callback(transport.close)
        server = await asyncio.start_server(_by_tcp, HOST, BY_TCP)
        stack.callback(server.close)
        try:
            await _answering()
            yield
        finally:
            names.terminate()
            await names.wait()


async def _answering() -> None:
    """Wait for the name server."""
    async with asyncio.timeout(10):
        while True:
            try:
                await asyncio.open_connection(HOST, 53)
            except OSError:
                await asyncio.sleep(0.02)  # it is being started
            else:
                return


async def _looked(folder: Path, domain: Domain, kind: str) -> tuple[str, str]:
    """What came out, and what was seen; a probe that is starved says so, and is asked again."""
    for look in range(3):
        state, shown = await _once(folder / str(look), domain, kind)
        if state == domain.rightly(kind) or state != "UNKNOWN":
            break
    return state, shown


async def _once(folder: Path, domain: Domain, kind: str) -> tuple[str, str]:
    own = folder / f"{domain.name.replace(':', '-')}-{kind}"
    own.mkdir(parents=True)
    line = {"registrar": domain.name, "user": "monitor", **dict(domain.line)}
    limits = {"within": "6s"}
    if kind == "sip-call":
        limits = {"to": "8000", "answer_within": "8s", "signalling_within": "6s", **HEAR}  # type: ignore[dict-item]
    seen = await once(own, kind, line, line="main", **limits)
    fault = seen.verdict.fault
    return f"{seen.verdict.state} {fault.code if fault else ''}".strip(), in_short(seen)


async def _gateway(folder: Path) -> list[str]:
    """A gateway by a name whose first address is dead."""
    os.environ["REVEILLE_TEST_SECRET"] = "public-enough"
    (own := folder / "gateway").mkdir()
    async with snmp_agent() as port:
        community = {"environment": "REVEILLE_TEST_SECRET"}
        seen = await once(own, "pri-snmp", host=f"dual.test:{port}", community=community)
    return [] if str(seen.verdict.state) == "OK" else [f"dual.test by pri-snmp: {in_short(seen)}"]


async def _uplink(folder: Path) -> list[str]:
    """Targets by a name whose first address says nothing: the way out is none the worse for it."""
    wrong = []
    for means, more in (("icmp", {}), ("dns", {"name": "edge.test"})):
        (own := folder / f"uplink-{means}").mkdir()
        seen = await once(own, "uplink", targets=[{means: "lost.test", **more}], samples=2)
        # A kernel may keep ICMP from its users (net.ipv4.ping_group_range): then that is said.
        if str(seen.verdict.state) != "OK" and "ping_group_range" not in in_short(seen):
            wrong.append(f"lost.test by uplink: {in_short(seen)}")
    return wrong


async def main(folder: Path, kinds: list[str]) -> None:
    """Look at every domain, by every kind; tells what came out otherwise than is right."""
    wrong = []
    async with _world():
        for kind in kinds:
            if kind == "pri-snmp":
                wrong += await _gateway(folder)
                continue
            if kind == "uplink":
                wrong += await _uplink(folder)
                continue
            asked = [one for one in DOMAINS if kind != "sip-call" or one.called]
            lanes = asyncio.Semaphore(3 if kind == "sip-call" else 8)

            async def in_lane(one: Domain, kind: str = kind) -> tuple[str, str]:
                async with lanes:  # noqa: B023 - awaited within the turn
                    return await _looked(folder, one, kind)

            seen = await asyncio.gather(*(in_lane(one) for one in asked))
            wrong += [
                f"{domain.name} by {kind}: {shown}"
                for domain, (state, shown) in zip(asked, seen, strict=True)
                if state != domain.rightly(kind)
            ]
    json.dump(wrong, sys.stdout)


if __name__ == "__main__":
    os.environ.setdefault("HOME", sys.argv[1])
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
