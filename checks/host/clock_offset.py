"""The time of day: this host's clock against time servers (RFC 5905), and whether the kernel says
it is steered.

    ask      SNTP, each server up to three times; the answer      fault: no-answer
             with the least delay counts
    compare  the median of those who agree                        fault: clock-off

Rules: servers that contradict each other without a majority leave nothing known. A change of the
site's summer time in the days to come is noted.
"""

from __future__ import annotations

import asyncio
import ctypes
import platform
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.host.sntp import Told, ask
from checks.kind import Duty
from checks.settings import Duration, SiteZone

_PORT = 123
# RFC 5905 section 10 filters the last eight samples by their delay; of three close ones the least
# delayed is good enough to see a tenth of a second.
_TIMES = 3
# The step threshold of RFC 5905 (STEPT): servers that are further apart than this do not tell the
# same time.
_AGREE_SECONDS = 0.128
# TIME_ERROR of <sys/timex.h>: the kernel's clock is not synchronised (adjtimex(2)).
_TIME_ERROR = 5
# A week is enough for whoever keeps the shift plans and the timetable of the trunk.
_DAYS_AHEAD = 7
Server = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[^\s:\[\]]+)(:\d{1,5})?$")]


class HostClock(Check):
    """Compares this host's clock with time servers."""

    KIND: ClassVar[str] = "host-clock"
    LOOKS_ONLY: ClassVar[bool] = True
    ALSO_CALLED: ClassVar[tuple[str, ...]] = ("ntp", "time", "chrony")
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "servers"
    SAMPLE: ClassVar[str] = """
[checks.pbx-clock]
kind = "host-clock"
every = "15m"
servers = ["a.time.example.net", "b.time.example.net", "192.0.2.123"]
"""

    servers: tuple[Server, ...] = Field(
        min_length=1, examples=[["time.example.net", "192.0.2.123"]]
    )
    """time servers to ask, as HOST or HOST:PORT; three or more outvote a wrong one"""
    most_offset: Duration = Field(default=1.0, gt=0)
    """a clock that is further off is a fault"""
    warn_offset: Duration = Field(default=0.1, gt=0)
    """a clock that is further off is a warning"""
    answer_within: Duration = Field(default=3.0, gt=0, le=60)
    """how long an answer may take"""
    timezone: SiteZone = ""
    """the site's, which the loader knows"""

    def target(self) -> str:
        """This host, whose clock it is."""
        return platform.node() or "localhost"

    def measures(self) -> Mapping[str, str]:
        """How far off, and who says so."""
        return {
            "ask_seconds": "asking all servers, in seconds",
            "compare_seconds": "comparing their answers, in seconds",
            "offset_seconds": "how far this host's clock is off, ahead or behind, in seconds",
            "behind_seconds": "how far it is behind; below zero it is ahead, in seconds",
            "servers": "time servers that answered",
            "steered": "1 when the kernel says that the clock is synchronised, else 0",
        }

    def longest_seconds(self) -> float:
        """The longest that all servers may take, asked at once and three times each, in seconds."""
        return _TIMES * self.answer_within + 5.0

    async def probe(self, trace: Trace) -> None:
        """Ask every time server and compare its clock with this host's, once."""
        self._announce(trace)
        with trace.stage("ask"):
            told = await self._asked(trace)
        with trace.stage("compare"):
            self._compare(told, trace)

    async def _asked(self, trace: Trace) -> dict[str, Told]:
        answers = await asyncio.gather(*(self._best(server) for server in self.servers))
        told = {}
        for server, answer in zip(self.servers, answers, strict=True):
            if isinstance(answer, Exception):
                trace.note(f"{server}: {answer}")
            else:
                told[server] = answer
                said = (
                    f"behind by {answer.offset:+.4f} s, delay {answer.delay * 1e3:.1f} ms, stratum"
                    f" {answer.stratum}"
                )
                trace.note(f"{server}: {said}")
        trace.measure("servers", len(told))
        if not told:
            if sick := [answer for answer in answers if isinstance(answer, CannotTell)]:
                raise sick[0]
            raise Failed(
                "no-answer", f"none of {', '.join(self.servers)} tells the time: {answers[0]}"
            )
        if len(told) < len(self.servers):
            trace.warning(
                f"{len(self.servers) - len(told)} of {len(self.servers)} time servers tell no time"
            )
        return told

    async def _best(self, server: str) -> Told | Failed | CannotTell:
        host, port = _place(server)
        best: Told | Failed = Failed("timeout")
        for _ in range(_TIMES):
            try:
                told = await ask(host, port, self.answer_within)
            except CannotTell as own:
                # An earlier answer of this server stands; trouble of this host's own does not make
                # it wrong.
                return own if isinstance(best, Failed) else best
            except Failed as problem:
                if isinstance(best, Failed):
                    best = problem
                if problem.code == "kiss-of-death":  # RFC 5905, 7.4: who says so is not asked again
                    break
                continue
            best = told if isinstance(best, Failed) or told.delay < best.delay else best
        return best

    def _compare(self, told: Mapping[str, Told], trace: Trace) -> None:
        middle = median(answer.offset for answer in told.values())
        near = {
            server: answer.offset
            for server, answer in told.items()
            # Half of the delay is the most that an uneven path can add (RFC 5905 section 8), and
            # the root distance is what the server says of its own error.
            if abs(answer.offset - middle) <= _AGREE_SECONDS + answer.delay / 2 + answer.distance
        }
        # Of two that contradict each other nobody knows which one is wrong.
        if 2 * len(near) <= len(told):
            raise CannotTell(f"the time servers contradict each other: {_said(told)}")
        if len(near) < len(told):
            trace.warning(
                f"a time server is wrong: {_said({s: a for s, a in told.items() if s not in near})}"
            )
        behind = median(near.values())
        trace.measure("behind_seconds", behind)
        trace.measure("offset_seconds", abs(behind))
        if (steered := steered_by_kernel()) is None:
            trace.note(
                "not looked at: the sandbox does not let the kernel be asked whether its clock is"
                " steered"
            )
        else:
            trace.measure("steered", float(steered))
        if steered is False:
            trace.note("the kernel says that nobody steers its clock")
        text = f"this host's clock is {abs(behind):.3f} s {'behind' if behind > 0 else 'ahead'}"
        if abs(behind) > self.most_offset:
            raise Failed("clock-off", f"{text} ({_said(told)})")
        if abs(behind) > self.warn_offset:
            trace.warning(text)

    def _announce(self, trace: Trace) -> None:
        zone = ZoneInfo(self.timezone)
        now = datetime.fromtimestamp(trace.began_at, UTC)
        days = [(now + timedelta(days=day)).astimezone(zone) for day in range(_DAYS_AHEAD + 1)]
        for earlier, later in pairwise(days):
            if earlier.utcoffset() != later.utcoffset():
                trace.note(
                    f"{self.timezone} goes from {earlier:%Z %z} to {later:%Z %z} by {later.date()}"
                )


def steered_by_kernel() -> bool | None:
    """Whether adjtimex(2) says that the clock is synchronised; it is only asked. None where it may
    not be asked.
    """
    state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)))
    # A sandbox may forbid the call altogether (SystemCallFilter=~@clock).
    return None if state < 0 else state != _TIME_ERROR


def _place(server: str) -> tuple[str, int]:
    host, _, port = (
        server.rpartition(":") if server.rpartition("]")[2].count(":") == 1 else (server, "", "")
    )
    return host.strip("[]"), int(port or _PORT)


def _said(told: Mapping[str, Told]) -> str:
    return ", ".join(f"{server} {answer.offset:+.3f} s" for server, answer in told.items())
