"""The steps of a script that use call control: what agents do with a call, as written in the
configuration.

{ on-hold = "5s", hears = "music" }                  hold and resume, by the agent
{ mute = "3s" }                                      mute and unmute
{ transfer = "supervisor-01", attended = true }      blind without `attended`
{ conference = "supervisor-01", room = "8600" }      or code = "*36103#"
{ collect = "4711" }                                 DTMF in the talk
{ caller-id = "+91 80 4748 6799" }                   what our agent was shown
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from checks.settings import Duration, Settings
from checks.telephony.call.line import AgentName, Line

By = Literal["agent", "caller"]
# ITU-T Q.23 knows sixteen signals: ten digits, "*", "#", and A to D.
DigitCode = Annotated[str, Field(pattern=r"^[0-9A-D*#]{1,32}$")]
Number = Annotated[str, Field(pattern=r"^[^\s<>\"',;@?]+(@[^\s<>\"',@?]+)?$")]
# How long two sides have to hear each other's nonce: seven rounds, for long jitter buffers.
HEARING_SECONDS = 6.0
# For a phone to answer an order, on a machine that is busy.
DECIDE_SECONDS = 10.0


class Feature(Settings):
    """A step of call control: what all of them have in common."""

    STAGES: ClassVar[tuple[str, ...]]
    """the stages that it goes through, each with its own faults"""

    @property
    def needs_agent(self) -> bool:
        """Whether our agent must have been reached before."""
        return True

    @property
    def further(self) -> Line | None:
        """The further account of ours that the step reaches, if any."""
        return None

    def longest_seconds(self) -> float:
        """The longest that it can honestly take."""
        return 2 * HEARING_SECONDS + DECIDE_SECONDS


class OnHold(Feature):
    """The call is put on hold (re-INVITE) and resumed; then both sides must hear each other."""

    STAGES: ClassVar[tuple[str, ...]] = ("on-hold", "resume")

    on_hold: Duration = Field(alias="on-hold", gt=0)
    """how long it is on hold"""
    by: By = "agent"
    """who puts the other on hold"""
    hears: Literal["music", "silence", "anything"] = "anything"
    """what the other must hear meanwhile"""
    within: Duration = 5.0
    """how soon each re-INVITE must be answered"""

    @property
    def needs_agent(self) -> bool:
        """A caller may put an IVR on hold."""
        return self.by == "agent"

    def longest_seconds(self) -> float:
        """The time on hold, both re-INVITEs, and the proof of each, in seconds."""
        return self.on_hold + 2 * self.within + super().longest_seconds()


class Mute(Feature):
    """One side is muted, and must not be heard; then unmuted, and be heard."""

    STAGES: ClassVar[tuple[str, ...]] = ("mute", "unmute")

    # A round of the nonce lasts 0.8 s; the rest is for the jitter buffers at both ends.
    mute: Duration = Field(ge=1.5)
    """how long it is muted, and listened for"""
    by: By = "agent"
    """who is muted"""
    code: DigitCode | None = None
    """the platform's feature code that mutes and unmutes, as in "*6"; without one our own phone
    keeps its sound back
    """

    def longest_seconds(self) -> float:
        """The time on mute, the feature code twice, and the proof, in seconds."""
        return self.mute + len(self.code or "") + super().longest_seconds()


class Transfer(Feature):
    """The other side is transferred (REFER), and must reach the target: both hear each other."""

    STAGES: ClassVar[tuple[str, ...]] = ("consult", "transfer")

    transfer: AgentName
    """the account in [agents] that it must reach"""
    to: Number | None = None
    """the number to transfer to, where it is not that account's user"""
    by: By = "agent"
    """who transfers the other"""
    attended: bool = False
    """whether the target is consulted first (REFER with Replaces); else it is a blind transfer"""
    within: Duration = 15.0
    """how soon the target must be reached"""

    @property
    def needs_agent(self) -> bool:
        """A caller may transfer any far end."""
        return self.by == "agent"

    @property
    def further(self) -> Line:
        """The account of the target."""
        return self.transfer

    def longest_seconds(self) -> float:
        """The consultation, the transfer and the proof, in seconds."""
        return 3 * self.within + super().longest_seconds()


