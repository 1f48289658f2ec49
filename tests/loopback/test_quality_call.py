"""Quality of real calls, each direction: what a far end reports by RTCP, what our own agent hears,
what was lost.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Observation
from checks.telephony.call.line import Line
from checks.telephony.call.probe_health import MEASURES as PROBE
from checks.telephony.sip_call import SipCall
from tests.loopback.sipp.peer import alaw, attempt, baresip, joined, silence, sipp, speak
from tests.torture.aims import WELCOME
from tests.torture.far_end import Asked, FarEnd
from tests.unit.test_far_reports import extended, metrics


def call(port: int, *script: dict[str, Any], **settings: Any) -> SipCall:
    line = Line(name="trunk", registrar=f"127.0.0.1:{port}")
    return SipCall.model_validate({"line": line, "to": "agent", "script": script, **settings})


def rtp(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "rtp.json").read_text()))


def well(seen: Observation) -> Observation:
    assert (seen.fault, seen.blind) == (None, None)
    return seen


@pytest.mark.engine
async def test_what_we_said_is_judged_by_the_far_ends_own_reports(tmp_path: Path) -> None:
    """baresip sends RTCP every five seconds: what it received of ours, and once it answers a report
    of ours, the round trip: that takes two of its turns, or three.
    """
    said = joined(
        tmp_path,
        "said",
        speak("Hello, this is the agent speaking.", tmp_path, "hello"),
        silence(tmp_path, 30),
    )
    async with baresip(tmp_path / "peer", said) as port:
        seen = well(await attempt(call(port, {"stay": "16s"}), tmp_path / "seen"))
    quality = rtp(tmp_path / "seen")["quality"]
    assert quality["said"]["source"] == "the far end's RTCP reports"
    assert quality["said"]["scale"] == "narrowband"
    assert 4.0 < seen.measures["said_mos_lq"] < 4.42
    assert seen.measures["rtt_ms"] < 1000
    assert seen.measures["heard_mos_cq"] <= seen.measures["heard_mos_lq"]
    assert "jitter buffer" in quality["heard"]["delay_parts"]
    assert any(note.startswith("said: MOS-LQ") for note in seen.notes)


async def reports(far: FarEnd, invite: Asked) -> None:
    """Answers, speaks, and sends a receiver report and VoIP metrics after each ten frames."""
    host, port = invite.media
    heard = struct.pack(">BBHIIIIIII", 0x81, 201, 7, 1, 2, 0, 100, 40, 0, 0)

    def frames() -> Iterator[bytes]:
        for number, frame in enumerate(cycle(WELCOME)):
            if number % 10 == 9:
                far.say(heard + extended(metrics()), (host, port + 1))
            yield frame

    await far.pick_up(invite, frames())


@pytest.mark.engine
async def test_a_far_ends_own_reckoning_is_read_where_that_is_permitted(tmp_path: Path) -> None:
    async with FarEnd(reports) as far:
        seen = well(await attempt(call(far.port, {"stay": "3s"}), tmp_path / "seen"))
    if "xr_unread" in rtp(tmp_path / "seen")["call"]:
        pytest.skip("RTCP-XR cannot be read without CAP_NET_RAW")
    assert (
        seen.measures["xr_r"],
        seen.measures["xr_mos_lq"],
        seen.measures["xr_round_trip_ms"],
    ) == (88.0, 4.2, 24.0)
    scores = "R 88, MOS-LQ 4.2, MOS-CQ 4.1, 0.39 % lost, 0.78 % too late"
    assert f"said, by the far end's own reckoning: {scores}" in seen.notes
    assert 0.3 < seen.measures["said_loss_percent"] < 1.5, (
        "what its jitter buffer discarded is lost too"
    )
    assert set(seen.measures) <= set(call(1, {"stay": "1s"}).measures())


@pytest.mark.engine
async def test_without_reports_the_other_direction_is_not_computed(tmp_path: Path) -> None:
    sound = alaw(tmp_path, "quiet", silence(tmp_path, 10))
    async with sipp("answer", tmp_path / "peer", sound) as peer:
        seen = well(await attempt(call(peer.port, {"stay": "1s"}), tmp_path / "seen"))
    assert "said_mos_lq" not in seen.measures
    assert "heard_mos_cq" not in seen.measures
    assert "said: not computed: the far end sent no RTCP report of what we said" in seen.notes
    assert set(PROBE) <= set(seen.measures)
    assert set(seen.measures) <= set(call(1, {"stay": "1s"}).measures())
