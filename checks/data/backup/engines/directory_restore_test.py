"""A backup of a directory, restored into a folder to throw away and compared: every entry is looked
at first, then the commands of RESTORE.md unpack it.

Nobody in there may make a set-id program or folder, or give a file away: such bits are compared as
the archive has them. Where there is no room for the files, the archive is read to its end instead,
and the proof says so.

`DirectoryRehearsal` is the worker's side; `restored` runs in the sandbox.
"""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from checks.contract import Failed
from checks.data.backup.engine import Found, Work, compared, found_of, told_tables
from checks.data.backup.engines import directory
from checks.data.backup.engines.file_road import bring_back, restored_apart
from checks.data.backup.instructions import PLAIN
from checks.data.backup.store.archive_file import OWN_ROOM_BYTES, room
from checks.data.backup.store.manifest import Manifest
from checks.data.backup.tar_extraction import checked, opened

# Modes as they were, but for the bits beyond rwx, which no sandbox lets be set: option and umask
# together.
_SHELL = 'umask 0\ntar() { command tar "$@" --no-same-permissions; }'
_SPECIAL = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


class Delicate(NamedTuple):
    """An entry that its own reader could not open, or that has bits which cannot be set here."""

    name: str
    mode: int
    least: int
    """what its reader has to be allowed"""


class DirectoryRehearsal:
    """A backup of a directory, restored and compared."""

    def scratch_bytes(self, manifest: Manifest) -> int:  # noqa: ARG002 - see `rehearse`
        """What reading it takes; it is unpacked where there is room for all of it."""
        return OWN_ROOM_BYTES

    def rehearse(self, folder: Path, manifest: Manifest, scratch: Path, work: Work) -> Found:
        """Restore it in a sandbox and compare it. Raises Failed, CannotTell."""
        more = {"with_attributes": manifest.facts.get("with_attributes", 0)}
        try:
            # The archive, and its files.
            room(scratch, 2 * manifest.plain_bytes + OWN_ROOM_BYTES)
            with restored_apart(restored, more, folder, manifest, scratch, work) as told:
                found = found_of(told)
                compared(manifest, found)
                return found
        except Failed as refused:
            if refused.code != "no-space":
                raise
            why = f"unpacking: {refused.text}; the archive was read to its end"
        found = directory.streamed(folder, manifest, work)
        with work.events.stage("compare"):
            compared(manifest, found)
        return replace(found, not_run=(why,))


def restored(task: Mapping[str, Any], artefacts: Any, scratch: Path, work: Work) -> dict[str, Any]:
    """Restore it and read it: in the sandbox. Raises Failed."""
    place, tree = artefacts().parent, scratch / directory.TREE
    delicate = look_through(place)
    bring_back(task["commands"], place, tree, _SHELL)
    with work.events.stage("compare"):
        modes, special = _made_readable(delicate, tree)
        found = directory.read(tree, work, modes, task.get("with_attributes", 0))
        return {
            "tables": told_tables(found.tables),
            "newest": found.newest_record,
            "not_run": [
                *([f"set-id or sticky bits of {special} entries"] if special else []),
                *found.not_run,
            ],
        }


def look_through(folder: Path) -> list[Delicate]:
    """That no entry of the archive in `folder`/plain leads out of the folder that it is unpacked
    into; gives those that need care once they are unpacked. Raises Failed.
    """
    try:
        with opened(folder / PLAIN / directory.ARCHIVE) as plain:
            return list(_delicate(checked(plain)))
    except (tarfile.TarError, OSError) as problem:
        raise Failed("restore-failed", f"tar: {problem}", origin="local") from problem


def _delicate(entries: Iterable[tarfile.TarInfo]) -> Iterator[Delicate]:
    for entry in entries:
        if entry.issym() or entry.islnk():
            continue
        least = stat.S_IRWXU if entry.isdir() else stat.S_IRUSR
        if entry.mode & least != least or entry.mode & _SPECIAL:
            yield Delicate(entry.name, entry.mode, least)


def _made_readable(entries: Iterable[Delicate], tree: Path) -> tuple[dict[str, int], int]:
    """Each is opened for its reader, once its mode was found right; the modes of those, and how
    many had bits that cannot be set here.
    """
    modes, special = dict[str, int](), 0
    for entry in entries:
        path = tree / entry.name
        there = stat.S_IMODE(path.lstat().st_mode)
        if there in (entry.mode, entry.mode & ~_SPECIAL):
            modes[entry.name] = entry.mode
            special += there != entry.mode
        path.chmod(there | entry.least)
    return modes, special
