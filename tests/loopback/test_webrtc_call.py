"""webrtc-call through Kamailio, rtpengine and coturn to our agent's phone: healthy, and each thing
broken is its own stage and code.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from checks.contract import CannotTell, Claim, Failed, Layer, Trace
from checks.telephony.call.line import Line
from checks.telephony.call.probe_health import LoopWatch
from checks.webrtc.attempt import Attempt
from checks.webrtc.call import WebrtcCall
from checks.webrtc.settings import STAGES
from tests.loopback.seen import ended, passed
from tests.loopback.sipp.peer import baresip
from tests.loopback.webrtc.attempts import attempt
from tests.loopback.webrtc.peers import (
    TURN_USER,
    Edge,
    Turn,
    edge,
    need_blocking,
    turn_server,
)
from tests.loopback.webrtc.relays import middlebox, mute
from tests.ports import free_port

BUSY = ["synth", "0.48", "sine", "425", "gain", "-12", "pad", "0", "0.48", "repeat", "20"]
"""the German busy tone (ITU-T E.180)"""
# Others are at work on this machine: a probe that was slow is no matter of these tests.
PERCENT = {f"probe_{name}_percent": 100.0 for name in ("stalled", "wait", "unsent")}
UNHURRIED = {"probe_stall": "30s", "probe_late": "30s", **PERCENT}
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("webrtc")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def centre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    async with edge(tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def turn(centre: Edge, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Turn]:
    async with turn_server(tmp_path_factory.mktemp("turn"), centre.certificate) as running:
        yield running


@pytest.fixture
def wrong(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "wrong").write_text("not this one\n")
    return {"file": str(tmp_path / "wrong")}


def call(centre: Edge, broken: str = "", **more: Any) -> WebrtcCall:
    """To the agent's phone; the number says what the edge breaks."""
    registrar = f"127.0.0.1:{centre.udp_port}"
    account = {"registrar": registrar, "user": "6001", "password": {"file": str(centre.password)}}
    agent = Line.model_validate({"name": "agent-01", **account})
    settings = {
        "url": centre.url,
        "user": "monitor",
        "password": {"file": str(centre.password)},
        "domain": "127.0.0.1",
        "to": f"sip:6001{broken and '.'}{broken}@{registrar}",
        "trusted_certificates": str(centre.certificate.certificate),
        "script": [{"agent": agent, "within": "8s"}],
        "media_within": "2s",
        **UNHURRIED,
        **more,
    }
    return WebrtcCall.model_validate(settings)


def synthesize(path: Path, *effects: str) -> None:
    subprocess.run(
        ["sox", "-D", "-n", "-r", "8000", "-c", "1", "-b", "16", str(path), *effects], check=True
    )


def relays(server: Turn, **more: Any) -> dict[str, Any]:
    password = {"file": str(server.password)}
    return {"turn": server.urls, "turn_user": TURN_USER, "turn_password": password, **more}


@pytest.mark.engine
async def test_a_healthy_edge_is_seen_stage_by_stage(
    centre: Edge, turn: Turn, tmp_path: Path
) -> None:
    check = call(
        centre,
        **relays(turn),
        stun=[f"stun:127.0.0.1:{turn.port}"],
        script=[*call(centre).script, {"stay": "1s"}],
    )
    seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) is None, seen.fault
    assert passed(seen) == [*STAGES, "agent", "talk", "hold", "hang-up"]
    assert set(seen.measures) <= set(check.measures())
    assert {f"{stage}_seconds" for stage in STAGES} <= set(seen.measures)
    assert seen.measures["mos"] > 4
    assert 29 < seen.measures["certificate_days"] < 31
    assert seen.measures["rx_packets"] > 50
    assert {"rx_gap_percent", "rx_clipped_percent", "both_quiet_seconds", "rx_level_dbm0"} <= set(
        seen.measures
    )
    notes = "\n".join(seen.notes)
    assert all(
        word in notes
        for word in ("TLSv1.3", "sees us as", "relays from", "PCMA", "ICE: host", "DTLS as")
    )
    assert {"call.wav", "ladder.txt", "agent.wav", "timings.json", "rtp.json"} <= {
        e.name for e in seen.exhibits
    }
    ladder = (tmp_path / "seen" / "ladder.txt").read_text()
    assert (
        "INVITE" in ladder
        and "Digest (masked)" in ladder
        and centre.password.read_text().strip() not in ladder
    )
    assert seen.seconds < check.longest_seconds()


@pytest.mark.engine
async def test_media_may_be_made_to_go_by_turn(centre: Edge, turn: Turn, tmp_path: Path) -> None:
    seen = await attempt(call(centre, **relays(turn, relay_only=True)), tmp_path / "seen")
    assert ended(seen) is None, seen.fault
    assert any(note.startswith("ICE: relay ") for note in seen.notes)


async def test_a_wrong_password(centre: Edge, wrong: dict[str, str], tmp_path: Path) -> None:
    seen = await attempt(call(centre, password=wrong, script=[]), tmp_path / "seen")
    assert ended(seen) == ("register", "sip:401")
    assert passed(seen) == ["dns", "tcp", "tls", "websocket"]


