"""A test call, as a customer would place it (RFC 3261), with our own agent at its other end where
the script says so.

    us                                  far end
    REGISTER ------------------------>          stage register    (a line with a user)
    INVITE -------------------------->          stage signalling  until the first response
    <------------------- 100, 180, 183          stage ring        until 180/183
    <-------------------------- 200 OK          stage answer      any final refusal is a fault of this stage
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

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from checks.contract import CannotTell, Check, Claim, Layer, Refused, Trace
from checks.kind import Duty
from checks.settings import Duration
from checks.target import of_call
from checks.telephony.call import (
    agent_login,
    agent_proof,
    call_recording,
    evidence,
    line_security,
    media_judgement,
    probe_health,
)
from checks.telephony.call.account import Way
from checks.telephony.call.call_attempt import call_attempt, measure_answer, response
from checks.telephony.call.call_recording import Logged, VoiceLog
from checks.telephony.call.feature_steps import FEATURES, Feature, measures_of
from checks.telephony.call.features import Features
from checks.telephony.call.leg import START_SECONDS, Event, Phone, refusal
from checks.telephony.call.legs import Parties, ladder_of
from checks.telephony.call.line import Line, LineName
from checks.telephony.call.media_judgement import MediaLimits, hold_to_truth
from checks.telephony.call.probe_health import LoopWatch, ProbeLimits
from checks.telephony.call.prompt_file import PromptFolder, prompts_in
from checks.telephony.call.script import AgentStep, Hear, Script, further_lines, seconds_of
from checks.telephony.call.script_runner import Conversation
from checks.telephony.quality import streams
from checks.telephony.sip.causes import cause_in

_LAYERS: dict[str, Layer] = {
    "media": Layer.MEDIA,
    "hold": Layer.MEDIA,
    "prompt": Layer.PROMPT,
    "press": Layer.PROMPT,
    "pause": Layer.PROMPT,
    "agent": Layer.AGENT,
    "talk": Layer.AGENT,
    "log-in": Layer.AGENT,
    "log-out": Layer.AGENT,
    "recording": Layer.AGENT,
    **{stage: Layer.AGENT for feature in FEATURES.values() for stage in feature.STAGES},
}
_FIRST = ("trying", "provisional", "answered", "undescribed", "refused")
"""what a far end can say first"""
_MEASURES: dict[str, str] = {
    "signalling_seconds": "INVITE until the first response",
    "ring_seconds": "first response until 180 or 183",
    "pdd_seconds": "post-dial delay: INVITE until 180, 183 or the answer",
    "answer_seconds": "INVITE until 200 OK (with early_media and no answer: until there was sound)",
    "media_seconds": "answer until the first RTP packet",
    "hang_up_seconds": "BYE until its answer",
    "q850_cause": "the Q.850 cause that ended the call, where one was given",
}


class SipCall(line_security.Engine, MediaLimits, ProbeLimits, Check):
    """A SIP call along a script: reached, rang, answered, heard, the right prompt, our agent."""

    KIND: ClassVar[str] = "sip-call"
    LAYER: ClassVar[Layer] = Layer.AGENT
    DUTY: ClassVar[Duty] = "calls"
    PLACES_CALLS: ClassVar[bool] = True
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

    line: LineName
    """the line to call over, of [lines]"""
    to: Annotated[str, Field(pattern=r"^[^\s<>\"',;@]+(@[^\s<>\"',@]+)?$")]
    """the number to call, or a SIP URI"""
    script: Script = ()
    """the steps in order: hear, press, pause, agent, hold, hang-up"""
    prompts: PromptFolder | None = None
    """a folder of further recordings (WAV), by which a wrong prompt can be named"""
    codecs: Annotated[
        tuple[Literal["PCMA", "PCMU", "G722", "GSM", "iLBC"], ...], Field(min_length=1)
    ] = (
        "PCMA",
        "PCMU",
    )
    """what is offered, the preferred first"""
    dtmf: Literal["rfc4733", "info", "in-band"] = "rfc4733"
    """how digits are sent: in RTP (RFC 4733), by SIP INFO, or as tones"""
    headers: Mapping[str, str] = Field(default_factory=dict)
    """further headers of the INVITE"""
    early_media: bool = False
    """whether the script begins as soon as there is sound, even before the answer (announcements
    that never answer)
    """
    recording: VoiceLog | None = None
    """where the platform's own recording of the call (its voice logger) is to be found after the
    call
    """
    rtp_from: Literal["sdp", "anywhere"] = "sdp"
    """whether RTP must come from the address that the far end's SDP names"""
    signalling_within: Duration = 5.0
    """how soon REGISTER, INVITE and BYE must get a response"""
    answer_within: Duration = 30.0
    """how soon the call must be answered"""
    media_within: Duration = 3.0
    """how soon after the answer RTP must come"""

    @field_validator("headers")
    @classmethod
    def _no_injection(cls, headers: Mapping[str, str]) -> Mapping[str, str]:
        for name, value in headers.items():
            if not name.replace("-", "").isalnum() or any(
                ord(character) < 32 for character in value
            ):
                raise ValueError(
                    f"{name!r} is not a header of one line; letters, digits and dashes name it"
                )
        return headers

    @property
    def agent_line(self) -> Line | None:
        """The agent's account, where the script reaches one."""
        return next((step.agent for step in self.script if isinstance(step, AgentStep)), None)

    def layer_of(self, stage: str) -> Layer:
        """Everything up to the answer, and hanging up, is signalling."""
        return _LAYERS.get(stage, Layer.SIGNALLING)

    def claims(self) -> tuple[Claim, ...]:
        """A channel of the line, of as many as we may have at once, and the agent's account."""
        agent = self.agent_line
        further = [Claim(name, 1) for name in further_lines(self.script)]
        return (
            Claim(self.line.name, self.line.channels),
            *((Claim(agent.name, 1),) if agent else ()),
            *further,
        )

    def target(self) -> str:
        """The number, and the registrar that the call goes through."""
        return of_call(self.to, self.line.registrar)

    def measures(self) -> Mapping[str, str]:
        """Every measure it can give with this script."""
        given = {
            **_MEASURES,
            **evidence.MEASURES,
            **streams.MEASURES,
            **probe_health.MEASURES,
            **media_judgement.MEASURES,
        }
        given.update(line_security.measures_of(self.all_lines().values()))
        if self.line.user and self.line.register_first:
            given["register_seconds"] = "REGISTER until registered"
        for number, step in enumerate((step for step in self.script if isinstance(step, Hear)), 1):
            given[f"hear_{number}_seconds"] = f"awaiting {step.title} until it began"
            given[f"hear_{number}_coverage_percent"] = (
                f"share of {step.title} when it was recognised, percent"
            )
            given["prompt_seconds"] = "awaiting the last prompt until it was recognised"
        for stage in {"press", "pause", "hold"} & {
            verb for step in self.script for verb in type(step).model_fields
        }:
            given[f"{stage}_seconds"] = f"the last {stage}"
        given |= {**measures_of(self.script), **(call_recording.MEASURES if self.recording else {})}
        if self.agent_line:
            given.update(
                {**agent_proof.MEASURES, **(agent_login.MEASURES if self.agent_line.log_in else {})}
            )
        return given

    def longest_seconds(self) -> float:
        """Every timer of its own, one after the other."""
        timers = 3 * self.signalling_within + self.answer_within + self.media_within
        script = sum(seconds_of(step) for step in self.script) if self.script else self.listen
        return (
            timers + script + (self.recording.longest_seconds() if self.recording else 0.0) + 15.0
        )

    async def probe(self, trace: Trace) -> None:
        """Place the call. Raises Refused, CannotTell."""
        async with call_attempt(trace, self, self) as (parties, watch):
            await self._attempt(trace, parties, watch)

    async def _attempt(self, trace: Trace, parties: Parties, watch: LoopWatch) -> None:
        legs = parties.legs
        try:
            await line_security.hold_certificates(
                trace, self.all_lines().values(), self.signalling_within
            )
            way, logged = await self._start(parties), self._logged(trace)
            if logged:
                await logged.look_before()
            watch.begin()
            await self._register(trace, legs["call"])
            for name in self.all_lines():
                if name != "call":
                    await parties.registered(name, self._stage_of(name))
            async with agent_login.logged_in(trace, parties, self.dtmf):
                await self._call(trace, legs["call"], way, legs.get("agent"))
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
                await hold_to_truth(trace, self, self.script, legs, country)
                await self._hang_up(trace, legs["call"])
            if logged:
                await logged.judge(legs["call"])
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

    def all_lines(self) -> dict[str, Line]:
        """Who has a phone: the caller, the agent, and whoever the script reaches further."""
        agent = {"agent": self.agent_line} if self.agent_line else {}
        return {"call": self.line, **agent, **further_lines(self.script)}

    async def _start(self, parties: Parties) -> Way:
        """Start the phones, the agent's too: it must be registered before it can be reached."""
        first_stage = "register" if self.line.user and self.line.register_first else "signalling"
        lines = self.all_lines()
        called = tuple(name for name in lines if name != "call")
        await parties.start(lines, {"call": first_stage}, called, agent_proof.screens(self.script))
        return parties.ways["call"]

    async def _register(self, trace: Trace, call: Phone) -> None:
        if not (self.line.user and self.line.register_first):
            return
        with trace.stage("register"):
            call.order("register")
            answer = await response(
                call, "registered", "registration-failed", within=self.signalling_within
            )
            if answer.name == "registration-failed":
                raise refusal(Event("refused", answer.at, {**answer.facts, "reasons": []}))

    async def _call(self, trace: Trace, call: Phone, way: Way, agent: Phone | None) -> None:
        with trace.stage("signalling"):
            call.order(
                "call", to=way.callee(self.to), headers=dict(self.headers), caller=way.caller()
            )
            first = await response(call, *_FIRST, within=self.signalling_within)
            if first.name == "refused" and first["origin"] == "local":
                raise refusal(first)
        with trace.stage("answer"), agent_proof.refusals(trace, agent):
            await self._await_answer(trace, call, first)
        with trace.stage("media"):
            await self._await_media(call)

    async def _await_answer(self, trace: Trace, call: Phone, first: Event) -> None:
        began = trace.elapsed()
        sufficient = ("answered", "undescribed", *(("media",) if self.early_media else ()))
        try:
            await call.until(*sufficient, within=self.answer_within)
        except TimeoutError:
            rang = "it rang" if call.seen("provisional") else "it never rang"
            raise Refused("timeout", f"no answer within {self.answer_within:g} s; {rang}") from None
        finally:
            measure_answer(trace, call, first, began)

    async def _await_media(self, call: Phone) -> None:
        try:
            first = await call.until("rtp-first", "undescribed", within=self.media_within)
        except TimeoutError:
            raise Refused(
                "no-rtp", f"no RTP within {self.media_within:g} s of the answer"
            ) from None
        if first.name == "undescribed":
            raise Refused(first["code"], first["text"])
        if self.rtp_from == "sdp" and first["source"] != first["expected"]:
            raise Refused(
                "rtp-from-elsewhere",
                f"RTP comes from {first['source']}, the SDP says {first['expected']}",
            )

    async def _hang_up(self, trace: Trace, call: Phone) -> None:
        with trace.stage("hang-up"):
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
                raise Refused(
                    "timeout", f"BYE was not answered within {self.signalling_within:g} s"
                )

    def _keep(self, trace: Trace, legs: dict[str, Phone]) -> None:
        """Measures and exhibits, also of a call that failed."""
        for name in legs:
            evidence.exhibit_leg(trace, name, ladder_of(name))
        if "call" not in legs:
            return
        call = legs["call"]
        line_security.measure(trace, call, self.line)
        evidence.exhibit_figures(trace, legs, evidence.measure_media(trace, legs))
        if (invited := call.seen("invited")) and (answered := call.seen("answered")):
            trace.measure("answer_seconds", answered.at - invited.at)
        ending = call.seen("refused", "far-bye")
        if ending and (cause := cause_in(ending.facts.get("reasons", []))) is not None:
            trace.measure("q850_cause", cause)
