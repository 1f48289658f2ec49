"""This host, as one of several that look: [probe]."""

from __future__ import annotations

import socket
from typing import Annotated

from pydantic import Field

from checks.settings import Duration, Settings
from monitor.core.serving import Serving

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"


class Probe(Settings):
    """This host, where several work on one ledger (PostgreSQL): each has a name of its own."""

    name: str = Field(
        default_factory=lambda: socket.gethostname()[:63],
        pattern=_NAME,
        examples=["pune-1"],
        json_schema_extra={"default": "the host's name"},
    )
    """the name of this host among those of its ledger; without it the host's own name"""
    location: str = Field(default="", max_length=100, examples=["Pune, hall 2"])
    """where it stands: tickets say it beside the name"""
    tags: tuple[str, ...] = Field(default=(), examples=[["pune", "lan"]])
    """words by which checks choose their hosts, beside the name (`probes` of a check)"""
    sites: tuple[str, ...] = Field(default=(), examples=[["Pune"]])
    """the names of the sites whose checks it looks at; without it those of all. What is not of one
    check (ladders, helpdesks, reports) any host does for all sites"""

    alarm_after: Annotated[Duration, Field(ge=10, le=86400)] = 300.0
    """after how long without its ledger this host tells its own operators, once; it goes on looking
    at what it had, and what it saw is kept until the ledger is back"""

    @property
    def serving(self) -> Serving:
        """What this host looks at."""
        return Serving(self.name, self.tags, self.sites)
