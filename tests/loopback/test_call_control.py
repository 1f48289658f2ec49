"""Call control in a call that stands: every feature proven at the other side's ear, and every fault
of it told apart.

Calls of several practice centres go on side by side: most of their time is waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import Claim, Layer, Observation
from checks.telephony.call.line import Line
from checks.telephony.sip_call import SipCall
from lab import Lab, prompts
from tests.loopback.seen import ended
from tests.loopback.sipp.peer import attempt

WELCOME = prompts.FOLDER / "welcome.wav"
DESK = "supervisor-01"
AT_ONCE = 4
BUSY_MACHINE = {
    "probe_stall": "5s",
    "probe_late": "10s",
    "probe_stalled_percent": 50.0,
    "probe_wait_percent": 100.0,
    "probe_unsent_percent": 50.0,
}
"""the calls of a whole suite on two cores: tests/unit/test_honesty.py tells of a sick probe"""
Steps = Callable[[Lab], list[dict[str, Any]]]


def account(lab: Lab, name: str) -> Line:
    password = {"file": str(lab.passwords[name])}
    registrar = f"127.0.0.1:{lab.pbx.port}"
    return Line.model_validate(
        {"name": name, "registrar": registrar, "user": name, "password": password}
    )


def call(lab: Lab, *steps: Mapping[str, Any], **more: Any) -> SipCall:
    """To our agent's extension, and then the steps."""
    script = [{"agent": account(lab, "agent-01"), "within": "30s", "digits": 0}, *steps]
    settings = {
        "line": account(lab, "monitor"),
        "to": "6101",
        "script": script,
        **BUSY_MACHINE,
        **more,
    }
    return SipCall.model_validate(settings)


def recording(lab: Lab, by_address: bool = False) -> dict[str, Any]:
    """Where the practice centre's voice logger keeps the call."""
    if not by_address:
        return {"file": str(lab.folder / "recordings" / "*.wav"), "within": "5s"}
    key = lab.folder / "bearer"
    key.write_text(
        "Bearer " + lab.passwords["api-key"].read_text(encoding="utf-8"), encoding="utf-8"
    )
    headers = {"Authorization": {"file": str(key)}}
    return {
        "url": f"{lab.dialer.url}/recordings/{{call_id}}.wav",
        "headers": headers,
        "within": "20s",
    }


def to_desk(lab: Lab, **how: Any) -> dict[str, Any]:
    return {"transfer": account(lab, DESK), "within": "20s", **how}


def meeting(lab: Lab, **how: Any) -> dict[str, Any]:
    return {"conference": account(lab, DESK), "within": "20s", **how}


HOLD = {"on-hold": "3s", "hears": "music", "within": "20s"}
EVERYTHING = "everything, then an attended transfer"
HEALTHY: dict[str, Steps] = {
    EVERYTHING: lambda lab: [
        {"caller-id": "monitor"},
        {"collect": "159*#0", "method": "rfc4733"},
        {"collect": "42", "method": "info", "by": "agent"},
        HOLD,
        {"mute": "1500ms", "code": "*6"},
        to_desk(lab, attended=True),
    ],
    "mute, a blind transfer, and digits to the new agent": lambda lab: [
        {"mute": "1500ms", "by": "caller"},
        to_desk(lab),
        {"collect": "7", "within": "20s"},
    ],
    "a conference in a room, then a hold in it": lambda lab: [meeting(lab, room="8601")],
    "a conference by feature code": lambda lab: [meeting(lab, code="*36103#")],
    "a hold and a transfer by the caller": lambda lab: [
        {**HOLD, "by": "caller"},
        to_desk(lab, by="caller"),
    ],
}


