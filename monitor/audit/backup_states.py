"""The backups there are to go back to, for the morning report: from their manifests and proofs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from monitor.config import Configuration
from reports.morning_report import BackupState, Part

log = logging.getLogger(__name__)

# A folder on a network file system that is gone would hold up the morning's report for ever.
_WITHIN_SECONDS = 60.0


async def backup_states(
    configuration: Configuration, parts: Iterable[Part]
) -> tuple[BackupState, ...]:
    """One for each folder of backups, those without a proof first. What cannot be read within its
    time says so.
    """
    measured = {part.check: part.measures for part in parts}
    states = []
    for folder, names in _folders(configuration).items():
        known = _joined([measured[name] for name in names if name in measured])
        try:
            async with asyncio.timeout(_WITHIN_SECONDS):
                # In a thread: a call into a dead network mount does not return, and would stop the
                # loop with it.
                states.append(
                    await asyncio.to_thread(
                        _state, names[0], folder, known, str(configuration.state)
                    )
                )
                states[-1] = replace(states[-1], rehearsed=_rehearsed(configuration, names))
        except (OSError, ValueError, LookupError, TimeoutError) as problem:
            log.exception("action=backups_not_read check=%s", names[0])
            states.append(
                BackupState(names[0], "", fault=f"its folder cannot be read: {problem}"[:200])
            )
    return tuple(
        # What is not proven stands first: that line is why somebody reads the table.
        sorted(
            states, key=lambda state: (state.proven_at is not None, not state.fault, state.check)
        )
    )


def _folders(configuration: Configuration) -> Mapping[Path, list[str]]:
    """The checks of each folder, the one that takes the backups first."""
    found: dict[Path, list[str]] = {}
    entries = [
        (name, entry.probe)
        for name, entry in configuration.checks.items()
        if entry.probe.BACKUPS != "none"
    ]
    # The check that takes the backups gives the folder its name; one that only drills it comes
    # after.
    for name, probe in sorted(entries, key=lambda one: one[1].BACKUPS != "takes"):
        if isinstance(folder := getattr(probe, "folder", None), Path):
            found.setdefault(folder, []).append(name)
    return found


def _rehearsed(configuration: Configuration, names: Iterable[str]) -> str:
    """The newest day that the site names; "" for none."""
    named = (getattr(configuration.checks[name].probe, "rehearsed_on", None) for name in names)
    return max((day.isoformat() for day in named if isinstance(day, date)), default="")


def _joined(measures: Iterable[Mapping[str, float]]) -> dict[str, float]:
    return {name: value for known in measures for name, value in known.items()}


def _state(check: str, folder: Path, measured: Mapping[str, Any], state: str) -> BackupState:
    from checks.data.backup.listing import kept  # only when somebody asks

    backups = kept(folder, state)
    proven = [backup for backup in backups if backup.proven_at is not None]
    newest = proven[0] if proven else backups[0] if backups else None
    # No backup yet is a state, not a fault: the check itself says so where one is owed.
    if newest is None:
        return BackupState(check, "")
    last: datetime | None = max(
        (backup.proven_at for backup in proven if backup.proven_at), default=None
    )
    return BackupState(
        check=check,
        source=newest.source,
        data_as_of=newest.data_as_of,
        proven_at=last,
        restore_seconds=newest.restore_seconds,
        proof_seconds=measured.get("proof_seconds", newest.restore_seconds),
        backup_seconds=measured.get("backup_seconds", 0.0),
        bytes=newest.bytes,
        rows=newest.rows,
        kept=len(backups),
        proven=len(proven),
        fault=backups[0].fault,
    )
