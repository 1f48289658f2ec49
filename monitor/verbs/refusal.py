"""What the operating system refused a verb, in one line: what, where, and what would be right."""

from __future__ import annotations

import errno
import os
from pathlib import Path

# As monitor/config/ledger.py calls it.
_LEDGER = "ledger.sqlite"
_WORDS = {
    errno.ENOENT: "there is no such file or folder",
    errno.EACCES: "this user may not go there",
    errno.EPERM: "this user may not do that",
    errno.ENOTDIR: "a part of the path is no folder",
    errno.EISDIR: "that is a folder",
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the file system is read-only",
}


def in_words(problem: OSError, using: str = "") -> str:
    """The line for a refusal that names a file. `using` is what the file is to the verb."""
    path = Path(os.fsdecode(problem.filename))
    said = _WORDS.get(problem.errno or 0, problem.strerror or "it cannot be used")
    return f"{f'{using} ' if using else ''}{path}: {said}; {_right(path, problem.errno)}"


def _right(path: Path, number: int | None) -> str:
    if number in (errno.EACCES, errno.EPERM):
        return _let_in(path)
    if number in (errno.ENOENT, errno.ENOTDIR):
        folder = _first_missing(path.absolute())
        return f"make {folder} first, or name another place"
    if number == errno.ENOSPC:
        return "make room there (df), or name another place"
    return "name another place"


def _let_in(path: Path) -> str:
    """Root may; so may the user who owns what bars the way."""
    if os.geteuid() == 0:
        return "not even root may write there: name another place"
    bars = _barring(path.absolute())
    try:
        owner = bars.stat().st_uid
    except OSError:
        owner = None
    # Members of its group need no right of their own: the daemon does it for them.
    daemon = "start the daemon (systemctl start reveille), or " if path.name == _LEDGER else ""
    own = "" if owner is None else f", or as the owner of {bars} (user {owner})"
    return f"{daemon}run it as root (sudo){own}"


def _barring(path: Path) -> Path:
    """The outermost folder that this user cannot enter, else the thing itself, else its folder."""
    for folder in reversed(path.parents):
        if not os.access(folder, os.X_OK):
            return folder
    return path if path.exists() else path.parent


def _first_missing(path: Path) -> Path:
    """The outermost part of a path that is not a folder."""
    return next((one for one in reversed(path.parents) if not one.is_dir()), path)
