"""The state's folder: whether it is the daemon's alone, and what keeps it from being written."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import stat
from pathlib import Path

# Below this SQLite cannot grow its log by the pages of one transaction.
_NOTHING_BYTES = 256_000


class UnsafeFolder(Exception):
    """Others may write into the state folder; its text says what would be right."""


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def refuse_shared(state: Path) -> None:
    """Raises UnsafeFolder where somebody else could plant a ledger, a link or a socket."""
    known = state.stat()
    mode = f"{stat.S_IMODE(known.st_mode):04o}"
    if known.st_uid not in (os.geteuid(), 0):
        raise UnsafeFolder(
            f"the state folder {state} belongs to user {_name(known.st_uid)}, and this is user"
            f" {_name(os.geteuid())}: it is that user's service that runs on it (systemctl start"
            " reveille); a daemon of your own wants a `state` of its own"
        )
    # As ssh treats its folder (StrictModes in sshd_config(5)): whoever may write there may put a
    # link where the daemon is about to write.
    if known.st_mode & 0o022:
        raise UnsafeFolder(
            f"others may write into the state folder {state} (mode {mode}): look at what lies in"
            f" it, then chmod go-w {state}"
        )
    for above in state.resolve().parents:
        bits = above.stat().st_mode
        # The sticky bit keeps others from renaming what is not theirs (/tmp).
        if bits & stat.S_IWOTH and not bits & stat.S_ISVTX:
            raise UnsafeFolder(
                f"everybody may replace the state folder {state}, since {above} is open to all"
                f" (mode {stat.S_IMODE(bits):04o}): chmod o-w {above}"
            )


def barrier(state: Path) -> str:
    """What keeps anything from being written there, in words; "" if nothing known does."""
    try:
        room, left = os.statvfs(state), shutil.disk_usage(state).free
    except OSError as gone:
        return f"the state folder {state} cannot be used ({os.strerror(gone.errno or errno.EIO)})"
    if room.f_flag & os.ST_RDONLY:
        return f"the file system of the state folder {state} is read-only"
    if left < _NOTHING_BYTES:
        return f"the disk of the state folder {state} is full ({left / 1e6:.1f} MB left)"
    # File systems that number no files (btrfs) say 0 of 0.
    if room.f_files and not room.f_favail:
        return f"the disk of the state folder {state} has no room for another file (inodes)"
    return ""
