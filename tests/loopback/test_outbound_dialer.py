"""The outbound dialer: an API is told to call, and our own line must be called. The dialer is the
practice centre's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import Claim
from checks.telephony.call.line import Line
from checks.telephony.outbound_dialer import OutboundDialer
from lab import Lab, prompts
from tests.loopback.seen import ended
from tests.loopback.sipp.peer import attempt
from tests.loopback.test_call_control import BUSY_MACHINE, account

AGENT = "agent-01"


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as running:
        yield running


def dialer(
    lab: Lab, folder: Path, agent: bool = True, order: Mapping[str, str] | None = None, **more: Any
) -> Any:
    """Our line is the customer, our agent the agent."""
    key = folder / "key"
    key.write_text(lab.passwords["api-key"].read_text(encoding="utf-8"), encoding="utf-8")
    step = {
        "name": "api",
        "url": "/api/v1/calls",
        "json": order or {"customer": "{customer}", **({"agent": "{agent}"} if agent else {})},
        "headers": {"Authorization": "Bearer {key}"},
        "expect_status": 202,
    }
    settings = {
        "line": account(lab, "monitor"),
        "url": lab.dialer.root,
        "steps": [step],
        "secrets": {"key": {"file": str(key)}},
        "called_within": "30s",
        **BUSY_MACHINE,
        **({"agent": account(lab, AGENT)} if agent else {}),
        **more,
    }
    return OutboundDialer.model_validate(settings)


@pytest.mark.engine
async def test_a_dialer_that_works_is_proven_at_both_ends(lab: Lab, tmp_path: Path) -> None:
    script = [
        {"on-hold": "2s", "by": "agent", "hears": "music", "within": "20s"},
        {"collect": "5", "within": "20s"},
    ]
    check = dialer(lab, tmp_path, caller_id="8000", script=script)
    seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) is None, seen.fault
    stages = [stage.name for stage in seen.stages]
    assert stages == [
        "register", "register", "api", "ring", "answer", "media", "caller-id", "talk", "on-hold",
        "resume", "dtmf", "hang-up",
    ]  # fmt: skip
    assert set(seen.measures) <= set(check.measures())
    assert {"call.wav", "agent.wav", "ladder.txt", "agent-ladder.txt"} <= {
        exhibit.name for exhibit in seen.exhibits
    }
    ladder = (tmp_path / "seen/ladder.txt").read_text(encoding="utf-8")
    assert ladder.count("-- REGISTER sip:") == 4, "challenged, it comes once and leaves once"
    assert check.claims() == (Claim("monitor", 1), Claim(AGENT, 1))
    assert seen.seconds < check.longest_seconds()
    assert lab.pbx.mishaps == []


@pytest.mark.engine
async def test_a_campaign_calls_a_customer_and_plays_its_announcement(
    lab: Lab, tmp_path: Path
) -> None:
    script = [{"hear": str(prompts.FOLDER / "opening-hours.wav"), "within": "20s"}]
    seen = await attempt(dialer(lab, tmp_path, agent=False, script=script), tmp_path / "seen")
    assert ended(seen) is None, seen.fault


FAULTS = {
    "dialer-refuses": ("api", "http:503"),
    "dialer-dead": ("ring", "not-called"),
    "dialer-silent": ("talk", "dead-air"),
    "wrong-caller-id": ("caller-id", "wrong-caller-id"),
    "no-rtp": ("media", "no-rtp"),
}


@pytest.mark.engine
async def test_each_fault_of_a_dialer_is_told_apart(tmp_path: Path) -> None:
    async def one(fault: str) -> tuple[str, str] | None:
        folder = tmp_path / fault
        async with Lab(folder / "lab") as lab:
            lab.break_(fault)
            within = "3s" if fault == "dialer-dead" else "30s"
            return ended(
                await attempt(
                    dialer(lab, folder, caller_id="8000", called_within=within), folder / "seen"
                )
            )

    assert dict(zip(FAULTS, await asyncio.gather(*map(one, FAULTS)), strict=True)) == FAULTS


@pytest.mark.engine
async def test_a_dialer_that_calls_somebody_else_or_only_one_of_us(
    lab: Lab, tmp_path: Path
) -> None:
    only_the_agent = {"customer": "6199", "agent": "{agent}"}
    seen = await attempt(
        dialer(lab, tmp_path, order=only_the_agent, called_within="4s"), tmp_path / "customer"
    )
    assert ended(seen) == ("ring", "not-called")
    only_the_customer = {"customer": "{customer}"}
    seen = await attempt(
        dialer(lab, tmp_path, order=only_the_customer, called_within="4s"), tmp_path / "agent"
    )
    assert ended(seen) == ("ring", "agent-not-called")


@pytest.mark.engine
async def test_an_account_that_the_registrar_refuses_is_not_the_dialers_fault(
    lab: Lab, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("not this one\n", encoding="utf-8")
    line = {"name": "monitor", "registrar": f"127.0.0.1:{lab.pbx.port}", "user": "monitor"}
    wrong = Line.model_validate({**line, "password": {"file": str(tmp_path / "wrong")}})
    seen = await attempt(dialer(lab, tmp_path, line=wrong), tmp_path / "seen")
    assert seen.fault is not None
    assert (seen.fault.stage, seen.fault.code[:5]) == ("register", "sip:4")
    assert "api" not in [stage.name for stage in seen.stages], "nobody is called for nothing"


async def test_what_cannot_be_called_is_refused_when_the_configuration_is_read(
    lab: Lab, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match="only an account that registers can be called"):
        dialer(lab, tmp_path, line=Line.model_validate({"name": "ip", "registrar": "127.0.0.1"}))
    with pytest.raises(ValidationError, match="step 1 needs our agent in the call"):
        dialer(lab, tmp_path, agent=False, script=[{"collect": "1"}])
    with pytest.raises(ValidationError, match="there is no agent"):
        dialer(lab, tmp_path, agent=False, order={"customer": "{customer}", "agent": "{agent}"})
