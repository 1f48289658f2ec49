"""webrtc-browser: JsSIP in a real Chromium through Kamailio, rtpengine and coturn to our agent's
phone: healthy, and each thing broken is its own stage and code.

A part runs by default; all of it, in three minutes:
    ./reveille test -m 'slow or not slow' tests/loopback/test_webrtc_browser.py
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from checks.contract import Claim, Layer
from checks.telephony.call.line import Line
from checks.web.browser.shared_browser import shared_browser
from checks.webrtc.browser.check import WebrtcBrowser
from checks.webrtc.browser.settings import STAGES
from tests.loopback.seen import ended, passed
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

# Others are at work on this machine: a probe that was slow is no matter of these tests.
PERCENT = {f"probe_{name}_percent": 100.0 for name in ("stalled", "wait", "unsent")}
UNHURRIED = {
    "probe_stall": "30s",
    "probe_late": "30s",
    "step_within": "20s",
    "media_within": "20s",
    **PERCENT,
}
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.engine,
    pytest.mark.browser,
]


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


def call(centre: Edge, broken: str = "", **more: Any) -> WebrtcBrowser:
    """To the agent's phone; the number says what the edge breaks."""
    registrar = f"127.0.0.1:{centre.udp_port}"
    account = {"registrar": registrar, "user": "6001", "password": {"file": str(centre.password)}}
    agent = Line.model_validate({"name": "agent-01", **account})
    settings = {
        "url": centre.url,
        "user": "browser",
        "password": {"file": str(centre.password)},
        "domain": "127.0.0.1",
        "to": f"sip:6001{broken and '.'}{broken}@{registrar}",
        "trusted_certificates": str(centre.certificate.certificate),
        "script": [{"agent": agent, "within": "20s"}],
        "reconnect": False,
        **UNHURRIED,
        **more,
    }
    return WebrtcBrowser.model_validate(settings)


def caller(centre: Edge) -> dict[str, Any]:
    return {"user": "6002", "password": {"file": str(centre.password)}}


def relays(server: Turn, **more: Any) -> dict[str, Any]:
    password = {"file": str(server.password)}
    return {
        "turn": server.urls,
        "turn_user": TURN_USER,
        "turn_password": password,
        "script": [],
        **more,
    }


async def test_a_browser_is_rung_comes_back_and_calls(
    centre: Edge, turn: Turn, tmp_path: Path
) -> None:
    script = [*call(centre).script, {"press": "27"}, {"stay": "1s"}]
    there = relays(turn, stun=[f"stun:127.0.0.1:{turn.port}"], script=script)
    check = call(centre, **there, reconnect=True, caller=caller(centre))
    seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) is None, seen.fault
    assert passed(seen) == [*STAGES, "agent", "talk", "press", "hold", "hang-up"]
    assert set(seen.measures) <= set(check.measures())
    assert {f"{stage}_seconds" for stage in STAGES} <= set(seen.measures)
    assert {"rx_loss_percent", "rx_jitter_ms", "concealed_percent", "audio_level", "mos"} <= set(
        seen.measures
    )
    assert seen.measures["rx_packets"] > 50
    notes = "\n".join(seen.notes)
    assert all(
        word in notes
        for word in ("TLSv1.3", "relays from", "an incoming call rang", "PCMA", "ICE: ", "DTLS as")
    )
    ladder = (tmp_path / "seen" / "ladder.txt").read_text()
    assert "Digest (masked)" in ladder and centre.password.read_text().strip() not in ladder
    assert ladder.count("REGISTER sip:") >= 4, "registered, and once more after the socket dropped"
    heard = json.loads((tmp_path / "seen" / "timings.json").read_text())["agent"]
    assert [event["digit"] for event in heard if event["event"] == "dtmf"] == ["2", "7"]
    assert seen.seconds < check.longest_seconds()


async def test_a_wrong_password(centre: Edge, wrong: dict[str, str], tmp_path: Path) -> None:
    seen = await attempt(call(centre, password=wrong, script=[]), tmp_path / "seen")
    assert ended(seen) == ("register", "sip:401")
    assert passed(seen) == ["dns", "tcp", "tls", "websocket"]


async def test_registered_but_an_incoming_call_never_rings(centre: Edge, tmp_path: Path) -> None:
    check = call(centre, user="forgotten", caller=caller(centre), ring_within="3s", script=[])
    seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) == ("ring", "not-rung"), seen.fault
    assert "register" in passed(seen)


MEDIA = [
    ("passive", ("dtls", "timeout")),
    ("fingerprint", ("dtls", "dtls")),
    ("plain", ("ice", "no-ice")),
    ("blocked", ("ice", "timeout")),
    ("silent", ("srtp", "no-rtp")),
    ("deaf", ("talk", "one-way-to-agent")),
]
BY_DEFAULT = ("deaf",)


