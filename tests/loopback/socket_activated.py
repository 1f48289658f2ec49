"""A helper service as systemd starts it: a process for each connection, with that as its input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.house.source import ROOT


@contextmanager
def socket_activated(path: Path, module: str, *, packets: bool = False) -> Iterator[None]:
    """`python -m module` behind a Unix socket at `path`, for the unit of the daemon."""
    command = [
        "systemd-socket-activate", "--accept", "--inetd", *(["--seqpacket"] if packets else []),
        "-l", str(path), "-E", f"PYTHONPATH={ROOT}",
        sys.executable, "-m", module, "reveille.service",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as listening:
        assert listening.stderr
        assert listening.stderr.readline().startswith("Listening on")
        try:
            yield
        finally:
            listening.terminate()
