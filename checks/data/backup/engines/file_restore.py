"""Back onto a disk: a SQLite file or a directory, restored beside the live one, compared, then
renamed into place.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from checks.contract import Failed
from checks.counted_lines import sync_folder
from checks.data.backup.engine import Work, compared
from checks.data.backup.engines import directory, sqlite
from checks.data.backup.engines.directory_restore_test import look_through
from checks.data.backup.engines.file_road import bring_back
from checks.data.backup.engines.unpacking import unpack_all
from checks.data.backup.instructions import PLAIN, RESTORE_STEP, commands
from checks.data.backup.job import Source
from checks.data.backup.store.archive_file import not_written
from checks.data.backup.store.manifest import Manifest
from checks.data.backup.store.repository import Backup

_MARK = ".reveille-restore-"
_MOST_NAMED = 8
# The log beside a SQLite file holds commits that are not in it yet: the two belong together.
_SIDECARS = ("-wal", "-shm", "-journal")


def restore_files(source: Source, backup: Backup, to: str, overwrite: bool, work: Work) -> None:
    """Restore `backup` as `to` (or where it came from). Raises Failed."""
    target = _behind_links(Path(to or source.path))
    # `lexists`: a dangling link is something that is there, too.
    if os.path.lexists(target) and not overwrite:
        raise Failed("exists", f"{target} is there; --overwrite puts it aside", origin="local")
    if backup.manifest is None:
        raise Failed("manifest", backup.fault, origin="local")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # What a crash left of an earlier restore; the folder of the target is the only place that
        # it can be in.
        for left_over in target.parent.glob(f"{_MARK}*"):
            shutil.rmtree(left_over)
        beside = target.parent / f"{_MARK}{secrets.token_hex(8)}"
        beside.mkdir(mode=0o700)
        try:
            restored = _restored(backup, backup.manifest, beside, work)
            held = _open_in(target)
            aside = _change_places(restored, target, backup.id)
        finally:
            shutil.rmtree(beside)
    except OSError as problem:
        raise not_written(problem) from problem
    work.events.note(
        f"{target} is that of {backup.manifest.data_as_of}, {backup.manifest.rows} rows, equal"
    )
    if aside:
        work.events.note(f"the old one is kept as {aside}")
    if held:
        work.events.note(
            f"the old one is open in {', '.join(held)}: start that anew, until then it reads and"
            " writes what was put aside"
        )


def _behind_links(target: Path) -> Path:
    """Where a link at the top leads: the data are to lie on the disk that it names, and the link is
    to stay. Raises Failed for a link that somebody else has made.
    """
    if not target.is_symlink():
        return target
    if target.lstat().st_uid not in (0, os.geteuid()):
        text = f"{target} is a link of another user's; name with --to where it leads"
        raise Failed("permission", text, origin="local")
    return target.resolve()


def _open_in(target: Path) -> list[str]:
    """Who has it open, or something in it, as far as this user may see (proc(5), fd)."""
    found = set[str]()
    for place in Path("/proc").iterdir():
        # Not by glob: it raises for a process that ends while it is looked through.
        with suppress(OSError):  # it has closed it, has ended, or is none of ours
            for link in (place / "fd").iterdir():
                path = _behind(link)
                if path == target or target in path.parents:
                    name = (place / "comm").read_text(encoding="utf-8").strip()
                    found.add(f"{name} ({place.name})")
    return sorted(found)[:_MOST_NAMED]


def _behind(descriptor: Path) -> Path:
    """What a descriptor is of; an empty path for one that has been closed meanwhile."""
    try:
        return descriptor.readlink()
    except OSError:
        return Path()


def _restored(backup: Backup, manifest: Manifest, beside: Path, work: Work) -> Path:
    plain = beside / PLAIN
    plain.mkdir(mode=0o700)
    unpack_all(backup.folder, manifest, plain, work)
    restored = beside / "restored"
    if manifest.engine == "directory":
        look_through(beside)
    bring_back(commands(manifest, RESTORE_STEP), beside, restored)
    # Both at once would be three times the files: the artefact itself lies in the backup.
    shutil.rmtree(plain)
    with work.events.stage("compare"):
        if manifest.engine == "directory":
            known = manifest.facts.get("with_attributes", 0)
            found = directory.read(restored, work, with_attributes=known)
            compared(manifest, found)
            for each in found.not_run:
                work.events.note(f"not to be had where it was restored to: {each}")
        else:
            query = manifest.facts["newest_record_query"]
            compared(manifest, sqlite.judged(sqlite.read(restored, query, work), manifest))
    return restored


def _change_places(restored: Path, target: Path, before: str) -> Path | None:
    """One rename; before it the old one is put aside, with what SQLite keeps beside it."""
    # All of it is on the disk before it has the name, also what a program has written.
    os.sync()
    aside = None
    if os.path.lexists(target):
        aside = target.with_name(f"{target.name}.before-{before}-{secrets.token_hex(2)}")
        # Before the change of places, so that no program meets a file that it may not read.
        _like(target, restored)
        target.rename(aside)
        for end in _SIDECARS:
            if (side := target.with_name(target.name + end)).exists():
                side.rename(aside.with_name(aside.name + end))
    restored.rename(target)
    # The rename is on the disk only once the folder is (fsync(2)).
    sync_folder(target.parent)
    return aside


def _like(old: Path, new: Path) -> None:
    """Owner and mode of the old one; whoever is not root keeps what he has."""
    # A restored database that the application may not open would be an outage of its own.
    shutil.copymode(old, new)
    if os.geteuid() == 0:
        status = old.stat()
        os.chown(new, status.st_uid, status.st_gid)
