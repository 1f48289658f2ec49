"""What a check is, and what it may say.

A check makes one attempt and decides nothing. It writes what it meets into a `Trace`; the trace
becomes an `Observation`. Three endings, no others:

* it returns: the facts stand, no fault;
* it raises `Failed`: the far end answered, or failed to, and that is a `Fault` of the stage that
  was under way;
* it raises `CannotTell` (or anything else: a bug): the probe itself could not run, nothing is
  known.

A far end that judges itself (a Nagios plugin's WARNING) is quoted with `Trace.warning`: the verdict
is made elsewhere.

Rule 1: a check never asks what time it is; the trace has the only stopwatch. Rule 2: no secret goes
into a note, a fault, a measure, an exhibit or the memory. Rule 3: an attempt knows of the one
before it only what that one chose to `remember`: a counter's last value, no more. Rule 4: what is
right by a person's word alone (how a page shall look, which services run) is `accepted`; a check
compares with that, and proposes what it saw: `reveille baseline NAME` takes it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import ClassVar

from checks import target
from checks.kind import Kind
from checks.settings import Settings
from checks.trace import (
    CannotTell,
    Exhibit,
    Failed,
    Fault,
    Observation,
    Origin,
    Refused,
    Stage,
    Trace,
)

__all__ = [
    "CannotTell",
    "Check",
    "Claim",
    "Exhibit",
    "Failed",
    "Fault",
    "Layer",
    "Observation",
    "Origin",
    "Refused",
    "Stage",
    "Toll",
    "Trace",
]


class Layer(IntEnum):
    """What stands on what, the ground first: the lowest failing layer is the cause."""

    # Steps of ten leave room for a layer between two, and keep the kept numbers as they are.
    UPLINK = 10
    LINE = 20  # PRI span, SIP trunk
    SIGNALLING = 30  # SIP dialogue: reached, rang, answered
    MEDIA = 40  # RTP flows, and carries sound
    PROMPT = 50  # the IVR says and does the right thing
    AGENT = 60  # a person (or our agent leg) is reached and both hear each other
    APPLICATION = 70  # portals, chat, APIs, reports


@dataclass(frozen=True, slots=True)
class Claim:
    """A scarce thing that an attempt occupies while it runs: `channels` at once of the line called
    `line`.
    """

    line: str
    channels: int
    taken: int = 1
    """how many of the channels this attempt has at once"""
    across_processes: bool = True
    """whether other processes of this host are on the same line; False: it is this one's own"""


@dataclass(frozen=True, slots=True)
class Toll:
    """Calls that one attempt dials, and what may be dialled at the most, by the line's settings."""

    line: str
    to: str
    calls: int
    seconds: float
    """the longest that each of them can last"""
    calls_a_day: int
    minutes_a_day: int
    may_dial: tuple[str, ...] = ()
    """the numbers that may be dialled, "*" for any beginning or end; (): what is configured"""


class Check(Kind, Settings, ABC):
    """A configured thing to look at. Its fields are its settings; `description` of each feeds the
    reference.

    What the rest of the house has to know of its class beside is in `Kind`.
    """

    LAYER: ClassVar[Layer]
    """The highest layer it speaks about: what it proves when it passes."""

    @abstractmethod
    async def probe(self, trace: Trace) -> None:
        """Make one attempt. Raises Failed or CannotTell."""

    @abstractmethod
    def measures(self) -> Mapping[str, str]:
        """Every measure it can give with these settings: name -> what it means, with its unit."""

    def target(self) -> str:
        """What it looks at, in one line and without any secret: "8000 at sip.example.net"; ""
        where the settings do not say.
        """
        return target.of_settings(self)

    def highest_layer(self) -> Layer:
        """The highest layer it speaks about with these settings."""
        return self.LAYER

    STAGE_LAYERS: ClassVar[Mapping[str, Layer]] = {}
    """The layers that its stages belong to, and under "" that of all others; {} where all are of
    its highest."""

    @classmethod
    def stage_layer(cls, stage: str) -> Layer:
        """The layer that a stage of the kind belongs to, whatever its settings."""
        return cls.STAGE_LAYERS.get(stage, cls.STAGE_LAYERS.get("", cls.LAYER))

    def layer_of(self, stage: str) -> Layer:
        """The layer that a stage of this check belongs to."""
        return self.stage_layer(stage) if self.STAGE_LAYERS else self.highest_layer()

    def claims(self) -> tuple[Claim, ...]:
        """The lines that one attempt occupies."""
        return ()

    def tolls(self) -> tuple[Toll, ...]:
        """What one attempt dials, call by call, where calls may cost."""
        return ()

    async def try_out(self, trace: Trace) -> bool:
        """Open what it looks at once, placing nothing; False where it has no way of its own to do
        so. Raises Failed, CannotTell.
        """
        if self.LOOKS_ONLY:
            await self.probe(trace)
        return self.LOOKS_ONLY

    ALSO_CALLED: ClassVar[tuple[str, ...]] = ()
    """what people of other monitors write for this kind, so that it can be offered"""
    LACKS_AT: ClassVar[str] = ""
    """the setting that names what `lacks` tells of; "" where none does"""

    # A probe that cannot run here is told when the configuration is read, and not at four in the
    # morning.
    def lacks(self) -> str | None:
        """What this host lacks for it, and what would be right, in words; asked for at
        check-config.
        """
        return None

    # Asked for by what lays the service down: it knows which drop-in gives a right, a check does
    # not.
    def rights(self) -> frozenset[str]:
        """What it needs of the host beyond the walls of a hardened service, with these settings:
        "host" (read every file and process), "disks" (ask them for SMART), "browser", "webrtc",
        "plugins" (run as another user).
        """
        return frozenset()

    def writes(self) -> tuple[Path, ...]:
        """The folders that it writes into, the one for evidence aside."""
        return ()

    def longest_seconds(self) -> float:
        """The longest that one honest attempt can take, in seconds: the runner's usual limit."""
        # Longer than any single exchange of a network takes; kinds that ring, scan or restore say
        # their own.
        return 30.0
