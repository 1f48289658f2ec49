"""burst: calls and log-ins placed together, against SIPp that has three channels of four, and the
lab's registrar.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import Layer, Observation
from checks.settings import Secret
from checks.telephony.burst import Burst
from checks.telephony.call.line import Line
from lab import Lab
from tests.loopback.sipp.peer import alaw, attempt, silence, sipp


def line(port: int, channels: int = 8) -> Line:
    return Line(name="trunk", registrar=f"127.0.0.1:{port}", channels=channels)


def burst(port: int, **settings: Any) -> Burst:
    return Burst.model_validate(
        {"line": line(port), "to": "8000", "at_once": 4, "stand": "500ms", **settings}
    )


def folders_left(place: Path) -> list[Path]:
    return [path for path in place.glob("seen-*/*") if path.is_dir()]


async def told(check: Burst, folder: Path) -> Observation:
    """An attempt of which all is known; this machine may be too busy for four calls at once."""
    for number in range(5):
        seen = await attempt(check, folder.with_name(f"{folder.name}-{number}"))
        if seen.blind is None and not seen.measures["unknown"]:
            break
    return seen


@pytest.mark.engine
async def test_one_call_of_four_finds_no_channel(tmp_path: Path) -> None:
    sound = alaw(tmp_path, "quiet", silence(tmp_path, 5))
    async with sipp("fourth-full", tmp_path / "peer", sound) as peer:
        seen = await told(burst(peer.port, calls=8), tmp_path / "seen")
    async with sipp("fourth-full", tmp_path / "another", sound) as peer:
        allowed = await told(burst(peer.port, calls=4, allow_rejected=1), tmp_path / "allowed")
    assert seen.fault is not None, seen.blind
    assert (seen.fault.stage, seen.fault.code) == ("answer", "sip:503/34")
    assert (
        seen.fault.text
        == "2 of 8 calls rejected (25.0 %, 95 %: 7.1 to 59.1 %): 2 × answer sip:503/34"
    )
    figures = {
        name: value
        for name, value in seen.measures.items()
        if not name.startswith("rejected_percent_")
    }
    assert figures.pop("slowest_seconds") > 0
    assert figures == {
        "offered": 8,
        "accepted": 6,
        "rejected": 2,
        "broken": 0,
        "unknown": 0,
        "rejected_percent": 25,
    }
    assert sum(exhibit.name.endswith("-ladder.txt") for exhibit in seen.exhibits) == 2
    assert not folders_left(tmp_path)
    assert (allowed.fault, allowed.blind, allowed.measures["rejected"]) == (None, None, 1)
    assert allowed.exhibits


async def test_agents_that_cannot_log_in_are_counted(tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("not this", encoding="utf-8")
    async with Lab(tmp_path / "lab") as lab:
        accounts = sorted(name for name in lab.passwords if name.startswith(("agent-0", "monitor")))
        agents = [
            Line(
                name=user,
                registrar=f"127.0.0.1:{lab.pbx.port}",
                user=user,
                password=Secret(file=lab.passwords[user]),
            )
            for user in accounts
        ]
        well = await attempt(Burst(log_ins=tuple(agents)), tmp_path / "well")
        agents[0] = agents[0].model_copy(update={"password": Secret(file=tmp_path / "wrong")})
        ill = await attempt(Burst(log_ins=tuple(agents)), tmp_path / "ill")
    assert (well.fault, well.measures["accepted"]) == (None, len(accounts))
    assert ill.fault is not None
    assert (ill.fault.stage, ill.fault.code) == ("log-in", "sip:401")
    assert ill.fault.text.startswith(f"1 of {len(accounts)} log-ins rejected")
    assert "not this" not in repr(ill)


async def test_a_burst_of_which_nothing_is_known_is_no_fault(tmp_path: Path) -> None:
    agent = Line(
        name="a",
        registrar="127.0.0.1:5060",
        user="a",
        password=Secret(file=tmp_path / "is-not-there"),
    )
    async with Lab(tmp_path / "lab") as lab:
        check = Burst(
            log_ins=(agent.model_copy(update={"registrar": f"127.0.0.1:{lab.pbx.port}"}),)
        )
        seen = await attempt(check, tmp_path / "seen")
    assert seen.fault is None
    assert seen.blind is not None and seen.blind.startswith(
        "1 of 1 attempts could not tell; most of them: "
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "either calls are placed"),
        ({"calls": 2, "log_ins": ()}, "calls need a line"),
        (
            {"calls": 9, "at_once": 9, "line": line(1), "to": "8000"},
            "9 calls at once need as many channels",
        ),
        ({"log_ins": (line(1),)}, "agents trunk have no user to log in"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Burst.model_validate(settings)


def test_what_it_claims_and_speaks_of() -> None:
    calls = burst(1, calls=9)
    assert [(c.line, c.channels, c.taken) for c in calls.claims()] == [("trunk", 8, 4)]
    assert (calls.highest_layer(), calls.layer_of("hold")) == (Layer.SIGNALLING, Layer.MEDIA)
    agents = Burst(log_ins=(line(1).model_copy(update={"user": "a"}),))
    assert [claim.line for claim in agents.claims()] == ["trunk"]
    assert agents.layer_of("log-in") is agents.highest_layer() is Layer.AGENT
