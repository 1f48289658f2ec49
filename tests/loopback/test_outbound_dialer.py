"""The outbound dialer: an API is told to call, and our own line must be called. The dialer is the practice centre's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import Claim, Observation
from checks.telephony.outbound_dialer import OutboundDialer
from lab import Lab, prompts
from tests.loopback.sipp.peer import attempt
from tests.loopback.test_call_control import account, ended

AGENT = "agent-01"


def dialer(lab: Lab, folder: Path, agent: bool = True, order: Mapping[str, str] | None = None, **more: Any) -> Any:
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
        **({"agent": account(lab, AGENT)} if agent else {}),
        **more,
    }
    return OutboundDialer.model_validate(settings)
