"""The process that is forked for each call: what a fork is given, and that nobody's end is a
call's."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from checks.contract import CannotTell
from checks.process import warm_parent
from checks.telephony.call import leg
from checks.telephony.call.leg import Phone
from tests.house.source import ROOT

pytestmark = pytest.mark.engine
WITHIN = 30.0
DAEMON = """
import asyncio
from checks.telephony.call.leg import Phone

async def main():
    phones = [await Phone.start() for _ in range(2)]
    print(*(phone.pid for phone in phones), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
async def ended() -> AsyncIterator[None]:
    yield
    await leg.warm.end()


async def opened(folder: Path) -> Phone:
    phone = await Phone.start()
    account = {"address": "sip:x@127.0.0.1", "local_address": "127.0.0.1", "codecs": ["PCMA"]}
    files = {"sound": "x.wav", "ladder": "x.txt"}
    phone.order(
        "open", name="x", folder=str(folder), files=files, life_seconds=60.0, account=account
    )
    await phone.until("ready", within=WITHIN)
    return phone


def warm_process() -> psutil.Process:
    """The one of this process: the child of a guard of ours."""
    guards = psutil.Process().children()
    (found,) = [
        child
        for guard in guards
        if "guard.py" in " ".join(guard.cmdline())
        for child in guard.children()
        if "checks.process.warm_child" in child.cmdline()
    ]
    return found


def is_forked(phone: Phone) -> bool:
    return "checks.process.warm_child" in psutil.Process(phone.pid).cmdline()


def given(process: int) -> dict[str, object]:
    """What a process has that could be another's."""
    status = Path(f"/proc/{process}/status").read_text()
    wanted = "Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Seccomp", "SigBlk", "SigIgn", "SigCgt"
    own = {line for line in status.splitlines() if line.startswith(wanted)}
    holds = [str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir()]
    kinds = sorted(name.partition(":")[0] for name in holds)
    return {
        "status": own,
        "descriptors": kinds,
        "environment": set(Path(f"/proc/{process}/environ").read_text().split("\0")),
        "limits": Path(f"/proc/{process}/limits").read_text(),
        "folder": str(Path(f"/proc/{process}/cwd").readlink()),
        "leads its session": os.getsid(process) == process,
    }


async def test_a_fork_is_given_what_a_phone_of_its_own_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its user, capabilities, filters, signals, limits, environment; three descriptors and the
    socket that it is ordered by."""
    monkeypatch.setenv("PASSWORD", "not for a child")
    forked, second = await Phone.start(), await Phone.start()
    with monkeypatch.context() as cold:
        cold.setattr(leg.warm, "forked", _none)
        started = await Phone.start()
    # Each has come to where it obeys: nothing else is opened then.
    for phone in (forked, second, started):
        phone.order("press", digits="1", method="info")
        await phone.until("no-media", within=WITHIN)
    assert is_forked(forked)
    assert not is_forked(started)
    assert given(forked.pid) == given(second.pid) == given(started.pid)
    assert given(forked.pid)["descriptors"] == ["/dev/null", "pipe", "pipe", "socket"]
    for phone in (forked, second, started):
        await phone.close()


async def _none(*_: object) -> None:
    return None


async def test_the_warm_process_may_be_killed_and_no_call_ends(tmp_path: Path) -> None:
    phone = await opened(tmp_path)
    warm_process().kill()
    phone.order("count", number=7)
    assert (await phone.until("no-media", within=WITHIN))["command"] == "count"
    (tmp_path / "next").mkdir()
    # Forked from a new one, or by itself where the end of the first was not noticed yet.
    another = await opened(tmp_path / "next")
    await another.close()
    await phone.close()
    assert phone.seen("closed")
    assert not psutil.pid_exists(phone.pid)


async def test_one_that_has_been_stopped_is_done_without_and_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(warm_parent, "_FORK_SECONDS", 0.3)
    phone = await opened(tmp_path)
    stopped = warm_process()
    stopped.suspend()
    with caplog.at_level(logging.WARNING):
        for name in ("second", "third"):
            (tmp_path / name).mkdir()
            other = await opened(tmp_path / name)
            assert not is_forked(other)
            await other.close()
    assert len([one for one in caplog.messages if "action=warm_process_lost" in one]) == 1
    await phone.close()
    assert phone.seen("closed")
    await _until_gone(stopped)


async def test_one_that_cannot_load_is_no_hindrance(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leg, "warm", warm_parent.Warm("no.such.module"))
    with caplog.at_level(logging.WARNING):
        phone = await Phone.start()
    assert not is_forked(phone)
    assert "No module named 'no'" in caplog.text
    await phone.close()


async def test_one_whose_fork_crashes_forks_no_more() -> None:
    """Its forks have their memory at the same places: nobody may try one after the other."""
    crashed, other = await Phone.start(), await Phone.start()
    first = warm_process()
    os.kill(crashed.pid, signal.SIGSEGV)
    with pytest.raises(CannotTell, match="died of SIGSEGV"):
        await crashed.until("never", within=WITHIN)
    await crashed.close()
    third = await Phone.start()
    assert psutil.Process(third.pid).parent().parent() != first  # type: ignore[union-attr]
    assert is_forked(third)
    for phone in (other, third):
        await phone.close()
        assert phone.seen("closed")


async def test_it_goes_when_nobody_has_called_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_parent, "IDLE_SECONDS", 0.2)
    phone = await Phone.start()
    process = warm_process()
    assert is_forked(phone)
    await phone.close()
    await _until_gone(process)


async def test_calls_at_once_share_one() -> None:
    phones = await asyncio.gather(*(Phone.start() for _ in range(8)))
    assert all(map(is_forked, phones))
    guards = {psutil.Process(phone.pid).ppid() for phone in phones}
    assert len(guards) == 8
    assert {psutil.Process(guard).ppid() for guard in guards} == {warm_process().pid}
    await asyncio.gather(*(phone.close() for phone in phones))


def test_nothing_is_left_of_it_and_its_forks_when_the_daemon_is_killed() -> None:
    own = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", DAEMON]
    with subprocess.Popen(command, env=own, cwd=ROOT, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout
        phones = [int(pid) for pid in daemon.stdout.readline().split()]
        ours = psutil.Process(daemon.pid).children(recursive=True)
        # Of the warm process and of each phone: itself, and its guard.
        assert len(ours) == 2 + 2 * len(phones)
        daemon.kill()
    deadline = time.monotonic() + WITHIN
    while left := [one for one in ours if one.is_running() and one.status() != "zombie"]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


async def _until_gone(process: psutil.Process) -> None:
    async with asyncio.timeout(WITHIN):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)
