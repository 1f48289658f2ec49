"""Where the socket of a server to throw away lies: under its scratch folder, so that both are swept
together.

A socket's path is 107 bytes long at most (unix(7)); below a deeper scratch folder it has to be a
folder of its own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST_BYTES = 107
# The longest name that PostgreSQL gives a socket or its lock file in that folder.
_NAME_BYTES = len("/.s.PGSQL.65535.lock")


@contextmanager
def socket_folder(scratch: Path) -> Iterator[Path]:
    """A folder for a socket; gone afterwards."""
    folder = scratch / "run"
    if len(str(folder).encode()) + _NAME_BYTES > _LONGEST_BYTES:
        folder = Path(tempfile.mkdtemp(prefix="reveille-drill-"))
    else:
        folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
