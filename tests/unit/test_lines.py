"""A line is scarce, and costs: its channels are counted across processes, and what was dialled over
it across restarts.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.contract import Check, Claim, Layer, Toll, Trace
from checks.telephony.burst import Burst
from checks.telephony.call.line import Line
from checks.telephony.sip_call import SipCall
from monitor.config import Configuration, ConfigurationFaults, load
from monitor.lines.call_book import CallBook
from monitor.lines.channels import Lines
from monitor.scheduling.runner import Runner
from monitor.testing.doubles import ManualClock
from tests.house.source import ROOT

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
HOLDS = """
import asyncio, sys
from pathlib import Path
from checks.contract import Claim
from monitor.lines.channels import Lines
async def main():
    async with Lines(Path(sys.argv[1])).occupy([Claim("trunk-a", int(sys.argv[2]))]):
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


class Dials(Check):
    """A check that places calls, and counts them."""

    KIND: ClassVar[str] = "dials"
    LAYER: ClassVar[Layer] = Layer.LINE
    placed: ClassVar[list[str]] = []
    calls: int = 1
    most: int = 3
    minutes: int = 100

    async def probe(self, trace: Trace) -> None:
        self.placed.append("8000")

    def measures(self) -> Mapping[str, str]:
        return {}

    def tolls(self) -> tuple[Toll, ...]:
        return (Toll("trunk-a", "8000", self.calls, 60.0, self.most, self.minutes),)


