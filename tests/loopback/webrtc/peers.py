"""A WebRTC edge that nobody here wrote: Kamailio (WebSocket over TLS), rtpengine and coturn in the
foreground on free ports of 127.0.0.1, with certificates made for them.
"""

from __future__ import annotations

import re
import secrets
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import certificate
from lab.certificate import Certificate
from tests.loopback.sipp.peer import eventually, is_bound, running
from tests.ports import free_port

HERE = Path(__file__).parent
MODULES = ("tls.so", "websocket.so")
"""of Debian packages of their own"""
STREAM = socket.SOCK_STREAM
REALM = "turn.example.net"
TURN_USER = "browser"


@dataclass(frozen=True)
class Edge:
    """Where it listens, and what opens it."""

    folder: Path
    wss_port: int
    udp_port: int
    password: Path
    certificate: Certificate

    @property
    def url(self) -> str:
        return f"wss://127.0.0.1:{self.wss_port}/"


@dataclass(frozen=True)
class Turn:
    """A TURN server's ports and password."""

    port: int
    tls_port: int
    password: Path

    @property
    def urls(self) -> list[str]:
        return [
            f"turn:127.0.0.1:{self.port}?transport=udp",
            f"turn:127.0.0.1:{self.port}?transport=tcp",
            f"turns:127.0.0.1:{self.tls_port}",
        ]


@asynccontextmanager
async def edge(folder: Path, days: int = 30) -> AsyncIterator[Edge]:
    """Kamailio with rtpengine; its certificate ends in so many days."""
    made = certificate.make(folder, days)
    password = folder / "password"
    password.write_text(secrets.token_hex(8) + "\n")
    control, wss, udp = free_port(), free_port(), free_port()
    where = Edge(folder, wss, udp, password, made)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            running(*_rtpengine(control, folder), log=folder / "rtpengine.log")
        )
        await eventually(lambda: is_bound(control, "udp"))
        await stack.enter_async_context(
            running(*_kamailio(where, control), log=folder / "kamailio.log")
        )
        await eventually(lambda: is_bound(wss, "tcp") and is_bound(udp, "udp"))
        yield where


def need_blocking() -> None:
    """Skip where the media of one side cannot be blocked: rtpengine 11 looks for a flow from one
    tag to the other, and an answer of a WebRTC offer makes none that it finds.
    """
    told = subprocess.run(["rtpengine", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)\.\d+", told.stdout + told.stderr)
    if found and int(found[1]) >= 11:
        pytest.skip(f"rtpengine {found[0]} does not block the media of one side")


def _rtpengine(control: int, folder: Path) -> list[str]:
    low = 20000 + secrets.randbelow(80) * 400
    return [
        "rtpengine", "--foreground", "--log-stderr", "--log-level=6", "--table=-1",
        "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{control}", f"--port-min={low}",
        f"--port-max={low + 399}", "--num-threads=2", f"--pidfile={folder}/rtpengine.pid",
        "--config-file=none",
    ]  # fmt: skip


def _kamailio(where: Edge, control: int) -> list[str]:
    text = (HERE / "kamailio.cfg").read_text()
    filled = {
        "MODULES": "\n".join(f'loadmodule "{module}"' for module in MODULES),
        "FOLDER": str(where.folder),
        "UDP_PORT": str(where.udp_port),
        "WSS_PORT": str(where.wss_port),
        "ENGINE_PORT": str(control),
        "PASSWORD": where.password.read_text().strip(),
    }
    for name, value in filled.items():
        text = text.replace(name, value)
    (where.folder / "kamailio.cfg").write_text(text)
    folder = where.folder
    return [
        "kamailio", "-DD", "-E", "-f", f"{folder}/kamailio.cfg", "-P", f"{folder}/kamailio.pid",
        "-Y", str(folder), "-w", str(folder), "-m", "32", "-M", "4",
    ]  # fmt: skip


@asynccontextmanager
async def turn_server(folder: Path, made: Certificate) -> AsyncIterator[Turn]:
    """coturn for one user, by UDP, TCP and TLS."""
    password = folder / "turn-password"
    password.write_text(secrets.token_hex(8) + "\n")
    plain, secured = free_port(), free_port()
    low = 52000 + secrets.randbelow(40) * 100
    command = [
        "turnserver", "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
        f"--listening-port={plain}", f"--tls-listening-port={secured}",
        f"--cert={made.certificate}", f"--pkey={made.key}", "--lt-cred-mech",
        f"--user={TURN_USER}:{password.read_text().strip()}", f"--realm={REALM}",
        "--allow-loopback-peers", "--no-cli", "--no-dtls", f"--min-port={low}",
        f"--max-port={low + 99}", "--log-file=stdout", "--simple-log",
        f"--pidfile={folder}/turn.pid", f"--userdb={folder}/turn.sqlite", "--relay-threads=1",
    ]  # fmt: skip
    async with running(*command, log=folder / "turnserver.log"):
        await eventually(
            lambda: is_bound(plain, "udp") and is_bound(plain, "tcp") and is_bound(secured, "tcp")
        )
        yield Turn(plain, secured, password)