@pytest.mark.parametrize(
    ("broken", "fault"),
    [pytest.param(*one, marks=[] if one[0] in BY_DEFAULT else [pytest.mark.slow]) for one in MEDIA],
)
async def test_media_that_is_broken(
    centre: Edge, tmp_path: Path, broken: str, fault: tuple[str, str]
) -> None:
    if broken in ("silent", "deaf"):
        need_blocking()
    within = {} if broken == "deaf" else {"media_within": "4s"}
    seen = await attempt(call(centre, broken, **within), tmp_path / "seen")
    assert ended(seen) == fault, seen.fault
    assert "answer" in passed(seen)


@pytest.mark.slow
async def test_a_socket_that_drops_in_the_call(centre: Edge, tmp_path: Path) -> None:
    holding = asyncio.Event()
    async with middlebox(centre.wss_port) as box:
        check = call(
            centre,
            url=f"wss://127.0.0.1:{box.port}/",
            script=[*call(centre).script, {"stay": "60s"}],
        )
        seeing = asyncio.create_task(
            attempt(
                check, tmp_path / "seen", lambda stage: holding.set() if stage == "hold" else None
            )
        )
        await asyncio.wait_for(holding.wait(), 120)
        box.cut()
        seen = await seeing
    assert ended(seen) == ("websocket", "dropped"), seen.fault
    assert "talk" in passed(seen)


@pytest.mark.slow
async def test_an_edge_that_does_not_let_it_in_again(centre: Edge, tmp_path: Path) -> None:
    async with middlebox(centre.wss_port) as box:
        url = f"wss://127.0.0.1:{box.port}/"
        check = call(centre, url=url, reconnect=True, step_within="5s", script=[])

        def listener(stage: str) -> None:
            if stage == "reconnect":
                box.shut = True

        seen = await attempt(check, tmp_path / "seen", listener)
    assert ended(seen) == ("reconnect", "timeout"), seen.fault


@pytest.mark.slow
async def test_an_expired_certificate_and_one_of_nobody_we_trust(
    centre: Edge, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    async with edge(tmp_path / "old", days=0) as old:
        expired = await attempt(call(old, script=[]), tmp_path / "expired")
    assert ended(expired) == ("tls", "expired")
    stranger = await attempt(
        call(centre, trusted_certificates=None, script=[]), tmp_path / "stranger"
    )
    assert ended(stranger) == ("tls", "self-signed")


@pytest.mark.slow
async def test_no_turn_is_a_fault_also_when_it_says_nothing(
    centre: Edge, turn: Turn, wrong: dict[str, str], tmp_path: Path
) -> None:
    async with mute() as port:
        silent = relays(turn, turn=[f"turn:127.0.0.1:{port}"], step_within="5s")
        assert ended(await attempt(call(centre, **silent), tmp_path / "silent")) == (
            "turn",
            "timeout",
        )
    closed = relays(turn, turn=[f"turn:127.0.0.1:{free_port()}?transport=tcp"])
    assert ended(await attempt(call(centre, **closed), tmp_path / "closed")) == ("turn", "refused")
    refused = relays(turn, turn_password=wrong)
    assert ended(await attempt(call(centre, **refused), tmp_path / "refused")) == (
        "turn",
        "turn:401",
    )


@pytest.mark.slow
async def test_media_may_be_made_to_go_by_turn(centre: Edge, turn: Turn, tmp_path: Path) -> None:
    script = call(centre).script
    seen = await attempt(
        call(centre, **relays(turn, relay_only=True, script=script)), tmp_path / "seen"
    )
    assert ended(seen) is None, seen.fault
    assert any(note.startswith("ICE: relay ") for note in seen.notes)


@pytest.mark.slow
async def test_a_number_that_is_not_there(centre: Edge, tmp_path: Path) -> None:
    check = call(centre, script=[], to=f"sip:7777@127.0.0.1:{centre.udp_port}")
    assert ended(await attempt(check, tmp_path / "seen")) == ("answer", "sip:404")


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_browser_that_dies_in_the_call_is_no_fault_of_anybody(
    centre: Edge, tmp_path: Path, how: signal.Signals
) -> None:
    holding = asyncio.Event()
    check = call(centre, script=[*call(centre).script, {"stay": "20s"}])
    seeing = asyncio.create_task(
        attempt(check, tmp_path / "seen", lambda stage: holding.set() if stage == "hold" else None)
    )
    await asyncio.wait_for(holding.wait(), 120)
    kept = await shared_browser()
    for process in psutil.Process(kept.child.pid).children(recursive=True):
        if "headless" in process.name():
            process.send_signal(how)
    seen = await asyncio.wait_for(seeing, 120)
    assert seen.fault is None and seen.blind is not None, seen.fault


async def test_what_it_claims_and_where_its_stages_lie(centre: Edge) -> None:
    check = call(centre, caller=caller(centre))
    assert check.claims() == (
        Claim(f"browser at {centre.url}", 1),
        Claim("agent-01", 1),
        Claim(f"6002 at {centre.url}", 1),
        Claim("our own browser", 2, across_processes=False),
    )
    layers = {stage: check.layer_of(stage) for stage in (*check.stages, "talk", "hang-up")}
    assert layers["register"] == layers["ring"] == layers["hang-up"] == Layer.SIGNALLING
    assert layers["ice"] == layers["srtp"] == Layer.MEDIA and layers["talk"] == Layer.AGENT
