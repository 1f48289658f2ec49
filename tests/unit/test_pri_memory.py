"""What a look leaves to the next one: over restarts, and never from a look that could not tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from checks.contract import CannotTell, Failed, Trace
from monitor.clock import SystemClock
from monitor.core.condition import Condition, remembering
from monitor.core.verdict import State
from monitor.incidents import store
from monitor.scheduling.runner import Runner
from monitor.testing.scenario import Scene, Scripted

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


class Counting(Scripted):
    """Counts its looks in its memory, whatever they find."""

    KIND: ClassVar[str] = "sip-options"

    async def probe(self, trace: Trace) -> None:
        trace.measure("before", float(trace.recalled.get("looks", 0)))
        trace.remember("looks", trace.recalled.get("looks", 0) + 1)
        await super().probe(trace)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(START, {"trunk": {"of": Counting, "every": 300.0}}, folder=tmp_path)
    yield scene
    scene.stop_daemon()


def before(site: Scene) -> list[float]:
    return [seen.observation.measures["before"] for _, _, seen in site.seen]


async def test_a_look_finds_what_the_one_before_left(site: Scene) -> None:
    await site.run_for(minutes=14)
    assert before(site) == [float(count) for count in range(len(site.seen))]
    assert len(site.seen) >= 3


async def test_it_survives_a_restart(site: Scene) -> None:
    await site.run_for(minutes=6)
    known = len(site.seen)
    site.stop_daemon()
    site.start_daemon()
    await site.run_for(minutes=5)
    assert len(site.seen) > known
    assert before(site)[known] == known


async def test_a_failed_look_leaves_something_too(site: Scene) -> None:
    site.world["trunk"] = Failed("sip:503")
    await site.run_for(minutes=6)
    assert before(site) == [float(count) for count in range(len(site.seen))]


async def test_a_look_that_could_not_tell_leaves_nothing_and_takes_nothing_away(
    site: Scene,
) -> None:
    await site.turn()
    site.world["trunk"] = CannotTell("no socket")
    await site.run_for(minutes=6)
    blind = [seen.observation for _, _, seen in site.seen if seen.observation.blind]
    assert blind
    assert all(not observation.memory for observation in blind)
    site.world["trunk"] = None
    await site.run_for(minutes=6)
    assert before(site)[: len(blind) + 2] == [0.0, *(1.0 for _ in blind), 1.0]
    assert store.condition_of(site.ledger, "trunk").memory["looks"] == len(site.seen) - len(blind)


def test_an_unknown_verdict_changes_no_memory() -> None:
    was = Condition("trunk", memory={"looks": 3})
    assert remembering(was, State.UNKNOWN, {"looks": 9}) == was
    assert remembering(was, State.FAILED, {"looks": 9}).memory == {"looks": 9}
    assert remembering(was, State.OK, {}).memory == {}


class Careless(Scripted):
    KIND: ClassVar[str] = "sip-options"

    async def probe(self, trace: Trace) -> None:
        trace.remember("when", START)


async def test_what_is_no_json_is_the_checks_own_bug(site: Scene, tmp_path: Path) -> None:
    seen = await Runner(SystemClock(), tmp_path / "exhibits").attempt(
        "x", Careless(name="x", world=site.world)
    )
    assert seen.blind and "TypeError" in seen.blind
