"""The stages of a call in its own process: each with its time limit, told as it passes or fails.

`passed` carries stage, seconds and facts; `failed` carries stage, code, text and origin. After a
failed one comes nothing more: `Over` ends the work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from checks.contract import Failed
from checks.transport.faults import far_faults


class Tell(Protocol):
    """Takes an event: its name, its facts, and when it happened if not now (monotonic seconds)."""

    def __call__(self, event: str, at: float | None = None, **facts: Any) -> None: ...


class Over(Exception):
    """A stage has failed, and that was told."""


class Stages:
    """What tells them; `within` holds the seconds that a stage may take."""

    def __init__(self, tell: Tell, within: Mapping[str, float]) -> None:
        self._tell, self._within = tell, within
        self.current = ""

    @asynccontextmanager
    async def stage(self, name: str, late: str = "timeout") -> AsyncIterator[dict[str, Any]]:
        """Run one; what is put into the dictionary is told with it, and `late` is the code when its
        time is over.

        Raises Over; CannotTell for what is our own.
        """
        self.current = name
        began, facts, within = time.monotonic(), dict[str, Any](), self._within[name]
        try:
            with far_faults():
                # Within far_faults: a time limit of ours passes through it, since it has no errno.
                async with asyncio.timeout(within):
                    yield facts
        except TimeoutError:
            self._fail(name, Failed(late, f"nothing within {within:g} s"), facts)
        except Failed as refused:
            self._fail(name, refused, facts)
        self.current = ""
        self._tell("passed", stage=name, seconds=time.monotonic() - began, **facts)

    def _fail(self, name: str, why: Failed, facts: dict[str, Any]) -> None:
        self._tell("failed", stage=name, code=why.code, text=why.text, origin=why.origin, **facts)
        raise Over from None
