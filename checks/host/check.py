"""What all kinds that look at the host have in common: a process that looks, a time budget, what is
worst.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from checks.contract import CannotTell, Check, Layer, Trace
from checks.host import parent
from checks.settings import Duration, Secret, Settings

Percent = Annotated[float, Field(ge=0, le=100)]


class HostCheck(Check):
    """Looks at the host that Reveille runs on."""

    LAYER: ClassVar[Layer] = Layer.APPLICATION
    LOOK: ClassVar[str]
    """the file in checks/host/collectors that does it"""
    HEAVY: ClassVar[bool] = False
    """whether it reads so much that it goes to the end of every queue (nice 19, ionice idle)"""
    WORST: ClassVar[tuple[str, ...]] = ()
    """codes of faults, the worst first: when several things are wrong, the first of them names the
    fault
    """

    within: Duration = Field(default=60.0, gt=0)
    """time budget; what was not reached by then is said"""

    def target(self) -> str:
        """The name of this host."""
        return platform.node() or "localhost"

    def rights(self) -> frozenset[str]:
        """To read what only root may."""
        return frozenset({"host"})

    def longest_seconds(self) -> float:
        """The budget, and a little for the end."""
        # The process is ended at `within`; killing a scanner that waits for a slow disk takes its
        # time.
        return self.within + 10.0

    async def probe(self, trace: Trace) -> None:
        """Look once, in a process of its own."""
        try:
            settings = self.plain()
        except LookupError as missing:
            raise CannotTell(str(missing)) from None
        job = {
            "look": self.LOOK,
            "heavy": self.HEAVY,
            "settings": settings,
            "recalled": dict(trace.recalled),
            "accepted": dict(trace.accepted) if self.ACCEPTS else {},
            "now": trace.began_at,
        }
        await parent.look(job, trace, self.within, self.WORST)

    def plain(self) -> dict[str, Any]:
        """The settings for the looking process, secrets revealed. Raises LookupError."""
        return {name: _plain(getattr(self, name)) for name in type(self).model_fields}


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Settings):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    # Paths, dates and the like go to the process as text: its job is one JSON object.
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
