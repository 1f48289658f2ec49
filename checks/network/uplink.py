"""Is our own way into the world open? Several targets, by several means, several times.

    round 1   tcp 192.0.2.1:443  8 ms   dns 192.0.2.53  11 ms     icmp 198.51.100.7  timeout
              up: 2 of 3, 1 needed
    round 2   tcp 192.0.2.1:443  9 ms   dns 192.0.2.53  timeout   icmp 198.51.100.7  timeout
              up
    reach     never up: fault with the code that all samples share (timeout, refused, unreachable,
              dns …), else "unreachable"; up and down more often than `flaps_allowed`: fault
              "flapping"

Rules: one far end that is down is not our uplink: it is down only when fewer targets than needed
answer, in every round. A means that this host forbids is named and not counted; with too few left
nothing is known. A lossy or slow uplink is for expectations: `loss_percent <= 2`, `latency_seconds
<= 0.2`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median
from typing import ClassVar, Self

from pydantic import Field, model_validator

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.kind import Duty
from checks.network.uplink_targets import Http, Target
from checks.settings import Duration
from checks.target import of_address, of_several


class Uplink(Check):
    """Tries the site's own connection to the internet, so that what depends on it is not blamed for
    it.
    """

    KIND: ClassVar[str] = "uplink"
    LOOKS_ONLY: ClassVar[bool] = True
    ALSO_CALLED: ClassVar[tuple[str, ...]] = ("ping", "icmp", "fping")
    LAYER: ClassVar[Layer] = Layer.UPLINK
    DUTY: ClassVar[Duty] = "network"
    SAMPLE: ClassVar[str] = """
