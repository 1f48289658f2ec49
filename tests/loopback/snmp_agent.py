"""A real SNMP agent (snmpsim) with the tables of a gateway, which a test changes while it runs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from checks.contract import Failed
from checks.telephony.gateway import mibs
from checks.telephony.gateway.snmp import Agent
from checks.telephony.gateway.snmp_credentials import Community
from tests.ports import free_port

USER, AUTHENTICATION, PRIVACY = "reveille", "correct horse battery", "staple of privacy"
INTEGER, TICKS, COUNTER, GAUGE, TEXT = "2", "67", "65", "66", "4"
"""types in an .snmprec file"""
STATUS = mibs.MIBS["ds1"].status


class Gateway:
    """What the agent tells: object name -> (type, value). `tell()` makes it so, at once."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.values: dict[str, tuple[str, str]] = {}
        self.changes = 0

    def tell(
        self, more: Mapping[str, tuple[str, int | str]] | None = None, without: str = ""
    ) -> None:
        """Tell `more` (or something else under a known name) from now on, and nothing that begins
        with `without`.
        """
        self.values.update(
            {name: (kind, str(value)) for name, (kind, value) in (more or {}).items()}
        )
        if without:
            self.values = {
                name: told for name, told in self.values.items() if not name.startswith(without)
            }
        rows = sorted(self.values, key=lambda name: [int(part) for part in name.split(".")])
        text = "".join(f"{name}|{self.values[name][0]}|{self.values[name][1]}\n" for name in rows)
        fresh = self.folder / "public.new"
        fresh.write_text(text, encoding="utf-8")
        self.changes += 1
        newer = fresh.stat().st_mtime + 10 * self.changes  # the agent looks at whole seconds
        os.utime(fresh, (newer, newer))
        fresh.replace(self.folder / "public.snmprec")

    def pri(self, spans: int = 2, uptime: int = 8_640_000) -> None:
        """Nothing but spans that are all well: lines 1, 2 …, their D-channels 101, 102 …, two
        B-channels each.
        """
        rows: dict[str, tuple[str, int | str]] = {mibs.UPTIME: (TICKS, uptime)}
        for line in range(1, spans + 1):
            rows |= {
                f"{STATUS}.{line}": (INTEGER, 1),
                f"{mibs.DS1_LAST_CHANGE}.{line}": (TICKS, 5000),
                f"{mibs.DS1_ELAPSED}.{line}": (INTEGER, 300),
                f"{mibs.DS1_ERRORED}.{line}": (GAUGE, 0),
                f"{mibs.DS1_SEVERELY_ERRORED}.{line}": (GAUGE, 0),
                f"{mibs.DS1_UNAVAILABLE}.{line}": (GAUGE, 0),
                f"{mibs.LAPD_STATUS}.{100 + line}": (INTEGER, 3),
                f"{mibs.LAPD_PEER_SABME}.{100 + line}": (COUNTER, 7),
                f"{mibs.BEARER_STATUS}.{1000 + 2 * line}": (INTEGER, 1),
                f"{mibs.BEARER_STATUS}.{1001 + 2 * line}": (INTEGER, 4),
            }
        self.values = {}
        self.tell(rows)


@contextmanager
def gateway(folder: Path) -> Iterator[Gateway]:
    """The agent on a free port: community `public` (v2c), USER with SHA and AES in the context
    `public` (v3).
    """
    data = folder / "data"
    data.mkdir(parents=True)
    port = free_port()
    running = Gateway(data, port)
    running.pri()
    command = [
        str(Path(sys.executable).with_name("snmpsim-command-responder")),
        *(("--process-user=root", "--process-group=root") if os.geteuid() == 0 else ()),
        f"--data-dir={data}",
        f"--cache-dir={folder / 'cache'}",
        f"--agent-udpv4-endpoint=127.0.0.1:{port}",
        *(f"--v3-user={USER}", "--v3-auth-proto=SHA", f"--v3-auth-key={AUTHENTICATION}"),
        *("--v3-priv-proto=AES", f"--v3-priv-key={PRIVACY}"),
    ]
    with (folder / "snmpsim.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            asyncio.run(_answering(process, port, folder / "snmpsim.log"))
            yield running
        finally:
            process.kill()
            process.wait()


async def _answering(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    agent = Agent("127.0.0.1", port, Community("public"))
    async with asyncio.timeout(60):
        while process.poll() is None:
            try:
                if (await agent.get([mibs.UPTIME]))[mibs.UPTIME] is not None:
                    return
            except Failed:
                continue  # it is still starting
    raise AssertionError("the agent ended, see " + str(log))
