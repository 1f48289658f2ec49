"""What frames an attempt at a call, whichever side begins it: its phones, whoever watches over
them, and what the first words of the far end say.

Rule: the watches are entered before a phone is started and left after the last is closed, so that a
probe that was itself sick is UNKNOWN, whatever broke within.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from checks.contract import Failed, Trace
from checks.telephony.call import bad_peer, evidence, line_security
from checks.telephony.call.leg import Event, Phone
from checks.telephony.call.legs import Legs
from checks.telephony.call.line import Line
from checks.telephony.call.probe_health import LoopWatch, ProbeLimits, honest


class Placed(Protocol):
    """A check with a call of its own, and what it must say of that call."""

    @property
    def codecs(self) -> tuple[str, ...]:
        """What its phones offer, the preferred first."""

    @property
    def signalling_within(self) -> float:
        """Seconds that each exchange may take."""

    def all_lines(self) -> dict[str, Line]:
        """Who has a phone, by the name of the leg."""

    def longest_seconds(self) -> float:
        """The longest that one honest attempt can take."""


@asynccontextmanager
async def call_attempt(
    trace: Trace, limits: ProbeLimits, call: Placed
) -> AsyncIterator[tuple[Legs, LoopWatch]]:
    """The phones of one attempt, and the watch over this host's own health; `limits` is the check
    itself."""
    # A phone's process ends its own call 30 s after the longest honest attempt, should the daemon
    # forget it.
    parties = Legs(trace, call.codecs, call.signalling_within, call.longest_seconds() + 30.0)
    with (
        honest(trace, limits, lambda: evidence.health_of_legs(parties.legs)) as watch,
        bad_peer.named(trace, parties.legs),
        line_security.named(call.all_lines()),
    ):
        yield parties, watch


async def response(phone: Phone, *names: str, within: float) -> Event:
    """The first of these events. Raises Failed when none comes within so many seconds."""
    try:
        return await phone.until(*names, within=within)
    except TimeoutError:
        raise Failed("timeout", f"no response within {within:g} s") from None


def measure_answer(trace: Trace, call: Phone, first: Event, began: float) -> None:
    """How long it took until something was heard of the far end (signalling, ring, post-dial
    delay), in seconds."""
    invited, rang, answered = call.seen("invited"), call.seen("provisional"), call.seen("answered")
    if rang:
        trace.staged("ring", began, max(0.0, rang.at - first.at))
    # Post-dial delay (RFC 6076 section 4.3, session request delay) ends with the first sign of the
    # callee: 100 Trying is none, it comes from the next hop.
    if invited:
        trace.measure("signalling_seconds", first.at - invited.at)
    if invited and (rang or answered):
        trace.measure("pdd_seconds", min(e.at for e in (rang, answered) if e) - invited.at)
