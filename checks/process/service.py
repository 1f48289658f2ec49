"""A service of this host that does a job as a child of ours would, with rights of its own: asked
over a Unix socket, which an administrator has opened (systemd/reveille-hostlooks.socket).

The job goes one way, then nothing; the events of child.py come the other. Whoever lets go of the
connection ends the service's work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from checks.process.service_place import Service

# As of a child's own events (parent.py): one may carry a list.
_LONGEST_LINE = 16 << 20


class Asked:
    """A service under way, heard as a child is."""

    def __init__(
        self, service: Service, output: asyncio.StreamReader, input_: asyncio.StreamWriter
    ) -> None:
        self._service, self.output, self._input = service, output, input_

    async def give(self, job: bytes) -> None:
        """Write the whole job. One that does not read it is told by its silence."""
        with suppress(ConnectionError):
            self._input.write(job)
            await self._input.drain()
            self._input.write_eof()

    async def wait(self) -> int:
        """Its own status is systemd's to know."""
        return 0

    def complaint(self, _lines: int = 1) -> str:
        """Where to look why it has said no more."""
        return f"{self._service.path} was closed; its unit's journal says why"


@asynccontextmanager
async def asking(service: Service, within: float | None) -> AsyncIterator[Asked]:
    """A service while the block runs, at most so many seconds. Raises OSError, TimeoutError."""
    async with asyncio.timeout(within):
        output, input_ = await asyncio.open_unix_connection(service.path, limit=_LONGEST_LINE)
        try:
            yield Asked(service, output, input_)
        finally:
            input_.close()
            # One that has been cut off is closed as well.
            with suppress(OSError):
                await input_.wait_closed()
