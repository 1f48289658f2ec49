"""Network UPS Tools: its server and a UPS that is made up (dummy-ups): its variables are a file."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

# Debian's /usr/sbin/upsd is a script that starts nothing before nut.conf allows it.
_PROGRAMS = Path("/lib/nut")
UPSD, DRIVER = _PROGRAMS / "upsd", _PROGRAMS / "dummy-ups"
WELL = {
    "ups.status": "OL CHRG",
    "battery.charge": "97",
    "battery.runtime": "1320",
    "ups.load": "23",
    "input.voltage": "231.4",
}


@dataclass
class Ups:
    """The UPS "main" of an upsd."""

    port: int
    file: Path
    driver: asyncio.subprocess.Process | None = None

    def is_so(self, **changed: str) -> None:
        """What it says from now on: `status="OB LB"`."""
        told = WELL | {f"ups.{name}": value for name, value in changed.items()}
        beside = self.file.with_suffix(".new")
        beside.write_text("".join(f"{name}: {value}\n" for name, value in told.items()))
        # The driver reads it anew when its time has changed.
        beside.replace(self.file)


@asynccontextmanager
async def upsd(folder: Path) -> AsyncIterator[Ups]:
    """An upsd with one UPS, which is well."""
    port, file = free_port(), folder / "main.dev"
    _written(folder, port, file)
    places = {"NUT_CONFPATH": str(folder), "NUT_STATEPATH": str(folder)}
    user = ("-u", getpass.getuser(), "-F")
    ups = Ups(port, file)
    ups.is_so()
    async with AsyncExitStack() as running:
        ups.driver = await running.enter_async_context(_run(places, DRIVER, "-a", "main", *user))
        await running.enter_async_context(_run(places, UPSD, *user))
        yield ups


def _written(folder: Path, port: int, file: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "ups.conf").write_text(
        f"[main]\ndriver = dummy-ups\nport = {file}\nmode = dummy-once\npollinterval = 1\n"
    )
    (folder / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {port}\nMAXAGE 2\n")
    (folder / "upsd.users").write_text("")


@asynccontextmanager
async def _run(
    places: dict[str, str], *command: str | Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *map(str, command), env=os.environ | places, stdout=nowhere, stderr=nowhere
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
