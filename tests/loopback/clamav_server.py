"""ClamAV with a signature folder of our own: its official database is not to be had offline, and
not needed.

with clamd(folder) as socket: ...        the daemon, with signatures for the EICAR string and for
one of our own
"""

from __future__ import annotations

import hashlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

EICAR = "".join(
    ("X5O!P%@AP[4", "\\PZX54(P^)7CC)7}", "$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!", "$H+H*")
)
WORM = b"MZ this is the worm that our own signature knows, and nobody else does \x90\x90\x13\x37"
_PATIENCE_SECONDS = 120.0
TELLS = {"AlertEncrypted": "yes", "AlertExceedsMax": "yes"}


def signatures(folder: Path, eicar: bool = True) -> Path:
    """A folder of signatures: by pattern (.ndb) and by checksum (.hdb)."""
    folder.mkdir()
    folder.chmod(0o755)
    pattern = f"Reveille.EICAR-1:0:*:{EICAR.encode().hex()}\n" if eicar else ""
    own = hashlib.md5(WORM).hexdigest()
    (folder / "own.hdb").write_text(f"{own}:{len(WORM)}:Reveille.Worm-1\n")
    if pattern:
        (folder / "own.ndb").write_text(pattern)
    return folder


@contextmanager
def clamd(
    database: Path, stream_megabytes: int = 1, more: Mapping[str, str] = TELLS
) -> Iterator[Path]:
    """The daemon; gives its socket. Without `more` it says OK to what it skips, as Debian's
    does.
    """
    program = shutil.which("clamd", path="/usr/sbin:/usr/bin")
    assert program, "Debian package clamav-daemon"
    with tempfile.TemporaryDirectory(prefix="clamd-", dir="/tmp") as name:
        folder = Path(name)
        place, configuration = folder / "clamd.ctl", folder / "clamd.conf"
        lines = {
            "LocalSocket": place,
            "DatabaseDirectory": database,
            "Foreground": "true",
            "TemporaryDirectory": folder,
            "StreamMaxLength": f"{stream_megabytes}M",
            "MaxThreads": "2",
            "SelfCheck": "3600",
            **more,
        }
        configuration.write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
        with (folder / "log").open("wb") as log:
            command = [program, f"--config-file={configuration}"]
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _awaited(place, process, folder / "log")
            yield place
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _awaited(place: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with socket.socket(socket.AF_UNIX) as trial:
            if trial.connect_ex(str(place)) == 0:
                trial.sendall(b"zPING\0")
                assert trial.recv(64) == b"PONG\0"
                return
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
