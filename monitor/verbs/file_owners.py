"""What a verb leaves that root types where no daemon does it: it is the service's, whose user could
neither read nor replace a file of root's (the next backup, the next start).

Rule: those folders are the service's, so what lies in them may be a trap: no link is followed, by
its last name or on the way; a file that has a second name elsewhere stays as it is.
"""

from __future__ import annotations

import os
import stat
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from monitor.config import ConfigurationFaults
from monitor.installing.layout import USER
from monitor.terminal import complain
from monitor.verbs.opening import sound_part

ROOT = 0
# mkfs.ext4 makes it in the root of a file system, for fsck alone.
_NOBODYS = "lost+found"


@contextmanager
def handed_over(arguments: Namespace) -> Iterator[None]:
    """What root leaves in the service's folders while the block runs is the service's after it."""
    folders = _folders(arguments) if os.geteuid() == ROOT else []
    absent = [folder for folder in folders if not folder.exists()]
    try:
        yield
    finally:
        for folder in folders:
            _hand_over(folder, folders[0] if folder in absent else None)


def hand_over_within(folder: Path, left_by: int = ROOT) -> None:
    """What `left_by` owns in a folder of somebody else's becomes its owner's. Raises OSError."""
    for _, folders, files, here in os.fwalk(folder, follow_symlinks=False):
        owner = os.fstat(here)
        if owner.st_uid == left_by:
            # Root's own folder: whoever made it meant what lies there.
            folders.clear()
            continue
        for name in {*folders, *files} - {_NOBODYS}:
            # A daemon that starts meanwhile tidies there too.
            with suppress(FileNotFoundError):
                known = os.stat(name, dir_fd=here, follow_symlinks=False)
                named_twice = stat.S_ISREG(known.st_mode) and known.st_nlink > 1
                if known.st_uid == left_by and not named_twice:
                    os.chown(name, owner.st_uid, owner.st_gid, dir_fd=here, follow_symlinks=False)


def _hand_over(folder: Path, like: Path | None) -> None:
    try:
        if not folder.is_dir() or folder.is_symlink():
            return
        if like is not None and folder != like:
            owner = like.stat()
            os.chown(folder, owner.st_uid, owner.st_gid, follow_symlinks=False)
        hand_over_within(folder)
    except OSError as problem:
        complain(
            f"reveille: {folder}: what root has left there could not be given to the service"
            f" ({problem.strerror}): chown -R {USER}: {folder}"
        )


def _folders(arguments: Namespace) -> list[Path]:
    """The state's folder, and those that checks write into."""
    try:
        sites, _ = sound_part(arguments)
    except (ConfigurationFaults, OSError):
        # Without a configuration nothing is done in its folders.
        return []
    probes = [entry.probe for one in sites for entry in one.checks.values()]
    state = sites[0].state.resolve()
    return [state, *dict.fromkeys(folder for probe in probes for folder in probe.writes())]
