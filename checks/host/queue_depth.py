"""How much waits in a queue, and for how long: the mail server's, or a folder that something is to
be taken out of.

mail     postqueue -j (Postfix), or exim4 -bp       queue-too-long, queue-too-old
folder   files in it                                queue-too-long, queue-too-old
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from checks.host.check import HostCheck
from checks.kind import Duty
from checks.settings import Duration


class QueueDepth(HostCheck):
    """Counts what waits in a queue of this host."""

    KIND: ClassVar[str] = "queue-depth"
    LOOKS_ONLY: ClassVar[bool] = True
    LOOK: ClassVar[str] = "queue_depth"
    DUTY: ClassVar[Duty] = "servers"
    SAMPLE: ClassVar[str] = """
[checks.mail-queue]
kind = "queue-depth"
every = "15m"
mail = "postfix"
"""
    WORST: ClassVar[tuple[str, ...]] = ("queue-too-long", "queue-too-old")

    mail: Literal["postfix", "exim"] | None = None
    """whose mail queue it is"""
    configuration: Annotated[str, Field(pattern=r"^/")] | None = Field(
        default=None, examples=["/etc/postfix-out"]
    )
    """Postfix: the folder of the instance's configuration, where it is not the usual one"""
    folder: Annotated[str, Field(pattern=r"^/")] | None = Field(
        default=None, examples=["/var/spool/asterisk/outgoing"]
    )
    """a folder, and all folders in it, whose files wait for something"""
    most: int = Field(default=100, ge=0)
    """as many may wait"""
    longest_wait: Duration = Field(default=4 * 3600.0, gt=0)
    """so long one may wait"""

    @model_validator(mode="after")
    def _one_queue(self) -> Self:
        if (self.mail is None) == (self.folder is None):
            raise ValueError('name one queue: mail = "postfix", or folder = "/..."')
        return self

    def target(self) -> str:
        """The mail server's queue or the folder, and this host."""
        return f"{self.mail or self.folder} on {super().target()}"

    def measures(self) -> Mapping[str, str]:
        """How many wait, and how long the oldest has waited."""
        return {
            "count_seconds": "counting, in seconds",
            "waiting": "how many wait",
            "longest_wait_seconds": "how long the oldest has waited, in seconds",
        }
