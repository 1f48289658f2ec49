"""Call control with far ends that nobody here wrote: baresip, SIPp, and Kamailio with rtpengine
between our own phones.

Through a proxy a REFER travels from end to end: it is then our own phone that is transferred, and
follows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from checks.telephony.call.line import Line
from checks.telephony.sip_call import SipCall
from lab import Lab, certificate, prompts
from tests.loopback.carrier.edge import Edge, edge
from tests.loopback.seen import ended
from tests.loopback.sipp.peer import alaw, attempt, baresip, need_steady_baresip, silence, sipp
from tests.loopback.test_call_control import BUSY_MACHINE, DESK, account


def direct(port: int, *steps: dict[str, Any]) -> SipCall:
    line = Line.model_validate({"name": "direct", "registrar": f"127.0.0.1:{port}"})
    settings = {
        "line": line,
        "to": "agent",
        "script": list(steps),
        "listen": "0s",
        "answer_within": "30s",
        **BUSY_MACHINE,
    }
    return SipCall.model_validate(settings)


@pytest.mark.engine
async def test_baresip_is_put_on_hold_and_transferred(tmp_path: Path) -> None:
    need_steady_baresip()
    async with (
        Lab(tmp_path / "lab") as lab,
        baresip(tmp_path / "baresip", prompts.FOLDER / "menu.wav") as port,
    ):
        desk = {
            "transfer": account(lab, DESK),
            "by": "caller",
            "to": f"sip:{DESK}@127.0.0.1:{lab.pbx.port}",
        }
        check = direct(port, {"on-hold": "1s", "by": "caller"}, {**desk, "within": "30s"})
        seen = await attempt(check, tmp_path / "seen")
        assert ended(seen) is None, seen.fault
        assert "on hold: the far end answered recvonly" in seen.notes
        said = (tmp_path / "seen" / f"{DESK}-ladder.txt").read_text()
        assert "baresip" not in said, "the exchange stands between"
        assert "SIP/2.0 200 OK" in (tmp_path / "seen" / "ladder.txt").read_text()


REFUSALS = {
    "hold": ("refuses", "INVITE", "488 Not Acceptable Here", ("on-hold", "sip:488")),
    "hold, busy with another change": (
        "refuses",
        "INVITE",
        "491 Request Pending",
        ("on-hold", "sip:491"),
    ),
    "transfer": ("refuses", "REFER", "501 Not Implemented", ("transfer", "sip:501")),
    "transfer, told by the NOTIFY": ("transfers", "", "486 Busy Here", ("transfer", "sip:486")),
    "transfer, said to be done": ("transfers", "", "200 OK", ("transfer", "not-rung")),
}


@pytest.mark.engine
@pytest.mark.parametrize("what", REFUSALS)
async def test_sipp_refuses_and_the_ticket_says_what(tmp_path: Path, what: str) -> None:
    scenario, method, status, expected = REFUSALS[what]
    stream = alaw(tmp_path, "quiet", silence(tmp_path, 1))
    filled = {"METHOD": method, "STATUS": status}
    async with (
        Lab(tmp_path / "lab") as lab,
        sipp(scenario, tmp_path / "peer", stream, filled=filled) as peer,
    ):
        hold = {"on-hold": "1s", "by": "caller", "within": "20s"}
        to_desk = {
            "transfer": account(lab, DESK),
            "by": "caller",
            "within": "3s" if "200" in status else "20s",
        }
        seen = await attempt(
            direct(peer.port, hold if "hold" in what else to_desk), tmp_path / "seen"
        )
    assert ended(seen) == expected, seen.fault


@pytest.fixture
async def carrier(tmp_path: Path) -> AsyncIterator[Edge]:
    made = certificate.make(tmp_path / "tls")
    async with edge(tmp_path / "edge", made.certificate, made.key) as running:
        yield running


@pytest.mark.engine
async def test_through_a_proxy_our_own_phone_is_transferred_and_follows(
    carrier: Edge, tmp_path: Path
) -> None:
    def line(name: str) -> Line:
        registrar = {
            "registrar": f"127.0.0.1:{carrier.tls_port}",
            "transport": "tls",
            "srtp": "required",
        }
        trusted = {"trusted_certificates": str(tmp_path / "tls" / "certificate.pem")}
        secret = {"user": name, "password": {"file": str(carrier.password)}}
        return Line.model_validate({"name": name, **registrar, **trusted, **secret})

    script = [
        {"agent": line("agent-01"), "within": "30s", "digits": 0},
        {"on-hold": "1s", "within": "20s"},
        {"transfer": line(DESK), "within": "30s"},
    ]
    check = SipCall.model_validate(
        {"line": line("monitor"), "to": "agent-01", "script": script, **BUSY_MACHINE}
    )
    seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) is None, seen.fault
    ladder = (tmp_path / "seen" / "ladder.txt").read_text()
    assert "REFER" in ladder and f"INVITE sip:{DESK}@" in ladder, (
        "it was our phone that called the desk"
    )
