"""The phone's process itself: two of our own against each other, and every way in which one may
end.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from checks.contract import CannotTell, Failed
from checks.telephony.audio import nonce
from checks.telephony.call.leg import Phone
from tests.loopback.sipp.peer import alaw, eventually, silence, sipp

WITHIN = 10.0
ROOT = Path(__file__).parents[2]


def is_alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def opened(folder: Path, name: str, **account: Any) -> Phone:
    phone = await Phone.start(log=folder / f"{name}.log")
    who = {
        "address": f"sip:{name}@127.0.0.1",
        "local_address": "127.0.0.1",
        "codecs": ["PCMA"],
        **account,
    }
    files = {"sound": f"{name}.wav", "ladder": f"{name}.txt"}
    phone.order("open", name=name, folder=str(folder), files=files, life_seconds=60, account=who)
    await phone.until("ready", within=WITHIN)
    return phone


@asynccontextmanager
async def connected(folder: Path, transport: str = "udp") -> AsyncIterator[tuple[Phone, Phone]]:
    """A caller and a callee in a call."""
    callee = await opened(folder, "callee", transport=transport)
    caller = await opened(folder, "caller", transport=transport)
    try:
        port = (await callee.until("ready", within=WITHIN))["port"]
        suffix = "" if transport == "udp" else f";transport={transport}"
        caller.order(
            "call", to=f"sip:callee@127.0.0.1:{port}{suffix}", headers={"X-Reveille": "a test"}
        )
        await callee.until("incoming", within=WITHIN)
        callee.order("answer")
        for phone in (caller, callee):
            await phone.until("answered", within=WITHIN)
            await phone.until("rtp-first", within=WITHIN)
        yield caller, callee
    finally:
        await asyncio.gather(caller.close(), callee.close())


@pytest.mark.engine
@pytest.mark.parametrize("method", ["rfc4733", "info"])
async def test_digits_arrive(tmp_path: Path, method: str) -> None:
    async with connected(tmp_path) as (caller, callee):
        caller.order("press", digits="159*#", method=method)
        await caller.until("pressed", within=WITHIN)
        for digit in "159*#":
            assert (await callee.until("dtmf", within=WITHIN, digit=digit))["method"] == method
    assert [event["digit"] for event in callee.events if event.name == "dtmf"] == list("159*#")


@pytest.mark.engine
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_both_sides_hear_each_others_nonce(tmp_path: Path, transport: str) -> None:
    ours, theirs = (nonce.make(random.Random(seed)) for seed in (1, 2))
    async with connected(tmp_path, transport) as (caller, callee):
        caller.order("challenge", say=ours, expect=theirs, within=4)
        callee.order("challenge", say=theirs, expect=ours, within=4)
        for phone in (caller, callee):
            assert (
                await phone.until("challenge-heard", "challenge-not-heard", within=WITHIN)
            ).name == "challenge-heard"
        assert not [event for event in callee.events if event.name == "dtmf"], (
            "no switch takes a nonce for digits"
        )
    with wave.open(str(tmp_path / "callee.wav")) as sound:
        assert sound.getnchannels() == 2


@pytest.mark.engine
async def test_a_nonce_that_nobody_says_is_not_heard(tmp_path: Path) -> None:
    ours, theirs, another = (nonce.make(random.Random(seed)) for seed in (1, 2, 3))
    async with connected(tmp_path) as (caller, callee):
        caller.order("challenge", say=ours, expect=theirs, within=2)
        callee.order("challenge", say=another, expect=ours, within=2)
        assert await caller.until("challenge-not-heard", within=WITHIN)
        assert await callee.until("challenge-heard", within=WITHIN)


@pytest.mark.engine
async def test_a_headers_own_text_arrives_and_the_bye_is_answered(tmp_path: Path) -> None:
    async with connected(tmp_path) as (caller, callee):
        caller.order("hang-up", within=3)
        done = await caller.until("hung-up", within=WITHIN)
        assert done["answered"]
        assert await callee.until("far-bye", within=WITHIN)
    assert "X-Reveille: a test" in (tmp_path / "callee.txt").read_text()


@pytest.mark.engine
async def test_sigterm_in_a_call_says_bye(tmp_path: Path) -> None:
    async with connected(tmp_path) as (caller, callee):
        os.kill(caller.pid, signal.SIGTERM)
        assert await callee.until("far-bye", within=WITHIN)
        assert await caller.until("closed", within=WITHIN)
        await eventually(lambda: not is_alive(caller.pid))


_PARENT = """
import asyncio, sys
from pathlib import Path
from tests.loopback.test_sip_call_phones import opened

