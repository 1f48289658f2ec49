"""One look below for all who need it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from monitor.incidents.correlation import AttemptResult
from monitor.scheduling.shared_attempts import SharedLooks, Turns
from monitor.testing.doubles import ManualClock


class Far:
    """A check that is seen when the test says so."""

    def __init__(self) -> None:
        self.made: list[asyncio.Future[Any]] = []

    async def look(self) -> AttemptResult:
        self.made.append(asyncio.get_running_loop().create_future())
        return cast("AttemptResult", await self.made[-1])


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_whoever_began_before_it_shares_it_and_whoever_began_later_gets_a_newer_one() -> None:
    clock, far = ManualClock(datetime(2026, 11, 22, tzinfo=UTC)), Far()
    looks = SharedLooks(clock)
    since = clock.monotonic()
    first: list[Any] = [
        asyncio.ensure_future(looks.look("uplink", since, far.look)) for _ in range(6)
    ]
    await settled()
    clock.advance(1)
    late: Any = asyncio.ensure_future(looks.look("uplink", clock.monotonic(), far.look))
    await settled()
    assert len(far.made) == 2
    for number, made in enumerate(far.made):
        made.set_result(number)
    assert await asyncio.gather(*first) == [0] * 6
    assert await late == 1
    again = asyncio.ensure_future(looks.look("uplink", since, far.look))
    await settled()
    assert len(far.made) == 3
    far.made[2].set_exception(OSError("no space left"))
    with pytest.raises(OSError, match="no space left"):
        await again


async def test_it_ends_with_the_last_who_waits_for_it_and_not_before() -> None:
    clock, far = ManualClock(datetime(2026, 11, 22, tzinfo=UTC)), Far()
    looks = SharedLooks(clock)
    one, other = (asyncio.ensure_future(looks.look("uplink", 0.0, far.look)) for _ in range(2))
    await settled()
    one.cancel()
    await settled()
    assert not far.made[0].done()
    other.cancel()
    await settled()
    assert far.made[0].cancelled()


async def test_a_turn_is_forgotten_when_nobody_holds_it() -> None:
    turns = Turns()
    async with turns.of("uplink"):
        assert turns.of("uplink").locked()
        assert not turns.of("trunk").locked()
    assert not turns.of("uplink").locked()
