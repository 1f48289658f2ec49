"""Does the outbound dialer dial? An API is told to place a call; our own line must be called, and
be talked to.

    us                                     the platform
    REGISTER (our line, our agent) -------->      stage register
    POST /api/v1/calls  {"customer": ...} ->      the stages of `steps`, by their names
    <------------------------- 202 Accepted
    <-------------------------------- INVITE      stage ring       our line (and our agent) is
                                                                   called in time
    200 OK -------------------------------->      stage answer
    <============= RTP ====================>      stage media
    From, P-Asserted-Identity                     stage caller-id
    the customer and the agent hear each other    stage talk
    the script                                    as of a sip-call
    BYE ----------------------------------->      stage hang-up

fault codes beside those of the steps (http:NNN, refused, timeout ...) and of the script
register   sip:NNN, timeout, unreachable       ring    not-called, agent-not-called, early-hang-up
answer     not-answered                        media   no-rtp, call/media_judgement.py's findings
caller-id  wrong-caller-id, no-caller-id       talk    dead-air, one-way-to-customer,
                                                       one-way-to-agent
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import ClassVar

from checks.contract import Failed, Trace
from checks.kind import Duty
from checks.telephony.call import (
    evidence,
    line_security,
)
from checks.telephony.call.call_attempt import call_attempt
from checks.telephony.call.features import Features, check_caller_id
from checks.telephony.call.leg import Phone
from checks.telephony.call.legs import Legs, ladder_of
from checks.telephony.call.media_judgement import hold_to_truth
from checks.telephony.call.probe_health import LoopWatch
from checks.telephony.call.registering import answered
from checks.telephony.call.script_runner import Conversation
from checks.telephony.call.two_way_audio import hold_to
from checks.telephony.outbound_dialer_settings import ANSWER_SECONDS, DialerSettings


class OutboundDialer(DialerSettings):
    """Has an API place a call (click to call, a campaign), and takes it on our own line."""

    KIND: ClassVar[str] = "outbound-dialer"
    COSTS: ClassVar[bool] = True
    BURDENS: ClassVar[bool] = True
    DUTY: ClassVar[Duty] = "dialer"
    SAMPLE: ClassVar[str] = """
# A campaign calls without an agent: leave `agent` out, and let the script hear its announcement.
[checks.click-to-call]
kind = "outbound-dialer"
at = ["09:00"]
expect = ["ring_seconds <= 15"]
line = "trunk-a"
agent = "agent-01"
url = "https://dialer.example.net/"
secrets = { key = { credential = "dialer" } }
caller_id = "8000"

