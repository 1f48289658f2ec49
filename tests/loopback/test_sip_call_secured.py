"""sip-call through a carrier's edge (Kamailio and rtpengine: TLS, digest, SRTP) to SIPp, baresip
and our own agent: healthy, and with every part of its security broken.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from checks.telephony.call.line import Line
from checks.telephony.sip_call import SipCall
from lab import certificate
from tests.loopback.carrier.edge import Edge, edge
from tests.loopback.certificates import Authority
from tests.loopback.seen import ended
from tests.loopback.sipp.peer import (
    UNHURRIED,
    alaw,
    attempt,
    baresip,
    joined,
    need_sound_sipp,
    silence,
    sipp,
    speak,
)


@dataclass(frozen=True)
class Carrier:
    """A healthy edge with SIPp and baresip behind it, who both say `welcome`."""

    edge: Edge
    welcome: Path
    authority: Path

    def account(self, name: str, **more: Any) -> Line:
        """One of its customers."""
        settings = {
            "registrar": f"127.0.0.1:{self.edge.tls_port}",
            "transport": "tls",
            "trusted_certificates": str(self.authority),
            "user": name,
            "password": {"file": str(self.edge.password)},
            "srtp": "required",
        }
        return Line.model_validate({"name": name, **settings, **more})

    def call(self, to: str, *script: dict[str, Any], **line: Any) -> SipCall:
        settings = {
            "line": self.account("monitor", **line),
            "to": to,
            "script": script,
            **UNHURRIED,
        }
        return SipCall.model_validate(settings)

    @property
    def hear(self) -> dict[str, Any]:
        return {"hear": str(self.welcome), "within": "30s"}


@pytest.fixture
def prompts(tmp_path: Path) -> tuple[Path, Path]:
    """What the far end says, as a WAV and as A-law with silence behind it."""
    need_sound_sipp()
    welcome = speak(
        "Welcome to the contact centre in Pune. Your call matters to us.", tmp_path, "welcome"
    )
    return welcome, alaw(tmp_path, "stream", welcome, silence(tmp_path, 30))


@pytest.fixture
async def carrier(tmp_path: Path, prompts: tuple[Path, Path]) -> AsyncIterator[Carrier]:
    welcome, stream = prompts
    made = certificate.make(tmp_path / "tls")
    source = joined(tmp_path, "source", welcome, silence(tmp_path, 30))
    async with (
        sipp("answer", tmp_path / "sipp", stream) as peer,
        baresip(tmp_path / "baresip", source) as phone,
        edge(tmp_path / "edge", made.certificate, made.key, peer.port, phone) as where,
    ):
        yield Carrier(where, welcome, made.certificate)


@pytest.mark.engine
async def test_a_healthy_call_to_each_far_end_and_to_our_own_agent(
    carrier: Carrier, tmp_path: Path
) -> None:
    for to in ("8000", "agent"):
        check = carrier.call(to, carrier.hear)
        seen = await attempt(check, tmp_path / f"seen-{to}")
        assert ended(seen) is None, seen.fault
        assert seen.measures["media_encrypted"] == 1
        assert seen.measures["certificate_days"] > 29
        assert set(seen.measures) <= set(check.measures())
        ladder = next(e.path for e in seen.exhibits if e.name == "ladder.txt").read_text()
        assert "inline:(masked)" in ladder
        assert ladder.count("inline:") == ladder.count("inline:(masked)"), (
            "the keys of the media are secrets"
        )
    check = carrier.call(
        "agent-01", {"agent": carrier.account("agent-01"), "within": "30s"}, {"stay": "1s"}
    )
    seen = await attempt(check, tmp_path / "seen-ours")
    assert ended(seen) is None, seen.fault
    assert seen.measures["media_encrypted"] == 1


@pytest.mark.engine
async def test_each_part_of_its_security_broken_is_its_own_fault(
    carrier: Carrier, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("not this one\n")
    wrong = carrier.call("8000", carrier.hear, password={"file": str(tmp_path / "wrong")})
    untrusted = carrier.call("8000", carrier.hear, trusted_certificates=None)
    broken = {
        "password": (wrong, ("register", "sip:401")),
        "trust": (untrusted, ("verify", "self-signed")),
        "no SRTP": (carrier.call("8000.plain", carrier.hear), ("media", "no-srtp")),
        "no media": (carrier.call("8000.silent", carrier.hear), ("media", "no-rtp")),
        "nobody": (carrier.call("nobody", carrier.hear), ("answer", "sip:404")),
    }
    for name, (check, fault) in broken.items():
        seen = await attempt(check, tmp_path / f"seen-{name}")
        assert ended(seen) == fault, (name, seen.fault)
    optional = await attempt(
        carrier.call("8000.plain", carrier.hear, srtp="optional"), tmp_path / "optional"
    )
    assert ended(optional) is None, optional.fault
    assert optional.measures["media_encrypted"] == 0


@pytest.mark.slow
@pytest.mark.engine
async def test_an_agent_whose_line_requires_srtp_refuses_a_call_without(
    carrier: Carrier, tmp_path: Path
) -> None:
    agent = {"agent": carrier.account("agent-01"), "within": "8s"}
    seen = await attempt(carrier.call("agent-01.plain", agent, srtp="never"), tmp_path / "seen")
    assert ended(seen) == ("agent", "no-srtp"), seen.fault


@pytest.mark.engine
async def test_a_carrier_that_speaks_tls_1_3_alone_is_called_with_it(
    tmp_path: Path, prompts: tuple[Path, Path]
) -> None:
    """The engine's own OpenSSL of 2017 has no such version."""
    welcome, stream = prompts
    made = certificate.make(tmp_path / "tls")
    async with (
        sipp("answer", tmp_path / "sipp", stream) as peer,
        edge(
            tmp_path / "edge", made.certificate, made.key, peer.port, oldest_tls="TLSv1.3"
        ) as where,
    ):
        carrier = Carrier(where, welcome, made.certificate)
        seen = await attempt(carrier.call("8000", carrier.hear), tmp_path / "seen")
    assert ended(seen) is None, seen.fault
    assert seen.measures["tls_version"] == 1.3
    ladder = next(e.path for e in seen.exhibits if e.name == "ladder.txt").read_text()
    assert f"TLS 127.0.0.1:{where.tls_port}" in ladder
    assert "TCP" not in ladder, "it shows what was on the wire, not what went to our own relay"
    assert not re.search(r"(?im)^(record-)?route:.*lr>.*lr>", ladder)


