"""sip-call with our own agent leg, against the lab's PBX: each of its faults comes out as its own
stage and code.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Claim, Observation
from checks.telephony.call.line import Line
from checks.telephony.sip_call import SipCall
from lab import Lab, prompts
from tests.loopback.sipp.peer import UNHURRIED, attempt

AGENT = "agent-01"


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as lab:
        yield lab


def account(lab: Lab, name: str, **more: Any) -> Line:
    registrar = {
        "registrar": f"127.0.0.1:{lab.pbx.port}",
        "user": name,
        "password": {"file": str(lab.passwords[name])},
    }
    return Line.model_validate({"name": name, **registrar, **more})


def call(
    lab: Lab, line: dict[str, Any] | None = None, agent: dict[str, Any] | None = None, **more: Any
) -> SipCall:
    """Welcome, menu, 1, the agent."""
    script = [
        {"hear": str(prompts.FOLDER / "welcome.wav"), "within": "4s"},
        {"hear": str(prompts.FOLDER / "menu.wav"), "within": "8s"},
        {"press": "1"},
        {"agent": account(lab, AGENT, **(agent or {})), "within": "6s"},
        {"stay": "1s"},
    ]
    settings = {
        "line": account(lab, "monitor", **(line or {})),
        "to": "8000",
        "script": script,
        **UNHURRIED,
        **more,
    }
    return SipCall.model_validate(settings)


def ended(seen: Observation) -> tuple[str, str] | None:
    assert seen.blind is None, seen.blind
    return (seen.fault.stage, seen.fault.code) if seen.fault else None


@pytest.mark.engine
async def test_a_healthy_centre_is_heard_from_end_to_end(lab: Lab, tmp_path: Path) -> None:
    check = call(lab)
    seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) is None, seen.fault
    stages = [stage.name for stage in seen.stages]
    assert stages[:5] == ["register", "signalling", "ring", "answer", "media"]
    assert stages[5:] == ["prompt", "prompt", "press", "agent", "talk", "hold", "hang-up"]
    if "caller_to_agent_ms" in seen.measures:  # else this machine was too busy to tell
        assert seen.measures["said_delay_ms"] > seen.measures["caller_to_agent_ms"], (
            "from mouth to ear, by the E-model"
        )
        assert "said_mos_cq" in seen.measures, "though the lab sends no RTCP"
    assert (
        {"agent_ring_seconds", "hear_2_seconds", "talk_heard_seconds"}
        <= set(seen.measures)
        <= set(check.measures())
    )
    assert {"agent.wav", "agent-ladder.txt"} <= {exhibit.name for exhibit in seen.exhibits}
    assert check.claims() == (Claim("monitor", 1), Claim(AGENT, 1))
    assert seen.seconds < check.longest_seconds()


@pytest.mark.engine
async def test_over_tls_with_a_trusted_certificate(lab: Lab, tmp_path: Path) -> None:
    tls = {"registrar": f"127.0.0.1:{lab.pbx.tls_port}", "transport": "tls"}
    trusted = {**tls, "trusted_certificates": str(lab.certificate.certificate)}
    check = call(lab, line=trusted)
    seen = await attempt(check, tmp_path / "trusted")
    assert ended(seen) is None, seen.fault
    assert seen.measures["certificate_days"] > 29
    assert set(seen.measures) <= set(check.measures())
    seen = await attempt(call(lab, line=tls), tmp_path / "untrusted")
    assert ended(seen) == ("verify", "self-signed"), "a certificate of nobody we trust"


@pytest.mark.engine
async def test_both_ways_broken_is_dead_air(lab: Lab, tmp_path: Path) -> None:
    lab.break_("one-way-to-agent")
    lab.break_("one-way-to-caller")
    assert ended(await attempt(call(lab), tmp_path / "seen")) == ("talk", "dead-air")


@pytest.mark.engine
async def test_a_wrong_password_of_the_line_or_the_agent(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("not this one\n")
    wrong = {"password": {"file": str(tmp_path / "wrong")}}
    seen = await attempt(call(lab, line=wrong), tmp_path / "line")
    assert seen.fault is not None
    assert (seen.fault.stage, seen.fault.code[:5], seen.fault.origin) == (
        "register",
        "sip:4",
        "far",
    )
    seen = await attempt(call(lab, agent=wrong), tmp_path / "agent")
    assert ended(seen) == ("agent", "not-registered"), "told at once, before a call is placed"
    assert "signalling" not in [stage.name for stage in seen.stages]
