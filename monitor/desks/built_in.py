"""The built-in desk: the ledger is the helpdesk, and `reveille tickets` its counter. There is
nothing to send.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from monitor.desks.desk import Desk, DeskSettings, Letter, Takes


class BuiltInSettings(DeskSettings):
    """Tickets are kept in Reveille's own ledger only; it needs no settings."""

    KIND: ClassVar[str] = "built-in"
    # Its tickets are the rows of the ledger itself: nothing is sent to it.
    TAKES: ClassVar[frozenset[Takes]] = frozenset()
    SAMPLE: ClassVar[str] = """
[desks.tickets]
kind = "built-in"
"""

    def desk(self, name: str) -> Desk:
        """The desk over the ledger."""
        return BuiltIn(name)


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """Takes everything: it is in the ledger already."""

    name: str
    concurrency: int = 1
    timeout_seconds: float = 1.0

    async def deliver(self, letter: Letter) -> str:
        """The ledger's own number is the reference."""
        return f"{self.name}:{letter.thread}"
