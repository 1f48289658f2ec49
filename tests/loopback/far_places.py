"""Places that rclone reaches, for evidence: a real `rclone serve sftp` on 127.0.0.1, whose account
stands in a configuration file of rclone's own form.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import free_port

PLACE = "office:evidence"


@dataclass
class FarPlace:
    """A server, and how rclone comes to it."""

    config: Path
    kept: Path
    """the folder that it serves"""
    port: int
    password: str
    process: subprocess.Popen[bytes] = field(init=False)

    @contextmanager
    def again(self) -> Iterator[None]:
        """The server is there, the first time or once more."""
        command = ["rclone", "--config=", "serve", "sftp", f"--addr=127.0.0.1:{self.port}"]
        command += ["--user=reveille", str(self.kept)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.kept.parent)}
        environment["RCLONE_PASS"] = self.password
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        self.process = process
        try:
            _await(self.port, process)
            yield
        finally:
            process.kill()
            process.wait()

    def files(self) -> dict[str, bytes]:
        """What lies there, by its path below the ledger's own folder."""
        found = (file for file in self.kept.rglob("*") if file.is_file())
        return {
            "/".join(file.relative_to(self.kept).parts[2:]): file.read_bytes() for file in found
        }


@contextmanager
def far_place(folder: Path) -> Iterator[FarPlace]:
    """One at work."""
    password, port = secrets.token_hex(8), free_port()
    (kept := folder / "far").mkdir()
    obscured = subprocess.run(
        ["rclone", "obscure", "-"], input=password, capture_output=True, text=True, check=True
    ).stdout.strip()
    config = folder / "rclone.conf"
    config.write_text(
        f"[office]\ntype = sftp\nhost = 127.0.0.1\nport = {port}\nuser = reveille\n"
        f"pass = {obscured}\nshell_type = none\n",
        encoding="utf-8",
    )
    made = FarPlace(config, kept, port, password)
    with made.again():
        yield made


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)  # it says nowhere that it listens
        else:
            return
    raise AssertionError(f"rclone serves nothing on {port}")
