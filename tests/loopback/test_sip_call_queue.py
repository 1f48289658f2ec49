"""sip-call into a queue: callers who wait, calls that are not ours, and an agent who must log in
first.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from checks.telephony.call.line import Line
from checks.telephony.sip_call import SipCall
from lab import Lab, prompts
from tests.loopback.raw_phone import RawPhone, media_port
from tests.loopback.seen import ended
from tests.loopback.sipp.peer import UNHURRIED, attempt, eventually

AGENT, PIN = "agent-01", "47110815"


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as lab:
        yield lab
    assert lab.pbx.mishaps == []


def account(lab: Lab, name: str, **more: Any) -> Line:
    registrar = {
        "registrar": f"127.0.0.1:{lab.pbx.port}",
        "user": name,
        "password": {"file": str(lab.passwords[name])},
    }
    return Line.model_validate({"name": name, **registrar, **more})


def call(
    lab: Lab, agent: dict[str, Any] | None = None, dtmf: str = "rfc4733", **step: Any
) -> SipCall:
    """Straight to the menu's 1, and the agent."""
    reached = {"agent": account(lab, AGENT, **(agent or {})), "within": "30s", "digits": 2, **step}
    line, script = account(lab, "monitor", caller_id="0205550100"), [{"press": "1"}, reached]
    return SipCall.model_validate(
        {"line": line, "to": "8000", "script": script, "dtmf": dtmf, **UNHURRIED}
    )


@pytest.mark.engine
async def test_a_caller_waits_with_music_until_the_agent_is_free(lab: Lab, tmp_path: Path) -> None:
    lab.break_("agent-not-reachable")
    check = call(lab)
    waiting = asyncio.create_task(attempt(check, tmp_path / "seen"))
    await eventually(lambda: bool(lab.pbx.queue.waiting), within=30)
    lab.mend()
    seen = await waiting
    assert ended(seen) is None, seen.fault
    assert seen.measures["agent_ring_seconds"] > 0
    assert set(seen.measures) <= set(check.measures())


@pytest.mark.engine
async def test_the_agent_takes_our_call_and_leaves_anothers(lab: Lab, tmp_path: Path) -> None:
    async with RawPhone(lab.pbx.port) as customer:
        customer.key_packets(media_port(await customer.call()), 1, timestamp=4000)
        await eventually(lambda: bool(lab.pbx.queue.waiting), within=30)
        # Without `caller`: ours are known by the number of the line itself.
        ours = asyncio.create_task(attempt(call(lab), tmp_path / "seen"))
        await eventually(lambda: len(lab.pbx.queue.waiting) == 2, within=30)
        customer.say(customer.text("BYE", sequence=2))
        await customer.response()
        seen = await ours
    assert ended(seen) is None, seen.fault
    assert "turned-away" in (tmp_path / "seen" / "timings.json").read_text(), (
        "the customer's call rang first"
    )
    seen = await attempt(call(lab, caller="0205550199", within="10s"), tmp_path / "other")
    assert seen.fault is None, "that others are rung says nothing against the platform"
    assert "by others than '0205550199'" in (seen.blind or "")


@pytest.fixture
def pin(tmp_path: Path, lab: Lab) -> Path:
    (tmp_path / "pin").write_text(PIN + "\n")
    lab.pbx.queue.pins[AGENT] = PIN
    return tmp_path / "pin"


def logging_in(pin: Path) -> dict[str, Any]:
    heard = str(prompts.FOLDER / "logged-in.wav")
    return {
        "log_in": {
            "to": "*45",
            "pin": {"file": str(pin)},
            "hear": heard,
            "out": "*46",
            "within": "20s",
        }
    }


@pytest.mark.engine
async def test_an_agent_logs_in_and_out_and_the_pin_is_seen_nowhere(
    lab: Lab, tmp_path: Path, pin: Path
) -> None:
    check = call(lab, logging_in(pin), dtmf="info")
    for _ in range(3):
        await asyncio.to_thread(shutil.rmtree, tmp_path / "seen", ignore_errors=True)
        seen = await attempt(check, tmp_path / "seen")
        if ended(seen) is None:
            break  # a digit may be lost where the machine has no time for it
    assert ended(seen) is None, seen.fault
    stages = [stage.name for stage in seen.stages]
    assert stages.index("log-in") < stages.index("agent") < stages.index("log-out")
    assert lab.pbx.queue.logged_in == set(), "logged out again"
    assert set(seen.measures) <= set(check.measures())
    ladder = (tmp_path / "seen" / "log-in-ladder.txt").read_text()
    assert ladder.count("INFO sip:") >= len(PIN)
    digits = "".join(
        line.partition("=")[2] for line in ladder.splitlines() if line.startswith("Signal=")
    )
    assert not any(digit in digits for digit in PIN)
    for exhibit in (tmp_path / "seen").iterdir():
        assert PIN not in exhibit.read_bytes().decode("latin-1"), exhibit.name
    assert not list((tmp_path / "seen").glob("*log-in*.wav")), "what was pressed may be heard in it"


@pytest.mark.engine
async def test_a_wrong_pin_is_not_taken_and_no_call_is_placed(
    lab: Lab, tmp_path: Path, pin: Path
) -> None:
    await asyncio.to_thread(pin.write_text, "1234\n")
    seen = await attempt(call(lab, logging_in(pin)), tmp_path / "seen")
    assert ended(seen) == ("log-in", "not-taken"), seen.fault
    assert "signalling" not in [stage.name for stage in seen.stages]


@pytest.mark.slow
@pytest.mark.engine
async def test_an_agent_who_did_not_log_in_is_not_rung_and_logs_out_after_a_fault(
    lab: Lab, tmp_path: Path, pin: Path
) -> None:
    assert ended(await attempt(call(lab, within="1s"), tmp_path / "without")) == (
        "agent",
        "not-rung",
    )
    lab.break_("one-way-to-agent")
    assert ended(await attempt(call(lab, logging_in(pin)), tmp_path / "faulty")) == (
        "talk",
        "one-way-to-agent",
    )
    assert lab.pbx.queue.logged_in == set(), "however the test went"
