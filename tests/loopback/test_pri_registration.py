"""sip-registration at the lab's registrar, at Kamailio, and at registrars that misbehave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import CannotTell, Check, Failed, Observation, Trace
from checks.settings import Secret
from checks.telephony.call.line import Line
from checks.telephony.registration import SipRegistration
from checks.telephony.sip import digest
from lab import Lab, certificate
from tests.loopback.kamailio_server import KAMAILIO, PASSWORD, USER, kamailio


async def look(check: Check, folder: Path) -> Observation:
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as running:
        yield running


def secret(folder: Path, text: str) -> Secret:
    path = folder / f"secret-{text.replace(' ', '-')}"
    path.write_text(text, encoding="utf-8")
    return Secret(file=path)


def line(lab: Lab, **more: Any) -> Line:
    tls = more.get("transport") == "tls"
    port = lab.pbx.tls_port if tls else lab.pbx.port
    trusted = {"trusted_certificates": lab.certificate.certificate} if tls else {}
    own = {"user": "monitor", "password": Secret(file=lab.passwords["monitor"]), **trusted, **more}
    return Line(name="trunk-a", registrar=f"127.0.0.1:{port}", **own)


def fault(seen: Observation) -> tuple[str, str]:
    assert seen.fault, seen.blind or seen.measures
    return seen.fault.stage, seen.fault.code


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_line_is_registered_and_left_as_it_was(
    lab: Lab, tmp_path: Path, transport: str
) -> None:
    seen = await look(SipRegistration(line=line(lab, transport=transport)), tmp_path)
    assert seen.fault is None and seen.blind is None, seen.fault
    assert [stage.name for stage in seen.stages] == ["connect", "register", "unregister"]
    assert (
        seen.measures["sip_status"],
        seen.measures["granted_seconds"],
        seen.measures["contacts"],
    ) == (200, 60, 1)
    assert lab.pbx.registrar.registered("monitor") == []


async def test_a_registration_that_is_kept(lab: Lab, tmp_path: Path) -> None:
    assert (await look(SipRegistration(line=line(lab), keep=True), tmp_path)).fault is None
    assert len(lab.pbx.registrar.registered("monitor")) == 1


async def test_too_brief_is_asked_again_for_longer(lab: Lab, tmp_path: Path) -> None:
    seen = await look(SipRegistration(line=line(lab), lasting=2.0), tmp_path)
    assert seen.fault is None and seen.measures["granted_seconds"] == 10


async def test_a_wrong_password_and_an_unknown_account_are_refused(
    lab: Lab, tmp_path: Path
) -> None:
    seen = await look(SipRegistration(line=line(lab, password=secret(tmp_path, "wrong"))), tmp_path)
    assert fault(seen) == ("register", "sip:401")
    seen = await look(SipRegistration(line=line(lab, user="stranger")), tmp_path)
    assert (
        seen.fault and seen.fault.stage == "register" and seen.fault.code in ("sip:401", "sip:403")
    )
    assert lab.pbx.registrar.registered("monitor") == []


async def test_without_a_password_nothing_can_be_told(lab: Lab, tmp_path: Path) -> None:
    seen = await look(SipRegistration(line=line(lab, password=None)), tmp_path)
    assert seen.fault is None and seen.blind and "trunk-a has none" in seen.blind


async def test_a_dead_trunk(lab: Lab, tmp_path: Path) -> None:
    lab.break_("trunk-down")
    seen = await look(SipRegistration(line=line(lab), within=1.7), tmp_path)
    assert fault(seen) == ("register", "timeout")
    assert seen.measures["repetitions"] == 2


def test_a_line_without_an_account_is_refused() -> None:
    with pytest.raises(ValidationError):
        SipRegistration(line=Line(registrar="192.0.2.1"))


# -- Kamailio
# --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(KAMAILIO is None, reason="kamailio is not installed")
async def test_kamailio_takes_it_over_udp_tcp_and_tls(tmp_path: Path) -> None:
    made = certificate.make(tmp_path / "tls")
    async with kamailio(tmp_path / "kamailio", made) as registrar:

        def account(transport: str, **more: Any) -> Line:
            port = registrar.tls_port if transport == "tls" else registrar.port
            own: dict[str, Any] = {"user": USER, "password": secret(tmp_path, PASSWORD), **more}
            if transport == "tls":
                own["trusted_certificates"] = made.certificate
            return Line(name="trunk-a", registrar=f"127.0.0.1:{port}", transport=transport, **own)

        for transport in ("udp", "tcp", "tls"):
            seen = await look(SipRegistration(line=account(transport), within=15.0), tmp_path)
            assert seen.fault is None and seen.blind is None, (transport, seen.fault, seen.blind)
            assert (seen.measures["granted_seconds"], seen.measures["contacts"]) == (
                60,
                1,
            ), transport
            assert any("kamailio" in note.lower() for note in seen.notes)
        seen = await look(
            SipRegistration(line=account("udp", password=secret(tmp_path, "wrong"))), tmp_path
        )
        assert fault(seen) == ("register", "sip:401")
        seen = await look(SipRegistration(line=account("tcp", user="stranger")), tmp_path)
        assert fault(seen) == ("register", "sip:404")


@pytest.mark.skipif(KAMAILIO is None, reason="kamailio is not installed")
async def test_kamailio_wants_it_longer(tmp_path: Path) -> None:
    made = certificate.make(tmp_path / "tls")
    async with kamailio(tmp_path / "kamailio", made, shortest_seconds=120) as registrar:
        account = Line(
            name="trunk-a",
            registrar=f"127.0.0.1:{registrar.port}",
            user=USER,
            password=secret(tmp_path, PASSWORD),
        )
        seen = await look(SipRegistration(line=account, within=15.0), tmp_path)
        assert seen.fault is None and seen.measures["granted_seconds"] == 120


# -- registrars that misbehave
# ----------------------------------------------------------------------------------------


class Odd(asyncio.DatagramProtocol):
    """Answers each REGISTER with the next of what it was given; the last goes on for ever."""

    def __init__(self, answers: list[Callable[[list[str], str], str]]) -> None:
        self.answers, self.heard = answers, 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        lines = data.decode().split("\r\n")
        kept = [row for row in lines if row.startswith(("Via", "From", "To", "Call-ID", "CSeq"))]
        contact = next(row for row in lines if row.startswith("Contact"))
        said = self.answers[min(self.heard, len(self.answers) - 1)](kept, contact)
        self.heard += 1
        self.transport.sendto(said.encode(), addr)


def status(text: str, *more: str) -> Callable[[list[str], str], str]:
    return lambda kept, _: "\r\n".join(
        [f"SIP/2.0 {text}", *kept, *more, "Content-Length: 0", "", ""]
    )


def granted(kept: list[str], contact: str) -> str:
    return "\r\n".join(
        ["SIP/2.0 200 OK", *kept, f"{contact};expires=30", "Content-Length: 0", "", ""]
    )


async def at(tmp_path: Path, *answers: Callable[[list[str], str], str]) -> tuple[Observation, Odd]:
    loop = asyncio.get_running_loop()
    transport, odd = await loop.create_datagram_endpoint(
        lambda: Odd(list(answers)), ("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    account = Line(
        name="odd",
        registrar=f"127.0.0.1:{port}",
        user="monitor",
        password=secret(tmp_path, PASSWORD),
    )
    seen = await look(SipRegistration(line=account, within=3.0), tmp_path)
    transport.close()
    return seen, odd


CHALLENGE = (
    'WWW-Authenticate: Digest realm="a, b", nonce="n", qop="auth,auth-int", algorithm=SHA-256'
)


async def test_a_stale_nonce_is_no_wrong_password(tmp_path: Path) -> None:
    stale = status("401 Unauthorized", CHALLENGE + ", stale=TRUE")
    seen, odd = await at(tmp_path, status("401 Unauthorized", CHALLENGE), stale, granted, granted)
    assert seen.fault is None and odd.heard == 4


async def test_a_registrar_that_asks_for_ever_is_left(tmp_path: Path) -> None:
    seen, odd = await at(tmp_path, status("401 Unauthorized", CHALLENGE + ", stale=true"))
    assert fault(seen) == ("register", "sip:401") and odd.heard < 10


async def test_a_200_that_binds_nothing_is_no_registration(tmp_path: Path) -> None:
    seen, _ = await at(tmp_path, status("200 OK"))
    assert fault(seen) == ("register", "not-bound")
    seen, _ = await at(tmp_path, status("200 OK", "Contact: <sip:desk@192.0.2.9:5060>;expires=60"))
    assert fault(seen) == ("register", "not-bound") and seen.measures["contacts"] == 1
    seen, _ = await at(tmp_path, status("200 OK", "Contact: <<<>>>"))
    assert fault(seen) == ("register", "bad-peer")


async def test_a_refusal_keeps_its_cause(tmp_path: Path) -> None:
    seen, _ = await at(tmp_path, status("503 Service Unavailable", "Reason: Q.850;cause=38"))
    assert fault(seen) == ("register", "sip:503/38")
    assert seen.fault and "network out of order" in seen.fault.text


async def test_a_challenge_that_nobody_understands(tmp_path: Path) -> None:
    for header in (
        "WWW-Authenticate: Basic realm=x",
        "WWW-Authenticate: Digest algorithm=ROT13",
        "X-Nothing: 1",
    ):
        seen, _ = await at(tmp_path, status("401 Unauthorized", header))
        assert fault(seen) == ("register", "bad-peer")


def test_digest_is_that_of_the_rfcs() -> None:
    """RFC 2617 section 3.5 without qop, and the SHA-256 of RFC 7616 section 3.9.1 by its parts."""
    asked = digest.challenge(
        [
            (
                'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",'
                ' opaque="5ccc069c"'
            ),
            'Basic realm="x"',
        ]
    )
    assert asked and asked["algorithm"] == "MD5"
    said = digest.credentials(asked, "Mufasa", "Circle Of Life", "GET", "/dir/index.html")
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in said and 'opaque="5ccc069c"' in said
    both = digest.challenge(
        ['Digest realm="r", nonce="n"', 'Digest realm="r", nonce="n", algorithm=SHA-256']
    )
    assert both and both["algorithm"] == "SHA-256"
    assert digest.challenge(["Negotiate"]) is None
