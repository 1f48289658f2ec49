"""The script of a test call: what the caller hears, presses and waits for, as written in the
configuration.

Each step has exactly one verb: hear, press, pause, agent, hold or hang-up, or one of call control
(control_steps.py).
"""

from __future__ import annotations

import array
import sys
import wave
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from checks.settings import Duration, LocalPath, ReadableFile, Settings
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

_LEAST_SECONDS = 0.3
_LEAST_PEAK = 200


def is_prompt(path: Path) -> Path:
    """Refuses what could never be recognised. Raises ValueError."""
    try:
        with wave.open(str(path), "rb") as file:
            rate, channels, bits = file.getframerate(), file.getnchannels(), 8 * file.getsampwidth()
            samples = array.array("h", file.readframes(file.getnframes()) if bits == 16 else b"")
    except (wave.Error, EOFError) as problem:
        raise ValueError(
            f"{path.name!r} is not a WAV file of PCM samples ({problem}); {_convert(path)}"
        ) from None
    if (rate, channels, bits) != (8000, 1, 16):
        kind = {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")
        raise ValueError(
            f"{path.name!r} is {rate} Hz {kind} {bits}-bit, a prompt is 8000 Hz mono 16-bit;"
            f" {_convert(path)}"
        )
    if sys.byteorder == "big":
        samples.byteswap()
    if len(samples) < _LEAST_SECONDS * rate:
        raise ValueError(
            f"{path.name!r} is {len(samples) / rate:.1f} s long; a prompt needs at least"
            f" {_LEAST_SECONDS} s"
        )
    if max(map(abs, samples)) < _LEAST_PEAK:
        raise ValueError(f"{path.name!r} is silent; record a prompt with sound in it")
    return path


def _convert(path: Path) -> str:
    return f"convert it, as in: sox {path.name} -r 8000 -c 1 -b 16 prompt.wav"


PromptFile = Annotated[ReadableFile, AfterValidator(is_prompt)]
"""A reference recording: WAV, 8000 Hz, mono, 16-bit."""


def _is_folder(path: Path) -> Path:
    """Refuses what is no folder. Raises ValueError."""
    if not path.is_dir():
        raise ValueError(f"there is no folder {str(path)!r}")
    return path


PromptFolder = Annotated[LocalPath, AfterValidator(_is_folder)]
"""A folder of recordings; a relative path counts from the configuration's own folder."""


def prompts_in(folder: Path | None) -> list[str]:
    """The paths of the recordings in a folder; those that cannot be read are passed over later."""
    return [str(path) for path in sorted(folder.glob("*.wav"))] if folder else []


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
    """the number that our own call shows the agent ("*" for any beginning or end); other calls are
    refused as busy, so that in a queue with real callers the agent takes ours only
    """
    digits: int = Field(default=4, ge=0, le=16)
    """how many digits (0-9, DTMF) each side presses for the other once they have heard each other;
    0 for none
    """


class Hold(Settings):
    """The call stays connected, and its media must keep flowing."""

    hold: Duration
    """how long"""


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
        "hold": Hold,
        **FEATURES,
        "hang-up": HangUp,
    },
    example='{ hear = "welcome.wav", within = "6s" }',
)

Step = Annotated[
    Annotated[Hear, Tag("hear")]
    | Annotated[Press, Tag("press")]
    | Annotated[Pause, Tag("pause")]
    | Annotated[AgentStep, Tag("agent")]
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
        return step.within + max(map(_length_seconds, step.references)) + 1.5
    if isinstance(step, Press):
        return 0.5 * len(step.press)
    if isinstance(step, Pause):
        return step.pause
    if isinstance(step, AgentStep):
        log_in = step.agent.log_in.longest_seconds() if step.agent.log_in else 0.0
        return step.within + 18.0 + 0.5 * step.digits + log_in
    if isinstance(step, Feature):
        return step.longest_seconds()
    return step.hold if isinstance(step, Hold) else 0.0


def _length_seconds(path: Path) -> float:
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()