async def test_an_expired_certificate_and_one_of_nobody_we_trust(
    centre: Edge, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    async with edge(tmp_path / "old", days=0) as old:
        expired = await attempt(call(old, script=[]), tmp_path / "expired")
    assert ended(expired) == ("tls", "expired")
    assert expired.fault is not None and "expired" in expired.fault.text
    stranger = await attempt(
        call(centre, trusted_certificates=None, script=[]), tmp_path / "stranger"
    )
    assert ended(stranger) == ("tls", "self-signed")


async def test_no_turn_is_a_fault_also_when_it_says_nothing(
    centre: Edge, turn: Turn, wrong: dict[str, str], tmp_path: Path
) -> None:
    async with mute() as port:
        silent = relays(turn, turn=[f"turn:127.0.0.1:{port}"], step_within="1s", script=[])
        assert ended(await attempt(call(centre, **silent), tmp_path / "silent")) == (
            "turn",
            "timeout",
        )
    closed = relays(turn, turn=[f"turn:127.0.0.1:{free_port()}?transport=tcp"], script=[])
    assert ended(await attempt(call(centre, **closed), tmp_path / "closed")) == ("turn", "refused")
    refused = relays(turn, turn_password=wrong, script=[])
    seen = await attempt(call(centre, **refused), tmp_path / "refused")
    assert ended(seen) == ("turn", "turn:401")
    assert seen.fault is not None and seen.fault.text.startswith(turn.urls[0])


async def test_no_stun(centre: Edge, tmp_path: Path) -> None:
    async with mute() as port:
        check = call(centre, stun=[f"stun:127.0.0.1:{port}"], step_within="1s", script=[])
        assert ended(await attempt(check, tmp_path / "seen")) == ("stun", "timeout")


@pytest.mark.engine
@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("passive", ("dtls", "timeout")),
        ("fingerprint", ("dtls", "fingerprint")),
        ("plain", ("ice", "no-ice")),
        ("blocked", ("ice", "timeout")),
        ("silent", ("srtp", "no-rtp")),
        ("deaf", ("talk", "one-way-to-agent")),
    ],
)
async def test_media_that_is_broken(
    centre: Edge, tmp_path: Path, broken: str, fault: tuple[str, str]
) -> None:
    if broken in ("silent", "deaf"):
        need_blocking()
    seen = await attempt(call(centre, broken), tmp_path / "seen")
    assert ended(seen) == fault, seen.fault
    assert "answer" in passed(seen)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (["trim", "0", "20"], ("media", "silent")),
        (BUSY, ("media", "false-answer:busy")),
    ],
    ids=["silence", "busy"],
)
async def test_an_answer_that_is_none(
    centre: Edge, tmp_path: Path, said: list[str], fault: tuple[str, str]
) -> None:
    source = tmp_path / "said.wav"
    synthesize(source, *said)
    async with baresip(tmp_path / "peer", source) as port:
        check = call(centre, script=[], listen="4s", to=f"sip:agent@127.0.0.1:{port}")
        seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) == fault, seen.fault
    assert passed(seen)[-1] == "srtp"


async def test_a_number_that_is_not_there(centre: Edge, tmp_path: Path) -> None:
    check = call(centre, script=[], to=f"sip:7777@127.0.0.1:{centre.udp_port}")
    assert ended(await attempt(check, tmp_path / "seen")) == ("answer", "sip:404")


@pytest.mark.engine
async def test_a_socket_that_drops_in_the_call(centre: Edge, tmp_path: Path) -> None:
    holding = asyncio.Event()
    async with middlebox(centre.wss_port) as box:
        check = call(
            centre,
            url=f"wss://127.0.0.1:{box.port}/",
            script=[*call(centre).script, {"stay": "30s"}],
        )
        seeing = asyncio.create_task(
            attempt(
                check, tmp_path / "seen", lambda stage: holding.set() if stage == "hold" else None
            )
        )
        await asyncio.wait_for(holding.wait(), 30)
        box.cut()
        seen = await seeing
    assert ended(seen) == ("websocket", "dropped"), seen.fault
    assert "talk" in passed(seen)
    assert seen.seconds < 25


@pytest.mark.engine
@pytest.mark.parametrize("how", ["terminated", "orphaned"])
async def test_no_call_is_left_behind(centre: Edge, tmp_path: Path, how: str) -> None:
    """The softphone is told to end, or the daemon is gone: the far end gets its BYE, the edge its
    registration.
    """
    holding, folder = asyncio.Event(), tmp_path / "seen"
    folder.mkdir()
    trace = Trace(time.monotonic, folder)
    trace.listener = lambda stage: holding.set() if stage == "hold" else None
    check = call(centre, script=[*call(centre).script, {"stay": "30s"}])
    made = Attempt(check, trace, dict.fromkeys(check.stages, 10.0))
    running = asyncio.create_task(made.run(LoopWatch()))
    await asyncio.wait_for(holding.wait(), 30)
    softphone = made._legs["call"]
    if how == "terminated":
        os.kill(softphone.pid, signal.SIGTERM)
    else:
        softphone._writer.close()
    with pytest.raises((Failed, CannotTell)):
        await asyncio.wait_for(running, 30)
    assert re.search(r"<-+ BYE sip:6001", (folder / "agent-ladder.txt").read_text())
    assert not psutil.pid_exists(softphone.pid)


async def test_what_it_claims_and_where_its_stages_lie(centre: Edge) -> None:
    check = call(centre)
    assert check.claims() == (Claim(f"monitor at {centre.url}", 1), Claim("agent-01", 1))
    layers = {stage: check.layer_of(stage) for stage in (*check.stages, "talk", "hang-up")}
    assert layers["tls"] == layers["register"] == layers["hang-up"] == Layer.SIGNALLING
    assert layers["ice"] == layers["srtp"] == Layer.MEDIA and layers["talk"] == Layer.AGENT
