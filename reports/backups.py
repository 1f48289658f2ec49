"""Backups as plain data: what `backup list` shows, and what came of a drill or a restore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reports.ticket import Plain


@dataclass(frozen=True, slots=True)
class BackupLine:
    """One backup; `proven_at` is when it was last restored and found equal, `fault` what is wrong
    with it.
    """

    id: str
    data_as_of: datetime
    bytes: int
    rows: int
    proven_at: datetime | None
    restore_seconds: float
    fault: str
    folder: str


@dataclass(frozen=True, slots=True)
class BackupPlace:
    """The backups of one check, the newest first."""

    check: str
    source: str
    folder: str
    backups: tuple[BackupLine, ...]


@dataclass(frozen=True, slots=True)
class Backups(Plain):
    """The backups of every check of a site."""

    timezone: str
    places: tuple[BackupPlace, ...]


@dataclass(frozen=True, slots=True)
class BackupDone(Plain):
    """What came of a drill, a restore or an image. `fault` is "" or "stage: code, text"."""

    check: str
    what: str
    seconds: float
    fault: str
    notes: tuple[str, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
