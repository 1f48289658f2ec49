"""The settings of an outbound-dialer check, with the claims, layers and measures that follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from checks.contract import Check, Claim, Layer
from checks.settings import Duration
from checks.target import of_address
from checks.telephony.call import (
    agent_proof,
    evidence,
    line_security,
    media_judgement,
    probe_health,
)
from checks.telephony.call.feature_steps import FEATURES, HEARING_SECONDS, measures_of
from checks.telephony.call.line import AgentName, Line, LineName
from checks.telephony.call.media_judgement import MediaLimits
from checks.telephony.call.probe_health import ProbeLimits
from checks.telephony.call.script import AgentStep, Hear, Step, further_lines, in_order, seconds_of
from checks.telephony.quality import streams
from checks.web.step_kinds import AFTERWARDS_SECONDS, Walked

# A 2xx is repeated after 0.5, 1.5 and 3.5 s (RFC 3261 section 13.3.1.4); the ACK comes within
# them.
ANSWER_SECONDS = 5.0
# A dialer that calls nobody is a fault of the application; what happens in the call is told by its
# layer.
_LAYERS: dict[str, Layer] = {
    "": Layer.APPLICATION,
    "register": Layer.SIGNALLING,
    "media": Layer.MEDIA,
    "hold": Layer.MEDIA,
    **dict.fromkeys(("prompt", "press", "pause"), Layer.PROMPT),
    **dict.fromkeys(("agent", "talk", "caller-id"), Layer.AGENT),
    **{stage: Layer.AGENT for feature in FEATURES.values() for stage in feature.STAGES},
}


class DialerSettings(line_security.Engine, Walked, MediaLimits, ProbeLimits, Check):
    """What the dialer check is told: line, agent, the API's steps, script and times."""

    LAYER: ClassVar[Layer] = Layer.APPLICATION
    STAGE_LAYERS: ClassVar[Mapping[str, Layer]] = _LAYERS
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
        # A dialer calls a number: only a registered account has one that rings here.
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
            **{
                f"hear_{n}_level_dbm0": f"how loud {step.title} is heard, dBm0"
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
        """The sum of all timers, which may run out one after the other, in seconds."""
        call = (
            self.called_within
            + 2 * ANSWER_SECONDS
            + self.media_within
            + HEARING_SECONDS
            + 2 * self.signalling_within
        )
        script = sum(seconds_of(step) for step in self.script) if self.script else self.listen
        return self.within + AFTERWARDS_SECONDS + call + script + 20.0
