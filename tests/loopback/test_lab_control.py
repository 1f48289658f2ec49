"""A lab in a process of its own: said where it is, broken and mended from outside, gone without a
trace.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from lab import FAULTS, Lab, UnknownFault, control
from monitor.config import load
from tests.loopback.raw_phone import RawPhone

HOUSE = Path(__file__).parents[2]


@asynccontextmanager
async def running(
    folder: Path, *arguments: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    """`python -m lab`, and what it said of itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-X",
        "dev",
        "-W",
        "error",
        "-m",
        "lab",
        str(folder),
        *arguments,
        cwd=HOUSE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    said: dict[str, str] = {}
    try:
        async with asyncio.timeout(20):
            while "configuration" not in said or (arguments and "broken" not in said):
                line = (await process.stdout.readline()).decode()
                assert line, (await process.communicate())[1].decode()
                said[line[:22].strip()] = line[23:].strip()
        yield process, said
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def open_sockets() -> set[str]:
    links = (
        str(path.readlink()) if path.is_symlink() else ""
        for path in Path("/proc/self/fd").iterdir()
    )
    return {link for link in links if link.startswith("socket:")}


async def status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status


async def ask(folder: Path, verb: str, name: str = "") -> str:
    return await asyncio.to_thread(control.send, folder, verb, name)


async def test_another_process_breaks_and_mends_it(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    async with running(folder, "--break", "busy") as (process, said):
        assert said["broken"].startswith("busy: ")
        assert await ask(folder, "list") == "busy"
        await ask(folder, "break", "agent-portal-down")
        assert await status(said["Agent Portal"]) == 503
        await ask(folder, "mend", "agent-portal-down")
        assert await status(said["Agent Portal"]) == 200
        await ask(folder, "mend")
        assert await ask(folder, "list") == ""
        with pytest.raises(control.ControlError, match="did you mean 'ivr-silent'"):
            await ask(folder, "break", "ivr-silend")
        with pytest.raises(control.ControlError, match="say: break NAME"):
            await ask(folder, "smash")
        assert set(load(Path(said["configuration"])).checks) >= {
            "main-number",
            "trunk-options",
            "report-portal",
        }
        process.send_signal(signal.SIGTERM)
        _, complained = await asyncio.wait_for(process.communicate(), 10)
    slow = b"Executing <"  # what the debug mode says of a busy machine: no complaint of the lab's
    complaints = [line for line in complained.splitlines() if not line.startswith(slow)]
    assert (process.returncode, complaints) == (0, [])
    assert not (folder / "control").exists()
    assert list((folder / "passwords").iterdir()) == []
    with pytest.raises(control.ControlError, match="no lab answers"):
        await ask(folder, "list")


async def test_a_fault_that_does_not_exist_is_refused_at_the_start(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lab",
        str(tmp_path / "lab"),
        "--break",
        "bussy",
        cwd=HOUSE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert said.decode().strip() == "there is no fault 'bussy'; did you mean 'busy'?"


async def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Sockets, tasks and files, also after a call that was under way; ResourceWarnings are errors
    here.
    """
    sockets, tasks = open_sockets(), asyncio.all_tasks()
    for _ in range(3):
        async with Lab(tmp_path / "lab") as lab, RawPhone(lab.pbx.port) as phone:
            await phone.call()
            assert lab.pbx.legs
    assert asyncio.all_tasks() == tasks
    assert open_sockets() == sockets
    assert not (tmp_path / "lab" / "control").exists()


async def test_secrets_are_for_the_owner_only(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab:
        for path in (*lab.passwords.values(), lab.certificate.key, lab.folder / "control"):
            assert path.stat().st_mode & 0o777 == 0o600, path
        assert lab.folder.stat().st_mode & 0o777 == 0o700
        for path in lab.passwords.values():
            assert path.read_text().strip() not in lab.configuration(tmp_path)


async def test_a_deep_folder_is_no_trouble(tmp_path: Path) -> None:
    """A Unix socket's path holds 108 bytes."""
    folder = tmp_path / ("d" * 120)
    async with Lab(folder) as lab:
        assert await ask(folder, "break", "busy") == ""
        assert lab.broken == {"busy"}


async def test_every_fault_can_be_switched_and_is_told_apart_from_a_typo(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab:
        for name in FAULTS:
            lab.break_(name)
        assert lab.broken == set(FAULTS)
        lab.mend()
        assert lab.broken == set()
        with pytest.raises(UnknownFault, match="there is no fault"):
            lab.break_("nonsense")
