"""A test call, as a customer would place it (RFC 3261), with our own agent at its other end where
the script says so.

    us                                  far end
    REGISTER ------------------------>          stage register    (a line with a user)
    INVITE -------------------------->          stage signalling  until the first response
    <------------------- 100, 180, 183          stage ring        until 180/183
    <-------------------------- 200 OK          stage answer      any final refusal is a fault of
                                                                  this stage
    <============ RTP ===============>          stage media       it flows, and from where the SDP
                                                                  says
    the script                                  stages prompt, press, pause, agent, talk, hold
    BYE ----------------------------->          stage hang-up     answered

Fault codes: sip:NNN or sip:NNN/CC (final response, CC = Q.850 cause of its Reason header, RFC
3326), timeout, unreachable, no-rtp, rtp-from-elsewhere, no-codec (the answer's SDP), early-hang-up,
the script's own (call/script_runner.py), and bad-peer in any stage: what came breaks the protocol
(call/bad_peer.py).
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from checks.contract import CannotTell, Failed, Trace
from checks.kind import Duty
from checks.telephony.call import (
    agent_login,
    agent_offer,
    evidence,
    line_security,
)
from checks.telephony.call.call_attempt import call_attempt, measure_answer, response
from checks.telephony.call.call_recording import Logged
from checks.telephony.call.feature_steps import Feature
from checks.telephony.call.features import Features
from checks.telephony.call.leg import START_SECONDS, Event, Phone, refusal
from checks.telephony.call.legs import Legs, ladder_of
from checks.telephony.call.media_judgement import hold_to_truth
from checks.telephony.call.probe_health import LoopWatch
from checks.telephony.call.prompt_file import prompts_in
from checks.telephony.call.script_runner import Conversation
from checks.telephony.sip.causes import cause_in
from checks.telephony.sip_call_settings import SipCallSettings

# What a far end can say first; "undescribed" is an answer whose SDP makes no media.
_FIRST = ("trying", "provisional", "answered", "undescribed", "refused")


class SipCall(SipCallSettings):
    """A SIP call along a script: reached, rang, answered, heard, the right prompt, our agent."""

    KIND: ClassVar[str] = "sip-call"
    DUTY: ClassVar[Duty] = "calls"
    PLACES_CALLS: ClassVar[bool] = True
    COSTS: ClassVar[bool] = True
    SAMPLE: ClassVar[str] = """
# With a recording beside this file it proves the prompt: { hear = "welcome.wav", within = "6s" }
[checks.main-number]
kind = "sip-call"
at = ["08:30", "17:30"]
expect = ["answer_seconds <= 4"]
diagnose = ["trunk"]
line = "trunk-a"
to = "8000"
script = [
  { pause = "2s" }, { press = "1" },
  { agent = "agent-01", within = "20s" }, { hang-up = true },
]

