"""The settings of a sip-call, with the claims, layers and measures that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from checks.contract import Check, Claim, Layer, Toll
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
from checks.telephony.call.call_recording import VoiceLog
from checks.telephony.call.feature_steps import FEATURES, Conference, Transfer, measures_of
from checks.telephony.call.line import Line, LineName, toll
from checks.telephony.call.media_judgement import MediaLimits
from checks.telephony.call.probe_health import ProbeLimits
from checks.telephony.call.prompt_file import PromptFolder
from checks.telephony.call.script import (
    AgentStep,
    Hear,
    Script,
    further_lines,
    seconds_of,
    timed_stages,
)
from checks.telephony.quality import streams

# Everything up to the answer, and hanging up, is signalling.
_LAYERS: dict[str, Layer] = {
    "": Layer.SIGNALLING,
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
_MEASURES: dict[str, str] = {
    "signalling_seconds": "INVITE until the first response",
    "ring_seconds": "first response until 180 or 183",
    "pdd_seconds": "post-dial delay: INVITE until 180, 183 or the answer",
    "answer_seconds": "INVITE until 200 OK (with early_media and no answer: until there was sound)",
    "media_seconds": "answer until the first RTP packet",
    "hang_up_seconds": "BYE until its answer",
    "q850_cause": "the Q.850 cause that ended the call, where one was given",
}


class SipCallSettings(line_security.Engine, MediaLimits, ProbeLimits, Check):
    """What a test call is told: its line, its number, its script and its times."""

    LAYER: ClassVar[Layer] = Layer.AGENT
    STAGE_LAYERS: ClassVar[Mapping[str, Layer]] = _LAYERS

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
        # A line break would begin a header of its own, or end the message.
        for name, value in headers.items():
            if not name.replace("-", "").isalnum() or any(
                ord(character) < 32 for character in value
            ):
                raise ValueError(
                    f"{name!r} is not a header of one line; letters, digits and dashes name it"
                )
        return headers

    @model_validator(mode="after")
    def _begins_with_somebody(self) -> Self:
        if self.recording and self.recording.begins == "agent" and not self.agent_line:
            raise ValueError(
                'recording.begins = "agent": the script reaches no agent; add a step as in'
                ' { agent = "agent-01" }, or leave begins out'
            )
        return self

    @property
    def agent_line(self) -> Line | None:
        """The agent's account, where the script reaches one."""
        return next((step.agent for step in self.script if isinstance(step, AgentStep)), None)

    def all_lines(self) -> dict[str, Line]:
        """Who has a phone: the caller, the agent, and whoever the script reaches further."""
        agent = {"agent": self.agent_line} if self.agent_line else {}
        return {"call": self.line, **agent, **further_lines(self.script)}

    def highest_layer(self) -> Layer:
        """Agents are spoken of where the script reaches one, and an IVR where it listens."""
        if self.agent_line:
            return Layer.AGENT
        return Layer.PROMPT if self.script else Layer.MEDIA

    def claims(self) -> tuple[Claim, ...]:
        """A channel of the line, of as many as we may have at once, and the agent's account."""
        agent = self.agent_line
        further = [Claim(name, 1) for name in further_lines(self.script)]
        return (
            # All channels that we may have are claimed: two test calls at once would disturb each
            # other's queue.
            Claim(self.line.name, self.line.channels),
            *((Claim(agent.name, 1),) if agent else ()),
            *further,
        )

    def tolls(self) -> tuple[Toll, ...]:
        """Our own call, and what its agents dial: log-in, log-out, consultation, conference."""
        agent = (self.agent_line,) if self.agent_line else ()
        dialled = [(self.line, self.to)]
        for one in agent:
            codes = (one.log_in.to, one.log_in.out) if one.log_in else ()
            dialled += [(one, code) for code in codes if code]
        for step in self.script:
            if isinstance(step, Transfer):
                dialled += self._dialled_by(step)
            if isinstance(step, Conference) and step.room:
                dialled += [(one, step.room) for one in (*agent, step.conference)]
        longest = self.longest_seconds()
        return tuple(toll(line, to, longest) for line, to in dialled)

    def _dialled_by(self, step: Transfer) -> Iterator[tuple[Line, str]]:
        """The consultation; and what the other side dials where the REFER comes through to it (RFC
        3515), which nobody knows before.
        """
        to = step.to or step.transfer.user or step.transfer.name
        sides = [self.line, self.agent_line]
        who, kept = sides if step.by == "caller" else reversed(sides)
        if step.attended:
            yield who or self.line, to
        if kept is not None:
            yield kept, to

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
        if self.line.registers:
            given["register_seconds"] = "REGISTER until registered"
        for number, step in enumerate((step for step in self.script if isinstance(step, Hear)), 1):
            given[f"hear_{number}_seconds"] = f"awaiting {step.title} until it began"
            given[f"hear_{number}_coverage_percent"] = (
                f"share of {step.title} when it was recognised, percent"
            )
            given[f"hear_{number}_level_dbm0"] = f"how loud {step.title} is heard, dBm0"
            given["prompt_seconds"] = "awaiting the last prompt until it was recognised"
        for stage in sorted(timed_stages(self.script)):
            given[f"{stage}_seconds"] = f"the last {stage}"
        given |= {**measures_of(self.script), **(call_recording.MEASURES if self.recording else {})}
        if self.agent_line:
            given.update(
                {**agent_proof.MEASURES, **(agent_login.MEASURES if self.agent_line.log_in else {})}
            )
        return given

    def longest_seconds(self) -> float:
        """The sum of all timers, which may run out one after the other, in seconds."""
        # Timers of their own: REGISTER, INVITE and BYE; the rest are the answer and the first
        # packet.
        timers = 3 * self.signalling_within + self.answer_within + self.media_within
        script = sum(seconds_of(step) for step in self.script) if self.script else self.listen
        return (
            timers + script + (self.recording.longest_seconds() if self.recording else 0.0) + 15.0
        )
