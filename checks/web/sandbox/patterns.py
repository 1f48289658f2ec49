"""An administrator's pattern over a far end's text: it may take for ever, and gets a short while.

    found = await search("order no. (\\\\d+)", page)

A pattern is a program that others feed: `(a+)+$` reads 43 letters for years, and `re` can neither
be interrupted nor lets anybody else work meanwhile. It is kept all the same, since an engine that
is linear (RE2) knows no lookahead, no `\\Z`, and in `\\w` no letters but ASCII's: patterns run in a
process that is killed. It stays for the next one (1 ms each, where a start costs 50 ms), and ends
with the event loop, or the daemon.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from checks.contract import CannotTell, Failed
from checks.process.parent import Child, python, started
from checks.transport.faults import TOOK_TOO_LONG
from checks.web.sandbox.pattern_child import MOST_CPU_SECONDS, MOST_LETTERS

_PROGRAM = "checks.web.sandbox.pattern_child"
# Two at a time: one that a page has made slow leaves the other to the rest of the house.
_AT_ONCE = 2
# Its CPU seconds are the limit; a host that does not give it those within this is itself sick.
_WITHIN_SECONDS = 20.0
# 65 536 letters are encoded in 0.1 ms: the loop turns between any two pieces.
_PIECE_LETTERS = 1 << 16


@dataclass(frozen=True, slots=True)
class Found:
    """The first match: its first group, or the whole of it. None where that group has no part."""

    text: str | None


@dataclass(slots=True)
class _Readers:
    """Those of one event loop."""

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    idle: list[_Reader] = field(default_factory=list)


_readers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Readers] = WeakKeyDictionary()


class _Reader:
    """One process, as long as it lives."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self._ending = asyncio.create_task(self._end_with_the_loop())

    async def search(self, pattern: str, text: str) -> dict[str, Any] | None:
        """Its answer; None where it died over it."""
        giving = asyncio.create_task(self._give(pattern, text))
        try:
            line = await self.child.output.readline()
        finally:
            giving.cancel()
        return json.loads(line) if line.endswith(b"\n") else None

    async def _give(self, pattern: str, text: str) -> None:
        await self.child.write(json.dumps({"pattern": pattern}).encode() + b"\n")
        for at in range(0, len(text), _PIECE_LETTERS):
            piece = text[at : at + _PIECE_LETTERS].encode("utf-8", "surrogatepass")
            await self.child.write(b"%d\n" % len(piece) + piece)
        await self.child.write(b"0\n")

    async def end(self) -> None:
        """Kill it, and wait until it is gone."""
        self._ending.cancel()
        await asyncio.wait({self._ending})

    async def _end_with_the_loop(self) -> None:
        """Cancelled with everything else when the event loop ends."""
        try:
            await self.child.wait()
        finally:
            await self.child.end()


async def search(pattern: str, text: str) -> Found | None:
    """The first match. Raises Failed for a text that takes too long, CannotTell for a pattern that
    cannot be used, and where this host does not let it be read.
    """
    shown = repr(pattern[:100])
    try:
        async with _reader() as reader, asyncio.timeout(_WITHIN_SECONDS):
            answer = await reader.search(pattern, text)
            if answer is None:
                raise _died(await reader.child.wait(), reader.child, shown)
    except TimeoutError:
        raise CannotTell(f"the pattern {shown} was not read within {_WITHIN_SECONDS:g} s") from None
    if "wrong" in answer:
        raise CannotTell(f"the pattern {shown} cannot be used: {answer['wrong']}")
    if "letters" in answer:
        raise Failed(
            "bad-peer",
            f"the pattern {shown} finds {answer['letters']} letters; "
            f"at most {MOST_LETTERS} are right",
        )
    return Found(answer["text"]) if answer["found"] else None


def _died(status: int, child: Child, shown: str) -> Failed | CannotTell:
    if status == -signal.SIGPROF:
        return Failed(
            "bad-peer",
            f"{TOOK_TOO_LONG}: more than {MOST_CPU_SECONDS:g} s of work for the pattern {shown}",
        )
    if "MemoryError" in child.complaint():
        return Failed("bad-peer", f"{TOOK_TOO_LONG}: more than 1 GB for the pattern {shown}")
    return CannotTell(f"the reading process ended with {status}: {child.complaint()[:200]}")


@asynccontextmanager
async def _reader() -> AsyncIterator[_Reader]:
    """One that is free; it goes back if nothing befell it. Raises CannotTell."""
    readers = _readers.setdefault(asyncio.get_running_loop(), _Readers())
    async with readers.turns:
        reader = readers.idle.pop() if readers.idle else await _begun()
        if reader.child.status is not None:  # somebody has killed it since
            await reader.end()
            reader = await _begun()
        try:
            yield reader
        except BaseException:
            await reader.end()
            raise
        readers.idle.append(reader)


async def _begun() -> _Reader:
    try:
        return _Reader(await started(python(_PROGRAM)))
    except OSError as problem:
        raise CannotTell(
            f"the reading process cannot start: {problem.strerror or problem}"
        ) from problem
