"""Kamailio as a registrar with digest, over UDP, TCP and TLS: a SIP stack that others wrote."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.certificate import Certificate
from tests.ports import free_port

KAMAILIO = shutil.which("kamailio", path="/usr/sbin:/usr/bin")
USER, PASSWORD = "monitor", "of the carrier"

_CONFIGURATION = """\
debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
enable_tls=yes
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
listen=tls:127.0.0.1:{tls_port}
loadmodule "tls.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "rr.so"
loadmodule "siputils.so"
modparam("tls", "private_key", "{key}")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", {shortest})
modparam("auth", "nonce_count", 1)
modparam("auth", "qop", "auth")
request_route {{
    if ($rm != "REGISTER") {{
        if (has_totag()) {{ loose_route(); t_relay(); exit; }}
        if ($rm != "INVITE" && $rm != "CANCEL") {{
            sl_send_reply("405", "Method Not Allowed"); exit;
        }}
        if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
        record_route();
        t_relay();
        exit;
    }}
    if ($tU != "{user}") {{ sl_send_reply("404", "Not Found"); exit; }}
    if (!pv_www_authenticate("carrier", "{password}", "0")) {{
        www_challenge("carrier", "1"); exit;
    }}
    if (!save("location")) {{ sl_reply_error(); }}
}}
"""


@dataclass
class Registrar:
    """Where it listens."""

    port: int
    tls_port: int


@asynccontextmanager
async def kamailio(
    folder: Path, made: Certificate, shortest_seconds: int = 0
) -> AsyncIterator[Registrar]:
    """Kamailio in the foreground on free ports; gone afterwards."""
    folder.mkdir()  # noqa: ASYNC240 - a test waits for its folder
    where = Registrar(free_port(), free_port())
    (folder / "kamailio.cfg").write_text(
        _CONFIGURATION.format(
            port=where.port,
            tls_port=where.tls_port,
            key=made.key,
            certificate=made.certificate,
            user=USER,
            password=PASSWORD,
            shortest=shortest_seconds,
        ),
        encoding="utf-8",
    )
    with (folder / "kamailio.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(KAMAILIO), "-f", "kamailio.cfg", "-DD", "-E", "-Y", str(folder),
            "-m", "16", "-M", "4",
            cwd=folder, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            await _listening(process, where.tls_port, folder / "kamailio.log")
            yield where
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _listening(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    """Its TCP children begin after all else: once TLS is accepted, everything is."""
    async with asyncio.timeout(60):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return
    raise AssertionError(f"Kamailio ended: {log}")