# What depends on it names it, diagnose = ["uplink"]: its failure is the one ticket then.
[checks.uplink]
kind = "uplink"
every = "1m"
warn = ["loss_percent <= 2"]
targets = [
  { dns = "192.0.2.53", name = "example.net" },
  { tcp = "198.51.100.7:443" },
  { http = "http://www.example.net/" },
]
"""

    targets: tuple[Target, ...] = Field(
        min_length=1, max_length=20, examples=[[{"tcp": "192.0.2.1:443"}, {"dns": "192.0.2.53"}]]
    )
    """what to reach, far apart and by several means, so that no single failure there looks like one
    here
    """
    need: int = Field(default=1, ge=1)
    """how many targets must answer for the uplink to be up"""
    samples: int = Field(default=5, ge=1, le=100)
    """how many rounds there are; in each every target is tried once"""
    pause: Duration = 0.2
    """between two rounds"""
    answer_within: Duration = Field(default=2.0, gt=0)
    """how long a target may take to answer"""
    flaps_allowed: int = Field(default=2, ge=0)
    """how often the uplink may change between up and down from round to round"""

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.need > len(self.targets):
            raise ValueError(
                f"{self.need} targets are needed, and only {len(self.targets)} are named"
            )
        return self

    def target(self) -> str:
        """The hosts beyond the uplink."""
        return of_several(
            [of_address(t.http) if isinstance(t, Http) else str(t) for t in self.targets]
        )

    def measures(self) -> Mapping[str, str]:
        """The measures of the uplink, and of each target by its number."""
        each = {
            f"target_{number}_{name}": f"{text}, of {target}"
            for number, target in enumerate(self.targets, 1)
            for name, text in _OF_A_TARGET.items()
        }
        return {
            "reach_seconds": "all rounds together, in seconds",
            "reached_targets": "how many targets answered at least once",
            "loss_percent": (
                "samples lost, of the targets that answered at least once; 100 when none did"
            ),
            "latency_seconds": (
                "the median time to an answer, of the target that answers soonest; in seconds"
            ),
            "jitter_seconds": (
                "the mean difference between its answers one after the other, in seconds"
            ),
            "down_percent": "rounds in which fewer targets answered than needed, in percent",
            "flaps": "how often it changed between up and down from round to round",
            **each,
        }

    def longest_seconds(self) -> float:
        """Every round waits for its slowest target."""
        return self.samples * (self.answer_within + self.pause) + 5.0

    async def probe(self, trace: Trace) -> None:
        """Go through the rounds once."""
        tried = [Tried(number, target) for number, target in enumerate(self.targets, 1)]
        with trace.stage("reach"):
            rounds = [
                await self._round(tried, pause=bool(number)) for number in range(self.samples)
            ]
            counted = [one for one in tried if not one.forbidden]
            for one in tried:
                trace.note(one.told())
            # A target that was reached in one round and forbidden in the next means that this
            # host's own rules changed meanwhile: the rounds cannot be compared.
            if len(counted) < self.need or any(
                one.forbidden and (one.took or one.lost) for one in tried
            ):
                raise CannotTell("; ".join(one.told() for one in tried if one.forbidden))
            _measure(trace, counted, rounds)
            self._judge(counted, rounds)

    async def _round(self, tried: list[Tried], pause: bool) -> bool:
        """Whether the uplink is up in this round."""
        if pause:
            await asyncio.sleep(self.pause)
        answered = await asyncio.gather(*(one.sample(self.answer_within) for one in tried))
        return sum(answered) >= self.need

    def _judge(self, counted: list[Tried], rounds: list[bool]) -> None:
        flaps = _flaps(rounds)
        if not any(rounds):
            codes = {code for one in counted for code in one.lost}
            # Targets that fail in different ways share no cause that could be named; policies have
            # one rule for "no way leads there".
            code = codes.pop() if len(codes) == 1 else "unreachable"
            told = "; ".join(one.told() for one in counted)
            reached = sum(1 for one in counted if one.took)
            raise Failed(
                code, f"{reached} of {len(counted)} targets answered, {self.need} needed: {told}"
            )
        if flaps > self.flaps_allowed:
            raise Failed(
                "flapping", f"up in {sum(rounds)} of {len(rounds)} rounds, with {flaps} changes"
            )


_OF_A_TARGET = {
    "loss_percent": "samples lost, in percent",
    "latency_seconds": "the median time to an answer, in seconds",
    "jitter_seconds": "the mean difference between answers one after the other, in seconds",
}


@dataclass(slots=True)
class Tried:
    """A target and how its samples went: seconds of those answered, codes of those lost."""

    number: int
    target: Target
    took: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    forbidden: str = ""

    async def sample(self, within: float) -> bool:
        """Try the target once; True if it answered within so many seconds."""
        if self.forbidden:
            return False
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(within):
                await self.target.reach()
        except TimeoutError:
            self.lost.append("timeout")
        except Failed as refused:
            self.lost.append(refused.code)
        # No leave for ICMP (net.ipv4.ping_group_range) is this host's setting, and the same in
        # every round: it is asked once.
        except CannotTell as forbidden:
            self.forbidden = str(forbidden)
        else:
            self.took.append(loop.time() - began)
            return True
        return False

    def loss_percent(self) -> float:
        """How many of its samples were lost, in percent."""
        return 100.0 * len(self.lost) / max(1, len(self.lost) + len(self.took))

    def jitter_seconds(self) -> float:
        """The mean difference between two answers, one after the other."""
        return (
            # The mean of the differences, not the smoothed estimator of RFC 3550 section 6.4.1:
            # with five samples that would still be close to zero.
            fmean(abs(later - earlier) for earlier, later in pairwise(self.took))
            if len(self.took) > 1
            else 0.0
        )

    def told(self) -> str:
        """How it went, in short."""
        if self.forbidden:
            return f"{self.target}: not counted, {self.forbidden}"
        if not self.took:
            return f"{self.target}: {', '.join(sorted(set(self.lost)))}"
        return (
            f"{self.target}: {len(self.took)} of {len(self.took) + len(self.lost)},"
            f" {1000 * median(self.took):.1f} ms"
        )


def _measure(trace: Trace, counted: list[Tried], rounds: list[bool]) -> None:
    reached = [one for one in counted if one.took]
    for one in counted:
        trace.measure(f"target_{one.number}_loss_percent", one.loss_percent())
    for one in reached:
        trace.measure(f"target_{one.number}_latency_seconds", median(one.took))
        trace.measure(f"target_{one.number}_jitter_seconds", one.jitter_seconds())
    trace.measure("reached_targets", len(reached))
    trace.measure(
        "loss_percent", fmean(one.loss_percent() for one in reached) if reached else 100.0
    )
    trace.measure("down_percent", 100.0 * rounds.count(False) / len(rounds))
    trace.measure("flaps", _flaps(rounds))
    if reached:
        # The nearest target tells of our own line; the others add their own distance.
        soonest = min(reached, key=lambda one: median(one.took))
        trace.measure("latency_seconds", median(soonest.took))
        trace.measure("jitter_seconds", soonest.jitter_seconds())


def _flaps(rounds: list[bool]) -> int:
    return sum(1 for earlier, later in pairwise(rounds) if earlier is not later)
