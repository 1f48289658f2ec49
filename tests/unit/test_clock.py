"""The clock that only moves when told, and the one that moves by itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from monitor.clock import Clock, SystemClock
from monitor.testing.doubles import ManualClock

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


async def test_sleepers_wake_in_the_order_of_their_moments_each_at_its_own() -> None:
    clock, woken = ManualClock(START), list[tuple[str, float]]()

    async def sleeper(name: str, *seconds: float) -> None:
        for each in seconds:
            await clock.sleep_until(clock.now() + timedelta(seconds=each))
            woken.append((name, clock.monotonic()))

    tasks = [
        asyncio.create_task(sleeper("slow", 100)),
        asyncio.create_task(sleeper("quick", 30, 30, 30)),
    ]
    await clock.run_until(START + timedelta(hours=1))
    await asyncio.gather(*tasks)
    assert woken == [("quick", 30), ("quick", 60), ("quick", 90), ("slow", 100)]
    assert clock.now() == START + timedelta(hours=1)


async def test_it_stands_still_until_it_is_advanced() -> None:
    clock = ManualClock(START)
    sleeping = asyncio.create_task(clock.sleep_until(START + timedelta(seconds=10)))
    await clock.settle()
    clock.advance(9.999)
    await clock.settle()
    assert not sleeping.done()
    assert clock.next_waking() == START + timedelta(seconds=10)
    clock.advance(0.001)
    await sleeping
    assert clock.next_waking() is None


async def test_a_sleeper_that_was_cancelled_is_forgotten() -> None:
    clock = ManualClock(START)
    sleeping = asyncio.create_task(clock.sleep_until(START + timedelta(seconds=10)))
    await clock.settle()
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert clock.next_waking() is None
    clock.advance(20)


async def test_a_moment_that_is_past_is_not_waited_for() -> None:
    for clock in (ManualClock(START), SystemClock()):
        await asyncio.wait_for(clock.sleep_until(clock.now() - timedelta(seconds=1)), 5)


async def test_the_systems_clock_goes_on() -> None:
    clock: Clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep_until(clock.now() + timedelta(milliseconds=20))
    assert clock.monotonic() - before >= 0.015
    assert clock.now().utcoffset() == timedelta(0)


def test_a_clock_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ManualClock(START.replace(tzinfo=None))
