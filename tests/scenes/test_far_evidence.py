"""Evidence that is too large for the ledger, on a host that has not looked itself: two daemons, a
real PostgreSQL, and a place that a real rclone reaches.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.loopback.far_places import PLACE, far_place
from tests.loopback.serving import listening
from tests.ports import free_port
from tests.scenes.daemon_process import Process
from tests.scenes.several_hosts import hosts, on_page
from tests.scenes.test_several_hosts import _said

pytestmark = pytest.mark.slow  # daemons and a server of their own
PAGE = b"<h1>the queue server is down</h1>" + b"x" * 60_000
_CHECK = """[checks.lan-portal]
kind = "portal"
url = "http://127.0.0.1:{port}/"
every = "1m"
confirm = 1
probes = ["pune"]
must_contain = ["Welcome"]
"""
_PLACE = f'[evidence]\nrclone = "{PLACE}"\nconfig = "{{config}}"\n'
# The daemon, with a ledger that takes a kilobyte where it takes 4 MB otherwise: only a recording of
# some minutes is as large.
_SMALL = """from monitor.cli import main
from monitor.evidence.sharing import SharedEvidence
SharedEvidence.__init__.__kwdefaults__["most_bytes"] = 1000
raise SystemExit(main())
"""
PROGRAM = ("-c", _SMALL)
ALONE = "0.1 MB, too large for the ledger: only on pune"


async def _large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(PAGE) + PAGE)
        await writer.drain()


def pages(host: Process) -> dict[str, bytes]:
    found = (host.state / "exhibits").rglob("page.html")
    return {str(page.relative_to(host.state)): page.read_bytes() for page in found}


async def test_what_lies_on_one_host_alone_is_said_and_comes_when_there_is_a_place(
    tmp_path: Path,
) -> None:
    async with (
        listening(_large) as port,
        hosts(tmp_path, check := _CHECK.format(port=port)) as both,
    ):
        for name in ("pune", "delhi"):
            await both.start(name, program=PROGRAM)
        pune, delhi = both.all["pune"], both.all["delhi"]
        await pune.until(lambda: both.told("opened"))
        await pune.until(lambda: pune.read(lambda one: one.large_exhibits()))
        shown = await _said(delhi, "tickets", "show", "1")
        assert ALONE in shown and ALONE in await _said(pune, "tickets", "show", "1")
        assert not pages(delhi)
        (tmp_path / "place").mkdir()
        with far_place(tmp_path / "place") as place:
            # Nobody is there at first: that is said once, and made up for.
            place.process.kill()
            place.process.wait()
            said = check + _PLACE.format(config=place.config)
            page = f'[page]\nlisten = "127.0.0.1:{(of_delhi := free_port())}"\n'
            for name, more in (("pune", ""), ("delhi", page)):
                await both.all[name].stop()
                await both.start(name, said + more, program=PROGRAM)
            pune, delhi = both.all["pune"], both.all["delhi"]
            await pune.until(lambda: "action=evidence_waits" in both.log("pune"))
            assert ALONE in await _said(delhi, "tickets", "show", "1")
            assert ALONE in (await on_page(of_delhi, "/tickets/RV-1"))[1]
            with place.again():
                await pune.until(lambda: pages(delhi), within=180.0)
                assert pages(delhi).items() <= pages(pune).items()
                assert PAGE in pages(delhi).values()
                for host in (pune, delhi):
                    shown = await _said(host, "tickets", "show", "1")
                    assert "page.html" in shown and "too large" not in shown
                assert "too large" not in (await on_page(of_delhi, "/tickets/RV-1"))[1]
                served = await on_page(of_delhi, "/tickets/RV-1/evidence/page.html")
                assert served == (200, PAGE.decode())
                await pune.until(lambda: "action=evidence_goes_on" in both.log("pune"))
                assert both.log("pune").count("action=evidence_waits") == 1
                with pune.ledger() as ledger:
                    told = [row.kind for row in ledger.history(None)]
                assert told.count("evidence-waits") == told.count("evidence-goes-on") == 1
