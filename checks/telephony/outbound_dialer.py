"""Does the outbound dialer dial? An API is told to place a call, and our own line must be called,
and be talked to.

    us                                     the platform
    REGISTER (our line, our agent) ------------>            stage register
    POST /api/v1/calls  {"customer": ...} ----->            the stages of `steps`, by their names
    <----------------------------- 202 Accepted
    <------------------------------------ INVITE            stage ring       our line (and our agent) is called in time
    200 OK ------------------------------------>            stage answer
    <============= RTP ========================>            stage media
    From, P-Asserted-Identity                               stage caller-id
    the customer and the agent hear each other              stage talk
    the script                                              as of a sip-call
    BYE --------------------------------------->            stage hang-up

fault codes beside those of the steps (http:NNN, refused, timeout ...) and of the script
register   sip:NNN, timeout, unreachable       ring    not-called, agent-not-called, early-hang-up
answer     not-answered                        media   no-rtp, and what call/media_judgement.py finds
caller-id  wrong-caller-id, no-caller-id       talk    dead-air, one-way-to-customer,
           one-way-to-agent
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from checks.contract import Check, Claim, Layer, Refused, Trace
from checks.kind import Duty
from checks.settings import Duration
from checks.target import of_address
from checks.telephony.call import (
    agent_proof,
    evidence,
    line_security,
    media_judgement,
    probe_health,
)
from checks.telephony.call.call_attempt import call_attempt
from checks.telephony.call.feature_steps import FEATURES, HEARING_SECONDS, measures_of
from checks.telephony.call.features import Features, check_caller_id
from checks.telephony.call.leg import Event, Phone, refusal
from checks.telephony.call.legs import Parties, ladder_of
from checks.telephony.call.line import AgentName, Line, LineName
from checks.telephony.call.media_judgement import MediaLimits, hold_to_truth
from checks.telephony.call.probe_health import LoopWatch, ProbeLimits
from checks.telephony.call.script import AgentStep, Hear, Step, further_lines, in_order, seconds_of
from checks.telephony.call.script_runner import Conversation
from checks.telephony.call.two_way_audio import hold_to
from checks.telephony.quality import streams
from checks.web.step_kinds import AFTERWARDS_SECONDS, Walked

_ANSWER_SECONDS = 5.0
_LAYERS: dict[str, Layer] = {
    "register": Layer.SIGNALLING,
    "media": Layer.MEDIA,
    "hold": Layer.MEDIA,
    **dict.fromkeys(("prompt", "press", "pause"), Layer.PROMPT),
    **dict.fromkeys(("agent", "talk", "caller-id"), Layer.AGENT),
    **{stage: Layer.AGENT for feature in FEATURES.values() for stage in feature.STAGES},
}


class OutboundDialer(line_security.Engine, Walked, MediaLimits, ProbeLimits, Check):
    """Has an API place a call (click to call, a campaign), and takes it on our own line."""

    KIND: ClassVar[str] = "outbound-dialer"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
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
    WORDS: ClassVar[tuple[str, ...]] = ("customer", "agent", "reference")

    line: LineName
    """the line that must be called, of [lines]: the customer's; it registers, so it needs a user"""
    agent: AgentName | None = None
    """our agent, where the platform calls him too (click to call) and connects both"""
    called_within: Duration = Field(default=30.0, gt=0)
    """how soon after the API's answer each must be called"""
    caller_id: str | None = Field(default=None, min_length=1, max_length=64)
    """the number that the customer must be shown; "*" stands for any beginning or end"""
    script: tuple[Step, ...] = ()
    """what follows once the call stands, as of a sip-call"""
    codecs: Annotated[
        tuple[Literal["PCMA", "PCMU", "G722", "GSM", "iLBC"], ...], Field(min_length=1)
    ] = (
        "PCMA",
        "PCMU",
    )
    """what is accepted, the preferred first"""
    dtmf: Literal["rfc4733", "info"] = "rfc4733"
    """how digits are sent: in RTP (RFC 4733) or by SIP INFO"""
    signalling_within: Duration = Field(default=5.0, gt=0)
    """how soon REGISTER and BYE must get a response"""
    media_within: Duration = Field(default=3.0, gt=0)
    """how soon after the answer RTP must come"""

    @model_validator(mode="after")
    def _callable(self) -> Self:
        if not self.line.user:
            raise ValueError(
                f"line {self.line.name!r} has no user: only an account that registers can be called"
            )
        in_order(self.script, self.agent.name if self.agent else None)
        words = {word for step in self.steps for word in step.words()}
        if "agent" in words and self.agent_line is None:
            raise ValueError("a step says {agent}, and there is no agent: write agent = ...")
        return self

    @property
    def agent_line(self) -> Line | None:
        """The agent's account."""
        reached = (step.agent for step in self.script if isinstance(step, AgentStep))
        return self.agent or next(reached, None)

    def all_lines(self) -> dict[str, Line]:
        """Who has a phone; all of them are called."""
        agent = {"agent": self.agent_line} if self.agent_line else {}
        return {"call": self.line, **agent, **further_lines(self.script)}

    def layer_of(self, stage: str) -> Layer:
        """The API, and whether anybody calls, is the dialer's own."""
        return _LAYERS.get(stage, Layer.APPLICATION)

    def claims(self) -> tuple[Claim, ...]:
        """One channel of each line."""
        return tuple(Claim(line.name, 1) for line in self.all_lines().values())

    def target(self) -> str:
        """The line that is called, its registrar, and the dialer's address."""
        return f"{self.line.name} at {self.line.registrar}, ordered at {of_address(self.url)}"

    def measures(self) -> Mapping[str, str]:
        """The API's phases, the call's stages, and its quality."""
        stages = {
            "register": "REGISTER until registered",
            "ring": "the API's answer until all that should be called were called",
            "answer": "answered until that was acknowledged",
            "media": "answer until the first RTP packet",
            "talk": "until the customer and the agent had heard each other",
            "caller_id": "looking at what the customer was shown",
            "hang_up": "BYE until its answer",
        }
        heard = [step for step in self.script if isinstance(step, Hear)]
        return {
            **self.walk_measures(),
            **{f"{stage}_seconds": said for stage, said in stages.items()},
            **(
                {
                    f"{stage}_seconds": f"the last {stage}"
                    for stage in ("prompt", "press", "pause", "hold", "agent")
                }
            ),
            **{
                f"hear_{n}_seconds": f"awaiting {step.title} until it began"
                for n, step in enumerate(heard, 1)
            },
            **{
                f"hear_{n}_coverage_percent": f"share of {step.title}, percent"
                for n, step in enumerate(heard, 1)
            },
            **evidence.MEASURES,
            **agent_proof.MEASURES,
            **measures_of(self.script),
            **streams.MEASURES,
            **probe_health.MEASURES,
            **media_judgement.MEASURES,
            **line_security.measures_of(self.all_lines().values()),
        }

    def longest_seconds(self) -> float:
        """Every timer, one after the other."""
        call = (
            self.called_within
            + 2 * _ANSWER_SECONDS
            + self.media_within
            + HEARING_SECONDS
            + 2 * self.signalling_within
        )
        script = sum(seconds_of(step) for step in self.script) if self.script else self.listen
        return self.within + AFTERWARDS_SECONDS + call + script + 20.0

    async def probe(self, trace: Trace) -> None:
        """Trigger one call, and take it. Raises Refused, CannotTell."""
        async with call_attempt(trace, self, self) as (parties, watch):
            await self._attempt(trace, parties, watch)

    async def _attempt(self, trace: Trace, parties: Parties, watch: LoopWatch) -> None:
        legs, lines = parties.legs, self.all_lines()
        try:
            await line_security.hold_certificates(trace, lines.values(), self.signalling_within)
            await parties.start(lines, dict.fromkeys(lines, "register"), tuple(lines))
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
                evidence.exhibit_figures(trace, legs, evidence.measure_media(trace, legs))

    def _words(self) -> dict[str, str]:
        agent = self.agent_line.user if self.agent_line else None
        return {
            "customer": self.line.user or "",
            "agent": agent or "",
            "reference": secrets.token_hex(12),
        }

    async def _registered(self, trace: Trace, phone: Phone) -> None:
        with trace.stage("register"):
            try:
                told = await phone.until(
                    "registered", "registration-failed", within=self.signalling_within
                )
            except TimeoutError:
                raise Refused(
                    "timeout", f"no response within {self.signalling_within:g} s"
                ) from None
            if told.name == "registration-failed":
                raise refusal(Event("refused", told.at, {**told.facts, "reasons": []}))

    async def _called(self, trace: Trace, legs: Mapping[str, Phone]) -> None:
        """Whoever is called answers at once: many a dialer calls the second only then."""
        called = {"call": legs["call"], **({"agent": legs["agent"]} if self.agent else {})}
        with trace.stage("ring"):
            rung = dict(
                zip(called, await asyncio.gather(*map(self._rung, called.values())), strict=True)
            )
            if len(rung) > 1 and all(said is not None and not said.code for said in rung.values()):
                raise Refused(
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
                        else Refused(code, f"{who} was not called within {self.called_within:g} s")
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
                    raise Refused(
                        "no-rtp", f"no RTP to {whose} within {self.media_within:g} s"
                    ) from None

    async def _rung(self, phone: Phone) -> Refused | None:
        """None when it was; what is wrong else, without a code when nobody called."""
        try:
            await phone.until("incoming", within=self.called_within)
        except TimeoutError:
            return Refused("")
        except Refused as ended:
            return ended
        phone.order("answer", status=200)
        return None

    @staticmethod
    async def _answered(phone: Phone) -> None:
        try:
            await phone.until("answered", within=_ANSWER_SECONDS)
        except TimeoutError:
            raise Refused(
                "not-answered", f"the answer was not acknowledged within {_ANSWER_SECONDS:g} s"
            ) from None

    async def _talk(self, trace: Trace, parties: Parties) -> None:
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
            if call.seen("far-bye", "hung-up"):
                return
            call.order("hang-up", within=self.signalling_within)
            done = await call.until("hung-up", "far-bye", within=self.signalling_within + 20.0)
            if done.name == "hung-up" and not done["answered"]:
                raise Refused(
                    "timeout", f"BYE was not answered within {self.signalling_within:g} s"
                )
