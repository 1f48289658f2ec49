"""An administrator's pattern over a far end's text: it may take for ever, and gets a short while.

    match = await search("order no. (\\\\d+)", page)

A pattern is a program that others feed: `(a+)+$` reads 43 letters for years. `regex` has a time
limit and gives the interpreter lock back while it works (its `timeout` and `concurrent`); `re` has
neither, and a child process costs 50 ms for each of ten thousand pages.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import regex

from checks.contract import CannotTell, Failed
from checks.transport.faults import TOOK_TOO_LONG

# Honest patterns read a page of 2 MB within 5 ms; so nearly none leaves the loop.
_AT_ONCE_SECONDS = 0.01
_WITHIN_SECONDS = 2.0
# Threads of their own: those of asyncio resolve names, and must not wait for patterns.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pattern")


async def search(pattern: str, text: str) -> regex.Match[str] | None:
    """The first match. Raises Failed for a text that takes too long, CannotTell for a pattern that
    this engine does not know.
    """
    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        raise CannotTell(f"the pattern {pattern[:100]!r} cannot be used: {error}") from None
    try:
        return compiled.search(text, timeout=_AT_ONCE_SECONDS)
    except TimeoutError:
        # It is worth a thread, where the rest of the house goes on beside it.
        patient = partial(compiled.search, text, timeout=_WITHIN_SECONDS, concurrent=True)
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, patient)
    except TimeoutError:
        raise Failed("bad-peer", f"{TOOK_TOO_LONG}, by the pattern {pattern[:100]!r}") from None
