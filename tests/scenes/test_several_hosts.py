"""Several hosts on one ledger: one that is killed and one that freezes neither lose nor double
what is looked at and what is told.
"""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.core.timetable import Every, phase_seconds
from monitor.scheduling.claims import LEASE
from tests.scenes.several_hosts import hosts, passes, slots_looked_at

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