async def side_by_side(
    folder: Path, jobs: Mapping[str, Callable[[Lab], SipCall]], *faults: str
) -> dict[str, Observation]:
    """Each in a practice centre of its own; `faults` are those that are named like the job."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, name: str) -> Observation:
        async with turn, Lab(folder / f"lab-{number}") as lab:
            if name.split(": ")[0] in faults:
                lab.break_(name.split(": ")[0])
            seen = await attempt(jobs[name](lab), folder / f"seen-{number}")
            assert lab.pbx.mishaps == []
            return seen

    seen = await asyncio.gather(*(one(number, name) for number, name in enumerate(jobs)))
    return dict(zip(jobs, seen, strict=True))


@pytest.mark.engine
async def test_each_feature_of_a_healthy_exchange_is_heard_to_work(tmp_path: Path) -> None:
    def job(name: str) -> Callable[[Lab], SipCall]:
        def made(lab: Lab) -> SipCall:
            more = {"recording": recording(lab, by_address=True)} if name == EVERYTHING else {}
            return call(lab, *HEALTHY[name](lab), **more)

        return made

    jobs = {name: job(name) for name in HEALTHY}
    found = await side_by_side(tmp_path, jobs)
    assert {name: ended(seen) for name, seen in found.items()} == dict.fromkeys(jobs)
    first = found[EVERYTHING]
    stages = [stage.name for stage in first.stages]
    assert stages[stages.index("talk") + 1 :] == [
        "caller-id", "dtmf", "dtmf", "on-hold", "resume", "mute", "unmute", "consult", "transfer",
        "recording", "hang-up", "recording",
    ]  # fmt: skip
    assert "on hold: the far end answered recvonly" in first.notes
    assert abs(first.measures["recording_difference_seconds"]) < 3
    assert {"recording.wav", f"{DESK}.wav", "consultation-ladder.txt"} <= {
        exhibit.name for exhibit in first.exhibits
    }
    refer = (tmp_path / "seen-0" / "agent-ladder.txt").read_text()
    assert "?Replaces=" in refer and "message/sipfrag" in refer and "SIP/2.0 200 OK" in refer


@dataclass(frozen=True)
class Broken:
    """Which steps meet a fault of the practice centre, and how it is told."""

    steps: Steps
    stage: str
    code: str
    by_file: bool = False
    by_address: bool = False


def alone(step: Mapping[str, Any]) -> Steps:
    return lambda _lab: [dict(step)]


SOON: dict[str, Broken] = {
    "hold-silent": Broken(alone(HOLD), "on-hold", "no-music"),
    "one-way-after-resume": Broken(alone(HOLD), "resume", "one-way-to-caller"),
    "mute-ignored": Broken(alone({"mute": "2s", "code": "*6"}), "mute", "still-heard"),
    "keys-lost": Broken(alone({"collect": "12", "within": "2s"}), "dtmf", "digits-lost"),
    "wrong-caller-id": Broken(alone({"caller-id": "monitor"}), "caller-id", "wrong-caller-id"),
    "transfer-refused": Broken(lambda lab: [to_desk(lab)], "transfer", "sip:603"),
    "transfer-lost": Broken(lambda lab: [to_desk(lab, attended=True)], "transfer", "dead-air"),
    "conference-split": Broken(
        lambda lab: [meeting(lab, code="*36103#")], "conference", "not-heard"
    ),
    "recording-silent": Broken(lambda _lab: [], "recording", "silent", by_file=True),
}
LATER: dict[str, Broken] = {
    "hold-dead": Broken(alone({**HOLD, "within": "4s"}), "on-hold", "timeout"),
    "hold-dead: by the caller": Broken(
        alone({**HOLD, "within": "4s", "by": "caller"}), "on-hold", "timeout"
    ),
    "keys-lost: by INFO": Broken(
        alone({"collect": "12", "within": "2s", "method": "info"}), "dtmf", "digits-lost"
    ),
    "transfer-lost: blind": Broken(lambda lab: [to_desk(lab, within="5s")], "transfer", "not-rung"),
    "transfer-refused: attended": Broken(
        lambda lab: [to_desk(lab, attended=True)], "transfer", "sip:603"
    ),
    "transfer-refused: into the room": Broken(
        lambda lab: [meeting(lab, room="8600")], "conference", "sip:603"
    ),
    "conference-split: in a room": Broken(
        lambda lab: [meeting(lab, room="8600")], "conference", "not-heard"
    ),
    "recording-missing": Broken(lambda _lab: [], "recording", "no-recording", by_file=True),
    "recording-missing: by address": Broken(
        lambda _lab: [], "recording", "no-recording", by_address=True
    ),
    "recording-short": Broken(lambda _lab: [], "recording", "too-short", by_address=True),
    "recording-short: by file": Broken(lambda _lab: [], "recording", "too-short", by_file=True),
}


async def told_apart(folder: Path, table: Mapping[str, Broken]) -> None:
    def job(broken: Broken) -> Callable[[Lab], SipCall]:
        def made(lab: Lab) -> SipCall:
            kept = (
                recording(lab, broken.by_address) | {"within": "5s"}
                if broken.by_file or broken.by_address
                else None
            )
            return call(lab, *broken.steps(lab), **({"recording": kept} if kept else {}))

        return made

    jobs = {name: job(broken) for name, broken in table.items()}
    found = await side_by_side(folder, jobs, *(name.split(": ")[0] for name in table))
    expected = {name: (broken.stage, broken.code) for name, broken in table.items()}
    assert {name: ended(seen) for name, seen in found.items()} == expected


@pytest.mark.engine
async def test_every_fault_of_call_control_is_told_apart(tmp_path: Path) -> None:
    await told_apart(tmp_path, SOON)


@pytest.mark.slow
@pytest.mark.engine
async def test_every_further_fault_of_call_control_is_told_apart(tmp_path: Path) -> None:
    await told_apart(tmp_path, LATER)


LOGGERS = {
    "recording-from-agent: by file": ("agent", None),
    "recording-from-agent: by file, held to the call": ("call", ("recording", "too-short")),
    "recording-short: by file, from the agent on": ("agent", ("recording", "too-short")),
    "by file, from the call on": ("agent", ("recording", "too-long")),
}
"""what the logger does, with what it is said to begin, and how it ends"""


@pytest.mark.slow
@pytest.mark.engine
async def test_a_logger_that_begins_with_the_agent_is_held_to_its_part(tmp_path: Path) -> None:
    """A queue records from the agent's answer on; the menu before it is in no recording."""

    def job(begins: str) -> Callable[[Lab], SipCall]:
        def made(lab: Lab) -> SipCall:
            kept = {**recording(lab), "begins": begins, "tolerance": "2s"}
            menu = [{"hear": str(WELCOME), "within": "8s"}, {"press": "1"}]
            agent = {"agent": account(lab, "agent-01"), "within": "30s", "digits": 0}
            return call(lab, to="8000", script=[*menu, agent], recording=kept)

        return made

    jobs = {name: job(begins) for name, (begins, _) in LOGGERS.items()}
    found = await side_by_side(tmp_path, jobs, "recording-from-agent", "recording-short")
    assert {name: ended(seen) for name, seen in found.items()} == {
        name: end for name, (_, end) in LOGGERS.items()
    }
    assert any("from the agent's answer on" in note for note in next(iter(found.values())).notes)


