"""Does a name server answer, rightly and soon? One question (RFC 1035).

    ask      > portal.example.net IN A      faults: timeout, refused, unreachable
             over UDP, repeated if need be
    tcp      the same, where the answer     faults: closed, bad-peer, refused
             was cut short
    answer   < NOERROR  192.0.2.10          faults: dns:nxdomain, dns:servfail, dns:refused,
                                                    no-answer, wrong-answer
    any of them                             fault:  timeout

Rule: an alias on the way (CNAME) is followed as the server gives it; the answers are the records of
the type asked for that stand at the end of that chain, as any resolver takes them. Records of other
names beside it answer nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.kind import Duty
from checks.network.dns_query import Asked, ask
from checks.network.dns_reader import read
from checks.network.own_resolvers import own_resolvers
from checks.settings import Duration
from checks.target import of_host

Record = Literal[
    "A", "AAAA", "CAA", "CNAME", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "TXT"
]
# A name behind a content network may have dozens of addresses: a ticket needs a few.
_MOST_SHOWN = 10


def _address(written: str) -> str:
    try:
        return str(ipaddress.ip_address(written))
    except ValueError:
        raise ValueError(
            f"{written[:60]!r} is no IP address; a name server is asked by its address"
        ) from None


class Dns(Check):
    """Asks a name server, and compares what it answers."""

    KIND: ClassVar[str] = "dns"
    LOOKS_ONLY: ClassVar[bool] = True
    LAYER: ClassVar[Layer] = Layer.UPLINK
    DUTY: ClassVar[Duty] = "network"
    SAMPLE: ClassVar[str] = """
[checks.portal-name]
kind = "dns"
every = "5m"
name = "agent.example.net"
"""

    name: str = Field(min_length=1, max_length=255, examples=["portal.example.net"])
    """the name to ask for"""
    record: Record = "A"
    """the type of record to ask for"""
    server: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None, examples=["192.0.2.53"]
    )
    """address of the name server; without it the first one of this host"""
    port: int = Field(default=53, ge=1, le=65535)
    """its port"""
    answers: tuple[str, ...] = Field(default=(), examples=[["192.0.2.10"]])
    """what it must answer, as zone files have it: "192.0.2.10", "10 mail.example.net"; without it
    all are right
    """
    only_these: bool = False
    """whether an answer beside those is wrong"""
    within: Duration = Field(default=5.0, gt=0)
    """time limit for everything together"""

    def target(self) -> str:
        """The name, its record, and the server that is asked where it is not the host's own."""
        asked = f" at {of_host(self.server, self.port)}" if self.server else ""
        return f"{self.name} ({self.record}){asked}"

    def measures(self) -> Mapping[str, str]:
        """The measures of a question and its answer."""
        return {
            "ask_seconds": "from the first question to the answer over UDP, in seconds",
            "tcp_seconds": "asking again over TCP, in seconds; only where the answer was cut short",
            "answers": "how many records came of the type that was asked for",
            "ttl_seconds": "how long the answer may be kept, in seconds",
            "answer_bytes": "the size of the answer, in bytes",
            "repetitions": "how often the question was repeated over UDP",
        }

    def longest_seconds(self) -> float:
        """The time limit, and what the process that reads the answer may need on a busy host."""
        return self.within + 10.0

    async def probe(self, trace: Trace) -> None:
        """Ask the name server once, and judge its answer."""
        server = await asyncio.to_thread(_first_own) if self.server is None else self.server
        try:
            async with asyncio.timeout(self.within):
                asked = await self._ask(server, trace)
        except TimeoutError:
            # A silent server and a lost datagram look the same over UDP; the question was repeated,
            # so a single loss has not led here.
            raise Failed("timeout", f"no answer within {self.within:g} s") from None
        trace.measure("repetitions", asked.repetitions)
        trace.measure("answer_bytes", len(asked.data))
        if asked.plainly:
            trace.note("asked without EDNS (RFC 6891), which the server does not answer rightly")
        with trace.stage("answer"):
            self._judge(await read(asked.data, self.record), asked.by_tcp, trace)

    async def _ask(self, server: str, trace: Trace) -> Asked:
        """The stage `ask`; what is asked again over TCP is a stage of its own."""
        with ExitStack() as stages:
            stages.enter_context(trace.stage("ask"))

            def cut_short() -> None:
                stages.close()
                stages.enter_context(trace.stage("tcp"))

            return await ask(server, self.port, self.name, self.record, cut_short)

    def _judge(self, told: Mapping[str, Any], by_tcp: bool, trace: Trace) -> None:
        status, found = told["status"], told["found"]
        shown = ", ".join(found[:_MOST_SHOWN]) + (" …" if len(found) > _MOST_SHOWN else "")
        trace.note(f"{status}{' over TCP' if by_tcp else ''}: {shown or 'no record'}")
        trace.measure("answers", len(found))
        if told["ttl"] is not None:
            trace.measure("ttl_seconds", told["ttl"])
        # NXDOMAIN (the name does not exist) and SERVFAIL (the server cannot tell) are told apart by
        # their code: a policy sends the one to whoever keeps the zone, the other to whoever keeps
        # the server.
        if status != "NOERROR":
            raise Failed(f"dns:{status.lower()}", f"{self.name} {self.record}")
        # NOERROR without such a record ("NODATA", RFC 2308 section 2.2): the name exists, with
        # other types of records.
        if not found:
            raise Failed("no-answer", self._nothing(told))
        plain = {_plain(one) for one in found}
        wanted = {_plain(one): one for one in self.answers}
        if missing := [one for key, one in wanted.items() if key not in plain]:
            raise Failed("wrong-answer", f"{', '.join(missing)} is not among {shown}")
        if self.only_these and (strange := [one for one in found if _plain(one) not in wanted]):
            raise Failed("wrong-answer", f"{', '.join(strange[:_MOST_SHOWN])} is not expected")

    def _nothing(self, told: Mapping[str, Any]) -> str:
        """Why there is no answer, as far as the records tell."""
        said = f"there is no {self.record} record of {self.name}"
        if told["circle"]:
            return f"{said}: its aliases lead in a circle"
        if told["alias"]:
            said += f": it is an alias of {told['alias']}, of which none came"
        return f"{said}; the server only names others to ask" if told["referral"] else said


def _plain(answer: str) -> str:
    """One form to compare: names have no case and may end with a dot; an address has one form."""
    try:
        return str(ipaddress.ip_address(answer))
    except ValueError:
        return " ".join(word.casefold().rstrip(".") for word in answer.split())


def _first_own() -> str:
    """The first name server of this host, which every program meets first. Raises CannotTell."""
    try:
        return own_resolvers()[0]
    except CannotTell as none:
        raise CannotTell(f"{none}; write 'server'") from none
