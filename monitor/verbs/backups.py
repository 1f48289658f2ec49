"""backup list, drill, restore: what there is to go back to, whether it restores, and the
way back.
"""

from __future__ import annotations

import tempfile
from argparse import Namespace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from checks.contract import CannotTell, Failed, Trace
from checks.data.backup.check import Backup, BackupProof
from checks.data.backup.job import Do
from checks.data.backup.listing import kept
from checks.data.backup.run.parent import converse
from checks.data.hygiene.check import Hygiene
from checks.settings import nearest
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.terminal import colourful, complain, show
from monitor.verbs.inside import awaited
from monitor.verbs.opening import Stop, configuration_of, sound_part_of
from reports.backups import BackupDone, BackupLine, BackupPlace, Backups

Kind = Backup | BackupProof


def list_backups(arguments: Namespace) -> int:
    """Every backup, the newest first, and when it was last proven. 0; 1 when a check has none that
    is proven.
    """
    configuration = sound_part_of(arguments)
    places = tuple(_place(name, check) for name, check in backup_checks(configuration).items())
    show("backups", arguments.json, Backups(configuration.site.timezone, places))
    return 0 if all(any(line.proven_at for line in place.backups) for place in places) else 1


def drill(arguments: Namespace) -> int:
    """Restore a backup into something throw-away and compare it: the newest, or that of --at. 0; 1
    when it fails.
    """
    return _done(arguments, "prove", "drill")


def restore(arguments: Namespace) -> int:
    """Restore the newest backup, or that of --at, beside the live one; prove it; change places. 0;
    1 when it fails.

    What is there is touched with --overwrite only, and is kept under another name.
    """
    return _done(arguments, "restore", "restore")


def _done(arguments: Namespace, do: Do, what: str) -> int:
    # Only the check that takes backups knows where the live database is; one that proves them can
    # drill alone.
    configuration = configuration_of(arguments)
    name, check = _one(configuration, arguments.name, Backup if do == "restore" else None)
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="reveille-backup-") as folder:
        trace = Trace(clock.monotonic, Path(folder))
        trace.listener = lambda stage: complain(f"\x1b[2m  {stage}\x1b[0m") if colourful() else None
        ended: BaseException | None = None
        try:
            awaited(_asked(configuration, check, do, arguments, trace))
        except (Failed, CannotTell) as problem:
            ended = problem
        seen = trace.observation(ended)
    fault = seen.blind or ""
    if seen.fault:
        fault = ", ".join(filter(None, (f"{seen.fault.stage}: {seen.fault.code}", seen.fault.text)))
    show(
        "backup_done",
        arguments.json,
        BackupDone(name, what, seen.seconds, fault, seen.notes, seen.measures),
        "done",
    )
    return 1 if fault else 0


async def _asked(
    configuration: Configuration, check: Kind, do: Do, arguments: Namespace, trace: Trace
) -> None:
    to, overwrite = getattr(arguments, "to", "") or "", getattr(arguments, "overwrite", False)
    at = _of_the_site(configuration, check, arguments.at or "", trace)
    await converse(check.job(do, at, to, overwrite), trace)
    # A restored database has again what was cleaned away since: the journal of the cleaning is
    # played once more.
    if do == "restore" and isinstance(check, Backup):
        for entry in configuration.checks.values():
            if isinstance(entry.probe, Hygiene) and entry.probe.cleans(
                check.engine, check.database, check.path
            ):
                await entry.probe.replay(trace, to)


def _of_the_site(configuration: Configuration, check: Kind, at: str, trace: Trace) -> str:
    """The id of the newest backup of a day, by the site's clock, as `backup list` shows it; an id
    as it is. Raises Failed.
    """
    try:
        day = date.fromisoformat(at)
    except ValueError:
        return at
    zone = ZoneInfo(configuration.site.timezone)
    for backup in kept(check.folder):
        if backup.data_as_of.astimezone(zone).date() == day:
            return backup.id
    with trace.stage("restore"):
        raise Failed("missing", f"there is no backup of {at} in {check.folder}", origin="local")


def backup_checks(configuration: Configuration) -> dict[str, Kind]:
    """The checks that know of backups, by their names."""
    found: dict[str, Kind] = {}
    for name, entry in configuration.checks.items():
        if isinstance(entry.probe, Backup | BackupProof):
            found[name] = entry.probe
    return found


def _one(configuration: Configuration, name: str, kind: type[Kind] | None) -> tuple[str, Kind]:
    """The check of this name, or the only one there is. Raises Stop."""
    known = {
        key: check
        for key, check in backup_checks(configuration).items()
        if kind is None or isinstance(check, kind)
    }
    if not known:
        raise Stop("no check of kind backup is configured")
    if not name and len(known) > 1:
        raise Stop(f"which one? There are {', '.join(known)}")
    name = name or next(iter(known))
    if name not in known:
        raise Stop(
            "there is no backup"
            f" [checks.{name}]{nearest(name, list(known)) or '; there are ' + ', '.join(known)}"
        )
    return name, known[name]


def _place(name: str, check: Kind) -> BackupPlace:
    lines = tuple(
        BackupLine(
            b.id,
            b.data_as_of,
            b.bytes,
            b.rows,
            b.proven_at,
            b.restore_seconds,
            b.fault,
            str(b.folder),
        )
        for b in kept(check.folder, check.state)
    )
    # The newest that says so: a manifest that cannot be read has no source.
    source = next(
        (backup.source for backup in kept(check.folder, check.state) if backup.source), ""
    )
    return BackupPlace(name, source, str(check.folder), lines)