async def main():
    phone = await opened(Path(sys.argv[1]), "orphan")
    phone.order("call", to=sys.argv[2], headers={})
    await phone.until("rtp-first", within=10)
    print(phone.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.engine
async def test_no_orphan_survives_a_parent_that_is_killed(tmp_path: Path) -> None:
    stream = alaw(tmp_path, "quiet", silence(tmp_path, 30))
    async with sipp("answer", tmp_path / "peer", stream) as peer:
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _PARENT, str(tmp_path), f"sip:8000@127.0.0.1:{peer.port}",
            stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert parent.stdout is not None
        child = int(await asyncio.wait_for(parent.stdout.readline(), 20))
        assert is_alive(child)
        parent.kill()
        await parent.wait()
        await eventually(lambda: not is_alive(child), within=6)
        assert "BYE sip:" in peer.messages()
        parent._transport.close()  # type: ignore[attr-defined]


@pytest.mark.engine
async def test_a_phone_that_is_closed_leaves_no_process(tmp_path: Path) -> None:
    phone = await opened(tmp_path, "idle")
    await phone.close()
    assert not is_alive(phone.pid)


@pytest.mark.engine
async def test_a_phone_whose_life_is_over_hangs_up_by_itself(tmp_path: Path) -> None:
    phone = await Phone.start()
    account = {"address": "sip:short@127.0.0.1", "local_address": "127.0.0.1", "codecs": ["PCMA"]}
    files = {"sound": "short.wav", "ladder": "short.txt"}
    phone.order(
        "open", name="short", folder=str(tmp_path), files=files, life_seconds=0.5, account=account
    )
    assert await phone.until("closed", within=WITHIN)
    await phone.close()


DEATHS = {
    "SIGABRT": "import os; os.abort()",
    "SIGKILL": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "status 3": "raise SystemExit(3)",
}


@pytest.mark.parametrize("how", DEATHS)
async def test_a_process_that_dies_says_nothing_of_the_far_end(how: str) -> None:
    phone = await Phone.start((sys.executable, "-c", DEATHS[how]))
    with pytest.raises(CannotTell, match=f"engine error.*{how}"):
        await phone.until("ready", within=WITHIN)
    await phone.close()


@pytest.mark.engine
async def test_a_process_that_dies_in_a_call_is_an_engine_error_and_not_a_hang_up(
    tmp_path: Path,
) -> None:
    async with connected(tmp_path) as (caller, _):
        os.kill(caller.pid, signal.SIGABRT)
        with pytest.raises(CannotTell, match="SIGABRT"):
            await caller.until("never", within=WITHIN)


async def test_an_engine_that_is_not_installed_is_said(tmp_path: Path) -> None:
    (tmp_path / "pjsua2.py").write_text("raise ModuleNotFoundError(\"No module named 'pjsua2'\")\n")
    command = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from checks.telephony.phone.process"
        " import main; main()"
    )
    phone = await Phone.start((sys.executable, "-c", command))
    phone.order(
        "open", name="x", folder=str(tmp_path), files={}, life_seconds=9, account={"codecs": []}
    )
    with pytest.raises(CannotTell, match="No module named 'pjsua2'"):
        await phone.until("ready", within=WITHIN)
    await phone.close()


async def test_a_program_that_cannot_start_is_said() -> None:
    with pytest.raises(CannotTell, match="cannot start"):
        await Phone.start(("/nowhere/at/all",))


async def test_a_stuck_process_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checks.telephony.call.leg._CLOSE_SECONDS", 0.3)
    monkeypatch.setattr("checks.telephony.call.leg._KILL_SECONDS", 0.3)
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True);"
        " time.sleep(60)"
    )
    phone = await Phone.start((sys.executable, "-c", deaf))
    await phone.close(hang_up_within=0.1)
    assert not is_alive(phone.pid)


@pytest.mark.engine
async def test_a_second_call_to_a_phone_in_a_call_finds_it_busy(tmp_path: Path) -> None:
    async with connected(tmp_path) as (_, callee):
        third = await opened(tmp_path, "third")
        third.order("call", to=f"sip:callee@127.0.0.1:{callee.events[0]['port']}", headers={})
        with pytest.raises(Failed, match="sip:486"):
            await third.until("answered", within=WITHIN)
        await third.close()
