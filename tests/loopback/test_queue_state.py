"""queue-state against a manager interface that speaks as Asterisk's does: who waits, who can
answer, who is missing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import CannotTell, Failed, Layer, Observation, Trace
from checks.settings import Secret
from checks.telephony.asterisk.queue_state import QueueState
from tests.loopback.ami_server import SECRET, USER, Asterisk, Row, asterisk, caller, member, queue


@pytest.fixture
async def pbx() -> AsyncIterator[Asterisk]:
    async with asterisk() as running:
        yield running


class Desk:
    """A PBX whose queues a test sets, and looks at them."""

    def __init__(self, pbx: Asterisk, folder: Path) -> None:
        self._pbx, self._folder = pbx, folder
        (folder / "secret").write_text(SECRET, encoding="utf-8")

    def check(self, **settings: Any) -> QueueState:
        secret = Secret(file=self._folder / "secret")
        return QueueState(
            host=f"127.0.0.1:{self._pbx.port}", user=USER, password=secret, **settings
        )

    async def look(
        self, *rows: Row, memory: Mapping[str, Any] | None = None, **settings: Any
    ) -> Observation:
        self._pbx.lists["QueueStatus"] = list(rows)
        trace = Trace(time.monotonic, self._folder, memory)
        try:
            await self.check(**settings).probe(trace)
        except (Failed, CannotTell) as ended:
            return trace.observation(ended)
        return trace.observation()


@pytest.fixture
def desk(pbx: Asterisk, tmp_path: Path) -> Desk:
    return Desk(pbx, tmp_path)


def fault(seen: Observation) -> tuple[str, str, str]:
    assert seen.fault, seen.blind or seen.measures
    return seen.fault.stage, seen.fault.code, seen.fault.text


async def test_an_agent_of_two_queues_is_one_and_counters_are_those_since_the_look_before(
    desk: Desk,
) -> None:
    first = await desk.look(
        queue("sales", 10, 1),
        member("sales", "ann"),
        queue("support", 5, 5),
        member("support", "ann"),
    )
    assert (first.fault, first.blind) == (None, None)
    assert (
        first.measures["queues"],
        first.measures["agents_logged_in"],
        first.measures["agents_able"],
    ) == (2, 1, 1)
    assert "calls_completed" not in first.measures
    rows = (
        queue("sales", 16, 3),
        member("sales", "ann", 2),
        caller("sales", 95),
        queue("support", 1, 0),
    )
    second = await desk.look(*rows, memory=first.memory)
    told = {
        name: second.measures[name]
        for name in ("calls_completed", "calls_abandoned", "abandoned_percent")
    }
    assert told == {
        "calls_completed": 7,
        "calls_abandoned": 2,
        "abandoned_percent": pytest.approx(200 / 9),
    }
    assert (second.measures["callers_waiting"], second.measures["longest_wait_seconds"]) == (1, 95)
    assert set(second.measures) <= set(desk.check().measures())


async def test_callers_wait_and_nobody_can_answer(desk: Desk) -> None:
    rows = (
        queue("support"),
        member("support", "ann", paused=True),
        member("support", "bob", 5),
        caller("support", 7),
    )
    seen = await desk.look(*rows)
    text = "callers waiting: 1; none of 2 agents can take calls"
    assert fault(seen) == ("agents", "nobody-to-answer", text)
    assert "PJSIP/bob: phone not reachable" in seen.notes


@pytest.mark.parametrize(("allowed", "faulty"), [(0, True), (20, True), (21, False)])
async def test_of_a_hundred_seats_twenty_one_cannot_take_calls(
    desk: Desk, allowed: int, faulty: bool
) -> None:
    able = [member("support", f"agent-{n}") for n in range(79)]
    unable = [member("support", f"away-{n}", 5) for n in range(21)]
    seen = await desk.look(queue("support"), *able, *unable, seats=100, allow_unable=allowed)
    assert (seen.measures["agents_missing"], seen.measures["agents_missing_percent"]) == (21, 21.0)
    assert bool(seen.fault) is faulty
    if faulty:
        text = (
            "21 of 100 seats (21.0 %) have no agent who can take calls: 0 paused, 21 without a"
            " phone that is there"
        )
        assert fault(seen) == ("agents", "too-few-agents", text)


async def test_a_queue_that_is_gone_and_a_pbx_without_any(desk: Desk) -> None:
    seen = await desk.look(queue("sales"), queues=("support",))
    assert fault(seen) == ("queues", "no-such-queue", "Asterisk has no queue support; it has sales")
    assert fault(await desk.look())[:2] == ("queues", "no-queues")


async def test_a_pbx_without_queues_module_cannot_tell(pbx: Asterisk, desk: Desk) -> None:
    trace = Trace(time.monotonic, desk._folder)
    with pytest.raises(CannotTell, match="needs app_queue"):
        await desk.check().probe(trace)
    assert desk.check().layer_of("login") is Layer.APPLICATION


def test_nobody_at_work_is_never_allowed(desk: Desk) -> None:
    with pytest.raises(ValidationError, match="would allow that nobody works"):
        desk.check(seats=5, allow_unable=5)
