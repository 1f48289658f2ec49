"""Reaching our agent, and the proof that it is ours: both sides challenge each other in band.

    caller                                   agent
      |  ......... rings, is answered ........  |     stage agent
      |  == nonce of the caller (tones) ======> |     stage talk: each must hear the other's nonce,
         new in each
      |  <====== nonce of the agent (tones) === |     call; it tells by how much it is late
      |  == digits of the caller (DTMF) ======> |
      |  <====== digits of the agent (DTMF) === |

stage    fault codes
agent    not-registered, not-rung, not-answered, no-srtp (our agent refused a call that is not
         encrypted), early-hang-up
talk     one-way-to-agent, one-way-to-caller, dead-air, echo (our own challenge came back),
         wrong-agent (somebody else's did), dtmf-lost-to-agent, dtmf-lost-to-caller, dtmf-lost,
         early-hang-up
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping

from checks.contract import CannotTell, Failed, Trace
from checks.telephony.audio import nonce
from checks.telephony.call.agent_offer import unfit
from checks.telephony.call.leg import Event, Phone, unless_ended
from checks.telephony.call.mouth_to_ear import codec_of, lateness_ms, own_ms, packet_ms
from checks.telephony.call.script import AgentStep

# A 2xx is repeated after 0.5, 1.5 and 3.5 s (RFC 3261 section 13.3.1.4): an ACK that is to come
# has come by then.
ANSWER_SECONDS = 5.0
# Both nonces last 0.8 s a round: five rounds, so that a bad one can be repeated.
TALK_SECONDS = 4.0
# Four stretches of 0.8 s, each half over the one before, and the time to decide.
_TIMED_SECONDS = 5.0
# Beside half a second for each digit: RFC 4733 repeats the end of an event, and jitter buffers add
# to it.
_DIGITS_SECONDS = 4.0
# For a phone to answer an order, on a machine that is busy.
_DECIDE_SECONDS = 10.0
MEASURES: Mapping[str, str] = {
    "agent_ring_seconds": "awaiting the agent until the agent's phone rang",
    "agent_seconds": "awaiting the agent until the agent was connected",
    "talk_seconds": "proving the agent: tones, delays and digits",
    "talk_heard_seconds": "until both sides had heard each other",
    "caller_to_agent_ms": (
        "how late the caller's sound reaches the agent's phone: all between the two, milliseconds"
    ),
    "agent_to_caller_ms": (
        "how late the agent's sound reaches the caller's phone: all between the two, milliseconds"
    ),
}


class Proof:
    """Reaches the agent of a step on the call that stands, and proves it."""

    def __init__(
        self,
        trace: Trace,
        step: AgentStep,
        call: Phone,
        agent: Phone,
        dtmf: str,
        picks_up: bool = False,
    ) -> None:
        """`picks_up`: the agent was called directly, and answers by itself."""
        self._picks_up = picks_up
        self._trace, self._step, self._dtmf = trace, step, dtmf
        self._call, self._agent = call, agent
        self._random = random.SystemRandom()

    async def run(self, review: Callable[[], Awaitable[Event]]) -> None:
        """`review` says what the caller hears while nobody rings. Raises Failed, CannotTell."""
        with self._trace.stage("agent"):
            # An agent's phone that never got registered cannot be rung: the queue is not to blame.
            if self._agent.seen("registered") is None:
                raise Failed(
                    "not-registered",
                    f"agent {self._step.agent.name!r} did not get registered before the call"
                    " reached it",
                )
            await self._be_rung(review)
            await self._be_answered()
        await self.prove()

    async def prove(self) -> None:
        """Prove a call in which both sides have answered. Raises Failed, CannotTell."""
        with self._trace.stage("talk"):
            await self._talk()

    async def _be_rung(self, review: Callable[[], Awaitable[Event]]) -> None:
        name, within, began = self._step.agent.name, self._step.within, self._trace.elapsed()
        try:
            rung = await unless_ended(
                self._call, lambda: self._agent.until("incoming", "offer-refused", within=within)
            )
        except TimeoutError:
            # Customers who came first are rung first: the queue works, and nothing is known of our
            # own call.
            if others := sum(event.name == "turned-away" for event in self._agent.events):
                raise CannotTell(
                    f"agent {name!r} was rung {others} times within {within:g} s by others than"
                    f" {self._step.caller or 'our own line'!r}: customers come first in the queue,"
                    " or our call shows another number (write it as `caller` in the agent's step)"
                ) from None
            # What the caller hears meanwhile tells an engineer where the call went.
            seen = await review()
            if seen["code"] == "dtmf-ignored":
                with self._trace.stage("prompt"):
                    raise Failed(
                        "dtmf-ignored", f"{seen['text']}; agent {name!r} was not rung"
                    ) from None
            raise Failed(
                "not-rung",
                f"agent {name!r} was not rung within {within:g} s; the caller heard:"
                f" {seen['text']}",
            ) from None
        # 488 came from our own phone (RFC 3261 section 21.4.26): the far end offered what the
        # line's srtp setting forbids.
        if rung.name == "offer-refused":
            raise unfit(name, rung)
        self._trace.measure("agent_ring_seconds", self._trace.elapsed() - began)

    async def _be_answered(self) -> None:
        agent = self._agent
        if not self._picks_up:
            agent.order("answer", status=200)
        try:
            await unless_ended(
                self._call,
                lambda: agent.until("answered", "cancelled", "refused", within=ANSWER_SECONDS),
            )
        except TimeoutError:
            raise Failed(
                "not-answered", f"the answer was not acknowledged within {ANSWER_SECONDS:g} s"
            ) from None
        # The caller gave up, or the queue took the call back between ringing and answer.
        if agent.seen("answered") is None:
            raise Failed("not-answered", "the call to the agent was taken back")

    # --- tones

    async def _talk(self) -> None:
        """Both sides say their nonce at the same time, and each must hear the other's; then the
        digits.
        """
        call, agent = self._call, self._agent
        ours, theirs = nonce.make(self._random), nonce.make(self._random)
        # The agent has answered, but ICE, SRTP or SDP may still come to nothing.
        try:
            await unless_ended(call, lambda: agent.until("media", within=ANSWER_SECONDS))
        except TimeoutError:
            raise Failed("dead-air", "the agent's leg has no media") from None
        began = self._trace.elapsed()
        # Both speak at once: a proof in turns would take twice as long, and hide half-duplex
        # faults.
        for phone, say, expect in ((call, ours, theirs), (agent, theirs, ours)):
            phone.order("challenge", say=say, expect=expect, within=TALK_SECONDS, timed=True)
        at_caller, at_agent = await asyncio.gather(*(self._heard(phone) for phone in (call, agent)))
        proven = at_caller.name == at_agent.name == "challenge-heard"
        if proven:
            self._trace.measure("talk_heard_seconds", self._trace.elapsed() - began)
            await self._time()
        for phone in (call, agent):
            phone.order("hush")
        # A nonce that went on would drown the digits.
        if not proven:
            raise unproven(at_caller, at_agent)
        if self._step.digits:
            await self._press()

    async def _heard(self, phone: Phone) -> Event:
        wait = phone.until(
            "challenge-heard",
            "challenge-not-heard",
            "no-media",
            within=TALK_SECONDS + _DECIDE_SECONDS,
        )
        return await _in_time(wait)

    async def _time(self) -> None:
        """Measure how late each direction is; note where a leg could not tell."""
        within = TALK_SECONDS + _TIMED_SECONDS
        call, agent = self._call, self._agent
        try:
            at_caller, at_agent = await asyncio.gather(
                *(phone.until("challenge-timed", within=within) for phone in (call, agent))
            )
        except TimeoutError:
            self._trace.note("delay: not measured: a phone's process was too busy")
            return
        ways = (
            ("caller_to_agent_ms", (call, at_caller), (agent, at_agent)),
            ("agent_to_caller_ms", (agent, at_agent), (call, at_caller)),
        )
        # The clocks of two processes of one host agree: both are CLOCK_MONOTONIC.
        for name, (mouth, said), (ear, heard) in ways:
            late = lateness_ms(said, heard)
            if late is None:
                self._trace.note(
                    # A clock that is not steady would give a plausible, wrong delay.
                    f"{name}: not measured: our own clocks or jitter buffer were not steady"
                )
                continue
            whole, held = late
            self._trace.measure(name, whole - held - own_ms(codec_of(mouth), codec_of(ear)))
            ear.mouth_to_ear_ms = whole + packet_ms(mouth)

    # --- digits

    async def _press(self) -> None:
        """Each presses digits of its own, and the other must get them: as events (RFC 4733, INFO)
        or as tones.
        """
        legs, count = (self._call, self._agent), self._step.digits
        said = ["".join(self._random.choice("0123456789") for _ in range(count)) for _ in legs]
        within = _DIGITS_SECONDS + 0.5 * count
        for phone, expect in zip(legs, reversed(said), strict=True):
            phone.order("await-digits", expect=expect, within=within)
        # A digit that comes before the other listens counts for nothing.
        for phone, expect in zip(legs, reversed(said), strict=True):
            await _in_time(
                phone.until("awaits-digits", "no-media", within=_DECIDE_SECONDS, expect=expect)
            )
        for phone, digits in zip(legs, said, strict=True):
            await self._dial(phone, digits)
        wait = (
            _in_time(
                phone.until(
                    "digits-heard", "digits-not-heard", "no-media", within=within + _DECIDE_SECONDS
                )
            )
            for phone in legs
        )
        at_caller, at_agent = await asyncio.gather(*wait)
        told = {"agent": at_agent, "caller": at_caller}
        lost = {
            whom: event.facts.get("got")
            for whom, event in told.items()
            if event.name != "digits-heard"
        }
        if lost:
            which = "" if len(lost) == len(told) else f"-to-{next(iter(lost))}"
            got = ", ".join(f"the {whom} got {digits or 'none'}" for whom, digits in lost.items())
            raise Failed(f"dtmf-lost{which}", f"of {count} digits {got}")
        ways = f"{at_agent['how']} to the agent, {at_caller['how']} to the caller"
        self._trace.note(f"the agent is proven by tones and by digits ({ways})")

    async def _dial(self, phone: Phone, digits: str) -> None:
        """Press digits by the check's own method, or as tones where that fails."""
        # A far end without telephone-event in its SDP still passes on tones in the sound itself.
        for method in (self._dtmf, "in-band"):
            phone.order("press", digits=digits, method=method)
            told = await _in_time(
                phone.until(
                    "pressed", "press-failed", within=_DECIDE_SECONDS, digits=digits, method=method
                )
            )
            if told.name == "pressed":
                return


def unproven(at_caller: Event, at_agent: Event) -> Failed:
    """The fault of a talk in which not both sides heard the other."""
    # The worst explanation comes first: somebody else's nonce means that two test calls were
    # crossed.
    for whom, told in (("caller", at_caller), ("agent", at_agent)):
        if told.facts.get("instead") == "another":
            return Failed("wrong-agent", f"the {whom} hears a challenge, but somebody else's")
        if told.facts.get("instead") == "echo":
            return Failed(
                "echo", f"the {whom} hears its own challenge come back and not the other's"
            )
    if at_agent.name == "challenge-heard":
        return Failed(
            "one-way-to-caller", "the agent hears the caller, the caller does not hear the agent"
        )
    if at_caller.name == "challenge-heard":
        return Failed(
            "one-way-to-agent", "the caller hears the agent, the agent does not hear the caller"
        )
    return Failed("dead-air", "neither side hears the other")


async def _in_time(waiting: Awaitable[Event]) -> Event:
    """A phone that does not answer an order is an engine error, not a fault of the far end."""
    try:
        return await waiting
    except TimeoutError:
        raise CannotTell("engine error: the phone's process did not answer in time") from None