[checks.call-control]
kind = "sip-call"
at = ["08:40", "17:40"]
diagnose = ["trunk"]
line = "trunk-a"
to = "6001"
script = [
  { agent = "agent-01", within = "20s" },
  { on-hold = "3s" },
  { mute = "2s" },
  { transfer = "supervisor-01", within = "20s" },
]
"""

    async def probe(self, trace: Trace) -> None:
        """Place the call. Raises Failed, CannotTell."""
        async with call_attempt(trace, self, self) as (parties, watch):
            await self._attempt(trace, parties, watch)

    async def _attempt(self, trace: Trace, parties: Legs, watch: LoopWatch) -> None:
        legs = parties.legs
        try:
            # A certificate that is no good ends the attempt before the first phone is started.
            await line_security.hold_certificates(
                trace, self.all_lines().values(), self.signalling_within
            )
            logged = self._logged(trace)
            await self._start(parties)
            if logged:
                await logged.look_before()
            watch.begin()
            await parties.reached("call", partial(self._register, trace, parties))
            for name in self.all_lines():
                if name != "call":
                    # The account of a transfer's target must be there before the transfer.
                    await parties.registered(name, self._stage_of(name))
            async with agent_login.logged_in(trace, parties, self.dtmf):
                await parties.reached("call", partial(self._call, trace, parties))
                with trace.stage("media"):
                    await self._await_media(legs["call"])
                country, library = self.line.country, prompts_in(self.prompts)
                both, features = (
                    (legs["call"], legs.get("agent")),
                    Features(trace, parties, self.dtmf),
                )
                conversation = Conversation(
                    trace, self.script, self.dtmf, *both, country, library, features
                )
                await conversation.run()
                if logged:
                    await logged.mark(
                        features.hearing, conversation.talkers.caller, conversation.talkers.agent
                    )
                # What was heard is judged while the call stands: the recordings are then whole.
                await hold_to_truth(trace, self, self.script, legs, country)
                await self._hang_up(trace, legs["call"])
            # The recorder finishes its file after the BYE.
            if logged:
                await logged.judge(legs["call"], legs.get("agent"))
        finally:
            await parties.close()
            self._keep(trace, legs)

    def _logged(self, trace: Trace) -> Logged | None:
        caller = self.line.caller_id or self.line.user or ""
        return Logged(trace, self.recording, caller, self.to) if self.recording else None

    def _stage_of(self, name: str) -> str:
        """The stage in which an account that is called is missed."""
        steps = [
            step for step in self.script if isinstance(step, Feature) and step.further is not None
        ]
        return next(
            (step.STAGES[-1] for step in steps if step.further and step.further.name == name),
            "agent",
        )

    async def _start(self, parties: Legs) -> None:
        """Start the phones, the agent's too: it must be registered before it can be reached."""
        first_stage = "register" if self.line.registers else "signalling"
        lines = self.all_lines()
        called = tuple(name for name in lines if name != "call")
        own = self.line.caller_id or self.line.user or "reveille"
        screens = agent_offer.screens(self.script, own)
        await parties.start(lines, {"call": first_stage}, called, screens)

    async def _register(self, trace: Trace, parties: Legs, call: Phone, share: float) -> None:
        if not self.line.registers:
            return
        with trace.stage("register"):
            call.order("register")
            await parties.register("call", share * self.signalling_within)

    async def _call(self, trace: Trace, parties: Legs, call: Phone, share: float) -> None:
        account, agent = parties.accounts["call"], parties.legs.get("agent")
        # At another server than the first the account is not known yet.
        if not call.seen("registered") and "call" not in parties.by_own_client:
            await self._register(trace, parties, call, share)
        with trace.stage("signalling"):
            call.order(
                "call",
                to=account.callee(self.to),
                headers=dict(self.headers),
                caller=account.caller(),
            )
            first = await response(call, *_FIRST, within=share * self.signalling_within)
            # No packet of the far end was seen: the stage is signalling, not answer.
            if first.name == "refused" and first["origin"] == "local":
                raise refusal(first)
        with trace.stage("answer"), agent_offer.refusals(trace, agent):
            await self._await_answer(trace, call, first)

    async def _await_answer(self, trace: Trace, call: Phone, first: Event) -> None:
        began = trace.elapsed()
        # With early media an announcement that never answers is heard (RFC 3960).
        sufficient = ("answered", "undescribed", *(("media",) if self.early_media else ()))
        try:
            await call.until(*sufficient, within=self.answer_within)
        except TimeoutError:
            rang = "it rang" if call.seen("provisional") else "it never rang"
            raise Failed("timeout", f"no answer within {self.answer_within:g} s; {rang}") from None
        finally:
            measure_answer(trace, call, first, began)

    async def _await_media(self, call: Phone) -> None:
        try:
            first = await call.until("rtp-first", "undescribed", within=self.media_within)
        except TimeoutError:
            raise Failed("no-rtp", f"no RTP within {self.media_within:g} s of the answer") from None
        # A 2xx without a usable description has no media to wait for.
        if first.name == "undescribed":
            raise Failed(first["code"], first["text"])
        # RFC 3264 section 5.1: RTP goes to where the SDP says; from where it comes is not said,
        # yet NATs and firewalls of trunks rely on it.
        if self.rtp_from == "sdp" and first["source"] != first["expected"]:
            raise Failed(
                "rtp-from-elsewhere",
                f"RTP comes from {first['source']}, the SDP says {first['expected']}",
            )

    async def _hang_up(self, trace: Trace, call: Phone) -> None:
        with trace.stage("hang-up"):
            # The far end has hung up already: the script ended with its announcement.
            if call.seen("far-bye"):
                return
            call.order("hang-up", within=self.signalling_within)
            try:
                done = await call.until(
                    "hung-up", "far-bye", within=self.signalling_within + START_SECONDS
                )
            except TimeoutError:
                raise CannotTell("engine error: the phone's process did not hang up") from None
            if done.name == "hung-up" and not done["answered"]:
                raise Failed("timeout", f"BYE was not answered within {self.signalling_within:g} s")

    def _keep(self, trace: Trace, legs: dict[str, Phone]) -> None:
        """Keep measures and exhibits, also of a call that failed."""
        for name in legs:
            evidence.exhibit_leg(trace, name, ladder_of(name))
        if "call" not in legs:
            return
        call = legs["call"]
        line_security.measure(trace, call, self.line)
        evidence.note_readings(trace, legs)
        evidence.exhibit_figures(trace, legs, evidence.measure_media(trace, legs))
        if (invited := call.seen("invited")) and (answered := call.seen("answered")):
            trace.measure("answer_seconds", answered.at - invited.at)
        ending = call.seen("refused", "far-bye")
        if ending and (cause := cause_in(ending.facts.get("reasons", []))) is not None:
            trace.measure("q850_cause", cause)
