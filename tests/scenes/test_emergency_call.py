"""A call to the emergency number of a running daemon, end to end: registered at a Kamailio, called
by SIPp through it, answered by SIPp; the ticket, the recording and the minutes are the daemon's.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.telephony.audio.sound import read_wav
from lab.certificate import make
from monitor.incidents import store
from monitor.ledger import Ledger
from tests.loopback.kamailio_server import KAMAILIO, PASSWORD, USER, kamailio
from tests.loopback.sipp.peer import alaw, sipp
from tests.loopback.test_conference import holds, voice
from tests.loopback.test_emergency_number import KNOWN, calling, streams
from tests.scenes.daemon_process import Process

_FILE = """
state = "state"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
[[people]]
role = "operators"
name = "Asha"
phone = "sip:asha@127.0.0.1:{staff}"
[lines.emergency]
registrar = "127.0.0.1:{registrar}"
user = "{user}"
password = {{ file = "password" }}
[lines.gsm]
registrar = "127.0.0.1:9"
register = false
channels = 4
[desks.telephone]
kind = "telephone"
lines = ["gsm"]
ring = "8s"
conference_longest = "60s"
[desks.telephone.emergency]
line = "emergency"
callers = ["{known}"]
issue = "ivr-not-working"
"""


def minutes(ledger: Ledger) -> str:
    rows = [row for row in ledger.history(1) if row.kind == "conference"]
    return str(rows[0].body["text"]) if rows else ""


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.skipif(KAMAILIO is None, reason="kamailio is not installed")
async def test_a_call_opens_a_ticket_joins_the_staff_and_is_recorded(tmp_path: Path) -> None:
    sound = alaw(tmp_path, "staff", voice(tmp_path, 900))
    async with (
        kamailio(tmp_path / "kamailio", make(tmp_path / "tls")) as registrar,
        sipp("answer", tmp_path / "asha", sound) as asha,
    ):
        (tmp_path / "password").write_text(PASSWORD)
        file = tmp_path / "reveille.toml"
        file.write_text(_FILE.format(staff=asha.port, registrar=registrar.port, user=USER,
                                     known=KNOWN))  # fmt: skip
        daemon = Process(file)
        await daemon.start()
        try:
            ready = "action=emergency_number_ready line=emergency"
            await daemon.until(lambda: ready in daemon.log.read_text())
            play = streams(tmp_path, 500)
            async with calling(registrar.port, tmp_path / "known", KNOWN, *play):
                told = await daemon.until(lambda: daemon.read(minutes), within=180)
        finally:
            await daemon.stop()
    assert f"{KNOWN}: joined after 0:" in told and "Asha: joined after 0:" in told
    recorded = read_wav(Path(told.rpartition("recorded in ")[2]))
    assert holds(recorded, 500) and holds(recorded, 900), "both are in the recording"
    row = daemon.read(lambda ledger: ledger.incident(1))
    incident = store.incident_of(row)
    assert (incident.issue, incident.severity.id) == ("ivr-not-working", "P0")
    assert (incident.opened_by, incident.acknowledged_by) == (KNOWN, "Asha")
