"""Files that lend their owner's rights: set-user-ID, set-group-ID, file capabilities."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from checks.host.collectors.collector import Look
from checks.host.collectors.delta import Codes, Delta
from checks.host.collectors.tree_walk import owner_in, state, walk

_LENDING = stat.S_ISUID | stat.S_ISGID
_EXECUTABLE = 0o111
# Made by the kernel as they are read, without end in places; no program is kept there.
_NEVER = ("/proc", "/sys", "/dev/pts", "/run/user")


def privileged(at: Look, delta: Delta) -> None:
    """Find them all on the local file systems."""
    root = Path(at.settings["root"])
    found = {}
    for path, known in walk(at, "/", lambda path: path in _NEVER):
        mode = known.st_mode
        if not stat.S_ISREG(mode) or not mode & _EXECUTABLE:
            continue
        capabilities = _capabilities(root / path.lstrip("/"))
        if mode & _LENDING or capabilities:
            found[path] = state(root, path, known, delta.packages)
            if capabilities:
                found[path] = f"capabilities {capabilities} {found[path]}"
    at.measure("privileged_files", len(found))
    delta.compare(
        "privileged",
        found,
        Codes("new-privileged-file", "new-privileged-file"),
        lambda path, before: delta.packages.explains(path, owner_in(before)),
        "file with its owner's rights",
    )


def _capabilities(path: Path) -> str:
    try:
        # capabilities(7), File capabilities: this extended attribute lends rights without the
        # set-user-ID bit.
        return os.getxattr(path, "security.capability", follow_symlinks=False).hex()
    except OSError:
        return ""