class Conference(Feature):
    """A third joins the caller and the agent, and each of the three hears the others."""

    STAGES: ClassVar[tuple[str, ...]] = ("conference",)

    conference: AgentName
    """the account in [agents] that joins"""
    room: Number | None = None
    """the conference's own number: the agent transfers the caller there, and he and the third call
    it (RFC 4579)
    """
    code: DigitCode | None = None
    """or the feature code that the agent presses to have the third called, as in "*36103#" """
    within: Duration = 15.0
    """how soon all must be in it"""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.room is None) == (self.code is None):
            raise ValueError('say how they meet: room = "8600" or code = "*36103#"')
        return self

    @property
    def further(self) -> Line:
        """The account of the third party."""
        return self.conference

    def longest_seconds(self) -> float:
        """The time to gather, and three turns of speaking, in seconds."""
        return 3 * self.within + HEARING_SECONDS + super().longest_seconds()


class Collect(Feature):
    """Digits (DTMF) pressed in the talk arrive at the other side, each once and in order."""

    STAGES: ClassVar[tuple[str, ...]] = ("dtmf",)

    collect: DigitCode
    """the digits"""
    by: By = "caller"
    """who presses them"""
    method: Literal["rfc4733", "info"] | None = None
    """how they are sent, where it is not the check's own `dtmf`"""
    within: Duration = 5.0
    """how soon after the last was sent all must have come"""

    def longest_seconds(self) -> float:
        """The time to send the digits, and to collect them, in seconds."""
        return 0.5 * len(self.collect) + self.within + DECIDE_SECONDS


class CallerId(Feature):
    """Our agent must have been shown the right number of the caller."""

    STAGES: ClassVar[tuple[str, ...]] = ("caller-id",)

    caller_id: str = Field(alias="caller-id", min_length=1, max_length=64)
    """the number that must be shown; spaces and dashes do not count, "*" stands for any beginning
    or end
    """
    header: Literal["presented", "from", "p-asserted-identity", "remote-party-id", "diversion"] = (
        "presented"
    )
    """where; "presented" is P-Asserted-Identity, else Remote-Party-ID, else From"""

    def longest_seconds(self) -> float:
        """One second: the number was shown when the phone rang."""
        return 1.0


FEATURES: dict[str, type[Feature]] = {
    "on-hold": OnHold,
    "mute": Mute,
    "transfer": Transfer,
    "conference": Conference,
    "collect": Collect,
    "caller-id": CallerId,
}
"""verb -> step"""


def fault_of_order(steps: tuple[Settings, ...], agent_at: int | None) -> str | None:
    """What cannot be in this order; `agent_at` is the step from which on our agent is there (None:
    never).
    """
    reached: list[str] = []
    gone = False
    for number, step in enumerate(steps):
        if not isinstance(step, Feature):
            continue
        # The caller who transferred the far end away is no longer in the call (RFC 5589).
        if gone:
            return f"step {number + 1} needs the caller, whom step {number} took out of the call"
        if step.needs_agent and (agent_at is None or number < agent_at):
            return (
                f"step {number + 1} needs our agent in the call; put an {{ agent = ... }} before it"
            )
        if step.further is not None:
            # One account has one phone here, which takes one call at a time.
            if step.further.name in reached:
                return (
                    f"{step.further.name!r} is reached twice; give each step an account of its own"
                )
            reached.append(step.further.name)
        gone = isinstance(step, Transfer) and step.by == "caller"
    return None


def measures_of(steps: tuple[Settings, ...]) -> dict[str, str]:
    """The measures that the features of a script give."""
    stages = [stage for step in steps if isinstance(step, Feature) for stage in step.STAGES]
    given = {f"{stage.replace('-', '_')}_seconds": f"the last stage {stage}" for stage in stages}
    if any(isinstance(step, Transfer) for step in steps):
        given["transfer_outcome_seconds"] = "REFER until the transfer was known to have succeeded"
    return given
