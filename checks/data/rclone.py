"""rclone, by which files go to places elsewhere and come back: how such a place is written, and how
rclone is called.

Rules: the words of a command are seen by everybody on the host, and get into logs. A place of which
a password is a part stands in rclone's own configuration file, and is named here.
"""

from __future__ import annotations

import re
from pathlib import Path

from checks.messages import shown

# rclone, "Remote names": words of letters, digits, "_", "-", "+", "@", "." and blanks.
_NAMED = re.compile(r"(?!-)[\w+@. -]{1,100}+:[^\x00-\x1f]*+")
_FOLDER = re.compile(r"/[^\x00-\x1f]{1,1000}")
# "Connection strings" of the same page: a whole place, or options of one, with its passwords:
# `:sftp,host=example.net,pass=secret:path`, `office,pass=secret:path`.
_ON_THE_SPOT = re.compile(r":|[^/:]*,")


def named_place(written: str) -> str:
    """A place as one writes it: REMOTE:PATH, or a folder that is mounted. Raises ValueError."""
    if _ON_THE_SPOT.match(written):
        raise ValueError(
            "the options of a place stand in rclone's configuration file, out of sight; name it"
            " there, and write REMOTE:PATH here"
        )
    if not _NAMED.fullmatch(written) and not _FOLDER.fullmatch(written):
        raise ValueError(
            f"{shown(written)} is no place of rclone; write it as in 'office:reveille/evidence'"
        )
    return written.rstrip("/")


def options(config: str | Path | None) -> list[str]:
    """What every command begins with: this configuration file, and nobody's own."""
    return [f"--config={config or ''}"]
