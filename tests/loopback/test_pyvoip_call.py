"""pyvoip-call through the lab's exchange, well and badly; and what that engine cannot do, said at
load.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import Layer
from checks.settings import Secret
from checks.telephony.call.line import Line
from checks.telephony.pyvoip_call import PyvoipCall
from lab import Lab
from tests.loopback.sipp.peer import attempt


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as running:
        yield running


def line(lab: Lab, **more: Any) -> Line:
    secret = Secret(file=lab.passwords["monitor"])
    return Line(
        name="trunk-a",
        **{"registrar": f"127.0.0.1:{lab.pbx.port}", "user": "monitor", "password": secret, **more},
    )


def check(lab: Lab, **settings: Any) -> PyvoipCall:
    return PyvoipCall.model_validate({"line": line(lab), "to": "8000", "listen": "1s", **settings})


async def test_another_engine_is_registered_answered_and_hears(lab: Lab, tmp_path: Path) -> None:
    seen = await attempt(check(lab, listen="2s"), tmp_path / "seen")
    assert (seen.fault, seen.blind) == (None, None)
    assert [stage.name for stage in seen.stages] == ["register", "answer", "media", "hang-up"]
    assert seen.measures["rx_packets"] > 50
    assert -40 < seen.measures["rx_level_dbm0"] < 0
    assert set(seen.measures) <= set(check(lab).measures())


@pytest.mark.parametrize(
    ("to", "broken", "said"),
    [
        ("8000", "busy", "answer: sip:486"),
        ("8000", "trunk-refuses", "answer: sip:503"),
        ("4711", "", "answer: sip:404"),
        ("8000", "no-rtp", "media: no-rtp"),
        ("8000", "ivr-silent", "media: silent"),
        ("8000", "rings-for-ever", "answer: timeout"),
        ("8000", "trunk-down", "register: timeout"),
    ],
)
async def test_each_fault_is_seen_by_it_too(
    lab: Lab, tmp_path: Path, to: str, broken: str, said: str
) -> None:
    if broken:
        lab.break_(broken)
    short = {"answer_within": "3s"} if broken == "rings-for-ever" else {}
    within = {"register_within": "3s"} if broken == "trunk-down" else {}
    seen = await attempt(check(lab, to=to, **short, **within), tmp_path / "seen")
    assert seen.fault, seen.blind
    assert f"{seen.fault.stage}: {seen.fault.code}" == said


async def test_a_wrong_password_is_no_secret_told(lab: Lab, tmp_path: Path) -> None:
    (wrong := tmp_path / "wrong").write_text("not-this-one", encoding="utf-8")
    seen = await attempt(
        check(lab, line=line(lab, password=Secret(file=wrong)), register_within="5s"),
        tmp_path / "seen",
    )
    assert seen.fault and (seen.fault.stage, seen.fault.code) == ("register", "not-registered")
    assert "not-this-one" not in repr(seen)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"user": None, "password": None}, "registered lines only"),
        ({"transport": "tls"}, "SIP over UDP only"),
        ({"caller_id": "1234"}, "neither domain nor caller_id"),
        ({"registrar": "[::1]:5060"}, "no IPv6"),
    ],
)
async def test_its_limits_are_said_when_the_configuration_is_read(
    lab: Lab, setting: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        check(lab, line=line(lab, **setting))


async def test_a_script_is_not_for_this_engine(lab: Lab) -> None:
    with pytest.raises(ValidationError, match="script"):
        check(lab, script=[{"press": "1"}])
    assert [check(lab).layer_of(stage) for stage in ("register", "answer", "media")] == [
        Layer.LINE,
        Layer.SIGNALLING,
        Layer.MEDIA,
    ]
