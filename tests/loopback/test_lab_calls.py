"""Every telephony fault of the lab, as the test call of its own configuration sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from checks.contract import Check, Observation, Refused, Trace
from lab import FAULTS, Lab
from monitor.config import load
from monitor.core.verdict import State, judge

SEEN = {
    "trunk-refuses": {("answer", "sip:503/34")},
    "trunk-down": {("register", "timeout")},
    "busy": {("answer", "sip:486/17")},
    "rings-for-ever": {("answer", "timeout")},
    "early-hang-up": {("prompt", "early-hang-up")},
    "no-rtp": {("media", "no-rtp")},
    "ivr-silent": {("prompt", "silent")},
    "wrong-prompt": {("prompt", "wrong-prompt"), ("prompt", "unknown-prompt")},
    "dtmf-ignored": {("prompt", "dtmf-ignored")},
    "agent-not-reachable": {("agent", "not-rung")},
    "one-way-to-agent": {("talk", "one-way-to-agent")},
    "one-way-to-caller": {("talk", "one-way-to-caller")},
    "answers-late": {("answer", "expected:answer_seconds")},
}
AT_ONCE = 3
"""two processes a call, two cores"""


async def look(check: Check, folder: Path) -> Observation:
    await asyncio.to_thread(folder.mkdir)
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except Refused as refused:
        return trace.observation(refused)
    return trace.observation()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as running:
        yield running
    assert running.pbx.mishaps == []
    assert running.pbx.legs == {}


async def call(lab: Lab, folder: Path) -> tuple[Observation, tuple[str, str] | None, State]:
    """One call by the lab's own configuration: what was seen, as which fault it is judged."""
    path = lab.folder / "reveille.toml"
    path.write_text(lab.configuration(lab.folder / "state"))
    entry = load(path).checks["main-number"]
    seen = await look(entry.probe, folder)
    verdict = judge(seen, entry.expect)
    return seen, (verdict.fault.stage, verdict.fault.code) if verdict.fault else None, verdict.state


async def test_a_healthy_centre_passes_within_fifteen_seconds(lab: Lab, tmp_path: Path) -> None:
    seen, fault, state = await call(lab, tmp_path / "look")
    assert (fault, state) == (None, State.OK), seen
    assert seen.seconds < 15
    assert [stage.name for stage in seen.stages][-3:] == ["talk", "hold", "hang-up"]
    assert seen.measures["rx_loss_percent"] == 0
    recorded = {exhibit.name for exhibit in seen.exhibits}
    assert any(name.endswith(".wav") for name in recorded)


async def test_each_fault_is_seen_as_what_it_is_and_none_passes(tmp_path: Path) -> None:
    """A lab for each, so that they can run side by side."""
    telephony = {name for name in FAULTS if not name.endswith(("-portal-down", "-maintenance", "-refused"))}
    assert telephony == set(SEEN), "a new fault needs its line here"
    places = asyncio.Semaphore(AT_ONCE)

    async def attempt(name: str) -> tuple[str, tuple[str, str] | None]:
        async with places, Lab(tmp_path / name) as lab:
            lab.break_(name)
            seen, fault, _ = await call(lab, tmp_path / f"look-{name}")
            assert seen.blind is None, (name, seen)
            assert lab.pbx.mishaps == []
            return name, fault

    came = dict(await asyncio.gather(*(attempt(name) for name in SEEN)))
    assert {name: fault for name, fault in came.items() if fault not in SEEN[name]} == {}


async def test_a_call_over_tls_with_every_invite_challenged(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab", challenge_calls=True) as lab:
        path = lab.folder / "reveille.toml"
        secure = lab.configuration(lab.folder / "state").replace(
            f'registrar = "127.0.0.1:{lab.pbx.port}"',
            f'registrar = "127.0.0.1:{lab.pbx.tls_port}"\ntransport = "tls"\n'
            f'trusted_certificates = "{lab.certificate.certificate}"',
        )
        path.write_text(secure)
        seen = await look(load(path).checks["main-number"].probe, tmp_path / "look")
        assert seen.fault is None and seen.blind is None, seen
        assert lab.pbx.mishaps == []