async def test_a_logger_cannot_begin_with_an_agent_whom_nobody_reaches(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab:
        with pytest.raises(ValidationError, match="the script reaches no agent; add a step"):
            call(lab, script=[{"stay": "1s"}], recording={**recording(lab), "begins": "agent"})


async def test_what_a_feature_occupies_measures_and_belongs_to(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab:
        check = call(lab, HOLD, to_desk(lab))
        assert check.claims() == (Claim("monitor", 1), Claim("agent-01", 1), Claim(DESK, 1))
        stages = {
            "on_hold_seconds",
            "resume_seconds",
            "transfer_seconds",
            "transfer_outcome_seconds",
        }
        assert stages <= set(check.measures())
        assert {check.layer_of(stage) for stage in ("on-hold", "transfer", "recording")} == {
            Layer.AGENT
        }


@pytest.mark.engine
async def test_a_desk_that_is_not_there_is_missed_before_anything_is_tried(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab:
        (tmp_path / "wrong").write_text("not this one\n", encoding="utf-8")
        registrar = {
            "registrar": f"127.0.0.1:{lab.pbx.port}",
            "user": DESK,
            "password": {"file": str(tmp_path / "wrong")},
        }
        wrong = Line.model_validate({"name": DESK, **registrar})
        seen = await attempt(call(lab, {"transfer": wrong}), tmp_path / "seen")
        assert ended(seen) == ("transfer", "not-registered")
        assert "signalling" not in [stage.name for stage in seen.stages]
