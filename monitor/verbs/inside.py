"""What a verb finds that the daemon runs for somebody: the service's own configuration, rounds and
audit, and who asks. Without it a verb is a process of its own, and has its user's rights alone.
"""

from __future__ import annotations

from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    # Only the daemon has them: `reveille status` need not read what the daemon is made of.
    import asyncio
    from concurrent.futures import Future

    from monitor.audit.round import AuditRound
    from monitor.config import Configuration
    from monitor.service.parts import Parts

_T = TypeVar("_T")


@dataclass
class Inside:
    """One verb that is done in the service."""

    parts: Parts
    loop: asyncio.AbstractEventLoop
    actor: str
    """who asks, by the kernel's word"""
    _under_way: set[Future[Any]] = field(default_factory=set)
    _ended: bool = False

    @property
    def configurations(self) -> list[Configuration]:
        """Those in force, of each site, whatever lies on the disk by now."""
        return [one.configuration for one in self.parts.sites()]

    def audit_of(self, configuration: Configuration) -> AuditRound:
        """The audit of a site."""
        found = (one for one in self.parts.sites() if one.configuration is configuration)
        return next(found).audit

    def awaited(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Have it done on the daemon's loop. Raises BrokenPipeError when whoever asked has gone."""
        import asyncio
        from concurrent.futures import CancelledError

        if self._ended:
            work.close()
            raise BrokenPipeError
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        self._under_way.add(future)
        try:
            return future.result()
        except CancelledError:
            raise BrokenPipeError from None
        finally:
            self._under_way.discard(future)

    def end(self) -> None:
        """Whoever asked has gone: what is under way is cancelled."""
        self._ended = True
        for future in list(self._under_way):
            future.cancel()


INSIDE: ContextVar[Inside | None] = ContextVar("inside", default=None)


def awaited(work: Coroutine[Any, Any, _T]) -> _T:
    """What a coroutine comes to: on the daemon's loop, or on one of this process's own."""
    import asyncio

    inside = INSIDE.get()
    return asyncio.run(work) if inside is None else inside.awaited(work)