def holder(state: Path, channels: int) -> subprocess.Popen[str]:
    """Another process that is on the line until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(state), str(channels)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("how", ["lets go", "is killed"])
async def test_another_process_has_the_only_channel(tmp_path: Path, how: str) -> None:
    with await asyncio.to_thread(holder, tmp_path, 1) as other:
        lines, entered = Lines(tmp_path), asyncio.Event()

        async def call() -> None:
            async with lines.occupy([Claim("trunk-a", 1)]):
                entered.set()

        waiting = asyncio.create_task(call())
        async with lines.occupy([Claim("trunk-b", 1)]):
            pass  # another line is nobody's
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.3)
        assert not entered.is_set()
        assert other.stdin
        other.kill() if how == "is killed" else other.stdin.close()
        await asyncio.wait_for(waiting, 10)


async def test_a_second_channel_is_free_and_a_burst_takes_all_or_none(tmp_path: Path) -> None:
    with await asyncio.to_thread(holder, tmp_path, 3) as other:
        lines = Lines(tmp_path)
        async with lines.occupy([Claim("trunk-a", 3, taken=2)]):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    async with Lines(tmp_path).occupy([Claim("trunk-a", 3)]):
                        pass
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                async with lines.occupy([Claim("trunk-a", 3, taken=3)]):
                    pass
        async with lines.occupy([Claim("trunk-a", 3, taken=2)]):
            pass  # what was refused has left nothing held
        assert other.stdin
        other.stdin.close()


async def test_a_burst_leaves_no_more_than_the_rest_of_the_channels(tmp_path: Path) -> None:
    line = Line(name="trunk-a", registrar="127.0.0.1:5060", channels=5)
    burst = Burst.model_validate({"line": line, "to": "8000", "calls": 20, "at_once": 4})
    call = SipCall.model_validate({"line": line, "to": "8000"})
    lines = Lines()
    async with lines.occupy(burst.claims()), lines.occupy(call.claims()):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                async with lines.occupy(call.claims()):
                    pass


async def test_a_link_in_the_place_of_a_channel_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "trunk-a.0").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="trunk-a"):
        async with Lines(tmp_path).occupy([Claim("trunk-a", 1)]):
            pass
    assert not (tmp_path / "victim").exists()


async def test_a_line_has_its_calls_of_a_day_and_no_more(tmp_path: Path) -> None:
    """Each look by a runner of its own, as after a restart; at the cap nothing is said of the far
    end."""
    Dials.placed.clear()
    clock = ManualClock(NOW)

    async def look(**more: int) -> str | None:
        runner = Runner(clock, tmp_path / "exhibits", state=tmp_path)
        return (await runner.attempt("calls", Dials(**more))).blind

    assert [await look() for _ in range(3)] == [None, None, None]
    refused = await look()
    assert refused is not None
    assert refused.startswith("cap reached: line 'trunk-a' has had 3 calls within 24 hours")
    assert len(Dials.placed) == 3
    clock.advance(timedelta(hours=23, minutes=59).total_seconds())
    assert await look() is not None
    clock.advance(120)
    assert await look(calls=4) is not None, "a burst that would go past it places none"
    assert await look() is None


async def test_a_line_has_its_minutes_too_and_a_crash_counts_at_its_longest(tmp_path: Path) -> None:
    book, toll = CallBook(tmp_path), Toll("trunk-a", "8000", 2, 60.0, 99, 4)
    over, refused = book.enter([toll], NOW.timestamp())
    assert refused is None
    book.settle([toll], over, 30.0, NOW.timestamp())  # two calls of half a minute
    assert book.enter([toll], NOW.timestamp())[1] is None  # cut off: two of a minute
    assert book.enter([toll], NOW.timestamp())[1] is None
    again = CallBook(tmp_path).enter([toll], NOW.timestamp())[1]
    assert again is not None
    assert "minutes_a_day = 4" in again
    (tmp_path / "lines" / "trunk-a.calls.json").write_text('{"entries": [{"at"')
    assert book.enter([toll], NOW.timestamp())[1] is None, "a broken book is begun anew"


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 4), st.floats(0, 200_000)), max_size=30))
def test_no_window_of_a_day_has_more_calls_than_the_cap(
    tmp_path_factory: pytest.TempPathFactory, looks: list[tuple[int, float]]
) -> None:
    book, at, placed = CallBook(tmp_path_factory.mktemp("state")), NOW.timestamp(), []
    for calls, wait in looks:
        at += wait
        toll = Toll("trunk-a", "8000", calls, 1.0, 6, 10_000)
        if book.enter([toll], at)[1] is None:
            placed.append((at, calls))
    for end, _ in placed:
        assert sum(calls for at, calls in placed if end - 86_400 < at <= end) <= 6


TRUNK = Line(name="trunk-a", registrar="127.0.0.1:5060", calls_a_day=5, minutes_a_day=9)
AGENT = Line(name="agent-01", registrar="127.0.0.1:5060", user="101")
TARGET = Line(name="agent-02", registrar="127.0.0.1:5060", user="102")
REACHED = {"agent": AGENT, "within": "5s"}
DIALLED: dict[str, tuple[list[dict[str, Any]], list[tuple[str, str]]]] = {
    "a call alone": ([], [("trunk-a", "8000")]),
    "a blind transfer": (
        [REACHED, {"transfer": TARGET}],
        [("trunk-a", "8000"), ("trunk-a", "102")],
    ),
    "a blind transfer to a number": (
        [REACHED, {"transfer": TARGET, "to": "9000"}],
        [("trunk-a", "8000"), ("trunk-a", "9000")],
    ),
    "an attended one": (
        [REACHED, {"transfer": TARGET, "attended": True}],
        [("trunk-a", "8000"), ("agent-01", "102"), ("trunk-a", "102")],
    ),
    "by the caller": (
        [REACHED, {"transfer": TARGET, "by": "caller", "attended": True}],
        [("trunk-a", "8000"), ("trunk-a", "102"), ("agent-01", "102")],
    ),
    "by the caller, of a far end that is not ours": (
        [{"transfer": TARGET, "by": "caller"}],
        [("trunk-a", "8000")],
    ),
    "a conference room": (
        [REACHED, {"conference": TARGET, "room": "700"}],
        [("trunk-a", "8000"), ("agent-01", "700"), ("agent-02", "700")],
    ),
}


@pytest.mark.parametrize("what", DIALLED)
def test_whatever_a_step_has_dialled_is_in_the_book_before_it_is(what: str) -> None:
    """Where a REFER comes through a proxy to our own phone, that phone dials."""
    script, dialled = DIALLED[what]
    call = SipCall.model_validate({"line": TRUNK, "to": "8000", "script": script})
    tolls = call.tolls()
    assert [(one.line, one.to) for one in tolls] == dialled
    assert all(one.seconds == call.longest_seconds() for one in tolls)
    assert {one.calls_a_day for one in tolls if one.line == "trunk-a"} == {5}


def test_a_burst_and_its_second_look_are_as_many_calls_as_they_place(tmp_path: Path) -> None:
    """A burst of four, which is confirmed by a second: the cap of five lets the first alone."""
    burst = Burst.model_validate({"line": TRUNK, "to": "8000", "calls": 4, "at_once": 1})
    one_call = SipCall.model_validate({"line": TRUNK, "to": "8000"})
    book, at = CallBook(tmp_path), NOW.timestamp()
    assert book.enter(burst.tolls(), at)[1] is None
    refused = book.enter(burst.tolls(), at + 60)[1]
    assert refused is not None and "has had 4 calls" in refused and "4 more" in refused
    assert CallBook(tmp_path).enter(one_call.tolls(), at + 90)[1] is None
    assert CallBook(tmp_path).enter(one_call.tolls(), at + 120)[1] is not None


@pytest.mark.parametrize("by", ["agent", "caller"])
def test_a_step_dials_no_number_that_its_line_may_not(by: str) -> None:
    only = TRUNK.model_copy(update={"may_dial": ("8000",)})
    script = [REACHED, {"transfer": TARGET, "to": "0900123", "by": by, "attended": by == "caller"}]
    tolls = SipCall.model_validate({"line": only, "to": "8000", "script": script}).tolls()
    assert ("0900123", ("8000",)) in [(one.to, one.may_dial) for one in tolls]


def configured(folder: Path, line: str = "", check: str = "") -> Configuration:
    file = folder / "reveille.toml"
    file.write_text(
        f"""state = "{folder}/state"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
[lines.trunk-a]
registrar = "127.0.0.1:5060"
{line}
[checks.number]
kind = "sip-call"
line = "trunk-a"
to = "8000"
at = ["08:30"]
{check}
[checks.account]
kind = "sip-options"
line = "trunk-a"
every = "5m"
""",
        encoding="utf-8",
    )
    return load(file)


def test_what_costs_is_looked_at_again_every_half_hour(tmp_path: Path) -> None:
    asked = configured(tmp_path).checks
    assert (asked["number"].recheck, asked["account"].recheck) == (1800.0, 300.0)
    assert configured(tmp_path, check='recheck = "2m"').checks["number"].recheck == 120.0


def test_a_line_dials_the_numbers_that_it_may(tmp_path: Path) -> None:
    assert configured(tmp_path, 'may_dial = ["8000", "+4930*"]').checks
    with pytest.raises(ConfigurationFaults, match="line 'trunk-a' may not dial '8000'"):
        configured(tmp_path, 'may_dial = ["8001"]')
