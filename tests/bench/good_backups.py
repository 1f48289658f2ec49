"""Odd but good databases, files and folders: each is backed up and proven, restored by `backup
restore`, and restored on a fresh host by the text of its RESTORE.md, where another program compares
it with the live one.

    called wrong    its proof ends in a fault                                      at most 0
    refused         `backup restore` does not bring it back                        at most 0
    not back        the text of RESTORE.md fails, or what it brings back differs   at most 0

./reveille bench good-backups [ROOT] [NAME...]    ROOT: a root folder for fresh hosts
(tests/loopback/fresh_host.py), else one is made; NAME: engine, or engine/name
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.loopback import fresh_host
from tests.loopback.databases import mariadb, postgres
from tests.loopback.good_rows import Row, Told, rows_of

PEERS = "mmdebstrap"
LEAST_ROWS = 60


def main(base: Path | None, wanted: list[str]) -> int:
    """All rows, or those that are wanted; prints a line for each, and the figures."""
    began, counts = time.monotonic(), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="good-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if base is None:
            base = folder / "root"
            fresh_host.build(base)
        with postgres() as one, mariadb() as other:
            for row in rows_of(one, other, folder):
                if wanted and not any(row.name.startswith(each) for each in wanted):
                    continue
                try:
                    told = row.played(base)
                except Exception as problem:  # noqa: BLE001 - one row must not end the others
                    told = Told(by_hand=f"{type(problem).__name__}: {problem}"[:300])
                counts.update(_counted(told))
                print(f"{row.name:42} {told}", flush=True)
    bad = sum(counts[word] for word in ("called wrong", "refused", "not back"))
    print(
        f"\ngood-backups: {counts['rows']} databases and folders, {counts['called wrong']} called"
        f" wrong, {counts['refused']} refused at restore, {counts['not back']} not brought back by"
        f" RESTORE.md, {counts['cannot']} that this host cannot prove;"
        f" {time.monotonic() - began:.0f} s"
    )
    return 1 if bad or (not wanted and counts["rows"] < LEAST_ROWS) else 0


def _counted(told: Told) -> list[str]:
    found = {
        "called wrong": told.fault,
        "refused": told.refused,
        "not back": told.by_hand or told.differs,
        "cannot": told.blind,
    }
    return ["rows", *(word for word, said in found.items() if said)]


if __name__ == "__main__":
    given = sys.argv[1:]
    folder_given = [Path(given.pop(0))] if given and given[0].startswith("/") else [None]
    sys.exit(main(folder_given[0], given))


__all__ = ["Row", "main"]
