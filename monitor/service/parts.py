"""What a verb that is done inside the daemon may use of it, and the socket by which it is asked."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from monitor.audit.round import AuditRound
from monitor.config import Configuration, in_brief, in_force, load
from monitor.scheduling.rounds import Rounds
from monitor.scheduling.runner import Runner
from monitor.scheduling.under_way import UnderWay
from monitor.service.control_protocol import Request
from monitor.service.control_socket import ControlSocket, Session
from monitor.service.peer import Peer

log = logging.getLogger("reveille")


class ConfigurationFile:
    """The daemon's file, and whether it says by now what was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_at: int | None = None

    def read(self) -> Configuration:
        """The configuration. Raises ConfigurationFaults; the one before stays then."""
        # Before it is read: whoever writes meanwhile is noticed.
        changed_at = self._changed_at()
        configuration = load(self.path)
        self._read_at = changed_at
        return configuration

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
    rounds: Rounds
    audit: AuditRound
    file: ConfigurationFile
    listeners: list[Callable[[str, str], None]] = field(default_factory=list)
    """who is told what a check does, beside the heartbeat"""

    def heard(self, check: str, text: str) -> None:
        """A check is at work, and does this."""
        for listener in self.listeners:
            listener(check, text)


def hold_back(rounds: Rounds, under_way: UnderWay, now: datetime) -> None:
    """What a death has cut off may be what the last daemon died of: everything else goes first."""
    for name, seconds in under_way.interrupted().items():
        rounds.hold_back(name, now + timedelta(seconds=seconds))
        log.warning("action=held_back check=%s seconds=%g", name, seconds)


def say_taken(configuration: Configuration, now: datetime) -> None:
    """Keep what is in force from now on, and say what is doubtful of it."""
    try:
        in_force.keep(configuration, now)
        in_brief.keep(configuration)
    except OSError as problem:
        # What is compared with by hand is not worth a daemon; the ledger says of a full disk.
        log.warning("action=configuration_not_kept %s", problem)
    for warning in configuration.warnings:
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
        lambda: parts.rounds.configuration.administrators,
        parts.file.path,
    )
