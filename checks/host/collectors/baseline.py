"""The watched files against their accepted baseline."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from checks.host.collectors.collector import Look, NotLooked
from checks.host.collectors.delta import Codes, Delta
from checks.host.collectors.tree_walk import owner_in, state, walk


def files(at: Look, delta: Delta) -> None:
    """Hash what is watched, and compare."""
    root, patterns = Path(at.settings["root"]), at.settings["exclude"]

    def passed(path: str) -> bool:
        return any(fnmatchcase(path, pattern) for pattern in patterns)

    found: dict[str, str] = {}
    for top in at.settings["watch"]:
        for path, known in walk(at, top, passed):
            if not passed(path):
                found[path] = state(root, path, known, delta.packages)
            if len(found) > at.settings["most_files"]:
                # The baseline is one body of the ledger and goes to the process as one job: half of
                # it would call the other half missing.
                raise NotLooked(
                    f"more than {at.settings['most_files']} files are watched, at {top}: name less"
                )
    at.measure("watched_files", len(found))
    delta.compare(
        "files",
        found,
        Codes("new-file", "changed-file", "missing-file"),
        lambda path, before: delta.packages.explains(path, owner_in(before)),
        "file",
    )
