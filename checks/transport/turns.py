"""Work on what has come, one look's in one turn of the loop.

A page of 2 MB is read, searched and masked in some 30 ms, which nobody notices; fifty of them that
have come in one and the same turn would hold everybody else for as long as all take together.
"""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

MUCH_BYTES = 32_768
"""what is worth a turn of its own: reading less takes a millisecond"""
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def own_turn() -> None:
    """Return in a turn of the loop in which nobody else does so; in the order of asking."""
    async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        # The next one is woken by the release, and comes here in a later turn.
        await asyncio.sleep(0)
