"""Several hosts on one ledger: one that is killed and one that freezes neither lose nor double
what is looked at and what is told.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.core.timetable import Every, phase_seconds
from monitor.scheduling.claims import LEASE
from tests.loopback.serving import listening
from tests.ports import free_port
from tests.scenes.daemon_process import Process
from tests.scenes.several_hosts import hosts, on_page, passes, slots_looked_at

pytestmark = pytest.mark.slow  # daemons and a server of their own, and leases that are waited for
GOOD = [f"good-{number}" for number in range(5)]
EVERY = 10.0
_CHECK = """[checks.{name}]
kind = "portal"
url = "http://127.0.0.1:{port}/"
every = "10s"
confirm = 2
confirm_after = "2s"
"""


def grid(check: str) -> Every:
    return Every(EVERY, phase_seconds(check, EVERY))


async def test_a_killed_and_a_frozen_host_neither_lose_nor_double(tmp_path: Path) -> None:
    names = [*GOOD, "broken"]
    checks = "".join(_CHECK.format(name=name, port=9) for name in names)
    async with hosts(tmp_path, checks, "pune", "delhi", "mumbai") as three:
        pune = three.all["pune"]
        await pune.until(lambda: three.told("opened"))
        with three.ledger() as ledger:
            began = ledger.now()
            await passes(ledger, 2 * EVERY)
            await three.all["delhi"].stop(signal.SIGKILL)
            with three.frozen("mumbai"):
                await passes(ledger, LEASE.total_seconds() + EVERY)
            await passes(ledger, EVERY)
            ended = ledger.now()
            for name in names:
                seen = slots_looked_at(ledger, name, grid(name))
                looks = [f"{x.started_at} {x.purpose}" for x in ledger.attempts(name, limit=99)]
                assert max(seen.values()) == 1, f"{name} was looked at twice for one slot: {looks}"
                after = [at for at in sorted(seen) if at >= began]
                gaps = [b - a for a, b in zip(after, [*after[1:], ended], strict=True)]
                assert max(gaps) <= LEASE + timedelta(seconds=EVERY + 10), (name, gaps)
            holders = {row.holder.split(":")[0] for row in ledger.lease_rows(names).values()}
            assert holders <= {"pune", "mumbai"}
            await pune.until(lambda: len(ledger.open_incidents()) == 2)
            silent = ledger.open_incidents()[1]
            assert silent.key == "Testville/host-is-silent @delhi"
            await pune.until(lambda: len(three.told("opened")) == 2)
            await three.start("delhi")
            await pune.until(lambda: len(ledger.open_incidents()) == 1)
            assert [row.number for row in ledger.incidents()] == [2, 1]
            for number in (1, 2):
                assert [row.kind for row in ledger.history(number)].count("opened") == 1
        assert len(three.told("opened")) == len(set(three.told("opened"))) == 2
        assert await pune.stop() < 10


async def test_a_place_alone_is_no_outage_and_two_of_three_are(tmp_path: Path) -> None:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    portal = await asyncio.start_server(served, "127.0.0.1", 0)
    port = portal.sockets[0].getsockname()[1]
    said = _CHECK + 'from = ["pune", "delhi", "mumbai"]\nagree = 2\n'
    async with hosts(tmp_path, said.format(name="portal", port=port), "pune", "mumbai") as three:
        # Its way to the portal leads nowhere.
        await three.start("delhi", said.format(name="portal", port=9))
        pune = three.all["pune"]
        with three.ledger() as ledger:
            (alone,) = await pune.until(ledger.open_incidents)
            assert alone.key == "Testville/place-disagrees @portal@delhi"
            judged = ledger.attempts("portal", limit=99)
            assert {str(look.verdict.state) for look in judged} <= {"OK", "UNKNOWN"}
            portal.close()
            await portal.wait_closed()
            _, both = await pune.until(lambda: len(found := ledger.open_incidents()) == 2 and found)
            reasons = both.body["evidence"]["reasons"]
            assert reasons[1].startswith("seen from") and "of 3 places" in reasons[1]
            slots = slots_looked_at(ledger, "portal", grid("portal"))
            assert max(slots.values()) == 1, "a slot is judged once"
        await pune.until(lambda: len(three.told("opened")) == 2)
        assert len(set(three.told("opened"))) == 2


_SEEN_BY_ONE = """[checks.lan-portal]
kind = "portal"
url = "http://127.0.0.1:{port}/"
every = "1m"
confirm = 1
probes = ["pune"]
[audit]
at = "04:00"
to = ["ops@example.net"]
checks = ["lan-portal"]
"""


async def _broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readuntil(b"\r\n\r\n"):
        page = b"<h1>the queue server is down</h1>"
        writer.write(b"HTTP/1.1 500 Broken\r\nContent-Type: text/html\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(page), page))
        await writer.drain()


async def _said(host: Process, *words: str) -> str:
    """What a verb says on a host."""
    command = (sys.executable, "-P", "-m", "monitor.cli", "--config", str(host.file), *words)
    asked = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await asked.communicate()
    return said.decode()


async def test_what_one_host_saw_is_shown_on_another(tmp_path: Path) -> None:
    """The ticket, the report and the evidence: on a host that has never looked itself."""
    async with (
        listening(_broken) as port,
        hosts(tmp_path, _SEEN_BY_ONE.format(port=port), "pune") as both,
    ):
        pune, of_delhi = both.all["pune"], free_port()
        page = f'[page]\nlisten = "127.0.0.1:{of_delhi}"\n'
        delhi = await both.start("delhi", _SEEN_BY_ONE.format(port=port) + page)
        await pune.until(lambda: both.told("opened"))
        shown = await _said(pune, "tickets", "show", "1")
        on_delhi = await _said(delhi, "tickets", "show", "1")
        assert "lan-portal" in shown and str(delhi.state / "exhibits") in on_delhi
        assert shown == on_delhi.replace(str(delhi.state), str(pune.state))

        def pages(host: Process) -> dict[str, str]:
            found = (host.state / "exhibits").rglob("page.html")
            return {str(page.relative_to(host.state)): page.read_text() for page in found}

        await pune.until(lambda: pages(delhi))
        assert pages(delhi).items() <= pages(pune).items()
        assert all("the queue server is down" in page for page in pages(delhi).values())
        status, document = await on_page(of_delhi, "/tickets/RV-1")
        assert status == 200 and "/tickets/RV-1/evidence/page.html" in document
        evidence = await on_page(of_delhi, "/tickets/RV-1/evidence/page.html")
        assert evidence[0] == 200 and "the queue server is down" in evidence[1]
        with pune.ledger() as ledger:
            day = ledger.now().astimezone(ZoneInfo("Europe/Berlin")).date() - timedelta(days=1)
        sent = await _said(pune, "audit", "--send")
        assert "lan-portal" in sent
        report = await _said(delhi, "audit", "--date", f"{day}")
        assert "lan-portal" in report and report == await _said(pune, "audit", "--date", f"{day}")


_SITES = """[site]
timezone = "Europe/Berlin"
region = "uk"
"""
_EACH = """[sites.{name}]
[[sites.{name}.people]]
role = "operators"
mail = "{name}@example.net"
"""


async def test_two_sites_on_two_hosts_are_told_once_each_when_a_host_is_killed(
    tmp_path: Path,
) -> None:
    checks = _CHECK.format(name="broken", port=9) + _EACH.format(name="Pune")
    checks += _EACH.format(name="Austin")
    async with hosts(tmp_path, checks, "one", "two", site=_SITES) as both:
        one = both.all["one"]
        await one.until(lambda: len(both.told("opened")) == 2)
        await both.all["two"].stop(signal.SIGKILL)
        await one.until(lambda: len(both.told("opened")) == 3)
        with both.ledger() as ledger:
            keys = {row.key for row in ledger.open_incidents()}
        assert keys == {"Pune/unsorted", "Austin/unsorted", "Pune/host-is-silent @two"}
        to = sorted(
            str(mail["To"])
            for mail in both.mailbox.messages()
            if mail["X-Reveille-Event"] == "opened"
        )
        assert [one.partition("@")[0] for one in to] == ["Austin", "Pune", "Pune"]
