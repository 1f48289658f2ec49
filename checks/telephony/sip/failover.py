"""From a domain's servers to the one that answers (RFC 3263 section 4.3).

A server that cannot be reached, says nothing or answers 503 is passed over, as phones do, and the
next is asked, in the time that is left; what the last one says is the fault. Over UDP each address
of a name is a server of its own; over TCP and TLS those of one name race (RFC 8305).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace

from checks.contract import CannotTell, Failed, Trace
from checks.telephony.sip.location import NextHop, Resolver, located
from checks.telephony.sip.target import Target
from checks.telephony.sip.transaction import Conversation, asked, late
from checks.transport.connect import resolve
from checks.transport.faults import far_faults

PASSED_OVER = "servers that were passed over before one answered (RFC 3263 section 4.3)"
"""what the measure `failovers` is"""
# Each is a try that takes its share of the time.
_MOST_HOPS = 4
# A timeout, a failure of the transport, or 503 (RFC 3263 section 4.3).
_MOVES_ON = re.compile(r"timeout|refused|unreachable|closed|sip:503(/.*)?")


@dataclass(frozen=True, slots=True)
class Ways:
    """The next hops of a target in their order, at least one."""

    hops: tuple[NextHop, ...]
    by: str = ""
    """which records led there; "" where the target is as written"""
    doubt: str = ""

    @contextmanager
    def doubting(self) -> Iterator[None]:
        """Around what is asked there: a fault of what may not be the server that was meant is none
        of the far end's. Raises CannotTell.
        """
        try:
            yield
        except Failed as fault:
            if not self.doubt:
                raise
            raise CannotTell(f"{self.doubt}; at its own address: {fault}") from fault


async def ways_to(
    target: Target, within: float, resolvers: Sequence[Resolver] | None = None
) -> Ways:
    """Where a target's requests go. Raises Failed (dns), CannotTell where this host's resolver says
    nothing within half of so many seconds.
    """
    host, port = target.named()
    found = await located(host.strip("[]"), port, target.carrier, within / 4, resolvers)
    hops, missing = list[NextHop](), None
    ends = asyncio.get_running_loop().time() + within / 4
    for server in found.servers:
        try:
            async with asyncio.timeout_at(ends):
                addresses = tuple(await resolve(server.name, server.port))
        except TimeoutError:
            raise CannotTell(
                f"names cannot be resolved here: nothing came for {server.name} within"
                f" {within / 4:g} s"
            ) from None
        except Failed as fault:
            led = f"{host} leads by {found.by} to it: " if found.by else ""
            missing = Failed(fault.code, f"{server.name[:100]}: {led}{fault.text}", fault.origin)
            continue
        hop = NextHop(server, host.strip("[]"), addresses, target.trusted)
        each = [replace(hop, addresses=(one,)) for one in addresses]
        hops += each if server.carrier == "udp" else [hop]
    if missing and not hops:
        raise missing
    return Ways(tuple(hops[:_MOST_HOPS]), found.by, found.doubt)


def moves_on(fault: Failed) -> bool:
    """Whether the next server is asked after it."""
    return _MOVES_ON.fullmatch(fault.code) is not None


Talk = Callable[[Conversation], Awaitable[None]]


async def in_turn(trace: Trace, target: Target, within: float, talk: Talk) -> None:
    """Connect (stage "connect") and talk, with one server after the other until one answers, in so
    many seconds together; before it, names may take half as long. Raises Failed, CannotTell.
    """
    turns = _Turns(trace, target, within)
    began = trace.elapsed()
    while (passed_over := await turns.one(talk)) is not None:
        trace.note(f"{passed_over}; the next server is asked (RFC 3263, 4.3)")
        trace.another_way(began)
        began = trace.elapsed()
    trace.measure("failovers", turns.number - 1)


class _Turns:
    """One server after the other, each with its share of the time."""

    def __init__(self, trace: Trace, target: Target, within: float) -> None:
        self._trace, self._target, self._within = trace, target, within
        self._ways: Ways | None = None
        self._ends = 0.0
        """when the time of all servers together is over, on the loop's clock"""
        self.number = 0

    async def one(self, talk: Talk) -> str | None:
        """Talk with the next one; what is passed over, in words. Raises Failed, CannotTell."""
        far: Conversation | None = None
        try:
            async with asyncio.timeout(None) as limit, AsyncExitStack() as stack:
                with self._trace.stage("connect"), far_faults():
                    hop = await self._next()
                    share = self._share()
                    limit.reschedule(min(self._ends, asyncio.get_running_loop().time() + share))
                    far = await stack.enter_async_context(asked(hop))
                stack.callback(far.exhibit, self._trace)
                await talk(far)
                return None
        except TimeoutError:
            return self._passed_over(hop, late(far, share))
        except Failed as fault:
            if self._ways is None:
                raise
            return self._passed_over(self._ways.hops[self.number - 1], fault)

    async def _next(self) -> NextHop:
        if self._ways is None:
            self._ways = await ways_to(self._target, self._within)
            # What this host's own name server took is not taken from the far end's time.
            self._ends = asyncio.get_running_loop().time() + self._within
            if self._ways.by:
                hops = ", ".join(map(str, self._ways.hops))
                self._trace.note(f"{self._target.written} by {self._ways.by}: {hops}"[:400])
        self.number += 1
        return self._ways.hops[self.number - 1]

    def _share(self) -> float:
        hops = self._ways.hops if self._ways else ()
        left = self._ends - asyncio.get_running_loop().time()
        # The one and only has the whole time limit, and a fault names it as it is written.
        share = max(0.1, left / (len(hops) - self.number + 1))
        return self._within if len(hops) == 1 else round(share, 1)

    def _passed_over(self, hop: NextHop, fault: Failed) -> str:
        """What is said of a server after which there is another. Raises Failed, CannotTell."""
        ways = self._ways
        if ways and self.number < len(ways.hops) and moves_on(fault):
            return f"{hop}: {fault}"
        with ways.doubting() if ways else nullcontext():
            raise fault
