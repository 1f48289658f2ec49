"""A way to a server: TCP on a port of 127.0.0.1, carried to the Unix socket of whichever PostgreSQL
is in charge, or to another port. It can be cut, slow, or open at both ends with nothing coming
through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class Link:
    """A way, while the block lasts."""

    def __init__(self, where: Callable[[], Path | int]) -> None:
        """`where`: the folder of PostgreSQL's socket, or a port; asked for each connection."""
        self._where = where
        self._is_cut, self._delay_seconds = False, 0.0
        self._flows = asyncio.Event()
        self._flows.set()
        self._carried: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self.port = 0

    async def __aenter__(self) -> Link:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._carried.values(), return_exceptions=True)

    def cut(self) -> None:
        """Every connection is reset, and new ones too."""
        self._is_cut = True
        for task in self._carried.values():
            task.cancel()

    def slow(self, seconds: float) -> None:
        """Whatever is said takes so long, each way."""
        self._delay_seconds = seconds

    def hold(self) -> None:
        """Nothing comes through, and nobody is told."""
        self._flows.clear()

    def mend(self) -> None:
        """All is well; what was held goes on its way."""
        self._is_cut, self._delay_seconds = False, 0.0
        self._flows.set()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None  # noqa: S101 - asyncio calls it in a task
        self._carried[writer] = this
        try:
            # A server that is away resets the connection, as a host without one does.
            with suppress(OSError, asyncio.CancelledError):
                if not self._is_cut:
                    await self._carry(reader, writer)
        finally:
            del self._carried[writer]
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flows.wait()
        where = self._where()
        if isinstance(where, int):
            there, back = await asyncio.open_connection("127.0.0.1", where)
        else:
            there, back = await asyncio.open_unix_connection(where / ".s.PGSQL.5432")
        ways = (self._one_way(reader, back), self._one_way(there, writer))
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            back.transport.abort()

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._delay_seconds:
                await asyncio.sleep(self._delay_seconds)  # the fault itself
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