@pytest.mark.engine
async def test_a_registrar_that_goes_away_after_the_handshake_is_told_as_that(
    tmp_path: Path,
) -> None:
    made = certificate.make(tmp_path / "tls")
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=made.server_context()
    )
    async with server:
        line = {
            "registrar": f"127.0.0.1:{server.sockets[0].getsockname()[1]}",
            "transport": "tls",
            "trusted_certificates": str(made.certificate),
        }
        check = SipCall.model_validate(
            {"line": Line.model_validate({"name": "new", **line}), "to": "8000"}
        )
        seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) == ("signalling", "closed")
    assert seen.fault is not None
    assert "the far end closed the connection" in seen.fault.text


async def test_an_expired_certificate_is_told_before_a_word_of_sip(
    carrier: Carrier, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    authority.issue("127.0.0.1", "localhost", days=(-30, -2))
    async with edge(
        tmp_path / "expired", tmp_path / "server.pem", tmp_path / "server.pem"
    ) as where:
        line = {
            "registrar": f"127.0.0.1:{where.tls_port}",
            "trusted_certificates": str(authority.file),
        }
        seen = await attempt(carrier.call("8000", **line), tmp_path / "seen")
    assert ended(seen) == ("verify", "expired")
    assert seen.measures["certificate_days"] == pytest.approx(-2, abs=0.1)
