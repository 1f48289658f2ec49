"""A carrier's edge that nobody here wrote: Kamailio (TLS, digest) with rtpengine (SRTP), in the
foreground on free ports of 127.0.0.1; SIPp and baresip behind it.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.loopback.sipp.peer import eventually, is_bound, running
from tests.ports import free_port

HERE = Path(__file__).parent
STREAM = socket.SOCK_STREAM


@dataclass(frozen=True)
class Edge:
    """Where it listens, and the password of every account."""

    tls_port: int
    udp_port: int
    password: Path


@asynccontextmanager
async def edge(
    folder: Path,
    certificate: Path,
    key: Path,
    sipp_port: int = 9,
    baresip_port: int = 9,
    oldest_tls: str = "TLSv1.2",
) -> AsyncIterator[Edge]:
    """Kamailio with rtpengine; gone afterwards."""
    await asyncio.to_thread(folder.mkdir)
    password = folder / "password"
    password.write_text(secrets.token_hex(8) + "\n")
    control, where = free_port(), Edge(free_port(), free_port(), password)
    filled = {
        # Kamailio 5.6 has no word for TLS 1.3 and nothing older; OpenSSL's own settings have.
        "TLS_METHOD": "TLSv1.2+" if oldest_tls == "TLSv1.2" else "SSLv23",
        "UDP_PORT": str(where.udp_port),
        "TLS_PORT": str(where.tls_port),
        "ENGINE_PORT": str(control),
        "BARESIP_PORT": str(baresip_port),
        "SIPP_PORT": str(sipp_port),
        "PASSWORD": password.read_text().strip(),
        "CERTIFICATE": str(certificate),
        "KEY": str(key),
    }
    settings = folder / "openssl.cnf"
    settings.write_text(
        "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = every\n"
        f"[every]\nMinProtocol = {oldest_tls}\n"
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            running(*_rtpengine(folder, control), log=folder / "rtpengine.log")
        )
        await eventually(lambda: is_bound(control, "udp"), within=30)
        await stack.enter_async_context(
            running(
                "env",
                f"OPENSSL_CONF={settings}",
                *_kamailio(folder, filled),
                log=folder / "kamailio.log",
            )
        )
        await eventually(
            lambda: is_bound(where.tls_port, "tcp") and is_bound(where.udp_port, "udp"), within=30
        )
        yield where


def _rtpengine(folder: Path, control: int) -> list[str]:
    low = 20000 + secrets.randbelow(80) * 400
    return [
        "rtpengine", "--foreground", "--log-stderr", "--log-level=6", "--table=-1",
        "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{control}", f"--port-min={low}",
        f"--port-max={low + 399}", "--num-threads=2", f"--pidfile={folder}/rtpengine.pid",
        "--config-file=none",
    ]  # fmt: skip


def _kamailio(folder: Path, filled: dict[str, str]) -> list[str]:
    text = (HERE / "kamailio.cfg").read_text()
    for name, value in filled.items():
        text = text.replace(name, value)
    (folder / "kamailio.cfg").write_text(text)
    program = shutil.which("kamailio", path="/usr/sbin:/usr/bin") or "kamailio"
    return [
        program,
        "-DD",
        "-E",
        "-f",
        "kamailio.cfg",
        "-Y",
        str(folder),
        "-w",
        str(folder),
        "-m",
        "32",
        "-M",
        "4",
    ]
