"""The script of a test call: what the caller hears, presses and waits for, as written in the
configuration.

Each step has exactly one verb: hear, press, pause, agent, stay or hang-up, or one of call control
(feature_steps.py).
"""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from checks.settings import Duration, Settings
from checks.step_tables import Verbs
from checks.telephony.call.feature_steps import (
    FEATURES,
    CallerId,
    Collect,
    Conference,
    Feature,
    Mute,
    OnHold,
    Transfer,
    fault_of_order,
)
from checks.telephony.call.line import AgentName, Line
from checks.telephony.call.prompt_file import PromptFile


def _shape(written: Any) -> str:
    return "several" if isinstance(written, list | tuple) else "one"


PromptFiles = Annotated[
    Annotated[PromptFile, Tag("one")]
    | Annotated[tuple[PromptFile, ...], Field(min_length=1), Tag("several")],
    Discriminator(_shape),
]
"""One reference recording, or several."""


class Hear(Settings):
    """The far end says this prompt, beginning in time."""

    hear: PromptFiles
    """the reference recording (WAV, 8000 Hz, mono, 16-bit), or several of which any will do
    (languages, seasons)
    """
    within: Duration = 10.0
    """how soon it must begin"""
    to_the_end: bool = False
    """whether it must be heard to its end, and not only until it is recognised"""

    @property
    def references(self) -> tuple[Path, ...]:
        """The recordings, of which any will do."""
        return self.hear if isinstance(self.hear, tuple) else (self.hear,)

    @property
    def title(self) -> str:
        """ "welcome-en.wav or welcome-hi.wav"."""
        return " or ".join(path.name for path in self.references)


class Press(Settings):
    """Digits are dialled (DTMF)."""

    press: Annotated[str, Field(pattern=r"^[0-9A-D*#]{1,32}$")]
    """digits out of 0-9, *, # and A-D"""


class Pause(Settings):
    """The caller waits; what is said meanwhile still counts for the next `hear`."""

    pause: Duration
    """how long"""


class AgentStep(Settings):
    """Our own agent leg rings, answers, and both sides challenge each other: by tones, and by
    digits.
    """

    agent: AgentName
    """the account in [agents] that the call must reach"""
    within: Duration = 20.0
    """how soon it must ring and be connected, in a queue also how long the caller waits"""
    caller: Annotated[str, Field(pattern=r"^[^\s@;<>]+$")] | None = None
    """the number that our own call shows the agent ("*" for any beginning or end, or for whoever
    calls); without it the line's own `caller_id` or `user`. Other calls are refused as busy, so
    that in a queue with real callers the agent takes ours only
    """
    digits: int = Field(default=4, ge=0, le=16)
    """how many digits (0-9, DTMF) each side presses for the other once they have heard each other;
    0 for none
    """


class Stay(Settings):
    """The call stays connected, and its media must keep flowing. Its stage is `hold`, its measure
    `hold_seconds`.
    """

    stay: Duration
    """how long"""


class Hold(Settings):
    """The old word for `stay`. From 0.3.0 on `hold` is SIP hold, as `on-hold` is now."""

    # In SIP a call on hold is one whose media is stopped (sendonly, RFC 3264 section 8.4): the
    # opposite of what this word meant here first.
    OUTDATED: ClassVar[tuple[str, str, str]] = (
        "hold",
        "hold is to mean SIP hold from 0.3.0 on",
        "write stay",
    )

    hold: Duration
    """how long; write `stay`"""

    @property
    def stay(self) -> float:
        """How long, in seconds."""
        return self.hold


class HangUp(Settings):
    """The caller hangs up; nothing may follow."""

    hang_up: Literal[True] = Field(alias="hang-up")
    """true"""


VERBS = Verbs(
    {
        "hear": Hear,
        "press": Press,
        "pause": Pause,
        "agent": AgentStep,
        "stay": Stay,
        **FEATURES,
        "hang-up": HangUp,
    },
    old={"hold": Hold},
    example='{ hear = "welcome.wav", within = "6s" }',
)

Step = Annotated[
    Annotated[Hear, Tag("hear")]
    | Annotated[Press, Tag("press")]
    | Annotated[Pause, Tag("pause")]
    | Annotated[AgentStep, Tag("agent")]
    | Annotated[Stay, Tag("stay")]
    | Annotated[Hold, Tag("hold")]
    | Annotated[OnHold, Tag("on-hold")]
    | Annotated[Mute, Tag("mute")]
    | Annotated[Transfer, Tag("transfer")]
    | Annotated[Conference, Tag("conference")]
    | Annotated[Collect, Tag("collect")]
    | Annotated[CallerId, Tag("caller-id")]
    | Annotated[HangUp, Tag("hang-up")],
    Discriminator(VERBS.of),
    BeforeValidator(VERBS.exactly_one),
]


def in_order(steps: tuple[Step, ...], agent: str | None = None) -> tuple[Step, ...]:
    """Refuses what cannot come in this order; `agent` is in the call from the beginning. Raises
    ValueError.
    """
    # Steps after a hang-up would silently never run.
    for number, step in enumerate(steps[:-1], 1):
        if isinstance(step, HangUp):
            raise ValueError(
                f"step {number} hangs up, and {len(steps) - number} more would follow; make it the"
                " last"
            )
    agents = [step.agent.name for step in steps if isinstance(step, AgentStep)] + (
        [agent] if agent else []
    )
    if len(agents) > 1:
        raise ValueError("one call reaches one agent; write a check for each agent")
    at = next((number for number, step in enumerate(steps) if isinstance(step, AgentStep)), None)
    agent_at = 0 if agent else at
    if found := fault_of_order(steps, agent_at):
        raise ValueError(found)
    if agents and agents[0] in further_lines(steps):
        raise ValueError(f"{agents[0]!r} is reached twice; give each step an account of its own")
    return steps


def further_lines(steps: tuple[Step, ...]) -> dict[str, Line]:
    """The accounts beside the agent's that the script reaches, by name."""
    lines = [step.further for step in steps if isinstance(step, Feature)]
    return {line.name: line for line in lines if line is not None}


Script = Annotated[tuple[Step, ...], AfterValidator(in_order)]
"""The steps in order; after the last the caller hangs up."""


def seconds_of(step: Step) -> float:
    """The longest that one step can honestly take."""
    if isinstance(step, Hear):
        # A prompt may begin as late as allowed, and must be let speak; 1.5 s decide it.
        return step.within + max(map(_length_seconds, step.references)) + 1.5
    if isinstance(step, Press):
        # Each digit takes 160 ms and a pause, by RFC 4733 as by INFO.
        return 0.5 * len(step.press)
    if isinstance(step, Pause):
        return step.pause
    if isinstance(step, AgentStep):
        log_in = step.agent.log_in.longest_seconds() if step.agent.log_in else 0.0
        # 18 s: answer, media, nonces both ways with their delays, and the decision of a busy
        # phone.
        return step.within + 18.0 + 0.5 * step.digits + log_in
    if isinstance(step, Feature):
        return step.longest_seconds()
    return step.stay if isinstance(step, Stay | Hold) else 0.0


def timed_stages(steps: tuple[Step, ...]) -> set[str]:
    """The stages of the plain steps, each of which gives STAGE_seconds. Ledgers, policies and
    expectations know that of `stay` as `hold`, and a stage never changes its name.
    """
    stages: dict[type, str] = {Press: "press", Pause: "pause", Stay: "hold", Hold: "hold"}
    return {stages[type(step)] for step in steps if type(step) in stages}


def _length_seconds(path: Path) -> float:
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()
