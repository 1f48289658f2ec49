"""What a verb that is done inside the daemon may use of it, and the socket by which it is asked."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from monitor.config import Configuration, in_brief, in_force, load_sites
from monitor.incidents.deadlines import forget_removed, keep_watch
from monitor.ledger import Ledger
from monitor.ledger.of_site import of_site
from monitor.scheduling.rounds import Rounds
from monitor.scheduling.runner import Runner
from monitor.scheduling.under_way import UnderWay
from monitor.service.control_protocol import Request
from monitor.service.control_socket import ControlSocket, Session
from monitor.service.peer import Peer
from monitor.service.site_watch import SiteWatch

log = logging.getLogger("reveille")


class ConfigurationFile:
    """The daemon's file, and whether it says by now what was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_at: int | None = None

    def read(self) -> tuple[Configuration, ...]:
        """The configuration of each site. Raises ConfigurationFaults; the one before stays then."""
        # Before it is read: whoever writes meanwhile is noticed.
        changed_at = self._changed_at()
        sites = load_sites(self.path)
        self._read_at = changed_at
        return sites

    def refuse(self) -> None:
        """What was read is not taken."""
        self._read_at = None

    def outdated(self) -> bool:
        """Whether it was changed since."""
        return self._changed_at() != self._read_at

    def _changed_at(self) -> int | None:
        try:
            return self.path.stat().st_mtime_ns
        except OSError:
            return None


@dataclass
class Parts:
    """What a verb that is done inside the daemon may use."""

    runner: Runner
    sites: Callable[[], Sequence[SiteWatch]]
    file: ConfigurationFile
    listeners: list[Callable[[str, str], None]] = field(default_factory=list)
    """who is told what a check does, beside the heartbeat"""

    def heard(self, check: str, text: str) -> None:
        """A check is at work, and does this."""
        for listener in self.listeners:
            listener(check, text)


def hold_back(rounds: Iterable[Rounds], under_way: UnderWay, now: datetime) -> None:
    """What a death has cut off may be what the last daemon died of: everything else goes first."""
    of_all = list(rounds)
    for name, seconds in under_way.interrupted().items():
        for one in of_all:
            one.hold_back(name, now + timedelta(seconds=seconds))
        log.warning("action=held_back check=%s seconds=%g", name, seconds)


def forget_sites(ledger: Ledger, sites: Sequence[Configuration], now: datetime) -> None:
    """A site that is no longer configured is looked at no more: its tickets end as those of checks
    that were removed, and the people of the first site hear of it.
    """
    first = sites[0]
    if not first.site.several:
        return
    known = {one.site.name for one in sites}
    for name in {row.site for row in ledger.open_incidents()} - known:
        gone = replace(first, site=first.site.model_copy(update={"name": name}), checks={})
        forget_removed(of_site(ledger, name), gone, now)
        keep_watch(of_site(ledger, name), gone, now)


def say_taken(sites: Sequence[Configuration], now: datetime) -> None:
    """Keep what is in force from now on, and say what is doubtful of it."""
    try:
        in_force.keep(sites, now)
        for one in sites:
            in_brief.keep(one)
    except OSError as problem:
        # What is compared with by hand is not worth a daemon; the ledger says of a full disk.
        log.warning("action=configuration_not_kept %s", problem)
    for warning in dict.fromkeys(warning for one in sites for warning in one.warnings):
        log.warning("action=doubtful_setting %s", warning)


Served = Callable[[Parts, Request, Peer, Session], Awaitable[int]]
"""does a verb for somebody at the control socket; returns the exit code"""


def control_socket(state: Path, parts: Parts, served: Served | None) -> ControlSocket | None:
    """The daemon's; None where nothing is served."""
    if served is None:
        return None
    return ControlSocket(
        state,
        partial(served, parts),
        lambda: parts.sites()[0].configuration.administrators,
        parts.file.path,
    )
