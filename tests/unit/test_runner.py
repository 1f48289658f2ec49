"""Whatever a check does, its attempt ends as an observation, and no line carries more calls than it
has channels.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from checks.contract import CannotTell, Check, Claim, Failed, Fault, Layer, Trace
from monitor.clock import SystemClock
from monitor.scheduling.runner import Runner


class Told(Check):
    """A check that does as it is told."""

    KIND: ClassVar[str] = "told"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    does: str
    line: str = ""
    channels: int = 1
    together: ClassVar[list[int]] = []
    now: ClassVar[set[int]] = set()

    async def probe(self, trace: Trace) -> None:
        with trace.stage("first"):
            trace.measure("gathered", 1.0)
            await getattr(self, f"_{self.does}")(trace)

    async def _pass(self, trace: Trace) -> None:
        trace.exhibit("seen.txt", "text/plain", b"seen")

    async def _refuse(self, trace: Trace) -> None:
        raise Failed("sip:503", "Service Unavailable", "local")

    async def _wonder(self, trace: Trace) -> None:
        raise CannotTell("no engine")

    async def _hang(self, trace: Trace) -> None:
        await asyncio.Event().wait()

    async def _time_out_by_itself(self, trace: Trace) -> None:
        raise TimeoutError("of its own")

    async def _break(self, trace: Trace) -> None:
        raise ZeroDivisionError("oops")

    async def _occupy(self, trace: Trace) -> None:
        self.now.add(id(self))
        self.together.append(len(self.now))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.now.discard(id(self))

    def claims(self) -> tuple[Claim, ...]:
        return (Claim(self.line, self.channels),) if self.line else ()

    def measures(self) -> Mapping[str, str]:
        return {"gathered": "always 1"}


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(SystemClock(), tmp_path)


async def test_what_it_saw_is_kept(runner: Runner) -> None:
    seen = await runner.attempt("one", Told(does="pass"))
    assert (seen.fault, seen.blind) == (None, None)
    assert [stage.name for stage in seen.stages] == ["first"]
    assert seen.measures["gathered"] == 1.0
    assert seen.exhibits[0].path.read_bytes() == b"seen"


async def test_a_refusal_is_a_fault_of_the_stage_and_keeps_where_it_came_from(
    runner: Runner,
) -> None:
    seen = await runner.attempt("one", Told(does="refuse"))
    assert seen.fault == Fault("first", "sip:503", "Service Unavailable", "local")
    assert seen.measures == {"gathered": 1.0}


@pytest.mark.parametrize(
    ("does", "blind"),
    [
        ("wonder", "no engine"),
        ("break", "bug in told: ZeroDivisionError: oops"),
        ("time_out_by_itself", "bug in told: TimeoutError: of its own"),
    ],
)
async def test_what_the_probe_could_not_do_is_never_a_fault_of_the_far_end(
    runner: Runner, does: str, blind: str
) -> None:
    seen = await runner.attempt("one", Told(does=does))
    assert (seen.fault, seen.blind) == (None, blind)
    assert not seen.stages[0].passed


async def test_where_a_bug_is_stands_in_the_notes(runner: Runner) -> None:
    seen = await runner.attempt("one", Told(does="break"))
    assert any(note.startswith("at test_runner.py:") for note in seen.notes)


async def test_an_attempt_without_end_is_ended_at_its_limit(runner: Runner) -> None:
    seen = await runner.attempt("one", Told(does="hang"), limit_seconds=0.05)
    assert seen.blind == "the attempt did not end within its limit of 0.05 s"


async def test_a_line_never_carries_more_calls_than_its_channels(runner: Runner) -> None:
    Told.together.clear()
    calls = [Told(does="occupy", line="trunk-a", channels=2) for _ in range(9)]
    await asyncio.gather(*(runner.attempt(f"call-{n}", call) for n, call in enumerate(calls)))
    assert len(Told.together) == 9
    assert max(Told.together) == 2


async def test_waiting_for_a_line_does_not_count_against_the_limit(runner: Runner) -> None:
    first = asyncio.create_task(
        runner.attempt("one", Told(does="hang", line="trunk-a"), limit_seconds=0.2)
    )
    await asyncio.sleep(0)
    second = await runner.attempt("two", Told(does="pass", line="trunk-a"), limit_seconds=0.1)
    assert second.blind is None
    assert "limit" in ((await first).blind or "")


async def test_a_cancelled_attempt_lets_go_of_its_line(runner: Runner) -> None:
    first = asyncio.create_task(runner.attempt("one", Told(does="hang", line="trunk-a")))
    for _ in range(50):
        await asyncio.sleep(0)  # it takes its line
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    seen = await runner.attempt("two", Told(does="pass", line="trunk-a"), limit_seconds=1)
    assert seen.blind is None


async def test_a_full_disk_is_no_fault_of_the_far_end(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    seen = await Runner(SystemClock(), tmp_path / "a-file").attempt("one", Told(does="pass"))
    assert (seen.blind or "").startswith("no folder for the exhibits: ")


async def test_a_disk_that_is_nearly_full_blinds_the_monitor_before_it_silences_it(
    tmp_path: Path,
) -> None:
    seen = await Runner(SystemClock(), tmp_path, spare_bytes=1e18).attempt("one", Told(does="pass"))
    assert seen.stages == ()
    assert (seen.blind or "").endswith("; below 1000000000000 MB nothing is looked at")