[[checks.click-to-call.steps]]
name = "api"
url = "/api/v1/calls"
json = { customer = "{customer}", agent = "{agent}" }
headers = { Authorization = "Bearer {key}" }
expect_status = [200, 202]
"""

    async def probe(self, trace: Trace) -> None:
        """Trigger one call, and take it. Raises Failed, CannotTell."""
        async with call_attempt(trace, self, self) as (parties, watch):
            await self._attempt(trace, parties, watch)

    async def _attempt(self, trace: Trace, parties: Legs, watch: LoopWatch) -> None:
        legs, lines = parties.legs, self.all_lines()
        try:
            await line_security.hold_certificates(trace, lines.values(), self.signalling_within)
            # All accounts are called, so all are registered before the API is asked.
            await parties.start(lines, dict.fromkeys(lines, "register"), tuple(lines))
            # Before this moment the event loop was busy with starting processes.
            watch.begin()
            for phone in legs.values():
                await self._registered(trace, phone)
            await self.last_answer(trace, self._words())
            await self._called(trace, legs)
            await self._talk(trace, parties)
            await hold_to_truth(trace, self, self.script, legs, self.line.country)
            await self._hang_up(trace, legs["call"])
        finally:
            await parties.close()
            for name in legs:
                evidence.exhibit_leg(trace, name, ladder_of(name))
            if "call" in legs:
                line_security.measure(trace, legs["call"], self.line)
                evidence.note_readings(trace, legs)
                evidence.exhibit_figures(trace, legs, evidence.measure_media(trace, legs))

    def _words(self) -> dict[str, str]:
        agent = self.agent_line.user if self.agent_line else None
        return {
            "customer": self.line.user or "",
            "agent": agent or "",
            # A reference that nobody has used: a dialer may refuse a repeated one as a duplicate.
            "reference": secrets.token_hex(12),
        }

    async def _registered(self, trace: Trace, phone: Phone) -> None:
        with trace.stage("register"):
            await answered(phone, self.signalling_within)

    async def _called(self, trace: Trace, legs: Mapping[str, Phone]) -> None:
        """Whoever is called answers at once: many a dialer calls the second only then."""
        # Predictive dialers call the agent only when the customer has answered; click to call does
        # the reverse.
        called = {"call": legs["call"], **({"agent": legs["agent"]} if self.agent else {})}
        with trace.stage("ring"):
            rung = dict(
                zip(called, await asyncio.gather(*map(self._rung, called.values())), strict=True)
            )
            # Neither was called: one fault of the dialer, not two of two phones.
            if len(rung) > 1 and all(said is not None and not said.code for said in rung.values()):
                raise Failed(
                    "not-called",
                    f"neither our agent nor our line was called within {self.called_within:g} s",
                )
            for name, code, who in (
                ("agent", "agent-not-called", "our agent"),
                ("call", "not-called", "our line"),
            ):
                if (said := rung.get(name)) is not None:
                    raise (
                        said
                        if said.code
                        else Failed(code, f"{who} was not called within {self.called_within:g} s")
                    )
        with trace.stage("answer"):
            for phone in called.values():
                await self._answered(phone)
        with trace.stage("media"):
            for name, phone in called.items():
                try:
                    await phone.until("rtp-first", within=self.media_within)
                except TimeoutError:
                    whose = "our line" if name == "call" else "our agent"
                    raise Failed(
                        "no-rtp", f"no RTP to {whose} within {self.media_within:g} s"
                    ) from None

    async def _rung(self, phone: Phone) -> Failed | None:
        """None when it was; what is wrong else, without a code when nobody called."""
        try:
            await phone.until("incoming", within=self.called_within)
        except TimeoutError:
            # An empty code stands for "nobody called": who it was is known to the caller of this
            # method.
            return Failed("")
        except Failed as ended:
            return ended
        phone.order("answer", status=200)
        return None

    @staticmethod
    async def _answered(phone: Phone) -> None:
        try:
            await phone.until("answered", within=ANSWER_SECONDS)
        except TimeoutError:
            raise Failed(
                "not-answered", f"the answer was not acknowledged within {ANSWER_SECONDS:g} s"
            ) from None

    async def _talk(self, trace: Trace, parties: Legs) -> None:
        call, agent = parties.legs["call"], parties.legs.get("agent")
        if self.caller_id is not None:
            with trace.stage("caller-id"):
                check_caller_id(trace, self.caller_id, "presented", call)
        features = Features(trace, parties, self.dtmf)
        if self.agent is not None and agent is not None:
            with trace.stage("talk"):
                hold_to(await features.hearing.both(call, agent), "customer", "agent")
        await Conversation(
            trace, self.script, self.dtmf, call, agent, self.line.country, (), features
        ).run()

    async def _hang_up(self, trace: Trace, call: Phone) -> None:
        with trace.stage("hang-up"):
            # An announcement hangs up by itself: that is the end of the script, and no fault.
            if call.seen("far-bye", "hung-up"):
                return
            call.order("hang-up", within=self.signalling_within)
            done = await call.until("hung-up", "far-bye", within=self.signalling_within + 20.0)
            if done.name == "hung-up" and not done["answered"]:
                raise Failed("timeout", f"BYE was not answered within {self.signalling_within:g} s")
