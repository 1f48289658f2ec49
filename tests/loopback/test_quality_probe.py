"""A probe that is starved calls itself sick: what it saw is UNKNOWN, and the same call on a well
one is what it is.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from checks.contract import Observation
from checks.telephony.call.line import Line
from checks.telephony.sip_call import SipCall
from monitor.core.verdict import Expectation, State, judge
from tests.loopback.sipp.peer import alaw, attempt, joined, silence, sipp, speak

STOPPED_SECONDS, RUNNING_SECONDS = 0.8, 0.3
BLIND_EYES = {
    "probe_stall": 600.0,
    "probe_late": 600.0,
    "probe_stalled_percent": 100.0,
    "probe_wait_percent": 100.0,
    "probe_unsent_percent": 100.0,
}
"""limits that nothing is beyond: what would be said without probe honesty"""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A prompt, and what SIPp streams of it."""
    folder = tmp_path_factory.mktemp("sound")
    prompt = speak(
        "Welcome to the contact centre in Pune. Your call matters to us. Please hold.",
        folder,
        "welcome",
    )
    return prompt, alaw(folder, "stream", joined(folder, "said", prompt, silence(folder, 30)))


def call(port: int, prompt: Path, **limits: float) -> SipCall:
    line = Line(name="trunk", registrar=f"127.0.0.1:{port}")
    return SipCall.model_validate(
        {"line": line, "to": "8000", "script": ({"hear": str(prompt), "within": 3.0},), **limits}
    )


def phones() -> list[int]:
    """The processes of calls under way."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if child.name() == "phone.process":
                found.append(child.pid)
    return found


@asynccontextmanager
async def starved() -> AsyncIterator[None]:
    """Whoever holds a call is stopped most of the time, as on a host with no CPU left for it."""

    async def starve() -> None:
        while True:
            await asyncio.sleep(RUNNING_SECONDS)
            stopped = phones()
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(STOPPED_SECONDS)
            finally:
                for pid in stopped:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)

    task = asyncio.create_task(starve())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def one(folder: Path, sound: tuple[Path, Path], **limits: float) -> Observation:
    prompt, stream = sound
    async with sipp("answer", folder / "peer", stream) as peer:
        return await attempt(call(peer.port, prompt, **limits), folder / "seen")


@pytest.mark.engine
async def test_a_starved_call_is_unknown_and_says_why(
    tmp_path: Path, sound: tuple[Path, Path]
) -> None:
    async with starved():
        seen = await one(tmp_path, sound)
    verdict = judge(seen, [Expectation.parse("mos >= 3.6")])
    assert verdict.state is State.UNKNOWN
    assert "the probe itself was sick: stood still for" in verdict.reasons[0]
    assert seen.measures["probe_stall_seconds"] > 0.5
    assert {exhibit.name for exhibit in seen.exhibits} >= {"rtp.json", "ladder.txt"}


@pytest.mark.engine
async def test_without_that_judgement_it_would_have_been_the_platforms_failure(
    tmp_path: Path, sound: tuple[Path, Path]
) -> None:
    async with starved():
        seen = await one(tmp_path, sound, **BLIND_EYES)
    assert seen.blind is None
    assert judge(seen, [Expectation.parse("mos >= 3.6")]).state is State.FAILED


@pytest.mark.slow
@pytest.mark.engine
async def test_a_process_that_stops_for_good_is_unknown_too(
    tmp_path: Path, sound: tuple[Path, Path]
) -> None:
    """It cannot even tell its figures: that it had to be killed is figure enough."""

    async def stop_once_answered() -> None:
        while not any((tmp_path / "seen").glob(".call-said.wav")):
            await asyncio.sleep(0.02)
        for pid in phones():
            os.kill(pid, signal.SIGSTOP)

    stopping = asyncio.create_task(stop_once_answered())
    seen = await one(tmp_path, sound)
    await stopping
    assert judge(seen).state is State.UNKNOWN
    assert phones() == []


@pytest.mark.engine
async def test_a_well_machine_never_calls_itself_sick(
    tmp_path: Path, sound: tuple[Path, Path]
) -> None:
    prompt, stream = sound
    async with sipp("answer", tmp_path / "peer", stream) as peer:
        checks = [call(peer.port, prompt) for _ in range(8)]
        found = await asyncio.gather(
            *(attempt(check, tmp_path / f"{n}") for n, check in enumerate(checks))
        )
    assert [seen.blind for seen in found] == [None] * 8
    assert [seen.fault for seen in found] == [None] * 8
    assert max(seen.measures["probe_stall_seconds"] for seen in found) < 0.5
