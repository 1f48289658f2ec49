"""Call control in a call that stands: every feature proven at the other side's ear, and every fault of it told apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Observation
from checks.telephony.line import Line
from checks.telephony.sip_call import SipCall
from lab import Lab
from tests.loopback.sipp.peer import attempt

DESK = "supervisor-01"


def account(lab: Lab, name: str) -> Line:
    return Line.model_validate(
        {
            "name": name,
            "registrar": f"127.0.0.1:{lab.pbx.port}",
            "user": name,
            "password": {"file": str(lab.passwords[name])},
        }
    )


def call(lab: Lab, *steps: Mapping[str, Any], **more: Any) -> SipCall:
    """To our agent, and then the steps."""
    script = [{"press": "1"}, {"agent": account(lab, "agent-01"), "within": "20s", "digits": 0}, *steps]
    return SipCall.model_validate({"line": account(lab, "monitor"), "to": "8000", "script": script, **more})


def ended(seen: Observation) -> tuple[str, str] | None:
    assert seen.blind is None, seen.blind
    return (seen.fault.stage, seen.fault.code) if seen.fault else None
