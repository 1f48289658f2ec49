"""The settings of a call by a browser's softphone, with the stages, claims and measures that follow
from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from checks.contract import Claim
from checks.settings import Duration, Secret, Settings
from checks.web.browsing import LAUNCH_SECONDS, Executable
from checks.webrtc.settings import SoftphoneCall

STAGES = (
    "dns",
    "tcp",
    "tls",
    "websocket",
    "register",
    "reconnect",
    "stun",
    "turn",
    "ring",
    "answer",
    "ice",
    "dtls",
    "srtp",
)
# What JsSIP waits at most before it connects anew and the second try.
_RECOVERY_SECONDS = 6.0


MEASURES = {
    "concealed_percent": (
        "samples that the browser made up where nothing had come, percent of those played"
    ),
    "jitter_buffer_ms": "how long a packet waited in the browser's jitter buffer, milliseconds",
    "audio_level": "level of what was played last, 0 to 1 (W3C audioLevel)",
}


class Caller(Settings):
    """A second account at the same edge, which calls ours."""

    user: Annotated[str, Field(pattern=r"^[^\s<>\"',;@:]+$")] = Field(examples=["6102"])
    """the account's user name"""
    login: str | None = None
    """the user name for the digest, where it is another"""
    password: Secret | None = None
    """the account's password, by reference"""


class BrowserCall(Executable, SoftphoneCall):
    """What a call by a browser's softphone is told beside what any softphone is."""

    keys: Literal["rfc4733", "info"] = "rfc4733"
    """how `press` sends digits"""
    reconnect: bool = True
    """whether the socket is dropped once, to see that the softphone comes back by itself"""
    caller: Caller | None = None
    """an account that calls ours before we call: a softphone that is registered must ring"""
    ring_within: Duration = Field(default=8.0, gt=0)
    """how soon it must ring"""

    def lacks(self) -> str | None:
        """The browser, or the engine of the agent's phone, where this host has none."""
        return Executable.lacks(self) or SoftphoneCall.lacks(self)

    @model_validator(mode="after")
    def _two_accounts(self) -> Self:
        # A platform refuses a call to oneself, or rings nobody.
        if self.caller and self.caller.user == self.user:
            raise ValueError("'caller' must be another account than the one that is called")
        return self

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that there are with these settings."""
        there = {
            "tls": self._secure,
            "stun": bool(self.stun),
            "turn": bool(self.turn),
            "reconnect": self.reconnect,
            "ring": self.caller is not None,
        }
        return tuple(stage for stage in STAGES if there.get(stage, True))

    def claims(self) -> tuple[Claim, ...]:
        """The accounts, and a place in the browser."""
        caller = (Claim(f"{self.caller.user} at {self.url}", 1),) if self.caller else ()
        return (*super().claims(), *caller, self.place())

    def measures(self) -> Mapping[str, str]:
        """Every measure it can give with these settings."""
        return {**super().measures(), **MEASURES}

    def longest_seconds(self) -> float:
        """The sum of all timers, and the browser's start and end, in seconds."""
        return super().longest_seconds() + LAUNCH_SECONDS

    def _within(self) -> dict[str, float]:
        longer = {
            "reconnect": self.step_within + _RECOVERY_SECONDS,
            # Ringing and being answered are exchanges of their own.
            "ring": self.ring_within + 2 * self.step_within,
        }
        return {stage: longer.get(stage, seconds) for stage, seconds in super()._within().items()}
