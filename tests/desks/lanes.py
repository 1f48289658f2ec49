"""Several lives of tickets at once at one helpdesk, each over a way of its own that fails by a seed
of its own: a life meets the same faults at the same requests, whatever the others meet."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from monitor.desks.desk import Desk
from tests.desks.proxy import Proxy
from tests.desks.story import letters, lived, settled

# Of a hundred requests. A hold costs its time, so there is one of it, and one that comes late.
TROUBLE = (*("drop", "lose", "twice", "overload") * 3, "hold", "late", *["pass"] * 86)
LANES = 6
"""how many at once: while some wait for an answer that does not come, others keep the desk busy"""
# What a busy host adds to the slowest answer that was seen.
_MARGIN = 3.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One life at a time."""

    desk: Desk
    proxy: Proxy
    passed: Callable[[float], None]
    """told of the seconds that the outbox waits"""
    judged: Callable[[int], Awaitable[str]]
    """how the life of a number ended: "well", or what is wrong with it"""


async def through_trouble(
    passed: Callable[[float], None],
    proxy: Proxy,
    desk: Desk,
    number: int,
    plan: Callable[[int], str],
) -> None:
    """One life under a plan of faults, and a last look when the way is clear again."""
    proxy.requests, proxy.plan = 0, plan
    await lived(desk, number, passed)
    proxy.plan = lambda _: "pass"
    # A search that lags behind knows by now.
    passed(120.0)
    await settled(desk, list(letters(number))[-1], passed)


async def answer_seconds(lanes: Sequence[Lane], first: int) -> float:
    """The longest to wait for an answer: what a desk with so many lives at once needs at most, and
    some more. Lives from `first` on, in which nothing fails, show it.
    """
    # The first wakes it: templates are compiled, and caches filled.
    await _undisturbed(lanes[0], first)
    lanes[0].proxy.slowest_seconds = 0.0
    others = (_undisturbed(lane, first + n) for n, lane in enumerate(lanes, 1))
    await asyncio.gather(*others)
    return _MARGIN * max(lane.proxy.slowest_seconds for lane in lanes)


async def _undisturbed(lane: Lane, number: int) -> None:
    for letter in letters(number, ("opened", "note", "closed")):
        await settled(lane.desk, letter, lane.passed)


async def lived_at_once(
    lanes: Sequence[Lane], numbers: Iterable[int], seed: object, seen: Counter[str]
) -> None:
    """Into `seen` comes what became of each life under its faults; beside it "requests", and those
    in "trouble".
    """
    waiting = iter(numbers)

    async def live(lane: Lane) -> None:
        for number in waiting:
            dice = random.Random(f"{seed} {number}")

            def trouble(_: int, dice: random.Random = dice) -> str:
                what = dice.choice(TROUBLE)
                seen["requests"] += 1
                seen["trouble"] += what != "pass"
                return what

            await through_trouble(lane.passed, lane.proxy, lane.desk, number, trouble)
            seen[await lane.judged(number)] += 1

    await asyncio.gather(*map(live, lanes))
