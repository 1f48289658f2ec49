"""The emergency number through foreign SIP stacks: registered at a Kamailio, called by SIPp through
it, answered by SIPp.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil
import pytest

from checks.settings import Secret
from checks.telephony.audio.sound import read_wav
from checks.telephony.call.emergency_line import Door
from checks.telephony.call.line import Line
from lab.certificate import make
from monitor.config.section_models import Person
from monitor.delivery.emergency import TicketBoard
from monitor.desks.emergency_number import EmergencyNumber, EmergencySettings, Staff
from monitor.incidents import store
from monitor.lines.calls import Calls
from monitor.testing.scenario import Scene
from tests.loopback.kamailio_server import KAMAILIO, PASSWORD, USER, Registrar, kamailio
from tests.loopback.sipp.peer import Sipp, alaw, eventually, sipp
from tests.loopback.test_conference import holds, voice

KNOWN, STRANGER, PIN = "912212345678", "15550100", "1258"
NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)


def site_of(folder: Path, staff: Sipp) -> Scene:
    """A site of which one operator has a telephone."""
    site = Scene(NOW, {}, folder=folder / "site", people={"operators": "ops"})
    phone = f"sip:asha@127.0.0.1:{staff.port}"
    asha = Person(role="operators", name="Asha", mail="ops@example.net", phone=phone)
    site.configuration = replace(site.configuration, people=(asha,))
    return site


Calling = AbstractAsyncContextManager[Sipp]


@asynccontextmanager
async def attended(
    folder: Path, registrar: Registrar, site: Scene, pin: str = ""
) -> AsyncIterator[None]:
    """The number, registered."""
    (folder / "password").write_text(PASSWORD)
    (folder / "pin").write_text(pin)
    line = Line(name="emergency", registrar=f"127.0.0.1:{registrar.port}", user=USER,
                password=Secret(file=folder / "password"))  # fmt: skip
    given = EmergencySettings(line=line, callers=(KNOWN,),
                              pin=Secret(file=folder / "pin") if pin else None)  # fmt: skip
    outward = Line(name="gsm", registrar="127.0.0.1:9", register=False, channels=4)
    number = EmergencyNumber(
        "telephone",
        given,
        Staff(outward, (), "en", 8.0, 14.0),
        Calls("telephone (emergency)", folder, 50),
        folder / "conferences",
    )
    board = TicketBoard(site.ledger, site.configuration, site.clock, "unsorted")
    task = asyncio.create_task(number.attend(board))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def calling(at: int, folder: Path, caller: str, media: str, port: str) -> Calling:
    """Somebody who calls through whatever listens at a port."""
    more = ("-m", "1", f"127.0.0.1:{at}")
    filled = {"CALLER": caller, "MEDIA": media, "PORT": port, "AFTER": "2000"}
    return sipp("emergency", folder, more=more, filled=filled)


def was_refused(caller: Sipp) -> bool:
    return "SIP/2.0 403" in caller.messages()


def own_ports() -> set[int]:
    """The UDP ports at which our phones of this process's children listen."""
    ours = psutil.Process().children(recursive=True)
    phones = [one for one in ours if "checks.telephony.phone.conference" in one.cmdline()]
    sockets = [socket for one in phones for socket in one.net_connections("udp")]
    return {socket.laddr.port for socket in sockets}


def streams(folder: Path, hertz: int) -> tuple[str, str]:
    sound = alaw(folder, f"caller-{hertz}", voice(folder, hertz, key=False))
    play = f'<nop><action><exec rtp_stream="{sound},-1,8,PCMA/8000"/></action></nop>'
    return play, "[rtpstream_audio_port]"


def presses(digits: str) -> tuple[str, str]:
    keys = (
        f'<nop><action><exec play_pcap_audio="/usr/share/sip-tester/dtmf_2833_{digit}.pcap"/>'
        '</action></nop><pause milliseconds="900"/>'
        for digit in digits
    )
    return "\n".join(keys), "[media_port]"


def minutes(site: Scene) -> list[str]:
    rows = site.ledger.history(1)
    return [row.body["text"] for row in rows if row.kind == "conference"]


@asynccontextmanager
async def answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *pin: str
) -> AsyncIterator[tuple[Registrar, Scene]]:
    """A registrar with the number registered at it, and a site whose staff answer."""
    caplog.set_level(logging.INFO)
    sound = alaw(tmp_path, "staff", voice(tmp_path, 900))
    async with (
        kamailio(tmp_path / "kamailio", make(tmp_path / "tls")) as registrar,
        sipp("answer", tmp_path / "asha", sound) as asha,
    ):
        site = site_of(tmp_path, asha)
        async with attended(tmp_path, registrar, site, *pin):
            await eventually(lambda: "emergency_number_ready" in caplog.text)
            yield registrar, site


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.skipif(KAMAILIO is None, reason="kamailio is not installed")
async def test_a_known_caller_is_joined_with_the_staff_and_a_stranger_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with answered(tmp_path, caplog) as (registrar, site):
        play = streams(tmp_path, 500)
        async with calling(registrar.port, tmp_path / "stranger", STRANGER, *play) as stranger:
            await eventually(lambda: "SIP/2.0 403" in stranger.messages())
        assert not site.ledger.incidents(), "and opens nothing"
        async with calling(registrar.port, tmp_path / "known", KNOWN, *play) as known:
            await eventually(lambda: bool(minutes(site)), within=90)
            assert "SIP/2.0 200" in known.messages()
    [told] = minutes(site)
    assert told.startswith(f"{KNOWN}: joined after 0:0")
    assert "Asha: joined after 0:" in told
    recorded = read_wav(Path(told.rpartition("recorded in ")[2]))
    assert holds(recorded, 500) and holds(recorded, 900), "both are in the recording"
    row = site.ledger.incident(1)
    assert row is not None
    incident = store.incident_of(row)
    assert (incident.severity.rank, incident.opened_by) == (0, KNOWN)
    assert incident.acknowledged_by == "Asha"
    site.stop_daemon()


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.skipif(KAMAILIO is None, reason="kamailio is not installed")
async def test_who_calls_past_the_registrar_is_refused_whatever_number_is_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with answered(tmp_path, caplog, PIN) as (_, site):
        play = streams(tmp_path, 500)
        assert own_ports()
        for port in own_ports():
            folder = tmp_path / f"past-{port}"
            async with calling(port, folder, KNOWN, *play) as past:
                await eventually(partial(was_refused, past))
                assert "SIP/2.0 180" not in past.messages()
        assert not site.ledger.incidents()
    site.stop_daemon()


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.skipif(KAMAILIO is None, reason="kamailio is not installed")
async def test_a_stranger_with_the_pin_is_let_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        answered(tmp_path, caplog, PIN) as (registrar, site),
        calling(registrar.port, tmp_path / "caller", STRANGER, *presses(PIN)),
    ):
        await eventually(lambda: bool(minutes(site)), within=90)
    assert minutes(site)[0].startswith(f"{STRANGER}: joined after 0:0")
    assert PIN not in caplog.text
    site.stop_daemon()


def test_after_a_few_wrong_pins_nobody_is_asked_for_an_hour() -> None:
    door = Door((KNOWN,), PIN)
    assert door.knows(f"+{KNOWN}") and not door.knows(STRANGER) and not door.knows("")
    for turn in range(5):
        assert door.asks(turn)
        assert not door.opens("0000", turn)
    assert not door.asks(10)
    assert door.knows(KNOWN), "who is known is let in all the same"
    assert door.asks(3700) and door.opens(PIN, 3700)
    assert not Door((), "").asks(0), "without a PIN nobody else"
    assert PIN not in repr(door)
